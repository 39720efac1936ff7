/*
 * Which API a request speaks: modes against paths and hosts, and that no
 * path can mean two operations.
 */

#include "test.h"
#include "genai_api_tables.h"


typedef struct {
    unsigned     mode;
    const char  *method;
    const char  *uri;
    const char  *host;
    unsigned     api;             /* NONE: unknown */
    const char  *op;
    const char  *model;
    const char  *provider;
} detect_row_t;


#define AUTO       GENAI_API_AUTO
#define BEDROCK    GENAI_API_BEDROCK
#define AGENT      GENAI_API_BEDROCK_AGENT
#define ANTHROPIC  GENAI_API_ANTHROPIC
#define OPENAI     GENAI_API_OPENAI
#define GEMINI     GENAI_API_GEMINI
#define COHERE     GENAI_API_COHERE
#define OLLAMA     GENAI_API_OLLAMA
#define SEARCH     GENAI_API_OPENSEARCH
#define VECTORDB   GENAI_API_VECTORDB
#define NONE       GENAI_API_NONE

#define RUNTIME    "bedrock-runtime.us-east-1.amazonaws.com"
#define MANTLE     "bedrock-mantle.us-east-1.api.aws"
#define AZURE      "r.openai.azure.com"
#define FOUNDRY    "r.services.ai.azure.com"
#define VERTEX     "us-central1-aiplatform.googleapis.com"
#define PROJECT    "/v1/projects/p/locations/us-central1/publishers/"


static const detect_row_t  rows[] = {

    /* Anthropic's paths */

    { AUTO, "POST", "/v1/messages", "api.anthropic.com", ANTHROPIC,
      "Messages", "", "anthropic" },
    { AUTO, "POST", "/v1/messages?beta=true", "gateway", ANTHROPIC,
      "Messages", "", "anthropic" },
    { ANTHROPIC, "POST", "/team/v1/messages", "", ANTHROPIC, "Messages", "",
      "anthropic" },
    { AUTO, "POST", "/anthropic/v1/messages", RUNTIME, ANTHROPIC, "Messages",
      "", "aws.bedrock" },
    { AUTO, "POST", "/anthropic/v1/messages", MANTLE, ANTHROPIC, "Messages",
      "", "aws.bedrock" },
    { BEDROCK, "POST", "/anthropic/v1/messages", "localhost", ANTHROPIC,
      "Messages", "", "aws.bedrock" },
    { AUTO, "POST", "/anthropic/v1/messages", FOUNDRY, ANTHROPIC, "Messages",
      "", "azure.ai.inference" },
    { AUTO, "POST", "/anthropic/v1/messages/count_tokens", MANTLE, ANTHROPIC,
      "CountTokens", "", "aws.bedrock" },
    { AUTO, "POST", "/v1/messages/batches", "", ANTHROPIC,
      "CreateMessageBatch", "", "anthropic" },
    { AUTO, "GET", "/v1/messages/batches", "", ANTHROPIC,
      "ListMessageBatches", "", "anthropic" },
    { AUTO, "GET", "/v1/messages/batches/b1", "", ANTHROPIC,
      "GetMessageBatch", "", "anthropic" },
    { AUTO, "GET", "/v1/messages/batches/b1/results", "", ANTHROPIC,
      "MessageBatchResults", "", "anthropic" },
    { AUTO, "POST", PROJECT "anthropic/models/claude-sonnet-4-5@20250929"
      ":rawPredict", VERTEX, ANTHROPIC, "RawPredict",
      "claude-sonnet-4-5@20250929", "gcp.vertex_ai" },
    { AUTO, "POST", PROJECT "anthropic/models/claude%404:streamRawPredict",
      "localhost", ANTHROPIC, "StreamRawPredict", "claude@4",
      "gcp.vertex_ai" },
    { OPENAI, "POST", "/v1/messages", "", NONE, NULL, NULL, NULL },
    { AUTO, "GET", "/v1/messages", "", NONE, NULL, NULL, NULL },
    { AUTO, "POST", "/v1/messages/", "", NONE, NULL, NULL, NULL },

    /* OpenAI's */

    { AUTO, "POST", "/v1/chat/completions", "api.openai.com", OPENAI,
      "ChatCompletions", "", "openai" },
    { AUTO, "POST", "/v1/chat/completions", "api.mistral.ai", OPENAI,
      "ChatCompletions", "", "mistral_ai" },
    { AUTO, "POST", "/chat/completions", "api.deepseek.com", OPENAI,
      "ChatCompletions", "", "deepseek" },
    { AUTO, "POST", "/openai/v1/chat/completions", "api.groq.com", OPENAI,
      "ChatCompletions", "", "groq" },
    { AUTO, "POST", "/openai/v1/chat/completions", RUNTIME, OPENAI,
      "ChatCompletions", "", "aws.bedrock" },
    { BEDROCK, "POST", "/openai/v1/responses", "localhost", OPENAI,
      "Responses", "", "aws.bedrock" },
    { BEDROCK, "POST", "/v1/chat/completions", MANTLE, OPENAI,
      "ChatCompletions", "", "aws.bedrock" },
    { AUTO, "POST", "/v1beta/openai/chat/completions",
      "generativelanguage.googleapis.com", OPENAI, "ChatCompletions", "",
      "gcp.gemini" },
    { AUTO, "POST", "/openai/deployments/my%20chat/chat/completions"
      "?api-version=2024-10-21", AZURE, OPENAI, "ChatCompletions", "my chat",
      "azure.ai.openai" },
    { AUTO, "POST", "/openai/deployments/d/chat/completions", "localhost",
      OPENAI, "ChatCompletions", "d", "azure.ai.openai" },
    { AUTO, "POST", "/openai/deployments/d/completions", AZURE, OPENAI,
      "Completions", "d", "azure.ai.openai" },
    { AUTO, "POST", "/openai/deployments/d/embeddings", AZURE, OPENAI,
      "Embeddings", "d", "azure.ai.openai" },
    { AUTO, "POST", "/openai/deployments/d/images/generations", AZURE,
      OPENAI, "Images", "d", "azure.ai.openai" },
    { AUTO, "POST", "/openai/v1/responses", AZURE, OPENAI, "Responses", "",
      "azure.ai.openai" },
    { AUTO, "POST", "/openai/responses?api-version=2025-03-01-preview",
      AZURE, OPENAI, "Responses", "", "azure.ai.openai" },
    { AUTO, "POST", "/models/chat/completions", FOUNDRY, OPENAI,
      "ChatCompletions", "", "azure.ai.inference" },
    { AUTO, "POST", "/models/embeddings", FOUNDRY, OPENAI, "Embeddings", "",
      "azure.ai.inference" },
    { AUTO, "POST", "/v1/completions", "", OPENAI, "Completions", "",
      "openai" },
    { AUTO, "POST", "/v1/responses", "", OPENAI, "Responses", "", "openai" },
    { AUTO, "GET", "/v1/responses/resp_1", "", OPENAI, "GetResponse", "",
      "openai" },
    { AUTO, "POST", "/v1/embeddings", "", OPENAI, "Embeddings", "",
      "openai" },
    { AUTO, "POST", "/v1/images/generations", "", OPENAI, "Images", "",
      "openai" },
    { AUTO, "POST", PROJECT "mistralai/models/m:rawPredict", VERTEX, OPENAI,
      "ChatCompletions", "m", "gcp.vertex_ai" },
    { AUTO, "GET", "/v1/models", "", NONE, NULL, NULL, NULL },
    { AUTO, "POST", "/completions", "", NONE, NULL, NULL, NULL },
    { ANTHROPIC, "POST", "/v1/chat/completions", "", NONE, NULL, NULL,
      NULL },

    /* Gemini, Cohere, Ollama */

    { AUTO, "POST", "/v1beta/models/gemini-3-flash:generateContent?key=x",
      "generativelanguage.googleapis.com", GEMINI, "GenerateContent",
      "gemini-3-flash", "gcp.gemini" },
    { AUTO, "POST", PROJECT "google/models/gemini-3-flash"
      ":streamGenerateContent?alt=sse", VERTEX, GEMINI,
      "StreamGenerateContent", "gemini-3-flash", "gcp.vertex_ai" },
    { GEMINI, "POST", "/v1beta/models/m:countTokens", "", GEMINI,
      "CountTokens", "m", "gcp.gemini" },
    { AUTO, "POST", "/v1beta/models/m:embedContent", "", GEMINI,
      "EmbedContent", "m", "gcp.gemini" },
    { AUTO, "POST", "/v1beta/models/m:batchEmbedContents", "", GEMINI,
      "BatchEmbedContents", "m", "gcp.gemini" },
    { AUTO, "POST", "/v1beta/models/:generateContent", "", NONE, NULL, NULL,
      NULL },
    { AUTO, "POST", "/v1beta/models/m:generatecontent", "", NONE, NULL, NULL,
      NULL },
    { AUTO, "POST", "/v1beta/models/m", "", NONE, NULL, NULL, NULL },
    { AUTO, "POST", "/v2/chat", "api.cohere.com", COHERE, "Chat", "",
      "cohere" },
    { COHERE, "POST", "/v2/embed", "", COHERE, "Embed", "", "cohere" },
    { AUTO, "POST", "/v2/rerank", "", COHERE, "Rerank", "", "cohere" },
    { AUTO, "POST", "/v1/rerank", "vllm:8000", COHERE, "Rerank", "",
      "cohere" },
    { AUTO, "POST", "/api/chat", "", OLLAMA, "Chat", "", "ollama" },
    { OLLAMA, "POST", "/api/generate", "", OLLAMA, "Generate", "",
      "ollama" },
    { AUTO, "POST", "/api/embed", "", OLLAMA, "Embed", "", "ollama" },
    { AUTO, "POST", "/api/embeddings", "", OLLAMA, "Embed", "", "ollama" },

    /* retrieval */

    { AUTO, "POST", "/knowledgebases/KB1/retrieve", "", AGENT, "Retrieve",
      "", "aws.bedrock" },
    { AGENT, "POST", "/rerank", "", AGENT, "Rerank", "", "aws.bedrock" },
    { AUTO, "POST", "/rerank",
      "bedrock-agent-runtime.us-east-1.amazonaws.com", AGENT, "Rerank", "",
      "aws.bedrock" },
    { AUTO, "POST", "/rerank", "vllm:8000", NONE, NULL, NULL, NULL },
    { AUTO, "POST", "/retrieveAndGenerate", "", AGENT, "RetrieveAndGenerate",
      "", "aws.bedrock" },
    { AUTO, "POST", "/retrieveAndGenerateStream", "", AGENT,
      "RetrieveAndGenerateStream", "", "aws.bedrock" },
    { AUTO, "POST", "/agenticRetrieveStream", "", AGENT,
      "AgenticRetrieveStream", "", "aws.bedrock" },
    { AUTO, "POST", "/kb/_search", "", SEARCH, "Search", "", "opensearch" },
    { AUTO, "GET", "/_search?size=3", "", SEARCH, "Search", "",
      "opensearch" },
    { SEARCH, "POST", "/a,b/_search/template", "", SEARCH, "SearchTemplate",
      "", "opensearch" },
    { AUTO, "POST", "/_msearch", "", SEARCH, "MultiSearch", "",
      "opensearch" },
    { AUTO, "PUT", "/kb/_search", "", NONE, NULL, NULL, NULL },
    { AUTO, "POST", "/kb/_doc", "", NONE, NULL, NULL, NULL },
    { VECTORDB, "POST", "/query", "", VECTORDB, "PineconeQuery", "",
      "pinecone" },
    { AUTO, "POST", "/query", "i-1.svc.pinecone.io", VECTORDB,
      "PineconeQuery", "", "pinecone" },
    { AUTO, "POST", "/query", "rag.example", NONE, NULL, NULL, NULL },
    { AUTO, "POST", "/collections/c/points/query", "", VECTORDB,
      "QdrantQuery", "", "qdrant" },
    { AUTO, "POST", "/collections/c/points/search", "", VECTORDB,
      "QdrantSearch", "", "qdrant" },
    { VECTORDB, "POST", "/v1/graphql", "", VECTORDB, "WeaviateGraphQL", "",
      "weaviate" },
    { AUTO, "POST", "/v1/graphql", "api.example", NONE, NULL, NULL, NULL },
    { AUTO, "POST", "/api/v2/tenants/t/databases/d/collections/c/query", "",
      VECTORDB, "ChromaQuery", "", "chroma" },
    { AUTO, "POST", "/api/v1/collections/c/query", "", VECTORDB,
      "ChromaQuery", "", "chroma" },
    { AUTO, "POST", "/QueryVectors", "", VECTORDB, "S3VectorsQuery", "",
      "s3vectors" },
    { AUTO, "POST", "/v2/vectordb/entities/search", "", VECTORDB,
      "MilvusSearch", "", "milvus" },

    /* Bedrock's own stay what they were */

    { AUTO, "POST", "/model/x/converse", RUNTIME, BEDROCK, "Converse", "x",
      "aws.bedrock" },
    { AUTO, "POST", "/model/a%2Fv1%2Fmessages/invoke", "", BEDROCK,
      "InvokeModel", "a/v1/messages", "aws.bedrock" },
    { BEDROCK, "POST", "/kb/_search", "", NONE, NULL, NULL, NULL },
    { AUTO, "POST", "/", "", NONE, NULL, NULL, NULL },
    { AUTO, "POST", "", "", NONE, NULL, NULL, NULL },
    { AUTO, "POST", "e", "", NONE, NULL, NULL, NULL },
    { AUTO, "OPTIONS", "*", "", NONE, NULL, NULL, NULL }
};


static genai_apis_t  *apis;
static genai_call_t   call;
static char           arena[GENAI_CALL_ARENA];


static void *
take(void *data, size_t size)
{
    void  *p;

    (void) data;

    return posix_memalign(&p, 16, size ? size : 16) == 0 ? p : NULL;
}


static int
detect(unsigned mode, const char *method, const char *uri, const char *host)
{
    genai_call_init(&call, arena, sizeof(arena));

    return genai_api_detect(apis, mode, &call, genai_strz(method),
                            genai_strz(uri), genai_strz(host));
}


static void
test_rows(void)
{
    int                  rc;
    size_t               i;
    const detect_row_t  *r;

    for (i = 0; i < genai_nelts(rows); i++) {
        r = &rows[i];
        rc = detect(r->mode, r->method, r->uri, r->host);

        if (r->api == NONE) {
            ok(rc == GENAI_DECLINED && call.api == NONE
               && call.skip == GENAI_SKIP_UNKNOWN_PATH,
               "%s: %s \"%s\" on \"%s\" is nothing",
               genai_api_name(r->mode), r->method, r->uri, r->host);
            continue;
        }

        ok(rc == GENAI_OK && call.api == r->api
           && strcmp(genai_api_op_name(apis, &call), r->op) == 0
           && genai_str_is(call.model, r->model)
           && genai_str_is(call.provider, r->provider),
           "%s: %s %s on \"%s\" is %s of %s", genai_api_name(r->mode),
           r->method, r->uri, r->host, r->op, r->provider);
    }
}


/* "/a/{b}:c" -> "/a/x1:c" */

static void
sample(const char *pattern, char *out)
{
    char  *p;

    p = out;

    for ( /* void */ ; *pattern; pattern++) {
        if (*pattern == '{') {
            p = stpcpy(p, "x1");
            pattern = strchr(pattern, '}');
            continue;
        }

        *p++ = *pattern;
    }

    *p = '\0';
}


/* whatever the order of tables and rows */

static void
test_unambiguous(void)
{
    char                      uri[256];
    int                       good, n;
    size_t                    i, j;
    const char               *method, *host;
    const genai_api_op_t     *op;
    const genai_api_table_t  *t;

    for (i = 0, n = 0; i < genai_api_ntables; i++) {
        t = genai_api_tables[i];

        for (j = 0, good = 1; j < t->nops; j++, n++) {
            op = &t->ops[j];
            method = op->method ? op->method : "POST";
            host = op->host ? op->host : "gateway";
            sample(op->path, uri);

            if (detect(AUTO, method, uri, host) != GENAI_OK
                || call.api_op != op || call.api != t->api)
            {
                printf("# %s %s is taken for %s\n", method, uri,
                       genai_api_op_name(apis, &call));
                good = 0;
            }

            if (detect(t->api, method, uri, "") != GENAI_OK
                || call.api_op != op)
            {
                printf("# %s %s is not found by name\n", method, uri);
                good = 0;
            }
        }

        ok(good, "each path of %s is its own, in auto and by name",
           genai_api_name(t->api));
    }

    ok(n > 60, "%d operations", n);
}


/* an internal redirect: what was read of the body is not forgotten */

static void
test_again(void)
{
    (void) detect(OPENAI, "POST", "/v1/chat/completions", "");
    call.model = genai_strz("from-the-body");
    call.stream = 1;

    is_int(genai_api_detect(apis, OPENAI, &call, genai_strz("POST"),
                            genai_strz("/v1/chat/completions"),
                            genai_strz("r.openai.azure.com")), GENAI_OK,
           "found again");
    is_mem(call.model.data, call.model.len, "from-the-body",
           "the model that was read stays");
    is_int(call.stream, 1, "and so does the wish for a stream");
    is_int(call.deployment, 1, "on Azure it is a deployment");

    (void) detect(OPENAI, "POST", "/v1/chat/completions", "");
    is_int(call.stream, 0, "no stream unless the body says so");
    is_int(call.deployment, 0, "elsewhere it is a model");

    (void) detect(OLLAMA, "POST", "/api/chat", "");
    is_int(call.stream, 1, "Ollama streams unless the body says not");
}


int
main(void)
{
    char  err[128];

    if (ok(genai_apis_create(&apis, take, NULL, err, sizeof(err))
           == GENAI_OK, "the tables compile"))
    {
        test_rows();
        test_unambiguous();
        test_again();
    }

    return done();
}
