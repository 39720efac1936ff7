/*
 * What budgets did to a call: attributes, and for those that were refused an
 * event of the span and a log record.
 */

#include <stdio.h>

#include "genai_span_int.h"


static void genai_span_budget_names(genai_span_ctx_t *x);
static void genai_span_part(genai_span_ctx_t *x, const genai_call_t *c,
    genai_span_visit_pt visit, void *data);


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

    genai_span_part(&x, c, visit, data);
    genai_span_budget_names(&x);

    return x.rc;
}


static void
genai_span_part(genai_span_ctx_t *x, const genai_call_t *c,
    genai_span_visit_pt visit, void *data)
{
    memset(x, 0, offsetof(genai_span_ctx_t, repair));

    x->c = c;
    x->visit = visit;
    x->data = data;
}


int
genai_span_log(const genai_call_t *c, genai_span_log_t *l)
{
    int  n;

    if (c->internal) {
        l->event.name = c->span_name;
        l->event.time_unix_ns = c->start_unix_ns;

    } else if (genai_span_event(c, &l->event) != GENAI_OK) {
        return GENAI_DECLINED;
    }

    l->severity = (c->budget_status == GENAI_BUDGET_REJECTED)
                  ? GENAI_LOG_WARN : GENAI_LOG_INFO;

    l->body = c->internal ? c->span_name : c->error_message;

    /* in a dry run nobody was told, and the error is another one */

    if (l->body.len != 0
        && c->budget_status != GENAI_BUDGET_REJECTED_DRY_RUN)
    {
        l->body = genai_span_cut(l->body, sizeof(l->buf));
        l->body = genai_span_utf8(l->body, l->buf, sizeof(l->buf));

        return GENAI_OK;
    }

    n = snprintf(l->buf, sizeof(l->buf), "a budget %s a call",
                 l->severity == GENAI_LOG_WARN ? "refused"
                                               : "would have refused");
    l->body = genai_str(l->buf, (size_t) n);

    return GENAI_OK;
}


int
genai_span_log_attrs(const genai_call_t *c, genai_span_visit_pt visit,
    void *data)
{
    genai_span_ctx_t  x;

    genai_span_part(&x, c, visit, data);
    genai_span_budget_names(&x);

    put(genai_span_str, &x, "gen_ai.request.model", c->model);
    put(genai_span_str, &x, "genai.location", c->location);
    put(genai_span_str, &x, "session.id", c->session);
    put(genai_span_str, &x, "user.id", c->user);

    genai_span_own(&x);

    return x.rc;
}
