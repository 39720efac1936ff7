/*
 * genai_context_window: the prompt, estimated, against the model's window.
 *
 * "warn" looks when the call has ended.  "reject" must know before the
 * upstream does: it reads the whole request first, in the precontent phase,
 * and so a location that has it connects later and sends no request body
 * while it still comes in (proxy_request_buffering off is without effect).
 */

#include "ngx_http_genai_module.h"


/* a token is four characters, on the average of English text */

#define NGX_HTTP_GENAI_TOKEN_CHARS  4


static void ngx_http_genai_window_read(ngx_http_request_t *r);
static int64_t ngx_http_genai_window_passed(ngx_http_genai_ctx_t *ctx,
    const genai_price_row_t *row, int64_t *window);


ngx_int_t
ngx_http_genai_window_handler(ngx_http_request_t *r)
{
    u_char                      *p, text[160];
    int64_t                      tokens, window;
    ngx_int_t                    rc;
    ngx_http_genai_ctx_t        *ctx;
    ngx_http_genai_loc_conf_t   *lcf;

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_genai_module);

    if (lcf->window != NGX_HTTP_GENAI_WINDOW_REJECT || r != r->main) {
        return NGX_DECLINED;
    }

    ctx = ngx_http_genai_get_ctx(r);

    if (ctx == NULL || ctx->conf != lcf || ctx->call.api_op == NULL) {
        return NGX_DECLINED;
    }

    rc = ngx_http_genai_whole_body(r, ctx);
    if (rc != NGX_OK) {
        return rc;
    }

    tokens = ngx_http_genai_window_passed(ctx, NULL, &window);
    if (tokens == 0) {
        return NGX_DECLINED;
    }

    ctx->call.context_exceeded = 1;
    genai_call_error(&ctx->call, genai_strz("context_window_exceeded"),
                     GENAI_ORIGIN_GATEWAY);

    p = ngx_snprintf(text, sizeof(text), "Input is too long for requested "
                     "model: about %L tokens, its window has %L", tokens,
                     window);

    return ngx_http_genai_refuse(r, ctx, &genai_refusal_window,
                                 genai_str((char *) text, p - text));
}


/* NGX_OK: it was read; otherwise what the phase handler has to return, which
 * runs again when it was */

ngx_int_t
ngx_http_genai_whole_body(ngx_http_request_t *r, ngx_http_genai_ctx_t *ctx)
{
    ngx_int_t  rc;

    if (ctx->body_read) {

        if (!ctx->request_done) {
            ngx_http_genai_request_catch_up(ctx);
        }

        return NGX_OK;
    }

    ctx->body_read = 1;

    rc = ngx_http_read_client_request_body(r, ngx_http_genai_window_read);
    if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {
        return rc;
    }

    ngx_http_finalize_request(r, NGX_DONE);

    return NGX_DONE;
}


static void
ngx_http_genai_window_read(ngx_http_request_t *r)
{
    r->preserve_body = 1;
    r->write_event_handler = ngx_http_core_run_phases;

    ngx_http_core_run_phases(r);
}


/* "warn": at the end of the call */

void
ngx_http_genai_window_check(ngx_http_genai_ctx_t *ctx,
    const genai_price_row_t *row)
{
    int64_t  window;

    if (ctx->conf != NULL && ctx->conf->window != NGX_HTTP_GENAI_WINDOW_OFF
        && ngx_http_genai_window_passed(ctx, row, &window))
    {
        ctx->call.context_exceeded = 1;
    }
}


/* the estimate when it passes the window, otherwise 0; row: the model's if
 * it was looked up before */

static int64_t
ngx_http_genai_window_passed(ngx_http_genai_ctx_t *ctx,
    const genai_price_row_t *row, int64_t *window)
{
    int64_t                      tokens;
    genai_call_t                *c;
    ngx_http_genai_main_conf_t  *mcf;

    c = &ctx->call;

    tokens = ngx_max(c->prompt_chars, 0) + ngx_max(c->system_chars, 0);
    tokens = (tokens + NGX_HTTP_GENAI_TOKEN_CHARS - 1)
             / NGX_HTTP_GENAI_TOKEN_CHARS;

    mcf = ngx_http_get_module_main_conf(ctx->request, ngx_http_genai_module);

    /* texts to embed are many, each with a window of its own */

    if (c->operation != GENAI_OP_CHAT
        && c->operation != GENAI_OP_TEXT_COMPLETION)
    {
        return 0;
    }

    if (tokens == 0 || mcf->prices == NULL || c->model.len == 0) {
        return 0;
    }

    if (row == NULL) {
        row = genai_price_lookup(mcf->prices, c->model,
                                 (int64_t) (c->start_unix_ns
                                            / GENAI_NS_PER_SEC));
    }

    if (row == NULL || row->context <= 0 || tokens <= row->context) {
        return 0;
    }

    *window = row->context;

    return tokens;
}


/*
 * Answers in the caller's protocol, unless an error_page does it.  What the
 * phase handler that refuses has to return.
 */

ngx_int_t
ngx_http_genai_refuse(ngx_http_request_t *r, ngx_http_genai_ctx_t *ctx,
    const genai_refusal_t *refusal, genai_str_t message)
{
    size_t                     size;
    ngx_str_t                  type, body;
    const char                *aws;
    ngx_table_elt_t           *h;
    ngx_http_complex_value_t   cv;

    if (ngx_http_genai_has_error_page(r, refusal->status)) {
        return refusal->status;
    }

    size = 256 + 6 * message.len;

    body.data = ngx_pnalloc(r->pool, size);
    if (body.data == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    body.len = genai_refuse_body(refusal, ctx->call.api, message,
                                 (char *) body.data, size);

    aws = genai_refuse_type(refusal, ctx->call.api);

    if (aws != NULL) {
        h = ngx_list_push(&r->headers_out.headers);
        if (h == NULL) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        ngx_memzero(h, sizeof(ngx_table_elt_t));

        h->hash = 1;
        ngx_str_set(&h->key, "x-amzn-ErrorType");
        h->value.data = (u_char *) aws;
        h->value.len = ngx_strlen(aws);
    }

    ngx_str_set(&type, "application/json");

    ngx_memzero(&cv, sizeof(ngx_http_complex_value_t));
    cv.value = body;

    ngx_http_finalize_request(r, ngx_http_send_response(r, refusal->status,
                                                        &type, &cv));
    return NGX_DONE;
}


ngx_uint_t
ngx_http_genai_has_error_page(ngx_http_request_t *r, ngx_int_t status)
{
    ngx_uint_t                 i;
    ngx_http_err_page_t       *page;
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    if (clcf->error_pages == NULL) {
        return 0;
    }

    page = clcf->error_pages->elts;

    for (i = 0; i < clcf->error_pages->nelts; i++) {
        if (page[i].status == status) {
            return 1;
        }
    }

    return 0;
}
