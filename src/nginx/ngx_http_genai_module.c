/*
 * Commands, contexts, process hooks.
 */

#include "ngx_http_genai_module.h"


static ngx_int_t ngx_http_genai_add_phase(ngx_conf_t *cf, ngx_uint_t phase,
    ngx_http_handler_pt handler, ngx_uint_t first);
static ngx_int_t ngx_http_genai_preconfiguration(ngx_conf_t *cf);
static ngx_int_t ngx_http_genai_postconfiguration(ngx_conf_t *cf);


#define NGX_HTTP_GENAI_ANY_CONF                                               \
    NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF


static ngx_conf_enum_t  ngx_http_genai_trace_context[] = {
    { ngx_string("ignore"), NGX_HTTP_GENAI_TC_IGNORE },
    { ngx_string("extract"), NGX_HTTP_GENAI_TC_EXTRACT },
    { ngx_string("inject"), NGX_HTTP_GENAI_TC_INJECT },
    { ngx_string("propagate"), NGX_HTTP_GENAI_TC_PROPAGATE },
    { ngx_null_string, 0 }
};


static ngx_conf_enum_t  ngx_http_genai_baggage[] = {
    { ngx_string("app"), NGX_HTTP_GENAI_BAGGAGE_APP },
    { ngx_string("all"), NGX_HTTP_GENAI_BAGGAGE_ALL },
    { ngx_string("off"), NGX_HTTP_GENAI_BAGGAGE_OFF },
    { ngx_null_string, 0 }
};


static ngx_conf_enum_t  ngx_http_genai_profile[] = {
    { ngx_string("semconv"), GENAI_PROFILE_SEMCONV },
    { ngx_string("rag"), GENAI_PROFILE_RAG },
    { ngx_null_string, 0 }
};


static ngx_conf_enum_t  ngx_http_genai_window[] = {
    { ngx_string("off"), NGX_HTTP_GENAI_WINDOW_OFF },
    { ngx_string("warn"), NGX_HTTP_GENAI_WINDOW_WARN },
    { ngx_string("reject"), NGX_HTTP_GENAI_WINDOW_REJECT },
    { ngx_null_string, 0 }
};


static ngx_conf_enum_t  ngx_http_genai_budget_log_levels[] = {
    { ngx_string("info"), NGX_LOG_INFO },
    { ngx_string("notice"), NGX_LOG_NOTICE },
    { ngx_string("warn"), NGX_LOG_WARN },
    { ngx_string("error"), NGX_LOG_ERR },
    { ngx_null_string, 0 }
};


static ngx_command_t  ngx_http_genai_commands[] = {

    { ngx_string("genai"),
      NGX_HTTP_GENAI_ANY_CONF|NGX_CONF_TAKE1,
      ngx_http_genai_set_api,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("genai_zone"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_genai_set_zone,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("genai_queue"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE123,
      ngx_http_genai_set_queue,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("genai_prices"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_genai_set_prices,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("genai_resource"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE2,
      ngx_http_genai_set_resource,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("genai_exporter"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_BLOCK|NGX_CONF_TAKE12,
      ngx_http_genai_set_exporter,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("genai_trace_context"),
      NGX_HTTP_GENAI_ANY_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_enum_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_genai_loc_conf_t, trace_context),
      ngx_http_genai_trace_context },

    { ngx_string("genai_trace_formats"),
      NGX_HTTP_GENAI_ANY_CONF|NGX_CONF_TAKE123,
      ngx_http_genai_set_trace_formats,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("genai_baggage"),
      NGX_HTTP_GENAI_ANY_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_enum_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_genai_loc_conf_t, baggage),
      ngx_http_genai_baggage },

    { ngx_string("genai_sample"),
      NGX_HTTP_GENAI_ANY_CONF|NGX_CONF_TAKE1,
      ngx_http_genai_set_sample,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("genai_keep"),
      NGX_HTTP_GENAI_ANY_CONF|NGX_CONF_TAKE123,
      ngx_http_genai_set_keep,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("genai_span_profile"),
      NGX_HTTP_GENAI_ANY_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_enum_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_genai_loc_conf_t, profile),
      ngx_http_genai_profile },

    { ngx_string("genai_context_window"),
      NGX_HTTP_GENAI_ANY_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_enum_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_genai_loc_conf_t, window),
      ngx_http_genai_window },

    { ngx_string("genai_extract"),
      NGX_HTTP_GENAI_ANY_CONF|NGX_CONF_TAKE1234,
      ngx_http_genai_set_extract,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("genai_capture"),
      NGX_HTTP_GENAI_ANY_CONF|NGX_CONF_TAKE12,
      ngx_http_genai_set_capture,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("genai_include_usage"),
      NGX_HTTP_GENAI_ANY_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_genai_loc_conf_t, include_usage),
      NULL },

    { ngx_string("genai_drain"),
      NGX_HTTP_GENAI_ANY_CONF|NGX_CONF_TAKE12,
      ngx_http_genai_set_drain,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("genai_span_name"),
      NGX_HTTP_GENAI_ANY_CONF|NGX_CONF_TAKE1,
      ngx_http_set_complex_value_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_genai_loc_conf_t, span_name),
      NULL },

    { ngx_string("genai_span_attr"),
      NGX_HTTP_GENAI_ANY_CONF|NGX_CONF_TAKE12,
      ngx_http_genai_set_attr,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_genai_loc_conf_t, span_attrs),
      NULL },

    { ngx_string("genai_name"),
      NGX_HTTP_GENAI_ANY_CONF|NGX_CONF_TAKE1,
      ngx_http_set_complex_value_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_genai_loc_conf_t, name),
      NULL },

    { ngx_string("genai_user"),
      NGX_HTTP_GENAI_ANY_CONF|NGX_CONF_TAKE1,
      ngx_http_set_complex_value_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_genai_loc_conf_t, user),
      NULL },

    { ngx_string("genai_session"),
      NGX_HTTP_GENAI_ANY_CONF|NGX_CONF_TAKE1,
      ngx_http_set_complex_value_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_genai_loc_conf_t, session),
      NULL },

    { ngx_string("genai_label"),
      NGX_HTTP_GENAI_ANY_CONF|NGX_CONF_TAKE123,
      ngx_http_genai_set_attr,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_genai_loc_conf_t, labels),
      NULL },

    { ngx_string("genai_region"),
      NGX_HTTP_GENAI_ANY_CONF|NGX_CONF_TAKE1,
      ngx_http_set_complex_value_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_genai_loc_conf_t, region),
      NULL },

    { ngx_string("genai_budget_zone"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_2MORE,
      ngx_http_genai_set_budget_zone,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("genai_budget"),
      NGX_HTTP_GENAI_ANY_CONF|NGX_CONF_1MORE,
      ngx_http_genai_set_budget,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("genai_budget_dry_run"),
      NGX_HTTP_GENAI_ANY_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_genai_loc_conf_t, budget_dry_run),
      NULL },

    { ngx_string("genai_budget_status"),
      NGX_HTTP_GENAI_ANY_CONF|NGX_CONF_TAKE1,
      ngx_http_genai_set_budget_status,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("genai_budget_log_level"),
      NGX_HTTP_GENAI_ANY_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_enum_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_genai_loc_conf_t, budget_log_level),
      ngx_http_genai_budget_log_levels },

    { ngx_string("genai_budget_api"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_http_genai_set_budget_api,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("genai_status"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS|NGX_CONF_TAKE1,
      ngx_http_genai_set_status,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_genai_module_ctx = {
    ngx_http_genai_preconfiguration,       /* preconfiguration */
    ngx_http_genai_postconfiguration,      /* postconfiguration */

    ngx_http_genai_create_main_conf,       /* create main configuration */
    ngx_http_genai_init_main_conf,         /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_http_genai_create_loc_conf,        /* create location configuration */
    ngx_http_genai_merge_loc_conf          /* merge location configuration */
};


ngx_module_t  ngx_http_genai_module = {
    NGX_MODULE_V1,
    &ngx_http_genai_module_ctx,            /* module context */
    ngx_http_genai_commands,               /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    ngx_http_genai_init_module,            /* init module */
    ngx_http_genai_init_process,           /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    ngx_http_genai_exit_process,           /* exit process */
    ngx_http_genai_exit_master,            /* exit master */
    NGX_MODULE_V1_PADDING
};


static ngx_int_t
ngx_http_genai_preconfiguration(ngx_conf_t *cf)
{
    return ngx_http_genai_add_variables(cf);
}


static ngx_int_t
ngx_http_genai_add_phase(ngx_conf_t *cf, ngx_uint_t phase,
    ngx_http_handler_pt handler, ngx_uint_t first)
{
    ngx_array_t                *handlers;
    ngx_http_handler_pt        *h;
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);
    handlers = &cmcf->phases[phase].handlers;

    h = ngx_array_push(handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    if (first) {
        h = handlers->elts;
        ngx_memmove(&h[1], h,
                    (handlers->nelts - 1) * sizeof(ngx_http_handler_pt));
    }

    *h = handler;

    return NGX_OK;
}


static ngx_int_t
ngx_http_genai_postconfiguration(ngx_conf_t *cf)
{
    ngx_http_genai_main_conf_t  *mcf;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_genai_module);

    ngx_http_genai_admin_check(cf, mcf);

    /* no genai anywhere: no zone, no filter, no helper */

    if (!mcf->enabled && !mcf->status) {
        return NGX_OK;
    }

    if (ngx_http_genai_zones_add(cf, mcf) != NGX_OK
        || ngx_http_genai_status_init(cf, mcf) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (!mcf->enabled) {
        return NGX_OK;
    }

    if (ngx_http_genai_budget_init(cf, mcf) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_http_genai_add_phase(cf, NGX_HTTP_PREACCESS_PHASE,
                                 ngx_http_genai_preaccess_handler, 0)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    /* handlers of a phase run in reverse: budgets come last, and nothing is
     * reserved for a call that one of the others refuses */

    if (mcf->budgets
        && ngx_http_genai_add_phase(cf, NGX_HTTP_PRECONTENT_PHASE,
                                    ngx_http_genai_budget_handler, 0)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (mcf->window
        && ngx_http_genai_add_phase(cf, NGX_HTTP_PRECONTENT_PHASE,
                                    ngx_http_genai_window_handler, 0)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (mcf->include_usage
        && ngx_http_genai_add_phase(cf, NGX_HTTP_PRECONTENT_PHASE,
                                    ngx_http_genai_stream_handler, 0)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (mcf->drain
        && ngx_http_genai_add_phase(cf, NGX_HTTP_PRECONTENT_PHASE,
                                    ngx_http_genai_drain_handler, 0)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    /* before access_log, which then sees final values */

    if (ngx_http_genai_add_phase(cf, NGX_HTTP_LOG_PHASE,
                                 ngx_http_genai_log_handler, 1)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_http_genai_request_init();
    ngx_http_genai_response_init();

    return NGX_OK;
}
