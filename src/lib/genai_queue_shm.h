/*
 * The queue's shared memory, for genai_queue.c (writers, lease) and
 * genai_queue_read.c (holder, statistics) only.
 */

#ifndef GENAI_QUEUE_SHM_H
#define GENAI_QUEUE_SHM_H

#include "genai_queue.h"


#define GENAI_QUEUE_READERS  (GENAI_QUEUE_SINKS + 1)


enum {
    GENAI_SINK_FREE = 0,
    GENAI_SINK_JOINING,
    GENAI_SINK_ACTIVE,
    GENAI_SINK_LEAVING
};


typedef struct {
    genai_ring_t     ring;
    uint32_t         pid;              /* 0: no owner */
    uint32_t         generation;
    uint64_t         start;
    uint32_t         body;             /* index + 1, 0: none */
} __attribute__((aligned(64))) genai_lane_t;


typedef struct {
    uint32_t         state;
    char             name[GENAI_QUEUE_NAME];
    uint64_t         finished;         /* sum over lanes when it joined */
    uint64_t         dropped[GENAI_RING_DROP_N];
    uint64_t         removed;          /* LEAVING: the header's new value */
    genai_account_t  account;
} genai_sink_slot_t;


typedef struct {
    uint32_t         valid;
    uint32_t         slot;
    uint32_t         n;
    genai_account_t  account;
    uint16_t         lanes[GENAI_QUEUE_LANES];
    genai_cursor_t   cursor[GENAI_QUEUE_LANES];
} genai_redo_t;


struct genai_queue_shm_s {
    uint64_t           magic;
    uint32_t           version;
    uint32_t           header;         /* sizeof(genai_queue_shm_t) */
    uint64_t           size;
    uint32_t           body_size;
    uint32_t           nbodies;

    uint32_t           lanes;          /* lanes ever used, overflow counts */
    uint32_t           generation;

    uint32_t           lease_pid;
    uint32_t           lease_generation;
    uint64_t           lease_start;
    uint32_t           wanted;

    uint32_t           seq;            /* odd: an outcome is being applied */
    uint64_t           removed;

    genai_sink_slot_t  sinks[GENAI_QUEUE_SINKS];
    genai_redo_t       redo;
    genai_cursor_t     cursor[GENAI_QUEUE_LANES][GENAI_QUEUE_READERS];
    genai_lane_t       lane[GENAI_QUEUE_LANES];
};


/* lane 0 is the overflow lane, slot n has lane n + 1 */

#define genai_queue_own(q)   (&(q)->sh->lane[(q)->self.slot + 1])

#define genai_load(p)        __atomic_load_n(p, __ATOMIC_RELAXED)
#define genai_load_acq(p)    __atomic_load_n(p, __ATOMIC_ACQUIRE)
#define genai_store(p, v)    __atomic_store_n(p, v, __ATOMIC_RELAXED)
#define genai_store_rel(p, v)  __atomic_store_n(p, v, __ATOMIC_RELEASE)


static inline void
genai_queue_step(genai_queue_t *q)
{
    if (genai_unlikely(q->env.step != NULL)) {
        q->env.step(q->env.data);
    }
}


static inline uint8_t *
genai_queue_body(const genai_queue_t *q, uint32_t body)
{
    return body == 0 ? NULL
                     : q->bodies + (size_t) (body - 1) * q->sh->body_size;
}


/* completes what a holder that died may have left undone */
void genai_queue_recover(genai_queue_t *q);


#endif /* GENAI_QUEUE_SHM_H */
