/* SPDX-License-Identifier: MIT */
/*
 * listen: opens listening sockets and accepts connections. Called by wss.c at start and end;
 * the callbacks run on the I/O thread. It must not listen on an address that was not asked for
 * (tests/e2e/listen).
 */
#include "common/wss/listen.h"

#include <errno.h>
#include <limits.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/host/log.h"
#include "common/host/own.h"
#include "common/wss/admission.h"

static void list_drop(struct addrinfo **list)
{
    if (*list != NULL)
        freeaddrinfo(*list);
}

static bool set_option(int fd, int level, int name, int value)
{
    return setsockopt(fd, level, name, &value, sizeof(value)) == 0;
}

/* A socket that listens there; -1 with errno. All addresses: of both families on one socket. */
static int socket_at(const struct addrinfo *at, bool all)
{
    AUTO(fd_drop)
    int fd = socket(at->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || !set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1))
        return -1;
    if (at->ai_family == AF_INET6 && !set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, all ? 0 : 1))
        return -1;
    if (bind(fd, at->ai_addr, at->ai_addrlen) != 0 || listen(fd, LISTEN_BACKLOG) != 0)
        return -1;
    int listening = fd;
    fd = -1;
    return listening;
}

static uint16_t port_of(int fd)
{
    char port[8];
    struct sockaddr_storage own;
    socklen_t len = sizeof(own);
    if (getsockname(fd, (struct sockaddr *)&own, &len) != 0 ||
        getnameinfo((struct sockaddr *)&own, len, NULL, 0, port, sizeof(port),
                    NI_NUMERICSERV) != 0)
        return 0;
    return (uint16_t)strtoul(port, NULL, 10);
}

uint16_t listen_port(const struct listen_set *set)
{
    return set->count == 0 ? 0 : port_of(set->listeners[0].io.fd);
}

/* The port that the first socket was given is used for all. */
static void set_port(struct addrinfo *at, uint16_t port)
{
    if (at->ai_family == AF_INET6)
        ((struct sockaddr_in6 *)at->ai_addr)->sin6_port = htons(port);
    else
        ((struct sockaddr_in *)at->ai_addr)->sin_port = htons(port);
}

/* A new descriptor is the lowest that is free, so one that is spared means that the others are
 * in use. */
static int fd_max(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur > INT_MAX)
        return INT_MAX;
    int all = (int)limit.rlim_cur;
    return all - (all / 4 < LISTEN_SPARE ? all / 4 : LISTEN_SPARE);
}

static void pause_all(struct listen_set *set, struct ev_loop *loop)
{
    set->paused = true;
    for (size_t i = 0; i < set->count; i++)
        ev_io_stop(loop, &set->listeners[i].io);
}

static bool is_spared(const struct listen_set *set, int fd)
{
    if (fd < set->fd_max)
        return false;
    log_line(
        LOG_LEVEL_WARN,
        "wss: a connection is turned away: %d descriptors are in use, and the others are for "
        "the HSM and the store (RLIMIT_NOFILE)",
        set->fd_max);
    (void)close(fd);
    return true;
}

/* Accepts at most LISTEN_TURN connections; the others wait until all sockets had a turn. */
static void on_connect(struct ev_loop *loop, struct ev_io *io, int events)
{
    (void)events;
    struct listen_set *set = ((struct listener *)io)->set;
    for (int i = 0; i < LISTEN_TURN; i++) {
        struct sockaddr_storage from = { .ss_family = AF_UNSPEC };
        socklen_t len = sizeof(from);
        int fd = accept4(io->fd, (struct sockaddr *)&from, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0 && is_spared(set, fd)) {
            pause_all(set, loop);
            return;
        }
        if (fd >= 0) {
            (void)set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
            admission_add(set->admission, fd, &from);
        } else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
            log_line(LOG_LEVEL_WARN, "wss: a connection has to wait: %s", strerror(errno));
            pause_all(set, loop);
            return;
        } else if (errno != EINTR && errno != ECONNABORTED) {
            return;
        }
    }
}

static enum err add(struct listen_set *set, struct addrinfo *at, bool all)
{
    if (set->count == LISTEN_MAX)
        return fail(ERR_CONFIG, "wss: this name has more than %d addresses", LISTEN_MAX);
    if (set->count > 0)
        set_port(at, listen_port(set));
    int fd = socket_at(at, all);
    if (fd < 0)
        return ERR_IO;
    struct listener *listener = &set->listeners[set->count++];
    listener->set = set;
    ev_io_init(&listener->io, on_connect, fd, EV_READ);
    return ERR_OK;
}

static bool is_absent(int code)
{
    return code == EAFNOSUPPORT || code == EADDRNOTAVAIL;
}

/* A name may have an address of a family that this host lacks: one address is enough then. */
static enum err add_all(struct listen_set *set, struct addrinfo *list, const char *address,
                        uint16_t port)
{
    int code = 0;
    for (struct addrinfo *at = list; at != NULL; at = at->ai_next) {
        enum err e = add(set, at, address == NULL);
        if (e == ERR_OK && address == NULL)
            return ERR_OK; /* the first takes both families */
        if (e == ERR_CONFIG)
            return e;
        if (e != ERR_OK)
            code = errno;
        if (code != 0 && !is_absent(code))
            break;
    }
    if (set->count > 0 && (code == 0 || is_absent(code)))
        return ERR_OK;
    return fail(ERR_IO, "wss: cannot listen on %s, port %u: %s",
                address == NULL ? "any address" : address, port, strerror(code));
}

/* IPv6 first if all are asked for: such a socket takes IPv4 too. */
static enum err find(const char *address, const char *service, int family,
                     struct addrinfo **list_out)
{
    const struct addrinfo hints = { .ai_flags = AI_PASSIVE | AI_NUMERICSERV,
                                    .ai_family = family,
                                    .ai_socktype = SOCK_STREAM };
    int code = getaddrinfo(address, service, &hints, list_out);
    return code == 0 ? ERR_OK
                     : fail_quiet(ERR_CONFIG, "wss: cannot listen on %s: %s",
                                  address == NULL ? "any address" : address,
                                  code == EAI_SYSTEM ? strerror(errno) : gai_strerror(code));
}

static enum err try_family(struct listen_set *set, const char *address, uint16_t port,
                           int family)
{
    AUTO(list_drop) struct addrinfo *list = NULL;
    char service[8];
    snprintf(service, sizeof(service), "%u", port);
    TRY(find(address, service, family, &list));
    return add_all(set, list, address, port);
}

enum err listen_open(struct listen_set *set, const char *address, uint16_t port)
{
    *set = (struct listen_set){ .count = 0 };
    enum err e = ERR_IO;
    if (address == NULL && access("/proc/net/if_inet6", F_OK) == 0)
        e = try_family(set, NULL, port, AF_INET6);
    else
        e = try_family(set, address, port, address == NULL ? AF_INET : AF_UNSPEC);
    if (e == ERR_CONFIG)
        log_line(LOG_LEVEL_ERROR, "%s", fail_words());
    return e;
}

void listen_start(struct listen_set *set, struct ev_loop *loop, struct admission *admission)
{
    set->loop = loop;
    set->fd_max = fd_max();
    set->admission = admission;
    for (size_t i = 0; i < set->count; i++)
        ev_io_start(loop, &set->listeners[i].io);
}

void listen_resume(struct listen_set *set)
{
    if (!set->paused)
        return;
    set->paused = false;
    for (size_t i = 0; i < set->count; i++)
        ev_io_start(set->loop, &set->listeners[i].io);
}

void listen_close(struct listen_set *set)
{
    for (size_t i = 0; i < set->count; i++)
        (void)close(set->listeners[i].io.fd);
    set->count = 0;
}
