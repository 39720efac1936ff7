/*
 * What a call may need at most, and what it did need.
 */

#ifndef GENAI_BUDGET_BOUND_H
#define GENAI_BUDGET_BOUND_H

#include "genai_budget.h"
#include "genai_price.h"


#define GENAI_BUDGET_UNKNOWN       (-1)
#define GENAI_BUDGET_MEDIA_TOKENS  8192
#define GENAI_BUDGET_TOOLS_TOKENS  1024

/* what gpt-oss puts before a prompt: about 70 tokens, more than the body's
 * own brackets make up for; those of other models are shorter */
#define GENAI_BUDGET_CHAT_TOKENS   256

/* a document or a video may have as many tokens as any context holds, be it
 * named by its address or packed into the body */
#define GENAI_BUDGET_FILE_TOKENS   1048576


typedef struct {
    genai_str_t  model;
    genai_str_t  region;
    genai_str_t  tier;                 /* asked for: a dearer one counts */
    int64_t      when;                 /* seconds since 1970 */
    int64_t      body;                 /* bytes, decompressed */
    int64_t      max_tokens;           /* the greatest, -1: not given */
    int64_t      choices;              /* answers asked for, 0: one */
    int64_t      prompts;              /* of a completion, 0: one */
    int64_t      media;                /* images and files of the prompt */
    int64_t      files;                /* of them: not images, not text */
    int64_t      media_tokens;         /* for each, 0: the default above */
    int64_t      documents;            /* to rank */
    int64_t      images;               /* to make, 0: one */
    unsigned     operation;            /* genai_operation_e */
    unsigned     tools:1;              /* tools are offered */
    unsigned     open:1;               /* max_tokens may be left unheeded */
    unsigned     elsewhere:1;          /* input that the body only names */
    unsigned     unread:1;             /* not read to its end, or it can be
                                          understood in two ways */
} genai_budget_facts_t;


/*
 * Fills *f from a call whose request has been read whole.  region: of the
 * endpoint, empty: the call's own; when: seconds since 1970.  Slices point
 * where the call's do.
 */
void genai_budget_facts(const genai_call_t *c, genai_str_t region,
    int64_t when, genai_budget_facts_t *f);

/*
 * The most that the call can need.  Input: a token for each byte of the body,
 * media, files, tools and a long template on top, but of a chat not more than
 * the model's context, which is also what input from elsewhere can be.
 * Output: choices x max_tokens, or the model's maximum; a flat number for an
 * image where its tokens have a price, none for embeddings and rerank.  USD:
 * genai_price_bound().  What providers do not bill (retrieval, token counts)
 * needs a request and nothing else.
 *
 * GENAI_OK; GENAI_DECLINED: what is GENAI_BUDGET_UNKNOWN in *a has no bound,
 * usd_pico without a price, otok without max_tokens of a model whose maximum
 * is not known, itok from elsewhere of a model whose context is not known,
 * all but req of a request that was not read and of an agent, which calls
 * models as it likes.
 */
int genai_budget_bound(const genai_price_table_t *t,
    const genai_budget_facts_t *f, genai_budget_amounts_t *a);

/*
 * What a settled and priced call (genai_usage_settle, genai_price_call)
 * needed.  A cache hit and what is not billed: the request alone.  GENAI_OK:
 * as the provider said it; GENAI_DECLINED: some of it is an estimate or of an
 * answer that was not read to its end, or GENAI_BUDGET_UNKNOWN, which settles
 * at the reservation (genai_budget_fill).
 */
int genai_budget_actual(const genai_call_t *c, genai_budget_amounts_t *a);

/* puts what was reserved in the place of what is unknown */
void genai_budget_fill(genai_budget_amounts_t *a,
    const genai_budget_amounts_t *reserved);


#endif /* GENAI_BUDGET_BOUND_H */
