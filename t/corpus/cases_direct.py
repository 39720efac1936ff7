"""Gemini, Cohere and Ollama."""

from corpus import compact, usage
from direct import CHAT, COUNT, EMBED, RERANK, TEXT, Direct, line, sse, vector

GEMINI = "generativelanguage.googleapis.com"
VERTEX = "us-central1-aiplatform.googleapis.com"
FLASH = "gemini-3-flash"

ASK = {"contents": [{"role": "user", "parts": [
           {"text": "Look"}, {"inlineData": {"mimeType": "image/png"}}]},
           {"role": "user", "parts": [{"functionResponse": {"name": "f"}}]}],
       "systemInstruction": {"parts": [{"text": "Sys"}]},
       "generationConfig": {"maxOutputTokens": 80, "temperature": 0.5,
                            "topP": 0.9, "topK": 40,
                            "stopSequences": ["x"]},
       "tools": [{"functionDeclarations": [{"name": "f"}, {"name": "g"}]}]}
FACTS = dict(messages=2, prompt_chars=4, system_chars=3, media_parts=1,
             tool_results=1, max_tokens=80, temperature=0.5, top_p=0.9,
             top_k=40, stop_sequences="x", tools_offered=2)
BASE = dict(response_model=FLASH + "-001", response_id="r1")


def meta(prompt, out=None, thoughts=None, cached=None, tool=None):
    doc = {"promptTokenCount": prompt}
    for key, n in (("candidatesTokenCount", out),
                   ("thoughtsTokenCount", thoughts),
                   ("cachedContentTokenCount", cached),
                   ("toolUsePromptTokenCount", tool)):
        if n is not None:
            doc[key] = n
    doc["totalTokenCount"] = prompt + sum(n or 0
                                          for n in (out, thoughts, tool))
    return doc


def chunk(parts, use=None, stop=None):
    doc = {"candidates": [{"content": {"role": "model", "parts": parts},
                           "index": 0}],
           "modelVersion": FLASH + "-001", "responseId": "r1"}
    if stop:
        doc["candidates"][0]["finishReason"] = stop
    if use:
        doc["usageMetadata"] = use
    return doc


def call(name, verb="generateContent", op="GenerateContent", host=GEMINI,
         query="", prefix="/v1beta", end="complete", ask=ASK, **facts):
    if verb.startswith("stream"):
        facts["stream"] = 1
    return Direct("gemini/" + name, "gemini", op, "%s/models/%s:%s%s" % (
        prefix, FLASH, verb, query), host, ask, end=end, **dict(dict(
            CHAT, model=FLASH, provider="gcp.gemini"), **facts))


def gemini():
    c = call("whole").expect(**FACTS, **BASE)
    c.answer(chunk([{"text": "Hi"}, {"functionCall": {"name": "f"}}],
                   meta(100, 20, 11, 60), "STOP"), rid=None)
    yield c.expect(**usage(100, 31), cache_read_tokens=60,
                   reasoning_tokens=11, tools="f", stop_reason="STOP",
                   finish="stop", output_chars=2)

    # a search of its own makes the total more than its parts
    c = call("tool-use").expect(**FACTS, **BASE)
    c.answer(chunk([{"text": "Hi"}], meta(10, 20, 11, tool=7), "STOP"),
             rid=None)
    yield c.expect(**usage(10, 31), reasoning_tokens=11, stop_reason="STOP",
                   finish="stop", output_chars=2)

    c = call("blocked").expect(**FACTS, **BASE)
    c.answer({"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"},
              "usageMetadata": meta(10), "modelVersion": FLASH + "-001",
              "responseId": "r1"}, rid=None)
    yield c.expect(**usage(10, 0), stop_reason="PROHIBITED_CONTENT",
                   finish="content_filter")

    error = {"error": {"code": 429, "message": "Quota.",
                       "status": "RESOURCE_EXHAUSTED", "details": [
                           {"retryDelay": "7s"}]}}
    c = call("status-429").expect(**FACTS)
    c.answer(error, "429 Too Many Requests", rid=None)
    yield c.failed("RESOURCE_EXHAUSTED", "Quota.")

    stream = dict(verb="streamGenerateContent", op="StreamGenerateContent")
    parts = [chunk([{"text": "so", "thought": True}], meta(100, None, 4)),
             chunk([{"text": "Hi"}], meta(100, 2, 11, 60)),
             chunk([{"text": " you"}], meta(100, 20, 11, 60), "STOP")]
    told = dict(usage(100, 31), cache_read_tokens=60, reasoning_tokens=11,
                stop_reason="STOP", finish="stop", output_chars=8)
    c = call("stream", query="?alt=sse", **stream).expect(**FACTS, **BASE)
    c.answer([sse(p, eol="\r\n") for p in parts], rid=None)
    yield c.expect(**told, events=3, text_events=3)

    for name, text in (("array", "[%s\n,\r\n%s,\n%s\n]\n"),
                       ("array-short", "[%s,%s,%s]")):

        c = call("stream-" + name, **stream).expect(**FACTS, **BASE)
        c.answer(text % tuple(compact(p) for p in parts), rid=None)
        yield c.expect(**told, events=3, text_events=3, streamed=1)

    c = call("stream-array-cut", end="cut", **stream).expect(**FACTS, **BASE)
    c.answer("[" + ",".join(compact(p) for p in parts[:2]) + ",{\"cand",
             rid=None)
    c.expect(input_tokens=100, output_tokens=13, total_tokens=113,
             usage_source="partial", cache_read_tokens=60,
             reasoning_tokens=11, events=2, text_events=2, output_chars=4,
             streamed=1, truncated=1, finish="error")
    yield c.failed("truncated_response")

    c = call("stream-array-429", **stream).expect(**FACTS)
    c.answer("[" + compact(error) + "]", "429 Too Many Requests", rid=None)
    yield c.failed("RESOURCE_EXHAUSTED", "Quota.")

    c = call("stream-aborted", query="?alt=sse", end="aborted", **stream)
    c.expect(**FACTS, **BASE)
    c.answer([sse(p) for p in parts[:2]], rid=None)
    yield c.expect(input_tokens=100, output_tokens=13, total_tokens=113,
                   usage_source="partial", cache_read_tokens=60,
                   reasoning_tokens=11, events=2, text_events=2,
                   output_chars=4, aborted=1, error=1, finish="error",
                   error_type="client_closed_request",
                   error_origin="client")

    c = call("stream-error", query="?alt=sse", **stream)
    c.expect(**FACTS, **BASE)
    c.answer([sse(parts[1]), sse(dict(error, error=dict(
        error["error"], status="UNAVAILABLE")))], rid=None)
    c.failed("UNAVAILABLE", "Quota.", finish="error")
    yield c.expect(input_tokens=100, output_tokens=13, total_tokens=113,
                   usage_source="partial", cache_read_tokens=60,
                   reasoning_tokens=11, events=2, text_events=1,
                   output_chars=2)

    c = call("vertex", host=VERTEX, provider="gcp.vertex_ai",
             prefix="/v1/projects/p/locations/us-central1/publishers/google")
    c.expect(**FACTS, **BASE)
    c.answer(chunk([{"text": "Hi"}], dict(
        meta(10, 2), trafficType="ON_DEMAND"), "MAX_TOKENS"), rid=None)
    yield c.expect(**usage(10, 2), stop_reason="MAX_TOKENS", finish="length",
                   output_chars=2)

    c = call("count", "countTokens", "CountTokens", ask={
        "contents": ASK["contents"]}, **dict(COUNT, step=None))
    c.answer({"totalTokens": 31}, rid=None)
    yield c.expect(messages=2, prompt_chars=4, media_parts=1, tool_results=1,
                   **usage(31, None))

    c = call("embed", "embedContent", "EmbedContent", ask={
        "content": {"parts": [{"text": "Hello"}]}}, **EMBED)
    c.answer({"embedding": {"values": vector(48)}}, rid=None)
    yield c.expect(prompt_chars=5, embedding_dimension=48)

    c = call("embed-batch", "batchEmbedContents", "BatchEmbedContents",
             ask={"requests": [{"content": {"parts": [{"text": t}]}}
                               for t in ("ab", "cde")]}, **EMBED)
    c.answer({"embeddings": [{"values": vector(16)},
                             {"values": vector(16)}]}, rid=None)
    yield c.expect(prompt_chars=5, embedding_dimension=16)

COMMAND = "command-a-03-2025"
COHERE = dict(api="cohere", host="api.cohere.com", model=COMMAND)
CO_ASK = {"model": COMMAND, "messages": [
    {"role": "system", "content": "Sys"},
    {"role": "user", "content": [{"type": "text", "text": "Hi"}]}],
    "documents": ["abc", {"id": "d", "data": {"text": "de"}}],
    "max_tokens": 80, "p": 0.9, "k": 40, "temperature": 0.5,
    "stop_sequences": ["x"], "tools": [{"type": "function"}]}
CO_FACTS = dict(messages=2, prompt_chars=10, max_tokens=80, top_p=0.9,
                top_k=40, temperature=0.5, stop_sequences="x",
                tools_offered=1, response_id="c1")
CO_USE = {"billed_units": {"input_tokens": 5, "output_tokens": 7},
          "tokens": {"input_tokens": 70, "output_tokens": 9}}


def cohere():
    def chat(name, stream=False, **more):
        ask = dict(CO_ASK, stream=True) if stream else CO_ASK
        if stream:
            more["stream"] = 1
        return Direct("cohere-api/" + name, op="Chat", path="/v2/chat",
                      body=ask, **CHAT, **COHERE, **more).expect(**CO_FACTS)

    c = chat("chat").answer({
        "id": "c1", "finish_reason": "COMPLETE", "message": {
            "role": "assistant", "content": [
                {"type": "thinking", "thinking": "so"},
                {"type": "text", "text": "Hi you"}]}, "usage": CO_USE},
        rid=None)
    yield c.expect(**usage(5, 7), reasoning=1, stop_reason="COMPLETE",
                   finish="stop", output_chars=6)

    c = chat("chat-tools").answer({
        "id": "c1", "finish_reason": "TOOL_CALL", "message": {
            "role": "assistant", "tool_plan": "I will", "tool_calls": [
                {"id": "t", "type": "function", "function": {
                    "name": "f", "arguments": "{}"}}]},
        "usage": {"tokens": CO_USE["tokens"]}}, rid=None)
    yield c.expect(**usage(70, 9), stop_reason="TOOL_CALL",
                   finish="tool_call", tools="f")

    def ev(kind, **more):
        return sse(dict({"type": kind}, **more), kind)
    begin = [ev("message-start", id="c1", delta={"message": {
        "role": "assistant", "content": []}}),
        ev("tool-plan-delta", delta={"message": {"tool_plan": "I"}}),
        ev("tool-call-start", index=0, delta={"message": {"tool_calls": {
            "id": "t", "function": {"name": "f", "arguments": ""}}}}),
        ev("tool-call-delta", index=0, delta={"message": {"tool_calls": {
            "function": {"arguments": "{}"}}}}),
        ev("tool-call-end", index=0),
        ev("content-start", index=0, delta={"message": {"content": {
            "type": "text", "text": ""}}}),
        ev("content-delta", index=0, delta={"message": {"content": {
            "text": "Hi"}}}),
        ev("citation-start", index=0, delta={"message": {"citations": {
            "text": "no"}}}), ev("content-end", index=0)]
    c = chat("stream", True)
    c.answer(begin + [ev("message-end", delta={
        "finish_reason": "COMPLETE", "usage": CO_USE})], rid=None)
    yield c.expect(**usage(5, 7), tools="f", stop_reason="COMPLETE",
                   finish="stop", events=10, text_events=3, output_chars=5)

    c = chat("stream-cut", True, end="cut").answer(begin[:7], rid=None)
    c.expect(tools="f", events=7, text_events=3, output_chars=5, truncated=1,
             finish="error")
    yield c.failed("truncated_response")

    c = chat("status-400").answer({"id": "c1", "message": "bad model"},
                                  "400 Bad Request", rid=None)
    yield c.failed("400", "bad model", response_id=None)

    c = Direct("cohere-api/embed", op="Embed", path="/v2/embed", body={
        "model": "embed-v4.0", "input_type": "search_query",
        "texts": ["ab", "cde"], "embedding_types": ["float", "int8"]},
        **EMBED, **dict(COHERE, model="embed-v4.0"))
    c.answer({"id": "e1", "embeddings": {"float": [vector(12), vector(12)],
                                         "int8": [[1] * 12] * 2},
              "meta": {"billed_units": {"input_tokens": 4}}}, rid=None)
    yield c.expect(response_id="e1", prompt_chars=5, embedding_dimension=12,
                   **usage(4, None))

    c = Direct("cohere-api/rerank", op="Rerank", path="/v2/rerank", body={
        "model": "rerank-v3.5", "query": "why", "top_n": 2,
        "documents": ["a", "b", "c"]},
        **RERANK, **dict(COHERE, model="rerank-v3.5"))
    c.answer({"id": "k1", "results": [
        {"index": 2, "relevance_score": 0.9},
        {"index": 0, "relevance_score": 0.25}],
        "meta": {"billed_units": {"search_units": 1}}}, rid=None)
    yield c.expect(response_id="k1", prompt_chars=3, top_k_requested=2,
                   search_units=3, documents=2, score_count=2, score_top=0.9)

    c = Direct("cohere-api/rerank-vllm", op="Rerank", path="/v1/rerank",
               body={"model": "bge", "query": "why", "documents": ["a"]},
               **RERANK, **dict(COHERE, model="bge", host="127.0.0.1:8000"))
    c.answer({"id": "k1", "model": "bge", "usage": {"total_tokens": 7},
              "results": [{"index": 0, "relevance_score": 0.5,
                           "document": {"text": "a"}}]}, rid=None)
    yield c.expect(response_id="k1", prompt_chars=3, search_units=1,
                   documents=1, score_count=1, score_top=0.5,
                   **usage(7, None))

LLAMA = "llama3.2"
OL = dict(api="ollama", host="127.0.0.1:11434", model=LLAMA)
OL_ASK = {"model": LLAMA, "messages": [
    {"role": "user", "content": "Hi", "images": ["AA"]},
    {"role": "tool", "content": "42"}],
    "options": {"num_predict": 80, "temperature": 0.5, "top_p": 0.9,
                "top_k": 40, "stop": ["x"]}, "tools": [{}]}
OL_FACTS = dict(messages=2, prompt_chars=4, media_parts=1, tool_results=1,
                max_tokens=80, temperature=0.5, top_p=0.9, top_k=40,
                stop_sequences="x", tools_offered=1, response_model=LLAMA)
OL_END = {"model": LLAMA, "done": True, "done_reason": "stop",
          "total_duration": 5191566416, "load_duration": 1,
          "prompt_eval_count": 26, "prompt_eval_duration": 1,
          "eval_count": 29, "eval_duration": 1}
LINES = dict(ctype="application/x-ndjson", rid=None)


def ollama():
    def chat(name, stream=None, **more):
        ask = OL_ASK if stream is None else dict(OL_ASK, stream=stream)
        if stream is not False:
            more["stream"] = 1
        return Direct("ollama/" + name, op="Chat", path="/api/chat",
                      body=ask, **CHAT, **OL, **more).expect(**OL_FACTS)

    def say(text, **more):
        return line({"model": LLAMA, "message": dict(
            {"role": "assistant", "content": text}, **more), "done": False})
    parts = [say("", thinking="so"), say("Hi"),
             say("", tool_calls=[{"function": {"name": "f",
                                               "arguments": {}}}]),
             say(" you")]
    end = line(dict(OL_END, message={"role": "assistant", "content": ""}))
    told = dict(usage(26, 29), reasoning=1, tools="f", stop_reason="stop",
                finish="stop", events=5, text_events=2, output_chars=8,
                server_latency_ms=5191)
    yield chat("stream").answer(parts + [end], **LINES).expect(**told)

    # no line feed at the end, carriage returns and an empty line between
    c = chat("stream-lines", True)
    c.answer([p.replace(b"\n", b"\r\n\n") for p in parts] + [end[:-1]],
             **LINES)
    yield c.expect(**told)

    # all of the prompt was cached: it is not told
    c = chat("stream-cached").answer(
        parts + [line({k: v for k, v in OL_END.items()
                       if k != "prompt_eval_count"})], **LINES)
    yield c.expect(**dict(told, input_tokens=None, usage_complete=None,
                          total_tokens=None))

    c = chat("stream-cut", end="cut").answer(parts[:2] + [parts[3][:20]],
                                             **LINES)
    c.expect(reasoning=1, events=2, text_events=1, output_chars=4,
             truncated=1, finish="error")
    yield c.failed("truncated_response")

    c = chat("stream-error").answer(parts[:2] + [line({"error": "oom"})],
                                    **LINES)
    yield c.failed("_OTHER", "oom", reasoning=1, events=3, text_events=1,
                   output_chars=4, finish="error")

    c = chat("whole", False)
    c.answer(dict(OL_END, done_reason="length", message={
        "role": "assistant", "content": "Hi you"}), rid=None)
    yield c.expect(**usage(26, 29), stop_reason="length", finish="length",
                   output_chars=6, server_latency_ms=5191)

    c = chat("status-404").answer({"error": "model not found"},
                                  "404 Not Found", rid=None)
    yield c.failed("404", "model not found", response_model=None)

    ask = {"model": LLAMA, "prompt": "Say", "system": "Sys"}
    facts = dict(TEXT, prompt_chars=3, system_chars=3, response_model=LLAMA)
    c = Direct("ollama/generate-stream", op="Generate", path="/api/generate",
               body=ask, stream=1, **facts, **OL)
    c.answer([line({"model": LLAMA, "response": t, "done": False})
              for t in ("Yo", "!")] + [line(dict(OL_END, response=""))],
             **LINES)
    yield c.expect(**usage(26, 29), stop_reason="stop", finish="stop",
                   events=3, text_events=2, output_chars=3,
                   server_latency_ms=5191)

    c = Direct("ollama/generate", op="Generate", path="/api/generate",
               body=dict(ask, stream=False), **facts, **OL)
    c.answer(dict(OL_END, response="Yo"), rid=None)
    yield c.expect(**usage(26, 29), stop_reason="stop", finish="stop",
                   output_chars=2, server_latency_ms=5191)

    c = Direct("ollama/embed", op="Embed", path="/api/embed", body={
        "model": LLAMA, "input": ["ab", "cde"]}, **EMBED, **OL)
    c.answer({"model": LLAMA, "embeddings": [vector(24), vector(24)],
              "total_duration": 14143917, "prompt_eval_count": 8}, rid=None)
    yield c.expect(response_model=LLAMA, prompt_chars=5,
                   embedding_dimension=24, server_latency_ms=14,
                   **usage(8, None))

    c = Direct("ollama/embed-old", op="Embed", path="/api/embeddings",
               body={"model": LLAMA, "prompt": "ab"}, **EMBED, **OL)
    c.answer({"embedding": vector(24)}, rid=None)
    yield c.expect(prompt_chars=2, embedding_dimension=24)


def cases():
    for group in (gemini, cohere, ollama):
        yield from group()
