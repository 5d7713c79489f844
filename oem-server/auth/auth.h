/* SPDX-License-Identifier: MIT */
/*
 * auth: finds the principal of a connection and decides whether it may call a method. The
 * certificate's SPIFFE URI names the role; the table in methods.c gives the roles of each
 * method, and a method that is not in it is refused (test_auth). Whether the certificate is
 * registered and not revoked is asked inside each change and each read
 * (store_principal_check()). Any thread.
 */
#pragma once

#include <openssl/x509.h>

#include "common/core/layout.h"
#include "common/host/own.h"

enum auth_role {
    AUTH_STATION = 1,
    AUTH_OPERATOR = 2,
    AUTH_AUDITOR = 4,
    AUTH_SERVER = 8,
    AUTH_SERVICE = 16
};

struct auth_principal {
    enum auth_role role;
    char name[65];
    char uri[192];
    uint8_t certificate_sha256[SHA256_SIZE];
};

/* From a verified client certificate: exactly one URI in the SAN,
 * spiffe://<trust_domain>/<role>/<name>. ERR_UNAUTHENTICATED with a message otherwise: a
 * device's certificate is not a station's. */
enum err auth_principal_of(X509 *certificate, const char *trust_domain,
                           struct auth_principal *principal_out);

/* Is the answer stored under the call's idempotency key, and given again to a repeated call?
 * Not that of a read, nor of what only the server itself calls, without a key, nor a secret
 * one, which is made again (test_auth). */
enum auth_answer { AUTH_UNSTORED, AUTH_STORED, AUTH_SECRET };

/* A streaming call holds a thread of its own pool. */
enum auth_shape { AUTH_UNARY, AUTH_STREAM };

/* Whose word an operator's act needs under [policy] two_person = yes. What a row names here is
 * a predicate over its request (oem-server/call/gate.c). No stream waits
 * (test_call_approvals: the_table_says_what_waits). */
enum auth_second {
    AUTH_ALONE,               /* the operator's own */
    AUTH_SECOND,              /* a second operator's too */
    AUTH_SECOND_PRODUCTION,   /* that, for an order at level production */
    AUTH_SECOND_OPERATOR,     /* that, if it is about an operator */
    AUTH_SECOND_NEW_OPERATOR, /* the same, but the second operator ever is added by the first */
};

struct auth_method {
    const char *method; /* "hallmark.v1.Service/Method" */
    unsigned roles;     /* of enum auth_role */
    enum auth_answer answer;
    enum auth_shape shape;
    enum auth_second second;
};

/* NULL: no such method. */
const struct auth_method *auth_method_of(const char *method);
size_t auth_method_count(void);

/* ERR_UNIMPLEMENTED for an unknown method, ERR_DENIED for a role that may not. */
enum err auth_allow(const struct auth_principal *principal, const char *method,
                    const struct auth_method **method_out);

/* For the store and the protos; 0 and a placeholder for a value that is no role. */
uint32_t auth_role_number(enum auth_role role); /* enum Role of operator.proto */
const char *auth_role_name(enum auth_role role);
