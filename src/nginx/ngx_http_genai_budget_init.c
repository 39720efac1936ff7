/*
 * Budgets: when all directives have been read, names, checks and memory of
 * the zones; and the limits of a call.
 */

#include "ngx_http_genai_budget.h"


static ngx_int_t ngx_http_genai_budget_name(ngx_conf_t *cf,
    ngx_http_genai_main_conf_t *mcf, ngx_http_genai_budget_zone_t *zc);
static ngx_int_t ngx_http_genai_budget_check(ngx_conf_t *cf,
    ngx_http_genai_main_conf_t *mcf, ngx_http_genai_budget_zone_t *zc);
static ngx_int_t ngx_http_genai_budget_state_file(ngx_conf_t *cf,
    ngx_http_genai_main_conf_t *mcf, ngx_http_genai_budget_zone_t *zc);


ngx_int_t
ngx_http_genai_budget_init(ngx_conf_t *cf, ngx_http_genai_main_conf_t *mcf)
{
    ngx_uint_t                      i;
    ngx_http_genai_budget_zone_t  **zones;

    zones = mcf->budget_zones.elts;

    for (i = 0; i < mcf->budget_zones.nelts; i++) {

        if (ngx_http_genai_budget_name(cf, mcf, zones[i]) != NGX_OK
            || ngx_http_genai_budget_check(cf, mcf, zones[i]) != NGX_OK
            || ngx_http_genai_budget_state_file(cf, mcf, zones[i]) != NGX_OK
            || ngx_http_genai_budget_shm_add(cf, zones[i]) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* a zone without a name is called after where it is; that does not change
 * when lines are added elsewhere, so that a reload keeps what was spent */

static ngx_int_t
ngx_http_genai_budget_name(ngx_conf_t *cf, ngx_http_genai_main_conf_t *mcf,
    ngx_http_genai_budget_zone_t *zc)
{
    u_char                         *p;
    size_t                          len;
    ngx_str_t                       server, place;
    ngx_uint_t                      i, n;
    ngx_http_genai_budget_zone_t  **zones;

    static ngx_str_t  prefix = ngx_string("genai_budget:");

    if (zc->server == NULL) {
        return NGX_OK;
    }

    server = zc->server->server_name;
    place = zc->location;

    if (place.len == 0 && server.len == 0) {
        ngx_str_set(&place, "all");
    }

    zones = mcf->budget_zones.elts;

    for (i = 0, n = 1; zones[i] != zc; i++) {

        if (zones[i]->server != NULL
            && zones[i]->location.len == zc->location.len
            && ngx_strncmp(zones[i]->location.data, zc->location.data,
                           zc->location.len)
               == 0
            && zones[i]->server->server_name.len == server.len
            && ngx_strncmp(zones[i]->server->server_name.data, server.data,
                           server.len)
               == 0)
        {
            n++;
        }
    }

    len = prefix.len + server.len + place.len + 1 + NGX_INT_T_LEN;

    p = ngx_pnalloc(cf->pool, len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    zc->shm_name.data = p;

    p = ngx_sprintf(p, "%V%V%V", &prefix, &server, &place);

    if (n > 1) {
        p = ngx_sprintf(p, "#%ui", n);
    }

    zc->shm_name.len = p - zc->shm_name.data;

    zc->name.data = zc->shm_name.data + prefix.len;
    zc->name.len = zc->shm_name.len - prefix.len;

    return NGX_OK;
}


static ngx_int_t
ngx_http_genai_budget_check(ngx_conf_t *cf, ngx_http_genai_main_conf_t *mcf,
    ngx_http_genai_budget_zone_t *zc)
{
    ngx_uint_t  i;

    if (!zc->declared) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "unknown budget zone \"%V\" in %s:%ui, declare it at "
                      "http level: \"genai_budget_zone $http_x_tenant "
                      "zone=%V:10m limit=100usd/day\"", &zc->name, zc->file,
                      zc->line, &zc->name);
        return NGX_ERROR;
    }

    if (zc->nlimits == 0) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "budget \"%V\" in %s:%ui has no limit, e.g. %s",
                      &zc->name, zc->file, zc->line,
                      zc->server ? "\"genai_budget 50usd/day\""
                                 : "\"limit=100usd/day\"");
        return NGX_ERROR;
    }

    if (!zc->used) {
        ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                      "budget zone \"%V\" in %s:%ui is used nowhere: "
                      "\"genai_budget zone=%V\" in a location uses it",
                      &zc->name, zc->file, zc->line, &zc->name);
    }

    for (i = 0; i < zc->nlimits; i++) {

        if (zc->values[i] == NULL && zc->limits[i].unit == GENAI_BUDGET_USD
            && mcf->prices == NULL
            && zc->unpriced == NGX_HTTP_GENAI_BUDGET_DENY)
        {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "budget \"%V\" in %s:%ui is in USD and there is no "
                          "price table: every call would be refused; name "
                          "one by \"genai_prices\"", &zc->name, zc->file,
                          zc->line);
            return NGX_ERROR;
        }
    }

    if (zc->learned) {
        ngx_log_error(NGX_LOG_NOTICE, cf->log, 0,
                      "budget \"%V\" has \"estimate=learned\": more calls "
                      "run at once, and what they spend may pass the limit",
                      &zc->name);
    }

    return NGX_OK;
}


/* relative names are below the spool: there the helper may write */

static ngx_int_t
ngx_http_genai_budget_state_file(ngx_conf_t *cf,
    ngx_http_genai_main_conf_t *mcf, ngx_http_genai_budget_zone_t *zc)
{
    u_char                         *p;
    ngx_str_t                       name;
    ngx_uint_t                      i;
    ngx_http_genai_budget_zone_t  **zones;

    if (zc->state.len == 0) {

        if (zc->on_corrupt == NGX_HTTP_GENAI_BUDGET_FAIL) {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "budget \"%V\" in %s:%ui has \"on_corrupt=\" and "
                          "no \"state=file\"", &zc->name, zc->file,
                          zc->line);
            return NGX_ERROR;
        }

        return NGX_OK;
    }

    if (zc->state.data[0] != '/' && mcf->path != NULL) {

        name.len = mcf->path->name.len + 1 + zc->state.len;
        name.data = ngx_pnalloc(cf->pool, name.len + 1);
        if (name.data == NULL) {
            return NGX_ERROR;
        }

        p = ngx_sprintf(name.data, "%V/%V", &mcf->path->name, &zc->state);
        *p = '\0';
        zc->state = name;
    }

    if (zc->state.len > NGX_MAX_PATH - 64) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "the name of state file \"%V\" is too long",
                      &zc->state);
        return NGX_ERROR;
    }

    zones = mcf->budget_zones.elts;

    for (i = 0; zones[i] != zc; i++) {

        if (zones[i]->state.len == zc->state.len
            && ngx_strncmp(zones[i]->state.data, zc->state.data,
                           zc->state.len)
               == 0)
        {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "budgets \"%V\" and \"%V\" have the same state "
                          "file \"%V\"", &zones[i]->name, &zc->name,
                          &zc->state);
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_genai_budget_limits(ngx_http_request_t *r,
    ngx_http_genai_budget_zone_t *zc, genai_budget_limit_t *buf,
    const genai_budget_limit_t **limits, uint32_t *n, ngx_str_t *bad)
{
    char        err[NGX_HTTP_GENAI_BUDGET_ERR];
    ngx_uint_t  i;

    *limits = zc->limits;
    *n = (uint32_t) zc->nlimits;

    if (!zc->dynamic) {
        return NGX_OK;
    }

    *limits = buf;
    *n = 0;

    for (i = 0; i < zc->nlimits; i++) {

        if (zc->values[i] == NULL) {
            buf[(*n)++] = zc->limits[i];
            continue;
        }

        if (ngx_http_complex_value(r, zc->values[i], bad) != NGX_OK) {
            return NGX_ERROR;
        }

        /* empty: this limit does not apply to this call */

        if (bad->len == 0) {
            continue;
        }

        if (genai_budget_parse(genai_str((char *) bad->data, bad->len),
                               zc->tz, &buf[*n], err, sizeof(err))
            != GENAI_OK)
        {
            return NGX_DECLINED;
        }

        (*n)++;
    }

    return NGX_OK;
}
