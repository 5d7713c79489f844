/* SPDX-License-Identifier: MIT */
/*
 * backend: issues certificates for ca.c. A backend gets a checked request and returns a
 * certificate, which ca.c then checks against the request, the profile and the issuing CA
 * (test_ca_backend). Today there is
 * one, the HSM; EJBCA over REST (certificate profile, end entity, PKCS#10) would be another.
 */
#pragma once

#include <openssl/x509v3.h>

#include "oem-server/ca/profile.h"

/* All borrowed for the call. */
struct backend_request {
    const struct profile *profile;
    const X509_NAME *subject;
    const char *uri; /* subject alternative name; NULL: none */
    X509_REQ *csr;
    const struct ca_terms *terms;
};

struct ca_backend {
    void *state;
    enum err (*issue)(void *state, const struct backend_request *request,
                      X509 **certificate_out); /* any thread, several in parallel */
    void (*free)(void *state);                 /* NULL is fine */
};

/* Signs with the key CA_KEY_ISSUING; issuing is its certificate. backend_out is the caller's,
 * released with its free(); hsm must outlive it. */
enum err backend_hsm(struct hsm *hsm, X509 *issuing, struct ca_backend *backend_out);

/* ca_new() with that backend; the CA owns it if this succeeds. What the backend answers is
 * checked as the HSM's is (test_ca_backend). */
enum err ca_new_with(const struct ca_backend *backend,
                     const struct ca_certificates *certificates, const char *organization,
                     const char *trust_domain, struct ca **ca_out);
