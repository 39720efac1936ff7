/*
 * Budgets as JSON, and which keys of many are shown.
 *
 * USD are decimal strings ("12.5"), since a JSON number is a double to most
 * readers; tokens and requests are integers; times are RFC 3339 in UTC or
 * null; a rate, which is a guess, is a number.
 */

#ifndef GENAI_BUDGET_JSON_H
#define GENAI_BUDGET_JSON_H

#include "genai_budget.h"
#include "genai_budget_zone.h"


#define GENAI_BUDGET_JSON_KEY   3072  /* room for any key and its limits */
#define GENAI_BUDGET_JSON_TEXT  512   /* bytes of a string at most */


/* the keys that have used most of a limit so far, at most max of them */

typedef struct {
    double                  share;    /* spent and reserved / allowed */
    uint32_t                keylen;
    char                    key[GENAI_BUDGET_KEY_TEXT];
    genai_budget_t          budget;
} genai_budget_row_t;


typedef struct {
    genai_budget_row_t     *rows;     /* max of them, the caller's memory */
    uint32_t               *order;    /* max numbers */
    uint32_t                max;      /* 1 at least */
    uint32_t                n;
    uint64_t                left_out;
    int64_t                 now;
} genai_budget_top_t;


/* a genai_budget_list_pt: data is a genai_budget_top_t */
void genai_budget_top_add(void *data, genai_str_t key,
    const genai_budget_t *b);

/* order[0 .. n - 1]: numbers of rows, the greatest share first.  Nothing can
 * be added afterwards. */
void genai_budget_top_sort(genai_budget_top_t *top);


/*
 * text as a JSON string with its quotes: always valid UTF-8, what is not, or
 * a control character, becomes ?.  What does not fit is cut.  size: 8 at
 * least; the length.
 */
size_t genai_budget_json_string(genai_str_t text, char *buf, size_t size);

/* "2026-12-01T00:00:00Z" with its quotes, or null for 0, GENAI_BUDGET_NEVER
 * and beyond the year 9999; the length */
size_t genai_budget_json_time(int64_t t, char buf[32]);

/* {"key":...,"reservations":...,"limits":[...]}; b: its windows are turned.
 * The length, 0 when size is too small. */
size_t genai_budget_json_key(genai_str_t key, const genai_budget_t *b,
    int64_t now, char *buf, size_t size);


#endif /* GENAI_BUDGET_JSON_H */
