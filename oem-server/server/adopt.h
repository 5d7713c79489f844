/* SPDX-License-Identifier: MIT */
/*
 * adopt: takes over a store that is not what its log's anchor says was published: a restored
 * backup, for an operator who means it. For oemctl store adopt, while the server is stopped.
 *
 * One change enters what is missing (kind "adopt", with the anchor's checkpoint), ends all
 * runs, and counts the places that are left in open orders as unknown; then the anchor gets a
 * checkpoint of this log. An interruption leaves the store refused, as it was, or adopted: then
 * the next start, or the same command, writes the anchor (tests/e2e/restore). One thread.
 */
#pragma once

#include "common/host/own.h"

struct adopt_report {
    bool adopted;               /* false: nothing is missing, and nothing was changed */
    bool known;                 /* the anchor told its size: missing is set */
    uint64_t size, anchor_size; /* entries of the store, and of the anchor */
    uint64_t missing;           /* entries that were published: at least so many */
    uint64_t entry;             /* the index of the entry */
    uint64_t last_us;           /* when the last entry was made that the store has */
    uint32_t orders;            /* that places are unknown of, and how many */
    uint64_t places;
    char found[240]; /* in words */
};

/* operator_name: a registered operator, not revoked, unless none is registered. ERR_BUSY: the
 * server runs; ERR_DENIED: no such operator; ERR_DATA_LOSS: the store is damaged, which an
 * adoption does not mend; ERR_INVALID: no reason. */
enum err adopt_store(const char *config_path, const char *operator_name, const char *reason,
                     struct adopt_report *report_out);
