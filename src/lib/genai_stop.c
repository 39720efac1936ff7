/*
 * Ending a stream before its end.  See genai_stop.h.
 */

#include "genai_eventstream.h"
#include "genai_refusal.h"
#include "genai_stop.h"


/*
 * The union of exceptions of a Bedrock stream has none for a quota; of those
 * it has, throttlingException is the one that says what happened, and no SDK
 * asks again when it comes inside a stream.
 */

#define STOP_EXCEPTION  "throttlingException"


static const genai_refusal_t  genai_stop_refusal = {
    429, "ThrottlingException", "billing_error", "insufficient_quota",
    "insufficient_quota", "RESOURCE_EXHAUSTED"
};


static size_t genai_stop_feed_frames(genai_stop_t *s, const char *buf,
    size_t len);
static size_t genai_stop_feed_sse(genai_stop_t *s, const char *buf,
    size_t len);
static int genai_stop_type(genai_str_t type, const char *name);


unsigned
genai_stop_framing(genai_str_t content_type, unsigned api)
{
    if (genai_stop_type(content_type, "application/vnd.amazon.eventstream")) {
        return GENAI_STOP_FRAMES;
    }

    if (genai_stop_type(content_type, "text/event-stream")
        && (api == GENAI_API_ANTHROPIC || api == GENAI_API_OPENAI
            || api == GENAI_API_GEMINI))
    {
        return GENAI_STOP_SSE;
    }

    return GENAI_STOP_NONE;
}


/* in any case, parameters aside */

static int
genai_stop_type(genai_str_t type, const char *name)
{
    size_t  i;

    for (i = 0; name[i]; i++) {
        if (i == type.len
            || (type.data[i] | (name[i] >= 'a' ? 0x20 : 0)) != name[i])
        {
            return 0;
        }
    }

    return i == type.len || type.data[i] == ';' || type.data[i] == ' ';
}


void
genai_stop_init(genai_stop_t *s, unsigned framing)
{
    memset(s, 0, sizeof(genai_stop_t));
    s->framing = (uint8_t) framing;
    s->newline = 1;
}


size_t
genai_stop_feed(genai_stop_t *s, const char *buf, size_t len)
{
    return (s->framing == GENAI_STOP_FRAMES)
           ? genai_stop_feed_frames(s, buf, len)
           : genai_stop_feed_sse(s, buf, len);
}


static size_t
genai_stop_feed_frames(genai_stop_t *s, const char *buf, size_t len)
{
    size_t    i, n, end;
    uint32_t  total;

    end = 0;

    for (i = 0; i < len && !s->lost; /* void */) {

        if (s->left == 0) {
            s->length[s->got++] = (uint8_t) buf[i++];

            if (s->got < 4) {
                continue;
            }

            s->got = 0;
            total = (uint32_t) s->length[0] << 24
                    | (uint32_t) s->length[1] << 16
                    | (uint32_t) s->length[2] << 8 | s->length[3];

            if (total < 16 || total > GENAI_ES_MAX_FRAME) {
                s->lost = 1;
                break;
            }

            s->left = total - 4;
            continue;
        }

        n = (s->left < len - i) ? s->left : len - i;
        i += n;
        s->left -= (uint32_t) n;

        if (s->left == 0) {
            end = i;
        }
    }

    return end;
}


/* an empty line ends an event; lines end in LF, CR or both */

static size_t
genai_stop_feed_sse(genai_stop_t *s, const char *buf, size_t len)
{
    char    ch;
    size_t  i, end;

    end = 0;

    for (i = 0; i < len; i++) {
        ch = buf[i];

        if (ch == '\n' && s->cr) {
            s->cr = 0;                    /* of the line before */
            end = (end && end == i) ? i + 1 : end;
            continue;
        }

        s->cr = (ch == '\r');

        if (ch != '\n' && ch != '\r') {
            s->newline = 0;
            s->begun = 1;
            continue;
        }

        if (s->newline && s->begun) {
            s->begun = 0;
            end = i + 1;
        }

        s->newline = 1;
    }

    return end;
}


size_t
genai_stop_event(unsigned framing, unsigned api, genai_str_t text, char *buf,
    size_t size)
{
    char               body[GENAI_STOP_SIZE];
    size_t             n, len;
    const char        *name;

    static const genai_es_header_t  headers[] = {
        { genai_string(":exception-type"), genai_string(STOP_EXCEPTION) },
        { genai_string(":content-type"), genai_string("application/json") },
        { genai_string(":message-type"), genai_string("exception") }
    };

    len = genai_refuse_body(&genai_stop_refusal,
                            framing == GENAI_STOP_FRAMES ? GENAI_API_BEDROCK
                                                         : api,
                            text, body, sizeof(body));

    if (framing == GENAI_STOP_FRAMES) {
        return genai_eventstream_encode(headers, genai_nelts(headers),
                                        genai_str(body, len), buf, size);
    }

    /* a client that knows no errors in a stream must not take it for whole:
     * no [DONE] */

    name = (api == GENAI_API_ANTHROPIC) ? "event: error\ndata: " : "data: ";
    n = strlen(name);

    if (len == 0 || n + len + 2 > size) {
        return 0;
    }

    memcpy(buf, name, n);
    memcpy(buf + n, body, len);
    memcpy(buf + n + len, "\n\n", 2);

    return n + len + 2;
}
