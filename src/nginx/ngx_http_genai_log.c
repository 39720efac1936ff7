/*
 * The end of a call: settle, price, count, record.
 */

#include "ngx_http_genai_module.h"
#include "../lib/genai_record.h"
#include "../lib/genai_usage.h"


static void ngx_http_genai_finish_body(ngx_http_genai_ctx_t *ctx,
    ngx_uint_t aborted);
static void ngx_http_genai_finish_upstream(ngx_http_genai_ctx_t *ctx);
static genai_str_t ngx_http_genai_upstream_host(ngx_http_upstream_t *u,
    in_port_t *port);
static genai_str_t ngx_http_genai_credential_region(ngx_http_request_t *r);
static genai_str_t ngx_http_genai_value(ngx_http_request_t *r,
    ngx_http_complex_value_t *cv);
static void ngx_http_genai_finish_values(ngx_http_genai_ctx_t *ctx);
static void ngx_http_genai_finish_attrs(ngx_http_genai_ctx_t *ctx,
    genai_attr_t *attrs, ngx_array_t *conf, ngx_uint_t label);
static void ngx_http_genai_unpriced(ngx_http_genai_ctx_t *ctx,
    ngx_http_genai_main_conf_t *mcf);
static void ngx_http_genai_finish_record(ngx_http_genai_ctx_t *ctx);


/* one record at a time: a process of nginx has one thread */

static u_char  ngx_http_genai_record[NGX_HTTP_GENAI_RECORD_MAX];


ngx_int_t
ngx_http_genai_log_handler(ngx_http_request_t *r)
{
    ngx_http_genai_ctx_t       *ctx;
    ngx_http_genai_loc_conf_t  *lcf;

    /* with log_subrequest: a subrequest ends with its main request */

    if (r != r->main) {
        return NGX_OK;
    }

    ctx = ngx_http_genai_get_ctx(r);

    if (ctx == NULL) {

        /* refused before our phase: 400, 413, return ... */

        lcf = ngx_http_get_module_loc_conf(r, ngx_http_genai_module);

        if (lcf->api != GENAI_API_NONE && r->pool != NULL) {
            ctx = ngx_http_genai_create_ctx(r);

            if (ctx != NULL) {
                ngx_http_genai_begin_late(r, ctx, lcf);
            }
        }
    }

    ngx_http_genai_finish_all(r);

    return NGX_OK;
}


/* also for open calls of a process that is told to die, then aborted is 1 */

void
ngx_http_genai_finish(ngx_http_genai_ctx_t *ctx, ngx_uint_t aborted)
{
    uint64_t                     t;
    genai_call_t                *c;
    const genai_price_row_t     *row;
    ngx_http_genai_main_conf_t  *mcf;

    if (ctx->finished) {
        return;
    }

    ctx->finished = 1;
    c = &ctx->call;

    if (ctx->queued) {
        ngx_queue_remove(&ctx->queue);
        ctx->queued = 0;
    }

    t = ngx_http_genai_own_start(ctx);

    mcf = ngx_http_get_module_main_conf(ctx->request, ngx_http_genai_module);

    ngx_http_genai_finish_body(ctx, aborted);
    genai_body_free(&ctx->body);
    ngx_http_genai_finish_upstream(ctx);
    ngx_http_genai_finish_values(ctx);

    genai_usage_settle(c);

    if (genai_usage_wanting(c)) {
        (void) genai_usage_estimate(c);
    }

    row = genai_price_call(mcf->prices, c, (int64_t) (c->start_unix_ns
                                                      / GENAI_NS_PER_SEC));

    if (c->skip == GENAI_SKIP_UNPRICED) {
        ngx_http_genai_unpriced(ctx, mcf);
    }

    ngx_http_genai_budget_settle(ctx);
    ngx_http_genai_window_check(ctx, row);
    ngx_http_genai_keep(ctx);
    ngx_http_genai_capture_finish(ctx);
    ngx_http_genai_finish_record(ctx);
    ngx_http_genai_row_close(ctx);

    ngx_http_genai_own_stop(ctx, t);

    if (ctx->own_cost) {
        genai_metrics_own(ngx_http_genai_metrics(mcf),
                          ctx->own_ns * NGX_HTTP_GENAI_OWN_EVERY);
    }
}


static void
ngx_http_genai_finish_body(ngx_http_genai_ctx_t *ctx, ngx_uint_t aborted)
{
    uint64_t             now;
    ngx_uint_t           complete;
    genai_call_t        *c;
    ngx_connection_t    *conn;
    ngx_http_request_t  *r;

    r = ctx->request;
    c = &ctx->call;
    conn = r->main->connection;

    now = ngx_http_genai_now();

    if (!ctx->request_done) {
        ctx->request_done = 1;
        genai_body_request_end(&ctx->body, 0);
    }

    if (r->headers_out.status) {
        c->status = (uint16_t) r->headers_out.status;

    } else if (r->err_status) {
        c->status = (uint16_t) r->err_status;
    }

    if (ctx->late) {
        c->end_ns = now;
        c->aborted = (c->status == NGX_HTTP_CLIENT_CLOSED_REQUEST);

    } else if (!ctx->last_seen) {
        complete = ctx->header_seen && r->header_only && !aborted;

        if (!complete
            && (aborted || conn->error || conn->timedout
                || c->status == NGX_HTTP_CLIENT_CLOSED_REQUEST))
        {
            c->aborted = 1;
        }

        c->end_ns = now;
        genai_body_response_end(&ctx->body, complete, now);
    }

    if (r == r->main) {
        c->end_ns = now;
    }

    if (c->aborted) {
        genai_call_error(c, genai_strz(aborted ? "worker_exit"
                                            : "client_closed_request"),
                         aborted ? GENAI_ORIGIN_GATEWAY
                                 : GENAI_ORIGIN_CLIENT);

    } else if (c->status >= 400 && !c->error) {

        /* no body of the upstream's told more */

        ngx_http_genai_status_error(ctx);
    }
}


/* error.type is the status when nothing better is known */

void
ngx_http_genai_status_error(ngx_http_genai_ctx_t *ctx)
{
    char           buf[8];
    size_t         len;
    genai_str_t    type;
    genai_call_t  *c;

    c = &ctx->call;

    len = ngx_sprintf((u_char *) buf, "%ui", (ngx_uint_t) c->status)
          - (u_char *) buf;
    type = genai_call_keep(c, genai_str(buf, len), 0);

    genai_call_error(c, type, ngx_http_genai_origin(ctx->request));
}


static void
ngx_http_genai_finish_upstream(ngx_http_genai_ctx_t *ctx)
{
    in_port_t                   port;
    ngx_uint_t                  i;
    genai_call_t               *c;
    ngx_http_request_t         *r;
    ngx_http_upstream_state_t  *state;

    r = ctx->request;
    c = &ctx->call;

    if (r->upstream_states != NULL && r->upstream_states->nelts) {

        state = r->upstream_states->elts;

        for (i = 0; i < r->upstream_states->nelts; i++) {

            /* a state without a peer separates internal redirects */

            if (state[i].peer == NULL) {
                continue;
            }

            if (c->upstream_tries < 255) {
                c->upstream_tries++;
            }

            c->upstream = genai_str((char *) state[i].peer->data,
                                    state[i].peer->len);
        }
    }

    if (r->upstream != NULL) {
        port = 0;
        c->server_address = ngx_http_genai_upstream_host(r->upstream, &port);

        if (c->server_address.len) {
            c->server_port = port ? port : (r->upstream->ssl ? 443 : 80);
        }
    }

    if (c->region.len == 0) {
        c->region = genai_api_region(c->server_address, c->model);
    }

    if (c->region.len == 0) {
        c->region = ngx_http_genai_credential_region(r);
    }
}


/* as configured, not as resolved: a host name where there is one */

static genai_str_t
ngx_http_genai_upstream_host(ngx_http_upstream_t *u, in_port_t *port)
{
    if (u->upstream != NULL) {
        return ngx_http_genai_server_host(u->upstream, port);
    }

    if (u->resolved == NULL) {
        return genai_str(NULL, 0);
    }

    *port = u->resolved->port;

    return genai_str((char *) u->resolved->host.data, u->resolved->host.len);
}


/* of an upstream block: its first server's name, a ":port" cut off */

genai_str_t
ngx_http_genai_server_host(ngx_http_upstream_srv_conf_t *uscf,
    in_port_t *port)
{
    u_char                      *p, *last;
    ngx_str_t                   *name;
    ngx_http_upstream_server_t  *server;

    if (uscf->port || uscf->servers == NULL || uscf->servers->nelts == 0) {
        *port = uscf->port;
        return genai_str((char *) uscf->host.data, uscf->host.len);
    }

    server = uscf->servers->elts;
    name = &server[0].name;
    last = name->data + name->len;

    for (p = last; p > name->data && p[-1] >= '0' && p[-1] <= '9'; p--) {
        /* void */
    }

    if (p < last && p > name->data && p[-1] == ':') {
        *port = (in_port_t) ngx_atoi(p, last - p);
        last = p - 1;
    }

    return genai_str((char *) name->data, last - name->data);
}


/* Credential=AKID/20261123/us-east-1/bedrock/aws4_request: the region only */

static genai_str_t
ngx_http_genai_credential_region(ngx_http_request_t *r)
{
    u_char      *p, *last, *start;
    ngx_uint_t   n;
    ngx_str_t   *v;

    if (r->headers_in.authorization == NULL) {
        return genai_str(NULL, 0);
    }

    v = &r->headers_in.authorization->value;
    last = v->data + v->len;

    p = ngx_strnstr(v->data, "Credential=", v->len);
    if (p == NULL || v->len < 5 || ngx_strncmp(v->data, "AWS4-", 5) != 0) {
        return genai_str(NULL, 0);
    }

    start = p;

    for (n = 0; p < last && *p != ','; p++) {
        if (*p != '/') {
            continue;
        }

        if (++n == 3) {
            return genai_str((char *) start, p - start);
        }

        start = p + 1;
    }

    return genai_str(NULL, 0);
}


genai_str_t
ngx_http_genai_region(ngx_http_request_t *r, ngx_http_genai_ctx_t *ctx)
{
    genai_str_t                  v;
    ngx_http_genai_main_conf_t  *mcf;

    mcf = ngx_http_get_module_main_conf(r, ngx_http_genai_module);

    v = ngx_http_genai_value(r, ctx->conf->region);

    if (v.len == 0) {
        v = genai_api_region(ngx_http_genai_target(r, mcf),
                             ctx->call.model);
    }

    return v.len ? v : ngx_http_genai_credential_region(r);
}


static genai_str_t
ngx_http_genai_value(ngx_http_request_t *r, ngx_http_complex_value_t *cv)
{
    ngx_str_t  v;

    if (cv == NULL || ngx_http_complex_value(r, cv, &v) != NGX_OK) {
        return genai_str(NULL, 0);
    }

    return genai_str((char *) v.data, v.len);
}


static void
ngx_http_genai_finish_values(ngx_http_genai_ctx_t *ctx)
{
    ngx_uint_t                   n;
    genai_str_t                  v;
    genai_attr_t                *attrs;
    genai_call_t                *c;
    ngx_http_request_t          *r;
    ngx_http_genai_loc_conf_t   *lcf;

    r = ctx->request;
    c = &ctx->call;
    lcf = ctx->conf;

    if (lcf == NULL) {
        return;
    }

    c->profile = (uint8_t) lcf->profile;

    v = ngx_http_genai_value(r, lcf->region);
    if (v.len) {
        c->region = v;
    }

    c->location = ngx_http_genai_value(r, lcf->name);
    if (c->location.len == 0) {
        c->location = genai_str((char *) lcf->location.data,
                                lcf->location.len);
    }

    c->span_name = ngx_http_genai_value(r, lcf->span_name);

    v = ngx_http_genai_value(r, lcf->user);
    if (v.len) {
        c->user = v;
    }

    v = ngx_http_genai_value(r, lcf->session);
    if (v.len) {
        c->session = v;
    }

    n = (lcf->span_attrs ? lcf->span_attrs->nelts : 0)
        + (lcf->labels ? lcf->labels->nelts : 0)
        + (ctx->extract ? ctx->extract->n : 0)
        + (ctx->capture ? GENAI_CAPTURE_ATTRS : 0);

    if (n == 0) {
        return;
    }

    attrs = ngx_palloc(r->pool, n * sizeof(genai_attr_t));
    if (attrs == NULL) {
        return;
    }

    c->attrs = attrs;

    if (ctx->extract != NULL) {
        c->nattrs = genai_extract_attrs(ctx->extract, attrs);
    }

    ngx_http_genai_finish_attrs(ctx, attrs, lcf->labels, 1);
    ngx_http_genai_finish_attrs(ctx, attrs, lcf->span_attrs, 0);
}


/* an empty value leaves the attribute out */

static void
ngx_http_genai_finish_attrs(ngx_http_genai_ctx_t *ctx, genai_attr_t *attrs,
    ngx_array_t *conf, ngx_uint_t label)
{
    ngx_uint_t                   i;
    genai_str_t                  v;
    genai_attr_t                *a;
    genai_labels_t              *labels;
    ngx_http_genai_attr_conf_t  *ac;
    ngx_http_genai_main_conf_t  *mcf;

    if (conf == NULL) {
        return;
    }

    mcf = ngx_http_get_module_main_conf(ctx->request, ngx_http_genai_module);
    labels = ngx_http_genai_labels(mcf);

    ac = conf->elts;

    for (i = 0; i < conf->nelts; i++) {
        v = ngx_http_genai_value(ctx->request, &ac[i].value);

        if (v.len == 0) {
            continue;
        }

        a = &attrs[ctx->call.nattrs++];
        a->key = genai_str((char *) ac[i].key.data, ac[i].key.len);
        a->value = v;
        a->type = 's';
        a->label = label ? 1 : 0;

        if (label && !genai_labels_admit(labels, a->key, v,
                                         (uint32_t) ac[i].max))
        {
            a->value = genai_strz("_other");
        }
    }
}


/* once for each model and price table, whatever the number of calls */

static void
ngx_http_genai_unpriced(ngx_http_genai_ctx_t *ctx,
    ngx_http_genai_main_conf_t *mcf)
{
    size_t        i, len;
    u_char        name[128];
    genai_str_t   key;
    genai_call_t  *c;

    c = &ctx->call;

    key = mcf->prices ? mcf->prices->version : genai_strz("none");

    if (c->model.len == 0
        || genai_labels_admit(ngx_http_genai_labels(mcf), key, c->model, 1000)
           != 2)
    {
        return;
    }

    /* a client chose it */

    len = ngx_min(c->model.len, sizeof(name));

    for (i = 0; i < len; i++) {
        name[i] = (c->model.data[i] > ' ' && c->model.data[i] < 0x7f)
                  ? (u_char) c->model.data[i] : '?';
    }

    ngx_log_error(NGX_LOG_WARN, ctx->request->connection->log, 0,
                  "no price for model \"%*s\" in \"%V\": its calls are "
                  "counted as unpriced; add a row or an alias",
                  len, name, &mcf->prices_file);
}


static void
ngx_http_genai_finish_record(ngx_http_genai_ctx_t *ctx)
{
    size_t                       len;
    ngx_uint_t                   flags;
    genai_call_t                *c;
    ngx_http_genai_main_conf_t  *mcf;

    c = &ctx->call;
    mcf = ngx_http_get_module_main_conf(ctx->request, ngx_http_genai_module);

    genai_metrics_count(ngx_http_genai_metrics(mcf), c);

    len = genai_record_encode(c, ngx_http_genai_record,
                              NGX_HTTP_GENAI_RECORD_MAX, NULL);

    flags = (c->sampled ? GENAI_REC_SAMPLED : 0)
            | (c->error ? GENAI_REC_ERROR : 0);

    /* sampling is about spans: log records are of all */

    if (mcf->logs && c->budget_status > GENAI_BUDGET_PASSED) {
        flags |= GENAI_REC_SAMPLED;
    }

    ngx_http_genai_lane_write(mcf, ngx_http_genai_record, len, flags);
}
