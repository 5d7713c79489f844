/* SPDX-License-Identifier: MIT */
/*
 * clean: text of others, made safe for a terminal.
 *
 * Strings come from a peer that is not trusted: clean_copy() and clean_put() replaces by '?'
 * what could steer a terminal or its reader (C0 and C1 controls, DEL, bidirectional controls,
 * line separators, invisible format characters) and what is not UTF-8 (RFC 3629). Test:
 * test_ctl_output.c, text_is_cleaned.
 */
#pragma once

#include "common/host/own.h"

/* A cleaned copy; the caller frees with free(); NULL: no memory. */
char *clean_copy(const char *text);

/* The same into out, of size bytes at least 1; what does not fit is left out, whole characters
 * at a time. false: out differs from text. Test: test_event.c. */
bool clean_put(char *out, size_t size, const char *text);

/* Is there nothing in text that clean_copy() would replace? */
bool clean_is(const char *text);
