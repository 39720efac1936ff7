/*
 * What strangers decide of OTLP: the answer of a receiver, and the strings of
 * a call.  Whatever these hold, the span decodes and its text is UTF-8.
 */

#include <stdlib.h>

#include "otlp.pb-c.h"

#include "genai_otlp.h"
#include "genai_span.h"


static void
check(int good)
{
    if (!good) {
        abort();
    }
}


static genai_str_t
take(const uint8_t **p, size_t *left)
{
    size_t       n;
    genai_str_t  s;

    n = *left ? *(*p)++ : 0;
    *left -= *left ? 1 : 0;
    n = (n < *left) ? n : *left;

    s = genai_str((const char *) *p, n);
    *p += n;
    *left -= n;

    return s;
}


static void
valid(ProtobufCBinaryData b)
{
    char         buf[16];
    genai_str_t  s, in;

    in = genai_str((char *) b.data, b.len);
    s = genai_span_utf8(in, buf, sizeof(buf));
    check(s.data == in.data && s.len == in.len);
}


static void
span(const uint8_t *p, size_t left)
{
    size_t             i, k;
    Otlp__Span        *m;
    genai_attr_t       attrs[3];
    genai_call_t       c;
    Otlp__AnyValue    *v;
    genai_otlp_buf_t   items = { NULL, 0, 0 }, scratch = { NULL, 0, 0 };
    genai_str_t       *strings[] = {
        &c.model, &c.provider, &c.method, &c.path, &c.span_name, &c.location,
        &c.server_address, &c.upstream, &c.user, &c.session, &c.tracestate,
        &c.stop_reason, &c.error_type, &c.error_message, &c.stop_sequences,
        &c.tools[0], &c.tools[1], &c.docs[0], &c.scores[0].name
    };

    genai_call_init(&c, NULL, 0);

    if (left < 8) {
        return;
    }

    c.api = p[0] % GENAI_API_N;
    c.operation = p[1] % GENAI_OP_N;
    c.kind = p[2] % 4;
    c.finish = p[3] % GENAI_FINISH_N;
    c.error = p[4] & 1;
    c.priced = p[4] >> 1 & 1;
    c.streamed = p[4] >> 2 & 1;
    c.skip = p[5] % GENAI_SKIP_N;
    c.status = p[6] * 3;
    c.disagreement = p[7] & 7;
    memcpy(&c.cost_pico, p, 8);
    c.ntools = 2;
    c.ndocs = 1;
    c.nscores = 1;
    p += 8;
    left -= 8;

    for (i = 0; i < genai_nelts(strings); i++) {
        *strings[i] = take(&p, &left);
    }

    for (i = 0; i < genai_nelts(attrs); i++) {
        attrs[i].key = take(&p, &left);
        attrs[i].value = take(&p, &left);
        attrs[i].type = (uint8_t) "sidb"[left % 4];
        attrs[i].label = 0;
    }

    c.attrs = attrs;
    c.nattrs = genai_nelts(attrs);

    check(genai_otlp_span(&items, &scratch, &c) == GENAI_OK);

    /* tag and length of up to three bytes stand in front */

    for (i = 1; items.data[i] & 0x80; i++) { /* void */ }

    m = otlp__span__unpack(NULL, items.len - i - 1, items.data + i + 1);
    check(m != NULL && m->name.len != 0);
    valid(m->name);
    valid(m->trace_state);

    for (i = 0; i < m->n_attributes; i++) {
        valid(m->attributes[i]->key);
        v = m->attributes[i]->value;

        for (k = 0; k < i; k++) {
            check(m->attributes[k]->key.len != m->attributes[i]->key.len
                  || memcmp(m->attributes[k]->key.data,
                            m->attributes[i]->key.data,
                            m->attributes[k]->key.len) != 0);
        }

        if (v->value_case == OTLP__ANY_VALUE__VALUE_STRING_VALUE) {
            valid(v->string_value);
        }

        for (k = 0; v->value_case == OTLP__ANY_VALUE__VALUE_ARRAY_VALUE
                    && k < v->array_value->n_values; k++)
        {
            valid(v->array_value->values[k]->string_value);
        }
    }

    otlp__span__free_unpacked(m, NULL);
    genai_otlp_free(&items);
    genai_otlp_free(&scratch);
}


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t               i;
    genai_send_result_t  res;

    if (size < 2) {
        return 0;
    }

    if (data[0] & 1) {
        span(data + 1, size - 1);
        return 0;
    }

    memset(&res, 0, sizeof(res));
    genai_otlp_answer((data[0] & 2) ? 200 : 400, data + 2, size - 2,
                      data[1] & 1, &res);

    for (i = 0; res.why[i]; i++) {
        check(res.why[i] >= 0x20 && res.why[i] < 0x7f);
    }

    return 0;
}
