"""Errors of every kind, and bodies that are broken."""

from cases_claude import ASK as INVOKE_ASK
from cases_claude import ASK_FACTS as INVOKE_FACTS
from cases_claude import opening, start, delta as claude_delta, TEXT, STREAM
from cases_converse import ASK, ASK_FACTS, START, delta, meta, reply, stop
from corpus import HAIKU, Case, chunk, event, exception, frame, usage

HTTP = "http://internal.amazon.com/coral/com.amazon.bedrock/"
PLAIN = [START, delta("Hel"), delta("lo"), stop("end_turn"),
         meta(inputTokens=9, outputTokens=4, totalTokens=13)]


def failed(c, kind, message=None, origin="upstream", **more):
    return c.expect(**ASK_FACTS, error=1, error_type=kind,
                    error_origin=origin, error_message=message, **more)


def status():
    for name, code, header, body, kind, text in (
        ("validation", "400 Bad Request", "ValidationException:" + HTTP,
         {"message": "The provided model identifier is invalid."},
         "ValidationException", "The provided model identifier is invalid."),
        ("throttle", "429 Too Many Requests", "ThrottlingException",
         {"message": "Too many tokens, please wait before trying again."},
         "ThrottlingException",
         "Too many tokens, please wait before trying again."),
        ("code", "403 Forbidden", None,
         {"Message": "no", "code": "AccessDeniedException"},
         "AccessDeniedException", "no"),
        ("type", "403 Forbidden", None,
         {"__type": "com.amazon.coral.service#ExpiredTokenException",
          "message": "The security token is expired"},
         "ExpiredTokenException", "The security token is expired"),
        ("code-and-type", "424 Failed Dependency", None,
         {"__type": "a#Other", "code": "ModelErrorException",
          "originalStatusCode": 500}, "ModelErrorException", None),
        ("header-wins", "400 Bad Request", "FromHeader",
         {"__type": "x#FromType", "code": "FromCode"}, "FromHeader", None),
        ("html", "502 Bad Gateway", None,
         "<html><body>Bad gateway</body></html>", "502", None),
        ("empty", "503 Service Unavailable", None, "", "503", None),
        ("broken", "500 Internal Server Error", None, '{"message":"hal',
         "500", None)):
        c = Case("error/status-" + name, "converse", HAIKU, ASK,
                 "recorded" if header else "made")
        c.answer(body, code, "text/html" if name == "html" else
                 "application/json",
                 [("x-amzn-ErrorType", header)] if header else [])
        yield failed(c, kind, text)

    c = Case("error/status-gateway", "converse", HAIKU, ASK)
    c.steer[".origin"] = "gateway"
    c.answer("<html>", "413 Request Entity Too Large", "text/html")
    yield failed(c, "413", origin="gateway")

    c = Case("error/status-long", "converse-stream", HAIKU, ASK)
    c.answer({"message": "é" * 300}, "400 Bad Request")
    yield failed(c, "400", "é" * 100)

    c = Case("error/status-stream", "converse-stream", HAIKU, ASK)
    c.answer({"message": "x"}, "429 Too Many Requests", headers=[
        ("x-amzn-ErrorType", "ThrottlingException")])
    yield failed(c, "ThrottlingException", "x")


def frames():
    c = Case("error/exception-first", "converse-stream", HAIKU, ASK)
    c.answer([exception("throttlingException", {"message": "budget"})])
    yield failed(c, "throttlingException", "budget", streamed=1,
                 finish="error")

    c = Case("error/exception-middle", "converse-stream", HAIKU, ASK)
    c.answer(PLAIN[:3] + [exception("modelStreamErrorException", {
        "message": "The model broke.", "originalStatusCode": 500,
        "originalMessage": "x"})])
    yield failed(c, "modelStreamErrorException", "The model broke.",
                 streamed=1, events=3, text_events=2, output_chars=5,
                 finish="error")

    c = Case("error/error-frame", "converse-stream", HAIKU, ASK)
    c.answer(PLAIN[:2] + [frame([(":error-code", "BudgetExceeded"),
                                 (":error-message", "monthly limit"),
                                 (":message-type", "error")])])
    yield failed(c, "BudgetExceeded", "monthly limit", streamed=1, events=2,
                 text_events=1, output_chars=3, finish="error")

    c = Case("error/claude-event", STREAM, HAIKU, INVOKE_ASK)
    c.answer([opening({"input_tokens": 12, "output_tokens": 1}), start(TEXT),
              claude_delta("text_delta", "text", "Hel"),
              chunk({"type": "error", "error": {
                  "type": "overloaded_error", "message": "Overloaded"}})])
    c.expect(**INVOKE_FACTS, streamed=1, error=1, events=4, text_events=1,
             error_type="overloaded_error", error_message="Overloaded",
             error_origin="upstream", finish="error", output_chars=3,
             response_id="msg_bdrk_01BBBB",
             response_model="claude-sonnet-4-6", input_tokens=12,
             output_tokens=1, total_tokens=13, usage_source="partial")
    yield c


def cut():
    text = dict(streamed=1, truncated=1, finish="error")
    c = Case("error/cut-in-frame", "converse-stream", HAIKU, ASK)
    c.answer(PLAIN[:2] + [PLAIN[2][:50]])
    yield failed(c, "truncated_response", events=2, text_events=1,
                 output_chars=3, **text)

    c = Case("error/cut-clean", "converse-stream", HAIKU, ASK)
    c.answer(PLAIN[:3])
    yield failed(c, "truncated_response", events=3, text_events=2,
                 output_chars=5, **text)

    # all text, even the reason, but the usage never came
    c = Case("error/cut-metadata", "converse-stream", HAIKU, ASK)
    c.answer(PLAIN[:4])
    text["finish"] = "stop"
    yield failed(c, "truncated_response", events=4, text_events=2,
                 output_chars=5, stop_reason="end_turn", **text)

    c = Case("error/aborted", "converse-stream", HAIKU, ASK, end="aborted")
    c.answer(PLAIN[:3])
    yield failed(c, "client_closed_request", origin="client", events=3,
                 text_events=2, output_chars=5, streamed=1, aborted=1,
                 finish="error")

    # everything that counts had passed
    c = Case("error/aborted-late", "converse-stream", HAIKU, ASK,
             end="aborted")
    c.answer(PLAIN)
    c.expect(**ASK_FACTS, **usage(9, 4), streamed=1, aborted=1, events=5,
             text_events=2, output_chars=5, stop_reason="end_turn",
             finish="stop", server_latency_ms=321)
    yield c.priced(HAIKU, 9, 4)

    c = Case("error/cut-json", "converse", HAIKU, ASK, end="cut")
    c.answer('{"usage":{"inputTokens":5,"outputT')
    yield failed(c, "truncated_response", truncated=1, finish="error",
                 input_tokens=5, usage_source="partial")

    c = Case("error/cut-json-early", "converse", HAIKU, ASK, end="cut")
    c.answer('{"output":{"message":{"role":"assist')
    yield failed(c, "truncated_response", truncated=1, finish="error",
                 no_cost="truncated")

    c = Case("error/cut-claude", STREAM, HAIKU, INVOKE_ASK, end="cut")
    c.answer([opening({"input_tokens": 12, "output_tokens": 1}), start(TEXT),
              claude_delta("text_delta", "text", "Hel"),
              claude_delta("text_delta", "text", "lo there", 20)[:-3]])
    c.expect(**INVOKE_FACTS, streamed=1, error=1, truncated=1, events=3,
             text_events=1, error_type="truncated_response",
             error_origin="upstream", finish="error", output_chars=3,
             response_id="msg_bdrk_01BBBB",
             response_model="claude-sonnet-4-6", input_tokens=12,
             output_tokens=1, total_tokens=13, usage_source="partial")
    yield c


def broken():
    def flip(data, at):
        return data[:at] + bytes([data[at] ^ 1]) + data[at + 1:]

    counted = dict(streamed=1, bad_body=1)
    text = dict(counted, no_cost="bad_body")
    c = Case("error/crc-message", "converse-stream", HAIKU, ASK)
    c.answer(PLAIN[:2] + [flip(PLAIN[2], -1)] + PLAIN[3:])
    yield failed(c, "bad_frame", events=2, text_events=1, output_chars=3,
                 **text)

    c = Case("error/crc-prelude", "converse-stream", HAIKU, ASK)
    c.answer(PLAIN[:3] + [flip(PLAIN[3], 9)] + PLAIN[4:])
    yield failed(c, "bad_frame", events=3, text_events=2, output_chars=5,
                 **text)

    c = Case("error/not-frames", "converse-stream", HAIKU, ASK)
    c.answer(["this is no event stream, whatever the type says".encode()])
    yield failed(c, "bad_frame", **text)

    c = Case("error/event-json", "converse-stream", HAIKU, ASK)
    c.answer([START, event("contentBlockDelta", '{"delta":{"text":"a"}'),
              event("metadata", '{"usage":{"inputTokens":1]}')])
    yield failed(c, "malformed_body", events=3, text_events=1,
                 output_chars=1, input_tokens=1, usage_source="partial",
                 **counted)

    c = Case("error/chunk-base64", STREAM, HAIKU, INVOKE_ASK)
    c.answer([event("chunk", '{"bytes":"e30=*"}')])
    c.expect(**INVOKE_FACTS, error=1, error_type="malformed_body", events=1,
             error_origin="upstream", **text)
    yield c

    c = Case("error/empty-stream", "converse-stream", HAIKU, ASK)
    c.answer([])
    yield failed(c, "empty_body", **text)

    for name, body, kind in (
            ("empty-json", "", "empty_body"),
            ("nan", '{"usage":{"inputTokens":NaN,"outputTokens":5}}',
             "malformed_body"),
            ("garbage", "\x00\x01\x02", "malformed_body"),
            ("trailing", '{"stopReason":"end_turn"} x', "malformed_body"),
            ("deep", "[" * 200 + "]" * 200, "malformed_body")):
        c = Case("error/" + name, "converse", HAIKU, ASK)
        c.answer(body)
        failed(c, kind, bad_body=1, no_cost="bad_body")
        if name == "trailing":
            c.expect(stop_reason="end_turn", finish="stop")
        yield c

    c = Case("error/content-type", "converse", HAIKU, ASK)
    c.answer("<html>login</html>", ctype="text/html; charset=utf-8")
    yield failed(c, "unexpected_content_type", bad_body=1,
                 skip="content_type")

    # a number that no count can be is no count
    c = Case("error/absurd", "converse", HAIKU, ASK)
    c.answer(reply([{"text": "x"}], "end_turn", inputTokens=-5,
                   outputTokens=10 ** 30, totalTokens=1))
    c.expect(**ASK_FACTS, stop_reason="end_turn", finish="stop",
             output_chars=1, server_latency_ms=612, total_tokens=1,
             usage_source="body", no_cost="no_usage")
    yield c


def cases():
    for part in (status, frames, cut, broken):
        yield from part()
