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


/*
 * Tags are for ever: a number that was used is never given another meaning.
 * The range says how a value is skipped by a reader that does not know it:
 * 10-39 and 80-129 varints, 40-79 strings, 130-159 doubles.
 */

enum {
    TAG_FLAGS = 1, TAG_ATTR = 2, TAG_TOOL = 3, TAG_DOC = 4, TAG_SCORE = 5
};


#define rec_fields(x)                                                         \
    x(10, U8, trace_flags)                                                    \
    x(11, U8, kind)                                                           \
    x(12, U8, api)                                                            \
    x(13, U8, operation)                                                      \
    x(14, U8, step)                                                           \
    x(15, U8, usage_source)                                                   \
    x(16, U8, error_origin)                                                   \
    x(17, U8, finish)                                                         \
    x(18, U8, skip)                                                           \
    x(19, U8, attempt)                                                        \
    x(20, U8, upstream_tries)                                                 \
    x(21, U16, status)                                                        \
    x(22, U16, server_port)                                                   \
    x(23, U64, start_unix_ns)                                                 \
    x(24, TIME, upstream_first_ns)                                            \
    x(25, TIME, first_event_ns)                                               \
    x(26, TIME, first_reasoning_ns)                                           \
    x(27, TIME, first_token_ns)                                               \
    x(28, TIME, last_event_ns)                                                \
    x(29, TIME, end_ns)                                                       \
    x(30, U64, max_gap_ns)                                                    \
    x(31, U32, events)                                                        \
    x(32, U32, text_events)                                                   \
    x(33, U8, keep)                                                           \
    x(34, U8, profile)                                                        \
    x(35, U8, budget_status)                                                  \
    x(36, TIME, budget_ns)                                                    \
    x(40, STR, provider)                                                      \
    x(41, STR, model)                                                         \
    x(42, STR, response_model)                                                \
    x(43, STR, region)                                                        \
    x(44, STR, method)                                                        \
    x(45, STR, path)                                                          \
    x(46, STR, span_name)                                                     \
    x(47, STR, location)                                                      \
    x(48, STR, server_address)                                                \
    x(49, STR, upstream)                                                      \
    x(50, STR, user)                                                          \
    x(51, STR, session)                                                       \
    x(52, STR, tracestate)                                                    \
    x(53, STR, request_id)                                                    \
    x(54, STR, response_id)                                                   \
    x(55, STR, invocation_id)                                                 \
    x(56, STR, stop_reason)                                                   \
    x(57, STR, error_type)                                                    \
    x(58, STR, error_message)                                                 \
    x(59, STR, guardrail_id)                                                  \
    x(60, STR, guardrail_version)                                             \
    x(61, STR, service_tier)                                                  \
    x(62, STR, latency_mode)                                                  \
    x(63, STR, request_metadata)                                              \
    x(64, STR, stop_sequences)                                                \
    x(65, STR, price_version)                                                 \
    x(66, STR, data_source)                                                   \
    x(67, STR, budget)                                                        \
    x(68, STR, budget_limit)                                                  \
    x(69, STR, budget_class)                                                  \
    x(80, I64, input_tokens)                                                  \
    x(81, I64, output_tokens)                                                 \
    x(82, I64, cache_read_tokens)                                             \
    x(83, I64, cache_write_tokens)                                            \
    x(84, I64, cache_write_1h_tokens)                                         \
    x(85, I64, reasoning_tokens)                                              \
    x(86, I64, total_tokens)                                                  \
    x(87, I64, cost_pico)                                                     \
    x(88, I64, server_latency_ms)                                             \
    x(89, I64, images)                                                        \
    x(90, I64, search_units)                                                  \
    x(91, I64, max_tokens)                                                    \
    x(92, I64, top_k)                                                         \
    x(95, I64, prompt_chars)                                                  \
    x(96, I64, system_chars)                                                  \
    x(97, U32, tools_offered)                                                 \
    x(98, U32, tool_results)                                                  \
    x(99, U32, messages)                                                      \
    x(100, U32, media_parts)                                                  \
    x(101, I64, output_chars)                                                 \
    x(102, I64, embedding_dimension)                                          \
    x(103, I64, documents)                                                    \
    x(104, I64, top_k_requested)                                              \
    x(107, U32, score_count)                                                  \
    x(108, U64, request_bytes)                                                \
    x(109, U64, response_bytes)                                               \
    x(110, I64, budget_reserved)                                              \
    x(111, I64, guardrail_units)                                              \
    x(130, DOUBLE, temperature)                                               \
    x(131, DOUBLE, top_p)                                                     \
    x(132, SUM, score_sum)                                                    \
    x(133, DOUBLE, score_top)


#define rec_field(tag, type, field)                                           \
    { tag, REC_##type, offsetof(genai_call_t, field) },

static const rec_field_t  rec_table[] = {
    rec_fields(rec_field)
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


static __attribute__((noinline)) void
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


static __attribute__((noinline)) int
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


/* most fields of most calls are empty: each is looked at in place, with two
 * instructions, and only what is there costs a call */

#define rec_put_U8(o, c, tag, v)  if (v) rec_put_number(o, tag, v)
#define rec_put_U16               rec_put_U8
#define rec_put_U32               rec_put_U8
#define rec_put_U64               rec_put_U8
#define rec_put_I64(o, c, tag, v)                                             \
    if ((v) != -1) rec_put_number(o, tag, rec_zigzag(v) + 1)
#define rec_put_TIME(o, c, tag, v)                                            \
    if (v) rec_put_number(o, tag, rec_instant(c, v))
#define rec_put_DOUBLE(o, c, tag, v)                                          \
    if (!isnan(v)) rec_put_double(o, tag, v)
#define rec_put_SUM(o, c, tag, v)                                             \
    if (!isnan(v) && (v) != 0) rec_put_double(o, tag, v)
#define rec_put_STR(o, c, tag, v)                                             \
    if ((v).len) lost += !rec_put_str(o, tag, v)


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
    size_t     i;
    unsigned   n, lost;
    uint64_t   flags;
    rec_out_t  o;

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

#define rec_put(tag, type, field)  rec_put_##type(&o, c, tag, c->field);
    rec_fields(rec_put)
#undef rec_put

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
    f = rec_table;

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
