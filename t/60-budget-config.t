#!/usr/bin/perl

# Budgets: what the configuration may say, and what nginx -t answers.

use strict;
use warnings;

use FindBin;
use Test::Nginx::Socket 'no_plan';

require "$FindBin::Bin/lib/genai.pl";

run_tests();

__DATA__

=== TEST 1: one line is a budget of its own
--- config
    location / {
        genai bedrock;
        genai_budget 50usd/day;
        proxy_pass http://127.0.0.1:1;
    }

    location /other/ {
        genai bedrock;
        genai_budget 5usd/hour 2Mtok/1h 10req/10s timezone=+05:30 warn=80% unpriced=allow estimate=learned;
        proxy_pass http://127.0.0.1:1;
    }

    location = /ok { return 200 "ok"; }
--- request
GET /ok
--- response_body chomp
ok



=== TEST 2: zones, classes, limits from variables, several in a location
--- http_config
    genai_budget_zone $http_x_tenant zone=tenant:1m limit=100usd/day limit=2Mtok/1h
                      timezone=local on_empty=shared on_full=allow unpriced=deny;
    genai_budget_zone $server_name zone=all:256k limit=$http_x_limit;
--- config
    location / {
        genai bedrock;
        genai_budget zone=tenant warn=80% class=batch:50% stream=stop headers=on;
        genai_budget zone=all;
        genai_budget_dry_run on;
        genai_budget_status 429;
        genai_budget_log_level warn;
        proxy_pass http://127.0.0.1:1;
    }

    location /none/ {
        genai bedrock;
        genai_budget off;
        proxy_pass http://127.0.0.1:1;
    }

    location = /ok { return 200 "ok"; }
--- request
GET /ok
--- response_body chomp
ok



=== TEST 3: an unknown zone is named, with its line and the mend
--- config
    location / {
        genai bedrock;
        genai_budget zone=tenant;
        proxy_pass http://127.0.0.1:1;
    }
--- must_die
--- error_log
unknown budget zone "tenant" in
declare it at http level: "genai_budget_zone $http_x_tenant zone=tenant:10m limit=100usd/day"



=== TEST 4: a zone without a limit
--- http_config
    genai_budget_zone $http_x_tenant zone=tenant:1m;
--- config
    location / {
        genai bedrock;
        genai_budget zone=tenant;
        proxy_pass http://127.0.0.1:1;
    }
--- must_die
--- error_log
has no limit, e.g. "limit=100usd/day"



=== TEST 5: a limit that is none
--- config
    location / {
        genai bedrock;
        genai_budget 50eur/day;
        proxy_pass http://127.0.0.1:1;
    }
--- must_die
--- error_log
50eur/day



=== TEST 6: two limits of one unit and window
--- config
    location / {
        genai bedrock;
        genai_budget 50usd/day 60usd/day;
        proxy_pass http://127.0.0.1:1;
    }
--- must_die
--- error_log
only the smaller would count



=== TEST 7: a zone used twice in a location
--- http_config
    genai_budget_zone $http_x_tenant zone=tenant:1m limit=1usd/day;
--- config
    location / {
        genai bedrock;
        genai_budget zone=tenant;
        genai_budget zone=tenant class=batch:50%;
        proxy_pass http://127.0.0.1:1;
    }
--- must_die
--- error_log
a call would pay twice



=== TEST 8: off beside budgets
--- config
    location / {
        genai bedrock;
        genai_budget 1usd/day;
        genai_budget off;
        proxy_pass http://127.0.0.1:1;
    }
--- must_die
--- error_log
"off" beside budgets at this level



=== TEST 9: USD without prices
--- http_config
    genai_prices /nonexistent/prices.json;
--- config
    location / {
        genai bedrock;
        genai_budget 1usd/day;
        proxy_pass http://127.0.0.1:1;
    }
--- must_die
--- error_log
cannot read the price table



=== TEST 10: a budget where there is no genai is said to have no effect
--- config
    location / {
        genai_budget 1usd/day;
        proxy_pass http://127.0.0.1:1;
    }

    location /model/ {
        genai bedrock;
        proxy_pass http://127.0.0.1:1;
    }

    location = /ok { return 200 "ok"; }
--- request
GET /ok
--- response_body chomp
ok
--- error_log
has no effect: there is no "genai" in location "/"



=== TEST 11: parameters of a zone at a use of it
--- http_config
    genai_budget_zone $http_x_tenant zone=tenant:1m limit=1usd/day;
--- config
    location / {
        genai bedrock;
        genai_budget zone=tenant on_full=allow;
        proxy_pass http://127.0.0.1:1;
    }
--- must_die
--- error_log
what else concerns a zone stands at its "genai_budget_zone"



=== TEST 12: a zone that is too small
--- http_config
    genai_budget_zone $http_x_tenant zone=tenant:8k limit=1usd/day;
--- config
    location / { genai bedrock; proxy_pass http://127.0.0.1:1; }
--- must_die
--- error_log
invalid zone "zone=tenant:8k", it must be "zone=name:size" of 32k to 4g



=== TEST 13: a zone declared twice
--- http_config
    genai_budget_zone $http_x_tenant zone=tenant:1m limit=1usd/day;
    genai_budget_zone $http_x_tenant zone=tenant:1m limit=1usd/day;
--- config
    location / { genai bedrock; proxy_pass http://127.0.0.1:1; }
--- must_die
--- error_log
budget zone "tenant" is declared twice



=== TEST 14: two zones with one state file
--- http_config
    genai_budget_zone $http_x_tenant zone=a:1m limit=1usd/day state=a.state;
    genai_budget_zone $http_x_tenant zone=b:1m limit=1usd/day state=a.state;
--- config
    location / { genai bedrock; proxy_pass http://127.0.0.1:1; }
--- must_die
--- error_log
budgets "a" and "b" have the same state file



=== TEST 15: a status that no refusal can have
--- config
    location / {
        genai bedrock;
        genai_budget 1usd/day;
        genai_budget_status 200;
        proxy_pass http://127.0.0.1:1;
    }
--- must_die
--- error_log
invalid status "200", it must be "auto" or 400 to 599



=== TEST 16: an unused zone, and learned estimates, are told
--- http_config
    genai_budget_zone $http_x_tenant zone=tenant:1m limit=1usd/day estimate=learned;
--- config
    location / { genai bedrock; proxy_pass http://127.0.0.1:1; }
    location = /ok { return 200 "ok"; }
--- request
GET /ok
--- response_body chomp
ok
--- error_log
budget zone "tenant" in
is used nowhere
what they spend may pass the limit
