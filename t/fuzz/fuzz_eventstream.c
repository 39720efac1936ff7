/*
 * Event-stream frames.  The input is read as it is and, since no mutation
 * hits on a right CRC, a second time with the CRCs of its frames put right.
 * Both must give the same events whole and in pieces.
 */

#include <stdlib.h>

#include "genai_crc32.h"
#include "genai_eventstream.h"


#define MAX_INPUT  65536


typedef struct {
    uint32_t  frames;
    uint32_t  ended;
    uint32_t  crc;                /* of all that was told */
    uint64_t  payload;
    uint64_t  announced;
    uint32_t  said;               /* CRC of what the last frame is */
} told_t;


static void
add(told_t *t, const void *p, size_t len)
{
    t->crc = genai_crc32(t->crc, p, len);
}


static void
add_frame(told_t *t, const genai_es_frame_t *f)
{
    if (f->type.len > GENAI_ES_VALUE || f->message.len > GENAI_ES_VALUE
        || f->content_type.len > GENAI_ES_VALUE
        || f->kind < GENAI_ES_EVENT || f->kind > GENAI_ES_OTHER)
    {
        abort();
    }

    add(t, &f->kind, 1);
    add(t, &f->payload_len, sizeof(f->payload_len));
    add(t, f->type.data, f->type.len);
    add(t, "|", 1);
    add(t, f->message.data, f->message.len);
    add(t, "|", 1);
    add(t, f->content_type.data, f->content_type.len);
}


static int
on_frame(void *data, const genai_es_frame_t *f)
{
    told_t    *t = data;
    int        wanted = f->type.len != 3;
    uint32_t   said;

    said = genai_crc32(f->kind, f->type.data, f->type.len);
    said = genai_crc32(said, f->message.data, f->message.len);
    said = genai_crc32(said, f->content_type.data, f->content_type.len);

    if (f->same && said != t->said) {
        abort();
    }

    t->said = said;
    t->frames++;
    t->announced += wanted ? f->payload_len : 0;
    add_frame(t, f);
    add(t, &f->same, 1);

    return wanted;
}


static void
on_payload(void *data, const char *buf, size_t len)
{
    told_t  *t = data;

    if (len == 0) {
        abort();
    }

    t->payload += len;
    add(t, buf, len);
}


static void
on_end(void *data, const genai_es_frame_t *f, int right)
{
    told_t  *t = data;

    t->ended++;
    add_frame(t, f);
    add(t, right ? "y" : "n", 1);

    if (t->payload != t->announced) {
        abort();
    }
}


/* tells what the others would */

static int
on_whole(void *data, const genai_es_frame_t *f, const char *buf)
{
    if (!f->same) {
        abort();
    }

    if (on_frame(data, f) && f->payload_len) {
        on_payload(data, buf, f->payload_len);
    }

    on_end(data, f, 1);

    return 1;
}


static const genai_es_handler_t  handler = { on_frame, on_payload, on_end,
                                             on_whole };


/* pieces of 1 to step bytes, by a small generator; step 0: whole */

static int
run(told_t *t, const uint8_t *p, size_t len, uint32_t step)
{
    char                *copy;
    size_t               i, n;
    uint32_t             x = step;
    genai_eventstream_t  es;

    memset(t, 0, sizeof(told_t));
    genai_eventstream_init(&es, &handler, t);

    for (i = 0; i < len; i += n) {
        n = len - i;

        if (step) {
            x = x * 1664525 + 1013904223;
            n = 1 + (x >> 16) % step;
            n = n > len - i ? len - i : n;
        }

        copy = malloc(n);
        memcpy(copy, p + i, n);

        if ((genai_eventstream_feed(&es, copy, n) == GENAI_ERROR)
            != (es.error != 0))
        {
            abort();
        }

        free(copy);
    }

    if ((genai_eventstream_finish(&es) == GENAI_DONE) != (es.error == 0)) {
        abort();
    }

    if (t->ended > t->frames || t->frames > t->ended + 1) {
        abort();
    }

    return es.error;
}


static void
check(const uint8_t *p, size_t len)
{
    int       error;
    size_t    i;
    told_t    whole, cut;

    static const uint32_t  steps[] = { 1, 3, 40, 200 };

    error = run(&whole, p, len, 0);

    for (i = 0; i < genai_nelts(steps); i++) {
        if (run(&cut, p, len, steps[i]) != error
            || memcmp(&cut, &whole, sizeof(told_t)) != 0)
        {
            abort();
        }
    }
}


static uint32_t
be32(const uint8_t *p)
{
    return (uint32_t) p[0] << 24 | (uint32_t) p[1] << 16
           | (uint32_t) p[2] << 8 | p[3];
}


static void
put32(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t) (v >> 24);
    p[1] = (uint8_t) (v >> 16);
    p[2] = (uint8_t) (v >> 8);
    p[3] = (uint8_t) v;
}


static void
put_right(uint8_t *p, size_t len)
{
    uint32_t  total;

    while (len >= 12) {
        total = be32(p);

        if (total > len && total > MAX_INPUT) {
            total = 16 + total % (uint32_t) len;
            put32(p, total);
        }

        put32(p + 8, genai_crc32(0, p, 8));

        if (total < 16 || total > len) {
            return;
        }

        put32(p + total - 4, genai_crc32(0, p, total - 4));
        p += total;
        len -= total;
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t  *copy;

    if (size == 0 || size > MAX_INPUT) {
        return 0;
    }

    check(data, size);

    copy = malloc(size);
    memcpy(copy, data, size);
    put_right(copy, size);
    check(copy, size);
    free(copy);

    return 0;
}
