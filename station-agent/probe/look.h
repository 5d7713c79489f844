/* SPDX-License-Identifier: MIT */
/*
 * look: one word of memory, looked at to prove whether the debug port refuses it.
 *
 * Unlike mem.h it does nothing again and never connects: what it tells belongs to the
 * connection that stands. A refusal counts only if the access port took a random word and the
 * address (TAR reads back both), the read ended in FAULT, CTRL/STAT shows STICKYERR, ABORT
 * clears that, and the same read is refused once more. Probes that lie: test_chip_debug,
 * test_probe_liars. Used by chip/.
 */
#pragma once

#include "station-agent/probe/mem.h"

struct look {
    bool refused;
    uint32_t value; /* as read, if it was not refused */
};

/* ERR_OK: *out tells. ERR_NOT_KNOWN: the answers contradict each other. Any other error is the
 * probe's or the wire's (swd_is_unsure() tells which may be tried again after swd_connect()).
 * Quiet: fail_words() tells what was seen. */
enum err look_at(struct swd *swd, uint8_t ap, uint32_t address, struct look *out);
