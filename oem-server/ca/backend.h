/* SPDX-License-Identifier: MIT */
/*
 * backend: issues certificates for ca.c. A backend gets a checked request and returns a
 * certificate, which ca.c then checks against the request, the profile and the issuing CA
 * (test_ca_backend). There are two: the HSM (backend_hsm.c) and EJBCA over REST (ejbca/).
 */
#pragma once

#include <openssl/x509v3.h>

#include "oem-server/ca/cert.h"
#include "oem-server/ca/profile.h"

/* All borrowed for the call. */
struct backend_request {
    enum ca_profile kind;
    const struct profile *profile;
    const X509_NAME *subject;
    const char *uri; /* subject alternative name; NULL: none */
    X509_REQ *csr;
    const struct ca_terms *terms;
    struct ca_before before;
};

struct ca_backend {
    void *state;
    enum err (*issue)(void *state, const struct backend_request *request,
                      X509 **certificate_out); /* any thread, several in parallel */
    void (*free)(void *state);                 /* NULL is fine */

    /* What follows is a CA outside's only. issuer: who signs, borrowed; NULL: the issuing CA of
     * arrow 2, and serial and validity are the terms'. Otherwise the CA chooses the serial, and
     * the times are the terms' as far as its clock allows (cert.h). */
    X509 *issuer;
    bool (*takes)(const void *state, enum ca_profile profile);
    enum err (*unused)(void *state, X509 *certificate, X509 *stands);
};

/* Is it what was asked for? issuer: whose signature it must have; own_terms: the CA chooses
 * serial and times, as far as cert.h lets it. ERR_MISMATCH, ERR_SIG. */
enum err backend_check(const struct backend_request *request, X509 *issuer, bool own_terms,
                       X509 *certificate);

/* Signs with the key CA_KEY_ISSUING; issuing is its certificate. backend_out is the caller's,
 * released with its free(); hsm must outlive it. */
enum err backend_hsm(struct hsm *hsm, X509 *issuing, struct ca_backend *backend_out);

/* ca_new() with that backend; the CA owns it if this succeeds. What the backend answers is
 * checked as the HSM's is (test_ca_backend). */
enum err ca_new_with(const struct ca_backend *backend,
                     const struct ca_certificates *certificates, const char *organization,
                     const char *trust_domain, struct ca **ca_out);

/* From now on the profiles that the backend takes are issued by it. Before the CA is used by
 * other threads; the backend stays the caller's and outlives the CA. */
enum err ca_use_outside(struct ca *ca, const struct ca_backend *backend);
