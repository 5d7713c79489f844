/* SPDX-License-Identifier: MIT */
/* log_state: Log.GetState, the store's content beside the event log. For log.c only. */
#pragma once

#include "oem-server/api/services.h"

enum err log_get_state(struct rpc_call *rpc, const Hallmark__V1__GetStateRequest *in,
                       Hallmark__V1__GetStateResponse *out);
