/*
 * How a budget zone lies in memory: shared by the zone and its snapshots.
 */

#ifndef GENAI_BUDGET_ZONE_PRIVATE_H
#define GENAI_BUDGET_ZONE_PRIVATE_H

#include "genai_budget_zone.h"
#include "genai_table.h"


#define GENAI_BUDGET_HASH  16


#define ZONE_NONE   UINT32_MAX         /* no row */
#define ZONE_CHUNK  32                 /* rows looked at in one section */
#define ZONE_TOUCH  8                  /* seconds */
#define ZONE_LINE   64


typedef struct {
    uint64_t               magic;
    uint64_t               size;
    uint64_t               shard_size;
    uint32_t               nshards;
    uint32_t               nlimits;
    uint64_t               seed[2];
    uint64_t               pad[2];
} zone_head_t;


typedef struct {
    uint8_t                ready;       /* set when the rest is */
    uint8_t                keylen;
    uint32_t               touched;     /* when, in ZONE_TOUCH */
    char                   key[GENAI_BUDGET_KEY_TEXT];
    genai_budget_learn_t   learn;
    genai_budget_t         b;           /* the last: cut to nlimits */
} entry_t;


/* free unless its hold is open; aligned, since processes share its lines */

typedef struct {
    uint32_t               generation;
    uint32_t               next;        /* of the free ones */
    uint64_t               entry;       /* offset in the shard */
    genai_budget_hold_t    hold;
    genai_budget_amounts_t bound;       /* what would have been reserved */
    int64_t                asked;       /* when */
    int64_t                deadline;
    uint64_t               start;
    int32_t                pid;
    uint8_t                sent;
    uint8_t                warn;
} __attribute__((aligned(ZONE_LINE))) zone_row_t;


enum {
    CLEAN = 0,
    CHANGING,
    UNDOABLE                            /* the copies are complete */
};


typedef struct {
    uint32_t               lock;
    uint32_t               dirty;
    uint32_t               nrows;
    uint32_t               free;        /* the first free row */
    uint32_t               open;
    uint32_t               undo_row;
    uint64_t               undo_entry;  /* offset in the shard */
    uint64_t               rows;        /* offset */
    uint64_t               table;       /* offset */
    uint64_t               table_size;
    uint64_t               undo_sent;   /* the row's, as its hold: no more */
    genai_budget_hold_t    undo_hold;   /* of it is kept */
    genai_budget_learn_t   undo_learn;
    genai_budget_t         undo_b;
    uint64_t               evicted;
    uint64_t               full;
    uint64_t               repaired;
} shard_t;


static inline zone_head_t *
zone_head(const genai_budget_zone_t *z)
{
    return (zone_head_t *) z->mem;
}


static inline shard_t *
zone_shard(const genai_budget_zone_t *z, uint32_t i)
{
    return (shard_t *) (z->mem + sizeof(zone_head_t)
                        + i * zone_head(z)->shard_size);
}


static inline genai_table_t *
shard_table(const shard_t *s)
{
    return (genai_table_t *) ((char *) s + s->table);
}


static inline zone_row_t *
row_at(const shard_t *s, uint32_t i)
{
    return (zone_row_t *) ((char *) s + s->rows) + i;
}


static inline entry_t *
row_entry(const shard_t *s, const zone_row_t *r)
{
    return (entry_t *) ((char *) s + r->entry);
}


static inline size_t
zone_entry_size(uint32_t nlimits)
{
    return offsetof(entry_t, b) + offsetof(genai_budget_t, use)
           + nlimits * sizeof(genai_budget_use_t);
}


/* SipHash-2-4 */
void genai_budget_key_hash(const uint64_t seed[2], genai_str_t key,
    uint8_t out[GENAI_BUDGET_HASH]);

/* locks a shard and mends it where its last holder died */
shard_t *genai_budget_zone_lock(genai_budget_zone_t *z, uint32_t i);
void genai_budget_zone_unlock(genai_budget_zone_t *z, shard_t *s);

/* within a lock: a section that changes begins, and ends */
void genai_budget_zone_begin(genai_budget_zone_t *z, shard_t *s);
void genai_budget_zone_end(genai_budget_zone_t *z, shard_t *s);

/* the shard of a hash; its entry, added and made room for when it is new,
 * NULL when there is none.  Begin first. */
uint32_t genai_budget_zone_of(const genai_budget_zone_t *z,
    const uint8_t hash[GENAI_BUDGET_HASH]);
entry_t *genai_budget_zone_entry(genai_budget_zone_t *z, shard_t *s,
    const uint8_t hash[GENAI_BUDGET_HASH], genai_str_t text, int64_t now);


#endif /* GENAI_BUDGET_ZONE_PRIVATE_H */
