/*
 * What a call gets that its budget refuses, in the words of the protocol that
 * its client speaks.
 *
 * Final: 402, which no SDK sends again, AWS's as the typed exception
 * ServiceQuotaExceededException.  Retryable, when there can be room within
 * seconds: 429 with every hint that an SDK heeds (wire-formats 5.2 to 5.5).
 */

#ifndef GENAI_REFUSE_H
#define GENAI_REFUSE_H

#include "genai_budget.h"
#include "genai_call.h"


#define GENAI_REFUSE_HEADERS  8
#define GENAI_REFUSE_SIZE     3072  /* room for any refusal of a budget whose
                                       name has up to 128 bytes */
#define GENAI_REFUSE_WAIT     10    /* seconds that SDKs wait at most */


typedef struct {
    uint8_t                      api;        /* genai_api_e of the call */
    int                          status;     /* 0: auto, or 400 to 599 */
    genai_str_t                  budget;     /* the zone's name */
    genai_str_t                  request_id; /* AWS's, empty: none */
    const genai_budget_state_t  *why;        /* NULL: the zone is full, or no
                                                key or price was known */
    genai_str_t                  reason;     /* then: one sentence */
    int64_t                      now;
} genai_refuse_in_t;


typedef struct {
    genai_str_t                  name;       /* lower case */
    genai_str_t                  value;
} genai_refuse_header_t;


typedef struct {
    int                          status;
    unsigned                     retryable:1;
    int64_t                      retry_after;  /* seconds, when retryable */
    uint32_t                     nheaders;
    genai_refuse_header_t        headers[GENAI_REFUSE_HEADERS];
    genai_str_t                  content_type;
    genai_str_t                  body;
} genai_refuse_out_t;


/*
 * Everything in *out is constant or lies in buf.  Date and Content-Length are
 * the server's.  GENAI_OK; GENAI_ERROR: size is too small.
 */
int genai_refuse(const genai_refuse_in_t *in, char *buf, size_t size,
    genai_refuse_out_t *out);

/* "2026-12-01T00:00:00Z", zero-terminated; the length, 20 for years 1 to
 * 9999 */
size_t genai_refuse_time(int64_t t, char buf[32]);

/*
 * RateLimit-Policy and RateLimit for an accepted call (draft-ietf-httpapi-
 * ratelimit-headers): quota and rest in whole units (cents of a USD), and
 * the seconds to the reset.  GENAI_ERROR: size is too small.
 */
int genai_refuse_ratelimit(genai_str_t budget, const genai_budget_state_t *s,
    int64_t now, char *buf, size_t size, genai_refuse_header_t out[2]);


#endif /* GENAI_REFUSE_H */
