/* SPDX-License-Identifier: MIT */
/*
 * softhsm: five SoftHSM2 tokens of a test's own, in a folder that goes when the test ends.
 *
 * softhsm_setup() makes the folder, points SOFTHSM2_CONF (of this process and its children) at
 * it, makes a token and a PIN file for each enum hsm_token, and fills config for hsm_open.
 * config borrows from the struct: do not move it. Needs package softhsm2.
 */
#pragma once

#include "oem-server/hsm/hsm.h"

enum { SOFTHSM_PATH_MAX = 96 };

struct softhsm {
    char folder[SOFTHSM_PATH_MAX];
    char labels[HSM_TOKENS][16]; /* "test-root", "test-issuing", ... */
    char pin_files[HSM_TOKENS][SOFTHSM_PATH_MAX + 16];
    struct hsm_config config; /* softhsm_quiet.c; 4 sessions a token, a minute */
};

enum err softhsm_setup(struct softhsm *s);
void softhsm_teardown(struct softhsm *s); /* after hsm_close; all zero is fine */

const char *softhsm_pin(enum hsm_token token); /* of the tokens made here */
enum err softhsm_write_pin(const char *path, const char *pin, unsigned mode);

/* A unit's signing key made, and only its wrapped form kept; a signature from that. */
enum err softhsm_unit_make(struct hsm *hsm, struct buf *wrapped_out,
                           uint8_t point_out[static P256_POINT_SIZE]);
enum err softhsm_unit_sign(struct hsm *hsm, struct span wrapped,
                           const uint8_t digest[static SHA256_SIZE],
                           uint8_t signature_out[static P256_SIGNATURE_SIZE]);

/* Run a program of the system with its output in a buffer of the caller's (NULL: dropped);
 * ERR_NOT_FOUND if it is not installed, ERR_INTERNAL if it fails. */
enum err softhsm_run(const char *const arguments[], char *output, size_t cap);
