/*
 * The LRU table beside a model that is too simple to be wrong: an array kept
 * in order of use.
 */

#include <signal.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "test.h"
#include "../../src/lib/genai_table.h"


#define ROWS   37
#define KEYS   90


typedef struct {
    uint64_t  n;
    char      key[12];
} value_t;


typedef struct {
    char      key[12];
    uint64_t  n;
} model_row_t;


static model_row_t  model[ROWS];            /* last used first */
static unsigned     nmodel;
static uint64_t     rnd = 88172645463325252ULL;
static char         mem[64 * 1024] __attribute__((aligned(64)));
static char         moved[64 * 1024] __attribute__((aligned(64)));


static unsigned
draw(unsigned n)
{
    rnd ^= rnd << 13;
    rnd ^= rnd >> 7;
    rnd ^= rnd << 17;

    return (rnd >> 20) % n;
}


static int
model_find(const char *key)
{
    unsigned  i;

    for (i = 0; i < nmodel; i++) {
        if (strcmp(model[i].key, key) == 0) {
            return (int) i;
        }
    }

    return -1;
}


static void
model_delete(unsigned i)
{
    memmove(model + i, model + i + 1, (nmodel - i - 1) * sizeof(model[0]));
    nmodel--;
}


static model_row_t *
model_front(const char *key, uint64_t n)
{
    memmove(model + 1, model, nmodel * sizeof(model[0]));
    strcpy(model[0].key, key);
    model[0].n = n;
    nmodel++;

    return &model[0];
}


static int
same(genai_table_t *t)
{
    value_t      *v;
    unsigned      i;
    genai_str_t   k;

    if (genai_table_check(t) != GENAI_OK || genai_table_used(t) != nmodel) {
        return 0;
    }

    for (v = genai_table_next(t, NULL), i = 0; v;
         v = genai_table_next(t, v), i++)
    {
        k = genai_table_key(t, v);

        if (i == nmodel || !genai_str_is(k, model[i].key)
            || v->n != model[i].n || strcmp(v->key, model[i].key) != 0)
        {
            return 0;
        }
    }

    return i == nmodel;
}


/* one random operation on both; 0 when they differ */

static int
step(genai_table_t *t)
{
    int       i, created, evict;
    char      key[12];
    value_t  *v;
    uint64_t  n;

    snprintf(key, sizeof(key), "key%u", draw(KEYS));
    i = model_find(key);

    switch (draw(8)) {

    case 0:
        v = genai_table_find(t, genai_strz(key));
        return (v == NULL) == (i < 0) && (v == NULL || v->n == model[i].n);

    case 1:
        v = genai_table_find(t, genai_strz(key));

        if (v) {
            genai_table_delete(t, v);
            model_delete(i);
        }

        return (v == NULL) == (i < 0);

    case 2:
        v = genai_table_find(t, genai_strz(key));

        if (v) {
            genai_table_touch(t, v);
            n = model[i].n;
            model_delete(i);
            model_front(key, n);
        }

        return 1;

    default:
        evict = draw(2);
        v = evict ? genai_table_put(t, genai_strz(key), &created)
                  : genai_table_get(t, genai_strz(key), &created);

        if (i < 0 && nmodel == ROWS) {
            if (!evict) {
                return v == NULL && !created;
            }

            nmodel--;
        }

        if (v == NULL || created != (i < 0)) {
            return 0;
        }

        n = 0;

        if (i >= 0) {
            n = model[i].n;
            model_delete(i);

        } else if (v->n != 0 || v->key[0] != '\0') {
            return 0;
        }

        model_front(key, n)->n++;
        v->n++;
        strcpy(v->key, key);

        return 1;
    }
}


static void
test_model(void)
{
    int             good;
    size_t          size;
    unsigned        i;
    genai_table_t  *t;

    size = genai_table_size(ROWS, 16, sizeof(value_t));
    memset(mem, 0xa5, sizeof(mem));
    t = genai_table_init(mem, size, 16, sizeof(value_t), 42);

    ok(t != NULL, "a table of the size that was asked for");
    is_int(genai_table_limit(t), ROWS, "has the rows that were asked for");

    nmodel = 0;

    for (i = 0, good = 1; i < 200000 && good; i++) {
        good = step(t);

        if (i % 100 == 0 || !good) {
            good = good && same(t);
        }

        if (i % 1000 == 500) {
            /* another address, as another process may map it */
            memcpy(moved, mem, size);
            memset(mem, 0x5a, size);
            memcpy(mem, moved, size);
            t = genai_table_attach(mem, size, 16, sizeof(value_t));
            good = good && t != NULL;
        }
    }

    ok(good, "200000 random operations agree with the model (%u)", i);
    ok(genai_table_evicted(t) > 1000, "keys were evicted meanwhile");

    memcpy(moved, mem, size);
    ok(same(genai_table_attach(moved, size, 16, sizeof(value_t))),
       "a copy at another address holds the same");
}


/* a process is killed anywhere in its changes; the next one goes on */

static void
test_crash(void)
{
    int             good, rebuilt;
    char            key[12], *shm;
    pid_t           pid;
    size_t          size;
    unsigned        round;
    value_t        *v;
    genai_table_t  *t;

    size = genai_table_size(ROWS, 16, sizeof(value_t));
    shm = mmap(NULL, size, PROT_READ | PROT_WRITE,
               MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    t = genai_table_init(shm, size, 16, sizeof(value_t), 7);
    good = 1;
    rebuilt = 0;

    for (round = 0; round < 300 && good; round++) {
        pid = fork();

        if (pid == 0) {
            for ( ;; ) {
                snprintf(key, sizeof(key), "key%u", draw(KEYS));
                v = genai_table_put(t, genai_strz(key), NULL);

                if (draw(3) == 0) {
                    genai_table_delete(t, v);
                }
            }
        }

        usleep(200 + draw(400));
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        draw(2);

        rebuilt += genai_table_check(t) != GENAI_OK;
        t = genai_table_attach(shm, size, 16, sizeof(value_t));
        good = t && genai_table_check(t) == GENAI_OK
               && genai_table_used(t) <= ROWS;
    }

    ok(good, "300 processes were killed, the table is whole after each");
    printf("# %d of them within a change\n", rebuilt);

    munmap(shm, size);
}


static void
test_edges(void)
{
    int             created;
    char            longkey[300];
    size_t          size;
    uint64_t       *v;
    genai_table_t  *t;

    size = genai_table_size(2, 255, 8);
    t = genai_table_init(mem, size, 255, 8, 1);
    memset(longkey, 'k', sizeof(longkey));

    ok(genai_table_get(t, genai_str("", 0), &created) == NULL && !created,
       "an empty key is refused");
    ok(genai_table_get(t, genai_str(longkey, 256), NULL) == NULL,
       "a key that is too long is refused");
    v = genai_table_get(t, genai_str(longkey, 255), &created);
    ok(v != NULL && created && *v == 0, "the longest key is taken");
    v = genai_table_get(t, genai_str("\0b", 2), &created);
    ok(v != NULL && created, "binary keys are taken");
    ok(genai_table_find(t, genai_str("\0c", 2)) == NULL,
       "and compared whole");
    ok(genai_table_get(t, genai_strz("x"), &created) == NULL,
       "a full table refuses a newcomer to get");
    ok(genai_str_eq(genai_table_key(t, genai_table_oldest(t)),
                    genai_str(longkey, 255)), "the oldest is known");
    genai_table_put(t, genai_strz("x"), &created);
    ok(created && genai_table_find(t, genai_str(longkey, 255)) == NULL,
       "put drops the oldest");

    ok(genai_table_init(mem, 10, 16, 8, 1) == NULL, "no room, no table");
    ok(genai_table_init(mem, size, 256, 8, 1) == NULL, "key_max is capped");
    ok(genai_table_attach(mem, size, 255, 16) == NULL,
       "other sizes do not attach");
    ok(genai_table_attach(moved, 32, 255, 8) == NULL,
       "nor does what is too small");
}


int
main(void)
{
    test_edges();
    test_model();
    test_crash();

    return done();
}
