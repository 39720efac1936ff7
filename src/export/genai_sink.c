/*
 * The sinks there are.
 */

#include "genai_sink.h"


const genai_sink_ops_t *
genai_sink_find(const char *type)
{
    size_t  i;

    static const genai_sink_ops_t *const  sinks[] = {
        &genai_sink_otlp_ops,
        &genai_sink_file_ops
    };

    for (i = 0; i < genai_nelts(sinks); i++) {
        if (strcmp(sinks[i]->type, type) == 0) {
            return sinks[i];
        }
    }

    return NULL;
}
