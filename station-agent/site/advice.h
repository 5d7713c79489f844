/* SPDX-License-Identifier: MIT */
/*
 * advice: what to try after a failure, by its error, where it happened and what it says.
 *
 * One table for all commands of the agent: there is advice for every error (test_site_advice),
 * something that the person at the fixture can do, or whom to call. Used by output.c, and by
 * the subcommands for what keeps them from starting.
 */
#pragma once

#include "common/core/err.h"

#define ADVICE_START  "start"       /* of a subcommand, before any board */
#define ADVICE_LOST   "server lost" /* the connection is, and that ended the run */
#define ADVICE_SERVER "server"      /* it will not have this station */

#define ADVICE_LAST                                                                            \
    "call the operator" /* for an error without a row: a peer's, of later make */

/* Fixed text, never NULL; "" for ERR_OK. where: a step as it is told, or one of the above. */
const char *advice_of(enum err e, const char *where, const char *words);
