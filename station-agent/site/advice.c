/* SPDX-License-Identifier: MIT */
/*
 * One row an error, for the person at the fixture: called by tell.c for the last line of a
 * site. A row must name something that person can do, or whom to call for it.
 */
#include "station-agent/site/advice.h"

#include <stddef.h>

#include "common/host/own.h"

static const struct {
    enum err err;
    const char *text;
} rows[] = {
    { ERR_LOCKED, "put in the next board; if oemctl unit show says that this one is committed, "
                  "station-agent "
                  "seal adds the proof that is missing" },
    { ERR_NOT_KNOWN, "do not ship this board; check probe, wires, power and nRESET, then start "
                     "again" },
    { ERR_OPEN, "do not ship this board; call the operator (oemctl unit show)" },
    { ERR_NOT_LOCKED,
      "an operator decides: oemctl unit accept UID --reason ..., or oemctl unit "
      "scrap" },
    { ERR_BOOT, "look at the board's supply, clock and firmware, then start again: its arrows "
                "are repeated; if it stays, an operator scraps the unit (oemctl unit scrap)" },
    { ERR_SPOILT, "this board is scrap: a key slot holds another key than was meant for it" },
    { ERR_NO_SLOT, "this board is scrap: no slot for AES_NuLink3 is left on it; an operator "
                   "scraps the unit (oemctl unit scrap)" },
    { ERR_HELD,
      "an operator holds this unit: oemctl unit show tells why, oemctl unit allow lets "
      "it go on" },
    { ERR_REVOKED,
      "the unit's certificate was revoked: an operator decides (oemctl unit show)" },
    { ERR_FAULT, "check the board's power and the probe's wires, then start again" },
    { ERR_CLOSED, "check the probe's cable, then start again" },
    { ERR_IO, "unplug the probe and plug it in again, then start again" },
    { ERR_DEADLINE, "start again; if it stays, power-cycle board and probe" },
    { ERR_VERIFY, "shorten the wires to the board, then start again" },
    { ERR_ORDER, "start again: the run is repeated" },
    { ERR_DENIED,
      "a right is missing: of this station in the order, or of this user on the probe" },
};

const char *advice_of(enum err e)
{
    for (size_t i = 0; i < COUNT(rows); i++)
        if (rows[i].err == e)
            return rows[i].text;
    return NULL;
}
