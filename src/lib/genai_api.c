/*
 * APIs as tables: registration, merging of the families' rows, names.
 */

#include <stdio.h>

#include "genai_api_tables.h"


typedef struct {
    genai_json_row_t            *rows;
    size_t                       n;
    size_t                       max;
} genai_api_merge_t;


/* A new API: its table file, and one line here. */

const genai_api_table_t *const  genai_api_tables[] = {
    &genai_api_bedrock,
    &genai_api_anthropic,
    &genai_api_openai,
    &genai_api_gemini,
    &genai_api_cohere,
    &genai_api_ollama,
    &genai_api_bedrock_agent,
    &genai_api_opensearch,
    &genai_api_vectordb
};

const size_t  genai_api_ntables = genai_nelts(genai_api_tables);


/* A new family: its table file, and one line here. */

static const genai_family_t *const  genai_api_families[] = {
    &genai_family_bedrock,
    &genai_family_claude,
    &genai_family_titan_embed,
    &genai_family_titan_text,
    &genai_family_nova_embed,
    &genai_family_nova,
    &genai_family_llama,
    &genai_family_mistral,
    &genai_family_rerank,
    &genai_family_cohere_embed,
    &genai_family_cohere,
    &genai_family_ai21,
    &genai_family_openai,
    &genai_family_image,
    &genai_family_twelvelabs,
    &genai_family_nova_sonic
};


const genai_rows_t  genai_rows_union[GENAI_DOC_N];


static const char *const  genai_field_names[GENAI_F_N] = {
    [GENAI_F_MODEL] = "model",
    [GENAI_F_RESPONSE_MODEL] = "response_model",
    [GENAI_F_RESPONSE_ID] = "response_id",
    [GENAI_F_REQUEST_ID] = "request_id",
    [GENAI_F_STOP_REASON] = "stop_reason",
    [GENAI_F_GUARDRAIL_ID] = "guardrail_id",
    [GENAI_F_GUARDRAIL_VERSION] = "guardrail_version",
    [GENAI_F_SERVICE_TIER] = "service_tier",
    [GENAI_F_LATENCY_MODE] = "latency_mode",
    [GENAI_F_STOP_SEQUENCE] = "stop_sequence",
    [GENAI_F_REQUEST_METADATA] = "request_metadata",
    [GENAI_F_DATA_SOURCE] = "data_source",
    [GENAI_F_SESSION] = "session",
    [GENAI_F_USER] = "user",
    [GENAI_F_TOOL] = "tool",
    [GENAI_F_INPUT_TOKENS] = "input_tokens",
    [GENAI_F_OUTPUT_TOKENS] = "output_tokens",
    [GENAI_F_CACHE_READ_TOKENS] = "cache_read_tokens",
    [GENAI_F_CACHE_WRITE_TOKENS] = "cache_write_tokens",
    [GENAI_F_CACHE_WRITE_1H_TOKENS] = "cache_write_1h_tokens",
    [GENAI_F_REASONING_TOKENS] = "reasoning_tokens",
    [GENAI_F_TOTAL_TOKENS] = "total_tokens",
    [GENAI_F_MAX_TOKENS] = "max_tokens",
    [GENAI_F_TEMPERATURE] = "temperature",
    [GENAI_F_TOP_P] = "top_p",
    [GENAI_F_TOP_K] = "top_k",
    [GENAI_F_STREAM] = "stream",
    [GENAI_F_TOOLS_OFFERED] = "tools_offered",
    [GENAI_F_TOOL_RESULTS] = "tool_results",
    [GENAI_F_MESSAGES] = "messages",
    [GENAI_F_MEDIA_PARTS] = "media_parts",
    [GENAI_F_PROMPT_CHARS] = "prompt_chars",
    [GENAI_F_SYSTEM_CHARS] = "system_chars",
    [GENAI_F_TOP_K_REQUESTED] = "top_k_requested",
    [GENAI_F_RETRIEVAL_METHOD] = "retrieval_method",
    [GENAI_F_OUTPUT_CHARS] = "output_chars",
    [GENAI_F_SERVER_LATENCY_MS] = "server_latency_ms",
    [GENAI_F_EMBEDDING_DIMENSION] = "embedding_dimension",
    [GENAI_F_DOCUMENTS] = "documents",
    [GENAI_F_DOCUMENT_ID] = "document_id",
    [GENAI_F_IMAGES] = "images",
    [GENAI_F_SEARCH_UNITS] = "search_units",
    [GENAI_F_SCORE] = "score",
    [GENAI_F_GUARDRAIL_UNITS] = "guardrail_units",
    [GENAI_F_CHECK_SCORE] = "grounding",
    [GENAI_F_ERROR_CODE] = "error_type",
    [GENAI_F_ERROR_MESSAGE] = "error_message"
};


/* what is read of an answer with an error status, whoever made it
 * (wire-formats 5.2, 1.6, 8); a higher rank wins */

static const genai_row_t  genai_api_error_rows[] = {
    { "code", GENAI_JSON_TEXT, GENAI_FIRST, GENAI_F_ERROR_CODE, 3 },
    { "Code", GENAI_JSON_TEXT, GENAI_FIRST, GENAI_F_ERROR_CODE, 3 },
    { "__type", GENAI_JSON_TEXT, GENAI_FIRST, GENAI_F_ERROR_CODE, 2 },
    { "error.type", GENAI_JSON_TEXT, GENAI_FIRST, GENAI_F_ERROR_CODE, 1 },
    { "error.status", GENAI_JSON_TEXT, GENAI_FIRST, GENAI_F_ERROR_CODE, 2 },
    { "error.code", GENAI_JSON_TEXT, GENAI_FIRST, GENAI_F_ERROR_CODE, 3 },
    { "[].error.status", GENAI_JSON_TEXT, GENAI_FIRST, GENAI_F_ERROR_CODE,
      2 },
    { "message", GENAI_JSON_TEXT, GENAI_FIRST, GENAI_F_ERROR_MESSAGE, 0 },
    { "Message", GENAI_JSON_TEXT, GENAI_FIRST, GENAI_F_ERROR_MESSAGE, 0 },
    { "error", GENAI_JSON_TEXT, GENAI_FIRST, GENAI_F_ERROR_MESSAGE, 0 },
    { "error.message", GENAI_JSON_TEXT, GENAI_FIRST, GENAI_F_ERROR_MESSAGE,
      0 },
    { "error.reason", GENAI_JSON_TEXT, GENAI_FIRST, GENAI_F_ERROR_MESSAGE,
      0 },
    { "[].error.message", GENAI_JSON_TEXT, GENAI_FIRST,
      GENAI_F_ERROR_MESSAGE, 0 },
    { "status.error", GENAI_JSON_TEXT, GENAI_FIRST, GENAI_F_ERROR_MESSAGE,
      0 },
    { "request_id", GENAI_JSON_TEXT, GENAI_FIRST, GENAI_F_REQUEST_ID, 0 }
};

const genai_rows_t  genai_rows_error = genai_rows(genai_api_error_rows);


/* what a "chunk" frame holds: {"bytes":"<base64>","p":"padding"} */

static const genai_row_t  genai_api_chunk_rows[] = {
    { "bytes", GENAI_JSON_STREAM, GENAI_LAST, GENAI_F_CHUNK, 0 }
};

const genai_rows_t  genai_rows_chunk = genai_rows(genai_api_chunk_rows);


static uint16_t *genai_apis_slot(const genai_apis_t *a,
    const genai_rows_t *rows);
static void genai_apis_deltas(genai_apis_t *a);
static int genai_apis_error(char *err, size_t errlen, const char *what,
    const char *name);
static size_t genai_apis_count(void);
static int genai_apis_table(genai_apis_t *a, const genai_api_table_t *t,
    genai_api_merge_t *m, char *err, size_t errlen);
static int genai_apis_compile(genai_apis_t *a, const genai_rows_t *rows,
    const genai_rows_t *beside, genai_api_merge_t *m, char *err,
    size_t errlen);
static void genai_apis_merge(genai_api_merge_t *m, const genai_rows_t *rows);
static const genai_rows_t *genai_family_rows(const genai_family_t *f,
    size_t doc);


/* what detection would otherwise measure for each request */

static int
genai_apis_lengths(genai_apis_t *a)
{
    size_t                    i, k, n;
    const genai_api_table_t  *t;

    n = 0;

    for (i = 0; i < genai_nelts(genai_api_tables); i++) {
        n += genai_api_tables[i]->nops;
    }

    a->path_len = a->alloc(a->data, n);
    if (a->path_len == NULL) {
        return GENAI_ERROR;
    }

    n = 0;

    for (i = 0; i < genai_nelts(genai_api_tables); i++) {
        t = genai_api_tables[i];

        for (k = 0; k < t->nops; k++) {
            a->path_len[n++] = (uint8_t) strlen(t->ops[k].path);
        }
    }

    return GENAI_OK;
}


int
genai_apis_create(genai_apis_t **out, void *(*alloc)(void *data, size_t size),
    void *data, char *err, size_t errlen)
{
    return genai_apis_create_more(out, NULL, NULL, alloc, data, err, errlen);
}


int
genai_apis_create_more(genai_apis_t **out, const genai_rows_t *request,
    const genai_rows_t *response, void *(*alloc)(void *data, size_t size),
    void *data, char *err, size_t errlen)
{
    size_t                    i, n, slots;
    genai_apis_t             *a;
    genai_api_merge_t         m;

    n = genai_apis_count();

    a = alloc(data, sizeof(genai_apis_t));
    if (a == NULL) {
        return genai_apis_error(err, errlen, "no memory for", "API tables");
    }

    memset(a, 0, sizeof(genai_apis_t));

    a->alloc = alloc;
    a->data = data;
    a->more_request = request;
    a->more_response = response;
    a->families = genai_api_families;
    a->nfamilies = genai_nelts(genai_api_families);

    for (slots = 16; slots < n * 2; slots *= 2) { /* void */ }

    m.max = GENAI_JSON_ROWS;
    a->programs = alloc(data, n * sizeof(genai_api_program_t));
    a->slots = alloc(data, slots * sizeof(uint16_t));
    a->mask = slots - 1;
    m.rows = alloc(data, m.max * sizeof(genai_json_row_t));

    if (a->programs == NULL || a->slots == NULL || m.rows == NULL) {
        return genai_apis_error(err, errlen, "no memory for", "API tables");
    }

    memset(a->slots, 0, slots * sizeof(uint16_t));

    for (i = 0; i < GENAI_DOC_N; i++) {
        if (genai_apis_compile(a, &genai_rows_union[i],
                               i == GENAI_DOC_REQUEST ? request : response,
                               &m, err, errlen)
            != GENAI_OK)
        {
            return GENAI_ERROR;
        }
    }

    if (genai_apis_compile(a, &genai_rows_error, response, &m, err, errlen)
        != GENAI_OK
        || genai_apis_compile(a, &genai_rows_chunk, NULL, &m, err, errlen)
           != GENAI_OK)
    {
        return GENAI_ERROR;
    }

    for (i = 0; i < genai_nelts(genai_api_tables); i++) {
        if (genai_apis_table(a, genai_api_tables[i], &m, err, errlen)
            != GENAI_OK)
        {
            return GENAI_ERROR;
        }
    }

    if (genai_apis_lengths(a) != GENAI_OK) {
        return genai_apis_error(err, errlen, "no memory for", "API tables");
    }

    a->chunk = genai_apis_program(a, &genai_rows_chunk);
    a->inner = genai_apis_program(a, &genai_rows_union[GENAI_DOC_INNER]);

    if (response == NULL) {
        genai_apis_deltas(a);
    }

    *out = a;

    return GENAI_OK;
}


static int
genai_apis_table(genai_apis_t *a, const genai_api_table_t *t,
    genai_api_merge_t *m, char *err, size_t errlen)
{
    size_t                 j, k;
    const genai_api_op_t  *op;

    for (j = 0; j < t->nops; j++) {
        op = &t->ops[j];

        if (genai_apis_compile(a, op->request, a->more_request, m, err,
                               errlen)
            != GENAI_OK
            || genai_apis_compile(a, op->response, a->more_response, m, err,
                                  errlen)
               != GENAI_OK)
        {
            return GENAI_ERROR;
        }

        for (k = 0; k < op->nevents; k++) {
            if (genai_apis_compile(a, op->events[k].rows, a->more_response,
                                   m, err, errlen)
                != GENAI_OK)
            {
                return GENAI_ERROR;
            }
        }
    }

    return GENAI_OK;
}


static void
genai_apis_deltas(genai_apis_t *a)
{
    static const char  set[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                               "abcdefghijklmnopqrstuvwxyz0123456789+/";
    static const char  head[] = "{\"bytes\":\"";

    size_t                 i, j, n;
    uint32_t               v;
    const char            *z;
    genai_api_delta_t     *d;
    const genai_family_t  *f;

    for (i = 0; i < a->nfamilies && a->ndeltas < GENAI_DELTA_MAX; i++) {
        f = a->families[i];

        if (f->delta == NULL) {
            continue;
        }

        d = &a->delta[a->ndeltas++];
        n = sizeof(head) - 1;
        memcpy(d->text, head, n);

        /* whole groups only: what follows does not show in their base64 */

        for (j = 0, z = f->delta; j + 3 <= strlen(z); j += 3) {

            if (n + 4 > GENAI_DELTA_SIZE) {
                break;
            }

            v = (uint32_t) (unsigned char) z[j] << 16
                | (uint32_t) (unsigned char) z[j + 1] << 8
                | (uint32_t) (unsigned char) z[j + 2];

            d->text[n++] = set[v >> 18];
            d->text[n++] = set[v >> 12 & 63];
            d->text[n++] = set[v >> 6 & 63];
            d->text[n++] = set[v & 63];
        }

        d->len = (uint16_t) n;
        d->base64 = (uint16_t) (n - (sizeof(head) - 1));
        d->empty = (uint16_t) (f->empty ? strlen(f->empty) : n / 4 * 3);
    }
}


static int
genai_apis_error(char *err, size_t errlen, const char *what, const char *name)
{
    if (errlen) {
        (void) snprintf(err, errlen, "%s \"%s\"", what, name);
    }

    return GENAI_ERROR;
}


/* the most programs that there can be */

static size_t
genai_apis_count(void)
{
    size_t                    i, j, n;
    const genai_api_table_t  *t;

    n = GENAI_DOC_N + 2;

    for (i = 0; i < genai_nelts(genai_api_tables); i++) {
        t = genai_api_tables[i];

        for (j = 0; j < t->nops; j++) {
            n += 2 + t->ops[j].nevents;
        }
    }

    return n;
}


static int
genai_apis_compile(genai_apis_t *a, const genai_rows_t *rows,
    const genai_rows_t *beside, genai_api_merge_t *m, char *err,
    size_t errlen)
{
    void                 *mem;
    size_t                doc, i, used, bad;
    genai_json_row_t     *own;
    const genai_rows_t   *more;
    genai_api_program_t  *p;

    if (rows == NULL || genai_apis_program(a, rows) != NULL) {
        return GENAI_OK;
    }

    m->n = 0;

    for (more = rows; more; more = more->more) {
        genai_apis_merge(m, more);
    }

    for (doc = 0; doc < GENAI_DOC_N; doc++) {

        if (rows != &genai_rows_union[doc]) {
            continue;
        }

        for (i = 0; i < a->nfamilies; i++) {
            genai_apis_merge(m, genai_family_rows(a->families[i], doc));
        }
    }

    for (more = beside; more; more = more->more) {
        genai_apis_merge(m, more);
    }

    if (m->n == m->max) {
        return genai_apis_error(err, errlen, "too many rows for", "a body");
    }

    own = a->alloc(a->data, (m->n + 1) * sizeof(genai_json_row_t));
    if (own == NULL) {
        return genai_apis_error(err, errlen, "no memory for", "API tables");
    }

    memcpy(own, m->rows, m->n * sizeof(genai_json_row_t));

    bad = 0;

    if (genai_json_compile(own, m->n, NULL, 0, &used, &bad) == GENAI_ERROR) {
        return genai_apis_error(err, errlen, "cannot read path",
                                own[bad].path);
    }

    mem = a->alloc(a->data, used);
    if (mem == NULL) {
        return genai_apis_error(err, errlen, "no memory for", "API tables");
    }

    if (genai_json_compile(own, m->n, mem, used, &used, &bad) != GENAI_OK) {
        return genai_apis_error(err, errlen, "cannot compile path",
                                own[bad].path);
    }

    p = &a->programs[a->nprograms++];
    p->rows = rows;
    p->program = mem;

    *genai_apis_slot(a, rows) = (uint16_t) a->nprograms;

    return GENAI_OK;
}


/* families share many paths: a row that is there already is not repeated */

static void
genai_apis_merge(genai_api_merge_t *m, const genai_rows_t *rows)
{
    size_t              i, j;
    uint32_t            arg;
    const genai_row_t  *r;

    for (i = 0; i < rows->n; i++) {
        r = &rows->rows[i];
        arg = (uint32_t) r->arg << 8 | r->take;

        for (j = 0; j < m->n; j++) {
            if (m->rows[j].field == r->field && m->rows[j].want == r->want
                && m->rows[j].arg == arg
                && strcmp(m->rows[j].path, r->path) == 0)
            {
                break;
            }
        }

        if (j < m->n || m->n == m->max) {
            continue;
        }

        m->rows[j].path = r->path;
        m->rows[j].want = r->want;
        m->rows[j].field = r->field;
        m->rows[j].arg = arg;
        m->n++;
    }
}


static const genai_rows_t *
genai_family_rows(const genai_family_t *f, size_t doc)
{
    switch (doc) {
    case GENAI_DOC_REQUEST:
        return &f->request;
    case GENAI_DOC_RESPONSE:
        return &f->response;
    default:
        return &f->inner;
    }
}


const genai_json_program_t *
genai_apis_program(const genai_apis_t *a, const genai_rows_t *rows)
{
    uint16_t  n;

    n = *genai_apis_slot(a, rows);

    return n ? a->programs[n - 1].program : NULL;
}


/* where these rows are, or would be, in the hash */

static uint16_t *
genai_apis_slot(const genai_apis_t *a, const genai_rows_t *rows)
{
    size_t  i;

    i = (size_t) ((uint64_t) (uintptr_t) rows * 0x9e3779b97f4a7c15ULL >> 40);

    for (i &= a->mask; a->slots[i]; i = (i + 1) & a->mask) {
        if (a->programs[a->slots[i] - 1].rows == rows) {
            break;
        }
    }

    return &a->slots[i];
}


const char *
genai_api_op_name(const genai_apis_t *a, const genai_call_t *c)
{
    (void) a;

    return c->api_op ? c->api_op->name : "";
}


const char *
genai_field_name(unsigned field)
{
    if (field >= GENAI_F_N || genai_field_names[field] == NULL) {
        return "";
    }

    return genai_field_names[field];
}


unsigned
genai_field_find(genai_str_t name)
{
    unsigned  i;

    for (i = 1; i < GENAI_F_N; i++) {
        if (genai_field_names[i] && genai_str_is(name, genai_field_names[i])) {
            return i;
        }
    }

    if (name.len > 6 && memcmp(name.data, "score.", 6) == 0) {
        return GENAI_F_SCORE;
    }

    return GENAI_F_NONE;
}
