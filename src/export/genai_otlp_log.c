/*
 * Log records in OTLP.
 */

#include "genai_otlp_wire.h"


#define OTLP_LOG_ATTRIBUTES  6         /* field number of telemetry 2.3 */


int
genai_otlp_log(genai_otlp_buf_t *items, genai_otlp_buf_t *attrs,
    const genai_call_t *c)
{
    int                   rc;
    Otlp__AnyValue        body = OTLP__ANY_VALUE__INIT;
    Otlp__LogRecord       m = OTLP__LOG_RECORD__INIT;
    genai_span_log_t      l;
    genai_otlp_attrs_t    to = { attrs, OTLP_LOG_ATTRIBUTES };
    static const uint8_t  none[16];

    rc = genai_span_log(c, &l);

    if (rc != GENAI_OK) {
        return rc;
    }

    attrs->len = 0;

    if (genai_span_log_attrs(c, genai_otlp_attr, &to) != GENAI_OK) {
        return GENAI_ERROR;
    }

    body.value_case = OTLP__ANY_VALUE__VALUE_STRING_VALUE;
    body.string_value = genai_otlp_bin(l.body);

    m.time_unix_nano = l.event.time_unix_ns;
    m.observed_time_unix_nano = l.event.time_unix_ns;
    m.event_name = genai_otlp_bin(l.event.name);
    m.body = &body;
    m.severity_number = l.severity;
    m.severity_text = genai_otlp_bin(genai_strz(l.severity == GENAI_LOG_WARN
                                                ? "WARN" : "INFO"));

    if (memcmp(c->trace_id, none, 16) != 0) {
        m.trace_id = genai_otlp_bin(genai_str((char *) c->trace_id, 16));
        m.span_id = genai_otlp_bin(genai_str((char *) c->span_id, 8));
        m.flags = c->trace_flags;
    }

    return genai_otlp_item(items, &m.base, attrs);
}
