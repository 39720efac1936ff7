/*
 * What a reservation and its settlement cost, over 10,000 keys, and whether
 * two processes on one zone do twice as much as one.
 *
 *     bench_budget
 */

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

#include "budget_lock.h"


#define KEYS   10000
#define TURNS  1000000
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


/* calls per second of so many processes at once: by the clock on the wall,
 * and *cpu by the CPU time of each, which leaves out what else the machine
 * does, but also hides processes that never ran at the same time */

static double
together(genai_budget_zone_t *z, const genai_budget_limit_t *l, unsigned n,
    unsigned keys, double *spent, double *cpu)
{
    int       status, bad;
    double    start;
    unsigned  i;

    bad = 0;
    start = now(CLOCK_MONOTONIC);

    for (i = 0; i < n; i++) {
        if (fork() == 0) {
            *(uint32_t *) z->sync.data = (uint32_t) getpid();
            spent[i] = run(z, l, 1, keys, TURNS, i * 7919 + 1);
            _exit(0);
        }
    }

    for (i = 0; i < n; i++) {
        wait(&status);
        bad += status != 0;
    }

    if (bad) {
        exit(1);
    }

    *cpu = 0;

    for (i = 0; i < n; i++) {
        *cpu += 1e9 / spent[i];
    }

    return n * (double) TURNS / ((now(CLOCK_MONOTONIC) - start) / 1e9);
}


static void
best_of(genai_budget_zone_t *z, const genai_budget_limit_t *l, unsigned keys,
    double *spent, const char *what)
{
    int     i, n;
    double  v, cpu, wall[2], each[2];

    memset(wall, 0, sizeof(wall));
    memset(each, 0, sizeof(each));

    for (i = 0; i < 6; i++) {
        n = i % 2;
        v = together(z, l, (unsigned) n + 1, keys, spent, &cpu);
        wall[n] = v > wall[n] ? v : wall[n];
        each[n] = cpu > each[n] ? cpu : each[n];
    }

    printf("%-24s one process %.2f M calls/s, two %.2f M: x%.2f"
           " (by CPU time x%.2f)\n", what, wall[0] / 1e6, wall[1] / 1e6,
           wall[1] / wall[0], each[1] / each[0]);
}


int
main(void)
{
    int                       i, k;
    char                     *mem, name[64];
    double                    v, best, *spent;
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
    spent = (double *) (mem + SIZE);
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
    best_of(&z, l, KEYS, spent, "10,000 keys");
    best_of(&z, l, 1, spent, "one key");

    genai_budget_zone_init(&z, mem, SIZE, 1, 1, seed, &sync);
    best_of(&z, l, KEYS, spent, "10,000 keys, one shard");

    return 0;
}
