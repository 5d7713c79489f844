/* SPDX-License-Identifier: MIT */
/* The chip layer over a wire that fails once, at every place in turn: flash, registers and SRAM
 * must come out as they would have, and no word is programmed twice. */
#include "tests/unit/check.h"

#include <stdlib.h>
#include <string.h>

#include "common/core/wr.h"
#include "common/host/log.h"
#include "common/host/own.h"
#include "station-agent/chip/chip.h"
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
    BUSY = 1,
    SLOW = 40, /* looks: more than a probe takes for one wait */
    CERTIFICATE_SIZE = 60,
    READY = 1 << 16 | 1 << 20, /* DHCSR: a register may be moved, secure debug is allowed */
    HALTED = 1 << 17,
    RESET_SEEN = 1 << 25,
};
#define RUN   0xA05F0001u
#define DHCSR 0xE000EDF0u
#define DCRSR 0xE000EDF4u
#define AIRCR 0xE000ED0Cu
#define VTOR  0xE000ED08u

struct bench {
    struct fake fake;
    struct chip *chip;
    unsigned keys, twice, cycles;
    unsigned commands, slow; /* of the flash controller; that one takes long */
    unsigned early;          /* begun while it was busy */
    bool reset_shown;
};

/* A word of flash may only be programmed while it is blank. */
static void program(struct bench *b, uint32_t at, uint32_t data)
{
    uint8_t *flash = b->fake.flash + (at - FAKE_FLASH);
    for (unsigned i = 0; i < 4; i++) {
        b->twice += flash[i] != 0xFF && data != UINT32_MAX;
        flash[i] &= (uint8_t)(data >> (8 * i));
    }
}

static void program_pair(struct bench *b, uint32_t at)
{
    program(b, at, fake_get(&b->fake, MPDAT0));
    program(b, at + 4, fake_get(&b->fake, MPDAT1));
}

static void command(struct bench *b)
{
    uint32_t at = fake_get(&b->fake, ISPADDR), code = fake_get(&b->fake, ISPCMD);
    if (code == 0x22)
        memset(b->fake.flash + (at - FAKE_FLASH), 0xFF, FLASH_PAGE_SIZE);
    else if (code == 0x21)
        program(b, at, fake_get(&b->fake, ISPDAT));
    else if (code == 0x61)
        program_pair(b, at);
    else if (code == 0x04)
        fake_set(&b->fake, ISPDAT, 0x1000 + at);
    b->early += b->cycles != 0;
    b->commands++;
    b->cycles = b->commands == b->slow ? SLOW : 2; /* busy for so many looks */
    fake_set(&b->fake, ISPSTS, BUSY);
}

static void on_write(struct fake *fake, uint32_t address, uint32_t value)
{
    static const uint32_t keys[] = { 0x59, 0x16, 0x88 };
    struct bench *b = fake->user;
    if (address == REGLCTL) {
        b->keys = b->keys < 3 && value == keys[b->keys] ? b->keys + 1 : 0;
        fake_set(fake, REGLCTL, b->keys == 3);
    }
    if (address == ISPTRG && value == 1)
        command(b);
    if (address == DHCSR || address == DCRSR)
        fake_set(fake, DHCSR,
                 (fake_get(fake, DHCSR) & RESET_SEEN) | READY | (value == RUN ? 0 : HALTED));
    if (address == AIRCR) {
        b->reset_shown = false;
        fake_set(fake, DHCSR, RESET_SEEN | READY | HALTED);
    }
}

/* The sight of S_RESET_ST clears it; ISPTRG is busy for a while. */
static void on_read(struct fake *fake, uint32_t address)
{
    struct bench *b = fake->user;
    bool looked = address == ISPTRG || address == ISPSTS;
    if (looked && b->cycles > 0 && --b->cycles == 0) {
        fake_set(fake, ISPTRG, 0);
        fake_set(fake, ISPSTS, 0);
    }
    if (address != DHCSR)
        return;
    if (b->reset_shown)
        fake_set(fake, DHCSR, fake_get(fake, DHCSR) & ~(uint32_t)RESET_SEEN);
    b->reset_shown = true;
}

static struct bench *bench_new(void)
{
    struct bench *b = calloc(1, sizeof(*b));
    assert_non_null(b);
    fake_init(&b->fake);
    b->fake.user = b;
    b->fake.on_write = on_write;
    b->fake.on_read = on_read;
    memset(b->fake.flash, 0x33, FLASH_PAGE_SIZE);
    fake_set(&b->fake, PDID, 0xA1735440);
    fake_set(&b->fake, STATUS, 1u << 4);
    fake_set(&b->fake, DHCSR, READY);
    return b;
}

static void bench_drop(struct bench **b)
{
    chip_close((*b)->chip);
    free(*b);
}

static const struct devauth_image header = {
    .initial_sp = 0x20005000,
    .reset_handler = SRAM_BASE + sizeof(struct devauth_image) + 1,
    .magic = DEVAUTH_IMAGE_MAGIC,
    .load_address = SRAM_BASE,
    .mailbox_address = 0x20006000,
    .image_size = 200,
};

static struct span image_of(uint8_t out[static 200])
{
    const uint32_t words[] = { header.initial_sp,      header.reset_handler,
                               header.nmi_handler,     header.hard_fault_handler,
                               header.magic,           header.load_address,
                               header.mailbox_address, header.image_size };
    struct wr w = wr_of(out, 200);
    for (size_t i = 0; i < COUNT(words); i++)
        wr_u32le(&w, words[i]);
    for (size_t i = w.len; i < 200; i++)
        wr_u8(&w, (uint8_t)(i * 5));
    return wr_done(&w);
}

/* Arrows 4 to 6 as far as the chip is concerned. */
static enum err run(struct bench *b, struct span certificate, struct span image)
{
    uint8_t uid[UID_SIZE];
    unsigned written = 0;
    struct devauth_image h;
    TRY(chip_open(&b->fake.probe, 0, &b->chip));
    TRY(chip_prepare(b->chip));
    TRY(chip_uid(b->chip, uid));
    TRY(chip_certificate_write(b->chip, certificate, span_of(NULL, 0), &written));
    TRY(chip_image_load(b->chip, image, &h));
    TRY(chip_image_start(b->chip, &h));
    for (unsigned i = 0; i < UID_SIZE; i += 4) {
        const uint8_t want[] = { (uint8_t)i, 0x10, 0, 0 };
        if (!span_eq(span_of(uid + i, 4), SPAN(want)))
            return fail_quiet(ERR_VERIFY, "the UID is another");
    }
    return written == 1 ? ERR_OK : fail_quiet(ERR_VERIFY, "%u pages", written);
}

static void check_outcome(const struct bench *b, struct span certificate, struct span image)
{
    static const uint8_t lengths[] = { CERTIFICATE_SIZE, 0, 0, 0, 0, 0, 0, 0 };
    assert_memory_equal(b->fake.flash, lengths, sizeof(lengths));
    assert_memory_equal(b->fake.flash + 8, certificate.ptr, certificate.len);
    for (size_t i = 8 + CERTIFICATE_SIZE; i < FLASH_PAGE_SIZE; i++)
        assert_int_equal(b->fake.flash[i], 0xFF);
    assert_memory_equal(b->fake.sram, image.ptr, image.len);
    assert_int_equal(fake_get(&b->fake, VTOR), SRAM_BASE);
    assert_int_equal(b->twice, 0);
}

static void any_glitch_anywhere_is_mended(void **state)
{
    (void)state;
    uint8_t certificate[CERTIFICATE_SIZE], bytes[200];
    struct span image = image_of(bytes);
    memset(certificate, 0x5A, sizeof(certificate));
    for (unsigned g = FAKE_NO_GLITCH; g < FAKE_GLITCHES; g++) {
        unsigned at = 1, most = 1, mended = 0;
        for (; at <= most; at += at < 600 ? 1 : 11) {
            AUTO(bench_drop) struct bench *b = bench_new();
            b->fake.glitch = (enum fake_glitch)g;
            b->fake.glitch_at = at;
            enum err e = run(b, SPAN(certificate), image);
            if (e != ERR_OK)
                print_message("glitch %u at %u: %s\n", g, at, fail_words());
            assert_int_equal(e, ERR_OK);
            check_outcome(b, SPAN(certificate), image);
            if (g != FAKE_NO_GLITCH)
                most = b->fake.transfers;
            mended += b->fake.probe.counts.lost_links + b->fake.probe.counts.waits;
        }
        assert_true(g == FAKE_NO_GLITCH || mended > 200);
    }
}

/* Time and again: it ends, in words; what is there is what was meant, or was not begun. */
static void many_glitches_end(void **state)
{
    (void)state;
    uint8_t certificate[CERTIFICATE_SIZE], bytes[200];
    struct span image = image_of(bytes);
    unsigned good = 0, bad = 0;
    memset(certificate, 0xA5, sizeof(certificate));
    for (unsigned every = 20; every < 9000; every += 130) {
        AUTO(bench_drop) struct bench *b = bench_new();
        b->fake.glitch = FAKE_DROP;
        b->fake.glitch_at = b->fake.glitch_every = every;
        enum err e = run(b, SPAN(certificate), image);
        if (e == ERR_OK)
            check_outcome(b, SPAN(certificate), image);
        else
            assert_true(fail_words()[0] != '\0');
        assert_int_equal(b->twice, 0);
        good += e == ERR_OK;
        bad += e != ERR_OK;
    }
    assert_true(good > 10 && bad > 10);
}

/* Whichever reply does not come in time: it is dropped when it does, and all is well. */
static void any_reply_may_come_late(void **state)
{
    (void)state;
    uint8_t certificate[CERTIFICATE_SIZE], bytes[200];
    struct span image = image_of(bytes);
    unsigned most = 1;
    memset(certificate, 0x77, sizeof(certificate));
    for (unsigned at = 1; at <= most; at++) {
        AUTO(bench_drop) struct bench *b = bench_new();
        b->fake.late_at = at;
        enum err e = run(b, SPAN(certificate), image);
        if (e != ERR_OK)
            print_message("late at %u: %s\n", at, fail_words());
        assert_int_equal(e, ERR_OK);
        check_outcome(b, SPAN(certificate), image);
        assert_int_equal(b->fake.probe.counts.resyncs, 1);
        most = b->fake.packets - 20; /* it took more than it would without */
    }
    assert_true(most > 60);
}

/* Whichever flash command takes longer than the probe waits: the next is not begun before. */
static void no_flash_command_is_begun_before_the_last_ended(void **state)
{
    (void)state;
    uint8_t certificate[CERTIFICATE_SIZE], bytes[200];
    struct span image = image_of(bytes);
    unsigned most = 1;
    memset(certificate, 0x3C, sizeof(certificate));
    for (unsigned at = 1; at <= most; at++) {
        AUTO(bench_drop) struct bench *b = bench_new();
        b->slow = at;
        assert_int_equal(run(b, SPAN(certificate), image), ERR_OK);
        check_outcome(b, SPAN(certificate), image);
        assert_int_equal(b->early, 0);
        most = b->commands;
    }
    assert_true(most > CERTIFICATE_SIZE / 8);
}

int main(void)
{
    log_set_level(LOG_LEVEL_NONE);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_flash_command_is_begun_before_the_last_ended),
        cmocka_unit_test(any_glitch_anywhere_is_mended),
        cmocka_unit_test(many_glitches_end),
        cmocka_unit_test(any_reply_may_come_late),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
