/*
 * Lanes: order, wrap, the share for errors, and a producer killed by SIGKILL
 * in the middle of its work, in another process.
 */

#include "test.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../../src/lib/genai_ring.h"


#define SIZE    131072
#define KILLS   40


typedef struct {
    genai_ring_t  ring;
    uint64_t      sent;                /* by the producer, after a commit */
    uint8_t       body[SIZE] __attribute__((aligned(64)));
} lane_t;


static uint64_t  seed = 88172645463325252ULL;


static uint32_t
rnd(uint32_t n)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;

    return (uint32_t) ((seed >> 11) % n);
}


/* a record says its number in every word, so torn bytes are seen */

static int
put(lane_t *l, uint64_t n, uint32_t len, unsigned flags)
{
    uint32_t  i;
    uint8_t  *p;

    p = genai_ring_reserve(&l->ring, l->body, SIZE, len, flags);

    if (p == NULL) {
        genai_ring_drop(&l->ring, GENAI_RING_FULL, flags);
        return 0;
    }

    for (i = 0; i + 8 <= len; i += 8) {
        memcpy(p + i, &n, 8);
    }

    memset(p + i, (int) (n & 0xff), len - i);

    genai_ring_commit(&l->ring, l->body, SIZE, p, len, 1, flags);

    return 1;
}


static int
whole(const uint8_t *p, uint32_t len, uint64_t *n)
{
    uint32_t  i;
    uint64_t  v;

    memcpy(n, p, 8);

    for (i = 0; i + 8 <= len; i += 8) {
        memcpy(&v, p + i, 8);

        if (v != *n) {
            return 0;
        }
    }

    for ( /* void */ ; i < len; i++) {
        if (p[i] != (*n & 0xff)) {
            return 0;
        }
    }

    return 1;
}


static void
test_order(void)
{
    int                 bad, good = 1, full = 0;
    lane_t             *l;
    uint64_t            n = 0, got = 0, pos = 0, v;
    unsigned            i;
    genai_rec_t         rec;
    const void         *p;
    genai_ring_meta_t   m;

    l = aligned_alloc(64, sizeof(lane_t));
    memset(l, 0, sizeof(lane_t));

    for (i = 0; i < 200000; i++) {

        if (rnd(60)) {
            if (put(l, n, 8 + rnd(rnd(50) ? 2000 : 32760), GENAI_REC_SAMPLED))
            {
                n++;

            } else {
                full++;
            }

            continue;
        }

        genai_ring_read(&l->ring, &m);

        while (rnd(50)) {
            p = genai_ring_peek(l->body, SIZE, m.head, &pos, &rec, &bad);
            good &= !bad;

            if (p == NULL) {
                break;
            }

            good &= whole(p, rec.len, &v) && v == got;
            got++;
            pos = genai_ring_next(pos, &rec);
        }

        genai_ring_release(&l->ring, pos);
    }

    genai_ring_read(&l->ring, &m);

    ok(good, "records come whole and in order over many wraps");
    ok(got > 10000 && full > 100, "the lane was full at times (%d)", full);
    is_int(m.committed, n, "every commit is counted");
    is_int(m.dropped[GENAI_RING_FULL], full, "every refusal is counted");
    is_int(m.dropped_sampled[GENAI_RING_FULL], full, "and as sampled");

    free(l);
}


static void
test_error_share(void)
{
    int                 n = 0, e = 0;
    lane_t             *l;
    genai_ring_meta_t   m;

    l = aligned_alloc(64, sizeof(lane_t));
    memset(l, 0, sizeof(lane_t));

    while (put(l, 7, 1000, GENAI_REC_SAMPLED)) {
        n++;
    }

    while (put(l, 7, 1000, GENAI_REC_ERROR)) {
        e++;
    }

    genai_ring_read(&l->ring, &m);

    is_int(n, SIZE / 4 * 3 / 1008, "three quarters are for everything");
    is_int(n + e, SIZE / 1008, "the last quarter is for errors");
    is_int(m.sampled, n, "sampled records are counted apart");

    free(l);
}


static void
test_garbage(void)
{
    int           bad = 0, ends = 1;
    lane_t       *l;
    uint64_t      pos;
    unsigned      i, j, steps;
    genai_rec_t   rec;

    l = aligned_alloc(64, sizeof(lane_t));

    for (i = 0; i < 2000; i++) {
        for (j = 0; j < SIZE; j += 64) {
            l->body[j + rnd(64)] = (uint8_t) rnd(256);
        }

        pos = rnd(SIZE);

        for (steps = 0; steps < SIZE; steps++) {
            if (genai_ring_peek(l->body, SIZE, pos + rnd(2 * SIZE), &pos,
                                &rec, &bad)
                == NULL)
            {
                break;
            }

            pos = genai_ring_next(pos, &rec);
        }

        ends &= steps < SIZE;
    }

    ok(ends, "bytes that are no records end the reading");

    free(l);
}


static void
producer(lane_t *l)
{
    uint64_t           n;
    genai_ring_meta_t  m;

    genai_ring_read(&l->ring, &m);

    for (n = m.committed; ; /* void */) {
        if (put(l, n, 8 + rnd(3000),
                n % 3 ? GENAI_REC_SAMPLED : GENAI_REC_ERROR))
        {
            n++;
            __atomic_store_n(&l->sent, n, __ATOMIC_RELEASE);
        }
    }
}


static void
test_kill(void)
{
    int                 i, bad, status, good = 1, exact = 1, counted = 1;
    pid_t               pid;
    lane_t             *l;
    uint64_t            pos = 0, got = 0, sampled = 0, v, sent;
    genai_rec_t         rec;
    const void         *p;
    struct timespec     t0, t;
    genai_ring_meta_t   m;

    l = mmap(NULL, sizeof(lane_t), PROT_READ|PROT_WRITE,
             MAP_ANONYMOUS|MAP_SHARED, -1, 0);

    for (i = 0; i < KILLS; i++) {

        seed += (uint64_t) i;
        pid = fork();

        if (pid == 0) {
            producer(l);
        }

        clock_gettime(CLOCK_MONOTONIC, &t0);

        for ( ;; ) {
            clock_gettime(CLOCK_MONOTONIC, &t);

            if ((t.tv_sec - t0.tv_sec) * 1000000
                + (t.tv_nsec - t0.tv_nsec) / 1000 > 3000 + i * 371)
            {
                break;
            }

            genai_ring_read(&l->ring, &m);

            while ((p = genai_ring_peek(l->body, SIZE, m.head, &pos, &rec,
                                        &bad)) != NULL)
            {
                good &= whole(p, rec.len, &v) && v == got;
                got++;
                sampled += (rec.flags & GENAI_REC_SAMPLED) != 0;
                pos = genai_ring_next(pos, &rec);
            }

            good &= !bad;
            counted &= got == m.committed && sampled == m.sampled;

            if (rnd(20)) {
                genai_ring_release(&l->ring, pos);
            }
        }

        kill(pid, SIGKILL);
        waitpid(pid, &status, 0);

        genai_ring_read(&l->ring, &m);
        sent = __atomic_load_n(&l->sent, __ATOMIC_ACQUIRE);

        /* killed before or after the one store, never between */

        exact &= m.committed == sent || m.committed == sent + 1;
    }

    ok(good, "no record is torn, lost or out of order after %d kills", KILLS);
    ok(exact, "the counters are those of the last commit");
    ok(counted, "head and counters are of one moment for the reader");
    ok(got > 1000, "the reader saw %llu records", (unsigned long long) got);

    munmap(l, sizeof(lane_t));
}


int
main(void)
{
    test_order();
    test_error_share();
    test_garbage();
    test_kill();

    return done();
}
