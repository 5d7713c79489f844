/* SPDX-License-Identifier: MIT */
/*
 * server_board: a station and its board in software, honest unless told otherwise: answers the
 * server's calls, makes the station's in the order of the arrows, signs what DevAuth signs.
 */
#pragma once

#include "tests/unit/server_bench.h"

struct board {
    struct party *station;
    const char *order;
    uint32_t level;     /* the order's; board_init() says dev */
    uint32_t sealed_at; /* the level at which its debug port is found shut; 0: below each */
    uint8_t uid[UID_SIZE];
    EVP_PKEY *auth, *agreement;
    uint8_t auth_point[P256_POINT_SIZE], agreement_point[P256_POINT_SIZE];
    uint8_t nonce[NONCE_SIZE];
    /* What the board holds for longer than a run. */
    uint32_t slot;
    uint8_t slot_key[32], slot_kcv[KCV_SIZE];
    bool auth_used;
    bool unrecorded;   /* OTP 2 is used, its page is blank */
    bool other_rotpk;  /* says that its OTP holds another one */
    uint32_t odd_slot; /* says that AES_NuLink3 is in this slot */

    /* Of the run. */
    uint8_t run_id[RUN_ID_SIZE], server_nonce[NONCE_SIZE];
    struct buf subject;
    uint8_t web_sha256[SHA256_SIZE], device_sha256[SHA256_SIZE];
    uint8_t rotpk[ROTPK_SIZE];
    bool recreate;
    uint8_t server_point[P256_POINT_SIZE];
    uint8_t transcript[SHA256_SIZE];
    uint8_t key[32];
    const uint8_t *report_key;
    unsigned pushed; /* the latest arrow that the server called */
    /* RunControl.End of one of its runs; by a worker, also after a later run was opened. */
    _Atomic(enum err) ended;
    Hallmark__V1__KeyDecision decision;
    /* From Runs.Commit or Runs.Open. */
    uint8_t statement_sha256[SHA256_SIZE], statement_run[RUN_ID_SIZE];
    bool reports_with_finish; /* arrow 32 */
    bool tells_boot;          /* Locked tells of a boot test that ended well */
    uint8_t receipt_sha256[SHA256_SIZE];
};
void board_init(struct board *board, struct party *station, const char *order, uint8_t number);
void board_fini(struct board *board);

/* Called by the double of wss_call(): the arrow's request; ERR_OK is answered with an empty
 * message. */
void board_pushed(struct board *board, const char *method, struct span payload);

enum err board_open(struct board *board, bool repeat, Hallmark__V1__OpenResponse **out);
/* From Open to arrow 33, or up to and with that arrow. */
enum err board_arrows(struct board *board, unsigned last);
enum err board_go_on(struct board *board, unsigned last); /* from arrow 4 */
enum err
board_report_again(struct board *board);         /* arrow 32, with report_key, the same bytes */
enum err board_certificate(struct board *board); /* arrow 14 alone, with reports 4-13 */
/* The board's cryptography. */
void board_sign(struct board *board, const struct wr *w, uint8_t digest[static SHA256_SIZE],
                uint8_t signature[static P256_SIGNATURE_SIZE]);
void board_cmac(const uint8_t key[static 32], const struct wr *w, uint8_t tag[static 16]);
void board_tag(const struct board *board, enum sign_confirm whose, uint8_t tag[static 16]);
void board_kcv(const struct board *board, const uint8_t key[static 32], uint8_t kcv[static 16]);

/* server_board_close.c */
void board_take_committed(struct board *board, const Hallmark__V1__UnitCommitResponse *in);
const Hallmark__V1__ArrowReports *board_report_of_finish(struct board *b); /* NULL: none */
enum err board_finish(struct board *board);
enum err board_commit(struct board *board);
enum err board_booted(struct board *board, bool booted);
enum err board_locked(struct board *board);
enum err board_sealed(struct board *board, Hallmark__V1__DebugPort port);
