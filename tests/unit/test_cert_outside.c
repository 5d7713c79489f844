/* SPDX-License-Identifier: MIT */
/* What a CA outside may choose in a certificate, and what it may not: cert_check() with
 * own_terms. The rest of the check is test_ca_backend's. */
#include "tests/unit/check.h"

#include <openssl/ec.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <time.h>

#include "common/host/log.h"
#include "oem-server/ca/cert.h"
#include "oem-server/ca/names.h"
#include "oem-server/ca/ssl.h"

enum { HOUR_S = 3600, DAY_S = 24 * HOUR_S };

static EVP_PKEY *issuing_key, *device_key;
static X509 *issuing;

struct part {
    int nid;
    const char *text;
};
#define O                                                                                      \
    {                                                                                          \
        NID_organizationName, "Example AG"                                                     \
    }
#define OU                                                                                     \
    {                                                                                          \
        NID_organizationalUnitName, "po-1"                                                     \
    }
#define CN                                                                                     \
    {                                                                                          \
        NID_commonName, "NuLink3"                                                              \
    }
#define UID_                                                                                   \
    {                                                                                          \
        NID_serialNumber, "0011"                                                               \
    }

static const struct row {
    const char *name;
    enum ca_profile profile;
    struct part parts[5];
    bool one_set;        /* the last two parts are in one set */
    int64_t from, until; /* added to what was asked for */
    const char *serial;  /* hex; NULL: a random one */
    const char *differs; /* NULL: it is accepted */
} rows[] = {
    { "as asked", CA_DEVICE, { O, OU, CN, UID_ }, false, 0, 0, NULL, NULL },
    { "another order", CA_DEVICE, { CN, UID_, OU, O }, false, 0, 0, NULL, NULL },
    { "a part is missing", CA_DEVICE, { CN, UID_, O }, false, 0, 0, NULL, "subject" },
    { "a part is twice", CA_DEVICE, { O, OU, CN, UID_, CN }, false, 0, 0, NULL, "subject" },
    { "a part in place of another",
      CA_DEVICE,
      { O, OU, CN, CN },
      false,
      0,
      0,
      NULL,
      "subject" },
    { "another UID",
      CA_DEVICE,
      { O, OU, CN, { NID_serialNumber, "0012" } },
      false,
      0,
      0,
      NULL,
      "subject" },
    { "other case",
      CA_DEVICE,
      { O, OU, { NID_commonName, "nulink3" }, UID_ },
      false,
      0,
      0,
      NULL,
      "subject" },
    { "two parts in one set", CA_DEVICE, { O, OU, CN, UID_ }, true, 0, 0, NULL, "subject" },
    { "issued later", CA_DEVICE, { O, OU, CN, UID_ }, false, 500, 0, NULL, NULL },
    { "its clock is a little slow",
      CA_DEVICE,
      { O, OU, CN, UID_ },
      false,
      -200,
      0,
      NULL,
      NULL },
    { "before the claim", CA_DEVICE, { O, OU, CN, UID_ }, false, -HOUR_S, 0, NULL, "begin" },
    { "not valid yet", CA_DEVICE, { O, OU, CN, UID_ }, false, HOUR_S, 0, NULL, "begin" },
    { "cut", CA_DEVICE, { O, OU, CN, UID_ }, false, 0, -1, NULL, "end" },
    { "short serial", CA_DEVICE, { O, OU, CN, UID_ }, false, 0, 0, "01", NULL },
    { "serial of 20 bytes",
      CA_DEVICE,
      { O, OU, CN, UID_ },
      false,
      0,
      0,
      "7f00000000000000000000000000000000000001",
      NULL },
    { "serial of 21 bytes",
      CA_DEVICE,
      { O, OU, CN, UID_ },
      false,
      0,
      0,
      "7f0000000000000000000000000000000000000001",
      "serial" },
    { "serial 0", CA_DEVICE, { O, OU, CN, UID_ }, false, 0, 0, "00", "serial" },
    { "negative serial", CA_DEVICE, { O, OU, CN, UID_ }, false, 0, 0, "-05", "serial" },
    { "a principal's end is a little off",
      CA_STATION,
      { O, OU, CN, UID_ },
      false,
      0,
      DAY_S - 60,
      NULL,
      NULL },
    { "a principal's end is too late",
      CA_STATION,
      { O, OU, CN, UID_ },
      false,
      0,
      2 * DAY_S,
      NULL,
      "end" },
    { "a principal's end is too early",
      CA_STATION,
      { O, OU, CN, UID_ },
      false,
      0,
      -2 * DAY_S,
      NULL,
      "end" },
};

static X509_NAME *name_of(const struct row *row)
{
    X509_NAME *name = X509_NAME_new();
    for (size_t i = 0; i < COUNT(row->parts) && row->parts[i].text != NULL; i++) {
        bool last = i + 1 == COUNT(row->parts) || row->parts[i + 1].text == NULL;
        assert_int_equal(X509_NAME_add_entry_by_NID(name, row->parts[i].nid, MBSTRING_UTF8,
                                                    (const uint8_t *)row->parts[i].text, -1, -1,
                                                    row->one_set && last ? -1 : 0),
                         1);
    }
    return name;
}

static void set_serial(X509 *certificate, const char *hex)
{
    BIGNUM *number = NULL;
    assert_true(BN_hex2bn(&number, hex) > 0);
    assert_non_null(BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)));
    BN_free(number);
    assert_true(X509_sign(certificate, issuing_key, EVP_sha256()) > 0);
}

/* *terms: what was asked for. */
static X509 *made_of(const struct row *row, const struct ca_terms *terms)
{
    AUTO(ssl_name_drop) X509_NAME *name = name_of(row);
    X509 *certificate = NULL;
    struct ca_terms own = *terms;
    own.not_before += row->from;
    own.not_after += row->until;
    own.serial[CA_SERIAL_SIZE - 1] ^= 1;
    const struct cert_request r = { .profile = profile_of(row->profile),
                                    .subject = name,
                                    .subject_key = device_key,
                                    .issuer = issuing,
                                    .signer = issuing_key,
                                    .terms = &own };
    assert_int_equal(cert_make(&r, &certificate), ERR_OK);
    if (row->serial != NULL)
        set_serial(certificate, row->serial);
    return certificate;
}

static void what_it_may_choose(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct row *row = &rows[i];
        struct ca_terms terms;
        AUTO(ssl_name_drop) X509_NAME *asked = name_of(&rows[0]);
        assert_int_equal(cert_terms_make(profile_of(row->profile), issuing, &terms), ERR_OK);
        AUTO(ssl_certificate_drop) X509 *certificate = made_of(row, &terms);
        struct cert_request r = { .profile = profile_of(row->profile),
                                  .subject = asked,
                                  .subject_key = device_key,
                                  .issuer = issuing,
                                  .terms = &terms,
                                  .own_terms = true };
        enum err e = cert_check(certificate, &r);
        if (e != (row->differs == NULL ? ERR_OK : ERR_MISMATCH) ||
            (row->differs != NULL && strstr(fail_words(), row->differs) == NULL))
            fail_msg("%s: %d %s", row->name, (int)e, fail_words());
        r.own_terms = false; /* our own HSM may choose nothing */
        assert_int_equal(cert_check(certificate, &r), ERR_MISMATCH);
    }
}

static int set_up(void **state)
{
    (void)state;
    AUTO(ssl_name_drop) X509_NAME *name = NULL;
    const struct names_subject parts = { .organization = "Example AG",
                                         .common_name = "Issuing" };
    issuing_key = EVP_EC_gen("P-256");
    device_key = EVP_EC_gen("P-256");
    if (names_subject_make(&parts, &name) != ERR_OK)
        return -1;
    const struct cert_request r = { .profile = &profile_issuing,
                                    .subject = name,
                                    .subject_key = issuing_key,
                                    .signer = issuing_key };
    return cert_make(&r, &issuing) == ERR_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    X509_free(issuing);
    EVP_PKEY_free(issuing_key);
    EVP_PKEY_free(device_key);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_it_may_choose),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
