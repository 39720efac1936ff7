/*
 * How many distinct values a label has.
 */

#include "genai_labels.h"


#define LABELS_PROBES  64


typedef struct {
    uint64_t  hash;                    /* 0: free */
    uint64_t  count;
} labels_key_t;


struct genai_labels_s {
    uint64_t      mask;
    labels_key_t  keys[GENAI_LABELS_KEYS];
    uint64_t      values[];            /* hashes, 0: free */
};


static uint64_t labels_hash(uint64_t h, genai_str_t s);
static labels_key_t *labels_key(genai_labels_t *l, uint64_t hash);


genai_labels_t *
genai_labels_init(void *mem, size_t size)
{
    uint64_t         n;
    genai_labels_t  *l;

    if (size < GENAI_LABELS_MIN) {
        return NULL;
    }

    l = mem;

    for (n = 1; 2 * n * 8 <= size - sizeof(genai_labels_t); n *= 2) {
        /* void */
    }

    l->mask = n - 1;

    return l;
}


genai_labels_t *
genai_labels_attach(void *mem)
{
    return mem;
}


int
genai_labels_admit(genai_labels_t *l, genai_str_t key, genai_str_t value,
    uint32_t max)
{
    uint64_t       i, hash, seen;
    unsigned       n;
    labels_key_t  *k;

    hash = labels_hash(14695981039346656037ULL, key) | 1;

    k = labels_key(l, hash);
    if (k == NULL) {
        return 0;
    }

    hash = labels_hash(hash, value) | 1;

    for (n = 0, i = hash >> 7; n < LABELS_PROBES; n++, i++) {

        seen = __atomic_load_n(&l->values[i & l->mask], __ATOMIC_RELAXED);

        if (seen == hash) {
            return 1;
        }

        if (seen != 0) {
            continue;
        }

        if (__atomic_load_n(&k->count, __ATOMIC_RELAXED) >= max) {
            return 0;
        }

        if (__atomic_compare_exchange_n(&l->values[i & l->mask], &seen, hash,
                                        0, __ATOMIC_RELAXED,
                                        __ATOMIC_RELAXED))
        {
            __atomic_fetch_add(&k->count, 1, __ATOMIC_RELAXED);
            return 2;
        }

        if (seen == hash) {
            return 1;
        }
    }

    return 0;
}


static labels_key_t *
labels_key(genai_labels_t *l, uint64_t hash)
{
    unsigned       n;
    uint64_t       seen;
    labels_key_t  *k;

    for (n = 0; n < GENAI_LABELS_KEYS; n++) {

        k = &l->keys[(hash + n) % GENAI_LABELS_KEYS];
        seen = __atomic_load_n(&k->hash, __ATOMIC_RELAXED);

        if (seen == 0
            && __atomic_compare_exchange_n(&k->hash, &seen, hash, 0,
                                           __ATOMIC_RELAXED,
                                           __ATOMIC_RELAXED))
        {
            return k;
        }

        if (seen == hash) {
            return k;
        }
    }

    return NULL;
}


/* FNV-1a, then mixed: only its spread matters */

static uint64_t
labels_hash(uint64_t h, genai_str_t s)
{
    size_t  i;

    for (i = 0; i < s.len; i++) {
        h ^= (unsigned char) s.data[i];
        h *= 1099511628211ULL;
    }

    h ^= h >> 32;
    h *= 0xd6e8feb86659fd93ULL;
    h ^= h >> 32;

    return h;
}
