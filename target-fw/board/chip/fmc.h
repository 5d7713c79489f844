/* SPDX-License-Identifier: MIT */
/*
 * fmc: the flash controller at 0x4000C000 and the flash behind it. Used by chip, bus and rom.
 *
 * Flash is only changed by commands: erased is all ones, programming clears bits, a program
 * over bits already clear gives the AND and PGFF. Regions and their rules are a table in
 * flash.c.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "target-fw/board/chip/busy.h"

enum {
    FMC_ISPCTL_ISPEN = 1 << 0,
    FMC_ISPCTL_BS = 1 << 1,
    FMC_ISPCTL_APUEN = 1 << 3,
    FMC_ISPCTL_CFGUEN = 1 << 4,
    FMC_ISPCTL_LDUEN = 1 << 5,
    FMC_CONFIG0 = 0x00300000,
    FMC_CONFIG0_LOCK = 1 << 1,
    FMC_CONFIG0_MBS = 1 << 5,
    FMC_CONFIG0_CBS = 1 << 7,
    FMC_CONFIG0_MERASE = 1 << 13,
    FMC_PAGE_BYTES = 0x800,
    FMC_BANK_BYTES = 0x80000,
    FMC_LDROM = 0x00100000,
    FMC_VECTOR_BYTES = 0x200, /* what VECMAP maps at address 0 */
    FMC_SHADOW_BYTES = 0x1000
};

struct fmc {
    uint32_t ctl;
    uint32_t addr;
    uint32_t dat;
    uint32_t cmd;
    uint32_t icpctl;
    uint32_t cyc;
    uint32_t mpdat[4];
    uint32_t vecmap;    /* address mapped at 0, set by command 2E; survives SYSRESETREQ */
    bool from_ldrom;    /* ISPCTL.BS as the last reset found it */
    bool banks_swapped; /* command 2C; until the next cold reset */
    uint32_t df[4];     /* DFCTL and what follows */
    bool ispff;
    bool pgff;
    bool allone;
    bool done; /* INTFLAG */
    struct busy busy;
    uint32_t result_dat;
    bool result_ispff;
    bool result_allone;
    uint32_t crc_from, crc_len, crc_result; /* of the last 2D, 28 */
    uint32_t allone_result;
    uint64_t done_at;  /* simulated time: no end before this cycle */
    bool mp_active;    /* a multi-word program runs */
    uint64_t mp_until; /* simulated time: the pair under way is not done before this cycle */
    uint32_t mp_addr;
    uint32_t mp_left; /* bytes of the 512-byte run */
    unsigned mp_next; /* the pair of data words to take next: 0 or 2 */
    bool mp_full[4];
};

/* A stretch of flash and its rules. */
struct flash_region {
    const char *name;
    uint32_t base;
    uint32_t size;
    uint32_t enable; /* ISPCTL bits an update needs */
    bool erasable;
    bool mapped; /* the CPU sees it in its address space */
};

struct chip;

bool fmc_interrupt(struct chip *chip);              /* the line is high; a poll */
void fmc_boot_select(struct chip *chip, bool cold); /* at a reset: what address 0 shows */

/*
 * Flash by address, without any rule but those of the cells. flash_region_of: the region that
 * holds all len bytes, NULL: none. flash_bytes and flash_seen borrow from the store; a word
 * outside flash reads as all ones. Program and erase are one-way writes (oneway.h): they may
 * have no effect, or half of it.
 */
const struct flash_region *flash_region_of(uint32_t address, uint32_t len);
const struct flash_region *flash_region_at(unsigned n); /* NULL beyond the last */
uint8_t *flash_bytes(struct chip *chip, uint32_t address, uint32_t len); /* NULL: no flash */
const uint8_t *flash_seen(struct chip *chip, uint32_t address, uint32_t len); /* with VECMAP */
uint32_t flash_word(struct chip *chip, uint32_t address);
bool flash_program_word(struct chip *chip, uint32_t address, uint32_t word); /* false: PGFF */
void flash_erase(struct chip *chip, uint32_t address, uint32_t len);
bool flash_is_blank(struct chip *chip, uint32_t address, uint32_t len);
void flash_mass_erase(struct chip *chip);
