/*
 * Learned estimates and rates where budgets lie in shared memory; requests
 * are spent when they are sent, and what is not known is settled at what was
 * reserved.
 */

#include "budget_lock.h"
#include "test.h"


#define SIZE  (1024 * 1024)
#define NOW   1795392000            /* 2026-11-23 00:00:00 UTC */
#define USD   GENAI_PICO_PER_USD


static genai_budget_zone_t   zone;
static genai_budget_limit_t  limits[2];
static uint32_t              me;

static const genai_budget_sync_t  locks = { pid_lock, pid_unlock, NULL, &me };


static void
start(const char *a, const char *b)
{
    void           *mem;
    char            err[256];
    static uint8_t  seed[16];

    mem = aligned_alloc(4096, SIZE);

    if (genai_budget_parse(genai_strz(a), 0, &limits[0], err, sizeof(err))
        != GENAI_OK
        || genai_budget_parse(genai_strz(b), 0, &limits[1], err, sizeof(err))
           != GENAI_OK
        || genai_budget_zone_init(&zone, mem, SIZE, 2, 1, seed, &locks)
           != GENAI_OK)
    {
        printf("Bail out! no zone\n");
        exit(1);
    }
}


static int
reserve(const genai_budget_amounts_t *bound, int learned,
    genai_budget_handle_t *h, int64_t now)
{
    genai_budget_call_t  c;

    memset(&c, 0, sizeof(c));
    c.key = genai_strz("acme");
    c.limits = limits;
    c.nlimits = 2;
    c.share = 100;
    c.amounts = *bound;
    c.learned = learned;
    c.pid = (int32_t) me;
    c.deadline = now + 600;
    c.now = now;

    return genai_budget_zone_reserve(&zone, &c, h, NULL);
}


static genai_budget_t
peek(int64_t now)
{
    genai_budget_t  b;

    memset(&b, 0, sizeof(b));
    (void) genai_budget_zone_peek(&zone, genai_strz("acme"), now, &b);

    return b;
}


static void
test_unknown(void)
{
    genai_budget_t           b;
    genai_budget_handle_t    h;
    genai_budget_amounts_t   bound = { 5 * USD, 1000, 2000, 1 };
    genai_budget_amounts_t   part = { -1, 700, -1, -1 };

    start("100usd/day", "100000tok/1h");

    reserve(&bound, 0, &h, NOW);
    genai_budget_zone_settle(&zone, h, &part, NOW, NULL);
    b = peek(NOW);

    is_int(b.use[0].spent, 5 * USD, "no cost: settled at the reservation");
    is_int(b.use[1].spent, 2700, "input as said, output as reserved");
    is_int(b.reserved.itok, 0, "nothing stays reserved");
}


static void
test_learned(void)
{
    int                      i, n;
    genai_budget_t           b;
    genai_budget_handle_t    h[64];
    genai_budget_amounts_t   bound = { 5 * USD, 1000, 2000, 1 };
    genai_budget_amounts_t   used = { USD / 4, 100, 150, 1 };
    genai_budget_amounts_t   unknown = { -1, -1, -1, -1 };

    start("100usd/day", "10Mtok/1h");

    for (i = 0; i < GENAI_BUDGET_SAMPLES; i++) {
        reserve(&bound, 1, &h[0], NOW + i);
        b = peek(NOW + i);

        if (b.reserved.usd_pico != bound.usd_pico) {
            break;
        }

        genai_budget_zone_settle(&zone, h[0], &used, NOW + i, NULL);
    }

    is_int(i, GENAI_BUDGET_SAMPLES, "the first calls reserve their bound");

    reserve(&bound, 1, &h[0], NOW + 20);
    b = peek(NOW + 20);
    ok(b.reserved.usd_pico >= USD / 4 && b.reserved.usd_pico < USD / 2,
       "then about what is used: %lld of %lld", (long long)
       b.reserved.usd_pico, (long long) bound.usd_pico);

    genai_budget_zone_settle(&zone, h[0], &unknown, NOW + 20, NULL);
    reserve(&bound, 0, &h[0], NOW + 20);
    b = peek(NOW + 20);
    is_int(b.reserved.usd_pico, bound.usd_pico, "if it is asked for");
    genai_budget_zone_release(&zone, h[0]);

    for (n = 0; n < 64; n++) {
        if (reserve(&bound, 1, &h[n], NOW + 21) != GENAI_OK) {
            break;
        }
    }

    is_int(n, 64, "more calls at once than bounds would admit (19)");

    for (i = 0; i < n; i++) {
        genai_budget_zone_settle(&zone, h[i], &used, NOW + 21, NULL);
    }

    b = peek(NOW + 21);
    ok(b.use[0].spent <= 100 * USD, "and the limit has held here");
}


static void
test_rates(void)
{
    int                      i;
    double                   rate;
    genai_budget_t           b;
    genai_budget_state_t     s;
    genai_budget_handle_t    h;
    genai_budget_amounts_t   bound = { USD, 1000, 2000, 1 };
    genai_budget_amounts_t   used = { USD / 100, 100, 150, 1 };

    start("100usd/day", "10Mtok/1h");

    for (i = 0; i < 3000; i++) {
        reserve(&bound, 0, &h, NOW + i);
        genai_budget_zone_settle(&zone, h, &used, NOW + i, NULL);
    }

    b = peek(NOW + i);
    rate = genai_budget_rate(&b.use[0].rate, &b.use[0].limit,
                             (uint64_t) (NOW + i) * 1000);
    ok(rate > 0.0095 * USD && rate < 0.0105 * USD,
       "a cent a second is seen: %.5f USD", rate / USD);

    genai_budget_state(&b, 0, NOW + i, &s);
    ok(llabs((long long) genai_budget_exhausted(&s, rate, NOW + i)
             - (NOW + i + 7000)) < 200,
       "70 USD are left for 7,000 seconds");
}


/* a minute's requests are those sent in it, not those that end in it */

static void
test_sent(void)
{
    int                      i, n;
    genai_budget_t           b;
    genai_budget_handle_t    h[70];
    genai_budget_amounts_t   bound = { 0, 10, 20, 1 };
    genai_budget_amounts_t   used = { 0, 10, 20, 1 };

    start("60req/minute", "1Mtok/1h");

    for (n = 0; n < 70; n++) {
        if (reserve(&bound, 0, &h[n], NOW + 10) != GENAI_OK) {
            break;
        }

        genai_budget_zone_sent(&zone, h[n]);
        genai_budget_zone_sent(&zone, h[n]);
    }

    is_int(n, 60, "60 calls in a minute, all of them still open");
    b = peek(NOW + 10);
    is_int(b.use[0].spent, 60, "their requests are spent");
    is_int(b.reserved.req, 0, "not reserved");
    is_int(b.reserved.otok, 60 * 20, "their tokens are");

    i = reserve(&bound, 0, &h[n], NOW + 60);
    is_int(i, GENAI_OK, "the next minute is a new one, though they go on");
    genai_budget_zone_release(&zone, h[n]);

    for (i = 0; i < n; i++) {
        genai_budget_zone_settle(&zone, h[i], &used, NOW + 65, NULL);
    }

    b = peek(NOW + 65);
    is_int(b.use[0].spent, 0, "their end spends no request again");
    is_int(b.use[1].spent, 60 * 30, "but their tokens");

    reserve(&bound, 0, &h[0], NOW + 66);
    genai_budget_zone_release(&zone, h[0]);
    b = peek(NOW + 66);
    is_int(b.use[0].spent + b.reserved.req, 0,
           "a call that was not sent is no request");

    reserve(&bound, 0, &h[0], NOW + 67);
    genai_budget_zone_settle(&zone, h[0], &used, NOW + 67, NULL);
    b = peek(NOW + 67);
    is_int(b.use[0].spent, 1, "one that is settled is, told as sent or not");

    reserve(&bound, 0, &h[0], NOW + 70);
    reserve(&bound, 0, &h[1], NOW + 250);
    genai_budget_zone_sent(&zone, h[1]);
    genai_budget_zone_sent(&zone, h[0]);
    reserve(&bound, 0, &h[2], NOW + 251);
    b = peek(NOW + 251);
    is_int(b.use[0].spent, 2, "one that waited three minutes to be sent does"
           " not turn the window back, and on again to nothing");
}


int
main(void)
{
    me = (uint32_t) getpid();

    test_unknown();
    test_learned();
    test_rates();
    test_sent();

    is_int(genai_budget_zone_check(&zone), GENAI_OK, "all sums agree");

    return done();
}
