/* SPDX-License-Identifier: MIT */
/* PRNG, TRNG: seeds, draws, keys for the KeyStore (crpt_reg.h, trng_reg.h, rng.c). */
#include "tests/conformance/programs/board.h"
#include "tests/conformance/programs/vectors.h"

PROGRAM("PRNG, TRNG", 0);

enum {
    START = 1 << 0,
    SEEDRLD = 1 << 1,
    BITS128 = 0 << 2,
    BITS256 = 6 << 2,
    SEEDSEL = 1 << 6,
    SEEDSRC = 1 << 7,
    BUSY = 1 << 8,
    FROM_TRNG = SEEDSEL | SEEDSRC,
    KS_ECDH = 1 << 19,
    KS_ECDSA = 1 << 20,
    KS_WDST = 1 << 21,
    KS_TO_OTP = 2 << 22,
    KS_OWNER_ECC = 4 << 24,
    KCTLERR = 1 << 16,
    TRNG_EN = 1 << 0,
    TRNG_DVIF = 1 << 1,
    TRNG_READY = 1 << 7,
    TRNG_SEEDGEN = 1 << 8,
    TRNG_SEEDRDY = 1 << 9,
    TRNG_ACTIVE = 1 << 7,
};

static bool draw(uint32_t control)
{
    PRNG_CTL = control | START;
    return until(&PRNG_CTL, BUSY, 0);
}

static void keep(uint32_t words[8])
{
    for (uint32_t i = 0; i < 8; i++)
        words[i] = PRNG_KEY[i];
}

static bool same(const uint32_t a[8], const uint32_t b[8])
{
    uint32_t difference = 0;
    for (uint32_t i = 0; i < 8; i++)
        difference |= a[i] ^ b[i];
    return difference == 0;
}

static void fixed_seed(void)
{
    uint32_t first[8], again[8];
    draw(BITS256);
    told("PRNG: used without a seed: its numbers are predictable [CRPT_PRNG_CTL]");
    PRNG_SEED = 0x12345678;
    check("a draw from PRNG_SEED", draw(BITS256 | SEEDRLD), 1);
    keep(first);
    draw(BITS256);
    keep(again);
    check("the next draw differs", same(first, again), 0);
    PRNG_SEED = 0x12345678;
    draw(BITS256 | SEEDRLD);
    keep(again);
    check("the same seed gives the same number", same(first, again), 1);
    draw(BITS128);
    check("128 bits are four words", PRNG_KEY[4] | PRNG_KEY[5] | PRNG_KEY[6] | PRNG_KEY[7], 0);
    PRNG_CTL = BITS256 | START;
    check("BUSY is seen", PRNG_CTL & BUSY, BUSY);
    checku("a number read too early is zero", PRNG_KEY[0], 0);
    told("PRNG: KEY0 read while BUSY [CRPT_PRNG_KEY0]");
    PRNG_CTL = BITS256 | START;
    told("PRNG: started while BUSY [CRPT_PRNG_CTL]");
    check("BUSY ends", until(&PRNG_CTL, BUSY, 0), 1);
}

/* KEYSZ's codes are those of the KeyStore's SIZE. */
static void sizes(void)
{
    static const struct {
        uint32_t code, words;
        const char *name;
    } all[] = {
        { 0, 4, "128 bits" },
        { 2, 6, "192 bits" },
        { 3, 7, "224 bits" },
        { 6, 8, "256 bits" },
    };
    for (uint32_t i = 0; i < COUNT(all); i++) {
        draw(all[i].code << 2);
        uint32_t last = PRNG_KEY[all[i].words - 1], rest = 0;
        for (uint32_t k = all[i].words; k < 8; k++)
            rest |= PRNG_KEY[k];
        check(all[i].name, last != 0 && rest == 0, 1);
    }
    draw(7u << 2);
    check("283 bits go to the KeyStore only: KCTLERR", PRNG_STS & KCTLERR, KCTLERR);
}

static void trng(void)
{
    TRNG_CTL = TRNG_EN;
    told("TRNG: used before READY [TRNG_CTL]");
    TRNG_CTL = 0;
    TRNG_ACT |= TRNG_ACTIVE;
    check("TRNG wakes", until(&TRNG_CTL, TRNG_READY, TRNG_READY), 1);
    (void)TRNG_DATA;
    told("TRNG: DATA read without DVIF [TRNG_DATA]");
    uint32_t seen = 0;
    TRNG_CTL = TRNG_EN;
    for (uint32_t i = 0; i < 16; i++) {
        check("a byte comes", until(&TRNG_CTL, TRNG_DVIF, TRNG_DVIF), 1);
        uint32_t byte = TRNG_DATA;
        check("it is one byte", byte >> 8, 0);
        seen |= 1u << (byte & 31);
    }
    check("they are not all the same", (seen & (seen - 1)) != 0, 1);
    TRNG_CTL = 0;
}

static void seed(void)
{
    uint32_t first[8], second[8];
    TRNG_CTL = TRNG_SEEDGEN;
    for (uint32_t i = 0; i < 20; i++)
        (void)TRNG_CTL;
    checku("no seed without the 32 kHz LIRC", TRNG_CTL & TRNG_SEEDRDY, 0);
    told("TRNG: no seed: RTC_LXTCTL does not select the 32 kHz LIRC [TRNG_CTL]");
    check("a seed with it, and a draw", board_seed(), 1);
    check("SEEDSRC tells the seed's origin", PRNG_CTL & SEEDSRC, SEEDSRC);
    draw(BITS256 | FROM_TRNG);
    keep(first);
    draw(BITS256 | FROM_TRNG);
    keep(second);
    check("draws differ", same(first, second), 0);
}

static void load_n(uint32_t low, bool order)
{
    for (uint32_t i = 0; i < 18; i++)
        ECC_N[i] = order && i < 8 ? p256_n[i] : i == 0 ? low : 0;
}

static void keys(void)
{
    board_ks_open();
    board_ks(META_SRAM, KS_ERASE_ALL);
    uint32_t before = KS_REMKCNT & 0x3f;
    load_n(0, true);
    PRNG_KSCTL = KS_OWNER_ECC | KS_ECDSA | KS_WDST;
    check("a key for ECDSA is drawn", draw(BITS256 | FROM_TRNG), 1);
    check("without KCTLERR", PRNG_KSSTS & KCTLERR, 0);
    uint32_t slot = PRNG_KSSTS & 31;
    check("the KeyStore holds one key more", KS_REMKCNT & 0x3f, before - 1);
    check("PRNG_KEY shows nothing of it", PRNG_KEY[0] | PRNG_KEY[7], 0);
    check("it cannot be read", board_ks(META_SRAM | META_SLOT(slot), KS_READ), 0);
    told("KS: error: memory 0 slot 0: key is not readable [KS_CTL]");
    PRNG_KSCTL = KS_OWNER_ECC | KS_ECDH | KS_WDST;
    draw(BITS256 | FROM_TRNG);
    check("a key for ECDH is drawn", PRNG_KSSTS & KCTLERR, 0);
    check("to another slot", (PRNG_KSSTS & 31) != slot, 1);
}

/* Fidelity rules: what makes an ECC key, and what makes BUSY stick. */
static void refused_keys(void)
{
    PRNG_KSCTL = KS_OWNER_ECC | KS_ECDSA | KS_WDST | (uint32_t)KS_TO_OTP;
    draw(BITS256 | FROM_TRNG);
    check("an ECDSA key to OTP is KCTLERR", PRNG_KSSTS & KCTLERR, KCTLERR);
    told("PRNG: KCTLERR: an ECC key needs a TRNG seed and KeyStore SRAM [CRPT_PRNG_CTL]");
    PRNG_KSCTL = 0;
    PRNG_SEED = 1;
    draw(BITS256 | SEEDRLD);
    PRNG_KSCTL = KS_OWNER_ECC | KS_ECDH | KS_WDST;
    draw(BITS256);
    check("an ECDH key from PRNG_SEED is KCTLERR", PRNG_STS & KCTLERR, KCTLERR);
}

static bool ends(void)
{
    for (uint32_t i = 0; i < 5000; i++)
        if ((PRNG_CTL & BUSY) == 0)
            return true;
    return false;
}

static void stuck(uint32_t n, const char *name)
{
    PRNG_KSCTL = 0;
    board_seed();
    load_n(n, false);
    PRNG_KSCTL = KS_OWNER_ECC | KS_ECDSA | KS_WDST;
    PRNG_CTL = BITS256 | FROM_TRNG | START;
    check(name, ends(), 0);
    SYS_IPRST0 = IPRST0_CRPT;
    SYS_IPRST0 = 0;
    check("a reset of CRPT ends it", ends(), 1);
}

void phase(uint32_t number)
{
    (void)number;
    board_clocks();
    fixed_seed();
    sizes();
    trng();
    seed();
    keys();
    refused_keys();
    stuck(0, "an ECDSA key with ECC_N 0: BUSY does not end");
    told("PRNG: ECC_N holds no order: BUSY does not end [CRPT_PRNG_CTL]"); /* repeats are
                                                                          counted, not said */
    stuck(1, "an ECDSA key with ECC_N 1: BUSY does not end");
    board_ks(META_SRAM, KS_ERASE_ALL);
}
