/*
 * OpenAI's API and all that speak it: which paths (wire-formats 1.6, 8.0,
 * 8.2 to 8.4).  Bedrock's /openai/v1 and Mantle's /v1 end as OpenAI's own do;
 * Azure's older form names the deployment in the path.
 */

#include "genai_api_openai_rows.h"


#define openai_chat                                                           \
    .method = "POST",                                                         \
    .operation = GENAI_OP_CHAT,                                               \
    .step = GENAI_STEP_GENERATION,                                            \
    .stream = GENAI_STREAM_SSE,                                               \
    .asks = 1,                                                                \
    .request = &genai_openai_chat_request,                                    \
    .response = &genai_openai_chat_response,                                  \
    .events = &genai_openai_chat_event,                                       \
    .nevents = 1

#define openai_text                                                           \
    .method = "POST",                                                         \
    .operation = GENAI_OP_TEXT_COMPLETION,                                    \
    .step = GENAI_STEP_GENERATION,                                            \
    .stream = GENAI_STREAM_SSE,                                               \
    .asks = 1,                                                                \
    .request = &genai_openai_text_request,                                    \
    .response = &genai_openai_text_response,                                  \
    .events = &genai_openai_text_event,                                       \
    .nevents = 1

#define openai_responses                                                      \
    .method = "POST",                                                         \
    .operation = GENAI_OP_CHAT,                                               \
    .step = GENAI_STEP_GENERATION,                                            \
    .stream = GENAI_STREAM_SSE,                                               \
    .asks = 1,                                                                \
    .request = &genai_openai_responses_request,                               \
    .response = &genai_openai_responses_response,                             \
    .events = genai_openai_responses_events,                                  \
    .nevents = GENAI_OPENAI_RESPONSES_EVENTS

#define openai_embed                                                          \
    .method = "POST",                                                         \
    .operation = GENAI_OP_EMBEDDINGS,                                         \
    .step = GENAI_STEP_EMBEDDINGS,                                            \
    .request = &genai_openai_embed_request,                                   \
    .response = &genai_openai_embed_response

#define openai_image                                                          \
    .method = "POST",                                                         \
    .operation = GENAI_OP_IMAGE,                                              \
    .step = GENAI_STEP_GENERATION,                                            \
    .request = &genai_openai_image_request,                                   \
    .response = &genai_openai_image_response

#define openai_azure                                                          \
    .provider = "azure.ai.openai",                                            \
    .deployment = 1


static const genai_api_op_t  openai_ops[] = {
    { .name = "ChatCompletions", .path = "/chat/completions", openai_chat },
    { .name = "ChatCompletions",
      .path = "/openai/deployments/{model}/chat/completions",
      openai_azure, openai_chat },
    { .name = "ChatCompletions",
      .path = "/publishers/mistralai/models/{model}:rawPredict",
      .provider = "gcp.vertex_ai", openai_chat },
    { .name = "ChatCompletions",
      .path = "/publishers/mistralai/models/{model}:streamRawPredict",
      .provider = "gcp.vertex_ai", openai_chat },

    { .name = "Completions", .path = "/v1/completions", openai_text },
    { .name = "Completions",
      .path = "/openai/deployments/{model}/completions",
      openai_azure, openai_text },

    { .name = "Responses", .path = "/v1/responses", openai_responses },
    { .name = "Responses",
      .path = "/openai/responses",
      openai_azure, openai_responses },

    /* asked for again and again: what it cost is not billed twice */

    { .name = "GetResponse",
      .method = "GET",
      .path = "/v1/responses/{id}",
      .operation = GENAI_OP_ASYNC_INVOKE,
      .not_billed = 1,
      .response = &genai_openai_responses_response },

    { .name = "Embeddings", .path = "/v1/embeddings", openai_embed },
    { .name = "Embeddings",
      .path = "/openai/deployments/{model}/embeddings",
      openai_azure, openai_embed },
    { .name = "Embeddings",
      .path = "/models/embeddings",
      .provider = "azure.ai.inference", .deployment = 1, openai_embed },

    { .name = "Images", .path = "/v1/images/generations", openai_image },
    { .name = "Images",
      .path = "/openai/deployments/{model}/images/generations",
      openai_azure, openai_image },

    { .name = "CreateBatch",
      .method = "POST",
      .path = "/v1/batches",
      .operation = GENAI_OP_ASYNC_INVOKE,
      .not_billed = 1 },
    { .name = "GetBatch",
      .method = "GET",
      .path = "/v1/batches/{id}",
      .operation = GENAI_OP_ASYNC_INVOKE,
      .not_billed = 1 }
};


const genai_api_table_t  genai_api_openai = {
    .api = GENAI_API_OPENAI,
    .provider = "openai",
    .ops = openai_ops,
    .nops = genai_nelts(openai_ops),
    .also_bedrock = 1,
    .by_host = 1
};
