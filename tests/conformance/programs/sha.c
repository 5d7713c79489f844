/* SPDX-License-Identifier: MIT */
/*
 * SHA, HMAC: known answers and refusals (crpt_reg.h, crypto.c, VerifyNuBL3x.c).
 *
 * FIPS 180-4's examples as NIST publishes them ("abc" and the 448-bit message); RFC 4231, test
 * cases 1, 2 and 6. Digests are tables of big-endian words: what DGST reads without OUTSWAP.
 */
#include "tests/conformance/programs/board.h"

PROGRAM("SHA, HMAC", 0);

enum {
    START = 1 << 0,
    STOP = 1 << 1,
    DMAFIRST = 1 << 4,
    DMALAST = 1 << 5,
    DMACSCAD = 1 << 6,
    DMAEN = 1 << 7,
    SHA1 = 0 << 8,
    SHA256 = 4 << 8,
    SHA224 = 5 << 8,
    SHA512 = 6 << 8,
    SHA384 = 7 << 8,
    HMACEN = 1 << 11,
    OUTSWAP = 1 << 22,
    INSWAP = 1 << 23,
    BUSY = 1 << 0,
    DMAERR = 1 << 8,
    KSERR = 1 << 9,
    DATINREQ = 1 << 16,
};

static _Alignas(4) const char abc[] = "abc";
static _Alignas(4) const
    char bits448[] = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
static _Alignas(4) char text[256];

static const uint32_t sha256_abc[] = { 0xba7816bf, 0x8f01cfea, 0x414140de, 0x5dae2223,
                                       0xb00361a3, 0x96177a9c, 0xb410ff61, 0xf20015ad };
static const uint32_t sha256_448[] = { 0x248d6a61, 0xd20638b8, 0xe5c02693, 0x0c3e6039,
                                       0xa33ce459, 0x64ff2167, 0xf6ecedd4, 0x19db06c1 };
static const uint32_t sha256_200a[] = { 0xc2a908d9, 0x8f5df987, 0xade41b5f, 0xce213067,
                                        0xefbcc21e, 0xf2240212, 0xa41e54b5, 0xe7c28ae5 };

/* One DMA run; true: done, false: error. */
static bool run(uint32_t control, const void *from, uint32_t len)
{
    CRPT_INTSTS = CRPT_INT_HMAC | CRPT_INT_HMAC_ERR;
    HMAC_CTL = control & ~(uint32_t)(START | DMALAST | DMACSCAD | DMAFIRST | DMAEN);
    HMAC_SADDR = WORD(from);
    HMAC_DMACNT = len;
    HMAC_CTL = control | START | DMAEN;
    until(&HMAC_STS, BUSY, 0);
    uint32_t flags = CRPT_INTSTS;
    CRPT_INTSTS = CRPT_INT_HMAC | CRPT_INT_HMAC_ERR;
    return (flags & (CRPT_INT_HMAC | CRPT_INT_HMAC_ERR)) == CRPT_INT_HMAC;
}

static void hashes(void)
{
    static const struct {
        const char *name;
        uint32_t mode, words;
        uint32_t abc[16], long_one[16];
    } all[] = {
        { "SHA-1",
          SHA1,
          5,
          { 0xa9993e36, 0x4706816a, 0xba3e2571, 0x7850c26c, 0x9cd0d89d },
          { 0x84983e44, 0x1c3bd26e, 0xbaae4aa1, 0xf95129e5, 0xe54670f1 } },
        { "SHA-224",
          SHA224,
          7,
          { 0x23097d22, 0x3405d822, 0x8642a477, 0xbda255b3, 0x2aadbce4, 0xbda0b3f7,
            0xe36c9da7 },
          { 0x75388b16, 0x512776cc, 0x5dba5da1, 0xfd890150, 0xb0c6455c, 0xb4f58b19,
            0x52522525 } },
        { "SHA-256",
          SHA256,
          8,
          { 0xba7816bf, 0x8f01cfea, 0x414140de, 0x5dae2223, 0xb00361a3, 0x96177a9c, 0xb410ff61,
            0xf20015ad },
          { 0x248d6a61, 0xd20638b8, 0xe5c02693, 0x0c3e6039, 0xa33ce459, 0x64ff2167, 0xf6ecedd4,
            0x19db06c1 } },
        { "SHA-384",
          SHA384,
          12,
          { 0xcb00753f, 0x45a35e8b, 0xb5a03d69, 0x9ac65007, 0x272c32ab, 0x0eded163, 0x1a8b605a,
            0x43ff5bed, 0x8086072b, 0xa1e7cc23, 0x58baeca1, 0x34c825a7 },
          { 0x3391fddd, 0xfc8dc739, 0x3707a65b, 0x1b470939, 0x7cf8b1d1, 0x62af05ab, 0xfe8f450d,
            0xe5f36bc6, 0xb0455a85, 0x20bc4e6f, 0x5fe95b1f, 0xe3c8452b } },
        { "SHA-512",
          SHA512,
          16,
          { 0xddaf35a1, 0x93617aba, 0xcc417349, 0xae204131, 0x12e6fa4e, 0x89a97ea2, 0x0a9eeee6,
            0x4b55d39a, 0x2192992a, 0x274fc1a8, 0x36ba3c23, 0xa3feebbd, 0x454d4423, 0x643ce80e,
            0x2a9ac94f, 0xa54ca49f },
          { 0x204a8fc6, 0xdda82f0a, 0x0ced7beb, 0x8e08a416, 0x57c16ef4, 0x68b228a8, 0x279be331,
            0xa703c335, 0x96fd15c1, 0x3b1b07f9, 0xaa1d3bea, 0x57789ca0, 0x31ad85c7, 0xa71dd703,
            0x54ec6312, 0x38ca3445 } },
    };
    for (uint32_t i = 0; i < COUNT(all); i++) {
        uint32_t control = all[i].mode | INSWAP | DMALAST;
        check("a DMA run is done", run(control, abc, 3), 1);
        check_words(all[i].name, HMAC_DGST, all[i].abc, all[i].words);
        run(control, bits448, 56);
        check_words(all[i].name, HMAC_DGST, all[i].long_one, all[i].words);
    }
}

/* Both swaps: the digest's words, stored in order, are its bytes. */
static void swaps(void)
{
    run(SHA256 | INSWAP | OUTSWAP | DMALAST, abc, 3);
    check("OUTSWAP turns DGST's bytes round", HMAC_DGST[0], 0xbf1678ba);
    static const uint32_t swapped[] = { 0x61626300 };
    run(SHA256 | DMALAST, swapped, 3);
    check_words("without INSWAP a word is a big-endian number", HMAC_DGST, sha256_abc, 8);
}

static void in_parts(void)
{
    for (uint32_t i = 0; i < 200; i++)
        text[i] = 'a';
    check("the first part", run(SHA256 | INSWAP | DMACSCAD | DMAFIRST, text, 64), 1);
    check("a part between", run(SHA256 | INSWAP | DMACSCAD, text, 128), 1);
    check("the last part", run(SHA256 | INSWAP | DMACSCAD | DMALAST, text, 8), 1);
    check_words("the digest of a message in parts", HMAC_DGST, sha256_200a, 8);
}

/* What NuBL2 does with flash: every word through DATIN. */
static void by_words(const char *name, const void *from, uint32_t len, const uint32_t *want)
{
    const uint32_t *words = from;
    uint32_t count = (len + 3) / 4;
    HMAC_CTL = SHA256 | INSWAP;
    HMAC_DMACNT = 64;
    HMAC_CTL = SHA256 | INSWAP | START;
    for (uint32_t i = 0; i < count; i++) {
        until(&HMAC_STS, DATINREQ, DATINREQ);
        if (i == count - 1) {
            HMAC_DMACNT = len - 4 * i;
            HMAC_CTL = SHA256 | INSWAP | DMALAST | START;
        }
        HMAC_DATIN = words[i];
    }
    check("BUSY ends after the last word", until(&HMAC_STS, BUSY, 0), 1);
    checku_words(name, HMAC_DGST, want, 8);
}

static void hmacs(void)
{
    static const uint32_t case1[] = { 0xb0344c61, 0xd8db3853, 0x5ca8afce, 0xaf0bf12b,
                                      0x881dc200, 0xc9833da7, 0x26e9376c, 0x2e32cff7 };
    static const uint32_t case2[] = { 0x5bdcc146, 0xbf60754e, 0x6a042426, 0x089575c7,
                                      0x5a003f08, 0x9d273983, 0x9dec58b9, 0x64ec3843 };
    static const uint32_t case2_512[] = { 0x164b7a7b, 0xfcf819e2, 0xe395fbe7, 0x3b56e0a3 };
    static _Alignas(4) const char keyed1[] = "\v\v\v\v\v\v\v\v\v\v\v\v\v\v\v\v\v\v\v\vHi There";
    static _Alignas(4) const char keyed2[] = "Jefewhat do ya want for nothing?";
    HMAC_KSCTL = 0;
    HMAC_KEYCNT = 20;
    check("an HMAC is done", run(SHA256 | HMACEN | INSWAP | DMALAST, keyed1, 28), 1);
    check_words("HMAC-SHA-256, RFC 4231 case 1", HMAC_DGST, case1, 8);
    HMAC_KEYCNT = 4;
    run(SHA256 | HMACEN | INSWAP | DMALAST, keyed2, 32);
    check_words("HMAC-SHA-256, RFC 4231 case 2", HMAC_DGST, case2, 8);
    run(SHA512 | HMACEN | INSWAP | DMALAST, keyed2, 32);
    check_words("HMAC-SHA-512, RFC 4231 case 2", HMAC_DGST, case2_512, 4);
}

/* RFC 4231 case 6: a key of 131 bytes, longer than a block; the message begins with a word. */
static void long_key(void)
{
    static const uint32_t want[] = { 0x60e43159, 0x1ee0b67f, 0x0d8a26aa, 0xcbf5b77f,
                                     0x8e0bc621, 0x3728c514, 0x0546040f, 0x0ee37f54 };
    static const char message[] = "Test Using Larger Than Block-Size Key - Hash Key First";
    for (uint32_t i = 0; i < 132; i++)
        text[i] = (char)0xaa;
    for (uint32_t i = 0; i < sizeof(message) - 1; i++)
        text[132 + i] = message[i];
    HMAC_KEYCNT = 131;
    run(SHA256 | HMACEN | INSWAP | DMALAST, text, 132 + sizeof(message) - 1);
    checku_words("HMAC-SHA-256, RFC 4231 case 6", HMAC_DGST, want, 8);
}

/* The key's most significant byte first: 1f 1e ... 00. */
static void key_of_keystore(void)
{
    static const uint32_t key[8] = { 0x03020100, 0x07060504, 0x0b0a0908, 0x0f0e0d0c,
                                     0x13121110, 0x17161514, 0x1b1a1918, 0x1f1e1d1c };
    static const uint32_t want[] = { 0x8aa3ec4b, 0x4c24d080, 0x083a6d9b, 0x3c8224eb,
                                     0x7db8dfa3, 0x9039bebc, 0x0e6aaa06, 0x66413e2b };
    board_ks_open();
    board_ks(META_SRAM, KS_ERASE_ALL);
    board_ks_write(META_HMAC | META_256, key);
    uint32_t slot = board_ks_slot();
    HMAC_KSCTL = 1u << 5 | slot;
    check("HMAC with a key of the KeyStore is done",
          run(SHA256 | HMACEN | INSWAP | DMALAST, abc, 3), 1);
    checku_words("the key's most significant byte comes first", HMAC_DGST, want, 8);
    board_ks_write(META_AES | META_256, key);
    HMAC_KSCTL = 1u << 5 | board_ks_slot();
    check("a key of another owner is an error", run(SHA256 | HMACEN | DMALAST, abc, 3), 0);
    told("HMAC: KSERR: memory 0 slot 1: owner differs [CRPT_HMAC_CTL]");
    check("KSERR is set", HMAC_STS & KSERR, KSERR);
    HMAC_KSCTL = 0;
}

static void refused(void)
{
    check("DMA from an unaligned address", run(SHA256 | DMALAST, abc + 1, 2), 0);
    told("4 bytes: not word aligned [CRPT_HMAC_CTL]");
    check("DMAERR is set", HMAC_STS & DMAERR, DMAERR);
    check("DMA from flash", run(SHA256 | DMALAST, (const void *)(uintptr_t)0x1000, 64), 0);
    told("HMAC: DMA at 0x00001000, 64 bytes: not in SRAM [CRPT_HMAC_CTL]");
    CLK_AHBCLK &= ~(uint32_t)AHBCLK_SRAM2;
    check("DMA from a bank without a clock",
          run(SHA256 | DMALAST, (const void *)(uintptr_t)0x20030000, 64), 0);
    told("HMAC: DMA at 0x20030000, 64 bytes: SRAM bank has no clock [CRPT_HMAC_CTL]");
    CLK_AHBCLK |= AHBCLK_SRAM2;
    run(SHA256 | DMALAST, abc, 0);
    told("HMAC: an empty message has no result [CRPT_HMAC_CTL]");
    HMAC_DATIN = 0;
    told("HMAC: DATIN written without DATINREQ [CRPT_HMAC_DATIN]");
}

static void busy(void)
{
    run(SHA256 | INSWAP | DMALAST, bits448, 56);
    HMAC_SADDR = WORD(abc);
    HMAC_DMACNT = 3;
    HMAC_CTL = SHA256 | INSWAP | START | DMALAST | DMAEN;
    check("BUSY is seen", HMAC_STS & BUSY, BUSY);
    checku("a digest read too early is zero", HMAC_DGST[0], 0);
    told("HMAC: DGST0 read while BUSY [CRPT_HMAC_DGST0]");
    HMAC_CTL = SHA256 | INSWAP | START | DMALAST | DMAEN;
    told("HMAC: started while BUSY [CRPT_HMAC_CTL]");
    check("BUSY ends", until(&HMAC_STS, BUSY, 0), 1);
    check_words("the run was not disturbed", HMAC_DGST, sha256_abc, 8);
}

void phase(uint32_t number)
{
    (void)number;
    board_clocks();
    hashes();
    swaps();
    in_parts();
    by_words("word by word, \"abc\"", abc, 3, sha256_abc);
    by_words("word by word, 56 bytes", bits448, 56, sha256_448);
    hmacs();
    long_key();
    key_of_keystore();
    refused();
    busy();
}
