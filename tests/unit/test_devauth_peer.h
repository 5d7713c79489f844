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
uint32_t peer_commit(struct peer *p); /* Closing.Commit with the right tag */
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
void peer_confirmation(const struct peer *p, bool target, uint8_t tag[CONFIRMATION_TAG_SIZE]);
void peer_check_receipt(struct peer *p, unsigned lock_level);
