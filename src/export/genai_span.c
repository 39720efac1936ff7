/*
 * A finished call as a span: names, status, attributes.
 *
 * Most attributes are a field of the call under another name: those are rows
 * of one table.  What has to be worked out follows in small functions.
 */

#include <math.h>
#include <stdlib.h>

#include "genai_span_int.h"


typedef enum {
    ROW_STR = 0,                       /* empty: absent */
    ROW_I64,                           /* negative: absent */
    ROW_U32,                           /* 0: absent, and below */
    ROW_U16,
    ROW_U8,
    ROW_F64                            /* NaN: absent */
} genai_span_row_e;


typedef struct {
    genai_str_t          key;
    uint16_t             offset;
    uint8_t              type;         /* genai_span_row_e */
    uint8_t              where;
} genai_span_row_t;


#define row(key, type, field, where)                                          \
    { genai_string(key), offsetof(genai_call_t, field), type, where }


static const genai_span_row_t  genai_span_rows[] = {
    row("gen_ai.provider.name", ROW_STR, provider, FOR_GENAI),
    row("gen_ai.system", ROW_STR, provider, FOR_GENAI),
    row("gen_ai.request.model", ROW_STR, model, FOR_GENAI),
    row("gen_ai.response.model", ROW_STR, response_model, FOR_GENAI),
    row("gen_ai.response.id", ROW_STR, response_id, FOR_GENAI),

    row("gen_ai.request.max_tokens", ROW_I64, max_tokens, FOR_MODEL),
    row("gen_ai.request.temperature", ROW_F64, temperature, FOR_MODEL),
    row("gen_ai.request.top_p", ROW_F64, top_p, FOR_MODEL),
    row("gen_ai.request.top_k", ROW_I64, top_k, FOR_MODEL),

    row("gen_ai.usage.input_tokens", ROW_I64, input_tokens, FOR_GENAI),
    row("gen_ai.usage.output_tokens", ROW_I64, output_tokens,
        FOR_GENAI & ~FOR_EMBED),
    row("gen_ai.usage.cache_read.input_tokens", ROW_I64, cache_read_tokens,
        FOR_GENAI),
    row("gen_ai.usage.cache_write.input_tokens", ROW_I64, cache_write_tokens,
        FOR_GENAI),
    row("gen_ai.usage.cache_creation.input_tokens", ROW_I64,
        cache_write_tokens, FOR_GENAI),
    row("gen_ai.usage.reasoning.output_tokens", ROW_I64, reasoning_tokens,
        FOR_GENAI),
    row("genai.usage.cache_write_1h.input_tokens", ROW_I64,
        cache_write_1h_tokens, FOR_GENAI),
    row("genai.total_tokens", ROW_I64, total_tokens, FOR_ALL),

    row("gen_ai.embeddings.dimension.count", ROW_I64, embedding_dimension,
        FOR_EMBED),
    row("rag.embedding_dimension", ROW_I64, embedding_dimension, FOR_EMBED),

    row("gen_ai.data_source.id", ROW_STR, data_source, FOR_RETRIEVAL),
    row("gen_ai.retrieval.top_k", ROW_I64, top_k_requested,
        FOR_RETRIEVAL | FOR_RERANK),
    row("rag.documents_retrieved", ROW_I64, documents, FOR_RETRIEVAL),
    row("rag.top_score", ROW_F64, score_top, FOR_RETRIEVAL),
    row("rag.documents_after_rerank", ROW_I64, documents, FOR_RERANK),
    row("rag.top_rerank_score", ROW_F64, score_top, FOR_RERANK),
    row("genai.rerank.documents", ROW_I64, search_units, FOR_RERANK),
    row("rag.query_length", ROW_I64, prompt_chars, FOR_APP),
    row("rag.answer_length", ROW_I64, output_chars, FOR_APP),

    row("server.address", ROW_STR, server_address, FOR_ALL),
    row("server.port", ROW_U16, server_port, FOR_ALL),
    row("http.response.status_code", ROW_U16, status, FOR_ALL),
    row("url.path", ROW_STR, path, FOR_APP),
    row("cloud.region", ROW_STR, region, FOR_GENAI),
    row("aws.request_id", ROW_STR, request_id, FOR_GENAI),
    row("aws.bedrock.guardrail.id", ROW_STR, guardrail_id, FOR_GENAI),
    row("session.id", ROW_STR, session, FOR_ALL),
    row("user.id", ROW_STR, user, FOR_ALL),

    row("genai.location", ROW_STR, location, FOR_ALL),
    row("genai.stop_reason", ROW_STR, stop_reason, FOR_ALL),
    row("genai.attempt", ROW_U8, attempt, FOR_ALL),
    row("genai.invocation_id", ROW_STR, invocation_id, FOR_ALL),
    row("genai.guardrail.version", ROW_STR, guardrail_version, FOR_ALL),
    row("genai.service_tier", ROW_STR, service_tier, FOR_ALL),
    row("genai.latency_mode", ROW_STR, latency_mode, FOR_ALL),
    row("genai.request_metadata", ROW_STR, request_metadata, FOR_ALL),
    row("genai.server_latency_ms", ROW_I64, server_latency_ms, FOR_ALL),
    row("genai.stream.events", ROW_U32, events, FOR_ALL),
    row("genai.images", ROW_I64, images, FOR_ALL),
    row("genai.guardrail.units", ROW_I64, guardrail_units, FOR_ALL),
    row("genai.request.messages", ROW_U32, messages, FOR_ALL),
    row("genai.request.media_parts", ROW_U32, media_parts, FOR_ALL),
    row("genai.request.tools_offered", ROW_U32, tools_offered, FOR_ALL),
    row("genai.request.tool_results", ROW_U32, tool_results, FOR_ALL),
    row("genai.error.message", ROW_STR, error_message, FOR_ALL)
};


static unsigned genai_span_where(const genai_call_t *c);
static unsigned genai_span_failed(const genai_call_t *c);
static void genai_span_name(genai_span_t *s, const genai_call_t *c);
static void genai_span_row(genai_span_ctx_t *x, const genai_span_row_t *row);
static void genai_span_identity(genai_span_ctx_t *x);
static void genai_span_answer(genai_span_ctx_t *x);
static void genai_span_times(genai_span_ctx_t *x);
static void genai_span_money(genai_span_ctx_t *x);
static void genai_span_usage(genai_span_ctx_t *x);
static void genai_span_rag(genai_span_ctx_t *x);
static void genai_span_peer(genai_span_ctx_t *x);
static void genai_span_failure(genai_span_ctx_t *x);
static void genai_span_scores(genai_span_ctx_t *x);
static void genai_span_own_typed(genai_span_ctx_t *x, const genai_attr_t *a);


void
genai_span_init(genai_span_t *s, const genai_call_t *c)
{
    static const uint8_t  none[8];

    s->trace_id = c->trace_id;
    s->span_id = c->span_id;
    s->parent_id = NULL;
    s->flags = c->trace_flags | GENAI_SPAN_HAS_REMOTE;

    if (memcmp(c->parent_id, none, 8) != 0) {
        s->parent_id = c->parent_id;
        s->flags |= c->parent_remote ? GENAI_SPAN_REMOTE : 0;
    }

    /* a trace state is ASCII: what needs a repair is none */

    s->trace_state = genai_span_utf8(c->tracestate, NULL, 0);

    s->kind = (c->kind == GENAI_SPAN_SERVER) ? GENAI_SPAN_SERVER
                                             : GENAI_SPAN_CLIENT;
    s->start_unix_ns = c->start_unix_ns;
    s->end_unix_ns = c->start_unix_ns;

    if (c->end_ns > c->start_ns) {
        s->end_unix_ns += c->end_ns - c->start_ns;
    }

    s->status = GENAI_SPAN_UNSET;
    s->message = genai_str(NULL, 0);

    if (genai_span_failed(c)) {
        s->status = GENAI_SPAN_ERROR;
        s->message = genai_span_cut(c->error_message, GENAI_SPAN_MESSAGE);
        s->message = genai_span_utf8(s->message, s->message_buf,
                                     GENAI_SPAN_MESSAGE);
    }

    genai_span_name(s, c);
}


/* an answer of 4xx is the caller's error, not the server's */

static unsigned
genai_span_failed(const genai_call_t *c)
{
    return c->error
           && !(c->kind == GENAI_SPAN_SERVER
                && c->status >= 400 && c->status < 500);
}


static unsigned
genai_span_where(const genai_call_t *c)
{
    if (c->api == GENAI_API_APP || c->kind == GENAI_SPAN_SERVER) {
        return FOR_APP;
    }

    switch (c->operation) {

    case GENAI_OP_EMBEDDINGS:
        return FOR_EMBED;

    case GENAI_OP_RETRIEVAL:
        return FOR_RETRIEVAL;

    case GENAI_OP_RERANK:
        return FOR_RERANK;

    case GENAI_OP_RAG_QUERY:
        return FOR_APP;

    case GENAI_OP_HTTP:
        return FOR_HTTP;

    default:
        return (c->api == GENAI_API_HTTP) ? FOR_HTTP : FOR_MODEL;
    }
}


static void
genai_span_name(genai_span_t *s, const genai_call_t *c)
{
    char         buf[GENAI_SPAN_NAME];
    unsigned     where;
    genai_str_t  first, second;

    where = genai_span_where(c);

    if (c->span_name.len != 0) {
        first = c->span_name;
        second = genai_str(NULL, 0);

    } else if (where == FOR_APP || where == FOR_HTTP
               || c->operation == GENAI_OP_NONE)
    {
        first = genai_span_method(c->method);

        if (first.len == 0 || genai_str_is(first, "_OTHER")) {
            first = genai_strz("HTTP");
        }

        second = (where == FOR_APP) ? c->location : genai_str(NULL, 0);

    } else {
        first = genai_strz(genai_operation_name(c->operation));
        second = (where == FOR_RETRIEVAL) ? c->data_source : c->model;
    }

    first = genai_span_cut(first, GENAI_SPAN_NAME);

    if (second.len == 0) {
        s->name = genai_span_utf8(first, s->name_buf, GENAI_SPAN_NAME);
        return;
    }

    memcpy(buf, first.data, first.len);

    if (first.len < GENAI_SPAN_NAME) {
        buf[first.len++] = ' ';
    }

    second = genai_span_cut(second, GENAI_SPAN_NAME - first.len);

    memcpy(buf + first.len, second.data, second.len);

    first = genai_str(buf, first.len + second.len);
    s->name = genai_span_utf8(first, s->name_buf, GENAI_SPAN_NAME);

    if (s->name.data == buf) {
        memcpy(s->name_buf, buf, s->name.len);
        s->name.data = s->name_buf;
    }
}


int
genai_span_attrs(const genai_call_t *c, genai_span_visit_pt visit, void *data)
{
    size_t            i;
    genai_span_ctx_t  x;

    x.c = c;
    x.visit = visit;
    x.data = data;
    x.where = genai_span_where(c);
    x.n = 0;
    x.rc = GENAI_OK;

    genai_span_identity(&x);

    for (i = 0; i < genai_nelts(genai_span_rows); i++) {
        if (genai_span_rows[i].where & x.where) {
            genai_span_row(&x, &genai_span_rows[i]);
        }
    }

    genai_span_answer(&x);
    genai_span_times(&x);
    genai_span_money(&x);
    genai_span_usage(&x);
    genai_span_rag(&x);
    genai_span_peer(&x);
    genai_span_failure(&x);
    genai_span_budget(&x);
    genai_span_scores(&x);
    genai_span_profile(&x);
    genai_span_own(&x);

    return x.rc;
}


static void
genai_span_row(genai_span_ctx_t *x, const genai_span_row_t *r)
{
    double       d;
    int64_t      i;
    const void  *p;

    p = (const char *) x->c + r->offset;

    switch ((genai_span_row_e) r->type) {

    case ROW_STR:
        genai_span_str(x, r->key, *(const genai_str_t *) p);
        return;

    case ROW_F64:
        d = *(const double *) p;

        if (!isnan(d)) {
            genai_span_double(x, r->key, d);
        }

        return;

    case ROW_I64:
        i = *(const int64_t *) p;

        if (i >= 0) {
            genai_span_int(x, r->key, i);
        }

        return;

    case ROW_U32:
        i = *(const uint32_t *) p;
        break;

    case ROW_U16:
        i = *(const uint16_t *) p;
        break;

    default:  /* ROW_U8 */
        i = *(const uint8_t *) p;
        break;
    }

    if (i != 0) {
        genai_span_int(x, r->key, i);
    }
}


static void
genai_span_identity(genai_span_ctx_t *x)
{
    genai_str_t          method;
    const genai_call_t  *c = x->c;

    if (x->where & FOR_GENAI) {
        put(genai_span_str, x, "gen_ai.operation.name",
            genai_strz(genai_operation_name(c->operation)));

        if (c->stream) {
            put(genai_span_bool, x, "gen_ai.request.stream", 1);
        }
    }

    method = genai_span_method(c->method);
    put(genai_span_str, x, "http.request.method", method);

    if (genai_str_is(method, "_OTHER")) {
        put(genai_span_str, x, "http.request.method_original", c->method);
    }

    if (x->where == FOR_APP && c->location.len && c->location.data[0] == '/')
    {
        put(genai_span_str, x, "http.route", c->location);
    }

    put(genai_span_str, x, "genai.api", genai_strz(genai_api_name(c->api)));
    put(genai_span_str, x, "genai.step",
        genai_strz(genai_step_name(c->step)));
}


static void
genai_span_answer(genai_span_ctx_t *x)
{
    size_t               n;
    const char          *p, *end, *sep;
    genai_str_t          reason, list[GENAI_SPAN_LIST];
    const genai_call_t  *c = x->c;

    reason = genai_strz(genai_finish_name(c->finish));

    if (c->finish == GENAI_FINISH_OTHER && c->stop_reason.len != 0) {
        reason = c->stop_reason;

    } else if (c->finish == GENAI_FINISH_NONE && c->error
               && (c->operation == GENAI_OP_CHAT
                   || c->operation == GENAI_OP_TEXT_COMPLETION))
    {
        reason = genai_strz("error");
    }

    put(genai_span_list, x, "gen_ai.response.finish_reasons", &reason, 1);
    put(genai_span_list, x, "genai.tools", c->tools, c->ntools);

    p = c->stop_sequences.data;
    end = p + c->stop_sequences.len;

    for (n = 0; p < end && n < GENAI_SPAN_LIST; n++) {
        sep = memchr(p, 0x1f, (size_t) (end - p));
        sep = sep ? sep : end;
        list[n] = genai_str(p, (size_t) (sep - p));
        p = sep + 1;
    }

    put(genai_span_list, x, "gen_ai.request.stop_sequences", list, n);

    if (c->reasoning) {
        put(genai_span_bool, x, "genai.reasoning", 1);
    }

    if (c->aborted) {
        put(genai_span_bool, x, "genai.aborted", 1);
    }

    if (c->drained) {
        put(genai_span_bool, x, "genai.drained", 1);
    }

    if (c->truncated) {
        put(genai_span_bool, x, "genai.truncated", 1);
    }

    if (c->from_cache) {
        put(genai_span_bool, x, "genai.from_cache", 1);
    }
}


static void
genai_span_times(genai_span_ctx_t *x)
{
    double               d;
    const genai_call_t  *c = x->c;

    if (c->streamed && c->first_event_ns > c->start_ns) {
        put(genai_span_double, x, "gen_ai.response.time_to_first_chunk",
            (double) (c->first_event_ns - c->start_ns) / 1e9);
    }

    if (c->streamed) {
        d = genai_call_ttft(c);

        if (d >= 0) {
            put(genai_span_double, x, "genai.time_to_first_token", d);
        }

        d = genai_call_tpot(c);

        if (d >= 0) {
            put(genai_span_double, x, "genai.time_per_output_token", d);
        }
    }

    if (c->first_reasoning_ns > c->start_ns) {
        put(genai_span_double, x, "genai.time_to_first_reasoning",
            (double) (c->first_reasoning_ns - c->start_ns) / 1e9);
    }

    if (c->max_gap_ns != 0) {
        put(genai_span_int, x, "genai.max_gap_ms",
            (int64_t) ((c->max_gap_ns + 500000) / 1000000));
    }
}


static void
genai_span_money(genai_span_ctx_t *x)
{
    double               usd;
    const genai_call_t  *c = x->c;

    if (!c->priced) {
        return;
    }

    usd = genai_span_usd_double(c->cost_pico);

    put(genai_span_double, x, "gen_ai.usage.cost", usd);
    put(genai_span_double, x, "genai.cost.usd", usd);
    put(genai_span_int, x, "genai.cost.pico_usd", c->cost_pico);
    put(genai_span_str, x, "genai.price.version", c->price_version);

    if (c->price_long) {
        put(genai_span_bool, x, "genai.price.long_context", 1);
    }
}


static void
genai_span_usage(genai_span_ctx_t *x)
{
    size_t               n;
    genai_str_t          list[3];
    const genai_call_t  *c = x->c;

    put(genai_span_str, x, "genai.usage.source",
        genai_strz(genai_source_name(c->usage_source)));

    if (c->usage_source != GENAI_SOURCE_NONE
        || c->operation == GENAI_OP_CHAT
        || c->operation == GENAI_OP_TEXT_COMPLETION
        || c->operation == GENAI_OP_EMBEDDINGS)
    {
        put(genai_span_bool, x, "genai.usage.complete", c->usage_complete);
    }

    put(genai_span_str, x, "genai.skip_reason",
        genai_strz(genai_skip_name(c->skip)));
    put(genai_span_str, x, "genai.keep",
        genai_strz(genai_keep_name(c->keep)));

    if (c->disagreement == 0) {
        return;
    }

    n = 0;

    if (c->disagreement & GENAI_DISAGREE_BODY_FRAME) {
        list[n++] = genai_strz("body_frame");
    }

    if (c->disagreement & GENAI_DISAGREE_BODY_HEADER) {
        list[n++] = genai_strz("body_header");
    }

    if (c->disagreement & GENAI_DISAGREE_FRAME_HEADER) {
        list[n++] = genai_strz("frame_header");
    }

    put(genai_span_list, x, "genai.usage.disagreement", list, n);
}


static void
genai_span_rag(genai_span_ctx_t *x)
{
    int64_t              chars;
    const genai_call_t  *c = x->c;

    if (x->where == FOR_RETRIEVAL) {
        if (c->score_count != 0) {
            put(genai_span_double, x, "rag.avg_similarity_score",
                c->score_sum / c->score_count);
        }

        put(genai_span_list, x, "rag.top_documents", c->docs, c->ndocs);
        put(genai_span_str, x, "rag.retrieval_method",
            genai_strz(genai_call_method(c)));
        return;
    }

    if (x->where != FOR_MODEL) {
        return;
    }

    /* the prompt as the model reads it: system text and messages */

    chars = (c->prompt_chars > 0 ? c->prompt_chars : 0)
            + (c->system_chars > 0 ? c->system_chars : 0);

    if (c->prompt_chars >= 0 || c->system_chars >= 0) {
        put(genai_span_int, x, "rag.prompt_length_chars", chars);
        put(genai_span_int, x, "rag.estimated_input_tokens", (chars + 3) / 4);
    }

    if (c->context_exceeded) {
        put(genai_span_bool, x, "rag.context_window_exceeded", 1);
    }
}


static void
genai_span_peer(genai_span_ctx_t *x)
{
    unsigned     port;
    genai_str_t  host;

    port = genai_span_host_port(x->c->upstream, &host);

    put(genai_span_str, x, "network.peer.address", host);

    if (port != 0) {
        put(genai_span_int, x, "network.peer.port", port);
    }

    if (x->c->upstream_tries > 1) {
        put(genai_span_int, x, "genai.upstream_tries", x->c->upstream_tries);
    }
}


static void
genai_span_failure(genai_span_ctx_t *x)
{
    const genai_call_t  *c = x->c;

    if (!c->error) {
        return;
    }

    if (genai_span_failed(c)) {
        put(genai_span_str, x, "error.type",
            c->error_type.len ? c->error_type : genai_strz("_OTHER"));
    }

    put(genai_span_str, x, "genai.error.origin",
        genai_strz(genai_origin_name(c->error_origin)));
}


static void
genai_span_scores(genai_span_ctx_t *x)
{
    char                 key[96];
    unsigned             i, k;
    genai_str_t          name, prefix = genai_string("genai.score.");
    const genai_call_t  *c = x->c;

    for (i = 0; i < c->nscores && i < GENAI_CALL_SCORES; i++) {
        name = genai_span_cut(c->scores[i].name, 64);
        name = genai_span_utf8(name, NULL, 0);

        for (k = i + 1; k < c->nscores && k < GENAI_CALL_SCORES; k++) {
            if (genai_str_eq(name, genai_span_cut(c->scores[k].name, 64))) {
                break;
            }
        }

        if (name.len == 0 || k < c->nscores) {
            continue;
        }

        memcpy(key, prefix.data, prefix.len);
        memcpy(key + prefix.len, name.data, name.len);
        genai_span_double(x, genai_str(key, prefix.len + name.len),
                          c->scores[i].value);
    }
}


/*
 * The operator's; of two with one key the later counts.  A key that would
 * need a repair could become another's: it is left out.
 */

void
genai_span_own(genai_span_ctx_t *x)
{
    size_t               i, k;
    const genai_attr_t  *attrs = x->c->attrs;

    for (i = 0; i < x->c->nattrs; i++) {
        if (attrs[i].value.len == 0
            || genai_span_utf8(attrs[i].key, NULL, 0).len == 0)
        {
            continue;
        }

        for (k = i + 1; k < x->c->nattrs; k++) {
            if (attrs[k].value.len != 0
                && genai_str_eq(attrs[i].key, attrs[k].key))
            {
                break;
            }
        }

        if (k == x->c->nattrs) {
            genai_span_own_typed(x, &attrs[i]);
        }
    }
}


static void
genai_span_own_typed(genai_span_ctx_t *x, const genai_attr_t *a)
{
    char               buf[64], *end;
    genai_span_attr_t  v;

    memset(&v, 0, sizeof(v));

    v.key = a->key;
    v.type = GENAI_ATTR_STRING;
    v.s = a->value;

    if (a->type == 'b') {
        v.i = genai_str_is(a->value, "true");

        if (v.i || genai_str_is(a->value, "false")) {
            v.type = GENAI_ATTR_BOOL;
        }

    } else if ((a->type == 'i' || a->type == 'd')
               && a->value.len < sizeof(buf))
    {
        memcpy(buf, a->value.data, a->value.len);
        buf[a->value.len] = '\0';

        if (a->type == 'i') {
            v.i = strtoll(buf, &end, 10);
            v.type = GENAI_ATTR_INT;

        } else {
            v.d = strtod(buf, &end);
            v.type = GENAI_ATTR_DOUBLE;
        }

        if (*end != '\0' || end == buf) {
            v.type = GENAI_ATTR_STRING;
        }
    }

    if (v.type == GENAI_ATTR_STRING) {
        v.s = genai_span_utf8(v.s, x->repair, sizeof(x->repair));
    }

    if (v.type == GENAI_ATTR_DOUBLE && !isfinite(v.d)) {
        return;
    }

    genai_span_emit(x, &v);
}


void
genai_span_emit(genai_span_ctx_t *x, genai_span_attr_t *v)
{
    if (x->rc == GENAI_OK && x->n < GENAI_SPAN_ATTRS_MAX) {
        x->n++;
        x->rc = x->visit(x->data, v);
    }
}


/* whether the operator gave this key a value */

static int
genai_span_taken(const genai_span_ctx_t *x, genai_str_t key)
{
    size_t               i;
    const genai_attr_t  *a = x->c->attrs;

    for (i = 0; i < x->c->nattrs; i++) {
        if (a[i].value.len != 0 && genai_str_eq(a[i].key, key)) {
            return 1;
        }
    }

    return 0;
}


void
genai_span_str(genai_span_ctx_t *x, genai_str_t key, genai_str_t value)
{
    genai_span_attr_t  v;

    if (value.len == 0 || genai_span_taken(x, key)) {
        return;
    }

    v.key = key;
    v.type = GENAI_ATTR_STRING;
    v.s = genai_span_utf8(value, x->repair, sizeof(x->repair));

    genai_span_emit(x, &v);
}


void
genai_span_int(genai_span_ctx_t *x, genai_str_t key, int64_t i)
{
    genai_span_attr_t  v;

    if (!genai_span_taken(x, key)) {
        v.key = key;
        v.type = GENAI_ATTR_INT;
        v.i = i;

        genai_span_emit(x, &v);
    }
}


void
genai_span_double(genai_span_ctx_t *x, genai_str_t key, double d)
{
    genai_span_attr_t  v;

    if (isfinite(d) && !genai_span_taken(x, key)) {
        v.key = key;
        v.type = GENAI_ATTR_DOUBLE;
        v.d = d;

        genai_span_emit(x, &v);
    }
}


void
genai_span_bool(genai_span_ctx_t *x, genai_str_t key, int b)
{
    genai_span_attr_t  v;

    if (!genai_span_taken(x, key)) {
        v.key = key;
        v.type = GENAI_ATTR_BOOL;
        v.i = (b != 0);

        genai_span_emit(x, &v);
    }
}


/* empty values are left out, an empty list is absent */

void
genai_span_list(genai_span_ctx_t *x, genai_str_t key,
    const genai_str_t *list, size_t n)
{
    char              *p;
    size_t             i, room;
    genai_str_t        valid[GENAI_SPAN_LIST];
    genai_span_attr_t  v;

    p = x->repair;
    room = sizeof(x->repair);

    v.key = key;
    v.type = GENAI_ATTR_STRINGS;
    v.list = valid;
    v.nlist = 0;

    for (i = 0; i < n && v.nlist < GENAI_SPAN_LIST; i++) {
        if (list[i].len == 0) {
            continue;
        }

        valid[v.nlist] = genai_span_utf8(list[i], p, room);

        if (valid[v.nlist].data == p) {
            p += valid[v.nlist].len;
            room -= valid[v.nlist].len;
        }

        v.nlist += (valid[v.nlist].len != 0);
    }

    if (v.nlist != 0 && !genai_span_taken(x, key)) {
        genai_span_emit(x, &v);
    }
}
