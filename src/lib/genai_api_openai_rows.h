/*
 * Shared by the table files of OpenAI's API; not for others.
 */

#ifndef GENAI_API_OPENAI_ROWS_H
#define GENAI_API_OPENAI_ROWS_H

#include "genai_api_tables.h"


/* "at" is where the error is: "", "error." or "response.error."; a code is
 * said more closely than a type */

#define openai_error_rows(at)                                                 \
    { at "code", GENAI_JSON_TEXT, GENAI_FIRST, GENAI_F_ERROR_CODE, 2 },       \
    { at "type", GENAI_JSON_TEXT, GENAI_FIRST, GENAI_F_ERROR_CODE, 1 },       \
    genai_first(at "message", GENAI_F_ERROR_MESSAGE)


extern const genai_rows_t  genai_openai_chat_request;
extern const genai_rows_t  genai_openai_chat_response;
extern const genai_api_event_t  genai_openai_chat_event;

extern const genai_rows_t  genai_openai_text_request;
extern const genai_rows_t  genai_openai_text_response;
extern const genai_api_event_t  genai_openai_text_event;

extern const genai_rows_t  genai_openai_embed_request;
extern const genai_rows_t  genai_openai_embed_response;

extern const genai_rows_t  genai_openai_image_request;
extern const genai_rows_t  genai_openai_image_response;

extern const genai_rows_t  genai_openai_responses_request;
extern const genai_rows_t  genai_openai_responses_response;
#define GENAI_OPENAI_RESPONSES_EVENTS  14

extern const genai_api_event_t
    genai_openai_responses_events[GENAI_OPENAI_RESPONSES_EVENTS];


#endif /* GENAI_API_OPENAI_ROWS_H */
