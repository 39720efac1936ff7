#include <float.h>

#include "genai_json_program.h"
#include "genai_json_scan.h"


/* the first ones stand between tokens */

enum {
    ST_KEY,                        /* after a comma */
    ST_FIRST_KEY,
    ST_COLON,
    ST_VALUE,
    ST_FIRST_VALUE,
    ST_NEXT,                       /* after a value */
    ST_DONE,
    ST_TOKENS,                     /* not a state */
    ST_KEY_STRING = ST_TOKENS,
    ST_STRING,
    ST_NUMBER,
    ST_WORD,
    ST_TREE,
    ST_ERROR
};


enum {
    NUM_SIGN,                      /* digits must come */
    NUM_ZERO,
    NUM_INT,
    NUM_DOT,
    NUM_FRACTION,
    NUM_E,
    NUM_E_SIGN,
    NUM_EXPONENT
};


enum {
    WORD_FALSE,
    WORD_TRUE,
    WORD_NULL
};


#define WANT_STRING  (GENAI_JSON_TEXT|GENAI_JSON_STREAM|GENAI_JSON_CHARS)
#define WANT_BYTES   (GENAI_JSON_TEXT|GENAI_JSON_STREAM)

/* below it one more digit fits 64 bits */
#define DIGITS_MAX   1000000000000000000ULL


static inline const genai_json_state_t *
node_of(const genai_json_t *j, uint32_t node)
{
    const char  *base = (const char *) j->program;

    return (const genai_json_state_t *) (const void *)
           (base + j->program->states) + node;
}


static inline const uint16_t *
pool_of(const genai_json_t *j, uint32_t at)
{
    const char  *base = (const char *) j->program;

    return (const uint16_t *) (const void *) (base + j->program->pool) + at;
}


static void
tell(genai_json_t *j, uint32_t node, uint16_t event, genai_json_value_t *v)
{
    uint32_t                   i;
    const uint16_t            *rows;
    const genai_json_row_t    *row;
    const genai_json_state_t  *st;

    st = node_of(j, node);
    rows = pool_of(j, st->rows);
    v->event = event;

    for (i = 0; i < st->nrows; i++) {
        row = &j->program->rows[rows[i]];

        if (row->want & event) {
            j->emit(j->data, row, v);
        }
    }
}


static void
tell_int(genai_json_t *j, uint32_t node, uint16_t event, int64_t n)
{
    genai_json_value_t  v;

    if (node_of(j, node)->want & event) {
        memset(&v, 0, sizeof(v));
        v.integer = n;
        tell(j, node, event, &v);
    }
}


/* the state of a key's value */

static uint16_t
key_find(const genai_json_t *j, const char *key, size_t len)
{
    uint32_t                   hash, slot;
    const char                *base;
    const uint16_t            *table;
    const genai_json_edge_t   *edges, *edge;
    const genai_json_state_t  *st;

    st = node_of(j, j->levels[j->level - 1].node);

    if (st->mask == 0) {
        return st->any;
    }

    base = (const char *) j->program;
    table = pool_of(j, st->table);
    edges = (const genai_json_edge_t *) (const void *)
            (base + j->program->edges) + st->edges;
    hash = genai_json_hash(key, len);

    for (slot = hash & st->mask; table[slot]; slot = (slot + 1) & st->mask) {
        edge = &edges[table[slot] - 1];

        if (edge->hash == hash && edge->len == len
            && memcmp(base + j->program->keys + edge->key, key, len) == 0)
        {
            return edge->target;
        }
    }

    return st->any;
}


static inline void
key_end(genai_json_t *j, const char *key, size_t len)
{
    genai_json_value_t  v;

    j->node = key_find(j, key, len);
    j->state = ST_COLON;

    if (node_of(j, j->node)->want & GENAI_JSON_NAME) {
        memset(&v, 0, sizeof(v));
        v.text = genai_str(key, len > GENAI_JSON_KEY ? GENAI_JSON_KEY : len);
        v.cut = (len > GENAI_JSON_KEY);
        tell(j, j->node, GENAI_JSON_NAME, &v);
    }
}


/* an element of the innermost array begins: the state of its value */

static inline void
element(genai_json_t *j)
{
    uint32_t                   i;
    const genai_json_state_t  *st;

    i = j->levels[j->level - 1].elements++;
    st = node_of(j, j->levels[j->level - 1].node);

    j->node = i < st->nitems ? *pool_of(j, st->items + i) : st->each;
}


static inline void
value_end(genai_json_t *j)
{
    j->state = j->level ? ST_NEXT : ST_DONE;
}


static void
container_end(genai_json_t *j)
{
    uint32_t  node;

    j->level--;
    node = j->levels[j->level].node;

    if (!(j->objects >> j->level & 1)) {
        tell_int(j, node, GENAI_JSON_LENGTH, j->levels[j->level].elements);
    }

    tell_int(j, node, GENAI_JSON_END, 0);
    value_end(j);
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

    st = node_of(j, j->node);

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

    p = genai_json_scan()->tree(&t, p, end);

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


static void
string_begin(genai_json_t *j, unsigned want)
{
    j->count = 0;
    j->used = 0;
    j->escaped = 0;
    j->u.string.want = (uint16_t) want;
    j->u.string.high = 0;
    j->u.string.hex = 0;
    j->u.string.cut = 0;
}


/* how much of a string is kept: the rest begins at p[n], which exists */

static size_t
string_cut(const char *p, size_t n)
{
    size_t  i;

    for (i = n; i && n - i < 4; i--) {
        if ((p[i] & 0xc0) != 0x80) {
            return i;
        }
    }

    return n;
}


static void
string_keep(genai_json_t *j, const char *p, size_t n)
{
    char    over;
    size_t  room, i;

    if (j->u.string.cut) {
        return;
    }

    room = sizeof(j->text) - j->used;

    if (n <= room) {
        memcpy(j->text + j->used, p, n);
        j->used += (uint16_t) n;
        return;
    }

    memcpy(j->text + j->used, p, room);
    j->u.string.cut = 1;
    j->used = sizeof(j->text);
    over = p[room];

    if ((over & 0xc0) != 0x80) {
        return;
    }

    for (i = 1; i < 4; i++) {
        if ((j->text[sizeof(j->text) - i] & 0xc0) != 0x80) {
            j->used = (uint16_t) (sizeof(j->text) - i);
            return;
        }
    }
}


/* n decoded bytes of a string whose bytes are wanted */

static void
string_bytes(genai_json_t *j, const char *p, size_t n, int last)
{
    genai_json_value_t  v;

    if (j->u.string.want & GENAI_JSON_STREAM) {
        if (n || last) {
            memset(&v, 0, sizeof(v));
            v.text = genai_str(p, n);
            v.last = last & 1;
            tell(j, j->node, GENAI_JSON_STREAM, &v);
        }
    }

    if ((j->u.string.want & GENAI_JSON_TEXT) && (!last || j->used)) {
        string_keep(j, p, n);
    }
}


/* last: the run of bytes that ends at the closing quote */

static void
string_end(genai_json_t *j, const char *last, size_t n)
{
    genai_json_value_t  v;

    if (j->state == ST_KEY_STRING) {

        if (j->used) {
            string_keep(j, last, n);
            last = j->text;
            n = j->used;
        }

        key_end(j, last, n);
        return;
    }

    if (j->u.string.want & WANT_BYTES) {
        string_bytes(j, last, n, 1);
    }

    if (j->u.string.want & GENAI_JSON_TEXT) {
        memset(&v, 0, sizeof(v));

        if (j->used) {
            v.text = genai_str(j->text, j->used);
            v.cut = j->u.string.cut;

        } else if (n > GENAI_JSON_STRING) {
            v.text = genai_str(last, string_cut(last, GENAI_JSON_STRING));
            v.cut = 1;

        } else {
            v.text = genai_str(last, n);
        }

        tell(j, j->node, GENAI_JSON_TEXT, &v);
    }

    tell_int(j, j->node, GENAI_JSON_CHARS, (int64_t) j->count);
    value_end(j);
}


static void
string_code(genai_json_t *j, uint32_t c)
{
    char    s[4];
    size_t  n;

    if (!(j->u.string.want & WANT_BYTES)) {
        return;
    }

    if (c < 0x80) {
        s[0] = (char) c;
        n = 1;

    } else if (c < 0x800) {
        s[0] = (char) (0xc0 | c >> 6);
        s[1] = (char) (0x80 | (c & 0x3f));
        n = 2;

    } else if (c < 0x10000) {
        s[0] = (char) (0xe0 | c >> 12);
        s[1] = (char) (0x80 | (c >> 6 & 0x3f));
        s[2] = (char) (0x80 | (c & 0x3f));
        n = 3;

    } else {
        s[0] = (char) (0xf0 | c >> 18);
        s[1] = (char) (0x80 | (c >> 12 & 0x3f));
        s[2] = (char) (0x80 | (c >> 6 & 0x3f));
        s[3] = (char) (0x80 | (c & 0x3f));
        n = 4;
    }

    string_bytes(j, s, n, 0);
}


/* the other half of a surrogate does not come */

static void
string_lone(genai_json_t *j)
{
    if (j->u.string.high) {
        j->u.string.high = 0;
        string_code(j, 0xfffd);
    }
}


static void
string_unicode(genai_json_t *j, uint32_t c)
{
    if (c >= 0xdc00 && c <= 0xdfff && j->u.string.high) {
        c = 0x10000 + ((uint32_t) (j->u.string.high - 0xd800) << 10)
            + (c - 0xdc00);
        j->u.string.high = 0;
        string_code(j, c);
        return;
    }

    string_lone(j);
    j->count++;

    if (c >= 0xd800 && c <= 0xdbff) {
        j->u.string.high = (uint16_t) c;
        return;
    }

    string_code(j, (c >= 0xdc00 && c <= 0xdfff) ? 0xfffd : c);
}


static const char *
string_hex(genai_json_t *j, const char *p, const char *end)
{
    uint32_t  d;

    while (p < end) {
        d = (uint8_t) *p++;

        if (d - '0' <= 9) {
            d -= '0';

        } else {
            d = (d | 0x20) - 'a';

            if (d > 5) {
                return NULL;
            }

            d += 10;
        }

        j->u.string.code = j->u.string.code << 4 | d;

        if (--j->u.string.hex == 0) {
            string_unicode(j, j->u.string.code & 0xffff);
            break;
        }
    }

    return p;
}


/* the byte after a backslash */

static int
string_escape(genai_json_t *j, char c)
{
    char  d;

    j->escaped = 0;

    if (c == 'u') {
        j->u.string.hex = 4;
        return GENAI_OK;
    }

    string_lone(j);

    switch (c) {
    case '"':
    case '\\':
    case '/':
        d = c;
        break;
    case 'b':
        d = '\b';
        break;
    case 'f':
        d = '\f';
        break;
    case 'n':
        d = '\n';
        break;
    case 'r':
        d = '\r';
        break;
    case 't':
        d = '\t';
        break;
    default:
        return GENAI_ERROR;
    }

    j->count++;
    string_bytes(j, &d, 1, 0);

    return GENAI_OK;
}


/*
 * A string whose bytes are wanted, or a key.  Between two escapes a run of
 * bytes is passed on as it is.
 */

static const char *
string_decode(genai_json_t *j, const char *p, const char *end)
{
    unsigned                  no;
    const char               *run;
    const genai_json_scan_t  *scan = genai_json_scan();

    while (p < end) {

        if (j->u.string.hex) {
            p = string_hex(j, p, end);
            if (p == NULL) {
                return NULL;
            }

            continue;
        }

        if (j->escaped) {
            if (string_escape(j, *p++) != GENAI_OK) {
                return NULL;
            }

            continue;
        }

        if (*p == '\\') {
            j->escaped = 1;
            p++;
            continue;
        }

        string_lone(j);

        run = p;
        p = scan->stop(p, end);

        if (j->u.string.want & GENAI_JSON_CHARS) {
            no = 0;
            (void) scan->count(run, p, &no, &j->count);
        }

        if (p < end && *p == '"') {
            string_end(j, run, (size_t) (p - run));
            return p + 1;
        }

        string_bytes(j, run, (size_t) (p - run), 0);

        if (p < end && *p != '\\') {
            return NULL;
        }
    }

    return p;
}


/* a string of which only the length is wanted */

static const char *
string_count(genai_json_t *j, const char *p, const char *end)
{
    unsigned                  escaped;
    const genai_json_scan_t  *scan = genai_json_scan();

    while (p < end) {

        if (j->u.string.hex) {
            p = string_hex(j, p, end);
            if (p == NULL) {
                return NULL;
            }

            continue;
        }

        if (j->u.string.high) {

            if (!j->escaped && *p == '\\') {
                j->escaped = 1;
                p++;
                continue;
            }

            if (!j->escaped || *p != 'u') {
                j->u.string.high = 0;
            }
        }

        escaped = j->escaped;
        p = scan->count(p, end, &escaped, &j->count);
        j->escaped = (uint8_t) escaped;

        if (p == end) {
            break;
        }

        if (*p == '"') {
            string_end(j, p, 0);
            return p + 1;
        }

        if (*p != 'u') {
            return NULL;
        }

        j->escaped = 0;
        j->u.string.hex = 4;
        p++;
    }

    return p;
}


static const char *
string_pass(genai_json_t *j, const char *p, const char *end)
{
    unsigned  escaped;

    escaped = j->escaped;
    p = genai_json_scan()->pass(p, end, &escaped);
    j->escaped = (uint8_t) escaped;

    if (p == end) {
        return p;
    }

    if (*p != '"') {
        return NULL;
    }

    value_end(j);

    return p + 1;
}


static inline const char *
string(genai_json_t *j, const char *p, const char *end)
{
    if (j->u.string.want & WANT_BYTES) {
        return string_decode(j, p, end);
    }

    if (j->u.string.want) {
        return string_count(j, p, end);
    }

    return string_pass(j, p, end);
}


static double
number_real(uint64_t digits, int64_t scale)
{
    long double   r, ten;
    unsigned      n;

    r = (long double) digits;

    if (digits == 0 || scale == 0) {
        return (double) r;
    }

    if (scale > 400) {
        return DBL_MAX;
    }

    if (scale < -400) {
        return 0;
    }

    ten = 10;
    n = (unsigned) (scale < 0 ? -scale : scale);

    for ( /* void */ ; n; n >>= 1) {
        if (n & 1) {
            r = scale < 0 ? r / ten : r * ten;
        }

        ten *= ten;
    }

    return r > DBL_MAX ? DBL_MAX : (double) r;
}


static void
number_end(genai_json_t *j)
{
    int64_t              scale, exponent;
    uint64_t             n, max, rest;
    genai_json_value_t   v;

    if (!(node_of(j, j->node)->want & GENAI_JSON_NUMBER)) {
        value_end(j);
        return;
    }

    memset(&v, 0, sizeof(v));

    exponent = j->u.number.exponent;
    scale = j->u.number.scale
            + (j->u.number.exponent_negative ? -exponent : exponent);
    n = j->count;
    rest = scale > 0 ? 0 : j->u.number.inexact;

    v.real = number_real(n, scale);

    for ( /* void */ ; scale < 0 && n; scale++) {
        rest |= n % 10;
        n /= 10;
    }

    max = (uint64_t) INT64_MAX + j->u.number.negative;

    for ( /* void */ ; scale > 0 && n && n <= max; scale--) {
        n = n > max / 10 ? max + 1 : n * 10;
    }

    if (n > max) {
        n = max;
    }

    v.fraction = rest != 0;
    v.integer = j->u.number.negative ? (int64_t) (0 - n) : (int64_t) n;

    if (j->u.number.negative) {
        v.real = -v.real;
    }

    tell(j, j->node, GENAI_JSON_NUMBER, &v);
    value_end(j);
}


static void
number_begin(genai_json_t *j, char c)
{
    j->count = 0;
    memset(&j->u.number, 0, sizeof(j->u.number));

    if (c == '-') {
        j->u.number.negative = 1;
        j->u.number.state = NUM_SIGN;

    } else {
        j->count = (uint64_t) (c - '0');
        j->u.number.state = c == '0' ? NUM_ZERO : NUM_INT;
    }

    j->state = ST_NUMBER;
}


static int
number_digit(genai_json_t *j, unsigned d)
{
    switch (j->u.number.state) {

    case NUM_ZERO:
        return GENAI_ERROR;

    case NUM_SIGN:
        j->u.number.state = d ? NUM_INT : NUM_ZERO;
        j->count = d;
        return GENAI_OK;

    case NUM_DOT:
        j->u.number.state = NUM_FRACTION;
        break;

    case NUM_E:
    case NUM_E_SIGN:
        j->u.number.state = NUM_EXPONENT;
        break;
    }

    if (j->u.number.state == NUM_EXPONENT) {
        if (j->u.number.exponent < INT32_MAX / 16) {
            j->u.number.exponent = j->u.number.exponent * 10 + (int32_t) d;
        }

    } else if (j->count < DIGITS_MAX) {
        j->count = j->count * 10 + d;
        j->u.number.scale -= (j->u.number.state == NUM_FRACTION
                              && j->u.number.scale > INT32_MIN / 16);

    } else {
        j->u.number.inexact |= d != 0;
        j->u.number.scale += (j->u.number.state == NUM_INT
                              && j->u.number.scale < INT32_MAX / 16);
    }

    return GENAI_OK;
}


/* GENAI_DONE: c does not belong to the number, which is whole */

static int
number_sign(genai_json_t *j, char c)
{
    unsigned  state = j->u.number.state;

    if (c == '.' && (state == NUM_INT || state == NUM_ZERO)) {
        j->u.number.state = NUM_DOT;
        return GENAI_OK;
    }

    if ((c == 'e' || c == 'E')
        && (state == NUM_INT || state == NUM_ZERO || state == NUM_FRACTION))
    {
        j->u.number.state = NUM_E;
        return GENAI_OK;
    }

    if ((c == '-' || c == '+') && state == NUM_E) {
        j->u.number.exponent_negative = c == '-';
        j->u.number.state = NUM_E_SIGN;
        return GENAI_OK;
    }

    if (state == NUM_INT || state == NUM_ZERO || state == NUM_FRACTION
        || state == NUM_EXPONENT)
    {
        return GENAI_DONE;
    }

    return GENAI_ERROR;
}


static const char *
number(genai_json_t *j, const char *p, const char *end)
{
    int       rc;
    unsigned  d;
    uint64_t  n;

    while (p < end) {

        if (j->u.number.state == NUM_INT) {
            n = j->count;

            while (p < end && n < DIGITS_MAX
                   && (d = (uint8_t) *p - (unsigned) '0') <= 9)
            {
                n = n * 10 + d;
                p++;
            }

            j->count = n;

            if (p == end) {
                break;
            }
        }

        d = (uint8_t) *p - (unsigned) '0';
        rc = d <= 9 ? number_digit(j, d) : number_sign(j, *p);

        if (rc == GENAI_DONE) {
            number_end(j);
            return p;
        }

        if (rc != GENAI_OK) {
            return NULL;
        }

        p++;
    }

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
            tell_int(j, j->node, GENAI_JSON_BOOL, (int64_t) j->count);
        }

        value_end(j);
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
        return GENAI_OK;
    default:
        return GENAI_ERROR;
    }

    tell_int(j, j->node, GENAI_JSON_PRESENT, 0);

    return GENAI_OK;
}


/* *p begins a value */

static const char *
value(genai_json_t *j, const char *p, const char *end)
{
    char      c = *p++;
    unsigned  want = node_of(j, j->node)->want;

    if (c == '"' || c == '{' || c == '[' || c == '-'
        || (c >= '0' && c <= '9'))
    {
        tell_int(j, j->node, GENAI_JSON_PRESENT, 0);

    } else {
        return word_begin(j, c) == GENAI_OK ? p : NULL;
    }

    if (c == '"') {
        j->state = ST_STRING;
        string_begin(j, want & WANT_STRING);
        return string(j, p, end);
    }

    if (c == '{' || c == '[') {
        container_begin(j, c);
        return p;
    }

    number_begin(j, c);

    return number(j, p, end);
}


/* *p is where a key may begin */

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

    p++;
    q = genai_json_scan()->stop(p, end);

    if (genai_unlikely(q == end || *q != '"')) {
        j->state = ST_KEY_STRING;
        string_begin(j, GENAI_JSON_TEXT);
        return p;
    }

    key_end(j, p, (size_t) (q - p));

    return q + 1;
}


/* *p comes after a value in a container */

static const char *
next(genai_json_t *j, const char *p)
{
    unsigned  object;

    object = j->objects >> (j->level - 1) & 1;

    if (*p == ',') {
        if (object) {
            j->state = ST_KEY;

        } else {
            element(j);
            j->state = ST_VALUE;
        }

        return p + 1;
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
    st = node_of(j, j->levels[j->level - 1].node);

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
        return next(j, p);

    case ST_KEY_STRING:
        return string_decode(j, p, end);

    case ST_STRING:
        return string(j, p, end);

    case ST_NUMBER:
        return number(j, p, end);

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

    while (p < end) {

        if (j->state < ST_TOKENS && (uint8_t) *p <= ' ') {

            if (*p != ' ' && *p != '\n' && *p != '\r' && *p != '\t') {
                j->state = ST_ERROR;
                break;
            }

            p++;

            if (p < end && (uint8_t) *p <= ' ') {
                p = genai_json_scan()->space(p, end);
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

    if (j->state == ST_NUMBER && j->level == 0
        && number_sign(j, ' ') == GENAI_DONE)
    {
        number_end(j);
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
            tell_int(j, j->levels[n - 1].node, GENAI_JSON_LENGTH,
                     j->levels[n - 1].elements);
        }
    }

    return GENAI_ERROR;
}
