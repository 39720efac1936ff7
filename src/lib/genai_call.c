/*
 * The facts of one call: start values, kept strings, names.
 */

#include <math.h>

#include "genai_call.h"


typedef struct {
    const char  *reason;
    uint8_t      finish;
} genai_finish_row_t;


static const char *const  genai_api_names[GENAI_API_N] = {
    [GENAI_API_NONE] = "",
    [GENAI_API_APP] = "app",
    [GENAI_API_HTTP] = "http",
    [GENAI_API_BEDROCK] = "bedrock",
    [GENAI_API_BEDROCK_AGENT] = "bedrock_agent",
    [GENAI_API_AGENTCORE] = "agentcore",
    [GENAI_API_OPENSEARCH] = "opensearch",
    [GENAI_API_VECTORDB] = "vectordb",
    [GENAI_API_ANTHROPIC] = "anthropic",
    [GENAI_API_OPENAI] = "openai",
    [GENAI_API_GEMINI] = "gemini",
    [GENAI_API_COHERE] = "cohere",
    [GENAI_API_OLLAMA] = "ollama",
    [GENAI_API_AUTO] = "auto"
};


static const char *const  genai_operation_names[GENAI_OP_N] = {
    [GENAI_OP_NONE] = "",
    [GENAI_OP_CHAT] = "chat",
    [GENAI_OP_TEXT_COMPLETION] = "text_completion",
    [GENAI_OP_EMBEDDINGS] = "embeddings",
    [GENAI_OP_RERANK] = "rerank",
    [GENAI_OP_RETRIEVAL] = "retrieval",
    [GENAI_OP_IMAGE] = "image",
    [GENAI_OP_COUNT_TOKENS] = "count_tokens",
    [GENAI_OP_APPLY_GUARDRAIL] = "apply_guardrail",
    [GENAI_OP_ASYNC_INVOKE] = "async_invoke",
    [GENAI_OP_INVOKE_AGENT] = "invoke_agent",
    [GENAI_OP_RAG_QUERY] = "rag_query",
    [GENAI_OP_HTTP] = "http"
};


static const char *const  genai_step_names[GENAI_STEP_N] = {
    [GENAI_STEP_NONE] = "",
    [GENAI_STEP_RAG_QUERY] = "rag_query",
    [GENAI_STEP_EMBEDDINGS] = "generate_embeddings",
    [GENAI_STEP_VECTOR_SEARCH] = "vector_search",
    [GENAI_STEP_RERANK] = "rerank_documents",
    [GENAI_STEP_PROMPT] = "prompt_construction",
    [GENAI_STEP_GENERATION] = "llm_generation"
};


static const char *const  genai_source_names[GENAI_SOURCE_N] = {
    [GENAI_SOURCE_NONE] = "",
    [GENAI_SOURCE_BODY] = "body",
    [GENAI_SOURCE_FRAME] = "frame",
    [GENAI_SOURCE_HEADER] = "header",
    [GENAI_SOURCE_ESTIMATE] = "estimate",
    [GENAI_SOURCE_PARTIAL] = "partial",
    [GENAI_SOURCE_CACHE] = "cache"
};


static const char *const  genai_origin_names[GENAI_ORIGIN_N] = {
    [GENAI_ORIGIN_NONE] = "",
    [GENAI_ORIGIN_CLIENT] = "client",
    [GENAI_ORIGIN_GATEWAY] = "gateway",
    [GENAI_ORIGIN_UPSTREAM] = "upstream"
};


/* the spelling of the conventions' enumeration: tool_call, not tool_calls */

static const char *const  genai_finish_names[GENAI_FINISH_N] = {
    [GENAI_FINISH_NONE] = "",
    [GENAI_FINISH_STOP] = "stop",
    [GENAI_FINISH_LENGTH] = "length",
    [GENAI_FINISH_TOOL_CALL] = "tool_call",
    [GENAI_FINISH_CONTENT_FILTER] = "content_filter",
    [GENAI_FINISH_ERROR] = "error",
    [GENAI_FINISH_OTHER] = "other"
};


static const char *const  genai_skip_names[GENAI_SKIP_N] = {
    [GENAI_SKIP_NONE] = "",
    [GENAI_SKIP_OFF] = "off",
    [GENAI_SKIP_UNKNOWN_PATH] = "unknown_path",
    [GENAI_SKIP_UNSAMPLED] = "unsampled",
    [GENAI_SKIP_ENCODED] = "encoded",
    [GENAI_SKIP_CONTENT_TYPE] = "content_type",
    [GENAI_SKIP_NO_USAGE] = "no_usage",
    [GENAI_SKIP_UNPRICED] = "unpriced",
    [GENAI_SKIP_NOT_BILLED] = "not_billed",
    [GENAI_SKIP_TRUNCATED] = "truncated",
    [GENAI_SKIP_BAD_BODY] = "bad_body"
};


static const char *const  genai_keep_names[GENAI_KEEP_N] = {
    [GENAI_KEEP_NONE] = "",
    [GENAI_KEEP_ERROR] = "error",
    [GENAI_KEEP_SLOW] = "slow",
    [GENAI_KEEP_COST] = "cost"
};


static const char *const  genai_budget_status_names[GENAI_BUDGET_STATUS_N] = {
    [GENAI_BUDGET_NONE] = "",
    [GENAI_BUDGET_PASSED] = "PASSED",
    [GENAI_BUDGET_REJECTED] = "REJECTED",
    [GENAI_BUDGET_REJECTED_DRY_RUN] = "REJECTED_DRY_RUN"
};


/* every provider's words, without regard to case */

static const genai_finish_row_t  genai_finish_rows[] = {
    { "end_turn", GENAI_FINISH_STOP },
    { "stop", GENAI_FINISH_STOP },
    { "stop_sequence", GENAI_FINISH_STOP },
    { "stop_criteria_met", GENAI_FINISH_STOP },
    { "finish", GENAI_FINISH_STOP },
    { "complete", GENAI_FINISH_STOP },
    { "completed", GENAI_FINISH_STOP },
    { "endoftext", GENAI_FINISH_STOP },
    { "eos_token", GENAI_FINISH_STOP },
    { "eos", GENAI_FINISH_STOP },
    { "max_tokens", GENAI_FINISH_LENGTH },
    { "max_output_tokens", GENAI_FINISH_LENGTH },
    { "length", GENAI_FINISH_LENGTH },
    { "error_limit", GENAI_FINISH_LENGTH },
    { "model_length", GENAI_FINISH_LENGTH },
    { "model_context_window_exceeded", GENAI_FINISH_LENGTH },
    { "tool_use", GENAI_FINISH_TOOL_CALL },
    { "tool_call", GENAI_FINISH_TOOL_CALL },
    { "tool_calls", GENAI_FINISH_TOOL_CALL },
    { "function_call", GENAI_FINISH_TOOL_CALL },
    { "guardrail_intervened", GENAI_FINISH_CONTENT_FILTER },
    { "content_filtered", GENAI_FINISH_CONTENT_FILTER },
    { "content_filter", GENAI_FINISH_CONTENT_FILTER },
    { "refusal", GENAI_FINISH_CONTENT_FILTER },
    { "safety", GENAI_FINISH_CONTENT_FILTER },
    { "recitation", GENAI_FINISH_CONTENT_FILTER },
    { "blocklist", GENAI_FINISH_CONTENT_FILTER },
    { "prohibited_content", GENAI_FINISH_CONTENT_FILTER },
    { "spii", GENAI_FINISH_CONTENT_FILTER },
    { "image_safety", GENAI_FINISH_CONTENT_FILTER },
    { "intervened", GENAI_FINISH_CONTENT_FILTER },
    { "error_toxic", GENAI_FINISH_CONTENT_FILTER },
    { "malformed_model_output", GENAI_FINISH_ERROR },
    { "malformed_tool_use", GENAI_FINISH_ERROR },
    { "malformed_function_call", GENAI_FINISH_ERROR },
    { "unexpected_tool_call", GENAI_FINISH_ERROR },
    { "timeout", GENAI_FINISH_ERROR },
    { "error", GENAI_FINISH_ERROR },
    { "failed", GENAI_FINISH_ERROR }
};


static size_t genai_utf8_cut(genai_str_t s, size_t max);


void
genai_call_init(genai_call_t *c, char *arena, size_t size)
{
    int             i;
    genai_usage_t  *u;

    memset(c, 0, sizeof(genai_call_t));

    for (i = 0; i < GENAI_USAGE_N; i++) {
        u = &c->usage[i];

        u->input = -1;
        u->output = -1;
        u->cache_read = -1;
        u->cache_write = -1;
        u->cache_write_1h = -1;
        u->reasoning = -1;
        u->total = -1;
    }

    c->input_tokens = -1;
    c->output_tokens = -1;
    c->cache_read_tokens = -1;
    c->cache_write_tokens = -1;
    c->cache_write_1h_tokens = -1;
    c->reasoning_tokens = -1;
    c->total_tokens = -1;
    c->cost_pico = -1;
    c->budget_reserved = -1;
    c->server_latency_ms = -1;
    c->images = -1;
    c->guardrail_units = -1;
    c->search_units = -1;

    c->max_tokens = -1;
    c->choices = -1;
    c->thinking = -1;
    c->top_k = -1;
    c->temperature = NAN;
    c->top_p = NAN;
    c->prompt_chars = -1;
    c->system_chars = -1;

    c->output_chars = -1;
    c->embedding_dimension = -1;
    c->documents = -1;
    c->top_k_requested = -1;
    c->score_top = NAN;

    c->arena = arena;
    c->arena_size = (size > UINT16_MAX) ? UINT16_MAX : (uint16_t) size;
}


genai_str_t
genai_call_keep(genai_call_t *c, genai_str_t s, int cut)
{
    char    *p;
    size_t   room;

    room = (size_t) (c->arena_size - c->arena_used);

    if (s.len > room) {

        if (!cut) {
            return genai_str(NULL, 0);
        }

        s.len = genai_utf8_cut(s, room);
    }

    if (s.len == 0) {
        return genai_str(NULL, 0);
    }

    p = c->arena + c->arena_used;
    memcpy(p, s.data, s.len);
    c->arena_used += (uint16_t) s.len;

    return genai_str(p, s.len);
}


/* the longest prefix of s of at most max bytes that splits no character */

static size_t
genai_utf8_cut(genai_str_t s, size_t max)
{
    if (s.len <= max) {
        return s.len;
    }

    while (max > 0 && ((unsigned char) s.data[max] & 0xc0) == 0x80) {
        max--;
    }

    return max;
}


void
genai_call_error(genai_call_t *c, genai_str_t type, unsigned origin)
{
    if (c->error && c->error_type.len) {
        return;
    }

    c->error = 1;
    c->error_type = type;
    c->error_origin = (uint8_t) origin;
}


#define genai_name(names, i)  ((i) < genai_nelts(names) ? (names)[i] : "")


const char *
genai_api_name(unsigned api)
{
    return genai_name(genai_api_names, api);
}


const char *
genai_operation_name(unsigned op)
{
    return genai_name(genai_operation_names, op);
}


const char *
genai_step_name(unsigned step)
{
    return genai_name(genai_step_names, step);
}


const char *
genai_source_name(unsigned source)
{
    return genai_name(genai_source_names, source);
}


const char *
genai_origin_name(unsigned origin)
{
    return genai_name(genai_origin_names, origin);
}


const char *
genai_finish_name(unsigned finish)
{
    return genai_name(genai_finish_names, finish);
}


const char *
genai_call_method(const genai_call_t *c)
{
    if (c->by_vector) {
        return c->by_words ? "hybrid" : "vector";
    }

    return c->by_words ? "keyword" : "";
}


const char *
genai_skip_name(unsigned skip)
{
    return genai_name(genai_skip_names, skip);
}


const char *
genai_keep_name(unsigned keep)
{
    return genai_name(genai_keep_names, keep);
}


const char *
genai_budget_status_name(unsigned status)
{
    return genai_name(genai_budget_status_names, status);
}


unsigned
genai_finish_map(genai_str_t reason)
{
    size_t       i, n;
    const char  *z;

    if (reason.len == 0) {
        return GENAI_FINISH_NONE;
    }

    for (i = 0; i < genai_nelts(genai_finish_rows); i++) {
        z = genai_finish_rows[i].reason;

        for (n = 0; n < reason.len && z[n]; n++) {
            if ((reason.data[n] | 0x20) != (z[n] | 0x20)) {
                break;
            }
        }

        if (n == reason.len && z[n] == '\0') {
            return genai_finish_rows[i].finish;
        }
    }

    return GENAI_FINISH_OTHER;
}


int
genai_tier_is_standard(genai_str_t tier)
{
    return tier.len == 0 || genai_str_is(tier, "default")
           || genai_str_is(tier, "standard")
           || genai_str_is(tier, "standard_only")
           || genai_str_is(tier, "flex") || genai_str_is(tier, "batch");
}


double
genai_call_ttft(const genai_call_t *c)
{
    if (c->first_token_ns == 0 || c->first_token_ns < c->start_ns) {
        return -1;
    }

    return (double) (c->first_token_ns - c->start_ns) / GENAI_NS_PER_SEC;
}


double
genai_call_tpot(const genai_call_t *c)
{
    if (c->first_token_ns == 0 || c->output_tokens < 2
        || c->last_event_ns < c->first_token_ns)
    {
        return -1;
    }

    return (double) (c->last_event_ns - c->first_token_ns) / GENAI_NS_PER_SEC
           / (double) (c->output_tokens - 1);
}
