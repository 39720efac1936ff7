/*
 * OTLP/JSON lines in a file, as the OpenTelemetry Collector's otlpjsonfile
 * receiver reads them: each line is one ExportTraceServiceRequest (OTLP 1.11,
 * JSON mapping: lowerCamelCase, ids in hex, 64-bit integers as strings).
 *
 * A batch is written by one write() under a lock, since two masters may share
 * the file during a binary upgrade.  What a full disk cut off is taken back;
 * what a death cut off is closed by a newline before the next batch.
 */

#include "genai_sink.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "genai_span.h"


/* the receiver's lines end at 1 MiB by default */
#define GENAI_FILE_LINE   (256 * 1024)
#define GENAI_FILE_BATCH  (16 * 1024 * 1024)
#define GENAI_FILE_BUF    (64 * 1024)

#define GENAI_FILE_TAIL   "]}]}]}\n"


typedef struct {
    genai_sink_t   sink;

    int            fd;
    dev_t          dev;
    ino_t          ino;

    char          *buf;
    size_t         len;
    size_t         size;
    size_t         line;               /* where the open line begins */
    unsigned       open:1;             /* a line is begun */
    unsigned       first:1;            /* no attribute written yet */
    unsigned       sent:1;
    int            err;                /* errno of the write, 0: written */

    char          *head;               /* up to the spans */
    size_t         head_len;
} genai_sink_file_t;


static genai_sink_t *genai_file_create(const genai_sink_conf_t *conf,
    genai_log_pt log, void *log_data, char *err, size_t errlen);
static int genai_file_head(genai_sink_file_t *s);
static int genai_file_add(genai_sink_t *sink, const genai_call_t *c);
static int genai_file_status(genai_sink_file_t *s, const genai_span_t *span);
static int genai_file_event(genai_sink_file_t *s, const genai_call_t *c);
static int genai_file_attr(void *data, const genai_span_attr_t *a);
static int genai_file_send(genai_sink_t *sink);
static int genai_file_open(genai_sink_file_t *s);
static int genai_file_write(genai_sink_file_t *s);
static genai_send_e genai_file_poll(genai_sink_t *sink, uint32_t wait_ms,
    genai_send_result_t *res);
static void genai_file_cancel(genai_sink_t *sink);
static void genai_file_reopen(genai_sink_t *sink);
static void genai_file_destroy(genai_sink_t *sink);
static int genai_file_room(genai_sink_file_t *s, size_t n);
static void genai_file_raw(genai_sink_file_t *s, const char *p, size_t n);
static int genai_file_string(genai_sink_file_t *s, genai_str_t v);
static void genai_file_hex(genai_sink_file_t *s, const uint8_t *p, size_t n);
static void genai_file_uint(genai_sink_file_t *s, uint64_t v);
static void genai_file_double(genai_sink_file_t *s, double v);


#define genai_file_lit(s, lit)  genai_file_raw(s, lit, sizeof(lit) - 1)


const genai_sink_ops_t  genai_sink_file_ops = {
    .type = "file",
    .create = genai_file_create,
    .add = genai_file_add,
    .send = genai_file_send,
    .poll = genai_file_poll,
    .cancel = genai_file_cancel,
    .reopen = genai_file_reopen,
    .destroy = genai_file_destroy
};


static genai_sink_t *
genai_file_create(const genai_sink_conf_t *conf, genai_log_pt log,
    void *log_data, char *err, size_t errlen)
{
    genai_sink_file_t  *s;

    s = calloc(1, sizeof(genai_sink_file_t));

    if (s == NULL) {
        snprintf(err, errlen, "no memory");
        return NULL;
    }

    s->sink.ops = &genai_sink_file_ops;
    s->sink.conf = conf;
    s->sink.log = log;
    s->sink.log_data = log_data;
    s->fd = -1;

    if (genai_file_head(s) != GENAI_OK) {
        snprintf(err, errlen, "no memory");
        genai_file_destroy(&s->sink);
        return NULL;
    }

    return &s->sink;
}


/* resource and scope are the same in every line */

static int
genai_file_head(genai_sink_file_t *s)
{
    size_t               i;
    const genai_pair_t  *p;

    if (genai_file_room(s, 64) != GENAI_OK) {
        return GENAI_ERROR;
    }

    genai_file_lit(s, "{\"resourceSpans\":[{\"resource\":{\"attributes\":[");

    for (i = 0; i < s->sink.conf->nresource; i++) {
        p = &s->sink.conf->resource[i];

        if (genai_file_room(s, 64) != GENAI_OK) {
            return GENAI_ERROR;
        }

        if (i) {
            genai_file_lit(s, ",");
        }

        genai_file_lit(s, "{\"key\":");

        if (genai_file_string(s, genai_strz(p->key)) != GENAI_OK) {
            return GENAI_ERROR;
        }

        genai_file_lit(s, ",\"value\":{\"stringValue\":");

        if (genai_file_string(s, genai_strz(p->value)) != GENAI_OK) {
            return GENAI_ERROR;
        }

        genai_file_lit(s, "}}");
    }

    if (genai_file_room(s, 128) != GENAI_OK) {
        return GENAI_ERROR;
    }

    genai_file_lit(s, "]},\"scopeSpans\":[{\"scope\":{\"name\":\""
                      GENAI_SPAN_SCOPE "\"");

    if (s->sink.conf->version) {
        genai_file_lit(s, ",\"version\":");

        if (genai_file_string(s, genai_strz(s->sink.conf->version))
            != GENAI_OK)
        {
            return GENAI_ERROR;
        }
    }

    if (genai_file_room(s, 64) != GENAI_OK) {
        return GENAI_ERROR;
    }

    genai_file_lit(s, "},\"spans\":[");

    s->head = malloc(s->len);
    if (s->head == NULL) {
        return GENAI_ERROR;
    }

    memcpy(s->head, s->buf, s->len);
    s->head_len = s->len;
    s->len = 0;

    return GENAI_OK;
}


static int
genai_file_add(genai_sink_t *sink, const genai_call_t *c)
{
    size_t              len, line;
    unsigned            open;
    genai_span_t        span;
    genai_sink_file_t  *s = (genai_sink_file_t *) sink;

    /* it may be there for its log record alone */

    if (!c->sampled) {
        return GENAI_OK;
    }

    if (s->len > GENAI_FILE_BATCH) {
        return GENAI_AGAIN;
    }

    len = s->len;
    line = s->line;
    open = s->open;

    if (genai_file_room(s, s->head_len + 512) != GENAI_OK) {
        return GENAI_AGAIN;
    }

    if (s->open && s->len - s->line > GENAI_FILE_LINE) {
        genai_file_lit(s, GENAI_FILE_TAIL);
        s->open = 0;
    }

    if (s->open) {
        genai_file_lit(s, ",");

    } else {
        s->line = s->len;
        s->open = 1;
        genai_file_raw(s, s->head, s->head_len);
    }

    genai_span_init(&span, c);

    genai_file_lit(s, "{\"traceId\":\"");
    genai_file_hex(s, span.trace_id, 16);
    genai_file_lit(s, "\",\"spanId\":\"");
    genai_file_hex(s, span.span_id, 8);

    if (span.parent_id) {
        genai_file_lit(s, "\",\"parentSpanId\":\"");
        genai_file_hex(s, span.parent_id, 8);
    }

    genai_file_lit(s, "\",\"flags\":");
    genai_file_uint(s, span.flags);
    genai_file_lit(s, ",\"kind\":");
    genai_file_uint(s, span.kind);
    genai_file_lit(s, ",\"startTimeUnixNano\":\"");
    genai_file_uint(s, span.start_unix_ns);
    genai_file_lit(s, "\",\"endTimeUnixNano\":\"");
    genai_file_uint(s, span.end_unix_ns);
    genai_file_lit(s, "\",\"name\":");

    if (genai_file_string(s, span.name) != GENAI_OK) {
        goto failed;
    }

    if (span.trace_state.len) {
        genai_file_lit(s, ",\"traceState\":");

        if (genai_file_string(s, span.trace_state) != GENAI_OK) {
            goto failed;
        }
    }

    genai_file_lit(s, ",\"attributes\":[");
    s->first = 1;

    if (genai_span_attrs(c, genai_file_attr, s) != GENAI_OK) {
        goto failed;
    }

    if (genai_file_room(s, 256) != GENAI_OK) {
        goto failed;
    }

    genai_file_lit(s, "]");

    if (genai_file_event(s, c) != GENAI_OK
        || genai_file_status(s, &span) != GENAI_OK)
    {
        goto failed;
    }

    return GENAI_OK;

failed:

    s->len = len;
    s->line = line;
    s->open = open;

    return GENAI_AGAIN;
}


static int
genai_file_status(genai_sink_file_t *s, const genai_span_t *span)
{
    genai_file_lit(s, ",\"status\":{");

    if (span->status) {
        genai_file_lit(s, "\"code\":");
        genai_file_uint(s, span->status);

        if (span->message.len) {
            genai_file_lit(s, ",\"message\":");

            if (genai_file_string(s, span->message) != GENAI_OK) {
                return GENAI_ERROR;
            }
        }
    }

    genai_file_lit(s, "}}");

    return GENAI_OK;
}


/* leaves room for what follows */

static int
genai_file_event(genai_sink_file_t *s, const genai_call_t *c)
{
    genai_span_event_t  e;

    if (genai_span_event(c, &e) != GENAI_OK) {
        return GENAI_OK;
    }

    genai_file_lit(s, ",\"events\":[{\"timeUnixNano\":\"");
    genai_file_uint(s, e.time_unix_ns);
    genai_file_lit(s, "\",\"name\":");

    if (genai_file_string(s, e.name) != GENAI_OK) {
        return GENAI_ERROR;
    }

    genai_file_lit(s, ",\"attributes\":[");
    s->first = 1;

    if (genai_span_event_attrs(c, genai_file_attr, s) != GENAI_OK
        || genai_file_room(s, 128) != GENAI_OK)
    {
        return GENAI_ERROR;
    }

    genai_file_lit(s, "]}]");

    return GENAI_OK;
}


static int
genai_file_attr(void *data, const genai_span_attr_t *a)
{
    size_t              i;
    genai_sink_file_t  *s = data;

    if (genai_file_room(s, 64) != GENAI_OK) {
        return GENAI_ERROR;
    }

    if (s->first) {
        s->first = 0;
        genai_file_lit(s, "{\"key\":");

    } else {
        genai_file_lit(s, ",{\"key\":");
    }

    if (genai_file_string(s, a->key) != GENAI_OK) {
        return GENAI_ERROR;
    }

    switch (a->type) {

    case GENAI_ATTR_STRING:
        genai_file_lit(s, ",\"value\":{\"stringValue\":");

        if (genai_file_string(s, a->s) != GENAI_OK) {
            return GENAI_ERROR;
        }

        break;

    case GENAI_ATTR_INT:
        genai_file_lit(s, ",\"value\":{\"intValue\":\"");

        if (a->i < 0) {
            genai_file_lit(s, "-");
        }

        genai_file_uint(s, a->i < 0 ? 0 - (uint64_t) a->i : (uint64_t) a->i);
        genai_file_lit(s, "\"");
        break;

    case GENAI_ATTR_DOUBLE:
        genai_file_lit(s, ",\"value\":{\"doubleValue\":");
        genai_file_double(s, a->d);
        break;

    case GENAI_ATTR_BOOL:
        if (a->i) {
            genai_file_lit(s, ",\"value\":{\"boolValue\":true");

        } else {
            genai_file_lit(s, ",\"value\":{\"boolValue\":false");
        }

        break;

    case GENAI_ATTR_STRINGS:
        genai_file_lit(s, ",\"value\":{\"arrayValue\":{\"values\":[");

        for (i = 0; i < a->nlist; i++) {

            if (i) {
                genai_file_lit(s, ",");
            }

            genai_file_lit(s, "{\"stringValue\":");

            if (genai_file_string(s, a->list[i]) != GENAI_OK) {
                return GENAI_ERROR;
            }

            genai_file_lit(s, "}");
        }

        genai_file_lit(s, "]}");
        break;
    }

    genai_file_lit(s, "}}");

    return GENAI_OK;
}


static int
genai_file_send(genai_sink_t *sink)
{
    genai_sink_file_t  *s = (genai_sink_file_t *) sink;

    if (s->open) {
        if (genai_file_room(s, 16) != GENAI_OK) {
            return GENAI_ERROR;
        }

        genai_file_lit(s, GENAI_FILE_TAIL);
        s->open = 0;
    }

    s->err = genai_file_open(s) == GENAI_OK
             && genai_file_write(s) == GENAI_OK ? 0 : errno;
    s->sent = 1;

    return GENAI_OK;
}


/* a file that was moved away or deleted is not the one that is meant */

static int
genai_file_open(genai_sink_file_t *s)
{
    struct stat  st;

    if (s->fd != -1) {
        if (stat(s->sink.conf->path, &st) == 0 && st.st_dev == s->dev
            && st.st_ino == s->ino)
        {
            return GENAI_OK;
        }

        close(s->fd);
    }

    s->fd = open(s->sink.conf->path,
                 O_RDWR|O_APPEND|O_CREAT|O_CLOEXEC|O_NONBLOCK, 0640);

    if (s->fd == -1) {
        return GENAI_ERROR;
    }

    if (fstat(s->fd, &st) == -1) {
        close(s->fd);
        s->fd = -1;
        return GENAI_ERROR;
    }

    s->dev = st.st_dev;
    s->ino = st.st_ino;

    return GENAI_OK;
}


static int
genai_file_write(genai_sink_file_t *s)
{
    int          err, regular;
    char         last = '\n';
    size_t       n;
    ssize_t      rc;
    struct stat  st;

    (void) flock(s->fd, LOCK_EX);

    if (fstat(s->fd, &st) == -1) {
        err = errno;
        goto failed;
    }

    regular = S_ISREG(st.st_mode);

    if (regular && st.st_size > 0
        && pread(s->fd, &last, 1, st.st_size - 1) == 1 && last != '\n'
        && write(s->fd, "\n", 1) != 1)
    {
        err = errno;
        goto failed;
    }

    for (n = 0; n < s->len; n += (size_t) rc) {

        rc = write(s->fd, s->buf + n, s->len - n);

        if (rc > 0) {
            continue;
        }

        if (rc == -1 && errno == EINTR) {
            rc = 0;
            continue;
        }

        err = rc == -1 ? errno : ENOSPC;

        if (regular && n && ftruncate(s->fd, st.st_size) == -1) {
            err = errno;
        }

        goto failed;
    }

    (void) flock(s->fd, LOCK_UN);

    return GENAI_OK;

failed:

    (void) flock(s->fd, LOCK_UN);
    errno = err;

    return GENAI_ERROR;
}


static genai_send_e
genai_file_poll(genai_sink_t *sink, uint32_t wait_ms,
    genai_send_result_t *res)
{
    genai_sink_file_t  *s = (genai_sink_file_t *) sink;

    (void) wait_ms;

    if (!s->sent) {
        return GENAI_SEND_PENDING;
    }

    s->sent = 0;
    s->len = 0;

    if (s->err == 0) {
        res->outcome = GENAI_SEND_ACKED;

    } else {
        res->outcome = GENAI_SEND_RETRY;
        snprintf(res->why, sizeof(res->why), "cannot write \"%.64s\": %s",
                 sink->conf->path, strerror(s->err));
    }

    return res->outcome;
}


static void
genai_file_cancel(genai_sink_t *sink)
{
    genai_sink_file_t  *s = (genai_sink_file_t *) sink;

    s->len = 0;
    s->open = 0;
    s->sent = 0;
}


static void
genai_file_reopen(genai_sink_t *sink)
{
    genai_sink_file_t  *s = (genai_sink_file_t *) sink;

    if (s->fd != -1) {
        close(s->fd);
        s->fd = -1;
    }
}


static void
genai_file_destroy(genai_sink_t *sink)
{
    genai_sink_file_t  *s = (genai_sink_file_t *) sink;

    genai_file_reopen(sink);

    free(s->head);
    free(s->buf);
    free(s);
}


/* the buffer; room() is asked before a group of short pieces, a string asks
 * for itself and leaves room for what follows it */

static int
genai_file_room(genai_sink_file_t *s, size_t n)
{
    char    *p;
    size_t   size;

    if (s->size - s->len >= n) {
        return GENAI_OK;
    }

    size = s->size ? s->size * 2 : GENAI_FILE_BUF;

    while (size - s->len < n) {
        size *= 2;
    }

    p = realloc(s->buf, size);
    if (p == NULL) {
        return GENAI_ERROR;
    }

    s->buf = p;
    s->size = size;

    return GENAI_OK;
}


static void
genai_file_raw(genai_sink_file_t *s, const char *p, size_t n)
{
    memcpy(s->buf + s->len, p, n);
    s->len += n;
}


static int
genai_file_string(genai_sink_file_t *s, genai_str_t v)
{
    char        *p;
    size_t       i;
    uint8_t      ch;

    static const char  hex[] = "0123456789abcdef";

    if (genai_file_room(s, v.len * 6 + 256) != GENAI_OK) {
        return GENAI_ERROR;
    }

    p = s->buf + s->len;
    *p++ = '"';

    for (i = 0; i < v.len; i++) {
        ch = (uint8_t) v.data[i];

        if (genai_likely(ch >= 0x20 && ch != '"' && ch != '\\')) {
            *p++ = (char) ch;
            continue;
        }

        *p++ = '\\';

        switch (ch) {
        case '"':
        case '\\':
            *p++ = (char) ch;
            break;

        case '\n':
            *p++ = 'n';
            break;

        case '\t':
            *p++ = 't';
            break;

        default:
            *p++ = 'u';
            *p++ = '0';
            *p++ = '0';
            *p++ = hex[ch >> 4];
            *p++ = hex[ch & 15];
        }
    }

    *p++ = '"';
    s->len = (size_t) (p - s->buf);

    return GENAI_OK;
}


static void
genai_file_hex(genai_sink_file_t *s, const uint8_t *p, size_t n)
{
    static const char  hex[] = "0123456789abcdef";

    while (n--) {
        s->buf[s->len++] = hex[*p >> 4];
        s->buf[s->len++] = hex[*p++ & 15];
    }
}


static void
genai_file_uint(genai_sink_file_t *s, uint64_t v)
{
    char  buf[20], *p;

    p = buf + sizeof(buf);

    do {
        *--p = (char) ('0' + v % 10);
        v /= 10;
    } while (v);

    genai_file_raw(s, p, (size_t) (buf + sizeof(buf) - p));
}


/* the shortest of two lengths that reads back as the same number */

static void
genai_file_double(genai_sink_file_t *s, double v)
{
    int   n;
    char  buf[32];

    n = snprintf(buf, sizeof(buf), "%.15g", v);

    if (strtod(buf, NULL) != v) {
        n = snprintf(buf, sizeof(buf), "%.17g", v);
    }

    genai_file_raw(s, buf, (size_t) n);
}
