/* SPDX-License-Identifier: MIT */
/* sweep: expired runs, alarms of units, and expired answers. For the server's own folders only.
 */
#pragma once

#include "oem-server/base/base.h"

/* Called before serving: ends the runs that the last process of this server left, each with an
 * entry; then writes the entry "start" (test_run: restart_ends_runs). */
enum err sweep_start(struct server *server);

/* Inside a change: counts what is left of open orders as unknown after all runs were ended,
 * each with an entry (order_adopt()). */
enum err sweep_adopt(struct server *server, struct store_tx *tx,
                     struct order_adopted *adopted_out);

/* Called about once a second; does not wait. Lets a worker end runs whose lease has expired (in
 * the store and in memory), write entries that have waited for SERVER_FLUSH_MS, enter an alarm
 * for each unit that is committed for too long without a lock statement, once an hour, and
 * remove SERVER_ANSWERS_STEP of the stored answers that have expired (test_run:
 * unlocked_unit_is_an_alarm, silent_run_ends, answers_expire_in_steps). */
void sweep_watch(struct server *server);
