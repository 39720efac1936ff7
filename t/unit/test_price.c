/*
 * Prices: a case for each rule of lookup and of cost, with the exact cost.
 * The table is the test's own, so that new prices do not change it.
 */

#include "test.h"

#include "genai_price.h"
#include "genai_usage.h"


static const char  table[] =
"{\"unit\": \"usd_per_million_tokens\", \"version\": \"test-1\","
" \"discounts\": {\"family-cut\": \"12.5\"},"
" \"aliases\": {"
"  \"arn:aws:bedrock:eu-west-1:111122223333:application-inference-profile/"
"abc123def456\": \"global.anthropic.claude-sonnet-4-6\","
"  \"arn:aws:bedrock:us-gov-west-1:111122223333:provisioned-model/"
"0123456789ab\": \"anthropic.claude-sonnet-4-6\","
"  \"house-model\": \"eu.anthropic.claude-sonnet-4-6\"},"
" \"models\": ["
"{\"id\": \"anthropic.claude-sonnet-4-6\", \"direct\":"
"  [\"claude-sonnet-4-6\"], \"provider\": \"anthropic\","
"  \"family\": \"claude-sonnet-4\", \"input\": \"3\", \"output\": \"15\","
"  \"cache_read\": \"0.3\", \"cache_write\": \"3.75\","
"  \"cache_write_1h\": \"6\", \"routes\": {\"geo\": {\"premium\": \"10\"},"
"  \"in_region\": {\"premium\": \"10\"}, \"us-gov\": {\"premium\": \"20\"}},"
"  \"max_output\": 64000, \"context\": 1000000},"
"{\"id\": \"anthropic.claude-sonnet-4-20250514-v1:0\", \"aliases\":"
"  [\"anthropic.claude-sonnet-4-20250514\"], \"direct\":"
"  [\"claude-sonnet-4-20250514\"], \"provider\": \"anthropic\","
"  \"family\": \"claude-sonnet-4\", \"input\": \"3\", \"output\": \"15\"},"
"{\"id\": \"anthropic.claude-sonnet-5-5\", \"provider\": \"anthropic\","
"  \"family\": \"claude-sonnet-5\", \"input\": \"2\", \"output\": \"10\","
"  \"cache_read\": \"0.2\", \"effective_until\": \"2026-10-07\"},"
"{\"id\": \"anthropic.claude-sonnet-5-5\", \"provider\": \"anthropic\","
"  \"family\": \"claude-sonnet-5\", \"input\": \"2\", \"output\": \"10\","
"  \"cache_read\": \"0.1\", \"effective_from\": \"2026-10-07\"},"
"{\"id\": \"anthropic.claude-haiku-5-5\", \"provider\": \"anthropic\","
"  \"family\": \"claude-haiku-5\", \"input\": \"0.1\", \"output\": \"0.5\","
"  \"cache_read\": \"0.01\", \"cache_write\": \"0.125\","
"  \"cache_write_1h\": \"0.2\", \"routes\": {\"geo\":"
"  {\"premium\": \"10\"}}, \"long_context\": {\"over\": 100000,"
"  \"input\": \"0.5\", \"output\": \"2.5\", \"cache_read\": \"0.05\","
"  \"cache_write\": \"0.625\", \"cache_write_1h\": \"1\"}},"
"{\"id\": \"openai.gpt-6.1-sol\", \"direct\": [\"gpt-6.1-sol\"],"
"  \"provider\": \"openai\", \"family\": \"gpt-6-sol\", \"input\": \"2\","
"  \"output\": \"10\", \"cache_read\": \"0.1\", \"cache_write\": \"2.5\","
"  \"long_context\": {\"over\": 272000, \"input\": \"4\","
"  \"output\": \"15\", \"cache_read\": \"0.2\", \"cache_write\": \"5\"}},"
"{\"id\": \"amazon.nova-lite-v1:0\", \"provider\": \"amazon\","
"  \"family\": \"nova-lite\", \"input\": 0.06, \"output\": 0.24,"
"  \"cache_read\": 0.015, \"cache_write\": 0},"
"{\"id\": \"openai.gpt-oss-120b-1:0\", \"provider\": \"openai\","
"  \"family\": \"gpt-oss\", \"input\": \"0.15\", \"output\": \"0.6\","
"  \"tiers\": {\"flex\": \"0.5\", \"priority\": \"1.75\","
"  \"batch\": \"0.5\"}},"
"{\"id\": \"mistral.mistral-large-2407-v1:0\", \"provider\": \"mistral\","
"  \"family\": \"mistral-large\", \"input\": \"2\", \"output\": \"6\","
"  \"tiers\": {\"batch\": \"0.75\"}},"
"{\"id\": \"meta.llama3-3-70b-instruct-v1:0\", \"provider\": \"meta\","
"  \"family\": \"llama-3\", \"input\": \"0.72\", \"output\": \"0.72\","
"  \"routes\": {\"ap-south-1\": {\"input\": \"0.86\","
"  \"output\": \"0.87\"}, \"jp\": {\"input\": \"0.9\","
"  \"output\": \"0.91\"}, \"us-gov\": null}},"
"{\"id\": \"amazon.titan-embed-text-v2:0\", \"provider\": \"amazon\","
"  \"family\": \"titan-embed\", \"kind\": \"embeddings\","
"  \"input\": \"0.02\"},"
"{\"id\": \"cohere.rerank-v3-5:0\", \"provider\": \"cohere\","
"  \"family\": \"cohere-rerank\", \"kind\": \"rerank\","
"  \"query\": \"0.002\"},"
"{\"id\": \"amazon.nova-canvas-v1:0\", \"provider\": \"amazon\","
"  \"family\": \"nova-canvas\", \"kind\": \"image\", \"image\": \"0.04\"},"
"{\"id\": \"amazon.nova-sonic-v1:0\", \"provider\": \"amazon\","
"  \"family\": \"nova-sonic\", \"kind\": \"speech\", \"input\": \"0.06\","
"  \"output\": \"0.24\", \"speech_input\": \"3.4\","
"  \"speech_output\": \"13.6\"},"
"{\"id\": \"house.discounted\", \"provider\": \"house\","
"  \"family\": \"family-cut\", \"input\": \"1\", \"output\": \"1\"},"
"{\"id\": \"house.row-discount\", \"provider\": \"house\","
"  \"family\": \"family-cut\", \"discount\": \"50\", \"input\": \"1\","
"  \"output\": \"1\"},"
"{\"id\": \"house.odd\", \"provider\": \"house\", \"family\": \"odd\","
"  \"discount\": \"50\", \"input\": \"0.000001\","
"  \"output\": \"0.000003\"},"
"{\"id\": \"house.ended\", \"provider\": \"house\", \"family\": \"old\","
"  \"input\": \"1\", \"output\": \"1\","
"  \"effective_until\": \"2026-10-07\"},"
"{\"id\": \"house.dearest\", \"provider\": \"house\", \"family\": \"dear\","
"  \"input\": \"10000\", \"output\": \"10000\"}"
"]}";


#define NOV  1795392000LL            /* 2026-11-23T00:00:00Z */
#define OCT6 1791331199LL            /* 2026-10-06T23:59:59Z */
#define OCT7 1791331200LL


typedef struct {
    const char  *name;
    const char  *model;
    const char  *region;
    const char  *tier;
    int64_t      when;
    int64_t      in, out, read, write, hour;
    int64_t      cost;               /* -1 unpriced */
    int          is_long;
} price_case_t;


static const price_case_t  cases[] = {

    /* routing tiers */

    { "global profile: the list price",
      "global.anthropic.claude-sonnet-4-6", "us-east-1", "", NOV,
      1000, 100, -1, -1, -1, 4500000000, 0 },
    { "geographic profile: + 10 %",
      "us.anthropic.claude-sonnet-4-6", "us-east-1", "", NOV,
      1000, 100, -1, -1, -1, 4950000000, 0 },
    { "any geographic prefix: + 10 %",
      "apac.anthropic.claude-sonnet-4-6", "ap-southeast-1", "", NOV,
      1000, 100, -1, -1, -1, 4950000000, 0 },
    { "In-Region id: + 10 %",
      "anthropic.claude-sonnet-4-6", "us-east-1", "", NOV,
      1000, 100, -1, -1, -1, 4950000000, 0 },
    { "us-gov profile: + 20 %",
      "us-gov.anthropic.claude-sonnet-4-6", "us-gov-west-1", "", NOV,
      1000, 100, -1, -1, -1, 5400000000, 0 },
    { "In-Region id in a us-gov region: + 20 %",
      "anthropic.claude-sonnet-4-6", "us-gov-west-1", "", NOV,
      1000, 100, -1, -1, -1, 5400000000, 0 },
    { "the provider's own API: the list price in any region",
      "claude-sonnet-4-6", "us-east-1", "", NOV,
      1000, 100, -1, -1, -1, 4500000000, 0 },
    { "older model: no premium",
      "us.anthropic.claude-sonnet-4-20250514-v1:0", "us-east-1", "", NOV,
      1000, 100, -1, -1, -1, 4500000000, 0 },
    { "a region's own prices",
      "meta.llama3-3-70b-instruct-v1:0", "ap-south-1", "", NOV,
      1000, 100, -1, -1, -1, 947000000, 0 },
    { "other regions keep the row's",
      "meta.llama3-3-70b-instruct-v1:0", "us-east-1", "", NOV,
      1000, 100, -1, -1, -1, 792000000, 0 },
    { "a profile's own prices",
      "jp.meta.llama3-3-70b-instruct-v1:0", "ap-northeast-1", "", NOV,
      1000, 100, -1, -1, -1, 991000000, 0 },
    { "a route whose price is not known",
      "meta.llama3-3-70b-instruct-v1:0", "us-gov-east-1", "", NOV,
      1000, 100, -1, -1, -1, -1, 0 },

    /* forms of model ids */

    { "context suffix", "amazon.nova-lite-v1:0:300k", "us-east-1", "", NOV,
      1000, 100, -1, -1, -1, 84000000, 0 },
    { "prefix and context suffix", "us.amazon.nova-lite-v1:0:24k", "", "",
      NOV, 1000, 100, -1, -1, -1, 84000000, 0 },
    { "the alias without -v1:0", "anthropic.claude-sonnet-4-20250514", "", "",
      NOV, 1000, 100, -1, -1, -1, 4500000000, 0 },
    { "foundation-model ARN, its region first",
      "arn:aws:bedrock:us-gov-west-1::foundation-model/"
      "anthropic.claude-sonnet-4-6", "us-east-1", "", NOV,
      1000, 100, -1, -1, -1, 5400000000, 0 },
    { "inference-profile ARN",
      "arn:aws:bedrock:us-east-1:111122223333:inference-profile/"
      "global.anthropic.claude-sonnet-4-6", "", "", NOV,
      1000, 100, -1, -1, -1, 4500000000, 0 },
    { "custom-model ARN: the base in its middle part",
      "arn:aws:bedrock:us-east-1:111122223333:custom-model/"
      "amazon.nova-lite-v1:0.mine/0123456789ab", "", "", NOV,
      1000, 100, -1, -1, -1, 84000000, 0 },
    { "opaque ARN through an alias, route and all",
      "arn:aws:bedrock:eu-west-1:111122223333:application-inference-profile/"
      "abc123def456", "eu-west-1", "", NOV,
      1000, 100, -1, -1, -1, 4500000000, 0 },
    { "opaque ARN: the region is the ARN's",
      "arn:aws:bedrock:us-gov-west-1:111122223333:provisioned-model/"
      "0123456789ab", "eu-west-1", "", NOV,
      1000, 100, -1, -1, -1, 5400000000, 0 },
    { "an alias of the house", "house-model", "", "", NOV,
      1000, 100, -1, -1, -1, 4950000000, 0 },
    { "opaque ARN without an alias: unpriced",
      "arn:aws:bedrock:us-east-1:111122223333:imported-model/0123456789ab",
      "", "", NOV, 1000, 100, -1, -1, -1, -1, 0 },
    { "unknown model: unpriced", "xai.grok-4.7", "us-east-1", "", NOV,
      1000, 100, -1, -1, -1, -1, 0 },
    { "a provider is no prefix", "openai.anthropic.claude-sonnet-4-6", "", "",
      NOV, 1000, 100, -1, -1, -1, -1, 0 },
    { "a prefix before a direct id is nothing", "us.gpt-6.1-sol", "", "", NOV,
      1000, 100, -1, -1, -1, -1, 0 },
    { "a direct id inside an ARN is nothing",
      "arn:aws:bedrock:us-east-1::foundation-model/claude-sonnet-4-6", "", "",
      NOV, 1000, 100, -1, -1, -1, -1, 0 },
    { "no model", "", "", "", NOV, 1000, 100, -1, -1, -1, -1, 0 },

    /* service tiers */

    { "flex: half", "openai.gpt-oss-120b-1:0", "", "flex", NOV,
      1000, 100, -1, -1, -1, 105000000, 0 },
    { "priority: 1.75", "openai.gpt-oss-120b-1:0", "", "priority", NOV,
      1000, 100, -1, -1, -1, 367500000, 0 },
    { "batch: half", "openai.gpt-oss-120b-1:0", "", "batch", NOV,
      1000, 100, -1, -1, -1, 105000000, 0 },
    { "batch as the row says it", "mistral.mistral-large-2407-v1:0", "",
      "batch", NOV, 1000, 100, -1, -1, -1, 1950000000, 0 },
    { "default is standard", "openai.gpt-oss-120b-1:0", "", "default", NOV,
      1000, 100, -1, -1, -1, 210000000, 0 },
    { "standard needs no row", "amazon.nova-lite-v1:0", "", "standard", NOV,
      1000, 100, -1, -1, -1, 84000000, 0 },
    { "a tier the row does not have: unpriced", "anthropic.claude-sonnet-4-6",
      "", "priority", NOV, 1000, 100, -1, -1, -1, -1, 0 },
    { "reserved: unpriced", "openai.gpt-oss-120b-1:0", "", "reserved", NOV,
      1000, 100, -1, -1, -1, -1, 0 },

    /* cache */

    { "cache read and both writes",
      "global.anthropic.claude-sonnet-4-6", "", "", NOV,
      1000, 100, 400, 300, 100,
      300 * 3000000LL + 400 * 300000LL + 200 * 3750000LL + 100 * 6000000LL
      + 100 * 15000000LL, 0 },
    { "a premium holds for cache prices too",
      "us.anthropic.claude-sonnet-4-6", "", "", NOV,
      10000, 0, 10000, -1, -1, 3300000000, 0 },
    { "Nova: writes are free", "amazon.nova-lite-v1:0", "", "", NOV,
      1000, 0, 0, 1000, -1, 0, 0 },
    { "Nova: reads at a quarter", "amazon.nova-lite-v1:0", "", "", NOV,
      1000, 0, 1000, 0, -1, 15000000, 0 },
    { "no cache prices: cached input is input",
      "openai.gpt-oss-120b-1:0", "", "", NOV,
      1000, 0, 800, 100, -1, 150000000, 0 },
    { "one-hour writes without their price: unpriced",
      "openai.gpt-6.1-sol", "", "", NOV, 1000, 0, 0, 500, 500, -1, 0 },

    /* long context */

    { "GPT: at 272,000 the short price", "openai.gpt-6.1-sol", "", "", NOV,
      272000, 1000, -1, -1, -1, 554000000000, 0 },
    { "GPT: one more, the whole call at the long price",
      "openai.gpt-6.1-sol", "", "", NOV,
      272001, 1000, -1, -1, -1, 1103004000000, 1 },
    { "Haiku: cache counts towards 100,000",
      "global.anthropic.claude-haiku-5-5", "", "", NOV,
      100001, 10, 50000, 50000, -1,
      1 * 500000LL + 50000 * 50000LL + 50000 * 625000LL + 10 * 2500000LL, 1 },
    { "Haiku: at 100,000 the short price",
      "global.anthropic.claude-haiku-5-5", "", "", NOV,
      100000, 10, 50000, 50000, -1,
      50000 * 10000LL + 50000 * 125000LL + 10 * 500000LL, 0 },
    { "long context and premium together",
      "us.anthropic.claude-haiku-5-5", "", "", NOV,
      200000, 0, -1, -1, -1, 110000000000, 1 },

    /* time */

    { "the day before a price change", "anthropic.claude-sonnet-5-5", "", "",
      OCT6, 1000, 0, 1000, -1, -1, 200000000, 0 },
    { "the day of a price change", "anthropic.claude-sonnet-5-5", "", "",
      OCT7, 1000, 0, 1000, -1, -1, 100000000, 0 },

    { "the last second of a price", "house.ended", "", "", OCT6,
      1000, 0, -1, -1, -1, 1000000000, 0 },
    { "a price that has ended: unpriced", "house.ended", "", "", OCT7,
      1000, 0, -1, -1, -1, -1, 0 },

    /* discounts and rounding */

    { "a family's discount", "house.discounted", "", "", NOV,
      1000, 0, -1, -1, -1, 875000000, 0 },
    { "a row's discount takes its place", "house.row-discount", "", "", NOV,
      1000, 0, -1, -1, -1, 500000000, 0 },
    { "half a pico-USD rounds up", "house.odd", "", "", NOV,
      1, 0, -1, -1, -1, 1, 0 },
    { "rounded once, not by part", "house.odd", "", "", NOV,
      1, 1, -1, -1, -1, 2, 0 },
    { "one and a half rounds up", "house.odd", "", "", NOV,
      0, 1, -1, -1, -1, 2, 0 },
    { "what does not fit 63 bits is unpriced", "house.dearest", "", "", NOV,
      1LL << 48, 1LL << 48, -1, -1, -1, -1, 0 },
    { "the largest that fits", "house.dearest", "", "", NOV,
      922337203, 0, -1, -1, -1, 9223372030000000000LL, 0 },

    /* the rest */

    { "embeddings: input alone", "amazon.titan-embed-text-v2:0:8k", "", "",
      NOV, 1234, -1, -1, -1, -1, 24680000, 0 },
    { "output that was not told counts as nothing",
      "amazon.nova-lite-v1:0", "", "", NOV,
      1000, -1, -1, -1, -1, 60000000, 0 },
    { "speech: usage does not tell it from text: unpriced",
      "amazon.nova-sonic-v1:0", "", "", NOV, 10, 10, -1, -1, -1, -1, 0 }
};


static genai_price_table_t  *t;


static void *
alloc(void *data, size_t size)
{
    (void) data;

    return malloc(size);
}


static void
run(const price_case_t *k)
{
    int            good;
    genai_call_t   c;

    genai_call_init(&c, NULL, 0);

    c.api = GENAI_API_BEDROCK;
    c.operation = GENAI_OP_CHAT;
    c.model = genai_strz(k->model);
    c.region = genai_strz(k->region);
    c.service_tier = genai_strz(k->tier);
    c.input_tokens = k->in;
    c.output_tokens = k->out;
    c.cache_read_tokens = k->read;
    c.cache_write_tokens = k->write;
    c.cache_write_1h_tokens = k->hour;
    c.usage_source = GENAI_SOURCE_BODY;

    genai_price_call(t, &c, k->when);

    if (k->cost < 0) {
        good = !c.priced && c.cost_pico == -1
               && c.skip == GENAI_SKIP_UNPRICED;
    } else {
        good = c.priced && c.cost_pico == k->cost
               && (int) c.price_long == k->is_long
               && c.skip == GENAI_SKIP_NONE
               && genai_str_is(c.price_version, "test-1");
    }

    if (!ok(good, "%s", k->name)) {
        printf("#   got %lld priced %u long %u skip %u, expected %lld\n",
               (long long) c.cost_pico, c.priced, c.price_long, c.skip,
               (long long) k->cost);
    }
}


static void
one(unsigned op, const char *model, int64_t images, int64_t documents,
    int64_t want, const char *name)
{
    genai_call_t  c;

    genai_call_init(&c, NULL, 0);

    c.operation = op;
    c.model = genai_strz(model);
    c.images = images;
    c.search_units = documents;

    genai_price_call(t, &c, NOV);

    is_int(c.priced ? c.cost_pico : -1, want, name);
}


static void
units(void)
{
    one(GENAI_OP_RERANK, "cohere.rerank-v3-5:0", -1, 1, 2000000000,
        "rerank: one document is a query");
    one(GENAI_OP_RERANK, "cohere.rerank-v3-5:0", -1, 100, 2000000000,
        "rerank: 100 documents are one query");
    one(GENAI_OP_RERANK, "cohere.rerank-v3-5:0", -1, 101, 4000000000,
        "rerank: 101 documents are two");
    one(GENAI_OP_RERANK, "cohere.rerank-v3-5:0", -1, 0, 2000000000,
        "rerank: an empty query is billed");
    one(GENAI_OP_RERANK, "cohere.rerank-v3-5:0", -1, -1, -1,
        "rerank: unknown number of documents is unpriced");
    one(GENAI_OP_IMAGE, "amazon.nova-canvas-v1:0", 3, -1, 120000000000,
        "images: each one");
    one(GENAI_OP_IMAGE, "amazon.nova-canvas-v1:0", 0, -1, 0,
        "images: none made, none billed");
    one(GENAI_OP_IMAGE, "amazon.nova-canvas-v1:0", -1, -1, -1,
        "images: unknown number is unpriced");
}


static void
base(genai_call_t *c, const char *model)
{
    genai_call_init(c, NULL, 0);

    c->api = GENAI_API_BEDROCK;
    c->operation = GENAI_OP_CHAT;
    c->model = genai_strz(model);
    c->input_tokens = 1000;
    c->output_tokens = 100;
    c->usage_source = GENAI_SOURCE_BODY;
    c->usage_complete = 1;
}


static void
reasons(void)
{
    genai_call_t  c;

    base(&c, "global.anthropic.claude-sonnet-4-6");
    c.from_cache = 1;
    genai_price_call(t, &c, NOV);
    ok(c.priced && c.cost_pico == 0 && c.skip == GENAI_SKIP_NONE,
       "out of a cache: costs 0, and that is known");

    base(&c, "global.anthropic.claude-sonnet-4-6");
    c.operation = GENAI_OP_COUNT_TOKENS;
    genai_price_call(t, &c, NOV);
    ok(!c.priced && c.skip == GENAI_SKIP_NOT_BILLED,
       "counting tokens is not billed");

    base(&c, "amazon.nova-lite-v1:0");
    c.operation = GENAI_OP_ASYNC_INVOKE;
    genai_price_call(t, &c, NOV);
    is_int(c.skip, GENAI_SKIP_NOT_BILLED, "nor the start of async work");

    base(&c, "amazon.nova-lite-v1:0");
    c.usage_source = GENAI_SOURCE_NONE;
    c.input_tokens = c.output_tokens = -1;
    c.status = 429;
    c.error = 1;
    genai_price_call(t, &c, NOV);
    ok(!c.priced && c.skip == GENAI_SKIP_NOT_BILLED, "nor an error");

    base(&c, "amazon.nova-lite-v1:0");
    c.usage_source = GENAI_SOURCE_NONE;
    c.input_tokens = c.output_tokens = -1;
    c.status = 504;
    c.error = 1;
    genai_price_call(t, &c, NOV);
    is_int(c.skip, GENAI_SKIP_NO_USAGE,
           "a timeout of ours: it may be billed, so it does not say not");

    base(&c, "amazon.nova-lite-v1:0");
    c.usage_source = GENAI_SOURCE_NONE;
    c.input_tokens = c.output_tokens = -1;
    c.streamed = 1;
    c.error = 1;
    genai_price_call(t, &c, NOV);
    is_int(c.skip, GENAI_SKIP_NOT_BILLED,
           "a stream that begins with an error is as an error");

    base(&c, "amazon.nova-lite-v1:0");
    c.usage_source = GENAI_SOURCE_NONE;
    c.input_tokens = c.output_tokens = -1;
    c.streamed = 1;
    c.error = 1;
    c.text_events = 1;
    genai_price_call(t, &c, NOV);
    is_int(c.skip, GENAI_SKIP_NO_USAGE,
           "not one that has an error after some text");

    base(&c, "amazon.nova-lite-v1:0");
    c.usage_source = GENAI_SOURCE_NONE;
    c.input_tokens = c.output_tokens = -1;
    c.status = 200;
    c.error = 1;
    genai_price_call(t, &c, NOV);
    is_int(c.skip, GENAI_SKIP_NO_USAGE,
           "nor does an exception inside a stream without usage");

    base(&c, "amazon.nova-lite-v1:0");
    c.status = 200;
    c.error = 1;
    genai_price_call(t, &c, NOV);
    is_int(c.cost_pico, 84000000,
           "an exception inside a stream: what was used is billed");

    base(&c, "amazon.nova-lite-v1:0");
    c.usage_source = GENAI_SOURCE_NONE;
    c.input_tokens = c.output_tokens = -1;
    c.status = 200;
    genai_price_call(t, &c, NOV);
    ok(!c.priced && c.skip == GENAI_SKIP_NO_USAGE,
       "an answer without usage says so");

    base(&c, "amazon.nova-lite-v1:0");
    c.skip = GENAI_SKIP_ENCODED;
    c.input_tokens = -1;
    genai_price_call(t, &c, NOV);
    is_int(c.skip, GENAI_SKIP_ENCODED, "the first reason stays");

    base(&c, "amazon.nova-lite-v1:0");
    genai_price_call(NULL, &c, NOV);
    is_int(c.skip, GENAI_SKIP_UNPRICED, "no table: unpriced");

    base(&c, "openai.gpt-oss-120b-1:0");
    c.latency_mode = genai_strz("optimized");
    c.service_tier = genai_strz("flex");
    genai_price_call(t, &c, NOV);
    is_int(c.skip, GENAI_SKIP_UNPRICED,
           "latency-optimised without its price: unpriced");

    base(&c, "arn:aws:bedrock:us-east-1:111122223333:"
             "application-inference-profile/zzz");
    c.response_model = genai_strz("claude-sonnet-4-20250514");
    genai_price_call(t, &c, NOV);
    is_int(c.cost_pico, 4500000000,
           "opaque ARN, the answer names a model with one price everywhere");

    base(&c, "arn:aws:bedrock:us-east-1:111122223333:"
             "application-inference-profile/zzz");
    c.response_model = genai_strz("claude-sonnet-4-6");
    genai_price_call(t, &c, NOV);
    is_int(c.skip, GENAI_SKIP_UNPRICED,
           "but where the route matters it is not guessed");

    base(&c, "arn:aws:bedrock:us-east-1:111122223333:prompt-router/zzz");
    c.response_model = genai_strz("arn:aws:bedrock:us-east-1:111122223333:"
                       "inference-profile/us.anthropic.claude-sonnet-4-6");
    genai_price_call(t, &c, NOV);
    is_int(c.cost_pico, 4950000000, "prompt router: the invoked model");
}


/* no count, no cost: the three reasons send an operator to three places */

static void
missing(void)
{
    static const struct {
        const char  *model;
        unsigned     op;
        int          input;
        unsigned     truncated, aborted, bad_body;
        unsigned     skip;
        const char  *name;
    } rows[] = {
        { "amazon.nova-lite-v1:0", GENAI_OP_CHAT, -1, 1, 0, 0,
          GENAI_SKIP_TRUNCATED, "cut before its usage" },
        { "amazon.nova-lite-v1:0", GENAI_OP_CHAT, -1, 0, 1, 0,
          GENAI_SKIP_TRUNCATED, "left by the client before it" },
        { "amazon.nova-lite-v1:0", GENAI_OP_CHAT, -1, 0, 0, 1,
          GENAI_SKIP_BAD_BODY, "not to be read as far as it" },
        { "amazon.nova-lite-v1:0", GENAI_OP_CHAT, 1000, 1, 0, 1,
          GENAI_SKIP_NONE, "cut after it: there is a cost" },
        { "acme.nothing-v1:0", GENAI_OP_CHAT, -1, 1, 0, 0,
          GENAI_SKIP_UNPRICED, "no row: a whole answer has no cost either" },
        { "amazon.nova-canvas-v1:0", GENAI_OP_IMAGE, -1, 1, 0, 0,
          GENAI_SKIP_TRUNCATED, "images that were not counted to the end" },
        { "cohere.rerank-v3-5:0", GENAI_OP_RERANK, -1, 0, 0, 0,
          GENAI_SKIP_NO_USAGE, "documents not told are no missing price" }
    };

    size_t        i;
    genai_call_t  c;

    for (i = 0; i < genai_nelts(rows); i++) {
        base(&c, rows[i].model);
        c.operation = (uint8_t) rows[i].op;
        c.input_tokens = rows[i].input;
        c.truncated = rows[i].truncated & 1;
        c.aborted = rows[i].aborted & 1;
        c.bad_body = rows[i].bad_body & 1;
        genai_price_call(t, &c, NOV);
        is_int(c.skip, rows[i].skip, rows[i].name);
    }
}


static void
bounds(void)
{
    int            rc;
    int64_t        cost;
    genai_str_t    none = { NULL, 0 };

#define bound(m, tier, in, out)                                               \
    genai_price_bound(t, genai_strz(m), none, genai_strz(tier), NOV, in, out, \
                      0, 0, &cost)

    rc = bound("global.anthropic.claude-sonnet-4-6", "", 1000, 100);
    is_int(rc == GENAI_OK ? cost : -1, 1000 * 6000000LL + 100 * 15000000LL,
           "bound: all input at the dearest input price");

    rc = bound("global.anthropic.claude-sonnet-4-6", "", 0, -1);
    is_int(rc == GENAI_OK ? cost : -1, 64000 * 15000000LL,
           "bound: the row's maximum where no max_tokens is given");

    rc = bound("openai.gpt-6.1-sol", "", 300000, 0);
    is_int(rc == GENAI_OK ? cost : -1, 300000 * 5000000LL,
           "bound: long-context price when input can reach it");

    rc = bound("openai.gpt-oss-120b-1:0", "flex", 1000, 0);
    is_int(rc == GENAI_OK ? cost : -1, 150000000,
           "bound: no tier below standard");

    rc = bound("openai.gpt-oss-120b-1:0", "reserved", 1000, 0);
    is_int(rc == GENAI_OK ? cost : -1, 262500000,
           "bound: an unknown tier is the dearest");

    is_int(bound("amazon.nova-lite-v1:0", "", 1, -1), GENAI_DECLINED,
           "bound: none without any limit of output");
    is_int(bound("xai.grok-4.7", "", 1, 1), GENAI_DECLINED,
           "bound: none for an unknown model");

    rc = genai_price_bound(t, genai_strz("meta.llama3-3-70b-instruct-v1:0"),
                           genai_strz("us-gov-west-1"), none, NOV, 1000, 0,
                           0, 0, &cost);
    is_int(rc == GENAI_OK ? cost : -1, 900000000,
           "bound: the dearest route where the route's price is unknown");

    rc = genai_price_bound(t, genai_strz("cohere.rerank-v3-5:0"), none, none,
                           NOV, 0, 0, 250, 0, &cost);
    is_int(rc == GENAI_OK ? cost : -1, 6000000000, "bound: rerank queries");

    is_int(bound("house.dearest", "", 1LL << 40, 0), GENAI_ERROR,
           "bound: too large for 63 bits");
}


/* a bound is never below the cost of a call within it */

static void
property(void)
{
    int             i, bad;
    int64_t         bound, in, out;
    genai_str_t     none = { NULL, 0 };
    genai_call_t    c;
    static const char  *models[] = {
        "us.anthropic.claude-haiku-5-5", "openai.gpt-6.1-sol",
        "global.anthropic.claude-sonnet-4-6", "amazon.nova-lite-v1:0"
    };

    srand(1);
    bad = 0;

    for (i = 0; i < 20000; i++) {
        base(&c, models[i & 3]);

        in = rand() % 400000;
        out = rand() % 1000;

        c.input_tokens = in - in * (rand() % 100) / 100;
        c.cache_read_tokens = c.input_tokens / (1 + rand() % 4);
        c.cache_write_tokens = (c.input_tokens - c.cache_read_tokens) / 2;
        c.output_tokens = out ? rand() % out : 0;

        genai_price_call(t, &c, NOV);

        bad += genai_price_bound(t, c.model, none, none, NOV, in, out, 0, 0,
                                 &bound) != GENAI_OK
               || !c.priced || c.cost_pico > bound;
    }

    is_int(bad, 0, "20,000 random calls cost no more than their bound");
}


/* what was found before is given again only for the same question, and only
 * while its row lasts */

static void
memo(void)
{
    static const char  *models[] = {
        "us.anthropic.claude-sonnet-4-6", "eu.anthropic.claude-sonnet-4-6",
        "house-model", "claude-sonnet-4-6", "anthropic.claude-sonnet-5-5",
        "global.anthropic.claude-sonnet-5-5", "openai.gpt-6.1-sol",
        "gpt-6.1-sol", "openai.gpt-oss-120b-1:0",
        "meta.llama3-3-70b-instruct-v1:0", "nothing", "x", "",
        "arn:aws:bedrock:eu-west-1:111122223333:application-inference-profile"
        "/abc123def456",
        "arn:aws:bedrock:us-east-1:111122223333:inference-profile/"
        "us.anthropic.claude-sonnet-4-6-and-a-name-longer-than-what-is-kept-"
        "for-a-model-that-was-found-before"
    };
    static const char  *regions[] = { "", "us-east-1", "ap-south-1",
                                      "us-gov-west-1" };
    static const char  *tiers[] = { "", "flex", "priority", "nothing" };
    static const int64_t  times[] = { 0, OCT6, OCT7, NOV };

    int                  i, bad, rc, fresh_rc;
    int64_t              when;
    genai_str_t          model, region, tier;
    genai_price_t        p, fresh;
    genai_price_table_t  forgetful;

    forgetful = *t;
    forgetful.memo = alloc(NULL, GENAI_PRICE_MEMO
                                 * sizeof(genai_price_memo_t));
    srand(2);
    bad = 0;

    for (i = 0; i < 50000; i++) {
        model = genai_strz(models[rand() % (int) genai_nelts(models)]);
        region = genai_strz(regions[rand() & 3]);
        tier = genai_strz(tiers[rand() & 3]);
        when = times[rand() & 3];

        memset(forgetful.memo, 0,
               GENAI_PRICE_MEMO * sizeof(genai_price_memo_t));

        rc = genai_price_resolve(t, model, region, tier, when, &p);
        fresh_rc = genai_price_resolve(&forgetful, model, region, tier, when,
                                       &fresh);

        bad += rc != fresh_rc || p.row != fresh.row || p.rates != fresh.rates
               || p.long_rates != fresh.long_rates
               || p.route_ppm != fresh.route_ppm
               || p.tier_ppm != fresh.tier_ppm || p.why != fresh.why
               || p.direct != fresh.direct;
    }

    is_int(bad, 0, "50,000 random questions: what was found before is not "
                   "another's");
}


int
main(void)
{
    char                      err[512];
    size_t                    i;
    genai_call_t              c;
    const genai_price_row_t  *row;

    if (!ok(genai_price_parse(table, sizeof(table) - 1, alloc, NULL, &t, err,
                              sizeof(err))
            == GENAI_OK, "the test's table loads"))
    {
        printf("# %s\n", err);
        return done();
    }

    for (i = 0; i < genai_nelts(cases); i++) {
        run(&cases[i]);
    }

    units();
    reasons();
    missing();
    bounds();
    property();
    memo();

    row = genai_price_lookup(t, genai_strz("us.anthropic.claude-sonnet-4-6"),
                             NOV);
    ok(row && genai_str_is(row->family, "claude-sonnet-4")
       && row->context == 1000000 && row->max_output == 64000,
       "family and limits by lookup");

    row = genai_price_lookup(t, genai_strz("us-gov.meta.llama3-3-70b-instruct"
                                           "-v1:0"), NOV);
    ok(row && genai_str_is(row->family, "llama-3"),
       "family also where there is no price");

    ok(genai_price_lookup(t, genai_strz("nothing"), NOV) == NULL,
       "no row for an unknown model");

    base(&c, "us.anthropic.claude-sonnet-4-6");
    ok(genai_price_call(t, &c, NOV) == genai_price_lookup(t, c.model, NOV),
       "pricing a call gives the row of its model");

    c.deployment = 1;
    c.response_model = genai_strz("gpt-6.1-sol");
    ok(genai_price_call(t, &c, NOV) == NULL,
       "and none when it went by the model that answered");

    return done();
}
