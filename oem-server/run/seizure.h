/* SPDX-License-Identifier: MIT */
/* seizure: holds, or scraps, the units of stations that were seized. For run/ and api/ only. */
#pragma once

#include "oem-server/base/base.h"

enum { SEIZURE_PAGE = 200 }; /* units in one change: others' changes come between them */

/* Pages until nothing is left to do, each a change with its entry. On a worker: the sweep calls
 * it each second, so that it goes on after a restart
 * (tests/unit/test_api_seizure.c: a_restart_goes_on). */
enum err seizure_go_on(struct server *server);
