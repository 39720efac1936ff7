/*
 * Budgets as they are written, and snapshots: a limit that is read can be
 * written and read again; a snapshot that is taken leaves a zone in order,
 * holds its limits, and is written again as it was.  The first byte chooses.
 */

#include <stdlib.h>

#include "genai_budget_zone.h"
#include "genai_crc32.h"


#define ZONE  (64 * 1024)
#define BUF   (128 * 1024)
#define NOW   1795392000


static void
must(int good)
{
    if (!good) {
        abort();
    }
}


static void
no_lock(void *data, uint32_t *word)
{
    (void) data;
    (void) word;
}


static void
spec(genai_str_t s)
{
    int                   tz;
    char                  err[256], buf[GENAI_BUDGET_TEXT];
    size_t                n;
    int64_t               t;
    uint32_t              percent;
    genai_budget_limit_t  l, back;

    genai_budget_parse_tz(s, &tz, err, sizeof(err));
    genai_budget_parse_percent(s, &percent, err, 10);

    err[0] = '\0';

    if (genai_budget_parse(s, -300, &l, err, sizeof(err)) != GENAI_OK) {
        must(err[0] != '\0');
        return;
    }

    n = genai_budget_text(&l, buf);
    must(n < sizeof(buf));
    must(genai_budget_parse(genai_str(buf, n), -300, &back, err,
                            sizeof(err)) == GENAI_OK);
    must(memcmp(&l, &back, sizeof(l)) == 0);

    for (t = NOW; t < NOW + 100 * 86400; t += 86400 * 7 + 12345) {
        must(genai_budget_start(&l, t) <= t && genai_budget_next(&l, t) > t);
    }

    genai_budget_amount_text(l.unit, l.amount, buf);
}


static void
on_key(void *data, genai_str_t key, const genai_budget_t *b)
{
    uint32_t              i;
    genai_budget_state_t  s;

    (void) key;
    *(int *) data += 1;

    for (i = 0; i < b->nuse; i++) {
        genai_budget_state(b, i, NOW, &s);
        must(s.spent >= 0 && s.reserved >= 0);
    }
}


static void
snapshot(const uint8_t *data, size_t len)
{
    int                         n;
    size_t                      size, again;
    uint32_t                    crc, keys, lost;
    char                        err[256];
    genai_budget_call_t         c;
    genai_budget_zone_t         z;
    genai_budget_limit_t        l;
    genai_budget_handle_t       h;

    static char                 in[BUF], out[2][BUF];
    static char                 mem[ZONE] __attribute__((aligned(64)));
    static const uint8_t        seed[16];
    static genai_budget_sync_t  sync = { no_lock, no_lock, NULL, NULL };

    if (len > BUF) {
        return;
    }

    memcpy(in, data, len);

    if (len >= 24) {
        memcpy(in + 16, &len, 8);
        memset(in + 12, 0, 4);
        crc = genai_crc32(0, in, len);
        memcpy(in + 12, &crc, 4);
    }

    must(genai_budget_zone_init(&z, mem, ZONE, 2, 1, seed, &sync)
         == GENAI_OK);

    err[0] = '\0';

    if (genai_budget_zone_restore(&z, in, len, NOW, &keys, &lost, err,
                                  sizeof(err)) != GENAI_OK)
    {
        must(err[0] != '\0');
        return;
    }

    must(genai_budget_zone_check(&z) == GENAI_OK);
    n = 0;
    genai_budget_zone_list(&z, on_key, &n, NOW);
    must(n <= (int) keys);

    size = genai_budget_zone_snapshot(&z, out[0], BUF, NOW);
    must(size > 0);
    must(genai_budget_zone_init(&z, mem, ZONE, 2, 1, seed, &sync)
         == GENAI_OK);
    must(genai_budget_zone_restore(&z, out[0], size, NOW, &keys, &lost, err,
                                   sizeof(err)) == GENAI_OK);
    again = genai_budget_zone_snapshot(&z, out[1], BUF, NOW);
    must(again == size);

    must(genai_budget_parse(genai_strz("5req/1h"), 0, &l, NULL, 0)
         == GENAI_OK);
    memset(&c, 0, sizeof(c));
    c.key = genai_strz("key");
    c.limits = &l;
    c.nlimits = 1;
    c.share = 100;
    c.amounts.req = 1;
    c.now = NOW;

    for (n = 0; n < 6; n++) {
        if (genai_budget_zone_reserve(&z, &c, &h, NULL) == GENAI_OK) {
            must(genai_budget_zone_settle(&z, h, NULL, NOW, NULL)
                 == GENAI_OK);
        }
    }

    must(genai_budget_zone_reserve(&z, &c, &h, NULL) != GENAI_OK);
    must(genai_budget_zone_check(&z) == GENAI_OK);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    if (len == 0) {
        return 0;
    }

    if (data[0] & 1) {
        spec(genai_str((const char *) data + 1, len - 1));

    } else {
        snapshot(data + 1, len - 1);
    }

    return 0;
}
