/* SPDX-License-Identifier: MIT */
/* unit show: evidence that does not hold together is found out, and is written as files. */
#include "tests/unit/check.h"

#include <dirent.h>
#include <openssl/ecdsa.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/core/sign.h"
#include "common/host/hex.h"
#include "common/host/p256.h"
#include "oem-server/ctl/credential.h"
#include "oem-server/ctl/file.h"
#include "oem-server/ctl/unit.h"
#include "tests/unit/certs.h"

enum { IMAGE_SIZE = 64, DIGEST_AT = 0x60, SIGNED_SIZE = 0x80 };

static char root_path[64];
static char sealed[] = "sealed", finished[] = "finished", open_word[] = "open",
            unknown[] = "unknown";

/* One unit's evidence, all of it sound. Spans of the messages lie in here. */
struct scene {
    EVP_PKEY *auth, *boot, *root_key;
    X509 *root;
    struct settings trust;
    uint8_t uid[UID_SIZE], run_id[RUN_ID_SIZE], nonce[NONCE_SIZE];
    uint8_t rotpk[ROTPK_SIZE], fwinfo[FWINFO_SIZE], image[IMAGE_SIZE + FWINFO_SIZE];
    uint8_t point[P256_POINT_SIZE], signature[P256_SIGNATURE_SIZE];
    uint8_t digests[5][SHA256_SIZE]; /* certificate, web server, rotpk, firmware, transcript */
    struct buf csr, certificate;
    Hallmark__V1__Receipt receipt;
    Hallmark__V1__ShowUnitResponse unit;
};

static void sign_p256(EVP_PKEY *key, struct span message, uint8_t out[P256_SIGNATURE_SIZE])
{
    uint8_t der[128];
    size_t len = sizeof(der);
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    assert_int_equal(EVP_DigestSignInit(md, NULL, EVP_sha256(), NULL, key), 1);
    assert_int_equal(EVP_DigestSign(md, der, &len, message.ptr, message.len), 1);
    EVP_MD_CTX_free(md);
    const uint8_t *p = der;
    ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &p, (long)len);
    assert_non_null(sig);
    assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_r(sig), out, 32), 32);
    assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_s(sig), out + 32, 32), 32);
    ECDSA_SIG_free(sig);
}

static void make_certificate(struct scene *s)
{
    char serial[2 * UID_SIZE + 1];
    uint8_t *der = NULL;
    X509 *certificate = X509_new();
    hex_of(SPAN(s->uid), serial);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "serialNumber", MBSTRING_ASC,
                               (const uint8_t *)serial, -1, -1, 0);
    X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 60);
    X509_set_pubkey(certificate, s->auth);
    X509_set_version(certificate, X509_VERSION_3);
    X509_set_issuer_name(certificate, X509_get_subject_name(s->root));
    assert_true(X509_sign(certificate, s->root_key, EVP_sha256()) > 0);
    int len = i2d_X509(certificate, &der);
    assert_int_equal(buf_copy(&s->certificate, span_of(der, (size_t)len)), ERR_OK);
    OPENSSL_free(der);
    X509_free(certificate);
}

static void make_firmware(struct scene *s)
{
    uint8_t point[P256_POINT_SIZE];
    assert_int_equal(p256_point_of(s->boot, point), ERR_OK);
    memcpy(s->rotpk, point + 1, ROTPK_SIZE);
    memset(s->image, 0x5a, IMAGE_SIZE);
    s->fwinfo[0x4c] = IMAGE_SIZE; /* region: base 0, this size */
    sha256_of(span_of(s->image, IMAGE_SIZE), s->fwinfo + DIGEST_AT);
    sign_p256(s->boot, span_of(s->fwinfo, SIGNED_SIZE), s->fwinfo + SIGNED_SIZE);
    memcpy(s->image + IMAGE_SIZE, s->fwinfo, FWINFO_SIZE);
}

#define DATA(array) ((ProtobufCBinaryData){ sizeof(array), (array) })

static void make_receipt(struct scene *s)
{
    uint8_t bytes[SIGN_STATEMENT_MAX];
    struct wr w = wr_of(bytes, sizeof(bytes));
    sha256_of(buf_span(&s->certificate), s->digests[0]);
    sha256_of(SPAN(s->rotpk), s->digests[2]);
    memcpy(s->digests[3], s->fwinfo + DIGEST_AT, SHA256_SIZE);
    assert_int_equal(p256_point_of(s->auth, s->point), ERR_OK);
    const struct sign_receipt fields = {
        SPAN(s->run_id),     SPAN(s->uid),        SPAN(s->point),      SPAN(s->digests[0]),
        SPAN(s->digests[1]), SPAN(s->digests[2]), SPAN(s->digests[3]), 3,
        SPAN(s->digests[4]), SPAN(s->nonce),
    };
    sign_receipt(&w, &fields);
    sign_p256(s->auth, wr_done(&w), s->signature);
    hallmark__v1__receipt__init(&s->receipt);
    s->receipt.run_id = DATA(s->run_id);
    s->receipt.uid = DATA(s->uid);
    s->receipt.auth_public_key = DATA(s->point);
    s->receipt.device_certificate_sha256 = DATA(s->digests[0]);
    s->receipt.web_server_certificate_sha256 = DATA(s->digests[1]);
    s->receipt.rotpk_sha256 = DATA(s->digests[2]);
    s->receipt.firmware_sha256 = DATA(s->digests[3]);
    s->receipt.lock_level = HALLMARK__V1__LOCK_LEVEL__LOCK_LEVEL_PRODUCTION;
    s->receipt.transcript_sha256 = DATA(s->digests[4]);
    s->receipt.server_nonce = DATA(s->nonce);
    s->receipt.signature = DATA(s->signature);
}

/* A root of the unit's own, and in the file that stands for it. */
static void make_root(struct scene *s)
{
    const struct certs_spec spec = { "root", NULL, NULL, true, 1 };
    struct buf pem = { 0 };
    uint8_t *der = NULL;
    s->root = certs_make(&spec, NULL, NULL, &s->root_key);
    int len = i2d_X509(s->root, &der);
    assert_int_equal(credential_pem("CERTIFICATE", span_of(der, (size_t)len), &pem), ERR_OK);
    assert_int_equal(file_write(root_path, buf_span(&pem)), ERR_OK);
    snprintf(s->trust.ca, sizeof(s->trust.ca), "%s", root_path);
    snprintf(s->trust.cert, sizeof(s->trust.cert), "%s", root_path);
    OPENSSL_free(der);
    buf_free(&pem);
}

static int set_up(void **state)
{
    struct scene *s = calloc(1, sizeof(*s));
    make_root(s);
    s->uid[0] = 0xab;
    s->auth = EVP_EC_gen("P-256");
    s->boot = EVP_EC_gen("P-256");
    make_certificate(s);
    make_firmware(s);
    make_receipt(s);
    assert_int_equal(credential_csr_make(s->auth, "x", &s->csr), ERR_OK);
    hallmark__v1__show_unit_response__init(&s->unit);
    s->unit.uid = DATA(s->uid);
    s->unit.state = sealed;
    s->unit.csr = (ProtobufCBinaryData){ s->csr.len, s->csr.ptr };
    s->unit.certificate = (ProtobufCBinaryData){ s->certificate.len, s->certificate.ptr };
    s->unit.rotpk = DATA(s->rotpk);
    s->unit.firmware_information = DATA(s->fwinfo);
    s->unit.signed_image = DATA(s->image);
    s->unit.receipt = &s->receipt;
    *state = s;
    return 0;
}

static int tear_down(void **state)
{
    struct scene *s = *state;
    EVP_PKEY_free(s->auth);
    EVP_PKEY_free(s->boot);
    EVP_PKEY_free(s->root_key);
    X509_free(s->root);
    unlink(root_path);
    buf_free(&s->csr);
    buf_free(&s->certificate);
    free(s);
    return 0;
}

/* How many checks say so; whether all is good is told by good_out. */
static unsigned count_checks(const struct scene *s, const char *word, bool *good_out)
{
    struct report report = report_new();
    const char *name;
    json_t *value;
    unsigned count = 0;
    *good_out = unit_check(&report, &s->unit, &s->trust);
    json_object_foreach(json_object_get(report.json, "checks"), name, value) count +=
        strcmp(json_string_value(value), word) == 0;
    report_free(&report);
    return count;
}

static const char *check_of(const struct scene *s, const char *name)
{
    static char word[16];
    struct report report = report_new();
    unit_check(&report, &s->unit, &s->trust);
    const char *said =
        json_string_value(json_object_get(json_object_get(report.json, "checks"), name));
    snprintf(word, sizeof(word), "%s", said == NULL ? "(no such check)" : said);
    report_free(&report);
    return word;
}

static void sound_evidence_holds(void **state)
{
    bool good;
    assert_int_equal(count_checks(*state, "holds", &good), 13);
    assert_true(good);
}

static void early_unit_is_absent(void **state)
{
    struct scene *s = *state;
    bool good;
    Hallmark__V1__ShowUnitResponse none = HALLMARK__V1__SHOW_UNIT_RESPONSE__INIT;
    none.uid = DATA(s->uid);
    none.state = open_word;
    s->unit = none;
    assert_int_equal(count_checks(s, "absent", &good), 12);
    assert_true(good);
    none.state = sealed;
    s->unit = none;
    assert_int_equal(count_checks(s, "FAILS", &good), 12);
    assert_false(good);
}

static void no_receipt(struct scene *s)
{
    s->unit.receipt = NULL;
}

static void no_receipt_finished(struct scene *s)
{
    s->unit.receipt = NULL;
    s->unit.state = finished;
}

static void no_csr(struct scene *s)
{
    s->unit.csr.len = 0;
}

static void no_certificate(struct scene *s)
{
    s->unit.certificate.len = 0;
}

static void no_fwinfo(struct scene *s)
{
    s->unit.firmware_information.len = 0;
}

static void no_image(struct scene *s)
{
    s->unit.signed_image.len = 0;
}

static void state_unknown(struct scene *s)
{
    s->unit.state = unknown;
}

static void state_empty(struct scene *s)
{
    s->unit.state = unknown + sizeof(unknown) - 1;
}

static void swap_keys(struct scene *s)
{
    EVP_PKEY *auth = s->auth;
    s->auth = s->boot;
    s->boot = auth;
}

static void other_csr(struct scene *s)
{
    swap_keys(s);
    buf_free(&s->csr);
    assert_int_equal(credential_csr_make(s->auth, "x", &s->csr), ERR_OK);
    s->unit.csr = (ProtobufCBinaryData){ s->csr.len, s->csr.ptr };
}

static void csr_bit(struct scene *s)
{
    s->csr.ptr[s->csr.len - 1] ^= 1;
}

static void csr_garbage(struct scene *s)
{
    s->unit.csr.len = 20;
}

static void other_uid(struct scene *s)
{
    s->uid[0] ^= 1; /* certificate and receipt were signed with the old one */
}

static void rotpk_bit(struct scene *s)
{
    s->rotpk[5] ^= 1;
}

static void rotpk_short(struct scene *s)
{
    s->unit.rotpk.len = 63;
}

static void image_bit(struct scene *s)
{
    s->image[0] ^= 1;
}

static void image_short(struct scene *s)
{
    s->unit.signed_image.len = IMAGE_SIZE - 1;
}

static void fwinfo_bit(struct scene *s)
{
    s->fwinfo[0x40] ^= 1;
}

static void region_wild(struct scene *s)
{
    memset(s->fwinfo + 0x48, 0xff, 8);
}

static void receipt_lock(struct scene *s)
{
    s->receipt.lock_level = HALLMARK__V1__LOCK_LEVEL__LOCK_LEVEL_DEV;
}

static void receipt_field(struct scene *s)
{
    s->digests[4][0] ^= 1;
}

static void receipt_signature_short(struct scene *s)
{
    s->receipt.signature.len = 63;
}

static void receipt_oversized(struct scene *s)
{
    static uint8_t large[1000];
    s->receipt.run_id = DATA(large);
}

static void other_certificate(struct scene *s)
{
    make_certificate(s); /* for the same key, but not the one the board was given */
    s->unit.certificate = (ProtobufCBinaryData){ s->certificate.len, s->certificate.ptr };
}

static void other_root(struct scene *s)
{
    X509_free(s->root);
    EVP_PKEY_free(s->root_key);
    make_root(s); /* of the same name */
}

static void no_root(struct scene *s)
{
    s->trust.ca[0] = '\0';
}

static void certificate_garbage(struct scene *s)
{
    s->unit.certificate.len--;
}

static const struct {
    const char *name;
    void (*spoil)(struct scene *s);
    const char *check; /* that must fail */
} spoilings[] = {
    { "CSR of another key", other_csr, "certificate_for_that_key" },
    { "CSR with a wrong signature", csr_bit, "csr_signed_by_its_key" },
    { "CSR cut short", csr_garbage, "csr_signed_by_its_key" },
    { "another unit", other_uid, "certificate_names_unit" },
    { "another unit's receipt", other_uid, "receipt_signed_by_authkey" },
    { "ROTPK changed", rotpk_bit, "receipt_names_rotpk" },
    { "ROTPK not on the curve", rotpk_bit, "fwinfo_signed_by_rotpk" },
    { "ROTPK cut short", rotpk_short, "fwinfo_signed_by_rotpk" },
    { "image changed", image_bit, "fwinfo_of_that_image" },
    { "image cut short", image_short, "fwinfo_of_that_image" },
    { "FwInfo changed", fwinfo_bit, "fwinfo_signed_by_rotpk" },
    { "FwInfo names no memory", region_wild, "fwinfo_of_that_image" },
    { "receipt of another lock", receipt_lock, "receipt_signed_by_authkey" },
    { "receipt of another transcript", receipt_field, "receipt_signed_by_authkey" },
    { "receipt's signature cut short", receipt_signature_short, "receipt_signed_by_authkey" },
    { "receipt's field too long", receipt_oversized, "receipt_signed_by_authkey" },
    { "another root's certificate", other_root, "certificate_under_root" },
    { "no root to lead to", no_root, "certificate_under_root" },
    { "another certificate", other_certificate, "receipt_names_certificate" },
    { "certificate cut short", certificate_garbage, "receipt_names_that_key" },
    { "sealed without its receipt", no_receipt, "receipt_signed_by_authkey" },
    { "finished without its receipt", no_receipt_finished, "receipt_names_unit" },
    { "sealed without its request", no_csr, "csr_signed_by_its_key" },
    { "sealed without its certificate", no_certificate, "certificate_under_root" },
    { "sealed without its FwInfo", no_fwinfo, "fwinfo_signed_by_rotpk" },
    { "sealed without its image", no_image, "fwinfo_of_that_image" },
    { "a state that is none", state_unknown, "state_known" },
    { "no state", state_empty, "state_known" },
};

static void contradictions_are_found(void **state)
{
    for (size_t i = 0; i < COUNT(spoilings); i++) {
        bool good = true;
        spoilings[i].spoil(*state);
        const char *word = check_of(*state, spoilings[i].check);
        if (strcmp(word, "FAILS") != 0)
            fail_msg("%s: %s: %s", spoilings[i].name, spoilings[i].check, word);
        count_checks(*state, "FAILS", &good);
        assert_false(good);
        tear_down(state);
        set_up(state);
    }
}

static void evidence_is_written(void **state)
{
    static const char *const names[] = { "csr.der",     "csr.pem",          "certificate.pem",
                                         "rotpk.bin",   "rotpk.pem",        "fwinfo.bin",
                                         "receipt.bin", "signed-image.bin", "receipt.json" };
    struct scene *s = *state;
    char folder[] = "/tmp/test_ctl_unit.XXXXXX", path[64];
    struct report report = report_new();
    assert_non_null(mkdtemp(folder));
    assert_int_equal(unit_write(&report, &s->unit, folder), ERR_OK);
    assert_int_equal(json_object_size(json_object_get(report.json, "files")), COUNT(names));
    report_free(&report);

    snprintf(path, sizeof(path), "%s/rotpk.pem", folder);
    FILE *file = fopen(path, "r");
    EVP_PKEY *key = PEM_read_PUBKEY(file, NULL, NULL, NULL);
    fclose(file);
    assert_int_equal(EVP_PKEY_eq(key, s->boot), 1);
    EVP_PKEY_free(key);

    struct buf packed = { 0 };
    snprintf(path, sizeof(path), "%s/receipt.bin", folder);
    assert_int_equal(file_read(path, 10000, &packed), ERR_OK);
    Hallmark__V1__Receipt *receipt =
        hallmark__v1__receipt__unpack(NULL, packed.len, packed.ptr);
    assert_non_null(receipt);
    assert_memory_equal(receipt->signature.data, s->signature, sizeof(s->signature));
    hallmark__v1__receipt__free_unpacked(receipt, NULL);
    buf_free(&packed);

    for (size_t i = 0; i < COUNT(names); i++) {
        snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
        assert_int_equal(unlink(path), 0);
    }
    assert_int_equal(rmdir(folder), 0);
}

static void bad_rotpk_is_not_written(void **state)
{
    struct scene *s = *state;
    char folder[] = "/tmp/test_ctl_unit.XXXXXX", path[64];
    struct report report = report_new();
    assert_non_null(mkdtemp(folder));
    memset(&s->unit.csr, 0, sizeof(s->unit.csr));
    memset(&s->unit.certificate, 0, sizeof(s->unit.certificate));
    rotpk_bit(s);
    assert_int_equal(unit_write(&report, &s->unit, folder), ERR_POINT);
    report_free(&report);
    snprintf(path, sizeof(path), "%s/rotpk.pem", folder);
    assert_false(file_exists(path));
    snprintf(path, sizeof(path), "%s/rotpk.bin", folder);
    unlink(path);
    assert_int_equal(rmdir(folder), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(sound_evidence_holds, set_up, tear_down),
        cmocka_unit_test_setup_teardown(early_unit_is_absent, set_up, tear_down),
        cmocka_unit_test_setup_teardown(contradictions_are_found, set_up, tear_down),
        cmocka_unit_test_setup_teardown(evidence_is_written, set_up, tear_down),
        cmocka_unit_test_setup_teardown(bad_rotpk_is_not_written, set_up, tear_down),
    };
    snprintf(root_path, sizeof(root_path), "/tmp/test_ctl_unit.%d.pem", (int)getpid());
    return cmocka_run_group_tests(tests, NULL, NULL);
}
