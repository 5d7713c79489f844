/* SPDX-License-Identifier: MIT */
/*
 * The TCP listener of one probe: framing, order of answers, TransferAbort and queued commands
 * out of turn. Called by board.c on the board's thread. A length in a frame must not be
 * trusted: it is compared with the packet size before a byte is used.
 */

#include "target-fw/board/link.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "common/host/log.h"
#include "common/host/own.h"
#include "target-fw/board/chip/chip.h"

enum { TYPE_REQUEST = 1, TYPE_RESPONSE = 2, SEND_TIMEOUT_S = 5, BACKLOG = 4, QUEUE_MAX = 15 };

#define SIGNATURE 0x00504144U /* "DAP\0" */

static void info_drop(struct addrinfo **info)
{
    if (*info != NULL)
        freeaddrinfo(*info);
}

static int bind_one(const struct addrinfo *info)
{
    int one = 1;
    AUTO(fd_drop)
    int fd = socket(info->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) != 0 ||
        bind(fd, info->ai_addr, info->ai_addrlen) != 0 || listen(fd, BACKLOG) != 0)
        return -1;
    int bound = fd;
    fd = -1;
    return bound;
}

static void name_address(struct link *link)
{
    struct sockaddr_storage at;
    socklen_t len = sizeof(at);
    char host[INET6_ADDRSTRLEN + 1] = "?", port[8] = "?";
    if (getsockname(link->listener, (struct sockaddr *)&at, &len) == 0)
        (void)getnameinfo((struct sockaddr *)&at, len, host, sizeof(host), port, sizeof(port),
                          NI_NUMERICHOST | NI_NUMERICSERV);
    snprintf(link->address, sizeof(link->address),
             strchr(host, ':') == NULL ? "%s:%s" : "[%s]:%s", host, port);
}

enum err link_open(struct link *link, unsigned number, const char *host, unsigned port)
{
    *link = (struct link){ .number = number, .listener = -1, .client = -1 };
    char service[8];
    snprintf(service, sizeof(service), "%u", port);
    const struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE };
    AUTO(info_drop) struct addrinfo *info = NULL;
    int e = getaddrinfo(host, service, &hints, &info);
    if (e != 0)
        return fail(ERR_CONFIG, "link: %s: %s", host, gai_strerror(e));
    link->listener = bind_one(info);
    if (link->listener < 0)
        return fail(ERR_IO, "link: %s:%u: %s", host, port, strerror(errno));
    name_address(link);
    return ERR_OK;
}

void link_hang_up(struct link *link)
{
    if (link->client >= 0)
        log_line(LOG_LEVEL_DEBUG, "board %u: client gone", link->number);
    fd_drop(&link->client);
    link->in_len = 0;
    link->hold.count = 0;
}

void link_close(struct link *link)
{
    link_hang_up(link);
    fd_drop(&link->listener);
}

bool link_accept(struct link *link)
{
    int one = 1;
    struct timeval timeout = { .tv_sec = SEND_TIMEOUT_S };
    AUTO(fd_drop) int fd = accept4(link->listener, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0)
        return false;
    if (link->client >= 0) {
        log_line(LOG_LEVEL_WARN, "board %u: second client refused", link->number);
        return false;
    }
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
    log_line(LOG_LEVEL_DEBUG, "board %u: client connected", link->number);
    link->client = fd;
    link->in_len = 0;
    fd = -1;
    return true;
}

static enum err send_all(int fd, struct span bytes)
{
    while (bytes.len > 0) {
        ssize_t n = send(fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return fail(ERR_IO, "link: client does not take its answer: %s", strerror(errno));
        bytes = span_of(bytes.ptr + n, bytes.len - (size_t)n);
    }
    return ERR_OK;
}

static enum err release(struct link *link, struct pace *pace)
{
    const struct held *held = hold_take(&link->hold);
    pace_released(pace, held->answer_ns);
    return send_all(link->client, span_of(held->bytes, held->len));
}

static enum err deliver(struct link *link, struct dap *dap, struct span frame)
{
    struct pace *pace = &dap->chip->pace;
    if (!pace->on)
        return send_all(link->client, frame);
    hold_put(&link->hold, frame, pace_answer_ns(pace));
    return hold_due(&link->hold, dap->packet_count) ? release(link, pace) : ERR_OK;
}

void link_silence(struct link *link, struct dap *dap)
{
    if (link->hold.count > 0 && release(link, &dap->chip->pace) != ERR_OK)
        link_hang_up(link);
}

static enum err answer(struct link *link, struct dap *dap, struct span request)
{
    uint8_t out[LINK_HEAD + DAP_PACKET_MAX];
    struct wr body = wr_of(out + LINK_HEAD, dap->packet_size);
    if (dap->chip->pace.on) {
        pace_request(&dap->chip->pace);
        chip_follow(dap->chip);
    }
    dap_execute(dap, request, &body);
    struct span response = wr_done(&body);
    if (response.len == 0)
        return ERR_OK;
    struct wr head = wr_of(out, LINK_HEAD);
    wr_u32le(&head, SIGNATURE);
    wr_u16le(&head, (uint16_t)response.len);
    wr_u8(&head, TYPE_RESPONSE);
    wr_u8(&head, 0);
    return deliver(link, dap, span_of(out, LINK_HEAD + response.len));
}

/* The first whole frame; ERR_TRUNC: not there yet. */
static enum err frame(struct span in, size_t limit, struct span *body_out)
{
    if (in.len < LINK_HEAD)
        return ERR_TRUNC;
    struct rd r = rd_of(in);
    uint32_t signature = rd_u32le(&r);
    uint16_t len = rd_u16le(&r);
    uint8_t type = rd_u8(&r);
    (void)rd_u8(&r);
    if (signature != SIGNATURE || type != TYPE_REQUEST)
        return fail(ERR_PROTO, "link: signature 0x%08x type %u", signature, type);
    if (len == 0 || len > limit)
        return fail(ERR_LIMIT, "link: payload of %u bytes, limit %zu", len, limit);
    struct span body = rd_take(&r, len);
    TRY(r.err);
    *body_out = body;
    return ERR_OK;
}

static enum err receive(struct link *link)
{
    ssize_t n = recv(link->client, link->in + link->in_len, sizeof(link->in) - link->in_len,
                     MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return ERR_OK;
    if (n <= 0)
        return ERR_IO;
    link->in_len += (size_t)n;
    return ERR_OK;
}

static size_t limit_of(const struct dap *dap)
{
    return dap->size_told ? dap->packet_size : DAP_PACKET_MAX;
}

static enum err frame_at(const struct link *link, const struct dap *dap, size_t at,
                         struct span *body_out)
{
    return frame(span_of(link->in + at, link->in_len - at), limit_of(dap), body_out);
}

/* A TransferAbort behind the request that runs is taken out of turn, and out of the queue. */
static void take_abort(struct link *link, struct dap *dap)
{
    struct span body;
    for (size_t at = link->next; frame_at(link, dap, at, &body) == ERR_OK;) {
        size_t len = LINK_HEAD + body.len;
        if (body.ptr[0] != DAP_TRANSFER_ABORT) {
            at += len;
            continue;
        }
        dap->aborted = true;
        memmove(link->in + at, link->in + at + len, link->in_len - at - len);
        link->in_len -= len;
    }
}

/* While a request runs. If the client is gone, the next read finds that. */
static void listen_for_abort(struct dap *dap)
{
    struct link *link = dap->listener;
    if (link->client >= 0 && link->in_len < sizeof(link->in))
        (void)receive(link);
    take_abort(link, dap);
}

/* Queued commands, and nothing yet that is not: unless there is room for no more. false: all up
 * to end_out may be run. */
static bool queued(const struct link *link, const struct dap *dap, size_t at, size_t *end_out)
{
    struct span body;
    unsigned count = 0;
    bool last = false;
    while (!last && frame_at(link, dap, at, &body) == ERR_OK) {
        last = body.ptr[0] != DAP_QUEUE;
        at += LINK_HEAD + body.len;
        count++;
    }
    *end_out = at;
    return !last && count > 0 && count < dap->packet_count && count < QUEUE_MAX;
}

enum err link_frames(struct link *link, struct dap *dap)
{
    size_t done = 0, released = 0;
    enum err e;
    struct span body;
    dap->listen = listen_for_abort;
    dap->listener = link;
    while ((e = frame_at(link, dap, done, &body)) == ERR_OK &&
           (done < released || !queued(link, dap, done, &released))) {
        done += LINK_HEAD + body.len;
        link->next = done;
        TRY(answer(link, dap, body));
    }
    memmove(link->in, link->in + done, link->in_len - done);
    link->in_len -= done;
    return e == ERR_TRUNC ? ERR_OK : e;
}

void link_serve(struct link *link, struct dap *dap)
{
    if (receive(link) != ERR_OK || link_frames(link, dap) != ERR_OK)
        link_hang_up(link);
}
