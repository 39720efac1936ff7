/*
 * A bounded hash table with least-recently-used order, on memory of the
 * caller's: rows of one fixed size, keys of any bytes up to a fixed length.
 *
 * It holds indexes, not pointers, so it may lie in shared memory mapped
 * anywhere.  It has no lock: one process at a time may call it (readers of a
 * table that another process changes want the caller's lock, too).  A process
 * that dies in the middle of a change leaves the table marked; attach then
 * rebuilds chains from the rows, which are complete or free at every instant.
 * Only the order of use is lost.
 */

#ifndef GENAI_TABLE_H
#define GENAI_TABLE_H

#include "genai_lib.h"


#define GENAI_TABLE_KEY_MAX  255
#define GENAI_TABLE_END      UINT32_MAX


typedef struct genai_table_s  genai_table_t;


/* bytes of memory for so many rows, 8-byte aligned */
size_t genai_table_size(uint32_t rows, size_t key_max, size_t value_size);

/* rows that fit into size bytes, 0 when none does */
uint32_t genai_table_rows(size_t size, size_t key_max, size_t value_size);

/*
 * An empty table in size bytes at mem (8-byte aligned, any content), NULL
 * when no row fits or key_max is not 1 to GENAI_TABLE_KEY_MAX.  seed makes
 * the order of the hash unknown to those who choose keys.
 */
genai_table_t *genai_table_init(void *mem, size_t size, size_t key_max,
    size_t value_size, uint64_t seed);

/* a table made before; NULL when there is none, or one of other sizes */
genai_table_t *genai_table_attach(void *mem, size_t size, size_t key_max,
    size_t value_size);

/* the value of a key (8-byte aligned), NULL when there is none; the order of
 * use is as it was */
void *genai_table_find(const genai_table_t *t, genai_str_t key);

/* makes the key of this value the last used */
void genai_table_touch(genai_table_t *t, void *value);

/*
 * Finds a key and makes it the last used, or adds it with a value of zeros,
 * *created (may be NULL) tells which.  NULL when the table is full or the key
 * is empty or too long: what becomes of the newcomer (evict the oldest, count
 * it to _other) is the caller's choice.
 */
void *genai_table_get(genai_table_t *t, genai_str_t key, int *created);

/* like get, but a full table drops its least recently used key, which is
 * counted by genai_table_evicted() */
void *genai_table_put(genai_table_t *t, genai_str_t key, int *created);

/* forgets a key */
void genai_table_delete(genai_table_t *t, void *value);

/* the least recently used value, NULL when the table is empty */
void *genai_table_oldest(const genai_table_t *t);

/* the key of a value */
genai_str_t genai_table_key(const genai_table_t *t, const void *value);

/* all values, the last used first: start with NULL, NULL at the end */
void *genai_table_next(const genai_table_t *t, const void *value);

/* the value in row i, below genai_table_limit(), NULL when the row is free: a
 * walk that may be left and taken up again, in no order */
void *genai_table_at(const genai_table_t *t, uint32_t i);

uint32_t genai_table_used(const genai_table_t *t);
uint32_t genai_table_limit(const genai_table_t *t);
uint64_t genai_table_evicted(const genai_table_t *t);

/* whether every chain and list holds together: GENAI_OK or GENAI_ERROR */
int genai_table_check(const genai_table_t *t);


#endif /* GENAI_TABLE_H */
