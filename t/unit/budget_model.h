/*
 * A model of budgets, for tests: what was spent is a list of amounts with
 * their times, added up when it is asked for.  Slow and plain; nothing of it
 * is taken from the code that it is held against.
 */

#ifndef GENAI_BUDGET_MODEL_H
#define GENAI_BUDGET_MODEL_H

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "genai_budget.h"


#define SPENDS  2048


typedef struct {
    int64_t                 period;    /* that it counts from */
    int64_t                 at;
    int64_t                 amount;
} spend_t;


typedef struct {
    genai_budget_limit_t    limit;
    int64_t                 period;    /* the newest seen */
    int64_t                 raised;
    int64_t                 until;
    int64_t                 warned;
    int                     n;
    spend_t                 spend[SPENDS];
} use_t;


typedef struct {
    uint32_t                nuse;
    use_t                   use[GENAI_BUDGET_LIMITS];
} budget_t;


static int64_t
floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}


static int64_t
slot_len(const genai_budget_limit_t *l)
{
    return (l->seconds + 14) / 15;
}


static int64_t
slots(const genai_budget_limit_t *l)
{
    return (l->seconds + slot_len(l) - 1) / slot_len(l) + 1;
}


/* windows are known by the number of the sub-window, or by their start */

static int64_t
period_of(const genai_budget_limit_t *l, int64_t t)
{
    time_t     local;
    int64_t    day;
    struct tm  tm;

    if (l->window == GENAI_BUDGET_ROLLING) {
        return floor_div(t, slot_len(l));
    }

    local = (time_t) (t + l->tz * 60);
    gmtime_r(&local, &tm);
    day = local - tm.tm_hour * 3600 - tm.tm_min * 60 - tm.tm_sec;

    switch (l->window) {

    case GENAI_BUDGET_MINUTE:
        local -= tm.tm_sec;
        break;

    case GENAI_BUDGET_HOUR:
        local -= tm.tm_min * 60 + tm.tm_sec;
        break;

    case GENAI_BUDGET_DAY:
        local = day;
        break;

    case GENAI_BUDGET_WEEK:
        local = day - (tm.tm_wday + 6) % 7 * 86400;
        break;

    default:
        local = day - (tm.tm_mday - 1) * 86400;
    }

    return local - l->tz * 60;
}


/* more than a window before */

static int
long_before(const genai_budget_limit_t *l, int64_t period, int64_t than)
{
    return l->window == GENAI_BUDGET_ROLLING
           ? than - period > slots(l)
           : period < than && period_of(l, than - 1) > period;
}


static int
counts(const genai_budget_limit_t *l, int64_t period, int64_t newest)
{
    return l->window == GENAI_BUDGET_ROLLING ? period > newest - slots(l)
                                             : period == newest;
}


/* the newest window seen, at t; windows do not turn back, but after a step of
 * more than one everything counts from the new time on */

static int64_t
newest_at(const use_t *u, int64_t t)
{
    int64_t  p;

    p = period_of(&u->limit, t);

    return p > u->period || long_before(&u->limit, p, u->period) ? p
                                                                 : u->period;
}


static int64_t
sum_at(const use_t *u, int64_t t)
{
    int      i;
    int64_t  sum, newest;

    sum = 0;
    newest = newest_at(u, t);

    for (i = 0; i < u->n; i++) {
        sum += newest < u->period
               || counts(&u->limit, u->spend[i].period, newest)
               ? u->spend[i].amount : 0;
    }

    return sum;
}


/* of what was spent, that which a stopwatch would say is in the window */

static int64_t
true_sum(const use_t *u, int64_t t)
{
    int      i, in;
    int64_t  sum;

    sum = 0;

    for (i = 0; i < u->n; i++) {
        in = u->limit.window == GENAI_BUDGET_ROLLING
             ? u->spend[i].at > t - u->limit.seconds
             : period_of(&u->limit, u->spend[i].at)
               == period_of(&u->limit, t);
        sum += in ? u->spend[i].amount : 0;
    }

    return sum;
}


static void
turn(use_t *u, int64_t t)
{
    int      i, n;
    int64_t  newest;

    newest = newest_at(u, t);

    for (i = n = 0; i < u->n; i++) {

        if (newest < u->period) {
            u->spend[i].period = newest;

        } else if (!counts(&u->limit, u->spend[i].period, newest)) {
            continue;
        }

        u->spend[n++] = u->spend[i];
    }

    u->n = n;
    u->period = newest;
}


static void
spend(use_t *u, int64_t amount, int64_t at)
{
    if (amount == 0) {
        return;
    }

    if (u->n == SPENDS) {
        printf("Bail out! the model has no room\n");
        exit(1);
    }

    u->spend[u->n].period = u->period;
    u->spend[u->n].at = at;
    u->spend[u->n++].amount = amount;
}


static int64_t
unit_of(const genai_budget_amounts_t *a, uint8_t unit)
{
    const int64_t  v[] = { a->usd_pico, a->itok + a->otok, a->itok, a->otok,
                           a->req };

    return v[unit];
}


static int64_t
allowed(const use_t *u, uint32_t share, int64_t t)
{
    return (u->limit.amount + (t < u->until ? u->raised : 0)) * share / 100;
}


/* a limit of the same unit and window keeps what was spent */

static void
set_limits(budget_t *b, const genai_budget_limit_t *limits, uint32_t n,
    int64_t t)
{
    int                          k;
    use_t                       *u;
    uint32_t                     i, taken;
    static budget_t              before;
    const genai_budget_limit_t  *l;

    before = *b;
    taken = 0;

    for (i = 0; i < n; i++) {
        u = &b->use[i];
        l = &limits[i];

        for (k = 0; k < (int) before.nuse; k++) {
            if (!(taken & (1U << k)) && before.use[k].limit.unit == l->unit
                && before.use[k].limit.window == l->window
                && before.use[k].limit.seconds == l->seconds)
            {
                break;
            }
        }

        if (k == (int) before.nuse) {
            memset(u, 0, offsetof(use_t, spend));
            u->limit = *l;
            u->warned = INT64_MIN;
            u->period = period_of(l, t);
            continue;
        }

        taken |= 1U << k;
        *u = before.use[k];

        if (u->limit.tz != l->tz) {
            turn(u, t);
            u->period = period_of(l, t > u->period ? t : u->period);

            for (k = 0; k < u->n; k++) {
                u->spend[k].period = u->period;
            }
        }

        u->limit = *l;
    }

    b->nuse = n;
}


/* how many */

static int
raise_limits(budget_t *b, uint8_t unit, int64_t add, int64_t until, int64_t t)
{
    int        n;
    uint32_t   i;

    for (i = 0, n = 0; i < b->nuse; i++) {
        if (b->use[i].limit.unit == unit) {
            turn(&b->use[i], t);
            b->use[i].raised = add;
            b->use[i].until = add ? until : 0;
            n++;
        }
    }

    return n;
}


/* once a window */

static int
warns(use_t *u, uint32_t percent, int64_t t)
{
    int  told;

    if (u->n == 0 || sum_at(u, t) < allowed(u, percent, t)) {
        return 0;
    }

    if (u->warned != INT64_MIN) {
        told = u->limit.window == GENAI_BUDGET_ROLLING
               ? t - u->warned < u->limit.seconds
               : period_of(&u->limit, t) <= period_of(&u->limit, u->warned);
        if (told) {
            return 0;
        }
    }

    u->warned = t;

    return 1;
}


#endif /* GENAI_BUDGET_MODEL_H */
