/*
 * APIs as tables: which operation a request is, and what to take out of its
 * bodies.
 *
 * An API is one table file, genai_api_NAME.c, that gives its operations (how
 * a path names them) and the rows of their bodies.  A model family that is
 * spoken inside another API's operation (InvokeModel) is one table file with
 * rows for the request, the response and the inner documents of a stream.
 * Both are registered by one line in genai_api.c.
 *
 * The rows of all families are merged into one program per kind of document:
 * a body is recognised by the keys it has; the model id, which may be an
 * opaque ARN, only settles what the keys leave open.
 */

#ifndef GENAI_API_H
#define GENAI_API_H

#include "genai_call.h"
#include "genai_json.h"


/*
 * What a row fills.  The names, in genai_field_name(), are those of the
 * directive genai_extract; a field without a name is for tables only.
 */

typedef enum {
    GENAI_F_NONE = 0,

    /* names and texts of the call */
    GENAI_F_MODEL,
    GENAI_F_RESPONSE_MODEL,
    GENAI_F_RESPONSE_ID,
    GENAI_F_REQUEST_ID,
    GENAI_F_STOP_REASON,
    GENAI_F_GUARDRAIL_ID,
    GENAI_F_GUARDRAIL_VERSION,
    GENAI_F_SERVICE_TIER,
    GENAI_F_LATENCY_MODE,
    GENAI_F_STOP_SEQUENCE,
    GENAI_F_REQUEST_METADATA,
    GENAI_F_DATA_SOURCE,
    GENAI_F_SESSION,
    GENAI_F_USER,
    GENAI_F_TOOL,                 /* name of a tool that is called */

    /* usage in the body */
    GENAI_F_INPUT_TOKENS,
    GENAI_F_OUTPUT_TOKENS,
    GENAI_F_CACHE_READ_TOKENS,
    GENAI_F_CACHE_WRITE_TOKENS,
    GENAI_F_CACHE_WRITE_1H_TOKENS,
    GENAI_F_REASONING_TOKENS,
    GENAI_F_TOTAL_TOKENS,
    GENAI_F_CACHE_TTL,            /* one element of a split by TTL: which */
    GENAI_F_CACHE_TTL_TOKENS,     /*   how many */
    GENAI_F_CACHE_TTL_END,        /*   its end */

    /* usage in amazon-bedrock-invocationMetrics */
    GENAI_F_FRAME_METRICS,        /* the block is there: end of a stream */
    GENAI_F_FRAME_INPUT_TOKENS,
    GENAI_F_FRAME_OUTPUT_TOKENS,
    GENAI_F_FRAME_CACHE_READ_TOKENS,
    GENAI_F_FRAME_CACHE_WRITE_TOKENS,

    /* parameters of the request */
    GENAI_F_MAX_TOKENS,
    GENAI_F_TEMPERATURE,
    GENAI_F_TOP_P,
    GENAI_F_TOP_K,
    GENAI_F_STREAM,
    GENAI_F_STREAM_OPTIONS,       /* are there */
    GENAI_F_LIMIT,                /* each key that limits the output */
    GENAI_F_THINKING,             /* tokens to think */
    GENAI_F_CHOICES,              /* answers or images asked for */
    GENAI_F_PROMPTS,
    GENAI_F_ONCE,                 /* a key that must not come twice */
    GENAI_F_TIER_ASKED,
    GENAI_F_ELSEWHERE,            /* input that is not in the body */
    GENAI_F_TOOL_TYPE,
    GENAI_F_FILES,                /* of the prompt: documents, videos */
    GENAI_F_FILE_FORMAT,          /* what a file is */
    GENAI_F_SOURCE_TYPE,          /* where a block's bytes are */
    GENAI_F_TOOLS_OFFERED,
    GENAI_F_TOOL_RESULTS,
    GENAI_F_MESSAGES,
    GENAI_F_MEDIA_PARTS,
    GENAI_F_PART_TYPE,            /* "type" of a part of a prompt */
    GENAI_F_PROMPT_CHARS,
    GENAI_F_SYSTEM_CHARS,
    GENAI_F_TOP_K_REQUESTED,
    GENAI_F_RETRIEVAL_METHOD,     /* arg: GENAI_BY_*, 0: AWS's word for it */

    /* the answer */
    GENAI_F_OUTPUT_CHARS,
    GENAI_F_SERVER_LATENCY_MS,
    GENAI_F_EMBEDDING_DIMENSION,
    GENAI_F_DOCUMENTS,
    GENAI_F_DOCUMENT_ID,
    GENAI_F_IMAGES,
    GENAI_F_SEARCH_UNITS,
    GENAI_F_SCORE,                /* of a document; score.NAME: its own */
    GENAI_F_GUARDRAIL_UNITS,      /* of text or images that were looked at */
    GENAI_F_CHECK_TYPE,           /* one check of a guardrail: what of */
    GENAI_F_CHECK_SCORE,          /*   the score */
    GENAI_F_CHECK_END,            /*   its end */

    /* a stream and its parts */
    GENAI_F_REASONING,            /* reasoning is present, or begins */
    GENAI_F_VISIBLE,              /* CHARS of visible text, tool input … */
    GENAI_F_BLOCK_TYPE,           /* type, name and end of a block: the name */
    GENAI_F_BLOCK_NAME,           /*   is a tool's if the type ends in */
    GENAI_F_BLOCK_END,            /*   "tool_use" */
    GENAI_F_EVENT_TYPE,           /* "type" inside the event's JSON */
    GENAI_F_CHUNK,                /* base64 of an inner document: STREAM */
    GENAI_F_DONE,                 /* BOOL true: the last event */
    GENAI_F_PIECE,                /* END of an element of an array that is a
                                     stream: it counts as an event */

    /* errors */
    GENAI_F_ERROR_CODE,           /* arg: rank, the highest wins */
    GENAI_F_ERROR_MESSAGE,
    GENAI_F_FAULT,                /* not 0, not false: an answer with a good
                                     status has failed; arg: genai_fault_e */

    /* this key tells the operation: arg is genai_api_kind() */
    GENAI_F_KIND,

    /* genai_extract: arg is the row's number */
    GENAI_F_ATTR,
    GENAI_F_NAMED_SCORE,
    GENAI_F_CAPTURE,              /* arg: genai_capture_int.h */

    GENAI_F_N
} genai_field_e;


/* what becomes of a second value */

typedef enum {
    GENAI_LAST = 0,
    GENAI_FIRST,
    GENAI_SUM,
    GENAI_MAX,
    GENAI_COUNT                   /* every occurrence adds one */
} genai_take_e;


typedef struct {
    const char  *path;            /* as in genai_json.h */
    uint16_t     want;            /* GENAI_JSON_* */
    uint8_t      take;            /* genai_take_e */
    uint8_t      field;           /* genai_field_e */
    uint16_t     arg;
} genai_row_t;


/* what arg says, by field */

#define GENAI_ROW_INCLUSIVE  0x8000  /* an input count with the cached tokens
                                        inside it */
#define GENAI_ROW_APART      0x4000  /* a reasoning count that the output
                                        count has not got inside it */
#define GENAI_ROW_WEAK       0x2000  /* a stop reason that any other beats */
#define GENAI_ROW_NS         0x0001  /* a time in nanoseconds */
#define GENAI_ROW_SECONDS    0x0002
#define GENAI_ROW_BASE64     0x0001  /* CHARS of a vector of floats */
#define GENAI_BY_VECTOR      0x0001  /* what a search goes by: they add up */
#define GENAI_BY_WORDS       0x0002

#define GENAI_ONCE_MODEL     0x0001  /* GENAI_F_ONCE: which */
#define GENAI_ONCE_LIMITS    0x0002  /* what max_tokens is in */


typedef enum {
    GENAI_FAULT_CODE = 0,         /* the number is the error's name */
    GENAI_FAULT_TIMED_OUT,
    GENAI_FAULT_SHARDS,
    GENAI_FAULT_N
} genai_fault_e;


typedef struct genai_rows_s {
    const genai_row_t          *rows;
    size_t                      n;
    const struct genai_rows_s  *more;      /* as if they stood below */
} genai_rows_t;


#define genai_rows(a)            { a, genai_nelts(a), NULL }
#define genai_rows_and(a, more)  { a, genai_nelts(a), more }


/* how sure a key or a name is of the operation (a higher one wins) */

#define GENAI_RANK_PATH      0    /* what the path alone says */
#define GENAI_RANK_HINT      1    /* a key that several families have */
#define GENAI_RANK_MODEL     2    /* the model id */
#define GENAI_RANK_REQUEST   3    /* a key that tells */
#define GENAI_RANK_RESPONSE  4

#define genai_api_kind(rank, op)  ((rank) << 8 | (op))


/* how the bodies of an answer are framed when they are a stream */

typedef enum {
    GENAI_STREAM_NONE = 0,
    GENAI_STREAM_EVENTS,          /* event-stream, a document per event type */
    GENAI_STREAM_CHUNKS,          /* event-stream of "chunk", base64 inside */
    GENAI_STREAM_SSE,             /* Server-Sent Events */
    GENAI_STREAM_LINES            /* a JSON document per line */
} genai_stream_e;


/* flags of an event */

#define GENAI_EV_TEXT        0x01 /* deltas: not looked into once the first
                                     visible token has been seen */
#define GENAI_EV_STOP        0x02 /* the model has stopped */
#define GENAI_EV_END         0x04 /* nothing that counts comes after it */

typedef struct {
    const char         *type;     /* :event-type, "event:"; NULL: any */
    uint8_t             flags;    /* GENAI_EV_* */
    const genai_rows_t *rows;     /* NULL: counted, not read */
    const char         *empty;    /* EV_TEXT: the event without its text; what
                                     a payload has beyond it is taken for
                                     text where it is not looked into */
} genai_api_event_t;


/*
 * One operation.  path is matched at the end of the raw path, whatever comes
 * before it; a segment in braces is any one segment: {model} is kept as the
 * model id, {guardrail} and {version} as the guardrail's, {source} as the
 * data source, others are ignored; "{model}:word" is one that ends so.  Of
 * all that match the one with the most segments is taken, words before
 * braces.  Rows NULL: nothing is read.
 */

typedef struct genai_api_op_s {
    const char              *name;
    const char              *method;      /* NULL: any */
    const char              *path;
    uint8_t                  operation;   /* genai_operation_e */
    uint8_t                  step;        /* genai_step_e */
    uint8_t                  stream;      /* genai_stream_e */
    uint8_t                  nevents;
    unsigned                 not_billed:1;
    unsigned                 by_family:1; /* the model's family speaks */
    unsigned                 asks:1;      /* a stream if the body asks so */
    unsigned                 no_usage:1;  /* it never tells tokens */
    unsigned                 open_end:1;  /* its stream has no last event */
    unsigned                 deployment:1;   /* the model is a name that the
                                                operator gave */
    const char              *provider;    /* NULL: the table's */
    const char              *host;        /* a path that others may have: in
                                             mode auto only on such hosts */
    const genai_rows_t      *request;
    const genai_rows_t      *response;
    const genai_api_event_t *events;
} genai_api_op_t;


typedef struct {
    uint8_t                  api;         /* genai_api_e */
    const char              *provider;    /* gen_ai.provider.name */
    const genai_api_op_t    *ops;
    size_t                   nops;
    unsigned                 also_bedrock:1; /* spoken by Bedrock too */
    unsigned                 by_host:1;   /* spoken by many providers */
} genai_api_table_t;


/* a family: rows that are merged with those of all others */

typedef struct {
    const char              *name;
    const char              *model;       /* what ids hold, words between
                                             spaces; NULL: no hint */
    uint8_t                  operation;   /* if the model id decides */
    genai_rows_t             request;
    genai_rows_t             response;
    genai_rows_t             inner;       /* documents inside a stream */
    const char              *delta;       /* an inner document that begins so
                                             is a text delta; may be NULL */
    const char              *empty;       /* such a delta without its text */
} genai_family_t;


/* the compiled form of all tables: immutable, shared by all requests */

typedef struct genai_apis_s  genai_apis_t;

/*
 * Compiles all tables.  Memory comes from alloc(data, size), 16-byte aligned,
 * never freed here.  GENAI_OK, or GENAI_ERROR with the reason in err.
 */
int genai_apis_create(genai_apis_t **out,
    void *(*alloc)(void *data, size_t size), void *data, char *err,
    size_t errlen);

/*
 * The same with rows beside the tables' in every request and in every
 * document of an answer (either may be NULL; they outlive *out).  With rows
 * for answers no event of a stream is passed by unread.
 */
int genai_apis_create_more(genai_apis_t **out, const genai_rows_t *request,
    const genai_rows_t *response, void *(*alloc)(void *data, size_t size),
    void *data, char *err, size_t errlen);

/*
 * Which operation this is.  mode is the genai_api_e of the location
 * (GENAI_API_AUTO: any); raw_uri is the target as the client sent it, before
 * any decoding, with or without a query; host is where it is sent to.  Fills
 * api, operation, step, provider, model, region, stream, method and path of
 * the call; slices point into the arguments (which must live as long as the
 * call) or into its arena.  GENAI_OK, or GENAI_DECLINED with c->skip
 * GENAI_SKIP_UNKNOWN_PATH.
 */
int genai_api_detect(const genai_apis_t *a, unsigned mode, genai_call_t *c,
    genai_str_t method, genai_str_t raw_uri, genai_str_t host);

/* the operation's name in its API ("ConverseStream"), "" when unknown */
const char *genai_api_op_name(const genai_apis_t *a, const genai_call_t *c);

/* the region in a host name or, failing that, in an ARN; may be empty */
genai_str_t genai_api_region(genai_str_t host, genai_str_t model);

/* a field's name for genai_extract ("" when it has none), and back
 * (GENAI_F_NONE when there is no such name; score.NAME gives SCORE) */
const char *genai_field_name(unsigned field);
unsigned genai_field_find(genai_str_t name);


#endif /* GENAI_API_H */
