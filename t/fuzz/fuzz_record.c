/*
 * Records: any bytes are decoded or refused; what was decoded is written
 * again to the same bytes, and those are read again.
 */

#include <stdlib.h>

#include "genai_record.h"


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char          first[GENAI_RECORD_MAX], second[GENAI_RECORD_MAX];
    size_t               n, m;
    genai_attr_t         attrs[GENAI_RECORD_ATTRS], again[GENAI_RECORD_ATTRS];
    genai_call_t         c, d;

    if (genai_record_decode(data, size, &c, attrs, GENAI_RECORD_ATTRS)
        != GENAI_OK)
    {
        return 0;
    }

    n = genai_record_encode(&c, first, sizeof(first), NULL);

    if (genai_record_decode(first, n, &d, again, GENAI_RECORD_ATTRS)
        != GENAI_OK)
    {
        abort();
    }

    m = genai_record_encode(&d, second, sizeof(second), NULL);

    if (n != m || memcmp(first, second, n) != 0) {
        abort();
    }

    return 0;
}
