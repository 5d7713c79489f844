/* SPDX-License-Identifier: MIT */
/*
 * random: the PRNG, seeded by the TRNG. Seeding is each chip's own; drawing is common to both.
 * ERR_FAULT: a generator is not ready in time.
 */
#pragma once

#include "target-fw/port/nuvoton/reg.h"

enum { RANDOM_BUSY = 1 << 8 }; /* of PRNG_CTL */

/* Each chip's own. */
extern const uint32_t random_source; /* bits of PRNG_CTL that stand for the TRNG as source */
enum err random_seed(void);          /* all but the reload, which is in common */

enum err random_trng_on(void); /* awake, and its control word 0 */
