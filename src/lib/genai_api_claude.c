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
    { at "usage.input_tokens", GENAI_JSON_NUMBER, GENAI_LAST,                 \
      GENAI_F_INPUT_TOKENS, 0 },                                              \
    { at "usage.output_tokens", GENAI_JSON_NUMBER, GENAI_LAST,                \
      GENAI_F_OUTPUT_TOKENS, 0 },                                             \
    { at "usage.cache_creation_input_tokens", GENAI_JSON_NUMBER, GENAI_LAST,  \
      GENAI_F_CACHE_WRITE_TOKENS, 0 },                                        \
    { at "usage.cache_read_input_tokens", GENAI_JSON_NUMBER, GENAI_LAST,      \
      GENAI_F_CACHE_READ_TOKENS, 0 },                                         \
    { at "usage.cache_creation.ephemeral_1h_input_tokens",                    \
      GENAI_JSON_NUMBER, GENAI_LAST, GENAI_F_CACHE_WRITE_1H_TOKENS, 0 },      \
    { at "usage.output_tokens_details.thinking_tokens", GENAI_JSON_NUMBER,    \
      GENAI_LAST, GENAI_F_REASONING_TOKENS, 0 },                              \
    { at "usage.service_tier", GENAI_JSON_TEXT, GENAI_FIRST,                  \
      GENAI_F_SERVICE_TIER, 0 }


static const genai_row_t  claude_request[] = {
    { "anthropic_version", GENAI_JSON_PRESENT, GENAI_LAST, GENAI_F_KIND,
      genai_api_kind(GENAI_RANK_REQUEST, GENAI_OP_CHAT) },
    { "max_tokens", GENAI_JSON_NUMBER, GENAI_LAST, GENAI_F_MAX_TOKENS, 0 },
    { "temperature", GENAI_JSON_NUMBER, GENAI_LAST, GENAI_F_TEMPERATURE, 0 },
    { "top_p", GENAI_JSON_NUMBER, GENAI_LAST, GENAI_F_TOP_P, 0 },
    { "top_k", GENAI_JSON_NUMBER, GENAI_LAST, GENAI_F_TOP_K, 0 },
    { "stop_sequences[]", GENAI_JSON_TEXT, GENAI_LAST,
      GENAI_F_STOP_SEQUENCE, 0 },
    { "messages", GENAI_JSON_LENGTH, GENAI_LAST, GENAI_F_MESSAGES, 0 },
    { "messages[].content", GENAI_JSON_CHARS, GENAI_SUM,
      GENAI_F_PROMPT_CHARS, 0 },
    { "messages[].content[].text", GENAI_JSON_CHARS, GENAI_SUM,
      GENAI_F_PROMPT_CHARS, 0 },
    { "messages[].content[].content", GENAI_JSON_CHARS, GENAI_SUM,
      GENAI_F_PROMPT_CHARS, 0 },
    { "messages[].content[].content[].text", GENAI_JSON_CHARS, GENAI_SUM,
      GENAI_F_PROMPT_CHARS, 0 },
    { "messages[].content[].type", GENAI_JSON_TEXT, GENAI_LAST,
      GENAI_F_PART_TYPE, 0 },
    { "messages[].content[].content[].type", GENAI_JSON_TEXT, GENAI_LAST,
      GENAI_F_PART_TYPE, 0 },
    { "system", GENAI_JSON_CHARS, GENAI_SUM, GENAI_F_SYSTEM_CHARS, 0 },
    { "system[].text", GENAI_JSON_CHARS, GENAI_SUM, GENAI_F_SYSTEM_CHARS, 0 },
    { "tools", GENAI_JSON_LENGTH, GENAI_LAST, GENAI_F_TOOLS_OFFERED, 0 },

    { "max_tokens_to_sample", GENAI_JSON_PRESENT, GENAI_LAST, GENAI_F_KIND,
      genai_api_kind(GENAI_RANK_REQUEST, GENAI_OP_TEXT_COMPLETION) },
    { "max_tokens_to_sample", GENAI_JSON_NUMBER, GENAI_LAST,
      GENAI_F_MAX_TOKENS, 0 },
    { "prompt", GENAI_JSON_CHARS, GENAI_SUM, GENAI_F_PROMPT_CHARS, 0 }
};


static const genai_row_t  claude_response[] = {
    { "id", GENAI_JSON_TEXT, GENAI_FIRST, GENAI_F_RESPONSE_ID, 0 },
    { "model", GENAI_JSON_TEXT, GENAI_FIRST, GENAI_F_RESPONSE_MODEL, 0 },
    { "stop_reason", GENAI_JSON_TEXT, GENAI_LAST, GENAI_F_STOP_REASON, 0 },
    { "content[].text", GENAI_JSON_CHARS, GENAI_SUM, GENAI_F_OUTPUT_CHARS,
      0 },
    { "content[].type", GENAI_JSON_TEXT, GENAI_LAST, GENAI_F_BLOCK_TYPE, 0 },
    { "content[].name", GENAI_JSON_TEXT, GENAI_LAST, GENAI_F_BLOCK_NAME, 0 },
    { "content[]", GENAI_JSON_END, GENAI_LAST, GENAI_F_BLOCK_END, 0 },
    claude_usage_rows(""),

    { "completion", GENAI_JSON_PRESENT, GENAI_LAST, GENAI_F_KIND,
      genai_api_kind(GENAI_RANK_RESPONSE, GENAI_OP_TEXT_COMPLETION) },
    { "completion", GENAI_JSON_CHARS, GENAI_SUM, GENAI_F_OUTPUT_CHARS, 0 }
};


static const genai_row_t  claude_inner[] = {
    { "type", GENAI_JSON_TEXT, GENAI_LAST, GENAI_F_EVENT_TYPE, 0 },
    { "message.id", GENAI_JSON_TEXT, GENAI_FIRST, GENAI_F_RESPONSE_ID, 0 },
    { "message.model", GENAI_JSON_TEXT, GENAI_FIRST, GENAI_F_RESPONSE_MODEL,
      0 },
    claude_usage_rows("message."),
    claude_usage_rows(""),
    { "content_block.type", GENAI_JSON_TEXT, GENAI_LAST, GENAI_F_BLOCK_TYPE,
      0 },
    { "content_block.name", GENAI_JSON_TEXT, GENAI_LAST, GENAI_F_BLOCK_NAME,
      0 },
    { "content_block", GENAI_JSON_END, GENAI_LAST, GENAI_F_BLOCK_END, 0 },
    { "delta.text", GENAI_JSON_CHARS, GENAI_SUM, GENAI_F_VISIBLE, 0 },
    { "delta.partial_json", GENAI_JSON_CHARS, GENAI_SUM, GENAI_F_VISIBLE, 0 },
    { "delta.thinking", GENAI_JSON_CHARS, GENAI_SUM, GENAI_F_REASONING, 0 },
    { "delta.stop_reason", GENAI_JSON_TEXT, GENAI_LAST, GENAI_F_STOP_REASON,
      0 },
    { "error.type", GENAI_JSON_TEXT, GENAI_FIRST, GENAI_F_ERROR_CODE, 1 },
    { "error.message", GENAI_JSON_TEXT, GENAI_FIRST, GENAI_F_ERROR_MESSAGE,
      0 },

    { "completion", GENAI_JSON_PRESENT, GENAI_LAST, GENAI_F_KIND,
      genai_api_kind(GENAI_RANK_RESPONSE, GENAI_OP_TEXT_COMPLETION) },
    { "completion", GENAI_JSON_CHARS, GENAI_SUM, GENAI_F_VISIBLE, 0 },
    { "stop_reason", GENAI_JSON_TEXT, GENAI_LAST, GENAI_F_STOP_REASON, 0 }
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
