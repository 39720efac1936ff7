/*
 * The sink interface: encode a batch, send it, say what became of it.
 *
 * A sink knows nothing of lanes, cursors or spools: genai_exporter gives it
 * decoded calls, and moves cursors by what poll() reports.  One batch is
 * under way at a time.  All of it runs in the exporter process, on one
 * thread, and never blocks longer than the timeout it is given.
 */

#ifndef GENAI_SINK_H
#define GENAI_SINK_H

#include "genai_lib.h"
#include "genai_call.h"
#include "genai_metrics.h"


/* key = value, zero-terminated, e.g. a resource attribute or a setting */

typedef struct {
    const char  *key;
    const char  *value;
} genai_pair_t;


/* one genai_exporter block, checked by the configuration already */

typedef struct {
    const char         *type;         /* "otlp", "file" … */
    const char         *name;         /* label sink=, unique */

    /* otlp, http sinks */
    const char         *endpoint;     /* base URL, no trailing slash */
    const char         *proxy;
    const char         *tls_ca;
    const char         *tls_cert;
    const char         *tls_key;
    unsigned            tls_verify:1;
    unsigned            gzip:1;
    unsigned            traces:1;
    unsigned            metrics:1;
    unsigned            logs:1;
    unsigned            delta:1;      /* temporality */
    uint32_t            interval_ms;  /* longest wait for a batch to fill */
    uint32_t            metrics_interval_ms;
    uint32_t            batch;        /* records of a batch */
    uint32_t            timeout_ms;   /* of one request */
    const genai_pair_t *headers;
    size_t              nheaders;
    const genai_pair_t *header_files; /* value: path, re-read when changed */
    size_t              nheader_files;

    /* file */
    const char         *path;

    /* shared by all */
    const genai_pair_t *resource;     /* OTLP resource attributes */
    size_t              nresource;
    const char         *version;      /* of the module, for scope and agent */
    const char         *state;        /* directory for what a sink has to
                                         remember between processes; NULL:
                                         none */
} genai_sink_conf_t;


/* severity as syslog and nginx count: 2 crit, 3 error, 4 warn, 6 info */
typedef void (*genai_log_pt)(void *data, int level, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));


typedef enum {
    GENAI_SEND_PENDING = 0,
    GENAI_SEND_ACKED,                 /* all taken, but rejected of them */
    GENAI_SEND_UNCONFIRMED,           /* sent, nobody answers (UDP) */
    GENAI_SEND_REJECTED,              /* will never be taken: do not retry */
    GENAI_SEND_RETRY                  /* not now: 408, 429, 5xx, 401, 403 … */
} genai_send_e;


typedef struct {
    genai_send_e  outcome;
    uint32_t      rejected;           /* partial success */
    uint32_t      retry_after_ms;     /* 0: the receiver did not say */
    int           http_status;        /* 0: no answer */
    char          why[128];           /* for the log, no secrets */
} genai_send_result_t;


typedef struct genai_sink_s  genai_sink_t;


typedef struct {
    const char  *type;

    /* NULL on failure, with the reason in err */
    genai_sink_t *(*create)(const genai_sink_conf_t *conf, genai_log_pt log,
        void *log_data, char *err, size_t errlen);

    /* appends a span to the batch being built: GENAI_OK; GENAI_AGAIN: the
     * batch is full, send it first (nothing was added); GENAI_DECLINED: this
     * record can never be sent here (counted as rejected) */
    int (*add)(genai_sink_t *s, const genai_call_t *c);

    /* starts sending what was added; GENAI_OK or GENAI_ERROR */
    int (*send)(genai_sink_t *s);

    /* drives the transfer for at most wait_ms (0: look only) */
    genai_send_e (*poll)(genai_sink_t *s, uint32_t wait_ms,
        genai_send_result_t *res);

    /* drops the batch, built or under way; the sink is idle afterwards */
    void (*cancel)(genai_sink_t *s);

    /* NULL when the sink has no metrics.  Encodes and starts sending the
     * registry as of now; progress by poll_metrics, like poll.  view names
     * the groups and the samples of others, NULL: all groups, no samples.
     * GENAI_ERROR: nothing is under way, there was nothing to send */
    int (*send_metrics)(genai_sink_t *s, const genai_metrics_t *m,
        const genai_metrics_view_t *view, uint64_t now_unix_ns);
    genai_send_e (*poll_metrics)(genai_sink_t *s, uint32_t wait_ms,
        genai_send_result_t *res);

    /* USR1: files are reopened; may be NULL */
    void (*reopen)(genai_sink_t *s);

    void (*destroy)(genai_sink_t *s);
} genai_sink_ops_t;


/* the first member of every sink's own struct */

struct genai_sink_s {
    const genai_sink_ops_t   *ops;
    const genai_sink_conf_t  *conf;
    genai_log_pt              log;
    void                     *log_data;
};


extern const genai_sink_ops_t  genai_sink_otlp_ops;
extern const genai_sink_ops_t  genai_sink_file_ops;


/* "otlp", "file" … ; NULL when there is no such sink */
const genai_sink_ops_t *genai_sink_find(const char *type);


#endif /* GENAI_SINK_H */
