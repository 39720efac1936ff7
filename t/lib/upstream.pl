# A stand-in for the model endpoint inside the tested nginx.  access_log
# writes the facts of every call into error.log, where the tests look.

use strict;
use warnings;

my $port = $ENV{TEST_NGINX_UPSTREAM_PORT} =
    ($ENV{TEST_NGINX_PORT} // $ENV{TEST_NGINX_SERVER_PORT} // 1984) + 1;

# the answer of Converse, 25 tokens in and 5 out: 0.00005 USD of Haiku 4.5
our $answer = '{"metrics":{"latencyMs":12},"output":{"message":'
    . '{"role":"assistant","content":[{"text":"Hi there"}]}},'
    . '"stopReason":"end_turn","usage":{"inputTokens":25,'
    . '"outputTokens":5,"totalTokens":30}}';

our $model = 'anthropic.claude-haiku-4-5-20251001-v1:0';

our $upstream = <<"_EOC_";
    log_format facts 'FACTS uri=\$request_uri api=\$genai_api '
                     'op=\$genai_operation step=\$genai_step '
                     'model=\$genai_model in=\$genai_input_tokens '
                     'out=\$genai_output_tokens total=\$genai_total_tokens '
                     'cost=\$genai_cost stop=\$genai_stop_reason '
                     'src=\$genai_usage_source err=\$genai_error '
                     'skip=\$genai_skip_reason status=\$status.';
    proxy_read_timeout 300s;

    server {
        listen 127.0.0.1:$port;
        client_max_body_size 30m;

        location /model/ {
            default_type application/json;
            add_header x-amzn-RequestId req-0001;
            add_header X-Seen-Traceparent \$http_traceparent;
            add_header X-Seen-Xray \$http_x_amzn_trace_id;
            add_header X-Seen-Tracestate \$http_tracestate;
            add_header X-Seen-B3 \$http_b3;
            add_header X-Seen-B3-Span \$http_x_b3_spanid;
            add_header X-Seen-Baggage \$http_baggage;
            return 200 '$answer';
        }

        location /direct/openai {
            default_type application/json;
            return 200 '{"id":"chatcmpl-1","object":"chat.completion","model":"gpt-5.4","choices":[{"index":0,"message":{"role":"assistant","content":"Hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":20,"completion_tokens":5,"total_tokens":25,"prompt_tokens_details":{"cached_tokens":16}}}';
        }

        location /direct/openai-stream {
            default_type text/event-stream;
            return 200 'data: {"id":"c","object":"chat.completion.chunk","model":"gpt-5.4","choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":null}],"usage":null}\n\ndata: {"id":"c","object":"chat.completion.chunk","model":"gpt-5.4","choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":null}\n\ndata: {"id":"c","object":"chat.completion.chunk","model":"gpt-5.4","choices":[],"usage":{"prompt_tokens":9,"completion_tokens":3,"total_tokens":12}}\n\ndata: [DONE]\n\n';
        }

        location /direct/openai-error {
            default_type application/json;
            return 429 '{"error":{"message":"You exceeded your current quota","type":"insufficient_quota","param":null,"code":"insufficient_quota"}}';
        }

        location /direct/anthropic {
            default_type application/json;
            add_header request-id req_anthropic;
            return 200 '{"id":"msg_1","type":"message","role":"assistant","model":"claude-haiku-4-5","content":[{"type":"text","text":"Hi"}],"stop_reason":"end_turn","usage":{"input_tokens":25,"output_tokens":7,"cache_read_input_tokens":100,"cache_creation_input_tokens":0}}';
        }

        location /direct/retrieve {
            default_type application/json;
            return 200 '{"retrievalResults":[{"content":{"text":"a"},"score":0.8},{"content":{"text":"b"},"score":0.4}]}';
        }

        location /direct/search {
            default_type application/json;
            return 200 '{"took":7,"timed_out":false,"_shards":{"total":1,"successful":1,"failed":0},"hits":{"total":{"value":2},"max_score":0.83,"hits":[{"_id":"a1","_score":0.83},{"_id":"a2","_score":0.5}]}}';
        }

        location /model/throttled/ {
            default_type application/json;
            add_header x-amzn-ErrorType "ThrottlingException:http://internal/" always;
            return 429 '{"message":"Too many requests, please wait before trying again."}';
        }

        location /model/broken/ {
            default_type application/json;
            return 200 '{"usage":{"inputTokens":25,';
        }

        location /model/html/ {
            default_type text/html;
            return 200 '<html>not an answer</html>';
        }
    }
_EOC_

add_block_preprocessor(sub {
    my $block = shift;

    my $http = $block->http_config // '';
    $block->set_value('http_config', "$upstream\n$http");

    my $config = $block->config // '';
    $config = "access_log logs/error.log facts;\n$config";
    $config =~ s/\@UP\@/http:\/\/127.0.0.1:$port/g;
    $block->set_value('config', $config);
});

1;
