/*
 * Price lookup: see genai_price.h.
 */

#include "genai_price.h"


static const char  *const genai_price_providers[] = {
    "amazon", "anthropic", "ai21", "cohere", "deepseek", "google", "luma",
    "meta", "minimax", "mistral", "moonshot", "moonshotai", "nvidia",
    "openai", "qwen", "stability", "twelvelabs", "writer", "xai", "zai"
};


static uint32_t genai_price_hash(genai_str_t s);
static const genai_price_key_t *genai_price_find(const genai_price_table_t *t,
    genai_str_t name);
static const char *genai_price_last(genai_str_t s, char ch);
static const genai_price_key_t *genai_price_find_cut(
    const genai_price_table_t *t, genai_str_t name);
static const genai_price_key_t *genai_price_find_id(
    const genai_price_table_t *t, genai_str_t model, genai_str_t *prefix);
static int genai_price_is_provider(const genai_price_table_t *t,
    genai_str_t label);
static int genai_price_arn(genai_str_t arn, genai_str_t *region,
    genai_str_t *type, genai_str_t *rest);
static const genai_price_key_t *genai_price_find_any(
    const genai_price_table_t *t, genai_str_t model, genai_str_t *prefix,
    genai_str_t *region);
static void genai_price_at(const genai_price_table_t *t,
    const genai_price_key_t *key, int64_t when, genai_price_t *p);
static const genai_price_route_t *genai_price_route_named(
    const genai_price_row_t *row, genai_str_t name);
static void genai_price_route(const genai_price_row_t *row,
    genai_str_t prefix, genai_str_t region, genai_price_t *p);
static int genai_price_tier(const genai_price_row_t *row, genai_str_t tier,
    uint32_t *ppm);
static int genai_price_seek(const genai_price_table_t *t, genai_str_t model,
    genai_str_t region, genai_str_t tier, int64_t when, genai_price_t *p);
static genai_price_memo_t *genai_price_memo(const genai_price_table_t *t,
    genai_str_t model);
static int genai_price_known(const genai_price_memo_t *m, genai_str_t model,
    genai_str_t region, genai_str_t tier, int64_t when);
static void genai_price_keep(genai_price_memo_t *m, genai_str_t model,
    genai_str_t region, genai_str_t tier, const genai_price_t *p);


static uint32_t
genai_price_hash(genai_str_t s)
{
    size_t       n;
    uint64_t     h, w;
    const char  *p;

    h = s.len * 0x9e3779b97f4a7c15ULL;

    for (p = s.data, n = s.len; n >= 8; p += 8, n -= 8) {
        memcpy(&w, p, 8);
        h = (h ^ w) * 0xff51afd7ed558ccdULL;
        h ^= h >> 32;
    }

    if (n) {
        w = 0;
        memcpy(&w, p, n);
        h = (h ^ w) * 0xff51afd7ed558ccdULL;
        h ^= h >> 32;
    }

    h *= 0xc4ceb9fe1a85ec53ULL;

    return h >> 32;
}


const genai_price_key_t *
genai_price_index(genai_price_table_t *t, genai_price_alloc_pt alloc,
    void *data, const genai_price_key_t **other, int *rc)
{
    size_t               i, size;
    uint32_t             n;
    genai_price_row_t   *a, *b;
    genai_price_key_t   *key, *k, **slot;

    *rc = GENAI_OK;

    for (size = 16; size < t->nkeys * 4; size *= 2) { /* void */ }

    t->slots = alloc(data, size * sizeof(genai_price_key_t *));
    t->memo = alloc(data, GENAI_PRICE_MEMO * sizeof(genai_price_memo_t));

    if (t->slots == NULL || t->memo == NULL) {
        *rc = GENAI_ERROR;
        return NULL;
    }

    memset(t->memo, 0, GENAI_PRICE_MEMO * sizeof(genai_price_memo_t));
    memset(t->slots, 0, size * sizeof(genai_price_key_t *));
    t->mask = size - 1;

    for (i = 0; i < t->nkeys; i++) {
        key = &t->keys[i];
        key->hash = genai_price_hash(key->name);
        key->same = NULL;

        for (n = key->hash & t->mask; t->slots[n]; n = (n + 1) & t->mask) {
            if (genai_str_eq(t->slots[n]->name, key->name)) {
                break;
            }
        }

        slot = &t->slots[n];

        for (k = *slot; k; k = k->same) {
            *other = k;

            if (k->kind == GENAI_PRICE_KEY_ALIAS
                || key->kind == GENAI_PRICE_KEY_ALIAS)
            {
                return key;
            }

            a = &t->rows[k->row];
            b = &t->rows[key->row];

            if (a->from < b->until && b->from < a->until) {
                return key;
            }
        }

        key->same = *slot;
        *slot = key;
    }

    return NULL;
}


static const genai_price_key_t *
genai_price_find(const genai_price_table_t *t, genai_str_t name)
{
    uint32_t                  n, hash;
    const genai_price_key_t  *key;

    hash = genai_price_hash(name);

    for (n = hash & t->mask; (key = t->slots[n]) != NULL;
         n = (n + 1) & t->mask)
    {
        if (key->hash == hash && genai_str_eq(key->name, name)) {
            return key;
        }
    }

    return NULL;
}


static const char *
genai_price_last(genai_str_t s, char ch)
{
    while (s.len) {
        if (s.data[--s.len] == ch) {
            return s.data + s.len;
        }
    }

    return NULL;
}


/* "amazon.nova-lite-v1:0:300k": what follows a colon may be a context or
 * vector size, or a minor version that the table does not tell apart */

static const genai_price_key_t *
genai_price_find_cut(const genai_price_table_t *t, genai_str_t name)
{
    int                       n;
    const char               *p;
    const genai_price_key_t  *key;

    for (n = 0; n < 3; n++) {
        key = genai_price_find(t, name);
        if (key) {
            return key;
        }

        p = genai_price_last(name, ':');
        if (p == NULL) {
            break;
        }

        name.len = p - name.data;
    }

    return NULL;
}


static const genai_price_key_t *
genai_price_find_id(const genai_price_table_t *t, genai_str_t model,
    genai_str_t *prefix)
{
    const char               *dot;
    genai_str_t               label, rest;
    const genai_price_key_t  *key;

    *prefix = genai_str(NULL, 0);

    key = genai_price_find(t, model);
    if (key) {
        return key;
    }

    dot = model.len ? memchr(model.data, '.', model.len) : NULL;

    if (dot == NULL || dot == model.data) {
        return genai_price_find_cut(t, model);
    }

    label = genai_str(model.data, dot - model.data);
    rest = genai_str(dot + 1, model.data + model.len - dot - 1);

    if (genai_price_is_provider(t, label)) {
        return genai_price_find_cut(t, model);
    }

    /* an id of Bedrock's begins with its provider, so a hit says that the
     * second label is one */

    key = genai_price_find_cut(t, rest);

    if (key && key->kind == GENAI_PRICE_KEY_ID) {
        *prefix = label;
        return key;
    }

    return genai_price_find_cut(t, model);
}


static int
genai_price_is_provider(const genai_price_table_t *t, genai_str_t label)
{
    size_t  i;

    for (i = 0; i < genai_nelts(genai_price_providers); i++) {
        if (label.data[0] == genai_price_providers[i][0]
            && genai_str_is(label, genai_price_providers[i]))
        {
            return 1;
        }
    }

    for (i = 0; i < t->nproviders; i++) {
        if (genai_str_eq(label, t->providers[i])) {
            return 1;
        }
    }

    return 0;
}


/* arn:partition:service:region:account:type/rest */

static int
genai_price_arn(genai_str_t arn, genai_str_t *region, genai_str_t *type,
    genai_str_t *rest)
{
    int          n;
    const char  *p, *q, *end;

    if (arn.len < 4 || memcmp(arn.data, "arn:", 4) != 0) {
        return GENAI_DECLINED;
    }

    p = arn.data;
    end = arn.data + arn.len;

    for (n = 0; n < 5; n++) {
        q = memchr(p, ':', end - p);
        if (q == NULL) {
            return GENAI_DECLINED;
        }

        if (n == 3) {
            *region = genai_str(p, q - p);
        }

        p = q + 1;
    }

    q = memchr(p, '/', end - p);
    if (q == NULL) {
        return GENAI_DECLINED;
    }

    *type = genai_str(p, q - p);
    *rest = genai_str(q + 1, end - q - 1);

    return GENAI_OK;
}


/* a name in any form: an id, an alias, or an ARN, whose region goes first */

static const genai_price_key_t *
genai_price_find_any(const genai_price_table_t *t, genai_str_t model,
    genai_str_t *prefix, genai_str_t *region)
{
    const char               *p;
    genai_str_t               type, rest, own;
    const genai_price_key_t  *key;

    if (genai_price_arn(model, &own, &type, &rest) != GENAI_OK) {
        return genai_price_find_id(t, model, prefix);
    }

    *prefix = genai_str(NULL, 0);

    if (own.len) {
        *region = own;
    }

    key = genai_price_find_cut(t, model);
    if (key) {
        return key;
    }

    if (genai_str_is(type, "foundation-model")) {
        key = genai_price_find_cut(t, rest);

    } else if (genai_str_is(type, "inference-profile")) {
        key = genai_price_find_id(t, rest, prefix);

    } else if (genai_str_is(type, "custom-model")) {

        /* custom-model/amazon.nova-lite-v1:0.name/0123456789ab */

        p = memchr(rest.data, '/', rest.len);
        if (p) {
            rest.len = p - rest.data;
        }

        key = genai_price_find_cut(t, rest);
        p = genai_price_last(rest, '.');

        if (key == NULL && p) {
            rest.len = p - rest.data;
            key = genai_price_find_cut(t, rest);
        }
    }

    return (key && key->kind == GENAI_PRICE_KEY_ID) ? key : NULL;
}


/* the key's row at this time; else the nearest one for what does not age */

static void
genai_price_at(const genai_price_table_t *t, const genai_price_key_t *key,
    int64_t when, genai_price_t *p)
{
    const genai_price_row_t  *row, *last;

    last = NULL;

    for (/* void */; key; key = key->same) {
        row = &t->rows[key->row];

        if (when >= row->from && when < row->until) {
            p->row = row;
            p->direct = (key->kind == GENAI_PRICE_KEY_DIRECT);
            return;
        }

        if (last == NULL || row->from > last->from) {
            last = row;
        }
    }

    p->row = last;
    p->why = GENAI_PRICE_NO_TIME;
}


/* a worker's calls are to a few models: to find one costs three per cent of
 * a call, to see that it is the same an eighth of that */

int
genai_price_resolve(const genai_price_table_t *t, genai_str_t model,
    genai_str_t region, genai_str_t tier, int64_t when, genai_price_t *p)
{
    int                  rc;
    genai_price_memo_t  *m;

    m = genai_price_memo(t, model);

    if (genai_price_known(m, model, region, tier, when)) {
        *p = m->price;
        return GENAI_OK;
    }

    rc = genai_price_seek(t, model, region, tier, when, p);

    if (rc == GENAI_OK) {
        genai_price_keep(m, model, region, tier, p);
    }

    return rc;
}


/* where a model's is kept: by the length of its id and what is amid it */

static genai_price_memo_t *
genai_price_memo(const genai_price_table_t *t, genai_str_t model)
{
    uint64_t  w;

    w = 0;

    if (model.len >= 8) {
        memcpy(&w, model.data + (model.len - 8) / 2, 8);
    }

    w = (w ^ model.len) * 0x9e3779b97f4a7c15ULL;

    return &t->memo[w >> 32 & (GENAI_PRICE_MEMO - 1)];
}


static int
genai_price_known(const genai_price_memo_t *m, genai_str_t model,
    genai_str_t region, genai_str_t tier, int64_t when)
{
    const char  *p;

    if (m->model == 0 || m->model != model.len || m->region != region.len
        || m->tier != tier.len || when < m->price.row->from
        || when >= m->price.row->until)
    {
        return 0;
    }

    p = m->text;

    return memcmp(p, model.data, m->model) == 0
           && (m->region == 0
               || memcmp(p + m->model, region.data, m->region) == 0)
           && (m->tier == 0
               || memcmp(p + m->model + m->region, tier.data, m->tier) == 0);
}


static void
genai_price_keep(genai_price_memo_t *m, genai_str_t model,
    genai_str_t region, genai_str_t tier, const genai_price_t *p)
{
    char  *text;

    if (model.len > sizeof(m->text) || region.len > sizeof(m->text)
        || tier.len > sizeof(m->text)
        || model.len + region.len + tier.len > sizeof(m->text))
    {
        return;
    }

    m->price = *p;
    m->model = (uint16_t) model.len;
    m->region = (uint16_t) region.len;
    m->tier = (uint16_t) tier.len;

    text = m->text;
    memcpy(text, model.data, model.len);
    text += model.len;

    if (region.len) {
        memcpy(text, region.data, region.len);
        text += region.len;
    }

    if (tier.len) {
        memcpy(text, tier.data, tier.len);
    }
}


static int
genai_price_seek(const genai_price_table_t *t, genai_str_t model,
    genai_str_t region, genai_str_t tier, int64_t when, genai_price_t *p)
{
    genai_str_t               prefix;
    const genai_price_key_t  *key;

    memset(p, 0, sizeof(genai_price_t));

    p->route_ppm = GENAI_PPM;
    p->tier_ppm = GENAI_PPM;

    key = genai_price_find_any(t, model, &prefix, &region);

    if (key && key->kind == GENAI_PRICE_KEY_ALIAS) {
        key = genai_price_find_any(t, key->target, &prefix, &region);
    }

    if (key == NULL || key->kind == GENAI_PRICE_KEY_ALIAS) {
        p->why = GENAI_PRICE_NO_MODEL;
        return GENAI_DECLINED;
    }

    genai_price_at(t, key, when, p);

    if (p->why == GENAI_PRICE_FOUND) {
        if (p->direct) {
            prefix = genai_strz("global");
        }

        genai_price_route(p->row, prefix, region, p);

        if (genai_price_tier(p->row, tier, &p->tier_ppm) != GENAI_OK
            && p->why == GENAI_PRICE_FOUND)
        {
            p->why = GENAI_PRICE_NO_TIER;
        }
    }

    return p->why == GENAI_PRICE_FOUND ? GENAI_OK : GENAI_DECLINED;
}


const genai_price_row_t *
genai_price_lookup(const genai_price_table_t *t, genai_str_t model,
    int64_t when)
{
    genai_price_t  p;

    (void) genai_price_resolve(t, model, genai_str(NULL, 0),
                               genai_str(NULL, 0), when, &p);

    return p.row;
}


static const genai_price_route_t *
genai_price_route_named(const genai_price_row_t *row, genai_str_t name)
{
    size_t  i;

    for (i = 0; i < row->nroutes; i++) {
        if (genai_str_eq(row->routes[i].name, name)) {
            return &row->routes[i];
        }
    }

    return NULL;
}


/*
 * The narrowest route wins: a profile's own prefix before "geo", a region
 * before the partition before "in_region"; else the list price.
 */

static void
genai_price_route(const genai_price_row_t *row, genai_str_t prefix,
    genai_str_t region, genai_price_t *p)
{
    const genai_price_route_t  *r;
    static const genai_str_t    gov = genai_string("us-gov");
    static const genai_str_t    geo = genai_string("geo");
    static const genai_str_t    in_region = genai_string("in_region");

    p->rates = &row->rates;
    p->long_rates = &row->long_rates;

    if (row->nroutes == 0) {
        return;
    }

    if (prefix.len) {
        r = genai_price_route_named(row, prefix);

        if (r == NULL && !genai_str_is(prefix, "global")) {
            r = genai_price_route_named(row, geo);
        }

    } else {
        r = region.len ? genai_price_route_named(row, region) : NULL;

        if (r == NULL && region.len > 7
            && memcmp(region.data, "us-gov-", 7) == 0)
        {
            r = genai_price_route_named(row, gov);
        }

        if (r == NULL) {
            r = genai_price_route_named(row, in_region);
        }
    }

    if (r == NULL) {
        return;
    }

    if (r->none) {
        p->why = GENAI_PRICE_NO_ROUTE;
        return;
    }

    p->route_ppm = r->ppm;

    if (r->own) {
        p->rates = &r->rates;
        p->long_rates = &r->long_rates;
    }
}


static int
genai_price_tier(const genai_price_row_t *row, genai_str_t tier,
    uint32_t *ppm)
{
    size_t  i;

    *ppm = GENAI_PPM;

    if (tier.len == 0) {
        return GENAI_OK;
    }

    for (i = 0; i < row->ntiers; i++) {
        if (genai_str_eq(row->tiers[i].name, tier)) {
            *ppm = row->tiers[i].ppm;
            return GENAI_OK;
        }
    }

    if (genai_str_is(tier, "default") || genai_str_is(tier, "standard")
        || genai_str_is(tier, "auto"))
    {
        return GENAI_OK;
    }

    return GENAI_DECLINED;
}
