/*
 * AWS event-stream frames, resumable.
 */

#include "genai_crc32.h"
#include "genai_eventstream.h"


typedef enum {
    ES_PRELUDE = 0,
    ES_HEADERS,                   /* as a whole; the next six one by one, */
    ES_NAME_LEN,                  /* when they are too many to keep */
    ES_NAME,
    ES_TYPE,
    ES_LEN_HIGH,
    ES_LEN_LOW,
    ES_VALUE,
    ES_PAYLOAD,
    ES_TRAILER,
    ES_FAILED
} es_state_e;


/* where a header's value is kept: the first three are es->u.value[] */

enum {
    ES_SLOT_TYPE = 0, ES_SLOT_MESSAGE, ES_SLOT_CONTENT_TYPE, ES_SLOT_KIND,
    ES_SLOT_NONE
};


#define ES_STRING   7
#define ES_BY_LEN   0xff    /* the value has a length of its own */


static const uint8_t  es_size[] = {
    0, 0, 1, 2, 4, 8, ES_BY_LEN, ES_BY_LEN, 8, 16
};


void
genai_eventstream_init(genai_eventstream_t *es,
    const genai_es_handler_t *handler, void *data)
{
    memset(es, 0, sizeof(genai_eventstream_t));

    es->handler = handler;
    es->data = data;
}


static uint32_t
es_be32(const uint8_t *p)
{
    return (uint32_t) p[0] << 24 | (uint32_t) p[1] << 16
           | (uint32_t) p[2] << 8 | p[3];
}


static int
es_fail(genai_eventstream_t *es, genai_es_error_e error)
{
    es->error = error;
    es->state = ES_FAILED;

    return GENAI_ERROR;
}


/* collects bytes until there are n; returns how many were taken */

static size_t
es_collect(genai_eventstream_t *es, void *to, size_t n, const uint8_t *p,
    size_t len)
{
    n -= es->got;

    if (n > len) {
        n = len;
    }

    memcpy((uint8_t *) to + es->got, p, n);
    es->got += n;

    return n;
}


static void
es_frame_clear(genai_eventstream_t *es)
{
    memset(&es->frame, 0, sizeof(genai_es_frame_t));
    es->frame.kind = GENAI_ES_OTHER;
}


static int
es_prelude(genai_eventstream_t *es)
{
    uint32_t  total, headers;

    es->got = 0;
    es->crc = genai_crc32(0, es->prelude, 8);

    if (es->crc != es_be32(es->prelude + 8)) {
        return es_fail(es, GENAI_ES_ERR_PRELUDE_CRC);
    }

    total = es_be32(es->prelude);
    headers = es_be32(es->prelude + 4);

    if (total < 16 || total > GENAI_ES_MAX_FRAME
        || headers > total - 16 || headers > GENAI_ES_MAX_HEADERS)
    {
        return es_fail(es, GENAI_ES_ERR_LENGTH);
    }

    es->headers_left = headers;
    es->payload_left = total - headers - 16;

    if (headers <= GENAI_ES_KEPT) {
        es->frame.same = (headers != 0 && headers == es->kept);
        es->kept = (uint8_t) headers;
        es->state = ES_HEADERS;

    } else {
        es_frame_clear(es);
        es->kept = 0;
        es->state = ES_NAME_LEN;
    }

    return GENAI_OK;
}


/* comparisons of a fixed length are a few words each */

#define es_is(name, z)  (memcmp(name, z, sizeof(z) - 1) == 0)


static uint8_t
es_slot(const char *name, size_t len)
{
    switch (len) {

    case sizeof(":event-type") - 1:
        return es_is(name, ":event-type") || es_is(name, ":error-code")
               ? ES_SLOT_TYPE : ES_SLOT_NONE;

    case sizeof(":message-type") - 1:
        return es_is(name, ":message-type") ? ES_SLOT_KIND
               : es_is(name, ":content-type") ? ES_SLOT_CONTENT_TYPE
               : ES_SLOT_NONE;

    case sizeof(":error-message") - 1:
        return es_is(name, ":error-message") ? ES_SLOT_MESSAGE
                                             : ES_SLOT_NONE;

    case sizeof(":exception-type") - 1:
        return es_is(name, ":exception-type") ? ES_SLOT_TYPE : ES_SLOT_NONE;

    default:
        return ES_SLOT_NONE;
    }
}


static uint8_t
es_kind(const char *data, size_t len)
{
    switch (len) {

    case sizeof("event") - 1:
        return es_is(data, "event") ? GENAI_ES_EVENT
               : es_is(data, "error") ? GENAI_ES_FAULT : GENAI_ES_OTHER;

    case sizeof("exception") - 1:
        return es_is(data, "exception") ? GENAI_ES_EXCEPTION
                                        : GENAI_ES_OTHER;

    default:
        return GENAI_ES_OTHER;
    }
}


static void
es_value_set(genai_es_frame_t *f, unsigned slot, const char *p, size_t len)
{
    genai_str_t  s;

    s = genai_str(p, len < GENAI_ES_VALUE ? len : GENAI_ES_VALUE);

    switch (slot) {

    case ES_SLOT_KIND:
        f->kind = es_kind(p, len);
        break;

    case ES_SLOT_TYPE:
        f->type = s;
        break;

    case ES_SLOT_MESSAGE:
        f->message = s;
        break;

    case ES_SLOT_CONTENT_TYPE:
        f->content_type = s;
        break;
    }
}


/* all of the headers, kept in one piece */

static int
es_headers_read(genai_eventstream_t *es)
{
    size_t          n, value;
    uint8_t         type;
    const uint8_t  *p, *name, *end;

    es_frame_clear(es);

    p = es->u.headers;
    end = p + es->kept;

    while (p < end) {

        n = *p++;
        name = p;

        if (n == 0 || n >= (size_t) (end - p)) {
            return es_fail(es, GENAI_ES_ERR_HEADER);
        }

        type = name[n];
        p += n + 1;

        if (type >= genai_nelts(es_size)) {
            return es_fail(es, GENAI_ES_ERR_HEADER);
        }

        value = es_size[type];

        if (value == ES_BY_LEN) {

            if (end - p < 2) {
                return es_fail(es, GENAI_ES_ERR_HEADER);
            }

            value = (size_t) p[0] << 8 | p[1];
            p += 2;
        }

        if (value > (size_t) (end - p)) {
            return es_fail(es, GENAI_ES_ERR_HEADER);
        }

        if (type == ES_STRING) {
            es_value_set(&es->frame, es_slot((const char *) name, n),
                         (const char *) p, value);
        }

        p += value;
    }

    return GENAI_OK;
}


/*
 * Keeps what came of the headers.  As long as they are what was kept of the
 * frame before there is nothing to copy, and in the end nothing to read.
 */

static size_t
es_headers_keep(genai_eventstream_t *es, const uint8_t *p, size_t len)
{
    uint8_t  *to;

    if (len > es->headers_left) {
        len = es->headers_left;
    }

    to = es->u.headers + es->kept - es->headers_left;

    if (!es->frame.same || memcmp(to, p, len) != 0) {
        es->frame.same = 0;
        memcpy(to, p, len);
    }

    es->headers_left -= (uint32_t) len;

    return len;
}


static void
es_value_end(genai_eventstream_t *es)
{
    es_value_set(&es->frame, es->slot,
                 es->slot < ES_SLOT_KIND ? es->u.value[es->slot] : es->kind,
                 es->value_len);

    es->state = ES_NAME_LEN;
}


/* a value of n bytes follows, if that many are left of the headers */

static int
es_value_begin(genai_eventstream_t *es, uint16_t n)
{
    if (n > es->headers_left) {
        return es_fail(es, GENAI_ES_ERR_HEADER);
    }

    es->slot = ES_SLOT_NONE;
    es->value_len = 0;
    es->value_left = n;
    es->state = ES_VALUE;

    if (es->type == ES_STRING && es->name_len <= sizeof(es->name)) {
        es->slot = es_slot(es->name, es->name_len);
    }

    if (n == 0) {
        es_value_end(es);
    }

    return GENAI_OK;
}


static void
es_value_keep(genai_eventstream_t *es, const uint8_t *p, size_t len)
{
    char    *to;
    size_t   room;

    if (es->slot == ES_SLOT_NONE) {
        return;
    }

    if (es->slot == ES_SLOT_KIND) {
        to = es->kind;
        room = sizeof(es->kind);

    } else {
        to = es->u.value[es->slot];
        room = GENAI_ES_VALUE;
    }

    room -= es->value_len;

    if (len > room) {
        len = room;
    }

    memcpy(to + es->value_len, p, len);
    es->value_len += len;
}


/* one byte that is not part of a name or a value */

static int
es_header_byte(genai_eventstream_t *es, uint8_t ch)
{
    es->headers_left--;

    switch (es->state) {

    case ES_NAME_LEN:

        if (ch == 0 || ch >= es->headers_left) {
            break;
        }

        es->name_len = ch;
        es->got = 0;
        es->state = ES_NAME;

        return GENAI_OK;

    case ES_TYPE:

        if (ch >= genai_nelts(es_size)) {
            break;
        }

        es->type = ch;

        if (es_size[ch] != ES_BY_LEN) {
            return es_value_begin(es, es_size[ch]);
        }

        es->state = ES_LEN_HIGH;

        return GENAI_OK;

    case ES_LEN_HIGH:
        es->value_left = (uint16_t) (ch << 8);
        es->state = ES_LEN_LOW;

        return GENAI_OK;

    default: /* ES_LEN_LOW */
        return es_value_begin(es, es->value_left | ch);
    }

    return es_fail(es, GENAI_ES_ERR_HEADER);
}


/* reads within the headers; returns how many bytes, 0 after an error */

static size_t
es_headers(genai_eventstream_t *es, const uint8_t *p, size_t len)
{
    size_t          n, room;
    const uint8_t  *start, *end;

    if (es->state == ES_HEADERS) {
        return es_headers_keep(es, p, len);
    }

    if (len > es->headers_left) {
        len = es->headers_left;
    }

    start = p;
    end = p + len;

    while (p < end) {

        n = end - p;

        if (es->state == ES_NAME) {

            if (n > (size_t) es->name_len - es->got) {
                n = es->name_len - es->got;
            }

            room = es->got < sizeof(es->name) ? sizeof(es->name) - es->got : 0;
            memcpy(es->name + (room ? es->got : 0), p, n < room ? n : room);

            es->got += n;
            es->headers_left -= n;
            p += n;

            if (es->got == es->name_len) {
                es->state = ES_TYPE;
            }

        } else if (es->state == ES_VALUE) {

            if (n > es->value_left) {
                n = es->value_left;
            }

            es_value_keep(es, p, n);

            es->value_left -= n;
            es->headers_left -= n;
            p += n;

            if (es->value_left == 0) {
                es_value_end(es);
            }

        } else if (es_header_byte(es, *p++) != GENAI_OK) {
            return 0;
        }
    }

    return p - start;
}


static int
es_headers_end(genai_eventstream_t *es)
{
    if (es->state == ES_HEADERS) {

        if (!es->frame.same && es_headers_read(es) != GENAI_OK) {
            return GENAI_ERROR;
        }

    } else if (es->state != ES_NAME_LEN) {
        return es_fail(es, GENAI_ES_ERR_HEADER);
    }

    es->frame.payload_len = es->payload_left;

    es->got = 0;
    es->state = es->payload_left ? ES_PAYLOAD : ES_TRAILER;
    es->wanted = es->handler->on_frame(es->data, &es->frame) != 0;

    return GENAI_OK;
}


static size_t
es_payload(genai_eventstream_t *es, const uint8_t *p, size_t len)
{
    if (len > es->payload_left) {
        len = es->payload_left;
    }

    es->payload_left -= len;

    if (es->payload_left == 0) {
        es->state = ES_TRAILER;
    }

    if (es->wanted) {
        es->handler->on_payload(es->data, (const char *) p, len);
    }

    return len;
}


static int
es_trailer(genai_eventstream_t *es)
{
    int  right;

    es->got = 0;
    es->state = ES_PRELUDE;

    right = es->crc == es_be32(es->prelude);

    es->handler->on_end(es->data, &es->frame, right);

    return right ? GENAI_OK : es_fail(es, GENAI_ES_ERR_MESSAGE_CRC);
}


/*
 * A frame that lies before us in one piece, its prelude right.  Returns 0
 * when it is left to the others, who know what is wrong with it, or has
 * failed.
 */

static __attribute__((noinline)) int
es_frame(genai_eventstream_t *es, const uint8_t *p, int right)
{
    uint32_t                   headers, payload;
    const genai_es_handler_t  *h;

    headers = es_be32(p + 4);
    payload = es->frame.payload_len;
    p += 12;

    if (!es->frame.same) {
        memcpy(es->u.headers, p, headers);
        es->kept = (uint8_t) headers;

        if (es_headers_read(es) != GENAI_OK) {
            return 0;
        }

        es->frame.payload_len = payload;
    }

    h = es->handler;

    if (h->on_frame(es->data, &es->frame) && payload) {
        h->on_payload(es->data, (const char *) p + headers, payload);
    }

    h->on_end(es->data, &es->frame, right);

    if (!right) {
        es_fail(es, GENAI_ES_ERR_MESSAGE_CRC);
    }

    return right;
}


/*
 * Returns where the first frame begins that was not read.  What few frames
 * need is in functions of their own, so that the loop has the registers for
 * itself: that is a tenth of what a stream costs.
 */

static inline const uint8_t *
es_frames(genai_eventstream_t *es, const uint8_t *p, const uint8_t *end)
{
    int                 right;
    size_t              total;
    uint32_t            headers;
    genai_crc32_head_t  crc;

    for ( /* void */ ; end - p >= 16; p += total) {

        total = es_be32(p);
        headers = es_be32(p + 4);

        if (total < 16 || total > (size_t) (end - p)
            || total > GENAI_ES_MAX_FRAME
            || headers > total - 16 || headers > GENAI_ES_KEPT)
        {
            break;
        }

        crc = genai_crc32_head(p, total - 4);

        if (crc.head != es_be32(p + 8)) {
            break;
        }

        es->frame.payload_len = (uint32_t) (total - headers - 16);
        es->frame.same = es->kept != 0 && es->kept == headers
                         && memcmp(es->u.headers, p + 12, headers) == 0;

        right = crc.all == es_be32(p + total - 4);

        if (right && es->frame.same && es->handler->on_whole
            && es->handler->on_whole(es->data, &es->frame,
                                     (const char *) p + 12 + headers))
        {
            continue;
        }

        if (!es_frame(es, p, right)) {
            break;
        }
    }

    return p;
}


/*
 * A frame in pieces, to its end: what comes after it, end, or NULL when it has
 * failed.  What lies between the prelude's lengths and the trailer is
 * checksummed in one stroke for each buffer: from summed to where the trailer
 * begins.
 */

static __attribute__((noinline)) const uint8_t *
es_pieces(genai_eventstream_t *es, const uint8_t *p, const uint8_t *end)
{
    const uint8_t  *start, *summed;

    start = p;
    summed = p;

    while (p < end) {

        if (es->state == ES_PRELUDE) {
            p += es_collect(es, es->prelude, 12, p, end - p);
            summed = p;

            if (es->got < 12) {
                break;
            }

            if (es_prelude(es) != GENAI_OK) {
                return NULL;
            }

            if (p - start >= 4) {
                summed = p - 4;

            } else {
                es->crc = genai_crc32(es->crc, es->prelude + 8, 4);
            }

        } else if (es->state == ES_TRAILER) {

            es->crc = genai_crc32(es->crc, summed, p - summed);

            p += es_collect(es, es->prelude, 4, p, end - p);
            summed = p;

            if (es->got < 4) {
                break;
            }

            return es_trailer(es) == GENAI_OK ? p : NULL;

        } else if (es->state == ES_PAYLOAD) {
            p += es_payload(es, p, end - p);
            continue;

        } else {
            p += es_headers(es, p, end - p);

            if (es->state == ES_FAILED) {
                return NULL;
            }
        }

        if (es->headers_left == 0 && es_headers_end(es) != GENAI_OK) {
            return NULL;
        }
    }

    if (summed < end) {
        es->crc = genai_crc32(es->crc, summed, end - summed);
    }

    return end;
}


/* from chunked answers a buffer is often one whole frame */

int
genai_eventstream_feed(genai_eventstream_t *es, const char *buf, size_t len)
{
    const uint8_t  *p, *end;

    p = (const uint8_t *) buf;
    end = p + len;

    for ( ;; ) {

        if (es->state == ES_PRELUDE && es->got == 0) {
            p = es_frames(es, p, end);

            if (p == end) {
                return GENAI_AGAIN;
            }
        }

        if (es->state == ES_FAILED) {
            return GENAI_ERROR;
        }

        p = es_pieces(es, p, end);

        if (p == NULL) {
            return GENAI_ERROR;
        }

        if (p == end) {
            return GENAI_AGAIN;
        }
    }
}


int
genai_eventstream_finish(genai_eventstream_t *es)
{
    if (es->state == ES_PRELUDE && es->got == 0) {
        return GENAI_DONE;
    }

    if (es->state != ES_FAILED) {
        return es_fail(es, GENAI_ES_ERR_TRUNCATED);
    }

    return GENAI_ERROR;
}


static char *
genai_es_put32(char *p, uint32_t v)
{
    *p++ = (char) (v >> 24);
    *p++ = (char) (v >> 16);
    *p++ = (char) (v >> 8);
    *p++ = (char) v;

    return p;
}


size_t
genai_eventstream_encode(const genai_es_header_t *h, size_t n,
    genai_str_t payload, char *buf, size_t size)
{
    char    *p;
    size_t   i, len, total;

    for (i = 0, len = 0; i < n; i++) {
        len += 1 + h[i].name.len + 1 + 2 + h[i].value.len;
    }

    total = 12 + len + payload.len + 4;

    if (total > size || total > GENAI_ES_MAX_FRAME) {
        return 0;
    }

    p = genai_es_put32(buf, (uint32_t) total);
    p = genai_es_put32(p, (uint32_t) len);
    p = genai_es_put32(p, genai_crc32(0, buf, 8));

    for (i = 0; i < n; i++) {
        *p++ = (char) h[i].name.len;
        memcpy(p, h[i].name.data, h[i].name.len);
        p += h[i].name.len;

        *p++ = 7;
        *p++ = (char) (h[i].value.len >> 8);
        *p++ = (char) h[i].value.len;
        memcpy(p, h[i].value.data, h[i].value.len);
        p += h[i].value.len;
    }

    if (payload.len) {
        memcpy(p, payload.data, payload.len);
        p += payload.len;
    }

    (void) genai_es_put32(p, genai_crc32(0, buf, (size_t) (p - buf)));

    return total;
}
