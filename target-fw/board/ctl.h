/* SPDX-License-Identifier: MIT */
/*
 * ctl: the control socket, and the process's wait for its end.
 *
 * A UNIX stream socket, mode 0600: one command a line in, one line of JSON out. For tests and
 * the bench only: a process that may open it controls the boards. Commands: a row each in
 * ctl_cmd.c. All on the main thread.
 */
#pragma once

#include <signal.h>

#include "common/core/err.h"
#include "target-fw/board/board.h"

enum { CTL_CLIENTS = 16, CTL_LINE_MAX = 8192, CTL_ARGS_MAX = 8 };

struct ctl;

/*
 * path NULL: no socket, ctl_serve() only waits for the signals. boards are borrowed until
 * ctl_drop(), which also removes the socket. *out is the caller's.
 */
enum err ctl_open(const char *path, struct board *boards, unsigned count, struct ctl **out);
void ctl_drop(struct ctl **ctl);
enum err ctl_serve(struct ctl *ctl, const sigset_t *until); /* returns on one of the signals */

/* One command line (changed in place) to its answer. Used by ctl and its test. */
void ctl_command(struct board *boards, unsigned count, char *line, char *answer, size_t cap);
