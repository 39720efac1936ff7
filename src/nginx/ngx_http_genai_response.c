/*
 * The response's way out: what it is, by its head; the body tap.
 *
 * The tap never changes, delays or fails a response: bytes are read first
 * and the same chain is forwarded in the same call, its code untouched.  The
 * exceptions are in ngx_http_genai_stream.c.
 */

#include "ngx_http_genai_module.h"


static ngx_int_t ngx_http_genai_header_filter(ngx_http_request_t *r);
static ngx_int_t ngx_http_genai_body_filter(ngx_http_request_t *r,
    ngx_chain_t *in);
static void ngx_http_genai_response_head(ngx_http_request_t *r,
    ngx_http_genai_ctx_t *ctx);
static void ngx_http_genai_response_headers(ngx_http_genai_ctx_t *ctx,
    ngx_list_part_t *part);


static ngx_http_output_header_filter_pt  ngx_http_next_header_filter;
static ngx_http_output_body_filter_pt    ngx_http_next_body_filter;


void
ngx_http_genai_response_init(void)
{
    ngx_http_next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = ngx_http_genai_header_filter;

    ngx_http_next_body_filter = ngx_http_top_body_filter;
    ngx_http_top_body_filter = ngx_http_genai_body_filter;
}


static ngx_int_t
ngx_http_genai_header_filter(ngx_http_request_t *r)
{
    uint64_t               t;
    ngx_http_genai_ctx_t  *ctx;

    ctx = ngx_http_genai_get_ctx(r);

    if (ctx != NULL && !ctx->header_seen && !ctx->finished) {
        t = ngx_http_genai_own_start(ctx);
        ngx_http_genai_response_head(r, ctx);
        ngx_http_genai_stream_header(r, ctx);
        ngx_http_genai_budget_header(r, ctx);
        ngx_http_genai_own_stop(ctx, t);

        if (ctx->drain != NULL && ngx_http_genai_drain_header(r, ctx)) {
            return NGX_OK;
        }
    }

    return ngx_http_next_header_filter(r);
}


static void
ngx_http_genai_response_head(ngx_http_request_t *r, ngx_http_genai_ctx_t *ctx)
{
    genai_str_t    type, encoding;
    genai_call_t  *c;

    c = &ctx->call;

    ctx->header_seen = 1;

    if (!ctx->request_done) {
        ngx_http_genai_request_catch_up(ctx);
    }

#if (NGX_HTTP_CACHE)
    c->from_cache = r->cached;
#endif

    if (r->upstream != NULL && !c->from_cache) {
        c->upstream_first_ns = ngx_http_genai_now();
    }

    genai_body_response_origin(&ctx->body, ngx_http_genai_origin(r));

    if (r->upstream != NULL) {
        ngx_http_genai_response_headers(ctx,
                                     &r->upstream->headers_in.headers.part);
    }

    type = genai_str((char *) r->headers_out.content_type.data,
                     r->headers_out.content_type.len);

    encoding = genai_str(NULL, 0);

    if (r->headers_out.content_encoding != NULL) {
        encoding = genai_str(
                       (char *) r->headers_out.content_encoding->value.data,
                       r->headers_out.content_encoding->value.len);
    }

    if (genai_body_response_begin(&ctx->body, r->headers_out.status, type,
                                  encoding)
        == GENAI_OK && !r->header_only)
    {
        ctx->tap = 1;
        r->filter_need_in_memory = 1;
    }
}


static void
ngx_http_genai_response_headers(ngx_http_genai_ctx_t *ctx,
    ngx_list_part_t *part)
{
    u_char            c;
    ngx_uint_t        i;
    ngx_table_elt_t  *header;

    for ( /* void */ ; part; part = part->next) {

        header = part->elts;

        for (i = 0; i < part->nelts; i++) {

            if (header[i].key.len < 8 || header[i].lowcase_key == NULL) {
                continue;
            }

            /* x-amzn-..., request-id, apim-request-id, openai-... */

            c = header[i].lowcase_key[0];

            if (c != 'x' && c != 'r' && c != 'a' && c != 'o') {
                continue;
            }

            genai_body_response_header(&ctx->body,
                genai_str((char *) header[i].lowcase_key, header[i].key.len),
                genai_str((char *) header[i].value.data,
                          header[i].value.len));
        }
    }
}


/*
 * Whose an error status is: the upstream's own, or of nginx for want of one;
 * the client's when nginx refuses what it sent.
 */

ngx_uint_t
ngx_http_genai_origin(ngx_http_request_t *r)
{
    ngx_uint_t  status;

    status = r->headers_out.status;

    if (r->upstream_states != NULL && r->upstream_states->nelts) {
        return GENAI_ORIGIN_UPSTREAM;
    }

    if (status == NGX_HTTP_BAD_REQUEST
        || status == NGX_HTTP_REQUEST_TIME_OUT
        || status == NGX_HTTP_LENGTH_REQUIRED
        || status == NGX_HTTP_REQUEST_ENTITY_TOO_LARGE
        || status == NGX_HTTP_REQUEST_URI_TOO_LARGE
        || status == NGX_HTTP_REQUEST_HEADER_TOO_LARGE)
    {
        return GENAI_ORIGIN_CLIENT;
    }

    return GENAI_ORIGIN_GATEWAY;
}


static ngx_int_t
ngx_http_genai_body_filter(ngx_http_request_t *r, ngx_chain_t *in)
{
    off_t                  size;
    uint64_t               t, now;
    ngx_buf_t             *b;
    ngx_chain_t           *cl;
    ngx_http_genai_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_genai_module);

    if (ctx == NULL || !ctx->header_seen) {
        return ngx_http_next_body_filter(r, in);
    }

    if (ctx->last_seen || in == NULL) {
        return ngx_http_genai_stream_filter(r, ctx, in,
                                            ngx_http_next_body_filter);
    }

    t = ngx_http_genai_own_start(ctx);
    now = ngx_http_genai_now();

    for (cl = in; cl; cl = cl->next) {
        b = cl->buf;

        size = ngx_buf_size(b);
        ctx->call.response_bytes += size;

        if (ctx->tap && size > 0 && ngx_buf_in_memory(b)) {
            genai_body_response_feed(&ctx->body, (char *) b->pos,
                                     (size_t) size, now);
        }

        if (b->last_buf || (r != r->main && b->last_in_chain)) {
            ctx->last_seen = 1;
            ctx->call.end_ns = now;
            genai_body_response_end(&ctx->body, 1, now);
            break;
        }
    }

    ngx_http_genai_budget_alive(ctx);
    ngx_http_genai_own_stop(ctx, t);

    return ngx_http_genai_stream_filter(r, ctx, in,
                                        ngx_http_next_body_filter);
}
