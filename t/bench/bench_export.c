/*
 * The exporter's own cost: CPU of one core per span, for OTLP (encode; with
 * gzip and HTTP to a receiver on loopback) and for the file sink.
 *
 *     bench_export [seconds]
 *
 * The spans are those of a ConverseStream call with some 50 attributes; ids,
 * tokens, times and cost differ, so that gzip has work to do.  Only the CPU
 * of this process counts, kernel time for the socket included; the receiver
 * is a child.  Exit code 1 below the floor of 30,000 spans per second.
 */

#define _GNU_SOURCE

#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "genai_otlp.h"
#include "genai_sink.h"


#define BATCH  512
#define FLOOR  30000


static uint64_t  seed = 88172645463325252ULL;
static char      strings[BATCH][3][40];


static uint64_t
rnd(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;

    return seed;
}


static double
cpu(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);

    return (double) ts.tv_sec + (double) ts.tv_nsec / 1e9;
}


static void
fill(genai_call_t *c, unsigned n)
{
    uint64_t  r;

    genai_call_init(c, NULL, 0);

    r = rnd();
    memcpy(c->trace_id, &r, 8);
    r = rnd();
    memcpy(c->trace_id + 8, &r, 8);
    r = rnd();
    memcpy(c->span_id, &r, 8);
    r = rnd();
    memcpy(c->parent_id, &r, 8);

    snprintf(strings[n][0], 40, "%08x-%04x-%04x-%04x-%012llx",
             (unsigned) rnd(), (unsigned) (rnd() & 0xffff),
             (unsigned) (rnd() & 0xffff), (unsigned) (rnd() & 0xffff),
             (unsigned long long) (rnd() & 0xffffffffffffULL));
    snprintf(strings[n][1], 40, "user-%u", (unsigned) (rnd() % 5000));
    snprintf(strings[n][2], 40, "session-%u", (unsigned) (rnd() % 50000));

    c->kind = 3;
    c->trace_flags = 3;
    c->parent_remote = 1;
    c->sampled = 1;
    c->api = GENAI_API_BEDROCK;
    c->operation = GENAI_OP_CHAT;
    c->step = GENAI_STEP_GENERATION;
    c->usage_source = GENAI_SOURCE_BODY;
    c->usage_complete = 1;
    c->finish = GENAI_FINISH_STOP;
    c->stream = 1;
    c->streamed = 1;
    c->status = 200;
    c->server_port = 443;
    c->priced = 1;
    c->attempt = 1;
    c->messages = (unsigned) (rnd() % 9 + 1);
    c->events = (unsigned) (rnd() % 400 + 20);

    c->start_unix_ns = 1790000000000000000ULL + rnd() % 1000000000000ULL;
    c->start_ns = 1;
    c->first_event_ns = 1 + rnd() % 900000000;
    c->first_token_ns = c->first_event_ns + rnd() % 90000000;
    c->last_event_ns = c->first_token_ns + rnd() % 9000000000ULL;
    c->end_ns = c->last_event_ns + rnd() % 1000000;
    c->max_gap_ns = rnd() % 90000000;

    c->input_tokens = (int64_t) (rnd() % 20000);
    c->output_tokens = (int64_t) (rnd() % 2000 + 2);
    c->cache_read_tokens = (int64_t) (rnd() % 10000);
    c->cache_write_tokens = 0;
    c->total_tokens = c->input_tokens + c->output_tokens;
    c->cost_pico = c->input_tokens * 3000000 + c->output_tokens * 15000000;
    c->max_tokens = 1024;
    c->temperature = 0.2;
    c->top_p = 0.9;
    c->prompt_chars = (int64_t) (rnd() % 80000);
    c->server_latency_ms = (int64_t) (rnd() % 9000);

    c->provider = genai_strz("aws.bedrock");
    c->model = genai_strz("us.anthropic.claude-sonnet-4-20250514-v1:0");
    c->region = genai_strz("us-east-1");
    c->method = genai_strz("POST");
    c->path = genai_strz("/model/us.anthropic.claude-sonnet-4-20250514-v1%3A0/"
                         "converse-stream");
    c->location = genai_strz("/model/");
    c->server_address =
        genai_strz("bedrock-runtime.us-east-1.amazonaws.com");
    c->upstream = genai_strz("10.20.30.40:443");
    c->request_id = genai_strz(strings[n][0]);
    c->invocation_id = genai_strz(strings[n][0]);
    c->user = genai_strz(strings[n][1]);
    c->session = genai_strz(strings[n][2]);
    c->stop_reason = genai_strz("end_turn");
    c->price_version = genai_strz("2026-11-20");
    c->guardrail_id = genai_strz("gr-abcdef123456");
}


/* reads requests, counts their bytes, answers each with 200 */

static void
receiver(int s)
{
    int          fd;
    char        *end, *p;
    size_t       len, want;
    ssize_t      n;
    static char  buf[1 << 20];
    static char  yes[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

    fd = accept(s, NULL, NULL);
    len = 0;

    for ( ;; ) {
        want = 0;
        end = NULL;

        while (end == NULL || len < want) {
            n = read(fd, buf + len, sizeof(buf) - 1 - len);

            if (n <= 0) {
                _exit(0);
            }

            len += (size_t) n;
            buf[len] = '\0';

            if (end == NULL && (end = strstr(buf, "\r\n\r\n")) != NULL) {
                p = strstr(buf, "Content-Length: ");
                want = (size_t) (end + 4 - buf) + strtoul(p + 16, NULL, 10);
            }
        }

        len = 0;

        if (write(fd, yes, sizeof(yes) - 1) < 0) {
            _exit(0);
        }
    }
}


static int
listener(int *port)
{
    int                 s;
    socklen_t           len;
    struct sockaddr_in  a;

    memset(&a, 0, sizeof(a));
    a.sin_family = AF_INET;
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    len = sizeof(a);

    s = socket(AF_INET, SOCK_STREAM, 0);

    if (bind(s, (struct sockaddr *) &a, len) != 0 || listen(s, 4) != 0
        || getsockname(s, (struct sockaddr *) &a, &len) != 0)
    {
        perror("listen");
        exit(2);
    }

    *port = ntohs(a.sin_port);

    return s;
}


static double
run(const char *name, genai_sink_t *s, const genai_call_t *calls, double secs)
{
    double               t, spent, per_sec;
    unsigned             i;
    uint64_t             spans = 0;
    genai_send_e         rc;
    genai_send_result_t  res;

    t = cpu();

    do {
        for (i = 0; i < BATCH; i++) {
            if (s->ops->add(s, &calls[i]) != GENAI_OK) {
                printf("%s: cannot add\n", name);
                exit(2);
            }
        }

        if (s->ops->send(s) != GENAI_OK) {
            printf("%s: cannot send\n", name);
            exit(2);
        }

        do {
            rc = s->ops->poll(s, 100, &res);
        } while (rc == GENAI_SEND_PENDING);

        if (rc != GENAI_SEND_ACKED) {
            printf("%s: outcome %d %s\n", name, rc, res.why);
            exit(2);
        }

        spans += BATCH;
        spent = cpu() - t;
    } while (spent < secs);

    per_sec = (double) spans / spent;

    printf("%-34s %10.0f spans/s %8.2f us/span\n", name, per_sec,
           1e6 / per_sec);

    return per_sec;
}


static void
encode(const genai_call_t *calls, double secs)
{
    double            t, spent;
    unsigned          i;
    uint64_t          spans = 0;
    genai_otlp_buf_t  items, attrs;

    memset(&items, 0, sizeof(items));
    memset(&attrs, 0, sizeof(attrs));

    t = cpu();

    do {
        items.len = 0;

        for (i = 0; i < BATCH; i++) {
            (void) genai_otlp_span(&items, &attrs, &calls[i]);
        }

        spans += BATCH;
        spent = cpu() - t;
    } while (spent < secs);

    printf("%-34s %10.0f spans/s %8.2f us/span, %zu bytes/span\n",
           "encode alone", (double) spans / spent,
           spent * 1e6 / (double) spans, items.len / BATCH);

    genai_otlp_free(&items);
    genai_otlp_free(&attrs);
}


int
main(int argc, char **argv)
{
    int                s, port;
    char               url[64], err[128];
    pid_t              pid;
    double             secs, otlp = 0;
    unsigned           i;
    genai_sink_t      *sink;
    genai_call_t      *calls;
    genai_sink_conf_t  conf;

    secs = (argc > 1) ? atof(argv[1]) : 2;
    signal(SIGPIPE, SIG_IGN);

    calls = malloc(BATCH * sizeof(genai_call_t));

    for (i = 0; i < BATCH; i++) {
        fill(&calls[i], i);
    }

    encode(calls, secs);

    for (i = 0; i < 2; i++) {
        s = listener(&port);
        fflush(stdout);
        pid = fork();

        if (pid == 0) {
            receiver(s);
        }

        close(s);
        snprintf(url, sizeof(url), "http://127.0.0.1:%d", port);

        memset(&conf, 0, sizeof(conf));
        conf.type = "otlp";
        conf.name = "bench";
        conf.version = "0";
        conf.endpoint = url;
        conf.traces = 1;
        conf.gzip = (i == 1);
        conf.batch = BATCH;
        conf.timeout_ms = 10000;

        sink = genai_sink_otlp_ops.create(&conf, NULL, NULL, err,
                                          sizeof(err));
        if (sink == NULL) {
            printf("%s\n", err);
            return 2;
        }

        otlp = run(i ? "otlp, gzip, acknowledged" : "otlp, acknowledged",
                   sink, calls, secs);
        sink->ops->destroy(sink);
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
    }

    memset(&conf, 0, sizeof(conf));
    conf.type = "file";
    conf.name = "bench";
    conf.version = "0";
    conf.path = "/dev/null";
    conf.batch = BATCH;
    conf.traces = 1;

    sink = genai_sink_file_ops.create(&conf, NULL, NULL, err, sizeof(err));

    if (sink == NULL) {
        printf("%s\n", err);
        return 2;
    }

    (void) run("file, to /dev/null", sink, calls, secs);
    sink->ops->destroy(sink);
    free(calls);

    if (otlp < FLOOR) {
        printf("below the floor of %d spans/s\n", FLOOR);
        return 1;
    }

    return 0;
}
