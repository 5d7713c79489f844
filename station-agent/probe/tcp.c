/* SPDX-License-Identifier: MIT */
/*
 * A probe behind a TCP connection, as OpenOCD's "cmsis-dap backend tcp" speaks it: every packet
 * is preceded by "DAP\0", its length (u16le), a type (1 request, 2 response) and a zero byte.
 * One response per request, in order. What fails after the connection is up is said quietly:
 * the caller knows what it was doing and logs it.
 * https://openocd.org/doc/html (CMSIS-DAP, tcp backend).
 */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/core/wr.h"
#include "common/host/log.h"
#include "common/host/own.h"
#include "station-agent/probe/probe.h"
#include "station-agent/probe/when.h"

#define SIGNATURE    0x00504144u
#define PORT_DEFAULT "4441"
enum {
    HEADER_SIZE = 8,
    TYPE_REQUEST = 1,
    TYPE_RESPONSE = 2,
    CONNECT_MS = 5000,
    HOST_MAX = 256
};

struct tcp {
    struct probe probe; /* first: a struct probe * is a struct tcp * */
    int fd;
    size_t have;  /* bytes of received[] that are filled */
    size_t taken; /* of them, what the last reply covered */
    uint8_t received[HEADER_SIZE + PROBE_PACKET_MAX];
};

static struct tcp *tcp_of(struct probe *probe)
{
    return (struct tcp *)probe;
}

/* ERR_OK: ready; ERR_DEADLINE, quietly: not in time. */
static enum err await(const struct tcp *tcp, short events, uint64_t deadline_us)
{
    for (;;) {
        struct pollfd p = { .fd = tcp->fd, .events = events };
        int n = poll(&p, 1, (int)when_left_ms(deadline_us));
        if (n > 0)
            return ERR_OK;
        if (n == 0)
            return fail_quiet(ERR_DEADLINE, "probe: %s: no reply in time", tcp->probe.name);
        if (errno != EINTR)
            return fail_quiet(ERR_IO, "probe: %s: poll: %s", tcp->probe.name, strerror(errno));
    }
}

static enum err send_all(struct tcp *tcp, struct span bytes)
{
    uint64_t deadline = when_us() + (uint64_t)probe_reply_ms(&tcp->probe) * 1000;
    while (bytes.len > 0) {
        ssize_t n = send(tcp->fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);
        if (n >= 0)
            bytes = (struct span){ bytes.ptr + n, bytes.len - (size_t)n };
        else if (errno == EAGAIN)
            TRY(await(tcp, POLLOUT, deadline));
        else if (errno != EINTR)
            return fail_quiet(errno == EPIPE || errno == ECONNRESET ? ERR_CLOSED : ERR_IO,
                              "probe: %s: send: %s", tcp->probe.name, strerror(errno));
    }
    return ERR_OK;
}

static enum err tcp_send(struct probe *probe, struct span packet)
{
    uint8_t frame[HEADER_SIZE + PROBE_PACKET_MAX];
    struct wr w = wr_of(frame, sizeof(frame));
    wr_u32le(&w, SIGNATURE);
    wr_u16le(&w, (uint16_t)packet.len);
    wr_u8(&w, TYPE_REQUEST);
    wr_u8(&w, 0);
    wr_span(&w, packet);
    if (wr_end(&w) != ERR_OK)
        return fail_quiet(ERR_LIMIT, "probe: %s: packet of %zu bytes", probe->name, packet.len);
    return send_all(tcp_of(probe), wr_done(&w));
}

/* Read until received[] holds want bytes; keeps what came if the time is up. */
static enum err fill(struct tcp *tcp, size_t want, uint64_t deadline_us)
{
    while (tcp->have < want) {
        ssize_t n =
            recv(tcp->fd, tcp->received + tcp->have, sizeof(tcp->received) - tcp->have, 0);
        if (n > 0)
            tcp->have += (size_t)n;
        else if (n == 0)
            return fail_quiet(ERR_CLOSED, "probe: %s: connection closed by the probe",
                              tcp->probe.name);
        else if (errno == EAGAIN)
            TRY(await(tcp, POLLIN, deadline_us));
        else if (errno != EINTR)
            return fail_quiet(errno == ECONNRESET ? ERR_CLOSED : ERR_IO,
                              "probe: %s: receive: %s", tcp->probe.name, strerror(errno));
    }
    return ERR_OK;
}

static enum err parse_header(const struct tcp *tcp, size_t *length_out)
{
    struct rd r = rd_of(span_of(tcp->received, HEADER_SIZE));
    uint32_t signature = rd_u32le(&r);
    size_t length = rd_u16le(&r);
    uint8_t type = rd_u8(&r);
    if (signature != SIGNATURE || type != TYPE_RESPONSE)
        return fail_quiet(ERR_PROTO,
                          "probe: %s: not a CMSIS-DAP TCP server (signature %08x, type %u)",
                          tcp->probe.name, signature, type);
    if (length > PROBE_PACKET_MAX)
        return fail_quiet(ERR_LIMIT, "probe: %s: reply of %zu bytes, limit %d", tcp->probe.name,
                          length, PROBE_PACKET_MAX);
    *length_out = length;
    return ERR_OK;
}

static enum err tcp_receive(struct probe *probe, struct span *reply_out, unsigned timeout_ms)
{
    struct tcp *tcp = tcp_of(probe);
    uint64_t deadline = when_us() + (uint64_t)timeout_ms * 1000;
    memmove(tcp->received, tcp->received + tcp->taken, tcp->have - tcp->taken);
    tcp->have -= tcp->taken;
    tcp->taken = 0;
    size_t length = 0;
    TRY(fill(tcp, HEADER_SIZE, deadline));
    TRY(parse_header(tcp, &length));
    TRY(fill(tcp, HEADER_SIZE + length, deadline));
    tcp->taken = HEADER_SIZE + length;
    *reply_out = span_of(tcp->received + HEADER_SIZE, length);
    return ERR_OK;
}

static void tcp_close(struct probe *probe)
{
    struct tcp *tcp = tcp_of(probe);
    fd_drop(&tcp->fd);
    free(tcp);
}

static void tcp_drop(struct tcp **tcp)
{
    if (*tcp != NULL)
        tcp_close(&(*tcp)->probe);
}

static bool is_port(const char *text)
{
    size_t len = strspn(text, "0123456789");
    unsigned long port = len == 0 || len > 5 || text[len] != '\0' ? 0 : strtoul(text, NULL, 10);
    return port >= 1 && port <= UINT16_MAX;
}

/* "tcp://HOST", "tcp://HOST:PORT", "tcp://[V6]:PORT". */
static enum err split_uri(const char *uri, char host[static HOST_MAX], const char **port_out)
{
    const char *from = uri + strlen("tcp://");
    bool v6 = *from == '[';
    const char *end = v6 ? strchr(from, ']') : strchrnul(from, ':');
    if (end == NULL)
        return fail(ERR_USAGE, "probe: '%.100s': no ']' after the address", uri);
    const char *rest = v6 ? end + 1 : end;
    from += v6 ? 1 : 0;
    size_t len = (size_t)(end - from);
    if (len == 0 || len >= HOST_MAX || (*rest != '\0' && *rest != ':') ||
        (*rest == ':' && !is_port(rest + 1)))
        return fail(ERR_USAGE, "probe: '%.100s': want tcp://HOST:PORT, a port from 1 to 65535",
                    uri);
    memcpy(host, from, len);
    host[len] = '\0';
    *port_out = *rest == ':' ? rest + 1 : PORT_DEFAULT;
    return ERR_OK;
}

static enum err finish_connect(struct tcp *tcp)
{
    if (await(tcp, POLLOUT, when_us() + (uint64_t)CONNECT_MS * 1000) != ERR_OK)
        return fail(ERR_UNAVAILABLE, "probe: %s: no connection in %d ms", tcp->probe.name,
                    CONNECT_MS);
    int code = 0;
    socklen_t size = sizeof(code);
    getsockopt(tcp->fd, SOL_SOCKET, SO_ERROR, &code, &size);
    if (code != 0)
        return fail(ERR_UNAVAILABLE, "probe: %s: %s; does the probe's server run there?",
                    tcp->probe.name, strerror(code));
    return ERR_OK;
}

static enum err connect_one(struct tcp *tcp, const struct addrinfo *to)
{
    fd_drop(&tcp->fd);
    tcp->fd = socket(to->ai_family, to->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (tcp->fd < 0)
        return fail(ERR_IO, "probe: %s: socket: %s", tcp->probe.name, strerror(errno));
    int on = 1;
    setsockopt(tcp->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (connect(tcp->fd, to->ai_addr, to->ai_addrlen) == 0)
        return ERR_OK;
    if (errno != EINPROGRESS)
        return fail(ERR_UNAVAILABLE, "probe: %s: connect: %s", tcp->probe.name,
                    strerror(errno));
    return finish_connect(tcp);
}

static void list_drop(struct addrinfo **list)
{
    if (*list != NULL)
        freeaddrinfo(*list);
}

static enum err connect_any(struct tcp *tcp, const char *host, const char *port)
{
    const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
    AUTO(list_drop) struct addrinfo *list = NULL;
    int code = getaddrinfo(host, port, &hints, &list);
    if (code != 0)
        return fail(ERR_UNAVAILABLE, "probe: %s: %s", tcp->probe.name, gai_strerror(code));
    enum err e = ERR_UNAVAILABLE;
    for (const struct addrinfo *to = list; to != NULL && e != ERR_OK; to = to->ai_next)
        e = connect_one(tcp, to);
    return e;
}

enum err probe_tcp_open(const char *uri, unsigned reply_ms, struct probe **probe_out)
{
    char host[HOST_MAX];
    const char *port = NULL;
    TRY(split_uri(uri, host, &port));
    AUTO(tcp_drop) struct tcp *tcp = calloc(1, sizeof(*tcp));
    if (tcp == NULL)
        return fail(ERR_MEMORY, "probe: %s: out of memory", uri);
    tcp->fd = -1;
    tcp->probe = (struct probe){
        .send = tcp_send, .receive = tcp_receive, .close = tcp_close, .reply_ms = reply_ms
    };
    snprintf(tcp->probe.name, sizeof(tcp->probe.name), "%s", uri);
    TRY(connect_any(tcp, host, port));
    *probe_out = &TAKE(tcp)->probe;
    return ERR_OK;
}
