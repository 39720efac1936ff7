/*
 * A randomised model check of the queue: workers, overflow lane, holders of
 * several generations, sinks that come and go, and a crash before any store
 * that matters.  The model knows every record of every lane; after each
 * operation the accounts, the readers' places and the records are compared.
 */

#include "queue_env.h"


#define ROUNDS    12
#define OPS       30000
#define MAXREC    400000
#define LANES     (WORKERS + 4)              /* overflow, workers, holders */


typedef struct {
    uint32_t  *id;
    uint32_t   n;
    uint32_t   seen[GENAI_QUEUE_SINKS + 1];    /* by reader: index of next */
} fifo_t;


typedef struct {
    int        active;
    char       name[32];
    uint64_t   finished;
} model_sink_t;


static int              holder_up[3];

static fifo_t           fifo[LANES];
static uint8_t         *flags_of;
static uint32_t         next_id;
static model_sink_t     model[GENAI_QUEUE_SINKS];


static void
check(void)
{
    int                  i, k;
    uint64_t             dropped, sum;
    genai_queue_stats_t  st;

    for (i = 0; i < GENAI_QUEUE_SINKS; i++) {

        if (genai_queue_stats(&worker[0], (unsigned) i, &st) != GENAI_OK) {
            continue;
        }

        dropped = 0;

        for (k = 0; k < GENAI_DROP_N; k++) {
            dropped += st.account.dropped[k];
        }

        sum = st.account.acked + st.account.unconfirmed + st.account.rejected
              + dropped + st.pending + st.account.spooled;

        if (st.finished + st.account.recovered != sum) {
            fail("the invariant is broken");
        }

        if (st.pending > MAXREC || st.finished > MAXREC) {
            fail("a count is negative");
        }

        for (k = 0; k < GENAI_QUEUE_SINKS; k++) {
            if (model[k].active && strcmp(model[k].name, st.name) == 0
                && model[k].finished != st.finished)
            {
                fail("finished is not what was put");
            }
        }
    }
}


/* workers */

static void
op_put(int w)
{
    int                   i, sampled;
    volatile int          lane, rc;
    uint8_t               buf[GENAI_QUEUE_RECORD + 16];
    uint32_t              len, id;
    unsigned              flags;
    genai_queue_totals_t  a, b;

    len = 8 + rnd(rnd(10) ? 3000 : GENAI_QUEUE_RECORD + 8);
    flags = rnd(4);
    sampled = (flags & GENAI_REC_SAMPLED) != 0;
    id = next_id++;
    flags_of[id] = (uint8_t) flags;

    memset(buf, (int) id, len);
    memcpy(buf, &id, 4);

    lane = worker[w].body ? w + 1 : 0;
    genai_queue_totals(&worker[w], &a);

    rc = GENAI_ERROR;

    if (setjmp(crash) == 0) {
        rc = genai_queue_put(&worker[w], GENAI_REC_SAMPLED, flags, buf, len);

    } else {
        alive[worker[w].self.pid] = 0;
    }

    countdown = 0;
    genai_queue_totals(&worker[w], &b);

    if (worker[w].body) {
        lane = w + 1;
    }

    if (rc == GENAI_ERROR) {
        if (b.committed != a.committed) {
            fail("killed before the commit, and yet committed");
        }

        return;
    }

    if (rc == GENAI_OK) {
        fifo[lane].id[fifo[lane].n++] = id;

        if (b.committed != a.committed + 1) {
            fail("a commit is not counted");
        }

    } else if (b.dropped[0] + b.dropped[1] + b.dropped[2]
               != a.dropped[0] + a.dropped[1] + a.dropped[2] + 1)
    {
        fail("a drop is not counted");
    }

    for (i = 0; i < GENAI_QUEUE_SINKS; i++) {
        model[i].finished += model[i].active && sampled;
    }
}


static void
op_worker(int w)
{
    uint32_t  gen = worker[w].self.generation;

    if (alive[worker[w].self.pid]) {
        switch (rnd(3)) {
        case 0:
            genai_queue_leave(&worker[w]);
            alive[worker[w].self.pid] = 0;
            return;

        case 1:
            alive[worker[w].self.pid] = 0;
            return;
        }
    }

    if (!alive[worker[w].self.pid]) {
        genai_queue_self_t  self = spawn((uint32_t) w, gen + rnd(2));

        if (setjmp(crash) == 0) {
            countdown = rnd(4) ? 0 : 1 + (int) rnd(2);

            if (genai_queue_join(&worker[w], &self) != GENAI_OK) {
                fail("a respawned worker cannot join");
            }

        } else {
            alive[self.pid] = 0;
            worker[w].self = self;
        }

        countdown = 0;
    }
}


/* the holder */

static int
holding(void)
{
    int  i, h = -1;

    for (i = 0; i < 3; i++) {
        if (holder_up[i] && holder[i].holder) {
            if (h != -1) {
                fail("two processes hold the lease");
            }

            h = i;
        }
    }

    return h;
}


/* reads up to max records of a lane from a cursor on, checking each */

static uint32_t
read_lane(genai_queue_t *q, unsigned lane, unsigned slot, uint32_t max,
    genai_cursor_t *c)
{
    int                 bad;
    uint32_t            id, n = 0, at;
    genai_rec_t         rec;
    const uint8_t      *body, *p;
    genai_ring_meta_t   m;

    genai_queue_cursor(q, lane, slot, c);
    body = genai_queue_lane(q, lane, &m);
    at = fifo[lane].seen[slot];

    while (n < max) {
        p = genai_ring_peek(body, BODY, m.head, &c->pos, &rec, &bad);

        if (bad) {
            fail("a record is bad");
        }

        if (p == NULL) {
            break;
        }

        memcpy(&id, p, 4);

        if (at >= fifo[lane].n || fifo[lane].id[at] != id
            || p[rec.len - 1] != (uint8_t) id
            || rec.flags != flags_of[id])
        {
            fail("a reader sees another record than was put");
        }

        at++;
        n++;
        c->sampled += (rec.flags & GENAI_REC_SAMPLED) != 0;
        c->pos = genai_ring_next(c->pos, &rec);
    }

    return n;
}


static void
op_derive(genai_queue_t *q)
{
    uint32_t        n;
    unsigned        lane;
    genai_cursor_t  c;

    lane = rnd(genai_queue_lanes(q));

    n = read_lane(q, lane, GENAI_QUEUE_DERIVE, rnd(60), &c);

    fifo[lane].seen[GENAI_QUEUE_DERIVE] += n;

    /* the store of the cursor comes before any crash in here */

    genai_queue_pass(q, lane, GENAI_QUEUE_DERIVE, c.pos);
}


static void
op_sink(genai_queue_t *q)
{
    unsigned         slot, lane, n = 0;
    uint32_t         got[LANES];
    uint64_t         records = 0;
    uint16_t         lanes[LANES];
    genai_cursor_t   cursor[GENAI_QUEUE_LANES], now;
    genai_account_t  account, before;

    genai_queue_stats_t  st;

    slot = rnd(GENAI_QUEUE_SINKS);

    if (genai_queue_stats(q, slot, &st) != GENAI_OK) {
        return;
    }

    for (lane = 0; lane < genai_queue_lanes(q); lane++) {
        genai_cursor_t  c0;

        if (rnd(3) == 0) {
            continue;
        }

        genai_queue_cursor(q, lane, slot, &c0);
        got[n] = read_lane(q, lane, slot, rnd(80), &cursor[lane]);
        records += cursor[lane].sampled - c0.sampled;
        lanes[n++] = (uint16_t) lane;
    }

    genai_queue_account(q, slot, &before);
    account = before;

    switch (rnd(6)) {
    case 0:
        account.rejected += records;
        break;
    case 1:
        account.unconfirmed += records;
        break;
    case 2:
        account.spooled += records;
        break;
    case 3:
        account.dropped[GENAI_DROP_SPOOL_FULL] += records;
        break;
    case 4:
        account.acked += records + account.spooled;
        account.spooled = 0;
        break;
    default:
        account.acked += records + 3;
        account.recovered += 3;
        break;
    }

    genai_queue_apply(q, slot, &account, lanes, n, cursor);

    while (n--) {
        lane = lanes[n];
        genai_queue_cursor(q, lane, slot, &now);

        if (now.pos != cursor[lane].pos) {
            fail("an outcome is not applied");
        }

        fifo[lane].seen[slot] += got[n];
    }
}


/* after a crash the model finds out what the next holder made of it */

static void
resync(void)
{
    int              bad;
    unsigned         slot, lane, lanes;
    genai_rec_t      rec;
    genai_cursor_t   c;
    const uint8_t   *p, *body;
    genai_ring_meta_t    m;

    lanes = genai_queue_lanes(&worker[0]);

    for (lane = 0; lane < lanes; lane++) {
        for (slot = 0; slot <= GENAI_QUEUE_SINKS; slot++) {
            uint32_t  id, at;

            genai_queue_cursor(&worker[0], lane, slot, &c);
            body = genai_queue_lane(&worker[0], lane, &m);

            p = body ? genai_ring_peek(body, BODY, m.head, &c.pos, &rec, &bad)
                     : NULL;

            if (p == NULL) {
                at = fifo[lane].n;

            } else {
                memcpy(&id, p, 4);

                for (at = fifo[lane].seen[slot]; at < fifo[lane].n; at++) {
                    if (fifo[lane].id[at] == id) {
                        break;
                    }
                }
            }

            fifo[lane].seen[slot] = at;
        }
    }
}


/* which sinks there are now; those that joined are new to the model */

static void
sync_sinks(void)
{
    int                  k;
    unsigned             lane;
    genai_cursor_t       c;
    genai_ring_meta_t    m;
    genai_queue_stats_t  st;

    for (k = 0; k < GENAI_QUEUE_SINKS; k++) {

        if (genai_queue_stats(&worker[0], (unsigned) k, &st) != GENAI_OK) {
            model[k].active = 0;
            model[k].name[0] = '\0';
            continue;
        }

        if (strcmp(model[k].name, st.name) == 0) {
            continue;
        }

        strcpy(model[k].name, st.name);
        model[k].active = 1;
        model[k].finished = 0;

        if (st.finished != 0 || st.pending != 0) {
            fail("a sink that joins has a past");
        }

        for (lane = 0; lane < LANES; lane++) {
            genai_queue_cursor(&worker[0], lane, (unsigned) k, &c);
            genai_queue_lane(&worker[0], lane, &m);

            if (c.pos != m.head) {
                fail("a sink joins elsewhere than at the head");
            }

            fifo[lane].seen[k] = fifo[lane].n;
        }
    }
}


static void
op_sinks(genai_queue_t *q)
{
    int          i;
    char         names[4][32];
    const char  *list[4];
    unsigned     slot[4], n = 0;
    uint64_t     removed;

    for (i = 0; i < 5 && n < 4; i++) {
        if (rnd(3)) {
            snprintf(names[n], sizeof(names[n]), "sink%d", i);
            list[n] = names[n];
            n++;
        }
    }

    if (genai_queue_sinks(q, list, n, slot, &removed) != GENAI_OK) {
        fail("sinks do not fit");
        return;
    }

    sync_sinks();

    while (n--) {
        if (strcmp(model[slot[n]].name, list[n]) != 0) {
            fail("a sink has another's slot");
        }
    }
}


static void
op_holder(void)
{
    int             rc;
    volatile int    h;

    h = holding();

    if (h == -1) {
        h = (int) rnd(3);

        if (!holder_up[h]) {
            uint32_t            gen;
            genai_queue_self_t  self;

            /* a respawn, or the helper of a new configuration */

            gen = rnd(3) ? holder[h].self.generation
                         : genai_queue_generation(&worker[0]);
            self = spawn(WORKERS + (uint32_t) h, gen);
            genai_queue_open(&holder[h], mem, mem_size, &env);
            genai_queue_join(&holder[h], &self);
            holder_up[h] = 1;
        }

        if (setjmp(crash)) {
            alive[holder[h].self.pid] = 0;
            holder_up[h] = 0;
            return;
        }

        countdown = rnd(3) ? 0 : 1 + (int) rnd(60);
        rc = genai_queue_acquire(&holder[h]);
        countdown = 0;

        if (rc == GENAI_OK) {
            resync();
            check();

        } else if (rc == GENAI_DECLINED) {
            genai_queue_leave(&holder[h]);
            alive[holder[h].self.pid] = 0;
            holder_up[h] = 0;
        }

        return;
    }

    if (setjmp(crash)) {
        alive[holder[h].self.pid] = 0;
        holder_up[h] = 0;
        sync_sinks();
        check();
        return;
    }

    countdown = rnd(8) ? 0 : 1 + (int) rnd(40);

    if (rnd(40) == 0) {
        countdown *= 50;
        op_sinks(&holder[h]);
        countdown = 0;
        return;
    }

    switch (rnd(4)) {
    case 0:
        op_derive(&holder[h]);
        break;

    case 1:
        genai_queue_reclaim(&holder[h]);
        break;

    default:
        op_sink(&holder[h]);
        break;
    }

    countdown = 0;

    if (genai_queue_wanted(&holder[h])) {
        genai_queue_release(&holder[h]);
        alive[holder[h].self.pid] = 0;
        holder_up[h] = 0;
    }
}


/* a second candidate knocks while somebody holds */

static void
op_knock(void)
{
    int                 rc, h = (int) rnd(3), was = holding();
    genai_queue_self_t  self;

    if (holder_up[h]) {
        return;
    }

    self = spawn(WORKERS + (uint32_t) h, genai_queue_generation(&worker[0]));
    genai_queue_open(&holder[h], mem, mem_size, &env);
    genai_queue_join(&holder[h], &self);
    holder_up[h] = 1;

    rc = genai_queue_acquire(&holder[h]);

    if (was != -1) {
        if (rc != GENAI_AGAIN) {
            fail("the lease is taken from a live holder");
        }

        if (!genai_queue_wanted(&holder[was])) {
            fail("the holder is not told");
        }

    } else if (rc == GENAI_OK) {
        resync();
    }
}


static void
start(uint32_t bodies)
{
    int  i;

    start_queue(bodies);

    memset(model, 0, sizeof(model));
    memset(holder_up, 0, sizeof(holder_up));
    next_id = 0;

    for (i = 0; i < LANES; i++) {
        fifo[i].n = 0;
        memset(fifo[i].seen, 0, sizeof(fifo[i].seen));
    }

    for (i = 0; i < 2; i++) {
        model[i].active = 1;
        snprintf(model[i].name, sizeof(model[i].name), "sink%d", i);
    }

    genai_queue_generation(&worker[0]);
    holder[0].self.generation = 1;
}


static void
finish(uint64_t *sampled, uint64_t *used)
{
    int                   i;
    unsigned              lane, lanes;
    uint32_t              n;
    genai_cursor_t        c;
    genai_queue_totals_t  t;

    countdown = 0;

    for (i = 0; i < 200 && holding() == -1; i++) {
        op_holder();
    }

    i = holding();

    if (i == -1) {
        fail("nobody gets the lease");
        return;
    }

    resync();

    lanes = genai_queue_lanes(&holder[i]);

    for (lane = 0; lane < lanes; lane++) {
        n = read_lane(&holder[i], lane, GENAI_QUEUE_DERIVE, MAXREC, &c);

        if (fifo[lane].seen[GENAI_QUEUE_DERIVE] + n != fifo[lane].n) {
            fail("records are lost to the metrics");
        }

        genai_queue_pass(&holder[i], lane, GENAI_QUEUE_DERIVE, c.pos);
    }

    /* without sinks everything is free, dead owners give their bodies back */

    genai_queue_sinks(&holder[i], NULL, 0, NULL, &(uint64_t) { 0 });

    for (n = 0; n < WORKERS; n++) {
        alive[worker[n].self.pid] = 0;
    }

    genai_queue_reclaim(&holder[i]);
    genai_queue_totals(&holder[i], &t);

    if (t.bytes != 0 || t.bodies_used != 1) {
        fail("space or bodies leak");
    }

    if (genai_queue_owners(&holder[i], 0) > 2) {
        fail("dead owners count");
    }

    *sampled += t.sampled;
    *used += t.committed;
}


static void
test_model(void)
{
    int       i, w, round;
    uint64_t  sampled = 0, committed = 0;

    for (round = 0; round < ROUNDS; round++) {

        start((uint32_t) round % 4);

        for (i = 0; i < OPS; i++) {
            switch (rnd(20)) {
            case 0:
                if (next_pid < PROCS - 64) {
                    op_worker((int) rnd(WORKERS));
                }
                break;

            case 1:
                if (next_pid < PROCS - 64 && rnd(20) == 0) {
                    op_knock();
                }
                break;

            case 2: case 3: case 4: case 5: case 6: case 7:
                if (next_pid < PROCS - 64) {
                    op_holder();
                }
                break;

            default:
                w = (int) rnd(WORKERS);

                if (alive[worker[w].self.pid]) {
                    countdown = rnd(30) ? 0 : 1;
                    op_put(w);
                }
            }

            check();
        }

        finish(&sampled, &committed);
    }

    is_int(failures, 0, "model and queue agree after every operation");
    ok(committed > 10000, "%llu records went through, %llu sampled",
       (unsigned long long) committed, (unsigned long long) sampled);
}


int
main(void)
{
    int  i;

    mem = aligned_alloc(4096, 1 << 24);
    flags_of = malloc(MAXREC);

    for (i = 0; i < LANES; i++) {
        fifo[i].id = malloc(MAXREC * sizeof(uint32_t));
    }

    test_model();

    return done();
}
