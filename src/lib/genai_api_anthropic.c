/*
 * Anthropic's Messages API (wire-formats 1.6, 8.0, 8.1): its own host,
 * Bedrock and Mantle under /anthropic, Azure Foundry, Vertex.  The bodies are
 * those of Claude inside InvokeModel, and the model is in them.
 */

#include "genai_api_tables.h"


static const genai_row_t  anthropic_request[] = {
    genai_first("model", GENAI_F_MODEL),
    genai_once("model", GENAI_ONCE_MODEL),
    genai_text("service_tier", GENAI_F_TIER_ASKED),
    genai_bool("stream", GENAI_F_STREAM)
};

static const genai_rows_t  rows_request
    = genai_rows_and(anthropic_request, &genai_family_claude.request);


static const genai_row_t  anthropic_count[] = {
    genai_number("input_tokens", GENAI_F_INPUT_TOKENS)
};

static const genai_rows_t  rows_count = genai_rows(anthropic_count);


static const genai_row_t  anthropic_batch[] = {
    genai_first("id", GENAI_F_RESPONSE_ID),
    genai_text("processing_status", GENAI_F_STOP_REASON)
};

static const genai_rows_t  rows_batch = genai_rows(anthropic_batch);


/* "type" inside says what it is, whatever the event's own name */

static const genai_api_event_t  anthropic_events[] = {
    { NULL, 0, &genai_family_claude.inner, NULL }
};


#define anthropic_messages                                                    \
    .method = "POST",                                                         \
    .operation = GENAI_OP_CHAT,                                               \
    .step = GENAI_STEP_GENERATION,                                            \
    .stream = GENAI_STREAM_SSE,                                               \
    .asks = 1,                                                                \
    .request = &rows_request,                                                 \
    .response = &genai_family_claude.response,                                \
    .events = anthropic_events,                                               \
    .nevents = genai_nelts(anthropic_events)


static const genai_api_op_t  anthropic_ops[] = {
    { .name = "Messages",
      .path = "/v1/messages",
      anthropic_messages },

    { .name = "CountTokens",
      .method = "POST",
      .path = "/v1/messages/count_tokens",
      .operation = GENAI_OP_COUNT_TOKENS,
      .not_billed = 1,
      .request = &rows_request,
      .response = &rows_count },

    { .name = "CreateMessageBatch",
      .method = "POST",
      .path = "/v1/messages/batches",
      .operation = GENAI_OP_ASYNC_INVOKE,
      .not_billed = 1,
      .response = &rows_batch },

    { .name = "ListMessageBatches",
      .method = "GET",
      .path = "/v1/messages/batches",
      .operation = GENAI_OP_ASYNC_INVOKE,
      .not_billed = 1 },

    { .name = "GetMessageBatch",
      .method = "GET",
      .path = "/v1/messages/batches/{id}",
      .operation = GENAI_OP_ASYNC_INVOKE,
      .not_billed = 1,
      .response = &rows_batch },

    { .name = "MessageBatchResults",
      .method = "GET",
      .path = "/v1/messages/batches/{id}/results",
      .operation = GENAI_OP_ASYNC_INVOKE,
      .not_billed = 1 },

    { .name = "RawPredict",
      .path = "/publishers/anthropic/models/{model}:rawPredict",
      .provider = "gcp.vertex_ai",
      anthropic_messages },

    { .name = "StreamRawPredict",
      .path = "/publishers/anthropic/models/{model}:streamRawPredict",
      .provider = "gcp.vertex_ai",
      anthropic_messages }
};


const genai_api_table_t  genai_api_anthropic = {
    .api = GENAI_API_ANTHROPIC,
    .provider = "anthropic",
    .ops = anthropic_ops,
    .nops = genai_nelts(anthropic_ops),
    .also_bedrock = 1,
    .by_host = 1
};
