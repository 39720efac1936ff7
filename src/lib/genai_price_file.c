/*
 * The price file: JSON text -> price table.
 */

#include <stdio.h>

#include "genai_price_file.h"


static int genai_pf_file(genai_price_file_t *f, const cJSON *file);
static int genai_pf_head(genai_price_file_t *f, const cJSON *file);
static int genai_pf_strings(genai_price_file_t *f, const cJSON *object,
    const char *where);
static int genai_pf_rows(genai_price_file_t *f, const cJSON *models);
static int genai_pf_families(genai_price_file_t *f);
static int genai_pf_keys(genai_price_file_t *f, const cJSON *models,
    const cJSON *aliases);
static int genai_pf_names(genai_price_file_t *f, const cJSON *row,
    const char *member, unsigned kind);
static int genai_pf_provider(genai_price_file_t *f, genai_str_t id);
static int genai_pf_index(genai_price_file_t *f);
static int genai_pf_targets(genai_price_file_t *f);
static cJSON *genai_pf_json(genai_price_file_t *f, const char *text,
    size_t len);


int
genai_price_parse(const char *text, size_t len, genai_price_alloc_pt alloc,
    void *data, genai_price_table_t **out, char *err, size_t errlen)
{
    int                 rc;
    cJSON              *file;
    genai_price_file_t  f;

    memset(&f, 0, sizeof(f));

    f.alloc = alloc;
    f.data = data;
    f.err = err;
    f.errlen = errlen;
    f.pay_ppm = GENAI_PPM;

    *out = NULL;

    file = genai_pf_json(&f, text, len);
    if (file == NULL) {
        return GENAI_ERROR;
    }

    rc = genai_pf_file(&f, file);

    cJSON_Delete(file);

    if (rc == GENAI_OK) {
        *out = f.t;
    }

    return rc;
}


static cJSON *
genai_pf_json(genai_price_file_t *f, const char *text, size_t len)
{
    cJSON       *file;
    unsigned     line;
    const char  *p, *stop;

    if (len > GENAI_PRICE_FILE) {
        (void) genai_pf_fail(f, "the file has more than %d bytes; split off "
                             "what is not about prices", GENAI_PRICE_FILE);
        return NULL;
    }

    stop = text;
    file = len ? cJSON_ParseWithLengthOpts(text, len, &stop, 0) : NULL;

    if (stop < text || stop > text + len) {
        stop = text + len;
    }

    if (file) {
        while (stop < text + len && (*stop == ' ' || *stop == '\t'
                                     || *stop == '\n' || *stop == '\r'))
        {
            stop++;
        }

        if (stop == text + len) {
            return file;
        }

        cJSON_Delete(file);
    }

    line = 1;

    for (p = text; p < stop; p++) {
        line += (*p == '\n');
    }

    (void) genai_pf_fail(f, "line %u: not JSON; mend the syntax there (a "
                         "comma, a quote, or a bracket too many or too few)",
                         line);

    return NULL;
}


static int
genai_pf_file(genai_price_file_t *f, const cJSON *file)
{
    const cJSON  *models, *aliases;

    if (genai_pf_members(f, file, "the file",
                         " unit version note sources discount discounts"
                         " aliases models ")
        != GENAI_OK)
    {
        return GENAI_ERROR;
    }

    f->t = genai_pf_alloc(f, 1, sizeof(genai_price_table_t));
    if (f->t == NULL) {
        return GENAI_ERROR;
    }

    models = cJSON_GetObjectItemCaseSensitive(file, "models");
    aliases = cJSON_GetObjectItemCaseSensitive(file, "aliases");

    if (genai_pf_head(f, file) != GENAI_OK
        || genai_pf_rows(f, models) != GENAI_OK
        || genai_pf_families(f) != GENAI_OK
        || genai_pf_keys(f, models, aliases) != GENAI_OK
        || genai_pf_index(f) != GENAI_OK)
    {
        return GENAI_ERROR;
    }

    return genai_pf_targets(f);
}


static int
genai_pf_head(genai_price_file_t *f, const cJSON *file)
{
    const cJSON  *v;

    v = cJSON_GetObjectItemCaseSensitive(file, "unit");

    if (!cJSON_IsString(v) || strcmp(v->valuestring, GENAI_PRICE_UNIT) != 0) {
        return genai_pf_fail(f, "the file's \"unit\" is %s%.64s%s; give all "
                             "prices in \"%s\" and say so in \"unit\"",
                             cJSON_IsString(v) ? "\"" : "",
                             cJSON_IsString(v) ? v->valuestring
                                               : "missing or not a string",
                             cJSON_IsString(v) ? "\"" : "",
                             GENAI_PRICE_UNIT);
    }

    v = cJSON_GetObjectItemCaseSensitive(file, "version");

    if (genai_pf_word(f, v, "version", 64, &f->t->version) != GENAI_OK) {
        return GENAI_ERROR;
    }

    f->sources = cJSON_GetObjectItemCaseSensitive(file, "sources");
    f->discounts = cJSON_GetObjectItemCaseSensitive(file, "discounts");

    if (genai_pf_strings(f, f->sources, "\"sources\"") != GENAI_OK) {
        return GENAI_ERROR;
    }

    if (f->discounts
        && genai_pf_members(f, f->discounts, "\"discounts\"", NULL)
           != GENAI_OK)
    {
        return GENAI_ERROR;
    }

    v = cJSON_GetObjectItemCaseSensitive(file, "discount");

    return genai_pf_discount(f, v, "discount", &f->pay_ppm);
}


/* an object of strings, or nothing */

static int
genai_pf_strings(genai_price_file_t *f, const cJSON *object,
    const char *where)
{
    const cJSON  *v;

    if (object == NULL) {
        return GENAI_OK;
    }

    if (genai_pf_members(f, object, where, NULL) != GENAI_OK) {
        return GENAI_ERROR;
    }

    cJSON_ArrayForEach(v, object) {
        if (!cJSON_IsString(v) || v->valuestring[0] == '\0'
            || v->string[0] == '\0')
        {
            return genai_pf_fail(f, "\"%.64s\" in %s is not a string; write "
                                 "it as a non-empty string", v->string,
                                 where);
        }
    }

    return GENAI_OK;
}


static int
genai_pf_rows(genai_price_file_t *f, const cJSON *models)
{
    int           n;
    const cJSON  *row;

    n = cJSON_IsArray(models) ? cJSON_GetArraySize(models) : 0;

    if (n == 0 || n > GENAI_PRICE_ROWS) {
        return genai_pf_fail(f, "\"models\" is not a list of rows; write it "
                             "as an array of 1 to %d objects",
                             GENAI_PRICE_ROWS);
    }

    f->t->rows = genai_pf_alloc(f, n, sizeof(genai_price_row_t));
    if (f->t->rows == NULL) {
        return GENAI_ERROR;
    }

    cJSON_ArrayForEach(row, models) {
        f->index = f->t->nrows;

        if (genai_pf_row(f, row, &f->t->rows[f->t->nrows]) != GENAI_OK) {
            return GENAI_ERROR;
        }

        f->t->nrows++;
    }

    f->id = NULL;

    return GENAI_OK;
}


static int
genai_pf_families(genai_price_file_t *f)
{
    size_t        i;
    const cJSON  *v;

    cJSON_ArrayForEach(v, f->discounts) {
        for (i = 0; i < f->t->nrows; i++) {
            if (genai_str_is(f->t->rows[i].family, v->string)) {
                break;
            }
        }

        if (i == f->t->nrows) {
            return genai_pf_fail(f, "\"discounts\": no row has the family "
                                 "\"%.64s\"; mend the name", v->string);
        }
    }

    return GENAI_OK;
}


static int
genai_pf_keys(genai_price_file_t *f, const cJSON *models,
    const cJSON *aliases)
{
    size_t              n;
    const cJSON        *row, *v;
    genai_price_key_t  *key;

    if (genai_pf_strings(f, aliases, "\"aliases\"") != GENAI_OK) {
        return GENAI_ERROR;
    }

    n = f->t->nrows + cJSON_GetArraySize(aliases);

    cJSON_ArrayForEach(row, models) {
        n += cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(row,
                                                                 "aliases"));
        n += cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(row,
                                                                 "direct"));
    }

    f->t->keys = genai_pf_alloc(f, n, sizeof(genai_price_key_t));
    f->t->providers = genai_pf_alloc(f, n, sizeof(genai_str_t));

    if (f->t->keys == NULL || f->t->providers == NULL) {
        return GENAI_ERROR;
    }

    f->index = 0;

    cJSON_ArrayForEach(row, models) {
        f->id = f->t->rows[f->index].id.data;

        key = &f->t->keys[f->t->nkeys++];
        key->name = f->t->rows[f->index].id;
        key->row = f->index;

        if (genai_pf_provider(f, key->name) != GENAI_OK
            || genai_pf_names(f, row, "aliases", GENAI_PRICE_KEY_ID)
               != GENAI_OK
            || genai_pf_names(f, row, "direct", GENAI_PRICE_KEY_DIRECT)
               != GENAI_OK)
        {
            return GENAI_ERROR;
        }

        f->index++;
    }

    f->id = NULL;

    cJSON_ArrayForEach(v, aliases) {
        key = &f->t->keys[f->t->nkeys++];
        key->kind = GENAI_PRICE_KEY_ALIAS;

        if (genai_pf_copy(f, v->string, &key->name) != GENAI_OK
            || genai_pf_word(f, v, v->string, GENAI_PRICE_NAME, &key->target)
               != GENAI_OK)
        {
            return GENAI_ERROR;
        }
    }

    return GENAI_OK;
}


static int
genai_pf_names(genai_price_file_t *f, const cJSON *row, const char *member,
    unsigned kind)
{
    const cJSON        *list, *v;
    genai_price_key_t  *key;

    list = cJSON_GetObjectItemCaseSensitive(row, member);
    if (list == NULL) {
        return GENAI_OK;
    }

    if (!cJSON_IsArray(list)) {
        return genai_pf_fail(f, "\"%s\" is not an array; write it as "
                             "[\"name\", \"name\"]", member);
    }

    cJSON_ArrayForEach(v, list) {
        key = &f->t->keys[f->t->nkeys];

        if (genai_pf_word(f, v, member, 256, &key->name) != GENAI_OK) {
            return GENAI_ERROR;
        }

        if (key->name.len > 4 && memcmp(key->name.data, "arn:", 4) == 0) {
            return genai_pf_fail(f, "\"%s\" holds an ARN, which does not "
                                 "tell its route; map it in the file's "
                                 "\"aliases\" to an id such as "
                                 "\"global.%.128s\"", member, f->id);
        }

        key->row = f->index;
        key->kind = kind;
        f->t->nkeys++;

        if (kind == GENAI_PRICE_KEY_ID
            && genai_pf_provider(f, key->name) != GENAI_OK)
        {
            return GENAI_ERROR;
        }
    }

    return GENAI_OK;
}


/* the first label of an id names a provider, never a profile's prefix */

static int
genai_pf_provider(genai_price_file_t *f, genai_str_t id)
{
    size_t       i;
    const char  *dot;

    dot = memchr(id.data, '.', id.len);
    if (dot == NULL) {
        return GENAI_OK;
    }

    id.len = dot - id.data;

    for (i = 0; i < f->t->nproviders; i++) {
        if (genai_str_eq(f->t->providers[i], id)) {
            return GENAI_OK;
        }
    }

    f->t->providers[f->t->nproviders++] = id;

    return GENAI_OK;
}


static int
genai_pf_index(genai_price_file_t *f)
{
    int                       rc;
    const genai_price_key_t  *key, *other;
    const genai_price_row_t  *row;

    key = genai_price_index(f->t, f->alloc, f->data, &other, &rc);

    if (rc != GENAI_OK) {
        return genai_pf_fail(f, "out of memory");
    }

    if (key == NULL) {
        return GENAI_OK;
    }

    if (key->kind == GENAI_PRICE_KEY_ALIAS) {
        return genai_pf_fail(f, "alias \"%.128s\" is the name of a row too; "
                             "remove one of them", key->name.data);
    }

    row = &f->t->rows[key->row];
    f->id = row->id.data;
    f->index = key->row;

    if (key->row == other->row) {
        return genai_pf_fail(f, "the name \"%s\" is there twice; remove one",
                             key->name.data);
    }

    row = &f->t->rows[other->row];

    return genai_pf_fail(f, "the name \"%s\" is in row %u (\"%s\") too, at an "
                         "overlapping time; remove one, or part them with "
                         "effective_from and effective_until",
                         key->name.data, row->index, row->id.data);
}


static int
genai_pf_targets(genai_price_file_t *f)
{
    size_t                    i;
    const genai_price_key_t  *key;

    for (i = 0; i < f->t->nkeys; i++) {
        key = &f->t->keys[i];

        if (key->kind == GENAI_PRICE_KEY_ALIAS
            && genai_price_lookup(f->t, key->name, 0) == NULL)
        {
            return genai_pf_fail(f, "alias \"%.128s\" stands for \"%.128s\", "
                                 "which is not the id of a row; mend it",
                                 key->name.data, key->target.data);
        }
    }

    return GENAI_OK;
}
