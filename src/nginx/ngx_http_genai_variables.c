/*
 * $genai_*: final in access_log, since our log handler is the first.
 */

#include "ngx_http_genai_module.h"


typedef enum {
    VAR_STR, VAR_INT, VAR_HEX, VAR_NAME, VAR_FUNC
} ngx_http_genai_var_type_e;


typedef void (*ngx_http_genai_var_pt)(ngx_http_request_t *r,
    ngx_http_genai_ctx_t *ctx, ngx_http_variable_value_t *v);


typedef struct {
    ngx_str_t                    name;
    ngx_http_genai_var_type_e    type;
    size_t                       offset;      /* in genai_call_t */
    size_t                       len;         /* VAR_HEX: bytes */
    const char                *(*text)(unsigned value);   /* VAR_NAME */
    ngx_http_genai_var_pt        func;
} ngx_http_genai_var_t;


static ngx_int_t ngx_http_genai_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static void ngx_http_genai_var_set(ngx_http_variable_value_t *v,
    const void *data, size_t len);
static void ngx_http_genai_var_sampled(ngx_http_request_t *r,
    ngx_http_genai_ctx_t *ctx, ngx_http_variable_value_t *v);
static void ngx_http_genai_var_parent(ngx_http_request_t *r,
    ngx_http_genai_ctx_t *ctx, ngx_http_variable_value_t *v);
static void ngx_http_genai_var_traceparent(ngx_http_request_t *r,
    ngx_http_genai_ctx_t *ctx, ngx_http_variable_value_t *v);
static void ngx_http_genai_var_cost(ngx_http_request_t *r,
    ngx_http_genai_ctx_t *ctx, ngx_http_variable_value_t *v);
static void ngx_http_genai_var_ttft(ngx_http_request_t *r,
    ngx_http_genai_ctx_t *ctx, ngx_http_variable_value_t *v);
static void ngx_http_genai_var_tools(ngx_http_request_t *r,
    ngx_http_genai_ctx_t *ctx, ngx_http_variable_value_t *v);
static void ngx_http_genai_var_top_score(ngx_http_request_t *r,
    ngx_http_genai_ctx_t *ctx, ngx_http_variable_value_t *v);
static void ngx_http_genai_var_skip(ngx_http_request_t *r,
    ngx_http_genai_ctx_t *ctx, ngx_http_variable_value_t *v);
static void ngx_http_genai_var_remaining(ngx_http_request_t *r,
    ngx_http_genai_ctx_t *ctx, ngx_http_variable_value_t *v);
static void ngx_http_genai_var_usd(ngx_http_request_t *r, int64_t pico,
    ngx_http_variable_value_t *v);


#define var_str(name, field)                                                  \
    { ngx_string(name), VAR_STR, offsetof(genai_call_t, field), 0, NULL, NULL }
#define var_int(name, field)                                                  \
    { ngx_string(name), VAR_INT, offsetof(genai_call_t, field), 0, NULL, NULL }
#define var_hex(name, field)                                                  \
    { ngx_string(name), VAR_HEX, offsetof(genai_call_t, field),               \
      sizeof(((genai_call_t *) 0)->field), NULL, NULL }
#define var_name(name, field, text)                                           \
    { ngx_string(name), VAR_NAME, offsetof(genai_call_t, field), 0, text,     \
      NULL }
#define var_func(name, func)                                                  \
    { ngx_string(name), VAR_FUNC, 0, 0, NULL, func }


static ngx_http_genai_var_t  ngx_http_genai_vars[] = {
    var_hex("genai_trace_id", trace_id),
    var_hex("genai_span_id", span_id),
    var_func("genai_parent_id", ngx_http_genai_var_parent),
    var_func("genai_sampled", ngx_http_genai_var_sampled),
    var_func("genai_traceparent", ngx_http_genai_var_traceparent),
    var_name("genai_api", api, genai_api_name),
    var_name("genai_operation", operation, genai_operation_name),
    var_name("genai_step", step, genai_step_name),
    var_str("genai_provider", provider),
    var_str("genai_model", model),
    var_str("genai_response_model", response_model),
    var_int("genai_input_tokens", input_tokens),
    var_int("genai_output_tokens", output_tokens),
    var_int("genai_cache_read_tokens", cache_read_tokens),
    var_int("genai_cache_write_tokens", cache_write_tokens),
    var_int("genai_reasoning_tokens", reasoning_tokens),
    var_int("genai_total_tokens", total_tokens),
    var_func("genai_cost", ngx_http_genai_var_cost),
    var_str("genai_stop_reason", stop_reason),
    var_func("genai_ttft", ngx_http_genai_var_ttft),
    var_name("genai_usage_source", usage_source, genai_source_name),
    var_str("genai_error", error_type),
    var_str("genai_request_id", request_id),
    var_str("genai_user", user),
    var_str("genai_session", session),
    var_int("genai_documents", documents),
    var_func("genai_top_score", ngx_http_genai_var_top_score),
    var_func("genai_tools", ngx_http_genai_var_tools),
    var_func("genai_skip_reason", ngx_http_genai_var_skip),
    var_name("genai_budget_status", budget_status, genai_budget_status_name),
    var_func("genai_budget_remaining", ngx_http_genai_var_remaining),
    { ngx_null_string, VAR_STR, 0, 0, NULL, NULL }
};


ngx_int_t
ngx_http_genai_add_variables(ngx_conf_t *cf)
{
    ngx_http_variable_t   *var;
    ngx_http_genai_var_t  *v;

    for (v = ngx_http_genai_vars; v->name.len; v++) {

        var = ngx_http_add_variable(cf, &v->name, NGX_HTTP_VAR_NOCACHEABLE);
        if (var == NULL) {
            return NGX_ERROR;
        }

        var->get_handler = ngx_http_genai_variable;
        var->data = (uintptr_t) v;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_genai_variable(ngx_http_request_t *r, ngx_http_variable_value_t *v,
    uintptr_t data)
{
    ngx_http_genai_var_t  *var = (ngx_http_genai_var_t *) data;

    char                  *p;
    int64_t                n;
    genai_str_t            s;
    ngx_http_genai_ctx_t  *ctx;

    v->valid = 1;
    v->no_cacheable = 1;
    v->not_found = 0;
    v->len = 0;
    v->data = (u_char *) "";

    ctx = ngx_http_genai_get_ctx(r);

    if (ctx == NULL) {
        if (var->func == ngx_http_genai_var_skip) {
            s = genai_strz(genai_skip_name(GENAI_SKIP_OFF));
            ngx_http_genai_var_set(v, s.data, s.len);
        }

        return NGX_OK;
    }

    p = (char *) &ctx->call + var->offset;

    switch (var->type) {

    case VAR_STR:
        s = *(genai_str_t *) p;
        ngx_http_genai_var_set(v, s.data, s.len);
        break;

    case VAR_NAME:
        s = genai_strz(var->text(*(uint8_t *) p));
        ngx_http_genai_var_set(v, s.data, s.len);
        break;

    case VAR_INT:
        n = *(int64_t *) p;

        if (n >= 0) {
            v->data = ngx_pnalloc(r->pool, NGX_INT64_LEN);
            if (v->data == NULL) {
                return NGX_ERROR;
            }

            v->len = ngx_sprintf(v->data, "%L", n) - v->data;
        }

        break;

    case VAR_HEX:
        v->data = ngx_pnalloc(r->pool, 2 * var->len);
        if (v->data == NULL) {
            return NGX_ERROR;
        }

        v->len = ngx_hex_dump(v->data, (u_char *) p, var->len) - v->data;
        break;

    case VAR_FUNC:
        var->func(r, ctx, v);
        break;
    }

    return NGX_OK;
}


static void
ngx_http_genai_var_set(ngx_http_variable_value_t *v, const void *data,
    size_t len)
{
    if (len) {
        v->data = (u_char *) data;
        v->len = len;
    }
}


static void
ngx_http_genai_var_sampled(ngx_http_request_t *r, ngx_http_genai_ctx_t *ctx,
    ngx_http_variable_value_t *v)
{
    ngx_http_genai_var_set(v, ctx->call.sampled ? "1" : "0", 1);
}


static void
ngx_http_genai_var_parent(ngx_http_request_t *r, ngx_http_genai_ctx_t *ctx,
    ngx_http_variable_value_t *v)
{
    static const uint8_t  none[8];

    if (ngx_memcmp(ctx->call.parent_id, none, 8) == 0) {
        return;
    }

    v->data = ngx_pnalloc(r->pool, 16);

    if (v->data != NULL) {
        v->len = ngx_hex_dump(v->data, ctx->call.parent_id, 8) - v->data;
    }
}


static void
ngx_http_genai_var_traceparent(ngx_http_request_t *r,
    ngx_http_genai_ctx_t *ctx, ngx_http_variable_value_t *v)
{
    v->data = ngx_pnalloc(r->pool, GENAI_TRACEPARENT_LEN);

    if (v->data != NULL) {
        v->len = ngx_http_genai_format_w3c(&ctx->call, v->data);
    }
}


/* USD, decimal, exact: up to 12 places, no trailing zeros */

static void
ngx_http_genai_var_cost(ngx_http_request_t *r, ngx_http_genai_ctx_t *ctx,
    ngx_http_variable_value_t *v)
{
    if (ctx->call.priced) {
        ngx_http_genai_var_usd(r, ctx->call.cost_pico, v);
    }
}


/* of the limit that has the least left: USD, or a number */

static void
ngx_http_genai_var_remaining(ngx_http_request_t *r,
    ngx_http_genai_ctx_t *ctx, ngx_http_variable_value_t *v)
{
    int64_t                        left;
    genai_budget_state_t           s;
    ngx_http_genai_budget_conf_t  *conf;

    if (ngx_http_genai_budget_left(ctx, &s, &conf) != GENAI_OK) {
        return;
    }

    left = ngx_max(s.allowed - s.spent - s.reserved, 0);

    if (s.limit.unit == GENAI_BUDGET_USD) {
        ngx_http_genai_var_usd(r, left, v);
        return;
    }

    v->data = ngx_pnalloc(r->pool, NGX_INT64_LEN);

    if (v->data != NULL) {
        v->len = ngx_sprintf(v->data, "%L", left) - v->data;
    }
}


static void
ngx_http_genai_var_usd(ngx_http_request_t *r, int64_t pico,
    ngx_http_variable_value_t *v)
{
    u_char  *p, *start;

    start = ngx_pnalloc(r->pool, NGX_INT64_LEN + 2);
    if (start == NULL) {
        return;
    }

    p = ngx_sprintf(start, "%L.%012L", pico / GENAI_PICO_PER_USD,
                    pico % GENAI_PICO_PER_USD);

    while (p[-1] == '0') {
        p--;
    }

    if (p[-1] == '.') {
        p--;
    }

    ngx_http_genai_var_set(v, start, p - start);
}


static void
ngx_http_genai_var_ttft(ngx_http_request_t *r, ngx_http_genai_ctx_t *ctx,
    ngx_http_variable_value_t *v)
{
    uint64_t  ms;

    if (ctx->call.first_token_ns == 0) {
        return;
    }

    ms = (ctx->call.first_token_ns - ctx->call.start_ns + 500000) / 1000000;

    v->data = ngx_pnalloc(r->pool, NGX_INT64_LEN + 4);

    if (v->data != NULL) {
        v->len = ngx_sprintf(v->data, "%uL.%03uL", ms / 1000, ms % 1000)
                 - v->data;
    }
}


static void
ngx_http_genai_var_top_score(ngx_http_request_t *r,
    ngx_http_genai_ctx_t *ctx, ngx_http_variable_value_t *v)
{
    if (ctx->call.score_count == 0) {
        return;
    }

    v->data = ngx_pnalloc(r->pool, 32);

    if (v->data != NULL) {
        v->len = snprintf((char *) v->data, 32, "%.6g",
                          ctx->call.score_top);
    }
}


static void
ngx_http_genai_var_tools(ngx_http_request_t *r, ngx_http_genai_ctx_t *ctx,
    ngx_http_variable_value_t *v)
{
    u_char        *p;
    size_t         len;
    ngx_uint_t     i;
    genai_call_t  *c;

    c = &ctx->call;
    len = 0;

    for (i = 0; i < c->ntools; i++) {
        len += c->tools[i].len + 1;
    }

    if (len == 0) {
        return;
    }

    p = ngx_pnalloc(r->pool, len);
    if (p == NULL) {
        return;
    }

    v->data = p;
    v->len = len - 1;

    for (i = 0; i < c->ntools; i++) {
        p = ngx_cpymem(p, c->tools[i].data, c->tools[i].len);

        if (i + 1 < c->ntools) {
            *p++ = ',';
        }
    }
}


static void
ngx_http_genai_var_skip(ngx_http_request_t *r, ngx_http_genai_ctx_t *ctx,
    ngx_http_variable_value_t *v)
{
    genai_str_t  s;

    s = genai_strz(genai_skip_name(ctx->call.skip));

    if (s.len == 0 && !ctx->call.sampled) {
        s = genai_strz(genai_skip_name(GENAI_SKIP_UNSAMPLED));
    }

    ngx_http_genai_var_set(v, s.data, s.len);
}
