/* SPDX-License-Identifier: MIT */
/* anchor_refuse: for parts.c. */
#pragma once

#include "oem-server/config/config.h"
#include "oem-server/tlog/tlog.h"

/* ERR_VERIFY, with what was found, unless the server may run with that. The line before says
 * with which command an operator who means it adopts the store. */
enum err anchor_refuse(const struct config *config, const struct tlog_anchor_found *found);
