/*
 * The metrics registry, on a slice of shared memory.
 *
 * Many processes write it at once without a lock, any process reads it:
 *
 *   genai_metrics_count()    by the worker that finished a call: the exact
 *                            counters (relaxed atomic adds, never reset);
 *   genai_metrics_observe()  by the exporter, the single writer of
 *                            histograms, once per drained record;
 *   genai_metrics_visit()    by readers; the text formats and OTLP both
 *                            stand on it.
 *
 * A label set (api, operation, provider, model, location and up to eight
 * labels of the operator) is one row of an open addressing table that only
 * grows.  A row is claimed by compare and swap, its key is written, then it
 * is published by a release store.  A process killed in between wastes that
 * one row: probing steps over it.  Two processes that meet a new label set at
 * the same moment may each publish a row for it; lookups always take the
 * first of the probe sequence, and readers add up the later ones.
 *
 * A full table sends new label sets to the row (api, operation, location,
 * model="_other"), and that failing to one row of nothing but
 * model="_other"; both are counted in genai_series_overflow_total{table}.
 *
 * Labels are valid UTF-8 whatever a client sent; what is too long is cut.
 *
 * Formats: Prometheus text 0.0.4, OpenMetrics text 1.0.0; names of the
 * conventions' metrics from OpenTelemetry's GenAI conventions 0.1.0 and, for
 * the many readers of those, 1.36 to 1.41.
 */

#ifndef GENAI_METRICS_H
#define GENAI_METRICS_H

#include "genai_call.h"


typedef struct genai_metrics_s  genai_metrics_t;


#define GENAI_METRICS_MODEL     128    /* bytes kept of a label value */
#define GENAI_METRICS_LOCATION  64
#define GENAI_METRICS_PROVIDER  32
#define GENAI_METRICS_VALUE     64     /* all others */
#define GENAI_METRICS_LABELS    8      /* operator's labels of a series */
#define GENAI_METRICS_BUCKETS   15     /* of a histogram, +Inf included */


/* How many rows a size gives: about 3 KB for each series with its share of
 * everything else.  15 MB (of a zone of 16) have 5,300 series, of which 3,970
 * are filled; 1 MB has 350, of which 260. */

typedef struct {
    uint32_t  series;          /* rows; three quarters are filled at most */
    uint32_t  counters;        /* small rows: errors, stop reasons, tools */
    uint32_t  histograms;
    uint32_t  exemplars;       /* histograms that keep exemplars */
    uint32_t  names;           /* distinct error types and score names */
} genai_metrics_plan_t;


/* GENAI_OK, or GENAI_ERROR when size is below GENAI_METRICS_MIN */
#define GENAI_METRICS_MIN       (128 * 1024)
int genai_metrics_plan(size_t size, genai_metrics_plan_t *plan);

/* bytes needed for so many series rows, everything else in proportion */
size_t genai_metrics_size(uint32_t series);

/*
 * Lays out size bytes at mem (64-byte aligned; need not be zeroed, and what is
 * not used yet is not touched) and gives the registry, NULL when the size is
 * too small.  now_unix_ns is the start of all cumulative values; it also seeds
 * the hash.
 */
genai_metrics_t *genai_metrics_init(void *mem, size_t size,
    uint64_t now_unix_ns);

/* a registry made by init in another process or before a reload; NULL when
 * there is none, or one of another layout or size */
genai_metrics_t *genai_metrics_attach(void *mem, size_t size);

/* as given to init: OTLP's start_time_unix_nano */
uint64_t genai_metrics_start(const genai_metrics_t *m);


/*
 * Counts a finished call, sampled or not: requests by class, tokens, cost,
 * errors, stop reason, tools, usage source and disagreement, skips, retries.
 * Reads api, operation, provider, model, location and those attributes of
 * c->attrs that have label set.  Answers from proxy_cache count as calls;
 * their tokens were not spent again and are not counted.
 */
void genai_metrics_count(genai_metrics_t *m, const genai_call_t *c);

/* Observes a drained record: all histograms, with exemplars.  Only the
 * process that holds the exporter's lease may call it. */
void genai_metrics_observe(genai_metrics_t *m, const genai_call_t *c);


/* Counters with labels of their own beside the call's.  count() counts the
 * first four; the others are for whoever knows of such events. */

typedef enum {
    GENAI_COUNTER_ERRORS = 0,          /* type, origin */
    GENAI_COUNTER_STOP_REASONS,        /* reason */
    GENAI_COUNTER_TOOLS,               /* tool, status */
    GENAI_COUNTER_SKIPPED,             /* reason */
    GENAI_COUNTER_AGENT_STEPS,         /* type */
    GENAI_COUNTER_MEMORY_OPERATIONS,   /* memory operation, status */
    GENAI_COUNTER_SESSIONS,            /* end */
    GENAI_COUNTER_AUTH_FAILURES,       /* none */
    GENAI_COUNTER_N
} genai_counter_e;

/* adds n to the counter; c gives the labels of the series; a and b are the
 * counter's own label values in the order above, empty when it has fewer */
void genai_metrics_add(genai_metrics_t *m, const genai_call_t *c,
    genai_counter_e counter, genai_str_t a, genai_str_t b, uint64_t n);

/* a quality score that arrived later than its call (genai_feedback), into
 * genai_score{name}; by the exporter only */
void genai_metrics_score(genai_metrics_t *m, const genai_call_t *c,
    genai_str_t name, double value);

/* our own cost, genai_module_seconds_total: ns of CPU, already multiplied by
 * whatever one measured call stands for */
void genai_metrics_own(genai_metrics_t *m, uint64_t ns);


/* Reading: one iteration for every format. */

typedef enum {
    GENAI_METRIC_COUNTER = 0,          /* monotonic, cumulative */
    GENAI_METRIC_GAUGE,
    GENAI_METRIC_HISTOGRAM
} genai_metric_kind_e;


typedef struct {
    const char          *name;         /* Prometheus, without _total */
    const char          *otel;         /* OTLP, dotted */
    const char          *unit;         /* OTLP, UCUM: "s", "{token}", "By" */
    const char          *help;
    genai_metric_kind_e  kind;
} genai_metric_family_t;


typedef struct {
    genai_str_t          name;         /* Prometheus label name */
    genai_str_t          key;          /* OTLP attribute key */
    genai_str_t          value;        /* valid UTF-8, never empty */
} genai_metric_label_t;


typedef struct {
    uint8_t              trace_id[16];
    uint8_t              span_id[8];
    double               value;
    uint64_t             time_unix_ns; /* 0: the bucket has none */
} genai_exemplar_t;


typedef enum {
    GENAI_VALUE_INT = 0,
    GENAI_VALUE_DOUBLE,
    GENAI_VALUE_USD                    /* exact: usd + pico / 10^12 */
} genai_value_e;


#define GENAI_METRICS_POINT_LABELS  (5 + GENAI_METRICS_LABELS + 3)

typedef struct {
    uint64_t             id;           /* stable for a family's label set
                                          while the registry lives: a key for
                                          delta temporality; 0: extra sample */
    genai_metric_label_t labels[GENAI_METRICS_POINT_LABELS];
    size_t               nlabels;

    /* counter and gauge; d is set whatever the type */
    genai_value_e        type;
    int64_t              i;
    double               d;
    int64_t              usd;
    int64_t              pico;         /* 0 to 10^12 - 1 */

    /* histogram: nbounds ascending upper bounds (le), counts of nbounds + 1
     * buckets, not cumulative; count is their sum */
    const double        *bounds;
    size_t               nbounds;
    uint64_t             counts[GENAI_METRICS_BUCKETS];
    uint64_t             count;
    double               sum;
    unsigned             has_exemplars:1;
    genai_exemplar_t     exemplars[GENAI_METRICS_BUCKETS];
} genai_metric_point_t;


/* gauges and counters that others own, for one exposition */

typedef struct {
    const char          *name;         /* as Prometheus shows it: counters end
                                          in _total; samples of one name need
                                          not stand together in the list */
    const char          *otel;         /* NULL: name without _total */
    const char          *unit;         /* NULL: "1" */
    const char          *help;
    genai_metric_kind_e  kind;         /* counter or gauge */
    struct {
        const char      *name;         /* Prometheus; and OTLP's key */
        genai_str_t      value;        /* empty: the label is left out */
    }                    labels[4];
    size_t               nlabels;
    unsigned             is_int:1;
    int64_t              i;
    double               d;
} genai_metric_sample_t;


/* which names to give; a storage may be shown under several */

#define GENAI_METRICS_OWN       1      /* genai_* */
#define GENAI_METRICS_NEW       2      /* gen_ai.client.*, 0.1.0 */
#define GENAI_METRICS_OLD       4      /* gen_ai.client.*, 1.36 to 1.41 */
#define GENAI_METRICS_ALL       7


typedef struct {
    unsigned                     groups;   /* GENAI_METRICS_* */
    const genai_metric_sample_t *samples;  /* may be NULL */
    size_t                       nsamples;
} genai_metrics_view_t;


/* family() before the first of its points (a family without points is not
 * shown), then point() for each; everything given lives until the callback
 * returns.  Anything but GENAI_OK stops the visit and is its result. */

typedef struct {
    int (*family)(void *data, const genai_metric_family_t *f);
    int (*point)(void *data, const genai_metric_family_t *f,
        const genai_metric_point_t *p);
} genai_metrics_visitor_t;

int genai_metrics_visit(const genai_metrics_t *m,
    const genai_metrics_view_t *view, const genai_metrics_visitor_t *v,
    void *data);


/* Text. */

typedef enum {
    GENAI_TEXT_PROMETHEUS = 0,         /* 0.0.4 */
    GENAI_TEXT_OPENMETRICS             /* 1.0.0, with exemplars and # EOF */
} genai_text_e;

/* the format that an Accept header (empty: none) asks for, by q-value */
genai_text_e genai_metrics_negotiate(genai_str_t accept);

/* the Content-Type of a format */
const char *genai_metrics_content_type(genai_text_e format);

/* anything but GENAI_OK stops rendering; pieces have up to 4096 bytes */
typedef int (*genai_metrics_write_pt)(void *data, const char *buf,
    size_t len);

/* writes the whole exposition; GENAI_OK or what write returned */
int genai_metrics_text(const genai_metrics_t *m,
    const genai_metrics_view_t *view, genai_text_e format,
    genai_metrics_write_pt write, void *data);


#endif /* GENAI_METRICS_H */
