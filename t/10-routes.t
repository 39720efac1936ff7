# However nginx routes a call, it is seen once, with the right facts.

use FindBin;
use Test::Nginx::Socket 'no_plan';

require "$FindBin::Bin/lib/genai.pl";
require "$FindBin::Bin/lib/upstream.pl";

run_tests();

__DATA__

=== TEST 1: a Converse call: model, tokens, price
--- config
location /model/ { genai bedrock; proxy_pass @UP@; }
--- request
POST /model/anthropic.claude-haiku-4-5-20251001-v1%3A0/converse
{"messages":[{"role":"user","content":[{"text":"hi"}]}]}
--- response_body_like: "totalTokens":30
--- error_log
api=bedrock op=chat step=llm_generation model=anthropic.claude-haiku-4-5-20251001-v1:0 in=25 out=5 total=30
stop=end_turn src=body err= skip= status=200.


=== TEST 2: the price is exact: 25 x 1.1 + 5 x 5.5 USD per million, in-region
--- config
location /model/ { genai bedrock; genai_region us-east-1; proxy_pass @UP@; }
--- request
POST /model/anthropic.claude-haiku-4-5-20251001-v1%3A0/converse
{}
--- response_body_like: "totalTokens":30
--- error_log
cost=0.000055 stop


=== TEST 3: a global profile is the list price
--- config
location /model/ { genai bedrock; genai_region us-east-1; proxy_pass @UP@; }
--- request
POST /model/global.anthropic.claude-haiku-4-5-20251001-v1%3A0/converse
{}
--- response_body_like: "totalTokens":30
--- error_log
cost=0.00005 stop


=== TEST 4: a model without a price is unpriced, not free
--- config
location /model/ { genai bedrock; proxy_pass @UP@; }
--- request
POST /model/acme.nothing-v1%3A0/converse
{}
--- response_body_like: "totalTokens":30
--- error_log
cost= stop=end_turn src=body err= skip=unpriced
no price for model "acme.nothing-v1:0"


=== TEST 5: a path that is no operation is proxied, and the reason is known
--- config
location / { genai bedrock; proxy_pass @UP@/model/; }
--- request
GET /anything
--- response_body_like: "totalTokens":30
--- error_log
api=bedrock op= step= model= in= out= total= cost=
skip=unknown_path


=== TEST 6: off here, on elsewhere: variables say so
--- config
location /model/ { genai bedrock; proxy_pass @UP@; }
location /plain { return 200 "ok\n"; }
--- request
GET /plain
--- response_body
ok
--- error_log
api= op= step= model= in= out= total= cost= stop= src= err= skip=off


=== TEST 7: error_page to a named location: one call, what the second spoke
--- config
location /model/ {
    genai bedrock;
    proxy_pass http://127.0.0.1:1;
    error_page 502 = @other;
}
location @other { genai bedrock; proxy_pass @UP@; }
--- request
POST /model/anthropic.claude-haiku-4-5-20251001-v1%3A0/converse
{"messages":[{"role":"user","content":[{"text":"hi"}]}]}
--- response_body_like: "totalTokens":30
--- error_log
in=25 out=5 total=30
err= skip= status=200.
--- no_error_log
[alert]
[crit]


=== TEST 8: error_page to a location without genai: the call ends in error
--- config
location /model/ {
    genai bedrock;
    proxy_pass http://127.0.0.1:1;
    error_page 502 = @sorry;
}
location @sorry { return 503 "sorry\n"; }
--- request
POST /model/m/converse
{}
--- error_code: 503
--- response_body
sorry
--- error_log
model=m in= out=
err=503 skip=
--- no_error_log
[alert]
[crit]


=== TEST 9: a rewrite to another location of the same kind
--- config
location /v0/ { genai bedrock; rewrite ^/v0(/.*)$ $1 last; }
location /model/ { genai bedrock; proxy_pass @UP@; }
--- request
POST /v0/model/anthropic.claude-haiku-4-5-20251001-v1%3A0/converse
{}
--- response_body_like: "totalTokens":30
--- error_log
model=anthropic.claude-haiku-4-5-20251001-v1:0 in=25 out=5


=== TEST 10: HEAD has no body and no usage
--- config
location /model/ { genai bedrock; proxy_pass @UP@; }
--- request
HEAD /model/m/converse
--- response_body:
--- error_log
status=200.
--- no_error_log
[alert]
[crit]


=== TEST 11: a body over the limit: 413, the client's error, still a call
--- config
location /model/ { genai bedrock; client_max_body_size 10; proxy_pass @UP@; }
--- request
POST /model/m/converse
{"messages":[{"role":"user","content":[{"text":"hi"}]}]}
--- error_code: 413
--- error_log
err=413 skip=not_billed status=413.
--- no_error_log
[alert]


=== TEST 12: a subrequest is not the main request's call
--- config
location /model/ { genai bedrock; proxy_pass @UP@; }
location /auth {
    internal;
    genai bedrock;
    proxy_pass_request_body off;
    proxy_set_header Content-Length "";
    proxy_pass @UP@/model/anthropic.claude-haiku-4-5-20251001-v1%3A0/converse;
}
location /main { auth_request /auth; return 200 "in\n"; }
--- request
GET /main
--- error_code: 200
--- response_body
in
--- no_error_log
[alert]
[crit]


=== TEST 13: throttling is an error with the provider's name for it
--- config
location /model/ { genai bedrock; proxy_pass @UP@; }
--- request
POST /model/throttled/converse
{}
--- error_code: 429
--- error_log
err=ThrottlingException skip=not_billed status=429.


=== TEST 14: a body that ends too early passes, the call says so
--- config
location /model/ { genai bedrock; proxy_pass @UP@; }
--- request
POST /model/broken/converse
{}
--- response_body: {"usage":{"inputTokens":25,
--- error_log
in=25 out=
status=200.
--- no_error_log
[alert]
[error]


=== TEST 15: an answer of another type passes
--- config
location /model/ { genai bedrock; proxy_pass @UP@; }
--- request
POST /model/html/converse
{}
--- response_body: <html>not an answer</html>
--- error_log
skip=content_type status=200.


=== TEST 16: proxy_cache: the hit has tokens, its cost is nothing
--- http_config
proxy_cache_path $TEST_NGINX_HTML_DIR/cache keys_zone=c:1m;
log_format cached '$upstream_cache_status in=$genai_input_tokens '
                  'cost=$genai_cost src=$genai_usage_source.';
--- config
location /model/ {
    genai bedrock;
    access_log logs/error.log cached;
    proxy_cache c;
    proxy_cache_methods POST;
    proxy_cache_key $request_uri;
    proxy_cache_valid 200 1m;
    proxy_pass @UP@;
}
--- request eval
["POST /model/anthropic.claude-haiku-4-5-20251001-v1%3A0/converse\n{}",
 "POST /model/anthropic.claude-haiku-4-5-20251001-v1%3A0/converse\n{}"]
--- error_code eval
[200, 200]
--- response_body_like eval
["\"totalTokens\":30", "\"totalTokens\":30"]
--- error_log eval
qr/MISS in=25 cost=0.000055 src=body\.|HIT in=25 cost=0 src=cache\./
--- no_error_log
HIT in=25 cost=0.0
MISS in=25 cost=0 
[alert]


=== TEST 17: one upstream fails, the next answers: one call
--- http_config
upstream two {
    server 127.0.0.1:1;
    server 127.0.0.1:$TEST_NGINX_UPSTREAM_PORT;
}
--- config
location /model/ {
    genai bedrock;
    proxy_next_upstream error non_idempotent;
    proxy_pass http://two;
}
--- request
POST /model/anthropic.claude-haiku-4-5-20251001-v1%3A0/converse
{}
--- response_body_like: "totalTokens":30
--- error_log
in=25 out=5 total=30
--- no_error_log
[alert]
[crit]


=== TEST 18: a body in a temporary file is read as it passes
--- config
location /model/ {
    genai bedrock;
    client_body_buffer_size 1k;
    client_body_in_file_only clean;
    proxy_pass @UP@;
}
--- request eval
"POST /model/anthropic.claude-haiku-4-5-20251001-v1%3A0/converse\n"
. '{"messages":[{"role":"user","content":[{"text":"' . ('x' x 30000) . '"}]}]}'
--- response_body_like: "totalTokens":30
--- error_log
in=25 out=5 total=30


=== TEST 19: unbuffered both ways
--- config
location /model/ {
    genai bedrock;
    proxy_buffering off;
    proxy_request_buffering off;
    proxy_http_version 1.1;
    proxy_pass @UP@;
}
--- request eval
"POST /model/anthropic.claude-haiku-4-5-20251001-v1%3A0/converse\n"
. '{"messages":[{"role":"user","content":[{"text":"' . ('x' x 30000) . '"}]}]}'
--- response_body_like: "totalTokens":30
--- error_log
in=25 out=5 total=30


=== TEST 20: 403 of our own access rules is the gateway's, and is not billed
--- config
location /model/ { genai bedrock; deny all; proxy_pass @UP@; }
--- request
POST /model/m/converse
{}
--- error_code: 403
--- error_log
err=403 skip=not_billed status=403.
--- no_error_log
[alert]


=== TEST 21: "return" before our phase still gives a call
--- config
location /model/ { genai bedrock; return 418 "teapot\n"; }
--- request
POST /model/m/converse
{}
--- error_code: 418
--- response_body
teapot
--- error_log
model=m in= out=
err=418


=== TEST 22: HTTP/0.9 has no headers to read and none to set
--- config
location / { genai bedrock; proxy_pass @UP@/model/; }
--- raw_request eval
"GET /\r\n"
--- http09
--- response_body_like: "totalTokens":30
--- no_error_log
[alert]
[crit]
