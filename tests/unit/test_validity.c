/* SPDX-License-Identifier: MIT */
/* Times of certificates: both forms, through the years that overflow 31 and 32 bits, and the
 * message that names the clock. */
#include "tests/unit/check.h"

#include <openssl/x509_vfy.h>
#include <string.h>

#include "common/host/clock.h"
#include "common/host/own.h"
#include "common/host/validity.h"

static X509 *certificate_of(const char *not_before, const char *not_after)
{
    X509 *certificate = X509_new();
    assert_non_null(certificate);
    assert_int_equal(ASN1_TIME_set_string(X509_getm_notBefore(certificate), not_before), 1);
    assert_int_equal(ASN1_TIME_set_string(X509_getm_notAfter(certificate), not_after), 1);
    return certificate;
}

static const struct {
    const char *asn1; /* 13 characters: UTCTime; 15: GeneralizedTime */
    int64_t seconds;
    const char *text;
} moments[] = {
    { "700101000000Z", 0, "1970-01-01T00:00:00Z" },
    { "261201120000Z", 1796126400, "2026-12-01T12:00:00Z" },
    { "380119031407Z", 2147483647, "2038-01-19T03:14:07Z" }, /* the last of 31 bits */
    { "380119031408Z", 2147483648, "2038-01-19T03:14:08Z" },
    { "491231235959Z", 2524607999, "2049-12-31T23:59:59Z" }, /* the last of UTCTime */
    { "20500101000000Z", 2524608000, "2050-01-01T00:00:00Z" },
    { "21060207062815Z", 4294967295, "2106-02-07T06:28:15Z" }, /* the last of 32 bits */
    { "21060207062816Z", 4294967296, "2106-02-07T06:28:16Z" },
    { "25540721233433Z", 18446744073, "2554-07-21T23:34:33Z" }, /* of 64 bits of nanoseconds */
    { "25540721233434Z", 18446744074, "2554-07-21T23:34:34Z" },
    { "99991231235959Z", 253402300799, "9999-12-31T23:59:59Z" },
};

static void times_are_read_through_all_years(void **state)
{
    (void)state;
    char text[CLOCK_TEXT_SIZE];
    for (size_t i = 0; i < COUNT(moments); i++) {
        struct validity validity;
        X509 *certificate = certificate_of(moments[i].asn1, moments[i].asn1);
        assert_int_equal(validity_of(certificate, &validity), ERR_OK);
        assert_int_equal(validity.not_before, moments[i].seconds);
        assert_int_equal(validity.not_after, moments[i].seconds);
        assert_string_equal(clock_text(moments[i].seconds, text), moments[i].text);
        X509_free(certificate);
    }
    assert_string_equal(clock_text(CLOCK_TEXT_LAST + 1, text), "out of range");
    assert_string_equal(clock_text(CLOCK_TEXT_FIRST - 1, text), "out of range");
    assert_string_equal(clock_text(INT64_MAX, text), "out of range");
    assert_string_equal(clock_text(INT64_MIN, text), "out of range");
}

/* UTCTime has two digits of the year: 50 is 1950 (RFC 5280 4.1.2.5.1). */
static void utc_time_ends_in_2049(void **state)
{
    (void)state;
    struct validity validity;
    X509 *certificate = certificate_of("500101000000Z", "491231235959Z");
    assert_int_equal(validity_of(certificate, &validity), ERR_OK);
    assert_int_equal(validity.not_before, -631152000);
    assert_int_equal(validity.not_after, 2524607999);
    X509_free(certificate);
}

static void both_ends_are_included(void **state)
{
    (void)state;
    const struct validity validity = { 2147483648, 4294967296 };
    assert_false(validity_covers(&validity, 2147483647));
    assert_true(validity_covers(&validity, 2147483648));
    assert_true(validity_covers(&validity, 4294967296));
    assert_false(validity_covers(&validity, 4294967297));
    assert_false(validity_covers(&validity, INT64_MIN));
    assert_false(validity_covers(&validity, INT64_MAX));
}

static void the_clock_is_named_with_three_times(void **state)
{
    (void)state;
    const struct validity validity = { 1796126400, 2524608000 };
    static const struct {
        int64_t now_s;
        const char *words;
    } rows[] = {
        { 1796126399, "valid from 2026-12-01T12:00:00Z until 2050-01-01T00:00:00Z, but the "
                      "clock says 2026-12-01T11:59:59Z: check that clock" },
        { 1796126400, "valid from 2026-12-01T12:00:00Z until 2050-01-01T00:00:00Z, and the "
                      "clock says 2026-12-01T12:00:00Z" },
        { 2524608001, "valid from 2026-12-01T12:00:00Z until 2050-01-01T00:00:00Z, but the "
                      "clock says 2050-01-01T00:00:01Z: check that clock" },
    };
    char words[VALIDITY_WORDS_MAX];
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_string_equal(validity_words(&validity, "the clock", rows[i].now_s, words),
                            rows[i].words);
}

static void what_is_no_certificate_has_no_validity(void **state)
{
    (void)state;
    struct validity validity = { 1, 2 };
    assert_int_equal(validity_of_der(span_of(NULL, 0), &validity), ERR_INVALID);
    assert_int_equal(validity_of_der(span_of("x", 1), &validity), ERR_INVALID);
    X509 *certificate = X509_new(); /* its times are not set */
    assert_int_equal(validity_of(certificate, &validity), ERR_INVALID);
    X509_free(certificate);
    assert_int_equal(validity.not_before, 1);
    assert_int_equal(validity.not_after, 2);
}

static void two_verdicts_depend_on_a_clock(void **state)
{
    (void)state;
    for (long verdict = 0; verdict < 100; verdict++)
        assert_true(validity_is_cause(verdict) == (verdict == X509_V_ERR_CERT_NOT_YET_VALID ||
                                                   verdict == X509_V_ERR_CERT_HAS_EXPIRED));
}

static void amounts_have_two_of_their_unit(void **state)
{
    (void)state;
    static const struct {
        uint64_t seconds;
        const char *text;
    } rows[] = {
        { 0, "0 s" },
        { 119, "119 s" },
        { 120, "2 minutes" },
        { 7199, "119 minutes" },
        { 7200, "2 hours" },
        { 90000, "25 hours" },
        { 172799, "47 hours" },
        { 172800, "2 days" },
        { 63158400, "731 days" },
    };
    char text[CLOCK_TEXT_SIZE];
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_string_equal(clock_amount(rows[i].seconds, text), rows[i].text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_are_read_through_all_years),
        cmocka_unit_test(utc_time_ends_in_2049),
        cmocka_unit_test(both_ends_are_included),
        cmocka_unit_test(the_clock_is_named_with_three_times),
        cmocka_unit_test(what_is_no_certificate_has_no_validity),
        cmocka_unit_test(two_verdicts_depend_on_a_clock),
        cmocka_unit_test(amounts_have_two_of_their_unit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
