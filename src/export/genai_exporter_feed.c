/*
 * Feeding one sink: building a batch from lanes or spool, sending it, and
 * writing down what became of it.
 */

#include "genai_exporter_int.h"

#include <stdio.h>
#include <time.h>


static void genai_feed_reset(genai_exporter_t *x, genai_feed_t *f);
static int genai_feed_build(genai_exporter_t *x, genai_feed_t *f);
static int genai_feed_add(genai_exporter_t *x, genai_feed_t *f,
    const genai_rec_t *rec, const void *p);
static int genai_feed_build_lane(genai_exporter_t *x, genai_feed_t *f,
    unsigned lane);
static void genai_feed_touch(genai_exporter_t *x, genai_feed_t *f,
    unsigned lane);
static int genai_feed_ready(const genai_exporter_t *x, const genai_feed_t *f);
static int genai_feed_send(genai_exporter_t *x, genai_feed_t *f);
static int genai_feed_poll(genai_exporter_t *x, genai_feed_t *f,
    uint32_t wait_ms);
static void genai_feed_outcome(genai_exporter_t *x, genai_feed_t *f,
    genai_send_e outcome, const genai_send_result_t *res);
static void genai_feed_retry(genai_exporter_t *x, genai_feed_t *f,
    const genai_send_result_t *res);
static uint32_t genai_feed_asked(const genai_send_result_t *res);
static void genai_feed_apply(genai_exporter_t *x, genai_feed_t *f,
    genai_account_t *account, uint64_t records);
static void genai_feed_reconcile(genai_exporter_t *x, genai_feed_t *f);
static void genai_feed_lag(genai_exporter_t *x, genai_feed_t *f);
static int genai_feed_spill_due(const genai_exporter_t *x,
    const genai_feed_t *f, int *drop);
static uint64_t genai_feed_spill_lane(genai_exporter_t *x, genai_feed_t *f,
    unsigned lane, uint64_t until, int drop);
static int genai_feed_spill_save(genai_exporter_t *x, genai_feed_t *f,
    unsigned lane, const genai_cursor_t *c, uint64_t n);
static void genai_feed_metrics(genai_exporter_t *x, genai_feed_t *f);


void
genai_feed_open(genai_exporter_t *x, genai_feed_t *f)
{
    char  err[256];

    f->ops = x->hooks->find ? x->hooks->find(f->conf->type)
                            : genai_sink_find(f->conf->type);

    if (f->sink == NULL && f->ops && !x->conf->spool_only) {
        err[0] = '\0';
        f->sink = f->ops->create(f->conf, x->hooks->log, x->hooks->data, err,
                                 sizeof(err));

        if (f->sink == NULL) {
            if (!f->failing) {
                genai_exporter_log(x, 3, "exporter \"%s\": %s", f->conf->name,
                                   err);
                f->failing = x->now;
            }

            f->retry_at = x->now + 10000;
        }
    }

    if (f->spool == NULL && x->dir.path) {
        f->spool = genai_spool_create(&x->dir, f->conf->name);
        genai_feed_adopt(x, f);
    }

    genai_feed_reset(x, f);
}


void
genai_feed_adopt(genai_exporter_t *x, genai_feed_t *f)
{
    uint64_t  found;

    if (f->spool == NULL) {
        return;
    }

    found = genai_spool_adopt(f->spool);

    if (found) {
        genai_exporter_log(x, 5, "exporter \"%s\": %llu spans found in the "
                           "spool", f->conf->name,
                           (unsigned long long) found);
    }

    genai_feed_reconcile(x, f);
}


void
genai_feed_close(genai_exporter_t *x, genai_feed_t *f)
{
    genai_feed_cancel(x, f);

    if (f->sink) {
        f->ops->destroy(f->sink);
        f->sink = NULL;
    }

    genai_spool_destroy(f->spool);
    f->spool = NULL;
}


void
genai_feed_cancel(genai_exporter_t *x, genai_feed_t *f)
{
    if (f->sink) {
        f->ops->cancel(f->sink);
    }

    genai_feed_reset(x, f);
}


/* an empty batch that begins where the cursors are */

static void
genai_feed_reset(genai_exporter_t *x, genai_feed_t *f)
{
    (void) x;

    f->state = GENAI_FEED_BUILDING;
    f->from_spool = 0;
    f->full = 0;
    f->added = 0;
    f->declined = 0;
    f->corrupt = 0;
    f->nlanes = 0;
    memset(f->touched, 0, sizeof(f->touched));

    if (f->spool) {
        genai_spool_rewind(f->spool);
    }
}


int
genai_feed_step(genai_exporter_t *x, genai_feed_t *f, uint32_t wait_ms)
{
    int  drop, done = 0;

    if (f->sink && f->ops->send_metrics && f->conf->metrics
        && x->hooks->metrics)
    {
        genai_feed_metrics(x, f);
    }

    if (f->state == GENAI_FEED_SENDING) {
        done = genai_feed_poll(x, f, wait_ms);
    }

    genai_feed_lag(x, f);

    if (genai_feed_spill_due(x, f, &drop)) {
        (void) genai_feed_spill(x, f, drop);
    }

    if (f->state == GENAI_FEED_SENDING || x->handing) {
        return done;
    }

    if (f->sink == NULL) {
        if (x->now >= f->retry_at && !x->conf->spool_only) {
            genai_feed_open(x, f);
        }

        return done;
    }

    if (x->now < f->retry_at) {
        return done;
    }

    done |= genai_feed_build(x, f);

    if (genai_feed_ready(x, f)) {
        done |= genai_feed_send(x, f);
    }

    return done;
}


/* building */

static int
genai_feed_build(genai_exporter_t *x, genai_feed_t *f)
{
    int          rc, done = 0;
    unsigned     i, lanes;
    genai_rec_t  rec;
    const void  *p;

    if (f->full || f->added + f->declined + f->corrupt >= f->conf->batch) {
        return 0;
    }

    if (f->spool && genai_spool_records(f->spool)
        && (f->from_spool || f->nlanes == 0))
    {
        f->from_spool = 1;

        while (f->added + f->declined + f->corrupt < f->conf->batch
               && (p = genai_spool_peek(f->spool, &rec)) != NULL)
        {
            rc = genai_feed_add(x, f, &rec, p);

            if (rc == GENAI_AGAIN) {
                break;
            }

            genai_spool_next(f->spool);
            done = 1;
        }

        if (!done && f->added + f->declined + f->corrupt == 0) {

            /* only what cannot be read is left */

            genai_spool_done(f->spool);
            genai_feed_reconcile(x, f);
            genai_feed_reset(x, f);
        }

        return done;
    }

    if (f->from_spool) {
        return 0;
    }

    lanes = genai_queue_lanes(x->q);

    for (i = 0; i < lanes; i++) {
        rc = genai_feed_build_lane(x, f, (f->turn + i) % lanes);

        if (rc == GENAI_AGAIN) {
            done = 1;
            break;
        }

        done |= rc;
    }

    return done;
}


/* GENAI_AGAIN: the batch is full; 1: something was added */

static int
genai_feed_build_lane(genai_exporter_t *x, genai_feed_t *f, unsigned lane)
{
    int                 bad, done = 0;
    uint32_t            size;
    uint64_t            pos;
    genai_rec_t         rec;
    genai_cursor_t     *c, own;
    const void         *p;
    const uint8_t      *body;
    genai_ring_meta_t   m;

    body = genai_queue_lane(x->q, lane, &m);

    if (f->touched[lane]) {
        c = &f->next[lane];

    } else {
        c = &own;
        genai_queue_cursor(x->q, lane, f->slot, c);
    }

    if (body == NULL || c->pos == m.head) {
        return 0;
    }

    size = genai_queue_body_size(x->q);
    pos = c->pos;

    for ( ;; ) {
        p = genai_ring_peek(body, size, m.head, &pos, &rec, &bad);

        if (p == NULL) {
            if (bad) {
                genai_feed_touch(x, f, lane);
                c = &f->next[lane];
                f->corrupt += (uint32_t) (m.sampled - c->sampled);
                c->sampled = m.sampled;
                pos = m.head;
                genai_exporter_log(x, 1, "lane %u is corrupt", lane);
            }

            break;
        }

        if (rec.flags & GENAI_REC_SAMPLED) {

            if (f->added + f->declined + f->corrupt >= f->conf->batch
                || genai_feed_add(x, f, &rec, p) == GENAI_AGAIN)
            {
                f->turn = (uint16_t) (lane + 1);
                c->pos = pos;
                return GENAI_AGAIN;
            }

            genai_feed_touch(x, f, lane);
            c = &f->next[lane];
            c->sampled++;
            done = 1;
        }

        pos = genai_ring_next(pos, &rec);
        c->pos = pos;
    }

    /* nothing of it belongs to a batch: free the space at once */

    if (!f->touched[lane]) {
        genai_queue_pass(x->q, lane, f->slot, pos);

    } else {
        f->next[lane].pos = pos;
    }

    return done;
}


static void
genai_feed_touch(genai_exporter_t *x, genai_feed_t *f, unsigned lane)
{
    if (!f->touched[lane]) {
        f->touched[lane] = 1;
        f->lanes[f->nlanes++] = (uint16_t) lane;
        genai_queue_cursor(x->q, lane, f->slot, &f->next[lane]);
    }
}


static int
genai_feed_add(genai_exporter_t *x, genai_feed_t *f, const genai_rec_t *rec,
    const void *p)
{
    int  rc;

    if (f->added + f->declined + f->corrupt == 0) {
        f->since = x->now;
    }

    if (!genai_exporter_decode(x, rec, p)) {
        f->corrupt++;
        return GENAI_OK;
    }

    rc = f->ops->add(f->sink, &x->call);

    switch (rc) {

    case GENAI_OK:
        f->added++;
        return GENAI_OK;

    case GENAI_AGAIN:
        if (f->added) {
            f->full = 1;
            return GENAI_AGAIN;
        }

        /* a sink that cannot take even one never will */

        /* fall through */

    default:
        f->declined++;
        return GENAI_OK;
    }
}


static int
genai_feed_ready(const genai_exporter_t *x, const genai_feed_t *f)
{
    uint32_t  n;

    n = f->added + f->declined + f->corrupt;

    return n != 0 && (n >= f->conf->batch || f->full || x->flush
                      || f->from_spool || f->lag >= GENAI_FEED_SEND
                      || x->now - f->since >= f->conf->interval_ms);
}


/* sending */

static int
genai_feed_send(genai_exporter_t *x, genai_feed_t *f)
{
    genai_send_result_t  res;

    memset(&res, 0, sizeof(res));

    if (f->added == 0) {
        genai_feed_outcome(x, f, GENAI_SEND_ACKED, &res);
        return 1;
    }

    if (f->ops->send(f->sink) != GENAI_OK) {
        snprintf(res.why, sizeof(res.why), "cannot send");
        genai_feed_outcome(x, f, GENAI_SEND_RETRY, &res);
        return 1;
    }

    f->state = GENAI_FEED_SENDING;

    return 1 | genai_feed_poll(x, f, 0);
}


static int
genai_feed_poll(genai_exporter_t *x, genai_feed_t *f, uint32_t wait_ms)
{
    genai_send_e         outcome;
    genai_send_result_t  res;

    memset(&res, 0, sizeof(res));

    outcome = f->ops->poll(f->sink, wait_ms, &res);

    if (outcome == GENAI_SEND_PENDING) {
        return 0;
    }

    x->now = genai_exporter_now();
    genai_feed_outcome(x, f, outcome, &res);

    return 1;
}


static void
genai_feed_outcome(genai_exporter_t *x, genai_feed_t *f, genai_send_e outcome,
    const genai_send_result_t *res)
{
    uint64_t         n, rejected;
    struct timespec  ts;
    genai_account_t  a;

    if (outcome == GENAI_SEND_RETRY || outcome == GENAI_SEND_PENDING) {
        genai_feed_retry(x, f, res);
        return;
    }

    genai_queue_account(x->q, f->slot, &a);

    n = f->added;
    rejected = outcome == GENAI_SEND_REJECTED ? n
               : res->rejected < n ? res->rejected : n;

    a.rejected += rejected + f->declined;
    a.dropped[GENAI_DROP_CORRUPT] += f->corrupt;

    if (outcome == GENAI_SEND_UNCONFIRMED) {
        a.unconfirmed += n - rejected;

    } else {
        a.acked += n - rejected;
    }

    if (n && outcome != GENAI_SEND_REJECTED) {
        clock_gettime(CLOCK_REALTIME, &ts);
        a.last_success = (uint64_t) ts.tv_sec * 1000
                         + (uint64_t) ts.tv_nsec / 1000000;
    }

    if (rejected) {
        genai_exporter_log(x, 4, "exporter \"%s\": %llu of %llu spans "
                           "rejected: %d %s", f->conf->name,
                           (unsigned long long) rejected,
                           (unsigned long long) n, res->http_status,
                           res->why);
    }

    if (f->failing) {
        genai_exporter_log(x, 5, "exporter \"%s\": sending again",
                           f->conf->name);
        f->failing = 0;
    }

    f->backoff = 0;
    f->retry_at = 0;

    genai_feed_apply(x, f, &a, n + f->declined + f->corrupt);
}


static void
genai_feed_apply(genai_exporter_t *x, genai_feed_t *f, genai_account_t *a,
    uint64_t records)
{
    if (f->from_spool) {
        a->spooled -= records < a->spooled ? records : a->spooled;
        genai_queue_apply(x->q, f->slot, a, NULL, 0, NULL);
        genai_spool_done(f->spool);
        genai_feed_reconcile(x, f);
        f->spool_full = 0;

    } else {
        genai_queue_apply(x->q, f->slot, a, f->lanes, f->nlanes, f->next);
    }

    genai_feed_reset(x, f);
}


static void
genai_feed_retry(genai_exporter_t *x, genai_feed_t *f,
    const genai_send_result_t *res)
{
    uint32_t         wait;
    genai_account_t  a;

    genai_queue_account(x->q, f->slot, &a);
    a.retried += f->added;
    genai_queue_apply(x->q, f->slot, &a, NULL, 0, NULL);

    if (!f->failing) {
        f->failing = x->now;
        genai_exporter_log(x, 4, "exporter \"%s\" cannot send: %d %s, "
                           "will be tried again", f->conf->name,
                           res->http_status, res->why);
    }

    f->backoff = f->backoff == 0 ? GENAI_FEED_BACKOFF : f->backoff * 2;

    if (f->backoff > GENAI_FEED_MAX) {
        f->backoff = GENAI_FEED_MAX;
    }

    x->rand = x->rand * 6364136223846793005ULL + 1442695040888963407ULL;
    wait = f->backoff / 2 + (uint32_t) ((x->rand >> 33) % (f->backoff / 2));

    if (res->retry_after_ms) {
        wait = genai_feed_asked(res);
    }

    f->retry_at = x->now + wait;

    genai_feed_cancel(x, f);
}


static uint32_t
genai_feed_asked(const genai_send_result_t *res)
{
    return res->retry_after_ms < GENAI_FEED_ASKED ? res->retry_after_ms
                                                  : GENAI_FEED_ASKED;
}


/*
 * The account follows the disk: segments left by an earlier life or another
 * master come in, deleted and unreadable ones go out.
 */

static void
genai_feed_reconcile(genai_exporter_t *x, genai_feed_t *f)
{
    uint64_t         records;
    genai_account_t  a;

    records = genai_spool_records(f->spool);
    genai_queue_account(x->q, f->slot, &a);

    if (records == a.spooled) {
        return;
    }

    if (records > a.spooled) {
        a.recovered += records - a.spooled;

    } else {
        a.dropped[GENAI_DROP_SPOOL_LOST] += a.spooled - records;
        genai_exporter_log(x, 3, "exporter \"%s\": %llu spans of the spool "
                           "cannot be read and are lost", f->conf->name,
                           (unsigned long long) (a.spooled - records));
    }

    a.spooled = records;
    genai_queue_apply(x->q, f->slot, &a, NULL, 0, NULL);
}


/* lanes to spool */

static void
genai_feed_lag(genai_exporter_t *x, genai_feed_t *f)
{
    unsigned  i, n, lag;

    f->lag = 0;
    n = genai_queue_lanes(x->q);

    for (i = 0; i < n; i++) {
        lag = genai_queue_lag(x->q, i, f->slot);

        if (lag > f->lag) {
            f->lag = lag;
        }
    }
}


static int
genai_feed_spill_due(const genai_exporter_t *x, const genai_feed_t *f,
    int *drop)
{
    *drop = f->lag >= GENAI_FEED_DROP;

    if (f->lag == 0 || f->spool == NULL) {
        return 0;
    }

    if (f->spool_full && !*drop) {
        return 0;
    }

    /* what the receiver cannot have soon is safer on disk */

    if (f->failing && x->now - f->failing >= GENAI_FEED_FAILING) {
        return 1;
    }

    return f->lag >= GENAI_FEED_SPILL
           && (f->state == GENAI_FEED_SENDING || x->now < f->retry_at
               || f->sink == NULL || f->from_spool);
}


/*
 * A batch under way is not disturbed: its records become the oldest of the
 * spool, taken already; so its outcome counts for them.
 */

uint64_t
genai_feed_spill(genai_exporter_t *x, genai_feed_t *f, int drop)
{
    int                 keep;
    unsigned            i, n;
    uint64_t            lost = 0, before, taken;
    genai_rec_t         rec;
    genai_ring_meta_t   m;

    if (f->spool == NULL) {
        return 0;
    }

    before = genai_spool_records(f->spool);
    keep = f->state == GENAI_FEED_SENDING && !f->from_spool && before == 0;

    if (!keep && !f->from_spool) {
        genai_feed_cancel(x, f);
    }

    n = genai_queue_lanes(x->q);

    for (i = 0; keep && i < f->nlanes; i++) {
        lost += genai_feed_spill_lane(x, f, f->lanes[i],
                                      f->next[f->lanes[i]].pos, 0);
    }

    taken = f->added + f->declined + f->corrupt;

    if (keep && genai_spool_records(f->spool) != taken) {

        /* no room for the batch itself: it goes back to where it was */

        genai_feed_cancel(x, f);
        keep = 0;
    }

    if (keep) {
        genai_spool_rewind(f->spool);
        f->from_spool = 1;
        f->nlanes = 0;
        memset(f->touched, 0, sizeof(f->touched));

        while (taken-- && genai_spool_peek(f->spool, &rec)) {
            genai_spool_next(f->spool);
        }
    }

    for (i = 0; i < n; i++) {
        (void) genai_queue_lane(x->q, i, &m);
        lost += genai_feed_spill_lane(x, f, i, m.head, drop);
    }

    return lost;
}


static uint64_t
genai_feed_spill_lane(genai_exporter_t *x, genai_feed_t *f, unsigned lane,
    uint64_t until, int drop)
{
    int                 rc, bad;
    uint16_t            one = (uint16_t) lane;
    uint64_t            n = 0, lost = 0, start;
    genai_rec_t         rec;
    genai_cursor_t      c;
    const void         *p;
    const uint8_t      *body;
    genai_account_t     a;
    genai_ring_meta_t   m;

    genai_queue_cursor(x->q, lane, f->slot, &c);
    body = genai_queue_lane(x->q, lane, &m);

    if (body == NULL) {
        return 0;
    }

    start = c.pos;

    while (c.pos != until) {

        p = genai_ring_peek(body, genai_queue_body_size(x->q), until, &c.pos,
                            &rec, &bad);

        if (p == NULL) {
            break;
        }

        if (rec.flags & GENAI_REC_SAMPLED) {

            rc = genai_spool_append(f->spool, rec.kind, rec.flags, p,
                                    rec.len);

            if (rc != GENAI_OK) {

                if (genai_feed_spill_save(x, f, lane, &c, n) != GENAI_OK) {
                    genai_queue_cursor(x->q, lane, f->slot, &c);
                    rc = GENAI_DECLINED;
                }

                n = 0;
                start = c.pos;

                if (rc == GENAI_AGAIN) {
                    continue;
                }

                if (!f->spool_full) {
                    f->spool_full = 1;
                    genai_exporter_log(x, 3, "exporter \"%s\": %s",
                                       f->conf->name,
                                       x->dir.max ? "the spool is full"
                                       : "there is no spool, spans are lost");
                }

                goto full;
            }

            c.sampled++;
            n++;
        }

        c.pos = genai_ring_next(c.pos, &rec);
    }

    if (c.pos == start
        || genai_feed_spill_save(x, f, lane, &c, n) == GENAI_OK)
    {
        f->spool_full = 0;
        return 0;
    }

    genai_queue_cursor(x->q, lane, f->slot, &c);

full:

    if (!drop) {
        return 0;
    }

    lost = m.sampled - c.sampled;

    genai_queue_account(x->q, f->slot, &a);
    a.dropped[GENAI_DROP_SPOOL_FULL] += lost;
    f->next[lane].pos = m.head;
    f->next[lane].sampled = m.sampled;

    genai_queue_apply(x->q, f->slot, &a, &one, 1, f->next);

    return lost;
}


/* first the disk, then the account: a death in between repeats, not loses */

static int
genai_feed_spill_save(genai_exporter_t *x, genai_feed_t *f, unsigned lane,
    const genai_cursor_t *c, uint64_t n)
{
    uint16_t         one = (uint16_t) lane;
    genai_account_t  a;

    if (genai_spool_flush(f->spool) != GENAI_OK) {
        return GENAI_ERROR;
    }

    genai_queue_account(x->q, f->slot, &a);
    a.spooled += n;
    a.spooled_total += n;
    f->next[lane] = *c;

    genai_queue_apply(x->q, f->slot, &a, &one, 1, f->next);

    return GENAI_OK;
}


static void
genai_feed_metrics(genai_exporter_t *x, genai_feed_t *f)
{
    uint64_t             at;
    struct timespec      ts;
    genai_send_result_t  res;

    memset(&res, 0, sizeof(res));

    if (f->metrics_sending) {
        if (f->ops->poll_metrics(f->sink, 0, &res) == GENAI_SEND_PENDING) {
            return;
        }

        f->metrics_sending = 0;

        /* 0 unless it is to be tried again; a flush is not put off */

        at = x->now + genai_feed_asked(&res);

        if (at > f->metrics_at && !x->flush) {
            f->metrics_at = at;
        }
    }

    if (f->metrics_at == 0) {

        /* at once: a sink of deltas takes its bearings */

        f->metrics_at = x->now;
    }

    if (x->now < f->metrics_at || x->handing) {
        return;
    }

    f->metrics_at = x->now + f->conf->metrics_interval_ms;

    clock_gettime(CLOCK_REALTIME, &ts);

    if (f->ops->send_metrics(f->sink, x->hooks->metrics(x->hooks->data),
                             x->hooks->view ? x->hooks->view(x->hooks->data)
                                            : NULL,
                             (uint64_t) ts.tv_sec * GENAI_NS_PER_SEC
                             + (uint64_t) ts.tv_nsec)
        == GENAI_OK)
    {
        f->metrics_sending = 1;
    }
}
