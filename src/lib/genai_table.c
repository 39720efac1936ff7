/*
 * A bounded hash table with least-recently-used order.  See genai_table.h.
 */

#include "genai_table.h"


#define TABLE_MAGIC  0x3162617469616e67ULL
#define NONE         GENAI_TABLE_END

#define ALIGN8(n)    (((n) + 7) & ~(size_t) 7)


struct genai_table_s {
    uint64_t  magic;
    uint64_t  seed;
    uint64_t  evicted;
    uint32_t  key_max;
    uint32_t  value_size;
    uint32_t  row_size;
    uint32_t  nrows;
    uint32_t  nbuckets;            /* a power of two */
    uint32_t  used;
    uint32_t  free;                /* rows free, linked by next */
    uint32_t  first;               /* last used */
    uint32_t  last;
    uint32_t  dirty;               /* a change is under way */
};


/* a row: this, the key, the value */

typedef struct {
    uint64_t  hash;
    uint32_t  next;                /* of the bucket, or of the free list */
    uint32_t  newer;
    uint32_t  older;
    uint16_t  pad;
    uint8_t   live;                /* set last, cleared first */
    uint8_t   keylen;
} row_t;


static inline row_t *
row_at(const genai_table_t *t, uint32_t i)
{
    return (row_t *) ((char *) t + sizeof(genai_table_t)
                      + t->nbuckets * sizeof(uint32_t)
                      + (size_t) i * t->row_size);
}


static inline uint32_t *
bucket_at(const genai_table_t *t, uint64_t hash)
{
    return (uint32_t *) ((char *) t + sizeof(genai_table_t))
           + (hash & (t->nbuckets - 1));
}


static inline char *
row_key(const row_t *r)
{
    return (char *) r + sizeof(row_t);
}


static inline void *
row_value(const genai_table_t *t, const row_t *r)
{
    return (char *) r + sizeof(row_t) + ALIGN8(t->key_max);
}


static inline row_t *
row_of(const genai_table_t *t, const void *value)
{
    return (row_t *) ((char *) value - sizeof(row_t) - ALIGN8(t->key_max));
}


static inline uint32_t
row_index(const genai_table_t *t, const row_t *r)
{
    return (uint32_t) (((char *) r - (char *) row_at(t, 0)) / t->row_size);
}


static uint64_t
table_hash(const genai_table_t *t, genai_str_t key)
{
    size_t              i;
    uint64_t            h, w;
    unsigned __int128   r;

    h = t->seed ^ key.len;

    for (i = 0; i < key.len; i += 8) {
        w = 0;
        memcpy(&w, key.data + i, key.len - i < 8 ? key.len - i : 8);
        r = (unsigned __int128) (h ^ w) * 0x9e3779b97f4a7c15ULL;
        h = (uint64_t) r ^ (uint64_t) (r >> 64);
    }

    r = (unsigned __int128) (h ^ 0xe7037ed1a0b428dbULL)
        * 0x8ebc6af09c88c6e3ULL;

    return (uint64_t) r ^ (uint64_t) (r >> 64);
}


static uint32_t
table_buckets(uint32_t rows)
{
    uint32_t  n;

    for (n = 1; n < rows && n < (1U << 30); n <<= 1) { /* void */ }

    return n < 2 ? 2 : n;              /* rows stay aligned */
}


static size_t
table_row_size(size_t key_max, size_t value_size)
{
    return sizeof(row_t) + ALIGN8(key_max) + ALIGN8(value_size);
}


size_t
genai_table_size(uint32_t rows, size_t key_max, size_t value_size)
{
    return sizeof(genai_table_t) + table_buckets(rows) * sizeof(uint32_t)
           + rows * table_row_size(key_max, value_size);
}


uint32_t
genai_table_rows(size_t size, size_t key_max, size_t value_size)
{
    uint32_t  lo, hi, mid;

    lo = 0;
    hi = size / sizeof(row_t) < (1 << 28) ? size / sizeof(row_t) : (1 << 28);

    while (lo < hi) {
        mid = lo + (hi - lo + 1) / 2;

        if (genai_table_size(mid, key_max, value_size) <= size) {
            lo = mid;

        } else {
            hi = mid - 1;
        }
    }

    return lo;
}


/* all rows that are live get into chains and list, all others are free */

static void
table_rebuild(genai_table_t *t)
{
    row_t     *r;
    uint32_t   i, *b;

    for (i = 0; i < t->nbuckets; i++) {
        *bucket_at(t, i) = NONE;
    }

    t->used = 0;
    t->free = NONE;
    t->first = NONE;
    t->last = NONE;

    for (i = t->nrows; i-- > 0; /* void */) {
        r = row_at(t, i);

        if (!r->live) {
            r->next = t->free;
            t->free = i;
            continue;
        }

        b = bucket_at(t, r->hash);
        r->next = *b;
        *b = i;

        r->newer = NONE;
        r->older = t->first;

        if (t->first != NONE) {
            row_at(t, t->first)->newer = i;

        } else {
            t->last = i;
        }

        t->first = i;
        t->used++;
    }
}


genai_table_t *
genai_table_init(void *mem, size_t size, size_t key_max, size_t value_size,
    uint64_t seed)
{
    uint32_t        i, n;
    genai_table_t  *t;

    if (key_max == 0 || key_max > GENAI_TABLE_KEY_MAX
        || value_size > UINT32_MAX / 2)
    {
        return NULL;
    }

    n = genai_table_rows(size, key_max, value_size);

    if (n == 0) {
        return NULL;
    }

    t = mem;
    memset(t, 0, sizeof(genai_table_t));

    t->seed = seed;
    t->key_max = key_max;
    t->value_size = value_size;
    t->row_size = table_row_size(key_max, value_size);
    t->nrows = n;
    t->nbuckets = table_buckets(n);

    for (i = 0; i < n; i++) {
        row_at(t, i)->live = 0;
    }

    table_rebuild(t);
    t->magic = TABLE_MAGIC;

    return t;
}


genai_table_t *
genai_table_attach(void *mem, size_t size, size_t key_max, size_t value_size)
{
    genai_table_t  *t;

    t = mem;

    if (size < sizeof(genai_table_t)
        || t->magic != TABLE_MAGIC
        || t->key_max != key_max
        || t->value_size != value_size
        || t->nrows != genai_table_rows(size, key_max, value_size))
    {
        return NULL;
    }

    if (t->dirty) {
        table_rebuild(t);
        t->dirty = 0;
    }

    return t;
}


/* the compiler may not move stores out of a change: that is enough for the
 * death of a process, since what it stored is what others find */

static inline void
table_begin(genai_table_t *t)
{
    t->dirty = 1;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
}


static inline void
table_end(genai_table_t *t)
{
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    t->dirty = 0;
}


static void
list_remove(genai_table_t *t, row_t *r)
{
    if (r->newer != NONE) {
        row_at(t, r->newer)->older = r->older;

    } else {
        t->first = r->older;
    }

    if (r->older != NONE) {
        row_at(t, r->older)->newer = r->newer;

    } else {
        t->last = r->newer;
    }
}


static void
list_insert(genai_table_t *t, row_t *r, uint32_t i)
{
    r->newer = NONE;
    r->older = t->first;

    if (t->first != NONE) {
        row_at(t, t->first)->newer = i;

    } else {
        t->last = i;
    }

    t->first = i;
}


static row_t *
table_lookup(const genai_table_t *t, genai_str_t key, uint64_t hash)
{
    row_t     *r;
    uint32_t   i;

    for (i = *bucket_at(t, hash); i != NONE; i = r->next) {
        r = row_at(t, i);

        if (r->hash == hash && r->keylen == key.len
            && memcmp(row_key(r), key.data, key.len) == 0)
        {
            return r;
        }
    }

    return NULL;
}


void *
genai_table_find(const genai_table_t *t, genai_str_t key)
{
    row_t  *r;

    if (key.len == 0 || key.len > t->key_max) {
        return NULL;
    }

    r = table_lookup(t, key, table_hash(t, key));

    return r ? row_value(t, r) : NULL;
}


void
genai_table_touch(genai_table_t *t, void *value)
{
    row_t     *r;
    uint32_t   i;

    r = row_of(t, value);
    i = row_index(t, r);

    if (t->first == i) {
        return;
    }

    table_begin(t);
    list_remove(t, r);
    list_insert(t, r, i);
    table_end(t);
}


static void *
table_add(genai_table_t *t, genai_str_t key, uint64_t hash)
{
    row_t     *r;
    uint32_t   i, *b;

    table_begin(t);

    i = t->free;
    r = row_at(t, i);
    t->free = r->next;

    r->hash = hash;
    r->keylen = key.len;
    memcpy(row_key(r), key.data, key.len);
    memset(row_value(t, r), 0, t->value_size);

    __atomic_store_n(&r->live, 1, __ATOMIC_RELEASE);

    b = bucket_at(t, hash);
    r->next = *b;
    *b = i;

    list_insert(t, r, i);
    t->used++;

    table_end(t);

    return row_value(t, r);
}


static void *
table_get(genai_table_t *t, genai_str_t key, int *created, int evict)
{
    void      *value;
    row_t     *r;
    uint64_t   hash;

    if (created) {
        *created = 0;
    }

    if (key.len == 0 || key.len > t->key_max) {
        return NULL;
    }

    hash = table_hash(t, key);
    r = table_lookup(t, key, hash);

    if (r) {
        value = row_value(t, r);
        genai_table_touch(t, value);
        return value;
    }

    if (t->free == NONE) {
        if (!evict) {
            return NULL;
        }

        genai_table_delete(t, genai_table_oldest(t));
        t->evicted++;
    }

    if (created) {
        *created = 1;
    }

    return table_add(t, key, hash);
}


void *
genai_table_get(genai_table_t *t, genai_str_t key, int *created)
{
    return table_get(t, key, created, 0);
}


void *
genai_table_put(genai_table_t *t, genai_str_t key, int *created)
{
    return table_get(t, key, created, 1);
}


void
genai_table_delete(genai_table_t *t, void *value)
{
    row_t     *r;
    uint32_t   i, *link;

    r = row_of(t, value);
    i = row_index(t, r);

    table_begin(t);

    __atomic_store_n(&r->live, 0, __ATOMIC_RELEASE);

    for (link = bucket_at(t, r->hash); *link != i;
         link = &row_at(t, *link)->next)
    {
        /* void */
    }

    *link = r->next;
    list_remove(t, r);

    r->next = t->free;
    t->free = i;
    t->used--;

    table_end(t);
}


void *
genai_table_oldest(const genai_table_t *t)
{
    return t->last == NONE ? NULL : row_value(t, row_at(t, t->last));
}


genai_str_t
genai_table_key(const genai_table_t *t, const void *value)
{
    row_t  *r;

    r = row_of(t, value);

    return genai_str(row_key(r), r->keylen);
}


void *
genai_table_next(const genai_table_t *t, const void *value)
{
    uint32_t  i;

    i = value ? row_of(t, value)->older : t->first;

    return i == NONE ? NULL : row_value(t, row_at(t, i));
}


void *
genai_table_at(const genai_table_t *t, uint32_t i)
{
    row_t  *r;

    r = i < t->nrows ? row_at(t, i) : NULL;

    return r && r->live ? row_value(t, r) : NULL;
}


uint32_t
genai_table_used(const genai_table_t *t)
{
    return t->used;
}


uint32_t
genai_table_limit(const genai_table_t *t)
{
    return t->nrows;
}


uint64_t
genai_table_evicted(const genai_table_t *t)
{
    return t->evicted;
}


int
genai_table_check(const genai_table_t *t)
{
    row_t     *r;
    uint32_t   i, b, n, newer;

    for (i = t->first, n = 0, newer = NONE; i != NONE; i = r->older, n++) {
        if (i >= t->nrows || n > t->nrows) {
            return GENAI_ERROR;
        }

        r = row_at(t, i);

        if (!r->live || r->newer != newer
            || table_lookup(t, genai_str(row_key(r), r->keylen), r->hash)
               != r)
        {
            return GENAI_ERROR;
        }

        newer = i;
    }

    if (n != t->used || t->last != newer) {
        return GENAI_ERROR;
    }

    for (b = 0, n = 0; b < t->nbuckets; b++) {
        for (i = *bucket_at(t, b); i != NONE; i = row_at(t, i)->next) {
            if (i >= t->nrows || n++ > t->nrows) {
                return GENAI_ERROR;
            }
        }
    }

    if (n != t->used) {
        return GENAI_ERROR;
    }

    for (i = t->free; i != NONE; i = row_at(t, i)->next) {
        if (i >= t->nrows || n++ > t->nrows || row_at(t, i)->live) {
            return GENAI_ERROR;
        }
    }

    return n == t->nrows ? GENAI_OK : GENAI_ERROR;
}
