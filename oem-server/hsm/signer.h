/* SPDX-License-Identifier: MIT */
/*
 * signer: a thread that signs on behalf of a thread that must not be blocked by the HSM. For
 * evp.c only.
 *
 * It signs for one caller at a time, with a time-out. If the module has not returned by then,
 * the caller gives up, and further calls fail without a wait until it returns (test_hsm_hang).
 * Owned by struct hsm; signer_free() waits for the module.
 */
#pragma once

#include "oem-server/hsm/hsm.h"

struct signer;

/* *signer_out is the caller's, for signer_free(). ERR_IO: no thread. */
enum err signer_new(struct hsm *hsm, struct signer **signer_out);
void signer_free(struct signer *signer); /* NULL is fine */
/* ERR_DEADLINE: no signature within timeout_ms; ERR_BUSY: an earlier one is still in the
 * module. */
enum err signer_sign(struct signer *signer, enum hsm_token token, const char *name,
                     const uint8_t digest[static SHA256_SIZE], unsigned timeout_ms,
                     uint8_t signature_out[static P256_SIGNATURE_SIZE]);
