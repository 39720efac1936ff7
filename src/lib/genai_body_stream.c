/*
 * Answers in events: AWS event stream, with JSON or with chunks of base64
 * JSON in its frames, Server-Sent Events, and a JSON document per line.
 *
 * Until the first visible token every event is looked into.  After it, the
 * JSON of text deltas is not: their frames are checksummed and counted, and
 * the size of their text is what the payload has beyond an empty delta.
 */

#include "genai_body_stream.h"


/* what is done with the payload of the event at hand */

typedef enum {
    STATE_PASS = 0,               /* nothing */
    STATE_JSON,
    STATE_DELTA,                  /* measured; its last bytes are kept */
    STATE_PREFIX,                 /* may be a chunk with a text delta */
    STATE_BASE64,                 /* is one: measured up to the quote */
    STATE_START                   /* SSE, lines: the first byte decides */
} genai_body_state_e;


static int genai_body_on_frame(void *data, const genai_es_frame_t *f);
static void genai_body_on_payload(void *data, const char *buf, size_t len);
static void genai_body_on_end(void *data, const genai_es_frame_t *f, int ok);
static int genai_body_on_whole(void *data, const genai_es_frame_t *f,
    const char *buf);
static void genai_body_lines(genai_body_t *b, const char *buf, size_t len);
static int genai_body_lines_end(genai_body_t *b);
static void genai_body_on_sse_begin(void *data, genai_str_t event);
static void genai_body_on_sse_data(void *data, const char *buf, size_t len);
static void genai_body_on_sse_end(void *data, genai_str_t event);
static void genai_body_event_reset(genai_body_t *b);
static void genai_body_event_find(genai_body_t *b, genai_str_t type);
static int genai_body_event_begin(genai_body_t *b);
static void genai_body_event_json(genai_body_t *b,
    const genai_json_program_t *program);
static int genai_body_chunk_begin(genai_body_t *b);
static void genai_body_chunk_json(genai_body_t *b);
static void genai_body_prefix(genai_body_t *b, const char *buf, size_t len);
static void genai_body_delta_begin(genai_body_t *b,
    const genai_api_delta_t *d, const char *buf, size_t len);
static void genai_body_tail(genai_body_t *b, const char *buf, size_t len);
static void genai_body_base64(genai_body_t *b, const char *buf, size_t len);
static void genai_body_event_end(genai_body_t *b);
static inline void genai_body_event_count(genai_body_t *b, unsigned visible);
static unsigned genai_body_delta_end(genai_body_t *b, size_t len,
    size_t around);
static size_t genai_body_padding(const char *tail);
static void genai_body_frame_error(genai_body_t *b,
    const genai_es_frame_t *f);
static void genai_body_inner(genai_body_t *b, const char *buf, size_t len);
static void genai_body_stream_bad(genai_body_t *b, const char *type);


static const genai_es_handler_t  genai_body_frames = {
    genai_body_on_frame,
    genai_body_on_payload,
    genai_body_on_end,
    genai_body_on_whole
};


static const genai_sse_handler_t  genai_body_sse = {
    genai_body_on_sse_begin,
    genai_body_on_sse_data,
    genai_body_on_sse_end
};


void
genai_body_stream_begin(genai_body_t *b)
{
    switch (b->mode) {

    case GENAI_BODY_CHUNKS:
        genai_body_request_end(b, 0);     /* its parser's place is needed */

        /* fall through */

    case GENAI_BODY_EVENTS:
        genai_eventstream_init(&b->s.es, &genai_body_frames, b);
        b->call->streamed = 1;
        break;

    case GENAI_BODY_SSE:
        genai_sse_init(&b->s.sse, &genai_body_sse, b);
        b->call->streamed = 1;
        break;

    case GENAI_BODY_LINES:
        b->state = STATE_START;
        b->call->streamed = 1;
        break;

    default:
        break;
    }
}


void
genai_body_stream_feed(genai_body_t *b, const char *buf, size_t len)
{
    if (b->mode == GENAI_BODY_SSE) {
        genai_sse_feed(&b->s.sse, buf, len);
        return;
    }

    if (b->mode == GENAI_BODY_LINES) {
        genai_body_lines(b, buf, len);
        return;
    }

    if (genai_eventstream_feed(&b->s.es, buf, len) == GENAI_ERROR) {
        b->broken = 1;
        genai_body_stream_bad(b, "bad_frame");
    }
}


int
genai_body_stream_end(genai_body_t *b, int complete)
{
    int            rc;
    genai_call_t  *c;

    c = b->call;

    if (b->broken) {
        return GENAI_OK;
    }

    rc = (b->mode == GENAI_BODY_SSE) ? genai_sse_finish(&b->s.sse)
         : (b->mode == GENAI_BODY_LINES) ? genai_body_lines_end(b)
         : genai_eventstream_finish(&b->s.es);

    if (b->ended || c->error) {
        return GENAI_OK;
    }

    /* families without a last event of their own: the stop reason is it */

    if (b->mode != GENAI_BODY_EVENTS && complete && rc == GENAI_DONE
        && c->stop_reason.len)
    {
        return GENAI_OK;
    }

    if (c->api_op->open_end && complete && rc == GENAI_DONE && b->seen) {
        return GENAI_OK;
    }

    if (complete && !b->seen) {
        genai_body_stream_bad(b, "empty_body");
        return GENAI_OK;
    }

    /* cut between the reason and the counts beside it: whoever has a reason
     * is taken to have the counts */

    if (b->stopping) {
        c->stop_reason = genai_str(NULL, 0);
        c->finish = GENAI_FINISH_NONE;
    }

    return GENAI_DECLINED;
}


static void
genai_body_stream_bad(genai_body_t *b, const char *type)
{
    b->call->bad_body = 1;
    genai_call_error(b->call, genai_strz(type), b->origin);
}


static int
genai_body_on_frame(void *data, const genai_es_frame_t *f)
{
    genai_body_t  *b;

    b = data;
    genai_body_event_reset(b);

    switch (f->kind) {

    case GENAI_ES_EVENT:
        if (b->mode == GENAI_BODY_CHUNKS) {
            return genai_body_chunk_begin(b);
        }

        if (!f->same) {
            genai_body_event_find(b, f->type);
        }

        return genai_body_event_begin(b);

    case GENAI_ES_EXCEPTION:
        genai_body_event_json(b, genai_apis_program(b->apis,
                                                    &genai_rows_error));
        return 1;

    default:
        return 0;
    }
}


static void
genai_body_event_reset(genai_body_t *b)
{
    b->state = STATE_PASS;
    b->event = 0;
    b->visible = 0;
    b->failed = 0;
    b->stopping = 0;
    b->delta_bytes = 0;
    b->empty = 0;
    memset(b->tail, 0, sizeof(b->tail));
}


/* what the operation's table says of this type of event */

static void
genai_body_event_find(genai_body_t *b, genai_str_t type)
{
    size_t                    i;
    const genai_api_op_t     *op;
    const genai_api_event_t  *e;

    op = b->call->api_op;
    e = NULL;

    for (i = 0; i < op->nevents; i++) {
        if (op->events[i].type == NULL
            || genai_str_is(type, op->events[i].type))
        {
            e = &op->events[i];
            break;
        }
    }

    if (e == b->row) {
        return;
    }

    b->row = e;

    if (e == NULL) {
        return;
    }

    b->row_program = genai_apis_program(b->apis, e->rows);
    b->row_empty = (uint8_t) (e->empty ? strlen(e->empty) : 0);
}


/* a text delta that is not looked into any more */

static inline int
genai_body_is_passed(const genai_body_t *b, const genai_api_event_t *e)
{
    return (e->flags & GENAI_EV_TEXT) && b->call->first_token_ns
           && b->apis->more_response == NULL;
}


/* 1: its payload is wanted */

static int
genai_body_event_begin(genai_body_t *b)
{
    const genai_api_event_t  *e;

    e = b->row;

    if (e == NULL) {
        return 0;
    }

    b->event = e->flags;

    if (genai_body_is_passed(b, e)) {
        b->state = STATE_DELTA;
        b->empty = b->row_empty;
        return 1;
    }

    if (e->rows == NULL) {
        return 0;
    }

    genai_body_event_json(b, b->row_program);

    return 1;
}


static void
genai_body_event_json(genai_body_t *b, const genai_json_program_t *program)
{
    genai_json_init(&b->json, program, genai_body_emit, b);
    b->state = STATE_JSON;
}


static int
genai_body_chunk_begin(genai_body_t *b)
{
    if (b->call->first_token_ns && b->apis->ndeltas) {
        b->state = STATE_PREFIX;
        b->prefix = 0;
        b->prefix_set = (uint8_t) ((1u << b->apis->ndeltas) - 1);
        return 1;
    }

    genai_body_chunk_json(b);

    return 1;
}


static void
genai_body_chunk_json(genai_body_t *b)
{
    genai_base64_init(&b->base64);
    b->inner_on = 0;
    b->inner_done = 0;

    genai_body_event_json(b, b->apis->chunk);
}


static void
genai_body_on_payload(void *data, const char *buf, size_t len)
{
    genai_body_t  *b;

    b = data;

    switch (b->state) {

    case STATE_JSON:
        (void) genai_json_feed(&b->json, buf, len);
        break;

    case STATE_DELTA:
        genai_body_tail(b, buf, len);
        break;

    case STATE_PREFIX:
        genai_body_prefix(b, buf, len);
        break;

    case STATE_BASE64:
        genai_body_base64(b, buf, len);
        break;

    default:
        break;
    }
}


/*
 * Compares the start of a chunk with those of all families' deltas.  When it
 * is none of them, what has matched so far is known text: it is read again
 * from there.
 */

static void
genai_body_prefix(genai_body_t *b, const char *buf, size_t len)
{
    size_t                    k, n, last;
    unsigned                  set;
    const genai_api_delta_t  *d;

    d = &b->apis->delta[b->prefix_last];

    if (b->prefix == 0 && len >= d->len && memcmp(d->text, buf, d->len) == 0) {
        genai_body_delta_begin(b, d, buf + d->len, len - d->len);
        return;
    }

    set = 0;
    last = 0;

    for (k = 0; k < b->apis->ndeltas; k++) {

        if (!(b->prefix_set & 1u << k)) {
            continue;
        }

        last = k;
        d = &b->apis->delta[k];
        n = (size_t) (d->len - b->prefix);
        n = (n > len) ? len : n;

        if (memcmp(d->text + b->prefix, buf, n) != 0) {
            continue;
        }

        if (b->prefix + n == d->len) {
            b->prefix_last = (uint8_t) k;
            genai_body_delta_begin(b, d, buf + n, len - n);
            return;
        }

        set |= 1u << k;
    }

    if (set) {
        b->prefix_set = (uint8_t) set;
        b->prefix += (uint8_t) len;
        return;
    }

    genai_body_chunk_json(b);
    (void) genai_json_feed(&b->json, b->apis->delta[last].text, b->prefix);
    (void) genai_json_feed(&b->json, buf, len);
}


static void
genai_body_delta_begin(genai_body_t *b, const genai_api_delta_t *d,
    const char *buf, size_t len)
{
    b->state = STATE_BASE64;
    b->event |= GENAI_EV_TEXT;
    b->empty = (uint8_t) d->empty;
    b->delta_bytes = d->base64;

    genai_body_base64(b, buf, len);
}


static void
genai_body_base64(genai_body_t *b, const char *buf, size_t len)
{
    size_t       n;
    const char  *quote;

    quote = memchr(buf, '"', len);
    n = quote ? (size_t) (quote - buf) : len;

    while (n > 0 && buf[n - 1] == '=') {
        n--;
    }

    b->delta_bytes += (uint32_t) n;

    if (quote) {
        b->delta_bytes = (uint32_t) ((uint64_t) b->delta_bytes * 3 / 4);
        b->state = STATE_PASS;
    }
}


static void
genai_body_tail(genai_body_t *b, const char *buf, size_t len)
{
    size_t  n;

    b->delta_bytes += (uint32_t) len;
    n = sizeof(b->tail);

    if (len < n) {
        memmove(b->tail, b->tail + len, n - len);
        memcpy(b->tail + n - len, buf, len);

    } else {
        memcpy(b->tail, buf + len - n, n);
    }
}


/* most frames of an answer: a delta like the one before it */

static int
genai_body_on_whole(void *data, const genai_es_frame_t *f, const char *buf)
{
    size_t         len, around;
    genai_body_t  *b;

    b = data;
    len = f->payload_len;

    if (f->kind != GENAI_ES_EVENT || b->mode != GENAI_BODY_EVENTS
        || b->row == NULL || b->row->flags != GENAI_EV_TEXT
        || len < sizeof(b->tail) || !genai_body_is_passed(b, b->row))
    {
        return 0;
    }

    around = b->row_empty + genai_body_padding(buf + len - sizeof(b->tail));

    b->stopping = 0;
    genai_body_event_count(b, genai_body_delta_end(b, len, around));

    return 1;
}


static void
genai_body_on_end(void *data, const genai_es_frame_t *f, int ok)
{
    genai_body_t  *b;

    b = data;

    if (!ok) {
        return;                       /* the feed says what is wrong */
    }

    switch (f->kind) {

    case GENAI_ES_EVENT:
        genai_body_event_end(b);
        break;

    case GENAI_ES_EXCEPTION:
        (void) genai_json_finish(&b->json);

        /* fall through */

    case GENAI_ES_FAULT:
        genai_body_frame_error(b, f);
        break;

    default:
        break;
    }
}


/* an event is whole: what it was, and when */

static void
genai_body_event_end(genai_body_t *b)
{
    size_t  around;

    if (b->state == STATE_PREFIX) {
        genai_body_chunk_json(b);
        (void) genai_json_feed(&b->json, b->apis->delta
                                  [__builtin_ctz(b->prefix_set)].text,
                               b->prefix);
    }

    if (b->state == STATE_JSON) {
        if (genai_json_finish(&b->json) != GENAI_DONE
            || (b->mode == GENAI_BODY_CHUNKS && !b->inner_done))
        {
            genai_body_stream_bad(b, "malformed_body");
        }

    } else if (b->event & GENAI_EV_TEXT) {
        around = b->empty;

        if (b->mode == GENAI_BODY_EVENTS) {
            around += genai_body_padding(b->tail);
        }

        b->visible = genai_body_delta_end(b, b->delta_bytes, around);
    }

    genai_body_event_count(b, b->visible);

    b->stopping = 0;

    if (b->event & GENAI_EV_END) {
        b->ended = 1;
    }

    if (b->failed) {
        genai_body_event_error(b);
    }
}


static inline void
genai_body_event_count(genai_body_t *b, unsigned visible)
{
    uint64_t       gap;
    genai_call_t  *c;

    c = b->call;
    c->events++;

    if (c->first_event_ns == 0) {
        c->first_event_ns = b->now_ns;

    } else {
        gap = b->now_ns - c->last_event_ns;

        if (gap > c->max_gap_ns) {
            c->max_gap_ns = gap;
        }
    }

    c->last_event_ns = b->now_ns;

    if (visible) {
        c->text_events++;

        if (c->first_token_ns == 0) {
            c->first_token_ns = b->now_ns;
        }
    }
}


/* a text delta of len bytes that was not looked into; 1: it has text */

static unsigned
genai_body_delta_end(genai_body_t *b, size_t len, size_t around)
{
    genai_call_t  *c;

    if (len <= around) {
        return 0;
    }

    c = b->call;
    c->output_chars = (c->output_chars < 0 ? 0 : c->output_chars)
                      + (int64_t) (len - around);

    return 1;
}


/*
 * The bytes of ,"p":"abc..." at the end of a payload: "p" is the start of a
 * fixed alphabet, so that its last character tells its length.  A payload
 * without it ends in "}}.
 */

static inline size_t
genai_body_padding(const char *tail)
{
    char  ch;

    if (tail[2] != '"' || tail[3] != '}') {
        return 0;
    }

    ch = tail[1];

    if (ch >= 'a' && ch <= 'z') {
        return 7 + (size_t) (ch - 'a' + 1);
    }

    if (ch >= 'A' && ch <= 'Z') {
        return 7 + (size_t) (ch - 'A' + 27);
    }

    if (ch >= '0' && ch <= '9') {
        return 7 + (size_t) (ch - '0' + 53);
    }

    return 0;
}


/* an exception or error inside an answer that began well */

static void
genai_body_frame_error(genai_body_t *b, const genai_es_frame_t *f)
{
    genai_body_error_type(b, f->type, GENAI_BODY_RANK_FRAME);

    if (f->kind == GENAI_ES_FAULT) {
        genai_body_keep(b->call, &b->error_message, f->message,
                        GENAI_BODY_MESSAGE);
    }

    genai_body_event_error(b);
}


void
genai_body_event_error(genai_body_t *b)
{
    genai_str_t    type;
    genai_call_t  *c;

    c = b->call;
    type = b->error_type.len ? b->error_type : genai_strz("_OTHER");

    genai_call_error(c, type, b->origin);

    if (c->error_message.len == 0) {
        c->error_message = b->error_message;
    }

    if (c->finish == GENAI_FINISH_NONE) {
        c->finish = GENAI_FINISH_ERROR;
    }
}


void
genai_body_chunk(genai_body_t *b, const genai_json_value_t *v)
{
    char         out[genai_base64_room(1024)];
    int          rc;
    size_t       n, len;
    const char  *p, *end;

    p = v->text.data;
    end = p + v->text.len;

    while (p < end) {
        n = ((size_t) (end - p) > 1024) ? 1024 : (size_t) (end - p);
        rc = genai_base64_feed(&b->base64, p, n, out, &len);

        genai_body_inner(b, out, len);

        if (rc == GENAI_ERROR) {
            return;
        }

        p += n;
    }

    if (!v->last) {
        return;
    }

    if (genai_base64_finish(&b->base64) == GENAI_DONE && b->inner_on
        && genai_json_finish(&b->u.inner) == GENAI_DONE)
    {
        b->inner_done = 1;
    }
}


/* "[DONE]" ends some streams: it is no JSON (2.7) */

static void
genai_body_inner(genai_body_t *b, const char *buf, size_t len)
{
    if (len == 0 || b->inner_done) {
        return;
    }

    if (!b->inner_on) {

        if (buf[0] == '[') {
            b->inner_done = 1;
            b->ended = 1;
            return;
        }

        genai_json_init(&b->u.inner, b->apis->inner, genai_body_emit, b);
        b->inner_on = 1;
    }

    (void) genai_json_feed(&b->u.inner, buf, len);
}


static void
genai_body_on_sse_begin(void *data, genai_str_t event)
{
    genai_body_t  *b;

    b = data;
    genai_body_event_reset(b);

    if (b->call->api_op->nevents == 0) {
        genai_body_event_json(b, b->apis->inner);

    } else {
        genai_body_event_find(b, event);
        (void) genai_body_event_begin(b);
    }

    if (b->state == STATE_JSON) {
        b->state = STATE_START;
    }
}


static void
genai_body_on_sse_data(void *data, const char *buf, size_t len)
{
    genai_body_t  *b;

    b = data;

    if (b->state == STATE_START) {

        if (buf[0] == '[') {
            b->state = STATE_PASS;
            b->ended = 1;
            return;
        }

        b->state = STATE_JSON;
    }

    genai_body_on_payload(b, buf, len);
}


static void
genai_body_on_sse_end(void *data, genai_str_t event)
{
    genai_body_t  *b;

    (void) event;

    b = data;

    if (b->state == STATE_START) {
        b->state = STATE_PASS;
    }

    genai_body_event_end(b);
}


/* not inlined: its registers would be saved for each event of the others */

static __attribute__((noinline)) void
genai_body_lines(genai_body_t *b, const char *buf, size_t len)
{
    size_t       n;
    const char  *p, *end, *eol;

    end = buf + len;

    for (p = buf; p < end; p += n + (eol != NULL)) {

        if (b->state == STATE_START) {

            if (*p == '\n' || *p == '\r' || *p == ' ' || *p == '\t') {
                n = 1;
                eol = NULL;
                continue;
            }

            genai_body_event_reset(b);
            genai_body_event_find(b, genai_str(NULL, 0));
            (void) genai_body_event_begin(b);
        }

        eol = memchr(p, '\n', (size_t) (end - p));
        n = (size_t) ((eol ? eol : end) - p);

        genai_body_on_payload(b, p, n);

        if (eol) {
            genai_body_event_end(b);
            b->state = STATE_START;
        }
    }
}


/* the last line may have no end */

static int
genai_body_lines_end(genai_body_t *b)
{
    if (b->state == STATE_START) {
        return GENAI_DONE;
    }

    if (b->state != STATE_JSON || genai_json_finish(&b->json) != GENAI_DONE) {
        return GENAI_ERROR;
    }

    genai_body_event_end(b);
    b->state = STATE_START;

    return GENAI_DONE;
}


void
genai_body_piece(genai_body_t *b)
{
    b->call->streamed = 1;
    b->state = STATE_PASS;

    genai_body_event_end(b);
    genai_body_event_reset(b);
}
