/*
 * The genai_exporter block, and what the environment says: OTEL_* is read
 * here, at configuration time, since nginx clears it in its children.
 */

#include "ngx_http_genai_module.h"


typedef struct {
    ngx_str_t     name;
    char       *(*set)(ngx_conf_t *cf, genai_sink_conf_t *sink,
                       size_t offset);
    size_t        offset;
    unsigned      otlp:1;
    unsigned      file:1;
} ngx_http_genai_sink_key_t;


/* while a block is being read */

typedef struct {
    genai_sink_conf_t  *sink;
    ngx_array_t         headers;         /* genai_pair_t */
    ngx_array_t         header_files;    /* genai_pair_t */
    ngx_array_t         seen;            /* ngx_http_genai_sink_key_t * */
} ngx_http_genai_sink_ctx_t;


static char *ngx_http_genai_sink_directive(ngx_conf_t *cf,
    ngx_command_t *dummy, void *conf);
static char *ngx_http_genai_sink_endpoint(ngx_conf_t *cf,
    genai_sink_conf_t *sink, size_t offset);
static char *ngx_http_genai_sink_protocol(ngx_conf_t *cf,
    genai_sink_conf_t *sink, size_t offset);
static char *ngx_http_genai_sink_header(ngx_conf_t *cf,
    genai_sink_conf_t *sink, size_t offset);
static char *ngx_http_genai_sink_compression(ngx_conf_t *cf,
    genai_sink_conf_t *sink, size_t offset);
static char *ngx_http_genai_sink_msec(ngx_conf_t *cf,
    genai_sink_conf_t *sink, size_t offset);
static char *ngx_http_genai_sink_batch(ngx_conf_t *cf,
    genai_sink_conf_t *sink, size_t offset);
static char *ngx_http_genai_sink_signals(ngx_conf_t *cf,
    genai_sink_conf_t *sink, size_t offset);
static char *ngx_http_genai_sink_temporality(ngx_conf_t *cf,
    genai_sink_conf_t *sink, size_t offset);
static char *ngx_http_genai_sink_pem(ngx_conf_t *cf,
    genai_sink_conf_t *sink, size_t offset);
static char *ngx_http_genai_sink_verify(ngx_conf_t *cf,
    genai_sink_conf_t *sink, size_t offset);
static char *ngx_http_genai_sink_path(ngx_conf_t *cf,
    genai_sink_conf_t *sink, size_t offset);
static ngx_int_t ngx_http_genai_sink_done(ngx_conf_t *cf,
    ngx_http_genai_sink_ctx_t *ctx);


#define sink_key(name, set, field, otlp, file)                                \
    { ngx_string(name), set, offsetof(genai_sink_conf_t, field), otlp, file }


static ngx_http_genai_sink_key_t  ngx_http_genai_sink_keys[] = {
    sink_key("endpoint", ngx_http_genai_sink_endpoint, endpoint, 1, 0),
    sink_key("protocol", ngx_http_genai_sink_protocol, endpoint, 1, 0),
    sink_key("header", ngx_http_genai_sink_header, headers, 1, 0),
    sink_key("header_file", ngx_http_genai_sink_header, header_files, 1, 0),
    sink_key("compression", ngx_http_genai_sink_compression, type, 1, 0),
    sink_key("interval", ngx_http_genai_sink_msec, interval_ms, 1, 1),
    sink_key("metrics_interval", ngx_http_genai_sink_msec,
             metrics_interval_ms, 1, 0),
    sink_key("batch", ngx_http_genai_sink_batch, batch, 1, 1),
    sink_key("timeout", ngx_http_genai_sink_msec, timeout_ms, 1, 0),
    sink_key("signals", ngx_http_genai_sink_signals, type, 1, 0),
    sink_key("temporality", ngx_http_genai_sink_temporality, type, 1, 0),
    sink_key("tls_ca", ngx_http_genai_sink_pem, tls_ca, 1, 0),
    sink_key("tls_cert", ngx_http_genai_sink_pem, tls_cert, 1, 0),
    sink_key("tls_key", ngx_http_genai_sink_pem, tls_key, 1, 0),
    sink_key("tls_verify", ngx_http_genai_sink_verify, type, 1, 0),
    sink_key("proxy", ngx_http_genai_sink_endpoint, proxy, 1, 0),
    sink_key("path", ngx_http_genai_sink_path, path, 0, 1),
    { ngx_null_string, NULL, 0, 0, 0 }
};


#define sink_slot(type, sink, offset)  ((type *) ((char *) (sink) + (offset)))


char *
ngx_http_genai_set_exporter(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_genai_main_conf_t  *mcf = conf;

    char                       *rv;
    ngx_str_t                  *value;
    ngx_conf_t                  save;
    ngx_uint_t                  i;
    genai_sink_conf_t          *sink, *sinks;
    ngx_http_genai_sink_ctx_t   ctx;

    value = cf->args->elts;

    if (genai_sink_find((char *) value[1].data) == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "unknown exporter \"%V\", known are \"otlp\" and "
                           "\"file\"", &value[1]);
        return NGX_CONF_ERROR;
    }

    if (mcf->sinks.nelts == GENAI_QUEUE_SINKS) {
        return "is too many: at most 8 exporters";
    }

    sinks = mcf->sinks.elts;

    for (i = 0; i < mcf->sinks.nelts; i++) {
        if (ngx_strcmp(sinks[i].name,
                       value[cf->args->nelts - 1].data) == 0)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "duplicate exporter \"%V\": give the second a "
                               "name, as in \"genai_exporter %V other {\"",
                               &value[cf->args->nelts - 1], &value[1]);
            return NGX_CONF_ERROR;
        }
    }

    if (value[cf->args->nelts - 1].len >= GENAI_QUEUE_NAME) {
        return "has too long a name";
    }

    sink = ngx_array_push(&mcf->sinks);
    if (sink == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(sink, sizeof(genai_sink_conf_t));

    sink->type = (char *) value[1].data;
    sink->name = (char *) value[cf->args->nelts - 1].data;
    sink->version = NGX_HTTP_GENAI_VERSION;
    sink->gzip = 1;
    sink->traces = 1;
    sink->metrics = 1;
    sink->tls_verify = 1;
    sink->batch = 512;
    sink->interval_ms = 1000;
    sink->metrics_interval_ms = 60000;
    sink->timeout_ms = 10000;

    ctx.sink = sink;

    if (ngx_array_init(&ctx.headers, cf->pool, 4, sizeof(genai_pair_t))
        != NGX_OK
        || ngx_array_init(&ctx.header_files, cf->pool, 1,
                          sizeof(genai_pair_t)) != NGX_OK
        || ngx_array_init(&ctx.seen, cf->temp_pool, 8, sizeof(void *))
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    save = *cf;
    cf->handler = ngx_http_genai_sink_directive;
    cf->handler_conf = (void *) &ctx;

    rv = ngx_conf_parse(cf, NULL);

    *cf = save;

    if (rv != NGX_CONF_OK) {
        return rv;
    }

    mcf->logs |= sink->logs;

    return ngx_http_genai_sink_done(cf, &ctx) == NGX_OK ? NGX_CONF_OK
                                                        : NGX_CONF_ERROR;
}


static char *
ngx_http_genai_sink_directive(ngx_conf_t *cf, ngx_command_t *dummy,
    void *conf)
{
    ngx_http_genai_sink_ctx_t  *ctx = cf->handler_conf;

    char                        *rv;
    ngx_str_t                   *value;
    ngx_uint_t                   i, file;
    ngx_http_genai_sink_key_t   *key, **seen;

    value = cf->args->elts;
    file = (ngx_strcmp(ctx->sink->type, "file") == 0);

    for (key = ngx_http_genai_sink_keys; key->name.len; key++) {
        if (value[0].len == key->name.len
            && ngx_strcmp(value[0].data, key->name.data) == 0
            && (file ? key->file : key->otlp))
        {
            break;
        }
    }

    if (key->name.len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "unknown setting \"%V\" of a \"%s\" exporter",
                           &value[0], ctx->sink->type);
        return NGX_CONF_ERROR;
    }

    seen = ctx->seen.elts;

    for (i = 0; i < ctx->seen.nelts; i++) {
        if (seen[i] == key && key->set != ngx_http_genai_sink_header) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"%V\" is duplicate in the exporter \"%s\"",
                               &value[0], ctx->sink->name);
            return NGX_CONF_ERROR;
        }
    }

    seen = ngx_array_push(&ctx->seen);
    if (seen == NULL) {
        return NGX_CONF_ERROR;
    }

    *seen = key;

    if (key->set != ngx_http_genai_sink_header
        && key->set != ngx_http_genai_sink_signals && cf->args->nelts != 2)
    {
        rv = "takes one value";

    } else {
        rv = key->set(cf, ctx->sink, key->offset);
    }

    if (rv != NGX_CONF_OK && rv != NGX_CONF_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" in the exporter \"%s\" %s",
                           &value[0], ctx->sink->name, rv);
        return NGX_CONF_ERROR;
    }

    return rv;
}


static char *
ngx_http_genai_sink_endpoint(ngx_conf_t *cf, genai_sink_conf_t *sink,
    size_t offset)
{
    ngx_str_t  *value;

    value = cf->args->elts;

    if ((ngx_strncmp(value[1].data, "http://", 7) != 0 || value[1].len == 7)
        && (ngx_strncmp(value[1].data, "https://", 8) != 0
            || value[1].len == 8))
    {
        return "must be a URL as \"http://127.0.0.1:4318\" or "
               "\"https://collector.example.com\"";
    }

    while (value[1].data[value[1].len - 1] == '/') {
        value[1].data[--value[1].len] = '\0';
    }

    *sink_slot(const char *, sink, offset) = (char *) value[1].data;

    return NGX_CONF_OK;
}


static char *
ngx_http_genai_sink_protocol(ngx_conf_t *cf, genai_sink_conf_t *sink,
    size_t offset)
{
    ngx_str_t  *value;

    value = cf->args->elts;

    return ngx_strcmp(value[1].data, "http/protobuf") == 0
           ? NGX_CONF_OK
           : "must be \"http/protobuf\": no other is spoken";
}


static char *
ngx_http_genai_sink_header(ngx_conf_t *cf, genai_sink_conf_t *sink,
    size_t offset)
{
    ngx_http_genai_sink_ctx_t  *ctx = cf->handler_conf;

    ngx_str_t     *value;
    ngx_uint_t     i, file;
    ngx_array_t   *pairs;
    genai_pair_t  *pair;

    if (cf->args->nelts != 3) {
        return "takes a header's name and a value";
    }

    value = cf->args->elts;

    for (i = 0; i < value[1].len; i++) {
        if (value[1].data[i] <= ' ' || value[1].data[i] == ':'
            || value[1].data[i] >= 0x7f)
        {
            return "has a name that is not a header's";
        }
    }

    file = (offset == offsetof(genai_sink_conf_t, header_files));

    if (file) {
        if (ngx_conf_full_name(cf->cycle, &value[2], 1) != NGX_OK) {
            return NGX_CONF_ERROR;
        }

        if (access((char *) value[2].data, R_OK) != 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                               "cannot read \"header_file\" \"%V\"",
                               &value[2]);
            return NGX_CONF_ERROR;
        }
    }

    pairs = file ? &ctx->header_files : &ctx->headers;

    pair = ngx_array_push(pairs);
    if (pair == NULL) {
        return NGX_CONF_ERROR;
    }

    pair->key = (char *) value[1].data;
    pair->value = (char *) value[2].data;

    return NGX_CONF_OK;
}


static char *
ngx_http_genai_sink_compression(ngx_conf_t *cf, genai_sink_conf_t *sink,
    size_t offset)
{
    ngx_str_t  *value;

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "gzip") == 0) {
        sink->gzip = 1;

    } else if (ngx_strcmp(value[1].data, "off") == 0) {
        sink->gzip = 0;

    } else {
        return "must be \"gzip\" or \"off\"";
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_genai_sink_msec(ngx_conf_t *cf, genai_sink_conf_t *sink,
    size_t offset)
{
    ngx_int_t   ms;
    ngx_str_t  *value;

    value = cf->args->elts;
    ms = ngx_parse_time(&value[1], 0);

    if (ms == NGX_ERROR || ms < 10 || ms > 3600 * 1000) {
        return "must be a time from 10ms to 1h";
    }

    *sink_slot(uint32_t, sink, offset) = (uint32_t) ms;

    return NGX_CONF_OK;
}


static char *
ngx_http_genai_sink_batch(ngx_conf_t *cf, genai_sink_conf_t *sink,
    size_t offset)
{
    ngx_int_t   n;
    ngx_str_t  *value;

    value = cf->args->elts;
    n = ngx_atoi(value[1].data, value[1].len);

    if (n == NGX_ERROR || n < 1 || n > 8192) {
        return "must be a number of spans from 1 to 8192";
    }

    sink->batch = (uint32_t) n;

    return NGX_CONF_OK;
}


static char *
ngx_http_genai_sink_signals(ngx_conf_t *cf, genai_sink_conf_t *sink,
    size_t offset)
{
    ngx_str_t   *value;
    ngx_uint_t   i;

    if (cf->args->nelts < 2) {
        return "takes \"traces\", \"metrics\", \"logs\"";
    }

    value = cf->args->elts;
    sink->traces = 0;
    sink->metrics = 0;
    sink->logs = 0;

    for (i = 1; i < cf->args->nelts; i++) {

        if (ngx_strcmp(value[i].data, "traces") == 0) {
            sink->traces = 1;

        } else if (ngx_strcmp(value[i].data, "metrics") == 0) {
            sink->metrics = 1;

        } else if (ngx_strcmp(value[i].data, "logs") == 0) {
            sink->logs = 1;

        } else {
            return "takes \"traces\", \"metrics\", \"logs\"";
        }
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_genai_sink_temporality(ngx_conf_t *cf, genai_sink_conf_t *sink,
    size_t offset)
{
    ngx_str_t  *value;

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "delta") == 0) {
        sink->delta = 1;

    } else if (ngx_strcmp(value[1].data, "cumulative") != 0) {
        return "must be \"cumulative\" or \"delta\"";
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_genai_sink_pem(ngx_conf_t *cf, genai_sink_conf_t *sink,
    size_t offset)
{
    ngx_str_t  *value;

    value = cf->args->elts;

    if (ngx_conf_full_name(cf->cycle, &value[1], 1) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    if (access((char *) value[1].data, R_OK) != 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "cannot read \"%V\" \"%V\"", &value[0], &value[1]);
        return NGX_CONF_ERROR;
    }

    *sink_slot(const char *, sink, offset) = (char *) value[1].data;

    return NGX_CONF_OK;
}


static char *
ngx_http_genai_sink_verify(ngx_conf_t *cf, genai_sink_conf_t *sink,
    size_t offset)
{
    ngx_str_t  *value;

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "off") == 0) {
        sink->tls_verify = 0;

    } else if (ngx_strcmp(value[1].data, "on") != 0) {
        return "must be \"on\" or \"off\"";
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_genai_sink_path(ngx_conf_t *cf, genai_sink_conf_t *sink,
    size_t offset)
{
    ngx_str_t  *value;

    value = cf->args->elts;

    if (ngx_conf_full_name(cf->cycle, &value[1], 0) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    *sink_slot(const char *, sink, offset) = (char *) value[1].data;

    return NGX_CONF_OK;
}


/* OTEL_EXPORTER_OTLP_HEADERS: k=v,k=v, values percent-encoded */

static ngx_int_t
ngx_http_genai_env_pairs(ngx_conf_t *cf, const char *env, ngx_array_t *pairs)
{
    u_char        *p, *last, *eq, *comma, *dst, *src;
    size_t         len;
    ngx_uint_t     start;
    genai_pair_t  *pair;

    p = (u_char *) getenv(env);
    if (p == NULL || *p == '\0') {
        return NGX_OK;
    }

    len = ngx_strlen(p);
    start = pairs->nelts;
    last = p + len;

    while (p < last) {
        comma = ngx_strlchr(p, last, ',');
        comma = comma ? comma : last;

        eq = ngx_strlchr(p, comma, '=');

        if (eq == NULL || eq == p) {
            ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                               "environment variable %s is not key=value"
                               "[,key=value...]: ignored", env);
            pairs->nelts = start;
            return NGX_OK;
        }

        pair = ngx_array_push(pairs);
        dst = ngx_pcalloc(cf->pool, comma - p + 2);

        if (pair == NULL || dst == NULL) {
            return NGX_ERROR;
        }

        while (*p == ' ') {
            p++;
        }

        pair->key = (char *) dst;
        dst = ngx_cpymem(dst, p, eq - p) + 1;
        pair->value = (char *) dst;

        src = eq + 1;
        ngx_unescape_uri(&dst, &src, comma - src, 0);

        p = comma + 1;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_genai_sink_done(ngx_conf_t *cf, ngx_http_genai_sink_ctx_t *ctx)
{
    u_char             *p;
    const char         *env;
    genai_sink_conf_t  *sink;

    sink = ctx->sink;

    if (ngx_strcmp(sink->type, "file") == 0) {
        if (sink->path == NULL) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "exporter \"%s\" has no \"path\": name the "
                               "file to write", sink->name);
            return NGX_ERROR;
        }

        return NGX_OK;
    }

    if (sink->endpoint == NULL) {
        env = getenv("OTEL_EXPORTER_OTLP_ENDPOINT");

        if (env != NULL && *env != '\0') {
            p = ngx_pnalloc(cf->pool, ngx_strlen(env) + 1);
            if (p == NULL) {
                return NGX_ERROR;
            }

            ngx_memcpy(p, env, ngx_strlen(env) + 1);
            sink->endpoint = (char *) p;

            for (p += ngx_strlen(p); p > (u_char *) sink->endpoint
                                     && p[-1] == '/'; )
            {
                *--p = '\0';
            }

        } else {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "exporter \"%s\" has no \"endpoint\", and "
                               "OTEL_EXPORTER_OTLP_ENDPOINT is not set",
                               sink->name);
            return NGX_ERROR;
        }
    }

    if ((sink->tls_cert == NULL) != (sink->tls_key == NULL)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "exporter \"%s\": \"tls_cert\" and \"tls_key\" "
                           "must be set together", sink->name);
        return NGX_ERROR;
    }

    if (ngx_http_genai_env_pairs(cf, "OTEL_EXPORTER_OTLP_HEADERS",
                                 &ctx->headers)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    sink->headers = ctx->headers.elts;
    sink->nheaders = ctx->headers.nelts;
    sink->header_files = ctx->header_files.elts;
    sink->nheader_files = ctx->header_files.nelts;

    return NGX_OK;
}


/* genai_resource wins over OTEL_SERVICE_NAME over OTEL_RESOURCE_ATTRIBUTES */

static ngx_int_t
ngx_http_genai_resource_add(ngx_conf_t *cf, ngx_http_genai_main_conf_t *mcf,
    const char *key, const char *value)
{
    ngx_uint_t     i;
    genai_pair_t  *pair;

    pair = mcf->resource.elts;

    for (i = 0; i < mcf->resource.nelts; i++) {
        if (ngx_strcmp(pair[i].key, key) == 0) {
            return NGX_OK;
        }
    }

    pair = ngx_array_push(&mcf->resource);
    if (pair == NULL) {
        return NGX_ERROR;
    }

    pair->key = key;
    pair->value = value;

    return NGX_OK;
}


ngx_int_t
ngx_http_genai_resource_init(ngx_conf_t *cf, ngx_http_genai_main_conf_t *mcf)
{
    size_t              len;
    u_char             *p;
    ngx_uint_t          i;
    const char         *env;
    ngx_array_t         pairs;
    genai_pair_t       *pair;
    genai_sink_conf_t  *sink;

    env = getenv("OTEL_SERVICE_NAME");

    if (env != NULL && *env != '\0') {
        len = ngx_strlen(env) + 1;
        p = ngx_pnalloc(cf->pool, len);
        if (p == NULL) {
            return NGX_ERROR;
        }

        ngx_memcpy(p, env, len);

        if (ngx_http_genai_resource_add(cf, mcf, "service.name", (char *) p)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    if (ngx_array_init(&pairs, cf->pool, 4, sizeof(genai_pair_t)) != NGX_OK
        || ngx_http_genai_env_pairs(cf, "OTEL_RESOURCE_ATTRIBUTES", &pairs)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    pair = pairs.elts;

    for (i = 0; i < pairs.nelts; i++) {
        if (ngx_http_genai_resource_add(cf, mcf, pair[i].key, pair[i].value)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    if (ngx_http_genai_resource_add(cf, mcf, "service.name", "nginx")
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    sink = mcf->sinks.elts;

    for (i = 0; i < mcf->sinks.nelts; i++) {
        sink[i].resource = mcf->resource.elts;
        sink[i].nresource = mcf->resource.nelts;
    }

    return NGX_OK;
}
