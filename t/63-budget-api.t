#!/usr/bin/perl

# genai_budget_api: what it lists, what it raises, and what it refuses to.
#
# JSON is read by a parser, not compared as text.

use strict;
use warnings;

use FindBin;
use JSON::PP;
use Test::Nginx::Socket 'no_plan';

require "$FindBin::Bin/lib/genai.pl";
require "$FindBin::Bin/lib/upstream.pl";
require "$FindBin::Bin/lib/budget.pl";

our ($path, $ask, $post);

# a request to raise, as text: members that are changed, undef removes
our $raise = sub {
    my %q = (zone => 'tenant', key => 'a', add => '10req', until => '2h',
             reason => 'launch day', @_);
    delete $q{$_} for grep { !defined $q{$_} } keys %q;
    return "POST /budgets\n" . JSON::PP->new->canonical->encode(\%q);
};

our $http = <<'_EOC_';
    genai_budget_zone $http_x_tenant zone=tenant:1m limit=1req/day
                      limit=1Mtok/1h limit=100usd/month;
    genai_budget_zone everybody zone=one:1m limit=5req/day;
    genai_budget_zone $http_x_tenant zone=dynamic:1m limit=$http_x_limit;
    genai_budget_zone $http_x_tenant zone=shared:1m limit=1req/day on_empty=shared;
_EOC_

our $config = <<'_EOC_';
    location /model/ {
        genai bedrock;
        genai_budget zone=tenant;
        proxy_pass @UP@;
    }
    location /one/model/ {
        genai bedrock; genai_budget zone=one; genai_budget zone=shared;
        rewrite ^/one(.*)$ $1 break; proxy_pass @UP@;
    }
    location /dynamic/model/ {
        genai bedrock; genai_budget zone=dynamic;
        rewrite ^/dynamic(.*)$ $1 break; proxy_pass @UP@;
    }
    location /budgets { genai_budget_api; }
_EOC_

# --- json: code that says what must be true of each answer, read as JSON

add_response_body_check(sub {
    my ($block, $body, $i) = @_;
    my $checks = $block->json // return;
    my $check = (ref $checks eq 'ARRAY') ? $checks->[$i] : $checks;
    return if !$check;
    my $doc = eval { JSON::PP->new->utf8->decode($body) };
    ok(defined $doc, $block->name . " - $i: the body is JSON") or diag($body);
    ok(eval { $check->($doc) }, $block->name . " - $i: and says what it must")
        or diag($body);
});

# one zone and one key of an answer
sub zone { my ($doc, $name) = @_; (grep { $_->{zone} eq $name } @{$doc->{zones}})[0] }
sub key { my ($z, $name) = @_; (grep { $_->{key} eq $name } @{$z->{keys}})[0] }

our $refuses = sub {
    my $like = shift;
    return sub { my $d = shift; keys %$d == 1 && $d->{error} =~ /$like/ };
};

run_tests();

__DATA__

=== TEST 1: before any call every zone is listed, as configured, with no keys
--- http_config eval: $::http
--- config eval: $::config
--- request
GET /budgets
--- response_headers
Content-Type: application/json
Cache-Control: no-store
--- json eval
sub {
    my $d = shift;
    my $z = main::zone($d, 'tenant');
    $d->{time} =~ /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/
    && join(' ', map { $_->{zone} } @{$d->{zones}}) eq 'tenant one dynamic shared'
    && $z->{key} eq '$http_x_tenant' && $z->{estimate} eq 'bound'
    && $z->{on_empty} eq 'deny' && $z->{on_full} eq 'deny'
    && main::zone($d, 'shared')->{on_empty} eq 'shared'
    && $z->{keys_used} == 0 && $z->{keys_room} > 100
    && $z->{reservations} == 0 && !defined $z->{snapshot}
    && !grep({ $_ } values %{$z->{counters}}) && @{$z->{keys}} == 0;
}



=== TEST 2: after calls: what was spent, of which limit, until when, and who was refused
--- http_config eval: $::http
--- config eval: $::config
--- request eval
[$::post, $::post, "GET /budgets?zone=tenant"]
--- more_headers
X-Tenant: a
--- error_code eval
[200, 402, 200]
--- json eval
[undef, undef, sub {
    my $z = shift->{zones}[0];
    my ($k) = @{$z->{keys}};
    my ($req, $tok, $usd) = @{$k->{limits}};
    $z->{zone} eq 'tenant' && @{$z->{keys}} == 1 && $z->{keys_left_out} == 0
    && $z->{counters}{admitted} == 1 && $z->{counters}{refused} == 1
    && $k->{key} eq 'a' && $k->{reservations} == 0
    && $req->{limit} eq '1req/day' && $req->{spent} == 1 && $req->{remaining} == 0
    && $req->{reset} =~ /T00:00:00Z$/ && defined $req->{exhausted}
    && $tok->{window} eq '1h' && $tok->{unit} eq 'tok' && $tok->{spent} == 30
    && $tok->{remaining} == 999970
    && $usd->{amount} eq '100' && $usd->{spent} eq '0.000055'
    && $usd->{remaining} eq '99.999945' && $usd->{reserved} eq '0'
    && $usd->{raised} eq '0' && !defined $usd->{raised_until}
    && $usd->{per_hour} > 0;
}]



=== TEST 3: USD are exact decimal strings, counts are integers
--- http_config eval: $::http
--- config eval: $::config
--- pipelined_requests eval
[$::post, "GET /budgets?key=a"]
--- more_headers
X-Tenant: a
--- error_code eval
[200, 200]
--- response_body_like eval
["Hi", '"spent":1,.*"spent":30,.*"amount":"100","spent":"0.000055"']



=== TEST 4: a raise admits a call at once that was refused before
--- http_config eval: $::http
--- config eval: $::config
--- request eval
[$::post, $::post, $::raise->(add => '1req'), $::post, $::post]
--- more_headers
X-Tenant: a
Content-Type: application/json
--- error_code eval
[200, 402, 200, 200, 402]
--- json eval
[undef, undef, sub {
    my $d = shift;
    my ($l) = @{$d->{zones}[0]{keys}[0]{limits}};
    @{$d->{zones}} == 1 && $d->{zones}[0]{counters}{raised} == 1
    && !exists $d->{note}
    && $l->{raised} == 1 && $l->{amount} == 1 && $l->{remaining} == 1
    && $l->{raised_until} =~ /^\d{4}-.*Z$/;
}, undef, undef]



=== TEST 5: adding nothing ends a raise, and needs no time
--- http_config eval: $::http
--- config eval: $::config
--- request eval
[$::post, $::raise->(), $::post, $::raise->(add => '0req', until => undef), $::post]
--- more_headers
X-Tenant: a
Content-Type: application/json; charset=utf-8
--- error_code eval
[200, 200, 200, 200, 402]
--- json eval
[undef, undef, undef, sub {
    my ($l) = @{shift->{zones}[0]{keys}[0]{limits}};
    $l->{raised} == 0 && !defined $l->{raised_until} && $l->{remaining} == 0;
}, undef]



=== TEST 6: what was refused is not in the log as a raise
--- http_config eval: $::http
--- config eval: $::config
--- log_level: error
--- request eval
$::raise->(add => '20usd', until => '2099-01-01T00:00:00Z')
--- more_headers
Content-Type: application/json
--- error_code: 400
--- no_error_log
raised by



=== TEST 7: a raise is in the log at the default level, on one line whatever the reason holds
--- http_config eval: $::http
--- config eval: $::config
--- log_level: error
--- request eval
$::raise->(key => "ac\"me\n", add => '12.5usd', reason => "launch\n2026 [alert] \"x\" \x1b[31m" . 'y' x 300)
--- more_headers
Content-Type: application/json
Authorization: Basic b25jYWxsOng=
--- error_log eval
qr/\[error\] .*budget "tenant", key "ac\\"me\\n": raised by 12\.50 USD until \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ, user "oncall", reason "launch\\n2026 \[alert\] \\"x\\" \?\[31my{100,175}", client: 127\.0\.0\.1/
--- no_error_log
[crit]



=== TEST 8: a key that no call had: it is raised, and the answer asks whether it is right
--- http_config eval: $::http
--- config eval: $::config
--- request eval
[$::raise->(), $::post, $::post]
--- more_headers
X-Tenant: a
Content-Type: application/json
--- error_code eval
[200, 200, 200]
--- json eval
[sub { my $d = shift; $d->{note} =~ /spelt/ && $d->{zones}[0]{keys}[0]{key} eq 'a' }, undef, undef]



=== TEST 9: a zone of one key needs none; with on_empty=shared the empty one is one
--- http_config eval: $::http
--- config eval: $::config
--- request eval
[$::raise->(zone => 'one', key => undef), $::raise->(zone => 'one', key => 'everybody'),
 $::raise->(zone => 'one', key => 'nobody'), $::raise->(zone => 'shared', key => ''),
 $::raise->(zone => 'shared', key => undef), $::raise->(key => '')]
--- more_headers
Content-Type: application/json
--- error_code eval
[200, 200, 400, 200, 400, 400]
--- json eval
[sub { my $d = shift; $d->{zones}[0]{keys}[0]{key} eq 'everybody' && !exists $d->{note} }, sub { 1 },
 $::refuses->('one key only, leave "key" out'), sub { shift->{zones}[0]{keys}[0]{key} eq '' },
 $::refuses->('"key" is missing or empty'), $::refuses->('"key" is missing or empty')]



=== TEST 10: limits from a variable: those of the key's last call are raised, an unknown key has none
--- http_config eval: $::http
--- config eval: $::config
--- request eval
[$::raise->(zone => 'dynamic'), "POST /dynamic$::path\n$::ask", "POST /dynamic$::path\n$::ask",
 $::raise->(zone => 'dynamic'), "POST /dynamic$::path\n$::ask", $::raise->(zone => 'dynamic', add => '1usd')]
--- more_headers
X-Tenant: a
X-Limit: 1req/day
Content-Type: application/json
--- error_code eval
[404, 200, 402, 200, 200, 400]
--- json eval
[$::refuses->('no call has had this key, and the limits of zone "dynamic" come from a variable'),
 undef, undef, sub { shift->{zones}[0]{keys}[0]{limits}[0]{raised} == 10 }, undef,
 $::refuses->('no limit of this budget is in usd, its limits are 1req/day')]



=== TEST 11: what cannot be raised, and the mend
--- http_config eval: $::http
--- config eval: $::config
--- request eval
[$::raise->(zone => 'nix'), $::raise->(zone => undef), $::raise->(add => undef),
 $::raise->(add => '10fish'), $::raise->(add => '5otok'), $::raise->(add => '100req'),
 $::raise->(add => '10000000000Gusd'), $::raise->(add => '-5req'),
 $::raise->(reason => undef), $::raise->(reason => '  ')]
--- more_headers
Content-Type: application/json
--- error_code eval
[404, 400, 400, 400, 400, 400, 400, 400, 400, 400]
--- json eval
[$::refuses->('no budget zone "nix", GET lists all'), $::refuses->('"zone" is missing'),
 $::refuses->('"add" is missing, write e.g. "20usd"'), $::refuses->('unknown unit "fish", use usd'),
 $::refuses->('no limit of this budget is in otok, its limits are 1req/day, 1000000tok/1h, 100usd/month'),
 $::refuses->('100 times the limit or more .*write less'), $::refuses->('too much, the most is'),
 $::refuses->('does not start with a number'),
 $::refuses->('"reason" is missing or empty'), $::refuses->('"reason" is missing or empty')]



=== TEST 12: until must be ahead, within 31 days, and a time
--- http_config eval: $::http
--- config eval: $::config
--- request eval
[$::raise->(until => undef), $::raise->(until => 'tomorrow'), $::raise->(until => '0s'),
 $::raise->(until => '2020-01-01T00:00:00Z'), $::raise->(until => '32d'),
 $::raise->(until => '2099-01-01T00:00:00Z'), $::raise->(until => '2027-02-30T00:00:00Z'),
 $::raise->(until => '2027-02-03T00:00:00+02:00'), $::raise->(until => '31d')]
--- more_headers
Content-Type: application/json
--- error_code eval
[400, 400, 400, 400, 400, 400, 400, 400, 200]
--- json eval
[$::refuses->('"until" is missing'), $::refuses->('"until" is no time, write e.g. "2h"'),
 $::refuses->('"until" is not ahead'), $::refuses->('"until" is not ahead'),
 $::refuses->('more than 31 days'), $::refuses->('more than 31 days'),
 $::refuses->('is no time'), $::refuses->('is no time'), sub { 1 }]



=== TEST 13: bodies that are not what they must be
--- http_config eval: $::http
--- config eval: $::config
--- request eval
["POST /budgets\n{\"zone\":", "POST /budgets\n[1]", "POST /budgets\n{} x", "POST /budgets\n\"x\"",
 $::raise->(untill => '1h'), "POST /budgets\n{\"zone\":\"a\",\"zone\":\"b\"}",
 "POST /budgets\n{\"zone\":7}", $::raise->(key => "a\0b"), "POST /budgets\n" . ('x' x 17000),
 "PUT /budgets\nx", "OPTIONS /budgets"]
--- more_headers
Content-Type: application/json
--- error_code eval
[400, 400, 400, 400, 400, 400, 400, 400, 413, 405, 405]
--- json eval
[$::refuses->('not JSON, send \{"zone"'), $::refuses->('not a JSON object'), $::refuses->('not JSON'),
 $::refuses->('not a JSON object'), $::refuses->('unknown member "untill", there are'),
 $::refuses->('"zone" is there twice'), $::refuses->('"zone" is not a string, put it in quotes'),
 $::refuses->('zero byte'), $::refuses->('more than 16384 bytes'),
 $::refuses->('GET, HEAD, and POST'), $::refuses->('GET, HEAD, and POST')]



=== TEST 14: a form of some web page raises nothing
--- http_config eval: $::http
--- config eval: $::config
--- request eval
[$::raise->(), $::raise->(), "GET /budgets?zone=tenant"]
--- more_headers eval
["Content-Type: text/plain", "Content-Type: application/jsonp", ""]
--- error_code eval
[415, 415, 200]
--- json eval
[$::refuses->('Content-Type: application/json'), $::refuses->('Content-Type: application/json'),
 sub { shift->{zones}[0]{counters}{raised} == 0 }]



=== TEST 15: a body that nginx put into a file
--- http_config eval: $::http
--- config eval
"client_body_buffer_size 1k; client_body_in_file_only clean;\n$::config"
--- request eval
$::raise->(reason => 'x' x 5000)
--- more_headers
Content-Type: application/json
--- json eval
sub { shift->{zones}[0]{counters}{raised} == 1 }



=== TEST 16: HEAD has the length of GET and no body
--- http_config eval: $::http
--- config eval: $::config
--- request
HEAD /budgets?zone=one
--- response_headers_like
Content-Length: \d{3,}
Content-Type: application/json
--- response_body:



=== TEST 17: zone, key and top choose; what they cannot is said
--- http_config eval: $::http
--- config eval: $::config
--- request eval
[$::raise->(key => 'a b/&', add => '1usd'), $::raise->(key => 'c', add => '1usd'),
 $::raise->(key => 'd', add => '1usd'), "GET /budgets?zone=tenant&key=a%20b%2F%26", "GET /budgets?zone=tenant&key=nobody",
 "GET /budgets?zone=tenant&top=2", "GET /budgets?zone=nix", "GET /budgets?top=0", "GET /budgets?top=1001"]
--- more_headers
Content-Type: application/json
--- error_code eval
[200, 200, 200, 200, 200, 200, 404, 400, 400]
--- json eval
[undef, undef, undef, sub { my @k = @{shift->{zones}[0]{keys}}; @k == 1 && $k[0]{key} eq 'a b/&' },
 sub { @{shift->{zones}[0]{keys}} == 0 },
 sub { my $z = shift->{zones}[0]; @{$z->{keys}} == 2 && $z->{keys_left_out} == 1 },
 $::refuses->('no budget zone "nix"'), $::refuses->('from 1 to 1000'), $::refuses->('from 1 to 1000')]



=== TEST 18: keys by the share of a limit that they have used, the greatest first
--- http_config
    genai_budget_zone $http_x_tenant zone=tenant:1m limit=3req/day;
--- config eval: "location /model/ { genai bedrock; genai_budget zone=tenant; proxy_pass \@UP\@; } location /budgets { genai_budget_api; }"
--- request eval
[$::post, $::post, $::post, $::post, $::post, $::post, "GET /budgets", "GET /budgets?top=1"]
--- more_headers eval
["X-Tenant: low", "X-Tenant: high", "X-Tenant: mid", "X-Tenant: mid", "X-Tenant: high", "X-Tenant: high", "", ""]
--- error_code eval
[200, 200, 200, 200, 200, 200, 200, 200]
--- json eval
[undef, undef, undef, undef, undef, undef,
 sub { join(' ', map { $_->{key} } @{shift->{zones}[0]{keys}}) eq 'high mid low' },
 sub { my $z = shift->{zones}[0]; $z->{keys}[0]{key} eq 'high' && $z->{keys_left_out} == 2 }]



=== TEST 19: a key of any bytes is JSON all the same
--- http_config eval: $::http
--- config eval: $::config
--- request eval
[$::post, $::post, $::post, "GET /budgets?zone=tenant"]
--- more_headers eval
["X-Tenant: q\"b\\s", "X-Tenant: \xff\xfe\xc3", "X-Tenant: " . "\xc3\xa9" x 40, ""]
--- error_code eval
[200, 200, 200, 200]
--- json eval
[undef, undef, undef, sub {
    my $z = shift->{zones}[0];
    my %k = map { $_->{key} => 1 } @{$z->{keys}};
    keys %k == 3 && $k{"q\"b\\s"} && $k{'???'} && $k{"\x{e9}" x 32};
}]



=== TEST 20: without genai anywhere there is nothing to list, and nothing to raise
--- http_config
    genai_budget_zone $http_x_tenant zone=tenant:1m limit=3req/day;
--- config
    location /budgets { genai_budget_api; }
--- request eval
["GET /budgets", $::raise->()]
--- more_headers
Content-Type: application/json
--- error_code eval
[200, 404]
--- json eval
[sub { @{shift->{zones}} == 0 }, $::refuses->('no budget zone "tenant"')]



=== TEST 21: where genai is on for the whole server, the operator's locations are no calls
--- http_config eval: $::http
--- config eval
"genai bedrock; $::config location /status { genai_status metrics; }"
--- request eval
["GET /budgets", "GET /status", "GET /status"]
--- error_code eval
[200, 200, 200]
--- response_body_unlike eval
['^$', '^$', 'location="/']



=== TEST 22: a location that everybody reaches is warned of, both kinds
--- config
    location /budgets { genai_budget_api; }
    location /status { genai_status; }
    location = /ok { return 200 ok; }
--- request
GET /ok
--- error_log eval
[qr/\[warn\] .*"genai_budget_api" in .*nginx\.conf:\d+ is open to everybody: restrict it, e\.g\. "allow 127\.0\.0\.1; deny all;"/,
 qr/\[warn\] .*"genai_status" in .* is open to everybody/]



=== TEST 23: one that is restricted by whatever means is not
--- config
    location /a { genai_budget_api; allow 127.0.0.1; deny all; }
    location /b { genai_budget_api; auth_basic "x"; auth_basic_user_file /dev/null; }
    location /c { genai_budget_api; auth_request /ok; }
    location /d { genai_budget_api; internal; }
    location /e { genai_budget_api; allow all; }
    location /f { genai_budget_api; deny unix:; }
    location = /ok { return 200 ok; }
--- request
GET /ok
--- no_error_log
is open to everybody



=== TEST 24: rules of the server hold in its locations, auth_basic off undoes one
--- http_config
    server {
        listen 127.0.0.1:$TEST_NGINX_RAND_PORT_1;
        location / { genai_status; }
    }
    server {
        listen $TEST_NGINX_RAND_PORT_2;
        deny all;
        location / { genai_status; }
    }
--- config
    auth_basic "x";
    auth_basic_user_file /dev/null;
    location /a { genai_budget_api; }
    location /b { genai_status; auth_basic off; }
    location = /ok { auth_basic off; return 200 ok; }
--- request
GET /ok
--- grep_error_log eval
qr/"\w+" in \S+ is open/
--- grep_error_log_out eval
qr/^"genai_status" in \S+ is open\n$/



=== TEST 25: twice is once too many
--- config
    location / { genai_budget_api; genai_budget_api; }
--- must_die
--- error_log
"genai_budget_api" directive is duplicate



=== TEST 26: limit_except parts those who may look from those who may raise
--- http_config eval: $::http
--- config eval
"$::config
    location /look { genai_budget_api; limit_except GET { deny all; } }
    location /raise { genai_budget_api; limit_except GET { allow 127.0.0.1; deny all; } }
    location /status { genai_status; limit_except POST { allow all; } }"
--- request eval
["GET /look", $::raise->() =~ s/budgets/look/r, $::raise->() =~ s/budgets/raise/r, "GET /status/healthz"]
--- more_headers
Content-Type: application/json
--- error_code eval
[200, 403, 200, 200]
--- response_body_like eval
['"zones"', 'Forbidden', '"raised":10', '^ok$']
