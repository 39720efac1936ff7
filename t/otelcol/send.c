/*
 * Sends three known calls and their metrics through the sinks, for
 * t/behaviour/otelcol.py, which knows what must arrive.
 *
 *     otlp_send ENDPOINT FILE [gzip|plain] [cumulative|delta]
 *
 * Spans go to both sinks, metrics to ENDPOINT: once after the calls, and once
 * more after the first call was counted again.
 */

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "genai_sink.h"


#define T0  1790000000000000000ULL


static const genai_attr_t  own[] = {
    { genai_string("tenant"), genai_string("acme"), 's', 1 },
    { genai_string("shard"), genai_string("17"), 'i', 0 },
    { genai_string("odd \"key\""), genai_string("a\\b\n\xff\t\xe6\x97\xa5"),
      's', 0 }
};


static void
start(genai_call_t *c, unsigned n)
{
    genai_call_init(c, NULL, 0);

    memset(c->trace_id, 0xab, 16);
    memset(c->span_id, 0x10, 7);
    c->span_id[7] = (uint8_t) n;

    c->kind = 3;
    c->trace_flags = 3;
    c->sampled = 1;
    c->api = GENAI_API_BEDROCK;
    c->status = 200;
    c->server_port = 443;
    c->start_unix_ns = T0 + n;
    c->start_ns = 1000000000;

    c->provider = genai_strz("aws.bedrock");
    c->region = genai_strz("us-east-1");
    c->method = genai_strz("POST");
    c->location = genai_strz("/model/");
    c->server_address = genai_strz("bedrock-runtime.us-east-1.amazonaws.com");
}


static void
converse(genai_call_t *c)
{
    start(c, 1);

    memset(c->parent_id, 0x20, 8);
    c->parent_remote = 1;
    c->operation = GENAI_OP_CHAT;
    c->step = GENAI_STEP_GENERATION;
    c->usage_source = GENAI_SOURCE_BODY;
    c->usage_complete = 1;
    c->finish = GENAI_FINISH_TOOL_CALL;
    c->stream = 1;
    c->streamed = 1;
    c->priced = 1;
    c->first_event_ns = 1250000000;
    c->first_token_ns = 1500000000;
    c->last_event_ns = 2500000000;
    c->end_ns = 3000000007;

    c->model = genai_strz("us.anthropic.claude-sonnet-4-20250514-v1:0");
    c->stop_reason = genai_strz("tool_use");
    c->stop_sequences = genai_strz("END\x1fSTOP");
    c->tracestate = genai_strz("vendor=1");
    c->request_id = genai_strz("req-1");
    c->user = genai_strz("gr\xc3\xbc\xc3\x9f");
    c->price_version = genai_strz("2026-11-20");
    c->ntools = 2;
    c->tools[0] = genai_strz("get_weather");
    c->tools[1] = genai_strz("search");

    c->input_tokens = 1200;
    c->output_tokens = 101;
    c->cache_read_tokens = 1000;
    c->cache_write_tokens = 0;
    c->total_tokens = 1301;
    c->cost_pico = 2415300000001LL;
    c->max_tokens = 512;
    c->temperature = 0.2;

    c->attrs = own;
    c->nattrs = genai_nelts(own);
}


static void
embeddings(genai_call_t *c)
{
    start(c, 2);

    c->operation = GENAI_OP_EMBEDDINGS;
    c->step = GENAI_STEP_EMBEDDINGS;
    c->usage_source = GENAI_SOURCE_HEADER;
    c->usage_complete = 1;
    c->priced = 1;
    c->end_ns = 1040000000;
    c->model = genai_strz("amazon.titan-embed-text-v2:0");
    c->input_tokens = 9007199254740993LL;
    c->total_tokens = 9007199254740993LL;
    c->cost_pico = 0;
    c->embedding_dimension = 1024;
}


static void
failed(genai_call_t *c)
{
    start(c, 3);

    c->operation = GENAI_OP_CHAT;
    c->step = GENAI_STEP_GENERATION;
    c->status = 429;
    c->end_ns = 1010000000;
    c->model = genai_strz("amazon.nova-lite-v1:0");
    c->error_message = genai_strz("Too many requests");
    genai_call_error(c, genai_strz("ThrottlingException"),
                     GENAI_ORIGIN_UPSTREAM);
}


static void
must(int good, const char *what, const genai_send_result_t *res)
{
    if (!good) {
        fprintf(stderr, "otlp_send: %s: %d %s\n", what,
                res ? res->http_status : 0, res ? res->why : "");
        exit(1);
    }
}


static void
spans(const genai_sink_ops_t *ops, const genai_sink_conf_t *conf,
    const genai_call_t *calls)
{
    int                  i;
    char                 err[128] = "";
    genai_sink_t        *s;
    genai_send_result_t  res;

    s = ops->create(conf, NULL, NULL, err, sizeof(err));
    must(s != NULL, err, NULL);

    for (i = 0; i < 3; i++) {
        must(ops->add(s, &calls[i]) == GENAI_OK, "add", NULL);
    }

    must(ops->send(s) == GENAI_OK, "send", NULL);

    while (ops->poll(s, 100, &res) == GENAI_SEND_PENDING) { /* void */ }

    must(res.outcome == GENAI_SEND_ACKED && res.rejected == 0, conf->type,
         &res);
    ops->destroy(s);
}


static void
metrics(const genai_sink_conf_t *conf, const genai_call_t *calls)
{
    int                  i;
    void                *mem;
    char                 err[128] = "";
    size_t               size = 4 * 1024 * 1024;
    uint64_t             now;
    genai_sink_t        *s;
    struct timespec      ts;
    genai_metrics_t     *m;
    genai_send_result_t  res;

    clock_gettime(CLOCK_REALTIME, &ts);
    now = (uint64_t) ts.tv_sec * GENAI_NS_PER_SEC;

    must(posix_memalign(&mem, 64, size) == 0, "memory", NULL);
    m = genai_metrics_init(mem, size, now);

    for (i = 0; i < 3; i++) {
        genai_metrics_count(m, &calls[i]);
        genai_metrics_observe(m, &calls[i]);
    }

    s = genai_sink_otlp_ops.create(conf, NULL, NULL, err, sizeof(err));
    must(s != NULL, err, NULL);

    for (i = 1; i <= 2; i++) {
        must(s->ops->send_metrics(s, m, NULL, now + (uint64_t) i * 1000000)
             == GENAI_OK, "send_metrics", NULL);

        while (s->ops->poll_metrics(s, 100, &res) == GENAI_SEND_PENDING) {
            /* void */
        }

        must(res.outcome == GENAI_SEND_ACKED && res.rejected == 0, "metrics",
             &res);

        genai_metrics_count(m, &calls[0]);
        genai_metrics_observe(m, &calls[0]);
    }

    s->ops->destroy(s);
    free(mem);
}


int
main(int argc, char **argv)
{
    int                        i;
    genai_call_t               calls[3];
    genai_sink_conf_t          conf;
    static const genai_pair_t  resource[] = {
        { "service.name", "gateway" }, { "service.version", "1.2" }
    };

    if (argc < 3) {
        fprintf(stderr, "otlp_send ENDPOINT FILE [gzip] [delta]\n");
        return 2;
    }

    signal(SIGPIPE, SIG_IGN);
    memset(&conf, 0, sizeof(conf));

    conf.version = "0.1";
    conf.batch = 512;
    conf.timeout_ms = 5000;
    conf.traces = 1;
    conf.metrics = 1;
    conf.resource = resource;
    conf.nresource = 2;

    for (i = 3; i < argc; i++) {
        conf.gzip |= (strcmp(argv[i], "gzip") == 0);
        conf.delta |= (strcmp(argv[i], "delta") == 0);
    }

    converse(&calls[0]);
    embeddings(&calls[1]);
    failed(&calls[2]);

    conf.name = "file";
    conf.type = "file";
    conf.path = argv[2];
    spans(&genai_sink_file_ops, &conf, calls);

    conf.name = "otlp";
    conf.type = "otlp";
    conf.endpoint = argv[1];
    spans(&genai_sink_otlp_ops, &conf, calls);
    metrics(&conf, calls);

    return 0;
}
