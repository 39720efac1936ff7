# Names, users, sessions, labels: what the operator adds to a call.

use FindBin;
use Test::Nginx::Socket 'no_plan';

require "$FindBin::Bin/lib/genai.pl";
require "$FindBin::Bin/lib/upstream.pl";

run_tests();

__DATA__

=== TEST 1: a label is on the series, user and session are variables
--- config
location /model/ {
    genai bedrock;
    genai_name chat-api;
    genai_label team $http_x_team;
    genai_user $http_x_user;
    genai_session $cookie_sid;
    access_log logs/error.log facts;
    proxy_pass @UP@;
}
location /genai/ { genai_status; }
--- request eval
["POST /model/anthropic.claude-haiku-4-5-20251001-v1%3A0/converse\n{}",
 "GET /genai/metrics"]
--- more_headers
X-Team: search
X-User: alice
--- response_body_like eval
['"totalTokens":30',
 'genai_requests_total\{[^}]*location="chat-api"[^}]*team="search"[^}]*status="2xx"\} 1']


=== TEST 2: one value too many is "_other"
--- config
location /model/ {
    genai bedrock;
    genai_label group $arg_team max=1;
    proxy_pass @UP@;
}
location /genai/ { genai_status; }
--- request eval
["POST /model/m/converse?team=a\n{}", "POST /model/m/converse?team=b\n{}",
 "POST /model/m/converse?team=c\n{}", "POST /model/m/converse?team=a\n{}",
 "GET /genai/metrics"]
--- response_body_like eval
['30', '30', '30', '30',
 '(?s)(?=.*requests_total\{[^}]*group="a"[^}]*\} 2)(?=.*requests_total\{[^}]*group="_other"[^}]*\} 2)']


=== TEST 3: labels are inherited only where none is set
--- config
genai_label team outer;
location /model/ {
    genai bedrock;
    genai_label service inner;
    proxy_pass @UP@;
}
location /genai/ { genai_status; }
--- request eval
["POST /model/m/converse\n{}", "GET /genai/metrics"]
--- response_body_like eval
['30', 'genai_requests_total\{(?![^}]*team=)[^}]*service="inner"[^}]*\} 1']


=== TEST 4: "off" cancels what is inherited
--- config
genai_label team outer;
location /model/ { genai bedrock; genai_label off; proxy_pass @UP@; }
location /genai/ { genai_status; }
--- request eval
["POST /model/m/converse\n{}", "GET /genai/metrics"]
--- response_body_like eval
['30', 'genai_requests_total\{(?![^}]*team=)[^}]*\} 1']


=== TEST 5: the metrics are exact: tokens and cost
--- config
location /model/ {
    genai bedrock;
    genai_region us-east-1;
    proxy_pass @UP@;
}
location /genai/ { genai_status; }
--- request eval
["POST /model/global.anthropic.claude-haiku-4-5-20251001-v1%3A0/converse\n{}",
 "POST /model/global.anthropic.claude-haiku-4-5-20251001-v1%3A0/converse\n{}",
 "GET /genai/metrics"]
--- response_body_like eval
['30', '30',
 '(?s)genai_tokens_total\{[^}]*type="input"\} 50\n.*genai_tokens_total\{[^}]*type="output"\} 10\n.*genai_cost_usd_total\{[^}]*\} 0\.0001\n']


=== TEST 6: healthz, the index, and what is not there
--- config
location /genai/ { genai_status; }
--- request eval
["GET /genai/healthz", "GET /genai/", "GET /genai/nothing",
 "POST /genai/metrics\nx"]
--- error_code eval
[200, 200, 404, 405]
--- response_body_like eval
['^ok$', 'metrics', '404', '405']


=== TEST 7: a location of metrics alone
--- config
location = /metrics { genai_status metrics; }
--- request
GET /metrics
--- response_headers_like
Content-Type: text/plain; version=0\.0\.4.*
--- response_body_like
genai_build_info\{version="[\d.]+"\} 1


=== TEST 8: OpenMetrics when it is asked for
--- config
location = /metrics { genai_status metrics; }
--- request
GET /metrics
--- more_headers
Accept: application/openmetrics-text;version=1.0.0,text/plain;q=0.5
--- response_headers_like
Content-Type: application/openmetrics-text.*
--- response_body_like
# EOF$
