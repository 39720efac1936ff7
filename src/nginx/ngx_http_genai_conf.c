/*
 * Directives, merge, checks.
 */

#include "ngx_http_genai_module.h"


#define NGX_HTTP_GENAI_RECORD_TYPICAL  600     /* bytes, for the estimate */


static ngx_int_t ngx_http_genai_attrs_merge(ngx_array_t **conf,
    ngx_array_t *prev);
static void ngx_http_genai_check_location(ngx_conf_t *cf,
    ngx_http_genai_loc_conf_t *conf);
static ngx_http_upstream_conf_t *ngx_http_genai_proxy_conf(ngx_conf_t *cf);
static ngx_int_t ngx_http_genai_load_prices(ngx_conf_t *cf,
    ngx_http_genai_main_conf_t *mcf);
static ngx_int_t ngx_http_genai_queue_path(ngx_conf_t *cf,
    ngx_http_genai_main_conf_t *mcf);
static ngx_int_t ngx_http_genai_size(ngx_str_t *value, size_t skip,
    off_t *size);


static ngx_conf_enum_t  ngx_http_genai_apis[] = {
    { ngx_string("off"), GENAI_API_NONE },
    { ngx_string("auto"), GENAI_API_AUTO },
    { ngx_string("bedrock"), GENAI_API_BEDROCK },
    { ngx_string("bedrock_agent"), GENAI_API_BEDROCK_AGENT },
    { ngx_string("opensearch"), GENAI_API_OPENSEARCH },
    { ngx_string("vectordb"), GENAI_API_VECTORDB },
    { ngx_string("anthropic"), GENAI_API_ANTHROPIC },
    { ngx_string("openai"), GENAI_API_OPENAI },
    { ngx_null_string, 0 }
};


void *
ngx_http_genai_create_main_conf(ngx_conf_t *cf)
{
    ngx_http_genai_main_conf_t  *mcf;

    mcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_genai_main_conf_t));
    if (mcf == NULL) {
        return NULL;
    }

    if (ngx_array_init(&mcf->budget_zones, cf->pool, 2, sizeof(void *))
        != NGX_OK)
    {
        return NULL;
    }

    mcf->spool_max = NGX_CONF_UNSET;
    mcf->proxy = ngx_http_genai_module_index(cf, "ngx_http_proxy_module");

    if (ngx_array_init(&mcf->sinks, cf->pool, 2, sizeof(genai_sink_conf_t))
        != NGX_OK
        || ngx_array_init(&mcf->resource, cf->pool, 4, sizeof(genai_pair_t))
           != NGX_OK)
    {
        return NULL;
    }

    return mcf;
}


void *
ngx_http_genai_create_loc_conf(ngx_conf_t *cf)
{
    ngx_http_genai_loc_conf_t  *conf;

    conf = ngx_pcalloc(cf->pool, sizeof(ngx_http_genai_loc_conf_t));
    if (conf == NULL) {
        return NULL;
    }

    conf->api = NGX_CONF_UNSET_UINT;
    conf->trace_context = NGX_CONF_UNSET_UINT;
    conf->trace_formats = NGX_CONF_UNSET_UINT;
    conf->baggage = NGX_CONF_UNSET_UINT;
    conf->sample = NGX_CONF_UNSET_PTR;
    conf->span_name = NGX_CONF_UNSET_PTR;
    conf->keep = NGX_CONF_UNSET_PTR;
    conf->profile = NGX_CONF_UNSET_UINT;
    conf->window = NGX_CONF_UNSET_UINT;
    conf->extract = NGX_CONF_UNSET_PTR;
    conf->capture = NGX_CONF_UNSET_SIZE;
    conf->include_usage = NGX_CONF_UNSET;
    conf->drain = NGX_CONF_UNSET_PTR;
    conf->name = NGX_CONF_UNSET_PTR;
    conf->user = NGX_CONF_UNSET_PTR;
    conf->session = NGX_CONF_UNSET_PTR;
    conf->region = NGX_CONF_UNSET_PTR;
    conf->span_attrs = NGX_CONF_UNSET_PTR;
    conf->labels = NGX_CONF_UNSET_PTR;

    ngx_http_genai_budget_create_conf(conf);

    return conf;
}


char *
ngx_http_genai_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_genai_loc_conf_t  *prev = parent;
    ngx_http_genai_loc_conf_t  *conf = child;

    ngx_http_core_loc_conf_t    *clcf;
    ngx_http_genai_main_conf_t  *mcf;

    ngx_conf_merge_uint_value(conf->api, prev->api, GENAI_API_NONE);

    ngx_http_genai_admin_merge(cf, conf, prev);

    ngx_conf_merge_uint_value(conf->trace_context, prev->trace_context,
                              NGX_HTTP_GENAI_TC_PROPAGATE);
    ngx_conf_merge_uint_value(conf->trace_formats, prev->trace_formats,
                              GENAI_TRACE_W3C|GENAI_TRACE_XRAY << 4);
    ngx_conf_merge_uint_value(conf->baggage, prev->baggage,
                              NGX_HTTP_GENAI_BAGGAGE_APP);

    if (conf->sample == NGX_CONF_UNSET_PTR) {
        conf->sample_threshold = prev->sample_threshold;
    }

    ngx_conf_merge_ptr_value(conf->sample, prev->sample, NULL);
    ngx_conf_merge_ptr_value(conf->span_name, prev->span_name, NULL);
    ngx_conf_merge_ptr_value(conf->keep, prev->keep, NULL);
    ngx_conf_merge_uint_value(conf->profile, prev->profile,
                              GENAI_PROFILE_SEMCONV);
    ngx_conf_merge_ptr_value(conf->extract, prev->extract, NULL);
    ngx_conf_merge_size_value(conf->capture, prev->capture, 0);
    ngx_conf_merge_value(conf->include_usage, prev->include_usage, 0);
    ngx_conf_merge_ptr_value(conf->drain, prev->drain, NULL);
    ngx_conf_merge_uint_value(conf->window, prev->window,
                              NGX_HTTP_GENAI_WINDOW_WARN);
    ngx_conf_merge_ptr_value(conf->name, prev->name, NULL);
    ngx_conf_merge_ptr_value(conf->user, prev->user, NULL);
    ngx_conf_merge_ptr_value(conf->session, prev->session, NULL);
    ngx_conf_merge_ptr_value(conf->region, prev->region, NULL);

    if (ngx_http_genai_extract_merge(cf, conf) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    if (ngx_http_genai_attrs_merge(&conf->span_attrs, prev->span_attrs)
        != NGX_OK
        || ngx_http_genai_attrs_merge(&conf->labels, prev->labels) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (ngx_http_genai_budget_merge(cf, conf, prev) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    conf->location = clcf->name;

    if (conf->api != GENAI_API_NONE) {
        mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_genai_module);
        mcf->window |= (conf->window == NGX_HTTP_GENAI_WINDOW_REJECT);
        mcf->include_usage |= conf->include_usage;
        mcf->drain |= (conf->drain != NULL);
    }

    if (conf->api != GENAI_API_NONE && clcf->handler != NULL) {
        ngx_http_genai_check_location(cf, conf);
    }

    return NGX_CONF_OK;
}


/* arrays are inherited only if none is set here; "off" cancels */

static ngx_int_t
ngx_http_genai_attrs_merge(ngx_array_t **conf, ngx_array_t *prev)
{
    ngx_http_genai_attr_conf_t  *a;

    if (*conf == NGX_CONF_UNSET_PTR) {
        *conf = (prev == NGX_CONF_UNSET_PTR) ? NULL : prev;
        return NGX_OK;
    }

    a = (*conf)->elts;

    if (a[0].off) {
        *conf = NULL;
    }

    return NGX_OK;
}


/* what beginners miss where model calls pass */

static void
ngx_http_genai_check_location(ngx_conf_t *cf, ngx_http_genai_loc_conf_t *conf)
{
    ngx_http_upstream_conf_t  *u;
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if ((conf->api == GENAI_API_BEDROCK || conf->api == GENAI_API_AUTO)
        && clcf->client_max_body_size > 0
        && clcf->client_max_body_size < 25 * 1000 * 1000)
    {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "\"genai\" in location \"%V\": "
                           "\"client_max_body_size\" is %O bytes, Bedrock "
                           "takes 25,000,000: longer prompts get 413; set "
                           "\"client_max_body_size 25m\"",
                           &conf->location, clcf->client_max_body_size);
    }

    u = ngx_http_genai_proxy_conf(cf);

    if (u != NULL && u->read_timeout <= 60000) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "\"genai\" in location \"%V\": "
                           "\"proxy_read_timeout\" is %Mms, not above the 60s "
                           "of the SDKs: a slow answer is cut here and "
                           "billed again by a retry; set "
                           "\"proxy_read_timeout 300s\"",
                           &conf->location, u->read_timeout);
    }
}


/* found by name: a build without that module must still load us */

ngx_uint_t
ngx_http_genai_module_index(ngx_conf_t *cf, const char *name)
{
    ngx_uint_t     i;
    ngx_module_t  *module;

    for (i = 0; cf->cycle->modules[i]; i++) {
        module = cf->cycle->modules[i];

        if (module->type == NGX_HTTP_MODULE
            && ngx_strcmp(module->name, name) == 0)
        {
            return module->ctx_index;
        }
    }

    return NGX_CONF_UNSET_UINT;
}


/* the proxy's configuration begins with the upstream's */

static ngx_http_upstream_conf_t *
ngx_http_genai_proxy_conf(ngx_conf_t *cf)
{
    ngx_http_genai_main_conf_t  *mcf;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_genai_module);

    if (mcf->proxy == NGX_CONF_UNSET_UINT) {
        return NULL;
    }

    return ((ngx_http_conf_ctx_t *) cf->ctx)->loc_conf[mcf->proxy];
}


char *
ngx_http_genai_set_api(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_genai_loc_conf_t  *lcf = conf;

    ngx_str_t                   *value;
    ngx_uint_t                   i;
    ngx_http_genai_main_conf_t  *mcf;

    if (lcf->api != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    value = cf->args->elts;

    for (i = 0; ngx_http_genai_apis[i].name.len; i++) {

        if (value[1].len != ngx_http_genai_apis[i].name.len
            || ngx_strcmp(value[1].data, ngx_http_genai_apis[i].name.data)
               != 0)
        {
            continue;
        }

        lcf->api = ngx_http_genai_apis[i].value;

        if (lcf->api != GENAI_API_NONE) {
            mcf = ngx_http_conf_get_module_main_conf(cf,
                                                     ngx_http_genai_module);
            mcf->enabled = 1;
        }

        return NGX_CONF_OK;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid value \"%V\" in \"genai\", it must be "
                       "\"off\", \"auto\", \"bedrock\", "
                       "\"bedrock_agent\", \"opensearch\", \"vectordb\", "
                       "\"anthropic\" or \"openai\"", &value[1]);

    return NGX_CONF_ERROR;
}


/* "64k", "16m", "1g" from offset skip; nginx's parsers know no g in sizes */

static ngx_int_t
ngx_http_genai_size(ngx_str_t *value, size_t skip, off_t *size)
{
    ngx_str_t  s;

    s.data = value->data + skip;
    s.len = value->len - skip;

    *size = ngx_parse_offset(&s);

    return (*size == (off_t) NGX_ERROR) ? NGX_ERROR : NGX_OK;
}


char *
ngx_http_genai_set_zone(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_genai_main_conf_t  *mcf = conf;

    u_char     *p;
    off_t       size;
    ngx_str_t  *value;

    if (mcf->zone.set) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_strncmp(value[1].data, "zone=", 5) != 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\", it must be "
                           "\"zone=name:size\"", &value[1]);
        return NGX_CONF_ERROR;
    }

    mcf->zone.name.data = value[1].data + 5;
    p = (u_char *) ngx_strchr(mcf->zone.name.data, ':');

    if (p == NULL || p == mcf->zone.name.data
        || ngx_http_genai_size(&value[1], p + 1 - value[1].data, &size)
           != NGX_OK)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid zone \"%V\", it must be "
                           "\"zone=name:size\", e.g. \"zone=genai:16m\"",
                           &value[1]);
        return NGX_CONF_ERROR;
    }

    if (size < 1024 * 1024 || size > (off_t) 1024 * 1024 * 1024) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the size of zone \"%V\" must be from 1m to 1g",
                           &value[1]);
        return NGX_CONF_ERROR;
    }

    mcf->zone.name.len = p - mcf->zone.name.data;
    mcf->zone.size = (size_t) size;
    mcf->zone.set = 1;

    return NGX_CONF_OK;
}


char *
ngx_http_genai_set_queue(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_genai_main_conf_t  *mcf = conf;

    off_t        size;
    ngx_str_t   *value, path;
    ngx_uint_t   i;

    if (mcf->queue.set) {
        return "is duplicate";
    }

    value = cf->args->elts;
    mcf->queue.set = 1;

    if (ngx_http_genai_size(&value[1], 0, &size) != NGX_OK
        || size < 1024 * 1024 || size > (off_t) 4096 * 1024 * 1024)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid queue size \"%V\", it must be from 1m "
                           "to 4g", &value[1]);
        return NGX_CONF_ERROR;
    }

    mcf->queue.size = (size_t) size;

    for (i = 2; i < cf->args->nelts; i++) {

        if (ngx_strncmp(value[i].data, "path=", 5) == 0
            && value[i].len > 5)
        {
            path.data = value[i].data + 5;
            path.len = value[i].len - 5;

            mcf->path = ngx_pcalloc(cf->pool, sizeof(ngx_path_t));
            if (mcf->path == NULL) {
                return NGX_CONF_ERROR;
            }

            mcf->path->name = path;
            continue;
        }

        if (ngx_strncmp(value[i].data, "spool=", 6) == 0) {

            if (ngx_http_genai_size(&value[i], 6, &size) == NGX_OK
                && (size == 0 || size >= 1024 * 1024))
            {
                mcf->spool_max = size;
                continue;
            }

            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\", the spool's limit "
                               "is 0 (no spool) or at least 1m", &value[i]);
            return NGX_CONF_ERROR;
        }

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\", it must be "
                           "\"path=directory\" or \"spool=size\"",
                           &value[i]);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


char *
ngx_http_genai_set_prices(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_genai_main_conf_t  *mcf = conf;

    ngx_str_t  *value;

    if (mcf->prices_file.data) {
        return "is duplicate";
    }

    value = cf->args->elts;
    mcf->prices_file = value[1];

    return ngx_conf_full_name(cf->cycle, &mcf->prices_file, 1) == NGX_OK
           ? NGX_CONF_OK : NGX_CONF_ERROR;
}


char *
ngx_http_genai_set_resource(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_genai_main_conf_t  *mcf = conf;

    ngx_str_t     *value;
    ngx_uint_t     i;
    genai_pair_t  *pair;

    value = cf->args->elts;

    if (value[1].len == 0) {
        return "has an empty key";
    }

    pair = mcf->resource.elts;

    for (i = 0; i < mcf->resource.nelts; i++) {
        if (ngx_strcmp(pair[i].key, value[1].data) == 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "duplicate \"genai_resource\" key \"%V\"",
                               &value[1]);
            return NGX_CONF_ERROR;
        }
    }

    pair = ngx_array_push(&mcf->resource);
    if (pair == NULL) {
        return NGX_CONF_ERROR;
    }

    /* configuration words are zero-terminated */

    pair->key = (char *) value[1].data;
    pair->value = (char *) value[2].data;

    return NGX_CONF_OK;
}


/* genai_span_attr key value | off; genai_label key value [max=N] | off */

char *
ngx_http_genai_set_attr(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char  *p = conf;

    ngx_int_t                           max;
    ngx_str_t                          *value;
    ngx_array_t                       **attrs;
    ngx_http_genai_attr_conf_t         *a;
    ngx_http_compile_complex_value_t    ccv;

    attrs = (ngx_array_t **) (p + cmd->offset);
    value = cf->args->elts;

    if (*attrs == NGX_CONF_UNSET_PTR) {
        *attrs = ngx_array_create(cf->pool, 4,
                                  sizeof(ngx_http_genai_attr_conf_t));
        if (*attrs == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    a = (*attrs)->elts;

    if ((*attrs)->nelts && (a[0].off || cf->args->nelts == 2)) {
        return "has \"off\" beside values at this level";
    }

    a = ngx_array_push(*attrs);
    if (a == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(a, sizeof(ngx_http_genai_attr_conf_t));

    if (cf->args->nelts == 2) {
        if (ngx_strcmp(value[1].data, "off") != 0) {
            return "must be \"off\" or have a key and a value";
        }

        a->off = 1;
        return NGX_CONF_OK;
    }

    a->key = value[1];
    a->max = 200;

    if (cf->args->nelts == 4) {
        max = (ngx_strncmp(value[3].data, "max=", 4) == 0)
              ? ngx_atoi(value[3].data + 4, value[3].len - 4) : NGX_ERROR;

        if (max == NGX_ERROR || max == 0 || max > 100000) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\", it must be "
                               "\"max=number\" of 1 to 100000", &value[3]);
            return NGX_CONF_ERROR;
        }

        a->max = max;
    }

    ngx_memzero(&ccv, sizeof(ngx_http_compile_complex_value_t));

    ccv.cf = cf;
    ccv.value = &value[2];
    ccv.complex_value = &a->value;

    return ngx_http_compile_complex_value(&ccv) == NGX_OK
           ? NGX_CONF_OK : NGX_CONF_ERROR;
}


char *
ngx_http_genai_set_status(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_genai_loc_conf_t  *lcf = conf;

    ngx_str_t                   *value;
    ngx_http_core_loc_conf_t    *clcf;
    ngx_http_genai_main_conf_t  *mcf;

    if (lcf->status_page) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "metrics") != 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\", it must be "
                           "\"metrics\"", &value[1]);
        return NGX_CONF_ERROR;
    }

    lcf->status_page = (cf->args->nelts == 2) ? 2 : 1;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    clcf->handler = ngx_http_genai_status_handler;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_genai_module);
    mcf->status = 1;

    return ngx_http_genai_admin_add(cf, "genai_status");
}


char *
ngx_http_genai_init_main_conf(ngx_conf_t *cf, void *conf)
{
    ngx_http_genai_main_conf_t  *mcf = conf;

    char   err[256];

    if (!mcf->enabled && !mcf->status) {
        return NGX_CONF_OK;
    }

    if (!mcf->zone.set) {
        ngx_str_set(&mcf->zone.name, "genai");
        mcf->zone.size = 16 * 1024 * 1024;
    }

    if (!mcf->queue.set) {
        mcf->queue.size = 16 * 1024 * 1024;
    }

    ngx_str_set(&mcf->queue.name, "genai_queue");

    if (mcf->spool_max == NGX_CONF_UNSET) {
        mcf->spool_max = 256 * 1024 * 1024;
    }

    if (ngx_http_genai_resource_init(cf, mcf) != NGX_OK
        || ngx_http_genai_load_prices(cf, mcf) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (!mcf->enabled) {
        return NGX_CONF_OK;
    }

    if (genai_apis_create(&mcf->apis, ngx_http_genai_alloc, cf->pool, err,
                          sizeof(err))
        != GENAI_OK)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "genai tables: %s", err);
        return NGX_CONF_ERROR;
    }

    if (ngx_http_genai_queue_path(cf, mcf) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    if (mcf->sinks.nelts) {
        ngx_conf_log_error(NGX_LOG_NOTICE, cf, 0,
                           "genai_queue: at 100 calls/s a receiver may be "
                           "away for about %uz s in memory and %O s more in "
                           "the spool \"%V\"",
                           mcf->queue.size / 100
                               / NGX_HTTP_GENAI_RECORD_TYPICAL,
                           mcf->spool_max / 100
                               / NGX_HTTP_GENAI_RECORD_TYPICAL,
                           &mcf->path->name);
    }

    return NGX_CONF_OK;
}


void *
ngx_http_genai_alloc(void *data, size_t size)
{
    return ngx_palloc(data, size);
}


/* the spool's directory; its manager makes nginx start the helper */

static ngx_int_t
ngx_http_genai_queue_path(ngx_conf_t *cf, ngx_http_genai_main_conf_t *mcf)
{
    u_char      *p, *last;
    ngx_str_t    proxy = ngx_string(NGX_HTTP_PROXY_TEMP_PATH);
    ngx_path_t  *path;

    path = mcf->path;

    if (path == NULL) {

        path = ngx_pcalloc(cf->pool, sizeof(ngx_path_t));
        if (path == NULL) {
            return NGX_ERROR;
        }

        last = proxy.data + proxy.len;

        while (last > proxy.data && last[-1] != '/') {
            last--;
        }

        path->name.len = last - proxy.data + sizeof("genai") - 1;
        path->name.data = ngx_pnalloc(cf->pool, path->name.len + 1);
        if (path->name.data == NULL) {
            return NGX_ERROR;
        }

        p = ngx_cpymem(path->name.data, proxy.data, last - proxy.data);
        ngx_memcpy(p, "genai", sizeof("genai"));

        mcf->path = path;
    }

    while (path->name.len > 1
           && path->name.data[path->name.len - 1] == '/')
    {
        path->name.data[--path->name.len] = '\0';
    }

    if (ngx_conf_full_name(cf->cycle, &path->name, 0) != NGX_OK) {
        return NGX_ERROR;
    }

    path->manager = ngx_http_genai_manager;
    path->data = mcf;
    path->conf_file = cf->conf_file->file.name.data;
    path->line = cf->conf_file->line;

    return ngx_add_path(cf, &mcf->path);
}


static ngx_int_t
ngx_http_genai_read_file(ngx_conf_t *cf, ngx_str_t *name, ngx_str_t *text,
    time_t *mtime)
{
    ssize_t          n;
    ngx_fd_t         fd;
    ngx_int_t        rc;
    ngx_file_info_t  fi;

    fd = ngx_open_file(name->data, NGX_FILE_RDONLY, NGX_FILE_OPEN, 0);
    if (fd == NGX_INVALID_FILE) {
        return NGX_DECLINED;
    }

    rc = NGX_ERROR;

    if (ngx_fd_info(fd, &fi) == NGX_FILE_ERROR
        || ngx_file_size(&fi) > 16 * 1024 * 1024)
    {
        goto done;
    }

    *mtime = ngx_file_mtime(&fi);

    text->len = (size_t) ngx_file_size(&fi);
    text->data = ngx_pnalloc(cf->temp_pool, text->len + 1);
    if (text->data == NULL) {
        goto done;
    }

    n = ngx_read_fd(fd, text->data, text->len);

    if (n == (ssize_t) text->len) {
        text->data[n] = '\0';
        rc = NGX_OK;
    }

done:

    (void) ngx_close_file(fd);

    return rc;
}


static ngx_int_t
ngx_http_genai_load_prices(ngx_conf_t *cf, ngx_http_genai_main_conf_t *mcf)
{
    char        err[512];
    ngx_int_t   rc;
    ngx_str_t   text;
    ngx_uint_t  set;

    set = (mcf->prices_file.data != NULL);

    if (!set) {
        ngx_str_set(&mcf->prices_file, "genai/prices.json");

        if (ngx_conf_full_name(cf->cycle, &mcf->prices_file, 1) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    rc = ngx_http_genai_read_file(cf, &mcf->prices_file, &text,
                                  &mcf->prices_mtime);

    if (rc == NGX_DECLINED && !set) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, ngx_errno,
                           "there is no price table \"%V\": every call will "
                           "be unpriced; \"make install\" puts one there, or "
                           "name yours by \"genai_prices\"",
                           &mcf->prices_file);
        return NGX_OK;
    }

    if (rc != NGX_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "cannot read the price table \"%V\"",
                           &mcf->prices_file);
        return NGX_ERROR;
    }

    if (genai_price_parse((char *) text.data, text.len, ngx_http_genai_alloc,
                          cf->pool, &mcf->prices, err, sizeof(err))
        != GENAI_OK)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "price table \"%V\": %s",
                           &mcf->prices_file, err);
        return NGX_ERROR;
    }

    return NGX_OK;
}
