/* SPDX-License-Identifier: MIT */
/* CSRs: what is refused, and that what is accepted is bound to its unit, order and run. */
#include "tests/unit/check.h"

#include <openssl/objects.h>
#include <string.h>

#include "common/host/log.h"
#include "oem-server/ca/ca.h"
#include "tests/unit/csr_make.h"
#include "tests/unit/softhsm.h"

static struct softhsm soft;
static struct hsm *hsm;
static struct ca_certificates certificates;
static struct ca *ca;

static const char *const server_names[] = { "oem.example", NULL };
static const uint8_t uid[UID_SIZE] = { 0xA0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 0xFF };
static const char challenge[] = "00112233445566778899aabbccddeeff"
                                "00112233445566778899aabbccddeeff";

static int set_up(void **state)
{
    (void)state;
    return softhsm_setup(&soft) == ERR_OK && hsm_open(&soft.config, &hsm) == ERR_OK &&
                   ca_keys_make(hsm) == ERR_OK &&
                   ca_certificates_issue(hsm, "Example AG", server_names, &certificates) ==
                       ERR_OK &&
                   ca_new(hsm, &certificates, "Example AG", "oem.example", &ca) == ERR_OK
               ? 0
               : -1;
}

static int tear_down(void **state)
{
    (void)state;
    ca_free(ca);
    ca_certificates_free(&certificates);
    hsm_close(hsm);
    softhsm_teardown(&soft);
    return 0;
}

static X509_REQ *open_csr(const struct csr_spec *spec)
{
    AUTO(buf_free) struct buf der = make_csr(spec);
    X509_REQ *csr = NULL;
    assert_int_equal(ca_csr_open(buf_span(&der), &csr), ERR_OK);
    return csr;
}

static void csrs_are_checked(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        struct csr_spec spec;
        enum err want;
    } rows[] = {
        { "good", { .curve = "P-256" }, ERR_OK },
        { "RSA", { .curve = NULL }, ERR_INVALID },
        { "P-384", { .curve = "P-384" }, ERR_INVALID },
        { "secp256k1", { .curve = "secp256k1" }, ERR_INVALID },
        { "explicit parameters", { .curve = "P-256", .explicit_curve = true }, ERR_INVALID },
        { "compressed point", { .curve = "P-256", .compressed = true }, ERR_INVALID },
        { "ecdsa-with-SHA384", { .curve = "P-256", .sha384 = true }, ERR_INVALID },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        print_message("  %s\n", rows[i].name);
        AUTO(buf_free) struct buf der = make_csr(&rows[i].spec);
        X509_REQ *csr = NULL;
        assert_int_equal(ca_csr_open(buf_span(&der), &csr), rows[i].want);
        X509_REQ_free(csr);
    }
}

static enum err open_bytes(struct span der)
{
    X509_REQ *csr = NULL;
    enum err e = ca_csr_open(der, &csr);
    X509_REQ_free(csr);
    return e;
}

static void damaged_csrs_are_refused(void **state)
{
    (void)state;
    AUTO(buf_free) struct buf der = make_csr(&(struct csr_spec){ .curve = "P-256" });
    assert_int_equal(open_bytes(span_of(NULL, 0)), ERR_INVALID);
    assert_int_equal(open_bytes(span_of("abc", 3)), ERR_INVALID);
    for (size_t len = 0; len < der.len; len++)
        assert_int_equal(open_bytes(span_of(der.ptr, len)), ERR_INVALID);
    size_t whole = der.len;
    der.ptr[whole - 1] ^= 1;
    assert_int_equal(open_bytes(buf_span(&der)), ERR_SIG);
    der.ptr[whole - 1] ^= 1;
    assert_int_equal(buf_resize(&der, whole + 1), ERR_OK);
    assert_int_equal(open_bytes(buf_span(&der)), ERR_EXCESS);
    assert_int_equal(buf_resize(&der, CA_CSR_MAX + 1), ERR_OK);
    assert_int_equal(open_bytes(buf_span(&der)), ERR_LIMIT);
}

/* A flipped bit anywhere: refused, or it was in bytes that mean the same. */
static void flipped_bits_are_refused(void **state)
{
    (void)state;
    AUTO(buf_free) struct buf der = make_csr(&(struct csr_spec){ .curve = "P-256" });
    log_set_level((enum log_level)0);
    for (size_t i = 0; i < der.len; i++) {
        der.ptr[i] ^= 0x10;
        assert_int_not_equal(open_bytes(buf_span(&der)), ERR_OK);
        der.ptr[i] ^= 0x10;
    }
    log_set_level(LOG_LEVEL_INFO);
    assert_int_equal(open_bytes(buf_span(&der)), ERR_OK);
}

static void point_off_the_curve_is_refused(void **state)
{
    (void)state;
    AUTO(buf_free) struct buf der = make_csr(&(struct csr_spec){ .curve = "P-256" });
    static const uint8_t head[] = { 0x03, 0x42, 0x00, 0x04 }; /* BIT STRING of a point */
    uint8_t *point = memmem(der.ptr, der.len, head, sizeof(head));
    assert_non_null(point);
    point[sizeof(head) + 63] ^= 1;
    assert_int_equal(open_bytes(buf_span(&der)), ERR_POINT);
}

enum subject { OURS, OTHER_UID, OTHER_ORDER, ANYBODY, SUBJECTS };

static const char challenge_upper[] = "00112233445566778899AABBCCDDEEFF"
                                      "00112233445566778899AABBCCDDEEFF";
static const char challenge_longer[] = "00112233445566778899aabbccddeeff"
                                       "00112233445566778899aabbccddeeff0";

static const struct {
    const char *name;
    enum subject subject;
    struct csr_spec spec; /* but for its subject */
    enum err want;
    const char *words;
} device_cases[] = {
    { "good", OURS, { .challenges = { challenge } }, ERR_OK, NULL },
    { "good, PrintableString",
      OURS,
      { .challenges = { challenge }, .challenge_type = V_ASN1_PRINTABLESTRING },
      ERR_OK,
      NULL },
    { "another UID", OTHER_UID, { .challenges = { challenge } }, ERR_INVALID, "subject" },
    { "another order", OTHER_ORDER, { .challenges = { challenge } }, ERR_INVALID, "subject" },
    { "any subject", ANYBODY, { .challenges = { challenge } }, ERR_INVALID, "subject" },
    { "no challenge", OURS, { .challenges = { NULL } }, ERR_INVALID, "attributes" },
    { "challenge in another case",
      OURS,
      { .challenges = { challenge_upper } },
      ERR_INVALID,
      "challenge" },
    { "challenge cut short",
      OURS,
      { .challenges = { challenge + 1 } },
      ERR_INVALID,
      "challenge" },
    { "challenge and more",
      OURS,
      { .challenges = { challenge_longer } },
      ERR_INVALID,
      "challenge" },
    { "two values",
      OURS,
      { .challenges = { challenge, challenge_upper } },
      ERR_INVALID,
      "challenge" },
    { "challenge as OCTET STRING",
      OURS,
      { .challenges = { challenge }, .challenge_type = V_ASN1_OCTET_STRING },
      ERR_INVALID,
      "challenge" },
    { "extension request",
      OURS,
      { .challenges = { challenge }, .extra_nid = NID_ext_req },
      ERR_INVALID,
      "attributes" },
    { "unstructuredName instead",
      OURS,
      { .extra_nid = NID_pkcs9_unstructuredName },
      ERR_INVALID,
      "attributes" },
};

static void device_csrs_are_checked(void **state)
{
    (void)state;
    struct buf subjects[SUBJECTS] = { { 0 } }; /* ANYBODY's stays empty */
    static const uint8_t other[UID_SIZE] = { 1 };
    assert_int_equal(ca_device_subject(ca, "po-2026.17", uid, &subjects[OURS]), ERR_OK);
    assert_int_equal(ca_device_subject(ca, "po-2026.17", other, &subjects[OTHER_UID]), ERR_OK);
    assert_int_equal(ca_device_subject(ca, "po-2026.18", uid, &subjects[OTHER_ORDER]), ERR_OK);
    for (size_t i = 0; i < COUNT(device_cases); i++) {
        print_message("  %s\n", device_cases[i].name);
        struct csr_spec spec = device_cases[i].spec;
        spec.curve = "P-256";
        spec.subject = buf_span(&subjects[device_cases[i].subject]);
        X509_REQ *csr = open_csr(&spec);
        assert_int_equal(ca_device_csr_check(ca, csr, "po-2026.17", uid, challenge),
                         device_cases[i].want);
        if (device_cases[i].words != NULL)
            assert_non_null(strstr(fail_words(), device_cases[i].words));
        X509_REQ_free(csr);
    }
    for (size_t i = 0; i < SUBJECTS; i++)
        buf_free(&subjects[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(csrs_are_checked),
        cmocka_unit_test(damaged_csrs_are_refused),
        cmocka_unit_test(flipped_bits_are_refused),
        cmocka_unit_test(point_off_the_curve_is_refused),
        cmocka_unit_test(device_csrs_are_checked),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
