/* SPDX-License-Identifier: MIT */
/*
 * approve: performs a request that gate.h has entered, when another operator approves it: the
 * same handler runs over the stored bytes, as the requester's call inside the approver's. One
 * change asks for both operators, records the approval, does the act, and appends an entry for
 * each (tests/unit/test_call_approvals.c). For api/ only, on the approving call's strand.
 */
#pragma once

#include "oem-server/call/perform.h"

/* Runs the request's handler: its slow part now, its change in that of outer. */
enum err approve_request(struct approving *approving);
