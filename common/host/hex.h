/* SPDX-License-Identifier: MIT */
/* hex: bytes as lower-case hexadecimal text and back. For public values. */
#pragma once

#include "common/host/own.h"

/* text gets 2 * bytes.len characters and a NUL; returns text, for use in a call. No state; any
 * thread. */
char *hex_of(struct span bytes, char *text);
enum err hex_read(const char *text, uint8_t *out,
                  size_t len); /* exactly len bytes, else ERR_INVALID */
