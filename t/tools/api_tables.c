/*
 * Prints, as Markdown, what the tables in the code say: each API's operations
 * and each family of models, what is read of them and from where.
 */

#include <stdio.h>
#include <stdlib.h>

#include "genai_api_tables.h"


#define ITEMS_MAX  256


typedef struct {
    const char  *item[ITEMS_MAX];     /* paths, or names of fields */
    size_t       n;
    int          paths;
} list_t;


typedef int (*field_pt)(unsigned field);


/* fields that genai_extract has no name for, by what they come to */

static const struct {
    unsigned     field;
    const char  *name;
} names[] = {
    { GENAI_F_CACHE_TTL_TOKENS, "cache_write_1h_tokens" },
    { GENAI_F_PART_TYPE, "media_parts" },
    { GENAI_F_PART_TYPE, "tool_results" },
    { GENAI_F_BLOCK_NAME, "tool" },
    { GENAI_F_REASONING, "reasoning" },
    { GENAI_F_VISIBLE, "output_chars" },
    { GENAI_F_FAULT, "error_type" }
};


static int
is_tokens(unsigned field)
{
    return (field >= GENAI_F_INPUT_TOKENS && field <= GENAI_F_TOTAL_TOKENS)
           || field == GENAI_F_CACHE_TTL_TOKENS
           || (field > GENAI_F_FRAME_METRICS && field < GENAI_F_MAX_TOKENS)
           || field == GENAI_F_IMAGES || field == GENAI_F_SEARCH_UNITS;
}


static int
is_stop(unsigned field)
{
    return field == GENAI_F_STOP_REASON;
}


static int
is_other(unsigned field)
{
    return !is_tokens(field) && !is_stop(field);
}


static int
is_any(unsigned field)
{
    (void) field;

    return 1;
}


static void
add(list_t *l, const char *s)
{
    size_t  i;

    for (i = 0; i < l->n; i++) {
        if (strcmp(l->item[i], s) == 0) {
            return;
        }
    }

    if (s[0] && l->n < ITEMS_MAX) {
        l->item[l->n++] = s;
    }
}


static void
add_names(list_t *l, unsigned field)
{
    size_t  i;

    for (i = 0; i < genai_nelts(names); i++) {
        if (names[i].field == field) {
            add(l, names[i].name);
        }
    }

    add(l, genai_field_name(field));
}


static void
add_rows(list_t *l, const genai_rows_t *rows, field_pt wanted)
{
    size_t              i;
    const genai_row_t  *r;

    for ( /* void */ ; rows; rows = rows->more) {
        for (i = 0; i < rows->n; i++) {
            r = &rows->rows[i];

            if (!wanted(r->field)) {
                continue;
            }

            if (!l->paths) {
                add_names(l, r->field);

            } else if (r->want != GENAI_JSON_PRESENT
                       || r->take == GENAI_COUNT)
            {
                add(l, r->path);
            }
        }
    }
}


/* the same inside the envelope of an event, or of an array's element */

static int
repeated(const list_t *l, size_t n)
{
    size_t       i, len, own;
    const char  *s = l->item[n];

    own = strlen(s);

    for (i = 0; i < l->n; i++) {
        len = strlen(l->item[i]);

        if (len < own && s[own - len - 1] == '.'
            && strcmp(s + own - len, l->item[i]) == 0)
        {
            return 1;
        }
    }

    return 0;
}


static size_t
parent(const char *path)
{
    const char  *dot = strrchr(path, '.');

    return dot ? (size_t) (dot + 1 - path) : 0;
}


/* those below one key are put into braces behind it */

static void
print_paths(const list_t *l)
{
    size_t       i, k, n, count;
    const char  *s;
    char         done[ITEMS_MAX];

    memset(done, 0, sizeof(done));

    for (i = 0, count = 0; i < l->n; i++) {
        s = l->item[i];
        n = parent(s);

        if (done[i] || repeated(l, i)) {
            continue;
        }

        printf("%s`%.*s", count++ ? ", " : " ", (int) n, s);

        for (k = i + 1; k < l->n; k++) {
            done[k] |= (n && parent(l->item[k]) == n && !repeated(l, k)
                        && memcmp(l->item[k], s, n) == 0) ? 2 : 0;
        }

        for (k = i + 1; k < l->n && done[k] != 2; k++) { /* void */ }

        printf("%s%s", k < l->n ? "{" : "", s + n);

        for (n = k; k < l->n; k++) {
            if (done[k] == 2) {
                printf(", %s", l->item[k] + parent(l->item[k]));
                done[k] = 1;
            }
        }

        printf("%s`", n < l->n ? "}" : "");
    }
}


static void
cell(const genai_rows_t *a, const genai_rows_t *b,
    const genai_api_event_t *e, size_t n, field_pt wanted, int paths,
    const char *none)
{
    size_t  i;
    list_t  l;

    l.n = 0;
    l.paths = paths;

    add_rows(&l, a, wanted);
    add_rows(&l, b, wanted);

    for (i = 0; i < n; i++) {
        add_rows(&l, e[i].rows, wanted);
    }

    if (l.n == 0) {
        printf(" %s", none);

    } else if (paths) {
        print_paths(&l);

    } else {
        for (i = 0; i < l.n; i++) {
            printf("%s%s", i ? ", " : " ", l.item[i]);
        }
    }

    printf(" |");
}


static const char *
framing(const genai_api_op_t *op)
{
    switch (op->stream) {

    case GENAI_STREAM_EVENTS:
    case GENAI_STREAM_CHUNKS:
        return "event stream";

    case GENAI_STREAM_LINES:
        return "JSON, JSON lines";

    case GENAI_STREAM_SSE:
        return op->asks ? "JSON, SSE" : "JSON array, SSE";

    default:
        return op->response ? "JSON" : "not read";
    }
}


static int
like(const genai_api_op_t *a, const genai_api_op_t *b)
{
    return a->request == b->request && a->response == b->response
           && a->events == b->events;
}


static int
same(const genai_api_op_t *a, const genai_api_op_t *b)
{
    return strcmp(a->name, b->name) == 0 && like(a, b);
}


static void
paths(const genai_api_table_t *t, size_t first)
{
    size_t  i, j;

    for (i = first; i < t->nops; i++) {

        if (!same(&t->ops[i], &t->ops[first])) {
            continue;
        }

        /* the same path by another method */

        for (j = first; j < i; j++) {
            if (same(&t->ops[j], &t->ops[first])
                && strcmp(t->ops[j].path, t->ops[i].path) == 0)
            {
                break;
            }
        }

        if (j < i) {
            continue;
        }

        printf("%s`%s`", i > first ? ", " : "", t->ops[i].path);

        if (t->ops[i].host) {
            printf(" (`auto`: on hosts with `%s`)", t->ops[i].host);
        }
    }
}


static void
operation(const genai_api_table_t *t, size_t n)
{
    size_t                 i;
    const char            *none;
    const genai_api_op_t  *op;

    op = &t->ops[n];

    printf("| %s | %s | ", genai_api_name(t->api), op->name);
    paths(t, n);
    printf(" | %s |", framing(op));

    if (op->by_family) {
        puts(" of its family | of its family | of its family |"
             " of its family |");
        return;
    }

    for (i = 0; i < n; i++) {
        if (op->response && like(op, &t->ops[i])) {
            for (n = 0; n < 4; n++) {
                printf(" as %s |", t->ops[i].name);
            }

            putchar('\n');
            return;
        }
    }

    none = op->not_billed ? "not billed" : op->no_usage ? "tells none" : "–";

    cell(op->request, NULL, NULL, 0, is_any, 0, "–");
    cell(op->operation == GENAI_OP_RERANK ? op->request : NULL, op->response,
         op->events, op->nevents, is_tokens, 1, none);
    cell(op->response, NULL, op->events, op->nevents, is_stop, 1, "–");
    cell(op->response, NULL, op->events, op->nevents, is_other, 0, "–");
    putchar('\n');
}


static void *
take(void *data, size_t size)
{
    (void) data;

    return aligned_alloc(16, (size + 15) & ~(size_t) 15);
}


int
main(void)
{
    char                      err[256];
    size_t                    i, j, k;
    genai_apis_t             *a;
    const genai_family_t     *f;
    const genai_api_table_t  *t;

    static const char  head[] = "From the request | Tokens and units |"
                                " Stop reason | Also |\n";

    if (genai_apis_create(&a, take, NULL, err, sizeof(err))
        != GENAI_OK)
    {
        fprintf(stderr, "%s\n", err);
        return 1;
    }

    printf("| API | Operation | Path ends in | Answer | %s", head);
    puts("|---|---|---|---|---|---|---|---|");

    for (i = 0; i < genai_api_ntables; i++) {
        t = genai_api_tables[i];

        for (j = 0; j < t->nops; j++) {
            for (k = 0; k < j && !same(&t->ops[k], &t->ops[j]); k++) {
                /* void */
            }

            if (k == j) {
                operation(t, j);
            }
        }
    }

    printf("\n| Family in InvokeModel | %s", head);
    puts("|---|---|---|---|---|");

    for (i = 0; i < a->nfamilies; i++) {
        f = a->families[i];

        printf("| %s |", f->name);
        cell(&f->request, NULL, NULL, 0, is_any, 0, "–");
        cell(&f->response, &f->inner, NULL, 0, is_tokens, 1,
             "of the headers");
        cell(&f->response, &f->inner, NULL, 0, is_stop, 1, "–");
        cell(&f->response, &f->inner, NULL, 0, is_other, 0, "–");
        putchar('\n');
    }

    return 0;
}
