/*
 * Budgets: admission, and how it stands while a call goes on.
 *
 * A call is admitted in the precontent phase, after authentication and before
 * anything is sent: under every budget of its location it reserves the most
 * that it can need.  At its end, whatever that is, the reservations are
 * replaced by what was used.  A process that dies leaves its reservations to
 * the exporter, which settles those of calls that had been sent.
 */

#include "ngx_http_genai_budget.h"
#include "ngx_http_genai_shm.h"
#include "../lib/genai_usage.h"


static ngx_int_t ngx_http_genai_budget_body(ngx_http_request_t *r,
    ngx_http_genai_ctx_t *ctx);
static ngx_int_t ngx_http_genai_budget_admit(ngx_http_request_t *r,
    ngx_http_genai_ctx_t *ctx, ngx_http_genai_loc_conf_t *lcf);
static time_t ngx_http_genai_budget_deadline(ngx_http_request_t *r);
static void ngx_http_genai_budget_bound(ngx_http_request_t *r,
    ngx_http_genai_ctx_t *ctx, genai_budget_amounts_t *a);
static ngx_int_t ngx_http_genai_budget_zone_admit(ngx_http_request_t *r,
    ngx_http_genai_ctx_t *ctx, ngx_http_genai_budget_conf_t *bc,
    ngx_http_genai_budget_zone_t *zc, const genai_budget_amounts_t *bound,
    ngx_uint_t force, ngx_http_genai_budget_why_t *why);
static ngx_int_t ngx_http_genai_budget_reserve(ngx_http_request_t *r,
    ngx_http_genai_ctx_t *ctx, ngx_http_genai_budget_conf_t *bc,
    ngx_http_genai_budget_zone_t *zc, genai_budget_call_t *call,
    ngx_http_genai_budget_why_t *why);
static ngx_int_t ngx_http_genai_budget_key(ngx_http_request_t *r,
    ngx_http_genai_budget_zone_t *zc, genai_str_t *key);
static const char *ngx_http_genai_budget_unbound(
    const genai_budget_limit_t *limits, uint32_t n,
    genai_budget_amounts_t *a);
static ngx_int_t ngx_http_genai_budget_because(
    ngx_http_genai_budget_why_t *why, const char *reason);
static void ngx_http_genai_budget_release(ngx_http_genai_budget_ctx_t *b);
static void ngx_http_genai_budget_note(ngx_http_genai_ctx_t *ctx,
    ngx_uint_t status, ngx_http_genai_budget_why_t *why);
static void ngx_http_genai_budget_running(ngx_http_genai_ctx_t *ctx,
    genai_budget_amounts_t *used);
static ngx_uint_t ngx_http_genai_budget_beyond(
    ngx_http_genai_budget_hold_t *hold, const genai_budget_amounts_t *used,
    genai_budget_state_t *state);


ngx_int_t
ngx_http_genai_budget_handler(ngx_http_request_t *r)
{
    uint64_t                    t;
    ngx_int_t                   rc;
    ngx_http_genai_ctx_t       *ctx;
    ngx_http_genai_loc_conf_t  *lcf;

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_genai_module);

    if (lcf->budgets == NULL || lcf->api == GENAI_API_NONE) {
        return NGX_DECLINED;
    }

    ctx = ngx_http_genai_get_ctx(r);

    if (ctx == NULL) {

        /* there was no memory for it: nothing may pass uncounted */

        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ctx->budget != NULL && ctx->budget->conf == lcf) {
        return NGX_DECLINED;
    }

    if (lcf->budget_body) {
        rc = ngx_http_genai_budget_body(r, ctx);

        if (rc != NGX_OK) {
            return rc;
        }
    }

    t = ngx_http_genai_own_start(ctx);
    rc = ngx_http_genai_budget_admit(r, ctx, lcf);

    /* a refused request is finalized, and may be freed */

    if (rc != NGX_DONE) {
        ngx_http_genai_own_stop(ctx, t);
    }

    return rc;
}


/* the body of a subrequest is its parent's, as far as that was read */

static ngx_int_t
ngx_http_genai_budget_body(ngx_http_request_t *r, ngx_http_genai_ctx_t *ctx)
{
    if (r == r->main) {
        return ngx_http_genai_whole_body(r, ctx);
    }

    if (!ctx->request_done) {
        ngx_http_genai_request_catch_up(ctx);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_genai_budget_admit(ngx_http_request_t *r, ngx_http_genai_ctx_t *ctx,
    ngx_http_genai_loc_conf_t *lcf)
{
    ngx_int_t                      rc;
    ngx_uint_t                     i, status;
    genai_budget_amounts_t         bound;
    ngx_http_genai_budget_ctx_t   *b;
    ngx_http_genai_budget_why_t    why;
    ngx_http_genai_budget_conf_t  *bc;
    ngx_http_genai_budget_zone_t  *zc;

    if (ctx->budget == NULL) {
        ctx->budget = ngx_palloc(r->pool,
                                 sizeof(ngx_http_genai_budget_ctx_t));
        if (ctx->budget == NULL) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }

    b = ctx->budget;
    b->conf = lcf;
    b->n = 0;
    b->states = r->upstream_states ? r->upstream_states->nelts : 0;
    b->stop_at = 0;
    b->deadline = ngx_http_genai_budget_deadline(r);
    b->extend_at = ngx_time() + b->deadline / 2;

    ngx_http_genai_budget_bound(r, ctx, &bound);

    bc = lcf->budgets->elts;
    status = GENAI_BUDGET_PASSED;

    for (i = 0; i < lcf->budgets->nelts; i++) {

        zc = ngx_http_genai_budget_in_force(bc[i].zone);

        if (zc == NULL) {
            continue;
        }

        rc = ngx_http_genai_budget_zone_admit(r, ctx, &bc[i], zc, &bound,
                                              lcf->budget_dry_run, &why);

        if (rc == NGX_OK) {
            continue;
        }

        if (rc == NGX_ERROR) {
            ngx_http_genai_budget_release(b);
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        /* all must admit: of the others nothing is kept */

        if (!lcf->budget_dry_run) {
            ngx_http_genai_budget_release(b);
            ngx_http_genai_budget_count(&zc->head->refused);
            ngx_http_genai_budget_note(ctx, GENAI_BUDGET_REJECTED, &why);
            ngx_http_genai_budget_log_denied(r, lcf, &why, 0);

            return ngx_http_genai_budget_deny(r, ctx, &why);
        }

        ngx_http_genai_budget_count(&zc->head->dry_run);
        ngx_http_genai_budget_log_denied(r, lcf, &why, 1);

        if (status == GENAI_BUDGET_PASSED) {
            status = GENAI_BUDGET_REJECTED_DRY_RUN;
            ngx_http_genai_budget_note(ctx, status, &why);
        }
    }

    if (status == GENAI_BUDGET_PASSED) {
        ngx_http_genai_budget_note(ctx, status, NULL);
    }

    ctx->call.budget_reserved = bound.usd_pico;

    /* from here on it may cost, whatever becomes of this process */

    for (i = 0; i < b->n; i++) {
        zc = ngx_http_genai_budget_held(&b->holds[i]);
        (void) genai_budget_zone_sent(&zc->zone, b->holds[i].handle);
        ngx_http_genai_budget_count(&zc->head->changes);

        if (!b->holds[i].dry_run) {
            ngx_http_genai_budget_count(&zc->head->admitted);
        }
    }

    return NGX_DECLINED;
}


static time_t
ngx_http_genai_budget_deadline(ngx_http_request_t *r)
{
    ngx_http_upstream_conf_t    *u;
    ngx_http_genai_main_conf_t  *mcf;

    mcf = ngx_http_get_module_main_conf(r, ngx_http_genai_module);

    u = (mcf->proxy != NGX_CONF_UNSET_UINT) ? r->loc_conf[mcf->proxy] : NULL;

    return NGX_HTTP_GENAI_BUDGET_DEADLINE
           + (u ? (time_t) (u->read_timeout / 1000) : 0);
}


/* -1 is unknown */

static void
ngx_http_genai_budget_bound(ngx_http_request_t *r, ngx_http_genai_ctx_t *ctx,
    genai_budget_amounts_t *a)
{
    genai_call_t                *c;
    genai_budget_facts_t         f;
    ngx_http_genai_main_conf_t  *mcf;

    c = &ctx->call;
    mcf = ngx_http_get_module_main_conf(r, ngx_http_genai_module);

    if (c->api_op == NULL) {

        /* what is no known operation may be one that costs */

        ngx_memzero(a, sizeof(genai_budget_amounts_t));
        a->req = 1;

        if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD|NGX_HTTP_OPTIONS))) {
            a->usd_pico = GENAI_BUDGET_UNKNOWN;
            a->itok = GENAI_BUDGET_UNKNOWN;
            a->otok = GENAI_BUDGET_UNKNOWN;
        }

        return;
    }

    genai_budget_facts(c, ngx_http_genai_region(r, ctx),
                       (int64_t) (c->start_unix_ns / GENAI_NS_PER_SEC), &f);

    (void) genai_budget_bound(mcf->prices, &f, a);
}


/* NGX_OK: admitted, or not counted; NGX_DECLINED and *why; NGX_ERROR */

static ngx_int_t
ngx_http_genai_budget_zone_admit(ngx_http_request_t *r,
    ngx_http_genai_ctx_t *ctx, ngx_http_genai_budget_conf_t *bc,
    ngx_http_genai_budget_zone_t *zc, const genai_budget_amounts_t *bound,
    ngx_uint_t force, ngx_http_genai_budget_why_t *why)
{
    ngx_int_t                      rc, refused;
    ngx_str_t                      bad;
    const char                    *unbound;
    genai_budget_call_t            call;
    genai_budget_limit_t           limits[GENAI_BUDGET_LIMITS];
    ngx_http_genai_budget_ctx_t   *b;

    b = ctx->budget;

    ngx_memzero(&call, sizeof(genai_budget_call_t));
    why->conf = bc;
    why->limit = 0;
    why->key = genai_str(NULL, 0);

    if (ngx_http_genai_budget_key(r, zc, &call.key) != NGX_OK) {
        return NGX_ERROR;
    }

    why->key = call.key;

    if (call.key.len == 0 && zc->key != NULL
        && zc->on_empty != NGX_HTTP_GENAI_BUDGET_SHARED)
    {
        if (zc->on_empty == NGX_HTTP_GENAI_BUDGET_DENY) {
            return ngx_http_genai_budget_because(why, "the call has no key");
        }

        ngx_http_genai_budget_count(&zc->head->uncounted);
        return NGX_OK;
    }

    rc = ngx_http_genai_budget_limits(r, zc, limits, &call.limits,
                                      &call.nlimits, &bad);
    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (rc == NGX_DECLINED) {
        return ngx_http_genai_budget_because(why, "its limit is no limit");
    }

    if (call.nlimits == 0) {
        ngx_http_genai_budget_count(&zc->head->uncounted);
        return NGX_OK;
    }

    call.amounts = *bound;
    refused = NGX_OK;

    unbound = ngx_http_genai_budget_unbound(call.limits, call.nlimits,
                                            &call.amounts);

    if (unbound && ctx->call.api_op == NULL) {
        unbound = "its path is no operation that is known, what it may cost "
                  "is not known";
    }

    if (unbound && zc->unpriced == NGX_HTTP_GENAI_BUDGET_DENY) {
        refused = ngx_http_genai_budget_because(why, unbound);

        if (!force) {
            return refused;
        }
    }

    call.force = (force != 0);

    rc = ngx_http_genai_budget_reserve(r, ctx, bc, zc, &call, why);

    switch (rc) {

    case NGX_OK:
        if (refused == NGX_OK && force && why->state.refused) {
            why->limit = 1;
            refused = NGX_DECLINED;
        }

        b->holds[b->n - 1].dry_run = (refused != NGX_OK);

        return refused;

    case NGX_AGAIN:
        if (zc->on_full == NGX_HTTP_GENAI_BUDGET_ALLOW || force) {
            ngx_http_genai_budget_count(&zc->head->uncounted);
            return refused;
        }

        return ngx_http_genai_budget_because(why,
                         "no room for another key or call, its zone is full");

    default:
        why->limit = 1;
        return NGX_DECLINED;
    }
}


/* one more hold, and NGX_OK; NGX_AGAIN: no room; NGX_DECLINED */

static ngx_int_t
ngx_http_genai_budget_reserve(ngx_http_request_t *r,
    ngx_http_genai_ctx_t *ctx, ngx_http_genai_budget_conf_t *bc,
    ngx_http_genai_budget_zone_t *zc, genai_budget_call_t *call,
    ngx_http_genai_budget_why_t *why)
{
    int                            rc;
    ngx_http_genai_budget_ctx_t   *b;
    ngx_http_genai_main_conf_t    *mcf;
    ngx_http_genai_budget_hold_t  *hold;

    b = ctx->budget;
    hold = &b->holds[b->n];
    mcf = ngx_http_get_module_main_conf(r, ngx_http_genai_module);

    call->share = bc->share;
    call->warn = bc->warn;
    call->learned = (uint32_t) zc->learned;
    call->pid = (int32_t) ngx_pid;
    call->start = ngx_http_genai_queue(mcf)->self.start;
    call->now = ngx_time();
    call->deadline = call->now + b->deadline;

    rc = genai_budget_zone_reserve(&zc->zone, call, &hold->handle,
                                   &why->state);

    if (rc != GENAI_OK) {
        return rc == GENAI_AGAIN ? NGX_AGAIN : NGX_DECLINED;
    }

    hold->conf = bc;
    hold->life = zc->life;
    hold->key = call->key;
    b->n++;

    /* a dry run cuts nothing */

    if (bc->stop && !call->force
        && genai_budget_zone_held(&zc->zone, hold->handle, &hold->amounts)
           == GENAI_OK)
    {
        ctx->stop = 1;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_genai_budget_key(ngx_http_request_t *r,
    ngx_http_genai_budget_zone_t *zc, genai_str_t *key)
{
    ngx_str_t  v;

    if (zc->key == NULL) {
        *key = genai_str(NULL, 0);
        return NGX_OK;
    }

    if (ngx_http_complex_value(r, zc->key, &v) != NGX_OK) {
        return NGX_ERROR;
    }

    *key = genai_str((char *) v.data, v.len);

    return NGX_OK;
}


/*
 * What these limits count and nobody knows: why the call cannot be admitted,
 * NULL when all is known.  Then nothing of it is reserved.
 */

static const char *
ngx_http_genai_budget_unbound(const genai_budget_limit_t *limits, uint32_t n,
    genai_budget_amounts_t *a)
{
    uint32_t     i;
    const char  *why;

    why = NULL;

    for (i = 0; i < n; i++) {

        switch (limits[i].unit) {

        case GENAI_BUDGET_USD:
            if (a->usd_pico < 0) {
                why = "what the call may cost is not known: its model has no "
                      "price, or no limit of output";
            }

            break;

        case GENAI_BUDGET_TOK:
        case GENAI_BUDGET_ITOK:
            if (a->itok < 0) {
                why = "the tokens that the call may need are not known";
            }

            if (limits[i].unit == GENAI_BUDGET_ITOK) {
                break;
            }

            /* fall through */

        case GENAI_BUDGET_OTOK:
            if (a->otok < 0) {
                why = "the output that the call may get is not known: it "
                      "says no maximum, nor does its model";
            }

            break;
        }
    }

    a->usd_pico = ngx_max(a->usd_pico, 0);
    a->itok = ngx_max(a->itok, 0);
    a->otok = ngx_max(a->otok, 0);

    return why;
}


static ngx_int_t
ngx_http_genai_budget_because(ngx_http_genai_budget_why_t *why,
    const char *reason)
{
    why->limit = 0;
    why->reason = genai_strz(reason);

    return NGX_DECLINED;
}


static void
ngx_http_genai_budget_release(ngx_http_genai_budget_ctx_t *b)
{
    ngx_uint_t  i;

    for (i = 0; i < b->n; i++) {
        (void) genai_budget_zone_release(
                      &ngx_http_genai_budget_held(&b->holds[i])->zone,
                      b->holds[i].handle);
    }

    b->n = 0;
}


/* for the span and the variables */

static void
ngx_http_genai_budget_note(ngx_http_genai_ctx_t *ctx, ngx_uint_t status,
    ngx_http_genai_budget_why_t *why)
{
    char                           text[GENAI_BUDGET_TEXT];
    size_t                         len;
    genai_call_t                  *c;
    ngx_http_genai_budget_conf_t  *bc;

    c = &ctx->call;
    c->budget_status = (uint8_t) status;
    c->budget_limit.len = 0;
    c->budget_ns = why ? ngx_http_genai_now() : 0;

    bc = why ? why->conf : ctx->budget->conf->budgets->elts;

    c->budget = genai_str((char *) bc->zone->name.data, bc->zone->name.len);
    c->budget_class = genai_str((char *) bc->class.data, bc->class.len);

    if (why && why->limit) {
        len = genai_budget_text(&why->state.limit, text);
        c->budget_limit = genai_call_keep(c, genai_str(text, len), 0);
    }
}


/*
 * stream=stop.  The output is an estimate while the stream goes on, so one
 * that has used what it reserved is not ended for that: only when what is
 * beyond finds no room under a limit.
 */

#define NGX_HTTP_GENAI_BUDGET_STEP  16         /* tokens between two looks */

ngx_uint_t
ngx_http_genai_budget_over(ngx_http_genai_ctx_t *ctx, genai_str_t *text)
{
    u_char                        *p;
    ngx_uint_t                     i;
    genai_budget_amounts_t         used;
    genai_budget_state_t           state;
    ngx_http_genai_budget_ctx_t   *b;
    ngx_http_genai_budget_hold_t  *hold;
    ngx_http_genai_budget_zone_t  *zc;

    b = ctx->budget;

    if (b == NULL || b->n == 0) {
        return 0;
    }

    genai_usage_running(&ctx->call, &used.itok, &used.otok);

    if (used.otok < b->stop_at) {
        return 0;
    }

    b->stop_at = used.otok + NGX_HTTP_GENAI_BUDGET_STEP;
    ngx_http_genai_budget_running(ctx, &used);

    for (i = 0; i < b->n; i++) {
        hold = &b->holds[i];

        if (!hold->conf->stop
            || !ngx_http_genai_budget_beyond(hold, &used, &state))
        {
            continue;
        }

        p = ngx_pnalloc(ctx->request->pool, hold->conf->zone->name.len + 128);
        if (p == NULL) {
            return 0;
        }

        text->data = (char *) p;
        text->len = ngx_sprintf(p, "Budget '%V' exhausted: the stream was "
                                "stopped", &hold->conf->zone->name) - p;

        zc = ngx_http_genai_budget_held(hold);

        if (zc != NULL) {
            ngx_http_genai_budget_count(&zc->head->stopped);
        }

        return 1;
    }

    return 0;
}


/* what the tokens so far cost; -1: no price */

static void
ngx_http_genai_budget_running(ngx_http_genai_ctx_t *ctx,
    genai_budget_amounts_t *used)
{
    genai_call_t                 now;
    ngx_http_genai_main_conf_t  *mcf;

    mcf = ngx_http_get_module_main_conf(ctx->request, ngx_http_genai_module);

    now = ctx->call;
    now.aborted = 1;

    genai_usage_settle(&now);
    (void) genai_usage_estimate(&now);
    (void) genai_price_call(mcf->prices, &now,
                            (int64_t) (now.start_unix_ns / GENAI_NS_PER_SEC));

    used->usd_pico = now.priced ? now.cost_pico : -1;
    used->req = 1;
}


/* more than was reserved, and no room for what is more */

static ngx_uint_t
ngx_http_genai_budget_beyond(ngx_http_genai_budget_hold_t *hold,
    const genai_budget_amounts_t *used, genai_budget_state_t *state)
{
    int64_t                        more;
    uint32_t                       i;
    genai_budget_t                 copy;
    ngx_http_genai_budget_zone_t  *zc;

    if (used->usd_pico <= hold->amounts.usd_pico
        && used->itok <= hold->amounts.itok
        && used->otok <= hold->amounts.otok)
    {
        return 0;
    }

    zc = ngx_http_genai_budget_in_force(hold->conf->zone);

    if (zc == NULL
        || genai_budget_zone_peek(&zc->zone, hold->key, ngx_time(), &copy)
           != GENAI_OK)
    {
        return 0;
    }

    for (i = 0; i < copy.nuse; i++) {
        genai_budget_state(&copy, i, ngx_time(), state);

        more = genai_budget_amount(used, state->limit.unit)
               - genai_budget_amount(&hold->amounts, state->limit.unit);

        if (more > 0
            && more > state->allowed - state->spent - state->reserved)
        {
            return 1;
        }
    }

    return 0;
}


int
ngx_http_genai_budget_left(ngx_http_genai_ctx_t *ctx,
    genai_budget_state_t *state, ngx_http_genai_budget_conf_t **conf)
{
    int                            rc;
    double                         left, least;
    uint32_t                       k;
    ngx_str_t                      key;
    ngx_uint_t                     i;
    genai_budget_t                 copy;
    genai_budget_state_t           s;
    ngx_http_request_t            *r;
    ngx_http_genai_budget_conf_t  *bc;
    ngx_http_genai_budget_zone_t  *zc;

    if (ctx->budget == NULL || ctx->budget->conf == NULL) {
        return GENAI_DECLINED;
    }

    r = ctx->request;
    rc = GENAI_DECLINED;
    least = 2;
    bc = ctx->budget->conf->budgets->elts;

    for (i = 0; i < ctx->budget->conf->budgets->nelts; i++) {

        zc = ngx_http_genai_budget_in_force(bc[i].zone);
        ngx_str_null(&key);

        if (zc == NULL
            || (bc[i].zone->key != NULL
                && ngx_http_complex_value(r, bc[i].zone->key, &key)
                   != NGX_OK)
            || genai_budget_zone_peek(&zc->zone,
                                      genai_str((char *) key.data, key.len),
                                      ngx_time(), &copy)
               != GENAI_OK)
        {
            continue;
        }

        for (k = 0; k < copy.nuse; k++) {

            genai_budget_state(&copy, k, ngx_time(), &s);

            left = ngx_http_genai_budget_share(&s);

            if (left < least) {
                least = left;
                *state = s;
                *conf = &bc[i];
                rc = GENAI_OK;
            }
        }
    }

    return rc;
}
