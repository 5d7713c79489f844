/* SPDX-License-Identifier: MIT */
/*
 * The AHB5-AP: its registers, and the decision whether a debugger's access is let through.
 * Called by swd.c. A lock is enforced here and in dpm.c, nowhere else on the debugger's way, so
 * no access may go to the bus before allowed() has seen it.
 */

#include "target-fw/board/memap.h"

#include "target-fw/board/chip/chip.h"
#include "target-fw/board/swd.h"

enum {
    CSW = 0x00,
    TAR = 0x04,
    DRW = 0x0c,
    BD0 = 0x10,
    BD3 = 0x1c,
    BASE = 0xf8,
    IDR = 0xfc,
    IDR_AHB5 = 0x84770001,
    BASE_ROM_TABLE = 0xe00ff003,
    CSW_SIZE = 7,
    CSW_INCREMENT = 3 << 4,
    CSW_SINGLE = 1 << 4,
    CSW_DEVICE_EN = 1 << 6,
    CSW_SPIDEN = 1 << 23,
    CSW_NONSECURE = 1 << 30,
    CSW_KEPT = (int)0xff000037,
    CSW_RESET = 0x22000002
};

/* Not in the enum: in C23 all constants of an enum with such values have a wider type. */
static const uint32_t tar_wrap = 0x400;

void memap_reset(struct swd *swd)
{
    swd->csw = CSW_RESET;
    swd->tar = 0;
}

/* SYS, CLK and FMC stay reachable under CONFIG0.LOCK alone, for the mass erase that undoes it.
 */
static bool erase_window(uint32_t address)
{
    return address - 0x40000000U < 0x300 || address - 0x4000c000U < 0x1000;
}

/* Logged once for a lock. */
static bool refused(struct chip *chip, uint32_t address)
{
    static const char *const why[] = { [DEBUG_ERASE_ONLY] = "CONFIG0.LOCK",
                                       [DEBUG_NONSECURE] = "secure debug protection",
                                       [DEBUG_NONE] = "debug protection" };
    enum debug_level level = chip_debug_level(chip);
    uint32_t outer = chip->accessed;
    chip->accessed = address;
    if (level > DEBUG_ALL && level <= DEBUG_NONE)
        chip_note(chip, "debug port: access refused: %s", why[level]);
    chip->accessed = outer;
    return false;
}

static unsigned size_of(const struct swd *swd)
{
    return 1U << (swd->csw & CSW_SIZE);
}

static bool is_window(uint32_t address)
{
    return address - DPM_WINDOW < DPM_WINDOW_BYTES;
}

/* All of this part's memory is secure: a non-secure transfer finds nothing. */
static bool allowed(const struct swd *swd, const struct chip *chip, uint32_t address)
{
    enum debug_level level = chip_debug_level(chip);
    bool core = address >= 0xe0000000U;
    if (!chip->powered || (chip->reset_held && !core))
        return false;
    if (is_window(address))
        return size_of(swd) == 4;
    if (level == DEBUG_NONSECURE)
        return core;
    if (level >= DEBUG_NONE || (swd->csw & CSW_NONSECURE) != 0)
        return false;
    return level == DEBUG_ALL || erase_window(address);
}

static bool access_read(const struct swd *swd, struct chip *chip, uint32_t address,
                        uint32_t *data)
{
    uint32_t value;
    if (!allowed(swd, chip, address) || (address & (size_of(swd) - 1)) != 0)
        return refused(chip, address);
    if (is_window(address))
        value = dpm_window_read(chip, address - DPM_WINDOW);
    else if (!bus_read(chip, address, size_of(swd), &value))
        return false;
    *data = value << (8 * (address & 3));
    return true;
}

static bool access_write(const struct swd *swd, struct chip *chip, uint32_t address,
                         uint32_t data)
{
    if (!allowed(swd, chip, address) || (address & (size_of(swd) - 1)) != 0)
        return refused(chip, address);
    if (!is_window(address))
        return bus_write(chip, address, size_of(swd), data >> (8 * (address & 3)));
    chip->accessed = address;
    dpm_window_write(chip, address - DPM_WINDOW, data);
    chip->accessed = 0;
    return true;
}

static void increment(struct swd *swd)
{
    if ((swd->csw & CSW_INCREMENT) != CSW_SINGLE)
        return;
    uint32_t next = swd->tar + size_of(swd);
    swd->tar = (swd->tar & ~(tar_wrap - 1)) | (next & (tar_wrap - 1));
}

static uint32_t csw_read(const struct swd *swd, const struct chip *chip)
{
    bool open = chip_secure_debug(chip);
    return swd->csw | CSW_DEVICE_EN | (open ? CSW_SPIDEN : 0U);
}

bool memap_read(struct swd *swd, struct chip *chip, unsigned ap, unsigned reg, uint32_t *data)
{
    *data = 0;
    if (ap != 0)
        return true; /* no such AP: reads as zero */
    if (reg >= BD0 && reg <= BD3)
        return access_read(swd, chip, (swd->tar & ~15U) | (reg - BD0), data);
    switch (reg) {
    case CSW:
        *data = csw_read(swd, chip);
        return true;
    case TAR:
        *data = swd->tar;
        return true;
    case DRW:
        if (!access_read(swd, chip, swd->tar, data))
            return false;
        increment(swd);
        return true;
    case BASE:
        *data = BASE_ROM_TABLE;
        return true;
    case IDR:
        *data = IDR_AHB5;
        return true;
    default:
        return true;
    }
}

bool memap_write(struct swd *swd, struct chip *chip, unsigned ap, unsigned reg, uint32_t data)
{
    if (ap != 0)
        return true;
    if (reg >= BD0 && reg <= BD3)
        return access_write(swd, chip, (swd->tar & ~15U) | (reg - BD0), data);
    if (reg == CSW) {
        swd->csw = data & (uint32_t)CSW_KEPT;
        if ((swd->csw & CSW_SIZE) > 2)
            swd->csw = (swd->csw & ~(uint32_t)CSW_SIZE) | 2;
        if ((swd->csw & CSW_INCREMENT) != CSW_SINGLE) /* packed transfers are not there */
            swd->csw &= ~(uint32_t)CSW_INCREMENT;
    } else if (reg == TAR) {
        swd->tar = data;
    } else if (reg == DRW) {
        if (!access_write(swd, chip, swd->tar, data))
            return false;
        increment(swd);
    }
    return true;
}
