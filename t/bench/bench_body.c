/*
 * What reading the bodies of one call costs, from detection to the settled
 * usage: JSON, and answers of 100 text deltas in the three kinds of streams,
 * at once and in pieces of 1 KB.  Best of several runs.
 *
 * Instructions: valgrind --tool=callgrind --instr-atstart=no bench_body
 * --once, then the totals: and desc: Trigger: lines of callgrind.out.*.
 */

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "genai_body.h"
#include "genai_usage.h"
#include "../unit/es_encode.h"

#if __has_include(<valgrind/callgrind.h>)
#include <valgrind/callgrind.h>
#else
#define CALLGRIND_START_INSTRUMENTATION  (void) 0
#define CALLGRIND_STOP_INSTRUMENTATION   (void) 0
#define CALLGRIND_ZERO_STATS             (void) 0
#define CALLGRIND_DUMP_STATS_AT(name)    (void) (name)
#endif


#define DELTAS  100


typedef struct {
    const char  *name;
    const char  *target;
    const char  *request;
    const char  *type;
    uint8_t      buf[65536];
    size_t       len;
    int64_t      output;
} wire_t;


static genai_apis_t  *apis;
static genai_call_t   call;
static genai_body_t   body;
static char           arena[GENAI_CALL_ARENA];


static const char  converse[] = "{\"messages\":[{\"role\":\"user\","
    "\"content\":[{\"text\":\"Why is the sky blue, and why is it red in the "
    "evening?\"}]}],\"system\":[{\"text\":\"Be brief.\"}],"
    "\"inferenceConfig\":{\"maxTokens\":512,\"temperature\":0.5}}";

static const char  claude[] = "{\"anthropic_version\":\"bedrock-2023-05-31\","
    "\"max_tokens\":512,\"messages\":[{\"role\":\"user\",\"content\":"
    "\"Why is the sky blue, and why is it red in the evening?\"}]}";

static const char  events[] = "application/vnd.amazon.eventstream";


static wire_t  wires[] = {
    { .name = "Converse",
      .target = "/model/amazon.nova-lite-v1%3A0/converse",
      .request = converse, .type = "application/json", .output = 160 },
    { .name = "ConverseStream",
      .target = "/model/amazon.nova-lite-v1%3A0/converse-stream",
      .request = converse, .type = events, .output = DELTAS },
    { .name = "InvokeModelWithResponseStream",
      .target = "/model/anthropic.claude-3-haiku-20240307-v1%3A0/"
                "invoke-with-response-stream",
      .request = claude, .type = events, .output = DELTAS },
    { .name = "Server-Sent Events",
      .target = "/model/anthropic.claude-3-haiku-20240307-v1%3A0/"
                "invoke-with-response-stream",
      .request = claude, .type = "text/event-stream", .output = DELTAS }
};


static void *
take(void *data, size_t size)
{
    (void) data;

    return aligned_alloc(16, (size + 15) & ~(size_t) 15);
}


static void
put(wire_t *w, const char *s)
{
    size_t  n = strlen(s);

    memcpy(w->buf + w->len, s, n);
    w->len += n;
}


/* as Bedrock does, with a padding of 1 to 40 bytes */

static void
frame(wire_t *w, const char *type, const char *payload, unsigned pad)
{
    int       n;
    char      doc[1024];
    es_enc_t  e;

    n = (int) strlen(payload) - 1;

    if (pad) {
        n = snprintf(doc, sizeof(doc), "%.*s,\"p\":\"%.*s\"}", n, payload,
                     (int) (pad % 40) + 1,
                     "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOP");
        payload = doc;
    }

    es_enc_init(&e, w->buf + w->len, sizeof(w->buf) - w->len);
    es_frame(&e, "event", type, payload);
    w->len += e.len;
}


static void
chunk(wire_t *w, const char *doc, unsigned pad)
{
    size_t          i, k, n, len;
    char            out[1024];
    uint32_t        v;

    static const char  set[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                               "abcdefghijklmnopqrstuvwxyz0123456789+/";

    n = (size_t) sprintf(out, "{\"bytes\":\"");
    len = strlen(doc);

    for (i = 0; i < len; i += 3) {
        v = 0;

        for (k = 0; k < 3; k++) {
            v = v << 8 | (i + k < len ? (uint8_t) doc[i + k] : 0);
        }

        for (k = 0; k < 4; k++) {
            out[n++] = i + k > len ? '=' : set[v >> (18 - 6 * k) & 63];
        }
    }

    strcpy(out + n, "\"}");

    frame(w, "chunk", out, pad);
}


static void
line(wire_t *w, const char *doc, unsigned pad)
{
    (void) pad;

    put(w, "event: message\ndata: ");
    put(w, doc);
    put(w, "\n\n");
}


static void
build_converse(wire_t *w)
{
    unsigned  i;
    char      doc[256];

    frame(w, "messageStart", "{\"role\":\"assistant\"}", 7);

    for (i = 0; i < DELTAS; i++) {
        sprintf(doc, "{\"contentBlockIndex\":0,\"delta\":{\"text\":"
                     "\" word%u\"}}", i % 17);
        frame(w, "contentBlockDelta", doc, i * 7 + 1);
    }

    frame(w, "contentBlockStop", "{\"contentBlockIndex\":0}", 3);
    frame(w, "messageStop", "{\"stopReason\":\"end_turn\"}", 9);
    frame(w, "metadata", "{\"metrics\":{\"latencyMs\":321},\"usage\":"
          "{\"inputTokens\":21,\"outputTokens\":100,\"totalTokens\":121}}", 5);
}


static void
build_claude(wire_t *w, void (*add)(wire_t *, const char *, unsigned))
{
    unsigned  i;
    char      doc[256];

    add(w, "{\"type\":\"message_start\",\"message\":{\"id\":\"msg_bdrk_01\","
           "\"type\":\"message\",\"role\":\"assistant\",\"model\":"
           "\"claude-3-haiku-20240307\",\"content\":[],\"stop_reason\":null,"
           "\"usage\":{\"input_tokens\":21,\"output_tokens\":1}}}", 4);
    add(w, "{\"type\":\"content_block_start\",\"index\":0,\"content_block\":"
           "{\"type\":\"text\",\"text\":\"\"}}", 11);

    for (i = 0; i < DELTAS; i++) {
        sprintf(doc, "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":"
                     "{\"type\":\"text_delta\",\"text\":\" word%u\"}}",
                i % 17);
        add(w, doc, i * 7 + 1);
    }

    add(w, "{\"type\":\"content_block_stop\",\"index\":0}", 3);
    add(w, "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":"
           "\"end_turn\",\"stop_sequence\":null},\"usage\":"
           "{\"output_tokens\":100}}", 6);
    add(w, "{\"type\":\"message_stop\",\"amazon-bedrock-invocationMetrics\":"
           "{\"inputTokenCount\":21,\"outputTokenCount\":100,"
           "\"invocationLatency\":812,\"firstByteLatency\":190}}", 2);
}


static void
build(void)
{
    int  i;

    put(&wires[0], "{\"metrics\":{\"latencyMs\":612},\"output\":{\"message\":"
                   "{\"content\":[{\"text\":\"");

    for (i = 0; i < 160; i++) {
        put(&wires[0], "word ");
    }

    put(&wires[0], "\"}],\"role\":\"assistant\"}},\"stopReason\":\"end_turn\","
                   "\"usage\":{\"inputTokens\":21,\"outputTokens\":160,"
                   "\"totalTokens\":181}}");

    build_converse(&wires[1]);
    build_claude(&wires[2], chunk);
    build_claude(&wires[3], line);
}


static void
head(const wire_t *w)
{
    genai_call_init(&call, arena, sizeof(arena));
    call.start_ns = 1;

    if (genai_api_detect(apis, GENAI_API_AUTO, &call, genai_strz("POST"),
                         genai_strz(w->target),
                         genai_strz("bedrock-runtime.us-east-1.amazonaws.com"))
        != GENAI_OK)
    {
        abort();
    }

    genai_body_request_begin(&body, apis, &call);
    genai_body_request_feed(&body, w->request, strlen(w->request));
    genai_body_request_end(&body, 1);

    if (genai_body_response_begin(&body, 200, genai_strz(w->type),
                                  genai_strz(""))
        != GENAI_OK)
    {
        abort();
    }
}


static void
feed(const wire_t *w, size_t piece)
{
    size_t  i, n;

    for (i = 0; i < w->len; i += n) {
        n = (w->len - i < piece) ? w->len - i : piece;
        genai_body_response_feed(&body, (const char *) w->buf + i, n,
                                 1000 + i);
    }
}


static void
tail(const wire_t *w)
{
    genai_body_response_end(&body, 1, 100000);
    genai_usage_settle(&call);

    if (call.error || call.usage[GENAI_USAGE_BODY].output != w->output) {
        fprintf(stderr, "%s: wrong\n", w->name);
        abort();
    }
}


static double
now_us(void)
{
    struct timespec  t;

    clock_gettime(CLOCK_MONOTONIC, &t);

    return (double) t.tv_sec * 1e6 + (double) t.tv_nsec / 1e3;
}


/* the whole call, and what of it is the response's bytes */

static void
best(const wire_t *w, size_t piece, double *all, double *fed)
{
    int     i, k;
    double  t0, t1, t2, sum[2];

    *all = *fed = 1e12;

    for (k = 0; k < 40; k++) {
        sum[0] = sum[1] = 0;

        for (i = 0; i < 200; i++) {
            t0 = now_us();
            head(w);
            t1 = now_us();
            feed(w, piece);
            t2 = now_us();
            tail(w);
            sum[0] += now_us() - t0;
            sum[1] += t2 - t1;
        }

        *all = (sum[0] / 200 < *all) ? sum[0] / 200 : *all;
        *fed = (sum[1] / 200 < *fed) ? sum[1] / 200 : *fed;
    }
}


static void
once(const wire_t *w, size_t piece)
{
    char  name[128];

    head(w);
    feed(w, piece);                           /* all is bound, all is warm */
    tail(w);

    snprintf(name, sizeof(name), "%s by %zu", w->name, piece);

    head(w);
    CALLGRIND_START_INSTRUMENTATION;
    CALLGRIND_ZERO_STATS;
    feed(w, piece);
    CALLGRIND_DUMP_STATS_AT(name);
    CALLGRIND_STOP_INSTRUMENTATION;
    tail(w);

    strcat(name, ", all of the call");

    CALLGRIND_START_INSTRUMENTATION;
    CALLGRIND_ZERO_STATS;
    head(w);
    feed(w, piece);
    tail(w);
    CALLGRIND_DUMP_STATS_AT(name);
    CALLGRIND_STOP_INSTRUMENTATION;
}


int
main(int argc, char **argv)
{
    char       err[128];
    double     all[2], fed[2];
    size_t     i;
    wire_t    *w;

    (void) argv;

    if (genai_apis_create(&apis, take, NULL, err, sizeof(err)) != GENAI_OK) {
        return 1;
    }

    build();

    if (argc == 1) {
        printf("one call, %d deltas in a stream, us %24s %16s\n", DELTAS,
               "at once", "pieces of 1 KB");
        printf("  %-32s %7s  %8s %8s %8s %8s\n", "", "bytes", "response",
               "all", "response", "all");
    }

    for (i = 0; i < genai_nelts(wires); i++) {
        w = &wires[i];

        if (argc > 1) {
            once(w, w->len);
            once(w, 1024);
            continue;
        }

        best(w, w->len, &all[0], &fed[0]);
        best(w, 1024, &all[1], &fed[1]);
        printf("  %-32s %7zu  %8.2f %8.2f %8.2f %8.2f\n", w->name, w->len,
               fed[0], all[0], fed[1], all[1]);
    }

    return 0;
}
