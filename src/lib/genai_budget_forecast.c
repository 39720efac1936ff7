/*
 * Forecasts.  See genai_budget_forecast.h.
 */

#include "genai_budget_forecast.h"


#define PPM     1000000
#define WEIGHT  16                     /* what was before, against one call */
#define WIDTH   3                      /* mean deviations above the mean */


static int64_t
learn_of(const genai_budget_amounts_t *a, unsigned i)
{
    switch (i) {

    case GENAI_BUDGET_LEARN_USD:
        return a->usd_pico;

    case GENAI_BUDGET_LEARN_INPUT:
        return a->itok;

    default:
        return a->otok;
    }
}


static int64_t
learn_part(const genai_budget_learn_t *l, unsigned i, int64_t v)
{
    uint64_t  ppm;

    ppm = (uint64_t) l->mean[i] + WIDTH * (uint64_t) l->deviation[i];

    if (v <= 0 || ppm >= PPM) {
        return v;
    }

    return (int64_t) (((__int128) v * ppm + PPM - 1) / PPM);
}


void
genai_budget_learned(const genai_budget_learn_t *l,
    genai_budget_amounts_t *a)
{
    if (l->samples < GENAI_BUDGET_SAMPLES) {
        return;
    }

    a->usd_pico = learn_part(l, GENAI_BUDGET_LEARN_USD, a->usd_pico);
    a->itok = learn_part(l, GENAI_BUDGET_LEARN_INPUT, a->itok);
    a->otok = learn_part(l, GENAI_BUDGET_LEARN_OUT, a->otok);
}


void
genai_budget_learn(genai_budget_learn_t *l,
    const genai_budget_amounts_t *bound, const genai_budget_amounts_t *used)
{
    int64_t   b, u, part, off, weight;
    unsigned  i;

    if (used->usd_pico < 0 || used->itok < 0 || used->otok < 0) {
        return;
    }

    /* the first calls weigh as much as each other */

    weight = l->samples < WEIGHT ? (int64_t) l->samples + 1 : WEIGHT;

    for (i = 0; i < GENAI_BUDGET_LEARN_N; i++) {
        b = learn_of(bound, i);
        u = learn_of(used, i);

        if (b <= 0) {
            continue;
        }

        part = u >= b ? PPM : (int64_t) ((__int128) u * PPM / b);

        if (l->samples == 0) {
            l->mean[i] = (uint32_t) part;
            l->deviation[i] = (uint32_t) part / 2;
            continue;
        }

        off = part - l->mean[i];
        l->mean[i] = (uint32_t) (l->mean[i] + off / weight);

        off = (off < 0 ? -off : off) - l->deviation[i];
        l->deviation[i] = (uint32_t) (l->deviation[i] + off / weight);
    }

    if (l->samples < UINT32_MAX) {
        l->samples++;
    }
}


static double
window_seconds(const genai_budget_limit_t *l)
{
    static const double  seconds[GENAI_BUDGET_WINDOW_N] = {
        0, 60, 3600, 86400, 604800, 2678400
    };

    return l->window == GENAI_BUDGET_ROLLING ? l->seconds
                                             : seconds[l->window];
}


static double
rate_span(const genai_budget_limit_t *l)
{
    double  s;

    s = window_seconds(l) / 12;

    return (s < 10 ? 10 : s > 3600 ? 3600 : s) * 1000;
}


/* e^-x as far as a forecast needs it, without libm */

static double
rate_decay(const genai_budget_rate_t *r, double span, uint64_t ms)
{
    double  x;

    x = ms > r->at ? (double) (ms - r->at) / span : 0;

    return 1 / (1 + x * (1 + x / 2 * (1 + x / 3 * (1 + x / 4))));
}


void
genai_budget_rate_add(genai_budget_rate_t *r,
    const genai_budget_limit_t *limit, int64_t amount, uint64_t ms)
{
    double  span, d;

    span = rate_span(limit);

    if (r->at == 0) {
        r->at = ms;
    }

    d = rate_decay(r, span, ms);

    r->sum = r->sum * d + (double) (amount > 0 ? amount : 0);
    r->weight = r->weight * d + (1 - d);
    r->at = ms > r->at ? ms : r->at;
}


double
genai_budget_rate(const genai_budget_rate_t *r,
    const genai_budget_limit_t *limit, uint64_t ms)
{
    double  span, d, weight;

    if (r->at == 0) {
        return 0;
    }

    span = rate_span(limit);
    d = rate_decay(r, span, ms);

    /* a young budget has seen less than a span: its sum stands for that
     * much time only, but not for less than a twelfth */

    weight = r->weight * d + (1 - d);
    weight = weight < 1.0 / 12 ? 1.0 / 12 : weight;

    return r->sum * d / (span / 1000 * weight);
}


int64_t
genai_budget_exhausted(const genai_budget_state_t *s, double rate,
    int64_t now)
{
    double   left, seconds;
    int64_t  used;

    if (__builtin_add_overflow(s->spent, s->reserved, &used)
        || used >= s->allowed)
    {
        return now;
    }

    if (!(rate > 0)) {
        return GENAI_BUDGET_NEVER;
    }

    left = (double) (s->allowed - used);
    seconds = left / rate;

    if (seconds >= window_seconds(&s->limit)) {
        return GENAI_BUDGET_NEVER;
    }

    if (s->limit.window == GENAI_BUDGET_ROLLING) {
        return rate * window_seconds(&s->limit) > (double) s->allowed
               ? now + (int64_t) seconds : GENAI_BUDGET_NEVER;
    }

    return now + (int64_t) seconds < genai_budget_next(&s->limit, now)
           ? now + (int64_t) seconds : GENAI_BUDGET_NEVER;
}
