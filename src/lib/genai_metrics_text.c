/*
 * Prometheus text 0.0.4 and OpenMetrics text 1.0.0.  See genai_metrics.h.
 */

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "genai_metrics.h"


#define TEXT_BUFFER  4096


typedef struct {
    genai_metrics_write_pt  write;
    void                   *data;
    int                     rc;
    unsigned                openmetrics;

    /* upper bounds as text, of the histogram shown last */
    const double           *bounds;
    char                    le[GENAI_METRICS_BUCKETS][32];

    size_t                  len;
    char                    buf[TEXT_BUFFER];
} text_t;


static void
text_flush(text_t *t)
{
    if (t->len && t->rc == GENAI_OK) {
        t->rc = t->write(t->data, t->buf, t->len);
    }

    t->len = 0;
}


static void
text_put(text_t *t, const char *p, size_t len)
{
    size_t  n;

    while (len) {
        if (t->len == TEXT_BUFFER) {
            text_flush(t);
        }

        n = TEXT_BUFFER - t->len < len ? TEXT_BUFFER - t->len : len;
        memcpy(t->buf + t->len, p, n);
        t->len += n;
        p += n;
        len -= n;
    }
}


static void
text_putz(text_t *t, const char *z)
{
    text_put(t, z, strlen(z));
}


/* \ and LF are escaped everywhere, " in label values and, in OpenMetrics
 * alone, in HELP */

static void
text_escape(text_t *t, const char *p, size_t len, int quotes)
{
    size_t  i, from;

    for (i = 0, from = 0; i < len; i++) {
        if (p[i] != '\\' && p[i] != '\n' && !(quotes && p[i] == '"')) {
            continue;
        }

        text_put(t, p + from, i - from);
        text_put(t, "\\", 1);

        if (p[i] == '\n') {
            text_put(t, "n", 1);
            from = i + 1;

        } else {
            from = i;
        }
    }

    text_put(t, p + from, len - from);
}


static void
text_uint(text_t *t, uint64_t n)
{
    char    buf[20];
    size_t  i;

    i = sizeof(buf);

    do {
        buf[--i] = (char) ('0' + n % 10);
        n /= 10;
    } while (n);

    text_put(t, buf + i, sizeof(buf) - i);
}


static void
text_int(text_t *t, int64_t n)
{
    if (n < 0) {
        text_put(t, "-", 1);
        text_uint(t, 0 - (uint64_t) n);

    } else {
        text_uint(t, n);
    }
}


/*
 * The shortest text that reads back as d, laid out as Go does it, since that
 * is what OpenMetrics calls canonical for le and what Prometheus compares:
 * an exponent below 10^-4 and from 10^6 on, else at least one decimal.
 * buf has 32 bytes.
 */

static size_t
double_text(char *buf, double d)
{
    int     exp, n, digits;
    char    e[32], *p, *out;

    if (isnan(d)) {
        memcpy(buf, "NaN", 4);
        return 3;
    }

    if (isinf(d)) {
        memcpy(buf, d > 0 ? "+Inf" : "-Inf", 5);
        return 4;
    }

    for (digits = 0; digits < 17; digits++) {
        snprintf(e, sizeof(e), "%.*e", digits, d);

        if (strtod(e, NULL) == d) {
            break;
        }
    }

    p = strchr(e, 'e');
    exp = atoi(p + 1);

    if (d != 0 && (exp < -4 || exp >= 6)) {
        return snprintf(buf, 32, "%.*se%c%02d", (int) (p - e), e,
                        exp < 0 ? '-' : '+', abs(exp));
    }

    /* digits of the integer part are exact with so few places */
    n = digits - exp;

    if (n < 1) {
        n = 1;
    }

    out = buf;
    out += snprintf(out, 32, "%.*f", n, d);

    return out - buf;
}


static void
text_double(text_t *t, double d)
{
    char  buf[32];

    text_put(t, buf, double_text(buf, d));
}


static void
text_usd(text_t *t, int64_t usd, int64_t pico)
{
    int   n;
    char  buf[16];

    text_int(t, usd);

    if (pico == 0) {
        return;
    }

    buf[0] = '.';

    for (n = 12; n > 0; n--) {
        buf[n] = (char) ('0' + pico % 10);
        pico /= 10;
    }

    for (n = 13; buf[n - 1] == '0'; n--) { /* void */ }

    text_put(t, buf, n);
}


static void
text_labels(text_t *t, const genai_metric_point_t *p, const char *le)
{
    size_t  i;

    if (p->nlabels == 0 && le == NULL) {
        return;
    }

    text_put(t, "{", 1);

    for (i = 0; i < p->nlabels; i++) {
        if (i) {
            text_put(t, ",", 1);
        }

        text_put(t, p->labels[i].name.data, p->labels[i].name.len);
        text_put(t, "=\"", 2);
        text_escape(t, p->labels[i].value.data, p->labels[i].value.len, 1);
        text_put(t, "\"", 1);
    }

    if (le) {
        if (p->nlabels) {
            text_put(t, ",", 1);
        }

        text_putz(t, "le=\"");
        text_putz(t, le);
        text_put(t, "\"", 1);
    }

    text_put(t, "}", 1);
}


static void
text_hex(text_t *t, const uint8_t *p, size_t len)
{
    char    c[2];
    size_t  i;

    static const char  hex[] = "0123456789abcdef";

    for (i = 0; i < len; i++) {
        c[0] = hex[p[i] >> 4];
        c[1] = hex[p[i] & 15];
        text_put(t, c, 2);
    }
}


static void
text_exemplar(text_t *t, const genai_exemplar_t *e)
{
    char  ms[8];

    text_putz(t, " # {trace_id=\"");
    text_hex(t, e->trace_id, 16);
    text_putz(t, "\",span_id=\"");
    text_hex(t, e->span_id, 8);
    text_putz(t, "\"} ");
    text_double(t, e->value);
    text_put(t, " ", 1);
    text_uint(t, e->time_unix_ns / GENAI_NS_PER_SEC);
    snprintf(ms, sizeof(ms), ".%03u",
             (unsigned) (e->time_unix_ns / 1000000 % 1000));
    text_putz(t, ms);
}


static void
text_histogram(text_t *t, const genai_metric_family_t *f,
    const genai_metric_point_t *p)
{
    size_t       b, len;
    uint64_t     n;
    const char  *le;

    if (t->bounds != p->bounds) {
        t->bounds = p->bounds;

        for (b = 0; b < p->nbounds; b++) {
            len = double_text(t->le[b], p->bounds[b]);
            t->le[b][len] = '\0';
        }
    }

    for (b = 0, n = 0; b <= p->nbounds; b++) {
        n += p->counts[b];
        le = b < p->nbounds ? t->le[b] : "+Inf";

        text_putz(t, f->name);
        text_putz(t, "_bucket");
        text_labels(t, p, le);
        text_put(t, " ", 1);
        text_uint(t, n);

        if (t->openmetrics && p->has_exemplars
            && p->exemplars[b].time_unix_ns)
        {
            text_exemplar(t, &p->exemplars[b]);
        }

        text_put(t, "\n", 1);
    }

    text_putz(t, f->name);
    text_putz(t, "_sum");
    text_labels(t, p, NULL);
    text_put(t, " ", 1);
    text_double(t, p->sum);
    text_put(t, "\n", 1);

    text_putz(t, f->name);
    text_putz(t, "_count");
    text_labels(t, p, NULL);
    text_put(t, " ", 1);
    text_uint(t, p->count);
    text_put(t, "\n", 1);
}


static int
text_point(void *data, const genai_metric_family_t *f,
    const genai_metric_point_t *p)
{
    text_t  *t = data;

    if (f->kind == GENAI_METRIC_HISTOGRAM) {
        text_histogram(t, f, p);
        return t->rc;
    }

    text_putz(t, f->name);

    if (f->kind == GENAI_METRIC_COUNTER) {
        text_putz(t, "_total");
    }

    text_labels(t, p, NULL);
    text_put(t, " ", 1);

    switch (p->type) {

    case GENAI_VALUE_INT:
        text_int(t, p->i);
        break;

    case GENAI_VALUE_USD:
        text_usd(t, p->usd, p->pico);
        break;

    default:
        text_double(t, p->d);
    }

    text_put(t, "\n", 1);

    return t->rc;
}


static void
text_comment(text_t *t, const char *what, const genai_metric_family_t *f)
{
    text_putz(t, "# ");
    text_putz(t, what);
    text_put(t, " ", 1);
    text_putz(t, f->name);

    if (f->kind == GENAI_METRIC_COUNTER && !t->openmetrics) {
        text_putz(t, "_total");
    }

    text_put(t, " ", 1);
}


static int
text_family(void *data, const genai_metric_family_t *f)
{
    size_t       i, len, n;
    text_t      *t = data;
    const char  *unit;

    static const char *const  kinds[] = { "counter", "gauge", "histogram" };
    static const char *const  units[] = { "seconds", "bytes", "usd" };

    if (f->help) {
        text_comment(t, "HELP", f);
        text_escape(t, f->help, strlen(f->help), t->openmetrics);
        text_put(t, "\n", 1);
    }

    text_comment(t, "TYPE", f);
    text_putz(t, kinds[f->kind]);
    text_put(t, "\n", 1);

    if (!t->openmetrics) {
        return t->rc;
    }

    len = strlen(f->name);

    for (i = 0; i < genai_nelts(units); i++) {
        unit = units[i];
        n = strlen(unit);

        if (len > n && f->name[len - n - 1] == '_'
            && memcmp(f->name + len - n, unit, n) == 0)
        {
            text_comment(t, "UNIT", f);
            text_putz(t, unit);
            text_put(t, "\n", 1);
        }
    }

    return t->rc;
}


int
genai_metrics_text(const genai_metrics_t *m,
    const genai_metrics_view_t *view, genai_text_e format,
    genai_metrics_write_pt write, void *data)
{
    int     rc;
    text_t  t;

    static const genai_metrics_visitor_t  visitor = {
        text_family, text_point
    };

    t.write = write;
    t.data = data;
    t.rc = GENAI_OK;
    t.openmetrics = format == GENAI_TEXT_OPENMETRICS;
    t.bounds = NULL;
    t.len = 0;

    rc = genai_metrics_visit(m, view, &visitor, &t);

    if (rc != GENAI_OK) {
        return rc;
    }

    if (t.openmetrics) {
        text_putz(&t, "# EOF\n");
    }

    text_flush(&t);

    return t.rc;
}


const char *
genai_metrics_content_type(genai_text_e format)
{
    return format == GENAI_TEXT_OPENMETRICS
           ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
           : "text/plain; version=0.0.4; charset=utf-8";
}


static genai_str_t
str_trim(genai_str_t s)
{
    while (s.len && (s.data[0] == ' ' || s.data[0] == '\t')) {
        s.data++;
        s.len--;
    }

    while (s.len && (s.data[s.len - 1] == ' ' || s.data[s.len - 1] == '\t')) {
        s.len--;
    }

    return s;
}


/* takes what stands before sep off the front of s */

static genai_str_t
str_cut(genai_str_t *s, char sep)
{
    const char   *p;
    genai_str_t   head;

    if (s->len == 0) {
        return *s;
    }

    p = memchr(s->data, sep, s->len);
    head = *s;

    if (p == NULL) {
        s->data += s->len;
        s->len = 0;

    } else {
        head.len = p - head.data;
        s->len -= head.len + 1;
        s->data = p + 1;
    }

    return str_trim(head);
}


static int
str_is_nocase(genai_str_t s, const char *z)
{
    size_t  i;
    char    c;

    if (s.len != strlen(z)) {
        return 0;
    }

    for (i = 0; i < s.len; i++) {
        c = s.data[i];
        c = c >= 'A' && c <= 'Z' ? c | 0x20 : c;

        if (c != z[i]) {
            return 0;
        }
    }

    return 1;
}


/* a q-value in thousandths; what is not one counts as 0 */

static int
q_value(genai_str_t s)
{
    int     q, unit;
    size_t  i;

    if (s.len == 0 || (s.data[0] != '0' && s.data[0] != '1')) {
        return 0;
    }

    q = (s.data[0] - '0') * 1000;

    for (i = 2, unit = 100; i < s.len && unit; i++, unit /= 10) {
        if (s.data[1] != '.' || s.data[i] < '0' || s.data[i] > '9') {
            return 0;
        }

        q += (s.data[i] - '0') * unit;
    }

    return q > 1000 ? 1000 : q;
}


/* one media range: its q-value; *text tells the format, -1 for none of ours */

static int
accept_range(genai_str_t s, int *text)
{
    int          q;
    genai_str_t  type, param, name;

    type = str_cut(&s, ';');
    q = 1000;

    if (str_is_nocase(type, "application/openmetrics-text")) {
        *text = GENAI_TEXT_OPENMETRICS;

    } else if (str_is_nocase(type, "text/plain")
               || str_is_nocase(type, "text/*")
               || str_is_nocase(type, "*/*"))
    {
        *text = GENAI_TEXT_PROMETHEUS;

    } else {
        *text = -1;
    }

    while (s.len) {
        param = str_cut(&s, ';');
        name = str_cut(&param, '=');
        param = str_trim(param);

        if (str_is_nocase(name, "q")) {
            q = q_value(param);

        } else if (str_is_nocase(name, "version")
                   && *text == GENAI_TEXT_OPENMETRICS
                   && !genai_str_is(param, "1.0.0")
                   && !genai_str_is(param, "\"1.0.0\""))
        {
            *text = -1;
        }
    }

    return q;
}


genai_text_e
genai_metrics_negotiate(genai_str_t accept)
{
    int           q, best, text;
    genai_text_e  found;

    found = GENAI_TEXT_PROMETHEUS;
    best = 0;

    while (accept.len) {
        q = accept_range(str_cut(&accept, ','), &text);

        if (text < 0 || q == 0) {
            continue;
        }

        if (q > best || (q == best && text == GENAI_TEXT_OPENMETRICS)) {
            best = q;
            found = (genai_text_e) text;
        }
    }

    return found;
}
