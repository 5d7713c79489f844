/* SPDX-License-Identifier: MIT */
/*
 * sign: the statements that are signed or MACed between server and board, in one place.
 *
 * A statement is a fixed context string, a zero byte, then each field as a 16-bit big-endian
 * length and its bytes. The signature is ECDSA P-256 over the SHA-256 of the statement, so a
 * signature made for one purpose never verifies for another, whichever key made it (test_sign).
 * The functions write statements; hashing and signing are the caller's. A statement that does
 * not fit sticks as ERR_LIMIT in the wr. Shared with the board. Freestanding; no state.
 */
#pragma once

#include "common/core/layout.h"
#include "common/core/wr.h"

enum { SIGN_STATEMENT_MAX = 512 };

/* The values that bind a statement to one run of one board. All borrowed. */
struct sign_run {
    struct span run_id;      /* RUN_ID_SIZE */
    struct span uid;         /* UID_SIZE */
    struct span board_nonce; /* NONCE_SIZE, of Host.Hello */
};

/* Arrows 19 and 20, by the WebServer key and by SECURE_BOOT_PRI. rotpk: ROTPK_SIZE. recreate:
 * the record of a pair that is already burnt may be written again. */
void sign_rotpk(struct wr *w, const struct sign_run *run, struct span rotpk, bool recreate);

/* Arrow 30, by the WebServer key. public_key: P256_POINT_SIZE. */
void sign_server_agreement(struct wr *w, const struct sign_run *run, struct span public_key);

/* Arrow 31, by AUTHKEY. Both keys P256_POINT_SIZE. */
void sign_target_agreement(struct wr *w, struct span run_id, struct span uid,
                           struct span server_public_key, struct span target_public_key);

/* Closing.SignReceipt, by AUTHKEY: the device receipt. */
struct sign_receipt {
    struct span run_id;
    struct span uid;
    struct span auth_public_key;
    struct span device_certificate_sha256;
    struct span web_server_certificate_sha256;
    struct span rotpk_sha256; /* of the 64 bytes X Y */
    struct span firmware_sha256;
    uint8_t lock_level; /* wanted */
    struct span transcript_sha256;
    struct span server_nonce;
    uint8_t rotpk_unproven;     /* 1: burnt in an interrupted run, or its record re-created */
    struct span devauth_sha256; /* as the station reported it */
    uint8_t slot;               /* with an AES_NuLink3 of an earlier run; 0: none */
    struct span slot_kcv;       /* KCV_SIZE; empty: none */
};
void sign_receipt(struct wr *w, const struct sign_receipt *receipt);

/* Closing.Commit, by AUTHKEY: which key the board keeps. */
struct sign_commit {
    struct span run_id;
    struct span uid;
    uint8_t slot;
    struct span kcv;            /* KCV_SIZE */
    uint8_t lock_level;         /* wanted: the receipt's */
    struct span receipt_sha256; /* of what sign_receipt() writes */
};
void sign_commit(struct wr *w, const struct sign_commit *commit);

/* Closing.Lock, by AUTHKEY: the level that was read back. */
struct sign_lock {
    struct span run_id; /* of the commit statement */
    struct span uid;
    uint8_t lock_level;
    struct span statement_sha256; /* of what sign_commit() writes */
};
void sign_lock(struct wr *w, const struct sign_lock *lock);

/*
 * Values derived from AES_NuLink3: NIST SP 800-108r1 KDF in counter mode, PRF AES-256-CMAC, one
 * block of 128 bits: CMAC(K, 00000001 | label | 00 | context | 00000080); for keys of services
 * also two. The key itself is used for derivation only. The labels differ for each purpose,
 * because the station relays the tags and knows them. The functions write the PRF's input.
 */

/* Confirmation tags; context = run id, UID, server's and target's public key. The target's tag
 * is the answer to arrow 32; the server's two are those of Runs.Finish and carry its decision.
 */
enum sign_confirm { SIGN_CONFIRM_TARGET, SIGN_CONFIRM_WRITE, SIGN_CONFIRM_KEEP };
void sign_confirmation(struct wr *w, enum sign_confirm whose, struct span run_id,
                       struct span uid, struct span server_public_key,
                       struct span target_public_key);

/* The key check value (KCV) identifies the key in a slot. Context = UID. */
void sign_kcv(struct wr *w, struct span uid);

/* The lock tag: only a holder of the shared key can have the board locked. Context = UID,
 * level. */
void sign_lock_tag(struct wr *w, struct span uid, uint8_t level);

/* A key for a service of the OEM's (Units.Derive): one of its 1 or 2 blocks, from 1. Label =
 * "hallmark.v1 derive " and what the service calls it, context = UID; the length is that of the
 * whole key, so a shorter key is no part of a longer one. */
enum { SIGN_DERIVED_LABEL_MAX = 64, SIGN_DERIVED_BLOCK = 16, SIGN_DERIVED_BLOCKS_MAX = 2 };
void sign_derived_key(struct wr *w, uint32_t block, const char *label, struct span uid,
                      uint32_t key_size);

/*
 * The transcript: T = SHA-256(previous T | arrow | SHA-256(request) | SHA-256(response)) over
 * the arrows that pass the mailbox (7-12, 16, 20, 24-27, 30-32), in order, each once, from 32
 * zero bytes; request and response are the encoded payloads as they travelled. Writes the
 * hash's input.
 */
void sign_transcript(struct wr *w, struct span previous, uint8_t arrow,
                     struct span request_sha256, struct span response_sha256);
