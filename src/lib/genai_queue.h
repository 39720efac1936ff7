/*
 * The queue: lanes of finished calls in shared memory, the readers' cursors
 * and accounts, and the lease that says who reads.
 *
 * Pure C on the caller's memory.  Workers write (join, put); one process,
 * the holder of the lease, reads (the functions marked "holder").  Whatever
 * process dies at whatever instruction, the next one goes on:
 *
 * - a lane's head and counters change by one store (genai_ring);
 * - a body belongs to the lane that names it, there is no free list to tear;
 * - what became of a batch is written down as absolute values first (redo),
 *   then applied; the next holder applies it again.
 *
 * Per sink, at every moment:
 *   finished + recovered = acked + unconfirmed + rejected + dropped
 *                          + pending + spooled
 * finished: sampled records committed or dropped since the sink joined;
 * recovered: found in the spool, written by an earlier life.
 */

#ifndef GENAI_QUEUE_H
#define GENAI_QUEUE_H

#include "genai_lib.h"
#include "genai_ring.h"


#define GENAI_QUEUE_SLOTS    1024      /* process slots of one master */
#define GENAI_QUEUE_LANES    (GENAI_QUEUE_SLOTS + 1)
#define GENAI_QUEUE_SINKS    8
#define GENAI_QUEUE_NAME     64        /* of a sink, zero included */
#define GENAI_QUEUE_RECORD   32768     /* longest record */
#define GENAI_QUEUE_BODY     131072    /* smallest body */


/* what the queue cannot do itself */

typedef struct {
    void   *data;

    /* one mutex over all processes, freed when its holder dies */
    void  (*lock)(void *data);
    void  (*unlock)(void *data);

    /* does the process pid that began at start (clock ticks after boot,
     * /proc/PID/stat field 22) still live? */
    int   (*alive)(void *data, uint32_t pid, uint64_t start);

    /* tests only: called before each store that a crash could separate from
     * the next; may not return */
    void  (*step)(void *data);
} genai_queue_env_t;


typedef struct {
    uint32_t  pid;
    uint32_t  slot;                    /* in the master's table */
    uint64_t  start;
    uint32_t  generation;              /* of the configuration */
} genai_queue_self_t;


/* why a sink lost a record */

enum {
    GENAI_DROP_FULL = 0,               /* as GENAI_RING_* */
    GENAI_DROP_NO_BODY,
    GENAI_DROP_OVERSIZE,
    GENAI_DROP_SPOOL_FULL,
    GENAI_DROP_SPOOL_LOST,             /* corrupt, cut or deleted segment */
    GENAI_DROP_CORRUPT,                /* record could not be decoded */
    GENAI_DROP_N
};


/* the account of a sink: the words that an outcome changes */

typedef struct {
    uint64_t  acked;
    uint64_t  unconfirmed;
    uint64_t  rejected;
    uint64_t  retried;                 /* records sent again; no part of the
                                          invariant */
    uint64_t  dropped[GENAI_DROP_N];   /* from SPOOL_FULL on; the lanes
                                          count the others */
    uint64_t  spooled;                 /* now in the spool */
    uint64_t  spooled_total;           /* ever written to it */
    uint64_t  recovered;
    uint64_t  last_success;            /* Unix time, ms */
} genai_account_t;


typedef struct genai_queue_shm_s  genai_queue_shm_t;


/* this process's handle; fields are private */

typedef struct {
    genai_queue_shm_t   *sh;
    uint8_t             *bodies;
    genai_queue_env_t    env;
    genai_queue_self_t   self;
    uint8_t             *body;         /* of the own lane, NULL: none yet */
    uint32_t             poll;         /* puts since a body was looked for */
    unsigned             joined:1;
    unsigned             holder:1;
} genai_queue_t;


/* the smallest memory for bodies of body_size bytes (a power of two, at
 * least GENAI_QUEUE_BODY): the fixed part, the overflow lane, two lanes */
size_t genai_queue_min_size(uint32_t body_size);

/* formats zeroed memory; names: the sinks, which join at once, so that what
 * is written before the first holder runs is theirs too.  GENAI_ERROR: too
 * small, too many sinks, bad body_size */
int genai_queue_init(void *mem, size_t size, uint32_t body_size,
    const char *const *names, size_t n);

/* maps formatted memory; GENAI_ERROR: not ours or another layout */
int genai_queue_open(genai_queue_t *q, void *mem, size_t size,
    const genai_queue_env_t *env);

/* a new configuration's number, larger than any before */
uint32_t genai_queue_generation(genai_queue_t *q);


/* --- writers --- */

/* makes this process the owner of its slot's lane, with what an earlier
 * owner left in it; no body is taken before the first put.  GENAI_ERROR: bad
 * slot (put then uses the overflow lane) */
int genai_queue_join(genai_queue_t *q, const genai_queue_self_t *self);

/* writes a record.  GENAI_DECLINED: dropped and counted */
int genai_queue_put(genai_queue_t *q, unsigned kind, unsigned flags,
    const void *buf, size_t len);

/* the owner goes: the lane may be taken away once it is empty */
void genai_queue_leave(genai_queue_t *q);


/* --- the lease --- */

/* GENAI_OK: this process (q->self, see join) holds it.  GENAI_AGAIN: a live
 * process of this or an older generation does, and knows now that it is
 * wanted.  GENAI_DECLINED: a newer generation has it or wants it.  When it is
 * taken, an outcome that a dead holder left half applied is completed */
int genai_queue_acquire(genai_queue_t *q);

/* holder: a newer generation is waiting */
int genai_queue_wanted(const genai_queue_t *q);

/* holder: gives the lease back */
void genai_queue_release(genai_queue_t *q);


/* --- the holder --- */

/* matches the configured sinks with the slots by name.  slot[i] is set for
 * names[i].  A sink that is gone frees its slot (what it had not read is
 * counted in *removed), a new one joins at the lanes' heads.  GENAI_ERROR: no
 * slot left */
int genai_queue_sinks(genai_queue_t *q, const char *const *names, size_t n,
    unsigned *slot, uint64_t *removed);

/* number of lanes to look at: 0 .. n-1 */
unsigned genai_queue_lanes(const genai_queue_t *q);

/* head and counters of a lane; its body, NULL when it has none */
const uint8_t *genai_queue_lane(const genai_queue_t *q, unsigned lane,
    genai_ring_meta_t *m);

uint32_t genai_queue_body_size(const genai_queue_t *q);

/* where a reader is: slot 0 … for sinks, GENAI_QUEUE_DERIVE for metrics */

#define GENAI_QUEUE_DERIVE   GENAI_QUEUE_SINKS

typedef struct {
    uint64_t  pos;
    uint64_t  sampled;                 /* sampled records passed */
} genai_cursor_t;

void genai_queue_cursor(const genai_queue_t *q, unsigned lane, unsigned slot,
    genai_cursor_t *c);

/* moves a cursor alone: over records that are not of its account (not
 * sampled), or the metrics' */
void genai_queue_pass(genai_queue_t *q, unsigned lane, unsigned slot,
    uint64_t pos);

/* one step of the account: cursors to their new places and the account to
 * its new values, all or nothing even if the holder is killed inside.
 * cursor[lanes[i]] is the new cursor of lane lanes[i] */
void genai_queue_apply(genai_queue_t *q, unsigned slot,
    const genai_account_t *account, const uint16_t *lanes, size_t n,
    const genai_cursor_t *cursor);

void genai_queue_account(const genai_queue_t *q, unsigned slot,
    genai_account_t *account);

/* share of a lane's space between a cursor and the head, in 1/256 */
unsigned genai_queue_lag(const genai_queue_t *q, unsigned lane, unsigned slot);

/* takes the bodies of lanes that are empty and whose owner is gone;
 * returns how many */
unsigned genai_queue_reclaim(genai_queue_t *q);

/* live owners of lanes, other than this process, of generation or older
 * (0: of any) */
unsigned genai_queue_owners(const genai_queue_t *q, uint32_t generation);

/* records that slot's reader has not passed, sampled or not: 0 or not 0 */
int genai_queue_busy(const genai_queue_t *q, unsigned slot);


/* --- anybody --- */

typedef struct {
    char             name[GENAI_QUEUE_NAME];
    uint64_t         finished;
    uint64_t         pending;          /* in lanes */
    genai_account_t  account;          /* dropped[] complete */
} genai_queue_stats_t;

typedef struct {
    uint64_t  committed;               /* records, sampled or not */
    uint64_t  sampled;
    uint64_t  dropped[GENAI_RING_DROP_N];
    uint64_t  bytes;                   /* in lanes, not yet read by all */
    uint64_t  limit;                   /* bytes of all bodies */
    uint64_t  removed;                 /* records of sinks taken out */
    uint32_t  bodies;
    uint32_t  bodies_used;
    uint32_t  owners;                  /* lanes with an owner's name on it */
    uint32_t  holder;                  /* pid, 0: none */
    uint32_t  generation;              /* the holder's */
} genai_queue_totals_t;

/* GENAI_DECLINED: no sink in this slot.  A consistent picture: the invariant
 * holds in it (waits for at most some microseconds for a holder in apply) */
int genai_queue_stats(const genai_queue_t *q, unsigned slot,
    genai_queue_stats_t *st);

void genai_queue_totals(const genai_queue_t *q, genai_queue_totals_t *t);

/* "full", "no_body" … of GENAI_DROP_* */
const char *genai_queue_drop_name(unsigned reason);


#endif /* GENAI_QUEUE_H */
