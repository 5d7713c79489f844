/* SPDX-License-Identifier: MIT */
/*
 * program: what main.c and the subcommands share: argp's ways, exit codes, words on stderr.
 *
 * A subcommand is one file, one function: it gets its own arguments (argv[0] is what messages
 * call it) and gives the process's exit code, by sysexits.h.
 */
#pragma once

#include "common/core/err.h"

int provision_main(int argc, char *argv[]);
int seal_main(int argc, char *argv[]); /* beside provision_main */
int enrol_main(int argc, char *argv[]);
int probes_main(int argc, char *argv[]);

int program_exit_code(enum err e);
int program_fail(enum err e); /* says fail_words() on stderr; gives the exit code */
