/*
 * The registry in memory: layout, label sets as keys, rows.
 */

#include "genai_metrics_store.h"


#define GENAI_ALIGN(n)        (((n) + 63) & ~(uint64_t) 63)

/* shares of one series row in the other tables */
#define GENAI_PER_COUNTERS    2
#define GENAI_PER_HISTOGRAMS  7

static const genai_str_t  other = genai_string("_other");


_Static_assert(sizeof(genai_series_t) == 768, "series row");
_Static_assert(sizeof(genai_counter_t) == 128, "counter row");
_Static_assert(sizeof(genai_hist_t) == 144, "histogram row");
_Static_assert(__atomic_always_lock_free(8, 0), "64-bit atomics");


/* a key being built: zero-padded so that it can be hashed by whole words */

typedef struct {
    size_t    len;
    uint64_t  hash;
    char      data[GENAI_SERIES_KEY + 16];
} genai_key_t;


static uint64_t
metrics_lay_out(uint32_t series, genai_metrics_t *m)
{
    uint64_t  off;

    m->plan.series = series;
    m->plan.counters = series * GENAI_PER_COUNTERS;
    m->plan.histograms = series * GENAI_PER_HISTOGRAMS;
    m->plan.exemplars = series + series / 2;
    m->plan.names = series / 4;

    if (m->plan.names < 16) {
        m->plan.names = 16;

    } else if (m->plan.names > 1024) {
        m->plan.names = 1024;
    }

    m->series.n = series;
    m->counters.n = m->plan.counters;

    off = GENAI_ALIGN(sizeof(genai_metrics_t));

    m->series.states = off;
    off += GENAI_ALIGN(m->series.n * sizeof(uint64_t));
    m->series.rows = off;
    off += GENAI_ALIGN(m->series.n * sizeof(genai_series_t));

    m->counters.states = off;
    off += GENAI_ALIGN(m->counters.n * sizeof(uint64_t));
    m->counters.rows = off;
    off += GENAI_ALIGN(m->counters.n * sizeof(genai_counter_t));

    m->histograms = off;
    off += GENAI_ALIGN(m->plan.histograms * sizeof(genai_hist_t));
    m->exemplars = off;
    off += GENAI_ALIGN(m->plan.exemplars * sizeof(genai_exemplars_t));
    m->names = off;
    off += GENAI_ALIGN(m->plan.names * sizeof(genai_name_t));

    return off;
}


size_t
genai_metrics_size(uint32_t series)
{
    genai_metrics_t  m;

    return metrics_lay_out(series, &m);
}


static uint32_t
metrics_fit(size_t size)
{
    uint32_t  lo, hi, mid;

    lo = 0;
    hi = size / sizeof(genai_series_t) < (1 << 20)
         ? size / sizeof(genai_series_t) : (1 << 20);

    while (lo < hi) {
        mid = lo + (hi - lo + 1) / 2;

        if (genai_metrics_size(mid) <= size) {
            lo = mid;

        } else {
            hi = mid - 1;
        }
    }

    return lo;
}


int
genai_metrics_plan(size_t size, genai_metrics_plan_t *plan)
{
    genai_metrics_t  m;

    if (size < GENAI_METRICS_MIN) {
        return GENAI_ERROR;
    }

    (void) metrics_lay_out(metrics_fit(size), &m);
    *plan = m.plan;

    return GENAI_OK;
}


static inline uint64_t
hash_mix(uint64_t a, uint64_t b)
{
    unsigned __int128  r;

    r = (unsigned __int128) a * b;

    return (uint64_t) r ^ (uint64_t) (r >> 64);
}


static inline void
key_hash(const genai_metrics_t *m, genai_key_t *k)
{
    size_t    i;
    uint64_t  h, w[2];

    memset(k->data + k->len, 0, 16);
    h = m->seed ^ k->len;

    for (i = 0; i < k->len; i += 16) {
        memcpy(w, k->data + i, 16);
        h = hash_mix(w[0] ^ 0x9e3779b97f4a7c15ULL, w[1] ^ h);
    }

    k->hash = hash_mix(h ^ 0xe7037ed1a0b428dbULL, 0x8ebc6af09c88c6e3ULL);
}


/* the length of the UTF-8 character at p, 0 when it is not one, or one that
 * readers of text formats stumble over */

static size_t
utf8_char(const unsigned char *p, size_t len)
{
    size_t    i, n;
    uint32_t  c, min;

    if (p[0] < 0x80) {
        return (p[0] >= 0x20 && p[0] != 0x7f) || p[0] == '\n';
    }

    if (p[0] >= 0xc2 && p[0] <= 0xdf) {
        n = 2;
        c = p[0] & 0x1f;
        min = 0x80;

    } else if ((p[0] & 0xf0) == 0xe0) {
        n = 3;
        c = p[0] & 0x0f;
        min = 0x800;

    } else if (p[0] >= 0xf0 && p[0] <= 0xf4) {
        n = 4;
        c = p[0] & 0x07;
        min = 0x10000;

    } else {
        return 0;
    }

    if (n > len) {
        return 0;
    }

    for (i = 1; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80) {
            return 0;
        }

        c = (c << 6) | (p[i] & 0x3f);
    }

    return c < min || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff) ? 0 : n;
}


size_t
genai_metrics_clean(char *dst, const char *src, size_t len, size_t max)
{
    size_t  i, n, out;

    for (i = 0, out = 0; i < len && out < max; /* void */) {
        n = utf8_char((const unsigned char *) src + i, len - i);

        if (n == 0) {
            dst[out++] = '?';
            i++;
            continue;
        }

        if (out + n > max) {
            break;
        }

        memcpy(dst + out, src + i, n);
        out += n;
        i += n;
    }

    return out;
}


static inline int
text_is_plain(const char *p, size_t len)
{
    size_t    i;
    uint64_t  w, bad;

    for (i = 0, bad = 0; i + 8 <= len; i += 8) {
        memcpy(&w, p + i, 8);
        bad |= w | (w - 0x2020202020202020ULL);
    }

    bad &= 0x8080808080808080ULL;

    for ( /* void */ ; i < len; i++) {
        bad |= (unsigned char) p[i] < 0x20 || (unsigned char) p[i] >= 0x7f;
    }

    return bad == 0;
}


/* appends a length byte and the value; a key buffer always has the room */

static inline void
key_put(genai_key_t *k, genai_str_t s, size_t max)
{
    char  *p;

    p = k->data + k->len;

    if (genai_likely(s.len <= max && text_is_plain(s.data, s.len))) {
        if (s.len) {
            memcpy(p + 1, s.data, s.len);
        }

    } else {
        s.len = genai_metrics_clean(p + 1, s.data, s.len, max);
    }

    p[0] = (char) s.len;
    k->len += 1 + s.len;
}


genai_str_t
genai_metrics_key_next(const char *key, size_t len, size_t *pos)
{
    genai_str_t  s;

    if (*pos >= len) {
        return genai_str(NULL, 0);
    }

    s.data = key + *pos + 1;
    s.len = (unsigned char) key[*pos];
    *pos += 1 + s.len;

    return s;
}


static void
key_labels(genai_key_t *k, const genai_call_t *c)
{
    size_t       i, n, room, key, value;
    genai_str_t  v;

    for (i = 0, n = 0; i < c->nattrs && n < GENAI_METRICS_LABELS; i++) {
        if (!c->attrs[i].label || c->attrs[i].key.len == 0
            || c->attrs[i].value.len == 0)
        {
            continue;
        }

        v = c->attrs[i].value;
        key = c->attrs[i].key.len < GENAI_METRICS_VALUE
              ? c->attrs[i].key.len : GENAI_METRICS_VALUE;
        value = v.len < GENAI_METRICS_VALUE ? v.len : GENAI_METRICS_VALUE;
        room = GENAI_SERIES_KEY - k->len;

        if (2 + key + value > room) {
            v = other;
            value = v.len;

            if (2 + key + value > room) {
                break;
            }
        }

        key_put(k, c->attrs[i].key, key);
        key_put(k, v, value);
        n++;
    }
}


static inline uint64_t *
rows_states(const genai_metrics_t *m, const genai_rows_t *t)
{
    return (uint64_t *) ((char *) m + t->states);
}


static inline uint32_t
rows_home(const genai_rows_t *t, uint64_t hash)
{
    return (uint32_t) (((hash >> 32) * t->n) >> 32);
}


static inline int
rows_match(const char *rows, size_t row, size_t keyoff, size_t lenoff,
    uint32_t i, const genai_key_t *k)
{
    uint16_t     len;
    const char  *p;

    p = rows + (size_t) i * row;
    memcpy(&len, p + lenoff, sizeof(len));

    return len == k->len && memcmp(p + keyoff, k->data, k->len) == 0;
}


#define rows_series(m)                                                       \
    (char *) (m) + (m)->series.rows, sizeof(genai_series_t),                 \
    offsetof(genai_series_t, key), offsetof(genai_series_t, keylen)

#define rows_counters(m)                                                     \
    (char *) (m) + (m)->counters.rows, sizeof(genai_counter_t),              \
    offsetof(genai_counter_t, key), offsetof(genai_counter_t, keylen)


/* The first published row of the key, or GENAI_ROW_NONE; *free is where the
 * search ended then: an empty row, or GENAI_ROW_NONE. */

static inline __attribute__((always_inline)) uint32_t
rows_find(const genai_metrics_t *m, const genai_rows_t *t, const char *rows,
    size_t row, size_t keyoff, size_t lenoff, const genai_key_t *k,
    uint32_t *free)
{
    uint32_t   i, n;
    uint64_t   s, ready, *states;

    states = rows_states(m, t);
    ready = k->hash << 2 | GENAI_ROW_READY;
    *free = GENAI_ROW_NONE;

    for (i = rows_home(t, k->hash), n = 0; n < GENAI_ROW_PROBE; n++) {
        s = __atomic_load_n(&states[i], __ATOMIC_ACQUIRE);

        if (s == ready && rows_match(rows, row, keyoff, lenoff, i, k)) {
            return i;
        }

        if (s == GENAI_ROW_EMPTY) {
            *free = i;
            return GENAI_ROW_NONE;
        }

        if (++i == t->n) {
            i = 0;
        }
    }

    return GENAI_ROW_NONE;
}


/* Claims an empty row at or after *i.  Another process writing the same key
 * right now is worth a short wait, which spares a duplicate; it is no more
 * than that, for the other may be dead. */

static int
rows_claim(const genai_metrics_t *m, genai_rows_t *t, const genai_key_t *k,
    uint32_t limit, uint32_t *i)
{
    unsigned   spin;
    uint64_t   s, *states;

    if (*i == GENAI_ROW_NONE
        || __atomic_load_n(&t->used, __ATOMIC_RELAXED) >= limit)
    {
        return GENAI_DECLINED;
    }

    states = rows_states(m, t);
    s = GENAI_ROW_EMPTY;

    if (__atomic_compare_exchange_n(&states[*i], &s,
                                    k->hash << 2 | GENAI_ROW_CLAIMED, 0,
                                    __ATOMIC_ACQUIRE, __ATOMIC_ACQUIRE))
    {
        __atomic_fetch_add(&t->used, 1, __ATOMIC_RELAXED);
        return GENAI_OK;
    }

    for (spin = 0; spin < 1000; spin++) {
        if (s != (k->hash << 2 | GENAI_ROW_CLAIMED)) {
            break;
        }

        s = __atomic_load_n(&states[*i], __ATOMIC_ACQUIRE);
    }

    return GENAI_AGAIN;
}


static void
rows_publish(const genai_metrics_t *m, const genai_rows_t *t,
    const genai_key_t *k, uint32_t i)
{
    __atomic_store_n(&rows_states(m, t)[i], k->hash << 2 | GENAI_ROW_READY,
                     __ATOMIC_RELEASE);
}


/* three quarters for label sets, one eighth more for their _other rows */

static inline uint32_t
rows_limit(const genai_rows_t *t, int reserve)
{
    return reserve ? t->n - t->n / 8 : t->n - t->n / 4;
}


static uint32_t
series_get(genai_metrics_t *m, const genai_key_t *k, int reserve)
{
    int              rc;
    uint32_t         i, free;
    genai_series_t  *s;

    for ( ;; ) {
        i = rows_find(m, &m->series, rows_series(m), k, &free);

        if (genai_likely(i != GENAI_ROW_NONE)) {
            return i;
        }

        rc = rows_claim(m, &m->series, k, rows_limit(&m->series, reserve),
                        &free);

        if (rc == GENAI_AGAIN) {
            continue;
        }

        if (rc != GENAI_OK) {
            return GENAI_ROW_NONE;
        }

        s = genai_metrics_series(m, free);
        memset(s, 0, offsetof(genai_series_t, key));
        s->keylen = k->len;
        memcpy(s->key, k->data, k->len);
        rows_publish(m, &m->series, k, free);

        return free;
    }
}


static void
series_key(const genai_metrics_t *m, const genai_call_t *c, genai_key_t *k)
{
    k->data[0] = (char) c->api;
    k->data[1] = (char) c->operation;
    k->len = 2;

    key_put(k, c->provider, GENAI_METRICS_PROVIDER);
    key_put(k, c->model, GENAI_METRICS_MODEL);
    key_put(k, c->location, GENAI_METRICS_LOCATION);

    if (c->nattrs) {
        key_labels(k, c);
    }

    key_hash(m, k);
}


uint32_t
genai_metrics_series_of(genai_metrics_t *m, const genai_call_t *c)
{
    uint32_t     i;
    genai_key_t  k;

    series_key(m, c, &k);
    i = series_get(m, &k, 0);

    if (genai_likely(i != GENAI_ROW_NONE)) {
        return i;
    }

    __atomic_fetch_add(&m->full[GENAI_FULL_SERIES], 1, __ATOMIC_RELAXED);

    k.len = 2;
    key_put(&k, genai_str(NULL, 0), 0);
    key_put(&k, other, other.len);
    key_put(&k, c->location, GENAI_METRICS_LOCATION);
    key_hash(m, &k);
    i = series_get(m, &k, 1);

    return i != GENAI_ROW_NONE ? i : m->other;
}


static void
counter_key(const genai_metrics_t *m, genai_key_t *k, uint32_t series,
    unsigned counter, genai_str_t a, genai_str_t b)
{
    k->data[0] = (char) counter;
    memcpy(k->data + 1, &series, sizeof(series));
    k->len = 5;

    key_put(k, a, GENAI_METRICS_VALUE);
    key_put(k, b, GENAI_COUNTER_KEY - 5 - 2 - GENAI_METRICS_VALUE);
    key_hash(m, k);
}


static uint32_t
counter_get(genai_metrics_t *m, const genai_key_t *k, int reserve)
{
    int               rc;
    uint32_t          i, free;
    genai_counter_t  *row;

    for ( ;; ) {
        i = rows_find(m, &m->counters, rows_counters(m), k, &free);

        if (genai_likely(i != GENAI_ROW_NONE)) {
            return i;
        }

        rc = rows_claim(m, &m->counters, k,
                        rows_limit(&m->counters, reserve), &free);

        if (rc == GENAI_AGAIN) {
            continue;
        }

        if (rc != GENAI_OK) {
            return GENAI_ROW_NONE;
        }

        row = genai_metrics_counter(m, free);
        row->value = 0;
        row->counter = (uint8_t) k->data[0];
        memcpy(&row->series, k->data + 1, sizeof(row->series));
        row->keylen = k->len;
        memcpy(row->key, k->data, k->len);
        rows_publish(m, &m->counters, k, free);

        return free;
    }
}


void
genai_metrics_counter_add(genai_metrics_t *m, uint32_t series,
    unsigned counter, genai_str_t a, genai_str_t b, uint64_t n)
{
    uint32_t     i;
    genai_key_t  k;

    counter_key(m, &k, series, counter, a, b);
    i = counter_get(m, &k, 0);

    if (genai_unlikely(i == GENAI_ROW_NONE)) {
        __atomic_fetch_add(&m->full[GENAI_FULL_COUNTERS], 1,
                           __ATOMIC_RELAXED);

        counter_key(m, &k, series, counter, other, genai_str(NULL, 0));
        i = counter_get(m, &k, 1);
    }

    if (genai_unlikely(i == GENAI_ROW_NONE)) {
        counter_key(m, &k, m->other, counter, other, genai_str(NULL, 0));
        i = counter_get(m, &k, 1);
    }

    if (genai_likely(i != GENAI_ROW_NONE)) {
        __atomic_fetch_add(&genai_metrics_counter(m, i)->value, n,
                           __ATOMIC_RELAXED);
    }
}


/* the rows of last resort, made while there is room for them */

static void
metrics_last_resort(genai_metrics_t *m)
{
    unsigned      i;
    genai_key_t   k;
    genai_call_t  c;

    memset(&c, 0, sizeof(genai_call_t));
    c.model = other;

    series_key(m, &c, &k);
    m->other = series_get(m, &k, 1);

    for (i = 0; i < GENAI_COUNTER_N; i++) {
        counter_key(m, &k, m->other, i, other, genai_str(NULL, 0));
        (void) counter_get(m, &k, 1);
    }
}


genai_metrics_t *
genai_metrics_init(void *mem, size_t size, uint64_t now_unix_ns)
{
    genai_name_t     *name;
    genai_metrics_t  *m;

    if (size < GENAI_METRICS_MIN) {
        return NULL;
    }

    m = mem;
    memset(m, 0, sizeof(genai_metrics_t));
    (void) metrics_lay_out(metrics_fit(size), m);

    /* rows are cleared at first use: pages never used are never touched */
    memset(rows_states(m, &m->series), 0, m->series.n * sizeof(uint64_t));
    memset(rows_states(m, &m->counters), 0,
           m->counters.n * sizeof(uint64_t));

    m->layout = GENAI_METRICS_LAYOUT;
    m->size = size;
    m->start = now_unix_ns;
    m->seed = hash_mix(now_unix_ns ^ 0xa0761d6478bd642fULL,
                       (uintptr_t) mem ^ 0xe7037ed1a0b428dbULL);

    /* name 0 is none, 1 the conventions' word for any other */
    name = genai_metrics_name(m, 1);
    name->len = 6;
    memcpy(name->data, "_OTHER", 6);
    m->names_used = 2;

    metrics_last_resort(m);

    __atomic_store_n(&m->magic, GENAI_METRICS_MAGIC, __ATOMIC_RELEASE);

    return m;
}


genai_metrics_t *
genai_metrics_attach(void *mem, size_t size)
{
    genai_metrics_t  *m;

    m = mem;

    if (size < GENAI_METRICS_MIN
        || __atomic_load_n(&m->magic, __ATOMIC_ACQUIRE) != GENAI_METRICS_MAGIC
        || m->layout != GENAI_METRICS_LAYOUT
        || m->size != size)
    {
        return NULL;
    }

    return m;
}


uint64_t
genai_metrics_start(const genai_metrics_t *m)
{
    return m->start;
}


int
genai_metrics_ready(const genai_metrics_t *m, const genai_rows_t *t,
    uint32_t i)
{
    return (__atomic_load_n(&rows_states(m, t)[i], __ATOMIC_ACQUIRE) & 3)
           == GENAI_ROW_READY;
}


static uint32_t
rows_next(const genai_metrics_t *m, const genai_rows_t *t, const char *rows,
    size_t row, size_t keyoff, size_t lenoff, const genai_key_t *k,
    uint32_t from)
{
    uint32_t   i, n;
    uint64_t   s, *states;

    states = rows_states(m, t);
    i = rows_home(t, k->hash);
    n = from >= i ? from - i : from + t->n - i;

    for (i = from, n++; n < GENAI_ROW_PROBE && n < t->n; n++) {
        if (++i == t->n) {
            i = 0;
        }

        s = __atomic_load_n(&states[i], __ATOMIC_ACQUIRE);

        if (s == GENAI_ROW_EMPTY) {
            break;
        }

        if (s == (k->hash << 2 | GENAI_ROW_READY)
            && rows_match(rows, row, keyoff, lenoff, i, k))
        {
            return i;
        }
    }

    return GENAI_ROW_NONE;
}


static void
key_copy(const genai_metrics_t *m, genai_key_t *k, const char *key,
    size_t len)
{
    memcpy(k->data, key, len);
    k->len = len;
    key_hash(m, k);
}


uint32_t
genai_metrics_primary(const genai_metrics_t *m, uint32_t i)
{
    uint32_t         free;
    genai_key_t      k;
    genai_series_t  *s;

    s = genai_metrics_series(m, i);
    key_copy(m, &k, s->key, s->keylen);

    return rows_find(m, &m->series, rows_series(m), &k, &free);
}


uint32_t
genai_metrics_next_series(const genai_metrics_t *m, uint32_t i)
{
    genai_key_t      k;
    genai_series_t  *s;

    s = genai_metrics_series(m, i);
    key_copy(m, &k, s->key, s->keylen);

    return rows_next(m, &m->series, rows_series(m), &k, i);
}


uint32_t
genai_metrics_next_counter(const genai_metrics_t *m, uint32_t i)
{
    genai_key_t       k;
    genai_counter_t  *row;

    row = genai_metrics_counter(m, i);
    key_copy(m, &k, row->key, row->keylen);

    return rows_next(m, &m->counters, rows_counters(m), &k, i);
}


uint32_t
genai_metrics_find_counter(const genai_metrics_t *m, uint32_t series,
    const genai_counter_t *like)
{
    uint32_t     free;
    genai_key_t  k;

    memcpy(k.data, like->key, like->keylen);
    memcpy(k.data + 1, &series, sizeof(series));
    k.len = like->keylen;
    key_hash(m, &k);

    return rows_find(m, &m->counters, rows_counters(m), &k, &free);
}
