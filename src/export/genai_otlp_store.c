/*
 * What delta temporality remembers, in memory and between processes.
 */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "genai_otlp_store.h"


#define GENAI_OTLP_MAGIC  0x31617465646e6567ULL


static int genai_otlp_store_grow(genai_otlp_store_t *s);


genai_otlp_series_t *
genai_otlp_store_get(genai_otlp_store_t *s, uint64_t key, uint32_t n,
    uint64_t time)
{
    size_t                i, size;
    uint64_t             *values;
    genai_otlp_series_t  *x;

    if (s->used * 2 >= s->size && genai_otlp_store_grow(s) != GENAI_OK) {
        return NULL;
    }

    for (i = (size_t) key; /* void */ ; i++) {
        x = &s->table[i & (s->size - 1)];

        if (x->key == key && x->n == n) {
            return x;
        }

        if (x->key == 0) {
            break;
        }
    }

    if (s->nvalues + 2 * n > s->avalues) {
        size = s->avalues ? s->avalues * 2 : 4096;
        values = realloc(s->values, size * sizeof(uint64_t));

        if (values == NULL) {
            return NULL;
        }

        s->values = values;
        s->avalues = size;
    }

    x->key = key;
    x->n = n;
    x->off = (uint32_t) s->nvalues;
    x->time = time;

    memset(s->values + x->off, 0, 2 * n * sizeof(uint64_t));

    s->nvalues += 2 * n;
    s->used++;

    return x;
}


static int
genai_otlp_store_grow(genai_otlp_store_t *s)
{
    size_t                i, k, size, moved;
    uint32_t             *to;
    genai_otlp_series_t  *table;

    size = s->size ? s->size * 2 : 1024;
    table = calloc(size, sizeof(genai_otlp_series_t));
    to = malloc((s->size + 1) * sizeof(uint32_t));

    if (table == NULL || to == NULL) {
        free(table);
        free(to);
        return GENAI_ERROR;
    }

    for (i = 0; i < s->size; i++) {
        if (s->table[i].key == 0) {
            continue;
        }

        for (k = (size_t) s->table[i].key; table[k & (size - 1)].key; k++) {
            /* void */
        }

        moved = k & (size - 1);
        table[moved] = s->table[i];
        to[i] = (uint32_t) moved;
    }

    for (i = 0; i < s->nsent; i++) {
        s->sent[i] = to[s->sent[i]];
    }

    free(s->table);
    free(to);

    s->table = table;
    s->size = size;

    return GENAI_OK;
}


int
genai_otlp_store_sent(genai_otlp_store_t *s, const genai_otlp_series_t *x)
{
    size_t     size;
    uint32_t  *sent;

    if (s->nsent == s->asent) {
        size = s->asent ? s->asent * 2 : 1024;
        sent = realloc(s->sent, size * sizeof(uint32_t));

        if (sent == NULL) {
            return GENAI_ERROR;
        }

        s->sent = sent;
        s->asent = size;
    }

    s->sent[s->nsent++] = (uint32_t) (x - s->table);

    return GENAI_OK;
}


void
genai_otlp_store_take(genai_otlp_store_t *s, size_t from, size_t to,
    uint64_t time)
{
    uint64_t             *v;
    genai_otlp_series_t  *x;

    for ( /* void */ ; from < to; from++) {
        x = &s->table[s->sent[from]];
        v = s->values + x->off;

        memcpy(v, v + x->n, x->n * sizeof(uint64_t));
        x->time = time;
    }
}


/* words of the machine: magic, registry, time of the last encoding, number of
 * series; then of each key, time, n and n values */

int
genai_otlp_store_save(const genai_otlp_store_t *s, uint64_t registry,
    uint64_t before, const char *path)
{
    int                         fd, rc;
    char                        tmp[1024];
    FILE                       *f;
    size_t                      i;
    uint64_t                    head[4];
    const genai_otlp_series_t  *x;

    if (snprintf(tmp, sizeof(tmp), "%s.new", path) >= (int) sizeof(tmp)) {
        return GENAI_ERROR;
    }

    fd = open(tmp, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC | O_NOFOLLOW,
              0600);
    if (fd == -1) {
        return GENAI_ERROR;
    }

    f = fdopen(fd, "w");

    if (f == NULL) {
        close(fd);
        return GENAI_ERROR;
    }

    head[0] = GENAI_OTLP_MAGIC;
    head[1] = registry;
    head[2] = before;
    head[3] = s->used;

    (void) fwrite(head, sizeof(head), 1, f);

    for (i = 0; i < s->size; i++) {
        x = &s->table[i];

        if (x->key) {
            head[0] = x->key;
            head[1] = x->time;
            head[2] = x->n;

            (void) fwrite(head, 8, 3, f);
            (void) fwrite(s->values + x->off, 8, x->n, f);
        }
    }

    rc = ferror(f);

    if (fclose(f) != 0 || rc || rename(tmp, path) != 0) {
        (void) unlink(tmp);
        return GENAI_ERROR;
    }

    return GENAI_OK;
}


int
genai_otlp_store_load(genai_otlp_store_t *s, uint64_t *registry,
    uint64_t *before, const char *path)
{
    FILE                 *f;
    uint64_t              head[4], row[3];
    genai_otlp_series_t  *x;

    f = fopen(path, "re");
    if (f == NULL) {
        return GENAI_DECLINED;
    }

    (void) unlink(path);

    if (fread(head, sizeof(head), 1, f) != 1 || head[0] != GENAI_OTLP_MAGIC) {
        goto bad;
    }

    while (head[3]--) {
        if (fread(row, sizeof(row), 1, f) != 1 || row[0] == 0
            || row[2] == 0 || row[2] > GENAI_OTLP_VALUES)
        {
            goto bad;
        }

        x = genai_otlp_store_get(s, row[0], (uint32_t) row[2],
                                 row[1]);

        if (x == NULL
            || fread(s->values + x->off, 8, x->n, f) != x->n)
        {
            goto bad;
        }
    }

    fclose(f);

    *registry = head[1];
    *before = head[2];

    return GENAI_OK;

bad:

    fclose(f);
    genai_otlp_store_free(s);

    return GENAI_ERROR;
}


void
genai_otlp_store_free(genai_otlp_store_t *s)
{
    free(s->table);
    free(s->values);
    free(s->sent);
    memset(s, 0, sizeof(genai_otlp_store_t));
}


/* FNV-1a, then a finaliser: the low bits are the place in the table */

uint64_t
genai_otlp_hash(uint64_t h, const char *data, size_t len)
{
    size_t  i;

    h ^= 0xcbf29ce484222325ULL;

    for (i = 0; i < len; i++) {
        h ^= (unsigned char) data[i];
        h *= 0x100000001b3ULL;
    }

    h ^= h >> 33;
    h *= 0xff51afd7ed558ccdULL;
    h ^= h >> 33;

    return h;
}
