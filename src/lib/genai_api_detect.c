/*
 * Which operation a request is: the raw path against the patterns of all
 * APIs, the model id out of it, the region out of the host (wire-formats 1.1
 * to 1.3).
 */

#define _GNU_SOURCE

#include "genai_api_tables.h"


#define GENAI_API_SEGMENT  1024      /* longest model id that is decoded */


typedef struct {
    const genai_api_table_t  *table;
    const genai_api_op_t     *op;
    genai_api_caps_t          caps;
    int                       score;
} genai_api_found_t;


typedef struct {
    const char               *label;      /* what the host name holds */
    const char               *provider;   /* telemetry 1.9 */
    unsigned                  deployment;
} genai_api_host_t;


/* who answers to a protocol that many speak */

static const genai_api_host_t  genai_api_hosts[] = {
    { "bedrock", "aws.bedrock", 0 },
    { ".openai.azure.", "azure.ai.openai", 1 },
    { ".cognitiveservices.azure.", "azure.ai.openai", 1 },
    { ".services.ai.azure.", "azure.ai.inference", 1 },
    { "aiplatform.googleapis.", "gcp.vertex_ai", 0 },
    { "generativelanguage.googleapis.", "gcp.gemini", 0 },
    { "api.mistral.ai", "mistral_ai", 0 },
    { "api.deepseek.com", "deepseek", 0 },
    { "api.groq.com", "groq", 0 },
    { "api.x.ai", "x_ai", 0 },
    { "api.perplexity.ai", "perplexity", 0 },
    { "api.moonshot.", "moonshot_ai", 0 },
    { "api.cohere.", "cohere", 0 }
};


static void genai_api_search(genai_api_found_t *found,
    const genai_api_table_t *t, const uint8_t *len, const genai_call_t *c,
    unsigned mode, genai_str_t host);
static int genai_api_match(const char *pattern, size_t len, genai_str_t path,
    genai_api_caps_t *caps);
static int genai_api_segment(const char **pattern, const char *start,
    genai_str_t *path, genai_api_caps_t *caps);
static size_t genai_api_captured(const char *p, size_t len, genai_str_t *s);
static void genai_api_provider(genai_call_t *c, const genai_api_found_t *found,
    unsigned mode, genai_str_t host);
static void genai_api_cap(genai_api_caps_t *caps, const char *name,
    size_t len, genai_str_t value);
static void genai_api_apply(const genai_apis_t *a, genai_call_t *c,
    const genai_api_found_t *found);
static void genai_api_put(genai_call_t *c, genai_str_t *to, genai_str_t s);
static genai_str_t genai_api_decode(genai_call_t *c, genai_str_t s);
static int genai_api_is_region(genai_str_t label);
static int genai_str_contains(genai_str_t s, const char *z);


int
genai_api_detect(const genai_apis_t *a, unsigned mode, genai_call_t *c,
    genai_str_t method, genai_str_t raw_uri, genai_str_t host)
{
    size_t                    i;
    const char               *query;
    const uint8_t            *len;
    genai_api_found_t         found;
    const genai_api_table_t  *t;

    query = memchr(raw_uri.data, '?', raw_uri.len);
    if (query) {
        raw_uri.len = (size_t) (query - raw_uri.data);
    }

    c->method = method;
    c->path = raw_uri;
    c->api_op = NULL;

    found.op = NULL;
    found.score = 0;
    len = a->path_len;

    for (i = 0; i < genai_api_ntables; i++) {
        t = genai_api_tables[i];

        if (t->api == mode || mode == GENAI_API_AUTO
            || (t->also_bedrock && mode == GENAI_API_BEDROCK
                && found.op == NULL))
        {
            genai_api_search(&found, t, len, c, mode, host);
        }

        len += t->nops;
    }

    if (found.op == NULL) {
        c->skip = GENAI_SKIP_UNKNOWN_PATH;
        return GENAI_DECLINED;
    }

    genai_api_apply(a, c, &found);
    genai_api_provider(c, &found, mode, host);
    c->region = genai_api_region(host, c->model);

    return GENAI_OK;
}


/* the operation of this table whose pattern says more of the path than what
 * was found before */

static void
genai_api_search(genai_api_found_t *found, const genai_api_table_t *t,
    const uint8_t *len, const genai_call_t *c, unsigned mode,
    genai_str_t host)
{
    int                    score;
    size_t                 i, n;
    genai_str_t            path;
    genai_api_caps_t       caps;
    const genai_api_op_t  *op;

    path = c->path;

    for (i = 0; i < t->nops; i++) {
        op = &t->ops[i];
        n = len[i];

        /* most are told by the last two bytes */

        if (path.len < n / 2
            || (op->path[n - 1] != '}'
                && memcmp(op->path + n - 2, path.data + path.len - 2, 2) != 0))
        {
            continue;
        }

        memset(&caps, 0, sizeof(genai_api_caps_t));
        score = genai_api_match(op->path, n, path, &caps);

        if (score > found->score
            && (op->method == NULL || genai_str_is(c->method, op->method))
            && (op->host == NULL || mode != GENAI_API_AUTO
                || genai_str_contains(host, op->host)))
        {
            found->score = score;
            found->table = t;
            found->op = op;
            found->caps = caps;
        }
    }
}


/* compares from the end, segment by segment; what is left of the path when
 * the pattern is used up is the prefix of the client's endpoint URL.  Gives
 * 0, or more the more it says */

static int
genai_api_match(const char *pattern, size_t len, genai_str_t path,
    genai_api_caps_t *caps)
{
    int          n, score;
    const char  *end;

    score = 0;
    end = pattern + len;

    while (end > pattern) {
        n = genai_api_segment(&end, pattern, &path, caps);

        if (n == 0) {
            return 0;
        }

        score += n;
    }

    return score;
}


/* where the last segment of p … end begins: behind its slash, or p */

static inline const char *
genai_api_last(const char *p, const char *end)
{
    const char  *slash;

    slash = memrchr(p, '/', (size_t) (end - p));

    return slash ? slash + 1 : p;
}


static int
genai_api_segment(const char **pattern, const char *start, genai_str_t *path,
    genai_api_caps_t *caps)
{
    size_t       len, name;
    const char  *p, *s, *arn;
    genai_str_t  value;

    p = genai_api_last(start, *pattern);
    len = (size_t) (*pattern - p);
    *pattern = (p > start) ? p - 1 : p;

    if (*p != '{') {

        if (path->len <= len) {
            return 0;
        }

        s = path->data + path->len - len;

        if (s[-1] != '/' || memcmp(s, p, len) != 0) {
            return 0;
        }

        path->len = (size_t) (s - 1 - path->data);
        return 3;
    }

    s = genai_api_last(path->data, path->data + path->len);

    if (s == path->data) {
        return 0;
    }

    /* an ARN with its slashes not encoded */

    if (len == 7 && memcmp(p, "{model}", 7) == 0) {
        for (arn = s; arn > path->data + 1; arn--) {
            if (arn[-1] == '/' && path->data + path->len - arn > 4
                && memcmp(arn, "arn:", 4) == 0)
            {
                s = arn;
                break;
            }
        }
    }

    value = genai_str(s, (size_t) (path->data + path->len - s));
    name = genai_api_captured(p, len, &value);

    if (name == 0) {
        return 0;
    }

    genai_api_cap(caps, p + 1, name, value);

    path->len = (size_t) (s - 1 - path->data);

    return 2;
}


/* "{name}" or "{name}suffix": the length of the name, and the suffix is cut
 * off s; 0 when s has another, or nothing but it */

static size_t
genai_api_captured(const char *p, size_t len, genai_str_t *s)
{
    size_t       n;
    const char  *end;

    end = memchr(p, '}', len);
    n = len - (size_t) (end + 1 - p);

    if (s->len <= n || memcmp(s->data + s->len - n, end + 1, n) != 0) {
        return 0;
    }

    s->len -= n;

    return (size_t) (end - p - 1);
}


static void
genai_api_cap(genai_api_caps_t *caps, const char *name, size_t len,
    genai_str_t value)
{
    static const char *const  names[] = {
        [GENAI_CAP_MODEL] = "model",
        [GENAI_CAP_GUARDRAIL] = "guardrail",
        [GENAI_CAP_VERSION] = "version",
        [GENAI_CAP_SOURCE] = "source"
    };

    size_t  i;

    for (i = 0; i < GENAI_CAP_N; i++) {
        if (genai_str_is(genai_str(name, len), names[i])) {
            caps->value[i] = value;
            return;
        }
    }
}


static void
genai_api_apply(const genai_apis_t *a, genai_call_t *c,
    const genai_api_found_t *found)
{
    size_t                 i;
    const genai_str_t     *value;
    const genai_family_t  *f;
    const genai_api_op_t  *op;

    op = found->op;
    value = found->caps.value;

    c->api = found->table->api;
    c->api_op = op;
    c->operation = op->operation;
    c->step = op->step;
    c->deployment = op->deployment;
    c->kind_rank = GENAI_RANK_PATH;

    if (!op->asks) {
        c->stream = (op->stream != GENAI_STREAM_NONE);
    }

    if (op->not_billed) {
        c->skip = GENAI_SKIP_NOT_BILLED;

    } else if (op->no_usage) {
        c->skip = GENAI_SKIP_NO_USAGE;
    }

    genai_api_put(c, &c->model, value[GENAI_CAP_MODEL]);
    genai_api_put(c, &c->guardrail_id, value[GENAI_CAP_GUARDRAIL]);
    genai_api_put(c, &c->guardrail_version, value[GENAI_CAP_VERSION]);
    genai_api_put(c, &c->data_source, value[GENAI_CAP_SOURCE]);

    if (!op->by_family) {
        return;
    }

    for (i = 0; i < a->nfamilies; i++) {
        f = a->families[i];

        if (f->model && genai_str_contains(c->model, f->model)) {
            genai_api_set_kind(c, f->operation, GENAI_RANK_MODEL);
            break;
        }
    }
}


/* what the path has not got may have been read from the body before */

static void
genai_api_put(genai_call_t *c, genai_str_t *to, genai_str_t s)
{
    if (s.len) {
        *to = genai_api_decode(c, s);
    }
}


static void
genai_api_provider(genai_call_t *c, const genai_api_found_t *found,
    unsigned mode, genai_str_t host)
{
    size_t                   i;
    const genai_api_host_t  *h;

    c->provider = genai_strz(found->op->provider ? found->op->provider
                                                 : found->table->provider);

    if (found->table->also_bedrock && mode == GENAI_API_BEDROCK) {
        c->provider = genai_strz("aws.bedrock");
        return;
    }

    if (!found->table->by_host || found->op->provider) {
        return;
    }

    for (i = 0; i < genai_nelts(genai_api_hosts); i++) {
        h = &genai_api_hosts[i];

        if (genai_str_contains(host, h->label)) {
            c->provider = genai_strz(h->provider);
            c->deployment = h->deployment;
            return;
        }
    }
}


void
genai_api_set_kind(genai_call_t *c, unsigned operation, unsigned rank)
{
    if (rank < c->kind_rank) {
        return;
    }

    c->kind_rank = (uint8_t) rank;
    c->operation = (uint8_t) operation;

    switch (operation) {

    case GENAI_OP_CHAT:
    case GENAI_OP_TEXT_COMPLETION:
    case GENAI_OP_IMAGE:
        c->step = GENAI_STEP_GENERATION;
        break;

    case GENAI_OP_EMBEDDINGS:
        c->step = GENAI_STEP_EMBEDDINGS;
        break;

    case GENAI_OP_RERANK:
        c->step = GENAI_STEP_RERANK;
        break;

    case GENAI_OP_RETRIEVAL:
        c->step = GENAI_STEP_VECTOR_SEARCH;
        break;

    default:
        break;
    }
}


/* percent-decodes once; what has no escape stays where it is */

static genai_str_t
genai_api_decode(genai_call_t *c, genai_str_t s)
{
    int          high, low;
    char         buf[GENAI_API_SEGMENT];
    size_t       n, run;
    const char  *p, *end, *escape;

    p = s.data;
    end = p + s.len;
    escape = s.len ? memchr(p, '%', s.len) : NULL;

    if (escape == NULL) {
        return s;
    }

    for (n = 0; p < end && n < sizeof(buf); /* void */ ) {

        run = (size_t) ((escape ? escape : end) - p);

        if (run) {
            run = (run > sizeof(buf) - n) ? sizeof(buf) - n : run;
            memcpy(buf + n, p, run);
            n += run;
            p += run;
            continue;
        }

        high = (end - p > 2) ? genai_hex(p[1]) : -1;
        low = (end - p > 2) ? genai_hex(p[2]) : -1;

        if (high >= 0 && low >= 0) {
            buf[n++] = (char) (high << 4 | low);
            p += 3;

        } else {
            buf[n++] = *p++;
        }

        escape = memchr(p, '%', (size_t) (end - p));
    }

    return genai_call_keep(c, genai_str(buf, n), 1);
}


/*
 * xx-yyyy-N, xx-yyyy-zzzz-N: the first label of a host that looks so, or the
 * fourth part of an ARN.  Service, FIPS and endpoint labels never do.
 */

genai_str_t
genai_api_region(genai_str_t host, genai_str_t model)
{
    size_t       i;
    const char  *p, *end, *q;
    genai_str_t  label;

    end = host.data + host.len;

    for (p = host.data; p < end; p = q + 1) {
        for (q = p; q < end && *q != '.' && *q != ':'; q++) { /* void */ }

        label = genai_str(p, (size_t) (q - p));

        if (genai_api_is_region(label)) {
            return label;
        }
    }

    if (model.len < 4 || memcmp(model.data, "arn:", 4) != 0) {
        return genai_str(NULL, 0);
    }

    p = model.data;
    end = p + model.len;

    for (i = 0; i < 3; i++) {
        p = memchr(p, ':', (size_t) (end - p));
        if (p == NULL) {
            return genai_str(NULL, 0);
        }

        p++;
    }

    q = memchr(p, ':', (size_t) (end - p));
    label = genai_str(p, q ? (size_t) (q - p) : 0);

    return genai_api_is_region(label) ? label : genai_str(NULL, 0);
}


static int
genai_api_is_region(genai_str_t s)
{
    size_t  i, parts, len;

    /* most labels of a host end otherwise */

    if (s.len < 6 || s.data[s.len - 1] < '0' || s.data[s.len - 1] > '9') {
        return 0;
    }

    parts = 0;
    len = 0;

    for (i = 0; i < s.len; i++) {

        if (s.data[i] == '-') {
            if (len == 0 || (parts == 0 && (len < 2 || len > 4))) {
                return 0;
            }

            parts++;
            len = 0;
            continue;
        }

        if (s.data[i] >= '0' && s.data[i] <= '9') {
            break;
        }

        if (s.data[i] < 'a' || s.data[i] > 'z') {
            return 0;
        }

        len++;
    }

    /* here begins the number: one or two digits and no more */

    if (parts < 2 || parts > 3 || len != 0 || i == s.len || s.len - i > 2) {
        return 0;
    }

    for ( ; i < s.len; i++) {
        if (s.data[i] < '0' || s.data[i] > '9') {
            return 0;
        }
    }

    return 1;
}


/* any of the words in z */

static int
genai_str_contains(genai_str_t s, const char *z)
{
    size_t  i, n;

    for ( ; *z; z += n + (z[n] == ' ')) {
        n = strcspn(z, " ");

        for (i = 0; i + n <= s.len; i++) {
            if (memcmp(s.data + i, z, n) == 0) {
                return 1;
            }
        }
    }

    return 0;
}
