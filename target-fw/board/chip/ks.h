/* SPDX-License-Identifier: MIT */
/*
 * ks: the KeyStore at 0x40035000: SRAM, Flash and OTP slots, and the rules for its engines.
 *
 * Words are least significant first. Capacities (SRAM and Flash 4096 bytes, 32 keys each) are
 * assumptions. Engines (CRPT) ask for keys by ks_engine_read(), which applies the rules for
 * owner, revocation, boot state and origin; the CPU asks through registers, where READABLE
 * decides (`test_board_ks`).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "target-fw/board/chip/busy.h"
#include "target-fw/board/chip/store.h"

enum ks_mem { KS_SRAM = 0, KS_FLASH = 1, KS_OTP = 2 };

enum ks_owner {
    KS_OWNER_AES = 0,
    KS_OWNER_HMAC = 1,
    KS_OWNER_RSA_EXP = 2,
    KS_OWNER_RSA_MID = 3,
    KS_OWNER_ECC = 4,
    KS_OWNER_CPU = 5
};

/* How a volatile key came to be: the engine insists on it for nonces and agreement keys. */
enum ks_origin { KS_BY_CPU, KS_BY_PRNG, KS_BY_PRNG_ECDSA, KS_BY_PRNG_ECDH, KS_BY_ECDH };

enum {
    KS_META_SEC = 1 << 0,
    KS_META_PRIV = 1 << 1,
    KS_META_READABLE = 1 << 2,
    KS_META_RVK = 1 << 3,
    KS_META_BS = 1 << 4,
    KS_SRAM_BYTES = 4096,
    KS_FLASH_BYTES = 4096
};

struct ks_slot {
    bool used;
    bool revoked;
    enum ks_origin origin;
    uint32_t meta;
    uint32_t words[STORE_KEY_WORDS];
};

struct ks {
    uint32_t ctl;
    uint32_t meta;
    uint32_t status; /* IF, EIF */
    uint32_t key[8];
    uint32_t scramble[4];
    bool ready; /* INITDONE */
    bool inverted;
    struct busy busy;
    uint32_t result[8];     /* KEY window once BUSY ends */
    uint32_t result_status; /* flags once BUSY ends */
    uint32_t result_meta;
    bool result_ready;               /* INITDONE once BUSY ends */
    uint32_t block[STORE_KEY_WORDS]; /* of a key written in several steps */
    size_t done;                     /* words moved so far */
    struct ks_slot sram[STORE_KEY_SLOTS];
};

struct chip;

/* Of a key's SIZE code in its metadata. */
unsigned ks_size_words(unsigned size_code); /* 0: reserved code */
unsigned ks_size_bits(unsigned size_code);
uint32_t ks_otp_used(const struct chip *chip); /* bit n: slot n in use */

/* Which key an engine asks for, and why it may have it. */
struct ks_ask {
    enum ks_mem mem;
    unsigned slot;
    enum ks_owner owner;
    bool ecdh;  /* ECC_KSCTL.ECDH */
    bool nonce; /* k of a signature */
    const char *who;
};

/* Fetches a key for an engine. false: KSERR, and a log line says why. words has room for
 * STORE_KEY_WORDS, and is filled with zeros. */
bool ks_engine_read(struct chip *chip, const struct ks_ask *ask, uint32_t *words,
                    unsigned *bits_out);

/* An engine stores a key; slot_out for SRAM. false: no room, or the OTP slot is used. */
bool ks_engine_write(struct chip *chip, enum ks_mem mem, unsigned otp_slot, uint32_t meta,
                     enum ks_origin origin, const uint32_t *words, unsigned *slot_out);

void ks_power_lost(struct chip *chip); /* SRAM keys are gone */
bool ks_interrupt(struct chip *chip);  /* the line is high; a poll */
