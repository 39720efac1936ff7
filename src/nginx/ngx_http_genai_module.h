/*
 * What the glue files share: configuration, the per-request context, and one
 * block of prototypes per file.
 */

#ifndef NGX_HTTP_GENAI_MODULE_H
#define NGX_HTTP_GENAI_MODULE_H

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "../lib/genai_call.h"
#include "../lib/genai_api.h"
#include "../lib/genai_body.h"
#include "../lib/genai_capture.h"
#include "../lib/genai_extract.h"
#include "../lib/genai_hide.h"
#include "../lib/genai_price.h"
#include "../lib/genai_trace.h"
#include "../lib/genai_queue.h"
#include "../lib/genai_labels.h"
#include "../lib/genai_metrics.h"
#include "../lib/genai_refusal.h"
#include "../lib/genai_budget.h"
#include "../export/genai_sink.h"


#define NGX_HTTP_GENAI_VERSION      "0.2.0"


/* genai_trace_context */

#define NGX_HTTP_GENAI_TC_IGNORE    0
#define NGX_HTTP_GENAI_TC_EXTRACT   1
#define NGX_HTTP_GENAI_TC_INJECT    2
#define NGX_HTTP_GENAI_TC_PROPAGATE 3

/* genai_trace_formats: genai_trace_format_e in cells of four bits */

#define NGX_HTTP_GENAI_TF_N         3

#define NGX_HTTP_GENAI_BAGGAGE_APP  0
#define NGX_HTTP_GENAI_BAGGAGE_ALL  1
#define NGX_HTTP_GENAI_BAGGAGE_OFF  2

/* genai_context_window */

#define NGX_HTTP_GENAI_WINDOW_OFF     0
#define NGX_HTTP_GENAI_WINDOW_WARN    1
#define NGX_HTTP_GENAI_WINDOW_REJECT  2

/* one call in so many is timed: genai_module_seconds_total */

#define NGX_HTTP_GENAI_OWN_EVERY    64

/* the largest record, as in a lane and in the spool */

#define NGX_HTTP_GENAI_RECORD_MAX   (32 * 1024)


typedef struct {
    ngx_str_t                    name;
    size_t                       size;
    ngx_shm_zone_t              *shm_zone;
    ngx_uint_t                   set;
} ngx_http_genai_zone_conf_t;


/* tables and the rows of a location's beside them */

typedef struct {
    ngx_array_t                 *extract;
    ngx_uint_t                   capture;
    genai_apis_t                *apis;
} ngx_http_genai_tables_t;


typedef struct ngx_http_genai_samples_s  ngx_http_genai_samples_t;


typedef struct {
    ngx_http_genai_zone_conf_t   zone;        /* genai_zone */
    ngx_http_genai_zone_conf_t   queue;       /* genai_queue */
    ngx_path_t                  *path;        /* spool; its manager is us */
    off_t                        spool_max;

    ngx_str_t                    prices_file;
    genai_price_table_t         *prices;
    time_t                       prices_mtime;
    genai_apis_t                *apis;
    ngx_array_t                  tables;      /* ngx_http_genai_tables_t */

    ngx_array_t                  sinks;       /* genai_sink_conf_t */
    ngx_array_t                  resource;    /* genai_pair_t */
    ngx_array_t                  budget_zones;
                                       /* ngx_http_genai_budget_zone_t * */
    ngx_http_genai_samples_t    *samples;

    ngx_uint_t                   proxy;       /* its module's ctx_index, or
                                                 NGX_CONF_UNSET_UINT */

    ngx_uint_t                   enabled;     /* a location has genai on */
    ngx_uint_t                   status;      /* a location has genai_status
                                                 or genai_budget_api */
    ngx_array_t                 *admin;       /* ngx_http_genai_admin_t */
    ngx_uint_t                   window;      /* a location rejects */
    ngx_uint_t                   include_usage;  /* a location has it */
    ngx_uint_t                   budgets;        /* a location has some */
    ngx_uint_t                   drain;       /* the same */
    ngx_uint_t                   logs;           /* an exporter takes them */
} ngx_http_genai_main_conf_t;


/* genai_span_attr, genai_label: key and complex value */

typedef struct {
    ngx_str_t                    key;
    ngx_http_complex_value_t     value;
    ngx_uint_t                   max;         /* labels: distinct values */
    ngx_uint_t                   off;         /* cancels what is inherited */
} ngx_http_genai_attr_conf_t;


/* genai_keep */

typedef struct {
    ngx_uint_t                   error;
    uint64_t                     slow_ns;     /* 0: however slow */
    int64_t                      cost;        /* pico-USD, -1: whatever */
} ngx_http_genai_keep_conf_t;


/* genai_drain */

typedef struct {
    ngx_msec_t                   time;
    off_t                        size;
} ngx_http_genai_drain_conf_t;


typedef struct {
    ngx_uint_t                   api;         /* genai_api_e */
    ngx_uint_t                   trace_context;
    ngx_uint_t                   trace_formats;
    ngx_uint_t                   baggage;

    ngx_http_complex_value_t    *sample;
    uint64_t                     sample_threshold;  /* when a constant */
    ngx_http_complex_value_t    *span_name;
    ngx_http_complex_value_t    *name;
    ngx_http_complex_value_t    *user;
    ngx_http_complex_value_t    *session;
    ngx_http_complex_value_t    *region;

    ngx_http_genai_keep_conf_t  *keep;
    ngx_uint_t                   profile;     /* genai_profile_e */
    ngx_uint_t                   window;

    ngx_array_t                 *extract;     /* genai_extract_row_t */
    ngx_flag_t                   include_usage;
    ngx_http_genai_drain_conf_t *drain;       /* NULL: off */
    size_t                       capture;     /* bytes, 0: off */
    genai_apis_t                *apis;        /* NULL: the tables alone */

    ngx_array_t                 *span_attrs;  /* ngx_http_genai_attr_conf_t */
    ngx_array_t                 *labels;      /* ngx_http_genai_attr_conf_t */

    ngx_array_t                 *budgets;  /* ngx_http_genai_budget_conf_t */
    ngx_flag_t                   budget_dry_run;
    ngx_uint_t                   budget_status;      /* 0: auto */
    ngx_uint_t                   budget_log_level;
    ngx_uint_t                   budget_body; /* a limit needs the request */

    ngx_str_t                    location;    /* default of genai_name */
    ngx_uint_t                   status_page; /* 1 page, 2 metrics only */
    ngx_uint_t                   budget_api;
} ngx_http_genai_loc_conf_t;


/* an open call, in the main zone: see ngx_http_genai_shm.c */

typedef struct ngx_http_genai_row_s  ngx_http_genai_row_t;

typedef struct ngx_http_genai_stream_s  ngx_http_genai_stream_t;
typedef struct ngx_http_genai_drain_s  ngx_http_genai_drain_t;
typedef struct ngx_http_genai_stop_s  ngx_http_genai_stop_t;

typedef struct ngx_http_genai_budget_zone_s  ngx_http_genai_budget_zone_t;
typedef struct ngx_http_genai_budget_conf_s  ngx_http_genai_budget_conf_t;

typedef struct ngx_http_genai_budget_ctx_s  ngx_http_genai_budget_ctx_t;


typedef struct {
    genai_call_t                 call;
    genai_body_t                 body;

    ngx_http_request_t          *request;
    ngx_http_genai_loc_conf_t   *conf;        /* of its last location */
    ngx_queue_t                  queue;       /* of this worker's open calls */
    ngx_http_genai_row_t        *row;

    unsigned                     request_done:1;   /* request body at end */
    unsigned                     header_seen:1;
    unsigned                     late:1;           /* made in the log phase */
    unsigned                     tap:1;            /* response is parsed */
    unsigned                     last_seen:1;      /* last_buf passed */
    unsigned                     finished:1;       /* recorded and counted */
    unsigned                     debug:1;          /* of B3 */
    unsigned                     body_read:1;      /* by a phase of ours */
    unsigned                     queued:1;         /* is in the open list */
    unsigned                     own_cost:1;       /* this call is sampled
                                                      for our own cost */
    unsigned                     stop:1;           /* stream=stop: the budget
                                                      ends an open stream */
    uint64_t                     own_ns;
    genai_memory_t               memory;           /* the request's pool */
    genai_extract_t             *extract;
    genai_capture_t             *capture;          /* NULL: off */
    ngx_http_genai_stream_t     *stream;           /* NULL: nothing to hide */
    ngx_http_genai_budget_ctx_t *budget;           /* NULL: none here */
    ngx_http_genai_drain_t      *drain;            /* NULL: off */
    ngx_http_genai_stop_t       *stopper;          /* NULL: runs to its end */

    char                         arena[GENAI_CALL_ARENA];
} ngx_http_genai_ctx_t;


extern ngx_module_t  ngx_http_genai_module;


/* ngx_http_genai_conf.c: directives, merge, checks */

void *ngx_http_genai_create_main_conf(ngx_conf_t *cf);
char *ngx_http_genai_init_main_conf(ngx_conf_t *cf, void *conf);
void *ngx_http_genai_create_loc_conf(ngx_conf_t *cf);
char *ngx_http_genai_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child);
char *ngx_http_genai_set_api(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_genai_set_zone(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_genai_set_queue(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_genai_set_prices(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_genai_set_resource(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_genai_set_attr(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_genai_set_status(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* a module's ctx_index by its name, NGX_CONF_UNSET_UINT: it is not there */
ngx_uint_t ngx_http_genai_module_index(ngx_conf_t *cf, const char *name);

void *ngx_http_genai_alloc(void *data, size_t size);   /* data: a pool */


/* ngx_http_genai_admin.c */

/* the location that cf is in is for operators; what a directive returns */
char *ngx_http_genai_admin_add(ngx_conf_t *cf, const char *directive);

/* it is no call, and neither are its limit_except blocks */
void ngx_http_genai_admin_merge(ngx_conf_t *cf,
    ngx_http_genai_loc_conf_t *conf, ngx_http_genai_loc_conf_t *prev);

/* after all has been merged: warns of those that nothing restricts */
void ngx_http_genai_admin_check(ngx_conf_t *cf,
    ngx_http_genai_main_conf_t *mcf);


/* ngx_http_genai_conf_trace.c */

char *ngx_http_genai_set_trace_formats(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_genai_set_sample(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* "0" to "1" */
ngx_int_t ngx_http_genai_ratio(ngx_str_t *value, double *ratio);


/* ngx_http_genai_conf_exporter.c: the block, OTEL_* from the environment */

char *ngx_http_genai_set_exporter(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
ngx_int_t ngx_http_genai_resource_init(ngx_conf_t *cf,
    ngx_http_genai_main_conf_t *mcf);


/* ngx_http_genai_ctx.c: create, find, recover after internal redirect */

ngx_http_genai_ctx_t *ngx_http_genai_get_ctx(ngx_http_request_t *r);
ngx_http_genai_ctx_t *ngx_http_genai_create_ctx(ngx_http_request_t *r);
void ngx_http_genai_finish_all(ngx_http_request_t *r);
uint64_t ngx_http_genai_now(void);            /* monotonic ns */


/* what we cost ourselves, in the few calls that are timed */

static ngx_inline uint64_t
ngx_http_genai_own_start(ngx_http_genai_ctx_t *ctx)
{
    return ctx->own_cost ? ngx_http_genai_now() : 0;
}


static ngx_inline void
ngx_http_genai_own_stop(ngx_http_genai_ctx_t *ctx, uint64_t start)
{
    if (ctx->own_cost) {
        ctx->own_ns += ngx_http_genai_now() - start;
    }
}


/* ngx_http_genai_request.c: request body tap, trace headers in and out */

ngx_int_t ngx_http_genai_preaccess_handler(ngx_http_request_t *r);
void ngx_http_genai_request_init(void);

/* "00-...-...-01" into GENAI_TRACEPARENT_LEN bytes; gives the length */
size_t ngx_http_genai_format_w3c(genai_call_t *c, u_char *buf);

/* where the call goes, as far as that is known before it does */
genai_str_t ngx_http_genai_target(ngx_http_request_t *r,
    ngx_http_genai_main_conf_t *mcf);

/* a call that was refused before our phase */
void ngx_http_genai_begin_late(ngx_http_request_t *r,
    ngx_http_genai_ctx_t *ctx, ngx_http_genai_loc_conf_t *lcf);

/* reads a request body that passed before our filter knew of the call */
void ngx_http_genai_request_catch_up(ngx_http_genai_ctx_t *ctx);


/* ngx_http_genai_response.c: header decision, body tap */

void ngx_http_genai_response_init(void);
ngx_uint_t ngx_http_genai_origin(ngx_http_request_t *r);  /* of a status */


/* ngx_http_genai_log.c: settle, count, record */

ngx_int_t ngx_http_genai_log_handler(ngx_http_request_t *r);
genai_str_t ngx_http_genai_server_host(ngx_http_upstream_srv_conf_t *uscf,
    in_port_t *port);

/* the region that prices the call, before it is sent */
genai_str_t ngx_http_genai_region(ngx_http_request_t *r,
    ngx_http_genai_ctx_t *ctx);
void ngx_http_genai_status_error(ngx_http_genai_ctx_t *ctx);
void ngx_http_genai_finish(ngx_http_genai_ctx_t *ctx, ngx_uint_t aborted);


/* ngx_http_genai_budget_conf.c */

char *ngx_http_genai_set_budget_zone(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_genai_set_budget(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_genai_set_budget_status(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
void ngx_http_genai_budget_create_conf(ngx_http_genai_loc_conf_t *conf);
ngx_int_t ngx_http_genai_budget_merge(ngx_conf_t *cf,
    ngx_http_genai_loc_conf_t *conf, ngx_http_genai_loc_conf_t *prev);

/* after all has been read: names, checks, shared memory */
ngx_int_t ngx_http_genai_budget_init(ngx_conf_t *cf,
    ngx_http_genai_main_conf_t *mcf);


/* ngx_http_genai_budget.c: admission and settlement */

ngx_int_t ngx_http_genai_budget_handler(ngx_http_request_t *r);

/* an internal redirect takes an admitted call elsewhere */
void ngx_http_genai_budget_redirect(ngx_http_genai_ctx_t *ctx);

/* the call has ended and has its price; once */
void ngx_http_genai_budget_settle(ngx_http_genai_ctx_t *ctx);

/* an answer goes on: its reservations are kept alive */
void ngx_http_genai_budget_alive(ngx_http_genai_ctx_t *ctx);

/* what is left under the tightest limit of an admitted call; GENAI_DECLINED:
 * there is none */
int ngx_http_genai_budget_left(ngx_http_genai_ctx_t *ctx,
    genai_budget_state_t *state, ngx_http_genai_budget_conf_t **conf);


/* ngx_http_genai_budget_api.c */

char *ngx_http_genai_set_budget_api(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
ngx_int_t ngx_http_genai_budget_api_handler(ngx_http_request_t *r);


/* ngx_http_genai_budget_deny.c */

/* RateLimit headers of an answer to an admitted call */
void ngx_http_genai_budget_header(ngx_http_request_t *r,
    ngx_http_genai_ctx_t *ctx);


/* ngx_http_genai_budget_shm.c: by the process that has the lease */

void ngx_http_genai_budget_sweep(ngx_http_genai_main_conf_t *mcf);

/* now: whether it is time or not; the last of a life */
void ngx_http_genai_budget_snapshots(ngx_http_genai_main_conf_t *mcf,
    ngx_uint_t now);
void ngx_http_genai_budget_unlock(ngx_http_genai_main_conf_t *mcf);


/* ngx_http_genai_capture.c */

char *ngx_http_genai_set_capture(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
void ngx_http_genai_capture_begin(ngx_http_genai_ctx_t *ctx);
void ngx_http_genai_capture_finish(ngx_http_genai_ctx_t *ctx);


/* ngx_http_genai_extract.c */

char *ngx_http_genai_set_extract(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
ngx_int_t ngx_http_genai_extract_merge(ngx_conf_t *cf,
    ngx_http_genai_loc_conf_t *conf);
void ngx_http_genai_extract_begin(ngx_http_genai_ctx_t *ctx);


/* ngx_http_genai_keep.c */

char *ngx_http_genai_set_keep(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
void ngx_http_genai_keep(ngx_http_genai_ctx_t *ctx);


/* ngx_http_genai_stream.c: where bytes are changed */

ngx_int_t ngx_http_genai_stream_handler(ngx_http_request_t *r);
void ngx_http_genai_stream_header(ngx_http_request_t *r,
    ngx_http_genai_ctx_t *ctx);
ngx_int_t ngx_http_genai_stream_filter(ngx_http_request_t *r,
    ngx_http_genai_ctx_t *ctx, ngx_chain_t *in,
    ngx_http_output_body_filter_pt next);
ngx_int_t ngx_http_genai_stream_send(ngx_http_request_t *r,
    ngx_http_genai_ctx_t *ctx, ngx_chain_t *in,
    ngx_http_output_body_filter_pt next);


/* ngx_http_genai_drain.c: the upstream is read on without a client */

char *ngx_http_genai_set_drain(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
ngx_int_t ngx_http_genai_drain_handler(ngx_http_request_t *r);

/* the request body is whole */
void ngx_http_genai_drain_request(ngx_http_genai_ctx_t *ctx);

/* 1: the header is not to be sent */
ngx_uint_t ngx_http_genai_drain_header(ngx_http_request_t *r,
    ngx_http_genai_ctx_t *ctx);
ngx_int_t ngx_http_genai_drain_filter(ngx_http_request_t *r,
    ngx_http_genai_ctx_t *ctx, ngx_chain_t *in,
    ngx_http_output_body_filter_pt next);


/* ngx_http_genai_stop.c: a stream ends at its budget */

void ngx_http_genai_stop_header(ngx_http_request_t *r,
    ngx_http_genai_ctx_t *ctx);

/* what is to be sent instead of in, NULL: nothing */
ngx_chain_t *ngx_http_genai_stream_stop(ngx_http_request_t *r,
    ngx_http_genai_ctx_t *ctx, ngx_chain_t *in);


/* ngx_http_genai_budget.c */

/* has this open stream used more than its budget has left?  *text: the
 * sentence for the client.  Asked after each piece of a stream with ctx->stop
 * until it says so once */
ngx_uint_t ngx_http_genai_budget_over(ngx_http_genai_ctx_t *ctx,
    genai_str_t *text);


/* ngx_http_genai_window.c */

ngx_int_t ngx_http_genai_whole_body(ngx_http_request_t *r,
    ngx_http_genai_ctx_t *ctx);

ngx_int_t ngx_http_genai_window_handler(ngx_http_request_t *r);
void ngx_http_genai_window_check(ngx_http_genai_ctx_t *ctx,
    const genai_price_row_t *row);
ngx_uint_t ngx_http_genai_has_error_page(ngx_http_request_t *r,
    ngx_int_t status);
ngx_int_t ngx_http_genai_refuse(ngx_http_request_t *r,
    ngx_http_genai_ctx_t *ctx, const genai_refusal_t *refusal,
    genai_str_t message);


/* ngx_http_genai_shm.c: zones, lanes, rows of open calls */

ngx_int_t ngx_http_genai_zones_add(ngx_conf_t *cf,
    ngx_http_genai_main_conf_t *mcf);
genai_labels_t *ngx_http_genai_labels(ngx_http_genai_main_conf_t *mcf);
genai_metrics_t *ngx_http_genai_metrics(ngx_http_genai_main_conf_t *mcf);
genai_queue_t *ngx_http_genai_queue(ngx_http_genai_main_conf_t *mcf);

/* one finished record into this process' lane; never blocks, never fails
 * loudly: what cannot be kept is counted by reason in the queue */
void ngx_http_genai_lane_write(ngx_http_genai_main_conf_t *mcf,
    const void *record, size_t len, ngx_uint_t flags);

/* gauges for the status location */
/* no such process; a zombie is none */
int ngx_http_genai_dead(void *data, int32_t pid, uint64_t start);

ngx_uint_t ngx_http_genai_in_flight(ngx_http_genai_main_conf_t *mcf);
uint64_t ngx_http_genai_spool_bytes(ngx_http_genai_main_conf_t *mcf);

void ngx_http_genai_row_open(ngx_http_genai_main_conf_t *mcf,
    ngx_http_genai_ctx_t *ctx);
void ngx_http_genai_row_close(ngx_http_genai_ctx_t *ctx);


/* ngx_http_genai_process.c: process hooks and the helper process */

ngx_int_t ngx_http_genai_init_module(ngx_cycle_t *cycle);
ngx_int_t ngx_http_genai_init_process(ngx_cycle_t *cycle);
void ngx_http_genai_exit_process(ngx_cycle_t *cycle);
void ngx_http_genai_exit_master(ngx_cycle_t *cycle);
ngx_msec_t ngx_http_genai_manager(void *data);   /* ngx_path_manager_pt */

/* this worker's open calls, walked when it is told to die */
extern ngx_queue_t  ngx_http_genai_open_calls;

/* worker's random state for ids, seeded in init_process */
extern genai_rand_t  ngx_http_genai_rand;


/* ngx_http_genai_variables.c */

ngx_int_t ngx_http_genai_add_variables(ngx_conf_t *cf);


/* ngx_http_genai_status.c: /metrics, healthz */

ngx_int_t ngx_http_genai_status_init(ngx_conf_t *cf,
    ngx_http_genai_main_conf_t *mcf);
ngx_int_t ngx_http_genai_status_handler(ngx_http_request_t *r);

/* gauges and accounts beside the registry, as of now; data: main conf */
const genai_metrics_view_t *ngx_http_genai_view(void *data);

/* an answer that grows; all zeros but request and last = &out */

typedef struct {
    ngx_http_request_t          *request;
    ngx_chain_t                 *out;
    ngx_chain_t                **last;
    ngx_buf_t                   *buf;
    off_t                        size;
} ngx_http_genai_text_t;


/* data: ngx_http_genai_text_t; GENAI_ERROR: no memory */
int ngx_http_genai_text_write(void *data, const char *buf, size_t len);

/* head and body, the status is set already */
ngx_int_t ngx_http_genai_text_send(ngx_http_request_t *r,
    ngx_http_genai_text_t *text, const char *type);


#endif /* NGX_HTTP_GENAI_MODULE_H */
