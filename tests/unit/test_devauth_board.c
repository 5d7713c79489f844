/* SPDX-License-Identifier: MIT */
/*
 * The DevAuth image as built for the M2354, on the emulated chip: every register sequence of
 * port/m2354 and port/nuvoton is run here, by the same peer that drives the host port.
 */
#include "tests/unit/check.h"

#include "tests/unit/test_devauth_emulated.h"

#include <stdio.h>
#include <string.h>

enum { STACK_SPARE_MIN = 128 /* never touched in a whole run */ };

static void reboot(struct peer *p)
{
    peer_restart(p);
    emulated_reboot();
}

static uint32_t stack_spare(void)
{
    uint32_t spare = 0;
    while (spare < EMULATED_STACK_SIZE &&
           emulated_word(emulated_stack_limit + spare) == EMULATED_STACK_PAINT)
        spare += 4;
    return spare;
}

static void whole_run(void **state)
{
    struct peer *p = *state;
    peer_run_to(p, 32);
    assert_int_equal(peer_call(p, "Closing/SignReceipt", NULL), 0);
    peer_check_receipt(p, 3);
    assert_int_equal(peer_commit(p), 0);
    assert_memory_equal(flash_bytes(&emulated_chip, 0, p->image_len), p->image, p->image_len);
    print_message("stack: %u of %d bytes never used\n", stack_spare(), EMULATED_STACK_SIZE);
    assert_true(stack_spare() >= STACK_SPARE_MIN);
}

/* What the OTP slots hold, and how: M2354BSP, keystore.h. */
static void slots_are_as_their_table_says(void **state)
{
    struct peer *p = *state;
    const struct store_otp *otp = emulated_chip.store.image->head.otp;
    peer_run_to(p, 32);
    assert_int_equal(peer_commit(p), 0);
    static const uint32_t metadata[] = { 0x40610, 0x40610, 0x40600, 0x00600 };
    for (size_t i = 0; i < COUNT(metadata); i++) {
        assert_int_equal(otp[i].used, STORE_USED);
        assert_int_equal(otp[i].meta & 0x71f1f, metadata[i]); /* OWNER, SIZE, flags */
    }
    for (size_t i = COUNT(metadata); i < STORE_OTP_SLOTS; i++)
        assert_int_equal(otp[i].used, 0);
    for (size_t i = 0; i < 8; i++) { /* least significant word first */
        struct rd r = rd_of(span_of(p->secret + 28 - 4 * i, 4));
        assert_int_equal(otp[OTP_AES_NULINK3].words[i], rd_u32be(&r));
    }
}

/* The locks are in force after a cold reset; the ROM starts the demo; the demo talks. */
static void signed_demo_boots_locked(void **state)
{
    struct peer *p = *state;
    uint8_t demo[PEER_IMAGE_MAX];
    char text[200] = { 0 };
    FILE *uart = tmpfile();
    assert_non_null(uart);
    size_t len = emulated_load_file(DEMO_BIN, demo, sizeof(demo));
    assert_int_equal(len % FLASH_PAGE_SIZE, 0);
    peer_use_image(p, span_of(demo, len), (uint32_t)len);
    peer_run_to(p, 32);
    assert_int_equal(peer_commit(p), 0);
    assert_int_equal(chip_debug_level(&emulated_chip), DEBUG_ALL); /* armed, not in force */
    emulated_chip.uart.fd = fileno(uart);
    chip_power(&emulated_chip, false);
    chip_power(&emulated_chip, true);
    assert_int_equal(emulated_chip.verdict, VERDICT_VERIFIED);
    assert_int_equal(chip_debug_level(&emulated_chip), DEBUG_NONE);
    assert_int_equal(emulated_chip.plm.stage, 3);
    for (int i = 0; i < 1000; i++)
        chip_run(&emulated_chip, EMULATED_SLICE);
    assert_int_equal(emulated_chip.core.state, CORE_SLEEP);
    rewind(uart);
    assert_non_null(fgets(text, sizeof(text), uart));
    assert_int_equal(strncmp(text, "NuLink3 demo " HALLMARK_VERSION ": running, UID ", 32), 0);
    assert_int_equal(strlen(text), 13 + strlen(HALLMARK_VERSION) + 15 + 24 + 2);
    emulated_chip.uart.fd = -1;
    fclose(uart);
}

/* Each level is armed, tells so, and closes as much as it says when the chip is reset. */
static void lock_levels(void **state)
{
    static const struct {
        unsigned level;
        enum debug_level debug;
        uint32_t stage;
    } levels[] = { { 1, DEBUG_ERASE_ONLY, 0 }, { 2, DEBUG_NONE, 0 }, { 3, DEBUG_NONE, 3 } };
    for (size_t i = 0; i < COUNT(levels); i++) {
        assert_int_equal(emulated_open(state), 0);
        struct peer *p = *state;
        uint32_t stage = emulated_chip.plm.stage;
        for (unsigned level = 1; level <= levels[i].level;
             level++) { /* and there is a way up */
            p->lock_level = level;
            peer_run_to(p, 32);
            assert_int_equal(peer_call(p, "Closing/SignReceipt", NULL), 0);
            peer_check_receipt(p, level);
            reboot(p);
            peer_run_to(p, 7);
            assert_int_equal(p->hello->state->lock_armed, level);
        }
        p->lock_level = levels[i].level - 1;
        peer_run_to(p, 24);
        assert_int_equal(peer_arrow(p, 25), levels[i].level == 1 ? ERR_INVALID : ERR_MISMATCH);
        assert_int_equal(chip_debug_level(&emulated_chip), DEBUG_ALL);
        chip_power(&emulated_chip, false);
        chip_power(&emulated_chip, true);
        assert_int_equal(chip_debug_level(&emulated_chip), levels[i].debug);
        assert_int_equal(emulated_chip.plm.stage,
                         levels[i].stage != 0 ? levels[i].stage : stage);
        assert_int_equal(emulated_close(state), 0);
    }
}

/* Loaded anew again and again on a chip that was not reset: nothing fills up. */
static void starts_again_and_again(void **state)
{
    struct peer *p = *state;
    uint8_t auth[P256_POINT_SIZE];
    peer_run_to(p, 32);
    memcpy(auth, p->auth, sizeof(auth));
    for (int i = 0; i < 40; i++) {
        reboot(p);
        peer_run_to(p, 32);
        assert_memory_equal(p->auth, auth, sizeof(auth));
    }
}

static void nonce_of_1_is_refused(void **state)
{
    struct peer *p = *state;
    peer_run_to(p, 10);
    emulated_chip.faults.k1 = true;
    assert_int_equal(peer_call(p, "Target/SignCertificationRequestInfo", NULL), ERR_CHIP);
    emulated_chip.faults.k1 = false;
    peer_run_to(p, 32);
}

static void flash_failure_is_told(void **state)
{
    struct peer *p = *state;
    peer_run_to(p, 20);
    for (uint32_t at = 1; at < 300; at += 99) {
        emulated_chip.faults.ispff = at;
        assert_int_equal(peer_arrow(p, 24), ERR_CHIP);
        emulated_chip.faults.ispff = 0;
        p->chunk = emulated_word(emulated_mailbox + offsetof(struct mailbox, up.bulk_done));
    }
    peer_run_to(p, 32);
}

static uint32_t run_all(struct peer *p)
{
    uint32_t result = 0;
    for (unsigned i = p->chained + 1u; i <= 32 && result == 0; i++)
        result = peer_arrow(p, i);
    return result != 0 ? result : peer_commit(p);
}

/* The power goes after this OTP slot or that flash operation; the next run completes. */
static void cut_and_completed(void **state)
{
    static const struct {
        uint32_t otp_cut, flash_cut;
    } cuts[] = { { 1 + OTP_ROTPK_X, 0 },
                 { 1 + OTP_ROTPK_Y, 0 },
                 { 1 + OTP_AUTHKEY, 0 },
                 { 0, 1 },
                 { 0, 2 },
                 { 0, 200 },
                 { 0, 300 },
                 { 0, 800 },
                 { 0, 900 } };
    for (size_t i = 0; i < COUNT(cuts); i++) {
        assert_int_equal(emulated_open(state), 0);
        struct peer *p = *state;
        emulated_chip.faults.otp_cut = cuts[i].otp_cut;
        emulated_chip.faults.flash_cut = cuts[i].flash_cut;
        assert_int_equal(run_all(p), PEER_DEAD);
        assert_int_equal(emulated_chip.core.state, CORE_OFF);
        chip_power(&emulated_chip, true);
        reboot(p);
        assert_int_equal(run_all(p), 0);
        assert_memory_equal(flash_bytes(&emulated_chip, 0, p->image_len), p->image,
                            p->image_len);
        assert_int_equal(emulated_close_noted(state), 0);
    }
}

/* No wait is for ever: a block that never gets ready is told, whichever it is. */
static void stuck_blocks_are_told(void **state)
{
    static const struct {
        const char *fault;
        unsigned arrow;
    } stuck[] = { { "stuck-ks", 8 },  { "stuck-prng", 8 }, { "stuck-ecc", 9 },
                  { "stuck-sha", 8 }, { "stuck-fmc", 16 }, { "stuck-aes", 32 } };
    for (size_t i = 0; i < COUNT(stuck); i++) {
        assert_int_equal(emulated_open(state), 0);
        struct peer *p = *state;
        peer_run_to(p, stuck[i].arrow - 1);
        assert_int_equal(fault_set(&emulated_chip, stuck[i].fault, "on"), ERR_OK);
        uint32_t got = peer_arrow(p, stuck[i].arrow);
        if (got != ERR_FAULT)
            fail_msg("%s: code %u", stuck[i].fault, got);
        assert_int_equal(emulated_close_noted(state), 0);
    }
}

/* Blocks of the start-up that have no switch on the control socket: nothing is served then. */
static void stuck_clock_is_told(void **state)
{
    struct busy *const blocks[] = { &emulated_chip.sys.power_level, &emulated_chip.clk.settle,
                                    &emulated_chip.ks.busy, &emulated_chip.fmc.busy };
    struct peer *p = *state;
    for (size_t i = 0; i < COUNT(blocks); i++) {
        chip_power(&emulated_chip, false);
        chip_power(&emulated_chip, true);
        blocks[i]->stuck = true;
        reboot(p);
        assert_int_equal(peer_await(p, 0), ERR_FAULT);
        assert_int_equal(peer_call(p, "Target/GenerateAuthKey", NULL), ERR_FAULT);
        blocks[i]->stuck = false;
    }
}

/* The lock that waits for a debug protection manager gives up as well. */
static void stuck_dpm_is_told(void **state)
{
    struct peer *p = *state;
    peer_run_to(p, 24);
    for (size_t i = 0; i < COUNT(emulated_chip.dpm.side); i++) {
        struct busy *busy = &emulated_chip.dpm.side[i].busy;
        busy_start(busy);
        busy->stuck = true;
        assert_int_equal(peer_arrow(p, 25), ERR_FAULT);
        busy->stuck = false;
    }
    peer_run_to(p, 32);
}

/* A chip whose TRNG is dead says so at once, and to every call. */
static void dead_trng_is_told(void **state)
{
    struct peer *p = *state;
    chip_power(&emulated_chip, false);
    assert_int_equal(fault_set(&emulated_chip, "stuck-trng", "on"), ERR_OK);
    chip_power(&emulated_chip, true);
    reboot(p);
    assert_int_equal(peer_await(p, 0), ERR_FAULT);
    assert_int_equal(peer_call(p, "Target/GenerateAuthKey", NULL), ERR_FAULT);
    assert_int_equal(p->board_calls, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(whole_run, emulated_open, emulated_close),
        cmocka_unit_test_setup_teardown(slots_are_as_their_table_says, emulated_open,
                                        emulated_close),
        cmocka_unit_test_setup_teardown(signed_demo_boots_locked, emulated_open,
                                        emulated_close),
        cmocka_unit_test(lock_levels),
        cmocka_unit_test_setup_teardown(starts_again_and_again, emulated_open, emulated_close),
        cmocka_unit_test_setup_teardown(nonce_of_1_is_refused, emulated_open,
                                        emulated_close_noted),
        cmocka_unit_test_setup_teardown(flash_failure_is_told, emulated_open,
                                        emulated_close_noted),
        cmocka_unit_test(cut_and_completed),
        cmocka_unit_test(stuck_blocks_are_told),
        cmocka_unit_test_setup_teardown(stuck_clock_is_told, emulated_open,
                                        emulated_close_noted),
        cmocka_unit_test_setup_teardown(stuck_dpm_is_told, emulated_open, emulated_close_noted),
        cmocka_unit_test_setup_teardown(dead_trng_is_told, emulated_open, emulated_close_noted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
