/*
 * genai_budget_api: budgets as JSON.  Those that are raised for a time:
 * ngx_http_genai_budget_raise.c.
 */

#include "ngx_http_genai_budget.h"
#include "../lib/genai_budget_json.h"


#define NGX_HTTP_GENAI_BUDGET_API_TOP  100
#define NGX_HTTP_GENAI_BUDGET_API_MAX  1000
#define NGX_HTTP_GENAI_BUDGET_API_ERR  512


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
static ngx_int_t ngx_http_genai_budget_api_send(ngx_http_request_t *r,
    ngx_http_genai_text_t *text, ngx_uint_t status);
static ngx_int_t ngx_http_genai_budget_api_header(ngx_http_request_t *r,
    const char *name, const char *value);
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
    ngx_int_t  rc;

    if (r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD)) {
        rc = ngx_http_discard_request_body(r);

        return rc == NGX_OK ? ngx_http_genai_budget_api_get(r) : rc;
    }

    if (r->method == NGX_HTTP_POST) {
        return ngx_http_genai_budget_raise_handler(r);
    }

    if (ngx_http_genai_budget_api_header(r, "Allow", "GET, HEAD, POST")
        != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_genai_budget_api_error(r, NGX_HTTP_NOT_ALLOWED,
                                   "there are GET, HEAD, and POST to raise");
}


static ngx_int_t
ngx_http_genai_budget_api_get(ngx_http_request_t *r)
{
    ngx_int_t                    top;
    ngx_str_t                    arg;
    ngx_http_genai_budget_out_t  out;

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


ngx_int_t
ngx_http_genai_budget_api_show(ngx_http_request_t *r, ngx_str_t *zone,
    genai_str_t key, const char *note)
{
    ngx_http_genai_budget_out_t  out;

    ngx_memzero(&out, sizeof(ngx_http_genai_budget_out_t));

    out.zone = *zone;
    out.key.data = (u_char *) key.data;
    out.key.len = key.len;

    return ngx_http_genai_budget_api_list(r, &out, note);
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


ngx_http_genai_budget_zone_t *
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


static ngx_int_t
ngx_http_genai_budget_api_send(ngx_http_request_t *r,
    ngx_http_genai_text_t *text, ngx_uint_t status)
{
    if (ngx_http_genai_budget_api_header(r, "Cache-Control", "no-store")
        != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    r->headers_out.status = status;

    return ngx_http_genai_text_send(r, text, "application/json");
}


static ngx_int_t
ngx_http_genai_budget_api_header(ngx_http_request_t *r, const char *name,
    const char *value)
{
    genai_refuse_header_t  h;

    h.name = genai_strz(name);
    h.value = genai_strz(value);

    return ngx_http_genai_budget_headers(r, &h, 1);
}


ngx_int_t
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
