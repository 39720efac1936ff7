/*
 * Private to genai_body*.c: what a row's value does to the call.
 */

#ifndef GENAI_BODY_FIELDS_H
#define GENAI_BODY_FIELDS_H

#include "genai_api_tables.h"
#include "genai_body.h"


/* how a response is read */

enum {
    GENAI_BODY_NONE = 0,
    GENAI_BODY_JSON,
    GENAI_BODY_ERROR,             /* JSON of an error status */
    GENAI_BODY_EVENTS,            /* from here on a stream */
    GENAI_BODY_CHUNKS,
    GENAI_BODY_SSE,
    GENAI_BODY_LINES
};


/* what a field is in the call */

typedef enum {
    GENAI_FIELD_SPECIAL = 0,
    GENAI_FIELD_STR,                    /* genai_str_t, at most max bytes */
    GENAI_FIELD_I64,                    /* -1 unknown */
    GENAI_FIELD_U32,
    GENAI_FIELD_DOUBLE,
    GENAI_FIELD_BODY,                   /* of usage[GENAI_USAGE_BODY] */
    GENAI_FIELD_FRAME                   /* of usage[GENAI_USAGE_FRAME] */
} genai_field_kind_e;


/* a genai_json_emit_pt; data is the genai_body_t */
void genai_body_emit(void *data, const genai_json_row_t *row,
    const genai_json_value_t *v);

/* decodes a piece of a chunk's base64 and reads what is inside */
void genai_body_chunk(genai_body_t *b, const genai_json_value_t *v);

/*
 * Puts a value into a string of the call, in the arena: at most max bytes;
 * a value that does not fit leaves what was there.
 */
void genai_body_keep(genai_call_t *c, genai_str_t *slot, genai_str_t s,
    size_t max);

/* what only a budget asks of a request, and the "type" of a prompt's part */
void genai_body_asked(genai_call_t *c, unsigned field, unsigned arg,
    const genai_json_value_t *v);
void genai_body_part(genai_call_t *c, genai_str_t type);

/* genai_field_kind_e */
unsigned genai_field_kind(unsigned field);

/* a candidate for the error's type, of what was sent: cut as clients do */
void genai_body_error_type(genai_body_t *b, genai_str_t s, unsigned rank);


#endif /* GENAI_BODY_FIELDS_H */
