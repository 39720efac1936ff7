/*
 * Vector stores (wire-formats 7.2).  Scores are read where more is better; a
 * distance, of which less is better, is not a score and is not read.  Paths
 * that others may have are theirs, in mode auto, only on their hosts.
 */

#include "genai_api_tables.h"


static const genai_row_t  pinecone_request[] = {
    genai_number("topK", GENAI_F_TOP_K_REQUESTED),
    genai_vector("vector"),
    genai_search_by("sparseVector", GENAI_BY_WORDS),
    genai_text("namespace", GENAI_F_DATA_SOURCE)
};

static const genai_row_t  pinecone_response[] = {
    genai_length("matches", GENAI_F_DOCUMENTS),
    genai_text("matches[].id", GENAI_F_DOCUMENT_ID),
    genai_number("matches[].score", GENAI_F_SCORE),
    genai_text("namespace", GENAI_F_DATA_SOURCE)
};


/* ids of points are numbers or UUIDs: only the latter are kept */

static const genai_row_t  qdrant_request[] = {
    genai_number("limit", GENAI_F_TOP_K_REQUESTED),
    genai_vector("vector"),
    genai_vector("query")
};

static const genai_row_t  qdrant_response[] = {
    genai_length("result", GENAI_F_DOCUMENTS),
    genai_length("result.points", GENAI_F_DOCUMENTS),
    genai_text("result[].id", GENAI_F_DOCUMENT_ID),
    genai_text("result.points[].id", GENAI_F_DOCUMENT_ID),
    genai_number("result[].score", GENAI_F_SCORE),
    genai_number("result.points[].score", GENAI_F_SCORE),
    { "time", GENAI_JSON_NUMBER, GENAI_LAST, GENAI_F_SERVER_LATENCY_MS,
      GENAI_ROW_SECONDS },
    genai_first("status.error", GENAI_F_ERROR_MESSAGE)
};


/* errors come with a good status */

static const genai_row_t  weaviate_response[] = {
    genai_length("data.Get.*", GENAI_F_DOCUMENTS),
    genai_text("data.Get.*[]._additional.id", GENAI_F_DOCUMENT_ID),
    genai_number("data.Get.*[]._additional.certainty", GENAI_F_SCORE),
    genai_first("errors[].message", GENAI_F_ERROR_MESSAGE)
};


/* a list of results for each query */

static const genai_row_t  chroma_request[] = {
    genai_number("n_results", GENAI_F_TOP_K_REQUESTED),
    genai_vector("query_embeddings[]")
};

static const genai_row_t  chroma_response[] = {
    { "ids[]", GENAI_JSON_LENGTH, GENAI_SUM, GENAI_F_DOCUMENTS, 0 },
    genai_text("ids[][]", GENAI_F_DOCUMENT_ID)
};


static const genai_row_t  s3vectors_request[] = {
    genai_number("topK", GENAI_F_TOP_K_REQUESTED),
    genai_vector("queryVector.float32"),
    genai_text("indexName", GENAI_F_DATA_SOURCE),
    genai_text("indexArn", GENAI_F_DATA_SOURCE)
};

static const genai_row_t  s3vectors_response[] = {
    genai_length("vectors", GENAI_F_DOCUMENTS),
    genai_text("vectors[].key", GENAI_F_DOCUMENT_ID)
};


/* code 0 is well, whatever the status */

static const genai_row_t  milvus_request[] = {
    genai_number("limit", GENAI_F_TOP_K_REQUESTED),
    genai_vector("data[]"),
    { "data[]", GENAI_JSON_TEXT, GENAI_LAST, GENAI_F_RETRIEVAL_METHOD,
      GENAI_BY_WORDS },
    genai_text("collectionName", GENAI_F_DATA_SOURCE)
};

static const genai_row_t  milvus_response[] = {
    { "code", GENAI_JSON_NUMBER, GENAI_LAST, GENAI_F_FAULT,
      GENAI_FAULT_CODE },
    genai_first("message", GENAI_F_ERROR_MESSAGE),
    genai_length("data", GENAI_F_DOCUMENTS),
    genai_text("data[].id", GENAI_F_DOCUMENT_ID)
};


static const genai_rows_t  rows_pinecone_request
    = genai_rows(pinecone_request);
static const genai_rows_t  rows_pinecone_response
    = genai_rows(pinecone_response);
static const genai_rows_t  rows_qdrant_request = genai_rows(qdrant_request);
static const genai_rows_t  rows_qdrant_response = genai_rows(qdrant_response);
static const genai_rows_t  rows_weaviate_response
    = genai_rows(weaviate_response);
static const genai_rows_t  rows_chroma_request = genai_rows(chroma_request);
static const genai_rows_t  rows_chroma_response = genai_rows(chroma_response);
static const genai_rows_t  rows_s3vectors_request
    = genai_rows(s3vectors_request);
static const genai_rows_t  rows_s3vectors_response
    = genai_rows(s3vectors_response);
static const genai_rows_t  rows_milvus_request = genai_rows(milvus_request);
static const genai_rows_t  rows_milvus_response = genai_rows(milvus_response);


#define vector_search(db)                                                     \
    .method = "POST",                                                         \
    .operation = GENAI_OP_RETRIEVAL,                                          \
    .step = GENAI_STEP_VECTOR_SEARCH,                                         \
    .provider = #db,                                                          \
    .request = &rows_##db##_request,                                          \
    .response = &rows_##db##_response


static const genai_api_op_t  vectordb_ops[] = {
    { .name = "PineconeQuery", .path = "/query", .host = "pinecone.io",
      vector_search(pinecone) },

    { .name = "QdrantSearch", .path = "/collections/{source}/points/search",
      vector_search(qdrant) },
    { .name = "QdrantQuery", .path = "/collections/{source}/points/query",
      vector_search(qdrant) },

    { .name = "WeaviateGraphQL",
      .method = "POST",
      .path = "/v1/graphql",
      .host = "weaviate",
      .operation = GENAI_OP_RETRIEVAL,
      .step = GENAI_STEP_VECTOR_SEARCH,
      .provider = "weaviate",
      .response = &rows_weaviate_response },

    { .name = "ChromaQuery", .path = "/api/v2/tenants/{tenant}/databases"
      "/{database}/collections/{source}/query", vector_search(chroma) },
    { .name = "ChromaQuery", .path = "/api/v1/collections/{source}/query",
      vector_search(chroma) },

    { .name = "S3VectorsQuery", .path = "/QueryVectors",
      vector_search(s3vectors) },

    { .name = "MilvusSearch", .path = "/v2/vectordb/entities/search",
      vector_search(milvus) }
};


const genai_api_table_t  genai_api_vectordb = {
    .api = GENAI_API_VECTORDB,
    .provider = "vectordb",
    .ops = vectordb_ops,
    .nops = genai_nelts(vectordb_ops)
};
