/* SPDX-License-Identifier: MIT */
/*
 * state: what a board is, as JSON for the control socket: `status` at a glance, and `state`
 * with all that survives without power, so that a test can tell a locked board from a complete
 * one.
 *
 * Both only look. No key leaves this way: of an OTP slot its use, its metadata, its revocation.
 */
#pragma once

#include <stddef.h>

struct chip;

void state_status_text(const struct chip *chip, char *out, size_t cap);
void state_text(const struct chip *chip, char *out, size_t cap);
