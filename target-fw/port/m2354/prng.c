/* SPDX-License-Identifier: MIT */
/*
 * Seeding the PRNG (M2354BSP rng.c). Called by port/nuvoton/random.c. It must not report
 * success before the TRNG has given a seed.
 */

#include "target-fw/port/m2354/reg.h"
#include "target-fw/port/nuvoton/random.h"

enum {
    PRNG_SEEDSEL = 1 << 6,
    PRNG_SEEDSRC = 1 << 7,

    LXT_LIRC32K = 1 << 6 | 1,
    TRNG_SEEDGEN = 1 << 8,
    TRNG_SEEDRDY = 1 << 9,
};

const uint32_t random_source = PRNG_SEEDSEL | PRNG_SEEDSRC;

enum err random_seed(void)
{
    reg_set(RTC_LXTCTL, LXT_LIRC32K);
    TRY(random_trng_on());
    reg_set(TRNG_CTL, TRNG_SEEDGEN);
    TRY(reg_wait(WAIT_TRNG, TRNG_CTL, TRNG_SEEDRDY, TRNG_SEEDRDY));
    TRY(reg_wait(WAIT_PRNG, CRPT_PRNG_CTL, RANDOM_BUSY, 0));
    REG(CRPT_PRNG_CTL) = PRNG_SEEDSEL;
    return reg_wait(WAIT_PRNG, CRPT_PRNG_CTL, PRNG_SEEDSRC, PRNG_SEEDSRC);
}
