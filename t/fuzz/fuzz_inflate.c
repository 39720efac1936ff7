/*
 * Any bytes in any coding: nothing crashes, all memory is given back, and
 * what comes out is the same wherever the input is cut.
 *
 * Input: coding, seed of the cuts, the body.
 */

#include <stdlib.h>

#include "genai_inflate.h"


#define ROOM  (1 << 20)


typedef struct {
    char    text[ROOM];
    size_t  len;
    size_t  all;
    int     rc;
    int     end;
} run_t;


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static run_t   whole, parts;
static size_t  given;


static void *
take(void *data, size_t size)
{
    (void) data;
    given++;

    return malloc(size);
}


static void
give(void *data, void *p)
{
    (void) data;
    given -= (p != NULL);
    free(p);
}


static const genai_memory_t  lent = { take, give, NULL };


static void
gather(void *data, const char *buf, size_t len)
{
    run_t   *r = data;
    size_t   n;

    if (len > GENAI_INFLATE_PIECE && r->rc != GENAI_DONE) {
        abort();
    }

    n = (len > ROOM - r->len) ? ROOM - r->len : len;
    memcpy(r->text + r->len, buf, n);
    r->len += n;
    r->all += len;
}


static void
run(run_t *r, unsigned coding, const char *p, size_t size, uint32_t seed)
{
    size_t            i, n;
    genai_inflate_t  *z;

    r->len = 0;
    r->all = 0;
    r->rc = GENAI_DONE;           /* a plain body comes as it was fed */

    z = genai_inflate_create(coding, &lent, gather, r);
    if (z == NULL) {
        abort();
    }

    for (i = 0; i < size; i += n) {
        seed = seed * 1103515245 + 12345;
        n = seed & 1 ? (seed >> 16) % 13 + 1 : size;
        n = (n > size - i) ? size - i : n;
        r->rc = genai_inflate_feed(z, p + i, n);

        if (r->rc != GENAI_OK) {
            break;
        }

        r->rc = GENAI_DONE;
    }

    r->end = genai_inflate_finish(z);
    genai_inflate_free(z);

    if (given) {
        abort();
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const  names[] = { "gzip", "deflate", "zstd", "br" };

    unsigned     coding;
    const char  *p;

    if (size < 3) {
        return 0;
    }

    coding = genai_coding(genai_strz(names[data[0] % 4]));

    if (coding == GENAI_CODING_OTHER) {
        return 0;
    }

    p = (const char *) data + 2;

    run(&whole, coding, p, size - 2, 0);
    run(&parts, coding, p, size - 2, data[1] * 2654435761u | 1);

    /* where exactly a bomb is stopped may depend on the cuts */

    if (whole.rc == GENAI_DECLINED || parts.rc == GENAI_DECLINED) {
        return 0;
    }

    if (whole.rc != parts.rc || whole.end != parts.end
        || whole.all != parts.all
        || memcmp(whole.text, parts.text, whole.len) != 0)
    {
        abort();
    }

    return 0;
}
