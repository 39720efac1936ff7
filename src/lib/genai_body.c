/*
 * The bodies of one call: headers, the choice of how to read, begin and end.
 */

#include <strings.h>

#include "genai_body_fields.h"
#include "genai_body_stream.h"
#include "genai_usage.h"


_Static_assert(sizeof(genai_body_t) <= GENAI_BODY_SIZE, "state per request");


typedef enum {
    HEADER_NONE = 0,
    HEADER_CODING,
    HEADER_GUARDRAIL_ID,
    HEADER_GUARDRAIL_VERSION,
    HEADER_SERVICE_TIER,
    HEADER_LATENCY_MODE,
    HEADER_METADATA,
    HEADER_INVOCATION_ID,
    HEADER_ATTEMPT,
    HEADER_RETRIES,
    HEADER_INPUT_TOKENS,
    HEADER_OUTPUT_TOKENS,
    HEADER_CACHE_READ_TOKENS,
    HEADER_CACHE_WRITE_TOKENS,
    HEADER_SERVER_LATENCY,
    HEADER_REQUEST_ID,
    HEADER_ERROR_TYPE
} genai_header_e;


typedef struct {
    genai_str_t  name;
    uint8_t      id;
} genai_header_t;


/* wire-formats 1.4; x-stainless-retry-count, from 0: the SDKs of OpenAI and
 * Anthropic */

static const genai_header_t  genai_request_headers[] = {
    { genai_string("content-encoding"), HEADER_CODING },
    { genai_string("x-amzn-bedrock-guardrailidentifier"),
      HEADER_GUARDRAIL_ID },
    { genai_string("x-amzn-bedrock-guardrailversion"),
      HEADER_GUARDRAIL_VERSION },
    { genai_string("x-amzn-bedrock-service-tier"), HEADER_SERVICE_TIER },
    { genai_string("x-amzn-bedrock-performanceconfig-latency"),
      HEADER_LATENCY_MODE },
    { genai_string("x-amzn-bedrock-request-metadata"), HEADER_METADATA },
    { genai_string("amz-sdk-invocation-id"), HEADER_INVOCATION_ID },
    { genai_string("amz-sdk-request"), HEADER_ATTEMPT },
    { genai_string("x-stainless-retry-count"), HEADER_RETRIES },
    { { NULL, 0 }, HEADER_NONE }
};


/* wire-formats 1.5; request-id: Anthropic, x-request-id: OpenAI (8) */

static const genai_header_t  genai_response_headers[] = {
    { genai_string("x-amzn-bedrock-input-token-count"),
      HEADER_INPUT_TOKENS },
    { genai_string("x-amzn-bedrock-output-token-count"),
      HEADER_OUTPUT_TOKENS },
    { genai_string("x-amzn-bedrock-cache-read-input-token-count"),
      HEADER_CACHE_READ_TOKENS },
    { genai_string("x-amzn-bedrock-cache-write-input-token-count"),
      HEADER_CACHE_WRITE_TOKENS },
    { genai_string("x-amzn-bedrock-invocation-latency"),
      HEADER_SERVER_LATENCY },
    { genai_string("x-amzn-bedrock-service-tier"), HEADER_SERVICE_TIER },
    { genai_string("x-amzn-bedrock-performanceconfig-latency"),
      HEADER_LATENCY_MODE },
    { genai_string("x-amzn-requestid"), HEADER_REQUEST_ID },
    { genai_string("request-id"), HEADER_REQUEST_ID },
    { genai_string("x-request-id"), HEADER_REQUEST_ID },
    { genai_string("apim-request-id"), HEADER_REQUEST_ID },
    { genai_string("openai-processing-ms"), HEADER_SERVER_LATENCY },
    { genai_string("x-amzn-errortype"), HEADER_ERROR_TYPE },
    { { NULL, 0 }, HEADER_NONE }
};


static unsigned genai_body_header_find(const genai_header_t *h,
    genai_str_t name);
static int64_t genai_body_number(genai_str_t s);
static void genai_body_attempt(genai_call_t *c, genai_str_t s);
static void genai_body_token_header(genai_call_t *c, int64_t *field,
    genai_str_t value);
static int genai_body_type_json(genai_str_t type);
static int genai_body_type_is(genai_str_t type, const char *z);
static void genai_body_request_plain(void *data, const char *buf,
    size_t len);
static void genai_body_request_coded(genai_body_t *b, const char *buf,
    size_t len);
static void genai_body_response_plain(void *data, const char *buf,
    size_t len);
static void genai_body_response_coded(genai_body_t *b, const char *buf,
    size_t len);
static void genai_body_give_back(genai_inflate_t **z);
static unsigned genai_body_framing(unsigned stream);
static unsigned genai_body_choose(genai_body_t *b, genai_str_t type);
static void genai_body_json_end(genai_body_t *b, int complete);
static void genai_body_cut(genai_body_t *b);
static void genai_body_status_error(genai_body_t *b);


void
genai_body_request_begin(genai_body_t *b, const genai_apis_t *apis,
    genai_call_t *call)
{
    const genai_json_program_t  *program;

    /* the parsers' states, before it, are set up where they begin */

    memset(&b->memory, 0, sizeof(genai_body_t)
                          - offsetof(genai_body_t, memory));

    b->call = call;
    b->apis = apis;
    b->origin = GENAI_ORIGIN_UPSTREAM;
    b->ttl_tokens = -1;

    if (call->api_op == NULL) {
        return;
    }

    program = genai_apis_program(apis, call->api_op->request);

    if (program) {
        genai_json_init(&b->u.request, program, genai_body_emit, b);
        b->request_on = 1;
    }
}


void
genai_body_memory(genai_body_t *b, const genai_memory_t *m)
{
    b->memory = m;
}


void
genai_body_extract(genai_body_t *b, struct genai_extract_s *x)
{
    b->extract = x;
}


void
genai_body_capture(genai_body_t *b, struct genai_capture_s *x)
{
    b->capture = x;
}


void
genai_body_free(genai_body_t *b)
{
    genai_body_give_back(&b->request_z);
    genai_body_give_back(&b->response_z);
}


static void
genai_body_give_back(genai_inflate_t **z)
{
    if (*z) {
        genai_inflate_free(*z);
        *z = NULL;
    }
}


void
genai_body_request_header(genai_body_t *b, genai_str_t name,
    genai_str_t value)
{
    int64_t        n;
    genai_call_t  *c;

    c = b->call;

    switch (genai_body_header_find(genai_request_headers, name)) {

    case HEADER_GUARDRAIL_ID:
        c->guardrail_id = value;
        break;

    case HEADER_GUARDRAIL_VERSION:
        c->guardrail_version = value;
        break;

    case HEADER_SERVICE_TIER:
        c->service_tier = value;
        c->tier_dear |= !genai_tier_is_standard(value);
        break;

    case HEADER_LATENCY_MODE:
        c->latency_mode = value;
        c->tier_dear |= !genai_tier_is_standard(value);
        break;

    case HEADER_METADATA:
        genai_body_keep(c, &c->request_metadata, value, 192);
        break;

    case HEADER_INVOCATION_ID:
        c->invocation_id = value;
        break;

    case HEADER_ATTEMPT:
        genai_body_attempt(c, value);
        break;

    case HEADER_RETRIES:
        n = genai_body_number(value);
        c->attempt = (n < 0 || n >= UINT8_MAX) ? 0 : (uint8_t) (n + 1);
        break;

    case HEADER_CODING:
        c->request_coding = (uint8_t) genai_coding(value);
        break;

    default:
        break;
    }
}


void
genai_body_request_feed(genai_body_t *b, const char *buf, size_t len)
{
    if (!b->request_on || len == 0) {
        return;
    }

    if (b->call->request_coding != GENAI_CODING_NONE) {
        genai_body_request_coded(b, buf, len);
        return;
    }

    genai_body_request_plain(b, buf, len);
}


/* what cannot be decoded is a request that nothing is known of */

static void
genai_body_request_coded(genai_body_t *b, const char *buf, size_t len)
{
    int            rc;
    genai_call_t  *c;

    c = b->call;

    if (b->request_z == NULL && b->memory
        && c->request_coding != GENAI_CODING_OTHER)
    {
        b->request_z = genai_inflate_create(c->request_coding, b->memory,
                                            genai_body_request_plain, b);
    }

    rc = b->request_z ? genai_inflate_feed(b->request_z, buf, len)
                      : GENAI_DECLINED;

    if (rc == GENAI_OK) {
        return;
    }

    b->request_on = 0;
    genai_body_give_back(&b->request_z);

    if (rc == GENAI_DECLINED && c->skip == GENAI_SKIP_NONE) {
        c->skip = GENAI_SKIP_ENCODED;
    }
}


static void
genai_body_request_plain(void *data, const char *buf, size_t len)
{
    genai_body_t  *b;

    b = data;
    b->call->request_decoded += len;

    if (b->request_on
        && genai_json_feed(&b->u.request, buf, len) == GENAI_ERROR)
    {
        b->request_on = 0;
    }
}


void
genai_body_request_end(genai_body_t *b, int complete)
{
    int  rc;

    if (b->request_on) {
        b->request_on = 0;
        rc = genai_json_finish(&b->u.request);
        b->call->request_whole = (complete && rc == GENAI_DONE);
    }

    genai_body_give_back(&b->request_z);
}


void
genai_body_response_origin(genai_body_t *b, unsigned origin)
{
    b->origin = (uint8_t) origin;
}


int
genai_body_response_begin(genai_body_t *b, unsigned status,
    genai_str_t content_type, genai_str_t content_encoding)
{
    unsigned       mode, coding;
    genai_call_t  *c;

    c = b->call;

    b->status = (uint16_t) status;
    c->status = (uint16_t) status;

    if (c->api_op == NULL || genai_str_is(c->method, "HEAD")
        || status < 200 || status == 204 || (status >= 300 && status < 400))
    {
        return GENAI_DECLINED;
    }

    coding = genai_coding(content_encoding);

    if (coding == GENAI_CODING_OTHER
        || (coding != GENAI_CODING_NONE && b->memory == NULL))
    {
        c->skip = GENAI_SKIP_ENCODED;
        return GENAI_DECLINED;
    }

    mode = genai_body_choose(b, content_type);

    if (mode == GENAI_BODY_NONE) {

        if (status < 300 && c->api_op->response) {
            c->skip = GENAI_SKIP_CONTENT_TYPE;
            c->bad_body = 1;
            genai_call_error(c, genai_strz("unexpected_content_type"),
                             b->origin);
        }

        return GENAI_DECLINED;
    }

    if (coding != GENAI_CODING_NONE) {
        genai_body_give_back(&b->response_z);
        b->response_z = genai_inflate_create(coding, b->memory,
                                             genai_body_response_plain, b);
        if (b->response_z == NULL) {
            c->skip = GENAI_SKIP_ENCODED;
            return GENAI_DECLINED;
        }
    }

    b->mode = (uint8_t) mode;
    genai_body_stream_begin(b);

    return GENAI_OK;
}


static unsigned
genai_body_framing(unsigned stream)
{
    switch (stream) {

    case GENAI_STREAM_EVENTS:
        return GENAI_BODY_EVENTS;

    case GENAI_STREAM_CHUNKS:
        return GENAI_BODY_CHUNKS;

    case GENAI_STREAM_LINES:
        return GENAI_BODY_LINES;

    default:
        return GENAI_BODY_SSE;
    }
}


/* JSON, a stream or an error's JSON; sets up the parser of JSON */

static unsigned
genai_body_choose(genai_body_t *b, genai_str_t type)
{
    const genai_rows_t          *rows;
    const genai_api_op_t        *op;
    const genai_json_program_t  *program;

    op = b->call->api_op;

    if (b->status >= 300) {
        rows = &genai_rows_error;

    } else {

        if (op->stream != GENAI_STREAM_NONE) {

            if (genai_body_type_is(type, "application/vnd.amazon.eventstream")
                || (type.len == 0 && b->call->stream))
            {
                return genai_body_framing(op->stream);
            }

            if (genai_body_type_is(type, "text/event-stream")) {
                return GENAI_BODY_SSE;
            }

            if (genai_body_type_is(type, "application/x-ndjson")) {
                return GENAI_BODY_LINES;
            }
        }

        rows = op->response;
    }

    program = genai_apis_program(b->apis, rows);

    if (program == NULL || !genai_body_type_json(type)) {
        return GENAI_BODY_NONE;
    }

    genai_json_init(&b->json, program, genai_body_emit, b);

    return b->status >= 300 ? GENAI_BODY_ERROR : GENAI_BODY_JSON;
}


/* also application/problem+json, application/x-amz-json-1.1, or none said */

static int
genai_body_type_json(genai_str_t type)
{
    size_t  i;

    if (type.len == 0 || genai_body_type_is(type, "application/json")
        || genai_body_type_is(type, "text/json"))
    {
        return 1;
    }

    for (i = 0; i + 5 <= type.len; i++) {
        if (strncasecmp(type.data + i, "+json", 5) == 0
            || strncasecmp(type.data + i, "-json", 5) == 0)
        {
            return 1;
        }
    }

    return 0;
}


/* a media type without its parameters */

static int
genai_body_type_is(genai_str_t type, const char *z)
{
    size_t  n;

    n = strlen(z);

    return type.len >= n && strncasecmp(type.data, z, n) == 0
           && (type.len == n || type.data[n] == ';' || type.data[n] == ' ');
}


void
genai_body_response_header(genai_body_t *b, genai_str_t name,
    genai_str_t value)
{
    genai_call_t   *c;
    genai_usage_t  *u;

    c = b->call;
    u = &c->usage[GENAI_USAGE_HEADER];

    switch (genai_body_header_find(genai_response_headers, name)) {

    case HEADER_INPUT_TOKENS:
        genai_body_token_header(c, &u->input, value);
        break;

    case HEADER_OUTPUT_TOKENS:
        genai_body_token_header(c, &u->output, value);
        break;

    case HEADER_CACHE_READ_TOKENS:
        genai_body_token_header(c, &u->cache_read, value);
        break;

    case HEADER_CACHE_WRITE_TOKENS:
        genai_body_token_header(c, &u->cache_write, value);
        break;

    case HEADER_SERVER_LATENCY:
        if (c->server_latency_ms < 0) {
            c->server_latency_ms = genai_body_number(value);
        }

        break;

    case HEADER_SERVICE_TIER:
        c->service_tier = value;
        break;

    case HEADER_LATENCY_MODE:
        c->latency_mode = value;
        break;

    case HEADER_REQUEST_ID:
        if (c->request_id.len == 0) {
            c->request_id = value;
        }

        break;

    case HEADER_ERROR_TYPE:
        genai_body_error_type(b, value, GENAI_BODY_RANK_HEADER);
        break;

    default:
        break;
    }
}


static unsigned
genai_body_header_find(const genai_header_t *h, genai_str_t name)
{
    for ( ; h->id != HEADER_NONE; h++) {
        if (h->name.len == name.len
            && strncasecmp(h->name.data, name.data, name.len) == 0)
        {
            break;
        }
    }

    return h->id;
}


/* digits, then anything that is no digit; -1 when there are none */

static int64_t
genai_body_number(genai_str_t s)
{
    size_t   i;
    int64_t  v;

    v = 0;

    for (i = 0; i < s.len && s.data[i] >= '0' && s.data[i] <= '9'; i++) {
        if (v > GENAI_USAGE_MAX) {
            return -1;
        }

        v = v * 10 + (s.data[i] - '0');
    }

    return (i == 0) ? -1 : v;
}


static void
genai_body_token_header(genai_call_t *c, int64_t *field, genai_str_t value)
{
    genai_usage_last(field, genai_body_number(value));

    if (*field >= 0) {
        c->usage[GENAI_USAGE_HEADER].seen = 1;
    }
}


/* "attempt=2; max=3" */

static void
genai_body_attempt(genai_call_t *c, genai_str_t s)
{
    size_t   i;
    int64_t  n;

    for (i = 0; i + 8 < s.len; i++) {

        if (strncasecmp(s.data + i, "attempt=", 8) == 0) {
            n = genai_body_number(genai_str(s.data + i + 8, s.len - i - 8));
            c->attempt = (n < 0 || n > UINT8_MAX) ? 0 : (uint8_t) n;
            return;
        }
    }
}


void
genai_body_response_feed(genai_body_t *b, const char *buf, size_t len,
    uint64_t now_ns)
{
    genai_call_t  *c;

    c = b->call;

    if (len == 0 || b->response_past) {
        return;
    }

    if (c->upstream_first_ns == 0) {
        c->upstream_first_ns = now_ns;
    }

    b->now_ns = now_ns;

    if (b->response_z) {
        genai_body_response_coded(b, buf, len);
        return;
    }

    genai_body_response_plain(b, buf, len);
}


/* past the bound nothing is read, and nothing is said of what would come */

static __attribute__((noinline)) void
genai_body_response_coded(genai_body_t *b, const char *buf, size_t len)
{
    int            rc;
    genai_call_t  *c;

    c = b->call;
    rc = genai_inflate_feed(b->response_z, buf, len);

    if (rc == GENAI_OK) {
        return;
    }

    genai_body_give_back(&b->response_z);

    if (rc == GENAI_DECLINED) {
        c->skip = GENAI_SKIP_ENCODED;

    } else {
        c->bad_body = 1;
        genai_call_error(c, genai_strz("malformed_body"), b->origin);
    }

    b->mode = GENAI_BODY_NONE;
}


static void
genai_body_response_plain(void *data, const char *buf, size_t len)
{
    genai_body_t  *b;

    b = data;
    b->seen = 1;

    if (b->broken) {
        return;
    }

    if (b->mode >= GENAI_BODY_EVENTS) {
        genai_body_stream_feed(b, buf, len);
        return;
    }

    if (b->mode != GENAI_BODY_NONE) {
        if (genai_json_feed(&b->json, buf, len) == GENAI_ERROR) {
            b->broken = 1;
        }
    }
}


void
genai_body_response_end(genai_body_t *b, int complete, uint64_t now_ns)
{
    genai_call_t  *c;

    c = b->call;

    if (b->response_past) {
        return;
    }

    genai_body_request_end(b, 0);
    genai_body_give_back(&b->response_z);

    b->response_past = 1;
    b->now_ns = now_ns;

    if (c->end_ns == 0) {
        c->end_ns = now_ns;
    }

    switch (b->mode) {

    case GENAI_BODY_NONE:
        if (!complete && b->status == 0) {
            genai_body_cut(b);
        }

        break;

    case GENAI_BODY_JSON:
    case GENAI_BODY_ERROR:
        genai_body_json_end(b, complete);
        break;

    default:
        if (genai_body_stream_end(b, complete) != GENAI_OK) {
            genai_body_cut(b);
        }

        break;
    }

    /* a request for a chat may have "documents" too */

    if (c->operation != GENAI_OP_RERANK) {
        c->search_units = -1;
    }

    if (b->status >= 400) {
        genai_body_status_error(b);
    }
}


static void
genai_body_json_end(genai_body_t *b, int complete)
{
    int            rc;
    genai_call_t  *c;

    c = b->call;
    rc = b->broken ? GENAI_ERROR : genai_json_finish(&b->json);

    if (b->failed && b->mode == GENAI_BODY_JSON) {
        genai_body_event_error(b);
    }

    if (rc == GENAI_DONE || b->mode == GENAI_BODY_ERROR) {
        return;
    }

    if (!complete && !b->broken) {
        genai_body_cut(b);
        return;
    }

    c->bad_body = 1;
    genai_call_error(c, genai_strz(b->seen ? "malformed_body" : "empty_body"),
                     b->origin);
}


/* the answer ended early: who cut it */

static void
genai_body_cut(genai_body_t *b)
{
    genai_call_t  *c;

    c = b->call;

    if (c->aborted) {
        genai_call_error(c, genai_strz("client_closed_request"),
                         GENAI_ORIGIN_CLIENT);

    } else {
        c->truncated = 1;
        genai_call_error(c, genai_strz("truncated_response"), b->origin);
    }

    if (c->finish == GENAI_FINISH_NONE) {
        c->finish = GENAI_FINISH_ERROR;
    }
}


/* the name that was found for it or, failing that, the status itself (5.2,
 * telemetry 1.2) */

static void
genai_body_status_error(genai_body_t *b)
{
    char           digits[3];
    genai_str_t    type;
    genai_call_t  *c;

    c = b->call;
    type = b->error_type;

    if (type.len == 0) {
        digits[0] = (char) ('0' + b->status / 100 % 10);
        digits[1] = (char) ('0' + b->status / 10 % 10);
        digits[2] = (char) ('0' + b->status % 10);

        type = genai_call_keep(c, genai_str(digits, 3), 0);
    }

    genai_call_error(c, type, b->origin);

    if (c->error_message.len == 0) {
        c->error_message = b->error_message;
    }
}
