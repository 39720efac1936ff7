/*
 * Content codings: every format whole, byte by byte and cut at every byte;
 * ends, damage, bounds.
 */

#define _GNU_SOURCE

#include <zlib.h>

#if (GENAI_HAVE_ZSTD)
#include <zstd.h>
#endif

#if (GENAI_HAVE_BROTLI)
#include <brotli/encode.h>
#endif

#include "test.h"
#include "genai_inflate.h"


#define ROOM  (1 << 21)


typedef struct {
    size_t  given;
    size_t  now;
    size_t  most;
    size_t  fail;                 /* this allocation fails; 0: none */
    size_t  calls;
} memory_t;


static char        out[ROOM], text[40000], coded[ROOM], twice[ROOM];
static size_t      outlen, outall, most;
static memory_t    memory;


static void *
take(void *data, size_t size)
{
    size_t    *p;
    memory_t  *m = data;

    if (++m->calls == m->fail) {
        return NULL;
    }

    p = malloc(size + 16);
    p[0] = size;
    m->given++;
    m->now += size;
    m->most = (m->now > m->most) ? m->now : m->most;

    return p + 2;
}


static void
give(void *data, void *p)
{
    memory_t  *m = data;

    if (p) {
        m->given--;
        m->now -= ((size_t *) p)[-2];
        free((size_t *) p - 2);
    }
}


static const genai_memory_t  lent = { take, give, &memory };


static void
gather(void *data, const char *buf, size_t len)
{
    (void) data;

    outall += len;
    most = (len > most) ? len : most;

    if (outlen + len <= sizeof(out)) {
        memcpy(out + outlen, buf, len);
        outlen += len;
    }
}


/* pieces of n bytes, or one cut at n; the result of the last call */

static int
decode(unsigned coding, const char *buf, size_t len, size_t piece, size_t cut)
{
    int               rc, end;
    size_t            i, n;
    genai_inflate_t  *z;

    outlen = 0;
    outall = 0;
    rc = GENAI_OK;

    z = genai_inflate_create(coding, &lent, gather, NULL);
    if (z == NULL) {
        return GENAI_AGAIN;
    }

    for (i = 0; i < len && rc == GENAI_OK; i += n) {
        n = piece ? piece : i < cut ? cut : len;
        n = (n > len - i) ? len - i : n;
        rc = genai_inflate_feed(z, buf + i, n);
    }

    end = genai_inflate_finish(z);
    genai_inflate_free(z);

    return rc == GENAI_OK ? end : rc;
}


static size_t
deflated(int bits, const char *buf, size_t len)
{
    z_stream  s;

    memset(&s, 0, sizeof(s));
    deflateInit2(&s, 6, Z_DEFLATED, bits, 8, Z_DEFAULT_STRATEGY);

    s.next_in = (Bytef *) buf;
    s.avail_in = (uInt) len;
    s.next_out = (Bytef *) coded;
    s.avail_out = sizeof(coded);

    deflate(&s, Z_FINISH);
    len = s.total_out;
    deflateEnd(&s);

    return len;
}


static void
format(const char *name, unsigned coding, const char *buf, size_t len)
{
    int     rc, same;
    size_t  i;

    memory.most = 0;
    most = 0;
    rc = decode(coding, buf, len, 0, len);
    ok(rc == GENAI_DONE && outlen == sizeof(text)
       && memcmp(out, text, outlen) == 0, "%s: %zu bytes give %zu", name, len,
       outlen);
    ok(most <= GENAI_INFLATE_PIECE, "%s: in pieces of %zu at most, "
       "%zu bytes of memory", name, most, memory.most);

    rc = decode(coding, buf, len, 1, 0);
    ok(rc == GENAI_DONE && outlen == sizeof(text)
       && memcmp(out, text, outlen) == 0, "%s: byte by byte", name);

    for (i = 1, same = 1; i < len; i += (i < 200 ? 1 : 97)) {
        rc = decode(coding, buf, len, 0, i);
        same &= (rc == GENAI_DONE && outlen == sizeof(text)
                 && memcmp(out, text, outlen) == 0);
    }

    ok(same, "%s: cut anywhere", name);

    rc = decode(coding, buf, len - 9, 0, len);
    ok(rc == GENAI_ERROR, "%s: an end that is missing is missed", name);
    is_int((long long) memory.given, 0, "all memory is given back");
}


static void
formats(void)
{
    size_t  n, m;

    n = deflated(31, text, sizeof(text));
    format("gzip", GENAI_CODING_GZIP, coded, n);
    ok(memory.most < 48 * 1024, "gzip needs about 40 KB: %zu", memory.most);

    n = deflated(15, text, sizeof(text));
    format("zlib", GENAI_CODING_DEFLATE, coded, n);

    n = deflated(-15, text, sizeof(text));
    format("raw deflate", GENAI_CODING_DEFLATE, coded, n);

    n = deflated(31, text, 1000);
    memcpy(twice, coded, n);
    m = deflated(31, text + 1000, sizeof(text) - 1000);
    memcpy(twice + n, coded, m);
    format("two members", GENAI_CODING_GZIP, twice, n + m);

#if (GENAI_HAVE_ZSTD)
    n = ZSTD_compress(coded, sizeof(coded), text, sizeof(text), 3);
    format("zstd", GENAI_CODING_ZSTD, coded, n);
    memcpy(twice, coded, n);
    memcpy(twice + n, coded, n);
    is_int(decode(GENAI_CODING_ZSTD, twice, 2 * n, 0, n), GENAI_DONE,
           "zstd: two frames");
    is_int((long long) outlen, 2 * (long long) sizeof(text), "both are read");
#else
    ok(genai_coding(genai_strz("zstd")) == GENAI_CODING_OTHER,
       "zstd is not built in");
#endif

#if (GENAI_HAVE_BROTLI)
    n = sizeof(coded);
    BrotliEncoderCompress(5, 18, BROTLI_MODE_TEXT, sizeof(text),
                          (uint8_t *) text, &n, (uint8_t *) coded);
    format("br", GENAI_CODING_BR, coded, n);
#else
    ok(genai_coding(genai_strz("br")) == GENAI_CODING_OTHER,
       "br is not built in");
#endif
}


static void
names(void)
{
    is_int(genai_coding(genai_strz(" GZIP ")), GENAI_CODING_GZIP,
           "names in any case, blanks around them");
    is_int(genai_coding(genai_strz("x-gzip")), GENAI_CODING_GZIP, "x-gzip");
    is_int(genai_coding(genai_strz("deflate")), GENAI_CODING_DEFLATE,
           "deflate");
    is_int(genai_coding(genai_strz("identity")), GENAI_CODING_NONE,
           "identity is none");
    is_int(genai_coding(genai_strz("")), GENAI_CODING_NONE, "nothing is none");
    is_int(genai_coding(genai_strz("gzip, br")), GENAI_CODING_OTHER,
           "two are not read");
    is_int(genai_coding(genai_strz("compress")), GENAI_CODING_OTHER,
           "unknown");
}


static void
damage(void)
{
    int     rc, good;
    size_t  n, i;

    n = deflated(31, text, sizeof(text));
    coded[n - 5] ^= 1;
    is_int(decode(GENAI_CODING_GZIP, coded, n, 0, n), GENAI_ERROR,
           "a wrong check sum");

    is_int(decode(GENAI_CODING_GZIP, "{\"a\":1}", 7, 1, 0), GENAI_DONE,
           "what is labelled gzip and is not is taken as it is");
    is_mem(out, outlen, "{\"a\":1}", "byte for byte");

    n = deflated(31, text, 100);
    memcpy(coded + n, "\0\0\0 rest", 8);
    is_int(decode(GENAI_CODING_GZIP, coded, n + 8, 0, n), GENAI_DONE,
           "what follows the end is left alone");
    is_int((long long) outlen, 100, "and not given");

    is_int(decode(GENAI_CODING_DEFLATE, "x", 1, 0, 1), GENAI_ERROR,
           "one byte is no deflate");
    is_int(decode(GENAI_CODING_GZIP, "", 0, 0, 1), GENAI_DONE,
           "nothing is nothing");

    for (i = 1, good = 1; i < 5; i++) {
        n = deflated(31, text, 100);
        memory.calls = 0;
        memory.fail = i;
        rc = decode(GENAI_CODING_GZIP, coded, n, 0, n);
        good &= (rc == GENAI_AGAIN || rc == GENAI_ERROR
                 || rc == GENAI_DONE) && memory.given == 0;
    }

    memory.fail = 0;
    ok(good, "no memory: an error, and none is kept");
}


static void
bounds(void)
{
    char    *zeros;
    int      rc;
    size_t   n, size;

    size = 64 << 20;
    zeros = calloc(1, size);

    n = deflated(31, zeros, size);
    rc = decode(GENAI_CODING_GZIP, coded, n, 0, n);
    ok(rc == GENAI_DECLINED && outall <= GENAI_INFLATE_FREE
       + GENAI_INFLATE_RATIO * n, "a bomb: %zu bytes end at %zu of %zu", n,
       outall, size);

    rc = decode(GENAI_CODING_GZIP, coded, n, 100, 0);
    ok(rc == GENAI_DECLINED && outall <= GENAI_INFLATE_FREE
       + GENAI_INFLATE_RATIO * n, "in pieces too: %zu", outall);

    /* a well packed body of an ordinary size is none */

    n = deflated(31, zeros, 900 * 1024);
    is_int(decode(GENAI_CODING_GZIP, coded, n, 0, n), GENAI_DONE,
           "900 KB of one letter");

    free(zeros);
}


int
main(void)
{
    size_t    i;
    uint32_t  x;

    for (i = 0, x = 1; i < sizeof(text); i++) {
        x = x * 1103515245 + 12345;
        text[i] = "{}\",:abcdefghijklmnopqrstuvwxyz0123456789"
                  [(x >> 16) % (i % 100 < 50 ? 6 : 41)];
    }

    names();
    formats();
    damage();
    bounds();

    return done();
}
