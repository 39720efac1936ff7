#!/usr/bin/perl

# Budgets in /metrics, after calls whose use is known: 25 tokens in and 5 out
# of Haiku 4.5, 0.000055 USD.

use strict;
use warnings;

use FindBin;
use Test::Nginx::Socket 'no_plan';

require "$FindBin::Bin/lib/genai.pl";
require "$FindBin::Bin/lib/upstream.pl";
require "$FindBin::Bin/lib/budget.pl";

our ($path, $ask, $post);

our $metrics = "GET /genai/metrics";

# each of these lines is there, of each pattern with a "!" there is none
our $has = sub {
    my $re = '';
    for (@_) {
        $re .= /^!(.*)/s ? "(?!.*^$1)" : "(?=.*^$_\$)";
    }
    return qr/\A$re/ms;
};

sub budget {
    my ($name, $labels, $value) = @_;
    return "genai_budget_$name\\{$labels\\} $value";
}

our $loc = 'zone="localhost/model/"';

run_tests();

__DATA__

=== TEST 1: a limit is there before anything is spent
--- config
    location /model/ {
        genai bedrock;
        genai_budget 0.5usd/day 2Mtok/1h 10req/90s;
        proxy_pass @UP@;
    }
    location /genai/ { genai_status; }
--- request eval
$::metrics
--- response_body_like eval
$::has->((map { main::budget($_->[0], qq{$::loc,unit="usd",window="day"}, $_->[1]) }
          ['limit', '0\.5'], ['spent', '0\.0'], ['reserved', '0\.0'],
          ['remaining', '0\.5'], ['burn_rate', '0\.0']),
         (map { main::budget($_->[0], qq{$::loc,unit="tok",window="1h"}, $_->[1]) }
          ['limit', '2000000'], ['spent', '0'], ['remaining', '2000000']),
         main::budget('limit', qq{$::loc,unit="req",window="90s"}, '10'),
         main::budget('admissions_total', qq{$::loc,status="passed"}, '0'),
         main::budget('open', $::loc, '0'),
         '!genai_budget_exhaustion', '!genai_budget_keys',
         '!genai_budget_snapshot')



=== TEST 2: USD, tokens and requests after two calls
--- config
    location /model/ {
        genai bedrock;
        genai_budget 0.001usd/day 2Mtok/1h 500itok/day 10req/90s;
        proxy_pass @UP@;
    }
    location /genai/ { genai_status; }
--- request eval
[$::post, $::post, $::metrics]
--- error_code eval
[200, 200, 200]
--- response_body_like eval
["Hi", "Hi",
 $::has->((map { main::budget($_->[0], qq{$::loc,unit="usd",window="day"}, $_->[1]) }
           ['limit', '0\.001'], ['spent', '0\.00011'], ['reserved', '0\.0'],
           ['remaining', '0\.00089'], ['burn_rate', '[1-9]\S*e-0\d']),
          (map { main::budget($_->[0], qq{$::loc,unit="tok",window="1h"}, $_->[1]) }
           ['limit', '2000000'], ['spent', '60'], ['reserved', '0'],
           ['remaining', '1999940']),
          main::budget('spent', qq{$::loc,unit="itok",window="day"}, '50'),
          main::budget('remaining', qq{$::loc,unit="itok",window="day"}, '450'),
          main::budget('spent', qq{$::loc,unit="req",window="90s"}, '2'),
          main::budget('admissions_total', qq{$::loc,status="passed"}, '2'),
          main::budget('admissions_total', qq{$::loc,status="rejected"}, '0'),
          main::budget('open', $::loc, '0'))]



=== TEST 3: a budget that will not last has a time of its end, one that will has none
--- http_config
    genai_budget_zone short zone=short:1m limit=0.001usd/1h;
    genai_budget_zone long zone=long:1m limit=10usd/1h;
--- config
    location /model/ {
        genai bedrock;
        genai_budget zone=short;
        genai_budget zone=long;
        proxy_pass @UP@;
    }
    location /genai/ { genai_status; }
--- request eval
[$::post, $::metrics]
--- response_body_like eval
["Hi",
 $::has->(main::budget('exhaustion_timestamp_seconds',
                       'zone="short",unit="usd",window="1h"', '\d{10}'),
          '!genai_budget_exhaustion_timestamp_seconds\{zone="long"')]



=== TEST 4: of many keys the one with the least share left is shown
--- http_config
    map $http_x_tenant $limit_of {
        big      100req/day;
        default  4req/day;
    }
    genai_budget_zone $http_x_tenant zone=tenant:1m limit=$limit_of limit=100ktok/day;
--- config
    location /model/ { genai bedrock; genai_budget zone=tenant; proxy_pass @UP@; }
    location /genai/ { genai_status; }
--- request eval
[($::post) x 5, $::metrics]
--- more_headers eval
["X-Tenant: big", "X-Tenant: big", "X-Tenant: big", "X-Tenant: a", "X-Tenant: a", ""]
--- response_body_like eval
[("Hi") x 5,
 $::has->((map { main::budget($_->[0], 'zone="tenant",unit="req",window="day"', $_->[1]) }
           ['limit', '4'], ['spent', '2'], ['remaining', '2']),
          main::budget('spent', 'zone="tenant",unit="tok",window="day"', '90'),
          main::budget('keys', 'zone="tenant"', '2'),
          main::budget('keys_limit', 'zone="tenant"', '\d+'),
          '!.*big')]



=== TEST 5: limits from variables: for each unit and window one series, eight at most
--- http_config
    genai_budget_zone $http_x_tenant zone=tenant:1m limit=$http_x_limit;
--- config
    location /model/ { genai bedrock; genai_budget zone=tenant; proxy_pass @UP@; }
    location /genai/ { genai_status; }
--- request eval
[($::post) x 11, $::metrics]
--- more_headers eval
[(map { "X-Tenant: t$_\nX-Limit: ${_}00req/${_}h" } 1 .. 10),
 "X-Tenant: t11\nX-Limit: 1req/10h", ""]
--- response_body_like eval
[("Hi") x 11,
 $::has->(main::budget('limit', 'zone="tenant",unit="req",window="10h"', '1'),
          main::budget('limit', 'zone="tenant",unit="req",window="1h"', '100'),
          main::budget('limit', 'zone="tenant",unit="req",window="7h"', '700'),
          '!.*window="[89]h"')]



=== TEST 6: refused, in earnest and in a dry run, is counted as such alone
--- config
    location /model/ { genai bedrock; genai_budget 1req/day; proxy_pass @UP@; }
    location /dry/model/ {
        genai bedrock;
        genai_budget 1req/day;
        genai_budget_dry_run on;
        rewrite ^/dry(.*)$ $1 break;
        proxy_pass @UP@;
    }
    location /genai/ { genai_status; }
--- request eval
[$::post, $::post, $::post, ("POST /dry$::path\n$::ask") x 3, $::metrics]
--- error_code eval
[200, 402, 402, 200, 200, 200, 200]
--- response_body_like eval
["Hi", "exhausted", "exhausted", "Hi", "Hi", "Hi",
 $::has->((map { main::budget('admissions_total', qq{$::loc,status="$_->[0]"}, $_->[1]) }
           ['passed', 1], ['rejected', 2], ['rejected_dry_run', 0]),
          (map { main::budget('admissions_total', qq{zone="localhost/dry/model/",status="$_->[0]"}, $_->[1]) }
           ['passed', 1], ['rejected', 0], ['rejected_dry_run', 2]),
          main::budget('remaining', qq{$::loc,unit="req",window="day"}, 0),
          main::budget('remaining', 'zone="localhost/dry/model/",unit="req",window="day"', 0),
          main::budget('spent', 'zone="localhost/dry/model/",unit="req",window="day"', 3))]



=== TEST 7: what was not counted, not read, warned of, and over the limit
--- http_config
    genai_budget_zone $http_x_tenant zone=empty:1m limit=1req/day on_empty=allow;
--- config
    location /empty/model/ {
        genai bedrock;
        genai_budget zone=empty;
        rewrite ^/empty(.*)$ $1 break;
        proxy_pass @UP@;
    }
    location /broken/model/ {
        genai bedrock;
        genai_budget 150tok/day warn=10%;
        proxy_pass @UP@/model/broken/;
    }
    location /dry/model/ {
        genai bedrock;
        genai_budget 29tok/day;
        genai_budget_dry_run on;
        rewrite ^/dry(.*)$ $1 break;
        proxy_pass @UP@;
    }
    location /genai/ { genai_status; }
--- request eval
[(map { "POST /$_$::path\n$::ask" } qw(empty empty broken dry)), $::metrics]
--- error_code eval
[200, 200, 200, 200, 200]
--- response_body_like eval
["Hi", "Hi", "inputTokens", "Hi",
 $::has->(main::budget('uncounted_total', 'zone="empty"', 2),
          main::budget('keys', 'zone="empty"', 0),
          main::budget('unreadable_total', 'zone="localhost/broken/model/"', 1),
          main::budget('warnings_total', 'zone="localhost/broken/model/"', 1),
          main::budget('overruns_total', 'zone="localhost/broken/model/"', 0),
          main::budget('overruns_total', 'zone="localhost/dry/model/"', 1),
          main::budget('stopped_total', 'zone="empty"', 0),
          main::budget('raises_total', 'zone="empty"', 0),
          main::budget('swept_total', 'zone="empty",end="settled"', 0),
          main::budget('swept_total', 'zone="empty",end="released"', 0),
          main::budget('full_total', 'zone="empty"', 0))]



=== TEST 8: a name that is no UTF-8 does not spoil the exposition
--- http_config eval
"genai_budget_zone all zone=a\xff:1m limit=1req/day;"
--- config eval
"location /model/ { genai bedrock; genai_budget zone=a\xff; proxy_pass \@UP\@; }
 location /genai/ { genai_status; }"
--- request eval
$::metrics
--- response_body_like eval
qr/genai_budget_open\{zone="a\xef\xbf\xbd"\} 0/
