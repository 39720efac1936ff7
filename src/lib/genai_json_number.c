#include <float.h>

#include "genai_json_private.h"


enum {
    NUM_SIGN,                      /* digits must come */
    NUM_ZERO,
    NUM_INT,
    NUM_DOT,
    NUM_FRACTION,
    NUM_E,
    NUM_E_SIGN,
    NUM_EXPONENT
};


/* below it one more digit fits 64 bits */
#define DIGITS_MAX   1000000000000000000ULL


static double
number_real(uint64_t digits, int64_t scale)
{
    long double   r, ten;
    unsigned      n;

    r = (long double) digits;

    if (digits == 0 || scale == 0) {
        return (double) r;
    }

    if (scale > 400) {
        return DBL_MAX;
    }

    if (scale < -400) {
        return 0;
    }

    ten = 10;
    n = (unsigned) (scale < 0 ? -scale : scale);

    for ( /* void */ ; n; n >>= 1) {
        if (n & 1) {
            r = scale < 0 ? r / ten : r * ten;
        }

        ten *= ten;
    }

    return r > DBL_MAX ? DBL_MAX : (double) r;
}


static void
number_end(genai_json_t *j)
{
    int64_t              scale, exponent;
    uint64_t             n, max, rest;
    genai_json_value_t   v;

    if (!(genai_json_node(j, j->node)->want & GENAI_JSON_NUMBER)) {
        genai_json_value_end(j);
        return;
    }

    memset(&v, 0, sizeof(v));

    exponent = j->u.number.exponent;
    scale = j->u.number.scale
            + (j->u.number.exponent_negative ? -exponent : exponent);
    n = j->count;
    rest = scale > 0 ? 0 : j->u.number.inexact;

    v.real = number_real(n, scale);

    for ( /* void */ ; scale < 0 && n; scale++) {
        rest |= n % 10;
        n /= 10;
    }

    max = (uint64_t) INT64_MAX + j->u.number.negative;

    for ( /* void */ ; scale > 0 && n && n <= max; scale--) {
        n = n > max / 10 ? max + 1 : n * 10;
    }

    if (n > max) {
        n = max;
    }

    v.fraction = rest != 0;
    v.integer = j->u.number.negative ? (int64_t) (0 - n) : (int64_t) n;

    if (j->u.number.negative) {
        v.real = -v.real;
    }

    genai_json_tell(j, j->node, GENAI_JSON_NUMBER, &v);
    genai_json_value_end(j);
}


static void
number_begin(genai_json_t *j, char c)
{
    j->count = 0;
    memset(&j->u.number, 0, sizeof(j->u.number));

    if (c == '-') {
        j->u.number.negative = 1;
        j->u.number.state = NUM_SIGN;

    } else {
        j->count = (uint64_t) (c - '0');
        j->u.number.state = c == '0' ? NUM_ZERO : NUM_INT;
    }

    j->state = ST_NUMBER;
}


static int
number_digit(genai_json_t *j, unsigned d)
{
    switch (j->u.number.state) {

    case NUM_ZERO:
        return GENAI_ERROR;

    case NUM_SIGN:
        j->u.number.state = d ? NUM_INT : NUM_ZERO;
        j->count = d;
        return GENAI_OK;

    case NUM_DOT:
        j->u.number.state = NUM_FRACTION;
        break;

    case NUM_E:
    case NUM_E_SIGN:
        j->u.number.state = NUM_EXPONENT;
        break;
    }

    if (j->u.number.state == NUM_EXPONENT) {
        if (j->u.number.exponent < INT32_MAX / 16) {
            j->u.number.exponent = j->u.number.exponent * 10 + (int32_t) d;
        }

    } else if (j->count < DIGITS_MAX) {
        j->count = j->count * 10 + d;
        j->u.number.scale -= (j->u.number.state == NUM_FRACTION
                              && j->u.number.scale > INT32_MIN / 16);

    } else {
        j->u.number.inexact |= d != 0;
        j->u.number.scale += (j->u.number.state == NUM_INT
                              && j->u.number.scale < INT32_MAX / 16);
    }

    return GENAI_OK;
}


/* GENAI_DONE: c does not belong to the number, which is whole */

static int
number_sign(genai_json_t *j, char c)
{
    unsigned  state = j->u.number.state;

    if (c == '.' && (state == NUM_INT || state == NUM_ZERO)) {
        j->u.number.state = NUM_DOT;
        return GENAI_OK;
    }

    if ((c == 'e' || c == 'E')
        && (state == NUM_INT || state == NUM_ZERO || state == NUM_FRACTION))
    {
        j->u.number.state = NUM_E;
        return GENAI_OK;
    }

    if ((c == '-' || c == '+') && state == NUM_E) {
        j->u.number.exponent_negative = c == '-';
        j->u.number.state = NUM_E_SIGN;
        return GENAI_OK;
    }

    if (state == NUM_INT || state == NUM_ZERO || state == NUM_FRACTION
        || state == NUM_EXPONENT)
    {
        return GENAI_DONE;
    }

    return GENAI_ERROR;
}


const char *
genai_json_number(genai_json_t *j, const char *p, const char *end)
{
    int       rc;
    unsigned  d;
    uint64_t  n;

    while (p < end) {

        if (j->u.number.state == NUM_INT) {
            n = j->count;

            while (p < end && n < DIGITS_MAX
                   && (d = (uint8_t) *p - (unsigned) '0') <= 9)
            {
                n = n * 10 + d;
                p++;
            }

            j->count = n;

            if (p == end) {
                break;
            }
        }

        d = (uint8_t) *p - (unsigned) '0';
        rc = d <= 9 ? number_digit(j, d) : number_sign(j, *p);

        if (rc == GENAI_DONE) {
            number_end(j);
            return p;
        }

        if (rc != GENAI_OK) {
            return NULL;
        }

        p++;
    }

    return p;
}


/* most are integers that end where the input goes on */

const char *
genai_json_number_whole(genai_json_t *j, char c, const char *p,
    const char *end)
{
    int64_t              n;
    unsigned             d;
    const char          *q;
    genai_json_value_t   v;

    n = c - '0';
    q = p;

    if (n > 0) {
        for ( /* void */ ; q < end && n < (int64_t) DIGITS_MAX / 10; q++) {
            d = (uint8_t) *q - (unsigned) '0';

            if (d > 9) {
                break;
            }

            n = n * 10 + d;
        }
    }

    if (c == '-' || q == end || (*q != ',' && *q != '}' && *q != ']')) {
        number_begin(j, c);
        return genai_json_number(j, p, end);
    }

    if (genai_json_node(j, j->node)->want & GENAI_JSON_NUMBER) {
        memset(&v, 0, sizeof(v));
        v.integer = n;
        v.real = (double) n;
        genai_json_tell(j, j->node, GENAI_JSON_NUMBER, &v);
    }

    genai_json_value_end(j);

    return q;
}


int
genai_json_number_finish(genai_json_t *j)
{
    if (number_sign(j, ' ') != GENAI_DONE) {
        return GENAI_ERROR;
    }

    number_end(j);

    return GENAI_OK;
}
