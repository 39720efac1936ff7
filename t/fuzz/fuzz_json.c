/*
 * The JSON extractor: whatever comes in, all loops and all cuts tell the
 * same.  The first two bytes of the input choose the cuts.
 */

#include <stdio.h>
#include <stdlib.h>

#include "genai_json.h"


#define ALL     0x1ff
#define ROWS    16


static const genai_json_row_t  rows[ROWS] = {
    { "", GENAI_JSON_PRESENT|GENAI_JSON_END|GENAI_JSON_NUMBER, 0, 0 },
    { "a", ALL, 1, 0 },
    { "a.b", GENAI_JSON_NUMBER|GENAI_JSON_TEXT, 2, 0 },
    { "a.*", GENAI_JSON_CHARS|GENAI_JSON_BOOL, 3, 0 },
    { "a[]", GENAI_JSON_LENGTH|GENAI_JSON_CHARS, 4, 0 },
    { "a[1].c", ALL, 5, 0 },
    { "e", GENAI_JSON_LENGTH, 6, 0 },
    { "c", GENAI_JSON_CHARS, 7, 0 },
    { "t", GENAI_JSON_TEXT, 8, 0 },
    { "s", GENAI_JSON_STREAM, 9, 0 },
    { "*.b", GENAI_JSON_PRESENT|GENAI_JSON_TEXT|GENAI_JSON_STREAM, 10, 0 },
    { "[]", GENAI_JSON_NUMBER|GENAI_JSON_TEXT, 11, 0 },
    { "[-1].u.v.w", ALL, 12, 0 },
    { "[0][2]", GENAI_JSON_LENGTH|GENAI_JSON_NUMBER, 13, 0 },
    { "usage.inputTokens", GENAI_JSON_NUMBER, 14, 0 },
    { "output.message.content[].text", GENAI_JSON_CHARS, 15, 0 }
};


typedef struct {
    uint64_t  all;
    uint64_t  stream[ROWS];
} hash_t;


static genai_json_program_t  *program;


static void
add(uint64_t *h, const void *data, size_t n)
{
    const uint8_t  *p = data;

    for ( /* void */ ; n; n--) {
        *h = (*h ^ *p++) * 0x100000001b3ULL;
    }
}


static void
on_value(void *data, const genai_json_row_t *row, const genai_json_value_t *v)
{
    hash_t   *h = data;
    uint32_t  head[2];

    if (v->event == GENAI_JSON_STREAM) {
        add(&h->stream[row->field], v->text.data, v->text.len);

        if (!v->last) {
            return;
        }

        add(&h->all, &h->stream[row->field], sizeof(uint64_t));
        h->stream[row->field] = 0;

    } else {
        add(&h->all, v->text.data, v->text.len);
    }

    head[0] = row->field;
    head[1] = v->event | (uint32_t) v->fraction << 16
              | (uint32_t) v->cut << 17;

    add(&h->all, head, sizeof(head));
    add(&h->all, &v->integer, sizeof(v->integer));
    add(&h->all, &v->real, sizeof(v->real));
}


static uint64_t
run(const uint8_t *p, size_t len, uint32_t seed)
{
    int           rc;
    char         *copy;
    size_t        i, n;
    hash_t        h;
    genai_json_t  j;

    memset(&h, 0, sizeof(h));
    memset(&j, 0xa5, sizeof(j));
    genai_json_init(&j, program, on_value, &h);
    rc = GENAI_AGAIN;

    for (i = 0; i < len; i += n) {

        n = len - i;

        if (seed) {
            seed = seed * 1664525 + 1013904223;
            n = (seed >> 16) % ((seed >> 8 & 3) ? 9 : 200);
            n = n < len - i ? n : len - i;
        }

        copy = malloc(n ? n : 1);
        if (copy == NULL) {
            abort();
        }

        memcpy(copy, p + i, n);
        rc = genai_json_feed(&j, copy, n);
        free(copy);
    }

    add(&h.all, &rc, sizeof(rc));
    rc = genai_json_finish(&j);
    add(&h.all, &rc, sizeof(rc));

    return h.all;
}


static void
compile(void)
{
    size_t  used, bad;

    genai_json_compile(rows, ROWS, NULL, 0, &used, &bad);
    program = malloc(used);

    if (program == NULL
        || genai_json_compile(rows, ROWS, program, used, &used, &bad)
           != GENAI_OK)
    {
        abort();
    }
}


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t              i;
    uint32_t            seed;
    uint64_t            want;
    static const char  *levels[] = { "scalar", "sse2", "neon", "avx2" };

    if (program == NULL) {
        compile();
    }

    if (size < 2) {
        return 0;
    }

    seed = 1 + data[0] + ((uint32_t) data[1] << 8);
    data += 2;
    size -= 2;

    genai_json_simd_set("scalar");
    want = run(data, size, 0);

    for (i = 0; i < genai_nelts(levels); i++) {

        if (genai_json_simd_set(levels[i]) != GENAI_OK) {
            continue;
        }

        if (run(data, size, 0) != want || run(data, size, seed) != want) {
            fprintf(stderr, "%s differs, seed %u\n", levels[i], seed);
            abort();
        }
    }

    return 0;
}
