/* SPDX-License-Identifier: MIT */
/*
 * shared: AES_NuLink3 in the KeyStore's OTP slots (common/core/layout.h).
 *
 * The key is in the lowest of the slots 3 to 7 that the AES engine accepts; its key check value
 * (KCV, common/core/sign.h) tells which key that is. An older key is revoked before a newer one
 * is written. Used by hello, closing and lock.
 */
#pragma once

#include "target-fw/devauth/proof.h"

/* The lowest slot that the engine accepts, and its KCV. *slot_out is 0, and kcv not set, if it
 * accepts none. */
enum err shared_find(const uint8_t uid[UID_SIZE], uint8_t *slot_out, uint8_t kcv[KCV_SIZE]);

/* ERR_DENIED: the engine does not accept the key. */
enum err shared_kcv(const struct port_key *key, const uint8_t uid[UID_SIZE],
                    uint8_t kcv[KCV_SIZE]);

/*
 * Writes the key of this agreement into a slot. proof: of the server's decision to write,
 * expected to be `confirmed` so far; the test write to SRAM adds its own step. ERR_CHIP: that
 * write gives another key than the engine, nothing was burnt or revoked; ERR_NO_SLOT: none is
 * free; ERR_VERIFY: two slots were spoilt.
 */
struct shared_agreement {
    const uint8_t *uid;
    const struct port_key *own;    /* the agreement key */
    const uint8_t *peer;           /* the server's point */
    const struct port_key *engine; /* the key as the engine made it */
};
enum err shared_write(const struct shared_agreement *a, struct proof *proof,
                      uint32_t confirmed);
