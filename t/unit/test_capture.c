/*
 * Content of messages: the conventions' JSON, whatever the API, wherever the
 * bodies are cut and whatever the room.
 */

#include <cjson/cJSON.h>

#include "test.h"
#include "genai_body.h"
#include "genai_capture.h"


static genai_apis_t    *apis;
static genai_call_t     call;
static genai_body_t     body;
static genai_capture_t  capture;
static genai_attr_t     attrs[GENAI_CAPTURE_ATTRS];
static size_t           nattrs;
static char             arena[GENAI_CALL_ARENA], *buf;


static void *
take(void *data, size_t size)
{
    void  *p;

    (void) data;

    return posix_memalign(&p, 16, size ? size : 16) == 0 ? p : NULL;
}


static void
run(unsigned api, const char *uri, const char *req, const char *type,
    const char *res, size_t piece, size_t size)
{
    size_t  i, n, len;

    genai_call_init(&call, arena, sizeof(arena));
    call.start_ns = 1;

    if (genai_api_detect(apis, api, &call, genai_strz("POST"),
                         genai_strz(uri), genai_strz(""))
        != GENAI_OK)
    {
        ok(0, "%s is not known", uri);
    }

    free(buf);
    buf = malloc(size);            /* exactly: sanitizers see what is past */

    genai_capture_init(&capture, buf, size);
    genai_body_request_begin(&body, apis, &call);
    genai_body_capture(&body, &capture);

    for (i = 0, len = strlen(req); i < len; i += n) {
        n = (piece && piece < len - i) ? piece : len - i;
        genai_body_request_feed(&body, req + i, n);
    }

    genai_body_request_end(&body, 1);
    genai_body_response_begin(&body, 200, genai_strz(type), genai_strz(""));

    for (i = 0, len = strlen(res); i < len; i += n) {
        n = (piece && piece < len - i) ? piece : len - i;
        genai_body_response_feed(&body, res + i, n, 5);
    }

    genai_body_response_end(&body, 1, 9);
    nattrs = genai_capture_attrs(&capture, &call, attrs);
}


static genai_str_t
value(const char *key)
{
    size_t  i;

    for (i = 0; i < nattrs; i++) {
        if (genai_str_is(attrs[i].key, key)) {
            return attrs[i].value;
        }
    }

    return genai_str(NULL, 0);
}


static void
is(const char *key, const char *want, const char *name)
{
    genai_str_t  v;

    v = value(key);
    is_mem(v.len ? v.data : "", v.len, want, name);
}


static int
all_json(void)
{
    size_t  i;
    cJSON  *json;

    for (i = 0; i < nattrs; i++) {
        json = cJSON_ParseWithLengthOpts(attrs[i].value.data,
                                         attrs[i].value.len, NULL, 0);
        if (!cJSON_IsArray(json)) {
            printf("# %.*s: %.*s\n", (int) attrs[i].key.len,
                   attrs[i].key.data, (int) attrs[i].value.len,
                   attrs[i].value.data);
            cJSON_Delete(json);
            return 0;
        }

        cJSON_Delete(json);
    }

    return 1;
}


static const char  converse[] =
    "{\"system\":[{\"text\":\"Be \\\"brief\\\".\"}],\"messages\":[{\"role\":"
    "\"user\",\"content\":[{\"text\":\"Gr\\u00fc\\u00dfe\\n\"},{\"image\":"
    "{\"format\":\"png\",\"source\":{\"bytes\":\"c2VjcmV0\"}}}]},{\"content\""
    ":[{\"toolUse\":{\"toolUseId\":\"t1\",\"name\":\"search\",\"input\":"
    "{\"q\":\"hidden\"}}}],\"role\":\"assistant\"},{\"role\":\"user\","
    "\"content\":[{\"toolResult\":{\"toolUseId\":\"t1\",\"content\":[{\"text\""
    ":\"found\"}]}}]}],\"toolConfig\":{\"tools\":[{\"toolSpec\":{\"name\":"
    "\"search\",\"description\":\"not kept\"}},{\"toolSpec\":{\"name\":"
    "\"open\"}}]}}";

static const char  answer[] =
    "{\"output\":{\"message\":{\"role\":\"assistant\",\"content\":["
    "{\"reasoningContent\":{\"reasoningText\":{\"text\":\"hm\"}}},{\"text\":"
    "\"Hi\"},{\"text\":\"there\"},{\"toolUse\":{\"toolUseId\":\"t2\",\"name\":"
    "\"open\",\"input\":{}}}]}},\"stopReason\":\"tool_use\",\"usage\":"
    "{\"inputTokens\":1,\"outputTokens\":2}}";


static void
test_converse(void)
{
    size_t  i;
    int     same;
    char    whole[4][1024];

    run(GENAI_API_BEDROCK, "/model/m/converse", converse, "application/json",
        answer, 0, 16384);

    is("gen_ai.input.messages",
       "[{\"parts\":[{\"type\":\"text\",\"content\":\"Gr\xc3\xbc\xc3\x9f"
       "e\\n\"},{\"type\":\"generic\",\"generic_type\":\"media\"}],\"role\":"
       "\"user\"},{\"parts\":[{\"type\":\"tool_call\",\"id\":\"t1\",\"name\":"
       "\"search\"}],\"role\":\"assistant\"},{\"parts\":[{\"type\":"
       "\"tool_call_response\",\"response\":\"found\"}],\"role\":\"user\"}]",
       "messages with their parts; no arguments, no images");
    is("gen_ai.output.messages",
       "[{\"parts\":[{\"type\":\"reasoning\",\"content\":\"hm\"},{\"type\":"
       "\"text\",\"content\":\"Hi\"},{\"type\":\"text\",\"content\":\"there\"}"
       ",{\"type\":\"tool_call\",\"id\":\"t2\",\"name\":\"open\"}],\"role\":"
       "\"assistant\",\"finish_reason\":\"tool_call\"}]",
       "the answer, and how it ended");
    is("gen_ai.system_instructions",
       "[{\"type\":\"text\",\"content\":\"Be \\\"brief\\\".\"}]", "system");
    is("gen_ai.tool.definitions",
       "[{\"type\":\"function\",\"name\":\"search\"},{\"type\":\"function\","
       "\"name\":\"open\"}]", "tools by their names");

    for (i = 0; i < nattrs; i++) {
        snprintf(whole[i], sizeof(whole[i]), "%.*s",
                 (int) attrs[i].value.len, attrs[i].value.data);
    }

    for (i = 1, same = 1; i < 40; i++) {
        run(GENAI_API_BEDROCK, "/model/m/converse", converse,
            "application/json", answer, i, 16384);
        same &= (nattrs == 4
                 && genai_str_is(attrs[0].value, whole[0])
                 && genai_str_is(attrs[1].value, whole[1])
                 && genai_str_is(attrs[2].value, whole[2])
                 && genai_str_is(attrs[3].value, whole[3]));
    }

    ok(same, "the same in pieces of any size");
}


static void
test_stream(void)
{
    size_t       i;
    int          same;
    genai_str_t  v;
    char         whole[512];

    static const char  sse[] =
        "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":"
        "\"Hel\"}}]}\n\n"
        "data: {\"choices\":[{\"delta\":{\"content\":\"lo \xf0\x9f\x91"
        "\x8b\"}}]}\n\n"
        "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"id\":\"c1\","
        "\"function\":{\"name\":\"go\",\"arguments\":\"\"}}]}}]}\n\n"
        "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"function\":"
        "{\"arguments\":\"{}\"}}]},\"finish_reason\":\"tool_calls\"}]}\n\n"
        "data: [DONE]\n\n";

    static const char  ask[] =
        "{\"model\":\"gpt-4o\",\"stream\":true,\"messages\":[{\"role\":"
        "\"system\",\"content\":\"s\"},{\"role\":\"user\",\"content\":"
        "[{\"type\":\"text\",\"text\":\"t\"}]}],\"tools\":[{\"type\":"
        "\"function\",\"function\":{\"name\":\"go\"}}]}";

    run(GENAI_API_OPENAI, "/v1/chat/completions", ask, "text/event-stream",
        sse, 0, 8192);
    is("gen_ai.output.messages",
       "[{\"parts\":[{\"type\":\"text\",\"content\":\"Hello \xf0\x9f\x91\x8b"
       "\"},{\"type\":\"tool_call\",\"id\":\"c1\",\"name\":\"go\"}],\"role\":"
       "\"assistant\",\"finish_reason\":\"tool_call\"}]",
       "a stream's text is one part");
    is("gen_ai.input.messages",
       "[{\"parts\":[{\"type\":\"text\",\"content\":\"s\"}],\"role\":"
       "\"system\"},{\"parts\":[{\"type\":\"text\",\"content\":\"t\"}],"
       "\"role\":\"user\"}]", "OpenAI's messages");
    is("gen_ai.tool.definitions", "[{\"type\":\"function\",\"name\":\"go\"}]",
       "OpenAI's tools");

    v = value("gen_ai.output.messages");
    snprintf(whole, sizeof(whole), "%.*s", (int) v.len, v.data);

    for (i = 1, same = 1; i < 40; i++) {
        run(GENAI_API_OPENAI, "/v1/chat/completions", ask,
            "text/event-stream", sse, i, 8192);
        same &= genai_str_is(value("gen_ai.output.messages"), whole);
    }

    ok(same, "the same in pieces of any size");
}


static void
test_families(void)
{
    run(GENAI_API_BEDROCK, "/model/amazon.titan-text-lite-v1/invoke",
        "{\"inputText\":\"Q\"}", "application/json",
        "{\"inputTextTokenCount\":1,\"results\":[{\"tokenCount\":1,"
        "\"outputText\":\"A\",\"completionReason\":\"FINISH\"}]}", 0, 4096);
    is("gen_ai.input.messages", "[{\"parts\":[{\"type\":\"text\",\"content\":"
       "\"Q\"}],\"role\":\"user\"}]", "a prompt that is one text");
    is("gen_ai.output.messages", "[{\"parts\":[{\"type\":\"text\",\"content\":"
       "\"A\"}],\"role\":\"assistant\",\"finish_reason\":\"stop\"}]",
       "and its answer");

    run(GENAI_API_ANTHROPIC, "/v1/messages",
        "{\"model\":\"claude-x\",\"system\":\"S\",\"messages\":[{\"role\":"
        "\"user\",\"content\":\"Q\"},{\"role\":\"assistant\",\"content\":"
        "[{\"type\":\"tool_use\",\"id\":\"u1\",\"name\":\"n\",\"input\":{}}]}"
        ",{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\","
        "\"tool_use_id\":\"u1\",\"content\":\"R\"}]}],\"tools\":[{\"name\":"
        "\"n\"}]}", "application/json",
        "{\"type\":\"message\",\"role\":\"assistant\",\"content\":[{\"type\":"
        "\"text\",\"text\":\"A\"}],\"stop_reason\":\"end_turn\"}", 0, 4096);
    is("gen_ai.input.messages", "[{\"parts\":[{\"type\":\"text\",\"content\":"
       "\"Q\"}],\"role\":\"user\"},{\"parts\":[{\"type\":\"tool_call\","
       "\"id\":\"u1\",\"name\":\"n\"}],\"role\":\"assistant\"},{\"parts\":"
       "[{\"type\":\"tool_call_response\",\"response\":\"R\"}],\"role\":"
       "\"user\"}]", "Claude's messages");
    is("gen_ai.system_instructions",
       "[{\"type\":\"text\",\"content\":\"S\"}]", "Claude's system");
    is("gen_ai.output.messages", "[{\"parts\":[{\"type\":\"text\",\"content\":"
       "\"A\"}],\"role\":\"assistant\",\"finish_reason\":\"stop\"}]",
       "Claude's answer");
}


/* JSON with ' for ", which C would have escaped; good for four calls */

static const char *
q(const char *z)
{
    char             *p;
    static char       bufs[4][2048];
    static unsigned   n;

    p = bufs[n++ % 4];
    snprintf(p, sizeof(bufs[0]), "%s", z);

    for (z = p; *p; p++) {
        if (*p == '\'') {
            *p = '"';
        }
    }

    return z;
}


/* text in one piece however many events bring it; tools by name */

static void
test_cohere(void)
{
    static const char  ask[] =
        "{'model':'command-a-03-2025','messages':["
        "{'role':'system','content':'S'},"
        "{'role':'user','content':[{'type':'text','text':'Q'}]},"
        "{'role':'assistant','tool_plan':'P','tool_calls':["
        "{'id':'t1','function':{'name':'find','arguments':'{}'}}]},"
        "{'role':'tool','tool_call_id':'t1','content':'R'}],"
        "'tools':[{'type':'function','function':{'name':'find'}}]}";

    static const char  events[] =
        "data: {'type':'content-delta','delta':{'message':{'content':"
        "{'thinking':'hm'}}}}\n\n"
        "data: {'type':'content-delta','delta':{'message':{'content':"
        "{'text':'Hel'}}}}\n\n"
        "data: {'type':'content-delta','delta':{'message':{'content':"
        "{'text':'lo'}}}}\n\n"
        "data: {'type':'tool-call-start','delta':{'message':{'tool_calls':"
        "{'id':'t2','function':{'name':'find','arguments':''}}}}}\n\n"
        "data: {'type':'tool-call-delta','delta':{'message':{'tool_calls':"
        "{'function':{'arguments':'{}'}}}}}\n\n"
        "data: {'type':'message-end','delta':{'finish_reason':"
        "'TOOL_CALL'}}\n\n";

    run(GENAI_API_COHERE, "/v2/chat", q(ask), "application/json",
        q("{'id':'c','finish_reason':'TOOL_CALL','message':{'role':"
          "'assistant','content':[{'type':'thinking','thinking':'hm'},"
          "{'type':'text','text':'A'}],'tool_plan':'P','tool_calls':["
          "{'id':'t2','function':{'name':'find','arguments':'{}'}}]}}"),
        0, 8192);
    is("gen_ai.input.messages",
       q("[{'parts':[{'type':'text','content':'S'}],'role':'system'},"
         "{'parts':[{'type':'text','content':'Q'}],'role':'user'},"
         "{'parts':[{'type':'text','content':'P'},{'type':'tool_call',"
         "'id':'t1','name':'find'}],'role':'assistant'},"
         "{'parts':[{'type':'text','content':'R'}],'role':'tool'}]"),
       "Cohere's messages");
    is("gen_ai.tool.definitions", q("[{'type':'function','name':'find'}]"),
       "Cohere's tools");
    is("gen_ai.output.messages",
       q("[{'parts':[{'type':'reasoning','content':'hm'},{'type':'text',"
         "'content':'A'},{'type':'text','content':'P'},{'type':'tool_call',"
         "'id':'t2','name':'find'}],'role':'assistant','finish_reason':"
         "'tool_call'}]"), "Cohere's answer");

    run(GENAI_API_COHERE, "/v2/chat", q(ask), "text/event-stream", q(events),
        0, 8192);
    is("gen_ai.output.messages",
       q("[{'parts':[{'type':'reasoning','content':'hm'},{'type':'text',"
         "'content':'Hello'},{'type':'tool_call','id':'t2','name':'find'}],"
         "'role':'assistant','finish_reason':'tool_call'}]"),
       "Cohere's stream");
}


static void
test_gemini(void)
{
    int          same;
    size_t       i;
    const char  *uri = "/v1beta/models/m:streamGenerateContent";

#define first  "{'candidates':[{'content':{'role':'model','parts':["          \
               "{'text':'Hel'}]}}]}"
#define last   "{'candidates':[{'content':{'role':'model','parts':["          \
               "{'text':'lo'},{'functionCall':{'name':'go','args':"           \
               "{'name':'x'}}}]},'finishReason':'STOP'}]}"

    static const char  ask[] =
        "{'systemInstruction':{'parts':[{'text':'S'}]},'contents':["
        "{'role':'user','parts':[{'text':'Q'},{'inline_data':"
        "{'mime_type':'image/png','data':'c2VjcmV0'}}]},"
        "{'role':'model','parts':[{'functionCall':{'name':'go','args':{}}}]},"
        "{'role':'user','parts':[{'functionResponse':{'name':'go',"
        "'response':{'result':'R'}}}]}],'tools':[{'function_declarations':"
        "[{'name':'go'},{'name':'stop'}]}]}";

    static const char  answered[] =
        "[{'parts':[{'type':'text','content':'Hello'},{'type':'tool_call',"
        "'name':'go'}],'role':'assistant','finish_reason':'stop'}]";

    run(GENAI_API_GEMINI, "/v1beta/models/m:generateContent", q(ask),
        "application/json", q("{'candidates':[{'content':{'parts':["
                              "{'text':'one'}]}},{'content':{'parts':["
                              "{'text':'two'}]}}]}"), 0, 8192);
    is("gen_ai.input.messages",
       q("[{'parts':[{'type':'text','content':'Q'},{'type':'generic',"
         "'generic_type':'media'}],'role':'user'},{'parts':[{'type':"
         "'tool_call','name':'go'}],'role':'assistant'},{'parts':[{'type':"
         "'tool_call_response','response':'R'}],'role':'user'}]"),
       "Gemini's contents, its \"model\" by our name");
    is("gen_ai.system_instructions", q("[{'type':'text','content':'S'}]"),
       "Gemini's system");
    is("gen_ai.tool.definitions",
       q("[{'type':'function','name':'go'},{'type':'function','name':"
         "'stop'}]"), "Gemini's tools");
    is("gen_ai.output.messages",
       q("[{'parts':[{'type':'text','content':'one'}],'role':'assistant'},"
         "{'parts':[{'type':'text','content':'two'}],'role':'assistant'}]"),
       "each of Gemini's candidates is a message");

    run(GENAI_API_GEMINI, uri, q(ask), "text/event-stream",
        q("data: " first "\n\ndata: " last "\n\n"), 0, 8192);
    is("gen_ai.output.messages", q(answered),
       "Gemini's events are one message");

    for (i = 0, same = 1; i < 40; i++) {
        run(GENAI_API_GEMINI, uri, q(ask), "application/json",
            q("[" first ",\n" last "]"), i, 8192);
        same &= genai_str_is(value("gen_ai.output.messages"), q(answered));
    }

    ok(same, "and so is its array, in pieces of any size");

#undef first
#undef last
}


/* every room from the least on: valid JSON, no more than the room */

static void
test_bounds(void)
{
    int          good, cut;
    char        *req, *p;
    size_t       i, size, all;
    genai_str_t  v;

    req = malloc(200000);
    p = req + sprintf(req, "{\"system\":\"");

    for (i = 0; i < 300; i++) {
        p += sprintf(p, "\\u00e9\\\"\xf0\x9f\x91\x8b");
    }

    p += sprintf(p, "\",\"messages\":[");

    for (i = 0; i < 60; i++) {
        p += sprintf(p, "%s{\"role\":\"%.*s\",\"content\":[{\"text\":\"%.*s\\n"
                     "\\u0001 \xc3\xa9\xe6\x97\xa5\"},{\"image\":{}},"
                     "{\"toolUse\":{\"toolUseId\":\"%.*s\",\"name\":\"n\"}}]}",
                     i ? "," : "", (int) i * 3, "a long role that nobody has "
                     "but somebody may send, and it is longer than sixty-four "
                     "bytes, a long role that nobody has but somebody may "
                     "send and so on", (int) i * 7 % 61, "text of a part that "
                     "goes on and on and on until it ends with", (int) i,
                     "0123456789012345678901234567890123456789012345678901234"
                     "5678901234567890");
    }

    p += sprintf(p, "],\"toolConfig\":{\"tools\":[");

    for (i = 0; i < 100; i++) {
        p += sprintf(p, "%s{\"toolSpec\":{\"name\":\"tool_%zu\"}}",
                     i ? "," : "", i);
    }

    sprintf(p, "]}}");

    for (size = GENAI_CAPTURE_MIN, good = 1, cut = 0; size < 12000;
         size += 37)
    {
        run(GENAI_API_BEDROCK, "/model/m/converse", req, "application/json",
            answer, size % 3 ? 0 : 11, size);

        for (i = 0, all = 0; i < nattrs; i++) {
            all += attrs[i].value.len;
        }

        good &= all_json() && all <= size;
        v = value("gen_ai.system_instructions");
        cut += (v.len && v.len < 1800);
    }

    ok(good, "valid JSON within any bound");
    ok(cut > 0, "texts were cut");

    sprintf(req, "{\"messages\":[{\"role\":\"user\",\"content\":[{\"text\":"
            "\"a\xff\xc3 \xed\xa0\x80\"}]}]}");
    run(GENAI_API_BEDROCK, "/model/m/converse", req, "application/json",
        "{}", 0, 4096);
    is("gen_ai.input.messages", "[{\"parts\":[{\"type\":\"text\",\"content\":"
       "\"a?? ???\"}],\"role\":\"user\"}]", "bytes that are no UTF-8");

    run(GENAI_API_BEDROCK, "/model/m/converse", "{\"messages\":[]}",
        "application/json", "{}", 0, 4096);
    is_int((long long) nattrs, 0, "nothing was said: no attribute");

    run(GENAI_API_BEDROCK, "/model/m/converse", "{\"messages\":[{\"content\":"
        "[{\"text\":\"cut in the mid", "application/json", "{}", 0, 4096);
    ok(all_json() && nattrs == 1, "a request that breaks off");

    free(req);
}


int
main(void)
{
    char  err[256];

    err[0] = '\0';

    if (!ok(genai_apis_create_more(&apis, &genai_capture_request,
                                   &genai_capture_response, take, NULL, err,
                                   sizeof(err))
            == GENAI_OK, "rows compile %s", err))
    {
        return done();
    }

    test_converse();
    test_stream();
    test_families();
    test_cohere();
    test_gemini();
    test_bounds();

    free(buf);

    return done();
}
