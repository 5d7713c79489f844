/* SPDX-License-Identifier: MIT */
/*
 * on_end: the operator's program at the end of each board: it prints a label, for example.
 *
 * The UID of a shut board is not readable, so the program gets it here. It is started without a
 * shell (test_site_on_end, no_shell_reads_it), without arguments, in a process group of its
 * own, with its output to standard error; if it does not end in time it is killed with its
 * group. Called by engine.c on the site's thread.
 */
#pragma once

#include "common/core/err.h"
#include "common/host/own.h"

enum { ON_END_MS = 60000 };

struct on_end {
    const char *program; /* a path, or a name looked for in PATH */
    unsigned timeout_ms;
    const char *uid;     /* hex digits; "" if it was not read */
    struct span subject; /* DER Name of the certificate, for its serial number; may be empty */
    bool certified; /* it has a certificate, whose subject is not at hand: the serial number in
                     * there is the UID (DevAuth signs a request with no other) */
    const char *order, *position; /* "" for no order; the probe, as the lines name it */
    enum err result;              /* of the board */
};

/* ERR_OK only if it is known to have ended with 0 (test_site_on_end). Else ERR_ABORTED,
 * quietly: the message says how it ended, or that this is not known. */
enum err on_end_run(const struct on_end *on_end);
