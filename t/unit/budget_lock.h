/*
 * A lock word in shared memory that holds its owner's pid, taken from the
 * dead: for tests and benchmarks of budget zones in several processes.
 */

#ifndef GENAI_BUDGET_LOCK_H
#define GENAI_BUDGET_LOCK_H

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <unistd.h>

#include "genai_budget_zone.h"


static void
pid_lock(void *data, uint32_t *word)
{
    int        n;
    uint32_t   holder, me;

    me = *(uint32_t *) data;

    for (n = 1; /* void */ ; n++) {
        holder = 0;

        if (__atomic_compare_exchange_n(word, &holder, me, 0,
                                        __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
        {
            return;
        }

        if (n % 256) {
            continue;
        }

        if (kill((pid_t) holder, 0) == -1 && errno == ESRCH
            && __atomic_compare_exchange_n(word, &holder, me, 0,
                                           __ATOMIC_ACQUIRE,
                                           __ATOMIC_RELAXED))
        {
            return;
        }

        sched_yield();
    }
}


static void
pid_unlock(void *data, uint32_t *word)
{
    (void) data;

    __atomic_store_n(word, 0, __ATOMIC_RELEASE);
}


#endif /* GENAI_BUDGET_LOCK_H */
