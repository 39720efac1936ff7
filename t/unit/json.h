/*
 * What the tests of the JSON extractor share: what is told, as one line of
 * events that ";" closes:
 *
 *     field N integer[~]  T"text"[+]  B0  C chars  L length  P  E  K"key"
 *     S"all pieces"
 *
 * "~": had a fraction, "+": was cut, "@": a zero byte; at the end what
 * finish() said.
 */

#ifndef GENAI_TEST_JSON_H
#define GENAI_TEST_JSON_H

#include "test.h"
#include "genai_json.h"


#define N      GENAI_JSON_NUMBER
#define T      GENAI_JSON_TEXT
#define B      GENAI_JSON_BOOL
#define C      GENAI_JSON_CHARS
#define L      GENAI_JSON_LENGTH
#define P      GENAI_JSON_PRESENT
#define E      GENAI_JSON_END
#define S      GENAI_JSON_STREAM
#define K      GENAI_JSON_NAME

#define LOG      65536
#define STREAMS  32                   /* rows that want STREAM: field below */
#define PIECES   2048


typedef struct {
    char    text[LOG];
    size_t  len;
    char    stream[STREAMS][PIECES];
    size_t  streamed[STREAMS];
} log_t;


static const char  *levels[] = { "scalar", "sse2", "neon", "avx2" };

static log_t     logged, first;
static uint64_t  seed = 2463534242ULL;


static unsigned
rnd(unsigned n)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;

    return (unsigned) (seed >> 11) % n;
}


__attribute__((format(printf, 2, 3)))
static void
put(log_t *l, const char *fmt, ...)
{
    int      n;
    va_list  ap;

    va_start(ap, fmt);
    n = vsnprintf(l->text + l->len, sizeof(l->text) - l->len, fmt, ap);
    va_end(ap);

    l->len += (size_t) n;

    if (l->len >= sizeof(l->text)) {
        l->len = sizeof(l->text) - 1;
    }
}


static void
put_text(log_t *l, const char *p, size_t n)
{
    if (n > sizeof(l->text) - l->len - 1) {
        n = sizeof(l->text) - l->len - 1;
    }

    for ( /* void */ ; n; n--, p++) {
        l->text[l->len++] = *p ? *p : '@';
    }

    l->text[l->len] = '\0';
}


static void
on_value(void *data, const genai_json_row_t *row, const genai_json_value_t *v)
{
    log_t     *l = data;
    unsigned   k;

    if (v->event == S) {
        k = row->field % STREAMS;

        if (v->text.len <= PIECES - l->streamed[k]) {
            memcpy(l->stream[k] + l->streamed[k], v->text.data, v->text.len);
            l->streamed[k] += v->text.len;
        }

        if (v->last) {
            put(l, "%uS\"", row->field);
            put_text(l, l->stream[k], l->streamed[k]);
            put(l, "\";");
            l->streamed[k] = 0;
        }

        return;
    }

    put(l, "%u", row->field);

    switch (v->event) {
    case N:
        put(l, "N%lld%s", (long long) v->integer, v->fraction ? "~" : "");
        break;
    case T:
        put(l, "T\"");
        put_text(l, v->text.data, v->text.len);
        put(l, "\"%s", v->cut ? "+" : "");
        break;
    case K:
        put(l, "K\"");
        put_text(l, v->text.data, v->text.len);
        put(l, "\"%s", v->cut ? "+" : "");
        break;
    case B:
        put(l, "B%lld", (long long) v->integer);
        break;
    case C:
        put(l, "C%lld", (long long) v->integer);
        break;
    case L:
        put(l, "L%lld", (long long) v->integer);
        break;
    case P:
        put(l, "P");
        break;
    case E:
        put(l, "E");
        break;
    default:
        put(l, "?%u", v->event);
    }

    put(l, ";");
}


static genai_json_program_t *
compile(const genai_json_row_t *rows, size_t n)
{
    size_t                 used, bad;
    genai_json_program_t  *program;

    if (genai_json_compile(rows, n, NULL, 0, &used, &bad) == GENAI_ERROR) {
        printf("# row %zu does not compile\n", bad);
        abort();
    }

    program = malloc(used);

    if (program == NULL
        || genai_json_compile(rows, n, program, used, &used, &bad)
           != GENAI_OK)
    {
        abort();
    }

    return program;
}


static void
begin(genai_json_t *j, const genai_json_program_t *program, log_t *l)
{
    memset(j, 0xa5, sizeof(genai_json_t));
    l->len = 0;
    memset(l->streamed, 0, sizeof(l->streamed));
    l->text[0] = '\0';
    genai_json_init(j, program, on_value, l);
}


/* the piece lies in memory of its own size, for the address sanitizer */

static int
feed(genai_json_t *j, const char *p, size_t n)
{
    int    rc;
    char  *copy;

    copy = malloc(n ? n : 1);
    if (copy == NULL) {
        abort();
    }

    memcpy(copy, p, n);
    rc = genai_json_feed(j, copy, n);
    memset(copy, 'x', n);
    free(copy);

    return rc;
}


static void
end(genai_json_t *j, int fed, log_t *l)
{
    int  rc;

    rc = genai_json_finish(j);

    put(l, "%s", rc == GENAI_DONE ? "done" : "error");

    if (fed == GENAI_DONE && rc != GENAI_DONE) {
        put(l, " but feed said done");
    }

    if (fed == GENAI_ERROR && rc != GENAI_ERROR) {
        put(l, " but feed said error");
    }

    if (genai_json_feed(j, "}", 1) != GENAI_ERROR) {
        put(l, " not latched");
    }
}


/* cut 0: whole; 1: byte by byte; 2: in two at place; 3: random */

static void
run(const genai_json_program_t *program, const char *doc, size_t len,
    int cut, size_t place, log_t *l)
{
    int           rc;
    size_t        i, n;
    genai_json_t  j;

    begin(&j, program, l);
    rc = GENAI_AGAIN;

    for (i = 0; i < len; i += n) {

        switch (cut) {
        case 0:
            n = len;
            break;
        case 1:
            n = 1;
            break;
        case 2:
            n = i == 0 && place ? place : len - i;
            break;
        default:
            n = rnd(4) ? rnd(150) : rnd(9);
        }

        if (n > len - i) {
            n = len - i;
        }

        rc = feed(&j, doc + i, n);
    }

    end(&j, rc, l);
}


static int
same(const genai_json_program_t *program, const char *doc, size_t len,
    int cut, size_t place)
{
    run(program, doc, len, cut, place, &logged);

    if (logged.len == first.len
        && memcmp(logged.text, first.text, first.len) == 0)
    {
        return 1;
    }

    printf("# %s, cut %d at %zu: %s\n#   instead of %s\n", genai_json_simd(),
           cut, place, logged.text, first.text);

    return 0;
}


#define rows_of(...)                                                          \
    ((const genai_json_row_t[]) { __VA_ARGS__, { NULL, 0, 0, 0 } })
#define row(path, want, field)  { path, want, field, 0 }


#endif /* GENAI_TEST_JSON_H */
