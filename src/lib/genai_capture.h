/*
 * Message content for spans (genai_capture content), as the JSON of the GenAI
 * conventions (telemetry 1.8): gen_ai.input.messages, gen_ai.output.messages,
 * gen_ai.system_instructions, and gen_ai.tool.definitions with names only.
 *
 * Rows beside the tables' (genai_apis_create_more) bring the texts while the
 * bodies pass; they are written into memory of the caller's, which exists
 * only where content is captured.  What does not fit is cut: the text of a
 * part at a character, all later parts and messages wholly, so that what
 * there is is valid JSON and valid UTF-8.  Arguments of tools, images and
 * documents are never kept, only that they were there.
 */

#ifndef GENAI_CAPTURE_H
#define GENAI_CAPTURE_H

#include "genai_api.h"


#define GENAI_CAPTURE_MIN    1024
#define GENAI_CAPTURE_MAX    (24 * 1024)   /* a record has 32 KB */
#define GENAI_CAPTURE_ATTRS  4

#define GENAI_CAPTURE_NAME   64


enum {
    GENAI_CAPTURE_INPUT = 0,
    GENAI_CAPTURE_OUTPUT,
    GENAI_CAPTURE_SYSTEM,
    GENAI_CAPTURE_TOOLS,
    GENAI_CAPTURE_N
};


typedef struct {
    char      *buf;
    uint16_t   len;
    uint16_t   size;
    uint8_t    part;              /* of the part that is open, 0: none */
    unsigned   message:1;         /* a message is open */
    unsigned   item:1;            /* an element is before what comes */
    unsigned   full:1;
} genai_capture_part_t;


typedef struct genai_capture_s {
    genai_capture_part_t  part[GENAI_CAPTURE_N];
    char                  role[GENAI_CAPTURE_NAME];
    char                  id[GENAI_CAPTURE_NAME];
    char                  name[GENAI_CAPTURE_NAME];
    uint8_t               rolelen;
    uint8_t               idlen;
    uint8_t               namelen;
    uint8_t               stream;
} genai_capture_t;


/* the rows to compile beside the tables' */
extern const genai_rows_t  genai_capture_request;
extern const genai_rows_t  genai_capture_response;


/* buf of size bytes, GENAI_CAPTURE_MIN to GENAI_CAPTURE_MAX: half for the
 * input, a quarter for the output, an eighth each for system and tools */
void genai_capture_init(genai_capture_t *x, char *buf, size_t size);

/* of genai_body: a value of a row; c tells whether the answer is a stream */
void genai_capture_emit(genai_capture_t *x, const genai_call_t *c,
    unsigned arg, const genai_json_value_t *v);

/* closes what is open and gives the attributes, GENAI_CAPTURE_ATTRS at most;
 * once.  Values point into buf. */
size_t genai_capture_attrs(genai_capture_t *x, const genai_call_t *c,
    genai_attr_t *attrs);


#endif /* GENAI_CAPTURE_H */
