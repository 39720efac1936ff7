#include "genai_json.h"
#include "genai_json_scan.h"

#if defined(__x86_64__)
#define SCAN_X86   1
#include <immintrin.h>

#elif defined(__aarch64__)                                                    \
    && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define SCAN_NEON  1
#include <arm_neon.h>
#endif


/* byte by byte: what runs where there is nothing better, and what the other
 * loops are compared with */

static const char *
scalar_stop(const char *base, const char *p, const char *end)
{
    (void) base;

    while (p < end && *p != '"' && *p != '\\' && (uint8_t) *p >= 0x20) {
        p++;
    }

    return p;
}


static const char *
scalar_space(const char *base, const char *p, const char *end)
{
    (void) base;

    while (p < end && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t')) {
        p++;
    }

    return p;
}


static const char *
scalar_pass(const char *base, const char *p, const char *end,
    unsigned *escaped)
{
    unsigned  second = *escaped;

    (void) base;

    for ( /* void */ ; p < end; p++) {

        if ((uint8_t) *p < 0x20 || (*p == '"' && !second)) {
            second = 0;
            break;
        }

        second = *p == '\\' && !second;
    }

    *escaped = second;

    return p;
}


static const char *
scalar_count(const char *base, const char *p, const char *end,
    unsigned *escaped, uint64_t *chars)
{
    unsigned  second = *escaped;

    (void) base;

    for ( /* void */ ; p < end; p++) {

        if ((uint8_t) *p < 0x20 || (*p == '"' && !second)
            || (*p == 'u' && second))
        {
            break;
        }

        if (*p == '\\' && !second) {
            second = 1;
            continue;
        }

        second = 0;
        *chars += (*p & 0xc0) != 0x80;
    }

    *escaped = second;

    return p;
}


static const char *
scalar_tree(genai_json_tree_t *t, const char *base, const char *p,
    const char *end)
{
    unsigned  second;

    (void) base;

    for ( /* void */ ; p < end; p++) {

        second = t->escaped;
        t->escaped = *p == '\\' && !second;

        if (*p == '"' && !second) {
            t->quoted = !t->quoted;
        }

        if (t->quoted) {
            continue;
        }

        if (*p == '{' || *p == '[') {
            if (++t->depth > t->max) {
                return NULL;
            }

        } else if (*p == '}' || *p == ']') {
            if (--t->depth == 0) {
                return p + 1;
            }

        } else if (*p == ',' && t->depth == 1) {
            t->commas++;
        }
    }

    return end;
}


static const genai_json_scan_t  scan_scalar = {
    "scalar", scalar_stop, scalar_space, scalar_pass, scalar_count,
    scalar_tree
};


#if (SCAN_X86 || SCAN_NEON)

/* compilers do not always keep an array in registers that a loop runs over */

#define four(e)  e(0); e(1); e(2); e(3)


/*
 * Which of the backslashes begin an escape, and in *second which bytes an
 * escape ends with.  *carry: the block's first byte is such a one (and in
 * return the next block's).  Without branches: where the runs of backslashes
 * begin at an odd bit, subtracting them from the odd bits turns the pattern
 * of every second bit over for as long as the run lasts.
 */

static inline __attribute__((always_inline)) uint64_t
escapes(uint64_t slashes, uint64_t *carry, uint64_t *second)
{
    uint64_t        runs, pattern;
    const uint64_t  odd = 0xaaaaaaaaaaaaaaaaULL;

    runs = slashes & ~*carry;
    pattern = ((runs << 1 | odd) - runs) ^ odd;

    *second = pattern ^ (slashes | *carry);
    slashes &= pattern;
    *carry = slashes >> 63;

    return slashes;
}


static inline __attribute__((always_inline)) uint64_t
parity(uint64_t m)
{
    m ^= m << 1;
    m ^= m << 2;
    m ^= m << 4;
    m ^= m << 8;
    m ^= m << 16;

    return m ^ m << 32;
}

#endif


#if (SCAN_X86)

/* popcnt is younger than SSE2: most masks that are counted have few bits or
 * are zero */

static inline __attribute__((always_inline)) uint64_t
sse2_bits(uint64_t m)
{
    if (m == 0) {
        return 0;
    }

    m -= m >> 1 & 0x5555555555555555ULL;
    m = (m & 0x3333333333333333ULL) + (m >> 2 & 0x3333333333333333ULL);
    m = (m + (m >> 4)) & 0x0f0f0f0f0f0f0f0fULL;

    return m * 0x0101010101010101ULL >> 56;
}


typedef struct {
    __m128i  v[4];
} sse2_t;


#define sse2_map(r, x, e)                                                     \
    do {                                                                      \
        __m128i  v_;                                                          \
        v_ = (x).v[0]; r = (uint64_t) (uint32_t) _mm_movemask_epi8(e);        \
        v_ = (x).v[1]; r |= (uint64_t) (uint32_t) _mm_movemask_epi8(e) << 16; \
        v_ = (x).v[2]; r |= (uint64_t) (uint32_t) _mm_movemask_epi8(e) << 32; \
        v_ = (x).v[3]; r |= (uint64_t) (uint32_t) _mm_movemask_epi8(e) << 48; \
    } while (0)


static inline __attribute__((always_inline)) sse2_t
sse2_load(const char *p)
{
    sse2_t          x;
    const __m128i  *v = (const __m128i *) (const void *) p;

#define sse2_load_one(i)  x.v[i] = _mm_loadu_si128(v + i)
    four(sse2_load_one);

    return x;
}


static inline __attribute__((always_inline)) uint64_t
sse2_eq(sse2_t x, char c)
{
    uint64_t  r;
    __m128i   k = _mm_set1_epi8(c);

    sse2_map(r, x, _mm_cmpeq_epi8(v_, k));

    return r;
}


static inline __attribute__((always_inline)) uint64_t
sse2_low(sse2_t x)
{
    uint64_t  r;
    __m128i   k = _mm_set1_epi8(0x1f);

    sse2_map(r, x, _mm_cmpeq_epi8(_mm_min_epu8(v_, k), v_));

    return r;
}


/* as signed numbers 10xxxxxx are -128 … -65 */

static inline __attribute__((always_inline)) uint64_t
sse2_lead(sse2_t x)
{
    uint64_t  r;
    __m128i   k = _mm_set1_epi8(-65);

    sse2_map(r, x, _mm_cmpgt_epi8(v_, k));

    return r;
}


static inline __attribute__((always_inline)) uint64_t
sse2_leads(sse2_t x)
{
    __m128i  k, a, b;

    k = _mm_set1_epi8(-65);
    a = _mm_add_epi8(_mm_cmpgt_epi8(x.v[0], k), _mm_cmpgt_epi8(x.v[1], k));
    b = _mm_add_epi8(_mm_cmpgt_epi8(x.v[2], k), _mm_cmpgt_epi8(x.v[3], k));
    a = _mm_sub_epi8(_mm_setzero_si128(), _mm_add_epi8(a, b));
    a = _mm_sad_epu8(a, _mm_setzero_si128());

    return (uint64_t) (_mm_cvtsi128_si64(a)
                       + _mm_cvtsi128_si64(_mm_unpackhi_epi64(a, a)));
}


static inline __attribute__((always_inline)) sse2_t
sse2_fold(sse2_t x)
{
    __m128i  k = _mm_set1_epi8(0x20);

#define sse2_fold_one(i)  x.v[i] = _mm_or_si128(x.v[i], k)
    four(sse2_fold_one);

    return x;
}


/* folded, the brackets and the backslash are 0x7b … 0x7d */

static inline __attribute__((always_inline)) __m128i
sse2_any_one(__m128i x)
{
    __m128i  v;

    v = _mm_or_si128(x, _mm_set1_epi8(0x20));
    v = _mm_sub_epi8(v, _mm_set1_epi8(0x7b));
    v = _mm_cmpeq_epi8(_mm_min_epu8(v, _mm_set1_epi8(2)), v);

    return _mm_or_si128(v, _mm_cmpeq_epi8(x, _mm_set1_epi8('"')));
}


static inline __attribute__((always_inline)) int
sse2_any(sse2_t x)
{
    __m128i  a, b;

    a = _mm_or_si128(sse2_any_one(x.v[0]), sse2_any_one(x.v[1]));
    b = _mm_or_si128(sse2_any_one(x.v[2]), sse2_any_one(x.v[3]));

    return _mm_movemask_epi8(_mm_or_si128(a, b));
}


#define BLOCK(name)    sse2_##name
#define BLOCK_TARGET
#define block_t        sse2_t
#define block_load     sse2_load
#define block_eq       sse2_eq
#define block_low      sse2_low
#define block_lead     sse2_lead
#define block_leads    sse2_leads
#define block_fold     sse2_fold
#define block_any      sse2_any
#define block_bits     sse2_bits
#define block_xor      parity

#include "genai_json_block.h"

#undef BLOCK
#undef BLOCK_TARGET
#undef block_t
#undef block_load
#undef block_eq
#undef block_low
#undef block_lead
#undef block_leads
#undef block_fold
#undef block_any
#undef block_bits
#undef block_xor


static const genai_json_scan_t  scan_sse2 = {
    "sse2", sse2_stop, sse2_space, sse2_pass, sse2_count, sse2_tree
};


#define AVX2         __attribute__((target("avx2,bmi,popcnt,pclmul")))
#define AVX2_INLINE  static inline __attribute__((always_inline)) AVX2


typedef struct {
    __m256i  a;
    __m256i  b;
} avx2_t;


AVX2_INLINE uint64_t
avx2_mask(__m256i a, __m256i b)
{
    return (uint32_t) _mm256_movemask_epi8(a)
           | (uint64_t) (uint32_t) _mm256_movemask_epi8(b) << 32;
}


AVX2_INLINE avx2_t
avx2_load(const char *p)
{
    avx2_t  x;

    x.a = _mm256_loadu_si256((const __m256i *) (const void *) p);
    x.b = _mm256_loadu_si256((const __m256i *) (const void *) (p + 32));

    return x;
}


AVX2_INLINE uint64_t
avx2_eq(avx2_t x, char c)
{
    __m256i  k = _mm256_set1_epi8(c);

    return avx2_mask(_mm256_cmpeq_epi8(x.a, k), _mm256_cmpeq_epi8(x.b, k));
}


AVX2_INLINE uint64_t
avx2_low(avx2_t x)
{
    __m256i  k = _mm256_set1_epi8(0x1f);

    return avx2_mask(_mm256_cmpeq_epi8(_mm256_min_epu8(x.a, k), x.a),
                     _mm256_cmpeq_epi8(_mm256_min_epu8(x.b, k), x.b));
}


AVX2_INLINE uint64_t
avx2_lead(avx2_t x)
{
    __m256i  k = _mm256_set1_epi8(-65);

    return avx2_mask(_mm256_cmpgt_epi8(x.a, k), _mm256_cmpgt_epi8(x.b, k));
}


AVX2_INLINE uint64_t
avx2_bits(uint64_t m)
{
    return (uint64_t) _mm_popcnt_u64(m);
}


AVX2_INLINE uint64_t
avx2_leads(avx2_t x)
{
    return avx2_bits(avx2_lead(x));
}


AVX2_INLINE avx2_t
avx2_fold(avx2_t x)
{
    __m256i  k = _mm256_set1_epi8(0x20);

    x.a = _mm256_or_si256(x.a, k);
    x.b = _mm256_or_si256(x.b, k);

    return x;
}


AVX2_INLINE int
avx2_any(avx2_t x)
{
    avx2_t   y;
    __m256i  k, q;

    k = _mm256_set1_epi8(2);
    q = _mm256_set1_epi8('"');

    y = avx2_fold(x);
    y.a = _mm256_sub_epi8(y.a, _mm256_set1_epi8(0x7b));
    y.b = _mm256_sub_epi8(y.b, _mm256_set1_epi8(0x7b));
    y.a = _mm256_cmpeq_epi8(_mm256_min_epu8(y.a, k), y.a);
    y.b = _mm256_cmpeq_epi8(_mm256_min_epu8(y.b, k), y.b);
    x.a = _mm256_cmpeq_epi8(x.a, q);
    x.b = _mm256_cmpeq_epi8(x.b, q);
    y.a = _mm256_or_si256(_mm256_or_si256(y.a, y.b),
                          _mm256_or_si256(x.a, x.b));

    return _mm256_movemask_epi8(y.a);
}


/* a product without carries by all ones adds up what is below each bit */

AVX2_INLINE uint64_t
avx2_xor(uint64_t m)
{
    return (uint64_t) _mm_cvtsi128_si64(
               _mm_clmulepi64_si128(_mm_set_epi64x(0, (int64_t) m),
                                    _mm_set1_epi8(-1), 0));
}


#define BLOCK(name)    avx2_##name
#define BLOCK_TARGET   AVX2
#define block_t        avx2_t
#define block_load     avx2_load
#define block_eq       avx2_eq
#define block_low      avx2_low
#define block_lead     avx2_lead
#define block_leads    avx2_leads
#define block_fold     avx2_fold
#define block_any      avx2_any
#define block_bits     avx2_bits
#define block_xor      avx2_xor

#include "genai_json_block.h"


/* a key ends within 32 bytes: that is seen with a third of the work */

static AVX2 const char *
avx2_near(const char *base, const char *p, const char *end)
{
    __m256i   x, stop;
    uint32_t  mask;

    if (end - p >= 32) {
        x = _mm256_loadu_si256((const __m256i *) (const void *) p);

        stop = _mm256_min_epu8(x, _mm256_set1_epi8(0x1f));
        stop = _mm256_or_si256(_mm256_cmpeq_epi8(stop, x),
                   _mm256_or_si256(
                       _mm256_cmpeq_epi8(x, _mm256_set1_epi8('"')),
                       _mm256_cmpeq_epi8(x, _mm256_set1_epi8('\\'))));

        mask = (uint32_t) _mm256_movemask_epi8(stop);

        if (mask) {
            return p + __builtin_ctz(mask);
        }
    }

    return avx2_stop(base, p, end);
}


static const genai_json_scan_t  scan_avx2 = {
    "avx2", avx2_near, avx2_space, avx2_pass, avx2_count, avx2_tree
};


static int
avx2_have(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi")
           && __builtin_cpu_supports("popcnt")
           && __builtin_cpu_supports("pclmul");
}

#endif


#if (SCAN_NEON)

typedef struct {
    uint8x16_t  v[4];
} neon_t;


static inline __attribute__((always_inline)) neon_t
neon_load(const char *p)
{
    neon_t  x;

#define neon_load_one(i)  x.v[i] = vld1q_u8((const uint8_t *) p + (i) * 16)
    four(neon_load_one);

    return x;
}


/* bytes of all ones or zeros to bits: each keeps a bit of its own, and
 * adding neighbours three times gathers eight of them in a byte */

static inline __attribute__((always_inline)) uint64_t
neon_mask(neon_t x)
{
    uint8x16_t            a, b;
    static const uint8_t  own[16] = { 1, 2, 4, 8, 16, 32, 64, 128,
                                      1, 2, 4, 8, 16, 32, 64, 128 };
    const uint8x16_t      k = vld1q_u8(own);

    a = vpaddq_u8(vandq_u8(x.v[0], k), vandq_u8(x.v[1], k));
    b = vpaddq_u8(vandq_u8(x.v[2], k), vandq_u8(x.v[3], k));
    a = vpaddq_u8(a, b);
    a = vpaddq_u8(a, a);

    return vgetq_lane_u64(vreinterpretq_u64_u8(a), 0);
}


static inline __attribute__((always_inline)) uint64_t
neon_eq(neon_t x, char c)
{
    uint8x16_t  k = vdupq_n_u8((uint8_t) c);

#define neon_eq_one(i)  x.v[i] = vceqq_u8(x.v[i], k)
    four(neon_eq_one);

    return neon_mask(x);
}


static inline __attribute__((always_inline)) uint64_t
neon_low(neon_t x)
{
    uint8x16_t  k = vdupq_n_u8(0x20);

#define neon_low_one(i)  x.v[i] = vcltq_u8(x.v[i], k)
    four(neon_low_one);

    return neon_mask(x);
}


static inline __attribute__((always_inline)) uint64_t
neon_lead(neon_t x)
{
    int8x16_t  k = vdupq_n_s8(-65);

#define neon_lead_one(i)  x.v[i] = vcgtq_s8(vreinterpretq_s8_u8(x.v[i]), k)
    four(neon_lead_one);

    return neon_mask(x);
}


static inline __attribute__((always_inline)) uint64_t
neon_leads(neon_t x)
{
    int8x16_t  k = vdupq_n_s8(-65);

    four(neon_lead_one);

#define neon_top_one(i)  x.v[i] = vshrq_n_u8(x.v[i], 7)
    four(neon_top_one);

    return vaddvq_u8(vaddq_u8(vaddq_u8(x.v[0], x.v[1]),
                              vaddq_u8(x.v[2], x.v[3])));
}


static inline __attribute__((always_inline)) uint64_t
neon_bits(uint64_t m)
{
    return m ? vaddv_u8(vcnt_u8(vcreate_u8(m))) : 0;
}


static inline __attribute__((always_inline)) neon_t
neon_fold(neon_t x)
{
    uint8x16_t  k = vdupq_n_u8(0x20);

#define neon_fold_one(i)  x.v[i] = vorrq_u8(x.v[i], k)
    four(neon_fold_one);

    return x;
}


static inline __attribute__((always_inline)) uint8x16_t
neon_any_one(uint8x16_t x)
{
    uint8x16_t  v;

    v = vsubq_u8(vorrq_u8(x, vdupq_n_u8(0x20)), vdupq_n_u8(0x7b));

    return vorrq_u8(vcleq_u8(v, vdupq_n_u8(2)),
                    vceqq_u8(x, vdupq_n_u8('"')));
}


static inline __attribute__((always_inline)) int
neon_any(neon_t x)
{
    uint8x16_t  a, b;

    a = vorrq_u8(neon_any_one(x.v[0]), neon_any_one(x.v[1]));
    b = vorrq_u8(neon_any_one(x.v[2]), neon_any_one(x.v[3]));

    return vmaxvq_u8(vorrq_u8(a, b));
}


#define BLOCK(name)    neon_##name
#define BLOCK_TARGET
#define block_t        neon_t
#define block_load     neon_load
#define block_eq       neon_eq
#define block_low      neon_low
#define block_lead     neon_lead
#define block_leads    neon_leads
#define block_fold     neon_fold
#define block_any      neon_any
#define block_bits     neon_bits
#define block_xor      parity

#include "genai_json_block.h"


static const genai_json_scan_t  scan_neon = {
    "neon", neon_stop, neon_space, neon_pass, neon_count, neon_tree
};

#endif


/* the best first */

static const struct {
    const genai_json_scan_t  *scan;
    int                     (*have)(void);
} scans[] = {
#if (SCAN_X86)
    { &scan_avx2, avx2_have },
    { &scan_sse2, NULL },
#endif
#if (SCAN_NEON)
    { &scan_neon, NULL },
#endif
    { &scan_scalar, NULL }
};


const genai_json_scan_t  *genai_json_scan;


int
genai_json_simd_set(const char *name)
{
    size_t  i;

    for (i = 0; i < genai_nelts(scans); i++) {

        if (name && strcmp(name, scans[i].scan->name) != 0) {
            continue;
        }

        if (scans[i].have == NULL || scans[i].have()) {
            genai_json_scan = scans[i].scan;
            return GENAI_OK;
        }
    }

    return GENAI_DECLINED;
}


void
genai_json_scan_init(void)
{
    (void) genai_json_simd_set(NULL);
}


const char *
genai_json_simd(void)
{
    if (genai_json_scan == NULL) {
        genai_json_scan_init();
    }

    return genai_json_scan->name;
}
