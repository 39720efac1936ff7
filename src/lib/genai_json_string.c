#include "genai_json_private.h"


#define WANT_BYTES   (GENAI_JSON_TEXT|GENAI_JSON_STREAM)


size_t
genai_json_string_cut(const char *p, size_t n)
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
            genai_json_tell(j, j->node, GENAI_JSON_STREAM, &v);
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

        genai_json_key_end(j, last, n);
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
            n = genai_json_string_cut(last, GENAI_JSON_STRING);
            v.text = genai_str(last, n);
            v.cut = 1;

        } else {
            v.text = genai_str(last, n);
        }

        genai_json_tell(j, j->node, GENAI_JSON_TEXT, &v);
    }

    genai_json_tell_int(j, j->node, GENAI_JSON_CHARS, (int64_t) j->count);
    genai_json_value_end(j);
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


/* a digit, 16 if it is none */

static inline uint32_t
hex(char c)
{
    uint32_t  d;

    d = (uint8_t) c - (uint32_t) '0';

    if (d <= 9) {
        return d;
    }

    d = ((uint8_t) c | 0x20) - (uint32_t) 'a';

    return d <= 5 ? d + 10 : 16;
}


/* the digits of an escape, and of those that follow it at once: text that is
 * not Latin is often written with nothing else */

static const char *
string_hex(genai_json_t *j, const char *p, const char *end)
{
    uint32_t  a, b, c, d;

    while (j->u.string.hex == 4 && end - p >= 4) {
        a = hex(p[0]);
        b = hex(p[1]);
        c = hex(p[2]);
        d = hex(p[3]);
        p += 4;

        if ((a | b | c | d) & 16) {
            return NULL;
        }

        string_unicode(j, a << 12 | b << 8 | c << 4 | d);

        if (end - p < 2 || p[0] != '\\' || p[1] != 'u') {
            j->u.string.hex = 0;
            return p;
        }

        p += 2;
    }

    while (p < end && j->u.string.hex) {
        d = hex(*p++);

        if (d & 16) {
            return NULL;
        }

        j->u.string.code = j->u.string.code << 4 | d;

        if (--j->u.string.hex == 0) {
            string_unicode(j, j->u.string.code & 0xffff);
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
    const genai_json_scan_t  *scan = genai_json_scan;

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
        p = scan->stop(j->base, p, end);

        if (j->u.string.want & GENAI_JSON_CHARS) {
            no = 0;
            (void) scan->count(j->base, run, p, &no, &j->count);
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
    const genai_json_scan_t  *scan = genai_json_scan;

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
        p = scan->count(j->base, p, end, &escaped, &j->count);
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
    p = genai_json_scan->pass(j->base, p, end, &escaped);
    j->escaped = (uint8_t) escaped;

    if (p == end) {
        return p;
    }

    if (*p != '"') {
        return NULL;
    }

    genai_json_value_end(j);

    return p + 1;
}


const char *
genai_json_string(genai_json_t *j, const char *p, const char *end)
{
    if (j->u.string.want & WANT_BYTES) {
        return string_decode(j, p, end);
    }

    if (j->u.string.want) {
        return string_count(j, p, end);
    }

    return string_pass(j, p, end);
}


