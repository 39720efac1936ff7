/*
 * Values of rows -> fields of the call.
 */

#include <math.h>
#include <stdio.h>

#include "genai_body_stream.h"
#include "genai_capture.h"
#include "genai_extract.h"
#include "genai_usage.h"


typedef struct {
    uint16_t  kind;
    uint16_t  offset;
    uint16_t  max;
} genai_field_t;


/* the last bytes of the arena are for the reason of the end */

#define FIELD_RESERVE  96

#define field_str(m, max)                                                     \
    { GENAI_FIELD_STR, offsetof(genai_call_t, m), max }
#define field_i64(m)     { GENAI_FIELD_I64, offsetof(genai_call_t, m), 0 }
#define field_u32(m)     { GENAI_FIELD_U32, offsetof(genai_call_t, m), 0 }
#define field_double(m)  { GENAI_FIELD_DOUBLE, offsetof(genai_call_t, m), 0 }
#define field_body(m)    { GENAI_FIELD_BODY, offsetof(genai_usage_t, m), 0 }
#define field_frame(m)   { GENAI_FIELD_FRAME, offsetof(genai_usage_t, m), 0 }


static const genai_field_t  genai_fields[GENAI_F_N] = {
    [GENAI_F_MODEL] = field_str(model, 256),
    [GENAI_F_RESPONSE_MODEL] = field_str(response_model, 192),
    [GENAI_F_RESPONSE_ID] = field_str(response_id, 128),
    [GENAI_F_REQUEST_ID] = field_str(request_id, 64),
    [GENAI_F_GUARDRAIL_ID] = field_str(guardrail_id, 160),
    [GENAI_F_GUARDRAIL_VERSION] = field_str(guardrail_version, 16),
    [GENAI_F_SERVICE_TIER] = field_str(service_tier, 24),
    [GENAI_F_LATENCY_MODE] = field_str(latency_mode, 24),
    [GENAI_F_DATA_SOURCE] = field_str(data_source, 128),
    [GENAI_F_SESSION] = field_str(session, 128),
    [GENAI_F_USER] = field_str(user, 128),

    [GENAI_F_INPUT_TOKENS] = field_body(input),
    [GENAI_F_OUTPUT_TOKENS] = field_body(output),
    [GENAI_F_CACHE_READ_TOKENS] = field_body(cache_read),
    [GENAI_F_CACHE_WRITE_TOKENS] = field_body(cache_write),
    [GENAI_F_CACHE_WRITE_1H_TOKENS] = field_body(cache_write_1h),
    [GENAI_F_REASONING_TOKENS] = field_body(reasoning),
    [GENAI_F_TOTAL_TOKENS] = field_body(total),

    [GENAI_F_FRAME_INPUT_TOKENS] = field_frame(input),
    [GENAI_F_FRAME_OUTPUT_TOKENS] = field_frame(output),
    [GENAI_F_FRAME_CACHE_READ_TOKENS] = field_frame(cache_read),
    [GENAI_F_FRAME_CACHE_WRITE_TOKENS] = field_frame(cache_write),

    [GENAI_F_MAX_TOKENS] = field_i64(max_tokens),
    [GENAI_F_THINKING] = field_i64(thinking),
    [GENAI_F_PROMPTS] = field_u32(prompts),
    [GENAI_F_FILES] = field_u32(files),
    [GENAI_F_TEMPERATURE] = field_double(temperature),
    [GENAI_F_TOP_P] = field_double(top_p),
    [GENAI_F_TOP_K] = field_i64(top_k),
    [GENAI_F_TOOLS_OFFERED] = field_u32(tools_offered),
    [GENAI_F_TOOL_RESULTS] = field_u32(tool_results),
    [GENAI_F_MESSAGES] = field_u32(messages),
    [GENAI_F_MEDIA_PARTS] = field_u32(media_parts),
    [GENAI_F_PROMPT_CHARS] = field_i64(prompt_chars),
    [GENAI_F_SYSTEM_CHARS] = field_i64(system_chars),
    [GENAI_F_TOP_K_REQUESTED] = field_i64(top_k_requested),

    [GENAI_F_OUTPUT_CHARS] = field_i64(output_chars),
    [GENAI_F_DOCUMENTS] = field_i64(documents),
    [GENAI_F_IMAGES] = field_i64(images),
    [GENAI_F_GUARDRAIL_UNITS] = field_i64(guardrail_units),
    [GENAI_F_SEARCH_UNITS] = field_i64(search_units)
};


static void genai_field_special(genai_body_t *b, unsigned field,
    unsigned take, unsigned arg, const genai_json_value_t *v);
static void genai_field_answer(genai_body_t *b, unsigned field,
    unsigned arg, const genai_json_value_t *v);
static void genai_field_stream(genai_body_t *b, unsigned field,
    unsigned arg, const genai_json_value_t *v);
static void genai_field_usage(genai_usage_t *u, const genai_field_t *f,
    unsigned take, const genai_json_value_t *v);
static void genai_field_int(int64_t *p, unsigned take,
    const genai_json_value_t *v);
static void genai_field_uint(uint32_t *p, unsigned take,
    const genai_json_value_t *v);
static void genai_field_ttl(genai_body_t *b);
static void genai_field_check(genai_body_t *b, unsigned field,
    const genai_json_value_t *v);
static void genai_field_append(genai_call_t *c, genai_str_t *list,
    genai_str_t s, char separator, size_t max);
static void genai_field_tool(genai_call_t *c, genai_str_t name);
static int genai_field_tool_known(const genai_call_t *c, genai_str_t name);
static void genai_field_block(genai_body_t *b, unsigned field, genai_str_t s);
static int genai_field_is_tool(genai_str_t type);
static int genai_field_last_event(genai_str_t type);
static void genai_field_method(genai_call_t *c, unsigned by,
    genai_str_t word);
static void genai_field_score(genai_call_t *c, double score);
static void genai_field_latency(genai_call_t *c, unsigned unit,
    const genai_json_value_t *v);
static void genai_field_fault(genai_body_t *b, unsigned fault, int64_t n);


void
genai_body_emit(void *data, const genai_json_row_t *row,
    const genai_json_value_t *v)
{
    char                 *p;
    unsigned              take, arg;
    genai_body_t         *b;
    genai_call_t         *c;
    const genai_field_t  *f;

    b = data;
    c = b->call;
    f = &genai_fields[row->field];
    take = row->arg & 0xff;
    arg = row->arg >> 8;
    p = (char *) c + f->offset;

    /* each does little or ends in a call, so that no registers are saved */

    switch (f->kind) {

    case GENAI_FIELD_STR:
        if (take != GENAI_FIRST || ((genai_str_t *) (void *) p)->len == 0) {
            genai_body_keep(c, (genai_str_t *) (void *) p, v->text, f->max);
        }

        break;

    case GENAI_FIELD_I64:
        genai_field_int((int64_t *) (void *) p, take, v);
        break;

    case GENAI_FIELD_U32:
        genai_field_uint((uint32_t *) (void *) p, take, v);
        break;

    case GENAI_FIELD_DOUBLE:
        if (isfinite(v->real)) {
            *(double *) (void *) p = v->real;
        }

        break;

    case GENAI_FIELD_BODY:
        c->usage[GENAI_USAGE_BODY].input_inclusive
            |= ((arg & GENAI_ROW_INCLUSIVE) != 0);
        c->reasoning_apart |= ((arg & GENAI_ROW_APART) != 0);

        genai_field_usage(&c->usage[GENAI_USAGE_BODY], f, take, v);
        break;

    case GENAI_FIELD_FRAME:
        genai_field_usage(&c->usage[GENAI_USAGE_FRAME], f, take, v);
        break;

    default:
        genai_field_special(b, row->field, take, arg, v);
        break;
    }
}


static __attribute__((noinline)) void
genai_field_special(genai_body_t *b, unsigned field, unsigned take,
    unsigned arg, const genai_json_value_t *v)
{
    genai_call_t  *c;

    c = b->call;

    switch (field) {

    case GENAI_F_CHUNK:
        genai_body_chunk(b, v);
        break;

    case GENAI_F_STOP_REASON:
        if ((arg & GENAI_ROW_WEAK) && c->stop_reason.len) {
            break;
        }

        genai_body_keep(c, &c->stop_reason, v->text, 64);
        c->finish = (uint8_t) genai_finish_map(c->stop_reason);
        b->stopping = 1;
        break;

    case GENAI_F_STOP_SEQUENCE:
        genai_field_append(c, &c->stop_sequences, v->text, 0x1f, 128);
        break;

    case GENAI_F_REQUEST_METADATA:
        genai_field_append(c, &c->request_metadata, v->text,
                           v->event == GENAI_JSON_NAME ? ',' : '=', 192);
        break;

    case GENAI_F_STREAM:
        c->stream = (v->integer != 0);
        break;

    case GENAI_F_STREAM_OPTIONS:
        c->stream_options = 1;
        break;

    case GENAI_F_TOOL:
        genai_field_tool(c, v->text);
        break;

    case GENAI_F_CACHE_TTL:
        b->ttl_1h = genai_str_is(v->text, "1h");
        break;

    case GENAI_F_CACHE_TTL_TOKENS:
        b->ttl_tokens = genai_usage_sane(v->integer);
        break;

    case GENAI_F_CACHE_TTL_END:
        genai_field_ttl(b);
        break;

    case GENAI_F_CHECK_TYPE:
    case GENAI_F_CHECK_SCORE:
    case GENAI_F_CHECK_END:
        genai_field_check(b, field, v);
        break;

    case GENAI_F_PART_TYPE:
        genai_body_part(c, v->text);
        break;

    case GENAI_F_BLOCK_TYPE:
    case GENAI_F_BLOCK_NAME:
    case GENAI_F_BLOCK_END:
        genai_field_block(b, field, v->text);
        break;

    case GENAI_F_ATTR:
    case GENAI_F_NAMED_SCORE:
        genai_extract_emit(b->extract, c, arg, take, v);
        break;

    case GENAI_F_CAPTURE:
        genai_capture_emit(b->capture, c, arg, v);
        break;

    case GENAI_F_KIND:
        if (c->api_op == NULL || c->api_op->by_family) {
            genai_api_set_kind(c, arg & 0xff, arg >> 8);
        }

        break;

    case GENAI_F_ERROR_CODE:
        b->failed = 1;
        genai_body_error_type(b, v->text, arg);
        break;

    case GENAI_F_ERROR_MESSAGE:
        b->failed = 1;

        if (b->error_message.len == 0) {
            genai_body_keep(c, &b->error_message, v->text,
                            GENAI_BODY_MESSAGE);
        }

        break;

    default:
        genai_field_answer(b, field, arg, v);
        break;
    }
}


/* what was found, and whether it was */

static void
genai_field_answer(genai_body_t *b, unsigned field, unsigned arg,
    const genai_json_value_t *v)
{
    genai_call_t  *c;

    c = b->call;

    switch (field) {

    case GENAI_F_DOCUMENT_ID:
        if (c->ndocs < GENAI_CALL_DOCS) {
            genai_body_keep(c, &c->docs[c->ndocs], v->text, 64);
            c->ndocs += (c->docs[c->ndocs].len != 0);
        }

        break;

    case GENAI_F_SCORE:
        genai_field_score(c, v->real);
        break;

    case GENAI_F_RETRIEVAL_METHOD:
        genai_field_method(c, arg, v->text);
        break;

    case GENAI_F_EMBEDDING_DIMENSION:
        if (c->embedding_dimension < 0) {
            c->embedding_dimension = (arg & GENAI_ROW_BASE64)
                                     ? v->integer * 3 / 16 : v->integer;
        }

        break;

    case GENAI_F_SERVER_LATENCY_MS:
        genai_field_latency(c, arg, v);
        break;

    case GENAI_F_FAULT:
        genai_field_fault(b, arg, v->integer);
        break;

    default:
        genai_field_stream(b, field, arg, v);
        break;
    }
}


static void
genai_field_method(genai_call_t *c, unsigned by, genai_str_t word)
{
    if (by == 0) {
        by = genai_str_is(word, "HYBRID") ? GENAI_BY_VECTOR | GENAI_BY_WORDS
             : genai_str_is(word, "SEMANTIC") ? GENAI_BY_VECTOR : 0;
    }

    c->by_vector |= ((by & GENAI_BY_VECTOR) != 0);
    c->by_words |= ((by & GENAI_BY_WORDS) != 0);
}


/* what only an answer's text and its events have */

static void
genai_field_stream(genai_body_t *b, unsigned field, unsigned arg,
    const genai_json_value_t *v)
{
    genai_call_t  *c;

    c = b->call;

    switch (field) {

    case GENAI_F_REASONING:
    case GENAI_F_VISIBLE:

        if (v->event == GENAI_JSON_CHARS) {
            if (v->integer == 0) {
                break;
            }

            genai_field_int(&c->output_chars, GENAI_SUM, v);
        }

        if (field == GENAI_F_VISIBLE) {
            b->visible = 1;
            break;
        }

        c->reasoning = 1;

        if (c->streamed && c->first_reasoning_ns == 0) {
            c->first_reasoning_ns = b->now_ns;
        }

        break;

    case GENAI_F_EVENT_TYPE:
        b->ended |= genai_field_last_event(v->text);
        break;

    case GENAI_F_DONE:
        b->ended |= (v->integer != 0);
        break;

    case GENAI_F_PIECE:
        genai_body_piece(b);
        break;

    case GENAI_F_FRAME_METRICS:
        c->usage[GENAI_USAGE_FRAME].seen = 1;
        b->ended = 1;
        break;

    default:
        genai_body_asked(c, field, arg, v);
        break;
    }
}


static void
genai_field_usage(genai_usage_t *u, const genai_field_t *f, unsigned take,
    const genai_json_value_t *v)
{
    int64_t  *p;

    p = (int64_t *) (void *) ((char *) u + f->offset);

    switch (take) {

    case GENAI_SUM:
        genai_usage_add(p, v->integer);
        break;

    case GENAI_MAX:
        genai_usage_max(p, v->integer);
        break;

    case GENAI_FIRST:
        if (*p >= 0) {
            return;
        }

        /* fall through */

    default:
        genai_usage_last(p, v->integer);
        break;
    }

    u->seen |= (*p >= 0);
}


static void
genai_field_int(int64_t *p, unsigned take, const genai_json_value_t *v)
{
    int64_t  n;

    if (take == GENAI_COUNT) {
        n = 1;

    } else {
        n = genai_usage_sane(v->integer);

        if (n < 0) {
            return;
        }
    }

    switch (take) {

    case GENAI_FIRST:
        if (*p < 0) {
            *p = n;
        }

        break;

    case GENAI_COUNT:
    case GENAI_SUM:
        genai_usage_add(p, n);
        break;

    case GENAI_MAX:
        genai_usage_max(p, n);
        break;

    default:
        *p = n;
        break;
    }
}


static __attribute__((noinline)) void
genai_field_uint(uint32_t *p, unsigned take, const genai_json_value_t *v)
{
    int64_t  n;

    n = *p;

    if (n == 0 && take == GENAI_FIRST) {
        n = -1;
    }

    genai_field_int(&n, take, v);

    if (n >= 0) {
        *p = (n > UINT32_MAX) ? UINT32_MAX : (uint32_t) n;
    }
}


/* what body->check says: none, or one of these */

static const genai_str_t  genai_check_names[] = {
    genai_string(""), genai_string("grounding"), genai_string("relevance")
};


/*
 * A guardrail looks at an answer in pieces, and each has scores of its own:
 * the least of them is the call's.
 */

static void
genai_field_check(genai_body_t *b, unsigned field,
    const genai_json_value_t *v)
{
    unsigned       i;
    genai_call_t  *c;

    c = b->call;

    if (field == GENAI_F_CHECK_TYPE) {
        b->check = genai_str_is(v->text, "GROUNDING") ? 1
                   : genai_str_is(v->text, "RELEVANCE") ? 2 : 0;
        return;
    }

    if (field == GENAI_F_CHECK_SCORE) {
        b->check_score = v->real;
        b->check_scored = 1;
        return;
    }

    if (b->check && b->check_scored) {

        for (i = 0; i < c->nscores; i++) {
            if (genai_str_eq(c->scores[i].name, genai_check_names[b->check]))
            {
                break;
            }
        }

        if (i == c->nscores && i < GENAI_CALL_SCORES) {
            c->scores[i].name = genai_check_names[b->check];
            c->scores[i].value = b->check_score;
            c->nscores++;

        } else if (i < c->nscores && b->check_score < c->scores[i].value) {
            c->scores[i].value = b->check_score;
        }
    }

    b->check = 0;
    b->check_scored = 0;
}


/* one element of usage.cacheDetails is complete */

static void
genai_field_ttl(genai_body_t *b)
{
    genai_usage_t  *u;

    u = &b->call->usage[GENAI_USAGE_BODY];

    if (b->ttl_1h) {
        genai_usage_add(&u->cache_write_1h, b->ttl_tokens);
        u->seen |= (u->cache_write_1h >= 0);
    }

    b->ttl_1h = 0;
    b->ttl_tokens = -1;
}


void
genai_body_keep(genai_call_t *c, genai_str_t *slot, genai_str_t s, size_t max)
{
    size_t       reserve;
    genai_str_t  kept;

    if (s.len > max) {
        for (s.len = max;
             s.len > 0 && ((unsigned char) s.data[s.len] & 0xc0) == 0x80;
             s.len--) { /* void */ }
    }

    if (s.len == 0 || genai_str_eq(*slot, s)) {
        return;
    }

    /* over what was kept before, if that was in the arena */

    if (s.len <= slot->len && slot->data >= c->arena
        && slot->data < c->arena + c->arena_used)
    {
        memcpy(c->arena + (slot->data - c->arena), s.data, s.len);
        slot->len = s.len;
        return;
    }

    reserve = (slot == &c->stop_reason || slot == &c->error_type)
              ? 0 : FIELD_RESERVE;

    if (c->arena_used + s.len + reserve > c->arena_size) {
        return;
    }

    kept = genai_call_keep(c, s, 0);

    if (kept.len) {
        *slot = kept;
    }
}


/* s is added to a list that is joined by separator */

static void
genai_field_append(genai_call_t *c, genai_str_t *list, genai_str_t s,
    char separator, size_t max)
{
    size_t       old;
    genai_str_t  joined;

    old = list->len;

    if (s.len == 0 || old + 1 + s.len > max
        || c->arena_used + old + 1 + s.len + FIELD_RESERVE > c->arena_size)
    {
        return;
    }

    if (old == 0) {
        *list = genai_call_keep(c, s, 0);
        return;
    }

    /* in place when nothing was kept since, otherwise all of it anew */

    joined = *list;

    if (list->data + old != c->arena + c->arena_used) {
        joined = genai_call_keep(c, *list, 0);
    }

    (void) genai_call_keep(c, genai_str(&separator, 1), 0);
    (void) genai_call_keep(c, s, 0);

    *list = genai_str(joined.data, old + 1 + s.len);
}


static int
genai_field_tool_known(const genai_call_t *c, genai_str_t name)
{
    unsigned  i;

    for (i = 0; i < c->ntools; i++) {
        if (genai_str_eq(c->tools[i], name)) {
            return 1;
        }
    }

    return c->ntools == GENAI_CALL_TOOLS;
}


static void
genai_field_tool(genai_call_t *c, genai_str_t name)
{
    if (name.len > 64) {
        name.len = 64;
    }

    if (name.len == 0 || genai_field_tool_known(c, name)) {
        return;
    }

    genai_body_keep(c, &c->tools[c->ntools], name, 64);
    c->ntools += (c->tools[c->ntools].len != 0);
}


/*
 * A block's name is a tool's if its type says so: they come in any order, so
 * the name waits in the arena for the end of the block.
 */

static void
genai_field_block(genai_body_t *b, unsigned field, genai_str_t s)
{
    genai_call_t  *c;

    c = b->call;

    switch (field) {

    case GENAI_F_BLOCK_TYPE:
        b->block_tool = genai_field_is_tool(s);

        if (genai_str_is(s, "thinking")
            || genai_str_is(s, "redacted_thinking"))
        {
            c->reasoning = 1;
        }

        break;

    case GENAI_F_BLOCK_NAME:
        if (b->block_name.len == 0) {
            b->block_mark = c->arena_used;
            genai_body_keep(c, &b->block_name, s, 64);
        }

        break;

    default:
        if (b->block_name.len) {

            if (b->block_tool && !genai_field_tool_known(c, b->block_name)) {
                c->tools[c->ntools++] = b->block_name;

            } else if (b->block_name.data + b->block_name.len
                       == c->arena + c->arena_used)
            {
                c->arena_used = b->block_mark;
            }
        }

        b->block_name = genai_str(NULL, 0);
        b->block_tool = 0;
        break;
    }
}


/* Anthropic's end in "tool_use", OpenAI's have names of their own */

static int
genai_field_is_tool(genai_str_t type)
{
    if (type.len >= 8 && memcmp(type.data + type.len - 8, "tool_use", 8) == 0)
    {
        return 1;
    }

    return genai_str_is(type, "function_call")
           || genai_str_is(type, "custom_tool_call")
           || genai_str_is(type, "mcp_call");
}


/* of Anthropic, OpenAI's Responses, Cohere */

static int
genai_field_last_event(genai_str_t type)
{
    return genai_str_is(type, "message_stop")
           || genai_str_is(type, "response.completed")
           || genai_str_is(type, "response.incomplete")
           || genai_str_is(type, "response.failed")
           || genai_str_is(type, "message-end");
}


static void
genai_field_score(genai_call_t *c, double score)
{
    if (!isfinite(score)) {
        return;
    }

    c->score_sum += score;
    c->score_count++;

    if (isnan(c->score_top) || score > c->score_top) {
        c->score_top = score;
    }
}


static void
genai_field_latency(genai_call_t *c, unsigned unit,
    const genai_json_value_t *v)
{
    double  ms;

    ms = (unit & GENAI_ROW_NS) ? v->real / 1e6
       : (unit & GENAI_ROW_SECONDS) ? v->real * 1e3 : v->real;

    if (ms >= 0 && ms <= (double) GENAI_USAGE_MAX) {
        c->server_latency_ms = (int64_t) ms;
    }
}


/* an answer that says of itself, under a good status, that it is none */

static void
genai_field_fault(genai_body_t *b, unsigned fault, int64_t n)
{
    static const char *const  names[GENAI_FAULT_N] = {
        [GENAI_FAULT_CODE] = NULL,
        [GENAI_FAULT_TIMED_OUT] = "timed_out",
        [GENAI_FAULT_SHARDS] = "shards_failed"
    };

    char  code[24];

    if (n == 0 || fault >= GENAI_FAULT_N) {
        return;
    }

    b->failed = 1;

    if (names[fault]) {
        genai_body_error_type(b, genai_strz(names[fault]), 0);
        return;
    }

    (void) snprintf(code, sizeof(code), "%lld", (long long) n);
    genai_body_error_type(b, genai_strz(code), 0);
}


/* botocore: cut at the first colon, then what follows the last '#' (5.2) */

void
genai_body_error_type(genai_body_t *b, genai_str_t s, unsigned rank)
{
    size_t       i;
    genai_str_t  kept;

    for (i = 0; i < s.len && s.data[i] != ':'; i++) { /* void */ }

    s.len = i;

    for (i = s.len; i > 0; i--) {
        if (s.data[i - 1] == '#') {
            s = genai_str(s.data + i, s.len - i);
            break;
        }
    }

    if (s.len == 0 || (b->error_type.len && rank <= b->error_rank)) {
        return;
    }

    kept = genai_str(NULL, 0);
    genai_body_keep(b->call, &kept, s, 64);

    if (kept.len) {
        b->error_type = kept;
        b->error_rank = (uint8_t) rank;
    }
}


unsigned
genai_field_kind(unsigned field)
{
    return genai_fields[field].kind;
}
