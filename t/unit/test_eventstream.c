#include "genai_eventstream.h"
#include "es_encode.h"
#include "test.h"


/* vectors that an independent implementation and botocore agree with */

static const char  *v_start =
    "0000008400000052a421f9e30b3a6576656e742d7479706507000c6d65737361676553"
    "746172740d3a636f6e74656e742d747970650700106170706c69636174696f6e2f6a73"
    "6f6e0d3a6d6573736167652d747970650700056576656e747b22726f6c65223a226173"
    "73697374616e74222c2270223a2261626364656667227dfb44eb3b";

static const char  *v_metadata =
    "000000c00000004e1d535b250b3a6576656e742d747970650700086d65746164617461"
    "0d3a636f6e74656e742d747970650700106170706c69636174696f6e2f6a736f6e0d3a"
    "6d6573736167652d747970650700056576656e747b226d657472696373223a7b226c61"
    "74656e63794d73223a3332317d2c2270223a226162222c227573616765223a7b22696e"
    "707574546f6b656e73223a392c226f7574707574546f6b656e73223a342c22746f7461"
    "6c546f6b656e73223a31337d7dea8b79dc";

static const char  *v_exception =
    "00000085000000612691b1450f3a657863657074696f6e2d747970650700137468726f"
    "74746c696e67457863657074696f6e0d3a636f6e74656e742d74797065070010617070"
    "6c69636174696f6e2f6a736f6e0d3a6d6573736167652d747970650700096578636570"
    "74696f6e7b226d657373616765223a22627564676574227da818910b";

static const char  *v_error =
    "000000620000005203b5cb9c0b3a6572726f722d636f646507000e4275646765744578"
    "6365656465640e3a6572726f722d6d65737361676507000d6d6f6e74686c79206c696d"
    "69740d3a6d6573736167652d747970650700056572726f721b405234";

static const char  *v_empty = "000000100000000005c248eb7d98c8ff";


static void
encode(void)
{
    char                           buf[512];
    size_t                         i, n, len;
    unsigned char                  want[512];

    static const genai_es_header_t  h[] = {
        { genai_string(":exception-type"),
          genai_string("throttlingException") },
        { genai_string(":content-type"), genai_string("application/json") },
        { genai_string(":message-type"), genai_string("exception") }
    };

    len = strlen(v_exception) / 2;

    for (i = 0; i < len; i++) {
        sscanf(v_exception + 2 * i, "%2hhx", &want[i]);
    }

    n = genai_eventstream_encode(h, 3, genai_strz("{\"message\":\"budget\"}"),
                                 buf, sizeof(buf));
    ok(n == len && memcmp(buf, want, n) == 0,
       "a frame is written as botocore reads it");

    is_int((long long) genai_eventstream_encode(h, 3,
                genai_strz("{\"message\":\"budget\"}"), buf, n - 1),
           0, "a byte too little is too little");

    n = genai_eventstream_encode(NULL, 0, genai_str(NULL, 0), buf, 16);
    ok(n == 16, "the smallest frame has 16 bytes");

    for (i = 0; i < n; i++) {
        sscanf(v_empty + 2 * i, "%2hhx", &want[i]);
    }

    ok(memcmp(buf, want, n) == 0, "which are these");
}


/* everything that is told about a stream, as text that can be compared */

typedef struct {
    char    log[65536];
    size_t  len;
    int     take;              /* on_frame's answer */
    size_t  payload;
    int     kind;              /* of the last frame, and what it said */
    char    told[512];
    size_t  same;              /* frames whose headers are known */
    size_t  shorter;           /* frames that on_whole has taken */
} trace_t;


static void
say(trace_t *t, const char *p, size_t len)
{
    if (len > sizeof(t->log) - t->len) {
        len = sizeof(t->log) - t->len;
    }

    if (len) {
        memcpy(t->log + t->len, p, len);
    }

    t->len += len;
}


static int
on_frame(void *data, const genai_es_frame_t *f)
{
    char      line[512], *at;
    int       n;
    trace_t  *t = data;

    n = snprintf(line, sizeof(line), "[%d %u type=%.*s msg=%.*s ct=%.*s|",
                 f->kind, f->payload_len, (int) f->type.len, f->type.data,
                 (int) f->message.len, f->message.data,
                 (int) f->content_type.len, f->content_type.data);
    say(t, line, (size_t) n);

    /* what was said of the frame before, but for the payload's length */

    at = strstr(line, "type=");

    if (f->same) {
        t->same++;

        if (f->kind != t->kind || strcmp(at, t->told) != 0) {
            say(t, "<NOT THE SAME>", 14);
        }
    }

    t->kind = f->kind;
    strcpy(t->told, at);

    return t->take;
}


static void
on_payload(void *data, const char *buf, size_t len)
{
    trace_t  *t = data;

    if (len == 0) {
        say(t, "<EMPTY>", 7);
    }

    t->payload += len;
    say(t, buf, len);
}


static void
on_end(void *data, const genai_es_frame_t *f, int right)
{
    trace_t  *t = data;

    say(t, "|", 1);
    say(t, f->type.data, f->type.len);
    say(t, right ? " ok]" : " bad]", right ? 4 : 5);
}


/* takes every second one, and tells it as the others would */

static int
on_whole(void *data, const genai_es_frame_t *f, const char *buf)
{
    trace_t  *t = data;

    if (!f->same) {
        say(t, "<NOT THE SAME>", 14);
    }

    if (t->shorter++ % 2) {
        return 0;
    }

    if (on_frame(t, f) && f->payload_len) {
        on_payload(t, buf, f->payload_len);
    }

    on_end(t, f, 1);

    return 1;
}


static const genai_es_handler_t  long_way = { on_frame, on_payload, on_end,
                                              NULL };
static const genai_es_handler_t  short_way = { on_frame, on_payload, on_end,
                                               on_whole };

static const genai_es_handler_t  *handler = &long_way;


static size_t
unhex(const char *s, uint8_t *out)
{
    size_t    n;
    unsigned  b;

    for (n = 0; sscanf(s + 2 * n, "%2x", &b) == 1; n++) {
        out[n] = (uint8_t) b;

        if (s[2 * n + 2] == '\0') {
            return n + 1;
        }
    }

    return n;
}


/* feeds in pieces that end at the given cuts; returns error, -1 when done */

static int
feed(trace_t *t, const uint8_t *p, size_t len, const size_t *cuts, size_t n)
{
    int                  rc;
    char                *piece;
    size_t               i, from, to;
    genai_eventstream_t  es;

    t->len = 0;
    t->payload = 0;
    t->told[0] = '\0';
    t->same = 0;
    t->shorter = 0;
    genai_eventstream_init(&es, handler, t);

    for (from = 0, i = 0; i <= n; i++) {
        to = i < n ? cuts[i] : len;

        /* a copy of its own, so that a sanitizer sees every read past it */
        piece = malloc(to - from + 1);
        memcpy(piece, p + from, to - from);
        rc = genai_eventstream_feed(&es, piece, to - from);
        free(piece);

        if (rc == GENAI_ERROR && es.error == 0) {
            return 100;
        }

        from = to;
    }

    rc = genai_eventstream_finish(&es);

    return rc == GENAI_DONE ? -1 : es.error;
}


static trace_t  whole, cut;


/* every way to cut gives what the whole gives, and so does the shorter way
 * for whole frames */

static void
splits(const char *name, const uint8_t *p, size_t len)
{
    int       rc, bad, round;
    size_t    i, n, *cuts;
    uint32_t  x = 7;

    rc = feed(&whole, p, len, NULL, 0);
    handler = &short_way;

#define same(c, k)                                                            \
    (feed(&cut, p, len, c, k) == rc && cut.len == whole.len                   \
     && memcmp(cut.log, whole.log, cut.len) == 0)

    cuts = malloc(len * sizeof(size_t));

    for (bad = 0, i = 0; i < len; i++) {
        cuts[i] = i;
        bad += !same(cuts + i, 1);
    }

    bad += !same(cuts, 0);

    handler = &long_way;
    bad += !same(cuts, len);

    for (round = 0; round < 200; round++) {
        for (n = 0, i = 0; i < len; i++) {
            x = x * 1664525 + 1013904223;

            if (x >> 27 == 0) {
                cuts[n++] = i;
            }
        }

        bad += !same(cuts, n);
    }

    free(cuts);
    ok(bad == 0, "%s: the same in any pieces (%zu bytes)", name, len);
}


static void
vectors(void)
{
    size_t   len = 0;
    uint8_t  b[1024];

    whole.take = cut.take = 1;

    len = unhex(v_start, b);
    is_int(feed(&whole, b, len, NULL, 0), -1, "messageStart");
    is_mem(whole.log, whole.len, "[1 34 type=messageStart msg= "
           "ct=application/json|{\"role\":\"assistant\",\"p\":\"abcdefg\"}|"
           "messageStart ok]", "messageStart: what it says");

    len = unhex(v_exception, b);
    is_int(feed(&whole, b, len, NULL, 0), -1, "exception");
    is_mem(whole.log, whole.len, "[2 20 type=throttlingException msg= "
           "ct=application/json|{\"message\":\"budget\"}|"
           "throttlingException ok]", "exception: what it says");

    len = unhex(v_error, b);
    is_int(feed(&whole, b, len, NULL, 0), -1, "error");
    is_mem(whole.log, whole.len, "[3 0 type=BudgetExceeded "
           "msg=monthly limit ct=||BudgetExceeded ok]",
           "error: what it says");

    len = unhex(v_empty, b);
    is_int(feed(&whole, b, len, NULL, 0), -1, "empty frame");
    is_mem(whole.log, whole.len, "[4 0 type= msg= ct=|| ok]",
           "empty frame: kind other");

    is_int(feed(&whole, b, 0, NULL, 0), -1, "an empty stream is complete");

    len = unhex(v_start, b);
    len += unhex(v_metadata, b + len);
    len += unhex(v_empty, b + len);
    len += unhex(v_error, b + len);
    len += unhex(v_exception, b + len);
    splits("five frames", b, len);

    whole.take = cut.take = 0;
    is_int(feed(&whole, b, len, NULL, 0), -1, "payload not wanted");
    is_int((long long) whole.payload, 0, "payload not wanted, not given");
    splits("payload not wanted", b, len);
    whole.take = cut.take = 1;
}


static void
headers(void)
{
    int       i, n;
    char      text[200];
    es_enc_t  e;
    uint8_t   b[4096];

    memset(text, 'x', sizeof(text));
    text[80] = '\0';

    es_enc_init(&e, b, sizeof(b));
    es_begin(&e);
    es_header(&e, ":message-type", "error");
    es_header_raw(&e, "t", 0, "", 0);
    es_header_raw(&e, "i32", 4, "1234", 4);
    es_header_raw(&e, ":event-type", 6, "bytes", 5);
    es_header(&e, ":content-type", "");
    es_header_raw(&e, "uuid", 9, "0123456789abcdef", 16);
    es_header(&e, ":error-message", text);
    es_payload(&e, "{}", 2);
    es_end(&e);

    is_int(feed(&whole, b, e.len, NULL, 0), -1, "headers that are kept");
    text[64] = '\0';
    n = snprintf((char *) b + 3000, 1000, "[3 2 type= msg=%s ct=|{}| ok]",
                 text);
    ok(n > 0, "expectation written");
    is_mem(whole.log, whole.len, (char *) b + 3000,
           "headers that are kept: long ones are cut");
    splits("headers that are kept", b, e.len);

    memset(text, 'x', sizeof(text));
    text[199] = '\0';

    es_enc_init(&e, b, sizeof(b));
    es_begin(&e);
    es_header(&e, ":message-type", "event");
    es_header_raw(&e, "t", 0, "", 0);
    es_header_raw(&e, "f", 1, "", 0);
    es_header_raw(&e, "i8", 2, "1", 1);
    es_header_raw(&e, "i16", 3, "12", 2);
    es_header_raw(&e, "i32", 4, "1234", 4);
    es_header_raw(&e, "i64", 5, "12345678", 8);
    es_header_raw(&e, ":event-type", 6, "bytes", 5);
    es_header_raw(&e, ":event-typo", 7, "typo", 4);
    es_header_raw(&e, "time", 8, "12345678", 8);
    es_header_raw(&e, "uuid", 9, "0123456789abcdef", 16);
    es_header(&e, text, "a name of 199 bytes");
    es_header(&e, "empty", "");
    es_header(&e, ":event-type", "delta");
    es_header(&e, ":content-type", "");
    es_header(&e, ":error-message", text);
    es_payload(&e, "{}", 2);
    es_end(&e);
    es_frame(&e, "event", "next", "");

    is_int(feed(&whole, b, e.len, NULL, 0), -1, "all types of headers");
    text[64] = '\0';
    n = snprintf((char *) b + 3000, 1000, "[1 2 type=delta msg=%s ct=|{}|"
                 "delta ok][1 0 type=next msg= ct=application/json||next ok]",
                 text);
    ok(n > 0, "expectation written");
    is_mem(whole.log, whole.len, (char *) b + 3000,
           "named strings are found in any order, long ones are cut, "
           "nothing is carried to the next frame");
    splits("all types of headers", b, e.len);

    es_enc_init(&e, b, sizeof(b));
    es_begin(&e);
    es_header(&e, ":message-type", "event");
    es_header(&e, ":message-type", "an overlong kind of message");
    es_payload(&e, "", 0);
    es_end(&e);
    feed(&whole, b, e.len, NULL, 0);
    is_mem(whole.log, whole.len, "[4 0 type= msg= ct=|| ok]",
           "an unknown message type is other; the last one counts");

    es_enc_init(&e, b, sizeof(b));
    es_begin(&e);
    es_header_raw(&e, ":message-type", 6, "event", 5);
    es_header_raw(&e, ":event-type", 6, "bytes", 5);
    es_header_raw(&e, ":error-message", 9, "0123456789abcdef", 16);
    es_payload(&e, "", 0);
    es_end(&e);
    feed(&whole, b, e.len, NULL, 0);
    is_mem(whole.log, whole.len, "[4 0 type= msg= ct=|| ok]",
           "headers that are not strings are not looked at");

    for (i = 0; i < 12; i++) {
        es_enc_init(&e, b, sizeof(b));
        es_begin(&e);

        /* few of them and, after a long one, many */

        if (i >= 6) {
            es_header(&e, "long", text);
        }

        switch (i % 6) {
        case 0:
            es_enc_bytes(&e, "\0", 1);
            break;
        case 1:
            es_enc_bytes(&e, "\1a\12", 3);
            break;
        case 2:
            es_enc_bytes(&e, "\5abc", 4);
            break;
        case 3:
            es_enc_bytes(&e, "\1a\7\0\5abcd", 9);
            break;
        case 4:
            es_enc_bytes(&e, "\1a\7\0", 4);
            break;
        default:
            es_enc_bytes(&e, "\1a\5abcdefg", 10);
        }

        es_payload(&e, "payload", 7);
        es_end(&e);
        is_int(feed(&whole, b, e.len, NULL, 0), GENAI_ES_ERR_HEADER,
               "headers that do not parse");
        is_int((long long) whole.len, 0, "… give no frame");
        splits("headers that do not parse", b, e.len);
    }
}


/* headers that come again are not read again, unless one bit differs */

static void
again(void)
{
    int       i;
    char      text[200];
    es_enc_t  e;
    uint8_t   b[4096];

    static const char *const  types[] = {
        "delta", "delta", "delta", "deltb", "deltb", "eltb", "delta", "",
        "delta", "long", "delta", "delta"
    };

    memset(text, 'x', sizeof(text));
    text[199] = '\0';

    es_enc_init(&e, b, sizeof(b));

    for (i = 0; i < (int) genai_nelts(types); i++) {

        if (types[i][0] == '\0') {
            es_begin(&e);
            es_payload(&e, "bare", 4);
            es_end(&e);

        } else {
            es_frame(&e, "event", types[i][0] == 'l' ? text : types[i],
                     i % 3 ? "{}" : "");
        }
    }

    is_int(feed(&whole, b, e.len, NULL, 0), -1, "headers again");
    is_int((long long) whole.same, 4, "headers again: as often as they are");
    splits("headers again", b, e.len);
    is_int((long long) cut.same, 4, "in pieces too");

    es_enc_init(&e, b, sizeof(b));
    es_frame(&e, "event", "delta", "{}");
    es_begin(&e);
    es_enc_bytes(&e, b + 12, b[7]);
    b[e.start + 12 + 12] = 10;                /* no type of value */
    es_payload(&e, "", 0);
    es_end(&e);
    is_int(feed(&whole, b, e.len, NULL, 0), GENAI_ES_ERR_HEADER,
           "the same, but for a byte that makes them wrong");
    splits("the same, but for a byte", b, e.len);
}


static void
put(uint8_t *b, uint32_t total, uint32_t hlen)
{
    es_enc_put32(b, total);
    es_enc_put32(b + 4, hlen);
    es_enc_put32(b + 8, es_enc_crc(b, 8));
}


static void
errors(void)
{
    size_t               i, len, n;
    uint8_t              b[1024], c[1024];
    genai_eventstream_t  es;

    static const struct {
        uint32_t  total, headers;
        int       error;
    } lengths[] = {
        { 0, 0, GENAI_ES_ERR_LENGTH },
        { 15, 0, GENAI_ES_ERR_LENGTH },
        { 16, 1, GENAI_ES_ERR_LENGTH },
        { 100, 85, GENAI_ES_ERR_LENGTH },
        { 100, 0xffffffff, GENAI_ES_ERR_LENGTH },
        { 0xffffffff, 0, GENAI_ES_ERR_LENGTH },
        { GENAI_ES_MAX_FRAME + 1, 0, GENAI_ES_ERR_LENGTH },
        { GENAI_ES_MAX_FRAME, GENAI_ES_MAX_HEADERS + 1, GENAI_ES_ERR_LENGTH },
        { GENAI_ES_MAX_FRAME, GENAI_ES_MAX_HEADERS,
          GENAI_ES_ERR_TRUNCATED },
        { 100, 84, GENAI_ES_ERR_TRUNCATED },
    };

    for (i = 0; i < genai_nelts(lengths); i++) {
        put(b, lengths[i].total, lengths[i].headers);
        is_int(feed(&whole, b, 12, NULL, 0), lengths[i].error, "lengths");
    }

    len = unhex(v_start, b);
    memcpy(b + len, b, len);

    for (n = 0, i = 0; i < len * 8; i++) {
        memcpy(c, b, 2 * len);
        c[i / 8] ^= (uint8_t) (1 << (i % 8));
        n += feed(&whole, c, 2 * len, NULL, 0) > 0;
        n += whole.len >= 4 && memcmp(whole.log + whole.len - 4, " ok]", 4)
             == 0;
    }

    is_int((long long) n, (long long) len * 8,
           "every flipped bit is an error and ends the stream");

    memcpy(c, b, 2 * len);
    c[len - 40] ^= 1;
    is_int(feed(&whole, c, 2 * len, NULL, 0), GENAI_ES_ERR_MESSAGE_CRC,
           "wrong message CRC");
    ok(memcmp(whole.log + whole.len - 5, " bad]", 5) == 0,
       "wrong message CRC: on_end is told");
    splits("wrong message CRC", c, 2 * len);

    c[9] ^= 1;
    is_int(feed(&whole, c, 2 * len, NULL, 0), GENAI_ES_ERR_PRELUDE_CRC,
           "wrong prelude CRC");
    is_int((long long) whole.len, 0, "wrong prelude CRC: no frame");

    for (n = 0, i = 1; i < len; i++) {
        n += feed(&whole, b, len + i, NULL, 0) == GENAI_ES_ERR_TRUNCATED;
    }

    is_int((long long) n, (long long) len - 1, "cut off anywhere");
    is_int(feed(&whole, b, len, NULL, 0), -1, "cut off between frames");

    genai_eventstream_init(&es, handler, &whole);
    is_int(genai_eventstream_feed(&es, (char *) b, len), GENAI_AGAIN,
           "a whole frame: more may come");
    is_int(genai_eventstream_feed(&es, "HTTP/1.1 200", 12), GENAI_ERROR,
           "junk is an error");
    whole.len = 0;
    is_int(genai_eventstream_feed(&es, (char *) b, len), GENAI_ERROR,
           "the error is latched");
    is_int((long long) whole.len, 0, "and bytes after it are ignored");
    is_int(genai_eventstream_finish(&es), GENAI_ERROR, "to the end");
    is_int(es.error, GENAI_ES_ERR_PRELUDE_CRC, "the first error stays");
}


static void
big(void)
{
    char      *payload;
    size_t     n = 3 * 1024 * 1024, size = n + 1024, i, cuts[400];
    es_enc_t   e;
    uint8_t   *b;

    b = malloc(size);
    payload = malloc(n + 1);
    memset(payload, 'p', n);
    payload[n] = '\0';

    es_enc_init(&e, b, size);
    es_frame(&e, "event", "chunk", payload);

    for (i = 0; i < 400; i++) {
        cuts[i] = (i + 1) * 4096 + i;
    }

    is_int(feed(&whole, b, e.len, cuts, 400), -1, "a frame of 3 MiB");
    is_int((long long) whole.payload, (long long) n, "all of it is given");

    free(payload);
    free(b);
}


int
main(void)
{
    ok(sizeof(genai_eventstream_t) <= 400, "a stream takes %zu bytes",
       sizeof(genai_eventstream_t));

    vectors();
    headers();
    again();
    errors();
    big();
    encode();

    return done();
}
