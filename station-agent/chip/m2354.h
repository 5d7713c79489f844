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
#define M2354_RSTSTS   0x40000004u /* cause of the latest resets, write 1 to clear */
#define M2354_KEYSTORE 0x40035000u
#define M2354_BTF      0x4002F800u

enum {
    M2354_RSTSTS_PIN = 1 << 1,
    M2354_BTF_RUNS = 1 << 0, /* the boot ROM verified the image in flash, and it runs */
};

const struct m2354_part *m2354_find(uint32_t pdid); /* NULL: not one of them */
void m2354_names(char *out, size_t size);           /* those known, for a message */

/* With the core halted: open the write protection, start clocks, clock all SRAM. */
enum err m2354_prepare(struct mem *mem);

/* Clear the pin's bit of SYS_RSTSTS, and see that it is clear. */
enum err m2354_pin_reset_clear(struct mem *mem);

/* How often a debug password was set, on both sides of DPM together (PWUCNT). */
enum err m2354_password_count(struct mem *mem, unsigned *count_out);

/* The flash controller, by its registers; the core stays halted. */
enum err m2354_isp_open(struct mem *mem); /* allow commands and changes of APROM */
enum err m2354_isp_close(struct mem *mem);
enum err m2354_uid(struct mem *mem, uint8_t uid_out[static UID_SIZE]);
enum err m2354_page_erase(struct mem *mem, uint32_t address);
enum err m2354_word_program(struct mem *mem, uint32_t address, uint32_t value);
