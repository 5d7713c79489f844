/* SPDX-License-Identifier: MIT */
/*
 * The PRNG (rng.c of M2354BSP and m460bsp): random bytes, and fresh private keys in the
 * KeyStore. Called by devauth through port.h, and by ecc.c. It must not draw from an unseeded
 * generator, nor leave a private key in a register.
 */

#include "target-fw/port/nuvoton/random.h"

#include "target-fw/port/nuvoton/crpt.h"
#include "target-fw/port/port.h"

enum {
    PRNG_START = 1,
    PRNG_SEEDRLD = 1 << 1,
    PRNG_256 = 6 << 2,

    KSCTL_ECDH = 1 << 19,
    KSCTL_ECDSA = 1 << 20,
    KSCTL_WDST = 1 << 21,
    KSCTL_OWNER_ECC = 4 << 24,
    KSSTS_NUM = 0x1f,
    KSSTS_KCTLERR = 1 << 16,

    TRNG_ACTIVE = 1 << 7,
    TRNG_READY = 1 << 7,
    BYTES = 32,
};

enum err random_trng_on(void)
{
    reg_set(TRNG_ACT, TRNG_ACTIVE);
    TRY(reg_wait(WAIT_TRNG, TRNG_CTL, TRNG_READY, TRNG_READY));
    REG(TRNG_CTL) = 0;
    return ERR_OK;
}

/* Leaves one draw in the key registers, which no code reads. */
static enum err reseed(void)
{
    TRY(random_seed());
    REG(CRPT_PRNG_KSCTL) = 0;
    REG(CRPT_PRNG_CTL) = PRNG_256 | random_source | PRNG_START | PRNG_SEEDRLD;
    return reg_wait(WAIT_PRNG, CRPT_PRNG_CTL, RANDOM_BUSY, 0);
}

static enum err draw(void)
{
    REG(CRPT_PRNG_CTL) = PRNG_256 | random_source | PRNG_START;
    return reg_wait(WAIT_PRNG, CRPT_PRNG_CTL, RANDOM_BUSY, 0);
}

enum err port_random(uint8_t *out, size_t len)
{
    TRY(reseed());
    for (size_t at = 0; at < len;) {
        TRY(draw());
        for (size_t i = 0; i < BYTES && at < len; i++)
            out[at++] = (uint8_t)(REG(CRPT_PRNG_KEY0 + (i & ~3u)) >> (8 * (i & 3)));
    }
    return draw(); /* so that the bytes returned do not stay in the registers */
}

enum err prng_key(enum prng_use use, uint8_t *slot_out)
{
    TRY(reseed());
    REG(CRPT_PRNG_KSCTL) = (uint32_t)KSCTL_OWNER_ECC | KSCTL_WDST |
                           (uint32_t)(use == PRNG_FOR_ECDSA ? KSCTL_ECDSA : KSCTL_ECDH);
    enum err e = draw();
    uint32_t status = REG(CRPT_PRNG_KSSTS);
    REG(CRPT_PRNG_KSCTL) = 0;
    TRY(e);
    if ((status & KSSTS_KCTLERR) != 0)
        return ERR_CHIP;
    *slot_out = (uint8_t)(status & KSSTS_NUM);
    return ERR_OK;
}
