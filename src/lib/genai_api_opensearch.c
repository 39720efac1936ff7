/*
 * OpenSearch and Elasticsearch (wire-formats 7.1): what a search found, and
 * whether it found all.  _msearch sends a document per line, of which only
 * the first is looked at; each member of its answer can fail by itself.
 */

#include "genai_api_tables.h"


#define search_clauses(at)                                                    \
    genai_search_by(at "knn", GENAI_BY_VECTOR),                               \
    genai_search_by(at "neural", GENAI_BY_VECTOR),                            \
    genai_search_by(at "match", GENAI_BY_WORDS),                              \
    genai_search_by(at "match_phrase", GENAI_BY_WORDS),                       \
    genai_search_by(at "multi_match", GENAI_BY_WORDS),                        \
    genai_search_by(at "query_string", GENAI_BY_WORDS),                       \
    genai_search_by(at "simple_query_string", GENAI_BY_WORDS)


static const genai_row_t  search_request[] = {
    { "query.knn.*.k", GENAI_JSON_NUMBER, GENAI_FIRST,
      GENAI_F_TOP_K_REQUESTED, 0 },
    { "query.neural.*.k", GENAI_JSON_NUMBER, GENAI_FIRST,
      GENAI_F_TOP_K_REQUESTED, 0 },
    { "knn.k", GENAI_JSON_NUMBER, GENAI_FIRST, GENAI_F_TOP_K_REQUESTED, 0 },
    genai_number("size", GENAI_F_TOP_K_REQUESTED),
    genai_dimension("query.knn.*.vector"),
    genai_dimension("knn.query_vector"),
    genai_chars("query.neural.*.query_text", GENAI_F_PROMPT_CHARS),

    /* what only filters is no way of searching */

    search_clauses("query."),
    search_clauses("query.bool.must."),
    search_clauses("query.bool.must[]."),
    search_clauses("query.bool.should."),
    search_clauses("query.bool.should[]."),
    search_clauses("query.hybrid.queries[]."),
    genai_search_by("knn", GENAI_BY_VECTOR)
};


#define search_rows(at)                                                       \
    { at "hits.hits", GENAI_JSON_LENGTH, GENAI_SUM, GENAI_F_DOCUMENTS, 0 },   \
    genai_number(at "hits.hits[]._score", GENAI_F_SCORE),                     \
    genai_text(at "hits.hits[]._id", GENAI_F_DOCUMENT_ID),                    \
    { at "timed_out", GENAI_JSON_BOOL, GENAI_LAST, GENAI_F_FAULT,             \
      GENAI_FAULT_TIMED_OUT },                                                \
    { at "_shards.failed", GENAI_JSON_NUMBER, GENAI_LAST, GENAI_F_FAULT,      \
      GENAI_FAULT_SHARDS },                                                   \
    { at "error.type", GENAI_JSON_TEXT, GENAI_FIRST, GENAI_F_ERROR_CODE, 1 }, \
    genai_first(at "error.reason", GENAI_F_ERROR_MESSAGE)


static const genai_row_t  search_response[] = {
    genai_number("took", GENAI_F_SERVER_LATENCY_MS),
    search_rows("")
};

static const genai_row_t  msearch_response[] = {
    genai_number("took", GENAI_F_SERVER_LATENCY_MS),
    search_rows("responses[].")
};


static const genai_rows_t  rows_search_request = genai_rows(search_request);
static const genai_rows_t  rows_search_response = genai_rows(search_response);
static const genai_rows_t  rows_msearch_response
    = genai_rows(msearch_response);


#define search                                                                \
    .operation = GENAI_OP_RETRIEVAL,                                          \
    .step = GENAI_STEP_VECTOR_SEARCH,                                         \
    .request = &rows_search_request,                                          \
    .response = &rows_search_response

#define msearch                                                               \
    .operation = GENAI_OP_RETRIEVAL,                                          \
    .step = GENAI_STEP_VECTOR_SEARCH,                                         \
    .response = &rows_msearch_response


/* GET with a body is a search too */

static const genai_api_op_t  opensearch_ops[] = {
    { .name = "Search", .method = "POST", .path = "/{source}/_search",
      search },
    { .name = "Search", .method = "GET", .path = "/{source}/_search",
      search },
    { .name = "Search", .method = "POST", .path = "/_search", search },
    { .name = "Search", .method = "GET", .path = "/_search", search },
    { .name = "SearchTemplate", .method = "POST",
      .path = "/{source}/_search/template", search },
    { .name = "MultiSearch", .method = "POST", .path = "/{source}/_msearch",
      msearch },
    { .name = "MultiSearch", .method = "GET", .path = "/{source}/_msearch",
      msearch },
    { .name = "MultiSearch", .method = "POST", .path = "/_msearch", msearch },
    { .name = "MultiSearch", .method = "GET", .path = "/_msearch", msearch }
};


const genai_api_table_t  genai_api_opensearch = {
    .api = GENAI_API_OPENSEARCH,
    .provider = "opensearch",
    .ops = opensearch_ops,
    .nops = genai_nelts(opensearch_ops)
};
