/* SPDX-License-Identifier: MIT */
/* clock_check: the clock at a start, against what was made before. For server/ and its tests.
 */
#pragma once

#include "oem-server/base/base.h"

/* ERR_UNAVAILABLE: the clock is before the log's last entry, by more than it is adjusted; the
 * message has both times. accepted: it is right, and was ahead when that entry was made; then
 * the next entry says so (test_run: a_clock_behind_the_log_is_refused). option: how to accept
 * it, for the message. */
enum err clock_check(struct server *server, bool accepted, const char *option);

/* ERR_PRECONDITION: the WebServer certificate is not valid now, so no client whose clock says
 * the same would connect. The message has its times and the clock's. */
enum err clock_check_web_server(struct server *server);
