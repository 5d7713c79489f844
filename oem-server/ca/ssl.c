/* SPDX-License-Identifier: MIT */
/*
 * ssl: releases, errors and DER for OpenSSL's types. Called by all files of this folder. It
 * must leave OpenSSL's error queue empty.
 */
#include "oem-server/ca/ssl.h"

#include <openssl/err.h>

#include "common/host/log.h"

enum { CERTIFICATE_DER_MAX = 16384 };

void ssl_name_drop(X509_NAME **name)
{
    X509_NAME_free(*name);
}

void ssl_general_names_drop(GENERAL_NAMES **names)
{
    GENERAL_NAMES_free(*names);
}

void ssl_certificate_drop(X509 **certificate)
{
    X509_free(*certificate);
}

void ssl_request_drop(X509_REQ **request)
{
    X509_REQ_free(*request);
}

void ssl_key_drop(EVP_PKEY **key)
{
    EVP_PKEY_free(*key);
}

enum err ssl_fail(enum err e, const char *what)
{
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    ERR_clear_error();
    return fail(e, "ca: %s: %s", what, reason == NULL ? err_text(e) : reason);
}

static enum err keep(int len, uint8_t *der, struct buf *der_out)
{
    if (len <= 0)
        return ssl_fail(ERR_INTERNAL, "DER");
    struct buf kept = { 0 };
    enum err e = buf_copy(&kept, span_of(der, (size_t)len));
    OPENSSL_free(der);
    TRY(e);
    *der_out = kept;
    return ERR_OK;
}

enum err ssl_certificate_der(const X509 *certificate, struct buf *der_out)
{
    uint8_t *der = NULL;
    int len = i2d_X509(certificate, &der);
    return keep(len, der, der_out);
}

enum err ssl_name_der(const X509_NAME *name, struct buf *der_out)
{
    uint8_t *der = NULL;
    int len = i2d_X509_NAME(name, &der);
    return keep(len, der, der_out);
}

enum err ssl_certificate_open(const char *what, struct span der, X509 **certificate_out)
{
    if (der.len == 0 || der.len > CERTIFICATE_DER_MAX)
        return fail(ERR_LIMIT, "ca: %s certificate: %zu bytes, limit %d", what, der.len,
                    CERTIFICATE_DER_MAX);
    const uint8_t *p = der.ptr;
    AUTO(ssl_certificate_drop) X509 *certificate = d2i_X509(NULL, &p, (long)der.len);
    if (certificate == NULL)
        return ssl_fail(ERR_PROTO, what);
    if (p != der.ptr + der.len)
        return fail(ERR_EXCESS, "ca: %s certificate: %td bytes after the end", what,
                    der.ptr + der.len - p);
    *certificate_out = TAKE(certificate);
    return ERR_OK;
}
