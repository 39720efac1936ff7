#include "genai_sse.h"
#include "test.h"


typedef struct {
    char    log[8192];
    size_t  len;
    size_t  bytes;
} trace_t;


static void
say(trace_t *t, const char *p, size_t len)
{
    if (len > sizeof(t->log) - t->len) {
        len = sizeof(t->log) - t->len;
    }

    if (len) {
        memcpy(t->log + t->len, p, len);
        t->len += len;
    }
}


static void
on_begin(void *data, genai_str_t event)
{
    say(data, "[", 1);
    say(data, event.data, event.len);
    say(data, "|", 1);
}


static void
on_data(void *data, const char *buf, size_t len)
{
    trace_t  *t = data;

    if (len == 0) {
        say(t, "<EMPTY>", 7);
    }

    t->bytes += len;
    say(t, buf, len);
}


static void
on_end(void *data, genai_str_t event)
{
    say(data, "|", 1);
    say(data, event.data, event.len);
    say(data, "]", 1);
}


static const genai_sse_handler_t  handler = { on_begin, on_data, on_end };


static int
feed(trace_t *t, const char *in, size_t len, const size_t *cuts, size_t n)
{
    char         *piece;
    size_t        i, from, to;
    genai_sse_t   s;

    t->len = 0;
    t->bytes = 0;
    genai_sse_init(&s, &handler, t);

    for (from = 0, i = 0; i <= n; i++) {
        to = i < n ? cuts[i] : len;
        piece = malloc(to - from + 1);
        memcpy(piece, in + from, to - from);
        genai_sse_feed(&s, piece, to - from);
        free(piece);
        from = to;
    }

    return genai_sse_finish(&s);
}


static trace_t  whole, cut;


static int
splits(const char *in, size_t len)
{
    int       rc, bad, round;
    size_t    i, n, cuts[2048];
    uint32_t  x = 5;

    rc = feed(&whole, in, len, NULL, 0);

#define same(c, k)                                                            \
    (feed(&cut, in, len, c, k) == rc && cut.len == whole.len                  \
     && memcmp(cut.log, whole.log, cut.len) == 0)

    for (bad = 0, i = 0; i < len; i++) {
        cuts[i] = i;
        bad += !same(cuts + i, 1);
    }

    bad += !same(cuts, len);

    for (round = 0; round < 50; round++) {
        for (n = 0, i = 0; i < len; i++) {
            x = x * 1664525 + 1013904223;

            if (x >> 29 == 0) {
                cuts[n++] = i;
            }
        }

        bad += !same(cuts, n);
    }

    return bad;
}


static const struct {
    const char  *name;
    const char  *in;
    const char  *want;
    int          rc;
} cases[] = {
    { "nothing", "", "", GENAI_DONE },
    { "one event", "data: a\n\n", "[|a|]", GENAI_DONE },
    { "no space", "data:a\n\n", "[|a|]", GENAI_DONE },
    { "two spaces", "data:  a\n\n", "[| a|]", GENAI_DONE },
    { "a tab is data", "data:\ta\n\n", "[|\ta|]", GENAI_DONE },
    { "CRLF", "event: e\r\ndata: a\r\n\r\n", "[e|a|e]", GENAI_DONE },
    { "CR", "event: e\rdata: a\r\r", "[e|a|e]", GENAI_DONE },
    { "all three", "data: a\r\ndata: b\rdata: c\n\r\n",
      "[|a\nb\nc|]", GENAI_DONE },
    { "CRLF LF", "data: a\r\n\ndata: b\n\n", "[|a|][|b|]", GENAI_DONE },
    { "LF CR is two line ends", "data: a\n\rdata: b\n\n",
      "[|a|][|b|]", GENAI_DONE },
    { "CR CRLF is two line ends", "data: a\r\r\ndata: b\r\n\r\n",
      "[|a|][|b|]", GENAI_DONE },
    { "lines are joined by LF", "data: a\ndata: b\ndata\ndata:\ndata: c\n\n",
      "[|a\nb\n\n\nc|]", GENAI_DONE },
    { "empty data", "data:\n\n", "[||]", GENAI_DONE },
    { "data without a colon", "data\n\n", "[||]", GENAI_DONE },
    { "two empty data lines", "data\ndata\n\n", "[|\n|]", GENAI_DONE },
    { "a name after the data", "data: a\nevent: late\n\n",
      "[|a|late]", GENAI_DONE },
    { "the last name counts", "event: x\ndata: a\nevent: y\n\n",
      "[x|a|y]", GENAI_DONE },
    { "an emptied name", "event: x\nevent\ndata: a\n\n",
      "[|a|]", GENAI_DONE },
    { "no data, no event", "event: x\n\ndata: a\n\n",
      "[|a|]", GENAI_DONE },
    { "names do not carry over", "event: x\ndata: a\n\ndata: b\n\n",
      "[x|a|x][|b|]", GENAI_DONE },
    { "comments", ": keep-alive\n\n:\n\ndata: a\n:b\n: c\ndata: d\n\n",
      "[|a\nd|]", GENAI_DONE },
    { "other fields", "id: 1\nretry: 5\ndatum: x\ndat: y\ndata : z\n"
      " data: w\nDATA: v\neventual: u\ndata: a\n\n",
      "[|a|]", GENAI_DONE },
    { "a colon in data", "data: a: b\n\n", "[|a: b|]", GENAI_DONE },
    { "empty lines", "\n\r\n\r\n\ndata: a\n\n\n\n", "[|a|]", GENAI_DONE },
    { "a BOM", "\xef\xbb\xbf" "data: a\n\n", "[|a|]", GENAI_DONE },
    { "only the first BOM", "\xef\xbb\xbf\xef\xbb\xbf" "data: a\n\n", "",
      GENAI_DONE },
    { "a BOM later is no BOM", "data: a\n\n\xef\xbb\xbf" "data: b\n\n",
      "[|a|]", GENAI_DONE },
    { "half a BOM", "\xef\xbb" "data: a\n\ndata: b\n\n", "[|b|]",
      GENAI_DONE },
    { "half a BOM and LF", "\xef\ndata: b\n\n", "[|b|]", GENAI_DONE },
    { "half a BOM and LF, no more", "\xef\n", "", GENAI_ERROR },
    { "half a BOM, alone", "\xef\xbb", "", GENAI_ERROR },
    { "OpenAI", "data: {\"id\":1}\n\ndata: [DONE]\n\n",
      "[|{\"id\":1}|][|[DONE]|]", GENAI_DONE },
    { "Anthropic", "event: ping\ndata: {\"type\": \"ping\"}\n\n",
      "[ping|{\"type\": \"ping\"}|ping]", GENAI_DONE },
    { "cut in data", "data: a\n\ndata: [DO", "[|a|][|[DO", GENAI_ERROR },
    { "cut before the empty line", "data: a\n", "[|a", GENAI_ERROR },
    { "cut in a field", "data: a\n\nda", "[|a|]", GENAI_ERROR },
    { "cut after a name", "event: e\n", "", GENAI_ERROR },
    { "cut in a comment", "data: a\n\n: bye", "[|a|]", GENAI_DONE },
    { "CR at the very end", "data: a\r\n\r", "[|a|]", GENAI_DONE },
};


static void
large(void)
{
    char    *in;
    size_t   i, n = 5 * 1024 * 1024, cuts[640];

    in = malloc(n + 16);
    memcpy(in, "data: ", 6);
    memset(in + 6, 'x', n);
    memcpy(in + 6 + n, "\r\n\r\n", 4);

    for (i = 0; i < 640; i++) {
        cuts[i] = (i + 1) * 8191;
    }

    is_int(feed(&whole, in, n + 10, cuts, 640), GENAI_DONE,
           "an event of 5 MiB");
    is_int((long long) whole.bytes, (long long) n, "all of it is given");

    /* short lines that end in CR must not be searched to the far LF */

    for (i = 0; i < n; i += 8) {
        memcpy(in + i, "data:ab\r", 8);
    }

    is_int(feed(&whole, in, n, NULL, 0), GENAI_ERROR,
           "640 K lines that end in CR");
    is_int((long long) whole.bytes, (long long) n / 8 * 3 - 1,
           "all of their data is given");

    free(in);
}


int
main(void)
{
    char    in[512], want[256];
    size_t  i;

    ok(sizeof(genai_sse_t) <= 128, "a stream takes %zu bytes",
       sizeof(genai_sse_t));

    for (i = 0; i < genai_nelts(cases); i++) {
        is_int(feed(&whole, cases[i].in, strlen(cases[i].in), NULL, 0),
               cases[i].rc, cases[i].name);
        is_mem(whole.log, whole.len, cases[i].want, cases[i].name);
        is_int(splits(cases[i].in, strlen(cases[i].in)), 0, "… in pieces");
    }

    feed(&whole, "data: a\0b\n\n", 11, NULL, 0);
    ok(whole.len == 7 && memcmp(whole.log, "[|a\0b|]", 7) == 0,
       "a zero byte is data");

    snprintf(in, sizeof(in), "event: %0100d\ndata: a\n\n", 7);
    snprintf(want, sizeof(want), "[%064d|a|%064d]", 0, 0);
    feed(&whole, in, strlen(in), NULL, 0);
    is_mem(whole.log, whole.len, want, "a long name is cut");
    is_int(splits(in, strlen(in)), 0, "… in pieces");

    large();

    return done();
}
