/*
 * What a call may need at most, and what it did need.
 */

#ifndef GENAI_BUDGET_BOUND_H
#define GENAI_BUDGET_BOUND_H

#include "genai_budget.h"
#include "genai_price.h"


#define GENAI_BUDGET_UNKNOWN       (-1)
#define GENAI_BUDGET_MEDIA_TOKENS  8192
#define GENAI_BUDGET_TOOLS_TOKENS  1024


typedef struct {
    genai_str_t  model;
    genai_str_t  region;
    genai_str_t  tier;
    int64_t      when;                 /* seconds since 1970 */
    int64_t      body;                 /* bytes, decompressed */
    int64_t      max_tokens;           /* -1: not given */
    int64_t      choices;              /* answers asked for, 0: one */
    int64_t      media;                /* images and files of the prompt */
    int64_t      media_tokens;         /* for each, 0: the default above */
    int64_t      documents;            /* to rank */
    int64_t      images;               /* to make */
    unsigned     operation;            /* genai_operation_e */
    unsigned     tools:1;              /* tools are offered */
} genai_budget_facts_t;


/*
 * The most that the call can need.  Input: a token for each byte of the body,
 * media and tools on top, but not more than the model's context.  Output:
 * choices x max_tokens, or the model's maximum; none for embeddings, rerank,
 * images.  USD: genai_price_bound().  GENAI_OK; GENAI_DECLINED: what is
 * GENAI_BUDGET_UNKNOWN in *a has no bound: usd_pico without a price, otok
 * without max_tokens of a model whose maximum is not known either.
 */
int genai_budget_bound(const genai_price_table_t *t,
    const genai_budget_facts_t *f, genai_budget_amounts_t *a);

/*
 * What a settled and priced call (genai_usage_settle, genai_price_call)
 * needed, GENAI_BUDGET_UNKNOWN where it did not say: that is settled at the
 * reservation.  A cache hit and a call that is not billed: the request alone.
 */
void genai_budget_actual(const genai_call_t *c, genai_budget_amounts_t *a);


#endif /* GENAI_BUDGET_BOUND_H */
