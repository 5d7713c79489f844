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
};

enum err cert_make(const struct cert_request *request, X509 **certificate_out);
