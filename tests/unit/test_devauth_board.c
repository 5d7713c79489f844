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
    STACK_SIZE = 0xa00,    /* of link.ld */
    STACK_SPARE_MIN = 512, /* never touched in a whole run */
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
    if (chip.core.state != CORE_RUN && chip.core.state != CORE_SLEEP)
        print_error("core: %s\n", core_state_name(chip.core.state));
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

static int open(void **state)
{
    const struct peer_io io = { io_read, io_write, io_flash, io_turn, NULL };
    FILE *file = fopen(DEVAUTH_BIN, "rb");
    assert_non_null(file);
    image_len = fread(image, 1, sizeof(image), file);
    fclose(file);
    assert_int_equal(chip_open(&chip, 0, NULL, true), ERR_OK);
    peer_open(&peer, &io);
    boot();
    *state = &peer;
    return 0;
}

static int close(void **state)
{
    (void)state;
    assert_int_equal(chip.notes, 0); /* nothing that silicon would pass over in silence */
    peer_close(&peer);
    chip_close(&chip);
    return 0;
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(whole_run, open, close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
