/*
 * One key's budget: windows, reservations, settlement.  See genai_budget.h.
 */

#include "genai_budget.h"
#include "genai_budget_forecast.h"


static int64_t
add(int64_t a, int64_t b)
{
    int64_t  sum;

    return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum;
}


static int64_t
not_below(int64_t a, int64_t b)
{
    return a > b ? a : b;
}


static int64_t
room(int64_t a, int64_t taken)
{
    return a < INT64_MAX - taken ? a : INT64_MAX - taken;
}


static void
amounts_add(genai_budget_amounts_t *a, const genai_budget_amounts_t *b)
{
    a->usd_pico = add(a->usd_pico, b->usd_pico);
    a->itok = add(a->itok, b->itok);
    a->otok = add(a->otok, b->otok);
    a->req = add(a->req, b->req);
}


static void
amounts_sub(genai_budget_amounts_t *a, const genai_budget_amounts_t *b)
{
    a->usd_pico = not_below(a->usd_pico - b->usd_pico, 0);
    a->itok = not_below(a->itok - b->itok, 0);
    a->otok = not_below(a->otok - b->otok, 0);
    a->req = not_below(a->req - b->req, 0);
}


static void
amounts_clean(genai_budget_amounts_t *to, const genai_budget_amounts_t *from)
{
    to->usd_pico = not_below(from->usd_pico, 0);
    to->itok = not_below(from->itok, 0);
    to->otok = not_below(from->otok, 0);
    to->req = not_below(from->req, 0);
}


static int64_t
slot_seconds(const genai_budget_limit_t *l)
{
    int64_t  len;

    len = (l->seconds + GENAI_BUDGET_SLOTS - 2) / (GENAI_BUDGET_SLOTS - 1);

    return len < 1 ? 1 : len;
}


/* so many sub-windows, the newest included, can hold what must count */

static int64_t
slot_count(const genai_budget_limit_t *l)
{
    int64_t  len;

    len = slot_seconds(l);

    return (l->seconds + len - 1) / len + 1;
}


static int64_t
slot_number(const genai_budget_limit_t *l, int64_t now)
{
    return genai_budget_start(l, now) / slot_seconds(l);
}


static void
use_sum(genai_budget_use_t *u)
{
    int64_t  i, n;

    n = slot_count(&u->limit);
    u->spent = 0;

    for (i = 0; i < n; i++) {
        u->spent = add(u->spent, u->slot[i]);
    }
}


static void
rolling_turn(genai_budget_use_t *u, int64_t now)
{
    int64_t  n, k, newest;

    newest = slot_number(&u->limit, now);

    if (newest == u->from) {
        return;
    }

    n = slot_count(&u->limit);

    if (newest < u->from) {

        if (u->from - newest > n) {
            k = u->spent;
            memset(u->slot, 0, sizeof(u->slot));
            u->slot[(newest % n + n) % n] = k;
            u->from = newest;
        }

        return;
    }

    k = newest - u->from > n ? newest - n : u->from;

    while (k++ < newest) {
        u->slot[(k % n + n) % n] = 0;
    }

    u->from = newest;
    use_sum(u);
}


static void
use_turn(genai_budget_use_t *u, int64_t now)
{
    int64_t  start;

    if (u->limit.window == GENAI_BUDGET_ROLLING) {
        rolling_turn(u, now);
        return;
    }

    start = genai_budget_start(&u->limit, now);

    if (start > u->from) {
        u->from = start;
        u->spent = 0;

    } else if (genai_budget_next(&u->limit, start) < u->from) {
        u->from = start;
    }
}


static void
use_spend(genai_budget_use_t *u, int64_t amount, int64_t now)
{
    int64_t  n, *slot;

    u->spent = add(u->spent, amount);
    genai_budget_rate_add(&u->rate, &u->limit, amount,
                          now > 0 ? (uint64_t) now * 1000 : 0);

    if (u->limit.window == GENAI_BUDGET_ROLLING) {
        n = slot_count(&u->limit);
        slot = &u->slot[(u->from % n + n) % n];
        *slot = add(*slot, amount);
    }
}


static void
use_init(genai_budget_use_t *u, const genai_budget_limit_t *l, int64_t now)
{
    memset(u, 0, sizeof(genai_budget_use_t));

    u->limit = *l;
    u->warned = INT64_MIN;
    u->from = l->window == GENAI_BUDGET_ROLLING
              ? slot_number(l, now) : genai_budget_start(l, now);
}


void
genai_budget_init(genai_budget_t *b, const genai_budget_limit_t *limits,
    uint32_t n, int64_t now)
{
    uint32_t  i;

    memset(&b->reserved, 0, sizeof(genai_budget_amounts_t));
    b->holds = 0;
    b->nuse = n < GENAI_BUDGET_LIMITS ? n : GENAI_BUDGET_LIMITS;

    for (i = 0; i < b->nuse; i++) {
        use_init(&b->use[i], &limits[i], now);
    }
}


/* the same window in another time zone, as when clocks are set to summer:
 * what was spent stays, the next boundary is the new one's */

static void
use_limit(genai_budget_use_t *u, const genai_budget_limit_t *l, int64_t now)
{
    if (u->limit.tz != l->tz) {
        use_turn(u, now);
        u->limit = *l;
        u->from = genai_budget_start(l, now > u->from ? now : u->from);
        return;
    }

    u->limit = *l;
}


static int
same_shape(const genai_budget_limit_t *a, const genai_budget_limit_t *b)
{
    return a->unit == b->unit && a->window == b->window
           && a->seconds == b->seconds;
}


void
genai_budget_limits(genai_budget_t *b, const genai_budget_limit_t *limits,
    uint32_t n, int64_t now)
{
    uint32_t            i, k, taken, nold;
    genai_budget_use_t  old[GENAI_BUDGET_LIMITS];

    n = n < GENAI_BUDGET_LIMITS ? n : GENAI_BUDGET_LIMITS;

    for (i = 0; i < n && n == b->nuse; i++) {

        if (!same_shape(&b->use[i].limit, &limits[i])) {
            break;
        }

        use_limit(&b->use[i], &limits[i], now);
    }

    if (i == n && n == b->nuse) {
        return;
    }

    nold = b->nuse;
    memcpy(old, b->use, nold * sizeof(genai_budget_use_t));
    taken = 0;

    for (i = 0; i < n; i++) {

        for (k = 0; k < nold; k++) {
            if (!(taken & (1U << k)) && same_shape(&old[k].limit, &limits[i]))
            {
                break;
            }
        }

        if (k == nold) {
            use_init(&b->use[i], &limits[i], now);
            continue;
        }

        taken |= 1U << k;
        b->use[i] = old[k];
        use_limit(&b->use[i], &limits[i], now);
    }

    b->nuse = n;
}


static int64_t
use_allowed(const genai_budget_use_t *u, uint32_t share, int64_t now)
{
    int64_t  limit;

    limit = u->limit.amount;

    if (now < u->raised_until) {
        limit = add(limit, u->raised);
    }

    if (share < 100) {
        return (int64_t) ((__int128) limit * share / 100);
    }

    /* a sum that stopped at its end is more than any limit */

    return limit == INT64_MAX ? INT64_MAX - 1 : limit;
}


/* when so much of a rolling window will have left; what is reserved leaves
 * at a time that nobody knows */

static int64_t
rolling_reset(const genai_budget_use_t *u, int64_t excess)
{
    int64_t  i, n, k, len;

    n = slot_count(&u->limit);
    len = slot_seconds(&u->limit);

    for (i = 1; i <= n; i++) {
        k = u->from + i;               /* it takes the oldest one's place */
        excess -= u->slot[(k % n + n) % n];

        if (excess <= 0) {
            return k * len;
        }
    }

    return (u->from + 1) * len;
}


static int64_t
use_reset(const genai_budget_use_t *u, int64_t excess)
{
    return u->limit.window == GENAI_BUDGET_ROLLING
           ? rolling_reset(u, excess)
           : genai_budget_next(&u->limit, u->from);
}


static void
use_state(const genai_budget_t *b, uint32_t i, int64_t wanted,
    uint32_t share, int64_t now, genai_budget_state_t *s)
{
    int64_t                    used;
    const genai_budget_use_t  *u;

    u = &b->use[i];

    s->limit = u->limit;
    s->index = i;
    s->allowed = use_allowed(u, share, now);
    s->spent = u->spent;
    s->reserved = genai_budget_amount(&b->reserved, u->limit.unit);
    s->wanted = wanted;
    s->never = wanted > s->allowed;
    s->refused = 0;

    used = add(add(s->spent, s->reserved), wanted);
    s->reset = use_reset(u, used > s->allowed ? used - s->allowed : s->spent);
}


void
genai_budget_state(const genai_budget_t *b, uint32_t i, int64_t now,
    genai_budget_state_t *state)
{
    use_state(b, i, 0, 100, now, state);
}


/* turns the windows; GENAI_DECLINED: a limit has no room */

static int
limits_admit(genai_budget_t *b, const genai_budget_amounts_t *a,
    uint32_t share, int64_t now, genai_budget_state_t *why)
{
    int                    rc;
    int64_t                wanted, sum;
    uint32_t               i;
    genai_budget_use_t    *u;
    genai_budget_state_t   s;

    rc = GENAI_OK;

    if (why) {
        why->refused = 0;
    }

    for (i = 0; i < b->nuse; i++) {
        u = &b->use[i];
        use_turn(u, now);

        wanted = genai_budget_amount(a, u->limit.unit);
        sum = add(u->spent, genai_budget_amount(&b->reserved, u->limit.unit));

        if (add(sum, wanted) <= use_allowed(u, share, now)) {
            continue;
        }

        if (why) {
            use_state(b, i, wanted, share, now, &s);
            s.refused = 1;

            if (rc == GENAI_OK || s.never > why->never
                || (s.never == why->never && s.reset > why->reset))
            {
                *why = s;
            }
        }

        rc = GENAI_DECLINED;
    }

    return rc;
}


static void
hold_open(genai_budget_t *b, genai_budget_hold_t *hold,
    const genai_budget_amounts_t *a)
{
    hold->open = 1;
    hold->sent = 0;

    /* a sum that stopped at its end could not be taken back: what no limit
     * has looked at takes no more than there is room for */

    hold->amounts.usd_pico = room(a->usd_pico, b->reserved.usd_pico);
    hold->amounts.itok = room(a->itok, b->reserved.itok);
    hold->amounts.otok = room(a->otok, b->reserved.otok);
    hold->amounts.req = room(a->req, b->reserved.req);

    genai_budget_hold_again(b, hold);
}


int
genai_budget_reserve(genai_budget_t *b, genai_budget_hold_t *hold,
    const genai_budget_amounts_t *amounts, uint32_t share, int64_t now,
    genai_budget_state_t *why)
{
    genai_budget_amounts_t  a;

    amounts_clean(&a, amounts);
    hold->open = 0;

    if (limits_admit(b, &a, share, now, why) != GENAI_OK) {
        return GENAI_DECLINED;
    }

    hold_open(b, hold, &a);

    return GENAI_OK;
}


void
genai_budget_force(genai_budget_t *b, genai_budget_hold_t *hold,
    const genai_budget_amounts_t *amounts, uint32_t share, int64_t now,
    genai_budget_state_t *why)
{
    genai_budget_amounts_t  a;

    amounts_clean(&a, amounts);
    (void) limits_admit(b, &a, share, now, why);
    hold_open(b, hold, &a);
}


void
genai_budget_hold_again(genai_budget_t *b, const genai_budget_hold_t *hold)
{
    amounts_add(&b->reserved, &hold->amounts);
    b->holds++;
}


int
genai_budget_release(genai_budget_t *b, genai_budget_hold_t *hold)
{
    if (!hold->open) {
        return GENAI_DECLINED;
    }

    hold->open = 0;
    amounts_sub(&b->reserved, &hold->amounts);
    b->holds -= b->holds > 0;

    return GENAI_OK;
}


int
genai_budget_sent(genai_budget_t *b, genai_budget_hold_t *hold, int64_t now)
{
    uint32_t                i;
    genai_budget_use_t     *u;
    genai_budget_amounts_t  a;

    if (!hold->open || hold->sent) {
        return GENAI_DECLINED;
    }

    memset(&a, 0, sizeof(genai_budget_amounts_t));
    a.req = hold->amounts.req;

    amounts_sub(&b->reserved, &a);
    hold->amounts.req = 0;
    hold->sent = 1;

    for (i = 0; i < b->nuse; i++) {
        u = &b->use[i];

        /* no turn: now may be long ago by the clock of other calls */

        if (u->limit.unit == GENAI_BUDGET_REQ) {
            use_spend(u, a.req, now);
        }
    }

    return GENAI_OK;
}


int
genai_budget_settle(genai_budget_t *b, genai_budget_hold_t *hold,
    const genai_budget_amounts_t *used, int64_t now, uint32_t *over)
{
    uint32_t                i, bits;
    genai_budget_use_t     *u;
    genai_budget_amounts_t  a;

    if (genai_budget_release(b, hold) != GENAI_OK) {
        return GENAI_DECLINED;
    }

    amounts_clean(&a, used ? used : &hold->amounts);
    a.req = hold->sent ? 0 : a.req;
    bits = 0;

    for (i = 0; i < b->nuse; i++) {
        u = &b->use[i];
        use_turn(u, now);
        use_spend(u, genai_budget_amount(&a, u->limit.unit), now);

        if (u->spent > use_allowed(u, 100, now)) {
            bits |= 1U << i;
        }
    }

    if (over) {
        *over = bits;
    }

    return GENAI_OK;
}


void
genai_budget_turn(genai_budget_t *b, int64_t now)
{
    uint32_t  i;

    for (i = 0; i < b->nuse; i++) {
        use_turn(&b->use[i], now);
    }
}


uint32_t
genai_budget_warn(genai_budget_t *b, uint32_t percent, int64_t now)
{
    int64_t              end;
    uint32_t             i, bits;
    genai_budget_use_t  *u;

    bits = 0;

    for (i = 0; i < b->nuse; i++) {
        u = &b->use[i];
        use_turn(u, now);

        if (u->spent == 0 || u->spent < use_allowed(u, percent, now)) {
            continue;
        }

        if (u->warned != INT64_MIN) {
            end = u->limit.window == GENAI_BUDGET_ROLLING
                  ? add(u->warned, u->limit.seconds)
                  : genai_budget_next(&u->limit, u->warned);

            /* a day that is still ahead is a clock that was set back */

            if (now < end && u->warned - now < GENAI_BUDGET_SEC_MAX) {
                continue;
            }
        }

        u->warned = now;
        bits |= 1U << i;
    }

    return bits;
}


int
genai_budget_raise(genai_budget_t *b, uint8_t unit, int64_t amount,
    int64_t until, int64_t now)
{
    int                  rc;
    uint32_t             i;
    genai_budget_use_t  *u;

    rc = GENAI_DECLINED;

    for (i = 0; i < b->nuse; i++) {
        u = &b->use[i];

        if (u->limit.unit != unit) {
            continue;
        }

        use_turn(u, now);
        u->raised = amount > 0 ? amount : 0;
        u->raised_until = amount > 0 ? until : 0;
        rc = GENAI_OK;
    }

    return rc;
}


int
genai_budget_idle(genai_budget_t *b, int64_t now)
{
    uint32_t             i;
    genai_budget_use_t  *u;

    if (b->holds) {
        return 0;
    }

    for (i = 0; i < b->nuse; i++) {
        u = &b->use[i];
        use_turn(u, now);

        if (u->spent || (u->raised && now < u->raised_until)) {
            return 0;
        }
    }

    return 1;
}
