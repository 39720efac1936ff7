"""OpenAI's API and those who speak it."""

import base64
import struct

from corpus import usage
from direct import (ASYNC, CHAT, EMBED, TEXT, Direct, sse, vector)

HOST = "api.openai.com"
PATH = "/v1/chat/completions"
MODEL = "gpt-5.4"
DATED = "gpt-5.4-2026-03-01"
ASK = {"messages": [
    {"role": "developer", "content": "Sys"},
    {"role": "user", "content": [
        {"type": "text", "text": "Look"},
        {"type": "image_url", "image_url": {"url": "data:…"}}]},
    {"role": "tool", "content": "42", "tool_call_id": "c"}],
    "max_completion_tokens": 80, "stop": ["\n"], "temperature": 0.5,
    "tools": [{"type": "function", "function": {"name": "f"}}]}
FACTS = dict(messages=3, prompt_chars=9, media_parts=1, tool_results=1,
             max_tokens=80, stop_sequences="\\n", tools_offered=1,
             temperature=0.5)
BASE = dict(response_id="chatcmpl-1", response_model=DATED)
USE = {"prompt_tokens": 100, "completion_tokens": 30, "total_tokens": 130,
       "prompt_tokens_details": {"cached_tokens": 60, "audio_tokens": 0},
       "completion_tokens_details": {"reasoning_tokens": 11}}
USED = dict(cache_read_tokens=60, reasoning_tokens=11, **usage(100, 30))
SMALL = {"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13,
         "prompt_tokens_details": None}
DONE = b"data: [DONE]\n\n"
ERROR = {"message": "No.", "type": "tokens", "param": None,
         "code": "rate_limit_exceeded"}


def call(name, stream=False, model=MODEL, path=PATH, host=HOST, ask=ASK,
         end="complete", op="ChatCompletions", **facts):
    ask = dict(ask)
    if model:
        ask["model"] = model
    if stream:
        ask["stream"] = True
        facts["stream"] = 1
    return Direct("openai-api/" + name, "openai", op, path, host, ask, end=end,
                  headers=[("Authorization", "Bearer sk-EXAMPLE")],
                  **dict(dict(CHAT, model=model), **facts))


def reply(content, stop="stop", use=None, model=DATED, **more):
    doc = {"id": "chatcmpl-1", "object": "chat.completion", "model": model,
           "choices": [{"index": 0, "finish_reason": stop, "message": dict({
               "role": "assistant", "content": content, "refusal": None},
               **more)}]}
    return dict(doc, usage=use) if use else doc


def part(delta, stop=None, model=DATED, **more):
    return sse(dict({"id": "chatcmpl-1", "object": "chat.completion.chunk",
                     "model": model, "choices": [{
                         "index": 0, "delta": delta, "finish_reason": stop}]},
                    **more))


def final(use, model=DATED):
    return sse({"id": "chatcmpl-1", "object": "chat.completion.chunk",
                "model": model, "choices": [], "usage": use})


def chat():
    c = call("chat").expect(**FACTS)
    c.answer(dict(reply("Hm", use=USE), service_tier="default"),
             headers=[("openai-processing-ms", 321)])
    c.expect(**BASE, **USED, stop_reason="stop", finish="stop",
             output_chars=2, service_tier="default", server_latency_ms=321)
    yield c.priced(MODEL, 40, 30, 60)

    c = call("chat-tools").expect(**FACTS)
    c.answer(reply(None, "tool_calls", USE, tool_calls=[
        {"id": "c", "type": "function", "function": {"name": n,
                                                     "arguments": "{}"}}
        for n in ("f", "g", "f")]))
    c.expect(**BASE, **USED, stop_reason="tool_calls", finish="tool_call",
             tools="f,g")
    yield c.priced(MODEL, 40, 30, 60)

    c = call("chat-refused").expect(**FACTS)
    c.answer(reply(None, "content_filter", SMALL, refusal="I won't."))
    yield c.expect(**BASE, **usage(9, 4), stop_reason="content_filter",
                   finish="content_filter", output_chars=8)

    c = call("status-429").expect(**FACTS)
    c.answer({"error": ERROR}, "429 Too Many Requests")
    yield c.failed("rate_limit_exceeded", "No.")

    c = call("status-404").expect(**FACTS)
    c.answer({"error": {"message": "No such model.", "code": None,
                        "type": "invalid_request_error"}}, "404 Not Found")
    yield c.failed("invalid_request_error", "No such model.")

    c = call("status-text").expect(**FACTS)
    c.answer({"error": "no route"}, "400 Bad Request")
    yield c.failed("400", "no route")


def streams():
    c = call("stream", True).expect(**FACTS)
    c.answer([part({"role": "assistant", "content": ""}, usage=None),
              part({"content": "Hi"}, usage=None, obfuscation="aXbY"),
              part({"content": " you"}, usage=None),
              part({}, "stop", usage=None), final(USE), DONE])
    c.expect(**BASE, **USED, stop_reason="stop", finish="stop", events=6,
             text_events=2, output_chars=6)
    yield c.priced(MODEL, 40, 30, 60)

    c = call("stream-tools", True).expect(**FACTS)

    def tool(index, name, arguments, **more):
        return part({"tool_calls": [dict({
            "index": index, "function": dict(
                {"arguments": arguments}, **({"name": name} if name else {}))
            }, **more)]})
    c.answer([tool(0, "f", "", id="c1", type="function"),
              tool(0, None, "{\"q\""), tool(0, None, ":1}"),
              tool(1, "g", "", id="c2", type="function"),
              tool(1, None, "{}"), part({}, "tool_calls"), final(USE), DONE])
    c.expect(**BASE, **USED, stop_reason="tool_calls", finish="tool_call",
             tools="f,g", events=8, text_events=3, output_chars=9)
    yield c.priced(MODEL, 40, 30, 60)

    # nobody asked for usage: four characters are taken for a token
    c = call("stream-no-usage", True).expect(**FACTS).estimated()
    c.answer([part({"role": "assistant"}), part({"content": "Hello"}),
              part({"content": " there"}), part({}, "stop"), DONE])
    c.expect(**BASE, stop_reason="stop", finish="stop", events=5,
             text_events=2, output_chars=11, input_tokens=3, output_tokens=3,
             total_tokens=6, usage_source="estimate")
    yield c.priced(MODEL, 3, 3)

    c = call("stream-error", True).expect(**FACTS)
    c.answer([part({"content": "Hi"}), sse({"error": ERROR}), DONE])
    yield c.failed("rate_limit_exceeded", "No.", **BASE, finish="error",
                   events=3, text_events=1, output_chars=2)

    # cut between the reason and the usage
    c = call("stream-cut", True, end="cut").expect(**FACTS)
    c.answer([part({"content": "Hi"}), part({}, "stop"),
              final(USE)[:40]])
    c.expect(**BASE, stop_reason="stop", finish="stop", events=2,
             text_events=1, output_chars=2, truncated=1)
    yield c.failed("truncated_response")

    c = call("stream-aborted", True, end="aborted").expect(**FACTS)
    c.answer([part({"content": "Hi"}), part({"content": " y"})])
    yield c.expect(**BASE, events=2, text_events=2, output_chars=4, aborted=1,
                   error=1, error_type="client_closed_request",
                   error_origin="client", finish="error")


def others():
    """Azure, Bedrock, Mantle, Mistral, vLLM."""
    azure = "/openai/deployments/%s/chat/completions?api-version=2024-10-21"
    c = call("azure", host="r.openai.azure.com", path=azure % "my-chat",
             provider="azure.ai.openai", model="my-chat").expect(**FACTS)
    c.answer(dict(reply("Hm", use=USE, model=MODEL), prompt_filter_results=[]),
             rid="apim-request-id", headers=[("x-ms-region", "Sweden")])
    c.expect(**dict(BASE, response_model=MODEL), **USED, stop_reason="stop",
             finish="stop", output_chars=2)
    yield c.priced(MODEL, 40, 30, 60)

    # a deployment that has the name of another model; no choices at first
    c = call("azure-stream", True, host="r.openai.azure.com",
             model="gpt-6-sol", path="/openai/v1/chat/completions",
             provider="azure.ai.openai")
    c.expect(**FACTS)
    c.answer([sse({"choices": [], "id": "", "model": "", "object": "",
                   "prompt_filter_results": []}),
              part({"content": "Hi"}, model=MODEL),
              part({}, "stop", model=MODEL), final(USE, MODEL), DONE],
             rid="apim-request-id")
    c.expect(**dict(BASE, response_model=MODEL), **USED, stop_reason="stop",
             finish="stop", events=5, text_events=1, output_chars=2)
    yield c.priced(MODEL, 40, 30, 60)

    c = call("foundry", host="r.services.ai.azure.com", model="gpt-5.4",
             path="/models/chat/completions?api-version=2024-05-01-preview",
             provider="azure.ai.inference").expect(**FACTS)
    c.answer(reply("Hm", use=USE))
    c.expect(**BASE, **USED, stop_reason="stop", finish="stop",
             output_chars=2)
    yield c.priced(MODEL, 40, 30, 60)

    oss = "openai.gpt-oss-120b"
    c = call("bedrock", host="bedrock-runtime.us-west-2.amazonaws.com",
             path="/openai/v1/chat/completions", model=oss + "-1:0",
             provider="aws.bedrock", region="us-west-2").expect(**FACTS)
    c.answer(reply("Hm", use=SMALL, model=oss), rid="x-amzn-requestid")
    c.expect(**dict(BASE, response_model=oss), **usage(9, 4),
             stop_reason="stop", finish="stop", output_chars=2)
    yield c.priced(oss, 9, 4)

    c = call("mantle-stream", True, model=oss, path=PATH,
             host="bedrock-mantle.us-east-1.api.aws",
             provider="aws.bedrock", region="us-east-1").expect(**FACTS)
    c.answer([part({"reasoning": "so"}, model=oss),
              part({"content": "Hi"}, model=oss),
              part({}, "stop", model=oss),
              sse(dict({"choices": [], "usage": SMALL, "model": oss},
                       billing={"payer": "x"})), DONE])
    c.expect(**dict(BASE, response_model=oss), **usage(9, 4), reasoning=1,
             stop_reason="stop", finish="stop", events=5, text_events=1,
             output_chars=4)
    yield c.priced(oss, 9, 4)

    c = call("mantle-status", model="x", path="/openai/v1/chat/completions",
             host="bedrock-mantle.us-east-1.api.aws", provider="aws.bedrock",
             region="us-east-1").expect(**FACTS)
    c.answer({"error": {"message": {"why": "?"}, "code": "not_found_error",
                        "type": "invalid_request_error"}}, "404 Not Found")
    yield c.failed("not_found_error")

    c = call("mistral-stream", True, model="mistral-large-latest",
             host="api.mistral.ai", provider="mistral_ai").expect(**FACTS)
    c.answer([part({"content": [{"type": "text", "text": "Hi"}]},
                   model="mistral-large-latest"),
              part({"content": "!"}, "model_length", usage=SMALL,
                   model="mistral-large-latest"), DONE], rid=None)
    c.expect(**dict(BASE, response_model="mistral-large-latest"),
             **usage(9, 4), stop_reason="model_length", finish="length",
             events=3, text_events=2, output_chars=3)
    yield c

    # usage in every chunk; the string that stopped it is not a reason
    c = call("vllm-stream", True, model="meta-llama/Llama-3.1-8B-Instruct",
             host="127.0.0.1:8000").expect(**FACTS)
    c.answer([sse({"id": "chatcmpl-1", "model": "served", "choices": [{
        "index": 0, "delta": {"content": t}, "finish_reason": s,
        "stop_reason": "\n" if s else None}], "usage": {
            "prompt_tokens": 9, "completion_tokens": n,
            "total_tokens": 9 + n}})
        for n, (t, s) in enumerate((("", None), ("Hi", None), ("!", None),
                                    ("", "stop")))] + [DONE], rid=None)
    c.expect(**dict(BASE, response_model="served"), **usage(9, 3),
             stop_reason="stop", finish="stop", events=5, text_events=2,
             output_chars=3)
    yield c

    c = call("vertex-mistral", model="mistral-medium-3",
             host="us-central1-aiplatform.googleapis.com",
             path="/v1/projects/p/locations/us-central1/publishers/mistralai"
             "/models/mistral-medium-3:rawPredict", provider="gcp.vertex_ai")
    c.expect(**FACTS)
    c.answer(reply("Hm", use=SMALL, model="mistral-medium-3"), rid=None)
    yield c.expect(**dict(BASE, response_model="mistral-medium-3"),
                   **usage(9, 4), stop_reason="stop", finish="stop",
                   output_chars=2)


def text():
    ask = {"prompt": ["Say", "it"], "max_tokens": 5}
    facts = dict(TEXT, prompt_chars=5, prompts=2, max_tokens=5)
    c = call("completions", path="/v1/completions", op="Completions",
             model="m", host="127.0.0.1:8000", ask=ask, **facts)
    c.answer({"id": "cmpl-1", "model": "m", "choices": [
        {"text": "Yo", "finish_reason": "length"}], "usage": SMALL}, rid=None)
    yield c.expect(response_id="cmpl-1", response_model="m", **usage(9, 4),
                   stop_reason="length", finish="length", output_chars=2)

    c = call("completions-stream", True, path="/v1/completions",
             op="Completions", model="m", host="127.0.0.1:8000", ask=ask,
             **facts)
    c.answer([sse({"id": "cmpl-1", "model": "m", "choices": [
        {"text": t, "finish_reason": s}]})
        for t, s in (("Yo", None), ("!", "length"))]
        + [sse({"id": "cmpl-1", "model": "m", "choices": [],
                "usage": SMALL}), DONE], rid=None)
    yield c.expect(response_id="cmpl-1", response_model="m", **usage(9, 4),
                   stop_reason="length", finish="length", output_chars=3,
                   events=4, text_events=2)


RASK = {"instructions": "Sys", "input": [
    {"role": "user", "content": [{"type": "input_text", "text": "Look"},
                                 {"type": "input_image", "image_url": "x"}]},
    {"type": "function_call_output", "call_id": "c", "output": "42"}],
    "max_output_tokens": 80, "tools": [{"type": "function", "name": "f"}]}
RFACTS = dict(messages=2, prompt_chars=6, system_chars=3, media_parts=1,
              tool_results=1, max_tokens=80, tools_offered=1)
RUSE = {"input_tokens": 100, "input_tokens_details": {"cached_tokens": 60},
        "output_tokens": 30, "output_tokens_details": {
            "reasoning_tokens": 11}, "total_tokens": 130}
RBASE = dict(response_id="resp_1", response_model=DATED)


def response(status, output=(), use=None, why=None, error=None):
    return {"id": "resp_1", "object": "response", "status": status,
            "error": error, "incomplete_details": why, "model": DATED,
            "output": list(output), "service_tier": "default", "usage": use}


THINK = {"type": "reasoning", "id": "rs", "summary": []}
SAY = {"type": "message", "role": "assistant", "content": [
    {"type": "output_text", "text": "Hi there", "annotations": []}]}
TOOL = {"type": "function_call", "name": "f", "arguments": "{\"name\":\"no\"}"}
SEARCHED = {"type": "web_search_call", "action": {"type": "search"}}


def rcall(name, stream=False, **more):
    return call("responses-" + name, stream, path="/v1/responses", ask=RASK,
                op="Responses", **more).expect(**RFACTS)


def responses():
    c = rcall("whole").answer(response("completed", [
        THINK, SEARCHED, SAY, TOOL], RUSE))
    c.expect(**RBASE, **USED, reasoning=1, tools="f", output_chars=8,
             stop_reason="completed", finish="stop", service_tier="default")
    yield c.priced(MODEL, 40, 30, 60)

    c = rcall("incomplete").answer(response("incomplete", [SAY], RUSE, {
        "reason": "max_output_tokens"}))
    c.expect(**RBASE, **USED, output_chars=8, service_tier="default",
             stop_reason="max_output_tokens", finish="length")
    yield c.priced(MODEL, 40, 30, 60)

    c = rcall("failed").answer(response("failed", error={
        "code": "server_error", "message": "Oh."}))
    yield c.failed("server_error", "Oh.", **RBASE, service_tier="default",
                   stop_reason="failed", finish="error")

    c = rcall("background").answer(response("queued"))
    yield c.expect(**RBASE, service_tier="default", stop_reason="queued",
                   finish="other")

    c = Direct("openai-api/responses-get", "openai", "GetResponse",
               "/v1/responses/resp_1", HOST, method="GET", **ASYNC)
    c.answer(response("completed", [SAY], RUSE))
    yield c.expect(**RBASE, **USED, service_tier="default", output_chars=8,
                   stop_reason="completed", finish="stop")


def ev(doc):
    return sse(doc, doc["type"])


def responses_stream():
    begin = [ev({"type": "response.created",
                 "response": response("in_progress")}),
             ev({"type": "response.in_progress",
                 "response": response("in_progress")})]

    def item(kind, doc):
        return ev({"type": "response.output_item." + kind,
                   "output_index": 0, "item": doc})

    def delta(kind, text):
        return ev({"type": "response.%s.delta" % kind, "output_index": 0,
                   "delta": text, "obfuscation": "xyz"})

    said = begin + [
        item("added", THINK), delta("reasoning_summary_text", "so"),
        item("done", THINK), item("added", dict(SAY, content=[])),
        ev({"type": "response.content_part.added", "part": {}}),
        delta("output_text", "Hi"), delta("output_text", " there"),
        ev({"type": "response.output_text.done", "text": "Hi there"}),
        item("done", SAY), item("added", dict(TOOL, arguments="")),
        delta("function_call_arguments", "{}"),
        ev({"type": "response.function_call_arguments.done",
            "arguments": "{}"}), item("done", TOOL)]
    facts = dict(reasoning=1, text_events=3, output_chars=12,
                 service_tier="default", **RBASE)

    for kind, why, stop, finish in (
            ("completed", None, "completed", "stop"),
            ("incomplete", {"reason": "content_filter"}, "content_filter",
             "content_filter")):
        c = rcall("stream-" + kind, True)
        c.answer(said + [ev({"type": "response." + kind, "response": response(
            kind, [THINK, SAY, TOOL], RUSE, why)})])
        c.expect(**facts, **USED, events=16, tools="f", stop_reason=stop,
                 finish=finish)
        yield c.priced(MODEL, 40, 30, 60)

    c = rcall("stream-failed", True)
    c.answer(begin + [ev({"type": "response.failed", "response": response(
        "failed", error={"code": "server_error", "message": "Oh."})})])
    yield c.failed("server_error", "Oh.", **RBASE, service_tier="default",
                   events=3, stop_reason="failed", finish="error")

    c = rcall("stream-error", True)
    c.answer(begin + [ev({"type": "error", "code": "rate_limit_exceeded",
                          "message": "No.", "param": None})])
    yield c.failed("rate_limit_exceeded", "No.", **RBASE, events=3,
                   service_tier="default", finish="error")

    c = rcall("stream-cut", True, end="cut").answer(said[:8])
    c.expect(**RBASE, service_tier="default", reasoning=1, events=8,
             text_events=1, output_chars=4, truncated=1, finish="error")
    yield c.failed("truncated_response")

    # an event without its name is read by what its data say
    c = rcall("stream-unnamed", True)
    c.answer([sse({"type": "response.completed", "response": response(
        "completed", [SAY], RUSE)})])
    yield c.expect(**RBASE, **USED, service_tier="default", events=1,
                   stop_reason="completed", finish="stop")


def embeddings():
    use = {"prompt_tokens": 8, "total_tokens": 8}
    model = "text-embedding-3-small"

    def doc(vec):
        return {"object": "list", "model": model, "data": [
            {"object": "embedding", "index": i, "embedding": vec}
            for i in range(2)], "usage": use}
    for name, vec, n in (
            ("floats", vector(96), 96),
            ("base64", base64.b64encode(struct.pack("<256f", *vector(256)))
             .decode(), 256)):
        c = call("embed-" + name, path="/v1/embeddings", op="Embeddings",
                 model=model, ask={"input": ["ab", "cde"],
                                   "encoding_format": name}, **EMBED)
        c.answer(doc(vec))
        yield c.expect(response_model=model, **usage(8, None),
                       prompt_chars=5, embedding_dimension=n)

    c = call("embed-azure", op="Embeddings", model="emb", ask={"input": "ab"},
             path="/openai/deployments/emb/embeddings?api-version=2024-10-21",
             host="r.openai.azure.com", provider="azure.ai.openai", **EMBED)
    c.answer(doc(vector(8)))
    yield c.expect(response_model=model, **usage(8, None), prompt_chars=2,
                   embedding_dimension=8)

    c = call("images", op="Images", model="gpt-image-1", operation="image",
             path="/v1/images/generations", ask={"prompt": "A cat", "n": 2})
    c.answer({"created": 1, "data": [{"b64_json": "AA"}, {"b64_json": "AA"}],
              "usage": {"input_tokens": 3, "output_tokens": 500,
                        "total_tokens": 503}})
    yield c.expect(prompt_chars=5, images=2, choices=2, **usage(3, 500))

    c = Direct("openai-api/batch", "openai", "CreateBatch", "/v1/batches",
               HOST, {"input_file_id": "f"}, **ASYNC)
    c.answer({"id": "batch_1", "status": "validating"})
    yield c


def cases():
    for group in (chat, streams, others, text, responses, responses_stream,
                  embeddings):
        yield from group()
