/*
 * What is sent is decoded again by the generated code: spans, metrics in both
 * temporalities, and what answers of collectors mean.
 */

#include <math.h>
#include <time.h>
#include <unistd.h>

#include "otlp.pb-c.h"

#include "genai_otlp.h"
#include "genai_otlp_wire.h"
#include "test.h"


static const genai_pair_t  resource[] = {
    { "service.name", "gateway" },
    { "deployment.environment.name", "test" },
    { "empty", "" }
};


static genai_otlp_buf_t  front, items, scratch;
static size_t            scope;


static uint8_t *
request(genai_str_t body, size_t *len)
{
    size_t    n;
    uint8_t  *p;

    p = malloc(front.len + GENAI_OTLP_HEAD + body.len);
    n = genai_otlp_head(&front, scope, body.len, p);

    if (body.len) {
        memcpy(p + n, body.data, body.len);
    }

    *len = n + body.len;

    return p;
}


static Otlp__TracesRequest *
traces(void)
{
    size_t                len;
    uint8_t              *p;
    Otlp__TracesRequest  *r;

    p = request(genai_str((char *) items.data, items.len), &len);
    r = otlp__traces_request__unpack(NULL, len, p);
    free(p);

    return r;
}


static int
bin_is(ProtobufCBinaryData b, const char *want)
{
    return b.len == strlen(want) && memcmp(b.data, want, b.len) == 0;
}


static const Otlp__AnyValue *
attr(Otlp__KeyValue **list, size_t n, const char *key)
{
    size_t  i;

    for (i = 0; i < n; i++) {
        if (bin_is(list[i]->key, key)) {
            return list[i]->value;
        }
    }

    return NULL;
}


static void
fill(genai_call_t *c, unsigned n)
{
    static char  model[64];

    genai_call_init(c, NULL, 0);

    memset(c->trace_id, 0xa1, 16);
    memset(c->span_id, 0xb2, 8);
    c->span_id[7] = (uint8_t) n;
    c->parent_id[0] = 0xc3;
    c->parent_remote = 1;

    c->kind = 3;
    c->trace_flags = 1;
    c->sampled = 1;
    c->api = GENAI_API_BEDROCK;
    c->operation = GENAI_OP_CHAT;
    c->step = GENAI_STEP_GENERATION;
    c->usage_source = GENAI_SOURCE_BODY;
    c->usage_complete = 1;
    c->finish = GENAI_FINISH_STOP;
    c->status = 200;
    c->server_port = 443;
    c->priced = 1;
    c->start_unix_ns = 1700000000123456789ULL + n;
    c->start_ns = 1000;
    c->end_ns = 1000 + 250000000ULL;
    c->input_tokens = 100 + n;
    c->output_tokens = 20;
    c->total_tokens = 120 + n;
    c->cost_pico = 600000000LL;
    c->temperature = 0.5;

    snprintf(model, sizeof(model), "model-%u", n);

    c->provider = genai_strz("aws.bedrock");
    c->model = genai_strz(model);
    c->method = genai_strz("POST");
    c->location = genai_strz("/model/");
    c->tracestate = genai_strz("k=v");
    c->stop_reason = genai_strz("end_turn");
    c->stop_sequences = genai_strz("A\x1f" "B");
}


static void
test_traces(void)
{
    int                    rc;
    unsigned               i, bad, n;
    genai_call_t           c;
    Otlp__Span            *s;
    Otlp__Resource        *res;
    const Otlp__AnyValue  *v;
    Otlp__TracesRequest   *r;

    rc = genai_otlp_front(&front, resource, 3, "1.2.3", &scope);
    is_int(rc, GENAI_OK, "front");

    r = traces();
    ok(r && r->n_resource_spans == 1
       && r->resource_spans[0]->scope_spans[0]->n_spans == 0,
       "a request of no spans");
    otlp__traces_request__free_unpacked(r, NULL);

    fill(&c, 1);
    is_int(genai_otlp_span(&items, &scratch, &c), GENAI_OK, "a span");
    c.model = genai_strz("a\xff" "b");
    genai_call_error(&c, genai_strz("ModelTimeoutException"), 3);
    c.error_message = genai_strz("late");
    is_int(genai_otlp_span(&items, &scratch, &c), GENAI_OK, "a failed one");

    r = traces();
    ok(r && r->n_resource_spans == 1, "decoded");

    res = r->resource_spans[0]->resource;
    is_int((long long) res->n_attributes, 2, "resource attributes");
    v = attr(res->attributes, res->n_attributes, "service.name");
    ok(v && bin_is(v->string_value, "gateway"), "service.name");
    ok(bin_is(r->resource_spans[0]->scope_spans[0]->scope->name,
              "ngx_http_genai_module")
       && bin_is(r->resource_spans[0]->scope_spans[0]->scope->version,
                 "1.2.3"), "scope");
    is_int((long long) r->resource_spans[0]->scope_spans[0]->n_spans, 2,
           "both spans");

    s = r->resource_spans[0]->scope_spans[0]->spans[0];
    ok(s->trace_id.len == 16 && s->trace_id.data[15] == 0xa1, "trace id");
    ok(s->span_id.len == 8 && s->span_id.data[7] == 1, "span id");
    ok(s->parent_span_id.len == 8 && s->parent_span_id.data[0] == 0xc3,
       "parent id");
    ok(bin_is(s->name, "chat model-1"), "name");
    ok(bin_is(s->trace_state, "k=v"), "trace state");
    is_int(s->kind, 3, "kind");
    is_int(s->flags, 0x301, "flags");
    ok(s->start_time_unix_nano == 1700000000123456790ULL, "start");
    ok(s->end_time_unix_nano == 1700000000373456790ULL, "end");
    ok(s->status == NULL, "status unset is absent");

    v = attr(s->attributes, s->n_attributes, "gen_ai.usage.input_tokens");
    ok(v && v->value_case == OTLP__ANY_VALUE__VALUE_INT_VALUE
       && v->int_value == 101, "an integer");
    v = attr(s->attributes, s->n_attributes, "genai.cost.usd");
    ok(v && v->value_case == OTLP__ANY_VALUE__VALUE_DOUBLE_VALUE
       && v->double_value == 0.0006, "a double");
    v = attr(s->attributes, s->n_attributes, "genai.usage.complete");
    ok(v && v->value_case == OTLP__ANY_VALUE__VALUE_BOOL_VALUE
       && v->bool_value, "a boolean");
    v = attr(s->attributes, s->n_attributes,
             "gen_ai.request.stop_sequences");
    ok(v && v->value_case == OTLP__ANY_VALUE__VALUE_ARRAY_VALUE
       && v->array_value->n_values == 2
       && bin_is(v->array_value->values[1]->string_value, "B"), "a list");

    s = r->resource_spans[0]->scope_spans[0]->spans[1];
    ok(s->status && s->status->code == 2
       && bin_is(s->status->message, "late"), "status");
    ok(bin_is(s->name, "chat a\xef\xbf\xbd" "b"), "a name made valid");
    v = attr(s->attributes, s->n_attributes, "gen_ai.request.model");
    ok(v && bin_is(v->string_value, "a\xef\xbf\xbd" "b"),
       "an attribute made valid");

    otlp__traces_request__free_unpacked(r, NULL);

    /* lengths of lengths: every size of request decodes */

    items.len = 0;
    bad = 0;

    for (i = 1; i <= 300; i++) {
        fill(&c, i);
        bad += genai_otlp_span(&items, &scratch, &c) != GENAI_OK;

        r = traces();
        bad += !r || r->resource_spans[0]->scope_spans[0]->n_spans != i;

        if (r) {
            otlp__traces_request__free_unpacked(r, NULL);
        }
    }

    is_int(bad, 0, "requests of 1 to 300 spans decode");

    for (n = 0; (rc = genai_otlp_span(&items, &scratch, &c)) == GENAI_OK; n++)
    {
        /* void */
    }

    is_int(rc, GENAI_AGAIN, "a full request");
    ok(n > 1000 && items.len <= GENAI_OTLP_LIMIT
       && items.len > GENAI_OTLP_LIMIT - 4096, "has up to 4 MiB");

    items.len = 0;
}


/* a call that a budget refused has an event; attributes go on around it */

static void
test_event(void)
{
    genai_call_t           c;
    Otlp__Span            *s;
    Otlp__Event           *e;
    const Otlp__AnyValue  *v;
    Otlp__TracesRequest   *r;

    fill(&c, 7);
    is_int(genai_otlp_span(&items, &scratch, &c), GENAI_OK, "an admitted");
    c.budget_status = GENAI_BUDGET_REJECTED;
    c.budget = genai_strz("tenant\xff");
    c.budget_limit = genai_strz("2Mtok/1h");
    c.budget_ns = c.start_ns + 3;
    is_int(genai_otlp_span(&items, &scratch, &c), GENAI_OK, "a refused");
    c.budget_status = GENAI_BUDGET_PASSED;
    is_int(genai_otlp_span(&items, &scratch, &c), GENAI_OK, "and a call more");

    r = traces();
    ok(r && r->resource_spans[0]->scope_spans[0]->n_spans == 3, "decode");

    s = r->resource_spans[0]->scope_spans[0]->spans[0];
    is_int((long long) s->n_events, 0, "the first has no event");
    s = r->resource_spans[0]->scope_spans[0]->spans[2];
    is_int((long long) s->n_events, 0, "nor has the last");

    s = r->resource_spans[0]->scope_spans[0]->spans[1];
    is_int((long long) s->n_events, 1, "the refused one has one");
    e = s->events[0];
    ok(bin_is(e->name, "genai.budget.rejected"), "of this name");
    ok(e->time_unix_nano == s->start_time_unix_nano + 3, "of this time");
    is_int((long long) e->n_attributes, 3, "with attributes");
    v = attr(e->attributes, e->n_attributes, "genai.budget.limit");
    ok(v && bin_is(v->string_value, "2Mtok/1h"), "the limit");
    v = attr(e->attributes, e->n_attributes, "genai.budget.zone");
    ok(v && bin_is(v->string_value, "tenant\xef\xbf\xbd"),
       "the zone, made valid");
    v = attr(s->attributes, s->n_attributes, "gen_ai.usage.input_tokens");
    ok(v && v->int_value == 107, "and the span keeps its own");

    otlp__traces_request__free_unpacked(r, NULL);
    items.len = 0;
}


static void
test_logs(void)
{
    size_t                 n;
    uint8_t               *p;
    genai_call_t           c;
    Otlp__LogRecord       *l;
    Otlp__LogsRequest     *r;
    const Otlp__AnyValue  *v;

    fill(&c, 9);
    is_int(genai_otlp_log(&items, &scratch, &c), GENAI_DECLINED,
           "a call without an event");
    is_int((long long) items.len, 0, "adds nothing");

    c.budget_status = GENAI_BUDGET_REJECTED;
    c.budget = genai_strz("tenant");
    c.error_message = genai_strz("Budget 'tenant' exhausted");
    c.budget_ns = c.start_ns + 3;
    is_int(genai_otlp_log(&items, &scratch, &c), GENAI_OK, "a refused one");

    genai_call_init(&c, NULL, 0);
    c.internal = 1;
    c.start_unix_ns = 1700000000000000000ULL;
    c.span_name = genai_strz("genai_budget raise");
    is_int(genai_otlp_log(&items, &scratch, &c), GENAI_OK, "and an event");

    p = malloc(front.len + GENAI_OTLP_HEAD + items.len);
    n = genai_otlp_head(&front, scope, items.len, p);
    memcpy(p + n, items.data, items.len);
    r = otlp__logs_request__unpack(NULL, n + items.len, p);
    free(p);

    ok(r && r->n_resource_logs == 1
       && r->resource_logs[0]->scope_logs[0]->n_log_records == 2, "decode");
    ok(r && bin_is(r->resource_logs[0]->scope_logs[0]->scope->name,
                   "ngx_http_genai_module"), "of our scope");

    l = r->resource_logs[0]->scope_logs[0]->log_records[0];
    ok(bin_is(l->event_name, "genai.budget.rejected"), "event name");
    ok(bin_is(l->body->string_value, "Budget 'tenant' exhausted"), "body");
    ok(l->severity_number == 13 && bin_is(l->severity_text, "WARN"),
       "severity");
    ok(l->time_unix_nano == 1700000000123456801ULL
       && l->observed_time_unix_nano == l->time_unix_nano, "time");
    ok(l->trace_id.len == 16 && l->trace_id.data[15] == 0xa1
       && l->span_id.len == 8 && l->span_id.data[7] == 9, "ids of its span");
    v = attr(l->attributes, l->n_attributes, "genai.budget.zone");
    ok(v && bin_is(v->string_value, "tenant"), "attributes");

    l = r->resource_logs[0]->scope_logs[0]->log_records[1];
    ok(bin_is(l->event_name, "genai_budget raise")
       && l->severity_number == 9, "the event");
    ok(l->trace_id.len == 0 && l->span_id.len == 0, "is of no trace");

    otlp__logs_request__free_unpacked(r, NULL);
    items.len = 0;
}


/* metrics */

static genai_metrics_t  *m;
static uint64_t          now;


/* a registry made at once before the encoder that is to see it */

static void
young(void *mem, size_t size)
{
    struct timespec  ts;

    clock_gettime(CLOCK_REALTIME, &ts);
    now = (uint64_t) ts.tv_sec * GENAI_NS_PER_SEC + (uint64_t) ts.tv_nsec;
    m = genai_metrics_init(mem, size, now);
    now += 5000;
}


static Otlp__MetricsRequest *
part(genai_otlp_metrics_t *e, int n)
{
    size_t                 len;
    uint8_t               *p;
    Otlp__MetricsRequest  *r;

    p = request(genai_otlp_metrics_part(e, n), &len);
    r = otlp__metrics_request__unpack(NULL, len, p);
    free(p);

    return r;
}


static const Otlp__Metric *
metric(const Otlp__MetricsRequest *r, const char *name)
{
    size_t                     i;
    const Otlp__ScopeMetrics  *s;

    s = r->resource_metrics[0]->scope_metrics[0];

    for (i = 0; i < s->n_metrics; i++) {
        if (bin_is(s->metrics[i]->name, name)) {
            return s->metrics[i];
        }
    }

    return NULL;
}


static int
encode(genai_otlp_metrics_t *e)
{
    genai_metrics_view_t  view;

    memset(&view, 0, sizeof(view));
    view.groups = GENAI_METRICS_ALL;
    now += 1000;

    return genai_otlp_metrics_encode(e, m, &view, now);
}


/* one call of model n, n tokens of input */

static void
count(unsigned n, unsigned times)
{
    genai_call_t  c;

    while (times--) {
        fill(&c, n);
        genai_metrics_count(m, &c);
        genai_metrics_observe(m, &c);
    }
}


static double
sum_of(const Otlp__Metric *x, uint64_t *start, unsigned *points)
{
    size_t                        i;
    double                        d = 0;
    const Otlp__NumberDataPoint  *p;

    *points = 0;

    for (i = 0; x && i < x->sum->n_data_points; i++) {
        p = x->sum->data_points[i];
        d += (p->value_case == OTLP__NUMBER_DATA_POINT__VALUE_AS_INT)
             ? (double) p->as_int : p->as_double;
        *start = p->start_time_unix_nano;
        (*points)++;
    }

    return d;
}


static void
test_cumulative(void)
{
    int                     n;
    size_t                  i, k;
    double                  d;
    unsigned                points, bad = 0, seen = 0;
    uint64_t                start = 0, sum;
    const Otlp__Metric     *x;
    Otlp__Histogram        *h;
    genai_otlp_metrics_t   *e;
    Otlp__MetricsRequest   *r;

    e = genai_otlp_metrics_create(0);
    count(1, 3);
    count(2, 2);

    n = encode(e);
    is_int(n, 1, "one part");
    r = part(e, 0);
    ok(r != NULL, "metrics decode");

    x = metric(r, "genai.requests");
    d = sum_of(x, &start, &points);
    ok(x && x->data_case == OTLP__METRIC__DATA_SUM && d == 5, "5 requests");
    ok(x && x->sum->is_monotonic && x->sum->aggregation_temporality == 2,
       "a monotonic, cumulative sum");
    ok(start == genai_metrics_start(m), "since the registry began");
    is_int(points, 2, "two series");
    ok(x && x->unit.len && x->description.len, "with unit and description");
    ok(x && x->sum->n_data_points
       && x->sum->data_points[0]->value_case
          == OTLP__NUMBER_DATA_POINT__VALUE_AS_INT, "integers");

    x = metric(r, "genai.cost.usd");
    d = sum_of(x, &start, &points);
    ok(fabs(d - 0.003) < 1e-12, "cost: %.12f", d);

    for (i = 0; i < r->resource_metrics[0]->scope_metrics[0]->n_metrics; i++)
    {
        x = r->resource_metrics[0]->scope_metrics[0]->metrics[i];

        if (x->data_case != OTLP__METRIC__DATA_HISTOGRAM) {
            continue;
        }

        h = x->histogram;

        for (k = 0; k < h->n_data_points; k++) {
            size_t  b;

            for (sum = 0, b = 0; b < h->data_points[k]->n_bucket_counts; b++)
            {
                sum += h->data_points[k]->bucket_counts[b];
            }

            bad += sum != h->data_points[k]->count
                   || h->data_points[k]->n_explicit_bounds + 1
                      != h->data_points[k]->n_bucket_counts;
            seen++;
        }
    }

    ok(seen > 4 && bad == 0, "%u histograms: buckets add up to the count",
       seen);

    x = metric(r, "gen_ai.client.inference.duration");
    ok(x && x->histogram && x->histogram->n_data_points == 2
       && fabs(x->histogram->data_points[0]->sum
               + x->histogram->data_points[1]->sum - 1.25) < 1e-9,
       "the conventions' duration");

    otlp__metrics_request__free_unpacked(r, NULL);

    n = encode(e);
    r = part(e, 0);
    d = sum_of(metric(r, "genai.requests"), &start, &points);
    ok(d == 5, "and again");
    otlp__metrics_request__free_unpacked(r, NULL);

    genai_otlp_metrics_destroy(e);
}


static double
delta(genai_otlp_metrics_t *e, const char *name, uint64_t *start,
    unsigned *points)
{
    int                    i, n;
    double                 d = 0;
    unsigned               more;
    const Otlp__Metric    *x;
    Otlp__MetricsRequest  *r;

    n = encode(e);
    *points = 0;

    for (i = 0; i < n; i++) {
        r = part(e, i);
        x = metric(r, name);

        if (x && x->data_case == OTLP__METRIC__DATA_HISTOGRAM) {
            d += (double) x->histogram->data_points[0]->count;
            *points += (unsigned) x->histogram->n_data_points;
            *start = x->histogram->data_points[0]->start_time_unix_nano;

        } else if (x) {
            d += sum_of(x, start, &more);
            *points += more;
            ok(x->sum->aggregation_temporality == 1, "temporality is delta");
        }

        otlp__metrics_request__free_unpacked(r, NULL);
    }

    return d;
}


static void
test_delta(void)
{
    double                 d;
    uint64_t               start = 0, first;
    unsigned               points;
    genai_otlp_metrics_t  *e;

    e = genai_otlp_metrics_create(1);

    d = delta(e, "genai.requests", &start, &points);
    ok(d == 5 && start == genai_metrics_start(m),
       "a young registry is sent from its start");

    d = delta(e, "genai.requests", &start, &points);
    ok(d == 5, "what was not taken is sent again");
    genai_otlp_metrics_commit(e, 0);
    first = now;

    is_int(encode(e), 0, "nothing new, nothing sent");

    count(2, 4);
    d = delta(e, "genai.requests", &start, &points);
    ok(d == 4 && points == 1, "only what changed");
    ok(start == first, "since it was taken last");

    count(3, 7);
    d = delta(e, "genai.requests", &start, &points);
    ok(d == 11 && points == 2, "a failed one's counts and a new series");
    genai_otlp_metrics_commit(e, 0);

    count(3, 1);
    d = delta(e, "gen_ai.client.inference.duration", &start, &points);
    ok(d == 1 && points == 1, "histograms alike");

    d = delta(e, "genai.cost.usd", &start, &points);
    ok(d == 0.0006, "cost to the last digit: %.17g", d);
    genai_otlp_metrics_commit(e, 0);
    genai_otlp_metrics_destroy(e);
}


/* an encoder made long after the registry */

static void
test_bearings(void *mem, size_t size)
{
    double                 d;
    uint64_t               start, bearings;
    unsigned               points;
    genai_otlp_metrics_t  *e;

    m = genai_metrics_init(mem, size, now - 3600 * GENAI_NS_PER_SEC);
    count(1, 9);

    e = genai_otlp_metrics_create(1);
    is_int(encode(e), 0, "an old registry: bearings first");
    bearings = now;

    count(1, 2);
    d = delta(e, "genai.requests", &start, &points);
    ok(d == 2 && start == bearings, "then what is new");
    genai_otlp_metrics_destroy(e);
}


/* a reload: another process goes on where the first one stopped */

static void
test_handover(void *mem, size_t size)
{
    int                    fd;
    char                   path[] = "/tmp/genai-delta-XXXXXX";
    double                 d;
    uint64_t               start, taken;
    unsigned               points;
    genai_otlp_metrics_t  *e;

    fd = mkstemp(path);
    close(fd);

    m = genai_metrics_init(mem, size, now - 3600 * GENAI_NS_PER_SEC);
    e = genai_otlp_metrics_create(1);
    is_int(genai_otlp_metrics_load(e, path), GENAI_ERROR, "an empty state");
    is_int(encode(e), 0, "is none");
    is_int(access(path, F_OK), -1, "and is gone");

    count(1, 5);
    (void) encode(e);
    genai_otlp_metrics_commit(e, 0);
    taken = now;
    count(1, 3);
    (void) encode(e);                  /* not taken */
    is_int(genai_otlp_metrics_save(e, path), GENAI_OK, "saved");
    genai_otlp_metrics_destroy(e);

    count(1, 2);
    count(2, 1);
    e = genai_otlp_metrics_create(1);
    is_int(genai_otlp_metrics_load(e, path), GENAI_OK, "loaded");
    is_int(genai_otlp_metrics_load(e, path), GENAI_DECLINED, "only once");
    d = delta(e, "genai.requests", &start, &points);
    ok(d == 6 && points == 2, "all that the first one's receiver lacks: %g",
       d);
    d = delta(e, "gen_ai.client.inference.duration", &start, &points);
    ok(start == taken || points == 2, "since then");
    is_int(genai_otlp_metrics_save(e, path), GENAI_OK, "saved again");
    genai_otlp_metrics_destroy(e);

    /* a state of another registry: after a restart */

    young(mem, size);
    count(1, 4);
    e = genai_otlp_metrics_create(1);
    is_int(genai_otlp_metrics_load(e, path), GENAI_OK, "an old state");
    d = delta(e, "genai.requests", &start, &points);
    ok(d == 4, "of another registry does not count: %g", d);
    genai_otlp_metrics_destroy(e);
}


/* more series than a part can hold */

static void
test_parts(void *mem, size_t size)
{
    int                    i, n;
    double                 d = 0;
    size_t                 most = 0;
    unsigned               k, points;
    uint64_t               start;
    genai_otlp_metrics_t  *e;
    Otlp__MetricsRequest  *r;

    young(mem, size);

    for (k = 0; k < 1200; k++) {
        count(k, 1);
    }

    e = genai_otlp_metrics_create(1);
    n = encode(e);
    ok(n > 1, "%d parts", n);

    for (i = 0; i < n; i++) {
        most = genai_otlp_metrics_part(e, i).len > most
               ? genai_otlp_metrics_part(e, i).len : most;
        r = part(e, i);
        d += sum_of(metric(r, "genai.requests"), &start, &points);
        otlp__metrics_request__free_unpacked(r, NULL);
    }

    ok(most <= GENAI_OTLP_LIMIT, "none above the limit");
    ok(d == 1200, "all of it is there: %g", d);

    genai_otlp_metrics_commit(e, 0);
    i = encode(e);
    ok(i == n - 1, "what was not taken comes again: %d parts", i);

    for (k = 0; k < (unsigned) i; k++) {
        genai_otlp_metrics_commit(e, (int) k);
    }

    is_int(encode(e), 0, "and then no more");
    genai_otlp_metrics_destroy(e);
}


static void
answer(int status, const char *body, size_t len, int json, int outcome,
    uint32_t rejected, const char *why)
{
    genai_send_result_t  res;

    memset(&res, 0, sizeof(res));
    genai_otlp_answer(status, (const uint8_t *) body, len, json, &res);

    ok((int) res.outcome == outcome && res.rejected == rejected
       && res.http_status == status && strcmp(res.why, why) == 0,
       "%d: outcome %d, %u rejected, \"%s\"", status, outcome, rejected,
       why);

    if ((int) res.outcome != outcome || strcmp(res.why, why)) {
        printf("#   got %d, %u, \"%s\"\n", res.outcome, res.rejected,
               res.why);
    }
}


static void
test_answers(void)
{
    size_t                 i, n;
    uint8_t                buf[256];
    Otlp__PartialSuccess   p = OTLP__PARTIAL_SUCCESS__INIT;
    Otlp__ExportResponse   r = OTLP__EXPORT_RESPONSE__INIT;
    Otlp__RpcStatus        s = OTLP__RPC_STATUS__INIT;
    const int              again[] = { 401, 403, 408, 429, 500, 502, 503,
                                       504 };
    const int              never[] = { 301, 307, 400, 404, 405, 413, 415,
                                       501, 505 };

    answer(200, "", 0, 0, GENAI_SEND_ACKED, 0, "");
    answer(202, "{}", 2, 1, GENAI_SEND_ACKED, 0, "");
    answer(200, "<html>", 6, 0, GENAI_SEND_ACKED, 0, "");
    answer(200, "{", 1, 1, GENAI_SEND_ACKED, 0, "");

    p.rejected = 3;
    p.error_message = genai_otlp_bin(genai_strz("too\nlong"));
    r.partial_success = &p;
    n = otlp__export_response__pack(&r, buf);
    answer(200, (char *) buf, n, 0, GENAI_SEND_ACKED, 3, "too long");

    p.rejected = 0;
    n = otlp__export_response__pack(&r, buf);
    answer(200, (char *) buf, n, 0, GENAI_SEND_ACKED, 0, "too long");

    answer(200, "{\"partialSuccess\":{\"rejectedSpans\":\"7\","
           "\"errorMessage\":\"no\"}}", 60, 1, GENAI_SEND_ACKED, 7, "no");

    for (i = 0; i < genai_nelts(again); i++) {
        answer(again[i], "", 0, 0, GENAI_SEND_RETRY, 0, "");
    }

    for (i = 0; i < genai_nelts(never); i++) {
        answer(never[i], "", 0, 0, GENAI_SEND_REJECTED, 0, "");
    }

    s.code = 3;
    s.message = genai_otlp_bin(genai_strz("bad span"));
    n = otlp__rpc_status__pack(&s, buf);
    answer(400, (char *) buf, n, 0, GENAI_SEND_REJECTED, 0, "bad span");
    answer(502, "Bad\x01 Gateway\r\n", 14, 0, GENAI_SEND_RETRY, 0,
           "Bad  Gateway");
}


int
main(void)
{
    void             *mem;
    size_t            size = 8 * 1024 * 1024;

    if (posix_memalign(&mem, 64, size) != 0) {
        return 1;
    }

    test_traces();
    test_event();
    test_logs();

    young(mem, size);
    ok(m != NULL, "a registry");

    test_cumulative();
    test_delta();
    test_bearings(mem, size);
    test_handover(mem, size);
    test_parts(mem, size);
    test_answers();

    genai_otlp_free(&front);
    genai_otlp_free(&items);
    genai_otlp_free(&scratch);
    free(mem);

    return done();
}
