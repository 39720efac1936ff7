/*
 * Refusals in the shape of the API that was spoken.
 */

#include <stdio.h>

#include "genai_refusal.h"


#define REFUSE_MESSAGE  512


const genai_refusal_t  genai_refusal_window = {
    400, "ValidationException", "invalid_request_error",
    "invalid_request_error", "context_length_exceeded", "INVALID_ARGUMENT"
};


static size_t genai_refuse_quote(genai_str_t s, char *buf, size_t size);


size_t
genai_refuse_body(const genai_refusal_t *r, unsigned api, genai_str_t message,
    char *buf, size_t size)
{
    int   n;
    char  text[REFUSE_MESSAGE];

    (void) genai_refuse_quote(message, text, sizeof(text));

    switch (api) {

    case GENAI_API_ANTHROPIC:
        n = snprintf(buf, size, "{\"type\":\"error\",\"error\":{\"type\":"
                     "\"%s\",\"message\":\"%s\"}}", r->anthropic, text);
        break;

    case GENAI_API_OPENAI:
        n = snprintf(buf, size, "{\"error\":{\"message\":\"%s\",\"type\":"
                     "\"%s\",\"param\":null,\"code\":\"%s\"}}", text,
                     r->openai, r->openai_code);
        break;

    case GENAI_API_GEMINI:
        n = snprintf(buf, size, "{\"error\":{\"code\":%u,\"message\":\"%s\","
                     "\"status\":\"%s\"}}", r->status, text, r->google);
        break;

    case GENAI_API_OLLAMA:
        n = snprintf(buf, size, "{\"error\":\"%s\"}", text);
        break;

    default:
        n = snprintf(buf, size, "{\"message\":\"%s\"}", text);
        break;
    }

    return (n > 0 && (size_t) n < size) ? (size_t) n : 0;
}


const char *
genai_refuse_type(const genai_refusal_t *r, unsigned api)
{
    switch (api) {

    case GENAI_API_BEDROCK:
    case GENAI_API_BEDROCK_AGENT:
    case GENAI_API_AGENTCORE:
        return r->aws;

    default:
        return NULL;
    }
}


/* zero-terminated; what does not fit is left out */

static size_t
genai_refuse_quote(genai_str_t s, char *buf, size_t size)
{
    size_t         i, n;
    unsigned char  ch;

    for (i = 0, n = 0; i < s.len && n + 7 < size; i++) {
        ch = (unsigned char) s.data[i];

        if (ch == '"' || ch == '\\') {
            buf[n++] = '\\';
            buf[n++] = (char) ch;

        } else if (ch < 0x20) {
            n += (size_t) snprintf(buf + n, size - n, "\\u%04x", ch);

        } else {
            buf[n++] = (char) ch;
        }
    }

    buf[n] = '\0';

    return n;
}
