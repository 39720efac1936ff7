/*
 * Server-Sent Events (WHATWG HTML, 9.2.6), resumable, in constant memory.
 *
 * Lines end in LF, CRLF or CR; a byte order mark at the start is skipped;
 * "data:" lines of an event are joined by LF; comments and fields other than
 * event and data are passed over.  The data of an event is handed on in
 * pieces as it comes, so that an event of any size costs no memory.
 * Splitting the input anywhere gives the same events.
 */

#ifndef GENAI_SSE_H
#define GENAI_SSE_H

#include "genai_lib.h"


#define GENAI_SSE_EVENT  64       /* bytes kept of an event's name */


typedef struct {
    /* the first data line of an event begins; event is its name as far as
     * it is known by now, usually all of it, empty if there was none */
    void (*on_begin)(void *data, genai_str_t event);
    /* never empty; the bytes live in the caller's input */
    void (*on_data)(void *data, const char *buf, size_t len);
    /* the event is over: an empty line was read; event is final here */
    void (*on_end)(void *data, genai_str_t event);
} genai_sse_handler_t;


/* all fields are private */

typedef struct {
    const genai_sse_handler_t  *handler;
    void                       *data;
    uint8_t                     state;
    uint8_t                     got;        /* bytes of field[] or the BOM */
    uint8_t                     cr;         /* the last byte was a CR */
    uint8_t                     begun;      /* on_begin was called */
    uint8_t                     partial;    /* fields, but no empty line yet */
    uint8_t                     event_len;
    char                        field[6];
    char                        event[GENAI_SSE_EVENT];
} genai_sse_t;


/* handler must outlive the stream */
void genai_sse_init(genai_sse_t *s, const genai_sse_handler_t *handler,
    void *data);

/* reads len bytes; there is no input that is not a stream of events */
void genai_sse_feed(genai_sse_t *s, const char *buf, size_t len);

/*
 * The input has ended.  GENAI_DONE between events, GENAI_ERROR when it ended
 * inside one: fields or part of a line came after the last empty line.  Such
 * an event gets no on_end.
 */
int genai_sse_finish(genai_sse_t *s);


#endif /* GENAI_SSE_H */
