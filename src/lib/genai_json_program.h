/*
 * A compiled program, private to genai_json*.c: a deterministic automaton.
 * One state stands for a set of paths that agree with what has been read of
 * the way to a value ("a.*.c" and "a.b.d" share a state at "a.b"), so that
 * each level of a document needs one number, and a key one look-up.
 *
 * Everything is in one piece of memory without pointers into itself: the
 * header, states, edges, pool of numbers, bytes of keys.  Where a state or an
 * edge says what is its own, it says it as bytes from the header.
 */

#ifndef GENAI_JSON_PROGRAM_H
#define GENAI_JSON_PROGRAM_H

#include "genai_json.h"


#define GENAI_JSON_DEAD  0         /* no row is here or below */
#define GENAI_JSON_ROOT  1


typedef struct {
    uint32_t  edges;               /* of its keys: mask + 1 of them by hash,
                                      without target where there is none */
    uint32_t  items;               /* in the pool: states of [0] … */
    uint32_t  rows;                /* in the pool: indices of rows */
    uint16_t  mask;                /* 0: no keys */
    uint16_t  any;                 /* state of any other key */
    uint16_t  nitems;
    uint16_t  each;                /* state of any other element */
    uint16_t  nrows;
    uint16_t  want;                /* of all its rows */
    uint32_t  unused[2];           /* a state's place is found by a shift */
} genai_json_state_t;


typedef struct {
    uint32_t  hash;
    uint32_t  key;                 /* among the bytes of keys */
    uint16_t  len;
    uint16_t  target;              /* not DEAD */
    uint32_t  unused;
} genai_json_edge_t;


struct genai_json_program_s {
    const genai_json_row_t  *rows;
    genai_json_state_t       states[];
};


static inline uint32_t
genai_json_load32(const char *p)
{
    uint32_t  n;

    memcpy(&n, p, 4);

    return n;
}


/* both ends and the length tell almost all keys of real documents apart */

static inline uint32_t
genai_json_hash(const char *key, size_t len)
{
    uint64_t  ends;

    if (len >= 4) {
        ends = genai_json_load32(key)
               | (uint64_t) genai_json_load32(key + len - 4) << 32;

    } else if (len) {
        ends = (uint8_t) key[0] | (uint64_t) (uint8_t) key[len / 2] << 8
               | (uint64_t) (uint8_t) key[len - 1] << 16;

    } else {
        ends = 0;
    }

    return (uint32_t) ((ends ^ len) * 0x9e3779b97f4a7c15ULL >> 32);
}


#endif /* GENAI_JSON_PROGRAM_H */
