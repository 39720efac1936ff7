/*
 * Budgets in shared memory against a model: several limits at once, windows
 * that roll and windows of the calendar, time zones, raises, warnings,
 * classes, forced calls, limits that change, clocks that step, and several
 * processes, any of which may die between two stores.
 *
 * The model keeps each amount with its time and each open call, and adds them
 * up when it is asked.  After each operation all keys must be as it says;
 * one whose process died must have happened as a whole or not at all.
 */

#include "budget_crash.h"
#include "budget_lock.h"
#include "budget_model.h"
#include "test.h"


#define NOON     1795392000            /* 2026-11-23 00:00:00 UTC */
#define KEYS     14
#define OPEN     24
#define PROCS    3
#define SETS     6
#define DONE     10                    /* the step after a section's end */


typedef struct {
    genai_budget_handle_t   h;         /* 0: its owner died before it knew */
    int                     open;
    int                     key;
    int                     sent;
    int32_t                 pid;
    uint32_t                warn;
    int64_t                 asked;
    int64_t                 deadline;
    genai_budget_amounts_t  held;
} call_t;


typedef enum {
    RESERVE, SENT, SETTLE, RELEASE, EXTEND, RAISE, SWEEP, LATE
} kind_e;


/* one thing that a process does, and what came of it */

typedef struct {
    kind_e                  kind;
    int                     call;      /* index */
    int                     key;
    int                     proc;
    int                     rc;
    int                     died;      /* at this step, 0: lives */
    int                     all_used;  /* settle at what is reserved */
    int                     quiet;     /* nobody asks for news */
    int64_t                 add;
    int64_t                 until;
    uint8_t                 unit;
    uint64_t                full;      /* before */
    genai_budget_call_t     c;
    genai_budget_amounts_t  used;
    genai_budget_handle_t   h;
    genai_budget_state_t    why;
    genai_budget_news_t     news;
    genai_budget_swept_t    swept;
} op_t;


typedef struct {
    const char             *name;
    size_t                  size;
    uint32_t                shards;
    int                     back;      /* clocks step back */
    unsigned                seed;
    int                     ops;
} plan_t;


static budget_t              keys[KEYS];
static call_t                calls[OPEN];
static int32_t               procs[PROCS];
static char                  names[KEYS][16];
static genai_budget_limit_t  sets[SETS][GENAI_BUDGET_LIMITS];
static uint32_t              nset[SETS];
static char                  memory[512 * 1024] __attribute__((aligned(64)));

static genai_budget_zone_t   z;
static const plan_t         *plan;
static op_t                  op;
static int64_t               now;
static uint32_t              set;
static int32_t               last_pid;
static int                   shown;
static genai_budget_handle_t ended;

static struct {
    int  wrong, unsound, passed;
    int  crashes, mends, refused, forced, full, warned, over, swept, late;
    int  back, reloads;
} count;


static void
wrong(const char *what)
{
    count.wrong++;

    if (shown++ < 5) {
        printf("#   %s: operation %d on key %d, step %d: %s\n", plan->name,
               op.kind, op.key, op.died, what);
    }
}


/* --- the model's budgets --- */

static void
reserved(int key, genai_budget_amounts_t *sum, uint32_t *n)
{
    int  i;

    memset(sum, 0, sizeof(*sum));
    *n = 0;

    for (i = 0; i < OPEN; i++) {
        if (calls[i].open && calls[i].key == key) {
            sum->usd_pico += calls[i].held.usd_pico;
            sum->itok += calls[i].held.itok;
            sum->otok += calls[i].held.otok;
            sum->req += calls[i].held.req;
            ++*n;
        }
    }
}


static void
model_reserve(void)
{
    int                      fits, passed;
    use_t                   *u;
    call_t                  *c;
    int64_t                  sum, most;
    uint32_t                 i, n;
    budget_t                *b;
    genai_budget_amounts_t   open;

    b = &keys[op.key];
    set_limits(b, sets[set], nset[set], now);
    reserved(op.key, &open, &n);
    fits = 1;
    passed = 0;

    for (i = 0; i < b->nuse; i++) {
        u = &b->use[i];
        turn(u, now);
        sum = unit_of(&open, u->limit.unit)
              + unit_of(&op.c.amounts, u->limit.unit);
        most = allowed(u, op.c.share, now);
        fits &= sum + sum_at(u, now) <= most;
        passed |= sum + true_sum(u, now) > most;
    }

    count.passed += passed && fits && !plan->back;

    count.refused += !fits && !op.c.force;
    count.forced += !fits && op.c.force;

    if (!op.died) {
        if (op.rc != (fits || op.c.force ? GENAI_OK : GENAI_DECLINED)) {
            wrong(fits ? "what fits is refused" : "what does not fit is not");
        }

        if (op.why.refused != !fits || (op.h != 0) != (op.rc == GENAI_OK)) {
            wrong("it is told otherwise");
        }
    }

    if (!fits && !op.c.force) {
        return;
    }

    c = &calls[op.call];
    c->h = op.died ? 0 : op.h;
    c->open = 1;
    c->key = op.key;
    c->sent = 0;
    c->pid = op.c.pid;
    c->warn = op.c.warn;
    c->asked = now;
    c->deadline = op.c.deadline;
    c->held = op.c.amounts;
}


static void
model_sent(call_t *c)
{
    uint32_t   i;
    budget_t  *b;

    b = &keys[c->key];

    for (i = 0; i < b->nuse && !c->sent; i++) {
        if (b->use[i].limit.unit == GENAI_BUDGET_REQ) {
            spend(&b->use[i], c->held.req, c->asked);
        }
    }

    c->sent = 1;
    c->held.req = 0;
}


static void
model_settle(call_t *c, const genai_budget_amounts_t *used, int news)
{
    int64_t                  sum[GENAI_BUDGET_LIMITS];
    uint32_t                 i, over, warn;
    budget_t                *b;
    genai_budget_amounts_t   a;

    a = used ? *used : c->held;
    a.usd_pico = a.usd_pico < 0 ? c->held.usd_pico : a.usd_pico;
    a.itok = a.itok < 0 ? c->held.itok : a.itok;
    a.otok = a.otok < 0 ? c->held.otok : a.otok;
    a.req = c->sent ? 0 : a.req < 0 ? c->held.req : a.req;

    b = &keys[c->key];
    c->open = 0;
    ended = c->h ? c->h : ended;
    over = 0;
    warn = 0;

    for (i = 0; i < b->nuse; i++) {
        turn(&b->use[i], now);
        spend(&b->use[i], unit_of(&a, b->use[i].limit.unit), now);
        sum[i] = sum_at(&b->use[i], now);
        over |= (uint32_t) (sum[i] > allowed(&b->use[i], 100, now)) << i;
        warn |= (uint32_t) (news && c->warn
                            && warns(&b->use[i], c->warn, now)) << i;
    }

    count.over += over != 0;
    count.warned += warn != 0;

    if (!news || op.died) {
        return;
    }

    if (op.news.over != over || op.news.warn != warn) {
        wrong("another limit is told of");
    }

    for (i = 0; (over | warn) && i < b->nuse; i++) {
        if (op.news.state[i].spent != sum[i]) {
            wrong("another sum is told");
        }
    }
}


static void
model_raise(void)
{
    int  rc;

    set_limits(&keys[op.key], sets[set], nset[set], now);
    rc = raise_limits(&keys[op.key], op.unit, op.add, op.until, now)
         ? GENAI_OK : GENAI_DECLINED;

    if (!op.died && op.rc != rc) {
        wrong("a raise says otherwise");
    }
}


static int
alive(int32_t pid)
{
    int  i;

    for (i = 0; i < PROCS; i++) {
        if (procs[i] == pid) {
            return 1;
        }
    }

    return 0;
}


static void
model_sweep(void)
{
    int       i;
    call_t   *c;
    uint32_t  settled, released;

    settled = released = 0;

    for (i = 0; i < OPEN; i++) {
        c = &calls[i];

        if (!c->open || (alive(c->pid) && now < c->deadline)) {
            continue;
        }

        if (alive(c->pid) || c->sent) {
            model_settle(c, NULL, 0);
            settled++;

        } else {
            c->open = 0;
            ended = c->h ? c->h : ended;
            released++;
        }
    }

    count.swept += (int) (settled + released);

    /* a sweep whose process died is done by others */

    if (!op.died
        && (op.swept.settled != settled || op.swept.released != released))
    {
        wrong("a sweep ended others");
    }
}


static void
model_apply(void)
{
    call_t  *c;

    c = &calls[op.call];

    switch (op.kind) {

    case RESERVE:
        model_reserve();
        break;

    case SENT:
        model_sent(c);
        break;

    case SETTLE:
        model_settle(c, op.all_used ? NULL : &op.used, !op.quiet);
        break;

    case RELEASE:
        c->open = 0;
        ended = c->h;
        break;

    case EXTEND:
        c->deadline = op.c.deadline;
        break;

    case RAISE:
        model_raise();
        break;

    case SWEEP:
        model_sweep();
        break;

    case LATE:
        break;
    }
}


/* --- the zone against it --- */

static int
differs(int k)
{
    use_t                   *u;
    uint32_t                 i, n;
    budget_t                *b;
    genai_budget_t           got;
    genai_budget_amounts_t   open;

    b = &keys[k];
    reserved(k, &open, &n);

    if (genai_budget_zone_peek(&z, genai_strz(names[k]), now, &got)
        != GENAI_OK || got.nuse == 0)
    {
        /* not seen yet, or forgotten: there must be nothing to know */

        for (i = 0; i < b->nuse; i++) {
            u = &b->use[i];
            n += sum_at(u, now) != 0 || (u->raised && now < u->until);
        }

        b->nuse = 0;

        return n != 0;
    }

    if (got.nuse != b->nuse || got.holds != n
        || memcmp(&got.reserved, &open, sizeof(open)) != 0)
    {
        return 1;
    }

    for (i = 0; i < b->nuse; i++) {
        u = &b->use[i];

        if (memcmp(&got.use[i].limit, &u->limit, sizeof(u->limit)) != 0
            || got.use[i].spent != sum_at(u, now)
            || got.use[i].raised != u->raised
            || got.use[i].raised_until != u->until)
        {
            return 1;
        }
    }

    return 0;
}


static void
compare(void)
{
    int  k;

    for (k = 0; k < KEYS; k++) {
        if (differs(k)) {
            wrong("a key is not as the model says");
        }
    }

    if (genai_budget_zone_check(&z) != GENAI_OK) {
        count.unsound++;
    }
}


static int
is_dead(void *data, int32_t pid, uint64_t start)
{
    (void) data;

    return start == (uint64_t) pid && !alive(pid);
}


static void
run(void)
{
    genai_str_t  name;

    name = genai_strz(names[op.key]);

    switch (op.kind) {

    case RESERVE:
        op.rc = genai_budget_zone_reserve(&z, &op.c, &op.h, &op.why);
        break;

    case SENT:
        op.rc = genai_budget_zone_sent(&z, op.h);
        break;

    case SETTLE:
        op.rc = genai_budget_zone_settle(&z, op.h,
                                         op.all_used ? NULL : &op.used, now,
                                         op.quiet ? NULL : &op.news);
        break;

    case RELEASE:
        op.rc = genai_budget_zone_release(&z, op.h);
        break;

    case EXTEND:
        op.rc = genai_budget_zone_extend(&z, op.h, op.c.deadline);
        break;

    case RAISE:
        op.rc = genai_budget_zone_raise(&z, name, sets[set], nset[set],
                                        op.unit, op.add, op.until, now);
        break;

    case SWEEP:
        genai_budget_zone_sweep(&z, is_dead, NULL, now, &op.swept);
        op.rc = GENAI_OK;
        break;

    case LATE:
        op.rc = genai_budget_zone_settle(&z, op.h, &op.used, now, NULL);
        break;
    }
}


/* others go on: they find the section, and may die while they mend it */

static void
bury(void)
{
    genai_budget_t            b;
    genai_budget_zone_stat_t  st;

    count.crashes++;
    op.died = died_at;

    if (sigsetjmp(dead, 1)) {
        count.mends++;
    }

    fuse = rand() % 2 ? 0 : 1 + rand() % 3;
    genai_budget_zone_stat(&z, &st);

    if (op.kind == SWEEP) {
        fuse = rand() % 2 ? 0 : 1 + rand() % 40;
        genai_budget_zone_sweep(&z, is_dead, NULL, now, &op.swept);
        fuse = 0;
        model_apply();
        procs[op.proc] = ++last_pid;
        return;
    }

    fuse = 0;
    procs[op.proc] = ++last_pid;

    if (op.died != DONE
        || (op.kind == RESERVE && st.full > op.full)
        || (op.kind == RAISE
            && (genai_budget_zone_peek(&z, genai_strz(names[op.key]), now,
                                       &b)
                != GENAI_OK || b.nuse == 0)))
    {
        return;
    }

    model_apply();
}


static void
check_rc(void)
{
    if (op.rc == GENAI_AGAIN && (op.kind == RESERVE || op.kind == RAISE)) {
        count.full++;
        return;
    }

    if (op.kind == LATE) {
        count.late++;

        if (op.rc != GENAI_DECLINED) {
            wrong("a call is settled twice");
        }

        return;
    }

    if (op.kind == SENT && calls[op.call].sent) {
        op.rc = GENAI_OK;
    }

    if (op.kind != RESERVE && op.kind != RAISE && op.rc != GENAI_OK) {
        wrong("an open call is not known");
    }

    model_apply();
}


/* --- what comes next --- */

static int64_t
some(int64_t most)
{
    return rand() % (most + 1);
}


static void
next_reserve(void)
{
    static const uint32_t  percent[] = { 0, 50, 80, 100 };

    memset(&op.c, 0, sizeof(op.c));
    op.kind = RESERVE;
    op.c.key = genai_strz(names[op.key]);
    op.c.limits = sets[set];
    op.c.nlimits = nset[set];
    op.c.share = percent[1 + some(2)];
    op.c.warn = percent[some(3)];
    op.c.force = some(15) == 0;
    op.c.amounts.usd_pico = some(9);
    op.c.amounts.itok = some(9);
    op.c.amounts.otok = some(9);
    op.c.amounts.req = 1;
    op.c.pid = procs[op.proc];
    op.c.start = (uint64_t) op.c.pid;
    op.c.deadline = now + some(20000);
    op.c.now = now;
    memset(&op.why, 0xff, sizeof(op.why));
}


static void
next_settle(const call_t *c)
{
    op.kind = SETTLE;
    op.all_used = some(7) == 0;
    op.quiet = some(7) == 0;
    op.used.usd_pico = some(c->held.usd_pico + 1) - (some(9) == 0);
    op.used.itok = some(c->held.itok);
    op.used.otok = some(c->held.otok) + some(9) / 9 * 30
                   - (some(9) == 0);
    op.used.req = some(4) ? 1 : -1;
}


static void
next_op(void)
{
    int                       i;
    call_t                   *c;
    genai_budget_zone_stat_t  st;

    genai_budget_zone_stat(&z, &st);
    op.full = st.full;
    op.died = 0;
    op.proc = rand() % PROCS;
    op.key = rand() % KEYS;
    op.call = rand() % OPEN;
    c = &calls[op.call];

    if (some(24) == 0) {
        op.kind = SWEEP;
        return;
    }

    if (some(24) == 0) {
        op.kind = RAISE;
        op.unit = (uint8_t) some(GENAI_BUDGET_UNIT_N - 1);
        op.add = some(30);
        op.until = now + some(90000);
        return;
    }

    if (ended && some(24) == 0) {
        op.kind = LATE;
        op.h = ended;
        return;
    }

    if (!c->open) {
        next_reserve();
        return;
    }

    if (!alive(c->pid) || c->h == 0) {
        op.kind = SWEEP;
        return;
    }

    op.key = c->key;
    op.h = c->h;

    for (i = 0; procs[i] != c->pid; i++) { /* void */ }

    op.proc = i;
    i = rand() % 8;
    op.kind = i < 3 ? SENT : i == 3 ? RELEASE : EXTEND;

    if (op.kind == EXTEND) {
        op.c.deadline = now + some(20000);
    }

    if (i > 4) {
        next_settle(c);
    }
}


/* mostly a little; to the second of a boundary, or beside it; and back */

static void
next_time(void)
{
    int64_t                      t;
    const genai_budget_limit_t  *l;

    switch (rand() % 32) {

    case 0:
        now += some(2000);
        break;

    case 1:
        l = &sets[set][rand() % (int) nset[set]];
        t = some(2) ? genai_budget_next(l, now)
                    : keys[rand() % KEYS].use[0].until;
        t += some(2) - 1;

        if (t - now >= (plan->back ? -5 : 0) && t - now < 3 * 86400) {
            now = t;
        }

        break;

    case 2:
        if (some(60) == 0) {
            now += some(40 * 86400);

        } else if (plan->back && some(10) == 0) {
            now -= some(1) ? some(100) : some(1) ? some(8000)
                                                 : some(3 * 86400);
            count.back++;
        }

        break;

    default:
        now += some(4);
    }

    if (some(400) == 0) {
        set = (uint32_t) rand() % SETS;
        count.reloads++;

        if (genai_budget_zone_attach(&z, memory, plan->size,
                                     GENAI_BUDGET_LIMITS, plan->shards,
                                     &z.sync)
            != GENAI_OK)
        {
            wrong("a new configuration does not find the zone");
        }
    }
}


static void
start(const plan_t *p)
{
    int                        i;
    static const uint8_t       seed[16] = "0123456789abcdef";
    const genai_budget_sync_t  sync = {
        plain_lock, pid_unlock, on_step, NULL
    };

    plan = p;
    srand(p->seed);
    memset(keys, 0, sizeof(keys));
    memset(calls, 0, sizeof(calls));
    memset(&count, 0, sizeof(count));
    memset(memory, 0xa5, sizeof(memory));
    ended = 0;
    fuse = 0;
    set = 0;
    now = NOON;

    for (i = 0; i < PROCS; i++) {
        procs[i] = ++last_pid;
    }

    if (genai_budget_zone_init(&z, memory, p->size, GENAI_BUDGET_LIMITS,
                               p->shards, seed, &sync)
        != GENAI_OK)
    {
        printf("Bail out! no zone\n");
        exit(1);
    }
}


static void
check(const plan_t *p)
{
    int                       i;
    genai_budget_zone_stat_t  st;

    start(p);

    for (i = 0; i < p->ops; i++) {
        next_time();
        compare();
        next_op();

        if (sigsetjmp(dead, 1) == 0) {
            fuse = rand() % 12 ? 0 : 1 + rand() % 16;
            run();
            fuse = 0;
            check_rc();

        } else {
            bury();
        }

        compare();
    }

    genai_budget_zone_stat(&z, &st);

    ok(count.wrong == 0 && count.unsound == 0 && count.passed == 0,
       "%s: %d operations, %d processes died in one: all as the model says",
       p->name, p->ops, count.crashes);

    printf("#   %d limits passed, %d unsound; %d refused, %d forced, %d full,"
           " %d warnings, %d over, %d swept, %d late, %d died mending,"
           " %d undone, %d forgotten, %d steps back, %d reloads\n",
           count.passed, count.unsound, count.refused, count.forced,
           count.full, count.warned, count.over, count.swept, count.late,
           count.mends, (int) st.repaired, (int) st.evicted, count.back,
           count.reloads);

    ok(count.crashes > p->ops / 50 && count.refused > p->ops / 100
       && count.forced > 50 && count.warned > 50 && count.over > 50
       && count.swept > 50 && count.late > 50 && count.mends > 50
       && (p->back ? count.back > 50 : count.full > 50 && st.evicted > 50),
       "%s: everything that may happen did", p->name);
}


static void
add_set(int i, int tz, const char *a, const char *b, const char *c,
    const char *d)
{
    int          n;
    char         err[256];
    const char  *text[] = { a, b, c, d };

    for (n = 0; n < GENAI_BUDGET_LIMITS && text[n]; n++) {
        if (genai_budget_parse(genai_strz(text[n]), tz, &sets[i][n], err,
                               sizeof(err))
            != GENAI_OK)
        {
            printf("Bail out! %s: %s\n", text[n], err);
            exit(1);
        }
    }

    nset[i] = (uint32_t) n;
}


/* another run than the one in the suite: any number as an argument */

int
main(int argc, char *argv[])
{
    int     i;
    plan_t  plans[] = {
        { "clocks that step back", 512 * 1024, 4, 1, 1, 40000 },
        { "a zone too small", 10 * 1024, 1, 0, 2, 40000 },
        { "shards too small", 20 * 1024, 4, 0, 3, 40000 }
    };

    for (i = 0; i < KEYS; i++) {
        snprintf(names[i], sizeof(names[i]), "key%d", i);
    }

    add_set(0, 0, "40otok/day", "60tok/1h", "15req/minute", "90itok/10s");
    add_set(1, 330, "60otok/day", "60tok/1h", "25req/minute", "300tok/month");
    add_set(2, -480, "60tok/1h", "30req/5m", "200usd/week", NULL);
    add_set(3, 0, "25otok/1s", "35otok/7s", "45otok/100s", "70otok/hour");
    add_set(4, 60, "30otok/minute", "0.000000000050usd/hour",
            "40req/5m", "50req/5m");
    add_set(5, 0, "20tok/1h", NULL, NULL, NULL);

    for (i = 0; i < 3; i++) {
        plans[i].seed += argc > 1 ? 3 * (unsigned) atoi(argv[1]) : 0;
        check(&plans[i]);
    }

    return done();
}
