/*
 * The exporter: reads the lanes, feeds metrics and sinks, retries, spools,
 * keeps the accounts.  One thread, no nginx; whoever holds the lease calls
 * genai_exporter_run() again and again: the helper process, a timer with
 * master_process off, the master at its end.
 */

#ifndef GENAI_EXPORTER_H
#define GENAI_EXPORTER_H

#include <sys/types.h>

#include "genai_lib.h"
#include "genai_call.h"
#include "genai_queue.h"
#include "genai_sink.h"


#define GENAI_EXPORTER_ATTRS  64       /* operator's attributes decoded */

#define GENAI_RECORD_CALL     1        /* kind of a record: genai_record */


/* what the exporter cannot do itself; any of them may be NULL but decode */

typedef struct {
    void          *data;
    genai_log_pt   log;                /* called with data */

    /* the bytes of a record -> a call whose strings point into buf */
    int          (*decode)(const void *buf, size_t len, genai_call_t *c,
                       genai_attr_t *attrs, size_t max_attrs);

    /* every record once, sampled or not (again only the one that a killed
     * exporter was at) */
    void         (*derive)(void *data, const genai_call_t *c);

    /* about ten times a second while the lease is held */
    void         (*tick)(void *data, uint64_t now_ms);

    /* the registry for sinks that send metrics */
    const genai_metrics_t *(*metrics)(void *data);

    /* what to send of it and beside it, valid until the next call */
    const genai_metrics_view_t *(*view)(void *data);

    /* NULL: genai_sink_find; tests bring sinks of their own */
    const genai_sink_ops_t *(*find)(const char *type);
} genai_exporter_hooks_t;


typedef struct {
    const genai_sink_conf_t  *sinks;
    size_t                    nsinks;
    const char               *spool_dir;
    uint64_t                  spool_max;   /* bytes of all sinks together */
    uid_t                     spool_uid;   /* owner of segments when root */
    gid_t                     spool_gid;
    unsigned                  spool_only:1;  /* sinks are not created: the
                                                master's last act */
} genai_exporter_conf_t;


typedef struct genai_exporter_s  genai_exporter_t;


/* conf, hooks and q stay the caller's and must live as long.  q must have
 * joined.  Nothing is opened before the lease is held.  NULL: no memory */
genai_exporter_t *genai_exporter_create(const genai_exporter_conf_t *conf,
    genai_queue_t *q, const genai_exporter_hooks_t *hooks);

/* works for at most budget_ms (one write to a stuck disk aside) and returns
 * the milliseconds until it wants to be called again, 0: at once */
uint32_t genai_exporter_run(genai_exporter_t *x, uint32_t budget_ms);

/* the lease is held / has gone to a newer generation: nothing left to do */
int genai_exporter_holds(const genai_exporter_t *x);
int genai_exporter_superseded(const genai_exporter_t *x);

/* batches go out as soon as there is anything: the last seconds of a life */
void genai_exporter_flush(genai_exporter_t *x);

/* nothing is in lanes or under way; records in the spool do not count */
int genai_exporter_idle(const genai_exporter_t *x);

/* stops what is under way and writes all that the lanes hold into the spools;
 * takes the lease first when its holder is dead.  Returns the records that
 * found no room (counted as dropped), or -1 when the lease is another's */
int64_t genai_exporter_spool_all(genai_exporter_t *x);

/* USR1 */
void genai_exporter_reopen(genai_exporter_t *x);

/* gives the lease back and frees; does not spool */
void genai_exporter_destroy(genai_exporter_t *x);

/* bytes in the spools of this exporter, and of others in its directory */
uint64_t genai_exporter_spool_bytes(const genai_exporter_t *x);


#endif /* GENAI_EXPORTER_H */
