/*
 * Token arithmetic: see genai_usage.h.
 */

#include "genai_usage.h"


/* the three readings without absurd values, and which of them was used */

typedef struct {
    genai_usage_t  u[GENAI_USAGE_N];
    int            first;              /* first that gave a figure, -1 */
    int            input;              /* the one that gave the input, -1 */
    int            output;
} genai_usage_pick_t;


static void genai_usage_read(genai_usage_t *to, const genai_usage_t *from);
static int genai_usage_pick(genai_usage_pick_t *p, size_t field,
    int64_t *value);
static int64_t genai_usage_zero(int64_t v);
static void genai_usage_total(genai_call_t *c, const genai_usage_pick_t *p,
    int64_t said);
static unsigned genai_usage_compare(const genai_call_t *c,
    const genai_usage_pick_t *p);
static int genai_usage_differ(const genai_call_t *c, const genai_usage_t *a,
    const genai_usage_t *b);
static void genai_usage_judge(genai_call_t *c, const genai_usage_pick_t *p);
static int genai_usage_has_output(const genai_call_t *c);
static int64_t genai_usage_chars(int64_t chars);


void
genai_usage_init(genai_usage_t *u)
{
    u->input = -1;
    u->output = -1;
    u->cache_read = -1;
    u->cache_write = -1;
    u->cache_write_1h = -1;
    u->reasoning = -1;
    u->total = -1;
    u->input_inclusive = 0;
    u->seen = 0;
}


void
genai_usage_settle(genai_call_t *c)
{
    int                 i;
    int64_t             total, cached;
    genai_usage_pick_t  p;

    p.first = -1;

    for (i = 0; i < GENAI_USAGE_N; i++) {
        genai_usage_read(&p.u[i], &c->usage[i]);
    }

#define genai_pick(field, to)                                                 \
    genai_usage_pick(&p, offsetof(genai_usage_t, field), to)

    p.input = genai_pick(input, &c->input_tokens);
    p.output = genai_pick(output, &c->output_tokens);
    (void) genai_pick(cache_read, &c->cache_read_tokens);
    (void) genai_pick(cache_write, &c->cache_write_tokens);
    (void) genai_pick(cache_write_1h, &c->cache_write_1h_tokens);
    (void) genai_pick(reasoning, &c->reasoning_tokens);
    (void) genai_pick(total, &total);

#undef genai_pick

    /* the part cannot be more than the whole: who told only the part, or
     * a smaller whole, told at least this much of it */

    if (c->cache_write_1h_tokens > c->cache_write_tokens) {
        c->cache_write_tokens = c->cache_write_1h_tokens;
    }

    cached = genai_usage_zero(c->cache_read_tokens)
             + genai_usage_zero(c->cache_write_tokens);

    /* an input below its own cached parts was not inclusive, whatever the
     * API's habit */

    if (p.input >= 0
        && (!p.u[p.input].input_inclusive || c->input_tokens < cached))
    {
        c->input_tokens += cached;
    }

    genai_usage_total(c, &p, total);

    c->disagreement = c->from_cache ? 0 : genai_usage_compare(c, &p);

    genai_usage_judge(c, &p);
}


static void
genai_usage_read(genai_usage_t *to, const genai_usage_t *from)
{
    genai_usage_init(to);

    if (!from->seen) {
        return;
    }

    to->input = genai_usage_sane(from->input);
    to->output = genai_usage_sane(from->output);
    to->cache_read = genai_usage_sane(from->cache_read);
    to->cache_write = genai_usage_sane(from->cache_write);
    to->cache_write_1h = genai_usage_sane(from->cache_write_1h);
    to->reasoning = genai_usage_sane(from->reasoning);
    to->total = genai_usage_sane(from->total);
    to->input_inclusive = from->input_inclusive;
    to->seen = 1;
}


/* the first reading that has the field; -1 and *value -1 when none has */

static int
genai_usage_pick(genai_usage_pick_t *p, size_t field, int64_t *value)
{
    int      i;
    int64_t  v;

    for (i = 0; i < GENAI_USAGE_N; i++) {
        memcpy(&v, (const char *) &p->u[i] + field, sizeof(v));

        if (v >= 0) {
            if (p->first < 0 || i < p->first) {
                p->first = i;
            }

            *value = v;
            return i;
        }
    }

    *value = -1;

    return -1;
}


static int64_t
genai_usage_zero(int64_t v)
{
    return v < 0 ? 0 : v;
}


/*
 * The total is a sum; one that was sent only stands in where a part of the
 * sum is unknown.  It also tells on APIs that leave reasoning out of their
 * output count.
 */

static void
genai_usage_total(genai_call_t *c, const genai_usage_pick_t *p, int64_t said)
{
    int64_t  reasoning;

    reasoning = genai_usage_zero(c->reasoning_tokens);

    if (p->output >= 0 && reasoning > 0
        && (c->reasoning_apart
            || reasoning > c->output_tokens
            || (c->input_tokens >= 0
                && said == c->input_tokens + c->output_tokens + reasoning)))
    {
        c->output_tokens += reasoning;
    }

    if (c->input_tokens >= 0 && c->output_tokens >= 0) {
        c->total_tokens = c->input_tokens + c->output_tokens;

    } else if (c->input_tokens >= 0 && !genai_usage_has_output(c)) {
        c->total_tokens = c->input_tokens;

    } else {
        c->total_tokens = said;
    }
}


static unsigned
genai_usage_compare(const genai_call_t *c, const genai_usage_pick_t *p)
{
    unsigned              bits;
    const genai_usage_t  *u;

    u = p->u;
    bits = 0;

    if (genai_usage_differ(c, &u[GENAI_USAGE_BODY], &u[GENAI_USAGE_FRAME])) {
        bits |= GENAI_DISAGREE_BODY_FRAME;
    }

    if (genai_usage_differ(c, &u[GENAI_USAGE_BODY], &u[GENAI_USAGE_HEADER])) {
        bits |= GENAI_DISAGREE_BODY_HEADER;
    }

    if (genai_usage_differ(c, &u[GENAI_USAGE_FRAME], &u[GENAI_USAGE_HEADER]))
    {
        bits |= GENAI_DISAGREE_FRAME_HEADER;
    }

    return bits;
}


/* inputs are compared as they are, or as sums where only one includes the
 * cache; a source that is silent about the cache is taken to mean the same */

static int
genai_usage_differ(const genai_call_t *c, const genai_usage_t *a,
    const genai_usage_t *b)
{
    int64_t  ai, bi, cached;

    if (a->output >= 0 && b->output >= 0 && a->output != b->output) {
        return 1;
    }

    if (a->input < 0 || b->input < 0) {
        return 0;
    }

    ai = a->input;
    bi = b->input;

    if (a->input_inclusive != b->input_inclusive) {
        cached = genai_usage_zero(c->cache_read_tokens)
                 + genai_usage_zero(c->cache_write_tokens);

        ai += a->input_inclusive ? 0 : cached;
        bi += b->input_inclusive ? 0 : cached;
    }

    return ai != bi;
}


static void
genai_usage_judge(genai_call_t *c, const genai_usage_pick_t *p)
{
    static const uint8_t  source[GENAI_USAGE_N] = {
        GENAI_SOURCE_BODY, GENAI_SOURCE_FRAME, GENAI_SOURCE_HEADER
    };

    c->usage_complete = c->input_tokens >= 0 && !c->bad_body
                        && (c->output_tokens >= 0
                            || !genai_usage_has_output(c));

    if (p->first < 0) {
        c->usage_source = GENAI_SOURCE_NONE;
        return;
    }

    c->usage_source = source[p->first];

    if (c->from_cache) {
        c->usage_source = GENAI_SOURCE_CACHE;
        return;
    }

    /* the stop reason comes with or before the final counts: whoever has
     * seen all three has lost nothing to an early end; an error in a stream
     * is one, too, and counts from its beginning are not the final ones */

    if (((c->aborted && !c->drained) || c->truncated
         || (c->error && c->streamed))
        && (c->stop_reason.len == 0 || !c->usage_complete))
    {
        c->usage_source = GENAI_SOURCE_PARTIAL;
        c->usage_complete = 0;
    }
}


static int
genai_usage_has_output(const genai_call_t *c)
{
    switch (c->operation) {

    case GENAI_OP_EMBEDDINGS:
    case GENAI_OP_RERANK:
    case GENAI_OP_RETRIEVAL:
    case GENAI_OP_COUNT_TOKENS:
    case GENAI_OP_IMAGE:
        return 0;

    default:
        return 1;
    }
}


int
genai_usage_wanting(const genai_call_t *c)
{
    if (!c->streamed || c->usage_complete || c->skip != GENAI_SKIP_NONE) {
        return 0;
    }

    return c->aborted || c->truncated
           || (c->error ? c->text_events > 0 && !c->bad_body
                        : c->usage_source == GENAI_SOURCE_NONE);
}


int
genai_usage_estimate(genai_call_t *c)
{
    int64_t  input, output;

    if (c->usage_complete) {
        return GENAI_DECLINED;
    }

    input = c->input_tokens;
    output = c->output_tokens;

    if (input < 0 && (c->prompt_chars >= 0 || c->system_chars >= 0)) {
        input = genai_usage_chars(
                     genai_usage_zero(genai_usage_sane(c->prompt_chars))
                     + genai_usage_zero(genai_usage_sane(c->system_chars)));
    }

    if (genai_usage_has_output(c) && c->output_chars >= 0
        && (output < 0 || c->usage_source == GENAI_SOURCE_PARTIAL)
        && genai_usage_chars(c->output_chars) > output)
    {
        output = genai_usage_chars(c->output_chars);
    }

    if (input == c->input_tokens && output == c->output_tokens) {
        return GENAI_DECLINED;
    }

    c->input_tokens = input;
    c->output_tokens = output;

    if (input >= 0 && (output >= 0 || !genai_usage_has_output(c))) {
        c->total_tokens = input + genai_usage_zero(output);
    }

    c->usage_source = GENAI_SOURCE_ESTIMATE;
    c->usage_complete = 0;

    return GENAI_OK;
}


/* as if it were cut here */

void
genai_usage_running(const genai_call_t *c, int64_t *input, int64_t *output)
{
    genai_call_t  now;

    now = *c;
    now.aborted = 1;

    genai_usage_settle(&now);
    (void) genai_usage_estimate(&now);

    *input = now.input_tokens;
    *output = genai_usage_zero(now.output_tokens);
}


static int64_t
genai_usage_chars(int64_t chars)
{
    chars = genai_usage_sane(chars);

    return chars < 0 ? -1 : (chars + 3) / 4;
}
