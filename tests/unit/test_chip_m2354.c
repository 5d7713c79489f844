/* SPDX-License-Identifier: MIT */
/* The chip layer against registers that misbehave. test_link_board is the one where all is
 * well. */
#include "tests/unit/check.h"

#include <stdlib.h>
#include <string.h>

#include "common/core/wr.h"
#include "common/host/log.h"
#include "common/host/own.h"
#include "station-agent/chip/chip.h"
#include "station-agent/probe/dap.h"
#include "tests/unit/test_probe_fake.h"

enum {
    PDID = 0x40000000,
    REGLCTL = 0x40000100,
    STATUS = 0x40000250,
    ISPADDR = 0x4000C004,
    ISPDAT = 0x4000C008,
    ISPCMD = 0x4000C00C,
    ISPTRG = 0x4000C010,
    ISPSTS = 0x4000C040,
    MPDAT0 = 0x4000C080,
    MPDAT1 = 0x4000C084,
};
#define DHCSR  0xE000EDF0u
#define WINDOW 0xF0001600u /* of DPM, which answers whatever is locked */
#define DPM_ID 0xF00016FCu
#define DCRSR  0xE000EDF4u

/* A chip whose flash controller has a fault switched on. */
struct bench {
    struct fake fake;
    struct chip *chip;
    bool refuse, bad_verify, stuck, lost_bits, lost_sram, deaf_lock;
    bool loaded_first; /* the image was in SRAM when a pair was programmed */
    unsigned keys, erased, programmed;
};

static void program(struct bench *b, uint8_t *flash, uint32_t data)
{
    data &= ~(b->lost_bits ? 0x10u : 0);
    for (unsigned i = 0; i < 4; i++)
        flash[i] &= (uint8_t)(data >> (8 * i));
}

static void command(struct bench *b)
{
    uint32_t at = fake_get(&b->fake, ISPADDR), code = fake_get(&b->fake, ISPCMD);
    uint8_t *flash = b->fake.flash + (at - FAKE_FLASH);
    if (code == 0x22) {
        b->erased++;
        memset(flash, 0xFF, FLASH_PAGE_SIZE);
    } else if (code == 0x21) {
        b->programmed++;
        program(b, flash, fake_get(&b->fake, ISPDAT));
    } else if (code == 0x61) {
        b->programmed++;
        b->loaded_first = fake_get(&b->fake, SRAM_BASE + 0x10) == DEVAUTH_IMAGE_MAGIC;
        program(b, flash, fake_get(&b->fake, MPDAT0));
        program(b, flash + 4, fake_get(&b->fake, MPDAT1));
    } else if (code == 0x04) {
        fake_set(&b->fake, ISPDAT, 0x1000 + at);
    }
    fake_set(&b->fake, ISPSTS,
             (b->refuse ? 1u << 6 : 0) |
                 (b->bad_verify && (code & 0xBF) == 0x21 ? 1u << 5 : 0) | b->stuck);
    fake_set(&b->fake, ISPTRG, b->stuck);
}

static void on_write(struct fake *fake, uint32_t address, uint32_t value)
{
    struct bench *b = fake->user;
    if (address == REGLCTL) {
        static const uint32_t keys[] = { 0x59, 0x16, 0x88 };
        b->keys = b->keys < 3 && value == keys[b->keys] ? b->keys + 1 : 0;
        fake_set(fake, REGLCTL, b->keys == 3 && !b->deaf_lock);
        b->keys = b->keys == 3 ? 0 : b->keys;
    }
    if (address == ISPTRG && value == 1)
        command(b);
    if (b->lost_sram && address == SRAM_BASE + 0x20)
        fake_set(fake, address, value ^ 0x100);
    if (address == DHCSR || address == DCRSR)
        fake_set(fake, DHCSR, 1u << 16 | 1u << 17 | 1u << 20 | 1u << 25);
}

static struct bench *bench_new(void)
{
    struct bench *b = calloc(1, sizeof(*b));
    assert_non_null(b);
    fake_init(&b->fake);
    b->fake.user = b;
    b->fake.on_write = on_write;
    fake_set(&b->fake, PDID, 0xA1735440);
    fake_set(&b->fake, DPM_ID, 0x44504D00);
    fake_set(&b->fake, STATUS, 1u << 4);
    fake_set(&b->fake, DHCSR, 1u << 16 | 1u << 20);
    return b;
}

static struct bench *bench_open(void)
{
    struct bench *b = bench_new();
    assert_int_equal(chip_open(&b->fake.probe, 0, &b->chip), ERR_OK);
    assert_int_equal(chip_prepare(b->chip), ERR_OK);
    return b;
}

static void bench_drop(struct bench **b)
{
    chip_close((*b)->chip);
    free(*b);
}

static void open_tells_what_is_wrong(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint32_t pdid, dhcsr, fault_from, fault_to;
        bool no_answer;
        enum err want;
        const char *words;
    } cases[] = {
        { "unknown part", 0x01B46760, 1 << 20, 0, 0, false, ERR_MISMATCH,
          "PDID 0x01b46760; known are M2354LJFAE" },
        { "secure debug off", 0xA1735440, 0, 0, 0, false, ERR_NOT_KNOWN, "S_SDE" },
        { "registers refused", 0xA1735440, 1 << 20, 0x40000000, 0x50000000, false, ERR_FAULT,
          "is it locked? not proven" },
        { "core refused", 0xA1735440, 1 << 20, 0xE0000000, 0xF0000000, false, ERR_FAULT,
          "is it locked? not proven" },
        { "all refused", 0xA1735440, 0, 0, WINDOW, false, ERR_LOCKED,
          "the debug port is locked" },
        { "nothing there", 0xA1735440, 1 << 20, 0, 0, true, ERR_UNAVAILABLE, "powered" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO(bench_drop) struct bench *b = bench_new();
        fake_set(&b->fake, PDID, cases[i].pdid);
        fake_set(&b->fake, DHCSR, cases[i].dhcsr);
        b->fake.fault_from = cases[i].fault_from;
        b->fake.fault_to = cases[i].fault_to;
        b->fake.no_answer = cases[i].no_answer;
        enum err got = chip_open(&b->fake.probe, 0, &b->chip);
        if (got != cases[i].want || strstr(fail_words(), cases[i].words) == NULL)
            print_message("%s: %s\n", cases[i].name, fail_words());
        assert_int_equal(got, cases[i].want);
        assert_non_null(strstr(fail_words(), cases[i].words));
        assert_null(b->chip);
    }
}

static void flash_faults_are_seen(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        size_t flag;
        enum err want;
        const char *words;
    } cases[] = {
        { "ISPFF", offsetof(struct bench, refuse), ERR_CHIP, "ISPFF" },
        { "PGFF", offsetof(struct bench, bad_verify), ERR_CHIP, "PGFF" },
        { "busy for ever", offsetof(struct bench, stuck), ERR_CHIP, "busy" },
        { "a bit that does not hold", offsetof(struct bench, lost_bits), ERR_VERIFY, "reads" },
        { "write protection", offsetof(struct bench, deaf_lock), ERR_CHIP, "REGLCTL" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO(bench_drop) struct bench *b = bench_open();
        static uint8_t page[FLASH_PAGE_SIZE];
        unsigned written = 99;
        memset(page, 0x3C, sizeof(page));
        *(bool *)((char *)b + cases[i].flag) = true;
        enum err got = chip_flash_write(b->chip, FAKE_FLASH, SPAN(page), &written);
        if (got != cases[i].want || strstr(fail_words(), cases[i].words) == NULL)
            print_message("%s: %s\n", cases[i].name, fail_words());
        assert_int_equal(got, cases[i].want);
        assert_non_null(strstr(fail_words(), cases[i].words));
        assert_int_equal(written, 99);
    }
}

static void only_what_differs_is_written(void **state)
{
    (void)state;
    AUTO(bench_drop) struct bench *b = bench_open();
    static uint8_t pages[2 * FLASH_PAGE_SIZE];
    unsigned written;
    memset(pages, 0xFF, sizeof(pages));
    pages[5] = 0;
    assert_int_equal(chip_flash_write(b->chip, FAKE_FLASH, SPAN(pages), &written), ERR_OK);
    assert_int_equal(written, 1);
    assert_int_equal(b->erased, 1);
    assert_int_equal(b->programmed, 1);
    pages[5] = 1;
    assert_int_equal(chip_flash_write(b->chip, FAKE_FLASH, SPAN(pages), &written), ERR_OK);
    assert_int_equal(b->erased, 2);
    assert_memory_equal(b->fake.flash, pages, sizeof(pages));
}

/* It may be blank by an erase that was interrupted, which need not hold. */
static void a_blank_page_is_erased(void **state)
{
    (void)state;
    AUTO(bench_drop) struct bench *b = bench_open();
    static uint8_t leaf[600], issuer[600];
    unsigned written;
    assert_int_equal(chip_certificate_write(b->chip, SPAN(leaf), SPAN(issuer), &written),
                     ERR_OK);
    assert_int_equal(written, 1);
    assert_int_equal(b->erased, 1);
}

/* A cut while the certificates are written must not leave a length without its bytes. */
static void lengths_come_last(void **state)
{
    (void)state;
    AUTO(bench_drop) struct bench *b = bench_open();
    static uint8_t leaf[600], issuer[600];
    unsigned written;
    b->bad_verify = true; /* ends it after the first word programmed */
    assert_int_equal(chip_certificate_write(b->chip, SPAN(leaf), SPAN(issuer), &written),
                     ERR_CHIP);
    assert_int_equal(b->programmed, 1);
    for (size_t i = 0; i < 8; i++)
        assert_int_equal(b->fake.flash[i], 0xFF);
}

static void uid_is_three_words(void **state)
{
    (void)state;
    AUTO(bench_drop) struct bench *b = bench_open();
    static const uint8_t want[UID_SIZE] = { 0, 0x10, 0, 0, 4, 0x10, 0, 0, 8, 0x10 };
    uint8_t uid[UID_SIZE];
    assert_int_equal(chip_uid(b->chip, uid), ERR_OK);
    assert_memory_equal(uid, want, sizeof(uid));
    b->refuse = true;
    assert_int_equal(chip_uid(b->chip, uid), ERR_CHIP);
}

static struct span small_image(uint8_t out[static 0x24])
{
    static const uint32_t header[] = { 0x20004000,          0x20000021, 0,          0,
                                       DEVAUTH_IMAGE_MAGIC, SRAM_BASE,  0x20005000, 0x24 };
    struct wr w = wr_of(out, 0x24);
    for (size_t i = 0; i < COUNT(header); i++)
        wr_u32le(&w, header[i]);
    wr_u32le(&w, 0);
    return wr_done(&w);
}

static void image_is_read_back(void **state)
{
    (void)state;
    AUTO(bench_drop) struct bench *b = bench_open();
    uint8_t bytes[0x24];
    struct span image = small_image(bytes);
    struct devauth_image h;
    assert_int_equal(chip_image_load(b->chip, image, &h), ERR_OK);
    b->lost_sram = true;
    assert_int_equal(chip_image_load(b->chip, image, &h), ERR_VERIFY);
    assert_non_null(strstr(fail_words(), "SRAM 0x20000021"));
}

static void an_image_is_loaded_while_flash_is_erased(void **state)
{
    (void)state;
    AUTO(bench_drop) struct bench *b = bench_open();
    uint8_t bytes[0x24], leaf[60] = { 1 };
    struct span image = small_image(bytes);
    struct devauth_image h = { 0 };
    unsigned written;
    chip_image_ahead(b->chip, image);
    assert_int_equal(chip_certificate_write(b->chip, SPAN(leaf), span_of(NULL, 0), &written),
                     ERR_OK);
    assert_true(b->loaded_first);
    unsigned transfers = b->fake.transfers;
    assert_int_equal(chip_image_load(b->chip, image, &h), ERR_OK);
    assert_int_equal(b->fake.transfers, transfers);
    assert_int_equal(h.image_size, 0x24);
    assert_memory_equal(b->fake.sram, image.ptr, image.len);
}

/* Found in arrow 4's time, and told as arrow 5's. */
static void what_is_wrong_with_an_image_ahead_is_told_by_its_load(void **state)
{
    (void)state;
    AUTO(bench_drop) struct bench *b = bench_open();
    uint8_t bytes[0x24], leaf[60] = { 1 };
    struct span image = small_image(bytes);
    struct devauth_image h = { 0 };
    unsigned written;
    chip_image_ahead(b->chip, image);
    b->lost_sram = true;
    assert_int_equal(chip_certificate_write(b->chip, SPAN(leaf), span_of(NULL, 0), &written),
                     ERR_OK);
    b->lost_sram = false;
    assert_int_equal(chip_image_load(b->chip, image, &h), ERR_VERIFY);
    assert_non_null(strstr(fail_words(), "SRAM 0x20000021"));
    assert_int_equal(chip_image_load(b->chip, image, &h), ERR_OK);
}

/* Another board may be at the probe, and the core was reset. */
static void an_image_ahead_is_loaded_again_after_a_reset(void **state)
{
    (void)state;
    AUTO(bench_drop) struct bench *b = bench_open();
    uint8_t bytes[0x24], leaf[60] = { 1 };
    struct span image = small_image(bytes);
    struct devauth_image h = { 0 };
    unsigned written;
    chip_image_ahead(b->chip, image);
    assert_int_equal(chip_certificate_write(b->chip, SPAN(leaf), span_of(NULL, 0), &written),
                     ERR_OK);
    assert_int_equal(chip_prepare(b->chip), ERR_OK);
    memset(b->fake.sram, 0, sizeof(b->fake.sram));
    assert_int_equal(chip_image_load(b->chip, image, &h), ERR_OK);
    assert_memory_equal(b->fake.sram, image.ptr, image.len);
}

static void long_wires_get_a_slower_clock(void **state)
{
    (void)state;
    AUTO(bench_drop) struct bench *b = bench_new();
    b->fake.clock_max = 600000;
    assert_int_equal(chip_open(&b->fake.probe, 2000000, &b->chip), ERR_OK);
    assert_int_equal(chip_prepare(b->chip), ERR_OK);
    assert_int_equal(b->fake.clock, 500000);
    AUTO(bench_drop) struct bench *worse = bench_new();
    worse->fake.clock_max = 1;
    assert_int_equal(chip_open(&worse->fake.probe, 2000000, &worse->chip), ERR_OK);
    assert_int_equal(chip_prepare(worse->chip), ERR_VERIFY);
    assert_non_null(strstr(fail_words(), "125000 Hz"));
}

/* Arrow 5 and the lock read back what they write: the patterns are tried once a clock. */
static void patterns_are_tried_once(void **state)
{
    (void)state;
    AUTO(bench_drop) struct bench *b = bench_open();
    unsigned transfers = b->fake.transfers;
    assert_int_equal(chip_prepare(b->chip), ERR_OK);
    assert_true(b->fake.transfers - transfers < 4096 / 4);
}

static void bad_wires_are_no_lock(void **state)
{
    (void)state;
    const struct {
        const char *name;
        uint8_t response;
        uint32_t max;
        enum err want;
        uint32_t clock;
    } cases[] = {
        { "slower, it answers", DAP_ACK_NONE, 600000, ERR_OK, 500000 },
        { "slower, parity holds", DAP_ACK_OK | DAP_WIRE_ERROR, 300000, ERR_OK, 250000 },
        { "never an answer", DAP_ACK_NONE, 0, ERR_UNAVAILABLE, 125000 },
        { "never parity", DAP_ACK_OK | DAP_WIRE_ERROR, 0, ERR_UNAVAILABLE, 125000 },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO(bench_drop) struct bench *b = bench_new();
        b->fake.wire_max = cases[i].max;
        b->fake.wire_response = cases[i].response;
        enum err got = chip_open(&b->fake.probe, 2000000, &b->chip);
        if (got != cases[i].want)
            print_message("%s: %s\n", cases[i].name, fail_words());
        assert_int_equal(got, cases[i].want);
        assert_int_equal(b->fake.clock, cases[i].clock);
    }
    AUTO(bench_drop) struct bench *b = bench_new();
    b->fake.wire_response = DAP_ACK_OK | DAP_WIRE_ERROR;
    b->fake.ap_only = true;
    assert_int_equal(chip_open(&b->fake.probe, 2000000, &b->chip), ERR_FAULT);
    assert_non_null(strstr(fail_words(), "a bad wire or clock"));
}

/* An agent that was killed in a reset leaves the pin low. */
static void a_board_left_in_reset_is_let_go(void **state)
{
    (void)state;
    AUTO(bench_drop) struct bench *b = bench_new();
    b->fake.reset_low = true;
    assert_int_equal(chip_open(&b->fake.probe, 0, &b->chip), ERR_OK);
    assert_false(b->fake.reset_low);
    assert_int_equal(b->fake.resets, 0);
}

/* A board whose lock writes were made is shut by it, before the server knows its level. */
static void no_start_pulls_nreset(void **state)
{
    (void)state;
    AUTO(bench_drop) struct bench *b = bench_open();
    uint8_t uid[UID_SIZE];
    assert_int_equal(chip_uid(b->chip, uid), ERR_OK);
    chip_close(b->chip);
    b->chip = NULL;
    assert_int_equal(b->fake.resets, 0);
}

static void a_board_held_in_reset_is_not_called_locked(void **state)
{
    (void)state;
    AUTO(bench_drop) struct bench *b = bench_new();
    b->fake.reset_low = b->fake.reset_stuck = true;
    assert_int_equal(chip_open(&b->fake.probe, 0, &b->chip), ERR_UNAVAILABLE);
    assert_non_null(strstr(fail_words(), "held in reset"));
}

static void a_board_held_in_reset_is_not_proven_shut(void **state)
{
    (void)state;
    AUTO(bench_drop) struct bench *b = bench_open();
    struct chip_debug_result result;
    b->fake.reset_stuck = true;
    assert_int_equal(chip_reset(b->chip), ERR_OK);
    chip_debug_look(b->chip, CHIP_LEVEL_ANY, &result);
    assert_int_equal(result.port, CHIP_DEBUG_NOT_KNOWN);
    assert_non_null(strstr(result.detail, "nRESET stays low"));
}

/* A probe without that pin reads it low, whatever the board does. */
static void a_probe_without_the_pin_will_do(void **state)
{
    (void)state;
    AUTO(bench_drop) struct bench *b = bench_new();
    struct chip_debug_result result;
    b->fake.no_reset_pin = true;
    assert_int_equal(chip_open(&b->fake.probe, 0, &b->chip), ERR_OK);
    b->fake.fault_to = WINDOW;
    chip_debug_look(b->chip, CHIP_LEVEL_ANY, &result);
    assert_int_equal(result.port, CHIP_DEBUG_SHUT);
}

/* A locked board is opened to be proven shut, an open one too; the reset may lie between. */
static void a_shut_board_is_proven_so(void **state)
{
    (void)state;
    for (int open = 0; open <= 1; open++) {
        AUTO(bench_drop) struct bench *b = bench_new();
        struct chip_debug_result result;
        enum chip_debug want = open ? CHIP_DEBUG_OPEN : CHIP_DEBUG_SHUT;
        b->fake.fault_to = open ? 0 : WINDOW;
        assert_int_equal(chip_open_shut(&b->fake.probe, 0, &b->chip), ERR_OK);
        chip_debug_look(b->chip, CHIP_LEVEL_ANY, &result);
        assert_int_equal(result.port, want);
        assert_int_equal(b->fake.resets, 0);
        assert_int_equal(chip_reset(b->chip), ERR_OK);
        chip_debug_look(b->chip, CHIP_LEVEL_ANY, &result);
        assert_int_equal(result.port, want);
        assert_int_equal(b->fake.resets, 1);
        assert_non_null(strstr(result.detail, open ? "SRAM 0x20000000 is readable"
                                                   : "SRAM 0x20000000: FAULT"));
    }
}

/* Nothing was read of it before that would tell a lock from a reset or a dead wire. */
static void a_board_that_may_be_shut_is_not_proven_so(void **state)
{
    (void)state;
    AUTO(bench_drop) struct bench *absent = bench_new();
    absent->fake.no_answer = true;
    assert_int_equal(chip_open_shut(&absent->fake.probe, 0, &absent->chip), ERR_UNAVAILABLE);
    assert_null(absent->chip);
    for (int stuck = 0; stuck <= 1; stuck++) {
        AUTO(bench_drop) struct bench *b = bench_new();
        struct chip_debug_result result;
        b->fake.reset_low = b->fake.reset_stuck = stuck;
        b->fake.no_reset_pin = !stuck;
        b->fake.fault_to = WINDOW;
        assert_int_equal(chip_open_shut(&b->fake.probe, 0, &b->chip), ERR_OK);
        chip_debug_look(b->chip, CHIP_LEVEL_ANY, &result);
        assert_int_equal(result.port, CHIP_DEBUG_NOT_KNOWN);
        assert_non_null(strstr(result.detail, "nRESET stays low"));
    }
}

int main(void)
{
    log_set_level(LOG_LEVEL_ERROR);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(open_tells_what_is_wrong),
        cmocka_unit_test(flash_faults_are_seen),
        cmocka_unit_test(only_what_differs_is_written),
        cmocka_unit_test(a_blank_page_is_erased),
        cmocka_unit_test(lengths_come_last),
        cmocka_unit_test(uid_is_three_words),
        cmocka_unit_test(image_is_read_back),
        cmocka_unit_test(an_image_is_loaded_while_flash_is_erased),
        cmocka_unit_test(what_is_wrong_with_an_image_ahead_is_told_by_its_load),
        cmocka_unit_test(an_image_ahead_is_loaded_again_after_a_reset),
        cmocka_unit_test(long_wires_get_a_slower_clock),
        cmocka_unit_test(patterns_are_tried_once),
        cmocka_unit_test(bad_wires_are_no_lock),
        cmocka_unit_test(no_start_pulls_nreset),
        cmocka_unit_test(a_board_left_in_reset_is_let_go),
        cmocka_unit_test(a_board_held_in_reset_is_not_called_locked),
        cmocka_unit_test(a_board_held_in_reset_is_not_proven_shut),
        cmocka_unit_test(a_probe_without_the_pin_will_do),
        cmocka_unit_test(a_shut_board_is_proven_so),
        cmocka_unit_test(a_board_that_may_be_shut_is_not_proven_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
