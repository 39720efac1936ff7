/*
 * How many distinct values a label has: a bounded set in shared memory.
 *
 * A client may choose what an operator's label says; genai_label's "max" is
 * how many values of it become series of their own.  All processes share the
 * set; it takes no lock and only grows.  Values are kept as 64-bit hashes.
 */

#ifndef GENAI_LABELS_H
#define GENAI_LABELS_H

#include "genai_lib.h"


#define GENAI_LABELS_KEYS  64          /* distinct keys that are counted */
#define GENAI_LABELS_MIN   8192        /* bytes */


typedef struct genai_labels_s  genai_labels_t;


/* lays out size bytes of zeroed memory; NULL: fewer than GENAI_LABELS_MIN */
genai_labels_t *genai_labels_init(void *mem, size_t size);

/* what init made, in another process or before a reload */
genai_labels_t *genai_labels_attach(void *mem);

/*
 * 1: the value is known; 2: it is one of the first max of this key, and is
 * known from now on; 0: it is one too many.  Processes that meet new values
 * at the same moment may together pass max by the number of processes.
 */
int genai_labels_admit(genai_labels_t *l, genai_str_t key, genai_str_t value,
    uint32_t max);


#endif /* GENAI_LABELS_H */
