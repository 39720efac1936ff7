/*
 * The facts of one call: the one struct that everything reads and writes.
 *
 * The taps fill it on the request path, the log phase settles and serialises
 * it (genai_record), and the exporter decodes it again.  Strings are slices
 * into memory that lives as long as the call does: the request pool, the
 * call's own arena, or the record being decoded.
 *
 * Units: token counts are whole tokens, -1 when unknown; money is pico-USD
 * (10^-12 USD); every time is in nanoseconds, the clocks of one call are
 * CLOCK_MONOTONIC relative to nothing, start_unix_ns is CLOCK_REALTIME.
 */

#ifndef GENAI_CALL_H
#define GENAI_CALL_H

#include "genai_lib.h"


/* which protocol was spoken: $genai_api, attribute genai.api */

typedef enum {
    GENAI_API_NONE = 0,
    GENAI_API_APP,
    GENAI_API_HTTP,
    GENAI_API_BEDROCK,
    GENAI_API_BEDROCK_AGENT,
    GENAI_API_AGENTCORE,
    GENAI_API_OPENSEARCH,
    GENAI_API_VECTORDB,
    GENAI_API_ANTHROPIC,
    GENAI_API_OPENAI,
    GENAI_API_GEMINI,
    GENAI_API_COHERE,
    GENAI_API_OLLAMA,
    GENAI_API_AUTO,
    GENAI_API_N
} genai_api_e;


/* $genai_operation: gen_ai.operation.name, our own value where it has none */

typedef enum {
    GENAI_OP_NONE = 0,
    GENAI_OP_CHAT,
    GENAI_OP_TEXT_COMPLETION,
    GENAI_OP_EMBEDDINGS,
    GENAI_OP_RERANK,
    GENAI_OP_RETRIEVAL,
    GENAI_OP_IMAGE,
    GENAI_OP_COUNT_TOKENS,
    GENAI_OP_APPLY_GUARDRAIL,
    GENAI_OP_ASYNC_INVOKE,
    GENAI_OP_INVOKE_AGENT,
    GENAI_OP_RAG_QUERY,
    GENAI_OP_HTTP,
    GENAI_OP_N
} genai_operation_e;


/* $genai_step, attribute genai.step */

typedef enum {
    GENAI_STEP_NONE = 0,
    GENAI_STEP_RAG_QUERY,
    GENAI_STEP_EMBEDDINGS,
    GENAI_STEP_VECTOR_SEARCH,
    GENAI_STEP_RERANK,
    GENAI_STEP_PROMPT,
    GENAI_STEP_GENERATION,
    GENAI_STEP_N
} genai_step_e;


/* where a usage figure came from, in order of preference */

typedef enum {
    GENAI_SOURCE_NONE = 0,
    GENAI_SOURCE_BODY,
    GENAI_SOURCE_FRAME,
    GENAI_SOURCE_HEADER,
    GENAI_SOURCE_ESTIMATE,
    GENAI_SOURCE_PARTIAL,
    GENAI_SOURCE_CACHE,
    GENAI_SOURCE_N
} genai_source_e;


typedef enum {
    GENAI_ORIGIN_NONE = 0,
    GENAI_ORIGIN_CLIENT,
    GENAI_ORIGIN_GATEWAY,
    GENAI_ORIGIN_UPSTREAM,
    GENAI_ORIGIN_N
} genai_origin_e;


/* finish reason in the conventions' words (gen_ai.response.finish_reasons) */

typedef enum {
    GENAI_FINISH_NONE = 0,
    GENAI_FINISH_STOP,
    GENAI_FINISH_LENGTH,
    GENAI_FINISH_TOOL_CALL,
    GENAI_FINISH_CONTENT_FILTER,
    GENAI_FINISH_ERROR,
    GENAI_FINISH_OTHER,            /* stop_reason goes on as it was sent */
    GENAI_FINISH_N
} genai_finish_e;


/* why there is no span or no cost: $genai_skip_reason */

typedef enum {
    GENAI_SKIP_NONE = 0,
    GENAI_SKIP_OFF,                /* genai off here */
    GENAI_SKIP_UNKNOWN_PATH,       /* not an operation of this API */
    GENAI_SKIP_UNSAMPLED,
    GENAI_SKIP_ENCODED,            /* a content coding that is not read */
    GENAI_SKIP_CONTENT_TYPE,
    GENAI_SKIP_NO_USAGE,           /* the whole answer told none */
    GENAI_SKIP_UNPRICED,
    GENAI_SKIP_NOT_BILLED,         /* error, token count, async start … */
    GENAI_SKIP_TRUNCATED,          /* it was cut, or left, before its usage */
    GENAI_SKIP_BAD_BODY,           /* it could not be read as far as that */
    GENAI_SKIP_N
} genai_skip_e;


/* why a span is there that the ratio had left out: genai.keep */

typedef enum {
    GENAI_KEEP_NONE = 0,
    GENAI_KEEP_ERROR,
    GENAI_KEEP_SLOW,
    GENAI_KEEP_COST,
    GENAI_KEEP_N
} genai_keep_e;


/* $genai_budget_status */

typedef enum {
    GENAI_BUDGET_NONE = 0,
    GENAI_BUDGET_PASSED,
    GENAI_BUDGET_REJECTED,
    GENAI_BUDGET_REJECTED_DRY_RUN,
    GENAI_BUDGET_STATUS_N
} genai_budget_status_e;


/* which keys a span has, beside each other: genai_span_profile */

typedef enum {
    GENAI_PROFILE_SEMCONV = 0,
    GENAI_PROFILE_RAG,             /* also the plain keys of RAG pipelines */
    GENAI_PROFILE_N
} genai_profile_e;


/* one reading of usage; -1 = this source did not say */

typedef struct {
    int64_t      input;            /* see input_inclusive */
    int64_t      output;           /* reasoning included */
    int64_t      cache_read;
    int64_t      cache_write;      /* all TTLs */
    int64_t      cache_write_1h;   /* the part of cache_write kept 1 h */
    int64_t      reasoning;        /* part of output */
    int64_t      total;
    unsigned     input_inclusive:1;  /* input includes both cache parts */
    unsigned     seen:1;
} genai_usage_t;


#define GENAI_USAGE_BODY    0
#define GENAI_USAGE_FRAME   1
#define GENAI_USAGE_HEADER  2
#define GENAI_USAGE_N       3


/* the operator's own: genai_span_attr, genai_label, genai_extract */

typedef struct {
    genai_str_t  key;
    genai_str_t  value;
    uint8_t      type;             /* s string, i int, d double, b bool */
    uint8_t      label;            /* also a metric label */
} genai_attr_t;


#define GENAI_CALL_TOOLS   8       /* distinct tool names kept */
#define GENAI_CALL_DOCS    3       /* ids of top documents kept */
#define GENAI_CALL_SCORES  4       /* named quality scores kept */
#define GENAI_CALL_ARENA   1024    /* bytes of captured strings */


typedef struct {
    genai_str_t  name;
    double       value;
} genai_score_t;


typedef struct {
    /* who: W3C identity */

    uint8_t       trace_id[16];
    uint8_t       span_id[8];
    uint8_t       parent_id[8];          /* zeros: a root */
    uint8_t       trace_flags;           /* W3C: 1 sampled, 2 random id */
    uint8_t       kind;                  /* 2 server, 3 client (OTLP) */

    uint8_t       api;                   /* genai_api_e … */
    uint8_t       operation;
    uint8_t       step;
    uint8_t       usage_source;
    uint8_t       error_origin;
    uint8_t       finish;
    uint8_t       skip;                  /* $genai_skip_reason */
    uint8_t       keep;                  /* genai_keep_e */
    uint8_t       profile;               /* genai_profile_e */
    uint8_t       budget_status;         /* genai_budget_status_e */

    uint8_t       attempt;               /* amz-sdk-request, 0 unknown */
    uint8_t       upstream_tries;
    uint8_t       ntools;
    uint8_t       ndocs;
    uint8_t       nscores;

    uint16_t      status;                /* HTTP status sent, 0 none */
    uint16_t      server_port;

    unsigned      sampled:1;
    unsigned      stream:1;              /* the call asked for a stream */
    unsigned      streamed:1;            /* the answer was one */
    unsigned      usage_complete:1;
    unsigned      priced:1;              /* cost_pico is valid */
    unsigned      aborted:1;             /* client left, or worker died */
    unsigned      drained:1;             /* read to its end all the same */
    unsigned      truncated:1;           /* upstream ended before its end */
    unsigned      bad_body:1;            /* could not be parsed */
    unsigned      from_cache:1;          /* proxy_cache hit */
    unsigned      error:1;
    unsigned      parent_remote:1;
    unsigned      context_exceeded:1;
    unsigned      price_long:1;          /* long-context rate applied */
    unsigned      disagreement:3;        /* bits GENAI_DISAGREE_* */
    unsigned      internal:1;            /* not a call: helper's own record */
    unsigned      reasoning:1;           /* the answer held reasoning */
    unsigned      stream_options:1;      /* the request has them; not in a
                                            record */
    unsigned      deployment:1;          /* model is an operator's name */
    unsigned      reasoning_apart:1;     /* usage[]: not part of output */
    unsigned      budget_warned:1;       /* its settlement was the one that
                                            warn= waited for */
    unsigned      by_vector:1;           /* a search: what it goes by */
    unsigned      by_words:1;

    /* what a budget asks of the request (genai_budget_facts): not in a
     * record */

    unsigned      request_whole:1;       /* read to its end */
    unsigned      request_odd:1;         /* it can be understood two ways */
    unsigned      tier_dear:1;           /* a tier that may cost more */
    unsigned      input_elsewhere:1;     /* input that the body only names */

    /* when (monotonic ns, 0 = did not happen) */

    uint64_t      start_unix_ns;
    uint64_t      start_ns;
    uint64_t      upstream_first_ns;     /* first byte from upstream */
    uint64_t      first_event_ns;
    uint64_t      first_reasoning_ns;
    uint64_t      first_token_ns;        /* first visible token */
    uint64_t      last_event_ns;
    uint64_t      end_ns;
    uint64_t      max_gap_ns;            /* longest pause between events */
    uint64_t      budget_ns;             /* refused, or would have been */
    uint32_t      events;                /* frames or SSE events seen */
    uint32_t      text_events;           /* of them with visible text */

    /* what */

    genai_str_t   provider;              /* gen_ai.provider.name */
    genai_str_t   model;                 /* as requested, decoded */
    genai_str_t   response_model;
    genai_str_t   region;
    genai_str_t   method;                /* HTTP method */
    genai_str_t   path;                  /* raw path, no query */
    genai_str_t   span_name;             /* empty: by convention */
    genai_str_t   location;              /* genai_name */
    genai_str_t   server_address;
    genai_str_t   upstream;              /* address of the last peer */
    genai_str_t   user;
    genai_str_t   session;
    genai_str_t   tracestate;
    genai_str_t   request_id;            /* the provider's */
    genai_str_t   response_id;
    genai_str_t   invocation_id;         /* amz-sdk-invocation-id */
    genai_str_t   stop_reason;           /* as sent */
    genai_str_t   error_type;
    genai_str_t   error_message;         /* bounded, never a prompt */
    genai_str_t   guardrail_id;
    genai_str_t   guardrail_version;
    genai_str_t   service_tier;
    genai_str_t   latency_mode;          /* performanceConfig.latency */
    genai_str_t   request_metadata;      /* first pairs as k=v,k=v */
    genai_str_t   stop_sequences;        /* unit-separator (0x1f) joined */
    genai_str_t   price_version;
    genai_str_t   data_source;           /* index, knowledge base */
    genai_str_t   budget;                /* that refused, or admitted */
    genai_str_t   budget_limit;          /* that refused, "100usd/day" */
    genai_str_t   budget_class;
    genai_str_t   tools[GENAI_CALL_TOOLS];
    genai_str_t   docs[GENAI_CALL_DOCS];
    genai_score_t scores[GENAI_CALL_SCORES];

    /* how much */

    genai_usage_t usage[GENAI_USAGE_N];
    int64_t       input_tokens;          /* all input, cache included; -1 */
    int64_t       output_tokens;
    int64_t       cache_read_tokens;
    int64_t       cache_write_tokens;
    int64_t       cache_write_1h_tokens;
    int64_t       reasoning_tokens;
    int64_t       total_tokens;
    int64_t       cost_pico;             /* valid when priced */
    int64_t       budget_reserved;       /* pico-USD, -1 none */
    int64_t       server_latency_ms;     /* metrics.latencyMs, header; -1 */
    int64_t       images;                /* images made, -1 none */
    int64_t       search_units;          /* rerank: documents ranked, -1 */
    int64_t       guardrail_units;       /* billed by a guardrail, -1 none */

    /* request parameters, -1 (NaN for doubles) when not given */

    int64_t       max_tokens;
    int64_t       top_k;
    double        temperature;
    double        top_p;
    int64_t       prompt_chars;          /* Unicode code points */
    int64_t       system_chars;
    uint32_t      tools_offered;
    uint32_t      tool_results;
    uint32_t      messages;
    uint32_t      media_parts;           /* of the prompt: images, files */

    /* answer */

    int64_t       output_chars;          /* visible text bytes seen, -1 */
    int64_t       embedding_dimension;   /* -1 */
    int64_t       documents;             /* retrieved or reranked, -1 */
    int64_t       top_k_requested;       /* retrieval: numberOfResults, -1 */
    double        score_sum;
    double        score_top;             /* NaN when none */
    uint32_t      score_count;

    uint64_t      request_bytes;
    uint64_t      response_bytes;

    /* of the request, for budgets: not in a record */

    uint64_t      request_decoded;       /* bytes, of a body with a coding */
    int64_t       choices;               /* answers or images asked for, -1 */
    int64_t       thinking;              /* tokens to think, -1 */
    uint32_t      prompts;               /* of a completion that has many */
    uint32_t      files;                 /* of the prompt, opaque: documents,
                                            videos */
    uint32_t      file_blocks;           /* files if their source is opaque */
    uint32_t      file_sources;          /* sources that are */
    uint32_t      limits;                /* max_tokens and its like: named */
    uint32_t      limits_given;          /* … with a number of tokens */
    uint16_t      once;                  /* bits: keys that were seen */

    /* operator's attributes, owned by the caller */

    const genai_attr_t  *attrs;
    size_t        nattrs;

    /* arena for strings taken from bodies */

    char         *arena;
    uint16_t      arena_used;
    uint16_t      arena_size;

    /* of genai_api and genai_body: not in a record */

    const struct genai_api_op_s  *api_op;
    uint8_t       kind_rank;             /* how sure operation is */
    uint8_t       request_coding;        /* genai_coding_e */
} genai_call_t;


#define GENAI_DISAGREE_BODY_FRAME   1
#define GENAI_DISAGREE_BODY_HEADER  2
#define GENAI_DISAGREE_FRAME_HEADER 4


/* sets every field to "unknown"; arena is size bytes the caller owns */
void genai_call_init(genai_call_t *c, char *arena, size_t size);

/* copies s into the arena; an empty slice when it does not fit wholly,
 * unless cut is true: then as much as fits, cut at a UTF-8 boundary */
genai_str_t genai_call_keep(genai_call_t *c, genai_str_t s, int cut);

/* sets error, error_type and origin; the first error named stays */
void genai_call_error(genai_call_t *c, genai_str_t type, unsigned origin);

/* names of the enumerations, "" for *_NONE */
const char *genai_api_name(unsigned api);
const char *genai_operation_name(unsigned op);
const char *genai_step_name(unsigned step);
const char *genai_source_name(unsigned source);
const char *genai_origin_name(unsigned origin);
const char *genai_finish_name(unsigned finish);
const char *genai_skip_name(unsigned skip);

/* what a search goes by: "vector", "keyword", "hybrid", "" when unknown */
const char *genai_call_method(const genai_call_t *c);
const char *genai_keep_name(unsigned keep);
const char *genai_budget_status_name(unsigned status);

/* the stop reason as a provider spelt it -> finish reason
 * (wire-formats 2.0 and 4.3; telemetry 1.2) */
unsigned genai_finish_map(genai_str_t stop_reason);

/* a service tier, of a request, that never costs more than the standard one;
 * "auto" may, and so may one that is not known */
int genai_tier_is_standard(genai_str_t tier);

/* seconds from start to first visible token, -1 when none */
double genai_call_ttft(const genai_call_t *c);

/* seconds per output token after the first:
 * (last event - first token) / (output_tokens - 1), -1 when undefined */
double genai_call_tpot(const genai_call_t *c);


#endif /* GENAI_CALL_H */
