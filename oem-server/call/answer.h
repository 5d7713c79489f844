/* SPDX-License-Identifier: MIT */
/* answer: the RESPONSE of a served call. For call/ only. */
#pragma once

#include "oem-server/call/call.h"

/*
 * Status, words and payload; trailers log-index (decimal: the call's entry in the event log, if
 * it has one) and details-bin (an ErrorDetails, if there is something to tell). Borrows from
 * the call.
 */
void answer_of(struct call *call, Hallmark__V1__FrameResponse *response);
