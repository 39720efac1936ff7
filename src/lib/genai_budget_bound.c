/*
 * What a call may need at most, and what it did need.
 */

#define _GNU_SOURCE

#include "genai_api.h"
#include "genai_budget_bound.h"
#include "genai_inflate.h"
#include "genai_usage.h"


#define BOUND_MAX  GENAI_USAGE_MAX     /* tokens: more are no real call */


static int facts_tier_open(const genai_call_t *c, genai_str_t tier);
static int64_t facts_max_tokens(const genai_call_t *c);
static int bound_holds(genai_str_t s, const char *z);


void
genai_budget_facts(const genai_call_t *c, genai_str_t region, int64_t when,
    genai_budget_facts_t *f)
{
    uint64_t  bytes;

    memset(f, 0, sizeof(*f));

    f->model = c->model;
    f->region = region.len ? region : c->region;
    f->when = when;
    f->operation = c->operation;

    /* latency-optimised inference has prices of its own */

    f->tier = genai_str_is(c->latency_mode, "optimized") ? c->latency_mode
                                                         : c->service_tier;

    if (facts_tier_open(c, f->tier)) {
        f->tier = genai_strz("auto");
    }

    bytes = c->request_coding != GENAI_CODING_NONE ? c->request_decoded
                                                   : c->request_bytes;
    f->body = bytes < (uint64_t) BOUND_MAX ? (int64_t) bytes : BOUND_MAX;

    f->max_tokens = facts_max_tokens(c);
    f->open = (c->limits > c->limits_given);
    f->choices = c->choices;
    f->prompts = c->prompts;
    f->images = c->choices;

    f->media = c->media_parts;
    f->files = c->files + (int64_t) (c->file_blocks < c->file_sources
                                     ? c->file_blocks : c->file_sources);
    f->documents = c->search_units;
    f->tools = (c->tools_offered != 0);

    /* what a knowledge base finds, what a stored prompt says */

    f->elsewhere = c->input_elsewhere
                   || (c->api_op && c->api_op->no_usage)
                   || bound_holds(c->model, ":prompt/");
    f->unread = !c->request_whole || c->request_odd;
}


/* a tier that is not said is the project's at OpenAI, which may be dearer;
 * of two dear ones the dearest counts */

static int
facts_tier_open(const genai_call_t *c, genai_str_t tier)
{
    if (c->service_tier.len == 0 && c->api == GENAI_API_OPENAI
        && !genai_str_is(c->provider, "aws.bedrock"))
    {
        return 1;
    }

    if (genai_tier_is_standard(tier)) {
        return c->tier_dear;
    }

    return genai_str_is(c->latency_mode, "optimized")
           && !genai_tier_is_standard(c->service_tier);
}


/* a budget to think is part of max_tokens at Anthropic (but may be above it
 * between tools); at Google and Cohere what is said of it differs from what
 * was seen, so it goes on top */

static int64_t
facts_max_tokens(const genai_call_t *c)
{
    if (c->max_tokens < 0 || c->thinking <= 0) {
        return c->max_tokens;
    }

    if (c->api == GENAI_API_GEMINI || c->api == GENAI_API_COHERE) {
        return c->max_tokens + c->thinking;
    }

    return c->thinking > c->max_tokens ? c->thinking : c->max_tokens;
}


static int
bound_holds(genai_str_t s, const char *z)
{
    return s.len && memmem(s.data, s.len, z, strlen(z)) != NULL;
}


static int64_t
bound_times(int64_t a, int64_t b)
{
    int64_t  v;

    return __builtin_mul_overflow(a, b, &v) || v > BOUND_MAX ? BOUND_MAX : v;
}


/*
 * Tokens of all prompts of a chat, -1 when not known.  Embeddings and rerank
 * take many texts, each with its own context; a context that ends where the
 * long one begins is not the whole one.
 */

static int64_t
bound_context(const genai_budget_facts_t *f, const genai_price_row_t *row)
{
    if (row == NULL || row->context <= 0
        || (row->long_over >= 0 && row->long_over >= row->context))
    {
        return -1;
    }

    return bound_times(row->context, f->prompts > 1 ? f->prompts : 1);
}


static int64_t
bound_input(const genai_budget_facts_t *f, const genai_price_row_t *row)
{
    int      chat;
    int64_t  n, context;

    n = f->body > 0 ? f->body : 0;
    n = n < BOUND_MAX ? n : BOUND_MAX;

    if (f->media > 0) {
        n += bound_times(f->media, f->media_tokens > 0
                                       ? f->media_tokens
                                       : GENAI_BUDGET_MEDIA_TOKENS);
    }

    if (f->tools) {
        n += GENAI_BUDGET_TOOLS_TOKENS;
    }

    if (bound_holds(f->model, "gpt-oss")) {
        n += GENAI_BUDGET_CHAT_TOKENS;
    }

    if (f->files > 0) {
        n += bound_times(f->files, GENAI_BUDGET_FILE_TOKENS);
    }

    chat = f->operation == GENAI_OP_CHAT
           || f->operation == GENAI_OP_TEXT_COMPLETION;
    context = bound_context(f, row);

    if (f->elsewhere) {
        if (context < 0) {
            return GENAI_BUDGET_UNKNOWN;
        }

        n = chat ? context : n + context;
    }

    n = n < BOUND_MAX ? n : BOUND_MAX;

    return chat && context >= 0 && n > context ? context : n;
}


static int64_t
bound_output(const genai_budget_facts_t *f, const genai_price_row_t *row)
{
    int64_t  n, max;

    n = f->max_tokens;

    if (n < 0 || f->open) {
        max = row == NULL ? -1
            : row->max_output > 0 ? row->max_output
            : row->context > 0 ? row->context : -1;

        if (max < 0) {
            return GENAI_BUDGET_UNKNOWN;
        }

        n = n > max ? n : max;
    }

    n = bound_times(n, f->choices > 1 ? f->choices : 1);

    return bound_times(n, f->prompts > 1 ? f->prompts : 1);
}


static void
bound_none(genai_budget_amounts_t *a)
{
    a->usd_pico = GENAI_BUDGET_UNKNOWN;
    a->itok = GENAI_BUDGET_UNKNOWN;
    a->otok = GENAI_BUDGET_UNKNOWN;
}


int
genai_budget_bound(const genai_price_table_t *t,
    const genai_budget_facts_t *f, genai_budget_amounts_t *a)
{
    int64_t                   images, documents;
    const genai_price_row_t  *row;

    memset(a, 0, sizeof(*a));
    a->req = 1;

    images = 0;
    documents = 0;
    row = t ? genai_price_lookup(t, f->model, f->when) : NULL;

    switch (f->operation) {

    case GENAI_OP_CHAT:
    case GENAI_OP_TEXT_COMPLETION:
        a->otok = bound_output(f, row);
        break;

    case GENAI_OP_EMBEDDINGS:
        break;

    case GENAI_OP_RERANK:
        documents = f->documents > 0 ? f->documents : 0;
        break;

    case GENAI_OP_IMAGE:
        images = f->images > 0 ? f->images : 1;

        if (row == NULL || row->rates.output >= 0) {
            a->otok = bound_times(images, GENAI_BUDGET_MEDIA_TOKENS);
        }

        break;

    case GENAI_OP_INVOKE_AGENT:
        bound_none(a);
        return GENAI_DECLINED;

    default:
        return GENAI_OK;
    }

    if (f->unread) {
        bound_none(a);
        return GENAI_DECLINED;
    }

    a->itok = bound_input(f, row);

    if (a->itok < 0 || a->otok < 0 || row == NULL
        || genai_price_bound(t, f->model, f->region, f->tier, f->when,
                             a->itok, a->otok, documents, images,
                             &a->usd_pico) != GENAI_OK)
    {
        a->usd_pico = GENAI_BUDGET_UNKNOWN;
        return GENAI_DECLINED;
    }

    return GENAI_OK;
}


int
genai_budget_actual(const genai_call_t *c, genai_budget_amounts_t *a)
{
    int  generates;

    memset(a, 0, sizeof(*a));
    a->req = 1;

    if (c->from_cache || c->skip == GENAI_SKIP_NOT_BILLED) {
        return GENAI_OK;
    }

    generates = c->operation != GENAI_OP_EMBEDDINGS
                && c->operation != GENAI_OP_RERANK
                && c->operation != GENAI_OP_IMAGE;

    a->usd_pico = c->priced ? c->cost_pico : GENAI_BUDGET_UNKNOWN;
    a->itok = c->input_tokens;
    a->otok = c->output_tokens;

    /* what these return is not counted in tokens, nor reserved as such; a
     * cost without the half that was not read is none */

    if (generates) {
        if (a->itok < 0 || a->otok < 0) {
            a->usd_pico = GENAI_BUDGET_UNKNOWN;
        }

    } else {
        a->itok = a->itok < 0 && c->priced ? 0 : a->itok;
        a->otok = a->otok < 0 ? 0 : a->otok;
    }

    return a->usd_pico < 0 || a->itok < 0 || a->otok < 0
           || c->usage_source == GENAI_SOURCE_PARTIAL
           || c->usage_source == GENAI_SOURCE_ESTIMATE
           ? GENAI_DECLINED : GENAI_OK;
}


void
genai_budget_fill(genai_budget_amounts_t *a,
    const genai_budget_amounts_t *reserved)
{
    a->usd_pico = a->usd_pico < 0 ? reserved->usd_pico : a->usd_pico;
    a->itok = a->itok < 0 ? reserved->itok : a->itok;
    a->otok = a->otok < 0 ? reserved->otok : a->otok;
    a->req = a->req < 0 ? reserved->req : a->req;
}
