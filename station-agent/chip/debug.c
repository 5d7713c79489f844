/* SPDX-License-Identifier: MIT */
/*
 * Is the debug port shut? Called by the site for the proof, and by chip.c before it calls a
 * board locked. Everything is asked on one connection that is made here; what failed by probe
 * or wire is asked again from that connection's start, and what stays unclear is "not known",
 * never "shut".
 */
#include <stdio.h>

#include "common/core/wr.h"
#include "common/host/log.h"
#include "common/host/own.h"
#include "station-agent/chip/doors.h"
#include "station-agent/chip/inside.h"

enum { LOOK_TRIES = 3, TEXT_MAX = 80, LOOKS_MAX = 330 };

/* A board in reset refuses too. If the pin read low while the board was open, it tells nothing.
 */
static enum err check_let_go(struct chip *chip)
{
    bool low = false;
    TRY(swd_let_go(&chip->swd, RESET_SETTLE_MS, &low));
    if (low && !chip->held)
        return fail_quiet(ERR_NOT_KNOWN, "nRESET stays low; look for a button, a jumper or "
                                         "another tool that holds it");
    return ERR_OK;
}

static enum err connect_afresh(struct chip *chip, struct wr *said)
{
    char text[TEXT_MAX];
    chip->swd.lost = true;
    chip->swd.dpidr = 0;
    TRY(check_let_go(chip));
    TRY(swd_connect(&chip->swd));
    if (chip->swd.dpidr == 0 || chip->swd.dpidr == UINT32_MAX)
        return fail_quiet(ERR_NOT_KNOWN, "DPIDR reads 0x%08x", chip->swd.dpidr);
    snprintf(text, sizeof(text), "DPIDR 0x%08x, debug power up; ", chip->swd.dpidr);
    wr_text(said, text);
    return ERR_OK;
}

static enum err look_at_door(struct chip *chip, const struct door *door, struct wr *said,
                             struct look *seen)
{
    char text[TEXT_MAX];
    TRY(look_at(&chip->swd, chip->mem.ap, door->address, seen));
    if (seen->refused)
        snprintf(text, sizeof(text), "%s 0x%08x: FAULT; ", door->name, door->address);
    else
        snprintf(text, sizeof(text), "%s 0x%08x is readable (0x%08x); ", door->name,
                 door->address, seen->value);
    wr_text(said, text);
    return ERR_OK;
}

/* The first door once more: what was seen in between belongs to one board. */
static enum err check_same_board(struct chip *chip, const struct look *first)
{
    struct look again;
    TRY(look_at(&chip->swd, chip->mem.ap, doors[0].address, &again));
    return again.refused == first->refused
               ? ERR_OK
               : fail_quiet(ERR_NOT_KNOWN,
                            "%s 0x%08x was %s, and is %s at the end of the same connection: "
                            "was another board put in?",
                            doors[0].name, doors[0].address,
                            first->refused ? "refused" : "readable",
                            again.refused ? "refused" : "readable");
}

static enum err look_at_all(struct chip *chip, struct look seen[static DOORS], struct wr *said)
{
    TRY(connect_afresh(chip, said));
    for (size_t i = 0; i < DOORS; i++)
        TRY(look_at_door(chip, &doors[i], said, &seen[i]));
    return check_same_board(chip, &seen[0]);
}

/* looks: what the last try saw. */
static enum err look_again(struct chip *chip, struct look seen[static DOORS],
                           char looks[static CHIP_DETAIL_MAX])
{
    for (unsigned tries = 1;; tries++) {
        struct wr said = wr_of(looks, LOOKS_MAX);
        enum err e = look_at_all(chip, seen, &said);
        looks[said.len] = '\0';
        if (tries == LOOK_TRIES || !swd_is_unsure(&chip->swd, e))
            return e;
    }
}

static const char *verdict_of(enum chip_debug port)
{
    return port == CHIP_DEBUG_SHUT   ? "shut"
           : port == CHIP_DEBUG_OPEN ? "open"
                                     : "not known, no table describes this";
}

/* The verdict goes first: what follows may be cut short by a reader's limit. */
static void tell(struct chip_debug_result *out, const char *verdict,
                 const struct door_table *table, const char *seen)
{
    snprintf(out->detail, sizeof(out->detail), "%.40s%s%.16s%s: %.310s", verdict,
             table != NULL ? " at " : "", table != NULL ? table->name : "",
             table != NULL && table->model ? " (model)" : "", seen);
}

void chip_debug_look(struct chip *chip, enum chip_level level, struct chip_debug_result *out)
{
    char looks[CHIP_DETAIL_MAX], why[FAIL_WORDS_MAX];
    struct look seen[DOORS] = { 0 };
    const struct door_table *table = NULL;
    *out = (struct chip_debug_result){ .port = CHIP_DEBUG_NOT_KNOWN };
    enum err e = look_again(chip, seen, looks);
    snprintf(why, sizeof(why), "%s", fail_words());
    if (e != ERR_OK) {
        tell(out, "not known", NULL, why[0] != '\0' ? why : err_text(e));
        return;
    }
    out->port =
        doors_judge(door_tables, door_table_count, chip->swd.dpidr, level, seen, &table);
    out->level = table != NULL ? table->level : CHIP_LEVEL_ANY;
    tell(out, verdict_of(out->port), table, looks);
}
