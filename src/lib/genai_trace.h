/*
 * Trace context: reading and writing W3C traceparent, tracestate and baggage
 * (Trace Context Level 2, Baggage), X-Amzn-Trace-Id, B3 single and multi;
 * making ids; the sampling decision by trace id.
 *
 * Pure functions: header values come as slices, text goes into the caller's
 * buffers of the sizes given here (no zero byte is added), randomness comes
 * from a state that the caller seeds.
 */

#ifndef GENAI_TRACE_H
#define GENAI_TRACE_H

#include "genai_lib.h"


#define GENAI_TRACE_ID_LEN      32   /* in hex */
#define GENAI_SPAN_ID_LEN       16
#define GENAI_TRACEPARENT_LEN   55
#define GENAI_XRAY_ROOT_LEN     35   /* 1-xxxxxxxx-xxxxxxxxxxxxxxxxxxxxxxxx */
#define GENAI_XRAY_LEN          74   /* Root, Parent and Sampled */
#define GENAI_B3_LEN            51

#define GENAI_TRACESTATE_MEMBERS  32
#define GENAI_BAGGAGE_MEMBERS     64
#define GENAI_BAGGAGE_LEN         8192

#define GENAI_TRACE_SAMPLED     0x01 /* traceparent's flags */
#define GENAI_TRACE_RANDOM      0x02


typedef enum {
    GENAI_TRACE_NONE = 0,
    GENAI_TRACE_W3C,
    GENAI_TRACE_XRAY,
    GENAI_TRACE_B3
} genai_trace_format_e;


typedef enum {
    GENAI_SAMPLED_UNKNOWN = 0,       /* ours to decide */
    GENAI_SAMPLED_NO,
    GENAI_SAMPLED_YES
} genai_sampled_e;


/*
 * What a caller told us, or what we tell: span_id is the span that sends the
 * header, which is the parent of whoever receives it.
 */

typedef struct {
    uint8_t      trace_id[16];
    uint8_t      span_id[8];         /* zero when parent is 0 */
    uint8_t      flags;              /* GENAI_TRACE_* bits, nothing else */
    uint8_t      sampled;            /* genai_sampled_e */
    uint8_t      format;             /* genai_trace_format_e */
    unsigned     present:1;          /* trace_id is valid */
    unsigned     parent:1;           /* span_id too */
    unsigned     debug:1;            /* B3: sampled, and by request */
} genai_trace_ctx_t;


/* the header values of a request; data NULL (or len 0) where there is none */

typedef struct {
    genai_str_t  traceparent;
    unsigned     traceparents;       /* how many there were */
    genai_str_t  xray;               /* X-Amzn-Trace-Id */
    genai_str_t  b3;
    genai_str_t  b3_trace_id;        /* X-B3-TraceId */
    genai_str_t  b3_span_id;         /* X-B3-SpanId */
    genai_str_t  b3_sampled;         /* X-B3-Sampled */
    genai_str_t  b3_flags;           /* X-B3-Flags */
} genai_trace_headers_t;


/* xoshiro256**; one per process, seeded again after a fork */

typedef struct {
    uint64_t  s[4];
} genai_rand_t;


/* seed: 32 bytes from getrandom(2) */
void genai_rand_seed(genai_rand_t *r, const uint8_t seed[32]);

uint64_t genai_rand_next(genai_rand_t *r);


/*
 * Starts a trace: a trace id of epoch seconds in the first 32 bits, which is
 * what X-Ray asks for, and 96 random bits, so that GENAI_TRACE_RANDOM is
 * true.  The rest of the context is cleared; present is set.
 */
void genai_trace_root(genai_trace_ctx_t *t, genai_rand_t *r, uint32_t epoch);

/* 64 random bits, never all zero */
void genai_span_id(genai_rand_t *r, uint8_t id[8]);


/*
 * The first of the n formats (genai_trace_format_e) that gives a valid trace
 * id wins: GENAI_OK.  GENAI_DECLINED when none does: t is cleared but for
 * sampled and debug, when a header held a decision and no ids ("b3: 0",
 * "X-Amzn-Trace-Id: Sampled=0").
 */
int genai_trace_extract(genai_trace_ctx_t *t, const uint8_t *formats,
    size_t n, const genai_trace_headers_t *h);

/*
 * One format each; t is written whole.  GENAI_OK, or GENAI_DECLINED when
 * there is no valid trace id.
 *
 * traceparent: W3C Trace Context Level 2, 3.2; white space around it is
 * allowed; versions 01 to fe are read as 00; unknown flags are dropped.
 * X-Amzn-Trace-Id: fields in any order, the first of a name counts; a Parent
 * that is missing or bad leaves Root valid and parent 0.
 * B3: both lengths of trace ids; single wins over multi.
 */
int genai_traceparent_parse(genai_trace_ctx_t *t, genai_str_t v);
int genai_xray_parse(genai_trace_ctx_t *t, genai_str_t v);
int genai_b3_parse(genai_trace_ctx_t *t, genai_str_t v);
int genai_b3_multi_parse(genai_trace_ctx_t *t, genai_str_t trace_id,
    genai_str_t span_id, genai_str_t sampled, genai_str_t flags);


/* these write t, whatever format it came in; they return the length */

/* "00-…-…-0f"; buf of GENAI_TRACEPARENT_LEN */
size_t genai_traceparent_format(const genai_trace_ctx_t *t, char *buf);

/* the id alone as X-Ray writes it; buf of GENAI_XRAY_ROOT_LEN */
size_t genai_xray_root(const uint8_t trace_id[16], char *buf);

/*
 * "Root=…;Parent=…;Sampled=…" and then, as they came, all other fields of
 * original (Self, Lineage, a caller's own), which may be empty.  buf of size
 * GENAI_XRAY_LEN + 1 + original.len holds everything; in a smaller one, of
 * GENAI_XRAY_LEN at least, fields that do not fit are left out.
 */
size_t genai_xray_format(const genai_trace_ctx_t *t, genai_str_t original,
    char *buf, size_t size);

/* "trace-span-1"; buf of GENAI_B3_LEN */
size_t genai_b3_format(const genai_trace_ctx_t *t, char *buf);

/* X-B3-Sampled's or, with debug, X-B3-Flags' value; 0 when there is none */
char genai_b3_sampled(const genai_trace_ctx_t *t);

/* lower-case; out of 2 * n */
void genai_hex(const uint8_t *bytes, size_t n, char *out);

/* GENAI_OK when v is exactly 2 * n hex digits, of either case */
int genai_unhex(genai_str_t v, uint8_t *bytes, size_t n);


/*
 * Joins the n values of tracestate headers, in order, as W3C Trace Context
 * Level 2, 3.3: white space and empty members are dropped, of members with
 * the same key the first stays.  To be called only with a valid traceparent.
 * What does not fit into size (512 at least) goes: members longer than 128
 * first, then from the right.  GENAI_OK with *len, which may be 0;
 * GENAI_DECLINED when one member is not valid or there are more than 32: all
 * of it is to be dropped, while the traceparent stays valid.
 */
int genai_tracestate_combine(const genai_str_t *v, size_t n, char *buf,
    size_t size, size_t *len);

/*
 * May the n values of baggage headers be passed on as they are?  GENAI_OK;
 * GENAI_DECLINED above 64 members or 8192 bytes in all (commas between the
 * headers included); GENAI_ERROR when a member is malformed: no key, no "=",
 * or octets that the format has not got (W3C Baggage, 3.3).
 */
int genai_baggage_check(const genai_str_t *v, size_t n);


/*
 * Consistent probability sampling (OpenTelemetry): a trace is in when the
 * low 56 bits of its id reach the threshold, so that all who use the same
 * ratio agree, and a trace that is in at one ratio is in at any larger one.
 * A ratio of 1 or more samples all; 0, less, or NaN none.
 */
uint64_t genai_sample_threshold(double ratio);

int genai_sample(const uint8_t trace_id[16], uint64_t threshold);


#endif /* GENAI_TRACE_H */
