/*
 * Private to genai_body*.c: answers that come in events.
 */

#ifndef GENAI_BODY_STREAM_H
#define GENAI_BODY_STREAM_H

#include "genai_body_fields.h"


/* ranks of an error's type above those of the rows */

#define GENAI_BODY_RANK_HEADER  16
#define GENAI_BODY_RANK_FRAME   17


/* sets up what b->mode needs; nothing for JSON */
void genai_body_stream_begin(genai_body_t *b);

void genai_body_stream_feed(genai_body_t *b, const char *buf, size_t len);

/* an element of a JSON array that is a stream is over */
void genai_body_piece(genai_body_t *b);

/* the answer told an error though its status is good */
void genai_body_event_error(genai_body_t *b);

/* GENAI_OK: it had its end, or what is wrong is already in the call;
 * GENAI_DECLINED: it was cut */
int genai_body_stream_end(genai_body_t *b, int complete);


#endif /* GENAI_BODY_STREAM_H */
