/*
 * Operator's rows: what they fill, wherever the bodies are cut, and what is
 * refused when they are made.
 */

#include "test.h"
#include "genai_body.h"
#include "genai_extract.h"


#define ROWS  16


typedef struct {
    const char  *name;
    const char  *path;
    int          op;
    int          request;
} want_t;


static genai_extract_row_t    rows[ROWS];
static genai_extract_value_t  values[ROWS];
static genai_attr_t           attrs[ROWS];
static genai_row_t            req[ROWS], res[ROWS];
static genai_call_t           call;
static genai_body_t           body;
static char                   arena[GENAI_CALL_ARENA], err[256];
static char                   got[2][2048];


static void *
take(void *data, size_t size)
{
    void  *p;

    (void) data;

    return posix_memalign(&p, 16, size ? size : 16) == 0 ? p : NULL;
}


static const want_t  wanted[] = {
    { "acme.lang", "meta.lang", GENAI_EXTRACT_OP, 1 },
    { "acme.beta", "meta.beta", GENAI_EXTRACT_OP, 1 },
    { "acme.weights", "meta.weights[]", GENAI_SUM, 1 },
    { "acme.n", "meta.weights[]", GENAI_COUNT, 1 },
    { "session", "meta.session", GENAI_EXTRACT_OP, 1 },
    { "prompt_chars", "question", GENAI_EXTRACT_OP, 1 },
    { "acme.first", "notes[].id", GENAI_FIRST, 0 },
    { "acme.last", "notes[].id", GENAI_EXTRACT_OP, 0 },
    { "acme.top", "notes[].s", GENAI_MAX, 0 },
    { "score.Faithfulness", "quality.f", GENAI_EXTRACT_OP, 0 },
    { "documents", "notes[]", GENAI_COUNT, 0 },
    { "input_tokens", "spent.in", GENAI_EXTRACT_OP, 0 },
    { "acme.gone", "no.such", GENAI_EXTRACT_OP, 0 }
};


static const char  ask[] =
    "{\"question\":\"Gr\\u00fc\\u00dfe\",\"messages\":[],\"meta\":{\"lang\":"
    "\"de\",\"beta\":true,\"weights\":[1,2.5,4],\"session\":\"s-17\"}}";

static const char  answer[] =
    "{\"stopReason\":\"end_turn\",\"notes\":[{\"id\":17,\"s\":0.5},"
    "{\"id\":18,\"s\":2},{\"id\":\"x\",\"s\":1}],\"quality\":{\"f\":0.875},"
    "\"usage\":{\"inputTokens\":3,\"outputTokens\":4},\"spent\":{\"in\":99}}";


static genai_apis_t *
tables(genai_rows_t *q, genai_rows_t *s)
{
    size_t         i, nq, ns;
    genai_apis_t  *apis;

    for (i = 0, nq = 0, ns = 0; i < genai_nelts(wanted); i++) {
        if (genai_extract_row(&rows[i], genai_strz(wanted[i].name),
                              wanted[i].path, (unsigned) wanted[i].op, i, err,
                              sizeof(err))
            != GENAI_OK)
        {
            ok(0, "%s: %s", wanted[i].name, err);
            exit(1);
        }

        if (wanted[i].request) {
            req[nq++] = rows[i].row;
        } else {
            res[ns++] = rows[i].row;
        }
    }

    memset(q, 0, sizeof(*q));
    memset(s, 0, sizeof(*s));
    q->rows = req;
    q->n = nq;
    s->rows = res;
    s->n = ns;

    if (genai_apis_create_more(&apis, q, s, take, NULL, err, sizeof(err))
        != GENAI_OK)
    {
        ok(0, "tables: %s", err);
        exit(1);
    }

    return apis;
}


static void
run(const genai_apis_t *apis, size_t cut, size_t piece, char *out)
{
    size_t           i, n, len;
    genai_extract_t  x;

    genai_call_init(&call, arena, sizeof(arena));
    call.start_ns = 1;

    genai_api_detect(apis, GENAI_API_BEDROCK, &call, genai_strz("POST"),
                     genai_strz("/model/m/converse"), genai_strz(""));
    genai_extract_init(&x, rows, values, genai_nelts(wanted));
    genai_body_request_begin(&body, apis, &call);
    genai_body_extract(&body, &x);

    len = sizeof(ask) - 1;

    for (i = 0; i < len; i += n) {
        n = piece ? piece : i < cut ? cut : len;
        n = (n > len - i) ? len - i : n;
        genai_body_request_feed(&body, ask + i, n);
    }

    genai_body_request_end(&body, 1);
    genai_body_response_begin(&body, 200, genai_strz("application/json"),
                              genai_strz(""));
    len = sizeof(answer) - 1;

    for (i = 0; i < len; i += n) {
        n = piece ? piece : i < cut ? cut : len;
        n = (n > len - i) ? len - i : n;
        genai_body_response_feed(&body, answer + i, n, 5);
    }

    genai_body_response_end(&body, 1, 9);

    n = genai_extract_attrs(&x, attrs);
    len = 0;

    for (i = 0; i < n; i++) {
        len += (size_t) sprintf(out + len, "%.*s=%c:%.*s ",
                                (int) attrs[i].key.len, attrs[i].key.data,
                                attrs[i].type, (int) attrs[i].value.len,
                                attrs[i].value.data);
    }

    sprintf(out + len, "session=%.*s chars=%lld documents=%lld in=%lld "
            "%.*s=%g", (int) call.session.len, call.session.data,
            (long long) call.prompt_chars, (long long) call.documents,
            (long long) call.usage[GENAI_USAGE_BODY].input,
            (int) call.scores[0].name.len, call.scores[0].name.data,
            call.scores[0].value);
}


static void
refused(const char *name, const char *path, unsigned op, const char *why)
{
    int  rc;

    err[0] = '\0';
    rc = genai_extract_row(&rows[0], genai_strz(name), path, op, 0, err,
                           sizeof(err));
    ok(rc == GENAI_ERROR && strstr(err, why), "%s %s: %s", name, path, err);
}


int
main(void)
{
    int            same;
    size_t         i;
    genai_rows_t   q, s;
    genai_apis_t  *apis;

    apis = tables(&q, &s);
    run(apis, sizeof(answer), 0, got[0]);

    is_mem(got[0], strlen(got[0]), "acme.lang=s:de acme.beta=b:true "
           "acme.weights=d:7.5 acme.n=i:3 acme.first=i:17 acme.last=s:x "
           "acme.top=i:2 session=s-17 chars=5 documents=3 in=99 "
           "Faithfulness=0.875", "every kind of row has its value");

    run(apis, 0, 1, got[1]);
    ok(strcmp(got[0], got[1]) == 0, "byte by byte");

    for (i = 1, same = 1; i < sizeof(answer); i++) {
        run(apis, i, 0, got[1]);
        same &= (strcmp(got[0], got[1]) == 0);
    }

    ok(same, "cut anywhere");

    refused("a b", "x", GENAI_EXTRACT_OP, "make a name");
    refused("", "x", GENAI_EXTRACT_OP, "make a name");
    refused("acme", "a..b", GENAI_EXTRACT_OP, "make a path");
    refused("acme", "a[x]", GENAI_EXTRACT_OP, "make a path");
    refused("model", "a", GENAI_SUM, "this op cannot be used");
    refused("input_tokens", "a", GENAI_COUNT, "this op cannot be used");
    refused("temperature", "a", GENAI_MAX, "this op cannot be used");
    refused("request_metadata", "a", GENAI_EXTRACT_OP,
            "nothing can be extracted");

    is_int(genai_extract_op(genai_strz("max")), GENAI_MAX, "ops by name");
    is_int(genai_extract_op(genai_strz("avg")), -1, "others are none");

    return done();
}
