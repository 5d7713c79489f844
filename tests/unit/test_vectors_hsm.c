/* SPDX-License-Identifier: MIT */
/* Other people's vectors through oem-server/hsm on SoftHSM. Keys of the files are put on the
 * token by the test: with C_CreateObject, and p11shim gives hsm_agreement_make() a pair of the
 * file in place of a new one. */
#include "tests/unit/check.h"

#include <dlfcn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/obj_mac.h>
#include <p11-kit/pkcs11.h>
#include <string.h>

#include "common/host/log.h"
#include "common/host/p256.h"
#include "oem-server/hsm/internal.h"
#include "oem-server/hsm/key.h"
#include "oem-server/hsm/point.h"
#include "oem-server/hsm/sign.h"
#include "oem-server/hsm/wrap.h"
#include "tests/unit/p11shim.h"
#include "tests/unit/softhsm.h"
#include "tests/unit/vectors.h"

enum { TAG = 16, AES_256 = 32 };

static struct softhsm soft;
static struct p11shim *shim;
static struct hsm *hsm;
static struct session *session;

static int set_up(void **state)
{
    (void)state;
    bool created;
    log_set_level((enum log_level)0);
    if (softhsm_setup(&soft) != ERR_OK || setenv("P11SHIM_MODULE", soft.config.module, 1) != 0)
        return -1;
    soft.config.module = P11SHIM;
    void *library = dlopen(P11SHIM, RTLD_NOW);
    shim = library == NULL ? NULL : dlsym(library, "p11shim");
    return shim != NULL && hsm_open(&soft.config, &hsm) == ERR_OK &&
                   hsm_key_make(hsm, HSM_BOOT, HSM_AES256_KEK, HSM_UNIT_KEK, &created) ==
                       ERR_OK &&
                   session_borrow(&hsm->tokens[HSM_BOOT], &session) == ERR_OK
               ? 0
               : -1;
}

static int tear_down(void **state)
{
    (void)state;
    session_return(&session);
    memset(shim, 0, sizeof(*shim));
    hsm_close(hsm);
    softhsm_teardown(&soft);
    return 0;
}

static struct object put_key(CK_KEY_TYPE type, struct span value)
{
    const CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_ATTRIBUTE template[] = {
        ATTRIBUTE(CKA_CLASS, class),     ATTRIBUTE(CKA_KEY_TYPE, type),
        ATTRIBUTE(CKA_TOKEN, key_false), ATTRIBUTE(CKA_EXTRACTABLE, key_true),
        ATTRIBUTE(CKA_WRAP, key_true),   ATTRIBUTE(CKA_UNWRAP, key_true),
        ATTRIBUTE(CKA_SIGN, key_true),   key_attribute(CKA_VALUE, value.ptr, value.len),
    };
    struct object key = { session, 0 };
    assert_int_equal(
        P11(session)->C_CreateObject(session->handle, template, COUNT(template), &key.handle),
        CKR_OK);
    return key;
}

/* AES-CMAC by OpenSSL, to tell which key a handle stands for. */
static void software_cmac(struct span key, struct span message, uint8_t tag[static TAG])
{
    const char *cipher = key.len == 16   ? "AES-128-CBC"
                         : key.len == 24 ? "AES-192-CBC"
                                         : "AES-256-CBC";
    char name[16];
    size_t len = 0;
    snprintf(name, sizeof(name), "%s", cipher);
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_CIPHER, name, 0),
        OSSL_PARAM_construct_end(),
    };
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "CMAC", NULL);
    EVP_MAC_CTX *context = EVP_MAC_CTX_new(mac);
    assert_int_equal(EVP_MAC_init(context, key.ptr, key.len, parameters), 1);
    assert_int_equal(EVP_MAC_update(context, message.ptr, message.len), 1);
    assert_int_equal(EVP_MAC_final(context, tag, &len, TAG), 1);
    EVP_MAC_CTX_free(context);
    EVP_MAC_free(mac);
}

static const uint8_t text[] = "which key is this";

static bool is_key(CK_OBJECT_HANDLE handle, struct span value)
{
    uint8_t tag[TAG], want[TAG];
    software_cmac(value, SPAN(text), want);
    return sign_with(session, handle, "test", CKM_AES_CMAC, SPAN(text), tag, TAG) == ERR_OK &&
           span_eq(SPAN(tag), SPAN(want));
}

static void tags_are_the_files(void **state)
{
    (void)state;
    struct vectors v;
    vectors_open(&v, "aes_cmac_256.jsonl");
    while (vectors_next(&v)) {
        AUTO(object_drop) struct object key = put_key(CKK_AES, vector_hex(&v, "key"));
        uint8_t tag[TAG];
        enum err e = sign_with(session, key.handle, "test", CKM_AES_CMAC, vector_hex(&v, "msg"),
                               tag, TAG);
        vectors_hold(&v,
                     e == ERR_OK &&
                         span_eq(SPAN(tag), vector_hex(&v, "tag")) == vector_is(&v, "valid"),
                     "sign_with");
    }
    vectors_close(&v, 102);
}

/* RFC 5649 by OpenSSL. */
static void software_wrap(struct span kek, struct span key, struct buf *wrapped)
{
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, "AES-256-WRAP-PAD", NULL);
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    int len = 0;
    assert_int_equal(buf_resize(wrapped, key.len + 16), ERR_OK);
    EVP_CIPHER_CTX_set_flags(context, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
    assert_int_equal(EVP_EncryptInit_ex2(context, cipher, kek.ptr, NULL, NULL), 1);
    assert_int_equal(EVP_EncryptUpdate(context, wrapped->ptr, &len, key.ptr, (int)key.len), 1);
    assert_int_equal(buf_resize(wrapped, (size_t)len), ERR_OK);
    EVP_CIPHER_CTX_free(context);
    EVP_CIPHER_free(cipher);
}

/* SoftHSM fills a key up to a multiple of 8 bytes with zeros before it wraps it, which PKCS#11
 * asks of CKM_AES_KEY_WRAP only: it wraps another, longer key than the file. */
static void as_softhsm_fills_it_up(struct vectors *v, struct buf *want)
{
    AUTO(buf_free) struct buf filled = { 0 };
    struct span msg = vector_hex(v, "msg");
    assert_int_equal(buf_copy(&filled, msg), ERR_OK);
    assert_int_equal(buf_resize(&filled, (msg.len + 7) / 8 * 8), ERR_OK);
    software_wrap(vector_hex(v, "key"), buf_span(&filled), want);
}

static bool wraps(struct vectors *v, CK_OBJECT_HANDLE kek, unsigned *filled_up)
{
    struct span msg = vector_hex(v, "msg");
    AUTO(object_drop) struct object key = put_key(CKK_GENERIC_SECRET, msg);
    AUTO(buf_free) struct buf wrapped = { 0 };
    AUTO(buf_free) struct buf want = { 0 };
    assert_int_equal(buf_copy(&want, vector_hex(v, "ct")), ERR_OK);
    if (msg.len % 8 != 0)
        as_softhsm_fills_it_up(v, &want);
    *filled_up += msg.len % 8 != 0;
    return wrap_key(session, kek, key.handle, &wrapped) == ERR_OK &&
           span_eq(buf_span(&wrapped), buf_span(&want));
}

/* A length that AES does not have is a key that nothing here stores. */
static bool is_aes(size_t len)
{
    return len == 16 || len == 24 || len == 32;
}

static bool unwraps(struct vectors *v, CK_OBJECT_HANDLE kek)
{
    AUTO(object_drop) struct object key = { 0 };
    struct span msg = vector_hex(v, "msg");
    enum err e = wrap_open_aes(session, kek, vector_hex(v, "ct"), &key);
    if (!vector_is(v, "valid"))
        return e != ERR_OK;
    return !is_aes(msg.len) || (e == ERR_OK && is_key(key.handle, msg));
}

static void wrapped_keys_are_the_files(void **state)
{
    (void)state;
    struct vectors v;
    unsigned opened = 0, filled_up = 0;
    vectors_open(&v, "aes_kwp_256.jsonl");
    while (vectors_next(&v)) {
        AUTO(object_drop) struct object kek = put_key(CKK_AES, vector_hex(&v, "key"));
        if (vector_is(&v, "valid"))
            vectors_hold(&v, wraps(&v, kek.handle, &filled_up), "wrap_key");
        vectors_hold(&v, unwraps(&v, kek.handle), "wrap_open_aes");
        opened += vector_is(&v, "valid") && is_aes(vector_hex(&v, "msg").len);
    }
    vectors_close(&v, 94);
    assert_int_equal(opened, 9); /* 16, 24 and 32 bytes: three each */
    assert_int_equal(filled_up, 14);
}

/* The public half of a scalar; what the pair's private half is given to. */
static void public_of(const uint8_t scalar[static 32],
                      uint8_t point_out[static P256_POINT_SIZE])
{
    EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
    EC_POINT *point = EC_POINT_new(group);
    BIGNUM *d = BN_bin2bn(scalar, 32, NULL);
    assert_int_equal(EC_POINT_mul(group, point, d, NULL, NULL, NULL), 1);
    assert_int_equal(EC_POINT_point2oct(group, point, POINT_CONVERSION_UNCOMPRESSED, point_out,
                                        P256_POINT_SIZE, NULL),
                     P256_POINT_SIZE);
    BN_free(d);
    EC_POINT_free(point);
    EC_GROUP_free(group);
}

static struct hsm_agreement *agreement_of(struct span scalar)
{
    struct hsm_agreement *agreement = NULL;
    uint8_t point[P256_POINT_SIZE];
    while (scalar.len > 32 && scalar.ptr[0] == 0)
        scalar = span_of(scalar.ptr + 1, scalar.len - 1);
    assert_true(scalar.len <= 32);
    memset(shim->given_scalar, 0, 32);
    memcpy(shim->given_scalar + 32 - scalar.len, scalar.ptr, scalar.len);
    public_of(shim->given_scalar, shim->given_point);
    shim->gives_pair = true;
    assert_int_equal(hsm_agreement_make(hsm, &agreement), ERR_OK);
    shim->gives_pair = false;
    assert_int_equal(hsm_agreement_public(agreement, point), ERR_OK);
    assert_memory_equal(point, shim->given_point, sizeof(point));
    return agreement;
}

/* Points of another length cannot be put to it: a point has 65 bytes by its type. */
static bool agrees(struct vectors *v)
{
    struct span point = vector_hex(v, "public");
    uint8_t tag[1][TAG], want[TAG];
    const struct span messages[] = { SPAN(text) };
    AUTO(buf_free) struct buf wrapped = { 0 };
    if (point.len != P256_POINT_SIZE)
        return !vector_is(v, "valid");
    struct hsm_agreement *agreement = agreement_of(vector_hex(v, "private"));
    enum err e = hsm_agreement_derive(agreement, point.ptr, messages, tag, 1, &wrapped);
    hsm_agreement_free(agreement);
    if (!vector_is(v, "valid"))
        return e == ERR_POINT;
    software_cmac(vector_hex(v, "shared"), SPAN(text), want);
    return e == ERR_OK && span_eq(SPAN(tag[0]), SPAN(want));
}

static void agreements_are_the_files(void **state)
{
    (void)state;
    struct vectors v;
    vectors_open(&v, "ecdh_p256.jsonl");
    while (vectors_next(&v))
        vectors_hold(&v, agrees(&v), "hsm_agreement_derive");
    vectors_close(&v, 355);
}

/* What a new key's first signature is checked with. */
static void ecdsa_verifies_what_the_file_calls_valid(void **state)
{
    (void)state;
    struct vectors v;
    unsigned of_another_length = 0;
    vectors_open(&v, "ecdsa_p256_p1363.jsonl");
    while (vectors_next(&v)) {
        struct span sig = vector_hex(&v, "sig"), key = vector_hex(&v, "key");
        uint8_t digest[SHA256_SIZE];
        sha256_of(vector_hex(&v, "msg"), digest);
        if (sig.len != P256_SIGNATURE_SIZE) {
            vectors_hold(&v, vector_is(&v, "invalid"), "a valid signature of another length");
            of_another_length++;
            continue;
        }
        vectors_hold(&v,
                     point_verify_p256(key.ptr, digest, sig.ptr) ==
                         (vector_is(&v, "valid") ? ERR_OK : ERR_SIG),
                     "point_verify_p256");
    }
    vectors_close(&v, 262);
    assert_int_equal(of_another_length, 21);
}

static void ed25519_verifies_what_the_file_calls_valid(void **state)
{
    (void)state;
    struct vectors v;
    unsigned of_another_length = 0;
    vectors_open(&v, "ed25519.jsonl");
    while (vectors_next(&v)) {
        struct span sig = vector_hex(&v, "sig");
        if (sig.len != 64) {
            vectors_hold(&v, vector_is(&v, "invalid"), "a valid signature of another length");
            of_another_length++;
            continue;
        }
        vectors_hold(
            &v,
            point_verify_ed25519(vector_hex(&v, "key").ptr, vector_hex(&v, "msg"), sig.ptr) ==
                (vector_is(&v, "valid") ? ERR_OK : ERR_SIG),
            "point_verify_ed25519");
    }
    vectors_close(&v, 151);
    assert_int_equal(of_another_length, 12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tags_are_the_files),
        cmocka_unit_test(wrapped_keys_are_the_files),
        cmocka_unit_test(agreements_are_the_files),
        cmocka_unit_test(ecdsa_verifies_what_the_file_calls_valid),
        cmocka_unit_test(ed25519_verifies_what_the_file_calls_valid),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
