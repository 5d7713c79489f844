/* SPDX-License-Identifier: MIT */
/* The server's half of the peer: keys, certificates, statements. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "tests/unit/test_devauth_peer.h"

#include "common/core/sign.h"
#include "common/host/own.h"
#include "tests/unit/check.h"

#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>

enum { HALF = 32, IMAGE_BYTES = 3 * FLASH_PAGE_SIZE + 512 };

EC_KEY *peer_key(void)
{
    EC_KEY *key = EC_KEY_new_by_curve_name(NID_X9_62_prime256v1);
    assert_non_null(key);
    assert_int_equal(EC_KEY_generate_key(key), 1);
    return key;
}

void peer_point(const EC_KEY *key, uint8_t point[P256_POINT_SIZE])
{
    size_t len =
        EC_POINT_point2oct(EC_KEY_get0_group(key), EC_KEY_get0_public_key(key),
                           POINT_CONVERSION_UNCOMPRESSED, point, P256_POINT_SIZE, NULL);
    assert_int_equal(len, P256_POINT_SIZE);
}

void peer_sha256(struct span bytes, uint8_t digest[SHA256_SIZE])
{
    assert_int_equal(EVP_Digest(bytes.ptr, bytes.len, digest, NULL, EVP_sha256(), NULL), 1);
}

void peer_sign(EC_KEY *key, struct span statement, uint8_t signature[P256_SIGNATURE_SIZE])
{
    uint8_t digest[SHA256_SIZE];
    peer_sha256(statement, digest);
    ECDSA_SIG *sig = ECDSA_do_sign(digest, sizeof(digest), key);
    assert_non_null(sig);
    assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_r(sig), signature, HALF), HALF);
    assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_s(sig), signature + HALF, HALF), HALF);
    ECDSA_SIG_free(sig);
}

EC_KEY *peer_key_of(const uint8_t *point)
{
    EC_KEY *key = EC_KEY_new_by_curve_name(NID_X9_62_prime256v1);
    assert_int_equal(EC_KEY_oct2key(key, point, P256_POINT_SIZE, NULL), 1);
    return key;
}

void peer_check_signature(const uint8_t *point, struct span statement, const uint8_t *bytes)
{
    uint8_t digest[SHA256_SIZE];
    peer_sha256(statement, digest);
    ECDSA_SIG *sig = ECDSA_SIG_new();
    EC_KEY *key = peer_key_of(point);
    ECDSA_SIG_set0(sig, BN_bin2bn(bytes, HALF, NULL), BN_bin2bn(bytes + HALF, HALF, NULL));
    assert_int_equal(ECDSA_do_verify(digest, sizeof(digest), sig, key), 1);
    ECDSA_SIG_free(sig);
    EC_KEY_free(key);
}

static EVP_PKEY *pkey_of(EC_KEY *key)
{
    EVP_PKEY *pkey = EVP_PKEY_new();
    assert_int_equal(EVP_PKEY_set1_EC_KEY(pkey, key), 1);
    return pkey;
}

static void add_name(X509_NAME *name, int nid, const char *text)
{
    assert_int_equal(X509_NAME_add_entry_by_NID(name, nid, MBSTRING_UTF8,
                                                (const unsigned char *)text, -1, -1, 0),
                     1);
}

void peer_make_certificate(const struct peer *p, EC_KEY *subject, const uint8_t *point,
                           struct buf *out)
{
    EC_KEY *key = subject != NULL ? subject : peer_key_of(point);
    EVP_PKEY *public = pkey_of(key), *signer = pkey_of(p->web);
    X509 *x = X509_new();
    ASN1_INTEGER_set(X509_get_serialNumber(x), 4711);
    X509_set_version(x, X509_VERSION_3);
    X509_gmtime_adj(X509_getm_notBefore(x), 0);
    X509_gmtime_adj(X509_getm_notAfter(x), 3600);
    add_name(X509_get_subject_name(x), NID_commonName, "test");
    add_name(X509_get_issuer_name(x), NID_commonName, "issuer");
    assert_int_equal(X509_set_pubkey(x, public), 1);
    assert_true(X509_sign(x, signer, EVP_sha256()) > 0);
    int len = i2d_X509(x, NULL);
    assert_true(len > 0);
    assert_int_equal(buf_resize(out, (size_t)len), ERR_OK);
    unsigned char *at = out->ptr;
    i2d_X509(x, &at);
    X509_free(x);
    EVP_PKEY_free(public);
    EVP_PKEY_free(signer);
    if (subject == NULL)
        EC_KEY_free(key);
}

static void hex(const uint8_t *bytes, size_t len, char *out)
{
    for (size_t i = 0; i < len; i++)
        snprintf(out + 2 * i, 3, "%02x", bytes[i]);
}

void peer_make_cri(const struct peer *p, const struct peer_cri *parts, struct buf *out)
{
    char uid[2 * UID_SIZE + 1], nonce[2 * NONCE_SIZE + 1];
    EC_KEY *key = parts->key != NULL ? parts->key : peer_key_of(p->auth);
    EVP_PKEY *pkey = pkey_of(key);
    X509_REQ *request = X509_REQ_new();
    hex(p->uid, UID_SIZE, uid);
    hex(p->server_nonce, NONCE_SIZE, nonce);
    X509_NAME *name = X509_REQ_get_subject_name(request);
    const char *challenge = parts->challenge != NULL ? parts->challenge : nonce;
    add_name(name, NID_organizationName, "Hallmark");
    add_name(name, NID_serialNumber, parts->serial_number != NULL ? parts->serial_number : uid);
    assert_int_equal(X509_REQ_set_pubkey(request, pkey), 1);
    assert_int_equal(X509_REQ_add1_attr_by_NID(request, NID_pkcs9_challengePassword,
                                               MBSTRING_UTF8, (const unsigned char *)challenge,
                                               -1),
                     1);
    unsigned char *der = NULL;
    int len = i2d_re_X509_REQ_tbs(request, &der);
    assert_true(len > 0);
    assert_int_equal(buf_copy(out, span_of(der, (size_t)len)), ERR_OK);
    OPENSSL_free(der);
    X509_REQ_free(request);
    EVP_PKEY_free(pkey);
    if (parts->key == NULL)
        EC_KEY_free(key);
}

static struct sign_run binding(const struct peer *p)
{
    return (struct sign_run){ SPAN(p->run_id), SPAN(p->uid), SPAN(p->board_nonce) };
}

static void statement_out(const struct wr *w, struct buf *out)
{
    assert_int_equal(wr_end(w), ERR_OK);
    assert_int_equal(buf_copy(out, wr_done(w)), ERR_OK);
}

void peer_rotpk_statement(const struct peer *p, struct span rotpk, struct buf *out)
{
    uint8_t bytes[SIGN_STATEMENT_MAX];
    struct wr w = wr_of(bytes, sizeof(bytes));
    struct sign_run run = binding(p);
    sign_rotpk(&w, &run, rotpk, p->recreate);
    statement_out(&w, out);
}

void peer_server_statement(const struct peer *p, struct span key, struct buf *out)
{
    uint8_t bytes[SIGN_STATEMENT_MAX];
    struct wr w = wr_of(bytes, sizeof(bytes));
    struct sign_run run = binding(p);
    sign_server_agreement(&w, &run, key);
    statement_out(&w, out);
}

static void put_le(uint8_t *at, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(value >> (8 * i));
}

static void make_image(struct peer *p)
{
    p->image_len = IMAGE_BYTES;
    p->fwinfo_address = 4 * FLASH_PAGE_SIZE;
    assert_int_equal(RAND_bytes(p->image, IMAGE_BYTES), 1);
    put_le(p->image + 0x10, 0x4c42754e);
    put_le(p->image + 0x14, p->fwinfo_address);
    put_le(p->image + 0x18, 0);
    put_le(p->image + 0x1c, p->fwinfo_address - 0x4c42754e);
}

void peer_make_fwinfo(struct peer *p, EC_KEY *key)
{
    memset(p->fwinfo, 0xff, 64);
    put_le(p->fwinfo + 0x40, 1);
    put_le(p->fwinfo + 0x44, 8);
    put_le(p->fwinfo + 0x48, 0);
    put_le(p->fwinfo + 0x4c, p->image_len);
    put_le(p->fwinfo + 0x50, 12);
    memset(p->fwinfo + 0x54, 0, 12);
    peer_sha256(span_of(p->image, p->image_len), p->fwinfo + 0x60);
    peer_sign(key, span_of(p->fwinfo, 128), p->fwinfo + 0x80);
}

void peer_use_image(struct peer *p, struct span image, uint32_t fwinfo_address)
{
    assert_true(image.len <= sizeof(p->image));
    memcpy(p->image, image.ptr, image.len);
    p->image_len = (uint32_t)image.len;
    p->fwinfo_address = fwinfo_address;
    peer_make_fwinfo(p, p->boot);
}

void peer_restart(struct peer *p)
{
    p->down = p->up = p->stream = p->chunk = 0;
    p->stream = UINT32_MAX; /* the next one is 1 */
    p->feeding = false;
    p->board_calls = 0;
    p->chained = 0;
    memset(p->transcript, 0, sizeof(p->transcript));
    assert_int_equal(RAND_bytes(p->run_id, sizeof(p->run_id)), 1);
    assert_int_equal(RAND_bytes(p->server_nonce, sizeof(p->server_nonce)), 1);
}

void peer_open(struct peer *p, const struct peer_io *io)
{
    uint8_t area[2 * 4 + CERTIFICATE_MAX] = { 0 };
    *p = (struct peer){ .io = *io, .web = peer_key(), .boot = peer_key() };
    p->agreement = peer_key();
    assert_int_equal(RAND_bytes(p->devauth_sha256, sizeof(p->devauth_sha256)), 1);
    p->lock_level = HALLMARK__V1__LOCK_LEVEL__LOCK_LEVEL_PRODUCTION;
    peer_point(p->agreement, p->server);
    peer_make_certificate(p, p->web, NULL, &p->web_certificate);
    put_le(area, (uint32_t)p->web_certificate.len);
    memcpy(area + 8, p->web_certificate.ptr, p->web_certificate.len);
    io->flash(io->context, FLASH_WEB_SERVER_CERTIFICATE,
              span_of(area, (8 + p->web_certificate.len + 3) & ~(size_t)3));
    make_image(p);
    peer_make_fwinfo(p, p->boot);
    peer_restart(p);
}

void peer_close(struct peer *p)
{
    EC_KEY_free(p->web);
    EC_KEY_free(p->boot);
    EC_KEY_free(p->agreement);
    buf_free(&p->web_certificate);
    buf_free(&p->device_certificate);
    if (p->hello != NULL)
        hallmark__v1__hello_request__free_unpacked(p->hello, NULL);
    hallmark__v1__sign_receipt_response__free_unpacked(p->receipt, NULL);
    hallmark__v1__commit_response__free_unpacked(p->commit, NULL);
    hallmark__v1__lock_response__free_unpacked(p->lock, NULL);
}
