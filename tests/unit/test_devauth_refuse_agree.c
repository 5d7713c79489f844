/* SPDX-License-Identifier: MIT */
/* What DevAuth refuses from arrow 30 on: the agreement, and what closes the run. */
#include "tests/unit/check.h"

#include "tests/unit/test_devauth_bench.h"

#include <string.h>

#define BIN(array) ((ProtobufCBinaryData){ sizeof(array), (array) })

/* ---- arrow 30 ---- */

static uint32_t put_server_key(struct peer *p, uint8_t point[P256_POINT_SIZE], EC_KEY *signer)
{
    Hallmark__V1__PutServerPublicKeyRequest m =
        HALLMARK__V1__PUT_SERVER_PUBLIC_KEY_REQUEST__INIT;
    AUTO(buf_free) struct buf statement = { 0 };
    uint8_t signature[P256_SIGNATURE_SIZE];
    peer_server_statement(p, span_of(point, P256_POINT_SIZE), &statement);
    peer_sign(signer, buf_span(&statement), signature);
    m.public_key = (ProtobufCBinaryData){ P256_POINT_SIZE, point };
    m.signature = BIN(signature);
    return peer_call(p, "Target/PutServerPublicKey", &m.base);
}

static uint32_t server_key_by_the_station(struct peer *p)
{
    return put_server_key(p, p->server, p->boot);
}

static uint32_t server_key_off_the_curve(struct peer *p)
{
    uint8_t point[P256_POINT_SIZE];
    memcpy(point, p->server, sizeof(point));
    point[33] ^= 1;
    return put_server_key(p, point, p->web);
}

static uint32_t server_key_over_p(struct peer *p)
{
    uint8_t point[P256_POINT_SIZE];
    memset(point, 0xff, sizeof(point));
    point[0] = 4;
    return put_server_key(p, point, p->web);
}

static uint32_t server_key_compressed(struct peer *p)
{
    uint8_t point[P256_POINT_SIZE];
    memcpy(point, p->server, sizeof(point));
    point[0] = 2;
    return put_server_key(p, point, p->web);
}

static uint32_t server_key_at_infinity(struct peer *p)
{
    uint8_t point[P256_POINT_SIZE] = { 4 };
    return put_server_key(p, point, p->web);
}

static uint32_t server_key_for_another_board(struct peer *p)
{
    p->uid[3] ^= 1;
    uint32_t result = put_server_key(p, p->server, p->web);
    p->uid[3] ^= 1;
    return result;
}

/* ---- after arrow 32 ---- */

static unsigned slots_in_use(void)
{
    unsigned count = 0;
    for (unsigned i = OTP_AES_FIRST; i <= OTP_AES_LAST; i++)
        count += host_chip.otp[i].used;
    return count;
}

static uint32_t commit_tag(struct peer *p, enum sign_confirm whose, unsigned decision)
{
    uint8_t tag[CONFIRMATION_TAG_SIZE];
    Hallmark__V1__CommitRequest m = HALLMARK__V1__COMMIT_REQUEST__INIT;
    assert_int_equal(peer_receipt(p), 0);
    peer_confirmation(p, whose, tag);
    m.confirmation_tag = BIN(tag);
    m.decision = (Hallmark__V1__KeyDecision)decision;
    unsigned writes = host_chip.writes;
    uint32_t result = peer_call(p, "Closing/Commit", &m.base);
    assert_int_equal(host_chip.writes, writes);
    return result;
}

/* The board's, reflected. */
static uint32_t commit_with_own_tag(struct peer *p)
{
    return commit_tag(p, SIGN_CONFIRM_TARGET, 1);
}

static uint32_t write_with_tag_to_keep(struct peer *p)
{
    return commit_tag(p, SIGN_CONFIRM_KEEP, 1);
}

static uint32_t keep_with_tag_to_write(struct peer *p)
{
    return commit_tag(p, SIGN_CONFIRM_WRITE, 2);
}

static uint32_t keep_nothing(struct peer *p)
{
    return commit_tag(p, SIGN_CONFIRM_KEEP, 2);
}

static uint32_t decide_nothing(struct peer *p)
{
    return commit_tag(p, SIGN_CONFIRM_WRITE, 0);
}

static uint32_t decide_unknown(struct peer *p)
{
    return commit_tag(p, SIGN_CONFIRM_WRITE, 3);
}

static uint32_t commit_without_tag(struct peer *p)
{
    Hallmark__V1__CommitRequest m = HALLMARK__V1__COMMIT_REQUEST__INIT;
    m.decision = HALLMARK__V1__KEY_DECISION__KEY_DECISION_WRITE;
    assert_int_equal(peer_receipt(p), 0);
    uint32_t result = peer_call(p, "Closing/Commit", &m.base);
    assert_int_equal(slots_in_use(), 0);
    return result;
}

static uint32_t commit_before_receipt(struct peer *p)
{
    uint8_t tag[CONFIRMATION_TAG_SIZE];
    Hallmark__V1__CommitRequest m = HALLMARK__V1__COMMIT_REQUEST__INIT;
    peer_confirmation(p, SIGN_CONFIRM_WRITE, tag);
    m.confirmation_tag = BIN(tag);
    m.decision = HALLMARK__V1__KEY_DECISION__KEY_DECISION_WRITE;
    return peer_call(p, "Closing/Commit", &m.base);
}

/* The byte order of the engine is another: found in SRAM, and no slot is spent on it. */
static uint32_t rehearsal_gives_another_key(struct peer *p)
{
    assert_int_equal(peer_receipt(p), 0);
    host_chip.rehearsal_differs = true;
    uint32_t result = peer_commit(p);
    host_chip.rehearsal_differs = false;
    assert_int_equal(slots_in_use(), 0);
    return result;
}

static uint32_t receipt_while_flash_differs(struct peer *p)
{
    host_chip.flash[1000] ^= 1;
    uint32_t result = peer_call(p, "Closing/SignReceipt", NULL);
    host_chip.flash[1000] ^= 1;
    return result;
}

static uint32_t receipt_without_certificate(struct peer *p)
{
    uint8_t *at = host_chip.flash + FLASH_DEVICE_CERTIFICATE, was = at[1];
    at[1] = 0xff;
    uint32_t result = peer_call(p, "Closing/SignReceipt", NULL);
    at[1] = was;
    return result;
}

/* The key of every slot that a commit left, and which of them the engine still accepts. */
static void check_slots(const char *want)
{
    char found[OTP_AES_LAST + 2] = { 0 };
    for (unsigned i = OTP_AES_FIRST; i <= OTP_AES_LAST; i++) {
        const struct host_slot *slot = &host_chip.otp[i];
        found[i - OTP_AES_FIRST] = !slot->used ? '.' : slot->revoked ? 'x' : 'k';
    }
    assert_string_equal(found, want);
}

static void run_again(struct peer *p)
{
    bench_reboot(p);
    peer_run_to(p, 32);
    assert_int_equal(peer_receipt(p), 0);
}

/* Run after run that the server knows nothing of: the older key is revoked, the next free slot
 * is written; when none is free nothing is revoked. */
static void each_write_takes_the_next_slot(void **state)
{
    static const char *const slots[] = { "k....", "xk...", "xxk..", "xxxk.", "xxxxk" };
    struct peer *p = *state;
    for (size_t i = 0; i < COUNT(slots); i++) {
        run_again(p);
        const Hallmark__V1__Receipt *receipt = p->receipt->receipt;
        assert_int_equal(receipt->slot, i == 0 ? 0 : OTP_AES_FIRST + i - 1);
        if (i != 0)
            assert_memory_equal(receipt->slot_kcv.data, p->commit->statement->kcv.data,
                                KCV_SIZE);
        assert_int_equal(peer_commit(p), 0);
        assert_int_equal(p->commit->statement->slot, OTP_AES_FIRST + i);
        check_slots(slots[i]);
        assert_memory_equal(host_chip.otp[OTP_AES_FIRST + i].value, p->secret, 32);
    }
    run_again(p);
    unsigned writes = host_chip.writes;
    assert_int_equal(peer_commit(p), ERR_NO_SLOT);
    assert_int_equal(host_chip.writes, writes);
    check_slots("xxxxk");
}

/* A slot that took another value is revoked, and one more is tried. */
static void a_spoilt_slot_is_replaced_once(void **state)
{
    struct peer *p = *state;
    run_again(p);
    host_chip.otp_tears = 1;
    assert_int_equal(peer_commit(p), 0);
    assert_int_equal(p->commit->statement->slot, OTP_AES_FIRST + 1);
    check_slots("xk...");
    assert_int_equal(peer_lock(p), 0);
    run_again(p);
    host_chip.otp_tears = 2;
    assert_int_equal(peer_commit(p), ERR_VERIFY);
    check_slots("xxxx.");
    host_chip.otp_tears = 1;
    assert_int_equal(peer_commit(p), ERR_NO_SLOT); /* the last one is spoilt too */
    check_slots("xxxxx");
}

/* The server knows the key in the slot: nothing is written, and the statement names that key.
 */
static void keep_writes_nothing(void **state)
{
    struct peer *p = *state;
    run_again(p);
    assert_int_equal(peer_commit(p), 0);
    run_again(p);
    unsigned writes = host_chip.writes;
    assert_int_equal(peer_keep(p), 0);
    assert_memory_not_equal(p->kept, p->secret, sizeof(p->kept));
    assert_int_equal(host_chip.writes, writes);
    check_slots("k....");
    assert_int_equal(peer_lock(p), 0);
}

/* In one run: the same bytes, whatever is asked again. */
static void commit_is_repeated(void **state)
{
    struct peer *p = *state;
    uint8_t answer[PEER_ANSWER_MAX];
    run_again(p);
    size_t receipt_len = p->answer_len;
    uint8_t receipt[PEER_ANSWER_MAX];
    memcpy(receipt, p->answer, receipt_len);
    assert_int_equal(peer_commit(p), 0);
    size_t len = p->answer_len;
    memcpy(answer, p->answer, len);
    unsigned writes = host_chip.writes;
    assert_int_equal(peer_commit(p), 0);
    assert_int_equal(p->answer_len, len);
    assert_memory_equal(p->answer, answer, len);
    assert_int_equal(peer_keep(p), 0);
    assert_memory_equal(p->answer, answer, len);
    assert_int_equal(peer_receipt(p), 0); /* of before the commit: no slot in it */
    assert_int_equal(p->answer_len, receipt_len);
    assert_memory_equal(p->answer, receipt, receipt_len);
    assert_int_equal(host_chip.writes, writes);
}

/* A write whose statement could not be signed is not made twice. */
static void a_write_that_was_not_stated_is_found(void **state)
{
    struct peer *p = *state;
    run_again(p);
    host_chip.sign_with_k_1 = true;
    assert_int_equal(peer_commit(p), ERR_CHIP);
    check_slots("k....");
    host_chip.sign_with_k_1 = false;
    assert_int_equal(peer_commit(p), 0);
    check_slots("k....");
}

static const struct bench_refusal refusals[] = {
    { "30: signed by the station", 27, server_key_by_the_station, ERR_SIG },
    { "30: off the curve", 27, server_key_off_the_curve, ERR_POINT },
    { "30: coordinates over p", 27, server_key_over_p, ERR_POINT },
    { "30: compressed", 27, server_key_compressed, ERR_POINT },
    { "30: infinity", 27, server_key_at_infinity, ERR_POINT },
    { "30: for another board", 27, server_key_for_another_board, ERR_SIG },
    { "Commit: the board's own tag", 32, commit_with_own_tag, ERR_SIG },
    { "Commit: write with the tag to keep", 32, write_with_tag_to_keep, ERR_SIG },
    { "Commit: keep with the tag to write", 32, keep_with_tag_to_write, ERR_SIG },
    { "Commit: keep, and there is no key", 32, keep_nothing, ERR_PRECONDITION },
    { "Commit: no decision", 32, decide_nothing, ERR_INVALID },
    { "Commit: an unknown decision", 32, decide_unknown, ERR_INVALID },
    { "Commit: no tag", 32, commit_without_tag, ERR_SIG },
    { "Commit: before the receipt", 32, commit_before_receipt, ERR_ORDER },
    { "Commit: the rehearsal differs", 32, rehearsal_gives_another_key, ERR_CHIP },
    { "SignReceipt: flash differs", 32, receipt_while_flash_differs, ERR_VERIFY },
    { "SignReceipt: no certificate", 32, receipt_without_certificate, ERR_NOT_FOUND },
};

static void refused_then_done_right(void **state)
{
    for (size_t i = 0; i < COUNT(refusals); i++)
        bench_refuse(state, &refusals[i]);
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, bench_open, bench_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refused_then_done_right),
        CASE(each_write_takes_the_next_slot),
        CASE(a_spoilt_slot_is_replaced_once),
        CASE(keep_writes_nothing),
        CASE(commit_is_repeated),
        CASE(a_write_that_was_not_stated_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
