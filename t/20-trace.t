# Trace context: taken, made, passed on.

use FindBin;
use Test::Nginx::Socket 'no_plan';

require "$FindBin::Bin/lib/genai.pl";
require "$FindBin::Bin/lib/upstream.pl";

run_tests();

__DATA__

=== TEST 1: a caller's trace goes on, with our span as the parent
--- config
location /model/ {
    genai bedrock;
    proxy_pass @UP@;
    add_header X-Trace $genai_trace_id;
    add_header X-Parent $genai_parent_id;
    add_header X-Sampled $genai_sampled;
}
--- request
POST /model/m/converse
{}
--- more_headers
traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01
tracestate: a=1,b=2
--- response_headers
X-Trace: 4bf92f3577b34da6a3ce929d0e0e4736
X-Parent: 00f067aa0ba902b7
X-Sampled: 1
X-Seen-Tracestate: a=1,b=2
--- response_headers_like
X-Seen-Traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-(?!00f067aa0ba902b7)[0-9a-f]{16}-01
X-Seen-Xray: Root=1-4bf92f35-77b34da6a3ce929d0e0e4736;Parent=[0-9a-f]{16};Sampled=1


=== TEST 2: without one a trace begins, its id the time and random bits
--- config
location /model/ { genai bedrock; proxy_pass @UP@; }
--- request
POST /model/m/converse
{}
--- response_headers_like
X-Seen-Traceparent: 00-[6-9][0-9a-f]{31}-[0-9a-f]{16}-03


=== TEST 3: a parent that is not sampled stays so, usage is counted all the same
--- config
location /model/ { genai bedrock; proxy_pass @UP@; }
--- request
POST /model/m/converse
{}
--- more_headers
traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00
--- response_headers_like
X-Seen-Traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-[0-9a-f]{16}-00
--- error_log
in=25 out=5 total=30


=== TEST 4: a bad traceparent is replaced, its tracestate dropped
--- config
location /model/ { genai bedrock; proxy_pass @UP@; }
--- request
POST /model/m/converse
{}
--- more_headers
traceparent: 00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01
tracestate: a=1
--- response_headers_like
X-Seen-Traceparent: 00-(?!4)[0-9a-f]{32}-[0-9a-f]{16}-03
--- response_headers
! X-Seen-Tracestate


=== TEST 5: two traceparents are none
--- config
location /model/ { genai bedrock; proxy_pass @UP@; }
--- request
POST /model/m/converse
{}
--- more_headers
traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01
traceparent: 00-5bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01
--- response_headers_like
X-Seen-Traceparent: 00-[6-9][0-9a-f]{31}-[0-9a-f]{16}-03


=== TEST 6: X-Ray's header is taken, what it holds beside the ids is kept
--- config
location /model/ { genai bedrock; proxy_pass @UP@; }
--- request
POST /model/m/converse
{}
--- more_headers
X-Amzn-Trace-Id: Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1;Lineage=a87bd80c:1
--- response_headers_like
X-Seen-Traceparent: 00-5759e988bd862e3fe1be46a994272793-(?!53995c3f42cd8ad8)[0-9a-f]{16}-0[13]
X-Seen-Xray: Root=1-5759e988-bd862e3fe1be46a994272793;Parent=(?!53995c3f42cd8ad8)[0-9a-f]{16};Sampled=1;Lineage=a87bd80c:1


=== TEST 7: the order of formats decides between two
--- config
location /model/ {
    genai bedrock;
    genai_trace_formats xray w3c;
    proxy_pass @UP@;
}
--- request
POST /model/m/converse
{}
--- more_headers
traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01
X-Amzn-Trace-Id: Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1
--- response_headers_like
X-Seen-Traceparent: 00-5759e988bd862e3fe1be46a994272793-[0-9a-f]{16}-0[13]


=== TEST 8: w3c alone sets no other header
--- config
location /model/ {
    genai bedrock;
    genai_trace_formats w3c;
    proxy_pass @UP@;
}
--- request
POST /model/m/converse
{}
--- response_headers_like
X-Seen-Traceparent: 00-[0-9a-f]{32}-[0-9a-f]{16}-03
--- response_headers
! X-Seen-Xray


=== TEST 9: "inject" lets strangers choose no trace id
--- config
location /model/ {
    genai bedrock;
    genai_trace_context inject;
    proxy_pass @UP@;
}
--- request
POST /model/m/converse
{}
--- more_headers
traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01
--- response_headers_like
X-Seen-Traceparent: 00-(?!4bf92f35)[0-9a-f]{32}-[0-9a-f]{16}-03


=== TEST 10: "extract" passes the caller's header on as it came
--- config
location /model/ {
    genai bedrock;
    genai_trace_context extract;
    proxy_pass @UP@;
    add_header X-Trace $genai_trace_id;
}
--- request
POST /model/m/converse
{}
--- more_headers
traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01
--- response_headers
X-Trace: 4bf92f3577b34da6a3ce929d0e0e4736
X-Seen-Traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01
! X-Seen-Xray


=== TEST 11: "ignore" touches nothing
--- config
location /model/ {
    genai bedrock;
    genai_trace_context ignore;
    proxy_pass @UP@;
}
--- request
POST /model/m/converse
{}
--- more_headers
traceparent: bad
--- response_headers
X-Seen-Traceparent: bad
! X-Seen-Xray


=== TEST 12: a header that the client signed is not altered
--- config
location /model/ { genai bedrock; proxy_pass @UP@; }
--- request
POST /model/m/converse
{}
--- more_headers
traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01
Authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261123/us-east-1/bedrock/aws4_request, SignedHeaders=host;traceparent;x-amz-date, Signature=00
--- response_headers
X-Seen-Traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01


=== TEST 13: baggage does not go to model endpoints
--- config
location /model/ { genai bedrock; proxy_pass @UP@; }
--- request
POST /model/m/converse
{}
--- more_headers
baggage: user=alice
--- response_headers
! X-Seen-Baggage


=== TEST 14: unless it is told to
--- config
location /model/ { genai bedrock; genai_baggage all; proxy_pass @UP@; }
--- request
POST /model/m/converse
{}
--- more_headers
baggage: user=alice
--- response_headers
X-Seen-Baggage: user=alice


=== TEST 15: a ratio of 0 samples nothing, and says why there is no span
--- config
location /model/ { genai bedrock; genai_sample 0; proxy_pass @UP@; }
--- request
POST /model/anthropic.claude-haiku-4-5-20251001-v1%3A0/converse
{}
--- response_headers_like
X-Seen-Traceparent: 00-[0-9a-f]{32}-[0-9a-f]{16}-02
--- error_log
in=25 out=5 total=30
skip=unsampled


=== TEST 16: a ratio from a variable
--- http_config
map $http_x_team $ratio { default 0; search 1; }
--- config
location /model/ { genai bedrock; genai_sample $ratio; proxy_pass @UP@; }
--- request
POST /model/m/converse
{}
--- more_headers
X-Team: search
--- response_headers_like
X-Seen-Traceparent: 00-[0-9a-f]{32}-[0-9a-f]{16}-03


=== TEST 17: the variable that is sent is the variable that is shown
--- config
location /model/ {
    genai bedrock;
    proxy_pass @UP@;
    add_header X-Sent $genai_traceparent;
    add_header X-Same "$genai_traceparent=$upstream_http_x_seen_traceparent";
}
--- request
POST /model/m/converse
{}
--- response_headers_like
X-Same: (00-[0-9a-f-]+)=\1


=== TEST 18: B3 single is taken and sent, the caller's span is the parent
--- config
location /model/ {
    genai bedrock;
    genai_trace_formats b3;
    proxy_pass @UP@;
    add_header X-Trace $genai_trace_id;
    add_header X-Parent $genai_parent_id;
}
--- request
POST /model/m/converse
{}
--- more_headers
b3: 80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-1-05e3ac9a4f6e3b90
--- response_headers
X-Trace: 80f198ee56343ba864fe8b2a57d3eff7
X-Parent: e457b5a2e4d86bd1
--- response_headers_like
X-Seen-B3: 80f198ee56343ba864fe8b2a57d3eff7-(?!e457b5a2e4d86bd1)[0-9a-f]{16}-1
X-Seen-Traceparent:


=== TEST 19: B3 multi is taken, passes as it came, and single goes with it
--- config
location /model/ {
    genai bedrock;
    genai_trace_formats w3c b3;
    proxy_pass @UP@;
    add_header X-Parent $genai_parent_id;
    add_header X-Sampled $genai_sampled;
}
--- request
POST /model/m/converse
{}
--- more_headers
X-B3-TraceId: 64fe8b2a57d3eff7
X-B3-SpanId: e457b5a2e4d86bd1
X-B3-Sampled: 0
--- response_headers
X-Parent: e457b5a2e4d86bd1
X-Sampled: 0
X-Seen-B3-Span: e457b5a2e4d86bd1
--- response_headers_like
X-Seen-B3: 000000000000000064fe8b2a57d3eff7-[0-9a-f]{16}-0
X-Seen-Traceparent: 00-000000000000000064fe8b2a57d3eff7-[0-9a-f]{16}-00


=== TEST 20: debug is sampled whatever the ratio, and stays debug
--- config
location /model/ {
    genai bedrock;
    genai_sample 0;
    genai_trace_formats b3 w3c;
    proxy_pass @UP@;
    add_header X-Sampled $genai_sampled;
}
--- request
POST /model/m/converse
{}
--- more_headers
b3: 80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-d
--- response_headers
X-Sampled: 1
--- response_headers_like
X-Seen-B3: 80f198ee56343ba864fe8b2a57d3eff7-[0-9a-f]{16}-d
X-Seen-Traceparent: 00-80f198ee56343ba864fe8b2a57d3eff7-[0-9a-f]{16}-01


=== TEST 21: "b3: 0" is a decision without ids
--- config
location /model/ {
    genai bedrock;
    genai_trace_formats b3;
    proxy_pass @UP@;
    add_header X-Sampled $genai_sampled;
}
--- request
POST /model/m/converse
{}
--- more_headers
b3: 0
--- response_headers
X-Sampled: 0
--- response_headers_like
X-Seen-B3: [0-9a-f]{32}-[0-9a-f]{16}-0


=== TEST 22: not listed, b3 is neither taken nor changed
--- config
location /model/ {
    genai bedrock;
    proxy_pass @UP@;
}
--- request
POST /model/m/converse
{}
--- more_headers
b3: 80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-1
--- response_headers
X-Seen-B3: 80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-1


=== TEST 23: a trace that begins here is told in b3 too
--- config
location /model/ {
    genai bedrock;
    genai_trace_context inject;
    genai_trace_formats xray b3;
    proxy_pass @UP@;
}
--- request
POST /model/m/converse
{}
--- more_headers
b3: 80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-1
--- response_headers_like
X-Seen-B3: (?!80f198ee)[0-9a-f]{32}-[0-9a-f]{16}-1


=== TEST: what the client signed stays, whatever header it is
--- config
location /model/ { genai bedrock; proxy_pass @UP@; }
--- request
POST /model/m/converse
{}
--- more_headers
X-Amzn-Trace-Id: Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1
baggage: user=alice
Authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261123/us-east-1/bedrock/aws4_request, SignedHeaders=baggage;host;x-amzn-trace-id, Signature=00
--- response_headers
X-Seen-Xray: Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1
X-Seen-Baggage: user=alice
