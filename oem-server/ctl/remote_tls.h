/* SPDX-License-Identifier: MIT */
/*
 * remote_tls: the client's side of TLS: certificate and key, the root that the server's
 * certificate must lead to, and the name that it must carry. For remote.c only.
 */
#pragma once

#include <openssl/ssl.h>
#include <stdatomic.h>

#include "common/host/server_url.h"
#include "oem-server/ctl/settings.h"

struct remote_tls {
    const struct settings *settings;
    const struct server_url *address;
    EVP_PKEY *key;
    _Atomic(const char *)
        distrust; /* why the server's certificate was refused; NULL: was not */
};

/* A wss_tls_setup; context is the struct remote_tls, which outlives tls. */
enum err remote_tls_setup(void *context, SSL_CTX *tls);

/* The same without a connection, because the carrier would lose the message. */
enum err remote_tls_check(struct remote_tls *t);
