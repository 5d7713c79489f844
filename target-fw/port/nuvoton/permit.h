/* SPDX-License-Identifier: MIT */
/*
 * permit: the last check of a permit (port.h), where the register is written.
 *
 * A branch has refused a wrong one already. The mask refuses by arithmetic: unless the permit
 * is right, the word that is written is 0, which starts and sets nothing
 * (`test_devauth_glitch`). Used by keystore.c and each chip's lock.c.
 */
#pragma once

#include "target-fw/port/port.h"

/* All ones if the permit is the wanted one, else 0. */
static inline uint32_t permit_mask(uint32_t permit, uint32_t want)
{
    __asm__ volatile("" : "+r"(permit)); /* the compiler must not use what the branch implies */
    uint32_t difference = permit ^ want;
    return ((difference | (0u - difference)) >> 31) - 1;
}

/* All ones if the permit is for this level or one above: each step asks for its own. */
static inline uint32_t permit_lock_mask(uint32_t permit, enum port_lock level)
{
    uint32_t mask = permit_mask(permit, PORT_PERMIT_LOCK(PORT_LOCK_PRODUCTION));
    if (level == PORT_LOCK_DEV)
        mask |= permit_mask(permit, PORT_PERMIT_LOCK(PORT_LOCK_DEV));
    return mask;
}
