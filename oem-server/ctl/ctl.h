/* SPDX-License-Identifier: MIT */
/*
 * ctl: oemctl, the command line of operators and auditors.
 *
 * A file per subcommand, listed in commands.c. Everything but init is an RPC over mutual TLS
 * (remote.h); init needs the tokens and speaks to the same services in memory. What a person
 * reads and what a script reads (--json) are two renderings of one value (report.h).
 * Exit codes are those of sysexits(3), see exit.h. Used by main.c and the tests.
 */
#pragma once

/* The whole program but main: its exit code. */
int ctl_main(int argc, char **argv);
