/*
 * Image models inside InvokeModel (wire-formats 2.10): Titan Image, Nova
 * Canvas, Stability.  Billed by image; the images themselves are counted,
 * not looked into.
 */

#include "genai_api_tables.h"


static const genai_row_t  image_request[] = {
    genai_kind("imageGenerationConfig", GENAI_RANK_REQUEST, GENAI_OP_IMAGE),
    genai_kind("text_prompts", GENAI_RANK_REQUEST, GENAI_OP_IMAGE),
    genai_choices("imageGenerationConfig.numberOfImages"),
    genai_choices("samples"),
    genai_chars("textToImageParams.text", GENAI_F_PROMPT_CHARS),
    genai_chars("inPaintingParams.text", GENAI_F_PROMPT_CHARS),
    genai_chars("outPaintingParams.text", GENAI_F_PROMPT_CHARS),
    genai_chars("imageVariationParams.text", GENAI_F_PROMPT_CHARS),
    genai_chars("text_prompts[].text", GENAI_F_PROMPT_CHARS),
    genai_chars("prompt", GENAI_F_PROMPT_CHARS)
};


static const genai_row_t  image_response[] = {
    genai_kind("images", GENAI_RANK_RESPONSE, GENAI_OP_IMAGE),
    genai_length("images", GENAI_F_IMAGES),
    genai_text("finish_reasons[]", GENAI_F_STOP_REASON)
};


const genai_family_t  genai_family_image = {
    .name = "image",
    .model = "titan-image nova-canvas stability.",
    .operation = GENAI_OP_IMAGE,
    .request = genai_rows(image_request),
    .response = genai_rows(image_response)
};
