/*
 * Takes the usage chunk out of an OpenAI-shaped chat stream: the event, last
 * before "[DONE]", that has "choices":[] and a usage, sent because the
 * gateway asked for it (stream_options.include_usage, wire-formats 8.2).
 *
 * Events leave when they are whole, so that at most one is held; one that
 * does not fit into the hold passes as it comes.  All other bytes are as they
 * were, and the same wherever the input is cut.
 */

#ifndef GENAI_HIDE_H
#define GENAI_HIDE_H

#include "genai_lib.h"


typedef struct {
    char      *hold;
    size_t     size;
    size_t     len;               /* of the event that has begun */
    unsigned   newline:1;         /* nothing but an end of line was read */
    unsigned   passing:1;         /* this event is too long to be held */
} genai_hide_t;


/* hold is size bytes of the caller's */
void genai_hide_init(genai_hide_t *h, char *hold, size_t size);

/* reads len bytes; gives the number of bytes written to out, which has room
 * for h->len + len */
size_t genai_hide_feed(genai_hide_t *h, const char *in, size_t len,
    char *out);

/* the input has ended: what is held, to out, which has room for h->len */
size_t genai_hide_end(genai_hide_t *h, char *out);


#endif /* GENAI_HIDE_H */
