/*
 * What budgets did to a call: attributes, and an event of those that were
 * refused.
 */

#include "genai_span_int.h"


static void genai_span_budget_names(genai_span_ctx_t *x);


void
genai_span_budget(genai_span_ctx_t *x)
{
    const genai_call_t  *c = x->c;

    if (c->budget_status == GENAI_BUDGET_NONE) {
        return;
    }

    genai_span_budget_names(x);

    if (c->budget_reserved >= 0) {
        put(genai_span_double, x, "genai.budget.reserved.usd",
            genai_span_usd_double(c->budget_reserved));
    }

    if (c->budget_warned) {
        put(genai_span_bool, x, "genai.budget.warned", 1);
    }
}


/* the same on the span and on its event */

static void
genai_span_budget_names(genai_span_ctx_t *x)
{
    const genai_call_t  *c = x->c;

    put(genai_span_str, x, "genai.budget.status",
        genai_strz(genai_budget_status_name(c->budget_status)));
    put(genai_span_str, x, "genai.budget.zone", c->budget);
    put(genai_span_str, x, "genai.budget.limit", c->budget_limit);
    put(genai_span_str, x, "genai.budget.class", c->budget_class);
}


int
genai_span_event(const genai_call_t *c, genai_span_event_t *e)
{
    if (c->budget_status != GENAI_BUDGET_REJECTED
        && c->budget_status != GENAI_BUDGET_REJECTED_DRY_RUN)
    {
        return GENAI_DECLINED;
    }

    e->name = genai_strz("genai.budget.rejected");
    e->time_unix_ns = c->start_unix_ns;

    if (c->budget_ns > c->start_ns) {
        e->time_unix_ns += c->budget_ns - c->start_ns;
    }

    return GENAI_OK;
}


int
genai_span_event_attrs(const genai_call_t *c, genai_span_visit_pt visit,
    void *data)
{
    genai_span_ctx_t  x;

    memset(&x, 0, offsetof(genai_span_ctx_t, repair));

    x.c = c;
    x.visit = visit;
    x.data = data;

    genai_span_budget_names(&x);

    return x.rc;
}
