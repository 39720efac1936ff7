/*
 * The loops of genai_json.c that run over many bytes, once per instruction
 * set.  All of them give the same answers: t/unit/test_json.c compares them.
 */

#ifndef GENAI_JSON_SCAN_H
#define GENAI_JSON_SCAN_H

#include "genai_lib.h"


typedef struct {
    uint32_t  depth;               /* brackets open, the subtree's own is 1 */
    uint32_t  max;
    uint32_t  commas;              /* seen at depth 1 */
    unsigned  quoted;              /* in a string */
    unsigned  escaped;             /* the byte before was a backslash */
} genai_json_tree_t;


/*
 * Each looks at p … end; from base on, which is not behind p, the input may
 * be read, so that the last bytes can be loaded with those before them.
 */

typedef struct {
    const char  *name;

    /* the first quote, backslash or control character; end: none */
    const char *(*stop)(const char *base, const char *p, const char *end);

    /* the first byte that is not white space */
    const char *(*space)(const char *base, const char *p, const char *end);

    /*
     * The first quote that is not escaped, or control character.  *escaped
     * is carried from piece to piece.
     */
    const char *(*pass)(const char *base, const char *p, const char *end,
        unsigned *escaped);

    /*
     * As pass, and *chars grows by the characters passed: bytes that are not
     * 10xxxxxx, without the backslashes of escapes.  An escaped u stops it
     * too: then *escaped is 1 and the result points to the u.
     */
    const char *(*count)(const char *base, const char *p, const char *end,
        unsigned *escaped, uint64_t *chars);

    /*
     * Follows brackets and strings until t->depth is 0: the result is what
     * comes after the bracket.  Otherwise end; NULL: deeper than t->max.
     */
    const char *(*tree)(genai_json_tree_t *t, const char *base,
        const char *p, const char *end);
} genai_json_scan_t;


/* the best loops of this machine, or the ones that were forced; set when
 * the first parser begins */
extern const genai_json_scan_t  *genai_json_scan;

void genai_json_scan_init(void);


#endif /* GENAI_JSON_SCAN_H */
