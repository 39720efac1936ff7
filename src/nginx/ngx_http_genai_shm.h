/*
 * What ngx_http_genai_process.c needs of the zones, beside what all files
 * may use.
 */

#ifndef NGX_HTTP_GENAI_SHM_H
#define NGX_HTTP_GENAI_SHM_H

#include "ngx_http_genai_module.h"
#include "../export/genai_exporter.h"


/* the master has no slot of its own */
#define NGX_HTTP_GENAI_NO_SLOT  GENAI_QUEUE_SLOTS


void ngx_http_genai_queue_join(ngx_http_genai_main_conf_t *mcf,
    ngx_uint_t slot);
uint32_t ngx_http_genai_queue_generation(ngx_http_genai_main_conf_t *mcf);
void ngx_http_genai_rows_sweep(ngx_http_genai_main_conf_t *mcf);
void ngx_http_genai_spool_bytes_set(ngx_http_genai_main_conf_t *mcf,
    uint64_t n);

/*
 * With master_process off a reload changes the zones under the calls that are
 * open, and unmaps the old ones: what is in force is then not what the
 * request was configured with.
 */
extern ngx_http_genai_main_conf_t  *ngx_http_genai_single_conf;

static ngx_inline ngx_http_genai_main_conf_t *
ngx_http_genai_in_force(ngx_http_genai_main_conf_t *mcf)
{
    return ngx_http_genai_single_conf ? ngx_http_genai_single_conf : mcf;
}

/* the old queue is about to be unmapped, unless it is the new one too */
void ngx_http_genai_single_suspend(ngx_http_genai_main_conf_t *mcf);

/* when this process began, as in /proc/PID/stat */
uint64_t ngx_http_genai_start_ticks(void);


#endif /* NGX_HTTP_GENAI_SHM_H */
