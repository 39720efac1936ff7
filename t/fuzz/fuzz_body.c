/*
 * Any bytes as a request and as each kind of response: nothing crashes, and
 * the call comes out the same wherever the bodies are cut.
 *
 * Input: operation, kind of response, seed of the cuts, length of the
 * request (two bytes), request, response.  So that the checksums of frames
 * do not keep everything out, some kinds put the response's pieces (type,
 * length, bytes) into good frames.
 */

#include <stdio.h>
#include <stdlib.h>

#include "genai_body.h"
#include "genai_budget_bound.h"
#include "genai_crc32.h"
#include "genai_record.h"
#include "genai_usage.h"


#define STREAM_MAX  65536


enum {
    KIND_JSON = 0,
    KIND_ERROR,
    KIND_RAW,                     /* frames as they are */
    KIND_FRAMES,                  /* pieces as payloads */
    KIND_BASE64,                  /* pieces as documents inside chunks */
    KIND_SSE,
    KIND_LINES,
    KIND_N
};


typedef struct {
    genai_call_t          call;
    genai_body_t          body;
    genai_budget_facts_t  facts;
    char                  arena[GENAI_CALL_ARENA];
    char                  record[GENAI_RECORD_MAX];
    size_t                len;
} run_t;


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static const char *const  targets[] = {
    "/model/anthropic.claude-x/invoke",
    "/model/arn%3Aaws%3Abedrock%3A%3A1%3Ax%2Fy/invoke-with-response-stream",
    "/model/x/converse",
    "/model/x/converse-stream",
    "/model/x/count-tokens",
    "/guardrail/g/version/1/apply",
    "/anthropic/v1/messages",
    "/v1/chat/completions",
    "/v1/responses",
    "/v1/completions",
    "/v1/embeddings",
    "/v1beta/models/m:generateContent",
    "/v1beta/models/m:streamGenerateContent",
    "/v2/chat",
    "/v2/rerank",
    "/api/chat",
    "/knowledgebases/k/retrieve",
    "/retrieveAndGenerateStream",
    "/kb/_search",
    "/kb/_msearch",
    "/collections/c/points/query",
    "/v2/vectordb/entities/search",
    "/QueryVectors"
};


static const char *const  types[] = {
    "contentBlockDelta", "contentBlockStart", "messageStop", "metadata",
    "chunk", "unknown", "output", "citation", "guardrail"
};


static genai_apis_t  *apis;
static run_t          whole, parts;
static char           stream[STREAM_MAX];


static void *
take(void *data, size_t size)
{
    static size_t              used;
    static _Alignas(16) char   memory[1 << 20];

    (void) data;

    if (size > sizeof(memory) - used) {
        return NULL;
    }

    used += (size + 15) & ~(size_t) 15;

    return memory + used - ((size + 15) & ~(size_t) 15);
}


static void
put32(char *p, uint32_t v)
{
    p[0] = (char) (v >> 24);
    p[1] = (char) (v >> 16);
    p[2] = (char) (v >> 8);
    p[3] = (char) v;
}


static size_t
header(char *p, const char *name, const char *value)
{
    size_t  n, v;

    n = strlen(name);
    v = strlen(value);

    p[0] = (char) n;
    memcpy(p + 1, name, n);
    p[n + 1] = 7;
    p[n + 2] = (char) (v >> 8);
    p[n + 3] = (char) v;
    memcpy(p + n + 4, value, v);

    return n + 4 + v;
}


static size_t
base64(char *out, const uint8_t *p, size_t len)
{
    static const char  set[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                               "abcdefghijklmnopqrstuvwxyz0123456789+/";

    size_t    i, n;
    uint32_t  v;

    for (i = 0, n = 0; i < len; i += 3) {
        v = (uint32_t) p[i] << 16;
        v |= (i + 1 < len) ? (uint32_t) p[i + 1] << 8 : 0;
        v |= (i + 2 < len) ? p[i + 2] : 0;

        out[n++] = set[v >> 18];
        out[n++] = set[v >> 12 & 63];
        out[n++] = (i + 1 < len) ? set[v >> 6 & 63] : '=';
        out[n++] = (i + 2 < len) ? set[v & 63] : '=';
    }

    return n;
}


static size_t
frame(char *p, unsigned kind, unsigned type, const uint8_t *payload,
    size_t len)
{
    size_t  n;

    n = 12;

    if (type % 16 == 15) {
        n += header(p + n, ":exception-type", "throttlingException");
        n += header(p + n, ":message-type", "exception");

    } else {
        n += header(p + n, ":event-type", kind == KIND_BASE64 ? "chunk"
                                  : types[type % genai_nelts(types)]);
        n += header(p + n, ":message-type", "event");
    }

    put32(p + 4, (uint32_t) n - 12);

    if (kind == KIND_BASE64) {
        n += (size_t) sprintf(p + n, "{\"bytes\":\"");
        n += base64(p + n, payload, len);
        n += (size_t) sprintf(p + n, type & 1 ? "\",\"p\":\"abc\"}"
                                              : "\"}");
    } else {
        memcpy(p + n, payload, len);
        n += len;
    }

    put32(p, (uint32_t) n + 4);
    put32(p + 8, genai_crc32(0, p, 8));
    put32(p + n, genai_crc32(0, p, n));

    return n + 4;
}


static size_t
response(unsigned kind, const uint8_t *p, size_t size)
{
    size_t  n, len;

    if (kind != KIND_FRAMES && kind != KIND_BASE64) {
        len = (size < STREAM_MAX) ? size : STREAM_MAX;
        memcpy(stream, p, len);
        return len;
    }

    for (n = 0; size >= 2 && n < STREAM_MAX / 2; size -= len, p += len) {
        len = (size - 2 < p[1]) ? size - 2 : p[1];
        p += 2;
        size -= 2;
        n += frame(stream + n, kind, p[-2], p, len);
    }

    return n;
}


static void
run(run_t *r, const uint8_t *head, genai_str_t req, genai_str_t res,
    int split, uint32_t seed)
{
    static const char *const  content[KIND_N] = {
        "application/json", "application/json",
        "application/vnd.amazon.eventstream",
        "application/vnd.amazon.eventstream",
        "application/vnd.amazon.eventstream", "text/event-stream",
        "application/x-ndjson"
    };

    size_t    i, n;
    unsigned  kind;

    kind = head[1] % KIND_N;
    memset(r, 0xa5, sizeof(run_t));

    genai_call_init(&r->call, r->arena, sizeof(r->arena));
    r->call.start_ns = 1;

    if (genai_api_detect(apis, GENAI_API_AUTO, &r->call, genai_strz("POST"),
                   genai_strz(targets[head[0] % genai_nelts(targets)]),
                   genai_strz("bedrock-runtime.us-east-1.amazonaws.com"))
        != GENAI_OK)
    {
        abort();
    }

    genai_body_request_begin(&r->body, apis, &r->call);

    for (i = 0; i < req.len; i += n) {
        seed = seed * 1103515245 + 12345;
        n = split ? (seed >> 16) % 7 + 1 : req.len;
        n = (n > req.len - i) ? req.len - i : n;
        genai_body_request_feed(&r->body, req.data + i, n);
    }

    genai_body_request_end(&r->body, 1);

    genai_budget_facts(&r->call, genai_str(NULL, 0), 0, &r->facts);
    r->facts.model = r->facts.region = genai_str(NULL, 0);
    r->facts.tier.data = NULL;

    if (genai_body_response_begin(&r->body, kind == KIND_ERROR ? 400 : 200,
                                  genai_strz(content[kind]), genai_strz(""))
        == GENAI_OK)
    {
        for (i = 0; i < res.len; i += n) {
            seed = seed * 1103515245 + 12345;
            n = split ? (seed >> 16) % 11 + 1 : res.len;
            n = (n > res.len - i) ? res.len - i : n;
            genai_body_response_feed(&r->body, res.data + i, n, 5);
        }
    }

    genai_body_response_end(&r->body, head[1] < 128, 9);
    genai_usage_settle(&r->call);

    r->len = genai_record_encode(&r->call, r->record, sizeof(r->record),
                                 NULL);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char         err[128];
    size_t       n;
    genai_str_t  req, res;

    if (apis == NULL
        && genai_apis_create(&apis, take, NULL, err, sizeof(err)) != GENAI_OK)
    {
        abort();
    }

    if (size < 5) {
        return 0;
    }

    n = (size_t) data[3] << 8 | data[4];
    n = (n > size - 5) ? size - 5 : n;

    req = genai_str((const char *) data + 5, n);
    res.data = stream;
    res.len = response(data[1] % KIND_N, data + 5 + n, size - 5 - n);

    run(&whole, data, req, res, 0, 0);
    run(&parts, data, req, res, 1, data[2] * 2654435761u);

    if (whole.len != parts.len
        || memcmp(whole.record, parts.record, whole.len) != 0
        || memcmp(&whole.facts, &parts.facts, sizeof(whole.facts)) != 0
        || whole.call.arena_used > sizeof(whole.arena))
    {
        abort();
    }

    return 0;
}
