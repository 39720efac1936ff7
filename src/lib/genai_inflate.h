/*
 * A bounded side inflate: bodies with a content coding are decoded beside
 * their way, for metering alone; the bytes that pass stay as they are.
 *
 * gzip (RFC 1952, any number of members), deflate (RFC 9110 8.4.1.2: zlib's
 * format, and the raw one that some send), and, when built with their
 * libraries, zstd (RFC 8878, windows up to 8 MB as RFC 9659 says) and br
 * (RFC 7932).  What comes out goes to the caller in pieces of at most
 * GENAI_INFLATE_PIECE bytes; only the state of the format is kept.
 *
 * Memory comes from the caller when such a body appears: about 40 KB for
 * gzip and deflate; for br and zstd up to the size of the window that the
 * sender chose.  zstd's comes from its library, which is why an object must
 * be freed.
 *
 * Bombs: decoding ends for good when the output passes GENAI_INFLATE_MAX, or
 * GENAI_INFLATE_FREE and GENAI_INFLATE_RATIO times the input.
 */

#ifndef GENAI_INFLATE_H
#define GENAI_INFLATE_H

#include "genai_lib.h"


#define GENAI_INFLATE_PIECE  4096
#define GENAI_INFLATE_MAX    (256 * 1024 * 1024)
#define GENAI_INFLATE_FREE   (1024 * 1024)
#define GENAI_INFLATE_RATIO  100


typedef enum {
    GENAI_CODING_NONE = 0,        /* no coding, or identity */
    GENAI_CODING_GZIP,
    GENAI_CODING_DEFLATE,
    GENAI_CODING_ZSTD,
    GENAI_CODING_BR,
    GENAI_CODING_OTHER            /* unknown, more than one, or not built */
} genai_coding_e;


/* where the state is kept; free may do nothing */

typedef struct {
    void  *(*alloc)(void *data, size_t size);
    void   (*free)(void *data, void *p);
    void    *data;
} genai_memory_t;


typedef struct genai_inflate_s  genai_inflate_t;

typedef void (*genai_inflate_out_pt)(void *data, const char *buf, size_t len);


/* the value of a Content-Encoding header -> genai_coding_e */
unsigned genai_coding(genai_str_t value);

/*
 * For GZIP to BR; memory and what it refers to outlive the object.  NULL: no
 * memory.  out is called from genai_inflate_feed() with what was decoded.
 */
genai_inflate_t *genai_inflate_create(unsigned coding,
    const genai_memory_t *memory, genai_inflate_out_pt out, void *data);

/*
 * GENAI_OK; GENAI_ERROR: this is not what the coding says; GENAI_DECLINED:
 * the bound is reached.  Both are latched.  A body labelled gzip that does
 * not begin as such is taken as it is: senders that label a plain one exist.
 */
int genai_inflate_feed(genai_inflate_t *z, const char *buf, size_t len);

/* the input has ended: GENAI_DONE, with the end of what was coded, or
 * GENAI_ERROR */
int genai_inflate_finish(genai_inflate_t *z);

void genai_inflate_free(genai_inflate_t *z);


#endif /* GENAI_INFLATE_H */
