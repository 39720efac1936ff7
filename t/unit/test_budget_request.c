/*
 * Requests to raise a limit: what is taken, and what each mistake is told.
 */

#include "genai_budget_request.h"
#include "test.h"


#define NOON  1795392000            /* 2026-11-23 00:00:00 UTC */


static char                    err[512];
static genai_budget_request_t  q;


static int
ask(const char *text)
{
    int     rc;
    char   *copy;
    size_t  len;

    /* without a zero behind it: a byte too many read is found by valgrind */

    len = strlen(text);
    copy = malloc(len ? len : 1);
    memcpy(copy, text, len);

    genai_budget_request_free(&q);
    err[0] = '\0';
    rc = genai_budget_request(&q, copy, len, NOON, err, sizeof(err));
    free(copy);

    return rc;
}


static void
refuses(const char *text, const char *why)
{
    int  rc;

    rc = ask(text);
    ok(rc == GENAI_ERROR && strstr(err, why), "%.60s: %s", text,
       rc == GENAI_ERROR ? err : "taken");
}


#define WITH(members)                                                         \
    "{\"zone\":\"z\",\"key\":\"k\",\"reason\":\"r\"," members "}"


static void
until_is(const char *until, int64_t want)
{
    char  text[256];

    snprintf(text, sizeof(text), WITH("\"add\":\"1req\",\"until\":\"%s\""),
             until);
    is_int(ask(text) == GENAI_OK ? q.until : -1, want, until);
}


static void
test_good(void)
{
    is_int(ask(" {\"zone\":\"t\\u00e4\",\"key\":\"a\\\"b\",\"add\":\"12.5usd\""
               ",\"until\":\"2h\",\"reason\":\"launch\"} \n"), GENAI_OK,
           "all members");
    is_mem(q.zone.data, q.zone.len, "t\xc3\xa4", "zone, decoded");
    is_mem(q.key.data, q.key.len, "a\"b", "key");
    is_mem(q.reason.data, q.reason.len, "launch", "reason");
    is_int(q.add, 12500000000000, "the amount in pico-USD");
    is_int(q.unit, GENAI_BUDGET_USD, "its unit");
    is_int(q.until, NOON + 7200, "until, from now");

    is_int(ask("{\"zone\":\"z\",\"add\":\"0usd\",\"reason\":\"r\"}"),
           GENAI_OK, "an end needs no time");
    ok(q.key.data == NULL && q.until == 0, "a key may be left out");
    is_int(ask(WITH("\"add\":\"0usd\",\"until\":\"x\"")), GENAI_OK,
           "whatever the time of an end says");
    is_int(ask("{\"zone\":\"z\",\"key\":\"\",\"add\":\"1req\","
               "\"until\":\"1s\",\"reason\":\"\\\\u0000\"}"), GENAI_OK,
           "an escaped backslash before u0000 is no zero");
    ok(q.key.data != NULL && q.key.len == 0, "an empty key is a key");
}


static void
test_until(void)
{
    until_is("1s", NOON + 1);
    until_is("31d", NOON + 31 * 86400);
    until_is("2026-11-23T00:00:01Z", NOON + 1);
    until_is("2026-12-24T00:00:00Z", NOON + 31 * 86400);
    until_is("2026-12-24T00:00:01Z", -1);
    until_is("2026-11-23T00:00:00Z", -1);
    until_is("2026-11-31T00:00:00Z", -1);
    until_is("2026-11-23T24:00:00Z", -1);
    until_is("2026-11-23T10:60:00Z", -1);
    until_is("2026-11-23 10:00:00Z", -1);
    until_is("2026-11-23T10:00:00z", -1);
    until_is("2026-11-23T10:00:00", -1);
    until_is("0000-00-00T00:00:00Z", -1);
    until_is("999999999w", -1);
    until_is("-5m", -1);
    until_is("h", -1);
    until_is("1h30m", -1);
}


static void
test_refused(void)
{
    refuses("", "not JSON");
    refuses("{", "not JSON");
    refuses("{} {}", "not JSON");
    refuses("null", "not a JSON object");
    refuses("[\"zone\"]", "not a JSON object");
    refuses("{\"zone\":null}", "\"zone\" is not a string");
    refuses("{\"Zone\":\"z\"}", "unknown member \"Zone\", there are");
    refuses("{\"zone\":\"z\",\"zone\":\"z\"}", "\"zone\" is there twice");
    refuses("{\"zone\":\"a\\u0000b\"}", "zero byte");
    refuses("{}", "\"zone\" is missing");
    refuses(WITH("\"until\":\"1h\""), "\"add\" is missing");
    refuses(WITH("\"add\":\"1\",\"until\":\"1h\""), "unknown unit");
    refuses(WITH("\"add\":\"1req\""), "\"until\" is missing");
    refuses("{\"zone\":\"z\",\"add\":\"1req\",\"until\":\"1h\"}",
            "\"reason\" is missing");
    refuses("{\"zone\":\"z\",\"add\":\"1req\",\"until\":\"1h\","
            "\"reason\":\"   \"}", "\"reason\" is missing or empty");
}


static void
test_fits(void)
{
    genai_budget_limit_t  limits[3];

    (void) genai_budget_parse(genai_strz("10usd/day"), 0, &limits[0], err,
                              sizeof(err));
    (void) genai_budget_parse(genai_strz("300usd/month"), 0, &limits[1], err,
                              sizeof(err));
    (void) genai_budget_parse(genai_strz("0req/day"), 0, &limits[2], err,
                              sizeof(err));

#define fits(add, n)                                                          \
    (ask(WITH("\"add\":\"" add "\",\"until\":\"1h\"")) == GENAI_OK            \
     && genai_budget_request_fits(&q, limits, n, err, sizeof(err))            \
        == GENAI_OK)

    ok(fits("29999.99usd", 3), "almost a hundred times the greatest limit");
    ok(!fits("30000usd", 3) && strstr(err, "100 times"),
       "a hundred times is a mistake: %s", err);
    ok(!fits("1tok", 3)
       && strstr(err, "in tok, its limits are 10usd/day, 300usd/month, "
                      "0req/day"),
       "a unit that no limit has: %s", err);
    ok(!fits("1tok", 0) && strstr(err, "its limits are none"),
       "no limit at all: %s", err);
    ok(fits("5req", 3), "what is closed by a limit of 0 can be opened");
    ok(fits("0usd", 3), "an end always fits its unit");
}


int
main(void)
{
    test_good();
    test_until();
    test_refused();
    test_fits();

    genai_budget_request_free(&q);

    return done();
}
