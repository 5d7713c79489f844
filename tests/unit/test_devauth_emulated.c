/* SPDX-License-Identifier: MIT */
#include "tests/unit/test_devauth_emulated.h"

#include "common/host/log.h"
#include "tests/unit/check.h"

#include <stdio.h>
#include <string.h>

enum {
    AHBCLK = 0x40000204,
    AHBCLK_SRAM1 = 1 << 21,
    REGLCTL = 0x40000100,
    DHCSR = 0xe000edf0,
    DCRSR = 0xe000edf4,
    DCRDR = 0xe000edf8,
    REG_WRITE = 1 << 16,
    REG_PC = 15,
    REG_XPSR = 16,
    REG_MSP = 17,
    SLEEP_CYCLES = 12000, /* a millisecond */
    IMAGE_MAX = 0x8000,
};

#define DEBUG_KEY 0xa05f0000u

struct chip emulated_chip;
struct peer emulated_peer;
uint32_t emulated_mailbox, emulated_stack_limit;
void (*emulated_turn)(void);
static uint8_t image[IMAGE_MAX];
static size_t image_len;

static void write_word(uint32_t address, uint32_t word)
{
    emulated_chip.master = MASTER_DEBUG;
    assert_true(bus_write(&emulated_chip, address, 4, word));
}

uint32_t emulated_word(uint32_t address)
{
    uint32_t word;
    emulated_chip.master = MASTER_DEBUG;
    assert_true(bus_read(&emulated_chip, address, 4, &word));
    return word;
}

static void io_read(void *context, size_t offset, void *bytes, size_t len)
{
    (void)context;
    memcpy(bytes, emulated_chip.sram + (emulated_mailbox - SRAM_BASE) + offset, len);
}

static void io_write(void *context, size_t offset, const void *bytes, size_t len)
{
    const uint8_t *at = bytes;
    (void)context;
    emulated_chip.master = MASTER_DEBUG;
    for (size_t i = 0; i < len; i++)
        assert_true(
            bus_write(&emulated_chip, emulated_mailbox + (uint32_t)(offset + i), 1, at[i]));
}

static void io_flash(void *context, uint32_t address, struct span bytes)
{
    (void)context;
    memcpy(flash_bytes(&emulated_chip, address, (uint32_t)bytes.len), bytes.ptr, bytes.len);
}

static bool io_turn(void *context)
{
    (void)context;
    void (*turn)(void) = emulated_turn;
    emulated_turn = NULL;
    if (turn != NULL)
        turn();
    if (emulated_chip.core.state == CORE_SLEEP)
        chip_pass(&emulated_chip, SLEEP_CYCLES);
    chip_run(&emulated_chip, EMULATED_SLICE);
    return emulated_chip.core.state == CORE_RUN || emulated_chip.core.state == CORE_SLEEP;
}

static void core_register(uint32_t select, uint32_t value)
{
    write_word(DCRDR, value);
    write_word(DCRSR, REG_WRITE | select);
}

/* The mailbox is in bank 1, which has no clock after reset. */
static void clock_bank_1(void)
{
    write_word(REGLCTL, 0x59);
    write_word(REGLCTL, 0x16);
    write_word(REGLCTL, 0x88);
    write_word(AHBCLK, emulated_word(AHBCLK) | AHBCLK_SRAM1);
    write_word(REGLCTL, 0);
}

/* As a loader does it over SWD: halt, clock, copy, set registers, go; then wait for the
 * mailbox. */
void emulated_reboot(void)
{
    const struct devauth_image *head = (const void *)image;
    write_word(DHCSR, DEBUG_KEY | 3);
    clock_bank_1();
    assert_int_equal(head->magic, DEVAUTH_IMAGE_MAGIC);
    assert_int_equal(head->image_size, image_len);
    for (size_t i = 0; i < image_len; i += 4) {
        uint32_t word;
        memcpy(&word, image + i, 4);
        write_word(head->load_address + (uint32_t)i, word);
    }
    emulated_stack_limit = head->initial_sp - EMULATED_STACK_SIZE;
    for (uint32_t at = emulated_stack_limit; at < head->initial_sp; at += 4)
        write_word(at, EMULATED_STACK_PAINT);
    emulated_mailbox = head->mailbox_address;
    write_word(emulated_mailbox, 0);
    core_register(REG_XPSR, 0x01000000);
    core_register(REG_MSP, head->initial_sp);
    core_register(REG_PC, head->reset_handler & ~1u);
    write_word(DHCSR, DEBUG_KEY | 1);
    for (int i = 0; i < 10000 && emulated_word(emulated_mailbox) != MAILBOX_MAGIC; i++)
        assert_true(io_turn(NULL));
    assert_int_equal(emulated_word(emulated_mailbox), MAILBOX_MAGIC);
}

size_t emulated_load_file(const char *path, uint8_t *out, size_t cap)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t len = fread(out, 1, cap, file);
    fclose(file);
    return len;
}

int emulated_open(void **state)
{
    log_set_level(LOG_LEVEL_ERROR); /* injected faults are noted in plenty */
    const struct peer_io io = { io_read, io_write, io_flash, io_turn, NULL };
    image_len = emulated_load_file(DEVAUTH_BIN, image, sizeof(image));
    assert_int_equal(chip_open(&emulated_chip, 0, NULL, true), ERR_OK);
    peer_open(&emulated_peer, &io);
    emulated_reboot();
    *state = &emulated_peer;
    return 0;
}

int emulated_close_noted(void **state)
{
    (void)state;
    peer_close(&emulated_peer);
    chip_close(&emulated_chip);
    return 0;
}

int emulated_close(void **state)
{
    assert_int_equal(emulated_chip.notes, 0);
    return emulated_close_noted(state);
}
