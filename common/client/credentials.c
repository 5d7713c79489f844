/* SPDX-License-Identifier: MIT */
/*
 * What the client shows in TLS, and whom it trusts. Called by client.c before it connects, and
 * by the carrier on the I/O thread. A key that other users can read must not be used
 * (test_client: files_that_will_not_do). The name that the server's certificate must carry is
 * the carrier's matter (common/wss/tls.c).
 */
#include <errno.h>
#include <openssl/err.h>
#include <string.h>
#include <sys/stat.h>

#include "common/client/inside.h"
#include "common/host/log.h"

static enum err refused(const char *what, const char *file, const char *otherwise)
{
    unsigned long code = ERR_peek_error();
    bool system = ERR_SYSTEM_ERROR(code);
    int reason = ERR_GET_REASON(code);
    bool machine = system && (reason == EIO || reason == EMFILE || reason == ENFILE);
    enum err e = system && reason == ENOENT ? ERR_NOT_FOUND : machine ? ERR_IO : ERR_CONFIG;
    ERR_clear_error();
    return fail_quiet(e, "%s %s: %s", what, file, system ? strerror(reason) : otherwise);
}

static enum err use_key(const struct client_config *config, SSL_CTX *tls)
{
    int used = config->key != NULL
                   ? SSL_CTX_use_PrivateKey(tls, config->key)
                   : SSL_CTX_use_PrivateKey_file(tls, config->key_file, SSL_FILETYPE_PEM);
    if (used == 1 && SSL_CTX_check_private_key(tls) == 1)
        return ERR_OK;
    if (ERR_GET_LIB(ERR_peek_error()) != ERR_LIB_X509)
        return refused("key", config->key_file, "no private key in PEM");
    ERR_clear_error();
    return fail_quiet(ERR_CONFIG, "key %s: not the key of %s", config->key_file,
                      config->certificate_file);
}

enum err credentials_set(void *context, SSL_CTX *tls)
{
    const struct client_config *config = context;
    ERR_clear_error(); /* another's would be taken for the first of ours */
    if (SSL_CTX_load_verify_locations(tls, config->ca_file, NULL) != 1)
        return refused("trusted root", config->ca_file, "no certificate of a root in PEM");
    if (SSL_CTX_use_certificate_chain_file(tls, config->certificate_file) != 1)
        return refused("certificate", config->certificate_file, "no certificate in PEM");
    return use_key(config, tls);
}

enum err credentials_check(const struct client_config *config)
{
    struct stat about;
    struct client_config copy = *config;
    if (config->key == NULL && stat(config->key_file, &about) == 0 && S_ISREG(about.st_mode) &&
        (about.st_mode & 077) != 0)
        return fail_quiet(ERR_CONFIG, "key %s: others may read it; chmod 600",
                          config->key_file);
    SSL_CTX *tls = SSL_CTX_new(TLS_client_method());
    if (tls == NULL)
        return fail_quiet(ERR_MEMORY, "no memory for TLS");
    enum err e = credentials_set(&copy, tls);
    SSL_CTX_free(tls);
    return e;
}
