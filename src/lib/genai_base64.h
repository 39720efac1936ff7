/*
 * Base64 (RFC 4648 section 4), decoded in any pieces.
 */

#ifndef GENAI_BASE64_H
#define GENAI_BASE64_H

#include "genai_lib.h"


typedef struct {
    uint32_t  bits;               /* of the group at hand */
    uint8_t   n;                  /* characters of the group, 0 … 3 */
    uint8_t   pad;                /* '=' seen */
    uint8_t   error;
} genai_base64_t;


/* room for what len more characters can decode to, whatever came before */
#define genai_base64_room(len)  ((len) / 4 * 3 + 3)


void genai_base64_init(genai_base64_t *b);

/*
 * Decodes len characters into out, of genai_base64_room(len) bytes or more;
 * *outlen is set to what was written.  A byte is given as soon as its last
 * bit is in.  GENAI_AGAIN, or GENAI_ERROR for anything that is no base64
 * (white space and the URL alphabet too), for a '=' where none can be and
 * for data after it.  The error is latched; what came before it was decoded.
 */
int genai_base64_feed(genai_base64_t *b, const char *in, size_t len,
    char *out, size_t *outlen);

/*
 * The text has ended: GENAI_DONE, with or without padding; GENAI_ERROR when
 * a lone character is left over or there was an error.
 */
int genai_base64_finish(genai_base64_t *b);


#endif /* GENAI_BASE64_H */
