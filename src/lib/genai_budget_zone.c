/*
 * The zone: memory, locks, recovery, keys.  See genai_budget_zone.h.
 */

#include <sched.h>

#include "genai_budget_shm.h"


#define ZONE_MAGIC    0x31746467426e6567ULL
#define ZONE_ROWS     8                /* at least, of a shard */
#define ZONE_SPINS    200
#define ZONE_YIELDS   50
#define ZONE_TRIES    8                /* keys looked at for a place */

#define ALIGN128(n)   (((n) + 127) & ~(size_t) 127)


typedef struct {
    size_t    budget;
    size_t    entry;
    size_t    shard;
    size_t    table;
    uint32_t  shards;
    uint32_t  rows;
    uint32_t  keys;
} zone_layout_t;


static void
zone_layout(zone_layout_t *l, size_t size, uint32_t n, uint32_t shards)
{
    size_t  room;

    memset(l, 0, sizeof(*l));

    l->budget = offsetof(genai_budget_t, use)
                + n * sizeof(genai_budget_use_t);
    l->entry = offsetof(genai_budget_entry_t, b) + l->budget;

    if (size <= sizeof(genai_budget_shm_t)) {
        return;
    }

    size -= sizeof(genai_budget_shm_t);

    if (shards == 0) {
        shards = (uint32_t) (size >> 18 < GENAI_BUDGET_SHARDS
                                 ? size >> 18 : GENAI_BUDGET_SHARDS);
    }

    l->shards = shards ? shards : 1;
    l->shard = size / l->shards & ~(size_t) 127;

    if (l->shard <= sizeof(genai_budget_shard_t)) {
        return;
    }

    /* a quarter for the calls under way */

    room = l->shard - sizeof(genai_budget_shard_t);

    l->rows = (uint32_t) (room / 4 / sizeof(genai_budget_row_t));
    l->table = (room - l->rows * sizeof(genai_budget_row_t)) & ~(size_t) 7;
    l->keys = genai_table_rows(l->table, GENAI_BUDGET_KEY, l->entry);
}


size_t
genai_budget_zone_min(uint32_t n)
{
    size_t         rows, table;
    zone_layout_t  l;

    zone_layout(&l, 0, n, 1);

    rows = (ZONE_ROWS + 1) * sizeof(genai_budget_row_t);
    table = genai_table_size(1, GENAI_BUDGET_KEY, l.entry);

    return ALIGN128(sizeof(genai_budget_shm_t) + sizeof(genai_budget_shard_t)
                    + (3 * rows > table ? 4 * rows : rows + table) + 128);
}


void
genai_budget_zone_capacity(size_t size, uint32_t n, uint32_t shards,
    uint32_t *keys, uint32_t *calls)
{
    zone_layout_t  l;

    zone_layout(&l, size, n, shards);

    *keys = l.keys * l.shards;
    *calls = l.rows * l.shards;
}


static int
zone_shard_init(genai_budget_zone_t *z, genai_budget_shard_t *s)
{
    uint32_t             i;
    genai_budget_row_t  *rows;

    memset(s, 0, sizeof(*s));

    if (genai_table_init(genai_budget_table(s), z->sh->table_size,
                         GENAI_BUDGET_KEY, z->sh->entry_size,
                         z->sh->seed[0])
        == NULL)
    {
        return GENAI_ERROR;
    }

    rows = genai_budget_rows(z, s);
    memset(rows, 0, z->sh->rows * sizeof(*rows));

    for (i = 0; i + 1 < z->sh->rows; i++) {
        rows[i].next = i + 2;
    }

    s->free = 1;

    return GENAI_OK;
}


int
genai_budget_zone_init(void *mem, size_t size, uint32_t n, uint32_t shards,
    const uint8_t seed[16])
{
    uint32_t              i;
    zone_layout_t         l;
    genai_budget_shm_t   *sh;
    genai_budget_zone_t   z;

    if (n == 0 || n > GENAI_BUDGET_LIMITS) {
        return GENAI_ERROR;
    }

    zone_layout(&l, size, n, shards);

    if (l.keys == 0 || l.rows < ZONE_ROWS) {
        return GENAI_ERROR;
    }

    sh = mem;
    memset(sh, 0, sizeof(*sh));

    memcpy(sh->seed, seed, sizeof(sh->seed));
    sh->size = size;
    sh->shard_size = l.shard;
    sh->table_size = l.table;
    sh->entry_size = l.entry;
    sh->budget_size = (uint32_t) l.budget;
    sh->shards = l.shards;
    sh->rows = l.rows;
    sh->n = n;

    z.sh = sh;

    for (i = 0; i < l.shards; i++) {
        if (zone_shard_init(&z, genai_budget_shard(&z, i)) != GENAI_OK) {
            return GENAI_ERROR;
        }
    }

    genai_budget_fence();
    sh->magic = ZONE_MAGIC;

    return GENAI_OK;
}


int
genai_budget_zone_open(genai_budget_zone_t *z, void *mem, size_t size,
    uint32_t n, const genai_budget_env_t *env,
    const genai_budget_self_t *self)
{
    zone_layout_t        l;
    genai_budget_shm_t  *sh;

    sh = mem;
    zone_layout(&l, size, n, size >= sizeof(*sh) ? sh->shards : 1);

    if (size < sizeof(*sh) || sh->magic != ZONE_MAGIC || sh->size != size
        || sh->n != n || sh->entry_size != l.entry
        || sh->table_size != l.table || sh->rows != l.rows)
    {
        return GENAI_ERROR;
    }

    z->sh = sh;
    z->env = *env;
    z->self = *self;

    return GENAI_OK;
}


/* --- keys --- */

#define ROTL(v, n)  ((v) << (n) | (v) >> (64 - (n)))


static inline void
zone_sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[2] += v[3];
    v[1] = ROTL(v[1], 13) ^ v[0];
    v[3] = ROTL(v[3], 16) ^ v[2];
    v[0] = ROTL(v[0], 32);
    v[2] += v[1];
    v[0] += v[3];
    v[1] = ROTL(v[1], 17) ^ v[2];
    v[3] = ROTL(v[3], 21) ^ v[0];
    v[2] = ROTL(v[2], 32);
}


/* SipHash-2-4: keys come from strangers */

static uint64_t
zone_hash(const uint64_t seed[2], const char *p, size_t len)
{
    size_t    i;
    uint64_t  m, v[4];

    v[0] = seed[0] ^ 0x736f6d6570736575ULL;
    v[1] = seed[1] ^ 0x646f72616e646f6dULL;
    v[2] = seed[0] ^ 0x6c7967656e657261ULL;
    v[3] = seed[1] ^ 0x7465646279746573ULL;

    for (i = 0; i + 8 <= len; i += 8) {
        memcpy(&m, p + i, 8);
        v[3] ^= m;
        zone_sip_round(v);
        zone_sip_round(v);
        v[0] ^= m;
    }

    m = (uint64_t) len << 56;

    for (/* void */; i < len; i++) {
        m |= (uint64_t) (uint8_t) p[i] << (8 * (i % 8));
    }

    v[3] ^= m;
    zone_sip_round(v);
    zone_sip_round(v);
    v[0] ^= m;
    v[2] ^= 0xff;

    for (i = 0; i < 4; i++) {
        zone_sip_round(v);
    }

    return v[0] ^ v[1] ^ v[2] ^ v[3];
}


/* a long key: its first bytes, '~', 128 bits of hash in hex */

void
genai_budget_key(const genai_budget_zone_t *z, genai_str_t s,
    genai_budget_key_t *k)
{
    size_t             i, head;
    uint64_t           seed[2], h[2];
    static const char  hex[] = "0123456789abcdef";

    k->key = s;

    if (s.len > GENAI_BUDGET_KEY) {
        seed[0] = ~z->sh->seed[1];
        seed[1] = z->sh->seed[0];

        h[0] = zone_hash(z->sh->seed, s.data, s.len);
        h[1] = zone_hash(seed, s.data, s.len);

        head = GENAI_BUDGET_KEY - 33;
        memcpy(k->buf, s.data, head);
        k->buf[head++] = '~';

        for (i = 0; i < 32; i++) {
            k->buf[head + i] = hex[h[i / 16] >> (4 * (i % 16)) & 15];
        }

        k->key = genai_str(k->buf, GENAI_BUDGET_KEY);
    }

    k->shard = z->sh->shards == 1 ? 0
               : (uint32_t) (zone_hash(z->sh->seed, k->key.data, k->key.len)
                             % z->sh->shards);
}


/* --- locks --- */

/* puts back what a change that was not completed was to alter */

static void
zone_recover(genai_budget_at_t *at)
{
    genai_budget_zone_t   *z;
    genai_budget_undo_t   *u;
    genai_budget_entry_t  *e;
    genai_budget_shard_t  *s;

    z = at->z;
    s = at->shard;
    u = &s->undo;

    if (u->valid) {
        e = genai_budget_ptr(s, u->entry);

        memcpy(&e->b, &u->old, z->sh->budget_size);
        genai_budget_step(z);

        if (u->row) {
            genai_budget_rows(z, s)[u->row - 1] = u->old_row;
        }

        s->free = u->free;
        s->high = u->high;
        genai_budget_step(z);
        s->calls = u->calls;

        genai_budget_step(z);
        u->valid = 0;
    }

    genai_budget_step(z);

    (void) genai_table_attach(genai_budget_table(s), z->sh->table_size,
                              GENAI_BUDGET_KEY, z->sh->entry_size);

    s->stats.recovered++;
}


static inline void
zone_pause(uint32_t i)
{
    if (i >= ZONE_SPINS) {
        sched_yield();
        return;
    }

#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#endif
}


/* the zone's own lock: the holder's pid; the dead lose it */

static void
zone_acquire(genai_budget_zone_t *z, genai_budget_shard_t *s)
{
    uint32_t  i, pid;

    for (i = 0; /* void */; i++) {
        pid = __atomic_load_n(&s->lock, __ATOMIC_RELAXED);

        if (pid) {
            if (i < ZONE_SPINS + ZONE_YIELDS) {
                zone_pause(i);
                continue;
            }

            i = ZONE_SPINS;

            if (z->env.alive == NULL || z->env.alive(z->env.data, pid, 0)) {
                continue;
            }
        }

        if (__atomic_compare_exchange_n(&s->lock, &pid, z->self.pid, 0,
                                        __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
        {
            return;
        }
    }
}


void
genai_budget_lock(genai_budget_at_t *at, uint32_t shard)
{
    genai_budget_zone_t   *z;
    genai_budget_shard_t  *s;

    z = at->z;
    s = genai_budget_shard(z, shard);

    if (z->env.lock) {
        z->env.lock(z->env.data, shard);

    } else {
        zone_acquire(z, s);
    }

    at->shard = s;
    at->entry = NULL;
    at->row = NULL;

    if (genai_unlikely(s->busy)) {
        zone_recover(at);
    }

    s->busy = 1;
    genai_budget_step(z);
}


void
genai_budget_unlock(genai_budget_at_t *at)
{
    uint32_t               i;
    genai_budget_zone_t   *z;
    genai_budget_shard_t  *s;

    z = at->z;
    s = at->shard;

    genai_budget_step(z);
    s->busy = 0;
    genai_budget_step(z);

    if (z->env.unlock) {
        i = (uint32_t) (((char *) s - (char *) z->sh
                         - sizeof(genai_budget_shm_t)) / z->sh->shard_size);
        z->env.unlock(z->env.data, i);

    } else {
        __atomic_store_n(&s->lock, 0, __ATOMIC_RELEASE);
    }
}


/* --- changes --- */

void
genai_budget_begin(genai_budget_at_t *at)
{
    genai_budget_undo_t   *u;
    genai_budget_shard_t  *s;

    s = at->shard;
    u = &s->undo;

    u->entry = genai_budget_offset(s, at->entry);
    u->free = s->free;
    u->high = s->high;
    u->calls = s->calls;
    u->row = 0;

    if (at->row) {
        u->row = (uint64_t) (at->row - genai_budget_rows(at->z, s)) + 1;
        u->old_row = *at->row;
    }

    memcpy(&u->old, &at->entry->b, at->z->sh->budget_size);

    genai_budget_step(at->z);
    u->valid = 1;
    genai_budget_step(at->z);
}


void
genai_budget_end(genai_budget_at_t *at)
{
    genai_budget_step(at->z);
    at->shard->undo.valid = 0;
    genai_budget_step(at->z);
}


/* --- entries --- */

static int
zone_idle(const genai_budget_at_t *at, const genai_budget_entry_t *e)
{
    genai_budget_t  b;

    memcpy(&b, &e->b, at->z->sh->budget_size);

    return genai_budget_idle(&b, at->now.sec);
}


/* makes a place; a key that has to stay goes to the end of the queue */

static int
zone_evict(genai_budget_at_t *at)
{
    unsigned        i;
    genai_table_t  *t;
    void           *oldest;

    t = genai_budget_table(at->shard);

    for (i = 0; i < ZONE_TRIES; i++) {
        oldest = genai_table_oldest(t);

        if (oldest && zone_idle(at, oldest)) {
            genai_table_delete(t, oldest);
            genai_budget_step(at->z);
            at->shard->stats.evicted++;

            return GENAI_OK;
        }

        genai_table_touch(t, oldest);
    }

    return GENAI_DECLINED;
}


int
genai_budget_entry(genai_budget_at_t *at, genai_str_t key, int create)
{
    genai_table_t  *t;

    t = genai_budget_table(at->shard);

    if (!create) {
        at->entry = genai_table_find(t, key);
        return at->entry ? GENAI_OK : GENAI_DECLINED;
    }

    if (key.len == 0) {
        return GENAI_DECLINED;
    }

    at->entry = genai_table_get(t, key, NULL);

    if (at->entry == NULL && zone_evict(at) == GENAI_OK) {
        at->entry = genai_table_get(t, key, NULL);
    }

    genai_budget_step(at->z);

    return at->entry ? GENAI_OK : GENAI_DECLINED;
}
