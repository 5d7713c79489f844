/* SPDX-License-Identifier: MIT */
/* answer: the RESPONSE of a served call. For call/ only. */
#pragma once

#include "oem-server/call/call.h"

/*
 * Fills status, message and payload, and the trailers log-index (decimal: the call's entry in
 * the event log, if it has one) and details-bin (an ErrorDetails, if there are details). The
 * response borrows from the call. On the call's strand.
 */
void answer_of(struct call *call, Hallmark__V1__FrameResponse *response);
