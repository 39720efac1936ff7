/*
 * Reading of t/corpus, shared by the tests that feed it: a case is a request
 * and a response as on the wire, and the facts that must come out of them.
 */

#ifndef GENAI_TEST_CORPUS_H
#define GENAI_TEST_CORPUS_H

#include <math.h>

#include "genai_body.h"
#include "genai_usage.h"


#define CORPUS_FACTS  4096


typedef struct {
    char         *buf;
    genai_str_t   line;           /* the first one */
    genai_str_t   head;           /* header lines */
    genai_str_t   body;
} corpus_http_t;


typedef struct {
    char           name[128];
    corpus_http_t  req;
    corpus_http_t  res;
    char          *facts;
    int            complete;
    int            aborted;
    int            gateway;
    int            estimate;
} corpus_case_t;


typedef struct {
    genai_call_t  call;
    genai_body_t  body;
    char          arena[GENAI_CALL_ARENA];
} corpus_run_t;


static void *
corpus_alloc(void *data, size_t size)
{
    (void) data;

    return malloc(size);
}


static void
corpus_give(void *data, void *p)
{
    (void) data;

    free(p);
}


static const genai_memory_t  corpus_memory = {
    corpus_alloc, corpus_give, NULL
};


static char *
corpus_read(const char *path, size_t *len)
{
    FILE   *f;
    char   *buf;
    long    n;

    f = fopen(path, "rb");
    if (f == NULL) {
        return NULL;
    }

    fseek(f, 0, SEEK_END);
    n = ftell(f);
    rewind(f);

    buf = malloc((size_t) n + 1);
    *len = fread(buf, 1, (size_t) n, f);
    buf[*len] = '\0';
    fclose(f);

    return buf;
}


static int
corpus_http(const char *path, corpus_http_t *h)
{
    char    *head, *body;
    size_t   len;

    h->buf = corpus_read(path, &len);
    if (h->buf == NULL) {
        return 0;
    }

    head = memmem(h->buf, len, "\r\n", 2);
    body = memmem(h->buf, len, "\r\n\r\n", 4);

    if (head == NULL || body == NULL) {
        return 0;
    }

    h->line = genai_str(h->buf, (size_t) (head - h->buf));
    h->head = genai_str(head + 2, (size_t) (body - head));
    h->body = genai_str(body + 4, len - (size_t) (body + 4 - h->buf));

    return 1;
}


/* the next header line of *head; 0 at the end */

static int
corpus_header(genai_str_t *head, genai_str_t *name, genai_str_t *value)
{
    const char  *colon, *end;

    end = memmem(head->data, head->len, "\r\n", 2);
    if (end == NULL) {
        return 0;
    }

    colon = memchr(head->data, ':', (size_t) (end - head->data));
    if (colon == NULL) {
        return 0;
    }

    *name = genai_str(head->data, (size_t) (colon - head->data));

    for (colon++; *colon == ' '; colon++) { /* void */ }

    *value = genai_str(colon, (size_t) (end - colon));

    head->len -= (size_t) (end + 2 - head->data);
    head->data = end + 2;

    return 1;
}


__attribute__((unused))
static genai_str_t
corpus_find(genai_str_t head, const char *want)
{
    genai_str_t  name, value;

    while (corpus_header(&head, &name, &value)) {
        if (name.len == strlen(want)
            && strncasecmp(name.data, want, name.len) == 0)
        {
            return value;
        }
    }

    return genai_str(NULL, 0);
}


static int
corpus_load(const char *dir, const char *file, corpus_case_t *k)
{
    char    path[512];
    int     n;
    size_t  len;

    memset(k, 0, sizeof(corpus_case_t));
    snprintf(k->name, sizeof(k->name), "%s", file);
    n = (int) strlen(k->name) - (int) strlen(".facts");

    snprintf(path, sizeof(path), "%s/%s", dir, file);
    k->facts = corpus_read(path, &len);

    snprintf(path, sizeof(path), "%s/%.*s.req", dir, n, file);
    if (k->facts == NULL || !corpus_http(path, &k->req)) {
        return 0;
    }

    snprintf(path, sizeof(path), "%s/%.*s.res", dir, n, file);
    if (!corpus_http(path, &k->res)) {
        return 0;
    }

    k->complete = (strstr(k->facts, ".end = complete") != NULL);
    k->aborted = (strstr(k->facts, ".end = aborted") != NULL);
    k->estimate = (strstr(k->facts, ".estimate = 1") != NULL);
    k->gateway = (strstr(k->facts, ".origin = gateway") != NULL);

    return 1;
}


static void
corpus_free(corpus_case_t *k)
{
    free(k->req.buf);
    free(k->res.buf);
    free(k->facts);
}


/* begins a run up to and without the request's body */

static int
corpus_request(corpus_run_t *r, const genai_apis_t *apis,
    const corpus_case_t *k)
{
    const char   *sp, *end;
    genai_str_t   method, uri, head, name, value;

    genai_call_init(&r->call, r->arena, sizeof(r->arena));
    r->call.start_ns = 1;

    end = k->req.line.data + k->req.line.len;
    sp = memchr(k->req.line.data, ' ', k->req.line.len);
    method = genai_str(k->req.line.data, (size_t) (sp - k->req.line.data));
    uri.data = sp + 1;
    sp = memchr(uri.data, ' ', (size_t) (end - uri.data));
    uri.len = (size_t) (sp - uri.data);

    if (genai_api_detect(apis, GENAI_API_AUTO, &r->call, method, uri,
                         corpus_find(k->req.head, "Host"))
        != GENAI_OK)
    {
        return 0;
    }

    genai_body_request_begin(&r->body, apis, &r->call);
    genai_body_memory(&r->body, &corpus_memory);

    head = k->req.head;

    while (corpus_header(&head, &name, &value)) {
        genai_body_request_header(&r->body, name, value);
    }

    return 1;
}


/* from the end of the request to the first byte of the response's body */

static int
corpus_response(corpus_run_t *r, const corpus_case_t *k)
{
    int          rc;
    unsigned     status;
    genai_str_t  head, name, value;

    genai_body_request_end(&r->body, 1);

    if (k->gateway) {
        genai_body_response_origin(&r->body, GENAI_ORIGIN_GATEWAY);
    }

    status = (unsigned) strtoul(k->res.line.data + sizeof("HTTP/1.1 ") - 1,
                                NULL, 10);

    rc = genai_body_response_begin(&r->body, status,
                              corpus_find(k->res.head, "Content-Type"),
                              corpus_find(k->res.head, "Content-Encoding"));

    head = k->res.head;

    while (corpus_header(&head, &name, &value)) {
        genai_body_response_header(&r->body, name, value);
    }

    return rc == GENAI_OK;
}


static void
corpus_end(corpus_run_t *r, const corpus_case_t *k)
{
    r->call.aborted = (k->aborted != 0);
    genai_body_response_end(&r->body, k->complete, 9);
    genai_usage_settle(&r->call);

    if (k->estimate && genai_usage_wanting(&r->call)) {
        (void) genai_usage_estimate(&r->call);
    }
}


typedef struct {
    char    *buf;
    size_t   len;
    size_t   n;
    char    *line[104];
} corpus_dump_t;


__attribute__((format(printf, 3, 4)))
static void
corpus_put(corpus_dump_t *d, const char *key, const char *fmt, ...)
{
    va_list  ap;

    d->line[d->n++] = d->buf + d->len;
    d->len += (size_t) sprintf(d->buf + d->len, "%s = ", key);

    va_start(ap, fmt);
    d->len += (size_t) vsprintf(d->buf + d->len, fmt, ap);
    va_end(ap);

    d->buf[d->len++] = '\0';
}


static void
corpus_put_str(corpus_dump_t *d, const char *key, genai_str_t s)
{
    char    text[GENAI_CALL_ARENA * 2];
    size_t  i, n;

    if (s.len == 0) {
        return;
    }

    for (i = 0, n = 0; i < s.len; i++) {
        switch (s.data[i]) {
        case '\n':
            text[n++] = '\\';
            text[n++] = 'n';
            break;
        case 0x1f:
            text[n++] = ',';
            break;
        default:
            text[n++] = s.data[i];
        }
    }

    corpus_put(d, key, "%.*s", (int) n, text);
}


static void
corpus_put_i64(corpus_dump_t *d, const char *key, int64_t v, int64_t none)
{
    if (v != none) {
        corpus_put(d, key, "%lld", (long long) v);
    }
}


static int
corpus_cmp(const void *a, const void *b)
{
    return strcmp(*(char *const *) a, *(char *const *) b);
}


/* all known facts of the call as sorted "key = value" lines, in out */

static void
corpus_facts(const genai_call_t *c, const char *op, char *out)
{
    char           tmp[CORPUS_FACTS], tools[1024], name[64];
    size_t         i, n;
    corpus_dump_t  d;

    d.buf = tmp;
    d.len = 0;
    d.n = 0;

#define put_str(f)  corpus_put_str(&d, #f, c->f)
#define put_i64(f)  corpus_put_i64(&d, #f, c->f, -1)
#define put_int(f)  corpus_put_i64(&d, #f, c->f, 0)
#define put_name(f, g)                                                        \
    if (c->f) { corpus_put(&d, #f, "%s", g(c->f)); }

    corpus_put(&d, "op", "%s", op);
    put_name(api, genai_api_name);
    put_name(operation, genai_operation_name);
    put_name(step, genai_step_name);
    put_name(usage_source, genai_source_name);
    put_name(error_origin, genai_origin_name);
    put_name(finish, genai_finish_name);
    put_name(skip, genai_skip_name);

    if (*genai_call_method(c)) {
        corpus_put(&d, "retrieval_method", "%s", genai_call_method(c));
    }

    put_str(provider); put_str(model); put_str(response_model);
    put_str(region); put_str(path); put_str(request_id);
    put_str(response_id); put_str(invocation_id); put_str(stop_reason);
    put_str(error_type); put_str(error_message); put_str(guardrail_id);
    put_str(guardrail_version); put_str(service_tier);
    put_str(latency_mode); put_str(request_metadata);
    put_str(stop_sequences); put_str(data_source);

    put_int(attempt); put_int(status); put_int(stream); put_int(streamed);
    put_int(usage_complete); put_int(aborted); put_int(truncated);
    put_int(bad_body); put_int(error); put_int(reasoning);
    put_int(context_exceeded); put_int(events); put_int(text_events);
    put_int(tools_offered); put_int(tool_results); put_int(messages);
    put_int(media_parts); put_int(score_count);
    put_int(prompts); put_int(files); put_int(input_elsewhere);
    put_int(request_odd);

    put_i64(input_tokens); put_i64(output_tokens);
    put_i64(cache_read_tokens); put_i64(cache_write_tokens);
    put_i64(reasoning_tokens); put_i64(total_tokens);
    put_i64(cache_write_1h_tokens); put_i64(server_latency_ms);
    put_i64(images); put_i64(search_units); put_i64(max_tokens);
    put_i64(guardrail_units);
    put_i64(top_k); put_i64(prompt_chars); put_i64(system_chars);
    put_i64(output_chars); put_i64(embedding_dimension);
    put_i64(documents); put_i64(top_k_requested);
    put_i64(choices); put_i64(thinking);

    if (!isnan(c->temperature)) {
        corpus_put(&d, "temperature", "%g", c->temperature);
    }

    if (!isnan(c->top_p)) {
        corpus_put(&d, "top_p", "%g", c->top_p);
    }

    if (!isnan(c->score_top)) {
        corpus_put(&d, "score_top", "%g", c->score_top);
    }

    for (i = 0; i < c->nscores; i++) {
        n = (size_t) snprintf(name, sizeof(name), "score.%.*s",
                              (int) c->scores[i].name.len,
                              c->scores[i].name.data);
        corpus_put(&d, name, "%g", c->scores[i].value);
    }

    if (c->disagreement) {
        corpus_put(&d, "disagreement", "%s%s%s",
                   c->disagreement & GENAI_DISAGREE_BODY_FRAME
                   ? "body_frame" : "",
                   c->disagreement & GENAI_DISAGREE_BODY_HEADER
                   ? "body_header" : "",
                   c->disagreement & GENAI_DISAGREE_FRAME_HEADER
                   ? "frame_header" : "");
    }

    for (i = 0, n = 0; i < c->ntools; i++) {
        n += (size_t) sprintf(tools + n, "%s%.*s", i ? "," : "",
                              (int) c->tools[i].len, c->tools[i].data);
    }

    if (n) {
        corpus_put(&d, "tools", "%s", tools);
    }

    for (i = 0, n = 0; i < c->ndocs; i++) {
        n += (size_t) sprintf(tools + n, "%s%.*s", i ? "," : "",
                              (int) c->docs[i].len, c->docs[i].data);
    }

    if (n) {
        corpus_put(&d, "docs", "%s", tools);
    }

    qsort(d.line, d.n, sizeof(char *), corpus_cmp);

    for (i = 0, n = 0; i < d.n; i++) {
        n += (size_t) sprintf(out + n, "%s\n", d.line[i]);
    }

    out[n] = '\0';
}


#endif /* GENAI_TEST_CORPUS_H */
