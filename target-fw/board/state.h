/* SPDX-License-Identifier: MIT */
/*
 * state: a board's state as JSON for the control socket: `status` in short, and `state` with
 * all that survives without power, so that a test can tell a locked board from a complete one.
 *
 * Both only read. No key is written: of an OTP slot its use, its metadata and its revocation.
 * Used by ctl_cmd, on the board's thread.
 */
#pragma once

#include <stddef.h>

struct chip;

/* out must hold BOARD_ANSWER_MAX bytes; what is longer than cap is cut. */
void state_status_text(const struct chip *chip, char *out, size_t cap);
void state_text(const struct chip *chip, char *out, size_t cap);
