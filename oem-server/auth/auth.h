/* SPDX-License-Identifier: MIT */
/*
 * auth: who is calling, and may he? The certificate's SPIFFE URI names the role, the table in
 * methods.c gives the roles of each method; what is not in it is refused. Whether the
 * certificate is still the registered one is asked of the store by svc at the connection's
 * start.
 */
#pragma once

#include <openssl/x509.h>

#include "common/core/layout.h"
#include "common/host/own.h"

enum auth_role { AUTH_STATION = 1, AUTH_OPERATOR = 2, AUTH_AUDITOR = 4, AUTH_SERVER = 8 };

struct auth_principal {
    enum auth_role role;
    char name[65];
    char uri[192];
    uint8_t certificate_sha256[SHA256_SIZE];
};

/* From a verified client certificate: exactly one URI in the SAN,
 * spiffe://<trust_domain>/<role>/<name>. ERR_UNAUTHENTICATED with words otherwise: a device's
 * certificate is no station's. */
enum err auth_principal_of(X509 *certificate, const char *trust_domain,
                           struct auth_principal *principal_out);

enum auth_effect {
    AUTH_READS,
    AUTH_CHANGES
}; /* what changes is logged, and takes idempotency keys */

/* A streaming call holds a thread of its own pool. */
enum auth_shape { AUTH_UNARY, AUTH_STREAM };

struct auth_method {
    const char *method; /* "hallmark.v1.Service/Method" */
    unsigned roles;     /* of enum auth_role */
    enum auth_effect effect;
    enum auth_shape shape;
};

/* NULL: no such method. */
const struct auth_method *auth_method_of(const char *method);
size_t auth_method_count(void);

/* ERR_UNIMPLEMENTED for an unknown method, ERR_DENIED for a role that may not. */
enum err auth_allow(const struct auth_principal *principal, const char *method,
                    const struct auth_method **method_out);

uint32_t auth_role_number(enum auth_role role); /* enum Role of operator.proto */
const char *auth_role_name(enum auth_role role);
