/* SPDX-License-Identifier: MIT */
/* pack: lay queued transfers out in packets. The part of swd.c that needs no probe. */
#pragma once

#include "station-agent/probe/swd.h"

/* The next packet's commands from cursor on; moves cursor. At least one transfer fits. */
void pack_plan(const struct swd *swd, struct swd_cursor *cursor, struct swd_packet *packet_out);

void pack_encode(const struct swd *swd, const struct swd_packet *packet, struct wr *w);

/* Take a packet's reply apart and store what was read. response_out as dap_transfer_reply. */
enum err pack_decode(const struct swd *swd, const struct swd_packet *packet, struct span reply,
                     uint8_t *response_out);

enum dap_command pack_command(const struct swd_packet *packet); /* that its reply answers */
