/*
 * The metrics registry: exact whatever dies, and bounded.
 */

#include <signal.h>
#include <unistd.h>
#include <sys/wait.h>

#include "metrics.h"


static void
test_counts(void)
{
    void             *mem, *copy;
    query_t           q;
    genai_call_t      c;
    genai_metrics_t  *m, *moved;

    mem = shared(1 << 20);
    memset(mem, 0xa5, 1 << 20);
    m = genai_metrics_init(mem, 1 << 20, T0);

    a_call(&c, "claude", "/");
    genai_metrics_count(m, &c);
    genai_metrics_count(m, &c);

    c.aborted = 1;
    c.sampled = 0;
    c.attempt = 2;
    c.disagreement = GENAI_DISAGREE_BODY_FRAME | GENAI_DISAGREE_FRAME_HEADER;
    genai_metrics_count(m, &c);

    a_call(&c, "claude", "/");
    c.status = 429;
    c.priced = 0;
    c.cost_pico = 7;
    c.input_tokens = -1;
    c.output_tokens = -1;
    c.cache_read_tokens = -1;
    c.usage_source = GENAI_SOURCE_NONE;
    c.skip = GENAI_SKIP_NOT_BILLED;
    c.stop_reason.len = 0;
    genai_call_error(&c, genai_strz("ThrottlingException"),
                     GENAI_ORIGIN_UPSTREAM);
    genai_metrics_count(m, &c);

    a_call(&c, "claude", "/");
    c.from_cache = 1;
    c.usage_source = GENAI_SOURCE_CACHE;
    genai_metrics_count(m, &c);

    a_call(&c, "claude", "/");
    c.internal = 1;
    genai_metrics_count(m, &c);

    a_call(&c, "secret", "/");
    c.priced = 0;
    c.skip = GENAI_SKIP_UNPRICED;
    c.ntools = 2;
    c.tools[0] = genai_strz("get_weather");
    c.tools[1] = genai_strz("search");
    genai_metrics_count(m, &c);

    is_int(query(m, "genai_requests", "status", "2xx").i, 4,
           "answered calls, cache hits included");
    is_int(query(m, "genai_requests", "status", "aborted").i, 1,
           "aborted calls have a class of their own");
    is_int(query(m, "genai_requests", "status", "4xx").i, 1, "and errors");
    is_int(query(m, "genai_tokens", "type", "input").i, 4000,
           "tokens of a cache hit are not counted again");
    is_int(query(m, "genai_tokens", "type", "cache_read").i, 2400,
           "cache reads");
    q = query(m, "genai_cost_usd", NULL, NULL);
    ok(q.usd == 0 && q.pico == 3 * 3300000001LL && q.points == 1,
       "cost is exact, and only of priced calls");
    is_int(query(m, "genai_errors", "type", "ThrottlingException").i, 1,
           "errors by type");
    is_int(query(m, "genai_errors", "origin", "upstream").i, 1, "and origin");
    is_int(query(m, "genai_tools", "tool", "search").i, 1, "tools by name");
    is_int(query(m, "genai_stop_reasons", "reason", "end_turn").i, 5,
           "stop reasons");
    is_int(query(m, "genai_usage_source", "source", "cache").i, 1,
           "usage sources");
    is_int(query(m, "genai_usage_disagreement", NULL, NULL).points, 2,
           "disagreements by pair");
    is_int(query(m, "genai_sdk_retries", NULL, NULL).i, 1, "SDK retries");
    is_int(query(m, "genai_unpriced", "model", "secret").i, 1,
           "unpriced calls by model");
    is_int(query(m, "genai_skipped", "reason",
                 genai_skip_name(GENAI_SKIP_NOT_BILLED)).i, 1,
           "skips by reason");

    genai_metrics_add(m, &c, GENAI_COUNTER_SESSIONS, genai_strz("idle"),
                      genai_str(NULL, 0), 5);
    is_int(query(m, "genai_sessions", "end", "idle").i, 5,
           "counters of others");

    copy = shared(1 << 20);
    memcpy(copy, mem, 1 << 20);
    moved = genai_metrics_attach(copy, 1 << 20);
    a_call(&c, "claude", "/");
    genai_metrics_count(moved, &c);
    q = query(moved, "genai_requests", "status", "2xx");
    ok(q.i == 5 && q.points == 2, "memory may be mapped anywhere");
    munmap(copy, 1 << 20);

    ok(genai_metrics_attach(mem, 1 << 20) == m
       && genai_metrics_start(m) == T0, "attaches with its start");
    ok(genai_metrics_attach(mem, 1 << 19) == NULL, "not with another size");
    memset(mem, 0, 64);
    ok(genai_metrics_attach(mem, 1 << 20) == NULL, "nor without content");
    ok(genai_metrics_init(mem, GENAI_METRICS_MIN - 1, T0) == NULL,
       "a size below the least is refused");
    munmap(mem, 1 << 20);
}


static void
test_cost(void)
{
    int               i;
    void             *mem;
    query_t           q;
    genai_call_t      c;
    genai_metrics_t  *m;

    mem = shared(1 << 20);
    m = genai_metrics_init(mem, 1 << 20, T0);
    a_call(&c, "dear", "/");

    /* 40 * 5,000,000.000000000123 USD: twenty times what an int64 holds */
    c.cost_pico = 5000000 * GENAI_PICO_PER_USD + 123;

    for (i = 0; i < 40; i++) {
        genai_metrics_count(m, &c);
    }

    c.cost_pico = 1;
    genai_metrics_count(m, &c);

    q = query(m, "genai_cost_usd", NULL, NULL);
    ok(q.usd == 200000000 && q.pico == 40 * 123 + 1,
       "a sum far beyond 64 bits of pico-USD stays exact");
    has(text(m, GENAI_METRICS_OWN, GENAI_TEXT_PROMETHEUS),
        "genai_cost_usd_total{api=\"bedrock\",operation=\"chat\","
        "provider=\"aws.bedrock\",model=\"dear\",location=\"/\"} "
        "200000000.000000004921");

    /* many small ones: the coarse sum holds none of them */
    m = genai_metrics_init(mem, 1 << 20, T0);
    c.cost_pico = 1048575;

    for (i = 0; i < 300000; i++) {
        genai_metrics_count(m, &c);
    }

    q = query(m, "genai_cost_usd", NULL, NULL);
    ok(q.usd == 0 && q.pico == 300000LL * 1048575, "small costs are exact");
    munmap(mem, 1 << 20);
}


#define PROCS  4
#define ROUNDS 30000

static void
test_processes(void)
{
    int               p, i, n;
    char              model[32];
    void             *mem;
    pid_t             pid[PROCS];
    query_t           q;
    genai_call_t      c;
    genai_metrics_t  *m;

    mem = shared(2 << 20);
    m = genai_metrics_init(mem, 2 << 20, T0);

    for (p = 0; p < PROCS; p++) {
        pid[p] = fork();

        if (pid[p] == 0) {
            for (i = 0; i < ROUNDS; i++) {
                snprintf(model, sizeof(model), "model-%d", i / 100);
                a_call(&c, model, "/");
                c.cost_pico = GENAI_PICO_PER_USD / 3 + i;
                genai_metrics_count(m, &c);
            }

            _exit(0);
        }
    }

    for (p = 0; p < PROCS; p++) {
        waitpid(pid[p], NULL, 0);
    }

    n = PROCS * ROUNDS;
    is_int(query(m, "genai_requests", NULL, NULL).i, n,
           "every call of 4 processes is counted");
    is_int(query(m, "genai_requests", NULL, NULL).points, ROUNDS / 100,
           "each label set is shown once");
    is_int(query(m, "genai_tokens", "type", "input").i, 1000LL * n,
           "every token");
    q = query(m, "genai_cost_usd", "model", "model-7");
    is_int(q.usd * GENAI_PICO_PER_USD + q.pico,
           4 * (100 * (GENAI_PICO_PER_USD / 3) + 700 * 100 + 4950),
           "every pico-USD");
    is_int(query(m, "genai_stop_reasons", NULL, NULL).i, n,
           "and every stop reason");
    is_int(query(m, "genai_stop_reasons", NULL, NULL).points, ROUNDS / 100,
           "each once");
    printf("# rows: %u series, %u counters\n", m->series.used,
           m->counters.used);
    munmap(mem, 2 << 20);
}


/* Processes are killed in a loop of inserts; each tells in shared memory how
 * many calls it finished, so the sum may be off by the one under way. */

static void
test_killed(void)
{
    int                 i, round, good;
    char                model[32];
    void               *mem;
    pid_t               pid;
    query_t             q;
    uint64_t            n, *done_calls, before, killed;
    genai_call_t        c;
    genai_metrics_t    *m;
    volatile uint64_t  *mine;

    mem = shared(4 << 20);
    m = genai_metrics_init(mem, 4 << 20, T0);
    done_calls = shared(4096);
    mine = done_calls;
    good = 1;
    killed = 0;

    for (round = 0; round < 200; round++) {
        before = *mine;
        pid = fork();

        if (pid == 0) {
            for (i = 0; ; i++) {
                snprintf(model, sizeof(model), "model-%d-%d", round, i % 4);
                a_call(&c, model, "/");
                genai_metrics_count(m, &c);
                *mine = *mine + 1;
            }
        }

        while (*mine == before) { /* it has begun */ }

        if (round % 2) {
            usleep(100);
        }

        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);

        n = query(m, "genai_requests", NULL, NULL).i;

        if (n < *mine || n > *mine + round + 1) {
            good = 0;
        }
    }

    n = *mine;
    ok(good, "200 killed processes: no finished call is lost, at most the "
             "one under way is counted beside (%llu calls)",
       (unsigned long long) n);

    q = query(m, "genai_tokens", "type", "input");
    ok(q.i >= (int64_t) (1000 * n) && q.i <= (int64_t) (1000 * (n + 200)),
       "nor a token");

    for (i = 0; i < (int) m->series.n; i++) {
        killed += (((uint64_t *) ((char *) m + m->series.states))[i] & 3)
                  == GENAI_ROW_CLAIMED;
    }

    printf("# %llu rows were wasted by a kill within their making\n",
           (unsigned long long) killed);

    a_call(&c, "after", "/");
    genai_metrics_count(m, &c);
    is_int(query(m, "genai_requests", "model", "after").i, 1,
           "the table goes on");

    munmap(mem, 4 << 20);
    munmap(done_calls, 4096);
}


/* What a race or a kill can leave, made by hand: an abandoned claim in front
 * of a row, two rows of one key, and counters and histograms on both. */

static void
test_duplicates(void)
{
    void             *mem;
    query_t           q;
    uint32_t          i, first;
    uint64_t         *states, word;
    genai_call_t      c;
    genai_metrics_t  *m;

    mem = shared(1 << 20);
    m = genai_metrics_init(mem, 1 << 20, T0);
    states = (uint64_t *) ((char *) m + m->series.states);

    a_stream(&c, "twin", "/");
    genai_metrics_count(m, &c);
    genai_metrics_observe(m, &c);
    first = genai_metrics_series_of(m, &c);
    word = states[first];

    /* while its row is claimed, not published, others make their own */
    states[first] = (word & ~3ULL) | GENAI_ROW_CLAIMED;
    genai_metrics_count(m, &c);
    genai_metrics_observe(m, &c);
    i = genai_metrics_series_of(m, &c);
    ok(i != first, "a row that is never published is stepped over");
    is_int(query(m, "genai_requests", NULL, NULL).i, 1,
           "and not shown, nor in the way of what is");

    states[first] = word;
    genai_metrics_count(m, &c);
    is_int(genai_metrics_series_of(m, &c), first,
           "published late, it is what lookups find");
    q = query(m, "genai_requests", NULL, NULL);
    ok(q.i == 3 && q.points == 1, "two rows of a key are shown as one");
    q = query(m, "genai_cost_usd", NULL, NULL);
    is_int(q.pico, 3 * 3300000001LL, "their cost together");
    q = query(m, "genai_stop_reasons", NULL, NULL);
    ok(q.i == 3 && q.points == 1, "their counters together");
    q = query(m, "genai_duration_seconds", NULL, NULL);
    ok(q.count == 2 && q.sum == 3.0 && q.points == 1,
       "their histograms together");
    munmap(mem, 1 << 20);
}


static void
test_overflow(void)
{
    int               i, n;
    char              name[32];
    void             *mem;
    query_t           q;
    genai_call_t      c;
    genai_metrics_t  *m;

    mem = shared(256 * 1024);
    m = genai_metrics_init(mem, 256 * 1024, T0);
    n = 5000;

    for (i = 0; i < n; i++) {
        snprintf(name, sizeof(name), "model-%d", i);
        a_call(&c, name, i % 2 ? "/a" : "/b");
        genai_metrics_count(m, &c);
        genai_metrics_observe(m, &c);
    }

    is_int(query(m, "genai_requests", NULL, NULL).i, n,
           "a full table loses no call");
    is_int(query(m, "genai_stop_reasons", NULL, NULL).i, n,
           "nor its counters");
    q = query(m, "genai_requests", "model", "_other");
    ok(q.points == 2 && q.i > n / 2,
       "what does not fit is under _other, by location");
    ok(query(m, "genai_series_overflow", "table", "series").i
           >= n - (int) m->series.n, "and counted as overflow");
    ok(query(m, "genai_duration_seconds", NULL, NULL).count > 0
       && m->histograms_used <= m->plan.histograms,
       "histograms stay within their rows");

    /* counters: too many tools */
    m = genai_metrics_init(mem, 256 * 1024, T0);

    for (i = 0; i < n; i++) {
        snprintf(name, sizeof(name), "tool-%d", i);
        a_call(&c, "m", "/");
        c.ntools = 1;
        c.tools[0] = genai_strz(name);
        genai_metrics_count(m, &c);
    }

    is_int(query(m, "genai_tools", NULL, NULL).i, n,
           "a full counter table loses nothing");
    q = query(m, "genai_tools", "tool", "_other");
    ok(q.points == 1 && q.i > n / 2, "the rest is the series' _other");
    ok(query(m, "genai_series_overflow", "table", "counters").i == q.i,
       "all of it counted as overflow");

    /* so many locations that even _other rows find no place */
    m = genai_metrics_init(mem, 256 * 1024, T0);

    for (i = 0; i < n; i++) {
        snprintf(name, sizeof(name), "/%d", i);
        a_call(&c, "m", name);
        genai_metrics_count(m, &c);
    }

    is_int(query(m, "genai_requests", NULL, NULL).i, n,
           "the last resort takes what is left");
    munmap(mem, 256 * 1024);
}


static void
test_plan(void)
{
    genai_metrics_plan_t  p;

    is_int(genai_metrics_plan(1000, &p), GENAI_ERROR, "no plan for 1000");
    is_int(genai_metrics_plan(12 << 20, &p), GENAI_OK, "a plan for 12 MB");
    ok(p.series > 3500 && p.counters == 2 * p.series,
       "%u series, %u counters, %u histograms, %u exemplars, %u names",
       p.series, p.counters, p.histograms, p.exemplars, p.names);
    ok(genai_metrics_size(p.series) <= 12 << 20
       && genai_metrics_size(p.series + 1) > 12 << 20,
       "which is all that fits");
}


int
main(void)
{
    /* forked children must not print what is buffered here once more */
    setvbuf(stdout, NULL, _IOLBF, 0);

    test_plan();
    test_counts();
    test_cost();
    test_processes();
    test_killed();
    test_duplicates();
    test_overflow();

    return done();
}
