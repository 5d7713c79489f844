/* SPDX-License-Identifier: MIT */
/* hooks: what tests read and change of a store. Not for the server. Any thread. */
#pragma once

#include "oem-server/store/store.h"

/* Added to what store_now_us() gives from the next transaction on. */
void store_clock_offset(struct store *store, int64_t offset_us);

/* From now on each change fails as if its commit did, until it is told false. */
void store_fail(struct store *store, bool fails);

/* How many changes are queued: none of them has been taken by the writer. */
size_t store_waiting(struct store *store);
