/* SPDX-License-Identifier: MIT */
/*
 * retry: may a call that failed with its connection be repeated on another one?
 *
 * A call that the peer has not processed (ERR_UNSEEN: its request was not sent, or its number
 * is above the last stream of a GOAWAY) may be repeated, whatever it does. One that may have
 * been served (ERR_CLOSED) may be repeated only if that is safe: it changes nothing, or carries
 * the idempotency key of the first attempt. No program repeats any other call by itself: an
 * answer is final (test_peer: what_may_be_made_again). Used by common/client;
 * README.md, "Again", has the rule for other clients.
 */
#pragma once

#include <stdbool.h>

#include "common/core/err.h"

/* true if a call that ended with e may be repeated. safe: a second execution does no harm. */
bool again_may(enum err e, bool safe);
