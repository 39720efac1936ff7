/*
 * CRC-32, three ways: tables that take 16 bytes a step, carry-less
 * multiplication (Gopal et al., "Fast CRC Computation for Generic
 * Polynomials Using PCLMULQDQ", Intel 2009), and the instructions of ARMv8.
 */

#include "genai_crc32.h"

#if defined(__x86_64__)
#define CRC_PCLMUL  1
#include <immintrin.h>

#elif defined(__aarch64__) && defined(__linux__)                              \
    && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define CRC_ARMV8   1
#include <sys/auxv.h>

#ifndef HWCAP_CRC32
#define HWCAP_CRC32  (1 << 7)
#endif
#endif


typedef uint32_t (*crc_pt)(uint32_t crc, const uint8_t *p, size_t len);
typedef genai_crc32_head_t (*crc_head_pt)(const uint8_t *p, size_t len);


typedef struct {
    const char   *name;
    crc_pt        run;
    crc_head_pt   head;
    int         (*have)(void);
} crc_impl_t;


/*
 * A CRC is linear: entry n of a table is the sum of the entries of the bits
 * of n.  So a table is written as the entries of its eight bits (128
 * successive states of the shift register over all tables), and the
 * preprocessor adds up the rest.
 */

#define CRC_1(x, a)                     (x), (x) ^ a
#define CRC_2(x, a, b)                  CRC_1(x, a), CRC_1((x) ^ b, a)
#define CRC_3(x, a, b, c)               CRC_2(x, a, b), CRC_2((x) ^ c, a, b)
#define CRC_4(x, a, b, c, d)                                                  \
    CRC_3(x, a, b, c), CRC_3((x) ^ d, a, b, c)
#define CRC_5(x, a, b, c, d, e)                                               \
    CRC_4(x, a, b, c, d), CRC_4((x) ^ e, a, b, c, d)
#define CRC_6(x, a, b, c, d, e, f)                                            \
    CRC_5(x, a, b, c, d, e), CRC_5((x) ^ f, a, b, c, d, e)
#define CRC_7(x, a, b, c, d, e, f, g)                                         \
    CRC_6(x, a, b, c, d, e, f), CRC_6((x) ^ g, a, b, c, d, e, f)
#define CRC_TABLE(a, b, c, d, e, f, g, h)                                     \
    { CRC_7(0U, a, b, c, d, e, f, g), CRC_7(h, a, b, c, d, e, f, g) }


/* crc_table[k][n]: the byte n followed by k zero bytes */

static const uint32_t  crc_table[16][256] = {
    CRC_TABLE(0x77073096, 0xee0e612c, 0x076dc419, 0x0edb8832,
              0x1db71064, 0x3b6e20c8, 0x76dc4190, 0xedb88320),
    CRC_TABLE(0x191b3141, 0x32366282, 0x646cc504, 0xc8d98a08,
              0x4ac21251, 0x958424a2, 0xf0794f05, 0x3b83984b),
    CRC_TABLE(0x01c26a37, 0x0384d46e, 0x0709a8dc, 0x0e1351b8,
              0x1c26a370, 0x384d46e0, 0x709a8dc0, 0xe1351b80),
    CRC_TABLE(0xb8bc6765, 0xaa09c88b, 0x8f629757, 0xc5b428ef,
              0x5019579f, 0xa032af3e, 0x9b14583d, 0xed59b63b),
    CRC_TABLE(0x3d6029b0, 0x7ac05360, 0xf580a6c0, 0x30704bc1,
              0x60e09782, 0xc1c12f04, 0x58f35849, 0xb1e6b092),
    CRC_TABLE(0xcb5cd3a5, 0x4dc8a10b, 0x9b914216, 0xec53826d,
              0x03d6029b, 0x07ac0536, 0x0f580a6c, 0x1eb014d8),
    CRC_TABLE(0xa6770bb4, 0x979f1129, 0xf44f2413, 0x33ef4e67,
              0x67de9cce, 0xcfbd399c, 0x440b7579, 0x8816eaf2),
    CRC_TABLE(0xccaa009e, 0x4225077d, 0x844a0efa, 0xd3e51bb5,
              0x7cbb312b, 0xf9766256, 0x299dc2ed, 0x533b85da),
    CRC_TABLE(0x177b1443, 0x2ef62886, 0x5dec510c, 0xbbd8a218,
              0xacc04271, 0x82f182a3, 0xde920307, 0x6655004f),
    CRC_TABLE(0xefc26b3e, 0x04f5d03d, 0x09eba07a, 0x13d740f4,
              0x27ae81e8, 0x4f5d03d0, 0x9eba07a0, 0xe6050901),
    CRC_TABLE(0xc18edfc0, 0x586cb9c1, 0xb0d97382, 0xbac3e145,
              0xaef6c4cb, 0x869c8fd7, 0xd64819ef, 0x77e1359f),
    CRC_TABLE(0x9ba54c6f, 0xec3b9e9f, 0x03063b7f, 0x060c76fe,
              0x0c18edfc, 0x1831dbf8, 0x3063b7f0, 0x60c76fe0),
    CRC_TABLE(0xdd96d985, 0x605cb54b, 0xc0b96a96, 0x5a03d36d,
              0xb407a6da, 0xb37e4bf5, 0xbd8d91ab, 0xa06a2517),
    CRC_TABLE(0x9d0fe176, 0xe16ec4ad, 0x19ac8f1b, 0x33591e36,
              0x66b23c6c, 0xcd6478d8, 0x41b9f7f1, 0x8373efe2),
    CRC_TABLE(0xb9fbdbe8, 0xa886b191, 0x8a7c6563, 0xcf89cc87,
              0x44629f4f, 0x88c53e9e, 0xcafb7b7d, 0x4e87f0bb),
    CRC_TABLE(0xae689191, 0x87a02563, 0xd4314c87, 0x73139f4f,
              0xe6273e9e, 0x173f7b7d, 0x2e7ef6fa, 0x5cfdedf4)
};


static inline uint32_t
crc_le32(const uint8_t *p)
{
    uint32_t  v;

    memcpy(&v, p, 4);

#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    v = __builtin_bswap32(v);
#endif

    return v;
}


/* four bytes of the message, k bytes before the end of the step */

static inline uint32_t
crc_word(uint32_t v, unsigned k)
{
    return crc_table[k + 3][v & 0xff] ^ crc_table[k + 2][(v >> 8) & 0xff]
           ^ crc_table[k + 1][(v >> 16) & 0xff] ^ crc_table[k][v >> 24];
}


/* all run functions take and give the register, not the inverted CRC; those
 * that give two of them give CRCs */

static uint32_t
crc_slice16(uint32_t crc, const uint8_t *p, size_t len)
{
    while (len >= 16) {
        crc = crc_word(crc ^ crc_le32(p), 12) ^ crc_word(crc_le32(p + 4), 8)
              ^ crc_word(crc_le32(p + 8), 4) ^ crc_word(crc_le32(p + 12), 0);
        p += 16;
        len -= 16;
    }

    if (len >= 8) {
        crc = crc_word(crc ^ crc_le32(p), 4) ^ crc_word(crc_le32(p + 4), 0);
        p += 8;
        len -= 8;
    }

    if (len >= 4) {
        crc = crc_word(crc ^ crc_le32(p), 0);
        p += 4;
        len -= 4;
    }

    while (len--) {
        crc = (crc >> 8) ^ crc_table[0][(crc ^ *p++) & 0xff];
    }

    return crc;
}


static genai_crc32_head_t
crc_slice16_head(const uint8_t *p, size_t len)
{
    uint32_t  crc;

    crc = crc_slice16(~0U, p, 8);

    return (genai_crc32_head_t) {
        ~crc, ~crc_slice16(crc, p + 8, len - 8)
    };
}


static int
crc_always(void)
{
    return 1;
}


#if CRC_PCLMUL

/* AVX for its instructions of three operands, which spare a copy for each
 * multiplication; what has PCLMULQDQ but not AVX is from 2010 */

#define CRC_TARGET  __attribute__((target("avx,pclmul")))


/* moves x over the distance that k stands for, and adds the data there */

CRC_TARGET
static inline __m128i
crc_fold(__m128i x, __m128i k, __m128i data)
{
    __m128i  lo, hi;

    lo = _mm_clmulepi64_si128(x, k, 0x00);
    hi = _mm_clmulepi64_si128(x, k, 0x11);

    return _mm_xor_si128(_mm_xor_si128(lo, hi), data);
}


#define crc_load(p)   _mm_loadu_si128((const __m128i *) (p))
#define CRC_FOLD_MIN  32


/* folds the last n bytes, 1 to 15, where end is the end of the message */

CRC_TARGET
static inline __m128i
crc_fold_rest(__m128i x, __m128i k, const uint8_t *end, size_t n)
{
    __m128i  left, right, head, tail;

    static const uint8_t  shifts[48] = {
        0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80,
        0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80,
        0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
        0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80,
        0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80
    };

    /* the first n bytes of x move by 16; the others make room for the rest */

    left = crc_load(shifts + n);
    right = crc_load(shifts + 16 + n);

    head = _mm_shuffle_epi8(x, left);
    tail = _mm_blendv_epi8(_mm_shuffle_epi8(x, right), crc_load(end - 16),
                           right);

    return crc_fold(head, k, tail);
}


/* 96 bits to the register: a fold and Barrett's reduction */

CRC_TARGET
static inline uint32_t
crc_reduce(__m128i x)
{
    __m128i  y, poly, low;

    low = _mm_setr_epi32(-1, 0, -1, 0);

    y = _mm_clmulepi64_si128(_mm_and_si128(x, low),
                             _mm_set_epi64x(0, 0x163cd6124), 0x00);
    x = _mm_xor_si128(_mm_srli_si128(x, 4), y);

    poly = _mm_set_epi64x(0x1f7011641, 0x1db710641);

    y = _mm_clmulepi64_si128(_mm_and_si128(x, low), poly, 0x10);
    y = _mm_clmulepi64_si128(_mm_and_si128(y, low), poly, 0x00);

    return (uint32_t) _mm_extract_epi32(_mm_xor_si128(x, y), 1);
}


CRC_TARGET
static inline uint32_t
crc_reduce8(uint32_t crc, const uint8_t *p)
{
    return crc_reduce(_mm_xor_si128(_mm_loadl_epi64((const __m128i *) p),
                                    _mm_cvtsi32_si128((int) crc)));
}


CRC_TARGET
static inline __attribute__((always_inline)) uint32_t
crc_fold_all(uint32_t crc, const uint8_t *p, size_t len)
{
    __m128i  x0, x1, x2, x3, k;

    if (len < CRC_FOLD_MIN) {
        return crc_slice16(crc, p, len);
    }

    x0 = _mm_xor_si128(crc_load(p), _mm_cvtsi32_si128((int) crc));

    if (len >= 128) {
        x1 = crc_load(p + 16);
        x2 = crc_load(p + 32);
        x3 = crc_load(p + 48);
        p += 64;
        len -= 64;

        /* x^(512+32) and x^(512-32) modulo the polynomial, reflected */

        k = _mm_set_epi64x(0x1c6e41596, 0x154442bd4);

        do {
            x0 = crc_fold(x0, k, crc_load(p));
            x1 = crc_fold(x1, k, crc_load(p + 16));
            x2 = crc_fold(x2, k, crc_load(p + 32));
            x3 = crc_fold(x3, k, crc_load(p + 48));
            p += 64;
            len -= 64;
        } while (len >= 64);

        /* x^(128+32) and x^(128-32) */

        k = _mm_set_epi64x(0x0ccaa009e, 0x1751997d0);

        x0 = crc_fold(x0, k, x1);
        x0 = crc_fold(x0, k, x2);
        x0 = crc_fold(x0, k, x3);

    } else {
        k = _mm_set_epi64x(0x0ccaa009e, 0x1751997d0);
        p += 16;
        len -= 16;
    }

    while (len >= 16) {
        x0 = crc_fold(x0, k, crc_load(p));
        p += 16;
        len -= 16;
    }

    if (len) {
        x0 = crc_fold_rest(x0, k, p + len, len);
    }

    return crc_reduce(_mm_xor_si128(_mm_srli_si128(x0, 8),
                                    _mm_clmulepi64_si128(x0, k, 0x10)));
}


CRC_TARGET
static uint32_t
crc_pclmul(uint32_t crc, const uint8_t *p, size_t len)
{
    if (len == 8) {                           /* a prelude */
        return crc_reduce8(crc, p);
    }

    return crc_fold_all(crc, p, len);
}


CRC_TARGET
static genai_crc32_head_t
crc_pclmul_head(const uint8_t *p, size_t len)
{
    return (genai_crc32_head_t) {
        ~crc_reduce8(~0U, p), ~crc_fold_all(~0U, p, len)
    };
}


static int
crc_have_pclmul(void)
{
    __builtin_cpu_init();

    return __builtin_cpu_supports("pclmul") && __builtin_cpu_supports("avx");
}

#endif


#if CRC_ARMV8

#ifdef __clang__
#define CRC_TARGET  __attribute__((target("crc")))
#define crc_arm8    __builtin_arm_crc32d
#define crc_arm1    __builtin_arm_crc32b
#else
#define CRC_TARGET  __attribute__((target("+crc")))
#define crc_arm8    __builtin_aarch64_crc32x
#define crc_arm1    __builtin_aarch64_crc32b
#endif


CRC_TARGET
static uint32_t
crc_armv8(uint32_t crc, const uint8_t *p, size_t len)
{
    uint64_t  v;

    while (len >= 8) {
        memcpy(&v, p, 8);
        crc = crc_arm8(crc, v);
        p += 8;
        len -= 8;
    }

    while (len--) {
        crc = crc_arm1(crc, *p++);
    }

    return crc;
}


static genai_crc32_head_t
crc_armv8_head(const uint8_t *p, size_t len)
{
    uint32_t  crc;

    crc = crc_armv8(~0U, p, 8);

    return (genai_crc32_head_t) { ~crc, ~crc_armv8(crc, p + 8, len - 8) };
}


static int
crc_have_armv8(void)
{
    return (getauxval(AT_HWCAP) & HWCAP_CRC32) != 0;
}

#endif


static const crc_impl_t  crc_impls[] = {
#if CRC_PCLMUL
    { "pclmul", crc_pclmul, crc_pclmul_head, crc_have_pclmul },
#endif
#if CRC_ARMV8
    { "armv8", crc_armv8, crc_armv8_head, crc_have_armv8 },
#endif
    { "slice16", crc_slice16, crc_slice16_head, crc_always }
};


static const crc_impl_t  *crc_impl;


/* two threads that both come here first choose the same */

static const crc_impl_t *
crc_choose(void)
{
    size_t  i;

    for (i = 0; !crc_impls[i].have(); i++) { /* void: the last one is */ }

    __atomic_store_n(&crc_impl, &crc_impls[i], __ATOMIC_RELAXED);

    return &crc_impls[i];
}


static inline const crc_impl_t *
crc_chosen(void)
{
    const crc_impl_t  *impl;

    impl = __atomic_load_n(&crc_impl, __ATOMIC_RELAXED);

    return genai_likely(impl != NULL) ? impl : crc_choose();
}


uint32_t
genai_crc32(uint32_t crc, const void *buf, size_t len)
{
    return ~crc_chosen()->run(~crc, buf, len);
}


genai_crc32_head_t
genai_crc32_head(const void *buf, size_t len)
{
    return crc_chosen()->head(buf, len);
}


const char *
genai_crc32_impl(void)
{
    return crc_chosen()->name;
}


int
genai_crc32_impl_set(const char *name)
{
    size_t  i;

    if (name == NULL) {
        crc_choose();
        return GENAI_OK;
    }

    for (i = 0; i < genai_nelts(crc_impls); i++) {
        if (strcmp(crc_impls[i].name, name) == 0 && crc_impls[i].have()) {
            __atomic_store_n(&crc_impl, &crc_impls[i], __ATOMIC_RELAXED);
            return GENAI_OK;
        }
    }

    return GENAI_DECLINED;
}
