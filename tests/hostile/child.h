/* SPDX-License-Identifier: MIT */
/* child: a program that a row starts, and what it says. */
#pragma once

#include <stdio.h>
#include <sys/types.h>

struct child {
    pid_t pid;
    FILE *out; /* its standard output */
};

/* argv ends with NULL. Its standard error is added to that file; NULL: it is ours. Fails the
 * test if it cannot be started. */
void child_start(struct child *child, const char *const *argv, const char *errors);
int child_end(struct child *child); /* when it has ended: its exit code, or -1 */
