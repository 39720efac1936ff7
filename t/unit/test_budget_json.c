/*
 * Budgets as JSON: every text is valid, numbers are exact, and of many keys
 * those come out that have used most.
 */

#include <cjson/cJSON.h>

#include "genai_budget_json.h"
#include "test.h"


#define NOON  1795392000            /* 2026-11-23 00:00:00 UTC */


static genai_budget_t        b;
static genai_budget_limit_t  limits[GENAI_BUDGET_LIMITS];


static void
spend(int64_t usd, int64_t tokens, int64_t requests)
{
    genai_budget_hold_t     hold;
    genai_budget_amounts_t  a = { usd, tokens, 0, requests };

    genai_budget_force(&b, &hold, &a, 100, NOON, NULL);
    (void) genai_budget_settle(&b, &hold, &a, NOON, NULL);
}


static void
make(uint32_t n, ...)
{
    char      err[256];
    va_list   ap;
    uint32_t  i;

    va_start(ap, n);

    for (i = 0; i < n; i++) {
        (void) genai_budget_parse(genai_strz(va_arg(ap, const char *)), 0,
                                  &limits[i], err, sizeof(err));
    }

    va_end(ap);

    genai_budget_init(&b, limits, n, NOON);
}


static void
is_string(const char *text, size_t len, size_t size, const char *want,
    const char *name)
{
    char    buf[2 * GENAI_BUDGET_JSON_TEXT + 8];
    size_t  n;

    n = genai_budget_json_string(genai_str(text, len), buf, size);
    is_mem(buf, n, want, name);
}


static void
test_string(void)
{
    int     good;
    char    text[16], buf[64];
    size_t  i, n, size;

    is_string("", 0, 16, "\"\"", "an empty string");
    is_string("a\"b\\c\nd", 7, 64, "\"a\\\"b\\\\c\\nd\"",
              "quotes, backslashes and newlines are escaped");
    is_string("a\0b\x1b\x7f\t", 6, 64, "\"a?b???\"",
              "control characters become ?");
    is_string("\xff\xc3[\xed\xa0\x80", 6, 64, "\"??[???\"",
              "what is not UTF-8 becomes ?");
    is_string("\xc3\xa9\xf0\x9f\x98\x80", 6, 64,
              "\"\xc3\xa9\xf0\x9f\x98\x80\"", "UTF-8 goes as it is");
    is_string("abcdefghijk", 11, 8, "\"abc\"", "what does not fit is cut");

    /* whatever the size: no byte beyond it, and no half of a character */

    good = 1;

    for (n = 0; n < 4; n++) {
        memcpy(text, "xxx\xf0\x9f\x98\x80\"\\\xc3\xa9y", 13);

        for (size = 8; size < 40; size++) {
            memset(buf, '#', sizeof(buf));
            i = genai_budget_json_string(genai_str(text + n, 13 - n), buf,
                                         size);
            good &= (i <= size && buf[size] == '#' && buf[i - 1] == '"');

            buf[i] = '\0';
            good &= ((unsigned char) buf[i - 2] < 0xc0);
        }
    }

    ok(good, "a string fits its buffer and ends with a whole character");
}


static void
test_time(void)
{
    char  buf[32];

    is_mem(buf, genai_budget_json_time(NOON, buf), "\"2026-11-23T00:00:00Z\"",
           "a time");
    is_mem(buf, genai_budget_json_time(0, buf), "null", "none");
    is_mem(buf, genai_budget_json_time(GENAI_BUDGET_NEVER, buf), "null",
           "never");
    is_mem(buf, genai_budget_json_time(253402300799, buf),
           "\"9999-12-31T23:59:59Z\"", "the last second of four digits");
    is_mem(buf, genai_budget_json_time(253402300800, buf), "null",
           "no year of five");
}


static void
test_key(void)
{
    char     buf[GENAI_BUDGET_JSON_KEY + 1], less[GENAI_BUDGET_JSON_KEY];
    size_t   n, size, bad;
    cJSON   *o;

    make(2, "100usd/day", "2Mtok/1h");
    spend(12500000000001, 1500, 1);
    (void) genai_budget_raise(&b, GENAI_BUDGET_USD, 20 * GENAI_PICO_PER_USD,
                              NOON + 3600, NOON);

    n = genai_budget_json_key(genai_strz("acme"), &b, NOON, buf,
                              GENAI_BUDGET_JSON_KEY);
    buf[n] = '\0';

    is_mem(buf, (size_t) (strstr(buf, ",\"per_hour\"") - buf),
           "{\"key\":\"acme\",\"reservations\":0,\"limits\":["
           "{\"limit\":\"100usd/day\",\"unit\":\"usd\",\"window\":\"day\","
           "\"amount\":\"100\",\"spent\":\"12.500000000001\","
           "\"reserved\":\"0\",\"remaining\":\"107.499999999999\","
           "\"raised\":\"20\",\"raised_until\":\"2026-11-23T01:00:00Z\","
           "\"reset\":\"2026-11-24T00:00:00Z\"",
           "USD are exact and strings, a raise counts in what remains");

    ok(strstr(buf, "\"unit\":\"tok\",\"window\":\"1h\",\"amount\":2000000,"
                   "\"spent\":1500,\"reserved\":0,\"remaining\":1998500,"
                   "\"raised\":0,\"raised_until\":null,") != NULL,
       "tokens are integers, a rolling window has its length");

    o = cJSON_Parse(buf);
    ok(o != NULL, "it is JSON");
    cJSON_Delete(o);

    for (size = 1, bad = 0; size <= n; size++) {
        bad += genai_budget_json_key(genai_strz("acme"), &b, NOON, less, size)
               != 0;
    }

    is_int(bad, 0, "a buffer that is too small holds nothing");

    n = genai_budget_json_key(genai_strz("acme"), &b, NOON + 3600, buf,
                              GENAI_BUDGET_JSON_KEY);
    buf[n] = '\0';
    ok(strstr(buf, "\"raised\":\"0\",\"raised_until\":null") != NULL,
       "a raise that has ended is none");
}


/* the longest that there can be */

static void
test_extremes(void)
{
    int       i;
    char      buf[GENAI_BUDGET_JSON_KEY + 1], key[100];
    size_t    n;
    cJSON    *o;

    make(4, "9223372.036854775807usd/month",
         "9223372036854775807tok/31536000s", "9223372036854775807itok/minute",
         "9223372036854775807req/day");

    for (i = 0; i < 3; i++) {
        spend(INT64_MAX, INT64_MAX, INT64_MAX);
    }

    for (i = 0; i < 4; i++) {
        (void) genai_budget_raise(&b, b.use[i].limit.unit, INT64_MAX,
                                  INT64_MAX, NOON);
    }

    memset(key, '"', sizeof(key));
    n = genai_budget_json_key(genai_str(key, sizeof(key)), &b, NOON, buf,
                              GENAI_BUDGET_JSON_KEY);
    ok(n > 0, "the room suffices for the largest amounts (%zu bytes)", n);

    buf[n] = '\0';
    o = cJSON_Parse(buf);
    ok(o != NULL, "which are JSON");
    is_int(strlen(cJSON_GetObjectItem(o, "key")->valuestring),
           GENAI_BUDGET_KEY_TEXT, "of a long key the first bytes");
    ok(strstr(buf, "\"remaining\":\"0\"") != NULL
       && strchr(strstr(buf, "remaining"), '-') != NULL
       && strstr(buf, "\"remaining\":-") == NULL,
       "nothing remains, not less than nothing");
    cJSON_Delete(o);
}


static int
descending(const void *x, const void *y)
{
    int64_t  p = *(const int64_t *) x, q = *(const int64_t *) y;

    return (p < q) - (p > q);
}


/* against a plain sort of all */

static void
test_top(void)
{
    int                        good, round;
    char                       key[16];
    int64_t                    all[300];
    unsigned                   i, n, max;
    genai_budget_top_t         top;
    static uint32_t            order[64];
    static genai_budget_row_t  rows[64];

    good = 1;
    srand(7);

    for (round = 0; round < 300 && good; round++) {
        n = (unsigned) rand() % 300;
        max = 1 + (unsigned) rand() % 64;

        memset(&top, 0, sizeof(top));
        top.rows = rows;
        top.order = order;
        top.max = max;
        top.now = NOON;

        for (i = 0; i < n; i++) {
            all[i] = rand() % (round % 2 ? 10 : 100000);

            make(1, "100000tok/day");
            spend(0, all[i], 0);

            snprintf(key, sizeof(key), "k%lld", (long long) all[i]);
            genai_budget_top_add(&top, genai_strz(key), &b);
        }

        genai_budget_top_sort(&top);
        qsort(all, n, sizeof(all[0]), descending);

        good &= top.n == (n < max ? n : max) && top.left_out == n - top.n;

        for (i = 0; i < top.n && good; i++) {
            snprintf(key, sizeof(key), "k%lld", (long long) all[i]);
            good &= rows[order[i]].budget.use[0].spent == all[i]
                    && genai_str_is(genai_str(rows[order[i]].key,
                                              rows[order[i]].keylen), key);
        }
    }

    ok(good, "the greatest shares in order, as sorting all gives them");
}


int
main(void)
{
    test_string();
    test_time();
    test_key();
    test_extremes();
    test_top();

    return done();
}
