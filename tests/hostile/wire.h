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
    unsigned due; /* the server's arrow that follows the latest answer; 0: none */
    struct said {
        struct buf method, payload, run, reports, key;
    } latest; /* what it called */
};

/* The server, and the folder with root.pem and the certificates and keys of all principals. */
struct place_of_server {
    const char *host, *port, *folder;
};
extern struct place_of_server server_place;

enum err wire_open(struct wire *wire, const char *name); /* NAME.pem, NAME.key */
void wire_close(struct wire *wire);
/* What was said, once more, by whichever station, with its idempotency key or a fresh one; no
 * hop. out may be NULL. */
enum err wire_again(struct wire *wire, const struct said *said, bool same_key, struct buf *out);
/* A message that is no Frame; what the server closes with. */
unsigned wire_bytes(struct wire *wire, struct span bytes);

/* resign.c: the statement in the request is signed by AUTHKEY as it is now. */
enum err signed_again(struct board *board, const char *method, struct buf *payload);
