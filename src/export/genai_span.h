/*
 * A finished call as a span: the one mapping that every sink writes from.
 *
 * Names and types are those of the OpenTelemetry conventions (GenAI 0.1.0,
 * HTTP 1.45) and, with the prefixes genai. and rag., our own for what they do
 * not name; README lists all of them.  What is not known is absent, integers
 * are integers, lists are lists, every string is valid UTF-8, no key comes
 * twice: an attribute of the operator's replaces ours.
 */

#ifndef GENAI_SPAN_H
#define GENAI_SPAN_H

#include "genai_call.h"


#define GENAI_SPAN_SCOPE         "ngx_http_genai_module"

#define GENAI_SPAN_NAME          256   /* bytes of a span's name */
#define GENAI_SPAN_MESSAGE       256   /* bytes of a status message */
#define GENAI_SPAN_REPAIR        2048  /* bytes of a string that had to be
                                          made valid UTF-8 */
#define GENAI_SPAN_LIST          16    /* values of a list */
#define GENAI_SPAN_ATTRS_MAX     192   /* attributes of a span at most */
#define GENAI_SPAN_USD           40    /* genai_span_usd() */


/* OTLP's SpanKind and StatusCode */

enum {
    GENAI_SPAN_INTERNAL = 1,
    GENAI_SPAN_SERVER = 2,
    GENAI_SPAN_CLIENT = 3
};

enum {
    GENAI_SPAN_UNSET = 0,
    GENAI_SPAN_ERROR = 2
};

/* OTLP's SpanFlags: whether the parent is remote is known, and so it is */

#define GENAI_SPAN_HAS_REMOTE    0x100
#define GENAI_SPAN_REMOTE        0x200


typedef enum {
    GENAI_ATTR_STRING = 0,
    GENAI_ATTR_INT,
    GENAI_ATTR_DOUBLE,
    GENAI_ATTR_BOOL,
    GENAI_ATTR_STRINGS
} genai_span_attr_e;


/* valid until the visitor returns, s and list of unrepaired strings as long
 * as the call is */

typedef struct {
    genai_str_t          key;
    genai_span_attr_e    type;
    genai_str_t          s;
    int64_t              i;            /* also of a bool: 0 or 1 */
    double               d;            /* finite */
    const genai_str_t   *list;
    size_t               nlist;
} genai_span_attr_t;


typedef struct {
    const uint8_t       *trace_id;     /* 16 bytes */
    const uint8_t       *span_id;      /* 8 bytes */
    const uint8_t       *parent_id;    /* 8 bytes, NULL: a root */
    genai_str_t          trace_state;
    genai_str_t          name;         /* never empty */
    genai_str_t          message;      /* of the status, may be empty */
    uint64_t             start_unix_ns;
    uint64_t             end_unix_ns;  /* never before the start */
    uint32_t             flags;        /* W3C's 8 bits and SpanFlags */
    uint8_t              kind;
    uint8_t              status;

    char                 name_buf[GENAI_SPAN_NAME];
    char                 message_buf[GENAI_SPAN_MESSAGE];
} genai_span_t;


typedef struct {
    genai_str_t          name;
    uint64_t             time_unix_ns;
} genai_span_event_t;


/* OTLP's SeverityNumber */

enum {
    GENAI_LOG_INFO = 9,
    GENAI_LOG_WARN = 13
};

typedef struct {
    genai_span_event_t   event;
    genai_str_t          body;
    uint8_t              severity;
    char                 buf[GENAI_SPAN_MESSAGE];
} genai_span_log_t;


/* anything but GENAI_OK stops the visit and is its result */
typedef int (*genai_span_visit_pt)(void *data, const genai_span_attr_t *v);


/* everything of a span but its attributes; s refers to c and to itself, so it
 * must not be copied or outlive c */
void genai_span_init(genai_span_t *s, const genai_call_t *c);

/* every attribute, at most GENAI_SPAN_ATTRS_MAX; GENAI_OK or what the visitor
 * returned */
int genai_span_attrs(const genai_call_t *c, genai_span_visit_pt visit,
    void *data);

/* the event of a call that a budget refused, or would have refused;
 * GENAI_DECLINED: this call has none */
int genai_span_event(const genai_call_t *c, genai_span_event_t *e);

/* its attributes, as genai_span_attrs() */
int genai_span_event_attrs(const genai_call_t *c, genai_span_visit_pt visit,
    void *data);

/* the log record of a call with an event, or of what is no call (internal);
 * GENAI_DECLINED: nothing is to be logged.  As genai_span_init(), l must not
 * be copied or outlive c */
int genai_span_log(const genai_call_t *c, genai_span_log_t *l);

/* its attributes, as genai_span_attrs() */
int genai_span_log_attrs(const genai_call_t *c, genai_span_visit_pt visit,
    void *data);

/* http.request.method: itself, or "_OTHER" when the conventions do not list
 * it; empty when empty */
genai_str_t genai_span_method(genai_str_t method);

/* a peer as nginx writes it, ip:port, [ip6]:port or unix:path; returns the
 * port, 0 when there is none */
unsigned genai_span_host_port(genai_str_t peer, genai_str_t *host);

/* pico-USD as decimal USD with no more digits than needed, at most 12 after
 * the point, exact; buf has GENAI_SPAN_USD bytes; returns the length */
size_t genai_span_usd(int64_t pico, char *buf);

/* the double nearest to that decimal */
double genai_span_usd_double(int64_t pico);

/* s itself when it is valid UTF-8 without NUL, else a copy in buf with U+FFFD
 * for each bad byte, cut at a character when size does not suffice */
genai_str_t genai_span_utf8(genai_str_t s, char *buf, size_t size);

/* no more than max bytes of s, ending between characters */
genai_str_t genai_span_cut(genai_str_t s, size_t max);


#endif /* GENAI_SPAN_H */
