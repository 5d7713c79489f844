/* SPDX-License-Identifier: MIT */
/*
 * ctl: oemctl, the command line of operators and auditors.
 *
 * A file per subcommand, listed in commands.c. All commands but init are RPCs over mutual TLS
 * (remote.h); init needs the tokens and calls the same services in memory. Output for people
 * and output for scripts (--json) are two renderings of one value (report.h). Exit codes are
 * those of sysexits(3), see exit.h. Used by main.c and the tests.
 */
#pragma once

/* The whole program but main: its exit code. */
int ctl_main(int argc, char **argv);
