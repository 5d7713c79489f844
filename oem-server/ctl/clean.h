/* SPDX-License-Identifier: MIT */
/*
 * clean: the words of others, made safe for a terminal.
 *
 * Strings come from the server, whom oemctl does not trust: clean_copy() replaces what could
 * steer a terminal (C0 and C1 controls, DEL) or is not UTF-8 (RFC 3629) by '?'.
 */
#pragma once

#include "common/host/own.h"

/* A cleaned copy; the caller frees with free(); NULL: no memory. */
char *clean_copy(const char *text);
