/* SPDX-License-Identifier: MIT */
/* certs: throw-away P-256 certificates for tests of TLS. The caller frees. */
#pragma once

#include <openssl/x509.h>
#include <stdbool.h>

struct certs_spec {
    const char *name;
    const char *san;   /* "DNS:localhost", "URI:spiffe://..." or NULL */
    const char *usage; /* extendedKeyUsage, or NULL */
    bool ca;
    int days; /* negative: expired */
};

/* issuer NULL: self-signed with the new key. */
X509 *certs_make(const struct certs_spec *spec, X509 *issuer, EVP_PKEY *issuer_key,
                 EVP_PKEY **key_out);

/* A station's credentials in one new file, mkstemp's template: the certificate, which is its
 * own root, and the key. */
void certs_station_file(char *path);
