/*
 * What OpenAI's own API and those that speak like it take and give, apart
 * from Responses (wire-formats 8.2, 8.4, 2.6): Azure, Mistral, vLLM, DeepSeek,
 * Mantle.  The paths are in genai_api_openai_direct.c, the same bodies inside
 * InvokeModel in genai_api_openai.c.
 *
 * The input count includes what was cached.  Chunks of a stream have usage
 * null or none until the last; vLLM may tell it in each: the last one counts.
 */

#include "genai_api_openai_rows.h"


#define chat_usage_rows                                                       \
    { "usage.prompt_tokens", GENAI_JSON_NUMBER, GENAI_LAST,                   \
      GENAI_F_INPUT_TOKENS, GENAI_ROW_INCLUSIVE },                            \
    genai_number("usage.completion_tokens", GENAI_F_OUTPUT_TOKENS),           \
    genai_number("usage.total_tokens", GENAI_F_TOTAL_TOKENS),                 \
    genai_number("usage.prompt_tokens_details.cached_tokens",                 \
                 GENAI_F_CACHE_READ_TOKENS),                                  \
    genai_number("usage.prompt_tokens_details.cache_write_tokens",            \
                 GENAI_F_CACHE_WRITE_TOKENS),                                 \
    genai_number("usage.completion_tokens_details.reasoning_tokens",          \
                 GENAI_F_REASONING_TOKENS),                                   \
    genai_first("id", GENAI_F_RESPONSE_ID),                                   \
    genai_first("model", GENAI_F_RESPONSE_MODEL),                             \
    genai_text("service_tier", GENAI_F_SERVICE_TIER),                         \
    genai_text("choices[].finish_reason", GENAI_F_STOP_REASON)


#define chat_sampling_rows                                                    \
    genai_first("model", GENAI_F_MODEL),                                      \
    genai_bool("stream", GENAI_F_STREAM),                                     \
    genai_present("stream_options", GENAI_F_STREAM_OPTIONS),                  \
    genai_once("model", GENAI_ONCE_MODEL),                                    \
    genai_limit("max_tokens"),                                                \
    genai_limit("max_completion_tokens"),                                     \
    genai_choices("n"),                                                       \
    genai_choices("best_of"),                                                 \
    genai_number("temperature", GENAI_F_TEMPERATURE),                         \
    genai_number("top_p", GENAI_F_TOP_P),                                     \
    genai_number("top_k", GENAI_F_TOP_K),                                     \
    genai_text("stop", GENAI_F_STOP_SEQUENCE),                                \
    genai_text("stop[]", GENAI_F_STOP_SEQUENCE),                              \
    genai_first("service_tier", GENAI_F_SERVICE_TIER),                        \
    genai_text("service_tier", GENAI_F_TIER_ASKED)


static const genai_row_t  chat_request[] = {
    chat_sampling_rows,
    genai_length("messages", GENAI_F_MESSAGES),
    genai_chars("messages[].content", GENAI_F_PROMPT_CHARS),
    genai_chars("messages[].content[].text", GENAI_F_PROMPT_CHARS),
    genai_text("messages[].content[].type", GENAI_F_PART_TYPE),
    genai_text("messages[].role", GENAI_F_PART_TYPE),
    genai_length("tools", GENAI_F_TOOLS_OFFERED),
    genai_text("tools[].type", GENAI_F_TOOL_TYPE),
    genai_present("web_search_options", GENAI_F_ELSEWHERE),
    genai_present("data_sources", GENAI_F_ELSEWHERE)
};

static const genai_row_t  chat_response[] = {
    chat_usage_rows,
    genai_chars("choices[].message.content", GENAI_F_OUTPUT_CHARS),
    genai_chars("choices[].message.content[].text", GENAI_F_OUTPUT_CHARS),
    genai_chars("choices[].message.refusal", GENAI_F_OUTPUT_CHARS),
    genai_present("choices[].message.reasoning_content", GENAI_F_REASONING),
    genai_present("choices[].message.reasoning", GENAI_F_REASONING),
    genai_text("choices[].message.tool_calls[].function.name", GENAI_F_TOOL)
};

/* a tool's name is in the first chunk of its call only */

static const genai_row_t  chat_chunk[] = {
    chat_usage_rows,
    genai_chars("choices[].delta.content", GENAI_F_VISIBLE),
    genai_chars("choices[].delta.content[].text", GENAI_F_VISIBLE),
    genai_chars("choices[].delta.refusal", GENAI_F_VISIBLE),
    genai_chars("choices[].delta.reasoning_content", GENAI_F_REASONING),
    genai_chars("choices[].delta.reasoning", GENAI_F_REASONING),
    genai_text("choices[].delta.tool_calls[].function.name", GENAI_F_TOOL),
    genai_chars("choices[].delta.tool_calls[].function.arguments",
                GENAI_F_VISIBLE),
    openai_error_rows("error.")
};

const genai_rows_t  genai_openai_chat_request = genai_rows(chat_request);
const genai_rows_t  genai_openai_chat_response = genai_rows(chat_response);

static const genai_rows_t  rows_chat_chunk = genai_rows(chat_chunk);

const genai_api_event_t  genai_openai_chat_event = {
    NULL, 0, &rows_chat_chunk, NULL
};


static const genai_row_t  text_request[] = {
    chat_sampling_rows,
    genai_chars("prompt", GENAI_F_PROMPT_CHARS),
    genai_chars("prompt[]", GENAI_F_PROMPT_CHARS),
    { "prompt[]", GENAI_JSON_CHARS, GENAI_COUNT, GENAI_F_PROMPTS, 0 },
    { "prompt[]", GENAI_JSON_LENGTH, GENAI_COUNT, GENAI_F_PROMPTS, 0 }
};

static const genai_row_t  text_response[] = {
    chat_usage_rows,
    genai_chars("choices[].text", GENAI_F_OUTPUT_CHARS)
};

static const genai_row_t  text_chunk[] = {
    chat_usage_rows,
    genai_chars("choices[].text", GENAI_F_VISIBLE),
    openai_error_rows("error.")
};

const genai_rows_t  genai_openai_text_request = genai_rows(text_request);
const genai_rows_t  genai_openai_text_response = genai_rows(text_response);

static const genai_rows_t  rows_text_chunk = genai_rows(text_chunk);

const genai_api_event_t  genai_openai_text_event = {
    NULL, 0, &rows_text_chunk, NULL
};


/* a vector is a list of numbers, or base64 of floats: the SDKs ask for it */

static const genai_row_t  embed_request[] = {
    genai_first("model", GENAI_F_MODEL),
    genai_once("model", GENAI_ONCE_MODEL),
    genai_chars("input", GENAI_F_PROMPT_CHARS),
    genai_chars("input[]", GENAI_F_PROMPT_CHARS)
};

static const genai_row_t  embed_response[] = {
    { "usage.prompt_tokens", GENAI_JSON_NUMBER, GENAI_LAST,
      GENAI_F_INPUT_TOKENS, GENAI_ROW_INCLUSIVE },
    genai_number("usage.total_tokens", GENAI_F_TOTAL_TOKENS),
    genai_number("usage.prompt_tokens_details.cached_tokens",
                 GENAI_F_CACHE_READ_TOKENS),
    genai_first("id", GENAI_F_RESPONSE_ID),
    genai_first("model", GENAI_F_RESPONSE_MODEL),
    genai_dimension("data[].embedding"),
    { "data[].embedding", GENAI_JSON_CHARS, GENAI_FIRST,
      GENAI_F_EMBEDDING_DIMENSION, GENAI_ROW_BASE64 }
};

const genai_rows_t  genai_openai_embed_request = genai_rows(embed_request);
const genai_rows_t  genai_openai_embed_response = genai_rows(embed_response);


static const genai_row_t  image_request[] = {
    genai_first("model", GENAI_F_MODEL),
    genai_once("model", GENAI_ONCE_MODEL),
    genai_choices("n"),
    genai_chars("prompt", GENAI_F_PROMPT_CHARS)
};

static const genai_row_t  image_response[] = {
    genai_length("data", GENAI_F_IMAGES),
    genai_number("usage.input_tokens", GENAI_F_INPUT_TOKENS),
    genai_number("usage.output_tokens", GENAI_F_OUTPUT_TOKENS),
    genai_number("usage.total_tokens", GENAI_F_TOTAL_TOKENS)
};

const genai_rows_t  genai_openai_image_request = genai_rows(image_request);
const genai_rows_t  genai_openai_image_response = genai_rows(image_response);
