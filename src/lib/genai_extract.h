/*
 * Rows of the operator's beside those of the tables (genai_extract): a path
 * in a request or an answer fills a field of the call, a named quality score,
 * or a free attribute of the span.
 *
 * Rows are made from configuration and compiled together with the tables
 * (genai_apis_create_more), so that a body is still read once.  The values of
 * free attributes and scores lie in memory of the caller's, per request.
 */

#ifndef GENAI_EXTRACT_H
#define GENAI_EXTRACT_H

#include "genai_api.h"


#define GENAI_EXTRACT_MAX    32       /* rows of one location */
#define GENAI_EXTRACT_NAME   128      /* bytes of an attribute's key */
#define GENAI_EXTRACT_OP     0xff     /* the default of what is filled */


typedef struct {
    genai_str_t    name;              /* key of an attribute, of a score */
    genai_row_t    row;
    unsigned       request:1;
} genai_extract_row_t;


typedef struct {
    int64_t        i;
    double         d;
    genai_str_t    text;
    uint8_t        type;              /* as in genai_attr_t, 0: no value */
    char           buf[GENAI_JSON_STRING];
} genai_extract_value_t;


typedef struct genai_extract_s {
    const genai_extract_row_t  *rows;
    genai_extract_value_t      *values;
    size_t                      n;
} genai_extract_t;


/*
 * Makes row number index of a location.  name: of a field as genai_field_find
 * knows it, "score.NAME", or any other key; path as in genai_json.h; op a
 * genai_take_e or GENAI_EXTRACT_OP.  name and path outlive the row.
 * GENAI_OK, or GENAI_ERROR with the reason in err.
 */
int genai_extract_row(genai_extract_row_t *r, genai_str_t name,
    const char *path, unsigned op, size_t index, char *err, size_t errlen);

/* values: n of them */
void genai_extract_init(genai_extract_t *x, const genai_extract_row_t *rows,
    genai_extract_value_t *values, size_t n);

/* of genai_body: a value of row index */
void genai_extract_emit(genai_extract_t *x, genai_call_t *c, size_t index,
    unsigned take, const genai_json_value_t *v);

/* the free attributes that have a value, at most x->n; gives their number */
size_t genai_extract_attrs(genai_extract_t *x, genai_attr_t *attrs);

/* "first", "last", "count", "sum", "max" -> genai_take_e, -1 unknown */
int genai_extract_op(genai_str_t name);


#endif /* GENAI_EXTRACT_H */
