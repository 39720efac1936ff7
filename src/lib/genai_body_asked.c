/*
 * What is asked for: values of a request that a budget's bound is made of.
 *
 * A client may not hide what it asks for.  A provider takes one of two equal
 * keys, and this is not the place to know which: nothing here is ever less
 * than either.
 */

#include "genai_body_fields.h"
#include "genai_usage.h"


static int asked_is_plain(genai_str_t s);


void
genai_body_asked(genai_call_t *c, unsigned field, unsigned arg,
    const genai_json_value_t *v)
{
    switch (field) {

    case GENAI_F_LIMIT:
        if (v->event == GENAI_JSON_NAME) {
            c->limits++;

        } else if (!v->fraction && genai_usage_sane(v->integer) >= 0) {
            c->limits_given++;
        }

        break;

    case GENAI_F_CHOICES:
        if (v->event != GENAI_JSON_NUMBER || v->fraction
            || v->integer > GENAI_USAGE_MAX)
        {
            c->request_odd = 1;
            break;
        }

        genai_usage_max(&c->choices, v->integer);
        break;

    case GENAI_F_ONCE:
        c->request_odd |= ((c->once & arg) != 0);
        c->once |= (uint16_t) arg;
        break;

    case GENAI_F_TIER_ASKED:
        c->tier_dear |= !genai_tier_is_standard(v->text);
        break;

    case GENAI_F_ELSEWHERE:
        c->input_elsewhere = 1;
        break;

    case GENAI_F_TOOL_TYPE:
        if (!genai_str_is(v->text, "function")
            && !genai_str_is(v->text, "custom")
            && !genai_str_is(v->text, "functionDeclarations")
            && !genai_str_is(v->text, "function_declarations"))
        {
            c->input_elsewhere = 1;      /* what a tool of theirs finds */
        }

        break;

    case GENAI_F_FILE_FORMAT:
        c->files += !asked_is_plain(v->text);
        break;

    case GENAI_F_SOURCE_TYPE:
        c->file_sources += !asked_is_plain(v->text);
        break;

    default:
        break;
    }
}


/* text, which has not more tokens than bytes, or an image */

static int
asked_is_plain(genai_str_t s)
{
    return genai_str_is(s, "text") || genai_str_is(s, "content")
           || genai_str_is(s, "txt") || genai_str_is(s, "md")
           || genai_str_is(s, "csv") || genai_str_is(s, "html")
           || (s.len > 5 && memcmp(s.data, "text/", 5) == 0)
           || (s.len > 6 && memcmp(s.data, "image/", 6) == 0);
}


void
genai_body_part(genai_call_t *c, genai_str_t type)
{
    static const char *const  media[] = {
        "image", "audio", "image_url", "input_image", "input_audio"
    };

    static const char *const  files[] = {
        "video", "file", "input_file", "video_url", "audio_url"
    };

    size_t  i;

    if (genai_str_is(type, "tool_result") || genai_str_is(type, "tool")
        || genai_str_is(type, "function_call_output"))
    {
        c->tool_results++;
        return;
    }

    /* the source of a document says whether it is text */

    if (genai_str_is(type, "document")) {
        c->media_parts++;
        c->file_blocks++;
        return;
    }

    if (genai_str_is(type, "item_reference")
        || genai_str_is(type, "container_upload"))
    {
        c->input_elsewhere = 1;
        return;
    }

    for (i = 0; i < genai_nelts(files); i++) {
        if (genai_str_is(type, files[i])) {
            c->media_parts++;
            c->files++;
            return;
        }
    }

    for (i = 0; i < genai_nelts(media); i++) {
        if (genai_str_is(type, media[i])) {
            c->media_parts++;
            return;
        }
    }
}
