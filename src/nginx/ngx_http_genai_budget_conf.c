/*
 * Budgets: directives and their checks.
 *
 *     genai_budget_zone key zone=name:size limit=100usd/day ...;
 *     genai_budget zone=name [warn=80%] [class=name:share] ... | off;
 *     genai_budget 50usd/day ...;       a zone of its own, for this place
 */

#include "ngx_http_genai_budget.h"


typedef struct {
    ngx_str_t    name;
    ngx_uint_t   value;
} ngx_http_genai_budget_word_t;


static ngx_http_genai_budget_zone_t *ngx_http_genai_budget_zone(
    ngx_conf_t *cf, ngx_str_t *name);
static ngx_http_genai_budget_zone_t *ngx_http_genai_budget_zone_new(
    ngx_conf_t *cf);
static char *ngx_http_genai_budget_zone_declare(ngx_conf_t *cf,
    ngx_str_t *value, ngx_str_t *text, ngx_http_genai_budget_zone_t **zone);
static char *ngx_http_genai_budget_zone_option(ngx_conf_t *cf,
    ngx_http_genai_budget_zone_t *zc, ngx_str_t *value);
static ngx_uint_t ngx_http_genai_budget_word(ngx_str_t *value,
    const char *name, ngx_str_t *rest);
static ngx_int_t ngx_http_genai_budget_choice(ngx_str_t *value,
    ngx_http_genai_budget_word_t *words, ngx_uint_t *out);
static char *ngx_http_genai_budget_add_limit(ngx_conf_t *cf,
    ngx_http_genai_budget_zone_t *zc, ngx_str_t *text);
static char *ngx_http_genai_budget_timezone(ngx_conf_t *cf,
    ngx_http_genai_budget_zone_t *zc, ngx_str_t *text);
static char *ngx_http_genai_budget_option(ngx_conf_t *cf,
    ngx_http_genai_budget_conf_t *bc, ngx_str_t *value);
static char *ngx_http_genai_budget_class(ngx_conf_t *cf,
    ngx_http_genai_budget_conf_t *bc, ngx_str_t *text);


static ngx_http_genai_budget_word_t  ngx_http_genai_budget_empty[] = {
    { ngx_string("deny"), NGX_HTTP_GENAI_BUDGET_DENY },
    { ngx_string("allow"), NGX_HTTP_GENAI_BUDGET_ALLOW },
    { ngx_string("shared"), NGX_HTTP_GENAI_BUDGET_SHARED },
    { ngx_null_string, 0 }
};


static ngx_http_genai_budget_word_t  ngx_http_genai_budget_deny_allow[] = {
    { ngx_string("deny"), NGX_HTTP_GENAI_BUDGET_DENY },
    { ngx_string("allow"), NGX_HTTP_GENAI_BUDGET_ALLOW },
    { ngx_null_string, 0 }
};


static ngx_http_genai_budget_word_t  ngx_http_genai_budget_corrupt[] = {
    { ngx_string("empty"), NGX_HTTP_GENAI_BUDGET_EMPTY },
    { ngx_string("fail"), NGX_HTTP_GENAI_BUDGET_FAIL },
    { ngx_null_string, 0 }
};


static ngx_http_genai_budget_word_t  ngx_http_genai_budget_estimate[] = {
    { ngx_string("bound"), 0 },
    { ngx_string("learned"), 1 },
    { ngx_null_string, 0 }
};


static ngx_http_genai_budget_word_t  ngx_http_genai_budget_stream[] = {
    { ngx_string("finish"), 0 },
    { ngx_string("stop"), 1 },
    { ngx_null_string, 0 }
};


static ngx_http_genai_budget_word_t  ngx_http_genai_budget_on_off[] = {
    { ngx_string("off"), 0 },
    { ngx_string("on"), 1 },
    { ngx_null_string, 0 }
};


/* options that are words, and where they go */

typedef struct {
    const char                    *name;
    ngx_http_genai_budget_word_t  *words;
    size_t                         offset;
    const char                    *choice;
} ngx_http_genai_budget_choice_t;


static ngx_http_genai_budget_choice_t  ngx_http_genai_budget_choices[] = {
    { "on_empty=", ngx_http_genai_budget_empty,
      offsetof(ngx_http_genai_budget_zone_t, on_empty),
      "\"deny\", \"allow\" or \"shared\"" },
    { "on_full=", ngx_http_genai_budget_deny_allow,
      offsetof(ngx_http_genai_budget_zone_t, on_full),
      "\"deny\" or \"allow\"" },
    { "unpriced=", ngx_http_genai_budget_deny_allow,
      offsetof(ngx_http_genai_budget_zone_t, unpriced),
      "\"deny\" or \"allow\"" },
    { "on_corrupt=", ngx_http_genai_budget_corrupt,
      offsetof(ngx_http_genai_budget_zone_t, on_corrupt),
      "\"empty\" or \"fail\"" },
    { "estimate=", ngx_http_genai_budget_estimate,
      offsetof(ngx_http_genai_budget_zone_t, learned),
      "\"bound\" or \"learned\"" },
    { NULL, NULL, 0, NULL }
};


char *
ngx_http_genai_set_budget_zone(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char                              *rv;
    ngx_str_t                         *value, rest;
    ngx_uint_t                         i;
    ngx_http_genai_budget_zone_t      *zc;
    ngx_http_compile_complex_value_t   ccv;

    value = cf->args->elts;
    zc = NULL;

    for (i = 2; i < cf->args->nelts; i++) {
        if (ngx_http_genai_budget_word(&value[i], "zone=", &rest)) {
            rv = ngx_http_genai_budget_zone_declare(cf, &value[i], &rest,
                                                    &zc);
            if (rv != NGX_CONF_OK) {
                return rv;
            }
        }
    }

    if (zc == NULL) {
        return "has no \"zone=name:size\", e.g. \"zone=tenant:10m\"";
    }

    zc->key_text = value[1];
    zc->key = ngx_pcalloc(cf->pool, sizeof(ngx_http_complex_value_t));
    if (zc->key == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(&ccv, sizeof(ngx_http_compile_complex_value_t));

    ccv.cf = cf;
    ccv.value = &value[1];
    ccv.complex_value = zc->key;

    if (ngx_http_compile_complex_value(&ccv) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    /* limits are read with the time zone known */

    for (i = 2; i < cf->args->nelts; i++) {
        if (ngx_http_genai_budget_word(&value[i], "timezone=", &rest)) {
            rv = ngx_http_genai_budget_timezone(cf, zc, &rest);
            if (rv != NGX_CONF_OK) {
                return rv;
            }
        }
    }

    for (i = 2; i < cf->args->nelts; i++) {

        if (ngx_http_genai_budget_word(&value[i], "zone=", &rest)) {
            continue;
        }

        if (ngx_http_genai_budget_word(&value[i], "limit=", &rest)) {
            rv = ngx_http_genai_budget_add_limit(cf, zc, &rest);

        } else {
            rv = ngx_http_genai_budget_zone_option(cf, zc, &value[i]);
        }

        if (rv == NGX_CONF_UNSET_PTR) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\", there are "
                               "\"zone=\", \"limit=\", \"timezone=\", "
                               "\"on_empty=\", \"on_full=\", \"unpriced=\", "
                               "\"estimate=\", \"state=\", \"interval=\" "
                               "and \"on_corrupt=\"", &value[i]);
            return NGX_CONF_ERROR;
        }

        if (rv != NGX_CONF_OK) {
            return rv;
        }
    }

    return NGX_CONF_OK;
}


/* "name:size" */

static char *
ngx_http_genai_budget_zone_declare(ngx_conf_t *cf, ngx_str_t *value,
    ngx_str_t *text, ngx_http_genai_budget_zone_t **zone)
{
    off_t                          size;
    u_char                        *p;
    ngx_str_t                      name, s;
    ngx_http_genai_budget_zone_t  *zc;

    size = NGX_ERROR;
    p = (u_char *) ngx_strchr(text->data, ':');

    if (p != NULL) {
        s.data = p + 1;
        s.len = text->data + text->len - s.data;
        size = ngx_parse_offset(&s);
    }

    if (p == NULL || p == text->data || size == (off_t) NGX_ERROR
        || size < (off_t) (8 * ngx_pagesize)
        || size > (off_t) 4 * 1024 * 1024 * 1024)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid zone \"%V\", it must be "
                           "\"zone=name:size\" of %uzk to 4g, e.g. "
                           "\"zone=tenant:10m\"", value,
                           8 * ngx_pagesize / 1024);
        return NGX_CONF_ERROR;
    }

    name.data = text->data;
    name.len = p - text->data;

    zc = ngx_http_genai_budget_zone(cf, &name);
    if (zc == NULL) {
        return NGX_CONF_ERROR;
    }

    if (zc->declared) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "budget zone \"%V\" is declared twice, before in "
                           "%s:%ui", &name, zc->file, zc->line);
        return NGX_CONF_ERROR;
    }

    zc->declared = 1;
    zc->size = (size_t) size;
    zc->file = cf->conf_file->file.name.data;
    zc->line = cf->conf_file->line;

    *zone = zc;

    return NGX_CONF_OK;
}


static ngx_uint_t
ngx_http_genai_budget_word(ngx_str_t *value, const char *name,
    ngx_str_t *rest)
{
    size_t  len;

    len = ngx_strlen(name);

    if (value->len < len || ngx_strncmp(value->data, name, len) != 0) {
        return 0;
    }

    rest->data = value->data + len;
    rest->len = value->len - len;

    return 1;
}


static ngx_int_t
ngx_http_genai_budget_choice(ngx_str_t *value,
    ngx_http_genai_budget_word_t *words, ngx_uint_t *out)
{
    for ( /* void */ ; words->name.len; words++) {

        if (value->len == words->name.len
            && ngx_strncmp(value->data, words->name.data, value->len) == 0)
        {
            *out = words->value;
            return NGX_OK;
        }
    }

    return NGX_DECLINED;
}


/* NGX_CONF_UNSET_PTR: it is none of a zone */

static char *
ngx_http_genai_budget_zone_option(ngx_conf_t *cf,
    ngx_http_genai_budget_zone_t *zc, ngx_str_t *value)
{
    ngx_int_t                        ms;
    ngx_str_t                        rest;
    ngx_http_genai_budget_choice_t  *c;

    for (c = ngx_http_genai_budget_choices; c->name; c++) {

        if (!ngx_http_genai_budget_word(value, c->name, &rest)) {
            continue;
        }

        if (ngx_http_genai_budget_choice(&rest, c->words,
                             (ngx_uint_t *) ((char *) zc + c->offset))
            == NGX_OK)
        {
            return NGX_CONF_OK;
        }

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\", it must be %s", value,
                           c->choice);
        return NGX_CONF_ERROR;
    }

    if (ngx_http_genai_budget_word(value, "timezone=", &rest)) {
        return NGX_CONF_OK;                     /* was read before */
    }

    if (ngx_http_genai_budget_word(value, "state=", &rest) && rest.len) {
        zc->state = rest;
        return NGX_CONF_OK;
    }

    if (ngx_http_genai_budget_word(value, "interval=", &rest)) {
        ms = ngx_parse_time(&rest, 0);

        if (ms == NGX_ERROR || ms < 1000 || ms > 3600 * 1000) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\", snapshots may be "
                               "1s to 1h apart", value);
            return NGX_CONF_ERROR;
        }

        zc->interval = (ngx_msec_t) ms;
        return NGX_CONF_OK;
    }

    return NGX_CONF_UNSET_PTR;
}


static char *
ngx_http_genai_budget_timezone(ngx_conf_t *cf,
    ngx_http_genai_budget_zone_t *zc, ngx_str_t *text)
{
    char        err[NGX_HTTP_GENAI_BUDGET_ERR];
    time_t      now;
    struct tm   tm;

    switch (genai_budget_parse_tz(genai_str((char *) text->data, text->len),
                                  &zc->tz, err, sizeof(err)))
    {

    case GENAI_OK:
        return NGX_CONF_OK;

    case GENAI_DECLINED:

        /* as it is now: a later change of summer time needs a reload */

        now = ngx_time();
        (void) localtime_r(&now, &tm);
        zc->tz = (int) (tm.tm_gmtoff / 60);

        return NGX_CONF_OK;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "%s", err);

    return NGX_CONF_ERROR;
}


static char *
ngx_http_genai_budget_add_limit(ngx_conf_t *cf,
    ngx_http_genai_budget_zone_t *zc, ngx_str_t *text)
{
    char                               err[NGX_HTTP_GENAI_BUDGET_ERR];
    ngx_uint_t                         i, n;
    genai_budget_limit_t              *limit;
    ngx_http_complex_value_t          *cv;
    ngx_http_compile_complex_value_t   ccv;

    n = zc->nlimits;

    if (n == GENAI_BUDGET_LIMITS) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "more than %d limits, put some into a second "
                           "zone", GENAI_BUDGET_LIMITS);
        return NGX_CONF_ERROR;
    }

    limit = &zc->limits[n];

    if (ngx_http_script_variables_count(text)) {

        cv = ngx_pcalloc(cf->pool, sizeof(ngx_http_complex_value_t));
        if (cv == NULL) {
            return NGX_CONF_ERROR;
        }

        ngx_memzero(&ccv, sizeof(ngx_http_compile_complex_value_t));

        ccv.cf = cf;
        ccv.value = text;
        ccv.complex_value = cv;

        if (ngx_http_compile_complex_value(&ccv) != NGX_OK) {
            return NGX_CONF_ERROR;
        }

        zc->values[n] = cv;
        zc->dynamic = 1;
        zc->nlimits++;

        return NGX_CONF_OK;
    }

    if (genai_budget_parse(genai_str((char *) text->data, text->len), zc->tz,
                           limit, err, sizeof(err))
        != GENAI_OK)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "%s", err);
        return NGX_CONF_ERROR;
    }

    for (i = 0; i < n; i++) {

        if (zc->values[i] == NULL && zc->limits[i].unit == limit->unit
            && zc->limits[i].window == limit->window
            && zc->limits[i].seconds == limit->seconds)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "limit \"%V\" has the unit and the window of "
                               "an earlier one, only the smaller would "
                               "count: leave one out", text);
            return NGX_CONF_ERROR;
        }
    }

    zc->nlimits++;

    return NGX_CONF_OK;
}


/* by name; one that is not declared yet is made, and checked at the end */

static ngx_http_genai_budget_zone_t *
ngx_http_genai_budget_zone(ngx_conf_t *cf, ngx_str_t *name)
{
    ngx_uint_t                      i;
    ngx_http_genai_main_conf_t     *mcf;
    ngx_http_genai_budget_zone_t   *zc, **zones;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_genai_module);
    zones = mcf->budget_zones.elts;

    for (i = 0; i < mcf->budget_zones.nelts; i++) {

        if (zones[i]->name.len == name->len
            && ngx_strncmp(zones[i]->name.data, name->data, name->len) == 0)
        {
            return zones[i];
        }
    }

    zc = ngx_http_genai_budget_zone_new(cf);

    if (zc != NULL) {
        zc->name = *name;
        zc->shm_name = *name;
    }

    return zc;
}


static ngx_http_genai_budget_zone_t *
ngx_http_genai_budget_zone_new(ngx_conf_t *cf)
{
    ngx_http_genai_main_conf_t     *mcf;
    ngx_http_genai_budget_zone_t   *zc, **zone;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_genai_module);

    zc = ngx_pcalloc(cf->pool, sizeof(ngx_http_genai_budget_zone_t));
    zone = ngx_array_push(&mcf->budget_zones);

    if (zc == NULL || zone == NULL) {
        return NULL;
    }

    zc->interval = 10000;
    zc->lock_fd = NGX_INVALID_FILE;
    zc->file = cf->conf_file->file.name.data;
    zc->line = cf->conf_file->line;

    *zone = zc;

    return zc;
}


char *
ngx_http_genai_set_budget(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_genai_loc_conf_t  *lcf = conf;

    char                          *rv;
    ngx_str_t                     *value, rest;
    ngx_uint_t                     i, off;
    ngx_http_core_loc_conf_t      *clcf;
    ngx_http_genai_budget_conf_t  *bc;

    value = cf->args->elts;

    if (lcf->budgets == NGX_CONF_UNSET_PTR) {
        lcf->budgets = ngx_array_create(cf->pool, 2,
                                        sizeof(ngx_http_genai_budget_conf_t));
        if (lcf->budgets == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    off = (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0);
    bc = lcf->budgets->elts;

    if (lcf->budgets->nelts && (off || bc[0].off)) {
        return "has \"off\" beside budgets at this level";
    }

    if (lcf->budgets->nelts == NGX_HTTP_GENAI_BUDGET_USES) {
        return "stands more than 8 times at this level";
    }

    bc = ngx_array_push(lcf->budgets);
    if (bc == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(bc, sizeof(ngx_http_genai_budget_conf_t));
    bc->share = 100;
    bc->off = off;
    bc->file = cf->conf_file->file.name.data;
    bc->line = cf->conf_file->line;

    if (off) {
        return NGX_CONF_OK;
    }

    for (i = 1; i < cf->args->nelts; i++) {
        if (ngx_http_genai_budget_word(&value[i], "zone=", &rest)) {

            if (bc->zone != NULL || rest.len == 0
                || ngx_strlchr(rest.data, rest.data + rest.len, ':'))
            {
                ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                                   "invalid parameter \"%V\": one name of a "
                                   "\"genai_budget_zone\", without a size",
                                   &value[i]);
                return NGX_CONF_ERROR;
            }

            bc->zone = ngx_http_genai_budget_zone(cf, &rest);
            if (bc->zone == NULL) {
                return NGX_CONF_ERROR;
            }
        }
    }

    if (bc->zone == NULL) {
        bc->zone = ngx_http_genai_budget_zone_new(cf);
        if (bc->zone == NULL) {
            return NGX_CONF_ERROR;
        }

        clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

        bc->zone->server = ngx_http_conf_get_module_srv_conf(cf,
                                                        ngx_http_core_module);
        bc->zone->location = clcf->name;
        bc->zone->size = NGX_HTTP_GENAI_BUDGET_IMPLICIT;
        bc->zone->declared = 1;

        for (i = 1; i < cf->args->nelts; i++) {
            if (ngx_http_genai_budget_word(&value[i], "timezone=", &rest)) {
                rv = ngx_http_genai_budget_timezone(cf, bc->zone, &rest);
                if (rv != NGX_CONF_OK) {
                    return rv;
                }
            }
        }
    }

    for (i = 1; i < cf->args->nelts; i++) {
        rv = ngx_http_genai_budget_option(cf, bc, &value[i]);
        if (rv != NGX_CONF_OK) {
            return rv;
        }
    }

    bc->zone->used = 1;

    return NGX_CONF_OK;
}


static char *
ngx_http_genai_budget_option(ngx_conf_t *cf, ngx_http_genai_budget_conf_t *bc,
    ngx_str_t *value)
{
    char        *rv, err[NGX_HTTP_GENAI_BUDGET_ERR];
    ngx_str_t    rest;
    ngx_uint_t   implicit;

    implicit = (bc->zone->server != NULL);

    if (ngx_http_genai_budget_word(value, "zone=", &rest)) {
        return NGX_CONF_OK;
    }

    if (ngx_http_genai_budget_word(value, "warn=", &rest)) {

        if (genai_budget_parse_percent(genai_str((char *) rest.data,
                                                 rest.len),
                                       &bc->warn, err, sizeof(err))
            != GENAI_OK)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "%s", err);
            return NGX_CONF_ERROR;
        }

        return NGX_CONF_OK;
    }

    if (ngx_http_genai_budget_word(value, "class=", &rest)) {
        return ngx_http_genai_budget_class(cf, bc, &rest);
    }

    if (ngx_http_genai_budget_word(value, "stream=", &rest)
        && ngx_http_genai_budget_choice(&rest, ngx_http_genai_budget_stream,
                                        &bc->stop)
           == NGX_OK)
    {
        return NGX_CONF_OK;
    }

    if (ngx_http_genai_budget_word(value, "headers=", &rest)
        && ngx_http_genai_budget_choice(&rest, ngx_http_genai_budget_on_off,
                                        &bc->ratelimit)
           == NGX_OK)
    {
        return NGX_CONF_OK;
    }

    rv = NGX_CONF_UNSET_PTR;

    if (implicit) {
        rv = ngx_strlchr(value->data, value->data + value->len, '=')
             ? ngx_http_genai_budget_zone_option(cf, bc->zone, value)
             : ngx_http_genai_budget_add_limit(cf, bc->zone, value);
    }

    if (rv != NGX_CONF_UNSET_PTR) {
        return rv;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid parameter \"%V\", there are \"zone=name\" "
                       "or limits (\"50usd/day\"), \"warn=80%%\", "
                       "\"class=name:share\", \"stream=finish\" or "
                       "\"stop\", \"headers=on\" or \"off\"; what else "
                       "concerns a zone stands at its \"genai_budget_zone\"",
                       value);

    return NGX_CONF_ERROR;
}


static char *
ngx_http_genai_budget_class(ngx_conf_t *cf, ngx_http_genai_budget_conf_t *bc,
    ngx_str_t *text)
{
    char     err[NGX_HTTP_GENAI_BUDGET_ERR];
    u_char  *p, *last;

    last = text->data + text->len;
    p = ngx_strlchr(text->data, last, ':');

    if (p == NULL || p == text->data) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid class \"%V\", it must be "
                           "\"class=name:share\", e.g. \"class=batch:80%%\"",
                           text);
        return NGX_CONF_ERROR;
    }

    bc->class.data = text->data;
    bc->class.len = p - text->data;
    p++;

    if (genai_budget_parse_percent(genai_str((char *) p, last - p),
                                   &bc->share, err, sizeof(err))
        != GENAI_OK)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "%s", err);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


char *
ngx_http_genai_set_budget_status(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_genai_loc_conf_t  *lcf = conf;

    ngx_int_t   n;
    ngx_str_t  *value;

    if (lcf->budget_status != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "auto") == 0) {
        lcf->budget_status = 0;
        return NGX_CONF_OK;
    }

    n = ngx_atoi(value[1].data, value[1].len);

    if (n < 400 || n > 599) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid status \"%V\", it must be \"auto\" or "
                           "400 to 599", &value[1]);
        return NGX_CONF_ERROR;
    }

    lcf->budget_status = (ngx_uint_t) n;

    return NGX_CONF_OK;
}


void
ngx_http_genai_budget_create_conf(ngx_http_genai_loc_conf_t *conf)
{
    conf->budgets = NGX_CONF_UNSET_PTR;
    conf->budget_dry_run = NGX_CONF_UNSET;
    conf->budget_status = NGX_CONF_UNSET_UINT;
    conf->budget_log_level = NGX_CONF_UNSET_UINT;
}


/* limits of requests alone need not know what is asked */

static ngx_uint_t
ngx_http_genai_budget_of_body(ngx_http_genai_budget_zone_t *zc)
{
    ngx_uint_t  i;

    for (i = 0; i < zc->nlimits; i++) {
        if (zc->values[i] != NULL || zc->limits[i].unit != GENAI_BUDGET_REQ) {
            return 1;
        }
    }

    return 0;
}


ngx_int_t
ngx_http_genai_budget_merge(ngx_conf_t *cf, ngx_http_genai_loc_conf_t *conf,
    ngx_http_genai_loc_conf_t *prev)
{
    ngx_uint_t                     i, k, own;
    ngx_http_core_loc_conf_t      *clcf;
    ngx_http_genai_main_conf_t    *mcf;
    ngx_http_genai_budget_conf_t  *bc;

    ngx_conf_merge_value(conf->budget_dry_run, prev->budget_dry_run, 0);
    ngx_conf_merge_uint_value(conf->budget_status, prev->budget_status, 0);
    ngx_conf_merge_uint_value(conf->budget_log_level, prev->budget_log_level,
                              NGX_LOG_ERR);

    own = (conf->budgets != NGX_CONF_UNSET_PTR);
    ngx_conf_merge_ptr_value(conf->budgets, prev->budgets, NULL);

    if (conf->budgets == NULL) {
        return NGX_OK;
    }

    bc = conf->budgets->elts;

    if (bc[0].off) {
        conf->budgets = NULL;
        return NGX_OK;
    }

    for (i = 0; i < conf->budgets->nelts; i++) {
        for (k = 0; k < i; k++) {
            if (bc[i].zone == bc[k].zone) {
                ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                              "budget zone \"%V\" is used twice, in %s:%ui "
                              "and at line %ui: a call would pay twice",
                              &bc[i].zone->name, bc[i].file, bc[k].line,
                              bc[i].line);
                return NGX_ERROR;
            }
        }

        conf->budget_body |= ngx_http_genai_budget_of_body(bc[i].zone);
    }

    if (conf->api != GENAI_API_NONE) {
        mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_genai_module);
        mcf->budgets = 1;
        return NGX_OK;
    }

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (own && clcf->handler != NULL) {
        ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                      "\"genai_budget\" in %s:%ui has no effect: there is no "
                      "\"genai\" in location \"%V\"", bc[0].file, bc[0].line,
                      &clcf->name);
    }

    return NGX_OK;
}
