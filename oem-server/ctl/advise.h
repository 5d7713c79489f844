/* SPDX-License-Identifier: MIT */
/*
 * advise: what a person can do after a refusal by the server.
 *
 * Called right after a call, so that the error is the call's and no missing file's. A message
 * that names an oemctl command already is left alone.
 */
#pragma once

#include "common/core/err.h"

enum advise_about {
    ADVISE_UNIT,
    ADVISE_ORDER,
    ADVISE_RUN,
    ADVISE_PRINCIPAL,
    ADVISE_IMAGE,
    ADVISE_APPROVAL,
    ADVISE_LOG
};

/* Yields e. If there is something to do about it, adds it to the failure's message. */
enum err advise(enum err e, enum advise_about about);
