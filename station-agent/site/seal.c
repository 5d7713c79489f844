/* SPDX-License-Identifier: MIT */
/*
 * The proof alone, for a unit whose board is shut and whose run ended before Runs.Sealed.
 * Called by engine.c if the operator named the unit. It must not reset a board that is open,
 * which may not be complete, and must not accept a unit: only an operator does.
 */
#include <stdio.h>
#include <string.h>

#include "common/host/log.h"
#include "station-agent/site/engine.h"

static enum err must_be_shut(struct site *site)
{
    struct chip_debug_result result;
    site_now(site, "looking whether the debug port is shut");
    chip_debug_look(site->chip, CHIP_LEVEL_ANY, &result);
    if (result.port == CHIP_DEBUG_SHUT)
        return ERR_OK;
    if (result.port == CHIP_DEBUG_OPEN)
        site->advice =
            "do not ship this board; run station-agent provision, which completes it";
    return shut_refuse(site, &result, "open, the board was not reset");
}

/* Shut, but the board has not stated its level. */
static void advise_accept(struct site *site)
{
    char uid[2 * UID_SIZE + 1];
    for (size_t i = 0; i < UID_SIZE; i++)
        snprintf(uid + 2 * i, 3, "%02x", site->unit.uid[i]);
    snprintf(site->advice_text, sizeof(site->advice_text),
             "an operator decides: oemctl unit accept %s --reason ..., or oemctl unit scrap",
             uid);
    site->advice = site->advice_text;
}

enum err seal_board(struct site *site)
{
    site_now(site, "opening the probe");
    TRY(probe_open(site->probe_uri, site->probe_timeout_ms, &site->probe));
    site_now(site, "connecting over SWD");
    TRY(chip_open_shut(site->probe, site->swd_clock_hz, &site->chip));
    memcpy(site->unit.uid, site->named_uid, UID_SIZE);
    site_now(site, "reaching the server");
    TRY(site_note_loss(site, channel_open(site->server, &site->channel)));
    TRY(must_be_shut(site));
    enum err e = shut_board(site, CHIP_LEVEL_ANY);
    if (e == ERR_NOT_LOCKED)
        advise_accept(site);
    return e;
}
