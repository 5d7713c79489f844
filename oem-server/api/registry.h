/* SPDX-License-Identifier: MIT */
/* registry: the handler of service Registry that stands in a file of its own. For api/ only. */
#pragma once

#include "hallmark/v1/operator.pb-c.h"
#include "oem-server/call/call.h"

enum err registry_seize(struct rpc_call *rpc, const Hallmark__V1__SeizeStationRequest *in,
                        Hallmark__V1__SeizeStationResponse *out);
