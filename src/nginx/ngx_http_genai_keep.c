/*
 * genai_keep: calls whose spans are kept whatever the ratio, by how they
 * ended.
 *
 * The decision comes when the upstream has long been told "not sampled":
 * what it traced below this call stays unsampled.  The span says why it is
 * there, genai.keep.
 */

#include "ngx_http_genai_module.h"


/* genai_keep error [slow=5s] [cost=0.50] | off */

char *
ngx_http_genai_set_keep(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_genai_loc_conf_t  *lcf = conf;

    ngx_int_t                    n;
    ngx_str_t                   *value, s;
    ngx_uint_t                   i;
    ngx_http_genai_keep_conf_t  *keep;

    if (lcf->keep != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0) {
        lcf->keep = NULL;
        return NGX_CONF_OK;
    }

    keep = ngx_pcalloc(cf->pool, sizeof(ngx_http_genai_keep_conf_t));
    if (keep == NULL) {
        return NGX_CONF_ERROR;
    }

    keep->cost = -1;

    for (i = 1; i < cf->args->nelts; i++) {

        if (ngx_strcmp(value[i].data, "error") == 0) {
            keep->error = 1;
            continue;
        }

        s.data = value[i].data + 5;
        s.len = value[i].len - 5;

        if (ngx_strncmp(value[i].data, "slow=", 5) == 0) {
            n = ngx_parse_time(&s, 0);

            if (n != NGX_ERROR && n > 0) {
                keep->slow_ns = (uint64_t) n * 1000000;
                continue;
            }
        }

        if (ngx_strncmp(value[i].data, "cost=", 5) == 0) {
            n = ngx_atofp(s.data, s.len, 12);

            if (n != NGX_ERROR) {
                keep->cost = n;
                continue;
            }
        }

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\", it must be \"error\", "
                           "\"slow=time\" (\"slow=5s\"), \"cost=USD\" "
                           "(\"cost=0.50\") or, alone, \"off\"", &value[i]);
        return NGX_CONF_ERROR;
    }

    lcf->keep = keep;

    return NGX_CONF_OK;
}


/* the call has ended and has its price */

void
ngx_http_genai_keep(ngx_http_genai_ctx_t *ctx)
{
    genai_call_t                *c;
    ngx_http_genai_keep_conf_t  *keep;

    c = &ctx->call;
    keep = ctx->conf ? ctx->conf->keep : NULL;

    if (keep == NULL || c->sampled) {
        return;
    }

    if (keep->error && c->error) {
        c->keep = GENAI_KEEP_ERROR;

    } else if (keep->slow_ns && c->end_ns >= c->start_ns + keep->slow_ns) {
        c->keep = GENAI_KEEP_SLOW;

    } else if (keep->cost >= 0 && c->priced && c->cost_pico >= keep->cost) {
        c->keep = GENAI_KEEP_COST;

    } else {
        return;
    }

    c->sampled = 1;
}
