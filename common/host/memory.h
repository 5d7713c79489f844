/* SPDX-License-Identifier: MIT */
/*
 * memory: whether an allocation failed in code that does not say so.
 *
 * OpenSSL and protobuf-c report a failed allocation as they report malformed input: a
 * certificate that could not be decoded, a message that is none. A peer must not be refused for
 * that: who decides on its bytes clears the mark of this thread before, and asks after a
 * failure (test_memory).
 *
 * The mark is of one thread; memory_watch() is called once, before there are threads.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* OpenSSL's allocations are watched from here on. false: it has allocated already, and they are
 * not. */
bool memory_watch(void);

/* malloc(), watched. NULL: no memory. For an allocator that a library is given. */
void *memory_take(size_t size);

void memory_clear(void);
bool memory_missed(void); /* since memory_clear() */

/* For tests: the watched allocation of this thread after count others fails, once. UINT_MAX:
 * none does. */
void memory_fail_after(unsigned count);
