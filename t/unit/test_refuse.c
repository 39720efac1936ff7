/*
 * Refusals: status, headers and body as each protocol's clients want them;
 * bodies are read with cJSON.
 */

#include <cjson/cJSON.h>

#include "genai_refuse.h"
#include "test.h"


#define NOON  1795392000            /* 2026-11-23 00:00:00 UTC */


static char                  buf[GENAI_REFUSE_SIZE];
static genai_refuse_out_t    out;
static genai_budget_state_t  why;
static cJSON                *json;


static const char *
header(const char *name)
{
    uint32_t     i;
    static char  value[256];

    for (i = 0; i < out.nheaders; i++) {
        if (genai_str_is(out.headers[i].name, name)) {
            snprintf(value, sizeof(value), "%.*s",
                     (int) out.headers[i].value.len,
                     out.headers[i].value.data);
            return value;
        }
    }

    return "none";
}


static const char *
member(const char *object, const char *name)
{
    cJSON  *o;

    o = object ? cJSON_GetObjectItemCaseSensitive(json, object) : json;
    o = cJSON_GetObjectItemCaseSensitive(o, name);

    return cJSON_IsString(o) ? o->valuestring
           : cJSON_IsNull(o) ? "null" : "none";
}


static void
is(const char *got, const char *want, const char *name)
{
    is_mem(got, strlen(got), want, name);
}


static void
refuse(int api, int status, int64_t reset)
{
    genai_refuse_in_t  in;

    memset(&in, 0, sizeof(in));
    in.api = (uint8_t) api;
    in.status = status;
    in.budget = genai_strz("team-a");
    in.request_id = genai_strz("00000000-1111-2222-3333-444444444444");
    in.why = &why;
    in.now = NOON;
    why.reset = reset;

    cJSON_Delete(json);
    json = NULL;

    if (genai_refuse(&in, buf, sizeof(buf), &out) == GENAI_OK) {
        json = cJSON_ParseWithLength(out.body.data, out.body.len);
    }

    ok(json != NULL, "the body is JSON");
}


static void
test_aws(void)
{
    refuse(GENAI_API_BEDROCK, 0, NOON + 691200);
    is_int(out.status, 402, "final: 402");
    is(header("x-amzn-errortype"), "ServiceQuotaExceededException",
       "AWS's typed exception");
    is(header("x-amzn-requestid"), "00000000-1111-2222-3333-444444444444",
       "with the request's id");
    is(header("x-should-retry"), "false", "nobody sends it again");
    is(header("retry-after"), "none", "no hint to wait");
    is(member(NULL, "message"), "Budget 'team-a' exhausted: 49.20 USD of"
       " 50.00 USD spent, 0.50 USD reserved by open calls, this call may use"
       " 0.90 USD; resets 2026-12-01T00:00:00Z", "the message says it all");
    is(member(NULL, "budget"), "team-a", "budget");
    is(member(NULL, "limit"), "50usd/month", "limit");
    is(member(NULL, "spent"), "49.20 USD", "spent");
    is(member(NULL, "resetAt"), "2026-12-01T00:00:00Z", "and reset for"
       " programs");

    refuse(GENAI_API_AGENTCORE, 0, NOON + 7);
    is_int(out.status, 429, "room within seconds: 429");
    is(header("x-amzn-errortype"), "ThrottlingException", "a throttle");
    is(header("retry-after"), "7", "seconds to wait");
    is(header("x-amz-retry-after"), "7000", "in milliseconds for AWS");
    is(header("retry-after-ms"), "7000", "and for others");
    is(header("x-should-retry"), "true", "it may come again");

    refuse(GENAI_API_BEDROCK, 0, NOON);
    is(header("retry-after"), "1", "a window that turns just now: a second");
    refuse(GENAI_API_BEDROCK, 0, NOON + 11);
    is_int(out.status, 402, "more than SDKs wait: final");
    refuse(GENAI_API_BEDROCK_AGENT, 403, NOON + 691200);
    is_int(out.status, 403, "the operator's own status");

    why.never = 1;
    refuse(GENAI_API_BEDROCK, 0, NOON + 5);
    is_int(out.status, 402, "what never fits is final");
    is(member(NULL, "message"), "Budget 'team-a': this call may use 0.90 USD,"
       " more than the whole limit of 50.00 USD", "and says so");
    is(member(NULL, "resetAt"), "none", "no reset would help");
    why.never = 0;
}


static void
test_others(void)
{
    refuse(GENAI_API_OPENAI, 0, NOON + 86400);
    is_int(out.status, 402, "OpenAI: 402");
    is(member("error", "type"), "insufficient_quota", "type");
    is(member("error", "code"), "insufficient_quota", "code");
    is(member("error", "param"), "null", "param");
    is(member("error", "budget"), "team-a", "budget");
    is(header("x-amzn-errortype"), "none", "nothing of AWS's");

    refuse(GENAI_API_OPENAI, 0, NOON + 3);
    is_int(out.status, 429, "OpenAI: 429");
    is(member("error", "code"), "rate_limit_exceeded", "code");

    refuse(GENAI_API_ANTHROPIC, 0, NOON + 86400);
    is(member(NULL, "type"), "error", "Anthropic: an error");
    is(member("error", "type"), "billing_error", "of billing");
    refuse(GENAI_API_ANTHROPIC, 0, NOON + 3);
    is(member("error", "type"), "rate_limit_error", "or of the rate");

    refuse(GENAI_API_GEMINI, 0, NOON + 86400);
    is(member("error", "status"), "RESOURCE_EXHAUSTED", "Gemini's status");
    refuse(GENAI_API_APP, 0, NOON + 86400);
    is(member("error", "limit"), "50usd/month", "an application: an error");
}


static void
test_odd(void)
{
    size_t                 i, whole;
    genai_refuse_in_t      in;
    genai_refuse_header_t  h[2];

    memset(&in, 0, sizeof(in));
    in.api = GENAI_API_BEDROCK;
    in.budget = genai_strz("a\"b\\c\n");
    in.request_id = genai_strz("id\r\nx: y");
    in.reason = genai_strz("the key is empty");
    in.now = NOON;

    genai_refuse(&in, buf, sizeof(buf), &out);
    cJSON_Delete(json);
    json = cJSON_ParseWithLength(out.body.data, out.body.len);
    is_int(out.status, 402, "a refusal without a limit is final");
    is(member(NULL, "budget"), "a\"b\\c\n", "any name is a JSON string");
    is(member(NULL, "message"), "Budget 'a\"b\\c\n': the key is empty",
       "with its reason");
    is(header("x-amzn-requestid"), "id__x:_y", "no header ends another");

    in.why = &why;
    why.reset = NOON + 3;
    whole = 0;

    for (i = 0; i < sizeof(buf); i++) {
        memset(buf, 'z', sizeof(buf));

        if (genai_refuse(&in, buf, i, &out) == GENAI_OK) {
            whole++;

        } else if (whole || buf[i] != 'z') {
            break;
        }
    }

    ok(i == sizeof(buf) && whole > 100, "a buffer too small is told, none is"
       " passed");

    why.reset = NOON + 691200;
    genai_refuse_ratelimit(genai_strz("team"), &why, NOON, buf, sizeof(buf),
                           h);
    is_mem(h[0].value.data, h[0].value.len, "\"team\";q=5000;w=2592000",
           "the policy: cents in a month");
    is_mem(h[1].value.data, h[1].value.len, "\"team\";r=30;t=691200",
           "and the rest of it");
    is_int(genai_refuse_ratelimit(genai_strz("t"), &why, NOON, buf, 20, h),
           GENAI_ERROR, "a buffer too small is told");
}


int
main(void)
{
    char  err[128];

    genai_budget_parse(genai_strz("50usd/month"), 0, &why.limit, err,
                       sizeof(err));
    why.allowed = why.limit.amount;
    why.spent = 4920 * (GENAI_PICO_PER_USD / 100);
    why.reserved = 50 * (GENAI_PICO_PER_USD / 100);
    why.wanted = 90 * (GENAI_PICO_PER_USD / 100);

    test_aws();
    test_others();
    test_odd();

    cJSON_Delete(json);

    return done();
}
