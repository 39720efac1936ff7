/*
 * Private to genai_capture*.c: what a row's value is.
 */

#ifndef GENAI_CAPTURE_INT_H
#define GENAI_CAPTURE_INT_H

#include "genai_capture.h"


enum {
    CAPTURE_NONE = 0,

    CAPTURE_TEXT,                 /* pieces of a part */
    CAPTURE_REASONING,
    CAPTURE_RESULT,               /* of a tool */
    CAPTURE_PLAIN,                /* a part outside messages */
    CAPTURE_PROMPT,               /* a message by itself */

    CAPTURE_MESSAGE,              /* a message begins, and ends */
    CAPTURE_MESSAGE_END,
    CAPTURE_STREAM,               /* the answer is an array of events */
    CAPTURE_ROLE,
    CAPTURE_TOOL_ID,              /* of a call: id, name, its end */
    CAPTURE_TOOL_NAME,
    CAPTURE_TOOL_END,
    CAPTURE_MEDIA,                /* an image, a document ... was there */
    CAPTURE_DEFINITION            /* name of a tool that is offered */
};


#define capture_arg(section, what)  ((section) << 8 | (what))


#endif /* GENAI_CAPTURE_INT_H */
