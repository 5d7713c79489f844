/* SPDX-License-Identifier: MIT */
/*
 * unit: the evidence of one unit: what the server has kept of it, checked without the server.
 *
 * The board's receipt is signed with AUTHKEY, which the device certificate names; it holds the
 * digests of everything else. Used by unit show.
 */
#pragma once

#include "common/rpc/rpc.h"
#include "hallmark/v1/operator.pb-c.h"
#include "oem-server/ctl/report.h"

/* Adds an object "checks" of words; false if a check failed. What is not there yet is absent;
 * of a finished or sealed unit that fails, and so does a state that is none.
 * trust: ca is the root, cert a file that holds the issuing certificate too. */
bool unit_check(struct report *report, const Hallmark__V1__ShowUnitResponse *unit,
                const struct settings *trust);

/* Writes each piece that is there to folder, and adds an object "files" of their meaning. */
enum err unit_write(struct report *report, const Hallmark__V1__ShowUnitResponse *unit,
                    const char *folder);

/* The receipt's fields. */
void unit_receipt(struct report *report, const Hallmark__V1__Receipt *receipt);
