/*
 * Anthropic's Claude inside InvokeModel (wire-formats 2.1, 3.3, 8.1): the
 * Messages API and the older text completion.
 *
 * In a stream, usage comes twice: message_start has input and cache, and a
 * first output count; message_delta repeats with the final values what it
 * knows.  Later values that are not null replace earlier ones.
 */

#include "genai_api_tables.h"


#define claude_usage_rows(at)                                                 \
    genai_number(at "usage.input_tokens", GENAI_F_INPUT_TOKENS),              \
    genai_number(at "usage.output_tokens", GENAI_F_OUTPUT_TOKENS),            \
    genai_number(at "usage.cache_creation_input_tokens",                      \
                 GENAI_F_CACHE_WRITE_TOKENS),                                 \
    genai_number(at "usage.cache_read_input_tokens",                          \
                 GENAI_F_CACHE_READ_TOKENS),                                  \
    genai_number(at "usage.cache_creation.ephemeral_1h_input_tokens",         \
                 GENAI_F_CACHE_WRITE_1H_TOKENS),                              \
    genai_number(at "usage.output_tokens_details.thinking_tokens",            \
                 GENAI_F_REASONING_TOKENS),                                   \
    genai_first(at "usage.service_tier", GENAI_F_SERVICE_TIER)


static const genai_row_t  claude_request[] = {
    genai_kind("anthropic_version", GENAI_RANK_REQUEST, GENAI_OP_CHAT),
    genai_limit("max_tokens"),
    genai_greatest("thinking.budget_tokens", GENAI_F_THINKING),
    genai_number("temperature", GENAI_F_TEMPERATURE),
    genai_number("top_p", GENAI_F_TOP_P),
    genai_number("top_k", GENAI_F_TOP_K),
    genai_text("stop_sequences[]", GENAI_F_STOP_SEQUENCE),
    genai_length("messages", GENAI_F_MESSAGES),
    genai_chars("messages[].content", GENAI_F_PROMPT_CHARS),
    genai_chars("messages[].content[].text", GENAI_F_PROMPT_CHARS),
    genai_chars("messages[].content[].content", GENAI_F_PROMPT_CHARS),
    genai_chars("messages[].content[].content[].text", GENAI_F_PROMPT_CHARS),
    genai_text("messages[].content[].type", GENAI_F_PART_TYPE),
    genai_text("messages[].content[].content[].type", GENAI_F_PART_TYPE),
    genai_text("messages[].content[].source.type", GENAI_F_SOURCE_TYPE),
    genai_text("messages[].content[].source.content[].type",
               GENAI_F_PART_TYPE),
    genai_text("messages[].content[].content[].source.type",
               GENAI_F_SOURCE_TYPE),
    genai_chars("system", GENAI_F_SYSTEM_CHARS),
    genai_chars("system[].text", GENAI_F_SYSTEM_CHARS),
    genai_length("tools", GENAI_F_TOOLS_OFFERED),
    genai_text("tools[].type", GENAI_F_TOOL_TYPE),
    genai_present("mcp_servers", GENAI_F_ELSEWHERE),
    genai_present("container", GENAI_F_ELSEWHERE),

    genai_kind("max_tokens_to_sample", GENAI_RANK_REQUEST,
               GENAI_OP_TEXT_COMPLETION),
    genai_limit("max_tokens_to_sample"),
    genai_chars("prompt", GENAI_F_PROMPT_CHARS)
};


static const genai_row_t  claude_response[] = {
    genai_first("id", GENAI_F_RESPONSE_ID),
    genai_first("model", GENAI_F_RESPONSE_MODEL),
    genai_text("stop_reason", GENAI_F_STOP_REASON),
    genai_chars("content[].text", GENAI_F_OUTPUT_CHARS),
    genai_text("content[].type", GENAI_F_BLOCK_TYPE),
    genai_text("content[].name", GENAI_F_BLOCK_NAME),
    genai_end("content[]", GENAI_F_BLOCK_END),
    claude_usage_rows(""),

    genai_kind("completion", GENAI_RANK_RESPONSE, GENAI_OP_TEXT_COMPLETION),
    genai_chars("completion", GENAI_F_OUTPUT_CHARS)
};


static const genai_row_t  claude_inner[] = {
    genai_text("type", GENAI_F_EVENT_TYPE),
    genai_first("message.id", GENAI_F_RESPONSE_ID),
    genai_first("message.model", GENAI_F_RESPONSE_MODEL),
    claude_usage_rows("message."),
    claude_usage_rows(""),
    genai_text("content_block.type", GENAI_F_BLOCK_TYPE),
    genai_text("content_block.name", GENAI_F_BLOCK_NAME),
    genai_end("content_block", GENAI_F_BLOCK_END),
    genai_chars("delta.text", GENAI_F_VISIBLE),
    genai_chars("delta.partial_json", GENAI_F_VISIBLE),
    genai_chars("delta.thinking", GENAI_F_REASONING),
    genai_text("delta.stop_reason", GENAI_F_STOP_REASON),
    { "error.type", GENAI_JSON_TEXT, GENAI_FIRST, GENAI_F_ERROR_CODE, 1 },
    genai_first("error.message", GENAI_F_ERROR_MESSAGE),

    genai_kind("completion", GENAI_RANK_RESPONSE, GENAI_OP_TEXT_COMPLETION),
    genai_chars("completion", GENAI_F_VISIBLE),
    genai_text("stop_reason", GENAI_F_STOP_REASON)
};


const genai_family_t  genai_family_claude = {
    .name = "claude",
    .model = "anthropic.",
    .operation = GENAI_OP_CHAT,
    .request = genai_rows(claude_request),
    .response = genai_rows(claude_response),
    .inner = genai_rows(claude_inner),
    .delta = "{\"type\":\"content_block_delta\",",
    .empty = "{\"type\":\"content_block_delta\",\"index\":0,"
             "\"delta\":{\"type\":\"text_delta\",\"text\":\"\"}}"
};
