/*
 * A finished call <-> its bytes in a lane or in the spool.
 *
 * A record is: version u8, trace id 16, span id 8, parent id 8, then fields,
 * each a tag byte and its value: integers as LEB128 varints (signed ones
 * zigzag), doubles as 8 bytes little endian, strings as varint length and
 * bytes.  Unknown values are not written.  Instants are written as distances
 * from the start of the call, so the decoded start_ns is GENAI_RECORD_BASE
 * and the others stand relative to it; start_unix_ns is absolute.
 *
 * Readers skip tags that they do not know: a record written before an upgrade
 * can be replayed from the spool after it, and the other way round.
 */

#ifndef GENAI_RECORD_H
#define GENAI_RECORD_H

#include "genai_call.h"


#define GENAI_RECORD_VERSION  1
#define GENAI_RECORD_MAX      (32 * 1024)
#define GENAI_RECORD_ATTRS    64          /* decoded at the most */
#define GENAI_RECORD_BASE     1           /* start_ns of a decoded call */


/*
 * Writes c into buf.  Gives the number of bytes, or 0 when size is less than
 * what the fixed part needs (GENAI_RECORD_MAX always suffices).  Strings and
 * attributes that do not fit are left out and counted in *left_out (may be
 * NULL), the longest last.
 */
size_t genai_record_encode(const genai_call_t *c, void *buf, size_t size,
    unsigned *left_out);

/*
 * Reads len bytes into c (initialised here).  Strings and attributes point
 * into buf.  attrs takes up to nattrs attributes.
 * GENAI_OK; GENAI_DECLINED: another version; GENAI_ERROR: not a record.
 */
int genai_record_decode(const void *buf, size_t len, genai_call_t *c,
    genai_attr_t *attrs, size_t nattrs);


#endif /* GENAI_RECORD_H */
