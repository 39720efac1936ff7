#include <math.h>

#include "genai_trace.h"
#include "test.h"


#define TID   "0af7651916cd43dd8448eb211c80319c"
#define SID   "b7ad6b7169203331"
#define ROOT  "1-0af76519-16cd43dd8448eb211c80319c"
#define S(z)  genai_strz(z)


static char  line[1024];


/* a context as text: format, ids, flags, decision */

static const char *
show(const genai_trace_ctx_t *t)
{
    char  *p = line;

    p += sprintf(p, "%s ", ((const char *[]) { "none", "w3c", "xray",
                                               "b3" })[t->format]);

    if (t->present) {
        genai_hex(t->trace_id, 16, p);
        p[32] = ' ';
        p += 33;
    }

    if (t->parent) {
        genai_hex(t->span_id, 8, p);
        p[16] = ' ';
        p += 17;
    }

    sprintf(p, "%02x %c%s", t->flags, "?01"[t->sampled],
            t->debug ? "d" : "");

    return line;
}


static void
is_text(const char *got, const char *want, const char *name)
{
    is_mem(got, strlen(got), want, name);
}


/* copies the value to memory of its own size, so that overreads are seen */

static int
w3c(genai_trace_ctx_t *t, const char *z)
{
    int     rc;
    char   *copy;
    size_t  n = strlen(z);

    copy = malloc(n + !n);
    memcpy(copy, z, n);
    rc = genai_traceparent_parse(t, genai_str(copy, n));
    free(copy);

    return rc;
}


#define P   "00-" TID "-" SID "-01"
#define OK  "w3c " TID " " SID " "


/* the names are those of the W3C test suite */

static const struct {
    const char  *name;
    const char  *in;
    const char  *want;            /* NULL: a new trace */
} traceparents[] = {
    { "sampled", P, OK "01 1" },
    { "not sampled", "00-" TID "-" SID "-00", OK "00 0" },
    { "propagates_random_flag", "00-" TID "-" SID "-02", OK "02 0" },
    { "both flags", "00-" TID "-" SID "-03", OK "03 1" },
    { "unknown flags are masked", "00-" TID "-" SID "-fd", OK "01 1" },
    { "traceparent_ows_handling 1", " " P, OK "01 1" },
    { "traceparent_ows_handling 2", "\t" P, OK "01 1" },
    { "traceparent_ows_handling 3", P " ", OK "01 1" },
    { "traceparent_ows_handling 4", P "\t", OK "01 1" },
    { "traceparent_ows_handling 5", "\t " P " \t", OK "01 1" },
    { "version_0x00 1", "00-" TID "-" SID "-01.", NULL },
    { "version_0x00 2", "00-" TID "-" SID "-01-what-the-future-will-be-like",
      NULL },
    { "version_0xcc 1", "cc-" TID "-" SID "-01", OK "01 1" },
    { "version_0xcc 2", "cc-" TID "-" SID "-01-what-the-future-will-be-like",
      OK "01 1" },
    { "version_0xcc 3", "cc-" TID "-" SID "-01.what-the-future-will-be-like",
      NULL },
    { "version_0xcc 4", "cc-" TID "-" SID "-01-", OK "01 1" },
    { "version_0xff", "ff-" TID "-" SID "-01", NULL },
    { "version_illegal_characters 1", ".0-" TID "-" SID "-01", NULL },
    { "version_illegal_characters 2", "0.-" TID "-" SID "-01", NULL },
    { "version_too_long 1", "000-" TID "-" SID "-01", NULL },
    { "version_too_long 2", "0000-" TID "-" SID "-01", NULL },
    { "version_too_short", "0-" TID "-" SID "-01", NULL },
    { "trace_id_all_zero", "00-00000000000000000000000000000000-" SID "-01",
      NULL },
    { "trace_id_illegal_characters 1",
      "00-.2345678901234567890123456789012-" SID "-01", NULL },
    { "trace_id_illegal_characters 2",
      "00-1234567890123456789012345678901.-" SID "-01", NULL },
    { "trace_id_too_long", "00-123456789012345678901234567890123-" SID "-01",
      NULL },
    { "trace_id_too_short", "00-1234567890123456789012345678901-" SID "-01",
      NULL },
    { "trace_id upper case", "00-0AF7651916cd43dd8448eb211c80319c-" SID "-01",
      NULL },
    { "parent_id_all_zero", "00-" TID "-0000000000000000-01", NULL },
    { "parent_id_illegal_characters 1", "00-" TID "-.234567890123456-01",
      NULL },
    { "parent_id_illegal_characters 2", "00-" TID "-123456789012345.-01",
      NULL },
    { "parent_id_too_long", "00-" TID "-12345678901234567-01", NULL },
    { "parent_id_too_short", "00-" TID "-123456789012345-01", NULL },
    { "parent_id upper case", "00-" TID "-B7AD6B7169203331-01", NULL },
    { "trace_flags_illegal_characters 1", "00-" TID "-" SID "-.0", NULL },
    { "trace_flags_illegal_characters 2", "00-" TID "-" SID "-0.", NULL },
    { "trace_flags upper case", "00-" TID "-" SID "-0A", NULL },
    { "trace_flags_too_long", "00-" TID "-" SID "-001", NULL },
    { "trace_flags_too_short", "00-" TID "-" SID "-1", NULL },
    { "wrong delimiter 1", "00_" TID "-" SID "-01", NULL },
    { "wrong delimiter 2", "00-" TID "_" SID "-01", NULL },
    { "wrong delimiter 3", "00-" TID "-" SID "_01", NULL },
    { "version upper case", "AB-" TID "-" SID "-01", NULL },
    { "empty", "", NULL },
    { "blank", " \t ", NULL },
    { "two in one", P "," P, NULL },
};


static void
test_traceparent(void)
{
    int                bad;
    char               buf[64];
    size_t             i, n;
    genai_trace_ctx_t  t, zero;

    memset(&zero, 0, sizeof(zero));

    for (i = 0; i < genai_nelts(traceparents); i++) {
        memset(&t, 0xff, sizeof(t));

        if (traceparents[i].want) {
            is_int(w3c(&t, traceparents[i].in), GENAI_OK,
                   traceparents[i].name);
            is_text(show(&t), traceparents[i].want, traceparents[i].name);

        } else {
            is_int(w3c(&t, traceparents[i].in), GENAI_DECLINED,
                   traceparents[i].name);
            is_text(show(&t), "none 00 ?", "… and nothing is left of it");
        }
    }

    for (bad = 0, i = 0; i < 55; i++) {
        memcpy(buf, P, 56);
        buf[i] = '\0';
        bad += genai_traceparent_parse(&t, genai_str(buf, 55)) == GENAI_OK;
        bad += w3c(&t, buf) == GENAI_OK;
    }

    is_int(bad, 0, "a zero byte anywhere, or an end, is invalid");

    w3c(&t, "cc-" TID "-" SID "-ff-future");
    n = genai_traceparent_format(&t, buf);
    is_mem(buf, n, "00-" TID "-" SID "-03",
           "a future version goes on as 00 with known flags");

    t.sampled = GENAI_SAMPLED_NO;
    n = genai_traceparent_format(&t, buf);
    is_mem(buf, n, "00-" TID "-" SID "-02",
           "our decision is written, the random flag stays");
}


#define C30  "012345678901234567890123456789"
#define K256 "a" C30 C30 C30 C30 C30 C30 C30 C30 "012345678901234"


static const struct {
    const char  *name;
    const char  *in[4];
    const char  *want;            /* NULL: dropped */
} tracestates[] = {
    { "tracestate_included", { "foo=1,bar=2" }, "foo=1,bar=2" },
    { "tracestate_empty_header 1", { "foo=1", "" }, "foo=1" },
    { "tracestate_empty_header 2", { "", "foo=1" }, "foo=1" },
    { "nothing at all", { "" }, "" },
    { "tracestate_multiple_headers_different_keys",
      { "foo=1,bar=2", "rojo=1,congo=2", "baz=3" },
      "foo=1,bar=2,rojo=1,congo=2,baz=3" },
    { "tracestate_duplicated_keys 1", { "foo=1,foo=1" }, "foo=1" },
    { "tracestate_duplicated_keys 2", { "foo=1,foo=2" }, "foo=1" },
    { "tracestate_duplicated_keys 3", { "foo=1", "foo=2" }, "foo=1" },
    { "tracestate_all_allowed_characters",
      { "abcdefghijklmnopqrstuvwxyz0123456789_-*/="
        " !\"#$%&'()*+-./0123456789:;<>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ"
        "[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~" },
      "abcdefghijklmnopqrstuvwxyz0123456789_-*/="
      " !\"#$%&'()*+-./0123456789:;<>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ"
      "[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~" },
    { "tracestate_ows_handling 1", { "foo=1 \t , \t bar=2, \t baz=3" },
      "foo=1,bar=2,baz=3" },
    { "tracestate_ows_handling 2", { "foo=1\t \t,\t \tbar=2,\t \tbaz=3" },
      "foo=1,bar=2,baz=3" },
    { "tracestate_ows_handling 3", { " foo=1", "\tfoo2=1 ", "bar=1\t" },
      "foo=1,foo2=1,bar=1" },
    { "empty members", { ",foo=1,,bar=2, ,\t," }, "foo=1,bar=2" },
    { "leading spaces of a value are its own", { "foo=  1" }, "foo=  1" },
    { "tracestate_key_illegal_characters 1", { "foo =1" }, NULL },
    { "tracestate_key_illegal_characters 2", { "FOO=1" }, NULL },
    { "tracestate_key_illegal_characters 3", { "foo.bar=1" }, NULL },
    { "tracestate_key_illegal_vendor_format 1", { "foo@=1,bar=2" },
      "foo@=1,bar=2" },
    { "tracestate_key_illegal_vendor_format 2", { "@foo=1,bar=2" }, NULL },
    { "tracestate_key_illegal_vendor_format 3", { "foo@@bar=1,bar=2" },
      "foo@@bar=1,bar=2" },
    { "tracestate_key_illegal_vendor_format 4", { "foo@bar@baz=1,bar=2" },
      "foo@bar@baz=1,bar=2" },
    { "tracestate_key_length_limit 1", { "foo=1", K256 "=1" },
      "foo=1," K256 "=1" },
    { "tracestate_key_length_limit 2", { "foo=1", K256 "b=1" }, NULL },
    { "tracestate_value_illegal_characters 1", { "foo=bar=baz" }, NULL },
    { "tracestate_value_illegal_characters 2", { "foo=,bar=3" }, NULL },
    { "a value of 256", { "foo=" K256 }, "foo=" K256 },
    { "a value of 257", { "foo=" K256 "7" }, NULL },
    { "a tab in a value", { "foo=a\tb" }, NULL },
    { "no UTF-8", { "foo=\xc3\xa4" }, NULL },
    { "no equals sign", { "foo" }, NULL },
    { "no key", { "=1" }, NULL },
    { "digits may begin a key", { "0a=1" }, "0a=1" },
    { "a dash may not", { "-a=1" }, NULL },
};


static void
test_tracestate(void)
{
    char         in[2048], buf[4096], small[512];
    size_t       i, k, n, len;
    genai_str_t  v[4];

    for (i = 0; i < genai_nelts(tracestates); i++) {

        for (n = 0; n < 4 && tracestates[i].in[n]; n++) {
            v[n] = S(tracestates[i].in[n]);
        }

        if (tracestates[i].want == NULL) {
            is_int(genai_tracestate_combine(v, n, buf, sizeof(buf), &len),
                   GENAI_DECLINED, tracestates[i].name);
            is_int((long long) len, 0, "… all of it is dropped");
            continue;
        }

        is_int(genai_tracestate_combine(v, n, buf, sizeof(buf), &len),
               GENAI_OK, tracestates[i].name);
        is_mem(buf, len, tracestates[i].want, tracestates[i].name);
    }

    is_int(genai_tracestate_combine(NULL, 0, buf, sizeof(buf), &len),
           GENAI_OK, "no header");
    is_int((long long) len, 0, "no header, nothing");

    for (len = 0, i = 1; i <= 33; i++) {
        len += (size_t) sprintf(in + len, "%sbar%02zu=%02zu",
                                i == 1 ? "" : ",", i, i);

        if (i >= 32) {
            v[0] = S(in);
            is_int(genai_tracestate_combine(v, 1, buf, sizeof(buf), &n),
                   i == 32 ? GENAI_OK : GENAI_DECLINED,
                   "tracestate_member_count_limit");
            is_int((long long) n, i == 32 ? (long long) len : 0,
                   "32 members go on, of 33 none");
        }
    }

    /* 512 bytes: one long member goes first, though it is the leftmost */

    len = (size_t) sprintf(in, "long=%0150d", 0);

    for (k = 0; k < 8; k++) {
        len += (size_t) sprintf(in + len, ",k%zu=%060zu", k, k);
    }

    v[0] = genai_str(in, len);
    is_int(genai_tracestate_combine(v, 1, small, sizeof(small), &n),
           GENAI_OK, "too long for the buffer");
    ok(n == 511 && memcmp(small, in + 156, 511) == 0,
       "the long member goes, all others stay (%zu)", n);

    for (len = 0, k = 0; k < 10; k++) {
        len += (size_t) sprintf(in + len, "%sk%zu=%060zu", k ? "," : "", k,
                                k);
    }

    v[0] = genai_str(in, len);
    genai_tracestate_combine(v, 1, small, sizeof(small), &n);
    ok(n == 511 && memcmp(small, in, 511) == 0,
       "then from the right (%zu)", n);

    v[0] = genai_str(in, 511);
    genai_tracestate_combine(v, 1, small, 511, &n);
    is_int((long long) n, 511, "what just fits stays");
    genai_tracestate_combine(v, 1, small, 510, &n);
    is_int((long long) n, 447, "what does not quite fit goes");
}


static void
test_baggage(void)
{
    int          bad;
    char        *in;
    size_t       i, n;
    genai_str_t  v[3];

    static const struct {
        const char  *in;
        int          rc;
    } cases[] = {
        { "", GENAI_OK },
        { "userId=alice,serverNode=DF%2028,isProduction=false", GENAI_OK },
        { "key1=value1;property1;property2, key2 = value2", GENAI_OK },
        { "key3=value3; propertyKey=propertyValue", GENAI_OK },
        { "a=b=c,d=", GENAI_OK },
        { ",a=1,,b=2,", GENAI_OK },
        { "a", GENAI_ERROR },
        { "=1", GENAI_ERROR },
        { "a b=1", GENAI_ERROR },
        { "a=b c", GENAI_ERROR },
        { "a=\"b\"", GENAI_ERROR },
        { "a=b\\c", GENAI_ERROR },
        { "a=\xc3\xa4", GENAI_ERROR },
        { "a=1;", GENAI_ERROR },
        { "a=1;;b", GENAI_ERROR },
        { "a=1\r\nX: y", GENAI_ERROR },
    };

    for (i = 0; i < genai_nelts(cases); i++) {
        v[0] = S(cases[i].in);
        is_int(genai_baggage_check(v, 1), cases[i].rc, "baggage");
    }

    is_int(genai_baggage_check(NULL, 0), GENAI_OK, "no baggage");

    in = malloc(10000);

    for (n = 0, i = 0; i < 65; i++) {
        v[0] = genai_str(in, n);
        bad = i && genai_baggage_check(v, 1) != GENAI_OK;
        ok(!bad, "%zu members may be passed on", i);
        n += (size_t) sprintf(in + n, "%sk%zu=v", i ? "," : "", i);
    }

    v[0] = genai_str(in, n);
    is_int(genai_baggage_check(v, 1), GENAI_DECLINED, "65 may not");

    memset(in, 'v', 8193);
    memcpy(in, "k=", 2);
    v[0] = genai_str(in, 8192);
    is_int(genai_baggage_check(v, 1), GENAI_OK, "8192 bytes");
    v[0] = genai_str(in, 8193);
    is_int(genai_baggage_check(v, 1), GENAI_DECLINED, "8193 bytes");
    v[0] = genai_str(in, 8188);
    v[1] = S("k=v");
    is_int(genai_baggage_check(v, 2), GENAI_OK, "8188 + comma + 3");
    v[0] = genai_str(in, 8189);
    is_int(genai_baggage_check(v, 2), GENAI_DECLINED, "8189 + comma + 3");

    free(in);
}


#define XOK  "xray " TID " "


static const struct {
    const char  *name;
    const char  *in;
    int          rc;
    const char  *want;
    const char  *again;           /* as genai_xray_format writes it */
} xrays[] = {
    { "all three", "Root=" ROOT ";Parent=" SID ";Sampled=1", GENAI_OK,
      XOK SID " 01 1", "Root=" ROOT ";Parent=" SID ";Sampled=1" },
    { "not sampled", "Root=" ROOT ";Parent=" SID ";Sampled=0", GENAI_OK,
      XOK SID " 00 0", "Root=" ROOT ";Parent=" SID ";Sampled=0" },
    { "asked to decide", "Root=" ROOT ";Parent=" SID ";Sampled=?", GENAI_OK,
      XOK SID " 00 ?", "Root=" ROOT ";Parent=" SID ";Sampled=?" },
    { "root alone", "Root=" ROOT, GENAI_OK, XOK "00 ?",
      "Root=" ROOT ";Sampled=?" },
    { "any order, spaces", " Sampled = 1 ;Parent=" SID "; Root=" ROOT " ",
      GENAI_OK, XOK SID " 01 1",
      "Root=" ROOT ";Parent=" SID ";Sampled=1" },
    { "a load balancer's Self", "Self=1-67891234-12456789abcdef012345678;"
      "Root=" ROOT, GENAI_OK, XOK "00 ?", "Root=" ROOT ";Sampled=?;"
      "Self=1-67891234-12456789abcdef012345678" },
    { "Lineage, a field of the caller's",
      "Root=" ROOT ";Lineage=a87bd80c:1|68fd508a:5;Parent=" SID
      ";Sampled=1;CalledFrom=app=x", GENAI_OK, XOK SID " 01 1",
      "Root=" ROOT ";Parent=" SID ";Sampled=1;"
      "Lineage=a87bd80c:1|68fd508a:5;CalledFrom=app=x" },
    { "upper case digits", "Root=1-0AF76519-16CD43DD8448EB211C80319C;Parent="
      "B7AD6B7169203331", GENAI_OK, XOK SID " 00 ?",
      "Root=" ROOT ";Parent=" SID ";Sampled=?" },
    { "a bad Parent leaves Root", "Root=" ROOT ";Parent=xyz;Sampled=1",
      GENAI_OK, XOK "01 1", "Root=" ROOT ";Sampled=1" },
    { "a Parent of zeros", "Root=" ROOT ";Parent=0000000000000000", GENAI_OK,
      XOK "00 ?", "Root=" ROOT ";Sampled=?" },
    { "the first of a name counts", "Root=" ROOT ";Root=1-1-1;Sampled=0;"
      "Sampled=1", GENAI_OK, XOK "00 0", "Root=" ROOT ";Sampled=0" },
    { "empty fields", ";;Root=" ROOT ";; ;", GENAI_OK, XOK "00 ?",
      "Root=" ROOT ";Sampled=?" },
    { "an odd Sampled", "Root=" ROOT ";Sampled=2", GENAI_OK, XOK "00 ?",
      "Root=" ROOT ";Sampled=?" },
    { "no root", "Parent=" SID ";Sampled=0", GENAI_DECLINED, "none 00 0",
      NULL },
    { "a version nobody knows", "Root=2-0af76519-16cd43dd8448eb211c80319c",
      GENAI_DECLINED, "none 00 ?", NULL },
    { "a short root", "Root=1-0af76519-16cd43dd8448eb211c80319",
      GENAI_DECLINED, "none 00 ?", NULL },
    { "a long root", "Root=" ROOT "0", GENAI_DECLINED, "none 00 ?", NULL },
    { "wrong dashes", "Root=1-0af7651916-cd43dd8448eb211c80319c",
      GENAI_DECLINED, "none 00 ?", NULL },
    { "a root of zeros", "Root=1-00000000-000000000000000000000000",
      GENAI_DECLINED, "none 00 ?", NULL },
    { "no hex", "Root=1-0af7651x-16cd43dd8448eb211c80319c", GENAI_DECLINED,
      "none 00 ?", NULL },
    { "nothing", "", GENAI_DECLINED, "none 00 ?", NULL },
    { "junk", "===;;;=;Root;Root=", GENAI_DECLINED, "none 00 ?", NULL },
};


static void
test_xray(void)
{
    char               buf[512], *exact;
    size_t             i, n;
    genai_str_t        in;
    genai_trace_ctx_t  t;

    for (i = 0; i < genai_nelts(xrays); i++) {
        in = S(xrays[i].in);
        is_int(genai_xray_parse(&t, in), xrays[i].rc, xrays[i].name);
        is_text(show(&t), xrays[i].want, xrays[i].name);

        if (xrays[i].again) {
            exact = malloc(GENAI_XRAY_LEN + 1 + in.len);
            n = genai_xray_format(&t, in, exact, GENAI_XRAY_LEN + 1 + in.len);
            is_mem(exact, n, xrays[i].again, "… and written again");
            free(exact);
        }
    }

    genai_xray_parse(&t, S("Root=" ROOT ";Parent=" SID ";Sampled=1"));
    n = genai_xray_format(&t, S("Lineage=0123456789;A=b;Self=1"), buf,
                          GENAI_XRAY_LEN + 5);
    is_mem(buf, n, "Root=" ROOT ";Parent=" SID ";Sampled=1;A=b",
           "fields that do not fit are left out whole");
    n = genai_xray_format(&t, S("A=b"), buf, GENAI_XRAY_LEN);
    is_int((long long) n, GENAI_XRAY_LEN, "GENAI_XRAY_LEN holds our own");

    n = genai_traceparent_format(&t, buf);
    is_mem(buf, n, "00-" TID "-" SID "-01", "X-Ray to W3C");

    w3c(&t, "00-" TID "-" SID "-00");
    n = genai_xray_format(&t, S(""), buf, sizeof(buf));
    is_mem(buf, n, "Root=" ROOT ";Parent=" SID ";Sampled=0", "W3C to X-Ray");

    n = genai_xray_root(t.trace_id, buf);
    is_mem(buf, n, ROOT, "an id as X-Ray writes it");
}


#define BOK  "b3 " TID " " SID " "


static const struct {
    const char  *name;
    const char  *in;
    int          rc;
    const char  *want;
} b3s[] = {
    { "sampled", TID "-" SID "-1", GENAI_OK, BOK "01 1" },
    { "not sampled", TID "-" SID "-0", GENAI_OK, BOK "00 0" },
    { "undecided", TID "-" SID, GENAI_OK, BOK "00 ?" },
    { "debug", TID "-" SID "-d", GENAI_OK, BOK "01 1d" },
    { "with a parent", TID "-" SID "-1-05e3ac9a4f6e3b90", GENAI_OK,
      BOK "01 1" },
    { "64 bits", "8448eb211c80319c-" SID "-1", GENAI_OK,
      "b3 00000000000000008448eb211c80319c " SID " 01 1" },
    { "deny", "0", GENAI_DECLINED, "none 00 0" },
    { "accept", "1", GENAI_DECLINED, "none 00 1" },
    { "a bad decision", TID "-" SID "-x", GENAI_DECLINED, "none 00 ?" },
    { "a bad parent", TID "-" SID "-1-xyz", GENAI_DECLINED, "none 00 ?" },
    { "one part too many", TID "-" SID "-1-05e3ac9a4f6e3b90-1",
      GENAI_DECLINED, "none 00 ?" },
    { "a short span", TID "-b7ad6b716920333-1", GENAI_DECLINED,
      "none 00 ?" },
    { "zeros", "0000000000000000-" SID "-1", GENAI_DECLINED, "none 00 ?" },
    { "no span", TID, GENAI_DECLINED, "none 00 ?" },
    { "nothing", "", GENAI_DECLINED, "none 00 ?" },
};


static void
test_b3(void)
{
    char               buf[64];
    size_t             i, n;
    genai_trace_ctx_t  t;

    for (i = 0; i < genai_nelts(b3s); i++) {
        is_int(genai_b3_parse(&t, S(b3s[i].in)), b3s[i].rc, b3s[i].name);
        is_text(show(&t), b3s[i].want, b3s[i].name);
    }

    is_int(genai_b3_multi_parse(&t, S(TID), S(SID), S("1"), S("")), GENAI_OK,
           "multi");
    is_text(show(&t), BOK "01 1", "multi");
    is_int(genai_b3_multi_parse(&t, S(TID), S(SID), S("false"), S("")),
           GENAI_OK, "multi, false");
    is_text(show(&t), BOK "00 0", "multi, false");
    is_int(genai_b3_multi_parse(&t, S(TID), S(SID), S(""), S("1")), GENAI_OK,
           "multi, debug");
    is_text(show(&t), BOK "01 1d", "multi, debug");
    n = genai_b3_format(&t, buf);
    is_mem(buf, n, TID "-" SID "-d", "debug is written");
    is_int(genai_b3_multi_parse(&t, S(TID), S(SID), S("d"), S("0")), GENAI_OK,
           "multi, odd");
    is_int(t.debug, 0, "debug is not a value of X-B3-Sampled");
    is_int(genai_b3_multi_parse(&t, S(TID), S(""), S("0"), S("")),
           GENAI_DECLINED, "multi, no span");
    is_int(t.sampled, GENAI_SAMPLED_NO, "but a decision");

    w3c(&t, P);
    n = genai_b3_format(&t, buf);
    is_mem(buf, n, TID "-" SID "-1", "W3C to B3");
    is_int(genai_b3_sampled(&t), '1', "X-B3-Sampled");
    t.sampled = GENAI_SAMPLED_UNKNOWN;
    n = genai_b3_format(&t, buf);
    is_mem(buf, n, TID "-" SID, "no decision, no field");
    is_int(genai_b3_sampled(&t), 0, "and no X-B3-Sampled");
}


static void
test_extract(void)
{
    genai_trace_ctx_t      t;
    genai_trace_headers_t  h;

    static const uint8_t  all[] = {
        GENAI_TRACE_W3C, GENAI_TRACE_XRAY, GENAI_TRACE_B3
    };
    static const uint8_t  xray[] = { GENAI_TRACE_XRAY, GENAI_TRACE_W3C };

    memset(&h, 0, sizeof(h));
    is_int(genai_trace_extract(&t, all, 3, &h), GENAI_DECLINED,
           "no headers");
    is_text(show(&t), "none 00 ?", "no headers");

    h.traceparent = S(P);
    h.traceparents = 1;
    h.xray = S("Root=1-11111111-222222222222222222222222;Sampled=0");
    h.b3 = S("33333333333333333333333333333333-4444444444444444-1");

    genai_trace_extract(&t, all, 3, &h);
    is_text(show(&t), OK "01 1", "the first format wins");

    genai_trace_extract(&t, xray, 2, &h);
    is_text(show(&t), "xray 11111111222222222222222222222222 00 0",
            "the order is the caller's");

    h.traceparents = 2;
    genai_trace_extract(&t, all, 3, &h);
    is_text(show(&t), "xray 11111111222222222222222222222222 00 0",
            "traceparent_duplicated: not used, the next format is");
    is_int(genai_trace_extract(&t, all, 1, &h), GENAI_DECLINED,
           "traceparent_duplicated: a new trace");

    h.traceparents = 0;
    h.xray = S("Sampled=0");
    genai_trace_extract(&t, all, 3, &h);
    is_text(show(&t), "b3 33333333333333333333333333333333 4444444444444444"
            " 01 1", "a decision alone does not win over ids");

    h.b3 = S("");
    is_int(genai_trace_extract(&t, all, 3, &h), GENAI_DECLINED,
           "a decision and no ids");
    is_text(show(&t), "none 00 0", "the decision is kept");

    h.b3_trace_id = S(TID);
    h.b3_span_id = S(SID);
    h.b3_sampled = S("1");
    genai_trace_extract(&t, all, 3, &h);
    is_text(show(&t), BOK "01 1", "B3 multi");
    h.b3 = S("0");
    is_int(genai_trace_extract(&t, all + 2, 1, &h), GENAI_DECLINED,
           "B3 single wins over multi");
}


static void
test_ids(void)
{
    int                bad, bits[96];
    char               buf[64];
    size_t             i, k, n;
    uint8_t            seed[32], id[8];
    uint64_t           first;
    genai_rand_t       r, same;
    genai_trace_ctx_t  t, back;

    memset(seed, 0, sizeof(seed));
    genai_rand_seed(&r, seed);
    ok(genai_rand_next(&r) | genai_rand_next(&r),
       "a seed of zeros does not stick at zero");

    /* the generator's published reference code, state 1, 2, 3, 4 */

    for (i = 0; i < 4; i++) {
        r.s[i] = i + 1;
    }

    ok(genai_rand_next(&r) == 11520 && genai_rand_next(&r) == 0
       && genai_rand_next(&r) == 1509978240
       && genai_rand_next(&r) == 1215971899390074240ULL,
       "xoshiro256** agrees with its reference");

    for (i = 0; i < 32; i++) {
        seed[i] = (uint8_t) (i * 7 + 1);
    }

    genai_rand_seed(&r, seed);
    genai_rand_seed(&same, seed);
    first = genai_rand_next(&r);
    ok(first == genai_rand_next(&same), "the same seed, the same numbers");

    memset(bits, 0, sizeof(bits));

    for (bad = 0, i = 0; i < 20000; i++) {
        genai_trace_root(&t, &r, 0x6745abcd);

        bad += memcmp(t.trace_id, "\x67\x45\xab\xcd", 4) != 0 || !t.present
               || t.parent || t.flags != GENAI_TRACE_RANDOM
               || t.sampled != GENAI_SAMPLED_UNKNOWN;

        for (k = 0; k < 96; k++) {
            bits[k] += (t.trace_id[4 + k / 8] >> (k % 8)) & 1;
        }

        genai_span_id(&r, id);
        bad += memcmp(id, "\0\0\0\0\0\0\0\0", 8) == 0;
    }

    is_int(bad, 0, "ids: the time in front, the random flag, no zeros");

    for (bad = 0, k = 0; k < 96; k++) {
        bad += abs(bits[k] - 10000) > 400;
    }

    is_int(bad, 0, "each of the 96 bits is one half of the time");

    memcpy(t.span_id, id, 8);
    t.parent = 1;
    n = genai_traceparent_format(&t, buf);
    is_int(genai_traceparent_parse(&back, genai_str(buf, n)), GENAI_OK,
           "what we write we can read");
    ok(memcmp(back.trace_id, t.trace_id, 16) == 0
       && memcmp(back.span_id, t.span_id, 8) == 0
       && back.flags == GENAI_TRACE_RANDOM, "… the same");
}


static void
test_sample(void)
{
    size_t             i, k;
    double             share;
    uint8_t            seed[32], id[16];
    uint64_t           half, tenth;
    genai_rand_t       r;
    genai_trace_ctx_t  t;

    static const double  ratios[] = { 0.001, 0.1, 0.25, 0.5, 0.9 };

    ok(genai_sample_threshold(1) == 0 && genai_sample_threshold(7) == 0,
       "a ratio of 1 or more");
    ok(genai_sample_threshold(0) == 1ULL << 56
       && genai_sample_threshold(-1) == 1ULL << 56
       && genai_sample_threshold(NAN) == 1ULL << 56, "0, less, no number");
    ok(genai_sample_threshold(0.5) == 0x80000000000000ULL, "0.5: th:8");
    ok(genai_sample_threshold(0.25) == 0xc0000000000000ULL, "0.25: th:c");
    ok(genai_sample_threshold(0.1) == 0xe6666666666668ULL
       || genai_sample_threshold(0.1) == 0xe6666666666666ULL,
       "0.1: th:e6666666666666… (%llx)",
       (unsigned long long) genai_sample_threshold(0.1));

    memset(id, 0xff, 16);
    is_int(genai_sample(id, 1ULL << 56), 0, "never, even the largest");
    memset(id, 0, 16);
    is_int(genai_sample(id, 0), 1, "always, even the smallest");
    memset(id, 0xff, 9);
    is_int(genai_sample(id, 1), 0, "only the low 56 bits count");
    id[9] = 0x80;
    is_int(genai_sample(id, 0x80000000000000), 1, "at the threshold: in");
    is_int(genai_sample(id, 0x80000000000001), 0, "below it: out");

    memset(seed, 42, 32);
    genai_rand_seed(&r, seed);
    half = genai_sample_threshold(0.5);
    tenth = genai_sample_threshold(0.1);

    for (k = 0; k < genai_nelts(ratios); k++) {
        for (share = 0, i = 0; i < 100000; i++) {
            genai_trace_root(&t, &r, 1);
            share += genai_sample(t.trace_id,
                                  genai_sample_threshold(ratios[k]));

            if (genai_sample(t.trace_id, tenth)
                && !genai_sample(t.trace_id, half))
            {
                share = -1e9;
            }
        }

        share /= 100000;
        ok(fabs(share - ratios[k]) < 0.006,
           "%g of the traces: %g, and consistently", ratios[k], share);
    }
}


int
main(void)
{
    uint8_t  b[2];

    is_int(genai_unhex(S("aF09"), b, 2), GENAI_OK, "hex");
    ok(b[0] == 0xaf && b[1] == 0x09, "hex of either case");
    is_int(genai_unhex(S("aF0"), b, 2), GENAI_ERROR, "hex, too short");
    is_int(genai_unhex(S("aF0g"), b, 2), GENAI_ERROR, "hex, not a digit");

    test_traceparent();
    test_tracestate();
    test_baggage();
    test_xray();
    test_b3();
    test_extract();
    test_ids();
    test_sample();

    return done();
}
