/* SPDX-License-Identifier: MIT */
/* The list of what the station serves; site/ dispatches by it. */
#include "station-agent/api/api.h"

ProtobufCService *const api_services[] = { &station_service.base, &host_service.base,
                                           &board_service.base, &run_control_service.base,
                                           NULL };
