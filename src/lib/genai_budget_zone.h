/*
 * The budgets of many keys in shared memory: entries by key, a row for each
 * open reservation.
 *
 * The memory holds offsets only and may be mapped anywhere.  It is split into
 * shards, each with a lock word, entries and rows of its own; a key belongs
 * to one shard, and each call below locks one shard at a time for a short
 * section: no loop over more than 32 rows or one entry, no system call.
 *
 * A process may die at any instruction.  Before a section changes an entry
 * and a row it keeps a copy of both; whoever locks next finds the section
 * unfinished, puts the copies back and recomputes the sums of reservations
 * from the rows.  So every section happens as a whole or not at all, and what
 * a dead process has reserved is found by genai_budget_zone_sweep().
 *
 * Times are seconds since 1970; amounts as in genai_budget.h.
 */

#ifndef GENAI_BUDGET_ZONE_H
#define GENAI_BUDGET_ZONE_H

#include "genai_budget.h"
#include "genai_budget_forecast.h"


#define GENAI_BUDGET_KEY_TEXT    64
#define GENAI_BUDGET_SHARDS_MAX  64


/*
 * lock() returns with *word held by this process, also when the holder has
 * died: a word of 0 is free, what else it holds is up to the callbacks, which
 * may as well use a lock of their own.  step, NULL but in tests, is called
 * between the stores of a section.
 */

typedef struct {
    void                 (*lock)(void *data, uint32_t *word);
    void                 (*unlock)(void *data, uint32_t *word);
    void                 (*step)(void *data, int step);
    void                  *data;
} genai_budget_sync_t;


/* a process's view of the memory */

typedef struct {
    char                  *mem;
    genai_budget_sync_t    sync;
} genai_budget_zone_t;


/* 0 is none */

typedef uint64_t  genai_budget_handle_t;


typedef struct {
    genai_str_t                  key;       /* any bytes, any length */
    const genai_budget_limit_t  *limits;    /* of this call */
    uint32_t                     nlimits;
    uint32_t                     share;     /* percent, 100: all */
    uint32_t                     warn;      /* percent, 0: no warning */
    genai_budget_amounts_t       amounts;
    uint32_t                     learned;   /* reserve what such calls of
                                               the key used, with a margin */
    unsigned                     force:1;   /* whatever the limits say */
    int32_t                      pid;       /* the owner, and when it */
    uint64_t                     start;     /* started */
    int64_t                      deadline;
    int64_t                      now;
} genai_budget_call_t;


/* what a settlement has to tell; key and state are set only then */

typedef struct {
    uint32_t               over;            /* bits of limits passed */
    uint32_t               warn;            /* bits of limits to warn of */
    uint32_t               nuse;
    uint32_t               keylen;
    char                   key[GENAI_BUDGET_KEY_TEXT];
    genai_budget_state_t   state[GENAI_BUDGET_LIMITS];
} genai_budget_news_t;


typedef struct {
    uint32_t               used;            /* keys */
    uint32_t               keys;            /* room for so many */
    uint32_t               open;            /* reservations */
    uint32_t               rows;
    uint64_t               evicted;         /* idle keys forgotten */
    uint64_t               full;            /* calls that found no room */
    uint64_t               repaired;        /* sections undone */
} genai_budget_zone_stat_t;


typedef struct {
    uint32_t               settled;         /* at what they had reserved */
    uint32_t               released;
} genai_budget_swept_t;


/* non-zero: no such process lives */
typedef int (*genai_budget_dead_pt)(void *data, int32_t pid, uint64_t start);

/* b is a copy with its windows turned; key: at most GENAI_BUDGET_KEY_TEXT
 * bytes, of a longer key the first ones */
typedef void (*genai_budget_list_pt)(void *data, genai_str_t key,
    const genai_budget_t *b);


/*
 * An empty zone in size bytes at mem (64-byte aligned) whose keys have up to
 * nlimits limits.  shards: a power of two, 0: by size; 1 suits a zone of one
 * key, which then has all rows.  seed keys the hash.  GENAI_OK, GENAI_ERROR:
 * too small, or a number out of range.
 */
int genai_budget_zone_init(genai_budget_zone_t *z, void *mem, size_t size,
    uint32_t nlimits, uint32_t shards, const uint8_t seed[16],
    const genai_budget_sync_t *sync);

/* a zone made before; GENAI_DECLINED: none, or of another size, version,
 * number of limits or shards */
int genai_budget_zone_attach(genai_budget_zone_t *z, void *mem, size_t size,
    uint32_t nlimits, uint32_t shards, const genai_budget_sync_t *sync);

/*
 * Reserves, all limits or none.  GENAI_OK and a handle; GENAI_DECLINED and
 * *why (may be NULL): the budget refuses; GENAI_AGAIN: no room for the key or
 * the reservation.  With call->force GENAI_OK also where a limit would have
 * refused: why->refused tells, and *why says which.
 */
int genai_budget_zone_reserve(genai_budget_zone_t *z,
    const genai_budget_call_t *call, genai_budget_handle_t *handle,
    genai_budget_state_t *why);

/* the call goes to the upstream: its request is spent, the rest of it may
 * cost from now on, and if its owner dies it is settled, not released.
 * GENAI_DECLINED as in settle */
int genai_budget_zone_sent(genai_budget_zone_t *z,
    genai_budget_handle_t handle);

/* what a reservation has reserved; GENAI_DECLINED as in settle */
int genai_budget_zone_held(genai_budget_zone_t *z,
    genai_budget_handle_t handle, genai_budget_amounts_t *amounts);

/* a later deadline for a call that is still going on */
int genai_budget_zone_extend(genai_budget_zone_t *z,
    genai_budget_handle_t handle, int64_t deadline);

/*
 * used NULL, or what in it is below 0: what was reserved.  news may be NULL.
 * GENAI_DECLINED: settled, released or swept before, nothing changed.
 */
int genai_budget_zone_settle(genai_budget_zone_t *z,
    genai_budget_handle_t handle, const genai_budget_amounts_t *used,
    int64_t now, genai_budget_news_t *news);

int genai_budget_zone_release(genai_budget_zone_t *z,
    genai_budget_handle_t handle);

/*
 * Ends reservations whose owner is dead (released unless sent) and those past
 * their deadline, which are settled at what they reserved.  dead may be NULL;
 * it is called with no lock held.
 */
void genai_budget_zone_sweep(genai_budget_zone_t *z,
    genai_budget_dead_pt dead, void *data, int64_t now,
    genai_budget_swept_t *swept);

/* how it stands with a key: a copy, turned.  GENAI_DECLINED: not known, i.e.
 * nothing is spent */
int genai_budget_zone_peek(genai_budget_zone_t *z, genai_str_t key,
    int64_t now, genai_budget_t *b);

/* raises the limits of a unit for a key, also one not seen before.
 * GENAI_DECLINED: no limit of this unit; GENAI_AGAIN: no room */
int genai_budget_zone_raise(genai_budget_zone_t *z, genai_str_t key,
    const genai_budget_limit_t *limits, uint32_t nlimits, uint8_t unit,
    int64_t add, int64_t until, int64_t now);

/* all keys, in no order; no lock is held in the callback */
void genai_budget_zone_list(genai_budget_zone_t *z, genai_budget_list_pt cb,
    void *data, int64_t now);

void genai_budget_zone_stat(genai_budget_zone_t *z,
    genai_budget_zone_stat_t *stat);

/* GENAI_ERROR: a sum or a list does not agree with the rows; for tests */
int genai_budget_zone_check(genai_budget_zone_t *z);


/* so many bytes are enough for a snapshot taken at once */
size_t genai_budget_zone_snapshot_size(genai_budget_zone_t *z);

/*
 * Writes all keys that are not idle: little-endian, versioned, with a CRC
 * over everything.  What is reserved is in it as spent, since its calls may
 * not be settled before the restart.  The length, 0 when size is too small.
 */
size_t genai_budget_zone_snapshot(genai_budget_zone_t *z, void *buf,
    size_t size, int64_t now);

/*
 * Takes a snapshot into an empty zone, and its hash seed.  Checked as a whole
 * first: a bad one changes nothing and err says what is wrong with it.  keys
 * (may be NULL): those read; lost: those that found no room.  GENAI_OK,
 * GENAI_ERROR: bad, GENAI_DECLINED: the zone is in use.
 */
int genai_budget_zone_restore(genai_budget_zone_t *z, const void *buf,
    size_t len, int64_t now, uint32_t *keys, uint32_t *lost, char *err,
    size_t errlen);


#endif /* GENAI_BUDGET_ZONE_H */
