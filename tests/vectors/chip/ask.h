/* SPDX-License-Identifier: MIT */
/*
 * ask: what test_vectors_chip and the program on the chip say to each other, through SRAM.
 *
 * The test fills the fields that an operation reads and then sets go; the program answers with
 * err and slot, and clears go. Little-endian on both sides.
 */
#pragma once

#include <stdint.h>

#define ASK_BASE 0x20007000u /* above the program (tests/conformance/programs/program.ld) */

enum ask_operation {
    ASK_NONE,
    ASK_VERIFY,        /* point, message, signature: p256_verify; err ERR_OK: proved */
    ASK_PUT_SCALAR,    /* number: to KeyStore SRAM, which is emptied before; slot */
    ASK_AGREE,         /* slot, point: p256_point, port_agree; slot: the secret's */
    ASK_AGREE_TO_SRAM, /* the same by port_agree_to_sram, by which an OTP slot is written */
    ASK_CMAC,          /* number, message: cmac_of; tag */
};

enum { ASK_MESSAGE_MAX = 320 };

struct ask {
    uint32_t go; /* enum ask_operation; the test's to set, the program's to clear */
    uint32_t err;
    uint32_t slot;
    uint32_t message_len;
    uint8_t number[32];
    uint8_t signature[64];
    uint8_t tag[16];
    uint8_t message[ASK_MESSAGE_MAX];
    uint8_t point[68]; /* 65 of them */
};
