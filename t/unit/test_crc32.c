#include <zlib.h>

#include "genai_crc32.h"
#include "test.h"


#define N  4200


static uint8_t  buf[N + 64];


static uint32_t
bitwise(uint32_t crc, const uint8_t *p, size_t len)
{
    int  i;

    crc = ~crc;

    while (len--) {
        crc ^= *p++;

        for (i = 0; i < 8; i++) {
            crc = (crc >> 1) ^ (0xedb88320 & -(crc & 1));
        }
    }

    return ~crc;
}


static void
run(const char *name)
{
    size_t              len, off, cut;
    uint32_t            crc, bad;
    genai_crc32_head_t  both;

    is_mem(genai_crc32_impl(), strlen(genai_crc32_impl()), name,
           "the implementation that was asked for runs");

    ok(genai_crc32(0, "123456789", 9) == 0xcbf43926, "%s: check value", name);
    ok(genai_crc32(0, buf, 0) == 0, "%s: nothing", name);
    ok(genai_crc32(0x12345678, buf, 0) == 0x12345678,
       "%s: nothing more", name);

    for (bad = 0, len = 0; len < 700; len++) {
        for (off = 0; off < 17; off++) {
            bad += genai_crc32(0, buf + off, len)
                   != bitwise(0, buf + off, len);
        }
    }

    ok(bad == 0, "%s: every length to 700, every alignment", name);

    for (bad = 0, len = 8; len < 700; len++) {
        both = genai_crc32_head(buf + len % 17, len);
        bad += both.all != genai_crc32(0, buf + len % 17, len)
               || both.head != genai_crc32(0, buf + len % 17, 8);
    }

    ok(bad == 0, "%s: a frame and its prelude in one go", name);

    crc = (uint32_t) crc32(0, buf, N);
    ok(genai_crc32(0, buf, N) == crc, "%s: agrees with zlib", name);

    for (bad = 0, cut = 0; cut <= N; cut++) {
        bad += genai_crc32(genai_crc32(0, buf, cut), buf + cut, N - cut)
               != crc;
    }

    ok(bad == 0, "%s: every cut in two gives the same", name);

    memset(buf + N, 0, 64);
    ok(genai_crc32(0xffffffff, buf + N, 64)
       == bitwise(0xffffffff, buf + N, 64),
       "%s: an all-zero register", name);
}


int
main(void)
{
    size_t       i;
    uint32_t     x = 1;
    const char  *names[] = { "slice16", "pclmul", "armv8" };
    const char  *best;

    for (i = 0; i < N; i++) {
        x = x * 1664525 + 1013904223;
        buf[i] = (uint8_t) (x >> 24);
    }

    best = genai_crc32_impl();
    ok(genai_crc32_impl_set("abacus") == GENAI_DECLINED,
       "an unknown implementation is declined");

    for (i = 0; i < genai_nelts(names); i++) {
        if (genai_crc32_impl_set(names[i]) == GENAI_OK) {
            run(names[i]);

        } else {
            ok(strcmp(names[i], "slice16") != 0,
               "%s # SKIP not on this machine", names[i]);
        }
    }

    genai_crc32_impl_set(NULL);
    is_mem(genai_crc32_impl(), strlen(genai_crc32_impl()), best,
           "NULL goes back to the best");

    return done();
}
