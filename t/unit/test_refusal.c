/*
 * Refusals: each API's shape, and JSON whatever the message holds.
 */

#include <cjson/cJSON.h>

#include "test.h"
#include "genai_refusal.h"


static char  buf[2048];


static const char *
at(unsigned api, const char *message, const char *key, const char *key2)
{
    static char  out[1024];
    size_t       n;
    cJSON       *json, *v;

    n = genai_refuse_body(&genai_refusal_window, api, genai_strz(message),
                          buf, sizeof(buf));
    json = cJSON_ParseWithLength(buf, n);
    v = cJSON_GetObjectItem(json, key);
    v = key2 ? cJSON_GetObjectItem(v, key2) : v;
    snprintf(out, sizeof(out), "%s", cJSON_IsString(v) ? v->valuestring
                               : cJSON_IsNull(v) ? "null" : "");
    cJSON_Delete(json);

    return out;
}


int
main(void)
{
    unsigned     i;
    char         longest[2000];
    const char  *m = "a \"quote\" \\ and \n a line";

    for (i = 0; i < GENAI_API_N; i++) {
        ok(strcmp(at(i, m, "message", NULL), m) == 0
           || strcmp(at(i, m, "error", "message"), m) == 0
           || strcmp(at(i, m, "error", NULL), m) == 0,
           "%s: JSON with the message: %s", genai_api_name(i), buf);
    }

    ok(strcmp(at(GENAI_API_ANTHROPIC, m, "error", "type"),
              "invalid_request_error") == 0
       && strcmp(at(GENAI_API_ANTHROPIC, m, "type", NULL), "error") == 0,
       "Anthropic's shape");
    ok(strcmp(at(GENAI_API_OPENAI, m, "error", "code"),
              "context_length_exceeded") == 0, "OpenAI's code");
    ok(strcmp(at(GENAI_API_GEMINI, m, "error", "status"),
              "INVALID_ARGUMENT") == 0, "Google's status");

    ok(genai_refuse_type(&genai_refusal_window, GENAI_API_BEDROCK) != NULL
       && genai_refuse_type(&genai_refusal_window, GENAI_API_OPENAI) == NULL,
       "x-amzn-ErrorType is for AWS's clients");

    memset(longest, '"', sizeof(longest));
    longest[sizeof(longest) - 1] = '\0';
    ok(at(GENAI_API_BEDROCK, longest, "message", NULL)[0] == '"',
       "a message that is too long is cut, not broken");

    i = (unsigned) genai_refuse_body(&genai_refusal_window, 0,
                                     genai_strz("x"), buf, 5);
    is_int(i, 0, "no room");

    return done();
}
