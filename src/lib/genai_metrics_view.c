/*
 * What the registry looks like from outside: the one iteration that every
 * format stands on.  See genai_metrics.h.
 */

#include "genai_metrics_families.h"


typedef struct {
    const genai_metrics_t          *m;
    const genai_metrics_visitor_t  *v;
    void                           *data;
    const genai_metrics_family_t                 *f;
    uint8_t                         index;     /* of the family */
    uint8_t                         shown;     /* family() was called */
    uint8_t                         nbase;     /* labels of the series */

    genai_metric_point_t            p;
    char                            names[GENAI_METRICS_LABELS]
                                         [GENAI_METRICS_VALUE + 8];
} visit_t;


static int
visit_point(visit_t *x, const genai_metric_family_t *f)
{
    int  rc;

    if (!x->shown) {
        x->shown = 1;
        rc = x->v->family(x->data, f);

        if (rc != GENAI_OK) {
            return rc;
        }
    }

    return x->v->point(x->data, f, &x->p);
}


static void
visit_label(visit_t *x, const char *name, const char *key, genai_str_t value)
{
    genai_metric_label_t  *l;

    if (value.len == 0) {
        return;
    }

    l = &x->p.labels[x->p.nlabels++];
    l->name = genai_strz(name);
    l->key = genai_strz(key);
    l->value = value;
}


/* An operator's label may have any name: characters that Prometheus does not
 * know become _, and a name that is taken gets a prefix, or a number. */

static int
label_taken(const visit_t *x, const char *name, size_t len, size_t labels)
{
    size_t  i;

    static const char *const  reserved[] = {
        "api", "operation", "provider", "model", "location", "status",
        "type", "origin", "reason", "tool", "memory_operation", "end",
        "source", "pair", "table", "step", "name", "le", "error_type",
        "gen_ai_operation_name", "gen_ai_provider_name",
        "gen_ai_request_model", "gen_ai_token_type", "gen_ai_token_modality"
    };

    for (i = 0; i < genai_nelts(reserved); i++) {
        if (genai_str_is(genai_str(name, len), reserved[i])) {
            return 1;
        }
    }

    for (i = 0; i < labels; i++) {
        if (genai_str_eq(x->p.labels[x->nbase - labels + i].name,
                         genai_str(name, len)))
        {
            return 2;
        }
    }

    return 0;
}


static genai_str_t
label_name(visit_t *x, genai_str_t key, size_t labels)
{
    int      taken, n;
    char    *p, c;
    size_t   i, len;

    p = x->names[labels];
    len = 0;

    if ((key.data[0] >= '0' && key.data[0] <= '9')
        || (key.len > 1 && key.data[0] == '_' && key.data[1] == '_'))
    {
        memcpy(p, "label_", 6);
        len = 6;
    }

    for (i = 0; i < key.len; i++) {
        c = key.data[i];

        if ((c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z')
            || c == '_')
        {
            p[len++] = c;

        } else {
            p[len++] = '_';
        }
    }

    taken = label_taken(x, p, len, labels);

    if (taken == 1) {
        memmove(p + 6, p, len > GENAI_METRICS_VALUE ? GENAI_METRICS_VALUE
                                                    : len);
        memcpy(p, "label_", 6);
        len += 6;
    }

    for (n = 2; n < 10 && label_taken(x, p, len, labels) == 2; n++) {
        if (n == 2) {
            p[len++] = '_';
            len++;
        }

        p[len - 1] = (char) ('0' + n);
    }

    return genai_str(p, len);
}


static void
visit_series_labels(visit_t *x, uint32_t i)
{
    size_t                 pos, n;
    unsigned               conv;
    genai_str_t            provider, model, location, key, value;
    genai_series_t        *s;
    genai_metric_label_t  *l;

    s = genai_metrics_series(x->m, i);
    conv = x->f->group != GENAI_METRICS_OWN;
    pos = 2;

    provider = genai_metrics_key_next(s->key, s->keylen, &pos);
    model = genai_metrics_key_next(s->key, s->keylen, &pos);
    location = genai_metrics_key_next(s->key, s->keylen, &pos);

    x->p.nlabels = 0;

    visit_label(x, "api", "genai.api",
                genai_strz(genai_api_name((unsigned char) s->key[0])));
    visit_label(x, conv ? "gen_ai_operation_name" : "operation",
                "gen_ai.operation.name",
                genai_strz(genai_operation_name((unsigned char) s->key[1])));
    visit_label(x, conv ? "gen_ai_provider_name" : "provider",
                "gen_ai.provider.name", provider);
    visit_label(x, conv ? "gen_ai_request_model" : "model",
                "gen_ai.request.model", model);
    visit_label(x, "location", "genai.location", location);

    x->nbase = x->p.nlabels;

    for (n = 0; n < GENAI_METRICS_LABELS; n++) {
        key = genai_metrics_key_next(s->key, s->keylen, &pos);
        value = genai_metrics_key_next(s->key, s->keylen, &pos);

        if (value.len == 0) {
            break;
        }

        l = &x->p.labels[x->p.nlabels++];
        l->name = label_name(x, key, n);
        l->key = key;
        l->value = value;
        x->nbase = x->p.nlabels;
    }
}


static int
family_wants(const genai_metrics_family_t *f, unsigned op)
{
    unsigned  inference;

    inference = op == GENAI_OP_CHAT || op == GENAI_OP_TEXT_COMPLETION
                || op == GENAI_OP_IMAGE;

    switch (f->ops) {

    case GENAI_OPS_INFERENCE:
        return inference;

    case GENAI_OPS_EMBEDDINGS:
        return op == GENAI_OP_EMBEDDINGS;

    case GENAI_OPS_CLIENT:
        return inference || op == GENAI_OP_EMBEDDINGS
               || op == GENAI_OP_RERANK || op == GENAI_OP_RETRIEVAL
               || op == GENAI_OP_INVOKE_AGENT;

    default:
        return 1;
    }
}


static uint64_t
point_id(const visit_t *x, unsigned sub, uint32_t row)
{
    return (uint64_t) (x->index + 1) << 48 | (uint64_t) sub << 32 | row;
}


/* the sum of a column over a series and its duplicates */

static uint64_t
column_sum(const genai_metrics_t *m, uint32_t i, unsigned column)
{
    uint64_t  sum;

    for (sum = 0; i != GENAI_ROW_NONE; i = genai_metrics_next_series(m, i)) {
        sum += genai_metrics_load(&genai_metrics_series(m, i)
                                      ->columns[column]);
    }

    return sum;
}


static int
visit_columns(visit_t *x, uint32_t i)
{
    int       rc;
    unsigned  n;
    uint64_t  v;

    for (n = 0; n < x->f->n; n++) {
        v = column_sum(x->m, i, x->f->first + n);

        if (v == 0) {
            continue;
        }

        x->p.nlabels = x->nbase;

        if (x->f->values) {
            visit_label(x, x->f->labels[0].name, x->f->labels[0].key,
                        genai_strz(x->f->values[n]));
        }

        x->p.id = point_id(x, n, i);
        x->p.type = GENAI_VALUE_INT;
        x->p.i = (int64_t) v;
        x->p.d = (double) v;

        rc = visit_point(x, &x->f->pub);

        if (rc != GENAI_OK) {
            return rc;
        }
    }

    return GENAI_OK;
}


/* The coarse sum is at most the true one shifted, and too low by less than
 * the number of calls, so the true sum is the least number not below it that
 * has the exact sum as its low 64 bits.  It is read first: what it holds, the
 * exact sum read after it holds too. */

static unsigned __int128
series_cost(const genai_series_t *s)
{
    uint64_t           low, coarse;
    unsigned __int128  least;

    coarse = __atomic_load_n(&s->columns[GENAI_COL_COST_COARSE],
                             __ATOMIC_ACQUIRE);
    low = genai_metrics_load(&s->columns[GENAI_COL_COST]);
    least = (unsigned __int128) coarse << 20;

    return least + (uint64_t) (low - (uint64_t) least);
}


static int
visit_cost(visit_t *x, uint32_t i)
{
    uint32_t           j;
    unsigned __int128  sum;

    if (column_sum(x->m, i, GENAI_COL_PRICED) == 0) {
        return GENAI_OK;
    }

    sum = 0;

    for (j = i; j != GENAI_ROW_NONE;
         j = genai_metrics_next_series(x->m, j))
    {
        sum += series_cost(genai_metrics_series(x->m, j));
    }

    x->p.nlabels = x->nbase;
    x->p.id = point_id(x, 0, i);
    x->p.type = GENAI_VALUE_USD;
    x->p.usd = (int64_t) (sum / GENAI_PICO_PER_USD);
    x->p.pico = (int64_t) (sum % GENAI_PICO_PER_USD);
    x->p.i = x->p.usd;
    x->p.d = (double) x->p.usd + (double) x->p.pico / 1e12;

    return visit_point(x, &x->f->pub);
}


/* the histograms of a series and its duplicates, one after the other */

typedef struct {
    uint32_t       series;
    genai_hist_t  *h;
} hist_iter_t;


static int
hist_next(const genai_metrics_t *m, unsigned kind, hist_iter_t *it)
{
    uint32_t  next;

    next = it->h ? __atomic_load_n(&it->h->next, __ATOMIC_ACQUIRE)
                 : __atomic_load_n(
                       &genai_metrics_series(m, it->series)->hist[kind],
                       __ATOMIC_ACQUIRE);

    while (next == 0) {
        it->series = genai_metrics_next_series(m, it->series);

        if (it->series == GENAI_ROW_NONE) {
            return 0;
        }

        next = __atomic_load_n(
                   &genai_metrics_series(m, it->series)->hist[kind],
                   __ATOMIC_ACQUIRE);
    }

    it->h = genai_metrics_hist(m, next - 1);

    return 1;
}


static void
hist_add_exemplars(visit_t *x, const genai_hist_t *h)
{
    unsigned                 b;
    uint64_t                 t;
    genai_exemplar_t         e;
    const genai_exemplar_t  *from;

    if (h->exemplars == 0) {
        return;
    }

    for (b = 0; b <= x->p.nbounds; b++) {
        from = &genai_metrics_exemplars(x->m, h->exemplars - 1)->bucket[b];
        t = __atomic_load_n(&from->time_unix_ns, __ATOMIC_ACQUIRE);
        memcpy(&e, from, sizeof(e));
        __atomic_thread_fence(__ATOMIC_ACQUIRE);

        if (t == 0
            || t != __atomic_load_n(&from->time_unix_ns, __ATOMIC_RELAXED)
            || t < x->p.exemplars[b].time_unix_ns)
        {
            continue;
        }

        e.time_unix_ns = t;
        x->p.exemplars[b] = e;
        x->p.has_exemplars = 1;
    }
}


static void
hist_sum(visit_t *x, const genai_hist_t *h)
{
    double    sum;
    unsigned  b;
    uint64_t  n;

    for (b = 0; b <= x->p.nbounds; b++) {
        n = genai_metrics_load(&h->counts[b]);
        x->p.counts[b] += n;
        x->p.count += n;
    }

    __atomic_load(&h->sum, &sum, __ATOMIC_RELAXED);
    x->p.sum += sum;

    hist_add_exemplars(x, h);
}


static int
hist_same(const genai_metrics_family_t *f, const genai_hist_t *a,
    const genai_hist_t *b)
{
    return (!(f->split & GENAI_SPLIT_STEP) || a->step == b->step)
           && (!(f->split & GENAI_SPLIT_NAME) || a->name == b->name);
}


static void
visit_hist_labels(visit_t *x, const genai_hist_t *h, unsigned n)
{
    genai_str_t    v;
    genai_name_t  *name;

    x->p.nlabels = x->nbase;

    if (x->f->values) {
        v = genai_strz(x->f->values[n]);

    } else if (x->f->split & GENAI_SPLIT_STEP) {
        v = genai_strz(genai_step_name(h->step));

    } else if ((x->f->split & GENAI_SPLIT_NAME) && h->name) {
        name = genai_metrics_name(x->m, h->name);
        v = genai_str(name->data, name->len);

    } else {
        return;
    }

    visit_label(x, x->f->labels[0].name, x->f->labels[0].key, v);
}


static int
visit_hist_kind(visit_t *x, uint32_t i, unsigned n)
{
    int          rc;
    unsigned     kind, seen;
    hist_iter_t  it, other;

    kind = x->f->first + n;
    it.series = i;
    it.h = NULL;

    while (hist_next(x->m, kind, &it)) {
        seen = 0;
        other.series = i;
        other.h = NULL;

        memset(x->p.counts, 0, sizeof(x->p.counts));
        memset(x->p.exemplars, 0, sizeof(x->p.exemplars));
        x->p.has_exemplars = 0;
        x->p.count = 0;
        x->p.sum = 0;
        x->p.bounds = genai_metrics_bounds(kind, &x->p.nbounds);

        while (hist_next(x->m, kind, &other)) {
            if (!hist_same(x->f, other.h, it.h)) {
                continue;
            }

            if (!seen && other.h != it.h) {
                break;                 /* shown already */
            }

            seen = 1;
            hist_sum(x, other.h);
        }

        if (!seen || x->p.count == 0) {
            continue;
        }

        visit_hist_labels(x, it.h, n);
        x->p.id = point_id(x, n, it.h - genai_metrics_hist(x->m, 0));

        rc = visit_point(x, &x->f->pub);

        if (rc != GENAI_OK) {
            return rc;
        }
    }

    return GENAI_OK;
}


static int
visit_all_series(visit_t *x)
{
    int              rc;
    unsigned         n;
    uint32_t         i;

    for (i = 0; i < x->m->series.n; i++) {
        if (!genai_metrics_ready(x->m, &x->m->series, i)
            || !family_wants(x->f, (unsigned char)
                                       genai_metrics_series(x->m, i)->key[1])
            || genai_metrics_primary(x->m, i) != i)
        {
            continue;
        }

        visit_series_labels(x, i);
        rc = GENAI_OK;

        if (x->f->source == GENAI_SRC_COLUMNS) {
            rc = visit_columns(x, i);

        } else if (x->f->source == GENAI_SRC_COST) {
            rc = visit_cost(x, i);

        } else {
            for (n = 0; n < x->f->n && rc == GENAI_OK; n++) {
                rc = visit_hist_kind(x, i, n);
            }
        }

        if (rc != GENAI_OK) {
            return rc;
        }
    }

    return GENAI_OK;
}


/* the sum over all rows of the label set of row i; 0 unless i is the first */

static uint64_t
counter_sum(const genai_metrics_t *m, uint32_t i, uint32_t series)
{
    uint32_t          s, j, first;
    uint64_t          sum;
    genai_counter_t  *row;

    sum = 0;
    first = GENAI_ROW_NONE;
    row = genai_metrics_counter(m, i);

    for (s = series; s != GENAI_ROW_NONE;
         s = genai_metrics_next_series(m, s))
    {
        for (j = genai_metrics_find_counter(m, s, row); j != GENAI_ROW_NONE;
             j = genai_metrics_next_counter(m, j))
        {
            if (first == GENAI_ROW_NONE) {
                first = j;

                if (first != i) {
                    return 0;
                }
            }

            sum += genai_metrics_load(&genai_metrics_counter(m, j)->value);
        }
    }

    return sum;
}


static int
visit_counters(visit_t *x)
{
    int               rc;
    size_t            pos;
    uint32_t          i, series;
    uint64_t          v;
    genai_str_t       a, b;
    genai_counter_t  *row;

    for (i = 0; i < x->m->counters.n; i++) {
        row = genai_metrics_counter(x->m, i);

        if (!genai_metrics_ready(x->m, &x->m->counters, i)
            || row->counter != x->f->first)
        {
            continue;
        }

        series = genai_metrics_primary(x->m, row->series);
        v = counter_sum(x->m, i, series);

        if (v == 0) {
            continue;
        }

        pos = 5;
        a = genai_metrics_key_next(row->key, row->keylen, &pos);
        b = genai_metrics_key_next(row->key, row->keylen, &pos);

        visit_series_labels(x, series);

        if (x->f->labels[0].name) {
            visit_label(x, x->f->labels[0].name, x->f->labels[0].key, a);
        }

        if (x->f->labels[1].name) {
            visit_label(x, x->f->labels[1].name, x->f->labels[1].key, b);
        }

        x->p.id = point_id(x, 0, i);
        x->p.type = GENAI_VALUE_INT;
        x->p.i = (int64_t) v;
        x->p.d = (double) v;

        rc = visit_point(x, &x->f->pub);

        if (rc != GENAI_OK) {
            return rc;
        }
    }

    return GENAI_OK;
}


static int
visit_head(visit_t *x)
{
    int       rc;
    unsigned  n;
    uint64_t  v;

    for (n = 0; n < x->f->n; n++) {
        x->p.nlabels = 0;
        x->p.id = point_id(x, n, 0);

        if (x->f->source == GENAI_SRC_OWN) {
            v = genai_metrics_load(&x->m->own_ns);
            x->p.type = GENAI_VALUE_DOUBLE;
            x->p.d = (double) v / 1e9;
            x->p.i = (int64_t) x->p.d;

        } else {
            v = genai_metrics_load(&x->m->full[n]);
            x->p.type = GENAI_VALUE_INT;
            x->p.i = (int64_t) v;
            x->p.d = (double) v;
            visit_label(x, x->f->labels[0].name, x->f->labels[0].key,
                        genai_strz(x->f->values[n]));
        }

        rc = visit_point(x, &x->f->pub);

        if (rc != GENAI_OK) {
            return rc;
        }
    }

    return GENAI_OK;
}


static int
sample_same(const genai_metric_sample_t *a, const genai_metric_sample_t *b)
{
    return strcmp(a->name, b->name) == 0;
}


static int
visit_sample(visit_t *x, const genai_metric_family_t *f,
    const genai_metric_sample_t *s)
{
    size_t  i;

    x->p.nlabels = 0;
    x->p.id = 0;

    for (i = 0; i < s->nlabels && i < genai_nelts(s->labels); i++) {
        visit_label(x, s->labels[i].name, s->labels[i].name,
                    s->labels[i].value);
    }

    x->p.type = s->is_int ? GENAI_VALUE_INT : GENAI_VALUE_DOUBLE;
    x->p.i = s->is_int ? s->i : (int64_t) s->d;
    x->p.d = s->is_int ? (double) s->i : s->d;

    return visit_point(x, f);
}


/* the first of n samples and those that share its name */

static int
visit_samples_of(visit_t *x, const genai_metric_sample_t *s, size_t n)
{
    int                    rc;
    char                   name[128];
    size_t                 i, len;
    genai_metric_family_t  f;

    len = strlen(s->name);

    if (len >= sizeof(name)) {
        return GENAI_OK;
    }

    memcpy(name, s->name, len + 1);

    if (s->kind == GENAI_METRIC_COUNTER && len > 6
        && memcmp(name + len - 6, "_total", 6) == 0)
    {
        name[len - 6] = '\0';
    }

    f.name = name;
    f.otel = s->otel ? s->otel : name;
    f.unit = s->unit ? s->unit : "1";
    f.help = s->help;
    f.kind = s->kind;

    x->shown = 0;
    rc = visit_sample(x, &f, s);

    for (i = 1; i < n && rc == GENAI_OK; i++) {
        if (sample_same(&s[i], s)) {
            rc = visit_sample(x, &f, &s[i]);
        }
    }

    return rc;
}


static int
sample_is_first(const genai_metric_sample_t *s, size_t i)
{
    size_t  j;

    for (j = 0; j < i; j++) {
        if (sample_same(&s[j], &s[i])) {
            return 0;
        }
    }

    return 1;
}


static int
visit_samples(visit_t *x, const genai_metric_sample_t *s, size_t n)
{
    int     rc;
    size_t  i;

    for (i = 0; i < n; i++) {
        if (!sample_is_first(s, i)) {
            continue;
        }

        rc = visit_samples_of(x, s + i, n - i);

        if (rc != GENAI_OK) {
            return rc;
        }
    }

    return GENAI_OK;
}


static int
visit_family(visit_t *x)
{
    switch (x->f->source) {

    case GENAI_SRC_COUNTER:
        return visit_counters(x);

    case GENAI_SRC_FULL:
    case GENAI_SRC_OWN:
        return visit_head(x);

    default:
        return visit_all_series(x);
    }
}


int
genai_metrics_visit(const genai_metrics_t *m,
    const genai_metrics_view_t *view, const genai_metrics_visitor_t *v,
    void *data)
{
    int      rc;
    size_t   i;
    visit_t  x;

    memset(&x, 0, sizeof(x));
    x.m = m;
    x.v = v;
    x.data = data;

    for (i = 0; i < genai_metrics_nfamilies; i++) {
        if (!(genai_metrics_families[i].group & view->groups)) {
            continue;
        }

        x.f = &genai_metrics_families[i];
        x.index = i;
        x.shown = 0;

        rc = visit_family(&x);

        if (rc != GENAI_OK) {
            return rc;
        }
    }

    return visit_samples(&x, view->samples, view->nsamples);
}
