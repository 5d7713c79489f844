/* SPDX-License-Identifier: MIT */
/*
 * serial: what a board's firmware says on a serial port that the operator named.
 *
 * A tty is set to 115200 baud, 8 data bits, no parity, and made raw; a FIFO or a file that
 * something else appends to (virtual-board's board-NN.uart) is taken as it is. Only what comes
 * after serial_open() counts. Owned and used by one site's thread. Failures have a message.
 */
#pragma once

#include <stdbool.h>

#include "common/core/err.h"

enum { SERIAL_TEXT_MAX = 80 };

struct serial;

/* ERR_NOT_FOUND, ERR_DENIED, ERR_IO: by what the operating system says of the device. */
enum err serial_open(const char *device, struct serial **serial_out);
void serial_drop(struct serial **serial); /* AUTO(serial_drop) */

/* Wait until this text was said: 1 to SERIAL_TEXT_MAX bytes. *seen_out: it was, in time. */
enum err serial_await(struct serial *serial, const char *text, unsigned timeout_ms,
                      bool *seen_out);
