# APIs beside Bedrock's own: named, or told apart by their paths.

use FindBin;
use Test::Nginx::Socket 'no_plan';

require "$FindBin::Bin/lib/genai.pl";
require "$FindBin::Bin/lib/upstream.pl";

run_tests();

__DATA__

=== TEST 1: OpenAI chat: cached tokens are inside the input
--- config
location /v1/ { genai openai; proxy_pass @UP@/direct/openai; }
--- request
POST /v1/chat/completions
{"model":"gpt-5.4","messages":[{"role":"user","content":"hi"}]}
--- response_body_like: chat.completion
--- error_log
api=openai op=chat step=llm_generation model=gpt-5.4 in=20 out=5 total=25
stop=stop src=body err= skip=


=== TEST 2: OpenAI chat as a stream: usage in the last chunk
--- config
location /v1/ { genai openai; proxy_pass @UP@/direct/openai-stream; }
--- request
POST /v1/chat/completions
{"model":"gpt-5.4","stream":true,"messages":[]}
--- response_body_like: \[DONE\]
--- error_log
in=9 out=3 total=12
stop=stop src=body


=== TEST 3: Anthropic Messages: cached tokens are beside the input
--- config
location /v1/ { genai anthropic; proxy_pass @UP@/direct/anthropic; }
--- request
POST /v1/messages
{"model":"claude-haiku-4-5","max_tokens":10,"messages":[]}
--- response_body_like: end_turn
--- error_log
api=anthropic op=chat step=llm_generation model=claude-haiku-4-5 in=125 out=7 total=132
stop=end_turn src=body


=== TEST 4: an OpenAI error names its type
--- config
location /v1/ { genai openai; proxy_pass @UP@/direct/openai-error; }
--- request
POST /v1/chat/completions
{"model":"gpt-5.4","messages":[]}
--- error_code: 429
--- error_log
err=insufficient_quota skip=not_billed status=429.


=== TEST 5: auto tells APIs apart by their paths
--- config
location /v1/chat/ { genai auto; proxy_pass @UP@/direct/openai; }
location /v1/messages { genai auto; proxy_pass @UP@/direct/anthropic; }
location /model/ { genai auto; proxy_pass @UP@; }
--- request eval
["POST /v1/chat/completions\n{\"model\":\"gpt-5.4\"}",
 "POST /v1/messages\n{\"model\":\"claude-haiku-4-5\"}",
 "POST /model/anthropic.claude-haiku-4-5-20251001-v1%3A0/converse\n{}"]
--- error_code eval
[200, 200, 200]
--- error_log eval
qr/api=(openai op=chat step=llm_generation model=gpt-5.4 in=20|anthropic op=chat step=llm_generation model=claude-haiku-4-5 in=125|bedrock op=chat step=llm_generation model=anthropic.claude-haiku-4-5-20251001-v1:0 in=25)/
--- no_error_log
api= op=
[alert]


=== TEST 6: auto: what is no operation of any API
--- config
location / { genai auto; proxy_pass @UP@/direct/openai; }
--- request
GET /health
--- error_log
skip=unknown_path


=== TEST 7: a knowledge base's answer: documents and the top score
--- config
location / {
    genai bedrock_agent;
    proxy_pass @UP@/direct/retrieve;
    access_log logs/error.log found;
}
--- http_config
log_format found 'FOUND step=$genai_step n=$genai_documents '
                 'top=$genai_top_score.';
--- request
POST /knowledgebases/KB12345678/retrieve
{"retrievalQuery":{"text":"q"}}
--- response_body_like: retrievalResults
--- error_log
FOUND step=vector_search n=2 top=0.8.


=== TEST 8: an OpenSearch answer
--- config
location / {
    genai opensearch;
    proxy_pass @UP@/direct/search;
    access_log logs/error.log found;
}
--- http_config
log_format found 'FOUND step=$genai_step n=$genai_documents '
                 'top=$genai_top_score.';
--- request
POST /kb/_search
{"size":3}
--- response_body_like: hits
--- error_log
FOUND step=vector_search n=2 top=0.83.


=== TEST 9: the provider's request id, as each names it
--- config
location /v1/ {
    genai anthropic;
    proxy_pass @UP@/direct/anthropic;
    access_log logs/error.log id;
}
--- http_config
log_format id 'ID $genai_request_id.';
--- request
POST /v1/messages
{"model":"claude-haiku-4-5"}
--- response_body_like: end_turn
--- error_log
ID req_anthropic.
