/*
 * Builds event-stream frames for tests: es_begin, es_header for each header,
 * es_payload, es_end.  Its CRC is worked out bit by bit, so that it owes
 * nothing to the code under test.
 */

#ifndef ES_ENCODE_H
#define ES_ENCODE_H

#include <stdint.h>
#include <stddef.h>
#include <string.h>


typedef struct {
    uint8_t  *buf;                /* the caller's, of size bytes */
    size_t    size;
    size_t    len;                /* all that was written, many frames */
    size_t    start;              /* of the frame being built */
    int       full;               /* it did not fit */
} es_enc_t;


__attribute__((unused))
static uint32_t
es_enc_crc(const uint8_t *p, size_t len)
{
    int       i;
    uint32_t  crc = 0xffffffff;

    while (len--) {
        crc ^= *p++;

        for (i = 0; i < 8; i++) {
            crc = (crc >> 1) ^ (0xedb88320 & -(crc & 1));
        }
    }

    return ~crc;
}


static void
es_enc_bytes(es_enc_t *e, const void *p, size_t len)
{
    if (e->full || len > e->size - e->len) {
        e->full = 1;
        return;
    }

    memcpy(e->buf + e->len, p, len);
    e->len += len;
}


static void
es_enc_be(es_enc_t *e, uint64_t v, int n)
{
    uint8_t  b;

    while (n--) {
        b = (uint8_t) (v >> (8 * n));
        es_enc_bytes(e, &b, 1);
    }
}


static void
es_enc_put32(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t) (v >> 24);
    p[1] = (uint8_t) (v >> 16);
    p[2] = (uint8_t) (v >> 8);
    p[3] = (uint8_t) v;
}


__attribute__((unused))
static void
es_enc_init(es_enc_t *e, void *buf, size_t size)
{
    memset(e, 0, sizeof(*e));
    e->buf = buf;
    e->size = size;
}


__attribute__((unused))
static void
es_begin(es_enc_t *e)
{
    e->start = e->len;
    es_enc_bytes(e, "\0\0\0\0\0\0\0\0\0\0\0\0", 12);
}


/* any type of header; value is as it stands on the wire, after the length */

__attribute__((unused))
static void
es_header_raw(es_enc_t *e, const char *name, uint8_t type, const void *value,
    size_t len)
{
    es_enc_be(e, strlen(name), 1);
    es_enc_bytes(e, name, strlen(name));
    es_enc_be(e, type, 1);

    if (type == 6 || type == 7) {
        es_enc_be(e, len, 2);
    }

    es_enc_bytes(e, value, len);
}


__attribute__((unused))
static void
es_header(es_enc_t *e, const char *name, const char *value)
{
    es_header_raw(e, name, 7, value, strlen(value));
}


/* headers are over: H is known */

__attribute__((unused))
static void
es_payload(es_enc_t *e, const void *p, size_t len)
{
    if (!e->full) {
        es_enc_put32(e->buf + e->start + 4,
                     (uint32_t) (e->len - e->start - 12));
    }

    es_enc_bytes(e, p, len);
}


/* lengths and both CRCs */

__attribute__((unused))
static void
es_end(es_enc_t *e)
{
    uint8_t  *p = e->buf + e->start;

    if (e->full) {
        return;
    }

    es_enc_put32(p, (uint32_t) (e->len - e->start + 4));
    es_enc_put32(p + 8, es_enc_crc(p, 8));
    es_enc_be(e, es_enc_crc(p, e->len - e->start), 4);
}


/* a frame as Bedrock sends it: kind "event" or "exception" */

__attribute__((unused))
static void
es_frame(es_enc_t *e, const char *kind, const char *type, const char *payload)
{
    es_begin(e);
    es_header(e, strcmp(kind, "event") == 0 ? ":event-type"
                                            : ":exception-type", type);
    es_header(e, ":content-type", "application/json");
    es_header(e, ":message-type", kind);
    es_payload(e, payload, strlen(payload));
    es_end(e);
}


#endif /* ES_ENCODE_H */
