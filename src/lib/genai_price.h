/*
 * The price table: which row a model id means, and what a call costs.
 *
 * A table is built once (genai_price_parse), never changes afterwards and
 * lives in memory that its owner gave; nothing here allocates later.  Lookups
 * are pure: time, region and tier are passed in.
 *
 * Unit: pico-USD per token, which is micro-USD per million tokens, so that
 * every price with up to six decimals of a USD per million is an integer.
 * Multipliers are parts per million.  A cost is the exact integer sum of
 * tokens x price; where multipliers leave a fraction of a pico-USD it is
 * rounded once, half up, at the end.  The rules: wire-formats 1.3 and 9.1.
 */

#ifndef GENAI_PRICE_H
#define GENAI_PRICE_H

#include "genai_call.h"


#define GENAI_PPM               1000000
#define GENAI_PRICE_ALWAYS      INT64_MIN   /* from: since ever */
#define GENAI_PRICE_FOREVER     INT64_MAX   /* until: no end known */


/* -1: the row has no such price */

typedef struct {
    int64_t               input;        /* pico-USD per uncached token */
    int64_t               output;
    int64_t               cache_read;
    int64_t               cache_write;  /* kept 5 minutes */
    int64_t               cache_write_1h;
    int64_t               image;        /* pico-USD per image made */
    int64_t               query;        /* pico-USD per rerank query */
} genai_price_rates_t;


typedef enum {
    GENAI_PRICE_TEXT = 0,
    GENAI_PRICE_EMBEDDINGS,
    GENAI_PRICE_RERANK,
    GENAI_PRICE_IMAGE,
    GENAI_PRICE_SPEECH                  /* speech and text tokens differ and
                                           usage does not tell them apart */
} genai_price_kind_e;


/* "geo", "in_region", "global", a profile prefix or a region */

typedef struct {
    genai_str_t           name;
    uint32_t              ppm;          /* on the row's own prices */
    unsigned              own:1;        /* has prices of its own */
    unsigned              none:1;       /* its price is not known */
    genai_price_rates_t   rates;
    genai_price_rates_t   long_rates;
} genai_price_route_t;


typedef struct {
    genai_str_t           name;         /* flex, priority, batch ... */
    uint32_t              ppm;
} genai_price_tier_t;


typedef struct {
    genai_str_t           id;
    genai_str_t           provider;
    genai_str_t           family;
    genai_str_t           source;
    genai_str_t           date;
    uint32_t              index;        /* position in the file, from 0 */
    uint8_t               kind;         /* genai_price_kind_e */
    char                  confidence;   /* H, M, L; 0 not said */
    int64_t               from;         /* seconds since 1970, inclusive */
    int64_t               until;        /* exclusive */
    int64_t               context;      /* tokens, -1 not said */
    int64_t               max_output;
    int64_t               long_over;    /* more input than this: long_rates
                                           for the whole call; -1 never */
    int64_t               query_documents;
    uint32_t              pay_ppm;      /* after discount */
    genai_price_rates_t   rates;
    genai_price_rates_t   long_rates;
    genai_price_route_t  *routes;
    size_t                nroutes;
    genai_price_tier_t   *tiers;
    size_t                ntiers;
} genai_price_row_t;


typedef enum {
    GENAI_PRICE_KEY_ID = 0,             /* an id of Bedrock's */
    GENAI_PRICE_KEY_DIRECT,             /* provider's own API: list price */
    GENAI_PRICE_KEY_ALIAS               /* stands for another id */
} genai_price_key_e;


typedef struct genai_price_key_s  genai_price_key_t;

struct genai_price_key_s {
    genai_str_t           name;
    genai_str_t           target;       /* KEY_ALIAS */
    uint32_t              hash;
    uint32_t              row;
    uint8_t               kind;
    genai_price_key_t    *same;         /* same name, another time */
};


typedef struct genai_price_memo_s  genai_price_memo_t;

typedef struct {
    genai_str_t           version;
    genai_price_row_t    *rows;
    size_t                nrows;
    genai_price_key_t    *keys;
    size_t                nkeys;
    genai_price_key_t   **slots;        /* open addressing */
    uint32_t              mask;
    genai_str_t          *providers;    /* first labels of ids */
    size_t                nproviders;
    genai_price_memo_t   *memo;         /* what was found last: a table is
                                           for one thread */
} genai_price_table_t;


/* why there is no price; the row may be known all the same */

typedef enum {
    GENAI_PRICE_FOUND = 0,
    GENAI_PRICE_NO_MODEL,
    GENAI_PRICE_NO_TIME,                /* no row at this time */
    GENAI_PRICE_NO_ROUTE,
    GENAI_PRICE_NO_TIER
} genai_price_why_e;


typedef struct {
    const genai_price_row_t    *row;    /* NULL only when NO_MODEL */
    const genai_price_rates_t  *rates;
    const genai_price_rates_t  *long_rates;
    uint32_t                    route_ppm;
    uint32_t                    tier_ppm;
    uint8_t                     why;    /* genai_price_why_e */
    unsigned                    direct:1;  /* found by a direct-API id */
} genai_price_t;


#define GENAI_PRICE_MEMO  8             /* a power of two */

struct genai_price_memo_s {
    genai_price_t         price;        /* of a row, for its time */
    uint16_t              model;        /* lengths in text; 0: empty */
    uint16_t              region;
    uint16_t              tier;
    char                  text[138];
};


typedef void *(*genai_price_alloc_pt)(void *data, size_t size);


/*
 * Parses a price file (its format: genai_price_file.h).
 * Memory comes from alloc, which may give NULL; nothing is freed, so on error
 * the caller drops its pool.  err gets one line that names the row and says
 * the mend.  GENAI_OK or GENAI_ERROR.
 */
int genai_price_parse(const char *text, size_t len,
    genai_price_alloc_pt alloc, void *data, genai_price_table_t **out,
    char *err, size_t errlen);

/*
 * Builds the hash over t->keys, which the parser has filled.  Gives NULL when
 * all is well, else the first key that clashes with *other: the same name at
 * an overlapping time.  GENAI_ERROR in *rc when memory ran out.
 */
const genai_price_key_t *genai_price_index(genai_price_table_t *t,
    genai_price_alloc_pt alloc, void *data, const genai_price_key_t **other,
    int *rc);

/*
 * The row, route and tier for a decoded model id in any form of wire-formats
 * 1.3.  region: of the endpoint, empty when unknown (an ARN's own region goes
 * first).  tier: as the provider reported it; empty, default, standard and
 * auto are the standard tier.  when: seconds since 1970.
 * GENAI_OK, or GENAI_DECLINED with p->why.
 */
int genai_price_resolve(const genai_price_table_t *t, genai_str_t model,
    genai_str_t region, genai_str_t tier, int64_t when, genai_price_t *p);

/* the row alone, for family and limits; NULL when the model is unknown */
const genai_price_row_t *genai_price_lookup(const genai_price_table_t *t,
    genai_str_t model, int64_t when);

/*
 * The cost of a settled call in pico-USD.  *is_long: the long-context price
 * applied.  GENAI_OK; GENAI_DECLINED: a count or a price it needs is missing;
 * GENAI_ERROR: the cost does not fit in 63 bits.
 *
 * Cached tokens of a row without cache prices cost as much as other input.
 */
int genai_price_cost(const genai_price_t *p, const genai_call_t *c,
    int64_t *cost, unsigned *is_long);

/*
 * Prices a settled call: sets cost_pico, priced, price_long, price_version,
 * or skip (unless a reason was given before) to UNPRICED, NOT_BILLED, or, when
 * a count is missing, BAD_BODY, TRUNCATED or NO_USAGE.  An answer out of a
 * cache costs 0.  t may be NULL.  Gives what genai_price_lookup() has for
 * c->model, or NULL when it did not look.
 */
const genai_price_row_t *genai_price_call(const genai_price_table_t *t,
    genai_call_t *c, int64_t when);

/*
 * The most that a call of at most input and output tokens can cost, in
 * pico-USD: the dearest of all input prices, the long-context price as soon
 * as input can reach it, no tier below standard, the dearest tier for "auto"
 * and for one that is not known, the dearest route where the id does not tell
 * the route.  output -1: the row's maximum.  documents and
 * images: 0 when none.  GENAI_OK, GENAI_DECLINED (no row, or no bound),
 * GENAI_ERROR (overflow).
 */
int genai_price_bound(const genai_price_table_t *t, genai_str_t model,
    genai_str_t region, genai_str_t tier, int64_t when, int64_t input,
    int64_t output, int64_t documents, int64_t images, int64_t *cost);


#endif /* GENAI_PRICE_H */
