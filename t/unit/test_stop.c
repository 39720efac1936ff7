/*
 * Where a stream can be cut, and what its client gets then.
 */

#include "test.h"
#include "es_encode.h"
#include "genai_call.h"
#include "genai_eventstream.h"
#include "genai_stop.h"


#define FRAMES  "application/vnd.amazon.eventstream"
#define SSE     "text/event-stream"


static char  buf[GENAI_STOP_SIZE], whole[65536];


/* the ends of events that feeding in these pieces finds, as a list */

static size_t
ends(const char *in, size_t len, unsigned framing, size_t piece,
    size_t *out, size_t max)
{
    char          *copy;
    size_t         i, n, k, end;
    genai_stop_t   s;

    genai_stop_init(&s, framing);

    for (i = 0, k = 0; i < len; i += n) {
        n = (len - i < piece) ? len - i : piece;
        copy = malloc(n);                    /* for a sanitizer to guard */
        memcpy(copy, in + i, n);
        end = genai_stop_feed(&s, copy, n);
        free(copy);

        if (end && k < max) {
            out[k++] = i + end;
        }
    }

    return k;
}


static void
framed(void)
{
    size_t    i, n, marks[3], out[8];
    es_enc_t  e;

    es_enc_init(&e, whole, sizeof(whole));

    for (i = 0; i < 3; i++) {
        es_frame(&e, "event", "contentBlockDelta", i == 1 ? "" : "{\"a\":1}");
        marks[i] = e.len;
    }

    n = ends(whole, e.len, GENAI_STOP_FRAMES, e.len, out, 8);
    ok(n == 1 && out[0] == e.len, "frames: the last end of a piece is told");

    n = ends(whole, e.len - 1, GENAI_STOP_FRAMES, e.len, out, 8);
    ok(n == 1 && out[0] == marks[1], "not in a frame that is not whole");

    n = ends(whole, marks[0] - 1, GENAI_STOP_FRAMES, e.len, out, 8);
    is_int((long long) n, 0, "no frame, no end");

    n = ends(whole, e.len, GENAI_STOP_FRAMES, 1, out, 8);
    ok(n == 3 && out[0] == marks[0] && out[1] == marks[1]
       && out[2] == marks[2], "frames: byte by byte, each one's end");

    memset(whole + marks[0], 0, 4);
    n = ends(whole, e.len, GENAI_STOP_FRAMES, 7, out, 8);
    ok(n == 1 && out[0] == marks[0],
       "after a length that cannot be no end is seen");
}


static void
lines(const char *in, size_t first, size_t second, const char *name)
{
    size_t  n, piece, len, out[8];
    int     good;

    len = strlen(in);

    n = ends(in, len, GENAI_STOP_SSE, len, out, 8);
    good = (n == 1 && out[0] == second);

    for (piece = 1; piece < first; piece++) {
        n = ends(in, len, GENAI_STOP_SSE, piece, out, 8);

        /* a CR that ends a piece ends the event; its LF comes later */

        good &= (n == 2 && (out[0] == first || out[0] == first - 1)
                 && (out[1] == second || out[1] == second - 1));
    }

    ok(good, "%s", name);
}


static void
kinds(void)
{
    is_int(genai_stop_framing(genai_strz(FRAMES), GENAI_API_BEDROCK),
           GENAI_STOP_FRAMES, "an event stream");
    is_int(genai_stop_framing(genai_strz("Text/Event-Stream; charset=utf-8"),
                              GENAI_API_OPENAI),
           GENAI_STOP_SSE, "Server-Sent Events, in any case");
    is_int(genai_stop_framing(genai_strz(SSE), GENAI_API_COHERE),
           GENAI_STOP_NONE, "not where no client knows an error event");
    is_int(genai_stop_framing(genai_strz("application/json"),
                              GENAI_API_BEDROCK),
           GENAI_STOP_NONE, "no stream");
    is_int(genai_stop_framing(genai_strz(SSE "x"), GENAI_API_OPENAI),
           GENAI_STOP_NONE, "another type that begins alike");
}


static void
last(void)
{
    char         longest[4096];
    size_t       n;
    es_enc_t     e;
    genai_str_t  text;

    text = genai_strz("Budget 'a' is \"out\"");

    n = genai_stop_event(GENAI_STOP_FRAMES, GENAI_API_BEDROCK, text, buf,
                         sizeof(buf));
    es_enc_init(&e, whole, sizeof(whole));
    es_frame(&e, "exception", "throttlingException",
             "{\"message\":\"Budget 'a' is \\\"out\\\"\"}");
    ok(n == e.len && memcmp(buf, whole, n) == 0,
       "AWS: an exception of the stream's own, both checksums right");

    n = genai_stop_event(GENAI_STOP_SSE, GENAI_API_ANTHROPIC, text, buf,
                         sizeof(buf));
    is_mem(buf, n, "event: error\ndata: {\"type\":\"error\",\"error\":"
           "{\"type\":\"billing_error\",\"message\":"
           "\"Budget 'a' is \\\"out\\\"\"}}\n\n", "Anthropic's error event");

    n = genai_stop_event(GENAI_STOP_SSE, GENAI_API_OPENAI, text, buf,
                         sizeof(buf));
    is_mem(buf, n, "data: {\"error\":{\"message\":"
           "\"Budget 'a' is \\\"out\\\"\",\"type\":\"insufficient_quota\","
           "\"param\":null,\"code\":\"insufficient_quota\"}}\n\n",
           "OpenAI's error, and no [DONE]");

    memset(longest, '\n', sizeof(longest));
    n = genai_stop_event(GENAI_STOP_FRAMES, GENAI_API_BEDROCK,
                         genai_str(longest, sizeof(longest)), buf,
                         sizeof(buf));
    ok(n > 0, "a text of any length fits, cut");

    is_int((long long) genai_stop_event(GENAI_STOP_FRAMES, GENAI_API_BEDROCK,
                                        text, buf, 40),
           0, "a frame that does not fit is not written");
    is_int((long long) genai_stop_event(GENAI_STOP_SSE, GENAI_API_OPENAI,
                                        text, buf, 40),
           0, "nor is an event");
}


int
main(void)
{
    framed();

    lines("data: a\n\ndata: b\n\ndata:", 9, 18, "SSE: lines that end in LF");
    lines("data: a\r\n\r\ndata: b\r\n\r\nda", 11, 22, "in CR and LF");
    lines("data: a\r\rdata: b\r\rda", 9, 18, "in CR");
    lines("\n\ndata: a\n\n\n\ndata: b\n\n\n", 11, 22,
          "empty lines between events end none");

    kinds();
    last();

    return done();
}
