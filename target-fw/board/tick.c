/* SPDX-License-Identifier: MIT */
/*
 * SysTick: its value is computed from board time when it is read, and its wrap pends the
 * exception. Called by core.c, and by chip.c between two slices.
 */

#include "target-fw/board/tick.h"

#include "target-fw/board/chip/chip.h"

enum { ENABLE = 1 << 0, INT = 1 << 1, FLAG = 1 << 16 };

void core_tick(struct chip *chip)
{
    struct core *core = &chip->core;
    if ((core->tick_control & ENABLE) == 0 || core->tick_load == 0)
        return;
    uint64_t period = (uint64_t)core->tick_load + 1, passed = chip->cycles - core->tick_start;
    if (passed < period)
        return;
    core->tick_start += passed / period * period;
    core->tick_flag = true;
    if (core->tick_control & INT)
        exc_pend(chip, EXC_SYSTICK, true);
}

uint64_t core_tick_left(const struct chip *chip)
{
    const struct core *core = &chip->core;
    bool wakes = (core->tick_control & (ENABLE | INT)) == (ENABLE | INT);
    uint64_t passed = chip->cycles - core->tick_start, period = (uint64_t)core->tick_load + 1;
    if (!wakes || core->tick_load == 0)
        return UINT64_MAX;
    return passed >= period ? 0 : period - passed;
}

uint32_t tick_read(struct chip *chip, uint32_t offset)
{
    struct core *core = &chip->core;
    core_tick(chip);
    if (offset == TICK_RVR)
        return core->tick_load;
    if (offset == TICK_CVR)
        return (core->tick_control & ENABLE) == 0
                   ? 0
                   : (core->tick_load - (uint32_t)(chip->cycles - core->tick_start)) & 0xffffff;
    uint32_t flag = core->tick_flag ? FLAG : 0;
    core->tick_flag = false;
    return core->tick_control | flag;
}

void tick_write(struct chip *chip, uint32_t offset, uint32_t value)
{
    struct core *core = &chip->core;
    core_tick(chip);
    if (offset == TICK_RVR) {
        core->tick_load = value & 0xffffff;
        return;
    }
    if (offset == TICK_CVR) {
        core->tick_flag = false;
    } else {
        if ((value & ~core->tick_control & ENABLE) == 0) {
            core->tick_control = value & 7;
            return;
        }
        core->tick_control = value & 7;
    }
    core->tick_start = chip->cycles;
}
