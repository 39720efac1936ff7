/*
 * The OTLP sink: traces, logs and metrics over HTTP with protobuf (OTLP
 * 1.11).
 *
 * endpoint is the base URL; v1/traces, v1/logs and v1/metrics are appended
 * with exactly one slash.  Each signal has a transfer and a connection of its
 * own.  With traces off, spans are taken and acknowledged without being sent:
 * the accounts of such a sink still add up.
 *
 * A batch of records has its spans and, of some of them, log records.  They
 * go one after the other, spans first: what comes twice, after a failure in
 * between, has ids.  What is counted are records: those that were not
 * rejected as spans.
 */

#define _GNU_SOURCE

#include <stdio.h>
#include <stdlib.h>

#include <zlib.h>

#include "genai_http.h"
#include "genai_otlp.h"


#define GENAI_OTLP_GZIP  1             /* level: 6 takes twice the time for
                                          4 % fewer bytes */


/* one kind of request: where it goes and what it is made of */

typedef struct {
    genai_http_t          *http;
    char                  *url;
    genai_otlp_buf_t       body;       /* as sent */
    unsigned               under_way:1;
} genai_otlp_signal_t;


typedef struct {
    genai_sink_t           sink;       /* first */

    genai_otlp_buf_t       front;
    size_t                 scope;
    z_stream               z;
    unsigned               z_ready:1;

    genai_otlp_signal_t    traces;
    genai_otlp_buf_t       items;
    genai_otlp_buf_t       attrs;
    uint32_t               added;
    unsigned               sending:1;
    genai_send_result_t    result;     /* of its spans */

    genai_otlp_signal_t    logs;
    genai_otlp_buf_t       records;

    genai_otlp_signal_t    metrics;
    genai_otlp_metrics_t  *encoder;
    int                    nparts;
    int                    part;       /* under way */
    uint32_t               rejected;   /* of earlier parts */
    char                  *state;      /* path, NULL: none */
} genai_sink_otlp_t;


static genai_sink_t *genai_sink_otlp_create(const genai_sink_conf_t *conf,
    genai_log_pt log, void *log_data, char *err, size_t errlen);
static int genai_sink_otlp_signal(genai_sink_otlp_t *s,
    genai_otlp_signal_t *g, const char *path, char *err, size_t errlen);
static int genai_sink_otlp_add(genai_sink_t *sink, const genai_call_t *c);
static int genai_sink_otlp_send(genai_sink_t *sink);
static int genai_sink_otlp_send_logs(genai_sink_otlp_t *s);
static genai_send_e genai_sink_otlp_poll(genai_sink_t *sink,
    uint32_t wait_ms, genai_send_result_t *res);
static void genai_sink_otlp_logged(genai_sink_otlp_t *s,
    genai_send_result_t *res);
static void genai_sink_otlp_cancel(genai_sink_t *sink);
static int genai_sink_otlp_send_metrics(genai_sink_t *sink,
    const genai_metrics_t *m, const genai_metrics_view_t *view,
    uint64_t now_unix_ns);
static genai_send_e genai_sink_otlp_poll_metrics(genai_sink_t *sink,
    uint32_t wait_ms, genai_send_result_t *res);
static void genai_sink_otlp_destroy(genai_sink_t *sink);
static int genai_sink_otlp_post(genai_sink_otlp_t *s, genai_otlp_signal_t *g,
    genai_str_t items);
static int genai_sink_otlp_gzip(genai_sink_otlp_t *s, genai_otlp_buf_t *out,
    const uint8_t *head, size_t headlen, genai_str_t items);
static genai_send_e genai_sink_otlp_drive(genai_otlp_signal_t *g,
    uint32_t wait_ms, genai_send_result_t *res);


const genai_sink_ops_t  genai_sink_otlp_ops = {
    "otlp",
    genai_sink_otlp_create,
    genai_sink_otlp_add,
    genai_sink_otlp_send,
    genai_sink_otlp_poll,
    genai_sink_otlp_cancel,
    genai_sink_otlp_send_metrics,
    genai_sink_otlp_poll_metrics,
    NULL,
    genai_sink_otlp_destroy
};


static genai_sink_t *
genai_sink_otlp_create(const genai_sink_conf_t *conf, genai_log_pt log,
    void *log_data, char *err, size_t errlen)
{
    genai_sink_otlp_t  *s;

    s = calloc(1, sizeof(genai_sink_otlp_t));
    if (s == NULL) {
        snprintf(err, errlen, "no memory");
        return NULL;
    }

    s->sink.ops = &genai_sink_otlp_ops;
    s->sink.conf = conf;
    s->sink.log = log;
    s->sink.log_data = log_data;

    if (conf->endpoint == NULL) {
        snprintf(err, errlen, "no endpoint");
        goto failed;
    }

    if (genai_otlp_front(&s->front, conf->resource, conf->nresource,
                         conf->version, &s->scope)
        != GENAI_OK)
    {
        snprintf(err, errlen, "no memory");
        goto failed;
    }

    if (conf->gzip) {
        if (deflateInit2(&s->z, GENAI_OTLP_GZIP, Z_DEFLATED, 15 + 16, 8,
                         Z_DEFAULT_STRATEGY)
            != Z_OK)
        {
            snprintf(err, errlen, "zlib cannot be initialised");
            goto failed;
        }

        s->z_ready = 1;
    }

    if (conf->traces
        && genai_sink_otlp_signal(s, &s->traces, "v1/traces", err, errlen)
           != GENAI_OK)
    {
        goto failed;
    }

    if (conf->logs
        && genai_sink_otlp_signal(s, &s->logs, "v1/logs", err, errlen)
           != GENAI_OK)
    {
        goto failed;
    }

    if (conf->metrics) {
        if (genai_sink_otlp_signal(s, &s->metrics, "v1/metrics", err, errlen)
            != GENAI_OK)
        {
            goto failed;
        }

        s->encoder = genai_otlp_metrics_create(conf->delta);

        if (s->encoder == NULL) {
            snprintf(err, errlen, "no memory");
            goto failed;
        }

        if (conf->delta && conf->state
            && asprintf(&s->state, "%s/%s.delta", conf->state, conf->name)
               != -1)
        {
            (void) genai_otlp_metrics_load(s->encoder, s->state);
        }
    }

    return &s->sink;

failed:

    genai_sink_otlp_destroy(&s->sink);

    return NULL;
}


static int
genai_sink_otlp_signal(genai_sink_otlp_t *s, genai_otlp_signal_t *g,
    const char *path, char *err, size_t errlen)
{
    size_t                    len;
    genai_http_conf_t         hc;
    const genai_sink_conf_t  *conf = s->sink.conf;

    len = strlen(conf->endpoint);

    while (len && conf->endpoint[len - 1] == '/') {
        len--;
    }

    g->url = malloc(len + strlen(path) + 2);

    if (g->url == NULL) {
        snprintf(err, errlen, "no memory");
        return GENAI_ERROR;
    }

    sprintf(g->url, "%.*s/%s", (int) len, conf->endpoint, path);

    memset(&hc, 0, sizeof(hc));

    hc.url = g->url;
    hc.content_type = "application/x-protobuf";
    hc.proxy = conf->proxy;
    hc.tls_ca = conf->tls_ca;
    hc.tls_cert = conf->tls_cert;
    hc.tls_key = conf->tls_key;
    hc.tls_verify = conf->tls_verify;
    hc.version = conf->version;
    hc.headers = conf->headers;
    hc.nheaders = conf->nheaders;
    hc.header_files = conf->header_files;
    hc.nheader_files = conf->nheader_files;
    hc.timeout_ms = conf->timeout_ms ? conf->timeout_ms : 10000;
    hc.gzip = conf->gzip;

    g->http = genai_http_create(&hc, s->sink.log, s->sink.log_data, err,
                                errlen);

    return g->http ? GENAI_OK : GENAI_ERROR;
}


static int
genai_sink_otlp_add(genai_sink_t *sink, const genai_call_t *c)
{
    int                 rc;
    size_t              records;
    genai_sink_otlp_t  *s = (genai_sink_otlp_t *) sink;

    if (s->sending
        || (sink->conf->batch && s->added == sink->conf->batch))
    {
        return GENAI_AGAIN;
    }

    records = s->records.len;

    if (sink->conf->logs) {
        rc = genai_otlp_log(&s->records, &s->attrs, c);

        if (rc != GENAI_OK && rc != GENAI_DECLINED) {
            return GENAI_AGAIN;
        }
    }

    if (sink->conf->traces && c->sampled) {
        rc = genai_otlp_span(&s->items, &s->attrs, c);

        if (rc != GENAI_OK) {
            s->records.len = records;

            /* no memory for one more: what there is goes first */

            return (rc == GENAI_DECLINED) ? GENAI_DECLINED : GENAI_AGAIN;
        }
    }

    s->added++;

    return GENAI_OK;
}


static int
genai_sink_otlp_send(genai_sink_t *sink)
{
    int                 rc;
    genai_sink_otlp_t  *s = (genai_sink_otlp_t *) sink;

    if (s->added == 0 || s->sending) {
        return GENAI_ERROR;
    }

    memset(&s->result, 0, sizeof(genai_send_result_t));
    s->result.outcome = GENAI_SEND_ACKED;

    if (s->items.len) {
        rc = genai_sink_otlp_post(s, &s->traces,
                                  genai_str((char *) s->items.data,
                                            s->items.len));
    } else {
        rc = genai_sink_otlp_send_logs(s);
    }

    s->sending = (rc == GENAI_OK);

    return rc;
}


static int
genai_sink_otlp_send_logs(genai_sink_otlp_t *s)
{
    return s->records.len ? genai_sink_otlp_post(s, &s->logs,
                                        genai_str((char *) s->records.data,
                                                  s->records.len))
                          : GENAI_OK;
}


static genai_send_e
genai_sink_otlp_poll(genai_sink_t *sink, uint32_t wait_ms,
    genai_send_result_t *res)
{
    uint32_t            added;
    genai_sink_otlp_t  *s = (genai_sink_otlp_t *) sink;

    memset(res, 0, sizeof(genai_send_result_t));

    if (!s->sending) {
        res->outcome = GENAI_SEND_PENDING;
        return GENAI_SEND_PENDING;
    }

    if (s->traces.under_way) {
        (void) genai_sink_otlp_drive(&s->traces, wait_ms, res);

        if (res->outcome == GENAI_SEND_PENDING) {
            return GENAI_SEND_PENDING;
        }

        s->result = *res;

        if (res->outcome != GENAI_SEND_RETRY
            && genai_sink_otlp_send_logs(s) != GENAI_OK)
        {
            res->outcome = GENAI_SEND_RETRY;
            snprintf(res->why, sizeof(res->why), "cannot send");
        }

        wait_ms = 0;
    }

    if (s->logs.under_way) {
        (void) genai_sink_otlp_drive(&s->logs, wait_ms, res);

        if (res->outcome == GENAI_SEND_PENDING) {
            return GENAI_SEND_PENDING;
        }

        genai_sink_otlp_logged(s, res);
    }

    if (res->outcome == GENAI_SEND_RETRY) {
        s->sending = 0;
        return GENAI_SEND_RETRY;
    }

    *res = s->result;
    added = s->added;
    genai_sink_otlp_cancel(sink);

    if (res->rejected > added) {
        res->rejected = added;
    }

    return res->outcome;
}


/* a span that was taken is not rejected with its log record */

static void
genai_sink_otlp_logged(genai_sink_otlp_t *s, genai_send_result_t *res)
{
    if (s->sink.log
        && (res->outcome == GENAI_SEND_REJECTED || res->rejected))
    {
        s->sink.log(s->sink.log_data, 4, "exporter \"%s\": log records "
                    "rejected: %d %s", s->sink.conf->name, res->http_status,
                    res->why);
    }
}


static void
genai_sink_otlp_cancel(genai_sink_t *sink)
{
    genai_sink_otlp_t  *s = (genai_sink_otlp_t *) sink;

    if (s->traces.http) {
        genai_http_cancel(s->traces.http);
    }

    if (s->logs.http) {
        genai_http_cancel(s->logs.http);
    }

    s->traces.under_way = 0;
    s->logs.under_way = 0;
    s->sending = 0;
    s->added = 0;
    genai_otlp_clear(&s->items);
    genai_otlp_clear(&s->records);
    genai_otlp_clear(&s->traces.body);
    genai_otlp_clear(&s->logs.body);
}


static int
genai_sink_otlp_send_metrics(genai_sink_t *sink, const genai_metrics_t *m,
    const genai_metrics_view_t *view, uint64_t now_unix_ns)
{
    genai_metrics_view_t  all;
    genai_sink_otlp_t    *s = (genai_sink_otlp_t *) sink;

    if (m == NULL || s->encoder == NULL) {
        return GENAI_ERROR;
    }

    /* what was under way is overtaken: cumulative values repeat themselves,
     * deltas that were not committed are in the next one */

    genai_http_cancel(s->metrics.http);
    s->metrics.under_way = 0;

    if (view == NULL) {
        memset(&all, 0, sizeof(all));
        all.groups = GENAI_METRICS_ALL;
        view = &all;
    }

    s->part = 0;
    s->rejected = 0;
    s->nparts = genai_otlp_metrics_encode(s->encoder, m, view, now_unix_ns);

    if (s->nparts <= 0) {
        return GENAI_ERROR;
    }

    return genai_sink_otlp_post(s, &s->metrics,
                                genai_otlp_metrics_part(s->encoder, 0));
}


static genai_send_e
genai_sink_otlp_poll_metrics(genai_sink_t *sink, uint32_t wait_ms,
    genai_send_result_t *res)
{
    genai_send_e        rc;
    genai_sink_otlp_t  *s = (genai_sink_otlp_t *) sink;

    memset(res, 0, sizeof(genai_send_result_t));

    for ( ;; ) {
        rc = genai_sink_otlp_drive(&s->metrics, wait_ms, res);

        if (rc == GENAI_SEND_PENDING || rc == GENAI_SEND_RETRY) {
            return rc;
        }

        /* what is refused for good must not come again with the next delta */

        genai_otlp_metrics_commit(s->encoder, s->part++);

        s->rejected += res->rejected;
        res->rejected = s->rejected;

        if (s->part >= s->nparts) {
            genai_otlp_clear(&s->metrics.body);
            return rc;
        }

        if (genai_sink_otlp_post(s, &s->metrics,
                                 genai_otlp_metrics_part(s->encoder,
                                                         s->part))
            != GENAI_OK)
        {
            res->outcome = GENAI_SEND_RETRY;
            snprintf(res->why, sizeof(res->why), "no memory");
            return GENAI_SEND_RETRY;
        }

        wait_ms = 0;
    }
}


static void
genai_sink_otlp_destroy(genai_sink_t *sink)
{
    genai_sink_otlp_t  *s = (genai_sink_otlp_t *) sink;

    if (s->encoder && s->state) {
        (void) genai_otlp_metrics_save(s->encoder, s->state);
    }

    genai_http_destroy(s->traces.http);
    genai_http_destroy(s->logs.http);
    genai_http_destroy(s->metrics.http);
    genai_otlp_metrics_destroy(s->encoder);

    free(s->traces.url);
    free(s->logs.url);
    free(s->metrics.url);
    free(s->state);

    genai_otlp_free(&s->traces.body);
    genai_otlp_free(&s->logs.body);
    genai_otlp_free(&s->metrics.body);
    genai_otlp_free(&s->front);
    genai_otlp_free(&s->items);
    genai_otlp_free(&s->records);
    genai_otlp_free(&s->attrs);

    if (s->z_ready) {
        (void) deflateEnd(&s->z);
    }

    free(s);
}


static int
genai_sink_otlp_post(genai_sink_otlp_t *s, genai_otlp_signal_t *g,
    genai_str_t items)
{
    size_t    headlen;
    uint8_t  *p, *head;

    g->body.len = 0;

    head = malloc(s->front.len + GENAI_OTLP_HEAD);
    if (head == NULL) {
        return GENAI_ERROR;
    }

    headlen = genai_otlp_head(&s->front, s->scope, items.len, head);

    if (s->z_ready) {
        if (genai_sink_otlp_gzip(s, &g->body, head, headlen, items)
            != GENAI_OK)
        {
            goto failed;
        }

    } else {
        p = genai_otlp_room(&g->body, headlen + items.len);
        if (p == NULL) {
            goto failed;
        }

        memcpy(p, head, headlen);
        memcpy(p + headlen, items.data, items.len);
        g->body.len = headlen + items.len;
    }

    free(head);

    if (genai_http_post(g->http, g->body.data, g->body.len) != GENAI_OK) {
        return GENAI_ERROR;
    }

    g->under_way = 1;

    return GENAI_OK;

failed:

    free(head);

    return GENAI_ERROR;
}


static int
genai_sink_otlp_gzip(genai_sink_otlp_t *s, genai_otlp_buf_t *out,
    const uint8_t *head, size_t headlen, genai_str_t items)
{
    size_t    size;
    uint8_t  *p;

    if (deflateReset(&s->z) != Z_OK) {
        return GENAI_ERROR;
    }

    size = deflateBound(&s->z, (uLong) (headlen + items.len));
    p = genai_otlp_room(out, size);

    if (p == NULL) {
        return GENAI_ERROR;
    }

    s->z.next_out = p;
    s->z.avail_out = (uInt) size;

    s->z.next_in = (Bytef *) head;
    s->z.avail_in = (uInt) headlen;

    if (deflate(&s->z, Z_NO_FLUSH) != Z_OK) {
        return GENAI_ERROR;
    }

    s->z.next_in = (Bytef *) items.data;
    s->z.avail_in = (uInt) items.len;

    if (deflate(&s->z, Z_FINISH) != Z_STREAM_END) {
        return GENAI_ERROR;
    }

    out->len = size - s->z.avail_out;

    return GENAI_OK;
}


static genai_send_e
genai_sink_otlp_drive(genai_otlp_signal_t *g, uint32_t wait_ms,
    genai_send_result_t *res)
{
    int                  rc;
    genai_http_result_t  r;

    if (!g->under_way) {
        res->outcome = GENAI_SEND_PENDING;
        return GENAI_SEND_PENDING;
    }

    rc = genai_http_poll(g->http, wait_ms, &r);

    if (rc == GENAI_AGAIN) {
        res->outcome = GENAI_SEND_PENDING;
        return GENAI_SEND_PENDING;
    }

    g->under_way = 0;

    if (rc != GENAI_OK || (r.status == 0 && !r.too_large)) {
        res->outcome = GENAI_SEND_RETRY;
        snprintf(res->why, sizeof(res->why), "%s",
                 rc == GENAI_OK ? r.error : "not sent");
        return GENAI_SEND_RETRY;
    }

    genai_otlp_answer(r.status, r.body, r.len, r.json, res);

    if (r.too_large) {

        /* a receiver of OTLP never says that much: this is another thing */

        res->outcome = GENAI_SEND_REJECTED;
        snprintf(res->why, sizeof(res->why), "the answer is too large");
    }

    if (res->outcome == GENAI_SEND_RETRY) {
        res->retry_after_ms = r.retry_after_ms;
    }

    return res->outcome;
}
