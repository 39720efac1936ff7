/*
 * How the registry lies in memory: shared by the files of genai_metrics and
 * by their tests, by nobody else.  See genai_metrics.h.
 *
 *   head | series states, rows | counter states, rows | histograms |
 *   exemplars | names
 *
 * All references are indexes, so the memory may be mapped anywhere.
 */

#ifndef GENAI_METRICS_STORE_H
#define GENAI_METRICS_STORE_H

#include "genai_metrics.h"


#define GENAI_METRICS_MAGIC   0x316d69616e6567ULL
#define GENAI_METRICS_LAYOUT  1

#define GENAI_ROW_NONE        UINT32_MAX
#define GENAI_ROW_EMPTY       0
#define GENAI_ROW_CLAIMED     1
#define GENAI_ROW_READY       2

/* a key that found no place so far from its home finds none at all */
#define GENAI_ROW_PROBE       256


/* columns of a series */

enum {
    GENAI_COL_2XX = 0,
    GENAI_COL_3XX,
    GENAI_COL_4XX,
    GENAI_COL_5XX,
    GENAI_COL_ABORTED,
    GENAI_COL_OTHER,
    GENAI_COL_INPUT,
    GENAI_COL_OUTPUT,
    GENAI_COL_CACHE_READ,
    GENAI_COL_CACHE_WRITE,
    GENAI_COL_REASONING,
    GENAI_COL_COST,                    /* pico-USD modulo 2^64 */
    GENAI_COL_COST_COARSE,             /* sum of pico-USD >> 20 */
    GENAI_COL_PRICED,
    GENAI_COL_UNPRICED,
    GENAI_COL_RETRIES,
    GENAI_COL_SOURCE,                  /* body to cache: 6 columns */
    GENAI_COL_DISAGREE = GENAI_COL_SOURCE + 6,
    GENAI_COL_N = 32
};


/* histograms of a series */

enum {
    GENAI_HIST_DURATION = 0,           /* by step and error type */
    GENAI_HIST_TTFT,
    GENAI_HIST_TTFC,
    GENAI_HIST_TPOT,
    GENAI_HIST_GAP,
    GENAI_HIST_COST,
    GENAI_HIST_INPUT,
    GENAI_HIST_OUTPUT,
    GENAI_HIST_RETRIEVAL_SCORE,
    GENAI_HIST_RETRIEVAL_DOCS,
    GENAI_HIST_SCORE,                  /* by name */
    GENAI_HIST_N
};


#define GENAI_SERIES_KEY   464
#define GENAI_COUNTER_KEY  104

typedef struct {
    uint64_t          columns[GENAI_COL_N];
    uint32_t          hist[GENAI_HIST_N];     /* index + 1 of the first */
    uint16_t          keylen;
    char              pad[2];
    char              key[GENAI_SERIES_KEY];
} genai_series_t;


typedef struct {
    uint64_t          value;
    uint32_t          series;
    uint16_t          keylen;
    uint8_t           counter;                /* genai_counter_e */
    char              pad[9];
    char              key[GENAI_COUNTER_KEY];
} genai_counter_t;


typedef struct {
    uint32_t          next;                   /* index + 1 */
    uint32_t          exemplars;              /* index + 1 */
    uint16_t          name;
    uint8_t           step;
    uint8_t           kind;
    uint32_t          series;
    double            sum;
    uint64_t          counts[GENAI_METRICS_BUCKETS];
} genai_hist_t;


typedef struct {
    genai_exemplar_t  bucket[GENAI_METRICS_BUCKETS];
} genai_exemplars_t;


typedef struct {
    uint8_t           len;
    char              data[63];
} genai_name_t;


enum {
    GENAI_FULL_SERIES = 0,
    GENAI_FULL_COUNTERS,
    GENAI_FULL_HISTOGRAMS,
    GENAI_FULL_NAMES,
    GENAI_FULL_N
};


/* the open addressing part of a table; offsets are from the head */

typedef struct {
    uint64_t          states;
    uint64_t          rows;
    uint32_t          n;
    uint32_t          used;
} genai_rows_t;


struct genai_metrics_s {
    uint64_t              magic;
    uint32_t              layout;
    uint32_t              other;              /* the last resort's series */
    uint64_t              size;
    uint64_t              start;
    uint64_t              seed;
    genai_metrics_plan_t  plan;
    uint32_t              pad;

    genai_rows_t          series;
    genai_rows_t          counters;

    uint64_t              histograms;
    uint64_t              exemplars;
    uint64_t              names;
    uint32_t              histograms_used;
    uint32_t              exemplars_used;
    uint32_t              names_used;

    uint64_t              own_ns;
    uint64_t              full[GENAI_FULL_N];
};


static inline uint64_t
genai_metrics_load(const uint64_t *p)
{
    return __atomic_load_n(p, __ATOMIC_RELAXED);
}


static inline genai_series_t *
genai_metrics_series(const genai_metrics_t *m, uint32_t i)
{
    return (genai_series_t *) ((char *) m + m->series.rows) + i;
}


static inline genai_counter_t *
genai_metrics_counter(const genai_metrics_t *m, uint32_t i)
{
    return (genai_counter_t *) ((char *) m + m->counters.rows) + i;
}


static inline genai_hist_t *
genai_metrics_hist(const genai_metrics_t *m, uint32_t i)
{
    return (genai_hist_t *) ((char *) m + m->histograms) + i;
}


static inline genai_exemplars_t *
genai_metrics_exemplars(const genai_metrics_t *m, uint32_t i)
{
    return (genai_exemplars_t *) ((char *) m + m->exemplars) + i;
}


static inline genai_name_t *
genai_metrics_name(const genai_metrics_t *m, uint32_t i)
{
    return (genai_name_t *) ((char *) m + m->names) + i;
}


/* copies text into at most max bytes, whole UTF-8 characters only; what is
 * not one, and control characters, become ?.  The number of bytes written */
size_t genai_metrics_clean(char *dst, const char *src, size_t len,
    size_t max);

/* the row of a call's label set, made when there is none yet */
uint32_t genai_metrics_series_of(genai_metrics_t *m, const genai_call_t *c);

/* adds n to a counter of that row, by the counter's own label values */
void genai_metrics_counter_add(genai_metrics_t *m, uint32_t series,
    unsigned counter, genai_str_t a, genai_str_t b, uint64_t n);

/* whether row i is published */
int genai_metrics_ready(const genai_metrics_t *m, const genai_rows_t *t,
    uint32_t i);

/* the row that lookups of row i's label set find: i itself unless i is a
 * duplicate */
uint32_t genai_metrics_primary(const genai_metrics_t *m, uint32_t i);

/* the next row after i with the same key, GENAI_ROW_NONE when there is none */
uint32_t genai_metrics_next_series(const genai_metrics_t *m, uint32_t i);
uint32_t genai_metrics_next_counter(const genai_metrics_t *m, uint32_t i);

/* the counter row of a series that has the same counter and label values as
 * row like */
uint32_t genai_metrics_find_counter(const genai_metrics_t *m, uint32_t series,
    const genai_counter_t *like);

/* upper bounds of a kind of histogram */
const double *genai_metrics_bounds(unsigned kind, size_t *n);

/* a key's strings one by one: *pos starts at 2 in a series' key and at 5 in a
 * counter's */
genai_str_t genai_metrics_key_next(const char *key, size_t len, size_t *pos);


#endif /* GENAI_METRICS_STORE_H */
