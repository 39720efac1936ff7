/*
 * The body parser by itself: sizes, clocks, origins of errors, what is asked
 * for and what is not, order of calls, limits.  What comes out of which body
 * is in test_corpus.c.
 */

#define _GNU_SOURCE

#include <math.h>
#include "test.h"
#include "genai_body.h"
#include "genai_usage.h"


_Static_assert(sizeof(genai_body_t) <= GENAI_BODY_SIZE, "state per request");
_Static_assert(sizeof(genai_body_t) + sizeof(genai_call_t)
               + GENAI_CALL_ARENA <= 4096, "a call's memory");


#define MS  1000000ULL


typedef struct {
    genai_call_t  call;
    genai_body_t  body;
    char          arena[GENAI_CALL_ARENA];
} run_t;


static genai_apis_t  *apis;
static run_t          run;
static char           stream[65536];
static size_t         stream_len;


static void *
take(void *data, size_t size)
{
    void  *p;

    (void) data;

    return posix_memalign(&p, 16, size ? size : 16) == 0 ? p : NULL;
}


static void
begin(const char *op)
{
    char  uri[128];

    memset(&run, 0x5a, sizeof(run));
    genai_call_init(&run.call, run.arena, sizeof(run.arena));
    run.call.start_ns = 1000 * MS;

    snprintf(uri, sizeof(uri), "/model/x/%s", op);
    genai_api_detect(apis, GENAI_API_BEDROCK, &run.call, genai_strz("POST"),
                     genai_strz(strdup(uri)), genai_strz(""));

    genai_body_request_begin(&run.body, apis, &run.call);
}


static int
answer(unsigned status, const char *type)
{
    return genai_body_response_begin(&run.body, status, genai_strz(type),
                                     genai_strz(""));
}


static void
feed(const char *text, uint64_t ms)
{
    genai_body_response_feed(&run.body, text, strlen(text), ms * MS);
}


static void
put32(char *p, uint32_t v)
{
    p[0] = (char) (v >> 24);
    p[1] = (char) (v >> 16);
    p[2] = (char) (v >> 8);
    p[3] = (char) v;
}


static uint32_t
crc(const char *p, size_t n)
{
    uint32_t  c;
    int       k;

    for (c = 0xffffffff; n; n--) {
        c ^= (unsigned char) *p++;
        for (k = 0; k < 8; k++) {
            c = c >> 1 ^ (c & 1 ? 0xedb88320 : 0);
        }
    }

    return ~c;
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


/* one frame, fed at once */

static void
event(const char *type, const char *payload, uint64_t ms)
{
    size_t  n;

    n = 12;
    n += header(stream + n, ":event-type", type);
    n += header(stream + n, ":message-type", "event");
    put32(stream + 4, (uint32_t) n - 12);
    memcpy(stream + n, payload, strlen(payload));
    n += strlen(payload);
    put32(stream, (uint32_t) n + 4);
    put32(stream + 8, crc(stream, 8));
    put32(stream + n, crc(stream, n));
    stream_len = n + 4;

    genai_body_response_feed(&run.body, stream, stream_len, ms * MS);
}


#define EVENTSTREAM  "application/vnd.amazon.eventstream"
#define DELTA(t)     "{\"contentBlockIndex\":0,\"delta\":" t "}"


static void
test_clocks(void)
{
    genai_call_t  *c = &run.call;

    begin("converse-stream");
    is_int(answer(200, EVENTSTREAM), GENAI_OK, "a stream is wanted");
    is_int(c->streamed, 1, "and known as one");

    event("messageStart", "{\"role\":\"assistant\"}", 1100);
    is_int((long long) (c->upstream_first_ns / MS), 1100, "first byte");
    is_int((long long) (c->first_event_ns / MS), 1100, "first event");
    is_int((long long) c->first_token_ns, 0, "messageStart is no token");

    event("contentBlockDelta", DELTA("{\"text\":\"\"}"), 1150);
    is_int((long long) c->first_token_ns, 0, "nor is empty text");

    event("contentBlockDelta",
          DELTA("{\"reasoningContent\":{\"text\":\"hm\"}}"), 1200);
    is_int((long long) (c->first_reasoning_ns / MS), 1200,
           "first reasoning token");
    is_int((long long) c->first_token_ns, 0, "reasoning is not visible");

    event("contentBlockDelta",
          DELTA("{\"reasoningContent\":{\"text\":\"so\"}}"), 1250);
    event("contentBlockStart", "{\"start\":{\"toolUse\":{\"name\":\"f\"}}}",
          1300);
    is_int((long long) c->first_token_ns, 0, "a tool's name is not yet");

    event("contentBlockDelta", DELTA("{\"toolUse\":{\"input\":\"{\"}}"),
          1400);
    is_int((long long) (c->first_token_ns / MS), 1400,
           "its input is the first visible token");
    is_int((long long) (c->first_reasoning_ns / MS), 1200,
           "first reasoning stays");

    event("contentBlockDelta", DELTA("{\"text\":\"x\"}"), 2400);
    event("messageStop", "{\"stopReason\":\"end_turn\"}", 2450);
    event("metadata", "{\"usage\":{\"inputTokens\":1,\"outputTokens\":11}}",
          2500);
    genai_body_response_end(&run.body, 1, 2600 * MS);
    genai_usage_settle(c);

    is_int((long long) (c->max_gap_ns / MS), 1000, "longest gap");
    is_int((long long) (c->last_event_ns / MS), 2500, "last event");
    is_int((long long) (c->end_ns / MS), 2600, "end");
    is_int(c->events, 9, "events");
    is_int(c->text_events, 2, "of them visible");
    is_int(c->error, 0, "no error");
    ok(fabs(genai_call_ttft(c) - 0.4) < 1e-9, "time to first token");
    ok(fabs(genai_call_tpot(c) - 0.11) < 1e-9, "time per output token");

    /* an event counts when it is complete */

    begin("converse-stream");
    (void) answer(200, EVENTSTREAM);
    event("messageStart", "{}", 1100);
    genai_body_response_end(&run.body, 0, 1101 * MS);

    begin("converse-stream");
    (void) answer(200, EVENTSTREAM);
    genai_body_response_feed(&run.body, stream, stream_len - 1, 1200 * MS);
    is_int((long long) c->first_event_ns, 0, "a frame without its end");
    genai_body_response_feed(&run.body, stream + stream_len - 1, 1,
                             1700 * MS);
    is_int((long long) (c->first_event_ns / MS), 1700, "with its end");
    is_int((long long) (c->upstream_first_ns / MS), 1200,
           "the first byte was before");

    begin("converse");
    (void) answer(200, "application/json");
    feed("{\"stopReason\":\"end_turn\"}", 1300);
    genai_body_response_end(&run.body, 1, 1300 * MS);
    is_int((long long) c->first_token_ns, 0, "no stream, no first token");
    is_int((long long) (c->upstream_first_ns / MS), 1300,
           "but a first byte");
}


/* after the first token, deltas are measured by what surrounds their text */

static void
test_measure(void)
{
    genai_call_t  *c = &run.call;

    begin("converse-stream");
    (void) answer(200, EVENTSTREAM);
    event("contentBlockDelta", DELTA("{\"text\":\"abcd\"}"), 1100);
    is_int(c->output_chars, 4, "the first delta is read");

    event("contentBlockDelta", DELTA("{\"text\":\"efgh\"}"), 1100);
    is_int(c->output_chars, 8, "later ones are measured");

    event("contentBlockDelta",
          "{\"contentBlockIndex\":0,\"delta\":{\"text\":\"ij\"},"
          "\"p\":\"abcdefghijklmnopqrstuvwxyzABC\"}", 1100);
    is_int(c->output_chars, 10, "without padding");

    event("contentBlockDelta", DELTA("{\"text\":\"k\\\"}\"}"), 1100);
    is_int(c->output_chars, 14, "text that looks like it is none");

    event("contentBlockDelta", "{}", 1100);
    is_int(c->output_chars, 14, "a delta shorter than an empty one");
    is_int(c->text_events, 4, "shows nothing");

    event("contentBlockDelta", "{\"delta\":", 1100);
    is_int(c->bad_body, 0, "it is not looked into");

    c->aborted = 1;
    genai_body_response_end(&run.body, 0, 1200 * MS);
    genai_usage_settle(c);
    is_int(genai_usage_estimate(c), GENAI_OK, "there is an estimate");
    is_int(c->output_tokens, 4, "of the output");
    is_int(c->error_origin, GENAI_ORIGIN_CLIENT, "the client left");
    ok(genai_str_is(c->error_type, "client_closed_request"), "error type");
}


static void
test_wanted(void)
{
    static const struct {
        const char  *op;
        unsigned     status;
        const char  *type;
        const char  *coding;
        int          rc;
        unsigned     skip;
    } r[] = {
        { "converse", 200, "application/json", "", GENAI_OK, 0 },
        { "converse", 200, "Application/JSON; charset=utf-8", "", GENAI_OK,
          0 },
        { "converse", 200, "application/x-amz-json-1.1", "", GENAI_OK, 0 },
        { "converse", 200, "", "", GENAI_OK, 0 },
        { "converse", 200, "application/json", "identity", GENAI_OK, 0 },
        { "converse", 200, "application/json", "br", GENAI_DECLINED,
          GENAI_SKIP_ENCODED },
        { "converse", 200, "text/html", "", GENAI_DECLINED,
          GENAI_SKIP_CONTENT_TYPE },
        { "converse", 200, EVENTSTREAM, "", GENAI_DECLINED,
          GENAI_SKIP_CONTENT_TYPE },
        { "converse", 204, "", "", GENAI_DECLINED, 0 },
        { "converse", 304, "application/json", "", GENAI_DECLINED, 0 },
        { "converse", 400, "application/json", "", GENAI_OK, 0 },
        { "converse", 502, "text/html", "", GENAI_DECLINED, 0 },
        { "converse-stream", 200, EVENTSTREAM, "", GENAI_OK, 0 },
        { "converse-stream", 200, "", "", GENAI_OK, 0 },
        { "converse-stream", 200, "application/json", "", GENAI_OK, 0 },
        { "converse-stream", 200, "text/plain", "", GENAI_DECLINED,
          GENAI_SKIP_CONTENT_TYPE },
        { "converse-stream", 500, EVENTSTREAM, "", GENAI_DECLINED, 0 },
        { "invoke-with-response-stream", 200, "text/event-stream", "",
          GENAI_OK, 0 }
    };

    int     rc;
    size_t  i;

    for (i = 0; i < genai_nelts(r); i++) {
        begin(r[i].op);
        rc = genai_body_response_begin(&run.body, r[i].status,
                                       genai_strz(r[i].type),
                                       genai_strz(r[i].coding));

        ok(rc == r[i].rc && run.call.skip == r[i].skip,
           "%s answers %u \"%s\" \"%s\": %s", r[i].op, r[i].status,
           r[i].type, r[i].coding,
           r[i].rc == GENAI_OK ? "wanted" : "not wanted");
    }

    begin("converse");
    run.call.method = genai_strz("HEAD");
    is_int(answer(200, "application/json"), GENAI_DECLINED,
           "HEAD has no body");
    genai_body_response_end(&run.body, 1, 5);
    is_int(run.call.error, 0, "and that is no error");
}


static void
test_origins(void)
{
    genai_call_t  *c = &run.call;

    begin("converse");
    genai_body_response_origin(&run.body, GENAI_ORIGIN_GATEWAY);
    (void) answer(502, "text/html");
    genai_body_response_end(&run.body, 1, 5);
    ok(c->error && c->error_origin == GENAI_ORIGIN_GATEWAY
       && genai_str_is(c->error_type, "502"), "an answer made by nginx");

    begin("converse");
    genai_body_response_header(&run.body, genai_strz("X-Amzn-ErrorType"),
                               genai_strz("a#ThrottlingException:http://x"));
    (void) answer(429, "application/json");
    feed("{\"message\":\"slow\",\"code\":\"Other\"}", 5);
    genai_body_response_end(&run.body, 1, 5);
    ok(c->error_origin == GENAI_ORIGIN_UPSTREAM
       && genai_str_is(c->error_type, "ThrottlingException")
       && genai_str_is(c->error_message, "slow"),
       "headers before the status line's are kept");

    begin("converse");
    genai_body_response_header(&run.body, genai_strz("x-amzn-errortype"),
                               genai_strz("Nothing"));
    (void) answer(200, "application/json");
    feed("{}", 5);
    genai_body_response_end(&run.body, 1, 5);
    is_int(c->error, 0, "an error's name with status 200 is no error");

    begin("converse");
    c->aborted = 1;
    genai_body_response_end(&run.body, 0, 5);
    ok(c->error_origin == GENAI_ORIGIN_CLIENT && c->error,
       "the client left before an answer");
    genai_body_response_end(&run.body, 1, 99);
    is_int((long long) c->end_ns, 5, "the end is told once");

    begin("converse");
    (void) answer(200, "application/json");
    feed("{\"usage\":{\"inputTokens\":3,", 5);
    genai_body_response_end(&run.body, 0, 5);
    ok(c->truncated && c->error_origin == GENAI_ORIGIN_UPSTREAM,
       "the upstream broke off");
    is_int(c->usage[GENAI_USAGE_BODY].input, 3, "what came is kept");
}


static void
test_headers(void)
{
    genai_call_t   *c = &run.call;
    genai_usage_t  *u = &c->usage[GENAI_USAGE_HEADER];

    begin("invoke");
    genai_body_request_header(&run.body,
                              genai_strz("X-Amzn-Bedrock-Service-Tier"),
                              genai_strz("flex"));
    genai_body_request_header(&run.body, genai_strz("amz-sdk-request"),
                              genai_strz("ttl=20; attempt=3; max=5"));
    is_int(c->attempt, 3, "attempt");
    genai_body_request_header(&run.body, genai_strz("amz-sdk-request"),
                              genai_strz("attempt=99999"));
    is_int(c->attempt, 0, "an absurd attempt");
    genai_body_request_header(&run.body, genai_strz("amz-sdk-request"),
                              genai_strz("attempt="));
    is_int(c->attempt, 0, "no attempt");

    (void) answer(200, "application/json");
    genai_body_response_header(&run.body,
                     genai_strz("X-AMZN-BEDROCK-INPUT-TOKEN-COUNT"),
                     genai_strz("17"));
    genai_body_response_header(&run.body,
                     genai_strz("x-amzn-bedrock-output-token-count"),
                     genai_strz("many"));
    genai_body_response_header(&run.body,
                     genai_strz("x-amzn-bedrock-cache-read-input-token-count"),
                     genai_strz("99999999999999999999999"));
    genai_body_response_header(&run.body,
                     genai_strz("x-amzn-bedrock-service-tier"),
                     genai_strz("default"));

    ok(u->seen && u->input == 17, "tokens in a header, any case");
    is_int(u->output, -1, "words are no number");
    is_int(u->cache_read, -1, "nor is what does not fit");
    ok(genai_str_is(c->service_tier, "default"),
       "the tier that was used goes first");
}


/* the arena is bounded, and the reason of the end has its place in it */

static void
test_limits(void)
{
    int            i;
    char           text[4096], *p;
    genai_call_t  *c = &run.call;

    begin("converse");
    p = text + sprintf(text, "{\"inferenceConfig\":{\"stopSequences\":[");

    for (i = 0; i < 60; i++) {
        p += sprintf(p, "%s\"stop sequence number %d\"", i ? "," : "", i);
    }

    p += sprintf(p, "]}}");
    genai_body_request_feed(&run.body, text, (size_t) (p - text));
    genai_body_request_end(&run.body, 1);
    ok(c->stop_sequences.len > 100 && c->stop_sequences.len <= 128,
       "many stop sequences are cut");

    (void) answer(200, "application/json");
    feed("{\"output\":{\"message\":{\"content\":[", 5);

    for (i = 0; i < 40; i++) {
        sprintf(text, "{\"toolUse\":{\"name\":\"%060d\"}},", i);
        feed(text, 5);
    }

    feed("{}]}},\"stopReason\":\"tool_use\"}", 5);
    genai_body_response_end(&run.body, 1, 5);

    is_int(c->ntools, GENAI_CALL_TOOLS, "tool names are bounded");
    ok(c->arena_used <= c->arena_size, "so is the arena");
    ok(genai_str_is(c->stop_reason, "tool_use"), "the stop reason is there");

    begin("converse");
    c->arena_size = 0;
    (void) answer(400, "application/json");
    feed("{\"message\":\"x\",\"code\":\"y\"}", 5);
    genai_body_response_end(&run.body, 1, 5);
    is_int(c->error, 1, "an error without room for its name");

    /* a call of no known operation: every function is harmless */

    genai_call_init(c, run.arena, sizeof(run.arena));
    genai_body_request_begin(&run.body, apis, c);
    genai_body_request_feed(&run.body, "{", 1);
    genai_body_request_end(&run.body, 1);
    is_int(answer(200, "application/json"), GENAI_DECLINED,
           "an unknown operation is not read");
    feed("{", 5);
    genai_body_response_end(&run.body, 1, 5);
    is_int(c->bad_body, 0, "and not judged");
}


/* the answer may begin, and end, before the request is all sent */

static void
test_overlap(void)
{
    genai_call_t  *c = &run.call;
    const char    *req = "{\"max_tokens\":5,\"messages\":[1,2";

    begin("invoke-with-response-stream");
    genai_body_request_feed(&run.body, req, strlen(req));
    (void) answer(200, EVENTSTREAM);
    genai_body_request_feed(&run.body, ",3]}", 4);
    event("chunk", "{\"bytes\":\"eyJjb21wbGV0aW9uIjoiYSJ9\"}", 5);
    genai_body_request_end(&run.body, 1);

    is_int(c->max_tokens, 5, "what came before is kept");
    is_int(c->messages, 2, "even an array that is still open");
    is_int(c->output_chars, 1, "and the answer is read");

    event("chunk", "{\"bytes\":\"W0RPTkVd\"}", 6);
    genai_body_response_end(&run.body, 1, 7);
    ok(!c->error && !c->truncated && !c->bad_body,
       "[DONE] is no JSON, but an end");
    is_int(c->operation, GENAI_OP_TEXT_COMPLETION,
           "a key of the answer tells the operation");
}


int
main(void)
{
    char  err[128];

    if (!ok(genai_apis_create(&apis, take, NULL, err, sizeof(err))
            == GENAI_OK, "tables compile"))
    {
        return done();
    }

    printf("# genai_body_t %zu bytes, genai_call_t %zu, arena %d\n",
           sizeof(genai_body_t), sizeof(genai_call_t), GENAI_CALL_ARENA);

    test_clocks();
    test_measure();
    test_wanted();
    test_origins();
    test_headers();
    test_limits();
    test_overlap();

    return done();
}
