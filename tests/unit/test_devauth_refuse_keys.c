/* SPDX-License-Identifier: MIT */
/* What DevAuth refuses at arrows 10 to 20: requests, certificates, ROTPK. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "tests/unit/check.h"

#include "target-fw/devauth/record.h"
#include "tests/unit/test_devauth_bench.h"

#include <string.h>

#define BIN(array) ((ProtobufCBinaryData){ sizeof(array), (array) })

/* ---- arrow 10 ---- */

static uint32_t put_cri(struct peer *p, const struct peer_cri *parts)
{
    Hallmark__V1__PutCertificationRequestInfoRequest m =
        HALLMARK__V1__PUT_CERTIFICATION_REQUEST_INFO_REQUEST__INIT;
    AUTO(buf_free) struct buf cri = { 0 };
    peer_make_cri(p, parts, &cri);
    m.certification_request_info = (ProtobufCBinaryData){ cri.len, cri.ptr };
    return peer_call(p, "Target/PutCertificationRequestInfo", &m.base);
}

static uint32_t cri_of_foreign_key(struct peer *p)
{
    return put_cri(p, &(struct peer_cri){ .key = p->boot });
}

static uint32_t cri_of_foreign_subject(struct peer *p)
{
    return put_cri(p, &(struct peer_cri){ .serial_number = "0102030405060708090a0bfd" });
}

static uint32_t cri_in_upper_case(struct peer *p)
{
    return put_cri(p, &(struct peer_cri){ .serial_number = "0102030405060708090A0BFC" });
}

static uint32_t cri_of_foreign_nonce(struct peer *p)
{
    char nonce[2 * NONCE_SIZE + 1] = { 0 };
    memset(nonce, '0', sizeof(nonce) - 1);
    return put_cri(p, &(struct peer_cri){ .challenge = nonce });
}

static uint32_t cri_with_short_nonce(struct peer *p)
{
    return put_cri(p, &(struct peer_cri){ .challenge = "0" });
}

static uint32_t cri_is_no_der(struct peer *p)
{
    Hallmark__V1__PutCertificationRequestInfoRequest m =
        HALLMARK__V1__PUT_CERTIFICATION_REQUEST_INFO_REQUEST__INIT;
    uint8_t junk[40] = { 0x30, 0x26, 2, 1, 0 };
    m.certification_request_info = BIN(junk);
    return peer_call(p, "Target/PutCertificationRequestInfo", &m.base);
}

static uint32_t cri_over_limit(struct peer *p)
{
    Hallmark__V1__PutCertificationRequestInfoRequest m =
        HALLMARK__V1__PUT_CERTIFICATION_REQUEST_INFO_REQUEST__INIT;
    uint8_t junk[CRI_MAX + 1] = { 0x30 };
    m.certification_request_info = BIN(junk);
    return peer_call(p, "Target/PutCertificationRequestInfo", &m.base);
}

/* ---- arrow 11 ---- */

static uint32_t nonce_is_1(struct peer *p)
{
    host_chip.sign_with_k_1 = true;
    uint32_t result = peer_call(p, "Target/SignCertificationRequestInfo", NULL);
    host_chip.sign_with_k_1 = false;
    return result;
}

/* ---- arrow 16 ---- */

static uint32_t put_certificate(struct peer *p, struct span certificate, struct span issuer)
{
    Hallmark__V1__ProgramDeviceCertificateRequest m =
        HALLMARK__V1__PROGRAM_DEVICE_CERTIFICATE_REQUEST__INIT;
    m.certificate =
        (ProtobufCBinaryData){ certificate.len, (uint8_t *)(uintptr_t)certificate.ptr };
    m.issuer = (ProtobufCBinaryData){ issuer.len, (uint8_t *)(uintptr_t)issuer.ptr };
    return peer_call(p, "Target/ProgramDeviceCertificate", &m.base);
}

static uint32_t certificate_of_foreign_key(struct peer *p)
{
    return put_certificate(p, buf_span(&p->web_certificate), buf_span(&p->web_certificate));
}

static uint32_t certificate_is_missing(struct peer *p)
{
    return put_certificate(p, (struct span){ 0 }, buf_span(&p->web_certificate));
}

static uint32_t certificate_with_a_tail(struct peer *p)
{
    AUTO(buf_free) struct buf certificate = { 0 };
    peer_make_certificate(p, NULL, p->auth, &certificate);
    assert_int_equal(buf_resize(&certificate, certificate.len + 1), ERR_OK);
    return put_certificate(p, buf_span(&certificate), (struct span){ 0 });
}

static uint32_t issuer_over_limit(struct peer *p)
{
    static const uint8_t long_issuer[CERTIFICATE_MAX + 1];
    AUTO(buf_free) struct buf certificate = { 0 };
    peer_make_certificate(p, NULL, p->auth, &certificate);
    return put_certificate(p, buf_span(&certificate), SPAN(long_issuer));
}

static uint32_t certificate_is_not_programmed(struct peer *p)
{
    host_chip.flash_fails_at = FLASH_DEVICE_CERTIFICATE + 64;
    uint32_t result = peer_arrow(p, 16);
    host_chip.flash_fails_at = 0;
    return result;
}

/* ---- arrow 20 ---- */

/* Signed by these two over this run's statement, or that of another run. */
static uint32_t burn(struct peer *p, EC_KEY *server, EC_KEY *boot, EC_KEY *rotpk)
{
    Hallmark__V1__BurnRotpkRequest m = HALLMARK__V1__BURN_ROTPK_REQUEST__INIT;
    AUTO(buf_free) struct buf statement = { 0 };
    uint8_t point[P256_POINT_SIZE], s[P256_SIGNATURE_SIZE], b[P256_SIGNATURE_SIZE];
    peer_point(rotpk, point);
    peer_rotpk_statement(p, span_of(point + 1, ROTPK_SIZE), &statement);
    peer_sign(server, buf_span(&statement), s);
    peer_sign(boot, buf_span(&statement), b);
    m.rotpk = (ProtobufCBinaryData){ ROTPK_SIZE, point + 1 };
    m.server_signature = BIN(s);
    m.boot_key_signature = BIN(b);
    m.recreate = p->recreate;
    return peer_call(p, "Target/BurnRotpk", &m.base);
}

static uint32_t rotpk_not_signed_by_server(struct peer *p)
{
    return burn(p, p->boot, p->boot, p->boot);
}

static uint32_t rotpk_without_its_private_key(struct peer *p)
{
    return burn(p, p->web, p->web, p->boot);
}

static uint32_t rotpk_of_another_run(struct peer *p)
{
    p->board_nonce[0] ^= 1;
    uint32_t result = burn(p, p->web, p->boot, p->boot);
    p->board_nonce[0] ^= 1;
    return result;
}

static uint32_t rotpk_off_the_curve(struct peer *p)
{
    Hallmark__V1__BurnRotpkRequest m = HALLMARK__V1__BURN_ROTPK_REQUEST__INIT;
    AUTO(buf_free) struct buf statement = { 0 };
    uint8_t point[P256_POINT_SIZE], s[P256_SIGNATURE_SIZE];
    peer_point(p->boot, point);
    point[64] ^= 1;
    peer_rotpk_statement(p, span_of(point + 1, ROTPK_SIZE), &statement);
    peer_sign(p->web, buf_span(&statement), s);
    m.rotpk = (ProtobufCBinaryData){ ROTPK_SIZE, point + 1 };
    m.server_signature = BIN(s);
    m.boot_key_signature = BIN(s);
    return peer_call(p, "Target/BurnRotpk", &m.base);
}

static uint32_t rotpk_is_short(struct peer *p)
{
    Hallmark__V1__BurnRotpkRequest m = HALLMARK__V1__BURN_ROTPK_REQUEST__INIT;
    uint8_t some[ROTPK_SIZE - 1] = { 1 };
    m.rotpk = BIN(some);
    return peer_call(p, "Target/BurnRotpk", &m.base);
}

static uint32_t rotpk_without_signatures(struct peer *p)
{
    Hallmark__V1__BurnRotpkRequest m = HALLMARK__V1__BURN_ROTPK_REQUEST__INIT;
    uint8_t point[P256_POINT_SIZE];
    peer_point(p->boot, point);
    m.rotpk = (ProtobufCBinaryData){ ROTPK_SIZE, point + 1 };
    return peer_call(p, "Target/BurnRotpk", &m.base);
}

static uint32_t rotpk_while_no_server_certificate(struct peer *p)
{
    uint8_t saved[FLASH_PAGE_SIZE];
    uint8_t *area = host_chip.flash + FLASH_WEB_SERVER_CERTIFICATE;
    memcpy(saved, area, sizeof(saved));
    memset(area, 0xff, sizeof(saved));
    uint32_t result = peer_arrow(p, 20);
    memcpy(area, saved, sizeof(saved));
    return result;
}

static uint32_t otp_takes_nothing(struct peer *p)
{
    host_chip.otp_ignores_writes = true;
    uint32_t result = peer_arrow(p, 20);
    host_chip.otp_ignores_writes = false;
    return result;
}

static const struct bench_refusal refusals[] = {
    { "10: foreign key", 9, cri_of_foreign_key, ERR_MISMATCH },
    { "10: foreign subject", 9, cri_of_foreign_subject, ERR_MISMATCH },
    { "10: UID in upper case", 9, cri_in_upper_case, ERR_MISMATCH },
    { "10: foreign nonce", 9, cri_of_foreign_nonce, ERR_MISMATCH },
    { "10: short nonce", 9, cri_with_short_nonce, ERR_MISMATCH },
    { "10: no DER", 9, cri_is_no_der, ERR_PROTO },
    { "10: over the limit", 9, cri_over_limit, ERR_LIMIT },
    { "11: k = 1", 10, nonce_is_1, ERR_CHIP },
    { "16: foreign key", 12, certificate_of_foreign_key, ERR_MISMATCH },
    { "16: no certificate", 12, certificate_is_missing, ERR_TRUNC },
    { "16: bytes after the end", 12, certificate_with_a_tail, ERR_EXCESS },
    { "16: issuer over the limit", 12, issuer_over_limit, ERR_LIMIT },
    { "16: flash fails", 12, certificate_is_not_programmed, ERR_CHIP },
    { "20: not signed by the server", 16, rotpk_not_signed_by_server, ERR_SIG },
    { "20: no proof of the boot key", 16, rotpk_without_its_private_key, ERR_SIG },
    { "20: of another run", 16, rotpk_of_another_run, ERR_SIG },
    { "20: off the curve", 16, rotpk_off_the_curve, ERR_POINT },
    { "20: short", 16, rotpk_is_short, ERR_PROTO },
    { "20: no signatures", 16, rotpk_without_signatures, ERR_SIG },
    { "20: no WebServer certificate", 16, rotpk_while_no_server_certificate, ERR_NOT_FOUND },
    { "20: OTP takes nothing", 16, otp_takes_nothing, ERR_VERIFY },
};

static void refused_then_done_right(void **state)
{
    for (size_t i = 0; i < COUNT(refusals); i++)
        bench_refuse(state, &refusals[i]);
}

/* What is burnt stays: another ROTPK, or the same after somebody else burnt one. */
static void other_rotpk_is_refused(void **state)
{
    struct peer *p = *state;
    peer_run_to(p, 20);
    uint8_t x[HOST_KEY_SIZE];
    memcpy(x, host_chip.otp[OTP_ROTPK_X].value, sizeof(x));
    bench_reboot(p);
    EC_KEY *right = p->boot, *wrong = peer_key();
    peer_run_to(p, 16);
    p->boot = wrong;
    unsigned erased = host_chip.erased;
    assert_int_equal(peer_arrow(p, 20), ERR_MISMATCH);
    assert_int_equal(host_chip.erased, erased);
    host_chip.otp[OTP_ROTPK_Y].used = false; /* nor is a half pair finished with it */
    assert_int_equal(peer_arrow(p, 20), ERR_MISMATCH);
    assert_false(host_chip.otp[OTP_ROTPK_Y].used);
    p->boot = right;
    memset(host_chip.flash + FLASH_RECORD, 0xff, FLASH_PAGE_SIZE);
    assert_int_equal(peer_arrow(p, 20), ERR_MISMATCH);
    assert_memory_equal(host_chip.otp[OTP_ROTPK_X].value, x, sizeof(x));
    EC_KEY_free(wrong);
}

/* ---- the record of the ROTPK ---- */

static bool record_page_blank(void)
{
    for (uint32_t i = 0; i < FLASH_PAGE_SIZE; i++)
        if (host_chip.flash[FLASH_RECORD + i] != 0xff)
            return false;
    return true;
}

static uint32_t burn_again(struct peer *p, bool recreate)
{
    bench_reboot(p);
    p->recreate = recreate;
    peer_run_to(p, 16);
    uint32_t result = peer_arrow(p, 20);
    p->recreate = false;
    return result;
}

static bool unproven(struct peer *p)
{
    peer_run_to(p, 32);
    assert_int_equal(peer_receipt(p), 0);
    return p->receipt->receipt->rotpk_unproven;
}

/* A released dev board after its mass erase: only with the server's word is the record written
 * again, nothing is burnt, and every receipt from then on says so. */
static void record_is_made_again_on_the_servers_word(void **state)
{
    struct peer *p = *state;
    peer_run_to(p, 20);
    assert_false(unproven(p));
    memset(host_chip.flash + FLASH_RECORD, 0xff, FLASH_PAGE_SIZE);
    unsigned erased = host_chip.erased;
    assert_int_equal(burn_again(p, false), ERR_MISMATCH);
    assert_true(record_page_blank());
    assert_int_equal(burn_again(p, true), 0);
    assert_int_equal(host_chip.erased, erased);
    assert_true(unproven(p));
    assert_int_equal(burn_again(p, false), 0);
    assert_true(unproven(p));
}

/* The flag is signed: a station cannot add it. */
static void recreate_is_the_servers(void **state)
{
    struct peer *p = *state;
    Hallmark__V1__BurnRotpkRequest m = HALLMARK__V1__BURN_ROTPK_REQUEST__INIT;
    AUTO(buf_free) struct buf statement = { 0 };
    uint8_t point[P256_POINT_SIZE], s[P256_SIGNATURE_SIZE], b[P256_SIGNATURE_SIZE];
    peer_run_to(p, 16);
    peer_point(p->boot, point);
    peer_rotpk_statement(p, span_of(point + 1, ROTPK_SIZE), &statement);
    peer_sign(p->web, buf_span(&statement), s);
    peer_sign(p->boot, buf_span(&statement), b);
    m.rotpk = (ProtobufCBinaryData){ ROTPK_SIZE, point + 1 };
    m.server_signature = BIN(s);
    m.boot_key_signature = BIN(b);
    m.recreate = true;
    assert_int_equal(peer_call(p, "Target/BurnRotpk", &m.base), ERR_SIG);
}

/* With a pair that is not whole, or a record of another pair, the flag is of no use. */
static void recreate_is_for_a_whole_pair_without_record(void **state)
{
    struct peer *p = *state;
    peer_run_to(p, 20);
    memset(host_chip.flash + FLASH_RECORD, 0xff, FLASH_PAGE_SIZE);
    host_chip.otp[OTP_ROTPK_Y].used = false;
    assert_int_equal(burn_again(p, true), ERR_MISMATCH);
    assert_false(host_chip.otp[OTP_ROTPK_Y].used);
    assert_true(record_page_blank());
    host_chip.otp[OTP_ROTPK_Y].used = true;
    assert_int_equal(burn_again(p, true), 0);
    EC_KEY *right = p->boot, *wrong = peer_key();
    p->boot = wrong;
    assert_int_equal(burn_again(p, true), ERR_MISMATCH);
    p->boot = right;
    EC_KEY_free(wrong);
}

/* The power goes at each write of arrow 20: while a half is in use the page is not erased, and
 * a pair that may have been begun in another run is never called proven. */
static void interrupted_pair_is_unproven(void **state)
{
    uint32_t result = 1;
    for (int writes = 0; result != 0; writes++) {
        assert_int_equal(bench_close(state), 0);
        assert_int_equal(bench_open(state), 0);
        struct peer *p = *state;
        peer_run_to(p, 16);
        host_chip.power_cut_after_writes = writes;
        result = peer_arrow(p, 20);
        host_chip.power_cut_after_writes = -1;
        bool half = host_chip.otp[OTP_ROTPK_X].used;
        bool recorded = record_read(RECORD_ROTPK, (uint8_t[RECORD_ROTPK_SIZE]){ 0 }) == ERR_OK;
        unsigned erased = host_chip.erased;
        assert_int_equal(burn_again(p, false), 0);
        if (half)
            assert_int_equal(host_chip.erased, erased);
        assert_int_equal(unproven(p), recorded && result != 0);
    }
}

/* The same for a record that is made again. */
static void interrupted_record_is_completed(void **state)
{
    uint32_t result = 1;
    for (int writes = 0; result != 0; writes++) {
        assert_int_equal(bench_close(state), 0);
        assert_int_equal(bench_open(state), 0);
        struct peer *p = *state;
        peer_run_to(p, 20);
        memset(host_chip.flash + FLASH_RECORD, 0xff, FLASH_PAGE_SIZE);
        bench_reboot(p);
        p->recreate = true;
        peer_run_to(p, 16);
        unsigned erased = host_chip.erased;
        host_chip.power_cut_after_writes = writes;
        result = peer_arrow(p, 20);
        host_chip.power_cut_after_writes = -1;
        assert_int_equal(burn_again(p, true), 0);
        assert_int_equal(host_chip.erased, erased);
        assert_true(unproven(p));
    }
}

/* ---- arrow 8 ---- */

/* The power goes at each write of arrow 8: before the slot is used, another key is made. */
static void interrupted_key_is_made_again(void **state)
{
    uint32_t result = 1;
    for (int writes = 0; result != 0; writes++) {
        assert_int_equal(bench_close(state), 0);
        assert_int_equal(bench_open(state), 0);
        struct peer *p = *state;
        peer_run_to(p, 7);
        host_chip.power_cut_after_writes = writes;
        result = peer_arrow(p, 8);
        host_chip.power_cut_after_writes = -1;
        bench_reboot(p);
        assert_int_equal(peer_finish(p), 0);
        bench_reboot(p);
        peer_run_to(p, 7);
        assert_true(p->hello->state->auth_key && p->hello->state->auth_key_recorded);
    }
}

/* Whatever else the slot holds than what was recorded: the board is scrap, and says so. */
static void spoilt_key_is_told(void **state)
{
    struct peer *p = *state;
    peer_run_to(p, 7);
    host_chip.otp_tears = 1;
    assert_int_equal(peer_arrow(p, 8), ERR_SPOILT);
    bench_reboot(p);
    peer_run_to(p, 7);
    assert_int_equal(peer_arrow(p, 8), ERR_SPOILT);
}

/* A blank record with the slot in use is for the server to judge. */
static void key_without_record_is_told(void **state)
{
    struct peer *p = *state;
    uint8_t key[HOST_KEY_SIZE];
    peer_run_to(p, 9);
    memcpy(key, host_chip.otp[OTP_AUTHKEY].value, sizeof(key));
    memset(host_chip.flash + FLASH_AUTHKEY_RECORD, 0xff, FLASH_PAGE_SIZE);
    bench_reboot(p);
    peer_run_to(p, 7);
    assert_true(p->hello->state->auth_key);
    assert_false(p->hello->state->auth_key_recorded);
    assert_int_equal(peer_finish(p), 0);
    assert_memory_equal(host_chip.otp[OTP_AUTHKEY].value, key, sizeof(key));
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, bench_open, bench_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refused_then_done_right),
        CASE(other_rotpk_is_refused),
        CASE(record_is_made_again_on_the_servers_word),
        CASE(recreate_is_the_servers),
        CASE(recreate_is_for_a_whole_pair_without_record),
        CASE(interrupted_pair_is_unproven),
        CASE(interrupted_record_is_completed),
        CASE(interrupted_key_is_made_again),
        CASE(spoilt_key_is_told),
        CASE(key_without_record_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
