/* SPDX-License-Identifier: MIT */
/*
 * listen: the server's listening sockets. For wss/ only.
 *
 * They are ours, not libwebsockets': it takes a network interface's name, listens on every
 * address if it does not know the one it is given, and accepts for as long as somebody connects
 * and serves nobody else meanwhile. These are bound to what was asked for or not at all, and
 * accept a few connections in a turn, which libwebsockets then adopts. Opened by wss_start();
 * after that the I/O thread's; closed when it has ended.
 */
#pragma once

#include <ev.h>
#include <libwebsockets.h>

#include "common/core/err.h"

enum {
    LISTEN_MAX = 8,   /* addresses of one host name */
    LISTEN_TURN = 16, /* accepted before the others have their turn */
    LISTEN_BACKLOG = 512,
};

struct door;

struct listener {
    struct ev_io io;
    struct listen_set *set;
};

struct listen_set {
    struct listener listeners[LISTEN_MAX];
    size_t count;
    struct ev_loop *loop;
    struct door *door; /* where what is accepted goes */
    bool paused;       /* no file descriptor was left: until the next listen_resume() */
};

/* address: a name, an IPv4 or IPv6 address; NULL: all. port 0: any free one, the same for all
 * addresses of a name. ERR_IO (not this host's, in use) or ERR_CONFIG (no such name), with
 * words. */
enum err listen_open(struct listen_set *set, const char *address, uint16_t port);
uint16_t listen_port(const struct listen_set *set);
void listen_start(struct listen_set *set, struct ev_loop *loop, struct door *door);
void listen_resume(struct listen_set *set); /* now and then */
void listen_close(struct listen_set *set);  /* also after a failed open */
