/*
 * Refusals that the caller's own SDK understands (wire-formats 5.2, 5.5, 8):
 * the body of an error in the shape of the API that was spoken.
 */

#ifndef GENAI_REFUSAL_H
#define GENAI_REFUSAL_H

#include "genai_call.h"


/* the same fault in each API's words */

typedef struct {
    unsigned     status;          /* HTTP status */
    const char  *aws;             /* x-amzn-ErrorType */
    const char  *anthropic;       /* error.type */
    const char  *openai;          /* error.type */
    const char  *openai_code;     /* error.code */
    const char  *google;          /* error.status */
} genai_refusal_t;


extern const genai_refusal_t  genai_refusal_window;  /* a prompt too long */


/*
 * Writes the body into buf, as much as JSON strings of message need: six
 * bytes for each of its own and 256 always suffice.  Gives the length, 0 when
 * size does not suffice.  api: genai_api_e; what has no shape of its own gets
 * AWS's.
 */
size_t genai_refuse_body(const genai_refusal_t *r, unsigned api,
    genai_str_t message, char *buf, size_t size);

/* the value of x-amzn-ErrorType, NULL when the API has no such header */
const char *genai_refuse_type(const genai_refusal_t *r, unsigned api);


#endif /* GENAI_REFUSAL_H */
