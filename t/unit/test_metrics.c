/*
 * The metrics registry: exact whatever dies, bounded, and readable.
 * With the argument "sample" or "sample-openmetrics" it prints an exposition
 * for promtool instead.
 */

#include <math.h>
#include <signal.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "test.h"
#include "../../src/lib/genai_metrics_store.h"


#define T0  1763870000000000000ULL


typedef struct {
    size_t   len;
    size_t   calls;
    size_t   longest;
    int      stop_at;
    char     data[1 << 20];
} out_t;


static out_t  out;


static void *
shared(size_t size)
{
    return mmap(NULL, size, PROT_READ | PROT_WRITE,
                MAP_SHARED | MAP_ANONYMOUS, -1, 0);
}


static int
out_write(void *data, const char *buf, size_t len)
{
    out_t  *o = data;

    o->calls++;

    if (len > o->longest) {
        o->longest = len;
    }

    if (o->stop_at && o->calls == (size_t) o->stop_at) {
        return GENAI_ERROR;
    }

    if (o->len + len < sizeof(o->data)) {
        memcpy(o->data + o->len, buf, len);
        o->len += len;
    }

    o->data[o->len] = '\0';

    return GENAI_OK;
}


static const char *
text(const genai_metrics_t *m, unsigned groups, genai_text_e format)
{
    genai_metrics_view_t  view = { groups, NULL, 0 };

    memset(&out, 0, offsetof(out_t, data));
    out.data[0] = '\0';
    genai_metrics_text(m, &view, format, out_write, &out);

    return out.data;
}


static void
has(const char *hay, const char *line)
{
    size_t       n;
    const char  *p;

    n = strlen(line);

    for (p = strstr(hay, line); p; p = strstr(p + 1, line)) {
        if ((p == hay || p[-1] == '\n') && p[n] == '\n') {
            break;
        }
    }

    ok(p != NULL, "line %s", line);
}


static void
a_call(genai_call_t *c, const char *model, const char *location)
{
    static char  arena[GENAI_CALL_ARENA];

    genai_call_init(c, arena, sizeof(arena));

    c->api = GENAI_API_BEDROCK;
    c->operation = GENAI_OP_CHAT;
    c->step = GENAI_STEP_GENERATION;
    c->provider = genai_strz("aws.bedrock");
    c->model = genai_strz(model);
    c->location = genai_strz(location);
    c->status = 200;
    c->sampled = 1;
    c->start_unix_ns = T0;
    c->start_ns = 1000;
    c->end_ns = 1000 + 1500000000ULL;
    memset(c->trace_id, 0xab, 16);
    memset(c->span_id, 0xcd, 8);
    c->input_tokens = 1000;
    c->output_tokens = 20;
    c->cache_read_tokens = 600;
    c->usage_source = GENAI_SOURCE_BODY;
    c->priced = 1;
    c->cost_pico = 3300000001LL;
    c->stop_reason = genai_strz("end_turn");
}


static void
a_stream(genai_call_t *c, const char *model, const char *location)
{
    a_call(c, model, location);
    c->stream = 1;
    c->streamed = 1;
    c->first_event_ns = c->start_ns + 100000000;
    c->first_token_ns = c->start_ns + 250000000;
    c->last_event_ns = c->start_ns + 1437500000;
    c->max_gap_ns = 90000000;
    c->events = 30;
    c->text_events = 20;
}


/* what genai_metrics_visit() gives, summed */

typedef struct {
    const char  *family;               /* Prometheus name */
    const char  *label;                /* with this label, or NULL */
    const char  *value;
    int64_t      i;
    int64_t      usd;
    int64_t      pico;
    double       sum;
    uint64_t     count;
    unsigned     points;
} query_t;


static int
query_family(void *data, const genai_metric_family_t *f)
{
    (void) data;
    (void) f;

    return GENAI_OK;
}


static int
query_point(void *data, const genai_metric_family_t *f,
    const genai_metric_point_t *p)
{
    size_t    i;
    query_t  *q = data;

    if (strcmp(f->name, q->family) != 0) {
        return GENAI_OK;
    }

    if (q->label) {
        for (i = 0; i < p->nlabels; i++) {
            if (genai_str_is(p->labels[i].name, q->label)
                && genai_str_is(p->labels[i].value, q->value))
            {
                break;
            }
        }

        if (i == p->nlabels) {
            return GENAI_OK;
        }
    }

    q->points++;

    if (f->kind == GENAI_METRIC_HISTOGRAM) {
        q->count += p->count;
        q->sum += p->sum;

    } else {
        q->i += p->i;
        q->usd = p->usd;
        q->pico = p->pico;
    }

    return GENAI_OK;
}


static query_t
query(const genai_metrics_t *m, const char *family, const char *label,
    const char *value)
{
    query_t               q = { family, label, value, 0, 0, 0, 0, 0, 0 };
    genai_metrics_view_t  view = { GENAI_METRICS_ALL, NULL, 0 };

    static const genai_metrics_visitor_t  v = { query_family, query_point };

    genai_metrics_visit(m, &view, &v, &q);

    return q;
}


static void
test_counts(void)
{
    void             *mem, *copy;
    query_t           q;
    genai_call_t      c;
    genai_metrics_t  *m, *moved;

    mem = shared(1 << 20);
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
test_labels(void)
{
    char              longname[200];
    void             *mem;
    const char       *t;
    genai_call_t      c;
    genai_attr_t      a[10];
    genai_metrics_t  *m;

    mem = shared(1 << 20);
    m = genai_metrics_init(mem, 1 << 20, T0);
    memset(a, 0, sizeof(a));

    a_call(&c, "a\"b\\c\nd", "/x\xff\x01y\xc3\xa9");
    a[0].key = genai_strz("tenant.id");
    a[0].value = genai_strz("t1");
    a[0].label = 1;
    a[1].key = genai_strz("tenant_id");
    a[1].value = genai_strz("t2");
    a[1].label = 1;
    a[2].key = genai_strz("model");
    a[2].value = genai_strz("mine");
    a[2].label = 1;
    a[3].key = genai_strz("secret");
    a[3].value = genai_strz("not a label");
    a[4].key = genai_strz("empty");
    a[4].label = 1;
    a[5].key = genai_strz("9lives");
    a[5].value = genai_strz("yes");
    a[5].label = 1;
    c.attrs = a;
    c.nattrs = 6;
    genai_metrics_count(m, &c);

    t = text(m, GENAI_METRICS_OWN, GENAI_TEXT_PROMETHEUS);
    has(t, "genai_requests_total{api=\"bedrock\",operation=\"chat\","
           "provider=\"aws.bedrock\",model=\"a\\\"b\\\\c\\nd\","
           "location=\"/x??y\xc3\xa9\",tenant_id=\"t1\",tenant_id_2=\"t2\","
           "label_model=\"mine\",label_9lives=\"yes\",status=\"2xx\"} 1");
    ok(strstr(t, "secret") == NULL, "attributes that are no labels stay out");

    memset(longname, 'x', sizeof(longname));
    longname[126] = '\xc3';
    longname[127] = '\xa9';
    longname[128] = '\xc3';
    longname[129] = '\xa9';
    a_call(&c, "", "/");
    c.model = genai_str(longname, 200);
    genai_metrics_count(m, &c);
    c.model.len = 150;
    genai_metrics_count(m, &c);
    is_int(query(m, "genai_requests", "location", "/").points, 1,
           "long names are cut to one label");
    longname[128] = '\0';
    is_int(query(m, "genai_requests", "model", longname).i, 2,
           "at the end of a character");

    longname[128] = 'x';
    longname[127] = '\xc3';
    longname[126] = 'x';
    a_call(&c, "", "/c");
    c.model = genai_str(longname, 130);
    genai_metrics_count(m, &c);
    longname[127] = '?';
    longname[128] = '\0';
    is_int(query(m, "genai_requests", "model", longname).i, 1,
           "half a character is a question mark");
    munmap(mem, 1 << 20);
}


static void
test_many_labels(void)
{
    int               i;
    char              key[10][64], value[10][64];
    void             *mem;
    query_t           q;
    genai_call_t      c;
    genai_attr_t      a[10];
    genai_metrics_t  *m;

    mem = shared(1 << 20);
    m = genai_metrics_init(mem, 1 << 20, T0);
    memset(a, 0, sizeof(a));
    a_call(&c, "m", "/");

    for (i = 0; i < 10; i++) {
        memset(key[i], 'a' + i, 50);
        memset(value[i], 'A' + i, 60);
        a[i].key = genai_str(key[i], 50);
        a[i].value = genai_str(value[i], 60);
        a[i].label = 1;
    }

    c.attrs = a;
    c.nattrs = 10;
    genai_metrics_count(m, &c);
    genai_metrics_count(m, &c);

    q = query(m, "genai_requests", NULL, NULL);
    ok(q.i == 2 && q.points == 1, "labels beyond the room do no harm");
    ok(strstr(text(m, GENAI_METRICS_OWN, GENAI_TEXT_PROMETHEUS), "=\"_other\"")
       != NULL, "a value without room is _other");
    munmap(mem, 1 << 20);
}


static void
fill(genai_metrics_t *m)
{
    genai_call_t  c;

    a_stream(&c, "claude", "/");
    genai_metrics_count(m, &c);
    genai_metrics_observe(m, &c);

    a_call(&c, "claude", "/");
    c.end_ns = c.start_ns + 10000000;
    c.status = 500;
    genai_call_error(&c, genai_strz("InternalServerException"),
                     GENAI_ORIGIN_UPSTREAM);
    c.priced = 0;
    c.input_tokens = -1;
    c.output_tokens = -1;
    genai_metrics_count(m, &c);
    genai_metrics_observe(m, &c);

    a_call(&c, "titan", "/embed");
    c.operation = GENAI_OP_EMBEDDINGS;
    c.step = GENAI_STEP_EMBEDDINGS;
    c.end_ns = c.start_ns + 200000000000ULL;
    c.output_tokens = -1;
    c.skip = GENAI_SKIP_UNPRICED;
    c.priced = 0;
    genai_metrics_count(m, &c);
    genai_metrics_observe(m, &c);

    a_call(&c, "", "/search");
    c.operation = GENAI_OP_RETRIEVAL;
    c.api = GENAI_API_OPENSEARCH;
    c.provider.len = 0;
    c.step = GENAI_STEP_VECTOR_SEARCH;
    c.documents = 5;
    c.score_count = 5;
    c.score_sum = 3.75;
    c.priced = 0;
    c.input_tokens = -1;
    c.output_tokens = -1;
    c.nscores = 1;
    c.scores[0].name = genai_strz("relevance");
    c.scores[0].value = 0.8;
    genai_metrics_count(m, &c);
    genai_metrics_observe(m, &c);

    genai_metrics_score(m, &c, genai_strz("thumbs"), 4.5);
    genai_metrics_own(m, 1234567890);
}


static void
test_text(void)
{
    char              *t;
    void              *mem;
    genai_metrics_t   *m;

    mem = shared(1 << 20);
    m = genai_metrics_init(mem, 1 << 20, T0);
    fill(m);

#define CLAUDE  "{api=\"bedrock\",operation=\"chat\","                       \
                "provider=\"aws.bedrock\",model=\"claude\",location=\"/\""
#define CONV    "{api=\"bedrock\",gen_ai_operation_name=\"chat\","           \
                "gen_ai_provider_name=\"aws.bedrock\","                      \
                "gen_ai_request_model=\"claude\",location=\"/\""

    t = (char *) text(m, GENAI_METRICS_ALL, GENAI_TEXT_PROMETHEUS);
    has(t, "# TYPE genai_requests_total counter");
    has(t, "genai_requests_total" CLAUDE ",status=\"5xx\"} 1");
    has(t, "genai_tokens_total" CLAUDE ",type=\"cache_read\"} 1200");
    has(t, "genai_cost_usd_total" CLAUDE "} 0.003300000001");
    has(t, "genai_errors_total" CLAUDE ",type=\"InternalServerException\","
           "origin=\"upstream\"} 1");
    has(t, "genai_module_seconds_total 1.23456789");
    has(t, "genai_series_overflow_total{table=\"series\"} 0");
    has(t, "# TYPE genai_duration_seconds histogram");
    has(t, "genai_duration_seconds_bucket" CLAUDE
           ",step=\"llm_generation\",le=\"0.01\"} 1");
    has(t, "genai_duration_seconds_bucket" CLAUDE
           ",step=\"llm_generation\",le=\"1.28\"} 1");
    has(t, "genai_duration_seconds_bucket" CLAUDE
           ",step=\"llm_generation\",le=\"2.56\"} 2");
    has(t, "genai_duration_seconds_bucket" CLAUDE
           ",step=\"llm_generation\",le=\"+Inf\"} 2");
    has(t, "genai_duration_seconds_sum" CLAUDE
           ",step=\"llm_generation\"} 1.51");
    has(t, "genai_duration_seconds_count" CLAUDE
           ",step=\"llm_generation\"} 2");
    has(t, "gen_ai_client_inference_duration_seconds_count" CONV
           ",error_type=\"InternalServerException\"} 1");
    has(t, "gen_ai_client_inference_duration_seconds_count" CONV "} 1");
    has(t, "gen_ai_client_operation_duration_seconds_count" CONV "} 1");
    has(t, "gen_ai_client_inference_usage_input_tokens_total" CONV
           ",gen_ai_token_modality=\"unknown\"} 1000");
    has(t, "gen_ai_client_token_usage_sum" CONV
           ",gen_ai_token_type=\"output\"} 20.0");
    has(t, "gen_ai_client_token_usage_bucket" CONV
           ",gen_ai_token_type=\"input\",le=\"1.048576e+06\"} 1");
    has(t, "gen_ai_client_inference_time_to_first_chunk_seconds_sum" CONV
           "} 0.1");
    has(t, "genai_time_to_first_token_seconds_sum" CLAUDE "} 0.25");
    has(t, "genai_time_per_output_token_seconds_sum" CLAUDE "} 0.0625");
    has(t, "genai_stream_max_gap_seconds_sum" CLAUDE "} 0.09");
    has(t, "genai_request_cost_usd_bucket" CLAUDE ",le=\"1e-05\"} 0");
    has(t, "genai_request_cost_usd_bucket" CLAUDE ",le=\"1.0\"} 1");
    has(t, "genai_retrieval_score_sum{api=\"opensearch\","
           "operation=\"retrieval\",location=\"/search\"} 0.75");
    has(t, "genai_retrieval_documents_bucket{api=\"opensearch\","
           "operation=\"retrieval\",location=\"/search\",le=\"5.0\"} 1");
    has(t, "genai_score_sum{api=\"opensearch\",operation=\"retrieval\","
           "location=\"/search\",name=\"thumbs\"} 4.5");
    has(t, "gen_ai_client_embeddings_operation_input_tokens_count"
           "{api=\"bedrock\",gen_ai_operation_name=\"embeddings\","
           "gen_ai_provider_name=\"aws.bedrock\","
           "gen_ai_request_model=\"titan\",location=\"/embed\"} 1");
    ok(strstr(t, "EOF") == NULL && strstr(t, "trace_id") == NULL
       && strstr(t, "# UNIT") == NULL, "nothing of OpenMetrics in 0.0.4");
    ok(out.longest <= 4096 && out.calls > 3, "written in pieces of 4 KB");

    t = (char *) text(m, GENAI_METRICS_ALL, GENAI_TEXT_OPENMETRICS);
    has(t, "# TYPE genai_requests counter");
    has(t, "# UNIT genai_duration_seconds seconds");
    has(t, "# UNIT genai_cost_usd usd");
    has(t, "genai_requests_total" CLAUDE ",status=\"5xx\"} 1");
    has(t, "genai_duration_seconds_bucket" CLAUDE
           ",step=\"llm_generation\",le=\"2.56\"} 2 # {trace_id=\""
           "abababababababababababababababab\",span_id=\""
           "cdcdcdcdcdcdcdcd\"} 1.5 1763870001.500");
    ok(strcmp(t + strlen(t) - 7, "\n# EOF\n") == 0, "ends with # EOF");

    text(m, GENAI_METRICS_NEW, GENAI_TEXT_PROMETHEUS);
    ok(strstr(out.data, "\ngenai_") == NULL
       && strstr(out.data, "token_usage") == NULL
       && strstr(out.data, "gen_ai_client_inference_duration") != NULL,
       "groups of names can be left out");

    munmap(mem, 1 << 20);
}


static void
test_samples(void)
{
    void                   *mem;
    genai_metrics_t        *m;
    genai_metric_sample_t   s[4];
    genai_metrics_view_t    view = { 0, s, 4 };

    mem = shared(1 << 20);
    m = genai_metrics_init(mem, 1 << 20, T0);
    memset(s, 0, sizeof(s));

    s[0].name = "genai_export_acked_total";
    s[0].help = "Records \"acked\".";
    s[0].kind = GENAI_METRIC_COUNTER;
    s[0].labels[0].name = "sink";
    s[0].labels[0].value = genai_strz("a");
    s[0].labels[1].name = "reason";
    s[0].nlabels = 2;
    s[0].is_int = 1;
    s[0].i = 9007199254740993LL;
    s[1].name = "genai_in_flight";
    s[1].help = "Calls under way.";
    s[1].kind = GENAI_METRIC_GAUGE;
    s[1].is_int = 1;
    s[1].i = -3;
    s[2] = s[0];
    s[2].labels[0].value = genai_strz("b");
    s[2].i = 2;
    s[3].name = "genai_price_table_age_seconds";
    s[3].help = "Age.";
    s[3].kind = GENAI_METRIC_GAUGE;
    s[3].d = 1e6;

    memset(&out, 0, offsetof(out_t, data));
    genai_metrics_text(m, &view, GENAI_TEXT_PROMETHEUS, out_write, &out);
    is_mem(out.data, out.len,
           "# HELP genai_export_acked_total Records \"acked\".\n"
           "# TYPE genai_export_acked_total counter\n"
           "genai_export_acked_total{sink=\"a\"} 9007199254740993\n"
           "genai_export_acked_total{sink=\"b\"} 2\n"
           "# HELP genai_in_flight Calls under way.\n"
           "# TYPE genai_in_flight gauge\n"
           "genai_in_flight -3\n"
           "# HELP genai_price_table_age_seconds Age.\n"
           "# TYPE genai_price_table_age_seconds gauge\n"
           "genai_price_table_age_seconds 1e+06\n",
           "samples of others, a family's together");

    memset(&out, 0, offsetof(out_t, data));
    genai_metrics_text(m, &view, GENAI_TEXT_OPENMETRICS, out_write, &out);
    is_mem(out.data, out.len,
           "# HELP genai_export_acked Records \\\"acked\\\".\n"
           "# TYPE genai_export_acked counter\n"
           "genai_export_acked_total{sink=\"a\"} 9007199254740993\n"
           "genai_export_acked_total{sink=\"b\"} 2\n"
           "# HELP genai_in_flight Calls under way.\n"
           "# TYPE genai_in_flight gauge\n"
           "genai_in_flight -3\n"
           "# HELP genai_price_table_age_seconds Age.\n"
           "# TYPE genai_price_table_age_seconds gauge\n"
           "# UNIT genai_price_table_age_seconds seconds\n"
           "genai_price_table_age_seconds 1e+06\n"
           "# EOF\n",
           "and in OpenMetrics");

    fill(m);
    view.groups = GENAI_METRICS_ALL;
    memset(&out, 0, offsetof(out_t, data));
    out.stop_at = 2;
    is_int(genai_metrics_text(m, &view, GENAI_TEXT_PROMETHEUS, out_write,
                              &out), GENAI_ERROR,
           "a writer's error ends the rendering");
    is_int(out.calls, 2, "at once");
    munmap(mem, 1 << 20);
}


/* le ascends, buckets never fall, +Inf equals _count, and a family's samples
 * stand together: read back from the text itself */

static void
test_invariants(void)
{
    int           histograms, good, type_lines;
    char         *line, *next, *p, name[128], seen[8192];
    void         *mem;
    double        le, last_le;
    uint64_t      n, last, inf;
    genai_metrics_t  *m;

    mem = shared(1 << 20);
    m = genai_metrics_init(mem, 1 << 20, T0);
    fill(m);
    line = (char *) text(m, GENAI_METRICS_ALL, GENAI_TEXT_PROMETHEUS);

    last_le = -1;
    last = 0;
    inf = 0;
    histograms = 0;
    type_lines = 0;
    good = 1;
    seen[0] = '\0';

    for ( /* void */ ; *line; line = next) {
        next = strchr(line, '\n');
        *next++ = '\0';

        if (sscanf(line, "# TYPE %120s", name) == 1) {
            strcat(name, " ");
            good = good && strstr(seen, name) == NULL;
            strcat(seen, name);
            type_lines++;
        }

        if (line[0] == '#') {
            continue;
        }

        n = strtoull(strrchr(line, ' ') + 1, NULL, 10);
        p = strstr(line, ",le=\"");

        if (p) {
            le = strtod(p + 5, NULL);
            good = good && le > last_le && n >= last;
            last_le = le;
            last = n;
            inf = isinf(le) ? n : 0;
            continue;
        }

        if (strstr(line, "_count{")) {
            good = good && inf == n && n > 0;
            histograms++;
        }

        last_le = -1;
        last = 0;
    }

    ok(good && histograms > 15 && type_lines > 25,
       "%d histograms of %d families hold their invariants", histograms,
       type_lines);
    munmap(mem, 1 << 20);
}


/* a reader beside the single writer of histograms */

static int
watch_family(void *data, const genai_metric_family_t *f)
{
    (void) data;
    (void) f;

    return GENAI_OK;
}


static int
watch_point(void *data, const genai_metric_family_t *f,
    const genai_metric_point_t *p)
{
    size_t    b;
    uint64_t  n, *seen = data;
    double    le;

    if (f->kind != GENAI_METRIC_HISTOGRAM) {
        return GENAI_OK;
    }

    for (b = 0, n = 0; b <= p->nbounds; b++) {
        n += p->counts[b];

        if (p->has_exemplars && p->exemplars[b].time_unix_ns) {
            le = b < p->nbounds ? p->bounds[b] : 1e300;

            /* the writer puts the same byte into all of the ids */
            if (p->exemplars[b].value > le
                || p->exemplars[b].trace_id[0] != p->exemplars[b].span_id[7])
            {
                return GENAI_ERROR;
            }

            seen[1]++;
        }
    }

    seen[0]++;

    return n == p->count ? GENAI_OK : GENAI_ERROR;
}


static void
test_watched(void)
{
    int                   i, rc;
    void                 *mem;
    pid_t                 pid;
    uint64_t              seen[2] = { 0, 0 };
    genai_call_t          c;
    genai_metrics_t      *m;
    genai_metrics_view_t  view = { GENAI_METRICS_ALL, NULL, 0 };

    static const genai_metrics_visitor_t  v = { watch_family, watch_point };

    mem = shared(1 << 20);
    m = genai_metrics_init(mem, 1 << 20, T0);
    a_stream(&c, "claude", "/");
    genai_metrics_observe(m, &c);
    memset(c.span_id, 0xab, 8);
    genai_metrics_observe(m, &c);

    pid = fork();

    if (pid == 0) {
        for (i = 0; ; i++) {
            memset(c.trace_id, i, 16);
            memset(c.span_id, i, 8);
            c.start_unix_ns = T0 + i;
            genai_metrics_observe(m, &c);
        }
    }

    for (i = 0, rc = GENAI_OK; i < 3000 && rc == GENAI_OK; i++) {
        rc = genai_metrics_visit(m, &view, &v, seen);
    }

    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);

    ok(rc == GENAI_OK && seen[0] > 10000 && seen[1] > 100,
       "what is read while it is written is whole: %llu histograms, "
       "%llu exemplars", (unsigned long long) seen[0],
       (unsigned long long) seen[1]);
    munmap(mem, 1 << 20);
}


static void
test_negotiate(void)
{
    size_t  i;

    static const struct {
        const char   *accept;
        genai_text_e  want;
    } t[] = {
        { "", GENAI_TEXT_PROMETHEUS },
        { "*/*", GENAI_TEXT_PROMETHEUS },
        { "text/html", GENAI_TEXT_PROMETHEUS },
        { "application/openmetrics-text", GENAI_TEXT_OPENMETRICS },
        { "application/openmetrics-text; version=0.0.1",
          GENAI_TEXT_PROMETHEUS },
        { "Application/OpenMetrics-Text;version=\"1.0.0\" , */*;q=0.9",
          GENAI_TEXT_OPENMETRICS },
        { "application/openmetrics-text;version=1.0.0;"
          "escaping=allow-utf-8;q=0.6,application/openmetrics-text;"
          "version=0.0.1;q=0.5,text/plain;version=1.0.0;"
          "escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,"
          "*/*;q=0.2", GENAI_TEXT_OPENMETRICS },
        { "application/openmetrics-text;q=0.3,text/plain;q=0.35",
          GENAI_TEXT_PROMETHEUS },
        { "application/openmetrics-text;q=0, */*", GENAI_TEXT_PROMETHEUS },
        { "application/openmetrics-text;q=x, */*;q=0.001",
          GENAI_TEXT_PROMETHEUS },
        { ",,;;=,", GENAI_TEXT_PROMETHEUS }
    };

    for (i = 0; i < genai_nelts(t); i++) {
        is_int(genai_metrics_negotiate(genai_strz(t[i].accept)), t[i].want,
               t[i].accept[0] ? t[i].accept : "no Accept");
    }
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


static int
sample(genai_text_e format)
{
    void                   *mem;
    genai_metrics_t        *m;
    genai_metric_sample_t   s;
    genai_metrics_view_t    view = { GENAI_METRICS_ALL, &s, 1 };

    mem = shared(1 << 20);
    m = genai_metrics_init(mem, 1 << 20, T0);
    fill(m);

    memset(&s, 0, sizeof(s));
    s.name = "genai_build_info";
    s.help = "The module's version.";
    s.kind = GENAI_METRIC_GAUGE;
    s.labels[0].name = "version";
    s.labels[0].value = genai_strz("0.1.0");
    s.nlabels = 1;
    s.is_int = 1;
    s.i = 1;

    genai_metrics_text(m, &view, format, out_write, &out);
    fwrite(out.data, 1, out.len, stdout);

    return 0;
}


int
main(int argc, char **argv)
{
    if (argc > 1) {
        return sample(strcmp(argv[1], "sample") ? GENAI_TEXT_OPENMETRICS
                                                : GENAI_TEXT_PROMETHEUS);
    }

    /* forked children must not print what is buffered here once more */
    setvbuf(stdout, NULL, _IOLBF, 0);

    test_plan();
    test_counts();
    test_cost();
    test_processes();
    test_killed();
    test_duplicates();
    test_overflow();
    test_labels();
    test_many_labels();
    test_text();
    test_samples();
    test_invariants();
    test_watched();
    test_negotiate();

    return done();
}
