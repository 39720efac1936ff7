"""Anthropic's Messages API wherever it is spoken."""

from cases_claude import ASK as CLAUDE_ASK
from cases_claude import ASK_FACTS
from cases_claude import message
from corpus import SONNET, usage
from direct import ASYNC, CHAT, COUNT, Direct, sse

MODEL = "claude-sonnet-4-6"
HOST = "api.anthropic.com"
PATH = "/v1/messages"
ASK = {k: v for k, v in CLAUDE_ASK.items() if k != "anthropic_version"}
VERSION = [("anthropic-version", "2023-06-01"),
           ("x-api-key", "sk-ant-EXAMPLE")]
BASE = dict(response_id="msg_bdrk_01AAAA", response_model=MODEL)


def call(name, stream=False, model=MODEL, path=PATH, host=HOST, end="complete",
         ask=None, **facts):
    ask = dict(ask or ASK)
    if model and "model" not in facts:
        ask["model"] = model
    if stream:
        ask["stream"] = True
        facts["stream"] = 1
    facts.setdefault("model", model)
    c = Direct("anthropic/" + name, "anthropic", facts.pop("op", "Messages"),
               path, host, ask, end=end, headers=VERSION, **CHAT, **facts)
    return c.expect(**ASK_FACTS)


def ev(doc):
    return sse(doc, doc["type"])


def opening(**use):
    return ev({"type": "message_start", "message": {
        "id": "msg_01CCCC", "type": "message", "role": "assistant",
        "model": MODEL, "content": [], "stop_reason": None, "usage": use}})


def delta(kind, key, value, index=0):
    return ev({"type": "content_block_delta", "index": index,
               "delta": {"type": kind, key: value}})


def start(block, index=0):
    return ev({"type": "content_block_start", "index": index,
               "content_block": block})


def stop(index=0):
    return ev({"type": "content_block_stop", "index": index})


def closing(reason, **use):
    return [ev({"type": "message_delta", "delta": {
        "stop_reason": reason, "stop_sequence": None}, "usage": use}),
        ev({"type": "message_stop"})]


TEXT = {"type": "text", "text": ""}
STREAM = dict(response_id="msg_01CCCC", response_model=MODEL)
PLAIN = [opening(input_tokens=25, output_tokens=1,
                 cache_read_input_tokens=0, cache_creation_input_tokens=0),
         start(TEXT), ev({"type": "ping"}), b": keep-alive\n\n",
         delta("text_delta", "text", "Hel"),
         delta("text_delta", "text", "lo \"you\""), stop()]


def whole():
    c = call("messages")
    c.answer(message([{"type": "text", "text": "Hi there"}], "end_turn",
                     input_tokens=21, output_tokens=9), rid="request-id")
    c.expect(**BASE, **usage(21, 9), stop_reason="end_turn", finish="stop",
             output_chars=8)
    yield c.priced(MODEL, 21, 9)

    # what tier was asked for does not matter, what was given does
    c = call("messages-tools-cache", ask=dict(
        ASK, service_tier="standard_only"))
    c.answer(message([
        {"type": "thinking", "thinking": "…", "signature": "s"},
        {"type": "tool_use", "id": "t", "name": "search", "input": {}},
        {"type": "server_tool_use", "id": "s", "name": "web_search",
         "input": {}}], "tool_use", input_tokens=21, output_tokens=9,
        cache_creation_input_tokens=1024, cache_read_input_tokens=512,
        cache_creation={"ephemeral_5m_input_tokens": 24,
                        "ephemeral_1h_input_tokens": 1000},
        service_tier="standard"), rid="request-id")
    c.expect(**BASE, **usage(1557, 9), cache_read_tokens=512,
             cache_write_tokens=1024, cache_write_1h_tokens=1000,
             reasoning=1, service_tier="standard", tools="search,web_search",
             stop_reason="tool_use", finish="tool_call")
    yield c.priced(MODEL, 21, 9, 512, 1024, 1000)

    for name, status, kind, text in (
            ("429", "429 Too Many Requests", "rate_limit_error", "Slow."),
            ("529", "529", "overloaded_error", "Overloaded")):
        c = call("status-" + name)
        c.answer({"type": "error", "error": {"type": kind, "message": text},
                  "request_id": "req_1"}, status, rid="request-id")
        yield c.failed(kind, text)

    c = call("count-tokens", op="CountTokens", path=PATH + "/count_tokens")
    c.answer({"input_tokens": 2095}, rid="request-id")
    yield c.expect(**COUNT, **usage(2095, None), step=None)


def streams():
    c = call("stream", True)
    c.answer(PLAIN + closing("end_turn", output_tokens=15), rid="request-id")
    c.expect(**STREAM, **usage(25, 15), cache_read_tokens=0,
             cache_write_tokens=0, stop_reason="end_turn", finish="stop",
             events=8, text_events=2, output_chars=11)
    yield c.priced(MODEL, 25, 15)

    # final counts replace the first ones, null does not
    c = call("stream-tools-cache", True)
    c.answer([opening(input_tokens=3, output_tokens=2,
                      cache_read_input_tokens=900,
                      cache_creation_input_tokens=100,
                      cache_creation={"ephemeral_5m_input_tokens": 0,
                                      "ephemeral_1h_input_tokens": 100}),
              start({"type": "thinking", "thinking": ""}),
              delta("thinking_delta", "thinking", "Well"),
              delta("signature_delta", "signature", "AbCd"), stop(),
              start({"type": "tool_use", "id": "t", "name": "search",
                     "input": {}}, 1),
              delta("input_json_delta", "partial_json", "", 1),
              delta("input_json_delta", "partial_json", "{\"q\":1}", 1),
              stop(1)]
             + closing("tool_use", input_tokens=5, output_tokens=40,
                       cache_read_input_tokens=None,
                       output_tokens_details={"thinking_tokens": 12}),
             rid="request-id")
    c.expect(**STREAM, **usage(1005, 40), cache_read_tokens=900,
             cache_write_tokens=100, cache_write_1h_tokens=100,
             reasoning_tokens=12, reasoning=1, tools="search",
             stop_reason="tool_use", finish="tool_call", events=11,
             text_events=1, output_chars=11)
    yield c.priced(MODEL, 5, 40, 900, 100, 100)

    # carriage returns, and events without a name
    c = call("stream-crlf", True)
    c.answer([e.replace(b"\n", b"\r\n") if i % 2 else
              e.split(b"\n", 1)[1] if e.startswith(b"event") else e
              for i, e in enumerate(PLAIN + closing("end_turn",
                                                    output_tokens=15))],
             rid="request-id")
    c.expect(**STREAM, **usage(25, 15), cache_read_tokens=0,
             cache_write_tokens=0, stop_reason="end_turn", finish="stop",
             events=8, text_events=2, output_chars=11)
    yield c.priced(MODEL, 25, 15)

    c = call("stream-error", True)
    c.answer(PLAIN[:5] + [ev({"type": "error", "error": {
        "type": "overloaded_error", "message": "Overloaded"},
        "request_id": "req_1"})], rid="request-id")
    c.failed("overloaded_error", "Overloaded", **STREAM, finish="error")
    yield c.expect(input_tokens=25, output_tokens=1, total_tokens=26,
                   usage_source="partial", cache_read_tokens=0,
                   cache_write_tokens=0, events=5, text_events=1,
                   output_chars=3)

    for end in ("cut", "aborted"):
        c = call("stream-" + end, True, end=end)
        c.answer(PLAIN, rid="request-id")
        c.expect(**STREAM, input_tokens=25, output_tokens=1, total_tokens=26,
                 usage_source="partial", cache_read_tokens=0,
                 cache_write_tokens=0, events=6, text_events=2,
                 output_chars=11, finish="error", error=1)
        if end == "cut":
            c.expect(truncated=1, error_type="truncated_response",
                     error_origin="upstream")
        else:
            c.expect(aborted=1, error_type="client_closed_request",
                     error_origin="client")
        yield c


def elsewhere():
    """Other hosts: who is paid, and by which price."""
    c = call("bedrock", model=SONNET, path="/anthropic/v1/messages",
             host="bedrock-runtime.us-east-1.amazonaws.com",
             provider="aws.bedrock", region="us-east-1")
    c.answer(message([{"type": "text", "text": "Hi there"}], "end_turn",
                     input_tokens=21, output_tokens=9))
    c.expect(**BASE, **usage(21, 9), stop_reason="end_turn", finish="stop",
             output_chars=8)
    yield c.priced(SONNET, 21, 9)

    c = call("mantle-stream", True, model="anthropic.claude-sonnet-4-6",
             path="/anthropic/v1/messages", provider="aws.bedrock",
             host="bedrock-mantle.eu-west-1.api.aws", region="eu-west-1")
    c.answer(PLAIN + closing("end_turn", output_tokens=15))
    c.expect(**STREAM, **usage(25, 15), cache_read_tokens=0,
             cache_write_tokens=0, stop_reason="end_turn", finish="stop",
             events=8, text_events=2, output_chars=11)
    yield c.priced(SONNET, 25, 15)

    # whose deployment of that name is another model
    c = call("foundry", model="claude-haiku-4-5",
             provider="azure.ai.inference", path="/anthropic/v1/messages",
             host="r.services.ai.azure.com")
    c.answer(message([{"type": "text", "text": "Hi there"}], "end_turn",
                     input_tokens=21, output_tokens=9), rid="apim-request-id")
    c.expect(**BASE, **usage(21, 9), stop_reason="end_turn", finish="stop",
             output_chars=8)
    yield c.priced(MODEL, 21, 9)

    vertex = "/v1/projects/p/locations/global/publishers/anthropic/models/"
    for name, op, path in (("vertex", "RawPredict", "rawPredict"),
                           ("vertex-stream", "StreamRawPredict",
                            "streamRawPredict")):
        stream = name == "vertex-stream"
        c = call(name, stream, op=op, ask=dict(
            ASK, anthropic_version="vertex-2023-10-16"),
            host="aiplatform.googleapis.com", provider="gcp.vertex_ai",
            path=vertex + "claude-sonnet-4-5@20250929:" + path,
            model="claude-sonnet-4-5@20250929")
        if stream:
            c.answer(PLAIN + closing("end_turn", output_tokens=15), rid=None)
            c.expect(**STREAM, **usage(25, 15), cache_read_tokens=0,
                     cache_write_tokens=0, stop_reason="end_turn",
                     finish="stop", events=8, text_events=2, output_chars=11)
            yield c.priced("claude-sonnet-4-5@20250929", 25, 15)
        else:
            c.answer(message([{"type": "text", "text": "Hi there"}],
                             "end_turn", input_tokens=21, output_tokens=9),
                     rid=None)
            c.expect(**BASE, **usage(21, 9), stop_reason="end_turn",
                     finish="stop", output_chars=8)
            yield c.priced("claude-sonnet-4-5@20250929", 21, 9)


def batches():
    doc = {"id": "msgbatch_01", "type": "message_batch",
           "processing_status": "in_progress", "request_counts": {}}
    for name, op, method, path, body in (
            ("batch", "CreateMessageBatch", "POST", PATH + "/batches",
             {"requests": [{"custom_id": "a", "params": ASK}]}),
            ("batch-get", "GetMessageBatch", "GET",
             PATH + "/batches/msgbatch_01", b"")):
        c = Direct("anthropic/" + name, "anthropic", op, path, HOST, body,
                   method=method, **ASYNC)
        c.answer(doc, rid="request-id")
        yield c.expect(response_id="msgbatch_01", stop_reason="in_progress",
                       finish="other")


def cases():
    for part in (whole, streams, elsewhere, batches):
        yield from part()
