/*
 * How budgets are written, and calendar windows.  See genai_budget.h.
 */

#include <stdarg.h>
#include <stdio.h>

#include "genai_budget.h"


#define DAY  86400


typedef struct {
    const char  *name;
    const char  *text;
} unit_t;


static const unit_t  units[GENAI_BUDGET_UNIT_N] = {
    { "usd", "USD" },
    { "tok", "tokens" },
    { "itok", "input tokens" },
    { "otok", "output tokens" },
    { "req", "requests" }
};


static const char *const  windows[GENAI_BUDGET_WINDOW_N] = {
    "rolling", "minute", "hour", "day", "week", "month"
};


__attribute__((format(printf, 3, 4)))
static int
bad(char *err, size_t errlen, const char *fmt, ...)
{
    va_list  ap;

    if (errlen) {
        va_start(ap, fmt);
        vsnprintf(err, errlen, fmt, ap);
        va_end(ap);
    }

    return GENAI_ERROR;
}


/* for messages: what a line of a log should not get is cut */

static int
shown(genai_str_t s)
{
    return s.len > 60 ? 60 : (int) s.len;
}


static int
find_unit(genai_str_t name)
{
    int  i;

    for (i = 0; i < GENAI_BUDGET_UNIT_N; i++) {
        if (genai_str_is(name, units[i].name)) {
            return i;
        }
    }

    return -1;
}


static int
is_digit(char c)
{
    return c >= '0' && c <= '9';
}


/* digits and one point: *value is the number without its point, *places how
 * many digits came behind it; the number of bytes, 0 when it is none */

static size_t
scan_decimal(genai_str_t s, unsigned __int128 *value, unsigned *places)
{
    size_t    i;
    unsigned  digits, point;

    *value = 0;
    *places = 0;
    digits = 0;
    point = 0;

    for (i = 0; i < s.len; i++) {

        if (s.data[i] == '.' && !point && digits) {
            point = 1;
            continue;
        }

        if (!is_digit(s.data[i])) {
            break;
        }

        if (++digits > 30) {
            return 0;
        }

        *value = *value * 10 + (unsigned) (s.data[i] - '0');
        *places += point;
    }

    return digits && s.data[i - 1] != '.' ? i : 0;
}


int
genai_budget_parse_amount(genai_str_t text, int64_t *amount, uint8_t *unit,
    char *err, size_t errlen)
{
    int                u;
    size_t             n;
    unsigned           places;
    genai_str_t        name;
    unsigned __int128  v, scale;

    n = scan_decimal(text, &v, &places);

    if (n == 0) {
        return bad(err, errlen, "\"%.*s\" does not start with a number,"
                   " write e.g. 100usd or 2Mtok", shown(text), text.data);
    }

    name = genai_str(text.data + n, text.len - n);
    scale = 1;
    u = find_unit(name);

    if (u < 0 && name.len) {
        scale = name.data[0] == 'k' ? 1000
                : name.data[0] == 'M' ? 1000000
                : name.data[0] == 'G' ? 1000000000 : 0;

        u = scale ? find_unit(genai_str(name.data + 1, name.len - 1)) : -1;
    }

    if (u < 0) {
        return bad(err, errlen, "unknown unit \"%.*s\", use usd, tok, itok,"
                   " otok or req, before it k, M or G",
                   shown(name), name.data);
    }

    if (u == GENAI_BUDGET_USD) {
        scale *= GENAI_PICO_PER_USD;
    }

    /* 10^30 does not fit beside the scale of Gusd */

    while (places && v % 10 == 0) {
        v /= 10;
        places--;
    }

    for ( /* void */ ; places && scale % 10 == 0; places--) {
        scale /= 10;
    }

    if (places) {
        return bad(err, errlen, "\"%.*s\" is a fraction of %s",
                   shown(text), text.data,
                   u == GENAI_BUDGET_USD ? "a pico-USD, 12 decimals are kept"
                                         : "one, write a whole number");
    }

    if (v > INT64_MAX || v * scale > INT64_MAX) {
        return bad(err, errlen, "\"%.*s\" is too much, the most is %s",
                   shown(text), text.data,
                   u == GENAI_BUDGET_USD ? "9223372usd" : "9000000000Gtok");
    }

    *amount = (int64_t) (v * scale);
    *unit = u;

    return GENAI_OK;
}


int64_t
genai_budget_seconds(genai_str_t text)
{
    size_t   n;
    int64_t  v, unit;

    v = 0;

    for (n = 0; n < text.len && n < 9 && is_digit(text.data[n]); n++) {
        v = v * 10 + (text.data[n] - '0');
    }

    if (n == 0 || n + 1 != text.len) {
        return -1;
    }

    unit = text.data[n] == 's' ? 1
           : text.data[n] == 'm' ? 60
           : text.data[n] == 'h' ? 3600
           : text.data[n] == 'd' ? DAY
           : text.data[n] == 'w' ? 7 * DAY : 0;

    return unit ? v * unit : -1;
}


static int
parse_window(genai_str_t text, genai_budget_limit_t *limit, char *err,
    size_t errlen)
{
    int      i;
    int64_t  seconds;

    for (i = GENAI_BUDGET_MINUTE; i < GENAI_BUDGET_WINDOW_N; i++) {
        if (genai_str_is(text, windows[i])) {
            limit->window = i;
            limit->seconds = 0;
            return GENAI_OK;
        }
    }

    seconds = genai_budget_seconds(text);

    if (seconds < 0) {
        return bad(err, errlen, "unknown window \"%.*s\", use minute, hour,"
                   " day, week, month or a time as 10s, 5m, 1h, 30d",
                   shown(text), text.data);
    }

    if (seconds == 0 || seconds > GENAI_BUDGET_SEC_MAX) {
        return bad(err, errlen, "the window \"%.*s\" is out of range,"
                   " from 1s to 366d are possible", shown(text), text.data);
    }

    limit->window = GENAI_BUDGET_ROLLING;
    limit->seconds = (int32_t) seconds;

    return GENAI_OK;
}


int
genai_budget_parse(genai_str_t text, int tz, genai_budget_limit_t *limit,
    char *err, size_t errlen)
{
    const char           *slash;
    genai_str_t           amount, window;
    genai_budget_limit_t  l;

    slash = text.len ? memchr(text.data, '/', text.len) : NULL;

    if (slash == NULL) {
        return bad(err, errlen, "\"%.*s\" has no window, write e.g."
                   " 100usd/day or 2Mtok/1h", shown(text),
                   text.len ? text.data : "");
    }

    amount = genai_str(text.data, (size_t) (slash - text.data));
    window = genai_str(slash + 1, text.len - amount.len - 1);

    memset(&l, 0, sizeof(genai_budget_limit_t));

    if (genai_budget_parse_amount(amount, &l.amount, &l.unit, err, errlen)
        != GENAI_OK
        || parse_window(window, &l, err, errlen) != GENAI_OK)
    {
        return GENAI_ERROR;
    }

    if (l.window != GENAI_BUDGET_ROLLING) {
        l.tz = (int16_t) tz;
    }

    *limit = l;

    return GENAI_OK;
}


int
genai_budget_parse_tz(genai_str_t text, int *minutes, char *err,
    size_t errlen)
{
    int          h, m;
    const char  *p;

    if (genai_str_is(text, "UTC")) {
        *minutes = 0;
        return GENAI_OK;
    }

    if (genai_str_is(text, "local")) {
        return GENAI_DECLINED;
    }

    p = text.data;

    if (text.len == 6 && (p[0] == '+' || p[0] == '-') && p[3] == ':'
        && is_digit(p[1]) && is_digit(p[2])
        && is_digit(p[4]) && is_digit(p[5]))
    {
        h = (p[1] - '0') * 10 + p[2] - '0';
        m = (p[4] - '0') * 10 + p[5] - '0';

        if (m < 60 && h * 60 + m <= 14 * 60) {
            *minutes = (p[0] == '-' ? -1 : 1) * (h * 60 + m);
            return GENAI_OK;
        }
    }

    return bad(err, errlen, "unknown time zone \"%.*s\", use UTC, local or"
               " an offset as +05:30", shown(text), text.len ? p : "");
}


int
genai_budget_parse_percent(genai_str_t text, uint32_t *percent, char *err,
    size_t errlen)
{
    size_t    i;
    uint32_t  v;

    v = 0;

    for (i = 0; i < text.len && i < 3 && is_digit(text.data[i]); i++) {
        v = v * 10 + (uint32_t) (text.data[i] - '0');
    }

    if (i == 0 || i + 1 != text.len || text.data[i] != '%'
        || v == 0 || v > 100)
    {
        return bad(err, errlen, "\"%.*s\" is no percentage from 1%% to 100%%",
                   shown(text), text.len ? text.data : "");
    }

    *percent = v;

    return GENAI_OK;
}


/* decimals of a USD that are not zero, two at least when asked */

static int
usd_text(char *buf, size_t size, int64_t pico, int least)
{
    int   n, len;
    char  frac[16];

    snprintf(frac, sizeof(frac), "%012lld",
             (long long) (pico % GENAI_PICO_PER_USD));

    for (n = 12; n > least && frac[n - 1] == '0'; n--) { /* void */ }

    len = snprintf(buf, size, "%lld%s%.*s",
                   (long long) (pico / GENAI_PICO_PER_USD), n ? "." : "", n,
                   frac);
    return len;
}


size_t
genai_budget_number(uint8_t unit, int64_t amount, char buf[GENAI_BUDGET_TEXT])
{
    return (size_t) (unit == GENAI_BUDGET_USD
                     ? usd_text(buf, GENAI_BUDGET_TEXT, amount, 0)
                     : snprintf(buf, GENAI_BUDGET_TEXT, "%lld",
                                (long long) amount));
}


size_t
genai_budget_text(const genai_budget_limit_t *l, char buf[GENAI_BUDGET_TEXT])
{
    int   n;
    char  window[16];

    if (l->window == GENAI_BUDGET_ROLLING) {
        n = l->seconds % DAY == 0 ? DAY
            : l->seconds % 3600 == 0 ? 3600
            : l->seconds % 60 == 0 ? 60 : 1;

        snprintf(window, sizeof(window), "%d%c", l->seconds / n,
                 n == DAY ? 'd' : n == 3600 ? 'h' : n == 60 ? 'm' : 's');

    } else {
        snprintf(window, sizeof(window), "%s",
                 genai_budget_window_name(l->window));
    }

    n = (int) genai_budget_number(l->unit, l->amount, buf);
    n += snprintf(buf + n, GENAI_BUDGET_TEXT - (size_t) n, "%s/%s",
                  genai_budget_unit_name(l->unit), window);

    return (size_t) n;
}


size_t
genai_budget_amount_text(uint8_t unit, int64_t amount,
    char buf[GENAI_BUDGET_TEXT])
{
    int  n;

    if (unit == GENAI_BUDGET_USD) {
        n = usd_text(buf, GENAI_BUDGET_TEXT, amount, 2);

    } else {
        n = snprintf(buf, GENAI_BUDGET_TEXT, "%lld", (long long) amount);
    }

    n += snprintf(buf + n, GENAI_BUDGET_TEXT - (size_t) n, " %s",
                  units[unit < GENAI_BUDGET_UNIT_N ? unit : 0].text);

    /* "1 request" */

    if (unit != GENAI_BUDGET_USD && amount == 1) {
        buf[--n] = '\0';
    }

    return (size_t) n;
}


const char *
genai_budget_unit_name(uint8_t unit)
{
    return unit < GENAI_BUDGET_UNIT_N ? units[unit].name : "";
}


const char *
genai_budget_window_name(uint8_t window)
{
    return window < GENAI_BUDGET_WINDOW_N ? windows[window] : "";
}


int64_t
genai_budget_amount(const genai_budget_amounts_t *a, uint8_t unit)
{
    int64_t  sum;

    switch (unit) {

    case GENAI_BUDGET_USD:
        return a->usd_pico;

    case GENAI_BUDGET_ITOK:
        return a->itok;

    case GENAI_BUDGET_OTOK:
        return a->otok;

    case GENAI_BUDGET_REQ:
        return a->req;

    default:
        return __builtin_add_overflow(a->itok, a->otok, &sum) ? INT64_MAX
                                                              : sum;
    }
}


static int64_t
floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}


/* days since 1970 of the first of a month, and back: the civil calendar with
 * years that start in March */

static int64_t
days_of_month(int64_t months)
{
    int64_t  y, m, era, yoe;

    y = floor_div(months, 12);
    m = months - y * 12;               /* 0 is January */

    y -= m < 2;
    m = m < 2 ? m + 10 : m - 2;        /* 0 is March */

    era = floor_div(y, 400);
    yoe = y - era * 400;

    return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100
           + (153 * m + 2) / 5 - 719468;
}


static int64_t
months_of_day(int64_t day)
{
    int64_t  era, doe, yoe, doy, m, y;

    day += 719468;
    era = floor_div(day, 146097);
    doe = day - era * 146097;
    yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    m = (5 * doy + 2) / 153;
    y = era * 400 + yoe + (m >= 10);
    m = m < 10 ? m + 2 : m - 10;

    return y * 12 + m;
}


static int64_t
window_edge(const genai_budget_limit_t *l, int64_t t, int64_t next)
{
    int64_t  tz, len, day;

    tz = (int64_t) l->tz * 60;

    switch (l->window) {

    case GENAI_BUDGET_ROLLING:
        len = (l->seconds + GENAI_BUDGET_SLOTS - 2) / (GENAI_BUDGET_SLOTS - 1);
        len = len < 1 ? 1 : len;
        tz = 0;
        break;

    case GENAI_BUDGET_MINUTE:
        len = 60;
        break;

    case GENAI_BUDGET_HOUR:
        len = 3600;
        break;

    case GENAI_BUDGET_WEEK:

        /* 1970 began on a Thursday */

        day = floor_div(t + tz, DAY);
        return ((floor_div(day + 3, 7) + next) * 7 - 3) * DAY - tz;

    case GENAI_BUDGET_MONTH:
        day = floor_div(t + tz, DAY);
        return days_of_month(months_of_day(day) + next) * DAY - tz;

    default:
        len = DAY;
    }

    return (floor_div(t + tz, len) + next) * len - tz;
}


int64_t
genai_budget_start(const genai_budget_limit_t *limit, int64_t t)
{
    return window_edge(limit, t, 0);
}


int64_t
genai_budget_next(const genai_budget_limit_t *limit, int64_t t)
{
    return window_edge(limit, t, 1);
}
