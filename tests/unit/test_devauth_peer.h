/* SPDX-License-Identifier: MIT */
/*
 * test_devauth_peer: the agent and the server in one, for the tests of DevAuth.
 *
 * It speaks through the mailbox as the agent does, encodes with protobuf-c, and holds the
 * server's keys. The same peer drives DevAuth over the host port and the ARM image on the
 * emulated chip: peer_io says how to reach the mailbox, and how the board gets its turn.
 */
#pragma once

#include <openssl/ec.h>
#include <protobuf-c/protobuf-c.h>

#include "common/core/layout.h"
#include "common/core/mailbox.h"
#include "common/core/sign.h"
#include "common/host/own.h"
#include "hallmark/v1/closing.pb-c.h"
#include "hallmark/v1/diagram.pb-c.h"

struct peer_io {
    void (*read)(void *context, size_t offset, void *bytes, size_t len); /* of the mailbox */
    void (*write)(void *context, size_t offset, const void *bytes, size_t len);
    void (*flash)(void *context, uint32_t address, struct span bytes); /* program, over SWD */
    bool (*turn)(void *context); /* false: the board is stuck or dead */
    void *context;
};

enum { PEER_IMAGE_MAX = 5 * FLASH_PAGE_SIZE, PEER_ANSWER_MAX = 512, FRAME_MAX = 2048 };

#define PEER_DEAD UINT32_MAX /* no answer will come: the board is stuck or without power */

struct peer {
    struct peer_io io;
    uint32_t down, up, stream, chunk; /* last sequences and numbers used */
    unsigned board_calls;             /* the board's own calls, answered */
    uint32_t refuse_board_calls;      /* status to answer them with; 0: serve them */

    EC_KEY *web, *boot, *agreement;
    struct buf web_certificate, device_certificate;
    uint8_t run_id[RUN_ID_SIZE], server_nonce[NONCE_SIZE];
    uint8_t uid[UID_SIZE], board_nonce[NONCE_SIZE];
    Hallmark__V1__HelloRequest *hello;
    uint8_t auth[P256_POINT_SIZE], target[P256_POINT_SIZE], server[P256_POINT_SIZE];
    uint8_t signature[P256_SIGNATURE_SIZE]; /* of arrow 12 */
    uint8_t secret[32];                     /* AES_NuLink3, as the server has it */
    uint8_t transcript[SHA256_SIZE];
    uint8_t chained; /* last arrow in the transcript */

    bool no_run;   /* Hello is answered with run id 0 */
    bool recreate; /* arrow 20 may write the record of a burnt pair again */
    uint8_t devauth_sha256[SHA256_SIZE];

    /* What the server stores beyond a run, for Closing.Lock. */
    Hallmark__V1__SignReceiptResponse *receipt; /* the last one that was checked */
    Hallmark__V1__CommitResponse *commit;
    Hallmark__V1__LockResponse *lock;
    uint8_t kept[32]; /* AES_NuLink3 that the commit statement names */

    unsigned lock_level; /* that arrow 25 asks for: production */
    uint8_t image[PEER_IMAGE_MAX];
    uint32_t image_len;
    bool feeding; /* arrow 24 is under way: chunks follow */
    uint32_t fed;
    uint8_t fwinfo[FWINFO_SIZE];
    uint32_t fwinfo_address;

    uint8_t request[FRAME_MAX]; /* payload of the last call */
    size_t request_len;
    uint8_t answer[PEER_ANSWER_MAX]; /* payload of the last answer */
    size_t answer_len;
    uint32_t status, code; /* of the last answer */
};

void peer_open(struct peer *p, const struct peer_io *io); /* keys, certificate in flash */
void peer_close(struct peer *p);
void peer_restart(struct peer *p); /* a new run on the same board: DevAuth was started anew */

/* One call. Serves the board's own calls meanwhile. Yields the code, or else the status. */
uint32_t peer_call(struct peer *p, const char *method, const ProtobufCMessage *request);
void peer_let_board_call(struct peer *p, unsigned count); /* until it made that many calls */
uint32_t peer_call_raw(struct peer *p, const char *method, struct span payload);

/* A frame as it is: sealed with this CRC and length, under this sequence. */
void peer_put_frame(struct peer *p, struct span frame, uint32_t length, uint32_t crc,
                    uint32_t sequence);
void peer_request_frame(struct buf *out, uint32_t stream, const char *method,
                        struct span payload);
uint32_t peer_await(struct peer *p, uint32_t stream); /* its answer, as peer_call() yields it */

/* The arrows with right requests, one, or all that are left up to one. */
uint32_t peer_arrow(struct peer *p, unsigned arrow);

/* What closes a run, with right requests; what the board signs is checked and kept. */
uint32_t peer_receipt(struct peer *p);
uint32_t peer_commit(struct peer *p); /* the receipt if it is due, then Commit: write */
uint32_t peer_keep(struct peer *p);   /* the same: keep what is in the slot */
uint32_t peer_lock(struct peer *p);
uint32_t peer_finish(struct peer *p); /* what is left of all arrows, receipt, commit, lock */
void peer_run_to(struct peer *p, unsigned arrow);
void peer_feed(struct peer *p); /* the chunk that is due, if there is room for one */
void peer_put_chunk(struct peer *p, uint32_t number, uint32_t offset, struct span bytes,
                    uint32_t crc_error);

/* Parts of requests, to be spoilt by tests. */
struct peer_cri {
    EC_KEY *key;               /* NULL: the board's public key */
    const char *serial_number; /* NULL: of the UID */
    const char *challenge;     /* NULL: of the server nonce */
};
void peer_make_cri(const struct peer *p, const struct peer_cri *parts, struct buf *out);
void peer_make_certificate(const struct peer *p, EC_KEY *subject, const uint8_t *point,
                           struct buf *out);
void peer_sign(EC_KEY *key, struct span statement, uint8_t signature[P256_SIGNATURE_SIZE]);
void peer_point(const EC_KEY *key, uint8_t point[P256_POINT_SIZE]);
EC_KEY *peer_key(void);
EC_KEY *peer_key_of(const uint8_t *point);
void peer_check_signature(const uint8_t *point, struct span statement, const uint8_t *bytes);
void peer_rotpk_statement(const struct peer *p, struct span rotpk, struct buf *out);
void peer_server_statement(const struct peer *p, struct span key, struct buf *out);
void peer_use_image(struct peer *p, struct span image, uint32_t fwinfo_address);
void peer_make_fwinfo(struct peer *p, EC_KEY *key); /* of p->image, into p->fwinfo */
void peer_confirmation(const struct peer *p, enum sign_confirm whose,
                       uint8_t tag[CONFIRMATION_TAG_SIZE]);
void peer_cmac(const uint8_t key[32], struct span message, uint8_t tag[16]);
void peer_kcv(const struct peer *p, const uint8_t key[32], uint8_t kcv[KCV_SIZE]);

/* A Closing.Lock request as the server would make it, in fields that a test may spoil. */
struct peer_lock_request {
    Hallmark__V1__LockRequest m;
    Hallmark__V1__CommitStatement statement;
    Hallmark__V1__Receipt receipt;
    uint8_t rotpk[ROTPK_SIZE], tag[CONFIRMATION_TAG_SIZE];
};
void peer_lock_request(const struct peer *p, struct peer_lock_request *out);
void peer_lock_tag(const struct peer *p, const uint8_t key[32], unsigned level,
                   uint8_t tag[CONFIRMATION_TAG_SIZE]);

/* Statements of messages, for whoever signs or checks them. */
void peer_receipt_statement(const Hallmark__V1__Receipt *receipt, struct buf *out);
void peer_commit_statement(const Hallmark__V1__CommitStatement *commit, struct buf *out);
void peer_sha256(struct span bytes, uint8_t digest[SHA256_SIZE]);
