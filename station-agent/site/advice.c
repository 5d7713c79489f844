/* SPDX-License-Identifier: MIT */
/*
 * What to try, for the person at the fixture: called by output.c for the last line of a site,
 * and by the subcommands. A row must name something that person can do, or whom to call for it.
 * The first row that fits counts: those of a step or of a message come before the error's own.
 */
#include "station-agent/site/advice.h"

#include <stddef.h>
#include <string.h>

#include "common/host/own.h"

#define CLOCK                                                                                  \
    "set this PC's date and time right (timedatectl), then start again; if they are right, "   \
    "ask the OEM for a new certificate, and whether the server's clock is right"
#define REGISTER "ask the OEM: an operator registers this station (oemctl station add)"
#define AGAIN    "start again: the run is repeated; if it stays, call the operator"

// clang-format off
static const struct {
    enum err err;
    const char *where, *words; /* a part of each; NULL: any */
    const char *text;
} rows[] = {
    /* The server, before any board or in the middle of one. */
    { ERR_TLS, NULL, "not yet valid", CLOCK },
    { ERR_TLS, NULL, "expired", CLOCK },
    { ERR_TLS, NULL, "clock says", CLOCK },
    { ERR_TLS, NULL, "ostname mismatch", "in --server write the host as the server's certificate has it" },
    { ERR_TLS, NULL, "IP address mismatch", "in --server write the server's name, not its IP address: its certificate holds the name" },
    { ERR_TLS, NULL, "issuer", "give --ca the root that the OEM sent for this server" },
    { ERR_TLS, NULL, "self", "give --ca the root that the OEM sent for this server" },
    { ERR_TLS, NULL, "revoked", "this station's certificate was revoked: ask the OEM; nothing here helps" },
    { ERR_TLS, NULL, NULL, "is --ca the server's root, does --cert, which the OEM gave, belong to --key, and is this PC's clock right (timedatectl)?" },
    { ERR_REVOKED, ADVICE_SERVER, NULL, "this station's certificate was revoked: ask the OEM; nothing here helps" },
    { ERR_REVOKED, ADVICE_START, NULL, "this station's certificate was revoked: ask the OEM; nothing here helps" },
    { ERR_REVOKED, NULL, "station", "this station's certificate was revoked: ask the OEM; nothing here helps" },
    { ERR_REVOKED, NULL, NULL, "a certificate was revoked, the unit's or this station's: an operator decides (oemctl unit show)" },
    { ERR_DENIED, NULL, "revoked", "this station was revoked: ask the OEM; nothing here helps" },
    { ERR_DENIED, ADVICE_SERVER, NULL, REGISTER },
    { ERR_DENIED, ADVICE_START, "permission", "give this user the right to that file or device (for probes: the udev rule in deploy/udev)" },
    { ERR_DENIED, ADVICE_START, NULL, REGISTER },
    { ERR_DENIED, "opening the probe", NULL, "give this user the right to use the probe: install the udev rule in deploy/udev, plug the probe in again" },
    { ERR_DENIED, "Runs.", NULL, "an operator gives this station the right that the message names (oemctl order show, oemctl unit show)" },
    { ERR_DENIED, NULL, NULL, "a right is missing, of this station in the order (oemctl order show) or of this user on the probe" },
    { ERR_UNAUTHENTICATED, NULL, NULL, REGISTER },
    { ERR_CLOSED, ADVICE_LOST, NULL, "check the network and the server, then start again: the run is repeated" },
    { ERR_CLOSED, NULL, "server", "check the network and the server, then start again: the run is repeated" },
    { ERR_CLOSED, NULL, NULL, "check the probe's cable, then start again" },
    { ERR_UNAVAILABLE, ADVICE_START, NULL, "is the address right, is the network up, and does the server run?" },
    { ERR_UNAVAILABLE, NULL, "does not know that it is", "when the server is there: station-agent seal adds the proof" },
    { ERR_UNAVAILABLE, NULL, "server", "check the network and the server, then start again" },
    { ERR_UNAVAILABLE, NULL, "held in reset", "look for a button, a jumper or another tool that holds nRESET low, then start again" },
    { ERR_UNAVAILABLE, NULL, "no answer on SWD", "is a board in the fixture, and does it have power? check the wires, then start again" },
    { ERR_UNAVAILABLE, NULL, "tcp://", "does the probe's server run at that address?" },
    { ERR_UNAVAILABLE, NULL, NULL, "is a board in the fixture, and does it have power? check the wires, then start again" },
    { ERR_PROTO, ADVICE_START, NULL, "is there a Hallmark server of this version at this address?" },
    { ERR_PROTO, ADVICE_SERVER, NULL, "is there a Hallmark server of this version at this address?" },
    { ERR_PROTO, "SWD", NULL, "unplug the probe and plug it in again; close other programs that use it" },
    { ERR_PROTO, "probe", NULL, "unplug the probe and plug it in again; close other programs that use it" },
    { ERR_PROTO, "Runs.", NULL, "server and agent may differ in version: call the operator" },
    { ERR_PROTO, NULL, NULL, "start again; if it stays, unplug the probe and plug it in again, then call the operator" },
    /* What becomes of a board. */
    { ERR_LOCKED, NULL, NULL, "this board is probably finished: check its label, and put in the next one; if oemctl unit show says that it is committed, station-agent seal adds the pending lock proof" },
    { ERR_NOT_KNOWN, "connecting", "S_SDE", "secure debug of this board is off: check its label; if it is new, call the operator" },
    { ERR_NOT_KNOWN, NULL, NULL, "do not ship this board; check probe, wires, power and nRESET, then start again" },
    { ERR_OPEN, NULL, NULL, "do not ship this board; call the operator (oemctl unit show)" },
    { ERR_NOT_LOCKED, NULL, NULL, "an operator decides: oemctl unit accept UID --reason ..., or oemctl unit scrap" },
    { ERR_BOOT, NULL, NULL, "look at the board's supply, clock and firmware, then start again: its arrows are repeated; if it stays, an operator scraps the unit (oemctl unit scrap)" },
    { ERR_SPOILT, NULL, NULL, "this board is scrap: a key slot holds another key than was meant for it" },
    { ERR_NO_SLOT, NULL, NULL, "this board is scrap: no slot for AES_NuLink3 is left on it; an operator scraps the unit (oemctl unit scrap)" },
    { ERR_HELD, NULL, NULL, "an operator holds this unit: oemctl unit show tells why, oemctl unit allow lets it go on" },
    { ERR_MISMATCH, "comparing the board", NULL, "this board is not as a new one is: put it aside for the OEM, and put in the next one" },
    { ERR_MISMATCH, "connecting", NULL, "this is no part that this program prepares: check which board is in the fixture" },
    { ERR_MISMATCH, "Runs.Open", "part", "this is another part than the order is for: check which board is in the fixture, and --order" },
    { ERR_MISMATCH, "Runs.Sealed", NULL, "do not ship this board; is --uid the one on this board's label? if it is, its lock is not whole: an operator decides (oemctl unit show, oemctl unit scrap)" },
    { ERR_MISMATCH, "23", NULL, "give --firmware the order's firmware, or leave it out: it is fetched" },
    { ERR_MISMATCH, NULL, NULL, "start again: the run is repeated; if it stays, put the board aside and call the operator" },
    { ERR_CHIP, "UID", NULL, "this board's chip gives no UID of its own: put it aside" },
    { ERR_CHIP, NULL, NULL, "power-cycle the board and start again; if it stays, put the board aside: its chip reports an error" },
    { ERR_QUOTA, NULL, NULL, "the order has all its boards: take another order (--order), or ask the operator for more" },
    /* Probe and wires. */
    { ERR_FAULT, NULL, "refuses command 0x11", "give --swd-clock a clock that this probe can make, or take another probe" },
    { ERR_FAULT, NULL, "the probe refuses", "update the probe's firmware, or take another probe" },
    { ERR_FAULT, NULL, NULL, "check the board's power and the probe's wires, then start again" },
    { ERR_BUSY, NULL, "in use", "close the program that uses the probe, then start again" },
    { ERR_BUSY, NULL, NULL, "power-cycle the board, then start again" },
    { ERR_IO, "probe", NULL, "unplug the probe and plug it in again, then start again" },
    { ERR_IO, ADVICE_START, NULL, "can that file be read and written here, and has the disk room?" },
    { ERR_IO, NULL, NULL, "unplug the probe and plug it in again, then start again" },
    { ERR_VERIFY, "Closing.", NULL, "start again: the run is repeated; if it stays, put the board aside and call the operator" },
    { ERR_VERIFY, NULL, NULL, "shorten the wires to the board, or give a slower --swd-clock, then start again" },
    { ERR_DEADLINE, NULL, NULL, "start again; if it stays, power-cycle board and probe" },
    { ERR_UNIMPLEMENTED, NULL, "SWD", "take a probe that can do SWD" },
    { ERR_UNIMPLEMENTED, NULL, NULL, "update the probe's firmware, or this program: one of them lacks what the other asks for" },
    /* What was given to the program. */
    { ERR_USAGE, NULL, NULL, "station-agent COMMAND --help lists what may be written" },
    { ERR_CONFIG, NULL, NULL, "correct the file that is named, then start again" },
    { ERR_NOT_FOUND, "Runs.Open", NULL, "is --order written as oemctl order show has it?" },
    { ERR_NOT_FOUND, "Runs.Sealed", NULL, "is --uid typed as on the board's label? (oemctl order show)" },
    { ERR_NOT_FOUND, "probe", NULL, "station-agent probes lists the probes that are plugged in" },
    { ERR_NOT_FOUND, NULL, NULL, "is the name written right, and is it there? (oemctl order show, station-agent probes, ls)" },
    { ERR_EXISTS, NULL, NULL, "it is there already: take another name, or go on with the one that is there" },
    { ERR_PIN, NULL, NULL, "call the operator: the server's PIN is refused" },
    /* The server, in the middle of a run. */
    { ERR_SIG, NULL, NULL, "put the board aside and call the operator: a signature does not verify" },
    { ERR_POINT, NULL, NULL, AGAIN },
    { ERR_ORDER, NULL, NULL, "start again: the run is repeated" },
    { ERR_PENDING, NULL, NULL, "call the operator: this waits for a second operator (oemctl pending list)" },
    { ERR_ABORTED, NULL, NULL, "start again: the run is repeated" },
    { ERR_CANCELLED, NULL, NULL, "start again: the run is repeated" },
    { ERR_PRECONDITION, NULL, NULL, "an operator looks why the server refuses this (oemctl unit show, oemctl order show)" },
    { ERR_EXHAUSTED, NULL, NULL, "wait a moment and start again; if it stays, call the operator" },
    { ERR_LIMIT, NULL, NULL, "call the operator: something is larger than it may be" },
    { ERR_HSM, NULL, NULL, "call the operator: the server's HSM fails; then start again" },
    { ERR_STORE, NULL, NULL, "call the operator: the server's disk fails; then start again" },
    { ERR_DATA_LOSS, NULL, NULL, "put the board aside and call the operator: data were lost" },
    { ERR_UNSEEN, NULL, NULL, "start again: the run is repeated" },
    { ERR_MEMORY, NULL, NULL, "close other programs on this PC, then start again" },
    { ERR_INVALID, NULL, NULL, AGAIN },
    { ERR_RANGE, NULL, NULL, AGAIN },
    { ERR_TRUNC, NULL, NULL, AGAIN },
    { ERR_EXCESS, NULL, NULL, AGAIN },
    { ERR_UNKNOWN, NULL, NULL, AGAIN },
    { ERR_RESERVED_41, NULL, NULL, AGAIN },
    { ERR_INTERNAL, NULL, NULL, "start again with --verbose, and send what it says to the OEM" },
};
// clang-format on

static bool fits(const char *part, const char *text)
{
    return part == NULL || (text != NULL && strstr(text, part) != NULL);
}

const char *advice_of(enum err e, const char *where, const char *words)
{
    for (size_t i = 0; i < COUNT(rows) && e != ERR_OK; i++)
        if (rows[i].err == e && fits(rows[i].where, where) && fits(rows[i].words, words))
            return rows[i].text;
    return e == ERR_OK ? "" : ADVICE_LAST;
}
