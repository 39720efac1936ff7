/*
 * TLS to a collector: who is trusted, and the client's certificate.  The
 * server is a child process with a certificate made here.
 */

#define _GNU_SOURCE

#include <arpa/inet.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "genai_http.h"
#include "test.h"


static char  dir[] = "/tmp/genai-tls-XXXXXX";
static char  cert[64], key[64], url[64];
static int  *peer;                     /* shared: a client certificate came */


/* self-signed, for 127.0.0.1, also a CA: both sides use it */

static void
make_cert(void)
{
    FILE            *f;
    X509            *x;
    EVP_PKEY        *pkey;
    X509_NAME       *name;
    X509_EXTENSION  *ext;

    pkey = EVP_EC_gen("P-256");
    x = X509_new();

    X509_set_version(x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
    X509_gmtime_adj(X509_getm_notBefore(x), -60);
    X509_gmtime_adj(X509_getm_notAfter(x), 3600);
    X509_set_pubkey(x, pkey);

    name = X509_get_subject_name(x);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                               (const unsigned char *) "test", -1, -1, 0);
    X509_set_issuer_name(x, name);

    ext = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name,
                              "IP:127.0.0.1");
    X509_add_ext(x, ext, -1);
    X509_EXTENSION_free(ext);
    ext = X509V3_EXT_conf_nid(NULL, NULL, NID_basic_constraints,
                              "critical,CA:TRUE");
    X509_add_ext(x, ext, -1);
    X509_EXTENSION_free(ext);

    X509_sign(x, pkey, EVP_sha256());

    f = fopen(cert, "w");
    PEM_write_X509(f, x);
    fclose(f);

    f = fopen(key, "w");
    PEM_write_PrivateKey(f, pkey, NULL, NULL, 0, NULL, NULL);
    fclose(f);

    X509_free(x);
    EVP_PKEY_free(pkey);
}


static void
serve(int s)
{
    int              fd, n;
    SSL             *ssl;
    char             buf[4096];
    SSL_CTX         *ctx;
    static const char  yes[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n"
                               "Connection: close\r\n\r\n";

    signal(SIGPIPE, SIG_IGN);

    ctx = SSL_CTX_new(TLS_server_method());
    SSL_CTX_use_certificate_file(ctx, cert, SSL_FILETYPE_PEM);
    SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM);
    SSL_CTX_load_verify_locations(ctx, cert, NULL);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);

    for ( ;; ) {
        fd = accept(s, NULL, NULL);
        ssl = SSL_new(ctx);
        SSL_set_fd(ssl, fd);

        if (SSL_accept(ssl) == 1) {
            *peer = SSL_get0_peer_certificate(ssl) != NULL;

            n = SSL_read(ssl, buf, sizeof(buf));

            if (n > 0) {
                SSL_write(ssl, yes, sizeof(yes) - 1);
            }

            SSL_shutdown(ssl);
        }

        SSL_free(ssl);
        close(fd);
    }
}


static int
post(genai_http_conf_t *conf, char *error)
{
    int                   i, status = 0;
    char                  err[128];
    genai_http_t         *h;
    genai_http_result_t   res;

    error[0] = '\0';
    *peer = 0;
    h = genai_http_create(conf, NULL, NULL, err, sizeof(err));

    if (h == NULL) {
        strcpy(error, err);
        return -1;
    }

    if (genai_http_post(h, "body", 4) == GENAI_OK) {
        for (i = 0; i < 100; i++) {
            if (genai_http_poll(h, 50, &res) == GENAI_OK) {
                status = res.status;
                strcpy(error, res.error);
                break;
            }
        }
    }

    genai_http_destroy(h);

    return status;
}


int
main(void)
{
    int                  s, status;
    char                 error[128];
    pid_t                pid;
    socklen_t            len;
    genai_http_conf_t    conf;
    struct sockaddr_in   a;

    signal(SIGPIPE, SIG_IGN);

    peer = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
                MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (mkdtemp(dir) == NULL || peer == MAP_FAILED) {
        return 1;
    }

    snprintf(cert, sizeof(cert), "%s/cert.pem", dir);
    snprintf(key, sizeof(key), "%s/key.pem", dir);
    make_cert();

    memset(&a, 0, sizeof(a));
    a.sin_family = AF_INET;
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    len = sizeof(a);
    s = socket(AF_INET, SOCK_STREAM, 0);

    if (bind(s, (struct sockaddr *) &a, len) != 0 || listen(s, 8) != 0
        || getsockname(s, (struct sockaddr *) &a, &len) != 0)
    {
        return 1;
    }

    pid = fork();

    if (pid == 0) {
        serve(s);
    }

    close(s);
    snprintf(url, sizeof(url), "https://127.0.0.1:%d/", ntohs(a.sin_port));

    memset(&conf, 0, sizeof(conf));
    conf.url = url;
    conf.timeout_ms = 3000;
    conf.tls_verify = 1;

    status = post(&conf, error);
    ok(status == 0 && strstr(error, "certificate") != NULL,
       "a certificate that nobody vouches for: %s", error);

    conf.tls_ca = cert;
    status = post(&conf, error);
    ok(status == 200 && *peer == 0, "tls_ca vouches for it %s", error);

    conf.tls_cert = cert;
    conf.tls_key = key;
    status = post(&conf, error);
    ok(status == 200 && *peer == 1, "tls_cert and tls_key are shown %s",
       error);

    conf.tls_cert = NULL;
    conf.tls_key = NULL;
    snprintf(url, sizeof(url), "https://localhost:%d/", ntohs(a.sin_port));
    status = post(&conf, error);
    ok(status == 0 && error[0], "another name is refused: %s", error);

    conf.tls_ca = NULL;
    conf.tls_verify = 0;
    status = post(&conf, error);
    ok(status == 200, "tls_verify off takes anyone %s", error);

    conf.tls_verify = 1;
    conf.tls_ca = "/nonexistent/ca.pem";
    status = post(&conf, error);
    ok(status <= 0 && error[0], "a CA file that is not there: %s", error);

    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    unlink(cert);
    unlink(key);
    rmdir(dir);

    return done();
}
