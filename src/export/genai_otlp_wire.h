/*
 * The little of protobuf's wire format that joins packed messages, shared by
 * the encoders of spans and metrics.
 */

#ifndef GENAI_OTLP_WIRE_H
#define GENAI_OTLP_WIRE_H

#include "genai_otlp.h"
#include "genai_span.h"
#include "otlp.pb-c.h"


/* attributes of one message, a field for each; a genai_span_visit_pt */

typedef struct {
    genai_otlp_buf_t  *buf;
    unsigned           field;
} genai_otlp_attrs_t;

int genai_otlp_attr(void *data, const genai_span_attr_t *a);

/* appends an item: m, and what of it is packed already, since fields may come
 * in any order.  GENAI_AGAIN: items would pass GENAI_OTLP_LIMIT */
int genai_otlp_item(genai_otlp_buf_t *items, const ProtobufCMessage *m,
    const genai_otlp_buf_t *rest);


/* bytes of a tag (field number below 16) and a varint after it */

static inline size_t
genai_otlp_tag_size(uint64_t n)
{
    size_t  size = 2;

    while (n >= 0x80) {
        n >>= 7;
        size++;
    }

    return size;
}


static inline uint8_t *
genai_otlp_varint(uint8_t *p, uint64_t n)
{
    while (n >= 0x80) {
        *p++ = (uint8_t) (n | 0x80);
        n >>= 7;
    }

    *p++ = (uint8_t) n;

    return p;
}


/* tag of a length-delimited field and the length */

static inline uint8_t *
genai_otlp_tag(uint8_t *p, unsigned field, size_t len)
{
    *p++ = (uint8_t) (field << 3 | 2);

    return genai_otlp_varint(p, len);
}


/* little-endian on the wire, whatever the machine */

static inline uint8_t *
genai_otlp_fixed64(uint8_t *p, double d)
{
    int       i;
    uint64_t  n;

    memcpy(&n, &d, 8);

    for (i = 0; i < 64; i += 8) {
        *p++ = (uint8_t) (n >> i);
    }

    return p;
}


static inline ProtobufCBinaryData
genai_otlp_bin(genai_str_t s)
{
    ProtobufCBinaryData  b;

    b.data = (uint8_t *) s.data;
    b.len = s.len;

    return b;
}


static inline void
genai_otlp_pair(Otlp__KeyValue *kv, Otlp__AnyValue *v, genai_str_t key,
    genai_str_t value)
{
    otlp__key_value__init(kv);
    otlp__any_value__init(v);

    v->value_case = OTLP__ANY_VALUE__VALUE_STRING_VALUE;
    v->string_value = genai_otlp_bin(value);
    kv->key = genai_otlp_bin(key);
    kv->value = v;
}


/* appends a message as a field */

static inline int
genai_otlp_message(genai_otlp_buf_t *b, unsigned field,
    const ProtobufCMessage *m)
{
    size_t    len, n;
    uint8_t  *p;

    len = protobuf_c_message_get_packed_size(m);
    n = genai_otlp_tag_size(len) + len;
    p = genai_otlp_room(b, n);

    if (p == NULL) {
        return GENAI_ERROR;
    }

    (void) protobuf_c_message_pack(m, genai_otlp_tag(p, field, len));
    b->len += n;

    return GENAI_OK;
}


#endif /* GENAI_OTLP_WIRE_H */
