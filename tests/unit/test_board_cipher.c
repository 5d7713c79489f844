/* SPDX-License-Identifier: MIT */
/* SHA-256 and AES against OpenSSL, what DMA can reach, and random numbers that are none. */
#include "tests/unit/check.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <string.h>

#include "common/host/own.h"
#include "tests/unit/test_board_bench.h"

enum { CRPT = 0x40032000, TRNG = 0x400b9000, SRAM = 0x20000000 };

static struct chip chip;

static int setup(void **state)
{
    (void)state;
    bench_open(&chip);
    poke(&chip, CRPT, 0xffffffff);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    chip_close(&chip);
    return 0;
}

static bool sha_mode(uint32_t mode, uint32_t address, uint32_t len)
{
    mode |= 4 << 8 | 3 << 22;
    poke(&chip, CRPT + 0x300, mode);
    poke(&chip, CRPT + 0x34c, address);
    poke(&chip, CRPT + 0x350, len);
    poke(&chip, CRPT + 4, 3 << 24);
    poke(&chip, CRPT + 0x300, mode | 0xa1);
    for (int i = 0; i < 50; i++) {
        uint32_t flags = peek(&chip, CRPT + 4) >> 24 & 3;
        if (flags != 0)
            return flags == 1;
    }
    return false;
}

static bool sha(uint32_t address, uint32_t len)
{
    return sha_mode(0, address, len);
}

static void assert_digest(const uint8_t *want)
{
    for (uint32_t i = 0; i < 8; i++) {
        uint32_t word;
        memcpy(&word, want + (size_t)4 * i, 4);
        assert_int_equal(peek(&chip, CRPT + 0x308 + 4 * i), word);
    }
}

static void sha_by_dma_and_by_word(void **state)
{
    (void)state;
    static const uint32_t lens[] = { 1, 3, 4, 55, 56, 63, 64, 65, 127, 128, 1000 };
    uint8_t want[32];
    for (uint32_t i = 0; i < 1024; i++)
        chip.sram[i] = (uint8_t)(i * 7);
    for (size_t c = 0; c < COUNT(lens); c++) {
        uint32_t len = lens[c];
        SHA256(chip.sram, len, want);
        assert_true(sha(SRAM, len));
        assert_digest(want);
        poke(&chip, CRPT + 0x300, 4 << 8 | 3 << 22);
        poke(&chip, CRPT + 0x350, 64);
        poke(&chip, CRPT + 0x300, 4 << 8 | 3 << 22 | 1);
        for (uint32_t at = 0; at < len; at += 4) {
            uint32_t word;
            memcpy(&word, chip.sram + at, 4);
            await(&chip, CRPT + 0x304, 1 << 16, 1 << 16);
            if (len - at <= 4) {
                poke(&chip, CRPT + 0x350, len - at);
                poke(&chip, CRPT + 0x300, 4 << 8 | 3 << 22 | 0x21);
            }
            poke(&chip, CRPT + 0x354, word);
        }
        await(&chip, CRPT + 0x304, 1, 0);
        assert_digest(want);
    }
}

/* The key comes first, filled up to whole words. */
static void hmac_takes_its_key_from_the_message(void **state)
{
    (void)state;
    static const uint32_t key_lens[] = { 1, 4, 7, 16, 32, 64 };
    for (size_t c = 0; c < COUNT(key_lens); c++) {
        uint32_t key_len = key_lens[c], padded = (key_len + 3) & ~3U;
        uint8_t want[32];
        unsigned len;
        for (uint32_t i = 0; i < padded + 100; i++)
            chip.sram[i] = (uint8_t)(i * 11 + 1);
        HMAC(EVP_sha256(), chip.sram, (int)key_len, chip.sram + padded, 100, want, &len);
        poke(&chip, CRPT + 0x348, key_len);
        assert_true(sha_mode(1 << 11, SRAM, padded + 100));
        assert_digest(want);
    }
    poke(&chip, CRPT + 0x348, 0xffffffff);
    assert_false(sha_mode(1 << 11, SRAM, 100));
    poke(&chip, CRPT + 0x348, 101);
    assert_false(sha_mode(1 << 11, SRAM, 100));
}

static void dma_reaches_sram_only(void **state)
{
    (void)state;
    assert_false(sha(0x00000000, 64));
    assert_false(sha(SRAM + 2, 64));
    assert_false(sha(SRAM + 0x3fffc, 64));
    poke(&chip, 0x40000204, 0x00108000 | 1 << 12);
    assert_false(sha(SRAM + 0x30000, 64)); /* bank 2 has no clock */
    assert_true(sha(SRAM, 64));
}

/* 16 bytes into four registers that hold big-endian numbers. */
static void put_be(uint32_t offset, const uint8_t *bytes)
{
    for (uint32_t i = 0; i < 4; i++) {
        struct rd r = rd_of(span_of(bytes + (size_t)4 * i, 4));
        poke(&chip, CRPT + offset + 4 * i, rd_u32be(&r));
    }
}

static void aes(uint32_t ctl)
{
    poke(&chip, CRPT + 0x140, SRAM);
    poke(&chip, CRPT + 0x144, SRAM + 0x100);
    poke(&chip, CRPT + 0x148, 32);
    poke(&chip, CRPT + 4, 3);
    poke(&chip, CRPT + 0x100, ctl | 3 << 22 | 0xa1);
    await(&chip, CRPT + 0x104, 1, 0);
}

static void aes_agrees_with_openssl(void **state)
{
    (void)state;
    const struct {
        const char *name;
        const EVP_CIPHER *cipher;
        uint32_t ctl;
    } cases[] = {
        { "128 ECB", EVP_aes_128_ecb(), 0 },      { "192 ECB", EVP_aes_192_ecb(), 1 << 2 },
        { "256 ECB", EVP_aes_256_ecb(), 2 << 2 }, { "128 CBC", EVP_aes_128_cbc(), 1 << 8 },
        { "256 CBC", EVP_aes_256_cbc(), 0x108 },  { "256 CFB", EVP_aes_256_cfb128(), 0x208 },
        { "256 OFB", EVP_aes_256_ofb(), 0x308 },  { "256 CTR", EVP_aes_256_ctr(), 0x408 },
    };
    uint8_t key[32], iv[16], want[48];
    for (size_t i = 0; i < 32; i++)
        key[i] = (uint8_t)(i + 1), chip.sram[i] = (uint8_t)(3 * i),
        iv[i & 15] = (uint8_t)(i ^ 9);
    for (uint32_t i = 0; i < 8; i++) {
        struct rd k = rd_of(span_of(key + (size_t)4 * i, 4));
        struct rd v = rd_of(span_of(iv + (size_t)4 * (i & 3), 4));
        poke(&chip, CRPT + 0x110 + 4 * i, rd_u32be(&k));
        poke(&chip, CRPT + 0x130 + 4 * (i & 3), rd_u32be(&v));
    }
    for (size_t i = 0; i < COUNT(cases); i++) {
        int len;
        EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
        EVP_EncryptInit_ex(ctx, cases[i].cipher, NULL, key, iv);
        EVP_EncryptUpdate(ctx, want, &len, chip.sram, 32);
        EVP_CIPHER_CTX_free(ctx);
        aes(cases[i].ctl | 1 << 16);
        if (memcmp(chip.sram + 0x100, want, 32) != 0)
            fail_msg("%s: encrypt", cases[i].name);
        memcpy(chip.sram, want, 32);
        aes(cases[i].ctl);
        memcpy(chip.sram, chip.sram + 0x100, 32);
        for (size_t k = 0; k < 32; k++)
            assert_int_equal(chip.sram[k], (uint8_t)(3 * k));
    }
}

static void aes_word_by_word_chains_blocks(void **state)
{
    (void)state;
    static const uint8_t key[16] = { 1, 2, 3 }, iv[16] = { 9, 8 };
    uint8_t plain[48], want[64];
    int len;
    for (size_t i = 0; i < sizeof(plain); i++)
        plain[i] = (uint8_t)i;
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    EVP_EncryptInit_ex(ctx, EVP_aes_128_cbc(), NULL, key, iv);
    EVP_EncryptUpdate(ctx, want, &len, plain, sizeof(plain));
    EVP_CIPHER_CTX_free(ctx);
    put_be(0x110, key);
    put_be(0x130, iv);
    assert_int_equal(peek(&chip, CRPT + 0x10c), 0); /* nothing there yet */
    poke(&chip, CRPT + 0x100, 1 << 8 | 1 << 16 | 3 << 22 | 1);
    for (size_t at = 0; at < sizeof(plain); at += 16) {
        for (size_t i = 0; i < 16; i += 4) {
            uint32_t word;
            memcpy(&word, plain + at + i, 4);
            await(&chip, CRPT + 0x104, 1 << 9, 0);
            poke(&chip, CRPT + 0x108, word);
        }
        for (size_t i = 0; i < 16; i += 4) {
            await(&chip, CRPT + 0x104, 1 << 16, 0);
            uint32_t word = peek(&chip, CRPT + 0x10c);
            assert_memory_equal(&word, want + at + i, 4);
        }
    }
}

/* DMACSCAD: a message in pieces. */
static void cascades_join_their_pieces(void **state)
{
    (void)state;
    uint8_t want[32];
    for (uint32_t i = 0; i < 192; i++)
        chip.sram[i] = (uint8_t)(i * 5);
    SHA256(chip.sram, 192, want);
    for (uint32_t piece = 0; piece < 3; piece++) {
        uint32_t ends = piece == 0 ? 1 << 4 : piece == 2 ? 1 << 5 : 0;
        poke(&chip, CRPT + 0x34c, SRAM + 64 * piece);
        poke(&chip, CRPT + 0x350, 64);
        poke(&chip, CRPT + 4, 3 << 24);
        poke(&chip, CRPT + 0x300, 4 << 8 | 3 << 22 | 1 << 6 | 1 << 7 | ends | 1);
        await(&chip, CRPT + 4, 1 << 24, 1 << 24);
    }
    assert_digest(want);
}

static void no_seed_is_predictable(void **state)
{
    (void)state;
    uint32_t first[8], same = 0;
    for (int round = 0; round < 2; round++) {
        periph_crpt.reset(&chip);
        poke(&chip, CRPT + 8, 6 << 2 | 1);
        await(&chip, CRPT + 8, 1 << 8, 0);
        for (uint32_t i = 0; i < 8; i++) {
            uint32_t word = peek(&chip, CRPT + 0x10 + 4 * i);
            same += round == 1 && word == first[i];
            first[i] = word;
        }
    }
    assert_int_equal(same, 8);
}

static void trng_seed_needs_its_clock(void **state)
{
    (void)state;
    poke(&chip, TRNG + 0x0c, 0x80);
    await(&chip, TRNG, 1 << 7, 1 << 7);
    poke(&chip, TRNG, 1 << 8);
    assert_true(never(&chip, TRNG, 1 << 9, 1 << 9));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(sha_by_dma_and_by_word),         TEST(hmac_takes_its_key_from_the_message),
        TEST(dma_reaches_sram_only),          TEST(aes_agrees_with_openssl),
        TEST(aes_word_by_word_chains_blocks), TEST(cascades_join_their_pieces),
        TEST(no_seed_is_predictable),         TEST(trng_seed_needs_its_clock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
