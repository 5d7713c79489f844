/* SPDX-License-Identifier: MIT */
/*
 * The registers of the breakpoint unit, and the addresses that are in force. Called by core.c
 * and cpu.c. Whether the core halts at one is decided there: a comparator has no effect without
 * a debugger.
 */

#include "target-fw/board/chip/fpb.h"

#include <string.h>

enum {
    FP_CTRL = 0x000,
    FP_COMP0 = 0x008,
    CTRL_ENABLE = 1 << 0,
    CTRL_KEY = 1 << 1,
    CTRL_VERSION_2 = 1 << 28,
    COMP_IN_USE = 1 << 0
};

static bool is_comparator(uint32_t offset)
{
    return offset >= FP_COMP0 && offset < FP_COMP0 + 4 * FPB_COUNT;
}

uint32_t fpb_read(const struct fpb *fpb, uint32_t offset)
{
    if (offset == FP_CTRL)
        return CTRL_VERSION_2 | FPB_COUNT << 4 | (fpb->enabled ? CTRL_ENABLE : 0U);
    return is_comparator(offset) ? fpb->comp[(offset - FP_COMP0) / 4] : 0;
}

void fpb_write(struct fpb *fpb, uint32_t offset, uint32_t value)
{
    if (offset == FP_CTRL && (value & CTRL_KEY) != 0)
        fpb->enabled = (value & CTRL_ENABLE) != 0;
    else if (is_comparator(offset))
        fpb->comp[(offset - FP_COMP0) / 4] = value;
}

struct fpb_set fpb_active(const struct fpb *fpb)
{
    struct fpb_set set = { .count = 0 };
    for (size_t i = 0; fpb->enabled && i < FPB_COUNT; i++)
        if ((fpb->comp[i] & COMP_IN_USE) != 0)
            set.at[set.count++] = fpb->comp[i] & ~(uint32_t)COMP_IN_USE;
    return set;
}

bool fpb_set_has(const struct fpb_set *set, uint32_t address)
{
    for (size_t i = 0; i < set->count; i++)
        if (set->at[i] == address)
            return true;
    return false;
}

bool fpb_set_equal(const struct fpb_set *a, const struct fpb_set *b)
{
    return a->count == b->count && memcmp(a->at, b->at, a->count * sizeof(a->at[0])) == 0;
}
