/*
 * The bodies of one call: request and response are fed as they pass, in any
 * pieces, and the facts land in the call.  One object of fixed size serves
 * both directions; nothing is kept of the bodies but what the call holds.
 *
 * Order of calls:
 *
 *     genai_body_request_begin
 *         request_header*  request_feed*  request_end
 *         response_begin   response_header*  response_feed*  response_end
 *
 * response_header may also come before response_begin.  A response may begin
 * while the request is still being sent (an answer in chunks takes over the
 * request's parser: what is fed of the request after that is not looked at).
 * Every function may be left out, and none fails: what cannot be read leaves
 * the call with bad_body, an error and, after genai_usage_settle(), without
 * usage_complete.
 *
 * Errors that are not the provider's own words: truncated_response (no end
 * was seen), client_closed_request, bad_frame (lengths, CRC), malformed_body,
 * empty_body, unexpected_content_type, and a status that nobody named ("503").
 */

#ifndef GENAI_BODY_H
#define GENAI_BODY_H

#include "genai_api.h"
#include "genai_base64.h"
#include "genai_eventstream.h"
#include "genai_inflate.h"
#include "genai_sse.h"


#define GENAI_BODY_MESSAGE   200    /* bytes kept of an error's message */
#define GENAI_BODY_SIZE      2000   /* sizeof(genai_body_t) stays below */


typedef struct {
    genai_call_t            *call;
    const genai_apis_t      *apis;

    genai_json_t             json;       /* documents of a response */

    union {
        genai_json_t         request;
        genai_json_t         inner;      /* documents inside chunks */
    } u;

    union {
        genai_eventstream_t  es;
        genai_sse_t          sse;
    } s;

    genai_base64_t           base64;

    const genai_memory_t    *memory;     /* NULL: coded bodies are not read */
    genai_inflate_t         *request_z;
    genai_inflate_t         *response_z;
    struct genai_extract_s  *extract;    /* NULL: nothing beside the tables */
    struct genai_capture_s  *capture;

    genai_str_t              error_type;     /* best candidate so far */
    genai_str_t              error_message;
    genai_str_t              block_name;     /* of a block being read */

    /* what the table says of the last event; the next is often like it */
    const genai_api_event_t    *row;
    const genai_json_program_t *row_program;

    int64_t                  ttl_tokens;     /* of an element of a split */
    double                   check_score;    /* of a guardrail's check */
    uint64_t                 now_ns;         /* of the feed that runs */
    uint32_t                 delta_bytes;    /* of a payload not looked into */
    uint16_t                 block_mark;     /* arena before block_name */
    uint16_t                 status;
    uint8_t                  mode;           /* how the response is read */
    uint8_t                  state;          /* what is done with a payload */
    uint8_t                  event;          /* flags of the current event */
    uint8_t                  error_rank;
    uint8_t                  origin;         /* of an error status */
    uint8_t                  prefix;         /* bytes matched of a prefix */
    uint8_t                  prefix_set;     /* families it may be, bits */
    uint8_t                  empty;          /* bytes of a delta's frame */
    uint8_t                  row_empty;      /* … if it is one */
    uint8_t                  prefix_last;    /* family of the last delta */
    char                     tail[4];        /* last bytes of a payload */
    unsigned                 request_on:1;
    unsigned                 response_past:1;  /* its end was told */
    unsigned                 seen:1;         /* a byte of the response came */
    unsigned                 ended:1;        /* the last event came */
    unsigned                 inner_on:1;
    unsigned                 inner_done:1;
    unsigned                 ttl_1h:1;
    unsigned                 check:2;        /* its kind, 0 none known */
    unsigned                 check_scored:1;
    unsigned                 block_tool:1;
    unsigned                 visible:1;      /* this event shows something */
    unsigned                 failed:1;       /* this event tells an error */
    unsigned                 stopping:1;     /* this event told the reason */
    unsigned                 broken:1;       /* no more can be read */
} genai_body_t;


/*
 * Starts a call whose operation genai_api_detect() has found; call and apis
 * outlive b.
 */
void genai_body_request_begin(genai_body_t *b, const genai_apis_t *apis,
    genai_call_t *call);

/*
 * Where the state of a body's content coding is kept: about 40 KB, for as
 * long as such a body passes, beyond the fixed size of b.  After
 * genai_body_request_begin(); m outlives b.  Not called: such bodies are not
 * read, call->skip is GENAI_SKIP_ENCODED.
 */
void genai_body_memory(genai_body_t *b, const genai_memory_t *m);

/* takes the values of rows that genai_apis_create_more() was given; after
 * genai_body_request_begin() */
void genai_body_extract(genai_body_t *b, struct genai_extract_s *x);
void genai_body_capture(genai_body_t *b, struct genai_capture_s *x);

/* gives back what genai_body_memory() has lent; the ends of the bodies do,
 * too */
void genai_body_free(genai_body_t *b);

/* one header of the request, name in any case; the value must live as long
 * as the call */
void genai_body_request_header(genai_body_t *b, genai_str_t name,
    genai_str_t value);

void genai_body_request_feed(genai_body_t *b, const char *buf, size_t len);

/* complete: the whole body was seen */
void genai_body_request_end(genai_body_t *b, int complete);

/* where an error status comes from: GENAI_ORIGIN_UPSTREAM unless this is
 * called (GENAI_ORIGIN_GATEWAY for answers that nginx makes) */
void genai_body_response_origin(genai_body_t *b, unsigned origin);

/*
 * The head of the response: GENAI_OK, the bytes are wanted; GENAI_DECLINED,
 * they are not (the reason is in call->skip).  Sets call->status.
 */
int genai_body_response_begin(genai_body_t *b, unsigned status,
    genai_str_t content_type, genai_str_t content_encoding);

/* one header of the response; the value must live as long as the call */
void genai_body_response_header(genai_body_t *b, genai_str_t name,
    genai_str_t value);

/* now_ns: the clock of call->start_ns */
void genai_body_response_feed(genai_body_t *b, const char *buf, size_t len,
    uint64_t now_ns);

/*
 * The response is over.  complete: its real end was seen; otherwise it was
 * cut, by the client if call->aborted is set, by the upstream if not.  Once.
 */
void genai_body_response_end(genai_body_t *b, int complete, uint64_t now_ns);


#endif /* GENAI_BODY_H */
