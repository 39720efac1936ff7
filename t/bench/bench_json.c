/*
 * The JSON extractor beside cJSON and yajl, on bodies as they pass a gateway
 * and with a table of rows of the size that all model families together need.
 *
 *     bench_json [repetitions]          cc … src/lib/genai_json*.c
 *                                          -lcjson -lyajl
 *
 * One repetition runs every parser once over every body, for about a
 * millisecond each, so that what else the machine does hits all of them
 * alike.  GB/s are of the best repetition; "median" is the ratio to cJSON of
 * the medians.  Strings have one escape per 80 bytes.
 *
 * Exits with 1 when the best level is below the ratio to cJSON that the body
 * has to reach.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cjson/cJSON.h>
#include <yajl/yajl_parse.h>

#include "genai_json.h"


#define REPS_MAX    1000
#define SLICE_NS    1000000
#define NAMES       8

#define NUM         GENAI_JSON_NUMBER
#define TEXT        GENAI_JSON_TEXT
#define CHARS       GENAI_JSON_CHARS
#define LENGTH      GENAI_JSON_LENGTH
#define PRESENT     GENAI_JSON_PRESENT


static const genai_json_row_t  rows_response[] = {
    { "usage.inputTokens", NUM, 1, 0 },
    { "usage.outputTokens", NUM, 2, 0 },
    { "usage.totalTokens", NUM, 3, 0 },
    { "usage.cacheReadInputTokens", NUM, 4, 0 },
    { "usage.cacheWriteInputTokens", NUM, 5, 0 },
    { "usage.cacheReadInputTokenCount", NUM, 4, 0 },
    { "usage.cacheWriteInputTokenCount", NUM, 5, 0 },
    { "usage.cacheDetails[].ttl", TEXT, 6, 0 },
    { "usage.cacheDetails[].inputTokens", NUM, 7, 0 },
    { "usage.input_tokens", NUM, 1, 0 },
    { "usage.output_tokens", NUM, 2, 0 },
    { "usage.cache_creation_input_tokens", NUM, 5, 0 },
    { "usage.cache_read_input_tokens", NUM, 4, 0 },
    { "usage.cache_creation.ephemeral_1h_input_tokens", NUM, 7, 0 },
    { "usage.output_tokens_details.thinking_tokens", NUM, 8, 0 },
    { "usage.service_tier", TEXT, 9, 0 },
    { "usage.prompt_tokens", NUM, 1, 0 },
    { "usage.completion_tokens", NUM, 2, 0 },
    { "usage.total_tokens", NUM, 3, 0 },
    { "usage.prompt_tokens_details.cached_tokens", NUM, 4, 0 },
    { "usage.completion_tokens_details.reasoning_tokens", NUM, 8, 0 },
    { "stopReason", TEXT, 10, 0 },
    { "stop_reason", TEXT, 10, 0 },
    { "metrics.latencyMs", NUM, 11, 0 },
    { "output.message.content[].text", CHARS, 12, 0 },
    { "output.message.content[].toolUse.name", TEXT, 13, 0 },
    { "output.message.content[].reasoningContent", PRESENT, 14, 0 },
    { "content[].text", CHARS, 12, 0 },
    { "content[].type", TEXT, 15, 0 },
    { "content[].name", TEXT, 13, 0 },
    { "choices[].finish_reason", TEXT, 10, 0 },
    { "choices[].stop_reason", TEXT, 10, 0 },
    { "choices[].message.content", CHARS, 12, 0 },
    { "choices[].message.tool_calls[].function.name", TEXT, 13, 0 },
    { "choices[].text", CHARS, 12, 0 },
    { "inputTextTokenCount", NUM, 1, 0 },
    { "results[].tokenCount", NUM, 2, 0 },
    { "results[].completionReason", TEXT, 10, 0 },
    { "results[].outputText", CHARS, 12, 0 },
    { "results[].relevance_score", NUM, 16, 0 },
    { "results[].relevanceScore", NUM, 16, 0 },
    { "prompt_token_count", NUM, 1, 0 },
    { "generation_token_count", NUM, 2, 0 },
    { "generation", CHARS, 12, 0 },
    { "generations[].finish_reason", TEXT, 10, 0 },
    { "finish_reason", TEXT, 10, 0 },
    { "embedding", LENGTH, 17, 0 },
    { "embeddings[].embedding", LENGTH, 17, 0 },
    { "embeddings[]", LENGTH, 17, 0 },
    { "embeddings.float[]", LENGTH, 17, 0 },
    { "images", LENGTH, 18, 0 },
    { "id", TEXT, 19, 0 },
    { "model", TEXT, 20, 0 },
    { "message", TEXT, 21, 0 },
    { "__type", TEXT, 22, 0 },
    { "trace.promptRouter.invokedModelId", TEXT, 20, 0 },
    { "trace.guardrail.actionReason", TEXT, 23, 0 },
    { "performanceConfig.latency", TEXT, 24, 0 },
    { "serviceTier.type", TEXT, 9, 0 }
};


static const genai_json_row_t  rows_request[] = {
    { "messages", LENGTH, 1, 0 },
    { "messages[].content", CHARS, 2, 0 },
    { "messages[].content[].text", CHARS, 2, 0 },
    { "messages[].content[].type", TEXT, 3, 0 },
    { "messages[].content[].toolResult", PRESENT, 4, 0 },
    { "messages[].content[].image", PRESENT, 5, 0 },
    { "messages[].content[].document", PRESENT, 5, 0 },
    { "messages[].content[].video", PRESENT, 5, 0 },
    { "system", CHARS, 6, 0 },
    { "system[].text", CHARS, 6, 0 },
    { "inferenceConfig.maxTokens", NUM, 7, 0 },
    { "inferenceConfig.max_new_tokens", NUM, 7, 0 },
    { "inferenceConfig.temperature", NUM, 8, 0 },
    { "inferenceConfig.topP", NUM, 9, 0 },
    { "inferenceConfig.topK", NUM, 10, 0 },
    { "inferenceConfig.stopSequences[]", TEXT, 11, 0 },
    { "max_tokens", NUM, 7, 0 },
    { "max_completion_tokens", NUM, 7, 0 },
    { "max_gen_len", NUM, 7, 0 },
    { "maxTokens", NUM, 7, 0 },
    { "temperature", NUM, 8, 0 },
    { "top_p", NUM, 9, 0 },
    { "top_k", NUM, 10, 0 },
    { "stop_sequences[]", TEXT, 11, 0 },
    { "stop[]", TEXT, 11, 0 },
    { "stop", TEXT, 11, 0 },
    { "stream", GENAI_JSON_BOOL, 12, 0 },
    { "toolConfig.tools", LENGTH, 13, 0 },
    { "tools", LENGTH, 13, 0 },
    { "guardrailConfig.guardrailIdentifier", TEXT, 14, 0 },
    { "guardrailConfig.guardrailVersion", TEXT, 15, 0 },
    { "requestMetadata.*", TEXT, 16, 0 },
    { "performanceConfig.latency", TEXT, 17, 0 },
    { "serviceTier.type", TEXT, 18, 0 },
    { "textGenerationConfig.maxTokenCount", NUM, 7, 0 },
    { "textGenerationConfig.temperature", NUM, 8, 0 },
    { "inputText", CHARS, 2, 0 },
    { "prompt", CHARS, 2, 0 },
    { "message", CHARS, 2, 0 },
    { "texts[]", CHARS, 2, 0 },
    { "query", CHARS, 2, 0 },
    { "documents", LENGTH, 19, 0 },
    { "model", TEXT, 20, 0 },
    { "anthropic_version", PRESENT, 21, 0 },
    { "thinking.budget_tokens", NUM, 22, 0 },
    { "metadata.user_id", TEXT, 23, 0 },
    { "additionalModelRequestFields.top_k", NUM, 10, 0 }
};


typedef struct {
    const char              *name;
    const genai_json_row_t  *rows;
    size_t                   nrows;
    double                   bar;     /* ratio to cJSON, 0: none */
    char                    *data;
    size_t                   len;
    genai_json_program_t    *program;
} body_t;


typedef struct {
    const char  *name;
    double       ns[REPS_MAX];        /* per body */
} series_t;


static body_t  bodies[] = {
    { "embedding answer", rows_response, genai_nelts(rows_response), 25,
      NULL, 0, NULL },
    { "Converse answer", rows_response, genai_nelts(rows_response), 4,
      NULL, 0, NULL },
    { "Converse prompt", rows_request, genai_nelts(rows_request), 6,
      NULL, 0, NULL },
    { "prompt, \\uXXXX only", rows_request, genai_nelts(rows_request), 0,
      NULL, 0, NULL },
    { "tools nobody reads", rows_request, genai_nelts(rows_request), 0,
      NULL, 0, NULL }
};


static uint64_t  sum;
static uint64_t  seed = 88172645463325252ULL;


static uint64_t
rnd(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;

    return seed;
}


static uint64_t
now(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * GENAI_NS_PER_SEC + (uint64_t) ts.tv_nsec;
}


static void
put(body_t *b, const char *s)
{
    size_t  n = strlen(s);

    b->data = realloc(b->data, b->len + n + 1);
    if (b->data == NULL) {
        abort();
    }

    memcpy(b->data + b->len, s, n + 1);
    b->len += n;
}


/* words with, on average, an escape every 80 bytes */

static void
put_text(body_t *b, size_t len)
{
    size_t              end;
    static const char  *words[] = {
        "the ", "retrieval ", "of ", "documents ", "is ", "measured, ",
        "while ", "caf\xc3\xa9 ", "answers ", "cite ", "their ", "source. "
    };
    static const char  *escapes[] = { "\\n", "\\\"", "\\n", "\\t", "\\\\" };

    for (end = b->len + len; b->len < end; /* void */ ) {
        put(b, words[rnd() % genai_nelts(words)]);

        if (rnd() % 13 == 0) {
            put(b, escapes[rnd() % genai_nelts(escapes)]);
        }
    }
}


static void
make_bodies(void)
{
    int      i;
    char     s[512];
    body_t  *b;

    b = &bodies[0];
    put(b, "{\"embedding\":[");

    for (i = 0; i < 1024; i++) {
        snprintf(s, sizeof(s), "%s%s0.0%llu", i ? "," : "",
                 rnd() & 1 ? "-" : "",
                 1000000000000000ULL + (unsigned long long) rnd()
                                       % 90000000000000000ULL);
        put(b, s);
    }

    put(b, "],\"inputTextTokenCount\":182}");

    b = &bodies[1];
    put(b, "{\"metrics\":{\"latencyMs\":1846},\"output\":{\"message\":"
           "{\"content\":[{\"text\":\"");
    put_text(b, 1500);
    put(b, "\"},{\"toolUse\":{\"input\":{\"query\":\"opening hours\","
           "\"limit\":5,\"filters\":[\"city\",\"date\"]},\"name\":"
           "\"search_documents\",\"toolUseId\":"
           "\"tooluse_kZJMlvQmRJ6eAyJE5GIl7Q\"}}],\"role\":\"assistant\"}},"
           "\"stopReason\":\"tool_use\",\"usage\":{\"cacheReadInputTokens\":0,"
           "\"cacheWriteInputTokens\":0,\"inputTokens\":1412,"
           "\"outputTokens\":364,\"serverToolUsage\":{},"
           "\"totalTokens\":1776}}");

    b = &bodies[2];
    put(b, "{\"messages\":[{\"role\":\"user\",\"content\":[{\"text\":\"");
    put_text(b, 200000);
    put(b, "\"}]}],\"system\":[{\"text\":\"Answer from the documents.\"}],"
           "\"inferenceConfig\":{\"maxTokens\":1024,\"temperature\":0.2,"
           "\"topP\":0.9,\"stopSequences\":[\"</answer>\"]},"
           "\"requestMetadata\":{\"tenant\":\"acme\"}}");

    b = &bodies[3];
    put(b, "{\"messages\": [{\"role\": \"user\", \"content\": [{\"text\": \"");

    for (i = 0; i < 4000; i++) {
        snprintf(s, sizeof(s), "\\u%04x", 0x3041 + (int) (rnd() % 80));
        put(b, s);
    }

    put(b, "\"}]}], \"inferenceConfig\": {\"maxTokens\": 1024}}");

    b = &bodies[4];
    put(b, "{\"messages\":[{\"role\":\"user\",\"content\":[{\"text\":"
           "\"Hi\"}]}],\"toolConfig\":{\"tools\":[");

    for (i = 0; i < 40; i++) {
        snprintf(s, sizeof(s),
                 "%s{\"toolSpec\":{\"name\":\"tool_%d\",\"description\":"
                 "\"Looks up a \\\"thing\\\" by its name and its place.\","
                 "\"inputSchema\":{\"json\":{\"type\":\"object\","
                 "\"properties\":{\"name\":{\"type\":\"string\"},\"place\":"
                 "{\"type\":\"array\",\"items\":{\"type\":\"number\"}},"
                 "\"limit\":{\"type\":\"integer\",\"minimum\":1}},"
                 "\"required\":[\"name\",\"place\"]}}}}", i ? "," : "", i);
        put(b, s);
    }

    put(b, "]}}");
}


static void
on_value(void *data, const genai_json_row_t *row, const genai_json_value_t *v)
{
    (void) data;

    sum += row->field + (uint64_t) v->integer + v->text.len;
}


static void
run_genai(const body_t *b)
{
    genai_json_t  j;

    genai_json_init(&j, b->program, on_value, NULL);

    if (genai_json_feed(&j, b->data, b->len) != GENAI_DONE) {
        fprintf(stderr, "%s: not parsed\n", b->name);
        exit(1);
    }
}


static void
run_cjson(const body_t *b)
{
    cJSON  *json;

    json = cJSON_ParseWithLength(b->data, b->len);

    if (json == NULL) {
        fprintf(stderr, "%s: not parsed by cJSON\n", b->name);
        exit(1);
    }

    sum += (uint64_t) json->type;
    cJSON_Delete(json);
}


static int
on_string(void *ctx, const unsigned char *s, size_t len)
{
    (void) ctx;
    (void) s;

    sum += len;

    return 1;
}


static int
on_number(void *ctx, const char *s, size_t len)
{
    return on_string(ctx, (const unsigned char *) s, len);
}


static void
run_yajl(const body_t *b)
{
    yajl_handle            y;
    static yajl_callbacks  callbacks = {
        .yajl_number = on_number,
        .yajl_string = on_string,
        .yajl_map_key = on_string
    };

    y = yajl_alloc(&callbacks, NULL, NULL);

    if (yajl_parse(y, (unsigned char *) b->data, b->len) != yajl_status_ok
        || yajl_complete_parse(y) != yajl_status_ok)
    {
        fprintf(stderr, "%s: not parsed by yajl\n", b->name);
        exit(1);
    }

    yajl_free(y);
}


static double
measure(void (*run)(const body_t *b), const body_t *b)
{
    uint64_t  start, t, n;

    start = now();

    for (n = 0; /* void */ ; /* void */ ) {
        run(b);
        n++;

        t = now() - start;
        if (t > SLICE_NS) {
            return (double) t / (double) n;
        }
    }
}


static int
by_value(const void *a, const void *b)
{
    double  x = *(const double *) a, y = *(const double *) b;

    return (x > y) - (x < y);
}


static int
bench(const body_t *b, int reps)
{
    int              i, r, n, best, bad;
    double           ratio;
    static series_t  s[NAMES];
    static const char *levels[] = { "scalar", "sse2", "neon", "avx2" };

    n = 0;
    s[n++].name = "cJSON";
    s[n++].name = "yajl";

    for (i = 0; i < (int) genai_nelts(levels); i++) {
        if (genai_json_simd_set(levels[i]) == GENAI_OK) {
            s[n++].name = levels[i];
        }
    }

    genai_json_simd_set(NULL);

    for (best = 2; best < n - 1; best++) {
        if (strcmp(s[best].name, genai_json_simd()) == 0) {
            break;
        }
    }

    for (r = 0; r < reps; r++) {
        s[0].ns[r] = measure(run_cjson, b);
        s[1].ns[r] = measure(run_yajl, b);

        for (i = 2; i < n; i++) {
            genai_json_simd_set(s[i].name);
            s[i].ns[r] = measure(run_genai, b);
        }
    }

    for (i = 0; i < n; i++) {
        qsort(s[i].ns, (size_t) reps, sizeof(double), by_value);
    }

    bad = 0;

    for (i = 0; i < n; i++) {
        ratio = s[0].ns[0] / s[i].ns[0];

        printf("%-20s %8zu  %-7s %11.0f %8.3f %8.1f %8.1f", b->name, b->len,
               s[i].name, s[i].ns[0], (double) b->len / s[i].ns[0], ratio,
               s[0].ns[reps / 2] / s[i].ns[reps / 2]);

        if (i == best && b->bar > 0) {
            bad = ratio < b->bar;
            printf("   bar %.0f: %s", b->bar, bad ? "MISSED" : "met");
        }

        printf("\n");
    }

    return bad;
}


int
main(int argc, char **argv)
{
    int      reps, bad;
    size_t   i, used, at;
    body_t  *b;

    reps = argc > 1 ? atoi(argv[1]) : 60;

    if (reps < 1 || reps > REPS_MAX) {
        fprintf(stderr, "repetitions: 1 to %d\n", REPS_MAX);
        return 2;
    }

    make_bodies();

    printf("%-20s %8s  %-7s %11s %8s %8s %8s\n", "body", "bytes", "parser",
           "ns", "GB/s", "x cJSON", "median");

    bad = 0;

    for (i = 0; i < genai_nelts(bodies); i++) {
        b = &bodies[i];

        genai_json_compile(b->rows, b->nrows, NULL, 0, &used, &at);
        b->program = malloc(used);

        if (b->program == NULL
            || genai_json_compile(b->rows, b->nrows, b->program, used, &used,
                                  &at) != GENAI_OK)
        {
            fprintf(stderr, "%s: row %zu is wrong\n", b->name, at);
            return 2;
        }

        bad |= bench(b, reps);

        free(b->program);
        free(b->data);
    }

    printf("# state %zu bytes, %d repetitions interleaved, check %llx\n",
           sizeof(genai_json_t), reps, (unsigned long long) sum);

    return bad;
}
