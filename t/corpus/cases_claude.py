"""Claude inside InvokeModel and InvokeModelWithResponseStream."""

from corpus import HAIKU, SONNET, Case, chunk, compact, usage

STREAM = "invoke-with-response-stream"

ASK = {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 1024,
       "system": [{"type": "text", "text": "Sys."}],
       "messages": [
           {"role": "user", "content": "Hi"},
           {"role": "assistant", "content": [{"type": "text",
                                              "text": "Yo"}]},
           {"role": "user", "content": [
               {"type": "image", "source": {"type": "base64", "data": "AA"}},
               {"type": "tool_result", "tool_use_id": "t",
                "content": [{"type": "text", "text": "42"}]},
               {"type": "text", "text": "naïve"}]}],
       "temperature": 1, "top_k": 250, "top_p": 0.999,
       "stop_sequences": ["Human:"],
       "tools": [{"name": "search", "input_schema": {}},
                 {"name": "fetch", "input_schema": {}}]}
ASK_FACTS = dict(max_tokens=1024, messages=3, prompt_chars=11, system_chars=4,
                 media_parts=1, tool_results=1, tools_offered=2,
                 temperature=1, top_k=250, top_p=0.999,
                 stop_sequences="Human:")


def message(content, stop, **use):
    return {"id": "msg_bdrk_01AAAA", "type": "message", "role": "assistant",
            "model": "claude-sonnet-4-6", "content": content,
            "stop_reason": stop, "stop_sequence": None, "usage": use}


def headers(inp, out, read=None, write=None):
    h = [("X-Amzn-Bedrock-Input-Token-Count", inp),
         ("X-Amzn-Bedrock-Output-Token-Count", out),
         ("X-Amzn-Bedrock-Invocation-Latency", 777)]
    if read is not None:
        h += [("X-Amzn-Bedrock-Cache-Read-Input-Token-Count", read),
              ("X-Amzn-Bedrock-Cache-Write-Input-Token-Count", write)]
    return h


def opening(use):
    return chunk({"type": "message_start", "message": {
        "id": "msg_bdrk_01BBBB", "type": "message", "role": "assistant",
        "model": "claude-sonnet-4-6", "content": [], "stop_reason": None,
        "stop_sequence": None, "usage": use}}, 5)


def start(block, index=0):
    return chunk({"type": "content_block_start", "index": index,
                  "content_block": block}, 9)


def delta(kind, key, value, pad=0, index=0):
    return chunk({"type": "content_block_delta", "index": index,
                  "delta": {"type": kind, key: value}}, pad)


def end(index=0):
    return chunk({"type": "content_block_stop", "index": index}, 2)


def closing(stop, use, metrics):
    return [chunk({"type": "message_delta", "delta": {
                "stop_reason": stop, "stop_sequence": None}, "usage": use},
                31),
            chunk({"type": "message_stop",
                   "amazon-bedrock-invocationMetrics": metrics}, 3)]


def metrics(inp, out, **more):
    return dict(inputTokenCount=inp, outputTokenCount=out,
                invocationLatency=900, firstByteLatency=120, **more)


TEXT = {"type": "text", "text": ""}
BASE = dict(response_id="msg_bdrk_01AAAA", response_model="claude-sonnet-4-6")
BASE_STREAM = dict(response_id="msg_bdrk_01BBBB", streamed=1,
                   response_model="claude-sonnet-4-6", server_latency_ms=900)


def plain():
    c = Case("claude/invoke-plain", "invoke", SONNET, ASK, "recorded")
    c.answer(message([{"type": "text", "text": "Hi there"}], "end_turn",
                     input_tokens=21, output_tokens=9),
             headers=headers(21, 9))
    c.expect(**ASK_FACTS, **BASE, **usage(21, 9), stop_reason="end_turn",
             finish="stop", output_chars=8, server_latency_ms=777)
    yield c.priced(SONNET, 21, 9)

    c = Case("claude/invoke-tools", "invoke", SONNET, ASK, "recorded")
    c.answer(message([
        {"type": "thinking", "thinking": "…", "signature": "s"},
        {"type": "text", "text": "Hi"},
        {"type": "tool_use", "id": "t1", "name": "search",
         "input": {"name": "not a tool", "type": "tool_use"}},
        {"name": "fetch", "input": {}, "id": "t2", "type":
         "server_tool_use"},
        {"type": "future_block", "name": "nor this"}], "tool_use",
        input_tokens=21, output_tokens=9, cache_creation_input_tokens=1024,
        cache_read_input_tokens=0,
        cache_creation={"ephemeral_5m_input_tokens": 24,
                        "ephemeral_1h_input_tokens": 1000},
        output_tokens_details={"thinking_tokens": 3},
        service_tier="standard"), headers=headers(21, 9, 0, 1024))
    c.expect(**ASK_FACTS, **BASE, **usage(1045, 9), cache_read_tokens=0,
             cache_write_tokens=1024, cache_write_1h_tokens=1000,
             reasoning_tokens=3, reasoning=1, service_tier="standard",
             tools="search,fetch", stop_reason="tool_use",
             finish="tool_call", output_chars=2, server_latency_ms=777)
    yield c.priced(SONNET, 21, 9, 0, 1024, 1000)

    # an application profile: nothing in the path says Claude
    arn = ("arn:aws:bedrock:eu-west-1:111122223333:"
           "application-inference-profile/abc123def456")
    c = Case("claude/invoke-opaque", "invoke", arn, ASK, "recorded",
             host="gateway.internal:8080")
    c.answer(message([{"type": "text", "text": "Hi"}], "end_turn",
                     input_tokens=5, output_tokens=2))
    c.expect(**ASK_FACTS, **BASE, **usage(5, 2), stop_reason="end_turn",
             finish="stop", output_chars=2, region="eu-west-1")
    yield c

    # no usage in the body: the headers are what there is
    c = Case("claude/legacy", "invoke", "anthropic.claude-v2:1",
             {"prompt": "\n\nHuman: Hi\n\nAssistant:",
              "max_tokens_to_sample": 300, "stop_sequences": ["\n\nHuman:"]},
             "recorded")
    c.answer({"completion": " Hello!", "stop_reason": "stop_sequence",
              "stop": "\n\nHuman:"}, headers=headers(10, 6))
    c.expect(operation="text_completion", max_tokens=300, prompt_chars=23,
             stop_sequences="\\n\\nHuman:", **usage(10, 6, "header"),
             stop_reason="stop_sequence", finish="stop", output_chars=7,
             server_latency_ms=777)
    yield c


def streams():
    c = Case("claude/stream-plain", STREAM, SONNET, ASK, "recorded")
    c.answer([opening({"input_tokens": 12, "output_tokens": 1}),
              start(TEXT), chunk({"type": "ping"}),
              delta("text_delta", "text", ""),
              delta("text_delta", "text", "Hello", 3),
              delta("text_delta", "text", " there", 17),
              delta("text_delta", "text", "!"), end()]
             + closing("end_turn", {"output_tokens": 7}, metrics(12, 7)))
    c.expect(**ASK_FACTS, **BASE_STREAM, **usage(12, 7), events=10,
             text_events=3, stop_reason="end_turn", finish="stop",
             output_chars=12)
    yield c.priced(SONNET, 12, 7)

    # recorded: the two disagree, the body is right
    c = Case("claude/stream-tools", STREAM, SONNET, ASK, "recorded")
    c.answer([opening({"input_tokens": 400, "output_tokens": 4}),
              start({"type": "tool_use", "id": "t", "name": "search",
                     "input": {}}),
              delta("input_json_delta", "partial_json", ""),
              delta("input_json_delta", "partial_json", "{\"q\""),
              end()]
             + closing("tool_use", {"output_tokens": 133},
                       metrics(400, 97)))
    c.expect(**ASK_FACTS, **BASE_STREAM, **usage(400, 133), events=7,
             text_events=1, tools="search", stop_reason="tool_use",
             finish="tool_call", output_chars=4, disagreement="body_frame")
    yield c.priced(SONNET, 400, 133)

    # message_delta repeats what it knows; what is null there stays
    c = Case("claude/stream-cache", STREAM, SONNET, ASK)
    c.answer([opening({"input_tokens": 3, "output_tokens": 2,
                       "cache_creation_input_tokens": 500,
                       "cache_read_input_tokens": 7000,
                       "cache_creation": {"ephemeral_5m_input_tokens": 100,
                                          "ephemeral_1h_input_tokens": 400}}),
              start({"type": "thinking", "thinking": "", "signature": ""}),
              delta("thinking_delta", "thinking", "Hmm", 8),
              delta("signature_delta", "signature", "c2lnbmF0dXJl"),
              end(), start(TEXT, 1),
              delta("text_delta", "text", "Yes", 0, 1), end(1)]
             + closing("end_turn",
                       {"input_tokens": 4, "output_tokens": 60,
                        "cache_creation_input_tokens": None,
                        "cache_read_input_tokens": 7000,
                        "output_tokens_details": {"thinking_tokens": 50}},
                       metrics(4, 60, cacheReadInputTokenCount=7000,
                               cacheWriteInputTokenCount=500)))
    c.expect(**ASK_FACTS, **BASE_STREAM, **usage(7504, 60), events=10,
             text_events=1, cache_read_tokens=7000, cache_write_tokens=500,
             cache_write_1h_tokens=400, reasoning_tokens=50, reasoning=1,
             stop_reason="end_turn", finish="stop", output_chars=6)
    yield c.priced(SONNET, 4, 60, 7000, 500, 400)

    # spaces and another order: the delta is read, not recognised
    c = Case("claude/stream-order", STREAM, HAIKU, ASK)
    c.answer([opening({"input_tokens": 12, "output_tokens": 1}),
              delta("text_delta", "text", "A"),
              chunk('{"delta": {"text": "BC", "type": "text_delta"}, '
                    '"type": "content_block_delta", "index": 0}'),
              chunk('{ "type":"content_block_delta","index":0,"delta":'
                    '{"type":"text_delta","text":"D"}}', 1)]
             + closing("end_turn", {"output_tokens": 7}, metrics(12, 7)))
    c.expect(**ASK_FACTS, **BASE_STREAM, **usage(12, 7), events=6,
             text_events=3, stop_reason="end_turn", finish="stop",
             output_chars=4)
    yield c.priced(HAIKU, 12, 7)

    c = Case("claude/stream-legacy", STREAM, "anthropic.claude-v2:1",
             {"prompt": "Hi", "max_tokens_to_sample": 30}, "recorded")
    c.answer([chunk({"completion": " He", "stop_reason": None,
                     "stop": None}),
              chunk({"completion": "llo", "stop_reason": None,
                     "stop": None}),
              chunk({"completion": "", "stop_reason": "stop_sequence",
                     "stop": "\n\nHuman:",
                     "amazon-bedrock-invocationMetrics": metrics(9, 4)})])
    c.expect(operation="text_completion", max_tokens=30, prompt_chars=2,
             streamed=1, **usage(9, 4, "frame"), events=3, text_events=2,
             stop_reason="stop_sequence", finish="stop", output_chars=6,
             server_latency_ms=900)
    yield c


def sse():
    """A proxy that turns the stream into Anthropic's own (3.5)."""
    docs = [
        {"type": "message_start", "message": {
            "id": "msg_bdrk_01BBBB", "model": "claude-sonnet-4-6",
            "usage": {"input_tokens": 12, "output_tokens": 1}}},
        {"type": "content_block_delta", "index": 0,
         "delta": {"type": "text_delta", "text": "Hi"}},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"},
         "usage": {"output_tokens": 7}},
        {"type": "message_stop"}]
    text = ": hello\n\n" + "".join(
        "event: %s\r\ndata: %s\r\n\r\n" % (d["type"], compact(d))
        for d in docs)
    for name, body, facts in (
            ("sse", text, dict(usage(12, 7), stop_reason="end_turn",
                               finish="stop", events=4)),
            ("sse-cut", text[:-80], dict(
                error=1, truncated=1, error_type="truncated_response",
                error_origin="upstream", finish="error", events=2,
                usage_source="partial", input_tokens=12, output_tokens=1,
                total_tokens=13))):
        c = Case("claude/" + name, STREAM, SONNET, ASK)
        c.answer(body, ctype="text/event-stream; charset=utf-8")
        c.expect(**ASK_FACTS, **facts, response_id="msg_bdrk_01BBBB",
                 response_model="claude-sonnet-4-6", streamed=1,
                 text_events=1, output_chars=2)
        yield c


def cases():
    yield from sse()
    yield from plain()
    yield from streams()
