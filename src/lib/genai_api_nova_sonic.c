/*
 * Nova Sonic's events inside a stream's chunks (wire-formats 2.2): totals are
 * cumulative, so the last one stands.
 */

#include "genai_api_tables.h"


static const genai_row_t  sonic_inner[] = {
    genai_number("event.usageEvent.totalInputTokens", GENAI_F_INPUT_TOKENS),
    genai_number("event.usageEvent.totalOutputTokens",
                 GENAI_F_OUTPUT_TOKENS),
    genai_number("event.usageEvent.totalTokens", GENAI_F_TOTAL_TOKENS),
    genai_first("event.usageEvent.completionId", GENAI_F_RESPONSE_ID),
    genai_chars("event.textOutput.content", GENAI_F_VISIBLE),
    genai_text("event.toolUse.toolName", GENAI_F_TOOL),
    genai_text("event.contentEnd.stopReason", GENAI_F_STOP_REASON)
};


const genai_family_t  genai_family_nova_sonic = {
    .name = "nova_sonic",
    .model = "nova-sonic nova-2-sonic",
    .operation = GENAI_OP_CHAT,
    .inner = genai_rows(sonic_inner)
};
