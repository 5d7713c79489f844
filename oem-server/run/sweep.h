/* SPDX-License-Identifier: MIT */
/* sweep: runs and units whose time is over. For server/. */
#pragma once

#include "oem-server/base/base.h"

/* Before serving: the runs that the last process of this server left end, each with an entry;
 * then the entry "start". */
enum err sweep_start(struct server *server);

/* Every second or so: on a worker, ends runs whose lease is over (in the store, and here),
 * writes entries that have waited for SERVER_FLUSH_MS, and enters an alarm for units that are
 * committed for too long without a lock statement (once a unit and hour). Never waits. */
void sweep_watch(struct server *server);
