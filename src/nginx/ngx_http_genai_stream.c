/*
 * The exceptions to "the tap never changes a response", off by default: what
 * is done with the chain once it was read.  Draining after the client has
 * left is in ngx_http_genai_drain.c, stopping at a budget in
 * ngx_http_genai_stop.c; the rest is here.
 *
 * genai_include_usage: an OpenAI-shaped chat stream that was not asked for
 * its usage carries none.  The request then gets stream_options at its end,
 * and the chunk that the upstream adds is taken out of the answer.
 */

#include "ngx_http_genai_module.h"


/* the longest event that is held; a usage chunk has some hundred bytes */

#define NGX_HTTP_GENAI_HOLD  4096


struct ngx_http_genai_stream_s {
    genai_hide_t              hide;
    ngx_chain_t              *free;
    ngx_chain_t              *busy;
    unsigned                  on:1;     /* the answer is such a stream */
    char                      hold[NGX_HTTP_GENAI_HOLD];
};


static ngx_uint_t ngx_http_genai_stream_wanted(ngx_http_request_t *r,
    ngx_http_genai_ctx_t *ctx);
static ngx_int_t ngx_http_genai_stream_append(ngx_http_request_t *r);
static size_t ngx_http_genai_stream_cut(ngx_buf_t *b);
static size_t ngx_http_genai_stream_tail(const u_char *p, size_t len);
static ngx_int_t ngx_http_genai_stream_length(ngx_http_request_t *r,
    size_t more);
static ngx_int_t ngx_http_genai_stream_hide(ngx_http_request_t *r,
    ngx_http_genai_ctx_t *ctx, ngx_chain_t *in,
    ngx_http_output_body_filter_pt next);
static ngx_int_t ngx_http_genai_stream_buf(ngx_http_request_t *r,
    ngx_http_genai_stream_t *s, ngx_buf_t *b, ngx_chain_t ***last);


static u_char  ngx_http_genai_stream_options[] =
    ",\"stream_options\":{\"include_usage\":true}}";

static int  ngx_http_genai_stream_tag;


/* precontent: the whole request is needed, to know whether it is such a one */

ngx_int_t
ngx_http_genai_stream_handler(ngx_http_request_t *r)
{
    ngx_int_t                   rc;
    ngx_http_genai_ctx_t       *ctx;
    ngx_http_genai_stream_t    *s;
    ngx_http_genai_loc_conf_t  *lcf;

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_genai_module);

    if (!lcf->include_usage || r != r->main) {
        return NGX_DECLINED;
    }

    ctx = ngx_http_genai_get_ctx(r);

    if (ctx == NULL || ctx->conf != lcf || ctx->stream != NULL
        || ctx->call.api_op == NULL
        || (ngx_strcmp(ctx->call.api_op->name, "ChatCompletions") != 0
            && ngx_strcmp(ctx->call.api_op->name, "Completions") != 0))
    {
        return NGX_DECLINED;
    }

    rc = ngx_http_genai_whole_body(r, ctx);
    if (rc != NGX_OK) {
        return rc;
    }

    if (!ngx_http_genai_stream_wanted(r, ctx)) {
        return NGX_DECLINED;
    }

    s = ngx_palloc(r->pool, sizeof(ngx_http_genai_stream_t));
    if (s == NULL) {
        return NGX_DECLINED;
    }

    ngx_memzero(s, offsetof(ngx_http_genai_stream_t, hold));
    genai_hide_init(&s->hide, s->hold, sizeof(s->hold));

    if (ngx_http_genai_stream_append(r) == NGX_OK) {
        ctx->stream = s;
    }

    return NGX_DECLINED;
}


/* not when the client spoke of it, nor when a signature covers the body */

static ngx_uint_t
ngx_http_genai_stream_wanted(ngx_http_request_t *r, ngx_http_genai_ctx_t *ctx)
{
    genai_call_t     *c;
    ngx_table_elt_t  *h;

    c = &ctx->call;
    h = r->headers_in.authorization;

    if (!c->stream || c->stream_options
        || c->request_coding != GENAI_CODING_NONE
        || r->request_body == NULL || r->request_body->bufs == NULL)
    {
        return 0;
    }

    return h == NULL || h->value.len < 5
           || ngx_strncmp(h->value.data, "AWS4-", 5) != 0;
}


/*
 * The chain is made anew, of copies, with the closing brace left out and ours
 * after it: what comes first stays first, since nginx begins again there when
 * it tries the next upstream.
 */

static ngx_int_t
ngx_http_genai_stream_append(ngx_http_request_t *r)
{
    size_t        cut, size;
    ngx_buf_t    *b;
    ngx_chain_t  *cl, *in, *out, **last;

    size = sizeof(ngx_http_genai_stream_options) - 1;
    out = NULL;
    last = &out;
    b = NULL;

    for (in = r->request_body->bufs; in; in = in->next) {

        /* a body in chunks ends in an empty one */

        if (ngx_buf_size(in->buf) == 0) {
            continue;
        }

        cl = ngx_alloc_chain_link(r->pool);
        b = ngx_alloc_buf(r->pool);

        if (cl == NULL || b == NULL) {
            return NGX_ERROR;
        }

        ngx_memcpy(b, in->buf, sizeof(ngx_buf_t));
        b->last_buf = 0;

        cl->buf = b;
        cl->next = NULL;
        *last = cl;
        last = &cl->next;
    }

    cut = b ? ngx_http_genai_stream_cut(b) : 0;

    if (cut == 0) {
        return NGX_DECLINED;
    }

    cl = ngx_alloc_chain_link(r->pool);
    b = ngx_calloc_buf(r->pool);

    if (cl == NULL || b == NULL
        || ngx_http_genai_stream_length(r, size - cut) != NGX_OK)
    {
        return NGX_ERROR;
    }

    b->memory = 1;
    b->last_buf = 1;
    b->pos = b->start = ngx_http_genai_stream_options;
    b->last = b->end = ngx_http_genai_stream_options + size;

    cl->buf = b;
    cl->next = NULL;
    *last = cl;

    r->request_body->bufs = out;

    return NGX_OK;
}


/* b ends before the closing brace: gives how much that is, 0 when what ends
 * the document is something else */

static size_t
ngx_http_genai_stream_cut(ngx_buf_t *b)
{
    u_char   tail[64];
    size_t   n, len;

    if (ngx_buf_in_memory(b)) {
        n = ngx_http_genai_stream_tail(b->pos, b->last - b->pos);
        b->last -= n;
        return n;
    }

    if (!b->in_file) {
        return 0;
    }

    len = (size_t) ngx_min((off_t) sizeof(tail), b->file_last - b->file_pos);

    if (ngx_read_file(b->file, tail, len, b->file_last - (off_t) len)
        != (ssize_t) len)
    {
        return 0;
    }

    n = ngx_http_genai_stream_tail(tail, len);
    b->file_last -= n;

    return n;
}


static size_t
ngx_http_genai_stream_tail(const u_char *p, size_t len)
{
    size_t  n;

    for (n = len; n > 0; n--) {

        if (p[n - 1] == '}') {
            return len - n + 1;
        }

        if (p[n - 1] != ' ' && p[n - 1] != CR && p[n - 1] != LF
            && p[n - 1] != '\t')
        {
            break;
        }
    }

    return 0;
}


static ngx_int_t
ngx_http_genai_stream_length(ngx_http_request_t *r, size_t more)
{
    u_char           *p;
    ngx_table_elt_t  *h;

    h = r->headers_in.content_length;

    if (h != NULL) {
        p = ngx_pnalloc(r->pool, NGX_OFF_T_LEN);
        if (p == NULL) {
            return NGX_ERROR;
        }

        h->value.data = p;
        h->value.len = ngx_sprintf(p, "%O", r->headers_in.content_length_n
                                            + (off_t) more) - p;
    }

    r->headers_in.content_length_n += more;

    return NGX_OK;
}


/* the head of the answer is known */

void
ngx_http_genai_stream_header(ngx_http_request_t *r, ngx_http_genai_ctx_t *ctx)
{
    ngx_str_t  *type;

    if (ctx->stop) {
        ngx_http_genai_stop_header(r, ctx);
    }

    type = &r->headers_out.content_type;

    if (ctx->stream == NULL || r->header_only
        || r->headers_out.status != NGX_HTTP_OK
        || r->headers_out.content_encoding != NULL
        || type->len < 17
        || ngx_strncasecmp(type->data, (u_char *) "text/event-stream", 17)
           != 0)
    {
        return;
    }

    ctx->stream->on = 1;

    r->filter_need_in_memory = 1;
    ngx_http_clear_content_length(r);
    ngx_http_clear_accept_ranges(r);
}


/* the end of our body filter */

ngx_int_t
ngx_http_genai_stream_filter(ngx_http_request_t *r, ngx_http_genai_ctx_t *ctx,
    ngx_chain_t *in, ngx_http_output_body_filter_pt next)
{
    if (ctx->stopper != NULL && in != NULL) {
        in = ngx_http_genai_stream_stop(r, ctx, in);

        if (in == NULL) {
            return NGX_OK;
        }
    }

    if (ctx->drain != NULL) {
        return ngx_http_genai_drain_filter(r, ctx, in, next);
    }

    return ngx_http_genai_stream_send(r, ctx, in, next);
}


ngx_int_t
ngx_http_genai_stream_send(ngx_http_request_t *r, ngx_http_genai_ctx_t *ctx,
    ngx_chain_t *in, ngx_http_output_body_filter_pt next)
{
    if (ctx->stream == NULL || !ctx->stream->on || in == NULL) {
        return next(r, in);
    }

    return ngx_http_genai_stream_hide(r, ctx, in, next);
}


/* sends other buffers than it is given: in is consumed */

static ngx_int_t
ngx_http_genai_stream_hide(ngx_http_request_t *r, ngx_http_genai_ctx_t *ctx,
    ngx_chain_t *in, ngx_http_output_body_filter_pt next)
{
    ngx_int_t                 rc;
    ngx_chain_t              *cl, *out, **last;
    ngx_http_genai_stream_t  *s;

    s = ctx->stream;
    out = NULL;
    last = &out;

    for (cl = in; cl; cl = cl->next) {
        if (ngx_http_genai_stream_buf(r, s, cl->buf, &last) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    if (out == NULL && s->busy == NULL) {
        return NGX_OK;
    }

    rc = next(r, out);

    ngx_chain_update_chains(r->pool, &s->free, &s->busy, &out,
                            (ngx_buf_tag_t) &ngx_http_genai_stream_tag);

    return rc;
}


static ngx_int_t
ngx_http_genai_stream_buf(ngx_http_request_t *r, ngx_http_genai_stream_t *s,
    ngx_buf_t *b, ngx_chain_t ***last)
{
    size_t        len, room;
    u_char       *p;
    ngx_buf_t    *o;
    ngx_chain_t  *cl;

    len = ngx_buf_in_memory(b) ? (size_t) (b->last - b->pos) : 0;
    room = s->hide.len + len;

    cl = ngx_chain_get_free_buf(r->pool, &s->free);
    if (cl == NULL) {
        return NGX_ERROR;
    }

    o = cl->buf;
    p = o->start;

    if (room && (p == NULL || (size_t) (o->end - p) < room)) {
        room = ngx_max(room, (size_t) ngx_pagesize);
        p = ngx_palloc(r->pool, room);
        if (p == NULL) {
            return NGX_ERROR;
        }

        o->end = p + room;
    }

    room = o->end - p;

    ngx_memzero(o, sizeof(ngx_buf_t));

    o->start = p;
    o->end = p + room;
    o->pos = p;
    o->last = p;
    o->tag = (ngx_buf_tag_t) &ngx_http_genai_stream_tag;

    if (len) {
        o->last += genai_hide_feed(&s->hide, (char *) b->pos, len,
                                   (char *) p);
        b->pos = b->last;

        if (b->in_file) {
            b->file_pos = b->file_last;
        }
    }

    if (b->last_buf || b->last_in_chain) {
        o->last += genai_hide_end(&s->hide, (char *) o->last);
    }

    o->last_buf = b->last_buf;
    o->last_in_chain = b->last_in_chain;
    o->sync = b->sync;
    o->flush = b->flush || b->recycled;
    o->temporary = (o->last > o->pos);

    if (o->last == o->pos && !o->last_buf && !o->last_in_chain && !o->flush
        && !o->sync)
    {
        cl->next = s->free;
        s->free = cl;
        return NGX_OK;
    }

    **last = cl;
    *last = &cl->next;
    cl->next = NULL;

    return NGX_OK;
}
