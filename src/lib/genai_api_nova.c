/*
 * Amazon Nova inside InvokeModel (wire-formats 2.2, 2.8, 3.3): text models
 * speak like Converse, with cache keys of their own; embeddings.
 */

#include "genai_api_tables.h"


#define nova_usage_rows(at)                                                   \
    genai_number(at "usage.inputTokens", GENAI_F_INPUT_TOKENS),               \
    genai_number(at "usage.outputTokens", GENAI_F_OUTPUT_TOKENS),             \
    genai_number(at "usage.totalTokens", GENAI_F_TOTAL_TOKENS),               \
    genai_number(at "usage.cacheReadInputTokenCount",                         \
                 GENAI_F_CACHE_READ_TOKENS),                                  \
    genai_number(at "usage.cacheWriteInputTokenCount",                        \
                 GENAI_F_CACHE_WRITE_TOKENS),                                 \
    genai_number(at "usage.cacheReadInputTokens", GENAI_F_CACHE_READ_TOKENS), \
    genai_number(at "usage.cacheWriteInputTokens",                            \
                 GENAI_F_CACHE_WRITE_TOKENS)


static const genai_row_t  nova_request[] = {
    genai_kind("inferenceConfig", GENAI_RANK_REQUEST, GENAI_OP_CHAT),
    genai_once("inferenceConfig", GENAI_ONCE_LIMITS),
    genai_limit("inferenceConfig.maxTokens"),
    genai_limit("inferenceConfig.max_new_tokens"),
    genai_number("inferenceConfig.temperature", GENAI_F_TEMPERATURE),
    genai_number("inferenceConfig.topP", GENAI_F_TOP_P),
    genai_number("inferenceConfig.top_p", GENAI_F_TOP_P),
    genai_number("inferenceConfig.topK", GENAI_F_TOP_K),
    genai_number("inferenceConfig.top_k", GENAI_F_TOP_K),
    genai_text("inferenceConfig.stopSequences[]", GENAI_F_STOP_SEQUENCE),
    genai_length("messages", GENAI_F_MESSAGES),
    genai_chars("messages[].content[].text", GENAI_F_PROMPT_CHARS),
    genai_chars("messages[].content[].toolResult.content[].text",
                GENAI_F_PROMPT_CHARS),
    genai_count("messages[].content[].toolResult", GENAI_F_TOOL_RESULTS),
    genai_count("messages[].content[].image", GENAI_F_MEDIA_PARTS),
    genai_count("messages[].content[].video", GENAI_F_MEDIA_PARTS),
    genai_count("messages[].content[].document", GENAI_F_MEDIA_PARTS),
    genai_text("messages[].content[].document.format", GENAI_F_FILE_FORMAT),
    genai_count("messages[].content[].document.source.s3Location",
                GENAI_F_FILES),
    genai_count("messages[].content[].video", GENAI_F_FILES),
    genai_count("messages[].content[].toolResult.content[].image",
                GENAI_F_MEDIA_PARTS),
    genai_count("messages[].content[].toolResult.content[].document",
                GENAI_F_FILES),
    genai_present("toolConfig.tools[].systemTool", GENAI_F_ELSEWHERE),
    genai_chars("system[].text", GENAI_F_SYSTEM_CHARS),
    genai_count("toolConfig.tools[].toolSpec", GENAI_F_TOOLS_OFFERED)
};


static const genai_row_t  nova_response[] = {
    nova_usage_rows(""),
    genai_kind("output", GENAI_RANK_RESPONSE, GENAI_OP_CHAT),
    genai_text("stopReason", GENAI_F_STOP_REASON),
    genai_chars("output.message.content[].text", GENAI_F_OUTPUT_CHARS),
    genai_text("output.message.content[].toolUse.name", GENAI_F_TOOL),
    genai_present("output.message.content[].reasoningContent",
                  GENAI_F_REASONING)
};


static const genai_row_t  nova_inner[] = {
    genai_text("contentBlockStart.start.toolUse.name", GENAI_F_TOOL),
    genai_chars("contentBlockDelta.delta.text", GENAI_F_VISIBLE),
    genai_chars("contentBlockDelta.delta.toolUse.input", GENAI_F_VISIBLE),
    genai_chars("contentBlockDelta.delta.reasoningContent.text",
                GENAI_F_REASONING),
    genai_text("messageStop.stopReason", GENAI_F_STOP_REASON),
    nova_usage_rows("metadata.")
};


const genai_family_t  genai_family_nova = {
    .name = "nova",
    .model = "amazon.nova-lite amazon.nova-micro amazon.nova-pro "
             "amazon.nova-premier amazon.nova-2",
    .operation = GENAI_OP_CHAT,
    .request = genai_rows(nova_request),
    .response = genai_rows(nova_response),
    .inner = genai_rows(nova_inner),
    .delta = "{\"contentBlockDelta\":",
    .empty = "{\"contentBlockDelta\":{\"delta\":{\"text\":\"\"},"
             "\"contentBlockIndex\":0}}"
};


/* usage is in the headers alone */

static const genai_row_t  nova_embed_request[] = {
    genai_kind("singleEmbeddingParams", GENAI_RANK_REQUEST,
               GENAI_OP_EMBEDDINGS),
    genai_chars("singleEmbeddingParams.text.value", GENAI_F_PROMPT_CHARS),
    genai_count("singleEmbeddingParams.image", GENAI_F_MEDIA_PARTS),
    genai_count("singleEmbeddingParams.video", GENAI_F_MEDIA_PARTS),
    genai_count("singleEmbeddingParams.audio", GENAI_F_MEDIA_PARTS),
    genai_present("singleEmbeddingParams.*.source.s3Location",
                  GENAI_F_ELSEWHERE),
    genai_count("singleEmbeddingParams.video", GENAI_F_FILES)
};


static const genai_row_t  nova_embed_response[] = {
    genai_kind("embeddings", GENAI_RANK_RESPONSE, GENAI_OP_EMBEDDINGS),
    genai_dimension("embeddings[].embedding")
};


const genai_family_t  genai_family_nova_embed = {
    .name = "nova_embed",
    .model = "multimodal-embeddings",
    .operation = GENAI_OP_EMBEDDINGS,
    .request = genai_rows(nova_embed_request),
    .response = genai_rows(nova_embed_response)
};
