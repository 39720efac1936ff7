/*
 * The exporter with sinks that do as they are told: batching, backoff,
 * Retry-After, partial success, spill under a batch in flight; and an
 * exporter process killed by SIGKILL again and again while others write.
 */

#include "test.h"

#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../src/export/genai_exporter.h"


#define MEM      (4 * 1024 * 1024)
#define IDS      400000
#define KILLS    60


typedef struct {
    genai_sink_t         base;
    uint32_t             ids[4096];
    uint32_t             n;
    uint32_t             sent;
} fake_t;


/* in shared memory: what the test tells the sinks, and what they got */

typedef struct {
    uint32_t             lock;             /* pid */
    uint32_t             random;           /* outcomes are drawn */
    genai_send_e         outcome[2];
    uint32_t             rejected[2];
    uint32_t             retry_after[2];
    uint32_t             sends[2];
    uint32_t             last[2];          /* size of the last batch */
    uint32_t             capacity;         /* of a batch, 0: no limit */
    uint32_t             derived;
    uint32_t             metrics;          /* exports of them */
    uint8_t              got[2][IDS];      /* by id: how often acked */
    uint8_t              refused[2][IDS];  /* whole batch rejected */
} shared_t;


static shared_t           *sh;
static uint8_t            *mem;
static char                dir_path[] = "/tmp/genai_exporter_XXXXXX";
static uint32_t            next_id;
static uint64_t            seed = 0x853c49e6748fea9bULL;


static uint32_t
rnd(uint32_t n)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;

    return (uint32_t) ((seed >> 11) % n);
}


/* the queue's surroundings */

static void
t_lock(void *data)
{
    uint32_t  none = 0;

    (void) data;

    while (!__atomic_compare_exchange_n(&sh->lock, &none, (uint32_t) getpid(),
                                        0, __ATOMIC_ACQUIRE,
                                        __ATOMIC_RELAXED))
    {
        none = 0;
        sched_yield();
    }
}


static void
t_unlock(void *data)
{
    (void) data;
    __atomic_store_n(&sh->lock, 0, __ATOMIC_RELEASE);
}


static int
t_alive(void *data, uint32_t pid, uint64_t start)
{
    (void) data;
    (void) start;

    return kill((pid_t) pid, 0) == 0 || errno != ESRCH;
}


static const genai_queue_env_t  env = { NULL, t_lock, t_unlock, t_alive,
                                        NULL };


/* the sinks: "0" and "1" */

static genai_sink_t *
fake_create(const genai_sink_conf_t *conf, genai_log_pt log, void *log_data,
    char *err, size_t errlen)
{
    fake_t  *f;

    (void) log;
    (void) log_data;
    (void) err;
    (void) errlen;

    f = calloc(1, sizeof(fake_t));
    f->base.conf = conf;

    return &f->base;
}


static int
fake_add(genai_sink_t *s, const genai_call_t *c)
{
    fake_t    *f = (fake_t *) s;
    uint32_t   id;

    if (f->n == 4096 || (sh->capacity && f->n == sh->capacity)) {
        return GENAI_AGAIN;
    }

    memcpy(&id, c->trace_id, 4);
    f->ids[f->n++] = id;

    return GENAI_OK;
}


static int
fake_send(genai_sink_t *s)
{
    fake_t  *f = (fake_t *) s;
    int      i = s->conf->name[0] - '0';

    sh->sends[i]++;
    sh->last[i] = f->n;
    f->sent = 1;

    return GENAI_OK;
}


static genai_send_e
fake_poll(genai_sink_t *s, uint32_t wait_ms, genai_send_result_t *res)
{
    int           i = s->conf->name[0] - '0';
    fake_t       *f = (fake_t *) s;
    uint32_t      k;
    genai_send_e  o = sh->outcome[i];

    (void) wait_ms;

    if (sh->random) {
        k = rnd(20);
        o = k < 8 ? GENAI_SEND_PENDING : k < 13 ? GENAI_SEND_RETRY
            : k < 14 ? GENAI_SEND_REJECTED : GENAI_SEND_ACKED;
    }

    if (o == GENAI_SEND_PENDING) {
        return o;
    }

    for (k = 0; k < f->n; k++) {
        if (o == GENAI_SEND_ACKED) {
            sh->got[i][f->ids[k]]++;

        } else if (o == GENAI_SEND_REJECTED) {
            sh->refused[i][f->ids[k]] = 1;
        }
    }

    res->outcome = o;
    res->rejected = sh->rejected[i];
    res->retry_after_ms = sh->random ? 1 : sh->retry_after[i];
    f->n = 0;
    f->sent = 0;

    return o;
}


static int
fake_send_metrics(genai_sink_t *s, const genai_metrics_t *m,
    const genai_metrics_view_t *view, uint64_t now_unix_ns)
{
    (void) s;
    (void) m;
    (void) view;
    (void) now_unix_ns;

    sh->metrics++;

    return GENAI_OK;
}


static genai_send_e
fake_poll_metrics(genai_sink_t *s, uint32_t wait_ms,
    genai_send_result_t *res)
{
    int  i = s->conf->name[0] - '0';

    (void) wait_ms;

    res->outcome = sh->outcome[i];
    res->retry_after_ms = sh->retry_after[i];

    return res->outcome;
}


static void
fake_cancel(genai_sink_t *s)
{
    ((fake_t *) s)->n = 0;
}


static void
fake_destroy(genai_sink_t *s)
{
    free(s);
}


static const genai_sink_ops_t  fake_ops = {
    .type = "fake", .create = fake_create, .add = fake_add,
    .send = fake_send, .poll = fake_poll, .cancel = fake_cancel,
    .send_metrics = fake_send_metrics, .poll_metrics = fake_poll_metrics,
    .destroy = fake_destroy
};


static const genai_sink_ops_t *
fake_find(const char *type)
{
    (void) type;

    return &fake_ops;
}


static int
fake_decode(const void *buf, size_t len, genai_call_t *c, genai_attr_t *attrs,
    size_t max)
{
    (void) attrs;
    (void) max;

    if (len < 4) {
        return GENAI_ERROR;
    }

    memset(c->trace_id, 0, 16);
    memcpy(c->trace_id, buf, 4);

    return GENAI_OK;
}


static void
fake_derive(void *data, const genai_call_t *c)
{
    (void) data;
    (void) c;

    sh->derived++;
}


static const genai_metrics_t *
fake_metrics(void *data)
{
    return data;
}


static genai_sink_conf_t  sinks[2] = {
    { .type = "fake", .name = "0", .batch = 100, .interval_ms = 20 },
    { .type = "fake", .name = "1", .batch = 100, .interval_ms = 20 }
};

static genai_exporter_conf_t  conf = {
    .sinks = sinks, .nsinks = 2, .spool_dir = dir_path,
    .spool_max = 64 * 1024 * 1024
};

static const genai_exporter_hooks_t  hooks = {
    .decode = fake_decode, .derive = fake_derive, .find = fake_find,
    .metrics = fake_metrics
};


static void
join(genai_queue_t *q, uint32_t pid, uint32_t slot)
{
    genai_queue_self_t  self;

    self.pid = pid;
    self.start = 1;
    self.slot = slot;
    self.generation = 1;

    genai_queue_open(q, mem, MEM, &env);
    genai_queue_join(q, &self);
}


static void
clean(void)
{
    DIR            *d;
    char            path[512];
    struct dirent  *e;

    d = opendir(dir_path);

    while ((e = readdir(d)) != NULL) {
        if (e->d_name[0] != '.') {
            snprintf(path, sizeof(path), "%s/%s", dir_path, e->d_name);
            unlink(path);
        }
    }

    closedir(d);
}


static void
begin(genai_queue_t *writer)
{
    const char  *names[2] = { "0", "1" };

    clean();
    memset(mem, 0, MEM);
    memset(sh, 0, sizeof(shared_t));
    sh->outcome[0] = sh->outcome[1] = GENAI_SEND_ACKED;
    next_id = 0;
    conf.spool_max = 64 * 1024 * 1024;

    genai_queue_init(mem, MEM, GENAI_QUEUE_BODY, names, 2);
    join(writer, (uint32_t) getpid(), 0);
}


static void
put(genai_queue_t *q, uint32_t n)
{
    char  buf[600];

    while (n--) {
        memset(buf, 1, sizeof(buf));
        memcpy(buf, &next_id, 4);
        next_id++;
        genai_queue_put(q, GENAI_RECORD_CALL, GENAI_REC_SAMPLED, buf,
                        100 + rnd(500));
    }
}


static int
balanced(const genai_queue_t *q, int i, genai_queue_stats_t *st)
{
    int       k;
    uint64_t  right;

    if (genai_queue_stats(q, (unsigned) i, st) != GENAI_OK) {
        return 0;
    }

    right = st->account.acked + st->account.unconfirmed + st->account.rejected
            + st->pending + st->account.spooled;

    for (k = 0; k < GENAI_DROP_N; k++) {
        right += st->account.dropped[k];
    }

    return st->finished + st->account.recovered == right;
}


static void
run(genai_exporter_t *x, int ms)
{
    for ( /* void */ ; ms > 0; ms -= 5) {
        genai_exporter_run(x, 5);
        usleep(5000);
    }
}


static void
test_batches(void)
{
    genai_queue_t        w, q;
    genai_exporter_t    *x;
    genai_queue_stats_t  st;

    begin(&w);
    join(&q, (uint32_t) getpid() + 100000, 1);
    x = genai_exporter_create(&conf, &q, &hooks);

    put(&w, 5);
    genai_exporter_run(x, 1);
    is_int(sh->sends[0], 0, "a batch waits to fill");
    run(x, 40);
    is_int(sh->sends[0], 1, "but not longer than its interval");
    is_int(sh->last[0], 5, "and has all there is");
    is_int(sh->derived, 5, "the metrics see each record once");

    put(&w, 150);
    genai_exporter_run(x, 1);
    is_int(sh->last[0], 100, "a full batch goes at once");
    run(x, 40);
    is_int(sh->last[0], 50, "the rest later");

    sh->capacity = 10;
    put(&w, 95);
    run(x, 60);
    is_int(sh->last[0], 5, "a sink that takes less gets less");
    sh->capacity = 0;
    genai_queue_stats(&q, 0, &st);
    is_int((long long) st.account.acked, 250, "none is forgotten in between");

    sh->rejected[0] = 3;
    put(&w, 10);
    run(x, 40);
    sh->rejected[0] = 0;
    genai_queue_stats(&q, 0, &st);
    is_int((long long) st.account.rejected, 3, "partial success is counted");
    ok(balanced(&q, 0, &st) && balanced(&q, 1, &st), "the accounts balance");

    genai_queue_put(&w, 77, GENAI_REC_SAMPLED, "??", 2);
    run(x, 40);
    genai_queue_stats(&q, 0, &st);
    is_int((long long) st.account.dropped[GENAI_DROP_CORRUPT], 1,
           "a record of no known kind is counted, not sent");

    genai_exporter_destroy(x);
    genai_queue_leave(&q);
}


static void
test_trouble(void)
{
    uint32_t             sends;
    genai_queue_t        w, q;
    genai_exporter_t    *x;
    genai_queue_stats_t  st;

    begin(&w);
    join(&q, (uint32_t) getpid() + 100000, 1);
    x = genai_exporter_create(&conf, &q, &hooks);

    sh->outcome[0] = GENAI_SEND_RETRY;
    sh->retry_after[0] = 200;
    put(&w, 100);
    genai_exporter_run(x, 5);
    sends = sh->sends[0];
    run(x, 100);
    is_int(sh->sends[0], sends, "Retry-After is respected");
    sh->outcome[0] = GENAI_SEND_ACKED;
    run(x, 160);
    is_int(sh->sends[0], sends + 1, "and no longer than that");
    genai_queue_stats(&q, 0, &st);
    is_int((long long) st.account.retried, 100, "what is sent again counts");
    is_int((long long) st.account.acked, 100, "and arrives");

    /* in flight, and the lane fills: it goes to the spool, once */

    sh->outcome[0] = GENAI_SEND_PENDING;
    put(&w, 100);
    genai_exporter_run(x, 5);
    put(&w, 50);
    genai_exporter_run(x, 5);
    put(&w, 50);
    genai_exporter_run(x, 5);
    genai_queue_stats(&q, 0, &st);
    ok(st.account.spooled >= 100 && st.pending < 100,
       "a batch in flight does not hold the lane (%d spooled)",
       (int) st.account.spooled);
    genai_queue_stats(&q, 1, &st);
    is_int((long long) st.account.acked, 300, "nor the other sink");

    sh->outcome[0] = GENAI_SEND_ACKED;
    run(x, 60);
    genai_queue_stats(&q, 0, &st);
    is_int((long long) st.account.acked, 300, "its answer still counts");
    is_int((long long) st.account.spooled, 0, "the spool is read back");

    {
        uint32_t  i, twice = 0;

        for (i = 0; i < next_id; i++) {
            twice += sh->got[0][i] != 1;
        }

        is_int(twice, 0, "each arrived exactly once");
    }

    /* a spool without room: the records are lost to this sink alone */

    conf.spool_max = 0;
    genai_exporter_destroy(x);
    x = genai_exporter_create(&conf, &q, &hooks);
    sh->outcome[0] = GENAI_SEND_PENDING;

    for (sends = 0; sends < 40; sends++) {
        put(&w, 30);
        genai_exporter_run(x, 5);
    }

    genai_queue_stats(&q, 0, &st);
    ok(st.account.dropped[GENAI_DROP_SPOOL_FULL] > 0
       && st.account.dropped[GENAI_DROP_FULL] == 0,
       "without a spool a stuck sink loses its own");
    ok(balanced(&q, 0, &st), "and counts it");
    genai_queue_stats(&q, 1, &st);
    ok(st.account.dropped[GENAI_DROP_FULL] == 0 && st.pending < 100,
       "the other loses none");

    genai_exporter_destroy(x);
    genai_queue_leave(&q);
}


/* a receiver that asks for time is given it by metrics too */

static void
test_metrics(void)
{
    uint32_t           sends;
    genai_queue_t      w, q;
    genai_exporter_t  *x;

    begin(&w);
    join(&q, (uint32_t) getpid() + 100000, 1);
    sinks[0].metrics = 1;
    sinks[0].metrics_interval_ms = 20;
    x = genai_exporter_create(&conf, &q, &hooks);

    run(x, 100);
    ok(sh->metrics > 1, "metrics go out at every interval");

    sh->outcome[0] = GENAI_SEND_RETRY;
    run(x, 60);
    sends = sh->metrics;
    run(x, 100);
    ok(sh->metrics > sends, "also when they were refused");

    sh->retry_after[0] = 60000;
    run(x, 60);
    sends = sh->metrics;
    run(x, 100);
    is_int(sh->metrics, sends, "but Retry-After is respected");

    genai_exporter_destroy(x);
    sinks[0].metrics = 0;
    genai_queue_leave(&q);
}


static void
test_end(void)
{
    genai_queue_t        w, q;
    genai_exporter_t    *x;
    genai_queue_stats_t  st;

    begin(&w);
    join(&q, (uint32_t) getpid() + 100000, 1);
    x = genai_exporter_create(&conf, &q, &hooks);

    sh->outcome[0] = GENAI_SEND_PENDING;
    put(&w, 70);
    genai_exporter_run(x, 5);
    ok(!genai_exporter_idle(x), "with records in lanes it is not idle");
    is_int(genai_exporter_spool_all(x), 0, "everything goes to the spool");
    genai_queue_stats(&q, 0, &st);
    is_int((long long) st.account.spooled, 70, "all of it");
    genai_exporter_destroy(x);

    /* another life, with other memory */

    memset(mem, 0, MEM);
    {
        const char  *names[2] = { "0", "1" };

        genai_queue_init(mem, MEM, GENAI_QUEUE_BODY, names, 2);
    }

    join(&w, (uint32_t) getpid(), 0);
    join(&q, (uint32_t) getpid() + 100001, 1);
    sh->outcome[0] = GENAI_SEND_ACKED;
    x = genai_exporter_create(&conf, &q, &hooks);
    run(x, 40);
    genai_queue_stats(&q, 0, &st);
    is_int((long long) st.account.recovered, 70, "found by the next life");
    is_int((long long) st.account.acked, 70, "and sent");
    ok(balanced(&q, 0, &st), "the accounts balance");
    ok(genai_exporter_idle(x), "then it is idle");

    genai_exporter_destroy(x);
}


static void
exporter_process(unsigned s)
{
    genai_queue_t      q;
    genai_exporter_t  *x;

    seed += (uint64_t) s * 7919 + (uint64_t) getpid();
    join(&q, (uint32_t) getpid(), 1);
    x = genai_exporter_create(&conf, &q, &hooks);

    for ( ;; ) {
        usleep(genai_exporter_run(x, 5) * 100);
    }
}


static void
test_kill(void)
{
    int                  i, k, status, good = 1;
    pid_t                pid;
    uint32_t             id, miss[2] = { 0, 0 };
    genai_queue_t        w, q;
    genai_exporter_t    *x;
    genai_queue_stats_t  st;

    begin(&w);
    sh->random = 1;

    for (i = 0; i < KILLS; i++) {
        pid = fork();

        if (pid == 0) {
            exporter_process((unsigned) i);
        }

        for (k = 0; k < 10; k++) {
            put(&w, rnd(40));
            usleep(500 + rnd(2000));
            good &= balanced(&w, 0, &st) & balanced(&w, 1, &st);
        }

        kill(pid, SIGKILL);
        waitpid(pid, &status, 0);

        if (sh->lock == (uint32_t) pid) {
            sh->lock = 0;
        }

        good &= balanced(&w, 0, &st) & balanced(&w, 1, &st);
    }

    sh->random = 0;
    join(&q, (uint32_t) getpid() + 100002, 1);
    x = genai_exporter_create(&conf, &q, &hooks);

    for (i = 0; i < 400; i++) {
        run(x, 20);

        genai_queue_stats(&q, 0, &st);
        k = st.pending == 0 && st.account.spooled == 0;
        genai_queue_stats(&q, 1, &st);

        if (k && st.pending == 0 && st.account.spooled == 0) {
            break;
        }
    }

    for (k = 0; k < 2; k++) {
        good &= balanced(&q, k, &st);

        for (id = 0; id < next_id; id++) {
            miss[k] += sh->got[k][id] == 0 && sh->refused[k][id] == 0;
        }

        is_int((long long) (miss[k] - st.account.dropped[GENAI_DROP_FULL]), 0,
               "killed at any time: each record arrived or is counted");
    }

    ok(good, "the accounts balance before and after each of %d kills", KILLS);
    ok(next_id > 3000 && sh->sends[0] > 30, "%u records, %u batches", next_id,
       sh->sends[0]);
    ok(sh->derived >= next_id - miss[0]
       && sh->derived <= next_id - miss[0] + KILLS,
       "the metrics saw each once, the one at a kill perhaps again");

    genai_exporter_destroy(x);
}


int
main(void)
{
    if (mkdtemp(dir_path) == NULL) {
        return 1;
    }

    mem = mmap(NULL, MEM, PROT_READ|PROT_WRITE, MAP_ANONYMOUS|MAP_SHARED, -1,
               0);
    sh = mmap(NULL, sizeof(shared_t), PROT_READ|PROT_WRITE,
              MAP_ANONYMOUS|MAP_SHARED, -1, 0);

    test_batches();
    test_trouble();
    test_metrics();
    test_end();
    test_kill();

    clean();
    rmdir(dir_path);

    return done();
}
