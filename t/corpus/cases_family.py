"""The other model families inside InvokeModel."""

from cases_claude import STREAM, headers, metrics
from corpus import Case, chunk, usage

NOVA = "amazon.nova-lite-v1:0"
LLAMA = "us.meta.llama3-3-70b-instruct-v1:0"
TEXT = dict(operation="text_completion")
EMBED = dict(operation="embeddings", step="generate_embeddings")


def last(doc, inp, out, **more):
    """The final document of a stream, with Bedrock's own metrics."""
    return chunk(dict(doc, **{"amazon-bedrock-invocationMetrics":
                              metrics(inp, out, **more)}), 4)


def vector(n):
    return [i / 64 for i in range(n)]


def only_header(inp):
    return [("X-Amzn-Bedrock-Input-Token-Count", inp),
            ("X-Amzn-Bedrock-Invocation-Latency", 777)]


def nova():
    ask = {"schemaVersion": "messages-v1", "system": [{"text": "Sys"}],
           "messages": [{"role": "user", "content": [
               {"text": "Hi"}, {"image": {"format": "png"}}]}],
           "inferenceConfig": {"max_new_tokens": 100, "topK": 5,
                               "stopSequences": ["x"]},
           "toolConfig": {"tools": [{"toolSpec": {"name": "f"}}]}}
    facts = dict(messages=1, prompt_chars=2, system_chars=3, media_parts=1,
                 max_tokens=100, top_k=5, stop_sequences="x",
                 tools_offered=1)
    c = Case("nova/invoke", "invoke", NOVA, ask, "recorded")
    c.answer({"output": {"message": {"content": [
        {"text": "Hi"}, {"toolUse": {"name": "f"}}], "role": "assistant"}},
        "stopReason": "tool_use",
        "usage": {"inputTokens": 3, "outputTokens": 4, "totalTokens": 7,
                  "cacheReadInputTokenCount": 2,
                  "cacheWriteInputTokenCount": 0}},
        headers=headers(3, 4, 2, 0))
    c.expect(**facts, **usage(5, 4), cache_read_tokens=2,
             cache_write_tokens=0, stop_reason="tool_use", tools="f",
             finish="tool_call", output_chars=2, server_latency_ms=777)
    yield c.priced(NOVA, 3, 4, 2)

    # under a block the body holds the input only; the headers all of it
    c = Case("nova/invoke-guardrail", "invoke", NOVA, ask, "recorded",
             headers=[("X-Amzn-Bedrock-GuardrailIdentifier", "gr-1"),
                      ("X-Amzn-Bedrock-GuardrailVersion", "DRAFT")])
    c.answer({"output": {"message": {"content": [{"text": "No."}],
                                     "role": "assistant"}},
              "stopReason": "guardrail_intervened",
              "usage": {"inputTokens": 3},
              "amazon-bedrock-guardrailAction": "INTERVENED"},
             headers=headers(3, 9, 0, 0))
    c.expect(**facts, **usage(3, 9), cache_read_tokens=0,
             cache_write_tokens=0, stop_reason="guardrail_intervened",
             finish="content_filter", output_chars=3, server_latency_ms=777,
             guardrail_id="gr-1", guardrail_version="DRAFT")
    yield c.priced(NOVA, 3, 9)

    def delta(text, pad=0):
        return chunk({"contentBlockDelta": {"delta": {"text": text},
                                            "contentBlockIndex": 0}}, pad)
    c = Case("nova/stream", STREAM, NOVA, ask, "recorded")
    c.answer([chunk({"messageStart": {"role": "assistant"}}),
              delta(""), delta("Hel", 3), delta("lo", 9), delta("!"),
              chunk({"contentBlockStop": {"contentBlockIndex": 0}}),
              chunk({"messageStop": {"stopReason": "end_turn"}}),
              last({"metadata": {"usage": {
                  "inputTokens": 3, "outputTokens": 4,
                  "cacheReadInputTokenCount": 0,
                  "cacheWriteInputTokenCount": 0}, "metrics": {},
                  "trace": {}}}, 3, 4)])
    c.expect(**facts, **usage(3, 4), streamed=1, cache_read_tokens=0,
             cache_write_tokens=0, stop_reason="end_turn", finish="stop",
             events=8, text_events=3, output_chars=6, server_latency_ms=900)
    yield c.priced(NOVA, 3, 4)

    c = Case("nova/embed", "invoke",
             "amazon.nova-2-multimodal-embeddings-v1:0",
             {"schemaVersion": "nova-multimodal-embed-v1", "taskType":
              "SINGLE_EMBEDDING", "singleEmbeddingParams": {
                  "embeddingPurpose": "GENERIC_INDEX",
                  "embeddingDimension": 384,
                  "text": {"truncationMode": "END", "value": "Hello"}}})
    c.answer({"embeddings": [{"embeddingType": "TEXT",
                              "embedding": vector(384)}]},
             headers=only_header(2))
    c.expect(**EMBED, **usage(2, None, "header"), prompt_chars=5,
             embedding_dimension=384, server_latency_ms=777)
    yield c


def text_models():
    ask = {"inputText": "Say it", "textGenerationConfig": {
        "maxTokenCount": 50, "temperature": 0, "topP": 1,
        "stopSequences": ["User:"]}}
    facts = dict(TEXT, prompt_chars=6, max_tokens=50, temperature=0, top_p=1,
                 stop_sequences="User:")
    c = Case("titan-text/invoke", "invoke", "amazon.titan-text-express-v1",
             ask, "recorded")
    c.answer('{"inputTextTokenCount":5.0,"results":[{"tokenCount":12.0,'
             '"outputText":"Yes","completionReason":"FINISH"}]}',
             headers=headers(5, 12))
    c.expect(**facts, **usage(5, 12), stop_reason="FINISH", finish="stop",
             output_chars=3, server_latency_ms=777)
    yield c

    def part(text, **more):
        return dict({"outputText": text, "index": 0,
                     "totalOutputTextTokenCount": None,
                     "completionReason": None,
                     "inputTextTokenCount": None}, **more)
    end = dict(totalOutputTextTokenCount=12, inputTextTokenCount=5,
               completionReason="LENGTH")
    c = Case("titan-text/stream", STREAM, "amazon.titan-text-express-v1",
             ask, "recorded")
    c.answer([chunk(part("Ye")), last(part("s", **end), 5, 12)])
    c.expect(**facts, **usage(5, 12), streamed=1, stop_reason="LENGTH",
             finish="length", events=2, text_events=2, output_chars=3,
             server_latency_ms=900)
    yield c

    # recorded with a guardrail: the metrics never came
    c = Case("titan-text/stream-bare", STREAM, "amazon.titan-text-express-v1",
             ask, "recorded")
    c.answer([chunk(part("Ye")), chunk(part("s", **end))])
    c.expect(**facts, **usage(5, 12), streamed=1, stop_reason="LENGTH",
             finish="length", events=2, text_events=2, output_chars=3)
    yield c

    ask = {"prompt": "Hello", "max_gen_len": 64, "temperature": 0.1}
    facts = dict(TEXT, prompt_chars=5, max_tokens=64, temperature=0.1)
    c = Case("llama/invoke", "invoke", LLAMA, ask, "recorded")
    c.answer({"generation": "World", "prompt_token_count": 18,
              "generation_token_count": 40, "stop_reason": "stop",
              "images": None}, headers=headers(18, 40))
    c.expect(**facts, **usage(18, 40), stop_reason="stop", finish="stop",
             output_chars=5, server_latency_ms=777)
    yield c

    def word(text, inp, out, stop=None):
        return {"generation": text, "prompt_token_count": inp,
                "generation_token_count": out, "stop_reason": stop}
    c = Case("llama/stream", STREAM, LLAMA, ask, "recorded")
    c.answer([chunk(word("Wo", 18, 1)), chunk(word("rld", None, 2)),
              last(word("", None, 3, "length"), 18, 3)])
    c.expect(**facts, **usage(18, 3), streamed=1, stop_reason="length",
             finish="length", events=3, text_events=2, output_chars=5,
             server_latency_ms=900)
    yield c

    c = Case("mistral/invoke", "invoke", "mistral.mistral-7b-instruct-v0:2",
             {"prompt": "<s>[INST]Hi[/INST]", "max_tokens": 9, "top_k": 3,
              "stop": ["a", "b"]}, "recorded")
    c.answer({"outputs": [{"text": "Yo", "stop_reason": "stop"}]},
             headers=headers(7, 2))
    c.expect(**TEXT, **usage(7, 2, "header"), prompt_chars=18, max_tokens=9,
             top_k=3, stop_sequences="a,b", stop_reason="stop",
             finish="stop", output_chars=2, server_latency_ms=777)
    yield c

    c = Case("mistral/stream", STREAM, "mistral.mistral-7b-instruct-v0:2",
             {"prompt": "x"}, "recorded")
    c.answer([chunk({"outputs": [{"text": "Y", "stop_reason": None}]}),
              last({"outputs": [{"text": "o", "stop_reason": "length"}]},
                   7, 2)])
    c.expect(**TEXT, **usage(7, 2, "frame"), prompt_chars=1, streamed=1,
             stop_reason="length", finish="length", events=2, text_events=2,
             output_chars=2, server_latency_ms=900)
    yield c

    c = Case("ai21/jurassic", "invoke", "ai21.j2-mid-v1",
             {"prompt": "Hi", "maxTokens": 10, "topP": 0.5,
              "stopSequences": ["##"]}, "recorded")
    c.answer({"id": 1234, "prompt": {"text": "Hi", "tokens": [{}, {}]},
              "completions": [{"data": {"text": "Ho", "tokens": [{}]},
                               "finishReason": {"reason": "endoftext"}}]},
             headers=headers(2, 1))
    c.expect(**TEXT, **usage(2, 1, "header"), prompt_chars=2, max_tokens=10,
             top_p=0.5, stop_sequences="##", stop_reason="endoftext",
             finish="stop", output_chars=2, server_latency_ms=777)
    yield c


def cohere():
    c = Case("cohere/command", "invoke", "cohere.command-text-v14",
             {"prompt": "Hi", "max_tokens": 5, "p": 0.75, "k": 7},
             "recorded")
    c.answer({"generations": [{"finish_reason": "COMPLETE", "id": "g",
                               "text": "Yo"}], "id": "r", "prompt": "Hi"},
             headers=headers(1, 2))
    c.expect(**TEXT, **usage(1, 2, "header"), prompt_chars=2, max_tokens=5,
             top_p=0.75, top_k=7, stop_reason="COMPLETE", finish="stop",
             output_chars=2, response_id="r", server_latency_ms=777)
    yield c

    c = Case("cohere/command-stream", STREAM, "cohere.command-text-v14",
             {"prompt": "Hi", "stream": True}, "recorded")
    c.answer([chunk({"text": "Y", "is_finished": False}),
              last({"is_finished": True, "finish_reason": "MAX_TOKENS"},
                   1, 2)])
    c.expect(**TEXT, **usage(1, 2, "frame"), prompt_chars=2, streamed=1,
             stop_reason="MAX_TOKENS", finish="length", events=2,
             text_events=1, output_chars=1, server_latency_ms=900)
    yield c

    ask = {"message": "Who?", "preamble": "Be.", "chat_history": [
        {"role": "USER", "message": "a"}, {"role": "CHATBOT",
                                           "message": "bc"}],
           "documents": [{"title": "t", "snippet": "defg"}]}
    facts = dict(prompt_chars=11, system_chars=3, messages=2)
    c = Case("cohere/command-r", "invoke", "cohere.command-r-v1:0", ask,
             "recorded")
    c.answer({"response_id": "r", "text": "Me", "generation_id": "g",
              "chat_history": [{"role": "USER", "message": "a"}],
              "finish_reason": "COMPLETE"}, headers=headers(9, 1))
    c.expect(**facts, **usage(9, 1, "header"), stop_reason="COMPLETE",
             finish="stop", output_chars=2, response_id="r",
             server_latency_ms=777)
    yield c

    c = Case("cohere/command-r-stream", STREAM, "cohere.command-r-v1:0", ask)
    c.answer([chunk({"event_type": "stream-start", "is_finished": False}),
              chunk({"event_type": "text-generation", "text": "Me",
                     "is_finished": False}),
              last({"event_type": "stream-end", "is_finished": True,
                    "finish_reason": "COMPLETE", "response": {
                        "response_id": "r", "text": "Me",
                        "finish_reason": "COMPLETE"}}, 9, 1)])
    c.expect(**facts, **usage(9, 1, "frame"), streamed=1,
             stop_reason="COMPLETE", finish="stop", events=3, text_events=1,
             output_chars=2, response_id="r", server_latency_ms=900)
    yield c

    ask = {"texts": ["Hé", "you"], "input_type": "search_query"}
    facts = dict(EMBED, prompt_chars=5, server_latency_ms=777,
                 response_id="e")
    c = Case("cohere/embed-v3", "invoke", "cohere.embed-english-v3", ask,
             "recorded")
    c.answer({"id": "e", "response_type": "embeddings_floats",
              "texts": ["hé", "you"],
              "embeddings": [vector(64), vector(64)]},
             headers=only_header(4))
    yield c.expect(**facts, **usage(4, None, "header"),
                   embedding_dimension=64)

    c = Case("cohere/embed-v4", "invoke", "cohere.embed-v4:0",
             dict(ask, embedding_types=["int8", "float"]))
    c.answer({"id": "e", "response_type": "embeddings_by_type",
              "embeddings": {"int8": [[1] * 32, [2] * 32],
                             "float": [vector(32), vector(32)]}},
             headers=only_header(4))
    yield c.expect(**facts, **usage(4, None, "header"),
                   embedding_dimension=32)

    ask = {"query": "Who?", "documents": ["a", "b", "c"], "top_n": 2,
           "api_version": 2}
    facts = dict(operation="rerank", step="rerank_documents", prompt_chars=4,
                 search_units=3, top_k_requested=2, documents=2,
                 score_count=2, score_top=0.91, server_latency_ms=777)
    c = Case("cohere/rerank", "invoke", "cohere.rerank-v3-5:0", ask,
             "recorded")
    c.answer({"results": [{"index": 2, "relevance_score": 0.91},
                          {"index": 0, "relevance_score": 0.25}]},
             headers=only_header("")[1:])
    yield c.expect(**facts, cost_pico=2000000000)

    c = Case("cohere/rerank-amazon", "invoke", "amazon.rerank-v1:0", ask)
    c.answer({"results": [{"index": 2, "relevanceScore": 0.91},
                          {"index": 0, "relevanceScore": 0.25}]},
             headers=only_header("")[1:])
    yield c.expect(**facts, cost_pico=1000000000)


def openai():
    ask = {"messages": [
        {"role": "system", "content": "Sys"},
        {"role": "user", "content": [
            {"type": "text", "text": "Look"},
            {"type": "image_url", "image_url": {"url": "data:…"}}]},
        {"role": "tool", "content": "42", "tool_call_id": "c"}],
        "max_completion_tokens": 80, "stop": "\n",
        "tools": [{"type": "function", "function": {"name": "f"}}]}
    facts = dict(messages=3, prompt_chars=9, media_parts=1, tool_results=1,
                 max_tokens=80, stop_sequences="\\n", tools_offered=1,
                 response_id="chatcmpl-1", response_model="gpt-oss-120b")
    use = {"prompt_tokens": 100, "completion_tokens": 30,
           "total_tokens": 130,
           "prompt_tokens_details": {"cached_tokens": 60},
           "completion_tokens_details": {"reasoning_tokens": 11}}
    model = "openai.gpt-oss-120b-1:0"
    c = Case("openai/invoke", "invoke", model, ask)
    c.answer({"id": "chatcmpl-1", "object": "chat.completion",
              "model": "gpt-oss-120b", "choices": [{
                  "index": 0, "finish_reason": "tool_calls", "message": {
                      "role": "assistant", "content": "Hm",
                      "reasoning_content": "so", "tool_calls": [{
                          "id": "c", "type": "function", "function": {
                              "name": "f", "arguments": "{}"}}]}}],
              "usage": use, "service_tier": "default"})
    c.expect(**facts, **usage(100, 30), cache_read_tokens=60,
             reasoning_tokens=11, reasoning=1, tools="f",
             stop_reason="tool_calls", finish="tool_call", output_chars=2,
             service_tier="default")
    yield c

    def delta(doc, stop=None):
        return {"id": "chatcmpl-1", "object": "chat.completion.chunk",
                "model": "gpt-oss-120b", "choices": [
                    {"index": 0, "delta": doc, "finish_reason": stop}]}
    c = Case("openai/stream", STREAM, model, ask)
    c.answer([chunk(delta({"role": "assistant", "content": ""})),
              chunk(delta({"reasoning_content": "Well"})),
              chunk(delta({"content": "Hi"})),
              chunk(delta({"content": " you"})),
              chunk(delta({}, "stop")),
              last(dict(delta({}), choices=[], usage=use), 40, 30,
                   cacheReadInputTokenCount=60)])
    c.expect(**facts, **usage(100, 30), cache_read_tokens=60,
             reasoning_tokens=11, reasoning=1, streamed=1,
             stop_reason="stop", finish="stop", events=6, text_events=2,
             output_chars=10, server_latency_ms=900)
    yield c

    # Palmyra ends with text that is no JSON
    c = Case("openai/stream-done", STREAM, "us.writer.palmyra-x5-v1:0", ask)
    c.answer([chunk(delta({"content": "Hi"})), chunk(delta({}, "stop")),
              chunk("[DONE]")])
    c.expect(**facts, streamed=1, stop_reason="stop", finish="stop",
             events=3, text_events=1, output_chars=2)
    yield c

    c = Case("openai/deepseek-r1", "invoke", "us.deepseek.r1-v1:0",
             {"prompt": "Hi", "max_tokens": 20}, "recorded")
    c.answer({"choices": [{"text": "Yo", "stop_reason": "stop"}]},
             headers=headers(3, 5))
    c.expect(**TEXT, **usage(3, 5, "header"), prompt_chars=2, max_tokens=20,
             stop_reason="stop", finish="stop", output_chars=2,
             server_latency_ms=777)
    yield c

    c = Case("openai/jamba", "invoke", "ai21.jamba-1-5-mini-v1:0",
             {"messages": [{"role": "user", "content": "Hi"}]}, "recorded")
    c.answer({"id": "cmpl-1", "choices": [{
        "index": 0, "message": {"role": "assistant", "content": "Yo",
                                "tool_calls": None},
        "finish_reason": "length"}],
        "usage": {"prompt_tokens": 9, "completion_tokens": 3,
                  "total_tokens": 12}})
    c.expect(**usage(9, 3), messages=1, prompt_chars=2, response_id="cmpl-1",
             stop_reason="length", finish="length", output_chars=2)
    yield c


def others():
    c = Case("image/titan", "invoke", "amazon.titan-image-generator-v2:0",
             {"taskType": "TEXT_IMAGE", "textToImageParams": {
                 "text": "A cat"}, "imageGenerationConfig": {
                     "numberOfImages": 2}})
    c.answer({"images": ["aGVsbG8=" * 20, "d29ybGQ="], "error": None})
    c.expect(operation="image", prompt_chars=5, images=2, choices=2)
    yield c

    c = Case("image/stability", "invoke", "stability.sd3-5-large-v1:0",
             {"prompt": "A dog", "mode": "text-to-image"})
    c.answer({"seeds": [1], "finish_reasons": ["Filter reason: prompt"],
              "images": ["aGVsbG8="]})
    c.expect(operation="image", prompt_chars=5, images=1, finish="other",
             stop_reason="Filter reason: prompt")
    yield c

    c = Case("twelvelabs/marengo", "invoke",
             "twelvelabs.marengo-embed-2-7-v1:0",
             {"inputType": "text", "inputText": "cat"})
    c.answer({"data": [{"embedding": vector(24)},
                       {"embedding": vector(24)}]}, headers=only_header(1))
    c.expect(**EMBED, **usage(1, None, "header"), prompt_chars=3,
             embedding_dimension=24, server_latency_ms=777)
    yield c

    c = Case("twelvelabs/pegasus", "invoke", "twelvelabs.pegasus-1-2-v1:0",
             {"inputPrompt": "What?", "mediaSource": {"s3Location": {
                 "uri": "s3://b/v.mp4"}}, "maxOutputTokens": 90})
    c.answer({"message": "A cat.", "finishReason": "stop"},
             headers=headers(0, 4))
    c.expect(**usage(0, 4, "header"), prompt_chars=5, media_parts=1,
             files=1, input_elsewhere=1, max_tokens=90, stop_reason="stop", finish="stop",
             output_chars=6, server_latency_ms=777)
    yield c


def sonic():
    def event(**what):
        return chunk({"event": what})

    c = Case("nova-sonic/stream", STREAM, "amazon.nova-sonic-v1:0",
             {"inputText": "Hi"})
    c.answer([event(completionStart={"completionId": "c1"}),
              event(textOutput={"content": "Hey"}),
              event(usageEvent={"completionId": "c1", "totalInputTokens": 5,
                                "totalOutputTokens": 2, "totalTokens": 7}),
              event(textOutput={"content": " you"}),
              event(contentEnd={"stopReason": "END_TURN"}),
              event(usageEvent={"completionId": "c1", "totalInputTokens": 5,
                                "totalOutputTokens": 4, "totalTokens": 9})])
    c.expect(**usage(5, 4), streamed=1, prompt_chars=2, response_id="c1",
             stop_reason="END_TURN", finish="stop", events=6, text_events=2,
             output_chars=7)
    yield c


def cases():
    for part in (nova, text_models, cohere, openai, others, sonic):
        yield from part()
