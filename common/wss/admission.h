/* SPDX-License-Identifier: MIT */
/*
 * admission: connections of the server whose TLS handshake has not begun. For wss/ only.
 *
 * Anyone may connect, and each handshake costs a signature on the I/O thread before the peer's
 * certificate is seen. So an accepted socket waits here until its ClientHello is there, and
 * then for its turn: unknown addresses begin one after the other, and only while their
 * signatures take less than a part of the thread's time. Addresses from which a peer
 * authenticated in the last day do not wait, within a rate limit each (test_wss_strangers). All
 * functions but admission_know() are called on the I/O thread.
 */
#pragma once

#include <ev.h>
#include <libwebsockets.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include "common/wss/wss.h"

enum {
    ADMISSION_KNOWN_MAX = 256, /* the least recently used one is forgotten */
    ADMISSION_KNOWN_S = 86400, /* how long an address stays known */
    ADMISSION_KNOWN_BURST = 8, /* a burst of handshakes of a known address, */
    ADMISSION_KNOWN_EACH_MS =
        250, /* then one in this time; more of them wait like the others */
    ADMISSION_ADDRESS_SIZE = 64
};

struct admission_waiting;
TAILQ_HEAD(admission_list, admission_waiting);

struct admission_known {
    char address[ADMISSION_ADDRESS_SIZE];
    uint64_t since_ms; /* 0: unused */
    unsigned spent;    /* of ADMISSION_KNOWN_BURST, */
    uint64_t spent_ms; /* as of then */
};

struct admission {
    struct ev_loop *loop;
    struct lws_vhost *vhost;
    struct wss_limits limits;
    struct admission_list list; /* oldest first */
    unsigned count;
    struct ev_timer timer;
    uint64_t free_us;  /* when an unknown address may begin again */
    uint64_t cost_us;  /* of the latest signature */
    uint64_t begun_us; /* the signature that is being made; 0: none */

    pthread_mutex_t lock; /* protects known */
    struct admission_known known[ADMISSION_KNOWN_MAX];
};

/* In this order: init, start, add for each accepted socket, close. */
void admission_init(struct admission *admission, const struct wss_limits *limits);
void admission_start(struct admission *admission, struct ev_loop *loop,
                     struct lws_vhost *vhost);
void admission_add(struct admission *admission, int fd,
                   const struct sockaddr_storage *from); /* takes fd */
void admission_close(
    struct admission *admission); /* closes what waits; after the I/O thread has ended */

void admission_know(struct admission *admission, const char *address); /* any thread */
/* Called before and after the signature of a handshake: the time in between is its cost. */
void admission_signing(struct admission *admission);
void admission_signed(struct admission *admission);
