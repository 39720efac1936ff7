/*
 * OTLP 1.11 in protobuf: spans, logs and metrics as bytes of an export
 * request, and what a collector answers.
 *
 * A request is built from its inside: items (Span, LogRecord or Metric
 * messages, each with its tag) are appended to a buffer as they come, so
 * nothing refers to a call after it was added; the messages around them are
 * put in front when it is sent.  protobuf-c packs the messages, attributes
 * are written by hand; no item allocates.
 */

#ifndef GENAI_OTLP_H
#define GENAI_OTLP_H

#include "genai_lib.h"
#include "genai_call.h"
#include "genai_metrics.h"
#include "genai_sink.h"


#define GENAI_OTLP_LIMIT  (4 * 1024 * 1024)  /* bytes of items of a request,
                                                before compression */


typedef struct {
    uint8_t   *data;
    size_t     len;
    size_t     size;
} genai_otlp_buf_t;


/* room for n more bytes; NULL: no memory.  The bytes are the caller's to
 * write, len is the caller's to move */
uint8_t *genai_otlp_room(genai_otlp_buf_t *b, size_t n);

/* frees, and frees the memory of an unusually large request */
void genai_otlp_free(genai_otlp_buf_t *b);
void genai_otlp_clear(genai_otlp_buf_t *b);


/*
 * The constant front of every request of a sink: resource and scope.  b gets
 * Resource{resource} as field 1 (service.name nginx if it has none), then
 * *scope bytes of InstrumentationScope as field 1.  GENAI_OK or GENAI_ERROR.
 */
int genai_otlp_front(genai_otlp_buf_t *b, const genai_pair_t *resource,
    size_t nresource, const char *version, size_t *scope);

#define GENAI_OTLP_HEAD  32            /* bytes beside the front itself */

/*
 * Writes what stands before `items` bytes of items to out, which has
 * front->len + GENAI_OTLP_HEAD bytes; returns its length.  All signals
 * are alike: field 1 of the request, fields 1 and 2 of resource and scope.
 */
size_t genai_otlp_head(const genai_otlp_buf_t *front, size_t scope,
    size_t items, uint8_t *out);


/*
 * Appends a call as Span to items; attrs is scratch, one per encoder.
 * GENAI_OK; GENAI_AGAIN: items would pass GENAI_OTLP_LIMIT, nothing was
 * added; GENAI_DECLINED: it alone would; GENAI_ERROR: no memory.
 */
int genai_otlp_span(genai_otlp_buf_t *items, genai_otlp_buf_t *attrs,
    const genai_call_t *c);


/* appends its log record; GENAI_DECLINED: it has none, else as above */
int genai_otlp_log(genai_otlp_buf_t *items, genai_otlp_buf_t *attrs,
    const genai_call_t *c);


/* metrics: an encoder keeps what delta temporality needs between requests */

typedef struct genai_otlp_metrics_s  genai_otlp_metrics_t;

genai_otlp_metrics_t *genai_otlp_metrics_create(int delta);
void genai_otlp_metrics_destroy(genai_otlp_metrics_t *e);

/*
 * Encodes the registry as of now into parts of at most GENAI_OTLP_LIMIT bytes
 * each; what an earlier call encoded is dropped.  With delta temporality only
 * what changed since the last committed part is there, and the first call of
 * an encoder, when the registry is older than the encoder, only takes its
 * bearings: zero parts.  Returns the number of parts, -1: no memory.
 */
int genai_otlp_metrics_encode(genai_otlp_metrics_t *e,
    const genai_metrics_t *m, const genai_metrics_view_t *view,
    uint64_t now_unix_ns);

/* the items of a part, from 0 */
genai_str_t genai_otlp_metrics_part(const genai_otlp_metrics_t *e, int part);

/* a part was taken (or will never be): the next delta begins after it */
void genai_otlp_metrics_commit(genai_otlp_metrics_t *e, int part);

/*
 * Between the processes of two generations: what was committed goes into a
 * file, and the next encoder goes on from there if it sees the same registry.
 * load() removes the file, so that a state is never used twice.  Without one
 * a delta encoder only takes its bearings.
 */
int genai_otlp_metrics_save(const genai_otlp_metrics_t *e, const char *path);
int genai_otlp_metrics_load(genai_otlp_metrics_t *e, const char *path);


/*
 * What an answer means (design section 6): status and body as genai_http gave
 * them, json by its Content-Type.  Sets outcome, rejected and why of res.
 */
void genai_otlp_answer(int status, const uint8_t *body, size_t len, int json,
    genai_send_result_t *res);


#endif /* GENAI_OTLP_H */
