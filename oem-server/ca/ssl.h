/* SPDX-License-Identifier: MIT */
/*
 * ssl: helpers around OpenSSL for this folder: release at the end of a scope, errors with a
 * message, DER in and out. Any thread.
 */
#pragma once

#include <openssl/x509v3.h>

#include "common/host/own.h"

/* For AUTO: free what is pointed to; NULL inside is fine. */
void ssl_name_drop(X509_NAME **name);
void ssl_general_names_drop(GENERAL_NAMES **names);
void ssl_certificate_drop(X509 **certificate);
void ssl_request_drop(X509_REQ **request);
void ssl_key_drop(EVP_PKEY **key);

/* fail(e, "ca: what: why"), with OpenSSL's latest reason; empties its error queue. */
enum err ssl_fail(enum err e, const char *what);

/* der_out is the caller's. */
enum err ssl_certificate_der(const X509 *certificate, struct buf *der_out);
enum err ssl_name_der(const X509_NAME *name, struct buf *der_out);

/* Parses one certificate: ERR_EXCESS for bytes after it, ERR_LIMIT, ERR_INVALID. what is named
 * in the message. */
enum err ssl_certificate_open(const char *what, struct span der, X509 **certificate_out);
