/* SPDX-License-Identifier: MIT */
/* files: the benchmark's certificates into a TLS context, for ours and for raw OpenSSL. */
#pragma once

#include <openssl/ssl.h>

#include "common/core/err.h"

struct files {
    const char *folder;
    const char *name; /* "server" or "client": NAME.pem and NAME.key; root.pem is trusted */
};
enum err files_tls(void *files, SSL_CTX *tls); /* a wss_tls_setup */
