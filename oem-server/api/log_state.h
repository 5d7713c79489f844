/* SPDX-License-Identifier: MIT */
/* log_state: compares the store's content with the event log: Log.GetState, and the check at
 * the server's start. For api/ and server/ only. */
#pragma once

#include "oem-server/api/services.h"

/* The handler of Log.GetState, on the call's strand. */
enum err log_get_state(struct rpc_call *rpc, const Hallmark__V1__GetStateRequest *in,
                       Hallmark__V1__GetStateResponse *out);

/* Compares the changes of the newest entries (TLOG_NEWEST at most) with the rows that they
 * name; of a log that has no more, with all rows. ERR_DATA_LOSS: a row was edited, added or
 * removed; the message names row and field (test_api_operator: edited_store_is_found). */
enum err log_state_check(struct server *server);
