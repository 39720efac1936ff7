/*
 * The registry as others read it: labels, families, both text formats.
 * With the argument "sample" or "openmetrics" it prints an exposition for
 * promtool instead (t/behaviour/metrics_lint.t).
 */

#include <math.h>
#include <signal.h>
#include <unistd.h>
#include <sys/wait.h>

#include "metrics.h"


static void
test_labels(void)
{
    char              longname[200];
    void             *mem;
    const char       *t;
    genai_call_t      c;
    genai_attr_t      a[10];
    genai_metrics_t  *m;

    mem = shared(1 << 20);
    m = genai_metrics_init(mem, 1 << 20, T0);
    memset(a, 0, sizeof(a));

    a_call(&c, "a\"b\\c\nd", "/x\xff\x01y\xc3\xa9");
    a[0].key = genai_strz("tenant.id");
    a[0].value = genai_strz("t1");
    a[0].label = 1;
    a[1].key = genai_strz("tenant_id");
    a[1].value = genai_strz("t2");
    a[1].label = 1;
    a[2].key = genai_strz("model");
    a[2].value = genai_strz("mine");
    a[2].label = 1;
    a[3].key = genai_strz("secret");
    a[3].value = genai_strz("not a label");
    a[4].key = genai_strz("empty");
    a[4].label = 1;
    a[5].key = genai_strz("9lives");
    a[5].value = genai_strz("yes");
    a[5].label = 1;
    c.attrs = a;
    c.nattrs = 6;
    genai_metrics_count(m, &c);

    t = text(m, GENAI_METRICS_OWN, GENAI_TEXT_PROMETHEUS);
    has(t, "genai_requests_total{api=\"bedrock\",operation=\"chat\","
           "provider=\"aws.bedrock\",model=\"a\\\"b\\\\c\\nd\","
           "location=\"/x??y\xc3\xa9\",tenant_id=\"t1\",tenant_id_2=\"t2\","
           "label_model=\"mine\",label_9lives=\"yes\",status=\"2xx\"} 1");
    ok(strstr(t, "secret") == NULL, "attributes that are no labels stay out");

    memset(longname, 'x', sizeof(longname));
    longname[126] = '\xc3';
    longname[127] = '\xa9';
    longname[128] = '\xc3';
    longname[129] = '\xa9';
    a_call(&c, "", "/");
    c.model = genai_str(longname, 200);
    genai_metrics_count(m, &c);
    c.model.len = 150;
    genai_metrics_count(m, &c);
    is_int(query(m, "genai_requests", "location", "/").points, 1,
           "long names are cut to one label");
    longname[128] = '\0';
    is_int(query(m, "genai_requests", "model", longname).i, 2,
           "at the end of a character");

    longname[128] = 'x';
    longname[127] = '\xc3';
    longname[126] = 'x';
    a_call(&c, "", "/c");
    c.model = genai_str(longname, 130);
    genai_metrics_count(m, &c);
    longname[127] = '?';
    longname[128] = '\0';
    is_int(query(m, "genai_requests", "model", longname).i, 1,
           "half a character is a question mark");
    munmap(mem, 1 << 20);
}


static void
test_many_labels(void)
{
    int               i;
    char              key[10][64], value[10][64];
    void             *mem;
    query_t           q;
    genai_call_t      c;
    genai_attr_t      a[10];
    genai_metrics_t  *m;

    mem = shared(1 << 20);
    m = genai_metrics_init(mem, 1 << 20, T0);
    memset(a, 0, sizeof(a));
    a_call(&c, "m", "/");

    for (i = 0; i < 10; i++) {
        memset(key[i], 'a' + i, 50);
        memset(value[i], 'A' + i, 60);
        a[i].key = genai_str(key[i], 50);
        a[i].value = genai_str(value[i], 60);
        a[i].label = 1;
    }

    c.attrs = a;
    c.nattrs = 10;
    genai_metrics_count(m, &c);
    genai_metrics_count(m, &c);

    q = query(m, "genai_requests", NULL, NULL);
    ok(q.i == 2 && q.points == 1, "labels beyond the room do no harm");
    ok(strstr(text(m, GENAI_METRICS_OWN, GENAI_TEXT_PROMETHEUS), "=\"_other\"")
       != NULL, "a value without room is _other");
    munmap(mem, 1 << 20);
}


static void
fill(genai_metrics_t *m)
{
    genai_call_t  c;

    a_stream(&c, "claude", "/");
    genai_metrics_count(m, &c);
    genai_metrics_observe(m, &c);

    a_call(&c, "claude", "/");
    c.end_ns = c.start_ns + 10000000;
    c.status = 500;
    genai_call_error(&c, genai_strz("InternalServerException"),
                     GENAI_ORIGIN_UPSTREAM);
    c.priced = 0;
    c.input_tokens = -1;
    c.output_tokens = -1;
    genai_metrics_count(m, &c);
    genai_metrics_observe(m, &c);

    a_call(&c, "titan", "/embed");
    c.operation = GENAI_OP_EMBEDDINGS;
    c.step = GENAI_STEP_EMBEDDINGS;
    c.end_ns = c.start_ns + 200000000000ULL;
    c.output_tokens = -1;
    c.skip = GENAI_SKIP_UNPRICED;
    c.priced = 0;
    genai_metrics_count(m, &c);
    genai_metrics_observe(m, &c);

    a_call(&c, "", "/search");
    c.operation = GENAI_OP_RETRIEVAL;
    c.api = GENAI_API_OPENSEARCH;
    c.provider.len = 0;
    c.step = GENAI_STEP_VECTOR_SEARCH;
    c.documents = 5;
    c.score_count = 5;
    c.score_sum = 3.75;
    c.priced = 0;
    c.input_tokens = -1;
    c.output_tokens = -1;
    c.nscores = 1;
    c.scores[0].name = genai_strz("relevance");
    c.scores[0].value = 0.8;
    genai_metrics_count(m, &c);
    genai_metrics_observe(m, &c);

    genai_metrics_score(m, &c, genai_strz("thumbs"), 4.5);
    genai_metrics_own(m, 1234567890);
}


static void
test_text(void)
{
    char              *t;
    void              *mem;
    genai_metrics_t   *m;

    mem = shared(1 << 20);
    memset(mem, 0xa5, 1 << 20);
    m = genai_metrics_init(mem, 1 << 20, T0);
    fill(m);

#define CLAUDE  "{api=\"bedrock\",operation=\"chat\","                       \
                "provider=\"aws.bedrock\",model=\"claude\",location=\"/\""
#define CONV    "{api=\"bedrock\",gen_ai_operation_name=\"chat\","           \
                "gen_ai_provider_name=\"aws.bedrock\","                      \
                "gen_ai_request_model=\"claude\",location=\"/\""

    t = (char *) text(m, GENAI_METRICS_ALL, GENAI_TEXT_PROMETHEUS);
    has(t, "# TYPE genai_requests_total counter");
    has(t, "genai_requests_total" CLAUDE ",status=\"5xx\"} 1");
    has(t, "genai_tokens_total" CLAUDE ",type=\"cache_read\"} 1200");
    has(t, "genai_cost_usd_total" CLAUDE "} 0.003300000001");
    has(t, "genai_errors_total" CLAUDE ",type=\"InternalServerException\","
           "origin=\"upstream\"} 1");
    has(t, "genai_module_seconds_total 1.23456789");
    has(t, "genai_series_overflow_total{table=\"series\"} 0");
    has(t, "# TYPE genai_duration_seconds histogram");
    has(t, "genai_duration_seconds_bucket" CLAUDE
           ",step=\"llm_generation\",le=\"0.01\"} 1");
    has(t, "genai_duration_seconds_bucket" CLAUDE
           ",step=\"llm_generation\",le=\"1.28\"} 1");
    has(t, "genai_duration_seconds_bucket" CLAUDE
           ",step=\"llm_generation\",le=\"2.56\"} 2");
    has(t, "genai_duration_seconds_bucket" CLAUDE
           ",step=\"llm_generation\",le=\"+Inf\"} 2");
    has(t, "genai_duration_seconds_sum" CLAUDE
           ",step=\"llm_generation\"} 1.51");
    has(t, "genai_duration_seconds_count" CLAUDE
           ",step=\"llm_generation\"} 2");
    has(t, "gen_ai_client_inference_duration_seconds_count" CONV
           ",error_type=\"InternalServerException\"} 1");
    has(t, "gen_ai_client_inference_duration_seconds_count" CONV "} 1");
    has(t, "gen_ai_client_operation_duration_seconds_count" CONV "} 1");
    has(t, "gen_ai_client_inference_usage_input_tokens_total" CONV
           ",gen_ai_token_modality=\"unknown\"} 1000");
    has(t, "gen_ai_client_token_usage_sum" CONV
           ",gen_ai_token_type=\"output\"} 20.0");
    has(t, "gen_ai_client_token_usage_bucket" CONV
           ",gen_ai_token_type=\"input\",le=\"1.048576e+06\"} 1");
    has(t, "gen_ai_client_inference_time_to_first_chunk_seconds_sum" CONV
           "} 0.1");
    has(t, "genai_time_to_first_token_seconds_sum" CLAUDE "} 0.25");
    has(t, "genai_time_per_output_token_seconds_sum" CLAUDE "} 0.0625");
    has(t, "genai_stream_max_gap_seconds_sum" CLAUDE "} 0.09");
    has(t, "genai_request_cost_usd_bucket" CLAUDE ",le=\"1e-05\"} 0");
    has(t, "genai_request_cost_usd_bucket" CLAUDE ",le=\"1.0\"} 1");
    has(t, "genai_retrieval_score_sum{api=\"opensearch\","
           "operation=\"retrieval\",location=\"/search\"} 0.75");
    has(t, "genai_retrieval_documents_bucket{api=\"opensearch\","
           "operation=\"retrieval\",location=\"/search\",le=\"5.0\"} 1");
    has(t, "genai_score_sum{api=\"opensearch\",operation=\"retrieval\","
           "location=\"/search\",name=\"thumbs\"} 4.5");
    has(t, "gen_ai_client_embeddings_operation_input_tokens_count"
           "{api=\"bedrock\",gen_ai_operation_name=\"embeddings\","
           "gen_ai_provider_name=\"aws.bedrock\","
           "gen_ai_request_model=\"titan\",location=\"/embed\"} 1");
    ok(strstr(t, "EOF") == NULL && strstr(t, "trace_id") == NULL
       && strstr(t, "# UNIT") == NULL, "nothing of OpenMetrics in 0.0.4");
    ok(out.longest <= 4096 && out.calls > 3, "written in pieces of 4 KB");

    t = (char *) text(m, GENAI_METRICS_ALL, GENAI_TEXT_OPENMETRICS);
    has(t, "# TYPE genai_requests counter");
    has(t, "# UNIT genai_duration_seconds seconds");
    has(t, "# UNIT genai_cost_usd usd");
    has(t, "genai_requests_total" CLAUDE ",status=\"5xx\"} 1");
    has(t, "genai_duration_seconds_bucket" CLAUDE
           ",step=\"llm_generation\",le=\"2.56\"} 2 # {trace_id=\""
           "abababababababababababababababab\",span_id=\""
           "cdcdcdcdcdcdcdcd\"} 1.5 1763870001.500");
    ok(strcmp(t + strlen(t) - 7, "\n# EOF\n") == 0, "ends with # EOF");

    text(m, GENAI_METRICS_NEW, GENAI_TEXT_PROMETHEUS);
    ok(strstr(out.data, "\ngenai_") == NULL
       && strstr(out.data, "token_usage") == NULL
       && strstr(out.data, "gen_ai_client_inference_duration") != NULL,
       "groups of names can be left out");

    munmap(mem, 1 << 20);
}


static void
test_samples(void)
{
    void                   *mem;
    genai_metrics_t        *m;
    genai_metric_sample_t   s[4];
    genai_metrics_view_t    view = { 0, s, 4 };

    mem = shared(1 << 20);
    m = genai_metrics_init(mem, 1 << 20, T0);
    memset(s, 0, sizeof(s));

    s[0].name = "genai_export_acked_total";
    s[0].help = "Records \"acked\".";
    s[0].kind = GENAI_METRIC_COUNTER;
    s[0].labels[0].name = "sink";
    s[0].labels[0].value = genai_strz("a");
    s[0].labels[1].name = "reason";
    s[0].nlabels = 2;
    s[0].is_int = 1;
    s[0].i = 9007199254740993LL;
    s[1].name = "genai_in_flight";
    s[1].help = "Calls under way.";
    s[1].kind = GENAI_METRIC_GAUGE;
    s[1].is_int = 1;
    s[1].i = -3;
    s[2] = s[0];
    s[2].labels[0].value = genai_strz("b");
    s[2].i = 2;
    s[3].name = "genai_price_table_age_seconds";
    s[3].help = "Age.";
    s[3].kind = GENAI_METRIC_GAUGE;
    s[3].d = 1e6;

    memset(&out, 0, offsetof(out_t, data));
    genai_metrics_text(m, &view, GENAI_TEXT_PROMETHEUS, out_write, &out);
    is_mem(out.data, out.len,
           "# HELP genai_export_acked_total Records \"acked\".\n"
           "# TYPE genai_export_acked_total counter\n"
           "genai_export_acked_total{sink=\"a\"} 9007199254740993\n"
           "genai_export_acked_total{sink=\"b\"} 2\n"
           "# HELP genai_in_flight Calls under way.\n"
           "# TYPE genai_in_flight gauge\n"
           "genai_in_flight -3\n"
           "# HELP genai_price_table_age_seconds Age.\n"
           "# TYPE genai_price_table_age_seconds gauge\n"
           "genai_price_table_age_seconds 1e+06\n",
           "samples of others, a family's together");

    memset(&out, 0, offsetof(out_t, data));
    genai_metrics_text(m, &view, GENAI_TEXT_OPENMETRICS, out_write, &out);
    is_mem(out.data, out.len,
           "# HELP genai_export_acked Records \\\"acked\\\".\n"
           "# TYPE genai_export_acked counter\n"
           "genai_export_acked_total{sink=\"a\"} 9007199254740993\n"
           "genai_export_acked_total{sink=\"b\"} 2\n"
           "# HELP genai_in_flight Calls under way.\n"
           "# TYPE genai_in_flight gauge\n"
           "genai_in_flight -3\n"
           "# HELP genai_price_table_age_seconds Age.\n"
           "# TYPE genai_price_table_age_seconds gauge\n"
           "# UNIT genai_price_table_age_seconds seconds\n"
           "genai_price_table_age_seconds 1e+06\n"
           "# EOF\n",
           "and in OpenMetrics");

    fill(m);
    view.groups = GENAI_METRICS_ALL;
    memset(&out, 0, offsetof(out_t, data));
    out.stop_at = 2;
    is_int(genai_metrics_text(m, &view, GENAI_TEXT_PROMETHEUS, out_write,
                              &out), GENAI_ERROR,
           "a writer's error ends the rendering");
    is_int(out.calls, 2, "at once");
    munmap(mem, 1 << 20);
}


/* le ascends, buckets never fall, +Inf equals _count, and a family's samples
 * stand together: read back from the text itself */

static void
test_invariants(void)
{
    int           histograms, good, type_lines;
    char         *line, *next, *p, name[128], seen[8192];
    void         *mem;
    double        le, last_le;
    uint64_t      n, last, inf;
    genai_metrics_t  *m;

    mem = shared(1 << 20);
    m = genai_metrics_init(mem, 1 << 20, T0);
    fill(m);
    line = (char *) text(m, GENAI_METRICS_ALL, GENAI_TEXT_PROMETHEUS);

    last_le = -1;
    last = 0;
    inf = 0;
    histograms = 0;
    type_lines = 0;
    good = 1;
    seen[0] = '\0';

    for ( /* void */ ; *line; line = next) {
        next = strchr(line, '\n');
        *next++ = '\0';

        if (sscanf(line, "# TYPE %120s", name) == 1) {
            strcat(name, " ");
            good = good && strstr(seen, name) == NULL;
            strcat(seen, name);
            type_lines++;
        }

        if (line[0] == '#') {
            continue;
        }

        n = strtoull(strrchr(line, ' ') + 1, NULL, 10);
        p = strstr(line, ",le=\"");

        if (p) {
            le = strtod(p + 5, NULL);
            good = good && le > last_le && n >= last;
            last_le = le;
            last = n;
            inf = isinf(le) ? n : 0;
            continue;
        }

        if (strstr(line, "_count{")) {
            good = good && inf == n && n > 0;
            histograms++;
        }

        last_le = -1;
        last = 0;
    }

    ok(good && histograms > 15 && type_lines > 25,
       "%d histograms of %d families hold their invariants", histograms,
       type_lines);
    munmap(mem, 1 << 20);
}


/* a reader beside the single writer of histograms */

static int
watch_family(void *data, const genai_metric_family_t *f)
{
    (void) data;
    (void) f;

    return GENAI_OK;
}


static int
watch_point(void *data, const genai_metric_family_t *f,
    const genai_metric_point_t *p)
{
    size_t    b;
    uint64_t  n, *seen = data;
    double    le;

    if (f->kind != GENAI_METRIC_HISTOGRAM) {
        return GENAI_OK;
    }

    for (b = 0, n = 0; b <= p->nbounds; b++) {
        n += p->counts[b];

        if (p->has_exemplars && p->exemplars[b].time_unix_ns) {
            le = b < p->nbounds ? p->bounds[b] : 1e300;

            /* the writer puts the same byte into all of the ids */
            if (p->exemplars[b].value > le
                || p->exemplars[b].trace_id[0] != p->exemplars[b].span_id[7])
            {
                return GENAI_ERROR;
            }

            seen[1]++;
        }
    }

    seen[0]++;

    return n == p->count ? GENAI_OK : GENAI_ERROR;
}


static void
test_watched(void)
{
    int                   i, rc;
    void                 *mem;
    pid_t                 pid;
    uint64_t              seen[2] = { 0, 0 };
    genai_call_t          c;
    genai_metrics_t      *m;
    genai_metrics_view_t  view = { GENAI_METRICS_ALL, NULL, 0 };

    static const genai_metrics_visitor_t  v = { watch_family, watch_point };

    mem = shared(1 << 20);
    m = genai_metrics_init(mem, 1 << 20, T0);
    a_stream(&c, "claude", "/");
    genai_metrics_observe(m, &c);
    memset(c.span_id, 0xab, 8);
    genai_metrics_observe(m, &c);

    pid = fork();

    if (pid == 0) {
        for (i = 0; ; i++) {
            memset(c.trace_id, i, 16);
            memset(c.span_id, i, 8);
            c.start_unix_ns = T0 + i;
            genai_metrics_observe(m, &c);
        }
    }

    for (i = 0, rc = GENAI_OK; i < 3000 && rc == GENAI_OK; i++) {
        rc = genai_metrics_visit(m, &view, &v, seen);
    }

    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);

    ok(rc == GENAI_OK && seen[0] > 10000 && seen[1] > 100,
       "what is read while it is written is whole: %llu histograms, "
       "%llu exemplars", (unsigned long long) seen[0],
       (unsigned long long) seen[1]);
    munmap(mem, 1 << 20);
}


static void
test_negotiate(void)
{
    size_t  i;

    static const struct {
        const char   *accept;
        genai_text_e  want;
    } t[] = {
        { "", GENAI_TEXT_PROMETHEUS },
        { "*/*", GENAI_TEXT_PROMETHEUS },
        { "text/html", GENAI_TEXT_PROMETHEUS },
        { "application/openmetrics-text", GENAI_TEXT_OPENMETRICS },
        { "application/openmetrics-text; version=0.0.1",
          GENAI_TEXT_PROMETHEUS },
        { "Application/OpenMetrics-Text;version=\"1.0.0\" , */*;q=0.9",
          GENAI_TEXT_OPENMETRICS },
        { "application/openmetrics-text;version=1.0.0;"
          "escaping=allow-utf-8;q=0.6,application/openmetrics-text;"
          "version=0.0.1;q=0.5,text/plain;version=1.0.0;"
          "escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,"
          "*/*;q=0.2", GENAI_TEXT_OPENMETRICS },
        { "application/openmetrics-text;q=0.3,text/plain;q=0.35",
          GENAI_TEXT_PROMETHEUS },
        { "application/openmetrics-text;q=0, */*", GENAI_TEXT_PROMETHEUS },
        { "application/openmetrics-text;q=x, */*;q=0.001",
          GENAI_TEXT_PROMETHEUS },
        { ",,;;=,", GENAI_TEXT_PROMETHEUS }
    };

    for (i = 0; i < genai_nelts(t); i++) {
        is_int(genai_metrics_negotiate(genai_strz(t[i].accept)), t[i].want,
               t[i].accept[0] ? t[i].accept : "no Accept");
    }
}


static int
sample(genai_text_e format)
{
    void                   *mem;
    genai_metrics_t        *m;
    genai_metric_sample_t   s;
    genai_metrics_view_t    view = { GENAI_METRICS_ALL, &s, 1 };

    mem = shared(1 << 20);
    m = genai_metrics_init(mem, 1 << 20, T0);
    fill(m);

    memset(&s, 0, sizeof(s));
    s.name = "genai_build_info";
    s.help = "The module's version.";
    s.kind = GENAI_METRIC_GAUGE;
    s.labels[0].name = "version";
    s.labels[0].value = genai_strz("0.1.0");
    s.nlabels = 1;
    s.is_int = 1;
    s.i = 1;

    genai_metrics_text(m, &view, format, out_write, &out);
    fwrite(out.data, 1, out.len, stdout);

    return 0;
}


int
main(int argc, char **argv)
{
    if (argc > 1) {
        return sample(strcmp(argv[1], "sample") ? GENAI_TEXT_OPENMETRICS
                                                : GENAI_TEXT_PROMETHEUS);
    }

    setvbuf(stdout, NULL, _IOLBF, 0);

    test_labels();
    test_many_labels();
    test_text();
    test_samples();
    test_invariants();
    test_watched();
    test_negotiate();

    return done();
}
