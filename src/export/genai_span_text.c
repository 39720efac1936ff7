/*
 * Text as spans need it: methods, peers, exact money, valid UTF-8.
 */

#include <stdio.h>
#include <stdlib.h>

#include "genai_span.h"


static size_t genai_span_char(const unsigned char *p, size_t len);


genai_str_t
genai_span_method(genai_str_t method)
{
    static const genai_str_t  known[] = {
        genai_string("POST"), genai_string("GET"), genai_string("PUT"),
        genai_string("HEAD"), genai_string("DELETE"), genai_string("PATCH"),
        genai_string("OPTIONS"), genai_string("CONNECT"),
        genai_string("TRACE"), genai_string("QUERY")
    };

    size_t  i;

    for (i = 0; i < genai_nelts(known); i++) {
        if (genai_str_eq(method, known[i])) {
            return known[i];
        }
    }

    return method.len ? genai_strz("_OTHER") : method;
}


unsigned
genai_span_host_port(genai_str_t peer, genai_str_t *host)
{
    size_t    i;
    unsigned  port;

    if (peer.len > 5 && memcmp(peer.data, "unix:", 5) == 0) {
        *host = genai_str(peer.data + 5, peer.len - 5);
        return 0;
    }

    *host = peer;
    i = peer.len;

    while (i > 0 && peer.data[i - 1] >= '0' && peer.data[i - 1] <= '9') {
        i--;
    }

    if (i < 2 || peer.data[i - 1] != ':' || peer.len - i > 5) {
        return 0;
    }

    host->len = i - 1;

    for (port = 0; i < peer.len; i++) {
        port = port * 10 + (unsigned) (peer.data[i] - '0');
    }

    if (host->len > 2 && host->data[0] == '['
        && host->data[host->len - 1] == ']')
    {
        *host = genai_str(host->data + 1, host->len - 2);
    }

    return port;
}


size_t
genai_span_usd(int64_t pico, char *buf)
{
    int       n;
    uint64_t  u;

    u = (pico < 0) ? 0 - (uint64_t) pico : (uint64_t) pico;

    n = snprintf(buf, GENAI_SPAN_USD, "%s%llu.%012llu", pico < 0 ? "-" : "",
                 (unsigned long long) (u / GENAI_PICO_PER_USD),
                 (unsigned long long) (u % GENAI_PICO_PER_USD));

    while (buf[n - 1] == '0') {
        n--;
    }

    if (buf[n - 1] == '.') {
        n--;
    }

    buf[n] = '\0';

    return (size_t) n;
}


double
genai_span_usd_double(int64_t pico)
{
    char  buf[GENAI_SPAN_USD];

    /* both operands are exact, so the quotient is the nearest double */

    if (pico >= -(1LL << 53) && pico <= (1LL << 53)) {
        return (double) pico / (double) GENAI_PICO_PER_USD;
    }

    (void) genai_span_usd(pico, buf);

    return strtod(buf, NULL);
}


genai_str_t
genai_span_cut(genai_str_t s, size_t max)
{
    if (s.len > max) {
        s.len = max;

        while (s.len != 0
               && ((unsigned char) s.data[s.len] & 0xc0) == 0x80)
        {
            s.len--;
        }
    }

    return s;
}


genai_str_t
genai_span_utf8(genai_str_t s, char *buf, size_t size)
{
    size_t                i, n, len;
    uint64_t              w;
    const unsigned char  *p;

    p = (const unsigned char *) s.data;
    i = 0;

    for ( ;; ) {
        while (s.len - i >= 8) {
            memcpy(&w, p + i, 8);

            /* a byte of 0, or one above 0x7f */

            if (((w - 0x0101010101010101ULL) | w) & 0x8080808080808080ULL) {
                break;
            }

            i += 8;
        }

        while (i < s.len && p[i] - 1U < 0x7f) {
            i++;
        }

        if (i == s.len) {
            return s;
        }

        n = genai_span_char(p + i, s.len - i);

        if (n == 0) {
            break;
        }

        i += n;
    }

    if (i > size) {
        for (i = 0; i < size; i += n) {
            n = genai_span_char(p + i, s.len - i);

            if (i + n > size) {
                break;
            }
        }
    }

    if (i != 0) {
        memcpy(buf, s.data, i);
    }

    len = i;

    while (i < s.len) {
        n = genai_span_char(p + i, s.len - i);

        if (len + (n ? n : 3) > size) {
            break;
        }

        memcpy(buf + len, n ? (const char *) p + i : "\xef\xbf\xbd",
               n ? n : 3);
        len += n ? n : 3;
        i += n ? n : 1;
    }

    return genai_str(buf, len);
}


/* the length of the character at p, 0 when there is no valid one, or NUL */

static size_t
genai_span_char(const unsigned char *p, size_t len)
{
    size_t    i, n;
    uint32_t  c, min;

    c = p[0];

    if (c < 0x80) {
        return c != 0;
    }

    if (c >= 0xc2 && c < 0xe0) {
        n = 2;
        c &= 0x1f;
        min = 0x80;

    } else if (c >= 0xe0 && c < 0xf0) {
        n = 3;
        c &= 0x0f;
        min = 0x800;

    } else if (c >= 0xf0 && c < 0xf5) {
        n = 4;
        c &= 0x07;
        min = 0x10000;

    } else {
        return 0;
    }

    if (len < n) {
        return 0;
    }

    for (i = 1; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80) {
            return 0;
        }

        c = (c << 6) | (p[i] & 0x3f);
    }

    return (c < min || c > 0x10ffff || (c >= 0xd800 && c < 0xe000)) ? 0 : n;
}
