/* SPDX-License-Identifier: MIT */
/* status: the gRPC status of an error, as err_status(), without the texts: SRAM is short. */
#pragma once

#include "common/core/err.h"

enum { STATUS_MAX = 16 }; /* numbers up to here are statuses themselves */

uint8_t status_of(enum err e);
