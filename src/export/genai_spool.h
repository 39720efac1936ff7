/*
 * A sink's spool: records on disk while its receiver cannot take them.
 *
 * Segments NAME.PID.SEQ.spool (mode 0600) in one directory that several
 * sinks, and two masters during a binary upgrade, share.  A segment belongs
 * to the process that holds its flock(); one that nobody holds is adopted by
 * whoever finds it.  Byte order is the machine's.
 *
 *   segment  "GENAISPL", version, where reading goes on, then records
 *   record   magic, length, kind, flags, CRC-32 of all that, bytes, pad to 8
 *
 * What a process has written survives its death at any instruction, and its
 * master's.  For the machine's sake segments are fdatasync()ed when they are
 * full and when they are closed, not on every write.
 */

#ifndef GENAI_SPOOL_H
#define GENAI_SPOOL_H

#include <sys/types.h>

#include "genai_lib.h"
#include "genai_ring.h"
#include "genai_sink.h"


typedef struct {
    const char    *path;
    uint64_t       max;                /* bytes of all segments in it */
    uid_t          uid;                /* of new segments, when we are root */
    gid_t          gid;
    genai_log_pt   log;
    void          *log_data;

    uint64_t       used;               /* kept by this module */
} genai_spool_dir_t;


typedef struct genai_spool_s  genai_spool_t;


/* nothing is opened yet; NULL: no memory */
genai_spool_t *genai_spool_create(genai_spool_dir_t *dir, const char *name);

/* adopts the segments of this name that nobody holds and counts dir->used
 * anew.  Returns the good records found in them */
uint64_t genai_spool_adopt(genai_spool_t *s);

/* adds a record to what the next flush writes.  GENAI_AGAIN: flush first;
 * GENAI_DECLINED: the limit is reached */
int genai_spool_append(genai_spool_t *s, unsigned kind, unsigned flags,
    const void *buf, size_t len);

/* writes what was appended: all (GENAI_OK) or nothing (GENAI_ERROR: disk full
 * or broken).  Either way nothing is left to flush */
int genai_spool_flush(genai_spool_t *s);

/* forgets what was appended and not flushed */
void genai_spool_discard(genai_spool_t *s);

/* the oldest record not yet taken; NULL: there is none.  Valid until the next
 * call */
const void *genai_spool_peek(genai_spool_t *s, genai_rec_t *rec);

/* takes the record that peek gave */
void genai_spool_next(genai_spool_t *s);

/* what was taken is dealt with: never given again, its segments go */
void genai_spool_done(genai_spool_t *s);

/* what was taken since the last done() will be given again */
void genai_spool_rewind(genai_spool_t *s);

/* records on disk, not done */
uint64_t genai_spool_records(const genai_spool_t *s);

/* gives up the locks; frees */
void genai_spool_destroy(genai_spool_t *s);


#endif /* GENAI_SPOOL_H */
