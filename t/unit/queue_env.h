/*
 * The queue's surroundings in tests: processes are numbers, a crash is a
 * longjmp before a store that matters.  Included once by a test.
 */

#ifndef GENAI_QUEUE_ENV_H
#define GENAI_QUEUE_ENV_H

#include "test.h"

#include <setjmp.h>

#include "../../src/lib/genai_queue.h"


#define WORKERS   6
#define BODY      131072
#define PROCS     4096


static uint64_t         seed = 0x9e3779b97f4a7c15ULL;

static uint8_t         *mem;
static size_t           mem_size;
static uint8_t          alive[PROCS];
static uint32_t         next_pid;

static genai_queue_t    worker[WORKERS];
static genai_queue_t    holder[3];             /* candidates for the lease */

static int              locked;
static int              countdown;             /* steps to the crash, 0: no */
static jmp_buf          crash;
static int              failures;


__attribute__((unused))
static uint32_t
rnd(uint32_t n)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;

    return (uint32_t) ((seed >> 11) % n);
}


static void
fail(const char *what)
{
    if (failures++ < 10) {
        printf("# %s\n", what);
    }
}


static void
t_lock(void *data)
{
    (void) data;

    if (locked++) {
        fail("the lock is taken twice");
    }
}


static void
t_unlock(void *data)
{
    (void) data;
    locked--;
}


static int
t_alive(void *data, uint32_t pid, uint64_t start)
{
    (void) data;

    if (locked) {
        fail("alive() is called under the lock");
    }

    return pid < PROCS && start == pid * 10 && alive[pid];
}


static void
t_step(void *data)
{
    (void) data;

    if (countdown && --countdown == 0) {
        locked = 0;
        longjmp(crash, 1);
    }
}


static const genai_queue_env_t  env = { NULL, t_lock, t_unlock, t_alive,
                                        t_step };


static genai_queue_self_t
spawn(uint32_t slot, uint32_t generation)
{
    genai_queue_self_t  self;

    self.pid = ++next_pid;
    self.start = next_pid * 10;
    self.slot = slot;
    self.generation = generation;
    alive[self.pid] = 1;

    return self;
}


/* fresh memory with two sinks and living workers */

static void
start_queue(uint32_t bodies)
{
    int                 i;
    const char         *names[2] = { "sink0", "sink1" };
    genai_queue_self_t  self;

    mem_size = genai_queue_min_size(BODY) + bodies * BODY;
    memset(mem, 0, mem_size);
    memset(alive, 0, sizeof(alive));
    memset(holder, 0, sizeof(holder));
    next_pid = 0;
    locked = 0;

    if (genai_queue_init(mem, mem_size, BODY, names, 2) != GENAI_OK) {
        fail("init");
    }

    for (i = 0; i < WORKERS; i++) {
        self = spawn((uint32_t) i, 1);
        genai_queue_open(&worker[i], mem, mem_size, &env);
        genai_queue_join(&worker[i], &self);
    }
}


#endif /* GENAI_QUEUE_ENV_H */
