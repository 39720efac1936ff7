# Configuration: what is wrong fails at "nginx -t" with the mend.

use FindBin;
use Test::Nginx::Socket 'no_plan';

require "$FindBin::Bin/lib/genai.pl";

run_tests();

__DATA__

=== TEST 1: off everywhere, the module leaves no trace
--- config
location / { return 200 "plain\n"; }
--- response_body
plain
--- no_error_log
genai
[alert]


=== TEST 2: an unknown API is refused, with the known ones
--- config
location / { genai bedrok; }
--- must_die
--- error_log
invalid value "bedrok" in "genai", it must be "off", "auto", "bedrock"


=== TEST 3: genai twice at one level
--- config
location / { genai bedrock; genai off; }
--- must_die
--- error_log
"genai" directive is duplicate


=== TEST 4: a zone without a size
--- http_config
genai_zone zone=genai;
--- config
location / { genai bedrock; proxy_pass http://127.0.0.1:1; }
--- must_die
--- error_log
it must be "zone=name:size", e.g. "zone=genai:16m"


=== TEST 5: a zone too small to work
--- http_config
genai_zone zone=genai:64k;
--- config
location / { genai bedrock; proxy_pass http://127.0.0.1:1; }
--- must_die
--- error_log
the size of zone "zone=genai:64k" must be from 1m to 1g


=== TEST 6: a queue too small
--- http_config
genai_queue 100k;
--- config
location / { genai bedrock; proxy_pass http://127.0.0.1:1; }
--- must_die
--- error_log
invalid queue size "100k", it must be from 1m to 4g


=== TEST 7: an unknown parameter of the queue
--- http_config
genai_queue 4m dir=/tmp;
--- config
location / { genai bedrock; proxy_pass http://127.0.0.1:1; }
--- must_die
--- error_log
invalid parameter "dir=/tmp", it must be "path=directory" or "spool=size"


=== TEST 8: a price table that is not there
--- http_config
genai_prices /nowhere/prices.json;
--- config
location / { genai bedrock; proxy_pass http://127.0.0.1:1; }
--- must_die
--- error_log
cannot read the price table "/nowhere/prices.json"


=== TEST 9: a price table with a wrong row names the row
--- http_config
genai_prices $TEST_NGINX_HTML_DIR/prices.json;
--- user_files
>>> prices.json
{"version":"1","unit":"usd_per_million_tokens","models":[{"id":"a.b","inptu":1}]}
--- config
location / { genai bedrock; proxy_pass http://127.0.0.1:1; }
--- must_die
--- error_log
price table


=== TEST 10: an unknown exporter
--- http_config
genai_exporter otpl { endpoint http://127.0.0.1:4318; }
--- config
location / { genai bedrock; proxy_pass http://127.0.0.1:1; }
--- must_die
--- error_log
unknown exporter "otpl", known are


=== TEST 11: an endpoint that is not a URL
--- http_config
genai_exporter otlp { endpoint 127.0.0.1:4318; }
--- config
location / { genai bedrock; proxy_pass http://127.0.0.1:1; }
--- must_die
--- error_log
"endpoint" in the exporter "otlp" must be a URL as "http://127.0.0.1:4318"


=== TEST 12: an otlp exporter without an endpoint
--- http_config
genai_exporter otlp { batch 10; }
--- config
location / { genai bedrock; proxy_pass http://127.0.0.1:1; }
--- must_die
--- error_log
exporter "otlp" has no "endpoint", and OTEL_EXPORTER_OTLP_ENDPOINT is not set


=== TEST 13: gRPC is not spoken, and it says so
--- http_config
genai_exporter otlp { endpoint http://127.0.0.1:4318; protocol grpc; }
--- config
location / { genai bedrock; proxy_pass http://127.0.0.1:1; }
--- must_die
--- error_log
"protocol" in the exporter "otlp" must be "http/protobuf": no other is spoken


=== TEST 14: a setting of another kind of exporter
--- http_config
genai_exporter file { endpoint http://127.0.0.1:4318; }
--- config
location / { genai bedrock; proxy_pass http://127.0.0.1:1; }
--- must_die
--- error_log
unknown setting "endpoint" of a "file" exporter


=== TEST 15: a file exporter without a path
--- http_config
genai_exporter file { batch 10; }
--- config
location / { genai bedrock; proxy_pass http://127.0.0.1:1; }
--- must_die
--- error_log
exporter "file" has no "path": name the file to write


=== TEST 16: two exporters of one name
--- http_config
genai_exporter file { path a.jsonl; }
genai_exporter file { path b.jsonl; }
--- config
location / { genai bedrock; proxy_pass http://127.0.0.1:1; }
--- must_die
--- error_log
duplicate exporter "file": give the second a name


=== TEST 17: a header file that cannot be read
--- http_config
genai_exporter otlp {
    endpoint http://127.0.0.1:4318;
    header_file Authorization /nowhere/token;
}
--- config
location / { genai bedrock; proxy_pass http://127.0.0.1:1; }
--- must_die
--- error_log
cannot read "header_file" "/nowhere/token"


=== TEST 18: half a client certificate
--- http_config
genai_exporter otlp {
    endpoint https://127.0.0.1:4318;
    tls_cert $TEST_NGINX_HTML_DIR/c.pem;
}
--- user_files
>>> c.pem
x
--- config
location / { genai bedrock; proxy_pass http://127.0.0.1:1; }
--- must_die
--- error_log
"tls_cert" and "tls_key" must be set together


=== TEST 19: a sampling ratio above one
--- config
location / { genai bedrock; genai_sample 2; proxy_pass http://127.0.0.1:1; }
--- must_die
--- error_log
invalid sampling ratio "2", it must be a number from 0 to 1 or a variable


=== TEST 20: an unknown trace format
--- config
location / {
    genai bedrock;
    genai_trace_formats w3c jaeger;
    proxy_pass http://127.0.0.1:1;
}
--- must_die
--- error_log
unknown trace format "jaeger", known are


=== TEST 21: a trace format twice
--- config
location / {
    genai bedrock;
    genai_trace_formats w3c w3c;
    proxy_pass http://127.0.0.1:1;
}
--- must_die
--- error_log
duplicate trace format "w3c"


=== TEST 22: "off" cancels an array, it does not stand beside values
--- config
location / {
    genai bedrock;
    genai_span_attr a b;
    genai_span_attr off;
    proxy_pass http://127.0.0.1:1;
}
--- must_die
--- error_log
"genai_span_attr" directive has "off" beside values at this level


=== TEST 23: a label's bound
--- config
location / {
    genai bedrock;
    genai_label team $http_x_team max=0;
    proxy_pass http://127.0.0.1:1;
}
--- must_die
--- error_log
invalid parameter "max=0", it must be "max=number" of 1 to 100000


=== TEST 24: a small body limit and a short timeout are told
--- config
location / {
    genai bedrock;
    client_max_body_size 1m;
    proxy_pass http://127.0.0.1:1;
}
location /t { return 200 "ok\n"; }
--- request
GET /t
--- response_body
ok
--- error_log
set "client_max_body_size 25m"
set "proxy_read_timeout 300s"


=== TEST 25: nothing to warn of where both are right
--- config
proxy_read_timeout 300s;
location / { genai bedrock; proxy_pass http://127.0.0.1:1; }
location /t { return 200 "ok\n"; }
--- request
GET /t
--- response_body
ok
--- no_error_log
client_max_body_size
proxy_read_timeout
[alert]


=== TEST 26: how long a receiver may be away is told
--- http_config
genai_exporter file { path $TEST_NGINX_SERVER_ROOT/logs/spans.jsonl; }
--- config
proxy_read_timeout 300s;
location / { genai bedrock; proxy_pass http://127.0.0.1:1; }
location /t { return 200 "ok\n"; }
--- request
GET /t
--- response_body
ok
--- error_log
genai_queue: at 100 calls/s a receiver may be away for about


=== TEST 27: a duplicate resource key
--- http_config
genai_resource service.name a;
genai_resource service.name b;
--- config
location / { genai bedrock; proxy_pass http://127.0.0.1:1; }
--- must_die
--- error_log
duplicate "genai_resource" key "service.name"


=== TEST 28: genai_keep: what is not known
--- config
location / {
    genai bedrock;
    genai_keep errors;
    proxy_pass http://127.0.0.1:1;
}
--- must_die
--- error_log
invalid parameter "errors", it must be "error", "slow=time"


=== TEST 29: genai_keep: a time that is none
--- config
location / {
    genai bedrock;
    genai_keep error slow=soon;
    proxy_pass http://127.0.0.1:1;
}
--- must_die
--- error_log
invalid parameter "slow=soon"


=== TEST 30: genai_keep: off stands alone
--- config
location / {
    genai bedrock;
    genai_keep error off;
    proxy_pass http://127.0.0.1:1;
}
--- must_die
--- error_log
invalid parameter "off"


=== TEST 31: genai_keep: every word
--- config
location / {
    genai bedrock;
    genai_keep error slow=5s cost=0.50;
    location /off { genai_keep off; }
    return 200;
}
--- error_code: 200


=== TEST 32: genai_span_profile: a profile that is none
--- config
location / {
    genai bedrock;
    genai_span_profile RAG2;
    proxy_pass http://127.0.0.1:1;
}
--- must_die
--- error_log
invalid value "RAG2"


=== TEST 33: genai_context_window: an unknown word
--- config
location / {
    genai bedrock;
    genai_context_window strict;
    proxy_pass http://127.0.0.1:1;
}
--- must_die
--- error_log
invalid value "strict"


=== TEST 34: genai_extract: a path that cannot be read
--- config
location / {
    genai bedrock;
    genai_extract acme.lang meta..lang request;
    proxy_pass http://127.0.0.1:1;
}
--- must_die
--- error_log
keys joined by dots, [], [N] and * make a path ("a.b[].c"), not "meta..lang"


=== TEST 35: genai_extract: a name that is none
--- config
location / {
    genai bedrock;
    genai_extract "my attribute" meta.lang;
    proxy_pass http://127.0.0.1:1;
}
--- must_die
--- error_log
letters, digits, ".", "_" and "-" make a name, not "my attribute"


=== TEST 36: genai_extract: an op that the field has not got
--- config
location / {
    genai bedrock;
    genai_extract model meta.model op=sum;
    proxy_pass http://127.0.0.1:1;
}
--- must_die
--- error_log
this op cannot be used with the field "model"


=== TEST 37: genai_extract: an unknown parameter
--- config
location / {
    genai bedrock;
    genai_extract acme.lang meta.lang op=avg;
    proxy_pass http://127.0.0.1:1;
}
--- must_die
--- error_log
invalid parameter "op=avg", it must be "request" or "op="


=== TEST 38: genai_extract: off stands alone
--- config
location / {
    genai bedrock;
    genai_extract acme.lang meta.lang;
    genai_extract off;
    proxy_pass http://127.0.0.1:1;
}
--- must_die
--- error_log
has "off" beside rows at this level


=== TEST 39: genai_extract: a name without a path
--- config
location / {
    genai bedrock;
    genai_extract acme.lang;
    proxy_pass http://127.0.0.1:1;
}
--- must_die
--- error_log
must be "off" or have a name and a path


=== TEST 40: genai_capture: an unknown word
--- config
location / {
    genai bedrock;
    genai_capture everything;
    proxy_pass http://127.0.0.1:1;
}
--- must_die
--- error_log
invalid value "everything" in "genai_capture", it must be "off" or "content


=== TEST 41: genai_capture: more than a record holds
--- config
location / {
    genai bedrock;
    genai_capture content max=64k;
    proxy_pass http://127.0.0.1:1;
}
--- must_die
--- error_log
invalid parameter "max=64k", it must be "max=size" of 1k to 24k


=== TEST 42: genai_include_usage: on and off
--- config
location / {
    genai openai;
    genai_include_usage yes;
    proxy_pass http://127.0.0.1:1;
}
--- must_die
--- error_log
it must be "on" or "off"


=== TEST 43: how much the default sizes hold is told, and is what README says
--- http_config
genai_zone zone=genai:16m;
genai_queue 16m path=$TEST_NGINX_HTML_DIR/spool;
--- config
location / { genai bedrock; return 204; }
--- error_code: 204
--- error_log
genai_zone: room for 8190 open calls and 5207 label sets
genai_queue: lanes of 1024k


=== TEST 44: the smallest zone and queue
--- http_config
genai_zone zone=genai:1m;
genai_queue 1m path=$TEST_NGINX_HTML_DIR/spool;
--- config
location / { genai bedrock; return 204; }
--- error_code: 204
--- error_log
genai_zone: room for 510 open calls and 322 label sets
genai_queue: lanes of 128k


=== TEST 45: genai_drain: what is not known
--- config
location / {
    genai bedrock;
    genai_drain on;
    proxy_pass http://127.0.0.1:1;
}
--- must_die
--- error_log
invalid parameter "on", it must be "time=time"


=== TEST 46: genai_drain: no time
--- config
location / {
    genai bedrock;
    genai_drain time=0s;
    proxy_pass http://127.0.0.1:1;
}
--- must_die
--- error_log
invalid parameter "time=0s"


=== TEST 47: genai_drain: more than an hour
--- config
location / {
    genai bedrock;
    genai_drain time=2h;
    proxy_pass http://127.0.0.1:1;
}
--- must_die
--- error_log
invalid parameter "time=2h"


=== TEST 48: genai_drain: a size that is none
--- config
location / {
    genai bedrock;
    genai_drain time=5s size=big;
    proxy_pass http://127.0.0.1:1;
}
--- must_die
--- error_log
invalid parameter "size=big"


=== TEST 49: genai_drain: off stands alone
--- config
location / {
    genai bedrock;
    genai_drain time=5s off;
    proxy_pass http://127.0.0.1:1;
}
--- must_die
--- error_log
invalid parameter "off"


=== TEST 50: genai_drain twice at one level
--- config
location / {
    genai bedrock;
    genai_drain time=5s;
    genai_drain off;
    proxy_pass http://127.0.0.1:1;
}
--- must_die
--- error_log
"genai_drain" directive is duplicate


=== TEST 51: genai_drain: every word
--- http_config
genai_drain size=64k;
--- config
location / {
    genai bedrock;
    genai_drain time=1h size=1m;
    location /off { genai_drain off; }
    return 200;
}
--- error_code: 200


=== TEST 52: signals of an exporter
--- http_config
genai_exporter otlp { endpoint http://127.0.0.1:4318; signals traces spans; }
--- config
location / { return 200; }
--- must_die
--- error_log
"signals" in the exporter "otlp" takes "traces", "metrics", "logs"
