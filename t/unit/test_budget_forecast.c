/*
 * Forecasts: what such calls use, how fast a budget goes and when it is gone.
 */

#include "genai_budget_forecast.h"
#include "test.h"


#define USD  GENAI_PICO_PER_USD
#define NOW  1795392000            /* 2026-11-23 00:00:00 UTC */


static uint64_t  seed = 88172645463325252ULL;


static uint32_t
rnd(uint32_t n)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;

    return (uint32_t) ((seed >> 11) % n);
}


static genai_budget_limit_t
limit(const char *text)
{
    char                  err[256];
    genai_budget_limit_t  l;

    if (genai_budget_parse(genai_strz(text), 0, &l, err, sizeof(err))
        != GENAI_OK)
    {
        printf("Bail out! %s\n", err);
        exit(1);
    }

    return l;
}


static void
test_learn(void)
{
    int                     i, above;
    genai_budget_learn_t    l;
    genai_budget_amounts_t  a, used, bound = { 1000000, 4000, 8000, 1 };

    memset(&l, 0, sizeof(l));

    for (i = 0; i < GENAI_BUDGET_SAMPLES; i++) {
        a = bound;
        genai_budget_learned(&l, &a);

        if (memcmp(&a, &bound, sizeof(a)) != 0) {
            break;
        }

        used = bound;
        used.usd_pico = 90000 + rnd(20000);
        used.itok = 900 + rnd(200);
        used.otok = 400 + rnd(800);
        genai_budget_learn(&l, &bound, &used);
    }

    is_int(i, GENAI_BUDGET_SAMPLES, "the bound, until enough was seen");

    above = 0;

    for (i = 0; i < 20000; i++) {
        used.usd_pico = 90000 + rnd(20000);
        used.itok = 900 + rnd(200);
        used.otok = 400 + rnd(800);

        a = bound;
        genai_budget_learned(&l, &a);
        above += used.usd_pico > a.usd_pico || used.itok > a.itok
                 || used.otok > a.otok;

        genai_budget_learn(&l, &bound, &used);
    }

    ok(a.usd_pico < 150000 && a.itok < 1500 && a.otok < 2000,
       "then near to what is used (%lld of 1000000, %lld of 4000, %lld of "
       "8000)", (long long) a.usd_pico, (long long) a.itok,
       (long long) a.otok);
    ok(above < 20000 / 50, "few calls use more than that (%d of 20000)",
       above);
    is_int(a.req, 1, "requests are not guessed");

    used.usd_pico = -1;
    used.itok = 4000;
    used.otok = 8000;
    bound.usd_pico = 10;
    a = bound;
    genai_budget_learned(&l, &a);
    genai_budget_learn(&l, &bound, &used);
    used = bound;
    genai_budget_learned(&l, &used);
    is_int(memcmp(&a, &used, sizeof(a)), 0, "what is unknown teaches nothing");

    used.usd_pico = INT64_MAX;
    used.itok = INT64_MAX;
    used.otok = INT64_MAX;

    for (i = 0; i < 200; i++) {
        genai_budget_learn(&l, &bound, &used);
    }

    a = bound;
    genai_budget_learned(&l, &a);
    is_int(memcmp(&a, &bound, sizeof(a)), 0, "never more than the bound");
}


static void
test_rate(void)
{
    int                   i;
    double                v;
    uint64_t              t;
    genai_budget_rate_t   r;
    genai_budget_limit_t  l;

    memset(&r, 0, sizeof(r));
    l = limit("1000000tok/1h");                /* a span of 300 s */
    t = 5000000;

    ok(genai_budget_rate(&r, &l, t) == 0, "nothing yet");

    for (i = 0; i < 60; i++) {
        genai_budget_rate_add(&r, &l, 500, t += 1000);
    }

    v = genai_budget_rate(&r, &l, t);
    ok(v > 450 && v < 600, "500 a second for a minute: %.0f", v);

    for (i = 0; i < 3000; i++) {
        genai_budget_rate_add(&r, &l, 500, t += 1000);
    }

    v = genai_budget_rate(&r, &l, t);
    ok(v > 490 && v < 510, "for an hour: %.1f", v);

    v = genai_budget_rate(&r, &l, t + 600000);
    ok(v > 0 && v < 150, "ten minutes of silence later: %.1f", v);

    v = genai_budget_rate(&r, &l, t - 5000);
    ok(v > 490 && v < 510, "a clock that is behind does no harm: %.1f", v);

    genai_budget_rate_add(&r, &l, -5, t);
    genai_budget_rate_add(&r, &l, INT64_MAX, t);
    v = genai_budget_rate(&r, &l, t);
    ok(v > 1e15, "large amounts");
}


static void
test_exhausted(void)
{
    genai_budget_state_t  s;

    memset(&s, 0, sizeof(s));
    s.limit = limit("100usd/day");
    s.allowed = s.limit.amount;
    s.spent = 40 * USD;
    s.reserved = 10 * USD;

    is_int(genai_budget_exhausted(&s, 0.01 * USD, NOW + 3600),
           NOW + 3600 + 5000, "50 USD at a cent a second");
    is_int(genai_budget_exhausted(&s, 0.0001 * USD, NOW), GENAI_BUDGET_NEVER,
           "the day ends before");
    is_int(genai_budget_exhausted(&s, 0.01 * USD, NOW + 86400 - 4000),
           GENAI_BUDGET_NEVER, "this day, too");
    is_int(genai_budget_exhausted(&s, 0, NOW), GENAI_BUDGET_NEVER,
           "nothing is spent");

    s.spent = 95 * USD;
    is_int(genai_budget_exhausted(&s, 0, NOW), NOW, "it is gone");
    s.spent = INT64_MAX;
    is_int(genai_budget_exhausted(&s, 1, NOW), NOW, "far beyond");

    s.limit = limit("3600tok/1h");
    s.allowed = 3600;
    s.spent = 1800;
    s.reserved = 0;
    is_int(genai_budget_exhausted(&s, 2, NOW), NOW + 900,
           "rolling: twice as fast as it may");
    is_int(genai_budget_exhausted(&s, 0.9, NOW), GENAI_BUDGET_NEVER,
           "rolling: what leaves makes room for what comes");
}


int
main(void)
{
    test_learn();
    test_rate();
    test_exhausted();

    return done();
}
