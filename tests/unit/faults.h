/* SPDX-License-Identifier: MIT */
/*
 * faults: allocations and system calls of our code that fail where a test says so.
 *
 * A test that is built with fault_test() (deploy/cmake/house.cmake) has its own malloc(),
 * write() and so on, by the linker's --wrap: calls from our code and from the test's pass them,
 * those inside shared libraries do not. faults_begin() arms one kind in this thread or in all;
 * the nth call of it after that fails, once. faults_end() disarms, and says whether it was
 * reached: so a loop over n from 1 until it was not has tried all of them.
 */
#pragma once

#include <stdbool.h>

enum fault_kind {
    FAULT_MEMORY, /* malloc, calloc, realloc, strdup, strndup, asprintf, vasprintf: NULL */
    FAULT_CALL,   /* open, mkostemp, read, write, fsync, rename, link, fchmod, send, recv, poll,
                     socket, connect: -1, with the errno that the test gives */
    FAULT_SHORT,  /* read, write, send, recv: one byte is moved */
};

void faults_begin(enum fault_kind kind, unsigned nth, int error, bool all_threads);
bool faults_end(void);

/* The name of the call that failed last, for a message. */
const char *faults_last(void);
