/* SPDX-License-Identifier: MIT */
/*
 * keystore: the KeyStore (M2354BSP and m460bsp, keystore_reg.h and keystore.c), and its words
 * on the engines.
 */
#pragma once

#include "common/core/layout.h"
#include "target-fw/port/nuvoton/reg.h"

enum {
    KEYSTORE_WORDS = 8, /* of a 256-bit key; word 0 is the least significant */
    KEYSTORE_OTP_SLOTS = 8,

    KEYSTORE_META_BOOT = 1 << 4, /* usable by the mask ROM only */
    KEYSTORE_META_256 = 6 << 8,
    KEYSTORE_META_AES = 0 << 16, /* the owner: the only engine that may use it */
    KEYSTORE_META_ECC = 4 << 16,
};

/* What each OTP slot is for, by enum otp_slot; none is readable. Each chip's own table. */
extern const uint32_t keystore_otp_metadata[KEYSTORE_OTP_SLOTS];

/* keystore_open: at start-up, leaves KeyStore SRAM empty. keystore_erase: KeyStore SRAM only.
 * ERR_CHIP: the block reports an error; ERR_FAULT: it stays busy. */
enum err keystore_open(void);
enum err keystore_erase(uint8_t sram_slot);

/* By the code that writes port_otp_write()'s words. */
enum err keystore_write_sram(uint32_t metadata, const uint8_t value[32], uint8_t *slot_out);

/* M467 only: the slot is neither erased nor written any more. A mask of 0 does nothing. */
enum err keystore_otp_lock(enum otp_slot slot, uint32_t mask);

/* Numbers are big-endian bytes here, and words from the least significant one in registers. */
uint32_t keystore_word(const uint8_t number[32], uint32_t index);
void keystore_number(uint32_t first_register, uint8_t number[32]);
