/* SPDX-License-Identifier: MIT */
/*
 * chip: one M2354 with everything in it: memories, blocks, core, locks, resets.
 *
 * A chip belongs to one thread. Software (by way of cpu) and a debugger (by way of swd) reach
 * it through bus.h's two functions; master says who is asking. What survives without power is
 * in store. Nothing here does network or file I/O but the store and the UART's output file.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "target-fw/board/chip/core.h"
#include "target-fw/board/chip/cpu.h"
#include "target-fw/board/chip/crpt.h"
#include "target-fw/board/chip/fault.h"
#include "target-fw/board/chip/fmc.h"
#include "target-fw/board/chip/ks.h"
#include "target-fw/board/chip/life.h"
#include "target-fw/board/chip/oneway.h"
#include "target-fw/board/chip/pace.h"
#include "target-fw/board/chip/periph.h"
#include "target-fw/board/chip/store.h"
#include "target-fw/board/chip/sys.h"
#include "target-fw/board/chip/trng.h"
#include "target-fw/board/chip/uart.h"

#define CHIP_SRAM_BASE  0x20000000U
#define CHIP_SRAM_BYTES 0x40000U
#define CHIP_SRAM_BANK1 0x8000U /* offsets: 32 KB, 128 KB, 96 KB */
#define CHIP_SRAM_BANK2 0x28000U
#define CHIP_IO_BASE    0x40000000U
#define CHIP_HCLK_HZ    12000000U

enum { CHIP_WORDS_MAX = 160 };

enum master { MASTER_CPU, MASTER_DEBUG };

enum reset_kind { RESET_NONE, RESET_POWER, RESET_PIN, RESET_CHIP, RESET_SYSTEM, RESET_CPU };

/* What the ROM decided at the last reset. */
enum verdict { VERDICT_NONE, VERDICT_DIRECT, VERDICT_VERIFIED, VERDICT_REFUSED };

/* The locks in force. They are latched at power-on, nRESET and chip reset only: what is written
 * between two of those has no effect yet (`test_board_locks`). */
struct lock {
    bool config;     /* CONFIG0.LOCK = 0 */
    bool ice;        /* CONFIG0.ICELOCK = 0: the debug port is silent */
    bool mass_erase; /* CONFIG0.MERASE = 1: allowed */
    bool ldrom;      /* CONFIG0.CBS = 0: boot from LDROM */
    bool loader;     /* CONFIG0.MBS = 0: the mask boot loader runs, and no image */
    uint32_t dpm[2]; /* flags of the secure and non-secure side */
    uint32_t nscba;
};

/* What a debugger may do. Non-secure: debug code in non-secure state, which this core does not
 * enter. */
enum debug_level { DEBUG_ALL, DEBUG_ERASE_ONLY, DEBUG_NONSECURE, DEBUG_NONE, DEBUG_SILENT };

struct chip {
    unsigned number;                                      /* of the board, for log lines */
    const struct periph *const *blocks;                   /* NULL ends it */
    void (*report)(struct chip *chip, const char *words); /* of chip_note(); NULL: none */
    struct store store;
    uint8_t *sram;
    bool powered;
    bool reset_held; /* nRESET is low */
    bool cold_due;   /* power came while it was low: its end is a power-on reset */
    enum master master;
    uint64_t cycles; /* of HCLK, board time */
    struct pace pace;
    enum reset_kind reset_wanted;
    bool cut_wanted;      /* a fault switch wants the power gone */
    unsigned link_resets; /* of the debug port: swd takes note */
    struct lock lock;
    enum verdict verdict;
    char refusal[CHIP_WORDS_MAX];
    char last_note[CHIP_WORDS_MAX];
    uint32_t accessed; /* by the access that is being made; 0: by none */
    uint64_t notes;    /* lines said or suppressed */
    struct faults faults;
    struct oneway oneway;
    struct core core;
    struct cpu *cpu;
    struct sys sys;
    struct clk clk;
    struct fmc fmc;
    struct ks ks;
    struct crpt crpt;
    struct trng trng;
    struct rtc rtc;
    struct gpio gpio;
    struct uart uart;
    struct plm plm;
    struct dpm dpm;
    struct fvc fvc;
    struct scu scu;
};

/*
 * path: of the state file, or NULL (nothing is kept); with_cpu false: blocks only, for tests.
 * The chip is powered and reset. Errors of the file: see store_open(). After a failure
 * chip_close() is due as well.
 */
enum err chip_open(struct chip *chip, unsigned number, const char *path, bool with_cpu);
void chip_close(struct chip *chip);

/* Power, pin and resets. They take effect before the call returns; a block that causes one
 * during an access calls chip_want_reset(). */
void chip_power(struct chip *chip, bool on);
void chip_pin_reset(struct chip *chip, bool low); /* nRESET */
void chip_reset(struct chip *chip, enum reset_kind kind);
void chip_want_reset(struct chip *chip, enum reset_kind kind); /* at the end of the access */
void chip_settle(struct chip *chip); /* does the resets and power cuts that are wanted */

/* Let time pass: runs the core if it runs, else only the clock. */
void chip_run(struct chip *chip, uint32_t blocks);
void chip_pass(struct chip *chip, uint64_t cycles); /* sleeping time; may wake the core */
void chip_run_until(struct chip *chip, uint64_t cycles);
void chip_follow(struct chip *chip); /* up to where simulated time is, see pace.h */
bool chip_runnable(const struct chip *chip);
int chip_sleep_ms(const struct chip *chip); /* until the core may wake; -1: no time wakes it */

/* What the locks in force allow, asked by swd, memap, core and state. */
enum debug_level chip_debug_level(const struct chip *chip);
enum debug_level chip_debug_level_next(const struct chip *chip); /* after a cold reset */
bool chip_secure_debug(const struct chip *chip); /* the core can be halted, S_SDE is 1 */
void chip_lock_changed(struct chip *chip); /* by a password: the core may be debugged now */

/* Do all banks of this stretch have their clock? offset: from CHIP_SRAM_BASE. */
bool chip_sram_clocked(const struct chip *chip, uint32_t offset, uint32_t len);

/*
 * Logs one line about something that silicon would not report; repeats are counted, not logged.
 * The man page states its form: who (pc ~0x20000123, or swd), the message, [the register].
 */
void chip_note(struct chip *chip, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The chip's address space. size is 1, 2 or 4. false: bus error. The caller has set master and
 * checked the locks. */
bool bus_read(struct chip *chip, uint32_t address, unsigned size, uint32_t *value);
bool bus_write(struct chip *chip, uint32_t address, unsigned size, uint32_t value);

/* The boot ROM's decision: sets verdict, and refusal with the reason. */
void rom_judge(struct chip *chip);
