/*
 * Incremental JSON extractor, driven by tables.
 *
 * Rows name what to take out of a document; they are compiled once into an
 * immutable program (an automaton) that any number of parsers share.  A
 * parser has a fixed size, reads its input once in any number of pieces, and
 * gives the same events wherever the input is cut.  What no row asks for is
 * skipped without being looked at: strings, numbers, whole subtrees.
 *
 * Grammar: RFC 8259, checked wherever a container has a row below it; inside
 * a subtree that no row enters only strings and brackets are followed, and a
 * string that no row wants is only searched for its end.  A raw control
 * character in a string is an error, except in such a subtree.  Invalid UTF-8
 * is passed on as it is and counted by its lead bytes; a surrogate without
 * its other half is decoded as U+FFFD and counts as one character.
 *
 * A path is object keys joined by dots; "[]" is every element of an array,
 * "[N]" the element N (0 … 254), "*" any key, "" the document itself:
 *
 *     usage.inputTokens
 *     output.message.content[].toolUse.name
 *     choices[0].finish_reason
 *     trace.guardrail.inputAssessment.*.action
 *
 * "[-1]" is the last element: since it is only known to be the last when the
 * array ends, its rows fire for every element, as those of "[]" do, and the
 * caller keeps what came last.  A caller to whom a value missing from the
 * last element matters clears what it has on PRESENT of the element.
 *
 * A key that holds a dot, a bracket or a backslash, or is "*", is written
 * with a backslash before it.  Of rows that a value matches all fire, in the
 * order of the table, also when a key occurs twice.  The events of one value
 * come in this order: NAME, PRESENT, then STREAM, TEXT, CHARS of a string,
 * what is inside a container, LENGTH, END.
 */

#ifndef GENAI_JSON_H
#define GENAI_JSON_H

#include "genai_lib.h"


#define GENAI_JSON_DEPTH    64    /* deeper documents end in ERROR */
#define GENAI_JSON_KEY      64    /* longer keys match nothing but "*" */
#define GENAI_JSON_STRING   256   /* longer strings are cut, v.cut is set */
#define GENAI_JSON_ROWS     1024  /* rows of one program */
#define GENAI_JSON_PATH     15    /* steps (keys, indices) of one path */


/* what a row wants to be told (bits) */

#define GENAI_JSON_NUMBER   0x0001  /* a number: v.integer, v.real */
#define GENAI_JSON_TEXT     0x0002  /* a whole string, decoded: v.text */
#define GENAI_JSON_BOOL     0x0004  /* true, false: v.integer 1, 0 */
#define GENAI_JSON_CHARS    0x0008  /* at the end of a string: v.integer is
                                       its length in Unicode code points */
#define GENAI_JSON_LENGTH   0x0010  /* at the end of an array: v.integer is
                                       the number of its elements */
#define GENAI_JSON_PRESENT  0x0020  /* a value that is not null begins */
#define GENAI_JSON_END      0x0040  /* the object or array ends */
#define GENAI_JSON_STREAM   0x0080  /* pieces of a string, decoded, as they
                                       come: v.text; v.last on the last */
#define GENAI_JSON_NAME     0x0100  /* the key of the value, decoded, before
                                       it: v.text, at most GENAI_JSON_KEY
                                       bytes (meant for "*") */


typedef struct {
    const char  *path;
    uint16_t     want;              /* GENAI_JSON_* bits */
    uint16_t     field;             /* the caller's */
    uint32_t     arg;               /* the caller's */
} genai_json_row_t;


typedef struct {
    int64_t      integer;           /* NUMBER: truncated toward zero and
                                       saturated; BOOL, CHARS, LENGTH */
    double       real;              /* NUMBER: to 1 ulp, saturated */
    genai_str_t  text;              /* TEXT, STREAM: valid in the callback */
    uint16_t     event;             /* the one GENAI_JSON_* bit that fired */
    unsigned     fraction:1;        /* NUMBER: was not an integer */
    unsigned     cut:1;             /* TEXT: longer than was kept, which is
                                       GENAI_JSON_STRING bytes less what is
                                       needed not to cut a character */
    unsigned     last:1;            /* STREAM: the string ends; the text may
                                       be empty */
} genai_json_value_t;


typedef void (*genai_json_emit_pt)(void *data, const genai_json_row_t *row,
    const genai_json_value_t *v);


typedef struct genai_json_program_s  genai_json_program_t;


/*
 * Compiles rows into mem (8-byte aligned, of size bytes; rows and their
 * paths must outlive the program).  *used is set to what is needed: call it
 * once with mem NULL to learn that.  Several rows may share a path.
 * Returns GENAI_OK, GENAI_DECLINED (mem too small), GENAI_ERROR (a path that
 * cannot be read: its index is in *bad; n there: more rows or wildcards than
 * one program takes, or no memory for the work).
 */
int genai_json_compile(const genai_json_row_t *rows, size_t n, void *mem,
    size_t size, size_t *used, size_t *bad);


/* one document being read; the size is the caller's, all else is private */

typedef struct genai_json_s {
    const genai_json_program_t  *program;
    genai_json_emit_pt           emit;
    void                        *data;

    const char   *base;              /* of the piece being read */

    uint64_t      count;             /* of a string: its code points;
                                        of a number: its leading digits */
    uint32_t      objects;           /* bit n: level n is an object */

    union {
        struct {
            uint32_t  depth;         /* of a skipped subtree, itself 1 */
            uint32_t  max;
            uint32_t  commas;        /* between its own elements */
            uint8_t   quoted;
        } tree;

        struct {
            uint32_t  code;          /* of an escape that has begun */
            uint16_t  want;
            uint16_t  high;          /* a surrogate that waits for its half */
            uint8_t   hex;           /* digits still to come */
            uint8_t   cut;
        } string;

        struct {
            int32_t   scale;         /* power of ten of the digits kept */
            int32_t   exponent;      /* as written */
            uint8_t   state;
            uint8_t   negative;
            uint8_t   exponent_negative;
            uint8_t   inexact;       /* digits other than 0 were left out */
        } number;

        struct {
            const char  *rest;       /* of true, false, null */
        } word;
    } u;

    uint16_t      node;              /* of the value that is next or open */
    uint16_t      used;              /* of text */
    uint8_t       state;
    uint8_t       level;             /* containers open, without skipped */
    uint8_t       escaped;           /* the byte before was a backslash */

    struct {
        uint32_t  elements;          /* of an array: those that have begun */
        uint16_t  node;
    } levels[GENAI_JSON_PATH + 1];

    char          text[GENAI_JSON_STRING];
} genai_json_t;


void genai_json_init(genai_json_t *j, const genai_json_program_t *program,
    genai_json_emit_pt emit, void *data);

/*
 * Reads len bytes.  GENAI_AGAIN: the document goes on; GENAI_DONE: it is
 * complete (bytes after it, other than white space, are GENAI_ERROR);
 * GENAI_ERROR: it is not JSON.  ERROR is latched; what was emitted stays.
 */
int genai_json_feed(genai_json_t *j, const char *buf, size_t len);

/*
 * Tells that the input has ended: a number at the top level is emitted.
 * GENAI_DONE when the document was complete, else GENAI_ERROR.  When it was
 * right as far as it went, arrays that LENGTH rows were counting are told
 * with the elements that had begun, the innermost first.
 */
int genai_json_finish(genai_json_t *j);

/* which skip loop runs: "avx2", "sse2", "neon", "scalar" */
const char *genai_json_simd(void);

/* forces one of these, for tests and benchmarks; NULL: the best there is.
 * GENAI_DECLINED when this machine has not got it */
int genai_json_simd_set(const char *name);


#endif /* GENAI_JSON_H */
