/* SPDX-License-Identifier: MIT */
/* cert: build a certificate by profile and sign it. Used inside the folder. */
#pragma once

#include <openssl/x509v3.h>

#include "oem-server/ca/profile.h"

/* All borrowed. */
struct cert_request {
    const struct profile *profile;
    const X509_NAME *subject;
    EVP_PKEY *subject_key;
    GENERAL_NAMES *alternative_names; /* NULL: none */
    X509 *issuer;                     /* NULL: self-signed */
    EVP_PKEY *signer;                 /* the issuer's key */
    const struct ca_terms *terms;     /* NULL: fresh ones */
};

enum err cert_make(const struct cert_request *request, X509 **certificate_out);

/* A random serial and the profile's validity from now on, back-dated for peers whose clock is a
 * little slow. */
enum err cert_terms_make(const struct profile *profile, struct ca_terms *terms_out);
/* ERR_MISMATCH: the certificate has another serial or validity. */
enum err cert_terms_check(X509 *certificate, const struct ca_terms *terms);
