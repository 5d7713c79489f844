/*
 * permit: the last look at a permit (port.h), where the register is written.
 *
 * A branch has refused a wrong one already. The mask refuses by arithmetic: what is written is
 * 0, which starts and sets nothing, unless the permit is right.
 */
#pragma once

#include <stdint.h>

static inline uint32_t permit_mask(uint32_t permit, uint32_t want)
{
    __asm__ volatile("" : "+r"(permit)); /* not what a branch has told the compiler */
    uint32_t difference = permit ^ want;
    return ((difference | (0u - difference)) >> 31) - 1;
}
