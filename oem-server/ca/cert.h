/* SPDX-License-Identifier: MIT */
/* cert: builds a certificate by profile and signs it. For the folder only; any thread. */
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
    const struct ca_terms *terms;     /* checked (cert_terms_check()); NULL: fresh ones */
};

/* *certificate_out is the caller's. ERR_HSM and its kin: the signer failed, and has said why.
 * ERR_PRECONDITION: as cert_terms_make() has it; nothing was signed. */
enum err cert_make(const struct cert_request *request, X509 **certificate_out);

/* A random serial and the profile's validity from now on, back-dated for peers whose clock is a
 * little slow, and within that of the issuer (NULL: self-signed). ERR_PRECONDITION: the issuer
 * is not valid now; the message has its times and the clock's. */
enum err cert_terms_make(const struct profile *profile, const X509 *issuer,
                         struct ca_terms *terms_out);
/* May the issuer sign that now? ERR_PRECONDITION: it is not valid now; or the terms are not
 * within its validity; or they begin in the future, because the clock was ahead when they were
 * made (test_ca_backend). */
enum err cert_terms_check(const X509 *issuer, const struct ca_terms *terms);
/* Is it what cert_make() would have made of the request, all but the signature? The signer is
 * not used. ERR_MISMATCH says in what it differs: version, algorithm, subject, key, serial,
 * validity, or an extension that is missing, more, or another one. */
enum err cert_check(X509 *certificate, const struct cert_request *request);
