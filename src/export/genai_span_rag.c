/*
 * genai_span_profile rag: the plain keys that instrumented RAG pipelines
 * write, beside the conventions', so that what reads those reads these.
 *
 * One span stands for a step, so a key has one meaning: input_tokens are the
 * model's own count, the estimate made of the prompt stays in
 * rag.estimated_input_tokens.
 */

#include <math.h>
#include <stdio.h>
#include <time.h>

#include "genai_span_int.h"


static void genai_span_rag_query(genai_span_ctx_t *x);
static void genai_span_rag_search(genai_span_ctx_t *x);
static void genai_span_rag_generation(genai_span_ctx_t *x);
static void genai_span_rag_count(genai_span_ctx_t *x, genai_str_t key,
    int64_t n);
static void genai_span_rag_cost(genai_span_ctx_t *x, genai_str_t key,
    int64_t pico);
static void genai_span_rag_error(genai_span_ctx_t *x);


void
genai_span_profile(genai_span_ctx_t *x)
{
    const genai_call_t  *c = x->c;

    if (c->profile != GENAI_PROFILE_RAG) {
        return;
    }

    switch (x->where) {

    case FOR_APP:
        genai_span_rag_query(x);
        break;

    case FOR_EMBED:
        put(genai_span_str, x, "model", c->model);
        put(genai_span_rag_count, x, "embedding_dimension",
            c->embedding_dimension);
        put(genai_span_rag_cost, x, "embedding_cost_usd", c->cost_pico);
        break;

    case FOR_RETRIEVAL:
        genai_span_rag_search(x);
        break;

    case FOR_RERANK:
        put(genai_span_rag_count, x, "documents_after_rerank", c->documents);

        if (!isnan(c->score_top)) {
            put(genai_span_double, x, "top_rerank_score", c->score_top);
        }

        break;

    case FOR_MODEL:
        genai_span_rag_generation(x);
        break;

    default:
        break;
    }

    genai_span_rag_error(x);
}


static void
genai_span_rag_query(genai_span_ctx_t *x)
{
    char                 buf[40];
    size_t               n;
    time_t               sec;
    struct tm            tm;
    const genai_call_t  *c = x->c;

    put(genai_span_rag_count, x, "query_length", c->prompt_chars);
    put(genai_span_rag_count, x, "answer_length", c->output_chars);
    put(genai_span_rag_count, x, "total_tokens", c->total_tokens);
    put(genai_span_rag_cost, x, "total_cost_usd", c->cost_pico);
    put(genai_span_str, x, "user_id", c->user);

    sec = (time_t) (c->start_unix_ns / GENAI_NS_PER_SEC);

    if (gmtime_r(&sec, &tm) != NULL) {
        n = strftime(buf, sizeof(buf), "%Y-%m-%dT%H:%M:%SZ", &tm);
        put(genai_span_str, x, "timestamp", genai_str(buf, n));
    }
}


static void
genai_span_rag_search(genai_span_ctx_t *x)
{
    const genai_call_t  *c = x->c;

    put(genai_span_rag_count, x, "documents_retrieved", c->documents);
    put(genai_span_rag_count, x, "documents_found", c->documents);
    put(genai_span_list, x, "top_documents", c->docs, c->ndocs);
    put(genai_span_str, x, "retrieval_method",
        genai_strz(genai_call_method(c)));

    if (!isnan(c->score_top)) {
        put(genai_span_double, x, "top_score", c->score_top);
    }

    if (c->score_count) {
        put(genai_span_double, x, "avg_similarity_score",
            c->score_sum / c->score_count);
        put(genai_span_double, x, "avg_relevance",
            c->score_sum / c->score_count);
    }
}


static void
genai_span_rag_generation(genai_span_ctx_t *x)
{
    int64_t              chars;
    const genai_call_t  *c = x->c;

    put(genai_span_str, x, "model_id", c->model);
    put(genai_span_rag_count, x, "input_tokens", c->input_tokens);
    put(genai_span_rag_count, x, "output_tokens", c->output_tokens);
    put(genai_span_rag_count, x, "total_tokens", c->total_tokens);
    put(genai_span_rag_cost, x, "generation_cost_usd", c->cost_pico);
    put(genai_span_str, x, "stop_reason",
        c->stop_reason.len ? c->stop_reason : genai_strz("unknown"));

    if (c->prompt_chars >= 0 || c->system_chars >= 0) {
        chars = (c->prompt_chars > 0 ? c->prompt_chars : 0)
                + (c->system_chars > 0 ? c->system_chars : 0);
        put(genai_span_int, x, "prompt_length_chars", chars);
    }

    if (c->context_exceeded) {
        put(genai_span_bool, x, "context_window_exceeded", 1);
    }
}


static void
genai_span_rag_count(genai_span_ctx_t *x, genai_str_t key, int64_t n)
{
    if (n >= 0) {
        genai_span_int(x, key, n);
    }
}


static void
genai_span_rag_cost(genai_span_ctx_t *x, genai_str_t key, int64_t pico)
{
    if (x->c->priced) {
        genai_span_double(x, key, genai_span_usd_double(pico));
    }
}


static void
genai_span_rag_error(genai_span_ctx_t *x)
{
    const genai_call_t  *c = x->c;

    put(genai_span_str, x, "status",
        genai_strz(c->error ? "error" : "success"));

    if (!c->error) {
        return;
    }

    put(genai_span_bool, x, "error", 1);
    put(genai_span_str, x, "error_type",
        c->error_type.len ? c->error_type : genai_strz("_OTHER"));
    put(genai_span_str, x, "error_message", c->error_message);
}
