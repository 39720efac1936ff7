/*
 * What the tests of the registry share: calls, a writer, sums over a visit.
 */

#ifndef GENAI_TEST_METRICS_H
#define GENAI_TEST_METRICS_H

#include <sys/mman.h>

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


__attribute__((unused))
static const char *
text(const genai_metrics_t *m, unsigned groups, genai_text_e format)
{
    genai_metrics_view_t  view = { groups, NULL, 0 };

    memset(&out, 0, offsetof(out_t, data));
    out.data[0] = '\0';
    genai_metrics_text(m, &view, format, out_write, &out);

    return out.data;
}


__attribute__((unused))
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


__attribute__((unused))
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


__attribute__((unused))
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


__attribute__((unused))
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


#endif /* GENAI_TEST_METRICS_H */
