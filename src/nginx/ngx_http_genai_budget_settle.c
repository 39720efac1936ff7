/*
 * Budgets: settlement.  What a call was found to have used replaces what it
 * had reserved, once, on whichever way it ends.
 */

#include "ngx_http_genai_budget.h"


static void ngx_http_genai_budget_end(ngx_http_genai_ctx_t *ctx,
    const genai_budget_amounts_t *used, ngx_uint_t readable);
static void ngx_http_genai_budget_end_unseen(ngx_http_genai_ctx_t *ctx);
static ngx_uint_t ngx_http_genai_budget_fate(ngx_http_genai_ctx_t *ctx);


/* what has become of what was sent to the upstream; the greatest counts */

#define NGX_HTTP_GENAI_BUDGET_UNSENT      0
#define NGX_HTTP_GENAI_BUDGET_ERROR       1
#define NGX_HTTP_GENAI_BUDGET_ANSWERED    2
#define NGX_HTTP_GENAI_BUDGET_UNANSWERED  3


/* once for each reservation, whatever leads here */

static void
ngx_http_genai_budget_end(ngx_http_genai_ctx_t *ctx,
    const genai_budget_amounts_t *used, ngx_uint_t readable)
{
    int                            rc;
    ngx_uint_t                     i;
    genai_budget_news_t            news;
    ngx_http_genai_budget_ctx_t   *b;
    ngx_http_genai_budget_hold_t  *hold;
    ngx_http_genai_budget_zone_t  *zc;

    b = ctx->budget;

    for (i = 0; i < b->n; i++) {

        hold = &b->holds[i];
        zc = ngx_http_genai_budget_held(hold);

        if (zc == NULL) {
            continue;
        }

        rc = genai_budget_zone_settle(&zc->zone, hold->handle, used,
                                      ngx_time(), &news);

        if (rc != GENAI_OK) {

            /* past its deadline: settled as reserved */

            continue;
        }

        ngx_http_genai_budget_count(&zc->head->changes);

        if (!readable) {
            ngx_http_genai_budget_count(&zc->head->unreadable);
        }

        if (news.over) {
            ngx_http_genai_budget_count(&zc->head->overrun);
        }

        if (news.warn) {
            ngx_http_genai_budget_count(&zc->head->warned);
            ctx->call.budget_warned = 1;
        }

        if (news.warn | news.over) {
            ngx_http_genai_budget_log_news(ctx->request->connection->log,
                                           hold, &news);
        }
    }

    b->n = 0;
}


void
ngx_http_genai_budget_settle(ngx_http_genai_ctx_t *ctx)
{
    ngx_uint_t               fate;
    ngx_http_request_t      *r;
    genai_budget_amounts_t   used;

    if (ctx->budget == NULL || ctx->budget->n == 0) {
        return;
    }

    r = ctx->request;
    fate = ngx_http_genai_budget_fate(ctx);

    if (ngx_http_get_module_loc_conf(r, ngx_http_genai_module)
        != ctx->budget->conf
        || (r->upstream != NULL && !ctx->call.from_cache
            && (fate == NGX_HTTP_GENAI_BUDGET_UNSENT
                || fate == NGX_HTTP_GENAI_BUDGET_UNANSWERED)))
    {
        ngx_http_genai_budget_end_unseen(ctx);
        return;
    }

    /*
     * What was read of an answer that broke off is an estimate; where there
     * is none, -1 stands for what was reserved.
     */

    (void) genai_budget_actual(&ctx->call, &used);

    ngx_http_genai_budget_end(ctx, &used, used.usd_pico >= 0
                                          && used.itok >= 0
                                          && used.otok >= 0);
}


/*
 * There is no answer, or another location's: a status of 400 or more is not
 * billed, nor is what was never sent; all else is what was reserved.
 */

static void
ngx_http_genai_budget_end_unseen(ngx_http_genai_ctx_t *ctx)
{
    genai_budget_amounts_t  used;

    if (ngx_http_genai_budget_fate(ctx) >= NGX_HTTP_GENAI_BUDGET_ANSWERED) {
        ngx_http_genai_budget_end(ctx, NULL, 0);
        return;
    }

    ngx_memzero(&used, sizeof(genai_budget_amounts_t));
    used.req = 1;

    ngx_http_genai_budget_end(ctx, &used, 1);
}


static ngx_uint_t
ngx_http_genai_budget_fate(ngx_http_genai_ctx_t *ctx)
{
    off_t                       sent;
    ngx_uint_t                  i, n, fate;
    ngx_http_request_t         *r;
    ngx_http_upstream_state_t  *state;

    r = ctx->request;
    fate = NGX_HTTP_GENAI_BUDGET_UNSENT;

    if (r->upstream_states == NULL) {
        return fate;
    }

    state = r->upstream_states->elts;

    for (i = ctx->budget->states; i < r->upstream_states->nelts; i++) {

        sent = state[i].bytes_sent;

        /* a process that is told to die does not finalize its upstreams */

        if (r->upstream != NULL && r->upstream->state == &state[i]
            && r->upstream->peer.connection != NULL)
        {
            sent = r->upstream->peer.connection->sent;
        }

        if (state[i].peer == NULL || sent == 0) {
            continue;
        }

        if (state[i].header_time == (ngx_msec_t) -1) {
            n = NGX_HTTP_GENAI_BUDGET_UNANSWERED;

        } else if (state[i].status < NGX_HTTP_BAD_REQUEST
                   || state[i].status == NGX_HTTP_GATEWAY_TIME_OUT)
        {
            n = NGX_HTTP_GENAI_BUDGET_ANSWERED;

        } else {
            n = NGX_HTTP_GENAI_BUDGET_ERROR;
        }

        fate = ngx_max(fate, n);
    }

    return fate;
}


/* the answer of the first location is not seen by our filters */

void
ngx_http_genai_budget_redirect(ngx_http_genai_ctx_t *ctx)
{
    if (ctx->budget == NULL) {
        return;
    }

    if (ctx->budget->n) {
        ngx_http_genai_budget_end_unseen(ctx);
    }

    ctx->budget->conf = NULL;
    ctx->call.budget_status = GENAI_BUDGET_NONE;
    ctx->call.budget.len = 0;
    ctx->call.budget_limit.len = 0;
    ctx->call.budget_class.len = 0;
    ctx->call.budget_reserved = -1;
}


void
ngx_http_genai_budget_alive(ngx_http_genai_ctx_t *ctx)
{
    ngx_uint_t                     i;
    ngx_http_genai_budget_ctx_t   *b;
    ngx_http_genai_budget_zone_t  *zc;

    b = ctx->budget;

    if (b == NULL || b->n == 0 || ngx_time() < b->extend_at) {
        return;
    }

    b->extend_at = ngx_time() + b->deadline / 2;

    for (i = 0; i < b->n; i++) {
        zc = ngx_http_genai_budget_held(&b->holds[i]);

        if (zc != NULL) {
            (void) genai_budget_zone_extend(&zc->zone, b->holds[i].handle,
                                            ngx_time() + b->deadline);
        }
    }
}
