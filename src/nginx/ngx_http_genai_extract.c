/*
 * genai_extract: rows of the operator's, compiled with the tables when nginx
 * is configured.  Locations with the same rows share one compiled set.
 */

#include "ngx_http_genai_module.h"


static ngx_int_t ngx_http_genai_extract_rows(ngx_conf_t *cf,
    ngx_http_genai_loc_conf_t *conf, const genai_rows_t **out,
    ngx_uint_t request);


/* genai_extract NAME PATH [op=first|last|count|sum|max] [request] | off */

char *
ngx_http_genai_set_extract(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_genai_loc_conf_t  *lcf = conf;

    int                   op;
    char                  err[256];
    ngx_str_t            *value;
    ngx_uint_t            i, request;
    genai_extract_row_t  *row;

    value = cf->args->elts;
    op = GENAI_EXTRACT_OP;
    request = 0;

    if (cf->args->nelts == 2) {

        if (ngx_strcmp(value[1].data, "off") != 0) {
            return "must be \"off\" or have a name and a path";
        }

        if (lcf->extract != NGX_CONF_UNSET_PTR) {
            return "has \"off\" beside rows at this level";
        }

        lcf->extract = NULL;
        return NGX_CONF_OK;
    }

    for (i = 3; i < cf->args->nelts; i++) {

        if (ngx_strcmp(value[i].data, "request") == 0) {
            request = 1;
            continue;
        }

        if (ngx_strncmp(value[i].data, "op=", 3) == 0) {
            op = genai_extract_op(genai_str((char *) value[i].data + 3,
                                            value[i].len - 3));
            if (op >= 0) {
                continue;
            }
        }

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\", it must be \"request\" "
                           "or \"op=\" with first, last, count, sum or max",
                           &value[i]);
        return NGX_CONF_ERROR;
    }

    if (lcf->extract == NULL) {
        return "has \"off\" beside rows at this level";
    }

    if (lcf->extract == NGX_CONF_UNSET_PTR) {
        lcf->extract = ngx_array_create(cf->pool, 4,
                                        sizeof(genai_extract_row_t));
        if (lcf->extract == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    if (lcf->extract->nelts == GENAI_EXTRACT_MAX) {
        return "has more than 32 rows in a location";
    }

    row = ngx_array_push(lcf->extract);
    if (row == NULL) {
        return NGX_CONF_ERROR;
    }

    if (genai_extract_row(row, genai_str((char *) value[1].data,
                                         value[1].len),
                          (char *) value[2].data, (unsigned) op,
                          lcf->extract->nelts - 1, err, sizeof(err))
        != GENAI_OK)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "genai_extract: %s", err);
        return NGX_CONF_ERROR;
    }

    row->request = (request != 0);

    return NGX_CONF_OK;
}


/* the tables of a location that has rows beside them */

ngx_int_t
ngx_http_genai_extract_merge(ngx_conf_t *cf, ngx_http_genai_loc_conf_t *conf)
{
    char                         err[256];
    ngx_uint_t                   i;
    const genai_rows_t          *request, *response;
    ngx_http_genai_tables_t     *t;
    ngx_http_genai_main_conf_t  *mcf;

    if (conf->api == GENAI_API_NONE
        || (conf->extract == NULL && conf->capture == 0))
    {
        return NGX_OK;
    }

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_genai_module);

    if (mcf->tables.elts == NULL
        && ngx_array_init(&mcf->tables, cf->pool, 4,
                          sizeof(ngx_http_genai_tables_t))
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    t = mcf->tables.elts;

    for (i = 0; i < mcf->tables.nelts; i++) {
        if (t[i].extract == conf->extract
            && t[i].capture == (conf->capture != 0))
        {
            conf->apis = t[i].apis;
            return NGX_OK;
        }
    }

    if (ngx_http_genai_extract_rows(cf, conf, &request, 1) != NGX_OK
        || ngx_http_genai_extract_rows(cf, conf, &response, 0) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (genai_apis_create_more(&conf->apis, request, response,
                               ngx_http_genai_alloc, cf->pool, err,
                               sizeof(err))
        != GENAI_OK)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "genai_extract: %s", err);
        return NGX_ERROR;
    }

    t = ngx_array_push(&mcf->tables);
    if (t == NULL) {
        return NGX_ERROR;
    }

    t->extract = conf->extract;
    t->capture = (conf->capture != 0);
    t->apis = conf->apis;

    return NGX_OK;
}


/* the rows of one direction, NULL when it has none */

static ngx_int_t
ngx_http_genai_extract_rows(ngx_conf_t *cf, ngx_http_genai_loc_conf_t *conf,
    const genai_rows_t **out, ngx_uint_t request)
{
    ngx_uint_t            i;
    genai_row_t          *row;
    genai_rows_t         *rows;
    const genai_rows_t   *more;
    genai_extract_row_t  *e;

    more = (conf->capture == 0) ? NULL
         : request ? &genai_capture_request : &genai_capture_response;

    *out = more;

    if (conf->extract == NULL) {
        return NGX_OK;
    }

    rows = ngx_pcalloc(cf->pool, sizeof(genai_rows_t));
    row = ngx_palloc(cf->pool, conf->extract->nelts * sizeof(genai_row_t));

    if (rows == NULL || row == NULL) {
        return NGX_ERROR;
    }

    rows->rows = row;
    rows->more = more;
    e = conf->extract->elts;

    for (i = 0; i < conf->extract->nelts; i++) {
        if (e[i].request == request) {
            row[rows->n++] = e[i].row;
        }
    }

    if (rows->n) {
        *out = rows;
    }

    return NGX_OK;
}


/* values are kept when an internal redirect leads to the same rows */

void
ngx_http_genai_extract_begin(ngx_http_genai_ctx_t *ctx)
{
    size_t                  n;
    ngx_array_t            *rows;
    genai_extract_t        *x;
    genai_extract_value_t  *values;

    rows = ctx->conf->extract;

    if (rows == NULL) {
        ctx->extract = NULL;
        return;
    }

    x = ctx->extract;

    if (x == NULL || x->rows != rows->elts) {
        n = rows->nelts;
        x = ngx_palloc(ctx->request->pool, sizeof(genai_extract_t));
        values = ngx_palloc(ctx->request->pool,
                            n * sizeof(genai_extract_value_t));

        if (x == NULL || values == NULL) {
            ctx->extract = NULL;
            return;
        }

        genai_extract_init(x, rows->elts, values, n);
        ctx->extract = x;
    }

    genai_body_extract(&ctx->body, x);
}
