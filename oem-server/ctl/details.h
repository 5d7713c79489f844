/* SPDX-License-Identifier: MIT */
/* details: what a failed call tells programs (ErrorDetails of error.proto). For remote.c. */
#pragma once

#include "hallmark/v1/frame.pb-c.h"
#include "oem-server/ctl/command.h"

/* The request that the call became; number 0: the answer names none. */
struct ctl_pending details_pending(const Hallmark__V1__FrameResponse *response);
