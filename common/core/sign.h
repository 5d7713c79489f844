/* SPDX-License-Identifier: MIT */
/*
 * sign: every statement that is signed or MACed between server and board, in one place.
 *
 * A statement is a fixed context string, a zero byte, then each field as a 16-bit big-endian
 * length and its bytes. What is signed is the SHA-256 of the statement, by ECDSA P-256; so a
 * signature made for one purpose never counts for another, whichever key made it. The functions
 * write statements; hashing and signing are the caller's. Shared with the board. Freestanding.
 */
#pragma once

#include "common/core/layout.h"
#include "common/core/wr.h"

enum { SIGN_STATEMENT_MAX = 512 };

/* What binds a statement to one run of one board. All borrowed. */
struct sign_run {
    struct span run_id;      /* RUN_ID_SIZE */
    struct span uid;         /* UID_SIZE */
    struct span board_nonce; /* NONCE_SIZE, of Host.Hello */
};

/* Arrows 19 and 20, by the WebServer key and by SECURE_BOOT_PRI. rotpk: ROTPK_SIZE. */
void sign_rotpk(struct wr *w, const struct sign_run *run, struct span rotpk);

/* Arrow 30, by the WebServer key. public_key: P256_POINT_SIZE. */
void sign_server_agreement(struct wr *w, const struct sign_run *run, struct span public_key);

/* Arrow 31, by AUTHKEY. Both keys P256_POINT_SIZE. */
void sign_target_agreement(struct wr *w, struct span run_id, struct span uid,
                           struct span server_public_key, struct span target_public_key);

/* Closing.SignReceipt, by AUTHKEY. */
struct sign_receipt {
    struct span run_id;
    struct span uid;
    struct span auth_public_key;
    struct span device_certificate_sha256;
    struct span web_server_certificate_sha256;
    struct span rotpk_sha256; /* of the 64 bytes X Y */
    struct span firmware_sha256;
    uint8_t lock_level;
    struct span transcript_sha256;
    struct span server_nonce;
};
void sign_receipt(struct wr *w, const struct sign_receipt *receipt);

/*
 * The confirmation tags of AES_NuLink3: NIST SP 800-108r1 KDF in counter mode, PRF
 * AES-256-CMAC, one block: CMAC(K, 00000001 | label | 00 | context | 00000080), context = run
 * id, UID, server's and target's public key. The key itself is used for derivation only.
 */
enum sign_confirm { SIGN_CONFIRM_TARGET, SIGN_CONFIRM_SERVER };
void sign_confirmation(struct wr *w, enum sign_confirm whose, struct span run_id,
                       struct span uid, struct span server_public_key,
                       struct span target_public_key);

/*
 * The transcript: T = SHA-256(previous T | arrow | SHA-256(request) | SHA-256(response)) over
 * the arrows that pass the mailbox (7-12, 16, 20, 24-27, 30-32), in order, each once, from 32
 * zero bytes; request and response are the encoded payloads as they travelled. Writes the
 * hash's input.
 */
void sign_transcript(struct wr *w, struct span previous, uint8_t arrow,
                     struct span request_sha256, struct span response_sha256);
