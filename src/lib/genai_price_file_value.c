/*
 * The price file's values: decimals, counts, dates, names.
 */

#include <stdarg.h>
#include <stdio.h>

#include "genai_price_file.h"


/* reports what is wrong; always GENAI_ERROR */

int
genai_pf_fail(genai_price_file_t *f, const char *fmt, ...)
{
    int      n;
    char    *p;
    va_list  ap;

    n = 0;

    if (f->errlen == 0) {
        return GENAI_ERROR;
    }

    if (f->id) {
        n = snprintf(f->err, f->errlen, "row %u (\"%.128s\"): ", f->index,
                     f->id);
    }

    if (n >= 0 && (size_t) n < f->errlen) {
        va_start(ap, fmt);
        vsnprintf(f->err + n, f->errlen - n, fmt, ap);
        va_end(ap);
    }

    for (p = f->err; *p; p++) {
        if ((unsigned char) *p < 0x20 || *p == 0x7f) {
            *p = '?';
        }
    }

    return GENAI_ERROR;
}


void *
genai_pf_alloc(genai_price_file_t *f, size_t n, size_t size)
{
    void  *p;

    p = f->alloc(f->data, n ? n * size : 1);

    if (p == NULL) {
        (void) genai_pf_fail(f, "out of memory");
        return NULL;
    }

    memset(p, 0, n * size);

    return p;
}


int
genai_pf_copy(genai_price_file_t *f, const char *z, genai_str_t *to)
{
    size_t   len;
    char    *p;

    len = strlen(z);

    p = genai_pf_alloc(f, len + 1, 1);
    if (p == NULL) {
        return GENAI_ERROR;
    }

    memcpy(p, z, len);
    *to = genai_str(p, len);

    return GENAI_OK;
}


static int
genai_pf_listed(const char *list, const char *word)
{
    size_t  n, len;

    len = strlen(word);

    while (*list) {
        list += strspn(list, " ");
        n = strcspn(list, " ");

        if (n && n == len && memcmp(list, word, n) == 0) {
            return 1;
        }

        list += n;
    }

    return 0;
}


/* every member known and there once; known is a list in spaces, or NULL */

int
genai_pf_members(genai_price_file_t *f, const cJSON *object,
    const char *where, const char *known)
{
    size_t        n;
    const cJSON  *m, *o;

    if (!cJSON_IsObject(object)) {
        return genai_pf_fail(f, "%s is not an object; write it as { }",
                             where);
    }

    n = 0;

    cJSON_ArrayForEach(m, object) {
        if (++n > GENAI_PRICE_KEYS) {
            return genai_pf_fail(f, "%s has more than %d members; split "
                                 "the table", where, GENAI_PRICE_KEYS);
        }

        if (known && !genai_pf_listed(known, m->string)) {
            return genai_pf_fail(f, "unknown key \"%.64s\" in %s; remove "
                                 "it, or use one of:%s", m->string, where,
                                 known);
        }

        for (o = object->child; o != m; o = o->next) {
            if (strcmp(o->string, m->string) == 0) {
                return genai_pf_fail(f, "key \"%.64s\" twice in %s; remove "
                                     "one", m->string, where);
            }
        }
    }

    return GENAI_OK;
}


/* a decimal, written as a string or a number -> millionths, exactly */

int
genai_pf_decimal(genai_price_file_t *f, const cJSON *v, const char *key,
    int64_t max, int64_t *micro)
{
    int          places, digits;
    char         buf[64];
    double       d;
    int64_t      n;
    const char  *p;

    if (cJSON_IsNumber(v)) {
        d = v->valuedouble;

        if (d != d || d > 1e15 || d < -1e15) {
            return genai_pf_fail(f, "\"%s\" is absurd; give at most %lld",
                                 key, (long long) max);
        }

        /* 15 digits give back what was written; tiny values must not turn
         * into an exponent, nor into zero */

        if (d != 0 && d < 1e-4 && d > -1e-4) {
            n = snprintf(buf, sizeof(buf), "%.20f", d);

            while (buf[n - 1] == '0') {
                buf[--n] = '\0';
            }

        } else {
            snprintf(buf, sizeof(buf), "%.15g", d);
        }

        p = buf;

    } else if (cJSON_IsString(v) && strlen(v->valuestring) < sizeof(buf)) {
        p = v->valuestring;

    } else {
        return genai_pf_fail(f, "\"%s\" is not a decimal; write it as "
                             "\"0.25\" or 0.25", key);
    }

    if (*p == '-') {
        return genai_pf_fail(f, "\"%s\" is negative (%.32s); give a price "
                             "of 0 or more", key, p);
    }

    n = 0;
    places = -1;
    digits = 0;

    for (/* void */; *p; p++) {
        if (*p == '.' && places < 0 && digits) {
            places = 0;
            continue;
        }

        if (*p < '0' || *p > '9') {
            digits = 0;
            break;
        }

        digits++;

        if (places >= 0 && ++places > 6) {
            return genai_pf_fail(f, "\"%s\" has more than 6 decimals; "
                                 "round it: the unit is %s", key,
                                 GENAI_PRICE_UNIT);
        }

        n = n * 10 + (*p - '0');

        if (n > 1000000000000LL) {
            return genai_pf_fail(f, "\"%s\" is absurd; give at most %lld",
                                 key, (long long) max);
        }
    }

    if (digits == 0 || places == 0) {
        return genai_pf_fail(f, "\"%s\" is not a decimal; write it as "
                             "\"0.25\" or 0.25", key);
    }

    for (places = places < 0 ? 0 : places; places < 6; places++) {
        n *= 10;
    }

    if (n > max * GENAI_PRICE_MICRO) {
        return genai_pf_fail(f, "\"%s\" is absurd: more than %lld; check "
                             "the unit, which is %s", key, (long long) max,
                             GENAI_PRICE_UNIT);
    }

    *micro = n;

    return GENAI_OK;
}


int
genai_pf_integer(genai_price_file_t *f, const cJSON *row, const char *key,
    int64_t *to)
{
    double        d;
    const cJSON  *v;

    v = cJSON_GetObjectItemCaseSensitive(row, key);
    if (v == NULL) {
        return GENAI_OK;
    }

    d = cJSON_IsNumber(v) ? v->valuedouble : 0;

    if (!(d >= 1 && d <= 1e9) || d != (double) (int64_t) d) {
        return genai_pf_fail(f, "\"%s\" is not a count; give a whole "
                             "number from 1 to 1000000000", key);
    }

    *to = (int64_t) d;

    return GENAI_OK;
}


/* a string of printable ASCII without spaces or quotes; required here */

int
genai_pf_word(genai_price_file_t *f, const cJSON *v, const char *key,
    size_t max, genai_str_t *to)
{
    size_t       len;
    const char  *p;

    if (!cJSON_IsString(v) || v->valuestring[0] == '\0') {
        return genai_pf_fail(f, "\"%s\" is missing or not a string; "
                             "give it as a non-empty string", key);
    }

    len = strlen(v->valuestring);

    for (p = v->valuestring; *p; p++) {
        if (*p <= ' ' || *p >= 0x7f || *p == '"' || *p == '\\' || len > max) {
            return genai_pf_fail(f, "\"%s\" is not a name: \"%.64s\"; use "
                                 "up to %zu characters without spaces",
                                 key, v->valuestring, max);
        }
    }

    return genai_pf_copy(f, v->valuestring, to);
}


static int
genai_pf_two(const char *p, int min, int max)
{
    int  n;

    if (p[0] < '0' || p[0] > '9' || p[1] < '0' || p[1] > '9') {
        return -1;
    }

    n = (p[0] - '0') * 10 + p[1] - '0';

    return (n < min || n > max) ? -1 : n;
}


/* YYYY-MM-DD or YYYY-MM-DDThh:mm:ssZ -> seconds since 1970, UTC; -1: no */

static int64_t
genai_pf_date(const char *z)
{
    int                   c, y, m, d, hh, mm, ss, leap;
    size_t                len;
    int64_t               days;
    static const uint8_t  last[] = {
        31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31
    };

    len = strlen(z);

    if ((len != 10 && len != 20) || z[4] != '-' || z[7] != '-') {
        return -1;
    }

    c = genai_pf_two(z, 20, 21);
    y = genai_pf_two(z + 2, 0, 99);
    m = genai_pf_two(z + 5, 1, 12);
    d = genai_pf_two(z + 8, 1, 31);

    hh = mm = ss = 0;

    if (len == 20) {
        if (z[10] != 'T' || z[13] != ':' || z[16] != ':' || z[19] != 'Z') {
            return -1;
        }

        hh = genai_pf_two(z + 11, 0, 23);
        mm = genai_pf_two(z + 14, 0, 59);
        ss = genai_pf_two(z + 17, 0, 59);
    }

    if (c < 0 || y < 0 || m < 0 || d < 0 || hh < 0 || mm < 0 || ss < 0) {
        return -1;
    }

    y += c * 100;
    leap = y % 4 == 0 && (y % 100 != 0 || y % 400 == 0);

    if (d > last[m - 1] + (m == 2 && leap)) {
        return -1;
    }

    /* days of a year that begins in March, so that leap days come last */

    y -= (m <= 2);
    m = (m + 9) % 12;
    days = 365LL * y + y / 4 - y / 100 + y / 400 + (m * 306 + 5) / 10 + d - 1
           - 719468;

    return ((days * 24 + hh) * 60 + mm) * 60 + ss;
}


int
genai_pf_time(genai_price_file_t *f, const cJSON *row, const char *key,
    int64_t *to)
{
    int64_t       when;
    const cJSON  *v;

    v = cJSON_GetObjectItemCaseSensitive(row, key);
    if (v == NULL) {
        return GENAI_OK;
    }

    when = cJSON_IsString(v) ? genai_pf_date(v->valuestring) : -1;

    if (when < 0) {
        return genai_pf_fail(f, "\"%s\" is not a date; write it as "
                             "\"2026-10-07\" or \"2026-10-07T00:00:00Z\" "
                             "(UTC)", key);
    }

    *to = when;

    return GENAI_OK;
}


/* a percentage -> what is left to pay of 1, in ppm */

int
genai_pf_discount(genai_price_file_t *f, const cJSON *v, const char *key,
    uint32_t *pay_ppm)
{
    int64_t  micro;

    if (v == NULL) {
        return GENAI_OK;
    }

    if (genai_pf_decimal(f, v, key, 100, &micro) != GENAI_OK) {
        return GENAI_ERROR;
    }

    if (micro % 100 || micro >= 100 * GENAI_PRICE_MICRO) {
        return genai_pf_fail(f, "\"%s\" is not a discount; give percent "
                             "from 0 to below 100 with at most 4 decimals",
                             key);
    }

    *pay_ppm = GENAI_PPM - micro / 100;

    return GENAI_OK;
}
