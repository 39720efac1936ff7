/*
 * Lane: single producer, readers with their own positions.
 */

#include "genai_ring.h"


#define GENAI_REC_SIZE  sizeof(genai_rec_t)


static genai_ring_meta_t *genai_ring_begin(genai_ring_t *r, uint64_t *seq);
static void genai_ring_publish(genai_ring_t *r, uint64_t seq);


/* the copy that nobody reads, made equal to the valid one */

static genai_ring_meta_t *
genai_ring_begin(genai_ring_t *r, uint64_t *seq)
{
    genai_ring_meta_t  *m;

    *seq = __atomic_load_n(&r->seq, __ATOMIC_RELAXED);

    m = &r->meta[(*seq + 1) & 1];
    *m = r->meta[*seq & 1];

    return m;
}


static void
genai_ring_publish(genai_ring_t *r, uint64_t seq)
{
    __atomic_store_n(&r->seq, seq + 1, __ATOMIC_RELEASE);

    /*
     * The next commit overwrites the copy that was valid until now; its
     * stores must not be seen before this one, or a reader could take a torn
     * copy for a good one.
     */

    __atomic_thread_fence(__ATOMIC_RELEASE);
}


void *
genai_ring_reserve(genai_ring_t *r, uint8_t *body, uint32_t size,
    uint32_t len, unsigned flags)
{
    uint64_t            head, tail, need, rest, room;
    genai_rec_t         skip;
    genai_ring_meta_t  *m;

    m = &r->meta[__atomic_load_n(&r->seq, __ATOMIC_RELAXED) & 1];
    head = m->head;
    tail = __atomic_load_n(&r->tail, __ATOMIC_ACQUIRE);

    need = genai_ring_size(len);
    rest = size - (head & (size - 1));

    if (need > rest) {
        need += rest;
    }

    room = (flags & GENAI_REC_ERROR) ? size : size - size / 4;

    if (head - tail + need > room) {
        return NULL;
    }

    if (need > rest) {
        skip.len = (uint32_t) (rest - GENAI_REC_SIZE);
        skip.kind = GENAI_RING_SKIP;
        skip.flags = 0;
        memcpy(body + (head & (size - 1)), &skip, sizeof(skip));

        return body + GENAI_REC_SIZE;
    }

    return body + (head & (size - 1)) + GENAI_REC_SIZE;
}


void
genai_ring_commit(genai_ring_t *r, uint8_t *body, uint32_t size, void *p,
    uint32_t len, unsigned kind, unsigned flags)
{
    uint64_t            seq, at, place;
    genai_rec_t         rec;
    genai_ring_meta_t  *m;

    m = genai_ring_begin(r, &seq);

    rec.len = len;
    rec.kind = (uint16_t) kind;
    rec.flags = (uint16_t) flags;

    place = (uint64_t) ((uint8_t *) p - body) - GENAI_REC_SIZE;
    memcpy(body + place, &rec, sizeof(rec));

    at = m->head & (size - 1);

    if (place != at) {
        m->head += size - at;
    }

    m->head += genai_ring_size(len);
    m->committed++;
    m->sampled += (flags & GENAI_REC_SAMPLED) != 0;

    genai_ring_publish(r, seq);
}


void
genai_ring_drop(genai_ring_t *r, unsigned reason, unsigned flags)
{
    uint64_t            seq;
    genai_ring_meta_t  *m;

    m = genai_ring_begin(r, &seq);

    m->dropped[reason]++;
    m->dropped_sampled[reason] += (flags & GENAI_REC_SAMPLED) != 0;

    genai_ring_publish(r, seq);
}


void
genai_ring_read(const genai_ring_t *r, genai_ring_meta_t *m)
{
    uint64_t  seq;

    for ( ;; ) {
        seq = __atomic_load_n(&r->seq, __ATOMIC_ACQUIRE);

        *m = *(const volatile genai_ring_meta_t *) &r->meta[seq & 1];

        __atomic_thread_fence(__ATOMIC_ACQUIRE);

        if (__atomic_load_n(&r->seq, __ATOMIC_RELAXED) == seq) {
            return;
        }
    }
}


const void *
genai_ring_peek(const uint8_t *body, uint32_t size, uint64_t head,
    uint64_t *pos, genai_rec_t *rec, int *bad)
{
    uint64_t        rest, left;
    const uint8_t  *p;

    *bad = 0;

    while (*pos != head) {

        left = head - *pos;
        rest = size - (*pos & (size - 1));
        p = body + (*pos & (size - 1));

        if (left > size || (*pos & 7) || left < GENAI_REC_SIZE) {
            *bad = 1;
            return NULL;
        }

        memcpy(rec, p, sizeof(*rec));

        if (rec->len > size
            || genai_ring_size(rec->len) > rest
            || genai_ring_size(rec->len) > left)
        {
            *bad = 1;
            return NULL;
        }

        if (rec->kind != GENAI_RING_SKIP) {
            return p + GENAI_REC_SIZE;
        }

        *pos += rest;
    }

    return NULL;
}


void
genai_ring_release(genai_ring_t *r, uint64_t pos)
{
    if (pos > __atomic_load_n(&r->tail, __ATOMIC_RELAXED)) {
        __atomic_store_n(&r->tail, pos, __ATOMIC_RELEASE);
    }
}
