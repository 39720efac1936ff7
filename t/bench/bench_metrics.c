/*
 * What the registry costs: nanoseconds per genai_metrics_count() for one hot
 * label set, for calls spread over many, with operator's labels, and per
 * genai_metrics_observe().  The best of several rounds; prints one line each.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "../../src/lib/genai_metrics.h"


#define SIZE    (12 << 20)
#define CALLS   200000
#define ROUNDS  7
#define SETS    1000


static char          arena[GENAI_CALL_ARENA];
static char          names[SETS][40];
static genai_call_t  call;
static genai_attr_t  attrs[2];

typedef void (*op_pt)(genai_metrics_t *m, const genai_call_t *c);


static double
now(void)
{
    struct timespec  t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);

    return t.tv_sec * 1e9 + t.tv_nsec;
}


static void
setup(void)
{
    genai_call_t  *c = &call;

    genai_call_init(c, arena, sizeof(arena));

    c->api = GENAI_API_BEDROCK;
    c->operation = GENAI_OP_CHAT;
    c->step = GENAI_STEP_GENERATION;
    c->provider = genai_strz("aws.bedrock");
    c->model = genai_strz("us.anthropic.claude-sonnet-4-5-20250929-v1:0");
    c->location = genai_strz("bedrock");
    c->status = 200;
    c->sampled = 1;
    c->streamed = 1;
    c->start_unix_ns = 1763870000000000000ULL;
    c->start_ns = 1;
    c->first_event_ns = 200000000;
    c->first_token_ns = 300000000;
    c->last_event_ns = 1400000000;
    c->end_ns = 1500000000;
    c->max_gap_ns = 80000000;
    c->input_tokens = 1200;
    c->output_tokens = 340;
    c->cache_read_tokens = 1000;
    c->usage_source = GENAI_SOURCE_BODY;
    c->priced = 1;
    c->cost_pico = 8700000000LL;
    c->stop_reason = genai_strz("end_turn");
}


static void
run(const char *what, op_pt op, unsigned sets)
{
    int               r, i;
    void             *mem;
    double            t, best;
    genai_metrics_t  *m;

    mem = mmap(NULL, SIZE, PROT_READ | PROT_WRITE,
               MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    m = genai_metrics_init(mem, SIZE, 1);
    best = 1e18;

    for (r = 0; r < ROUNDS; r++) {
        t = now();

        for (i = 0; i < CALLS; i++) {
            if (sets > 1) {
                call.location = genai_strz(names[(i * 7919U) % sets]);
            }

            op(m, &call);
        }

        t = (now() - t) / CALLS;
        best = t < best ? t : best;
    }

    printf("%-44s %7.0f ns\n", what, best);
    munmap(mem, SIZE);
}


/* two workers on one label set: its lines go to and fro between two cores */

static void
contend(void)
{
    int               i, p, pipes[2];
    void             *mem;
    double            t, sum;
    genai_metrics_t  *m;

    mem = mmap(NULL, SIZE, PROT_READ | PROT_WRITE,
               MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    m = genai_metrics_init(mem, SIZE, 1);

    if (pipe(pipes) != 0) {
        return;
    }

    fflush(stdout);

    for (p = 0; p < 2; p++) {
        if (fork() == 0) {
            t = now();

            for (i = 0; i < ROUNDS * CALLS; i++) {
                genai_metrics_count(m, &call);
            }

            t = (now() - t) / (ROUNDS * CALLS);
            _exit(write(pipes[1], &t, sizeof(t)) != sizeof(t));
        }
    }

    sum = 0;

    for (p = 0; p < 2; p++) {
        if (read(pipes[0], &t, sizeof(t)) == sizeof(t)) {
            sum += t;
        }

        wait(NULL);
    }

    printf("%-44s %7.0f ns\n", "count, one label set, 2 processes at once",
           sum / 2);
    munmap(mem, SIZE);
}


static int
discard(void *data, const char *buf, size_t len)
{
    (void) buf;
    *(size_t *) data += len;

    return GENAI_OK;
}


static void
render(unsigned sets)
{
    void                 *mem;
    double                t;
    size_t                len;
    unsigned              i;
    genai_metrics_t      *m;
    genai_metrics_view_t  view = { GENAI_METRICS_ALL, NULL, 0 };

    mem = mmap(NULL, SIZE, PROT_READ | PROT_WRITE,
               MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    m = genai_metrics_init(mem, SIZE, 1);

    for (i = 0; i < sets; i++) {
        call.location = genai_strz(names[i]);
        genai_metrics_count(m, &call);
        genai_metrics_observe(m, &call);
    }

    len = 0;
    t = now();
    genai_metrics_text(m, &view, GENAI_TEXT_OPENMETRICS, discard, &len);
    t = now() - t;

    printf("render %4u label sets %34.2f ms  %.2f MB\n", sets, t / 1e6,
           len / 1e6);
    munmap(mem, SIZE);
}


int
main(void)
{
    unsigned  i;

    for (i = 0; i < SETS; i++) {
        snprintf(names[i], sizeof(names[i]), "location-%u", i);
    }

    setup();
    run("count, one label set", genai_metrics_count, 1);
    run("count, 1000 label sets", genai_metrics_count, SETS);
    setup();
    run("observe, one label set", genai_metrics_observe, 1);
    run("observe, 1000 label sets", genai_metrics_observe, SETS);

    setup();
    attrs[0].key = genai_strz("tenant");
    attrs[0].value = genai_strz("acme-europe");
    attrs[0].label = 1;
    attrs[1].key = genai_strz("team");
    attrs[1].value = genai_strz("search");
    attrs[1].label = 1;
    call.attrs = attrs;
    call.nattrs = 2;
    call.ntools = 2;
    call.tools[0] = genai_strz("get_weather");
    call.tools[1] = genai_strz("search_documents");
    run("count, 2 labels and 2 tools", genai_metrics_count, 1);

    setup();
    contend();
    render(10);
    render(SETS);

    return 0;
}
