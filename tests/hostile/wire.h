/* SPDX-License-Identifier: MIT */
/*
 * wire: a principal's real connection to oem-server, by which a board in software
 * (tests/unit/server_board.h) speaks: party_call() over mTLS. Each request passes hop(), and
 * signed_again() if the row wants that.
 */
#pragma once

#include "common/rpc/peer.h"
#include "tests/e2e/raw/ws.h"
#include "tests/hostile/lie.h"
#include "tests/unit/server_board.h"

struct wire {
    struct party party; /* first: server_board.c knows no more */
    struct ws ws;
    struct peer *peer;
    uint8_t last_key[16]; /* of its latest call */
    unsigned due;         /* the server's arrow that follows the latest answer; 0: none */
};

/* The server, and the folder with root.pem and the certificates and keys of all principals. */
struct place_of_server {
    const char *host, *port, *folder;
};
extern struct place_of_server server_place;

enum err wire_open(struct wire *wire, const char *name); /* NAME.pem, NAME.key */
void wire_close(struct wire *wire);
/* One call as it stands: no hop, these bytes. out may be NULL. */
enum err wire_ask(struct wire *wire, Hallmark__V1__FrameRequest *request, struct buf *out);
/* A message that is no Frame; what the server closes with. */
unsigned wire_bytes(struct wire *wire, struct span bytes);

/* resign.c: the statement in the request is signed by AUTHKEY as it is now. */
enum err signed_again(struct board *board, const char *method, struct buf *payload);
