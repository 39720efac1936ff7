/*
 * The registry's writers: counters and histograms.  See genai_metrics.h.
 */

#include "genai_metrics_store.h"


static const double  bounds_seconds[] = {
    0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48,
    40.96, 81.92
};

static const double  bounds_tokens[] = {
    1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304,
    16777216, 67108864
};

/* the conventions' gen_ai.server.time_per_output_token */
static const double  bounds_tpot[] = {
    0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5
};

static const double  bounds_usd[] = {
    0.00001, 0.00003, 0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1,
    3, 10, 30
};

/* similarities are within 0 to 1 or 0 to 2, BM25 has no bound */
static const double  bounds_relevance[] = {
    0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 2, 5, 10, 20
};

static const double  bounds_documents[] = {
    0, 1, 2, 3, 4, 5, 8, 10, 15, 20, 30, 50, 100, 200
};

/* quality: 0 to 1, or 1 to 5 as people vote */
static const double  bounds_score[] = {
    0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 2, 3, 4, 5
};


static const struct {
    const double  *bounds;
    uint8_t        n;
    uint8_t        exemplars;
} kinds[GENAI_HIST_N] = {
    { bounds_seconds, genai_nelts(bounds_seconds), 1 },
    { bounds_seconds, genai_nelts(bounds_seconds), 1 },
    { bounds_seconds, genai_nelts(bounds_seconds), 0 },
    { bounds_tpot, genai_nelts(bounds_tpot), 0 },
    { bounds_seconds, genai_nelts(bounds_seconds), 0 },
    { bounds_usd, genai_nelts(bounds_usd), 1 },
    { bounds_tokens, genai_nelts(bounds_tokens), 0 },
    { bounds_tokens, genai_nelts(bounds_tokens), 0 },
    { bounds_relevance, genai_nelts(bounds_relevance), 0 },
    { bounds_documents, genai_nelts(bounds_documents), 0 },
    { bounds_score, genai_nelts(bounds_score), 0 }
};


const double *
genai_metrics_bounds(unsigned kind, size_t *n)
{
    *n = kinds[kind].n;

    return kinds[kind].bounds;
}


static inline void
column_add(genai_series_t *s, unsigned column, uint64_t n)
{
    __atomic_fetch_add(&s->columns[column], n, __ATOMIC_RELAXED);
}


/* Two sums, neither of which ever carries into the other, so a process killed
 * between them leaves no wrong total: the exact one modulo 2^64, and a coarse
 * one that is too low by less than 2^20 a call.  Readers find the one total
 * that fits both. */

static inline void
column_add_cost(genai_series_t *s, uint64_t pico)
{
    column_add(s, GENAI_COL_COST, pico);
    __atomic_fetch_add(&s->columns[GENAI_COL_COST_COARSE], pico >> 20,
                       __ATOMIC_RELEASE);
}


static inline unsigned
column_of_status(const genai_call_t *c)
{
    if (c->aborted) {
        return GENAI_COL_ABORTED;
    }

    if (c->status >= 200 && c->status < 600) {
        return GENAI_COL_2XX + c->status / 100 - 2;
    }

    return GENAI_COL_OTHER;
}


static void
count_usage(genai_series_t *s, const genai_call_t *c)
{
    unsigned  i;

    static const struct {
        uint16_t  offset;
        uint16_t  column;
    } tokens[] = {
        { offsetof(genai_call_t, input_tokens), GENAI_COL_INPUT },
        { offsetof(genai_call_t, output_tokens), GENAI_COL_OUTPUT },
        { offsetof(genai_call_t, cache_read_tokens), GENAI_COL_CACHE_READ },
        { offsetof(genai_call_t, cache_write_tokens), GENAI_COL_CACHE_WRITE },
        { offsetof(genai_call_t, reasoning_tokens), GENAI_COL_REASONING }
    };

    for (i = 0; i < genai_nelts(tokens); i++) {
        int64_t  n;

        memcpy(&n, (const char *) c + tokens[i].offset, sizeof(n));

        if (n > 0) {
            column_add(s, tokens[i].column, n);
        }
    }

    if (c->priced) {
        column_add(s, GENAI_COL_PRICED, 1);

        if (c->cost_pico > 0) {
            column_add_cost(s, c->cost_pico);
        }
    }
}


static void
count_events(genai_metrics_t *m, uint32_t i, const genai_call_t *c)
{
    unsigned     n;
    genai_str_t  type, origin, none;

    static const genai_str_t  requested = genai_string("requested");
    static const genai_str_t  unnamed = genai_string("_OTHER");

    none = genai_str(NULL, 0);

    if (c->stop_reason.len) {
        genai_metrics_counter_add(m, i, GENAI_COUNTER_STOP_REASONS,
                                  c->stop_reason, none, 1);
    }

    if (c->error) {
        type = c->error_type.len ? c->error_type : unnamed;
        origin = genai_strz(genai_origin_name(c->error_origin));
        genai_metrics_counter_add(m, i, GENAI_COUNTER_ERRORS, type, origin,
                                  1);
    }

    for (n = 0; n < c->ntools && n < GENAI_CALL_TOOLS; n++) {
        genai_metrics_counter_add(m, i, GENAI_COUNTER_TOOLS, c->tools[n],
                                  requested, 1);
    }

    if (c->skip != GENAI_SKIP_NONE) {
        genai_metrics_counter_add(m, i, GENAI_COUNTER_SKIPPED,
                                  genai_strz(genai_skip_name(c->skip)), none,
                                  1);
    }
}


void
genai_metrics_count(genai_metrics_t *m, const genai_call_t *c)
{
    unsigned         n;
    uint32_t         i;
    genai_series_t  *s;

    if (c->internal) {
        return;
    }

    i = genai_metrics_series_of(m, c);
    s = genai_metrics_series(m, i);

    column_add(s, column_of_status(c), 1);

    if (!c->from_cache) {
        count_usage(s, c);
    }

    if (c->usage_source > GENAI_SOURCE_NONE
        && c->usage_source < GENAI_SOURCE_N)
    {
        column_add(s, GENAI_COL_SOURCE + c->usage_source - 1, 1);
    }

    for (n = 0; n < 3; n++) {
        if (c->disagreement & (1 << n)) {
            column_add(s, GENAI_COL_DISAGREE + n, 1);
        }
    }

    if (c->skip == GENAI_SKIP_UNPRICED) {
        column_add(s, GENAI_COL_UNPRICED, 1);
    }

    if (c->attempt > 1) {
        column_add(s, GENAI_COL_RETRIES, 1);
    }

    count_events(m, i, c);
}


void
genai_metrics_add(genai_metrics_t *m, const genai_call_t *c,
    genai_counter_e counter, genai_str_t a, genai_str_t b, uint64_t n)
{
    uint32_t  i;

    i = genai_metrics_series_of(m, c);
    genai_metrics_counter_add(m, i, counter, a, b, n);
}


void
genai_metrics_own(genai_metrics_t *m, uint64_t ns)
{
    __atomic_fetch_add(&m->own_ns, ns, __ATOMIC_RELAXED);
}


/* the exporter's: an index of the names table */

static unsigned
name_of(genai_metrics_t *m, genai_str_t s)
{
    char           buf[63];
    size_t         len;
    uint32_t       i;
    genai_name_t  *name;

    if (s.len == 0) {
        return 0;
    }

    len = genai_metrics_clean(buf, s.data, s.len, sizeof(buf));

    for (i = 1; i < m->names_used; i++) {
        name = genai_metrics_name(m, i);

        if (name->len == len && memcmp(name->data, buf, len) == 0) {
            return i;
        }
    }

    if (i == m->plan.names) {
        __atomic_fetch_add(&m->full[GENAI_FULL_NAMES], 1, __ATOMIC_RELAXED);
        return 1;
    }

    name = genai_metrics_name(m, i);
    name->len = len;
    memcpy(name->data, buf, len);
    __atomic_store_n(&m->names_used, i + 1, __ATOMIC_RELEASE);

    return i;
}


static genai_hist_t *
hist_of(genai_metrics_t *m, uint32_t series, unsigned kind, unsigned step,
    unsigned name)
{
    uint32_t      i, *link;
    genai_hist_t *h;

    link = &genai_metrics_series(m, series)->hist[kind];

    while (*link) {
        h = genai_metrics_hist(m, *link - 1);

        if (h->step == step && h->name == name) {
            return h;
        }

        link = &h->next;
    }

    i = m->histograms_used;

    if (i == m->plan.histograms) {
        __atomic_fetch_add(&m->full[GENAI_FULL_HISTOGRAMS], 1,
                           __ATOMIC_RELAXED);
        return NULL;
    }

    m->histograms_used = i + 1;

    h = genai_metrics_hist(m, i);
    memset(h, 0, sizeof(genai_hist_t));
    h->step = step;
    h->name = name;
    h->kind = kind;
    h->series = series;

    if (kinds[kind].exemplars && m->exemplars_used < m->plan.exemplars) {
        h->exemplars = ++m->exemplars_used;
        memset(genai_metrics_exemplars(m, h->exemplars - 1), 0,
               sizeof(genai_exemplars_t));
    }

    __atomic_store_n(link, i + 1, __ATOMIC_RELEASE);

    return h;
}


static void
hist_exemplar(genai_exemplar_t *e, const genai_call_t *c, double value)
{
    uint64_t  t;

    /* readers take what has the same time before and after */
    __atomic_store_n(&e->time_unix_ns, 0, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_RELEASE);

    memcpy(e->trace_id, c->trace_id, 16);
    memcpy(e->span_id, c->span_id, 8);
    e->value = value;

    t = c->start_unix_ns;

    if (c->end_ns > c->start_ns) {
        t += c->end_ns - c->start_ns;
    }

    __atomic_store_n(&e->time_unix_ns, t, __ATOMIC_RELEASE);
}


static void
hist_add(genai_metrics_t *m, uint32_t series, unsigned kind, unsigned step,
    unsigned name, double value, const genai_call_t *c)
{
    double             sum;
    unsigned           b;
    genai_hist_t      *h;
    genai_exemplars_t *e;

    h = hist_of(m, series, kind, step, name);

    if (h == NULL || !(value > -1e300 && value < 1e300)) {
        return;
    }

    for (b = 0; b < kinds[kind].n; b++) {
        if (value <= kinds[kind].bounds[b]) {
            break;
        }
    }

    sum = h->sum + value;
    __atomic_store(&h->sum, &sum, __ATOMIC_RELAXED);
    __atomic_store_n(&h->counts[b], h->counts[b] + 1, __ATOMIC_RELAXED);

    if (h->exemplars && c->sampled) {
        e = genai_metrics_exemplars(m, h->exemplars - 1);
        hist_exemplar(&e->bucket[b], c, value);
    }
}


static void
observe_times(genai_metrics_t *m, uint32_t i, const genai_call_t *c)
{
    double    v;
    unsigned  name;

    name = 0;

    if (c->error) {
        name = c->error_type.len ? name_of(m, c->error_type) : 1;
    }

    if (c->end_ns && c->end_ns >= c->start_ns) {
        hist_add(m, i, GENAI_HIST_DURATION, c->step, name,
                 (c->end_ns - c->start_ns) / 1e9, c);
    }

    v = genai_call_ttft(c);

    if (v >= 0) {
        hist_add(m, i, GENAI_HIST_TTFT, 0, 0, v, c);
    }

    v = genai_call_tpot(c);

    if (v >= 0) {
        hist_add(m, i, GENAI_HIST_TPOT, 0, 0, v, c);
    }

    if (c->streamed && c->first_event_ns > c->start_ns) {
        hist_add(m, i, GENAI_HIST_TTFC, 0, 0,
                 (c->first_event_ns - c->start_ns) / 1e9, c);
    }

    if (c->streamed && c->max_gap_ns) {
        hist_add(m, i, GENAI_HIST_GAP, 0, 0, c->max_gap_ns / 1e9, c);
    }
}


void
genai_metrics_observe(genai_metrics_t *m, const genai_call_t *c)
{
    unsigned  n;
    uint32_t  i;

    if (c->internal) {
        return;
    }

    i = genai_metrics_series_of(m, c);

    observe_times(m, i, c);

    if (!c->from_cache) {
        if (c->priced) {
            hist_add(m, i, GENAI_HIST_COST, 0, 0, c->cost_pico / 1e12, c);
        }

        if (c->input_tokens >= 0) {
            hist_add(m, i, GENAI_HIST_INPUT, 0, 0, c->input_tokens, c);
        }

        if (c->output_tokens >= 0) {
            hist_add(m, i, GENAI_HIST_OUTPUT, 0, 0, c->output_tokens, c);
        }
    }

    if (c->score_count) {
        hist_add(m, i, GENAI_HIST_RETRIEVAL_SCORE, 0, 0,
                 c->score_sum / c->score_count, c);
    }

    if (c->documents >= 0) {
        hist_add(m, i, GENAI_HIST_RETRIEVAL_DOCS, 0, 0, c->documents, c);
    }

    for (n = 0; n < c->nscores && n < GENAI_CALL_SCORES; n++) {
        hist_add(m, i, GENAI_HIST_SCORE, 0, name_of(m, c->scores[n].name),
                 c->scores[n].value, c);
    }
}


void
genai_metrics_score(genai_metrics_t *m, const genai_call_t *c,
    genai_str_t name, double value)
{
    uint32_t  i;

    i = genai_metrics_series_of(m, c);
    hist_add(m, i, GENAI_HIST_SCORE, 0, name_of(m, name), value, c);
}
