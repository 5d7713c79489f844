/* SPDX-License-Identifier: MIT */
/* log_check: the store against its log, at the server's start. For server/ and its tests. */
#pragma once

#include "oem-server/base/base.h"

/* Compares the changes of the newest entries (TLOG_NEWEST at most) with the rows that they
 * name; of a log that has no more, with all rows. ERR_DATA_LOSS: a row was edited, added or
 * removed; the message names row and field (test_api_operator: edited_store_is_found). Then the
 * database's schema (store_schema_check()). */
enum err log_check_state(struct server *server);
