/*
 * What a reservation and its settlement cost, over 10,000 keys, and whether
 * two processes on one zone do twice as much as one.
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
#define ROUNDS 50
#define BLOCKS 10
#define NOON   1795392000
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
    unsigned keys, unsigned turns, unsigned seed)
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
    c.deadline = NOON + 600;
    k = seed;
    start = now(CLOCK_PROCESS_CPUTIME_ID);

    for (i = 0; i < turns; i++) {
        k = k * 1103515245 + 12345;
        c.key = genai_strz(names[(k >> 8) % keys]);
        c.now = NOON + i / 20000;

        if (genai_budget_zone_reserve(z, &c, &h, NULL) != GENAI_OK
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
 * Calls per second of one process, and of two at once.  They run in short
 * rounds, and those of two begin together and last until the last has ended:
 * of many rounds some are those in which the machine gave two processors.
 * The third best of a hundred is taken, of one as of two.
 */

typedef struct {
    uint32_t  go;                      /* number of the round */
    uint32_t  ready;
    uint32_t  done;
} rounds_t;


static void
wait_for(uint32_t *word, uint32_t v)
{
    while (__atomic_load_n(word, __ATOMIC_ACQUIRE) != v) {
        /* void */
    }
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
second(genai_budget_zone_t *z, const genai_budget_limit_t *l, unsigned keys,
    rounds_t *r)
{
    pid_t     pid;
    uint32_t  n;

    memset(r, 0, sizeof(rounds_t));
    pid = fork();

    if (pid != 0) {
        return pid;
    }

    pin(1);
    *(uint32_t *) z->sync.data = (uint32_t) getpid();

    for (n = 1; n <= ROUNDS; n++) {
        __atomic_store_n(&r->ready, n, __ATOMIC_RELEASE);
        wait_for(&r->go, n);
        run(z, l, 1, keys, ROUND, n * 7919);
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


static void
contend(genai_budget_zone_t *z, const genai_budget_limit_t *l, unsigned keys,
    rounds_t *r, const char *what)
{
    int            status;
    pid_t          pid;
    double         start, rate[2];
    uint32_t       block, n, i, two;
    static double  took[2][BLOCKS * ROUNDS];

    pin(0);

    for (block = 0; block < 2 * BLOCKS; block++) {
        two = block % 2;
        pid = two ? second(z, l, keys, r) : 0;

        for (n = 1; n <= ROUNDS; n++) {
            if (two) {
                wait_for(&r->ready, n);
            }

            start = now(CLOCK_MONOTONIC);

            if (two) {
                __atomic_store_n(&r->go, n, __ATOMIC_RELEASE);
            }

            run(z, l, 1, keys, ROUND, n * 104729);

            if (two) {
                wait_for(&r->done, n);
            }

            i = block / 2 * ROUNDS + n - 1;
            took[two][i] = now(CLOCK_MONOTONIC) - start;
        }

        if (two && (waitpid(pid, &status, 0) != pid || status != 0)) {
            exit(1);
        }
    }

    for (two = 0; two < 2; two++) {
        qsort(took[two], BLOCKS * ROUNDS, sizeof(double), faster);
        rate[two] = (two + 1) * ROUND * 1e3
                    / took[two][BLOCKS * ROUNDS * 3 / 100];
    }

    printf("%-24s one process %.2f M calls/s, two %.2f M: x%.2f\n", what,
           rate[0], rate[1], rate[1] / rate[0]);
}


int
main(void)
{
    int                       i, k;
    char                     *mem, name[64];
    double                    v, best;
    uint8_t                   seed[16] = "0123456789abcdef";
    uint32_t                  me;
    genai_budget_sync_t       sync = { pid_lock, pid_unlock, NULL, &me };
    genai_budget_zone_t       z;
    genai_budget_limit_t      l[4];
    genai_budget_zone_stat_t  st;

    static const char *const  text[4] = {
        "9Musd/day", "900Gtok/1h", "900Greq/minute", "900Gotok/month"
    };

    mem = mmap(NULL, SIZE + 4096, PROT_READ | PROT_WRITE,
               MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    me = (uint32_t) getpid();

    for (i = 0; i < KEYS; i++) {
        snprintf(names[i], sizeof(names[i]), "tenant-%08d", i * 7);
    }

    for (i = 0; i < 4; i++) {
        genai_budget_parse(genai_strz(text[i]), 60, &l[i], NULL, 0);
    }

    for (k = 1; k <= 4; k += k == 2 ? 2 : 1) {
        genai_budget_zone_init(&z, mem, SIZE, (uint32_t) k, 0, seed, &sync);
        run(&z, l, (uint32_t) k, KEYS, 100000, 3);
        best = 1e9;

        for (i = 0; i < 3; i++) {
            v = run(&z, l, (uint32_t) k, KEYS, TURNS, 5);
            best = v < best ? v : best;
        }

        genai_budget_zone_stat(&z, &st);
        snprintf(name, sizeof(name), "reserve + settle, %d limit%s", k,
                 k > 1 ? "s" : "");
        printf("%-34s %.0f ns, %u keys (room in 32m: %u)\n", name, best,
               st.used, st.keys);
    }

    genai_budget_zone_init(&z, mem, SIZE, 1, 0, seed, &sync);
    contend(&z, l, KEYS, (rounds_t *) (mem + SIZE),
            "10,000 keys, 64 shards");
    contend(&z, l, 1, (rounds_t *) (mem + SIZE), "one key");

    genai_budget_zone_init(&z, mem, SIZE, 1, 1, seed, &sync);
    contend(&z, l, KEYS, (rounds_t *) (mem + SIZE),
            "10,000 keys, one shard");

    return 0;
}
