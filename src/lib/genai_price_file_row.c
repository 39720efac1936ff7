/*
 * One row of the price file.
 */

#include "genai_price_file.h"


/* one price: its key and where it goes */

typedef struct {
    const char            *key;
    size_t                 offset;
    int64_t                max;        /* USD */
    int64_t                scale;      /* micro-USD -> the unit kept */
} genai_price_field_t;


static const genai_price_field_t  genai_price_fields[] = {
    { "input", offsetof(genai_price_rates_t, input),
      GENAI_PRICE_MAX, 1 },
    { "output", offsetof(genai_price_rates_t, output),
      GENAI_PRICE_MAX, 1 },
    { "cache_read", offsetof(genai_price_rates_t, cache_read),
      GENAI_PRICE_MAX, 1 },
    { "cache_write", offsetof(genai_price_rates_t, cache_write),
      GENAI_PRICE_MAX, 1 },
    { "cache_write_1h", offsetof(genai_price_rates_t, cache_write_1h),
      GENAI_PRICE_MAX, 1 },
    { "image", offsetof(genai_price_rates_t, image),
      GENAI_PRICE_EACH, GENAI_PRICE_MICRO },
    { "query", offsetof(genai_price_rates_t, query),
      GENAI_PRICE_EACH, GENAI_PRICE_MICRO }
};


#define GENAI_PRICE_KEYS_RATES                                                \
    " input output cache_read cache_write cache_write_1h image query "

static const char  genai_price_keys_row[] =
    " id aliases direct provider family kind context max_output routes tiers"
    " discount effective_from effective_until long_context query_documents"
    " speech_input speech_output source date confidence note"
    GENAI_PRICE_KEYS_RATES;

static const char  genai_price_keys_route[] =
    " premium long_context" GENAI_PRICE_KEYS_RATES;

static const char  genai_price_keys_long[] =
    " over" GENAI_PRICE_KEYS_RATES;


static int
genai_pf_rates(genai_price_file_t *f, const cJSON *object,
    genai_price_rates_t *r)
{
    size_t        i;
    int64_t       n;
    const cJSON  *v;

    for (i = 0; i < genai_nelts(genai_price_fields); i++) {
        n = -1;
        v = cJSON_GetObjectItemCaseSensitive(object,
                                             genai_price_fields[i].key);
        if (v) {
            if (genai_pf_decimal(f, v, genai_price_fields[i].key,
                                 genai_price_fields[i].max, &n)
                != GENAI_OK)
            {
                return GENAI_ERROR;
            }

            n *= genai_price_fields[i].scale;
        }

        memcpy((char *) r + genai_price_fields[i].offset, &n, sizeof(n));
    }

    if (r->cache_read > r->input || (r->cache_read >= 0 && r->input < 0)) {
        return genai_pf_fail(f, "\"cache_read\" is dearer than \"input\"; "
                             "mend it: were cache_read and cache_write "
                             "swapped?");
    }

    if (r->cache_write_1h >= 0 && r->cache_write_1h < r->cache_write) {
        return genai_pf_fail(f, "\"cache_write_1h\" is cheaper than "
                             "\"cache_write\"; mend it: were they "
                             "swapped?");
    }

    if (r->cache_write_1h >= 0 && r->cache_write < 0) {
        return genai_pf_fail(f, "\"cache_write_1h\" without "
                             "\"cache_write\"; add the 5-minute price");
    }

    return GENAI_OK;
}


/* prices that stand in for others must have every price that those have */

static int
genai_pf_same(genai_price_file_t *f, const char *where,
    const genai_price_rates_t *a, const genai_price_rates_t *b)
{
    size_t   i;
    int64_t  x, y;

    for (i = 0; i < genai_nelts(genai_price_fields); i++) {
        memcpy(&x, (const char *) a + genai_price_fields[i].offset, 8);
        memcpy(&y, (const char *) b + genai_price_fields[i].offset, 8);

        if ((x < 0) != (y < 0)) {
            return genai_pf_fail(f, "\"%s\" is %s in \"%s\"; give all the "
                                 "prices that the row has, and no others",
                                 genai_price_fields[i].key,
                                 y < 0 ? "missing" : "not the row's but",
                                 where);
        }
    }

    return GENAI_OK;
}


static int
genai_pf_long(genai_price_file_t *f, const cJSON *row,
    genai_price_row_t *r)
{
    const cJSON  *v;

    v = cJSON_GetObjectItemCaseSensitive(row, "long_context");
    if (v == NULL) {
        return GENAI_OK;
    }

    if (genai_pf_members(f, v, "\"long_context\"", genai_price_keys_long)
        != GENAI_OK
        || genai_pf_integer(f, v, "over", &r->long_over) != GENAI_OK
        || genai_pf_rates(f, v, &r->long_rates) != GENAI_OK)
    {
        return GENAI_ERROR;
    }

    if (r->long_over < 0) {
        return genai_pf_fail(f, "\"over\" is missing in \"long_context\"; "
                             "give the input tokens above which it holds");
    }

    return genai_pf_same(f, "long_context", &r->rates, &r->long_rates);
}


/* global, geo, in_region, a profile prefix (us, us-gov) or a region */

static int
genai_pf_route_name(const char *z)
{
    size_t       n;
    const char  *p;

    if (strcmp(z, "global") == 0 || strcmp(z, "geo") == 0
        || strcmp(z, "in_region") == 0)
    {
        return 1;
    }

    n = strlen(z);

    for (p = z; *p; p++) {
        if (*p != '-' && (*p < 'a' || *p > 'z') && (*p < '0' || *p > '9')) {
            return 0;
        }
    }

    return (n >= 2 && n <= 6)
           || (n > 6 && n < 32 && z[n - 1] >= '0' && z[n - 1] <= '9');
}


static int
genai_pf_one_route(genai_price_file_t *f, const cJSON *v,
    genai_price_row_t *row, genai_price_route_t *r)
{
    int64_t       micro;
    const cJSON  *premium, *l;

    r->ppm = GENAI_PPM;

    if (!genai_pf_route_name(v->string)) {
        return genai_pf_fail(f, "\"%.64s\" is not a route; use global, "
                             "geo, in_region, a profile prefix such as eu, "
                             "or a region", v->string);
    }

    if (genai_pf_copy(f, v->string, &r->name) != GENAI_OK) {
        return GENAI_ERROR;
    }

    if (cJSON_IsNull(v)) {
        r->none = 1;
        return GENAI_OK;
    }

    if (genai_pf_members(f, v, "a route", genai_price_keys_route)
        != GENAI_OK)
    {
        return GENAI_ERROR;
    }

    premium = cJSON_GetObjectItemCaseSensitive(v, "premium");

    if (premium) {
        if (cJSON_GetArraySize(v) != 1) {
            return genai_pf_fail(f, "route \"%s\" has a premium and "
                                 "prices; keep one of them", v->string);
        }

        if (genai_pf_decimal(f, premium, "premium", 100, &micro)
            != GENAI_OK)
        {
            return GENAI_ERROR;
        }

        if (micro % 100) {
            return genai_pf_fail(f, "\"premium\" has more than 4 decimals;"
                                 " round it: it is in percent");
        }

        r->ppm = GENAI_PPM + micro / 100;

        return GENAI_OK;
    }

    r->own = 1;

    if (genai_pf_rates(f, v, &r->rates) != GENAI_OK
        || genai_pf_same(f, v->string, &row->rates, &r->rates) != GENAI_OK)
    {
        return GENAI_ERROR;
    }

    l = cJSON_GetObjectItemCaseSensitive(v, "long_context");

    if ((l != NULL) != (row->long_over >= 0)) {
        return genai_pf_fail(f, "route \"%s\" and the row disagree on "
                             "\"long_context\"; give it in both or none",
                             v->string);
    }

    if (l == NULL) {
        return GENAI_OK;
    }

    if (genai_pf_members(f, l, "\"long_context\"", GENAI_PRICE_KEYS_RATES)
        != GENAI_OK
        || genai_pf_rates(f, l, &r->long_rates) != GENAI_OK)
    {
        return GENAI_ERROR;
    }

    return genai_pf_same(f, "long_context", &row->rates, &r->long_rates);
}


static int
genai_pf_routes(genai_price_file_t *f, const cJSON *row,
    genai_price_row_t *r)
{
    const cJSON  *routes, *v;

    routes = cJSON_GetObjectItemCaseSensitive(row, "routes");
    if (routes == NULL) {
        return GENAI_OK;
    }

    if (genai_pf_members(f, routes, "\"routes\"", NULL) != GENAI_OK) {
        return GENAI_ERROR;
    }

    r->routes = genai_pf_alloc(f, cJSON_GetArraySize(routes),
                               sizeof(genai_price_route_t));
    if (r->routes == NULL) {
        return GENAI_ERROR;
    }

    cJSON_ArrayForEach(v, routes) {
        if (genai_pf_one_route(f, v, r, &r->routes[r->nroutes])
            != GENAI_OK)
        {
            return GENAI_ERROR;
        }

        r->nroutes++;
    }

    return GENAI_OK;
}


static int
genai_pf_tiers(genai_price_file_t *f, const cJSON *row,
    genai_price_row_t *r)
{
    int64_t              micro;
    const cJSON         *tiers, *v;
    genai_price_tier_t  *tier;

    tiers = cJSON_GetObjectItemCaseSensitive(row, "tiers");
    if (tiers == NULL) {
        return GENAI_OK;
    }

    if (genai_pf_members(f, tiers, "\"tiers\"",
                         " flex priority batch reserved optimized ")
        != GENAI_OK)
    {
        return GENAI_ERROR;
    }

    r->tiers = genai_pf_alloc(f, cJSON_GetArraySize(tiers),
                              sizeof(genai_price_tier_t));
    if (r->tiers == NULL) {
        return GENAI_ERROR;
    }

    cJSON_ArrayForEach(v, tiers) {
        tier = &r->tiers[r->ntiers++];

        if (genai_pf_decimal(f, v, v->string, 10, &micro) != GENAI_OK
            || genai_pf_copy(f, v->string, &tier->name) != GENAI_OK)
        {
            return GENAI_ERROR;
        }

        if (micro == 0) {
            return genai_pf_fail(f, "tier \"%s\" is 0; give the factor on "
                                 "the standard price, such as \"0.5\"",
                                 v->string);
        }

        tier->ppm = micro;
    }

    return GENAI_OK;
}


/* which prices each kind must have; speech has two more that are not kept */

static int
genai_pf_kind(genai_price_file_t *f, const cJSON *row,
    genai_price_row_t *r)
{
    size_t                i;
    int64_t               micro;
    const char           *need;
    const cJSON          *v;
    static const struct {
        const char       *name;
        const char       *need;
    } kinds[] = {
        { "text", " input output " },
        { "embeddings", " input " },
        { "rerank", " query " },
        { "image", " image " },
        { "speech", " input output speech_input speech_output " }
    };

    v = cJSON_GetObjectItemCaseSensitive(row, "kind");

    for (i = 0; v && i < genai_nelts(kinds); i++) {
        if (cJSON_IsString(v) && strcmp(v->valuestring, kinds[i].name) == 0) {
            break;
        }
    }

    if (v == NULL) {
        i = GENAI_PRICE_TEXT;
    }

    if (i == genai_nelts(kinds)) {
        return genai_pf_fail(f, "unknown \"kind\"; use text, embeddings, "
                             "rerank, image or speech");
    }

    r->kind = i;
    need = kinds[i].need;

    cJSON_ArrayForEach(v, row) {
        if (strncmp(v->string, "speech_", 7) != 0) {
            continue;
        }

        if (i != GENAI_PRICE_SPEECH) {
            return genai_pf_fail(f, "\"%s\" is for rows of the kind "
                                 "speech; remove it", v->string);
        }

        if (genai_pf_decimal(f, v, v->string, GENAI_PRICE_MAX, &micro)
            != GENAI_OK)
        {
            return GENAI_ERROR;
        }
    }

    while (*++need) {
        char  key[16];

        for (i = 0; need[i] != ' '; i++) {
            key[i] = need[i];
        }

        key[i] = '\0';
        need += i;

        if (cJSON_GetObjectItemCaseSensitive(row, key) == NULL) {
            return genai_pf_fail(f, "\"%s\" is missing; a row of the kind "
                                 "%s needs it", key, kinds[r->kind].name);
        }
    }

    return GENAI_OK;
}


/* "a, b": each must be one of "sources" */

static int
genai_pf_source(genai_price_file_t *f, const cJSON *row,
    genai_price_row_t *r)
{
    char          key[32];
    size_t        n;
    const char   *p;
    const cJSON  *v;

    v = cJSON_GetObjectItemCaseSensitive(row, "source");
    if (v == NULL) {
        return GENAI_OK;
    }

    if (!cJSON_IsString(v)) {
        return genai_pf_fail(f, "\"source\" is not a string; name members "
                             "of \"sources\", as in \"a, b\"");
    }

    for (p = v->valuestring; *p; /* void */) {
        for (n = 0; p[n] && p[n] != ',' && n < sizeof(key) - 1; n++) {
            key[n] = p[n];
        }

        key[n] = '\0';
        p += n;

        if (cJSON_GetObjectItemCaseSensitive(f->sources, key) == NULL) {
            return genai_pf_fail(f, "source \"%s\" is not in \"sources\"; "
                                 "add it there", key);
        }

        p += (*p == ',');
        p += strspn(p, " ");
    }

    return genai_pf_copy(f, v->valuestring, &r->source);
}


static int
genai_pf_misc(genai_price_file_t *f, const cJSON *row,
    genai_price_row_t *r)
{
    int64_t       when;
    const cJSON  *v;

    v = cJSON_GetObjectItemCaseSensitive(row, "confidence");

    if (v) {
        if (!cJSON_IsString(v) || strlen(v->valuestring) != 1
            || strchr("HML", v->valuestring[0]) == NULL)
        {
            return genai_pf_fail(f, "unknown \"confidence\"; use \"H\", "
                                 "\"M\" or \"L\"");
        }

        r->confidence = v->valuestring[0];
    }

    if (genai_pf_source(f, row, r) != GENAI_OK
        || genai_pf_time(f, row, "date", &when) != GENAI_OK)
    {
        return GENAI_ERROR;
    }

    v = cJSON_GetObjectItemCaseSensitive(row, "date");

    if (v && genai_pf_copy(f, v->valuestring, &r->date) != GENAI_OK) {
        return GENAI_ERROR;
    }

    /* the narrower discount takes the place of the wider one */

    r->pay_ppm = f->pay_ppm;

    v = cJSON_GetObjectItemCaseSensitive(row, "family");
    v = cJSON_GetObjectItemCaseSensitive(f->discounts, v->valuestring);

    if (genai_pf_discount(f, v, "discounts", &r->pay_ppm) != GENAI_OK) {
        return GENAI_ERROR;
    }

    v = cJSON_GetObjectItemCaseSensitive(row, "discount");

    return genai_pf_discount(f, v, "discount", &r->pay_ppm);
}


int
genai_pf_row(genai_price_file_t *f, const cJSON *row,
    genai_price_row_t *r)
{
    const cJSON  *v;

    r->index = f->index;
    r->from = GENAI_PRICE_ALWAYS;
    r->until = GENAI_PRICE_FOREVER;
    r->context = -1;
    r->max_output = -1;
    r->long_over = -1;
    r->query_documents = 100;

    v = cJSON_GetObjectItemCaseSensitive(row, "id");
    f->id = cJSON_IsString(v) ? v->valuestring : "without id";

    if (genai_pf_members(f, row, "the row", genai_price_keys_row)
        != GENAI_OK
        || genai_pf_word(f, v, "id", 256, &r->id) != GENAI_OK)
    {
        return GENAI_ERROR;
    }

    v = cJSON_GetObjectItemCaseSensitive(row, "provider");
    if (genai_pf_word(f, v, "provider", 64, &r->provider) != GENAI_OK) {
        return GENAI_ERROR;
    }

    v = cJSON_GetObjectItemCaseSensitive(row, "family");
    if (genai_pf_word(f, v, "family", 64, &r->family) != GENAI_OK) {
        return GENAI_ERROR;
    }

    if (genai_pf_kind(f, row, r) != GENAI_OK
        || genai_pf_rates(f, row, &r->rates) != GENAI_OK
        || genai_pf_long(f, row, r) != GENAI_OK
        || genai_pf_routes(f, row, r) != GENAI_OK
        || genai_pf_tiers(f, row, r) != GENAI_OK
        || genai_pf_integer(f, row, "context", &r->context) != GENAI_OK
        || genai_pf_integer(f, row, "max_output", &r->max_output)
           != GENAI_OK
        || genai_pf_integer(f, row, "query_documents",
                            &r->query_documents)
           != GENAI_OK
        || genai_pf_time(f, row, "effective_from", &r->from) != GENAI_OK
        || genai_pf_time(f, row, "effective_until", &r->until)
           != GENAI_OK
        || genai_pf_misc(f, row, r) != GENAI_OK)
    {
        return GENAI_ERROR;
    }

    if (r->from >= r->until) {
        return genai_pf_fail(f, "\"effective_until\" is not after "
                             "\"effective_from\"; mend the dates");
    }

    return GENAI_OK;
}
