/* SPDX-License-Identifier: MIT */
/*
 * ws: the client's end of a WebSocket over TLS 1.3, by hand, so that a test may send what the
 * programs' own carrier never would. RFC 6455, blocking, for tests only.
 *
 * Owned by its caller; ws_close releases. Failures are words in fail_words().
 */
#pragma once

#include <openssl/ssl.h>

#include "common/host/own.h"

struct ws_target {
    const char *host;
    const char *port;
    const char *ca;          /* PEM: root that the server's chain must lead to */
    const char *certificate; /* PEM chain, or NULL: offer none */
    const char *key;
    const char *subprotocol;
};

enum ws_opcode {
    WS_MORE = 0,
    WS_TEXT = 1,
    WS_BINARY = 2,
    WS_CLOSE = 8,
    WS_PING = 9,
    WS_PONG = 10
};

struct ws {
    SSL_CTX *context;
    SSL *ssl;
    int fd;
    struct buf message;  /* the part of one that has come */
    unsigned close_code; /* of the server's close frame; 0: none came */
    char reason[128];
};

/* ERR_TLS: refused in the handshake, words name the alert. ERR_PROTO: no WebSocket here. */
enum err ws_open(struct ws *ws, const struct ws_target *target);
enum err ws_send(struct ws *ws, enum ws_opcode opcode, struct span payload);
/* One whole message. ERR_CLOSED: the server has closed; close_code and reason say why. */
enum err ws_receive(struct ws *ws, struct buf *message_out);
/* One frame: a ping is answered; *whole_out: a message is whole. */
enum err ws_take(struct ws *ws, struct buf *message_out, bool *whole_out);
bool ws_has_bytes(const struct ws *ws); /* that poll() does not know of */
void ws_close(struct ws *ws);
