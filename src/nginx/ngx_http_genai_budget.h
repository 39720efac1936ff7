/*
 * Budgets in nginx: what the files of the glue share.
 *
 *     ngx_http_genai_budget_conf.c   directives
 *     ngx_http_genai_budget_init.c   names and checks, when all were read
 *     ngx_http_genai_budget_shm.c    zones in shared memory, and their files
 *     ngx_http_genai_budget.c        admission
 *     ngx_http_genai_budget_settle.c settlement
 *     ngx_http_genai_budget_api.c    the operator's view
 *     ngx_http_genai_budget_raise.c  limits that are raised for a time
 *     ngx_http_genai_budget_deny.c   what a refused caller gets, and the log
 *     ngx_http_genai_budget_status.c metrics
 */

#ifndef NGX_HTTP_GENAI_BUDGET_H
#define NGX_HTTP_GENAI_BUDGET_H

#include "ngx_http_genai_module.h"
#include "../lib/genai_budget.h"
#include "../lib/genai_budget_bound.h"
#include "../lib/genai_budget_zone.h"
#include "../lib/genai_refuse.h"


#define NGX_HTTP_GENAI_BUDGET_USES      8      /* zones of one location */
#define NGX_HTTP_GENAI_BUDGET_ERR       256    /* bytes of a message */
#define NGX_HTTP_GENAI_BUDGET_IMPLICIT  (1024 * 1024)

/* a reservation is given up after so long without a byte of the answer,
 * beyond proxy_read_timeout: its process hangs, or has forgotten it */
#define NGX_HTTP_GENAI_BUDGET_DEADLINE  900    /* s */

/* on_empty, on_full, unpriced, on_corrupt */

#define NGX_HTTP_GENAI_BUDGET_DENY      0
#define NGX_HTTP_GENAI_BUDGET_ALLOW     1
#define NGX_HTTP_GENAI_BUDGET_SHARED    2      /* on_empty: one budget */
#define NGX_HTTP_GENAI_BUDGET_EMPTY     0      /* on_corrupt */
#define NGX_HTTP_GENAI_BUDGET_FAIL      1


/* counters of a zone, in its shared memory before the budgets */

typedef struct {
    uint64_t                     magic;
    uint64_t                     changes;      /* for snapshots */
    uint64_t                     admitted;
    uint64_t                     refused;
    uint64_t                     dry_run;      /* would have been refused */
    uint64_t                     overrun;      /* calls that passed a limit */
    uint64_t                     warned;
    uint64_t                     uncounted;    /* let pass: on_full, … */
    uint64_t                     unreadable;   /* settled as reserved */
    uint64_t                     swept;        /* … of the dead */
    uint64_t                     released;
    uint64_t                     raised;
    uint64_t                     stopped;      /* streams cut */
    uint64_t                     snapshot_at;  /* Unix time of the last */
    uint64_t                     pad[2];
} ngx_http_genai_budget_head_t;


/* of all keys the one that is nearest to this limit, for the metrics */

#define NGX_HTTP_GENAI_BUDGET_SHOWN  8

typedef struct {
    genai_budget_state_t           state;
    double                         left;       /* share of the limit */
    double                         rate;       /* units a second */
    char                           window[16];
} ngx_http_genai_budget_shown_t;


/* genai_budget_zone, or the zone of a genai_budget that names none */

struct ngx_http_genai_budget_zone_s {
    ngx_str_t                      name;       /* as people read it */
    ngx_str_t                      shm_name;
    size_t                         size;
    ngx_str_t                      key_text;   /* as configured */
    ngx_http_complex_value_t      *key;        /* NULL: one for all */
    genai_budget_limit_t           limits[GENAI_BUDGET_LIMITS];
    ngx_http_complex_value_t      *values[GENAI_BUDGET_LIMITS];
    ngx_uint_t                     nlimits;
    ngx_uint_t                     dynamic;    /* a limit is a variable */
    int                            tz;
    ngx_uint_t                     on_empty;
    ngx_uint_t                     on_full;
    ngx_uint_t                     unpriced;
    ngx_uint_t                     learned;
    ngx_uint_t                     on_corrupt;
    ngx_str_t                      state;      /* its file, full name */
    ngx_msec_t                     interval;   /* between snapshots */
    ngx_uint_t                     declared;
    ngx_uint_t                     used;
    ngx_http_core_srv_conf_t      *server;     /* implicit: where it is */
    ngx_str_t                      location;
    u_char                        *file;       /* of the configuration */
    ngx_uint_t                     line;

    ngx_shm_zone_t                *shm_zone;
    uint64_t                       life;       /* of its memory; never 0 */
    struct ngx_http_genai_budget_zone_s  *old; /* of the cycle before */

    /* this process's view */

    genai_budget_zone_t            zone;
    ngx_http_genai_budget_head_t  *head;
    time_t                         logged;
    ngx_uint_t                     unlogged;
    ngx_fd_t                       lock_fd;
    ngx_msec_t                     snapshot_next;
    uint64_t                       snapshot_sum;

    /* of the exposition that is made */

    genai_str_t                    label;      /* its name, valid UTF-8 */
    char                           label_buf[128];
    ngx_uint_t                     nshown;
    ngx_http_genai_budget_shown_t  shown[NGX_HTTP_GENAI_BUDGET_SHOWN];
};


/* genai_budget: a zone in a location */

struct ngx_http_genai_budget_conf_s {
    ngx_http_genai_budget_zone_t  *zone;
    ngx_str_t                      class;      /* empty: none */
    uint32_t                       share;      /* percent of each limit */
    uint32_t                       warn;       /* percent, 0: none */
    ngx_uint_t                     stop;       /* stream=stop */
    ngx_uint_t                     ratelimit;  /* headers=on */
    ngx_uint_t                     off;
    u_char                        *file;
    ngx_uint_t                     line;
};


typedef struct {
    ngx_http_genai_budget_conf_t  *conf;
    genai_str_t                    key;
    genai_budget_handle_t          handle;
    uint64_t                       life;       /* of the zone it is in */
    genai_budget_amounts_t         amounts;    /* reserved, with stream=stop */
    ngx_uint_t                     dry_run;    /* it would be refused */
} ngx_http_genai_budget_hold_t;


/* of a call in a location with budgets */

struct ngx_http_genai_budget_ctx_s {
    ngx_http_genai_loc_conf_t     *conf;       /* where it was admitted */
    ngx_uint_t                     n;
    ngx_uint_t                     states;     /* of upstreams before it */
    time_t                         deadline;   /* s from now, each time */
    time_t                         extend_at;
    int64_t                        stop_at;    /* output tokens: looked at
                                                  next then */
    ngx_http_genai_budget_hold_t   holds[NGX_HTTP_GENAI_BUDGET_USES];
};


/* why a zone does not admit */

typedef struct {
    ngx_http_genai_budget_conf_t  *conf;
    ngx_uint_t                     limit;      /* state is of a limit */
    genai_budget_state_t           state;
    genai_str_t                    key;
    genai_str_t                    reason;     /* otherwise: one sentence */
    u_char                         text[160];  /* room for it */
} ngx_http_genai_budget_why_t;


/* ngx_http_genai_budget_init.c */

/* the limits of a call: those of the zone, or what its variables say, in buf.
 * NGX_DECLINED: a value that is no limit, *bad says which */
ngx_int_t ngx_http_genai_budget_limits(ngx_http_request_t *r,
    ngx_http_genai_budget_zone_t *zc, genai_budget_limit_t *buf,
    const genai_budget_limit_t **limits, uint32_t *n, ngx_str_t *bad);


/* ngx_http_genai_budget_shm.c */

ngx_int_t ngx_http_genai_budget_shm_add(ngx_conf_t *cf,
    ngx_http_genai_budget_zone_t *zc);

/* the zone of this name as it is now, NULL when it is gone; another than zc
 * with master_process off after a reload */
ngx_http_genai_budget_zone_t *ngx_http_genai_budget_in_force(
    ngx_http_genai_budget_zone_t *zc);

/* the zone that the reservation is in, NULL when its memory is gone */
ngx_http_genai_budget_zone_t *ngx_http_genai_budget_held(
    ngx_http_genai_budget_hold_t *hold);


/* ngx_http_genai_budget_api.c */

/* by name, as it is mapped now; NULL: there is none */
ngx_http_genai_budget_zone_t *ngx_http_genai_budget_api_find(
    ngx_http_request_t *r, genai_str_t name);

/* answers with one key of one zone; note: for people, NULL: none */
ngx_int_t ngx_http_genai_budget_api_show(ngx_http_request_t *r,
    ngx_str_t *zone, genai_str_t key, const char *note);

/* answers {"error":"one sentence, with the mend"}; a format of nginx's */
ngx_int_t ngx_http_genai_budget_api_error(ngx_http_request_t *r,
    ngx_uint_t status, const char *fmt, ...);


/* ngx_http_genai_budget_raise.c: POST */

ngx_int_t ngx_http_genai_budget_raise_handler(ngx_http_request_t *r);


/* ngx_http_genai_budget_deny.c */

/* answers, or gives the status when an error_page is to */
ngx_int_t ngx_http_genai_budget_deny(ngx_http_request_t *r,
    ngx_http_genai_ctx_t *ctx, ngx_http_genai_budget_why_t *why);
/* names and values live as long as the request does */
ngx_int_t ngx_http_genai_budget_headers(ngx_http_request_t *r,
    const genai_refuse_header_t *headers, ngx_uint_t n);
void ngx_http_genai_budget_log_denied(ngx_http_request_t *r,
    ngx_http_genai_loc_conf_t *lcf, ngx_http_genai_budget_why_t *why,
    ngx_uint_t dry_run);
void ngx_http_genai_budget_log_news(ngx_log_t *log,
    ngx_http_genai_budget_hold_t *hold, genai_budget_news_t *news);


/* what is left of a limit, as a share of it; below 0 when it is passed */

static ngx_inline double
ngx_http_genai_budget_share(const genai_budget_state_t *s)
{
    return s->allowed > 0
           ? 1 - ((double) s->spent + (double) s->reserved) / s->allowed : 0;
}


static ngx_inline void
ngx_http_genai_budget_count(uint64_t *counter)
{
    (void) __atomic_fetch_add(counter, 1, __ATOMIC_RELAXED);
}


#endif /* NGX_HTTP_GENAI_BUDGET_H */
