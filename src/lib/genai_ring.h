/*
 * A lane: a byte ring in shared memory with one producer and readers that
 * keep their own positions.
 *
 * Positions are byte counts that only grow; a position modulo the body's
 * size (a power of two) is the place in the body.  A record is an 8-byte
 * header and its bytes, padded to 8; a record never wraps: a marker fills
 * the rest of the body when it would.
 *
 * Everything that a commit or a drop changes lies in one of two copies and
 * becomes visible by the single release-store of seq.  A producer killed at
 * any instruction therefore leaves either the state before or the state
 * after, counters included.
 */

#ifndef GENAI_RING_H
#define GENAI_RING_H

#include "genai_lib.h"


#define GENAI_REC_SAMPLED   0x0001     /* spans are exported */
#define GENAI_REC_ERROR     0x0002     /* may use the last quarter */

#define GENAI_RING_SKIP     0xffff     /* kind of the filler at the wrap */


enum {
    GENAI_RING_FULL = 0,               /* the lane was full */
    GENAI_RING_NO_BODY,                /* no lane free, overflow lane full */
    GENAI_RING_OVERSIZE,               /* longer than a record may be */
    GENAI_RING_DROP_N
};


typedef struct {
    uint32_t  len;                     /* of the bytes that follow */
    uint16_t  kind;
    uint16_t  flags;
} genai_rec_t;


typedef struct {
    uint64_t  head;                    /* end of the last record */
    uint64_t  committed;               /* records, all */
    uint64_t  sampled;                 /* records with GENAI_REC_SAMPLED */
    uint64_t  dropped[GENAI_RING_DROP_N];
    uint64_t  dropped_sampled[GENAI_RING_DROP_N];
} genai_ring_meta_t;


typedef struct {
    uint64_t           seq;            /* meta[seq & 1] is valid */
    genai_ring_meta_t  meta[2];        /* written by the producer */
    uint64_t           tail __attribute__((aligned(64)));
                                       /* written by the reader: space
                                          before it is free */
} __attribute__((aligned(64))) genai_ring_t;


/* bytes that a record of len payload bytes takes */
static inline uint64_t
genai_ring_size(uint32_t len)
{
    return sizeof(genai_rec_t) + (((uint64_t) len + 7) & ~(uint64_t) 7);
}


/* space for a record of len bytes in a body of size bytes (a power of two);
 * NULL when there is none.  Nothing is visible before the commit, and a
 * second reserve forgets the first */
void *genai_ring_reserve(genai_ring_t *r, uint8_t *body, uint32_t size,
    uint32_t len, unsigned flags);

/* makes the record visible; p is from reserve, len not longer than there */
void genai_ring_commit(genai_ring_t *r, uint8_t *body, uint32_t size, void *p,
    uint32_t len, unsigned kind, unsigned flags);

/* counts a record that was not written */
void genai_ring_drop(genai_ring_t *r, unsigned reason, unsigned flags);

/* a consistent copy of head and counters, as of one commit */
void genai_ring_read(const genai_ring_t *r, genai_ring_meta_t *m);

/* the record at *pos, NULL at head.  *pos moves over a filler, not over the
 * record: genai_ring_next() does.  *bad is set when the bytes cannot be a
 * record (then the rest up to head is lost) */
const void *genai_ring_peek(const uint8_t *body, uint32_t size,
    uint64_t head, uint64_t *pos, genai_rec_t *rec, int *bad);

static inline uint64_t
genai_ring_next(uint64_t pos, const genai_rec_t *rec)
{
    return pos + genai_ring_size(rec->len);
}

/* gives the space before pos back to the producer; never moves back */
void genai_ring_release(genai_ring_t *r, uint64_t pos);


#endif /* GENAI_RING_H */
