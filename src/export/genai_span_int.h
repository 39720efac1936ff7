/*
 * Private to genai_span*.c: a span whose attributes are being written.
 */

#ifndef GENAI_SPAN_INT_H
#define GENAI_SPAN_INT_H

#include "genai_span.h"


/* which spans a row is for */

#define FOR_MODEL      1
#define FOR_EMBED      2
#define FOR_RETRIEVAL  4
#define FOR_RERANK     8
#define FOR_APP        16
#define FOR_HTTP       32
#define FOR_ALL        63
#define FOR_GENAI      (FOR_ALL & ~(FOR_APP | FOR_HTTP))


typedef struct {
    const genai_call_t  *c;
    genai_span_visit_pt  visit;
    void                *data;
    unsigned             where;
    unsigned             n;
    int                  rc;
    char                 repair[GENAI_SPAN_REPAIR];
} genai_span_ctx_t;


/* each leaves out what is empty, not finite, or taken by the operator */
void genai_span_emit(genai_span_ctx_t *x, genai_span_attr_t *v);
void genai_span_str(genai_span_ctx_t *x, genai_str_t key, genai_str_t value);
void genai_span_int(genai_span_ctx_t *x, genai_str_t key, int64_t i);
void genai_span_double(genai_span_ctx_t *x, genai_str_t key, double d);
void genai_span_bool(genai_span_ctx_t *x, genai_str_t key, int b);
void genai_span_list(genai_span_ctx_t *x, genai_str_t key,
    const genai_str_t *list, size_t n);

void genai_span_budget(genai_span_ctx_t *x);

/* the operator's attributes */
void genai_span_own(genai_span_ctx_t *x);

/* the keys that genai_span_profile asks for */
void genai_span_profile(genai_span_ctx_t *x);


/* the key is a literal: its length is known to the compiler */

#define put(fn, x, key, ...)                                                  \
    fn(x, genai_str(key, sizeof(key) - 1), __VA_ARGS__)


#endif /* GENAI_SPAN_INT_H */
