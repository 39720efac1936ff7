/*
 * How it stands with the keys of a budget zone: copies, made under the lock
 * of one shard at a time.
 */

#include "genai_budget_zone.h"
#include "genai_budget_zone_private.h"


int
genai_budget_zone_peek(genai_budget_zone_t *z, genai_str_t key, int64_t now,
    genai_budget_t *b)
{
    int       rc;
    shard_t  *s;
    entry_t  *e;
    uint8_t   hash[GENAI_BUDGET_HASH];

    genai_budget_key_hash(zone_head(z)->seed, key, hash);
    s = genai_budget_zone_lock(z, genai_budget_zone_of(z, hash));

    e = genai_table_find(shard_table(s),
                         genai_str((char *) hash, GENAI_BUDGET_HASH));
    rc = GENAI_DECLINED;

    if (e && e->ready) {
        memcpy(b, &e->b, zone_entry_size(zone_head(z)->nlimits)
                         - offsetof(entry_t, b));
        rc = GENAI_OK;
    }

    genai_budget_zone_unlock(z, s);

    if (rc == GENAI_OK) {
        genai_budget_turn(b, now);
    }

    return rc;
}


void
genai_budget_zone_list(genai_budget_zone_t *z, genai_budget_list_pt cb,
    void *data, int64_t now)
{
    size_t    size;
    entry_t  *e, copy;
    shard_t  *s;
    uint32_t  i, k, n;

    size = zone_entry_size(zone_head(z)->nlimits);

    for (i = 0; i < zone_head(z)->nshards; i++) {
        n = genai_table_limit(shard_table(zone_shard(z, i)));

        for (k = 0; k < n; /* void */) {
            copy.ready = 0;
            s = genai_budget_zone_lock(z, i);

            do {
                e = genai_table_at(shard_table(s), k);
            } while (++k % ZONE_CHUNK && k < n && e == NULL);

            if (e) {
                memcpy(&copy, e, size);
            }

            genai_budget_zone_unlock(z, s);

            if (copy.ready) {
                genai_budget_turn(&copy.b, now);
                cb(data, genai_str(copy.key, copy.keylen), &copy.b);
            }
        }
    }
}


void
genai_budget_zone_stat(genai_budget_zone_t *z,
    genai_budget_zone_stat_t *stat)
{
    shard_t  *s;
    uint32_t  i;

    memset(stat, 0, sizeof(genai_budget_zone_stat_t));

    for (i = 0; i < zone_head(z)->nshards; i++) {
        s = genai_budget_zone_lock(z, i);

        stat->used += genai_table_used(shard_table(s));
        stat->keys += genai_table_limit(shard_table(s));
        stat->open += s->open;
        stat->rows += s->nrows;
        stat->evicted += s->evicted;
        stat->full += s->full;
        stat->repaired += s->repaired;

        genai_budget_zone_unlock(z, s);
    }
}
