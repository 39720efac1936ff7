/*
 * genai_budget_api: budgets as JSON, and the way to raise one for a time.
 *
 * A raise is money: each one is a line of the error log and a span of its
 * own.  A browser cannot be made to send one: it would have to ask first,
 * because of the content type, and nobody answers OPTIONS.
 */

#include "ngx_http_genai_budget.h"
#include "../lib/genai_budget_json.h"
#include "../lib/genai_budget_request.h"
#include "../lib/genai_record.h"
#include "../lib/genai_refuse.h"


#define NGX_HTTP_GENAI_BUDGET_API_BODY    (16 * 1024)
#define NGX_HTTP_GENAI_BUDGET_API_TOP     100
#define NGX_HTTP_GENAI_BUDGET_API_MAX     1000
#define NGX_HTTP_GENAI_BUDGET_API_ERR     512
#define NGX_HTTP_GENAI_BUDGET_API_REASON  200
#define NGX_HTTP_GENAI_BUDGET_API_RECORD  4096


/* what is shown, and where it goes; data NULL: all */

typedef struct {
    ngx_http_genai_text_t    text;
    ngx_str_t                zone;
    ngx_str_t                key;
    ngx_uint_t               top;
    ngx_uint_t               zones;      /* shown so far */
    ngx_uint_t               failed;     /* no memory */
} ngx_http_genai_budget_out_t;


typedef struct {
    const char              *name;
    size_t                   offset;     /* in the head of a zone */
} ngx_http_genai_budget_counter_t;


static ngx_int_t ngx_http_genai_budget_api_get(ngx_http_request_t *r);
static ngx_int_t ngx_http_genai_budget_api_arg(ngx_http_request_t *r,
    const char *name, ngx_str_t *value);
static ngx_int_t ngx_http_genai_budget_api_list(ngx_http_request_t *r,
    ngx_http_genai_budget_out_t *out, const char *note);
static void ngx_http_genai_budget_api_zone(ngx_http_genai_budget_out_t *out,
    ngx_http_genai_budget_zone_t *zc);
static void ngx_http_genai_budget_api_key(ngx_http_genai_budget_out_t *out,
    genai_str_t key, const genai_budget_t *b, ngx_uint_t first);
static void ngx_http_genai_budget_api_top(ngx_http_genai_budget_out_t *out,
    ngx_http_genai_budget_zone_t *zc, uint32_t used);
static void ngx_http_genai_budget_api_post(ngx_http_request_t *r);
static ngx_int_t ngx_http_genai_budget_api_body(ngx_http_request_t *r,
    ngx_str_t *body);
static ngx_int_t ngx_http_genai_budget_api_raise(ngx_http_request_t *r,
    ngx_str_t *body, genai_budget_request_t *q);
static uint32_t ngx_http_genai_budget_api_limits(
    ngx_http_genai_budget_zone_t *zc, genai_str_t key,
    genai_budget_limit_t *limits, ngx_uint_t *known);
static ngx_http_genai_budget_zone_t *ngx_http_genai_budget_api_find(
    ngx_http_request_t *r, genai_str_t name);
static ngx_int_t ngx_http_genai_budget_api_which(ngx_http_request_t *r,
    ngx_http_genai_budget_zone_t *zc, genai_budget_request_t *q);
static void ngx_http_genai_budget_api_audit(ngx_http_request_t *r,
    ngx_http_genai_budget_zone_t *zc, genai_budget_request_t *q);
static void ngx_http_genai_budget_api_span(ngx_http_request_t *r,
    ngx_http_genai_budget_zone_t *zc, genai_budget_request_t *q,
    genai_str_t until);
static ngx_int_t ngx_http_genai_budget_api_send(ngx_http_request_t *r,
    ngx_http_genai_text_t *text, ngx_uint_t status);
static ngx_int_t ngx_http_genai_budget_api_error(ngx_http_request_t *r,
    ngx_uint_t status, const char *fmt, ...);
static void ngx_http_genai_budget_api_put(ngx_http_genai_budget_out_t *out,
    const char *fmt, ...);
static void ngx_http_genai_budget_api_string(
    ngx_http_genai_budget_out_t *out, const char *name, ngx_str_t *text);


#define counter(name)                                                         \
    { #name, offsetof(ngx_http_genai_budget_head_t, name) }


static ngx_http_genai_budget_counter_t  ngx_http_genai_budget_counters[] = {
    counter(admitted),
    counter(refused),
    counter(dry_run),
    counter(overrun),
    counter(warned),
    counter(uncounted),
    counter(unreadable),
    counter(swept),
    counter(released),
    counter(raised),
    counter(stopped),
    { NULL, 0 }
};


char *
ngx_http_genai_set_budget_api(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_genai_loc_conf_t  *lcf = conf;

    ngx_http_core_loc_conf_t    *clcf;
    ngx_http_genai_main_conf_t  *mcf;

    if (lcf->budget_api) {
        return "is duplicate";
    }

    lcf->budget_api = 1;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    clcf->handler = ngx_http_genai_budget_api_handler;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_genai_module);
    mcf->status = 1;

    return ngx_http_genai_admin_add(cf, "genai_budget_api");
}


ngx_int_t
ngx_http_genai_budget_api_handler(ngx_http_request_t *r)
{
    ngx_int_t         rc;
    ngx_str_t        *type;
    ngx_table_elt_t  *h;

    static ngx_str_t  json = ngx_string("application/json");

    if (r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD)) {
        rc = ngx_http_discard_request_body(r);

        return rc == NGX_OK ? ngx_http_genai_budget_api_get(r) : rc;
    }

    if (r->method != NGX_HTTP_POST) {
        h = ngx_list_push(&r->headers_out.headers);
        if (h == NULL) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        ngx_memzero(h, sizeof(ngx_table_elt_t));

        h->hash = 1;
        ngx_str_set(&h->key, "Allow");
        ngx_str_set(&h->value, "GET, HEAD, POST");

        return ngx_http_genai_budget_api_error(r, NGX_HTTP_NOT_ALLOWED,
                                   "there are GET, HEAD, and POST to raise");
    }

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

    if (r->headers_in.content_length_n > NGX_HTTP_GENAI_BUDGET_API_BODY) {
        return ngx_http_genai_budget_api_error(r,
                     NGX_HTTP_REQUEST_ENTITY_TOO_LARGE,
                     "the body has more than %d bytes, shorten the reason",
                     NGX_HTTP_GENAI_BUDGET_API_BODY);
    }

    rc = ngx_http_read_client_request_body(r, ngx_http_genai_budget_api_post);

    return rc >= NGX_HTTP_SPECIAL_RESPONSE ? rc : NGX_DONE;
}


static ngx_int_t
ngx_http_genai_budget_api_get(ngx_http_request_t *r)
{
    ngx_int_t                     top;
    ngx_str_t                     arg;
    ngx_http_genai_budget_out_t   out;

    ngx_memzero(&out, sizeof(ngx_http_genai_budget_out_t));
    out.top = NGX_HTTP_GENAI_BUDGET_API_TOP;

    if (ngx_http_genai_budget_api_arg(r, "zone", &out.zone) == NGX_ERROR
        || ngx_http_genai_budget_api_arg(r, "key", &out.key) == NGX_ERROR
        || ngx_http_genai_budget_api_arg(r, "top", &arg) == NGX_ERROR)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (arg.data != NULL) {
        top = ngx_atoi(arg.data, arg.len);

        if (top < 1 || top > NGX_HTTP_GENAI_BUDGET_API_MAX) {
            return ngx_http_genai_budget_api_error(r, NGX_HTTP_BAD_REQUEST,
                         "\"top\" is no number from 1 to %d",
                         NGX_HTTP_GENAI_BUDGET_API_MAX);
        }

        out.top = (ngx_uint_t) top;
    }

    if (out.zone.data != NULL
        && ngx_http_genai_budget_api_find(r,
                     genai_str((char *) out.zone.data, out.zone.len))
           == NULL)
    {
        return ngx_http_genai_budget_api_error(r, NGX_HTTP_NOT_FOUND,
                     "there is no budget zone \"%V\", without \"zone\" all "
                     "are listed", &out.zone);
    }

    return ngx_http_genai_budget_api_list(r, &out, NULL);
}


/* NGX_DECLINED: it is not there, and *value has no data */

static ngx_int_t
ngx_http_genai_budget_api_arg(ngx_http_request_t *r, const char *name,
    ngx_str_t *value)
{
    u_char     *dst, *src;
    ngx_str_t   raw;

    ngx_str_null(value);

    if (ngx_http_arg(r, (u_char *) name, ngx_strlen(name), &raw) != NGX_OK) {
        return NGX_DECLINED;
    }

    dst = ngx_pnalloc(r->pool, raw.len + 1);
    if (dst == NULL) {
        return NGX_ERROR;
    }

    value->data = dst;
    src = raw.data;

    ngx_unescape_uri(&dst, &src, raw.len, 0);
    value->len = dst - value->data;

    return NGX_OK;
}


static ngx_int_t
ngx_http_genai_budget_api_list(ngx_http_request_t *r,
    ngx_http_genai_budget_out_t *out, const char *note)
{
    char                            now[32];
    ngx_uint_t                      i;
    ngx_http_genai_main_conf_t     *mcf;
    ngx_http_genai_budget_zone_t   *zc, **zones;

    mcf = ngx_http_get_module_main_conf(r, ngx_http_genai_module);
    zones = mcf->budget_zones.elts;

    out->text.request = r;
    out->text.last = &out->text.out;

    (void) genai_budget_json_time(ngx_time(), now);
    ngx_http_genai_budget_api_put(out, "{\"time\":%s,", now);

    if (note != NULL) {
        ngx_http_genai_budget_api_put(out, "\"note\":\"%s\",", note);
    }

    ngx_http_genai_budget_api_put(out, "\"zones\":[");

    for (i = 0; i < mcf->budget_zones.nelts; i++) {

        if (out->zone.data != NULL
            && (zones[i]->name.len != out->zone.len
                || ngx_strncmp(zones[i]->name.data, out->zone.data,
                               out->zone.len)
                   != 0))
        {
            continue;
        }

        zc = ngx_http_genai_budget_in_force(zones[i]);

        if (zc != NULL && zc->head != NULL) {
            ngx_http_genai_budget_api_zone(out, zc);
        }
    }

    ngx_http_genai_budget_api_put(out, "]}\n");

    if (out->failed) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_genai_budget_api_send(r, &out->text, NGX_HTTP_OK);
}


static void
ngx_http_genai_budget_api_zone(ngx_http_genai_budget_out_t *out,
    ngx_http_genai_budget_zone_t *zc)
{
    char                              at[32];
    genai_str_t                       key;
    genai_budget_t                    b;
    genai_budget_zone_stat_t          st;
    ngx_http_genai_budget_counter_t  *c;

    static const char  *empty[] = { "deny", "allow", "shared" };

    genai_budget_zone_stat(&zc->zone, &st);

    ngx_http_genai_budget_api_put(out, out->zones++ ? ",\n{" : "\n{");
    ngx_http_genai_budget_api_string(out, "zone", &zc->name);
    ngx_http_genai_budget_api_put(out, ",");
    ngx_http_genai_budget_api_string(out, "key", &zc->key_text);

    ngx_http_genai_budget_api_put(out,
                     ",\"estimate\":\"%s\",\"on_empty\":\"%s\","
                     "\"on_full\":\"%s\",\"unpriced\":\"%s\",\n"
                     "\"keys_used\":%uD,\"keys_room\":%uD,"
                     "\"reservations\":%uD,\"reservations_room\":%uD,"
                     "\"evicted\":%uL,\"full\":%uL,\"repaired\":%uL,",
                     zc->learned ? "learned" : "bound", empty[zc->on_empty],
                     empty[zc->on_full], empty[zc->unpriced], st.used,
                     st.keys, st.open, st.rows, st.evicted, st.full,
                     st.repaired);

    (void) genai_budget_json_time(
                     (int64_t) __atomic_load_n(&zc->head->snapshot_at,
                                               __ATOMIC_RELAXED), at);

    ngx_http_genai_budget_api_string(out, "state", &zc->state);
    ngx_http_genai_budget_api_put(out, ",\"snapshot\":%s,\n\"counters\":{",
                                  at);

    for (c = ngx_http_genai_budget_counters; c->name; c++) {
        ngx_http_genai_budget_api_put(out, "%s\"%s\":%uL",
                     c == ngx_http_genai_budget_counters ? "" : ",", c->name,
                     __atomic_load_n((uint64_t *) ((char *) zc->head
                                                   + c->offset),
                                     __ATOMIC_RELAXED));
    }

    ngx_http_genai_budget_api_put(out, "},\n\"keys\":[");

    if (out->key.data == NULL) {
        ngx_http_genai_budget_api_top(out, zc, st.used);

    } else {
        key = genai_str((char *) out->key.data, out->key.len);

        if (genai_budget_zone_peek(&zc->zone, key, ngx_time(), &b)
            == GENAI_OK)
        {
            ngx_http_genai_budget_api_key(out, key, &b, 1);
        }

        ngx_http_genai_budget_api_put(out, "]");
    }

    ngx_http_genai_budget_api_put(out, "}");
}


static void
ngx_http_genai_budget_api_key(ngx_http_genai_budget_out_t *out,
    genai_str_t key, const genai_budget_t *b, ngx_uint_t first)
{
    char    buf[GENAI_BUDGET_JSON_KEY];
    size_t  len;

    ngx_http_genai_budget_api_put(out, first ? "\n" : ",\n");

    len = genai_budget_json_key(key, b, ngx_time(), buf, sizeof(buf));

    if (len == 0
        || ngx_http_genai_text_write(&out->text, buf, len) != GENAI_OK)
    {
        out->failed = 1;
    }
}


/* of however many keys no more are held than are shown */

static void
ngx_http_genai_budget_api_top(ngx_http_genai_budget_out_t *out,
    ngx_http_genai_budget_zone_t *zc, uint32_t used)
{
    uint32_t             i;
    genai_budget_row_t  *row;
    genai_budget_top_t   top;

    ngx_memzero(&top, sizeof(genai_budget_top_t));

    top.max = ngx_max(ngx_min(used, (uint32_t) out->top), 1);
    top.now = ngx_time();

    top.rows = ngx_alloc(top.max * (sizeof(genai_budget_row_t)
                                    + sizeof(uint32_t)),
                         out->text.request->connection->log);

    if (top.rows == NULL) {
        out->failed = 1;
        return;
    }

    top.order = (uint32_t *) (top.rows + top.max);

    genai_budget_zone_list(&zc->zone, genai_budget_top_add, &top, top.now);
    genai_budget_top_sort(&top);

    for (i = 0; i < top.n; i++) {
        row = &top.rows[top.order[i]];

        ngx_http_genai_budget_api_key(out, genai_str(row->key, row->keylen),
                                      &row->budget, i == 0);
    }

    ngx_free(top.rows);

    ngx_http_genai_budget_api_put(out, "],\"keys_left_out\":%uL",
                                  top.left_out);
}


static void
ngx_http_genai_budget_api_post(ngx_http_request_t *r)
{
    ngx_int_t               rc;
    ngx_str_t               body;
    genai_budget_request_t  q;

    rc = ngx_http_genai_budget_api_body(r, &body);

    if (rc == NGX_DECLINED) {
        rc = ngx_http_genai_budget_api_error(r,
                     NGX_HTTP_REQUEST_ENTITY_TOO_LARGE,
                     "the body has more than %d bytes, shorten the reason",
                     NGX_HTTP_GENAI_BUDGET_API_BODY);

    } else if (rc == NGX_OK) {
        ngx_memzero(&q, sizeof(genai_budget_request_t));
        rc = ngx_http_genai_budget_api_raise(r, &body, &q);
        genai_budget_request_free(&q);
    }

    ngx_http_finalize_request(r, rc);
}


/* NGX_DECLINED: it is too long; otherwise NGX_OK or a status */

static ngx_int_t
ngx_http_genai_budget_api_body(ngx_http_request_t *r, ngx_str_t *body)
{
    off_t         size;
    ssize_t       n;
    ngx_buf_t    *b;
    ngx_chain_t  *cl;

    size = 0;

    for (cl = r->request_body->bufs; cl; cl = cl->next) {
        size += ngx_buf_size(cl->buf);
    }

    if (size > NGX_HTTP_GENAI_BUDGET_API_BODY) {
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
ngx_http_genai_budget_api_raise(ngx_http_request_t *r, ngx_str_t *body,
    genai_budget_request_t *q)
{
    int                            rc;
    char                           err[NGX_HTTP_GENAI_BUDGET_API_ERR];
    uint32_t                       n;
    ngx_uint_t                     known;
    genai_budget_limit_t           limits[GENAI_BUDGET_LIMITS];
    ngx_http_genai_budget_out_t    out;
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

    if (ngx_http_genai_budget_api_which(r, zc, q) != NGX_OK) {
        return ngx_http_genai_budget_api_error(r, NGX_HTTP_BAD_REQUEST,
                     zc->key == NULL
                     ? "zone \"%V\" is one budget for all, leave \"key\" out"
                     : zc->key->lengths == NULL
                     ? "zone \"%V\" has one key only, leave \"key\" out"
                     : "\"key\" is missing or empty, zone \"%V\" has a "
                       "budget for each; GET lists them", &zc->name);
    }

    n = ngx_http_genai_budget_api_limits(zc, q->key, limits, &known);

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

    ngx_http_genai_budget_api_audit(r, zc, q);

    ngx_memzero(&out, sizeof(ngx_http_genai_budget_out_t));

    out.zone = zc->name;
    out.key.data = (u_char *) q->key.data;
    out.key.len = q->key.len;

    return ngx_http_genai_budget_api_list(r, &out,
                     known ? NULL : "no call has had this key of late: is it "
                                    "spelt as the calls spell it?");
}


/* those that a raise is for; 0: what they are only a call can tell */

static uint32_t
ngx_http_genai_budget_api_limits(ngx_http_genai_budget_zone_t *zc,
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


/* by name, as it is mapped now */

static ngx_http_genai_budget_zone_t *
ngx_http_genai_budget_api_find(ngx_http_request_t *r, genai_str_t name)
{
    ngx_uint_t                      i;
    ngx_http_genai_main_conf_t     *mcf;
    ngx_http_genai_budget_zone_t   *zc, **zones;

    mcf = ngx_http_get_module_main_conf(r, ngx_http_genai_module);
    zones = mcf->budget_zones.elts;

    for (i = 0; i < mcf->budget_zones.nelts; i++) {

        if (!genai_str_eq(name, genai_str((char *) zones[i]->name.data,
                                          zones[i]->name.len)))
        {
            continue;
        }

        zc = ngx_http_genai_budget_in_force(zones[i]);

        if (zc != NULL && zc->head != NULL) {
            return zc;
        }
    }

    return NULL;
}


/* the key that is meant; NGX_DECLINED: this zone has no such key */

static ngx_int_t
ngx_http_genai_budget_api_which(ngx_http_request_t *r,
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
ngx_http_genai_budget_api_audit(ngx_http_request_t *r,
    ngx_http_genai_budget_zone_t *zc, genai_budget_request_t *q)
{
    char         add[GENAI_BUDGET_TEXT], until[32];
    char         key[2 * GENAI_BUDGET_KEY_TEXT + 8];
    char         reason[2 * NGX_HTTP_GENAI_BUDGET_API_REASON + 8];
    char         user[2 * NGX_HTTP_GENAI_BUDGET_API_REASON + 8];
    size_t       nkey, nreason, nuser;
    genai_str_t  when;

    q->reason.len = ngx_min(q->reason.len, NGX_HTTP_GENAI_BUDGET_API_REASON);
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

    ngx_http_genai_budget_api_span(r, zc, q, when);
}


/* an event for the sinks; internal: no metric counts it as a call */

static void
ngx_http_genai_budget_api_span(ngx_http_request_t *r,
    ngx_http_genai_budget_zone_t *zc, genai_budget_request_t *q,
    genai_str_t until)
{
    size_t                       len;
    u_char                       record[NGX_HTTP_GENAI_BUDGET_API_RECORD];
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


static ngx_int_t
ngx_http_genai_budget_api_send(ngx_http_request_t *r,
    ngx_http_genai_text_t *text, ngx_uint_t status)
{
    ngx_table_elt_t  *h;

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_memzero(h, sizeof(ngx_table_elt_t));

    h->hash = 1;
    ngx_str_set(&h->key, "Cache-Control");
    ngx_str_set(&h->value, "no-store");

    r->headers_out.status = status;

    return ngx_http_genai_text_send(r, text, "application/json");
}


/* {"error":"one sentence, with the mend"} */

static ngx_int_t
ngx_http_genai_budget_api_error(ngx_http_request_t *r, ngx_uint_t status,
    const char *fmt, ...)
{
    u_char                       *p, buf[NGX_HTTP_GENAI_BUDGET_API_ERR];
    va_list                       args;
    ngx_str_t                     error;
    ngx_http_genai_budget_out_t   out;

    va_start(args, fmt);
    p = ngx_vslprintf(buf, buf + sizeof(buf), fmt, args);
    va_end(args);

    error.data = buf;
    error.len = p - buf;

    ngx_memzero(&out, sizeof(ngx_http_genai_budget_out_t));

    out.text.request = r;
    out.text.last = &out.text.out;

    ngx_http_genai_budget_api_put(&out, "{");
    ngx_http_genai_budget_api_string(&out, "error", &error);
    ngx_http_genai_budget_api_put(&out, "}\n");

    if (out.failed || ngx_http_discard_request_body(r) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_genai_budget_api_send(r, &out.text, status);
}


static void
ngx_http_genai_budget_api_put(ngx_http_genai_budget_out_t *out,
    const char *fmt, ...)
{
    u_char   *p, buf[1024];
    va_list   args;

    va_start(args, fmt);
    p = ngx_vslprintf(buf, buf + sizeof(buf), fmt, args);
    va_end(args);

    if (ngx_http_genai_text_write(&out->text, (char *) buf, p - buf)
        != GENAI_OK)
    {
        out->failed = 1;
    }
}


static void
ngx_http_genai_budget_api_string(ngx_http_genai_budget_out_t *out,
    const char *name, ngx_str_t *text)
{
    char    buf[2 * GENAI_BUDGET_JSON_TEXT + 8];
    size_t  len;

    ngx_http_genai_budget_api_put(out, "\"%s\":", name);

    len = genai_budget_json_string(genai_str((char *) text->data, text->len),
                                   buf, sizeof(buf));

    if (ngx_http_genai_text_write(&out->text, buf, len) != GENAI_OK) {
        out->failed = 1;
    }
}
