/*
 * The budgets of many keys in shared memory.  See genai_budget_zone.h.
 */

#include "genai_budget_bound.h"
#include "genai_budget_zone.h"
#include "genai_budget_zone_private.h"


#define MAGIC        0x3262746462616e67ULL
#define NONE         ZONE_NONE
#define SHARD_LEAST  (512 * 1024)      /* of shards chosen by size */
#define SHARDS_SIZE  64                /* as many of them at most */
#define ROWS_MAX     (1U << 24)
#define TRIES        16                /* keys looked at for an idle one */


typedef struct {
    uint32_t               index;
    uint32_t               generation;
    int32_t                pid;
    uint64_t               start;
    int64_t                deadline;
} seen_t;


static inline void
step(genai_budget_zone_t *z, int n)
{
    if (genai_unlikely(z->sync.step != NULL)) {
        z->sync.step(z->sync.data, n);
    }
}


/* what a process has stored before it dies others will find, as long as the
 * compiler keeps the order */

static inline void
in_order(void)
{
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
}


uint32_t
genai_budget_zone_of(const genai_budget_zone_t *z,
    const uint8_t hash[GENAI_BUDGET_HASH])
{
    return hash[GENAI_BUDGET_HASH - 1] & (zone_head(z)->nshards - 1);
}


/* half of a shard's entries may be open twice, or all of them once */

static int
shard_layout(shard_t *s, size_t size, size_t value_size)
{
    size_t    head;
    uint32_t  n, lo, hi;

    head = (sizeof(shard_t) + ZONE_LINE - 1) & ~(size_t) (ZONE_LINE - 1);

    lo = 0;
    hi = size / sizeof(zone_row_t) < ROWS_MAX
         ? (uint32_t) (size / sizeof(zone_row_t)) : ROWS_MAX - 1;

    while (lo < hi) {
        n = lo + (hi - lo + 1) / 2;

        if (head + n * sizeof(zone_row_t)
            + genai_table_size(n, GENAI_BUDGET_HASH, value_size) <= size)
        {
            lo = n;

        } else {
            hi = n - 1;
        }
    }

    s->nrows = lo;
    s->rows = head;
    s->table = head + lo * sizeof(zone_row_t);
    s->table_size = size - s->table;

    return lo ? GENAI_OK : GENAI_ERROR;
}


static void
rows_free(shard_t *s)
{
    uint32_t  i;

    s->free = NONE;
    s->open = 0;

    for (i = s->nrows; i-- > 0; /* void */) {

        if (row_at(s, i)->hold.open) {
            s->open++;
            continue;
        }

        row_at(s, i)->next = s->free;
        s->free = i;
    }
}


static uint32_t
shards_for(size_t size, uint32_t shards)
{
    if (shards) {
        return shards;
    }

    for (shards = 1;
         shards < SHARDS_SIZE && size / (shards * 2) >= SHARD_LEAST;
         shards *= 2)
    {
        /* void */
    }

    return shards;
}


int
genai_budget_zone_init(genai_budget_zone_t *z, void *mem, size_t size,
    uint32_t nlimits, uint32_t shards, const uint8_t seed[16],
    const genai_budget_sync_t *sync)
{
    size_t        each;
    shard_t      *s;
    uint32_t      i;
    zone_head_t  *h;

    shards = shards_for(size, shards);

    if (size <= sizeof(zone_head_t)
        || nlimits == 0 || nlimits > GENAI_BUDGET_LIMITS
        || shards > GENAI_BUDGET_SHARDS_MAX || (shards & (shards - 1)))
    {
        return GENAI_ERROR;
    }

    each = (size - sizeof(zone_head_t)) / shards & ~(size_t) (ZONE_LINE - 1);

    if (each <= sizeof(shard_t) + ZONE_LINE) {
        return GENAI_ERROR;
    }

    z->mem = mem;
    z->sync = *sync;

    h = mem;
    memset(h, 0, sizeof(zone_head_t));
    h->size = size;
    h->shard_size = each;
    h->nshards = shards;
    h->nlimits = nlimits;
    memcpy(h->seed, seed, sizeof(h->seed));

    for (i = 0; i < shards; i++) {
        s = zone_shard(z, i);
        memset(s, 0, sizeof(shard_t));

        if (shard_layout(s, each, zone_entry_size(nlimits)) != GENAI_OK
            || genai_table_init(shard_table(s), s->table_size,
                                GENAI_BUDGET_HASH, zone_entry_size(nlimits),
                                h->seed[0] + i)
               == NULL)
        {
            return GENAI_ERROR;
        }

        memset(row_at(s, 0), 0, s->nrows * sizeof(zone_row_t));
        rows_free(s);
    }

    in_order();
    h->magic = MAGIC;

    return GENAI_OK;
}


int
genai_budget_zone_attach(genai_budget_zone_t *z, void *mem, size_t size,
    uint32_t nlimits, uint32_t shards, const genai_budget_sync_t *sync)
{
    zone_head_t  *h;

    h = mem;

    if (size <= sizeof(zone_head_t) || h->magic != MAGIC || h->size != size
        || h->nlimits != nlimits || h->nshards != shards_for(size, shards))
    {
        return GENAI_DECLINED;
    }

    z->mem = mem;
    z->sync = *sync;

    return GENAI_OK;
}


/* what a section may change of a budget: sub-windows only where the window
 * has some.  Each line less is one less for processors to pass on. */

static void
budget_copy(genai_budget_t *to, const genai_budget_t *from)
{
    uint32_t                   i;
    const genai_budget_use_t  *u;

    memcpy(to, from, offsetof(genai_budget_t, use));

    for (i = 0; i < from->nuse; i++) {
        u = &from->use[i];
        memcpy(&to->use[i], u, u->limit.window == GENAI_BUDGET_ROLLING
                               ? sizeof(genai_budget_use_t)
                               : offsetof(genai_budget_use_t, slot));
    }
}


/* the last holder died in a section: as if it had not begun */

static void
shard_repair(genai_budget_zone_t *z, shard_t *s)
{
    uint32_t     i, n;
    entry_t     *e;
    zone_row_t  *r;

    if (s->dirty == UNDOABLE) {
        e = (entry_t *) ((char *) s + s->undo_entry);
        e->learn = s->undo_learn;
        budget_copy(&e->b, &s->undo_b);

        if (s->undo_row != NONE) {
            r = row_at(s, s->undo_row);
            r->hold = s->undo_hold;
            r->sent = (uint8_t) s->undo_sent;
        }
    }

    step(z, 90);

    genai_table_attach(shard_table(s), s->table_size, GENAI_BUDGET_HASH,
                       zone_entry_size(zone_head(z)->nlimits));
    rows_free(s);

    step(z, 91);

    n = genai_table_limit(shard_table(s));

    for (i = 0; i < n; i++) {
        e = genai_table_at(shard_table(s), i);

        if (e) {
            memset(&e->b.reserved, 0, sizeof(genai_budget_amounts_t));
            e->b.holds = 0;
        }
    }

    for (i = 0; i < s->nrows; i++) {
        r = row_at(s, i);

        if (r->hold.open) {
            genai_budget_hold_again(&row_entry(s, r)->b, &r->hold);
        }
    }

    s->repaired++;
    step(z, 92);

    in_order();
    s->dirty = CLEAN;
}


shard_t *
genai_budget_zone_lock(genai_budget_zone_t *z, uint32_t i)
{
    shard_t  *s;

    s = zone_shard(z, i);
    z->sync.lock(z->sync.data, &s->lock);

    if (genai_unlikely(s->dirty != CLEAN)) {
        shard_repair(z, s);
    }

    return s;
}


void
genai_budget_zone_unlock(genai_budget_zone_t *z, shard_t *s)
{
    z->sync.unlock(z->sync.data, &s->lock);
}


void
genai_budget_zone_begin(genai_budget_zone_t *z, shard_t *s)
{
    s->dirty = CHANGING;
    in_order();
    step(z, 1);
}


void
genai_budget_zone_end(genai_budget_zone_t *z, shard_t *s)
{
    step(z, 9);
    in_order();
    s->dirty = CLEAN;
    in_order();
    step(z, 10);
}


static void
undo_keep(genai_budget_zone_t *z, shard_t *s, entry_t *e, uint32_t row)
{
    s->dirty = CHANGING;
    in_order();

    s->undo_entry = (uint64_t) ((char *) e - (char *) s);
    s->undo_row = row;
    s->undo_learn = e->learn;
    budget_copy(&s->undo_b, &e->b);

    if (row != NONE) {
        s->undo_hold = row_at(s, row)->hold;
        s->undo_sent = row_at(s, row)->sent;
    }

    step(z, 2);
    in_order();
    s->dirty = UNDOABLE;
    in_order();
    step(z, 3);
}


/* forgets the key that was used longest ago of those that are idle */

static int
make_room(genai_budget_zone_t *z, shard_t *s, int64_t now)
{
    int             i, idle;
    entry_t        *e;
    genai_table_t  *t;

    t = shard_table(s);

    for (i = 0; i < TRIES; i++) {
        e = genai_table_oldest(t);

        if (e == NULL) {
            break;
        }

        undo_keep(z, s, e, NONE);
        idle = !e->ready || genai_budget_idle(&e->b, now);
        step(z, 4);

        s->dirty = CHANGING;
        in_order();

        if (idle) {
            genai_table_delete(t, e);
            s->evicted++;
            step(z, 5);
            return GENAI_OK;
        }

        genai_table_touch(t, e);
    }

    return GENAI_DECLINED;
}


entry_t *
genai_budget_zone_entry(genai_budget_zone_t *z, shard_t *s,
    const uint8_t hash[GENAI_BUDGET_HASH], genai_str_t text, int64_t now)
{
    entry_t        *e;
    uint32_t        tick;
    genai_str_t     key;
    genai_table_t  *t;

    t = shard_table(s);
    key = genai_str((const char *) hash, GENAI_BUDGET_HASH);
    tick = (uint32_t) (now / ZONE_TOUCH);

    e = genai_table_find(t, key);

    if (e && e->ready) {

        /* the order of use need not be exact, and it costs its neighbours */

        if (e->touched != tick) {
            e->touched = tick;
            genai_table_touch(t, e);
        }

        return e;
    }

    if (e == NULL) {
        e = genai_table_get(t, key, NULL);
    }

    if (e == NULL && make_room(z, s, now) == GENAI_OK) {
        e = genai_table_get(t, key, NULL);
    }

    if (e == NULL) {
        return NULL;
    }

    step(z, 6);

    e->touched = tick;
    e->keylen = text.len < GENAI_BUDGET_KEY_TEXT ? text.len
                                                 : GENAI_BUDGET_KEY_TEXT;
    if (e->keylen) {
        memcpy(e->key, text.data, e->keylen);
    }

    genai_budget_init(&e->b, NULL, 0, now);

    in_order();
    e->ready = 1;

    return e;
}


static genai_budget_handle_t
handle_of(uint32_t shard, uint32_t row, uint32_t generation)
{
    return (uint64_t) generation << 32 | (uint64_t) shard << 24 | row;
}


int
genai_budget_zone_reserve(genai_budget_zone_t *z,
    const genai_budget_call_t *call, genai_budget_handle_t *handle,
    genai_budget_state_t *why)
{
    int                      rc;
    shard_t                 *s;
    entry_t                 *e;
    uint8_t                  hash[GENAI_BUDGET_HASH];
    uint32_t                 n, i;
    zone_row_t              *r;
    genai_budget_amounts_t   amounts;

    *handle = 0;

    if (why) {
        why->refused = 0;
    }

    genai_budget_key_hash(zone_head(z)->seed, call->key, hash);
    n = genai_budget_zone_of(z, hash);

    s = genai_budget_zone_lock(z, n);
    genai_budget_zone_begin(z, s);

    i = s->free;
    e = i == NONE ? NULL
                  : genai_budget_zone_entry(z, s, hash, call->key, call->now);
    if (e == NULL) {
        s->full++;
        genai_budget_zone_end(z, s);
        genai_budget_zone_unlock(z, s);
        return GENAI_AGAIN;
    }

    undo_keep(z, s, e, i);

    r = row_at(s, i);
    genai_budget_limits(&e->b, call->limits,
                        call->nlimits < zone_head(z)->nlimits
                        ? call->nlimits : zone_head(z)->nlimits, call->now);

    amounts = call->amounts;

    if (call->learned) {
        genai_budget_learned(&e->learn, &amounts);
    }

    rc = GENAI_OK;

    if (call->force) {
        genai_budget_force(&e->b, &r->hold, &amounts, call->share, call->now,
                           why);
    } else {
        rc = genai_budget_reserve(&e->b, &r->hold, &amounts, call->share,
                                  call->now, why);
    }

    step(z, 7);

    if (rc == GENAI_OK) {
        s->free = r->next;
        s->open++;
        r->generation += 1 + (r->generation == UINT32_MAX);
        r->entry = s->undo_entry;
        r->bound = call->amounts;
        r->asked = call->now;
        r->deadline = call->deadline;
        r->start = call->start;
        r->pid = call->pid;
        r->sent = 0;
        r->warn = call->warn < 100 ? call->warn : 100;
        *handle = handle_of(n, i, r->generation);
        step(z, 8);
    }

    genai_budget_zone_end(z, s);
    genai_budget_zone_unlock(z, s);

    return rc;
}


/* the open row of a handle in its locked shard, or NULL and no lock */

static zone_row_t *
row_lock(genai_budget_zone_t *z, genai_budget_handle_t handle, shard_t **s)
{
    uint32_t     n, i;
    zone_row_t  *r;

    n = handle >> 24 & 0xff;
    i = handle & (ROWS_MAX - 1);

    if (handle == 0 || n >= zone_head(z)->nshards) {
        return NULL;
    }

    *s = genai_budget_zone_lock(z, n);

    if (i < (*s)->nrows) {
        r = row_at(*s, i);

        if (r->hold.open && r->generation == handle >> 32) {
            return r;
        }
    }

    genai_budget_zone_unlock(z, *s);

    return NULL;
}


int
genai_budget_zone_sent(genai_budget_zone_t *z, genai_budget_handle_t handle)
{
    entry_t     *e;
    shard_t     *s;
    zone_row_t  *r;

    r = row_lock(z, handle, &s);

    if (r == NULL) {
        return GENAI_DECLINED;
    }

    e = row_entry(s, r);

    genai_budget_zone_begin(z, s);
    undo_keep(z, s, e, (uint32_t) (r - row_at(s, 0)));

    r->sent = 1;
    step(z, 7);
    (void) genai_budget_sent(&e->b, &r->hold, r->asked);

    genai_budget_zone_end(z, s);
    genai_budget_zone_unlock(z, s);

    return GENAI_OK;
}


int
genai_budget_zone_held(genai_budget_zone_t *z, genai_budget_handle_t handle,
    genai_budget_amounts_t *amounts)
{
    shard_t     *s;
    zone_row_t  *r;

    r = row_lock(z, handle, &s);

    if (r == NULL) {
        return GENAI_DECLINED;
    }

    *amounts = r->hold.amounts;
    genai_budget_zone_unlock(z, s);

    return GENAI_OK;
}


int
genai_budget_zone_extend(genai_budget_zone_t *z, genai_budget_handle_t handle,
    int64_t deadline)
{
    shard_t     *s;
    zone_row_t  *r;

    r = row_lock(z, handle, &s);

    if (r == NULL) {
        return GENAI_DECLINED;
    }

    r->deadline = deadline;
    genai_budget_zone_unlock(z, s);

    return GENAI_OK;
}


static void
row_free(shard_t *s, zone_row_t *r)
{
    r->next = s->free;
    s->free = (uint32_t) (r - row_at(s, 0));
    s->open--;
}


static void
news_fill(genai_budget_news_t *news, const entry_t *e, int64_t now)
{
    uint32_t  i;

    news->nuse = e->b.nuse;
    news->keylen = e->keylen;
    memcpy(news->key, e->key, e->keylen);

    for (i = 0; i < e->b.nuse; i++) {
        genai_budget_state(&e->b, i, now, &news->state[i]);
    }
}


/* what is not known is what was reserved, never nothing */

static void
settle_used(const genai_budget_amounts_t *used,
    const genai_budget_amounts_t *held, genai_budget_amounts_t *a)
{
    *a = used ? *used : *held;
    genai_budget_fill(a, held);
}


/* the row leaves, and its shard is unlocked; used NULL and release: as if it
 * had not been */

static void
row_end(genai_budget_zone_t *z, shard_t *s, zone_row_t *r, int release,
    const genai_budget_amounts_t *used, int64_t now,
    genai_budget_news_t *news)
{
    entry_t                 *e;
    uint32_t                 over, warn;
    genai_budget_amounts_t   a;

    e = row_entry(s, r);
    over = 0;
    warn = 0;

    genai_budget_zone_begin(z, s);
    undo_keep(z, s, e, (uint32_t) (r - row_at(s, 0)));

    if (release) {
        genai_budget_release(&e->b, &r->hold);

    } else {
        settle_used(used, &r->hold.amounts, &a);
        genai_budget_settle(&e->b, &r->hold, &a, now, &over);

        if (used) {
            genai_budget_learn(&e->learn, &r->bound, used);
        }

        warn = r->warn && news ? genai_budget_warn(&e->b, r->warn, now) : 0;
    }

    step(z, 7);
    row_free(s, r);
    step(z, 8);

    if (news) {
        news->over = over;
        news->warn = warn;

        if (over | warn) {
            news_fill(news, e, now);
        }
    }

    genai_budget_zone_end(z, s);
    genai_budget_zone_unlock(z, s);
}


int
genai_budget_zone_settle(genai_budget_zone_t *z, genai_budget_handle_t handle,
    const genai_budget_amounts_t *used, int64_t now,
    genai_budget_news_t *news)
{
    shard_t     *s;
    zone_row_t  *r;

    r = row_lock(z, handle, &s);

    if (r == NULL) {
        return GENAI_DECLINED;
    }

    row_end(z, s, r, 0, used, now, news);

    return GENAI_OK;
}


int
genai_budget_zone_release(genai_budget_zone_t *z,
    genai_budget_handle_t handle)
{
    shard_t     *s;
    zone_row_t  *r;

    r = row_lock(z, handle, &s);

    if (r == NULL) {
        return GENAI_DECLINED;
    }

    row_end(z, s, r, 1, NULL, 0, NULL);

    return GENAI_OK;
}


static void
sweep_rows(genai_budget_zone_t *z, uint32_t shard, const seen_t *seen,
    uint32_t n, genai_budget_dead_pt dead, void *data, int64_t now,
    genai_budget_swept_t *swept)
{
    int          gone, release;
    shard_t     *s;
    uint32_t     i;
    zone_row_t  *r;

    for (i = 0; i < n; i++) {
        gone = dead && dead(data, seen[i].pid, seen[i].start);

        if (!gone && now < seen[i].deadline) {
            continue;
        }

        r = row_lock(z, handle_of(shard, seen[i].index, seen[i].generation),
                     &s);
        if (r == NULL) {
            continue;
        }

        if (!gone && now < r->deadline) {
            genai_budget_zone_unlock(z, s);
            continue;
        }

        release = gone && !r->sent;
        row_end(z, s, r, release, NULL, now, NULL);

        swept->released += release;
        swept->settled += !release;
    }
}


void
genai_budget_zone_sweep(genai_budget_zone_t *z, genai_budget_dead_pt dead,
    void *data, int64_t now, genai_budget_swept_t *swept)
{
    seen_t       seen[ZONE_CHUNK];
    shard_t     *s;
    uint32_t     i, k, n, end;
    zone_row_t  *r;

    memset(swept, 0, sizeof(genai_budget_swept_t));

    for (i = 0; i < zone_head(z)->nshards; i++) {

        for (k = 0; k < zone_shard(z, i)->nrows; k = end) {
            s = genai_budget_zone_lock(z, i);
            end = s->open == 0 || s->nrows - k < ZONE_CHUNK
                  ? s->nrows : k + ZONE_CHUNK;

            for (n = 0; s->open && k < end; k++) {
                r = row_at(s, k);

                if (r->hold.open) {
                    seen[n].index = k;
                    seen[n].generation = r->generation;
                    seen[n].pid = r->pid;
                    seen[n].start = r->start;
                    seen[n++].deadline = r->deadline;
                }
            }

            genai_budget_zone_unlock(z, s);

            sweep_rows(z, i, seen, n, dead, data, now, swept);
        }
    }
}


int
genai_budget_zone_raise(genai_budget_zone_t *z, genai_str_t key,
    const genai_budget_limit_t *limits, uint32_t nlimits, uint8_t unit,
    int64_t add, int64_t until, int64_t now)
{
    int       rc;
    shard_t  *s;
    entry_t  *e;
    uint8_t   hash[GENAI_BUDGET_HASH];

    genai_budget_key_hash(zone_head(z)->seed, key, hash);

    s = genai_budget_zone_lock(z, genai_budget_zone_of(z, hash));
    genai_budget_zone_begin(z, s);

    e = genai_budget_zone_entry(z, s, hash, key, now);
    rc = GENAI_AGAIN;

    if (e) {
        undo_keep(z, s, e, NONE);
        genai_budget_limits(&e->b, limits,
                            nlimits < zone_head(z)->nlimits
                            ? nlimits : zone_head(z)->nlimits, now);
        rc = genai_budget_raise(&e->b, unit, add, until, now);
    }

    genai_budget_zone_end(z, s);
    genai_budget_zone_unlock(z, s);

    return rc;
}
