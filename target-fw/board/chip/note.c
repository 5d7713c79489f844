/* SPDX-License-Identifier: MIT */
/*
 * What a block says to the whole chip: a line about an access, a reset that it wants. Called by
 * the blocks, in the middle of an access. It must not act; chip.c does, when the access is
 * over.
 */

#include <stdio.h>
#include <string.h>

#include "common/host/log.h"
#include "target-fw/board/chip/chip.h"

void chip_note(struct chip *chip, const char *format, ...)
{
    char words[CHIP_WORDS_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(words, sizeof(words), format, args);
    va_end(args);
    chip->notes++;
    if (strcmp(words, chip->last_note) == 0)
        return;
    memcpy(chip->last_note, words, sizeof(words));
    if (chip->report != NULL)
        chip->report(chip, words);
}

/* While nRESET is low the chip is in reset already: a reset that is requested then is lost. */
void chip_want_reset(struct chip *chip, enum reset_kind kind)
{
    if (chip->reset_held)
        return;
    chip->reset_wanted = kind;
    cpu_stop(chip->cpu);
}

void chip_lock_changed(struct chip *chip)
{
    log_line(LOG_LEVEL_INFO, "board %u: debug protection opened by password", chip->number);
}

const struct periph *periph_find(const struct chip *chip, uint32_t address)
{
    for (const struct periph *const *p = chip->blocks; *p != NULL; p++)
        if (address - (*p)->base < (*p)->size)
            return *p;
    return NULL;
}
