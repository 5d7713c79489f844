/* SPDX-License-Identifier: MIT */
/* Keys that another program made on the boot token, as EJBCA leaves them: CKA_ID, no label, no
 * public key object, a certificate object. They are made here with pkcs11-tool. */
#include "tests/unit/check.h"

#include <openssl/ec.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/host/hex.h"
#include "common/host/log.h"
#include "common/host/p256.h"
#include "tests/unit/softhsm.h"

static struct softhsm soft;
static struct hsm *hsm;

#define MODULE "/usr/lib/softhsm/libsofthsm2.so"

static int set_up(void **state)
{
    (void)state;
    return softhsm_setup(&soft) == ERR_OK && hsm_open(&soft.config, &hsm) == ERR_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    hsm_close(hsm);
    softhsm_teardown(&soft);
    return 0;
}

/* pkcs11-tool on the boot token, with up to six words. */
static void tool(const char *const words[], char *output, size_t cap)
{
    const char *all[24] = { "pkcs11-tool",         "--module", MODULE,  "--token-label",
                            soft.labels[HSM_BOOT], "--login",  "--pin", softhsm_pin(HSM_BOOT) };
    size_t n = 8;
    for (size_t i = 0; words[i] != NULL; i++)
        all[n++] = words[i];
    all[n] = NULL;
    assert_int_equal(softhsm_run(all, output, cap), ERR_OK);
}

static void path_of(const char *name, char path[static 160])
{
    snprintf(path, 160, "%s/%s", soft.folder, name);
}

static EVP_PKEY *public_of(const char *path)
{
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    EVP_PKEY *key = d2i_PUBKEY_fp(file, NULL);
    fclose(file);
    assert_non_null(key);
    return key;
}

/* A dummy certificate for that key, signed by any other. */
static void write_certificate(EVP_PKEY *key, const char *path)
{
    EVP_PKEY *signer = EVP_EC_gen("P-256");
    X509 *certificate = X509_new();
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_int_equal(X509_set_pubkey(certificate, key), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    assert_true(X509_sign(certificate, signer, EVP_sha256()) > 0);
    assert_int_equal(i2d_X509_fp(file, certificate), 1);
    fclose(file);
    X509_free(certificate);
    EVP_PKEY_free(signer);
}

/* certificate_of: the key that the certificate object is for; NULL: its own. */
static void make_key(const char *alias, const char *extra, EVP_PKEY *certificate_of)
{
    char id[140], public_path[160], certificate_path[160];
    hex_of(span_of(alias, strlen(alias)), id);
    path_of("public.der", public_path);
    path_of("certificate.der", certificate_path);
    tool((const char *[]){ "--keypairgen", "--key-type", "EC:prime256v1", "--id", id, extra,
                           NULL },
         NULL, 0);
    tool((const char *[]){ "--read-object", "--type", "pubkey", "--id", id, "--output-file",
                           public_path, NULL },
         NULL, 0);
    tool((const char *[]){ "--delete-object", "--type", "pubkey", "--id", id, NULL }, NULL, 0);
    EVP_PKEY *own = public_of(public_path);
    write_certificate(certificate_of == NULL ? own : certificate_of, certificate_path);
    tool((const char *[]){ "--write-object", certificate_path, "--type", "cert", "--id", id,
                           "--label", alias, NULL },
         NULL, 0);
    EVP_PKEY_free(own);
}

static void found_by_id(void **state)
{
    (void)state;
    uint8_t point[P256_POINT_SIZE], digest[SHA256_SIZE] = { 7 }, signature[P256_SIGNATURE_SIZE];
    struct hsm_unit_key *key = NULL, *again = NULL;
    assert_int_equal(hsm_unit_key_find(hsm, "boot-unit-1", &key, point), ERR_NOT_FOUND);
    make_key("boot-unit-1", NULL, NULL);
    assert_int_equal(hsm_unit_key_find(hsm, "boot-unit-1", &key, point), ERR_OK);
    assert_int_equal(hsm_unit_key_sign(key, digest, signature), ERR_OK);
    assert_int_equal(p256_verify(SPAN(point), digest, SPAN(signature)), ERR_OK);
    assert_string_equal(hsm_unit_key_kek(key), "");
    /* What is kept of it opens it again. */
    assert_int_equal(hsm_unit_key_open(hsm, hsm_unit_key_wrapped(key), &again), ERR_OK);
    digest[0] = 8;
    assert_int_equal(hsm_unit_key_sign(again, digest, signature), ERR_OK);
    assert_int_equal(p256_verify(SPAN(point), digest, SPAN(signature)), ERR_OK);
    hsm_unit_key_free(again);
    hsm_unit_key_free(key);
}

static void anothers_certificate_is_noticed(void **state)
{
    (void)state;
    uint8_t point[P256_POINT_SIZE];
    struct hsm_unit_key *key = NULL;
    EVP_PKEY *other = EVP_EC_gen("P-256");
    make_key("boot-unit-2", NULL, other);
    assert_int_equal(hsm_unit_key_find(hsm, "boot-unit-2", &key, point), ERR_MISMATCH);
    assert_null(key);
    EVP_PKEY_free(other);
}

static void one_that_could_leave_is_refused(void **state)
{
    (void)state;
    uint8_t point[P256_POINT_SIZE];
    struct hsm_unit_key *key = NULL;
    make_key("boot-unit-3", "--extractable", NULL);
    assert_int_equal(hsm_unit_key_find(hsm, "boot-unit-3", &key, point), ERR_MISMATCH);
    assert_non_null(strstr(fail_words(), "extractable"));
    assert_null(key);
}

static void two_with_one_id_are_refused(void **state)
{
    (void)state;
    uint8_t point[P256_POINT_SIZE];
    struct hsm_unit_key *key = NULL;
    make_key("boot-unit-4", NULL, NULL);
    make_key("boot-unit-4", NULL, NULL);
    assert_int_equal(hsm_unit_key_find(hsm, "boot-unit-4", &key, point), ERR_HSM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(found_by_id),
        cmocka_unit_test(anothers_certificate_is_noticed),
        cmocka_unit_test(one_that_could_leave_is_refused),
        cmocka_unit_test(two_with_one_id_are_refused),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
