/*
 * What becomes of a call's facts: names, kinds, status, attributes and their
 * types.
 */

#include <math.h>

#include "genai_span.h"
#include "test.h"


#define MAX  GENAI_SPAN_ATTRS_MAX


typedef struct {
    char               key[128];
    genai_span_attr_e  type;
    char               text[512];      /* of a list: joined by '|' */
    int64_t            i;
    double             d;
} seen_t;


static seen_t  seen[MAX];
static size_t  nseen;
static int     stop_after;


static int
collect(void *data, const genai_span_attr_t *a)
{
    size_t   i;
    seen_t  *s;

    (void) data;

    if (stop_after && nseen + 1 == (size_t) stop_after) {
        return GENAI_DECLINED;
    }

    s = &seen[nseen++];

    memset(s, 0, sizeof(seen_t));
    snprintf(s->key, sizeof(s->key), "%.*s", (int) a->key.len, a->key.data);
    s->type = a->type;

    switch (a->type) {

    case GENAI_ATTR_STRING:
        snprintf(s->text, sizeof(s->text), "%.*s", (int) a->s.len,
                 a->s.data);
        break;

    case GENAI_ATTR_STRINGS:
        for (i = 0; i < a->nlist; i++) {
            snprintf(s->text + strlen(s->text),
                     sizeof(s->text) - strlen(s->text), "%s%.*s",
                     i ? "|" : "", (int) a->list[i].len, a->list[i].data);
        }

        break;

    case GENAI_ATTR_DOUBLE:
        s->d = a->d;
        break;

    default:
        s->i = a->i;
        break;
    }

    return GENAI_OK;
}


static int
visit(const genai_call_t *c)
{
    nseen = 0;

    return genai_span_attrs(c, collect, NULL);
}


static const seen_t *
find(const char *key)
{
    size_t         i;
    const seen_t  *s = NULL;

    for (i = 0; i < nseen; i++) {
        if (strcmp(seen[i].key, key) == 0) {
            if (s) {
                ok(0, "%s comes twice", key);
            }

            s = &seen[i];
        }
    }

    return s;
}


static void
has_str(const char *key, const char *want)
{
    const seen_t  *s = find(key);

    if (!ok(s && s->type == GENAI_ATTR_STRING && strcmp(s->text, want) == 0,
            "%s is \"%s\"", key, want) && s)
    {
        printf("#   got \"%s\" of type %d\n", s->text, s->type);
    }
}


static void
has_list(const char *key, const char *want)
{
    const seen_t  *s = find(key);

    if (!ok(s && s->type == GENAI_ATTR_STRINGS && strcmp(s->text, want) == 0,
            "%s is the list %s", key, want) && s)
    {
        printf("#   got \"%s\" of type %d\n", s->text, s->type);
    }
}


static void
has_int(const char *key, int64_t want)
{
    const seen_t  *s = find(key);

    if (!ok(s && s->type == GENAI_ATTR_INT && s->i == want,
            "%s is the integer %lld", key, (long long) want) && s)
    {
        printf("#   got %lld of type %d\n", (long long) s->i, s->type);
    }
}


static void
has_double(const char *key, double want)
{
    const seen_t  *s = find(key);

    if (!ok(s && s->type == GENAI_ATTR_DOUBLE && s->d == want,
            "%s is the double %.17g", key, want) && s)
    {
        printf("#   got %.17g of type %d\n", s->d, s->type);
    }
}


static void
has_bool(const char *key, int want)
{
    const seen_t  *s = find(key);

    ok(s && s->type == GENAI_ATTR_BOOL && s->i == want, "%s is %s", key,
       want ? "true" : "false");
}


static void
has_not(const char *key)
{
    ok(find(key) == NULL, "no %s", key);
}


#define set(field, text)  (c->field = genai_strz(text))


static void
converse(genai_call_t *c)
{
    genai_call_init(c, NULL, 0);

    memset(c->trace_id, 0x11, 16);
    memset(c->span_id, 0x22, 8);

    c->kind = GENAI_SPAN_CLIENT;
    c->trace_flags = 3;
    c->api = GENAI_API_BEDROCK;
    c->operation = GENAI_OP_CHAT;
    c->step = GENAI_STEP_GENERATION;
    c->usage_source = GENAI_SOURCE_BODY;
    c->usage_complete = 1;
    c->finish = GENAI_FINISH_TOOL_CALL;
    c->status = 200;
    c->server_port = 443;
    c->stream = 1;
    c->streamed = 1;
    c->priced = 1;
    c->attempt = 2;
    c->start_unix_ns = 1700000000000000000ULL;
    c->start_ns = 5000000000ULL;
    c->first_event_ns = 5250000000ULL;
    c->first_reasoning_ns = 5375000000ULL;
    c->first_token_ns = 5500000000ULL;
    c->last_event_ns = 6500000000ULL;
    c->end_ns = 7000000001ULL;
    c->max_gap_ns = 41500000ULL;

    set(provider, "aws.bedrock");
    set(model, "anthropic.claude-sonnet-4-20250514-v1:0");
    set(response_model, "claude-sonnet-4-20250514");
    set(response_id, "msg_1");
    set(region, "us-east-1");
    set(method, "POST");
    set(path, "/model/x/converse-stream");
    set(location, "/model/");
    set(server_address, "bedrock-runtime.us-east-1.amazonaws.com");
    set(upstream, "10.1.2.3:443");
    set(user, "u-7");
    set(session, "s-9");
    set(tracestate, "vendor=1");
    set(request_id, "req-1");
    set(stop_reason, "tool_use");
    set(guardrail_id, "gr-1");
    set(stop_sequences, "END\x1fSTOP");
    set(price_version, "2026-11-01");

    c->ntools = 2;
    set(tools[0], "get_weather");
    set(tools[1], "search");

    c->input_tokens = 1200;
    c->output_tokens = 101;
    c->cache_read_tokens = 1000;
    c->cache_write_tokens = 0;
    c->reasoning_tokens = 40;
    c->total_tokens = 1301;
    c->cost_pico = 2415300000LL;
    c->max_tokens = 512;
    c->top_k = 5;
    c->temperature = 0.2;
    c->prompt_chars = 8000;
    c->system_chars = 1;
}


static void
test_converse(void)
{
    genai_call_t   call, *c = &call;
    genai_span_t   s;

    converse(c);
    genai_span_init(&s, c);

    is_mem(s.name.data, s.name.len,
           "chat anthropic.claude-sonnet-4-20250514-v1:0",
           "name: operation and model");
    is_int(s.kind, GENAI_SPAN_CLIENT, "kind CLIENT");
    is_int(s.status, GENAI_SPAN_UNSET, "status unset");
    is_int(s.flags, 0x103, "flags: W3C's and HAS_IS_REMOTE");
    ok(s.parent_id == NULL, "a root has no parent");
    is_mem(s.trace_state.data, s.trace_state.len, "vendor=1", "trace state");
    ok(s.end_unix_ns - s.start_unix_ns == 2000000001ULL,
       "the duration is the monotonic one");

    is_int(visit(c), GENAI_OK, "all visited");

    has_str("gen_ai.operation.name", "chat");
    has_str("gen_ai.provider.name", "aws.bedrock");
    has_str("gen_ai.system", "aws.bedrock");
    has_str("gen_ai.request.model", "anthropic.claude-sonnet-4-20250514-v1:0");
    has_int("gen_ai.request.max_tokens", 512);
    has_double("gen_ai.request.temperature", 0.2);
    has_not("gen_ai.request.top_p");
    has_int("gen_ai.request.top_k", 5);
    has_list("gen_ai.request.stop_sequences", "END|STOP");
    has_bool("gen_ai.request.stream", 1);
    has_str("gen_ai.response.id", "msg_1");
    has_str("gen_ai.response.model", "claude-sonnet-4-20250514");
    has_list("gen_ai.response.finish_reasons", "tool_call");
    has_double("gen_ai.response.time_to_first_chunk", 0.25);
    has_int("gen_ai.usage.input_tokens", 1200);
    has_int("gen_ai.usage.output_tokens", 101);
    has_int("gen_ai.usage.cache_read.input_tokens", 1000);
    has_int("gen_ai.usage.cache_write.input_tokens", 0);
    has_int("gen_ai.usage.cache_creation.input_tokens", 0);
    has_int("gen_ai.usage.reasoning.output_tokens", 40);
    has_double("gen_ai.usage.cost", 0.0024153);
    has_not("gen_ai.embeddings.dimension.count");
    has_str("server.address", "bedrock-runtime.us-east-1.amazonaws.com");
    has_int("server.port", 443);
    has_str("network.peer.address", "10.1.2.3");
    has_int("network.peer.port", 443);
    has_str("http.request.method", "POST");
    has_int("http.response.status_code", 200);
    has_not("error.type");
    has_not("http.route");
    has_not("url.path");
    has_str("aws.request_id", "req-1");
    has_str("aws.bedrock.guardrail.id", "gr-1");
    has_str("cloud.region", "us-east-1");
    has_str("session.id", "s-9");
    has_str("user.id", "u-7");
    has_double("genai.cost.usd", 0.0024153);
    has_int("genai.cost.pico_usd", 2415300000LL);
    has_int("genai.total_tokens", 1301);
    has_str("genai.price.version", "2026-11-01");
    has_str("genai.usage.source", "body");
    has_bool("genai.usage.complete", 1);
    has_not("genai.usage.disagreement");
    has_not("genai.skip_reason");
    has_str("genai.stop_reason", "tool_use");
    has_str("genai.api", "bedrock");
    has_str("genai.step", "llm_generation");
    has_not("genai.aborted");
    has_int("genai.attempt", 2);
    has_int("genai.max_gap_ms", 42);
    has_double("genai.time_to_first_reasoning", 0.375);
    has_double("genai.time_to_first_token", 0.5);
    has_double("genai.time_per_output_token", 0.01);
    has_list("genai.tools", "get_weather|search");
    has_int("rag.prompt_length_chars", 8001);
    has_int("rag.estimated_input_tokens", 2001);
    has_not("rag.context_window_exceeded");
}


static void
test_unknown(void)
{
    size_t        i;
    genai_call_t  call, *c = &call;
    genai_span_t  s;

    genai_call_init(c, NULL, 0);
    c->kind = GENAI_SPAN_CLIENT;
    c->start_ns = 10;
    c->end_ns = 5;
    c->start_unix_ns = 77;

    genai_span_init(&s, c);
    is_mem(s.name.data, s.name.len, "HTTP", "a call of no known facts");
    ok(s.end_unix_ns == 77, "an end before the start is the start");

    visit(c);

    for (i = 0; i < nseen; i++) {
        printf("# %s\n", seen[i].key);
    }

    is_int((long long) nseen, 0, "unknown is absent");
}


static void
test_error(void)
{
    char           long_text[400];
    genai_call_t   call, *c = &call;
    genai_span_t   s;
    const uint8_t  parent[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };

    converse(c);
    memcpy(c->parent_id, parent, 8);
    c->parent_remote = 1;
    c->status = 429;
    c->finish = GENAI_FINISH_NONE;
    c->priced = 0;
    c->usage_complete = 0;
    c->usage_source = GENAI_SOURCE_PARTIAL;
    c->aborted = 1;
    c->drained = 1;
    c->truncated = 1;
    c->skip = GENAI_SKIP_NOT_BILLED;
    c->disagreement = GENAI_DISAGREE_BODY_FRAME | GENAI_DISAGREE_BODY_HEADER;
    set(error_message, "Too many tokens");
    genai_call_error(c, genai_strz("ThrottlingException"),
                     GENAI_ORIGIN_UPSTREAM);

    genai_span_init(&s, c);
    is_int(s.status, GENAI_SPAN_ERROR, "status error");
    is_mem(s.message.data, s.message.len, "Too many tokens", "message");
    is_int(s.flags, 0x303, "a remote parent");
    ok(s.parent_id && memcmp(s.parent_id, parent, 8) == 0, "its id");

    visit(c);
    has_str("error.type", "ThrottlingException");
    has_str("genai.error.message", "Too many tokens");
    has_str("genai.error.origin", "upstream");
    has_int("http.response.status_code", 429);
    has_list("gen_ai.response.finish_reasons", "error");
    has_bool("genai.aborted", 1);
    has_bool("genai.drained", 1);
    has_bool("genai.truncated", 1);
    has_bool("genai.usage.complete", 0);
    has_str("genai.usage.source", "partial");
    has_str("genai.skip_reason", "not_billed");
    has_list("genai.usage.disagreement", "body_frame|body_header");
    has_not("gen_ai.usage.cost");
    has_not("genai.cost.usd");
    has_not("genai.cost.pico_usd");

    memset(long_text, 'x', 255);
    strcpy(long_text + 255, "\xc3\xa9 more");
    set(error_message, long_text);
    genai_span_init(&s, c);
    is_int((long long) s.message.len, 255,
           "a long message ends between characters");

    c->kind = GENAI_SPAN_SERVER;
    c->api = GENAI_API_APP;
    c->status = 404;
    genai_span_init(&s, c);
    is_int(s.status, GENAI_SPAN_UNSET, "4xx of a server is not its error");
    is_mem(s.name.data, s.name.len, "POST /model/", "method and route");
    is_int(s.kind, GENAI_SPAN_SERVER, "kind SERVER");
    visit(c);
    has_not("error.type");
    has_str("http.route", "/model/");
    has_str("url.path", "/model/x/converse-stream");
    has_not("gen_ai.provider.name");

    c->status = 503;
    genai_span_init(&s, c);
    is_int(s.status, GENAI_SPAN_ERROR, "5xx is");
}


static void
test_operations(void)
{
    genai_call_t  call, *c = &call;
    genai_span_t  s;

    converse(c);
    c->operation = GENAI_OP_EMBEDDINGS;
    c->step = GENAI_STEP_EMBEDDINGS;
    c->finish = GENAI_FINISH_NONE;
    c->streamed = 0;
    c->embedding_dimension = 1024;
    set(model, "amazon.titan-embed-text-v2:0");
    genai_span_init(&s, c);
    is_mem(s.name.data, s.name.len, "embeddings amazon.titan-embed-text-v2:0",
           "an embedding");
    visit(c);
    has_int("gen_ai.embeddings.dimension.count", 1024);
    has_int("rag.embedding_dimension", 1024);
    has_not("gen_ai.usage.output_tokens");
    has_not("gen_ai.response.finish_reasons");
    has_not("gen_ai.response.time_to_first_chunk");
    has_str("genai.step", "generate_embeddings");

    converse(c);
    c->operation = GENAI_OP_RETRIEVAL;
    c->documents = 3;
    c->score_count = 4;
    c->score_sum = 3;
    c->score_top = 0.875;
    c->top_k_requested = 10;
    c->ndocs = 2;
    set(docs[0], "d1");
    set(docs[1], "d2");
    set(data_source, "articles");
    genai_span_init(&s, c);
    is_mem(s.name.data, s.name.len, "retrieval articles", "a retrieval");
    visit(c);
    has_str("gen_ai.data_source.id", "articles");
    has_int("gen_ai.retrieval.top_k", 10);
    has_int("rag.documents_retrieved", 3);
    has_double("rag.avg_similarity_score", 0.75);
    has_double("rag.top_score", 0.875);
    has_list("rag.top_documents", "d1|d2");
    has_not("rag.retrieval_method");
    has_not("gen_ai.request.top_k");

    c->by_words = 1;
    visit(c);
    has_str("rag.retrieval_method", "keyword");

    c->operation = GENAI_OP_RERANK;
    visit(c);
    has_int("rag.documents_after_rerank", 3);
    has_double("rag.top_rerank_score", 0.875);
    has_not("rag.documents_retrieved");

    converse(c);
    c->operation = GENAI_OP_HTTP;
    c->api = GENAI_API_HTTP;
    set(method, "BREW");
    genai_span_init(&s, c);
    is_mem(s.name.data, s.name.len, "HTTP", "an unknown method's span");
    visit(c);
    has_str("http.request.method", "_OTHER");
    has_str("http.request.method_original", "BREW");
    has_not("gen_ai.operation.name");

    converse(c);
    c->finish = GENAI_FINISH_OTHER;
    set(stop_reason, "pause_turn");
    set(span_name, "my span");
    set(upstream, "[2001:db8::1]:8080");
    genai_span_init(&s, c);
    is_mem(s.name.data, s.name.len, "my span", "genai_span_name");
    visit(c);
    has_list("gen_ai.response.finish_reasons", "pause_turn");
    has_str("network.peer.address", "2001:db8::1");
    has_int("network.peer.port", 8080);

    set(upstream, "unix:/run/x.sock");
    visit(c);
    has_str("network.peer.address", "/run/x.sock");
    has_not("network.peer.port");
}


static void
test_own(void)
{
    genai_call_t  call, *c = &call;
    genai_attr_t  attrs[] = {
        { genai_string("tenant"), genai_string("acme"), 's', 1 },
        { genai_string("shard"), genai_string("17"), 'i', 0 },
        { genai_string("ratio"), genai_string("0.5"), 'd', 0 },
        { genai_string("beta"), genai_string("true"), 'b', 0 },
        { genai_string("odd"), genai_string("17x"), 'i', 0 },
        { genai_string("none"), genai_string(""), 's', 0 },
        { genai_string("twice"), genai_string("first"), 's', 0 },
        { genai_string("twice"), genai_string("last"), 's', 0 },
        { genai_string("user.id"), genai_string("mine"), 's', 0 },
        { genai_string("nan"), genai_string("nan"), 'd', 0 },
        { genai_string("bad"), genai_string("a\xff" "b"), 's', 0 }
    };

    converse(c);
    c->attrs = attrs;
    c->nattrs = genai_nelts(attrs);
    c->nscores = 1;
    c->scores[0].name = genai_strz("Faithfulness");
    c->scores[0].value = 0.9;

    visit(c);
    has_str("tenant", "acme");
    has_int("shard", 17);
    has_double("ratio", 0.5);
    has_bool("beta", 1);
    has_str("odd", "17x");
    has_not("none");
    has_str("twice", "last");
    has_str("user.id", "mine");
    has_not("nan");
    has_str("bad", "a\xef\xbf\xbd" "b");
    has_double("genai.score.Faithfulness", 0.9);

    stop_after = 4;
    is_int(visit(c), GENAI_DECLINED, "a visitor can stop");
    is_int((long long) nseen, 3, "and is not called again");
    stop_after = 0;
}


/* genai_span_profile rag: a step's plain keys, each with its one meaning */

static void
test_rag(void)
{
    genai_call_t  call, *c = &call;

    converse(c);
    visit(c);
    has_not("model_id");

    c->profile = GENAI_PROFILE_RAG;
    visit(c);
    ok(find("model_id") && find("gen_ai.request.model"),
       "the conventions' keys stay");
    has_int("input_tokens", c->input_tokens);
    has_int("output_tokens", c->output_tokens);
    has_int("total_tokens", c->total_tokens);
    has_double("generation_cost_usd", genai_span_usd_double(c->cost_pico));
    has_str("status", "success");
    has_not("error");
    has_not("context_window_exceeded");

    c->stop_reason = genai_strz("");
    c->context_exceeded = 1;
    c->priced = 0;
    c->error = 1;
    c->error_type = genai_strz("ThrottlingException");
    c->error_message = genai_strz("slow down");
    c->keep = GENAI_KEEP_ERROR;
    visit(c);
    has_str("stop_reason", "unknown");
    has_bool("context_window_exceeded", 1);
    has_not("generation_cost_usd");
    has_str("status", "error");
    has_bool("error", 1);
    has_str("error_type", "ThrottlingException");
    has_str("error_message", "slow down");
    has_str("genai.keep", "error");

    converse(c);
    c->profile = GENAI_PROFILE_RAG;
    c->operation = GENAI_OP_EMBEDDINGS;
    c->embedding_dimension = 1024;
    visit(c);
    has_int("embedding_dimension", 1024);
    ok(find("embedding_cost_usd") != NULL, "the cost of an embedding");
    has_not("generation_cost_usd");

    c->operation = GENAI_OP_RETRIEVAL;
    c->documents = 3;
    c->score_count = 2;
    c->score_sum = 1.5;
    c->score_top = 1;
    c->docs[0] = genai_strz("a");
    c->docs[1] = genai_strz("b");
    c->ndocs = 2;
    c->by_vector = c->by_words = 1;
    visit(c);
    has_str("retrieval_method", "hybrid");
    has_int("documents_retrieved", 3);
    has_int("documents_found", 3);
    has_double("avg_similarity_score", 0.75);
    has_double("avg_relevance", 0.75);
    has_double("top_score", 1);
    has_list("top_documents", "a|b");

    c->operation = GENAI_OP_RERANK;
    visit(c);
    has_int("documents_after_rerank", 3);
    has_double("top_rerank_score", 1);

    c->api = GENAI_API_APP;
    c->kind = GENAI_SPAN_SERVER;
    c->user = genai_strz("u1");
    c->prompt_chars = 7;
    c->start_unix_ns = 1795392000ULL * 1000000000;
    visit(c);
    has_int("query_length", 7);
    has_str("user_id", "u1");
    has_str("timestamp", "2026-11-23T00:00:00Z");
}


static void
is_usd(int64_t pico, const char *want)
{
    char    buf[GENAI_SPAN_USD];
    size_t  n;

    n = genai_span_usd(pico, buf);
    is_mem(buf, n, want, want);
    ok(genai_span_usd_double(pico) == strtod(want, NULL),
       "and as the nearest double");
}


static void
test_money(void)
{
    int       bad = 0;
    char      buf[GENAI_SPAN_USD];
    uint64_t  i, r = 88172645463325252ULL;

    is_usd(0, "0");
    is_usd(1, "0.000000000001");
    is_usd(2415300000LL, "0.0024153");
    is_usd(1000000000000LL, "1");
    is_usd(1500000000000LL, "1.5");
    is_usd(-20, "-0.00000000002");
    is_usd(123456789012345678LL, "123456.789012345678");
    is_usd(INT64_MAX, "9223372.036854775807");
    is_usd(INT64_MIN, "-9223372.036854775808");

    for (i = 0; i < 200000; i++) {
        r ^= r << 13;
        r ^= r >> 7;
        r ^= r << 17;

        (void) genai_span_usd((int64_t) (r >> (i % 64)), buf);
        bad += genai_span_usd_double((int64_t) (r >> (i % 64)))
               != strtod(buf, NULL);
    }

    is_int(bad, 0, "200,000 random amounts: double and text agree");
}


static void
is_utf8(const char *in, size_t len, size_t size, const char *want)
{
    char         buf[64];
    genai_str_t  s;

    s = genai_span_utf8(genai_str(in, len), buf, size);
    is_mem(s.data, s.len, want, "repaired text");
}


/* the log record of a refusal, and of what is no call */

static void
test_log(void)
{
    genai_attr_t      own[2] = {
        { genai_string("zone"), genai_string("tenant"), 's', 0 },
        { genai_string("until"), genai_string("1795464000"), 'i', 0 }
    };
    genai_call_t      call, *c = &call;
    genai_span_log_t  l;

    converse(c);
    is_int(genai_span_log(c, &l), GENAI_DECLINED, "no log of most calls");
    c->budget_status = GENAI_BUDGET_PASSED;
    is_int(genai_span_log(c, &l), GENAI_DECLINED, "nor of an admitted one");

    c->budget_status = GENAI_BUDGET_REJECTED;
    c->budget_ns = c->start_ns + 7;
    set(budget, "tenant");
    set(error_message, "Budget 'tenant' exhausted\xff");
    is_int(genai_span_log(c, &l), GENAI_OK, "a refusal is logged");
    is_mem(l.event.name.data, l.event.name.len, "genai.budget.rejected",
           "as its event");
    ok(l.event.time_unix_ns == c->start_unix_ns + 7, "at its time");
    is_mem(l.body.data, l.body.len, "Budget 'tenant' exhausted\xef\xbf\xbd",
           "in the words that the caller got");
    is_int(l.severity, GENAI_LOG_WARN, "as a warning");

    nseen = 0;
    is_int(genai_span_log_attrs(c, collect, NULL), GENAI_OK, "with");
    has_str("genai.budget.zone", "tenant");
    has_str("genai.budget.status", "REJECTED");
    has_str("gen_ai.request.model", "anthropic.claude-sonnet-4-20250514-v1:0");
    has_str("genai.location", "/model/");
    has_str("user.id", "u-7");

    c->budget_status = GENAI_BUDGET_REJECTED_DRY_RUN;
    is_int(genai_span_log(c, &l), GENAI_OK, "a dry run's");
    is_mem(l.body.data, l.body.len, "a budget would have refused a call",
           "is not the error of the call");
    is_int(l.severity, GENAI_LOG_INFO, "but information");

    genai_call_init(c, NULL, 0);
    c->internal = 1;
    c->attrs = own;
    c->nattrs = 2;
    c->start_unix_ns = 1700000000000000000ULL;
    set(span_name, "genai_budget raise");
    is_int(genai_span_log(c, &l), GENAI_OK, "what is no call is logged");
    is_mem(l.event.name.data, l.event.name.len, "genai_budget raise",
           "under its own name");
    is_mem(l.body.data, l.body.len, "genai_budget raise", "which is its text");
    is_int(l.severity, GENAI_LOG_INFO, "as information");

    nseen = 0;
    is_int(genai_span_log_attrs(c, collect, NULL), GENAI_OK, "with");
    has_str("zone", "tenant");
    has_int("until", 1795464000);
    is_int((long long) nseen, 2, "and nothing of a call");
}


/* what a budget did, and the event of a refusal */

static void
test_budget(void)
{
    genai_call_t        call, *c = &call;
    genai_span_event_t  e;

    converse(c);
    is_int(visit(c), GENAI_OK, "a call without a budget");
    has_not("genai.budget.status");
    has_not("genai.budget.reserved.usd");
    is_int(genai_span_event(c, &e), GENAI_DECLINED, "has no event");

    c->budget_status = GENAI_BUDGET_PASSED;
    c->budget_reserved = 2415300000LL;
    c->budget_warned = 1;
    set(budget, "tenant");
    set(budget_class, "batch");
    is_int(visit(c), GENAI_OK, "one that a budget admits");
    has_str("genai.budget.status", "PASSED");
    has_str("genai.budget.zone", "tenant");
    has_str("genai.budget.class", "batch");
    has_not("genai.budget.limit");
    has_double("genai.budget.reserved.usd", 0.0024153);
    has_bool("genai.budget.warned", 1);
    is_int(genai_span_event(c, &e), GENAI_DECLINED, "has none either");

    c->budget_status = GENAI_BUDGET_REJECTED;
    c->budget_reserved = -1;
    c->budget_warned = 0;
    c->budget_ns = c->start_ns + 2000000;
    set(budget_limit, "100usd/day");
    genai_call_error(c, genai_strz("budget_exceeded"), GENAI_ORIGIN_GATEWAY);
    is_int(visit(c), GENAI_OK, "one that it refuses");
    has_str("genai.budget.status", "REJECTED");
    has_str("genai.budget.limit", "100usd/day");
    has_str("error.type", "budget_exceeded");
    has_str("genai.error.origin", "gateway");
    has_not("genai.budget.reserved.usd");
    has_not("genai.budget.warned");

    is_int(genai_span_event(c, &e), GENAI_OK, "has an event");
    is_mem(e.name.data, e.name.len, "genai.budget.rejected", "of this name");
    ok(e.time_unix_ns == c->start_unix_ns + 2000000, "when it was refused");

    nseen = 0;
    is_int(genai_span_event_attrs(c, collect, NULL), GENAI_OK, "it says");
    has_str("genai.budget.status", "REJECTED");
    has_str("genai.budget.zone", "tenant");
    has_str("genai.budget.limit", "100usd/day");
    has_str("genai.budget.class", "batch");
    is_int((long long) nseen, 4, "and no more");

    c->budget_status = GENAI_BUDGET_REJECTED_DRY_RUN;
    c->error = 0;
    is_int(visit(c), GENAI_OK, "one that it would have refused");
    has_str("genai.budget.status", "REJECTED_DRY_RUN");
    has_not("error.type");
    is_int(genai_span_event(c, &e), GENAI_OK, "has the event, too");
}


static void
test_utf8(void)
{
    char         buf[64];
    genai_str_t  s, in = genai_string("gr\xc3\xbc\xc3\x9f dich, "
                                      "\xe6\x97\xa5 \xf0\x9f\x98\x80");

    s = genai_span_utf8(in, buf, sizeof(buf));
    ok(s.data == in.data && s.len == in.len, "valid text is not copied");

    is_utf8("abc\0def", 7, 64, "abc\xef\xbf\xbd" "def");
    is_utf8("\xff", 1, 64, "\xef\xbf\xbd");
    is_utf8("12345678\x80zz", 11, 64, "12345678\xef\xbf\xbdzz");
    is_utf8("\xc0\xaf", 2, 64, "\xef\xbf\xbd\xef\xbf\xbd");
    is_utf8("\xed\xa0\x80", 3, 64, "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
    is_utf8("\xf4\x90\x80\x80", 4, 64,
            "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
    is_utf8("ab\xe6\x97", 4, 64, "ab\xef\xbf\xbd\xef\xbf\xbd");
    is_utf8("ab\xff" "cd", 5, 4, "ab");
    is_utf8("\xc3\xa9\xc3\xa9\xc3\xa9\xff", 7, 5, "\xc3\xa9\xc3\xa9");
    is_utf8("\xff", 1, 0, "");
    is_utf8("", 0, 0, "");
}


int
main(void)
{
    test_converse();
    test_unknown();
    test_error();
    test_operations();
    test_own();
    test_rag();
    test_money();
    test_budget();
    test_log();
    test_utf8();

    return done();
}
