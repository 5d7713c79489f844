/* SPDX-License-Identifier: MIT */
/*
 * link: a board's TCP listener: OpenOCD's framing of CMSIS-DAP, one client at a time.
 *
 * Frame: "DAP\0", length u16 LE, type u8 (1 request, 2 response), 0; then one command. Requests
 * may be pipelined; they are answered in order, as soon as they have run, but for two:
 * TransferAbort ends what runs as soon as it is received, and queued commands (7E) wait for a
 * packet that is not queued (`test_board_link`). A client that violates the framing, or does
 * not read its answers, is disconnected. Source: OpenOCD src/jtag/drivers/cmsis_dap_tcp.c. Used
 * by board, on the board's thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/core/err.h"
#include "target-fw/board/dap.h"
#include "target-fw/board/hold.h"

enum { LINK_HEAD = 8, LINK_IN_MAX = 16 * (LINK_HEAD + DAP_PACKET_MAX) };

struct link {
    unsigned number; /* of the board, for log lines */
    int listener;
    int client; /* -1: none */
    uint8_t in[LINK_IN_MAX];
    size_t in_len;
    size_t next;      /* while a request runs: where the one after it begins */
    struct hold hold; /* empty unless time is simulated */
    char address[64]; /* 127.0.0.1:4441 */
};

/* Listens at port, or at any free one if port is 0; address then says where. A log line names
 * the address that failed. */
enum err link_open(struct link *link, unsigned number, const char *host, unsigned port);
void link_close(struct link *link);
bool link_accept(struct link *link);                      /* true: there is a new client */
void link_hang_up(struct link *link);                     /* the client, if there is one */
void link_serve(struct link *link, struct dap *dap);      /* client is readable */
void link_silence(struct link *link, struct dap *dap);    /* the host sends nothing more */
enum err link_frames(struct link *link, struct dap *dap); /* what is in `in`; for tests too */
