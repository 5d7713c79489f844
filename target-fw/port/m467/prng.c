/* SPDX-License-Identifier: MIT */
/*
 * Seeding the PRNG (m460bsp rng.c): there is no seed to wait for. Called by
 * port/nuvoton/random.c.
 */

#include "target-fw/port/nuvoton/random.h"

const uint32_t random_source = 0; /* SEEDSRC (bit 16) clear: the TRNG */

enum err random_seed(void)
{
    TRY(random_trng_on());
    return reg_wait(WAIT_PRNG, CRPT_PRNG_CTL, RANDOM_BUSY, 0);
}
