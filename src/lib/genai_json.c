#include "genai_json_private.h"


#define WANT_STRING  (GENAI_JSON_TEXT|GENAI_JSON_STREAM|GENAI_JSON_CHARS)


enum {
    WORD_FALSE,
    WORD_TRUE,
    WORD_NULL
};


void
genai_json_tell(genai_json_t *j, uint32_t node, uint16_t event,
    genai_json_value_t *v)
{
    uint32_t                   i;
    const uint16_t            *rows;
    const genai_json_row_t    *row;
    const genai_json_state_t  *st;

    st = genai_json_node(j, node);
    rows = genai_json_pool(j, st->rows);
    v->event = event;

    /* the usual one is told without a frame of ours */

    if (genai_likely(st->nrows == 1)) {
        row = &j->program->rows[rows[0]];

        if (row->want & event) {
            j->emit(j->data, row, v);
        }

        return;
    }

    for (i = 0; i < st->nrows; i++) {
        row = &j->program->rows[rows[i]];

        if (row->want & event) {
            j->emit(j->data, row, v);
        }
    }
}


void
genai_json_tell_int_rows(genai_json_t *j, uint32_t node, uint16_t event,
    int64_t n)
{
    genai_json_value_t  v;

    memset(&v, 0, sizeof(v));
    v.integer = n;
    genai_json_tell(j, node, event, &v);
}


static inline uint64_t
load64(const char *p)
{
    uint64_t  n;

    memcpy(&n, p, 8);

    return n;
}


/* memcmp() costs more than most keys are long */

static inline int
same_key(const char *a, const char *b, size_t len)
{
    size_t  i;

    if (len >= 8) {
        for (i = 0; i + 8 < len; i += 8) {
            if (load64(a + i) != load64(b + i)) {
                return 0;
            }
        }

        return load64(a + len - 8) == load64(b + len - 8);
    }

    if (len >= 4) {
        return genai_json_load32(a) == genai_json_load32(b)
               && genai_json_load32(a + len - 4)
                  == genai_json_load32(b + len - 4);
    }

    for (i = 0; i < len; i++) {
        if (a[i] != b[i]) {
            return 0;
        }
    }

    return 1;
}


/* the state of a key's value */

static inline uint16_t
key_find(const genai_json_t *j, const char *key, size_t len)
{
    uint32_t                   hash, slot;
    const char                *base;
    const genai_json_edge_t   *edges, *edge;
    const genai_json_state_t  *st;

    st = genai_json_node(j, j->levels[j->level - 1].node);

    if (st->mask == 0) {
        return st->any;
    }

    base = (const char *) j->program;
    edges = (const genai_json_edge_t *) (const void *) (base + st->edges);
    hash = genai_json_hash(key, len);

    for (slot = hash & st->mask; /* void */; slot = (slot + 1) & st->mask) {
        edge = &edges[slot];

        if (edge->target == GENAI_JSON_DEAD) {
            return st->any;
        }

        if (edge->hash == hash && edge->len == len
            && same_key(base + edge->key, key, len))
        {
            return edge->target;
        }
    }
}


static __attribute__((noinline)) void
key_tell(genai_json_t *j, const char *key, size_t len)
{
    genai_json_value_t  v;

    memset(&v, 0, sizeof(v));
    v.cut = len > GENAI_JSON_KEY;

    if (v.cut) {
        len = genai_json_string_cut(key, GENAI_JSON_KEY);
    }

    v.text = genai_str(key, len);
    genai_json_tell(j, j->node, GENAI_JSON_NAME, &v);
}


static inline void
key_end(genai_json_t *j, const char *key, size_t len)
{
    j->node = key_find(j, key, len);
    j->state = ST_COLON;

    if (genai_unlikely(genai_json_node(j, j->node)->want & GENAI_JSON_NAME)) {
        key_tell(j, key, len);
    }
}


void
genai_json_key_end(genai_json_t *j, const char *key, size_t len)
{
    key_end(j, key, len);
}


/* an element of the innermost array begins: the state of its value */

static inline void
element(genai_json_t *j)
{
    uint32_t                   i;
    const genai_json_state_t  *st;

    i = j->levels[j->level - 1].elements++;
    st = genai_json_node(j, j->levels[j->level - 1].node);

    j->node = i < st->nitems ? genai_json_pool(j, st->items)[i] : st->each;
}


static void
container_end(genai_json_t *j)
{
    uint32_t  node;

    j->level--;
    node = j->levels[j->level].node;

    if (!(j->objects >> j->level & 1)) {
        genai_json_tell_int(j, node, GENAI_JSON_LENGTH,
                            j->levels[j->level].elements);
    }

    genai_json_tell_int(j, node, GENAI_JSON_END, 0);
    genai_json_value_end(j);
}


static void
tree_begin(genai_json_t *j)
{
    j->u.tree.depth = 1;
    j->u.tree.max = GENAI_JSON_DEPTH + 1 - j->level;
    j->u.tree.commas = 0;
    j->u.tree.quoted = 0;
    j->escaped = 0;
    j->state = ST_TREE;
}


/* levels are as many as steps of a path, and one: below its last step
 * everything is skipped */

static void
container_begin(genai_json_t *j, char c)
{
    const genai_json_state_t  *st;

    st = genai_json_node(j, j->node);

    j->levels[j->level].node = j->node;
    j->levels[j->level].elements = 0;

    if (c == '{') {
        j->objects |= (uint32_t) 1 << j->level++;

        if (st->mask || st->any) {
            j->state = ST_FIRST_KEY;
            return;
        }

    } else {
        j->objects &= ~((uint32_t) 1 << j->level++);

        if (st->nitems || st->each || (st->want & GENAI_JSON_LENGTH)) {
            j->state = ST_FIRST_VALUE;
            return;
        }
    }

    tree_begin(j);
}


static const char *
tree(genai_json_t *j, const char *p, const char *end)
{
    genai_json_tree_t  t;

    t.depth = j->u.tree.depth;
    t.max = j->u.tree.max;
    t.commas = j->u.tree.commas;
    t.quoted = j->u.tree.quoted;
    t.escaped = j->escaped;

    p = genai_json_scan->tree(&t, j->base, p, end);

    if (p == NULL) {
        return NULL;
    }

    if (t.depth) {
        j->u.tree.depth = t.depth;
        j->u.tree.commas = t.commas;
        j->u.tree.quoted = (uint8_t) t.quoted;
        j->escaped = (uint8_t) t.escaped;
        return p;
    }

    if ((p[-1] == '}') != (j->objects >> (j->level - 1) & 1)) {
        return NULL;
    }

    j->levels[j->level - 1].elements += t.commas;
    container_end(j);

    return p;
}


static const char *
word(genai_json_t *j, const char *p, const char *end)
{
    while (p < end && *j->u.word.rest) {
        if (*p++ != *j->u.word.rest++) {
            return NULL;
        }
    }

    if (*j->u.word.rest == '\0') {
        if (j->count < WORD_NULL) {
            genai_json_tell_int(j, j->node, GENAI_JSON_BOOL,
                                (int64_t) j->count);
        }

        genai_json_value_end(j);
    }

    return p;
}


static int
word_begin(genai_json_t *j, char c)
{
    j->state = ST_WORD;

    switch (c) {
    case 't':
        j->u.word.rest = "rue";
        j->count = WORD_TRUE;
        break;
    case 'f':
        j->u.word.rest = "alse";
        j->count = WORD_FALSE;
        break;
    case 'n':
        j->u.word.rest = "ull";
        j->count = WORD_NULL;
        break;
    default:
        return GENAI_ERROR;
    }

    return GENAI_OK;
}


/* *p begins a value */

static inline const char *
value_begin(genai_json_t *j, const char *p, const char *end)
{
    char  c = *p++;

    if (c == '"') {
        j->state = ST_STRING;
        genai_json_string_begin(j, genai_json_node(j, j->node)->want
                                   & WANT_STRING);
        return genai_json_string(j, p, end);
    }

    if (c == '{' || c == '[') {
        container_begin(j, c);
        return p;
    }

    if (c == '-' || (c >= '0' && c <= '9')) {
        return genai_json_number_whole(j, c, p, end);
    }

    return word_begin(j, c) == GENAI_OK ? p : NULL;
}


static __attribute__((noinline)) const char *
value_present(genai_json_t *j, const char *p, const char *end)
{
    if (memchr("\"{[-tf0123456789", *p, 16)) {
        genai_json_tell_int(j, j->node, GENAI_JSON_PRESENT, 0);
    }

    return value_begin(j, p, end);
}


static inline const char *
value(genai_json_t *j, const char *p, const char *end)
{
    if (genai_unlikely(genai_json_node(j, j->node)->want
                       & GENAI_JSON_PRESENT))
    {
        return value_present(j, p, end);
    }

    return value_begin(j, p, end);
}


/* the usual way on from a value in an object to the next key, without going
 * through the states: its quote, or NULL */

static inline const char *
next_key(genai_json_t *j, const char **p, const char *end)
{
    while (end - *p >= 2) {

        if (j->state == ST_FIRST_KEY && **p == '"') {
            return *p;
        }

        if (j->state != ST_NEXT || !(j->objects >> (j->level - 1) & 1)) {
            break;
        }

        if (**p == ',' && (*p)[1] == '"') {
            j->state = ST_KEY;
            return ++*p;
        }

        if (**p != '}') {
            break;
        }

        container_end(j);
        ++*p;
    }

    return NULL;
}


/* *p is where a key may begin; goes on with the object's other members */

static const char *
key(genai_json_t *j, const char *p, const char *end)
{
    const char  *q;

    if (*p != '"') {
        if (*p == '}' && j->state == ST_FIRST_KEY) {
            container_end(j);
            return p + 1;
        }

        return NULL;
    }

    do {
        p++;
        q = genai_json_scan->stop(j->base, p, end);

        if (genai_unlikely(q == end || *q != '"')) {
            j->state = ST_KEY_STRING;
            genai_json_string_begin(j, GENAI_JSON_TEXT);
            return p;
        }

        key_end(j, p, (size_t) (q - p));
        p = q + 1;

        if (end - p < 2 || *p != ':') {
            return p;
        }

        if ((uint8_t) *++p <= ' ') {
            j->state = ST_VALUE;
            return p;
        }

        p = value(j, p, end);

    } while (p && next_key(j, &p, end));

    return p;
}


/* *p comes after a value in a container */

static const char *
next(genai_json_t *j, const char *p, const char *end)
{
    unsigned  object;

    object = j->objects >> (j->level - 1) & 1;

    if (*p == ',') {
        p++;

        if (object) {
            j->state = ST_KEY;
            return p < end && *p == '"' ? key(j, p, end) : p;
        }

        element(j);
        j->state = ST_VALUE;

        return p < end && (uint8_t) *p > ' ' ? value(j, p, end) : p;
    }

    if (*p == (object ? '}' : ']')) {
        container_end(j);
        return p + 1;
    }

    return NULL;
}


/* *p comes after the opening bracket of an array */

static const char *
first_value(genai_json_t *j, const char *p, const char *end)
{
    const genai_json_state_t  *st;

    if (*p == ']') {
        container_end(j);
        return p + 1;
    }

    element(j);
    st = genai_json_node(j, j->levels[j->level - 1].node);

    if (st->nitems == 0 && st->each == GENAI_JSON_DEAD) {
        tree_begin(j);
        return p;
    }

    return value(j, p, end);
}


static const char *
step(genai_json_t *j, const char *p, const char *end)
{
    switch (j->state) {

    case ST_KEY:
    case ST_FIRST_KEY:
        return key(j, p, end);

    case ST_COLON:
        j->state = ST_VALUE;
        return *p == ':' ? p + 1 : NULL;

    case ST_VALUE:
        return value(j, p, end);

    case ST_FIRST_VALUE:
        return first_value(j, p, end);

    case ST_NEXT:
        return next(j, p, end);

    case ST_KEY_STRING:
    case ST_STRING:
        return genai_json_string(j, p, end);

    case ST_NUMBER:
        return genai_json_number(j, p, end);

    case ST_WORD:
        return word(j, p, end);

    case ST_TREE:
        return tree(j, p, end);

    default:                       /* ST_DONE, ST_ERROR */
        return NULL;
    }
}


void
genai_json_init(genai_json_t *j, const genai_json_program_t *program,
    genai_json_emit_pt emit, void *data)
{
    if (genai_unlikely(genai_json_scan == NULL)) {
        genai_json_scan_init();
    }

    j->program = program;
    j->emit = emit;
    j->data = data;

    j->node = GENAI_JSON_ROOT;
    j->state = ST_VALUE;
    j->level = 0;
    j->objects = 0;
}


int
genai_json_feed(genai_json_t *j, const char *buf, size_t len)
{
    const char  *p = buf, *end = len ? buf + len : buf;

    j->base = buf;

    while (p < end) {

        if (j->state < ST_TOKENS && (uint8_t) *p <= ' ') {

            if (*p != ' ' && *p != '\n' && *p != '\r' && *p != '\t') {
                j->state = ST_ERROR;
                break;
            }

            p++;

            if (p < end && (uint8_t) *p <= ' ') {
                p = genai_json_scan->space(j->base, p, end);
            }

            continue;
        }

        p = step(j, p, end);

        if (p == NULL) {
            j->state = ST_ERROR;
            break;
        }
    }

    return j->state == ST_DONE ? GENAI_DONE
           : j->state == ST_ERROR ? GENAI_ERROR : GENAI_AGAIN;
}


int
genai_json_finish(genai_json_t *j)
{
    unsigned  n;

    if (j->state == ST_NUMBER && j->level == 0) {
        (void) genai_json_number_finish(j);
    }

    if (j->state == ST_DONE) {
        return GENAI_DONE;
    }

    if (j->state == ST_ERROR) {
        return GENAI_ERROR;
    }

    if (j->state == ST_TREE) {
        j->levels[j->level - 1].elements += j->u.tree.commas;
    }

    j->state = ST_ERROR;

    for (n = j->level; n; n--) {
        if (!(j->objects >> (n - 1) & 1)) {
            genai_json_tell_int(j, j->levels[n - 1].node, GENAI_JSON_LENGTH,
                     j->levels[n - 1].elements);
        }
    }

    return GENAI_ERROR;
}
