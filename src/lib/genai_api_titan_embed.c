/*
 * Amazon Titan Embeddings inside InvokeModel: text v1 and v2, multimodal
 * (wire-formats 2.8).  Titan Text shares "inputText": it only hints.
 */

#include "genai_api_tables.h"


static const genai_row_t  titan_embed_request[] = {
    genai_kind("inputText", GENAI_RANK_HINT, GENAI_OP_EMBEDDINGS),
    genai_kind("embeddingTypes", GENAI_RANK_REQUEST, GENAI_OP_EMBEDDINGS),
    genai_kind("embeddingConfig", GENAI_RANK_REQUEST, GENAI_OP_EMBEDDINGS),
    genai_chars("inputText", GENAI_F_PROMPT_CHARS),
    genai_count("inputImage", GENAI_F_MEDIA_PARTS)
};


static const genai_row_t  titan_embed_response[] = {
    genai_kind("embedding", GENAI_RANK_RESPONSE, GENAI_OP_EMBEDDINGS),
    genai_dimension("embedding"),
    genai_kind("embeddingsByType", GENAI_RANK_RESPONSE, GENAI_OP_EMBEDDINGS),
    genai_dimension("embeddingsByType.*"),
    genai_number("inputTextTokenCount", GENAI_F_INPUT_TOKENS)
};


const genai_family_t  genai_family_titan_embed = {
    .name = "titan_embed",
    .model = "titan-embed",
    .operation = GENAI_OP_EMBEDDINGS,
    .request = genai_rows(titan_embed_request),
    .response = genai_rows(titan_embed_response)
};
