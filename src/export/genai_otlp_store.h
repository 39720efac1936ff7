/*
 * What delta temporality remembers of each series: the values that were taken
 * and those of the request under way.
 */

#ifndef GENAI_OTLP_STORE_H
#define GENAI_OTLP_STORE_H

#include "genai_lib.h"
#include "genai_metrics.h"


#define GENAI_OTLP_VALUES  (GENAI_METRICS_BUCKETS + 2)  /* of a series */


/* a series: n values that were taken, then n of the part under way */

typedef struct {
    uint64_t             key;          /* 0: a free place */
    uint64_t             time;         /* of the values taken */
    uint32_t             off;
    uint32_t             n;
} genai_otlp_series_t;


typedef struct {
    genai_otlp_series_t *table;
    size_t               size;         /* a power of two, or 0 */
    size_t               used;
    uint64_t            *values;
    size_t               nvalues;
    size_t               avalues;
    uint32_t            *sent;         /* places of what is under way */
    size_t               nsent;
    size_t               asent;
} genai_otlp_store_t;


/* the series of key with n values; a new one holds zeros since time.  Valid
 * until the next get.  NULL: no memory */
genai_otlp_series_t *genai_otlp_store_get(genai_otlp_store_t *s,
    uint64_t key, uint32_t n, uint64_t time);

/* notes that x is under way: appends to s->sent.  GENAI_OK or GENAI_ERROR */
int genai_otlp_store_sent(genai_otlp_store_t *s,
    const genai_otlp_series_t *x);

/* those of s->sent from..to-1 were taken, as of time */
void genai_otlp_store_take(genai_otlp_store_t *s, size_t from, size_t to,
    uint64_t time);

/* GENAI_OK or GENAI_ERROR */
int genai_otlp_store_save(const genai_otlp_store_t *s, uint64_t registry,
    uint64_t before, const char *path);

/* removes the file.  GENAI_OK; GENAI_DECLINED: there is none; GENAI_ERROR:
 * not a state, s is empty */
int genai_otlp_store_load(genai_otlp_store_t *s, uint64_t *registry,
    uint64_t *before, const char *path);

void genai_otlp_store_free(genai_otlp_store_t *s);

uint64_t genai_otlp_hash(uint64_t h, const char *data, size_t len);


#endif /* GENAI_OTLP_STORE_H */
