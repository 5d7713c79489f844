/* SPDX-License-Identifier: MIT */
/* Whole runs of DevAuth over the host port, as the agent drives them: repeated, interrupted,
 * again. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "tests/unit/check.h"

#include "target-fw/devauth/record.h"
#include "tests/unit/test_devauth_bench.h"

#include <string.h>

static const unsigned served[] = { 8, 9, 10, 11, 16, 20, 24, 25, 26, 27, 30, 32 };
static const char *const methods[] = {
    "Target/GenerateAuthKey",
    "Target/DeriveAuthPublicKey",
    "Target/PutCertificationRequestInfo",
    "Target/SignCertificationRequestInfo",
    "Target/ProgramDeviceCertificate",
    "Target/BurnRotpk",
    "Target/BurnFirmware",
    "Target/EnableSecureLock",
    "Target/GenerateAgreementKey",
    "Target/DeriveAgreementPublicKey",
    "Target/PutServerPublicKey",
    "Target/DeriveSharedKey",
};

static void whole_run(void **state)
{
    struct peer *p = *state;
    peer_run_to(p, 24);
    unsigned writes = host_chip.writes;
    peer_run_to(p, 32);
    assert_int_equal(host_chip.writes, writes); /* 25 takes note of the level, no more */
    assert_int_equal(p->board_calls, 3);
    assert_int_equal(peer_receipt(p), 0);
    assert_false(p->receipt->receipt->rotpk_unproven);
    assert_int_equal(p->receipt->receipt->slot, 0);
    assert_false(host_chip.otp[OTP_AES_FIRST].used);
    assert_int_equal(peer_commit(p), 0);
    assert_memory_equal(host_chip.otp[OTP_AES_FIRST].value, p->secret, 32);
    assert_memory_equal(host_chip.flash, p->image, p->image_len);
    assert_memory_equal(host_chip.flash + p->fwinfo_address, p->fwinfo, FWINFO_SIZE);
    assert_false(bench_lock_begun()); /* up to here the board is open, and stays so */
    assert_int_equal(peer_lock(p), 0);
    assert_int_equal(bench_level(), PORT_LOCK_PRODUCTION);
}

/* Every arrow is safe to repeat: the same bytes again, nothing done again. */
static void repeats_answer_the_same(void **state)
{
    struct peer *p = *state;
    uint8_t request[FRAME_MAX], answer[PEER_ANSWER_MAX];
    for (size_t i = 0; i < COUNT(served); i++) {
        peer_run_to(p, served[i]);
        size_t request_len = p->request_len, answer_len = p->answer_len;
        memcpy(request, p->request, request_len);
        memcpy(answer, p->answer, answer_len);
        unsigned erased = host_chip.erased, calls = p->board_calls;
        assert_int_equal(peer_call_raw(p, methods[i], span_of(request, request_len)), 0);
        assert_int_equal(p->answer_len, answer_len);
        assert_memory_equal(p->answer, answer, answer_len);
        assert_int_equal(host_chip.erased, erased);
        if (served[i] == 11 || served[i] == 30) /* the call that follows comes again, too */
            peer_let_board_call(p, calls + 1);
        request[request_len] = 0x7f; /* an unknown field more: another request */
        request[request_len + 1] = 0;
        assert_int_equal(peer_call_raw(p, methods[i], span_of(request, request_len + 2)),
                         ERR_ORDER);
    }
    assert_int_equal(peer_receipt(p), 0); /* and each is in the transcript once */
}

static void own_call_is_repeated_until_it_is_taken(void **state)
{
    struct peer *p = *state;
    peer_run_to(p, 10);
    p->refuse_board_calls = 14;
    assert_int_equal(peer_call(p, methods[3], NULL), 0);
    peer_let_board_call(p, 2);
    assert_int_equal(p->chained, 11);
    assert_int_equal(peer_arrow(p, 16), ERR_ORDER); /* 12 is not done */
    p->refuse_board_calls = 0;
    assert_int_equal(peer_call(p, methods[3], NULL), 0);
    peer_let_board_call(p, 3);
    peer_run_to(p, 32);
}

/* All arrows have one place: nothing runs before its turn. */
static void order_is_held(void **state)
{
    struct peer *p = *state;
    peer_run_to(p, 7);
    for (size_t done = 0; done < COUNT(served); done++) {
        for (size_t i = done + 1; i < COUNT(served); i++) {
            assert_int_equal(peer_call(p, methods[i], NULL), ERR_ORDER);
            assert_int_equal(p->status, 9);
        }
        assert_int_equal(peer_call(p, "Closing/SignReceipt", NULL), ERR_ORDER);
        assert_int_equal(peer_call(p, "Closing/Commit", NULL), ERR_ORDER);
        peer_run_to(p, served[done]);
    }
}

static void hello_tells_the_truth(void **state)
{
    struct peer *p = *state;
    uint8_t kcv[KCV_SIZE];
    peer_run_to(p, 7);
    const Hallmark__V1__BoardState *s = p->hello->state;
    assert_memory_equal(p->uid, host_chip.identity.uid, UID_SIZE);
    assert_int_equal(p->hello->pdid, host_chip.identity.pdid);
    assert_string_equal(p->hello->version, HALLMARK_VERSION);
    assert_false(s->auth_key || s->auth_key_recorded || s->lock_begun);
    assert_int_equal(s->rotpk_slots + s->shared_key_slot, 0);
    assert_int_equal(s->lock_level, 0);
    assert_int_equal(s->device_certificate_sha256.len + s->rotpk_sha256.len +
                         s->firmware_sha256.len + s->shared_key_kcv.len,
                     0);
    peer_run_to(p, 32);
    assert_int_equal(peer_commit(p), 0);
    bench_reboot(p);
    peer_run_to(p, 7);
    s = p->hello->state;
    assert_true(s->auth_key && s->auth_key_recorded);
    assert_false(s->lock_begun);
    assert_int_equal(s->rotpk_slots, 3);
    assert_int_equal(s->lock_level, 0);
    assert_int_equal(s->shared_key_slot, OTP_AES_FIRST);
    peer_kcv(p, p->kept, kcv);
    assert_int_equal(s->shared_key_kcv.len, KCV_SIZE);
    assert_memory_equal(s->shared_key_kcv.data, kcv, KCV_SIZE);
    assert_int_equal(s->device_certificate_sha256.len, SHA256_SIZE);
    assert_int_equal(s->rotpk_sha256.len, SHA256_SIZE);
    assert_memory_equal(s->firmware_sha256.data, p->fwinfo + 0x60, SHA256_SIZE);
}

/* The record alone tells it, for it comes before all lock writes: bits without it are another
 * program's, and must not spare a board its boot test. */
static void hello_tells_a_lock_that_was_begun(void **state)
{
    struct peer *p = *state;
    p->no_run = true;
    for (int sign = 0; sign < 6; sign++) {
        host_blank();
        host_chip.config[2] = sign == 1 ? 0xffffff00 : 0xffffffff;
        host_chip.deployed = sign == 2;
        host_chip.dpm[0] = sign == 3;
        host_chip.dpm[1] = sign == 4;
        if (sign == 5)
            assert_int_equal(record_write(RECORD_CONFIG, (const uint8_t[16]){ 1 }), ERR_OK);
        bench_reboot(p);
        peer_run_to(p, 7);
        assert_int_equal(p->hello->state->lock_begun, sign == 5);
        assert_int_equal(p->hello->state->lock_level, 0);
    }
}

/* The answer to Hello says that there is no run: nothing but Closing.Lock is taken. */
static void without_a_run_only_the_lock(void **state)
{
    struct peer *p = *state;
    peer_run_to(p, 32);
    assert_int_equal(peer_commit(p), 0);
    p->no_run = true;
    bench_reboot(p);
    peer_run_to(p, 7);
    for (size_t i = 0; i < COUNT(methods); i++)
        assert_int_equal(peer_call(p, methods[i], NULL), ERR_ORDER);
    assert_int_equal(peer_call(p, "Closing/SignReceipt", NULL), ERR_ORDER);
    assert_int_equal(peer_call(p, "Closing/Commit", NULL), ERR_ORDER);
    assert_int_equal(peer_lock(p), 0);
    assert_int_equal(bench_level(), PORT_LOCK_PRODUCTION);
}

/* A second run finds everything there: same AUTHKEY, nothing burnt again. */
static void second_run_changes_nothing(void **state)
{
    struct peer *p = *state;
    uint8_t auth[P256_POINT_SIZE];
    peer_run_to(p, 32);
    memcpy(auth, p->auth, sizeof(auth));
    unsigned writes = host_chip.writes;
    bench_reboot(p);
    peer_run_to(p, 32);
    assert_memory_equal(p->auth, auth, sizeof(auth));
    assert_int_equal(peer_receipt(p), 0);
    assert_int_equal(host_chip.writes, writes);
}

/* In the run that makes AUTHKEY no page of the firmware is erased... */
static void a_blank_board_is_not_erased(void **state)
{
    struct peer *p = *state;
    peer_run_to(p, 20);
    unsigned erased = host_chip.erased;
    peer_run_to(p, 24);
    assert_int_equal(host_chip.erased, erased);
}

/* ... in a later one each is, blank or not. */
static void another_board_is_erased(void **state)
{
    struct peer *p = *state;
    peer_run_to(p, 9);
    bench_reboot(p);
    peer_run_to(p, 20);
    unsigned erased = host_chip.erased;
    peer_run_to(p, 24);
    size_t pages = (p->image_len + FLASH_PAGE_SIZE - 1) / FLASH_PAGE_SIZE;
    assert_int_equal(host_chip.erased - erased, pages + 1); /* FwInfo's, too */
}

/* Complete is: the key in the lowest accepted slot is one that a commit statement named, and
 * all that the receipt says stands on the chip. */
static bool complete(const struct peer *p)
{
    const struct host_slot *slot = &host_chip.otp[OTP_AES_FIRST];
    while (slot < host_chip.otp + HOST_SLOTS && (!slot->used || slot->revoked))
        slot++;
    return slot < host_chip.otp + HOST_SLOTS && memcmp(slot->value, p->kept, 32) == 0 &&
           host_chip.otp[OTP_ROTPK_X].used && host_chip.otp[OTP_ROTPK_Y].used &&
           host_chip.otp[OTP_AUTHKEY].used &&
           memcmp(host_chip.flash, p->image, p->image_len) == 0 &&
           memcmp(host_chip.flash + p->fwinfo_address, p->fwinfo, FWINFO_SIZE) == 0;
}

/* The server's next step on a board whose power went: the run again, or the lock alone if it
 * has a commit statement, as Runs.Open decides. */
static uint32_t continue_board(struct peer *p)
{
    p->no_run = p->commit != NULL;
    bench_reboot(p);
    if (!p->no_run)
        return peer_finish(p);
    peer_run_to(p, 7);
    return peer_lock(p);
}

/* Pages of the firmware are all alike: of their writes, some. */
static int next_write(int writes, int image_from, int image_to)
{
    return writes > image_from + 10 && writes < image_to - 60 ? writes + 47 : writes + 1;
}

/* The power goes at every single write to flash, OTP, KeyStore and locks; what follows
 * completes. No lock bit is ever set on a board that is not complete. */
static void power_goes_at_every_write(void **state)
{
    unsigned cuts = 0, shut = 0;
    uint32_t result = 1;
    peer_run_to(*state, 20);
    int from = (int)host_chip.writes;
    peer_run_to(*state, 24);
    int to = (int)host_chip.writes;
    for (int writes = 0; result != 0; writes = next_write(writes, from, to)) {
        assert_int_equal(bench_close(state), 0);
        assert_int_equal(bench_open(state), 0);
        struct peer *p = *state;
        host_chip.power_cut_after_writes = writes;
        result = peer_finish(p);
        bool had_key = host_chip.otp[OTP_AUTHKEY].used;
        uint8_t key[HOST_KEY_SIZE];
        memcpy(key, host_chip.otp[OTP_AUTHKEY].value, sizeof(key));
        host_chip.power_cut_after_writes = -1;
        assert_true(!bench_lock_begun() || complete(p));
        if (result == 0)
            break;
        cuts++;
        shut += bench_level() != PORT_LOCK_NONE;
        assert_int_equal(result, ERR_FAULT);
        assert_int_equal(continue_board(p), 0);
        if (had_key)
            assert_memory_equal(host_chip.otp[OTP_AUTHKEY].value, key, sizeof(key));
        assert_int_equal(bench_level(), PORT_LOCK_PRODUCTION);
        assert_true(complete(p));
    }
    print_message("%u writes; after %u of them the board is shut below its level\n", cuts,
                  shut);
    assert_true(cuts > 40);
    assert_int_equal(shut, 2); /* word 0, and the secure side of DPM */
}

/* A chip that does not start answers every call with why. */
static void broken_chip_answers(void **state)
{
    struct peer *p = *state;
    host_chip.start_fails = true;
    bench_reboot(p);
    assert_int_equal(peer_await(p, 0), ERR_FAULT); /* at once, unasked */
    assert_int_equal(peer_call(p, methods[0], NULL), ERR_FAULT);
    assert_int_equal(p->board_calls, 0);
}

/* --- What passes the mailbox. --- */

enum { SECRETS_MAX = 2 * HOST_SLOTS + 2 };
struct secrets {
    uint8_t value[SECRETS_MAX][32];
    unsigned count;
};

static void keep(struct secrets *s, const uint8_t *value)
{
    assert_true(s->count < SECRETS_MAX);
    memcpy(s->value[s->count++], value, 32);
}

static void keep_slots(struct secrets *s, const struct host_slot *slots)
{
    for (unsigned i = 0; i < HOST_SLOTS; i++)
        if (slots[i].used)
            keep(s, slots[i].value);
}

/* Half of it, in either order of its bytes, is found. */
static bool is_seen(const struct buf *all, const uint8_t *secret)
{
    uint8_t turned[32];
    for (size_t i = 0; i < sizeof(turned); i++)
        turned[i] = secret[sizeof(turned) - 1 - i];
    for (size_t half = 0; half < 32; half += 16)
        if (memmem(all->ptr, all->len, secret + half, 16) != NULL ||
            memmem(all->ptr, all->len, turned + half, 16) != NULL)
            return true;
    return false;
}

/* From the first arrow to the lock: AUTHKEY, both private keys of the agreement and AES_NuLink3
 * pass in no message; with these, and with nothing less, ECDH gives the key. A public key
 * does pass: so the search finds what is there. */
static void no_message_has_a_secret(void **state)
{
    struct peer *p = *state;
    struct secrets secrets = { .count = 0 };
    struct buf all = { 0 };
    uint8_t server[32];
    bench_seen = &all;
    peer_run_to(p, 32);
    keep_slots(&secrets, host_chip.sram);
    assert_int_equal(secrets.count, 2); /* its private key, and AES_NuLink3 */
    keep(&secrets, host_chip.otp[OTP_AUTHKEY].value);
    keep(&secrets, p->secret);
    assert_int_equal(BN_bn2binpad(EC_KEY_get0_private_key(p->agreement), server, 32), 32);
    keep(&secrets, server);
    assert_int_equal(peer_receipt(p), 0);
    assert_int_equal(peer_commit(p), 0);
    assert_int_equal(peer_lock(p), 0);
    bench_seen = NULL;
    assert_memory_equal(host_chip.otp[OTP_AES_FIRST].value, p->secret, 32);
    for (unsigned i = 0; i < secrets.count; i++)
        if (is_seen(&all, secrets.value[i]))
            fail_msg("secret %u of %u passed the mailbox", i, secrets.count);
    assert_true(is_seen(&all, p->auth + 1)); /* the public key's x */
    buf_free(&all);
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, bench_open, bench_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(whole_run),
        CASE(no_message_has_a_secret),
        CASE(repeats_answer_the_same),
        CASE(own_call_is_repeated_until_it_is_taken),
        CASE(order_is_held),
        CASE(hello_tells_the_truth),
        CASE(hello_tells_a_lock_that_was_begun),
        CASE(without_a_run_only_the_lock),
        CASE(second_run_changes_nothing),
        CASE(a_blank_board_is_not_erased),
        CASE(another_board_is_erased),
        CASE(power_goes_at_every_write),
        CASE(broken_chip_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
