/*
 * What is posted to genai_budget_api: never more than asked for is granted,
 * and what is refused is said why.
 */

#include <stdlib.h>

#include "genai_budget_request.h"


#define NOW  1795392000


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int                     rc;
    char                    err[256];
    genai_budget_limit_t    limit;
    genai_budget_request_t  q;

    err[0] = '\0';
    rc = genai_budget_request(&q, (const char *) data, size, NOW, err,
                              sizeof(err));

    if (rc != GENAI_OK) {
        if (err[0] == '\0' || memchr(err, '\0', sizeof(err)) == NULL) {
            abort();
        }

        genai_budget_request_free(&q);
        return 0;
    }

    if (q.zone.len == 0 || q.reason.len == 0 || q.add < 0
        || q.unit >= GENAI_BUDGET_UNIT_N
        || (q.add && (q.until <= NOW
                      || q.until > NOW + GENAI_BUDGET_RAISE_MAX)))
    {
        abort();
    }

    memset(&limit, 0, sizeof(limit));
    limit.amount = 1000;
    limit.seconds = 3600;
    limit.unit = GENAI_BUDGET_TOK;

    if (genai_budget_request_fits(&q, &limit, 1, err, sizeof(err))
        == GENAI_OK
        && (q.unit != GENAI_BUDGET_TOK
            || q.add >= GENAI_BUDGET_RAISE_TIMES * limit.amount))
    {
        abort();
    }

    genai_budget_request_free(&q);

    return 0;
}
