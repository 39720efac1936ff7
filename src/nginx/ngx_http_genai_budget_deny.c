/*
 * Budgets: what a refused caller gets, what an admitted one is told, and what
 * the error log is.
 *
 * A refusal can come thousands of times a second, when an SDK meets a limit;
 * the log gets one line a second for each zone and worker, which says how
 * many others there were.
 */

#include "ngx_http_genai_budget.h"


static ngx_uint_t ngx_http_genai_budget_quiet(
    ngx_http_genai_budget_zone_t *zc, ngx_uint_t *more);
static size_t ngx_http_genai_budget_key_text(genai_str_t key, u_char *buf);


#define NGX_HTTP_GENAI_BUDGET_LINE  1024


ngx_int_t
ngx_http_genai_budget_deny(ngx_http_request_t *r, ngx_http_genai_ctx_t *ctx,
    ngx_http_genai_budget_why_t *why)
{
    char                           *buf, id[37];
    u_char                         *p;
    ngx_str_t                       type;
    genai_refuse_in_t               in;
    genai_refuse_out_t              out;
    ngx_http_complex_value_t        cv;
    ngx_http_genai_loc_conf_t      *lcf;

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_genai_module);

    genai_call_error(&ctx->call, genai_strz("budget_exceeded"),
                     GENAI_ORIGIN_GATEWAY);

    buf = ngx_palloc(r->pool, GENAI_REFUSE_SIZE);
    if (buf == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    /* an id as AWS's look; it is the trace's */

    p = ngx_hex_dump((u_char *) id, ctx->call.trace_id, 4);
    *p++ = '-';
    p = ngx_hex_dump(p, ctx->call.trace_id + 4, 2);
    *p++ = '-';
    p = ngx_hex_dump(p, ctx->call.trace_id + 6, 2);
    *p++ = '-';
    p = ngx_hex_dump(p, ctx->call.trace_id + 8, 2);
    *p++ = '-';
    p = ngx_hex_dump(p, ctx->call.trace_id + 10, 6);

    ngx_memzero(&in, sizeof(genai_refuse_in_t));

    in.api = ctx->call.api;
    in.status = (int) lcf->budget_status;
    in.budget = genai_str((char *) why->conf->zone->name.data,
                          ngx_min(why->conf->zone->name.len, 128));
    in.request_id = genai_str(id, (char *) p - id);
    in.why = why->limit ? &why->state : NULL;
    in.reason = why->reason;
    in.now = ngx_time();

    if (genai_refuse(&in, buf, GENAI_REFUSE_SIZE, &out) != GENAI_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx->call.request_id = genai_call_keep(&ctx->call, in.request_id, 0);

    if (r != r->main
        || ngx_http_genai_has_error_page(r, (ngx_int_t) out.status))
    {
        return out.status;
    }

    if (ngx_http_genai_budget_headers(r, out.headers, out.nheaders)
        != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    type.data = (u_char *) out.content_type.data;
    type.len = out.content_type.len;

    ngx_memzero(&cv, sizeof(ngx_http_complex_value_t));
    cv.value.data = (u_char *) out.body.data;
    cv.value.len = out.body.len;

    if (ngx_http_discard_request_body(r) != NGX_OK) {
        r->keepalive = 0;
    }

    ngx_http_finalize_request(r, ngx_http_send_response(r, out.status, &type,
                                                        &cv));
    return NGX_DONE;
}


/* names and values live as long as the request does */

ngx_int_t
ngx_http_genai_budget_headers(ngx_http_request_t *r,
    const genai_refuse_header_t *headers, ngx_uint_t n)
{
    ngx_uint_t        i;
    ngx_table_elt_t  *h;

    for (i = 0; i < n; i++) {

        h = ngx_list_push(&r->headers_out.headers);
        if (h == NULL) {
            return NGX_ERROR;
        }

        ngx_memzero(h, sizeof(ngx_table_elt_t));

        h->hash = 1;
        h->key.data = (u_char *) headers[i].name.data;
        h->key.len = headers[i].name.len;
        h->value.data = (u_char *) headers[i].value.data;
        h->value.len = headers[i].value.len;
    }

    return NGX_OK;
}


/* headers=on: of the tightest limit, when the head of the answer goes out */

void
ngx_http_genai_budget_header(ngx_http_request_t *r, ngx_http_genai_ctx_t *ctx)
{
    char                          *buf;
    ngx_uint_t                     i;
    genai_budget_state_t           state;
    genai_refuse_header_t          headers[2];
    ngx_http_genai_budget_ctx_t   *b;
    ngx_http_genai_budget_conf_t  *bc;

    b = ctx->budget;

    if (b == NULL || b->n == 0) {
        return;
    }

    for (i = 0; i < b->n; i++) {
        if (b->holds[i].conf->ratelimit) {
            break;
        }
    }

    if (i == b->n
        || ngx_http_genai_budget_left(ctx, &state, &bc) != GENAI_OK)
    {
        return;
    }

    buf = ngx_palloc(r->pool, 512);

    if (buf != NULL
        && genai_refuse_ratelimit(genai_str((char *) bc->zone->name.data,
                                            bc->zone->name.len),
                                  &state, ngx_time(), buf, 512, headers)
           == GENAI_OK)
    {
        (void) ngx_http_genai_budget_headers(r, headers, 2);
    }
}


/* a line was written within this second: *more counts those since the last */

static ngx_uint_t
ngx_http_genai_budget_quiet(ngx_http_genai_budget_zone_t *zc,
    ngx_uint_t *more)
{
    if (zc->logged == ngx_time()) {
        zc->unlogged++;
        return 1;
    }

    *more = zc->unlogged;
    zc->logged = ngx_time();
    zc->unlogged = 0;

    return 0;
}


/* the client may have chosen it; GENAI_BUDGET_KEY_TEXT bytes of room */

static size_t
ngx_http_genai_budget_key_text(genai_str_t key, u_char *buf)
{
    size_t  i, len;
    u_char  c;

    len = ngx_min(key.len, GENAI_BUDGET_KEY_TEXT);

    for (i = 0; i < len; i++) {
        c = (u_char) key.data[i];
        buf[i] = (c >= ' ' && c < 0x7f && c != '"') ? c : '?';
    }

    return len;
}


void
ngx_http_genai_budget_log_denied(ngx_http_request_t *r,
    ngx_http_genai_loc_conf_t *lcf, ngx_http_genai_budget_why_t *why,
    ngx_uint_t dry_run)
{
    char                           limit[GENAI_BUDGET_TEXT];
    char                           spent[GENAI_BUDGET_TEXT];
    char                           held[GENAI_BUDGET_TEXT];
    char                           wanted[GENAI_BUDGET_TEXT];
    size_t                         len;
    u_char                         key[GENAI_BUDGET_KEY_TEXT];
    u_char                         text[NGX_HTTP_GENAI_BUDGET_LINE], *p;
    ngx_uint_t                     more;
    genai_budget_state_t          *s;
    ngx_http_genai_budget_zone_t  *zc;

    zc = why->conf->zone;

    if (r->connection->log->log_level < lcf->budget_log_level
        || ngx_http_genai_budget_quiet(zc, &more))
    {
        return;
    }

    len = ngx_http_genai_budget_key_text(why->key, key);

    if (why->limit) {
        s = &why->state;

        genai_budget_text(&s->limit, limit);
        genai_budget_amount_text(s->limit.unit, s->spent, spent);
        genai_budget_amount_text(s->limit.unit, s->reserved, held);
        genai_budget_amount_text(s->limit.unit, s->wanted, wanted);

        p = ngx_snprintf(text, sizeof(text),
                         "limit %s: %s spent, %s reserved, %s wanted", limit,
                         spent, held, wanted);
    } else {
        p = ngx_snprintf(text, sizeof(text), "%*s", why->reason.len,
                         why->reason.data);
    }

    ngx_log_error(lcf->budget_log_level, r->connection->log, 0,
                  "budget \"%V\" %s a call, key \"%*s\"%s%V: %*s; %ui more "
                  "since the last line", &zc->name,
                  dry_run ? "would refuse (dry run)" : "refuses", len, key,
                  why->conf->class.len ? ", class " : "", &why->conf->class,
                  (size_t) (p - text), text, more);
}


void
ngx_http_genai_budget_log_news(ngx_log_t *log,
    ngx_http_genai_budget_hold_t *hold, genai_budget_news_t *news)
{
    char                   limit[GENAI_BUDGET_TEXT];
    char                   spent[GENAI_BUDGET_TEXT];
    size_t                 len;
    u_char                 key[GENAI_BUDGET_KEY_TEXT];
    uint32_t               i;
    ngx_uint_t             more;
    genai_budget_state_t  *s;

    len = ngx_http_genai_budget_key_text(
                                    genai_str(news->key, news->keylen), key);

    for (i = 0; i < news->nuse; i++) {

        s = &news->state[i];
        genai_budget_text(&s->limit, limit);
        genai_budget_amount_text(s->limit.unit, s->spent, spent);

        /* told once in each window */

        if (news->warn & (1U << i)) {
            ngx_log_error(NGX_LOG_WARN, log, 0,
                          "budget \"%V\", key \"%*s\": %uD%% of limit %s is "
                          "spent, %s", &hold->conf->zone->name, len, key,
                          hold->conf->warn, limit, spent);
        }

        if ((news->over & (1U << i))
            && !ngx_http_genai_budget_quiet(hold->conf->zone, &more))
        {
            ngx_log_error(NGX_LOG_WARN, log, 0,
                          "budget \"%V\", key \"%*s\": a call took limit %s "
                          "to %s", &hold->conf->zone->name, len, key, limit,
                          spent);
        }
    }
}
