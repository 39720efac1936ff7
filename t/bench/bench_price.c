/*
 * What a lookup and a priced call cost, over the shipped table.
 *
 *     bench_price [prices.json]
 */

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "genai_price.h"
#include "genai_usage.h"


#define TURNS  2000000


static void *
alloc(void *data, size_t size)
{
    (void) data;

    return malloc(size);
}


static double
now(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);

    return ts.tv_sec * 1e9 + ts.tv_nsec;
}


static double
lookup(const genai_price_table_t *t, const char *model, int *rc)
{
    int            i, n;
    double         start, best, spent;
    genai_str_t    id, region, none = { NULL, 0 };
    genai_price_t  p;

    id = genai_strz(model);
    region = genai_strz("us-east-1");
    best = 1e18;

    for (n = 0; n < 3; n++) {
        start = now();

        for (i = 0; i < TURNS; i++) {
            *rc = genai_price_resolve(t, id, region, none, 1795392000, &p);
            __asm__ volatile ("" : : "r" (&p) : "memory");
        }

        spent = (now() - start) / TURNS;
        best = spent < best ? spent : best;
    }

    return best;
}


static double
call(const genai_price_table_t *t)
{
    int            i;
    double         start;
    genai_call_t   c;

    genai_call_init(&c, NULL, 0);

    c.api = GENAI_API_BEDROCK;
    c.operation = GENAI_OP_CHAT;
    c.model = genai_strz("us.anthropic.claude-haiku-4-5-20251001-v1:0");
    c.usage[0].seen = 1;
    c.usage[0].input = 1000;
    c.usage[0].output = 100;
    c.usage[0].cache_read = 500;

    start = now();

    for (i = 0; i < TURNS; i++) {
        genai_usage_settle(&c);
        genai_price_call(t, &c, 1795392000);
        __asm__ volatile ("" : : "r" (&c) : "memory");
    }

    return (now() - start) / TURNS;
}


int
main(int argc, char **argv)
{
    int                   rc;
    FILE                 *f;
    char                  err[512];
    double                ns;
    size_t                i, len;
    static char           text[2 * 1024 * 1024];
    genai_price_table_t  *t;
    static const char    *ids[] = {
        "anthropic.claude-sonnet-4-6",
        "amazon.titan-embed-text-v2:0",
        "us.anthropic.claude-haiku-4-5-20251001-v1:0",
        "amazon.nova-lite-v1:0:300k",
        "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-pro-v1:0",
        "no-such.model"
    };

    f = fopen(argc > 1 ? argv[1] : "conf.examples/prices.json", "r");
    if (f == NULL) {
        perror("prices.json");
        return 1;
    }

    len = fread(text, 1, sizeof(text), f);
    fclose(f);

    if (genai_price_parse(text, len, alloc, NULL, &t, err, sizeof(err))
        != GENAI_OK)
    {
        fprintf(stderr, "%s\n", err);
        return 1;
    }

    for (i = 0; i < genai_nelts(ids); i++) {
        ns = lookup(t, ids[i], &rc);
        printf("%6.1f ns  %s%s\n", ns, ids[i], rc ? " (unpriced)" : "");
    }

    printf("%6.1f ns  usage settled and priced\n", call(t));

    return 0;
}
