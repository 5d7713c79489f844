/* SPDX-License-Identifier: MIT */
/*
 * admission: the queue of connections before their handshake. Called by listen.c with new
 * sockets, and by tls.c before and after signatures. It must not begin a handshake of an
 * unknown address out of its turn (test_wss_strangers).
 */
#include "common/wss/admission.h"

#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "common/host/clock.h"
#include "common/host/log.h"
#include "common/rpc/rpc.h"
#include "common/wss/conn.h"

enum { POLL_US = 20000, RECORD_HEADER = 5, HELLO_MAX = 1 << 14, HANDSHAKE_RECORD = 22 };

struct door_waiting {
    TAILQ_ENTRY(door_waiting) link;
    struct door *door;
    struct ev_io io;
    uint64_t since_us;
    char address[DOOR_ADDRESS_SIZE];
};

/* --- Known addresses. --------------------------------------------------------------------- */

/* Under door->lock: its place, or the one to be overwritten. */
static struct door_known *place_of(struct door *door, const char *address)
{
    struct door_known *oldest = &door->known[0];
    for (size_t i = 0; i < COUNT(door->known); i++) {
        struct door_known *k = &door->known[i];
        if (k->since_ms != 0 && strcmp(k->address, address) == 0)
            return k;
        if (k->since_ms < oldest->since_ms)
            oldest = k;
    }
    return oldest;
}

void door_know(struct door *door, const char *address)
{
    pthread_mutex_lock(&door->lock);
    struct door_known *k = place_of(door, address);
    if (k->since_ms == 0 || strcmp(k->address, address) != 0)
        *k = (struct door_known){ .spent = 0 };
    k->since_ms = rpc_now_ms();
    snprintf(k->address, sizeof(k->address), "%s", address);
    pthread_mutex_unlock(&door->lock);
}

/* Under door->lock. */
static bool spend(struct door_known *k, uint64_t now_ms)
{
    uint64_t back = (now_ms - k->spent_ms) / DOOR_KNOWN_EACH_MS;
    k->spent = back >= k->spent ? 0 : k->spent - (unsigned)back;
    k->spent_ms = k->spent == 0 ? now_ms : k->spent_ms + back * DOOR_KNOWN_EACH_MS;
    if (k->spent == DOOR_KNOWN_BURST)
        return false;
    k->spent++;
    return true;
}

/* true if the address is known and has handshakes left. */
static bool goes_first(struct door *door, const char *address)
{
    uint64_t now = rpc_now_ms();
    pthread_mutex_lock(&door->lock);
    struct door_known *k = place_of(door, address);
    bool known = k->since_ms != 0 && strcmp(k->address, address) == 0 &&
                 now - k->since_ms < (uint64_t)DOOR_KNOWN_S * 1000;
    bool first = known && spend(k, now);
    pthread_mutex_unlock(&door->lock);
    return first;
}

/* --- Those that wait. --------------------------------------------------------------------- */

static int take_out(struct door_waiting *w)
{
    int fd = w->io.fd;
    ev_io_stop(w->door->loop, &w->io);
    TAILQ_REMOVE(&w->door->list, w, link);
    w->door->count--;
    free(w);
    return fd;
}

static void begin(struct door *door, int fd)
{
    (void)lws_adopt_socket_vhost(door->vhost, fd); /* it closes what it does not take */
}

/* Looks whether the whole first record has arrived: the server's answer to it then needs
 * nothing more from the peer. Bytes that are no TLS handshake cost no signature: OpenSSL
 * refuses them. */
enum first { NOT_YET, HELLO, NO_HELLO };

static enum first look(int fd)
{
    uint8_t header[RECORD_HEADER];
    int there = 0;
    ssize_t got = recv(fd, header, sizeof(header), MSG_PEEK | MSG_DONTWAIT);
    if (got < 0)
        return errno == EAGAIN || errno == EINTR ? NOT_YET : NO_HELLO;
    if (got == 0 || header[0] != HANDSHAKE_RECORD)
        return NO_HELLO;
    if (got < RECORD_HEADER || ioctl(fd, FIONREAD, &there) != 0)
        return NOT_YET;
    int whole = RECORD_HEADER + (header[3] << 8 | header[4]);
    return there >= (whole < HELLO_MAX ? whole : HELLO_MAX) ? HELLO : NOT_YET;
}

static void drop_late(struct door *door, uint64_t now)
{
    uint64_t longest = (uint64_t)door->limits.handshake_s * 1000000;
    struct door_waiting *w;
    while ((w = TAILQ_FIRST(&door->list)) != NULL && now - w->since_us > longest)
        (void)close(take_out(w));
}

/* The oldest connection whose ClientHello has arrived. Those that are no TLS are handed to
 * OpenSSL, which refuses them. */
static struct door_waiting *first_ready(struct door *door)
{
    struct door_waiting *w = TAILQ_FIRST(&door->list);
    while (w != NULL) {
        struct door_waiting *next = TAILQ_NEXT(w, link);
        enum first first = look(w->io.fd);
        if (first == HELLO)
            return w;
        if (first == NO_HELLO)
            begin(door, take_out(w));
        w = next;
    }
    return NULL;
}

static void set_timer(struct door *door, uint64_t now)
{
    uint64_t wait = door->free_us > now ? door->free_us - now : POLL_US;
    ev_timer_stop(door->loop, &door->timer);
    if (door->count == 0)
        return;
    ev_timer_set(&door->timer, (double)wait / 1e6, 0);
    ev_timer_start(door->loop, &door->timer);
}

/* The handshake that begins signs next; until that is reported, the latest signature's cost
 * counts. */
static void run(struct door *door)
{
    uint64_t now = clock_us();
    struct door_waiting *w;
    drop_late(door, now);
    if (now >= door->free_us && (w = first_ready(door)) != NULL) {
        door->free_us = now + door->cost_us * 100 / door->limits.signing_percent;
        begin(door, take_out(w));
    }
    set_timer(door, now);
}

static void on_timer(struct ev_loop *loop, struct ev_timer *timer, int events)
{
    (void)loop, (void)events;
    run(lws_container_of(timer, struct door, timer));
}

/* Called once: if only a part has arrived, the timer looks for the rest. */
static void on_readable(struct ev_loop *loop, struct ev_io *io, int events)
{
    (void)events;
    struct door_waiting *w = lws_container_of(io, struct door_waiting, io);
    ev_io_stop(loop, io);
    run(w->door);
}

static void drop_one_of(struct door *door, const char *address)
{
    struct door_waiting *w, *oldest = NULL;
    unsigned count = 0;
    TAILQ_FOREACH_REVERSE(w, &door->list, door_list, link)
    {
        if (strcmp(w->address, address) != 0)
            continue;
        oldest = w;
        count++;
    }
    if (oldest != NULL && count >= door->limits.handshakes_address)
        (void)close(take_out(oldest));
}

static void address_of(const struct sockaddr_storage *from, char *address)
{
    if (getnameinfo((const struct sockaddr *)from, sizeof(*from), address, DOOR_ADDRESS_SIZE,
                    NULL, 0, NI_NUMERICHOST) != 0)
        address[0] = '\0';
    address_unmap(address);
}

void door_add(struct door *door, int fd, const struct sockaddr_storage *from)
{
    char address[DOOR_ADDRESS_SIZE];
    address_of(from, address);
    if (goes_first(door, address)) {
        begin(door, fd);
        return;
    }
    struct door_waiting *w = calloc(1, sizeof(*w));
    if (w == NULL) {
        (void)close(fd);
        return;
    }
    drop_one_of(door, address);
    if (door->count >= door->limits.handshakes_all)
        (void)close(take_out(TAILQ_FIRST(&door->list)));
    w->door = door;
    w->since_us = clock_us();
    memcpy(w->address, address, sizeof(address));
    TAILQ_INSERT_TAIL(&door->list, w, link);
    door->count++;
    ev_io_init(&w->io, on_readable, fd, EV_READ);
    ev_io_start(door->loop, &w->io);
    set_timer(door, w->since_us);
}

/* --- Signatures, and life. ---------------------------------------------------------------- */

void door_signing(struct door *door)
{
    door->begun_us = clock_us();
}

void door_signed(struct door *door)
{
    if (door->begun_us == 0)
        return;
    uint64_t now = clock_us();
    door->cost_us = now - door->begun_us;
    door->begun_us = 0;
    door->free_us = now + door->cost_us * 100 / door->limits.signing_percent - door->cost_us;
}

void door_init(struct door *door, const struct wss_limits *limits)
{
    TAILQ_INIT(&door->list);
    pthread_mutex_init(&door->lock, NULL);
    ev_timer_init(&door->timer, on_timer, 0, 0);
    door->limits = *limits;
}

void door_start(struct door *door, struct ev_loop *loop, struct lws_vhost *vhost)
{
    door->loop = loop;
    door->vhost = vhost;
}

void door_close(struct door *door)
{
    while (!TAILQ_EMPTY(&door->list))
        (void)close(take_out(TAILQ_FIRST(&door->list)));
}
