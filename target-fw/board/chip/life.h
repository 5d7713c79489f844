/* SPDX-License-Identifier: MIT */
/*
 * life: the blocks that share the page at 0x4002F000: SCU, FVC, DPM, PLM, BTF.
 *
 * A write to DPM or PLM changes what is stored; what is in force changes only at a chip reset,
 * which latches it (chip_reset). Their bits go from 0 to 1 only (`test_board_life`,
 * `test_board_locks`); a mass erase clears DPM.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "target-fw/board/chip/busy.h"

enum { PLM_VENDOR = 0, PLM_OEM = 1, PLM_DEPLOYED = 3, PLM_RMA = 7 };
enum { DPM_DBGDIS = 1, DPM_LOCK = 2, DPM_PASSWORD = 4 };

struct plm {
    uint32_t stage; /* in force */
};

struct dpm_side {
    uint32_t password[4]; /* as written, for update or compare */
    bool wrong;
    bool updated;
    bool open;        /* PWOK: until the next cold reset */
    uint32_t control; /* INTEN, DACCWDIS, DACCDIS: until the next cold reset (assumed) */
    struct busy busy;
};

struct dpm {
    struct dpm_side side[2];
};

struct fvc {
    bool ready;
    struct busy busy;
};

struct scu {
    uint32_t regs[0x500 / 4];
};

struct chip;

/* The debugger's own door to DPM, at 0xF0001600 and through no lock but DACCDIS. */
#define DPM_WINDOW 0xf0001600U
enum { DPM_WINDOW_BYTES = 0x100 };

/* Its registers; offset is from DPM_WINDOW. For memap. */
uint32_t dpm_window_read(struct chip *chip, uint32_t offset);
void dpm_window_write(struct chip *chip, uint32_t offset, uint32_t value);

/* Side 0 is secure. false: DBGDIS or LOCK is in force there, and no password opened it. */
bool dpm_debug_allowed(const struct chip *chip, unsigned side, uint32_t flags_in_force);
