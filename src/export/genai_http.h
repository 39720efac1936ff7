/*
 * HTTP for sinks: one POST at a time per handle over libcurl's multi
 * interface, driven by whoever calls genai_http_poll().  No thread of ours
 * (libcurl resolves names in one of its own, with all signals blocked), no
 * signals, nothing waits longer than it is told to.
 *
 * HTTP/1.1 only: libcurl 7.88 cannot reuse a connection of h2c.  Redirects
 * are not followed; the environment's proxies and .netrc are not read.
 */

#ifndef GENAI_HTTP_H
#define GENAI_HTTP_H

#include "genai_lib.h"
#include "genai_sink.h"


#define GENAI_HTTP_KEEP      (64 * 1024)        /* bytes of an answer kept */
#define GENAI_HTTP_RESPONSE  (4 * 1024 * 1024)  /* more is refused: OTLP */


typedef struct genai_http_s  genai_http_t;


/* strings stay the caller's and must live as long as the handle */

typedef struct {
    const char          *url;
    const char          *content_type;
    const char          *proxy;            /* NULL: none */
    const char          *tls_ca;           /* file; NULL: the system's */
    const char          *tls_cert;
    const char          *tls_key;
    const char          *version;          /* of the module, in User-Agent */
    const genai_pair_t  *headers;
    size_t               nheaders;
    const genai_pair_t  *header_files;     /* read again when they change */
    size_t               nheader_files;
    uint32_t             timeout_ms;       /* of a whole request */
    uint32_t             connect_ms;       /* 0: half of it, at most 5 s */
    unsigned             tls_verify:1;
    unsigned             gzip:1;           /* bodies are gzip already */
} genai_http_conf_t;


typedef struct {
    int                  status;           /* 0: no answer */
    unsigned             too_large:1;      /* the answer passed the limit */
    unsigned             json:1;           /* by its Content-Type */
    uint32_t             retry_after_ms;   /* seconds or a date; 0: not said,
                                              a day at most */
    const uint8_t       *body;             /* until the next post */
    size_t               len;              /* GENAI_HTTP_KEEP at most */
    char                 error[96];        /* when there is no answer */
} genai_http_result_t;


/* NULL on failure, with the reason in err */
genai_http_t *genai_http_create(const genai_http_conf_t *conf,
    genai_log_pt log, void *log_data, char *err, size_t errlen);

/* starts a POST; body is not copied and must stay until the end.  GENAI_OK;
 * GENAI_AGAIN: one is under way; GENAI_ERROR: no memory */
int genai_http_post(genai_http_t *h, const void *body, size_t len);

/* drives it for at most wait_ms; GENAI_AGAIN: not finished yet; GENAI_OK: it
 * is, res says how; GENAI_DECLINED: nothing is under way */
int genai_http_poll(genai_http_t *h, uint32_t wait_ms,
    genai_http_result_t *res);

int genai_http_busy(const genai_http_t *h);

/* drops what is under way and its connection */
void genai_http_cancel(genai_http_t *h);

/* NULL is allowed */
void genai_http_destroy(genai_http_t *h);


#endif /* GENAI_HTTP_H */
