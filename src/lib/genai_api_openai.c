/*
 * Chat completions in OpenAI's shape inside InvokeModel (wire-formats 2.6,
 * 2.7, 3.3): gpt-oss, DeepSeek, Qwen, Jamba, Mistral chat, Palmyra, imported
 * and Marketplace models; and DeepSeek R1's text completions.
 *
 * The input count includes what was cached.
 */

#include "genai_api_tables.h"


#define openai_usage_rows                                                     \
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
    genai_first("service_tier", GENAI_F_SERVICE_TIER),                        \
    genai_text("choices[].finish_reason", GENAI_F_STOP_REASON),               \
    genai_text("choices[].stop_reason", GENAI_F_STOP_REASON),                 \
    genai_kind("choices[].text", GENAI_RANK_RESPONSE,                         \
               GENAI_OP_TEXT_COMPLETION)


static const genai_row_t  openai_request[] = {
    genai_kind("messages", GENAI_RANK_REQUEST, GENAI_OP_CHAT),
    genai_length("messages", GENAI_F_MESSAGES),
    genai_chars("messages[].content", GENAI_F_PROMPT_CHARS),
    genai_chars("messages[].content[].text", GENAI_F_PROMPT_CHARS),
    genai_text("messages[].content[].type", GENAI_F_PART_TYPE),
    genai_text("messages[].role", GENAI_F_PART_TYPE),
    genai_chars("prompt", GENAI_F_PROMPT_CHARS),
    genai_limit("max_tokens"),
    genai_limit("max_completion_tokens"),
    genai_choices("n"),
    genai_choices("best_of"),
    genai_text("service_tier", GENAI_F_TIER_ASKED),
    genai_number("temperature", GENAI_F_TEMPERATURE),
    genai_number("top_p", GENAI_F_TOP_P),
    genai_text("stop", GENAI_F_STOP_SEQUENCE),
    genai_text("stop[]", GENAI_F_STOP_SEQUENCE),
    genai_length("tools", GENAI_F_TOOLS_OFFERED),
    genai_text("tools[].type", GENAI_F_TOOL_TYPE),
    genai_present("web_search_options", GENAI_F_ELSEWHERE)
};


static const genai_row_t  openai_response[] = {
    openai_usage_rows,
    genai_kind("choices[].message", GENAI_RANK_RESPONSE, GENAI_OP_CHAT),
    genai_chars("choices[].message.content", GENAI_F_OUTPUT_CHARS),
    genai_chars("choices[].text", GENAI_F_OUTPUT_CHARS),
    genai_present("choices[].message.reasoning_content", GENAI_F_REASONING),
    genai_present("choices[].message.reasoning", GENAI_F_REASONING),
    genai_text("choices[].message.tool_calls[].function.name", GENAI_F_TOOL)
};


static const genai_row_t  openai_inner[] = {
    openai_usage_rows,
    genai_kind("choices[].delta", GENAI_RANK_RESPONSE, GENAI_OP_CHAT),
    genai_chars("choices[].delta.content", GENAI_F_VISIBLE),
    genai_chars("choices[].text", GENAI_F_VISIBLE),
    genai_chars("choices[].delta.reasoning_content", GENAI_F_REASONING),
    genai_chars("choices[].delta.reasoning", GENAI_F_REASONING),
    genai_text("choices[].delta.tool_calls[].function.name", GENAI_F_TOOL),
    genai_chars("choices[].delta.tool_calls[].function.arguments",
                GENAI_F_VISIBLE)
};


const genai_family_t  genai_family_openai = {
    .name = "openai",
    .request = genai_rows(openai_request),
    .response = genai_rows(openai_response),
    .inner = genai_rows(openai_inner)
};
