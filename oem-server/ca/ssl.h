/* SPDX-License-Identifier: MIT */
/*
 * ssl: what this folder wants of OpenSSL beside its calls: scopes' releases, errors in words,
 * DER in and out.
 */
#pragma once

#include <openssl/x509v3.h>

#include "common/host/own.h"

void ssl_name_drop(X509_NAME **name);
void ssl_general_names_drop(GENERAL_NAMES **names);
void ssl_certificate_drop(X509 **certificate);
void ssl_request_drop(X509_REQ **request);
void ssl_key_drop(EVP_PKEY **key);

/* fail(e, "ca: what: why"), with OpenSSL's latest reason; its error queue is emptied. */
enum err ssl_fail(enum err e, const char *what);

enum err ssl_certificate_der(const X509 *certificate, struct buf *der_out);
enum err ssl_name_der(const X509_NAME *name, struct buf *der_out);

/* One certificate and not a byte more. what: for the error. */
enum err ssl_certificate_open(const char *what, struct span der, X509 **certificate_out);
