/*
 * The file sink: lines that parse, rotation, torn lines, a full disk.
 */

#include "test.h"

#include <cjson/cJSON.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "../../src/export/genai_sink.h"


static char               dir_path[] = "/tmp/genai_file_XXXXXX";
static char               path[64], moved[64];
static genai_sink_conf_t  conf;

static const genai_pair_t  resource[] = {
    { "service.name", "a \"quoted\" name" },
    { "host.name", "h" }
};


static void
call(genai_call_t *c, uint8_t n)
{
    genai_call_init(c, NULL, 0);
    memset(c->trace_id, n, 16);
    memset(c->span_id, n, 8);
    c->trace_flags = 1;
    c->sampled = 1;
    c->kind = 3;
    c->api = GENAI_API_BEDROCK;
    c->operation = GENAI_OP_CHAT;
    c->model = genai_strz("anthropic.claude \"\\\n\t\x01 \xc3\xa9");
    c->stop_reason = genai_strz("end_turn");
    c->status = 200;
    c->start_unix_ns = 1700000000123456789ULL;
    c->start_ns = 1;
    c->end_ns = 1500000001;
    c->input_tokens = 9007199254740993;
    c->output_tokens = 5;
    c->temperature = 0.1;
}


/* sends what was added; gives the outcome */

static genai_send_e
deliver(genai_sink_t *s)
{
    genai_send_result_t  res;

    memset(&res, 0, sizeof(res));

    if (s->ops->send(s) != GENAI_OK) {
        return GENAI_SEND_REJECTED;
    }

    return s->ops->poll(s, 0, &res);
}


static char *
slurp(const char *name)
{
    int      fd;
    char    *p;
    off_t    size;

    fd = open(name, O_RDONLY);

    if (fd == -1) {
        return NULL;
    }

    size = lseek(fd, 0, SEEK_END);
    p = malloc((size_t) size + 1);

    if (pread(fd, p, (size_t) size, 0) != size) {
        size = 0;
    }

    p[size] = '\0';
    close(fd);

    return p;
}


static cJSON *
spans(cJSON *line)
{
    cJSON  *j;

    j = cJSON_GetObjectItem(line, "resourceSpans");
    j = cJSON_GetObjectItem(cJSON_GetArrayItem(j, 0), "scopeSpans");

    return cJSON_GetObjectItem(cJSON_GetArrayItem(j, 0), "spans");
}


/* lines that parse, spans in them, longest line */

static int
count(const char *name, int *lines, size_t *longest)
{
    int     n = 0;
    char   *text, *p, *end;
    cJSON  *j;

    text = slurp(name);
    *lines = 0;
    *longest = 0;

    for (p = text; p && *p; p = end + 1) {
        end = strchr(p, '\n');

        if (end == NULL) {
            break;
        }

        *end = '\0';
        j = cJSON_Parse(p);

        if (j) {
            (*lines)++;
            n += cJSON_GetArraySize(spans(j));
            cJSON_Delete(j);
        }

        if ((size_t) (end - p) > *longest) {
            *longest = (size_t) (end - p);
        }
    }

    free(text);

    return n;
}


static void
test_line(genai_sink_t *s)
{
    char          *text;
    cJSON         *j, *a, *v;
    const char    *model = NULL, *tokens = NULL;
    double         temperature = 0;
    genai_call_t   c;

    call(&c, 0xab);
    s->ops->add(s, &c);
    is_int(deliver(s), GENAI_SEND_ACKED, "a batch is written");

    text = slurp(path);
    ok(text && text[strlen(text) - 1] == '\n', "as a line");
    j = cJSON_Parse(text);
    ok(j != NULL, "of JSON");

    v = cJSON_GetArrayItem(spans(j), 0);
    ok(v && strcmp(cJSON_GetObjectItem(v, "traceId")->valuestring,
                   "abababababababababababababababab") == 0,
       "ids are hex");
    ok(v && strcmp(cJSON_GetObjectItem(v, "endTimeUnixNano")->valuestring,
                   "1700000001623456789") == 0,
       "64-bit integers are strings");
    ok(v && cJSON_GetObjectItem(v, "parentSpanId") == NULL,
       "a root names no parent");

    cJSON_ArrayForEach(a, cJSON_GetObjectItem(v, "attributes")) {
        const char  *key = cJSON_GetObjectItem(a, "key")->valuestring;
        cJSON       *value = cJSON_GetObjectItem(a, "value");

        if (strcmp(key, "gen_ai.request.model") == 0) {
            model = cJSON_GetObjectItem(value, "stringValue")->valuestring;

        } else if (strcmp(key, "gen_ai.usage.input_tokens") == 0) {
            tokens = cJSON_GetObjectItem(value, "intValue")->valuestring;

        } else if (strcmp(key, "gen_ai.request.temperature") == 0) {
            temperature = cJSON_GetObjectItem(value, "doubleValue")
                                                                ->valuedouble;
        }
    }

    ok(model && strcmp(model, c.model.data) == 0,
       "a string comes back as it was");
    ok(tokens && strcmp(tokens, "9007199254740993") == 0,
       "an integer beyond a double's reach too");
    ok(temperature == 0.1 && strstr(text, ":0.1}") != NULL,
       "a double is short and exact");
    ok(strstr(text, "a \\\"quoted\\\" name") != NULL,
       "the resource is in it");

    cJSON_Delete(j);
    free(text);
}


/* a refused call has an event in its line */

static void
test_event(genai_sink_t *s)
{
    char          *text;
    cJSON         *j, *v, *e;
    genai_call_t   c;

    (void) truncate(path, 0);

    call(&c, 0xac);
    c.budget_status = GENAI_BUDGET_REJECTED;
    c.budget = genai_strz("a \"tenant\"");
    c.budget_limit = genai_strz("2req/day");
    c.budget_ns = c.start_ns + 1000;
    s->ops->add(s, &c);
    c.budget_status = GENAI_BUDGET_PASSED;
    s->ops->add(s, &c);
    c.sampled = 0;
    is_int(s->ops->add(s, &c), GENAI_OK, "one that is not sampled is taken");
    is_int(deliver(s), GENAI_SEND_ACKED, "a refused call and two others");

    text = slurp(path);
    j = cJSON_Parse(text);
    is_int(cJSON_GetArraySize(spans(j)), 2, "two are in the line");

    v = cJSON_GetArrayItem(spans(j), 1);
    ok(v && cJSON_GetObjectItem(v, "events") == NULL
       && cJSON_GetObjectItem(v, "status"), "one has no events");

    v = cJSON_GetArrayItem(spans(j), 0);
    e = cJSON_GetArrayItem(cJSON_GetObjectItem(v, "events"), 0);
    ok(e && cJSON_GetObjectItem(v, "status"), "the other has one");

    if (e) {
        ok(strcmp(cJSON_GetObjectItem(e, "name")->valuestring,
                  "genai.budget.rejected") == 0, "with its name");
        ok(strcmp(cJSON_GetObjectItem(e, "timeUnixNano")->valuestring,
                  "1700000000123457789") == 0, "and its time");

        v = cJSON_GetObjectItem(e, "attributes");
        is_int(cJSON_GetArraySize(v), 3, "and its attributes");
        v = cJSON_GetObjectItem(cJSON_GetArrayItem(v, 1), "value");
        is_mem(cJSON_GetObjectItem(v, "stringValue")->valuestring,
               strlen(c.budget.data), "a \"tenant\"", "escaped");
    }

    cJSON_Delete(j);
    free(text);
}


static void
test_files(genai_sink_t *s)
{
    int             i, fd, lines;
    char           *text;
    size_t          longest;
    struct stat     st;
    genai_call_t    c;
    struct rlimit   lim, old;

    for (i = 0; i < 600; i++) {
        call(&c, (uint8_t) i);
        s->ops->add(s, &c);
    }

    deliver(s);
    is_int(count(path, &lines, &longest), 601, "a large batch is whole");
    ok(lines > 2 && longest < 512 * 1024, "in lines of moderate length");

    rename(path, moved);
    s->ops->add(s, &c);
    deliver(s);
    is_int(count(path, &lines, &longest), 1, "after a rename, a new file");
    is_int(count(moved, &lines, &longest), 601, "the old one is left alone");

    /* a death in the middle of a line */

    fd = open(path, O_WRONLY|O_APPEND);
    ok(write(fd, "{\"resourceSpans\":[{\"re", 22) == 22, "a torn line");
    close(fd);
    s->ops->add(s, &c);
    deliver(s);
    is_int(count(path, &lines, &longest), 2, "costs no other line");

    /* a full disk */

    stat(path, &st);
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &old);
    lim = old;
    lim.rlim_cur = (rlim_t) st.st_size + 1000;
    setrlimit(RLIMIT_FSIZE, &lim);

    for (i = 0; i < 10; i++) {
        s->ops->add(s, &c);
    }

    is_int(deliver(s), GENAI_SEND_RETRY, "a full disk is not the end");
    setrlimit(RLIMIT_FSIZE, &old);
    s->ops->cancel(s);
    is_int(count(path, &lines, &longest), 2, "and leaves no trace");
    text = slurp(path);
    ok(text[strlen(text) - 1] == '\n', "not even half a line");
    free(text);
    s->ops->add(s, &c);
    is_int(deliver(s), GENAI_SEND_ACKED, "then it goes on");
    is_int(count(path, &lines, &longest), 3, "with the next line");

    s->ops->reopen(s);
    unlink(path);
    s->ops->add(s, &c);
    deliver(s);
    is_int(count(path, &lines, &longest), 1, "reopened on demand");
}


static void
speed(genai_sink_t *s)
{
    int              i;
    double           us;
    genai_call_t     c;
    struct timespec  a, b;

    call(&c, 7);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);

    for (i = 0; i < 20000; i++) {
        s->ops->add(s, &c);

        if (i % 512 == 511) {
            deliver(s);
        }
    }

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
    us = ((double) (b.tv_sec - a.tv_sec) * 1e9
          + (double) (b.tv_nsec - a.tv_nsec)) / 1e3 / 20000;
    printf("# %.2f us a span\n", us);
}


int
main(void)
{
    char           err[128];
    genai_sink_t  *s;

    if (mkdtemp(dir_path) == NULL) {
        return 1;
    }

    snprintf(path, sizeof(path), "%s/spans.json", dir_path);
    snprintf(moved, sizeof(moved), "%s/spans.json.1", dir_path);

    conf.type = "file";
    conf.name = "file";
    conf.path = path;
    conf.resource = resource;
    conf.nresource = 2;
    conf.version = "1.0";

    s = genai_sink_file_ops.create(&conf, NULL, NULL, err, sizeof(err));

    test_line(s);
    test_files(s);
    test_event(s);
    speed(s);

    s->ops->destroy(s);

    unlink(path);
    unlink(moved);

    /* a directory that is not there */

    conf.path = "/nonexistent/spans.json";
    s = genai_sink_file_ops.create(&conf, NULL, NULL, err, sizeof(err));
    {
        genai_call_t  c;

        call(&c, 1);
        s->ops->add(s, &c);
    }
    is_int(deliver(s), GENAI_SEND_RETRY, "a missing directory may appear");
    s->ops->destroy(s);

    rmdir(dir_path);

    return done();
}
