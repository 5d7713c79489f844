/* SPDX-License-Identifier: MIT */
/*
 * advise: adds what the operator can do after a refusal by the server.
 *
 * Called directly after a call, so that the error is the call's and not that of a missing file.
 * A message that already names an oemctl command is left alone (test_ctl_output:
 * refusals_advise).
 */
#pragma once

#include "common/core/err.h"

enum advise_about {
    ADVISE_UNIT,
    ADVISE_ORDER,
    ADVISE_RUN,
    ADVISE_PRINCIPAL,
    ADVISE_IMAGE,
    ADVISE_LOG
};

/* Returns e. If there is advice for it, adds it to the failure's message. */
enum err advise(enum err e, enum advise_about about);
