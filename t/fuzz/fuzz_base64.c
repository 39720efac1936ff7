/*
 * Base64: the same bytes and verdict in any pieces and from a decoder of a
 * few lines, and never more than the room that is asked for.
 */

#include <stdlib.h>

#include "genai_base64.h"


static int
value(uint8_t ch)
{
    if (ch >= 'A' && ch <= 'Z') {
        return ch - 'A';
    }

    if (ch >= 'a' && ch <= 'z') {
        return ch - 'a' + 26;
    }

    if (ch >= '0' && ch <= '9') {
        return ch - '0' + 52;
    }

    return ch == '+' ? 62 : ch == '/' ? 63 : -1;
}


/* the length of the longest good beginning, decoded; *good: all of it is */

static size_t
plain(const uint8_t *p, size_t len, uint8_t *out, int *good)
{
    size_t    i, n, pad;
    uint32_t  bits = 0;

    for (n = 0, i = 0; i < len && value(p[i]) >= 0; i++) {
        bits = bits << 6 | (uint32_t) value(p[i]);

        if (i % 4) {
            out[n++] = (uint8_t) (bits >> (6 - i % 4 * 2));
        }
    }

    pad = len - i;
    *good = i % 4 != 1 && pad <= (4 - i % 4) % 4;

    for ( /* void */ ; i < len; i++) {
        *good &= p[i] == '=';
    }

    return n;
}


static size_t
run(const uint8_t *p, size_t len, uint32_t step, uint8_t *out, int *good)
{
    int             rc;
    char           *copy, *room;
    size_t          i, n, got, total;
    uint32_t        x = step;
    genai_base64_t  b;

    genai_base64_init(&b);

    for (total = 0, i = 0; i < len; i += n) {
        n = len - i;

        if (step) {
            x = x * 1664525 + 1013904223;
            n = 1 + (x >> 16) % step;
            n = n > len - i ? len - i : n;
        }

        copy = malloc(n);
        memcpy(copy, p + i, n);
        room = malloc(genai_base64_room(n));

        rc = genai_base64_feed(&b, copy, n, room, &got);

        if (rc != GENAI_AGAIN && rc != GENAI_ERROR) {
            abort();
        }

        memcpy(out + total, room, got);
        total += got;
        free(copy);
        free(room);
    }

    *good = genai_base64_finish(&b) == GENAI_DONE;

    return total;
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int       good, same;
    size_t    i, n;
    uint8_t  *want, *got;

    static const uint32_t  steps[] = { 0, 1, 3, 7, 50 };

    want = malloc(size + 8);
    got = malloc(size + 8);
    n = plain(data, size, want, &good);

    for (i = 0; i < genai_nelts(steps); i++) {
        if (run(data, size, steps[i], got, &same) != n || same != good
            || memcmp(want, got, n) != 0)
        {
            abort();
        }
    }

    free(want);
    free(got);

    return 0;
}
