/* SPDX-License-Identifier: MIT */
#include "tests/unit/certs.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

static void must(bool ok)
{
    if (!ok)
        abort();
}

static void extend(X509 *cert, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, cert, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    must(extension != NULL && X509_add_ext(cert, extension, -1) == 1);
    X509_EXTENSION_free(extension);
}

X509 *certs_make(const struct certs_spec *spec, X509 *issuer, EVP_PKEY *issuer_key,
                 EVP_PKEY **key_out)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = X509_new();
    uint32_t serial;
    must(key != NULL && cert != NULL && RAND_bytes((uint8_t *)&serial, sizeof(serial)) == 1);
    X509_set_version(cert, 2);
    ASN1_INTEGER_set_uint64(X509_get_serialNumber(cert), serial);
    X509_gmtime_adj(X509_getm_notBefore(cert), -86400L * 3);
    X509_gmtime_adj(X509_getm_notAfter(cert), 86400L * spec->days);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC,
                               (const uint8_t *)spec->name, -1, -1, 0);
    X509_set_issuer_name(cert, X509_get_subject_name(issuer == NULL ? cert : issuer));
    X509_set_pubkey(cert, key);
    X509 *signer = issuer == NULL ? cert : issuer;
    extend(cert, signer, NID_basic_constraints, spec->ca ? "critical,CA:TRUE" : "CA:FALSE");
    if (spec->san != NULL)
        extend(cert, signer, NID_subject_alt_name, spec->san);
    if (spec->usage != NULL)
        extend(cert, signer, NID_ext_key_usage, spec->usage);
    must(X509_sign(cert, issuer == NULL ? key : issuer_key, EVP_sha256()) != 0);
    *key_out = key;
    return cert;
}

void certs_station_file(char *path)
{
    EVP_PKEY *key;
    X509 *cert =
        certs_make(&(struct certs_spec){ .name = "station", .days = 1 }, NULL, NULL, &key);
    FILE *file = fdopen(mkstemp(path), "w");
    must(file != NULL && PEM_write_X509(file, cert) == 1);
    must(PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL) == 1);
    must(fclose(file) == 0);
    X509_free(cert);
    EVP_PKEY_free(key);
}
