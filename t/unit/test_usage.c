/*
 * Token arithmetic: each case is a row; -1 is "not said".
 */

#include "test.h"

#include "genai_usage.h"


#define U(i, o, r, w, h, re, t)  { i, o, r, w, h, re, t, 0, 1 }
#define UI(i, o, r, w, h, re, t) { i, o, r, w, h, re, t, 1, 1 }
#define NO                       { -1, -1, -1, -1, -1, -1, -1, 0, 0 }

#define HUGE_COUNT  ((1LL << 48) + 1)


typedef struct {
    const char     *name;
    genai_usage_t   u[GENAI_USAGE_N];
    unsigned        op;
    const char     *flags;       /* a aborted d drained t truncated b bad
                                    c cached s stop reason seen */
    int64_t         in, out, read, write, hour, reasoning, total;
    unsigned        source, complete, disagreement;
} usage_case_t;


static const usage_case_t  cases[] = {

    /* who is asked first */

    { "Converse: the body alone",
      { U(11, 236, 0, 1028, -1, -1, 1275), NO, NO }, GENAI_OP_CHAT, "",
      1039, 236, 0, 1028, -1, -1, 1275, GENAI_SOURCE_BODY, 1, 0 },
    { "the frame where the body said nothing",
      { NO, U(9, 4, -1, -1, -1, -1, -1), NO }, GENAI_OP_CHAT, "",
      9, 4, -1, -1, -1, -1, 13, GENAI_SOURCE_FRAME, 1, 0 },
    { "headers where nothing else is",
      { NO, NO, U(7, 3, 2, 1, -1, -1, -1) }, GENAI_OP_CHAT, "",
      10, 3, 2, 1, -1, -1, 13, GENAI_SOURCE_HEADER, 1, 0 },
    { "body before frame before header",
      { U(1, 2, -1, -1, -1, -1, -1), U(1, 2, -1, -1, -1, -1, -1),
        U(1, 2, -1, -1, -1, -1, -1) }, GENAI_OP_CHAT, "",
      1, 2, -1, -1, -1, -1, 3, GENAI_SOURCE_BODY, 1, 0 },
    { "Nova under a guardrail: output only in the header",
      { U(5, -1, -1, -1, -1, -1, -1), NO, U(5, 8, 0, 0, -1, -1, -1) },
      GENAI_OP_CHAT, "",
      5, 8, 0, 0, -1, -1, 13, GENAI_SOURCE_BODY, 1, 0 },
    { "cache keys fall through to the frame",
      { U(5, 8, -1, -1, -1, -1, -1), U(5, 8, 40, 2, -1, -1, -1), NO },
      GENAI_OP_CHAT, "",
      47, 8, 40, 2, -1, -1, 55, GENAI_SOURCE_BODY, 1, 0 },
    { "a body without counts is not the source",
      { U(-1, -1, -1, -1, -1, -1, -1), NO, U(5, 8, -1, -1, -1, -1, -1) },
      GENAI_OP_CHAT, "",
      5, 8, -1, -1, -1, -1, 13, GENAI_SOURCE_HEADER, 1, 0 },
    { "no source at all",
      { NO, NO, NO }, GENAI_OP_CHAT, "",
      -1, -1, -1, -1, -1, -1, -1, GENAI_SOURCE_NONE, 0, 0 },
    { "a reading that was not seen does not count",
      { { 5, 6, -1, -1, -1, -1, -1, 0, 0 }, NO, NO }, GENAI_OP_CHAT, "",
      -1, -1, -1, -1, -1, -1, -1, GENAI_SOURCE_NONE, 0, 0 },

    /* cache inside or outside the input */

    { "Claude: 4 input beside 18131 written",
      { U(4, 9, 0, 18131, 131, -1, -1), NO, NO }, GENAI_OP_CHAT, "",
      18135, 9, 0, 18131, 131, -1, 18144, GENAI_SOURCE_BODY, 1, 0 },
    { "OpenAI: the input includes both cache parts",
      { UI(1000, 50, 600, 100, -1, 20, 1050), NO, NO }, GENAI_OP_CHAT, "",
      1000, 50, 600, 100, -1, 20, 1050, GENAI_SOURCE_BODY, 1, 0 },
    { "inclusive, yet less than its own cache: was exclusive",
      { UI(10, 5, 600, 0, -1, -1, -1), NO, NO }, GENAI_OP_CHAT, "",
      610, 5, 600, 0, -1, -1, 615, GENAI_SOURCE_BODY, 1, 0 },
    { "inclusive body, cache parts from exclusive headers",
      { UI(700, 5, -1, -1, -1, -1, -1), NO, U(100, 5, 600, 0, -1, -1, -1) },
      GENAI_OP_CHAT, "",
      700, 5, 600, 0, -1, -1, 705, GENAI_SOURCE_BODY, 1, 0 },
    { "only the one-hour part of the writes is known",
      { U(4, 9, -1, -1, 30, -1, -1), NO, NO }, GENAI_OP_CHAT, "",
      34, 9, -1, 30, 30, -1, 43, GENAI_SOURCE_BODY, 1, 0 },

    /* reasoning and totals */

    { "reasoning is a part of output",
      { U(10, 50, -1, -1, -1, 30, 60), NO, NO }, GENAI_OP_CHAT, "",
      10, 50, -1, -1, -1, 30, 60, GENAI_SOURCE_BODY, 1, 0 },
    { "the total shows that output left reasoning out",
      { UI(10, 50, -1, -1, -1, 30, 90), NO, NO }, GENAI_OP_CHAT, "",
      10, 80, -1, -1, -1, 30, 90, GENAI_SOURCE_BODY, 1, 0 },
    { "more reasoning than output: it was left out",
      { UI(10, 5, -1, -1, -1, 30, -1), NO, NO }, GENAI_OP_CHAT, "",
      10, 35, -1, -1, -1, 30, 45, GENAI_SOURCE_BODY, 1, 0 },
    { "a total that says otherwise does not change the sum",
      { U(10, 50, -1, -1, -1, -1, 99), NO, NO }, GENAI_OP_CHAT, "",
      10, 50, -1, -1, -1, -1, 60, GENAI_SOURCE_BODY, 1, 0 },
    { "input is never made from a total",
      { U(-1, 50, -1, -1, -1, -1, 99), NO, NO }, GENAI_OP_CHAT, "",
      -1, 50, -1, -1, -1, -1, 99, GENAI_SOURCE_BODY, 0, 0 },
    { "embeddings have no output",
      { NO, NO, U(6, -1, -1, -1, -1, -1, -1) }, GENAI_OP_EMBEDDINGS, "",
      6, -1, -1, -1, -1, -1, 6, GENAI_SOURCE_HEADER, 1, 0 },
    { "a chat with input alone is not complete",
      { U(6, -1, -1, -1, -1, -1, -1), NO, NO }, GENAI_OP_CHAT, "",
      6, -1, -1, -1, -1, -1, -1, GENAI_SOURCE_BODY, 0, 0 },

    /* disagreement */

    { "recorded: frame 97, message_delta 133",
      { U(20, 133, -1, -1, -1, -1, -1), U(20, 97, -1, -1, -1, -1, -1), NO },
      GENAI_OP_CHAT, "",
      20, 133, -1, -1, -1, -1, 153, GENAI_SOURCE_BODY, 1,
      GENAI_DISAGREE_BODY_FRAME },
    { "header against body and frame",
      { U(1, 2, -1, -1, -1, -1, -1), U(1, 2, -1, -1, -1, -1, -1),
        U(3, 2, -1, -1, -1, -1, -1) }, GENAI_OP_CHAT, "",
      1, 2, -1, -1, -1, -1, 3, GENAI_SOURCE_BODY, 1,
      GENAI_DISAGREE_BODY_HEADER | GENAI_DISAGREE_FRAME_HEADER },
    { "inclusive and exclusive inputs that mean the same agree",
      { UI(100, 2, 60, 10, -1, -1, -1), NO, U(30, 2, 60, 10, -1, -1, -1) },
      GENAI_OP_CHAT, "",
      100, 2, 60, 10, -1, -1, 102, GENAI_SOURCE_BODY, 1, 0 },
    { "inclusive and exclusive inputs that differ",
      { UI(100, 2, 60, 10, -1, -1, -1), NO, U(31, 2, 60, 10, -1, -1, -1) },
      GENAI_OP_CHAT, "",
      100, 2, 60, 10, -1, -1, 102, GENAI_SOURCE_BODY, 1,
      GENAI_DISAGREE_BODY_HEADER },
    { "one that is silent does not disagree",
      { U(20, -1, -1, -1, -1, -1, -1), U(-1, 97, -1, -1, -1, -1, -1), NO },
      GENAI_OP_CHAT, "",
      20, 97, -1, -1, -1, -1, 117, GENAI_SOURCE_BODY, 1, 0 },

    /* absurd values */

    { "more than 2^48 tokens are unknown",
      { U(HUGE_COUNT, 5, INT64_MAX, -1, -1, -1, -1), NO,
        U(7, 5, -1, -1, -1, -1, -1) }, GENAI_OP_CHAT, "",
      7, 5, -1, -1, -1, -1, 12, GENAI_SOURCE_BODY, 1, 0 },
    { "negative counts are unknown",
      { U(-5, INT64_MIN, -1, -1, -1, -1, -1), NO, NO }, GENAI_OP_CHAT, "",
      -1, -1, -1, -1, -1, -1, -1, GENAI_SOURCE_NONE, 0, 0 },
    { "2^48 itself is believed, and sums stay in range",
      { U(1LL << 48, 1LL << 48, 1LL << 48, 1LL << 48, -1, -1, -1), NO, NO },
      GENAI_OP_CHAT, "",
      3LL << 48, 1LL << 48, 1LL << 48, 1LL << 48, -1, -1, 4LL << 48,
      GENAI_SOURCE_BODY, 1, 0 },

    /* early ends */

    { "aborted: what passed, as partial",
      { U(21, 1, -1, -1, -1, -1, -1), NO, NO }, GENAI_OP_CHAT, "a",
      21, 1, -1, -1, -1, -1, 22, GENAI_SOURCE_PARTIAL, 0, 0 },
    { "truncated likewise",
      { U(21, 1, -1, -1, -1, -1, -1), NO, NO }, GENAI_OP_CHAT, "t",
      21, 1, -1, -1, -1, -1, 22, GENAI_SOURCE_PARTIAL, 0, 0 },
    { "aborted after the stop reason and both counts: nothing was lost",
      { U(21, 40, -1, -1, -1, -1, -1), NO, NO }, GENAI_OP_CHAT, "as",
      21, 40, -1, -1, -1, -1, 61, GENAI_SOURCE_BODY, 1, 0 },
    { "stop reason seen, counts not: partial",
      { U(21, -1, -1, -1, -1, -1, -1), NO, NO }, GENAI_OP_CHAT, "ts",
      21, -1, -1, -1, -1, -1, -1, GENAI_SOURCE_PARTIAL, 0, 0 },
    { "aborted before any count",
      { NO, NO, NO }, GENAI_OP_CHAT, "a",
      -1, -1, -1, -1, -1, -1, -1, GENAI_SOURCE_NONE, 0, 0 },
    { "aborted and drained: an embedding has no stop reason to wait for",
      { U(21, -1, -1, -1, -1, -1, -1), NO, NO }, GENAI_OP_EMBEDDINGS, "ad",
      21, -1, -1, -1, -1, -1, 21, GENAI_SOURCE_BODY, 1, 0 },
    { "drained, but the upstream ended too early: partial",
      { U(21, 1, -1, -1, -1, -1, -1), NO, NO }, GENAI_OP_CHAT, "adt",
      21, 1, -1, -1, -1, -1, 22, GENAI_SOURCE_PARTIAL, 0, 0 },
    { "a bad body is never complete",
      { NO, NO, U(7, 3, -1, -1, -1, -1, -1) }, GENAI_OP_CHAT, "b",
      7, 3, -1, -1, -1, -1, 10, GENAI_SOURCE_HEADER, 0, 0 },
    { "from a cache: tokens shown, nothing compared",
      { U(7, 3, -1, -1, -1, -1, -1), NO, U(8, 3, -1, -1, -1, -1, -1) },
      GENAI_OP_CHAT, "c",
      7, 3, -1, -1, -1, -1, 10, GENAI_SOURCE_CACHE, 1, 0 }
};


static void
setup(genai_call_t *c, const usage_case_t *k)
{
    genai_call_init(c, NULL, 0);

    memcpy(c->usage, k->u, sizeof(c->usage));

    c->operation = k->op;
    c->aborted = strchr(k->flags, 'a') != NULL;
    c->drained = strchr(k->flags, 'd') != NULL;
    c->truncated = strchr(k->flags, 't') != NULL;
    c->bad_body = strchr(k->flags, 'b') != NULL;
    c->from_cache = strchr(k->flags, 'c') != NULL;

    if (strchr(k->flags, 's')) {
        c->stop_reason = genai_strz("end_turn");
    }
}


static void
run(const usage_case_t *k)
{
    int           n;
    genai_call_t  c;

    setup(&c, k);

    /* settling twice must not add twice */

    for (n = 0; n < 2; n++) {
        genai_usage_settle(&c);
    }

    n = c.input_tokens == k->in && c.output_tokens == k->out
        && c.cache_read_tokens == k->read && c.cache_write_tokens == k->write
        && c.cache_write_1h_tokens == k->hour
        && c.reasoning_tokens == k->reasoning && c.total_tokens == k->total
        && c.usage_source == k->source && c.usage_complete == k->complete
        && c.disagreement == k->disagreement;

    if (!ok(n, "%s", k->name)) {
        printf("#   got in %lld out %lld read %lld write %lld 1h %lld "
               "reasoning %lld total %lld source %u complete %u dis %u\n",
               (long long) c.input_tokens, (long long) c.output_tokens,
               (long long) c.cache_read_tokens,
               (long long) c.cache_write_tokens,
               (long long) c.cache_write_1h_tokens,
               (long long) c.reasoning_tokens, (long long) c.total_tokens,
               c.usage_source, c.usage_complete, c.disagreement);
    }
}


static void
estimates(void)
{
    genai_call_t  c;

    genai_call_init(&c, NULL, 0);
    c.operation = GENAI_OP_CHAT;
    c.prompt_chars = 9;
    c.system_chars = 4;
    c.output_chars = 5;

    genai_usage_settle(&c);
    is_int(c.input_tokens, -1, "nothing is estimated unasked");

    is_int(genai_usage_estimate(&c), GENAI_OK, "an estimate when asked");
    is_int(c.input_tokens, 4, "input: 13 characters are 4 tokens");
    is_int(c.output_tokens, 2, "output: 5 characters are 2 tokens");
    is_int(c.total_tokens, 6, "total of an estimate");
    is_int(c.usage_source, GENAI_SOURCE_ESTIMATE, "source estimate");
    is_int(c.usage_complete, 0, "an estimate is not complete");

    genai_call_init(&c, NULL, 0);
    c.operation = GENAI_OP_CHAT;
    c.usage[GENAI_USAGE_BODY].seen = 1;
    c.usage[GENAI_USAGE_BODY].input = 100;
    c.usage[GENAI_USAGE_BODY].output = 1;
    c.prompt_chars = 9;
    c.output_chars = 400;
    c.aborted = 1;
    genai_usage_settle(&c);
    (void) genai_usage_estimate(&c);
    is_int(c.input_tokens, 100, "a known input stays");
    is_int(c.output_tokens, 100, "output of a cut stream: its text's worth");

    c.aborted = 0;
    c.streamed = 1;
    c.error = 1;
    c.text_events = 1;
    genai_usage_settle(&c);
    is_int(c.usage_source, GENAI_SOURCE_PARTIAL,
           "counts of a stream that ends in an error are its first ones");
    ok(genai_usage_wanting(&c), "and an estimate is for it");
    (void) genai_usage_estimate(&c);
    is_int(c.output_tokens, 100, "which goes by its text");

    c.usage_source = GENAI_SOURCE_PARTIAL;
    c.output_tokens = 300;
    is_int(genai_usage_estimate(&c), GENAI_DECLINED,
           "a partial count above its text's worth stays");
    is_int(c.output_tokens, 300, "and is not lowered");

    genai_call_init(&c, NULL, 0);
    c.usage[GENAI_USAGE_BODY].seen = 1;
    c.usage[GENAI_USAGE_BODY].input = 1;
    c.usage[GENAI_USAGE_BODY].output = 1;
    c.output_chars = 4000;
    genai_usage_settle(&c);
    is_int(genai_usage_estimate(&c), GENAI_DECLINED,
           "a complete usage is not estimated");
    is_int(c.usage_source, GENAI_SOURCE_BODY, "and keeps its source");

    genai_call_init(&c, NULL, 0);
    genai_usage_settle(&c);
    is_int(genai_usage_estimate(&c), GENAI_DECLINED,
           "no characters, no estimate");
}


static void
running(void)
{
    int64_t       input, output;
    genai_call_t  c;

    genai_call_init(&c, NULL, 0);
    c.operation = GENAI_OP_CHAT;
    genai_usage_running(&c, &input, &output);
    is_int(input, -1, "running: an input that nothing tells is unknown");
    is_int(output, 0, "nothing has come, nothing is used");

    c.prompt_chars = 9;
    c.system_chars = 4;
    c.output_chars = 5;
    genai_usage_running(&c, &input, &output);
    is_int(input, 4, "running: input by its characters");
    is_int(output, 2, "output by its characters");

    c.usage[GENAI_USAGE_BODY].seen = 1;
    c.usage[GENAI_USAGE_BODY].input = 100;
    c.usage[GENAI_USAGE_BODY].cache_read = 900;
    c.usage[GENAI_USAGE_BODY].output = 1;
    c.output_chars = 400;
    genai_usage_running(&c, &input, &output);
    is_int(input, 1000, "running: the input that was told, cache included");
    is_int(output, 100, "a first count does not hide the text after it");

    c.usage[GENAI_USAGE_BODY].output = 250;
    genai_usage_running(&c, &input, &output);
    is_int(output, 250, "a count above the text's worth goes first");

    c.usage[GENAI_USAGE_BODY].output = 60;
    c.stop_reason = genai_strz("end_turn");
    genai_usage_running(&c, &input, &output);
    is_int(output, 60, "the final count goes before the text");

    ok(!c.aborted && c.usage_source == GENAI_SOURCE_NONE
       && c.input_tokens == -1, "the call itself is not settled");
}


static void
merges(void)
{
    int64_t  v;

    v = -1;
    genai_usage_last(&v, 1);
    genai_usage_last(&v, 133);
    genai_usage_last(&v, -1);
    is_int(v, 133, "cumulative: the last known one");

    v = -1;
    genai_usage_add(&v, 3);
    genai_usage_add(&v, 4);
    genai_usage_add(&v, INT64_MAX);
    is_int(v, 7, "incremental: they add up, absurd ones left out");

    v = 1LL << 48;
    genai_usage_add(&v, 1);
    is_int(v, -1, "a sum beyond 2^48 is unknown");

    v = -1;
    genai_usage_max(&v, 5);
    genai_usage_max(&v, 3);
    is_int(v, 5, "repeated: the largest");
}


int
main(void)
{
    size_t  i;

    for (i = 0; i < genai_nelts(cases); i++) {
        run(&cases[i]);
    }

    estimates();
    running();
    merges();

    return done();
}
