/*
 * Message content -> the JSON of the conventions, as it comes.
 */

#include <stdio.h>

#include "genai_capture_int.h"


/* what is kept free for the ends of a part, a message and the list */

#define CAPTURE_ENDS  (sizeof("\"}],\"role\":\"\",\"finish_reason\":\""       \
                              "content_filter\"}]") + GENAI_CAPTURE_NAME)


static const char *const  capture_keys[GENAI_CAPTURE_N] = {
    [GENAI_CAPTURE_INPUT] = "gen_ai.input.messages",
    [GENAI_CAPTURE_OUTPUT] = "gen_ai.output.messages",
    [GENAI_CAPTURE_SYSTEM] = "gen_ai.system_instructions",
    [GENAI_CAPTURE_TOOLS] = "gen_ai.tool.definitions"
};


static const char *const  capture_heads[] = {
    [CAPTURE_TEXT] = "{\"type\":\"text\",\"content\":\"",
    [CAPTURE_REASONING] = "{\"type\":\"reasoning\",\"content\":\"",
    [CAPTURE_RESULT] = "{\"type\":\"tool_call_response\",\"response\":\"",
    [CAPTURE_PLAIN] = "{\"type\":\"text\",\"content\":\""
};


static void capture_pieces(genai_capture_t *x, unsigned section,
    unsigned what, const genai_json_value_t *v, int stays);
static int capture_open(genai_capture_part_t *p, size_t need);
static void capture_close_part(genai_capture_part_t *p);
static void capture_close(genai_capture_t *x, unsigned section,
    const char *finish);
static void capture_tool(genai_capture_t *x, unsigned section);
static void capture_item(genai_capture_part_t *p, const char *head,
    const char *value, size_t len);
static void capture_word(char *buf, uint8_t *len, genai_str_t s);
static void capture_add(genai_capture_part_t *p, const char *z);
static void capture_text(genai_capture_part_t *p, genai_str_t s);
static size_t capture_escape(unsigned char ch, char *out);
static void capture_trim(genai_capture_part_t *p);
static void capture_repair(genai_capture_part_t *p);
static size_t capture_utf8(const unsigned char *s, size_t len);


void
genai_capture_init(genai_capture_t *x, char *buf, size_t size)
{
    size_t  i;

    static const uint8_t  share[GENAI_CAPTURE_N] = { 4, 2, 1, 1 };

    memset(x, 0, sizeof(genai_capture_t));

    for (i = 0; i < GENAI_CAPTURE_N; i++) {
        x->part[i].buf = buf;
        x->part[i].size = (uint16_t) (size / 8 * share[i]);
        buf += x->part[i].size;
    }
}


void
genai_capture_emit(genai_capture_t *x, const genai_call_t *c, unsigned arg,
    const genai_json_value_t *v)
{
    int                    stays;
    unsigned               section, what;
    genai_capture_part_t  *p;

    section = arg >> 8;
    what = arg & 0xff;

    if (x == NULL || section >= GENAI_CAPTURE_N) {
        return;
    }

    p = &x->part[section];

    /* the next event of a stream goes on with the text */

    stays = (section == GENAI_CAPTURE_OUTPUT && (c->streamed || x->stream));

    switch (what) {

    case CAPTURE_PROMPT:
        capture_pieces(x, section, CAPTURE_TEXT, v, 0);

        if (v->last) {
            capture_close(x, section, NULL);
        }

        break;

    case CAPTURE_MESSAGE:
    case CAPTURE_MESSAGE_END:
        if (stays) {
            break;
        }

        capture_close(x, section, NULL);
        break;

    case CAPTURE_STREAM:
        x->stream = 1;
        break;

    case CAPTURE_ROLE:
        capture_word(x->role, &x->rolelen,
                     genai_str_is(v->text, "model") ? genai_strz("assistant")
                                                    : v->text);
        break;

    case CAPTURE_TOOL_ID:
        capture_word(x->id, &x->idlen, v->text);
        break;

    case CAPTURE_TOOL_NAME:
        capture_word(x->name, &x->namelen, v->text);
        break;

    case CAPTURE_TOOL_END:
        capture_tool(x, section);
        break;

    case CAPTURE_MEDIA:
        capture_close_part(p);

        if (capture_open(p, 64)) {
            capture_item(p, "{\"type\":\"generic\",\"generic_type\":\"media\""
                         "}", NULL, 0);
        }

        break;

    case CAPTURE_DEFINITION:
        capture_item(p, "{\"type\":\"function\",\"name\":\"", v->text.data,
                     v->text.len);
        break;

    default:
        capture_pieces(x, section, what, v, stays);
        break;
    }
}


/* a piece of a text: of the part that is open, or of a new one */

static void
capture_pieces(genai_capture_t *x, unsigned section, unsigned what,
    const genai_json_value_t *v, int stays)
{
    genai_capture_part_t  *p;

    p = &x->part[section];

    if (p->full || (v->text.len == 0 && !p->part)) {
        return;
    }

    if (p->part != what) {
        capture_close_part(p);

        if (what != CAPTURE_PLAIN && !capture_open(p, 128)) {
            return;
        }

        if (p->size - p->len < (int) (CAPTURE_ENDS + 128)) {
            p->full = 1;
            return;
        }

        if (p->len == 0) {
            capture_add(p, "[");
        }

        if (p->item) {
            capture_add(p, ",");
        }

        capture_add(p, capture_heads[what]);
        p->part = (uint8_t) what;
        p->item = 1;
    }

    capture_text(p, v->text);

    if (v->last && !stays) {
        capture_close_part(p);
    }
}


/* a message, when none is open; 0: there is no room for one and its parts */

static int
capture_open(genai_capture_part_t *p, size_t need)
{
    if (p->full) {
        return 0;
    }

    if ((size_t) (p->size - p->len) < CAPTURE_ENDS + need) {
        p->full = 1;
        return 0;
    }

    if (!p->message) {
        capture_add(p, p->len ? ",{\"parts\":[" : "[{\"parts\":[");
        p->message = 1;
        p->item = 0;
    }

    return 1;
}


static void
capture_close_part(genai_capture_part_t *p)
{
    if (p->part) {
        capture_add(p, "\"}");
        p->part = 0;
    }
}


static void
capture_close(genai_capture_t *x, unsigned section, const char *finish)
{
    genai_str_t            role;
    genai_capture_part_t  *p;

    p = &x->part[section];

    capture_close_part(p);

    if (p->message) {
        role = genai_str(x->role, x->rolelen);

        if (role.len == 0 || section == GENAI_CAPTURE_OUTPUT) {
            role = genai_strz(section == GENAI_CAPTURE_OUTPUT ? "assistant"
                                                              : "user");
        }

        capture_add(p, "],\"role\":\"");
        memcpy(p->buf + p->len, role.data, role.len);
        p->len += (uint16_t) role.len;

        if (finish) {
            capture_add(p, "\",\"finish_reason\":\"");
            capture_add(p, finish);
        }

        capture_add(p, "\"}");
        p->message = 0;
    }

    x->rolelen = 0;
    x->idlen = 0;
    x->namelen = 0;
}


/* a tool that is called: its name, not what it is given */

static void
capture_tool(genai_capture_t *x, unsigned section)
{
    char                   head[2 * GENAI_CAPTURE_NAME + 64];
    genai_capture_part_t  *p;

    p = &x->part[section];

    if (x->namelen) {
        capture_close_part(p);

        if (x->idlen) {
            (void) snprintf(head, sizeof(head), "{\"type\":\"tool_call\","
                            "\"id\":\"%.*s\",\"name\":\"", (int) x->idlen,
                            x->id);

        } else {
            (void) snprintf(head, sizeof(head),
                            "{\"type\":\"tool_call\",\"name\":\"");
        }

        if (capture_open(p, sizeof(head))) {
            capture_item(p, head, x->name, x->namelen);
        }
    }

    x->idlen = 0;
    x->namelen = 0;
}


/* an element written in one go, or not at all; value NULL: head is all */

static void
capture_item(genai_capture_part_t *p, const char *head, const char *value,
    size_t len)
{
    if (p->full
        || (size_t) (p->size - p->len) < CAPTURE_ENDS + strlen(head)
                                         + 6 * len + 8)
    {
        p->full = 1;
        return;
    }

    if (p->len == 0) {
        capture_add(p, "[");
    }

    if (p->item) {
        capture_add(p, ",");
    }

    capture_add(p, head);

    if (value) {
        capture_text(p, genai_str(value, len));
        capture_add(p, "\"}");
    }

    p->item = 1;
}


/* ids, names and roles are words: what would need an escape is left out */

static void
capture_word(char *buf, uint8_t *len, genai_str_t s)
{
    size_t         i;
    unsigned char  ch;

    *len = 0;

    for (i = 0; i < s.len && *len < GENAI_CAPTURE_NAME; i++) {
        ch = (unsigned char) s.data[i];

        if (ch > 0x20 && ch < 0x7f && ch != '"' && ch != '\\') {
            buf[(*len)++] = (char) ch;
        }
    }
}


/* there is room for it: CAPTURE_ENDS */

static void
capture_add(genai_capture_part_t *p, const char *z)
{
    size_t  n;

    n = strlen(z);
    memcpy(p->buf + p->len, z, n);
    p->len += (uint16_t) n;
}


static void
capture_text(genai_capture_part_t *p, genai_str_t s)
{
    char    out[6];
    size_t  i, n, end;

    if (p->full) {
        return;
    }

    end = p->size - CAPTURE_ENDS;

    for (i = 0; i < s.len; i++) {
        n = capture_escape((unsigned char) s.data[i], out);

        if (p->len + n > end) {
            p->full = 1;
            capture_trim(p);
            return;
        }

        memcpy(p->buf + p->len, out, n);
        p->len += (uint16_t) n;
    }
}


static size_t
capture_escape(unsigned char ch, char *out)
{
    static const char  hex[] = "0123456789abcdef";

    if (ch >= 0x20 && ch != '"' && ch != '\\') {
        out[0] = (char) ch;
        return 1;
    }

    out[0] = '\\';

    switch (ch) {

    case '"':
    case '\\':
        out[1] = (char) ch;
        return 2;

    case '\n':
        out[1] = 'n';
        return 2;

    case '\t':
        out[1] = 't';
        return 2;

    default:
        memcpy(out + 1, "u00", 3);
        out[4] = hex[ch >> 4];
        out[5] = hex[ch & 15];
        return 6;
    }
}


/* a character that was cut goes wholly */

static void
capture_trim(genai_capture_part_t *p)
{
    size_t  n;

    for (n = 0; n < 3 && n < p->len; n++) {
        if (((unsigned char) p->buf[p->len - 1 - n] & 0xc0) != 0x80) {
            break;
        }
    }

    if (n < p->len
        && capture_utf8((unsigned char *) p->buf + p->len - 1 - n, n + 1)
           == 0)
    {
        p->len -= (uint16_t) (n + 1);
    }
}


size_t
genai_capture_attrs(genai_capture_t *x, const genai_call_t *c,
    genai_attr_t *attrs)
{
    size_t                 i, n;
    const char            *finish;
    genai_capture_part_t  *p;

    finish = genai_finish_name(c->finish);

    if (c->finish == GENAI_FINISH_NONE || c->finish == GENAI_FINISH_OTHER) {
        finish = NULL;
    }

    capture_close(x, GENAI_CAPTURE_INPUT, NULL);
    capture_close(x, GENAI_CAPTURE_OUTPUT, finish);

    for (i = 0, n = 0; i < GENAI_CAPTURE_N; i++) {
        p = &x->part[i];
        capture_close_part(p);

        if (p->len == 0) {
            continue;
        }

        capture_add(p, "]");
        capture_repair(p);

        attrs[n].key = genai_strz(capture_keys[i]);
        attrs[n].value = genai_str(p->buf, p->len);
        attrs[n].type = 's';
        attrs[n].label = 0;
        n++;
    }

    return n;
}


/* bytes that are no UTF-8 were in the body: each becomes a '?' */

static void
capture_repair(genai_capture_part_t *p)
{
    size_t  i, n;

    for (i = 0; i < p->len; i += n) {
        n = capture_utf8((unsigned char *) p->buf + i, p->len - i);

        if (n == 0) {
            p->buf[i] = '?';
            n = 1;
        }
    }
}


/* the length of the character that s begins with, 0: it is none */

static size_t
capture_utf8(const unsigned char *s, size_t len)
{
    size_t    i, n;
    uint32_t  code;

    if (s[0] < 0x80) {
        return 1;
    }

    n = (s[0] >= 0xf0 && s[0] < 0xf5) ? 4 : (s[0] >= 0xe0) ? 3
        : (s[0] >= 0xc2) ? 2 : 0;

    if (n == 0 || s[0] >= 0xf5 || n > len) {
        return 0;
    }

    code = s[0] & (0x7fu >> n);

    for (i = 1; i < n; i++) {
        if ((s[i] & 0xc0) != 0x80) {
            return 0;
        }

        code = code << 6 | (s[i] & 0x3f);
    }

    if ((n == 3 && code < 0x800) || (n == 4 && code < 0x10000)
        || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
    {
        return 0;
    }

    return n;
}
