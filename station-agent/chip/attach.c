/* SPDX-License-Identifier: MIT */
/*
 * To a board whose firmware runs, or does not let us: over SWD, or with nRESET held low. Called
 * when a board is opened that does not answer, and after a boot test. It must never be called
 * once a lock write was made: letting nRESET go would put the lock in force.
 */
#include <stdio.h>

#include "common/host/log.h"
#include "station-agent/chip/inside.h"

static enum err connect_in_reset(struct chip *chip)
{
    TRY(mem_init(&chip->mem, &chip->swd, 0));
    return core_catch_reset(&chip->mem);
}

enum err attach_in_reset(struct chip *chip)
{
    TRY(swd_hold_reset(&chip->swd, true, RESET_LOW_MS));
    enum err e = connect_in_reset(chip);
    char words[FAIL_WORDS_MAX];
    snprintf(words, sizeof(words), "%s", fail_words());
    TRY(swd_hold_reset(&chip->swd, false, 0));
    if (e != ERR_OK)
        return fail(e, "chip: %s: no answer with nRESET held low: %s", chip->probe->name,
                    words);
    TRY(mem_init(&chip->mem, &chip->swd, 0));
    return core_await_caught(&chip->mem);
}

static enum err attach(struct chip *chip)
{
    TRY(mem_init(&chip->mem, &chip->swd, 0));
    return core_halt(&chip->mem);
}

enum err chip_attach(struct chip *chip)
{
    if (!chip->swd.lost && core_halt(&chip->mem) == ERR_OK)
        return ERR_OK;
    chip->swd.lost = true;
    if (attach(chip) == ERR_OK)
        return ERR_OK;
    log_line(LOG_LEVEL_INFO, "chip: %s: the firmware does not answer on SWD: %s",
             chip->probe->name, fail_words());
    return attach_in_reset(chip);
}
