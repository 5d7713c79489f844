/* SPDX-License-Identifier: MIT */
/* How the M467 seeds its PRNG (m460bsp rng.c): there is no seed to wait for. */
#include "target-fw/port/nuvoton/random.h"

const uint32_t random_source = 0; /* SEEDSRC (bit 16) clear: the TRNG */

enum err random_seed(void)
{
    TRY(random_trng_on());
    return reg_wait(WAIT_PRNG, CRPT_PRNG_CTL, RANDOM_BUSY, 0);
}
