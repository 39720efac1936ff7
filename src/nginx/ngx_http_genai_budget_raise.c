/*
 * genai_budget_api: a limit is raised for a time.
 *
 * A raise is money: each one is a line of the error log and a span of its
 * own.  A browser cannot be made to send one: it would have to ask first,
 * because of the content type, and nobody answers OPTIONS.
 */

#include "ngx_http_genai_budget.h"
#include "../lib/genai_budget_json.h"
#include "../lib/genai_budget_request.h"
#include "../lib/genai_record.h"


#define NGX_HTTP_GENAI_BUDGET_BODY    (16 * 1024)
#define NGX_HTTP_GENAI_BUDGET_ERR     256
#define NGX_HTTP_GENAI_BUDGET_REASON  200
#define NGX_HTTP_GENAI_BUDGET_RECORD  4096


static ngx_int_t ngx_http_genai_budget_raise_long(ngx_http_request_t *r);
static void ngx_http_genai_budget_raise_post(ngx_http_request_t *r);
static ngx_int_t ngx_http_genai_budget_raise_body(ngx_http_request_t *r,
    ngx_str_t *body);
static ngx_int_t ngx_http_genai_budget_raise(ngx_http_request_t *r,
    ngx_str_t *body, genai_budget_request_t *q);
static uint32_t ngx_http_genai_budget_raise_limits(
    ngx_http_genai_budget_zone_t *zc, genai_str_t key,
    genai_budget_limit_t *limits, ngx_uint_t *known);
static ngx_int_t ngx_http_genai_budget_raise_which(
    ngx_http_genai_budget_zone_t *zc, genai_budget_request_t *q);
static void ngx_http_genai_budget_raise_audit(ngx_http_request_t *r,
    ngx_http_genai_budget_zone_t *zc, genai_budget_request_t *q);
static void ngx_http_genai_budget_raise_span(ngx_http_request_t *r,
    ngx_http_genai_budget_zone_t *zc, genai_budget_request_t *q,
    genai_str_t until);


ngx_int_t
ngx_http_genai_budget_raise_handler(ngx_http_request_t *r)
{
    ngx_int_t   rc;
    ngx_str_t  *type;

    static ngx_str_t  json = ngx_string("application/json");

    type = r->headers_in.content_type ? &r->headers_in.content_type->value
                                      : NULL;

    if (type == NULL || type->len < json.len
        || ngx_strncasecmp(type->data, json.data, json.len) != 0
        || (type->len > json.len && type->data[json.len] != ';'
            && type->data[json.len] != ' '))
    {
        return ngx_http_genai_budget_api_error(r,
                     NGX_HTTP_UNSUPPORTED_MEDIA_TYPE,
                     "send the header Content-Type: application/json");
    }

    if (r->headers_in.content_length_n > NGX_HTTP_GENAI_BUDGET_BODY) {
        return ngx_http_genai_budget_raise_long(r);
    }

    rc = ngx_http_read_client_request_body(r,
                                           ngx_http_genai_budget_raise_post);

    return rc >= NGX_HTTP_SPECIAL_RESPONSE ? rc : NGX_DONE;
}


static ngx_int_t
ngx_http_genai_budget_raise_long(ngx_http_request_t *r)
{
    return ngx_http_genai_budget_api_error(r,
                     NGX_HTTP_REQUEST_ENTITY_TOO_LARGE,
                     "the body has more than %d bytes, shorten the reason",
                     NGX_HTTP_GENAI_BUDGET_BODY);
}


static void
ngx_http_genai_budget_raise_post(ngx_http_request_t *r)
{
    ngx_int_t               rc;
    ngx_str_t               body;
    genai_budget_request_t  q;

    rc = ngx_http_genai_budget_raise_body(r, &body);

    if (rc == NGX_DECLINED) {
        rc = ngx_http_genai_budget_raise_long(r);

    } else if (rc == NGX_OK) {
        ngx_memzero(&q, sizeof(genai_budget_request_t));
        rc = ngx_http_genai_budget_raise(r, &body, &q);
        genai_budget_request_free(&q);
    }

    ngx_http_finalize_request(r, rc);
}


/* NGX_DECLINED: it is too long; otherwise NGX_OK or a status */

static ngx_int_t
ngx_http_genai_budget_raise_body(ngx_http_request_t *r, ngx_str_t *body)
{
    off_t         size;
    ssize_t       n;
    ngx_buf_t    *b;
    ngx_chain_t  *cl;

    size = 0;

    for (cl = r->request_body->bufs; cl; cl = cl->next) {
        size += ngx_buf_size(cl->buf);
    }

    if (size > NGX_HTTP_GENAI_BUDGET_BODY) {
        return NGX_DECLINED;
    }

    body->len = 0;
    body->data = ngx_pnalloc(r->pool, (size_t) size + 1);
    if (body->data == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    for (cl = r->request_body->bufs; cl; cl = cl->next) {
        b = cl->buf;
        n = (ssize_t) ngx_buf_size(b);

        if (ngx_buf_in_memory(b)) {
            ngx_memcpy(body->data + body->len, b->pos, n);

        } else if (n && ngx_read_file(b->file, body->data + body->len,
                                      (size_t) n, b->file_pos)
                        != n)
        {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        body->len += n;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_genai_budget_raise(ngx_http_request_t *r, ngx_str_t *body,
    genai_budget_request_t *q)
{
    int                            rc;
    char                           err[NGX_HTTP_GENAI_BUDGET_ERR];
    uint32_t                       n;
    ngx_uint_t                     known;
    genai_budget_limit_t           limits[GENAI_BUDGET_LIMITS];
    ngx_http_genai_budget_zone_t  *zc;

    if (genai_budget_request(q, (char *) body->data, body->len, ngx_time(),
                             err, sizeof(err))
        != GENAI_OK)
    {
        return ngx_http_genai_budget_api_error(r, NGX_HTTP_BAD_REQUEST, "%s",
                                               err);
    }

    zc = ngx_http_genai_budget_api_find(r, q->zone);

    if (zc == NULL) {
        return ngx_http_genai_budget_api_error(r, NGX_HTTP_NOT_FOUND,
                     "there is no budget zone \"%*s\", GET lists all",
                     q->zone.len, q->zone.data);
    }

    if (ngx_http_genai_budget_raise_which(zc, q) != NGX_OK) {
        return ngx_http_genai_budget_api_error(r, NGX_HTTP_BAD_REQUEST,
                     zc->key == NULL
                     ? "zone \"%V\" is one budget for all, leave \"key\" out"
                     : zc->key->lengths == NULL
                     ? "zone \"%V\" has one key only, leave \"key\" out"
                     : "\"key\" is missing or empty, zone \"%V\" has a "
                       "budget for each; GET lists them", &zc->name);
    }

    n = ngx_http_genai_budget_raise_limits(zc, q->key, limits, &known);

    if (n == 0) {
        return ngx_http_genai_budget_api_error(r, NGX_HTTP_NOT_FOUND,
                     "no call has had this key, and the limits of zone "
                     "\"%V\" come from a variable: raise it after its first "
                     "call, or change the variable", &zc->name);
    }

    if (genai_budget_request_fits(q, limits, n, err, sizeof(err))
        != GENAI_OK)
    {
        return ngx_http_genai_budget_api_error(r, NGX_HTTP_BAD_REQUEST, "%s",
                                               err);
    }

    if (ngx_http_auth_basic_user(r) == NGX_ERROR) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = genai_budget_zone_raise(&zc->zone, q->key, limits, n, q->unit,
                                 q->add, q->until, ngx_time());
    if (rc != GENAI_OK) {
        return ngx_http_genai_budget_api_error(r,
                     NGX_HTTP_SERVICE_UNAVAILABLE,
                     "zone \"%V\" is full of keys that are in use, none was "
                     "added: enlarge it", &zc->name);
    }

    ngx_http_genai_budget_count(&zc->head->raised);
    ngx_http_genai_budget_count(&zc->head->changes);

    ngx_http_genai_budget_raise_audit(r, zc, q);

    return ngx_http_genai_budget_api_show(r, &zc->name, q->key,
                     known ? NULL : "no call has had this key of late: is it "
                                    "spelt as the calls spell it?");
}


/* those that a raise is for; 0: what they are only a call can tell */

static uint32_t
ngx_http_genai_budget_raise_limits(ngx_http_genai_budget_zone_t *zc,
    genai_str_t key, genai_budget_limit_t *limits, ngx_uint_t *known)
{
    uint32_t        i;
    genai_budget_t  b;

    *known = (genai_budget_zone_peek(&zc->zone, key, ngx_time(), &b)
              == GENAI_OK);

    if (!zc->dynamic) {
        ngx_memcpy(limits, zc->limits,
                   zc->nlimits * sizeof(genai_budget_limit_t));

        /* a key that cannot be misspelt */

        *known |= (zc->key == NULL || zc->key->lengths == NULL);

        return (uint32_t) zc->nlimits;
    }

    for (i = 0; *known && i < b.nuse; i++) {
        limits[i] = b.use[i].limit;
    }

    return i;
}


/* the key that is meant; NGX_DECLINED: this zone has no such key */

static ngx_int_t
ngx_http_genai_budget_raise_which(
    ngx_http_genai_budget_zone_t *zc, genai_budget_request_t *q)
{
    genai_str_t  only;

    if (zc->key != NULL && zc->key->lengths != NULL) {

        /* a key with variables */

        return (q->key.len || (q->key.data != NULL
                               && zc->on_empty
                                  == NGX_HTTP_GENAI_BUDGET_SHARED))
               ? NGX_OK : NGX_DECLINED;
    }

    only = genai_str("", 0);

    if (zc->key != NULL) {
        only = genai_str((char *) zc->key->value.data, zc->key->value.len);
    }

    if (q->key.data != NULL && !genai_str_eq(q->key, only)) {
        return NGX_DECLINED;
    }

    q->key = only;

    return NGX_OK;
}


static void
ngx_http_genai_budget_raise_audit(ngx_http_request_t *r,
    ngx_http_genai_budget_zone_t *zc, genai_budget_request_t *q)
{
    char         add[GENAI_BUDGET_TEXT], until[32];
    char         key[2 * GENAI_BUDGET_KEY_TEXT + 8];
    char         reason[2 * NGX_HTTP_GENAI_BUDGET_REASON + 8];
    char         user[2 * NGX_HTTP_GENAI_BUDGET_REASON + 8];
    size_t       nkey, nreason, nuser;
    genai_str_t  when;

    q->reason.len = ngx_min(q->reason.len, NGX_HTTP_GENAI_BUDGET_REASON);
    when = genai_str(until, q->until ? genai_refuse_time(q->until, until)
                                     : 0);

    genai_budget_amount_text(q->unit, q->add, add);

    nkey = genai_budget_json_string(
                     genai_str(q->key.data, ngx_min(q->key.len,
                                                    GENAI_BUDGET_KEY_TEXT)),
                     key, sizeof(key));
    nreason = genai_budget_json_string(q->reason, reason, sizeof(reason));
    nuser = genai_budget_json_string(
                     genai_str((char *) r->headers_in.user.data,
                               r->headers_in.user.len),
                     user, sizeof(user));

    /* not an error, but to be found at the default level */

    ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                  "budget \"%V\", key %*s: raised by %s until %*s, user "
                  "%*s, reason %*s", &zc->name, nkey, key, add,
                  when.len ? when.len : 3, when.len ? when.data : "now",
                  nuser, user, nreason, reason);

    ngx_http_genai_budget_raise_span(r, zc, q, when);
}


/* an event for the sinks; internal: no metric counts it as a call */

static void
ngx_http_genai_budget_raise_span(ngx_http_request_t *r,
    ngx_http_genai_budget_zone_t *zc, genai_budget_request_t *q,
    genai_str_t until)
{
    size_t                       len;
    u_char                       record[NGX_HTTP_GENAI_BUDGET_RECORD];
    int64_t                      ms;
    ngx_uint_t                   i;
    ngx_time_t                  *tp;
    genai_call_t                 c;
    genai_trace_ctx_t            t;
    ngx_http_genai_loc_conf_t   *lcf;
    ngx_http_genai_main_conf_t  *mcf;

    genai_attr_t  attrs[] = {
        { .key = genai_string("genai.budget.zone"),
          .value = { (char *) zc->name.data, zc->name.len } },
        { .key = genai_string("genai.budget.key"),
          .value = { q->key.data, ngx_min(q->key.len,
                                          GENAI_BUDGET_KEY_TEXT) } },
        { .key = genai_string("genai.budget.add"), .value = q->add_text },
        { .key = genai_string("genai.budget.until"), .value = until },
        { .key = genai_string("genai.budget.reason"), .value = q->reason },
        { .key = genai_string("client.address"),
          .value = { (char *) r->connection->addr_text.data,
                     r->connection->addr_text.len } }
    };

    for (i = 0; i < genai_nelts(attrs); i++) {
        attrs[i].type = 's';
    }

    genai_call_init(&c, NULL, 0);
    ngx_memzero(&t, sizeof(genai_trace_ctx_t));

    genai_trace_root(&t, &ngx_http_genai_rand, (uint32_t) ngx_time());
    ngx_memcpy(c.trace_id, t.trace_id, 16);
    genai_span_id(&ngx_http_genai_rand, c.span_id);

    tp = ngx_timeofday();
    ms = (int64_t) (tp->sec - r->start_sec) * 1000
         + (int64_t) tp->msec - (int64_t) r->start_msec;

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_genai_module);

    c.trace_flags = t.flags | GENAI_TRACE_SAMPLED;
    c.kind = 2;
    c.internal = 1;
    c.sampled = 1;
    c.status = NGX_HTTP_OK;
    c.start_unix_ns = r->start_sec * GENAI_NS_PER_SEC
                      + r->start_msec * 1000000;
    c.start_ns = GENAI_RECORD_BASE;
    c.end_ns = c.start_ns + (uint64_t) ngx_max(ms, 0) * 1000000;
    c.span_name = genai_strz("genai_budget raise");
    c.method = genai_str((char *) r->method_name.data, r->method_name.len);
    c.path = genai_str((char *) r->uri.data, r->uri.len);
    c.location = genai_str((char *) lcf->location.data, lcf->location.len);
    c.user = genai_str((char *) r->headers_in.user.data,
                       r->headers_in.user.len);
    c.attrs = attrs;
    c.nattrs = genai_nelts(attrs);

    mcf = ngx_http_get_module_main_conf(r, ngx_http_genai_module);
    len = genai_record_encode(&c, record, sizeof(record), NULL);

    ngx_http_genai_lane_write(mcf, record, len, GENAI_REC_SAMPLED);
}
