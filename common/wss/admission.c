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

struct admission_waiting {
    TAILQ_ENTRY(admission_waiting) link;
    struct admission *admission;
    struct ev_io io;
    uint64_t since_us;
    char address[ADMISSION_ADDRESS_SIZE];
};

/* --- Known addresses. --------------------------------------------------------------------- */

/* Under admission->lock: its place, or the one to be overwritten. */
static struct admission_known *place_of(struct admission *admission, const char *address)
{
    struct admission_known *oldest = &admission->known[0];
    for (size_t i = 0; i < COUNT(admission->known); i++) {
        struct admission_known *k = &admission->known[i];
        if (k->since_ms != 0 && strcmp(k->address, address) == 0)
            return k;
        if (k->since_ms < oldest->since_ms)
            oldest = k;
    }
    return oldest;
}

void admission_know(struct admission *admission, const char *address)
{
    pthread_mutex_lock(&admission->lock);
    struct admission_known *k = place_of(admission, address);
    if (k->since_ms == 0 || strcmp(k->address, address) != 0)
        *k = (struct admission_known){ .spent = 0 };
    k->since_ms = rpc_now_ms();
    snprintf(k->address, sizeof(k->address), "%s", address);
    pthread_mutex_unlock(&admission->lock);
}

/* Under admission->lock. */
static bool spend(struct admission_known *k, uint64_t now_ms)
{
    uint64_t back = (now_ms - k->spent_ms) / ADMISSION_KNOWN_EACH_MS;
    k->spent = back >= k->spent ? 0 : k->spent - (unsigned)back;
    k->spent_ms = k->spent == 0 ? now_ms : k->spent_ms + back * ADMISSION_KNOWN_EACH_MS;
    if (k->spent == ADMISSION_KNOWN_BURST)
        return false;
    k->spent++;
    return true;
}

/* true if the address is known and has handshakes left. */
static bool goes_first(struct admission *admission, const char *address)
{
    uint64_t now = rpc_now_ms();
    pthread_mutex_lock(&admission->lock);
    struct admission_known *k = place_of(admission, address);
    bool known = k->since_ms != 0 && strcmp(k->address, address) == 0 &&
                 now - k->since_ms < (uint64_t)ADMISSION_KNOWN_S * 1000;
    bool first = known && spend(k, now);
    pthread_mutex_unlock(&admission->lock);
    return first;
}

/* --- Those that wait. --------------------------------------------------------------------- */

static int take_out(struct admission_waiting *w)
{
    int fd = w->io.fd;
    ev_io_stop(w->admission->loop, &w->io);
    TAILQ_REMOVE(&w->admission->list, w, link);
    w->admission->count--;
    free(w);
    return fd;
}

static void begin(struct admission *admission, int fd)
{
    (void)lws_adopt_socket_vhost(admission->vhost, fd); /* it closes what it does not take */
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

static void drop_late(struct admission *admission, uint64_t now)
{
    uint64_t longest = (uint64_t)admission->limits.handshake_s * 1000000;
    struct admission_waiting *w;
    while ((w = TAILQ_FIRST(&admission->list)) != NULL && now - w->since_us > longest)
        (void)close(take_out(w));
}

/* The oldest connection whose ClientHello has arrived. Those that are no TLS are handed to
 * OpenSSL, which refuses them. */
static struct admission_waiting *first_ready(struct admission *admission)
{
    struct admission_waiting *w = TAILQ_FIRST(&admission->list);
    while (w != NULL) {
        struct admission_waiting *next = TAILQ_NEXT(w, link);
        enum first first = look(w->io.fd);
        if (first == HELLO)
            return w;
        if (first == NO_HELLO)
            begin(admission, take_out(w));
        w = next;
    }
    return NULL;
}

static void set_timer(struct admission *admission, uint64_t now)
{
    uint64_t wait = admission->free_us > now ? admission->free_us - now : POLL_US;
    ev_timer_stop(admission->loop, &admission->timer);
    if (admission->count == 0)
        return;
    ev_timer_set(&admission->timer, (double)wait / 1e6, 0);
    ev_timer_start(admission->loop, &admission->timer);
}

/* The handshake that begins signs next; until that is reported, the latest signature's cost
 * counts. */
static void run(struct admission *admission)
{
    uint64_t now = clock_us();
    struct admission_waiting *w;
    drop_late(admission, now);
    if (now >= admission->free_us && (w = first_ready(admission)) != NULL) {
        admission->free_us = now + admission->cost_us * 100 / admission->limits.signing_percent;
        begin(admission, take_out(w));
    }
    set_timer(admission, now);
}

static void on_timer(struct ev_loop *loop, struct ev_timer *timer, int events)
{
    (void)loop, (void)events;
    run(lws_container_of(timer, struct admission, timer));
}

/* Called once: if only a part has arrived, the timer looks for the rest. */
static void on_readable(struct ev_loop *loop, struct ev_io *io, int events)
{
    (void)events;
    struct admission_waiting *w = lws_container_of(io, struct admission_waiting, io);
    ev_io_stop(loop, io);
    run(w->admission);
}

static void drop_one_of(struct admission *admission, const char *address)
{
    struct admission_waiting *w, *oldest = NULL;
    unsigned count = 0;
    TAILQ_FOREACH_REVERSE(w, &admission->list, admission_list, link)
    {
        if (strcmp(w->address, address) != 0)
            continue;
        oldest = w;
        count++;
    }
    if (oldest != NULL && count >= admission->limits.handshakes_address)
        (void)close(take_out(oldest));
}

static void address_of(const struct sockaddr_storage *from, char *address)
{
    if (getnameinfo((const struct sockaddr *)from, sizeof(*from), address,
                    ADMISSION_ADDRESS_SIZE, NULL, 0, NI_NUMERICHOST) != 0)
        address[0] = '\0';
    address_unmap(address);
}

void admission_add(struct admission *admission, int fd, const struct sockaddr_storage *from)
{
    char address[ADMISSION_ADDRESS_SIZE];
    address_of(from, address);
    if (goes_first(admission, address)) {
        begin(admission, fd);
        return;
    }
    struct admission_waiting *w = calloc(1, sizeof(*w));
    if (w == NULL) {
        (void)close(fd);
        return;
    }
    drop_one_of(admission, address);
    if (admission->count >= admission->limits.handshakes_all)
        (void)close(take_out(TAILQ_FIRST(&admission->list)));
    w->admission = admission;
    w->since_us = clock_us();
    memcpy(w->address, address, sizeof(address));
    TAILQ_INSERT_TAIL(&admission->list, w, link);
    admission->count++;
    ev_io_init(&w->io, on_readable, fd, EV_READ);
    ev_io_start(admission->loop, &w->io);
    set_timer(admission, w->since_us);
}

/* --- Signatures, and life. ---------------------------------------------------------------- */

void admission_signing(struct admission *admission)
{
    admission->begun_us = clock_us();
}

void admission_signed(struct admission *admission)
{
    if (admission->begun_us == 0)
        return;
    uint64_t now = clock_us();
    admission->cost_us = now - admission->begun_us;
    admission->begun_us = 0;
    admission->free_us =
        now + admission->cost_us * 100 / admission->limits.signing_percent - admission->cost_us;
}

void admission_init(struct admission *admission, const struct wss_limits *limits)
{
    TAILQ_INIT(&admission->list);
    pthread_mutex_init(&admission->lock, NULL);
    ev_timer_init(&admission->timer, on_timer, 0, 0);
    admission->limits = *limits;
}

void admission_start(struct admission *admission, struct ev_loop *loop, struct lws_vhost *vhost)
{
    admission->loop = loop;
    admission->vhost = vhost;
}

void admission_close(struct admission *admission)
{
    while (!TAILQ_EMPTY(&admission->list))
        (void)close(take_out(TAILQ_FIRST(&admission->list)));
}
