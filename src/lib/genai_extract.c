/*
 * Operator's rows: what they may fill, and the values of free attributes.
 */

#include <math.h>
#include <stdio.h>

#include "genai_body_stream.h"
#include "genai_extract.h"


static const char *const  extract_ops[] = {
    [GENAI_LAST] = "last",
    [GENAI_FIRST] = "first",
    [GENAI_SUM] = "sum",
    [GENAI_MAX] = "max",
    [GENAI_COUNT] = "count"
};


static int extract_name(genai_str_t name, char *err, size_t errlen);
static int extract_field(genai_row_t *row, unsigned op);
static uint16_t extract_field_want(unsigned field);
static int extract_path(genai_extract_row_t *r, char *err, size_t errlen);
static int extract_error(char *err, size_t errlen, const char *what,
    const char *name, size_t len);
static void extract_number(genai_extract_value_t *x, unsigned take,
    const genai_json_value_t *v);
static void extract_score(genai_extract_value_t *x, genai_call_t *c,
    genai_str_t name);


int
genai_extract_op(genai_str_t name)
{
    unsigned  i;

    for (i = 0; i < genai_nelts(extract_ops); i++) {
        if (genai_str_is(name, extract_ops[i])) {
            return (int) i;
        }
    }

    return -1;
}


int
genai_extract_row(genai_extract_row_t *r, genai_str_t name, const char *path,
    unsigned op, size_t index, char *err, size_t errlen)
{
    unsigned  field;

    memset(r, 0, sizeof(genai_extract_row_t));

    r->name = name;
    r->row.path = path;

    field = genai_field_find(name);

    if (field == GENAI_F_SCORE && !genai_str_is(name, "score")) {
        field = GENAI_F_NAMED_SCORE;
        r->name = genai_str(name.data + 6, name.len - 6);

    } else if (field == GENAI_F_NONE) {
        field = GENAI_F_ATTR;

        if (extract_name(name, err, errlen) != GENAI_OK) {
            return GENAI_ERROR;
        }
    }

    r->row.field = (uint8_t) field;

    if (field == GENAI_F_ATTR || field == GENAI_F_NAMED_SCORE) {
        r->row.take = (op == GENAI_EXTRACT_OP) ? GENAI_LAST : (uint8_t) op;
        r->row.arg = (uint16_t) index;
        r->row.want = (r->row.take == GENAI_COUNT) ? GENAI_JSON_PRESENT
                    : (field == GENAI_F_NAMED_SCORE
                       || r->row.take == GENAI_SUM
                       || r->row.take == GENAI_MAX) ? GENAI_JSON_NUMBER
                    : GENAI_JSON_NUMBER | GENAI_JSON_TEXT | GENAI_JSON_BOOL;

    } else if (extract_field(&r->row, op) != GENAI_OK) {
        return extract_error(err, errlen, op == GENAI_EXTRACT_OP
                             ? "nothing can be extracted to"
                             : "this op cannot be used with the field",
                             name.data, name.len);
    }

    return extract_path(r, err, errlen);
}


static int
extract_name(genai_str_t name, char *err, size_t errlen)
{
    size_t  i;
    char    ch;

    for (i = 0; i < name.len; i++) {
        ch = name.data[i];

        if (!((ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z')
              || (ch >= '0' && ch <= '9')
              || ch == '.' || ch == '_' || ch == '-'))
        {
            break;
        }
    }

    if (name.len == 0 || name.len > GENAI_EXTRACT_NAME || i < name.len) {
        return extract_error(err, errlen, "letters, digits, \".\", \"_\" "
                             "and \"-\" make a name, not", name.data,
                             name.len);
    }

    return GENAI_OK;
}


/* want, take and arg of a row whose field is known */

static int
extract_field(genai_row_t *row, unsigned op)
{
    unsigned  take, allowed;

#define take(op)  (1u << (op))

    take = GENAI_LAST;
    row->arg = 0;

    switch (genai_field_kind(row->field)) {

    case GENAI_FIELD_STR:
        row->want = GENAI_JSON_TEXT;
        allowed = take(GENAI_LAST) | take(GENAI_FIRST);
        break;

    case GENAI_FIELD_I64:
    case GENAI_FIELD_U32:
        row->want = GENAI_JSON_NUMBER;
        allowed = take(GENAI_LAST) | take(GENAI_FIRST) | take(GENAI_SUM)
                  | take(GENAI_MAX) | take(GENAI_COUNT);

        if (row->field == GENAI_F_PROMPT_CHARS
            || row->field == GENAI_F_SYSTEM_CHARS
            || row->field == GENAI_F_OUTPUT_CHARS)
        {
            row->want |= GENAI_JSON_CHARS;
            take = GENAI_SUM;
        }

        break;

    case GENAI_FIELD_BODY:
        row->want = GENAI_JSON_NUMBER;
        allowed = take(GENAI_LAST) | take(GENAI_FIRST) | take(GENAI_SUM)
                  | take(GENAI_MAX);
        break;

    case GENAI_FIELD_DOUBLE:
        row->want = GENAI_JSON_NUMBER;
        allowed = take(GENAI_LAST);
        break;

    default:
        row->want = extract_field_want(row->field);
        allowed = row->want ? take(GENAI_LAST) : 0;
        row->arg = (row->field == GENAI_F_ERROR_CODE) ? GENAI_BODY_RANK_HEADER
                                                      : 0;
        break;
    }

#undef take

    take = (op == GENAI_EXTRACT_OP) ? take : op;
    row->take = (uint8_t) take;

    if (take == GENAI_COUNT) {
        row->want = GENAI_JSON_PRESENT;
    }

    return (allowed >> take & 1) ? GENAI_OK : GENAI_DECLINED;
}


static uint16_t
extract_field_want(unsigned field)
{
    switch (field) {

    case GENAI_F_STOP_REASON:
    case GENAI_F_STOP_SEQUENCE:
    case GENAI_F_TOOL:
    case GENAI_F_DOCUMENT_ID:
    case GENAI_F_ERROR_CODE:
    case GENAI_F_ERROR_MESSAGE:
        return GENAI_JSON_TEXT;

    case GENAI_F_STREAM:
        return GENAI_JSON_BOOL;

    case GENAI_F_SCORE:
    case GENAI_F_SERVER_LATENCY_MS:
        return GENAI_JSON_NUMBER;

    case GENAI_F_EMBEDDING_DIMENSION:
        return GENAI_JSON_NUMBER | GENAI_JSON_LENGTH;

    default:
        return 0;
    }
}


static int
extract_path(genai_extract_row_t *r, char *err, size_t errlen)
{
    size_t            used, bad;
    genai_json_row_t  row;

    memset(&row, 0, sizeof(row));
    row.path = r->row.path;
    row.want = r->row.want;

    if (genai_json_compile(&row, 1, NULL, 0, &used, &bad) == GENAI_ERROR) {
        return extract_error(err, errlen, "keys joined by dots, [], [N] and "
                             "* make a path (\"a.b[].c\"), not", row.path,
                             strlen(row.path));
    }

    return GENAI_OK;
}


static int
extract_error(char *err, size_t errlen, const char *what, const char *name,
    size_t len)
{
    (void) snprintf(err, errlen, "%s \"%.*s\"", what, (int) len, name);

    return GENAI_ERROR;
}


void
genai_extract_init(genai_extract_t *x, const genai_extract_row_t *rows,
    genai_extract_value_t *values, size_t n)
{
    size_t  i;

    x->rows = rows;
    x->values = values;
    x->n = n;

    for (i = 0; i < n; i++) {
        values[i].type = 0;
    }
}


void
genai_extract_emit(genai_extract_t *x, genai_call_t *c, size_t index,
    unsigned take, const genai_json_value_t *v)
{
    genai_extract_value_t  *value;

    if (x == NULL || index >= x->n) {
        return;
    }

    value = &x->values[index];

    if (value->type && take == GENAI_FIRST) {
        return;
    }

    switch (v->event) {

    case GENAI_JSON_TEXT:
        if (v->text.len) {
            memcpy(value->buf, v->text.data, v->text.len);
            value->text = genai_str(value->buf, v->text.len);
            value->type = 's';
        }

        break;

    case GENAI_JSON_BOOL:
        value->text = genai_strz(v->integer ? "true" : "false");
        value->type = 'b';
        break;

    default:
        extract_number(value, take, v);
        break;
    }

    if (x->rows[index].row.field == GENAI_F_NAMED_SCORE) {
        extract_score(value, c, x->rows[index].name);
    }
}


static void
extract_number(genai_extract_value_t *x, unsigned take,
    const genai_json_value_t *v)
{
    double   d;
    int64_t  i;

    i = (take == GENAI_COUNT) ? 1 : v->integer;
    d = (take == GENAI_COUNT) ? 1 : v->real;

    if (!isfinite(d)) {
        return;
    }

    if (x->type == 0 || take == GENAI_LAST || take == GENAI_FIRST) {
        x->type = (take != GENAI_COUNT && v->fraction) ? 'd' : 'i';
        x->i = i;
        x->d = d;
        return;
    }

    if (take == GENAI_MAX) {

        if (d > x->d) {
            x->type = v->fraction ? 'd' : 'i';
            x->i = i;
            x->d = d;
        }

        return;
    }

    x->d += d;

    if ((take != GENAI_COUNT && v->fraction)
        || __builtin_add_overflow(x->i, i, &x->i))
    {
        x->type = 'd';
    }
}


static void
extract_score(genai_extract_value_t *x, genai_call_t *c, genai_str_t name)
{
    unsigned  i;

    if (x->type != 'i' && x->type != 'd') {
        return;
    }

    for (i = 0; i < c->nscores; i++) {
        if (genai_str_eq(c->scores[i].name, name)) {
            break;
        }
    }

    if (i == GENAI_CALL_SCORES) {
        return;
    }

    if (i == c->nscores) {
        c->nscores++;
        c->scores[i].name = name;
    }

    c->scores[i].value = x->d;
}


size_t
genai_extract_attrs(genai_extract_t *x, genai_attr_t *attrs)
{
    size_t                  i, n;
    genai_extract_value_t  *v;

    for (i = 0, n = 0; i < x->n; i++) {
        v = &x->values[i];

        if (v->type == 0 || x->rows[i].row.field != GENAI_F_ATTR) {
            continue;
        }

        if (v->type == 'i') {
            v->text = genai_str(v->buf, (size_t) snprintf(v->buf,
                                sizeof(v->buf), "%lld", (long long) v->i));

        } else if (v->type == 'd') {
            v->text = genai_str(v->buf, (size_t) snprintf(v->buf,
                                sizeof(v->buf), "%.17g", v->d));
        }

        attrs[n].key = x->rows[i].name;
        attrs[n].value = v->text;
        attrs[n].type = v->type;
        attrs[n].label = 0;
        n++;
    }

    return n;
}
