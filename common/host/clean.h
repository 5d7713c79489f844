/* SPDX-License-Identifier: MIT */
/*
 * clean: makes text from a peer safe for a terminal and for the event log.
 *
 * The peer is not trusted: clean_copy() and clean_put() replace by '?' what could control a
 * terminal or mislead its reader (C0 and C1 controls, DEL, bidirectional controls, line
 * separators, invisible format characters) and what is not UTF-8 (RFC 3629). Test:
 * test_ctl_output (text_is_cleaned). No state; any thread.
 */
#pragma once

#include "common/host/own.h"

/* A cleaned copy; the caller frees with free(); NULL: no memory. */
char *clean_copy(const char *text);

/* The same into out, of size bytes at least 1; what does not fit is left out, whole characters
 * at a time. false: out differs from text (test_event). */
bool clean_put(char *out, size_t size, const char *text);

/* true if text has nothing that clean_copy() would replace. */
bool clean_is(const char *text);
