/* SPDX-License-Identifier: MIT */
/* log_state: compares the store's content with the event log: Log.GetState, and the check at
 * the server's start. For api/ and server/ only. */
#pragma once

#include "oem-server/api/services.h"

/* The handler of Log.GetState, on the call's strand. */
enum err log_get_state(struct rpc_call *rpc, const Hallmark__V1__GetStateRequest *in,
                       Hallmark__V1__GetStateResponse *out);
