/*
 * Mistral's text models inside InvokeModel (wire-formats 2.5, 3.3): no usage
 * in the body.  Its chat models speak as OpenAI does.
 */

#include "genai_api_tables.h"


static const genai_row_t  mistral_request[] = {
    genai_kind("prompt", GENAI_RANK_HINT, GENAI_OP_TEXT_COMPLETION),
    genai_kind("messages", GENAI_RANK_REQUEST, GENAI_OP_CHAT),
    genai_chars("prompt", GENAI_F_PROMPT_CHARS),
    genai_limit("max_tokens"),
    genai_number("temperature", GENAI_F_TEMPERATURE),
    genai_number("top_p", GENAI_F_TOP_P),
    genai_number("top_k", GENAI_F_TOP_K),
    genai_text("stop[]", GENAI_F_STOP_SEQUENCE)
};


static const genai_row_t  mistral_response[] = {
    genai_kind("outputs", GENAI_RANK_RESPONSE, GENAI_OP_TEXT_COMPLETION),
    genai_chars("outputs[].text", GENAI_F_OUTPUT_CHARS),
    genai_text("outputs[].stop_reason", GENAI_F_STOP_REASON)
};


static const genai_row_t  mistral_inner[] = {
    genai_kind("outputs", GENAI_RANK_RESPONSE, GENAI_OP_TEXT_COMPLETION),
    genai_chars("outputs[].text", GENAI_F_VISIBLE),
    genai_text("outputs[].stop_reason", GENAI_F_STOP_REASON)
};


const genai_family_t  genai_family_mistral = {
    .name = "mistral",
    .model = "mistral.",
    .operation = GENAI_OP_TEXT_COMPLETION,
    .request = genai_rows(mistral_request),
    .response = genai_rows(mistral_response),
    .inner = genai_rows(mistral_inner)
};
