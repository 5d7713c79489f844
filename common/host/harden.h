/* SPDX-License-Identifier: MIT */
/*
 * harden: keeps what is in a process's memory out of core files and away from other processes
 * of the same user. Called first by each main() that reads a key.
 */
#pragma once

#include <stdbool.h>

/* A limit of 0 is not enough: a kernel that pipes core dumps to a program does not look at it.
 * A process that cannot be dumped is not dumped there either, nor read through /proc or ptrace
 * (tests/e2e/core). false: the system refused one of them. */
bool harden_process(void);
