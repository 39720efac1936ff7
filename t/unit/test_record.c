/*
 * Records: what is written is read again, nothing else is.
 */

#include <math.h>

#include "test.h"
#include "genai_record.h"


static genai_attr_t  attrs[GENAI_RECORD_ATTRS];


static void
fill(genai_call_t *c, const genai_attr_t *a, size_t na)
{
    int  i;

    genai_call_init(c, NULL, 0);

    for (i = 0; i < 16; i++) {
        c->trace_id[i] = (uint8_t) (i + 1);
    }

    memset(c->span_id, 0xab, 8);

    c->api = GENAI_API_BEDROCK;
    c->operation = GENAI_OP_CHAT;
    c->step = GENAI_STEP_GENERATION;
    c->sampled = 1;
    c->streamed = 1;
    c->reasoning = 1;
    c->by_words = 1;
    c->disagreement = GENAI_DISAGREE_BODY_HEADER;
    c->status = 200;
    c->start_unix_ns = 1795464000000000000ULL;
    c->start_ns = 5000000000ULL;
    c->first_token_ns = c->start_ns;          /* distance 0 is not "none" */
    c->end_ns = c->start_ns + 1234567;
    c->model = genai_strz("anthropic.claude-haiku-4-5-20251001-v1:0");
    c->error_message = genai_strz("caf\xc3\xa9");
    c->input_tokens = 0;
    c->output_tokens = 236;
    c->cost_pico = 123456789012345LL;
    c->priced = 1;
    c->drained = 1;
    c->temperature = 0.0;
    c->score_sum = 1.25;
    c->budget_status = GENAI_BUDGET_REJECTED_DRY_RUN;
    c->budget_ns = c->start_ns + 5;
    c->budget = genai_strz("tenant");
    c->budget_limit = genai_strz("100usd/day");
    c->budget_class = genai_strz("batch");
    c->budget_reserved = 0;
    c->budget_warned = 1;
    c->ntools = 2;
    c->tools[0] = genai_strz("search");
    c->tools[1] = genai_strz("");
    c->nscores = 1;
    c->scores[0].name = genai_strz("faithfulness");
    c->scores[0].value = 0.5;
    c->attrs = a;
    c->nattrs = na;
}


static void
test_round(void)
{
    char          buf[GENAI_RECORD_MAX];
    size_t        n;
    unsigned      lost;
    genai_attr_t  a[2] = {
        { genai_string("team"), genai_string("search"), 's', 1 },
        { genai_string("n"), genai_string("7"), 'i', 0 }
    };
    genai_call_t  c, d;

    fill(&c, a, 2);

    n = genai_record_encode(&c, buf, sizeof(buf), &lost);
    ok(n > 33 && n < 400, "a typical record is small (%zu bytes)", n);
    is_int(lost, 0, "nothing is left out");
    is_int(genai_record_decode(buf, n, &d, attrs, GENAI_RECORD_ATTRS),
           GENAI_OK, "a record is read again");
    ok(memcmp(d.trace_id, c.trace_id, 16) == 0, "the trace id stays");
    ok(genai_str_eq(d.model, c.model), "the model stays");
    ok(genai_str_eq(d.error_message, c.error_message), "UTF-8 stays");
    is_int(d.input_tokens, 0, "zero tokens are not unknown tokens");
    is_int(d.cache_read_tokens, -1, "unknown tokens stay unknown");
    is_int(d.cost_pico, c.cost_pico, "the cost stays to the pico-USD");
    is_int((long long) (d.end_ns - d.start_ns), 1234567, "durations stay");
    is_int((long long) (d.first_token_ns - d.start_ns), 0,
           "an instant at the start is kept");
    is_int((long long) d.first_event_ns, 0, "what did not happen stays so");
    ok(d.temperature == 0 && !isnan(d.temperature), "temperature 0 is given");
    ok(isnan(d.top_p), "top_p stays unknown");
    ok(d.sampled && d.streamed && d.priced && d.drained && !d.aborted,
       "flags stay");
    ok(d.reasoning, "that there was reasoning stays");
    ok(d.by_words && !d.by_vector, "and what a search goes by");
    is_int(d.disagreement, GENAI_DISAGREE_BODY_HEADER, "so do their fields");
    is_int(d.budget_status, GENAI_BUDGET_REJECTED_DRY_RUN,
           "what a budget said stays");
    is_int((long long) (d.budget_ns - d.start_ns), 5, "and when");
    ok(genai_str_eq(d.budget, c.budget)
       && genai_str_eq(d.budget_limit, c.budget_limit)
       && genai_str_eq(d.budget_class, c.budget_class),
       "with zone, limit and class");
    is_int(d.budget_reserved, 0, "nothing reserved is not no reservation");
    ok(d.budget_warned, "and its warning");
    is_int(d.ntools, 2, "both tools are there");
    is_int(d.nscores, 1, "scores stay");
    ok(d.scores[0].value == 0.5, "with their values");
    is_int((long long) d.nattrs, 2, "attributes stay");
    is_mem(d.attrs[0].value.data, d.attrs[0].value.len, "search", "values");
    ok(d.attrs[0].label && !d.attrs[1].label, "labels are told apart");
}


static void
test_damage(void)
{
    char          buf[GENAI_RECORD_MAX], cut[GENAI_RECORD_MAX];
    int           rc, clean;
    size_t        n, i;
    genai_call_t  c, d;

    fill(&c, NULL, 0);
    n = genai_record_encode(&c, buf, sizeof(buf), NULL);

    clean = 1;

    for (i = 0; i < n; i++) {
        memcpy(cut, buf, i);
        rc = genai_record_decode(cut, i, &d, attrs, GENAI_RECORD_ATTRS);
        clean &= (rc == GENAI_OK || rc == GENAI_ERROR);
        clean &= (i >= 33 || rc == GENAI_ERROR);
    }

    ok(clean, "a record that is cut anywhere is refused or shorter");

    buf[0] = 9;
    is_int(genai_record_decode(buf, n, &d, attrs, 1), GENAI_DECLINED,
           "another version is declined, not misread");
}


static void
test_unknown_tags(void)
{
    char          buf[256];
    size_t        n;
    genai_call_t  d;

    memset(buf, 1, 33);
    buf[0] = GENAI_RECORD_VERSION;
    n = 33;
    memcpy(buf + n, "\x15\xc8\x01", 3);           /* status 200 */
    n += 3;
    memcpy(buf + n, "\x4f\x03new", 5);            /* a string, tag 79 */
    n += 5;
    memcpy(buf + n, "\x81\xff\x01", 3);           /* a number, tag 129 */
    n += 3;
    memcpy(buf + n, "\x9f" "12345678", 9);        /* a double, tag 159 */
    n += 9;

    is_int(genai_record_decode(buf, n, &d, NULL, 0), GENAI_OK,
           "fields of a later version are skipped");
    is_int(d.status, 200, "and the known ones are read");
}


static void
test_large(void)
{
    static char   big[40000];
    char          buf[GENAI_RECORD_MAX];
    size_t        n;
    unsigned      lost;
    genai_attr_t  a = { genai_string("big"), { big, sizeof(big) }, 's', 0 };
    genai_call_t  c, d;

    memset(big, 'x', sizeof(big));
    fill(&c, &a, 1);

    n = genai_record_encode(&c, buf, sizeof(buf), &lost);
    ok(n > 0 && n <= GENAI_RECORD_MAX, "a record never passes its limit");
    is_int(lost, 1, "what does not fit is counted");
    is_int(genai_record_decode(buf, n, &d, attrs, 4), GENAI_OK, "and the "
           "rest is whole");
    is_int((long long) genai_record_encode(&c, buf, 100, NULL), 0,
           "too small a buffer is refused");
}


int
main(void)
{
    test_round();
    test_damage();
    test_unknown_tags();
    test_large();

    return done();
}
