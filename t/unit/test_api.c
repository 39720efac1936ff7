/*
 * Detection: operations, model ids in every form of wire-formats 1.3,
 * regions, names of fields; and what genai_call keeps and names.
 */

#define _GNU_SOURCE

#include <math.h>

#include "test.h"
#include "genai_api.h"


typedef struct {
    const char  *method;
    const char  *uri;
    const char  *op;              /* NULL: unknown */
    const char  *model;
} api_row_t;


#define ARN   "arn%3Aaws%3Abedrock%3Aus-east-1%3A111122223333%3A"
#define RAW   "arn:aws:bedrock:us-east-1:111122223333:"

static const api_row_t  rows[] = {
    { "POST", "/model/amazon.nova-lite-v1%3A0/invoke", "InvokeModel",
      "amazon.nova-lite-v1:0" },
    { "POST", "/model/amazon.nova-lite-v1:0/invoke", "InvokeModel",
      "amazon.nova-lite-v1:0" },
    { "POST", "/model/amazon.nova-lite-v1%3a0%3A300k/converse", "Converse",
      "amazon.nova-lite-v1:0:300k" },
    { "POST", "/model/anthropic.claude-opus-5-5/converse", "Converse",
      "anthropic.claude-opus-5-5" },
    { "POST", "/model/us.anthropic.claude-sonnet-4-6/converse-stream",
      "ConverseStream", "us.anthropic.claude-sonnet-4-6" },
    { "POST", "/model/x/invoke-with-response-stream?a=1&b=/c",
      "InvokeModelWithResponseStream", "x" },
    { "POST", "/model/x/count-tokens", "CountTokens", "x" },
    { "POST", "/team-a/model/x/converse", "Converse", "x" },
    { "POST", "/a/b/model/c/model/x/converse?", "Converse", "x" },
    { "POST", "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A%3Afoundation-model"
      "%2Famazon.nova-pro-v1%3A0/converse", "Converse",
      "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-pro-v1:0" },
    { "POST", "/model/" ARN "inference-profile%2Fus.meta.x-v1%3A0/invoke",
      "InvokeModel", RAW "inference-profile/us.meta.x-v1:0" },
    { "POST", "/model/" ARN "application-inference-profile%2Fabc123/converse",
      "Converse", RAW "application-inference-profile/abc123" },
    { "POST", "/model/" RAW "application-inference-profile/abc123/converse",
      "Converse", RAW "application-inference-profile/abc123" },
    { "POST", "/p/model/" RAW "custom-model/a.b-v1:0.xx/0123/converse",
      "Converse", RAW "custom-model/a.b-v1:0.xx/0123" },
    { "POST", "/model/" ARN "prompt%2FABCDEFGHIJ%3A1/converse-stream",
      "ConverseStream", RAW "prompt/ABCDEFGHIJ:1" },
    { "POST", "/model/arn%3Aaws%3Asagemaker%3Aus-east-1%3A111122223333%3A"
      "endpoint%2Fname/invoke", "InvokeModel",
      "arn:aws:sagemaker:us-east-1:111122223333:endpoint/name" },

    /* decoded once, and only what is an escape */
    { "POST", "/model/a%253Ab/converse", "Converse", "a%3Ab" },
    { "POST", "/model/a%zz%3/converse", "Converse", "a%zz%3" },
    { "POST", "/model/%00%ff/converse", "Converse", NULL },

    { "POST", "/guardrail/gr1/version/DRAFT/apply", "ApplyGuardrail", "" },
    { "POST", "/async-invoke", "StartAsyncInvoke", "" },
    { "GET", "/async-invoke?maxResults=5", "ListAsyncInvokes", "" },
    { "GET", "/async-invoke/" ARN "async-invoke%2Fabc", "GetAsyncInvoke",
      "" },

    { "GET", "/model/x/converse", NULL, NULL },
    { "HEAD", "/model/x/invoke", NULL, NULL },
    { "POST", "/model/x/converse/", NULL, NULL },
    { "POST", "/model//converse", NULL, NULL },
    { "POST", "/model/converse", NULL, NULL },
    { "POST", "/models/x/converse", NULL, NULL },
    { "POST", "/model/x/Converse", NULL, NULL },
    { "POST", "/model/x%2Fconverse", NULL, NULL },
    { "POST", "/model/x/y/converse", NULL, NULL },
    { "POST", "model/x/converse", NULL, NULL },
    { "POST", "/", NULL, NULL },
    { "POST", "", NULL, NULL },
    { "POST", "*", NULL, NULL }
};


static const char *const  hosts[][2] = {
    { "bedrock-runtime.us-east-1.amazonaws.com", "us-east-1" },
    { "bedrock-runtime.us-east-1.amazonaws.com:443", "us-east-1" },
    { "bedrock-runtime-fips.us-gov-west-1.amazonaws.com", "us-gov-west-1" },
    { "bedrock-runtime.eu-central-1.api.aws", "eu-central-1" },
    { "bedrock-mantle.ap-southeast-2.api.aws", "ap-southeast-2" },
    { "bedrock-runtime.cn-north-1.amazonaws.com.cn", "cn-north-1" },
    { "bedrock-runtime.eusc-de-east-1.amazonaws.eu", "eusc-de-east-1" },
    { "vpce-0a1b2c3d4e5f-abcd.bedrock-runtime.us-west-2.vpce.amazonaws.com",
      "us-west-2" },
    { "vpce-0a-b-us-west-2a.bedrock-runtime.us-west-2.vpce.amazonaws.com",
      "us-west-2" },
    { "localhost:8080", "" },
    { "127.0.0.1", "" },
    { "gateway-eu-1.example.com", "" },
    { "a-b-1", "" },
    { "", "" }
};


static genai_apis_t  *apis;
static genai_call_t   call;
static char           arena[GENAI_CALL_ARENA];


static void *
take(void *data, size_t size)
{
    void    *p;
    size_t  *left = data;

    if (left && (*left)-- == 0) {
        return NULL;
    }

    return posix_memalign(&p, 16, size ? size : 16) == 0 ? p : NULL;
}


static int
detect(unsigned mode, const char *method, const char *uri, const char *host)
{
    genai_call_init(&call, arena, sizeof(arena));

    return genai_api_detect(apis, mode, &call, genai_strz(method),
                            genai_strz(uri), genai_strz(host));
}


static void
test_create(void)
{
    int            rc;
    char           err[128];
    size_t         i, left;
    genai_apis_t  *none;

    is_int(genai_apis_create(&apis, take, NULL, err, sizeof(err)), GENAI_OK,
           "the tables compile");

    for (i = 0; i < 500; i++) {
        left = i;
        err[0] = '\0';
        rc = genai_apis_create(&none, take, &left, err, sizeof(err));

        if (rc == GENAI_OK) {
            break;
        }

        if (strstr(err, "no memory") == NULL) {
            ok(0, "allocation %zu fails with a reason, not \"%s\"", i, err);
            return;
        }
    }

    ok(i > 5 && i < 500, "each of %zu allocations may fail", i);
}


static void
test_paths(void)
{
    int               rc;
    size_t            i;
    const api_row_t  *r;

    for (i = 0; i < genai_nelts(rows); i++) {
        r = &rows[i];
        rc = detect(GENAI_API_BEDROCK, r->method, r->uri, "");

        if (r->op == NULL) {
            ok(rc == GENAI_DECLINED && call.skip == GENAI_SKIP_UNKNOWN_PATH
               && call.api == GENAI_API_NONE,
               "%s \"%s\" is no operation", r->method, r->uri);
            continue;
        }

        ok(rc == GENAI_OK
           && strcmp(genai_api_op_name(apis, &call), r->op) == 0
           && (r->model == NULL || genai_str_is(call.model, r->model)),
           "%s %s is %s of \"%s\"", r->method, r->uri, r->op,
           r->model ? r->model : "(bytes)");
    }

    ok(detect(GENAI_API_OPENSEARCH, "POST", "/model/x/converse", "")
       == GENAI_DECLINED, "another API's location does not match");
    ok(detect(GENAI_API_AUTO, "POST", "/model/x/converse", "") == GENAI_OK,
       "auto does");

    (void) detect(GENAI_API_BEDROCK, "POST",
                  "/guardrail/g%3A1/version/7/apply", "");
    is_mem(call.guardrail_id.data, call.guardrail_id.len, "g:1",
           "the guardrail is in the path");
    is_mem(call.guardrail_version.data, call.guardrail_version.len, "7",
           "and its version");
}


static void
test_call(void)
{
    int          i;
    char         uri[8192];
    genai_str_t  s;

    (void) detect(GENAI_API_BEDROCK, "POST",
                  "/x/model/m/converse-stream?q=1", "");

    is_int(call.operation, GENAI_OP_CHAT, "operation");
    is_int(call.step, GENAI_STEP_GENERATION, "step");
    is_int(call.stream, 1, "a stream was asked for");
    is_mem(call.provider.data, call.provider.len, "aws.bedrock", "provider");
    is_mem(call.method.data, call.method.len, "POST", "method");
    is_mem(call.path.data, call.path.len, "/x/model/m/converse-stream",
           "the path is raw, without the query");
    is_int(call.arena_used, 0, "what needs no decoding is not copied");

    (void) detect(GENAI_API_BEDROCK, "POST",
                  "/model/amazon.titan-embed-text-v2%3A0/invoke", "");
    is_int(call.operation, GENAI_OP_EMBEDDINGS, "the model id is a hint");
    is_int(call.step, GENAI_STEP_EMBEDDINGS, "and gives the step");

    (void) detect(GENAI_API_BEDROCK, "POST", "/model/x/count-tokens", "");
    is_int(call.skip, GENAI_SKIP_NOT_BILLED, "a token count costs nothing");

    /* longer than the arena: cut, nothing is overwritten */

    strcpy(uri, "/model/");
    for (i = 0; i < 2000; i++) {
        strcat(uri, "%3A");
    }

    strcat(uri, "/converse");
    is_int(detect(GENAI_API_BEDROCK, "POST", uri, ""), GENAI_OK,
           "an id that is too long is still a call");
    ok(call.model.len > 0 && call.model.len <= GENAI_CALL_ARENA
       && call.arena_used <= GENAI_CALL_ARENA, "cut to %zu bytes",
       call.model.len);

    genai_call_init(&call, arena, 8);
    s = genai_call_keep(&call, genai_strz("123456789"), 0);
    is_int((long long) s.len, 0, "what does not fit is not kept");
    s = genai_call_keep(&call, genai_strz("123456é8"), 1);
    is_mem(s.data, s.len, "123456é", "a string that fits just");
    call.arena_used = 1;
    s = genai_call_keep(&call, genai_strz("123456é8"), 1);
    is_mem(s.data, s.len, "123456", "a cut splits no character");
    s = genai_call_keep(&call, genai_strz(""), 1);
    is_int((long long) s.len, 0, "nothing is kept of nothing");
}


static void
test_regions(void)
{
    size_t       i;
    genai_str_t  s;

    for (i = 0; i < genai_nelts(hosts); i++) {
        s = genai_api_region(genai_strz(hosts[i][0]), genai_strz("m"));
        ok(genai_str_is(s, hosts[i][1]), "region of \"%s\" is \"%s\"",
           hosts[i][0], hosts[i][1]);
    }

    s = genai_api_region(genai_strz("gateway"), genai_strz(RAW "prompt/x"));
    is_mem(s.data, s.len, "us-east-1", "region of an ARN");
    s = genai_api_region(genai_strz("sim.eu-west-3.test"),
                         genai_strz(RAW "prompt/x"));
    is_mem(s.data, s.len, "eu-west-3", "the host goes first");

    for (i = 3; i < sizeof("arn:aws:bedrock:") - 1; i++) {
        s = genai_api_region(genai_strz(""), genai_str(RAW, i));
        if (s.len) {
            break;
        }
    }

    is_int((long long) i, sizeof("arn:aws:bedrock:") - 1,
           "ARNs that break off have none");
}


static void
test_names(void)
{
    unsigned  i, known;

    known = 0;

    for (i = 0; i < GENAI_F_N; i++) {
        if (genai_field_name(i)[0]) {
            known += (genai_field_find(genai_strz(genai_field_name(i))) == i);

        } else {
            known++;
        }
    }

    is_int(known, GENAI_F_N, "every field's name leads back to it");
    is_int(genai_field_find(genai_strz("score.Faithfulness")), GENAI_F_SCORE,
           "score.NAME");
    is_int(genai_field_find(genai_strz("score.")), GENAI_F_NONE, "score.");
    is_int(genai_field_find(genai_strz("nothing")), GENAI_F_NONE, "unknown");
    ok(genai_field_name(GENAI_F_N)[0] == '\0', "no field, no name");

    for (i = 1, known = 0; i < 32; i++) {
        known += (genai_api_name(i)[0] != '\0');
        known += (genai_operation_name(i)[0] != '\0');
        known += (genai_step_name(i)[0] != '\0');
        known += (genai_source_name(i)[0] != '\0');
        known += (genai_origin_name(i)[0] != '\0');
        known += (genai_finish_name(i)[0] != '\0');
        known += (genai_skip_name(i)[0] != '\0');
    }

    is_int(known, GENAI_API_N + GENAI_OP_N + GENAI_STEP_N + GENAI_SOURCE_N
                  + GENAI_ORIGIN_N + GENAI_FINISH_N + GENAI_SKIP_N - 7,
           "every value of every enumeration has a name, no other");
}


static void
test_finish(void)
{
    static const struct {
        const char  *reason;
        unsigned     finish;
    } r[] = {
        { "end_turn", GENAI_FINISH_STOP },
        { "stop_sequence", GENAI_FINISH_STOP },
        { "FINISH", GENAI_FINISH_STOP },
        { "COMPLETE", GENAI_FINISH_STOP },
        { "max_tokens", GENAI_FINISH_LENGTH },
        { "MAX_TOKENS", GENAI_FINISH_LENGTH },
        { "model_context_window_exceeded", GENAI_FINISH_LENGTH },
        { "tool_use", GENAI_FINISH_TOOL_CALL },
        { "tool_calls", GENAI_FINISH_TOOL_CALL },
        { "guardrail_intervened", GENAI_FINISH_CONTENT_FILTER },
        { "CONTENT_FILTERED", GENAI_FINISH_CONTENT_FILTER },
        { "refusal", GENAI_FINISH_CONTENT_FILTER },
        { "malformed_tool_use", GENAI_FINISH_ERROR },
        { "pause_turn", GENAI_FINISH_OTHER },
        { "stopp", GENAI_FINISH_OTHER },
        { "sto", GENAI_FINISH_OTHER },
        { "", GENAI_FINISH_NONE }
    };

    size_t  i;

    for (i = 0; i < genai_nelts(r); i++) {
        is_int(genai_finish_map(genai_strz(r[i].reason)), r[i].finish,
               r[i].reason);
    }
}


static void
test_times(void)
{
    genai_call_init(&call, arena, sizeof(arena));

    ok(genai_call_ttft(&call) == -1 && genai_call_tpot(&call) == -1,
       "no times, no figures");

    call.start_ns = 1000000000;
    call.first_token_ns = 1250000000;
    call.last_event_ns = 2250000000;
    call.output_tokens = 11;

    ok(fabs(genai_call_ttft(&call) - 0.25) < 1e-12, "time to first token");
    ok(fabs(genai_call_tpot(&call) - 0.1) < 1e-12, "time per output token");

    call.output_tokens = 1;
    ok(genai_call_tpot(&call) == -1, "one token has no time between tokens");

    genai_call_error(&call, genai_strz("first"), GENAI_ORIGIN_UPSTREAM);
    genai_call_error(&call, genai_strz("second"), GENAI_ORIGIN_CLIENT);
    ok(call.error && genai_str_is(call.error_type, "first")
       && call.error_origin == GENAI_ORIGIN_UPSTREAM,
       "the first error named stays");
}


int
main(void)
{
    test_create();

    if (apis) {
        test_paths();
        test_call();
        test_regions();
    }

    test_names();
    test_finish();
    test_times();

    return done();
}
