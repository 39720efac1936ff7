/*
 * What /metrics and OTLP show beside the registry: samples, gathered anew for
 * each exposition by those who know them.
 */

#ifndef NGX_HTTP_GENAI_STATUS_H
#define NGX_HTTP_GENAI_STATUS_H

#include "ngx_http_genai_module.h"


/* made with the configuration, sized for what it has */

struct ngx_http_genai_samples_s {
    genai_metric_sample_t   *elts;
    ngx_uint_t               n;
    ngx_uint_t               size;
};


genai_metric_sample_t *ngx_http_genai_sample_int(
    ngx_http_genai_samples_t *samples, const char *name, const char *help,
    genai_metric_kind_e kind, int64_t n);

/* a gauge */
genai_metric_sample_t *ngx_http_genai_sample_double(
    ngx_http_genai_samples_t *samples, const char *name, const char *help,
    double d);

/* name and value have to live until the exposition is written */
void ngx_http_genai_sample_label(genai_metric_sample_t *s, const char *name,
    const char *value, size_t len);


/* ngx_http_genai_budget_status.c */

#define NGX_HTTP_GENAI_BUDGET_SAMPLES  80     /* of a zone, at most */

void ngx_http_genai_samples_budgets(ngx_http_genai_main_conf_t *mcf,
    ngx_http_genai_samples_t *samples);


#endif /* NGX_HTTP_GENAI_STATUS_H */
