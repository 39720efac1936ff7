/*
 * Ending a stream before its end: where it can be cut, and the last event
 * that its client gets, in its own protocol, so that the SDK raises a typed
 * error and does not ask again (wire-formats 3.5, 5.5, 8).
 */

#ifndef GENAI_STOP_H
#define GENAI_STOP_H

#include "genai_lib.h"


#define GENAI_STOP_SIZE  1024     /* room for the last event, whatever the
                                     text */


typedef enum {
    GENAI_STOP_NONE = 0,          /* not a stream that can be ended early */
    GENAI_STOP_FRAMES,            /* AWS event stream */
    GENAI_STOP_SSE
} genai_stop_e;


typedef struct {
    uint32_t   left;              /* bytes of the frame after its length */
    uint8_t    framing;           /* genai_stop_e */
    uint8_t    got;               /* bytes of a frame's length */
    uint8_t    length[4];
    unsigned   begun:1;           /* SSE: the event has a line */
    unsigned   newline:1;         /* SSE: at the start of a line */
    unsigned   cr:1;              /* SSE: the byte before was a CR */
    unsigned   lost:1;            /* lengths that cannot be */
} genai_stop_t;


/* how the stream of this content type and API (genai_api_e) can be ended */
unsigned genai_stop_framing(genai_str_t content_type, unsigned api);

void genai_stop_init(genai_stop_t *s, unsigned framing);

/* reads len bytes; gives the number of them up to the end of the last event
 * that ends in them, 0: none does */
size_t genai_stop_feed(genai_stop_t *s, const char *buf, size_t len);

/* the last event, with text in it, into buf; gives its length, 0 when size
 * does not suffice */
size_t genai_stop_event(unsigned framing, unsigned api, genai_str_t text,
    char *buf, size_t size);


#endif /* GENAI_STOP_H */
