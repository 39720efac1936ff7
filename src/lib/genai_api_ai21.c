/*
 * AI21's Jurassic-2 inside InvokeModel (wire-formats 2.5): no usage in the
 * body.  Jamba speaks as OpenAI does.
 */

#include "genai_api_tables.h"


static const genai_row_t  ai21_request[] = {
    genai_chars("prompt", GENAI_F_PROMPT_CHARS),
    genai_limit("maxTokens"),
    genai_choices("numResults"),
    genai_number("temperature", GENAI_F_TEMPERATURE),
    genai_number("topP", GENAI_F_TOP_P),
    genai_text("stopSequences[]", GENAI_F_STOP_SEQUENCE)
};


static const genai_row_t  ai21_response[] = {
    genai_kind("completions", GENAI_RANK_RESPONSE,
               GENAI_OP_TEXT_COMPLETION),
    genai_text("completions[].finishReason.reason", GENAI_F_STOP_REASON),
    genai_chars("completions[].data.text", GENAI_F_OUTPUT_CHARS)
};


const genai_family_t  genai_family_ai21 = {
    .name = "ai21",
    .model = "ai21.j2",
    .operation = GENAI_OP_TEXT_COMPLETION,
    .request = genai_rows(ai21_request),
    .response = genai_rows(ai21_response)
};
