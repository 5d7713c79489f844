/* SPDX-License-Identifier: MIT */
/*
 * The sets of exceptions, pending, enabled and active, and nothing of what follows from them:
 * nvic.c says which is due. Called by whatever causes an exception or ends one.
 */

#include "target-fw/board/chip/chip.h"

static bool bit_of(const uint32_t *set, unsigned number)
{
    return (set[number / 32] >> (number % 32) & 1) != 0;
}

void exc_put(uint32_t *set, unsigned number, bool on)
{
    uint32_t bit = 1U << (number % 32);
    set[number / 32] = on ? set[number / 32] | bit : set[number / 32] & ~bit;
}

void exc_pend(struct chip *chip, unsigned number, bool pending)
{
    exc_put(chip->core.exc.pending, number, pending);
}

bool exc_pends(const struct chip *chip, unsigned number)
{
    return bit_of(chip->core.exc.pending, number);
}

bool exc_is_enabled(const struct chip *chip, unsigned number)
{
    return bit_of(chip->core.exc.enabled, number);
}

bool exc_is_active(const struct chip *chip, unsigned number)
{
    return bit_of(chip->core.exc.active, number);
}

void exc_set_active(struct chip *chip, unsigned number, bool active)
{
    exc_put(chip->core.exc.active, number, active);
}
