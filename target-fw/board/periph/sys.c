/* SPDX-License-Identifier: MIT */
/*
 * The SYS block: register lock, reset causes and controls, pin functions. Called by the bus.
 */
#include "target-fw/board/chip/sys.h"

#include <string.h>

#include "target-fw/board/chip/chip.h"

enum {
    PDID = 0x00,
    RSTSTS = 0x04,
    IPRST0 = 0x08,
    BODCTL = 0x18,
    GPF_MFPL = 0x58,
    GPF_ICE = 0xee, /* its two low fields: PF.0 ICE_DAT, PF.1 ICE_CLK */
    SRAMPC1 = 0xe0,
    REGLCTL = 0x100,
    PLCTL = 0x1f8,
    PLSTS = 0x1fc,
    IPRST0_CHIP = 1 << 0,
    IPRST0_CPU = 1 << 1,
    IPRST0_CRPT = 1 << 12,
    IPRST0_KS = 1 << 13,
    PLCTL_WRBUSY = 1 << 7
};

static const uint32_t unlock_keys[] = { 0x59, 0x16, 0x88 };

static bool is_protected(uint32_t offset)
{
    static const uint32_t offsets[] = { IPRST0, BODCTL, SRAMPC1, PLCTL };
    for (size_t i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++)
        if (offsets[i] == offset)
            return true;
    return false;
}

/* Three keys in a row open it; any other write closes it. The first key restarts the sequence.
 */
static void lock_write(struct sys *sys, uint32_t value)
{
    unsigned step = value == unlock_keys[sys->unlock_step] ? sys->unlock_step + 1
                    : value == unlock_keys[0]              ? 1
                                                           : 0;
    sys->unlocked = step == sizeof(unlock_keys) / sizeof(unlock_keys[0]);
    sys->unlock_step = sys->unlocked ? 0 : step;
}

static void block_resets(struct chip *chip, uint32_t value)
{
    uint32_t rising = value & ~chip->sys.regs[IPRST0 / 4];
    if (rising & IPRST0_CRPT)
        periph_crpt.reset(chip);
    if (rising & IPRST0_KS)
        periph_ks.reset(chip);
    chip->sys.regs[IPRST0 / 4] = value & ~(uint32_t)(IPRST0_CHIP | IPRST0_CPU);
    if (value & IPRST0_CHIP)
        chip_want_reset(chip, RESET_CHIP);
    else if (value & IPRST0_CPU)
        chip_want_reset(chip, RESET_CPU);
}

static uint32_t power_level_read(struct chip *chip, uint32_t offset)
{
    struct sys *sys = &chip->sys;
    busy_poll(&sys->power_level);
    uint32_t level = sys->regs[PLCTL / 4];
    if (offset == PLCTL)
        return level | (sys->power_level.active ? PLCTL_WRBUSY : 0U);
    return (level & 3U) << 8 | (sys->power_level.active ? 1U : 0U);
}

bool sys_swd_pins(const struct chip *chip)
{
    return (chip->sys.regs[GPF_MFPL / 4] & 0xff) == GPF_ICE;
}

static uint32_t sys_read(struct chip *chip, uint32_t offset)
{
    struct sys *sys = &chip->sys;
    switch (offset) {
    case PDID:
        return SYS_PDID;
    case RSTSTS:
        return sys->reset_status;
    case REGLCTL:
        return sys->unlocked;
    case PLCTL:
    case PLSTS:
        return power_level_read(chip, offset);
    default:
        return sys->regs[offset / 4];
    }
}

static void sys_write(struct chip *chip, uint32_t offset, uint32_t value)
{
    struct sys *sys = &chip->sys;
    if (offset == REGLCTL) {
        lock_write(sys, value);
        return;
    }
    if (is_protected(offset) && !sys->unlocked) {
        chip_note(chip, "SYS+0x%03x: write ignored, register lock is closed", offset);
        return;
    }
    switch (offset) {
    case PDID:
    case PLSTS:
        break;
    case RSTSTS:
        sys->reset_status &= ~value;
        break;
    case IPRST0:
        block_resets(chip, value);
        break;
    case PLCTL:
        sys->regs[PLCTL / 4] = value & 0x13U;
        busy_start(&sys->power_level);
        break;
    default:
        sys->regs[offset / 4] = value;
    }
}

static void sys_reset(struct chip *chip)
{
    uint32_t status = chip->sys.reset_status;
    chip->sys = (struct sys){ .reset_status = status };
    chip->sys.regs[SRAMPC1 / 4] = 0;
    chip->sys.regs[GPF_MFPL / 4] = GPF_ICE;
}

const struct periph periph_sys = {
    .name = "SYS",
    .base = 0x40000000,
    .size = 0x200,
    .read = sys_read,
    .write = sys_write,
    .reset = sys_reset,
};
