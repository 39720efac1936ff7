/*
 * The per-request context: create, find, recover after internal redirect.
 */

#include "ngx_http_genai_module.h"


/* what a request costs in memory, parsers included: not more than this */

_Static_assert(sizeof(ngx_http_genai_ctx_t) <= 4096,
               "the context of a call has outgrown 4 KB");


static void ngx_http_genai_free(void *data, void *p);
static void ngx_http_genai_cleanup(void *data);


ngx_queue_t  ngx_http_genai_open_calls;

static ngx_uint_t  ngx_http_genai_calls;


uint64_t
ngx_http_genai_now(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);

    return ts.tv_sec * GENAI_NS_PER_SEC + ts.tv_nsec;
}


/*
 * An internal redirect zeroes the array of contexts; the cleanup record
 * stays, and subrequests share the pool, so the owner is compared.
 */

ngx_http_genai_ctx_t *
ngx_http_genai_get_ctx(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t    *cln;
    ngx_http_genai_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_genai_module);

    if (ctx != NULL || (!r->internal && !r->filter_finalize)) {
        return ctx;
    }

    for (cln = r->pool->cleanup; cln; cln = cln->next) {

        if (cln->handler != ngx_http_genai_cleanup) {
            continue;
        }

        ctx = cln->data;

        if (ctx->request == r) {
            ngx_http_set_ctx(r, ctx, ngx_http_genai_module);
            return ctx;
        }
    }

    return NULL;
}


/* NULL: no memory, the request goes on without us */

ngx_http_genai_ctx_t *
ngx_http_genai_create_ctx(ngx_http_request_t *r)
{
    struct timespec        ts;
    ngx_pool_cleanup_t    *cln;
    ngx_http_genai_ctx_t  *ctx;

    cln = ngx_pool_cleanup_add(r->pool, 0);
    if (cln == NULL) {
        return NULL;
    }

    ctx = ngx_palloc(r->pool, sizeof(ngx_http_genai_ctx_t));
    if (ctx == NULL) {
        return NULL;
    }

    /* call and body, which are first, have their own way to begin; the arena,
     * last, needs no zeroing */

    ngx_memzero(&ctx->request, offsetof(ngx_http_genai_ctx_t, arena)
                               - offsetof(ngx_http_genai_ctx_t, request));
    genai_call_init(&ctx->call, ctx->arena, sizeof(ctx->arena));

    ctx->request = r;

    ctx->memory.alloc = ngx_http_genai_alloc;
    ctx->memory.free = ngx_http_genai_free;
    ctx->memory.data = r->pool;

    if (++ngx_http_genai_calls % NGX_HTTP_GENAI_OWN_EVERY == 0) {
        ctx->own_cost = 1;
    }

    clock_gettime(CLOCK_REALTIME, &ts);

    ctx->call.start_unix_ns = ts.tv_sec * GENAI_NS_PER_SEC + ts.tv_nsec;
    ctx->call.start_ns = ngx_http_genai_now();

    cln->handler = ngx_http_genai_cleanup;
    cln->data = ctx;

    ngx_http_set_ctx(r, ctx, ngx_http_genai_module);

    ngx_queue_insert_tail(&ngx_http_genai_open_calls, &ctx->queue);
    ctx->queued = 1;

    return ctx;
}


static void
ngx_http_genai_free(void *data, void *p)
{
    (void) ngx_pfree(data, p);
}


/* every call of a main request, its subrequests' too */

void
ngx_http_genai_finish_all(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t  *cln;

    for (cln = r->pool->cleanup; cln; cln = cln->next) {
        if (cln->handler == ngx_http_genai_cleanup) {
            ngx_http_genai_finish(cln->data, 0);
        }
    }
}


/* the log phase has been before us, unless something skipped it */

static void
ngx_http_genai_cleanup(void *data)
{
    ngx_http_genai_finish(data, 1);
}
