/*
 * Trace context in its formats; ids and sampling.
 */

#include "genai_trace.h"


#define TRACE_BITS_56  (1ULL << 56)


static const int8_t  trace_digits[256] = {
    ['0'] = 1, ['1'] = 2, ['2'] = 3, ['3'] = 4, ['4'] = 5, ['5'] = 6,
    ['6'] = 7, ['7'] = 8, ['8'] = 9, ['9'] = 10, ['a'] = 11, ['b'] = 12,
    ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16,

    /* upper case is told apart: traceparent must not have it */

    ['A'] = -11, ['B'] = -12, ['C'] = -13, ['D'] = -14, ['E'] = -15,
    ['F'] = -16
};


static uint64_t
trace_rotl(uint64_t x, int k)
{
    return (x << k) | (x >> (64 - k));
}


void
genai_rand_seed(genai_rand_t *r, const uint8_t seed[32])
{
    memcpy(r->s, seed, 32);

    if ((r->s[0] | r->s[1] | r->s[2] | r->s[3]) == 0) {
        r->s[0] = 0x9e3779b97f4a7c15;
    }
}


/* Blackman and Vigna, xoshiro256** 1.0 */

uint64_t
genai_rand_next(genai_rand_t *r)
{
    uint64_t  out, t, *s;

    s = r->s;
    out = trace_rotl(s[1] * 5, 7) * 9;
    t = s[1] << 17;

    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = trace_rotl(s[3], 45);

    return out;
}


void
genai_trace_root(genai_trace_ctx_t *t, genai_rand_t *r, uint32_t epoch)
{
    int       i;
    uint64_t  high, low;

    high = genai_rand_next(r);
    low = genai_rand_next(r);

    memset(t, 0, sizeof(genai_trace_ctx_t));

    for (i = 0; i < 4; i++) {
        t->trace_id[i] = (uint8_t) (epoch >> (24 - 8 * i));
    }

    memcpy(t->trace_id + 4, &high, 4);
    memcpy(t->trace_id + 8, &low, 8);

    /* all zero is no id: 2^-96, if the clock is at 1970 */
    t->trace_id[15] |= (low | epoch) == 0;

    t->flags = GENAI_TRACE_RANDOM;
    t->present = 1;
}


void
genai_span_id(genai_rand_t *r, uint8_t id[8])
{
    uint64_t  v;

    do {
        v = genai_rand_next(r);
    } while (v == 0);

    memcpy(id, &v, 8);
}


void
genai_hex(const uint8_t *bytes, size_t n, char *out)
{
    size_t  i;

    static const char  hex[] = "0123456789abcdef";

    for (i = 0; i < n; i++) {
        *out++ = hex[bytes[i] >> 4];
        *out++ = hex[bytes[i] & 15];
    }
}


/* n bytes from 2n digits; lower: no A-F; what is not a digit is an error */

static int
trace_hex(const char *p, uint8_t *out, size_t n, int lower)
{
    int     high, low;
    size_t  i;

    for (i = 0; i < n; i++) {
        high = trace_digits[(uint8_t) p[2 * i]];
        low = trace_digits[(uint8_t) p[2 * i + 1]];

        if (high == 0 || low == 0 || (lower && (high < 0 || low < 0))) {
            return GENAI_ERROR;
        }

        high = (high < 0 ? -high : high) - 1;
        low = (low < 0 ? -low : low) - 1;
        out[i] = (uint8_t) (high << 4 | low);
    }

    return GENAI_OK;
}


int
genai_unhex(genai_str_t v, uint8_t *bytes, size_t n)
{
    if (v.len != 2 * n) {
        return GENAI_ERROR;
    }

    return trace_hex(v.data, bytes, n, 0);
}


static int
trace_zero(const uint8_t *p, size_t n)
{
    while (n--) {
        if (*p++) {
            return 0;
        }
    }

    return 1;
}


static genai_str_t
trace_trim(genai_str_t v)
{
    while (v.len && (v.data[0] == ' ' || v.data[0] == '\t')) {
        v.data++;
        v.len--;
    }

    while (v.len && (v.data[v.len - 1] == ' ' || v.data[v.len - 1] == '\t')) {
        v.len--;
    }

    return v;
}


/* cuts the next part off *rest, without white space around it */

static int
trace_part(genai_str_t *rest, char sep, genai_str_t *part)
{
    const char  *p;

    if (rest->data == NULL) {
        return 0;
    }

    p = rest->len ? memchr(rest->data, sep, rest->len) : NULL;

    if (p == NULL) {
        *part = trace_trim(*rest);
        *rest = genai_str(NULL, 0);

    } else {
        *part = trace_trim(genai_str(rest->data, p - rest->data));
        rest->len -= p + 1 - rest->data;
        rest->data = p + 1;
    }

    return 1;
}


static void
trace_set_sampled(genai_trace_ctx_t *t, genai_sampled_e sampled)
{
    t->sampled = sampled;
    t->flags &= (uint8_t) ~GENAI_TRACE_SAMPLED;

    if (sampled == GENAI_SAMPLED_YES) {
        t->flags |= GENAI_TRACE_SAMPLED;
    }
}


/* no valid ids: all that may be left is the decision */

static int
trace_decline(genai_trace_ctx_t *t)
{
    uint8_t   sampled = t->sampled;
    unsigned  debug = t->debug;

    memset(t, 0, sizeof(genai_trace_ctx_t));
    t->sampled = sampled;
    t->debug = debug;

    return GENAI_DECLINED;
}


int
genai_traceparent_parse(genai_trace_ctx_t *t, genai_str_t v)
{
    uint8_t      version, flags;
    const char  *p;

    memset(t, 0, sizeof(genai_trace_ctx_t));

    v = trace_trim(v);
    p = v.data;

    if (v.len < GENAI_TRACEPARENT_LEN
        || trace_hex(p, &version, 1, 1) != GENAI_OK
        || p[2] != '-' || p[35] != '-' || p[52] != '-'
        || version == 0xff)
    {
        return GENAI_DECLINED;
    }

    if (v.len > GENAI_TRACEPARENT_LEN && (version == 0 || p[55] != '-')) {
        return GENAI_DECLINED;
    }

    if (trace_hex(p + 3, t->trace_id, 16, 1) != GENAI_OK
        || trace_hex(p + 36, t->span_id, 8, 1) != GENAI_OK
        || trace_hex(p + 53, &flags, 1, 1) != GENAI_OK
        || trace_zero(t->trace_id, 16) || trace_zero(t->span_id, 8))
    {
        return trace_decline(t);
    }

    t->flags = flags & (GENAI_TRACE_SAMPLED | GENAI_TRACE_RANDOM);
    t->sampled = flags & GENAI_TRACE_SAMPLED ? GENAI_SAMPLED_YES
                                             : GENAI_SAMPLED_NO;
    t->format = GENAI_TRACE_W3C;
    t->present = 1;
    t->parent = 1;

    return GENAI_OK;
}


size_t
genai_traceparent_format(const genai_trace_ctx_t *t, char *buf)
{
    uint8_t  flags;

    flags = t->flags & GENAI_TRACE_RANDOM;
    flags |= t->sampled == GENAI_SAMPLED_YES ? GENAI_TRACE_SAMPLED : 0;

    memcpy(buf, "00-", 3);
    genai_hex(t->trace_id, 16, buf + 3);
    buf[35] = '-';
    genai_hex(t->span_id, 8, buf + 36);
    buf[52] = '-';
    genai_hex(&flags, 1, buf + 53);

    return GENAI_TRACEPARENT_LEN;
}


/* the fields that we write ourselves */

enum {
    XRAY_ROOT = 0, XRAY_PARENT, XRAY_SAMPLED, XRAY_OTHER
};


static int
xray_field(genai_str_t part, genai_str_t *value)
{
    int          i;
    genai_str_t  name;

    static const genai_str_t  names[] = {
        genai_string("Root"), genai_string("Parent"), genai_string("Sampled")
    };

    if (!trace_part(&part, '=', &name)) {
        return XRAY_OTHER;
    }

    for (i = 0; i < XRAY_OTHER; i++) {
        if (genai_str_eq(name, names[i])) {
            *value = trace_trim(part);
            return i;
        }
    }

    return XRAY_OTHER;
}


static int
xray_root(genai_str_t v, uint8_t id[16])
{
    const char  *p = v.data;

    if (v.len != GENAI_XRAY_ROOT_LEN || p[0] != '1' || p[1] != '-'
        || p[10] != '-' || trace_hex(p + 2, id, 4, 0) != GENAI_OK
        || trace_hex(p + 11, id + 4, 12, 0) != GENAI_OK
        || trace_zero(id, 16))
    {
        return GENAI_ERROR;
    }

    return GENAI_OK;
}


int
genai_xray_parse(genai_trace_ctx_t *t, genai_str_t v)
{
    int          i;
    genai_str_t  part, value, field[XRAY_OTHER + 1];

    memset(t, 0, sizeof(genai_trace_ctx_t));
    memset(field, 0, sizeof(field));

    while (trace_part(&v, ';', &part)) {
        value = genai_str(NULL, 0);
        i = xray_field(part, &value);

        if (field[i].data == NULL) {
            field[i] = value;
        }
    }

    if (genai_str_is(field[XRAY_SAMPLED], "1")) {
        trace_set_sampled(t, GENAI_SAMPLED_YES);

    } else if (genai_str_is(field[XRAY_SAMPLED], "0")) {
        trace_set_sampled(t, GENAI_SAMPLED_NO);
    }

    if (xray_root(field[XRAY_ROOT], t->trace_id) != GENAI_OK) {
        return trace_decline(t);
    }

    if (genai_unhex(field[XRAY_PARENT], t->span_id, 8) == GENAI_OK
        && !trace_zero(t->span_id, 8))
    {
        t->parent = 1;

    } else {
        memset(t->span_id, 0, 8);
    }

    t->format = GENAI_TRACE_XRAY;
    t->present = 1;

    return GENAI_OK;
}


size_t
genai_xray_root(const uint8_t trace_id[16], char *buf)
{
    buf[0] = '1';
    buf[1] = '-';
    genai_hex(trace_id, 4, buf + 2);
    buf[10] = '-';
    genai_hex(trace_id + 4, 12, buf + 11);

    return GENAI_XRAY_ROOT_LEN;
}


size_t
genai_xray_format(const genai_trace_ctx_t *t, genai_str_t original, char *buf,
    size_t size)
{
    char        *p;
    genai_str_t  part, value;

    p = buf;
    memcpy(p, "Root=", 5);
    p += 5 + genai_xray_root(t->trace_id, p + 5);

    if (t->parent) {
        memcpy(p, ";Parent=", 8);
        genai_hex(t->span_id, 8, p + 8);
        p += 24;
    }

    memcpy(p, ";Sampled=", 9);
    p[9] = "?01"[t->sampled];
    p += 10;

    while (trace_part(&original, ';', &part)) {

        if (part.len == 0 || xray_field(part, &value) != XRAY_OTHER
            || part.len + 1 > size - (size_t) (p - buf))
        {
            continue;
        }

        *p++ = ';';
        memcpy(p, part.data, part.len);
        p += part.len;
    }

    return p - buf;
}


static int
b3_ids(genai_trace_ctx_t *t, genai_str_t trace, genai_str_t span)
{
    int  rc;

    /* 64-bit trace ids are the low half of ours */

    rc = trace.len == 16 ? genai_unhex(trace, t->trace_id + 8, 8)
                         : genai_unhex(trace, t->trace_id, 16);

    if (rc != GENAI_OK || genai_unhex(span, t->span_id, 8) != GENAI_OK
        || trace_zero(t->trace_id, 16) || trace_zero(t->span_id, 8))
    {
        return trace_decline(t);
    }

    t->format = GENAI_TRACE_B3;
    t->present = 1;
    t->parent = 1;

    return GENAI_OK;
}


static int
b3_sampled(genai_trace_ctx_t *t, genai_str_t v)
{
    if (genai_str_is(v, "1") || genai_str_is(v, "true")) {
        trace_set_sampled(t, GENAI_SAMPLED_YES);

    } else if (genai_str_is(v, "0") || genai_str_is(v, "false")) {
        trace_set_sampled(t, GENAI_SAMPLED_NO);

    } else if (genai_str_is(v, "d")) {
        trace_set_sampled(t, GENAI_SAMPLED_YES);
        t->debug = 1;

    } else {
        return GENAI_ERROR;
    }

    return GENAI_OK;
}


int
genai_b3_parse(genai_trace_ctx_t *t, genai_str_t v)
{
    genai_str_t  trace, span, sampled, parent;
    uint8_t      id[8];

    memset(t, 0, sizeof(genai_trace_ctx_t));

    v = trace_trim(v);

    if (!trace_part(&v, '-', &trace)) {
        return GENAI_DECLINED;
    }

    if (!trace_part(&v, '-', &span)) {
        b3_sampled(t, trace);
        return trace_decline(t);
    }

    if (trace_part(&v, '-', &sampled)
        && b3_sampled(t, sampled) != GENAI_OK)
    {
        return GENAI_DECLINED;
    }

    if (trace_part(&v, '-', &parent)
        && (v.data || genai_unhex(parent, id, 8) != GENAI_OK))
    {
        memset(t, 0, sizeof(genai_trace_ctx_t));
        return GENAI_DECLINED;
    }

    if (b3_ids(t, trace, span) != GENAI_OK) {
        memset(t, 0, sizeof(genai_trace_ctx_t));
        return GENAI_DECLINED;
    }

    return GENAI_OK;
}


int
genai_b3_multi_parse(genai_trace_ctx_t *t, genai_str_t trace_id,
    genai_str_t span_id, genai_str_t sampled, genai_str_t flags)
{
    memset(t, 0, sizeof(genai_trace_ctx_t));

    b3_sampled(t, trace_trim(sampled));
    t->debug = 0;

    if (genai_str_is(trace_trim(flags), "1")) {
        b3_sampled(t, genai_strz("d"));
    }

    return b3_ids(t, trace_trim(trace_id), trace_trim(span_id));
}


char
genai_b3_sampled(const genai_trace_ctx_t *t)
{
    if (t->sampled == GENAI_SAMPLED_UNKNOWN) {
        return 0;
    }

    return t->sampled == GENAI_SAMPLED_YES ? '1' : '0';
}


size_t
genai_b3_format(const genai_trace_ctx_t *t, char *buf)
{
    char  sampled;

    genai_hex(t->trace_id, 16, buf);
    buf[32] = '-';
    genai_hex(t->span_id, 8, buf + 33);

    sampled = t->debug ? 'd' : genai_b3_sampled(t);

    if (sampled == 0) {
        return 49;
    }

    buf[49] = '-';
    buf[50] = sampled;

    return GENAI_B3_LEN;
}


static int
trace_extract_one(genai_trace_ctx_t *t, uint8_t format,
    const genai_trace_headers_t *h)
{
    switch (format) {

    case GENAI_TRACE_W3C:

        if (h->traceparents == 1) {
            return genai_traceparent_parse(t, h->traceparent);
        }

        break;

    case GENAI_TRACE_XRAY:
        return genai_xray_parse(t, h->xray);

    case GENAI_TRACE_B3:

        if (genai_b3_parse(t, h->b3) == GENAI_OK
            || t->sampled != GENAI_SAMPLED_UNKNOWN)
        {
            return t->present ? GENAI_OK : GENAI_DECLINED;
        }

        return genai_b3_multi_parse(t, h->b3_trace_id, h->b3_span_id,
                                    h->b3_sampled, h->b3_flags);
    }

    memset(t, 0, sizeof(genai_trace_ctx_t));

    return GENAI_DECLINED;
}


int
genai_trace_extract(genai_trace_ctx_t *t, const uint8_t *formats, size_t n,
    const genai_trace_headers_t *h)
{
    size_t             i;
    genai_trace_ctx_t  decision;

    memset(&decision, 0, sizeof(genai_trace_ctx_t));

    for (i = 0; i < n; i++) {

        if (trace_extract_one(t, formats[i], h) == GENAI_OK) {
            return GENAI_OK;
        }

        if (decision.sampled == GENAI_SAMPLED_UNKNOWN) {
            decision = *t;
        }
    }

    *t = decision;

    return GENAI_DECLINED;
}


uint64_t
genai_sample_threshold(double ratio)
{
    if (ratio >= 1) {
        return 0;
    }

    if (!(ratio > 0)) {
        return TRACE_BITS_56;
    }

    return (uint64_t) ((1 - ratio) * (double) TRACE_BITS_56 + 0.5);
}


int
genai_sample(const uint8_t trace_id[16], uint64_t threshold)
{
    int       i;
    uint64_t  r;

    for (r = 0, i = 9; i < 16; i++) {
        r = r << 8 | trace_id[i];
    }

    return r >= threshold;
}
