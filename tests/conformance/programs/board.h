/* SPDX-License-Identifier: MIT */
/*
 * board: small steps that several conformance programs take before they can check anything.
 *
 * Clocks, the register lock, a flash command, a KeyStore operation: the sequences of M2354BSP's
 * drivers. Used by programs/ only.
 */
#pragma once

#include "tests/conformance/programs/check.h"

/* A store, and a load, with nothing between that and what follows: their own addresses. */
uint32_t board_store(volatile uint32_t *reg, uint32_t value);
uint32_t board_load(volatile const uint32_t *reg, uint32_t *value_out);

void board_unlock(void); /* SYS_REGLCTL: 59, 16, 88 */
void board_lock(void);
void board_clocks(void); /* unlocked, all clocks of what is checked here */

/* A flash command with ISPEN and the given enables: true if it ended without ISPFF. */
bool board_isp(uint32_t command, uint32_t address, uint32_t data);
uint32_t board_isp_read(uint32_t address); /* what the CPU does not see: CONFIG, flash OTP */

/* KeyStore: INIT, and an operation from CTL's OPMODE on; true if it ended without EIF. */
bool board_ks_open(void);
bool board_ks(uint32_t metadata, uint32_t operation);
bool board_ks_write(uint32_t metadata, const uint32_t key[8]); /* the slot: METADATA.NUMBER */
uint32_t board_ks_slot(void);

/* The PRNG, seeded from the TRNG: false if it never came to be. */
bool board_seed(void);

enum {
    KS_READ = 0,
    KS_CREATE = 1,
    KS_ERASE = 2,
    KS_ERASE_ALL = 3,
    KS_REVOKE = 4,
    KS_INVERT = 5,
    KS_START = 1 << 0,
    KS_CONT = 1 << 7,
    KS_INIT = 1 << 8,
    META_PRIV = 1 << 1,
    META_READABLE = 1 << 2,
    META_BS = 1 << 4,
    META_128 = 0 << 8,
    META_256 = 6 << 8,
    META_512 = 10 << 8,
    META_AES = 0 << 16,
    META_HMAC = 1 << 16,
    META_ECC = 4 << 16,
    META_CPU = 5 << 16,
};
#define META_SLOT(n) ((uint32_t)(n) << 20)
#define META_SRAM    (0u << 30)
#define META_FLASH   (1u << 30)
#define META_OTP     (2u << 30)
