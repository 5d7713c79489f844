/* SPDX-License-Identifier: MIT */
/* Messages that a liar makes anew: CSRs and HelloRequests. */
#include "tests/unit/check.h"

#include <openssl/ec.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "common/host/hex.h"
#include "common/host/log.h"
#include "common/host/p256.h"
#include "common/rpc/rpc.h"
#include "tests/hostile/scene.h"

/* A CSR of the run; what is NULL is as it should be. */
struct csr {
    X509_NAME *subject;
    EVP_PKEY *key, *signer;
    const char *challenge;
    bool usages;
};

static void add_usages(X509_REQ *request)
{
    static const char *const values[][2] = { { "basicConstraints", "critical,CA:TRUE" },
                                             { "keyUsage", "critical,keyCertSign,cRLSign" },
                                             { "extendedKeyUsage", "serverAuth,clientAuth" } };
    STACK_OF(X509_EXTENSION) *all = sk_X509_EXTENSION_new_null();
    for (size_t i = 0; i < COUNT(values); i++)
        sk_X509_EXTENSION_push(
            all, X509V3_EXT_conf(NULL, NULL, values[i][0], (char *)(uintptr_t)values[i][1]));
    assert_int_equal(X509_REQ_add_extensions(request, all), 1);
    sk_X509_EXTENSION_pop_free(all, X509_EXTENSION_free);
}

static X509_NAME *own_subject(const struct board *b)
{
    const uint8_t *at = b->subject.ptr;
    return d2i_X509_NAME(NULL, &at, (long)b->subject.len);
}

static enum err put_csr(const struct csr *csr, struct buf *payload)
{
    const struct board *b = &scene_now->board;
    char nonce[2 * NONCE_SIZE + 1];
    Hallmark__V1__RequestCertificateRequest in =
        HALLMARK__V1__REQUEST_CERTIFICATE_REQUEST__INIT;
    X509_NAME *name = csr->subject != NULL ? csr->subject : own_subject(b);
    X509_REQ *request = X509_REQ_new();
    const char *challenge =
        csr->challenge != NULL ? csr->challenge : hex_of(SPAN(b->server_nonce), nonce);
    X509_REQ_set_subject_name(request, name);
    X509_REQ_set_pubkey(request, csr->key != NULL ? csr->key : b->auth);
    X509_REQ_add1_attr_by_NID(request, NID_pkcs9_challengePassword, V_ASN1_UTF8STRING,
                              (const uint8_t *)challenge, (int)strlen(challenge));
    if (csr->usages)
        add_usages(request);
    assert_true(
        X509_REQ_sign(request, csr->signer != NULL ? csr->signer : b->auth, EVP_sha256()) > 0);
    uint8_t *der = NULL;
    int len = i2d_X509_REQ(request, &der);
    in.csr = (ProtobufCBinaryData){ (size_t)len, der };
    buf_free(payload);
    enum err e = rpc_pack(&in.base, payload);
    OPENSSL_free(der);
    X509_REQ_free(request);
    X509_NAME_free(name);
    return e;
}

enum err csr_of_another_name(const struct lie *lie, struct buf *payload)
{
    (void)lie;
    X509_NAME *name = X509_NAME_new();
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const uint8_t *)"RootCA", -1, -1, 0);
    return put_csr(&(struct csr){ .subject = name }, payload);
}

enum err csr_with_usages(const struct lie *lie, struct buf *payload)
{
    (void)lie;
    return put_csr(&(struct csr){ .usages = true }, payload);
}

static enum err csr_of_key(EVP_PKEY *key, struct buf *payload)
{
    enum err e = put_csr(&(struct csr){ .key = key, .signer = key }, payload);
    EVP_PKEY_free(key);
    return e;
}

enum err csr_p384(const struct lie *lie, struct buf *payload)
{
    (void)lie;
    return csr_of_key(EVP_EC_gen("P-384"), payload);
}

enum err csr_rsa(const struct lie *lie, struct buf *payload)
{
    (void)lie;
    return csr_of_key(EVP_RSA_gen(2048), payload);
}

enum err csr_other_nonce(const struct lie *lie, struct buf *payload)
{
    char nonce[2 * NONCE_SIZE + 1];
    (void)lie;
    return put_csr(&(struct csr){ .challenge = hex_of(SPAN(shared.other.server_nonce), nonce) },
                   payload);
}

enum err csr_cloned_key(const struct lie *lie, struct buf *payload)
{
    (void)lie;
    return put_csr(&(struct csr){ .key = shared.other.auth, .signer = shared.other.auth },
                   payload);
}

enum err csr_foreign_key(const struct lie *lie, struct buf *payload)
{
    (void)lie;
    return put_csr(&(struct csr){ .key = shared.other.auth }, payload);
}

/* --- Arrow 7 as it is reported. ----------------------------------------------------------- */

static void set_bytes(ProtobufCBinaryData *to, struct span bytes)
{
    free(to->data);
    to->data = malloc(bytes.len);
    assert_non_null(to->data);
    memcpy(to->data, bytes.ptr, bytes.len);
    to->len = bytes.len;
}

/* The report's request becomes that Hello, with its digest. */
static enum err put_hello(struct buf *payload, void (*change)(Hallmark__V1__HelloRequest *))
{
    AUTO(rpc_drop) ProtobufCMessage *m = NULL, *hello = NULL;
    AUTO(buf_free) struct buf packed = { 0 };
    uint8_t digest[SHA256_SIZE];
    TRY(rpc_unpack(type_of("", REPORTS), buf_span(payload), &m));
    Hallmark__V1__ArrowReport *seventh = ((Hallmark__V1__ArrowReports *)m)->reports[3];
    TRY(rpc_unpack(type_of("Host/Hello", REQUEST), span_in(&seventh->request), &hello));
    change((Hallmark__V1__HelloRequest *)hello);
    TRY(rpc_pack(hello, &packed));
    sha256_of(buf_span(&packed), digest);
    set_bytes(&seventh->request, buf_span(&packed));
    set_bytes(&seventh->request_sha256, SPAN(digest));
    buf_free(payload);
    return rpc_pack(m, payload);
}

static void anothers_uid(Hallmark__V1__HelloRequest *hello)
{
    set_bytes(&hello->uid, SPAN(shared.other.uid));
}

static void no_state(Hallmark__V1__HelloRequest *hello)
{
    hallmark__v1__board_state__free_unpacked(hello->state, NULL);
    hello->state = NULL;
}

enum err hello_of_another(const struct lie *lie, struct buf *payload)
{
    (void)lie;
    return put_hello(payload, anothers_uid);
}

enum err hello_without_state(const struct lie *lie, struct buf *payload)
{
    (void)lie;
    return put_hello(payload, no_state);
}
