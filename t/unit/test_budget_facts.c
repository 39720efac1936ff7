/*
 * What a budget learns of a request: never less than it asks for, however it
 * is written; and no answer of the corpus needs more than its request's bound.
 */

#define _GNU_SOURCE

#include <glob.h>
#include <strings.h>
#include <zlib.h>

#include "genai_budget_bound.h"
#include "test.h"
#include "corpus.h"


#define WHEN  1795392000          /* 23 November 2026 */

#define OPENAI     "/v1/chat/completions"
#define CONVERSE   "/model/amazon.nova-lite-v1%3A0/converse"
#define INVOKE     "/model/some.model/invoke"
#define GEMINI     "/v1beta/models/gemini-2.5-pro:generateContent"
#define MESSAGES   "/v1/messages"
#define RESPONSES  "/v1/responses"
#define OLLAMA     "/api/chat"


static genai_apis_t         *apis;
static genai_price_table_t  *prices;
static corpus_run_t          run;


static void
begin(const char *path)
{
    memset(&run, 0xa5, sizeof(run));
    genai_call_init(&run.call, run.arena, sizeof(run.arena));

    if (genai_api_detect(apis, GENAI_API_AUTO, &run.call,
                         genai_strz("POST"), genai_strz(path),
                         genai_strz("gateway.example")) != GENAI_OK)
    {
        ok(0, "%s is an operation", path);
    }

    genai_body_request_begin(&run.body, apis, &run.call);
    genai_body_memory(&run.body, &corpus_memory);
}


static genai_budget_facts_t
end(const char *body, size_t len, int complete)
{
    genai_budget_facts_t  f;

    genai_body_request_feed(&run.body, body, len);
    run.call.request_bytes = len;
    genai_body_request_end(&run.body, complete);

    genai_budget_facts(&run.call, genai_strz(""), WHEN, &f);

    return f;
}


static genai_budget_facts_t
facts(const char *path, const char *body)
{
    begin(path);

    return end(body, strlen(body), 1);
}


/* open: what is said is not what limits; then the model's maximum counts */

static void
test_max_tokens(void)
{
    size_t                i;
    genai_budget_facts_t  f;

    static const struct {
        const char  *path;
        const char  *body;
        int          max;
        unsigned     open;
    } t[] = {
        { OPENAI, "{\"max_tokens\":5}", 5, 0 },
        { OPENAI, "{\"max_completion_tokens\":5}", 5, 0 },
        { OPENAI, "{\"messages\":[]}", -1, 0 },
        { OPENAI, "{\"max_tokens\":5,\"max_completion_tokens\":900}", 900, 0 },
        { OPENAI, "{\"max_tokens\":900,\"max_tokens\":5}", 900, 0 },
        { OPENAI, "{\"max_tokens\":5,\"max_tokens\":900}", 900, 0 },
        { OPENAI, "{\"max\\u005ftokens\":900}", 900, 0 },
        { OPENAI, "{\"max_tokens\":1e3}", 1000, 0 },
        { OPENAI, "{\"max_tokens\":4096.0}", 4096, 0 },
        { OPENAI, "{\"max_tokens\":5.5}", 5, 1 },
        { OPENAI, "{\"max_tokens\":-1}", -1, 1 },
        { OPENAI, "{\"max_tokens\":1e30}", -1, 1 },
        { OPENAI, "{\"max_tokens\":\"900\"}", -1, 1 },
        { OPENAI, "{\"max_tokens\":5,\"max_tokens\":null}", 5, 1 },
        { OPENAI, "{\"max_tokens\":5,\"max_tokens\":\"900\"}", 5, 1 },
        { OPENAI, "{\"max_tokens\":[5]}", -1, 1 },
        { "/v1/completions", "{\"max_tokens\":5}", 5, 0 },
        { RESPONSES, "{\"max_output_tokens\":5}", 5, 0 },
        { MESSAGES, "{\"max_tokens\":5}", 5, 0 },
        { MESSAGES, "{\"max_tokens\":5000,\"thinking\":{\"type\":\"enabled\","
          "\"budget_tokens\":2000}}", 5000, 0 },
        { MESSAGES, "{\"max_tokens\":5000,\"thinking\":{\"type\":\"enabled\","
          "\"budget_tokens\":9000}}", 9000, 0 },
        { GEMINI, "{\"generationConfig\":{\"maxOutputTokens\":5}}", 5, 0 },
        { GEMINI, "{\"generation_config\":{\"max_output_tokens\":5}}", 5, 0 },
        { GEMINI, "{\"generationConfig\":{\"maxOutputTokens\":5,"
          "\"thinkingConfig\":{\"thinkingBudget\":100}}}", 105, 0 },
        { GEMINI, "{\"generationConfig\":{\"maxOutputTokens\":5,"
          "\"thinkingConfig\":{\"thinkingBudget\":-1}}}", 5, 0 },
        { "/v2/chat", "{\"max_tokens\":5,\"thinking\":{\"token_budget\":7}}",
          12, 0 },
        { OLLAMA, "{\"options\":{\"num_predict\":5}}", 5, 0 },
        { OLLAMA, "{\"options\":{\"num_predict\":-1}}", -1, 1 },
        { OLLAMA, "{\"options\":{\"num_predict\":-2}}", -1, 1 },
        { CONVERSE, "{\"inferenceConfig\":{\"maxTokens\":5}}", 5, 0 },
        { CONVERSE, "{\"inferenceConfig\":{\"maxTokens\":5},"
          "\"additionalModelRequestFields\":{\"max_tokens\":900}}", 900, 1 },
        { CONVERSE, "{\"additionalModelRequestFields\":{\"max_tokens\":5}}",
          5, 1 },
        { CONVERSE, "{\"inferenceConfig\":{\"maxTokens\":5},"
          "\"additionalModelRequestFields\":{\"top_k\":9}}", 5, 0 },
        { "/retrieveAndGenerate", "{\"retrieveAndGenerateConfiguration\":{"
          "\"knowledgeBaseConfiguration\":{\"generationConfiguration\":{"
          "\"inferenceConfig\":{\"textInferenceConfig\":{\"maxTokens\":5"
          "}}}}}}", 5, 0 },
        { INVOKE, "{\"max_tokens\":5}", 5, 0 },
        { INVOKE, "{\"max_tokens_to_sample\":5,\"prompt\":\"a\"}", 5, 0 },
        { INVOKE, "{\"inferenceConfig\":{\"max_new_tokens\":5}}", 5, 0 },
        { INVOKE, "{\"textGenerationConfig\":{\"maxTokenCount\":5}}", 5, 0 },
        { INVOKE, "{\"max_gen_len\":5}", 5, 0 },
        { INVOKE, "{\"maxTokens\":5}", 5, 0 },
        { INVOKE, "{\"maxOutputTokens\":5}", 5, 0 },
        { INVOKE, "{\"max_gen_len\":5,\"maxTokens\":900}", 900, 0 }
    };

    for (i = 0; i < genai_nelts(t); i++) {
        f = facts(t[i].path, t[i].body);
        ok(f.max_tokens == t[i].max && f.open == t[i].open && !f.unread,
           "%s %s: %d%s (%lld, %u)", t[i].path, t[i].body, t[i].max,
           t[i].open ? " or more" : "", (long long) f.max_tokens, f.open);
    }
}


static void
test_choices(void)
{
    size_t                i;
    genai_budget_facts_t  f;

    static const struct {
        const char  *path;
        const char  *body;
        int          choices;
        unsigned     unread;
    } t[] = {
        { OPENAI, "{\"n\":3}", 3, 0 },
        { OPENAI, "{\"n\":3,\"n\":1}", 3, 0 },
        { OPENAI, "{\"n\":null}", -1, 0 },
        { OPENAI, "{\"n\":\"3\"}", -1, 1 },
        { OPENAI, "{\"n\":2.5}", -1, 1 },
        { OPENAI, "{\"n\":1e40}", -1, 1 },
        { "/v1/completions", "{\"n\":2,\"best_of\":5}", 5, 0 },
        { INVOKE, "{\"messages\":[],\"n\":3}", 3, 0 },
        { INVOKE, "{\"prompt\":\"a\",\"num_generations\":3}", 3, 0 },
        { INVOKE, "{\"prompt\":\"a\",\"numResults\":3}", 3, 0 },
        { INVOKE, "{\"imageGenerationConfig\":{\"numberOfImages\":4}}", 4,
          0 },
        { INVOKE, "{\"text_prompts\":[],\"samples\":2}", 2, 0 },
        { GEMINI, "{\"generationConfig\":{\"candidateCount\":4}}", 4, 0 },
        { GEMINI, "{\"generation_config\":{\"candidate_count\":4}}", 4, 0 },
        { GEMINI, "{\"generationConfig\":{\"candidateCount\":\"4\"}}", -1, 1 },
        { "/v1/images/generations", "{\"n\":2}", 2, 0 },
        { CONVERSE, "{\"additionalModelRequestFields\":{\"n\":3}}", 3, 0 }
    };

    for (i = 0; i < genai_nelts(t); i++) {
        f = facts(t[i].path, t[i].body);
        ok(f.choices == t[i].choices && f.images == f.choices
           && f.unread == t[i].unread, "%s %s: %d answers%s", t[i].path,
           t[i].body, t[i].choices, t[i].unread ? ", no bound" : "");
    }

    f = facts("/v1/completions", "{\"prompt\":[\"a\",\"b\",\"c\"]}");
    is_int(f.prompts, 3, "each text of a prompt has its answers");

    f = facts("/v1/completions", "{\"prompt\":[[1,2],[3]]}");
    is_int(f.prompts, 2, "so has each list of tokens");

    f = facts("/v1/completions", "{\"prompt\":[1,2,3]}");
    is_int(f.prompts, 0, "a list of tokens is one prompt");
}


/* what a provider may take for another call than we do */

static void
test_twice(void)
{
    size_t  i;

    static const struct {
        const char  *path;
        const char  *body;
    } t[] = {
        { OPENAI, "{\"model\":\"cheap\",\"model\":\"dear\"}" },
        { MESSAGES, "{\"model\":\"cheap\",\"model\":\"dear\"}" },
        { RESPONSES, "{\"model\":\"cheap\",\"model\":\"dear\"}" },
        { "/v2/chat", "{\"model\":\"cheap\",\"model\":\"dear\"}" },
        { CONVERSE, "{\"inferenceConfig\":{\"maxTokens\":5},"
                    "\"inferenceConfig\":{}}" },
        { CONVERSE, "{\"inferenceConfig\":{\"maxTokens\":5},"
                    "\"inferenceConfig\":null}" },
        { INVOKE, "{\"textGenerationConfig\":{\"maxTokenCount\":5},"
                  "\"textGenerationConfig\":{}}" },
        { GEMINI, "{\"generationConfig\":{\"maxOutputTokens\":5},"
                  "\"generation_config\":{}}" },
        { OLLAMA, "{\"options\":{\"num_predict\":5},\"options\":{}}" },
        { OPENAI, "{\"max_tokens\":5" },
        { OPENAI, "{\"max_tokens\":5}{\"max_tokens\":900}" },
        { OPENAI, "\xef\xbb\xbf{\"max_tokens\":5}" },
        { OPENAI, "" }
    };

    for (i = 0; i < genai_nelts(t); i++) {
        ok(facts(t[i].path, t[i].body).unread, "%s %s: no bound", t[i].path,
           t[i].body);
    }

    ok(!facts(OPENAI, "{\"model\":\"m\",\"messages\":[{\"model\":\"x\"}]}")
       .unread, "the same key in another place is another one");

    begin(OPENAI);
    ok(end("{\"model\":\"m\"}", 13, 0).unread,
       "a body that was not received whole");
}


static void
test_input(void)
{
    size_t                i;
    genai_budget_facts_t  f;

    static const struct {
        const char  *path;
        const char  *body;
        int          media;
        int          files;
        unsigned     elsewhere;
    } t[] = {

#define part(p)     "{\"messages\":[{\"content\":[" p "]}]}"
#define tool(t)     "{\"tools\":[{\"type\":\"" t "\"}]}"

        { MESSAGES, part("{\"type\":\"image\",\"source\":{\"type\":\"url\"}}"),
          1, 0, 0 },
        { MESSAGES, part("{\"type\":\"document\",\"source\":{\"type\":"
          "\"base64\",\"media_type\":\"application/pdf\"}}"), 1, 1, 0 },
        { MESSAGES, part("{\"type\":\"document\",\"source\":{\"type\":"
          "\"url\"}}"), 1, 1, 0 },
        { MESSAGES, part("{\"type\":\"document\",\"source\":{\"type\":"
          "\"text\",\"media_type\":\"text/plain\"}}"), 1, 0, 0 },
        { MESSAGES, part("{\"type\":\"document\",\"source\":{\"type\":"
          "\"text\",\"type\":\"file\"}}"), 1, 1, 0 },
        { MESSAGES, part("{\"type\":\"document\",\"source\":{\"type\":"
          "\"content\",\"content\":[{\"type\":\"image\"}]}}"), 2, 0, 0 },
        { MESSAGES, tool("custom"), 0, 0, 0 },
        { MESSAGES, "{\"tools\":[{\"name\":\"f\"}]}", 0, 0, 0 },
        { MESSAGES, tool("web_search_20250305"), 0, 0, 1 },
        { MESSAGES, "{\"mcp_servers\":[{}]}", 0, 0, 1 },
        { OPENAI, part("{\"type\":\"image_url\"}"), 1, 0, 0 },
        { OPENAI, part("{\"type\":\"file\",\"file\":{\"file_id\":\"f\"}}"),
          1, 1, 0 },
        { OPENAI, tool("function"), 0, 0, 0 },
        { OPENAI, "{\"web_search_options\":{}}", 0, 0, 1 },
        { OPENAI, "{\"data_sources\":[{}]}", 0, 0, 1 },
        { RESPONSES, "{\"input\":[{\"content\":[{\"type\":\"input_file\","
          "\"file_url\":\"u\"}]}]}", 1, 1, 0 },
        { RESPONSES, "{\"previous_response_id\":\"r\"}", 0, 0, 1 },
        { RESPONSES, "{\"previous_response_id\":null}", 0, 0, 0 },
        { RESPONSES, "{\"conversation\":\"c\"}", 0, 0, 1 },
        { RESPONSES, "{\"prompt\":{\"id\":\"p\"}}", 0, 0, 1 },
        { RESPONSES, "{\"input\":[{\"type\":\"item_reference\"}]}", 0, 0, 1 },
        { RESPONSES, tool("file_search"), 0, 0, 1 },
        { RESPONSES, tool("function"), 0, 0, 0 },
        { GEMINI, "{\"contents\":[{\"parts\":[{\"inlineData\":{\"mimeType\":"
          "\"image/png\"}}]}]}", 1, 0, 0 },
        { GEMINI, "{\"contents\":[{\"parts\":[{\"inline_data\":{\"mime_type\":"
          "\"application/pdf\"}}]}]}", 1, 1, 0 },
        { GEMINI, "{\"contents\":[{\"parts\":[{\"fileData\":{\"fileUri\":"
          "\"u\"}}]}]}", 1, 1, 0 },
        { GEMINI, "{\"cachedContent\":\"c\"}", 0, 0, 1 },
        { GEMINI, "{\"tools\":[{\"functionDeclarations\":[{}]}]}", 0, 0, 0 },
        { GEMINI, "{\"tools\":[{\"google_search\":{}}]}", 0, 0, 1 },
        { CONVERSE, part("{\"image\":{\"source\":{\"s3Location\":{}}}}"), 1,
          0, 0 },
        { CONVERSE, part("{\"document\":{\"format\":\"pdf\"}}"), 1, 1, 0 },
        { CONVERSE, part("{\"document\":{\"format\":\"md\"}}"), 1, 0, 0 },
        { CONVERSE, part("{\"document\":{\"format\":\"md\",\"source\":{"
          "\"s3Location\":{}}}}"), 1, 1, 0 },
        { CONVERSE, part("{\"video\":{\"format\":\"mp4\"}}"), 1, 1, 0 },
        { CONVERSE, "{\"toolConfig\":{\"tools\":[{\"toolSpec\":{}}]}}", 0, 0,
          0 },
        { CONVERSE, "{\"toolConfig\":{\"tools\":[{\"systemTool\":{}}]}}", 0,
          0, 1 },
        { CONVERSE, "{\"promptVariables\":{}}", 0, 0, 1 },
        { "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A111122223333%3Aprompt%2F"
          "ABCDEFGHIJ/converse", "{}", 0, 0, 1 },
        { INVOKE, "{\"singleEmbeddingParams\":{\"image\":{\"source\":{"
          "\"s3Location\":{\"uri\":\"s3://b/k\"}}}}}", 1, 0, 1 },
        { INVOKE, "{\"singleEmbeddingParams\":{\"text\":{\"source\":{"
          "\"s3Location\":{\"uri\":\"s3://b/k\"}}}}}", 0, 0, 1 },
        { INVOKE, part("{\"video\":{\"source\":{\"s3Location\":{}}}}"), 1, 1,
          0 },
        { "/retrieveAndGenerate", "{\"input\":{\"text\":\"a\"}}", 0, 0, 1 }
    };

    for (i = 0; i < genai_nelts(t); i++) {
        f = facts(t[i].path, t[i].body);
        ok(f.media == t[i].media && f.files == t[i].files
           && f.elsewhere == t[i].elsewhere,
           "%s %s: %d media, %d files%s (%d, %d, %u)", t[i].path, t[i].body,
           t[i].media, t[i].files, t[i].elsewhere ? ", elsewhere" : "",
           (int) f.media, (int) f.files, f.elsewhere);
    }
}


static void
test_tier(void)
{
    size_t  i;

    static const struct {
        const char  *path;
        const char  *body;
        const char  *tier;
    } t[] = {
        { OPENAI, "{\"service_tier\":\"default\"}", "default" },
        { OPENAI, "{\"service_tier\":\"flex\"}", "flex" },
        { OPENAI, "{\"service_tier\":\"priority\"}", "priority" },
        { OPENAI, "{\"service_tier\":\"auto\"}", "auto" },
        { OPENAI, "{}", "auto" },
        { OPENAI, "{\"service_tier\":\"default\",\"service_tier\":"
                  "\"priority\"}", "auto" },
        { RESPONSES, "{\"service_tier\":\"flex\",\"service_tier\":"
                     "\"priority\"}", "auto" },
        { CONVERSE, "{}", "" },
        { CONVERSE, "{\"serviceTier\":{\"type\":\"priority\"}}", "priority" },
        { CONVERSE, "{\"serviceTier\":{\"type\":\"priority\",\"type\":"
                    "\"default\"}}", "auto" },
        { CONVERSE, "{\"performanceConfig\":{\"latency\":\"optimized\"}}",
          "optimized" },
        { CONVERSE, "{\"performanceConfig\":{\"latency\":\"optimized\"},"
                    "\"serviceTier\":{\"type\":\"priority\"}}", "auto" },
        { MESSAGES, "{\"service_tier\":\"auto\"}", "auto" },
        { MESSAGES, "{\"service_tier\":\"standard_only\"}", "" },
        { INVOKE, "{\"service_tier\":\"priority\"}", "auto" }
    };

    for (i = 0; i < genai_nelts(t); i++) {
        ok(genai_str_is(facts(t[i].path, t[i].body).tier, t[i].tier),
           "%s %s: \"%s\"", t[i].path, t[i].body, t[i].tier);
    }

    begin(INVOKE);
    genai_body_request_header(&run.body,
                              genai_strz("X-Amzn-Bedrock-Service-Tier"),
                              genai_strz("priority"));
    ok(genai_str_is(end("{}", 2, 1).tier, "priority"), "a header's");
}


static size_t
gzip(const char *in, size_t len, char *out, size_t size)
{
    z_stream  z;

    memset(&z, 0, sizeof(z));
    deflateInit2(&z, 9, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY);

    z.next_in = (Bytef *) (uintptr_t) in;
    z.avail_in = (uInt) len;
    z.next_out = (Bytef *) out;
    z.avail_out = (uInt) size;

    deflate(&z, Z_FINISH);
    deflateEnd(&z);

    return z.total_out;
}


static genai_budget_facts_t
coded(const char *coding, const char *body, size_t len)
{
    begin(OPENAI);
    genai_body_request_header(&run.body, genai_strz("Content-Encoding"),
                              genai_strz(coding));

    return end(body, len, 1);
}


static void
test_coding(void)
{
    char                    *plain, *packed;
    size_t                   n, m;
    genai_budget_facts_t     f;
    genai_budget_amounts_t   a;

    n = 4 * 1024 * 1024;
    plain = malloc(n + 64);
    packed = malloc(n);

    m = (size_t) sprintf(plain, "{\"model\":\"gpt-5.4\",\"max_tokens\":5}");
    memset(plain + m, ' ', 5000 - m);
    f = coded("gzip", packed, gzip(plain, 5000, packed, n));
    ok(f.body == 5000 && f.max_tokens == 5 && !f.unread,
       "a packed body counts as the model sees it (%lld)",
       (long long) f.body);

    f = coded("gzip", packed, 60);
    ok(f.unread, "one that is cut has no bound");

    f = coded("snappy", packed, 60);
    ok(f.unread, "nor has one in a coding that is not read");
    is_int(genai_budget_bound(prices, &f, &a), GENAI_DECLINED, "none at all");
    ok(a.usd_pico < 0 && a.itok < 0 && a.otok < 0 && a.req == 1,
       "but its request");

    f = coded("gzip, gzip", packed, 60);
    ok(f.unread, "nor one that is packed twice");

    memset(plain + m, ' ', n - m);
    f = coded("gzip", packed, gzip(plain, n, packed, n));
    ok(f.unread, "nor one where decoding stopped at its bound");

    free(plain);
    free(packed);
}


/* 1: the case had a bound to hold */

static int
one(const char *dir, const char *file)
{
    int                     rc;
    char                    name[256];
    corpus_case_t           k;
    genai_budget_facts_t    f;
    genai_budget_amounts_t  b, a;

    if (!corpus_load(dir, file, &k)) {
        return ok(0, "%s/%s can be read", dir, file);
    }

    snprintf(name, sizeof(name), "%s/%.*s", strrchr(dir, '/') + 1,
             (int) strcspn(file, "."), file);

    memset(&run, 0xa5, sizeof(run));
    rc = corpus_request(&run, apis, &k);

    if (!ok(rc, "%s: an operation", name)) {
        return 0;
    }

    genai_body_request_feed(&run.body, k.req.body.data, k.req.body.len);
    run.call.request_bytes = k.req.body.len;
    genai_body_request_end(&run.body, 1);

    genai_budget_facts(&run.call, genai_strz(""), WHEN, &f);
    (void) genai_budget_bound(prices, &f, &b);

    if (corpus_response(&run, &k)) {
        genai_body_response_feed(&run.body, k.res.body.data, k.res.body.len,
                                 5);
    }

    corpus_end(&run, &k);
    genai_price_call(prices, &run.call, WHEN);
    (void) genai_budget_actual(&run.call, &a);
    corpus_free(&k);

    ok(!f.unread || b.itok == 0 || run.call.skip == GENAI_SKIP_ENCODED,
       "%s: its request is read", name);

    rc = (b.usd_pico < 0 || a.usd_pico <= b.usd_pico)
         && (b.itok < 0 || a.itok <= b.itok)
         && (b.otok < 0 || a.otok <= b.otok) && a.req <= b.req;

    ok(rc, "%s: needs %lld pico-USD, %lld and %lld tokens, may need %lld, "
       "%lld, %lld", name, (long long) a.usd_pico, (long long) a.itok,
       (long long) a.otok, (long long) b.usd_pico, (long long) b.itok,
       (long long) b.otok);

    return b.usd_pico > 0 && a.usd_pico > 0;
}


static void
test_corpus(const char *root)
{
    int     held;
    char    path[512], *file;
    size_t  i;
    glob_t  g;

    held = 0;
    snprintf(path, sizeof(path), "%s/t/corpus/*/*.facts", root);

    if (!ok(glob(path, 0, NULL, &g) == 0, "there is a corpus")) {
        return;
    }

    for (i = 0; i < g.gl_pathc; i++) {
        file = strrchr(g.gl_pathv[i], '/');
        *file++ = '\0';
        held += one(g.gl_pathv[i], file);
    }

    globfree(&g);

    ok(held > 60, "%d cases cost something and had a bound", held);
}


int
main(void)
{
    int          rc;
    char         path[512], err[256], *text;
    size_t       len;
    const char  *root;

    root = getenv("GENAI_ROOT") ? getenv("GENAI_ROOT") : ".";

    err[0] = '\0';
    rc = genai_apis_create(&apis, corpus_alloc, NULL, err, sizeof(err));

    if (!ok(rc == GENAI_OK, "tables compile %s", err)) {
        return done();
    }

    snprintf(path, sizeof(path), "%s/conf.examples/prices.json", root);
    text = corpus_read(path, &len);

    rc = text ? genai_price_parse(text, len, corpus_alloc, NULL, &prices, err,
                                  sizeof(err)) : GENAI_ERROR;

    if (!ok(rc == GENAI_OK, "the price file is read %s", err)) {
        return done();
    }

    test_max_tokens();
    test_choices();
    test_twice();
    test_input();
    test_tier();
    test_coding();
    test_corpus(root);

    return done();
}
