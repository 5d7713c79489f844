/*
 * The DevAuth image as built for the M2354, on the emulated chip: every register sequence of
 * port/m2354 is run here, by the same peer that drives the host port.
 */
#include "tests/unit/check.h"

#include "common/host/log.h"
#include "target-fw/board/chip.h"
#include "tests/unit/test_devauth_peer.h"

#include <stdio.h>
#include <string.h>

enum {
    DHCSR = 0xe000edf0,
    DCRSR = 0xe000edf4,
    DCRDR = 0xe000edf8,
    REG_WRITE = 1 << 16,
    REG_PC = 15,
    REG_XPSR = 16,
    REG_MSP = 17,
    SLICE_BLOCKS = 2000,
    SLEEP_CYCLES = 12000, /* a millisecond */
    IMAGE_MAX = 0x8000,
    STACK_SIZE = 0x680,    /* of link.ld */
    STACK_SPARE_MIN = 128, /* never touched in a whole run */
};

#define STACK_PAINT 0x5aa5c33cu

#define DEBUG_KEY 0xa05f0000u

static struct chip chip;
static struct peer peer;
static uint8_t image[IMAGE_MAX];
static size_t image_len;
static uint32_t mailbox;

static void write_word(uint32_t address, uint32_t word)
{
    chip.master = MASTER_DEBUG;
    assert_true(bus_write(&chip, address, 4, word));
}

static uint32_t read_word(uint32_t address)
{
    uint32_t word;
    chip.master = MASTER_DEBUG;
    assert_true(bus_read(&chip, address, 4, &word));
    return word;
}

static void io_read(void *context, size_t offset, void *bytes, size_t len)
{
    (void)context;
    memcpy(bytes, chip.sram + (mailbox - SRAM_BASE) + offset, len);
}

static void io_write(void *context, size_t offset, const void *bytes, size_t len)
{
    const uint8_t *at = bytes;
    (void)context;
    chip.master = MASTER_DEBUG;
    for (size_t i = 0; i < len; i++)
        assert_true(bus_write(&chip, mailbox + (uint32_t)(offset + i), 1, at[i]));
}

static void io_flash(void *context, uint32_t address, struct span bytes)
{
    (void)context;
    memcpy(flash_bytes(&chip, address, (uint32_t)bytes.len), bytes.ptr, bytes.len);
}

static bool io_turn(void *context)
{
    (void)context;
    if (chip.core.state == CORE_SLEEP)
        chip_pass(&chip, SLEEP_CYCLES);
    chip_run(&chip, SLICE_BLOCKS);
    return chip.core.state == CORE_RUN || chip.core.state == CORE_SLEEP;
}

static void core_register(uint32_t select, uint32_t value)
{
    write_word(DCRDR, value);
    write_word(DCRSR, REG_WRITE | select);
}

/* As a loader does it over SWD: halt, copy, set registers, go; then wait for the mailbox. */
static void boot(void)
{
    const struct devauth_image *head = (const void *)image;
    write_word(DHCSR, DEBUG_KEY | 3);
    assert_int_equal(head->magic, DEVAUTH_IMAGE_MAGIC);
    assert_int_equal(head->image_size, image_len);
    for (size_t i = 0; i < image_len; i += 4) {
        uint32_t word;
        memcpy(&word, image + i, 4);
        write_word(head->load_address + (uint32_t)i, word);
    }
    for (uint32_t at = head->initial_sp - STACK_SIZE; at < head->initial_sp; at += 4)
        write_word(at, STACK_PAINT);
    mailbox = head->mailbox_address;
    write_word(mailbox, 0);
    core_register(REG_XPSR, 0x01000000);
    core_register(REG_MSP, head->initial_sp);
    core_register(REG_PC, head->reset_handler & ~1u);
    write_word(DHCSR, DEBUG_KEY | 1);
    for (int i = 0; i < 10000 && read_word(mailbox) != MAILBOX_MAGIC; i++)
        assert_true(io_turn(NULL));
    assert_int_equal(read_word(mailbox), MAILBOX_MAGIC);
}

static size_t load_file(const char *path, uint8_t *out, size_t cap)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t len = fread(out, 1, cap, file);
    fclose(file);
    return len;
}

static int open(void **state)
{
    log_set_level(LOG_LEVEL_ERROR); /* injected faults are noted in plenty */
    const struct peer_io io = { io_read, io_write, io_flash, io_turn, NULL };
    image_len = load_file(DEVAUTH_BIN, image, sizeof(image));
    assert_int_equal(chip_open(&chip, 0, NULL, true), ERR_OK);
    peer_open(&peer, &io);
    boot();
    *state = &peer;
    return 0;
}

static int close_noted(void **state)
{
    (void)state;
    peer_close(&peer);
    chip_close(&chip);
    return 0;
}

static int close(void **state)
{
    assert_int_equal(chip.notes, 0); /* nothing that silicon would pass over in silence */
    return close_noted(state);
}

static void reboot(struct peer *p)
{
    peer_restart(p);
    boot();
}

static uint32_t stack_spare(void)
{
    const struct devauth_image *head = (const void *)image;
    uint32_t spare = 0;
    while (spare < STACK_SIZE &&
           read_word(head->initial_sp - STACK_SIZE + spare) == STACK_PAINT)
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
    assert_memory_equal(flash_bytes(&chip, 0, p->image_len), p->image, p->image_len);
    print_message("stack: %u of %d bytes never used\n", stack_spare(), STACK_SIZE);
    assert_true(stack_spare() >= STACK_SPARE_MIN);
}

/* What the OTP slots hold, and how: M2354BSP, keystore.h. */
static void slots_are_as_their_table_says(void **state)
{
    struct peer *p = *state;
    const struct store_otp *otp = chip.store.image->head.otp;
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
    size_t len = load_file(DEMO_BIN, demo, sizeof(demo));
    assert_int_equal(len % FLASH_PAGE_SIZE, 0);
    peer_use_image(p, span_of(demo, len), (uint32_t)len);
    peer_run_to(p, 32);
    assert_int_equal(peer_commit(p), 0);
    assert_int_equal(chip_debug_level(&chip), DEBUG_ALL); /* armed, not in force */
    chip.uart.fd = fileno(uart);
    chip_power(&chip, false);
    chip_power(&chip, true);
    assert_int_equal(chip.verdict, VERDICT_VERIFIED);
    assert_int_equal(chip_debug_level(&chip), DEBUG_NONE);
    assert_int_equal(chip.plm.stage, 3);
    for (int i = 0; i < 1000; i++)
        chip_run(&chip, SLICE_BLOCKS);
    assert_int_equal(chip.core.state, CORE_SLEEP);
    rewind(uart);
    assert_non_null(fgets(text, sizeof(text), uart));
    assert_int_equal(strncmp(text, "NuLink3 demo " HALLMARK_VERSION ": running, UID ", 32), 0);
    assert_int_equal(strlen(text), 13 + strlen(HALLMARK_VERSION) + 15 + 24 + 2);
    chip.uart.fd = -1;
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
        assert_int_equal(open(state), 0);
        struct peer *p = *state;
        uint32_t stage = chip.plm.stage;
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
        assert_int_equal(chip_debug_level(&chip), DEBUG_ALL);
        chip_power(&chip, false);
        chip_power(&chip, true);
        assert_int_equal(chip_debug_level(&chip), levels[i].debug);
        assert_int_equal(chip.plm.stage, levels[i].stage != 0 ? levels[i].stage : stage);
        assert_int_equal(close(state), 0);
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
    chip.faults.k1 = true;
    assert_int_equal(peer_call(p, "Target/SignCertificationRequestInfo", NULL), ERR_CHIP);
    chip.faults.k1 = false;
    peer_run_to(p, 32);
}

static void flash_failure_is_told(void **state)
{
    struct peer *p = *state;
    peer_run_to(p, 20);
    for (uint32_t at = 1; at < 300; at += 99) {
        chip.faults.ispff = at;
        assert_int_equal(peer_arrow(p, 24), ERR_CHIP);
        chip.faults.ispff = 0;
        p->chunk = read_word(mailbox + offsetof(struct mailbox, up.bulk_done));
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
        assert_int_equal(open(state), 0);
        struct peer *p = *state;
        chip.faults.otp_cut = cuts[i].otp_cut;
        chip.faults.flash_cut = cuts[i].flash_cut;
        assert_int_equal(run_all(p), PEER_DEAD);
        assert_int_equal(chip.core.state, CORE_OFF);
        chip_power(&chip, true);
        reboot(p);
        assert_int_equal(run_all(p), 0);
        assert_memory_equal(flash_bytes(&chip, 0, p->image_len), p->image, p->image_len);
        assert_int_equal(close_noted(state), 0);
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
        assert_int_equal(open(state), 0);
        struct peer *p = *state;
        peer_run_to(p, stuck[i].arrow - 1);
        assert_int_equal(fault_set(&chip, stuck[i].fault, "on"), ERR_OK);
        uint32_t got = peer_arrow(p, stuck[i].arrow);
        if (got != ERR_FAULT)
            fail_msg("%s: code %u", stuck[i].fault, got);
        assert_int_equal(close_noted(state), 0);
    }
}

/* A chip whose TRNG is dead still answers: with that. */
static void dead_trng_is_told(void **state)
{
    struct peer *p = *state;
    chip_power(&chip, false);
    assert_int_equal(fault_set(&chip, "stuck-trng", "on"), ERR_OK);
    chip_power(&chip, true);
    reboot(p);
    assert_int_equal(peer_call(p, "Target/GenerateAuthKey", NULL), ERR_FAULT);
    assert_int_equal(p->board_calls, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(whole_run, open, close),
        cmocka_unit_test_setup_teardown(slots_are_as_their_table_says, open, close),
        cmocka_unit_test_setup_teardown(signed_demo_boots_locked, open, close),
        cmocka_unit_test(lock_levels),
        cmocka_unit_test_setup_teardown(starts_again_and_again, open, close),
        cmocka_unit_test_setup_teardown(nonce_of_1_is_refused, open, close_noted),
        cmocka_unit_test_setup_teardown(flash_failure_is_told, open, close_noted),
        cmocka_unit_test(cut_and_completed),
        cmocka_unit_test(stuck_blocks_are_told),
        cmocka_unit_test_setup_teardown(dead_trng_is_told, open, close_noted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
