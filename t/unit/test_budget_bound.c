/*
 * What a call may need at most: never less than what it costs then.
 */

#include "genai_budget_bound.h"
#include "genai_usage.h"
#include "test.h"


#define NOW  1795392000

static const char  prices[] =
    "{\"unit\":\"usd_per_million_tokens\",\"version\":\"t\","
    "\"sources\":{\"a\":\"a\"},\"models\":["
    "{\"id\":\"acme.chat\",\"direct\":[\"chat\"],\"provider\":\"acme\","
    "\"family\":\"chat\",\"input\":\"3\",\"output\":\"15\","
    "\"cache_read\":\"0.3\",\"cache_write\":\"3.75\","
    "\"cache_write_1h\":\"6\",\"tiers\":{\"priority\":\"1.75\"},"
    "\"context\":200000,\"max_output\":8192,\"source\":\"a\","
    "\"date\":\"2026-01-01\",\"confidence\":\"H\"},"
    "{\"id\":\"acme.open\",\"provider\":\"acme\",\"family\":\"open\","
    "\"input\":\"1\",\"output\":\"2\",\"source\":\"a\","
    "\"date\":\"2026-01-01\",\"confidence\":\"H\"},"
    "{\"id\":\"acme.embed\",\"provider\":\"acme\",\"family\":\"embed\","
    "\"kind\":\"embeddings\",\"input\":\"0.02\",\"context\":8192,"
    "\"source\":\"a\",\"date\":\"2026-01-01\",\"confidence\":\"H\"}"
    "]}";

static genai_price_table_t  *table;
static uint64_t              seed = 88172645463325252ULL;


static uint32_t
rnd(uint32_t n)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;

    return (uint32_t) ((seed >> 11) % n);
}


static void *
alloc(void *data, size_t size)
{
    (void) data;

    return malloc(size);
}


static genai_budget_facts_t
facts(const char *model, unsigned op, int64_t body, int64_t max_tokens)
{
    genai_budget_facts_t  f;

    memset(&f, 0, sizeof(f));
    f.model = genai_strz(model);
    f.operation = op;
    f.body = body;
    f.max_tokens = max_tokens;
    f.when = NOW;

    return f;
}


static void
test_bounds(void)
{
    genai_budget_facts_t    f;
    genai_budget_amounts_t  a;

    f = facts("acme.chat", GENAI_OP_CHAT, 1000, 500);
    is_int(genai_budget_bound(table, &f, &a), GENAI_OK, "a chat has a bound");
    is_int(a.itok, 1000, "a token for each byte");
    is_int(a.otok, 500, "max_tokens");
    is_int(a.req, 1, "one request");
    is_int(a.usd_pico, 1000 * 6000000LL + 500 * 15000000LL,
           "USD at the dearest of the input prices");

    f = facts("openai.gpt-oss-20b-1:0", GENAI_OP_CHAT, 1000, 500);
    genai_budget_bound(table, &f, &a);
    is_int(a.itok, 1000 + GENAI_BUDGET_CHAT_TOKENS,
           "a template that is longer than the body's brackets");

    f = facts("acme.chat", GENAI_OP_CHAT, 1000, 500);
    f.choices = 3;
    genai_budget_bound(table, &f, &a);
    is_int(a.otok, 1500, "each answer that is asked for");

    f = facts("acme.chat", GENAI_OP_CHAT, 1000, -1);
    genai_budget_bound(table, &f, &a);
    is_int(a.otok, 8192, "no max_tokens: the model's maximum");

    f.media = 2;
    f.tools = 1;
    genai_budget_bound(table, &f, &a);
    is_int(a.itok, 1000 + 2 * GENAI_BUDGET_MEDIA_TOKENS
                   + GENAI_BUDGET_TOOLS_TOKENS, "media and tools on top");

    f.media_tokens = 100;
    genai_budget_bound(table, &f, &a);
    is_int(a.itok, 1200 + GENAI_BUDGET_TOOLS_TOKENS, "media as configured");

    f = facts("acme.chat", GENAI_OP_CHAT, 50000000, 1);
    genai_budget_bound(table, &f, &a);
    is_int(a.itok, 200000, "a chat holds no more than the context");

    f.tier = genai_strz("priority");
    genai_budget_bound(table, &f, &a);
    is_int(a.usd_pico, (200000 * 6000000LL + 15000000LL) / 4 * 7,
           "a tier that is dearer counts");

    f.tier = genai_strz("auto");
    genai_budget_bound(table, &f, &a);
    is_int(a.usd_pico, (200000 * 6000000LL + 15000000LL) / 4 * 7,
           "auto may be the dearest");

    f.tier = genai_strz("flex");
    genai_budget_bound(table, &f, &a);
    is_int(a.usd_pico, 200000 * 6000000LL + 15000000LL,
           "one that is cheaper may not be had");

    f = facts("acme.chat", GENAI_OP_CHAT, 1000, 10);
    f.elsewhere = 1;
    genai_budget_bound(table, &f, &a);
    is_int(a.itok, 200000, "input from elsewhere: the context");

    f = facts("acme.chat", GENAI_OP_CHAT, 1000, 10);
    f.files = 1;
    genai_budget_bound(table, &f, &a);
    is_int(a.itok, 200000, "a document may fill the context");

    f = facts("acme.chat", GENAI_OP_CHAT, 1000, 10);
    f.open = 1;
    genai_budget_bound(table, &f, &a);
    is_int(a.otok, 8192, "a limit that may be left unheeded: the maximum");

    f.max_tokens = 9000;
    genai_budget_bound(table, &f, &a);
    is_int(a.otok, 9000, "or itself, if it is above");

    f = facts("acme.chat", GENAI_OP_TEXT_COMPLETION, 500000, 10);
    f.prompts = 2;
    f.choices = 3;
    genai_budget_bound(table, &f, &a);
    ok(a.itok == 400000 && a.otok == 60,
       "each of two prompts has a context and three answers");

    f = facts("acme.embed", GENAI_OP_EMBEDDINGS, 50000, -1);
    is_int(genai_budget_bound(table, &f, &a), GENAI_OK, "embeddings");
    is_int(a.itok, 50000, "many texts: the context is no bound");
    is_int(a.otok, 0, "no output");
    is_int(a.usd_pico, 50000 * 20000LL, "input alone");

    f.elsewhere = 1;
    genai_budget_bound(table, &f, &a);
    is_int(a.itok, 50000 + 8192, "and one text from elsewhere");

    f = facts("acme.chat", GENAI_OP_IMAGE, 100, -1);
    f.images = 3;
    genai_budget_bound(table, &f, &a);
    is_int(a.otok, 3 * GENAI_BUDGET_MEDIA_TOKENS,
           "images that are billed by their tokens");

    f = facts("acme.chat", GENAI_OP_RETRIEVAL, 50000, -1);
    is_int(genai_budget_bound(table, &f, &a), GENAI_OK, "a retrieval");
    ok(a.itok == 0 && a.otok == 0 && a.usd_pico == 0 && a.req == 1,
       "is one request");
}


static void
test_unknown(void)
{
    genai_budget_facts_t    f;
    genai_budget_amounts_t  a;

    f = facts("no.such", GENAI_OP_CHAT, 1000, 500);
    is_int(genai_budget_bound(table, &f, &a), GENAI_DECLINED,
           "no price: no bound in USD");
    ok(a.usd_pico == GENAI_BUDGET_UNKNOWN && a.itok == 1000 && a.otok == 500,
       "in tokens there is one");

    f = facts("no.such", GENAI_OP_CHAT, 1000, -1);
    is_int(genai_budget_bound(table, &f, &a), GENAI_DECLINED,
           "nothing known");
    ok(a.otok == GENAI_BUDGET_UNKNOWN && a.itok == 1000, "input has a bound");

    f = facts("acme.open", GENAI_OP_CHAT, 1000, -1);
    is_int(genai_budget_bound(table, &f, &a), GENAI_DECLINED,
           "a price without a maximum: max_tokens is needed");

    f = facts("acme.chat", GENAI_OP_INVOKE_AGENT, 1000, 10);
    is_int(genai_budget_bound(table, &f, &a), GENAI_DECLINED, "an agent");
    ok(a.usd_pico < 0 && a.itok < 0 && a.otok < 0 && a.req == 1,
       "has no bound but its request");

    f = facts("acme.chat", GENAI_OP_CHAT, 1000, 500);
    is_int(genai_budget_bound(NULL, &f, &a), GENAI_DECLINED, "no prices");
    ok(a.usd_pico < 0 && a.itok == 1000, "tokens all the same");

    f = facts("acme.chat", GENAI_OP_CHAT, 1000, 500);
    f.unread = 1;
    is_int(genai_budget_bound(table, &f, &a), GENAI_DECLINED,
           "a request that was not read");
    ok(a.usd_pico < 0 && a.itok < 0 && a.otok < 0 && a.req == 1,
       "has no bound but its request");

    f.operation = GENAI_OP_RETRIEVAL;
    is_int(genai_budget_bound(table, &f, &a), GENAI_OK,
           "where nothing is billed nothing need be read");

    f = facts("acme.open", GENAI_OP_CHAT, 1000, 500);
    f.elsewhere = 1;
    is_int(genai_budget_bound(table, &f, &a), GENAI_DECLINED,
           "input from elsewhere, context not known");
    ok(a.itok < 0 && a.usd_pico < 0 && a.otok == 500, "output has a bound");

    f = facts("acme.open", GENAI_OP_CHAT, 1000, 500);
    f.open = 1;
    is_int(genai_budget_bound(table, &f, &a), GENAI_DECLINED,
           "a limit that may be left unheeded, maximum not known");
    ok(a.otok < 0, "is none");

    f = facts("acme.open", GENAI_OP_CHAT, INT64_MAX, INT64_MAX);
    f.files = INT64_MAX;
    f.prompts = INT64_MAX;
    f.media = INT64_MAX;
    f.media_tokens = INT64_MAX;
    f.choices = INT64_MAX;
    (void) genai_budget_bound(table, &f, &a);
    ok(a.itok == GENAI_USAGE_MAX && a.otok == GENAI_USAGE_MAX,
       "absurd figures stop at the largest count");
}


static void
test_actual(void)
{
    char                    arena[GENAI_CALL_ARENA];
    genai_call_t            c;
    genai_budget_amounts_t  a, held = { 7, 8, 9, 1 };

    genai_call_init(&c, arena, sizeof(arena));
    c.operation = GENAI_OP_CHAT;
    c.model = genai_strz("acme.chat");
    c.status = 200;
    c.usage[0].seen = 1;
    c.usage[0].input = 100;
    c.usage[0].output = 20;
    genai_usage_settle(&c);
    genai_price_call(table, &c, NOW);

    is_int(genai_budget_actual(&c, &a), GENAI_OK, "a whole answer is exact");
    ok(a.itok == 100 && a.otok == 20 && a.req == 1
       && a.usd_pico == 100 * 3000000LL + 20 * 15000000LL, "what it used");

    c.usage_source = GENAI_SOURCE_PARTIAL;
    is_int(genai_budget_actual(&c, &a), GENAI_DECLINED,
           "a part of an answer is not");
    ok(a.itok == 100 && a.otok == 20, "but said");

    c.output_tokens = -1;
    (void) genai_budget_actual(&c, &a);
    ok(a.itok == 100 && a.otok < 0 && a.usd_pico < 0,
       "an answer without its output: the cost of the input is not its cost");

    c.from_cache = 1;
    is_int(genai_budget_actual(&c, &a), GENAI_OK, "a cache hit");
    ok(a.itok == 0 && a.usd_pico == 0 && a.req == 1, "is free");

    genai_call_init(&c, arena, sizeof(arena));
    c.operation = GENAI_OP_CHAT;
    c.model = genai_strz("acme.chat");
    c.status = 200;
    genai_usage_settle(&c);
    genai_price_call(table, &c, NOW);
    is_int(genai_budget_actual(&c, &a), GENAI_DECLINED, "no usage was read");
    genai_budget_fill(&a, &held);
    ok(a.usd_pico == 7 && a.itok == 8 && a.otok == 9 && a.req == 1,
       "it is settled at the reservation, never at zero");

    c.status = 429;
    c.skip = GENAI_SKIP_NONE;
    genai_price_call(table, &c, NOW);
    is_int(genai_budget_actual(&c, &a), GENAI_OK, "an error of the upstream");
    ok(a.usd_pico == 0 && a.itok == 0 && a.req == 1, "is not billed");
}


static void
test_facts(void)
{
    char                  arena[GENAI_CALL_ARENA];
    genai_call_t          c;
    genai_budget_facts_t  f;

    genai_call_init(&c, arena, sizeof(arena));
    c.operation = GENAI_OP_CHAT;
    c.model = genai_strz("acme.chat");
    c.region = genai_strz("eu-central-1");
    c.service_tier = genai_strz("priority");
    c.request_bytes = 1234;
    c.media_parts = 2;
    c.tools_offered = 3;

    genai_budget_facts(&c, genai_strz(""), NOW, &f);
    ok(genai_str_is(f.model, "acme.chat") && f.operation == GENAI_OP_CHAT
       && f.when == NOW, "the facts of a call: model, operation, time");
    ok(genai_str_is(f.region, "eu-central-1"), "its own region");
    ok(genai_str_is(f.tier, "priority"), "the tier asked for");
    ok(f.body == 1234 && f.media == 2 && f.tools == 1, "what it sends");
    is_int(f.max_tokens, -1, "no max_tokens");

    c.max_tokens = 77;
    c.service_tier = genai_strz("");
    c.latency_mode = genai_strz("optimized");
    c.request_bytes = UINT64_MAX;
    genai_budget_facts(&c, genai_strz("us-east-1"), NOW, &f);
    ok(genai_str_is(f.region, "us-east-1"), "the endpoint's region");
    ok(genai_str_is(f.tier, "optimized"), "an optimised latency is a tier");
    ok(f.unread, "a request that was not read");
    is_int(f.max_tokens, 77, "max_tokens");
    is_int(f.body, GENAI_USAGE_MAX, "no more bytes than the largest count");

    c.operation = GENAI_OP_RERANK;
    c.search_units = 250;
    genai_budget_facts(&c, genai_strz(""), NOW, &f);
    is_int(f.documents, 250, "documents to rank");
}


/* whatever the answer says within the request's facts is not above */

static void
test_random(void)
{
    int                     i, above;
    char                    arena[GENAI_CALL_ARENA];
    genai_call_t            c;
    genai_budget_facts_t    f;
    genai_budget_amounts_t  a, b;
    static const char      *tiers[] = { "", "default", "priority" };

    above = 0;

    for (i = 0; i < 20000; i++) {
        f = facts(rnd(2) ? "acme.chat" : "chat", GENAI_OP_CHAT,
                  rnd(300000), rnd(2) ? (int64_t) rnd(8192) : -1);
        f.tier = genai_strz(tiers[rnd(3)]);

        if (genai_budget_bound(table, &f, &b) != GENAI_OK) {
            above++;
            continue;
        }

        genai_call_init(&c, arena, sizeof(arena));
        c.operation = GENAI_OP_CHAT;
        c.model = f.model;
        c.status = 200;
        c.service_tier = f.tier;
        c.usage[0].seen = 1;
        c.usage[0].input_inclusive = 1;
        c.usage[0].input = rnd((uint32_t) b.itok + 1);
        c.usage[0].cache_read = rnd((uint32_t) c.usage[0].input + 1);
        c.usage[0].cache_write = rnd((uint32_t) (c.usage[0].input
                                     - c.usage[0].cache_read) + 1);
        c.usage[0].cache_write_1h = rnd((uint32_t) c.usage[0].cache_write
                                        + 1);
        c.usage[0].output = rnd((uint32_t) b.otok + 1);
        genai_usage_settle(&c);
        genai_price_call(table, &c, NOW);

        above += genai_budget_actual(&c, &a) != GENAI_OK
                 || a.usd_pico > b.usd_pico || a.itok > b.itok
                 || a.otok > b.otok;
    }

    is_int(above, 0, "20,000 random calls: none needs more than its bound");
}


int
main(void)
{
    char  err[256];

    if (genai_price_parse(prices, sizeof(prices) - 1, alloc, NULL, &table,
                          err, sizeof(err)) != GENAI_OK)
    {
        printf("Bail out! %s\n", err);
        return 1;
    }

    test_bounds();
    test_unknown();
    test_actual();
    test_facts();
    test_random();

    return done();
}
