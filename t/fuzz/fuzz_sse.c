/*
 * Server-Sent Events: the same in any pieces, and the same as a reader that
 * has the whole text and splits it into lines.
 */

#include <stdlib.h>

#include "genai_sse.h"


typedef struct {
    uint8_t  *log;
    size_t    len;
    size_t    size;
    int       open;
} told_t;


static void
say(told_t *t, const char *p, size_t len)
{
    if (len > t->size - t->len) {
        abort();
    }

    if (len) {
        memcpy(t->log + t->len, p, len);
    }

    t->len += len;
}


static void
on_begin(void *data, genai_str_t event)
{
    told_t  *t = data;

    if (t->open++ || event.len > GENAI_SSE_EVENT) {
        abort();
    }

    say(t, "[", 1);
    say(t, event.data, event.len);
    say(t, "|", 1);
}


static void
on_data(void *data, const char *buf, size_t len)
{
    told_t  *t = data;

    if (!t->open || len == 0) {
        abort();
    }

    say(t, buf, len);
}


static void
on_end(void *data, genai_str_t event)
{
    told_t  *t = data;

    if (!t->open || event.len > GENAI_SSE_EVENT) {
        abort();
    }

    t->open = 0;
    say(t, "|", 1);
    say(t, event.data, event.len);
    say(t, "]", 1);
}


static const genai_sse_handler_t  handler = { on_begin, on_data, on_end };


static int
run(told_t *t, const uint8_t *p, size_t len, uint32_t step)
{
    char         *copy;
    size_t        i, n;
    uint32_t      x = step;
    genai_sse_t   s;

    t->len = 0;
    t->open = 0;
    genai_sse_init(&s, &handler, t);

    for (i = 0; i < len; i += n) {
        n = len - i;

        if (step) {
            x = x * 1664525 + 1013904223;
            n = 1 + (x >> 16) % step;
            n = n > len - i ? len - i : n;
        }

        copy = malloc(n);
        memcpy(copy, p + i, n);
        genai_sse_feed(&s, copy, n);
        free(copy);
    }

    return genai_sse_finish(&s);
}


/* line by line, over the whole text */

static int
plain(told_t *t, const char *p, size_t len)
{
    int           partial = 0, open = 0;
    size_t        n, f;
    genai_str_t   event = { "", 0 }, value, name;
    const char   *end = p + len;

    t->len = 0;
    t->open = 0;

    if (len && len < 3 && memcmp(p, "\xef\xbb\xbf", len) == 0) {
        return GENAI_ERROR;
    }

    if (len >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0) {
        p += 3;
    }

    while (p < end) {
        for (n = 0; p + n < end && p[n] != '\n' && p[n] != '\r'; n++) { }

        if (n == 0) {
            if (open) {
                on_end(t, event);
            }

            open = partial = 0;
            event.len = 0;

        } else if (*p != ':') {
            partial = 1;

            for (f = 0; f < n && p[f] != ':'; f++) { }

            name = genai_str(p, f);
            f += f < n;
            f += f < n && f > name.len && p[f] == ' ';
            value = genai_str(p + f, n - f);

            /* a name that the input ends in is not known to be one */

            if (p + n == end && name.len == n) {
                name.len = 0;
            }

            if (genai_str_is(name, "data")) {
                if (open) {
                    on_data(t, "\n", 1);

                } else {
                    on_begin(t, event);
                }

                open = 1;

                if (value.len) {
                    on_data(t, value.data, value.len);
                }

            } else if (genai_str_is(name, "event")) {
                event = value;

                if (event.len > GENAI_SSE_EVENT) {
                    event.len = GENAI_SSE_EVENT;
                }
            }
        }

        p += n;

        if (p < end) {
            p += *p == '\r' && p + 1 < end && p[1] == '\n' ? 2 : 1;
        }
    }

    return partial ? GENAI_ERROR : GENAI_DONE;
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int      rc;
    size_t   i;
    told_t   want, got;

    static const uint32_t  steps[] = { 0, 1, 3, 30 };

    want.size = got.size = size * 70 + 16;
    want.log = malloc(want.size);
    got.log = malloc(got.size);

    rc = plain(&want, (const char *) data, size);

    for (i = 0; i < genai_nelts(steps); i++) {
        if (run(&got, data, size, steps[i]) != rc || got.len != want.len
            || memcmp(got.log, want.log, got.len) != 0)
        {
            abort();
        }
    }

    free(want.log);
    free(got.log);

    return 0;
}
