/*
 * The usage chunk goes, every other byte stays, wherever the stream is cut.
 */

#include "test.h"
#include "genai_hide.h"


static char  hold[4096], out[65536];


static size_t
run(const char *in, size_t size, size_t cut, size_t piece)
{
    char          *room;
    size_t         i, n, len, made, m;
    genai_hide_t   h;

    len = strlen(in);
    made = 0;
    genai_hide_init(&h, hold, size);

    for (i = 0; i < len; i += n) {
        n = piece ? piece : i < cut ? cut : len;
        n = (n > len - i) ? len - i : n;
        room = malloc(h.len + n);
        m = genai_hide_feed(&h, in + i, n, room);
        memcpy(out + made, room, m);
        made += m;
        free(room);
    }

    return made + genai_hide_end(&h, out + made);
}


static void
is(const char *in, const char *want, size_t size, const char *name)
{
    int     same;
    size_t  i, n;

    n = run(in, size, strlen(in), 0);
    is_mem(out, n, want, name);

    for (i = 1, same = 1; i < strlen(in); i++) {
        n = run(in, size, i, 0);
        same &= (n == strlen(want) && memcmp(out, want, n) == 0);
        n = run(in, size, 0, i);
        same &= (n == strlen(want) && memcmp(out, want, n) == 0);
    }

    ok(same, "%s: cut anywhere", name);
}


#define TEXT   "data: {\"choices\":[{\"delta\":{\"content\":\"Hi\"}}],"       \
               "\"usage\":null}\n\n"
#define USAGE  "data: {\"id\":\"1\",\"choices\":[],\"usage\":"                \
               "{\"prompt_tokens\":9}}\n\n"
#define DONE   "data: [DONE]\n\n"


int
main(void)
{
    char  text[3000], want[3000];

    is(TEXT USAGE DONE, TEXT DONE, 4096, "the usage chunk");
    is("data: {\"choices\" : [ ], \"usage\" : {}}\r\n\r\n" DONE, DONE, 4096,
       "blanks and CRLF");
    is(TEXT "data: {\"choices\":[],\"prompt_filter_results\":[]}\n\n" DONE,
       TEXT "data: {\"choices\":[],\"prompt_filter_results\":[]}\n\n" DONE,
       4096, "no choices and no usage stays");
    is("data: {\"choices\":[{\"delta\":{\"content\":\"\\\"choices\\\":[]"
       "\\\"usage\\\":{\"}}]}\n\n", "data: {\"choices\":[{\"delta\":"
       "{\"content\":\"\\\"choices\\\":[]\\\"usage\\\":{\"}}]}\n\n", 4096,
       "what a model says about it stays");
    is(TEXT "data: {\"choices\":[],\"usage\":{", TEXT
       "data: {\"choices\":[],\"usage\":{", 4096,
       "a stream that breaks off leaves all it had");
    is(": keep-alive\n\n" TEXT ": x\n\n", ": keep-alive\n\n" TEXT ": x\n\n",
       4096, "comments stay");
    is("", "", 4096, "nothing");

    snprintf(text, sizeof(text), "data: {\"x\":\"%0900d\"}\n\n%s%s", 7, USAGE,
             DONE);
    snprintf(want, sizeof(want), "data: {\"x\":\"%0900d\"}\n\n%s", 7, DONE);
    is(text, want, 128, "an event that cannot be held passes");

    return done();
}
