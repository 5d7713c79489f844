/* SPDX-License-Identifier: MIT */
/*
 * m2354: Nuvoton's M2354: its parts, its clocks, its flash controller.
 *
 * Register facts: M2354BSP, Library/Device/Nuvoton/M2354/Include/{sys,clk,fmc}_reg.h and
 * StdDriver/src/fmc.c. Used inside chip/. Errors are mem.h's; ERR_CHIP: the flash controller
 * reports an error or stays busy.
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
#define M2354_AHBCLK   0x40000204u
#define M2354_KEYSTORE 0x40035000u
#define M2354_BTF      0x4002F800u

enum {
    M2354_AHB_ISP = 1 << 2, /* of AHBCLK: the flash controller's clock */
    M2354_RSTSTS_PIN = 1 << 1,
    M2354_BTF_RUNS = 1 << 0, /* the boot ROM verified the image in flash, and it runs */
};

const struct m2354_part *m2354_find(uint32_t pdid); /* NULL: not one of them */
void m2354_names(char *out, size_t size);           /* those known, for a message */

/* Opens the write protection, and reads at most M2354_UNLOCK_READS registers with it. */
enum { M2354_UNLOCK_READS = 5 };
enum err m2354_unlock(struct mem *mem, const struct mem_want *wanted, size_t count);

/* With the core halted: opens the write protection, starts clocks, clocks all SRAM. */
enum err m2354_prepare(struct mem *mem);

/* Clears the pin's bit of SYS_RSTSTS, and checks that it is clear. */
enum err m2354_pin_reset_clear(struct mem *mem);

/* What the locks and the key slots of a part say of its past. The same bits as
 * target-fw/port/m2354/lock.c writes: as shipped CONFIG is CONFIG_SHIPPED, DPM has
 * no bit and PLM is at stage Vendor; a lock that has begun clears CONFIG0.LOCK only. */
enum {
    M2354_CONFIG_WORDS = 4,
    M2354_CONFIG0_LOCK = 1 << 1,
    M2354_DPM_ALL = 0x3003, /* DBGDIS, LOCK, DACCWDIS, DACCDIS */
    M2354_DPM_SHUT = 3,
    M2354_PLM_STAGE = 7,
    M2354_PLM_DIRTY = 1 << 8, /* another stage is stored, not which */
    M2354_PLM_DEPLOYED = 3,
    M2354_OTP_SLOTS = 0xFF,
};

struct m2354_state {
    uint32_t config[M2354_CONFIG_WORDS];
    uint32_t dpm_secure, dpm_open; /* control bits of both sides */
    uint32_t plm;                  /* stage in force, DIRTY */
    uint32_t otp;                  /* KeyStore slots in use, a bit each */
    unsigned passwords;            /* how often one was set, on both sides (PWUCNT) */
};
enum err m2354_state(struct mem *mem, struct m2354_state *out);

/* The flash controller, by its registers; the core stays halted. */
enum err m2354_isp_open(struct mem *mem); /* allow commands and changes of APROM */
enum err m2354_isp_close(struct mem *mem);
enum err m2354_uid(struct mem *mem, uint8_t uid_out[static UID_SIZE]);
enum err m2354_config(struct mem *mem, uint32_t words[static M2354_CONFIG_WORDS]);
/* A page's erase, in two parts: between them the controller works, and only SRAM and registers
 * that are not its own may be used. */
enum err m2354_erase_begin(struct mem *mem, uint32_t address);
enum err m2354_erase_end(struct mem *mem, uint32_t address);
enum err m2354_word_program(struct mem *mem, uint32_t address, uint32_t value);
/* The same for whole words, from the last to the first, but for blank ones; several in one
 * command of the probe where it can wait. */
enum err m2354_words_program(struct mem *mem, uint32_t address, struct span words);
