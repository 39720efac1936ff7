/*
 * The JSON extractor on random documents: what cJSON, and a naive matcher of
 * paths, make of them; and on broken ones: wherever they are cut and with
 * whatever loops, they break at the same place.
 */

#include <math.h>

#include <cjson/cJSON.h>

#include "json.h"


typedef struct {
    const char  *key;                 /* NULL: an element */
    unsigned     i;
} place_t;


static const char *const  words[] = { "a", "b", "abc", "long_key_name", "x" };


static int
matches(const char *path, const place_t *place, unsigned n)
{
    size_t  len;

    for ( /* void */ ; n; n--, place++) {

        path += *path == '.';

        if (*path == '[') {
            if (place->key
                || (path[1] != ']' && path[1] != '-'
                    && (unsigned) atoi(path + 1) != place->i))
            {
                return 0;
            }

            path = strchr(path, ']') + 1;
            continue;
        }

        len = strcspn(path, ".[");

        if (len == 0 || place->key == NULL
            || (!(len == 1 && *path == '*')
                && (strlen(place->key) != len
                    || memcmp(path, place->key, len) != 0)))
        {
            return 0;
        }

        path += len;
    }

    return *path == '\0';
}


static void
say(log_t *l, const genai_json_row_t *rows, size_t n, const place_t *place,
    unsigned depth, const char *what, uint16_t want)
{
    size_t  i;

    for (i = 0; i < n; i++) {
        if ((rows[i].want & want) && matches(rows[i].path, place, depth)) {
            put(l, "%u%s;", rows[i].field, what);
        }
    }
}


static int
code_points(const char *s)
{
    int  n;

    for (n = 0; *s; s++) {
        n += (*s & 0xc0) != 0x80;
    }

    return n;
}


static void
oracle(log_t *l, const genai_json_row_t *rows, size_t n, const cJSON *v,
    place_t *place, unsigned depth)
{
    int           i;
    char          s[1200];
    const cJSON  *child;

    if (depth && place[depth - 1].key) {
        snprintf(s, sizeof(s), "K\"%s\"", place[depth - 1].key);
        say(l, rows, n, place, depth, s, K);
    }

    if (cJSON_IsNull(v)) {
        return;
    }

    say(l, rows, n, place, depth, "P", P);

    if (cJSON_IsNumber(v)) {
        snprintf(s, sizeof(s), "N%lld%s", (long long) v->valuedouble,
                 v->valuedouble != trunc(v->valuedouble) ? "~" : "");
        say(l, rows, n, place, depth, s, N);

    } else if (cJSON_IsBool(v)) {
        say(l, rows, n, place, depth, cJSON_IsTrue(v) ? "B1" : "B0", B);

    } else if (cJSON_IsString(v)) {
        snprintf(s, sizeof(s), "S\"%s\"", v->valuestring);
        say(l, rows, n, place, depth, s, S);
        snprintf(s, sizeof(s), "T\"%s\"", v->valuestring);
        say(l, rows, n, place, depth, s, T);
        snprintf(s, sizeof(s), "C%d", code_points(v->valuestring));
        say(l, rows, n, place, depth, s, C);

    } else {
        i = 0;

        cJSON_ArrayForEach(child, v) {
            place[depth].key = cJSON_IsObject(v) ? child->string : NULL;
            place[depth].i = (unsigned) i++;
            oracle(l, rows, n, child, place, depth + 1);
        }

        if (cJSON_IsArray(v)) {
            snprintf(s, sizeof(s), "L%d", i);
            say(l, rows, n, place, depth, s, L);
        }

        say(l, rows, n, place, depth, "E", E);
    }
}


static void
space(log_t *l)
{
    if (rnd(6) == 0) {
        put(l, "%*s", (int) rnd(90), "");
    }
}


static void
string(log_t *l)
{
    unsigned                 n;
    static const char *const bits[] = {
        "a", "word ", "{", "]", ",", ":", "\\\"", "\\\\", "\\n", "\\u00e9",
        "\\ud83d\\ude00", "\xc3\xa9", "\xf0\x9f\x98\x80", "\xe2\x82\xac", "/",
        "u", "0123456789012345678901234567890123456789"
    };

    put(l, "\"");

    for (n = rnd(4) ? rnd(5) : rnd(20); n; n--) {
        if (n < 7 || rnd(2)) {
            put(l, "%s", bits[rnd(genai_nelts(bits) - (n > 6))]);
        }
    }

    put(l, "\"");
}


/* a random value as JSON text */

static void
grow(log_t *l, unsigned depth)
{
    unsigned  kind, n;

    space(l);
    kind = depth ? rnd(9) : rnd(2);

    if (depth > 7) {
        kind = 2 + rnd(7);
    }

    switch (kind) {
    case 0:
        put(l, "{");

        for (n = rnd(6); n; n--) {
            space(l);
            put(l, "\"%s\"", words[rnd(genai_nelts(words))]);
            space(l);
            put(l, ":");
            grow(l, depth + 1);
            put(l, "%s", n > 1 ? "," : "");
        }

        put(l, "}");
        break;
    case 1:
        put(l, "[");

        for (n = rnd(6); n; n--) {
            grow(l, depth + 1);
            put(l, "%s", n > 1 ? "," : "");
        }

        put(l, "]");
        break;
    case 2:
        put(l, "%d", (int) rnd(100000) - 50000);
        break;
    case 3:
        put(l, "%d.%u", (int) rnd(1000) - 500, rnd(100));
        break;
    case 4:
        put(l, "%s", rnd(2) ? "true" : "false");
        break;
    case 5:
        put(l, "null");
        break;
    default:
        string(l);
    }

    space(l);
}


static void
random_path(char *path)
{
    int  n;

    path[0] = '\0';

    for (n = (int) rnd(5); n >= 0; n--) {
        switch (rnd(8)) {
        case 0:
            strcat(path, "[]");
            break;
        case 1:
            strcat(path, rnd(2) ? "[0]" : "[2]");
            break;
        case 2:
            strcat(path, "[-1]");
            break;
        default:
            strcat(path, path[0] ? "." : "");
            strcat(path, rnd(4) ? words[rnd(genai_nelts(words))] : "*");
        }
    }
}


static void
random_documents(void)
{
    int                    i, wrong, cut;
    char                   path[30][128];
    cJSON                 *json;
    size_t                 n, k;
    place_t                place[32];
    unsigned               events;
    genai_json_row_t       rows[30];
    genai_json_program_t  *program;
    static log_t           doc, want;

    wrong = 0;
    cut = 0;
    events = 0;

    for (i = 0; i < 3000; i++) {
        n = rnd(30) + 1;

        for (k = 0; k < n; k++) {
            random_path(path[k]);
            rows[k] = (genai_json_row_t) row(path[k], (uint16_t)
                                             (rnd(511) + 1), (uint16_t) k);
        }

        doc.len = 0;
        grow(&doc, 0);

        if (doc.len > 8000) {
            continue;
        }

        json = cJSON_ParseWithLength(doc.text, doc.len);

        if (json == NULL) {
            printf("# cJSON: %s\n", doc.text);
            wrong++;
            continue;
        }

        want.len = 0;
        oracle(&want, rows, n, json, place, 0);
        put(&want, "done");
        cJSON_Delete(json);

        if (want.len > LOG - 1000) {
            continue;
        }

        program = compile(rows, n);
        genai_json_simd_set("scalar");
        run(program, doc.text, doc.len, 0, 0, &first);

        if (strcmp(first.text, want.text) != 0) {
            printf("# %s\n# got  %s\n# want %s\n", doc.text, first.text,
                   want.text);
            wrong++;
        }

        events += want.len > 4;

        for (k = 0; k < genai_nelts(levels); k++) {
            if (genai_json_simd_set(levels[k]) == GENAI_OK) {
                cut += !same(program, doc.text, doc.len, 0, 0)
                       || !same(program, doc.text, doc.len, 1, 0)
                       || !same(program, doc.text, doc.len, 3, 0)
                       || !same(program, doc.text, doc.len, 3, 0);
            }
        }

        free(program);

        if (wrong + cut > 10) {
            break;
        }
    }

    is_int(wrong, 0, "random documents and rows: as cJSON reads them");
    is_int(cut, 0, "random documents, cut, at all levels");
    ok(events > 1000, "most of them have something to tell (%u)", events);

    genai_json_simd_set(NULL);
}


/* broken documents: every level must break at the same place */

static void
broken_documents(void)
{
    int                    i, cut;
    size_t                 k, n, at;
    genai_json_program_t  *program;
    static log_t           doc;
    static const char      odd[] = "\"\\{}[],:\n\x80\xc3u0e-. \tnt";

    program = compile(rows_of(row("*", T|C|L|N|P|E, 1), row("*.*", C|L|E, 2),
                              row("[].a", T|S|B, 3), row("a.b[].x", N, 4),
                              row("[1]", L|C, 5), row("[2]", C|S, 6)), 6);
    cut = 0;

    for (i = 0; i < 5000 && cut < 10; i++) {

        doc.len = 0;
        grow(&doc, 0);

        for (n = rnd(4); n && doc.len; n--) {
            at = rnd((unsigned) doc.len);
            doc.text[at] = odd[rnd(sizeof(odd) - 1)];
        }

        if (doc.len > 8000) {
            continue;
        }

        genai_json_simd_set("scalar");
        run(program, doc.text, doc.len, 0, 0, &first);

        for (k = 0; k < genai_nelts(levels); k++) {
            if (genai_json_simd_set(levels[k]) == GENAI_OK) {
                cut += !same(program, doc.text, doc.len, 0, 0)
                       || !same(program, doc.text, doc.len, 1, 0)
                       || !same(program, doc.text, doc.len, 3, 0);
            }
        }
    }

    is_int(cut, 0, "broken documents, cut, at all levels");

    genai_json_simd_set(NULL);
    free(program);
}


int
main(void)
{
    random_documents();
    broken_documents();

    return done();
}
