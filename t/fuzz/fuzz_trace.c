/*
 * Trace headers: whatever comes in, what we write can be read again and says
 * the same, and nothing that could break a header is passed on.  The first
 * byte chooses the header, LF separates several values.
 */

#include <stdlib.h>

#include "genai_trace.h"


#define VALUES  8


static void
must(int good)
{
    if (!good) {
        abort();
    }
}


static void
same_ids(const genai_trace_ctx_t *a, const genai_trace_ctx_t *b)
{
    must(memcmp(a->trace_id, b->trace_id, 16) == 0);
    must(memcmp(a->span_id, b->span_id, 8) == 0);
    must(a->sampled == b->sampled && a->parent == b->parent);
}


static void
round_trips(genai_trace_ctx_t *t, genai_str_t original)
{
    char              *buf;
    size_t             i, n, size;
    genai_trace_ctx_t  back;

    static const uint8_t  zero[16];

    must(memcmp(t->trace_id, zero, 16) != 0);
    must(t->parent == (memcmp(t->span_id, zero, 8) != 0));
    must((t->flags & ~3) == 0);
    must((t->flags & 1) == (t->sampled == GENAI_SAMPLED_YES));

    size = GENAI_XRAY_LEN + 1 + original.len;
    buf = malloc(size);

    for (i = 0; i <= original.len + 1; i += 1 + original.len / 3) {
        n = genai_xray_format(t, original, buf, GENAI_XRAY_LEN + i);
        must(n <= GENAI_XRAY_LEN + i);
        must(genai_xray_parse(&back, genai_str(buf, n)) == GENAI_OK);
        same_ids(t, &back);
    }

    free(buf);

    if (!t->parent) {
        return;
    }

    buf = malloc(GENAI_B3_LEN);
    n = genai_b3_format(t, buf);
    must(n <= GENAI_B3_LEN);
    must(genai_b3_parse(&back, genai_str(buf, n)) == GENAI_OK);
    same_ids(t, &back);
    must(t->debug == back.debug);
    free(buf);

    if (t->sampled == GENAI_SAMPLED_UNKNOWN) {
        t->sampled = GENAI_SAMPLED_NO;
    }

    buf = malloc(GENAI_TRACEPARENT_LEN);
    n = genai_traceparent_format(t, buf);
    must(n == GENAI_TRACEPARENT_LEN);
    must(genai_traceparent_parse(&back, genai_str(buf, n)) == GENAI_OK);
    same_ids(t, &back);
    must(t->flags == back.flags);
    free(buf);
}


static void
state(const genai_str_t *v, size_t n)
{
    char         *buf, *again;
    size_t        i, size, len, len2;
    genai_str_t   one;

    for (size = 512; size <= 32768; size *= 8) {
        buf = malloc(size);
        again = malloc(size);

        if (genai_tracestate_combine(v, n, buf, size, &len) == GENAI_OK) {
            must(len <= size);

            for (i = 0; i < len; i++) {
                must(buf[i] >= 0x20 && buf[i] <= 0x7e);
            }

            one = genai_str(buf, len);
            must(genai_tracestate_combine(&one, 1, again, size, &len2)
                 == GENAI_OK);
            must(len2 == len && memcmp(buf, again, len) == 0);

        } else {
            must(len == 0);
        }

        free(buf);
        free(again);
    }
}


static void
baggage(const genai_str_t *v, size_t n)
{
    size_t  i, k;

    if (genai_baggage_check(v, n) != GENAI_OK) {
        return;
    }

    for (i = 0; i < n; i++) {
        must(v[i].len <= GENAI_BAGGAGE_LEN);

        for (k = 0; k < v[i].len; k++) {
            must(v[i].data[k] == '\t' || (v[i].data[k] >= 0x20
                                          && v[i].data[k] <= 0x7e));
        }
    }
}


static void
multi(const genai_str_t *v, size_t n)
{
    genai_trace_ctx_t      t;
    genai_trace_headers_t  h;

    static const uint8_t  formats[] = { 3, 2, 1, 0, 7 };

    memset(&h, 0, sizeof(h));
    h.traceparents = n > 1;
    h.b3_trace_id = v[0];
    h.b3_span_id = n > 1 ? v[1] : h.b3;
    h.b3_sampled = n > 2 ? v[2] : h.b3;
    h.b3_flags = n > 3 ? v[3] : h.b3;
    h.b3 = n > 4 ? v[4] : h.b3;
    h.xray = n > 5 ? v[5] : h.xray;
    h.traceparent = n > 6 ? v[6] : h.traceparent;

    if (genai_trace_extract(&t, formats, 5, &h) == GENAI_OK) {
        round_trips(&t, h.xray);

    } else {
        must(!t.present && !t.parent && t.flags == 0);
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char               *copy, *p, *lf;
    size_t              n, left;
    genai_str_t         v[VALUES], none = { NULL, 0 };
    genai_trace_ctx_t   t;

    if (size == 0) {
        return 0;
    }

    left = size - 1;
    copy = malloc(left + !left);
    memcpy(copy, data + 1, left);

    for (p = copy, n = 0; n < VALUES; n++) {
        lf = memchr(p, '\n', left);
        v[n] = genai_str(p, lf ? (size_t) (lf - p) : left);

        if (lf == NULL) {
            n++;
            break;
        }

        left -= v[n].len + 1;
        p = lf + 1;
    }

    switch (data[0]) {

    case 'w':
        if (genai_traceparent_parse(&t, v[0]) == GENAI_OK) {
            round_trips(&t, none);
        }

        break;

    case 'x':
        if (genai_xray_parse(&t, v[0]) == GENAI_OK) {
            round_trips(&t, v[0]);
        }

        break;

    case 'b':
        if (genai_b3_parse(&t, v[0]) == GENAI_OK) {
            round_trips(&t, none);
        }

        break;

    case 'm':
        multi(v, n);
        break;

    case 's':
        state(v, n);
        break;

    default:
        baggage(v, n);
    }

    free(copy);

    return 0;
}
