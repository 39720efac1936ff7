/*
 * Zones, lanes, rows of open calls.
 *
 * Both zones keep nginx's slab header at their start, since the master looks
 * for its mutex there, and are laid out by us behind it.  A zone survives a
 * reload that leaves name and size alone; a new size is new memory, and the
 * old helper empties the old one.
 */

#include "ngx_http_genai_module.h"
#include "ngx_http_genai_shm.h"
#include "../lib/genai_record.h"


#define NGX_HTTP_GENAI_ZONE_MAGIC    0x315a4e4547ULL
#define NGX_HTTP_GENAI_ZONE_VERSION  2
#define NGX_HTTP_GENAI_ROW_PROBES    64
#define NGX_HTTP_GENAI_BODY_MAX      (4 * 1024 * 1024)


struct ngx_http_genai_row_s {
    uint32_t             pid;          /* 0: free */
    uint32_t             valid;
    uint64_t             start;        /* of the process, clock ticks */
    uint64_t             start_unix_ns;
    uint8_t              trace_id[16];
    uint8_t              span_id[8];
    uint8_t              parent_id[8];
    uint8_t              trace_flags;
    uint8_t              kind;
    uint8_t              api;
    uint8_t              operation;
    uint8_t              step;
    uint8_t              sampled;
    uint8_t              parent_remote;
    uint8_t              location_len;
    char                 location[64];
};


/* the main zone: this, the rows, values of labels, the metrics */

typedef struct {
    uint64_t             magic;
    uint32_t             version;
    uint32_t             row_size;
    uint64_t             nrows;
    uint64_t             spool_bytes;
    size_t               labels;       /* offset */
    size_t               metrics;      /* offset */
    size_t               metrics_size;
} ngx_http_genai_zone_head_t;


typedef struct {
    ngx_http_genai_zone_head_t  *head;
    ngx_http_genai_row_t        *rows;
    genai_labels_t              *labels;
    genai_metrics_t             *metrics;
    ngx_uint_t                   next; /* row to try first */
} ngx_http_genai_zone_ctx_t;


typedef struct {
    genai_queue_t                q;
    uint32_t                     generation;
    uint32_t                     body_size;
    ngx_uint_t                   nsinks;
    const char                  *sinks[GENAI_QUEUE_SINKS];
    ngx_slab_pool_t             *shpool;
} ngx_http_genai_queue_ctx_t;


static ngx_int_t ngx_http_genai_zone_init(ngx_shm_zone_t *shm_zone,
    void *data);
static ngx_int_t ngx_http_genai_queue_init(ngx_shm_zone_t *shm_zone,
    void *data);
static uint32_t ngx_http_genai_body_size(ngx_conf_t *cf, size_t size);
static size_t ngx_http_genai_zone_layout(ngx_http_genai_zone_head_t *head,
    size_t size);
static void ngx_http_genai_zone_tell(ngx_conf_t *cf, size_t size,
    uint32_t lane);
static void *ngx_http_genai_zone_mem(ngx_shm_zone_t *shm_zone, size_t *size);
static void ngx_http_genai_lock(void *data);
static void ngx_http_genai_unlock(void *data);
static int ngx_http_genai_alive(void *data, uint32_t pid, uint64_t start);
static ngx_int_t ngx_http_genai_proc_stat(uint32_t pid, u_char *state,
    uint64_t *start);
static void ngx_http_genai_row_lost(ngx_http_genai_main_conf_t *mcf,
    ngx_http_genai_row_t *row);


ngx_int_t
ngx_http_genai_zones_add(ngx_conf_t *cf, ngx_http_genai_main_conf_t *mcf)
{
    ngx_uint_t                   i;
    ngx_shm_zone_t              *zone;
    genai_sink_conf_t           *sink;
    ngx_http_genai_zone_ctx_t   *zctx;
    ngx_http_genai_queue_ctx_t  *qctx;

    zctx = ngx_pcalloc(cf->pool, sizeof(ngx_http_genai_zone_ctx_t));
    qctx = ngx_pcalloc(cf->pool, sizeof(ngx_http_genai_queue_ctx_t));

    if (zctx == NULL || qctx == NULL) {
        return NGX_ERROR;
    }

    zone = ngx_shared_memory_add(cf, &mcf->zone.name, mcf->zone.size,
                                 &ngx_http_genai_module);
    if (zone == NULL) {
        return NGX_ERROR;
    }

    zone->init = ngx_http_genai_zone_init;
    zone->data = zctx;
    mcf->zone.shm_zone = zone;

    qctx->body_size = ngx_http_genai_body_size(cf, mcf->queue.size);

    if (mcf->queue.size < genai_queue_min_size(qctx->body_size)
                          + 2 * ngx_pagesize)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"genai_queue\" is too small, it must be at "
                           "least %uzk",
                           (genai_queue_min_size(qctx->body_size)
                            + 2 * ngx_pagesize + 1023) / 1024);
        return NGX_ERROR;
    }

    if (mcf->sinks.nelts > GENAI_QUEUE_SINKS) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "%ui \"genai_exporter\" blocks, there may be %d",
                           mcf->sinks.nelts, GENAI_QUEUE_SINKS);
        return NGX_ERROR;
    }

    sink = mcf->sinks.elts;
    qctx->nsinks = mcf->sinks.nelts;

    for (i = 0; i < qctx->nsinks; i++) {
        if (ngx_strlen(sink[i].name) >= GENAI_QUEUE_NAME) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "the name \"%s\" of an exporter is longer "
                               "than %d bytes", sink[i].name,
                               GENAI_QUEUE_NAME - 1);
            return NGX_ERROR;
        }

        qctx->sinks[i] = sink[i].name;
    }

    zone = ngx_shared_memory_add(cf, &mcf->queue.name, mcf->queue.size,
                                 &ngx_http_genai_module);
    if (zone == NULL) {
        return NGX_ERROR;
    }

    zone->init = ngx_http_genai_queue_init;
    zone->data = qctx;
    mcf->queue.shm_zone = zone;

    ngx_http_genai_zone_tell(cf, mcf->zone.size, qctx->body_size);

    ngx_http_genai_single_suspend(mcf);

    return NGX_OK;
}


/* lanes as long as they can be with four for each worker: two generations
 * of them, and the odd long stream of a third */

static uint32_t
ngx_http_genai_body_size(ngx_conf_t *cf, size_t size)
{
    size_t            n, body;
    ngx_core_conf_t  *ccf;

    ccf = (ngx_core_conf_t *) ngx_get_conf(cf->cycle->conf_ctx,
                                           ngx_core_module);

    n = (ccf->worker_processes == NGX_CONF_UNSET) ? 1
        : (size_t) ccf->worker_processes;
    n = ngx_max(4 * n, 12);

    for (body = GENAI_QUEUE_BODY;
         body < NGX_HTTP_GENAI_BODY_MAX && 2 * body * n <= size;
         body *= 2)
    {
        /* void */
    }

    return (uint32_t) body;
}


static void *
ngx_http_genai_zone_mem(ngx_shm_zone_t *shm_zone, size_t *size)
{
    u_char  *p;

    p = ngx_align_ptr(shm_zone->shm.addr + sizeof(ngx_slab_pool_t),
                      ngx_pagesize);

    *size = shm_zone->shm.addr + shm_zone->shm.size - p;

    return p;
}


/* a sixteenth for rows, a sixty-fourth for labels' values, the rest for
 * metrics; returns the size of the second */

static size_t
ngx_http_genai_zone_layout(ngx_http_genai_zone_head_t *head, size_t size)
{
    size_t  labels;

    labels = ngx_align(size / 64, ngx_pagesize);

    head->nrows = size / 16 / sizeof(ngx_http_genai_row_t);
    head->labels = ngx_align(ngx_pagesize
                             + head->nrows * sizeof(ngx_http_genai_row_t),
                             ngx_pagesize);
    head->metrics = head->labels + labels;
    head->metrics_size = size - head->metrics;

    return labels;
}


/* how much has room, for who reads "nginx -t" */

static void
ngx_http_genai_zone_tell(ngx_conf_t *cf, size_t size, uint32_t lane)
{
    genai_metrics_plan_t        plan;
    ngx_http_genai_zone_head_t  head;

    size -= ngx_align(sizeof(ngx_slab_pool_t), ngx_pagesize);
    (void) ngx_http_genai_zone_layout(&head, size);

    if (genai_metrics_plan(head.metrics_size, &plan) == GENAI_OK) {
        ngx_conf_log_error(NGX_LOG_NOTICE, cf, 0,
                           "genai_zone: room for %uL open calls and %uD "
                           "label sets; genai_queue: lanes of %uDk",
                           head.nrows, plan.series, lane / 1024);
    }
}


static ngx_int_t
ngx_http_genai_zone_init(ngx_shm_zone_t *shm_zone, void *data)
{
    size_t                       size, labels;
    u_char                      *p;
    struct timespec              ts;
    ngx_http_genai_zone_ctx_t   *ctx;
    ngx_http_genai_zone_head_t  *head;

    ctx = shm_zone->data;
    p = ngx_http_genai_zone_mem(shm_zone, &size);
    head = (ngx_http_genai_zone_head_t *) p;

    if (data == NULL && !shm_zone->shm.exists) {

        labels = ngx_http_genai_zone_layout(head, size);

        ngx_memzero(p + ngx_pagesize, head->metrics - ngx_pagesize);

        head->version = NGX_HTTP_GENAI_ZONE_VERSION;
        head->row_size = sizeof(ngx_http_genai_row_t);
        head->spool_bytes = 0;

        ctx->labels = genai_labels_init(p + head->labels, labels);

        clock_gettime(CLOCK_REALTIME, &ts);

        ctx->metrics = genai_metrics_init(p + head->metrics,
                                          head->metrics_size,
                                          ts.tv_sec * GENAI_NS_PER_SEC
                                          + ts.tv_nsec);
        head->magic = NGX_HTTP_GENAI_ZONE_MAGIC;

    } else if (head->magic == NGX_HTTP_GENAI_ZONE_MAGIC
               && head->version == NGX_HTTP_GENAI_ZONE_VERSION
               && head->row_size == sizeof(ngx_http_genai_row_t))
    {
        ctx->labels = genai_labels_attach(p + head->labels);
        ctx->metrics = genai_metrics_attach(p + head->metrics,
                                            head->metrics_size);
    }

    if (ctx->metrics == NULL || ctx->labels == NULL) {
        ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                      "shared memory zone \"%V\" has another layout, change "
                      "its size or name", &shm_zone->shm.name);
        return NGX_ERROR;
    }

    ctx->head = head;
    ctx->rows = (ngx_http_genai_row_t *) (p + ngx_pagesize);

    return NGX_OK;
}


static ngx_int_t
ngx_http_genai_queue_init(ngx_shm_zone_t *shm_zone, void *data)
{
    void                        *mem;
    size_t                       size;
    genai_queue_env_t            env;
    ngx_http_genai_queue_ctx_t  *ctx;

    ctx = shm_zone->data;
    ctx->shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;
    mem = ngx_http_genai_zone_mem(shm_zone, &size);

    if (data == NULL && !shm_zone->shm.exists
        && genai_queue_init(mem, size, ctx->body_size, ctx->sinks,
                            ctx->nsinks)
           != GENAI_OK)
    {
        ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                      "\"genai_queue\" is too small");
        return NGX_ERROR;
    }

    ngx_memzero(&env, sizeof(genai_queue_env_t));
    env.data = ctx->shpool;
    env.lock = ngx_http_genai_lock;
    env.unlock = ngx_http_genai_unlock;
    env.alive = ngx_http_genai_alive;

    if (genai_queue_open(&ctx->q, mem, size, &env) != GENAI_OK) {
        ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                      "shared memory zone \"%V\" has another layout, change "
                      "the size of \"genai_queue\"", &shm_zone->shm.name);
        return NGX_ERROR;
    }

    /* a number that is lost when the rest of a reload fails does no harm */

    ctx->generation = genai_queue_generation(&ctx->q);

    return NGX_OK;
}


static void
ngx_http_genai_lock(void *data)
{
    ngx_slab_pool_t  *shpool = data;

    ngx_shmtx_lock(&shpool->mutex);
}


static void
ngx_http_genai_unlock(void *data)
{
    ngx_slab_pool_t  *shpool = data;

    ngx_shmtx_unlock(&shpool->mutex);
}


/* a zombie is dead: its master is just about to see it */

static int
ngx_http_genai_alive(void *data, uint32_t pid, uint64_t start)
{
    u_char    state;
    uint64_t  since;

    switch (ngx_http_genai_proc_stat(pid, &state, &since)) {

    case NGX_OK:
        return state != 'Z' && state != 'X' && (start == 0 || since == start);

    case NGX_DECLINED:

        /* no /proc here: the pid alone must do */

        return kill((pid_t) pid, 0) == 0 || ngx_errno == NGX_EPERM;

    default:
        return 0;
    }
}


int
ngx_http_genai_dead(void *data, int32_t pid, uint64_t start)
{
    return !ngx_http_genai_alive(data, (uint32_t) pid, start);
}


uint64_t
ngx_http_genai_start_ticks(void)
{
    u_char    state;
    uint64_t  start;

    return ngx_http_genai_proc_stat((uint32_t) ngx_pid, &state, &start)
           == NGX_OK ? start : 0;
}


/* "pid (comm) S ppid ...": fields 3 and 22; comm may hold anything */

static ngx_int_t
ngx_http_genai_proc_stat(uint32_t pid, u_char *state, uint64_t *start)
{
    int          fd;
    char         buf[1024], *p;
    ssize_t      n;
    ngx_err_t    err;
    ngx_uint_t   field;

    (void) snprintf(buf, sizeof(buf), "/proc/%u/stat", pid);

    fd = open(buf, O_RDONLY|O_CLOEXEC);

    if (fd == -1) {
        err = ngx_errno;

        if (err == NGX_ENOENT && access("/proc/self/stat", R_OK) == 0) {
            return NGX_ERROR;
        }

        return NGX_DECLINED;
    }

    n = read(fd, buf, sizeof(buf) - 1);
    err = ngx_errno;
    (void) close(fd);

    if (n <= 0) {
        return (n == -1 && err == ESRCH) ? NGX_ERROR : NGX_DECLINED;
    }

    buf[n] = '\0';
    p = strrchr(buf, ')');

    if (p == NULL || p[1] != ' ') {
        return NGX_DECLINED;
    }

    p += 2;
    *state = (u_char) *p;

    for (field = 3; field < 22; field++) {
        p = strchr(p, ' ');

        if (p == NULL) {
            return NGX_DECLINED;
        }

        p++;
    }

    *start = strtoull(p, NULL, 10);

    return NGX_OK;
}


genai_labels_t *
ngx_http_genai_labels(ngx_http_genai_main_conf_t *mcf)
{
    ngx_http_genai_zone_ctx_t  *ctx;

    ctx = mcf->zone.shm_zone->data;

    return ctx->labels;
}


genai_metrics_t *
ngx_http_genai_metrics(ngx_http_genai_main_conf_t *mcf)
{
    ngx_http_genai_zone_ctx_t  *ctx;

    ctx = ngx_http_genai_in_force(mcf)->zone.shm_zone->data;

    return ctx->metrics;
}


genai_queue_t *
ngx_http_genai_queue(ngx_http_genai_main_conf_t *mcf)
{
    ngx_http_genai_queue_ctx_t  *ctx;

    ctx = ngx_http_genai_in_force(mcf)->queue.shm_zone->data;

    return &ctx->q;
}


/* this process becomes a writer; the master, without a slot, a mere reader */

void
ngx_http_genai_queue_join(ngx_http_genai_main_conf_t *mcf, ngx_uint_t slot)
{
    genai_queue_self_t           self;
    ngx_http_genai_zone_ctx_t   *zctx;
    ngx_http_genai_queue_ctx_t  *ctx;

    ctx = mcf->queue.shm_zone->data;
    zctx = mcf->zone.shm_zone->data;

    self.pid = (uint32_t) ngx_pid;
    self.slot = (uint32_t) slot;
    self.start = ngx_http_genai_start_ticks();
    self.generation = ctx->generation;

    (void) genai_queue_join(&ctx->q, &self);

    zctx->next = (slot * 1021) % zctx->head->nrows;
}


uint32_t
ngx_http_genai_queue_generation(ngx_http_genai_main_conf_t *mcf)
{
    ngx_http_genai_queue_ctx_t  *ctx;

    ctx = mcf->queue.shm_zone->data;

    return ctx->generation;
}


void
ngx_http_genai_lane_write(ngx_http_genai_main_conf_t *mcf,
    const void *record, size_t len, ngx_uint_t flags)
{
    (void) genai_queue_put(ngx_http_genai_queue(mcf), GENAI_RECORD_CALL,
                           flags, record, len);
}


/* rows of open calls */

void
ngx_http_genai_row_open(ngx_http_genai_main_conf_t *mcf,
    ngx_http_genai_ctx_t *ctx)
{
    size_t                      len;
    uint32_t                    none;
    ngx_uint_t                  i;
    genai_call_t               *c;
    genai_queue_t              *q;
    ngx_http_genai_row_t       *row;
    ngx_http_genai_zone_ctx_t  *zctx;

    zctx = ngx_http_genai_in_force(mcf)->zone.shm_zone->data;
    q = ngx_http_genai_queue(mcf);
    c = &ctx->call;

    for (i = 0; i < NGX_HTTP_GENAI_ROW_PROBES; i++) {

        row = &zctx->rows[zctx->next++ % zctx->head->nrows];
        none = 0;

        if (row->pid == 0
            && __atomic_compare_exchange_n(&row->pid, &none,
                                           (uint32_t) ngx_pid, 0,
                                           __ATOMIC_ACQUIRE,
                                           __ATOMIC_RELAXED))
        {
            goto found;
        }
    }

    /* more open calls than rows: this one would not be reported if we died */

    return;

found:

    row->start = q->self.start;
    row->start_unix_ns = c->start_unix_ns;
    ngx_memcpy(row->trace_id, c->trace_id, 16);
    ngx_memcpy(row->span_id, c->span_id, 8);
    ngx_memcpy(row->parent_id, c->parent_id, 8);
    row->trace_flags = c->trace_flags;
    row->kind = c->kind;
    row->api = c->api;
    row->operation = c->operation;
    row->step = c->step;
    row->sampled = c->sampled;
    row->parent_remote = c->parent_remote;

    len = ngx_min(c->location.len, sizeof(row->location));
    ngx_memcpy(row->location, c->location.data, len);
    row->location_len = (uint8_t) len;

    __atomic_store_n(&row->valid, 1, __ATOMIC_RELEASE);

    ctx->row = row;
}


void
ngx_http_genai_row_close(ngx_http_genai_ctx_t *ctx)
{
    ngx_http_genai_row_t  *row;

    row = ctx->row;

    if (row != NULL) {
        ctx->row = NULL;
        __atomic_store_n(&row->valid, 0, __ATOMIC_RELEASE);
        __atomic_store_n(&row->pid, 0, __ATOMIC_RELEASE);
    }
}


/* the calls of workers that died; by the exporter */

void
ngx_http_genai_rows_sweep(ngx_http_genai_main_conf_t *mcf)
{
    int                         alive;
    uint32_t                    pid, last_pid;
    uint64_t                    i, start, last_start;
    ngx_http_genai_row_t       *row;
    ngx_http_genai_zone_ctx_t  *zctx;

    zctx = mcf->zone.shm_zone->data;
    last_pid = (uint32_t) ngx_pid;
    last_start = 0;
    alive = 1;

    for (i = 0; i < zctx->head->nrows; i++) {

        row = &zctx->rows[i];
        pid = __atomic_load_n(&row->pid, __ATOMIC_ACQUIRE);

        if (pid == 0) {
            continue;
        }

        /* a row that is being filled has no start to rely on yet */

        start = __atomic_load_n(&row->valid, __ATOMIC_ACQUIRE) ? row->start
                                                               : 0;

        if (pid != last_pid || start != last_start) {
            alive = ngx_http_genai_alive(NULL, pid, start);
            last_pid = pid;
            last_start = start;
        }

        if (alive || __atomic_load_n(&row->pid, __ATOMIC_ACQUIRE) != pid) {
            continue;
        }

        if (row->valid) {
            ngx_http_genai_row_lost(mcf, row);
        }

        __atomic_store_n(&row->valid, 0, __ATOMIC_RELEASE);
        __atomic_store_n(&row->pid, 0, __ATOMIC_RELEASE);
    }
}


static void
ngx_http_genai_row_lost(ngx_http_genai_main_conf_t *mcf,
    ngx_http_genai_row_t *row)
{
    size_t           len;
    uint64_t         now;
    genai_call_t     c;
    struct timespec  ts;

    static u_char    record[4096];

    genai_call_init(&c, NULL, 0);

    ngx_memcpy(c.trace_id, row->trace_id, 16);
    ngx_memcpy(c.span_id, row->span_id, 8);
    ngx_memcpy(c.parent_id, row->parent_id, 8);

    c.trace_flags = row->trace_flags;
    c.kind = row->kind;
    c.api = row->api;
    c.operation = row->operation;
    c.step = row->step;
    c.sampled = row->sampled;
    c.parent_remote = row->parent_remote;
    c.location = genai_str(row->location,
                           ngx_min(row->location_len, sizeof(row->location)));

    clock_gettime(CLOCK_REALTIME, &ts);
    now = ts.tv_sec * GENAI_NS_PER_SEC + ts.tv_nsec;

    c.start_unix_ns = row->start_unix_ns;
    c.start_ns = 1;
    c.end_ns = 1 + (now > c.start_unix_ns ? now - c.start_unix_ns : 0);
    c.aborted = 1;

    genai_call_error(&c, genai_strz("worker_died"), GENAI_ORIGIN_GATEWAY);

    genai_metrics_count(ngx_http_genai_metrics(mcf), &c);

    len = genai_record_encode(&c, record, sizeof(record), NULL);

    if (len) {
        ngx_http_genai_lane_write(mcf, record, len,
                                  GENAI_REC_ERROR
                                  | (c.sampled ? GENAI_REC_SAMPLED : 0));
    }
}


ngx_uint_t
ngx_http_genai_in_flight(ngx_http_genai_main_conf_t *mcf)
{
    uint64_t                    i;
    ngx_uint_t                  n;
    ngx_http_genai_zone_ctx_t  *zctx;

    zctx = mcf->zone.shm_zone->data;

    for (i = 0, n = 0; i < zctx->head->nrows; i++) {
        n += zctx->rows[i].pid != 0;
    }

    return n;
}


uint64_t
ngx_http_genai_spool_bytes(ngx_http_genai_main_conf_t *mcf)
{
    ngx_http_genai_zone_ctx_t  *zctx;

    zctx = mcf->zone.shm_zone->data;

    return __atomic_load_n(&zctx->head->spool_bytes, __ATOMIC_RELAXED);
}


void
ngx_http_genai_spool_bytes_set(ngx_http_genai_main_conf_t *mcf, uint64_t n)
{
    ngx_http_genai_zone_ctx_t  *zctx;

    zctx = mcf->zone.shm_zone->data;

    __atomic_store_n(&zctx->head->spool_bytes, n, __ATOMIC_RELAXED);
}
