/*
 * What the wire formats cost: CRC-32 by every implementation beside zlib's,
 * a stream of small frames, base64, Server-Sent Events.  Best of several
 * runs, since the machine has other things to do.
 */

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <zlib.h>

#include "genai_crc32.h"
#include "genai_eventstream.h"
#include "genai_base64.h"
#include "genai_sse.h"
#include "genai_trace.h"
#include "../unit/es_encode.h"


#define FRAMES  100
#define FRAME   202
#define BIG     (1024 * 1024)


static uint8_t   frames[FRAMES * FRAME];
static char     *big, *out;
static size_t    sink;


typedef void (*bench_pt)(void);


static double
best_us(bench_pt run, int rounds)
{
    int              i, k;
    double           us, best = 1e12;
    struct timespec  a, b;

    for (k = 0; k < 30; k++) {
        clock_gettime(CLOCK_MONOTONIC, &a);

        for (i = 0; i < rounds; i++) {
            run();
        }

        clock_gettime(CLOCK_MONOTONIC, &b);
        us = ((double) (b.tv_sec - a.tv_sec) * 1e9
              + (double) (b.tv_nsec - a.tv_nsec)) / 1e3 / rounds;

        if (us < best) {
            best = us;
        }
    }

    return best;
}


static int
on_frame(void *data, const genai_es_frame_t *f)
{
    (void) data;
    sink += f->payload_len;

    return 1;
}


static void
on_bytes(void *data, const char *buf, size_t len)
{
    (void) data;
    sink += len + (uint8_t) buf[0];
}


static void
on_frame_end(void *data, const genai_es_frame_t *f, int right)
{
    (void) data;
    (void) f;

    if (!right) {
        abort();
    }
}


static void
on_event(void *data, genai_str_t event)
{
    (void) data;
    sink += event.len;
}


static const genai_es_handler_t  es_handler = {
    on_frame, on_bytes, on_frame_end, NULL
};

static const genai_sse_handler_t  sse_handler = {
    on_event, on_bytes, on_event
};


static void
crc_zlib(void)
{
    int  i;

    for (i = 0; i < FRAMES; i++) {
        sink += crc32(0, frames + i * FRAME, 8);
        sink += crc32(0, frames + i * FRAME, FRAME - 4);
    }
}


static void
crc_ours(void)
{
    int  i;

    for (i = 0; i < FRAMES; i++) {
        sink += genai_crc32(0, frames + i * FRAME, 8);
        sink += genai_crc32(0, frames + i * FRAME, FRAME - 4);
    }
}


static void
crc_zlib_big(void)
{
    sink += crc32(0, (uint8_t *) big, BIG);
}


static void
crc_ours_big(void)
{
    sink += genai_crc32(0, big, BIG);
}


static void
es_pieces(size_t piece)
{
    size_t               i, n;
    genai_eventstream_t  es;

    genai_eventstream_init(&es, &es_handler, NULL);

    for (i = 0; i < sizeof(frames); i += n) {
        n = sizeof(frames) - i < piece ? sizeof(frames) - i : piece;
        genai_eventstream_feed(&es, (char *) frames + i, n);
    }

    if (genai_eventstream_finish(&es) != GENAI_DONE) {
        abort();
    }
}


static void
es_whole(void)
{
    es_pieces(sizeof(frames));
}


static void
es_single(void)
{
    es_pieces(FRAME);
}


static void
es_bytes(void)
{
    es_pieces(1);
}


static void
base64_big(void)
{
    size_t          n;
    genai_base64_t  b;

    genai_base64_init(&b);

    if (genai_base64_feed(&b, big, BIG, out, &n) == GENAI_ERROR) {
        abort();
    }

    sink += n;
}


static void
base64_small(void)
{
    int             i;
    size_t          n;
    genai_base64_t  b;

    for (i = 0; i < FRAMES; i++) {
        genai_base64_init(&b);
        genai_base64_feed(&b, big + i, 120, out, &n);
        sink += n;
    }
}


static void
sse_big(void)
{
    genai_sse_t  s;

    genai_sse_init(&s, &sse_handler, NULL);
    genai_sse_feed(&s, big, BIG);
    sink += (size_t) genai_sse_finish(&s);
}


static void
trace_run(void)
{
    int                    i;
    char                   buf[GENAI_XRAY_LEN];
    genai_str_t            v = genai_string("00-0af7651916cd43dd8448eb211c80"
                                            "319c-b7ad6b7169203331-01");
    genai_trace_ctx_t      t;
    genai_trace_headers_t  h;

    static const uint8_t   formats[] = { GENAI_TRACE_W3C, GENAI_TRACE_XRAY };

    memset(&h, 0, sizeof(h));
    h.traceparent = v;
    h.traceparents = 1;

    for (i = 0; i < 100; i++) {
        genai_trace_extract(&t, formats, 2, &h);
        sink += genai_traceparent_format(&t, buf);
        sink += genai_xray_format(&t, genai_str(NULL, 0), buf, sizeof(buf));
    }
}


static void
setup(void)
{
    int       i;
    char      payload[200];
    es_enc_t  e;

    memset(payload, 'A', sizeof(payload));

    es_enc_init(&e, frames, sizeof(frames));

    for (i = 0; i < FRAMES; i++) {
        payload[FRAME - 16 - 75] = '\0';
        es_frame(&e, "event", "chunk", payload);
    }

    if (e.full || e.len != sizeof(frames)) {
        abort();
    }

    big = malloc(BIG);
    out = malloc(BIG);
    memset(big, 'A', BIG);
}


int
main(void)
{
    int     i;
    double  us;

    static const char  *impls[] = { "slice16", "pclmul", "armv8" };
    static const char  *event = "data: {\"choices\":[{\"delta\":{\"content\":"
                                "\"and so it goes on\"}}],\"id\":\"x\"}\n\n";

    setup();

    printf("%d frames of %d bytes, us        CRCs   1 MiB, GB/s"
           "   parse whole   by frame   by byte\n", FRAMES, FRAME);

    us = best_us(crc_zlib_big, 4);
    printf("  %-26s %8.2f %12.1f\n", "zlib", best_us(crc_zlib, 200),
           BIG / us / 1e3);

    for (i = 0; i < (int) genai_nelts(impls); i++) {

        if (genai_crc32_impl_set(impls[i]) != GENAI_OK) {
            continue;
        }

        us = best_us(crc_ours_big, 4);
        printf("  %-26s %8.2f %12.1f %13.2f %10.2f %9.1f\n", impls[i],
               best_us(crc_ours, 200), BIG / us / 1e3,
               best_us(es_whole, 200), best_us(es_single, 200),
               best_us(es_bytes, 10));
    }

    us = best_us(base64_big, 4);
    printf("base64, 1 MiB of text          %8.2f GB/s; 100 of 120 bytes "
           "%.2f us\n", BIG / us / 1e3, best_us(base64_small, 200));

    for (i = 0; i < BIG; i++) {
        big[i] = event[(size_t) i % strlen(event)];
    }

    us = best_us(sse_big, 4);
    printf("SSE, 1 MiB of %zu-byte events   %8.2f GB/s\n", strlen(event),
           BIG / us / 1e3);

    us = best_us(trace_run, 100);
    printf("trace context in, W3C and X-Ray out  %.3f us\n", us / 100);

    return sink == 42;
}
