/*
 * Budgets as JSON.  See genai_budget_json.h.
 */

#include <stdarg.h>
#include <stdio.h>

#include "genai_budget_json.h"
#include "genai_metrics_store.h"
#include "genai_refuse.h"


#define YEAR_10000  253402300800


typedef struct {
    char    *buf;
    size_t   size;
    size_t   len;
    int      full;
} writer_t;


__attribute__((format(printf, 2, 3)))
static void
put(writer_t *w, const char *fmt, ...)
{
    int      n;
    va_list  ap;

    va_start(ap, fmt);
    n = vsnprintf(w->buf + w->len, w->size - w->len, fmt, ap);
    va_end(ap);

    if (n < 0 || (size_t) n >= w->size - w->len) {
        w->full = 1;
        return;
    }

    w->len += (size_t) n;
}


static double
share_of(const genai_budget_t *b, int64_t now)
{
    double                share, most;
    uint32_t              i;
    genai_budget_state_t  s;

    most = 0;

    for (i = 0; i < b->nuse; i++) {
        genai_budget_state(b, i, now, &s);

        share = ((double) s.spent + (double) s.reserved)
                / (s.allowed > 0 ? (double) s.allowed : 1);
        most = share > most ? share : most;
    }

    return most;
}


/* a heap, the least share on top: moves the number at i down to its place */

static void
heap_down(genai_budget_top_t *top, uint32_t i, uint32_t n)
{
    uint32_t             k, moved, *o;
    genai_budget_row_t  *rows;

    o = top->order;
    rows = top->rows;
    moved = o[i];

    for ( ;; ) {
        k = 2 * i + 1;

        if (k + 1 < n && rows[o[k + 1]].share < rows[o[k]].share) {
            k++;
        }

        if (k >= n || rows[o[k]].share >= rows[moved].share) {
            break;
        }

        o[i] = o[k];
        i = k;
    }

    o[i] = moved;
}


static void
heap_up(genai_budget_top_t *top, uint32_t i)
{
    uint32_t             moved, *o;
    genai_budget_row_t  *rows;

    o = top->order;
    rows = top->rows;
    moved = o[i];

    while (i && rows[o[(i - 1) / 2]].share > rows[moved].share) {
        o[i] = o[(i - 1) / 2];
        i = (i - 1) / 2;
    }

    o[i] = moved;
}


void
genai_budget_top_add(void *data, genai_str_t key, const genai_budget_t *b)
{
    genai_budget_top_t  *top = data;

    double               share;
    genai_budget_row_t  *row;

    share = share_of(b, top->now);

    if (top->n == top->max) {
        top->left_out++;

        if (share <= top->rows[top->order[0]].share) {
            return;
        }

        row = &top->rows[top->order[0]];

    } else {
        top->order[top->n] = top->n;
        row = &top->rows[top->n++];
    }

    row->share = share;
    row->keylen = (uint32_t) (key.len < sizeof(row->key) ? key.len
                                                         : sizeof(row->key));
    row->budget.reserved = b->reserved;
    row->budget.holds = b->holds;
    row->budget.nuse = b->nuse;

    memcpy(row->budget.use, b->use, b->nuse * sizeof(genai_budget_use_t));

    if (row->keylen) {
        memcpy(row->key, key.data, row->keylen);
    }

    if (row == &top->rows[top->order[0]]) {
        heap_down(top, 0, top->n);

    } else {
        heap_up(top, top->n - 1);
    }
}


void
genai_budget_top_sort(genai_budget_top_t *top)
{
    uint32_t  n, least;

    for (n = top->n; n > 1; n--) {
        least = top->order[0];
        top->order[0] = top->order[n - 1];
        top->order[n - 1] = least;
        heap_down(top, 0, n - 1);
    }
}


size_t
genai_budget_json_string(genai_str_t text, char *buf, size_t size)
{
    char    c, clean[GENAI_BUDGET_JSON_TEXT];
    size_t  i, n, len;

    n = genai_metrics_clean(clean, text.data, text.len, sizeof(clean));

    len = 0;
    buf[len++] = '"';

    for (i = 0; i < n; i++) {
        c = clean[i];

        if (len + 5 > size && (c & 0xc0) != 0x80) {
            break;
        }

        if (c == '"' || c == '\\' || c == '\n') {
            buf[len++] = '\\';
            c = c == '\n' ? 'n' : c;
        }

        buf[len++] = c;
    }

    buf[len++] = '"';

    return len;
}


size_t
genai_budget_json_time(int64_t t, char buf[32])
{
    char  text[32];

    if (t <= 0 || t >= YEAR_10000) {
        return (size_t) snprintf(buf, 32, "null");
    }

    (void) genai_refuse_time(t, text);

    return (size_t) snprintf(buf, 32, "\"%.22s\"", text);
}


static void
put_number(writer_t *w, const char *name, uint8_t unit, int64_t amount)
{
    char         text[GENAI_BUDGET_TEXT];
    const char  *quote;

    genai_budget_number(unit, amount, text);
    quote = unit == GENAI_BUDGET_USD ? "\"" : "";

    put(w, ",\"%s\":%s%s%s", name, quote, text, quote);
}


static void
put_time(writer_t *w, const char *name, int64_t t)
{
    char  text[32];

    genai_budget_json_time(t, text);
    put(w, ",\"%s\":%s", name, text);
}


static void
put_limit(writer_t *w, const genai_budget_t *b, uint32_t i, int64_t now)
{
    char                       text[GENAI_BUDGET_TEXT];
    double                     rate, scale;
    int64_t                    used, raised;
    uint8_t                    unit;
    genai_budget_state_t       s;
    const genai_budget_use_t  *u;

    u = &b->use[i];
    unit = u->limit.unit;

    genai_budget_state(b, i, now, &s);
    genai_budget_text(&u->limit, text);

    put(w, "%s{\"limit\":\"%s\",\"unit\":\"%s\",\"window\":\"%s\"",
        i ? "," : "", text, genai_budget_unit_name(unit),
        strchr(text, '/') + 1);

    put_number(w, "amount", unit, u->limit.amount);
    put_number(w, "spent", unit, s.spent);
    put_number(w, "reserved", unit, s.reserved);

    if (__builtin_add_overflow(s.spent, s.reserved, &used)
        || used > s.allowed)
    {
        used = s.allowed;
    }

    put_number(w, "remaining", unit, s.allowed - used);

    raised = now < u->raised_until ? u->raised : 0;

    put_number(w, "raised", unit, raised);
    put_time(w, "raised_until", raised ? u->raised_until : 0);
    put_time(w, "reset", s.reset);

    rate = genai_budget_rate(&u->rate, &u->limit, (uint64_t) now * 1000);
    scale = unit == GENAI_BUDGET_USD ? GENAI_PICO_PER_USD : 1;

    put(w, ",\"per_hour\":%.6g", rate * 3600 / scale);
    put_time(w, "exhausted", genai_budget_exhausted(&s, rate, now));
    put(w, "}");
}


size_t
genai_budget_json_key(genai_str_t key, const genai_budget_t *b, int64_t now,
    char *buf, size_t size)
{
    char      name[2 * GENAI_BUDGET_KEY_TEXT + 8];
    size_t    len;
    uint32_t  i;
    writer_t  w = { buf, size, 0, 0 };

    key.len = key.len < GENAI_BUDGET_KEY_TEXT ? key.len
                                              : GENAI_BUDGET_KEY_TEXT;
    len = genai_budget_json_string(key, name, sizeof(name));

    put(&w, "{\"key\":%.*s,\"reservations\":%u,\"limits\":[", (int) len,
        name, b->holds);

    for (i = 0; i < b->nuse; i++) {
        put_limit(&w, b, i, now);
    }

    put(&w, "]}");

    return w.full ? 0 : w.len;
}
