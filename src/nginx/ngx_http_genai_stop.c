/*
 * stream=stop: an open stream that has used up its budget ends early.
 *
 * It is cut where an event ends, never before the first one (SDKs ask again
 * when an error comes first), and gets a last event of ours that its SDK
 * raises as an error.  To nginx the upstream has ended then: it sends the
 * end of the response, and closes a connection that is of no more use.
 */

#include "ngx_http_genai_module.h"
#include "../lib/genai_stop.h"


struct ngx_http_genai_stop_s {
    genai_stop_t   at;
    size_t         len;           /* of last, 0: the stream goes on */
    unsigned       stopped:1;
    char           last[GENAI_STOP_SIZE];
};


static ngx_chain_t *ngx_http_genai_stop_find(ngx_http_genai_stop_t *s,
    ngx_chain_t *in, size_t *end);
static ngx_chain_t *ngx_http_genai_stop_at(ngx_http_request_t *r,
    ngx_http_genai_stop_t *s, ngx_chain_t *in, ngx_chain_t *at, size_t end);
static ngx_chain_t *ngx_http_genai_stop_rest(ngx_http_request_t *r,
    ngx_chain_t *in);
static void ngx_http_genai_stop_upstream(ngx_http_upstream_t *u);


/* the header has not been sent: what tells a length goes */

void
ngx_http_genai_stop_header(ngx_http_request_t *r, ngx_http_genai_ctx_t *ctx)
{
    ngx_str_t              *type;
    ngx_uint_t              framing;
    ngx_http_upstream_t    *u;
    ngx_http_genai_stop_t  *s;

    u = r->upstream;
    type = &r->headers_out.content_type;

    framing = genai_stop_framing(genai_str((char *) type->data, type->len),
                                 ctx->call.api);

    if (framing == GENAI_STOP_NONE || !ctx->tap || !ctx->call.streamed
        || u == NULL || u->cacheable || u->store || u->upgrade
        || r != r->main || r->headers_out.status != NGX_HTTP_OK
        || r->headers_out.content_encoding != NULL)
    {
        return;
    }

    s = ngx_palloc(r->pool, sizeof(ngx_http_genai_stop_t));
    if (s == NULL) {
        return;
    }

    ngx_memzero(s, offsetof(ngx_http_genai_stop_t, last));
    genai_stop_init(&s->at, framing);
    ctx->stopper = s;

    ngx_http_clear_content_length(r);
    ngx_http_clear_accept_ranges(r);
}


ngx_chain_t *
ngx_http_genai_stream_stop(ngx_http_request_t *r, ngx_http_genai_ctx_t *ctx,
    ngx_chain_t *in)
{
    size_t                  end;
    ngx_chain_t            *at;
    genai_str_t             text;
    ngx_http_genai_stop_t  *s;

    s = ctx->stopper;

    if (s->stopped) {
        return ngx_http_genai_stop_rest(r, in);
    }

    at = ngx_http_genai_stop_find(s, in, &end);

    /* a stream that has told its end, or that nobody reads, needs no other */

    if (ctx->last_seen || ctx->call.stop_reason.len || r->connection->error) {
        return in;
    }

    if (s->len == 0 && ngx_http_genai_budget_over(ctx, &text)) {
        s->len = genai_stop_event(s->at.framing, ctx->call.api, text, s->last,
                                  sizeof(s->last));
    }

    if (s->len == 0 || at == NULL) {
        return in;
    }

    ctx->tap = 0;
    ctx->call.truncated = 1;
    genai_call_error(&ctx->call, genai_strz("budget_exceeded"),
                     GENAI_ORIGIN_GATEWAY);

    return ngx_http_genai_stop_at(r, s, in, at, end);
}


/* the last end of an event in the chain: its link, and the bytes up to it */

static ngx_chain_t *
ngx_http_genai_stop_find(ngx_http_genai_stop_t *s, ngx_chain_t *in,
    size_t *end)
{
    size_t        n;
    ngx_buf_t    *b;
    ngx_chain_t  *at;

    at = NULL;
    *end = 0;

    for ( /* void */ ; in; in = in->next) {
        b = in->buf;

        if (!ngx_buf_in_memory(b) || b->last == b->pos) {
            continue;
        }

        n = genai_stop_feed(&s->at, (char *) b->pos, b->last - b->pos);

        if (n) {
            at = in;
            *end = n;
        }
    }

    return at;
}


/* links of our own: those of the chain are its owner's */

static ngx_chain_t *
ngx_http_genai_stop_at(ngx_http_request_t *r, ngx_http_genai_stop_t *s,
    ngx_chain_t *in, ngx_chain_t *at, size_t end)
{
    ngx_buf_t    *b;
    ngx_chain_t  *cl, *out, *rest, **last;

    out = NULL;
    last = &out;
    rest = at->next;

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        return in;
    }

    for ( ;; ) {
        cl = ngx_alloc_chain_link(r->pool);
        if (cl == NULL) {
            return in;
        }

        *last = cl;
        last = &cl->next;

        if (in == rest) {
            break;
        }

        cl->buf = in->buf;
        in = in->next;
    }

    b->start = b->pos = (u_char *) s->last;
    b->end = b->last = b->pos + s->len;
    b->memory = 1;
    b->flush = 1;

    cl->buf = b;
    cl->next = ngx_http_genai_stop_rest(r, rest);

    b = at->buf;

    if (b->in_file) {
        b->file_last -= (b->last - b->pos) - (off_t) end;
    }

    b->last = b->pos + end;

    s->stopped = 1;
    ngx_http_genai_stop_upstream(r->upstream);

    ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                  "stream is ended early, its budget is used up");

    return out;
}


/* consumed, but for the end of the response */

static ngx_chain_t *
ngx_http_genai_stop_rest(ngx_http_request_t *r, ngx_chain_t *in)
{
    ngx_buf_t    *b;
    ngx_chain_t  *cl, *out, **last;

    out = NULL;
    last = &out;

    for ( /* void */ ; in; in = in->next) {
        b = in->buf;

        if (ngx_buf_in_memory(b)) {
            b->pos = b->last;
        }

        if (b->in_file) {
            b->file_pos = b->file_last;
        }

        if (!b->last_buf && !b->last_in_chain) {
            continue;
        }

        cl = ngx_alloc_chain_link(r->pool);
        if (cl == NULL) {
            break;
        }

        cl->buf = b;
        cl->next = NULL;
        *last = cl;
        last = &cl->next;
    }

    return out;
}


static void
ngx_http_genai_stop_upstream(ngx_http_upstream_t *u)
{
    u->length = 0;
    u->keepalive = 0;

    if (u->buffering) {
        u->pipe->length = 0;
        u->pipe->upstream_done = 1;
    }
}
