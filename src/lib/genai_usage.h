/*
 * Token arithmetic: what the sources said -> the figures of a call.
 *
 * A call can be told its usage up to three times: in the body or its events,
 * in the frame's amazon-bedrock-invocationMetrics, in response headers.  They
 * are preferred in this order, field by field; a later one fills in what an
 * earlier one left out (wire-formats 0.1, 3.3, 8.7).
 */

#ifndef GENAI_USAGE_H
#define GENAI_USAGE_H

#include "genai_call.h"


#define GENAI_USAGE_MAX  (1LL << 48)   /* more tokens than this: unknown */


/* v as a token count: -1 when it is none or absurd */

static inline int64_t
genai_usage_sane(int64_t v)
{
    return (v < 0 || v > GENAI_USAGE_MAX) ? -1 : v;
}


/* one more reading of a cumulative figure: the last one counts */

static inline void
genai_usage_last(int64_t *field, int64_t v)
{
    v = genai_usage_sane(v);

    if (v >= 0) {
        *field = v;
    }
}


/* one more reading of an incremental figure: they add up */

static inline void
genai_usage_add(int64_t *field, int64_t v)
{
    v = genai_usage_sane(v);

    if (v >= 0) {
        *field = genai_usage_sane((*field < 0 ? 0 : *field) + v);
    }
}


/* one more reading of a figure that may be repeated out of order */

static inline void
genai_usage_max(int64_t *field, int64_t v)
{
    v = genai_usage_sane(v);

    if (v > *field) {
        *field = v;
    }
}


/* every field unknown */
void genai_usage_init(genai_usage_t *u);

/*
 * Settles c->usage[] into c->input_tokens (all of it: uncached, cache read
 * and cache write), output, cache, reasoning and total tokens, usage_source,
 * usage_complete and disagreement.  Reads the flags aborted, truncated,
 * bad_body and from_cache, operation and stop_reason.  May be called again
 * when a later reading arrives: it starts afresh.
 *
 * A call that ended early has the source "partial" and is not complete,
 * unless its stop reason and both counts had passed before.  One that was
 * drained ended early for its client alone.
 */
void genai_usage_settle(genai_call_t *c);

/*
 * An estimate is for this settled call: a stream that ended early, or one
 * that ended well and never told its usage, though it could have.
 */
int genai_usage_wanting(const genai_call_t *c);

/*
 * For a settled call that is not complete: four characters are taken for a
 * token.  Fills in what is unknown, and raises the output of a call that
 * ended early to what its visible text is worth; the source becomes
 * "estimate".  GENAI_DECLINED: there was nothing to estimate, or nothing to
 * estimate it from.
 */
int genai_usage_estimate(genai_call_t *c);

/*
 * What a call that is still open has used, as far as it is known: what it
 * was told so far, or else the worth of its text; of both the larger output,
 * since counts of a stream may come at its beginning and at its end only.
 * *input is all input, cache included, -1 when nothing tells; *output is 0
 * when nothing has come.  The call is not settled by it.
 */
void genai_usage_running(const genai_call_t *c, int64_t *input,
    int64_t *output);


#endif /* GENAI_USAGE_H */
