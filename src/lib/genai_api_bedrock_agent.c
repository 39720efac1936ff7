/*
 * What a RAG backend asks of bedrock-agent-runtime (wire-formats 6.1 to 6.3).
 * None of it tells tokens, and answers with citations have no scores.
 */

#include "genai_api_tables.h"


static const genai_row_t  retrieve_request[] = {
    genai_chars("retrievalQuery.text", GENAI_F_PROMPT_CHARS),
    genai_number("retrievalConfiguration.*.numberOfResults",
                 GENAI_F_TOP_K_REQUESTED),
    genai_text("retrievalConfiguration.*.overrideSearchType",
               GENAI_F_RETRIEVAL_METHOD),
    genai_text("guardrailConfiguration.guardrailId", GENAI_F_GUARDRAIL_ID),
    genai_text("guardrailConfiguration.guardrailVersion",
               GENAI_F_GUARDRAIL_VERSION)
};

static const genai_row_t  retrieve_response[] = {
    genai_length("retrievalResults", GENAI_F_DOCUMENTS),
    genai_number("retrievalResults[].score", GENAI_F_SCORE),
    genai_text("retrievalResults[].documentId", GENAI_F_DOCUMENT_ID),
    genai_text("guardrailAction", GENAI_F_STOP_REASON)
};


static const genai_row_t  rerank_request[] = {
    genai_chars("queries[].textQuery.text", GENAI_F_PROMPT_CHARS),
    genai_longest("sources", GENAI_F_SEARCH_UNITS),
    genai_number("rerankingConfiguration.bedrockRerankingConfiguration"
                 ".numberOfResults", GENAI_F_TOP_K_REQUESTED),
    genai_text("rerankingConfiguration.bedrockRerankingConfiguration"
               ".modelConfiguration.modelArn", GENAI_F_MODEL)
};

static const genai_row_t  rerank_response[] = {
    genai_length("results", GENAI_F_DOCUMENTS),
    genai_number("results[].relevanceScore", GENAI_F_SCORE)
};


#define generate_at  "retrieveAndGenerateConfiguration."

static const genai_row_t  generate_request[] = {
    genai_chars("input.text", GENAI_F_PROMPT_CHARS),
    genai_text("sessionId", GENAI_F_SESSION),
    genai_text(generate_at "*.modelArn", GENAI_F_MODEL),
    genai_text(generate_at "knowledgeBaseConfiguration.knowledgeBaseId",
               GENAI_F_DATA_SOURCE),
    genai_number(generate_at "knowledgeBaseConfiguration"
                 ".retrievalConfiguration.*.numberOfResults",
                 GENAI_F_TOP_K_REQUESTED),
    genai_once("retrieveAndGenerateConfiguration", GENAI_ONCE_LIMITS),
    genai_limit(generate_at "*.generationConfiguration.inferenceConfig"
                ".textInferenceConfig.maxTokens"),
    genai_number(generate_at "*.generationConfiguration.inferenceConfig"
                 ".textInferenceConfig.temperature", GENAI_F_TEMPERATURE),
    genai_number(generate_at "*.generationConfiguration.inferenceConfig"
                 ".textInferenceConfig.topP", GENAI_F_TOP_P),
    genai_text(generate_at "*.generationConfiguration"
               ".guardrailConfiguration.guardrailId", GENAI_F_GUARDRAIL_ID),
    genai_text(generate_at "*.generationConfiguration"
               ".guardrailConfiguration.guardrailVersion",
               GENAI_F_GUARDRAIL_VERSION)
};

static const genai_row_t  generate_response[] = {
    genai_chars("output.text", GENAI_F_OUTPUT_CHARS),
    genai_text("sessionId", GENAI_F_SESSION),
    genai_text("guardrailAction", GENAI_F_STOP_REASON),
    genai_count("citations[].retrievedReferences[]", GENAI_F_DOCUMENTS)
};

static const genai_row_t  generate_output[] = {
    genai_chars("text", GENAI_F_VISIBLE)
};

static const genai_row_t  generate_citation[] = {
    genai_count("retrievedReferences[]", GENAI_F_DOCUMENTS)
};

static const genai_row_t  generate_guardrail[] = {
    genai_text("action", GENAI_F_STOP_REASON)
};


static const genai_row_t  agentic_request[] = {
    genai_length("messages", GENAI_F_MESSAGES)
};

static const genai_row_t  agentic_result[] = {
    genai_length("results", GENAI_F_DOCUMENTS)
};


static const genai_rows_t  rows_retrieve_request
    = genai_rows(retrieve_request);
static const genai_rows_t  rows_retrieve_response
    = genai_rows(retrieve_response);
static const genai_rows_t  rows_rerank_request = genai_rows(rerank_request);
static const genai_rows_t  rows_rerank_response = genai_rows(rerank_response);
static const genai_rows_t  rows_generate_request
    = genai_rows(generate_request);
static const genai_rows_t  rows_generate_response
    = genai_rows(generate_response);
static const genai_rows_t  rows_output = genai_rows(generate_output);
static const genai_rows_t  rows_citation = genai_rows(generate_citation);
static const genai_rows_t  rows_guardrail = genai_rows(generate_guardrail);
static const genai_rows_t  rows_agentic_request = genai_rows(agentic_request);
static const genai_rows_t  rows_agentic_result = genai_rows(agentic_result);


static const genai_api_event_t  generate_events[] = {
    { "output", 0, &rows_output, NULL },
    { "citation", 0, &rows_citation, NULL },
    { "guardrail", 0, &rows_guardrail, NULL }
};

static const genai_api_event_t  agentic_events[] = {
    { "responseEvent", 0, &rows_output, NULL },
    { "traceEvent", 0, NULL, NULL },
    { "result", GENAI_EV_END, &rows_agentic_result, NULL }
};


static const genai_api_op_t  agent_ops[] = {
    { .name = "Retrieve",
      .method = "POST",
      .path = "/knowledgebases/{source}/retrieve",
      .operation = GENAI_OP_RETRIEVAL,
      .step = GENAI_STEP_VECTOR_SEARCH,
      .request = &rows_retrieve_request,
      .response = &rows_retrieve_response },

    { .name = "Rerank",
      .method = "POST",
      .path = "/rerank",
      .host = "bedrock-agent",
      .operation = GENAI_OP_RERANK,
      .step = GENAI_STEP_RERANK,
      .request = &rows_rerank_request,
      .response = &rows_rerank_response },

    { .name = "RetrieveAndGenerate",
      .method = "POST",
      .path = "/retrieveAndGenerate",
      .operation = GENAI_OP_CHAT,
      .step = GENAI_STEP_GENERATION,
      .no_usage = 1,
      .request = &rows_generate_request,
      .response = &rows_generate_response },

    { .name = "RetrieveAndGenerateStream",
      .method = "POST",
      .path = "/retrieveAndGenerateStream",
      .operation = GENAI_OP_CHAT,
      .step = GENAI_STEP_GENERATION,
      .stream = GENAI_STREAM_EVENTS,
      .no_usage = 1,
      .open_end = 1,
      .request = &rows_generate_request,
      .response = &rows_generate_response,
      .events = generate_events,
      .nevents = genai_nelts(generate_events) },

    { .name = "AgenticRetrieveStream",
      .method = "POST",
      .path = "/agenticRetrieveStream",
      .operation = GENAI_OP_RETRIEVAL,
      .step = GENAI_STEP_VECTOR_SEARCH,
      .stream = GENAI_STREAM_EVENTS,
      .no_usage = 1,
      .open_end = 1,
      .request = &rows_agentic_request,
      .events = agentic_events,
      .nevents = genai_nelts(agentic_events) }
};


const genai_api_table_t  genai_api_bedrock_agent = {
    .api = GENAI_API_BEDROCK_AGENT,
    .provider = "aws.bedrock",
    .ops = agent_ops,
    .nops = genai_nelts(agent_ops)
};
