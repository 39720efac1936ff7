/*
 * What the files of the parser share: genai_json.c is the grammar,
 * genai_json_string.c and genai_json_number.c are what their names say.
 */

#ifndef GENAI_JSON_PRIVATE_H
#define GENAI_JSON_PRIVATE_H

#include "genai_json_program.h"
#include "genai_json_scan.h"


/* the first ones stand between tokens */

enum {
    ST_KEY,                        /* after a comma */
    ST_FIRST_KEY,
    ST_COLON,
    ST_VALUE,
    ST_FIRST_VALUE,
    ST_NEXT,                       /* after a value */
    ST_DONE,
    ST_TOKENS,                     /* not a state */
    ST_KEY_STRING = ST_TOKENS,
    ST_STRING,
    ST_NUMBER,
    ST_WORD,
    ST_TREE,
    ST_ERROR
};


static inline const genai_json_state_t *
genai_json_node(const genai_json_t *j, uint32_t node)
{
    return &j->program->states[node];
}


static inline const uint16_t *
genai_json_pool(const genai_json_t *j, uint32_t at)
{
    return (const uint16_t *) (const void *) ((const char *) j->program + at);
}


static inline void
genai_json_value_end(genai_json_t *j)
{
    j->state = j->level ? ST_NEXT : ST_DONE;
}


/* tells the rows of a node that want the event */
void genai_json_tell(genai_json_t *j, uint32_t node, uint16_t event,
    genai_json_value_t *v);
void genai_json_tell_int_rows(genai_json_t *j, uint32_t node,
    uint16_t event, int64_t n);


static inline void
genai_json_tell_int(genai_json_t *j, uint32_t node, uint16_t event, int64_t n)
{
    if (genai_json_node(j, node)->want & event) {
        genai_json_tell_int_rows(j, node, event, n);
    }
}


/* a key is whole: the node of its value is found */
void genai_json_key_end(genai_json_t *j, const char *key, size_t len);

/* a string begins after its quote; want 0: it is passed over */

static inline void
genai_json_string_begin(genai_json_t *j, unsigned want)
{
    j->count = 0;
    j->used = 0;
    j->escaped = 0;
    j->u.string.want = (uint16_t) want;
    j->u.string.high = 0;
    j->u.string.hex = 0;
    j->u.string.cut = 0;
}


/*
 * Those that read take the state's bytes from p on, return where they end or
 * NULL, and call genai_json_value_end().
 */
const char *genai_json_string(genai_json_t *j, const char *p,
    const char *end);

/* where to cut p at n or before, at the end of a character; p[n] exists */
size_t genai_json_string_cut(const char *p, size_t n);

/* a number begins with c, a minus or a digit, and goes on at p */
const char *genai_json_number_whole(genai_json_t *j, char c, const char *p,
    const char *end);
const char *genai_json_number(genai_json_t *j, const char *p,
    const char *end);

/* the input ends; GENAI_ERROR: not where a number can end */
int genai_json_number_finish(genai_json_t *j);


#endif /* GENAI_JSON_PRIVATE_H */
