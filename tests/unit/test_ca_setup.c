/* SPDX-License-Identifier: MIT */
/* Arrows 1 and 2, and what ca_new refuses of a store. */
#include "tests/unit/check.h"

#include <openssl/ec.h>
#include <string.h>

#include "oem-server/ca/ca.h"
#include "oem-server/ca/cert.h"
#include "oem-server/ca/ssl.h"
#include "tests/unit/softhsm.h"

static struct softhsm soft;
static struct hsm *hsm;
static struct ca_certificates certificates;

static const char *const server_names[] = { "oem.example", "10.1.2.3", "::1", NULL };
static int set_up(void **state)
{
    (void)state;
    return softhsm_setup(&soft) == ERR_OK && hsm_open(&soft.config, &hsm) == ERR_OK &&
                   ca_keys_make(hsm) == ERR_OK &&
                   ca_certificates_issue(hsm, "Example AG", server_names, &certificates) ==
                       ERR_OK
               ? 0
               : -1;
}

static int tear_down(void **state)
{
    (void)state;
    ca_certificates_free(&certificates);
    hsm_close(hsm);
    softhsm_teardown(&soft);
    return 0;
}

static void keys_are_made_once(void **state)
{
    (void)state;
    uint8_t before[P256_POINT_SIZE], after[P256_POINT_SIZE];
    assert_int_equal(hsm_p256_public(hsm, HSM_ROOT, CA_KEY_ROOT, before), ERR_OK);
    assert_int_equal(ca_keys_make(hsm), ERR_OK);
    assert_int_equal(hsm_p256_public(hsm, HSM_ROOT, CA_KEY_ROOT, after), ERR_OK);
    assert_memory_equal(before, after, sizeof(before));
}

static void server_names_are_checked(void **state)
{
    (void)state;
    static const struct {
        const char *names[10];
        enum err want;
    } rows[] = {
        { { NULL }, ERR_INVALID },
        { { "", NULL }, ERR_INVALID },
        { { "Upper.example", NULL }, ERR_INVALID },
        { { "good.example", "bad_name", NULL }, ERR_INVALID },
        { { "*.example", NULL }, ERR_INVALID },
        { { "10.1.2.999", NULL }, ERR_INVALID },
        { { "-a.example", NULL }, ERR_INVALID },
        { { "a..example", NULL }, ERR_INVALID },
        { { "a.example.", NULL }, ERR_INVALID },
        { { "a, DNS:evil.example", NULL }, ERR_INVALID },
        { { "a", "b", "c", "d", "e", "f", "g", "h", "i", NULL }, ERR_LIMIT },
        { { "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.de",
            "baaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.de",
            "caaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.de",
            "daaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.de",
            "eaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.de", NULL },
          ERR_INVALID }, /* the first is 65 long */
        { { "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.de",
            "baaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.de",
            "caaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.de",
            "daaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.de",
            "eaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.de", NULL },
          ERR_LIMIT }, /* more than a board keeps */
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        AUTO(ca_certificates_free) struct ca_certificates none = { 0 };
        assert_int_equal(ca_certificates_issue(hsm, "Example AG", rows[i].names, &none),
                         rows[i].want);
        assert_null(none.root.ptr);
    }
}

static void organizations_are_checked(void **state)
{
    (void)state;
    static const struct {
        const char *organization;
        enum err want;
    } rows[] = {
        { "", ERR_INVALID },
        { "two\nlines", ERR_INVALID },
        { "\xff\xfe", ERR_INVALID }, /* not UTF-8 */
        { "12345678901234567890123456789012345678901234567890123456789012345", ERR_INVALID },
        { "Käse & Söhne GmbH", ERR_OK },
        { "1234567890123456789012345678901234567890123456789012345678901234", ERR_OK },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        AUTO(ca_certificates_free) struct ca_certificates made = { 0 };
        assert_int_equal(ca_certificates_issue(hsm, rows[i].organization, server_names, &made),
                         rows[i].want);
    }
}

/* A chain that is right in itself, but whose issuing key is not the HSM's. */
static struct ca_certificates foreign_chain(void)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509_NAME *name = X509_NAME_new();
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const uint8_t *)"x", -1, -1, 0);
    X509 *made[3] = { NULL };
    const struct profile *const profiles[] = { &profile_root, &profile_issuing,
                                               &profile_web_server };
    struct ca_certificates chain = { 0 };
    struct buf *const out[] = { &chain.root, &chain.issuing, &chain.web_server };
    for (size_t i = 0; i < 3; i++) {
        const struct cert_request r = { .profile = profiles[i],
                                        .subject = name,
                                        .subject_key = key,
                                        .issuer = i == 0 ? NULL : made[i - 1],
                                        .signer = key };
        assert_int_equal(cert_make(&r, &made[i]), ERR_OK);
        assert_int_equal(ssl_certificate_der(made[i], out[i]), ERR_OK);
    }
    for (size_t i = 0; i < 3; i++)
        X509_free(made[i]);
    X509_NAME_free(name);
    EVP_PKEY_free(key);
    return chain;
}

static void stored_certificates_are_checked(void **state)
{
    (void)state;
    AUTO(ca_certificates_free) struct ca_certificates foreign = foreign_chain();
    AUTO(buf_free) struct buf longer = { 0 };
    assert_int_equal(buf_append(&longer, buf_span(&certificates.root)), ERR_OK);
    assert_int_equal(buf_append(&longer, span_of("x", 1)), ERR_OK);
    const struct {
        const char *name;
        struct ca_certificates c; /* borrowed */
        enum err want;
    } rows[] = {
        { "foreign chain", foreign, ERR_MISMATCH },
        { "foreign root",
          { foreign.root, certificates.issuing, certificates.web_server },
          ERR_SIG },
        { "foreign issuing",
          { certificates.root, foreign.issuing, certificates.web_server },
          ERR_SIG },
        { "foreign server",
          { certificates.root, certificates.issuing, foreign.web_server },
          ERR_SIG },
        { "swapped",
          { certificates.issuing, certificates.root, certificates.web_server },
          ERR_SIG },
        { "none", { { 0 }, certificates.issuing, certificates.web_server }, ERR_LIMIT },
        { "a byte more",
          { longer, certificates.issuing, certificates.web_server },
          ERR_EXCESS },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        print_message("  %s\n", rows[i].name);
        struct ca *none = NULL;
        assert_int_equal(ca_new(hsm, &rows[i].c, "Example AG", "oem.example", &none),
                         rows[i].want);
        assert_null(none);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_made_once),
        cmocka_unit_test(server_names_are_checked),
        cmocka_unit_test(organizations_are_checked),
        cmocka_unit_test(stored_certificates_are_checked),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
