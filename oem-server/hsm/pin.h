/* SPDX-License-Identifier: MIT */
/*
 * pin: the user PIN of a token, from its file, for one C_Login and no longer.
 *
 * The file's first line is the PIN. It must be a plain file of this user's or root's that
 * others cannot read; a group may only if it is root's (systemd credentials with an ACL show as
 * 0440 root:root). The PIN is not logged; pin_drop() wipes it (test_hsm_pin).
 */
#pragma once

#include <stddef.h>

#include "common/core/err.h"

enum { PIN_MAX = 255 };

struct pin {
    unsigned char text[PIN_MAX + 2];
    size_t len;
};

/* ERR_CONFIG: the file's type, owner, mode or first line is wrong; ERR_IO. The message names
 * the file and what to change. */
enum err pin_read(const char *path, struct pin *pin_out);
void pin_drop(struct pin *pin); /* wipes */
