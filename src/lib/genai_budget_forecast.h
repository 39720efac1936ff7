/*
 * What is only a forecast: how much of its bound a call is likely to use, and
 * when a budget will be gone at the present rate.
 *
 * Both states are plain values, zeros at the start: a rate lies in each limit
 * of a budget (genai_budget.h), what is learned in each key of a zone.  They
 * decide nothing that has to hold, and no snapshot has them.  A clock that
 * jumps makes a worse guess, no more.
 */

#ifndef GENAI_BUDGET_FORECAST_H
#define GENAI_BUDGET_FORECAST_H

#include "genai_budget.h"


#define GENAI_BUDGET_LEARN_USD    0
#define GENAI_BUDGET_LEARN_INPUT  1
#define GENAI_BUDGET_LEARN_OUT    2
#define GENAI_BUDGET_LEARN_N      3

#define GENAI_BUDGET_SAMPLES      16   /* calls before a guess is made */


/* used / bound of calls so far, parts per million: 32 bytes */

typedef struct {
    uint32_t               samples;
    uint32_t               pad;
    uint32_t               mean[GENAI_BUDGET_LEARN_N];
    uint32_t               deviation[GENAI_BUDGET_LEARN_N];
} genai_budget_learn_t;


/*
 * estimate=learned: makes *a, which is a bound, what such calls used on
 * average and three times their mean deviation more, never more than it was.
 * Nothing changes before GENAI_BUDGET_SAMPLES calls.  Some calls use more
 * than that: limits may be overshot.
 */
void genai_budget_learned(const genai_budget_learn_t *l,
    genai_budget_amounts_t *a);

/* one more call that was settled at what the provider said; what is unknown
 * in used (below 0), or has no bound, teaches nothing */
void genai_budget_learn(genai_budget_learn_t *l,
    const genai_budget_amounts_t *bound, const genai_budget_amounts_t *used);

/* so much was spent under this limit now */
void genai_budget_rate_add(genai_budget_rate_t *r,
    const genai_budget_limit_t *limit, int64_t amount, uint64_t ms);

/* units per second, of the last twelfth of the window, at least 10 s and at
 * most 1 h */
double genai_budget_rate(const genai_budget_rate_t *r,
    const genai_budget_limit_t *limit, uint64_t ms);

/*
 * When a limit will be gone at this rate, seconds since 1970: now when it is
 * gone, GENAI_BUDGET_NEVER when its window ends before that, or when a rolling
 * window lets go of as much as comes in.
 */
int64_t genai_budget_exhausted(const genai_budget_state_t *s, double rate,
    int64_t now);


#endif /* GENAI_BUDGET_FORECAST_H */
