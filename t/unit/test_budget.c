/*
 * Budgets: how they are written, windows, reservations and settlement, and a
 * random run against a model that keeps every amount with its time.
 */

#include <time.h>

#include "genai_budget.h"
#include "test.h"


#define USD   GENAI_PICO_PER_USD
#define NOON  1795392000            /* 2026-11-23 00:00:00 UTC, a Monday */


static genai_budget_limit_t
limit_tz(const char *text, int tz)
{
    char                  err[256];
    genai_budget_limit_t  l;

    if (genai_budget_parse(genai_strz(text), tz, &l, err, sizeof(err))
        != GENAI_OK)
    {
        printf("Bail out! %s: %s\n", text, err);
        exit(1);
    }

    return l;
}


static genai_budget_limit_t
limit(const char *text)
{
    return limit_tz(text, 0);
}


static void
test_spec(void)
{
    size_t                i, n;
    char                  buf[GENAI_BUDGET_TEXT];
    genai_budget_limit_t  l;

    static const struct {
        const char  *text;
        int64_t      amount;
        int          unit, window, seconds;
        const char  *back;
    } c[] = {
        { "100usd/day", 100 * USD, GENAI_BUDGET_USD, GENAI_BUDGET_DAY, 0,
          "100usd/day" },
        { "2Mtok/1h", 2000000, GENAI_BUDGET_TOK, 0, 3600, "2000000tok/1h" },
        { "500req/minute", 500, GENAI_BUDGET_REQ, GENAI_BUDGET_MINUTE, 0,
          "500req/minute" },
        { "0.000000000001usd/10s", 1, GENAI_BUDGET_USD, 0, 10,
          "0.000000000001usd/10s" },
        { "1.5kusd/month", 1500 * USD, GENAI_BUDGET_USD, GENAI_BUDGET_MONTH,
          0, "1500usd/month" },
        { "0.0000000000005kusd/30d", 500, GENAI_BUDGET_USD, 0, 30 * 86400,
          "0.0000000005usd/30d" },
        { "1.50Gitok/week", 1500000000, GENAI_BUDGET_ITOK,
          GENAI_BUDGET_WEEK, 0, "1500000000itok/week" },
        { "7otok/5m", 7, GENAI_BUDGET_OTOK, 0, 300, "7otok/5m" },
        { "0req/hour", 0, GENAI_BUDGET_REQ, GENAI_BUDGET_HOUR, 0,
          "0req/hour" },
        { "1req/2w", 1, GENAI_BUDGET_REQ, 0, 14 * 86400, "1req/14d" },
        { "9223372.036854775807usd/day", INT64_MAX, GENAI_BUDGET_USD,
          GENAI_BUDGET_DAY, 0, "9223372.036854775807usd/day" },
        { "12.25usd/90s", 12250000000000, GENAI_BUDGET_USD, 0, 90,
          "12.25usd/90s" }
    };

    for (i = 0; i < genai_nelts(c); i++) {
        l = limit(c[i].text);
        n = genai_budget_text(&l, buf);

        ok(l.amount == c[i].amount && l.unit == c[i].unit
           && l.window == c[i].window && l.seconds == c[i].seconds,
           "%s is read exactly", c[i].text);
        is_mem(buf, n, c[i].back, "and written back");
    }
}


static void
test_spec_errors(void)
{
    size_t                i;
    char                  err[256];
    genai_budget_limit_t  l;

    static const char *const  c[][2] = {
        { "", "has no window" },
        { "100usd", "has no window" },
        { "usd/day", "does not start with a number" },
        { "-1usd/day", "does not start with a number" },
        { "1.usd/day", "does not start with a number" },
        { "1e3usd/day", "unknown unit \"e3usd\"" },
        { "100eur/day", "unknown unit \"eur\"" },
        { "100/day", "unknown unit \"\"" },
        { "100Ktok/day", "unknown unit \"Ktok\"" },
        { "1.5tok/day", "write a whole number" },
        { "1.0005ktok/day", "write a whole number" },
        { "0.0000000000001usd/day", "12 decimals" },
        { "9223372.036854775808usd/day", "too much" },
        { "10Musd/day", "too much" },
        { "99999999999999999999Gtok/day", "too much" },
        { "9999999999999999999999999999999tok/day", "does not start" },
        { "1usd/", "unknown window \"\"" },
        { "1usd/year", "unknown window \"year\"" },
        { "1usd/10", "unknown window \"10\"" },
        { "1usd/1.5h", "unknown window" },
        { "1usd/0s", "out of range" },
        { "1usd/367d", "out of range" },
        { "1usd/9999999999s", "unknown window" },
        { "1usd/day/2", "unknown window" }
    };

    for (i = 0; i < genai_nelts(c); i++) {
        err[0] = '\0';

        if (!ok(genai_budget_parse(genai_strz(c[i][0]), 0, &l, err,
                                   sizeof(err)) == GENAI_ERROR
                && strstr(err, c[i][1]) != NULL,
                "\"%s\" is refused: %s", c[i][0], c[i][1]))
        {
            printf("#   said \"%s\"\n", err);
        }
    }
}


static void
test_words(void)
{
    int       tz;
    char      err[128], buf[GENAI_BUDGET_TEXT];
    size_t    n;
    uint32_t  p;

    tz = 99;
    genai_budget_parse_tz(genai_strz("UTC"), &tz, err, sizeof(err));
    is_int(tz, 0, "UTC");
    genai_budget_parse_tz(genai_strz("+05:30"), &tz, err, sizeof(err));
    is_int(tz, 330, "+05:30");
    genai_budget_parse_tz(genai_strz("-08:00"), &tz, err, sizeof(err));
    is_int(tz, -480, "-08:00");
    is_int(genai_budget_parse_tz(genai_strz("local"), &tz, err, 128),
           GENAI_DECLINED, "local is left to the caller");
    is_int(genai_budget_parse_tz(genai_strz("+15:00"), &tz, err, 128),
           GENAI_ERROR, "+15:00 is no time zone");
    is_int(genai_budget_parse_tz(genai_strz("CET"), &tz, err, 128),
           GENAI_ERROR, "nor is CET");

    genai_budget_parse_percent(genai_strz("80%"), &p, err, sizeof(err));
    is_int(p, 80, "80%");
    is_int(genai_budget_parse_percent(genai_strz("80"), &p, err, 128),
           GENAI_ERROR, "80 is no percentage");
    is_int(genai_budget_parse_percent(genai_strz("0%"), &p, err, 128),
           GENAI_ERROR, "nor is 0%");
    is_int(genai_budget_parse_percent(genai_strz("101%"), &p, err, 128),
           GENAI_ERROR, "nor is 101%");

    n = genai_budget_amount_text(GENAI_BUDGET_USD, 50 * USD, buf);
    is_mem(buf, n, "50.00 USD", "money has two decimals at least");
    n = genai_budget_amount_text(GENAI_BUDGET_USD, 1234, buf);
    is_mem(buf, n, "0.000000001234 USD", "and all that it needs");
    n = genai_budget_amount_text(GENAI_BUDGET_ITOK, 5, buf);
    is_mem(buf, n, "5 input tokens", "tokens have none");
}


/* calendar windows against the C library, for 20,000 days and zones */

static void
test_calendar(void)
{
    int                   i, tz, bad, w;
    time_t                t, local;
    int64_t               want, next;
    struct tm             tm;
    genai_budget_limit_t  l;

    bad = 0;
    l = limit("1req/day");
    srand(7);

    for (i = 0; i < 20000; i++) {
        tz = rand() % 1681 - 840;
        t = (time_t) i * 201600 + rand() % 201600 - 400000000;
        local = t + tz * 60;
        l.tz = (int16_t) tz;

        for (w = GENAI_BUDGET_MINUTE; w <= GENAI_BUDGET_MONTH; w++) {
            l.window = (uint8_t) w;
            gmtime_r(&local, &tm);
            tm.tm_sec = 0;
            tm.tm_min = w >= GENAI_BUDGET_HOUR ? 0 : tm.tm_min;
            tm.tm_hour = w >= GENAI_BUDGET_DAY ? 0 : tm.tm_hour;

            if (w == GENAI_BUDGET_WEEK) {
                tm.tm_mday -= (tm.tm_wday + 6) % 7;

            } else if (w == GENAI_BUDGET_MONTH) {
                tm.tm_mday = 1;
            }

            want = (int64_t) timegm(&tm) - tz * 60;

            switch (w) {
            case GENAI_BUDGET_MINUTE: tm.tm_min++; break;
            case GENAI_BUDGET_HOUR: tm.tm_hour++; break;
            case GENAI_BUDGET_DAY: tm.tm_mday++; break;
            case GENAI_BUDGET_WEEK: tm.tm_mday += 7; break;
            default: tm.tm_mon++; break;
            }

            next = (int64_t) timegm(&tm) - tz * 60;
            bad += genai_budget_start(&l, t) != want
                   || genai_budget_next(&l, t) != next;
        }
    }

    is_int(bad, 0, "100,000 calendar windows start and end as timegm() says");
}


static int
take(genai_budget_t *b, genai_budget_hold_t *h, int64_t req, int64_t now,
    genai_budget_state_t *why)
{
    genai_budget_amounts_t  a = { req * USD, req, 0, req };

    return genai_budget_reserve(b, h, &a, 100, now, why);
}


static int
spend(genai_budget_t *b, int64_t req, int64_t now)
{
    genai_budget_hold_t  h;

    if (take(b, &h, req, now, NULL) != GENAI_OK) {
        return GENAI_DECLINED;
    }

    return genai_budget_settle(b, &h, NULL, now, NULL);
}


static void
test_once(void)
{
    uint32_t                over;
    genai_budget_t          b;
    genai_budget_hold_t     h, g;
    genai_budget_limit_t    l[2];
    genai_budget_state_t    why;
    genai_budget_amounts_t  a = { 0, 10, 20, 1 };

    l[0] = limit("10req/day");
    l[1] = limit("100tok/day");
    genai_budget_init(&b, l, 2, NOON);

    is_int(genai_budget_reserve(&b, &h, &a, 100, NOON, NULL), GENAI_OK,
           "a call is admitted");
    is_int(b.reserved.otok, 20, "what it may use is reserved");

    a.otok = 5;
    is_int(genai_budget_settle(&b, &h, &a, NOON, &over), GENAI_OK,
           "and settled");
    is_int(over, 0, "no limit is passed");
    is_int(b.use[1].spent, 15, "what it used takes the place");
    is_int(b.reserved.itok + b.reserved.otok + b.reserved.req, 0,
           "nothing stays reserved");
    is_int(genai_budget_settle(&b, &h, &a, NOON, NULL), GENAI_DECLINED,
           "a second settlement is none");
    is_int(genai_budget_release(&b, &h), GENAI_DECLINED,
           "nor is a release then");
    is_int(b.use[1].spent + b.use[0].spent, 16, "which change nothing");

    a.otok = 80;
    is_int(genai_budget_reserve(&b, &h, &a, 100, NOON, &why),
           GENAI_DECLINED, "one limit of two refuses");
    is_int(why.index, 1, "the refusal says which");
    is_int(why.wanted, 90, "what was asked for");
    is_int(why.spent, 15, "what is spent");
    is_int(why.reset, NOON + 86400, "and when it starts afresh");
    is_int(why.never, 0, "then there will be room");
    is_int(b.reserved.req + b.holds, 0, "the other limit reserved nothing");
    is_int(genai_budget_settle(&b, &h, NULL, NOON, NULL), GENAI_DECLINED,
           "what was refused is not settled");

    a.otok = 101;
    genai_budget_reserve(&b, &h, &a, 100, NOON, &why);
    is_int(why.never, 1, "more than the limit never fits");

    a.otok = 75;
    is_int(genai_budget_reserve(&b, &g, &a, 100, NOON, NULL), GENAI_OK,
           "what fits exactly is admitted");
    is_int(genai_budget_release(&b, &g), GENAI_OK, "and released");
    is_int(b.use[1].spent, 15, "as if it had never been");

    genai_budget_reserve(&b, &g, &a, 100, NOON, NULL);
    a.otok = 200;
    genai_budget_settle(&b, &g, &a, NOON, &over);
    is_int(over, 2, "more used than reserved passes a limit, and is told");
}


static void
test_force(void)
{
    genai_budget_t          b;
    genai_budget_hold_t     h[3];
    genai_budget_limit_t    l[2];
    genai_budget_state_t    why;
    genai_budget_amounts_t  a = { 0, 0, 60, 1 };

    l[0] = limit("10req/day");
    l[1] = limit("100otok/day");
    genai_budget_init(&b, l, 2, NOON);
    memset(&why, 0xff, sizeof(why));

    genai_budget_force(&b, &h[0], &a, 100, NOON, &why);
    is_int(why.refused, 0, "what fits is reserved, none would have refused");
    genai_budget_force(&b, &h[1], &a, 100, NOON, &why);
    is_int(why.refused, 1, "what does not fit is told");
    is_int(why.index, 1, "with the limit that would have refused");
    is_int(why.reserved, 60, "and what stood in the way");
    is_int(b.reserved.otok, 120, "it is reserved all the same");

    a.otok = 1;
    is_int(genai_budget_reserve(&b, &h[2], &a, 100, NOON, &why),
           GENAI_DECLINED, "others find no room");
    is_int(why.refused, 1, "they are refused in earnest");
    genai_budget_settle(&b, &h[1], NULL, NOON, NULL);
    genai_budget_release(&b, &h[0]);
    is_int(b.use[1].spent, 60, "settled like any other");
    is_int(genai_budget_reserve(&b, &h[2], &a, 100, NOON, &why), GENAI_OK,
           "and then there is room");
    is_int(why.refused, 0, "which is told, too");
    genai_budget_release(&b, &h[2]);

    a.otok = INT64_MAX;
    genai_budget_force(&b, &h[0], &a, 100, NOON, NULL);
    a.otok = 7;
    genai_budget_force(&b, &h[1], &a, 100, NOON, NULL);
    genai_budget_release(&b, &h[1]);
    ok(b.reserved.otok == INT64_MAX && b.holds == 1,
       "a sum at the end of all numbers gives back no more than it took");
    genai_budget_release(&b, &h[0]);
    is_int(b.reserved.otok, 0, "until all is given back");
}


static void
test_turn(void)
{
    genai_budget_t        b;
    genai_budget_hold_t   h;
    genai_budget_limit_t  l;
    genai_budget_state_t  s;

    l = limit_tz("10req/day", 60);
    genai_budget_init(&b, &l, 1, NOON);

    is_int(spend(&b, 10, NOON), GENAI_OK, "a day's budget is spent");
    is_int(spend(&b, 1, NOON + 82799), GENAI_DECLINED,
           "until 22:59:59 UTC, when the zone is +01:00");
    is_int(take(&b, &h, 6, NOON + 82800, NULL), GENAI_OK,
           "the next day there is room");
    is_int(take(&b, &h, 5, NOON + 82800 + 86400, NULL), GENAI_DECLINED,
           "what is open counts in the day after, too");

    h.amounts.req = 6;
    h.open = 1;
    genai_budget_settle(&b, &h, NULL, NOON + 82800 + 86400, NULL);
    is_int(b.use[0].spent, 6, "and is spent in the day it ends in");
    is_int(spend(&b, 5, NOON + 82800 + 86399), GENAI_DECLINED,
           "a clock set back does not bring the day before back");
    is_int(spend(&b, 4, NOON + 82800 + 86400), GENAI_OK, "the rest is there");
    is_int(spend(&b, 1, NOON - 10 * 86400), GENAI_DECLINED,
           "nor does one set back by days");
    is_int(spend(&b, 1, NOON - 9 * 86400), GENAI_OK,
           "but from its next midnight on it counts as it goes");

    genai_budget_init(&b, &l, 1, NOON);
    spend(&b, 10, NOON + 1000);
    l.tz = 0;
    genai_budget_limits(&b, &l, 1, NOON + 2000);
    is_int(spend(&b, 1, NOON + 2000), GENAI_DECLINED,
           "a zone that changes its time gives no second day");
    l.tz = 60;
    genai_budget_limits(&b, &l, 1, NOON - 7200);
    is_int(spend(&b, 1, NOON - 3600), GENAI_DECLINED,
           "nor does it while the clock is set back over midnight");

    l = limit("10req/1h");
    genai_budget_init(&b, &l, 1, NOON);
    spend(&b, 10, NOON + 5);
    genai_budget_state(&b, 0, NOON + 5, &s);
    is_int(s.reset, NOON + 3840, "a rolling hour frees its sub-window of 240"
           " seconds when all of it has left");
    is_int(spend(&b, 1, NOON + 3839), GENAI_DECLINED, "not before");
    is_int(spend(&b, 1, NOON + 3840), GENAI_OK, "then it does");
    is_int(spend(&b, 10, NOON - 86400), GENAI_DECLINED,
           "a clock set back by a day keeps what was spent");
    is_int(spend(&b, 9, NOON - 86400), GENAI_OK, "no more, no less");
    is_int(spend(&b, 10, NOON - 86400 + 3840), GENAI_OK,
           "for one window");
}


static void
test_share_warn_raise(void)
{
    genai_budget_t          b;
    genai_budget_hold_t     h;
    genai_budget_limit_t    l, two[2];
    genai_budget_amounts_t  a = { 0, 0, 0, 81 };

    l = limit("100req/day");
    genai_budget_init(&b, &l, 1, NOON);

    is_int(genai_budget_reserve(&b, &h, &a, 80, NOON, NULL), GENAI_DECLINED,
           "a class gets its share only");
    is_int(genai_budget_reserve(&b, &h, &a, 100, NOON, NULL), GENAI_OK,
           "others get all");
    is_int(genai_budget_warn(&b, 80, NOON), 0,
           "what is reserved warns nobody");
    genai_budget_settle(&b, &h, NULL, NOON, NULL);
    is_int(genai_budget_warn(&b, 82, NOON), 0, "81 % are not 82 %");
    is_int(genai_budget_warn(&b, 80, NOON), 1, "four fifths spent: a warning");
    spend(&b, 5, NOON);
    is_int(genai_budget_warn(&b, 80, NOON + 10), 0, "one a day");
    is_int(genai_budget_warn(&b, 80, NOON + 86400), 0,
           "none in a day that starts");
    spend(&b, 90, NOON + 86401);
    is_int(genai_budget_warn(&b, 80, NOON + 86401), 1, "one again then");

    is_int(genai_budget_raise(&b, GENAI_BUDGET_USD, 1, NOON, NOON),
           GENAI_DECLINED, "a unit without a limit is not raised");
    is_int(spend(&b, 50, NOON + 86402), GENAI_DECLINED, "no room");
    genai_budget_raise(&b, GENAI_BUDGET_REQ, 40, NOON + 90000, NOON + 86402);
    is_int(spend(&b, 51, NOON + 86403), GENAI_DECLINED, "raised by 40");
    is_int(spend(&b, 50, NOON + 86403), GENAI_OK, "gives just 40 more");
    is_int(spend(&b, 1, NOON + 86403), GENAI_DECLINED, "and no more");
    is_int(genai_budget_idle(&b, NOON + 86403), 0, "spent: not idle");
    is_int(genai_budget_idle(&b, NOON + 2 * 86400), 1, "the next day: idle");
    genai_budget_raise(&b, GENAI_BUDGET_REQ, 40, NOON + 300000, NOON);
    is_int(genai_budget_idle(&b, NOON + 2 * 86400), 0, "raised: not idle");

    two[0] = limit("1kreq/1h");
    two[1] = limit("200req/day");
    genai_budget_init(&b, two, 2, NOON);
    spend(&b, 90, NOON);
    two[0] = limit("100req/day");
    two[1] = limit("5tok/1h");
    genai_budget_limits(&b, two, 2, NOON);
    is_int(b.use[0].spent, 90, "a limit that moved keeps what was spent");
    is_int(b.use[1].spent, 0, "a new one starts at nothing");
    is_int(b.use[0].limit.amount, 100, "with its new amount");
}


static void
test_extremes(void)
{
    genai_budget_t          b;
    genai_budget_hold_t     h[3];
    genai_budget_limit_t    l;
    genai_budget_amounts_t  a = { INT64_MAX, INT64_MAX, INT64_MAX, -5 };

    l = limit("9223372.036854775807usd/day");
    genai_budget_init(&b, &l, 1, NOON);
    is_int(genai_budget_reserve(&b, &h[0], &a, 100, NOON, NULL),
           GENAI_DECLINED, "an amount at the end of all numbers is refused");

    a.usd_pico = INT64_MAX - 1;
    is_int(genai_budget_reserve(&b, &h[0], &a, 100, NOON, NULL), GENAI_OK,
           "one less fits such a limit");
    a.usd_pico = 2;
    is_int(genai_budget_reserve(&b, &h[1], &a, 100, NOON, NULL),
           GENAI_DECLINED, "a sum that would overflow does not");

    l = limit("5req/day");
    genai_budget_init(&b, &l, 1, NOON);
    genai_budget_reserve(&b, &h[2], &a, 100, NOON, NULL);
    is_int(b.reserved.req, 0, "a negative amount is none");
}


/* a model: every settled amount with its time */

#define EVENTS  20000

static int64_t  at[EVENTS], amount[EVENTS];


static void
model_check(const char *text, unsigned seed, int64_t most_step)
{
    int                     i, n, first, refused, wrong, passed, held;
    int64_t                 now, open, w, sum, kept, len, most, lim;
    genai_budget_t          b;
    genai_budget_hold_t     h[8];
    genai_budget_limit_t    l;
    genai_budget_amounts_t  a = { 0, 0, 0, 0 };

    srand(seed);
    l = limit(text);
    genai_budget_init(&b, &l, 1, NOON);
    memset(h, 0, sizeof(h));

    now = NOON;
    n = 0;
    first = 0;
    refused = 0;
    wrong = 0;
    passed = 0;
    open = 0;
    w = l.seconds;
    lim = l.amount;
    len = (w + 14) / 15;
    most = ((w + len - 1) / len + 1) * len;

    while (n < EVENTS) {
        now += rand() % most_step;
        i = rand() % 8;
        held = (int) h[i].amounts.req;

        if (h[i].open) {
            a.req = rand() % (held + 1);
            genai_budget_settle(&b, &h[i], &a, now, NULL);
            open -= held;
            at[n] = now;
            amount[n++] = a.req;

        } else {
            a.req = 1 + rand() % 10;

            /* what must count, and what at most may */

            sum = open;
            kept = open;

            while (first < n && at[first] <= now - w - 2 * len) {
                first++;
            }

            for (i = first; i < n; i++) {
                sum += at[i] > now - w ? amount[i] : 0;
                kept += at[i] > now - most ? amount[i] : 0;
            }

            i = 0;

            while (h[i].open && i < 7) {
                i++;
            }

            if (h[i].open) {
                continue;
            }

            if (genai_budget_reserve(&b, &h[i], &a, 100, now, NULL)
                == GENAI_OK)
            {
                open += a.req;
                passed += sum + a.req > lim;

            } else {
                refused++;
                wrong += kept + a.req <= lim;
            }
        }
    }

    ok(passed == 0 && wrong == 0 && refused > 100,
       "%s: %d settled, %d refused, never passed, none refused that fits"
       " in a window of %d s", text, n, refused,
       (int) most);
    is_int(b.reserved.req, open, "the sum of what is open agrees");
}


int
main(void)
{
    test_spec();
    test_spec_errors();
    test_words();
    test_calendar();
    test_once();
    test_force();
    test_turn();
    test_share_warn_raise();
    test_extremes();
    model_check("40req/10s", 1, 3);
    model_check("60req/1m", 2, 5);
    model_check("30req/1s", 3, 2);
    model_check("100req/1h", 4, 120);
    model_check("80req/100s", 5, 4);

    return done();
}
