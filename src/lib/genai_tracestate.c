/*
 * W3C tracestate and baggage: lists of members that are passed on.
 */

#include "genai_trace.h"


#define TS_KEY      256
#define TS_VALUE    256
#define TS_LONG     128           /* the first to go when there is no room */


typedef struct {
    genai_str_t  text;
    size_t       key_len;
} ts_member_t;


static genai_str_t
ts_trim(genai_str_t v)
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


/* the next member that is not empty */

static int
ts_next(genai_str_t *rest, genai_str_t *member)
{
    size_t       n;
    const char  *p;

    while (rest->len) {
        p = memchr(rest->data, ',', rest->len);
        n = p ? (size_t) (p - rest->data) : rest->len;

        *member = ts_trim(genai_str(rest->data, n));

        n += p != NULL;
        rest->data += n;
        rest->len -= n;

        if (member->len) {
            return 1;
        }
    }

    return 0;
}


static int
ts_key_char(char ch)
{
    return (ch >= 'a' && ch <= 'z') || (ch >= '0' && ch <= '9');
}


/* the length of the key; 0 when the member is not valid */

static size_t
ts_valid(genai_str_t m)
{
    size_t  i, key;

    if (!ts_key_char(m.data[0])) {
        return 0;
    }

    for (key = 1; key < m.len && m.data[key] != '='; key++) {
        if (!ts_key_char(m.data[key])
            && memchr("_-*/@", m.data[key], 5) == NULL)
        {
            return 0;
        }
    }

    if (key > TS_KEY || key + 1 >= m.len || m.len - key - 1 > TS_VALUE) {
        return 0;
    }

    for (i = key + 1; i < m.len; i++) {
        if (m.data[i] < 0x20 || m.data[i] > 0x7e || m.data[i] == '=') {
            return 0;
        }
    }

    return key;
}


static int
ts_seen(const ts_member_t *m, size_t n, const ts_member_t *one)
{
    size_t  i;

    for (i = 0; i < n; i++) {
        if (genai_str_eq(genai_str(m[i].text.data, m[i].key_len),
                         genai_str(one->text.data, one->key_len)))
        {
            return 1;
        }
    }

    return 0;
}


/* drops members, as the standard orders them, until the rest fits */

static void
ts_fit(ts_member_t *m, size_t n, size_t size)
{
    int     pass;
    size_t  i, total;

    for (total = 0, i = 0; i < n; i++) {
        total += m[i].text.len + 1;
    }

    for (pass = 0; pass < 2; pass++) {
        for (i = n; i-- > 0 && total > size + 1; /* void */ ) {

            if (m[i].text.len == 0
                || (pass == 0 && m[i].text.len <= TS_LONG))
            {
                continue;
            }

            total -= m[i].text.len + 1;
            m[i].text.len = 0;
        }
    }
}


int
genai_tracestate_combine(const genai_str_t *v, size_t n, char *buf,
    size_t size, size_t *len)
{
    char         *p;
    size_t        i, members, count;
    ts_member_t   m[GENAI_TRACESTATE_MEMBERS], *one;
    genai_str_t   rest, text;

    *len = 0;
    count = 0;
    members = 0;

    for (i = 0; i < n; i++) {

        rest = v[i];

        while (ts_next(&rest, &text)) {

            if (++count > GENAI_TRACESTATE_MEMBERS) {
                return GENAI_DECLINED;
            }

            one = &m[members];
            one->text = text;
            one->key_len = ts_valid(text);

            if (one->key_len == 0) {
                return GENAI_DECLINED;
            }

            members += !ts_seen(m, members, one);
        }
    }

    ts_fit(m, members, size);

    p = buf;

    for (i = 0; i < members; i++) {

        if (m[i].text.len == 0) {
            continue;
        }

        if (p != buf) {
            *p++ = ',';
        }

        memcpy(p, m[i].text.data, m[i].text.len);
        p += m[i].text.len;
    }

    *len = p - buf;

    return GENAI_OK;
}


/* token of RFC 7230, 3.2.6 */

static int
bg_token(genai_str_t v)
{
    size_t  i;
    char    ch;

    for (i = 0; i < v.len; i++) {
        ch = v.data[i];

        if (ts_key_char(ch) || (ch >= 'A' && ch <= 'Z')
            || (ch && memchr("!#$%&'*+-.^_`|~", ch, 15)))
        {
            continue;
        }

        return 0;
    }

    return v.len != 0;
}


static int
bg_value(genai_str_t v)
{
    size_t   i;
    uint8_t  ch;

    for (i = 0; i < v.len; i++) {
        ch = (uint8_t) v.data[i];

        if (ch <= 0x20 || ch >= 0x7f || ch == '"' || ch == ',' || ch == ';'
            || ch == '\\')
        {
            return 0;
        }
    }

    return 1;
}


/* "key = value", or a property, which may be a key alone */

static int
bg_pair(genai_str_t v, int property)
{
    size_t       n;
    const char  *p;

    v = ts_trim(v);
    p = v.len ? memchr(v.data, '=', v.len) : NULL;

    if (p == NULL) {
        return property && bg_token(v);
    }

    n = p - v.data;

    return bg_token(ts_trim(genai_str(v.data, n)))
           && bg_value(ts_trim(genai_str(p + 1, v.len - n - 1)));
}


static int
bg_member(genai_str_t m)
{
    int          property;
    size_t       n;
    const char  *p;

    for (property = 0; /* void */; property = 1) {
        p = m.len ? memchr(m.data, ';', m.len) : NULL;
        n = p ? (size_t) (p - m.data) : m.len;

        if (!bg_pair(genai_str(m.data, n), property)) {
            return 0;
        }

        if (p == NULL) {
            return 1;
        }

        m.data += n + 1;
        m.len -= n + 1;
    }
}


int
genai_baggage_check(const genai_str_t *v, size_t n)
{
    size_t       i, total, members;
    genai_str_t  rest, m;

    total = 0;
    members = 0;

    for (i = 0; i < n; i++) {
        total += v[i].len + (i != 0);
    }

    if (total > GENAI_BAGGAGE_LEN) {
        return GENAI_DECLINED;
    }

    for (i = 0; i < n; i++) {

        rest = v[i];

        while (ts_next(&rest, &m)) {

            if (!bg_member(m)) {
                return GENAI_ERROR;
            }

            members++;
        }
    }

    return members > GENAI_BAGGAGE_MEMBERS ? GENAI_DECLINED : GENAI_OK;
}
