/* SPDX-License-Identifier: MIT */
#include "tests/bench/rpc/files.h"

#include <stdio.h>

#include "common/host/log.h"

enum err files_tls(void *context, SSL_CTX *tls)
{
    const struct files *files = context;
    char certificate[256], key[256], root[256];
    snprintf(certificate, sizeof(certificate), "%s/%s.pem", files->folder, files->name);
    snprintf(key, sizeof(key), "%s/%s.key", files->folder, files->name);
    snprintf(root, sizeof(root), "%s/root.pem", files->folder);
    if (SSL_CTX_use_certificate_chain_file(tls, certificate) != 1 ||
        SSL_CTX_use_PrivateKey_file(tls, key, SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_load_verify_file(tls, root) != 1)
        return fail(ERR_TLS, "bench: certificates in %s cannot be used", files->folder);
    return ERR_OK;
}
