/* SPDX-License-Identifier: MIT */
/*
 * swd: the chip's debug port as seen from the two wires: line state, SW-DP, one AHB5-AP.
 *
 * Works by whole transfers, not by clock edges, but keeps the line's rules: nothing answers
 * before line reset and the JTAG-to-SWD sequence; after a line reset only a DPIDR read is
 * answered; after a protocol error nothing is, until the next line reset (`test_board_dap`).
 * Posted AP reads, sticky errors and the 1 KiB wrap of TAR are as in ADIv5.2 (IHI 0031).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum swd_ack { SWD_OK = 1, SWD_WAIT = 2, SWD_FAULT = 4, SWD_NONE = 7 };

/* Bits of a request, as in CMSIS-DAP's transfer request byte. */
enum { SWD_AP = 1 << 0, SWD_READ = 1 << 1, SWD_A23 = 3 << 2 };

enum swd_line {
    SWD_LINE_JTAG,  /* SWJ-DP after power-on */
    SWD_LINE_LOST,  /* until a line reset */
    SWD_LINE_RESET, /* ones seen, idle bits are due */
    SWD_LINE_FRESH, /* only a DPIDR read is accepted */
    SWD_LINE_READY
};

struct swd {
    enum swd_line line;
    bool is_swd;    /* the switch sequence was seen */
    unsigned ones;  /* in a row */
    unsigned zeros; /* in a row, after ones */
    int match_swd;  /* bits of the switch sequence seen, -1: not in one */
    int match_jtag;
    uint32_t select;
    uint32_t control; /* CTRL/STAT request bits */
    bool sticky_error;
    bool data_error;  /* WDATAERR */
    uint32_t posted;  /* result of the last AP read */
    uint32_t last_ap; /* for RESEND */
    uint32_t csw;
    uint32_t tar;
    unsigned resets_seen; /* of the chip's debug port */
};

struct chip;

void swd_init(struct swd *swd); /* as after power-on */

/* The host drives SWDIO: count bits, least significant first. */
void swd_sequence(struct swd *swd, struct chip *chip, const uint8_t *bits, size_t count);

/* One transfer. *data is the word to write, or is set on SWD_OK; of an AP read it is the result
 * of the one before. SWD_NONE: nothing answers. */
enum swd_ack swd_transfer(struct swd *swd, struct chip *chip, uint8_t request, uint32_t *data);

/* For wire: the acknowledge that a write would get, without doing it. And: the write's data
 * came with a wrong parity bit, which sets WDATAERR. */
enum swd_ack swd_promise(struct swd *swd, struct chip *chip, uint8_t request);
void swd_data_error(struct swd *swd);

/* The same without the line: what DP and AP do with a request. For jtag. */
enum swd_ack swd_access(struct swd *swd, struct chip *chip, uint8_t request, uint32_t *data);
