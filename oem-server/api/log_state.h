/* SPDX-License-Identifier: MIT */
/* log_state: the store's content beside the event log: Log.GetState, and the comparison at the
 * server's start. For svc/ only. */
#pragma once

#include "oem-server/api/services.h"

enum err log_get_state(struct rpc_call *rpc, const Hallmark__V1__GetStateRequest *in,
                       Hallmark__V1__GetStateResponse *out);

/* The changes of the newest entries (STATE_ENTRIES at most) against the rows that they name; of
 * a log that has no more, against all rows.
 * ERR_DATA_LOSS: a row was edited, added or lost; the message names row and field. */
enum { STATE_ENTRIES = 10000 };
enum err log_state_check(struct server *server);
