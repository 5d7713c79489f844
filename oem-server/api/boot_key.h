/* SPDX-License-Identifier: MIT */
/*
 * boot_key: SECURE_BOOT_PRI of a run: made by our HSM or by EJBCA, kept in the store, and
 * certified by a CA outside if one has a profile for it. For secure_boot.c only; on the run's
 * strand, and the two that take a tx inside a change.
 */
#pragma once

#include "hallmark/v1/diagram.pb-c.h"
#include "oem-server/call/call.h"

struct boot_key {
    struct call *call;
    struct run *run;
    char scope[80];
    struct buf wrapped; /* as stored, if the run has to use that one */
    uint8_t rotpk[ROTPK_SIZE];
    bool recreate;
    struct buf issued, certificate; /* by the CA now; and stored */
    Hallmark__V1__DeriveRotpkResponse *out;
};
void boot_key_drop(struct boot_key *key);

/* Arrow 17. ERR_UNAVAILABLE: EJBCA's key is not in the HSM (yet). */
enum err boot_key_make(struct boot_key *key);
enum err boot_key_open(struct boot_key *key);

/* Arrow 18. Stores the key, unless another run of the order stored one first: then that one is
 * used. */
enum err boot_key_keep(struct store_tx *tx, struct boot_key *key);
/* Before the change: the key is made durable, then the CA outside certifies it; nothing without
 * such a CA. call->replayed may be set. */
enum err boot_key_certify(struct boot_key *key);
/* After the change: what was issued in vain is revoked. */
void boot_key_settle(const struct boot_key *key);
/* In the change: stores what was issued, unless there is one. */
enum err boot_key_certified(struct store_tx *tx, struct boot_key *key);
