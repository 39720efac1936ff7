/*
 * The metrics registry in OTLP, cumulative or delta.
 *
 * A visit packs each data point at once into the points of its family; the
 * family becomes a Metric when the next one begins.  For delta temporality a
 * table keeps, for each series, the values of the last part that was taken
 * and those of the part under way.
 */

#include <math.h>
#include <stdlib.h>
#include <time.h>

#include "genai_otlp_store.h"
#include "genai_otlp_wire.h"
#include "genai_span.h"


#define GENAI_OTLP_PARTS   64
#define GENAI_OTLP_FRESH   (3 * GENAI_NS_PER_SEC)

/* field numbers of Metric.data (telemetry 2.3) */

#define OTLP_GAUGE         5
#define OTLP_SUM           7
#define OTLP_HISTOGRAM     9

#define OTLP_DELTA         1
#define OTLP_CUMULATIVE    2


typedef struct {
    size_t               end;          /* in items */
    size_t               sent;         /* in the store's list */
} genai_otlp_part_t;


struct genai_otlp_metrics_s {
    int                  delta;
    uint64_t             created;      /* unix ns */
    uint64_t             registry;     /* start of the registry seen last */
    uint64_t             before;       /* time of the encoding before */
    uint64_t             now;
    unsigned             bearings:1;   /* take values, send nothing */

    genai_otlp_buf_t     items;
    genai_otlp_buf_t     name;         /* Metric without its data */
    genai_otlp_buf_t     points;
    genai_metric_kind_e  kind;
    uint64_t             family;       /* hash of its name */
    size_t               family_sent;
    genai_otlp_part_t    parts[GENAI_OTLP_PARTS];
    int                  nparts;
    genai_otlp_store_t   store;

    Otlp__AnyValue       values[GENAI_METRICS_POINT_LABELS];
    Otlp__KeyValue       pairs[GENAI_METRICS_POINT_LABELS];
    Otlp__KeyValue      *list[GENAI_METRICS_POINT_LABELS];
    Otlp__Exemplar       exemplars[GENAI_METRICS_BUCKETS];
    Otlp__Exemplar      *exemplar_list[GENAI_METRICS_BUCKETS];
};


static int genai_otlp_family(void *data, const genai_metric_family_t *f);
static int genai_otlp_point(void *data, const genai_metric_family_t *f,
    const genai_metric_point_t *p);
static int genai_otlp_number(genai_otlp_metrics_t *e,
    const genai_metric_point_t *p);
static int genai_otlp_number_delta(genai_otlp_metrics_t *e,
    const genai_metric_point_t *p, Otlp__NumberDataPoint *m);
static int genai_otlp_histogram(genai_otlp_metrics_t *e,
    const genai_metric_point_t *p);
static int genai_otlp_histogram_delta(genai_otlp_metrics_t *e,
    const genai_metric_point_t *p, Otlp__HistogramDataPoint *m);
static size_t genai_otlp_exemplars(genai_otlp_metrics_t *e,
    const genai_metric_point_t *p, uint64_t since);
static size_t genai_otlp_labels(genai_otlp_metrics_t *e,
    const genai_metric_point_t *p);
static int genai_otlp_flush(genai_otlp_metrics_t *e);
static int genai_otlp_close(genai_otlp_metrics_t *e, size_t end, size_t sent);
static genai_otlp_series_t *genai_otlp_series(genai_otlp_metrics_t *e,
    const genai_metric_point_t *p, uint32_t n);


genai_otlp_metrics_t *
genai_otlp_metrics_create(int delta)
{
    struct timespec        ts;
    genai_otlp_metrics_t  *e;

    e = calloc(1, sizeof(genai_otlp_metrics_t));
    if (e == NULL) {
        return NULL;
    }

    clock_gettime(CLOCK_REALTIME, &ts);

    e->delta = delta;
    e->created = (uint64_t) ts.tv_sec * GENAI_NS_PER_SEC
                 + (uint64_t) ts.tv_nsec;

    return e;
}


void
genai_otlp_metrics_destroy(genai_otlp_metrics_t *e)
{
    if (e) {
        genai_otlp_free(&e->items);
        genai_otlp_free(&e->name);
        genai_otlp_free(&e->points);
        genai_otlp_store_free(&e->store);
        free(e);
    }
}


int
genai_otlp_metrics_encode(genai_otlp_metrics_t *e, const genai_metrics_t *m,
    const genai_metrics_view_t *view, uint64_t now_unix_ns)
{
    uint64_t                 start;
    genai_metrics_visitor_t  v;

    start = genai_metrics_start(m);

    e->now = now_unix_ns;
    e->bearings = 0;

    if (start != e->registry) {

        /*
         * What a registry older than this encoder holds has been sent by
         * the process before, which flushed as it went.
         */

        e->bearings = e->delta && start + GENAI_OTLP_FRESH < e->created;
        e->registry = start;
        e->before = start;
        genai_otlp_store_free(&e->store);
    }

    genai_otlp_clear(&e->items);
    e->points.len = 0;
    e->name.len = 0;
    e->nparts = 0;
    e->store.nsent = 0;
    e->family_sent = 0;

    v.family = genai_otlp_family;
    v.point = genai_otlp_point;

    if (genai_metrics_visit(m, view, &v, e) != GENAI_OK
        || genai_otlp_flush(e) != GENAI_OK
        || genai_otlp_close(e, e->items.len, e->store.nsent) != GENAI_OK)
    {
        e->nparts = 0;
        return -1;
    }

    e->before = now_unix_ns;

    return e->nparts;
}


genai_str_t
genai_otlp_metrics_part(const genai_otlp_metrics_t *e, int part)
{
    size_t  start;

    start = part ? e->parts[part - 1].end : 0;

    return genai_str((char *) e->items.data + start,
                     e->parts[part].end - start);
}


void
genai_otlp_metrics_commit(genai_otlp_metrics_t *e, int part)
{
    if (part < e->nparts) {
        genai_otlp_store_take(&e->store,
                              part ? e->parts[part - 1].sent : 0,
                              e->parts[part].sent, e->now);
    }
}


int
genai_otlp_metrics_save(const genai_otlp_metrics_t *e, const char *path)
{
    if (!e->delta || e->registry == 0) {
        return GENAI_DECLINED;
    }

    return genai_otlp_store_save(&e->store, e->registry, e->before, path);
}


int
genai_otlp_metrics_load(genai_otlp_metrics_t *e, const char *path)
{
    return e->delta ? genai_otlp_store_load(&e->store, &e->registry,
                                            &e->before, path)
                    : GENAI_DECLINED;
}


static int
genai_otlp_family(void *data, const genai_metric_family_t *f)
{
    Otlp__Metric           m = OTLP__METRIC__INIT;
    genai_otlp_metrics_t  *e = data;

    if (genai_otlp_flush(e) != GENAI_OK) {
        return GENAI_ERROR;
    }

    m.name = genai_otlp_bin(genai_strz(f->otel));
    m.description = genai_otlp_bin(genai_strz(f->help));
    m.unit = genai_otlp_bin(genai_strz(f->unit));

    e->name.len = 0;

    if (genai_otlp_room(&e->name, otlp__metric__get_packed_size(&m)) == NULL) {
        return GENAI_ERROR;
    }

    e->name.len = otlp__metric__pack(&m, e->name.data);
    e->kind = f->kind;
    e->family = genai_otlp_hash(0, m.name.len ? f->otel : "", m.name.len);

    return GENAI_OK;
}


static int
genai_otlp_point(void *data, const genai_metric_family_t *f,
    const genai_metric_point_t *p)
{
    int                    rc;
    genai_otlp_metrics_t  *e = data;

    /* half of the limit: the largest point is far smaller than the rest */

    if (e->points.len > GENAI_OTLP_LIMIT / 2
        && genai_otlp_flush(e) != GENAI_OK)
    {
        return GENAI_ERROR;
    }

    rc = (f->kind == GENAI_METRIC_HISTOGRAM) ? genai_otlp_histogram(e, p)
                                             : genai_otlp_number(e, p);

    return (rc == GENAI_ERROR) ? GENAI_ERROR : GENAI_OK;
}


static int
genai_otlp_number(genai_otlp_metrics_t *e, const genai_metric_point_t *p)
{
    int                    rc;
    Otlp__NumberDataPoint  m = OTLP__NUMBER_DATA_POINT__INIT;

    m.time_unix_nano = e->now;

    if (p->type == GENAI_VALUE_INT) {
        m.value_case = OTLP__NUMBER_DATA_POINT__VALUE_AS_INT;
        m.as_int = p->i;

    } else {
        m.value_case = OTLP__NUMBER_DATA_POINT__VALUE_AS_DOUBLE;
        m.as_double = p->d;

        if (!isfinite(p->d)) {
            return GENAI_DECLINED;
        }
    }

    if (e->kind == GENAI_METRIC_COUNTER) {
        m.start_time_unix_nano = e->registry;

        if (e->delta) {
            rc = genai_otlp_number_delta(e, p, &m);

            if (rc != GENAI_OK) {
                return rc;
            }
        }

    } else if (e->bearings) {
        return GENAI_DECLINED;
    }

    m.n_attributes = genai_otlp_labels(e, p);
    m.attributes = e->list;

    return genai_otlp_message(&e->points, 1, &m.base);
}


/* GENAI_DECLINED: nothing to send */

static int
genai_otlp_number_delta(genai_otlp_metrics_t *e,
    const genai_metric_point_t *p, Otlp__NumberDataPoint *m)
{
    double                d;
    int64_t               usd, pico;
    uint64_t             *v, now[2];
    uint32_t              n;
    genai_otlp_series_t  *s;

    n = (p->type == GENAI_VALUE_USD) ? 2 : 1;
    s = genai_otlp_series(e, p, n);

    if (s == NULL) {
        return GENAI_ERROR;
    }

    v = e->store.values + s->off;
    now[1] = 0;

    switch (p->type) {

    case GENAI_VALUE_INT:
        now[0] = (uint64_t) p->i;
        m->as_int = p->i - (int64_t) v[0];
        break;

    case GENAI_VALUE_USD:
        now[0] = (uint64_t) p->usd;
        now[1] = (uint64_t) p->pico;
        usd = p->usd - (int64_t) v[0];
        pico = p->pico - (int64_t) v[1];

        if (llabs(usd) < INT64_MAX / GENAI_PICO_PER_USD - 1) {
            m->as_double = genai_span_usd_double(usd * GENAI_PICO_PER_USD
                                                 + pico);

        } else {
            m->as_double = (double) usd + (double) pico / 1e12;
        }

        break;

    default:
        memcpy(&now[0], &p->d, 8);
        memcpy(&d, &v[0], 8);
        m->as_double = p->d - d;
        break;
    }

    if (e->bearings) {
        memcpy(v, now, n * sizeof(uint64_t));
        s->time = e->now;
        return GENAI_DECLINED;
    }

    if (memcmp(v, now, n * sizeof(uint64_t)) == 0) {
        return GENAI_DECLINED;
    }

    memcpy(v + n, now, n * sizeof(uint64_t));
    m->start_time_unix_nano = s->time;

    return genai_otlp_store_sent(&e->store, s);
}


static int
genai_otlp_histogram(genai_otlp_metrics_t *e, const genai_metric_point_t *p)
{
    int                       rc;
    uint64_t                  counts[GENAI_METRICS_BUCKETS];
    Otlp__HistogramDataPoint  m = OTLP__HISTOGRAM_DATA_POINT__INIT;

    memcpy(counts, p->counts, sizeof(counts));

    m.start_time_unix_nano = e->registry;
    m.time_unix_nano = e->now;
    m.count = p->count;
    m.has_sum_case = OTLP__HISTOGRAM_DATA_POINT__HAS_SUM_SUM;
    m.sum = p->sum;
    m.n_bucket_counts = p->nbounds + 1;
    m.bucket_counts = counts;
    m.n_explicit_bounds = p->nbounds;
    m.explicit_bounds = (double *) p->bounds;

    if (e->delta) {
        rc = genai_otlp_histogram_delta(e, p, &m);

        if (rc != GENAI_OK) {
            return rc;
        }
    }

    m.n_attributes = genai_otlp_labels(e, p);
    m.attributes = e->list;
    m.n_exemplars = genai_otlp_exemplars(e, p, e->delta
                                               ? m.start_time_unix_nano : 0);
    m.exemplars = e->exemplar_list;

    return genai_otlp_message(&e->points, 1, &m.base);
}


static int
genai_otlp_histogram_delta(genai_otlp_metrics_t *e,
    const genai_metric_point_t *p, Otlp__HistogramDataPoint *m)
{
    size_t                i;
    double                sum;
    uint32_t              n;
    uint64_t             *v, now[GENAI_OTLP_VALUES];
    genai_otlp_series_t  *s;

    n = (uint32_t) p->nbounds + 3;
    s = genai_otlp_series(e, p, n);

    if (s == NULL) {
        return GENAI_ERROR;
    }

    v = e->store.values + s->off;

    now[0] = p->count;
    memcpy(&now[1], &p->sum, 8);
    memcpy(&now[2], p->counts, (p->nbounds + 1) * sizeof(uint64_t));

    if (e->bearings) {
        memcpy(v, now, n * sizeof(uint64_t));
        s->time = e->now;
        return GENAI_DECLINED;
    }

    if (v[0] == p->count) {
        return GENAI_DECLINED;
    }

    memcpy(v + n, now, n * sizeof(uint64_t));
    memcpy(&sum, &v[1], 8);

    m->count = p->count - v[0];
    m->sum = p->sum - sum;
    m->start_time_unix_nano = s->time;

    for (i = 0; i <= p->nbounds; i++) {
        m->bucket_counts[i] -= v[2 + i];
    }

    return genai_otlp_store_sent(&e->store, s);
}


static size_t
genai_otlp_exemplars(genai_otlp_metrics_t *e, const genai_metric_point_t *p,
    uint64_t since)
{
    size_t                   i, n;
    Otlp__Exemplar          *m;
    const genai_exemplar_t  *x;

    n = 0;

    for (i = 0; p->has_exemplars && i <= p->nbounds; i++) {
        x = &p->exemplars[i];

        if (x->time_unix_ns == 0 || x->time_unix_ns < since) {
            continue;
        }

        m = &e->exemplars[n];
        otlp__exemplar__init(m);

        m->time_unix_nano = x->time_unix_ns;
        m->value_case = OTLP__EXEMPLAR__VALUE_AS_DOUBLE;
        m->as_double = x->value;
        m->span_id = genai_otlp_bin(genai_str((char *) x->span_id, 8));
        m->trace_id = genai_otlp_bin(genai_str((char *) x->trace_id, 16));

        e->exemplar_list[n++] = m;
    }

    return n;
}


static size_t
genai_otlp_labels(genai_otlp_metrics_t *e, const genai_metric_point_t *p)
{
    size_t  i;

    for (i = 0; i < p->nlabels; i++) {
        genai_otlp_pair(&e->pairs[i], &e->values[i], p->labels[i].key,
                        p->labels[i].value);
        e->list[i] = &e->pairs[i];
    }

    return p->nlabels;
}


/* the family's points so far become a Metric of this part or of the next */

static int
genai_otlp_flush(genai_otlp_metrics_t *e)
{
    size_t    data, metric, need, start;
    uint8_t  *p;
    unsigned  field, tail;

    if (e->points.len == 0) {
        return GENAI_OK;
    }

    field = (e->kind == GENAI_METRIC_GAUGE) ? OTLP_GAUGE
            : (e->kind == GENAI_METRIC_COUNTER) ? OTLP_SUM : OTLP_HISTOGRAM;
    tail = (field == OTLP_GAUGE) ? 0 : (field == OTLP_SUM) ? 4 : 2;

    data = e->points.len + tail;
    metric = e->name.len + genai_otlp_tag_size(data) + data;
    need = genai_otlp_tag_size(metric) + metric;

    start = e->nparts ? e->parts[e->nparts - 1].end : 0;

    if (e->items.len + need - start > GENAI_OTLP_LIMIT
        && genai_otlp_close(e, e->items.len, e->family_sent) != GENAI_OK)
    {
        return GENAI_ERROR;
    }

    p = genai_otlp_room(&e->items, need);
    if (p == NULL) {
        return GENAI_ERROR;
    }

    p = genai_otlp_tag(p, 2, metric);
    memcpy(p, e->name.data, e->name.len);
    p = genai_otlp_tag(p + e->name.len, field, data);
    memcpy(p, e->points.data, e->points.len);
    p += e->points.len;

    if (tail) {
        *p++ = 2 << 3;                 /* aggregation_temporality */
        *p++ = e->delta ? OTLP_DELTA : OTLP_CUMULATIVE;
    }

    if (tail == 4) {
        *p++ = 3 << 3;                 /* is_monotonic */
        *p++ = 1;
    }

    e->items.len += need;
    e->points.len = 0;
    e->family_sent = e->store.nsent;

    return GENAI_OK;
}


static int
genai_otlp_close(genai_otlp_metrics_t *e, size_t end, size_t sent)
{
    size_t  start;

    start = e->nparts ? e->parts[e->nparts - 1].end : 0;

    if (end == start) {
        return GENAI_OK;
    }

    if (e->nparts == GENAI_OTLP_PARTS) {
        return GENAI_ERROR;
    }

    e->parts[e->nparts].end = end;
    e->parts[e->nparts].sent = sent;
    e->nparts++;

    return GENAI_OK;
}


/* the series of a point, with n values; a new one holds zeros since the
 * encoding before, when it was not there */

static genai_otlp_series_t *
genai_otlp_series(genai_otlp_metrics_t *e, const genai_metric_point_t *p,
    uint32_t n)
{
    size_t    i;
    uint64_t  key;

    key = genai_otlp_hash(e->family, (const char *) &p->id, sizeof(p->id));

    for (i = 0; p->id == 0 && i < p->nlabels; i++) {
        key = genai_otlp_hash(key, p->labels[i].key.data,
                              p->labels[i].key.len);
        key = genai_otlp_hash(key, p->labels[i].value.data,
                              p->labels[i].value.len);
    }

    return genai_otlp_store_get(&e->store, key ? key : 1, n, e->before);
}
