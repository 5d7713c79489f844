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
#include "common/core/crc32.h"
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

/* Closing.Lock writes this record before any of its bits, and nothing else writes it: without
 * it a bit is another program's. Were such a board taken for one whose lock has begun, its boot
 * test would be left out. */
static enum err find_record(struct chip *chip, bool *found_out)
{
    uint8_t record[RECORD_HEAD_SIZE + RECORD_CONFIG_SIZE + RECORD_CRC_SIZE];
    TRY(mem_read(&chip->mem, FLASH_CONFIG_RECORD, record, sizeof(record)));
    struct rd r = rd_of(SPAN(record));
    uint32_t magic = rd_u32le(&r), version = rd_u32le(&r);
    rd_take(&r, RECORD_CONFIG_SIZE);
    uint32_t crc = rd_u32le(&r);
    *found_out = magic == RECORD_CONFIG_MAGIC && version == RECORD_VERSION &&
                 crc == crc32_of(span_of(record, sizeof(record) - RECORD_CRC_SIZE));
    return rd_end(&r);
}

/* All that the lock changes, as it is on a new board. */
static enum err check_shipped(struct chip *chip, const struct m2354_state *state)
{
    const struct {
        const char *what;
        uint32_t found, shipped;
        const char *wanted;
    } bits[] = {
        { "CONFIG0", state->config[0], CONFIG_SHIPPED, "0xffffffff as shipped" },
        { "life cycle (PLM STAGE, DIRTY)", state->plm, 0, "0x00000000, Vendor" },
        { "DPM, secure side", state->dpm_secure, 0, "0x00000000" },
        { "DPM, non-secure side", state->dpm_open, 0, "0x00000000" },
    };
    for (size_t i = 0; i < COUNT(bits); i++) {
        bool begun = false;
        if (bits[i].found == bits[i].shipped)
            continue;
        TRY(find_record(chip, &begun));
        if (begun)
            return ERR_OK;
        return fail(ERR_MISMATCH,
                    "chip: %s: %s: found 0x%08x, wanted %s: no lock of a run has begun on "
                    "this board (no record at 0x%08x)",
                    chip->probe->name, bits[i].what, bits[i].found, bits[i].wanted,
                    (unsigned)FLASH_CONFIG_RECORD);
    }
    return ERR_OK;
}

/* What no run can have made, whether its lock has begun or not. */
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
    uint32_t stage = state->plm & M2354_PLM_STAGE;
    if (stage != 0 && stage != M2354_PLM_DEPLOYED)
        return unfit(chip, "life cycle (PLM STAGE)", stage,
                     "0 Vendor, or 3 Deployed once its lock has begun");
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
    TRY(check_shipped(chip, &state));
    return check_keys(chip, &state);
}
