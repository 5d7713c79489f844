/* SPDX-License-Identifier: MIT */
/*
 * dwt: the watchpoint unit: four addresses whose reading or writing halts the core.
 *
 * DWT of ARMv8-M, version 2.0, without cycle counter and trace (DDI 0553, "Data Watchpoint and
 * Trace"): DWT_CTRL at 0xE0001000, DWT_COMP0 at 0xE0001020, DWT_FUNCTION0 at 0xE0001028. Data
 * addresses only (MATCH 4, 5, 6); it halts (ACTION 1) while a debugger is connected, after the
 * instruction. Used by core and cpu.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DWT_BASE = 0x1000, DWT_BYTES = 0x1000, DWT_COUNT = 4 }; /* offset from 0xE0000000 */

struct dwt {
    uint32_t comp[DWT_COUNT];
    uint32_t function[DWT_COUNT];
    bool matched[DWT_COUNT]; /* cleared by reading */
};

/* Registers; offset is from DWT_BASE. A read clears a comparator's MATCHED. */
uint32_t dwt_read(struct dwt *dwt, uint32_t offset);
void dwt_write(struct dwt *dwt, uint32_t offset, uint32_t value);

/* The comparators that halt, as the running core needs them. */
struct dwt_watch {
    uint32_t from, bytes;
    bool reads, writes;
    unsigned number;
};

struct dwt_set {
    struct dwt_watch at[DWT_COUNT];
    size_t count;
};

/* The comparators that are set to halt, by address. */
struct dwt_set dwt_active(const struct dwt *dwt);

/* The comparator that an access hits, borrowed from set; NULL: none. */
const struct dwt_watch *dwt_hit(const struct dwt_set *set, uint32_t address, unsigned size,
                                bool write);
