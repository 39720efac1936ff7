/*
 * OTLP in protobuf: what is around the items, spans, answers.
 */

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include <cjson/cJSON.h>

#include "otlp.pb-c.h"

#include "genai_otlp.h"
#include "genai_otlp_wire.h"
#include "genai_span.h"


#define GENAI_OTLP_RESOURCE  64        /* attributes of a resource */

/* field numbers of telemetry 2.3 */

#define OTLP_SPAN_ATTRIBUTES   9
#define OTLP_SPAN_EVENTS       11
#define OTLP_EVENT_ATTRIBUTES  3


static int genai_otlp_event(genai_otlp_buf_t *b, const genai_call_t *c);
static int genai_otlp_list(const genai_otlp_attrs_t *to,
    const genai_span_attr_t *a);
static void genai_otlp_text(genai_send_result_t *res, const char *text,
    size_t len);
static void genai_otlp_partial(const uint8_t *body, size_t len,
    genai_send_result_t *res);
static void genai_otlp_partial_json(const uint8_t *body, size_t len,
    genai_send_result_t *res);


uint8_t *
genai_otlp_room(genai_otlp_buf_t *b, size_t n)
{
    size_t    size;
    uint8_t  *p;

    if (b->size - b->len >= n) {
        return b->data + b->len;
    }

    size = b->size ? b->size : 4096;

    while (size - b->len < n) {
        size *= 2;
    }

    p = realloc(b->data, size);
    if (p == NULL) {
        return NULL;
    }

    b->data = p;
    b->size = size;

    return p + b->len;
}


void
genai_otlp_free(genai_otlp_buf_t *b)
{
    free(b->data);
    memset(b, 0, sizeof(genai_otlp_buf_t));
}


void
genai_otlp_clear(genai_otlp_buf_t *b)
{
    if (b->size > 2 * GENAI_OTLP_LIMIT) {
        genai_otlp_free(b);
    }

    b->len = 0;
}


int
genai_otlp_front(genai_otlp_buf_t *b, const genai_pair_t *resource,
    size_t nresource, const char *version, size_t *scope)
{
    size_t                       i, n;
    Otlp__AnyValue               values[GENAI_OTLP_RESOURCE + 1];
    Otlp__KeyValue               pairs[GENAI_OTLP_RESOURCE + 1];
    Otlp__KeyValue              *list[GENAI_OTLP_RESOURCE + 1];
    Otlp__Resource               r = OTLP__RESOURCE__INIT;
    Otlp__InstrumentationScope   s = OTLP__INSTRUMENTATION_SCOPE__INIT;

    r.attributes = list;
    n = 0;

    for (i = 0; i < nresource && n < GENAI_OTLP_RESOURCE; i++) {
        if (resource[i].value[0] == '\0') {
            continue;
        }

        genai_otlp_pair(&pairs[n], &values[n], genai_strz(resource[i].key),
                        genai_strz(resource[i].value));
        list[n] = &pairs[n];
        n++;
    }

    for (i = 0; i < n; i++) {
        if (pairs[i].key.len == 12
            && memcmp(pairs[i].key.data, "service.name", 12) == 0)
        {
            break;
        }
    }

    if (i == n) {
        genai_otlp_pair(&pairs[n], &values[n], genai_strz("service.name"),
                        genai_strz("nginx"));
        list[n] = &pairs[n];
        n++;
    }

    r.n_attributes = n;
    s.name = genai_otlp_bin(genai_strz(GENAI_SPAN_SCOPE));
    s.version = genai_otlp_bin(genai_strz(version));

    b->len = 0;

    if (genai_otlp_message(b, 1, &r.base) != GENAI_OK) {
        return GENAI_ERROR;
    }

    n = b->len;

    if (genai_otlp_message(b, 1, &s.base) != GENAI_OK) {
        return GENAI_ERROR;
    }

    *scope = b->len - n;

    return GENAI_OK;
}


size_t
genai_otlp_head(const genai_otlp_buf_t *front, size_t scope, size_t items,
    uint8_t *out)
{
    size_t    resource, inner, outer;
    uint8_t  *p;

    resource = front->len - scope;
    inner = scope + items;
    outer = resource + genai_otlp_tag_size(inner) + inner;

    p = genai_otlp_tag(out, 1, outer);
    memcpy(p, front->data, resource);
    p = genai_otlp_tag(p + resource, 2, inner);
    memcpy(p, front->data + resource, scope);

    return (size_t) (p + scope - out);
}


int
genai_otlp_span(genai_otlp_buf_t *items, genai_otlp_buf_t *attrs,
    const genai_call_t *c)
{
    int                  rc;
    Otlp__Span           m = OTLP__SPAN__INIT;
    genai_span_t         s;
    Otlp__Status         status = OTLP__STATUS__INIT;
    genai_otlp_attrs_t   to = { attrs, OTLP_SPAN_ATTRIBUTES };

    attrs->len = 0;

    if (genai_span_attrs(c, genai_otlp_attr, &to) != GENAI_OK
        || genai_otlp_event(attrs, c) != GENAI_OK)
    {
        return GENAI_ERROR;
    }

    genai_span_init(&s, c);

    m.trace_id = genai_otlp_bin(genai_str((char *) s.trace_id, 16));
    m.span_id = genai_otlp_bin(genai_str((char *) s.span_id, 8));
    m.trace_state = genai_otlp_bin(s.trace_state);
    m.name = genai_otlp_bin(s.name);
    m.kind = s.kind;
    m.start_time_unix_nano = s.start_unix_ns;
    m.end_time_unix_nano = s.end_unix_ns;
    m.flags = s.flags;

    if (s.parent_id) {
        m.parent_span_id = genai_otlp_bin(genai_str((char *) s.parent_id, 8));
    }

    if (s.status != GENAI_SPAN_UNSET) {
        status.code = s.status;
        status.message = genai_otlp_bin(s.message);
        m.status = &status;
    }

    rc = genai_otlp_item(items, &m.base, attrs);

    return (rc == GENAI_AGAIN && items->len == 0) ? GENAI_DECLINED : rc;
}


int
genai_otlp_item(genai_otlp_buf_t *items, const ProtobufCMessage *m,
    const genai_otlp_buf_t *rest)
{
    size_t    len, need;
    uint8_t  *p;

    len = protobuf_c_message_get_packed_size(m) + rest->len;
    need = genai_otlp_tag_size(len) + len;

    if (items->len + need > GENAI_OTLP_LIMIT) {
        return GENAI_AGAIN;
    }

    p = genai_otlp_room(items, need);
    if (p == NULL) {
        return GENAI_ERROR;
    }

    p = genai_otlp_tag(p, 2, len);
    p += protobuf_c_message_pack(m, p);

    if (rest->len) {
        memcpy(p, rest->data, rest->len);
    }

    items->len += need;

    return GENAI_OK;
}


/* appended to what b has, if there is one */

static int
genai_otlp_event(genai_otlp_buf_t *b, const genai_call_t *c)
{
    size_t              attrs, head, tag;
    uint8_t            *p;
    Otlp__Event         m = OTLP__EVENT__INIT;
    genai_span_event_t  e;
    genai_otlp_attrs_t  to = { b, OTLP_EVENT_ATTRIBUTES };

    if (genai_span_event(c, &e) != GENAI_OK) {
        return GENAI_OK;
    }

    m.time_unix_nano = e.time_unix_ns;
    m.name = genai_otlp_bin(e.name);

    attrs = b->len;

    if (genai_span_event_attrs(c, genai_otlp_attr, &to) != GENAI_OK) {
        return GENAI_ERROR;
    }

    /* its head goes before them, when their length is known */

    attrs = b->len - attrs;
    head = otlp__event__get_packed_size(&m);
    tag = genai_otlp_tag_size(head + attrs);

    p = genai_otlp_room(b, tag + head);
    if (p == NULL) {
        return GENAI_ERROR;
    }

    p -= attrs;
    memmove(p + tag + head, p, attrs);
    p = genai_otlp_tag(p, OTLP_SPAN_EVENTS, head + attrs);
    (void) otlp__event__pack(&m, p);

    b->len += tag + head;

    return GENAI_OK;
}


/*
 * KeyValue, most of what is sent: written here rather than packed, which takes
 * half the time.
 */

int
genai_otlp_attr(void *data, const genai_span_attr_t *a)
{
    size_t                     key, value;
    uint8_t                   *p;
    genai_otlp_buf_t          *b;
    const genai_otlp_attrs_t  *to = data;

    b = to->buf;

    switch (a->type) {

    case GENAI_ATTR_STRING:
        value = genai_otlp_tag_size(a->s.len) + a->s.len;
        break;

    case GENAI_ATTR_INT:
        value = genai_otlp_tag_size((uint64_t) a->i);
        break;

    case GENAI_ATTR_DOUBLE:
        value = 1 + sizeof(double);
        break;

    case GENAI_ATTR_BOOL:
        value = 2;
        break;

    default:
        return genai_otlp_list(to, a);
    }

    key = genai_otlp_tag_size(a->key.len) + a->key.len;
    p = genai_otlp_room(b, 24 + key + value);

    if (p == NULL) {
        return GENAI_ERROR;
    }

    p = genai_otlp_tag(p, to->field,
                       key + genai_otlp_tag_size(value) + value);
    p = genai_otlp_tag(p, 1, a->key.len);
    memcpy(p, a->key.data, a->key.len);
    p = genai_otlp_tag(p + a->key.len, 2, value);

    switch (a->type) {

    case GENAI_ATTR_STRING:
        p = genai_otlp_tag(p, 1, a->s.len);
        memcpy(p, a->s.data, a->s.len);
        p += a->s.len;
        break;

    case GENAI_ATTR_INT:
        *p++ = 3 << 3;
        p = genai_otlp_varint(p, (uint64_t) a->i);
        break;

    case GENAI_ATTR_DOUBLE:
        *p++ = 4 << 3 | 1;
        p = genai_otlp_fixed64(p, a->d);
        break;

    default:  /* GENAI_ATTR_BOOL */
        *p++ = 2 << 3;
        *p++ = (a->i != 0);
        break;
    }

    b->len = (size_t) (p - b->data);

    return GENAI_OK;
}


static int
genai_otlp_list(const genai_otlp_attrs_t *to, const genai_span_attr_t *a)
{
    size_t            i;
    Otlp__AnyValue    v = OTLP__ANY_VALUE__INIT;
    Otlp__AnyValue    values[GENAI_SPAN_LIST], *list[GENAI_SPAN_LIST];
    Otlp__KeyValue    kv = OTLP__KEY_VALUE__INIT;
    Otlp__ArrayValue  array = OTLP__ARRAY_VALUE__INIT;

    for (i = 0; i < a->nlist; i++) {
        otlp__any_value__init(&values[i]);
        values[i].value_case = OTLP__ANY_VALUE__VALUE_STRING_VALUE;
        values[i].string_value = genai_otlp_bin(a->list[i]);
        list[i] = &values[i];
    }

    array.n_values = a->nlist;
    array.values = list;

    v.value_case = OTLP__ANY_VALUE__VALUE_ARRAY_VALUE;
    v.array_value = &array;

    kv.key = genai_otlp_bin(a->key);
    kv.value = &v;

    return genai_otlp_message(to->buf, to->field, &kv.base);
}


void
genai_otlp_answer(int status, const uint8_t *body, size_t len, int json,
    genai_send_result_t *res)
{
    Otlp__RpcStatus  *rpc;

    res->http_status = status;
    res->rejected = 0;
    res->why[0] = '\0';

    if (status >= 200 && status < 300) {
        res->outcome = GENAI_SEND_ACKED;

        if (json) {
            genai_otlp_partial_json(body, len, res);

        } else {
            genai_otlp_partial(body, len, res);
        }

        return;
    }

    switch (status) {

    case 401:
    case 403:
        /* keys rotate: what is held now can be sent with the next one */

    case 408:
    case 429:
    case 500:
    case 502:
    case 503:
    case 504:
        res->outcome = GENAI_SEND_RETRY;
        break;

    default:
        res->outcome = GENAI_SEND_REJECTED;
        break;
    }

    rpc = json ? NULL : otlp__rpc_status__unpack(NULL, len, body);

    if (rpc && rpc->message.len) {
        genai_otlp_text(res, (char *) rpc->message.data, rpc->message.len);

    } else {
        genai_otlp_text(res, (const char *) body, len);
    }

    if (rpc) {
        otlp__rpc_status__free_unpacked(rpc, NULL);
    }
}


/* somebody else's text on its way to a log: one line of printable ASCII */

static void
genai_otlp_text(genai_send_result_t *res, const char *text, size_t len)
{
    char    *p = res->why;
    size_t   i;

    for (i = 0; i < len && p < res->why + sizeof(res->why) - 1; i++) {
        if (isprint((unsigned char) text[i])) {
            *p++ = text[i];

        } else if (p > res->why && p[-1] != ' ') {
            *p++ = ' ';
        }
    }

    while (p > res->why && p[-1] == ' ') {
        p--;
    }

    *p = '\0';
}


static void
genai_otlp_partial(const uint8_t *body, size_t len, genai_send_result_t *res)
{
    int64_t                 n;
    Otlp__ExportResponse   *r;
    Otlp__PartialSuccess   *p;

    r = len ? otlp__export_response__unpack(NULL, len, body) : NULL;

    if (r == NULL) {
        return;
    }

    p = r->partial_success;

    if (p) {
        n = p->rejected;
        res->rejected = n < 0 ? 0 : n > UINT32_MAX ? UINT32_MAX
                        : (uint32_t) n;
        genai_otlp_text(res, (char *) p->error_message.data,
                        p->error_message.len);
    }

    otlp__export_response__free_unpacked(r, NULL);
}


/* asked for protobuf, some receivers answer JSON all the same */

static void
genai_otlp_partial_json(const uint8_t *body, size_t len,
    genai_send_result_t *res)
{
    double        n;
    cJSON        *root, *p, *item;
    const char   *text;

    root = cJSON_ParseWithLength((const char *) body, len);
    p = cJSON_GetObjectItemCaseSensitive(root, "partialSuccess");

    cJSON_ArrayForEach(item, p) {
        text = cJSON_GetStringValue(item);

        if (strcmp(item->string, "errorMessage") == 0 && text) {
            genai_otlp_text(res, text, strlen(text));

        } else if (strncmp(item->string, "rejected", 8) == 0) {

            /* int64 is a string in OTLP/JSON */

            n = text ? strtod(text, NULL) : cJSON_GetNumberValue(item);
            res->rejected = n > 0 ? n < UINT32_MAX ? (uint32_t) n
                                  : UINT32_MAX : 0;
        }
    }

    cJSON_Delete(root);
}
