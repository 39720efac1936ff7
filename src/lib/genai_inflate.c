/*
 * Content codings for metering: gzip, deflate, and zstd and br if built in.
 */

#include <strings.h>
#include <zlib.h>

#if (GENAI_HAVE_ZSTD)
#include <zstd.h>
#endif

#if (GENAI_HAVE_BROTLI)
#include <brotli/decode.h>
#endif

#include "genai_inflate.h"


#define INFLATE_WINDOW_LOG  23    /* zstd: 8 MB, RFC 9659 */


typedef enum {
    STATE_HEAD = 0,               /* the first bytes choose the format */
    STATE_PLAIN,
    STATE_DATA,
    STATE_DONE,                   /* a stream or member has ended */
    STATE_REST,                   /* what follows the end is not looked at */
    STATE_BAD,
    STATE_BOUND
} inflate_state_e;


struct genai_inflate_s {
    genai_inflate_out_pt   out;
    void                  *data;
    const genai_memory_t  *memory;

    union {
        z_stream               zlib;
#if (GENAI_HAVE_ZSTD)
        ZSTD_DStream          *zstd;
#endif
#if (GENAI_HAVE_BROTLI)
        BrotliDecoderState    *br;
#endif
    } u;

    uint64_t               in;
    uint64_t               made;
    uint8_t                coding;
    uint8_t                state;
    uint8_t                open;         /* u is to be freed */
    uint8_t                nhead;
    uint8_t                head[4];
};


typedef struct {
    const char  *name;
    uint8_t      coding;
} inflate_name_t;


static const inflate_name_t  inflate_names[] = {
    { "gzip", GENAI_CODING_GZIP },
    { "x-gzip", GENAI_CODING_GZIP },
    { "deflate", GENAI_CODING_DEFLATE },
#if (GENAI_HAVE_ZSTD)
    { "zstd", GENAI_CODING_ZSTD },
#endif
#if (GENAI_HAVE_BROTLI)
    { "br", GENAI_CODING_BR },
#endif
    { "identity", GENAI_CODING_NONE }
};


static int inflate_open(genai_inflate_t *z);
static int inflate_zlib_open(genai_inflate_t *z, int bits);
static int inflate_zlib_wrapped(const uint8_t *head);
static void *inflate_zalloc(void *opaque, unsigned n, unsigned size);
static void inflate_zfree(void *opaque, void *p);
static size_t inflate_head(genai_inflate_t *z, const char *buf, size_t len);
static size_t inflate_again(genai_inflate_t *z, const char *buf, size_t len);
static size_t inflate_data(genai_inflate_t *z, const char *buf, size_t len);
static size_t inflate_zlib(genai_inflate_t *z, const char *buf, size_t len);
static int inflate_put(genai_inflate_t *z, const char *buf, size_t len);

#if (GENAI_HAVE_ZSTD)
static size_t inflate_zstd(genai_inflate_t *z, const char *buf, size_t len);
#endif

#if (GENAI_HAVE_BROTLI)
static size_t inflate_br(genai_inflate_t *z, const char *buf, size_t len);
static void *inflate_br_alloc(void *opaque, size_t size);
#endif


unsigned
genai_coding(genai_str_t v)
{
    size_t  i;

    while (v.len && (v.data[0] == ' ' || v.data[0] == '\t')) {
        v.data++;
        v.len--;
    }

    while (v.len && (v.data[v.len - 1] == ' ' || v.data[v.len - 1] == '\t')) {
        v.len--;
    }

    if (v.len == 0) {
        return GENAI_CODING_NONE;
    }

    for (i = 0; i < genai_nelts(inflate_names); i++) {
        if (strlen(inflate_names[i].name) == v.len
            && strncasecmp(inflate_names[i].name, v.data, v.len) == 0)
        {
            return inflate_names[i].coding;
        }
    }

    return GENAI_CODING_OTHER;
}


genai_inflate_t *
genai_inflate_create(unsigned coding, const genai_memory_t *memory,
    genai_inflate_out_pt out, void *data)
{
    genai_inflate_t  *z;

    z = memory->alloc(memory->data, sizeof(genai_inflate_t));
    if (z == NULL) {
        return NULL;
    }

    memset(z, 0, sizeof(genai_inflate_t));

    z->out = out;
    z->data = data;
    z->memory = memory;
    z->coding = (uint8_t) coding;

    if (coding != GENAI_CODING_GZIP && coding != GENAI_CODING_DEFLATE) {

        if (inflate_open(z) != GENAI_OK) {
            memory->free(memory->data, z);
            return NULL;
        }

        z->state = (coding == GENAI_CODING_ZSTD) ? STATE_HEAD : STATE_DATA;
    }

    return z;
}


static int
inflate_open(genai_inflate_t *z)
{
    switch (z->coding) {

#if (GENAI_HAVE_ZSTD)
    case GENAI_CODING_ZSTD:
        z->u.zstd = ZSTD_createDStream();
        if (z->u.zstd == NULL) {
            return GENAI_ERROR;
        }

        (void) ZSTD_DCtx_setParameter(z->u.zstd, ZSTD_d_windowLogMax,
                                      INFLATE_WINDOW_LOG);
        break;
#endif

#if (GENAI_HAVE_BROTLI)
    case GENAI_CODING_BR:
        z->u.br = BrotliDecoderCreateInstance(inflate_br_alloc,
                                              inflate_zfree, z);
        if (z->u.br == NULL) {
            return GENAI_ERROR;
        }

        break;
#endif

    default:
        return GENAI_ERROR;
    }

    z->open = 1;

    return GENAI_OK;
}


static int
inflate_zlib_open(genai_inflate_t *z, int bits)
{
    z->u.zlib.zalloc = inflate_zalloc;
    z->u.zlib.zfree = inflate_zfree;
    z->u.zlib.opaque = z;

    if (inflateInit2(&z->u.zlib, bits) != Z_OK) {
        z->state = STATE_BAD;
        return GENAI_ERROR;
    }

    z->open = 1;
    z->state = STATE_DATA;

    return GENAI_OK;
}


static void *
inflate_zalloc(void *opaque, unsigned n, unsigned size)
{
    genai_inflate_t  *z;

    z = opaque;

    return z->memory->alloc(z->memory->data, (size_t) n * size);
}


static void
inflate_zfree(void *opaque, void *p)
{
    genai_inflate_t  *z;

    z = opaque;

    if (p) {
        z->memory->free(z->memory->data, p);
    }
}


void
genai_inflate_free(genai_inflate_t *z)
{
    const genai_memory_t  *memory;

    if (z == NULL) {
        return;
    }

    memory = z->memory;

    if (z->open) {

        switch (z->coding) {

#if (GENAI_HAVE_ZSTD)
        case GENAI_CODING_ZSTD:
            (void) ZSTD_freeDStream(z->u.zstd);
            break;
#endif

#if (GENAI_HAVE_BROTLI)
        case GENAI_CODING_BR:
            BrotliDecoderDestroyInstance(z->u.br);
            break;
#endif

        default:
            (void) inflateEnd(&z->u.zlib);
            break;
        }
    }

    memory->free(memory->data, z);
}


int
genai_inflate_feed(genai_inflate_t *z, const char *buf, size_t len)
{
    size_t  n;

    while (len) {

        switch (z->state) {

        case STATE_HEAD:
            n = inflate_head(z, buf, len);
            break;

        case STATE_PLAIN:
            z->out(z->data, buf, len);
            return GENAI_OK;

        case STATE_DATA:
            n = inflate_data(z, buf, len);
            break;

        case STATE_DONE:
            n = inflate_again(z, buf, len);
            break;

        case STATE_REST:
            return GENAI_OK;

        case STATE_BOUND:
            return GENAI_DECLINED;

        default:
            return GENAI_ERROR;
        }

        buf += n;
        len -= n;
    }

    return z->state == STATE_BAD ? GENAI_ERROR
         : z->state == STATE_BOUND ? GENAI_DECLINED : GENAI_OK;
}


/* the first bytes of a body and, of zstd, of each of its frames */

static size_t
inflate_head(genai_inflate_t *z, const char *buf, size_t len)
{
    size_t  n, want;

    if (z->coding == GENAI_CODING_GZIP) {

        if ((uint8_t) buf[0] != 0x1f) {
            z->state = STATE_PLAIN;
            return 0;
        }

        (void) inflate_zlib_open(z, 16 + MAX_WBITS);
        return 0;
    }

    want = (z->coding == GENAI_CODING_ZSTD) ? 4 : 2;

    for (n = 0; n < len && z->nhead < want; n++) {
        z->head[z->nhead++] = (uint8_t) buf[n];
    }

    if (z->nhead < want) {
        return n;
    }

    z->nhead = 0;

    if (z->coding == GENAI_CODING_DEFLATE) {
        (void) inflate_zlib_open(z, inflate_zlib_wrapped(z->head)
                                    ? MAX_WBITS : -MAX_WBITS);

    } else if (memcmp(z->head, "\x28\xb5\x2f\xfd", 4) == 0
               || ((z->head[0] & 0xf0) == 0x50
                   && memcmp(z->head + 1, "\x2a\x4d\x18", 3) == 0))
    {
        z->state = STATE_DATA;

    } else {

        /* the library may know formats from before the standard: no bound
         * on windows is set for those */

        z->state = STATE_BAD;
    }

    if (z->state == STATE_DATA) {
        (void) inflate_data(z, (char *) z->head, want);
    }

    return n;
}


/* a method of 8, a window of at most 32 KB, a check sum: what begins
 * otherwise is raw deflate */

static int
inflate_zlib_wrapped(const uint8_t *head)
{
    return (head[0] & 0x0f) == 8 && head[0] >> 4 <= 7
           && (head[0] << 8 | head[1]) % 31 == 0;
}


/* the end of one member: another may follow */

static size_t
inflate_again(genai_inflate_t *z, const char *buf, size_t len)
{
    (void) len;

    if (z->coding == GENAI_CODING_ZSTD) {
        z->state = STATE_HEAD;
        return 0;
    }

    if (z->coding == GENAI_CODING_GZIP && (uint8_t) buf[0] == 0x1f
        && inflateReset(&z->u.zlib) == Z_OK)
    {
        z->state = STATE_DATA;
        return 0;
    }

    z->state = STATE_REST;

    return 0;
}


static size_t
inflate_data(genai_inflate_t *z, const char *buf, size_t len)
{
    switch (z->coding) {

#if (GENAI_HAVE_ZSTD)
    case GENAI_CODING_ZSTD:
        return inflate_zstd(z, buf, len);
#endif

#if (GENAI_HAVE_BROTLI)
    case GENAI_CODING_BR:
        return inflate_br(z, buf, len);
#endif

    default:
        return inflate_zlib(z, buf, len);
    }
}


static size_t
inflate_zlib(genai_inflate_t *z, const char *buf, size_t len)
{
    int        rc;
    char       piece[GENAI_INFLATE_PIECE];
    size_t     n;
    z_stream  *s;

    s = &z->u.zlib;
    s->next_in = (Bytef *) buf;
    s->avail_in = (len > UINT32_MAX) ? UINT32_MAX : (uInt) len;
    n = s->avail_in;

    do {
        s->next_out = (Bytef *) piece;
        s->avail_out = sizeof(piece);
        len = s->avail_in;

        rc = inflate(s, Z_SYNC_FLUSH);

        z->in += len - s->avail_in;

        if (inflate_put(z, piece, sizeof(piece) - s->avail_out) != GENAI_OK) {
            break;
        }

        if (rc == Z_STREAM_END) {
            z->state = STATE_DONE;
            break;
        }

        /* BUF_ERROR: nothing was left to be done */

        if (rc != Z_OK && rc != Z_BUF_ERROR) {
            z->state = STATE_BAD;
            break;
        }

    } while (s->avail_out == 0 || (s->avail_in && rc == Z_OK));

    return n - s->avail_in;
}


#if (GENAI_HAVE_ZSTD)

static size_t
inflate_zstd(genai_inflate_t *z, const char *buf, size_t len)
{
    char            piece[GENAI_INFLATE_PIECE];
    size_t          rc, before;
    ZSTD_inBuffer   in;
    ZSTD_outBuffer  out;

    in.src = buf;
    in.size = len;
    in.pos = 0;

    do {
        out.dst = piece;
        out.size = sizeof(piece);
        out.pos = 0;
        before = in.pos;

        rc = ZSTD_decompressStream(z->u.zstd, &out, &in);

        if (ZSTD_isError(rc)) {
            z->state = STATE_BAD;
            break;
        }

        z->in += in.pos - before;

        if (inflate_put(z, piece, out.pos) != GENAI_OK) {
            break;
        }

        if (rc == 0) {
            z->state = STATE_DONE;
            break;
        }

    } while (in.pos < in.size || out.pos == out.size);

    return in.pos;
}

#endif


#if (GENAI_HAVE_BROTLI)

static size_t
inflate_br(genai_inflate_t *z, const char *buf, size_t len)
{
    char                 piece[GENAI_INFLATE_PIECE];
    size_t               in, out, before;
    uint8_t             *p;
    const uint8_t       *next;
    BrotliDecoderResult  rc;

    next = (const uint8_t *) buf;
    in = len;

    do {
        p = (uint8_t *) piece;
        out = sizeof(piece);
        before = in;

        rc = BrotliDecoderDecompressStream(z->u.br, &in, &next, &out, &p,
                                           NULL);
        z->in += before - in;

        if (inflate_put(z, piece, sizeof(piece) - out) != GENAI_OK) {
            break;
        }

        if (rc == BROTLI_DECODER_RESULT_SUCCESS) {
            z->state = STATE_DONE;

        } else if (rc == BROTLI_DECODER_RESULT_ERROR) {
            z->state = STATE_BAD;
        }

    } while (rc == BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT);

    return len - in;
}


static void *
inflate_br_alloc(void *opaque, size_t size)
{
    genai_inflate_t  *z;

    z = opaque;

    return z->memory->alloc(z->memory->data, size);
}

#endif


static int
inflate_put(genai_inflate_t *z, const char *buf, size_t len)
{
    z->made += len;

    if (z->made > GENAI_INFLATE_MAX
        || z->made > GENAI_INFLATE_FREE + GENAI_INFLATE_RATIO * z->in)
    {
        z->state = STATE_BOUND;
        return GENAI_DECLINED;
    }

    if (len) {
        z->out(z->data, buf, len);
    }

    return GENAI_OK;
}


int
genai_inflate_finish(genai_inflate_t *z)
{
    switch (z->state) {

    case STATE_HEAD:
        return (z->nhead == 0) ? GENAI_DONE : GENAI_ERROR;

    case STATE_PLAIN:
    case STATE_DONE:
    case STATE_REST:
        return GENAI_DONE;

    default:
        return GENAI_ERROR;
    }
}
