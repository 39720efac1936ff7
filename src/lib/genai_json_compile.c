/*
 * Rows to program: the paths become a trie, the trie's nodes are gathered to
 * the states of a deterministic automaton (the subset construction), and the
 * states are laid out as genai_json_program.h says.
 */

#include <stdlib.h>

#include "genai_json_program.h"


#define STATES_MAX  0xffff
#define BUCKETS     1024
#define ITEM_MAX    254


enum {
    STEP_KEY,
    STEP_ANY,
    STEP_ITEM,
    STEP_EACH
};


typedef struct {
    uint16_t  child;               /* 0: none, the root is no child */
    uint16_t  next;
    uint8_t   kind;
    uint8_t   item;
    uint16_t  len;
    uint32_t  key;
} node_t;


typedef struct {
    uint32_t  set;                 /* its nodes, in order */
    uint32_t  len;
    uint32_t  next;                /* in its bucket, counted from 1 */
} subset_t;


/* an array that grows; n counts elements */

typedef struct {
    char     *data;
    size_t    n;
    size_t    room;
    size_t    size;
} vec_t;


typedef struct {
    vec_t     nodes;
    vec_t     chars;
    vec_t     sets;
    vec_t     subsets;
    vec_t     states;
    vec_t     edges;
    vec_t     pool;
    uint16_t  row_node[GENAI_JSON_ROWS];
    uint32_t  buckets[BUCKETS];
} work_t;


#define node_at(w, i)    (&((node_t *) (void *) (w)->nodes.data)[i])
#define subset_at(w, i)  (&((subset_t *) (void *) (w)->subsets.data)[i])
#define state_at(w, i)                                                        \
    (&((genai_json_state_t *) (void *) (w)->states.data)[i])
#define edge_at(w, i)                                                         \
    (&((genai_json_edge_t *) (void *) (w)->edges.data)[i])
#define pool_at(w, i)    (&((uint16_t *) (void *) (w)->pool.data)[i])
#define set_at(w, i)     (&((uint16_t *) (void *) (w)->sets.data)[i])


static void *
vec_push(vec_t *v, size_t n)
{
    char    *data;
    size_t   room;

    if (v->data == NULL || v->room - v->n < n) {
        room = (v->room + n) * 2 + 32;

        data = realloc(v->data, room * v->size);
        if (data == NULL) {
            return NULL;
        }

        v->data = data;
        v->room = room;
    }

    data = v->data + v->n * v->size;
    memset(data, 0, n * v->size);
    v->n += n;

    return data;
}


/*
 * Reads one step of a path from *pp on, its key into key.  GENAI_OK,
 * GENAI_DONE at the end of the path, GENAI_ERROR.
 */

static int
step_read(const char **pp, node_t *step, char *key)
{
    unsigned     n, quoted;
    const char  *p = *pp;

    memset(step, 0, sizeof(node_t));

    if (*p == '\0') {
        return GENAI_DONE;
    }

    if (*p == '[') {
        p++;

        if (*p == ']' || strncmp(p, "-1]", 3) == 0) {
            step->kind = STEP_EACH;
            p = strchr(p, ']');

        } else {
            step->kind = STEP_ITEM;

            for (n = 0; *p >= '0' && *p <= '9' && n <= ITEM_MAX; p++) {
                n = n * 10 + (unsigned) (*p - '0');
            }

            if (p[-1] == '[' || n > ITEM_MAX) {
                return GENAI_ERROR;
            }

            step->item = (uint8_t) n;
        }

        if (*p++ != ']') {
            return GENAI_ERROR;
        }

    } else {
        quoted = 0;

        for (n = 0; *p && *p != '.' && *p != '['; p++) {

            if (*p == ']') {
                return GENAI_ERROR;
            }

            if (*p == '\\') {
                quoted = 1;
                p++;
            }

            if (*p == '\0' || n == GENAI_JSON_KEY) {
                return GENAI_ERROR;
            }

            key[n++] = *p;
        }

        if (n == 0) {
            return GENAI_ERROR;
        }

        step->kind = (n == 1 && key[0] == '*' && !quoted) ? STEP_ANY
                                                          : STEP_KEY;
        step->len = (uint16_t) n;
    }

    if (*p == '.') {
        p++;

        if (*p == '[' || *p == '.' || *p == '\0') {
            return GENAI_ERROR;
        }

    } else if (*p != '[' && *p != '\0') {
        return GENAI_ERROR;
    }

    *pp = p;

    return GENAI_OK;
}


static int
same_step(work_t *w, const node_t *a, const node_t *b, const char *key)
{
    if (a->kind != b->kind || a->item != b->item || a->len != b->len) {
        return 0;
    }

    return a->kind != STEP_KEY
           || memcmp(w->chars.data + a->key, key, a->len) == 0;
}


/* GENAI_ERROR: the path is wrong; GENAI_DECLINED: no memory */

static int
path_add(work_t *w, const char *path, uint16_t *at)
{
    int          rc;
    char         key[GENAI_JSON_KEY], *copy;
    node_t       step, *node;
    uint16_t     cur, i;
    unsigned     steps;
    const char  *p = path;

    cur = 0;

    for (steps = 0; /* void */ ; steps++) {

        rc = step_read(&p, &step, key);

        if (rc == GENAI_DONE) {
            *at = cur;
            return GENAI_OK;
        }

        if (rc == GENAI_ERROR || steps == GENAI_JSON_PATH) {
            return GENAI_ERROR;
        }

        for (i = node_at(w, cur)->child; i; i = node_at(w, i)->next) {
            if (same_step(w, node_at(w, i), &step, key)) {
                break;
            }
        }

        if (i == 0) {
            i = (uint16_t) w->nodes.n;

            step.key = (uint32_t) w->chars.n;
            step.next = node_at(w, cur)->child;

            copy = vec_push(&w->chars, step.len);
            node = vec_push(&w->nodes, 1);

            if (copy == NULL || node == NULL) {
                return GENAI_DECLINED;
            }

            memcpy(copy, key, step.len);
            *node = step;
            node_at(w, cur)->child = i;
        }

        cur = i;
    }
}


/* the state of the last len nodes of sets, which are taken off if it is
 * known already; -1: no memory, or too many */

static int
state_of(work_t *w, uint32_t set, uint32_t len)
{
    uint16_t  *s, n;
    uint32_t   i, k, hash;
    subset_t  *sub;

    if (len == 0) {
        return GENAI_JSON_DEAD;
    }

    s = set_at(w, set);
    hash = 0;

    for (i = 0; i < len; i++) {
        for (k = i; k && s[k - 1] > s[k]; k--) {
            n = s[k];
            s[k] = s[k - 1];
            s[k - 1] = n;
        }
    }

    for (i = 0; i < len; i++) {
        hash = (hash ^ s[i]) * 0x9e3779b1;
    }

    hash = (hash ^ (hash >> 16)) % BUCKETS;

    for (i = w->buckets[hash]; i; i = sub->next) {
        sub = subset_at(w, i - 1);

        if (sub->len == len
            && memcmp(set_at(w, sub->set), s, len * sizeof(uint16_t)) == 0)
        {
            w->sets.n = set;
            return (int) i - 1;
        }
    }

    i = (uint32_t) w->subsets.n;

    sub = i < STATES_MAX ? vec_push(&w->subsets, 1) : NULL;
    if (sub == NULL) {
        return -1;
    }

    sub->set = set;
    sub->len = len;
    sub->next = w->buckets[hash];
    w->buckets[hash] = i + 1;

    return (int) i;
}


/*
 * The state that a step leads to from subset i.  like NULL: an element or a
 * key that no row names; otherwise what like names, too.
 */

static int
state_step(work_t *w, uint32_t i, const node_t *like, unsigned general)
{
    int        take;
    node_t    *node;
    uint16_t   child, *slot;
    uint32_t   k, set, n;
    subset_t   sub;

    sub = *subset_at(w, i);
    set = (uint32_t) w->sets.n;
    n = 0;

    for (k = 0; k < sub.len; k++) {
        child = node_at(w, *set_at(w, sub.set + k))->child;

        for ( /* void */ ; child; child = node->next) {
            node = node_at(w, child);

            take = node->kind == general
                   || (like && same_step(w, node, like,
                                         w->chars.data + like->key));
            if (!take) {
                continue;
            }

            slot = vec_push(&w->sets, 1);
            if (slot == NULL) {
                return -1;
            }

            *slot = child;
            n++;
        }
    }

    return state_of(w, set, n);
}


static int
key_add(work_t *w, uint32_t i, const node_t *like)
{
    int                 target;
    uint32_t            k, hash;
    const char         *key;
    genai_json_edge_t  *edge;

    key = w->chars.data + like->key;
    hash = genai_json_hash(key, like->len);

    for (k = state_at(w, i)->edges; k < w->edges.n; k++) {
        edge = edge_at(w, k);

        if (edge->hash == hash && edge->len == like->len
            && memcmp(w->chars.data + edge->key, key, like->len) == 0)
        {
            return GENAI_OK;
        }
    }

    target = state_step(w, i, like, STEP_ANY);

    edge = vec_push(&w->edges, 1);
    if (target < 0 || edge == NULL) {
        return GENAI_ERROR;
    }

    edge->hash = hash;
    edge->key = like->key;
    edge->len = like->len;
    edge->target = (uint16_t) target;

    return GENAI_OK;
}


/* the state's edges, so far one after the other, are put where their hash
 * says */

static int
keys_hash(work_t *w, uint32_t i)
{
    uint32_t             n, size, k, slot;
    genai_json_edge_t   *edges, *table;
    genai_json_state_t  *st;

    st = state_at(w, i);
    n = (uint32_t) w->edges.n - st->edges;

    if (n == 0) {
        return GENAI_OK;
    }

    for (size = 2; size < n * 2; size *= 2) { /* void */ }

    st->mask = (uint16_t) (size - 1);

    table = vec_push(&w->edges, size);
    if (table == NULL) {
        return GENAI_ERROR;
    }

    edges = edge_at(w, st->edges);

    for (k = 0; k < n; k++) {
        slot = edges[k].hash & st->mask;

        while (table[slot].target) {
            slot = (slot + 1) & st->mask;
        }

        table[slot] = edges[k];
    }

    memmove(edges, table, size * sizeof(genai_json_edge_t));
    w->edges.n -= n;

    return GENAI_OK;
}


static int
items_add(work_t *w, uint32_t i, uint32_t nitems)
{
    int        target;
    node_t     like;
    uint32_t   k;

    memset(&like, 0, sizeof(node_t));
    like.kind = STEP_ITEM;

    state_at(w, i)->nitems = (uint16_t) nitems;
    state_at(w, i)->items = (uint32_t) w->pool.n;

    if (vec_push(&w->pool, nitems) == NULL) {
        return GENAI_ERROR;
    }

    for (k = 0; k < nitems; k++) {
        like.item = (uint8_t) k;

        target = state_step(w, i, &like, STEP_EACH);
        if (target < 0) {
            return GENAI_ERROR;
        }

        *pool_at(w, state_at(w, i)->items + k) = (uint16_t) target;
    }

    target = state_step(w, i, NULL, STEP_EACH);
    state_at(w, i)->each = (uint16_t) target;

    return target < 0 ? GENAI_ERROR : GENAI_OK;
}


static int
rows_add(work_t *w, uint32_t i, const genai_json_row_t *rows, size_t n)
{
    size_t     r;
    uint32_t   k;
    uint16_t  *slot;
    subset_t  *sub;

    sub = subset_at(w, i);
    state_at(w, i)->rows = (uint32_t) w->pool.n;

    for (r = 0; r < n; r++) {
        for (k = 0; k < sub->len; k++) {
            if (*set_at(w, sub->set + k) != w->row_node[r]) {
                continue;
            }

            slot = vec_push(&w->pool, 1);
            if (slot == NULL) {
                return GENAI_ERROR;
            }

            *slot = (uint16_t) r;
            state_at(w, i)->nrows++;
            state_at(w, i)->want |= rows[r].want;
        }
    }

    return GENAI_OK;
}


static int
state_add(work_t *w, uint32_t i, const genai_json_row_t *rows, size_t n)
{
    int        rc, target;
    node_t     node;
    uint16_t   child;
    uint32_t   k, nitems;
    subset_t   sub;

    if (vec_push(&w->states, 1) == NULL) {
        return GENAI_ERROR;
    }

    state_at(w, i)->edges = (uint32_t) w->edges.n;
    sub = *subset_at(w, i);
    nitems = 0;
    rc = GENAI_OK;

    for (k = 0; k < sub.len && rc == GENAI_OK; k++) {
        child = node_at(w, *set_at(w, sub.set + k))->child;

        for ( /* void */ ; child && rc == GENAI_OK; child = node.next) {
            node = *node_at(w, child);

            if (node.kind == STEP_KEY) {
                rc = key_add(w, i, &node);

            } else if (node.kind == STEP_ITEM && nitems <= node.item) {
                nitems = node.item + 1u;
            }
        }
    }

    target = state_step(w, i, NULL, STEP_ANY);

    if (rc != GENAI_OK || target < 0
        || keys_hash(w, i) != GENAI_OK
        || items_add(w, i, nitems) != GENAI_OK)
    {
        return GENAI_ERROR;
    }

    state_at(w, i)->any = (uint16_t) target;

    return rows_add(w, i, rows, n);
}


static int
build(work_t *w, const genai_json_row_t *rows, size_t n, size_t *bad)
{
    int        rc;
    size_t     i;
    uint16_t  *root;

    /* the dead state and its empty set come first */

    if (vec_push(&w->chars, 1) == NULL
        || vec_push(&w->nodes, 1) == NULL
        || vec_push(&w->subsets, 1) == NULL
        || vec_push(&w->states, 1) == NULL)
    {
        return GENAI_ERROR;
    }

    for (i = 0; i < n; i++) {
        rc = path_add(w, rows[i].path, &w->row_node[i]);

        if (rc != GENAI_OK) {
            *bad = rc == GENAI_ERROR ? i : n;
            return GENAI_ERROR;
        }
    }

    root = vec_push(&w->sets, 1);

    if (root == NULL || state_of(w, 0, 1) != GENAI_JSON_ROOT) {
        return GENAI_ERROR;
    }

    for (i = GENAI_JSON_ROOT; i < w->subsets.n; i++) {
        if (state_add(w, (uint32_t) i, rows, n) != GENAI_OK) {
            return GENAI_ERROR;
        }
    }

    return GENAI_OK;
}


/* indices are turned to bytes from the header */

static void
point(char *mem, const work_t *w, const size_t *at)
{
    size_t               i;
    genai_json_edge_t   *edge;
    genai_json_state_t  *st;

    st = (genai_json_state_t *) (void *) (mem + at[0]);
    edge = (genai_json_edge_t *) (void *) (mem + at[1]);

    for (i = 0; i < w->states.n; i++, st++) {
        st->edges = (uint32_t) (at[1] + st->edges * w->edges.size);
        st->items = (uint32_t) (at[2] + st->items * w->pool.size);
        st->rows = (uint32_t) (at[2] + st->rows * w->pool.size);
    }

    for (i = 0; i < w->edges.n; i++, edge++) {
        edge->key += (uint32_t) at[3];
    }
}


static size_t
lay_out(const work_t *w, const genai_json_row_t *rows, char *mem)
{
    size_t                 i, end, at[4];
    const vec_t           *part[4];
    genai_json_program_t  *head;

    part[0] = &w->states;
    part[1] = &w->edges;
    part[2] = &w->pool;
    part[3] = &w->chars;

    end = sizeof(genai_json_program_t);

    for (i = 0; i < genai_nelts(part); i++) {
        at[i] = end;

        if (mem && part[i]->n) {
            memcpy(mem + end, part[i]->data, part[i]->n * part[i]->size);
        }

        end += (part[i]->n * part[i]->size + 7) & ~(size_t) 7;
    }

    if (mem) {
        head = (genai_json_program_t *) (void *) mem;
        head->rows = rows;
        point(mem, w, at);
    }

    return end;
}


int
genai_json_compile(const genai_json_row_t *rows, size_t n, void *mem,
    size_t size, size_t *used, size_t *bad)
{
    int      rc;
    work_t  *w;

    *used = 0;
    *bad = n;

    w = n <= GENAI_JSON_ROWS ? calloc(1, sizeof(work_t)) : NULL;
    if (w == NULL) {
        return GENAI_ERROR;
    }

    w->nodes.size = sizeof(node_t);
    w->chars.size = 1;
    w->sets.size = sizeof(uint16_t);
    w->subsets.size = sizeof(subset_t);
    w->states.size = sizeof(genai_json_state_t);
    w->edges.size = sizeof(genai_json_edge_t);
    w->pool.size = sizeof(uint16_t);

    rc = build(w, rows, n, bad);

    if (rc == GENAI_OK) {
        *used = lay_out(w, rows, NULL);
        *bad = 0;

        if (mem && *used <= size) {
            lay_out(w, rows, mem);

        } else {
            rc = GENAI_DECLINED;
        }
    }

    free(w->nodes.data);
    free(w->chars.data);
    free(w->sets.data);
    free(w->subsets.data);
    free(w->states.data);
    free(w->edges.data);
    free(w->pool.data);
    free(w);

    return rc;
}
