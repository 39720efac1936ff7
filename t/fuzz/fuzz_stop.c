/*
 * Where a stream can be cut: the same places in any pieces, but that the LF
 * of a CRLF may come too late to count; for event streams, where lengths
 * alone say that a frame ends.
 */

#include <stdlib.h>

#include "genai_call.h"
#include "genai_eventstream.h"
#include "genai_stop.h"


/* the last end of an event in the first n bytes, in pieces of step */

static size_t
last_end(unsigned framing, const char *p, size_t n, size_t step)
{
    size_t        at, len, end, got;
    genai_stop_t  s;

    genai_stop_init(&s, framing);
    end = 0;

    for (at = 0; at < n; at += len) {
        len = n - at < step ? n - at : step;
        got = genai_stop_feed(&s, p + at, len);

        if (got > len) {
            abort();
        }

        end = got ? at + got : end;
    }

    if (framing == GENAI_STOP_SSE && end >= 2 && p[end - 1] == '\n'
        && p[end - 2] == '\r')
    {
        end--;
    }

    return end;
}


static size_t
last_frame(const char *p, size_t n)
{
    size_t          at;
    uint32_t        total;
    const uint8_t  *u;

    for (at = 0; n - at >= 4; at += total) {
        u = (const uint8_t *) p + at;
        total = (uint32_t) u[0] << 24 | (uint32_t) u[1] << 16
                | (uint32_t) u[2] << 8 | u[3];

        if (total < 16 || total > GENAI_ES_MAX_FRAME || total > n - at) {
            break;
        }
    }

    return at;
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t       n, step, whole;
    char         event[GENAI_STOP_SIZE];
    unsigned     framing, api;
    const char  *p;

    if (size < 3) {
        return 0;
    }

    framing = data[0] & 1 ? GENAI_STOP_FRAMES : GENAI_STOP_SSE;
    step = 1 + data[1] % 37;
    api = data[2] % GENAI_API_N;

    p = (const char *) data + 3;
    n = size - 3;

    whole = last_end(framing, p, n, n ? n : 1);

    if (whole != last_end(framing, p, n, step)
        || whole != last_end(framing, p, n, 1))
    {
        abort();
    }

    if (framing == GENAI_STOP_FRAMES && whole != last_frame(p, n)) {
        abort();
    }

    /* whatever the text: a last event fits */

    n = genai_stop_event(framing, api, genai_str(p, n < 200 ? n : 200),
                         event, sizeof(event));

    if (n == 0 || n > sizeof(event)
        || (framing == GENAI_STOP_FRAMES && last_frame(event, n) != n))
    {
        abort();
    }

    return 0;
}
