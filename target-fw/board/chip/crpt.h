/* SPDX-License-Identifier: MIT */
/*
 * crpt: the crypto engine at 0x40032000: PRNG, ECC, SHA and HMAC, AES.
 *
 * Arithmetic is OpenSSL's; what is modelled is the register behaviour, the key paths to and
 * from the KeyStore, and the errors that silicon does not report. INTSTS flags rise only where
 * INTEN allows them (the stricter reading). Each engine is a file: prng.c ecc.c sha.c aes.c.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/host/own.h"
#include "target-fw/board/chip/busy.h"

enum {
    CRPT_INT_AES = 1 << 0,
    CRPT_INT_AES_ERR = 1 << 1,
    CRPT_INT_PRNG = 1 << 16,
    CRPT_INT_PRNG_ERR = 1 << 17,
    CRPT_INT_ECC = 1 << 22,
    CRPT_INT_ECC_ERR = 1 << 23,
    CRPT_INT_HMAC = 1 << 24,
    CRPT_INT_HMAC_ERR = 1 << 25,
    ECC_WORDS = 18,
    SHA_MESSAGE_MAX = 0x120000, /* bytes collected for one digest: all of flash and some */
    CRPT_DMA_MAX = 0x40000      /* SRAM size: no DMA is longer */
};

struct prng {
    uint32_t ctl;
    uint32_t seed;
    uint32_t key[8];
    uint32_t ksctl;
    uint32_t ksnum;
    bool from_trng; /* the current seed came from the TRNG */
    bool seeded;
    uint32_t counter; /* of a deterministic stream */
    bool key_error;   /* KCTLERR */
    bool ks_error;
    struct busy busy;
};

/* Operand blocks in register order. */
enum ecc_operand { ECC_X1, ECC_Y1, ECC_X2, ECC_Y2, ECC_A, ECC_B, ECC_N, ECC_K, ECC_OPERANDS };

struct ecc {
    uint32_t ctl;
    uint32_t ksctl;
    uint32_t ksxy;
    uint32_t ksnum;
    uint32_t operand[ECC_OPERANDS][ECC_WORDS];
    uint32_t result[2][ECC_WORDS]; /* X1 and Y1 once BUSY ends */
    bool failed;
    bool ks_error;
    struct busy busy;
};

struct sha {
    uint32_t ctl;
    uint32_t keycnt, saddr, dmacnt, ksctl;
    uint32_t digest[16];
    uint32_t result[16];
    struct buf message; /* collected since the first block */
    bool started;       /* word by word */
    bool ended;
    bool failed;
    bool ks_error;
    uint64_t until; /* simulated time: the chip's cycles at which DMA ends */
    struct busy busy;
};

struct aes {
    uint32_t ctl;
    uint32_t key[8];
    uint32_t iv[4];
    uint32_t feedback[4]; /* chaining value of a cascade */
    uint32_t saddr, daddr, cnt, ksctl;
    uint32_t in[4], out[4];
    unsigned in_count, out_count;
    bool running; /* word by word */
    bool failed;
    bool ks_error;
    struct busy busy;
};

struct crpt {
    uint32_t inten;
    uint32_t intsts;
    struct prng prng;
    struct ecc ecc;
    struct sha sha;
    struct aes aes;
};

struct chip;

/* Registers of the engines; offset is from 0x40032000. _poll: software looks at the status,
 * which may end the engine's operation. */
uint32_t prng_read(struct chip *chip, uint32_t offset);
void prng_write(struct chip *chip, uint32_t offset, uint32_t value);
void prng_poll(struct chip *chip);
uint32_t ecc_read(struct chip *chip, uint32_t offset);
void ecc_write(struct chip *chip, uint32_t offset, uint32_t value);
void ecc_poll(struct chip *chip);
uint32_t sha_read(struct chip *chip, uint32_t offset);
void sha_write(struct chip *chip, uint32_t offset, uint32_t value);
void sha_poll(struct chip *chip);
uint32_t aes_read(struct chip *chip, uint32_t offset);
void aes_write(struct chip *chip, uint32_t offset, uint32_t value);
void aes_poll(struct chip *chip);

bool crpt_interrupt(struct chip *chip);            /* the line is high; a poll of all engines */
void crpt_raise(struct chip *chip, uint32_t flag); /* in INTSTS, if INTEN allows */

/* SRAM as the engine's DMA reaches it: word aligned, clocked; NULL otherwise, with a line. */
uint8_t *crpt_dma(struct chip *chip, const char *who, uint32_t address, uint32_t len);
