/*
 * A zone of budgets: memory that processes share, a budget (genai_budget.h)
 * for each key, and a row for each call that is under way.
 *
 * A call reserves the most it may need before it starts and settles what it
 * did need when it is over, exactly once: done, failed, aborted, or swept
 * because its process died or its deadline passed.
 *
 * Memory.  Only offsets, so it may be mapped anywhere.  It is cut into shards
 * by key, each with its lock, its table (least recently used order) and its
 * rows.  A change copies what it is about to alter; the copy is valid until
 * the one store that completes the change.  Who finds a valid copy finds a
 * death, and puts it back.  Estimates (burn rate, learned ratio, counters)
 * are not covered.
 *
 * A full shard drops the least recently used keys that have nothing to
 * remember: nothing reserved, nothing spent in a window that lasts, no raise.
 * If there is none the ask gets GENAI_BUDGET_FULL, and on_full= is the
 * caller's.
 *
 * Two clocks come in: seconds since 1970 for windows, monotonic milliseconds
 * for deadlines.
 */

#ifndef GENAI_BUDGET_ZONE_H
#define GENAI_BUDGET_ZONE_H

#include "genai_budget_bound.h"


#define GENAI_BUDGET_KEY      64       /* bytes kept of a key */
#define GENAI_BUDGET_REASON   64


typedef struct {
    int64_t    sec;                    /* CLOCK_REALTIME */
    uint64_t   mono;                   /* CLOCK_MONOTONIC, ms */
} genai_budget_now_t;


typedef struct {
    void      *data;

    /* NULL: the zone's own locks, words with the holder's pid, taken from
     * the dead, as alive() says.  Callbacks may ignore shard, and have to
     * see to it that a lock whose holder died becomes free */
    void     (*lock)(void *data, uint32_t shard);
    void     (*unlock)(void *data, uint32_t shard);

    /* whether the process lives (start 0: any of this pid); never called by
     * who holds a lock.  NULL: nobody ever dies */
    int      (*alive)(void *data, uint32_t pid, uint64_t start);

    /* tests: called before every store that matters; else NULL */
    void     (*step)(void *data);
} genai_budget_env_t;


typedef struct {
    uint32_t   pid;                    /* never 0 */
    uint64_t   start;                  /* tells it from a later same pid */
} genai_budget_self_t;


typedef struct genai_budget_shm_s  genai_budget_shm_t;

/* this process's handle; fields are private */

typedef struct {
    genai_budget_shm_t   *sh;
    genai_budget_env_t    env;
    genai_budget_self_t   self;
} genai_budget_zone_t;


/* a reservation; zeros: none */

typedef struct {
    uint32_t   shard;
    uint32_t   row;                    /* index + 1 */
    uint64_t   generation;
} genai_budget_handle_t;


typedef enum {
    GENAI_BUDGET_PASSED = 0,
    GENAI_BUDGET_EXHAUSTED,            /* too little is left */
    GENAI_BUDGET_TOO_LARGE,            /* alone it is more than the limit */
    GENAI_BUDGET_FULL                  /* no key or row is free: on_full= */
} genai_budget_why_e;


/* one limit of one key as it stands */

typedef struct {
    genai_budget_state_t    s;
    int64_t                 remaining; /* never below 0 */
    double                  burn;      /* units per second, of late */
    int64_t                 exhausted; /* Unix time, at this rate; 0: not
                                          before the window ends */
} genai_budget_view_t;


typedef struct {
    genai_str_t                  key;  /* of any length, not empty */
    const genai_budget_limit_t  *limits;
    uint32_t                     n;    /* at most what the zone has */
    genai_budget_amounts_t       bound;     /* below 0 counts as 0 */
    uint64_t                     deadline;  /* monotonic ms, 0: none */
    uint32_t                     share;     /* percent, of class; 0: all */
    unsigned                     learned:1; /* estimate=learned */
    unsigned                     sent:1;    /* as genai_budget_zone_sent(),
                                               where there is one zone */
    unsigned                     force:1;   /* dry run: reserve whatever is
                                               left */
} genai_budget_ask_t;


typedef struct {
    unsigned                why;       /* genai_budget_why_e */
    genai_budget_view_t     view;      /* of the limit that refused, else of
                                          the one nearest to its end, this
                                          call included */
    genai_budget_amounts_t  reserved;  /* what this call holds */
} genai_budget_answer_t;


typedef struct {
    genai_budget_amounts_t  settled;
    uint32_t                warn;      /* bit i: limit i has passed warn= now,
                                          once in its window */
    uint32_t                over;      /* bit i: limit i is passed */
    unsigned                overrun:1; /* more than was reserved */
    genai_budget_limit_t    limits[GENAI_BUDGET_LIMITS];
} genai_budget_outcome_t;


/* memory for so many keys of n limits, and calls in proportion */
size_t genai_budget_zone_min(uint32_t n);
void genai_budget_zone_capacity(size_t size, uint32_t n, uint32_t shards,
    uint32_t *keys, uint32_t *calls);

/*
 * Formats memory (128-byte aligned) for keys with up to n limits.  The limits
 * themselves come with each ask: what a key has spent stays as long as unit
 * and window are the same.  shards: 0, as many as are good for the size; 1
 * where there is one key.  seed: 16 random bytes, so that nobody can choose
 * keys that clash.  GENAI_ERROR: too small, or n out of range.
 */
int genai_budget_zone_init(void *mem, size_t size, uint32_t n,
    uint32_t shards, const uint8_t seed[16]);

/* GENAI_ERROR: not a zone, or not of this size and n */
int genai_budget_zone_open(genai_budget_zone_t *z, void *mem, size_t size,
    uint32_t n, const genai_budget_env_t *env,
    const genai_budget_self_t *self);

/*
 * Reserves ask->bound in all limits of the key, or in none; with learned:
 * what such calls of this key took before, with a margin, never more than
 * bound.  GENAI_OK and *h; GENAI_DECLINED and a->why: nothing is held, unless
 * force is set and a row was free.  With several zones the caller asks one
 * after the other, and releases what it holds when one declines.
 */
int genai_budget_zone_reserve(genai_budget_zone_t *z,
    const genai_budget_ask_t *ask, genai_budget_now_t now,
    genai_budget_handle_t *h, genai_budget_answer_t *a);

/*
 * From here on the provider may bill it: requests count at once, and a sweep
 * settles the reservation in full where before it would release it.
 */
void genai_budget_zone_sent(genai_budget_zone_t *z,
    const genai_budget_handle_t *h, genai_budget_now_t now);

/*
 * Settles; what is GENAI_BUDGET_UNKNOWN, or all with NULL: at the bound.
 * warn: percent, 0 none.  o may be NULL.  *h becomes zeros.  GENAI_OK exactly
 * once for a reservation; GENAI_DECLINED: none, or it was swept before.
 */
int genai_budget_zone_settle(genai_budget_zone_t *z,
    genai_budget_handle_t *h, const genai_budget_amounts_t *actual,
    uint32_t warn, genai_budget_now_t now, genai_budget_outcome_t *o);

/* gives back what is held: nothing was sent.  As settle */
int genai_budget_zone_release(genai_budget_zone_t *z,
    genai_budget_handle_t *h, genai_budget_now_t now);

/* a later deadline, for calls that go on and on; no lock */
void genai_budget_zone_extend(genai_budget_zone_t *z,
    const genai_budget_handle_t *h, uint64_t deadline);

/*
 * Ends the reservations whose owner is dead or whose deadline has passed.
 * For a timer of about a second, in any process: rows are read without the
 * lock, which is taken for one row at a time.  How many it ended.
 */
uint32_t genai_budget_zone_sweep(genai_budget_zone_t *z,
    genai_budget_now_t now);

/*
 * Adds to all limits of a unit of this key until a time (Unix seconds); it
 * takes the place of an earlier raise of this unit, add 0 ends it.  limits:
 * for a key that is not known yet.  GENAI_DECLINED: no limit has this unit;
 * GENAI_AGAIN: no room for the key, or for one more raise.
 */
int genai_budget_zone_raise(genai_budget_zone_t *z, genai_str_t key,
    const genai_budget_limit_t *limits, uint32_t n, uint8_t unit,
    int64_t add, int64_t until, genai_str_t reason, genai_budget_now_t now);


/* --- for pages, metrics, the admin surface --- */

typedef struct {
    char                  key[GENAI_BUDGET_KEY];  /* a long key: its first
                                          bytes, '~', a hash */
    uint32_t              keylen;
    uint32_t              n;           /* views */
    uint64_t              calls;       /* under way */
    uint64_t              admitted;
    uint64_t              refused;
    genai_budget_view_t   views[GENAI_BUDGET_LIMITS];
    int64_t               raised[GENAI_BUDGET_LIMITS];
    int64_t               raised_until[GENAI_BUDGET_LIMITS];  /* 0: not */
    char                  reason[GENAI_BUDGET_REASON];  /* of the last raise,
                                          ends with 0 */
} genai_budget_info_t;

typedef struct {
    uint32_t   shards;
    uint32_t   keys;
    uint32_t   keys_limit;
    uint32_t   calls;                  /* reservations */
    uint32_t   calls_limit;
    uint64_t   admitted;
    uint64_t   refused;
    uint64_t   forced;                 /* dry run: would be refused */
    uint64_t   full;                   /* no room */
    uint64_t   evicted;
    uint64_t   overrun;
    uint64_t   expired;                /* ended by their deadline */
    uint64_t   swept;                  /* ended after their owner */
    uint64_t   recovered;              /* changes undone after a death */
} genai_budget_stats_t;

/* one key; GENAI_DECLINED: it is not known */
int genai_budget_zone_look(genai_budget_zone_t *z, genai_str_t key,
    genai_budget_now_t now, genai_budget_info_t *info);

/* up to max keys of a shard (0 to stats.shards - 1), last used first,
 * leaving out skip of them.  Holds the shard's lock meanwhile */
size_t genai_budget_zone_list(genai_budget_zone_t *z, uint32_t shard,
    size_t skip, genai_budget_now_t now, genai_budget_info_t *out,
    size_t max);

void genai_budget_zone_stats(genai_budget_zone_t *z,
    genai_budget_stats_t *st);


/* --- snapshots (genai_budget_state.c) --- */

/* bytes that suffice for a snapshot, whatever happens meanwhile */
size_t genai_budget_zone_save_size(genai_budget_zone_t *z);

/*
 * Writes what all keys have spent, with a format version and a CRC-32.  What
 * is reserved is written as spent.  Locks a shard at a time.  The length, 0:
 * the buffer is too small.  The caller writes a temporary file, syncs it and
 * renames it.
 */
size_t genai_budget_zone_save(genai_budget_zone_t *z, genai_budget_now_t now,
    void *buf, size_t size);

typedef struct {
    uint32_t   keys;                   /* taken over */
    uint32_t   idle;                   /* whose windows were over */
    uint32_t   known;                  /* that the zone had already: left */
    uint32_t   lost;                   /* that found no room */
    int64_t    saved;                  /* Unix time */
} genai_budget_load_t;

/*
 * Takes a snapshot into a zone, best a fresh one.  All of it is checked
 * before anything is changed.  GENAI_OK; GENAI_ERROR: err says what is wrong.
 */
int genai_budget_zone_load(genai_budget_zone_t *z, genai_budget_now_t now,
    const void *buf, size_t len, genai_budget_load_t *ld, char *err,
    size_t errlen);


#endif /* GENAI_BUDGET_ZONE_H */
