/*
 * Budgets: limits that hold.
 *
 * A zone is memory shared by processes: keys (a tenant, a user, a location),
 * what each has spent in the windows of its limits, and a row for each call
 * that is under way.  A call reserves the most it may need before it starts
 * and settles what it did need when it is over, exactly once.  What a limit
 * has left is limit - settled in the window - reserved; an ask that does not
 * fit into every limit changes nothing.
 *
 * Windows.  A rolling window of length L is a ring of 61 slices of L / 60:
 * the current slice and the 60 before it, so what was spent counts for at
 * least L and at most L + L / 60, and no span of length L ever holds more
 * than the limit.  Rolling windows go by the monotonic clock.  A calendar
 * window goes by Unix time and the zone's timezone.  Money and tokens belong
 * to the moment they are settled, requests to the moment they are admitted;
 * reservations count in whatever window they live.  A clock that jumps back
 * never gives anything back: the later window stays the current one, unless
 * it is more than a whole window ahead, then its sum moves to this one.
 *
 * Memory.  Only offsets, so it may be mapped anywhere.  The zone is cut into
 * shards by key, each with its lock, its table and its rows.  Every change
 * runs under the lock with a log of old values: a process that dies in the
 * middle leaves a change that the next one undoes.  Values that are only
 * estimates (burn rate, learned ratio, counters) are not in the log.
 *
 * A full shard drops the least recently used key that has nothing to remember:
 * no reservation, nothing spent in a window that lasts, no raise.  If there is
 * none the ask gets GENAI_BUDGET_FULL: on_full= is the caller's.
 *
 * Units: money is pico-USD, tokens and requests are whole.  Times are
 * milliseconds unless said.
 */

#ifndef GENAI_BUDGET_H
#define GENAI_BUDGET_H

#include "genai_call.h"
#include "genai_price.h"


typedef enum {
    GENAI_BUDGET_USD = 0,
    GENAI_BUDGET_TOK,                  /* input and output */
    GENAI_BUDGET_ITOK,
    GENAI_BUDGET_OTOK,
    GENAI_BUDGET_REQ,
    GENAI_BUDGET_UNITS
} genai_budget_unit_e;


typedef enum {
    GENAI_BUDGET_ROLLING = 0,
    GENAI_BUDGET_MINUTE,               /* calendar, from here on */
    GENAI_BUDGET_HOUR,
    GENAI_BUDGET_DAY,
    GENAI_BUDGET_WEEK,                 /* from Monday */
    GENAI_BUDGET_MONTH
} genai_budget_window_e;


#define GENAI_BUDGET_LOCAL    INT32_MAX           /* timezone=local */
#define GENAI_BUDGET_LIMITS   8                   /* of one zone */
#define GENAI_BUDGET_KEY      64                  /* bytes kept of a key */
#define GENAI_BUDGET_REASON   64
#define GENAI_BUDGET_MAX      4000000000000000000LL  /* of any amount */
#define GENAI_BUDGET_UNKNOWN  (-1)                /* of an actual amount */


/* one limit, parsed */

typedef struct {
    int64_t    amount;                 /* in the unit */
    uint32_t   length;                 /* seconds, rolling only */
    int32_t    zone;                   /* seconds east, or LOCAL */
    uint8_t    unit;                   /* genai_budget_unit_e */
    uint8_t    window;                 /* genai_budget_window_e */
} genai_budget_limit_t;


/* amounts by unit */

typedef struct {
    int64_t    of[GENAI_BUDGET_UNITS];
} genai_budget_amount_t;


/* both clocks, read by the caller just before (23 ns each) */

typedef struct {
    uint64_t   mono;                   /* CLOCK_MONOTONIC */
    int64_t    unix_time;              /* CLOCK_REALTIME */
} genai_budget_now_t;


/* --- words of the configuration (genai_budget_spec.c) --- */

/*
 * "100usd/day", "2Mtok/1h", "0.5usd/10m", "600req/minute".  Units usd tok
 * itok otok req, suffixes k M G before the unit, decimals as long as the
 * amount is whole in pico-USD, tokens or requests.  Windows: 10s 5m 1h 30d
 * (1 s to 366 d) or minute hour day week month.  zone is set to UTC.
 * GENAI_OK, or GENAI_ERROR and one line in err that says the mend.
 */
int genai_budget_limit_parse(genai_str_t s, genai_budget_limit_t *l,
    char *err, size_t errlen);

/* "50usd", "2Mtok": without a window */
int genai_budget_amount_parse(genai_str_t s, int64_t *amount, uint8_t *unit,
    char *err, size_t errlen);

/* "UTC", "local", "+05:30": seconds east of UTC */
int genai_budget_timezone_parse(genai_str_t s, int32_t *zone, char *err,
    size_t errlen);

/* "80%", "99.5%" -> parts per million, above 0 up to 100 % */
int genai_budget_percent_parse(genai_str_t s, uint32_t *ppm, char *err,
    size_t errlen);

/* "batch:80%": *name is a slice of s */
int genai_budget_class_parse(genai_str_t s, genai_str_t *name, uint32_t *ppm,
    char *err, size_t errlen);

/*
 * Texts into buf, cut to size, zero-terminated; the length.
 * amount: "12.50 USD", "0.000001 USD", "2000000 tokens" (input tokens, output
 * tokens, requests).  number: "12.50", "2000000".  limit: "100usd/day".
 * window: "day", "10s".  time: RFC 3339 in UTC, whole seconds, rounded up.
 */
size_t genai_budget_amount_text(char *buf, size_t size, unsigned unit,
    int64_t amount);
size_t genai_budget_number_text(char *buf, size_t size, unsigned unit,
    int64_t amount);
size_t genai_budget_limit_text(char *buf, size_t size,
    const genai_budget_limit_t *l);
size_t genai_budget_window_text(char *buf, size_t size,
    const genai_budget_limit_t *l);
size_t genai_budget_time_text(char *buf, size_t size, int64_t unix_time);

/* "usd", "tok" … */
const char *genai_budget_unit_name(unsigned unit);

/*
 * What makes the layout of the zone's memory: units and windows, not amounts,
 * as in "usd/day,tok/1h".  Put it into the name of the shared memory: then a
 * reload with other windows gets other memory and may take over the state by
 * a snapshot, and one with other amounts goes on with what was spent.
 */
size_t genai_budget_layout_text(char *buf, size_t size,
    const genai_budget_limit_t *limits, size_t n);


/* --- what a call may need and what it did (genai_budget_bound.c) --- */

#define GENAI_BUDGET_MEDIA_TOKENS  8192
#define GENAI_BUDGET_TOOLS_TOKENS  1024

typedef struct {
    genai_str_t  model;
    genai_str_t  region;
    genai_str_t  tier;
    int64_t      when;                 /* Unix seconds */
    int64_t      body;                 /* bytes, decompressed */
    int64_t      max_tokens;           /* -1: not given */
    int64_t      choices;              /* answers asked for, 0: one */
    int64_t      media;                /* images and files by reference */
    int64_t      media_tokens;         /* for each; 0: the default above */
    int64_t      documents;            /* to rank, 0: none */
    int64_t      images;               /* to make, 0: none */
    unsigned     operation;            /* genai_operation_e */
    unsigned     tools:1;              /* tools are offered */
} genai_budget_facts_t;

/*
 * The most that the call can need.  Input: a token for every byte of the
 * body, media and tools on top, but no more than the model's context; output:
 * choices x max_tokens, or the model's maximum; usd: genai_price_bound().
 * GENAI_OK; GENAI_DECLINED: what is UNKNOWN in *bound has no bound (no price:
 * usd; no max_tokens of an unknown model: output), unpriced= is the caller's.
 */
int genai_budget_bound(const genai_price_table_t *t,
    const genai_budget_facts_t *f, genai_budget_amount_t *bound);

/*
 * What a settled and priced call needed; UNKNOWN where it did not say.
 * Nothing but the request for a cache hit and for what is not billed.
 */
void genai_budget_actual(const genai_call_t *c,
    genai_budget_amount_t *actual);


/* --- a zone (genai_budget.c, genai_budget_zone.c) --- */

typedef struct {
    void      *data;

    /* NULL: the zone's own locks, words with the owner in them that are
     * taken from the dead, as alive() says.  Own callbacks may ignore shard;
     * a lock whose owner died has to become free somehow */
    void     (*lock)(void *data, uint32_t shard);
    void     (*unlock)(void *data, uint32_t shard);

    /* whether the process lives; never called under callbacks' locks */
    int      (*alive)(void *data, uint32_t pid, uint64_t start);

    /* seconds east of UTC at this time, for timezone=local; may be NULL */
    int32_t  (*local)(void *data, int64_t unix_sec);

    /* tests: called before every store that matters; else NULL */
    void     (*step)(void *data);
} genai_budget_env_t;


typedef struct {
    uint32_t   pid;                    /* never 0 */
    uint64_t   start;                  /* tells it from a later same pid */
} genai_budget_self_t;


typedef struct genai_budget_zone_s  genai_budget_zone_t;

/* this process's handle; fields are private */

typedef struct {
    genai_budget_zone_t   *zone;
    genai_budget_env_t     env;
    genai_budget_self_t    self;
    uint64_t               token;      /* self as a lock's value */
    size_t                 n;          /* limits */
    struct {
        uint64_t           window;
        int64_t            start;
        int64_t            end;
    } calendar[GENAI_BUDGET_LIMITS];
} genai_budget_t;


/* a reservation; zeros: none */

typedef struct {
    uint32_t   shard;
    uint32_t   row;                    /* index + 1 */
    uint64_t   generation;
} genai_budget_handle_t;


/* why */

typedef enum {
    GENAI_BUDGET_PASSED = 0,
    GENAI_BUDGET_EXHAUSTED,            /* too little is left */
    GENAI_BUDGET_TOO_LARGE,            /* more than the whole limit */
    GENAI_BUDGET_FULL                  /* no key or row is free: on_full= */
} genai_budget_why_e;


/* one limit of one key as it stands */

typedef struct {
    genai_budget_limit_t  limit;       /* amount: as configured */
    int64_t               ceiling;     /* with raise, and share of class */
    int64_t               used;        /* settled in the window */
    int64_t               reserved;
    int64_t               remaining;   /* of the ceiling, never below 0 */
    int64_t               reset;       /* Unix time: calendar, the window's
                                          end; rolling, when this ask would
                                          fit, or the last slice has gone */
    double                burn;        /* units per second, recently */
    int64_t               exhausted;   /* Unix time at this rate; 0: the
                                          window ends before that */
} genai_budget_state_t;


typedef struct {
    genai_str_t                  key;  /* of any length, not empty */
    const genai_budget_limit_t  *limits;   /* as many as the zone has */
    genai_budget_amount_t        bound;    /* UNKNOWN counts as 0 */
    uint64_t                     deadline; /* monotonic */
    uint32_t                     share;    /* of class, ppm; 0: all */
    unsigned                     learned:1;
    unsigned                     force:1;  /* dry run: reserve all the same */
} genai_budget_ask_t;


typedef struct {
    unsigned                why;       /* genai_budget_why_e */
    unsigned                index;     /* which limit state is about */
    genai_budget_state_t    state;     /* the one that refused and resets
                                          last, else the one nearest to its
                                          end, the ask included */
    genai_budget_amount_t   reserved;  /* what this call holds */
} genai_budget_answer_t;


typedef struct {
    unsigned                warn;      /* bit i: limit i passed warn= now,
                                          for the first time in its window */
    unsigned                overrun;   /* bit u: more of unit u than was
                                          reserved */
    genai_budget_amount_t   settled;
} genai_budget_outcome_t;


/* the smallest memory for n limits, and how many keys and calls under way
 * size bytes hold (each of them may be NULL) */
size_t genai_budget_min_size(const genai_budget_limit_t *limits, size_t n);
void genai_budget_capacity(size_t size, const genai_budget_limit_t *limits,
    size_t n, uint32_t shards, uint32_t *keys, uint32_t *calls);

/*
 * Formats memory (8-byte aligned) for these limits.  A limit whose text comes
 * from a variable: any rolling limit stands for it, at run time it may be of
 * any unit and window.  shards: 0, as many as are good for the size; 1 where
 * there is one key.  seed: 16 random bytes, so that nobody can choose keys
 * that clash.  GENAI_ERROR: too small, no limit or too many.
 */
int genai_budget_init(void *mem, size_t size,
    const genai_budget_limit_t *limits, size_t n, uint32_t shards,
    const uint8_t seed[16]);

/* GENAI_ERROR: not a zone, or another layout or size than init's */
int genai_budget_open(genai_budget_t *b, void *mem, size_t size,
    const genai_budget_limit_t *limits, size_t n,
    const genai_budget_env_t *env, const genai_budget_self_t *self);

/*
 * Reserves ask->bound (learned: what such calls of this key took before, with
 * a margin) in all limits, or in none.  GENAI_OK and *h; GENAI_DECLINED with
 * a->why, then *h is zeros, unless force is set and there was room for a row.
 * Requests are counted at once.  With several zones the caller asks one after
 * the other and releases what it has when one declines.
 */
int genai_budget_reserve(genai_budget_t *b, const genai_budget_ask_t *ask,
    genai_budget_now_t now, genai_budget_handle_t *h,
    genai_budget_answer_t *a);

/*
 * Settles: UNKNOWN units at the reservation.  limits as in the ask, warn in
 * ppm of the limit (0: none), o may be NULL.  *h becomes zeros.  GENAI_OK
 * exactly once for a reservation; GENAI_DECLINED: none, or it has expired or
 * was swept, and was settled then.
 */
int genai_budget_settle(genai_budget_t *b, genai_budget_handle_t *h,
    const genai_budget_amount_t *actual, const genai_budget_limit_t *limits,
    uint32_t warn, genai_budget_now_t now, genai_budget_outcome_t *o);

/* gives all of it back, the request too: nothing was sent */
int genai_budget_release(genai_budget_t *b, genai_budget_handle_t *h,
    genai_budget_now_t now);

/* from here on the provider may bill it: a sweep settles such a reservation
 * in full, and releases one that was not sent.  No lock */
void genai_budget_sent(genai_budget_t *b, const genai_budget_handle_t *h);

/* a new deadline, for calls that go on and on.  No lock */
void genai_budget_extend(genai_budget_t *b, const genai_budget_handle_t *h,
    uint64_t deadline);

/*
 * Settles or releases the reservations whose owner is dead or whose deadline
 * has passed.  For a timer of about a second, in any process: rows are read
 * without the lock, which is held for one row at a time.  How many it ended.
 */
uint32_t genai_budget_sweep(genai_budget_t *b, genai_budget_now_t now);

/*
 * Adds to all limits of a unit for this key until a time (Unix ms), instead
 * of what was added to that unit before; amount 0 takes it back.  GENAI_OK;
 * GENAI_DECLINED: no room for the key.
 */
int genai_budget_raise(genai_budget_t *b, genai_str_t key, unsigned unit,
    int64_t amount, int64_t until, genai_str_t reason,
    genai_budget_now_t now);

/* the limits of a key without asking for anything; limits NULL: those of the
 * last ask.  The number of states (at most max), 0: the key is not known */
size_t genai_budget_look(genai_budget_t *b, genai_str_t key,
    const genai_budget_limit_t *limits, uint32_t share,
    genai_budget_now_t now, genai_budget_state_t *states, size_t max);


/* --- for pages, metrics, the admin surface --- */

typedef struct {
    char                  key[GENAI_BUDGET_KEY];  /* a long key: its first
                                          bytes, '~', and a hash */
    uint32_t              keylen;
    uint32_t              calls;       /* under way */
    uint64_t              admitted;
    uint64_t              refused;
    size_t                n;
    genai_budget_state_t  states[GENAI_BUDGET_LIMITS];
    genai_budget_amount_t raise;       /* 0: none */
    int64_t               raise_until;
    char                  reason[GENAI_BUDGET_REASON];  /* ends with 0 */
} genai_budget_info_t;

typedef struct {
    uint32_t   shards;
    uint32_t   keys;                   /* in use, of */
    uint32_t   keys_limit;
    uint32_t   calls;
    uint32_t   calls_limit;
    uint64_t   admitted;
    uint64_t   refused;
    uint64_t   forced;                 /* dry run: would have been refused */
    uint64_t   full;                   /* asks that found no room */
    uint64_t   evicted;
    uint64_t   overrun;                /* settled above the reservation */
    uint64_t   expired;                /* ended by their deadline */
    uint64_t   swept;                  /* ended after their owner */
    uint64_t   recovered;              /* changes undone after a death */
} genai_budget_stats_t;

/* up to max keys of a shard (0 to stats.shards - 1), last used first; skip:
 * how many to leave out.  Holds the shard's lock meanwhile */
size_t genai_budget_list(genai_budget_t *b, uint32_t shard, size_t skip,
    genai_budget_now_t now, genai_budget_info_t *out, size_t max);

void genai_budget_stats(genai_budget_t *b, genai_budget_stats_t *st);


/* --- snapshots (genai_budget_state.c) --- */

/* enough for a snapshot of this zone, whatever happens meanwhile */
size_t genai_budget_state_size(genai_budget_t *b);

/*
 * Writes the zone's state: format version, CRC-32, windows by their own
 * description, so that a later configuration takes what it still has.
 * Reservations under way are written as spent.  Locks a shard at a time.
 * The length, 0: the buffer is too small.  The caller writes it to a
 * temporary file, syncs and renames.
 */
size_t genai_budget_save(genai_budget_t *b, genai_budget_now_t now, void *buf,
    size_t size);

typedef struct {
    uint32_t   keys;                   /* taken over */
    uint32_t   idle;                   /* keys whose windows were over */
    uint32_t   lost;                   /* keys that found no room */
    uint32_t   dropped;                /* windows that no limit has now */
    int64_t    saved;                  /* Unix time */
} genai_budget_load_t;

/*
 * Reads a snapshot into a zone, best a fresh one: what it says is added.
 * The buffer is checked as a whole before anything is changed.  GENAI_OK;
 * GENAI_ERROR: err says what is wrong with it.
 */
int genai_budget_load(genai_budget_t *b, genai_budget_now_t now,
    const void *buf, size_t len, genai_budget_load_t *ld, char *err,
    size_t errlen);


#endif /* GENAI_BUDGET_H */
