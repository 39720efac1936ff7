/*
 * Amazon Bedrock Runtime (wire-formats 1, 3, 4): Converse in full; the
 * bodies of InvokeModel belong to the model families.
 */

#include "genai_api_tables.h"


/* a document in a text format has not more tokens than bytes, all others, and
 * what lies in S3, may have many in few bytes */

#define bedrock_file_rows(at)                                                 \
    genai_text(at "document.format", GENAI_F_FILE_FORMAT),                    \
    genai_count(at "document.source.s3Location", GENAI_F_FILES),              \
    genai_count(at "video", GENAI_F_FILES),                                   \
    genai_count(at "audio.source.s3Location", GENAI_F_FILES)


/* 4.1, at the top of a body or below "input.converse" of CountTokens */

#define bedrock_prompt_rows(at)                                               \
    genai_length(at "messages", GENAI_F_MESSAGES),                            \
    genai_chars(at "messages[].content[].text", GENAI_F_PROMPT_CHARS),        \
    genai_chars(at "messages[].content[].guardContent.text.text",             \
                GENAI_F_PROMPT_CHARS),                                        \
    genai_chars(at "messages[].content[].toolResult.content[].text",          \
                GENAI_F_PROMPT_CHARS),                                        \
    genai_count(at "messages[].content[].toolResult", GENAI_F_TOOL_RESULTS),  \
    genai_count(at "messages[].content[].image", GENAI_F_MEDIA_PARTS),        \
    genai_count(at "messages[].content[].document", GENAI_F_MEDIA_PARTS),     \
    genai_count(at "messages[].content[].video", GENAI_F_MEDIA_PARTS),        \
    genai_count(at "messages[].content[].audio", GENAI_F_MEDIA_PARTS),        \
    genai_count(at "messages[].content[].toolResult.content[].image",         \
                GENAI_F_MEDIA_PARTS),                                         \
    genai_count(at "messages[].content[].toolResult.content[].document",      \
                GENAI_F_MEDIA_PARTS),                                         \
    bedrock_file_rows(at "messages[].content[]."),                            \
    bedrock_file_rows(at "messages[].content[].toolResult.content[]."),       \
    genai_chars(at "system[].text", GENAI_F_SYSTEM_CHARS),                    \
    genai_chars(at "system[].guardContent.text.text", GENAI_F_SYSTEM_CHARS),  \
    genai_count(at "toolConfig.tools[].toolSpec", GENAI_F_TOOLS_OFFERED),     \
    genai_count(at "toolConfig.tools[].systemTool", GENAI_F_TOOLS_OFFERED)


/* 1.7: how well an answer is grounded, and how relevant it is; the same in an
 * answer of ApplyGuardrail and in Converse's trace */

#define bedrock_checks(at)                                                    \
    genai_text(at "contextualGroundingPolicy.filters[].type",                 \
               GENAI_F_CHECK_TYPE),                                           \
    genai_number(at "contextualGroundingPolicy.filters[].score",              \
                 GENAI_F_CHECK_SCORE),                                        \
    genai_end(at "contextualGroundingPolicy.filters[]", GENAI_F_CHECK_END)

#define bedrock_units(key)                                                    \
    { "usage." key, GENAI_JSON_NUMBER, GENAI_SUM, GENAI_F_GUARDRAIL_UNITS, 0 }


/* 4.2; the cache keys are seen in both spellings, here and in Nova's body */

#define bedrock_usage_rows                                                    \
    genai_number("usage.inputTokens", GENAI_F_INPUT_TOKENS),                  \
    genai_number("usage.outputTokens", GENAI_F_OUTPUT_TOKENS),                \
    genai_number("usage.totalTokens", GENAI_F_TOTAL_TOKENS),                  \
    genai_number("usage.cacheReadInputTokens", GENAI_F_CACHE_READ_TOKENS),    \
    genai_number("usage.cacheReadInputTokenCount",                            \
                 GENAI_F_CACHE_READ_TOKENS),                                  \
    genai_number("usage.cacheWriteInputTokens", GENAI_F_CACHE_WRITE_TOKENS),  \
    genai_number("usage.cacheWriteInputTokenCount",                           \
                 GENAI_F_CACHE_WRITE_TOKENS),                                 \
    genai_text("usage.cacheDetails[].ttl", GENAI_F_CACHE_TTL),                \
    genai_number("usage.cacheDetails[].inputTokens",                          \
                 GENAI_F_CACHE_TTL_TOKENS),                                   \
    genai_end("usage.cacheDetails[]", GENAI_F_CACHE_TTL_END),                 \
    genai_number("metrics.latencyMs", GENAI_F_SERVER_LATENCY_MS),             \
    bedrock_checks("trace.guardrail.inputAssessment.*."),                     \
    bedrock_checks("trace.guardrail.outputAssessments.*[]."),                 \
    genai_text("trace.promptRouter.invokedModelId", GENAI_F_RESPONSE_MODEL),  \
    genai_text("performanceConfig.latency", GENAI_F_LATENCY_MODE),            \
    genai_text("serviceTier.type", GENAI_F_SERVICE_TIER)


/* beside inferenceConfig's, and not known to be taken: the model's maximum
 * counts then */

#define bedrock_more(key)                                                     \
    { "additionalModelRequestFields." key, GENAI_JSON_NAME, GENAI_LAST,       \
      GENAI_F_LIMIT, 0 },                                                     \
    genai_greatest("additionalModelRequestFields." key, GENAI_F_MAX_TOKENS)

static const genai_row_t  bedrock_converse_request[] = {
    bedrock_prompt_rows(""),
    genai_once("inferenceConfig", GENAI_ONCE_LIMITS),
    genai_limit("inferenceConfig.maxTokens"),
    bedrock_more("max_tokens"),
    bedrock_more("max_completion_tokens"),
    bedrock_more("max_tokens_to_sample"),
    bedrock_more("max_gen_len"),
    bedrock_more("max_new_tokens"),
    bedrock_more("maxTokens"),
    bedrock_more("inferenceConfig.maxTokens"),
    bedrock_more("inferenceConfig.max_new_tokens"),
    bedrock_more("textGenerationConfig.maxTokenCount"),
    genai_choices("additionalModelRequestFields.n"),
    genai_choices("additionalModelRequestFields.num_generations"),
    genai_greatest("additionalModelRequestFields.thinking.budget_tokens",
                   GENAI_F_THINKING),
    genai_present("additionalModelRequestFields.tools", GENAI_F_ELSEWHERE),
    genai_present("additionalModelRequestFields.mcp_servers",
                  GENAI_F_ELSEWHERE),
    genai_present("promptVariables", GENAI_F_ELSEWHERE),
    genai_present("toolConfig.tools[].systemTool", GENAI_F_ELSEWHERE),
    genai_text("performanceConfig.latency", GENAI_F_TIER_ASKED),
    genai_text("serviceTier.type", GENAI_F_TIER_ASKED),
    genai_number("inferenceConfig.temperature", GENAI_F_TEMPERATURE),
    genai_number("inferenceConfig.topP", GENAI_F_TOP_P),
    genai_text("inferenceConfig.stopSequences[]", GENAI_F_STOP_SEQUENCE),
    genai_number("additionalModelRequestFields.top_k", GENAI_F_TOP_K),
    genai_number("additionalModelRequestFields.topK", GENAI_F_TOP_K),
    genai_number("additionalModelRequestFields.inferenceConfig.topK",
                 GENAI_F_TOP_K),
    genai_text("guardrailConfig.guardrailIdentifier", GENAI_F_GUARDRAIL_ID),
    genai_text("guardrailConfig.guardrailVersion", GENAI_F_GUARDRAIL_VERSION),
    genai_chars("promptVariables.*.text", GENAI_F_PROMPT_CHARS),
    { "requestMetadata.*", GENAI_JSON_NAME | GENAI_JSON_TEXT, GENAI_LAST,
      GENAI_F_REQUEST_METADATA, 0 },
    genai_text("performanceConfig.latency", GENAI_F_LATENCY_MODE),
    genai_text("serviceTier.type", GENAI_F_SERVICE_TIER)
};

static const genai_row_t  bedrock_converse_response[] = {
    bedrock_usage_rows,
    genai_text("stopReason", GENAI_F_STOP_REASON),
    genai_chars("output.message.content[].text", GENAI_F_OUTPUT_CHARS),
    genai_text("output.message.content[].toolUse.name", GENAI_F_TOOL),
    genai_present("output.message.content[].reasoningContent",
                  GENAI_F_REASONING)
};

static const genai_row_t  bedrock_block_start[] = {
    genai_text("start.toolUse.name", GENAI_F_TOOL)
};

static const genai_row_t  bedrock_block_delta[] = {
    genai_chars("delta.text", GENAI_F_VISIBLE),
    genai_chars("delta.toolUse.input", GENAI_F_VISIBLE),
    genai_chars("delta.reasoningContent.text", GENAI_F_REASONING),
    genai_present("delta.reasoningContent.redactedContent", GENAI_F_REASONING),
    genai_present("delta.image", GENAI_F_VISIBLE)
};

static const genai_row_t  bedrock_message_stop[] = {
    genai_text("stopReason", GENAI_F_STOP_REASON)
};

static const genai_row_t  bedrock_metadata[] = { bedrock_usage_rows };


/* 1.7 */

static const genai_row_t  bedrock_count_request[] = {
    bedrock_prompt_rows("input.converse.")
};

static const genai_row_t  bedrock_count_response[] = {
    genai_number("inputTokens", GENAI_F_INPUT_TOKENS)
};

static const genai_row_t  bedrock_guardrail_request[] = {
    genai_chars("content[].text.text", GENAI_F_PROMPT_CHARS)
};

static const genai_row_t  bedrock_guardrail_response[] = {
    genai_text("action", GENAI_F_STOP_REASON),
    bedrock_units("topicPolicyUnits"),
    bedrock_units("contentPolicyUnits"),
    bedrock_units("wordPolicyUnits"),
    bedrock_units("sensitiveInformationPolicyUnits"),
    bedrock_units("contextualGroundingPolicyUnits"),
    bedrock_units("contentPolicyImageUnits"),
    bedrock_units("automatedReasoningPolicyUnits"),
    bedrock_checks("assessments[].")
};

static const genai_row_t  bedrock_async_request[] = {
    genai_text("modelId", GENAI_F_MODEL)
};

static const genai_row_t  bedrock_async_response[] = {
    genai_text("invocationArn", GENAI_F_RESPONSE_ID)
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
    .api = GENAI_API_BEDROCK,
    .provider = "aws.bedrock",
    .ops = bedrock_ops,
    .nops = genai_nelts(bedrock_ops)
};


/* what Bedrock itself puts into the documents of every family (3.3) */

static const genai_row_t  bedrock_inner[] = {
    genai_present("amazon-bedrock-invocationMetrics", GENAI_F_FRAME_METRICS),
    genai_number("amazon-bedrock-invocationMetrics.inputTokenCount",
                 GENAI_F_FRAME_INPUT_TOKENS),
    genai_number("amazon-bedrock-invocationMetrics.outputTokenCount",
                 GENAI_F_FRAME_OUTPUT_TOKENS),
    genai_number("amazon-bedrock-invocationMetrics.cacheReadInputTokenCount",
                 GENAI_F_FRAME_CACHE_READ_TOKENS),
    genai_number("amazon-bedrock-invocationMetrics.cacheWriteInputTokenCount",
                 GENAI_F_FRAME_CACHE_WRITE_TOKENS),
    genai_number("amazon-bedrock-invocationMetrics.invocationLatency",
                 GENAI_F_SERVER_LATENCY_MS)
};


const genai_family_t  genai_family_bedrock = {
    .name = "bedrock",
    .inner = genai_rows(bedrock_inner)
};
