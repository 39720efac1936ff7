/*
 * genai_capture: message content on spans, for those who ask for it.
 *
 * Off, which is the default, there is no memory that content could be in, and
 * no row that would bring it.
 */

#include "ngx_http_genai_module.h"


#define NGX_HTTP_GENAI_CAPTURE_DEFAULT  (16 * 1024)


/* genai_capture off | content [max=size] */

char *
ngx_http_genai_set_capture(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_genai_loc_conf_t  *lcf = conf;

    ssize_t     size;
    ngx_str_t  *value, s;

    if (lcf->capture != NGX_CONF_UNSET_SIZE) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0) {
        lcf->capture = 0;
        return NGX_CONF_OK;
    }

    if (ngx_strcmp(value[1].data, "content") != 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" in \"genai_capture\", it "
                           "must be \"off\" or \"content [max=size]\"",
                           &value[1]);
        return NGX_CONF_ERROR;
    }

    size = NGX_HTTP_GENAI_CAPTURE_DEFAULT;

    if (cf->args->nelts == 3) {
        size = NGX_ERROR;

        if (ngx_strncmp(value[2].data, "max=", 4) == 0) {
            s.data = value[2].data + 4;
            s.len = value[2].len - 4;
            size = ngx_parse_size(&s);
        }

        if (size < GENAI_CAPTURE_MIN || size > GENAI_CAPTURE_MAX) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\", it must be "
                               "\"max=size\" of 1k to 24k", &value[2]);
            return NGX_CONF_ERROR;
        }
    }

    lcf->capture = size;

    return NGX_CONF_OK;
}


/* what was read of a request is kept when an internal redirect goes on */

void
ngx_http_genai_capture_begin(ngx_http_genai_ctx_t *ctx)
{
    char             *buf;
    size_t            size;
    genai_capture_t  *x;

    size = ctx->conf->capture;

    if (size == 0) {
        ctx->capture = NULL;
        return;
    }

    x = ctx->capture;

    if (x == NULL) {
        x = ngx_palloc(ctx->request->pool, sizeof(genai_capture_t));
        buf = ngx_palloc(ctx->request->pool, size);

        if (x == NULL || buf == NULL) {
            return;
        }

        genai_capture_init(x, buf, size);
        ctx->capture = x;
    }

    genai_body_capture(&ctx->body, x);
}


/* the last attributes, and those of calls only that have a span */

void
ngx_http_genai_capture_finish(ngx_http_genai_ctx_t *ctx)
{
    genai_attr_t  *attrs;
    genai_call_t  *c;

    c = &ctx->call;

    if (ctx->capture == NULL || c->attrs == NULL || !c->sampled) {
        return;
    }

    attrs = (genai_attr_t *) c->attrs;
    c->nattrs += genai_capture_attrs(ctx->capture, c, attrs + c->nattrs);
}
