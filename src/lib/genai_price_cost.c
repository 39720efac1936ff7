/*
 * What a call costs, and the most it can cost: see genai_price.h.
 */

#include "genai_price.h"


typedef __int128  genai_price_sum_t;


static int genai_price_round(const genai_price_t *p, genai_price_sum_t sum,
    int64_t *cost);
static int genai_price_tokens(const genai_price_rates_t *r,
    const genai_call_t *c, genai_price_sum_t *sum);
static int64_t genai_price_queries(const genai_price_row_t *row,
    int64_t documents);
static int genai_price_billed(const genai_call_t *c);
static void genai_price_skip(genai_call_t *c, unsigned why);
static int genai_price_wanting(const genai_price_rates_t *r,
    const genai_call_t *c);
static int genai_price_model(const genai_price_table_t *t,
    const genai_call_t *c, genai_str_t tier, int64_t when, genai_price_t *p,
    const genai_price_row_t **asked);
static int genai_price_by_route(const genai_price_row_t *row);
static int64_t genai_price_dearest(const genai_price_rates_t *r);
static uint32_t genai_price_bound_tier(const genai_price_row_t *row,
    genai_str_t tier);
static int genai_price_bound_route(const genai_price_t *p, int64_t input,
    int64_t output, int64_t documents, int64_t images, int64_t *cost);


int
genai_price_cost(const genai_price_t *p, const genai_call_t *c,
    int64_t *cost, unsigned *is_long)
{
    int64_t                     n;
    genai_price_sum_t           sum;
    const genai_price_rates_t  *r;
    const genai_price_row_t    *row;

    row = p->row;
    r = p->rates;

    *cost = 0;
    *is_long = 0;

    if (p->why != GENAI_PRICE_FOUND || row->kind == GENAI_PRICE_SPEECH) {
        return GENAI_DECLINED;
    }

    if (row->long_over >= 0 && c->input_tokens > row->long_over) {
        r = p->long_rates;
        *is_long = 1;
    }

    sum = 0;

    if (r->input >= 0
        && genai_price_tokens(r, c, &sum) != GENAI_OK)
    {
        return GENAI_DECLINED;
    }

    if (r->query >= 0) {
        n = genai_price_queries(row, c->search_units);
        if (n < 0) {
            return GENAI_DECLINED;
        }

        sum += (genai_price_sum_t) n * r->query;
    }

    if (r->image >= 0) {
        if (c->images < 0 || c->images > (1LL << 48)) {
            return GENAI_DECLINED;
        }

        sum += (genai_price_sum_t) c->images * r->image;
    }

    return genai_price_round(p, sum, cost);
}


/* counts are below 2^50, prices below 2^34: the sum stays far below 2^127 */

static int
genai_price_tokens(const genai_price_rates_t *r, const genai_call_t *c,
    genai_price_sum_t *sum)
{
    int64_t  plain, read, write, hour, rate;

    if (c->input_tokens < 0) {
        return GENAI_DECLINED;
    }

    read = c->cache_read_tokens < 0 ? 0 : c->cache_read_tokens;
    write = c->cache_write_tokens < 0 ? 0 : c->cache_write_tokens;
    hour = c->cache_write_1h_tokens < 0 ? 0 : c->cache_write_1h_tokens;

    if (hour > write) {
        write = hour;
    }

    plain = c->input_tokens - read - write;
    if (plain < 0) {
        plain = 0;
    }

    *sum += (genai_price_sum_t) plain * r->input;

    rate = r->cache_read >= 0 ? r->cache_read : r->input;
    *sum += (genai_price_sum_t) read * rate;

    rate = r->cache_write >= 0 ? r->cache_write : r->input;
    *sum += (genai_price_sum_t) (write - hour) * rate;

    if (hour) {
        rate = r->cache_write_1h;

        if (rate < 0) {
            if (r->cache_write >= 0) {
                return GENAI_DECLINED;
            }

            rate = r->input;
        }

        *sum += (genai_price_sum_t) hour * rate;
    }

    /* a stream that was cut short may not have told its output: what is
     * known is priced, and usage_complete says so */

    if (r->output >= 0 && c->output_tokens > 0) {
        *sum += (genai_price_sum_t) c->output_tokens * r->output;
    }

    return GENAI_OK;
}


static int64_t
genai_price_queries(const genai_price_row_t *row, int64_t documents)
{
    int64_t  per;

    if (documents < 0 || documents > (1LL << 48)) {
        return -1;
    }

    per = row->query_documents;

    return documents <= per ? 1 : (documents + per - 1) / per;
}


static int
genai_price_round(const genai_price_t *p, genai_price_sum_t sum,
    int64_t *cost)
{
    size_t             i;
    genai_price_sum_t  div, half;
    uint32_t           ppm[3];

    if (sum > INT64_MAX) {
        return GENAI_ERROR;
    }

    ppm[0] = p->route_ppm;
    ppm[1] = p->tier_ppm;
    ppm[2] = p->row->pay_ppm;

    div = 1;

    for (i = 0; i < 3; i++) {
        if (ppm[i] == GENAI_PPM) {
            continue;
        }

        if (__builtin_mul_overflow(sum, (genai_price_sum_t) ppm[i], &sum)) {
            return GENAI_ERROR;
        }

        div *= GENAI_PPM;
    }

    if (div > 1) {
        half = div / 2;

        if (__builtin_add_overflow(sum, half, &sum)) {
            return GENAI_ERROR;
        }

        sum /= div;
    }

    if (sum > INT64_MAX) {
        return GENAI_ERROR;
    }

    *cost = sum;

    return GENAI_OK;
}


static int
genai_price_billed(const genai_call_t *c)
{
    switch (c->operation) {

    case GENAI_OP_CHAT:
    case GENAI_OP_TEXT_COMPLETION:
    case GENAI_OP_EMBEDDINGS:
    case GENAI_OP_RERANK:
    case GENAI_OP_IMAGE:
        return 1;

    case GENAI_OP_INVOKE_AGENT:
        return c->model.len || c->response_model.len;

    default:
        return 0;
    }
}


/* the first reason that was found stays */

static void
genai_price_skip(genai_call_t *c, unsigned why)
{
    if (c->skip == GENAI_SKIP_NONE) {
        c->skip = why;
    }
}


/* is a count missing that the row's prices need */

static int
genai_price_wanting(const genai_price_rates_t *r, const genai_call_t *c)
{
    return (r->input >= 0 && c->input_tokens < 0)
           || (r->query >= 0 && c->search_units < 0)
           || (r->image >= 0 && c->images < 0);
}


static int
genai_price_by_route(const genai_price_row_t *row)
{
    size_t  i;

    for (i = 0; i < row->nroutes; i++) {
        if (row->routes[i].own || row->routes[i].ppm != GENAI_PPM) {
            return 1;
        }
    }

    return 0;
}


/* by the model that was asked for, whose row is kept in *asked, else by the
 * one that answered */

static int
genai_price_model(const genai_price_table_t *t, const genai_call_t *c,
    genai_str_t tier, int64_t when, genai_price_t *p,
    const genai_price_row_t **asked)
{
    int  rc;

    /* an operator's name for a deployment may be that of another model: the
     * one that answered counts, or the name if that one is a dated form of
     * it */

    if (c->deployment && c->response_model.len) {
        rc = genai_price_resolve(t, c->response_model, c->region, tier, when,
                                 p);

        if (p->why != GENAI_PRICE_NO_MODEL || c->model.len == 0
            || c->response_model.len < c->model.len
            || memcmp(c->response_model.data, c->model.data, c->model.len)
               != 0)
        {
            return rc;
        }
    }

    rc = genai_price_resolve(t, c->model, c->region, tier, when, p);
    *asked = p->row;

    if (p->why != GENAI_PRICE_NO_MODEL || c->response_model.len == 0) {
        return rc;
    }

    rc = genai_price_resolve(t, c->response_model, c->region, tier, when, p);

    /* Claude on Bedrock answers with its short name, which says nothing of
     * the route that an opaque ARN takes */

    if (rc == GENAI_OK && p->direct && genai_price_by_route(p->row)
        && (c->api == GENAI_API_BEDROCK
            || genai_str_is(c->provider, "aws.bedrock")))
    {
        rc = GENAI_DECLINED;
    }

    return rc;
}


const genai_price_row_t *
genai_price_call(const genai_price_table_t *t, genai_call_t *c, int64_t when)
{
    int                       rc;
    int64_t                   cost;
    unsigned                  is_long;
    genai_str_t               tier;
    genai_price_t             p;
    const genai_price_row_t  *asked;

    c->priced = 0;
    c->price_long = 0;
    c->cost_pico = -1;
    c->price_version = t ? t->version : genai_str(NULL, 0);

    if (!genai_price_billed(c)) {
        genai_price_skip(c, GENAI_SKIP_NOT_BILLED);
        return NULL;
    }

    if (c->from_cache) {
        c->cost_pico = 0;
        c->priced = 1;
        return NULL;
    }

    /* an answer that nobody waited for may be billed all the same */

    if (c->usage_source == GENAI_SOURCE_NONE && !c->aborted
        && ((c->status >= 400 && c->status != 499 && c->status != 504)
            || (c->error && c->streamed && !c->truncated && !c->bad_body
                && c->text_events == 0)))
    {
        genai_price_skip(c, GENAI_SKIP_NOT_BILLED);
        return NULL;
    }

    if (t == NULL) {
        genai_price_skip(c, GENAI_SKIP_UNPRICED);
        return NULL;
    }

    /* latency-optimised inference has prices of its own */

    tier = genai_str_is(c->latency_mode, "optimized") ? c->latency_mode
                                                      : c->service_tier;

    asked = NULL;
    rc = genai_price_model(t, c, tier, when, &p, &asked);

    if (rc == GENAI_OK) {
        rc = genai_price_cost(&p, c, &cost, &is_long);

        if (rc == GENAI_OK) {
            c->cost_pico = cost;
            c->price_long = is_long;
            c->priced = 1;
            return asked;
        }

        if (rc == GENAI_DECLINED && genai_price_wanting(p.rates, c)) {
            genai_price_skip(c, c->bad_body ? GENAI_SKIP_BAD_BODY
                                : c->truncated || c->aborted
                                ? GENAI_SKIP_TRUNCATED : GENAI_SKIP_NO_USAGE);
            return asked;
        }
    }

    genai_price_skip(c, GENAI_SKIP_UNPRICED);

    return asked;
}


static int64_t
genai_price_dearest(const genai_price_rates_t *r)
{
    int64_t  max;

    max = r->input;
    max = r->cache_read > max ? r->cache_read : max;
    max = r->cache_write > max ? r->cache_write : max;
    max = r->cache_write_1h > max ? r->cache_write_1h : max;

    return max;
}


static int
genai_price_bound_route(const genai_price_t *p, int64_t input,
    int64_t output, int64_t documents, int64_t images, int64_t *cost)
{
    int64_t                     in, out;
    genai_price_sum_t           sum;
    const genai_price_rates_t  *r, *l;

    r = p->rates;
    in = genai_price_dearest(r);
    out = r->output;

    if (p->row->long_over >= 0 && input > p->row->long_over) {
        l = p->long_rates;
        in = genai_price_dearest(l) > in ? genai_price_dearest(l) : in;
        out = l->output > out ? l->output : out;
    }

    if ((in >= 0 && (input < 0 || input > (1LL << 48)))
        || (out >= 0 && (output < 0 || output > (1LL << 48)))
        || (r->image >= 0 && (images < 0 || images > (1LL << 48)))
        || (r->query >= 0 && genai_price_queries(p->row, documents) < 0))
    {
        return GENAI_DECLINED;
    }

    sum = 0;
    sum += in >= 0 ? (genai_price_sum_t) input * in : 0;
    sum += out >= 0 ? (genai_price_sum_t) output * out : 0;
    sum += r->image >= 0 ? (genai_price_sum_t) images * r->image : 0;
    sum += r->query >= 0 ? (genai_price_sum_t) r->query
                           * genai_price_queries(p->row, documents) : 0;

    return genai_price_round(p, sum, cost);
}


/* what is asked for may be served, and billed, as standard; "auto" may be any
 * tier, and so may one that the row has not got */

static uint32_t
genai_price_bound_tier(const genai_price_row_t *row, genai_str_t tier)
{
    size_t    i;
    uint32_t  max;

    max = GENAI_PPM;

    for (i = 0; i < row->ntiers; i++) {
        if (genai_str_eq(row->tiers[i].name, tier)) {
            return row->tiers[i].ppm > GENAI_PPM ? row->tiers[i].ppm
                                                 : GENAI_PPM;
        }

        max = row->tiers[i].ppm > max ? row->tiers[i].ppm : max;
    }

    return genai_tier_is_standard(tier) ? GENAI_PPM : max;
}


int
genai_price_bound(const genai_price_table_t *t, genai_str_t model,
    genai_str_t region, genai_str_t tier, int64_t when, int64_t input,
    int64_t output, int64_t documents, int64_t images, int64_t *cost)
{
    int                         rc;
    size_t                      i;
    int64_t                     one;
    genai_price_t               p;
    const genai_price_row_t    *row;
    const genai_price_route_t  *r;

    rc = genai_price_resolve(t, model, region, tier, when, &p);
    row = p.row;

    if (row == NULL || row->kind == GENAI_PRICE_SPEECH) {
        return GENAI_DECLINED;
    }

    if (output < 0) {
        output = row->max_output;
    }

    p.tier_ppm = genai_price_bound_tier(row, tier);

    if (rc == GENAI_OK || p.why == GENAI_PRICE_NO_TIER) {
        return genai_price_bound_route(&p, input, output, documents, images,
                                       cost);
    }

    p.rates = &row->rates;
    p.long_rates = &row->long_rates;

    rc = genai_price_bound_route(&p, input, output, documents, images, cost);

    for (i = 0; rc == GENAI_OK && i < row->nroutes; i++) {
        r = &row->routes[i];

        if (r->none) {
            continue;
        }

        p.route_ppm = r->ppm;
        p.rates = r->own ? &r->rates : &row->rates;
        p.long_rates = r->own ? &r->long_rates : &row->long_rates;

        rc = genai_price_bound_route(&p, input, output, documents, images,
                                     &one);

        if (rc == GENAI_OK && one > *cost) {
            *cost = one;
        }
    }

    return rc;
}
