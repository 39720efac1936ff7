/*
 * Budgets to bytes and back.  All numbers are little-endian:
 *
 *     "gngxbudg"  version u32  crc u32  length u64  seed 2 x u64
 *     taken i64   keys u32     0 u32
 *     each key:   hash 16 bytes, text length u8, limits u8, text,
 *                 each limit: amount i64, seconds i32, time zone i16,
 *                 unit u8, window u8, from i64, spent i64, raised i64,
 *                 raised until i64, warned i64, rolling: 16 x i64
 *
 * The CRC is over everything with its own four bytes 0.
 */

#include <stdio.h>

#include "genai_budget_zone.h"
#include "genai_budget_zone_private.h"
#include "genai_crc32.h"


#define MAGIC      "gngxbudg"
#define VERSION    1
#define HEAD       56
#define CRC_AT     12
#define KEY_LEAST  (GENAI_BUDGET_HASH + 2)
#define USE_LEAST  56
#define USE_MOST   (USE_LEAST + GENAI_BUDGET_SLOTS * 8)
#define KEY_MOST   (KEY_LEAST + GENAI_BUDGET_KEY_TEXT                         \
                    + GENAI_BUDGET_LIMITS * USE_MOST)
#define MORE       64                  /* keys that may come meanwhile */


typedef struct {
    const uint8_t  *pos;
    const uint8_t  *end;
    int             bad;
} reader_t;


static uint8_t *
put(uint8_t *p, uint64_t v, int bytes)
{
    while (bytes--) {
        *p++ = (uint8_t) v;
        v >>= 8;
    }

    return p;
}


static uint64_t
get(reader_t *r, int bytes)
{
    int       i;
    uint64_t  v;

    if (r->end - r->pos < bytes) {
        r->bad = 1;
        return 0;
    }

    v = 0;

    for (i = 0; i < bytes; i++) {
        v |= (uint64_t) *r->pos++ << (8 * i);
    }

    return v;
}


static uint32_t
whole_crc(const uint8_t *buf, size_t len)
{
    uint32_t              crc;
    static const uint8_t  zero[4];

    crc = genai_crc32(0, buf, CRC_AT);
    crc = genai_crc32(crc, zero, 4);

    return genai_crc32(crc, buf + CRC_AT + 4, len - CRC_AT - 4);
}


size_t
genai_budget_zone_snapshot_size(genai_budget_zone_t *z)
{
    genai_budget_zone_stat_t  st;

    genai_budget_zone_stat(z, &st);

    return HEAD + ((size_t) st.used + MORE) * KEY_MOST;
}


static uint8_t *
put_use(uint8_t *p, const genai_budget_use_t *u)
{
    int  i;

    p = put(p, (uint64_t) u->limit.amount, 8);
    p = put(p, (uint32_t) u->limit.seconds, 4);
    p = put(p, (uint16_t) u->limit.tz, 2);
    p = put(p, u->limit.unit, 1);
    p = put(p, u->limit.window, 1);
    p = put(p, (uint64_t) u->from, 8);
    p = put(p, (uint64_t) u->spent, 8);
    p = put(p, (uint64_t) u->raised, 8);
    p = put(p, (uint64_t) u->raised_until, 8);
    p = put(p, (uint64_t) u->warned, 8);

    for (i = 0; u->limit.window == GENAI_BUDGET_ROLLING
                && i < GENAI_BUDGET_SLOTS; i++)
    {
        p = put(p, (uint64_t) u->slot[i], 8);
    }

    return p;
}


static uint8_t *
put_key(uint8_t *p, const uint8_t *hash, entry_t *e, int64_t now)
{
    uint32_t             i;
    genai_budget_hold_t  open;

    /* the copy's open calls end here; their sum is exact, so is its share */

    if (e->b.holds) {
        open.amounts = e->b.reserved;
        open.open = 1;
        open.sent = 0;
        genai_budget_settle(&e->b, &open, NULL, now, NULL);
    }

    memcpy(p, hash, GENAI_BUDGET_HASH);
    p += GENAI_BUDGET_HASH;
    *p++ = e->keylen;
    *p++ = (uint8_t) e->b.nuse;
    memcpy(p, e->key, e->keylen);
    p += e->keylen;

    for (i = 0; i < e->b.nuse; i++) {
        p = put_use(p, &e->b.use[i]);
    }

    return p;
}


size_t
genai_budget_zone_snapshot(genai_budget_zone_t *z, void *buf, size_t size,
    int64_t now)
{
    size_t       value;
    entry_t     *e, copy;
    shard_t     *s;
    uint8_t     *p, *end, hash[GENAI_BUDGET_HASH];
    uint32_t     i, k, n, keys;
    genai_str_t  key;

    if (size < HEAD) {
        return 0;
    }

    p = (uint8_t *) buf + HEAD;
    end = (uint8_t *) buf + size;
    keys = 0;
    memset(hash, 0, sizeof(hash));
    value = zone_entry_size(zone_head(z)->nlimits);

    for (i = 0; i < zone_head(z)->nshards; i++) {
        n = genai_table_limit(shard_table(zone_shard(z, i)));

        for (k = 0; k < n; k++) {
            copy.ready = 0;
            s = genai_budget_zone_lock(z, i);
            e = genai_table_at(shard_table(s), k);

            if (e) {
                key = genai_table_key(shard_table(s), e);
                memcpy(hash, key.data, GENAI_BUDGET_HASH);
                memcpy(&copy, e, value);
            }

            genai_budget_zone_unlock(z, s);

            if (!copy.ready || genai_budget_idle(&copy.b, now)) {
                continue;
            }

            if (end - p < KEY_MOST) {
                return 0;
            }

            p = put_key(p, hash, &copy, now);
            keys++;
        }
    }

    size = (size_t) (p - (uint8_t *) buf);

    p = buf;
    memcpy(p, MAGIC, 8);
    p = put(p + 8, VERSION, 4);
    p = put(p, 0, 4);
    p = put(p, size, 8);
    memcpy(p, zone_head(z)->seed, 16);
    p = put(p + 16, (uint64_t) now, 8);
    p = put(p, keys, 4);
    put(p, 0, 4);

    put((uint8_t *) buf + CRC_AT, whole_crc(buf, size), 4);

    return size;
}


static void
get_use(reader_t *r, genai_budget_use_t *u)
{
    int      i;
    int64_t  sum;

    memset(u, 0, sizeof(genai_budget_use_t));

    u->limit.amount = (int64_t) get(r, 8);
    u->limit.seconds = (int32_t) get(r, 4);
    u->limit.tz = (int16_t) get(r, 2);
    u->limit.unit = (uint8_t) get(r, 1);
    u->limit.window = (uint8_t) get(r, 1);
    u->from = (int64_t) get(r, 8);
    u->spent = (int64_t) get(r, 8);
    u->raised = (int64_t) get(r, 8);
    u->raised_until = (int64_t) get(r, 8);
    u->warned = (int64_t) get(r, 8);

    if (r->bad || u->limit.unit >= GENAI_BUDGET_UNIT_N
        || u->limit.window >= GENAI_BUDGET_WINDOW_N
        || u->limit.amount < 0 || u->spent < 0 || u->raised < 0
        || u->from > INT64_MAX / 2 || u->from < -INT64_MAX / 2)
    {
        r->bad = 1;
        return;
    }

    if (u->limit.window != GENAI_BUDGET_ROLLING) {
        return;
    }

    if (u->limit.seconds <= 0 || u->limit.seconds > GENAI_BUDGET_SEC_MAX) {
        r->bad = 1;
        return;
    }

    sum = 0;

    for (i = 0; i < GENAI_BUDGET_SLOTS; i++) {
        u->slot[i] = (int64_t) get(r, 8);

        if (u->slot[i] < 0 || __builtin_add_overflow(sum, u->slot[i], &sum)) {
            sum = INT64_MAX;
        }

        r->bad |= u->slot[i] < 0;
    }

    r->bad |= sum < u->spent;
}


/* the next key; 0: it cannot be */

static int
get_key(reader_t *r, uint8_t hash[GENAI_BUDGET_HASH], entry_t *e)
{
    uint32_t  i;

    if (r->end - r->pos < KEY_LEAST) {
        return 0;
    }

    memcpy(hash, r->pos, GENAI_BUDGET_HASH);
    r->pos += GENAI_BUDGET_HASH;
    e->keylen = *r->pos++;
    e->b.nuse = *r->pos++;

    if (e->keylen > GENAI_BUDGET_KEY_TEXT
        || e->b.nuse > GENAI_BUDGET_LIMITS
        || r->end - r->pos < e->keylen)
    {
        return 0;
    }

    memcpy(e->key, r->pos, e->keylen);
    r->pos += e->keylen;

    for (i = 0; i < e->b.nuse; i++) {
        get_use(r, &e->b.use[i]);

        if (r->bad) {
            return 0;
        }
    }

    return 1;
}


static int
bad(char *err, size_t errlen, const char *what)
{
    if (errlen) {
        snprintf(err, errlen, "%s", what);
    }

    return GENAI_ERROR;
}


static int
verify(const uint8_t *buf, size_t len, char *err, size_t errlen,
    uint32_t *keys)
{
    entry_t   e;
    uint8_t   hash[GENAI_BUDGET_HASH];
    uint32_t  i;
    reader_t  r = { buf, buf + len, 0 };

    if (len < HEAD || memcmp(buf, MAGIC, 8) != 0) {
        return bad(err, errlen, "this is no snapshot of budgets");
    }

    r.pos += 8;

    if (get(&r, 4) != VERSION) {
        return bad(err, errlen, "the snapshot was written by another version"
                   " of the module");
    }

    i = (uint32_t) get(&r, 4);

    if (get(&r, 8) != len) {
        return bad(err, errlen, "the snapshot is cut off, or has more behind"
                   " its end");
    }

    if (whole_crc(buf, len) != i) {
        return bad(err, errlen, "the snapshot is corrupt: its checksum does"
                   " not match");
    }

    r.pos += 24;
    *keys = (uint32_t) get(&r, 4);
    r.pos += 4;

    for (i = 0; i < *keys; i++) {
        if (!get_key(&r, hash, &e)) {
            return bad(err, errlen, "the snapshot is corrupt: it has a key"
                       " that cannot be");
        }
    }

    if (r.pos != r.end) {
        return bad(err, errlen, "the snapshot is corrupt: it has more keys"
                   " than it says");
    }

    return GENAI_OK;
}


int
genai_budget_zone_restore(genai_budget_zone_t *z, const void *buf, size_t len,
    int64_t now, uint32_t *keys, uint32_t *lost, char *err, size_t errlen)
{
    entry_t                  *e, got;
    shard_t                  *s;
    uint8_t                   hash[GENAI_BUDGET_HASH];
    uint32_t                  i, n, dropped;
    reader_t                  r;
    genai_budget_zone_stat_t  st;

    if (verify(buf, len, err, errlen, &n) != GENAI_OK) {
        return GENAI_ERROR;
    }

    genai_budget_zone_stat(z, &st);

    if (st.used) {
        bad(err, errlen, "the zone is in use, a snapshot is taken into an"
            " empty one");
        return GENAI_DECLINED;
    }

    memcpy(zone_head(z)->seed, (const uint8_t *) buf + 24, 16);

    r.pos = (const uint8_t *) buf + HEAD;
    r.end = (const uint8_t *) buf + len;
    r.bad = 0;
    dropped = 0;

    for (i = 0; i < n; i++) {
        get_key(&r, hash, &got);

        /* more limits than the zone has now: the first of them */

        if (got.b.nuse > zone_head(z)->nlimits) {
            got.b.nuse = zone_head(z)->nlimits;
        }

        s = genai_budget_zone_lock(z, genai_budget_zone_of(z, hash));
        genai_budget_zone_begin(z, s);
        e = genai_budget_zone_entry(z, s, hash,
                                    genai_str(got.key, got.keylen), now);
        if (e) {
            memcpy(e->b.use, got.b.use,
                   got.b.nuse * sizeof(genai_budget_use_t));
            e->b.nuse = got.b.nuse;

        } else {
            dropped++;
        }

        genai_budget_zone_end(z, s);
        genai_budget_zone_unlock(z, s);
    }

    if (keys) {
        *keys = n - dropped;
    }

    if (lost) {
        *lost = dropped;
    }

    return GENAI_OK;
}
