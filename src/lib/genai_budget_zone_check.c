/*
 * Does a zone agree with itself?  For tests, and for what a snapshot is made
 * of.
 */

#include "genai_budget_zone.h"
#include "genai_budget_zone_private.h"


static int
shard_check(genai_budget_zone_t *z, shard_t *s)
{
    size_t                  size;
    entry_t                *e, copy;
    uint32_t                i, k, n, open;
    genai_budget_amounts_t  was;

    size = zone_entry_size(zone_head(z)->nlimits);
    n = genai_table_limit(shard_table(s));
    open = 0;

    for (i = 0; i < n; i++) {
        e = genai_table_at(shard_table(s), i);

        if (e == NULL) {
            continue;
        }

        memcpy(&copy, e, size);
        was = copy.b.reserved;
        memset(&copy.b.reserved, 0, sizeof(genai_budget_amounts_t));
        copy.b.holds = 0;

        for (k = 0; k < s->nrows; k++) {
            if (row_at(s, k)->hold.open
                && row_entry(s, row_at(s, k)) == e)
            {
                genai_budget_hold_again(&copy.b, &row_at(s, k)->hold);
            }
        }

        open += copy.b.holds;

        if (memcmp(&was, &copy.b.reserved, sizeof(was)) != 0
            || copy.b.holds != e->b.holds)
        {
            return GENAI_ERROR;
        }
    }

    n = 0;

    for (i = s->free; i != ZONE_NONE && n <= s->nrows;
         i = row_at(s, i)->next)
    {
        n++;
    }

    return open == s->open && n + open == s->nrows
           ? genai_table_check(shard_table(s)) : GENAI_ERROR;
}


int
genai_budget_zone_check(genai_budget_zone_t *z)
{
    int       rc;
    shard_t  *s;
    uint32_t  i;

    rc = GENAI_OK;

    for (i = 0; i < zone_head(z)->nshards && rc == GENAI_OK; i++) {
        s = genai_budget_zone_lock(z, i);
        rc = shard_check(z, s);
        genai_budget_zone_unlock(z, s);
    }

    return rc;
}
