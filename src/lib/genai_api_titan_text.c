/*
 * Amazon Titan Text inside InvokeModel (wire-formats 2.3, 3.3).  Under a
 * guardrail its counts are floats.
 */

#include "genai_api_tables.h"


static const genai_row_t  titan_text_request[] = {
    genai_kind("textGenerationConfig", GENAI_RANK_REQUEST,
               GENAI_OP_TEXT_COMPLETION),
    genai_chars("inputText", GENAI_F_PROMPT_CHARS),
    genai_once("textGenerationConfig", GENAI_ONCE_LIMITS),
    genai_limit("textGenerationConfig.maxTokenCount"),
    genai_number("textGenerationConfig.temperature", GENAI_F_TEMPERATURE),
    genai_number("textGenerationConfig.topP", GENAI_F_TOP_P),
    genai_text("textGenerationConfig.stopSequences[]", GENAI_F_STOP_SEQUENCE)
};


static const genai_row_t  titan_text_response[] = {
    genai_kind("results[].outputText", GENAI_RANK_RESPONSE,
               GENAI_OP_TEXT_COMPLETION),
    genai_number("inputTextTokenCount", GENAI_F_INPUT_TOKENS),
    { "results[].tokenCount", GENAI_JSON_NUMBER, GENAI_SUM,
      GENAI_F_OUTPUT_TOKENS, 0 },
    genai_text("results[].completionReason", GENAI_F_STOP_REASON),
    genai_chars("results[].outputText", GENAI_F_OUTPUT_CHARS)
};


static const genai_row_t  titan_text_inner[] = {
    genai_kind("outputText", GENAI_RANK_RESPONSE, GENAI_OP_TEXT_COMPLETION),
    genai_chars("outputText", GENAI_F_VISIBLE),
    genai_number("inputTextTokenCount", GENAI_F_INPUT_TOKENS),
    genai_number("totalOutputTextTokenCount", GENAI_F_OUTPUT_TOKENS),
    genai_text("completionReason", GENAI_F_STOP_REASON)
};


const genai_family_t  genai_family_titan_text = {
    .name = "titan_text",
    .model = "titan-text titan-tg1",
    .operation = GENAI_OP_TEXT_COMPLETION,
    .request = genai_rows(titan_text_request),
    .response = genai_rows(titan_text_response),
    .inner = genai_rows(titan_text_inner)
};
