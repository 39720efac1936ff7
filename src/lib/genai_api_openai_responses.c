/*
 * The bodies of OpenAI's Responses API (wire-formats 8.3).
 *
 * In a stream, the last event holds the whole response again, and so do the
 * "done" events its parts: text is counted in the deltas alone.
 */

#include "genai_api_openai_rows.h"


#define responses_rows(at)                                                    \
    { at "usage.input_tokens", GENAI_JSON_NUMBER, GENAI_LAST,                 \
      GENAI_F_INPUT_TOKENS, GENAI_ROW_INCLUSIVE },                            \
    genai_number(at "usage.output_tokens", GENAI_F_OUTPUT_TOKENS),            \
    genai_number(at "usage.total_tokens", GENAI_F_TOTAL_TOKENS),              \
    genai_number(at "usage.input_tokens_details.cached_tokens",               \
                 GENAI_F_CACHE_READ_TOKENS),                                  \
    genai_number(at "usage.input_tokens_details.cache_write_tokens",          \
                 GENAI_F_CACHE_WRITE_TOKENS),                                 \
    genai_number(at "usage.output_tokens_details.reasoning_tokens",           \
                 GENAI_F_REASONING_TOKENS),                                   \
    genai_first(at "id", GENAI_F_RESPONSE_ID),                                \
    genai_first(at "model", GENAI_F_RESPONSE_MODEL),                          \
    genai_text(at "service_tier", GENAI_F_SERVICE_TIER),                      \
    { at "error.code", GENAI_JSON_TEXT, GENAI_FIRST, GENAI_F_ERROR_CODE, 2 }, \
    genai_first(at "error.message", GENAI_F_ERROR_MESSAGE)


/* the reason why it is incomplete says more than that it is */

#define responses_end_rows(at)                                                \
    { at "status", GENAI_JSON_TEXT, GENAI_LAST, GENAI_F_STOP_REASON,          \
      GENAI_ROW_WEAK },                                                       \
    genai_text(at "incomplete_details.reason", GENAI_F_STOP_REASON),          \
    genai_text(at "output[].type", GENAI_F_BLOCK_TYPE),                       \
    genai_text(at "output[].name", GENAI_F_BLOCK_NAME),                       \
    genai_end(at "output[]", GENAI_F_BLOCK_END)


static const genai_row_t  responses_request[] = {
    genai_first("model", GENAI_F_MODEL),
    genai_once("model", GENAI_ONCE_MODEL),
    genai_bool("stream", GENAI_F_STREAM),
    genai_limit("max_output_tokens"),
    genai_number("temperature", GENAI_F_TEMPERATURE),
    genai_number("top_p", GENAI_F_TOP_P),
    genai_first("service_tier", GENAI_F_SERVICE_TIER),
    genai_text("service_tier", GENAI_F_TIER_ASKED),
    genai_present("previous_response_id", GENAI_F_ELSEWHERE),
    genai_present("conversation", GENAI_F_ELSEWHERE),
    genai_present("prompt", GENAI_F_ELSEWHERE),
    genai_text("tools[].type", GENAI_F_TOOL_TYPE),
    genai_length("input", GENAI_F_MESSAGES),
    genai_chars("input", GENAI_F_PROMPT_CHARS),
    genai_chars("input[].content", GENAI_F_PROMPT_CHARS),
    genai_chars("input[].content[].text", GENAI_F_PROMPT_CHARS),
    genai_chars("input[].output", GENAI_F_PROMPT_CHARS),
    genai_text("input[].content[].type", GENAI_F_PART_TYPE),
    genai_text("input[].type", GENAI_F_PART_TYPE),
    genai_chars("instructions", GENAI_F_SYSTEM_CHARS),
    genai_length("tools", GENAI_F_TOOLS_OFFERED)
};

static const genai_row_t  responses_response[] = {
    responses_rows(""),
    responses_end_rows(""),
    genai_chars("output[].content[].text", GENAI_F_OUTPUT_CHARS),
    genai_chars("output[].content[].refusal", GENAI_F_OUTPUT_CHARS),
    genai_present("output[].summary", GENAI_F_REASONING)
};

const genai_rows_t  genai_openai_responses_request
    = genai_rows(responses_request);
const genai_rows_t  genai_openai_responses_response
    = genai_rows(responses_response);


static const genai_row_t  responses_visible[] = {
    genai_chars("delta", GENAI_F_VISIBLE)
};

static const genai_row_t  responses_reasoning[] = {
    genai_chars("delta", GENAI_F_REASONING)
};

static const genai_row_t  responses_item[] = {
    genai_text("item.type", GENAI_F_BLOCK_TYPE),
    genai_text("item.name", GENAI_F_BLOCK_NAME),
    genai_end("item", GENAI_F_BLOCK_END)
};

static const genai_row_t  responses_created[] = {
    responses_rows("response.")
};

static const genai_row_t  responses_last[] = {
    genai_text("type", GENAI_F_EVENT_TYPE),
    responses_rows("response."),
    responses_end_rows("response.")
};

static const genai_row_t  responses_error[] = {
    { "code", GENAI_JSON_TEXT, GENAI_FIRST, GENAI_F_ERROR_CODE, 2 },
    genai_first("message", GENAI_F_ERROR_MESSAGE),
    openai_error_rows("error.")
};

static const genai_rows_t  rows_visible = genai_rows(responses_visible);
static const genai_rows_t  rows_reasoning = genai_rows(responses_reasoning);
static const genai_rows_t  rows_item = genai_rows(responses_item);
static const genai_rows_t  rows_created = genai_rows(responses_created);
static const genai_rows_t  rows_last = genai_rows(responses_last);
static const genai_rows_t  rows_error = genai_rows(responses_error);


/* the most frequent first; the last one is for who leaves out the name */

const genai_api_event_t
genai_openai_responses_events[GENAI_OPENAI_RESPONSES_EVENTS] = {
    { "response.output_text.delta", 0, &rows_visible, NULL },
    { "response.function_call_arguments.delta", 0, &rows_visible, NULL },
    { "response.custom_tool_call_input.delta", 0, &rows_visible, NULL },
    { "response.mcp_call_arguments.delta", 0, &rows_visible, NULL },
    { "response.refusal.delta", 0, &rows_visible, NULL },
    { "response.reasoning_text.delta", 0, &rows_reasoning, NULL },
    { "response.reasoning_summary_text.delta", 0, &rows_reasoning, NULL },
    { "response.output_item.added", 0, &rows_item, NULL },
    { "response.created", 0, &rows_created, NULL },
    { "response.completed", GENAI_EV_END, &rows_last, NULL },
    { "response.incomplete", GENAI_EV_END, &rows_last, NULL },
    { "response.failed", GENAI_EV_END, &rows_last, NULL },
    { "error", 0, &rows_error, NULL },
    { "", 0, &rows_last, NULL }
};
