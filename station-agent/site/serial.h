/* SPDX-License-Identifier: MIT */
/*
 * serial: the text that a board's firmware prints on a serial port which the operator named.
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

/* ERR_NOT_FOUND, ERR_DENIED, ERR_IO: by the operating system's error. *serial_out is the
 * caller's. */
enum err serial_open(const char *device, struct serial **serial_out);
void serial_drop(struct serial **serial); /* AUTO(serial_drop) */

/* Waits until this text was printed: 1 to SERIAL_TEXT_MAX bytes. *seen_out: it was, in time. */
enum err serial_await(struct serial *serial, const char *text, unsigned timeout_ms,
                      bool *seen_out);
