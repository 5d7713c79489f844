/* SPDX-License-Identifier: MIT */
/*
 * advice: what to try after a failure, by its error, its step and its message.
 *
 * One table for all commands of the agent: it has advice for every error (test_site_advice), an
 * action that the person at the fixture can do, or whom to call. Used by output.c, and by
 * the subcommands for errors that keep them from starting. Any thread.
 */
#pragma once

#include "common/core/err.h"

#define ADVICE_START  "start"       /* of a subcommand, before any board */
#define ADVICE_LOST   "server lost" /* the connection is, and that ended the run */
#define ADVICE_SERVER "server"      /* it refuses this station */

#define ADVICE_LAST                                                                            \
    "call the operator" /* for an error without a row: a peer's, of a later version */

/* Fixed text; "" for ERR_OK. where: a step as it is printed, or one of the above; words: the
 * failure's message. */
const char *advice_of(enum err e, const char *where, const char *words);
