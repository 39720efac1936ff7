/*
 * The queue: its edges, and an outcome whose holder is killed before each of
 * its stores.
 */

#include "queue_env.h"


/* one outcome, killed before its every step, on every sink account word */

static void
test_every_step(void)
{
    volatile int         n, good = 1, old = 0, new = 0;
    uint8_t              buf[100] = { 0 };
    unsigned             lane;
    uint16_t             lanes[3] = { 1, 2, 3 };
    genai_cursor_t       cursor[GENAI_QUEUE_LANES], c;
    genai_account_t      account;
    genai_queue_self_t   self;
    genai_queue_stats_t  st;
    genai_ring_meta_t    m;

    for (n = 1; n < 100; n++) {
        start_queue(3);
        self = spawn(100, 1);
        genai_queue_open(&holder[0], mem, mem_size, &env);
        genai_queue_join(&holder[0], &self);
        genai_queue_acquire(&holder[0]);

        for (lane = 0; lane < 30; lane++) {
            genai_queue_put(&worker[lane % 3], 1, GENAI_REC_SAMPLED, buf,
                            sizeof(buf));
        }

        for (lane = 1; lane < 4; lane++) {
            genai_queue_lane(&holder[0], lane, &m);
            cursor[lane].pos = m.head;
            cursor[lane].sampled = m.sampled;
        }

        genai_queue_account(&holder[0], 1, &account);
        account.acked = 25;
        account.rejected = 5;

        if (setjmp(crash) == 0) {
            countdown = n;
            genai_queue_apply(&holder[0], 1, &account, lanes, 3, cursor);

            if (countdown > 0) {
                countdown = 0;
                break;
            }
        }

        countdown = 0;
        alive[self.pid] = 0;

        /* before anybody mends it, and after */

        genai_queue_stats(&worker[0], 1, &st);
        good &= st.finished == st.account.acked + st.account.rejected
                               + st.pending;

        self = spawn(101, 1);
        genai_queue_open(&holder[1], mem, mem_size, &env);
        genai_queue_join(&holder[1], &self);

        if (setjmp(crash) == 0) {
            countdown = 1 + n % 7;
            genai_queue_acquire(&holder[1]);
        }

        countdown = 0;
        alive[self.pid] = 0;

        self = spawn(102, 1);
        genai_queue_open(&holder[2], mem, mem_size, &env);
        genai_queue_join(&holder[2], &self);
        good &= genai_queue_acquire(&holder[2]) == GENAI_OK;

        genai_queue_stats(&worker[0], 1, &st);
        genai_queue_cursor(&holder[2], 2, 1, &c);

        if (st.account.acked == 0) {
            old++;
            good &= st.pending == 30 && st.account.rejected == 0
                    && c.pos == 0 && c.sampled == 0;

        } else {
            new++;
            good &= st.pending == 0 && st.account.acked == 25
                    && st.account.rejected == 5 && c.pos == cursor[2].pos
                    && c.sampled == 10;
        }
    }

    ok(good, "killed at any step, and its mender too: all or nothing");
    ok(old > 3 && new > 3, "both ends were seen (%d old, %d new)", old, new);
}


static void
test_edges(void)
{
    genai_queue_t        q;
    const char          *names[1] = { "a" };
    genai_queue_self_t   self;
    genai_queue_stats_t  st;
    uint8_t              buf[GENAI_QUEUE_RECORD + 1] = { 0 };

    is_int(genai_queue_init(mem, genai_queue_min_size(BODY) - 1, BODY, names,
                            1),
           GENAI_ERROR, "too little memory is refused");
    is_int(genai_queue_init(mem, 1 << 24, BODY + 8, names, 1), GENAI_ERROR,
           "a body that is no power of two is refused");

    start_queue(0);

    is_int(genai_queue_open(&q, mem, mem_size - 8, &env), GENAI_ERROR,
           "another size is another layout");

    is_int(genai_queue_put(&worker[0], 1, GENAI_REC_SAMPLED, buf,
                           sizeof(buf)),
           GENAI_DECLINED, "an oversize record is dropped");
    genai_queue_stats(&worker[0], 0, &st);
    is_int((long long) st.account.dropped[GENAI_DROP_OVERSIZE], 1,
           "and counted by reason");

    /* two bodies for six workers: the others share the overflow lane */

    genai_queue_put(&worker[1], 1, 1, buf, 100);
    genai_queue_put(&worker[2], 1, 1, buf, 100);
    ok(worker[1].body != NULL && worker[2].body == NULL,
       "a process without a body has none");
    genai_queue_stats(&worker[0], 0, &st);
    is_int((long long) st.pending, 2, "its record lies in the overflow lane");

    while (genai_queue_put(&worker[2], 1, 1, buf, 30000) == GENAI_OK) {
        /* void */
    }

    genai_queue_stats(&worker[0], 0, &st);
    is_int((long long) st.account.dropped[GENAI_DROP_NO_BODY], 1,
           "when that is full: no_body");

    /* a newer generation waits: no older one comes in between */

    genai_queue_open(&q, mem, mem_size, &env);
    is_int(genai_queue_acquire(&worker[0]), GENAI_OK, "the lease is free");
    self = spawn(20, 2);
    genai_queue_join(&q, &self);
    is_int(genai_queue_acquire(&q), GENAI_AGAIN, "a newer one has to wait");
    ok(genai_queue_wanted(&worker[0]), "the holder is told");
    genai_queue_release(&worker[0]);
    is_int(genai_queue_acquire(&worker[1]), GENAI_DECLINED,
           "the old generation has lost it");
    is_int(genai_queue_acquire(&q), GENAI_OK, "the newer one gets it");

    self = spawn(5000, 1);
    is_int(genai_queue_join(&q, &self), GENAI_ERROR,
           "a slot out of range does not join");
}


int
main(void)
{
    mem = aligned_alloc(4096, 1 << 24);

    test_edges();
    test_every_step();

    is_int(failures, 0, "and nothing odd on the way");

    return done();
}
