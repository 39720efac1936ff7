/*
 * Base64, decoded in any pieces.
 */

#include "genai_base64.h"

#if defined(__x86_64__)
#define B64_SSE  1
#include <immintrin.h>
#endif


#define XX  0xff

static const uint8_t  b64_value[256] = {
    XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX,
    XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX,
    XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, 62, XX, XX, XX, 63,
    52, 53, 54, 55, 56, 57, 58, 59, 60, 61, XX, XX, XX, XX, XX, XX,
    XX,  0,  1,  2,  3,  4,  5,  6,  7,  8,  9, 10, 11, 12, 13, 14,
    15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, XX, XX, XX, XX, XX,
    XX, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40,
    41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, XX, XX, XX, XX, XX,
    XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX,
    XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX,
    XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX,
    XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX,
    XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX,
    XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX,
    XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX,
    XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX
};


void
genai_base64_init(genai_base64_t *b)
{
    memset(b, 0, sizeof(genai_base64_t));
}


/* one character at a time: returns the bytes written, -1 at garbage */

static int
b64_char(genai_base64_t *b, uint8_t ch, char *out)
{
    uint8_t  v;

    if (ch == '=') {
        return b->n < 2 || ++b->pad > 4 - b->n ? -1 : 0;
    }

    v = b64_value[ch];

    if (v == XX || b->pad) {
        return -1;
    }

    b->bits = b->bits << 6 | v;
    b->n = (b->n + 1) & 3;

    if (b->n == 1) {
        return 0;
    }

    *out = (char) (b->bits >> (b->n == 0 ? 0 : 8 - 2 * b->n));

    return 1;
}


/* whole groups of four; stops at the first that has something else in it */

static size_t
b64_groups(const uint8_t *p, size_t len, char *out)
{
    size_t    i;
    uint32_t  v;
    uint8_t   a, b, c, d;

    for (i = 0; len - i >= 4; i += 4) {

        a = b64_value[p[i]];
        b = b64_value[p[i + 1]];
        c = b64_value[p[i + 2]];
        d = b64_value[p[i + 3]];

        if ((a | b | c | d) & 0x80) {
            break;
        }

        v = (uint32_t) a << 18 | (uint32_t) b << 12 | (uint32_t) c << 6 | d;

        *out++ = (char) (v >> 16);
        *out++ = (char) (v >> 8);
        *out++ = (char) v;
    }

    return i;
}


#if B64_SSE

/*
 * 16 characters a step (Mula and Lemire, "Faster Base64 Encoding and Decoding
 * Using AVX2 Instructions", 2018).  16 bytes are stored of which 12 count,
 * so it keeps that far from the end of what out must hold.
 */

__attribute__((target("ssse3")))
static size_t
b64_ssse3(const uint8_t *p, size_t len, char *out)
{
    size_t   i;
    __m128i  v, high, low, bad, shift;

    const __m128i  lut_low = _mm_setr_epi8(0x15, 0x11, 0x11, 0x11, 0x11, 0x11,
        0x11, 0x11, 0x11, 0x11, 0x13, 0x1a, 0x1b, 0x1b, 0x1b, 0x1a);
    const __m128i  lut_high = _mm_setr_epi8(0x10, 0x10, 0x01, 0x02, 0x04,
        0x08, 0x04, 0x08, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10);
    const __m128i  lut_shift = _mm_setr_epi8(0, 16, 19, 4, -65, -65, -71, -71,
        0, 0, 0, 0, 0, 0, 0, 0);
    const __m128i  order = _mm_setr_epi8(2, 1, 0, 6, 5, 4, 10, 9, 8, 14, 13,
        12, -1, -1, -1, -1);
    const __m128i  nibble = _mm_set1_epi8(0x2f);

    for (i = 0; len - i >= 24; i += 16) {

        v = _mm_loadu_si128((const __m128i *) (p + i));

        high = _mm_and_si128(_mm_srli_epi32(v, 4), nibble);
        low = _mm_shuffle_epi8(lut_low, _mm_and_si128(v, nibble));
        bad = _mm_and_si128(low, _mm_shuffle_epi8(lut_high, high));

        if (_mm_movemask_epi8(_mm_cmpgt_epi8(bad, _mm_setzero_si128()))) {
            break;
        }

        /* '/' is the one that its high nibble does not tell */

        shift = _mm_add_epi8(high, _mm_cmpeq_epi8(v, nibble));
        v = _mm_add_epi8(v, _mm_shuffle_epi8(lut_shift, shift));

        v = _mm_maddubs_epi16(v, _mm_set1_epi32(0x01400140));
        v = _mm_madd_epi16(v, _mm_set1_epi32(0x00011000));

        _mm_storeu_si128((__m128i *) out, _mm_shuffle_epi8(v, order));
        out += 12;
    }

    return i;
}

#endif


int
genai_base64_feed(genai_base64_t *b, const char *in, size_t len, char *out,
    size_t *outlen)
{
    int             n;
    char           *o;
    size_t          taken;
    const uint8_t  *p, *end;

    *outlen = 0;

    if (b->error) {
        return GENAI_ERROR;
    }

    p = (const uint8_t *) in;
    end = p + len;
    o = out;

    while (p < end) {

        if (b->n == 0) {
            taken = 0;

#if B64_SSE
            if (end - p >= 24 && __builtin_cpu_supports("ssse3")) {
                taken = b64_ssse3(p, end - p, o);
            }
#endif

            taken += b64_groups(p + taken, end - p - taken,
                                o + taken / 4 * 3);
            o += taken / 4 * 3;
            p += taken;

            if (p == end) {
                break;
            }
        }

        n = b64_char(b, *p++, o);

        if (n < 0) {
            b->error = 1;
            *outlen = o - out;
            return GENAI_ERROR;
        }

        o += n;
    }

    *outlen = o - out;

    return GENAI_AGAIN;
}


int
genai_base64_finish(genai_base64_t *b)
{
    return b->error || b->n == 1 ? GENAI_ERROR : GENAI_DONE;
}
