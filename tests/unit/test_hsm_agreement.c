/* SPDX-License-Identifier: MIT */
/* hsm_agreement against OpenSSL as the other party. */
#include "tests/unit/check.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <string.h>

#include "tests/unit/softhsm.h"

static struct softhsm soft;
static struct hsm *hsm;

static int set_up(void **state)
{
    (void)state;
    bool created;
    return softhsm_setup(&soft) == ERR_OK && hsm_open(&soft.config, &hsm) == ERR_OK &&
                   hsm_key_make(hsm, HSM_BOOT, HSM_AES256_KEK, HSM_UNIT_KEK, &created) == ERR_OK
               ? 0
               : -1;
}

static int tear_down(void **state)
{
    (void)state;
    hsm_close(hsm);
    softhsm_teardown(&soft);
    return 0;
}

static EVP_PKEY *import_point(const uint8_t *point)
{
    char group[] = "prime256v1";
    uint8_t bytes[P256_POINT_SIZE];
    memcpy(bytes, point, sizeof(bytes));
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, bytes, sizeof(bytes)),
        OSSL_PARAM_construct_end(),
    };
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    EVP_PKEY *key = NULL;
    assert_int_equal(EVP_PKEY_fromdata_init(context), 1);
    assert_int_equal(EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, parameters), 1);
    EVP_PKEY_CTX_free(context);
    return key;
}

/* The peer in software: its key pair, the x coordinate, CMACs by OpenSSL. */
struct peer {
    EVP_PKEY *key;
    uint8_t point[P256_POINT_SIZE];
};

static struct peer peer_make(void)
{
    struct peer p = { EVP_EC_gen("P-256"), { 0 } };
    size_t len = 0;
    assert_int_equal(EVP_PKEY_get_octet_string_param(p.key, OSSL_PKEY_PARAM_PUB_KEY, p.point,
                                                     sizeof(p.point), &len),
                     1);
    assert_int_equal(len, sizeof(p.point));
    return p;
}

static void software_ecdh(EVP_PKEY *own, const uint8_t *point, uint8_t shared[static 32])
{
    EVP_PKEY *other = import_point(point);
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(own, NULL);
    size_t len = 32;
    assert_int_equal(EVP_PKEY_derive_init(context), 1);
    assert_int_equal(EVP_PKEY_derive_set_peer(context, other), 1);
    assert_int_equal(EVP_PKEY_derive(context, shared, &len), 1);
    assert_int_equal(len, 32);
    EVP_PKEY_CTX_free(context);
    EVP_PKEY_free(other);
}

static void software_cmac(const uint8_t *key, struct span message, uint8_t tag[static 16])
{
    char cipher[] = "AES-256-CBC";
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_CIPHER, cipher, 0),
        OSSL_PARAM_construct_end(),
    };
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "CMAC", NULL);
    EVP_MAC_CTX *context = EVP_MAC_CTX_new(mac);
    size_t len = 0;
    assert_int_equal(EVP_MAC_init(context, key, 32, parameters), 1);
    assert_int_equal(EVP_MAC_update(context, message.ptr, message.len), 1);
    assert_int_equal(EVP_MAC_final(context, tag, &len, 16), 1);
    EVP_MAC_CTX_free(context);
    EVP_MAC_free(mac);
}

static const uint8_t first_message[] = "first message", second_message[40] = { 9 };
enum { MESSAGES = 5 }; /* as many as arrow 33 wants */

static void agreement_is_openssls(void **state)
{
    (void)state;
    struct peer p = peer_make();
    struct hsm_agreement *agreement = NULL;
    uint8_t point[P256_POINT_SIZE], shared[32], want[16], tags[MESSAGES][16];
    assert_int_equal(hsm_agreement_make(hsm, &agreement), ERR_OK);
    assert_int_equal(hsm_agreement_public(agreement, point), ERR_OK);
    const struct span messages[MESSAGES] = { SPAN(first_message), SPAN(second_message),
                                             span_of(point, 1), span_of(point, 16),
                                             SPAN(point) };
    AUTO(buf_free) struct buf wrapped = { 0 };
    assert_int_equal(
        hsm_agreement_derive(agreement, p.point, messages, tags, MESSAGES, &wrapped), ERR_OK);
    software_ecdh(p.key, point, shared);
    for (size_t i = 0; i < MESSAGES; i++) {
        software_cmac(shared, messages[i], want);
        assert_memory_equal(tags[i], want, 16);
    }
    assert_int_equal(wrapped.len, 40); /* RFC 5649: 32 bytes and 8 */
    hsm_agreement_free(agreement);
    EVP_PKEY_free(p.key);
}

static void points_off_the_curve_are_refused(void **state)
{
    (void)state;
    struct peer p = peer_make();
    uint8_t off[P256_POINT_SIZE], zero[P256_POINT_SIZE] = { 4 }, form[P256_POINT_SIZE];
    memcpy(off, p.point, sizeof(off));
    off[64] ^= 1;
    memcpy(form, p.point, sizeof(form));
    form[0] = 6; /* hybrid */
    uint8_t infinity[P256_POINT_SIZE] = { 0 };
    const uint8_t *const bad[] = { off, zero, form, infinity };
    struct hsm_agreement *agreement = NULL;
    assert_int_equal(hsm_agreement_make(hsm, &agreement), ERR_OK);
    const struct span messages[2] = { SPAN(first_message), SPAN(second_message) };
    uint8_t tags[2][16];
    AUTO(buf_free) struct buf wrapped = { 0 };
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_int_equal(hsm_agreement_derive(agreement, bad[i], messages, tags, 2, &wrapped),
                         ERR_POINT);
    hsm_agreement_free(agreement);
    EVP_PKEY_free(p.key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agreement_is_openssls),
        cmocka_unit_test(points_off_the_curve_are_refused),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
