/*
 * HTTP for sinks over libcurl's multi interface.
 */

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <curl/curl.h>

#include "genai_http.h"


#define GENAI_HTTP_SECRET  8192        /* bytes of a header file */
#define GENAI_HTTP_DAY     86400


/* a header_file: what it held and how to see that it changed */

typedef struct {
    char            *line;             /* "Name: value", NULL: none yet */
    struct timespec  mtime;
    off_t            size;
    ino_t            ino;
    unsigned         bad:1;            /* complained about already */
} genai_http_secret_t;


struct genai_http_s {
    genai_http_conf_t     conf;
    genai_log_pt          log;
    void                 *log_data;
    CURLM                *multi;
    CURL                 *easy;
    struct curl_slist    *headers;     /* of the request under way */
    genai_http_secret_t  *secrets;
    unsigned              busy:1;
    unsigned              too_large:1;
    uint64_t              deadline;    /* monotonic ms */
    size_t                received;
    size_t                len;
    char                  error[CURL_ERROR_SIZE];
    char                  agent[96];
    uint8_t               body[GENAI_HTTP_KEEP];
};


static int genai_http_global(void);
static int genai_http_options(genai_http_t *h);
static int genai_http_headers(genai_http_t *h);
static int genai_http_header(struct curl_slist **list, const char *line);
static void genai_http_secret(genai_http_t *h, size_t n);
static char *genai_http_read(const char *path, char *buf, size_t size);
static size_t genai_http_body(char *data, size_t size, size_t n, void *h);
static void genai_http_perform(genai_http_t *h);
static int genai_http_finished(genai_http_t *h, genai_http_result_t *res);
static void genai_http_result(genai_http_t *h, CURLcode code,
    genai_http_result_t *res);
static void genai_http_end(genai_http_t *h);
static uint64_t genai_http_now(void);


genai_http_t *
genai_http_create(const genai_http_conf_t *conf, genai_log_pt log,
    void *log_data, char *err, size_t errlen)
{
    size_t         i;
    genai_http_t  *h;

    if (genai_http_global() != GENAI_OK) {
        snprintf(err, errlen, "libcurl cannot be initialised");
        return NULL;
    }

    h = calloc(1, sizeof(genai_http_t));
    if (h == NULL) {
        snprintf(err, errlen, "no memory");
        return NULL;
    }

    h->conf = *conf;
    h->log = log;
    h->log_data = log_data;

    snprintf(h->agent, sizeof(h->agent), "OTel-OTLP-Exporter-genai-nginx/%s",
             conf->version ? conf->version : "0");

    h->secrets = calloc(conf->nheader_files + 1, sizeof(genai_http_secret_t));
    h->multi = curl_multi_init();
    h->easy = curl_easy_init();

    if (h->secrets == NULL || h->multi == NULL || h->easy == NULL
        || genai_http_options(h) != GENAI_OK)
    {
        snprintf(err, errlen, "libcurl refuses the settings of \"%s\"",
                 conf->url);
        genai_http_destroy(h);
        return NULL;
    }

    for (i = 0; i < conf->nheader_files; i++) {
        genai_http_secret(h, i);
    }

    return h;
}


/* not before the first sink is made: the master must not have done it when
 * it forks */

static int
genai_http_global(void)
{
    static int  done;

    if (!done && curl_global_init(CURL_GLOBAL_ALL) != CURLE_OK) {
        return GENAI_ERROR;
    }

    done = 1;

    return GENAI_OK;
}


static int
genai_http_options(genai_http_t *h)
{
    long                      connect;
    CURL                     *e = h->easy;
    CURLcode                  rc;
    const genai_http_conf_t  *c = &h->conf;

    connect = c->connect_ms;

    if (connect == 0) {
        connect = c->timeout_ms / 2;
        connect = (connect == 0 || connect > 5000) ? 5000 : connect;
    }

    rc = curl_easy_setopt(e, CURLOPT_URL, c->url);

#if (LIBCURL_VERSION_NUM >= 0x075500)
    rc |= curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
#else
    rc |= curl_easy_setopt(e, CURLOPT_PROTOCOLS,
                           CURLPROTO_HTTP | CURLPROTO_HTTPS);
#endif

#if (LIBCURL_VERSION_NUM >= 0x075700)
    /* a resolver that hangs is left behind, not waited for */
    rc |= curl_easy_setopt(e, CURLOPT_QUICK_EXIT, 1L);
#endif

    rc |= curl_easy_setopt(e, CURLOPT_POST, 1L);
    rc |= curl_easy_setopt(e, CURLOPT_HTTP_VERSION,
                           (long) CURL_HTTP_VERSION_1_1);
    rc |= curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
    rc |= curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
    rc |= curl_easy_setopt(e, CURLOPT_USERAGENT, h->agent);
    rc |= curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, connect);
    rc |= curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, (long) c->timeout_ms);
    rc |= curl_easy_setopt(e, CURLOPT_TCP_KEEPALIVE, 1L);
    rc |= curl_easy_setopt(e, CURLOPT_MAXCONNECTS, 1L);
    rc |= curl_easy_setopt(e, CURLOPT_NETRC, (long) CURL_NETRC_IGNORED);
    rc |= curl_easy_setopt(e, CURLOPT_PROXY, c->proxy ? c->proxy : "");
    rc |= curl_easy_setopt(e, CURLOPT_SSL_VERIFYPEER,
                           c->tls_verify ? 1L : 0L);
    rc |= curl_easy_setopt(e, CURLOPT_SSL_VERIFYHOST,
                           c->tls_verify ? 2L : 0L);
    rc |= curl_easy_setopt(e, CURLOPT_SSLVERSION,
                           (long) CURL_SSLVERSION_TLSv1_2);
    rc |= curl_easy_setopt(e, CURLOPT_ERRORBUFFER, h->error);
    rc |= curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, genai_http_body);
    rc |= curl_easy_setopt(e, CURLOPT_WRITEDATA, h);

    if (c->tls_ca) {
        rc |= curl_easy_setopt(e, CURLOPT_CAINFO, c->tls_ca);
    }

    if (c->tls_cert) {
        rc |= curl_easy_setopt(e, CURLOPT_SSLCERT, c->tls_cert);
    }

    if (c->tls_key) {
        rc |= curl_easy_setopt(e, CURLOPT_SSLKEY, c->tls_key);
    }

    return (rc == CURLE_OK) ? GENAI_OK : GENAI_ERROR;
}


int
genai_http_post(genai_http_t *h, const void *body, size_t len)
{
    if (h->busy) {
        return GENAI_AGAIN;
    }

    if (genai_http_headers(h) != GENAI_OK) {
        return GENAI_ERROR;
    }

    h->received = 0;
    h->len = 0;
    h->too_large = 0;
    h->error[0] = '\0';

    curl_easy_setopt(h->easy, CURLOPT_HTTPHEADER, h->headers);
    curl_easy_setopt(h->easy, CURLOPT_POSTFIELDS, body);
    curl_easy_setopt(h->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t) len);

    if (curl_multi_add_handle(h->multi, h->easy) != CURLM_OK) {
        return GENAI_ERROR;
    }

    h->busy = 1;

    /* libcurl's own timeout does not hold while a name is being resolved */

    h->deadline = genai_http_now() + h->conf.timeout_ms + 200;

    genai_http_perform(h);

    return GENAI_OK;
}


static int
genai_http_headers(genai_http_t *h)
{
    int                       rc;
    char                      line[GENAI_HTTP_SECRET];
    size_t                    i;
    const genai_http_conf_t  *c = &h->conf;

    curl_slist_free_all(h->headers);
    h->headers = NULL;

    /* "Expect:" asks libcurl not to wait for 100 Continue */

    rc = genai_http_header(&h->headers, "Expect:");

    if (c->content_type) {
        snprintf(line, sizeof(line), "Content-Type: %s", c->content_type);
        rc |= genai_http_header(&h->headers, line);
    }

    if (c->gzip) {
        rc |= genai_http_header(&h->headers, "Content-Encoding: gzip");
    }

    for (i = 0; i < c->nheaders; i++) {
        snprintf(line, sizeof(line), "%s: %s", c->headers[i].key,
                 c->headers[i].value);
        rc |= genai_http_header(&h->headers, line);
    }

    for (i = 0; i < c->nheader_files; i++) {
        genai_http_secret(h, i);

        if (h->secrets[i].line) {
            rc |= genai_http_header(&h->headers, h->secrets[i].line);
        }
    }

    return rc ? GENAI_ERROR : GENAI_OK;
}


static int
genai_http_header(struct curl_slist **list, const char *line)
{
    struct curl_slist  *more;

    more = curl_slist_append(*list, line);
    if (more == NULL) {
        return GENAI_ERROR;
    }

    *list = more;

    return GENAI_OK;
}


/* reads a header_file again when it changed; what was read before stays in
 * use as long as there is nothing better */

static void
genai_http_secret(genai_http_t *h, size_t n)
{
    char                 *value, *line, buf[GENAI_HTTP_SECRET];
    size_t                len;
    struct stat           st;
    const char           *why;
    const genai_pair_t   *p = &h->conf.header_files[n];
    genai_http_secret_t  *s = &h->secrets[n];

    if (stat(p->value, &st) != 0) {
        why = strerror(errno);
        goto bad;
    }

    if (s->line && st.st_size == s->size && st.st_ino == s->ino
        && st.st_mtim.tv_sec == s->mtime.tv_sec
        && st.st_mtim.tv_nsec == s->mtime.tv_nsec)
    {
        return;
    }

    value = genai_http_read(p->value, buf, sizeof(buf));

    if (value == NULL) {
        why = "it is not one line of at most 8 KB";
        goto bad;
    }

    len = strlen(p->key) + strlen(value) + 3;
    line = malloc(len);

    if (line == NULL) {
        why = "no memory";
        goto bad;
    }

    snprintf(line, len, "%s: %s", p->key, value);
    explicit_bzero(buf, sizeof(buf));

    if (s->line) {
        explicit_bzero(s->line, strlen(s->line));
        free(s->line);
    }

    s->line = line;
    s->size = st.st_size;
    s->ino = st.st_ino;
    s->mtime = st.st_mtim;
    s->bad = 0;

    return;

bad:

    if (!s->bad && h->log) {
        h->log(h->log_data, 3, "the value of header \"%s\" cannot be read "
               "from \"%s\": %s", p->key, p->value, why);
    }

    s->bad = 1;
}


/* one line without the end of it; NULL when it is none */

static char *
genai_http_read(const char *path, char *buf, size_t size)
{
    int      fd;
    char    *p;
    ssize_t  n;

    fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd == -1) {
        return NULL;
    }

    n = read(fd, buf, size - 1);
    close(fd);

    if (n <= 0 || (size_t) n == size - 1) {
        return NULL;
    }

    while (n > 0 && isspace((unsigned char) buf[n - 1])) {
        n--;
    }

    buf[n] = '\0';

    for (p = buf; *p == ' ' || *p == '\t'; p++) { /* void */ }

    if (strlen(p) != (size_t) (buf + n - p) || strpbrk(p, "\r\n") != NULL) {
        return NULL;
    }

    return (*p == '\0') ? NULL : p;
}


static size_t
genai_http_body(char *data, size_t size, size_t n, void *hp)
{
    size_t         room;
    genai_http_t  *h = hp;

    n *= size;
    h->received += n;

    if (h->received > GENAI_HTTP_RESPONSE) {
        h->too_large = 1;
        return 0;
    }

    room = GENAI_HTTP_KEEP - h->len;
    room = (n < room) ? n : room;

    memcpy(h->body + h->len, data, room);
    h->len += room;

    return n;
}


int
genai_http_poll(genai_http_t *h, uint32_t wait_ms, genai_http_result_t *res)
{
    int       rc;
    uint64_t  now, until;

    if (!h->busy) {
        return GENAI_DECLINED;
    }

    until = genai_http_now() + wait_ms;

    for ( ;; ) {
        genai_http_perform(h);

        rc = genai_http_finished(h, res);
        if (rc != GENAI_AGAIN) {
            return rc;
        }

        now = genai_http_now();

        if (now >= h->deadline) {
            memset(res, 0, sizeof(genai_http_result_t));
            snprintf(res->error, sizeof(res->error), "timed out");
            genai_http_cancel(h);
            return GENAI_OK;
        }

        if (now >= until) {
            return GENAI_AGAIN;
        }

        now = (until < h->deadline ? until : h->deadline) - now;

        if (curl_multi_poll(h->multi, NULL, 0, (int) now, NULL) != CURLM_OK) {
            until = 0;
        }
    }
}


/* libcurl starts its resolver thread in here: it inherits a mask that leaves
 * every signal to this thread */

static void
genai_http_perform(genai_http_t *h)
{
    int       running;
    sigset_t  all, old;

    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &old);

    (void) curl_multi_perform(h->multi, &running);

    pthread_sigmask(SIG_SETMASK, &old, NULL);
}


static int
genai_http_finished(genai_http_t *h, genai_http_result_t *res)
{
    int       left;
    CURLMsg  *msg;

    while ((msg = curl_multi_info_read(h->multi, &left)) != NULL) {
        if (msg->msg == CURLMSG_DONE && msg->easy_handle == h->easy) {
            genai_http_result(h, msg->data.result, res);
            genai_http_end(h);
            return GENAI_OK;
        }
    }

    return GENAI_AGAIN;
}


static void
genai_http_result(genai_http_t *h, CURLcode code, genai_http_result_t *res)
{
    long         status;
    char        *type;
    curl_off_t   after;
    const char  *why;

    memset(res, 0, sizeof(genai_http_result_t));

    res->body = h->body;
    res->len = h->len;
    res->too_large = h->too_large;

    if (code != CURLE_OK && !h->too_large) {
        why = h->error[0] ? h->error : curl_easy_strerror(code);
        snprintf(res->error, sizeof(res->error), "%.95s", why);
        res->len = 0;
        return;
    }

    if (curl_easy_getinfo(h->easy, CURLINFO_RESPONSE_CODE, &status)
        == CURLE_OK)
    {
        res->status = (int) status;
    }

    if (curl_easy_getinfo(h->easy, CURLINFO_RETRY_AFTER, &after) == CURLE_OK
        && after > 0)
    {
        after = (after < GENAI_HTTP_DAY) ? after : GENAI_HTTP_DAY;
        res->retry_after_ms = (uint32_t) after * 1000;
    }

    type = NULL;

    if (curl_easy_getinfo(h->easy, CURLINFO_CONTENT_TYPE, &type) == CURLE_OK
        && type)
    {
        res->json = (strncasecmp(type, "application/json", 16) == 0);
    }
}


static void
genai_http_end(genai_http_t *h)
{
    (void) curl_multi_remove_handle(h->multi, h->easy);
    h->busy = 0;
}


int
genai_http_busy(const genai_http_t *h)
{
    return h->busy;
}


void
genai_http_cancel(genai_http_t *h)
{
    if (h->busy) {
        genai_http_end(h);
    }
}


void
genai_http_destroy(genai_http_t *h)
{
    size_t  i;

    if (h == NULL) {
        return;
    }

    genai_http_cancel(h);

    if (h->easy) {
        curl_easy_cleanup(h->easy);
    }

    if (h->multi) {
        (void) curl_multi_cleanup(h->multi);
    }

    curl_slist_free_all(h->headers);

    for (i = 0; h->secrets && i < h->conf.nheader_files; i++) {
        if (h->secrets[i].line) {
            explicit_bzero(h->secrets[i].line, strlen(h->secrets[i].line));
            free(h->secrets[i].line);
        }
    }

    free(h->secrets);
    free(h);
}


static uint64_t
genai_http_now(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000 + (uint64_t) ts.tv_nsec / 1000000;
}
