/*
 * What the parts of the price file's parser share; private to them.
 *
 * The file is the operator's, and a slip in it costs money: whatever is not
 * understood is refused, with the row and what to do about it.
 *
 * The file is one object:
 *
 *   unit        "usd_per_million_tokens", nothing else
 *   version     names the table: attribute genai.price.version
 *   models      the rows
 *   aliases     { name: id }: what a name that tells nothing, such as the ARN
 *               of an application inference profile, stands for; the id's
 *               prefix gives the route: "global.anthropic.claude-sonnet-4-6"
 *   discount    percent off everything;  discounts  { family: percent }
 *   sources     { name: text };  note
 *
 * A row:
 *
 *   id, aliases   Bedrock's ids, without profile prefix
 *   direct        ids at the provider's own API: the list price, any region
 *   provider, family
 *   kind          text (default), embeddings, rerank, image, speech
 *   input, output, cache_read, cache_write (5 minutes), cache_write_1h
 *                 USD per million tokens, as a string or a number, up to six
 *                 decimals: the list price, which global. profiles pay
 *   image, query  USD each; query_documents (100): documents of one query
 *   speech_input, speech_output   kept for the reader, not used
 *   long_context  { over: input tokens, and all the prices of the row }: the
 *                 whole call costs this when its input is larger
 *   routes        { route: { premium: percent } | { prices } | null }; null
 *                 says that the price is not known.  A route is geo (any
 *                 profile prefix but global.), in_region (no prefix), global,
 *                 a prefix (us, us-gov: also for its regions), or a region;
 *                 the narrowest wins
 *   tiers         { flex, priority, batch, reserved, optimized: factor }; a
 *                 tier that the row does not have is unpriced.  optimized:
 *                 performanceConfig.latency
 *   discount      percent; takes the place of the family's, and that of the
 *                 table's
 *   context, max_output           tokens
 *   effective_from, effective_until   "2026-10-07" or with "T00:00:00Z", UTC;
 *                 until is exclusive.  Rows of one id may follow each other
 *   source        members of sources, "a, b";  date, confidence (H, M, L),
 *                 note
 */

#ifndef GENAI_PRICE_FILE_H
#define GENAI_PRICE_FILE_H

#include <cjson/cJSON.h>

#include "genai_price.h"


#define GENAI_PRICE_UNIT    "usd_per_million_tokens"
#define GENAI_PRICE_FILE    (2 * 1024 * 1024)   /* bytes of text */
#define GENAI_PRICE_KEYS    4096                /* members of one object */
#define GENAI_PRICE_ROWS    4096
#define GENAI_PRICE_NAME    2048                /* bytes of an id or ARN */
#define GENAI_PRICE_MAX     10000               /* USD per million tokens */
#define GENAI_PRICE_EACH    100                 /* USD per image or query */
#define GENAI_PRICE_MICRO   1000000


typedef struct {
    genai_price_alloc_pt   alloc;
    void                  *data;
    char                  *err;
    size_t                 errlen;
    genai_price_table_t   *t;
    const cJSON           *sources;
    const cJSON           *discounts;
    const char            *id;         /* row being read, NULL: the file */
    unsigned               index;
    uint32_t               pay_ppm;    /* the table's discount */
} genai_price_file_t;


/* writes the error, row first; always GENAI_ERROR */
int genai_pf_fail(genai_price_file_t *f, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* n zeroed elements, NULL with the error written */
void *genai_pf_alloc(genai_price_file_t *f, size_t n, size_t size);

/* copies z, which stays zero-terminated, into the table's memory */
int genai_pf_copy(genai_price_file_t *f, const char *z, genai_str_t *to);

/* an object, each of whose members is in known (words between spaces, NULL:
 * any) and there only once */
int genai_pf_members(genai_price_file_t *f, const cJSON *object,
    const char *where, const char *known);

/* a decimal of 0 ... max, written as a string or a number, in millionths */
int genai_pf_decimal(genai_price_file_t *f, const cJSON *v, const char *key,
    int64_t max, int64_t *micro);

/* the member's count or date; *to stays when there is no such member */
int genai_pf_integer(genai_price_file_t *f, const cJSON *row,
    const char *key, int64_t *to);
int genai_pf_time(genai_price_file_t *f, const cJSON *row, const char *key,
    int64_t *to);

/* a required name of printable ASCII without spaces */
int genai_pf_word(genai_price_file_t *f, const cJSON *v, const char *key,
    size_t max, genai_str_t *to);

/* a percentage as what is left to pay; v may be NULL */
int genai_pf_discount(genai_price_file_t *f, const cJSON *v, const char *key,
    uint32_t *pay_ppm);

/* the whole row; its names become keys elsewhere */
int genai_pf_row(genai_price_file_t *f, const cJSON *row,
    genai_price_row_t *r);


#endif /* GENAI_PRICE_FILE_H */
