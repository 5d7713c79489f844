/* SPDX-License-Identifier: MIT */
/* revoked: tells the CA outside which units' certificates were revoked here. For server/ and
 * tests. */
#pragma once

#include "oem-server/base/base.h"

/* Once a second: lets a worker tell it, if there is such a CA. What could not be told is told
 * later, also by another process: the store knows how far it was. */
void revoked_watch(struct server *server);
