/* SPDX-License-Identifier: MIT */
/*
 * proof: the checks that were made before a one-way operation, as a number.
 *
 * Each check adds a step to a word by arithmetic, not by a branch, from the bytes that it
 * compared and their count; the word that all checks leave is known at compile time. From it
 * comes the permit that the port asks for (PORT_PERMIT_*), again by arithmetic. So an
 * instruction that is skipped (a branch, a call, a comparison, a copy of a result) leaves
 * another word, and the port does nothing. Results are branched on as well: that is how
 * ordinary requests are refused. A proof lives in one handler; it is not a secret.
 * tests/unit/test_devauth_glitch.c skips them all, one at a time.
 */
#pragma once

#include "target-fw/port/port.h"

struct proof {
    uint32_t word;
};

/* Where each begins. */
#define PROOF_OF_SIGNATURE 0x6b8f2d15u /* of a check that permits nothing by itself */
#define PROOF_OF_ROTPK     0x92d1b4a7u
#define PROOF_OF_FIRMWARE  0xd43a685bu
#define PROOF_OF_READY     0x4e75c93du
#define PROOF_OF_WRITE     0xb1683ee9u
#define PROOF_OF_KEEP      0x2c97d15bu
#define PROOF_OF_LOCK      0xe85a3c71u

/* What a word becomes when the check holds. */
#define PROOF_EQUAL(word, len)  ((word)*0x9e3779b1u + 0x5a96c3a5u + (uint32_t)(len)*0x01000193u)
#define PROOF_SIGNATURE(word)   PROOF_EQUAL(PROOF_EQUAL(word, 32), 32)
#define PROOF_BIND(word, value) PROOF_EQUAL(word, 0x10000u + (uint32_t)(value))

/* ERR_MISMATCH if they differ. Its time depends on the length only. */
enum err proof_equal(struct proof *proof, const uint8_t *a, const uint8_t *b, size_t len);

/* What the checks were made for: another value leaves another word. */
void proof_bind(struct proof *proof, uint32_t value);

enum err proof_holds(const struct proof *proof, uint32_t expected); /* ERR_SIG if not */

/* The permit, or a number that permits nothing. */
uint32_t proof_permit(const struct proof *proof, uint32_t expected, uint32_t permit);
