/*
 * Admission and settlement.
 */

#include "ngx_http_genai_module.h"


ngx_uint_t
ngx_http_genai_budget_over(ngx_http_genai_ctx_t *ctx, genai_str_t *text)
{
    return 0;
}
