/* SPDX-License-Identifier: MIT */
/*
 * pack: lays queued transfers out in packets: the part of the queue that needs no probe. Used
 * by queue.c.
 */
#pragma once

#include "station-agent/probe/swd.h"

/* The next packet's commands from cursor on; moves cursor. At least one transfer fits. */
void pack_plan(const struct swd *swd, struct swd_cursor *cursor, struct swd_packet *packet_out);

/* Appends the packet's commands to w. */
void pack_encode(const struct swd *swd, const struct swd_packet *packet, struct wr *w);

/* Takes a packet's reply apart and stores the values that were read. Errors and response_out as
 * dap_transfer_reply(). */
enum err pack_decode(const struct swd *swd, const struct swd_packet *packet, struct span reply,
                     uint8_t *response_out);

enum dap_command pack_command(const struct swd_packet *packet); /* that its reply answers */
