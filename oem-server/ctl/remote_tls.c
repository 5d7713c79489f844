/* SPDX-License-Identifier: MIT */
/*
 * TLS of oemctl's connection. Called by remote.c and, for verification, by OpenSSL on the I/O
 * thread. A server whose certificate does not lead to the root, or has another name, must not
 * be trusted (test_ctl_remote: wrong_server_is_distrusted).
 */
#include "oem-server/ctl/remote_tls.h"

#include <openssl/x509v3.h>

#include "common/host/log.h"
#include "oem-server/ctl/file.h"

enum { TRUST_FILE_MAX = 1 << 20 };

static int keep_verdict(int good, X509_STORE_CTX *context)
{
    (void)context;
    return good;
}

/* OpenSSL's own verification, whatever callback the carrier's library installs; keeps its
 * reason. */
static int verify_server(X509_STORE_CTX *context, void *remote_tls)
{
    struct remote_tls *t = remote_tls;
    X509_STORE_CTX_set_verify_cb(context, keep_verdict);
    int good = X509_verify_cert(context);
    if (good != 1)
        atomic_store(&t->distrust,
                     X509_verify_cert_error_string(X509_STORE_CTX_get_error(context)));
    return good;
}

static enum err set_peer(const struct server_url *address, SSL_CTX *tls)
{
    X509_VERIFY_PARAM *param = SSL_CTX_get0_param(tls);
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    if (X509_VERIFY_PARAM_set1_ip_asc(param, address->host) == 1 ||
        X509_VERIFY_PARAM_set1_host(param, address->host, 0) == 1)
        return ERR_OK;
    return fail_quiet(ERR_TLS, "%s: not a name to check a certificate for", address->host);
}

/* OpenSSL's message does not distinguish a missing file from one that is no PEM. */
static enum err check_readable(const char *path)
{
    AUTO(buf_free) struct buf file = { 0 };
    return file_read(path, TRUST_FILE_MAX, &file);
}

enum err remote_tls_setup(void *context, SSL_CTX *tls)
{
    struct remote_tls *t = context;
    SSL_CTX_set_verify(tls, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_cert_verify_callback(tls, verify_server, t);
    TRY(check_readable(t->settings->ca));
    if (SSL_CTX_load_verify_locations(tls, t->settings->ca, NULL) != 1)
        return fail_quiet(ERR_CONFIG, "%s: no certificate of a root", t->settings->ca);
    TRY(check_readable(t->settings->cert));
    if (SSL_CTX_use_certificate_chain_file(tls, t->settings->cert) != 1)
        return fail_quiet(ERR_CONFIG, "%s: no certificate", t->settings->cert);
    if (SSL_CTX_use_PrivateKey(tls, t->key) != 1 || SSL_CTX_check_private_key(tls) != 1)
        return fail_quiet(ERR_CONFIG, "%s: not the key of %s", t->settings->key,
                          t->settings->cert);
    return set_peer(t->address, tls);
}

enum err remote_tls_check(struct remote_tls *t)
{
    SSL_CTX *tls = SSL_CTX_new(TLS_client_method());
    enum err e =
        tls == NULL ? fail_quiet(ERR_MEMORY, "no memory for TLS") : remote_tls_setup(t, tls);
    SSL_CTX_free(tls);
    return e;
}
