/*
 * The hash of a budget's key.
 */

#include "genai_budget_zone.h"
#include "genai_budget_zone_private.h"


static inline uint64_t
rotl(uint64_t v, int n)
{
    return v << n | v >> (64 - n);
}


static inline void
sip_rounds(uint64_t v[4], int n)
{
    while (n--) {
        v[0] += v[1];
        v[2] += v[3];
        v[1] = rotl(v[1], 13) ^ v[0];
        v[3] = rotl(v[3], 16) ^ v[2];
        v[0] = rotl(v[0], 32);
        v[2] += v[1];
        v[0] += v[3];
        v[1] = rotl(v[1], 17) ^ v[2];
        v[3] = rotl(v[3], 21) ^ v[0];
        v[2] = rotl(v[2], 32);
    }
}


/* SipHash-2-4 with 128 bits: who chooses keys finds no two of one hash */

void
genai_budget_key_hash(const uint64_t seed[2], genai_str_t key,
    uint8_t out[GENAI_BUDGET_HASH])
{
    size_t    i, n;
    uint64_t  v[4], m;

    v[0] = seed[0] ^ 0x736f6d6570736575ULL;
    v[1] = seed[1] ^ 0x646f72616e646f6dULL ^ 0xee;
    v[2] = seed[0] ^ 0x6c7967656e657261ULL;
    v[3] = seed[1] ^ 0x7465646279746573ULL;

    for (i = 0; i <= key.len; i += 8) {
        n = key.len - i;
        m = n < 8 ? (uint64_t) key.len << 56 : 0;

        if (n) {
            memcpy(&m, key.data + i, n < 8 ? n : 8);
        }

        v[3] ^= m;
        sip_rounds(v, 2);
        v[0] ^= m;
    }

    v[2] ^= 0xee;
    sip_rounds(v, 4);
    m = v[0] ^ v[1] ^ v[2] ^ v[3];
    memcpy(out, &m, 8);

    v[1] ^= 0xdd;
    sip_rounds(v, 4);
    m = v[0] ^ v[1] ^ v[2] ^ v[3];
    memcpy(out + 8, &m, 8);
}
