/*
 * Process hooks and the helper process.
 *
 * The helper is the process that nginx starts for any ngx_path_t with a
 * manager.  nginx leaves it by exit(0) on QUIT and TERM alike, without
 * exit_process; so its end is an atexit handler, in which it goes on while
 * workers of its generation finish their calls.
 */

#include "ngx_http_genai_module.h"
#include "ngx_http_genai_shm.h"
#include "../lib/genai_record.h"

#include <ngx_channel.h>
#include <sys/random.h>


#define NGX_HTTP_GENAI_SLICE    100    /* ms of a run in the helper */
#define NGX_HTTP_GENAI_SHARE    10     /* … with master_process off */
#define NGX_HTTP_GENAI_FLUSH    3000   /* ms for the last batches */
#define NGX_HTTP_GENAI_TERM     200    /* … when told to hurry */
#define NGX_HTTP_GENAI_SWEEP    1000


typedef struct {
    ngx_http_genai_main_conf_t  *mcf;
    ngx_cycle_t                 *cycle;
    genai_exporter_t            *x;
    genai_exporter_conf_t        conf;
    genai_exporter_hooks_t       hooks;
    uint64_t                     sweep_at;
    ngx_uint_t                   held; /* the lease, at some time */
} ngx_http_genai_process_t;


static ngx_int_t ngx_http_genai_start(ngx_http_genai_main_conf_t *mcf,
    ngx_uint_t spool_only);
static void ngx_http_genai_finish_open(void);
static void ngx_http_genai_stop(void);
static void ngx_http_genai_at_exit(void);
static void ngx_http_genai_linger(void);
static ngx_uint_t ngx_http_genai_left_alone(void);
static void ngx_http_genai_channel(void);
static void ngx_http_genai_single(ngx_event_t *ev);
static void ngx_http_genai_single_start(ngx_http_genai_main_conf_t *mcf);
static void ngx_http_genai_title(void);
static void ngx_http_genai_log_export(void *data, int level, const char *fmt,
    ...);
static void ngx_http_genai_derive(void *data, const genai_call_t *c);
static void ngx_http_genai_tick(void *data, uint64_t now_ms);
static const genai_metrics_t *ngx_http_genai_registry(void *data);
static const genai_metrics_view_t *ngx_http_genai_samples(void *data);


genai_rand_t                 ngx_http_genai_rand;
ngx_http_genai_main_conf_t  *ngx_http_genai_single_conf;

static ngx_http_genai_process_t  ngx_http_genai_process;
static ngx_event_t               ngx_http_genai_timer;
static ngx_connection_t          ngx_http_genai_no_connection;


/*
 * With master_process off a reload runs no init_process, and nginx unmaps a
 * zone of a new size before anybody is asked: so the old queue is emptied
 * while the new configuration is read.  Should that one be refused, the timer
 * starts again with the old.
 */

void
ngx_http_genai_single_suspend(ngx_http_genai_main_conf_t *mcf)
{
    ngx_http_genai_main_conf_t  *old;

    old = ngx_http_genai_single_conf;

    if (old != NULL && old->queue.size != mcf->queue.size) {
        ngx_http_genai_stop();
    }
}


ngx_int_t
ngx_http_genai_init_module(ngx_cycle_t *cycle)
{
    ngx_queue_t                 *q;
    ngx_http_genai_ctx_t        *ctx;
    ngx_http_genai_main_conf_t  *mcf, *old;

    old = ngx_http_genai_single_conf;

    if (ngx_process != NGX_PROCESS_SINGLE || old == NULL) {
        return NGX_OK;
    }

    mcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_genai_module);

    if (mcf == NULL || !mcf->enabled) {

        /* the old zones are still there, but not for long */

        ngx_http_genai_finish_open();
        ngx_http_genai_stop();
        ngx_http_genai_budget_unlock(old);
        ngx_http_genai_single_conf = NULL;

        return NGX_OK;
    }

    ngx_http_genai_budget_unlock(old);

    if (ngx_http_genai_process.x != NULL) {
        genai_exporter_destroy(ngx_http_genai_process.x);
        ngx_http_genai_process.x = NULL;
    }

    if (mcf->zone.shm_zone->shm.addr != old->zone.shm_zone->shm.addr) {

        for (q = ngx_queue_head(&ngx_http_genai_open_calls);
             q != ngx_queue_sentinel(&ngx_http_genai_open_calls);
             q = ngx_queue_next(q))
        {
            ctx = ngx_queue_data(q, ngx_http_genai_ctx_t, queue);
            ctx->row = NULL;
        }
    }

    ngx_http_genai_process.cycle = cycle;
    ngx_http_genai_single_start(mcf);

    return NGX_OK;
}


ngx_int_t
ngx_http_genai_init_process(ngx_cycle_t *cycle)
{
    uint8_t                      seed[32];
    ngx_http_genai_main_conf_t  *mcf;

    if (ngx_process != NGX_PROCESS_WORKER
        && ngx_process != NGX_PROCESS_SINGLE)
    {
        return NGX_OK;
    }

    mcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_genai_module);

    if (mcf == NULL || !mcf->enabled) {
        return NGX_OK;
    }

    if (getrandom(seed, sizeof(seed), 0) != (ssize_t) sizeof(seed)) {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, ngx_errno,
                      "getrandom() failed");
        return NGX_ERROR;
    }

    genai_rand_seed(&ngx_http_genai_rand, seed);

    ngx_queue_init(&ngx_http_genai_open_calls);

    if (ngx_process == NGX_PROCESS_SINGLE) {
        ngx_http_genai_process.cycle = cycle;
        ngx_http_genai_single_start(mcf);
        return NGX_OK;
    }

    ngx_http_genai_queue_join(mcf, (ngx_uint_t) ngx_process_slot);

    return NGX_OK;
}


/* on TERM there is no log phase: what is open is reported as aborted */

void
ngx_http_genai_exit_process(ngx_cycle_t *cycle)
{
    ngx_http_genai_main_conf_t  *mcf;

    mcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_genai_module);

    if (mcf == NULL || !mcf->enabled
        || (ngx_process != NGX_PROCESS_WORKER
            && ngx_process != NGX_PROCESS_SINGLE))
    {
        return;
    }

    ngx_http_genai_finish_open();

    if (ngx_process == NGX_PROCESS_SINGLE) {
        ngx_http_genai_stop();
    }

    genai_queue_leave(ngx_http_genai_queue(mcf));
}


static void
ngx_http_genai_finish_open(void)
{
    ngx_queue_t           *q;
    ngx_http_genai_ctx_t  *ctx;

    while (ngx_http_genai_open_calls.next
           && !ngx_queue_empty(&ngx_http_genai_open_calls))
    {
        q = ngx_queue_head(&ngx_http_genai_open_calls);
        ctx = ngx_queue_data(q, ngx_http_genai_ctx_t, queue);

        /* removes itself from the queue */

        ngx_http_genai_finish(ctx, 1);
    }
}


/* all others are gone: what they could not send goes to disk */

void
ngx_http_genai_exit_master(ngx_cycle_t *cycle)
{
    int64_t                      lost;
    ngx_http_genai_main_conf_t  *mcf;

    mcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_genai_module);

    if (mcf == NULL || !mcf->enabled || ngx_process == NGX_PROCESS_SINGLE) {
        return;
    }

    ngx_http_genai_budget_sweep(mcf);
    ngx_http_genai_budget_snapshots(mcf, 1);

    ngx_http_genai_process.cycle = cycle;
    ngx_http_genai_queue_join(mcf, NGX_HTTP_GENAI_NO_SLOT);

    if (ngx_http_genai_start(mcf, 1) != NGX_OK) {
        return;
    }

    lost = genai_exporter_spool_all(ngx_http_genai_process.x);

    if (lost > 0) {
        ngx_log_error(NGX_LOG_ERR, cycle->log, 0,
                      "genai: %L spans found no room in the spool and are "
                      "lost", lost);
    }

    genai_exporter_destroy(ngx_http_genai_process.x);
    ngx_http_genai_process.x = NULL;
}


static ngx_int_t
ngx_http_genai_start(ngx_http_genai_main_conf_t *mcf, ngx_uint_t spool_only)
{
    ngx_uint_t                 i;
    ngx_core_conf_t           *ccf;
    genai_sink_conf_t         *sinks;
    ngx_http_genai_process_t  *p;

    p = &ngx_http_genai_process;

    ccf = (ngx_core_conf_t *) ngx_get_conf(p->cycle->conf_ctx,
                                           ngx_core_module);

    ngx_memzero(&p->conf, sizeof(genai_exporter_conf_t));
    ngx_memzero(&p->hooks, sizeof(genai_exporter_hooks_t));

    p->mcf = mcf;
    p->sweep_at = 0;

    sinks = mcf->sinks.elts;

    for (i = 0; i < mcf->sinks.nelts; i++) {
        sinks[i].state = (char *) mcf->path->name.data;
    }

    p->conf.sinks = sinks;
    p->conf.nsinks = mcf->sinks.nelts;
    p->conf.spool_dir = (char *) mcf->path->name.data;
    p->conf.spool_max = (uint64_t) mcf->spool_max;
    p->conf.spool_uid = ccf->user;
    p->conf.spool_gid = ccf->group;
    p->conf.spool_only = spool_only;

    p->hooks.data = p;
    p->hooks.log = ngx_http_genai_log_export;
    p->hooks.decode = genai_record_decode;
    p->hooks.derive = ngx_http_genai_derive;
    p->hooks.tick = ngx_http_genai_tick;
    p->hooks.metrics = ngx_http_genai_registry;
    p->hooks.view = ngx_http_genai_samples;

    p->x = genai_exporter_create(&p->conf, ngx_http_genai_queue(mcf),
                                 &p->hooks);

    return p->x ? NGX_OK : NGX_ERROR;
}


/* the helper; called in every round of its event loop's timer */

ngx_msec_t
ngx_http_genai_manager(void *data)
{
    ngx_http_genai_main_conf_t  *mcf = data;

    ngx_msec_t                 delay;
    ngx_http_genai_process_t  *p;

    p = &ngx_http_genai_process;

    if (p->x == NULL) {

        p->cycle = (ngx_cycle_t *) ngx_cycle;

        ngx_http_genai_title();
        ngx_http_genai_queue_join(mcf, (ngx_uint_t) ngx_process_slot);

        if (ngx_http_genai_start(mcf, 0) != NGX_OK) {
            return 1000;
        }

        ngx_http_genai_at_exit();
    }

    if (ngx_http_genai_left_alone()) {

        /* the master was killed, its workers are gone: so do we go */

        exit(0);
    }

    delay = genai_exporter_run(p->x, NGX_HTTP_GENAI_SLICE);

    /*
     * The sinks may have brought in libraries with exit handlers of their
     * own, which must not run before ours: handlers run last in, first out.
     */

    if (!p->held && genai_exporter_holds(p->x)) {
        p->held = 1;
        ngx_http_genai_at_exit();
    }

    return delay;
}


static void
ngx_http_genai_at_exit(void)
{
    if (atexit(ngx_http_genai_linger) != 0) {
        ngx_log_error(NGX_LOG_ERR, ngx_http_genai_process.cycle->log, 0,
                      "genai: atexit() failed");
    }
}


static ngx_uint_t
ngx_http_genai_left_alone(void)
{
    return getppid() != ngx_parent
           && genai_queue_owners(ngx_http_genai_queue(
                                     ngx_http_genai_process.mcf), 0)
              == 0;
}


/*
 * QUIT: stay until the last worker of this generation or an older one has
 * left, or a newer helper has the lease; then send what there is, for some
 * seconds at most.  TERM: the master kills in a second and a half.
 */

static void
ngx_http_genai_linger(void)
{
    uint32_t                   delay, generation;
    ngx_uint_t                 owners;
    ngx_msec_t                 deadline;
    genai_queue_t             *q;
    ngx_http_genai_process_t  *p;

    p = &ngx_http_genai_process;

    if (p->x == NULL || ngx_process != NGX_PROCESS_HELPER) {
        return;
    }

    q = ngx_http_genai_queue(p->mcf);
    generation = ngx_http_genai_queue_generation(p->mcf);
    deadline = 0;

    for ( ;; ) {
        ngx_http_genai_channel();
        ngx_time_update();

        if (ngx_terminate || genai_exporter_superseded(p->x)) {
            break;
        }

        /* asked before the run: what they wrote last is then sent by it */

        owners = genai_queue_owners(q, generation);

        if (owners == 0) {
            genai_exporter_flush(p->x);

            if (deadline == 0) {
                deadline = ngx_current_msec + NGX_HTTP_GENAI_FLUSH;
            }
        }

        delay = genai_exporter_run(p->x, NGX_HTTP_GENAI_SLICE);
        ngx_time_update();

        if (owners == 0
            && ((ngx_msec_int_t) (ngx_current_msec - deadline) >= 0
                || (genai_exporter_holds(p->x)
                    && genai_exporter_idle(p->x))))
        {
            break;
        }

        ngx_msleep(ngx_min(delay, 50));
    }

    ngx_http_genai_stop();
}


/* a last try, then the disk */

static void
ngx_http_genai_stop(void)
{
    int64_t                    lost;
    ngx_http_genai_process_t  *p;

    p = &ngx_http_genai_process;

    if (p->x == NULL) {
        return;
    }

    if (!genai_exporter_superseded(p->x)) {

        ngx_http_genai_budget_sweep(p->mcf);
        ngx_http_genai_budget_snapshots(p->mcf, 1);

        genai_exporter_flush(p->x);
        (void) genai_exporter_run(p->x, NGX_HTTP_GENAI_TERM);

        lost = genai_exporter_spool_all(p->x);

        if (lost > 0) {
            ngx_log_error(NGX_LOG_ERR, p->cycle->log, 0,
                          "genai: %L spans found no room in the spool and "
                          "are lost", lost);
        }

    } else {
        ngx_http_genai_budget_unlock(p->mcf);
    }

    genai_queue_leave(ngx_http_genai_queue(p->mcf));
    genai_exporter_destroy(p->x);
    p->x = NULL;
}


/*
 * nginx's master speaks to its children through a socket, and nobody reads
 * that one any more.
 */

static void
ngx_http_genai_channel(void)
{
    ngx_int_t      n;
    ngx_channel_t  ch;

    /* with the master gone the socket is closed, and its number anybody's */

    if (getppid() != ngx_parent) {
        return;
    }

    for ( ;; ) {
        n = ngx_read_channel(ngx_channel, &ch, sizeof(ngx_channel_t),
                             ngx_http_genai_process.cycle->log);

        if (n == NGX_AGAIN || n == NGX_ERROR) {
            return;
        }

        switch (ch.command) {

        case NGX_CMD_TERMINATE:
            ngx_terminate = 1;
            break;

        case NGX_CMD_OPEN_CHANNEL:
            (void) close(ch.fd);
            break;
        }
    }
}


/* master_process off: the same on a timer of the one process */

static void
ngx_http_genai_single_start(ngx_http_genai_main_conf_t *mcf)
{
    ngx_event_t               *ev;
    ngx_http_genai_process_t  *p;

    p = &ngx_http_genai_process;

    ngx_http_genai_single_conf = mcf;

    ngx_http_genai_queue_join(mcf, 0);

    if (ngx_http_genai_start(mcf, 0) != NGX_OK) {
        return;
    }

    ev = &ngx_http_genai_timer;
    ngx_http_genai_no_connection.fd = (ngx_socket_t) -1;

    if (!ev->timer_set) {
        ev->handler = ngx_http_genai_single;
        ev->data = &ngx_http_genai_no_connection;   /* for the debug log */
        ev->log = p->cycle->log;
        ev->cancelable = 1;
        ngx_add_timer(ev, 1);
    }

    ev->log = p->cycle->log;
}


static void
ngx_http_genai_single(ngx_event_t *ev)
{
    ngx_msec_t  delay;

    if (ngx_http_genai_single_conf == NULL) {
        return;
    }

    if (ngx_http_genai_process.x == NULL) {
        ngx_http_genai_single_start(ngx_http_genai_single_conf);
        return;
    }

    delay = genai_exporter_run(ngx_http_genai_process.x,
                               NGX_HTTP_GENAI_SHARE);

    ngx_add_timer(ev, ngx_max(delay, 1));
}


static void
ngx_http_genai_title(void)
{
    ngx_uint_t    i;
    ngx_path_t  **path;

    path = ngx_cycle->paths.elts;

    for (i = 0; i < ngx_cycle->paths.nelts; i++) {
        if (path[i]->manager && path[i]->manager != ngx_http_genai_manager) {
            ngx_setproctitle("cache manager, genai exporter");
            return;
        }
    }

    ngx_setproctitle("genai exporter");
}


/* what the exporter asks for */

static void
ngx_http_genai_log_export(void *data, int level, const char *fmt, ...)
{
    ngx_http_genai_process_t  *p = data;

    char     buf[1024];
    va_list  args;

    /* syslog's levels, which nginx has moved by one */

    if ((ngx_uint_t) level + 1 > p->cycle->log->log_level) {
        return;
    }

    va_start(args, fmt);
    (void) vsnprintf(buf, sizeof(buf), fmt, args);
    va_end(args);

    ngx_log_error((ngx_uint_t) level + 1, p->cycle->log, 0, "genai: %s", buf);
}


static void
ngx_http_genai_derive(void *data, const genai_call_t *c)
{
    ngx_http_genai_process_t  *p = data;

    genai_metrics_observe(ngx_http_genai_metrics(p->mcf), c);
}


static void
ngx_http_genai_tick(void *data, uint64_t now_ms)
{
    ngx_http_genai_process_t  *p = data;

    if (p->x) {
        ngx_http_genai_spool_bytes_set(p->mcf,
                                       genai_exporter_spool_bytes(p->x));
    }

    if (now_ms < p->sweep_at) {
        return;
    }

    p->sweep_at = now_ms + NGX_HTTP_GENAI_SWEEP;

    ngx_http_genai_rows_sweep(p->mcf);
    ngx_http_genai_budget_sweep(p->mcf);

    if (p->x == NULL || !genai_exporter_holds(p->x)) {
        ngx_http_genai_budget_unlock(p->mcf);
        return;
    }

    ngx_http_genai_budget_snapshots(p->mcf, 0);
}


static const genai_metrics_view_t *
ngx_http_genai_samples(void *data)
{
    ngx_http_genai_process_t  *p = data;

    return ngx_http_genai_view(p->mcf);
}


static const genai_metrics_t *
ngx_http_genai_registry(void *data)
{
    ngx_http_genai_process_t  *p = data;

    return ngx_http_genai_metrics(p->mcf);
}
