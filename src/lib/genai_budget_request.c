/*
 * A request to raise a limit.  See genai_budget_request.h.
 *
 * cJSON's strings end at a zero byte, so one in the text is refused: a key
 * must not become another's.
 */

#include <cjson/cJSON.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include "genai_budget_request.h"


typedef struct {
    genai_budget_request_t  *q;
    char                    *err;
    size_t                   errlen;
} ctx_t;


static int members(ctx_t *x, const cJSON *o);
static int string(ctx_t *x, const cJSON *o, const char *name,
    genai_str_t *value);
static int until(ctx_t *x, genai_str_t text, int64_t now);
static int has_zero(const char *text, size_t len);


__attribute__((format(printf, 2, 3)))
static int
fail(ctx_t *x, const char *fmt, ...)
{
    va_list  ap;

    va_start(ap, fmt);
    vsnprintf(x->err, x->errlen, fmt, ap);
    va_end(ap);

    return GENAI_ERROR;
}


int
genai_budget_request(genai_budget_request_t *q, const char *text, size_t len,
    int64_t now, char *err, size_t errlen)
{
    ctx_t        x = { q, err, errlen };
    size_t       i;
    const char  *end;
    genai_str_t  when;

    memset(q, 0, sizeof(genai_budget_request_t));

    if (has_zero(text, len)) {
        return fail(&x, "the body has a zero byte (\\u0000) in a string, "
                    "leave it out");
    }

    end = text;
    q->json = len ? cJSON_ParseWithLengthOpts(text, len, &end, 0) : NULL;

    while (q->json && end < text + len && strchr(" \t\r\n", *end) && *end) {
        end++;
    }

    if (q->json == NULL || end != text + len) {
        return fail(&x, "the body is not JSON, send {\"zone\":\"name\","
                    "\"key\":\"...\",\"add\":\"20usd\",\"until\":\"2h\","
                    "\"reason\":\"...\"}");
    }

    if (members(&x, q->json) != GENAI_OK
        || string(&x, q->json, "zone", &q->zone) != GENAI_OK
        || string(&x, q->json, "key", &q->key) != GENAI_OK
        || string(&x, q->json, "add", &q->add_text) != GENAI_OK
        || string(&x, q->json, "until", &when) != GENAI_OK
        || string(&x, q->json, "reason", &q->reason) != GENAI_OK)
    {
        return GENAI_ERROR;
    }

    if (q->zone.len == 0) {
        return fail(&x, "\"zone\" is missing, name a zone that GET lists");
    }

    if (q->add_text.len == 0) {
        return fail(&x, "\"add\" is missing, write e.g. \"20usd\" or "
                    "\"1Mtok\"; \"0usd\" ends a raise");
    }

    if (genai_budget_parse_amount(q->add_text, &q->add, &q->unit, err, errlen)
        != GENAI_OK)
    {
        return GENAI_ERROR;
    }

    for (i = 0; i < q->reason.len && q->reason.data[i] == ' '; i++) {
        /* void */
    }

    if (i == q->reason.len) {
        return fail(&x, "\"reason\" is missing or empty, say why: it goes "
                    "into the log");
    }

    return until(&x, when, now);
}


void
genai_budget_request_free(genai_budget_request_t *q)
{
    cJSON_Delete(q->json);
    q->json = NULL;
}


static int
members(ctx_t *x, const cJSON *o)
{
    unsigned      i;
    const cJSON  *m, *p;

    static const char *const  names[] = {
        "zone", "key", "add", "until", "reason"
    };

    if (!cJSON_IsObject(o)) {
        return fail(x, "the body is not a JSON object, write { }");
    }

    cJSON_ArrayForEach(m, o) {

        for (i = 0; i < genai_nelts(names); i++) {
            if (strcmp(m->string, names[i]) == 0) {
                break;
            }
        }

        if (i == genai_nelts(names)) {
            return fail(x, "unknown member \"%.64s\", there are \"zone\", "
                        "\"key\", \"add\", \"until\" and \"reason\"",
                        m->string);
        }

        for (p = o->child; p != m; p = p->next) {
            if (strcmp(p->string, m->string) == 0) {
                return fail(x, "\"%s\" is there twice, leave one out",
                            m->string);
            }
        }
    }

    return GENAI_OK;
}


static int
string(ctx_t *x, const cJSON *o, const char *name, genai_str_t *value)
{
    const cJSON  *v;

    v = cJSON_GetObjectItemCaseSensitive(o, name);
    *value = genai_str(NULL, 0);

    if (v == NULL) {
        return GENAI_OK;
    }

    if (!cJSON_IsString(v)) {
        return fail(x, "\"%s\" is not a string, put it in quotes", name);
    }

    *value = genai_strz(v->valuestring);

    return GENAI_OK;
}


static int
until(ctx_t *x, genai_str_t text, int64_t now)
{
    int64_t  t, seconds;

    if (x->q->add == 0) {
        return GENAI_OK;
    }

    if (text.len == 0) {
        return fail(x, "\"until\" is missing: a raise ends, write e.g. "
                    "\"2h\" or \"2026-12-01T08:00:00Z\"");
    }

    seconds = genai_budget_seconds(text);

    if (seconds >= 0) {
        t = now + seconds;

    } else if (genai_budget_parse_time(text, &t) != GENAI_OK) {
        return fail(x, "\"until\" is no time, write e.g. \"2h\", \"30m\" or, "
                    "in UTC, \"2026-12-01T08:00:00Z\"");
    }

    if (t <= now) {
        return fail(x, "\"until\" is not ahead, name a time to come; "
                    "\"add\":\"0%s\" ends a raise",
                    genai_budget_unit_name(x->q->unit));
    }

    if (t - now > GENAI_BUDGET_RAISE_MAX) {
        return fail(x, "\"until\" is more than 31 days ahead, choose less "
                    "or change the limit in the configuration");
    }

    x->q->until = t;

    return GENAI_OK;
}


int
genai_budget_parse_time(genai_str_t text, int64_t *t)
{
    int        i, v[6];
    size_t     k;
    time_t     when;
    struct tm  tm, back;

    /* d: a digit of the current number; otherwise the end of one */

    static const char  form[] = "dddd-dd-ddTdd:dd:ddZ";

    if (text.len != sizeof(form) - 1) {
        return GENAI_ERROR;
    }

    memset(v, 0, sizeof(v));

    for (i = 0, k = 0; k < text.len; k++) {

        if (form[k] != 'd') {
            if (text.data[k] != form[k]) {
                return GENAI_ERROR;
            }

            i++;
            continue;
        }

        if (text.data[k] < '0' || text.data[k] > '9') {
            return GENAI_ERROR;
        }

        v[i] = v[i] * 10 + (text.data[k] - '0');
    }

    memset(&tm, 0, sizeof(struct tm));

    tm.tm_year = v[0] - 1900;
    tm.tm_mon = v[1] - 1;
    tm.tm_mday = v[2];
    tm.tm_hour = v[3];
    tm.tm_min = v[4];
    tm.tm_sec = v[5];

    when = timegm(&tm);

    /* February 30 would be in March */

    if (gmtime_r(&when, &back) == NULL || back.tm_mon != v[1] - 1
        || back.tm_mday != v[2] || back.tm_hour != v[3]
        || back.tm_min != v[4] || back.tm_sec != v[5])
    {
        return GENAI_ERROR;
    }

    *t = (int64_t) when;

    return GENAI_OK;
}


/* in JSON a backslash is in a string, and escapes what follows it */

static int
has_zero(const char *text, size_t len)
{
    size_t  i;

    for (i = 0; i < len; i++) {

        if (text[i] == '\0') {
            return 1;
        }

        if (text[i] == '\\') {
            if (len - i > 5 && memcmp(text + i, "\\u0000", 6) == 0) {
                return 1;
            }

            i++;
        }
    }

    return 0;
}


int
genai_budget_request_fits(const genai_budget_request_t *q,
    const genai_budget_limit_t *limits, uint32_t n, char *err, size_t errlen)
{
    char      text[GENAI_BUDGET_TEXT], all[GENAI_BUDGET_LIMITS * 70];
    ctx_t     x = { NULL, err, errlen };
    size_t    len;
    int64_t   most;
    uint32_t  i;

    len = 0;
    most = -1;
    all[0] = '\0';

    for (i = 0; i < n && i < GENAI_BUDGET_LIMITS; i++) {
        genai_budget_text(&limits[i], text);
        len += (size_t) snprintf(all + len, sizeof(all) - len, "%s%s",
                                 i ? ", " : "", text);

        if (limits[i].unit == q->unit && limits[i].amount > most) {
            most = limits[i].amount;
        }
    }

    if (most < 0) {
        return fail(&x, "no limit of this budget is in %s, its limits are "
                    "%s", genai_budget_unit_name(q->unit),
                    n ? all : "none");
    }

    if (most > 0 && q->add / most >= GENAI_BUDGET_RAISE_TIMES
        && q->add > 0)
    {
        return fail(&x, "\"add\" is %d times the limit or more (%s), write "
                    "less or change the limit in the configuration",
                    GENAI_BUDGET_RAISE_TIMES, all);
    }

    return GENAI_OK;
}
