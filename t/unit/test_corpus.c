/*
 * Every case of t/corpus gives exactly its facts, whole, byte by byte and
 * cut once at every byte of the request and of the response.
 */

#define _GNU_SOURCE

#include <dirent.h>
#include <strings.h>

#include "test.h"
#include "corpus.h"
#include "genai_price.h"


#define WHEN  1795392000          /* 23 November 2026 */


typedef struct {
    const genai_apis_t         *apis;
    const genai_apis_t         *deep;      /* no event is passed by unread */
    const genai_price_table_t  *prices;
    int                         cases;
    int                         runs;
} corpus_t;


static corpus_run_t  run;

/* a row that nothing has */

static const genai_row_t   none[] = {
    { "no.such.path", GENAI_JSON_TEXT, GENAI_LAST, GENAI_F_ATTR, 0 }
};

static const genai_rows_t  beside = genai_rows(none);


static void *
take(void *data, size_t size)
{
    void  *p;

    (void) data;

    return posix_memalign(&p, 16, size ? size : 16) == 0 ? p : NULL;
}


/* pieces of n bytes, or a cut at n */

static void
feed(const corpus_t *t, const corpus_case_t *k, size_t req, size_t res,
    size_t piece, char *out)
{
    size_t       i, n;
    genai_str_t  body;

    memset(&run, 0xa5, sizeof(run));

    if (!corpus_request(&run, t->apis, k)) {
        strcpy(out, "no operation was found\n");
        return;
    }

    body = k->req.body;

    for (i = 0; i < body.len; i += n) {
        n = piece ? piece : i < req ? req : body.len;
        n = (n > body.len - i) ? body.len - i : n;
        genai_body_request_feed(&run.body, body.data + i, n);
    }

    body = k->res.body;

    if (corpus_response(&run, k)) {
        for (i = 0; i < body.len; i += n) {
            n = piece ? piece : i < res ? res : body.len;
            n = (n > body.len - i) ? body.len - i : n;
            genai_body_response_feed(&run.body, body.data + i, n, 5);
        }
    }

    corpus_end(&run, k);
    corpus_facts(&run.call, genai_api_op_name(t->apis, &run.call), out);
}


/* the expected lines without those that steer, and without what comes of the
 * pricing: the cost, or the reason why there is none */

static long long
expected(const corpus_case_t *k, char *out, unsigned *why)
{
    char       *line, *save, *text;
    long long   cost;

    out[0] = '\0';
    cost = -1;
    *why = GENAI_SKIP_NONE;
    text = strdup(k->facts);

    for (line = strtok_r(text, "\n", &save); line;
         line = strtok_r(NULL, "\n", &save))
    {
        if (strncmp(line, "cost_pico = ", 12) == 0) {
            cost = strtoll(line + 12, NULL, 10);

        } else if (strncmp(line, "no_cost = ", 10) == 0) {
            while (++*why < GENAI_SKIP_N
                   && strcmp(genai_skip_name(*why), line + 10) != 0)
            {
                /* void */
            }

        } else if (line[0] != '.') {
            strcat(out, line);
            strcat(out, "\n");
        }
    }

    free(text);

    return cost;
}


/* the lines of a that b has not got */

static void
differ(const char *what, const char *a, const char *b)
{
    const char  *end;

    for ( ; *a; a = end + 1) {
        end = strchr(a, '\n');

        if (memmem(b, strlen(b), a, (size_t) (end + 1 - a)) == NULL) {
            printf("#   %s: %.*s\n", what, (int) (end - a), a);
        }
    }
}


/* a broken event's text is seen by who reads it, and not by who measures */

static int
alike(const char *a, const char *b)
{
    size_t  n, m;

    for ( ; *a && *b; a += n + 1, b += m + 1) {
        n = strcspn(a, "\n");
        m = strcspn(b, "\n");

        if (strncmp(a, "output_chars", 12) == 0
            && strncmp(b, "output_chars", 12) == 0)
        {
            continue;
        }

        if (n != m || memcmp(a, b, n) != 0) {
            return 0;
        }
    }

    return *a == *b;
}


static void
one(corpus_t *t, const char *dir, const char *file)
{
    int            bad;
    unsigned       why;
    char           want[CORPUS_FACTS], got[CORPUS_FACTS];
    char           cut[CORPUS_FACTS];
    size_t         i;
    long long      cost;
    corpus_t       d;
    corpus_case_t  k;

    if (!corpus_load(dir, file, &k)) {
        ok(0, "%s/%s can be read", dir, file);
        return;
    }

    cost = expected(&k, want, &why);
    feed(t, &k, 0, 0, 0, got);

    if (!ok(strcmp(want, got) == 0, "%s/%s: facts", dir, file)) {
        differ("missing", want, got);
        differ("too much", got, want);
    }

    if (cost >= 0) {
        genai_price_call(t->prices, &run.call, WHEN);
        is_int(run.call.priced ? run.call.cost_pico : -1, cost, "its cost");
    }

    if (why != GENAI_SKIP_NONE) {
        genai_price_call(t->prices, &run.call, WHEN);
        ok(!run.call.priced && run.call.skip == why, "no cost, and why");
    }

    bad = 0;
    d = *t;
    d.apis = t->deep;
    feed(&d, &k, 0, 0, 0, cut);

    if (!alike(got, cut)) {
        printf("# with an operator's row beside the tables\n");
        differ("without", got, cut);
        differ("with", cut, got);
        bad++;
    }

    for (i = 1; i < k.req.body.len && bad < 3; i++) {
        feed(t, &k, i, 0, 0, cut);

        if (strcmp(got, cut) != 0) {
            printf("#   request cut at %zu\n", i);
            differ("whole", got, cut);
            differ("cut", cut, got);
            bad++;
        }

        t->runs++;
    }

    for (i = 1; i < k.res.body.len && bad < 3; i++) {
        feed(t, &k, 0, i, 0, cut);

        if (strcmp(got, cut) != 0) {
            printf("#   response cut at %zu\n", i);
            differ("whole", got, cut);
            differ("cut", cut, got);
            bad++;
        }

        t->runs++;
    }

    for (i = 1; i < 8 && bad < 3; i++) {
        feed(t, &k, 0, 0, i, cut);

        if (strcmp(got, cut) != 0) {
            printf("#   pieces of %zu\n", i);
            differ("whole", got, cut);
            differ("pieces", cut, got);
            bad++;
        }
    }

    ok(bad == 0, "%s: the same wherever it is cut", k.name);

    t->cases++;
    corpus_free(&k);
}


static int
is_facts(const struct dirent *e)
{
    size_t  n = strlen(e->d_name);

    return n > 6 && strcmp(e->d_name + n - 6, ".facts") == 0;
}


static int
is_dir(const struct dirent *e)
{
    return e->d_name[0] != '.' && strchr(e->d_name, '.') == NULL
           && e->d_name[0] != '_';
}


int
main(void)
{
    int              i, j, n, m, rc;
    char             path[512], err[256], *text;
    size_t           len;
    corpus_t         t;
    const char      *root;
    genai_apis_t    *apis, *deep;
    struct dirent  **dirs, **files;
    genai_price_table_t  *prices;

    memset(&t, 0, sizeof(t));
    root = getenv("GENAI_ROOT") ? getenv("GENAI_ROOT") : ".";

    err[0] = '\0';
    rc = genai_apis_create(&apis, take, NULL, err, sizeof(err));

    if (!ok(rc == GENAI_OK, "tables compile %s", err)) {
        return done();
    }

    rc = genai_apis_create_more(&deep, &beside, &beside, take, NULL, err,
                                sizeof(err));
    ok(rc == GENAI_OK, "so they do with rows beside them %s", err);

    t.apis = apis;
    t.deep = deep;

    snprintf(path, sizeof(path), "%s/conf.examples/prices.json", root);
    text = corpus_read(path, &len);
    prices = NULL;

    ok(text && genai_price_parse(text, len, take, NULL, &prices, err,
                                 sizeof(err)) == GENAI_OK,
       "the price file is read %s", err);

    t.prices = prices;

    snprintf(path, sizeof(path), "%s/t/corpus", root);
    n = scandir(path, &dirs, is_dir, alphasort);

    for (i = 0; i < n; i++) {
        snprintf(path, sizeof(path), "%s/t/corpus/%s", root, dirs[i]->d_name);
        m = scandir(path, &files, is_facts, alphasort);

        for (j = 0; j < m; j++) {
            one(&t, path, files[j]->d_name);
        }
    }

    ok(t.cases > 220, "%d cases, %d cuts", t.cases, t.runs);

    return done();
}
