/* SPDX-License-Identifier: MIT */
/* Other people's vectors through DevAuth's code as compiled for the Cortex-M23, over the
 * engines and the KeyStore of the emulated M2354 (tests/vectors/chip). */
#include "tests/unit/check.h"

#include <string.h>

#include "common/host/log.h"
#include "target-fw/board/chip/chip.h"
#include "tests/unit/vectors.h"
#include "tests/vectors/chip/ask.h"

enum {
    DHCSR = 0xe000edf0,
    DCRSR = 0xe000edf4,
    DCRDR = 0xe000edf8,
    REG_WRITE = 1 << 16,
    REG_PC = 15,
    REG_XPSR = 16,
    REG_MSP = 17,
    IMAGE_MAX = 0x7000,
    SLICE = 2000,       /* blocks */
    SLICES_MAX = 50000, /* of one operation */
    POINT_SIZE = 65,
};

#define DEBUG_KEY 0xa05f0000u

static struct chip chip;

static void write_word(uint32_t address, uint32_t word)
{
    chip.master = MASTER_DEBUG;
    assert_true(bus_write(&chip, address, 4, word));
}

static void write_words(uint32_t address, const void *bytes, size_t len)
{
    for (size_t i = 0; i < len; i += 4) {
        uint32_t word;
        memcpy(&word, (const uint8_t *)bytes + i, 4);
        write_word(address + (uint32_t)i, word);
    }
}

static void core_register(uint32_t select, uint32_t value)
{
    write_word(DCRDR, value);
    write_word(DCRSR, REG_WRITE | select);
}

static int set_up(void **state)
{
    static uint32_t image[IMAGE_MAX / 4];
    const struct ask none = { 0 };
    (void)state;
    log_set_level(LOG_LEVEL_ERROR);
    FILE *file = fopen(VECTORS_BIN, "rb");
    size_t len = file == NULL ? 0 : fread(image, 1, sizeof(image), file);
    if (len < 8 || fclose(file) != 0 || chip_open(&chip, 0, NULL, true) != ERR_OK)
        return -1;
    write_word(DHCSR, DEBUG_KEY | 3);
    write_words(CHIP_SRAM_BASE, image, len);
    write_words(ASK_BASE, &none, sizeof(none));
    core_register(REG_XPSR, 0x01000000);
    core_register(REG_MSP, image[0]);
    core_register(REG_PC, image[1] & ~1u);
    write_word(DHCSR, DEBUG_KEY | 1);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    chip_close(&chip);
    return 0;
}

/* The program's answer: *ask as it left it. */
static enum err perform(struct ask *ask, enum ask_operation operation)
{
    ask->go = (uint32_t)operation;
    write_words(ASK_BASE + 4, (const uint8_t *)ask + 4, sizeof(*ask) - 4);
    write_word(ASK_BASE, ask->go);
    const struct ask *there = (const void *)(chip.sram + (ASK_BASE - CHIP_SRAM_BASE));
    for (unsigned i = 0; i < SLICES_MAX && there->go != ASK_NONE; i++)
        chip_run(&chip, SLICE);
    memcpy(ask, there, sizeof(*ask));
    assert_int_equal(ask->go, ASK_NONE);
    return (enum err)ask->err;
}

static void put(uint8_t *field, size_t cap, struct span bytes)
{
    assert_true(bytes.len <= cap);
    memcpy(field, bytes.ptr, bytes.len);
}

static void put_message(struct ask *ask, struct span message)
{
    put(ask->message, sizeof(ask->message), message);
    ask->message_len = (uint32_t)message.len;
}

static void put_number(struct ask *ask, struct span number)
{
    while (number.len > sizeof(ask->number) && number.ptr[0] == 0)
        number = span_of(number.ptr + 1, number.len - 1);
    assert_true(number.len <= sizeof(ask->number));
    memcpy(ask->number + sizeof(ask->number) - number.len, number.ptr, number.len);
}

/* As for the host port: a signature has 64 bytes by its type. */
static void ecdsa_verifies_what_the_file_calls_valid(void **state)
{
    (void)state;
    struct vectors v;
    unsigned of_another_length = 0;
    vectors_open(&v, "ecdsa_p256_p1363.jsonl");
    while (vectors_next(&v)) {
        struct ask ask = { 0 };
        struct span sig = vector_hex(&v, "sig");
        if (sig.len != sizeof(ask.signature)) {
            vectors_hold(&v, vector_is(&v, "invalid"), "a valid signature of another length");
            of_another_length++;
            continue;
        }
        put(ask.signature, sizeof(ask.signature), sig);
        put(ask.point, POINT_SIZE, vector_hex(&v, "key"));
        put_message(&ask, vector_hex(&v, "msg"));
        enum err e = perform(&ask, ASK_VERIFY);
        vectors_hold(&v, (e == ERR_OK) == vector_is(&v, "valid"), "p256_verify");
    }
    vectors_close(&v, 262);
    assert_int_equal(of_another_length, 21);
}

/* The KeyStore's words are least significant first. */
static bool is_secret(uint32_t slot, struct span shared)
{
    const struct ks_slot *s = &chip.ks.sram[slot];
    uint8_t number[32];
    for (size_t i = 0; i < sizeof(number); i++)
        number[i] = (uint8_t)(s->words[(31 - i) / 4] >> (31 - i) % 4 * 8);
    return s->used && span_eq(SPAN(number), shared);
}

/* A scalar written by the CPU is no agreement key to the engine, which makes those itself: the
 * model is told that it made this one. */
static bool agrees_by(struct vectors *v, enum ask_operation operation)
{
    struct ask ask = { 0 };
    put_number(&ask, vector_hex(v, "private"));
    put(ask.point, POINT_SIZE, vector_hex(v, "public"));
    assert_int_equal(perform(&ask, ASK_PUT_SCALAR), ERR_OK);
    chip.ks.sram[ask.slot].origin = KS_BY_PRNG_ECDH;
    enum err e = perform(&ask, operation);
    if (!vector_is(v, "valid"))
        return e == ERR_POINT;
    return e == ERR_OK && is_secret(ask.slot, vector_hex(v, "shared"));
}

static void agreements_are_the_files(void **state)
{
    (void)state;
    struct vectors v;
    vectors_open(&v, "ecdh_p256.jsonl");
    while (vectors_next(&v)) {
        if (vector_hex(&v, "public").len != POINT_SIZE) {
            vectors_hold(&v, !vector_is(&v, "valid"), "a valid point of another length");
            continue;
        }
        vectors_hold(&v, agrees_by(&v, ASK_AGREE), "port_agree");
        vectors_hold(&v, agrees_by(&v, ASK_AGREE_TO_SRAM), "port_agree_to_sram");
    }
    vectors_close(&v, 355);
}

static void tags_are_the_files(void **state)
{
    (void)state;
    struct vectors v;
    vectors_open(&v, "aes_cmac_256.jsonl");
    while (vectors_next(&v)) {
        struct ask ask = { 0 };
        put_number(&ask, vector_hex(&v, "key"));
        put_message(&ask, vector_hex(&v, "msg"));
        assert_int_equal(perform(&ask, ASK_CMAC), ERR_OK);
        vectors_hold(&v,
                     span_eq(SPAN(ask.tag), vector_hex(&v, "tag")) == vector_is(&v, "valid"),
                     "cmac_of");
    }
    vectors_close(&v, 102);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ecdsa_verifies_what_the_file_calls_valid),
        cmocka_unit_test(agreements_are_the_files),
        cmocka_unit_test(tags_are_the_files),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
