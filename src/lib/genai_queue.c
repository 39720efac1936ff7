/*
 * The queue: memory, writers, the lease.
 */

#include "genai_queue_shm.h"


#define GENAI_QUEUE_MAGIC    0x3151494e4547ULL     /* GENIQ1 */
#define GENAI_QUEUE_VERSION  1
#define GENAI_QUEUE_PAGE     4096
#define GENAI_QUEUE_RETRY    64        /* puts between two looks for a body */


static size_t genai_queue_bodies_offset(void);
static int genai_queue_attach(genai_queue_t *q);
static int genai_queue_put_overflow(genai_queue_t *q, unsigned kind,
    unsigned flags, const void *buf, size_t len);


static size_t
genai_queue_bodies_offset(void)
{
    return (sizeof(genai_queue_shm_t) + GENAI_QUEUE_PAGE - 1)
           & ~(size_t) (GENAI_QUEUE_PAGE - 1);
}


size_t
genai_queue_min_size(uint32_t body_size)
{
    return genai_queue_bodies_offset() + 3 * (size_t) body_size;
}


int
genai_queue_init(void *mem, size_t size, uint32_t body_size,
    const char *const *names, size_t n)
{
    size_t              i;
    uint64_t            bodies;
    genai_queue_shm_t  *sh = mem;

    if (body_size < GENAI_QUEUE_BODY || (body_size & (body_size - 1))
        || size < genai_queue_min_size(body_size)
        || n > GENAI_QUEUE_SINKS)
    {
        return GENAI_ERROR;
    }

    bodies = (size - genai_queue_bodies_offset()) / body_size;

    if (bodies > GENAI_QUEUE_LANES) {
        bodies = GENAI_QUEUE_LANES;
    }

    memset(sh, 0, sizeof(genai_queue_shm_t));

    sh->version = GENAI_QUEUE_VERSION;
    sh->header = sizeof(genai_queue_shm_t);
    sh->size = size;
    sh->body_size = body_size;
    sh->nbodies = (uint32_t) bodies;
    sh->lanes = 1;
    sh->lane[0].body = 1;

    for (i = 0; i < n; i++) {
        if (strlen(names[i]) >= GENAI_QUEUE_NAME) {
            return GENAI_ERROR;
        }

        strcpy(sh->sinks[i].name, names[i]);
        sh->sinks[i].state = GENAI_SINK_ACTIVE;
    }

    genai_store_rel(&sh->magic, GENAI_QUEUE_MAGIC);

    return GENAI_OK;
}


int
genai_queue_open(genai_queue_t *q, void *mem, size_t size,
    const genai_queue_env_t *env)
{
    genai_queue_shm_t  *sh = mem;

    memset(q, 0, sizeof(genai_queue_t));

    if (size < sizeof(genai_queue_shm_t)
        || genai_load_acq(&sh->magic) != GENAI_QUEUE_MAGIC
        || sh->version != GENAI_QUEUE_VERSION
        || sh->header != sizeof(genai_queue_shm_t)
        || sh->size != size)
    {
        return GENAI_ERROR;
    }

    q->sh = sh;
    q->bodies = (uint8_t *) mem + genai_queue_bodies_offset();
    q->env = *env;

    return GENAI_OK;
}


uint32_t
genai_queue_generation(genai_queue_t *q)
{
    return __atomic_add_fetch(&q->sh->generation, 1, __ATOMIC_RELAXED);
}


/* writers */

int
genai_queue_join(genai_queue_t *q, const genai_queue_self_t *self)
{
    int            other;
    uint32_t       pid;
    uint64_t       start;
    genai_lane_t  *lane;

    q->self = *self;
    q->body = NULL;
    q->joined = 0;

    if (self->slot >= GENAI_QUEUE_SLOTS) {
        return GENAI_ERROR;
    }

    lane = genai_queue_own(q);

    pid = genai_load(&lane->pid);
    start = genai_load(&lane->start);

    other = pid != 0 && (pid != self->pid || start != self->start)
            && q->env.alive(q->env.data, pid, start);

    q->env.lock(q->env.data);

    if (other && lane->pid == pid && lane->start == start) {
        q->env.unlock(q->env.data);
        return GENAI_ERROR;
    }

    genai_store(&lane->pid, 0);
    genai_queue_step(q);
    genai_store(&lane->start, self->start);
    genai_store(&lane->generation, self->generation);
    genai_queue_step(q);
    genai_store_rel(&lane->pid, self->pid);

    if (q->sh->lanes < self->slot + 2) {
        genai_store_rel(&q->sh->lanes, self->slot + 2);
    }

    q->body = genai_queue_body(q, lane->body);
    q->joined = 1;

    q->env.unlock(q->env.data);

    return GENAI_OK;
}


void
genai_queue_leave(genai_queue_t *q)
{
    genai_lane_t  *lane;

    if (!q->joined) {
        return;
    }

    lane = genai_queue_own(q);

    q->env.lock(q->env.data);

    if (lane->pid == q->self.pid && lane->start == q->self.start) {
        genai_store_rel(&lane->pid, 0);
    }

    q->env.unlock(q->env.data);

    q->joined = 0;
    q->body = NULL;
}


/* called with the lock held */

static int
genai_queue_attach(genai_queue_t *q)
{
    uint32_t            i, n;
    genai_lane_t       *lane;
    genai_queue_shm_t  *sh = q->sh;
    uint8_t             used[GENAI_QUEUE_LANES + 1];

    lane = genai_queue_own(q);

    if (lane->body == 0) {
        n = sh->lanes;
        memset(used, 0, sizeof(used));

        for (i = 0; i < n; i++) {
            used[sh->lane[i].body] = 1;
        }

        for (i = 1; i <= sh->nbodies && used[i]; i++) { /* void */ }

        if (i > sh->nbodies) {
            return GENAI_DECLINED;
        }

        genai_queue_step(q);
        genai_store_rel(&lane->body, i);
    }

    q->body = genai_queue_body(q, lane->body);

    return GENAI_OK;
}


int
genai_queue_put(genai_queue_t *q, unsigned kind, unsigned flags,
    const void *buf, size_t len)
{
    int            rc;
    void          *p;
    genai_lane_t  *lane;

    if (genai_unlikely(q->body == NULL)) {

        rc = GENAI_DECLINED;

        if (q->joined && q->poll++ % GENAI_QUEUE_RETRY == 0) {
            q->env.lock(q->env.data);
            rc = genai_queue_attach(q);
            q->env.unlock(q->env.data);
        }

        if (rc != GENAI_OK) {
            return genai_queue_put_overflow(q, kind, flags, buf, len);
        }
    }

    lane = genai_queue_own(q);

    if (genai_unlikely(len > GENAI_QUEUE_RECORD)) {
        genai_ring_drop(&lane->ring, GENAI_RING_OVERSIZE, flags);
        return GENAI_DECLINED;
    }

    p = genai_ring_reserve(&lane->ring, q->body, q->sh->body_size,
                           (uint32_t) len, flags);

    if (genai_unlikely(p == NULL)) {
        genai_ring_drop(&lane->ring, GENAI_RING_FULL, flags);
        return GENAI_DECLINED;
    }

    memcpy(p, buf, len);

    genai_ring_commit(&lane->ring, q->body, q->sh->body_size, p,
                      (uint32_t) len, kind, flags);

    return GENAI_OK;
}


static int
genai_queue_put_overflow(genai_queue_t *q, unsigned kind, unsigned flags,
    const void *buf, size_t len)
{
    int            rc = GENAI_DECLINED;
    void          *p;
    uint8_t       *body;
    genai_ring_t  *ring;

    ring = &q->sh->lane[0].ring;
    body = genai_queue_body(q, q->sh->lane[0].body);

    q->env.lock(q->env.data);

    if (len > GENAI_QUEUE_RECORD) {
        genai_ring_drop(ring, GENAI_RING_OVERSIZE, flags);
        goto done;
    }

    p = genai_ring_reserve(ring, body, q->sh->body_size, (uint32_t) len,
                           flags);
    if (p == NULL) {
        genai_ring_drop(ring, GENAI_RING_NO_BODY, flags);
        goto done;
    }

    memcpy(p, buf, len);
    genai_queue_step(q);

    genai_ring_commit(ring, body, q->sh->body_size, p, (uint32_t) len, kind,
                      flags);
    rc = GENAI_OK;

done:

    q->env.unlock(q->env.data);

    return rc;
}


/* the lease */

int
genai_queue_acquire(genai_queue_t *q)
{
    int                 rc, alive;
    uint32_t            pid, gen;
    uint64_t            start;
    genai_queue_shm_t  *sh = q->sh;

    gen = q->self.generation;

    if (q->holder) {
        return GENAI_OK;
    }

    /* alive() may read files: not under the lock */

    pid = genai_load_acq(&sh->lease_pid);
    start = genai_load(&sh->lease_start);
    alive = pid != 0 && q->env.alive(q->env.data, pid, start);

    q->env.lock(q->env.data);

    rc = GENAI_AGAIN;

    if (sh->lease_pid != pid || sh->lease_start != start) {
        goto done;
    }

    if (alive && sh->lease_generation > gen) {
        rc = GENAI_DECLINED;
        goto done;
    }

    if (sh->wanted > gen) {
        rc = GENAI_DECLINED;
        goto done;
    }

    if (alive) {
        genai_store(&sh->wanted, gen);
        goto done;
    }

    genai_store(&sh->lease_pid, 0);
    genai_queue_step(q);
    genai_store(&sh->lease_start, q->self.start);
    genai_store(&sh->lease_generation, gen);
    genai_queue_step(q);
    genai_store_rel(&sh->lease_pid, q->self.pid);

    rc = GENAI_OK;

done:

    q->env.unlock(q->env.data);

    if (rc == GENAI_OK) {
        q->holder = 1;
        genai_queue_recover(q);
    }

    return rc;
}


int
genai_queue_wanted(const genai_queue_t *q)
{
    return genai_load(&q->sh->wanted) > q->self.generation;
}


void
genai_queue_release(genai_queue_t *q)
{
    if (q->holder) {
        q->holder = 0;
        genai_store_rel(&q->sh->lease_pid, 0);
    }
}
