/* SPDX-License-Identifier: MIT */
/*
 * Keys, requests and certificates as files. Called by init and by the commands that register
 * principals. A private key must not be written to a file that others can read, nor over an
 * existing file (test_ctl_file).
 */
#include "oem-server/ctl/credential.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <string.h>
#include <sys/stat.h>

#include "common/host/log.h"
#include "oem-server/ctl/file.h"

static void bio_drop(BIO **bio)
{
    BIO_free(*bio);
}

static void csr_drop(X509_REQ **csr)
{
    X509_REQ_free(*csr);
}

void credential_key_drop(EVP_PKEY **key)
{
    EVP_PKEY_free(*key);
}

void credential_certificate_drop(X509 **certificate)
{
    X509_free(*certificate);
}

enum err credential_key_make(EVP_PKEY **key_out)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    if (key == NULL)
        return fail_quiet(ERR_INTERNAL, "cannot make a P-256 key");
    *key_out = key;
    return ERR_OK;
}

enum err credential_key_save(EVP_PKEY *key, const char *path)
{
    char *text;
    AUTO(bio_drop) BIO *bio = BIO_new(BIO_s_secmem()); /* wiped when freed */
    if (bio == NULL || PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) != 1)
        return fail_quiet(ERR_INTERNAL, "%s: cannot encode the key", path);
    long len = BIO_get_mem_data(bio, &text);
    return file_write_secret(path, span_of(text, (size_t)len));
}

/* No prompt for a pass phrase, because oemctl runs in scripts. */
static int no_pass_phrase(char *out, int size, int writing, void *context)
{
    (void)out, (void)size, (void)writing, (void)context;
    return -1;
}

enum err credential_key_load(const char *path, EVP_PKEY **key_out)
{
    struct stat st;
    AUTO(buf_free) struct buf pem = { 0 };
    TRY(file_read(path, CREDENTIAL_FILE_MAX, &pem));
    if (stat(path, &st) != 0 || (st.st_mode & S_IRWXO) != 0)
        return fail_quiet(ERR_DENIED, "%s: a private key that others may read: chmod 600",
                          path);
    AUTO(bio_drop) BIO *bio = BIO_new_mem_buf(pem.ptr, (int)pem.len);
    EVP_PKEY *key =
        bio == NULL ? NULL : PEM_read_bio_PrivateKey(bio, NULL, no_pass_phrase, NULL);
    if (key == NULL)
        return fail_quiet(ERR_INVALID, "%s: not a private key in PEM without pass phrase",
                          path);
    *key_out = key;
    return ERR_OK;
}

static enum err csr_der(X509_REQ *csr, struct buf *out)
{
    unsigned char *der = NULL;
    int len = i2d_X509_REQ(csr, &der);
    if (len <= 0)
        return fail_quiet(ERR_INTERNAL, "cannot encode a request");
    enum err e = buf_copy(out, span_of(der, (size_t)len));
    OPENSSL_free(der);
    return e;
}

enum err credential_csr_make(EVP_PKEY *key, const char *name, struct buf *der_out)
{
    AUTO(csr_drop) X509_REQ *csr = X509_REQ_new();
    if (csr == NULL || X509_REQ_set_version(csr, X509_REQ_VERSION_1) != 1 ||
        X509_NAME_add_entry_by_txt(X509_REQ_get_subject_name(csr), "CN", MBSTRING_UTF8,
                                   (const unsigned char *)name, -1, -1, 0) != 1 ||
        X509_REQ_set_pubkey(csr, key) != 1 || X509_REQ_sign(csr, key, EVP_sha256()) <= 0)
        return fail_quiet(ERR_INTERNAL, "cannot make a request for %s", name);
    return csr_der(csr, der_out);
}

static X509_REQ *csr_parse(struct span bytes)
{
    const uint8_t *p = bytes.ptr;
    X509_REQ *csr = d2i_X509_REQ(NULL, &p, (long)bytes.len);
    if (csr != NULL && p == bytes.ptr + bytes.len)
        return csr;
    X509_REQ_free(csr);
    return NULL;
}

bool credential_csr_is_of(struct span der, const EVP_PKEY *key)
{
    AUTO(csr_drop) X509_REQ *csr = csr_parse(der);
    return csr != NULL && EVP_PKEY_eq(X509_REQ_get0_pubkey(csr), key) == 1;
}

enum err credential_csr_load(const char *path, struct buf *der_out)
{
    AUTO(buf_free) struct buf file = { 0 };
    TRY(file_read(path, CREDENTIAL_FILE_MAX, &file));
    AUTO(bio_drop) BIO *bio = BIO_new_mem_buf(file.ptr, (int)file.len);
    AUTO(csr_drop) X509_REQ *csr = csr_parse(buf_span(&file));
    if (csr == NULL && bio != NULL)
        csr = PEM_read_bio_X509_REQ(bio, NULL, no_pass_phrase, NULL);
    if (csr == NULL)
        return fail_quiet(ERR_INVALID, "%s: not a certificate request (PKCS #10)", path);
    if (X509_REQ_verify(csr, X509_REQ_get0_pubkey(csr)) != 1)
        return fail_quiet(ERR_INVALID, "%s: its signature is not by its own key", path);
    return csr_der(csr, der_out);
}

enum err credential_certificate_parse(struct span der, const char *what, X509 **out)
{
    const uint8_t *p = der.ptr;
    AUTO(credential_certificate_drop) X509 *certificate = NULL;
    if (der.len <= CREDENTIAL_FILE_MAX)
        certificate = d2i_X509(NULL, &p, (long)der.len);
    if (certificate == NULL || p != der.ptr + der.len)
        return fail_quiet(ERR_PROTO, "%s is not a certificate in DER", what);
    *out = TAKE(certificate);
    return ERR_OK;
}

enum err credential_certificate_load(const char *path, X509 **out)
{
    AUTO(buf_free) struct buf pem = { 0 };
    TRY(file_read(path, CREDENTIAL_FILE_MAX, &pem));
    AUTO(bio_drop) BIO *bio = BIO_new_mem_buf(pem.ptr, (int)pem.len);
    X509 *certificate = bio == NULL ? NULL : PEM_read_bio_X509(bio, NULL, no_pass_phrase, NULL);
    if (certificate == NULL)
        return fail_quiet(ERR_INVALID, "%s: not a certificate in PEM", path);
    *out = certificate;
    return ERR_OK;
}

enum err credential_pem(const char *label, struct span der, struct buf *pem_out)
{
    char *text;
    AUTO(bio_drop) BIO *bio = BIO_new(BIO_s_mem());
    if (bio == NULL || PEM_write_bio(bio, label, "", der.ptr, (long)der.len) <= 0)
        return fail_quiet(ERR_MEMORY, "no memory for PEM");
    long len = BIO_get_mem_data(bio, &text);
    return buf_append(pem_out, span_of(text, (size_t)len));
}

enum err credential_chain_pem(const struct span ders[], size_t count, struct buf *pem_out)
{
    for (size_t i = 0; i < count; i++)
        TRY(credential_pem(PEM_STRING_X509, ders[i], pem_out));
    return ERR_OK;
}

enum err credential_check(struct span certificate, struct span issuer, struct span csr)
{
    AUTO(credential_certificate_drop) X509 *leaf = NULL;
    AUTO(credential_certificate_drop) X509 *ca = NULL;
    AUTO(csr_drop) X509_REQ *request = csr_parse(csr);
    TRY(credential_certificate_parse(certificate, "the server's certificate", &leaf));
    TRY(credential_certificate_parse(issuer, "the server's issuing certificate", &ca));
    if (request == NULL ||
        EVP_PKEY_eq(X509_get0_pubkey(leaf), X509_REQ_get0_pubkey(request)) != 1)
        return fail_quiet(ERR_MISMATCH, "the server's certificate is for another key");
    if (X509_verify(leaf, X509_get0_pubkey(ca)) != 1)
        return fail_quiet(ERR_SIG, "the server's certificate is not signed by its issuer");
    return ERR_OK;
}
