/* SPDX-License-Identifier: MIT */
/* Whole runs of DevAuth over the host port, as the agent drives them: repeated, cut, again. */
#include "tests/unit/check.h"

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
    peer_run_to(p, 32);
    assert_int_equal(p->board_calls, 3);
    assert_int_equal(peer_call(p, "Closing/SignReceipt", NULL), 0);
    peer_check_receipt(p, 3);
    assert_false(host_chip.otp[OTP_AES_NULINK3].used);
    assert_int_equal(peer_commit(p), 0);
    assert_true(host_chip.otp[OTP_AES_NULINK3].used);
    assert_memory_equal(host_chip.otp[OTP_AES_NULINK3].value, p->secret, 32);
    assert_int_equal(host_chip.armed, PORT_LOCK_PRODUCTION);
    assert_memory_equal(host_chip.flash, p->image, p->image_len);
    assert_memory_equal(host_chip.flash + p->fwinfo_address, p->fwinfo, FWINFO_SIZE);
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
    assert_int_equal(peer_call(p, "Closing/SignReceipt", NULL), 0);
    peer_check_receipt(p, 3); /* and each is in the transcript once */
    memcpy(answer, p->answer, p->answer_len);
    assert_int_equal(peer_call(p, "Closing/SignReceipt", NULL), 0);
    assert_memory_equal(p->answer, answer, p->answer_len);
    assert_int_equal(peer_commit(p), 0);
    assert_int_equal(peer_commit(p), 0);
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
    peer_run_to(p, 7);
    const Hallmark__V1__BoardState *s = p->hello->state;
    assert_memory_equal(p->uid, host_chip.identity.uid, UID_SIZE);
    assert_int_equal(p->hello->pdid, host_chip.identity.pdid);
    assert_string_equal(p->hello->version, HALLMARK_VERSION);
    assert_false(s->auth_key || s->shared_key);
    assert_int_equal(s->rotpk_slots, 0);
    assert_int_equal(s->lock_armed, 0);
    assert_int_equal(
        s->device_certificate_sha256.len + s->rotpk_sha256.len + s->firmware_sha256.len, 0);
    peer_run_to(p, 32);
    assert_int_equal(peer_commit(p), 0);
    bench_reboot(p);
    peer_run_to(p, 7);
    s = p->hello->state;
    assert_true(s->auth_key && s->shared_key);
    assert_int_equal(s->rotpk_slots, 3);
    assert_int_equal(s->lock_armed, 3);
    assert_int_equal(s->device_certificate_sha256.len, SHA256_SIZE);
    assert_int_equal(s->rotpk_sha256.len, SHA256_SIZE);
    assert_memory_equal(s->firmware_sha256.data, p->fwinfo + 0x60, SHA256_SIZE);
}

/* A second run finds everything there: same AUTHKEY, nothing burnt again. */
static void second_run_changes_nothing(void **state)
{
    struct peer *p = *state;
    uint8_t auth[P256_POINT_SIZE];
    peer_run_to(p, 32);
    memcpy(auth, p->auth, sizeof(auth));
    unsigned erased = host_chip.erased, programmed = host_chip.programmed;
    bench_reboot(p);
    peer_run_to(p, 32);
    assert_memory_equal(p->auth, auth, sizeof(auth));
    assert_int_equal(host_chip.erased, erased);
    assert_int_equal(host_chip.programmed, programmed);
    assert_int_equal(peer_call(p, "Closing/SignReceipt", NULL), 0);
    peer_check_receipt(p, 3);
    assert_int_equal(peer_commit(p), 0);
    bench_reboot(p);
    peer_run_to(p, 32);
    assert_int_equal(peer_commit(p), ERR_EXISTS); /* one AES_NuLink3 for life */
    assert_memory_not_equal(host_chip.otp[OTP_AES_NULINK3].value, p->secret, 32);
}

static uint32_t run_all(struct peer *p)
{
    uint32_t result = 0;
    for (unsigned i = p->chained + 1u; i <= 32 && result == 0; i++)
        result = peer_arrow(p, i);
    return result != 0 ? result : peer_commit(p);
}

/* The power goes at every single write to flash, OTP and locks; the next run completes. */
static void cut_at_every_write(void **state)
{
    unsigned cuts = 0;
    uint32_t result = 1;
    for (int writes = 0; result != 0; writes = writes < 40 ? writes + 1 : writes + 37) {
        assert_int_equal(bench_close(state), 0);
        assert_int_equal(bench_open(state), 0);
        struct peer *p = *state;
        host_chip.power_cut_after_writes = writes;
        result = run_all(p);
        bool had_key = host_chip.otp[OTP_AUTHKEY].used;
        uint8_t key[HOST_KEY_SIZE];
        memcpy(key, host_chip.otp[OTP_AUTHKEY].value, sizeof(key));
        host_chip.power_cut_after_writes = -1;
        if (result == 0)
            break;
        cuts++;
        assert_int_equal(result, ERR_FAULT);
        bench_reboot(p);
        assert_int_equal(run_all(p), 0);
        if (had_key)
            assert_memory_equal(host_chip.otp[OTP_AUTHKEY].value, key, sizeof(key));
        assert_int_equal(host_chip.armed, PORT_LOCK_PRODUCTION);
        assert_memory_equal(host_chip.flash, p->image, p->image_len);
    }
    assert_true(cuts > 40);
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

#define CASE(function) cmocka_unit_test_setup_teardown(function, bench_open, bench_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(whole_run),
        CASE(repeats_answer_the_same),
        CASE(own_call_is_repeated_until_it_is_taken),
        CASE(order_is_held),
        CASE(hello_tells_the_truth),
        CASE(second_run_changes_nothing),
        CASE(cut_at_every_write),
        CASE(broken_chip_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
