/*
 * Names, units and help of every family, and where its values are.  The
 * conventions' names and attributes: OpenTelemetry GenAI conventions 0.1.0;
 * the old ones: 1.36 to 1.41.
 */

#include "genai_metrics_families.h"


static const char *const  v_status[] = {
    "2xx", "3xx", "4xx", "5xx", "aborted", "other"
};

static const char *const  v_tokens[] = {
    "input", "output", "cache_read", "cache_write", "reasoning"
};

static const char *const  v_source[] = {
    "body", "frame", "header", "estimate", "partial", "cache"
};

static const char *const  v_pair[] = {
    "body_frame", "body_header", "frame_header"
};

static const char *const  v_full[] = {
    "series", "counters", "histograms", "names"
};

static const char *const  v_unknown[] = { "unknown" };


#define COUNTER  GENAI_METRIC_COUNTER
#define HIST     GENAI_METRIC_HISTOGRAM
#define OWN      GENAI_METRICS_OWN
#define NEW      GENAI_METRICS_NEW
#define OLD      GENAI_METRICS_OLD

#define NO_LABELS  { { NULL, NULL } }, NULL
#define MODALITY                                                             \
    { { "gen_ai_token_modality", "gen_ai.token.modality" } }


const genai_metrics_family_t  genai_metrics_families[] = {
    { { "genai_requests", "genai.requests", "{request}",
        "Calls finished, by class of HTTP status; aborted: the client left.",
        COUNTER }, OWN,
      GENAI_SRC_COLUMNS, GENAI_COL_2XX, 6, GENAI_OPS_ANY, 0,
      { { "status", "genai.status_class" } }, v_status },

    { { "genai_tokens", "genai.tokens", "{token}",
        "Tokens used. Input includes both cache types, output includes "
        "reasoning.",
        COUNTER }, OWN,
      GENAI_SRC_COLUMNS, GENAI_COL_INPUT, 5, GENAI_OPS_ANY, 0,
      { { "type", "gen_ai.token.type" } }, v_tokens },

    { { "genai_cost_usd", "genai.cost.usd", "{USD}",
        "Cost of priced calls in US dollars, exact.",
        COUNTER }, OWN,
      GENAI_SRC_COST, GENAI_COL_COST, 1, GENAI_OPS_ANY, 0,
      NO_LABELS },

    { { "genai_errors", "genai.errors", "{error}",
        "Failed calls by type of error and where it arose.",
        COUNTER }, OWN,
      GENAI_SRC_COUNTER, GENAI_COUNTER_ERRORS, 1, GENAI_OPS_ANY, 0,
      { { "type", "error.type" }, { "origin", "genai.error.origin" } }, NULL },

    { { "genai_stop_reasons", "genai.stop_reasons", "{call}",
        "Why models stopped, in the provider's words.",
        COUNTER }, OWN,
      GENAI_SRC_COUNTER, GENAI_COUNTER_STOP_REASONS, 1, GENAI_OPS_ANY, 0,
      { { "reason", "genai.stop_reason" } }, NULL },

    { { "genai_tools", "genai.tools", "{call}",
        "Tool calls that models asked for.",
        COUNTER }, OWN,
      GENAI_SRC_COUNTER, GENAI_COUNTER_TOOLS, 1, GENAI_OPS_ANY, 0,
      { { "tool", "gen_ai.tool.name" }, { "status", "genai.tool.status" } },
      NULL },

    { { "genai_memory_operations", "genai.memory_operations", "{operation}",
        "Operations on an agent's memory.",
        COUNTER }, OWN,
      GENAI_SRC_COUNTER, GENAI_COUNTER_MEMORY_OPERATIONS, 1, GENAI_OPS_ANY, 0,
      { { "memory_operation", "genai.memory.operation" },
        { "status", "genai.memory.status" } }, NULL },

    { { "genai_agent_steps", "genai.agent_steps", "{step}",
        "Steps that agents took.",
        COUNTER }, OWN,
      GENAI_SRC_COUNTER, GENAI_COUNTER_AGENT_STEPS, 1, GENAI_OPS_ANY, 0,
      { { "type", "genai.agent.step" } }, NULL },

    { { "genai_gateway_auth_failures", "genai.gateway_auth_failures",
        "{call}", "Calls refused for their credentials by a tool gateway.",
        COUNTER }, OWN,
      GENAI_SRC_COUNTER, GENAI_COUNTER_AUTH_FAILURES, 1, GENAI_OPS_ANY, 0,
      NO_LABELS },

    { { "genai_sessions", "genai.sessions", "{session}",
        "Sessions ended, by how.",
        COUNTER }, OWN,
      GENAI_SRC_COUNTER, GENAI_COUNTER_SESSIONS, 1, GENAI_OPS_ANY, 0,
      { { "end", "genai.session.end" } }, NULL },

    { { "genai_unpriced", "genai.unpriced", "{call}",
        "Calls whose model has no price: their cost is unknown, not zero.",
        COUNTER }, OWN,
      GENAI_SRC_COLUMNS, GENAI_COL_UNPRICED, 1, GENAI_OPS_ANY, 0,
      NO_LABELS },

    { { "genai_usage_source", "genai.usage_source", "{call}",
        "Calls by where their token counts came from.",
        COUNTER }, OWN,
      GENAI_SRC_COLUMNS, GENAI_COL_SOURCE, 6, GENAI_OPS_ANY, 0,
      { { "source", "genai.usage.source" } }, v_source },

    { { "genai_usage_disagreement", "genai.usage_disagreement", "{call}",
        "Calls in which two sources of token counts disagree.",
        COUNTER }, OWN,
      GENAI_SRC_COLUMNS, GENAI_COL_DISAGREE, 3, GENAI_OPS_ANY, 0,
      { { "pair", "genai.usage.disagreement" } }, v_pair },

    { { "genai_skipped", "genai.skipped", "{call}",
        "Calls without a span or without a cost, by why.",
        COUNTER }, OWN,
      GENAI_SRC_COUNTER, GENAI_COUNTER_SKIPPED, 1, GENAI_OPS_ANY, 0,
      { { "reason", "genai.skip_reason" } }, NULL },

    { { "genai_sdk_retries", "genai.sdk_retries", "{call}",
        "Calls that were a further attempt of an SDK.",
        COUNTER }, OWN,
      GENAI_SRC_COLUMNS, GENAI_COL_RETRIES, 1, GENAI_OPS_ANY, 0,
      NO_LABELS },

    { { "genai_series_overflow", "genai.series_overflow", "{event}",
        "Events that went to an _other row, or lost a histogram, because a "
        "table of genai_zone is full.",
        COUNTER }, OWN,
      GENAI_SRC_FULL, 0, GENAI_FULL_N, GENAI_OPS_ANY, 0,
      { { "table", "genai.table" } }, v_full },

    { { "genai_module_seconds", "genai.module.seconds", "s",
        "CPU time of the module in the workers, estimated from one call in "
        "64.",
        COUNTER }, OWN,
      GENAI_SRC_OWN, 0, 1, GENAI_OPS_ANY, 0,
      NO_LABELS },

    { { "genai_duration_seconds", "genai.duration", "s",
        "Duration of calls, from the request to the last byte.",
        HIST }, OWN,
      GENAI_SRC_HIST, GENAI_HIST_DURATION, 1, GENAI_OPS_ANY, GENAI_SPLIT_STEP,
      { { "step", "genai.step" } }, NULL },

    { { "genai_time_to_first_token_seconds", "genai.time_to_first_token",
        "s", "From the request to the first visible token.",
        HIST }, OWN,
      GENAI_SRC_HIST, GENAI_HIST_TTFT, 1, GENAI_OPS_ANY, 0,
      NO_LABELS },

    { { "genai_time_per_output_token_seconds", "genai.time_per_output_token",
        "s", "Time per output token after the first, one value a call.",
        HIST }, OWN,
      GENAI_SRC_HIST, GENAI_HIST_TPOT, 1, GENAI_OPS_ANY, 0,
      NO_LABELS },

    { { "genai_stream_max_gap_seconds", "genai.stream_max_gap", "s",
        "The longest pause between two events of a stream.",
        HIST }, OWN,
      GENAI_SRC_HIST, GENAI_HIST_GAP, 1, GENAI_OPS_ANY, 0,
      NO_LABELS },

    { { "genai_request_cost_usd", "genai.request.cost.usd", "{USD}",
        "Cost of a call in US dollars.",
        HIST }, OWN,
      GENAI_SRC_HIST, GENAI_HIST_COST, 1, GENAI_OPS_ANY, 0,
      NO_LABELS },

    { { "genai_retrieval_score", "genai.retrieval.score", "{score}",
        "Mean score of the documents of a retrieval or reranking.",
        HIST }, OWN,
      GENAI_SRC_HIST, GENAI_HIST_RETRIEVAL_SCORE, 1, GENAI_OPS_ANY, 0,
      NO_LABELS },

    { { "genai_retrieval_documents", "genai.retrieval.documents",
        "{document}", "Documents of a retrieval or reranking.",
        HIST }, OWN,
      GENAI_SRC_HIST, GENAI_HIST_RETRIEVAL_DOCS, 1, GENAI_OPS_ANY, 0,
      NO_LABELS },

    { { "genai_score", "genai.score", "{score}",
        "Quality scores and feedback, by name.",
        HIST }, OWN,
      GENAI_SRC_HIST, GENAI_HIST_SCORE, 1, GENAI_OPS_ANY,
      GENAI_SPLIT_NAME,
      { { "name", "genai.score.name" } }, NULL },

    /* the conventions, 0.1.0 */

    { { "gen_ai_client_inference_duration_seconds",
        "gen_ai.client.inference.duration", "s",
        "Duration of inference calls.",
        HIST }, NEW,
      GENAI_SRC_HIST, GENAI_HIST_DURATION, 1, GENAI_OPS_INFERENCE,
      GENAI_SPLIT_NAME,
      { { "error_type", "error.type" } }, NULL },

    { { "gen_ai_client_embeddings_duration_seconds",
        "gen_ai.client.embeddings.duration", "s",
        "Duration of embeddings calls.",
        HIST }, NEW,
      GENAI_SRC_HIST, GENAI_HIST_DURATION, 1, GENAI_OPS_EMBEDDINGS,
      GENAI_SPLIT_NAME,
      { { "error_type", "error.type" } }, NULL },

    { { "gen_ai_client_inference_time_to_first_chunk_seconds",
        "gen_ai.client.inference.time_to_first_chunk", "s",
        "From the request to the first event of a stream.",
        HIST }, NEW,
      GENAI_SRC_HIST, GENAI_HIST_TTFC, 1, GENAI_OPS_INFERENCE, 0,
      NO_LABELS },

    { { "gen_ai_client_inference_operation_input_tokens",
        "gen_ai.client.inference.operation.input_tokens", "{token}",
        "Input tokens of a call, cached ones included.",
        HIST }, NEW,
      GENAI_SRC_HIST, GENAI_HIST_INPUT, 1, GENAI_OPS_INFERENCE, 0,
      NO_LABELS },

    { { "gen_ai_client_inference_operation_output_tokens",
        "gen_ai.client.inference.operation.output_tokens", "{token}",
        "Output tokens of a call, reasoning included.",
        HIST }, NEW,
      GENAI_SRC_HIST, GENAI_HIST_OUTPUT, 1, GENAI_OPS_INFERENCE, 0,
      NO_LABELS },

    { { "gen_ai_client_embeddings_operation_input_tokens",
        "gen_ai.client.embeddings.operation.input_tokens", "{token}",
        "Input tokens of an embeddings call.",
        HIST }, NEW,
      GENAI_SRC_HIST, GENAI_HIST_INPUT, 1, GENAI_OPS_EMBEDDINGS, 0,
      NO_LABELS },

    { { "gen_ai_client_inference_usage_input_tokens",
        "gen_ai.client.inference.usage.input_tokens", "{token}",
        "Input tokens used, cached ones included.",
        COUNTER }, NEW,
      GENAI_SRC_COLUMNS, GENAI_COL_INPUT, 1, GENAI_OPS_INFERENCE, 0,
      MODALITY, v_unknown },

    { { "gen_ai_client_inference_usage_output_tokens",
        "gen_ai.client.inference.usage.output_tokens", "{token}",
        "Output tokens used, reasoning included.",
        COUNTER }, NEW,
      GENAI_SRC_COLUMNS, GENAI_COL_OUTPUT, 1, GENAI_OPS_INFERENCE, 0,
      MODALITY, v_unknown },

    { { "gen_ai_client_inference_usage_cache_read_input_tokens",
        "gen_ai.client.inference.usage.cache_read.input_tokens", "{token}",
        "Input tokens read from the provider's cache.",
        COUNTER }, NEW,
      GENAI_SRC_COLUMNS, GENAI_COL_CACHE_READ, 1, GENAI_OPS_INFERENCE, 0,
      MODALITY, v_unknown },

    { { "gen_ai_client_inference_usage_cache_write_input_tokens",
        "gen_ai.client.inference.usage.cache_write.input_tokens", "{token}",
        "Input tokens written to the provider's cache.",
        COUNTER }, NEW,
      GENAI_SRC_COLUMNS, GENAI_COL_CACHE_WRITE, 1, GENAI_OPS_INFERENCE, 0,
      MODALITY, v_unknown },

    { { "gen_ai_client_inference_usage_reasoning_output_tokens",
        "gen_ai.client.inference.usage.reasoning.output_tokens", "{token}",
        "Output tokens spent on reasoning.",
        COUNTER }, NEW,
      GENAI_SRC_COLUMNS, GENAI_COL_REASONING, 1, GENAI_OPS_INFERENCE, 0,
      MODALITY, v_unknown },

    /* the conventions, 1.36 to 1.41 */

    { { "gen_ai_client_operation_duration_seconds",
        "gen_ai.client.operation.duration", "s",
        "Duration of calls of a provider.",
        HIST }, OLD,
      GENAI_SRC_HIST, GENAI_HIST_DURATION, 1, GENAI_OPS_CLIENT,
      GENAI_SPLIT_NAME,
      { { "error_type", "error.type" } }, NULL },

    { { "gen_ai_client_token_usage", "gen_ai.client.token.usage", "{token}",
        "Tokens of a call.",
        HIST }, OLD,
      GENAI_SRC_HIST, GENAI_HIST_INPUT, 2, GENAI_OPS_CLIENT, 0,
      { { "gen_ai_token_type", "gen_ai.token.type" } }, v_tokens },

    { { "gen_ai_client_operation_time_to_first_chunk_seconds",
        "gen_ai.client.operation.time_to_first_chunk", "s",
        "From the request to the first event of a stream.",
        HIST }, OLD,
      GENAI_SRC_HIST, GENAI_HIST_TTFC, 1, GENAI_OPS_CLIENT, 0,
      NO_LABELS }
};


const size_t  genai_metrics_nfamilies = genai_nelts(genai_metrics_families);
