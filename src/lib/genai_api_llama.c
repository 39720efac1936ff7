/*
 * Meta's Llama inside InvokeModel (wire-formats 2.4, 3.3).  In a stream the
 * input count is in the first document only, null in the others; the output
 * count is cumulative.
 */

#include "genai_api_tables.h"


static const genai_row_t  llama_request[] = {
    genai_kind("max_gen_len", GENAI_RANK_REQUEST, GENAI_OP_TEXT_COMPLETION),
    genai_limit("max_gen_len"),
    genai_number("temperature", GENAI_F_TEMPERATURE),
    genai_number("top_p", GENAI_F_TOP_P),
    genai_chars("prompt", GENAI_F_PROMPT_CHARS),
    genai_length("images", GENAI_F_MEDIA_PARTS)
};


static const genai_row_t  llama_response[] = {
    genai_kind("generation", GENAI_RANK_RESPONSE, GENAI_OP_TEXT_COMPLETION),
    genai_chars("generation", GENAI_F_OUTPUT_CHARS),
    genai_number("prompt_token_count", GENAI_F_INPUT_TOKENS),
    genai_number("generation_token_count", GENAI_F_OUTPUT_TOKENS),
    genai_text("stop_reason", GENAI_F_STOP_REASON)
};


static const genai_row_t  llama_inner[] = {
    genai_kind("generation", GENAI_RANK_RESPONSE, GENAI_OP_TEXT_COMPLETION),
    genai_chars("generation", GENAI_F_VISIBLE),
    genai_number("prompt_token_count", GENAI_F_INPUT_TOKENS),
    genai_number("generation_token_count", GENAI_F_OUTPUT_TOKENS),
    genai_text("stop_reason", GENAI_F_STOP_REASON)
};


const genai_family_t  genai_family_llama = {
    .name = "llama",
    .model = "meta.",
    .operation = GENAI_OP_TEXT_COMPLETION,
    .request = genai_rows(llama_request),
    .response = genai_rows(llama_response),
    .inner = genai_rows(llama_inner)
};
