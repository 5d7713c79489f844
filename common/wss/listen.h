/* SPDX-License-Identifier: MIT */
/*
 * listen: the server's listening sockets. For wss/ only.
 *
 * They are not libwebsockets' own, which takes a network interface's name, listens on all
 * addresses if it does not know the one it is given, and accepts as long as peers connect
 * without serving others meanwhile. These are bound to the requested address or not at all
 * (tests/e2e/listen), and accept a few connections in a turn, which libwebsockets then adopts.
 * Opened by wss_start(); after that used by the I/O thread; closed when it has ended.
 */
#pragma once

#include <ev.h>
#include <libwebsockets.h>

#include "common/core/err.h"

enum {
    LISTEN_MAX = 8,   /* addresses of one host name */
    LISTEN_TURN = 16, /* accepted before other sockets have their turn */
    LISTEN_BACKLOG = 512,
    LISTEN_SPARE = 64, /* descriptors that accepted connections leave to the HSM and the store;
                          a quarter of all if there are fewer than four times as many */
};

struct admission;

struct listener {
    struct ev_io io;
    struct listen_set *set;
};

struct listen_set {
    struct listener listeners[LISTEN_MAX];
    size_t count;
    struct ev_loop *loop;
    struct admission *admission; /* gets the accepted sockets */
    int fd_max;                  /* the first descriptor that is spared */
    bool paused; /* no file descriptor was left: until the next listen_resume() */
};

/* address: a name, an IPv4 or IPv6 address; NULL: all. port 0: any free one, the same for all
 * addresses of a name. ERR_IO (not this host's, in use) or ERR_CONFIG (no such name), with a
 * message. */
enum err listen_open(struct listen_set *set, const char *address, uint16_t port);
uint16_t listen_port(const struct listen_set *set);
void listen_start(struct listen_set *set, struct ev_loop *loop, struct admission *admission);
void listen_resume(struct listen_set *set); /* called about once a second */
void listen_close(struct listen_set *set);  /* also after a failed open */
