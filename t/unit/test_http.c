/*
 * The transfer and the sink against a small server in a child process: what
 * each kind of answer becomes, what was sent, and that nothing waits longer
 * than it should.
 */

#define _GNU_SOURCE

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <zlib.h>

#include "otlp.pb-c.h"

#include "genai_http.h"
#include "genai_sink.h"
#include "test.h"


#define MAX  (1024 * 1024)


/* what the server saw last, written by it into a file */

static char    dir[] = "/tmp/genai-http-XXXXXX";
static char    saved[64], secret[64];
static char    got[MAX];
static size_t  got_len;
static char    logged[512];


static void
respond(int fd, const char *status, const char *headers, const char *body,
    size_t len)
{
    int      n;
    char     head[512];
    ssize_t  rc;

    n = snprintf(head, sizeof(head), "HTTP/1.1 %s\r\n%sContent-Length: %zu"
                 "\r\n\r\n", status, headers, len);
    rc = write(fd, head, (size_t) n);
    rc = write(fd, body, len);
    (void) rc;
}


/* the last path element chooses the answer */

static void
answer(int fd, const char *req)
{
    char         date[128];
    time_t       t;
    struct tm    tm;
    static char  big[8192];
    size_t       i;

    if (strstr(req, "/each-nologs/v1/logs")) {
        respond(fd, "404 Not Found", "", "", 0);

    } else if (strstr(req, "/each-latelogs/v1/logs")) {
        respond(fd, "503 Busy", "", "", 0);

    } else if (strstr(req, "/partial")) {
        respond(fd, "200 OK", "Content-Type: application/x-protobuf\r\n",
                "\x0a\x08\x08\x02\x12\x04" "nope", 10);

    } else if (strstr(req, "/429")) {
        respond(fd, "429 Too Many", "Retry-After: 7\r\n", "", 0);

    } else if (strstr(req, "/503")) {
        t = time(NULL) + 60;
        gmtime_r(&t, &tm);
        strftime(date, sizeof(date),
                 "Retry-After: %a, %d %b %Y %H:%M:%S GMT\r\n", &tm);
        respond(fd, "503 Busy", date, "", 0);

    } else if (strstr(req, "/401")) {
        respond(fd, "401 Unauthorized", "", "who are you", 11);

    } else if (strstr(req, "400/v1")) {
        respond(fd, "400 Bad Request", "", "\x08\x03\x12\x03" "bad", 7);

    } else if (strstr(req, "/moved")) {
        respond(fd, "307 Moved", "Location: /ok\r\n", "", 0);

    } else if (strstr(req, "/close")) {
        shutdown(fd, SHUT_RDWR);

    } else if (strstr(req, "/hang")) {
        sleep(20);

    } else if (strstr(req, "/big")) {
        memset(big, 'x', sizeof(big));
        i = (size_t) snprintf(date, sizeof(date), "HTTP/1.1 200 OK\r\n"
                              "Content-Length: 8388608\r\n\r\n");

        if (write(fd, date, i) != (ssize_t) i) {
            return;
        }

        for (i = 0; i < 1024; i++) {
            if (write(fd, big, sizeof(big)) != sizeof(big)) {
                return;
            }
        }

    } else {
        respond(fd, "200 OK", "", "", 0);
    }
}


static void
save(const char *buf, size_t len)
{
    int      fd;
    ssize_t  n;

    fd = open(saved, O_CREAT | O_TRUNC | O_WRONLY, 0600);
    n = write(fd, buf, len);
    (void) n;
    close(fd);
}


static void
serve(int s)
{
    int          fd, port, conns = 0;
    char        *end, *p;
    size_t       len, want;
    ssize_t      n;
    static char  buf[MAX];
    struct sockaddr_in  a;
    socklen_t    alen;

    signal(SIGPIPE, SIG_IGN);

    for ( ;; ) {
        alen = sizeof(a);
        fd = accept(s, (struct sockaddr *) &a, &alen);
        conns++;

        for ( ;; ) {
            len = 0;
            want = 0;
            end = NULL;

            while (end == NULL || len < want) {
                n = read(fd, buf + len, sizeof(buf) - 1 - len);

                if (n <= 0) {
                    goto next;
                }

                len += (size_t) n;
                buf[len] = '\0';

                if (end == NULL && (end = strstr(buf, "\r\n\r\n")) != NULL) {
                    p = strstr(buf, "Content-Length: ");
                    want = (size_t) (end + 4 - buf)
                           + (p ? strtoul(p + 16, NULL, 10) : 0);
                }
            }

            port = snprintf(buf + len, 32, "\nconn=%d\n", conns);
            save(buf, len + (size_t) port);
            answer(fd, buf);

            if (strstr(buf, "/each")) {
                break;               /* another connection is waiting */
            }
        }

next:

        close(fd);
    }
}


static pid_t
start(int *port)
{
    int                 s;
    pid_t               pid;
    socklen_t           len;
    struct sockaddr_in  a;

    memset(&a, 0, sizeof(a));
    a.sin_family = AF_INET;
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    len = sizeof(a);

    s = socket(AF_INET, SOCK_STREAM, 0);

    if (bind(s, (struct sockaddr *) &a, len) != 0 || listen(s, 8) != 0
        || getsockname(s, (struct sockaddr *) &a, &len) != 0)
    {
        perror("listen");
        exit(1);
    }

    *port = ntohs(a.sin_port);

    fflush(stdout);
    pid = fork();

    if (pid == 0) {
        serve(s);
        _exit(0);
    }

    close(s);

    return pid;
}


static void
load(void)
{
    int      fd;
    ssize_t  n;

    got_len = 0;
    fd = open(saved, O_RDONLY);

    if (fd != -1) {
        n = read(fd, got, sizeof(got) - 1);
        got_len = n > 0 ? (size_t) n : 0;
        close(fd);
    }

    got[got_len] = '\0';
}


__attribute__((format(printf, 3, 4)))
static void
logger(void *data, int level, const char *fmt, ...)
{
    va_list  ap;

    (void) data;
    (void) level;

    va_start(ap, fmt);
    vsnprintf(logged, sizeof(logged), fmt, ap);
    va_end(ap);
}


static uint64_t
ms(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000 + (uint64_t) ts.tv_nsec / 1000000;
}


static void
secret_is(const char *text)
{
    int      fd;
    ssize_t  n;
    char     tmp[80];

    snprintf(tmp, sizeof(tmp), "%s.new", secret);
    fd = open(tmp, O_CREAT | O_TRUNC | O_WRONLY, 0600);
    n = write(fd, text, strlen(text));
    (void) n;
    close(fd);
    rename(tmp, secret);
}


/* a fresh sink for each case: endpoint url/what */

static genai_sink_conf_t  conf;
static char               endpoint[128];


static genai_sink_t *
sink(int port, const char *what)
{
    char           err[128];
    genai_sink_t  *s;

    snprintf(endpoint, sizeof(endpoint), "http://127.0.0.1:%d/%s", port,
             what);
    conf.endpoint = endpoint;

    s = genai_sink_otlp_ops.create(&conf, logger, NULL, err, sizeof(err));

    if (s == NULL) {
        printf("# %s\n", err);
        exit(1);
    }

    return s;
}


static void
call(genai_call_t *c)
{
    genai_call_init(c, NULL, 0);
    c->sampled = 1;
    c->trace_id[0] = 1;
    c->span_id[0] = 1;
    c->kind = 3;
    c->operation = GENAI_OP_CHAT;
    c->model = genai_strz("m");
}


static genai_send_e
send_one(genai_sink_t *s, genai_send_result_t *res)
{
    uint64_t      until = ms() + 5000;
    genai_call_t  c;
    genai_send_e  rc;

    call(&c);

    if (s->ops->add(s, &c) != GENAI_OK || s->ops->add(s, &c) != GENAI_OK
        || s->ops->send(s) != GENAI_OK)
    {
        return GENAI_SEND_PENDING;
    }

    do {
        rc = s->ops->poll(s, 50, res);
    } while (rc == GENAI_SEND_PENDING && ms() < until);

    return rc;
}


static void
once(int port, const char *what, int outcome, int status, const char *why)
{
    genai_send_e         rc;
    genai_sink_t        *s;
    genai_send_result_t  res;

    s = sink(port, what);
    rc = send_one(s, &res);

    ok((int) rc == outcome && (int) res.outcome == outcome
       && res.http_status == status && strstr(res.why, why) != NULL,
       "/%s: outcome %d, status %d, \"%s\"", what, outcome, status, why);

    if ((int) rc != outcome || !strstr(res.why, why)) {
        printf("#   got %d, %d, \"%s\"\n", rc, res.http_status, res.why);
    }

    if (strcmp(what, "partial") == 0) {
        is_int(res.rejected, 2, "two spans rejected");
    }

    if (strcmp(what, "429") == 0) {
        is_int(res.retry_after_ms, 7000, "Retry-After in seconds");
    }

    if (strcmp(what, "503") == 0) {
        ok(res.retry_after_ms > 50000 && res.retry_after_ms <= 60000,
           "Retry-After as a date: %u ms", res.retry_after_ms);
    }

    s->ops->cancel(s);
    s->ops->destroy(s);
}


static void
test_request(int port)
{
    char                  plain[4096];
    char                 *body;
    z_stream              z;
    genai_sink_t         *s;
    genai_send_result_t   res;
    Otlp__TracesRequest  *r;

    secret_is("  hush \n");
    s = sink(port, "base///");

    is_int(send_one(s, &res), GENAI_SEND_ACKED, "a batch");
    load();

    ok(strstr(got, "POST /base/v1/traces HTTP/1.1\r\n") == got,
       "path with one slash");
    ok(strstr(got, "\r\nUser-Agent: OTel-OTLP-Exporter-genai-nginx/9.9\r\n")
       != NULL, "User-Agent");
    ok(strstr(got, "\r\nContent-Type: application/x-protobuf\r\n") != NULL,
       "Content-Type");
    ok(strstr(got, "\r\nContent-Encoding: gzip\r\n") != NULL, "gzip");
    ok(strstr(got, "\r\nX-Tenant: acme\r\n") != NULL, "header");
    ok(strstr(got, "\r\nAuthorization: hush\r\n") != NULL, "header_file");
    ok(strstr(got, "Expect") == NULL, "no Expect");

    body = strstr(got, "\r\n\r\n") + 4;
    memset(&z, 0, sizeof(z));
    z.next_in = (Bytef *) body;
    z.avail_in = (uInt) (got_len - (size_t) (body - got));
    z.next_out = (Bytef *) plain;
    z.avail_out = sizeof(plain);
    inflateInit2(&z, 15 + 16);
    ok(inflate(&z, Z_FINISH) == Z_STREAM_END, "the body is gzip");
    r = otlp__traces_request__unpack(NULL, z.total_out, (uint8_t *) plain);
    ok(r && r->resource_spans[0]->scope_spans[0]->n_spans == 2,
       "of a request with both spans");
    otlp__traces_request__free_unpacked(r, NULL);
    inflateEnd(&z);

    secret_is("rotated");
    (void) send_one(s, &res);
    load();
    ok(strstr(got, "\r\nAuthorization: rotated\r\n") != NULL,
       "a changed file is read again");
    ok(memmem(got, got_len, "\nconn=1\n", 8) != NULL,
       "on the same connection");

    logged[0] = '\0';
    secret_is("two\nlines");
    (void) send_one(s, &res);
    load();
    ok(strstr(got, "\r\nAuthorization: rotated\r\n") != NULL,
       "a bad file does not replace a good one");
    ok(strstr(logged, "Authorization") && !strstr(logged, "two"),
       "is logged without what it holds");

    logged[0] = '\0';
    unlink(secret);
    (void) send_one(s, &res);
    ok(logged[0] == '\0', "and only once");
    secret_is("back");
    (void) send_one(s, &res);
    load();
    ok(strstr(got, "\r\nAuthorization: back\r\n") != NULL, "until it is good");

    s->ops->destroy(s);

    conf.gzip = 0;
    s = sink(port, "plain");
    is_int(send_one(s, &res), GENAI_SEND_ACKED, "without compression");
    load();
    body = strstr(got, "\r\n\r\n") + 4;
    r = otlp__traces_request__unpack(NULL,
                                     strtoul(strstr(got, "Content-Length: ")
                                             + 16, NULL, 10),
                                     (uint8_t *) body);
    ok(!strstr(got, "Content-Encoding") && r != NULL, "is plain protobuf");
    otlp__traces_request__free_unpacked(r, NULL);
    s->ops->destroy(s);
    conf.gzip = 1;
}


static void
test_sink(int port)
{
    genai_call_t         c;
    genai_sink_t        *s;
    genai_send_result_t  res;

    call(&c);

    conf.batch = 3;
    s = sink(port, "ok");
    is_int(s->ops->send(s), GENAI_ERROR, "nothing to send");
    is_int(s->ops->add(s, &c), GENAI_OK, "one");
    is_int(s->ops->add(s, &c), GENAI_OK, "two");
    is_int(s->ops->add(s, &c), GENAI_OK, "three");
    is_int(s->ops->add(s, &c), GENAI_AGAIN, "a batch has three");
    is_int(s->ops->send(s), GENAI_OK, "sent");
    is_int(s->ops->add(s, &c), GENAI_AGAIN, "none while it is under way");
    s->ops->cancel(s);
    is_int(send_one(s, &res), GENAI_SEND_ACKED, "a new batch after cancel");
    s->ops->destroy(s);
    conf.batch = 512;

    conf.traces = 0;
    s = sink(port, "429");
    is_int(send_one(s, &res), GENAI_SEND_ACKED,
           "traces off: taken and not sent");
    s->ops->destroy(s);
    conf.traces = 1;
}


/* a batch with log records: spans first, and one account for both */

static genai_send_e
send_refused(genai_sink_t *s, unsigned sampled, genai_send_result_t *res)
{
    uint64_t      until = ms() + 5000;
    genai_call_t  c;
    genai_send_e  rc;

    call(&c);
    c.sampled = sampled;
    is_int(s->ops->add(s, &c), GENAI_OK, "a call");
    c.budget_status = GENAI_BUDGET_REJECTED;
    is_int(s->ops->add(s, &c), GENAI_OK, "and a refused one");
    is_int(s->ops->send(s), GENAI_OK, "go");

    do {
        rc = s->ops->poll(s, 50, res);
    } while (rc == GENAI_SEND_PENDING && ms() < until);

    load();

    return rc;
}


static void
test_logs(int port)
{
    genai_sink_t         *s;
    genai_send_result_t   res;

    s = sink(port, "each");
    got[0] = '\0';
    is_int(send_refused(s, 0, &res), GENAI_SEND_ACKED, "without logs");
    s->ops->destroy(s);

    conf.logs = 1;
    s = sink(port, "each");
    is_int(send_one(s, &res), GENAI_SEND_ACKED, "a batch of spans alone");
    load();
    ok(strstr(got, "POST /each/v1/traces ") == got, "goes to traces");
    is_int(send_refused(s, 1, &res), GENAI_SEND_ACKED, "with a log record");
    ok(strstr(got, "POST /each/v1/logs ") == got, "it goes to logs, too");
    is_int(send_one(s, &res), GENAI_SEND_ACKED, "and the next is new");
    load();
    ok(strstr(got, "POST /each/v1/traces ") == got, "of spans alone");
    s->ops->destroy(s);

    s = sink(port, "each-latelogs");
    is_int(send_refused(s, 1, &res), GENAI_SEND_RETRY,
           "logs not now: again");
    is_int(res.http_status, 503, "says why");
    s->ops->cancel(s);
    is_int(send_refused(s, 1, &res), GENAI_SEND_RETRY, "with all of it");
    s->ops->destroy(s);

    s = sink(port, "each-nologs");
    logged[0] = '\0';
    is_int(send_refused(s, 1, &res), GENAI_SEND_ACKED,
           "logs never: the spans are taken all the same");
    is_int(res.rejected, 0, "none is rejected");
    ok(strstr(logged, "log records rejected: 404") != NULL, "it is logged");
    s->ops->destroy(s);

    s = sink(port, "each-400");
    is_int(send_refused(s, 1, &res), GENAI_SEND_REJECTED,
           "spans that are rejected stay so");
    s->ops->destroy(s);

    conf.traces = 0;
    s = sink(port, "each");
    is_int(send_refused(s, 0, &res), GENAI_SEND_ACKED, "logs alone");
    ok(strstr(got, "POST /each/v1/logs ") == got, "go to logs");
    s->ops->destroy(s);

    conf.traces = 1;
    s = sink(port, "each");
    is_int(send_refused(s, 0, &res), GENAI_SEND_ACKED,
           "calls that were not sampled");
    ok(strstr(got, "POST /each/v1/logs ") == got, "have their log record");
    s->ops->destroy(s);
    conf.logs = 0;
}


static void
test_waits(int port)
{
    int                  rc;
    uint64_t             t;
    genai_sink_t        *s;
    genai_call_t         c;
    genai_send_result_t  res;

    conf.timeout_ms = 400;
    s = sink(port, "hang");
    call(&c);
    (void) s->ops->add(s, &c);
    (void) s->ops->send(s);

    t = ms();
    rc = s->ops->poll(s, 0, &res);
    ok(rc == GENAI_SEND_PENDING && ms() - t < 50, "a look does not wait");

    t = ms();
    rc = s->ops->poll(s, 100, &res);
    ok(rc == GENAI_SEND_PENDING && ms() - t >= 90 && ms() - t < 250,
       "a wait of 100 ms");

    while (s->ops->poll(s, 50, &res) == GENAI_SEND_PENDING) { /* void */ }

    t = ms() - t;
    ok(res.outcome == GENAI_SEND_RETRY && t < 1000,
       "a receiver that hangs: again later, after %llu ms",
       (unsigned long long) t);

    s->ops->cancel(s);
    t = ms();
    s->ops->destroy(s);
    ok(ms() - t < 100, "an end that does not wait");
}


static void
test_proxy(int port)
{
    char                  proxy[64], err[128];
    genai_sink_t         *s;
    genai_send_result_t   res;

    snprintf(proxy, sizeof(proxy), "http://127.0.0.1:%d", port);
    conf.endpoint = "http://198.51.100.7:4318/in";
    conf.proxy = proxy;

    s = genai_sink_otlp_ops.create(&conf, logger, NULL, err, sizeof(err));
    is_int(send_one(s, &res), GENAI_SEND_ACKED, "through a proxy");
    load();
    ok(strstr(got, "POST http://198.51.100.7:4318/in/v1/traces HTTP/1.1\r\n")
       == got, "which is told the whole URL");
    s->ops->destroy(s);
    conf.proxy = NULL;

    /* the environment's is not used */

    setenv("http_proxy", "http://127.0.0.1:1", 1);
    s = sink(port, "ok");
    is_int(send_one(s, &res), GENAI_SEND_ACKED, "none from the environment");
    s->ops->destroy(s);
    unsetenv("http_proxy");
}


/* whatever the resolver does, and this machine may have none */

static void
test_resolve(void)
{
    char                  err[128];
    uint64_t              t = ms();
    genai_sink_t         *s;
    genai_send_result_t   res;

    conf.endpoint = "http://collector.invalid:4318";
    s = genai_sink_otlp_ops.create(&conf, logger, NULL, err, sizeof(err));
    is_int(send_one(s, &res), GENAI_SEND_RETRY, "a name without an address");
    s->ops->cancel(s);
    s->ops->destroy(s);
    ok(ms() - t < conf.timeout_ms + 700, "does not take longer than it may");
}


static void
test_metrics(int port)
{
    void                 *mem;
    size_t                size = 1024 * 1024;
    uint64_t              until = ms() + 5000, now;
    genai_call_t          c;
    genai_sink_t         *s;
    genai_send_e          rc;
    struct timespec       ts;
    genai_metrics_t      *m;
    genai_send_result_t   res;

    clock_gettime(CLOCK_REALTIME, &ts);
    now = (uint64_t) ts.tv_sec * GENAI_NS_PER_SEC;

    if (posix_memalign(&mem, 64, size) != 0) {
        exit(1);
    }

    m = genai_metrics_init(mem, size, now);
    call(&c);
    genai_metrics_count(m, &c);

    s = sink(port, "ok");
    is_int(s->ops->send_metrics(s, m, NULL, now + 1000), GENAI_OK, "metrics");

    do {
        rc = s->ops->poll_metrics(s, 50, &res);
    } while (rc == GENAI_SEND_PENDING && ms() < until);

    is_int(rc, GENAI_SEND_ACKED, "taken");
    load();
    ok(strstr(got, "POST /ok/v1/metrics HTTP/1.1\r\n") == got, "their path");

    s->ops->destroy(s);
    free(mem);
}


int
main(void)
{
    int                        port, dead;
    pid_t                      pid, gone;
    static const genai_pair_t  headers[] = { { "X-Tenant", "acme" } };
    static genai_pair_t        files[1];

    signal(SIGPIPE, SIG_IGN);

    if (mkdtemp(dir) == NULL) {
        return 1;
    }

    snprintf(saved, sizeof(saved), "%s/saved", dir);
    snprintf(secret, sizeof(secret), "%s/secret", dir);
    files[0].key = "Authorization";
    files[0].value = secret;

    conf.type = "otlp";
    conf.name = "test";
    conf.version = "9.9";
    conf.tls_verify = 1;
    conf.gzip = 1;
    conf.traces = 1;
    conf.metrics = 1;
    conf.batch = 512;
    conf.timeout_ms = 3000;
    conf.headers = headers;
    conf.nheaders = 1;
    conf.header_files = files;
    conf.nheader_files = 1;

    pid = start(&port);
    gone = start(&dead);
    kill(gone, SIGKILL);
    waitpid(gone, NULL, 0);

    test_request(port);
    test_sink(port);
    test_logs(port);
    test_metrics(port);
    test_proxy(port);

    once(port, "ok", GENAI_SEND_ACKED, 200, "");
    once(port, "partial", GENAI_SEND_ACKED, 200, "nope");
    once(port, "429", GENAI_SEND_RETRY, 429, "");
    once(port, "503", GENAI_SEND_RETRY, 503, "");
    once(port, "401", GENAI_SEND_RETRY, 401, "who are you");
    once(port, "400", GENAI_SEND_REJECTED, 400, "bad");
    once(port, "moved", GENAI_SEND_REJECTED, 307, "");
    load();
    ok(strstr(got, "POST /moved/") == got, "a redirect is not followed");
    once(port, "close", GENAI_SEND_RETRY, 0, "");
    once(port, "big", GENAI_SEND_REJECTED, 200, "too large");
    once(dead, "ok", GENAI_SEND_RETRY, 0, "connect");

    test_waits(port);
    test_resolve();

    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    unlink(saved);
    unlink(secret);
    rmdir(dir);

    return done();
}
