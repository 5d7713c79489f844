/* SPDX-License-Identifier: MIT */
/* log_check: the store against its log, at the server's start. For server/ and its tests. */
#pragma once

#include "oem-server/base/base.h"

/* The changes of the newest entries (STATE_ENTRIES at most) against the rows that they name.
 * ERR_DATA_LOSS: a row was edited, added or lost; the message names row and field. */
enum { STATE_ENTRIES = 10000 };
enum err log_check_state(struct server *server);
