/* SPDX-License-Identifier: MIT */
/*
 * names: what a register is called in Nuvoton's M2354 headers, for log lines.
 *
 * A log line about an access ends in the register's name in brackets. Used by
 * chip.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum { NAMES_MAX = 40 };

struct chip;

/* "SYS_IPRST0", "KS_KEY3"; "UART0+0x038" where the register has no name here, "0x20000000"
 * where there is no block. Returns words. */
const char *names_of(const struct chip *chip, uint32_t address, char words[static NAMES_MAX]);
