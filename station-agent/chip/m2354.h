/* SPDX-License-Identifier: MIT */
/*
 * m2354: what is particular to Nuvoton's M2354: its parts, its clocks, its flash controller.
 *
 * Register facts: M2354BSP, Library/Device/Nuvoton/M2354/Include/{sys,clk,fmc}_reg.h and
 * StdDriver/src/fmc.c. Used inside chip/.
 */
#pragma once

#include "common/core/layout.h"
#include "station-agent/probe/mem.h"

struct m2354_part {
    uint32_t pdid;
    const char *name;
    uint32_t sram_size;
    uint32_t flash_size;
};

#define M2354_PDID     0x40000000u
#define M2354_KEYSTORE 0x40035000u

const struct m2354_part *m2354_find(uint32_t pdid); /* NULL: not one of them */
void m2354_names(char *out, size_t size);           /* those known, for a message */

/* With the core halted: open the write protection, start clocks, clock all SRAM. */
enum err m2354_prepare(struct mem *mem);

/* The flash controller, by its registers; the core stays halted. */
enum err m2354_isp_open(struct mem *mem); /* allow commands and changes of APROM */
enum err m2354_isp_close(struct mem *mem);
enum err m2354_uid(struct mem *mem, uint8_t uid_out[static UID_SIZE]);
enum err m2354_page_erase(struct mem *mem, uint32_t address);
enum err m2354_word_program(struct mem *mem, uint32_t address, uint32_t value);
