/* SPDX-License-Identifier: MIT */
/*
 * credential: keys, requests and certificates of stations, operators and auditors, as files.
 *
 * A key made here is P-256, PKCS #8 in PEM, mode 0600, and its file is new: an existing file is
 * ERR_EXISTS (test_ctl_file: secret_never_replaces). A request may be PEM or DER. What is given
 * out is the caller's; drops are for AUTO. Failures have a message with the path.
 */
#pragma once

#include <openssl/x509.h>

#include "common/host/own.h"

enum { CREDENTIAL_FILE_MAX = 65536 };

void credential_key_drop(EVP_PKEY **key);
void credential_certificate_drop(X509 **certificate);

/* Makes a key; saves it to a new file, ERR_EXISTS. */
enum err credential_key_make(EVP_PKEY **key_out);
enum err credential_key_save(EVP_PKEY *key, const char *path);
enum err credential_key_load(const char *path,
                             EVP_PKEY **key_out); /* ERR_DENIED: readable by others */

/* PKCS #10, DER, with subject CN=name: the server takes the key and the proof only. */
enum err credential_csr_make(EVP_PKEY *key, const char *name, struct buf *der_out);
enum err credential_csr_load(const char *path,
                             struct buf *der_out); /* self-signature checked; ERR_INVALID */
bool credential_csr_is_of(struct span der, const EVP_PKEY *key); /* is its key the same? */

/* Parses a span that is one certificate. what names it in the message. */
enum err credential_certificate_parse(struct span der, const char *what, X509 **out);

enum err credential_certificate_load(const char *path,
                                     X509 **out); /* the first of a PEM chain */

/* PEM of DER certificates, in order. */
enum err credential_chain_pem(const struct span ders[], size_t count, struct buf *pem_out);
enum err credential_pem(const char *label, struct span der, struct buf *pem_out);

/* Verifies that the certificate leads to the root in a PEM file, through issuers in another
 * (which may hold more). ERR_SIG with OpenSSL's reason. */
enum err credential_verify(X509 *certificate, const char *root_path, const char *issuers_path);

/* Checks that the certificate is for the key of the request, and that issuer signed it. */
enum err credential_check(struct span certificate, struct span issuer, struct span csr);
