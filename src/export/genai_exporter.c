/*
 * The exporter: lease, metrics, the round over the sinks.
 */

#include "genai_exporter_int.h"

#include <stdlib.h>
#include <time.h>


#define GENAI_EXPORTER_IDLE    25      /* ms between two looks at the lanes */
#define GENAI_EXPORTER_BUSY    5
#define GENAI_EXPORTER_WAIT    50      /* ms, for the lease */
#define GENAI_EXPORTER_TICK    100
#define GENAI_EXPORTER_ADOPT   5000
#define GENAI_EXPORTER_GRACE   1000    /* ms for a batch at a handover */
#define GENAI_EXPORTER_POLL    10      /* ms, longest wait for a receiver */


static int genai_exporter_acquire(genai_exporter_t *x);
static int genai_exporter_take_over(genai_exporter_t *x);
static void genai_exporter_hand_over(genai_exporter_t *x);
static int genai_exporter_derive(genai_exporter_t *x, uint64_t deadline);
static int genai_exporter_sending(const genai_exporter_t *x);
static void genai_exporter_housekeeping(genai_exporter_t *x);


uint64_t
genai_exporter_now(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000 + (uint64_t) ts.tv_nsec / 1000000;
}


genai_exporter_t *
genai_exporter_create(const genai_exporter_conf_t *conf, genai_queue_t *q,
    const genai_exporter_hooks_t *hooks)
{
    size_t             i;
    genai_exporter_t  *x;

    x = calloc(1, sizeof(genai_exporter_t));
    if (x == NULL) {
        return NULL;
    }

    x->feeds = calloc(conf->nsinks ? conf->nsinks : 1, sizeof(genai_feed_t));
    if (x->feeds == NULL) {
        free(x);
        return NULL;
    }

    x->conf = conf;
    x->hooks = hooks;
    x->q = q;
    x->nfeeds = conf->nsinks;
    x->now = genai_exporter_now();
    x->rand = x->now ^ ((uint64_t) q->self.pid << 32);

    x->dir.path = conf->spool_dir;
    x->dir.max = conf->spool_max;
    x->dir.uid = conf->spool_uid;
    x->dir.gid = conf->spool_gid;
    x->dir.log = hooks->log;
    x->dir.log_data = hooks->data;

    for (i = 0; i < x->nfeeds; i++) {
        x->feeds[i].conf = &conf->sinks[i];
    }

    return x;
}


void
genai_exporter_destroy(genai_exporter_t *x)
{
    if (x == NULL) {
        return;
    }

    if (x->holds) {
        genai_exporter_hand_over(x);
    }

    free(x->feeds);
    free(x);
}


uint32_t
genai_exporter_run(genai_exporter_t *x, uint32_t budget_ms)
{
    int       progress;
    size_t    i;
    uint32_t  wait, left;
    uint64_t  deadline;

    x->now = genai_exporter_now();
    deadline = x->now + budget_ms;

    if (!genai_exporter_acquire(x)) {
        return GENAI_EXPORTER_WAIT;
    }

    genai_exporter_housekeeping(x);

    x->derived = 0;
    wait = 0;

    for ( ;; ) {
        progress = genai_exporter_derive(x, deadline);

        for (i = 0; i < x->nfeeds; i++) {
            progress |= genai_feed_step(x, &x->feeds[i], wait);
            wait = 0;
        }

        if (x->handing && (!genai_exporter_sending(x)
                           || x->now - x->wanted_at > GENAI_EXPORTER_GRACE))
        {
            genai_exporter_hand_over(x);
            return GENAI_EXPORTER_WAIT;
        }

        x->now = genai_exporter_now();

        if (x->now >= deadline) {
            return progress ? 0 : 1;
        }

        if (progress) {
            continue;
        }

        /* waiting for a receiver is better done in its poll() */

        if (!genai_exporter_sending(x)) {
            break;
        }

        left = (uint32_t) (deadline - x->now);
        wait = left < GENAI_EXPORTER_POLL ? left : GENAI_EXPORTER_POLL;
    }

    return x->derived ? GENAI_EXPORTER_BUSY : GENAI_EXPORTER_IDLE;
}


static int
genai_exporter_sending(const genai_exporter_t *x)
{
    size_t  i;

    for (i = 0; i < x->nfeeds; i++) {
        if (x->feeds[i].state == GENAI_FEED_SENDING) {
            return 1;
        }
    }

    return 0;
}


/* the lease */

static int
genai_exporter_acquire(genai_exporter_t *x)
{
    if (x->holds) {
        if (!x->handing && genai_queue_wanted(x->q)) {
            x->handing = 1;
            x->wanted_at = x->now;
        }

        return 1;
    }

    if (x->superseded) {
        return 0;
    }

    switch (genai_queue_acquire(x->q)) {

    case GENAI_OK:
        return genai_exporter_take_over(x) == GENAI_OK;

    case GENAI_DECLINED:
        x->superseded = 1;
        return 0;

    default:
        return 0;
    }
}


static int
genai_exporter_take_over(genai_exporter_t *x)
{
    size_t       i;
    unsigned     slot[GENAI_QUEUE_SINKS];
    uint64_t     removed;
    const char  *names[GENAI_QUEUE_SINKS];

    for (i = 0; i < x->nfeeds; i++) {
        names[i] = x->conf->sinks[i].name;
    }

    if (genai_queue_sinks(x->q, names, x->nfeeds, slot, &removed)
        != GENAI_OK)
    {
        genai_exporter_log(x, 2, "no room for the exporters in the queue");
        genai_queue_release(x->q);
        return GENAI_ERROR;
    }

    if (removed) {
        genai_exporter_log(x, 4, "%llu spans of a removed exporter are "
                           "dropped", (unsigned long long) removed);
    }

    x->holds = 1;
    x->handing = 0;
    x->adopt_at = x->now + GENAI_EXPORTER_ADOPT;

    for (i = 0; i < x->nfeeds; i++) {
        x->feeds[i].slot = slot[i];
        genai_feed_open(x, &x->feeds[i]);
    }

    return GENAI_OK;
}


/* first the locks on the segments, then the lease: its taker wants both */

static void
genai_exporter_hand_over(genai_exporter_t *x)
{
    size_t  i;

    for (i = 0; i < x->nfeeds; i++) {
        genai_feed_close(x, &x->feeds[i]);
    }

    x->superseded = x->handing;
    x->holds = 0;
    x->handing = 0;

    genai_queue_release(x->q);
}


int
genai_exporter_holds(const genai_exporter_t *x)
{
    return x->holds;
}


int
genai_exporter_superseded(const genai_exporter_t *x)
{
    return x->superseded;
}


/* metrics: every record, sampled or not */

static int
genai_exporter_derive(genai_exporter_t *x, uint64_t deadline)
{
    int                 bad, done = 0;
    unsigned            i, n, count = 0;
    uint32_t            size;
    genai_rec_t         rec;
    genai_cursor_t      c;
    const void         *p;
    const uint8_t      *body;
    genai_ring_meta_t   m;

    n = genai_queue_lanes(x->q);
    size = genai_queue_body_size(x->q);

    for (i = 0; i < n; i++) {

        genai_queue_cursor(x->q, i, GENAI_QUEUE_DERIVE, &c);
        body = genai_queue_lane(x->q, i, &m);

        if (body == NULL || c.pos == m.head) {
            continue;
        }

        done = 1;

        while ((p = genai_ring_peek(body, size, m.head, &c.pos, &rec, &bad))
               != NULL)
        {
            if (x->hooks->derive && genai_exporter_decode(x, &rec, p)) {
                x->hooks->derive(x->hooks->data, &x->call);
            }

            c.pos = genai_ring_next(c.pos, &rec);
            genai_queue_pass(x->q, i, GENAI_QUEUE_DERIVE, c.pos);

            if (++count % 64 == 0 && genai_exporter_now() >= deadline) {
                x->derived = 1;
                return 1;
            }
        }

        genai_queue_pass(x->q, i, GENAI_QUEUE_DERIVE, m.head);
    }

    x->derived |= (unsigned) done;

    return done;
}


int
genai_exporter_decode(genai_exporter_t *x, const genai_rec_t *rec,
    const void *p)
{
    return rec->kind == GENAI_RECORD_CALL
           && x->hooks->decode(p, rec->len, &x->call, x->attrs,
                               GENAI_EXPORTER_ATTRS)
              == GENAI_OK;
}


static void
genai_exporter_housekeeping(genai_exporter_t *x)
{
    size_t  i;

    if (x->now >= x->tick_at) {
        x->tick_at = x->now + GENAI_EXPORTER_TICK;

        if (x->hooks->tick) {
            x->hooks->tick(x->hooks->data, x->now);
        }
    }

    if (x->now >= x->second_at) {
        x->second_at = x->now + 1000;
        (void) genai_queue_reclaim(x->q);
    }

    if (x->now >= x->adopt_at) {
        x->adopt_at = x->now + GENAI_EXPORTER_ADOPT;

        for (i = 0; i < x->nfeeds && !x->handing; i++) {
            genai_feed_adopt(x, &x->feeds[i]);
        }
    }
}


/* the end */

void
genai_exporter_flush(genai_exporter_t *x)
{
    size_t  i;

    if (x->flush) {
        return;
    }

    x->flush = 1;

    for (i = 0; i < x->nfeeds; i++) {

        /* whoever failed gets one more chance, even if it asked for time */

        if (x->feeds[i].backoff) {
            x->feeds[i].retry_at = 0;
        }

        x->feeds[i].metrics_at = x->now;
    }
}


int
genai_exporter_idle(const genai_exporter_t *x)
{
    size_t               i;
    const genai_feed_t  *f;

    if (genai_queue_busy(x->q, GENAI_QUEUE_DERIVE)) {
        return 0;
    }

    for (i = 0; i < x->nfeeds; i++) {
        f = &x->feeds[i];

        if (f->state == GENAI_FEED_SENDING || f->metrics_sending
            || genai_queue_busy(x->q, f->slot))
        {
            return 0;
        }
    }

    return 1;
}


int64_t
genai_exporter_spool_all(genai_exporter_t *x)
{
    size_t  i;
    int64_t lost = 0;

    x->now = genai_exporter_now();

    if (!x->holds && !genai_exporter_acquire(x)) {
        return -1;
    }

    if (x->hooks->tick) {
        x->hooks->tick(x->hooks->data, x->now);
    }

    (void) genai_exporter_derive(x, x->now + 1000);

    for (i = 0; i < x->nfeeds; i++) {
        genai_feed_cancel(x, &x->feeds[i]);
        lost += (int64_t) genai_feed_spill(x, &x->feeds[i], 1);
    }

    return lost;
}


void
genai_exporter_reopen(genai_exporter_t *x)
{
    size_t         i;
    genai_feed_t  *f;

    for (i = 0; i < x->nfeeds; i++) {
        f = &x->feeds[i];

        if (f->sink && f->ops->reopen) {
            f->ops->reopen(f->sink);
        }
    }
}


uint64_t
genai_exporter_spool_bytes(const genai_exporter_t *x)
{
    return x->dir.used;
}
