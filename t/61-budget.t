#!/usr/bin/perl

# Budgets: who is admitted, what a refused caller gets, what is settled.
#
# The upstream's answer is 25 tokens in and 5 out of Haiku 4.5: 0.000055 USD
# where the region is not known.

use strict;
use warnings;

use FindBin;
use Test::Nginx::Socket 'no_plan';

require "$FindBin::Bin/lib/genai.pl";
require "$FindBin::Bin/lib/upstream.pl";
require "$FindBin::Bin/lib/budget.pl";

our ($path, $ask, $post);

run_tests();

__DATA__

=== TEST 1: requests are counted, and the third is refused for good, in AWS's words
--- config
    location /model/ {
        genai bedrock;
        genai_budget 2req/day;
        proxy_pass @UP@;
    }
--- request eval
[$::post, $::post, $::post]
--- more_headers
Content-Type: application/json
--- error_code eval
[200, 200, 402]
--- response_headers eval
["x-amzn-RequestId: req-0001", "x-amzn-RequestId: req-0001",
 "x-amzn-errortype: ServiceQuotaExceededException\nx-should-retry: false\n!Retry-After\nContent-Type: application/json"]
--- response_body_like eval
["Hi there", "Hi there",
 qr/^\{"message":"Budget 'localhost\/model\/' exhausted: 2 requests of 2 requests spent, this call may use 1 request; resets .*","budget":"localhost\/model\/","limit":"2req\/day","spent":"2 requests","reserved":"0 requests","resetAt":"\d{4}-\d\d-\d\dT00:00:00Z"\}$/]



=== TEST 2: a budget that refills within seconds says when
--- config
    location /model/ {
        genai bedrock;
        genai_budget 1req/5s;
        proxy_pass @UP@;
    }
--- request eval
[$::post, $::post]
--- error_code eval
[200, 429]
--- response_headers eval
["x-amzn-RequestId: req-0001",
 "x-amzn-errortype: ThrottlingException\nx-should-retry: true"]
--- raw_response_headers_like eval
["200", qr/retry-after: [1-6]\r\nx-amz-retry-after: [1-6]000\r\nretry-after-ms: [1-6]000/]



=== TEST 3: what was used is what is spent, not what was reserved
--- http_config
    log_format left 'LEFT $genai_budget_status $genai_budget_remaining.';
--- config
    access_log logs/error.log left;
    location /model/ {
        genai bedrock;
        genai_budget 0.001usd/day;
        proxy_pass @UP@;
    }
--- request eval
$::post
--- response_body_like: Hi there
--- error_log
LEFT PASSED 0.000945.



=== TEST 4: a call that could pass the limit is not sent, whatever it would have cost
--- config
    location /model/ {
        genai bedrock;
        genai_budget 60tok/day;
        proxy_pass @UP@;
    }
--- request eval
$::post
--- error_code: 402
--- response_body_like: this call may use \d+ tokens, more than the whole limit of 60 tokens



=== TEST 5: dry run: nobody is refused, and the variable says who would have been
--- config
    location /model/ {
        genai bedrock;
        genai_budget 1req/day;
        genai_budget_dry_run on;
        add_header X-Status $genai_budget_status;
        proxy_pass @UP@;
    }
--- request eval
[$::post, $::post]
--- error_code eval
[200, 200]
--- response_headers eval
["X-Status: PASSED", "X-Status: REJECTED_DRY_RUN"]



=== TEST 6: an error_page takes the refused call to a cheaper place
--- config
    location /model/ {
        genai bedrock;
        genai_budget 1req/day;
        error_page 402 = @cheaper;
        proxy_pass @UP@;
    }
    location @cheaper {
        genai bedrock;
        genai_budget 2req/day;
        add_header X-Cheaper yes;
        add_header X-Status $genai_budget_status;
        proxy_pass @UP@;
    }
--- request eval
[$::post, $::post, $::post, $::post]
--- error_code eval
[200, 200, 200, 402]
--- response_headers eval
["!X-Cheaper", "X-Cheaper: yes\nX-Status: PASSED",
 "X-Cheaper: yes\nX-Status: PASSED", "!X-Cheaper"]
--- response_body_like eval
["Hi", "Hi", "Hi", "exhausted"]



=== TEST 7: the cheaper place may ask another model, and the call is that one's
--- http_config
    log_format model 'MODEL $genai_model $genai_cost $genai_budget_status.';
--- config
    access_log logs/error.log model;
    location /model/ {
        genai bedrock;
        genai_budget 60tok/day;
        error_page 402 = @cheaper;
        proxy_pass @UP@;
    }
    location @cheaper {
        genai bedrock;
        rewrite ^/model/[^/]+/(converse|converse-stream)$ /model/us.amazon.nova-lite-v1:0/$1 break;
        proxy_pass @UP@;
    }
--- request eval
$::post
--- response_body_like: Hi there
--- error_log
MODEL us.amazon.nova-lite-v1:0 0.0000027 .



=== TEST 8: a call without a key is refused, unless it may pass or share
--- http_config
    genai_budget_zone $http_x_tenant zone=deny:1m limit=10req/day;
    genai_budget_zone $http_x_tenant zone=allow:1m limit=1req/day on_empty=allow;
    genai_budget_zone $http_x_tenant zone=share:1m limit=1req/day on_empty=shared;
--- config
    location /deny/model/ { genai bedrock; genai_budget zone=deny; rewrite ^/deny(.*)$ $1 break; proxy_pass @UP@; }
    location /allow/model/ { genai bedrock; genai_budget zone=allow; rewrite ^/allow(.*)$ $1 break; proxy_pass @UP@; }
    location /share/model/ { genai bedrock; genai_budget zone=share; rewrite ^/share(.*)$ $1 break; proxy_pass @UP@; }
--- request eval
["POST /deny$::path\n$::ask",
 "POST /allow$::path\n$::ask", "POST /allow$::path\n$::ask",
 "POST /share$::path\n$::ask", "POST /share$::path\n$::ask"]
--- error_code eval
[402, 200, 200, 200, 402]
--- response_body_like eval
["the call has no key", "Hi", "Hi", "Hi", "exhausted"]



=== TEST 9: each key has its own budget
--- http_config
    genai_budget_zone $http_x_tenant zone=tenant:1m limit=1req/day;
--- config
    location /model/ { genai bedrock; genai_budget zone=tenant; proxy_pass @UP@; }
--- request eval
[$::post, $::post, $::post]
--- more_headers eval
["X-Tenant: a", "X-Tenant: b", "X-Tenant: a"]
--- error_code eval
[200, 200, 402]



=== TEST 10: several budgets: all must admit, and of the others nothing is kept
--- http_config
    genai_budget_zone $http_x_tenant zone=tenant:1m limit=1req/day;
    genai_budget_zone all zone=all:1m limit=2req/day;
--- config
    location /model/ {
        genai bedrock;
        genai_budget zone=all;
        genai_budget zone=tenant;
        proxy_pass @UP@;
    }
--- request eval
[$::post, $::post, $::post, $::post]
--- more_headers eval
["X-Tenant: a", "X-Tenant: a", "X-Tenant: b", "X-Tenant: c"]
--- error_code eval
[200, 402, 200, 402]
--- response_body_like eval
["Hi", "Budget 'tenant' exhausted", "Hi", "Budget 'all' exhausted"]



=== TEST 11: a class may fill its share only
--- http_config
    genai_budget_zone all zone=all:1m limit=4req/day;
--- config
    location /batch/model/ {
        genai bedrock;
        genai_budget zone=all class=batch:50%;
        rewrite ^/batch(.*)$ $1 break;
        proxy_pass @UP@;
    }
    location /model/ { genai bedrock; genai_budget zone=all; proxy_pass @UP@; }
--- request eval
["POST /batch$::path\n$::ask", "POST /batch$::path\n$::ask",
 "POST /batch$::path\n$::ask", $::post, $::post, $::post]
--- error_code eval
[200, 200, 402, 200, 200, 402]



=== TEST 12: a limit from a variable; empty is none, nonsense refuses
--- http_config
    map $http_x_tenant $limit_of {
        small 1req/day;
        odd   1fish/day;
        free  "";
        default 5req/day;
    }
    genai_budget_zone $http_x_tenant zone=tenant:1m limit=$limit_of;
--- config
    location /model/ { genai bedrock; genai_budget zone=tenant; proxy_pass @UP@; }
--- request eval
[$::post, $::post, $::post, $::post]
--- more_headers eval
["X-Tenant: small", "X-Tenant: small", "X-Tenant: odd", "X-Tenant: free"]
--- error_code eval
[200, 402, 402, 200]
--- response_body_like eval
["Hi", "exhausted", "its limit is no limit", "Hi"]



=== TEST 13: a model without a price is refused by a budget in USD, unless said otherwise
--- config
    location /model/ { genai bedrock; genai_budget 1usd/day; proxy_pass @UP@; }
    location /allow/model/ {
        genai bedrock;
        genai_budget 1usd/day unpriced=allow;
        rewrite ^/allow(.*)$ $1 break;
        proxy_pass @UP@;
    }
--- request eval
["POST /model/acme.unknown-v1%3A0/converse\n$::ask",
 "POST /allow/model/acme.unknown-v1%3A0/converse\n$::ask"]
--- error_code eval
[402, 200]
--- response_body_like eval
["its model has no price", "Hi"]



=== TEST 14: the status may be chosen
--- config
    location /model/ {
        genai bedrock;
        genai_budget 1req/day;
        genai_budget_status 403;
        proxy_pass @UP@;
    }
--- request eval
[$::post, $::post]
--- error_code eval
[200, 403]



=== TEST 15: RateLimit headers for those who are admitted
--- config
    location /model/ {
        genai bedrock;
        genai_budget 5req/day headers=on;
        proxy_pass @UP@;
    }
--- request eval
[$::post, $::post]
--- response_headers eval
[qq{ratelimit-policy: "localhost/model/";q=5;w=86400},
 qq{ratelimit-policy: "localhost/model/";q=5;w=86400}]
--- raw_response_headers_like eval
[qr/ratelimit: "localhost\/model\/";r=4;t=\d+/, qr/ratelimit: "localhost\/model\/";r=3;t=\d+/]



=== TEST 16: an error of the upstream costs a request and nothing else
--- config
    location /model/ {
        genai bedrock;
        genai_budget 120tok/day 3req/day;
        set $to $request_uri;
        if ($http_x_fail) { set $to /model/throttled/x; }
        proxy_pass @UP@$to;
    }
--- request eval
[$::post, $::post, $::post, $::post]
--- more_headers eval
["X-Fail: 1", "X-Fail: 1", "", ""]
--- error_code eval
[429, 429, 200, 402]
--- response_body_like eval
["Too many", "Too many", "Hi", "3 requests spent|30 tokens of"]



=== TEST 17: what could not be read of an answer is settled at what was reserved
25 tokens in were read, and 10 out are taken; without them 101 more would fit
--- config
    location /model/ {
        genai bedrock;
        genai_budget 130tok/day;
        set $to $request_uri;
        if ($http_x_fail) { set $to /model/broken/x; }
        proxy_pass @UP@$to;
    }
--- request eval
[$::post, $::post]
--- more_headers eval
["X-Fail: 1", ""]
--- error_code eval
[200, 402]



=== TEST 18: GET of a path that is no operation costs nothing, POST might
--- config
    location / {
        genai bedrock;
        genai_budget 1usd/day;
        proxy_pass @UP@;
    }
--- request eval
["GET /unknown", "POST /unknown\nx"]
--- error_code eval
[404, 402]



=== TEST 19: the log says which budget, key and limit refused, and how far it was spent
--- http_config
    genai_budget_zone $http_x_tenant zone=tenant:1m limit=60tok/day;
--- config
    location /model/ {
        genai bedrock;
        genai_budget zone=tenant class=batch:100%;
        genai_budget_log_level warn;
        proxy_pass @UP@;
    }
--- request eval
$::post
--- more_headers
X-Tenant: a"b
--- error_code: 402
--- error_log eval
qr/\[warn\] .*budget "tenant" refuses a call, key "a\?b", class batch: limit 60tok\/day: 0 tokens spent, 0 tokens reserved, 101 tokens wanted; 0 more since the last line/



=== TEST 20: a dry run's log says so
--- config
    location /model/ {
        genai bedrock;
        genai_budget 60tok/day;
        genai_budget_dry_run on;
        proxy_pass @UP@;
    }
--- request eval
$::post
--- error_log
budget "localhost/model/" would refuse (dry run) a call



=== TEST 21: warn= tells when a share of a limit is spent
--- config
    location /model/ {
        genai bedrock;
        genai_budget 2req/day warn=40%;
        proxy_pass @UP@;
    }
--- request eval
$::post
--- error_log
budget "localhost/model/", key "": 40% of limit 2req/day is spent, 1 request
