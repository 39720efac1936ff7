/*
 * What an operator asks of genai_budget_api: to raise a limit for a time.
 *
 *     {"zone":"tenant","key":"acme","add":"20usd","until":"2h",
 *      "reason":"launch day"}
 *
 * Every error is one sentence that says the mend.
 */

#ifndef GENAI_BUDGET_REQUEST_H
#define GENAI_BUDGET_REQUEST_H

#include "genai_budget.h"


#define GENAI_BUDGET_RAISE_MAX    (31 * 86400)    /* seconds ahead */
#define GENAI_BUDGET_RAISE_TIMES  100             /* the limit, at most */


/* strings live until genai_budget_request_free() */

typedef struct {
    genai_str_t  zone;
    genai_str_t  key;              /* data NULL: not given */
    genai_str_t  add_text;
    genai_str_t  reason;
    int64_t      add;
    int64_t      until;            /* 0 when nothing is added */
    uint8_t      unit;
    void        *json;
} genai_budget_request_t;


/* GENAI_OK, or GENAI_ERROR and err; free in both cases */
int genai_budget_request(genai_budget_request_t *q, const char *text,
    size_t len, int64_t now, char *err, size_t errlen);

void genai_budget_request_free(genai_budget_request_t *q);

/* whether it makes sense for these limits: GENAI_OK, GENAI_ERROR and err */
int genai_budget_request_fits(const genai_budget_request_t *q,
    const genai_budget_limit_t *limits, uint32_t n, char *err,
    size_t errlen);

/* "2026-12-01T08:30:00Z", the date checked; GENAI_OK or GENAI_ERROR */
int genai_budget_parse_time(genai_str_t text, int64_t *t);


#endif /* GENAI_BUDGET_REQUEST_H */
