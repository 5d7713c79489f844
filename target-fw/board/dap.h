/* SPDX-License-Identifier: MIT */
/*
 * dap: the CMSIS-DAP probe in front of the board: one request in, one response out.
 *
 * Commands and semantics: ARM's CMSIS-DAP documentation 2.1. The core runs while a match read
 * polls, during Delay and pin waits, so that a mailbox exchange needs one packet. A request
 * that ends early or has bytes left over is answered by the error byte, and nothing of a
 * transfer beyond its end is done (`test_board_dap`). Used by link, on the board's thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/core/rd.h"
#include "common/core/wr.h"
#include "target-fw/board/swd.h"
#include "target-fw/board/wire.h"

enum {
    DAP_PACKET_MIN = 64,
    DAP_PACKET_MAX = 1024,
    DAP_COUNT_MAX = 255,
    DAP_ERROR = 0xff,
    DAP_TRANSFER_ABORT = 0x07,
    DAP_QUEUE = 0x7e
};

struct dap {
    struct swd swd;
    struct wire wire; /* over swd, for SWD_Sequence */
    struct chip *chip;
    char serial[25]; /* the UID's 12 bytes in hex, as in log and labels */
    uint16_t packet_size;
    uint8_t packet_count;
    uint8_t pins; /* as the host last drove them */
    uint32_t clock_hz;
    uint8_t idle; /* clocks after each transfer */
    uint16_t wait_retry;
    uint16_t match_retry;
    uint32_t match_mask;
    bool connected;
    bool size_told; /* the host asked for the packet size, and keeps to it from then on */
    bool aborted;   /* TransferAbort came while the packet runs */
    void (*listen)(struct dap *dap); /* NULL, or looks whether it has come: sets aborted */
    void *listener;                  /* listen's own */
};

/* chip is borrowed. packet_size and packet_count: what Info reports. */
void dap_init(struct dap *dap, struct chip *chip, uint16_t packet_size, uint8_t packet_count);

/*
 * One request to its response. response has packet_size bytes; TransferAbort has no response,
 * which is an empty one. The caller holds queued packets (7E) back until one arrives that is
 * not queued; they are answered as 7F.
 */
void dap_execute(struct dap *dap, struct span request, struct wr *response);
