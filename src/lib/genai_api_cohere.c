/*
 * Cohere inside InvokeModel (wire-formats 2.5, 2.8, 2.9, 3.3): Command,
 * Command R, Embed; and rerank, which Amazon's own model shares.
 */

#include "genai_api_tables.h"


static const genai_row_t  cohere_request[] = {
    genai_kind("message", GENAI_RANK_REQUEST, GENAI_OP_CHAT),
    genai_chars("prompt", GENAI_F_PROMPT_CHARS),
    genai_chars("message", GENAI_F_PROMPT_CHARS),
    genai_chars("preamble", GENAI_F_SYSTEM_CHARS),
    genai_length("chat_history", GENAI_F_MESSAGES),
    genai_chars("chat_history[].message", GENAI_F_PROMPT_CHARS),
    genai_chars("documents[].snippet", GENAI_F_PROMPT_CHARS),
    genai_limit("max_tokens"),
    genai_choices("num_generations"),
    genai_number("temperature", GENAI_F_TEMPERATURE),
    genai_number("p", GENAI_F_TOP_P),
    genai_number("k", GENAI_F_TOP_K),
    genai_text("stop_sequences[]", GENAI_F_STOP_SEQUENCE),
    genai_length("tools", GENAI_F_TOOLS_OFFERED),
    genai_length("tool_results", GENAI_F_TOOL_RESULTS)
};


static const genai_row_t  cohere_response[] = {
    genai_kind("generations", GENAI_RANK_RESPONSE,
               GENAI_OP_TEXT_COMPLETION),
    genai_text("generations[].finish_reason", GENAI_F_STOP_REASON),
    genai_chars("generations[].text", GENAI_F_OUTPUT_CHARS),
    genai_first("id", GENAI_F_RESPONSE_ID),

    genai_kind("generation_id", GENAI_RANK_RESPONSE, GENAI_OP_CHAT),
    genai_first("response_id", GENAI_F_RESPONSE_ID),
    genai_text("finish_reason", GENAI_F_STOP_REASON),
    genai_chars("text", GENAI_F_OUTPUT_CHARS),
    genai_text("tool_calls[].name", GENAI_F_TOOL),
    genai_number("meta.billed_units.input_tokens", GENAI_F_INPUT_TOKENS),
    genai_number("meta.billed_units.output_tokens", GENAI_F_OUTPUT_TOKENS)
};


static const genai_row_t  cohere_inner[] = {
    genai_kind("is_finished", GENAI_RANK_HINT, GENAI_OP_TEXT_COMPLETION),
    genai_kind("event_type", GENAI_RANK_RESPONSE, GENAI_OP_CHAT),
    genai_chars("text", GENAI_F_VISIBLE),
    genai_text("finish_reason", GENAI_F_STOP_REASON),
    genai_first("response.response_id", GENAI_F_RESPONSE_ID),
    genai_text("response.tool_calls[].name", GENAI_F_TOOL)
};


const genai_family_t  genai_family_cohere = {
    .name = "cohere",
    .model = "cohere.command-r",
    .operation = GENAI_OP_CHAT,
    .request = genai_rows(cohere_request),
    .response = genai_rows(cohere_response),
    .inner = genai_rows(cohere_inner)
};


/* usage is in the headers alone; "embeddings" are vectors, or vectors by
 * their type */

static const genai_row_t  cohere_embed_request[] = {
    genai_kind("input_type", GENAI_RANK_REQUEST, GENAI_OP_EMBEDDINGS),
    genai_chars("texts[]", GENAI_F_PROMPT_CHARS),
    genai_chars("inputs[].content[].text", GENAI_F_PROMPT_CHARS),
    genai_length("images", GENAI_F_MEDIA_PARTS),
    genai_text("inputs[].content[].type", GENAI_F_PART_TYPE)
};


static const genai_row_t  cohere_embed_response[] = {
    genai_kind("embeddings", GENAI_RANK_RESPONSE, GENAI_OP_EMBEDDINGS),
    genai_dimension("embeddings[]"),
    genai_dimension("embeddings.*[]"),
    genai_first("id", GENAI_F_RESPONSE_ID)
};


const genai_family_t  genai_family_cohere_embed = {
    .name = "cohere_embed",
    .model = "cohere.embed",
    .operation = GENAI_OP_EMBEDDINGS,
    .request = genai_rows(cohere_embed_request),
    .response = genai_rows(cohere_embed_response)
};


/* no tokens: billed by query of so many documents */

static const genai_row_t  rerank_request[] = {
    genai_kind("query", GENAI_RANK_REQUEST, GENAI_OP_RERANK),
    genai_chars("query", GENAI_F_PROMPT_CHARS),
    genai_longest("documents", GENAI_F_SEARCH_UNITS),
    genai_number("top_n", GENAI_F_TOP_K_REQUESTED)
};


static const genai_row_t  rerank_response[] = {
    genai_kind("results[].relevance_score", GENAI_RANK_RESPONSE,
               GENAI_OP_RERANK),
    genai_kind("results[].relevanceScore", GENAI_RANK_RESPONSE,
               GENAI_OP_RERANK),
    genai_number("results[].relevance_score", GENAI_F_SCORE),
    genai_number("results[].relevanceScore", GENAI_F_SCORE),
    genai_count("results[].relevance_score", GENAI_F_DOCUMENTS),
    genai_count("results[].relevanceScore", GENAI_F_DOCUMENTS)
};


const genai_family_t  genai_family_rerank = {
    .name = "rerank",
    .model = "rerank",
    .operation = GENAI_OP_RERANK,
    .request = genai_rows(rerank_request),
    .response = genai_rows(rerank_response)
};
