/*
 * Budgets: how they are written, and the arithmetic of one key's budget.
 *
 * A pure state machine: time comes in as seconds since 1970 (UTC), memory is
 * the caller's, nothing fails but by a limit.  USD are pico-USD.
 *
 * A call reserves the most that it can use; the reservation is later replaced
 * by what it really used (settle) or taken back (release).  A limit holds
 * when
 *
 *     spent in the window + reserved by open calls <= limit
 *
 * at every admission and no call uses more than it reserved.  A reservation
 * counts in whatever window it is open in, and is spent in the window that it
 * is settled in; so the sum never passes the limit across a boundary either.
 * A request is spent as soon as it is sent, however long its call takes.
 *
 * Calendar windows start afresh at their boundary in the given time zone.
 * Rolling windows are kept as up to 16 sub-windows of whole seconds; what was
 * spent counts until the whole of its sub-window has left the window: up to a
 * fifteenth of the window longer than it must, a little more (one sub-window)
 * where the seconds do not divide by 15.
 *
 * A clock that steps back never gives an amount free: windows do not turn
 * back.  After a step of more than a window everything spent is kept and
 * counted from the new time on.
 */

#ifndef GENAI_BUDGET_H
#define GENAI_BUDGET_H

#include "genai_lib.h"


#define GENAI_BUDGET_LIMITS    4
#define GENAI_BUDGET_SLOTS     16
#define GENAI_BUDGET_TEXT      64   /* room for any amount or limit as text */
#define GENAI_BUDGET_NEVER     INT64_MAX

#define GENAI_BUDGET_SEC_MAX   (366 * 86400)


typedef enum {
    GENAI_BUDGET_USD = 0,
    GENAI_BUDGET_TOK,               /* input and output */
    GENAI_BUDGET_ITOK,
    GENAI_BUDGET_OTOK,
    GENAI_BUDGET_REQ,
    GENAI_BUDGET_UNIT_N
} genai_budget_unit_e;


typedef enum {
    GENAI_BUDGET_ROLLING = 0,
    GENAI_BUDGET_MINUTE,
    GENAI_BUDGET_HOUR,
    GENAI_BUDGET_DAY,
    GENAI_BUDGET_WEEK,              /* from Monday, ISO 8601 */
    GENAI_BUDGET_MONTH,
    GENAI_BUDGET_WINDOW_N
} genai_budget_window_e;


typedef struct {
    int64_t                amount;  /* pico-USD, tokens or requests */
    int32_t                seconds; /* of a rolling window, else 0 */
    int16_t                tz;      /* minutes east of UTC, calendar only */
    uint8_t                unit;
    uint8_t                window;
} genai_budget_limit_t;


/* what a call reserves or uses */

typedef struct {
    int64_t                usd_pico;
    int64_t                itok;
    int64_t                otok;
    int64_t                req;
} genai_budget_amounts_t;


/* a sum that decays (genai_budget_forecast.h); decides nothing */

typedef struct {
    double                 sum;
    double                 weight;  /* how much of its span it has seen */
    uint64_t               at;      /* ms */
} genai_budget_rate_t;


/* one limit of one key */

typedef struct {
    genai_budget_limit_t   limit;
    int64_t                from;    /* calendar: the window's start; rolling:
                                       the number of the newest sub-window */
    int64_t                spent;   /* in the window */
    int64_t                raised;  /* more than the limit, until then */
    int64_t                raised_until;
    int64_t                warned;  /* when */
    genai_budget_rate_t    rate;    /* of spending, for forecasts */
    int64_t                slot[GENAI_BUDGET_SLOTS];
} genai_budget_use_t;


/* the budget of one key; only the first nuse of use[] need have memory */

typedef struct {
    genai_budget_amounts_t  reserved;
    uint32_t                holds;  /* open reservations */
    uint32_t                nuse;
    genai_budget_use_t      use[GENAI_BUDGET_LIMITS];
} genai_budget_t;


/* an open reservation; settled or released exactly once */

typedef struct {
    genai_budget_amounts_t  amounts;
    uint32_t                open;
    uint32_t                sent;   /* its request is spent already */
} genai_budget_hold_t;


/* how it stands with one limit; of a refusal: with the one that refused */

typedef struct {
    genai_budget_limit_t   limit;
    uint32_t               index;
    unsigned               never:1; /* alone it is more than the limit */
    unsigned               refused:1; /* by this limit, with force: it would
                                         have been */
    int64_t                allowed; /* limit, raise and share of the class */
    int64_t                spent;
    int64_t                reserved;
    int64_t                wanted;
    int64_t                reset;   /* when there can be room: the start of
                                       the next window, or when enough has
                                       left a rolling one */
} genai_budget_state_t;


/*
 * "100usd/day", "2Mtok/1h", "0.5kreq/minute": a limit.  Units usd tok itok
 * otok req, before them k, M or G; rolling windows 10s 5m 1h 30d, calendar
 * windows minute hour day week month.  tz: minutes east of UTC.  err gets one
 * line that says what is wrong and the mend.  GENAI_OK or GENAI_ERROR.
 */
int genai_budget_parse(genai_str_t text, int tz, genai_budget_limit_t *limit,
    char *err, size_t errlen);

/* "50usd": an amount alone; *unit: genai_budget_unit_e */
int genai_budget_parse_amount(genai_str_t text, int64_t *amount,
    uint8_t *unit, char *err, size_t errlen);

/* "UTC", "+05:30", "-08:00"; GENAI_DECLINED for "local", which only the
 * caller can know */
int genai_budget_parse_tz(genai_str_t text, int *minutes, char *err,
    size_t errlen);

/* "80%": 1 to 100 */
int genai_budget_parse_percent(genai_str_t text, uint32_t *percent,
    char *err, size_t errlen);

/* "90s", "5m", "2h", "30d", "1w" in seconds, -1 when it is none of these */
int64_t genai_budget_seconds(genai_str_t text);

/* the limit as genai_budget_parse reads it, zero-terminated; the length */
size_t genai_budget_text(const genai_budget_limit_t *limit,
    char buf[GENAI_BUDGET_TEXT]);

/* "12.5", "1500": the number alone, exact, zero-terminated; the length */
size_t genai_budget_number(uint8_t unit, int64_t amount,
    char buf[GENAI_BUDGET_TEXT]);

/* "12.50 USD", "1500 tokens", exact, zero-terminated; the length */
size_t genai_budget_amount_text(uint8_t unit, int64_t amount,
    char buf[GENAI_BUDGET_TEXT]);

const char *genai_budget_unit_name(uint8_t unit);     /* "usd" */
const char *genai_budget_window_name(uint8_t window); /* "day", "rolling" */

/* what of these amounts a unit counts; sums stop at INT64_MAX */
int64_t genai_budget_amount(const genai_budget_amounts_t *a, uint8_t unit);

/* when the calendar window that t is in starts, and when the next one does;
 * of a rolling window: its sub-window */
int64_t genai_budget_start(const genai_budget_limit_t *limit, int64_t t);
int64_t genai_budget_next(const genai_budget_limit_t *limit, int64_t t);


/* an empty budget with n limits, at most GENAI_BUDGET_LIMITS */
void genai_budget_init(genai_budget_t *b, const genai_budget_limit_t *limits,
    uint32_t n, int64_t now);

/*
 * Other limits than before, e.g. after a reload or from a variable.  A limit
 * of the same unit and window keeps what was spent; others start at nothing.
 * n is the number that b was made with or less.
 */
void genai_budget_limits(genai_budget_t *b,
    const genai_budget_limit_t *limits, uint32_t n, int64_t now);

/*
 * Reserves under all limits or none.  share: percent of each limit that this
 * class may fill, 100 for all.  GENAI_OK, or GENAI_DECLINED and *why (may be
 * NULL): of the limits that refuse, the one that will do so longest.  When
 * none does, only why->refused is set, to 0.
 */
int genai_budget_reserve(genai_budget_t *b, genai_budget_hold_t *hold,
    const genai_budget_amounts_t *amounts, uint32_t share, int64_t now,
    genai_budget_state_t *why);

/* reserves whatever the limits say; why as above, for who wants to know what
 * they said */
void genai_budget_force(genai_budget_t *b, genai_budget_hold_t *hold,
    const genai_budget_amounts_t *amounts, uint32_t share, int64_t now,
    genai_budget_state_t *why);

/* the request goes out: it is spent in the window under way, what else is
 * reserved stays so; now: when it was asked for.  GENAI_DECLINED: sent,
 * settled or released before */
int genai_budget_sent(genai_budget_t *b, genai_budget_hold_t *hold,
    int64_t now);

/*
 * What was used replaces what was reserved; NULL: what was reserved was used.
 * *over (may be NULL) gets a bit for each limit that is now passed.
 * GENAI_OK, or GENAI_DECLINED: settled or released before, nothing changed.
 */
int genai_budget_settle(genai_budget_t *b, genai_budget_hold_t *hold,
    const genai_budget_amounts_t *used, int64_t now, uint32_t *over);

/* as if it had never been; GENAI_DECLINED as above */
int genai_budget_release(genai_budget_t *b, genai_budget_hold_t *hold);

/* counts an open reservation again: for sums that are recomputed */
void genai_budget_hold_again(genai_budget_t *b,
    const genai_budget_hold_t *hold);

/* turns all windows that have ended */
void genai_budget_turn(genai_budget_t *b, int64_t now);

/* bits of the limits of which this percentage is spent, each told once per
 * window */
uint32_t genai_budget_warn(genai_budget_t *b, uint32_t percent, int64_t now);

/*
 * Raises all limits of a unit by add until then; it takes the place of an
 * earlier raise, add 0 ends it.  GENAI_DECLINED: no limit has this unit.
 */
int genai_budget_raise(genai_budget_t *b, uint8_t unit, int64_t add,
    int64_t until, int64_t now);

/* how it stands with limit i; turn the windows first */
void genai_budget_state(const genai_budget_t *b, uint32_t i, int64_t now,
    genai_budget_state_t *state);

/* nothing is reserved, spent or raised: it may be forgotten.  Turns. */
int genai_budget_idle(genai_budget_t *b, int64_t now);


#endif /* GENAI_BUDGET_H */
