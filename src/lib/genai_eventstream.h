/*
 * AWS event-stream frames (application/vnd.amazon.eventstream), resumable.
 *
 * Prelude, headers, payload and both CRC-32s (IEEE), as wire-formats 3.1:
 *
 *     total length u32 | headers length u32 | CRC of these 8 bytes u32
 *     headers | payload | CRC of everything before it u32      (big endian)
 *
 * The payload is handed on in pieces as it comes, so that a frame of any
 * size costs no memory.  Splitting the input anywhere gives the same events.
 */

#ifndef GENAI_EVENTSTREAM_H
#define GENAI_EVENTSTREAM_H

#include "genai_lib.h"


#define GENAI_ES_MAX_FRAME    (24 * 1024 * 1024)
#define GENAI_ES_MAX_HEADERS  (128 * 1024)
#define GENAI_ES_VALUE        64      /* bytes kept of a header's value */
#define GENAI_ES_KEPT         192     /* headers of up to so many bytes are
                                         kept and compared, not read again */


typedef enum {
    GENAI_ES_EVENT = 1,               /* :message-type event */
    GENAI_ES_EXCEPTION,               /* exception */
    GENAI_ES_FAULT,                   /* error */
    GENAI_ES_OTHER                    /* anything else, or none */
} genai_es_kind_e;


typedef enum {
    GENAI_ES_ERR_NONE = 0,
    GENAI_ES_ERR_LENGTH,              /* lengths that cannot be */
    GENAI_ES_ERR_PRELUDE_CRC,
    GENAI_ES_ERR_MESSAGE_CRC,
    GENAI_ES_ERR_HEADER,              /* headers that do not parse */
    GENAI_ES_ERR_TRUNCATED            /* the input ended inside a frame */
} genai_es_error_e;


/*
 * What is known of a frame once its headers are in.  Values longer than
 * GENAI_ES_VALUE are cut; of a header that comes twice the last one counts;
 * a header that is not a string (type 7) is not looked at.  same: these
 * headers are, bit by bit, those of the frame before.
 */

typedef struct {
    uint8_t      kind;                /* genai_es_kind_e */
    uint8_t      same;
    uint32_t     payload_len;
    genai_str_t  type;                /* :event-type, :exception-type or
                                         :error-code */
    genai_str_t  message;             /* :error-message */
    genai_str_t  content_type;
} genai_es_frame_t;


typedef struct {
    /* headers are complete; return 0 to be given no payload (it is only
     * checksummed), 1 to be given it.  Slices live until on_end */
    int  (*on_frame)(void *data, const genai_es_frame_t *f);
    /* never empty; the bytes live in the caller's input */
    void (*on_payload)(void *data, const char *buf, size_t len);
    /* the frame is over and its CRC is right (ok 1) or wrong (ok 0) */
    void (*on_end)(void *data, const genai_es_frame_t *f, int ok);
    /* a shorter way, may be NULL: a frame that came in one piece, is right,
     * and has the headers of the one before; buf is its payload.  Return 0 to
     * be given it by the three above instead */
    int  (*on_whole)(void *data, const genai_es_frame_t *f, const char *buf);
} genai_es_handler_t;


/*
 * One stream.  All fields but error are private; between on_frame and on_end
 * the struct must stay where it is, since the frame's slices point into it.
 */

typedef struct {
    const genai_es_handler_t  *handler;
    void                      *data;
    genai_es_frame_t           frame;
    uint32_t                   crc;           /* of the frame so far */
    uint32_t                   headers_left;
    uint32_t                   payload_left;
    uint16_t                   value_left;
    uint8_t                    kept;          /* bytes in u.headers */
    uint8_t                    error;         /* genai_es_error_e */
    uint8_t                    state;
    uint8_t                    got;           /* bytes of what is collected */
    uint8_t                    name_len;
    uint8_t                    value_len;
    uint8_t                    type;          /* of the header at hand */
    uint8_t                    slot;          /* where its value goes */
    uint8_t                    wanted;        /* on_frame's answer */
    uint8_t                    prelude[12];
    char                       name[16];
    char                       kind[16];

    union {
        uint8_t                headers[GENAI_ES_KEPT];
        char                   value[3][GENAI_ES_VALUE];
    } u;
} genai_eventstream_t;


/* handler must outlive the stream */
void genai_eventstream_init(genai_eventstream_t *es,
    const genai_es_handler_t *handler, void *data);

/*
 * Reads len bytes.  GENAI_AGAIN: the stream goes on; GENAI_ERROR: it cannot
 * be read any further, es->error says why.  The error is latched and bytes
 * after it are ignored.  A frame whose lengths, prelude CRC or headers are
 * wrong gives no on_frame; a wrong message CRC is known only at the end of
 * the frame: on_end with ok 0, then the error.
 */
int genai_eventstream_feed(genai_eventstream_t *es, const char *buf,
    size_t len);

/*
 * The input has ended.  GENAI_DONE at a frame's boundary (an empty stream
 * too), otherwise GENAI_ERROR with GENAI_ES_ERR_TRUNCATED or the error that
 * was latched.  A frame that was cut off gets no on_end.
 */
int genai_eventstream_finish(genai_eventstream_t *es);


typedef struct {
    genai_str_t  name;                /* 1 to 255 bytes */
    genai_str_t  value;               /* a string, up to 32767 bytes */
} genai_es_header_t;


/* one frame into buf; gives its length, 0 when size does not suffice */
size_t genai_eventstream_encode(const genai_es_header_t *h, size_t n,
    genai_str_t payload, char *buf, size_t size);


#endif /* GENAI_EVENTSTREAM_H */
