/* SPDX-License-Identifier: MIT */
/*
 * Is this a board that a run may write to? Called by the site before Runs.Open, so that a board
 * of another design, or one that something else has configured, is not touched. It must never
 * refuse what an interrupted or repeated run leaves: only what no run can have made.
 *
 * The profile is the part's row in m2354.c (part and revision by SYS_PDID, sizes) and what
 * layout.h says of it as shipped. Which of the parts an order is for, the server compares at
 * Runs.Open.
 */
#include "common/host/log.h"
#include "common/host/own.h"
#include "station-agent/chip/inside.h"

enum { OTP_AUTHKEY_BIT = 1 << OTP_AUTHKEY };

static enum err unfit(const struct chip *chip, const char *what, uint32_t found,
                      const char *wanted)
{
    return fail(ERR_MISMATCH, "chip: %s: %s: found 0x%08x, wanted %s", chip->probe->name, what,
                found, wanted);
}

/* A smaller part refuses its place. */
static enum err check_size(struct chip *chip)
{
    uint32_t last = chip->part->flash_size - 4, word = 0;
    chip->mem.quiet = true;
    enum err e = mem_read_word(&chip->mem, last, &word);
    chip->mem.quiet = false;
    if (e == ERR_FAULT && chip->swd.refused)
        return fail(ERR_MISMATCH,
                    "chip: %s: flash: found none at 0x%08x, wanted %u KiB, as %s has",
                    chip->probe->name, last, chip->part->flash_size / 1024, chip->part->name);
    return e;
}

static enum err check_config(const struct chip *chip, const struct m2354_state *state)
{
    if ((state->config[0] | M2354_CONFIG0_LOCK) != CONFIG_SHIPPED)
        return unfit(chip, "CONFIG0", state->config[0],
                     "0xffffffff as shipped, or 0xfffffffd once its lock has begun");
    for (size_t i = 1; i < M2354_CONFIG_WORDS; i++)
        if (state->config[i] != CONFIG_SHIPPED)
            return unfit(chip, "CONFIG1 to CONFIG3", state->config[i],
                         "0xffffffff, as shipped");
    return ERR_OK;
}

static enum err check_life(const struct chip *chip, const struct m2354_state *state)
{
    uint32_t plm = state->plm;
    if (plm != 0 && plm != M2354_PLM_OEM && plm != M2354_PLM_DEPLOYED)
        return unfit(chip, "life cycle (PLM STAGE)", plm, "0 Vendor, 1 OEM or 3 Deployed");
    if ((state->dpm_open & M2354_DPM_SHUT) != 0 && state->dpm_secure != M2354_DPM_ALL)
        return unfit(chip, "DPM, non-secure side", state->dpm_open,
                     "0 while the secure side is not shut");
    if (state->passwords != 0)
        return fail(ERR_MISMATCH,
                    "chip: %s: a debug password was set %u times (DPM PWUCNT), 0 times is "
                    "wanted: the password's holder could open this board",
                    chip->probe->name, state->passwords);
    return ERR_OK;
}

/* AUTHKEY is the first key of a run. */
static enum err check_keys(const struct chip *chip, const struct m2354_state *state)
{
    if ((state->otp & ~(uint32_t)OTP_AUTHKEY_BIT) != 0 && (state->otp & OTP_AUTHKEY_BIT) == 0)
        return unfit(chip, "KeyStore OTP slots in use", state->otp,
                     "none, or slot 2 (AUTHKEY) among them: another program burnt keys");
    return ERR_OK;
}

enum err chip_check(struct chip *chip)
{
    struct m2354_state state = { 0 };
    TRY(check_size(chip));
    TRY(m2354_state(&chip->mem, &state));
    TRY(check_config(chip, &state));
    TRY(check_life(chip, &state));
    return check_keys(chip, &state);
}
