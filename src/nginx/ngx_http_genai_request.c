/*
 * The request's way in: trace headers, the operation, the body tap.
 */

#include "ngx_http_genai_module.h"


/* headers that concern us, found in one walk over the list */

typedef struct {
    genai_trace_headers_t   in;
    ngx_table_elt_t        *traceparent;
    ngx_table_elt_t        *xray;
    ngx_table_elt_t        *b3;
    ngx_table_elt_t        *baggage[4];
    ngx_table_elt_t        *tracestate[4];
    ngx_uint_t              nbaggage;
    ngx_uint_t              ntracestate;
} ngx_http_genai_headers_t;


/* a header that we read: where its slice and its element go */

typedef struct {
    ngx_str_t               name;
    size_t                  value;     /* of in, 0: none */
    size_t                  elt;       /* 0: none */
} ngx_http_genai_header_t;


/* a header that we write */

typedef struct {
    ngx_str_t               key;
    ngx_str_t               lowcase;
    ngx_uint_t              hash;      /* once it was needed */
} ngx_http_genai_name_t;


static void ngx_http_genai_begin(ngx_http_request_t *r,
    ngx_http_genai_ctx_t *ctx, ngx_http_genai_loc_conf_t *lcf);
static void ngx_http_genai_detect(ngx_http_request_t *r,
    ngx_http_genai_ctx_t *ctx, ngx_http_genai_loc_conf_t *lcf);
static void ngx_http_genai_walk_headers(ngx_http_request_t *r,
    ngx_http_genai_ctx_t *ctx, ngx_http_genai_headers_t *h);
static void ngx_http_genai_note_header(ngx_http_genai_headers_t *h,
    ngx_table_elt_t *elt);
static void ngx_http_genai_identify(ngx_http_request_t *r,
    ngx_http_genai_ctx_t *ctx, ngx_http_genai_loc_conf_t *lcf,
    ngx_http_genai_headers_t *h);
static void ngx_http_genai_tracestate(ngx_http_request_t *r,
    genai_call_t *c, ngx_http_genai_headers_t *h);
static ngx_uint_t ngx_http_genai_sampled(ngx_http_request_t *r,
    ngx_http_genai_loc_conf_t *lcf, genai_trace_ctx_t *t);
static void ngx_http_genai_inject(ngx_http_request_t *r,
    ngx_http_genai_ctx_t *ctx, ngx_http_genai_loc_conf_t *lcf,
    ngx_http_genai_headers_t *h);
static void ngx_http_genai_inject_format(ngx_http_request_t *r,
    ngx_uint_t format, genai_trace_ctx_t *t, ngx_http_genai_headers_t *h);
static void ngx_http_genai_set_header(ngx_http_request_t *r,
    ngx_table_elt_t *h, ngx_http_genai_name_t *name, char *value, size_t len);
static void ngx_http_genai_hide_header(ngx_http_request_t *r,
    ngx_table_elt_t *h);
static void ngx_http_genai_hide_headers(ngx_http_request_t *r,
    ngx_str_t *lowcase, ngx_table_elt_t *but);
static ngx_uint_t ngx_http_genai_signed(ngx_http_request_t *r,
    ngx_str_t *name);
static ngx_int_t ngx_http_genai_request_body_filter(ngx_http_request_t *r,
    ngx_chain_t *in);
static void ngx_http_genai_catch_up_file(ngx_http_genai_ctx_t *ctx,
    ngx_buf_t *b);


#define note(name, value, elt)                                                \
    { ngx_string(name), offsetof(genai_trace_headers_t, value),               \
      offsetof(ngx_http_genai_headers_t, elt) }


/* b3 multi has no element: what came so is passed on so */

static ngx_http_genai_header_t  ngx_http_genai_noted[] = {
    note("traceparent", traceparent, traceparent),
    note("x-amzn-trace-id", xray, xray),
    note("b3", b3, b3),
    note("x-b3-traceid", b3_trace_id, in),
    note("x-b3-spanid", b3_span_id, in),
    note("x-b3-sampled", b3_sampled, in),
    note("x-b3-flags", b3_flags, in),
    { ngx_null_string, 0, 0 }
};


static ngx_http_request_body_filter_pt  ngx_http_next_request_body_filter;


void
ngx_http_genai_request_init(void)
{
    ngx_http_next_request_body_filter = ngx_http_top_request_body_filter;
    ngx_http_top_request_body_filter = ngx_http_genai_request_body_filter;
}


ngx_int_t
ngx_http_genai_preaccess_handler(ngx_http_request_t *r)
{
    ngx_http_genai_ctx_t       *ctx;
    ngx_http_genai_loc_conf_t  *lcf;

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_genai_module);

    if (lcf->api == GENAI_API_NONE) {
        return NGX_DECLINED;
    }

    ctx = ngx_http_genai_get_ctx(r);

    if (ctx == NULL) {
        ctx = ngx_http_genai_create_ctx(r);

    } else if (ctx->conf == lcf) {
        return NGX_DECLINED;
    }

    if (ctx != NULL) {
        ngx_http_genai_begin(r, ctx, lcf);
    }

    return NGX_DECLINED;
}


/* the spans of calls are CLIENT spans: OTLP's number of the kind */

#define NGX_HTTP_GENAI_KIND_CLIENT  3


/*
 * Also the second time, in the location that an error_page or a rewrite led
 * to: the call keeps its identity, its times and what was read of its
 * request, and becomes what the new location speaks.
 */

static void
ngx_http_genai_begin(ngx_http_request_t *r, ngx_http_genai_ctx_t *ctx,
    ngx_http_genai_loc_conf_t *lcf)
{
    uint64_t                     t;
    ngx_uint_t                   again;
    ngx_http_genai_headers_t     h;
    ngx_http_genai_main_conf_t  *mcf;

    mcf = ngx_http_get_module_main_conf(r, ngx_http_genai_module);

    t = ngx_http_genai_own_start(ctx);

    again = (ctx->conf != NULL);
    ctx->conf = lcf;

    if (again) {
        ngx_http_genai_budget_redirect(ctx);

        ctx->call.skip = GENAI_SKIP_NONE;
        ctx->call.error = 0;
        ctx->call.error_type.len = 0;
        ctx->call.error_message.len = 0;
        ctx->tap = 0;
        ctx->header_seen = 0;

        genai_body_free(&ctx->body);
    }

    ngx_http_genai_detect(r, ctx, lcf);

    if (!again) {
        ngx_memzero(&h, sizeof(ngx_http_genai_headers_t));

        ngx_http_genai_walk_headers(r, ctx, &h);
        ngx_http_genai_identify(r, ctx, lcf, &h);
        ngx_http_genai_row_open(mcf, ctx);

        /* the list of a subrequest is its parent's */

        if (r == r->main && r->headers_in.headers.part.elts != NULL) {
            ngx_http_genai_inject(r, ctx, lcf, &h);
        }
    }

    ngx_http_genai_own_stop(ctx, t);
}


/* a call that was refused before our phase: no headers, no body, a span */

void
ngx_http_genai_begin_late(ngx_http_request_t *r, ngx_http_genai_ctx_t *ctx,
    ngx_http_genai_loc_conf_t *lcf)
{
    ngx_http_genai_headers_t  h;

    ctx->conf = lcf;
    ctx->late = 1;

    ngx_memzero(&h, sizeof(ngx_http_genai_headers_t));

    ngx_http_genai_detect(r, ctx, lcf);
    ngx_http_genai_walk_headers(r, ctx, &h);
    ngx_http_genai_identify(r, ctx, lcf, &h);
}


/*
 * Where the call goes: the name in proxy_pass tells provider and region; the
 * client's Host where that is a variable or an address.
 */

genai_str_t
ngx_http_genai_target(ngx_http_request_t *r, ngx_http_genai_main_conf_t *mcf)
{
    size_t                     i;
    in_port_t                  port;
    genai_str_t                host;
    ngx_http_upstream_conf_t  *u;

    u = (mcf->proxy != NGX_CONF_UNSET_UINT) ? r->loc_conf[mcf->proxy] : NULL;

    if (u != NULL && u->upstream != NULL) {
        host = ngx_http_genai_server_host(u->upstream, &port);

        for (i = 0; i < host.len; i++) {
            if (host.data[i] == ':') {
                break;
            }

            if (host.data[i] != '.'
                && (host.data[i] < '0' || host.data[i] > '9'))
            {
                return host;
            }
        }
    }

    return genai_str((char *) r->headers_in.server.data,
                     r->headers_in.server.len);
}


static void
ngx_http_genai_detect(ngx_http_request_t *r, ngx_http_genai_ctx_t *ctx,
    ngx_http_genai_loc_conf_t *lcf)
{
    genai_str_t                  host, method;
    genai_apis_t                *apis;
    ngx_http_genai_main_conf_t  *mcf;

    mcf = ngx_http_get_module_main_conf(r, ngx_http_genai_module);

    ctx->call.kind = NGX_HTTP_GENAI_KIND_CLIENT;

    host = ngx_http_genai_target(r, mcf);

    apis = lcf->apis ? lcf->apis : mcf->apis;

    method = genai_str((char *) r->method_name.data, r->method_name.len);

    /*
     * After a rewrite the upstream gets another path than the client's, maybe
     * of another model; but decoded, so that an id with a slash inside is
     * found in the client's only.
     */

    if (r->valid_unparsed_uri
        || genai_api_detect(apis, lcf->api, &ctx->call, method,
                            genai_str((char *) r->uri.data, r->uri.len),
                            host)
           != GENAI_OK)
    {
        ctx->call.skip = GENAI_SKIP_NONE;

        (void) genai_api_detect(apis, lcf->api, &ctx->call, method,
                                genai_str((char *) r->unparsed_uri.data,
                                          r->unparsed_uri.len),
                                host);
    }

    if (ctx->call.api == GENAI_API_NONE) {
        ctx->call.api = (uint8_t) lcf->api;      /* no operation of its */
    }

    /* the second time: what was read of the request stays in the call */

    genai_body_request_begin(&ctx->body, apis, &ctx->call);
    genai_body_memory(&ctx->body, &ctx->memory);
    ngx_http_genai_extract_begin(ctx);
    ngx_http_genai_capture_begin(ctx);
}


static void
ngx_http_genai_walk_headers(ngx_http_request_t *r, ngx_http_genai_ctx_t *ctx,
    ngx_http_genai_headers_t *h)
{
    u_char           *name;
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *header;

    /* HTTP/0.9 has no list at all */

    for (part = &r->headers_in.headers.part;
         part != NULL && part->elts != NULL;
         part = part->next)
    {
        header = part->elts;

        for (i = 0; i < part->nelts; i++) {

            name = header[i].lowcase_key;

            /* all that concerns us begins with one of these */

            switch (name[0]) {

            case 't':
            case 'b':
                ngx_http_genai_note_header(h, &header[i]);
                break;

            case 'x':
                ngx_http_genai_note_header(h, &header[i]);
                /* fall through */

            case 'a':
            case 'c':
                genai_body_request_header(&ctx->body,
                    genai_str((char *) name, header[i].key.len),
                    genai_str((char *) header[i].value.data,
                              header[i].value.len));
                break;
            }
        }
    }
}


static void
ngx_http_genai_note_header(ngx_http_genai_headers_t *h, ngx_table_elt_t *elt)
{
    genai_str_t              *value;
    ngx_http_genai_header_t  *n;

    if (elt->key.len == sizeof("tracestate") - 1
        && ngx_memcmp(elt->lowcase_key, "tracestate", elt->key.len) == 0)
    {
        if (h->ntracestate < 4) {
            h->tracestate[h->ntracestate++] = elt;
        }

        return;
    }

    if (elt->key.len == sizeof("baggage") - 1
        && ngx_memcmp(elt->lowcase_key, "baggage", elt->key.len) == 0)
    {
        if (h->nbaggage < 4) {
            h->baggage[h->nbaggage++] = elt;
        }

        return;
    }

    for (n = ngx_http_genai_noted; n->name.len; n++) {

        if (elt->key.len != n->name.len
            || ngx_memcmp(elt->lowcase_key, n->name.data, n->name.len) != 0)
        {
            continue;
        }

        value = (genai_str_t *) ((char *) &h->in + n->value);
        *value = genai_str((char *) elt->value.data, elt->value.len);

        if (n->elt != offsetof(ngx_http_genai_headers_t, in)) {
            *(ngx_table_elt_t **) ((char *) h + n->elt) = elt;
        }

        if (n->elt == offsetof(ngx_http_genai_headers_t, traceparent)) {
            h->in.traceparents++;
        }

        return;
    }
}


/* whose child this call is, or that it is nobody's */

static void
ngx_http_genai_identify(ngx_http_request_t *r, ngx_http_genai_ctx_t *ctx,
    ngx_http_genai_loc_conf_t *lcf, ngx_http_genai_headers_t *h)
{
    uint8_t                formats[NGX_HTTP_GENAI_TF_N];
    ngx_uint_t             n, f, decision, debug;
    genai_call_t          *c;
    genai_trace_ctx_t      t;
    ngx_http_genai_ctx_t  *parent;

    c = &ctx->call;

    genai_span_id(&ngx_http_genai_rand, c->span_id);

    parent = (r != r->main) ? ngx_http_genai_get_ctx(r->main) : NULL;

    if (parent != NULL) {
        ngx_memcpy(c->trace_id, parent->call.trace_id, 16);
        ngx_memcpy(c->parent_id, parent->call.span_id, 8);
        c->trace_flags = parent->call.trace_flags;
        c->sampled = parent->call.sampled;
        ctx->debug = parent->debug;
        return;
    }

    ngx_memzero(&t, sizeof(genai_trace_ctx_t));
    n = 0;

    for (f = lcf->trace_formats; f; f >>= 4) {
        formats[n++] = f & 0xf;
    }

    if ((lcf->trace_context & NGX_HTTP_GENAI_TC_EXTRACT)
        && genai_trace_extract(&t, formats, n, &h->in) == GENAI_OK)
    {
        if (t.parent) {
            ngx_memcpy(c->parent_id, t.span_id, 8);
            c->parent_remote = 1;
        }

        if (t.format == GENAI_TRACE_W3C) {
            ngx_http_genai_tracestate(r, c, h);
        }

    } else {
        decision = t.sampled;
        debug = t.debug;
        genai_trace_root(&t, &ngx_http_genai_rand, (uint32_t) ngx_time());
        t.sampled = (uint8_t) decision;
        t.debug = (debug != 0);
    }

    ngx_memcpy(c->trace_id, t.trace_id, 16);

    ctx->debug = t.debug;
    c->sampled = ngx_http_genai_sampled(r, lcf, &t);
    c->trace_flags = (t.flags & ~GENAI_TRACE_SAMPLED)
                     | (c->sampled ? GENAI_TRACE_SAMPLED : 0);
}


static void
ngx_http_genai_tracestate(ngx_http_request_t *r, genai_call_t *c,
    ngx_http_genai_headers_t *h)
{
    char        *buf;
    size_t       len, size;
    ngx_uint_t   i;
    genai_str_t  v[4];

    if (h->ntracestate == 0) {
        return;
    }

    size = 0;

    for (i = 0; i < h->ntracestate; i++) {
        v[i] = genai_str((char *) h->tracestate[i]->value.data,
                         h->tracestate[i]->value.len);
        size += v[i].len + 1;
    }

    size = ngx_max(size, 512);

    buf = ngx_pnalloc(r->pool, size);

    if (buf != NULL
        && genai_tracestate_combine(v, h->ntracestate, buf, size, &len)
           == GENAI_OK)
    {
        c->tracestate = genai_str(buf, len);
    }
}


/* a parent's decision wins; else the ratio's, by the trace id */

static ngx_uint_t
ngx_http_genai_sampled(ngx_http_request_t *r, ngx_http_genai_loc_conf_t *lcf,
    genai_trace_ctx_t *t)
{
    double     ratio;
    uint64_t   threshold;
    ngx_str_t  v;

    if (t->sampled != GENAI_SAMPLED_UNKNOWN) {
        return t->sampled == GENAI_SAMPLED_YES;
    }

    if (lcf->sample == NULL) {
        return 1;
    }

    threshold = lcf->sample_threshold;

    if (lcf->sample->lengths != NULL) {

        if (ngx_http_complex_value(r, lcf->sample, &v) != NGX_OK
            || ngx_http_genai_ratio(&v, &ratio) != NGX_OK)
        {
            return 1;
        }

        threshold = genai_sample_threshold(ratio);
    }

    return genai_sample(t->trace_id, threshold);
}


static void
ngx_http_genai_inject(ngx_http_request_t *r, ngx_http_genai_ctx_t *ctx,
    ngx_http_genai_loc_conf_t *lcf, ngx_http_genai_headers_t *h)
{
    ngx_uint_t          i, f;
    genai_call_t       *c;
    genai_trace_ctx_t   t;

    static ngx_http_genai_name_t  state = {
        ngx_string("tracestate"), ngx_string("tracestate"), 0
    };

    /* who a question is about is no business of a model endpoint's */

    if (lcf->baggage == NGX_HTTP_GENAI_BAGGAGE_OFF
        || (lcf->baggage == NGX_HTTP_GENAI_BAGGAGE_APP
            && lcf->api != GENAI_API_APP))
    {
        for (i = 0; i < h->nbaggage; i++) {
            ngx_http_genai_hide_header(r, h->baggage[i]);
        }
    }

    if (!(lcf->trace_context & NGX_HTTP_GENAI_TC_INJECT)) {
        return;
    }

    c = &ctx->call;

    ngx_memzero(&t, sizeof(genai_trace_ctx_t));
    ngx_memcpy(t.trace_id, c->trace_id, 16);
    ngx_memcpy(t.span_id, c->span_id, 8);

    t.flags = c->trace_flags;
    t.sampled = c->sampled ? GENAI_SAMPLED_YES : GENAI_SAMPLED_NO;
    t.present = 1;
    t.parent = 1;
    t.debug = ctx->debug;

    for (f = lcf->trace_formats; f; f >>= 4) {
        ngx_http_genai_inject_format(r, f & 0xf, &t, h);
    }

    /* what belongs to a traceparent that was not taken goes with it */

    for (i = 0; i < h->ntracestate; i++) {

        if (i == 0 && c->tracestate.len) {
            ngx_http_genai_set_header(r, h->tracestate[0], &state,
                                      (char *) c->tracestate.data,
                                      c->tracestate.len);
            continue;
        }

        ngx_http_genai_hide_header(r, h->tracestate[i]);
    }
}


static void
ngx_http_genai_inject_format(ngx_http_request_t *r, ngx_uint_t format,
    genai_trace_ctx_t *t, ngx_http_genai_headers_t *h)
{
    char    *buf;
    size_t   len, size;

    static ngx_http_genai_name_t  b3 = {
        ngx_string("b3"), ngx_string("b3"), 0
    };
    static ngx_http_genai_name_t  w3c = {
        ngx_string("traceparent"), ngx_string("traceparent"), 0
    };
    static ngx_http_genai_name_t  xray = {
        ngx_string("X-Amzn-Trace-Id"), ngx_string("x-amzn-trace-id"), 0
    };

    switch (format) {

    case GENAI_TRACE_W3C:
        size = GENAI_TRACEPARENT_LEN;
        break;

    case GENAI_TRACE_XRAY:
        size = GENAI_XRAY_LEN + 1 + h->in.xray.len;
        break;

    case GENAI_TRACE_B3:
        size = GENAI_B3_LEN;
        break;

    default:
        return;
    }

    buf = ngx_pnalloc(r->pool, size);
    if (buf == NULL) {
        return;
    }

    if (format == GENAI_TRACE_XRAY) {
        len = genai_xray_format(t, h->in.xray, buf, size);
        ngx_http_genai_set_header(r, h->xray, &xray, buf, len);
        return;
    }

    if (format == GENAI_TRACE_B3) {
        len = genai_b3_format(t, buf);
        ngx_http_genai_set_header(r, h->b3, &b3, buf, len);
        return;
    }

    if (h->in.traceparents > 1) {
        ngx_http_genai_hide_headers(r, &w3c.lowcase, h->traceparent);
    }

    len = genai_traceparent_format(t, buf);
    ngx_http_genai_set_header(r, h->traceparent, &w3c, buf, len);
}


/*
 * In place when the header is there, so that all who hold it agree; not when
 * the client signed it: a signature over the old value would be broken.
 */

static void
ngx_http_genai_set_header(ngx_http_request_t *r, ngx_table_elt_t *h,
    ngx_http_genai_name_t *name, char *value, size_t len)
{
    if (h != NULL && ngx_http_genai_signed(r, &name->lowcase)) {
        return;
    }

    if (h == NULL) {

        h = ngx_list_push(&r->headers_in.headers);
        if (h == NULL) {
            return;
        }

        ngx_memzero(h, sizeof(ngx_table_elt_t));

        if (name->hash == 0) {
            name->hash = ngx_hash_key(name->lowcase.data, name->lowcase.len);
        }

        h->key = name->key;
        h->lowcase_key = name->lowcase.data;
        h->hash = name->hash;
    }

    h->value.data = (u_char *) value;
    h->value.len = len;
}


/*
 * Elements cannot be taken out of the list; the proxy passes on none that
 * are called Keep-Alive.
 */

static void
ngx_http_genai_hide_header(ngx_http_request_t *r, ngx_table_elt_t *h)
{
    ngx_str_t  key;

    static ngx_str_t  name = ngx_string("Keep-Alive");
    static ngx_str_t  lowcase = ngx_string("keep-alive");

    key.data = h->lowcase_key;
    key.len = h->key.len;

    if (ngx_http_genai_signed(r, &key)) {
        return;
    }

    h->key = name;
    h->lowcase_key = lowcase.data;
    h->hash = ngx_hash_key(lowcase.data, lowcase.len);
}


static void
ngx_http_genai_hide_headers(ngx_http_request_t *r, ngx_str_t *lowcase,
    ngx_table_elt_t *but)
{
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    for (part = &r->headers_in.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (&h[i] != but && h[i].key.len == lowcase->len
                && ngx_memcmp(h[i].lowcase_key, lowcase->data, lowcase->len)
                   == 0)
            {
                ngx_http_genai_hide_header(r, &h[i]);
            }
        }
    }
}


/* the client's signature covers this header: ...SignedHeaders=a;b;name, ... */

static ngx_uint_t
ngx_http_genai_signed(ngx_http_request_t *r, ngx_str_t *name)
{
    u_char     *p, *last;
    ngx_str_t  *v;

    if (r->headers_in.authorization == NULL) {
        return 0;
    }

    v = &r->headers_in.authorization->value;
    last = v->data + v->len;

    p = ngx_strnstr(v->data, "SignedHeaders=", v->len);
    if (p == NULL) {
        return 0;
    }

    for (p += sizeof("SignedHeaders=") - 1; p < last && *p != ','; p++) {

        if ((size_t) (last - p) >= name->len
            && ngx_strncmp(p, name->data, name->len) == 0
            && (p[-1] == ';' || p[-1] == '=')
            && (p + name->len == last || p[name->len] == ';'
                || p[name->len] == ','))
        {
            return 1;
        }
    }

    return 0;
}


/* each byte comes once, in memory, also of a body that goes to a file */

static ngx_int_t
ngx_http_genai_request_body_filter(ngx_http_request_t *r, ngx_chain_t *in)
{
    uint64_t               t;
    ngx_buf_t             *b;
    ngx_chain_t           *cl;
    ngx_http_genai_ctx_t  *ctx;

    ctx = in ? ngx_http_genai_get_ctx(r) : NULL;

    if (ctx == NULL || ctx->request_done) {
        return ngx_http_next_request_body_filter(r, in);
    }

    t = ngx_http_genai_own_start(ctx);

    for (cl = in; cl; cl = cl->next) {
        b = cl->buf;

        if (ngx_buf_in_memory(b) && b->last > b->pos) {
            ctx->call.request_bytes += b->last - b->pos;
            genai_body_request_feed(&ctx->body, (char *) b->pos,
                                    b->last - b->pos);
        }

        if (b->last_buf) {
            ctx->request_done = 1;
            genai_body_request_end(&ctx->body, 1);
            ngx_http_genai_drain_request(ctx);
        }
    }

    ngx_http_genai_own_stop(ctx, t);

    return ngx_http_next_request_body_filter(r, in);
}


/*
 * The body of a subrequest is its parent's; another module may have read a
 * body before our phase.  Then it is read again, from where it is kept.
 */

void
ngx_http_genai_request_catch_up(ngx_http_genai_ctx_t *ctx)
{
    ngx_buf_t                *b;
    ngx_chain_t              *cl;
    ngx_http_request_t       *r;
    ngx_http_request_body_t  *rb;

    r = ctx->request;
    rb = r->request_body;

    if (ctx->call.request_bytes == 0 && rb != NULL
        && !r->request_body_no_buffering)
    {
        for (cl = rb->bufs; cl; cl = cl->next) {
            b = cl->buf;

            if (ngx_buf_in_memory_only(b)) {
                genai_body_request_feed(&ctx->body, (char *) b->pos,
                                        b->last - b->pos);
                ctx->call.request_bytes += b->last - b->pos;

            } else if (b->in_file) {
                ngx_http_genai_catch_up_file(ctx, b);
            }
        }
    }

    if (!r->reading_body) {
        ctx->request_done = 1;
        genai_body_request_end(&ctx->body, 1);
    }
}


static void
ngx_http_genai_catch_up_file(ngx_http_genai_ctx_t *ctx, ngx_buf_t *b)
{
    off_t    offset;
    size_t   size;
    ssize_t  n;
    u_char   buf[16384];

    for (offset = b->file_pos; offset < b->file_last; offset += n) {

        size = (size_t) ngx_min((off_t) sizeof(buf), b->file_last - offset);
        n = ngx_read_file(b->file, buf, size, offset);

        if (n <= 0) {
            return;
        }

        genai_body_request_feed(&ctx->body, (char *) buf, n);
        ctx->call.request_bytes += n;
    }
}


size_t
ngx_http_genai_format_w3c(genai_call_t *c, u_char *buf)
{
    genai_trace_ctx_t  t;

    ngx_memzero(&t, sizeof(genai_trace_ctx_t));
    ngx_memcpy(t.trace_id, c->trace_id, 16);
    ngx_memcpy(t.span_id, c->span_id, 8);
    t.flags = c->trace_flags;
    t.sampled = c->sampled ? GENAI_SAMPLED_YES : GENAI_SAMPLED_NO;

    return genai_traceparent_format(&t, (char *) buf);
}
