/*
 * Budgets written to bytes and read back: what was spent is spent, what is
 * damaged is refused as a whole.
 */

#include "genai_budget_zone.h"
#include "genai_crc32.h"
#include "test.h"


#define NOON  1795392000
#define SIZE  (256 * 1024)


static char                  one[SIZE] __attribute__((aligned(64)));
static char                  two[SIZE] __attribute__((aligned(64)));
static char                  buf[1 << 20];
static uint8_t               seed[16] = "0123456789abcdef";
static genai_budget_limit_t  limits[3];


static void
no_lock(void *data, uint32_t *word)
{
    (void) data;
    (void) word;
}


static const genai_budget_sync_t  sync = { no_lock, no_lock, NULL, NULL };


static void
zone(genai_budget_zone_t *z, char *mem, const char *with, uint32_t shards)
{
    memcpy(seed, with, 16);

    if (genai_budget_zone_init(z, mem, SIZE, 3, shards, seed, &sync)
        != GENAI_OK)
    {
        printf("Bail out! no zone\n");
        exit(1);
    }
}


static genai_budget_call_t
call(const char *key, int64_t n)
{
    genai_budget_call_t  c;

    memset(&c, 0, sizeof(c));
    c.key = genai_strz(key);
    c.limits = limits;
    c.nlimits = 3;
    c.share = 100;
    c.amounts.req = n;
    c.amounts.itok = 10 * n;
    c.amounts.usd_pico = 1000 * n;
    c.pid = 1;
    c.now = NOON;
    c.deadline = NOON + 600;

    return c;
}


static void
spend(genai_budget_zone_t *z, const char *key, int64_t n, int64_t now)
{
    genai_budget_call_t    c;
    genai_budget_handle_t  h;

    c = call(key, n);
    c.now = now;
    genai_budget_zone_reserve(z, &c, &h, NULL);
    genai_budget_zone_settle(z, h, NULL, now, NULL);
}


static void
key_of(char key[80], int i)
{
    snprintf(key, 80, "key %d %060d", i, i);
    key[i % 4 ? 10 : 70] = '\0';
}


static void
on_key(void *data, genai_str_t key, const genai_budget_t *b)
{
    int              i, k;
    char             whole[80];
    genai_budget_t   other;
    struct { genai_budget_zone_t *z; int same, n; } *d = data;

    d->n++;

    if (key.len == GENAI_BUDGET_KEY_TEXT) {
        key_of(whole, atoi(key.data + 4));
        key = genai_strz(whole);
    }

    if (genai_budget_zone_peek(d->z, key, NOON + 400, &other) != GENAI_OK
        || other.nuse != b->nuse || other.holds)
    {
        return;
    }

    for (i = 0; i < (int) b->nuse; i++) {
        /* forecasts are not kept */

        other.use[i].rate = b->use[i].rate;
        k = memcmp(&b->use[i], &other.use[i], sizeof(genai_budget_use_t));

        if (k) {
            return;
        }
    }

    d->same++;
}


static size_t
test_round_trip(void)
{
    int                      i;
    char                     key[80], err[128];
    size_t                   n, m;
    uint32_t                 keys, lost;
    genai_budget_t           b;
    genai_budget_call_t      c;
    genai_budget_zone_t      z, y;
    genai_budget_handle_t    h;
    struct { genai_budget_zone_t *z; int same, n; } d;

    zone(&z, one, "the first seed..", 4);

    for (i = 0; i < 100; i++) {
        key_of(key, i);
        spend(&z, key, i, NOON + i);
        spend(&z, key, 1, NOON + 3 * i);
    }

    genai_budget_zone_raise(&z, genai_strz("raised"), limits, 3,
                            GENAI_BUDGET_REQ, 7, NOON + 9000, NOON);

    ok(genai_budget_zone_snapshot(&z, buf, 100, NOON + 400) == 0,
       "a buffer that is too small is told");

    m = genai_budget_zone_snapshot_size(&z);
    n = genai_budget_zone_snapshot(&z, buf, sizeof(buf), NOON + 400);
    ok(n > 100 && n <= m, "a snapshot has %d bytes of at most %d", (int) n,
       (int) m);

    zone(&y, two, "another seed....", 2);
    is_int(genai_budget_zone_restore(&y, buf, n, NOON + 400, &keys, &lost,
                                     err, sizeof(err)),
           GENAI_OK, "it is read into a zone of other shards and seed");
    is_int(keys, 101, "all keys");
    is_int(lost, 0, "none lost");

    d.z = &y;
    d.same = d.n = 0;
    genai_budget_zone_list(&z, on_key, &d, NOON + 400);
    is_int(d.same, d.n, "each is found by its key, long or short, the same");

    is_int(genai_budget_zone_restore(&y, buf, n, NOON + 400, &keys, &lost,
                                     err, sizeof(err)),
           GENAI_DECLINED, "a zone in use takes none");
    is_int(genai_budget_zone_check(&y), GENAI_OK, "all sums agree");

    c = call("open", 5);
    genai_budget_zone_reserve(&z, &c, &h, NULL);
    n = genai_budget_zone_snapshot(&z, buf, sizeof(buf), NOON + 400);
    zone(&y, two, "another seed....", 1);
    genai_budget_zone_restore(&y, buf, n, NOON + 400, &keys, &lost, err,
                              sizeof(err));
    genai_budget_zone_peek(&y, genai_strz("open"), NOON + 400, &b);
    is_int(b.use[0].spent, 5, "a call that was open then counts as spent");
    is_int(b.holds, 0, "nobody holds it");

    zone(&y, two, "another seed....", 1);
    genai_budget_zone_restore(&y, buf, n, NOON + 90000, &keys, &lost, err,
                              sizeof(err));
    genai_budget_zone_peek(&y, genai_strz("open"), NOON + 90000, &b);
    is_int(b.use[0].spent, 0, "the day after, the day's are gone");

    return n;
}


/* what is not an amount spent: raises, and that a warning was given */

static void
test_marks(void)
{
    size_t                   n;
    genai_budget_call_t      c;
    genai_budget_news_t      news;
    genai_budget_zone_t      z, y;
    genai_budget_limit_t     l;
    genai_budget_state_t     why;
    genai_budget_handle_t    h;

    /* a day that starts at half past five in the afternoon, UTC */

    genai_budget_parse(genai_strz("100req/day"), 390, &l, NULL, 0);
    zone(&z, one, "the first seed..", 4);
    c = call("k", 90);
    c.limits = &l;
    c.nlimits = 1;
    c.warn = 80;
    genai_budget_zone_reserve(&z, &c, &h, NULL);
    genai_budget_zone_settle(&z, h, NULL, NOON, &news);
    is_int(news.warn, 1, "nine tenths are spent: a warning");
    genai_budget_zone_raise(&z, c.key, &l, 1, GENAI_BUDGET_REQ, 50,
                            NOON + 7200, NOON);

    n = genai_budget_zone_snapshot(&z, buf, sizeof(buf), NOON + 60);
    zone(&y, two, "another seed....", 2);
    genai_budget_zone_restore(&y, buf, n, NOON + 120, NULL, NULL, NULL, 0);

    c.now = NOON + 120;
    c.amounts.req = 61;
    is_int(genai_budget_zone_reserve(&y, &c, &h, &why), GENAI_DECLINED,
           "after a restart there is the raise");
    is_int(why.allowed, 150, "as large as before");
    is_int(why.reset, NOON + 86400 - 390 * 60,
           "and the day ends by its own time zone");
    c.amounts.req = 60;
    is_int(genai_budget_zone_reserve(&y, &c, &h, NULL), GENAI_OK,
           "what it leaves is admitted");
    genai_budget_zone_settle(&y, h, NULL, NOON + 120, &news);
    is_int(news.warn, 0, "nobody is warned a second time that day");

    zone(&y, two, "another seed....", 2);
    genai_budget_zone_restore(&y, buf, n, NOON + 7200, NULL, NULL, NULL, 0);
    c.now = NOON + 7200;
    c.amounts.req = 11;
    is_int(genai_budget_zone_reserve(&y, &c, &h, NULL), GENAI_DECLINED,
           "a raise that ended meanwhile has ended");

    c.now = NOON + 86400 - 390 * 60;
    c.deadline = c.now + 600;
    c.amounts.req = 95;
    is_int(genai_budget_zone_reserve(&y, &c, &h, NULL), GENAI_OK,
           "the zone's next day is a new one");
    genai_budget_zone_settle(&y, h, NULL, c.now, &news);
    is_int(news.warn, 1, "with a warning of its own");
}


/* a zone made smaller than the one the snapshot is of */

static void
test_lost(size_t n)
{
    int                        i, spent;
    char                       key[80];
    uint32_t                   keys, lost;
    genai_budget_t             b;
    genai_budget_zone_t        y;
    genai_budget_zone_stat_t   st;

    if (genai_budget_zone_init(&y, two, 32 * 1024, 3, 1, seed, &sync)
        != GENAI_OK)
    {
        printf("Bail out! no zone\n");
        exit(1);
    }

    is_int(genai_budget_zone_restore(&y, buf, n, NOON + 400, &keys, &lost,
                                     NULL, 0),
           GENAI_OK, "a smaller zone takes what it has room for");
    genai_budget_zone_stat(&y, &st);
    ok(keys == st.used && st.used == st.keys && keys + lost == 102,
       "%d keys, and says that %d are lost", (int) keys, (int) lost);

    for (i = 0, spent = 0; i < 100; i++) {
        key_of(key, i);
        spent += genai_budget_zone_peek(&y, genai_strz(key), NOON + 400, &b)
                 == GENAI_OK && b.use[0].spent == i + 1;
    }

    ok(spent >= (int) keys - 2, "those it took are whole");
    is_int(genai_budget_zone_check(&y), GENAI_OK, "all sums agree");
}


static void
fix_crc(char *p, size_t n)
{
    uint32_t  crc;

    memset(p + 12, 0, 4);
    crc = genai_crc32(0, p, n);
    memcpy(p + 12, &crc, 4);
}


static void
refused(size_t n, const char *why, const char *name)
{
    char                       err[128];
    genai_budget_zone_t        y;
    genai_budget_zone_stat_t   st;

    err[0] = '\0';
    zone(&y, two, "another seed....", 1);
    is_int(genai_budget_zone_restore(&y, buf, n, NOON, NULL, NULL, err,
                                     sizeof(err)),
           GENAI_ERROR, name);
    ok(strstr(err, why) != NULL, "the message says why: %s", err);

    genai_budget_zone_stat(&y, &st);
    is_int(st.used, 0, "nothing is taken from it");
}


static void
test_damage(size_t n)
{
    int                        taken;
    char                       err[128], was;
    size_t                     at;
    genai_budget_zone_t        y;
    genai_budget_zone_stat_t   st;

    refused(n - 1, "cut off", "one byte less");
    refused(0, "no snapshot", "an empty file");

    buf[0]++;
    refused(n, "no snapshot", "another file");
    buf[0]--;

    buf[8]++;
    refused(n, "another version", "another version");
    buf[8]--;

    buf[100]++;
    refused(n, "checksum", "a byte changed");
    buf[100]--;

    buf[48]++;
    fix_crc(buf, n);
    refused(n, "cannot be", "a key too many");
    buf[48] -= 2;
    fix_crc(buf, n);
    refused(n, "more keys", "a key too few");
    buf[48]++;
    fix_crc(buf, n);

    taken = 0;
    srand(3);
    zone(&y, two, "another seed....", 1);

    for (at = 0; at < n; at++) {
        taken += genai_budget_zone_restore(&y, buf, at, NOON, NULL, NULL,
                                           err, sizeof(err)) != GENAI_ERROR;
    }

    is_int(taken, 0, "cut after any byte it is refused");

    for (at = 0; at < n; at++) {
        was = buf[at];
        buf[at] ^= (char) (1 + rand() % 255);
        taken += genai_budget_zone_restore(&y, buf, n, NOON, NULL, NULL, err,
                                           sizeof(err)) != GENAI_ERROR;
        buf[at] = was;
    }

    genai_budget_zone_stat(&y, &st);
    ok(taken == 0 && st.used == 0, "with any byte changed, too");
}


int
main(void)
{
    size_t  n;

    genai_budget_parse(genai_strz("1000req/day"), 0, &limits[0], NULL, 0);
    genai_budget_parse(genai_strz("1Mtok/1h"), 0, &limits[1], NULL, 0);
    genai_budget_parse(genai_strz("10usd/month"), 60, &limits[2], NULL, 0);

    n = test_round_trip();
    test_lost(n);
    test_damage(n);
    test_marks();

    return done();
}
