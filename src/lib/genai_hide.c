/*
 * Hiding the usage chunk of a chat stream.
 */

#define _GNU_SOURCE

#include "genai_hide.h"


static size_t hide_event(genai_hide_t *h, char *out);
static int hide_has(const char *p, size_t len, const char *key,
    const char *value);


void
genai_hide_init(genai_hide_t *h, char *hold, size_t size)
{
    memset(h, 0, sizeof(genai_hide_t));

    h->hold = hold;
    h->size = size;
}


size_t
genai_hide_feed(genai_hide_t *h, const char *in, size_t len, char *out)
{
    char    ch;
    size_t  i, n;

    for (i = 0, n = 0; i < len; i++) {
        ch = in[i];

        if (!h->passing && h->len == h->size) {
            memcpy(out + n, h->hold, h->len);
            n += h->len;
            h->len = 0;
            h->passing = 1;
        }

        if (h->passing) {
            out[n++] = ch;

        } else {
            h->hold[h->len++] = ch;
        }

        /* an empty line, of LF or CRLF, ends an event */

        if (ch == '\n') {

            if (h->newline) {
                n += hide_event(h, out + n);
                h->newline = 0;

            } else {
                h->newline = 1;
            }

        } else if (ch != '\r') {
            h->newline = 0;
        }
    }

    return n;
}


static size_t
hide_event(genai_hide_t *h, char *out)
{
    size_t  n;

    n = h->len;
    h->len = 0;
    h->passing = 0;

    if (hide_has(h->hold, n, "\"choices\"", "[]")
        && hide_has(h->hold, n, "\"usage\"", "{"))
    {
        return 0;
    }

    memcpy(out, h->hold, n);

    return n;
}


/* a key and how its value begins, blanks between; inside a string the quotes
 * of a key would be escaped */

static int
hide_has(const char *p, size_t len, const char *key, const char *value)
{
    size_t       n;
    const char  *end;

    end = p + len;
    n = strlen(key);

    while ((p = memmem(p, (size_t) (end - p), key, n)) != NULL) {
        p += n;

        while (p < end && *p == ' ') {
            p++;
        }

        if (p == end || *p != ':') {
            continue;
        }

        for (p++; p < end && *p == ' '; p++) { /* void */ }

        if (p < end && *p == value[0]) {
            for (p++; p < end && *p == ' '; p++) { /* void */ }

            if (value[1] == '\0' || (p < end && *p == value[1])) {
                return 1;
            }
        }
    }

    return 0;
}


size_t
genai_hide_end(genai_hide_t *h, char *out)
{
    size_t  n;

    n = h->len;
    h->len = 0;
    memcpy(out, h->hold, n);

    return n;
}
