/* SPDX-License-Identifier: MIT */
/* clock: moves the database's clock, for tests of leases and windows. Not for the server. */
#pragma once

#include "oem-server/store/store.h"

/* Added to what store_now_us() gives from the next transaction on. */
void store_clock_offset(struct store *store, int64_t offset_us);
