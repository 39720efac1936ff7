/*
 * What a reservation, its sending and its settlement cost, over 10,000 keys,
 * and whether two processes on one zone do twice as much as one.
 *
 *     bench_budget
 */

#define _GNU_SOURCE

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

#include "budget_lock.h"


#define KEYS   10000
#define TURNS  1000000
#define ROUND  2000                 /* calls: half a millisecond */
#define BLOCK  60                   /* rounds */
#define FIRST  25                   /* of a block: left out */
#define ROUNDS (4 * 10 * BLOCK)
#define NOON   1795392000
#define HANDS  1000
#define CALLS  20000                /* a second, by the zone's clock */

#define MOST_US    1.5              /* the bars */
#define LEAST_TWO  1.8
#define SIZE   (32 * 1024 * 1024)


static char  names[KEYS][24];


static double
now(clockid_t id)
{
    struct timespec  ts;

    clock_gettime(id, &ts);

    return ts.tv_sec * 1e9 + ts.tv_nsec;
}


/* nanoseconds of CPU for one call */

static double
run(genai_budget_zone_t *z, const genai_budget_limit_t *l, uint32_t n,
    unsigned keys, unsigned turns, unsigned seed, int64_t at)
{
    double                  start;
    unsigned                i, k;
    genai_budget_call_t     c;
    genai_budget_news_t     news;
    genai_budget_handle_t   h;
    genai_budget_amounts_t  used = { 12345678, 900, 100, 1 };

    memset(&c, 0, sizeof(c));
    c.limits = l;
    c.nlimits = n;
    c.share = 100;
    c.warn = 80;
    c.amounts = used;
    c.pid = 1;
    c.deadline = at + 600;
    k = seed;
    start = now(CLOCK_PROCESS_CPUTIME_ID);

    for (i = 0; i < turns; i++) {
        k = k * 1103515245 + 12345;
        c.key = genai_strz(names[(k >> 8) % keys]);
        c.now = at + i / CALLS;

        if (genai_budget_zone_reserve(z, &c, &h, NULL) != GENAI_OK
            || genai_budget_zone_sent(z, h) != GENAI_OK
            || genai_budget_zone_settle(z, h, &used, c.now, &news)
               != GENAI_OK)
        {
            fprintf(stderr, "a call was refused\n");
            exit(1);
        }
    }

    return (now(CLOCK_PROCESS_CPUTIME_ID) - start) / turns;
}


/*
 * One process, and two at once on one zone, and two on zones of their own,
 * which is what the machine has to give; and how long the processors take to
 * hand a line of memory over, which depends on whether they share a cache and
 * is most of what two processes on one zone pay.  They take turns in blocks
 * of short rounds; those of two begin together.  The first rounds of a block
 * find what others left in the caches, and a round in which somebody waited
 * for a processor says nothing: both are left out.  Of the rest the best
 * quarter is taken, by the CPU time that their calls took.
 */

typedef enum {
    ONE, TWO, APART, HAND, WAYS
} way_e;


typedef struct {
    uint32_t  go;                      /* number of the round */
    uint32_t  ready;
    uint32_t  done;
    way_e     way;                     /* ONE: the second has it off */
    double    took;
    uint32_t  ball __attribute__((aligned(128)));
} rounds_t;


static void
wait_for(uint32_t *word, uint32_t v)
{
    while (__atomic_load_n(word, __ATOMIC_ACQUIRE) != v) {
        /* void */
    }
}


/* nanoseconds for one way; from: 0 has the ball first */

static double
hand_over(uint32_t *ball, uint32_t from)
{
    double    start;
    uint32_t  i;

    start = now(CLOCK_PROCESS_CPUTIME_ID);

    for (i = from; i < 2 * HANDS; i += 2) {
        wait_for(ball, i);
        __atomic_store_n(ball, i + 1, __ATOMIC_RELEASE);
    }

    return (now(CLOCK_PROCESS_CPUTIME_ID) - start) / (2 * HANDS);
}


/* a processor for each, else both may find themselves on one */

static void
pin(unsigned cpu)
{
    cpu_set_t  set;

    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    (void) sched_setaffinity(0, sizeof(set), &set);
}


static pid_t
second(genai_budget_zone_t z[2], const genai_budget_limit_t *l, unsigned keys,
    rounds_t *r)
{
    pid_t      pid;
    uint32_t   n, me;

    memset(r, 0, sizeof(rounds_t));
    pid = fork();

    if (pid != 0) {
        return pid;
    }

    pin(1);
    me = (uint32_t) getpid();
    z[0].sync.data = &me;
    z[1].sync.data = &me;

    for (n = 1; n <= ROUNDS; n++) {
        __atomic_store_n(&r->ready, n, __ATOMIC_RELEASE);
        wait_for(&r->go, n);

        if (r->way == HAND) {
            r->took = hand_over(&r->ball, 1);

        } else if (r->way != ONE) {
            r->took = run(&z[r->way == APART], l, 1, keys, ROUND, n * 7919,
                          NOON + n * ROUND / CALLS);
        }

        __atomic_store_n(&r->done, n, __ATOMIC_RELEASE);
    }

    _exit(0);
}


static int
faster(const void *a, const void *b)
{
    double  x, y;

    x = *(const double *) a;
    y = *(const double *) b;

    return x < y ? -1 : x > y;
}


static double
best_quarter(double *v, unsigned n)
{
    double    sum;
    unsigned  i;

    qsort(v, n, sizeof(double), faster);
    sum = 0;
    n = n < 4 ? 1 : n / 4;

    for (i = 0; i < n; i++) {
        sum += v[i];
    }

    return sum / n;
}


/* how many times as much two do */

static double
contend(genai_budget_zone_t z[2], const genai_budget_limit_t *l,
    unsigned keys, rounds_t *r, const char *what)
{
    int            status;
    pid_t          pid;
    double         start, wall, cpu, most, ns[WAYS];
    uint32_t       n, way, got[WAYS];
    static double  took[WAYS][ROUNDS];

    pin(0);
    memset(got, 0, sizeof(got));
    pid = second(z, l, keys, r);

    for (n = 1; n <= ROUNDS; n++) {
        way = n / BLOCK % WAYS;
        wait_for(&r->ready, n);
        r->way = way;
        r->ball = 0;

        start = now(CLOCK_MONOTONIC);
        __atomic_store_n(&r->go, n, __ATOMIC_RELEASE);
        cpu = way == HAND ? hand_over(&r->ball, 0)
                          : run(&z[0], l, 1, keys, ROUND, n * 104729,
                                NOON + n * ROUND / CALLS);
        wait_for(&r->done, n);
        wall = (now(CLOCK_MONOTONIC) - start)
               / (way == HAND ? 2 * HANDS : ROUND);

        most = way != ONE && r->took > cpu ? r->took : cpu;

        if (n % BLOCK >= FIRST && wall < most * 1.1) {
            took[way][got[way]++] = way == ONE ? cpu : (cpu + r->took) / 2;
        }
    }

    if (waitpid(pid, &status, 0) != pid || status != 0) {
        exit(1);
    }

    for (way = 0; way < WAYS; way++) {
        if (got[way] < 20) {
            printf("%-24s the machine was too busy\n", what);
            return 0;
        }

        ns[way] = best_quarter(took[way], got[way]);
    }

    printf("%-24s one %.0f ns, two %.0f ns each: x%.2f (apart: x%.2f; a line"
           " takes %.0f ns)\n", what, ns[ONE], ns[TWO],
           2 * ns[ONE] / ns[TWO], 2 * ns[ONE] / ns[APART], ns[HAND]);

    return 2 * ns[ONE] / ns[TWO];
}


static double
cost(genai_budget_zone_t *z, const genai_budget_limit_t *l, int n)
{
    int                       i;
    char                      name[64];
    double                    v, best;
    genai_budget_zone_stat_t  st;

    run(z, l, (uint32_t) n, KEYS, 100000, 3, NOON);
    best = 1e9;

    for (i = 0; i < 5; i++) {
        v = run(z, l, (uint32_t) n, KEYS, TURNS, 5, NOON);
        best = v < best ? v : best;
    }

    genai_budget_zone_stat(z, &st);
    snprintf(name, sizeof(name), "reserve + sent + settle, %d limit%s", n,
             n > 1 ? "s" : "");
    printf("%-34s %.0f ns, %u keys (room in 32m: %u)\n", name, best,
           st.used, st.keys);

    return best;
}


static int
zone(genai_budget_zone_t *z, char *mem, uint32_t n, uint32_t shards)
{
    static uint32_t             me;
    static const uint8_t        seed[16] = "0123456789abcdef";
    static genai_budget_sync_t  sync = { pid_lock, pid_unlock, NULL, &me };

    me = (uint32_t) getpid();

    return genai_budget_zone_init(z, mem, SIZE, n, shards, seed, &sync);
}


int
main(void)
{
    int                   i;
    char                 *mem;
    double                one, two;
    rounds_t             *r;
    genai_budget_zone_t   z[2];
    genai_budget_limit_t  l[4];

    static const char *const  text[4] = {
        "9Musd/day", "900Gtok/1h", "900Greq/minute", "900Gotok/month"
    };

    mem = mmap(NULL, 2 * SIZE + 4096, PROT_READ | PROT_WRITE,
               MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (mem == MAP_FAILED) {
        return 1;
    }

    r = (rounds_t *) (mem + 2 * SIZE);

    for (i = 0; i < KEYS; i++) {
        snprintf(names[i], sizeof(names[i]), "tenant-%08d", i * 7);
    }

    for (i = 0; i < 4; i++) {
        genai_budget_parse(genai_strz(text[i]), 60, &l[i], NULL, 0);
    }

    zone(&z[0], mem, 4, 0);
    cost(&z[0], l, 4);
    zone(&z[0], mem, 2, 0);
    cost(&z[0], l, 2);
    zone(&z[0], mem, 1, 0);
    one = cost(&z[0], l, 1);

    zone(&z[0], mem, 1, 0);
    zone(&z[1], mem + SIZE, 1, 0);
    two = contend(z, l, KEYS, r, "10,000 keys, 64 shards");
    contend(z, l, 1, r, "one key");

    zone(&z[0], mem, 1, 1);
    contend(z, l, KEYS, r, "10,000 keys, one shard");

    printf("one call: %.2f us of %.1f; two processes: x%.2f of %.1f\n",
           one / 1e3, MOST_US, two, LEAST_TWO);

    return 0;
}
