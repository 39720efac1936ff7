/*
 * Cohere's own API, version 2 (wire-formats 8.6), and rerank as vLLM and
 * others have it.  Where two counts are told, billed_units is the bill.
 */

#include "genai_api_tables.h"


#define cohere_usage_rows(at)                                                 \
    { at "usage.tokens.input_tokens", GENAI_JSON_NUMBER, GENAI_FIRST,         \
      GENAI_F_INPUT_TOKENS, 0 },                                              \
    { at "usage.tokens.output_tokens", GENAI_JSON_NUMBER, GENAI_FIRST,        \
      GENAI_F_OUTPUT_TOKENS, 0 },                                             \
    genai_number(at "usage.billed_units.input_tokens",                        \
                 GENAI_F_INPUT_TOKENS),                                       \
    genai_number(at "usage.billed_units.output_tokens",                       \
                 GENAI_F_OUTPUT_TOKENS),                                      \
    { at "usage.cached_tokens", GENAI_JSON_NUMBER, GENAI_LAST,                \
      GENAI_F_CACHE_READ_TOKENS, GENAI_ROW_INCLUSIVE },                       \
    genai_text(at "finish_reason", GENAI_F_STOP_REASON)


static const genai_row_t  chat_request[] = {
    genai_first("model", GENAI_F_MODEL),
    genai_once("model", GENAI_ONCE_MODEL),
    genai_bool("stream", GENAI_F_STREAM),
    genai_length("messages", GENAI_F_MESSAGES),
    genai_chars("messages[].content", GENAI_F_PROMPT_CHARS),
    genai_chars("messages[].content[].text", GENAI_F_PROMPT_CHARS),
    genai_text("messages[].content[].type", GENAI_F_PART_TYPE),
    genai_text("messages[].role", GENAI_F_PART_TYPE),
    genai_chars("documents[]", GENAI_F_PROMPT_CHARS),
    genai_chars("documents[].data.text", GENAI_F_PROMPT_CHARS),
    genai_limit("max_tokens"),
    genai_greatest("thinking.token_budget", GENAI_F_THINKING),
    genai_number("temperature", GENAI_F_TEMPERATURE),
    genai_number("p", GENAI_F_TOP_P),
    genai_number("k", GENAI_F_TOP_K),
    genai_text("stop_sequences[]", GENAI_F_STOP_SEQUENCE),
    genai_length("tools", GENAI_F_TOOLS_OFFERED)
};

static const genai_row_t  chat_response[] = {
    cohere_usage_rows(""),
    genai_first("id", GENAI_F_RESPONSE_ID),
    genai_chars("message.content[].text", GENAI_F_OUTPUT_CHARS),
    genai_present("message.content[].thinking", GENAI_F_REASONING),
    genai_text("message.tool_calls[].function.name", GENAI_F_TOOL)
};

static const genai_row_t  chat_event[] = {
    genai_text("type", GENAI_F_EVENT_TYPE),
    genai_first("id", GENAI_F_RESPONSE_ID),
    genai_chars("delta.message.content.text", GENAI_F_VISIBLE),
    genai_chars("delta.message.content.thinking", GENAI_F_REASONING),
    genai_chars("delta.message.tool_plan", GENAI_F_VISIBLE),
    genai_text("delta.message.tool_calls.function.name", GENAI_F_TOOL),
    genai_chars("delta.message.tool_calls.function.arguments",
                GENAI_F_VISIBLE),
    cohere_usage_rows("delta."),
    genai_first("delta.error", GENAI_F_ERROR_MESSAGE)
};


static const genai_row_t  embed_request[] = {
    genai_first("model", GENAI_F_MODEL),
    genai_once("model", GENAI_ONCE_MODEL),
    genai_chars("texts[]", GENAI_F_PROMPT_CHARS),
    genai_chars("inputs[].content[].text", GENAI_F_PROMPT_CHARS),
    genai_length("images", GENAI_F_MEDIA_PARTS),
    genai_text("inputs[].content[].type", GENAI_F_PART_TYPE)
};

static const genai_row_t  embed_response[] = {
    genai_first("id", GENAI_F_RESPONSE_ID),
    genai_dimension("embeddings.float[]"),
    genai_dimension("embeddings.int8[]"),
    genai_dimension("embeddings.uint8[]"),
    genai_number("meta.billed_units.input_tokens", GENAI_F_INPUT_TOKENS)
};


static const genai_row_t  rerank_request[] = {
    genai_first("model", GENAI_F_MODEL),
    genai_once("model", GENAI_ONCE_MODEL),
    genai_chars("query", GENAI_F_PROMPT_CHARS),
    genai_longest("documents", GENAI_F_SEARCH_UNITS),
    genai_number("top_n", GENAI_F_TOP_K_REQUESTED)
};

static const genai_row_t  rerank_response[] = {
    genai_first("id", GENAI_F_RESPONSE_ID),
    genai_length("results", GENAI_F_DOCUMENTS),
    genai_number("results[].relevance_score", GENAI_F_SCORE),
    genai_number("usage.total_tokens", GENAI_F_INPUT_TOKENS)
};


static const genai_rows_t  rows_chat_request = genai_rows(chat_request);
static const genai_rows_t  rows_chat_response = genai_rows(chat_response);
static const genai_rows_t  rows_chat_event = genai_rows(chat_event);
static const genai_rows_t  rows_embed_request = genai_rows(embed_request);
static const genai_rows_t  rows_embed_response = genai_rows(embed_response);
static const genai_rows_t  rows_rerank_request = genai_rows(rerank_request);
static const genai_rows_t  rows_rerank_response = genai_rows(rerank_response);


static const genai_api_event_t  chat_events[] = {
    { NULL, 0, &rows_chat_event, NULL }
};


#define cohere_rerank                                                         \
    .name = "Rerank",                                                         \
    .method = "POST",                                                         \
    .operation = GENAI_OP_RERANK,                                             \
    .step = GENAI_STEP_RERANK,                                                \
    .request = &rows_rerank_request,                                          \
    .response = &rows_rerank_response


static const genai_api_op_t  cohere_ops[] = {
    { .name = "Chat",
      .method = "POST",
      .path = "/v2/chat",
      .operation = GENAI_OP_CHAT,
      .step = GENAI_STEP_GENERATION,
      .stream = GENAI_STREAM_SSE,
      .asks = 1,
      .request = &rows_chat_request,
      .response = &rows_chat_response,
      .events = chat_events,
      .nevents = genai_nelts(chat_events) },

    { .name = "Embed",
      .method = "POST",
      .path = "/v2/embed",
      .operation = GENAI_OP_EMBEDDINGS,
      .step = GENAI_STEP_EMBEDDINGS,
      .request = &rows_embed_request,
      .response = &rows_embed_response },

    { .path = "/v2/rerank", cohere_rerank },
    { .path = "/v1/rerank", cohere_rerank }
};


const genai_api_table_t  genai_api_cohere = {
    .api = GENAI_API_COHERE,
    .provider = "cohere",
    .ops = cohere_ops,
    .nops = genai_nelts(cohere_ops),
    .by_host = 1
};
