/* SPDX-License-Identifier: MIT */
/*
 * AES: known answers and refusals (crpt_reg.h, crypto.c).
 *
 * FIPS 197, appendix C; NIST SP 800-38A, appendix F (its key, initial value, counter and four
 * blocks of plaintext). Without swaps a word is four bytes of the standard as a big-endian
 * number.
 */
#include "tests/conformance/programs/board.h"

PROGRAM("AES", 0);

enum {
    START = 1 << 0,
    BITS128 = 0 << 2,
    BITS192 = 1 << 2,
    BITS256 = 2 << 2,
    DMALAST = 1 << 5,
    DMACSCAD = 1 << 6,
    DMAEN = 1 << 7,
    ECB = 0 << 8,
    CBC = 1 << 8,
    CFB = 2 << 8,
    OFB = 3 << 8,
    CTR = 4 << 8,
    ENC = 1 << 16,
    OUTSWAP = 1 << 22,
    INSWAP = 1 << 23,
    BUSY = 1 << 0,
    OUTBUFEMPTY = 1 << 16,
    BUSERR = 1 << 20,
    KSERR = 1 << 21,
};

static const uint32_t plain[16] = { 0x6bc1bee2, 0x2e409f96, 0xe93d7e11, 0x7393172a,
                                    0xae2d8a57, 0x1e03ac9c, 0x9eb76fac, 0x45af8e51,
                                    0x30c81c46, 0xa35ce411, 0xe5fbc119, 0x1a0a52ef,
                                    0xf69f2445, 0xdf4f9b17, 0xad2b417b, 0xe66c3710 };
static const uint32_t key128[4] = { 0x2b7e1516, 0x28aed2a6, 0xabf71588, 0x09cf4f3c };
static const uint32_t key256[8] = { 0x603deb10, 0x15ca71be, 0x2b73aef0, 0x857d7781,
                                    0x1f352c07, 0x3b6108d7, 0x2d9810a3, 0x0914dff4 };
static const uint32_t iv[4] = { 0x00010203, 0x04050607, 0x08090a0b, 0x0c0d0e0f };
static const uint32_t counter[4] = { 0xf0f1f2f3, 0xf4f5f6f7, 0xf8f9fafb, 0xfcfdfeff };
static uint32_t in[16], out[16];

static void load(const uint32_t *key, uint32_t words, const uint32_t *start)
{
    AES_KSCTL = 0;
    for (uint32_t i = 0; i < words; i++)
        AES_KEY[i] = key[i];
    for (uint32_t i = 0; i < 4; i++)
        AES_IV[i] = start[i];
}

static bool run(uint32_t control, uint32_t from, uint32_t to, uint32_t len)
{
    CRPT_INTSTS = CRPT_INT_AES | CRPT_INT_AES_ERR;
    AES_SADDR = from;
    AES_DADDR = to;
    AES_CNT = len;
    AES_CTL = control | START | DMAEN;
    until(&AES_STS, BUSY, 0);
    uint32_t flags = CRPT_INTSTS;
    CRPT_INTSTS = CRPT_INT_AES | CRPT_INT_AES_ERR;
    return (flags & (CRPT_INT_AES | CRPT_INT_AES_ERR)) == CRPT_INT_AES;
}

static bool crypt(uint32_t control, const uint32_t *data, uint32_t words)
{
    for (uint32_t i = 0; i < words; i++) {
        in[i] = data[i];
        out[i] = 0;
    }
    return run(control | DMALAST, WORD(in), WORD(out), 4 * words);
}

static void fips197(void)
{
    static const uint32_t text[4] = { 0x00112233, 0x44556677, 0x8899aabb, 0xccddeeff };
    static const uint32_t key[8] = { 0x00010203, 0x04050607, 0x08090a0b, 0x0c0d0e0f,
                                     0x10111213, 0x14151617, 0x18191a1b, 0x1c1d1e1f };
    static const struct {
        const char *name, *back;
        uint32_t control, words, cipher[4];
    } all[] = {
        { "FIPS 197 C.1, 128 bits",
          "and decrypted again",
          BITS128,
          4,
          { 0x69c4e0d8, 0x6a7b0430, 0xd8cdb780, 0x70b4c55a } },
        { "FIPS 197 C.2, 192 bits",
          "and decrypted again",
          BITS192,
          6,
          { 0xdda97ca4, 0x864cdfe0, 0x6eaf70a0, 0xec0d7191 } },
        { "FIPS 197 C.3, 256 bits",
          "and decrypted again",
          BITS256,
          8,
          { 0x8ea2b7ca, 0x516745bf, 0xeafc4990, 0x4b496089 } },
    };
    for (uint32_t i = 0; i < COUNT(all); i++) {
        load(key, all[i].words, iv);
        check("a DMA run is done", crypt(ECB | ENC | all[i].control, text, 4), 1);
        check_words(all[i].name, out, all[i].cipher, 4);
        crypt(ECB | all[i].control, all[i].cipher, 4);
        check_words(all[i].back, out, text, 4);
    }
}

struct mode {
    const char *name, *back;
    uint32_t control;
    const uint32_t *key, *start;
    uint32_t words, cipher[16];
};

static const struct mode modes[] = {
    { "SP 800-38A F.1.1, ECB-AES128",
      "F.1.2, decrypted",
      ECB | BITS128,
      key128,
      iv,
      4,
      { 0x3ad77bb4, 0x0d7a3660, 0xa89ecaf3, 0x2466ef97, 0xf5d3d585, 0x03b9699d, 0xe785895a,
        0x96fdbaaf, 0x43b1cd7f, 0x598ece23, 0x881b00e3, 0xed030688, 0x7b0c785e, 0x27e8ad3f,
        0x82232071, 0x04725dd4 } },
    { "SP 800-38A F.2.1, CBC-AES128",
      "F.2.2, decrypted",
      CBC | BITS128,
      key128,
      iv,
      4,
      { 0x7649abac, 0x8119b246, 0xcee98e9b, 0x12e9197d, 0x5086cb9b, 0x507219ee, 0x95db113a,
        0x917678b2, 0x73bed6b8, 0xe3c1743b, 0x7116e69e, 0x22229516, 0x3ff1caa1, 0x681fac09,
        0x120eca30, 0x7586e1a7 } },
    { "SP 800-38A F.2.5, CBC-AES256",
      "F.2.6, decrypted",
      CBC | BITS256,
      key256,
      iv,
      8,
      { 0xf58c4c04, 0xd6e5f1ba, 0x779eabfb, 0x5f7bfbd6, 0x9cfc4e96, 0x7edb808d, 0x679f777b,
        0xc6702c7d, 0x39f23369, 0xa9d9bacf, 0xa530e263, 0x04231461, 0xb2eb05e2, 0xc39be9fc,
        0xda6c1907, 0x8c6a9d1b } },
    { "SP 800-38A F.3.13, CFB128-AES128",
      "F.3.14, decrypted",
      CFB | BITS128,
      key128,
      iv,
      4,
      { 0x3b3fd92e, 0xb72dad20, 0x333449f8, 0xe83cfb4a, 0xc8a64537, 0xa0b3a93f, 0xcde3cdad,
        0x9f1ce58b, 0x26751f67, 0xa3cbb140, 0xb1808cf1, 0x87a4f4df, 0xc04b0535, 0x7c5d1c0e,
        0xeac4c66f, 0x9ff7f2e6 } },
    { "SP 800-38A F.4.1, OFB-AES128",
      "F.4.2, decrypted",
      OFB | BITS128,
      key128,
      iv,
      4,
      { 0x3b3fd92e, 0xb72dad20, 0x333449f8, 0xe83cfb4a, 0x7789508d, 0x16918f03, 0xf53c52da,
        0xc54ed825, 0x9740051e, 0x9c5fecf6, 0x4344f7a8, 0x2260edcc, 0x304c6528, 0xf659c778,
        0x66a510d9, 0xc1d6ae5e } },
    { "SP 800-38A F.5.1, CTR-AES128",
      "F.5.2, decrypted",
      CTR | BITS128,
      key128,
      counter,
      4,
      { 0x874d6191, 0xb620e326, 0x1bef6864, 0x990db6ce, 0x9806f66b, 0x7970fdff, 0x8617187b,
        0xb9fffdff, 0x5ae4df3e, 0xdbd5d35e, 0x5b4f0902, 0x0db03eab, 0x1e031dda, 0x2fbe03d1,
        0x792170a0, 0xf3009cee } },
    { "SP 800-38A F.5.5, CTR-AES256",
      "F.5.6, decrypted",
      CTR | BITS256,
      key256,
      counter,
      8,
      { 0x601ec313, 0x775789a5, 0xb7a7f504, 0xbbf3d228, 0xf443e3ca, 0x4d62b59a, 0xca84e990,
        0xcacaf5c5, 0x2b0930da, 0xa23de94c, 0xe87017ba, 0x2d84988d, 0xdfc9c58d, 0xb67aada6,
        0x13c2dd08, 0x457941a6 } },
};

static void sp800_38a(void)
{
    for (uint32_t i = 0; i < COUNT(modes); i++) {
        load(modes[i].key, modes[i].words, modes[i].start);
        crypt(modes[i].control | ENC, plain, 16);
        check_words(modes[i].name, out, modes[i].cipher, 16);
        load(modes[i].key, modes[i].words, modes[i].start);
        crypt(modes[i].control, modes[i].cipher, 16);
        check_words(modes[i].back, out, plain, 16);
    }
}

static void in_parts(void)
{
    const struct mode *cbc = &modes[1];
    load(key128, 4, iv);
    for (uint32_t i = 0; i < 16; i++)
        in[i] = plain[i];
    run(CBC | BITS128 | ENC, WORD(in), WORD(out), 32);
    run(CBC | BITS128 | ENC | DMACSCAD | DMALAST, WORD(in + 8), WORD(out + 8), 32);
    check_words("CBC in two parts", out, cbc->cipher, 16);
}

static void swaps(void)
{
    load(key128, 4, iv);
    for (uint32_t i = 0; i < 4; i++)
        in[i] = __builtin_bswap32(plain[i]);
    run(ECB | BITS128 | ENC | INSWAP | OUTSWAP | DMALAST, WORD(in), WORD(out), 16);
    check("both swaps: bytes in memory's order", out[0], __builtin_bswap32(0x3ad77bb4));
    run(ECB | BITS128 | ENC | INSWAP | DMALAST, WORD(in), WORD(in), 16);
    check("in place", in[0], 0x3ad77bb4);
}

static void by_words(void)
{
    load(key128, 4, iv);
    AES_CTL = ECB | BITS128 | ENC | START;
    check("OUTBUFEMPTY before", AES_STS & OUTBUFEMPTY, OUTBUFEMPTY);
    for (uint32_t i = 0; i < 4; i++)
        AES_DATIN = plain[i];
    check("OUTBUFEMPTY ends after four words", until(&AES_STS, OUTBUFEMPTY, 0), 1);
    for (uint32_t i = 0; i < 4; i++)
        out[i] = AES_DATOUT;
    check_words("word by word", out, modes[0].cipher, 4);
    (void)AES_DATOUT;
    told("AES: DATOUT read while it is empty [CRPT_AES_DATOUT]");
    AES_CTL = ECB | 1u << 1;
}

/* A key of the KeyStore is a number: its most significant byte first. No public text proves it.
 */
static void key_of_keystore(void)
{
    uint32_t key[8];
    for (uint32_t i = 0; i < 8; i++)
        key[i] = key256[7 - i];
    board_ks_open();
    board_ks(META_SRAM, KS_ERASE_ALL);
    board_ks_write(META_AES | META_256, key);
    load(iv, 4, iv);
    AES_KSCTL = 1u << 5 | board_ks_slot();
    check("a key of the KeyStore is taken", crypt(CBC | BITS256 | ENC, plain, 16), 1);
    checku_words("the key's most significant byte comes first", out, modes[2].cipher, 16);
    check("a key of 256 bits is none of 128", crypt(CBC | BITS128 | ENC, plain, 16), 0);
    told("AES: KSERR: key of 256 bits for a mode of 128 [CRPT_AES_CTL]");
    check("KSERR is set", AES_STS & KSERR, KSERR);
    board_ks_write(META_HMAC | META_256, key);
    AES_KSCTL = 1u << 5 | board_ks_slot();
    check("a key of another owner", crypt(CBC | BITS256 | ENC, plain, 16), 0);
    told("AES: KSERR: memory 0 slot 1: owner differs [CRPT_AES_CTL]");
    check("KSERR is set", AES_STS & KSERR, KSERR);
    AES_KSCTL = 1u << 5 | 20;
    check("an empty slot", crypt(CBC | BITS256 | ENC, plain, 16), 0);
    told("AES: KSERR: memory 0 slot 20: slot is empty [CRPT_AES_CTL]");
    AES_KSCTL = 1u << 6 | 1u << 5;
    checku("KeyStore Flash", crypt(CBC | BITS256 | ENC, plain, 16), 0);
    told("AES: KSERR: memory 1 slot 0: engines of this part take keys from SRAM and OTP only "
         "[CRPT_AES_CTL]");
    AES_KSCTL = 0;
}

static void refused(void)
{
    load(key128, 4, iv);
    check("DMA to an unaligned address",
          run(ECB | BITS128 | ENC | DMALAST, WORD(in), WORD(out) + 2, 16), 0);
    told("16 bytes: not word aligned [CRPT_AES_CTL]");
    check("BUSERR is set", AES_STS & BUSERR, BUSERR);
    check("DMA from flash", run(ECB | BITS128 | ENC | DMALAST, 0x2000, WORD(out), 16), 0);
    told("AES: DMA at 0x00002000, 16 bytes: not in SRAM [CRPT_AES_CTL]");
    check("keys are write-only", AES_KEY[0], 0);
}

static void busy(void)
{
    load(key128, 4, iv);
    AES_SADDR = WORD(in);
    AES_DADDR = WORD(out);
    AES_CNT = 64;
    AES_CTL = ECB | BITS128 | ENC | DMALAST | START | DMAEN;
    check("BUSY is seen", AES_STS & BUSY, BUSY);
    AES_CTL = ECB | BITS128 | ENC | DMALAST | START | DMAEN;
    told("AES: started while BUSY [CRPT_AES_CTL]");
    check("BUSY ends", until(&AES_STS, BUSY, 0), 1);
}

void phase(uint32_t number)
{
    (void)number;
    board_clocks();
    fips197();
    sp800_38a();
    in_parts();
    swaps();
    by_words();
    key_of_keystore();
    refused();
    busy();
}
