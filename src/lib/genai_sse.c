/*
 * Server-Sent Events, resumable.
 */

#include "genai_sse.h"


typedef enum {
    SSE_START = 0,                /* of the stream: a BOM may come */
    SSE_LINE,                     /* at the start of a line */
    SSE_FIELD,                    /* in its name */
    SSE_SPACE,                    /* after the colon: one space is skipped */
    SSE_VALUE,
    SSE_COMMENT
} sse_state_e;


/* what the value belongs to: kept in got while it is read */

enum {
    SSE_OTHER = 0, SSE_DATA, SSE_EVENT
};


void
genai_sse_init(genai_sse_t *s, const genai_sse_handler_t *handler, void *data)
{
    memset(s, 0, sizeof(genai_sse_t));

    s->handler = handler;
    s->data = data;
}


/* the field's name is complete */

static void
sse_field(genai_sse_t *s)
{
    genai_str_t  name = genai_str(s->field, s->got);

    s->got = SSE_OTHER;

    if (genai_str_is(name, "data")) {

        s->got = SSE_DATA;

        if (s->begun) {
            s->handler->on_data(s->data, "\n", 1);

        } else {
            s->begun = 1;
            s->handler->on_begin(s->data, genai_str(s->event, s->event_len));
        }

    } else if (genai_str_is(name, "event")) {
        s->got = SSE_EVENT;
        s->event_len = 0;
    }
}


/* a line whose name lies before us; returns 0 to leave it to sse_byte() */

static size_t
sse_line(genai_sse_t *s, const char *p, size_t len)
{
    size_t  n;

    if (len > 4 && memcmp(p, "data:", 5) == 0) {
        n = 4;

    } else if (len > 5 && memcmp(p, "event:", 6) == 0) {
        n = 5;

    } else {
        return 0;
    }

    memcpy(s->field, p, n);
    s->got = (uint8_t) n;
    s->partial = 1;
    sse_field(s);
    s->state = SSE_SPACE;

    return n + 1;
}


static void
sse_value(genai_sse_t *s, const char *p, size_t len)
{
    if (s->got == SSE_DATA) {
        s->handler->on_data(s->data, p, len);

    } else if (s->got == SSE_EVENT) {

        if (len > (size_t) GENAI_SSE_EVENT - s->event_len) {
            len = GENAI_SSE_EVENT - s->event_len;
        }

        memcpy(s->event + s->event_len, p, len);
        s->event_len += len;
    }
}


static void
sse_line_end(genai_sse_t *s)
{
    if (s->state == SSE_LINE || s->state == SSE_START) {

        if (s->begun) {
            s->handler->on_end(s->data, genai_str(s->event, s->event_len));
        }

        s->begun = 0;
        s->partial = 0;
        s->event_len = 0;

    } else if (s->state == SSE_FIELD) {
        sse_field(s);
    }

    s->got = 0;
    s->state = SSE_LINE;
}


/* one byte of a line, where it is not the value */

static void
sse_byte(genai_sse_t *s, char ch)
{
    static const char  bom[] = "\xef\xbb\xbf";

    if (s->state == SSE_START) {

        if (ch == bom[s->got]) {
            s->got++;

            if (s->got == 3) {
                s->got = 0;
                s->state = SSE_LINE;
            }

            return;
        }

        /* what looked like a BOM is the start of a field nobody knows */

        memcpy(s->field, bom, s->got);
        s->state = s->got ? SSE_FIELD : SSE_LINE;
        s->partial = s->got != 0;
    }

    if (s->state == SSE_LINE) {

        if (ch == ':') {
            s->state = SSE_COMMENT;
            return;
        }

        s->state = SSE_FIELD;
        s->partial = 1;
    }

    if (ch == ':') {
        sse_field(s);
        s->state = SSE_SPACE;

    } else if (s->got < sizeof(s->field)) {
        s->field[s->got++] = ch;
    }
}


void
genai_sse_feed(genai_sse_t *s, const char *buf, size_t len)
{
    size_t       n;
    const char  *p, *end, *eol, *lf, *cr;

    p = buf;
    end = buf + len;
    lf = cr = buf;

    while (p < end) {

        if (*p == '\n' && s->cr) {
            s->cr = 0;
            p++;
            continue;
        }

        s->cr = *p == '\r';

        if (*p == '\n' || *p == '\r') {

            if (s->state == SSE_START && s->got) {
                s->state = SSE_FIELD;
                s->partial = 1;
            }

            sse_line_end(s);
            p++;
            continue;
        }

        if (s->state == SSE_SPACE) {
            s->state = SSE_VALUE;
            p += *p == ' ';
            continue;
        }

        if (s->state != SSE_VALUE && s->state != SSE_COMMENT) {
            n = (s->state == SSE_LINE) ? sse_line(s, p, end - p) : 0;

            if (n == 0) {
                sse_byte(s, *p);
                n = 1;
            }

            p += n;
            continue;
        }

        /* each is looked for from where it was last found: linear in len */

        if (lf <= p) {
            lf = memchr(p, '\n', end - p);
            lf = lf ? lf : end;
        }

        if (cr <= p) {
            cr = memchr(p, '\r', end - p);
            cr = cr ? cr : end;
        }

        eol = lf < cr ? lf : cr;

        if (s->state == SSE_VALUE) {
            sse_value(s, p, eol - p);
        }

        p = eol;
    }
}


int
genai_sse_finish(genai_sse_t *s)
{
    int  whole;

    whole = !s->partial && !(s->state == SSE_START && s->got);

    return whole ? GENAI_DONE : GENAI_ERROR;
}
