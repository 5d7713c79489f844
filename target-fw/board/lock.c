/* SPDX-License-Identifier: MIT */
/*
 * Puts the stored locks in force at a cold reset, and says what they allow a debugger. Called
 * by chip.c, and by all that serves a debugger. What is stored must not count before such a
 * reset.
 */

#include "target-fw/board/lock.h"

#include <string.h>

#include "target-fw/board/chip/chip.h"

/* What is stored, as a cold reset would put it in force. */
static struct lock lock_stored(const struct chip *chip)
{
    const struct store_image *image = chip->store.image;
    uint32_t config0, nscba;
    memcpy(&config0, image->config, sizeof(config0));
    memcpy(&nscba, image->nscba, sizeof(nscba));
    return (struct lock){ .config = (config0 & FMC_CONFIG0_LOCK) == 0,
                          .ice = (config0 >> 11 & 1) == 0,
                          .mass_erase = (config0 & FMC_CONFIG0_MERASE) != 0,
                          .ldrom = (config0 & FMC_CONFIG0_CBS) == 0,
                          .loader = (config0 & FMC_CONFIG0_MBS) == 0,
                          .dpm = { image->head.dpm[0].flags, image->head.dpm[1].flags },
                          .nscba = nscba };
}

void lock_latch(struct chip *chip)
{
    struct store_head *head = &chip->store.image->head;
    head->plm_stage = head->plm_next;
    chip->plm.stage = head->plm_stage;
    chip->lock = lock_stored(chip);
}

static enum debug_level level_of(const struct lock *lock, bool secure, bool non_secure)
{
    if (lock->ice)
        return DEBUG_SILENT;
    if (secure)
        return lock->config ? DEBUG_ERASE_ONLY : DEBUG_ALL;
    return non_secure ? DEBUG_NONSECURE : DEBUG_NONE;
}

enum debug_level chip_debug_level(const struct chip *chip)
{
    return level_of(&chip->lock, dpm_debug_allowed(chip, 0, chip->lock.dpm[0]),
                    dpm_debug_allowed(chip, 1, chip->lock.dpm[1]));
}

enum debug_level chip_debug_level_next(const struct chip *chip)
{
    const struct lock next = lock_stored(chip);
    return level_of(&next, (next.dpm[0] & (DPM_DBGDIS | DPM_LOCK)) == 0,
                    (next.dpm[1] & (DPM_DBGDIS | DPM_LOCK)) == 0);
}

bool chip_secure_debug(const struct chip *chip)
{
    return chip_debug_level(chip) <= DEBUG_ERASE_ONLY;
}
