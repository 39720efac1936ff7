/*
 * The table of metric families: what genai_metrics_view.c iterates over.
 */

#ifndef GENAI_METRICS_FAMILIES_H
#define GENAI_METRICS_FAMILIES_H

#include "genai_metrics_store.h"


/* where the values of a family are */

typedef enum {
    GENAI_SRC_COLUMNS = 0,         /* series columns first to first + n */
    GENAI_SRC_COST,
    GENAI_SRC_COUNTER,             /* counter rows, genai_counter_e */
    GENAI_SRC_HIST,                /* histograms first to first + n */
    GENAI_SRC_FULL,                /* overflow counters of the head */
    GENAI_SRC_OWN
} genai_metrics_source_e;


/* which operations a family of the conventions is for */

typedef enum {
    GENAI_OPS_ANY = 0,
    GENAI_OPS_INFERENCE,
    GENAI_OPS_EMBEDDINGS,
    GENAI_OPS_CLIENT               /* all that are calls of a provider */
} genai_metrics_ops_e;


#define GENAI_SPLIT_STEP  1    /* histograms: labels step, name */
#define GENAI_SPLIT_NAME  2


typedef struct {
    genai_metric_family_t  pub;
    uint8_t                group;
    uint8_t                source;
    uint8_t                first;
    uint8_t                n;
    uint8_t                ops;
    uint8_t                split;

    /* the labels beside a series' own; values: of the n columns or kinds */
    struct {
        const char        *name;
        const char        *key;
    }                      labels[2];
    const char *const     *values;
} genai_metrics_family_t;


extern const genai_metrics_family_t  genai_metrics_families[];
extern const size_t                  genai_metrics_nfamilies;


#endif /* GENAI_METRICS_FAMILIES_H */
