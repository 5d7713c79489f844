/* SPDX-License-Identifier: MIT */
/* crpt: the code that the engines of the CRPT block share. Used by aes, ecc and random. */
#pragma once

#include "target-fw/port/nuvoton/reg.h"

/* Bits of INTEN and INTSTS: "done" of an engine; its "error" is the next one. */
enum crpt_engine { CRPT_AES = 1 << 0, CRPT_ECC = 1 << 22 };

/* Writes start to control and waits for the engine. ERR_CHIP: it reports an error; ERR_FAULT:
 * it did not end in time. */
enum err crpt_run(enum crpt_engine engine, uint32_t control, uint32_t start);

enum prng_use { PRNG_FOR_ECDSA, PRNG_FOR_ECDH };

/* A fresh private key in KeyStore SRAM, drawn by the engine below the number in ECC_N, which
 * the caller has set. */
enum err prng_key(enum prng_use use, uint8_t *slot_out);
