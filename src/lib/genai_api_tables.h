/*
 * Shared by genai_api.c, genai_body.c and the table files; not for others.
 */

#ifndef GENAI_API_TABLES_H
#define GENAI_API_TABLES_H

#include "genai_api.h"


/* the documents that families share a program for */

enum {
    GENAI_DOC_REQUEST = 0,
    GENAI_DOC_RESPONSE,
    GENAI_DOC_INNER,
    GENAI_DOC_N
};

/* stand for "the rows of all families": what an operation points to */
extern const genai_rows_t  genai_rows_union[GENAI_DOC_N];

extern const genai_rows_t  genai_rows_error;
extern const genai_rows_t  genai_rows_chunk;


enum {
    GENAI_CAP_MODEL = 0,
    GENAI_CAP_GUARDRAIL,
    GENAI_CAP_VERSION,
    GENAI_CAP_SOURCE,
    GENAI_CAP_N
};

typedef struct {
    genai_str_t  value[GENAI_CAP_N];
} genai_api_caps_t;


typedef struct {
    const genai_rows_t          *rows;       /* what it was compiled from */
    const genai_json_program_t  *program;
} genai_api_program_t;


/* the common kinds of rows */

#define genai_number(path, field)                                             \
    { path, GENAI_JSON_NUMBER, GENAI_LAST, field, 0 }
#define genai_text(path, field)                                               \
    { path, GENAI_JSON_TEXT, GENAI_LAST, field, 0 }
#define genai_first(path, field)                                              \
    { path, GENAI_JSON_TEXT, GENAI_FIRST, field, 0 }
#define genai_chars(path, field)                                              \
    { path, GENAI_JSON_CHARS, GENAI_SUM, field, 0 }
#define genai_length(path, field)                                             \
    { path, GENAI_JSON_LENGTH, GENAI_LAST, field, 0 }
#define genai_dimension(path)                                                 \
    { path, GENAI_JSON_LENGTH, GENAI_FIRST, GENAI_F_EMBEDDING_DIMENSION, 0 }
#define genai_end(path, field)                                                \
    { path, GENAI_JSON_END, GENAI_LAST, field, 0 }
#define genai_present(path, field)                                            \
    { path, GENAI_JSON_PRESENT, GENAI_LAST, field, 0 }
#define genai_search_by(path, by)                                             \
    { path, GENAI_JSON_PRESENT, GENAI_LAST, GENAI_F_RETRIEVAL_METHOD, by }
#define genai_vector(path)                                                    \
    genai_dimension(path),                                                    \
    { path, GENAI_JSON_LENGTH, GENAI_LAST, GENAI_F_RETRIEVAL_METHOD,          \
      GENAI_BY_VECTOR }
#define genai_bool(path, field)                                               \
    { path, GENAI_JSON_BOOL, GENAI_LAST, field, 0 }
#define genai_count(path, field)                                              \
    { path, GENAI_JSON_PRESENT, GENAI_COUNT, field, 0 }
/* the output's limit, under each of its names: the greatest counts, and one
 * without a number is none at all */
#define genai_limit(path)                                                     \
    { path, GENAI_JSON_NUMBER, GENAI_MAX, GENAI_F_MAX_TOKENS, 0 },            \
    { path, GENAI_JSON_NAME | GENAI_JSON_NUMBER, GENAI_LAST, GENAI_F_LIMIT, 0 }
#define genai_choices(path)                                                   \
    { path, GENAI_JSON_NUMBER | GENAI_JSON_TEXT, GENAI_LAST, GENAI_F_CHOICES, \
      0 }
#define genai_greatest(path, field)                                           \
    { path, GENAI_JSON_NUMBER, GENAI_MAX, field, 0 }
#define genai_longest(path, field)                                            \
    { path, GENAI_JSON_LENGTH, GENAI_MAX, field, 0 }
#define genai_once(path, which)                                               \
    { path, GENAI_JSON_NAME, GENAI_LAST, GENAI_F_ONCE, which }
#define genai_kind(path, rank, op)                                            \
    { path, GENAI_JSON_PRESENT, GENAI_LAST, GENAI_F_KIND,                     \
      genai_api_kind(rank, op) }


/* how a "chunk" frame of a family's text delta begins: seen without decoding
 * the base64 of the rest */

#define GENAI_DELTA_MAX   8
#define GENAI_DELTA_SIZE  80

typedef struct {
    char         text[GENAI_DELTA_SIZE];     /* {"bytes":"<base64> */
    uint16_t     len;
    uint16_t     base64;                     /* of it after {"bytes":" */
    uint16_t     empty;                      /* bytes that are not text */
} genai_api_delta_t;


struct genai_apis_s {
    genai_api_program_t          *programs;
    size_t                        nprograms;
    uint16_t                     *slots;      /* hash of rows: the number of
                                                 their program, from 1 */
    size_t                        mask;
    const genai_family_t *const  *families;
    size_t                        nfamilies;
    const genai_json_program_t   *chunk;
    const genai_json_program_t   *inner;
    genai_api_delta_t             delta[GENAI_DELTA_MAX];
    size_t                        ndeltas;
    uint8_t                      *path_len;   /* of all operations, in the
                                                 order of the tables */
    const genai_rows_t           *more_request;
    const genai_rows_t           *more_response;
    void                       *(*alloc)(void *data, size_t size);
    void                         *data;
};


static inline int
genai_hex(char ch)
{
    if (ch >= '0' && ch <= '9') {
        return ch - '0';
    }

    ch |= 0x20;

    return (ch >= 'a' && ch <= 'f') ? ch - 'a' + 10 : -1;
}


/* NULL when there are no such rows */
const genai_json_program_t *genai_apis_program(const genai_apis_t *a,
    const genai_rows_t *rows);

/* sets operation and step unless something surer has */
void genai_api_set_kind(genai_call_t *c, unsigned operation, unsigned rank);


/* the APIs */

extern const genai_api_table_t *const  genai_api_tables[];
extern const size_t  genai_api_ntables;

extern const genai_api_table_t  genai_api_bedrock;
extern const genai_api_table_t  genai_api_anthropic;
extern const genai_api_table_t  genai_api_openai;
extern const genai_api_table_t  genai_api_gemini;
extern const genai_api_table_t  genai_api_cohere;
extern const genai_api_table_t  genai_api_ollama;
extern const genai_api_table_t  genai_api_bedrock_agent;
extern const genai_api_table_t  genai_api_opensearch;
extern const genai_api_table_t  genai_api_vectordb;

/* the families */

extern const genai_family_t  genai_family_bedrock;
extern const genai_family_t  genai_family_claude;
extern const genai_family_t  genai_family_titan_embed;
extern const genai_family_t  genai_family_nova;
extern const genai_family_t  genai_family_nova_embed;
extern const genai_family_t  genai_family_titan_text;
extern const genai_family_t  genai_family_llama;
extern const genai_family_t  genai_family_mistral;
extern const genai_family_t  genai_family_cohere;
extern const genai_family_t  genai_family_cohere_embed;
extern const genai_family_t  genai_family_rerank;
extern const genai_family_t  genai_family_ai21;
extern const genai_family_t  genai_family_openai;
extern const genai_family_t  genai_family_image;
extern const genai_family_t  genai_family_twelvelabs;
extern const genai_family_t  genai_family_nova_sonic;


#endif /* GENAI_API_TABLES_H */
