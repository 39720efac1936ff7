/*
 * Ollama (wire-formats 8.6): a JSON document per line unless the request
 * says "stream": false.  The last line has done and the counts; the prompt's
 * is missing when all of it was cached.
 */

#include "genai_api_tables.h"


#define ollama_request_rows                                                   \
    genai_first("model", GENAI_F_MODEL),                                      \
    genai_once("model", GENAI_ONCE_MODEL),                                    \
    genai_once("options", GENAI_ONCE_LIMITS),                                 \
    genai_bool("stream", GENAI_F_STREAM),                                     \
    genai_limit("options.num_predict"),                                       \
    genai_number("options.temperature", GENAI_F_TEMPERATURE),                 \
    genai_number("options.top_p", GENAI_F_TOP_P),                             \
    genai_number("options.top_k", GENAI_F_TOP_K),                             \
    genai_text("options.stop[]", GENAI_F_STOP_SEQUENCE)

#define ollama_answer_rows                                                    \
    genai_first("model", GENAI_F_RESPONSE_MODEL),                             \
    genai_bool("done", GENAI_F_DONE),                                         \
    genai_text("done_reason", GENAI_F_STOP_REASON),                           \
    genai_number("prompt_eval_count", GENAI_F_INPUT_TOKENS),                  \
    genai_number("eval_count", GENAI_F_OUTPUT_TOKENS),                        \
    { "total_duration", GENAI_JSON_NUMBER, GENAI_LAST,                        \
      GENAI_F_SERVER_LATENCY_MS, GENAI_ROW_NS },                              \
    genai_first("error", GENAI_F_ERROR_MESSAGE)


static const genai_row_t  chat_request[] = {
    ollama_request_rows,
    genai_length("messages", GENAI_F_MESSAGES),
    genai_chars("messages[].content", GENAI_F_PROMPT_CHARS),
    genai_count("messages[].images[]", GENAI_F_MEDIA_PARTS),
    genai_text("messages[].role", GENAI_F_PART_TYPE),
    genai_length("tools", GENAI_F_TOOLS_OFFERED)
};

/* a whole answer is the same document as the line of a stream */

static const genai_row_t  chat_answer[] = {
    ollama_answer_rows,
    genai_chars("message.content", GENAI_F_VISIBLE),
    genai_chars("message.thinking", GENAI_F_REASONING),
    genai_text("message.tool_calls[].function.name", GENAI_F_TOOL)
};

static const genai_row_t  generate_request[] = {
    ollama_request_rows,
    genai_chars("prompt", GENAI_F_PROMPT_CHARS),
    genai_chars("system", GENAI_F_SYSTEM_CHARS),
    genai_count("images[]", GENAI_F_MEDIA_PARTS)
};

static const genai_row_t  generate_answer[] = {
    ollama_answer_rows,
    genai_chars("response", GENAI_F_VISIBLE),
    genai_chars("thinking", GENAI_F_REASONING)
};

static const genai_row_t  embed_request[] = {
    genai_first("model", GENAI_F_MODEL),
    genai_chars("input", GENAI_F_PROMPT_CHARS),
    genai_chars("input[]", GENAI_F_PROMPT_CHARS),
    genai_chars("prompt", GENAI_F_PROMPT_CHARS)
};

static const genai_row_t  embed_response[] = {
    ollama_answer_rows,
    genai_dimension("embeddings[]"),
    genai_dimension("embedding")
};


static const genai_rows_t  rows_chat_request = genai_rows(chat_request);
static const genai_rows_t  rows_chat = genai_rows(chat_answer);
static const genai_rows_t  rows_generate_request
    = genai_rows(generate_request);
static const genai_rows_t  rows_generate = genai_rows(generate_answer);
static const genai_rows_t  rows_embed_request = genai_rows(embed_request);
static const genai_rows_t  rows_embed_response = genai_rows(embed_response);


static const genai_api_event_t  chat_events[] = {
    { NULL, 0, &rows_chat, NULL }
};

static const genai_api_event_t  generate_events[] = {
    { NULL, 0, &rows_generate, NULL }
};


#define ollama_embed                                                          \
    .name = "Embed",                                                          \
    .method = "POST",                                                         \
    .operation = GENAI_OP_EMBEDDINGS,                                         \
    .step = GENAI_STEP_EMBEDDINGS,                                            \
    .request = &rows_embed_request,                                           \
    .response = &rows_embed_response


static const genai_api_op_t  ollama_ops[] = {
    { .name = "Chat",
      .method = "POST",
      .path = "/api/chat",
      .operation = GENAI_OP_CHAT,
      .step = GENAI_STEP_GENERATION,
      .stream = GENAI_STREAM_LINES,
      .request = &rows_chat_request,
      .response = &rows_chat,
      .events = chat_events,
      .nevents = genai_nelts(chat_events) },

    { .name = "Generate",
      .method = "POST",
      .path = "/api/generate",
      .operation = GENAI_OP_TEXT_COMPLETION,
      .step = GENAI_STEP_GENERATION,
      .stream = GENAI_STREAM_LINES,
      .request = &rows_generate_request,
      .response = &rows_generate,
      .events = generate_events,
      .nevents = genai_nelts(generate_events) },

    { .path = "/api/embed", ollama_embed },
    { .path = "/api/embeddings", ollama_embed }
};


const genai_api_table_t  genai_api_ollama = {
    .api = GENAI_API_OLLAMA,
    .provider = "ollama",
    .ops = ollama_ops,
    .nops = genai_nelts(ollama_ops)
};
