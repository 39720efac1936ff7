/*
 * Refusals in the caller's protocol.  See genai_refuse.h.
 */

#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include "genai_refuse.h"


typedef struct {
    char   *pos;
    char   *end;
    int     full;
} writer_t;


typedef enum {
    SHAPE_OPENAI = 0,
    SHAPE_AWS,
    SHAPE_ANTHROPIC,
    SHAPE_GEMINI
} shape_e;


__attribute__((format(printf, 2, 3)))
static void
put(writer_t *w, const char *fmt, ...)
{
    int      n;
    size_t   room;
    va_list  ap;

    room = (size_t) (w->end - w->pos);

    va_start(ap, fmt);
    n = vsnprintf(w->pos, room, fmt, ap);
    va_end(ap);

    if (n < 0 || (size_t) n >= room) {
        w->full = 1;
        return;
    }

    w->pos += n;
}


/* a JSON string; what is not UTF-8 is not ours to mend */

static void
put_json(writer_t *w, genai_str_t s)
{
    size_t         i;
    unsigned char  c;

    put(w, "\"");

    for (i = 0; i < s.len; i++) {
        c = (unsigned char) s.data[i];

        if (c == '"' || c == '\\') {
            put(w, "\\%c", c);

        } else if (c < 0x20 || c == 0x7f) {
            put(w, "\\u%04x", c);

        } else {
            put(w, "%c", c);
        }
    }

    put(w, "\"");
}


size_t
genai_refuse_time(int64_t t, char buf[32])
{
    int        n;
    time_t     when;
    struct tm  tm;

    when = (time_t) t;

    if (gmtime_r(&when, &tm) == NULL) {
        buf[0] = '\0';
        return 0;
    }

    n = snprintf(buf, 32, "%04d-%02d-%02dT%02d:%02d:%02dZ",
                 tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
                 tm.tm_min, tm.tm_sec);

    return n > 0 && n < 32 ? (size_t) n : 0;
}


static shape_e
shape_of(uint8_t api)
{
    switch (api) {

    case GENAI_API_BEDROCK:
    case GENAI_API_BEDROCK_AGENT:
    case GENAI_API_AGENTCORE:
        return SHAPE_AWS;

    case GENAI_API_ANTHROPIC:
        return SHAPE_ANTHROPIC;

    case GENAI_API_GEMINI:
        return SHAPE_GEMINI;

    default:
        return SHAPE_OPENAI;
    }
}


static genai_refuse_header_t *
header(genai_refuse_out_t *out, const char *name)
{
    genai_refuse_header_t  *h;

    h = &out->headers[out->nheaders++];
    h->name = genai_strz(name);
    h->value = genai_strz("");

    return h;
}


static void
header_number(genai_refuse_out_t *out, writer_t *w, const char *name,
    int64_t v)
{
    char                   *start;
    genai_refuse_header_t  *h;

    h = header(out, name);
    start = w->pos;
    put(w, "%lld", (long long) v);
    h->value = genai_str(start, (size_t) (w->pos - start));
}


/* a header's value must not end the header */

static void
header_text(genai_refuse_out_t *out, writer_t *w, const char *name,
    genai_str_t v)
{
    char                   *start;
    size_t                  i;
    genai_refuse_header_t  *h;

    h = header(out, name);
    start = w->pos;

    for (i = 0; i < v.len; i++) {
        put(w, "%c", v.data[i] > 0x20 && v.data[i] < 0x7f ? v.data[i] : '_');
    }

    h->value = genai_str(start, (size_t) (w->pos - start));
}


static void
put_headers(const genai_refuse_in_t *in, genai_refuse_out_t *out, writer_t *w)
{
    if (shape_of(in->api) == SHAPE_AWS) {
        header(out, "x-amzn-errortype")->value
            = genai_strz(out->retryable ? "ThrottlingException"
                                        : "ServiceQuotaExceededException");
        if (in->request_id.len) {
            header_text(out, w, "x-amzn-requestid", in->request_id);
        }
    }

    header(out, "x-should-retry")->value
        = genai_strz(out->retryable ? "true" : "false");

    if (out->retryable) {
        header_number(out, w, "retry-after", out->retry_after);
        header_number(out, w, "x-amz-retry-after", out->retry_after * 1000);
        header_number(out, w, "retry-after-ms", out->retry_after * 1000);
    }
}


/* the sentence for people, in JSON */

static void
put_message(const genai_refuse_in_t *in, writer_t *w)
{
    char                         a[GENAI_BUDGET_TEXT], b[GENAI_BUDGET_TEXT];
    char                         when[32], text[512];
    size_t                       n;
    writer_t                     t = { text, text + sizeof(text), 0 };
    const genai_budget_state_t  *s;

    s = in->why;
    n = in->budget.len < 128 ? in->budget.len : 128;
    put(&t, "Budget '%.*s'", (int) n, n ? in->budget.data : "");

    if (s == NULL) {
        n = in->reason.len < 256 ? in->reason.len : 256;
        put(&t, ": %.*s", (int) n, n ? in->reason.data : "refused");
        put_json(w, genai_str(text, (size_t) (t.pos - text)));
        return;
    }

    genai_budget_amount_text(s->limit.unit, s->wanted, a);
    genai_budget_amount_text(s->limit.unit, s->allowed, b);

    if (s->never) {
        put(&t, ": this call may use %s, more than the whole limit of %s",
            a, b);
        put_json(w, genai_str(text, (size_t) (t.pos - text)));
        return;
    }

    genai_budget_amount_text(s->limit.unit, s->spent, a);
    put(&t, " exhausted: %s of %s spent", a, b);

    if (s->reserved) {
        genai_budget_amount_text(s->limit.unit, s->reserved, a);
        put(&t, ", %s reserved by open calls", a);
    }

    genai_budget_amount_text(s->limit.unit, s->wanted, a);
    genai_refuse_time(s->reset, when);
    put(&t, ", this call may use %s; resets %s", a, when);

    put_json(w, genai_str(text, (size_t) (t.pos - text)));
}


/* the same for programs: properties of the error in AWS's JavaScript SDK */

static void
put_facts(const genai_refuse_in_t *in, writer_t *w)
{
    char                         a[GENAI_BUDGET_TEXT], when[32];
    size_t                       n;
    const genai_budget_state_t  *s;

    s = in->why;
    put(w, ",\"budget\":");
    put_json(w, in->budget);

    if (s == NULL) {
        return;
    }

    n = genai_budget_text(&s->limit, a);
    put(w, ",\"limit\":");
    put_json(w, genai_str(a, n));

    genai_budget_amount_text(s->limit.unit, s->spent, a);
    put(w, ",\"spent\":");
    put_json(w, genai_strz(a));

    genai_budget_amount_text(s->limit.unit, s->reserved, a);
    put(w, ",\"reserved\":");
    put_json(w, genai_strz(a));

    if (!s->never) {
        genai_refuse_time(s->reset, when);
        put(w, ",\"resetAt\":\"%s\"", when);
    }
}


static void
put_body(const genai_refuse_in_t *in, const genai_refuse_out_t *out,
    writer_t *w)
{
    switch (shape_of(in->api)) {

    case SHAPE_AWS:
        put(w, "{\"message\":");
        put_message(in, w);
        put_facts(in, w);
        put(w, "}");
        break;

    case SHAPE_ANTHROPIC:
        put(w, "{\"type\":\"error\",\"error\":{\"type\":\"%s\",\"message\":",
            out->retryable ? "rate_limit_error" : "billing_error");
        put_message(in, w);
        put_facts(in, w);
        put(w, "}}");
        break;

    case SHAPE_GEMINI:
        put(w, "{\"error\":{\"code\":%d,\"status\":\"RESOURCE_EXHAUSTED\","
            "\"message\":", out->status);
        put_message(in, w);
        put_facts(in, w);
        put(w, "}}");
        break;

    default:
        put(w, "{\"error\":{\"message\":");
        put_message(in, w);

        if (out->retryable) {
            put(w, ",\"type\":\"%s\",\"code\":\"rate_limit_exceeded\"",
                in->why->limit.unit == GENAI_BUDGET_REQ ? "requests"
                                                        : "tokens");
        } else {
            put(w, ",\"type\":\"insufficient_quota\","
                "\"code\":\"insufficient_quota\"");
        }

        put(w, ",\"param\":null");
        put_facts(in, w);
        put(w, "}}");
    }
}


int
genai_refuse(const genai_refuse_in_t *in, char *buf, size_t size,
    genai_refuse_out_t *out)
{
    int64_t   wait;
    writer_t  w = { buf, buf + size, 0 };

    memset(out, 0, sizeof(genai_refuse_out_t));

    if (in->why && !in->why->never && in->why->reset > in->now - 1) {
        wait = in->why->reset - in->now;
        wait = wait < 1 ? 1 : wait;
        out->retryable = wait <= GENAI_REFUSE_WAIT;
        out->retry_after = out->retryable ? wait : 0;
    }

    out->status = in->status ? in->status : out->retryable ? 429 : 402;
    out->content_type = genai_strz("application/json");

    put_headers(in, out, &w);

    out->body.data = w.pos;
    put_body(in, out, &w);
    out->body.len = (size_t) (w.pos - out->body.data);

    return w.full ? GENAI_ERROR : GENAI_OK;
}


int
genai_refuse_ratelimit(genai_str_t budget, const genai_budget_state_t *s,
    int64_t now, char *buf, size_t size, genai_refuse_header_t out[2])
{
    char      name[65], *start;
    size_t    i;
    int64_t   unit, rest, reset, start_at;
    writer_t  w = { buf, buf + size, 0 };

    for (i = 0; i < budget.len && i < sizeof(name) - 1; i++) {
        name[i] = budget.data[i] >= 0x20 && budget.data[i] < 0x7f
                  && budget.data[i] != '"' && budget.data[i] != '\\'
                  ? budget.data[i] : '_';
    }

    name[i] = '\0';

    unit = s->limit.unit == GENAI_BUDGET_USD ? GENAI_PICO_PER_USD / 100 : 1;
    rest = s->spent >= s->allowed || s->reserved >= s->allowed - s->spent
           ? 0 : s->allowed - s->spent - s->reserved;
    reset = s->reset > now ? s->reset - now : 0;
    start_at = genai_budget_start(&s->limit, now);

    start = w.pos;
    put(&w, "\"%s\";q=%lld;w=%lld", name, (long long) (s->allowed / unit),
        (long long) (s->limit.window == GENAI_BUDGET_ROLLING
                     ? s->limit.seconds
                     : genai_budget_next(&s->limit, now) - start_at));
    out[0].name = genai_strz("ratelimit-policy");
    out[0].value = genai_str(start, (size_t) (w.pos - start));

    start = w.pos;
    put(&w, "\"%s\";r=%lld;t=%lld", name, (long long) (rest / unit),
        (long long) reset);
    out[1].name = genai_strz("ratelimit");
    out[1].value = genai_str(start, (size_t) (w.pos - start));

    return w.full ? GENAI_ERROR : GENAI_OK;
}
