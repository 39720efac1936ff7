/*
 * Amazon Titan Embeddings inside InvokeModel: text v1 and v2, multimodal
 * (wire-formats 2.8).  Titan Text shares "inputText": it only hints.
 */

#include "genai_api_tables.h"


static const genai_row_t  titan_embed_request[] = {
    { "inputText", GENAI_JSON_PRESENT, GENAI_LAST, GENAI_F_KIND,
      genai_api_kind(GENAI_RANK_HINT, GENAI_OP_EMBEDDINGS) },
    { "embeddingTypes", GENAI_JSON_PRESENT, GENAI_LAST, GENAI_F_KIND,
      genai_api_kind(GENAI_RANK_REQUEST, GENAI_OP_EMBEDDINGS) },
    { "embeddingConfig", GENAI_JSON_PRESENT, GENAI_LAST, GENAI_F_KIND,
      genai_api_kind(GENAI_RANK_REQUEST, GENAI_OP_EMBEDDINGS) },
    { "inputText", GENAI_JSON_CHARS, GENAI_SUM, GENAI_F_PROMPT_CHARS, 0 },
    { "inputImage", GENAI_JSON_PRESENT, GENAI_COUNT, GENAI_F_MEDIA_PARTS, 0 }
};


static const genai_row_t  titan_embed_response[] = {
    { "embedding", GENAI_JSON_PRESENT, GENAI_LAST, GENAI_F_KIND,
      genai_api_kind(GENAI_RANK_RESPONSE, GENAI_OP_EMBEDDINGS) },
    { "embedding", GENAI_JSON_LENGTH, GENAI_FIRST,
      GENAI_F_EMBEDDING_DIMENSION, 0 },
    { "embeddingsByType", GENAI_JSON_PRESENT, GENAI_LAST, GENAI_F_KIND,
      genai_api_kind(GENAI_RANK_RESPONSE, GENAI_OP_EMBEDDINGS) },
    { "embeddingsByType.*", GENAI_JSON_LENGTH, GENAI_FIRST,
      GENAI_F_EMBEDDING_DIMENSION, 0 },
    { "inputTextTokenCount", GENAI_JSON_NUMBER, GENAI_LAST,
      GENAI_F_INPUT_TOKENS, 0 }
};


const genai_family_t  genai_family_titan_embed = {
    .name = "titan_embed",
    .model = "titan-embed",
    .operation = GENAI_OP_EMBEDDINGS,
    .request = genai_rows(titan_embed_request),
    .response = genai_rows(titan_embed_response)
};
