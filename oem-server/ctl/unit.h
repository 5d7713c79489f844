/* SPDX-License-Identifier: MIT */
/*
 * unit: the evidence of one unit: what the server has stored of it, checked without the server.
 *
 * The board's receipt, commit statement and lock statement are signed with AUTHKEY, which the
 * device certificate names; the receipt holds the digests of everything else, the commit
 * statement that of the receipt, the lock statement that of the commit statement. Used by unit
 * show.
 */
#pragma once

#include "common/rpc/rpc.h"
#include "hallmark/v1/operator.pb-c.h"
#include "oem-server/ctl/report.h"

/* Adds an object "checks": for each a name and holds, absent or FAILS. A part that the unit
 * does not have yet is absent; a missing part that the unit's state requires FAILS
 * (test_ctl_unit: contradictions_are_found). ERR_DATA_LOSS names the checks that failed.
 * unit->unit is set. trust: ca is the root, cert a file that holds the issuing certificate too.
 */
enum err unit_check(struct report *report, const Hallmark__V1__ShowUnitResponse *unit,
                    const struct settings *trust);

/* Writes each existing part to folder, and adds an object "files" with their meaning. */
enum err unit_write(struct report *report, const Hallmark__V1__ShowUnitResponse *unit,
                    const char *folder);

/* The statements' fields. */
void unit_receipt(struct report *report, const Hallmark__V1__Receipt *receipt);
void unit_commit(struct report *report, const Hallmark__V1__CommitStatement *commit);
void unit_lock(struct report *report, const Hallmark__V1__LockStatement *lock);
