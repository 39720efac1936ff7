/*
 * Locations that are for operators, genai_status and genai_budget_api: what
 * they have in common, and a warning where everybody gets in.
 *
 * Known by nginx's own means: allow and deny, auth_basic, auth_request,
 * internal, ssl_verify_client, or a server that listens on loopback and Unix
 * sockets only.  "allow all" says that it is meant so.
 */

#include "ngx_http_genai_module.h"


/* the access module's configuration: an array of rules for each family */

#define NGX_HTTP_GENAI_RULES  (1 + NGX_HAVE_INET6 + NGX_HAVE_UNIX_DOMAIN)


typedef struct {
    const char                  *directive;
    ngx_http_core_srv_conf_t    *server;
    void                       **loc_conf;   /* merged by then */
    u_char                      *file;
    ngx_uint_t                   line;
} ngx_http_genai_admin_t;


static ngx_uint_t ngx_http_genai_admin_restricted(ngx_conf_t *cf,
    ngx_http_genai_admin_t *a);
static void *ngx_http_genai_admin_conf(ngx_conf_t *cf,
    ngx_http_genai_admin_t *a, const char *module);
static ngx_uint_t ngx_http_genai_admin_private(ngx_conf_t *cf,
    ngx_http_core_srv_conf_t *server);
static ngx_uint_t ngx_http_genai_admin_loopback(struct sockaddr *sa);


char *
ngx_http_genai_admin_add(ngx_conf_t *cf, const char *directive)
{
    ngx_http_genai_admin_t      *a;
    ngx_http_genai_main_conf_t  *mcf;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_genai_module);

    if (mcf->admin == NULL) {
        mcf->admin = ngx_array_create(cf->pool, 2,
                                      sizeof(ngx_http_genai_admin_t));
        if (mcf->admin == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    a = ngx_array_push(mcf->admin);
    if (a == NULL) {
        return NGX_CONF_ERROR;
    }

    a->directive = directive;
    a->server = ngx_http_conf_get_module_srv_conf(cf, ngx_http_core_module);
    a->loc_conf = ((ngx_http_conf_ctx_t *) cf->ctx)->loc_conf;
    a->file = cf->conf_file->file.name.data;
    a->line = cf->conf_file->line;

    return NGX_CONF_OK;
}


void
ngx_http_genai_admin_merge(ngx_conf_t *cf, ngx_http_genai_loc_conf_t *conf,
    ngx_http_genai_loc_conf_t *prev)
{
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    /* limit_except and "if" have a configuration of their own, and that has
     * no handler */

    if (clcf->noname && clcf->handler == NULL) {

        if (prev->budget_api) {
            conf->budget_api = 1;
            clcf->handler = ngx_http_genai_budget_api_handler;

        } else if (prev->status_page) {
            conf->status_page = prev->status_page;
            clcf->handler = ngx_http_genai_status_handler;
        }
    }

    /* whatever the server says: these are no calls */

    if (conf->status_page || conf->budget_api) {
        conf->api = GENAI_API_NONE;
    }
}


void
ngx_http_genai_admin_check(ngx_conf_t *cf, ngx_http_genai_main_conf_t *mcf)
{
    ngx_uint_t               i;
    ngx_http_genai_admin_t  *a;

    if (mcf->admin == NULL) {
        return;
    }

    a = mcf->admin->elts;

    for (i = 0; i < mcf->admin->nelts; i++) {

        if (ngx_http_genai_admin_restricted(cf, &a[i])
            || ngx_http_genai_admin_private(cf, a[i].server))
        {
            continue;
        }

        ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                      "\"%s\" in %s:%ui is open to everybody: restrict it, "
                      "e.g. \"allow 127.0.0.1; deny all;\", or let its "
                      "server listen on 127.0.0.1", a[i].directive,
                      a[i].file, a[i].line);
    }
}


static ngx_uint_t
ngx_http_genai_admin_restricted(ngx_conf_t *cf, ngx_http_genai_admin_t *a)
{
    ngx_str_t                  *uri;
    ngx_uint_t                  i;
    ngx_array_t               **rules;
    ngx_http_core_loc_conf_t   *clcf;
    ngx_http_complex_value_t  **realm;
#if (NGX_HTTP_SSL)
    ngx_http_ssl_srv_conf_t    *sscf;
#endif

    clcf = a->loc_conf[ngx_http_core_module.ctx_index];

    if (clcf->internal) {
        return 1;
    }

    rules = ngx_http_genai_admin_conf(cf, a, "ngx_http_access_module");

    for (i = 0; rules != NULL && i < NGX_HTTP_GENAI_RULES; i++) {
        if (rules[i] != NULL) {
            return 1;
        }
    }

    /* their structures are their own; what is looked at comes first */

    realm = ngx_http_genai_admin_conf(cf, a, "ngx_http_auth_basic_module");

    if (realm != NULL && *realm != NULL
        && ((*realm)->value.len != 3
            || ngx_strncmp((*realm)->value.data, "off", 3) != 0))
    {
        return 1;
    }

    uri = ngx_http_genai_admin_conf(cf, a, "ngx_http_auth_request_module");

    if (uri != NULL && uri->len) {
        return 1;
    }

#if (NGX_HTTP_SSL)
    sscf = a->server->ctx->srv_conf[ngx_http_ssl_module.ctx_index];

    if (sscf->verify == 1) {
        return 1;
    }
#endif

    return 0;
}


static void *
ngx_http_genai_admin_conf(ngx_conf_t *cf, ngx_http_genai_admin_t *a,
    const char *module)
{
    ngx_uint_t  i;

    i = ngx_http_genai_module_index(cf, module);

    return i == NGX_CONF_UNSET_UINT ? NULL : a->loc_conf[i];
}


/* whether nobody outside of this machine reaches the server */

static ngx_uint_t
ngx_http_genai_admin_private(ngx_conf_t *cf, ngx_http_core_srv_conf_t *server)
{
    ngx_uint_t                   p, i, k;
    ngx_http_conf_port_t        *port;
    ngx_http_conf_addr_t        *addr;
    ngx_http_core_srv_conf_t   **servers;
    ngx_http_core_main_conf_t   *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    if (cmcf->ports == NULL) {
        return 0;
    }

    port = cmcf->ports->elts;

    for (p = 0; p < cmcf->ports->nelts; p++) {
        addr = port[p].addrs.elts;

        for (i = 0; i < port[p].addrs.nelts; i++) {
            servers = addr[i].servers.elts;

            for (k = 0; k < addr[i].servers.nelts; k++) {
                if (servers[k] == server
                    && !ngx_http_genai_admin_loopback(addr[i].opt.sockaddr))
                {
                    return 0;
                }
            }
        }
    }

    return 1;
}


static ngx_uint_t
ngx_http_genai_admin_loopback(struct sockaddr *sa)
{
    struct sockaddr_in   *sin;
#if (NGX_HAVE_INET6)
    struct sockaddr_in6  *sin6;
#endif

    switch (sa->sa_family) {

#if (NGX_HAVE_UNIX_DOMAIN)
    case AF_UNIX:
        return 1;
#endif

#if (NGX_HAVE_INET6)
    case AF_INET6:
        sin6 = (struct sockaddr_in6 *) sa;
        return IN6_IS_ADDR_LOOPBACK(&sin6->sin6_addr);
#endif

    default: /* AF_INET */
        sin = (struct sockaddr_in *) sa;
        return (ntohl(sin->sin_addr.s_addr) >> 24) == 127;
    }
}
