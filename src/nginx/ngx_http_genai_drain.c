/*
 * genai_drain: after the client has left, the upstream is read on, for the
 * usage that stands at the end of its answer.
 *
 * nginx ends a request whose client has left as soon as it notices.  Here its
 * two handlers that would are replaced by ones that take a note, and from
 * then on the filters after ours are not called: what comes is read by the
 * tap and dropped.  Everything else (timeouts, next upstream, the end) stays
 * nginx's.  At the bound nginx's own handler is called after all.
 */

#include "ngx_http_genai_module.h"


struct ngx_http_genai_drain_s {
    ngx_http_request_t           *request;
    ngx_http_genai_drain_conf_t  *conf;
    ngx_http_event_handler_pt     read;    /* nginx's; NULL: not replaced */
    ngx_chain_t                  *passed;  /* given to the next filter, and
                                              not taken yet */
    off_t                         left;    /* bytes that may still be read */
    ngx_event_t                   posted;
    ngx_event_t                   timer;
    unsigned                      gone:1;  /* the client */
    unsigned                      early:1; /* before it was sent anything */
    unsigned                      released:1;
    unsigned                      over:1;  /* the time is */
};


static void ngx_http_genai_drain_cleanup(void *data);
static void ngx_http_genai_drain_posted(ngx_event_t *ev);
static void ngx_http_genai_drain_arm(ngx_http_genai_drain_t *d);
static void ngx_http_genai_drain_read(ngx_http_request_t *r);
static void ngx_http_genai_drain_write(ngx_http_request_t *r);
static ngx_uint_t ngx_http_genai_drain_left(ngx_http_request_t *r);
static ngx_uint_t ngx_http_genai_drain_wanted(ngx_http_genai_ctx_t *ctx);
static void ngx_http_genai_drain_begin(ngx_http_genai_ctx_t *ctx);
static void ngx_http_genai_drain_timer(ngx_event_t *ev);
static off_t ngx_http_genai_drain_take(ngx_chain_t *in);
static void ngx_http_genai_drain_release(ngx_http_genai_drain_t *d);
static void ngx_http_genai_drain_remember(ngx_http_genai_drain_t *d,
    ngx_chain_t *in);


/* genai_drain [time=30s] [size=8m] | off */

char *
ngx_http_genai_set_drain(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_genai_loc_conf_t  *lcf = conf;

    off_t                         size;
    ngx_str_t                    *value, s;
    ngx_int_t                     time;
    ngx_uint_t                    i;
    ngx_http_genai_drain_conf_t  *drain;

    if (lcf->drain != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0) {
        lcf->drain = NULL;
        return NGX_CONF_OK;
    }

    drain = ngx_palloc(cf->pool, sizeof(ngx_http_genai_drain_conf_t));
    if (drain == NULL) {
        return NGX_CONF_ERROR;
    }

    drain->time = 30000;
    drain->size = 8 * 1024 * 1024;

    for (i = 1; i < cf->args->nelts; i++) {

        s.data = value[i].data + 5;
        s.len = value[i].len - 5;

        if (ngx_strncmp(value[i].data, "time=", 5) == 0) {
            time = ngx_parse_time(&s, 0);

            if (time > 0 && time <= 3600000) {
                drain->time = (ngx_msec_t) time;
                continue;
            }
        }

        if (ngx_strncmp(value[i].data, "size=", 5) == 0) {
            size = ngx_parse_offset(&s);

            if (size > 0) {
                drain->size = size;
                continue;
            }
        }

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\", it must be "
                           "\"time=time\" (\"time=30s\", at most 1h), "
                           "\"size=size\" (\"size=8m\") or, alone, \"off\"",
                           &value[i]);
        return NGX_CONF_ERROR;
    }

    lcf->drain = drain;

    return NGX_CONF_OK;
}


/* precontent */

ngx_int_t
ngx_http_genai_drain_handler(ngx_http_request_t *r)
{
    ngx_http_cleanup_t         *cln;
    ngx_http_genai_ctx_t       *ctx;
    ngx_http_genai_drain_t     *d;
    ngx_http_genai_loc_conf_t  *lcf;

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_genai_module);

    ctx = (r == r->main) ? ngx_http_genai_get_ctx(r) : NULL;

    if (ctx == NULL) {
        return NGX_DECLINED;
    }

    /* an internal redirect may have left a location that drains */

    if (lcf->drain == NULL || ctx->conf != lcf || ctx->call.api_op == NULL) {

        if (ctx->drain != NULL) {
            ngx_http_genai_drain_cleanup(ctx->drain);
            ctx->drain = NULL;
        }

        return NGX_DECLINED;
    }

    if (ctx->drain == NULL) {

        cln = ngx_http_cleanup_add(r, sizeof(ngx_http_genai_drain_t));
        if (cln == NULL) {
            return NGX_DECLINED;
        }

        d = cln->data;
        ngx_memzero(d, sizeof(ngx_http_genai_drain_t));

        d->request = r;

        d->posted.handler = ngx_http_genai_drain_posted;
        d->posted.data = d;
        d->posted.log = r->connection->log;

        d->timer.handler = ngx_http_genai_drain_timer;
        d->timer.data = d;
        d->timer.log = r->connection->log;

        cln->handler = ngx_http_genai_drain_cleanup;

        ctx->drain = d;
    }

    ctx->drain->conf = lcf->drain;
    ngx_http_genai_drain_request(ctx);

    return NGX_DECLINED;
}


/*
 * The upstream begins within this event, if the request is whole, and sets
 * its handlers then: they are looked at when the event is over.
 */

void
ngx_http_genai_drain_request(ngx_http_genai_ctx_t *ctx)
{
    if (ctx->drain != NULL) {
        ngx_post_event(&ctx->drain->posted, &ngx_posted_events);
    }
}


static void
ngx_http_genai_drain_cleanup(void *data)
{
    ngx_http_genai_drain_t  *d = data;

    if (d->posted.posted) {
        ngx_delete_posted_event(&d->posted);
    }

    if (d->timer.timer_set) {
        ngx_del_timer(&d->timer);
    }
}


static void
ngx_http_genai_drain_posted(ngx_event_t *ev)
{
    ngx_http_genai_drain_arm(ev->data);
}


/* with proxy_ignore_client_abort nginx does not look at the client: there
 * is nothing to replace, and only a failed write tells that it has left */

static void
ngx_http_genai_drain_arm(ngx_http_genai_drain_t *d)
{
    ngx_http_request_t   *r;
    ngx_http_upstream_t  *u;

    r = d->request;
    u = r->upstream;

    if (u == NULL || u->cleanup == NULL || u->store
        || u->conf->ignore_client_abort || r->post_action || r->reading_body
        || r->read_event_handler == ngx_http_genai_drain_read)
    {
        return;
    }

    d->read = r->read_event_handler;
    r->read_event_handler = ngx_http_genai_drain_read;

    if (!u->header_sent) {
        r->write_event_handler = ngx_http_genai_drain_write;
    }
}


static void
ngx_http_genai_drain_read(ngx_http_request_t *r)
{
    ngx_connection_t        *c;
    ngx_http_genai_ctx_t    *ctx;
    ngx_http_genai_drain_t  *d;

    ctx = ngx_http_genai_get_ctx(r);
    d = ctx->drain;

    if (d->gone || !ngx_http_genai_drain_left(r)) {
        return;
    }

    c = r->connection;
    c->error = 1;

    /* an upstream that was not asked yet does not work in vain */

    if (!r->upstream->request_sent || !ngx_http_genai_drain_wanted(ctx)) {
        r->read_event_handler = d->read;
        d->read(r);
        return;
    }

    ngx_http_genai_drain_begin(ctx);

    /* what waited for the client to take it goes on */

    if (d->released && r->upstream->header_sent) {
        ngx_post_event(c->write, &ngx_posted_events);
    }
}


static void
ngx_http_genai_drain_write(ngx_http_request_t *r)
{
    /* before the header: that the client has left is a matter of reading */
}


/* as ngx_http_upstream_check_broken_connection() finds out */

static ngx_uint_t
ngx_http_genai_drain_left(ngx_http_request_t *r)
{
    char               buf[1];
    ssize_t            n;
    ngx_event_t       *rev;
    ngx_connection_t  *c;

    c = r->connection;
    rev = c->read;

    if (c->error) {
        return 1;
    }

#if (NGX_HTTP_V2)
    if (r->stream) {
        return 0;
    }
#endif

#if (NGX_HTTP_V3)
    if (c->quic) {
        return c->write->error;
    }
#endif

#if (NGX_HAVE_EPOLLRDHUP)

    if ((ngx_event_flags & NGX_USE_EPOLL_EVENT) && ngx_use_epoll_rdhup) {
        rev->eof |= rev->pending_eof;
        return rev->pending_eof;
    }

#endif

    n = recv(c->fd, buf, 1, MSG_PEEK);

    /* otherwise poll would tell of it again and again */

    if ((ngx_event_flags & NGX_USE_LEVEL_EVENT) && rev->active) {
        (void) ngx_del_event(rev, NGX_READ_EVENT, 0);
    }

    if (n > 0 || (n == -1 && ngx_socket_errno == NGX_EAGAIN)) {
        return 0;
    }

    rev->eof = 1;

    return 1;
}


/* the answer is read, or has not begun */

static ngx_uint_t
ngx_http_genai_drain_wanted(ngx_http_genai_ctx_t *ctx)
{
    return !ctx->last_seen && (ctx->tap || !ctx->header_seen);
}


static void
ngx_http_genai_drain_begin(ngx_http_genai_ctx_t *ctx)
{
    ngx_http_genai_drain_t  *d;

    d = ctx->drain;

    d->gone = 1;
    d->early = !d->request->header_sent;
    d->left = d->conf->size;

    ngx_log_error(NGX_LOG_INFO, d->request->connection->log, 0,
                  "client has left, the upstream is read on for its usage");

    ngx_add_timer(&d->timer, d->conf->time);
    ngx_http_genai_drain_release(d);
}


static void
ngx_http_genai_drain_timer(ngx_event_t *ev)
{
    ngx_connection_t        *c;
    ngx_http_request_t      *r;
    ngx_http_upstream_t     *u;
    ngx_http_genai_drain_t  *d;

    d = ev->data;
    r = d->request;
    c = r->connection;
    u = r->upstream;

    ngx_http_set_log_request(c->log, r);

    d->over = 1;

    /* nginx's handler: it sees c->error, and closes the upstream unless it
     * fills a cache */

    if (d->read != NULL && u->cleanup != NULL && !r->post_action) {
        r->read_event_handler = d->read;
        d->read(r);
        ngx_http_run_posted_requests(c);
    }
}


/* nobody is there to send the header to */

ngx_uint_t
ngx_http_genai_drain_header(ngx_http_request_t *r, ngx_http_genai_ctx_t *ctx)
{
    ngx_http_genai_drain_t  *d;

    d = ctx->drain;

    ngx_http_genai_drain_arm(d);

    if (!r->connection->error || !ctx->tap || r->header_only
        || r->post_action)
    {
        return 0;
    }

    if (!d->gone) {
        ngx_http_genai_drain_begin(ctx);
    }

    r->header_sent = 1;

    return 1;
}


/*
 * The end of our filter.  NGX_ERROR, as from the socket of a client that has
 * left, ends the request as it does there: after the bound.
 */

ngx_int_t
ngx_http_genai_drain_filter(ngx_http_request_t *r, ngx_http_genai_ctx_t *ctx,
    ngx_chain_t *in, ngx_http_output_body_filter_pt next)
{
    ngx_int_t                rc;
    ngx_http_genai_drain_t  *d;

    d = ctx->drain;

    if (!d->gone) {

        if (!r->connection->error || !ngx_http_genai_drain_wanted(ctx)) {

            rc = ngx_http_genai_stream_send(r, ctx, in, next);
            ngx_http_genai_drain_remember(d, in);

            if (!r->connection->error || !ngx_http_genai_drain_wanted(ctx)) {
                return rc;
            }
        }

        ngx_http_genai_drain_begin(ctx);
    }

    ngx_http_genai_drain_release(d);
    d->left -= ngx_http_genai_drain_take(in);

    if (ctx->last_seen) {
        ctx->call.aborted = 1;
        ctx->call.drained = 1;

        if (d->early) {
            r->headers_out.status = NGX_HTTP_CLIENT_CLOSED_REQUEST;
        }

        return NGX_OK;
    }

    return (d->over || d->left < 0) ? NGX_ERROR : NGX_OK;
}


/* gives the number of bytes */

static off_t
ngx_http_genai_drain_take(ngx_chain_t *in)
{
    off_t       size;
    ngx_buf_t  *b;

    size = 0;

    for ( /* void */ ; in; in = in->next) {
        b = in->buf;

        size += ngx_buf_size(b);

        if (ngx_buf_in_memory(b)) {
            b->pos = b->last;
        }

        if (b->in_file) {
            b->file_pos = b->file_last;
        }
    }

    return size;
}


/*
 * What the filters and the socket still held is taken back, for nginx reads
 * into no buffer that is busy, and waits for no client.  Frames of HTTP/2
 * that are queued have told their length: they must go out first.
 */

static void
ngx_http_genai_drain_release(ngx_http_genai_drain_t *d)
{
    ngx_event_t         *wev;
    ngx_http_request_t  *r;

    r = d->request;
    wev = r->connection->write;

    if (d->released) {
        return;
    }

#if (NGX_HTTP_V2)

    if (r->stream) {

        if (r->stream->queued) {
            return;
        }

        wev->active = 0;
    }

#endif

    d->released = 1;

    (void) ngx_http_genai_drain_take(d->passed);
    d->passed = NULL;

    wev->ready = 1;
    wev->delayed = 0;
    wev->timedout = 0;

    if (wev->timer_set) {
        ngx_del_timer(wev);
    }
}


/* buffers come back to their owner only after a call of the filter: none of
 * these was used again since */

static void
ngx_http_genai_drain_remember(ngx_http_genai_drain_t *d, ngx_chain_t *in)
{
    ngx_pool_t   *pool;
    ngx_chain_t  *cl, **ll;

    pool = d->request->pool;
    ll = &d->passed;

    while (*ll) {
        cl = *ll;

        if (ngx_buf_size(cl->buf)) {
            ll = &cl->next;
            continue;
        }

        *ll = cl->next;
        ngx_free_chain(pool, cl);
    }

    for ( /* void */ ; in; in = in->next) {

        if (ngx_buf_size(in->buf) == 0) {
            continue;
        }

        cl = ngx_alloc_chain_link(pool);
        if (cl == NULL) {
            return;
        }

        cl->buf = in->buf;
        cl->next = NULL;
        *ll = cl;
        ll = &cl->next;
    }
}
