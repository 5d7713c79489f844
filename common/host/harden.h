/* SPDX-License-Identifier: MIT */
/*
 * harden: keeps what is in a process's memory out of core files and away from other processes
 * of the same user; gives it /dev/null for standard streams that it was started without, so
 * that a line of its log goes into no file or connection that it opens; and makes the limit of
 * a file's size an error of the write, as a full disk is. Called first by each main() that
 * reads a key.
 */
#pragma once

#include <stdbool.h>

/* A limit of 0 is not enough: a kernel that pipes core dumps to a program does not look at it.
 * A process that cannot be dumped is not dumped there either, nor read through /proc or ptrace
 * (tests/e2e/core). false: the system refused one of them. */
bool harden_process(void);
