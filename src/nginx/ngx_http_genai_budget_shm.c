/*
 * Budgets in shared memory, and their files.
 *
 * A zone keeps nginx's slab header at its start; behind it are the counters
 * and then the budgets, which lie as src/lib says.  What was spent survives a
 * reload, also one that changes the zone's size or the number of its limits:
 * the old memory is then read into the new one.  Calls that are open at that
 * time settle in the old one, and count in the new one as much as they had
 * reserved.
 *
 * The file of a zone ("state=") is written by the process that has the lease,
 * and by the master as its last act.  During a binary upgrade two masters
 * live at once: the file belongs to the one that locked it first.
 */

#include "ngx_http_genai_budget.h"
#include "ngx_http_genai_shm.h"

#include <sys/file.h>
#include <sys/random.h>


#define NGX_HTTP_GENAI_BUDGET_MAGIC  0x3131647562696e67ULL
#define NGX_HTTP_GENAI_BUDGET_SPINS  512
#define NGX_HTTP_GENAI_BUDGET_EARLY  500       /* ms */
#define NGX_HTTP_GENAI_BUDGET_STATE  (256 * 1024 * 1024)


static ngx_int_t ngx_http_genai_budget_shm_init(ngx_shm_zone_t *shm_zone,
    void *data);
static ngx_int_t ngx_http_genai_budget_fresh(ngx_shm_zone_t *shm_zone,
    ngx_http_genai_budget_zone_t *zc, void *mem, size_t size);
static ngx_http_genai_budget_zone_t *ngx_http_genai_budget_before(
    ngx_conf_t *cf, ngx_http_genai_budget_zone_t *zc);
static ngx_int_t ngx_http_genai_budget_migrate(ngx_log_t *log,
    ngx_http_genai_budget_zone_t *zc);
static ngx_int_t ngx_http_genai_budget_load(ngx_log_t *log,
    ngx_http_genai_budget_zone_t *zc);
static ngx_int_t ngx_http_genai_budget_read(ngx_log_t *log, ngx_str_t *name,
    ngx_str_t *text);
static ngx_int_t ngx_http_genai_budget_bad(ngx_log_t *log,
    ngx_http_genai_budget_zone_t *zc, const char *err);
static void ngx_http_genai_budget_lock(void *data, uint32_t *word);
static void ngx_http_genai_budget_unlock_word(void *data, uint32_t *word);
static void ngx_http_genai_budget_save(ngx_http_genai_budget_zone_t *zc,
    ngx_core_conf_t *ccf);
static ngx_uint_t ngx_http_genai_budget_own_file(
    ngx_http_genai_budget_zone_t *zc, ngx_core_conf_t *ccf);
static ngx_int_t ngx_http_genai_budget_write(
    ngx_http_genai_budget_zone_t *zc, ngx_core_conf_t *ccf);
static ngx_int_t ngx_http_genai_budget_replace(
    ngx_http_genai_budget_zone_t *zc, u_char *buf, size_t len,
    ngx_core_conf_t *ccf);


static genai_budget_sync_t  ngx_http_genai_budget_sync = {
    ngx_http_genai_budget_lock,
    ngx_http_genai_budget_unlock_word,
    NULL,
    NULL
};


static uint64_t  ngx_http_genai_budget_lives;


ngx_int_t
ngx_http_genai_budget_shm_add(ngx_conf_t *cf,
    ngx_http_genai_budget_zone_t *zc)
{
    u_char          *p;
    ngx_str_t        name;
    ngx_shm_zone_t  *zone;

    /*
     * Entries have as many limits as the zone, those of another number would
     * not fit: their memory has another name.  (nginx's noreuse would free
     * the memory at the next reload, when it is in use.)
     */

    name.len = zc->shm_name.len + 2;
    name.data = ngx_pnalloc(cf->pool, name.len);
    if (name.data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_cpymem(name.data, zc->shm_name.data, zc->shm_name.len);
    *p++ = ':';
    *p = (u_char) ('0' + zc->nlimits);

    zone = ngx_shared_memory_add(cf, &name, zc->size,
                                 &ngx_http_genai_module);
    if (zone == NULL) {
        return NGX_ERROR;
    }

    zone->init = ngx_http_genai_budget_shm_init;
    zone->data = zc;

    zc->shm_zone = zone;
    zc->old = ngx_http_genai_budget_before(cf, zc);

    return NGX_OK;
}


/* the zone of this name in the configuration that is in force */

static ngx_http_genai_budget_zone_t *
ngx_http_genai_budget_before(ngx_conf_t *cf, ngx_http_genai_budget_zone_t *zc)
{
    ngx_uint_t                      i;
    ngx_cycle_t                    *old;
    ngx_http_genai_main_conf_t     *mcf;
    ngx_http_genai_budget_zone_t  **zones;

    old = cf->cycle->old_cycle;

    if (old == NULL || old->conf_ctx == NULL || old->modules == NULL) {
        return NULL;
    }

    for (i = 0; old->modules[i] != &ngx_http_genai_module; i++) {
        if (old->modules[i] == NULL) {
            return NULL;
        }
    }

    mcf = ngx_http_cycle_get_module_main_conf(old, ngx_http_genai_module);

    if (mcf == NULL) {
        return NULL;
    }

    zones = mcf->budget_zones.elts;

    for (i = 0; i < mcf->budget_zones.nelts; i++) {

        if (zones[i]->shm_name.len == zc->shm_name.len
            && ngx_strncmp(zones[i]->shm_name.data, zc->shm_name.data,
                           zc->shm_name.len)
               == 0
            && zones[i]->head != NULL)
        {
            return zones[i];
        }
    }

    return NULL;
}


static ngx_int_t
ngx_http_genai_budget_shm_init(ngx_shm_zone_t *shm_zone, void *data)
{
    size_t                         size;
    u_char                        *p, *mem;
    ngx_http_genai_budget_zone_t  *zc, *old;

    zc = shm_zone->data;
    old = data ? data : zc->old;

    if (old != NULL
        && (old->key_text.len != zc->key_text.len
            || ngx_strncmp(old->key_text.data, zc->key_text.data,
                           zc->key_text.len)
               != 0))
    {
        ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                      "budget zone \"%V\" has the key \"%V\" while "
                      "previously it had \"%V\": give the zone another name",
                      &zc->name, &zc->key_text, &old->key_text);
        return NGX_ERROR;
    }

    p = ngx_align_ptr(shm_zone->shm.addr + sizeof(ngx_slab_pool_t), 64);
    mem = p + ngx_align(sizeof(ngx_http_genai_budget_head_t), 64);
    size = shm_zone->shm.addr + shm_zone->shm.size - mem;

    zc->head = (ngx_http_genai_budget_head_t *) p;

    if (data == NULL && !shm_zone->shm.exists) {
        return ngx_http_genai_budget_fresh(shm_zone, zc, mem, size);
    }

    if (zc->head->magic != NGX_HTTP_GENAI_BUDGET_MAGIC
        || genai_budget_zone_attach(&zc->zone, mem, size,
                                    (uint32_t) zc->nlimits,
                                    zc->key ? 0 : 1,
                                    &ngx_http_genai_budget_sync)
           != GENAI_OK)
    {
        ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                      "budget zone \"%V\" has another layout, change its "
                      "name or its size", &zc->name);
        return NGX_ERROR;
    }

    zc->life = old ? old->life : ++ngx_http_genai_budget_lives;

    return NGX_OK;
}


static ngx_int_t
ngx_http_genai_budget_fresh(ngx_shm_zone_t *shm_zone,
    ngx_http_genai_budget_zone_t *zc, void *mem, size_t size)
{
    uint8_t     seed[16];
    ngx_int_t   rc;
    ngx_log_t  *log;

    log = shm_zone->shm.log;

    if (getrandom(seed, sizeof(seed), 0) != (ssize_t) sizeof(seed)) {
        ngx_log_error(NGX_LOG_EMERG, log, ngx_errno, "getrandom() failed");
        return NGX_ERROR;
    }

    ngx_memzero(zc->head, sizeof(ngx_http_genai_budget_head_t));
    zc->life = ++ngx_http_genai_budget_lives;

    if (genai_budget_zone_init(&zc->zone, mem, size, (uint32_t) zc->nlimits,
                               zc->key ? 0 : 1, seed,
                               &ngx_http_genai_budget_sync)
        != GENAI_OK)
    {
        ngx_log_error(NGX_LOG_EMERG, log, 0, "budget zone \"%V\" is too small",
                      &zc->name);
        return NGX_ERROR;
    }

    rc = zc->old ? ngx_http_genai_budget_migrate(log, zc)
                 : zc->state.len ? ngx_http_genai_budget_load(log, zc)
                                 : NGX_OK;

    zc->head->magic = NGX_HTTP_GENAI_BUDGET_MAGIC;

    return rc;
}


/* the memory has another size or form: what was spent moves */

static ngx_int_t
ngx_http_genai_budget_migrate(ngx_log_t *log,
    ngx_http_genai_budget_zone_t *zc)
{
    int        rc;
    char       err[256];
    size_t     len, size;
    u_char    *buf;
    uint32_t   keys, lost;

    size = genai_budget_zone_snapshot_size(&zc->old->zone);

    buf = ngx_alloc(size, log);
    if (buf == NULL) {
        return NGX_ERROR;
    }

    len = genai_budget_zone_snapshot(&zc->old->zone, buf, size, ngx_time());

    rc = len ? genai_budget_zone_restore(&zc->zone, buf, len, ngx_time(),
                                         &keys, &lost, err, sizeof(err))
             : GENAI_ERROR;

    ngx_free(buf);

    if (rc != GENAI_OK) {
        ngx_log_error(NGX_LOG_EMERG, log, 0,
                      "budget zone \"%V\" cannot be moved into its new "
                      "memory: %s", &zc->name, len ? err : "no room");
        return NGX_ERROR;
    }

    *zc->head = *zc->old->head;

    if (lost) {
        ngx_log_error(NGX_LOG_ERR, log, 0,
                      "budget zone \"%V\" is now too small: %uD of %uD keys "
                      "found no room, what they spent is forgotten",
                      &zc->name, lost, keys + lost);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_genai_budget_load(ngx_log_t *log, ngx_http_genai_budget_zone_t *zc)
{
    int        rc;
    char       err[256];
    uint32_t   keys, lost;
    ngx_str_t  text;

    switch (ngx_http_genai_budget_read(log, &zc->state, &text)) {

    case NGX_OK:
        break;

    case NGX_DECLINED:                          /* there is none yet */
        return NGX_OK;

    default:
        return NGX_ERROR;
    }

    rc = genai_budget_zone_restore(&zc->zone, text.data, text.len,
                                   ngx_time(), &keys, &lost, err,
                                   sizeof(err));
    ngx_free(text.data);

    if (rc != GENAI_OK) {
        return ngx_http_genai_budget_bad(log, zc, err);
    }

    if (lost) {
        ngx_log_error(NGX_LOG_ERR, log, 0,
                      "budget zone \"%V\" is too small for \"%V\": %uD of "
                      "%uD keys found no room, what they spent is forgotten",
                      &zc->name, &zc->state, lost, keys + lost);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_genai_budget_read(ngx_log_t *log, ngx_str_t *name, ngx_str_t *text)
{
    off_t            size;
    ssize_t          n;
    ngx_fd_t         fd;
    ngx_file_info_t  fi;

    fd = ngx_open_file(name->data, NGX_FILE_RDONLY, NGX_FILE_OPEN, 0);

    if (fd == NGX_INVALID_FILE) {
        if (ngx_errno == NGX_ENOENT) {
            return NGX_DECLINED;
        }

        ngx_log_error(NGX_LOG_EMERG, log, ngx_errno,
                      ngx_open_file_n " \"%V\" failed", name);
        return NGX_ERROR;
    }

    text->data = NULL;

    if (ngx_fd_info(fd, &fi) == NGX_FILE_ERROR) {
        goto failed;
    }

    size = ngx_file_size(&fi);

    if (size > NGX_HTTP_GENAI_BUDGET_STATE) {
        size = NGX_HTTP_GENAI_BUDGET_STATE;    /* none of ours: refused */
    }

    text->data = ngx_alloc((size_t) size + 1, log);
    if (text->data == NULL) {
        goto failed;
    }

    n = ngx_read_fd(fd, text->data, (size_t) size);

    if (n != (ssize_t) size) {
        goto failed;
    }

    text->len = (size_t) size;
    (void) ngx_close_file(fd);

    return NGX_OK;

failed:

    ngx_log_error(NGX_LOG_EMERG, log, ngx_errno, "cannot read \"%V\"", name);

    if (text->data != NULL) {
        ngx_free(text->data);
    }

    (void) ngx_close_file(fd);

    return NGX_ERROR;
}


/* a bad file is kept aside; "nginx -t" changes nothing */

static ngx_int_t
ngx_http_genai_budget_bad(ngx_log_t *log, ngx_http_genai_budget_zone_t *zc,
    const char *err)
{
    u_char      aside[NGX_MAX_PATH];
    ngx_uint_t  fail, level;

    fail = (zc->on_corrupt == NGX_HTTP_GENAI_BUDGET_FAIL);

    if (fail || ngx_test_config) {
        level = fail ? NGX_LOG_EMERG : NGX_LOG_WARN;

        ngx_log_error(level, log, 0,
                      "state \"%V\" of budget \"%V\" is refused: %s; move it "
                      "away to begin with empty budgets", &zc->state,
                      &zc->name, err);

        return fail ? NGX_ERROR : NGX_OK;
    }

    (void) ngx_snprintf(aside, sizeof(aside), "%V.corrupt-%T%Z", &zc->state,
                        ngx_time());
    aside[sizeof(aside) - 1] = '\0';

    if (ngx_rename_file(zc->state.data, aside) == NGX_FILE_ERROR) {
        ngx_log_error(NGX_LOG_EMERG, log, ngx_errno,
                      "state \"%V\" of budget \"%V\" is refused: %s; "
                      ngx_rename_file_n " to \"%s\" failed", &zc->state,
                      &zc->name, err, aside);
        return NGX_ERROR;
    }

    ngx_log_error(NGX_LOG_ERR, log, 0,
                  "state \"%V\" of budget \"%V\" is refused: %s; it is kept "
                  "as \"%s\", and all budgets of the zone begin empty",
                  &zc->state, &zc->name, err, aside);

    return NGX_OK;
}


/*
 * The word holds its owner's pid and is taken from the dead; the mutex of the
 * slab pool, that the master frees, is for one lock in a zone only.  Sections
 * are some hundred instructions, so a holder that is not dead is soon done.
 */

static void
ngx_http_genai_budget_lock(void *data, uint32_t *word)
{
    uint32_t    holder, me;
    ngx_uint_t  n;

    me = (uint32_t) ngx_pid;

    for (n = 1; /* void */ ; n++) {

        holder = 0;

        if (__atomic_load_n(word, __ATOMIC_RELAXED) == 0
            && __atomic_compare_exchange_n(word, &holder, me, 0,
                                           __ATOMIC_ACQUIRE,
                                           __ATOMIC_RELAXED))
        {
            return;
        }

        if (n % NGX_HTTP_GENAI_BUDGET_SPINS) {
            ngx_cpu_pause();
            continue;
        }

        holder = __atomic_load_n(word, __ATOMIC_RELAXED);

        if (holder != 0 && ngx_http_genai_dead(NULL, (int32_t) holder, 0)
            && __atomic_compare_exchange_n(word, &holder, me, 0,
                                           __ATOMIC_ACQUIRE,
                                           __ATOMIC_RELAXED))
        {
            return;
        }

        ngx_sched_yield();
    }
}


static void
ngx_http_genai_budget_unlock_word(void *data, uint32_t *word)
{
    __atomic_store_n(word, 0, __ATOMIC_RELEASE);
}


/*
 * The one process goes on with its first configuration for all connections,
 * and nginx unmaps the zones of that at a reload, unless they stay as they
 * are.
 */

ngx_http_genai_budget_zone_t *
ngx_http_genai_budget_in_force(ngx_http_genai_budget_zone_t *zc)
{
    ngx_uint_t                      i;
    ngx_http_genai_main_conf_t     *mcf;
    ngx_http_genai_budget_zone_t  **zones;

    mcf = ngx_http_genai_single_conf;

    if (mcf == NULL) {
        return zc;
    }

    zones = mcf->budget_zones.elts;

    for (i = 0; i < mcf->budget_zones.nelts; i++) {
        if (zones[i]->shm_name.len == zc->shm_name.len
            && ngx_strncmp(zones[i]->shm_name.data, zc->shm_name.data,
                           zc->shm_name.len)
               == 0)
        {
            return zones[i];
        }
    }

    return NULL;
}


/* by the memory, not its address: that may be another zone's by now */

ngx_http_genai_budget_zone_t *
ngx_http_genai_budget_held(ngx_http_genai_budget_hold_t *hold)
{
    ngx_http_genai_budget_zone_t  *zc;

    zc = ngx_http_genai_budget_in_force(hold->conf->zone);

    return (zc != NULL && zc->life == hold->life) ? zc : NULL;
}


void
ngx_http_genai_budget_sweep(ngx_http_genai_main_conf_t *mcf)
{
    ngx_uint_t                      i;
    genai_budget_swept_t            swept;
    ngx_http_genai_budget_zone_t   *zc, **zones;

    zones = mcf->budget_zones.elts;

    for (i = 0; i < mcf->budget_zones.nelts; i++) {
        zc = zones[i];

        if (zc->head == NULL) {
            continue;
        }

        genai_budget_zone_sweep(&zc->zone, ngx_http_genai_dead, NULL,
                                ngx_time(), &swept);

        if (swept.settled + swept.released == 0) {
            continue;
        }

        ngx_http_genai_budget_count(&zc->head->changes);

        (void) __atomic_fetch_add(&zc->head->swept, swept.settled,
                                  __ATOMIC_RELAXED);
        (void) __atomic_fetch_add(&zc->head->released, swept.released,
                                  __ATOMIC_RELAXED);

        ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                      "budget \"%V\": %uD calls that ended without their "
                      "worker were settled as reserved, %uD released",
                      &zc->name, swept.settled, swept.released);
    }
}


/* snapshots */

void
ngx_http_genai_budget_snapshots(ngx_http_genai_main_conf_t *mcf,
    ngx_uint_t now)
{
    ngx_uint_t                      i;
    ngx_core_conf_t                *ccf;
    ngx_http_genai_budget_zone_t   *zc, **zones;

    ccf = (ngx_core_conf_t *) ngx_get_conf(ngx_cycle->conf_ctx,
                                           ngx_core_module);
    zones = mcf->budget_zones.elts;

    for (i = 0; i < mcf->budget_zones.nelts; i++) {
        zc = zones[i];

        if (zc->state.len == 0 || zc->head == NULL
            || (!now && (ngx_msec_int_t) (ngx_current_msec
                                          - zc->snapshot_next) < 0))
        {
            continue;
        }

        /* we are asked once a second: rather a little early than one late */

        zc->snapshot_next = ngx_current_msec + zc->interval
                            - NGX_HTTP_GENAI_BUDGET_EARLY;

        ngx_http_genai_budget_save(zc, ccf);
    }
}


static void
ngx_http_genai_budget_save(ngx_http_genai_budget_zone_t *zc,
    ngx_core_conf_t *ccf)
{
    uint64_t  sum;

    /* read before what it counts: what comes meanwhile is written then, or
     * the next time */

    sum = 1 + __atomic_load_n(&zc->head->changes, __ATOMIC_ACQUIRE);

    if (sum != zc->snapshot_sum
        && ngx_http_genai_budget_own_file(zc, ccf)
        && ngx_http_genai_budget_write(zc, ccf) == NGX_OK)
    {
        zc->snapshot_sum = sum;
        __atomic_store_n(&zc->head->snapshot_at, (uint64_t) ngx_time(),
                         __ATOMIC_RELAXED);
    }
}


/* the lock is on a file beside it, since the file itself is replaced */

static ngx_uint_t
ngx_http_genai_budget_own_file(ngx_http_genai_budget_zone_t *zc,
    ngx_core_conf_t *ccf)
{
    u_char    name[NGX_MAX_PATH];
    ngx_fd_t  fd;

    if (zc->lock_fd != NGX_INVALID_FILE) {
        return 1;
    }

    (void) ngx_snprintf(name, sizeof(name), "%V.lock%Z", &zc->state);
    name[sizeof(name) - 1] = '\0';

    fd = open((char *) name, O_RDWR|O_CREAT|O_CLOEXEC, 0600);

    if (fd == NGX_INVALID_FILE) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, ngx_errno,
                      ngx_open_file_n " \"%s\" failed: budget \"%V\" is not "
                      "saved", name, &zc->name);
        return 0;
    }

    /* by the master, at its end: the next life's helper must open it */

    if (geteuid() == 0 && fchown(fd, ccf->user, ccf->group) == -1) {
        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, ngx_errno,
                      "fchown() \"%s\" failed", name);
    }

    if (flock(fd, LOCK_EX|LOCK_NB) == -1) {

        /* another master's, which is about to go */

        (void) ngx_close_file(fd);
        return 0;
    }

    zc->lock_fd = fd;

    return 1;
}


/* to whom the lease goes the files go; of a zone that is no more, nobody else
 * would write what it has come to */

void
ngx_http_genai_budget_unlock(ngx_http_genai_main_conf_t *mcf)
{
    ngx_uint_t                      i;
    ngx_core_conf_t                *ccf;
    ngx_http_genai_budget_zone_t  **zones;

    ccf = (ngx_core_conf_t *) ngx_get_conf(ngx_cycle->conf_ctx,
                                           ngx_core_module);
    zones = mcf->budget_zones.elts;

    for (i = 0; i < mcf->budget_zones.nelts; i++) {
        if (zones[i]->lock_fd != NGX_INVALID_FILE) {
            ngx_http_genai_budget_save(zones[i], ccf);
            (void) ngx_close_file(zones[i]->lock_fd);
            zones[i]->lock_fd = NGX_INVALID_FILE;
        }
    }
}


static ngx_int_t
ngx_http_genai_budget_write(ngx_http_genai_budget_zone_t *zc,
    ngx_core_conf_t *ccf)
{
    size_t      len, size;
    u_char     *buf;
    ngx_int_t   rc;

    size = genai_budget_zone_snapshot_size(&zc->zone);

    buf = ngx_alloc(size, ngx_cycle->log);
    if (buf == NULL) {
        return NGX_ERROR;
    }

    len = genai_budget_zone_snapshot(&zc->zone, buf, size, ngx_time());

    rc = len ? ngx_http_genai_budget_replace(zc, buf, len, ccf) : NGX_ERROR;

    ngx_free(buf);

    return rc;
}


/* written aside, synced and renamed: a reader finds the old or the new one */

static ngx_int_t
ngx_http_genai_budget_replace(ngx_http_genai_budget_zone_t *zc, u_char *buf,
    size_t len, ngx_core_conf_t *ccf)
{
    size_t      done;
    u_char      name[NGX_MAX_PATH];
    ssize_t     n;
    ngx_fd_t    fd;
    const char *what;

    (void) ngx_snprintf(name, sizeof(name), "%V.tmp%Z", &zc->state);
    name[sizeof(name) - 1] = '\0';

    what = ngx_open_file_n;

    fd = open((char *) name, O_WRONLY|O_CREAT|O_TRUNC|O_CLOEXEC, 0600);
    if (fd == NGX_INVALID_FILE) {
        goto failed;
    }

    if (geteuid() == 0) {
        what = "fchown()";
        if (fchown(fd, ccf->user, ccf->group) == -1) {
            goto failed;
        }
    }

    what = ngx_write_fd_n;

    for (done = 0; done < len; done += n) {
        n = ngx_write_fd(fd, buf + done, len - done);

        if (n <= 0) {
            goto failed;
        }
    }

    what = "fsync()";

    if (fsync(fd) == -1) {
        goto failed;
    }

    what = ngx_rename_file_n;

    if (ngx_rename_file(name, zc->state.data) == NGX_FILE_ERROR) {
        goto failed;
    }

    (void) ngx_close_file(fd);

    return NGX_OK;

failed:

    ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, ngx_errno,
                  "%s \"%s\" failed: budget \"%V\" is not saved", what, name,
                  &zc->name);

    if (fd != NGX_INVALID_FILE) {
        (void) ngx_close_file(fd);
        (void) ngx_delete_file(name);
    }

    return NGX_ERROR;
}
