/*
 * The status location: metrics in text, healthz, an index of both.
 */

#include "ngx_http_genai_status.h"
#include "ngx_http_genai_shm.h"


#define NGX_HTTP_GENAI_TEXT_BUF   (32 * 1024)
#define NGX_HTTP_GENAI_SAMPLES    (16 + GENAI_QUEUE_SINKS * 20)


/* a word of a sink's account as a metric */

typedef struct {
    const char              *name;
    const char              *help;
    genai_metric_kind_e      kind;
    size_t                   offset;     /* in genai_queue_stats_t */
} ngx_http_genai_sink_word_t;


static ngx_int_t ngx_http_genai_status_metrics(ngx_http_request_t *r);
static ngx_int_t ngx_http_genai_status_text(ngx_http_request_t *r,
    ngx_uint_t status, ngx_str_t *text);
static void ngx_http_genai_samples_sinks(ngx_http_genai_main_conf_t *mcf,
    ngx_http_genai_samples_t *samples);
static void ngx_http_genai_samples_self(ngx_http_genai_main_conf_t *mcf,
    ngx_http_genai_samples_t *samples);


#define word(name, help, kind, field)                                         \
    { "genai_export_" name, help, GENAI_METRIC_ ## kind,                      \
      offsetof(genai_queue_stats_t, field) }


static ngx_http_genai_sink_word_t  ngx_http_genai_sink_words[] = {
    word("records_total", "Finished calls that are to be exported.",
         COUNTER, finished),
    word("recovered_total", "Records found in the spool of an earlier life.",
         COUNTER, account.recovered),
    word("acked_total", "Records that the receiver confirmed.",
         COUNTER, account.acked),
    word("sent_unconfirmed_total", "Records sent where nobody confirms.",
         COUNTER, account.unconfirmed),
    word("retried_total", "Records sent again.",
         COUNTER, account.retried),
    word("rejected_total", "Records that the receiver refused for good.",
         COUNTER, account.rejected),
    word("spooled_total", "Records ever written to the spool.",
         COUNTER, account.spooled_total),
    word("spool_records", "Records in the spool now.",
         GAUGE, account.spooled),
    word("pending", "Records in memory that are not confirmed yet.",
         GAUGE, pending),
    { NULL, NULL, GENAI_METRIC_COUNTER, 0 }
};


ngx_int_t
ngx_http_genai_status_handler(ngx_http_request_t *r)
{
    size_t                      len;
    ngx_int_t                   rc;
    ngx_str_t                   tail, text;
    ngx_http_core_loc_conf_t   *clcf;
    ngx_http_genai_loc_conf_t  *lcf;

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        return NGX_HTTP_NOT_ALLOWED;
    }

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_genai_module);

    if (lcf->status_page == 2) {
        return ngx_http_genai_status_metrics(r);
    }

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    len = ngx_min(clcf->name.len, r->uri.len);
    tail.data = r->uri.data + len;
    tail.len = r->uri.len - len;

    while (tail.len && *tail.data == '/') {
        tail.data++;
        tail.len--;
    }

    if (tail.len == 7 && ngx_strncmp(tail.data, "metrics", 7) == 0) {
        return ngx_http_genai_status_metrics(r);
    }

    if (tail.len == 7 && ngx_strncmp(tail.data, "healthz", 7) == 0) {
        ngx_str_set(&text, "ok\n");
        return ngx_http_genai_status_text(r, NGX_HTTP_OK, &text);
    }

    if (tail.len == 0) {
        ngx_str_set(&text, "genai gateway " NGX_HTTP_GENAI_VERSION "\n\n"
                           "metrics   counters and histograms\n"
                           "healthz   answers ok while nginx serves\n");
        return ngx_http_genai_status_text(r, NGX_HTTP_OK, &text);
    }

    return NGX_HTTP_NOT_FOUND;
}


static ngx_int_t
ngx_http_genai_status_text(ngx_http_request_t *r, ngx_uint_t status,
    ngx_str_t *text)
{
    ngx_http_genai_text_t  t;

    ngx_memzero(&t, sizeof(ngx_http_genai_text_t));

    t.request = r;
    t.last = &t.out;

    r->headers_out.status = status;

    if (ngx_http_genai_text_write(&t, (char *) text->data, text->len)
        != GENAI_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_genai_text_send(r, &t, "text/plain");
}


static ngx_int_t
ngx_http_genai_status_metrics(ngx_http_request_t *r)
{
    genai_str_t                  accept;
    genai_text_e                 format;
    ngx_uint_t                   i;
    ngx_list_part_t             *part;
    ngx_table_elt_t             *h;
    ngx_http_genai_text_t        text;
    ngx_http_genai_main_conf_t  *mcf;

    mcf = ngx_http_get_module_main_conf(r, ngx_http_genai_module);

    /* not among nginx's own headers unless built with the gzip module */

    accept = genai_str(NULL, 0);

    for (part = &r->headers_in.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (h[i].key.len == 6
                && ngx_strncasecmp(h[i].key.data, (u_char *) "accept", 6)
                   == 0)
            {
                accept = genai_str((char *) h[i].value.data,
                                   h[i].value.len);
            }
        }
    }

    format = genai_metrics_negotiate(accept);

    ngx_memzero(&text, sizeof(ngx_http_genai_text_t));

    text.request = r;
    text.last = &text.out;

    if (genai_metrics_text(ngx_http_genai_metrics(mcf),
                           ngx_http_genai_view(mcf), format,
                           ngx_http_genai_text_write, &text)
        != GENAI_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    r->headers_out.status = NGX_HTTP_OK;

    return ngx_http_genai_text_send(r, &text,
                                      genai_metrics_content_type(format));
}


ngx_int_t
ngx_http_genai_text_send(ngx_http_request_t *r,
    ngx_http_genai_text_t *text, const char *type)
{
    ngx_int_t  rc;

    r->headers_out.content_length_n = text->size;
    r->headers_out.content_type.data = (u_char *) type;
    r->headers_out.content_type.len = ngx_strlen(type);
    r->headers_out.content_type_len = r->headers_out.content_type.len;

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    if (text->buf == NULL) {
        return ngx_http_send_special(r, NGX_HTTP_LAST);
    }

    text->buf->last_buf = (r == r->main) ? 1 : 0;
    text->buf->last_in_chain = 1;

    return ngx_http_output_filter(r, text->out);
}


int
ngx_http_genai_text_write(void *data, const char *buf, size_t len)
{
    ngx_http_genai_text_t  *t = data;

    size_t        n;
    ngx_buf_t    *b;
    ngx_chain_t  *cl;

    while (len) {
        b = t->buf;

        if (b == NULL || b->last == b->end) {

            b = ngx_create_temp_buf(t->request->pool,
                                    NGX_HTTP_GENAI_TEXT_BUF);
            cl = ngx_alloc_chain_link(t->request->pool);

            if (b == NULL || cl == NULL) {
                return GENAI_ERROR;
            }

            cl->buf = b;
            cl->next = NULL;

            *t->last = cl;
            t->last = &cl->next;
            t->buf = b;
        }

        n = ngx_min(len, (size_t) (b->end - b->last));
        b->last = ngx_cpymem(b->last, buf, n);

        t->size += n;
        buf += n;
        len -= n;
    }

    return GENAI_OK;
}


ngx_int_t
ngx_http_genai_status_init(ngx_conf_t *cf, ngx_http_genai_main_conf_t *mcf)
{
    ngx_http_genai_samples_t  *samples;

    samples = ngx_pcalloc(cf->pool, sizeof(ngx_http_genai_samples_t));
    if (samples == NULL) {
        return NGX_ERROR;
    }

    samples->size = NGX_HTTP_GENAI_SAMPLES
                    + mcf->budget_zones.nelts * NGX_HTTP_GENAI_BUDGET_SAMPLES;

    samples->elts = ngx_palloc(cf->pool, samples->size
                                         * sizeof(genai_metric_sample_t));
    if (samples->elts == NULL) {
        return NGX_ERROR;
    }

    mcf->samples = samples;

    return NGX_OK;
}


genai_metric_sample_t *
ngx_http_genai_sample_int(ngx_http_genai_samples_t *samples,
    const char *name, const char *help, genai_metric_kind_e kind, int64_t n)
{
    genai_metric_sample_t  *s;

    if (samples->n == samples->size) {
        samples->n--;                    /* cannot be: the array is sized */
    }

    s = &samples->elts[samples->n++];

    ngx_memzero(s, sizeof(genai_metric_sample_t));

    s->name = name;
    s->help = help;
    s->kind = kind;
    s->is_int = 1;
    s->i = n;
    s->d = (double) n;

    return s;
}


genai_metric_sample_t *
ngx_http_genai_sample_double(ngx_http_genai_samples_t *samples,
    const char *name, const char *help, double d)
{
    genai_metric_sample_t  *s;

    s = ngx_http_genai_sample_int(samples, name, help, GENAI_METRIC_GAUGE, 0);

    s->is_int = 0;
    s->d = d;

    return s;
}


void
ngx_http_genai_sample_label(genai_metric_sample_t *s, const char *name,
    const char *value, size_t len)
{
    s->labels[s->nlabels].name = name;
    s->labels[s->nlabels++].value = genai_str(value, len);
}


/*
 * What /metrics and OTLP show beside the registry.  The memory is the
 * process's own and holds until the next call: one thread, one exposition.
 */

const genai_metrics_view_t *
ngx_http_genai_view(void *data)
{
    ngx_http_genai_samples_t    *samples;
    ngx_http_genai_main_conf_t  *mcf;

    static genai_metrics_view_t  view;

    mcf = ngx_http_genai_in_force(data);
    samples = mcf->samples;
    samples->n = 0;

    ngx_http_genai_samples_self(mcf, samples);
    ngx_http_genai_samples_sinks(mcf, samples);
    ngx_http_genai_samples_budgets(mcf, samples);

    view.groups = GENAI_METRICS_ALL;
    view.samples = samples->elts;
    view.nsamples = samples->n;

    return &view;
}


static void
ngx_http_genai_samples_self(ngx_http_genai_main_conf_t *mcf,
    ngx_http_genai_samples_t *samples)
{
    genai_queue_t          *q;
    genai_queue_totals_t    totals;
    genai_metric_sample_t  *s;

    s = ngx_http_genai_sample_int(samples, "genai_build_info",
                                  "The version of the module that runs.",
                                  GENAI_METRIC_GAUGE, 1);
    ngx_http_genai_sample_label(s, "version", NGX_HTTP_GENAI_VERSION,
                                sizeof(NGX_HTTP_GENAI_VERSION) - 1);

    if (mcf->prices != NULL) {
        s = ngx_http_genai_sample_int(samples, "genai_price_table_info",
                                      "The price table in force.",
                                      GENAI_METRIC_GAUGE, 1);
        ngx_http_genai_sample_label(s, "version", mcf->prices->version.data,
                                    mcf->prices->version.len);

        ngx_http_genai_sample_int(samples, "genai_price_table_age_seconds",
                                  "Time since the price file was changed.",
                                  GENAI_METRIC_GAUGE,
                                  ngx_time() - mcf->prices_mtime);
    }

    q = ngx_http_genai_queue(mcf);

    if (q == NULL) {
        return;
    }

    ngx_http_genai_sample_int(samples, "genai_in_flight",
                              "Calls that are open now.",
                              GENAI_METRIC_GAUGE,
                              ngx_http_genai_in_flight(mcf));

    genai_queue_totals(q, &totals);

    ngx_http_genai_sample_int(samples, "genai_queue_bytes",
                              "Bytes in lanes that a sink has yet to take.",
                              GENAI_METRIC_GAUGE, totals.bytes);
    ngx_http_genai_sample_int(samples, "genai_queue_limit_bytes",
                              "Bytes that the lanes can hold.",
                              GENAI_METRIC_GAUGE, totals.limit);
    ngx_http_genai_sample_int(samples, "genai_spool_bytes",
                              "Bytes in the spool.", GENAI_METRIC_GAUGE,
                              ngx_http_genai_spool_bytes(mcf));
    ngx_http_genai_sample_int(samples, "genai_spool_limit_bytes",
                              "Bytes that the spool may have.",
                              GENAI_METRIC_GAUGE, mcf->spool_max);
}


static void
ngx_http_genai_samples_sinks(ngx_http_genai_main_conf_t *mcf,
    ngx_http_genai_samples_t *samples)
{
    size_t                        len;
    uint64_t                      n;
    ngx_uint_t                    slot, i;
    const char                   *reason;
    genai_queue_t                *q;
    genai_queue_stats_t          *st;
    genai_metric_sample_t        *s;
    ngx_http_genai_sink_word_t   *w;

    static genai_queue_stats_t  stats[GENAI_QUEUE_SINKS];

    q = ngx_http_genai_queue(mcf);

    for (slot = 0; q != NULL && slot < GENAI_QUEUE_SINKS; slot++) {

        st = &stats[slot];

        if (genai_queue_stats(q, slot, st) != GENAI_OK) {
            continue;
        }

        len = ngx_strlen(st->name);

        for (w = ngx_http_genai_sink_words; w->name; w++) {
            n = *(uint64_t *) ((char *) st + w->offset);
            s = ngx_http_genai_sample_int(samples, w->name, w->help, w->kind,
                                          n);
            ngx_http_genai_sample_label(s, "sink", st->name, len);
        }

        for (i = 0; i < GENAI_DROP_N; i++) {
            reason = genai_queue_drop_name(i);
            s = ngx_http_genai_sample_int(samples,
                                          "genai_export_dropped_total",
                                          "Records lost, by reason.",
                                          GENAI_METRIC_COUNTER,
                                          st->account.dropped[i]);
            ngx_http_genai_sample_label(s, "sink", st->name, len);
            ngx_http_genai_sample_label(s, "reason", reason,
                                        ngx_strlen(reason));
        }

        s = ngx_http_genai_sample_double(samples,
                              "genai_export_last_success_timestamp_seconds",
                              "When the receiver last took a batch.",
                              st->account.last_success / 1000.0);
        ngx_http_genai_sample_label(s, "sink", st->name, len);
    }
}
