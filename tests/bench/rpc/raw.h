/* SPDX-License-Identifier: MIT */
/*
 * raw: the floor: OpenSSL and epoll on one thread, a length and 200 bytes there and back. No
 * protocol, no allocation for a message, no second thread. Used by raw-server and raw-client.
 */
#pragma once

#include <openssl/ssl.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/bench/rpc/load.h"

enum { RAW_MESSAGE = 2 + LOAD_PAYLOAD };

struct raw_link {
    int fd;
    SSL *ssl;
    int poll;
    bool speaks_first; /* and has not yet: waits for room, not for bytes */
    bool open;         /* the handshake is over */
    uint64_t started_ns;
    size_t have;
    uint8_t message[RAW_MESSAGE];
};

enum raw_state { RAW_MORE, RAW_OPENED, RAW_MESSAGE_READY, RAW_CLOSED };

SSL_CTX *raw_tls(bool server, const char *folder);
struct raw_link *raw_link_new(SSL_CTX *tls, int fd, int poll, bool server);
void raw_link_free(struct raw_link *link);
enum raw_state raw_read(struct raw_link *link); /* on each event of fd: go on */
void raw_send(struct raw_link *link);           /* link->message */
