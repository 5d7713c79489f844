/* SPDX-License-Identifier: MIT */
/* Closing.Lock: every check of it fails alone, nothing is written then; and what it continues.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "tests/unit/check.h"

#include "target-fw/devauth/record.h"
#include "tests/unit/test_devauth_bench.h"

#include <openssl/obj_mac.h>
#include <string.h>

#define BIN(array) ((ProtobufCBinaryData){ sizeof(array), (array) })

/* ---- a request with one thing wrong ---- */

/* The board's own private key: a test may sign what the board never would. */
static EC_KEY *board_key(void)
{
    EC_KEY *key = EC_KEY_new_by_curve_name(NID_X9_62_prime256v1);
    BIGNUM *d = BN_bin2bn(host_chip.otp[OTP_AUTHKEY].value, HOST_KEY_SIZE, NULL);
    EC_POINT *q = EC_POINT_new(EC_KEY_get0_group(key));
    assert_int_equal(EC_POINT_mul(EC_KEY_get0_group(key), q, d, NULL, NULL, NULL), 1);
    assert_int_equal(EC_KEY_set_private_key(key, d), 1);
    assert_int_equal(EC_KEY_set_public_key(key, q), 1);
    EC_POINT_free(q);
    BN_clear_free(d);
    return key;
}

/* Bytes that replace those of the messages that the peer keeps. */
static struct forged {
    uint8_t receipt_signature[P256_SIGNATURE_SIZE], statement_signature[P256_SIGNATURE_SIZE];
    uint8_t digest[SHA256_SIZE], uid[UID_SIZE], run_id[RUN_ID_SIZE], kcv[KCV_SIZE];
    uint8_t key[P256_POINT_SIZE], other[SHA256_SIZE];
} forged;

/* Both are signed again, consistently, as if by the board itself: only the field differs. */
static void sign_again(struct peer_lock_request *r)
{
    AUTO(buf_free) struct buf receipt = { 0 };
    AUTO(buf_free) struct buf statement = { 0 };
    EC_KEY *key = board_key();
    peer_receipt_statement(&r->receipt, &receipt);
    peer_sha256(buf_span(&receipt), forged.digest);
    peer_sign(key, buf_span(&receipt), forged.receipt_signature);
    r->receipt.signature = BIN(forged.receipt_signature);
    r->statement.receipt_sha256 = BIN(forged.digest);
    peer_commit_statement(&r->statement, &statement);
    peer_sign(key, buf_span(&statement), forged.statement_signature);
    r->statement.signature = BIN(forged.statement_signature);
    EC_KEY_free(key);
}

static void copy(ProtobufCBinaryData *field, uint8_t *to, size_t len)
{
    assert_int_equal(field->len, len);
    memcpy(to, field->data, len);
    to[len - 1] ^= 1;
    *field = (ProtobufCBinaryData){ len, to };
}

static void no_statement(struct peer *p, struct peer_lock_request *r)
{
    (void)p;
    r->m.statement = NULL;
}

static void no_receipt(struct peer *p, struct peer_lock_request *r)
{
    (void)p;
    r->m.receipt = NULL;
}

static void receipt_not_signed(struct peer *p, struct peer_lock_request *r)
{
    (void)p;
    copy(&r->receipt.signature, forged.receipt_signature, P256_SIGNATURE_SIZE);
}

static void statement_not_signed(struct peer *p, struct peer_lock_request *r)
{
    (void)p;
    copy(&r->statement.signature, forged.statement_signature, P256_SIGNATURE_SIZE);
}

static void statement_signed_by_the_server(struct peer *p, struct peer_lock_request *r)
{
    AUTO(buf_free) struct buf statement = { 0 };
    peer_commit_statement(&r->statement, &statement);
    peer_sign(p->web, buf_span(&statement), forged.statement_signature);
    r->statement.signature = BIN(forged.statement_signature);
}

static void statement_of_another_board(struct peer *p, struct peer_lock_request *r)
{
    (void)p;
    copy(&r->statement.uid, forged.uid, UID_SIZE);
    sign_again(r);
}

static void receipt_of_another_board(struct peer *p, struct peer_lock_request *r)
{
    (void)p;
    copy(&r->receipt.uid, forged.uid, UID_SIZE);
    sign_again(r);
}

static void receipt_of_another_key(struct peer *p, struct peer_lock_request *r)
{
    (void)p;
    copy(&r->receipt.auth_public_key, forged.key, P256_POINT_SIZE);
    sign_again(r);
}

static void receipt_of_another_run(struct peer *p, struct peer_lock_request *r)
{
    (void)p;
    copy(&r->receipt.run_id, forged.run_id, RUN_ID_SIZE);
    sign_again(r);
}

static void another_receipt(struct peer *p, struct peer_lock_request *r)
{
    AUTO(buf_free) struct buf statement = { 0 };
    EC_KEY *key = board_key();
    (void)p;
    copy(&r->receipt.server_nonce, forged.other, NONCE_SIZE);
    peer_receipt_statement(&r->receipt, &statement);
    peer_sign(key, buf_span(&statement), forged.receipt_signature);
    r->receipt.signature = BIN(forged.receipt_signature);
    EC_KEY_free(key);
}

static void another_rotpk(struct peer *p, struct peer_lock_request *r)
{
    (void)p;
    r->rotpk[0] ^= 1;
}

static void rotpk_of_receipt_is_another(struct peer *p, struct peer_lock_request *r)
{
    uint8_t point[P256_POINT_SIZE];
    peer_point(p->web, point);
    memcpy(r->rotpk, point + 1, ROTPK_SIZE);
    peer_sha256(SPAN(r->rotpk), forged.other);
    r->receipt.rotpk_sha256 = BIN(forged.other);
    sign_again(r);
}

static void another_firmware(struct peer *p, struct peer_lock_request *r)
{
    (void)p;
    copy(&r->receipt.firmware_sha256, forged.other, SHA256_SIZE);
    sign_again(r);
}

static void another_certificate(struct peer *p, struct peer_lock_request *r)
{
    (void)p;
    copy(&r->receipt.device_certificate_sha256, forged.other, SHA256_SIZE);
    sign_again(r);
}

static void another_web_certificate(struct peer *p, struct peer_lock_request *r)
{
    (void)p;
    copy(&r->receipt.web_server_certificate_sha256, forged.other, SHA256_SIZE);
    sign_again(r);
}

static void another_slot(struct peer *p, struct peer_lock_request *r)
{
    (void)p;
    r->statement.slot++;
    sign_again(r);
}

static void another_kcv(struct peer *p, struct peer_lock_request *r)
{
    (void)p;
    copy(&r->statement.kcv, forged.kcv, KCV_SIZE);
    sign_again(r);
}

static void level_of_receipt_is_another(struct peer *p, struct peer_lock_request *r)
{
    (void)p;
    r->receipt.lock_level = HALLMARK__V1__LOCK_LEVEL__LOCK_LEVEL_DEV;
    sign_again(r);
}

/* Both say dev; the server's tag is for production. */
static void tag_for_another_level(struct peer *p, struct peer_lock_request *r)
{
    level_of_receipt_is_another(p, r);
    r->statement.lock_level = HALLMARK__V1__LOCK_LEVEL__LOCK_LEVEL_DEV;
    sign_again(r);
}

static void no_such_level(struct peer *p, struct peer_lock_request *r)
{
    (void)p;
    r->statement.lock_level = r->receipt.lock_level = (Hallmark__V1__LockLevel)2;
    sign_again(r);
}

static void tag_is_wrong(struct peer *p, struct peer_lock_request *r)
{
    (void)p;
    r->tag[15] ^= 1;
}

static void tag_of_another_key(struct peer *p, struct peer_lock_request *r)
{
    static const uint8_t key[32] = { 1 };
    peer_lock_tag(p, key, p->lock_level, r->tag);
}

/* What the station knows: the tag of arrow 32, and the key check value. */
static void tag_is_the_kcv(struct peer *p, struct peer_lock_request *r)
{
    peer_kcv(p, p->kept, r->tag);
}

static void tag_is_missing(struct peer *p, struct peer_lock_request *r)
{
    (void)p;
    r->m.lock_tag = (ProtobufCBinaryData){ 0 };
}

/* ---- a chip with one thing wrong ---- */

static void firmware_differs(struct peer *p, struct peer_lock_request *r)
{
    (void)p, (void)r;
    host_chip.flash[1000] ^= 1;
}

static void marker_differs(struct peer *p, struct peer_lock_request *r)
{
    (void)p, (void)r;
    host_chip.flash[0x10] ^= 1;
}

static void fwinfo_of_another_key(struct peer *p, struct peer_lock_request *r)
{
    (void)r;
    peer_make_fwinfo(p, p->web);
    memcpy(host_chip.flash + p->fwinfo_address, p->fwinfo, FWINFO_SIZE);
}

/* One word of the FwInfo in flash. */
static void spoil_fwinfo(const struct peer *p, uint32_t offset, uint8_t bits)
{
    host_chip.flash[p->fwinfo_address + offset] ^= bits;
}

static void fwinfo_auth_differs(struct peer *p, struct peer_lock_request *r)
{
    (void)r;
    spoil_fwinfo(p, 64, 2);
}

static void fwinfo_table_differs(struct peer *p, struct peer_lock_request *r)
{
    (void)r;
    spoil_fwinfo(p, 68, 1);
}

static void fwinfo_base_differs(struct peer *p, struct peer_lock_request *r)
{
    (void)r;
    spoil_fwinfo(p, 72, 4);
}

static void fwinfo_size_differs(struct peer *p, struct peer_lock_request *r)
{
    (void)r;
    spoil_fwinfo(p, 79, 0x80);
}

static void fwinfo_digest_differs(struct peer *p, struct peer_lock_request *r)
{
    (void)r;
    spoil_fwinfo(p, 96, 1);
}

static void fwinfo_signature_differs(struct peer *p, struct peer_lock_request *r)
{
    (void)r;
    spoil_fwinfo(p, 140, 1);
}

static void fwinfo_signature_is_huge(struct peer *p, struct peer_lock_request *r)
{
    (void)r;
    memset(host_chip.flash + p->fwinfo_address + 128, 0xff, 32);
}

static void fwinfo_is_gone(struct peer *p, struct peer_lock_request *r)
{
    (void)r;
    memset(host_chip.flash + p->fwinfo_address, 0xff, FLASH_PAGE_SIZE);
}

static void half_a_rotpk(struct peer *p, struct peer_lock_request *r)
{
    (void)p, (void)r;
    host_chip.otp[OTP_ROTPK_Y].used = false;
}

static void no_rotpk_record(struct peer *p, struct peer_lock_request *r)
{
    (void)p, (void)r;
    host_chip.flash[FLASH_RECORD + 10] ^= 1;
}

static void certificate_differs(struct peer *p, struct peer_lock_request *r)
{
    (void)p, (void)r;
    host_chip.flash[FLASH_DEVICE_CERTIFICATE + 40] ^= 1;
}

static void certificate_is_gone(struct peer *p, struct peer_lock_request *r)
{
    (void)p, (void)r;
    memset(host_chip.flash + FLASH_DEVICE_CERTIFICATE, 0xff, FLASH_PAGE_SIZE);
}

static void web_certificate_differs(struct peer *p, struct peer_lock_request *r)
{
    (void)p, (void)r;
    host_chip.flash[FLASH_WEB_SERVER_CERTIFICATE + 40] ^= 1;
}

static void web_certificate_is_gone(struct peer *p, struct peer_lock_request *r)
{
    (void)p, (void)r;
    memset(host_chip.flash + FLASH_WEB_SERVER_CERTIFICATE, 0xff, FLASH_PAGE_SIZE);
}

/* In flash and in the receipt alike: a certificate for somebody else's key. */
static void certificate_of_another_key(struct peer *p, struct peer_lock_request *r)
{
    uint8_t *at = host_chip.flash + FLASH_DEVICE_CERTIFICATE;
    size_t len = p->web_certificate.len;
    memset(at, 0, 8);
    at[0] = (uint8_t)len;
    at[1] = (uint8_t)(len >> 8);
    memcpy(at + 8, p->web_certificate.ptr, len);
    peer_sha256(buf_span(&p->web_certificate), forged.other);
    r->receipt.device_certificate_sha256 = BIN(forged.other);
    sign_again(r);
}

static void auth_key_is_another(struct peer *p, struct peer_lock_request *r)
{
    (void)p, (void)r;
    host_chip.otp[OTP_AUTHKEY].value[HOST_KEY_SIZE - 1] ^= 1;
}

static void auth_key_is_missing(struct peer *p, struct peer_lock_request *r)
{
    (void)p, (void)r;
    host_chip.otp[OTP_AUTHKEY].used = false;
}

static void slot_holds_another_key(struct peer *p, struct peer_lock_request *r)
{
    (void)p, (void)r;
    host_chip.otp[OTP_AES_FIRST].value[0] ^= 1;
}

static void slot_is_revoked(struct peer *p, struct peer_lock_request *r)
{
    (void)p, (void)r;
    host_chip.otp[OTP_AES_FIRST].revoked = true;
}

static void locked_higher(struct peer *p, struct peer_lock_request *r)
{
    r->statement.lock_level = r->receipt.lock_level = HALLMARK__V1__LOCK_LEVEL__LOCK_LEVEL_DEV;
    sign_again(r);
    peer_lock_tag(p, p->kept, 1, r->tag);
    host_chip.config[0] = 0xfffffffd;
    host_chip.deployed = host_chip.dpm[0] = host_chip.dpm[1] = true;
}

static const struct row {
    const char *name;
    void (*spoil)(struct peer *p, struct peer_lock_request *r);
    uint32_t want;
} rows[] = {
    { "no statement", no_statement, ERR_INVALID },
    { "no receipt", no_receipt, ERR_MISMATCH },
    { "receipt not signed", receipt_not_signed, ERR_SIG },
    { "statement not signed", statement_not_signed, ERR_SIG },
    { "statement signed by the server", statement_signed_by_the_server, ERR_SIG },
    { "statement of another board", statement_of_another_board, ERR_MISMATCH },
    { "receipt of another board", receipt_of_another_board, ERR_MISMATCH },
    { "receipt of another key", receipt_of_another_key, ERR_MISMATCH },
    { "receipt of another run", receipt_of_another_run, ERR_MISMATCH },
    { "another receipt of this board", another_receipt, ERR_MISMATCH },
    { "ROTPK is not the receipt's", another_rotpk, ERR_MISMATCH },
    { "ROTPK is not the record's", rotpk_of_receipt_is_another, ERR_MISMATCH },
    { "firmware is not the receipt's", another_firmware, ERR_VERIFY },
    { "certificate is not the receipt's", another_certificate, ERR_MISMATCH },
    { "server's certificate is not the receipt's", another_web_certificate, ERR_MISMATCH },
    { "another slot", another_slot, ERR_MISMATCH },
    { "another KCV", another_kcv, ERR_MISMATCH },
    { "the receipt's level is another", level_of_receipt_is_another, ERR_MISMATCH },
    { "the tag is for another level", tag_for_another_level, ERR_SIG },
    { "no such level", no_such_level, ERR_INVALID },
    { "wrong tag", tag_is_wrong, ERR_SIG },
    { "tag of another key", tag_of_another_key, ERR_SIG },
    { "the KCV as tag", tag_is_the_kcv, ERR_SIG },
    { "no tag", tag_is_missing, ERR_SIG },
    { "firmware in flash differs", firmware_differs, ERR_VERIFY },
    { "marker words differ", marker_differs, ERR_VERIFY },
    { "FwInfo by another key", fwinfo_of_another_key, ERR_VERIFY },
    { "FwInfo's key type differs", fwinfo_auth_differs, ERR_VERIFY },
    { "FwInfo's table differs", fwinfo_table_differs, ERR_VERIFY },
    { "FwInfo's region begins elsewhere", fwinfo_base_differs, ERR_VERIFY },
    { "FwInfo's size is past its place", fwinfo_size_differs, ERR_VERIFY },
    { "FwInfo's digest differs", fwinfo_digest_differs, ERR_VERIFY },
    { "FwInfo's signature differs", fwinfo_signature_differs, ERR_VERIFY },
    { "FwInfo's signature is no number", fwinfo_signature_is_huge, ERR_VERIFY },
    { "FwInfo is gone", fwinfo_is_gone, ERR_VERIFY },
    { "half a ROTPK", half_a_rotpk, ERR_MISMATCH },
    { "no record of the ROTPK", no_rotpk_record, ERR_MISMATCH },
    { "certificate in flash differs", certificate_differs, ERR_MISMATCH },
    { "no certificate in flash", certificate_is_gone, ERR_NOT_FOUND },
    { "server's certificate in flash differs", web_certificate_differs, ERR_MISMATCH },
    { "no server's certificate in flash", web_certificate_is_gone, ERR_NOT_FOUND },
    { "certificate for another key", certificate_of_another_key, ERR_MISMATCH },
    { "another AUTHKEY", auth_key_is_another, ERR_SPOILT },
    { "no AUTHKEY", auth_key_is_missing, ERR_PRECONDITION },
    { "the slot holds another key", slot_holds_another_key, ERR_MISMATCH },
    { "the slot is revoked", slot_is_revoked, ERR_MISMATCH },
    { "locked higher already", locked_higher, ERR_MISMATCH },
};

/* A committed board, and DevAuth loaded again: no run. */
static void committed(struct peer *p)
{
    peer_run_to(p, 32);
    assert_int_equal(peer_commit(p), 0);
    p->no_run = true;
    bench_reboot(p);
    peer_run_to(p, 7);
}

static void refused_then_locked(void **state)
{
    static struct host_chip before;
    static struct peer_lock_request request;
    struct peer *p = *state;
    committed(p);
    for (size_t i = 0; i < COUNT(rows); i++) {
        uint8_t fwinfo[FWINFO_SIZE];
        memcpy(fwinfo, p->fwinfo, sizeof(fwinfo));
        before = host_chip;
        peer_lock_request(p, &request);
        rows[i].spoil(p, &request);
        unsigned writes = host_chip.writes;
        uint32_t got = peer_call(p, "Closing/Lock", &request.m.base);
        if (got != rows[i].want)
            fail_msg("%s: code %u, want %u", rows[i].name, got, rows[i].want);
        assert_int_equal(host_chip.writes, writes);
        host_chip = before;
        memcpy(p->fwinfo, fwinfo, sizeof(fwinfo));
    }
    assert_false(bench_lock_begun());
    assert_int_equal(peer_lock(p), 0);
    assert_int_equal(bench_level(), PORT_LOCK_PRODUCTION);
}

/* ---- what is continued ---- */

/* Locked already: the same answer, but for its signature, and nothing is written. */
static void repeated_lock_writes_nothing(void **state)
{
    struct peer *p = *state;
    committed(p);
    assert_int_equal(peer_lock(p), 0);
    unsigned writes = host_chip.writes;
    assert_int_equal(peer_lock(p), 0);
    bench_reboot(p);
    peer_run_to(p, 7);
    assert_int_equal(p->hello->state->lock_level, PORT_LOCK_PRODUCTION);
    assert_int_equal(peer_lock(p), 0);
    assert_int_equal(host_chip.writes, writes);
}

/* At level dev, too; and in the run itself, without another start of DevAuth. */
static void dev_locks_flash_only(void **state)
{
    struct peer *p = *state;
    p->lock_level = HALLMARK__V1__LOCK_LEVEL__LOCK_LEVEL_DEV;
    assert_int_equal(peer_finish(p), 0);
    assert_int_equal(bench_level(), PORT_LOCK_DEV);
    assert_false(host_chip.deployed || host_chip.dpm[0] || host_chip.dpm[1]);
    assert_int_equal(host_chip.config[0], 0xfffffffd);
}

/* The power goes after each lock write; then firmware and FwInfo are found damaged. What the
 * arrows write is reached and mended, the key in the slot stays, and the lock is completed. */
static void arrows_are_repeated_after_lock_writes(void **state)
{
    uint32_t result = 1;
    for (int writes = 1; result != 0; writes++) {
        assert_int_equal(bench_close(state), 0);
        assert_int_equal(bench_open(state), 0);
        struct peer *p = *state;
        committed(p);
        host_chip.power_cut_after_writes = writes;
        result = peer_lock(p);
        host_chip.power_cut_after_writes = -1;
        memset(host_chip.flash + p->fwinfo_address, 0xff, FLASH_PAGE_SIZE);
        host_chip.flash[1000] ^= 1;
        bench_reboot(p);
        peer_run_to(p, 7);
        assert_int_equal(peer_lock(p), ERR_VERIFY);
        p->no_run = false;
        bench_reboot(p);
        peer_run_to(p, 32);
        assert_int_equal(peer_keep(p), 0);
        assert_int_equal(peer_lock(p), 0);
        assert_int_equal(bench_level(), PORT_LOCK_PRODUCTION);
    }
}

static void set_config(const uint32_t words[PORT_CONFIG_WORDS])
{
    memcpy(host_chip.config, words, sizeof(host_chip.config));
}

/* The power goes at each write of the lock on a board whose CONFIG has a content of its own: it
 * is there in the end, with LOCK. */
static void config_survives_any_interruption(void **state)
{
    static const uint32_t words[] = { 0xf7ffffff, 0xffff1234, 0xfffffff0, 0x5aa5ffff };
    static const uint32_t want[] = { 0xf7fffffd, 0xffff1234, 0xfffffff0, 0x5aa5ffff };
    uint32_t result = 1;
    for (int writes = 0; result != 0; writes++) {
        assert_int_equal(bench_close(state), 0);
        assert_int_equal(bench_open(state), 0);
        struct peer *p = *state;
        set_config(words);
        committed(p);
        assert_false(p->hello->state->lock_begun); /* CONFIG is not as shipped, yet no lock's */
        host_chip.power_cut_after_writes = writes;
        result = peer_lock(p);
        host_chip.power_cut_after_writes = -1;
        bench_reboot(p);
        peer_run_to(p, 7);
        assert_int_equal(peer_lock(p), 0);
        assert_memory_equal(host_chip.config, want, sizeof(want));
        assert_int_equal(bench_level(), PORT_LOCK_PRODUCTION);
    }
}

/* A record of words that CONFIG cannot be on its way to is not believed. */
static void stale_config_record_is_replaced(void **state)
{
    static const uint8_t stale[RECORD_CONFIG_SIZE] = { 0xfd, 0xff, 0xff, 0xff, 0xff, 0xff,
                                                       0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                                       0xff, 0xff, 0xff, 0xff };
    static const uint32_t words[] = { 0xf7ffffff, 0xffffffff, 0xffffffff, 0xffffffff };
    struct peer *p = *state;
    committed(p);
    assert_int_equal(record_write(RECORD_CONFIG, stale), ERR_OK);
    set_config(words);
    assert_int_equal(peer_lock(p), 0);
    assert_int_equal(host_chip.config[0], 0xf7fffffd);
    assert_false(record_is(RECORD_CONFIG, stale));
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, bench_open, bench_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(refused_then_locked),
        CASE(repeated_lock_writes_nothing),
        CASE(dev_locks_flash_only),
        CASE(arrows_are_repeated_after_lock_writes),
        CASE(config_survives_any_interruption),
        CASE(stale_config_record_is_replaced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
