/*
 * TwelveLabs inside InvokeModel (wire-formats 2.8, 2.10): Marengo makes
 * embeddings, Pegasus speaks about a video.
 */

#include "genai_api_tables.h"


static const genai_row_t  twelvelabs_request[] = {
    genai_chars("inputPrompt", GENAI_F_PROMPT_CHARS),
    genai_chars("inputText", GENAI_F_PROMPT_CHARS),
    genai_chars("text.inputText", GENAI_F_PROMPT_CHARS),
    genai_count("mediaSource", GENAI_F_MEDIA_PARTS),
    genai_count("mediaSource", GENAI_F_FILES),
    genai_present("mediaSource.s3Location", GENAI_F_ELSEWHERE),
    genai_limit("maxOutputTokens")
};


static const genai_row_t  twelvelabs_response[] = {
    genai_kind("data[].embedding", GENAI_RANK_RESPONSE,
               GENAI_OP_EMBEDDINGS),
    genai_dimension("data[].embedding"),
    genai_chars("message", GENAI_F_OUTPUT_CHARS),
    genai_text("finishReason", GENAI_F_STOP_REASON)
};


static const genai_row_t  twelvelabs_inner[] = {
    genai_chars("message", GENAI_F_VISIBLE),
    genai_text("finishReason", GENAI_F_STOP_REASON)
};


const genai_family_t  genai_family_twelvelabs = {
    .name = "twelvelabs",
    .model = "marengo",
    .operation = GENAI_OP_EMBEDDINGS,
    .request = genai_rows(twelvelabs_request),
    .response = genai_rows(twelvelabs_response),
    .inner = genai_rows(twelvelabs_inner)
};
