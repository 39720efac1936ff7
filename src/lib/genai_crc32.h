/*
 * CRC-32 as in IEEE 802.3, zlib and AWS event streams: reflected, polynomial
 * 0x04c11db7, both ends inverted.
 */

#ifndef GENAI_CRC32_H
#define GENAI_CRC32_H

#include "genai_lib.h"


/*
 * The CRC of everything so far (0 at the start) and len more bytes; the
 * value may be compared at any time.  The same contract as zlib's crc32().
 */
uint32_t genai_crc32(uint32_t crc, const void *buf, size_t len);

/*
 * The CRC of len bytes, 8 or more, and that of the first 8 of them: a frame
 * of an event stream and its prelude, in one go.
 */

typedef struct {
    uint32_t  head;
    uint32_t  all;
} genai_crc32_head_t;

genai_crc32_head_t genai_crc32_head(const void *buf, size_t len);

/* which implementation runs: "pclmul", "armv8", "slice16" */
const char *genai_crc32_impl(void);

/*
 * Forces one of these, for tests and benchmarks; NULL: the best there is.
 * GENAI_DECLINED when this machine has not got it.
 */
int genai_crc32_impl_set(const char *name);


#endif /* GENAI_CRC32_H */
