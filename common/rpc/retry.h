/* SPDX-License-Identifier: MIT */
/*
 * retry: may a call that failed with its connection be made again on another one?
 *
 * A call that the peer cannot have looked at (ERR_UNSEEN: its request was never sent, or its
 * number is above the last stream of a GOAWAY) may, whatever it does. One that may have been
 * served (ERR_CLOSED) may only if it is safe: it changes nothing, or carries the idempotency
 * key of the first attempt. Nothing else is repeated by a program: an answer is an answer.
 * Used by both programs' clients; README.md, "Again", says it for those who write others.
 */
#pragma once

#include <stdbool.h>

#include "common/core/err.h"

bool again_may(enum err e, bool safe);
