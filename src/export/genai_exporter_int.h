/*
 * What genai_exporter.c (the whole) and genai_exporter_feed.c (one sink)
 * share.
 */

#ifndef GENAI_EXPORTER_INT_H
#define GENAI_EXPORTER_INT_H

#include "genai_exporter.h"
#include "genai_spool.h"


/* a lane's fill in 1/256: at the first a batch waits for no more, at the
 * second a sink that cannot send goes to its spool, at the third it loses
 * records if that is full; producers are refused from 192 on */

#define GENAI_FEED_SEND       48
#define GENAI_FEED_SPILL      96
#define GENAI_FEED_DROP       160

#define GENAI_FEED_BACKOFF    500      /* ms, doubled on every failure */
#define GENAI_FEED_MAX        30000
#define GENAI_FEED_FAILING    2000     /* ms of failure, then it spools */
#define GENAI_FEED_ASKED      600000   /* ms that a Retry-After can ask for */


typedef enum {
    GENAI_FEED_BUILDING = 0,
    GENAI_FEED_SENDING
} genai_feed_e;


/* one sink and the batch that it is at */

typedef struct {
    const genai_sink_conf_t  *conf;
    const genai_sink_ops_t   *ops;
    genai_sink_t             *sink;    /* NULL: could not be made, yet */
    genai_spool_t            *spool;
    unsigned                  slot;

    genai_feed_e              state;
    unsigned                  from_spool:1;
    unsigned                  full:1;
    unsigned                  metrics_sending:1;
    unsigned                  spool_full:1;

    uint32_t                  added;   /* of the batch, by add()'s answer */
    uint32_t                  declined;
    uint32_t                  corrupt;
    uint64_t                  since;   /* ms: the first one was added */

    uint64_t                  retry_at;
    uint32_t                  backoff;
    uint64_t                  failing; /* ms since when, 0: healthy */

    uint64_t                  metrics_at;

    unsigned                  lag;     /* of the fullest lane, 1/256 */

    uint16_t                  turn;    /* lane to begin with */
    uint16_t                  nlanes;
    uint16_t                  lanes[GENAI_QUEUE_LANES];
    uint8_t                   touched[GENAI_QUEUE_LANES];
    genai_cursor_t            next[GENAI_QUEUE_LANES];
} genai_feed_t;


struct genai_exporter_s {
    const genai_exporter_conf_t   *conf;
    const genai_exporter_hooks_t  *hooks;
    genai_queue_t                 *q;

    genai_feed_t                  *feeds;
    size_t                         nfeeds;
    genai_spool_dir_t              dir;

    uint64_t                       now;      /* ms, monotonic */
    uint64_t                       tick_at;
    uint64_t                       second_at;
    uint64_t                       adopt_at;
    uint64_t                       wanted_at;
    uint64_t                       rand;

    unsigned                       holds:1;
    unsigned                       superseded:1;
    unsigned                       flush:1;
    unsigned                       handing:1;
    unsigned                       derived:1;

    genai_call_t                   call;
    genai_attr_t                   attrs[GENAI_EXPORTER_ATTRS];
};


#define genai_exporter_log(x, level, ...)                                    \
    do {                                                                     \
        if ((x)->hooks->log) {                                               \
            (x)->hooks->log((x)->hooks->data, level, __VA_ARGS__);           \
        }                                                                    \
    } while (0)


uint64_t genai_exporter_now(void);

/* decodes a record into x->call; 0: it is none */
int genai_exporter_decode(genai_exporter_t *x, const genai_rec_t *rec,
    const void *p);


/* genai_exporter_feed.c */

/* opens sink and spool, takes what the spool of an earlier life holds */
void genai_feed_open(genai_exporter_t *x, genai_feed_t *f);

/* one step of building or sending; 1: something was done.  Waits for the
 * receiver for at most wait_ms */
int genai_feed_step(genai_exporter_t *x, genai_feed_t *f, uint32_t wait_ms);

/* lanes to spool.  What finds no room there stays, or with drop is counted
 * as lost.  Returns the records lost */
uint64_t genai_feed_spill(genai_exporter_t *x, genai_feed_t *f, int drop);

/* stops what is under way */
void genai_feed_cancel(genai_exporter_t *x, genai_feed_t *f);

/* looks for segments that others left */
void genai_feed_adopt(genai_exporter_t *x, genai_feed_t *f);

void genai_feed_close(genai_exporter_t *x, genai_feed_t *f);


#endif /* GENAI_EXPORTER_INT_H */
