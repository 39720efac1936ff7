/*
 * Gemini, at Google's own host and on Vertex (wire-formats 8.5).
 *
 * Without alt=sse a stream is one JSON array that comes piece by piece: the
 * rows of its elements are the response's.  Usage is cumulative; the prompt
 * includes what was cached, the candidates do not include the thoughts, and
 * a count that is not there is 0.
 */

#include "genai_api_tables.h"


#define gemini_usage_rows(at)                                                 \
    { at "usageMetadata.promptTokenCount", GENAI_JSON_NUMBER, GENAI_LAST,     \
      GENAI_F_INPUT_TOKENS, GENAI_ROW_INCLUSIVE },                            \
    { at "usageMetadata", GENAI_JSON_PRESENT, GENAI_FIRST,                    \
      GENAI_F_OUTPUT_TOKENS, 0 },                                             \
    genai_number(at "usageMetadata.candidatesTokenCount",                     \
                 GENAI_F_OUTPUT_TOKENS),                                      \
    { at "usageMetadata.thoughtsTokenCount", GENAI_JSON_NUMBER, GENAI_LAST,   \
      GENAI_F_REASONING_TOKENS, GENAI_ROW_APART },                        \
    genai_number(at "usageMetadata.cachedContentTokenCount",                  \
                 GENAI_F_CACHE_READ_TOKENS),                                  \
    genai_number(at "usageMetadata.totalTokenCount", GENAI_F_TOTAL_TOKENS),   \
    genai_first(at "modelVersion", GENAI_F_RESPONSE_MODEL),                   \
    genai_first(at "responseId", GENAI_F_RESPONSE_ID),                        \
    genai_text(at "candidates[].finishReason", GENAI_F_STOP_REASON),          \
    genai_text(at "promptFeedback.blockReason", GENAI_F_STOP_REASON),         \
    genai_text(at "candidates[].content.parts[].functionCall.name",           \
               GENAI_F_TOOL),                                                 \
    { at "error.status", GENAI_JSON_TEXT, GENAI_FIRST, GENAI_F_ERROR_CODE,    \
      1 },                                                                    \
    genai_first(at "error.message", GENAI_F_ERROR_MESSAGE)


/* every key may be spelt in two ways */

#define gemini_config_rows(at)                                                \
    genai_once(at, GENAI_ONCE_LIMITS),                                        \
    genai_limit(at ".maxOutputTokens"),                                       \
    genai_limit(at ".max_output_tokens"),                                     \
    genai_choices(at ".candidateCount"),                                      \
    genai_choices(at ".candidate_count"),                                     \
    genai_greatest(at ".thinkingConfig.thinkingBudget", GENAI_F_THINKING),    \
    genai_greatest(at ".thinkingConfig.thinking_budget", GENAI_F_THINKING),   \
    genai_greatest(at ".thinking_config.thinkingBudget", GENAI_F_THINKING),   \
    genai_greatest(at ".thinking_config.thinking_budget", GENAI_F_THINKING)

#define gemini_file_rows(key, other)                                          \
    genai_text("contents[].parts[]." key ".mimeType", GENAI_F_FILE_FORMAT),   \
    genai_text("contents[].parts[]." key ".mime_type", GENAI_F_FILE_FORMAT),  \
    genai_count("contents[].parts[]." other, GENAI_F_FILES)


static const genai_row_t  gemini_request[] = {
    genai_length("contents", GENAI_F_MESSAGES),
    genai_chars("contents[].parts[].text", GENAI_F_PROMPT_CHARS),
    genai_count("contents[].parts[].inlineData", GENAI_F_MEDIA_PARTS),
    genai_count("contents[].parts[].inline_data", GENAI_F_MEDIA_PARTS),
    genai_count("contents[].parts[].fileData", GENAI_F_MEDIA_PARTS),
    genai_count("contents[].parts[].file_data", GENAI_F_MEDIA_PARTS),
    genai_count("contents[].parts[].functionResponse", GENAI_F_TOOL_RESULTS),
    genai_chars("systemInstruction.parts[].text", GENAI_F_SYSTEM_CHARS),
    genai_chars("system_instruction.parts[].text", GENAI_F_SYSTEM_CHARS),
    gemini_config_rows("generationConfig"),
    gemini_config_rows("generation_config"),
    gemini_file_rows("inlineData", "fileData"),
    gemini_file_rows("inline_data", "file_data"),
    genai_present("cachedContent", GENAI_F_ELSEWHERE),
    genai_present("cached_content", GENAI_F_ELSEWHERE),
    { "tools[].*", GENAI_JSON_NAME, GENAI_LAST, GENAI_F_TOOL_TYPE, 0 },
    genai_number("generationConfig.temperature", GENAI_F_TEMPERATURE),
    genai_number("generationConfig.topP", GENAI_F_TOP_P),
    genai_number("generationConfig.topK", GENAI_F_TOP_K),
    genai_text("generationConfig.stopSequences[]", GENAI_F_STOP_SEQUENCE),
    genai_count("tools[].functionDeclarations[]", GENAI_F_TOOLS_OFFERED),
    genai_count("tools[].function_declarations[]", GENAI_F_TOOLS_OFFERED)
};

static const genai_row_t  gemini_response[] = {
    gemini_usage_rows(""),
    genai_chars("candidates[].content.parts[].text", GENAI_F_OUTPUT_CHARS)
};

static const genai_row_t  gemini_event[] = {
    gemini_usage_rows(""),
    genai_chars("candidates[].content.parts[].text", GENAI_F_VISIBLE),
    genai_present("candidates[].content.parts[].functionCall",
                  GENAI_F_VISIBLE)
};

static const genai_row_t  gemini_array[] = {
    gemini_usage_rows("[]."),
    genai_chars("[].candidates[].content.parts[].text", GENAI_F_VISIBLE),
    genai_present("[].candidates[].content.parts[].functionCall",
                  GENAI_F_VISIBLE),
    genai_end("[]", GENAI_F_PIECE)
};

static const genai_row_t  gemini_count[] = {
    genai_number("totalTokens", GENAI_F_INPUT_TOKENS)
};


/* it tells no tokens; Vertex may */

static const genai_row_t  gemini_embed_request[] = {
    genai_chars("content.parts[].text", GENAI_F_PROMPT_CHARS),
    genai_chars("requests[].content.parts[].text", GENAI_F_PROMPT_CHARS)
};

static const genai_row_t  gemini_embed_response[] = {
    genai_dimension("embedding.values"),
    genai_dimension("embeddings[].values"),
    genai_number("usageMetadata.promptTokenCount", GENAI_F_INPUT_TOKENS)
};


static const genai_rows_t  rows_request = genai_rows(gemini_request);
static const genai_rows_t  rows_response = genai_rows(gemini_response);
static const genai_rows_t  rows_event = genai_rows(gemini_event);
static const genai_rows_t  rows_array = genai_rows(gemini_array);
static const genai_rows_t  rows_count = genai_rows(gemini_count);
static const genai_rows_t  rows_embed_request
    = genai_rows(gemini_embed_request);
static const genai_rows_t  rows_embed_response
    = genai_rows(gemini_embed_response);


static const genai_api_event_t  gemini_events[] = {
    { NULL, 0, &rows_event, NULL }
};


static const genai_api_op_t  gemini_ops[] = {
    { .name = "GenerateContent",
      .method = "POST",
      .path = "/models/{model}:generateContent",
      .operation = GENAI_OP_CHAT,
      .step = GENAI_STEP_GENERATION,
      .request = &rows_request,
      .response = &rows_response },

    { .name = "StreamGenerateContent",
      .method = "POST",
      .path = "/models/{model}:streamGenerateContent",
      .operation = GENAI_OP_CHAT,
      .step = GENAI_STEP_GENERATION,
      .stream = GENAI_STREAM_SSE,
      .request = &rows_request,
      .response = &rows_array,
      .events = gemini_events,
      .nevents = genai_nelts(gemini_events) },

    { .name = "CountTokens",
      .method = "POST",
      .path = "/models/{model}:countTokens",
      .operation = GENAI_OP_COUNT_TOKENS,
      .not_billed = 1,
      .request = &rows_request,
      .response = &rows_count },

    { .name = "EmbedContent",
      .method = "POST",
      .path = "/models/{model}:embedContent",
      .operation = GENAI_OP_EMBEDDINGS,
      .step = GENAI_STEP_EMBEDDINGS,
      .request = &rows_embed_request,
      .response = &rows_embed_response },

    { .name = "BatchEmbedContents",
      .method = "POST",
      .path = "/models/{model}:batchEmbedContents",
      .operation = GENAI_OP_EMBEDDINGS,
      .step = GENAI_STEP_EMBEDDINGS,
      .request = &rows_embed_request,
      .response = &rows_embed_response }
};


const genai_api_table_t  genai_api_gemini = {
    .api = GENAI_API_GEMINI,
    .provider = "gcp.gemini",
    .ops = gemini_ops,
    .nops = genai_nelts(gemini_ops),
    .by_host = 1
};
