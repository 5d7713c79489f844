/* SPDX-License-Identifier: MIT */
/* anchor_refuse: for parts.c. */
#pragma once

#include "oem-server/config/config.h"
#include "oem-server/tlog/tlog.h"

/* ERR_VERIFY unless the server may run with what was found; the message says what it is, and
 * with which command an operator who means it adopts the store. */
enum err anchor_refuse(const struct config *config, const struct tlog_anchor_found *found);
