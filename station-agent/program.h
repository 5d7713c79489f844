/* SPDX-License-Identifier: MIT */
/*
 * program: shared by main.c and the subcommands: exit codes, and messages on stderr.
 *
 * A subcommand is one file, one function: it gets its own arguments (argv[0] is its name in
 * messages) and returns the process's exit code, by sysexits.h. On the main thread.
 */
#pragma once

#include "common/core/err.h"

/* Exit codes beside those of sysexits.h: what becomes of this board. */
enum {
    EXIT_OPEN = 80, /* its debug port is open: do not ship it */
    EXIT_NOT_KNOWN =
        81, /* whether it is shut, or its firmware starts, could not be found out */
    EXIT_NOT_LOCKED = 82, /* shut, but the server has no lock statement: an operator decides */
    EXIT_BOOT = 83,       /* its firmware does not start */
    EXIT_SCRAP = 84,      /* a key slot is spoilt, or none is left */
    EXIT_HELD = 85,       /* an operator holds the unit */
};

int provision_main(int argc, char *argv[]);
int seal_main(int argc, char *argv[]); /* beside provision_main */
int enrol_main(int argc, char *argv[]);
int probes_main(int argc, char *argv[]);

int program_exit_code(enum err e); /* of station-agent(1), EXIT STATUS */
/* Print the message of the latest failure and what to try (advice.h); gives the exit code. For
 * what ends a subcommand before any board: a site tells its own failures. */
int program_fail(enum err e);
