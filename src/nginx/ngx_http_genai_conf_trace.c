/*
 * Directives of traces: which headers, which ratio.
 */

#include "ngx_http_genai_module.h"


static ngx_conf_enum_t  ngx_http_genai_formats[] = {
    { ngx_string("w3c"), GENAI_TRACE_W3C },
    { ngx_string("xray"), GENAI_TRACE_XRAY },
    { ngx_string("b3"), GENAI_TRACE_B3 },
    { ngx_null_string, 0 }
};


char *
ngx_http_genai_set_trace_formats(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_genai_loc_conf_t  *lcf = conf;

    ngx_str_t   *value;
    ngx_uint_t   i, k, f, formats;

    if (lcf->trace_formats != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    value = cf->args->elts;
    formats = 0;

    for (i = 1; i < cf->args->nelts; i++) {

        for (k = 0; ngx_http_genai_formats[k].name.len; k++) {
            if (value[i].len == ngx_http_genai_formats[k].name.len
                && ngx_strcmp(value[i].data,
                              ngx_http_genai_formats[k].name.data) == 0)
            {
                break;
            }
        }

        f = ngx_http_genai_formats[k].value;

        if (f == 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "unknown trace format \"%V\", known are "
                               "\"w3c\", \"xray\" and \"b3\"", &value[i]);
            return NGX_CONF_ERROR;
        }

        for (k = 0; k < i - 1; k++) {
            if (((formats >> (4 * k)) & 0xf) == f) {
                ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                                   "duplicate trace format \"%V\"",
                                   &value[i]);
                return NGX_CONF_ERROR;
            }
        }

        formats |= f << (4 * (i - 1));
    }

    lcf->trace_formats = formats;

    return NGX_CONF_OK;
}


char *
ngx_http_genai_set_sample(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_genai_loc_conf_t  *lcf = conf;

    char       *rv;
    double      ratio;
    ngx_str_t  *value;

    if (lcf->sample != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    cmd->offset = offsetof(ngx_http_genai_loc_conf_t, sample);
    rv = ngx_http_set_complex_value_slot(cf, cmd, conf);

    if (rv != NGX_CONF_OK || lcf->sample->lengths != NULL) {
        return rv;
    }

    value = cf->args->elts;

    if (ngx_http_genai_ratio(&value[1], &ratio) != NGX_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid sampling ratio \"%V\", it must be a "
                           "number from 0 to 1 or a variable", &value[1]);
        return NGX_CONF_ERROR;
    }

    lcf->sample_threshold = genai_sample_threshold(ratio);

    return NGX_CONF_OK;
}


ngx_int_t
ngx_http_genai_ratio(ngx_str_t *value, double *ratio)
{
    char   *end, buf[32];

    if (value->len == 0 || value->len >= sizeof(buf)
        || value->data[0] == ' ')
    {
        return NGX_ERROR;
    }

    ngx_memcpy(buf, value->data, value->len);
    buf[value->len] = '\0';

    *ratio = strtod(buf, &end);

    /* the comparison is false for NaN */

    return (*end == '\0' && *ratio >= 0 && *ratio <= 1) ? NGX_OK : NGX_ERROR;
}
