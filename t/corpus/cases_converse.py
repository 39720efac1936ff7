"""Converse and ConverseStream."""

from corpus import HAIKU, SONNET, Case, event, padded, usage

ASK = {"messages": [{"role": "user", "content": [{"text": "Grüße, Zoë 👋"}]}],
       "system": [{"text": "Be brief."}],
       "inferenceConfig": {"maxTokens": 512, "temperature": 0.5, "topP": 0.9,
                           "stopSequences": ["END", "\n\n"]}}
ASK_FACTS = dict(messages=1, prompt_chars=12, system_chars=9, max_tokens=512,
                 temperature=0.5, top_p=0.9, stop_sequences="END,\\n\\n")

# a prompt that is worth a cache
LONG = dict(ASK, system=[{"text": "Be brief. " * 110},
                         {"cachePoint": {"type": "default"}}])
LONG_FACTS = dict(ASK_FACTS, system_chars=1100)


def reply(content, stop, **use):
    return {"metrics": {"latencyMs": 612},
            "output": {"message": {"role": "assistant", "content": content}},
            "stopReason": stop, "usage": use}


def delta(text, pad=0, index=0):
    doc = {"contentBlockIndex": index, "delta": {"text": text}}
    return event("contentBlockDelta", padded(doc, pad) if pad else doc)


def stop(reason):
    return event("messageStop", {"stopReason": reason})


def meta(**use):
    return event("metadata", {"metrics": {"latencyMs": 321}, "p": "ab",
                              "usage": use})


START = event("messageStart", {"role": "assistant", "p": "abcdefg"})
BLOCK_END = event("contentBlockStop", {"contentBlockIndex": 0})


# of a guardrail that looks at what an answer is grounded in
GROUNDED = {"contextualGroundingPolicy": {"filters": [
    {"type": "GROUNDING", "threshold": 0.75, "score": 0.625,
     "action": "BLOCKED", "detected": True},
    {"type": "RELEVANCE", "threshold": 0.5, "score": 0.25,
     "action": "BLOCKED"}]}}


def plain():
    c = Case("converse/plain", "converse", HAIKU, ASK, "recorded")
    c.answer(reply([{"text": "Hello."}], "end_turn", inputTokens=12,
                   outputTokens=4, totalTokens=16, serverToolUsage={}))
    c.expect(**ASK_FACTS, **usage(12, 4), stop_reason="end_turn",
             finish="stop", output_chars=6, server_latency_ms=612)
    yield c.priced(HAIKU, 12, 4)

    # botocore's spelling of JSON: spaces, ASCII only
    c = Case("converse/spaced", "converse", HAIKU,
             '{"inferenceConfig": {"maxTokens": 7}, "messages": [{"role": '
             '"user", "content": [{"text": "Gr\\u00fc\\u00dfe '
             '\\ud83d\\udc4b"}]}]}', "recorded")
    c.answer(reply([{"text": "a\"\\ü\n"}], "max_tokens", inputTokens=8,
                   outputTokens=7, totalTokens=15))
    c.expect(messages=1, prompt_chars=7, max_tokens=7, **usage(8, 7),
             stop_reason="max_tokens", finish="length", output_chars=5,
             server_latency_ms=612)
    yield c.priced(HAIKU, 8, 7)

    # wire-formats 4.2: total is the sum of all four
    c = Case("converse/cache", "converse", HAIKU, LONG, "recorded")
    c.answer(reply([{"text": "Hi"}], "end_turn", inputTokens=11,
                   outputTokens=236, totalTokens=1275,
                   cacheReadInputTokens=0, cacheWriteInputTokens=1028,
                   cacheReadInputTokenCount=0, cacheWriteInputTokenCount=1028,
                   cacheDetails=[{"ttl": "5m", "inputTokens": 1028}]))
    c.expect(**LONG_FACTS, **usage(1039, 236), cache_read_tokens=0,
             cache_write_tokens=1028, stop_reason="end_turn", finish="stop",
             output_chars=2, server_latency_ms=612)
    yield c.priced(HAIKU, 11, 236, 0, 1028)

    c = Case("converse/cache-1h", "converse", HAIKU, LONG)
    c.answer(reply([{"text": "Hi"}], "end_turn", inputTokens=10,
                   outputTokens=20, totalTokens=1130,
                   cacheReadInputTokens=100, cacheWriteInputTokens=1000,
                   cacheDetails=[{"ttl": "1h", "inputTokens": 700},
                                 {"inputTokens": 300, "ttl": "5m"}]))
    c.expect(**LONG_FACTS, **usage(1110, 20), cache_read_tokens=100,
             cache_write_tokens=1000, cache_write_1h_tokens=700,
             stop_reason="end_turn", finish="stop", output_chars=2,
             server_latency_ms=612)
    yield c.priced(HAIKU, 10, 20, 100, 1000, 700)


def rich():
    ask = {"messages": [
        {"role": "user", "content": [
            {"text": "Weather?"},
            {"image": {"format": "png", "source": {"bytes": "iVBORw0="}}},
            {"document": {"name": "d", "format": "txt",
                          "source": {"text": "never counted"}}}]},
        {"role": "assistant", "content": [
            {"toolUse": {"toolUseId": "t1", "name": "weather",
                         "input": {"text": "no prompt"}}}]},
        {"role": "user", "content": [
            {"toolResult": {"toolUseId": "t1",
                            "content": [{"text": "rain"}]}}]}],
        "toolConfig": {"tools": [
            {"toolSpec": {"name": "weather", "inputSchema": {"json": {}}}},
            {"toolSpec": {"name": "search", "inputSchema": {"json": {}}}},
            {"cachePoint": {"type": "default"}}]},
        "guardrailConfig": {"guardrailIdentifier": "gr-abc123",
                            "guardrailVersion": "2", "trace": "enabled"},
        "additionalModelRequestFields": {"top_k": 40},
        "requestMetadata": {"team": "blue", "cost-center": "42"},
        "performanceConfig": {"latency": "optimized"},
        "serviceTier": {"type": "priority"}}
    facts = dict(messages=3, prompt_chars=12, media_parts=2, tool_results=1,
                 tools_offered=2, guardrail_id="gr-abc123",
                 guardrail_version=2, top_k=40, latency_mode="optimized",
                 request_metadata="team=blue,cost-center=42")
    c = Case("converse/tools", "converse", SONNET, ask)
    doc = reply([{"reasoningContent": {"reasoningText": {
                    "text": "hm", "signature": "s"}}},
                 {"text": "I look."},
                 {"toolUse": {"toolUseId": "a", "name": "weather",
                              "input": {"q": "x"}}},
                 {"toolUse": {"toolUseId": "b", "name": "search",
                              "input": {}}},
                 {"toolUse": {"toolUseId": "c", "name": "weather",
                              "input": {}}}], "tool_use",
                inputTokens=21, outputTokens=9, totalTokens=30)
    doc["serviceTier"] = {"type": "default"}
    c.answer(doc)
    c.expect(**facts, **usage(21, 9), stop_reason="tool_use",
             finish="tool_call", tools="weather,search", reasoning=1,
             output_chars=7, server_latency_ms=612, service_tier="default")
    yield c

    c = Case("converse/guardrail", "converse", SONNET, ask)
    doc = reply([{"text": "I cannot."}], "guardrail_intervened",
                inputTokens=0, outputTokens=0, totalTokens=0)
    doc["trace"] = {"guardrail": {"inputAssessment": {"gr-abc123": {
        "topicPolicy": {"topics": [{"name": "t", "type": "DENY",
                                    "action": "BLOCKED"}]}}},
        "outputAssessments": {"gr-abc123": [GROUNDED, {
            "contextualGroundingPolicy": {"filters": [
                {"score": 0.875, "type": "GROUNDING", "threshold": 0.5},
                {"type": "NEW", "score": 0.1}]}}]}}}
    c.expect(**{"score.grounding": 0.625, "score.relevance": 0.25})
    c.answer(doc)
    c.expect(**facts, **usage(0, 0), stop_reason="guardrail_intervened",
             finish="content_filter", output_chars=9, server_latency_ms=612,
             service_tier="priority")
    yield c

    router = ("arn:aws:bedrock:us-east-1:111122223333:default-prompt-router/"
              "anthropic.claude:1")
    c = Case("converse/router", "converse", router, ASK)
    doc = reply([{"text": "x"}], "end_turn", inputTokens=1, outputTokens=1,
                totalTokens=2)
    doc["trace"] = {"promptRouter": {"invokedModelId":
                    "arn:aws:bedrock:us-east-1::foundation-model/" + HAIKU}}
    c.answer(doc)
    c.expect(**ASK_FACTS, **usage(1, 1), stop_reason="end_turn",
             finish="stop", output_chars=1, server_latency_ms=612,
             response_model="arn:aws:bedrock:us-east-1::foundation-model/"
             + HAIKU)
    yield c

    # floats, nulls, unknown keys, another order, keys that look alike
    c = Case("converse/odd", "converse", HAIKU, ASK)
    c.answer('{"usage":{"totalTokens":40.0,"outputTokens":1.2e1,"new":{"a":'
             '[1,{"inputTokens":999}]},"inputTokens":28.0,'
             '"cacheReadInputTokens":null,"serverToolUsage":{}},"stopReason":'
             '"brand_new_reason","x":{"usage":{"inputTokens":7}},"metrics":'
             'null,"output":{"message":{"content":[{"new":1},{"text":"ok"}],'
             '"stopReason":"no"}}}')
    c.expect(**ASK_FACTS, **usage(28, 12), stop_reason="brand_new_reason",
             finish="other", output_chars=2)
    yield c.priced(HAIKU, 28, 12)


def streams():
    c = Case("converse-stream/plain", "converse-stream", HAIKU, ASK,
             "recorded")
    c.answer([START, delta("", 3), delta("Hel"), delta("lo,", 12),
              delta(" world", 40), BLOCK_END, stop("end_turn"),
              meta(inputTokens=9, outputTokens=4, totalTokens=13)])
    c.expect(**ASK_FACTS, **usage(9, 4), streamed=1, stop_reason="end_turn",
             finish="stop", events=8, text_events=3, output_chars=12,
             server_latency_ms=321)
    yield c.priced(HAIKU, 9, 4)

    c = Case("converse-stream/cache", "converse-stream", HAIKU, LONG)
    c.answer([START, delta("x"), BLOCK_END, stop("max_tokens"),
              meta(inputTokens=4, outputTokens=1, totalTokens=1136,
                   cacheReadInputTokens=0, cacheWriteInputTokens=1131,
                   cacheDetails=[{"ttl": "1h", "inputTokens": 131},
                                 {"ttl": "5m", "inputTokens": 1000}])])
    c.expect(**LONG_FACTS, **usage(1135, 1), streamed=1, cache_read_tokens=0,
             cache_write_tokens=1131, cache_write_1h_tokens=131,
             stop_reason="max_tokens", finish="length", events=5,
             text_events=1, output_chars=1, server_latency_ms=321)
    yield c.priced(HAIKU, 4, 1, 0, 1131, 131)

    c = Case("converse-stream/tools", "converse-stream", SONNET, ASK)
    c.answer([START,
              event("contentBlockDelta", {"contentBlockIndex": 0, "delta": {
                  "reasoningContent": {"text": "Let me"}}}),
              event("contentBlockDelta", {"contentBlockIndex": 0, "delta": {
                  "reasoningContent": {"signature": "c2ln"}}}),
              BLOCK_END,
              event("contentBlockStart", {"contentBlockIndex": 1, "start": {
                  "toolUse": {"toolUseId": "t", "name": "search"}}}),
              event("contentBlockDelta", {"contentBlockIndex": 1, "delta": {
                  "toolUse": {"input": ""}}}),
              event("contentBlockDelta", {"contentBlockIndex": 1, "delta": {
                  "toolUse": {"input": "{\"q\":1}"}}}),
              event("contentBlockStop", {"contentBlockIndex": 1}),
              event("contentBlockStart", {"contentBlockIndex": 2, "start": {
                  "toolUse": {"toolUseId": "u", "name": "weather"}}}),
              event("newEvent", {"usage": {"inputTokens": 5}}),
              stop("tool_use"),
              meta(inputTokens=50, outputTokens=30, totalTokens=80)])
    c.expect(**ASK_FACTS, **usage(50, 30), streamed=1, reasoning=1,
             tools="search,weather", stop_reason="tool_use",
             finish="tool_call", events=12, text_events=1, output_chars=13,
             server_latency_ms=321)
    yield c.priced(SONNET, 50, 30)

    c = Case("converse-stream/guardrail", "converse-stream", SONNET, ASK)
    c.answer([START, delta("Well"), delta("Sorry, I cannot."), BLOCK_END,
              stop("guardrail_intervened"),
              event("metadata", {"usage": {"inputTokens": 3,
                                           "outputTokens": 8,
                                           "totalTokens": 11},
                                 "metrics": {"latencyMs": 88},
                                 "trace": {"guardrail": {
                                     "outputAssessments": {
                                         "gr-1": [GROUNDED]}}},
                                 "serviceTier": {"type": "flex"}})])
    c.expect(**ASK_FACTS, **usage(3, 8), streamed=1,
             stop_reason="guardrail_intervened", finish="content_filter",
             events=6, text_events=2, output_chars=20, server_latency_ms=88,
             service_tier="flex",
             **{"score.grounding": 0.625, "score.relevance": 0.25})
    yield c


def count():
    c = Case("converse/count-tokens", "count-tokens", HAIKU,
             {"input": {"converse": {"messages": [
                 {"role": "user", "content": [{"text": "abc"}]}]}}})
    c.answer({"inputTokens": 12})
    c.expect(operation="count_tokens", step=None, messages=1, prompt_chars=3,
             input_tokens=12, total_tokens=12, usage_source="body",
             usage_complete=1, skip="not_billed")
    yield c


def guard():
    c = Case("converse/apply-guardrail", "apply", None,
             {"source": "OUTPUT", "content": [
                 {"text": {"text": "the source", "qualifiers": [
                     "grounding_source"]}}, {"text": {"text": "abc"}}]},
             raw_path="/guardrail/gr-1/version/2/apply")
    c.answer({"usage": {"topicPolicyUnits": 1, "contentPolicyUnits": 2,
                        "wordPolicyUnits": 0,
                        "sensitiveInformationPolicyUnits": 1,
                        "sensitiveInformationPolicyFreeUnits": 7,
                        "contextualGroundingPolicyUnits": 3},
              "action": "GUARDRAIL_INTERVENED", "outputs": [
                  {"text": "Sorry."}], "assessments": [GROUNDED]})
    c.expect(operation="apply_guardrail", step=None, prompt_chars=13,
             guardrail_id="gr-1", guardrail_version="2", guardrail_units=7,
             stop_reason="GUARDRAIL_INTERVENED", finish="content_filter",
             skip="not_billed",
             **{"score.grounding": 0.625, "score.relevance": 0.25})
    yield c


def cases():
    for part in (plain, rich, streams, count, guard):
        yield from part()
