/* SPDX-License-Identifier: MIT */
/* A CA's backend that answers with another certificate than the one it was asked for: the CA
 * gives none of these out. The keys are in software: root, issuing CA, and what the lies need.
 */
#include "tests/unit/check.h"

#include <openssl/ec.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "common/host/clock.h"
#include "common/host/log.h"
#include "common/host/validity.h"
#include "oem-server/ca/backend.h"
#include "oem-server/ca/cert.h"
#include "oem-server/ca/names.h"
#include "oem-server/ca/ssl.h"
#include "tests/unit/csr_make.h"

static EVP_PKEY *root_key, *issuing_key, *other_key;
static X509 *root, *issuing;
static struct ca_certificates certificates;
static struct ca *ca;

/* A certificate that is being made. */
struct draft {
    struct cert_request r;
    struct profile profile;
    struct ca_terms terms;
    const char *uri;
    const EVP_MD *digest;
};

/* before: the request is changed; after: the certificate, which is then signed; last: what is
 * signed already. */
struct lie {
    const char *name;
    const char *words; /* of the refusal */
    void (*before)(struct draft *d);
    void (*after)(X509 *certificate);
    void (*last)(X509 *certificate);
};
static const struct lie *lie;
static bool never_asked; /* the backend, since this was set */

/* --- Lies. --- */

static void another_key(struct draft *d)
{
    d->r.subject_key = other_key;
}

static void another_subject(X509 *certificate)
{
    AUTO(ssl_name_drop) X509_NAME *name = NULL;
    const struct names_subject parts = { "Example AG", "operator", "alice", NULL };
    assert_int_equal(names_subject_make(&parts, &name), ERR_OK);
    assert_int_equal(X509_set_subject_name(certificate, name), 1);
}

static void longer_subject(X509 *certificate)
{
    AUTO(ssl_name_drop) X509_NAME *name = X509_NAME_dup(X509_get_subject_name(certificate));
    assert_int_equal(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                                                (const uint8_t *)"line-2", -1, -1, 0),
                     1);
    assert_int_equal(X509_set_subject_name(certificate, name), 1);
}

static void another_serial(struct draft *d)
{
    d->terms.serial[CA_SERIAL_SIZE - 1] ^= 1;
}

static void earlier(struct draft *d)
{
    d->terms.not_before--;
}

static void longer(struct draft *d)
{
    d->terms.not_after++;
}

static void another_issuer(X509 *certificate)
{
    assert_int_equal(X509_set_issuer_name(certificate, X509_get_subject_name(root)), 1);
}

static void another_signer(struct draft *d)
{
    d->r.signer = other_key;
}

static void by_the_root(struct draft *d)
{
    d->r.signer = root_key;
    d->r.issuer = root;
}

static void self_signed(struct draft *d)
{
    d->r.subject_key = other_key;
    d->r.signer = other_key;
    d->r.issuer = NULL;
}

static void an_authority(struct draft *d)
{
    d->profile.basic_constraints = "critical,CA:TRUE";
}

static void signs_certificates(struct draft *d)
{
    d->profile.key_usage = "critical,digitalSignature,keyCertSign";
}

static void usage_not_critical(struct draft *d)
{
    d->profile.key_usage = "digitalSignature";
}

static void a_server(struct draft *d)
{
    d->profile.extended_key_usage = "serverAuth";
}

static void a_server_too(struct draft *d)
{
    d->profile.extended_key_usage = "clientAuth,serverAuth";
}

static void any_purpose(struct draft *d)
{
    d->profile.extended_key_usage = NULL;
}

static void another_uri(struct draft *d)
{
    d->uri = "spiffe://example.test/operator/alice";
}

static void no_uri(struct draft *d)
{
    d->uri = NULL;
}

static void remove_extension(X509 *certificate, int nid)
{
    int at = X509_get_ext_by_NID(certificate, nid, -1);
    assert_true(at >= 0);
    X509_EXTENSION_free(X509_delete_ext(certificate, at));
}

static void add_words(X509 *certificate, int nid, const char *words)
{
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuing, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, words);
    assert_non_null(extension);
    assert_int_equal(X509_add_ext(certificate, extension, -1), 1);
    X509_EXTENSION_free(extension);
}

static void a_second_uri(X509 *certificate)
{
    if (X509_get_ext_by_NID(certificate, NID_subject_alt_name, -1) >= 0)
        remove_extension(certificate, NID_subject_alt_name);
    add_words(certificate, NID_subject_alt_name,
              "URI:spiffe://example.test/station/line-1,"
              "URI:spiffe://example.test/operator/alice");
}

static void one_more_extension(X509 *certificate)
{
    add_words(certificate, NID_crl_distribution_points, "URI:http://crl.example.test/");
}

/* As many as are wanted. */
static void one_twice(X509 *certificate)
{
    remove_extension(certificate, NID_authority_key_identifier);
    add_words(certificate, NID_ext_key_usage, "serverAuth");
}

static void another_key_identifier(X509 *certificate)
{
    remove_extension(certificate, NID_subject_key_identifier);
    add_words(certificate, NID_subject_key_identifier, "00:11:22");
}

static void no_authority(X509 *certificate)
{
    remove_extension(certificate, NID_authority_key_identifier);
}

static void another_algorithm(struct draft *d)
{
    d->digest = EVP_sha384();
}

/* Signed here: X509_sign() of OpenSSL 3.5 makes it version 3 again. */
static void version_1(X509 *certificate)
{
    uint8_t *tbs = NULL, bytes[80];
    size_t len = sizeof(bytes);
    const ASN1_BIT_STRING *signature = NULL;
    assert_int_equal(X509_set_version(certificate, X509_VERSION_1), 1);
    int tbs_len = i2d_re_X509_tbs(certificate, &tbs);
    assert_true(tbs_len > 0);
    EVP_MD_CTX *signing = EVP_MD_CTX_new();
    assert_int_equal(EVP_DigestSignInit(signing, NULL, EVP_sha256(), NULL, issuing_key), 1);
    assert_int_equal(EVP_DigestSign(signing, bytes, &len, tbs, (size_t)tbs_len), 1);
    EVP_MD_CTX_free(signing);
    OPENSSL_free(tbs);
    X509_get0_signature(&signature, NULL, certificate);
    assert_int_equal(ASN1_STRING_set((ASN1_BIT_STRING *)(uintptr_t)signature, bytes, (int)len),
                     1);
}

static void spoilt_signature(X509 *certificate)
{
    const ASN1_BIT_STRING *signature = NULL;
    X509_get0_signature(&signature, NULL, certificate);
    ((uint8_t *)(uintptr_t)ASN1_STRING_get0_data(signature))[12] ^= 1;
}

static const struct lie lies[] = {
    { "another key", "the key is not", another_key, NULL, NULL },
    { "another subject", "the subject is not", NULL, another_subject, NULL },
    { "one more name in the subject", "the subject is not", NULL, longer_subject, NULL },
    { "another serial", "the serial is not", another_serial, NULL, NULL },
    { "valid earlier", "the validity is not", earlier, NULL, NULL },
    { "valid longer", "the validity is not", longer, NULL, NULL },
    { "another issuer's name", "not the issuing CA's", NULL, another_issuer, NULL },
    { "signed by another key", "not the issuing CA's", another_signer, NULL, NULL },
    { "signed by the root", "Authority Key Identifier is not", by_the_root, NULL, NULL },
    { "signed by itself", "the key is not", self_signed, NULL, NULL },
    { "a CA's", "Basic Constraints is not", an_authority, NULL, NULL },
    { "it may sign certificates", "Key Usage is not", signs_certificates, NULL, NULL },
    { "key usage not critical", "Key Usage is not", usage_not_critical, NULL, NULL },
    { "a server's", "Extended Key Usage is not", a_server, NULL, NULL },
    { "a client's and a server's", "Extended Key Usage is not", a_server_too, NULL, NULL },
    { "for any purpose", "number of extensions is not", any_purpose, NULL, NULL },
    { "a second URI", "", NULL, a_second_uri, NULL },
    { "one more extension", "number of extensions is not", NULL, one_more_extension, NULL },
    { "one extension twice", "Authority Key Identifier is not", NULL, one_twice, NULL },
    { "another key identifier", "Subject Key Identifier is not", NULL, another_key_identifier,
      NULL },
    { "no authority key identifier", "number of extensions is not", NULL, no_authority, NULL },
    { "another algorithm", "signature's algorithm is not", another_algorithm, NULL, NULL },
    { "version 1", "the version is not", NULL, NULL, version_1 },
    { "a spoilt signature", "not the issuing CA's", NULL, NULL, spoilt_signature },
};
static const struct lie principal_lies[] = {
    { "another principal's URI", "Subject Alternative Name is not", another_uri, NULL, NULL },
    { "no URI", "number of extensions is not", no_uri, NULL, NULL },
};
static const struct lie device_lies[] = {
    { "an operator's URI", "number of extensions is not", another_uri, NULL, NULL },
};

/* --- The backend. --- */

static enum err issue(void *state, const struct backend_request *request,
                      X509 **certificate_out)
{
    (void)state;
    never_asked = false;
    AUTO(ssl_general_names_drop) GENERAL_NAMES *names = NULL;
    struct draft d = { .profile = *request->profile,
                       .terms = *request->terms,
                       .uri = request->uri,
                       .digest = EVP_sha256() };
    d.r =
        (struct cert_request){ &d.profile, request->subject, X509_REQ_get0_pubkey(request->csr),
                               NULL,       issuing,          issuing_key,
                               &d.terms };
    if (lie->before != NULL)
        lie->before(&d);
    if (d.uri != NULL)
        assert_int_equal(names_uri(d.uri, &names), ERR_OK);
    d.r.alternative_names = names;
    assert_int_equal(cert_make(&d.r, certificate_out), ERR_OK);
    if (lie->after != NULL)
        lie->after(*certificate_out);
    assert_true(X509_sign(*certificate_out, d.r.signer, d.digest) > 0);
    if (lie->last != NULL)
        lie->last(*certificate_out);
    return ERR_OK;
}

static X509 *authority(const struct profile *profile, const char *name, EVP_PKEY *key,
                       X509 *issuer, EVP_PKEY *signer)
{
    AUTO(ssl_name_drop) X509_NAME *subject = NULL;
    X509 *certificate = NULL;
    const struct names_subject parts = { .organization = "Example AG", .common_name = name };
    assert_int_equal(names_subject_make(&parts, &subject), ERR_OK);
    const struct cert_request r = { profile, subject, key, NULL, issuer, signer, NULL };
    assert_int_equal(cert_make(&r, &certificate), ERR_OK);
    return certificate;
}

static int set_up(void **state)
{
    (void)state;
    AUTO(ssl_certificate_drop) X509 *web = NULL;
    const struct ca_backend backend = { NULL, issue, NULL };
    root_key = EVP_EC_gen("P-256");
    issuing_key = EVP_EC_gen("P-256");
    other_key = EVP_EC_gen("P-256");
    root = authority(&profile_root, "Root CA", root_key, NULL, root_key);
    issuing = authority(&profile_issuing, "Issuing CA", issuing_key, root, root_key);
    web = authority(&profile_web_server, "oem.example.test", other_key, issuing, issuing_key);
    return ssl_certificate_der(root, &certificates.root) == ERR_OK &&
                   ssl_certificate_der(issuing, &certificates.issuing) == ERR_OK &&
                   ssl_certificate_der(web, &certificates.web_server) == ERR_OK &&
                   ca_new_with(&backend, &certificates, "Example AG", "example.test", &ca) ==
                       ERR_OK
               ? 0
               : -1;
}

static int tear_down(void **state)
{
    (void)state;
    ca_free(ca);
    ca_certificates_free(&certificates);
    X509_free(root);
    X509_free(issuing);
    EVP_PKEY_free(root_key);
    EVP_PKEY_free(issuing_key);
    EVP_PKEY_free(other_key);
    return 0;
}

/* --- The clock. --- */

/* The issuing CA's certificate is valid from now + from_s until now + until_s. */
static struct ca *ca_of_times(int64_t from_s, int64_t until_s)
{
    const struct ca_backend backend = { NULL, issue, NULL };
    const struct names_subject parts = { .organization = "Example AG",
                                         .common_name = "Issuing CA" };
    struct ca_certificates der = { 0 };
    struct ca_terms terms = { .serial = { [CA_SERIAL_SIZE - 1] = 7 },
                              .not_before = clock_real_s() + from_s,
                              .not_after = clock_real_s() + until_s };
    struct ca *made = NULL;
    AUTO(ssl_name_drop) X509_NAME *subject = NULL;
    AUTO(ssl_certificate_drop) X509 *short_lived = NULL;
    assert_int_equal(names_subject_make(&parts, &subject), ERR_OK);
    const struct cert_request r = { &profile_issuing, subject, issuing_key, NULL, root,
                                    root_key,         &terms };
    assert_int_equal(cert_make(&r, &short_lived), ERR_OK);
    assert_int_equal(buf_copy(&der.root, buf_span(&certificates.root)), ERR_OK);
    assert_int_equal(buf_copy(&der.web_server, buf_span(&certificates.web_server)), ERR_OK);
    assert_int_equal(ssl_certificate_der(short_lived, &der.issuing), ERR_OK);
    assert_int_equal(ca_new_with(&backend, &der, "Example AG", "example.test", &made), ERR_OK);
    ca_certificates_free(&der);
    return made;
}

enum { TEN_DAYS_S = 10 * 86400 };

/* Also what has no expiry of its own, a device's: neither earlier nor later than the issuer. */
static void nothing_outlives_its_issuer(void **state)
{
    (void)state;
    static const enum ca_profile profiles[] = { CA_STATION, CA_OPERATOR, CA_AUDITOR,
                                                CA_DEVICE };
    struct ca *short_lived = ca_of_times(-5, TEN_DAYS_S);
    int64_t now_s = clock_real_s();
    for (size_t i = 0; i < COUNT(profiles); i++) {
        struct ca_terms terms;
        assert_int_equal(ca_terms_make(short_lived, profiles[i], &terms), ERR_OK);
        assert_in_range(terms.not_before, now_s - 6, now_s);
        assert_in_range(terms.not_after, now_s + TEN_DAYS_S - 1, now_s + TEN_DAYS_S);
    }
    ca_free(short_lived);
}

static enum err ask_terms(struct ca *of, const struct ca_terms *terms)
{
    AUTO(buf_free) struct buf der = make_csr(&(struct csr_spec){ .curve = "P-256" });
    AUTO(buf_free) struct buf certificate = { 0 };
    AUTO(ssl_request_drop) X509_REQ *csr = NULL;
    assert_int_equal(ca_csr_open(buf_span(&der), &csr), ERR_OK);
    never_asked = true;
    return ca_issue(of, CA_DEVICE, NULL, csr, terms, &certificate);
}

/* The message has the three times, so that whoever reads it looks at the clock. */
static void the_clock_is_named(const char *from, const char *until)
{
    const char *words = fail_words();
    assert_non_null(strstr(words, "the issuing CA's certificate is valid from "));
    assert_non_null(strstr(words, from));
    assert_non_null(strstr(words, until));
    assert_non_null(strstr(words, "but the server's clock says "));
    assert_non_null(strstr(words, ": check that clock"));
}

static void an_issuer_signs_only_while_it_is_valid(void **state)
{
    (void)state;
    static const struct {
        int64_t from_s, until_s;
    } rows[] = {
        { 86400, TEN_DAYS_S },   /* the clock is a day back */
        { 61, TEN_DAYS_S },      /* or by a minute */
        { -TEN_DAYS_S, -86400 }, /* it is ahead */
        { -TEN_DAYS_S, -1 },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char from[CLOCK_TEXT_SIZE], until[CLOCK_TEXT_SIZE];
        struct ca *of = ca_of_times(rows[i].from_s, rows[i].until_s);
        struct validity validity;
        struct ca_terms terms = { .serial = { 1 } };
        assert_int_equal(validity_of_der(ca_issuing(of), &validity), ERR_OK);
        clock_text(validity.not_before, from);
        clock_text(validity.not_after, until);
        assert_int_equal(ca_terms_make(of, CA_DEVICE, &terms), ERR_PRECONDITION);
        the_clock_is_named(from, until);
        assert_int_equal(ask_terms(of, NULL), ERR_PRECONDITION);
        the_clock_is_named(from, until);
        terms.not_before = validity.not_before; /* claimed while it was valid */
        terms.not_after = validity.not_after;
        assert_int_equal(ask_terms(of, &terms), ERR_PRECONDITION);
        the_clock_is_named(from, until);
        assert_true(never_asked);
        ca_free(of);
    }
}

/* Terms that were recorded before, by another clock. */
static void terms_are_within_the_issuer_and_not_to_come(void **state)
{
    (void)state;
    struct ca *of = ca_of_times(-1000, TEN_DAYS_S);
    int64_t now_s = clock_real_s();
    const struct {
        int64_t not_before, not_after;
        const char *words;
    } rows[] = {
        { now_s - 2000, now_s + 100, "when the issuing CA is not" },
        { now_s - 10, now_s + TEN_DAYS_S + 60, "when the issuing CA is not" },
        { now_s + 86400, now_s + TEN_DAYS_S - 10,
          "that clock was ahead then, or is behind now" },
        { now_s + 120, now_s + TEN_DAYS_S - 10, "the server's clock says" },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct ca_terms terms = { { 1 }, rows[i].not_before, rows[i].not_after };
        assert_int_equal(ask_terms(of, &terms), ERR_PRECONDITION);
        assert_non_null(strstr(fail_words(), rows[i].words));
        assert_true(never_asked);
    }
    ca_free(of);
}

/* UTCTime to 2049, GeneralizedTime from 2050 (RFC 5280 4.1.2.5), and the same second back. */
static void times_are_written_as_their_year_has_them(void **state)
{
    (void)state;
    static const struct {
        int64_t not_before, not_after;
        int types[2];
        const char *texts[2];
    } rows[] = {
        { 2147483647,
          2147483648,
          { V_ASN1_UTCTIME, V_ASN1_UTCTIME },
          { "380119031407Z", "380119031408Z" } },
        { 2524607999,
          2524608000,
          { V_ASN1_UTCTIME, V_ASN1_GENERALIZEDTIME },
          { "491231235959Z", "20500101000000Z" } },
        { 4294967295,
          4294967296,
          { V_ASN1_GENERALIZEDTIME, V_ASN1_GENERALIZEDTIME },
          { "21060207062815Z", "21060207062816Z" } },
        { 253402300798,
          253402300799,
          { V_ASN1_GENERALIZEDTIME, V_ASN1_GENERALIZEDTIME },
          { "99991231235958Z", "99991231235959Z" } },
    };
    AUTO(ssl_name_drop) X509_NAME *subject = NULL;
    const struct names_subject parts = { "Example AG", "station", "line-1", NULL };
    assert_int_equal(names_subject_make(&parts, &subject), ERR_OK);
    for (size_t i = 0; i < COUNT(rows); i++) {
        AUTO(ssl_certificate_drop) X509 *made = NULL;
        const struct ca_terms terms = { { 1 }, rows[i].not_before, rows[i].not_after };
        const struct cert_request r = {
            profile_of(CA_STATION), subject, other_key, NULL, issuing, issuing_key, &terms
        };
        struct validity validity;
        assert_int_equal(cert_make(&r, &made), ERR_OK);
        const ASN1_TIME *both[] = { X509_get0_notBefore(made), X509_get0_notAfter(made) };
        for (size_t end = 0; end < COUNT(both); end++) {
            assert_int_equal(ASN1_STRING_type(both[end]), rows[i].types[end]);
            assert_string_equal((const char *)ASN1_STRING_get0_data(both[end]),
                                rows[i].texts[end]);
        }
        assert_int_equal(validity_of(made, &validity), ERR_OK);
        assert_int_equal(validity.not_before, rows[i].not_before);
        assert_int_equal(validity.not_after, rows[i].not_after);
    }
}

/* --- The tests. --- */

static enum err ask(enum ca_profile profile, struct buf *certificate_out)
{
    AUTO(buf_free) struct buf der = make_csr(&(struct csr_spec){ .curve = "P-256" });
    AUTO(ssl_request_drop) X509_REQ *csr = NULL;
    assert_int_equal(ca_csr_open(buf_span(&der), &csr), ERR_OK);
    return ca_issue(ca, profile, profile == CA_DEVICE ? NULL : "line-1", csr, NULL,
                    certificate_out);
}

static void refuse_each(enum ca_profile profile, const struct lie *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        AUTO(buf_free) struct buf certificate = { 0 };
        lie = &rows[i];
        enum err e = ask(profile, &certificate);
        if ((e != ERR_MISMATCH && e != ERR_SIG) || strstr(fail_words(), rows[i].words) == NULL)
            fail_msg("%s: %s (%s)", rows[i].name, err_text(e), fail_words());
        assert_int_equal(certificate.len, 0);
    }
}

static void a_principals(void **state)
{
    (void)state;
    refuse_each(CA_STATION, lies, COUNT(lies));
    refuse_each(CA_STATION, principal_lies, COUNT(principal_lies));
}

static void a_devices(void **state)
{
    (void)state;
    refuse_each(CA_DEVICE, lies, COUNT(lies));
    refuse_each(CA_DEVICE, device_lies, COUNT(device_lies));
}

/* Else a refusal would show nothing. */
static void the_truth_is_given_out(void **state)
{
    (void)state;
    static const struct lie none = { "none", "", NULL, NULL, NULL };
    static const enum ca_profile profiles[] = { CA_STATION, CA_OPERATOR, CA_AUDITOR, CA_SERVICE,
                                                CA_DEVICE };
    for (size_t i = 0; i < COUNT(profiles); i++) {
        AUTO(buf_free) struct buf certificate = { 0 };
        AUTO(ssl_certificate_drop) X509 *parsed = NULL;
        lie = &none;
        if (ask(profiles[i], &certificate) != ERR_OK)
            fail_msg("profile %zu: %s", i, fail_words());
        assert_int_equal(ssl_certificate_open("test", buf_span(&certificate), &parsed), ERR_OK);
        assert_int_equal(X509_verify(parsed, issuing_key), 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_principals),
        cmocka_unit_test(a_devices),
        cmocka_unit_test(the_truth_is_given_out),
        cmocka_unit_test(nothing_outlives_its_issuer),
        cmocka_unit_test(an_issuer_signs_only_while_it_is_valid),
        cmocka_unit_test(terms_are_within_the_issuer_and_not_to_come),
        cmocka_unit_test(times_are_written_as_their_year_has_them),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
