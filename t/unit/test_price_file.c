/*
 * The price file: every refusal and its words, and the shipped table.
 */

#include "test.h"

#include "genai_price.h"


#define ARENA   (4 * 1024 * 1024)

#define NOV     1795392000LL         /* 2026-11-23T00:00:00Z */

#define HEAD    "{\"unit\": \"usd_per_million_tokens\", \"version\": \"1\""
#define ROW     "\"id\": \"a.b\", \"provider\": \"a\", \"family\": \"f\""
#define RATES   "\"input\": \"1\", \"output\": \"2\""
#define ONE(x)  HEAD ", \"models\": [{" ROW ", " RATES ", " x "}]}"
#define TWO(x, y)                                                             \
    HEAD ", \"models\": [{" ROW ", " RATES ", " x "},"                        \
         " {" ROW ", " RATES ", " y "}]}"
#define TOP(x)  HEAD ", " x ", \"models\": [{" ROW ", " RATES "}]}"


typedef struct {
    const char  *text;
    const char  *err;                /* a part of the message */
    const char  *mend;               /* and what it says to do */
} refusal_t;


static const refusal_t  refusals[] = {

    /* JSON itself */

    { "", "line 1: not JSON", "mend the syntax" },
    { "{\n\"unit\": \n\"x\",,}", "line 3: not JSON", "mend the syntax" },
    { HEAD ", \"models\": []} x", "line 1: not JSON", "mend the syntax" },
    { "[]", "the file is not an object", "write it as {" },

    /* the file */

    { "{\"version\": \"1\"}", "\"unit\" is missing", "say so in \"unit\"" },
    { "{\"unit\": \"usd_per_token\"}", "\"unit\" is \"usd_per_token\"",
      "give all prices in \"usd_per_million_tokens\"" },
    { "{\"unit\": \"usd_per_million_tokens\"}", "\"version\" is missing",
      "give it as" },
    { HEAD "}", "\"models\" is not a list", "write it as an array" },
    { HEAD ", \"models\": []}", "\"models\" is not a list", "1 to" },
    { TOP("\"prices\": {}"), "unknown key \"prices\" in the file", "remove" },
    { TOP("\"unit\": \"x\""), "key \"unit\" twice in the file", "remove one" },
    { TOP("\"discount\": \"100\""), "\"discount\" is not a discount",
      "percent from 0" },
    { TOP("\"discount\": \"1.00001\""), "\"discount\" is not a discount",
      "at most 4 decimals" },
    { TOP("\"discounts\": {\"g\": \"5\"}"), "no row has the family \"g\"",
      "mend the name" },
    { TOP("\"discounts\": {\"f\": \"-5\"}"), "is negative", "0 or more" },
    { TOP("\"aliases\": {\"x\": \"a.c\"}"), "stands for \"a.c\"",
      "mend it" },
    { TOP("\"aliases\": {\"x\": \"y\", \"y\": \"a.b\"}"),
      "alias \"x\" stands for \"y\"", "mend it" },
    { TOP("\"aliases\": {\"a.b\": \"a.b\"}"), "is the name of a row too",
      "remove one" },
    { TOP("\"aliases\": {\"x\": 5}"), "\"x\" in \"aliases\" is not a string",
      "write it as" },
    { TOP("\"aliases\": {\"x\": \"a.b\", \"x\": \"a.b\"}"),
      "key \"x\" twice", "remove one" },
    { TOP("\"sources\": []"), "\"sources\" is not an object", "write it" },

    /* the row */

    { HEAD ", \"models\": [5]}", "row 0 (\"without id\"): the row is not an "
      "object", "write it as {" },
    { HEAD ", \"models\": [{" ROW ", " RATES "}, null]}",
      "row 1 (\"without id\")", "write it as {" },
    { HEAD ", \"models\": [{\"provider\": \"a\"}]}", "\"id\" is missing",
      "give it as" },
    { HEAD ", \"models\": [{\"id\": \"a b\"}]}", "\"id\" is not a name",
      "without spaces" },
    { HEAD ", \"models\": [{\"id\": \"a.b\"}]}",
      "row 0 (\"a.b\"): \"provider\" is missing", "give it as" },
    { HEAD ", \"models\": [{\"id\": \"a.b\", \"provider\": \"a\"}]}",
      "\"family\" is missing", "give it as" },
    { HEAD ", \"models\": [{" ROW ", \"input\": \"1\"}]}",
      "\"output\" is missing", "kind text needs it" },
    { HEAD ", \"models\": [{" ROW ", \"kind\": \"rerank\"}]}",
      "\"query\" is missing", "kind rerank needs it" },
    { ONE("\"kind\": \"video\""), "unknown \"kind\"", "use text" },
    { ONE("\"speech_input\": \"1\""), "\"speech_input\" is for rows of the "
      "kind speech", "remove it" },
    { ONE("\"inptu\": \"1\""), "unknown key \"inptu\" in the row",
      "use one of: id" },
    { ONE("\"input\": \"1\""), "key \"input\" twice in the row",
      "remove one" },
    { ONE("\"\": 1"), "unknown key \"\"", "remove it" },
    { ONE("\" id\": 1"), "unknown key \" id\"", "remove it" },

    /* prices */

    { ONE("\"cache_read\": \"-1\""), "\"cache_read\" is negative (-1)",
      "0 or more" },
    { ONE("\"cache_read\": -0.5"), "\"cache_read\" is negative (-0.5)",
      "0 or more" },
    { ONE("\"cache_write\": \"10000.01\""), "\"cache_write\" is absurd: more "
      "than 10000", "check the unit" },
    { ONE("\"cache_write\": 1e300"), "\"cache_write\" is absurd", "give" },
    { ONE("\"cache_write\": 1e999"), "\"cache_write\" is absurd", "give" },
    { ONE("\"cache_write\": \"99999999999999999999999999\""),
      "\"cache_write\" is absurd", "give at most" },
    { ONE("\"cache_write\": \"7777777777777777\""),
      "\"cache_write\" is absurd", "give at most" },
    { ONE("\"cache_read\": \"0.1234567\""), "more than 6 decimals",
      "round it" },
    { ONE("\"cache_read\": 0.1234567"), "more than 6 decimals", "round it" },
    { ONE("\"cache_read\": 0.0000001"), "more than 6 decimals", "round it" },
    { ONE("\"cache_read\": \"1e-3\""), "\"cache_read\" is not a decimal",
      "write it as \"0.25\"" },
    { ONE("\"cache_read\": \"1.\""), "is not a decimal", "write it" },
    { ONE("\"cache_read\": \".5\""), "is not a decimal", "write it" },
    { ONE("\"cache_read\": \"\""), "is not a decimal", "write it" },
    { ONE("\"cache_read\": \"$1\""), "is not a decimal", "write it" },
    { ONE("\"cache_read\": \"0,5\""), "is not a decimal", "write it" },
    { ONE("\"cache_read\": null"), "is not a decimal", "write it" },
    { ONE("\"cache_read\": [1]"), "is not a decimal", "write it" },
    { ONE("\"cache_read\": \"1.5\""), "\"cache_read\" is dearer than",
      "swapped?" },
    { ONE("\"cache_write\": \"2\", \"cache_write_1h\": \"1\""),
      "\"cache_write_1h\" is cheaper", "swapped?" },
    { ONE("\"cache_write_1h\": \"2\""), "without \"cache_write\"",
      "add the 5-minute price" },
    { ONE("\"image\": \"101\""), "\"image\" is absurd", "check the unit" },

    /* long context, routes, tiers */

    { ONE("\"long_context\": 5"), "\"long_context\" is not an object",
      "write it" },
    { ONE("\"long_context\": {" RATES "}"), "\"over\" is missing",
      "input tokens above which" },
    { ONE("\"long_context\": {\"over\": 5, \"input\": \"1\"}"),
      "\"output\" is missing in \"long_context\"", "give all the prices" },
    { ONE("\"long_context\": {\"over\": 0.5, " RATES "}"),
      "\"over\" is not a count", "whole number" },
    { ONE("\"long_context\": {\"over\": 5, \"from\": 1, " RATES "}"),
      "unknown key \"from\"", "use one of: over" },
    { ONE("\"routes\": {\"in-region\": {\"premium\": \"10\"}}"),
      "\"in-region\" is not a route", "use global" },
    { ONE("\"routes\": {\"geo\": \"10\"}"), "a route is not an object",
      "write it" },
    { ONE("\"routes\": {\"geo\": {\"premium\": \"10\", \"input\": \"1\"}}"),
      "route \"geo\" has a premium and prices", "keep one" },
    { ONE("\"routes\": {\"geo\": {\"premium\": \"200\"}}"),
      "\"premium\" is absurd", "check" },
    { ONE("\"routes\": {\"geo\": {\"premium\": \"1.00001\"}}"),
      "\"premium\" has more than 4 decimals", "round it" },
    { ONE("\"routes\": {\"geo\": {\"input\": \"1\"}}"),
      "\"output\" is missing in \"geo\"", "give all the prices" },
    { ONE("\"routes\": {\"geo\": {\"cache_read\": \"1\", " RATES "}}"),
      "\"cache_read\" is not the row's", "no others" },
    { ONE("\"routes\": {\"geo\": {\"long_context\": {}, " RATES "}}"),
      "disagree on \"long_context\"", "both or none" },
    { ONE("\"routes\": {\"geo\": null, \"geo\": null}"), "key \"geo\" twice",
      "remove one" },
    { ONE("\"tiers\": {\"fast\": \"2\"}"), "unknown key \"fast\" in \"tiers\"",
      "use one of: flex" },
    { ONE("\"tiers\": {\"flex\": \"0\"}"), "tier \"flex\" is 0",
      "give the factor" },
    { ONE("\"tiers\": {\"flex\": \"11\"}"), "\"flex\" is absurd", "check" },

    /* counts, dates, names */

    { ONE("\"context\": \"200K\""), "\"context\" is not a count",
      "whole number" },
    { ONE("\"max_output\": 0"), "\"max_output\" is not a count", "from 1" },
    { ONE("\"context\": 1e18"), "\"context\" is not a count", "to 1000000000"
    },
    { ONE("\"effective_from\": \"7 Oct 2026\""),
      "\"effective_from\" is not a date", "\"2026-10-07\"" },
    { ONE("\"effective_from\": \"2026-02-29\""), "is not a date", "write it" },
    { ONE("\"effective_from\": \"2026-13-01\""), "is not a date", "write it" },
    { ONE("\"effective_from\": \"2026-10-07T25:00:00Z\""), "is not a date",
      "write it" },
    { ONE("\"effective_from\": 20261007"), "is not a date", "write it" },
    { ONE("\"effective_from\": \"2026-10-07\", "
          "\"effective_until\": \"2026-10-07\""),
      "\"effective_until\" is not after", "mend the dates" },
    { ONE("\"date\": \"soon\""), "\"date\" is not a date", "write it" },
    { ONE("\"confidence\": \"high\""), "unknown \"confidence\"", "use \"H\"" },
    { ONE("\"source\": \"z\""), "source \"z\" is not in \"sources\"",
      "add it" },
    { ONE("\"source\": 5"), "\"source\" is not a string", "name members" },
    { ONE("\"aliases\": \"x\""), "\"aliases\" is not an array", "write it" },
    { ONE("\"direct\": [5]"), "\"direct\" is missing or not a string",
      "give it" },
    { ONE("\"aliases\": [\"arn:aws:bedrock:x\"]"), "holds an ARN",
      "map it in the file's \"aliases\"" },

    /* the same name twice */

    { ONE("\"aliases\": [\"a.b\"]"), "the name \"a.b\" is there twice",
      "remove one" },
    { ONE("\"aliases\": [\"c\"], \"direct\": [\"c\"]"),
      "the name \"c\" is there twice", "remove one" },
    { TWO("\"context\": 1", "\"context\": 2"),
      "row 1 (\"a.b\"): the name \"a.b\" is in row 0 (\"a.b\") too",
      "part them" },
    { TWO("\"effective_until\": \"2026-10-08\"",
          "\"effective_from\": \"2026-10-07\""),
      "at an overlapping time", "effective_from and effective_until" }
};


static char    arena[ARENA];
static size_t  arena_used, arena_limit;


static void *
alloc(void *data, size_t size)
{
    void  *p;

    (void) data;

    size = (size + 15) & ~(size_t) 15;

    if (size > arena_limit - arena_used) {
        return NULL;
    }

    p = arena + arena_used;
    arena_used += size;

    return p;
}


static int
parse(const char *text, size_t len, genai_price_table_t **t, char *err,
    size_t errlen)
{
    arena_used = 0;
    arena_limit = ARENA;

    return genai_price_parse(text, len, alloc, NULL, t, err, errlen);
}


static void
refuse(const refusal_t *r)
{
    int                   rc;
    char                  err[1024];
    genai_price_table_t  *t;

    err[0] = '\0';
    rc = parse(r->text, strlen(r->text), &t, err, sizeof(err));

    if (!ok(rc == GENAI_ERROR && t == NULL && strstr(err, r->err)
            && strstr(err, r->mend), "refused: %s; %s", r->err, r->mend))
    {
        printf("#   rc %d, got: %s\n", rc, err);
    }
}


static void
accept(void)
{
    int                   rc;
    char                  err[1024];
    const char           *text;
    genai_price_t         p;
    genai_str_t           none = { NULL, 0 };
    genai_price_table_t  *t;

    text = HEAD ", \"discount\": \"10\", \"models\": [{" ROW ","
           " \"input\": 0.000001, \"output\": \"10000\", \"cache_read\": 0,"
           " \"cache_write\": 9999.999999, \"date\": \"2028-02-29\"}]} \n";

    rc = parse(text, strlen(text), &t, err, sizeof(err));
    ok(rc == GENAI_OK, "the smallest and the largest price");

    if (rc == GENAI_OK) {
        (void) genai_price_resolve(t, genai_strz("a.b"), none, none, 0, &p);

        is_int(p.rates->input, 1, "0.000001 USD per million is one pico-USD");
        is_int(p.rates->output, 10000000000, "10,000 USD per million");
        is_int(p.rates->cache_read, 0, "0 is a price");
        is_int(p.rates->cache_write, 9999999999, "a number is exact too");
        is_int(p.rates->cache_write_1h, -1, "what is absent has no price");
        is_int(p.row->pay_ppm, 900000, "the table's discount");
    }

    text = TWO("\"effective_until\": \"2026-10-07\"",
               "\"effective_from\": \"2026-10-07T00:00:00Z\"");
    ok(parse(text, strlen(text), &t, err, sizeof(err)) == GENAI_OK,
       "rows that meet in time do not overlap");
}


static void
bombs(void)
{
    int                   i;
    char                  err[64], *text;
    size_t                n, len;
    genai_price_table_t  *t;

    len = 1024 * 1024;
    text = malloc(3 * len);

    memset(text, '[', len);
    is_int(parse(text, len, &t, err, sizeof(err)), GENAI_ERROR,
           "a million brackets");

    for (n = 0; n + 6 < len; n += 5) {
        memcpy(text + n, "{\"a\":", 5);
    }

    is_int(parse(text, n, &t, err, sizeof(err)), GENAI_ERROR,
           "200,000 nested objects");

    memset(text, ' ', 3 * len);
    is_int(parse(text, 3 * len, &t, err, sizeof(err)), GENAI_ERROR,
           "a file of 3 MB");
    ok(strstr(err, "more than 2097152 bytes") != NULL,
       "and its limit is named");

    n = sprintf(text, HEAD ", \"aliases\": {");

    for (i = 0; i < 50000; i++) {
        n += sprintf(text + n, "%s\"x%d\":\"a.b\"", i ? "," : "", i);
    }

    n += sprintf(text + n, "}, \"models\": [{" ROW ", " RATES "}]}");
    is_int(parse(text, n, &t, err, sizeof(err)), GENAI_ERROR,
           "50,000 aliases");

    free(text);
}


/* wherever memory or text ends, there is an error and no crash */

static void
ends(const char *text, size_t len)
{
    int                   bad;
    char                  err[256];
    size_t                n;
    genai_price_table_t  *t;

    bad = 0;

    for (n = 0; n < 20000; n += 16) {
        arena_used = 0;
        arena_limit = n;
        bad += genai_price_parse(text, len, alloc, NULL, &t, err,
                                 sizeof(err)) == GENAI_OK;
    }

    is_int(bad, 0, "out of memory anywhere is an error");

    bad = 0;

    for (n = 0; n + 2 < len; n += 97) {
        bad += parse(text, n, &t, err, sizeof(err)) == GENAI_OK;
    }

    is_int(bad, 0, "a file cut anywhere is refused");
    is_int(parse(text, len / 2, &t, err, 0), GENAI_ERROR,
           "no room for a message");
    is_int(parse(text, len / 2, &t, err, 1), GENAI_ERROR,
           "room for an empty message");
}


/* id, and price per million in micro-USD: input, output, cache read, write,
 * 1 h; -1 none; -2 not compared */

typedef struct {
    const char  *id;
    int64_t      in, out, read, write, hour;
} shipped_t;


static const shipped_t  shipped[] = {
#include "prices_shipped.h"
};


static void
ship(const genai_price_table_t *t)
{
    size_t                      i;
    char                        id[256];
    genai_str_t                 none = { NULL, 0 };
    genai_price_t               p;
    const genai_price_rates_t  *r;

    for (i = 0; i < genai_nelts(shipped); i++) {

        /* the list price is that of the global. profile */

        snprintf(id, sizeof(id), "global.%s", shipped[i].id);

        (void) genai_price_resolve(t, genai_strz(id), none, none, NOV, &p);
        r = p.rates;

        ok(p.why == GENAI_PRICE_FOUND && p.route_ppm == GENAI_PPM
           && r->input == shipped[i].in && r->output == shipped[i].out
           && r->cache_read == shipped[i].read
           && r->cache_write == shipped[i].write
           && r->cache_write_1h == shipped[i].hour
           && p.row->family.len && p.row->provider.len
           && p.row->confidence && p.row->source.len && p.row->date.len,
           "shipped: %s", shipped[i].id);
    }
}


static void
shipped_rules(const genai_price_table_t *t)
{
    size_t                    i, plain;
    genai_price_t             p;
    genai_str_t               none = { NULL, 0 };
    const genai_price_row_t  *r;

#define resolve(id, reg, when)                                                \
    genai_price_resolve(t, genai_strz(id), genai_strz(reg), none, when, &p)

    (void) resolve("us.anthropic.claude-sonnet-4-5-20250929-v1:0", "", NOV);
    is_int(p.route_ppm, 1100000, "shipped: Sonnet 4.5 by us. + 10 %");

    (void) resolve("us-gov.anthropic.claude-opus-4-8", "", NOV);
    is_int(p.route_ppm, 1200000, "shipped: Opus 4.8 in us-gov + 20 %");

    is_int(resolve("us-gov.amazon.nova-lite-v1:0", "", NOV), GENAI_DECLINED,
           "shipped: a price in us-gov that is not known is not guessed");

    (void) resolve("us.anthropic.claude-sonnet-4-20250514-v1:0", "", NOV);
    is_int(p.route_ppm, 1000000, "shipped: Sonnet 4, no premium");

    (void) resolve("openai.gpt-5.4", "us-east-1", NOV);
    is_int(p.rates->input * p.route_ppm / GENAI_PPM, 2750000,
           "shipped: GPT-5.4 In-Region 2.75");
    is_int(p.long_rates->output * p.route_ppm / GENAI_PPM, 24750000,
           "shipped: GPT-5.4 In-Region long output 24.75");

    (void) resolve("openai.gpt-5.5", "us-east-1", NOV);
    is_int(p.long_rates->input * p.route_ppm / GENAI_PPM, 11000000,
           "shipped: GPT-5.5 In-Region long input 11");

    (void) resolve("us.moonshotai.kimi-k3", "", NOV);
    is_int(p.rates->cache_write * p.route_ppm / GENAI_PPM, 4125000,
           "shipped: Kimi K3 by us. 4.125 per cache write");

    (void) resolve("global.anthropic.claude-sonnet-5-5", "", 1791331199);
    is_int(p.rates->cache_read, 200000,
           "shipped: Sonnet 5.5 cache read before 7 Oct 2026");

    (void) resolve("anthropic.claude-haiku-5-5", "", NOV);
    is_int(p.row->long_over, 100000, "shipped: Haiku 5.5 long over 100,000");

    (void) resolve("anthropic.claude-sonnet-4-20250514", "", NOV);
    ok(p.why == GENAI_PRICE_FOUND
       && genai_str_is(p.row->family, "claude-sonnet-4"),
       "shipped: the accepted alias and its family");

    (void) resolve("anthropic.claude-haiku-4-5-20251001-v1:0", "", NOV);
    ok(genai_str_is(p.row->family, "claude-haiku-4"),
       "shipped: family claude-haiku-4");

    ok(resolve("claude-opus-4-5", "", NOV) == GENAI_OK && p.direct
       && resolve("gpt-6-luna", "", NOV) == GENAI_OK && p.direct,
       "shipped: ids of the providers' own APIs");

    (void) resolve("cohere.rerank-v3-5:0", "", NOV);
    is_int(p.rates->query, 2000000000, "shipped: 2 USD per 1000 queries");

    (void) resolve("stability.stable-image-ultra-v1:1", "", NOV);
    is_int(p.rates->image, 140000000000, "shipped: 0.14 USD per image");

    for (i = 0, plain = 0; i < t->nrows; i++) {
        r = &t->rows[i];
        plain += r->kind == GENAI_PRICE_TEXT && r->context < 0;
    }

    is_int(plain, 0, "shipped: every text row has its context window");
}


int
main(void)
{
    FILE                 *f;
    char                  err[1024];
    size_t                i, len;
    static char           text[ARENA];
    genai_price_table_t  *t;

    for (i = 0; i < genai_nelts(refusals); i++) {
        refuse(&refusals[i]);
    }

    accept();
    bombs();

    f = fopen("conf.examples/prices.json", "r");

    if (!ok(f != NULL, "conf.examples/prices.json is there")) {
        return done();
    }

    len = fread(text, 1, sizeof(text), f);
    fclose(f);

    ends(text, len);

    if (!ok(parse(text, len, &t, err, sizeof(err)) == GENAI_OK,
            "the shipped table loads"))
    {
        printf("# %s\n", err);
        return done();
    }

    ship(t);
    shipped_rules(t);

    return done();
}
