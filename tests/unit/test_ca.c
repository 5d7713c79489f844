/* SPDX-License-Identifier: MIT */
/* ca with its keys in SoftHSM2; what it issues is checked with OpenSSL. */
#include "tests/unit/check.h"

#include <openssl/ec.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "common/host/log.h"
#include "oem-server/ca/ca.h"
#include "oem-server/ca/ssl.h"
#include "tests/unit/csr_make.h"
#include "tests/unit/softhsm.h"

static struct softhsm soft;
static struct hsm *hsm;
static struct ca_certificates certificates;
static struct ca *ca;

static const char *const server_names[] = { "oem.example", "10.1.2.3", "::1", NULL };
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

static X509 *parse(struct span der)
{
    X509 *certificate = NULL;
    assert_int_equal(ssl_certificate_open("test", der, &certificate), ERR_OK);
    return certificate;
}

/* How a certificate is to be verified. */
struct verification {
    int purpose;
    const char *host;
    const char *address;
    time_t at; /* 0: now */
};

/* X509_V_OK, or why not. Chain: certificate, issuing CA, trusted root. */
static int verify(struct span der, const struct verification *how)
{
    X509 *certificate = parse(der), *issuing = parse(ca_issuing(ca)),
         *root = parse(ca_root(ca));
    STACK_OF(X509) *chain = sk_X509_new_null();
    sk_X509_push(chain, issuing);
    X509_STORE *store = X509_STORE_new();
    X509_STORE_add_cert(store, root);
    X509_STORE_CTX *context = X509_STORE_CTX_new();
    X509_STORE_CTX_init(context, store, certificate, chain);
    X509_VERIFY_PARAM *p = X509_STORE_CTX_get0_param(context);
    X509_VERIFY_PARAM_set_flags(p, X509_V_FLAG_X509_STRICT | X509_V_FLAG_CHECK_SS_SIGNATURE);
    X509_VERIFY_PARAM_set_purpose(p, how->purpose);
    if (how->host != NULL)
        X509_VERIFY_PARAM_set1_host(p, how->host, 0);
    if (how->address != NULL)
        X509_VERIFY_PARAM_set1_ip_asc(p, how->address);
    if (how->at != 0)
        X509_VERIFY_PARAM_set_time(p, how->at);
    X509_verify_cert(context);
    int result = X509_STORE_CTX_get_error(context);
    X509_STORE_CTX_free(context);
    X509_STORE_free(store);
    sk_X509_pop_free(chain, X509_free);
    X509_free(root);
    X509_free(certificate);
    return result;
}

static bool is_critical(const X509 *certificate, int nid)
{
    int index = X509_get_ext_by_NID(certificate, nid, -1);
    return index >= 0 && X509_EXTENSION_get_critical(X509_get_ext(certificate, index)) == 1;
}

static bool ends_never(const X509 *certificate)
{
    const ASN1_TIME *t = X509_get0_notAfter(certificate);
    return strcmp((const char *)ASN1_STRING_get0_data(t), "99991231235959Z") == 0;
}

static void authorities_are_as_rfc5280_has_them(void **state)
{
    (void)state;
    X509 *root = parse(ca_root(ca)), *issuing = parse(ca_issuing(ca));
    X509 *const both[] = { root, issuing };
    for (size_t i = 0; i < COUNT(both); i++) {
        assert_true(X509_check_ca(both[i]) == 1);
        assert_true(is_critical(both[i], NID_basic_constraints));
        assert_true(is_critical(both[i], NID_key_usage));
        assert_int_equal(X509_get_key_usage(both[i]), KU_KEY_CERT_SIGN | KU_CRL_SIGN);
        assert_true(ends_never(both[i]));
        assert_int_equal(X509_get_signature_nid(both[i]), NID_ecdsa_with_SHA256);
        assert_non_null(X509_get0_subject_key_id(both[i]));
        assert_non_null(X509_get0_authority_key_id(both[i]));
        assert_int_equal(ASN1_STRING_length(X509_get0_serialNumber(both[i])), 16);
        assert_int_equal(ASN1_STRING_type(X509_get0_serialNumber(both[i])), V_ASN1_INTEGER);
    }
    assert_int_equal(X509_get_pathlen(root), -1);
    assert_int_equal(X509_get_pathlen(issuing), 0);
    assert_int_equal(X509_NAME_cmp(X509_get_issuer_name(issuing), X509_get_subject_name(root)),
                     0);
    X509_free(root);
    X509_free(issuing);
}

static void web_server_certificate_verifies(void **state)
{
    (void)state;
    const struct {
        struct verification how;
        int want;
    } rows[] = {
        { { X509_PURPOSE_SSL_SERVER, "oem.example", NULL, 0 }, X509_V_OK },
        { { X509_PURPOSE_SSL_SERVER, NULL, "10.1.2.3", 0 }, X509_V_OK },
        { { X509_PURPOSE_SSL_SERVER, NULL, "::1", 0 }, X509_V_OK },
        { { X509_PURPOSE_SSL_SERVER, "evil.example", NULL, 0 }, X509_V_ERR_HOSTNAME_MISMATCH },
        { { X509_PURPOSE_SSL_SERVER, NULL, "10.1.2.4", 0 }, X509_V_ERR_IP_ADDRESS_MISMATCH },
        { { X509_PURPOSE_SSL_CLIENT, NULL, NULL, 0 }, X509_V_ERR_INVALID_PURPOSE },
        { { X509_PURPOSE_SSL_SERVER, NULL, NULL, 4102444800 /* 2100 */ },
          X509_V_ERR_CERT_HAS_EXPIRED },
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_int_equal(verify(ca_web_server(ca), &rows[i].how), rows[i].want);
    X509 *certificate = parse(ca_web_server(ca));
    assert_int_equal(X509_get_key_usage(certificate), KU_DIGITAL_SIGNATURE);
    assert_true(is_critical(certificate, NID_key_usage));
    time_t five_minutes_ago = time(NULL) - 300;
    assert_true(X509_cmp_time(X509_get0_notBefore(certificate), &five_minutes_ago) < 0);
    X509_free(certificate);
}

static X509_REQ *open_csr(const struct csr_spec *spec)
{
    AUTO(buf_free) struct buf der = make_csr(spec);
    X509_REQ *csr = NULL;
    assert_int_equal(ca_csr_open(buf_span(&der), &csr), ERR_OK);
    return csr;
}

static void device_certificate_is_an_idevid(void **state)
{
    (void)state;
    AUTO(buf_free) struct buf subject = { 0 }, der = { 0 };
    assert_int_equal(ca_device_subject(ca, "po-2026.17", uid, &subject), ERR_OK);
    X509_REQ *csr = open_csr(&(struct csr_spec){
        .curve = "P-256", .subject = buf_span(&subject), .challenges = { challenge } });
    assert_int_equal(ca_device_csr_check(ca, csr, "po-2026.17", uid, challenge), ERR_OK);
    assert_int_equal(ca_issue(ca, CA_DEVICE, NULL, csr, NULL, &der), ERR_OK);
    assert_true(der.len <= CERTIFICATE_MAX);
    struct verification how = { .purpose = X509_PURPOSE_SSL_CLIENT };
    assert_int_equal(verify(buf_span(&der), &how), X509_V_OK);
    how.at = 4102444800; /* 2100 */
    assert_int_equal(verify(buf_span(&der), &how), X509_V_OK);
    how.purpose = X509_PURPOSE_SSL_SERVER;
    assert_int_equal(verify(buf_span(&der), &how), X509_V_ERR_INVALID_PURPOSE);
    X509 *certificate = parse(buf_span(&der));
    char text[256];
    X509_NAME_oneline(X509_get_subject_name(certificate), text, sizeof(text));
    assert_string_equal(text, "/O=Example AG/OU=po-2026.17/CN=NuLink3"
                              "/serialNumber=a00102030405060708090aff");
    assert_true(ends_never(certificate));
    assert_true(X509_get_ext_by_NID(certificate, NID_subject_alt_name, -1) < 0);
    assert_int_equal(EVP_PKEY_eq(X509_get0_pubkey(certificate), X509_REQ_get0_pubkey(csr)), 1);
    X509_free(certificate);
    X509_REQ_free(csr);
}

static struct span tbs_of(X509 *certificate, uint8_t **bytes)
{
    int len = i2d_re_X509_tbs(certificate, bytes);
    assert_true(len > 0);
    return span_of(*bytes, (size_t)len);
}

/* Arrow 14 claims serial and validity first: whoever acts again makes the same certificate. */
static void same_terms_make_the_same_certificate(void **state)
{
    (void)state;
    struct ca_terms terms, other;
    AUTO(buf_free) struct buf subject = { 0 }, one = { 0 }, two = { 0 };
    uint8_t *tbs[2] = { NULL, NULL };
    assert_int_equal(ca_terms_make(ca, CA_DEVICE, &terms), ERR_OK);
    assert_int_equal(ca_terms_make(ca, CA_DEVICE, &other), ERR_OK);
    assert_memory_not_equal(terms.serial, other.serial, sizeof(terms.serial));
    assert_int_equal(ca_device_subject(ca, "po-1", uid, &subject), ERR_OK);
    X509_REQ *csr = open_csr(&(struct csr_spec){
        .curve = "P-256", .subject = buf_span(&subject), .challenges = { challenge } });
    assert_int_equal(ca_issue(ca, CA_DEVICE, NULL, csr, &terms, &one), ERR_OK);
    assert_int_equal(ca_issue(ca, CA_DEVICE, NULL, csr, &terms, &two), ERR_OK);
    X509 *first = parse(buf_span(&one)), *second = parse(buf_span(&two));
    assert_true(span_eq(tbs_of(first, &tbs[0]), tbs_of(second, &tbs[1])));
    assert_int_equal(ASN1_STRING_length(X509_get0_serialNumber(first)), 16);
    assert_true(ends_never(first));
    terms.serial[0] = 0x80; /* negative */
    assert_int_equal(ca_issue(ca, CA_DEVICE, NULL, csr, &terms, &two), ERR_INTERNAL);
    X509_free(first);
    X509_free(second);
    OPENSSL_free(tbs[0]);
    OPENSSL_free(tbs[1]);
    X509_REQ_free(csr);
}

static void principals_carry_their_uri(void **state)
{
    (void)state;
    static const struct {
        enum ca_profile profile;
        const char *uri;
    } rows[] = {
        { CA_STATION, "spiffe://oem.example/station/line-1.a" },
        { CA_OPERATOR, "spiffe://oem.example/operator/line-1.a" },
        { CA_AUDITOR, "spiffe://oem.example/auditor/line-1.a" },
        { CA_SERVICE, "spiffe://oem.example/service/line-1.a" },
    };
    X509_REQ *csr = open_csr(&(struct csr_spec){ .curve = "P-256" });
    for (size_t i = 0; i < COUNT(rows); i++) {
        AUTO(buf_free) struct buf der = { 0 };
        AUTO(free_drop) char *uri = ca_spiffe(ca, rows[i].profile, "line-1.a");
        assert_string_equal(uri, rows[i].uri);
        assert_int_equal(ca_issue(ca, rows[i].profile, "line-1.a", csr, NULL, &der), ERR_OK);
        const struct verification how = { .purpose = X509_PURPOSE_SSL_CLIENT };
        assert_int_equal(verify(buf_span(&der), &how), X509_V_OK);
        X509 *certificate = parse(buf_span(&der));
        GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
        assert_int_equal(sk_GENERAL_NAME_num(names), 1);
        int type = 0;
        const ASN1_STRING *value =
            GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names, 0), &type);
        assert_int_equal(type, GEN_URI);
        assert_int_equal(ASN1_STRING_length(value), strlen(rows[i].uri));
        assert_memory_equal(ASN1_STRING_get0_data(value), rows[i].uri, strlen(rows[i].uri));
        time_t next_year = time(NULL) + 366 * 86400, in_three = time(NULL) + 3 * 366 * 86400;
        assert_true(X509_cmp_time(X509_get0_notAfter(certificate), &next_year) > 0);
        assert_true(X509_cmp_time(X509_get0_notAfter(certificate), &in_three) < 0);
        GENERAL_NAMES_free(names);
        X509_free(certificate);
    }
    X509_REQ_free(csr);
}

static void names_are_checked(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "Line",
        "a/b",
        "a b",
        "a%2e",
        "..",
        ".",
        "a..b",
        "-a",
        "a.",
        "\xc3\xa4",
        "a\n",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", /* 65 */
    };
    X509_REQ *csr = open_csr(&(struct csr_spec){ .curve = "P-256" });
    for (size_t i = 0; i < COUNT(bad); i++) {
        AUTO(buf_free) struct buf der = { 0 };
        assert_null(ca_spiffe(ca, CA_STATION, bad[i]));
        assert_int_equal(ca_issue(ca, CA_STATION, bad[i], csr, NULL, &der), ERR_INVALID);
    }
    AUTO(buf_free) struct buf none = { 0 };
    assert_null(ca_spiffe(ca, CA_DEVICE, "a"));
    assert_int_equal(ca_issue(ca, CA_DEVICE, "a", csr, NULL, &none), ERR_INTERNAL);
    assert_int_equal(ca_issue(ca, CA_STATION, NULL, csr, NULL, &none), ERR_INTERNAL);
    assert_int_equal(ca_device_subject(ca, "Order 1", uid, &none), ERR_INVALID);
    struct ca *no_ca = NULL;
    assert_int_equal(ca_new(hsm, &certificates, "Example AG", "Oem.Example", &no_ca),
                     ERR_INVALID);
    X509_REQ_free(csr);
}

static void *issue_some(void *failures)
{
    X509_REQ *csr = NULL;
    AUTO(buf_free) struct buf der = make_csr(&(struct csr_spec){ .curve = "P-256" });
    if (ca_csr_open(buf_span(&der), &csr) != ERR_OK)
        return NULL;
    for (int i = 0; i < 20; i++) {
        AUTO(buf_free) struct buf certificate = { 0 };
        if (ca_issue(ca, CA_STATION, "line-1", csr, NULL, &certificate) != ERR_OK)
            ++*(int *)failures;
    }
    X509_REQ_free(csr);
    return NULL;
}

static void threads_issue_at_once(void **state)
{
    (void)state;
    pthread_t threads[4];
    int failures[4] = { 0 };
    for (size_t i = 0; i < COUNT(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, issue_some, &failures[i]), 0);
    for (size_t i = 0; i < COUNT(threads); i++)
        pthread_join(threads[i], NULL);
    for (size_t i = 0; i < COUNT(threads); i++)
        assert_int_equal(failures[i], 0);
}

static void issuing_needs_no_root_token(void **state)
{
    (void)state;
    ca_free(ca);
    hsm_close(hsm);
    struct hsm_config config = soft.config;
    config.labels[HSM_ROOT] = NULL;
    assert_int_equal(hsm_open(&config, &hsm), ERR_OK);
    assert_int_equal(ca_new(hsm, &certificates, "Example AG", "oem.example", &ca), ERR_OK);
    X509_REQ *csr = open_csr(&(struct csr_spec){ .curve = "P-256" });
    AUTO(buf_free) struct buf der = { 0 };
    assert_int_equal(ca_issue(ca, CA_OPERATOR, "eve", csr, NULL, &der), ERR_OK);
    AUTO(ca_certificates_free) struct ca_certificates none = { 0 };
    assert_int_equal(ca_certificates_issue(hsm, "Example AG", server_names, &none),
                     ERR_PRECONDITION);
    X509_REQ_free(csr);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(authorities_are_as_rfc5280_has_them),
        cmocka_unit_test(web_server_certificate_verifies),
        cmocka_unit_test(device_certificate_is_an_idevid),
        cmocka_unit_test(same_terms_make_the_same_certificate),
        cmocka_unit_test(principals_carry_their_uri),
        cmocka_unit_test(names_are_checked),
        cmocka_unit_test(threads_issue_at_once),
        cmocka_unit_test(issuing_needs_no_root_token),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
