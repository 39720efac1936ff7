/*
 * The price file's parser on anything, and the table it makes: whatever
 * loads must answer lookups and price calls within its bounds.
 */

#include <stdlib.h>

#include "genai_price.h"


#define ARENA  (8 * 1024 * 1024)


typedef struct {
    char    *start;
    size_t   used;
} arena_t;


static void *
alloc(void *data, size_t size)
{
    void     *p;
    arena_t  *a;

    a = data;
    size = (size + 15) & ~(size_t) 15;

    if (size > ARENA - a->used) {
        return NULL;
    }

    p = a->start + a->used;
    a->used += size;

    return p;
}


/* each name of the table finds a row; a bound is not below a cost */

static void
use(const genai_price_table_t *t)
{
    size_t                    i, n;
    int64_t                   bound, when;
    genai_str_t               none = { NULL, 0 };
    genai_call_t              c;
    genai_price_t             p;
    const genai_price_key_t  *key;
    static const int64_t      tokens[] = { 0, 1, 272001, 1LL << 48 };

    for (i = 0; i < t->nkeys; i++) {
        key = &t->keys[i];
        when = key->kind == GENAI_PRICE_KEY_ALIAS ? 0
                                                  : t->rows[key->row].from;

        (void) genai_price_resolve(t, key->name, none, none, when, &p);

        if (p.row == NULL) {
            abort();
        }

        for (n = 0; n < genai_nelts(tokens); n++) {
            genai_call_init(&c, NULL, 0);

            c.operation = GENAI_OP_CHAT;
            c.model = key->name;
            c.usage_source = GENAI_SOURCE_BODY;
            c.input_tokens = tokens[n];
            c.cache_read_tokens = tokens[n] / 3;
            c.cache_write_tokens = tokens[n] / 4;
            c.output_tokens = tokens[n];
            c.images = n;
            c.search_units = n;

            genai_price_call(t, &c, when);

            if (c.priced && c.cost_pico < 0) {
                abort();
            }

            if (c.priced
                && genai_price_bound(t, c.model, none, none, when, tokens[n],
                                     tokens[n], n, n, &bound) == GENAI_OK
                && bound < c.cost_pico)
            {
                abort();
            }
        }
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char                  err[256];
    arena_t               a;
    genai_price_table_t  *t;
    static char          *memory;

    if (memory == NULL) {
        memory = malloc(ARENA);
    }

    a.start = memory;
    a.used = 0;
    err[0] = '\0';

    if (genai_price_parse((const char *) data, size, alloc, &a, &t, err,
                          sizeof(err))
        == GENAI_OK)
    {
        use(t);

    } else if (err[0] == '\0' || strlen(err) >= sizeof(err)) {
        abort();
    }

    return 0;
}
