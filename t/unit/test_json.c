/*
 * The JSON extractor.  Every document of check() is fed whole, byte by byte,
 * in two pieces at every place and in random pieces, with every loop that
 * this machine has: all must tell the same.  json.h says how it is written.
 */

#include <float.h>
#include <math.h>

#include "json.h"


static int
invariant(const genai_json_program_t *program, const char *doc, size_t len)
{
    int     good;
    size_t  i, k;

    good = 1;

    for (i = 0; i < genai_nelts(levels); i++) {

        if (genai_json_simd_set(levels[i]) != GENAI_OK) {
            continue;
        }

        good = good && same(program, doc, len, 0, 0)
               && same(program, doc, len, 1, 0);

        for (k = 1; k < len && len < 4096 && good; k++) {
            good = same(program, doc, len, 2, k);
        }

        for (k = 0; k < 20 && good; k++) {
            good = same(program, doc, len, 3, 0);
        }
    }

    genai_json_simd_set(NULL);

    return good;
}


static int
check_n(const genai_json_row_t *rows, size_t n, const char *doc, size_t len,
    const char *want, const char *name)
{
    int                    good;
    genai_json_program_t  *program;

    program = compile(rows, n);

    genai_json_simd_set("scalar");
    run(program, doc, len, 0, 0, &first);

    good = is_mem(first.text, first.len, want, name);
    good = good && invariant(program, doc, len);

    if (!good) {
        ok(0, "%s: cut anywhere", name);
    }

    free(program);

    return good;
}


static int
check(const genai_json_row_t *row, const char *doc, const char *want,
    const char *name)
{
    size_t  n;

    for (n = 0; row[n].path; n++) { /* void */ }

    return check_n(row, n, doc, strlen(doc), want, name);
}


static void
paths(void)
{
    check(rows_of(row("usage.inputTokens", N, 1),
                  row("output.message.content[].toolUse.name", T, 2),
                  row("stopReason", T, 3)),
          "{\"output\":{\"message\":{\"content\":[{\"text\":\"a\"},{"
          "\"toolUse\":{\"input\":{\"name\":\"no\"},\"name\":\"search\"}}],"
          "\"role\":\"assistant\"}},\"stopReason\":\"end_turn\",\"usage\":"
          "{\"inputTokens\":12,\"outputTokens\":3}}",
          "2T\"search\";3T\"end_turn\";1N12;done", "keys and elements");

    check(rows_of(row("a[0]", N, 1), row("a[2]", N, 2), row("a[]", N, 3)),
          "{\"a\":[10,11,12,13]}", "1N10;3N10;3N11;2N12;3N12;3N13;done",
          "an index and every element, both fire in the order of rows");

    check(rows_of(row("a[-1].x", N, 1)), "{\"a\":[{\"x\":1},{\"x\":2}]}",
          "1N1;1N2;done", "[-1] fires for each element: the last one wins");

    check(rows_of(row("a.*.x", N, 1), row("a.b.x", N, 2), row("a.b.y", N, 3),
                  row("a.*", P, 4)),
          "{\"a\":{\"b\":{\"x\":1,\"y\":2},\"c\":{\"x\":3,\"y\":4}}}",
          "4P;1N1;2N1;3N2;4P;1N3;done", "any key beside a named one");

    check(rows_of(row("*.*.z", N, 1), row("a.*.z", N, 2), row("*.b.z", N, 3)),
          "{\"a\":{\"b\":{\"z\":1},\"c\":{\"z\":2}},\"q\":{\"b\":{\"z\":3}}}",
          "1N1;2N1;3N1;1N2;2N2;1N3;3N3;done", "wildcards that overlap");

    check(rows_of(row("[]", N, 1), row("[][1]", T, 2)),
          "[1,[\"a\",\"b\"],2]", "1N1;2T\"b\";1N2;done", "arrays of arrays");

    check(rows_of(row("", P|E, 1)), "{\"a\":{}}", "1P;1E;done",
          "the empty path is the document");

    check(rows_of(row("", N, 1)), " 17 ", "1N17;done",
          "a number is a document");

    check(rows_of(row("a\\.b\\[0\\]", N, 1), row("\\*", N, 2),
                  row("x\\\\y", N, 3)),
          "{\"a.b[0]\":1,\"*\":2,\"q\":3,\"x\\\\y\":4}",
          "1N1;2N2;3N4;done", "quoted characters in a path");

    check(rows_of(row("a", N, 1), row("a.b", N, 2), row("a[]", N, 3)),
          "{\"a\":1,\"a\":{\"b\":2},\"a\":[3]}", "1N1;2N2;3N3;done",
          "a row can be above others, a key can come twice");

    check(rows_of(row("b", N, 2), row("b", N|P, 1)), "{\"b\":5}",
          "1P;2N5;1N5;done", "several rows on one path");

    check(rows_of(row("caf\xc3\xa9", N, 1), row("n\n", N, 2)),
          "{\"caf\\u00e9\":1,\"n\\n\":2,\"\\u006e\\u000a\":3}",
          "1N1;2N2;2N3;done", "keys with escapes are decoded");

    check(rows_of(row("k", N, 1)), "{\"\":1,\"kk\":2,\"K\":3,\"k\":4}",
          "1N4;done", "keys are compared whole");

    check(rows_of(row("a[254]", N, 1)), "{\"a\":[0,1,2]}", "done",
          "an index beyond the end");

    check(rows_of(row("a.b.c.d.e.f.g.h.i.j.k.l.m.n.o", N|L, 1)),
          "{\"a\":{\"b\":{\"c\":{\"d\":{\"e\":{\"f\":{\"g\":{\"h\":{\"i\":"
          "{\"j\":{\"k\":{\"l\":{\"m\":{\"n\":{\"o\":[5,[6]]}}}}}}}}}}}}}}}",
          "1L2;done", "a path of the greatest length");
}


static void
values(void)
{
    check(rows_of(row("[]", N|T|B|P|L|E, 1)),
          "[1,\"s\",true,false,null,[],{},[null],[1,2]]",
          "1P;1N1;1P;1T\"s\";1P;1B1;1P;1B0;1P;1L0;1E;1P;1E;"
          "1P;1L1;1E;1P;1L2;1E;done", "every type of value");

    check(rows_of(row("a", T|C, 1)), "{\"a\":null,\"a\":1,\"a\":{},\"a\":[]}",
          "done", "values of another type say nothing");

    check(rows_of(row("a", L, 1)),
          "{\"a\":[ ],\"a\":[ 1 , 2 ],\"a\":[[1,2],{\"x\":[3,4]},\"a,b\"],"
          "\"a\":[\"]\\\",\",1]}",
          "1L0;1L2;1L3;1L2;done", "LENGTH counts what the array itself has");

    check(rows_of(row("a", L|E, 1), row("a[].x", N, 2), row("a[1]", L, 3)),
          "{\"a\":[{\"x\":1},[7,7,7],{\"x\":2}]}",
          "2N1;3L3;2N2;1L3;1E;done", "LENGTH of an array that is read, too");

    check(rows_of(row("a.b", P|E, 1), row("a", P|E, 2)),
          "{\"a\":{\"b\":{\"q\":[{}]},\"c\":{}}}", "2P;1P;1E;2E;done",
          "PRESENT and END of what is skipped inside");

    check(rows_of(row("a", T|C|S|P, 1)), "{\"a\":\"\"}",
          "1P;1S\"\";1T\"\";1C0;done", "the empty string");

    check(rows_of(row("a", E, 1)), " \t\r\n{ \"a\" : { \"b\" : [ 1 , 2 ] } ,"
          "                                                             "
          "                                       \"c\" : \"d\" } \n\n",
          "1E;done", "white space is allowed between all tokens");
}


static void
numbers(void)
{
    size_t                    i;
    char                      doc[64], want[64];
    static const char *const  good[][2] = {
        { "0", "0" }, { "-0", "0" }, { "28.0", "28" }, { "28.5", "28~" },
        { "-28.5", "-28~" }, { "1e3", "1000" }, { "1E+3", "1000" },
        { "15e-1", "1~" }, { "150e-1", "15" }, { "1.25e2", "125" },
        { "0.000", "0" }, { "0.1", "0~" }, { "-0.9", "0~" },
        { "9223372036854775807", "9223372036854775807" },
        { "9223372036854775808", "9223372036854775807" },
        { "-9223372036854775808", "-9223372036854775808" },
        { "-9223372036854775809", "-9223372036854775808" },
        { "18446744073709551616", "9223372036854775807" },
        { "123456789012345678901234567890", "9223372036854775807" },
        { "1e400", "9223372036854775807" },
        { "-1e99999999999999999999", "-9223372036854775808" },
        { "1e-99999999999999999999", "0~" }, { "0e999999999999", "0" },
        { "12345678901234567891e-1", "1234567890123456789~" },
        { "12345678901234567890e-1", "1234567890123456789" },
        { "28.000000000000000000000000000000", "28" },
        { "28.000000000000000000000000000001", "28~" },
        { "0.00000000000000000000000000000028e32", "28" },
        { "1000000000000000000000e-20", "10" }
    };
    static const char *const  bad[] = {
        "-", "+1", ".5", "1.", "1.e5", "1e", "1e+", "01", "-01", "1-2",
        "1.2.3", "--1", "0x10", "1_000", "NaN", "Infinity", "-Infinity",
        "nan", "nul", "nulll", "tru", "truee", "fals", "True", "1e5.5"
    };

    for (i = 0; i < genai_nelts(good); i++) {
        snprintf(want, sizeof(want), "1N%s;1N7;done", good[i][1]);
        snprintf(doc, sizeof(doc), "[%s ,7]", good[i][0]);
        check(rows_of(row("[]", N, 1)), doc, want, good[i][0]);
    }

    for (i = 0; i < genai_nelts(bad); i++) {
        snprintf(doc, sizeof(doc), "[7,%s]", bad[i]);
        check(rows_of(row("[0]", N, 1), row("[1].x", N, 2)), doc,
              "1N7;error", bad[i]);
    }
}


static double  real;


static void
on_real(void *data, const genai_json_row_t *row_, const genai_json_value_t *v)
{
    (void) data;
    (void) row_;

    real = v->real;
}


static void
reals(void)
{
    int                    bad, i;
    char                   s[64];
    double                 want, got;
    genai_json_t           j;
    genai_json_program_t  *program;
    static const char     *limits[][2] = {
        { "1e309", "1.7976931348623157e308" },
        { "-1e999", "-1.7976931348623157e308" },
        { "1.7976931348623157e308", "1.7976931348623157e308" },
        { "2.2250738585072014e-308", "2.2250738585072014e-308" },
        { "1e-999", "0" }, { "0.1", "0.1" }, { "0.87341234", "0.87341234" }
    };

    program = compile(rows_of(row("", N, 1)), 1);
    bad = 0;

    for (i = 0; i < 200000; i++) {

        if (i & 1) {
            snprintf(s, sizeof(s), "%s0.%0*u%u", i & 2 ? "-" : "",
                     (int) rnd(10) + 1, rnd(1000000000), rnd(1000000000));
        } else {
            snprintf(s, sizeof(s), "%u%u.%ue%d", rnd(1000000000),
                     rnd(1000000000), rnd(1000), (int) rnd(600) - 300);
        }

        genai_json_init(&j, program, on_real, NULL);
        genai_json_feed(&j, s, strlen(s));
        genai_json_finish(&j);

        got = real;
        want = strtod(s, NULL);

        if (isinf(want)) {
            want = DBL_MAX;
        }

        if (fabs(got - want) > fabs(want) * 2.3e-16) {
            printf("# %s: %.17g, strtod %.17g\n", s, got, want);
            bad++;
        }
    }

    is_int(bad, 0, "reals are within one unit in the last place of strtod");

    for (i = 0; i < (int) genai_nelts(limits); i++) {
        genai_json_init(&j, program, on_real, NULL);
        genai_json_feed(&j, limits[i][0], strlen(limits[i][0]));
        genai_json_finish(&j);
        ok(real == strtod(limits[i][1], NULL), "%s is %s", limits[i][0],
           limits[i][1]);
    }

    free(program);
}


static void
strings(void)
{
    check(rows_of(row("a", T|C|S, 1)),
          "{\"a\":\"q\\\"s\\\\b\\/\\b\\f\\n\\r\\t\"}",
          "1S\"q\"s\\b/\b\f\n\r\t\";1T\"q\"s\\b/\b\f\n\r\t\";1C11;done",
          "each escape is decoded and is one character");

    check(rows_of(row("a", T|C, 1)),
          "{\"a\":\"\\u0041\\u00e9\\u20AC\\ud83d\\ude00\"}",
          "1T\"A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\";1C4;done",
          "\\uXXXX of one to four bytes; a surrogate pair is one character");

    check(rows_of(row("a", C, 1)),
          "{\"a\":\"\\u0041\\u00e9\\u20AC\\ud83d\\ude00\"}", "1C4;done",
          "the same when only counted");

    check(rows_of(row("a", T|C, 1), row("b", C, 2)),
          "{\"a\":\"\\ud83dx\\ude00\\ud83d\\ud83d\\ude00\\ud83d\\n\\ud83d\","
          "\"b\":\"\\ud83dx\\ude00\\ud83d\\ud83d\\ude00\\ud83d\\n\\ud83d\"}",
          "1T\"\xef\xbf\xbdx\xef\xbf\xbd\xef\xbf\xbd\xf0\x9f\x98\x80"
          "\xef\xbf\xbd\n\xef\xbf\xbd\";1C8;2C8;done",
          "surrogates without their other half");

    check(rows_of(row("a", T|C, 1), row("b", C, 2)),
          "{\"a\":\"\xc3\xa9\xff\x80\x80z\xe2\x82\",\"b\":\"\xc3\xa9\xff\x80"
          "\x80z\xe2\x82\"}",
          "1T\"\xc3\xa9\xff\x80\x80z\xe2\x82\";1C4;2C4;done",
          "invalid UTF-8 is passed on and counted by lead bytes");

    check(rows_of(row("a", T|C, 1)), "{\"a\":\"\\u0000\",\"a\":\"u\\\\u\"}",
          "1T\"@\";1C1;1T\"u\\u\";1C3;done", "a zero byte in a string");
}


/* strings near the length that is kept; the last character is two bytes */

static void
cuts(void)
{
    char      doc[2048], want[2048], s[512];
    unsigned  n, keep, esc;

    for (esc = 0; esc < 2; esc++) {
        for (n = GENAI_JSON_STRING - 3; n < GENAI_JSON_STRING + 3; n++) {

            memset(s, 'x', n);
            s[n] = '\0';

            snprintf(doc, sizeof(doc), "[\"%s%s\",\"%s%stail\"]", s,
                     esc ? "\\u00e9" : "\xc3\xa9", s,
                     esc ? "\\u00e9" : "\xc3\xa9");

            keep = n > GENAI_JSON_STRING ? GENAI_JSON_STRING : n;

            snprintf(want, sizeof(want),
                     "1T\"%.*s%s\"%s;1C%u;1T\"%.*s%s%.*s\"%s;1C%u;done",
                     (int) keep, s,
                     n + 2 <= GENAI_JSON_STRING ? "\xc3\xa9" : "",
                     n + 2 <= GENAI_JSON_STRING ? "" : "+", n + 1,
                     (int) keep, s,
                     n + 2 <= GENAI_JSON_STRING ? "\xc3\xa9" : "",
                     n + 2 <= GENAI_JSON_STRING
                     ? (int) (GENAI_JSON_STRING - n - 2) : 0, "tail",
                     n + 6 <= GENAI_JSON_STRING ? "" : "+", n + 5);

            snprintf(s, sizeof(s), "%u bytes%s and a long character: kept to "
                     "a character's end", n, esc ? ", escaped" : "");
            check(rows_of(row("[]", T|C, 1)), doc, want, s);
        }
    }

    memset(s, 0x80, 300);
    s[300] = '\0';
    snprintf(doc, sizeof(doc), "[\"%s\"]", s);
    snprintf(want, sizeof(want), "1T\"%.256s\"+;done", s);
    check(rows_of(row("[]", T, 1)), doc, want,
          "without lead bytes it is cut where it is full");
}


/* runs of backslashes and quotes wherever they fall in a block */

static void
escapes(void)
{
    int                    bad, chars;
    char                   doc[512], want[512], raw[256], text[256];
    unsigned               at, runs, i, n, t;
    genai_json_program_t  *all, *none, *tree, *count;

    all = compile(rows_of(row("[0]", T|C, 1), row("[1]", N, 2)), 2);
    count = compile(rows_of(row("[0]", C, 1), row("[1]", N, 2)), 2);
    none = compile(rows_of(row("[1]", N, 2)), 1);
    tree = compile(rows_of(row("[1]", N, 2), row("[0]", L, 3)), 2);
    bad = 0;

    for (at = 0; at < 140; at++) {
        for (runs = 1; runs < 9; runs++) {

            for (n = 0; n < at; n++) {
                raw[n] = text[n] = n % 7 ? 'a' : ',';
            }

            for (i = 0, t = n; i < runs; i++) {
                raw[n++] = '\\';
                if (i & 1) {
                    text[t++] = '\\';
                }
            }

            if (runs & 1) {
                raw[n++] = '"';
                text[t++] = '"';
            }

            raw[n++] = 'u';
            text[t++] = 'u';
            raw[n] = text[t] = '\0';
            chars = (int) t;

            snprintf(doc, sizeof(doc), "[\"%s\",5]", raw);
            snprintf(want, sizeof(want), "1T\"%s\";1C%d;2N5;done", text,
                     chars);

            genai_json_simd_set("scalar");
            run(all, doc, strlen(doc), 0, 0, &first);
            bad += strcmp(first.text, want) != 0;
            bad += !invariant(all, doc, strlen(doc));

            snprintf(want, sizeof(want), "1C%d;2N5;done", chars);
            run(count, doc, strlen(doc), 0, 0, &first);
            bad += strcmp(first.text, want) != 0;
            bad += !invariant(count, doc, strlen(doc));

            run(none, doc, strlen(doc), 0, 0, &first);
            bad += strcmp(first.text, "2N5;done") != 0;
            bad += !invariant(none, doc, strlen(doc));

            snprintf(doc, sizeof(doc), "[[\"%s\",{\"]\":1}],5]", raw);
            run(tree, doc, strlen(doc), 0, 0, &first);
            bad += strcmp(first.text, "3L2;2N5;done") != 0;
            bad += !invariant(tree, doc, strlen(doc));
        }
    }

    is_int(bad, 0, "runs of 1 to 8 backslashes at every place of a block, "
           "decoded, counted, passed and in a skipped subtree");

    free(all);
    free(count);
    free(none);
    free(tree);
}


static const char  *zero_at;


static void
on_zero_copy(void *data, const genai_json_row_t *row_,
    const genai_json_value_t *v)
{
    (void) data;
    (void) row_;

    zero_at = v->text.data;
}


static void
zero_copy(void)
{
    genai_json_t           j;
    genai_json_program_t  *program;
    static const char      doc[] = "{\"a\":\"text\"}";

    program = compile(rows_of(row("a", T, 1)), 1);
    genai_json_init(&j, program, on_zero_copy, NULL);
    genai_json_feed(&j, doc, sizeof(doc) - 1);

    ok(zero_at == doc + 6, "a string in one piece is not copied");
    ok(sizeof(genai_json_t) <= 640, "a parser is small");

    free(program);
}


typedef struct {
    uint64_t  bytes;
    int64_t   chars;
    int       last;
} big_t;


static void
on_big(void *data, const genai_json_row_t *row_, const genai_json_value_t *v)
{
    big_t  *big = data;

    (void) row_;

    if (v->event == S) {
        big->bytes += v->text.len;
        big->last += v->last;
    }

    if (v->event == C) {
        big->chars = v->integer;
    }
}


static void
big(void)
{
    int                    i, rc;
    big_t                  got;
    genai_json_t           j;
    genai_json_program_t  *program;
    static const char      piece[] = "0123456789\\n\\u20ac\xc3\xa9\\ud83d"
                                     "\\ude00xyz";

    program = compile(rows_of(row("a", S|C, 1)), 1);
    memset(&got, 0, sizeof(got));

    genai_json_init(&j, program, on_big, &got);
    genai_json_feed(&j, "{\"a\":\"", 6);

    for (i = 0; i < 200000; i++) {
        genai_json_feed(&j, piece, sizeof(piece) - 1);
    }

    rc = genai_json_feed(&j, "\"}", 2);

    is_int(rc, GENAI_DONE, "a string of 7 MB");
    is_int((long long) got.bytes, 200000LL * 23, "all its bytes come");
    is_int(got.chars, 200000LL * 17, "its characters are counted");
    is_int(got.last, 1, "one piece is the last");

    free(program);
}


static void
errors(void)
{
    size_t                   i, n;
    char                     doc[512], want[64], name[128];
    static const char *const bad[] = {
        "", " ", "{", "[", "\"", "{\"a\"", "{\"a\":", "{\"a\":1", "{\"a\":1,",
        "[1,", "[1", "tru", "1e", "\"abc", "\"abc\\", "\"\\u12", "}", "]", ":",
        ",", "{,}", "{1:2}", "{\"a\" 1}", "{\"a\":1 \"b\":2}", "{\"a\":1,}",
        "{a:1}", "{'a':1}", "[,1]", "[1 2]", "[1:2]", "{\"q\":[1}", "[1}",
        "{\"q\":{\"x\":1]}", "{\"a\":1]", "{}{}", "{}x", "[]]", "1 2", "nullx",
        "{\"a\":\"\\q\"}", "{\"a\":\"\\u12g4\"}", "{\"a\":\"x\ny\"}",
        "{\"z\":\"x\ny\"}", "{\"b\":\"x\ty\"}", "{\"b\":\"\\uzzzz\"}",
        "{\"k\ney\":1}", "{\"\\x\":1}", "\xef\xbb\xbf{}", "/*c*/{}",
        "{\"a\":\v1}", "[]\v", "{\"a\"::1}", "[DONE]"
    };

    for (i = 0; i < genai_nelts(bad); i++) {
        snprintf(name, sizeof(name), "not JSON: %s", bad[i]);

        for (n = 0; name[n]; n++) {
            name[n] = name[n] < ' ' ? '?' : name[n];
        }

        check(rows_of(row("a", T|S, 1), row("b", C, 2), row("[].x", N, 3)),
              bad[i], "error", name);
    }

    check(rows_of(row("a", N, 1)), "{\"a\":12}x", "1N12;error",
          "what was told before an error stays told");

    check(rows_of(row("a", N, 1)),
          "{\"z\":[NaN,\"\\q\",\"a\tb\",{\"x\":1,,}],\"a\":1}", "1N1;done",
          "in a skipped subtree only strings and brackets are followed");

    for (i = 60; i < 70; i++) {
        snprintf(name, sizeof(name), "%zu levels %s", i,
                 i <= GENAI_JSON_DEPTH ? "are read" : "are too many");
        snprintf(want, sizeof(want), "%s", i <= GENAI_JSON_DEPTH ? "1L1;done"
                                                                  : "error");

        memset(doc, '[', i);
        memset(doc + i, ']', i);
        doc[i * 2] = '\0';
        check(rows_of(row("", L, 1)), doc, want, name);

        memcpy(doc, "[{\"a\":", 6);
        memset(doc + 6, '[', i - 2);
        memset(doc + 4 + i, ']', i - 2);
        memcpy(doc + 2 + 2 * i, "}]", 3);
        check(rows_of(row("", L, 1), row("[].a[].b", N, 2)), doc, want, name);
    }
}


static void
truncated(void)
{
    check(rows_of(row("a", L, 1), row("a[]", L, 2), row("b", C|E, 3)),
          "{\"a\":[[1,2],[3,4,5", "2L2;2L3;1L2;error",
          "arrays of a truncated document: what was seen of them");

    check(rows_of(row("embedding", L, 1)), "{\"embedding\":[0.1,0.2,0.",
          "1L3;error", "a truncated vector");

    check(rows_of(row("embedding", L, 1)), "{\"embedding\":[", "1L0;error",
          "a vector of which nothing came");

    check(rows_of(row("embedding", L, 1)), "{\"embedding\":[1}", "error",
          "nothing is added to a document that is wrong");
}


static void
keys(void)
{
    char  doc[1024], want[1024], key[GENAI_JSON_KEY + 2];

    memset(key, 'k', sizeof(key));
    key[GENAI_JSON_KEY] = '\0';

    snprintf(doc, sizeof(doc), "{\"%s\":1,\"%sk\":2,\"\\u006b%s\":3,\"%s%s%s"
             "%s%s\":4}", key, key, key, key, key, key, key, key);

    check(rows_of(row(key, N, 1)), doc, "1N1;done",
          "a key of the greatest length, and longer ones");
    check(rows_of(row(key, N, 1), row("*", N, 2)), doc,
          "1N1;2N1;2N2;2N3;2N4;done", "longer ones are any key");

    check(rows_of(row("m.*", K|T, 1), row("m.b", K, 2)),
          "{\"m\":{\"a\":\"1\",\"b\":null,\"\\u0063\\n\":\"2\",\"\":\"3\"}}",
          "1K\"a\";1T\"1\";1K\"b\";2K\"b\";1K\"c\n\";1T\"2\";"
          "1K\"\";1T\"3\";done", "the key of a value comes before it");

    key[GENAI_JSON_KEY - 1] = '\0';
    snprintf(doc, sizeof(doc), "{\"%s\xc3\xa9\":1,\"%sk\":2,\"%s\\u00e9\":3}",
             key, key, key);
    snprintf(want, sizeof(want), "1K\"%s\"+;1N1;1K\"%sk\";1N2;1K\"%s\"+;1N3;"
             "done", key, key, key);
    check(rows_of(row("*", K|N, 1)), doc, want,
          "a long key is cut at a character's end");
}


static void
compiler(void)
{
    char              mem[4096] __attribute__((aligned(8)));
    char              names[GENAI_JSON_ROWS + 1][16], key[80];
    size_t            i, used, again, bad;
    genai_json_row_t  rows[GENAI_JSON_ROWS + 1];
    static const char many[] = "{\"k0\":{\"x\":1},\"k1023\":{\"x\":2},"
                               "\"k1024\":{\"x\":3}}";
    const char       *wrong[] = {
        ".a", "a.", "a..b", "a[", "a[x]", "a[-2]", "a[255]", "a[1", "a[]b",
        "a.[0]", "a]", "a\\", "[]x", "a[1x]", "a[99999999999]", key,
        "a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p"
    };

    memset(key, 'k', sizeof(key));
    key[GENAI_JSON_KEY + 1] = '\0';

    for (i = 0; i < genai_nelts(wrong); i++) {
        ok(genai_json_compile(rows_of(row("a", N, 1), row("b", N, 1),
                                      row(wrong[i], N, 1)),
                              3, mem, sizeof(mem), &used, &bad) == GENAI_ERROR
           && bad == 2, "not a path: %s", wrong[i]);
    }

    rows[0] = (genai_json_row_t) row("a.b[].c", N, 1);

    ok(genai_json_compile(rows, 1, NULL, 0, &used, &bad) != GENAI_ERROR
       && used > 0 && used < sizeof(mem), "the size is told");
    is_int(genai_json_compile(rows, 1, mem, used - 1, &again, &bad),
           GENAI_DECLINED, "a byte too few");
    ok(again == used, "the size is told again");
    is_int(genai_json_compile(rows, 1, mem, used, &again, &bad), GENAI_OK,
           "just enough");
    is_int(genai_json_compile(rows, 0, mem, sizeof(mem), &used, &bad),
           GENAI_OK, "no rows");

    for (i = 0; i <= GENAI_JSON_ROWS; i++) {
        snprintf(names[i], sizeof(names[i]), "k%zu.x", i);
        rows[i] = (genai_json_row_t) row(names[i], N, (uint16_t) i);
    }

    ok(genai_json_compile(rows, GENAI_JSON_ROWS + 1, NULL, 0, &used, &bad)
       == GENAI_ERROR && bad == GENAI_JSON_ROWS + 1, "too many rows");

    check_n(rows, GENAI_JSON_ROWS, many, sizeof(many) - 1,
            "0N1;1023N2;done", "as many rows as there may be");

    ok(genai_json_simd_set("none") == GENAI_DECLINED,
       "loops that do not exist are declined");
}


int
main(void)
{
    printf("# %s, %zu bytes\n", genai_json_simd(), sizeof(genai_json_t));

    paths();
    values();
    numbers();
    reals();
    strings();
    cuts();
    escapes();
    zero_copy();
    big();
    errors();
    truncated();
    keys();
    compiler();

    return done();
}
