/*
 * A process that dies between two stores of a budget zone's section, for
 * tests: on_step() counts down a fuse and jumps out.
 *
 *     if (sigsetjmp(dead, 1) == 0) { fuse = 5; ...; fuse = 0; } else { ... }
 */

#ifndef GENAI_BUDGET_CRASH_H
#define GENAI_BUDGET_CRASH_H

#include <setjmp.h>
#include <stdint.h>


static sigjmp_buf  dead;
static int         fuse, died_at;      /* 0: it lives */


static void
on_step(void *data, int n)
{
    (void) data;

    if (fuse && --fuse == 0) {
        died_at = n;
        siglongjmp(dead, 1);
    }
}


/* a holder that jumped out is dead */

static void
plain_lock(void *data, uint32_t *word)
{
    (void) data;
    *word = 1;
}


#endif /* GENAI_BUDGET_CRASH_H */
