/* SPDX-License-Identifier: MIT */
/*
 * The random number generator: seeded by the TRNG or by a register, its output to registers or
 * straight into the KeyStore. Called by crpt.c. A key for the KeyStore must not show in the KEY
 * registers.
 */

#include <openssl/bn.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <string.h>

#include "target-fw/board/chip/chip.h"
#include "target-fw/board/periph/bignum.h"

enum {
    CTL = 0x008,
    SEED = 0x00c,
    KEY = 0x010,
    STS = 0x030,
    KSCTL = 0xf00,
    KSSTS = 0xf04,
    CTL_START = 1 << 0,
    CTL_SEEDRLD = 1 << 1,
    CTL_SEEDSEL = 1 << 6,
    CTL_SEEDSRC = 1 << 7,
    CTL_BUSY = 1 << 8,
    KSCTL_TRUST = 1 << 16,
    KSCTL_PRIV = 1 << 18,
    KSCTL_ECDH = 1 << 19,
    KSCTL_ECDSA = 1 << 20,
    KSCTL_WDST = 1 << 21,
    KCTLERR = 1 << 16,
    KSERR = 1 << 17,
    KEY_BITS_MAX = 256
};

/* Unseeded or seeded from a register: the same numbers each time, which anyone can compute. */
static void stream(struct prng *prng, uint8_t *out, size_t len)
{
    for (size_t at = 0; at < len; at += SHA256_DIGEST_LENGTH) {
        uint32_t block[2] = { prng->seed, prng->counter++ };
        uint8_t digest[SHA256_DIGEST_LENGTH];
        SHA256((const uint8_t *)block, sizeof(block), digest);
        memcpy(out + at, digest, len - at < sizeof(digest) ? len - at : sizeof(digest));
    }
}

static void draw(struct chip *chip, uint8_t *out, size_t len)
{
    struct prng *prng = &chip->crpt.prng;
    if (!prng->from_trng || RAND_bytes(out, (int)len) != 1)
        stream(prng, out, len);
}

/* A number in [1, n-1], n from ECC_N. false: no such number, the engine does not end. */
static bool draw_scalar(struct chip *chip, uint32_t *words)
{
    const uint32_t *order = chip->crpt.ecc.operand[ECC_N];
    AUTO(bn_drop) BIGNUM *n = bn_of(order, ECC_WORDS);
    AUTO(bn_drop) BIGNUM *k = BN_new();
    if (n == NULL || k == NULL || BN_is_zero(n) || BN_is_one(n))
        return false;
    do {
        if (BN_priv_rand_range(k, n) != 1)
            return false;
    } while (BN_is_zero(k));
    bn_words(k, words, STORE_KEY_WORDS);
    return true;
}

static void to_keystore(struct chip *chip, unsigned size_code)
{
    struct prng *prng = &chip->crpt.prng;
    uint32_t ksctl = prng->ksctl;
    uint32_t words[STORE_KEY_WORDS] = { 0 };
    bool scalar = (ksctl & (KSCTL_ECDSA | KSCTL_ECDH)) != 0;
    unsigned memory = ksctl >> 22 & 3;
    enum ks_origin origin = ksctl & KSCTL_ECDSA  ? KS_BY_PRNG_ECDSA
                            : ksctl & KSCTL_ECDH ? KS_BY_PRNG_ECDH
                                                 : KS_BY_PRNG;
    if (scalar && (!(prng->ctl & CTL_SEEDSRC) || !prng->from_trng || memory != KS_SRAM)) {
        chip_note(chip, "PRNG: KCTLERR: an ECC key needs a TRNG seed and KeyStore SRAM");
        prng->key_error = true;
        return;
    }
    if (scalar && !draw_scalar(chip, words)) {
        chip_note(chip, "PRNG: ECC_N holds no order: BUSY does not end");
        prng->busy.dead = true;
        return;
    }
    if (!scalar)
        draw(chip, (uint8_t *)words, ks_size_words(size_code) * sizeof(*words));
    uint32_t meta = (ksctl & KSCTL_TRUST ? KS_META_SEC : 0U) |
                    (ksctl & KSCTL_PRIV ? KS_META_PRIV : 0U) | size_code << 8 |
                    (ksctl >> 24 & 7) << 16;
    unsigned slot = 0;
    bool ok =
        chip->ks.ready && (memory == KS_SRAM || memory == KS_OTP) &&
        ks_engine_write(chip, (enum ks_mem)memory, ksctl & 31, meta, origin, words, &slot);
    wipe(words, sizeof(words));
    if (!ok)
        chip_note(chip, "PRNG: KSERR: key was not stored");
    prng->ks_error = !ok;
    prng->ksnum = slot;
}

static void start(struct chip *chip, uint32_t value)
{
    struct prng *prng = &chip->crpt.prng;
    unsigned size_code = value >> 2 & 15;
    if (prng->busy.active) {
        chip_note(chip, "PRNG: started while BUSY");
        return;
    }
    prng->key_error = prng->ks_error = false;
    if (value & CTL_SEEDRLD) {
        prng->from_trng = (prng->ctl & CTL_SEEDSRC) != 0;
        prng->seeded = true;
        prng->counter = 0;
    }
    if (!prng->seeded)
        chip_note(chip, "PRNG: used without a seed: its numbers are predictable");
    busy_start(&prng->busy);
    memset(prng->key, 0, sizeof(prng->key));
    if (prng->ksctl & KSCTL_WDST)
        to_keystore(chip, size_code);
    else if (ks_size_bits(size_code) == 0 || ks_size_bits(size_code) > KEY_BITS_MAX)
        prng->key_error = true;
    else
        draw(chip, (uint8_t *)prng->key, ks_size_words(size_code) * sizeof(*prng->key));
}

void prng_poll(struct chip *chip)
{
    struct prng *prng = &chip->crpt.prng;
    if (busy_poll(&prng->busy))
        crpt_raise(chip, prng->key_error || prng->ks_error ? CRPT_INT_PRNG_ERR : CRPT_INT_PRNG);
}

static uint32_t control(struct chip *chip)
{
    struct prng *prng = &chip->crpt.prng;
    prng_poll(chip);
    bool from_trng = (prng->ctl & CTL_SEEDSEL) != 0 && chip->trng.seed_ready;
    prng->ctl = (prng->ctl & ~(uint32_t)CTL_SEEDSRC) | (from_trng ? CTL_SEEDSRC : 0U);
    return prng->ctl | (prng->busy.active ? CTL_BUSY : 0U);
}

uint32_t prng_read(struct chip *chip, uint32_t offset)
{
    struct prng *prng = &chip->crpt.prng;
    if (offset >= KEY && offset < KEY + 32 && prng->busy.active)
        chip_note(chip, "PRNG: KEY%u read while BUSY", (offset - KEY) / 4);
    if (offset >= KEY && offset < KEY + 32)
        return prng->busy.active ? 0 : prng->key[(offset - KEY) / 4];
    switch (offset) {
    case CTL:
        return control(chip);
    case STS:
        prng_poll(chip);
        if (prng->busy.active)
            return 1;
        return (prng->key_error ? KCTLERR : 0U) | (prng->ks_error ? KSERR : 0U);
    case KSCTL:
        return prng->ksctl;
    case KSSTS:
        return prng->ksnum | (prng->key_error || prng->ks_error ? KCTLERR : 0U);
    default:
        return 0;
    }
}

void prng_write(struct chip *chip, uint32_t offset, uint32_t value)
{
    struct prng *prng = &chip->crpt.prng;
    if (offset == CTL) {
        bool from_trng = (value & CTL_SEEDSEL) != 0 && chip->trng.seed_ready;
        prng->ctl = (value & 0x7cU) | (from_trng ? CTL_SEEDSRC : 0U);
        if (value & CTL_START)
            start(chip, value);
    } else if (offset == SEED) {
        prng->seed = value;
    } else if (offset == KSCTL) {
        prng->ksctl = value;
    }
}
