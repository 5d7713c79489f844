/* SPDX-License-Identifier: MIT */
/*
 * wire: one TCP connection to virtual-board's probe, for the stand-ins of USB libraries.
 *
 * Frames each CMSIS-DAP packet as OpenOCD's "cmsis-dap backend tcp" does (see
 * target-fw/board/link.h). Knows nothing of commands. The stand-ins are loaded into programs
 * that others built, so this shares no code with the project's own. One connection a process:
 * the environment's HALLMARK_STANDIN_PROBE=127.0.0.1:PORT says where.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum { WIRE_PACKET_MAX = 1024 };

int wire_open(void); /* descriptor, or -1 */
int wire_send(int fd, const uint8_t *packet, size_t len);

/* The next answer: its length; 0: none within timeout_ms (-1: for ever); -1: connection lost.
 * An answer longer than cap loses its end, as a USB transfer would. */
int wire_receive(int fd, uint8_t *packet, size_t cap, int timeout_ms);
