/* SPDX-License-Identifier: MIT */
/*
 * run: DevAuth's state of its run: which arrows are done, their answers, and the transcript
 * (common/core/sign.h).
 *
 * One run per boot: a run that was interrupted starts again with a fresh DevAuth. The arrows
 * that pass the mailbox come in one order. An arrow that is done answers a repeated request
 * with the same bytes and has no further effect; a different request for it is out of order
 * (`test_devauth_run`). Used by devauth.c and the handlers.
 */
#pragma once

#include "common/core/sign.h"
#include "target-fw/port/port.h"

enum {
    RUN_ARROWS = 15,
    RUN_ANSWERS_MAX = 240, /* bytes of all kept answers: the sum of their bounds is 234 */
};

#define RUN_BLANK_BOARD 0x5a3cc396u

struct run_answer {
    uint8_t request_sha256[SHA256_SIZE];
    uint8_t offset; /* in answer_bytes */
    uint8_t len;
};

struct run {
    struct port_identity identity;
    uint32_t blank_board; /* RUN_BLANK_BOARD: there was no AUTHKEY when this run began, so no
                             run before it has erased a page after arrow 8 */
    uint8_t nonce[NONCE_SIZE];
    uint8_t run_id[RUN_ID_SIZE];         /* arrow 7 */
    uint8_t server_nonce[NONCE_SIZE];    /* arrow 7 */
    uint8_t devauth_sha256[SHA256_SIZE]; /* arrow 7: as the station reports it */
    bool none;                           /* arrow 7: no run; no arrow may follow */

    uint8_t done; /* how many of the arrows, in their order */
    uint8_t transcript[SHA256_SIZE];
    struct run_answer answers[RUN_ARROWS];
    uint8_t answer_bytes[RUN_ANSWERS_MAX];
    uint8_t answer_used;

    uint8_t auth_public_key[P256_POINT_SIZE];      /* arrow 9 */
    uint8_t cri_sha256[SHA256_SIZE];               /* arrow 10 */
    uint8_t cri_signature[P256_SIGNATURE_SIZE];    /* arrow 11 */
    uint8_t rotpk[P256_POINT_SIZE];                /* arrow 20: 04 X Y */
    bool rotpk_unproven;                           /* arrow 20 */
    uint8_t firmware_sha256[SHA256_SIZE];          /* arrow 24 */
    uint8_t lock_level;                            /* arrow 25: wanted */
    struct port_key agreement_key;                 /* arrow 26 */
    uint8_t target_key[P256_POINT_SIZE];           /* arrow 27 */
    uint8_t server_key[P256_POINT_SIZE];           /* arrow 30 */
    uint8_t target_signature[P256_SIGNATURE_SIZE]; /* arrow 30, for 31 */
    struct port_key shared_key;                    /* arrow 32 */
    bool receipt_signed; /* Closing.SignReceipt: devauth.h has the receipt */
    bool committed;      /* Closing.Commit: devauth.h has the statement */
};

enum run_place { RUN_DONE, RUN_NEXT, RUN_LATER };

enum err run_open(struct run *r);                             /* identity and a fresh nonce */
enum run_place run_place(const struct run *r, uint8_t arrow); /* done, due, or too early */
bool run_complete(const struct run *r);                       /* arrow 32 is done */

/* Marks the arrow, which is the next one, as done, and chains it into the transcript. */
enum err run_finish(struct run *r, uint8_t arrow, const uint8_t request_sha256[SHA256_SIZE],
                    struct span response);

/* Keeps the answer of the arrow just finished, for a repeated request. */
enum err run_keep(struct run *r, const uint8_t request_sha256[SHA256_SIZE],
                  struct span response);

/* The kept answer of an arrow that is done, borrowed from r. ERR_ORDER: it was done for another
 * request. */
enum err run_answer(const struct run *r, uint8_t arrow,
                    const uint8_t request_sha256[SHA256_SIZE], struct span *response_out);

/* The fields that bind a statement to this run. */
struct sign_run run_binding(const struct run *r);
