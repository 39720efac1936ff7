/*
 * A finished call <-> its bytes: one table of fields serves both directions.
 */

#include <math.h>

#include "genai_record.h"


typedef enum {
    REC_U8, REC_U16, REC_U32, REC_U64,     /* left out when 0 */
    REC_I64,                               /* left out when -1 */
    REC_DOUBLE,                            /* left out when NaN */
    REC_SUM,                               /* double, left out when 0 */
    REC_TIME,                              /* u64 instant, 0: none */
    REC_STR,
    REC_END                                /* of the table */
} rec_type_e;


typedef struct {
    uint8_t   tag;
    uint8_t   type;
    uint16_t  offset;
} rec_field_t;


#define rec(tag, type, field)                                                 \
    { tag, type, offsetof(genai_call_t, field) }


/*
 * Tags are for ever: a number that was used is never given another meaning.
 * The range says how a value is skipped by a reader that does not know it:
 * 10-39 and 80-129 varints, 40-79 strings, 130-159 doubles.
 */

enum {
    TAG_FLAGS = 1, TAG_ATTR = 2, TAG_TOOL = 3, TAG_DOC = 4, TAG_SCORE = 5
};


static const rec_field_t  rec_fields[] = {
    rec(10, REC_U8, trace_flags),
    rec(11, REC_U8, kind),
    rec(12, REC_U8, api),
    rec(13, REC_U8, operation),
    rec(14, REC_U8, step),
    rec(15, REC_U8, usage_source),
    rec(16, REC_U8, error_origin),
    rec(17, REC_U8, finish),
    rec(18, REC_U8, skip),
    rec(19, REC_U8, attempt),
    rec(20, REC_U8, upstream_tries),
    rec(21, REC_U16, status),
    rec(22, REC_U16, server_port),
    rec(23, REC_U64, start_unix_ns),
    rec(24, REC_TIME, upstream_first_ns),
    rec(25, REC_TIME, first_event_ns),
    rec(26, REC_TIME, first_reasoning_ns),
    rec(27, REC_TIME, first_token_ns),
    rec(28, REC_TIME, last_event_ns),
    rec(29, REC_TIME, end_ns),
    rec(30, REC_U64, max_gap_ns),
    rec(31, REC_U32, events),
    rec(32, REC_U32, text_events),
    rec(33, REC_U8, keep),
    rec(34, REC_U8, profile),
    rec(35, REC_U8, budget_status),
    rec(36, REC_TIME, budget_ns),
    rec(40, REC_STR, provider),
    rec(41, REC_STR, model),
    rec(42, REC_STR, response_model),
    rec(43, REC_STR, region),
    rec(44, REC_STR, method),
    rec(45, REC_STR, path),
    rec(46, REC_STR, span_name),
    rec(47, REC_STR, location),
    rec(48, REC_STR, server_address),
    rec(49, REC_STR, upstream),
    rec(50, REC_STR, user),
    rec(51, REC_STR, session),
    rec(52, REC_STR, tracestate),
    rec(53, REC_STR, request_id),
    rec(54, REC_STR, response_id),
    rec(55, REC_STR, invocation_id),
    rec(56, REC_STR, stop_reason),
    rec(57, REC_STR, error_type),
    rec(58, REC_STR, error_message),
    rec(59, REC_STR, guardrail_id),
    rec(60, REC_STR, guardrail_version),
    rec(61, REC_STR, service_tier),
    rec(62, REC_STR, latency_mode),
    rec(63, REC_STR, request_metadata),
    rec(64, REC_STR, stop_sequences),
    rec(65, REC_STR, price_version),
    rec(66, REC_STR, data_source),
    rec(67, REC_STR, budget),
    rec(68, REC_STR, budget_limit),
    rec(69, REC_STR, budget_class),
    rec(80, REC_I64, input_tokens),
    rec(81, REC_I64, output_tokens),
    rec(82, REC_I64, cache_read_tokens),
    rec(83, REC_I64, cache_write_tokens),
    rec(84, REC_I64, cache_write_1h_tokens),
    rec(85, REC_I64, reasoning_tokens),
    rec(86, REC_I64, total_tokens),
    rec(87, REC_I64, cost_pico),
    rec(88, REC_I64, server_latency_ms),
    rec(89, REC_I64, images),
    rec(90, REC_I64, search_units),
    rec(91, REC_I64, max_tokens),
    rec(92, REC_I64, top_k),
    rec(95, REC_I64, prompt_chars),
    rec(96, REC_I64, system_chars),
    rec(97, REC_U32, tools_offered),
    rec(98, REC_U32, tool_results),
    rec(99, REC_U32, messages),
    rec(100, REC_U32, media_parts),
    rec(101, REC_I64, output_chars),
    rec(102, REC_I64, embedding_dimension),
    rec(103, REC_I64, documents),
    rec(104, REC_I64, top_k_requested),
    rec(107, REC_U32, score_count),
    rec(108, REC_U64, request_bytes),
    rec(109, REC_U64, response_bytes),
    rec(110, REC_I64, budget_reserved),
    rec(130, REC_DOUBLE, temperature),
    rec(131, REC_DOUBLE, top_p),
    rec(132, REC_SUM, score_sum),
    rec(133, REC_DOUBLE, score_top),
    { 0, REC_END, 0 }
};


/* one place that knows the order of the bits; 16 to 18 are disagreement */

#define rec_flags(x)                                                          \
    x(0, sampled) x(1, stream) x(2, streamed) x(3, usage_complete)            \
    x(4, priced) x(5, aborted) x(6, truncated) x(7, bad_body)                 \
    x(8, from_cache) x(9, error) x(10, parent_remote)                         \
    x(11, context_exceeded) x(12, price_long) x(13, internal)                 \
    x(14, reasoning) x(15, budget_warned) x(19, by_vector) x(20, by_words)    \
    x(21, drained)


typedef struct {
    unsigned char  *p;
    unsigned char  *end;
} rec_out_t;


typedef struct {
    const unsigned char  *p;
    const unsigned char  *end;
} rec_in_t;


static inline unsigned char *
rec_put_varint(unsigned char *p, uint64_t v)
{
    while (v >= 0x80) {
        *p++ = (unsigned char) (v | 0x80);
        v >>= 7;
    }

    *p++ = (unsigned char) v;

    return p;
}


static inline void
rec_put_number(rec_out_t *o, unsigned tag, uint64_t v)
{
    if (genai_unlikely(o->end - o->p < 11)) {
        return;
    }

    *o->p++ = (unsigned char) tag;
    o->p = rec_put_varint(o->p, v);
}


static void
rec_put_double(rec_out_t *o, unsigned tag, double v)
{
    if (o->end - o->p < 9) {
        return;
    }

    *o->p++ = (unsigned char) tag;
    memcpy(o->p, &v, 8);
    o->p += 8;
}


#define rec_at(c, f, type)                                                    \
    (*(const type *) ((const char *) (c) + (f)->offset))


static void
rec_put_real(rec_out_t *o, const genai_call_t *c, const rec_field_t *f)
{
    double  d;

    d = rec_at(c, f, double);

    if (!isnan(d) && (d != 0 || f->type == REC_DOUBLE)) {
        rec_put_double(o, f->tag, d);
    }
}


static inline int
rec_put_str(rec_out_t *o, unsigned tag, genai_str_t s)
{
    if (genai_unlikely((size_t) (o->end - o->p) < s.len + 11)) {
        return 0;
    }

    *o->p++ = (unsigned char) tag;
    o->p = rec_put_varint(o->p, s.len);
    memcpy(o->p, s.data, s.len);
    o->p += s.len;

    return 1;
}


static inline uint64_t
rec_zigzag(int64_t v)
{
    return ((uint64_t) v << 1) ^ (uint64_t) (v >> 63);
}


static inline uint64_t
rec_instant(const genai_call_t *c, uint64_t t)
{
    /* + 1: an instant that equals the start did happen */
    return t >= c->start_ns ? t - c->start_ns + 1 : 1;
}


#define rec_put_run(of, value)                                                \
    do {                                                                      \
        value;                                                                \
                                                                              \
        if (u) {                                                              \
            rec_put_number(o, f->tag, u);                                     \
        }                                                                     \
    } while ((++f)->type == of)


/*
 * The fields from f on that have its type; returns the first with another.
 * Most fields of a call are empty: to find that out is most of the work, and
 * so each type has a loop of its own.
 */

static const rec_field_t *
rec_put_fields(rec_out_t *o, const genai_call_t *c, const rec_field_t *f,
    unsigned *lost)
{
    int64_t      i;
    uint64_t     u;
    genai_str_t  s;

    switch (f->type) {

    case REC_U8:
        rec_put_run(REC_U8, u = rec_at(c, f, uint8_t));
        break;

    case REC_U16:
        rec_put_run(REC_U16, u = rec_at(c, f, uint16_t));
        break;

    case REC_U32:
        rec_put_run(REC_U32, u = rec_at(c, f, uint32_t));
        break;

    case REC_U64:
        rec_put_run(REC_U64, u = rec_at(c, f, uint64_t));
        break;

    case REC_TIME:
        rec_put_run(REC_TIME, u = rec_at(c, f, uint64_t);
                              u = u ? rec_instant(c, u) : 0);
        break;

    case REC_I64:
        rec_put_run(REC_I64, i = rec_at(c, f, int64_t);
                             u = (i == -1) ? 0 : rec_zigzag(i) + 1);
        break;

    case REC_STR:
        do {
            s = rec_at(c, f, genai_str_t);
            *lost += s.len && !rec_put_str(o, f->tag, s);
        } while ((++f)->type == REC_STR);

        break;

    default: /* REC_DOUBLE, REC_SUM */
        rec_put_real(o, c, f++);
        break;
    }

    return f;
}


static int
rec_put_attr(rec_out_t *o, const genai_attr_t *a)
{
    if ((size_t) (o->end - o->p) < a->key.len + a->value.len + 32) {
        return 0;
    }

    *o->p++ = TAG_ATTR;
    o->p = rec_put_varint(o->p, a->key.len + 1);
    *o->p++ = (unsigned char) (a->type | (a->label ? 0x80 : 0));
    memcpy(o->p, a->key.data, a->key.len);
    o->p += a->key.len;
    o->p = rec_put_varint(o->p, a->value.len);

    if (a->value.len) {
        memcpy(o->p, a->value.data, a->value.len);
        o->p += a->value.len;
    }

    return 1;
}


size_t
genai_record_encode(const genai_call_t *c, void *buf, size_t size,
    unsigned *left_out)
{
    size_t              i;
    unsigned            n, lost;
    uint64_t            flags;
    rec_out_t           o;
    const rec_field_t  *f;

    /* numbers alone can never need more */
    if (size < 1024) {
        return 0;
    }

    o.p = buf;
    o.end = o.p + size;
    lost = 0;

    *o.p++ = GENAI_RECORD_VERSION;
    memcpy(o.p, c->trace_id, 16);
    memcpy(o.p + 16, c->span_id, 8);
    memcpy(o.p + 24, c->parent_id, 8);
    o.p += 32;

#define rec_flag(bit, name)  | (uint64_t) c->name << bit
    flags = 0 rec_flags(rec_flag);
#undef rec_flag

    flags |= (uint64_t) c->disagreement << 16;
    rec_put_number(&o, TAG_FLAGS, flags);

    for (f = rec_fields; f->type != REC_END; /* void */ ) {
        f = rec_put_fields(&o, c, f, &lost);
    }

    for (n = 0; n < c->ntools; n++) {
        lost += !rec_put_str(&o, TAG_TOOL, c->tools[n]);
    }

    for (n = 0; n < c->ndocs; n++) {
        lost += !rec_put_str(&o, TAG_DOC, c->docs[n]);
    }

    for (n = 0; n < c->nscores; n++) {
        if (rec_put_str(&o, TAG_SCORE, c->scores[n].name)) {
            rec_put_double(&o, TAG_SCORE, c->scores[n].value);

        } else {
            lost++;
        }
    }

    for (i = 0; i < c->nattrs; i++) {
        lost += !rec_put_attr(&o, &c->attrs[i]);
    }

    if (left_out) {
        *left_out = lost;
    }

    return (size_t) (o.p - (unsigned char *) buf);
}


static int
rec_get_varint(rec_in_t *in, uint64_t *v)
{
    unsigned  shift;

    *v = 0;

    for (shift = 0; shift < 64; shift += 7) {
        if (in->p == in->end) {
            return GENAI_ERROR;
        }

        *v |= (uint64_t) (*in->p & 0x7f) << shift;

        if (!(*in->p++ & 0x80)) {
            return GENAI_OK;
        }
    }

    return GENAI_ERROR;
}


static int
rec_get_str(rec_in_t *in, genai_str_t *s)
{
    uint64_t  len;

    if (rec_get_varint(in, &len) != GENAI_OK
        || len > (uint64_t) (in->end - in->p))
    {
        return GENAI_ERROR;
    }

    *s = genai_str((const char *) in->p, (size_t) len);
    in->p += len;

    return GENAI_OK;
}


static int
rec_get_double(rec_in_t *in, double *d)
{
    if (in->end - in->p < 8) {
        return GENAI_ERROR;
    }

    memcpy(d, in->p, 8);
    in->p += 8;

    return GENAI_OK;
}


static int
rec_get_field(rec_in_t *in, genai_call_t *c, const rec_field_t *f)
{
    char      *p;
    uint64_t   u;

    p = (char *) c + f->offset;

    if (f->type == REC_STR) {
        return rec_get_str(in, (genai_str_t *) p);
    }

    if (f->type == REC_DOUBLE || f->type == REC_SUM) {
        return rec_get_double(in, (double *) p);
    }

    if (rec_get_varint(in, &u) != GENAI_OK || u == 0) {
        return GENAI_ERROR;
    }

    switch (f->type) {

    case REC_U8:
        *(uint8_t *) p = (uint8_t) u;
        break;

    case REC_U16:
        *(uint16_t *) p = (uint16_t) u;
        break;

    case REC_U32:
        *(uint32_t *) p = (uint32_t) u;
        break;

    case REC_TIME:
        *(uint64_t *) p = u - 1 + GENAI_RECORD_BASE;
        break;

    case REC_I64:
        u--;
        *(int64_t *) p = (int64_t) (u >> 1) ^ -(int64_t) (u & 1);
        break;

    default:
        *(uint64_t *) p = u;
    }

    return GENAI_OK;
}


static int
rec_get_attr(rec_in_t *in, genai_call_t *c, genai_attr_t *attrs,
    size_t nattrs)
{
    genai_str_t   key, value;
    genai_attr_t *a;

    if (rec_get_str(in, &key) != GENAI_OK || key.len == 0
        || rec_get_str(in, &value) != GENAI_OK)
    {
        return GENAI_ERROR;
    }

    if (c->nattrs < nattrs) {
        a = &attrs[c->nattrs++];
        a->type = (uint8_t) key.data[0] & 0x7f;
        a->label = ((uint8_t) key.data[0] & 0x80) != 0;
        a->key = genai_str(key.data + 1, key.len - 1);
        a->value = value;
    }

    return GENAI_OK;
}


static int
rec_get_score(rec_in_t *in, genai_call_t *c)
{
    double       d;
    genai_str_t  name;

    /* name, then its value under a tag of its own */

    if (rec_get_str(in, &name) != GENAI_OK
        || in->p == in->end || *in->p++ != TAG_SCORE
        || rec_get_double(in, &d) != GENAI_OK)
    {
        return GENAI_ERROR;
    }

    if (c->nscores < GENAI_CALL_SCORES) {
        c->scores[c->nscores].name = name;
        c->scores[c->nscores++].value = d;
    }

    return GENAI_OK;
}


static int
rec_get_tagged(rec_in_t *in, unsigned tag, genai_call_t *c,
    genai_attr_t *attrs, size_t nattrs)
{
    int          rc;
    uint64_t     u;
    genai_str_t  s;

    switch (tag) {

    case TAG_FLAGS:
        if (rec_get_varint(in, &u) != GENAI_OK) {
            return GENAI_ERROR;
        }

#define rec_flag(bit, name)  c->name = (u >> bit) & 1;
        rec_flags(rec_flag)
#undef rec_flag

        c->disagreement = (u >> 16) & 7;

        return GENAI_OK;

    case TAG_ATTR:
        return rec_get_attr(in, c, attrs, nattrs);

    case TAG_TOOL:
        rc = rec_get_str(in, &s);

        if (rc == GENAI_OK && c->ntools < GENAI_CALL_TOOLS) {
            c->tools[c->ntools++] = s;
        }

        return rc;

    case TAG_DOC:
        rc = rec_get_str(in, &s);

        if (rc == GENAI_OK && c->ndocs < GENAI_CALL_DOCS) {
            c->docs[c->ndocs++] = s;
        }

        return rc;

    case TAG_SCORE:
        return rec_get_score(in, c);
    }

    return GENAI_DECLINED;
}


static int
rec_skip(rec_in_t *in, unsigned tag)
{
    double       d;
    uint64_t     u;
    genai_str_t  s;

    if ((tag >= 10 && tag < 40) || (tag >= 80 && tag < 130)) {
        return rec_get_varint(in, &u);
    }

    if (tag >= 40 && tag < 80) {
        return rec_get_str(in, &s);
    }

    if (tag >= 130 && tag < 160) {
        return rec_get_double(in, &d);
    }

    return GENAI_ERROR;
}


int
genai_record_decode(const void *buf, size_t len, genai_call_t *c,
    genai_attr_t *attrs, size_t nattrs)
{
    int                 rc;
    unsigned            tag;
    rec_in_t            in;
    const rec_field_t  *f;

    genai_call_init(c, NULL, 0);

    in.p = buf;
    in.end = in.p + len;

    if (len < 33) {
        return GENAI_ERROR;
    }

    if (*in.p++ != GENAI_RECORD_VERSION) {
        return GENAI_DECLINED;
    }

    memcpy(c->trace_id, in.p, 16);
    memcpy(c->span_id, in.p + 16, 8);
    memcpy(c->parent_id, in.p + 24, 8);
    in.p += 32;

    c->start_ns = GENAI_RECORD_BASE;
    c->attrs = attrs;
    f = rec_fields;

    while (in.p < in.end) {
        tag = *in.p++;

        rc = rec_get_tagged(&in, tag, c, attrs, nattrs);

        if (rc == GENAI_DECLINED) {

            /* fields come in the order of the table */

            while (f->type != REC_END && f->tag < tag) {
                f++;
            }

            if (f->type != REC_END && f->tag == tag) {
                rc = rec_get_field(&in, c, f);

            } else {
                rc = rec_skip(&in, tag);
            }
        }

        if (rc != GENAI_OK) {
            return GENAI_ERROR;
        }
    }

    return GENAI_OK;
}
