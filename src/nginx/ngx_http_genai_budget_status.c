/*
 * Budgets in /metrics and OTLP: the counters of a zone, and how it stands
 * with its limits.
 *
 * A zone may have any number of keys, labels must be few: for each unit and
 * window the figures are those of the key that is nearest to its limit.  A
 * limit that comes from a variable may have other windows for other keys; of
 * more than NGX_HTTP_GENAI_BUDGET_SHOWN the nearest ones are shown.
 */

#include "ngx_http_genai_budget.h"
#include "ngx_http_genai_shm.h"
#include "ngx_http_genai_status.h"
#include "../export/genai_span.h"


/* a word of a zone's head as a metric */

typedef struct {
    const char                     *name;
    const char                     *otel;
    const char                     *help;
    const char                     *label;     /* NULL: the zone alone */
    const char                     *value;
    size_t                          offset;
} ngx_http_genai_budget_word_t;


typedef struct {
    ngx_http_genai_budget_zone_t   *zone;
    time_t                          now;
} ngx_http_genai_budget_list_t;


static void ngx_http_genai_samples_budget(ngx_http_genai_samples_t *samples,
    ngx_http_genai_budget_zone_t *zc);
static void ngx_http_genai_budget_gather(ngx_http_genai_budget_zone_t *zc);
static void ngx_http_genai_budget_each(void *data, genai_str_t key,
    const genai_budget_t *b);
static void ngx_http_genai_budget_offer(ngx_http_genai_budget_zone_t *zc,
    const genai_budget_t *b, ngx_uint_t i, time_t now);
static void ngx_http_genai_budget_samples_limit(
    ngx_http_genai_samples_t *samples, ngx_http_genai_budget_zone_t *zc,
    ngx_http_genai_budget_shown_t *shown);
static genai_metric_sample_t *ngx_http_genai_budget_amount(
    ngx_http_genai_samples_t *samples, const char *name, const char *help,
    uint8_t unit, int64_t amount);
static void ngx_http_genai_budget_label(ngx_http_genai_budget_zone_t *zc,
    genai_metric_sample_t *s, const char *otel);
static void ngx_http_genai_budget_labels(ngx_http_genai_budget_zone_t *zc,
    ngx_http_genai_budget_shown_t *shown, genai_metric_sample_t *s,
    const char *otel);


#define total(name, otel, field, label, value, help)                          \
    { name, otel, help, label, value,                                         \
      offsetof(ngx_http_genai_budget_head_t, field) }


static ngx_http_genai_budget_word_t  ngx_http_genai_budget_words[] = {
    total("genai_budget_admissions_total", "genai.budget.admissions",
          admitted, "status", "passed", "Calls that came to a budget."),
    total("genai_budget_admissions_total", "genai.budget.admissions",
          refused, "status", "rejected", "Calls that came to a budget."),
    total("genai_budget_admissions_total", "genai.budget.admissions",
          dry_run, "status", "rejected_dry_run",
          "Calls that came to a budget."),
    total("genai_budget_overruns_total", "genai.budget.overruns",
          overrun, NULL, NULL, "Calls that took a limit past its amount."),
    total("genai_budget_uncounted_total", "genai.budget.uncounted",
          uncounted, NULL, NULL, "Calls let pass without a reservation."),
    total("genai_budget_unreadable_total", "genai.budget.unreadable",
          unreadable, NULL, NULL,
          "Calls of unknown usage, settled as reserved."),
    total("genai_budget_swept_total", "genai.budget.swept",
          swept, "end", "settled",
          "Reservations whose process died, or that were left open."),
    total("genai_budget_swept_total", "genai.budget.swept",
          released, "end", "released",
          "Reservations whose process died, or that were left open."),
    total("genai_budget_warnings_total", "genai.budget.warnings",
          warned, NULL, NULL, "Calls that took a limit past its warning."),
    total("genai_budget_raises_total", "genai.budget.raises",
          raised, NULL, NULL, "Limits raised for a time."),
    total("genai_budget_stopped_total", "genai.budget.stopped",
          stopped, NULL, NULL, "Streams stopped at their budget."),
    { NULL, NULL, NULL, NULL, NULL, 0 }
};


void
ngx_http_genai_samples_budgets(ngx_http_genai_main_conf_t *mcf,
    ngx_http_genai_samples_t *samples)
{
    ngx_uint_t                      i;
    ngx_http_genai_budget_zone_t  **zones;

    zones = mcf->budget_zones.elts;

    for (i = 0; i < mcf->budget_zones.nelts; i++) {
        if (zones[i]->head != NULL) {
            ngx_http_genai_samples_budget(samples, zones[i]);
        }
    }
}


static void
ngx_http_genai_samples_budget(ngx_http_genai_samples_t *samples,
    ngx_http_genai_budget_zone_t *zc)
{
    uint64_t                       n;
    ngx_uint_t                     i;
    genai_metric_sample_t         *s;
    genai_budget_zone_stat_t       stat;
    ngx_http_genai_budget_word_t  *w;

    zc->label = genai_span_utf8(genai_str((char *) zc->name.data,
                                          zc->name.len),
                                zc->label_buf, sizeof(zc->label_buf));

    for (w = ngx_http_genai_budget_words; w->name; w++) {

        n = __atomic_load_n((uint64_t *) ((u_char *) zc->head + w->offset),
                            __ATOMIC_RELAXED);

        s = ngx_http_genai_sample_int(samples, w->name, w->help,
                                      GENAI_METRIC_COUNTER, n);
        ngx_http_genai_budget_label(zc, s, w->otel);

        if (w->label) {
            ngx_http_genai_sample_label(s, w->label, w->value,
                                        ngx_strlen(w->value));
        }
    }

    genai_budget_zone_stat(&zc->zone, &stat);

    s = ngx_http_genai_sample_int(samples, "genai_budget_full_total",
                                  "Calls that found no room in the zone.",
                                  GENAI_METRIC_COUNTER, stat.full);
    ngx_http_genai_budget_label(zc, s, "genai.budget.full");

    s = ngx_http_genai_sample_int(samples, "genai_budget_open",
                                  "Reservations of calls under way.",
                                  GENAI_METRIC_GAUGE, stat.open);
    ngx_http_genai_budget_label(zc, s, "genai.budget.open");

    if (zc->key != NULL) {
        s = ngx_http_genai_sample_int(samples, "genai_budget_keys",
                                      "Keys that the zone knows.",
                                      GENAI_METRIC_GAUGE, stat.used);
        ngx_http_genai_budget_label(zc, s, "genai.budget.keys");

        s = ngx_http_genai_sample_int(samples, "genai_budget_keys_limit",
                                      "Keys that the zone has room for.",
                                      GENAI_METRIC_GAUGE, stat.keys);
        ngx_http_genai_budget_label(zc, s, "genai.budget.keys_limit");
    }

    if (zc->state.len) {
        n = __atomic_load_n(&zc->head->snapshot_at, __ATOMIC_RELAXED);

        s = ngx_http_genai_sample_int(samples,
                                 "genai_budget_snapshot_timestamp_seconds",
                                 "When the zone was last written to its file.",
                                 GENAI_METRIC_GAUGE, n);
        ngx_http_genai_budget_label(zc, s, "genai.budget.snapshot_timestamp");
    }

    ngx_http_genai_budget_gather(zc);

    for (i = 0; i < zc->nshown; i++) {
        ngx_http_genai_budget_samples_limit(samples, zc, &zc->shown[i]);
    }
}


static void
ngx_http_genai_budget_gather(ngx_http_genai_budget_zone_t *zc)
{
    ngx_uint_t                    i;
    genai_budget_t                b;
    ngx_http_genai_budget_list_t  list;

    list.zone = zc;
    list.now = ngx_time();

    zc->nshown = 0;

    /* a limit of which nothing is spent is there, too */

    genai_budget_init(&b, zc->limits, (uint32_t) zc->nlimits, list.now);

    for (i = 0; i < zc->nlimits; i++) {
        if (zc->values[i] == NULL) {
            ngx_http_genai_budget_offer(zc, &b, i, list.now);
        }
    }

    genai_budget_zone_list(&zc->zone, ngx_http_genai_budget_each, &list,
                           list.now);
}


static void
ngx_http_genai_budget_each(void *data, genai_str_t key,
    const genai_budget_t *b)
{
    ngx_http_genai_budget_list_t  *list = data;

    uint32_t                       i;
    genai_budget_t                 now;
    ngx_http_genai_budget_zone_t  *zc;

    zc = list->zone;

    /* since a reload a key that had no call yet has the limits of before;
     * those of variables only a call knows */

    if (!zc->dynamic) {
        now = *b;
        genai_budget_limits(&now, zc->limits, (uint32_t) zc->nlimits,
                            list->now);
        b = &now;
    }

    for (i = 0; i < b->nuse; i++) {
        ngx_http_genai_budget_offer(zc, b, i, list->now);
    }
}


static void
ngx_http_genai_budget_offer(ngx_http_genai_budget_zone_t *zc,
    const genai_budget_t *b, ngx_uint_t i, time_t now)
{
    double                          left;
    ngx_uint_t                      k, last;
    genai_budget_state_t            state;
    const genai_budget_limit_t     *l;
    ngx_http_genai_budget_shown_t  *shown;

    genai_budget_state(b, (uint32_t) i, now, &state);

    left = ngx_http_genai_budget_share(&state);
    l = &state.limit;
    last = 0;

    for (k = 0; k < zc->nshown; k++) {
        shown = &zc->shown[k];

        if (shown->state.limit.unit == l->unit
            && shown->state.limit.window == l->window
            && shown->state.limit.seconds == l->seconds)
        {
            break;
        }

        if (shown->left > zc->shown[last].left) {
            last = k;
        }
    }

    if (k == NGX_HTTP_GENAI_BUDGET_SHOWN) {
        k = last;
    }

    shown = &zc->shown[k];

    if (k == zc->nshown) {
        zc->nshown++;

    } else if (left >= shown->left) {
        return;
    }

    shown->state = state;
    shown->left = left;
    shown->rate = genai_budget_rate(&b->use[i].rate, l,
                                    (uint64_t) now * 1000);
}


static void
ngx_http_genai_budget_samples_limit(ngx_http_genai_samples_t *samples,
    ngx_http_genai_budget_zone_t *zc, ngx_http_genai_budget_shown_t *shown)
{
    char                    text[GENAI_BUDGET_TEXT];
    double                  rate;
    int64_t                 left, gone;
    ngx_uint_t              i;
    genai_budget_state_t   *state;
    genai_metric_sample_t  *s;

    state = &shown->state;

    /* as it is written: what follows the slash */

    (void) genai_budget_text(&state->limit, text);

    for (i = 0; text[i] != '/'; i++) { /* void */ }

    (void) ngx_cpystrn((u_char *) shown->window, (u_char *) text + i + 1,
                       sizeof(shown->window));

    left = state->allowed - ngx_min(state->spent, state->allowed);
    left -= ngx_min(state->reserved, left);

    s = ngx_http_genai_budget_amount(samples, "genai_budget_limit",
                                     "The limit, with what it is raised by.",
                                     state->limit.unit, state->allowed);
    ngx_http_genai_budget_labels(zc, shown, s, "genai.budget.limit");

    s = ngx_http_genai_budget_amount(samples, "genai_budget_spent",
                                     "Spent in the window.",
                                     state->limit.unit, state->spent);
    ngx_http_genai_budget_labels(zc, shown, s, "genai.budget.spent");

    s = ngx_http_genai_budget_amount(samples, "genai_budget_reserved",
                                     "Reserved for calls under way.",
                                     state->limit.unit, state->reserved);
    ngx_http_genai_budget_labels(zc, shown, s, "genai.budget.reserved");

    s = ngx_http_genai_budget_amount(samples, "genai_budget_remaining",
                                     "Neither spent nor reserved.",
                                     state->limit.unit, left);
    ngx_http_genai_budget_labels(zc, shown, s, "genai.budget.remaining");

    rate = state->limit.unit == GENAI_BUDGET_USD
           ? shown->rate / GENAI_PICO_PER_USD : shown->rate;

    s = ngx_http_genai_sample_double(samples, "genai_budget_burn_rate",
                                     "Spent in a second, at present.", rate);
    ngx_http_genai_budget_labels(zc, shown, s, "genai.budget.burn_rate");

    gone = genai_budget_exhausted(state, shown->rate, ngx_time());

    if (gone != GENAI_BUDGET_NEVER) {
        s = ngx_http_genai_sample_int(samples,
                                 "genai_budget_exhaustion_timestamp_seconds",
                                 "When nothing will be left at this rate.",
                                 GENAI_METRIC_GAUGE, gone);
        ngx_http_genai_budget_labels(zc, shown, s,
                                     "genai.budget.exhaustion_timestamp");
    }
}


/* decimal USD, tokens, requests */

static genai_metric_sample_t *
ngx_http_genai_budget_amount(ngx_http_genai_samples_t *samples,
    const char *name, const char *help, uint8_t unit, int64_t amount)
{
    return unit == GENAI_BUDGET_USD
           ? ngx_http_genai_sample_double(samples, name, help,
                                          genai_span_usd_double(amount))
           : ngx_http_genai_sample_int(samples, name, help,
                                       GENAI_METRIC_GAUGE, amount);
}


static void
ngx_http_genai_budget_label(ngx_http_genai_budget_zone_t *zc,
    genai_metric_sample_t *s, const char *otel)
{
    s->otel = otel;
    ngx_http_genai_sample_label(s, "zone", zc->label.data, zc->label.len);
}


static void
ngx_http_genai_budget_labels(ngx_http_genai_budget_zone_t *zc,
    ngx_http_genai_budget_shown_t *shown, genai_metric_sample_t *s,
    const char *otel)
{
    const char  *unit;

    unit = genai_budget_unit_name(shown->state.limit.unit);

    ngx_http_genai_budget_label(zc, s, otel);
    ngx_http_genai_sample_label(s, "unit", unit, ngx_strlen(unit));
    ngx_http_genai_sample_label(s, "window", shown->window,
                                ngx_strlen(shown->window));
}
