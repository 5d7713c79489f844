/* SPDX-License-Identifier: MIT */
/* An image that the chip's SHA-256 engine proves instead of being read back: what probe and
 * wires get wrong is found as if it were, and an engine that is of no use costs time only. */
#include "tests/unit/check.h"

#include <openssl/sha.h>
#include <stdio.h>
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
    HMAC_CTL = 0x40032300,
    HMAC_STS = 0x40032304,
    HMAC_DGST = 0x40032308,
    HMAC_SADDR = 0x4003234C,
    HMAC_DMACNT = 0x40032350,
    SHA256_BY_DMA = 4 << 8 | 3 << 22 | 1 << 5 | 1 << 7 | 1, /* START */
    IMAGE_SIZE = 9000,
    WORDS = IMAGE_SIZE / 4,
    PARTS_MAX = 16,
};
#define DHCSR 0xE000EDF0u

enum engine { WORKS, ABSENT, STUCK, WRONG, REPLAYS };

struct bench {
    struct fake fake;
    struct chip *chip;
    unsigned keys;
    enum engine engine;
    uint32_t spoil, flip;                    /* a write to that address arrives so; 0: none */
    bool lose;                               /* or not at all */
    uint8_t digests[PARTS_MAX][SHA256_SIZE]; /* so far */
    unsigned parts, replayed;
    unsigned reads; /* of SRAM */
};

static void show(struct bench *b, const uint8_t digest[static SHA256_SIZE])
{
    struct rd r = rd_of(span_of(digest, SHA256_SIZE));
    for (uint32_t i = 0; i < SHA256_SIZE; i += 4)
        fake_set(&b->fake, HMAC_DGST + i, rd_u32le(&r));
}

static void hash(struct bench *b)
{
    uint8_t digest[SHA256_SIZE];
    uint32_t from = fake_get(&b->fake, HMAC_SADDR) - SRAM_BASE;
    uint32_t len = fake_get(&b->fake, HMAC_DMACNT);
    assert_true(from <= FAKE_SRAM_SIZE && len <= FAKE_SRAM_SIZE - from);
    SHA256(b->fake.sram + from, len, digest);
    digest[0] ^= b->engine == WRONG;
    fake_set(&b->fake, HMAC_STS, b->engine == STUCK);
    if (b->engine == REPLAYS)
        memcpy(digest, b->digests[b->replayed++ % b->parts], sizeof(digest));
    else if (b->parts < PARTS_MAX)
        memcpy(b->digests[b->parts++], digest, sizeof(digest));
    if (b->engine != STUCK)
        show(b, digest);
}

static void on_write(struct fake *fake, uint32_t address, uint32_t value)
{
    static const uint32_t keys[] = { 0x59, 0x16, 0x88 };
    struct bench *b = fake->user;
    if (address == REGLCTL) {
        b->keys = b->keys < 3 && value == keys[b->keys] ? b->keys + 1 : 0;
        fake_set(fake, REGLCTL, b->keys == 3);
    }
    if (address == DHCSR)
        fake_set(fake, DHCSR, 1u << 16 | 1u << 17 | 1u << 20 | 1u << 25);
    if (address == b->spoil)
        fake_set(fake, address, b->lose ? 0xEEEEEEEE : value ^ b->flip);
    if (address == HMAC_CTL && value == SHA256_BY_DMA && b->engine != ABSENT)
        hash(b);
}

static void on_read(struct fake *fake, uint32_t address)
{
    struct bench *b = fake->user;
    b->reads += address >= SRAM_BASE && address - SRAM_BASE < IMAGE_SIZE;
}

static struct bench *bench_open(void)
{
    struct bench *b = calloc(1, sizeof(*b));
    assert_non_null(b);
    fake_init(&b->fake);
    b->fake.user = b;
    b->fake.on_write = on_write;
    fake_set(&b->fake, PDID, 0xA1735440);
    fake_set(&b->fake, STATUS, 1u << 4);
    fake_set(&b->fake, DHCSR, 1u << 16 | 1u << 20);
    assert_int_equal(chip_open(&b->fake.probe, 0, &b->chip), ERR_OK);
    assert_int_equal(chip_prepare(b->chip), ERR_OK);
    b->fake.on_read = on_read;
    return b;
}

static void bench_drop(struct bench **b)
{
    chip_close((*b)->chip);
    free(*b);
}

static struct span image_of(uint8_t out[static IMAGE_SIZE])
{
    static const uint32_t header[] = {
        0x20004000, 0x20000021, 0, 0, DEVAUTH_IMAGE_MAGIC, SRAM_BASE, 0x20006000, IMAGE_SIZE
    };
    struct wr w = wr_of(out, IMAGE_SIZE);
    for (size_t i = 0; i < COUNT(header); i++)
        wr_u32le(&w, header[i]);
    for (size_t i = w.len; i < IMAGE_SIZE; i++)
        wr_u8(&w, (uint8_t)(i * 7 + i / 256));
    return wr_done(&w);
}

static enum err load(struct bench *b)
{
    uint8_t bytes[IMAGE_SIZE];
    struct devauth_image h;
    b->reads = 0;
    return chip_image_load(b->chip, image_of(bytes), &h);
}

static bool is_loaded(const struct bench *b)
{
    uint8_t bytes[IMAGE_SIZE];
    struct span image = image_of(bytes);
    return span_eq(image, span_of(b->fake.sram, image.len));
}

static void a_proven_image_is_not_read_back(void **state)
{
    (void)state;
    AUTO(bench_drop) struct bench *b = bench_open();
    assert_int_equal(load(b), ERR_OK);
    assert_true(is_loaded(b));
    assert_int_equal(b->reads, 0);
    assert_int_equal(b->parts, 3);
}

/* Each word in turn, a bit of it or all of it. */
static void any_word_that_arrives_otherwise_is_found(void **state)
{
    (void)state;
    AUTO(bench_drop) struct bench *b = bench_open();
    char where[32];
    for (uint32_t at = 0; at < WORDS; at += at % 64 == 0 ? 1 : 21) {
        b->spoil = SRAM_BASE + 4 * at;
        b->flip = 1u << at % 32;
        b->lose = at % 2 != 0;
        assert_int_equal(load(b), ERR_VERIFY);
        snprintf(where, sizeof(where), "SRAM 0x%07x", (unsigned)(b->spoil >> 4));
        assert_non_null(strstr(fail_words(), where));
        assert_non_null(strstr(fail_words(), "too fast a clock for the wires"));
    }
    b->spoil = 0;
    assert_int_equal(load(b), ERR_OK);
}

/* What an engine of no use leaves open is read back, and what is wrong is found there. */
static void without_an_engine_all_is_read_back(void **state)
{
    (void)state;
    static const enum engine of_no_use[] = { ABSENT, STUCK, WRONG };
    for (size_t i = 0; i < COUNT(of_no_use); i++) {
        AUTO(bench_drop) struct bench *b = bench_open();
        b->engine = of_no_use[i];
        assert_int_equal(load(b), ERR_OK);
        assert_true(is_loaded(b));
        assert_int_equal(b->reads, WORDS);
        b->spoil = SRAM_BASE + 4000;
        b->flip = 1;
        assert_int_equal(load(b), ERR_VERIFY);
        assert_non_null(strstr(fail_words(), "SRAM 0x20000fa0"));
    }
}

/* Replies of an earlier load of the same image do not pass for this one's. */
static void digests_of_an_earlier_load_prove_nothing(void **state)
{
    (void)state;
    AUTO(bench_drop) struct bench *b = bench_open();
    assert_int_equal(load(b), ERR_OK);
    b->engine = REPLAYS;
    b->spoil = SRAM_BASE + 5000;
    b->flip = 0x800;
    assert_int_equal(load(b), ERR_VERIFY);
    assert_non_null(strstr(fail_words(), "SRAM 0x20001389"));
    b->spoil = 0;
    assert_int_equal(load(b), ERR_OK);
    assert_int_equal(b->reads, WORDS);
}

/* Whatever the wire does to whichever transfer: what is in SRAM then is the image. */
static void any_glitch_while_it_is_hashed_is_mended(void **state)
{
    (void)state;
    for (unsigned g = FAKE_DROP; g < FAKE_GLITCHES; g++)
        for (unsigned at = 1; at < WORDS; at += 97) {
            AUTO(bench_drop) struct bench *b = bench_open();
            b->fake.glitch = (enum fake_glitch)g;
            b->fake.glitch_at = at;
            assert_int_equal(load(b), ERR_OK);
            assert_true(is_loaded(b));
        }
}

int main(void)
{
    log_set_level(LOG_LEVEL_NONE);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_proven_image_is_not_read_back),
        cmocka_unit_test(any_word_that_arrives_otherwise_is_found),
        cmocka_unit_test(without_an_engine_all_is_read_back),
        cmocka_unit_test(digests_of_an_earlier_load_prove_nothing),
        cmocka_unit_test(any_glitch_while_it_is_hashed_is_mended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
