/* SPDX-License-Identifier: MIT */
/*
 * The DevAuth image as built for the M2354, on the emulated chip: every register sequence of
 * port/m2354 and port/nuvoton is run here, by the same peer that drives the host port.
 */
#include "tests/unit/check.h"

#include "tests/unit/test_devauth_emulated.h"

#include <stdio.h>
#include <string.h>

enum {
    STACK_SPARE_MIN = 128, /* never touched in a whole run */
    BTF = 0x4002f800,
};

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
    assert_int_equal(peer_finish(p), 0);
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
        assert_int_equal(otp[i].revoked, 0);
        assert_int_equal(otp[i].meta & 0x71f1f, metadata[i]); /* OWNER, SIZE, flags */
    }
    for (size_t i = COUNT(metadata); i < STORE_OTP_SLOTS; i++)
        assert_int_equal(otp[i].used, 0);
    for (size_t i = 0; i < 8; i++) { /* least significant word first */
        struct rd r = rd_of(span_of(p->secret + 28 - 4 * i, 4));
        assert_int_equal(otp[OTP_AES_FIRST].words[i], rd_u32be(&r));
    }
}

/* A run that the server knows nothing of: its key is revoked, and so is a slot that reads
 * wrong. */
static void older_keys_are_revoked(void **state)
{
    struct peer *p = *state;
    const struct store_otp *otp = emulated_chip.store.image->head.otp;
    for (unsigned slot = OTP_AES_FIRST; slot <= OTP_AES_LAST; slot++) {
        peer_run_to(p, 32);
        assert_int_equal(peer_commit(p), 0);
        assert_int_equal(p->commit->statement->slot, slot);
        for (unsigned i = OTP_AES_FIRST; i <= slot; i++)
            assert_int_equal(otp[i].revoked, i == slot ? 0 : STORE_REVOKED);
        reboot(p);
        peer_run_to(p, 7);
        assert_int_equal(p->hello->state->shared_key_slot, slot);
    }
    peer_run_to(p, 32);
    assert_int_equal(peer_commit(p), ERR_NO_SLOT);
    assert_int_equal(peer_keep(p), 0);
    assert_int_equal(peer_lock(p), 0);
}

static void use_demo(struct peer *p)
{
    uint8_t demo[PEER_IMAGE_MAX];
    size_t len = emulated_load_file(DEMO_BIN, demo, sizeof(demo));
    assert_int_equal(len % FLASH_PAGE_SIZE, 0);
    peer_use_image(p, span_of(demo, len), (uint32_t)len);
}

static void run_to_sleep(void)
{
    for (int i = 0; i < 1000; i++)
        chip_run(&emulated_chip, EMULATED_SLICE);
    assert_int_equal(emulated_chip.core.state, CORE_SLEEP);
}

static void power_cycle(void)
{
    chip_power(&emulated_chip, false);
    chip_power(&emulated_chip, true);
}

/* The locks are in force after a cold reset; the ROM starts the demo; the demo talks. */
static void signed_demo_boots_locked(void **state)
{
    struct peer *p = *state;
    char text[200] = { 0 };
    FILE *uart = tmpfile();
    assert_non_null(uart);
    use_demo(p);
    assert_int_equal(peer_finish(p), 0);
    assert_int_equal(chip_debug_level(&emulated_chip), DEBUG_ALL); /* set, not in force */
    emulated_chip.uart.fd = fileno(uart);
    power_cycle();
    assert_int_equal(emulated_chip.verdict, VERDICT_VERIFIED);
    assert_int_equal(chip_debug_level(&emulated_chip), DEBUG_NONE);
    assert_int_equal(emulated_chip.plm.stage, 3);
    run_to_sleep();
    rewind(uart);
    assert_non_null(fgets(text, sizeof(text), uart));
    assert_int_equal(strncmp(text, "NuLink3 demo " HALLMARK_VERSION ": running, UID ", 32), 0);
    assert_int_equal(strlen(text), 13 + strlen(HALLMARK_VERSION) + 15 + 24 + 2);
    emulated_chip.uart.fd = -1;
    fclose(uart);
}

/* Before the lock the committed board boots what was burnt, and a debugger sees it in BTF; then
 * DevAuth is loaded again, without a run, and locks. */
static void committed_board_boots_then_is_locked(void **state)
{
    struct peer *p = *state;
    use_demo(p);
    peer_run_to(p, 32);
    assert_int_equal(peer_commit(p), 0);
    chip_pin_reset(&emulated_chip, true);
    chip_pin_reset(&emulated_chip, false);
    run_to_sleep();
    assert_int_equal(emulated_word(BTF) & 1, 1);
    assert_int_equal(chip_debug_level(&emulated_chip), DEBUG_ALL);
    p->no_run = true;
    reboot(p);
    peer_run_to(p, 7);
    assert_false(p->hello->state->lock_begun);
    assert_int_equal(peer_lock(p), 0);
    power_cycle();
    assert_int_equal(emulated_chip.verdict, VERDICT_VERIFIED);
    assert_int_equal(chip_debug_level(&emulated_chip), DEBUG_NONE);
}

/* Each level tells so, and closes as much as it says when the chip is reset; not before. */
static void lock_levels(void **state)
{
    static const struct {
        unsigned level;
        enum debug_level debug;
        uint32_t stage;
    } levels[] = { { 1, DEBUG_ERASE_ONLY, 0 }, { 3, DEBUG_NONE, 3 } };
    for (size_t i = 0; i < COUNT(levels); i++) {
        assert_int_equal(emulated_open(state), 0);
        struct peer *p = *state;
        uint32_t stage = emulated_chip.plm.stage;
        p->lock_level = levels[i].level;
        assert_int_equal(peer_finish(p), 0);
        p->no_run = true;
        reboot(p);
        peer_run_to(p, 7);
        /* PLM has no reset yet: which stage is stored cannot be read, so it counts as none. */
        assert_int_equal(p->hello->state->lock_level, 1);
        assert_true(p->hello->state->lock_begun);
        assert_int_equal(peer_lock(p), 0);
        assert_int_equal(chip_debug_level(&emulated_chip), DEBUG_ALL);
        power_cycle();
        assert_int_equal(chip_debug_level(&emulated_chip), levels[i].debug);
        assert_int_equal(emulated_chip.plm.stage,
                         levels[i].stage != 0 ? levels[i].stage : stage);
        assert_int_equal(emulated_close(state), 0);
    }
}

/* A stage that is stored and not shown may be OEM: Deployed is written all the same. */
static void a_stored_stage_is_not_taken_for_deployed(void **state)
{
    struct peer *p = *state;
    peer_run_to(p, 32);
    assert_int_equal(peer_commit(p), 0);
    emulated_chip.store.image->head.plm_next = 1;
    assert_int_equal(peer_lock(p), 0);
    assert_int_equal(emulated_chip.store.image->head.plm_next, 3);
}

/* All other bits are set, too, by whatever program. */
static void a_stored_stage_is_not_taken_for_production(void **state)
{
    struct peer *p = *state;
    struct store_head *head = &emulated_chip.store.image->head;
    peer_run_to(p, 32);
    assert_int_equal(peer_commit(p), 0);
    head->plm_next = 1;
    head->dpm[0].flags = head->dpm[1].flags = 3;
    emulated_chip.dpm.side[0].control = 0x3000;
    emulated_chip.store.image->config[0] = 0xfd; /* LOCK */
    assert_int_equal(peer_lock(p), 0);
    assert_int_equal(head->plm_next, 3);
}

/* From RMA there is no way: refused before the first lock bit. */
static void rma_is_not_locked(void **state)
{
    struct peer *p = *state;
    peer_run_to(p, 32);
    assert_int_equal(peer_commit(p), 0);
    emulated_chip.store.image->head.plm_next = 7;
    emulated_chip.plm.stage = emulated_chip.store.image->head.plm_stage = 7;
    assert_int_equal(peer_lock(p), ERR_CHIP);
    assert_int_equal(emulated_chip.store.image->head.dpm[0].flags, 0);
    assert_true(flash_is_blank(&emulated_chip, 0x300000, 16));
}

/* ---- the power goes at each one-way write ---- */

static void committed(void **state)
{
    assert_int_equal(emulated_open(state), 0);
    struct peer *p = *state;
    peer_run_to(p, 32);
    assert_int_equal(peer_commit(p), 0);
}

static void arm(const char *kind, unsigned count, const char *moment)
{
    char number[12];
    snprintf(number, sizeof(number), "%u", count);
    char *arguments[] = { (char *)(uintptr_t)kind, number, (char *)(uintptr_t)moment };
    assert_int_equal(oneway_arm(&emulated_chip, 3, arguments), ERR_OK);
}

enum ends { LOCKED, CONTINUED, SHUT };

/* Closing.Lock with the power gone at one write; then what may follow. CONFIG has a content of
 * its own, so that there is something to lose. */
static enum ends lock_interrupted(void **state, const char *kind, unsigned count,
                                  const char *moment)
{
    static const uint32_t config[] = { 0xf7ffffff, 0xffff1234, 0xffffffff, 0x5aa5ffff };
    committed(state);
    struct peer *p = *state;
    memcpy(emulated_chip.store.image->config, config, sizeof(config));
    arm(kind, count, moment);
    enum ends ends = LOCKED;
    if (peer_lock(p) != 0) {
        assert_int_equal(emulated_chip.core.state, CORE_OFF);
        chip_power(&emulated_chip, true);
        ends = SHUT;
    }
    if (ends == SHUT && chip_debug_level(&emulated_chip) == DEBUG_ALL) {
        p->no_run = true;
        reboot(p);
        peer_run_to(p, 7);
        assert_true(p->hello->state->lock_begun);
        assert_int_equal(peer_lock(p), 0);
        ends = CONTINUED;
    }
    if (ends != SHUT) {
        assert_int_equal(flash_word(&emulated_chip, 0x300000), config[0] & ~2u);
        assert_memory_equal(emulated_chip.store.image->config + 4, config + 1, 12);
    }
    assert_int_equal(emulated_close_noted(state), 0);
    return ends;
}

/* Before word 0 of CONFIG the next call continues; from it on the board is complete, for all
 * was checked before the first bit, and perhaps below its level. */
static void lock_is_continued_from_every_prefix(void **state)
{
    static const struct {
        const char *kind, *moment;
    } cuts[] = { { "lock", "before" },
                 { "lock", "after" },
                 { "config-erase", "during" },
                 { "config-write", "during" } };
    unsigned count[3] = { 0 };
    for (size_t i = 0; i < COUNT(cuts); i++) {
        enum ends ends = CONTINUED;
        for (unsigned n = 1; ends != LOCKED; n++) {
            ends = lock_interrupted(state, cuts[i].kind, n, cuts[i].moment);
            count[ends]++;
        }
    }
    print_message(
        "lock interrupted: %u times continued, %u times shut, perhaps below its level\n",
        count[CONTINUED], count[SHUT]);
    assert_true(count[CONTINUED] > 8 && count[SHUT] > 3);
}

/* What the next run makes of an OTP slot whose burning was interrupted. */
static uint32_t torn(void **state, unsigned slot, unsigned words, const char *used)
{
    char numbers[2][12];
    snprintf(numbers[0], sizeof(numbers[0]), "%u", slot);
    snprintf(numbers[1], sizeof(numbers[1]), "%u", words);
    char *arguments[] = { numbers[0], numbers[1], (char *)(uintptr_t)used };
    assert_int_equal(emulated_open(state), 0);
    struct peer *p = *state;
    assert_int_equal(fault_set_tear(&emulated_chip, 3, arguments), ERR_OK);
    assert_int_equal(peer_finish(p), PEER_DEAD);
    assert_false(flash_is_blank(&emulated_chip, FLASH_AUTHKEY_RECORD, 8));
    chip_power(&emulated_chip, true);
    reboot(p);
    uint32_t result = peer_finish(p);
    if (result == 0 && slot <= OTP_ROTPK_Y)
        assert_true(p->receipt->receipt->rotpk_unproven);
    if (result == 0 && slot == OTP_AES_FIRST)
        assert_true(p->commit->statement->slot == OTP_AES_FIRST + (words != 0));
    assert_int_equal(emulated_close_noted(state), 0);
    return result;
}

static void torn_slots_are_found(void **state)
{
    for (unsigned words = 0; words < 8; words += words == 0 ? 1 : 3) {
        for (unsigned slot = OTP_ROTPK_X; slot <= OTP_ROTPK_Y; slot++) {
            assert_int_equal(torn(state, slot, words, "used"), 0);
            assert_int_equal(torn(state, slot, words, "unused"), 0);
        }
        assert_int_equal(torn(state, OTP_AUTHKEY, words, "used"), ERR_SPOILT);
        assert_int_equal(torn(state, OTP_AUTHKEY, words, "unused"),
                         words == 0 ? 0 : ERR_SPOILT);
    }
}

static void torn_shared_keys_are_replaced(void **state)
{
    for (unsigned words = 1; words < 8; words += 3) {
        assert_int_equal(torn(state, OTP_AES_FIRST, words, "used"), 0);
        assert_int_equal(torn(state, OTP_AES_FIRST, words, "unused"), 0);
    }
    assert_int_equal(torn(state, OTP_AES_FIRST, 0, "unused"), 0);
}

/* Loaded again and again on a chip that was not reset: nothing fills up. */
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
        assert_int_equal(peer_finish(p), PEER_DEAD);
        assert_int_equal(emulated_chip.core.state, CORE_OFF);
        chip_power(&emulated_chip, true);
        reboot(p);
        assert_int_equal(peer_finish(p), 0);
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

/* The lock that waits for a debug protection manager gives up as well; it had set nothing. */
static void stuck_dpm_is_told(void **state)
{
    struct peer *p = *state;
    peer_run_to(p, 32);
    assert_int_equal(peer_commit(p), 0);
    for (size_t i = 0; i < COUNT(emulated_chip.dpm.side); i++) {
        struct busy *busy = &emulated_chip.dpm.side[i].busy;
        busy_start(busy);
        busy->stuck = true;
        assert_int_equal(peer_lock(p), ERR_FAULT);
        busy->stuck = false;
        busy->active = false;
    }
    assert_int_equal(emulated_chip.store.image->head.plm_next, 0);
    assert_int_equal(peer_lock(p), 0);
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
        cmocka_unit_test_setup_teardown(committed_board_boots_then_is_locked, emulated_open,
                                        emulated_close),
        cmocka_unit_test_setup_teardown(older_keys_are_revoked, emulated_open,
                                        emulated_close_noted),
        cmocka_unit_test(lock_levels),
        cmocka_unit_test_setup_teardown(a_stored_stage_is_not_taken_for_deployed, emulated_open,
                                        emulated_close),
        cmocka_unit_test_setup_teardown(a_stored_stage_is_not_taken_for_production,
                                        emulated_open, emulated_close),
        cmocka_unit_test_setup_teardown(rma_is_not_locked, emulated_open, emulated_close),
        cmocka_unit_test(lock_is_continued_from_every_prefix),
        cmocka_unit_test(torn_slots_are_found),
        cmocka_unit_test(torn_shared_keys_are_replaced),
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
