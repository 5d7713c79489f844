/* SPDX-License-Identifier: MIT */
/*
 * signer: a thread that signs for one that must not hang. For evp.c only.
 *
 * It signs for one caller at a time, who waits for so long and no longer. If the module does
 * not come back in time, that signature is given up, and the next ones fail at once until it
 * does. Owned by struct hsm; signer_free waits for the module.
 */
#pragma once

#include "oem-server/hsm/hsm.h"

struct signer;

enum err signer_new(struct hsm *hsm, struct signer **signer_out);
void signer_free(struct signer *signer); /* NULL is fine */
enum err signer_sign(struct signer *signer, enum hsm_token token, const char *name,
                     const uint8_t digest[static SHA256_SIZE], unsigned timeout_ms,
                     uint8_t signature_out[static P256_SIGNATURE_SIZE]);
