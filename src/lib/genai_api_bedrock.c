/*
 * Amazon Bedrock Runtime (wire-formats 1, 3, 4): Converse in full; the
 * bodies of InvokeModel belong to the model families.
 */

#include "genai_api_tables.h"


/* 4.1, at the top of a body or below "input.converse" of CountTokens */

#define bedrock_prompt_rows(at)                                               \
    { at "messages", GENAI_JSON_LENGTH, GENAI_LAST, GENAI_F_MESSAGES, 0 },    \
    { at "messages[].content[].text", GENAI_JSON_CHARS, GENAI_SUM,            \
      GENAI_F_PROMPT_CHARS, 0 },                                              \
    { at "messages[].content[].guardContent.text.text", GENAI_JSON_CHARS,     \
      GENAI_SUM, GENAI_F_PROMPT_CHARS, 0 },                                   \
    { at "messages[].content[].toolResult.content[].text",                    \
      GENAI_JSON_CHARS, GENAI_SUM, GENAI_F_PROMPT_CHARS, 0 },                 \
    { at "messages[].content[].toolResult", GENAI_JSON_PRESENT, GENAI_COUNT,  \
      GENAI_F_TOOL_RESULTS, 0 },                                              \
    { at "messages[].content[].image", GENAI_JSON_PRESENT, GENAI_COUNT,       \
      GENAI_F_MEDIA_PARTS, 0 },                                               \
    { at "messages[].content[].document", GENAI_JSON_PRESENT, GENAI_COUNT,    \
      GENAI_F_MEDIA_PARTS, 0 },                                               \
    { at "messages[].content[].video", GENAI_JSON_PRESENT, GENAI_COUNT,       \
      GENAI_F_MEDIA_PARTS, 0 },                                               \
    { at "messages[].content[].audio", GENAI_JSON_PRESENT, GENAI_COUNT,       \
      GENAI_F_MEDIA_PARTS, 0 },                                               \
    { at "messages[].content[].toolResult.content[].image",                   \
      GENAI_JSON_PRESENT, GENAI_COUNT, GENAI_F_MEDIA_PARTS, 0 },              \
    { at "messages[].content[].toolResult.content[].document",                \
      GENAI_JSON_PRESENT, GENAI_COUNT, GENAI_F_MEDIA_PARTS, 0 },              \
    { at "system[].text", GENAI_JSON_CHARS, GENAI_SUM,                        \
      GENAI_F_SYSTEM_CHARS, 0 },                                              \
    { at "system[].guardContent.text.text", GENAI_JSON_CHARS, GENAI_SUM,      \
      GENAI_F_SYSTEM_CHARS, 0 },                                              \
    { at "toolConfig.tools[].toolSpec", GENAI_JSON_PRESENT, GENAI_COUNT,      \
      GENAI_F_TOOLS_OFFERED, 0 },                                             \
    { at "toolConfig.tools[].systemTool", GENAI_JSON_PRESENT, GENAI_COUNT,    \
      GENAI_F_TOOLS_OFFERED, 0 }


/* 4.2; the cache keys are seen in both spellings, here and in Nova's body */

#define bedrock_usage_rows                                                    \
    { "usage.inputTokens", GENAI_JSON_NUMBER, GENAI_LAST,                     \
      GENAI_F_INPUT_TOKENS, 0 },                                              \
    { "usage.outputTokens", GENAI_JSON_NUMBER, GENAI_LAST,                    \
      GENAI_F_OUTPUT_TOKENS, 0 },                                             \
    { "usage.totalTokens", GENAI_JSON_NUMBER, GENAI_LAST,                     \
      GENAI_F_TOTAL_TOKENS, 0 },                                              \
    { "usage.cacheReadInputTokens", GENAI_JSON_NUMBER, GENAI_LAST,            \
      GENAI_F_CACHE_READ_TOKENS, 0 },                                         \
    { "usage.cacheReadInputTokenCount", GENAI_JSON_NUMBER, GENAI_LAST,        \
      GENAI_F_CACHE_READ_TOKENS, 0 },                                         \
    { "usage.cacheWriteInputTokens", GENAI_JSON_NUMBER, GENAI_LAST,           \
      GENAI_F_CACHE_WRITE_TOKENS, 0 },                                        \
    { "usage.cacheWriteInputTokenCount", GENAI_JSON_NUMBER, GENAI_LAST,       \
      GENAI_F_CACHE_WRITE_TOKENS, 0 },                                        \
    { "usage.cacheDetails[].ttl", GENAI_JSON_TEXT, GENAI_LAST,                \
      GENAI_F_CACHE_TTL, 0 },                                                 \
    { "usage.cacheDetails[].inputTokens", GENAI_JSON_NUMBER, GENAI_LAST,      \
      GENAI_F_CACHE_TTL_TOKENS, 0 },                                          \
    { "usage.cacheDetails[]", GENAI_JSON_END, GENAI_LAST,                     \
      GENAI_F_CACHE_TTL_END, 0 },                                             \
    { "metrics.latencyMs", GENAI_JSON_NUMBER, GENAI_LAST,                     \
      GENAI_F_SERVER_LATENCY_MS, 0 },                                         \
    { "trace.promptRouter.invokedModelId", GENAI_JSON_TEXT, GENAI_LAST,       \
      GENAI_F_RESPONSE_MODEL, 0 },                                            \
    { "performanceConfig.latency", GENAI_JSON_TEXT, GENAI_LAST,               \
      GENAI_F_LATENCY_MODE, 0 },                                              \
    { "serviceTier.type", GENAI_JSON_TEXT, GENAI_LAST,                        \
      GENAI_F_SERVICE_TIER, 0 }


static const genai_row_t  bedrock_converse_request[] = {
    bedrock_prompt_rows(""),
    { "inferenceConfig.maxTokens", GENAI_JSON_NUMBER, GENAI_LAST,
      GENAI_F_MAX_TOKENS, 0 },
    { "inferenceConfig.temperature", GENAI_JSON_NUMBER, GENAI_LAST,
      GENAI_F_TEMPERATURE, 0 },
    { "inferenceConfig.topP", GENAI_JSON_NUMBER, GENAI_LAST,
      GENAI_F_TOP_P, 0 },
    { "inferenceConfig.stopSequences[]", GENAI_JSON_TEXT, GENAI_LAST,
      GENAI_F_STOP_SEQUENCE, 0 },
    { "additionalModelRequestFields.top_k", GENAI_JSON_NUMBER, GENAI_LAST,
      GENAI_F_TOP_K, 0 },
    { "additionalModelRequestFields.topK", GENAI_JSON_NUMBER, GENAI_LAST,
      GENAI_F_TOP_K, 0 },
    { "additionalModelRequestFields.inferenceConfig.topK",
      GENAI_JSON_NUMBER, GENAI_LAST, GENAI_F_TOP_K, 0 },
    { "guardrailConfig.guardrailIdentifier", GENAI_JSON_TEXT, GENAI_LAST,
      GENAI_F_GUARDRAIL_ID, 0 },
    { "guardrailConfig.guardrailVersion", GENAI_JSON_TEXT, GENAI_LAST,
      GENAI_F_GUARDRAIL_VERSION, 0 },
    { "promptVariables.*.text", GENAI_JSON_CHARS, GENAI_SUM,
      GENAI_F_PROMPT_CHARS, 0 },
    { "requestMetadata.*", GENAI_JSON_NAME | GENAI_JSON_TEXT, GENAI_LAST,
      GENAI_F_REQUEST_METADATA, 0 },
    { "performanceConfig.latency", GENAI_JSON_TEXT, GENAI_LAST,
      GENAI_F_LATENCY_MODE, 0 },
    { "serviceTier.type", GENAI_JSON_TEXT, GENAI_LAST,
      GENAI_F_SERVICE_TIER, 0 }
};

static const genai_row_t  bedrock_converse_response[] = {
    bedrock_usage_rows,
    { "stopReason", GENAI_JSON_TEXT, GENAI_LAST, GENAI_F_STOP_REASON, 0 },
    { "output.message.content[].text", GENAI_JSON_CHARS, GENAI_SUM,
      GENAI_F_OUTPUT_CHARS, 0 },
    { "output.message.content[].toolUse.name", GENAI_JSON_TEXT, GENAI_LAST,
      GENAI_F_TOOL, 0 },
    { "output.message.content[].reasoningContent", GENAI_JSON_PRESENT,
      GENAI_LAST, GENAI_F_REASONING, 0 }
};

static const genai_row_t  bedrock_block_start[] = {
    { "start.toolUse.name", GENAI_JSON_TEXT, GENAI_LAST, GENAI_F_TOOL, 0 }
};

static const genai_row_t  bedrock_block_delta[] = {
    { "delta.text", GENAI_JSON_CHARS, GENAI_SUM, GENAI_F_VISIBLE, 0 },
    { "delta.toolUse.input", GENAI_JSON_CHARS, GENAI_SUM, GENAI_F_VISIBLE,
      0 },
    { "delta.reasoningContent.text", GENAI_JSON_CHARS, GENAI_SUM,
      GENAI_F_REASONING, 0 },
    { "delta.reasoningContent.redactedContent", GENAI_JSON_PRESENT,
      GENAI_LAST, GENAI_F_REASONING, 0 },
    { "delta.image", GENAI_JSON_PRESENT, GENAI_LAST, GENAI_F_VISIBLE, 0 }
};

static const genai_row_t  bedrock_message_stop[] = {
    { "stopReason", GENAI_JSON_TEXT, GENAI_LAST, GENAI_F_STOP_REASON, 0 }
};

static const genai_row_t  bedrock_metadata[] = { bedrock_usage_rows };


/* 1.7 */

static const genai_row_t  bedrock_count_request[] = {
    bedrock_prompt_rows("input.converse.")
};

static const genai_row_t  bedrock_count_response[] = {
    { "inputTokens", GENAI_JSON_NUMBER, GENAI_LAST, GENAI_F_INPUT_TOKENS, 0 }
};

static const genai_row_t  bedrock_guardrail_request[] = {
    { "content[].text.text", GENAI_JSON_CHARS, GENAI_SUM,
      GENAI_F_PROMPT_CHARS, 0 }
};

static const genai_row_t  bedrock_guardrail_response[] = {
    { "action", GENAI_JSON_TEXT, GENAI_LAST, GENAI_F_STOP_REASON, 0 }
};

static const genai_row_t  bedrock_async_request[] = {
    { "modelId", GENAI_JSON_TEXT, GENAI_LAST, GENAI_F_MODEL, 0 }
};

static const genai_row_t  bedrock_async_response[] = {
    { "invocationArn", GENAI_JSON_TEXT, GENAI_LAST, GENAI_F_RESPONSE_ID, 0 }
};


static const genai_rows_t  rows_converse_request
    = genai_rows(bedrock_converse_request);
static const genai_rows_t  rows_converse_response
    = genai_rows(bedrock_converse_response);
static const genai_rows_t  rows_block_start
    = genai_rows(bedrock_block_start);
static const genai_rows_t  rows_block_delta
    = genai_rows(bedrock_block_delta);
static const genai_rows_t  rows_message_stop
    = genai_rows(bedrock_message_stop);
static const genai_rows_t  rows_metadata = genai_rows(bedrock_metadata);
static const genai_rows_t  rows_count_request
    = genai_rows(bedrock_count_request);
static const genai_rows_t  rows_count_response
    = genai_rows(bedrock_count_response);
static const genai_rows_t  rows_guardrail_request
    = genai_rows(bedrock_guardrail_request);
static const genai_rows_t  rows_guardrail_response
    = genai_rows(bedrock_guardrail_response);
static const genai_rows_t  rows_async_request
    = genai_rows(bedrock_async_request);
static const genai_rows_t  rows_async_response
    = genai_rows(bedrock_async_response);


/* 3.4; the most frequent first */

static const genai_api_event_t  bedrock_events[] = {
    { "contentBlockDelta", GENAI_EV_TEXT, &rows_block_delta,
      "{\"contentBlockIndex\":0,\"delta\":{\"text\":\"\"}}" },
    { "contentBlockStart", 0, &rows_block_start, NULL },
    { "contentBlockStop", 0, NULL, NULL },
    { "messageStart", 0, NULL, NULL },
    { "messageStop", GENAI_EV_STOP, &rows_message_stop, NULL },
    { "metadata", GENAI_EV_END, &rows_metadata, NULL }
};


static const genai_api_op_t  bedrock_ops[] = {
    { .name = "InvokeModel",
      .method = "POST",
      .path = "/model/{model}/invoke",
      .operation = GENAI_OP_CHAT,
      .step = GENAI_STEP_GENERATION,
      .by_family = 1,
      .request = &genai_rows_union[GENAI_DOC_REQUEST],
      .response = &genai_rows_union[GENAI_DOC_RESPONSE] },

    { .name = "InvokeModelWithResponseStream",
      .method = "POST",
      .path = "/model/{model}/invoke-with-response-stream",
      .operation = GENAI_OP_CHAT,
      .step = GENAI_STEP_GENERATION,
      .stream = GENAI_STREAM_CHUNKS,
      .by_family = 1,
      .request = &genai_rows_union[GENAI_DOC_REQUEST],
      .response = &genai_rows_union[GENAI_DOC_RESPONSE] },

    { .name = "Converse",
      .method = "POST",
      .path = "/model/{model}/converse",
      .operation = GENAI_OP_CHAT,
      .step = GENAI_STEP_GENERATION,
      .request = &rows_converse_request,
      .response = &rows_converse_response },

    { .name = "ConverseStream",
      .method = "POST",
      .path = "/model/{model}/converse-stream",
      .operation = GENAI_OP_CHAT,
      .step = GENAI_STEP_GENERATION,
      .stream = GENAI_STREAM_EVENTS,
      .request = &rows_converse_request,
      .response = &rows_converse_response,
      .events = bedrock_events,
      .nevents = genai_nelts(bedrock_events) },

    { .name = "CountTokens",
      .method = "POST",
      .path = "/model/{model}/count-tokens",
      .operation = GENAI_OP_COUNT_TOKENS,
      .not_billed = 1,
      .request = &rows_count_request,
      .response = &rows_count_response },

    { .name = "ApplyGuardrail",
      .method = "POST",
      .path = "/guardrail/{guardrail}/version/{version}/apply",
      .operation = GENAI_OP_APPLY_GUARDRAIL,
      .not_billed = 1,
      .request = &rows_guardrail_request,
      .response = &rows_guardrail_response },

    { .name = "StartAsyncInvoke",
      .method = "POST",
      .path = "/async-invoke",
      .operation = GENAI_OP_ASYNC_INVOKE,
      .not_billed = 1,
      .request = &rows_async_request,
      .response = &rows_async_response },

    { .name = "GetAsyncInvoke",
      .method = "GET",
      .path = "/async-invoke/{id}",
      .operation = GENAI_OP_ASYNC_INVOKE,
      .not_billed = 1 },

    { .name = "ListAsyncInvokes",
      .method = "GET",
      .path = "/async-invoke",
      .operation = GENAI_OP_ASYNC_INVOKE,
      .not_billed = 1 }
};


const genai_api_table_t  genai_api_bedrock = {
    GENAI_API_BEDROCK, "aws.bedrock", bedrock_ops, genai_nelts(bedrock_ops)
};


/* what Bedrock itself puts into the documents of every family (3.3) */

static const genai_row_t  bedrock_inner[] = {
    { "amazon-bedrock-invocationMetrics", GENAI_JSON_PRESENT, GENAI_LAST,
      GENAI_F_FRAME_METRICS, 0 },
    { "amazon-bedrock-invocationMetrics.inputTokenCount", GENAI_JSON_NUMBER,
      GENAI_LAST, GENAI_F_FRAME_INPUT_TOKENS, 0 },
    { "amazon-bedrock-invocationMetrics.outputTokenCount", GENAI_JSON_NUMBER,
      GENAI_LAST, GENAI_F_FRAME_OUTPUT_TOKENS, 0 },
    { "amazon-bedrock-invocationMetrics.cacheReadInputTokenCount",
      GENAI_JSON_NUMBER, GENAI_LAST, GENAI_F_FRAME_CACHE_READ_TOKENS, 0 },
    { "amazon-bedrock-invocationMetrics.cacheWriteInputTokenCount",
      GENAI_JSON_NUMBER, GENAI_LAST, GENAI_F_FRAME_CACHE_WRITE_TOKENS, 0 },
    { "amazon-bedrock-invocationMetrics.invocationLatency",
      GENAI_JSON_NUMBER, GENAI_LAST, GENAI_F_SERVER_LATENCY_MS, 0 }
};


const genai_family_t  genai_family_bedrock = {
    .name = "bedrock",
    .inner = genai_rows(bedrock_inner)
};
