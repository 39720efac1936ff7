/*
 * The queue: the holder's side, and what anybody may read.
 */

#include "genai_queue_shm.h"


#define GENAI_QUEUE_SPIN     2000


static void genai_queue_redo(genai_queue_t *q);
static void genai_queue_free_space(genai_queue_t *q, unsigned lane);
static void genai_queue_sink_join(genai_queue_t *q, unsigned slot,
    const char *name);
static void genai_queue_sink_leave(genai_queue_t *q, unsigned slot);
static uint64_t genai_queue_pending(const genai_queue_t *q, unsigned slot);
static void genai_queue_sum(const genai_queue_t *q, unsigned slot,
    genai_queue_stats_t *st, int redo);


void
genai_queue_recover(genai_queue_t *q)
{
    unsigned            i, n;
    genai_sink_slot_t  *s;

    if (genai_load_acq(&q->sh->redo.valid)) {
        genai_queue_redo(q);
    }

    for (i = 0; i < GENAI_QUEUE_SINKS; i++) {
        s = &q->sh->sinks[i];

        if (s->state == GENAI_SINK_LEAVING) {
            genai_store(&q->sh->removed, s->removed);
            genai_queue_step(q);
            genai_store_rel(&s->state, GENAI_SINK_FREE);

        } else if (s->state == GENAI_SINK_JOINING) {
            genai_store_rel(&s->state, GENAI_SINK_FREE);
        }
    }

    n = genai_queue_lanes(q);

    for (i = 0; i < n; i++) {
        genai_queue_free_space(q, i);
    }
}


/* holder */

static void
genai_queue_redo(genai_queue_t *q)
{
    uint32_t         i, lane, seq;
    genai_redo_t    *redo = &q->sh->redo;
    genai_cursor_t  *c;

    seq = q->sh->seq | 1;
    genai_store(&q->sh->seq, seq);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);

    for (i = 0; i < redo->n; i++) {
        lane = redo->lanes[i];
        c = &q->sh->cursor[lane][redo->slot];

        genai_queue_step(q);
        genai_store(&c->pos, redo->cursor[i].pos);
        genai_queue_step(q);
        genai_store(&c->sampled, redo->cursor[i].sampled);
    }

    genai_queue_step(q);
    q->sh->sinks[redo->slot].account = redo->account;
    genai_queue_step(q);

    genai_store_rel(&q->sh->seq, seq + 1);
    genai_queue_step(q);
    genai_store_rel(&redo->valid, 0);
    genai_queue_step(q);

    for (i = 0; i < redo->n; i++) {
        genai_queue_free_space(q, redo->lanes[i]);
        genai_queue_step(q);
    }
}


void
genai_queue_apply(genai_queue_t *q, unsigned slot,
    const genai_account_t *account, const uint16_t *lanes, size_t n,
    const genai_cursor_t *cursor)
{
    size_t         i;
    genai_redo_t  *redo = &q->sh->redo;

    redo->slot = slot;
    redo->n = (uint32_t) n;
    genai_queue_step(q);
    redo->account = *account;

    for (i = 0; i < n; i++) {
        genai_queue_step(q);
        redo->lanes[i] = lanes[i];
        redo->cursor[i] = cursor[lanes[i]];
    }

    genai_queue_step(q);
    genai_store_rel(&redo->valid, 1);
    genai_queue_step(q);

    genai_queue_redo(q);
}


/* space is free at the slowest reader */

static void
genai_queue_free_space(genai_queue_t *q, unsigned lane)
{
    unsigned         i;
    uint64_t         pos;
    genai_cursor_t  *c = q->sh->cursor[lane];

    pos = c[GENAI_QUEUE_DERIVE].pos;

    for (i = 0; i < GENAI_QUEUE_SINKS; i++) {
        if (q->sh->sinks[i].state == GENAI_SINK_ACTIVE && c[i].pos < pos) {
            pos = c[i].pos;
        }
    }

    genai_ring_release(&q->sh->lane[lane].ring, pos);
}


int
genai_queue_sinks(genai_queue_t *q, const char *const *names, size_t n,
    unsigned *slot, uint64_t *removed)
{
    size_t              j;
    unsigned            i, k;
    uint64_t            before;
    genai_sink_slot_t  *s;

    before = q->sh->removed;

    for (i = 0; i < GENAI_QUEUE_SINKS; i++) {
        s = &q->sh->sinks[i];

        if (s->state != GENAI_SINK_ACTIVE) {
            continue;
        }

        for (j = 0; j < n && strcmp(s->name, names[j]) != 0; j++) {
            /* void */
        }

        if (j == n) {
            genai_queue_sink_leave(q, i);
        }
    }

    *removed = q->sh->removed - before;

    for (j = 0; j < n; j++) {
        k = GENAI_QUEUE_SINKS;

        for (i = 0; i < GENAI_QUEUE_SINKS; i++) {
            s = &q->sh->sinks[i];

            if (s->state == GENAI_SINK_ACTIVE) {
                if (strcmp(s->name, names[j]) == 0) {
                    break;
                }

            } else if (k == GENAI_QUEUE_SINKS) {
                k = i;
            }
        }

        if (i == GENAI_QUEUE_SINKS) {
            if (k == GENAI_QUEUE_SINKS
                || strlen(names[j]) >= GENAI_QUEUE_NAME)
            {
                return GENAI_ERROR;
            }

            genai_queue_sink_join(q, k, names[j]);
            i = k;
        }

        slot[j] = i;
    }

    k = genai_queue_lanes(q);

    for (i = 0; i < k; i++) {
        genai_queue_free_space(q, i);
    }

    return GENAI_OK;
}


static void
genai_queue_sink_join(genai_queue_t *q, unsigned slot, const char *name)
{
    unsigned            i, j;
    genai_cursor_t     *c;
    genai_ring_meta_t   m;
    genai_sink_slot_t  *s = &q->sh->sinks[slot];

    genai_store_rel(&s->state, GENAI_SINK_JOINING);
    genai_queue_step(q);

    memset(&s->account, 0, sizeof(s->account));
    memset(s->dropped, 0, sizeof(s->dropped));
    s->finished = 0;
    strcpy(s->name, name);

    /* all lanes: a lane used for the first time later on starts at zero */

    for (i = 0; i < GENAI_QUEUE_LANES; i++) {
        c = &q->sh->cursor[i][slot];
        genai_ring_read(&q->sh->lane[i].ring, &m);

        c->pos = m.head;
        c->sampled = m.sampled;
        s->finished += m.sampled;

        for (j = 0; j < GENAI_RING_DROP_N; j++) {
            s->finished += m.dropped_sampled[j];
            s->dropped[j] += m.dropped_sampled[j];
        }

        genai_queue_step(q);
    }

    genai_store_rel(&s->state, GENAI_SINK_ACTIVE);
    genai_queue_step(q);
}


static void
genai_queue_sink_leave(genai_queue_t *q, unsigned slot)
{
    genai_sink_slot_t  *s = &q->sh->sinks[slot];

    s->removed = q->sh->removed + genai_queue_pending(q, slot);
    genai_queue_step(q);
    genai_store_rel(&s->state, GENAI_SINK_LEAVING);
    genai_queue_step(q);
    genai_store(&q->sh->removed, s->removed);
    genai_queue_step(q);
    genai_store_rel(&s->state, GENAI_SINK_FREE);
    genai_queue_step(q);
}


static uint64_t
genai_queue_pending(const genai_queue_t *q, unsigned slot)
{
    unsigned           i, n;
    uint64_t           pending = 0;
    genai_ring_meta_t  m;

    n = genai_queue_lanes(q);

    for (i = 0; i < n; i++) {
        genai_ring_read(&q->sh->lane[i].ring, &m);
        pending += m.sampled - q->sh->cursor[i][slot].sampled;
    }

    return pending;
}


unsigned
genai_queue_lanes(const genai_queue_t *q)
{
    return genai_load_acq(&q->sh->lanes);
}


const uint8_t *
genai_queue_lane(const genai_queue_t *q, unsigned lane, genai_ring_meta_t *m)
{
    genai_ring_read(&q->sh->lane[lane].ring, m);

    return genai_queue_body(q, genai_load_acq(&q->sh->lane[lane].body));
}


uint32_t
genai_queue_body_size(const genai_queue_t *q)
{
    return q->sh->body_size;
}


void
genai_queue_cursor(const genai_queue_t *q, unsigned lane, unsigned slot,
    genai_cursor_t *c)
{
    *c = q->sh->cursor[lane][slot];
}


void
genai_queue_pass(genai_queue_t *q, unsigned lane, unsigned slot, uint64_t pos)
{
    genai_store_rel(&q->sh->cursor[lane][slot].pos, pos);
    genai_queue_step(q);
    genai_queue_free_space(q, lane);
}


void
genai_queue_account(const genai_queue_t *q, unsigned slot,
    genai_account_t *account)
{
    *account = q->sh->sinks[slot].account;
}


unsigned
genai_queue_lag(const genai_queue_t *q, unsigned lane, unsigned slot)
{
    genai_ring_meta_t  m;

    genai_ring_read(&q->sh->lane[lane].ring, &m);

    return (unsigned) ((m.head - q->sh->cursor[lane][slot].pos) * 256
                       / q->sh->body_size);
}


unsigned
genai_queue_reclaim(genai_queue_t *q)
{
    unsigned            i, n, taken = 0;
    uint32_t            pid;
    uint64_t            start;
    genai_lane_t       *lane;
    genai_ring_meta_t   m;

    n = genai_queue_lanes(q);

    for (i = 1; i < n; i++) {
        lane = &q->sh->lane[i];

        if (genai_load(&lane->body) == 0) {
            continue;
        }

        pid = genai_load_acq(&lane->pid);
        start = genai_load(&lane->start);

        genai_ring_read(&lane->ring, &m);

        if (m.head != lane->ring.tail
            || (pid != 0 && q->env.alive(q->env.data, pid, start)))
        {
            continue;
        }

        q->env.lock(q->env.data);

        /* another process may have made the lane its own meanwhile */

        genai_ring_read(&lane->ring, &m);

        if (lane->pid == pid && lane->start == start
            && m.head == lane->ring.tail)
        {
            genai_store_rel(&lane->pid, 0);
            genai_queue_step(q);
            genai_store_rel(&lane->body, 0);
            taken++;
        }

        q->env.unlock(q->env.data);
    }

    return taken;
}


unsigned
genai_queue_owners(const genai_queue_t *q, uint32_t generation)
{
    unsigned             i, n, owners = 0;
    uint32_t             pid;
    const genai_lane_t  *lane;

    n = genai_queue_lanes(q);

    for (i = 1; i < n; i++) {
        lane = &q->sh->lane[i];
        pid = genai_load_acq(&lane->pid);

        if (pid == 0 || pid == q->self.pid
            || (generation && genai_load(&lane->generation) > generation))
        {
            continue;
        }

        owners += q->env.alive(q->env.data, pid, genai_load(&lane->start));
    }

    return owners;
}


int
genai_queue_busy(const genai_queue_t *q, unsigned slot)
{
    unsigned           i, n;
    genai_ring_meta_t  m;

    n = genai_queue_lanes(q);

    for (i = 0; i < n; i++) {
        genai_ring_read(&q->sh->lane[i].ring, &m);

        if (m.head != q->sh->cursor[i][slot].pos) {
            return 1;
        }
    }

    return 0;
}


/* anybody */

int
genai_queue_stats(const genai_queue_t *q, unsigned slot,
    genai_queue_stats_t *st)
{
    unsigned                  spin;
    uint32_t                  seq;
    const genai_sink_slot_t  *s;

    s = &q->sh->sinks[slot];

    for (spin = 0; spin < GENAI_QUEUE_SPIN; spin++) {

        seq = genai_load_acq(&q->sh->seq);

        if (genai_load_acq(&s->state) != GENAI_SINK_ACTIVE) {
            return GENAI_DECLINED;
        }

        if (seq & 1) {
            __asm__ volatile ("" ::: "memory");
            continue;
        }

        genai_queue_sum(q, slot, st, 0);

        __atomic_thread_fence(__ATOMIC_ACQUIRE);

        if (genai_load(&q->sh->seq) == seq) {
            return GENAI_OK;
        }
    }

    /* the holder died in the middle: the redo record is the truth */

    genai_queue_sum(q, slot, st, (int) (genai_load_acq(&q->sh->redo.valid)
                                        && q->sh->redo.slot == slot));

    return GENAI_OK;
}


static void
genai_queue_sum(const genai_queue_t *q, unsigned slot,
    genai_queue_stats_t *st, int redo)
{
    unsigned                  i, j, n;
    uint64_t                  sampled;
    genai_ring_meta_t         m;
    const genai_redo_t       *r = &q->sh->redo;
    const genai_sink_slot_t  *s = &q->sh->sinks[slot];

    memcpy(st->name, s->name, sizeof(st->name));
    st->account = redo ? r->account : s->account;
    st->finished = 0 - s->finished;
    st->pending = 0;

    for (j = 0; j < GENAI_RING_DROP_N; j++) {
        st->account.dropped[j] = 0 - s->dropped[j];
    }

    n = genai_queue_lanes(q);

    for (i = 0; i < n; i++) {
        genai_ring_read(&q->sh->lane[i].ring, &m);

        sampled = q->sh->cursor[i][slot].sampled;

        for (j = 0; redo && j < r->n; j++) {
            if (r->lanes[j] == i) {
                sampled = r->cursor[j].sampled;
            }
        }

        st->finished += m.sampled;
        st->pending += m.sampled - sampled;

        for (j = 0; j < GENAI_RING_DROP_N; j++) {
            st->finished += m.dropped_sampled[j];
            st->account.dropped[j] += m.dropped_sampled[j];
        }
    }
}


void
genai_queue_totals(const genai_queue_t *q, genai_queue_totals_t *t)
{
    unsigned             i, j, n;
    genai_ring_meta_t    m;
    const genai_lane_t  *lane;

    memset(t, 0, sizeof(*t));

    n = genai_queue_lanes(q);

    for (i = 0; i < n; i++) {
        lane = &q->sh->lane[i];
        genai_ring_read(&lane->ring, &m);

        t->committed += m.committed;
        t->sampled += m.sampled;
        t->bytes += m.head - genai_load(&lane->ring.tail);
        t->bodies_used += lane->body != 0;
        t->owners += lane->pid != 0;

        for (j = 0; j < GENAI_RING_DROP_N; j++) {
            t->dropped[j] += m.dropped[j];
        }
    }

    t->bodies = q->sh->nbodies;
    t->limit = (uint64_t) q->sh->nbodies * q->sh->body_size;
    t->removed = genai_load(&q->sh->removed);
    t->holder = genai_load(&q->sh->lease_pid);
    t->generation = genai_load(&q->sh->lease_generation);
}


const char *
genai_queue_drop_name(unsigned reason)
{
    static const char *const  names[GENAI_DROP_N] = {
        "full", "no_body", "oversize", "spool_full", "spool_lost", "corrupt"
    };

    return reason < GENAI_DROP_N ? names[reason] : "";
}
