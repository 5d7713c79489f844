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
#include "common/host/log.h"
#include "common/host/p256.h"
#include "oem-server/ctl/credential.h"
#include "oem-server/ctl/file.h"
#include "oem-server/ctl/unit.h"
#include "oem-server/ctl/unit_row.h"
#include "tests/unit/certs.h"

enum { CHECKS = 24, IMAGE_SIZE = 64, DIGEST_AT = 0x60, SIGNED_SIZE = 0x80 };

static char root_path[64];
static char sealed[] = "sealed", finished[] = "finished", committed[] = "committed",
            started[] = "started", scrapped[] = "scrapped", unknown[] = "unknown";

/* One unit's evidence, all of it sound. Spans of the messages lie in here. */
struct scene {
    EVP_PKEY *auth, *boot, *root_key;
    X509 *root;
    struct settings trust;
    uint8_t uid[UID_SIZE], run_id[RUN_ID_SIZE], nonce[NONCE_SIZE];
    uint8_t rotpk[ROTPK_SIZE], fwinfo[FWINFO_SIZE], image[IMAGE_SIZE + FWINFO_SIZE];
    uint8_t point[P256_POINT_SIZE], signature[P256_SIGNATURE_SIZE];
    /* certificate, web server, rotpk, firmware, transcript, devauth, receipt, commit */
    uint8_t digests[8][SHA256_SIZE];
    uint8_t other_run[RUN_ID_SIZE], kcv[KCV_SIZE];
    uint8_t commit_signature[P256_SIGNATURE_SIZE], lock_signature[P256_SIGNATURE_SIZE];
    struct buf csr, certificate;
    Hallmark__V1__Receipt receipt;
    Hallmark__V1__CommitStatement commit;
    Hallmark__V1__LockStatement lock;
    Hallmark__V1__UnitRow row;
    Hallmark__V1__RevokedCertificate revoked, *revoked_list[1];
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

static void sign_receipt_again(struct scene *s)
{
    uint8_t bytes[SIGN_STATEMENT_MAX];
    struct wr w = wr_of(bytes, sizeof(bytes));
    const struct sign_receipt fields = {
        .run_id = SPAN(s->run_id),
        .uid = SPAN(s->uid),
        .auth_public_key = SPAN(s->point),
        .device_certificate_sha256 = SPAN(s->digests[0]),
        .web_server_certificate_sha256 = SPAN(s->digests[1]),
        .rotpk_sha256 = SPAN(s->digests[2]),
        .firmware_sha256 = SPAN(s->digests[3]),
        .lock_level = (uint8_t)s->receipt.lock_level,
        .transcript_sha256 = SPAN(s->digests[4]),
        .server_nonce = SPAN(s->nonce),
        .rotpk_unproven = s->receipt.rotpk_unproven != 0,
        .devauth_sha256 = SPAN(s->digests[5]),
        .slot = (uint8_t)s->receipt.slot,
        .slot_kcv = span_of(s->receipt.slot_kcv.data, s->receipt.slot_kcv.len),
    };
    sign_receipt(&w, &fields);
    assert_int_equal(wr_end(&w), ERR_OK);
    sha256_of(wr_done(&w), s->digests[6]);
    sign_p256(s->auth, wr_done(&w), s->signature);
}

static void make_receipt(struct scene *s)
{
    sha256_of(buf_span(&s->certificate), s->digests[0]);
    sha256_of(SPAN(s->rotpk), s->digests[2]);
    memcpy(s->digests[3], s->fwinfo + DIGEST_AT, SHA256_SIZE);
    assert_int_equal(p256_point_of(s->auth, s->point), ERR_OK);
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
    s->receipt.devauth_sha256 = DATA(s->digests[5]);
    s->receipt.signature = DATA(s->signature);
    sign_receipt_again(s);
}

static void sign_commit_again(struct scene *s)
{
    uint8_t bytes[SIGN_STATEMENT_MAX];
    struct wr w = wr_of(bytes, sizeof(bytes));
    const struct sign_commit fields = {
        .run_id = span_of(s->commit.run_id.data, s->commit.run_id.len),
        .uid = SPAN(s->uid),
        .slot = (uint8_t)s->commit.slot,
        .kcv = span_of(s->commit.kcv.data, s->commit.kcv.len),
        .lock_level = (uint8_t)s->commit.lock_level,
        .receipt_sha256 = SPAN(s->digests[6]),
    };
    sign_commit(&w, &fields);
    sha256_of(wr_done(&w), s->digests[7]);
    sign_p256(s->auth, wr_done(&w), s->commit_signature);
}

static void make_commit(struct scene *s)
{
    hallmark__v1__commit_statement__init(&s->commit);
    s->commit.run_id = DATA(s->run_id);
    s->commit.uid = DATA(s->uid);
    s->commit.slot = 3;
    s->commit.kcv = DATA(s->kcv);
    s->commit.lock_level = HALLMARK__V1__LOCK_LEVEL__LOCK_LEVEL_PRODUCTION;
    s->commit.receipt_sha256 = DATA(s->digests[6]);
    s->commit.signature = DATA(s->commit_signature);
    sign_commit_again(s);
}

static void sign_lock_again(struct scene *s)
{
    uint8_t bytes[SIGN_STATEMENT_MAX];
    struct wr w = wr_of(bytes, sizeof(bytes));
    const struct sign_lock fields = {
        .run_id = span_of(s->lock.run_id.data, s->lock.run_id.len),
        .uid = SPAN(s->uid),
        .lock_level = (uint8_t)s->lock.lock_level,
        .statement_sha256 = SPAN(s->digests[7]),
    };
    sign_lock(&w, &fields);
    sign_p256(s->auth, wr_done(&w), s->lock_signature);
}

static void make_lock(struct scene *s)
{
    hallmark__v1__lock_statement__init(&s->lock);
    s->lock.run_id = DATA(s->run_id);
    s->lock.uid = DATA(s->uid);
    s->lock.lock_level = HALLMARK__V1__LOCK_LEVEL__LOCK_LEVEL_PRODUCTION;
    s->lock.statement_sha256 = DATA(s->digests[7]);
    s->lock.signature = DATA(s->lock_signature);
    sign_lock_again(s);
}

static void make_row(struct scene *s)
{
    hallmark__v1__unit_row__init(&s->row);
    s->row.uid = DATA(s->uid);
    s->row.generation = 1;
    s->row.state = sealed;
    s->row.locked = true;
    s->row.lock_level = HALLMARK__V1__LOCK_LEVEL__LOCK_LEVEL_PRODUCTION;
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
    s->other_run[0] = 1;
    s->auth = EVP_EC_gen("P-256");
    s->boot = EVP_EC_gen("P-256");
    make_certificate(s);
    make_firmware(s);
    make_receipt(s);
    assert_int_equal(credential_csr_make(s->auth, "x", &s->csr), ERR_OK);
    hallmark__v1__show_unit_response__init(&s->unit);
    make_commit(s);
    make_lock(s);
    make_row(s);
    s->unit.unit = &s->row;
    s->unit.commit = &s->commit;
    s->unit.lock = &s->lock;
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
    *good_out = unit_check(&report, &s->unit, &s->trust) == ERR_OK;
    json_object_foreach(json_object_get(report.json, "checks"), name, value) count +=
        strcmp(json_string_value(value), word) == 0;
    report_free(&report);
    return count;
}

static const char *check_of(const struct scene *s, const char *name)
{
    static char word[16];
    struct report report = report_new();
    enum err e = unit_check(&report, &s->unit, &s->trust);
    bool named = e == ERR_DATA_LOSS && strstr(fail_words(), name) != NULL;
    const char *said =
        json_string_value(json_object_get(json_object_get(report.json, "checks"), name));
    snprintf(word, sizeof(word), "%s", said == NULL ? "(no such check)" : said);
    assert_int_equal(named, strcmp(word, "FAILS") == 0); /* the message names it */
    report_free(&report);
    return word;
}

static void sound_evidence_holds(void **state)
{
    bool good;
    assert_int_equal(count_checks(*state, "holds", &good), CHECKS);
    assert_true(good);
}

static void early_unit_is_absent(void **state)
{
    struct scene *s = *state;
    bool good;
    Hallmark__V1__ShowUnitResponse none = HALLMARK__V1__SHOW_UNIT_RESPONSE__INIT;
    none.unit = &s->row;
    s->row.state = started;
    s->row.locked = false;
    s->unit = none;
    assert_int_equal(count_checks(s, "absent", &good), CHECKS - 1);
    assert_true(good);
    s->row.state = sealed;
    assert_int_equal(count_checks(s, "FAILS", &good), CHECKS - 1);
    assert_false(good);
}

/* Each state has what it needs, and may lack the rest. */
static void states_need_their_part(void **state)
{
    struct scene *s = *state;
    bool good;
    s->row.locked = false;
    s->unit.lock = NULL;
    s->row.state = committed;
    assert_int_equal(count_checks(s, "absent", &good), 5);
    assert_true(good);
    s->unit.commit = NULL;
    s->row.state = finished;
    assert_int_equal(count_checks(s, "absent", &good), 10);
    assert_true(good);
    s->row.state = committed;
    assert_int_equal(count_checks(s, "FAILS", &good), 4);
    assert_false(good);
}

/* An operator's word takes the place of a lock statement, and of nothing else. */
static void accepted_unit_lacks_its_level(void **state)
{
    struct scene *s = *state;
    bool good;
    struct report report = report_new();
    s->unit.lock = NULL;
    s->row.locked = false;
    s->row.accepted = true;
    assert_int_equal(count_checks(s, "absent", &good), 5);
    assert_true(good);
    unit_row_report(&report, &s->row);
    assert_string_equal(json_string_value(json_object_get(report.json, "lock")),
                        "level not stated by the board");
    report_free(&report);
    s->unit.commit = NULL;
    assert_int_equal(count_checks(s, "FAILS", &good), 5);
    assert_false(good);
}

/* Run twice since it was committed, and not committed again yet: the newest receipt has no
 * statement of its own. */
static void repeated_unit_has_an_older_statement(void **state)
{
    struct scene *s = *state;
    bool good;
    s->row.state = committed;
    s->row.locked = false;
    s->unit.lock = NULL;
    uint8_t first[SHA256_SIZE]; /* the receipt that the commit statement names */
    memcpy(first, s->digests[6], sizeof(first));
    s->receipt.run_id = DATA(s->other_run);
    memcpy(s->run_id, s->other_run, sizeof(s->run_id));
    sign_receipt_again(s);
    memset(s->run_id, 0, sizeof(s->run_id));
    memcpy(s->digests[6], first, sizeof(first));
    assert_int_equal(count_checks(s, "FAILS", &good), 0);
    assert_string_equal(check_of(s, "commit_names_receipt"), "absent");
    s->row.state = sealed; /* then it must */
    assert_string_equal(check_of(s, "commit_names_receipt"), "FAILS");
}

static void kept_key_is_that_of_the_receipt(void **state)
{
    struct scene *s = *state;
    bool good;
    s->receipt.slot = 3;
    s->receipt.slot_kcv = DATA(s->kcv);
    sign_receipt_again(s);
    sign_commit_again(s);
    sign_lock_again(s);
    assert_int_equal(count_checks(s, "holds", &good), CHECKS);
    assert_true(good);
}

static void scrapped_unit_is_revoked(void **state)
{
    struct scene *s = *state;
    bool good;
    s->row.state = scrapped;
    s->unit.n_revoked = 1;
    s->revoked_list[0] = &s->revoked;
    hallmark__v1__revoked_certificate__init(&s->revoked);
    s->unit.revoked = s->revoked_list;
    assert_int_equal(count_checks(s, "FAILS", &good), 0);
    assert_true(good);
}

static void no_receipt(struct scene *s)
{
    s->unit.receipt = NULL;
}

static void no_receipt_finished(struct scene *s)
{
    s->unit.receipt = NULL;
    s->row.state = finished;
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
    s->row.state = unknown;
}

static void state_empty(struct scene *s)
{
    s->row.state = unknown + sizeof(unknown) - 1;
}

static void no_commit(struct scene *s)
{
    s->unit.commit = NULL;
}

static void no_lock(struct scene *s)
{
    s->unit.lock = NULL;
    s->row.locked = false;
}

static void lock_taken_away(struct scene *s)
{
    s->unit.lock = NULL;
    s->row.state = committed; /* where it need not be there, but the row says that it is */
}

static void row_unlocked(struct scene *s)
{
    s->row.locked = false;
}

static void row_level(struct scene *s)
{
    s->row.lock_level = HALLMARK__V1__LOCK_LEVEL__LOCK_LEVEL_DEV;
}

/* Signed by the board for another run, another receipt: what a mix of two runs looks like. */
static void commit_of_another_run(struct scene *s)
{
    s->commit.run_id = DATA(s->other_run);
    sign_commit_again(s);
}

static void commit_of_another_receipt(struct scene *s)
{
    s->digests[6][0] ^= 1;
    sign_commit_again(s);
    sign_lock_again(s);
}

static void commit_level_lower(struct scene *s)
{
    s->commit.lock_level = HALLMARK__V1__LOCK_LEVEL__LOCK_LEVEL_DEV;
    sign_commit_again(s);
    sign_lock_again(s);
}

static void commit_level_edited(struct scene *s)
{
    s->commit.lock_level = HALLMARK__V1__LOCK_LEVEL__LOCK_LEVEL_DEV;
}

static void commit_slot_edited(struct scene *s)
{
    s->commit.slot = 4;
}

static void commit_slot_beyond_a_byte(struct scene *s)
{
    s->commit.slot += 256; /* would be the same byte */
}

static void commit_slot_of_rotpk(struct scene *s)
{
    s->commit.slot = 1;
    sign_commit_again(s);
}

static void commit_kcv_edited(struct scene *s)
{
    s->kcv[0] ^= 1;
}

static void commit_kcv_short(struct scene *s)
{
    s->commit.kcv.len = 8;
    sign_commit_again(s);
}

static void commit_of_another_key(struct scene *s)
{
    s->receipt.slot = 3; /* in use already, with a key that the statement does not name */
    s->receipt.slot_kcv = DATA(s->other_run);
    sign_receipt_again(s);
    sign_commit_again(s);
}

static void commit_of_another_unit(struct scene *s)
{
    s->commit.uid = DATA(s->nonce);
}

static void lock_of_another_commit(struct scene *s)
{
    s->digests[7][0] ^= 1;
    sign_lock_again(s);
}

static void lock_of_another_run(struct scene *s)
{
    s->lock.run_id = DATA(s->other_run);
    sign_lock_again(s);
}

static void lock_below_its_level(struct scene *s)
{
    s->lock.lock_level = HALLMARK__V1__LOCK_LEVEL__LOCK_LEVEL_DEV;
    s->row.lock_level = HALLMARK__V1__LOCK_LEVEL__LOCK_LEVEL_DEV;
    sign_lock_again(s);
}

static void lock_level_edited(struct scene *s)
{
    s->lock.lock_level = HALLMARK__V1__LOCK_LEVEL__LOCK_LEVEL_DEV;
}

static void lock_level_beyond_a_byte(struct scene *s)
{
    s->lock.lock_level = (Hallmark__V1__LockLevel)(s->lock.lock_level + 256);
}

static void lock_without_commit(struct scene *s)
{
    s->unit.commit = NULL;
}

static void lock_signature_bit(struct scene *s)
{
    s->lock_signature[9] ^= 1;
}

static void receipt_proven(struct scene *s)
{
    s->receipt.rotpk_unproven = true;
}

static void receipt_devauth(struct scene *s)
{
    s->digests[5][0] ^= 1;
}

static void receipt_slot(struct scene *s)
{
    s->receipt.slot = 3;
}

static void revoked(struct scene *s)
{
    const ASN1_INTEGER *serial;
    const uint8_t *p = s->certificate.ptr;
    static uint8_t bytes[20];
    X509 *certificate = d2i_X509(NULL, &p, (long)s->certificate.len);
    serial = X509_get0_serialNumber(certificate);
    BIGNUM *number = ASN1_INTEGER_to_BN(serial, NULL);
    int len = BN_bn2bin(number, bytes);
    BN_free(number);
    X509_free(certificate);
    hallmark__v1__revoked_certificate__init(&s->revoked);
    s->revoked.serial = (ProtobufCBinaryData){ (size_t)len, bytes };
    s->revoked_list[0] = &s->revoked;
    s->unit.revoked = s->revoked_list;
    s->unit.n_revoked = 1;
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
    { "receipt made proven", receipt_proven, "receipt_signed_by_authkey" },
    { "receipt of another DevAuth", receipt_devauth, "receipt_signed_by_authkey" },
    { "receipt of another slot", receipt_slot, "receipt_signed_by_authkey" },
    { "sealed without its commit statement", no_commit, "commit_signed_by_authkey" },
    { "commit of another run", commit_of_another_run, "commit_names_receipt" },
    { "commit of another receipt", commit_of_another_receipt, "commit_names_receipt" },
    { "commit of a lower level", commit_level_lower, "commit_level_of_receipt" },
    { "commit's level edited", commit_level_edited, "commit_signed_by_authkey" },
    { "commit's slot edited", commit_slot_edited, "commit_signed_by_authkey" },
    { "commit's slot beyond a byte", commit_slot_beyond_a_byte, "commit_signed_by_authkey" },
    { "commit's slot is a ROTPK's", commit_slot_of_rotpk, "commit_names_slot_and_key" },
    { "commit's KCV edited", commit_kcv_edited, "commit_signed_by_authkey" },
    { "commit's KCV cut short", commit_kcv_short, "commit_names_slot_and_key" },
    { "commit of another key in that slot", commit_of_another_key,
      "commit_names_slot_and_key" },
    { "commit of another unit", commit_of_another_unit, "commit_names_unit" },
    { "sealed without its lock statement", no_lock, "lock_signed_by_authkey" },
    { "locked by the row alone", lock_taken_away, "lock_in_units_row" },
    { "not locked by the row", row_unlocked, "lock_in_units_row" },
    { "another level in the row", row_level, "lock_in_units_row" },
    { "lock of another commit", lock_of_another_commit, "lock_names_commit" },
    { "lock of another run", lock_of_another_run, "lock_names_commit" },
    { "locked below its level", lock_below_its_level, "lock_level_as_wanted" },
    { "lock's level edited", lock_level_edited, "lock_signed_by_authkey" },
    { "lock's level beyond a byte", lock_level_beyond_a_byte, "lock_signed_by_authkey" },
    { "lock without a commit", lock_without_commit, "lock_names_commit" },
    { "lock's signature changed", lock_signature_bit, "lock_signed_by_authkey" },
    { "certificate revoked", revoked, "certificate_not_revoked" },
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

/* NAME.sig is a signature of NAME.tbs as any tool takes it. */
static void assert_signed(const struct scene *s, const char *folder, const char *name)
{
    char path[96];
    struct buf tbs = { 0 }, sig = { 0 };
    snprintf(path, sizeof(path), "%s/%s.tbs", folder, name);
    assert_int_equal(file_read(path, 10000, &tbs), ERR_OK);
    snprintf(path, sizeof(path), "%s/%s.sig", folder, name);
    assert_int_equal(file_read(path, 10000, &sig), ERR_OK);
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    assert_int_equal(EVP_DigestVerifyInit(md, NULL, EVP_sha256(), NULL, s->auth), 1);
    assert_int_equal(EVP_DigestVerify(md, sig.ptr, sig.len, tbs.ptr, tbs.len), 1);
    EVP_MD_CTX_free(md);
    buf_free(&tbs);
    buf_free(&sig);
}

static void evidence_is_written(void **state)
{
    static const char *const names[] = {
        "csr.der",     "csr.pem",          "certificate.pem", "rotpk.bin",    "rotpk.pem",
        "fwinfo.bin",  "signed-image.bin", "receipt.bin",     "receipt.json", "receipt.tbs",
        "receipt.sig", "commit.bin",       "commit.json",     "commit.tbs",   "commit.sig",
        "lock.bin",    "lock.json",        "lock.tbs",        "lock.sig",
    };
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

    assert_signed(s, folder, "receipt");
    assert_signed(s, folder, "commit");
    assert_signed(s, folder, "lock");
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
        cmocka_unit_test_setup_teardown(states_need_their_part, set_up, tear_down),
        cmocka_unit_test_setup_teardown(accepted_unit_lacks_its_level, set_up, tear_down),
        cmocka_unit_test_setup_teardown(repeated_unit_has_an_older_statement, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(kept_key_is_that_of_the_receipt, set_up, tear_down),
        cmocka_unit_test_setup_teardown(scrapped_unit_is_revoked, set_up, tear_down),
        cmocka_unit_test_setup_teardown(contradictions_are_found, set_up, tear_down),
        cmocka_unit_test_setup_teardown(evidence_is_written, set_up, tear_down),
        cmocka_unit_test_setup_teardown(bad_rotpk_is_not_written, set_up, tear_down),
    };
    snprintf(root_path, sizeof(root_path), "/tmp/test_ctl_unit.%d.pem", (int)getpid());
    return cmocka_run_group_tests(tests, NULL, NULL);
}
