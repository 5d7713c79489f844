/* SPDX-License-Identifier: MIT */
/*
 * A debug probe on this machine's USB, with a board of virtual-board's behind it.
 *
 * It plugs itself into vhci-hcd and passes CMSIS-DAP packets on to a TCP connection, framed as
 * OpenOCD's "cmsis-dap backend tcp" does. Each interface tells its own packet size, and pads
 * HID reports with rubbish, as probes do. "configured" on standard output: the host has looked
 * at it and its drivers may come. It is unplugged when it ends.
 *
 * Every so often its bulk interface sends a transfer of no bytes before a reply. SIGUSR1 makes
 * it hang until its host resets it, SIGUSR2 for good: it takes packets and answers none. After
 * SIGHUP there is a reply that nobody asked for.
 */
#include <argp.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

#include "common/core/wr.h"
#include "common/host/log.h"
#include "common/host/own.h"
#include "tests/interop/usb/device.h"
#include "tests/interop/usb/vhci.h"

#define SIGNATURE 0x00504144u

enum {
    FRAME_HEAD = 8,
    PACKET_MAX = 1024,
    WAITING_MAX = 32,
    TYPE_REQUEST = 1,
    SET_CONFIGURATION = 0x09,
    INFO = 0x00,
    INFO_PACKET_SIZE = 0xFF,
    RUBBISH = 0xA5,
    EMPTY_EVERY = 16, /* replies */
};

static volatile sig_atomic_t hangs; /* the signal that said so */
static volatile sig_atomic_t stale; /* a reply to a program that is gone is due */

static void on_signal(int number)
{
    if (number == SIGHUP)
        stale = 1;
    else
        hangs = number;
}

/* An interface: reads that wait for a reply, replies that wait for a read. */
struct pipe {
    uint16_t size;
    bool padded;
    unsigned served;
    uint32_t reads[WAITING_MAX];
    size_t read_count;
    struct {
        uint8_t bytes[PACKET_MAX];
        size_t len;
    } replies[WAITING_MAX];
    size_t reply_count;
};

/* What was asked of the board, in order. */
struct asked {
    struct pipe *pipe;
    bool packet_size;
};

struct probe {
    struct device device;
    unsigned port;
    const char *host, *service;
    int usb, board;
    struct pipe hid, bulk;
    struct asked asked[WAITING_MAX];
    size_t asked_count;
    struct vhci_request request;
};

static enum err connect_board(struct probe *p)
{
    const struct addrinfo hints = { .ai_family = AF_INET, .ai_socktype = SOCK_STREAM };
    struct addrinfo *to = NULL;
    int on = 1;
    if (getaddrinfo(p->host, p->service, &hints, &to) != 0)
        return fail(ERR_UNAVAILABLE, "board: no address %s", p->host);
    p->board = socket(to->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool up = p->board >= 0 && connect(p->board, to->ai_addr, to->ai_addrlen) == 0;
    freeaddrinfo(to);
    if (!up)
        return fail(ERR_UNAVAILABLE, "board: %s:%s: %s", p->host, p->service, strerror(errno));
    setsockopt(p->board, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    return ERR_OK;
}

/* ---- to the board ---- */

static enum err ask_board(struct probe *p, struct pipe *pipe, struct span packet)
{
    uint8_t frame[FRAME_HEAD + PACKET_MAX];
    struct wr w = wr_of(frame, sizeof(frame));
    if (p->asked_count == WAITING_MAX)
        return fail(ERR_LIMIT, "probe: %d packets wait", WAITING_MAX);
    wr_u32le(&w, SIGNATURE);
    wr_u16le(&w, (uint16_t)packet.len);
    wr_u8(&w, TYPE_REQUEST);
    wr_u8(&w, 0);
    wr_span(&w, packet);
    TRY(wr_end(&w));
    bool size = packet.len >= 2 && packet.ptr[0] == INFO && packet.ptr[1] == INFO_PACKET_SIZE;
    p->asked[p->asked_count++] = (struct asked){ pipe, size };
    if (send(p->board, frame, w.len, MSG_NOSIGNAL) != (ssize_t)w.len)
        return fail(ERR_CLOSED, "board: %s", strerror(errno));
    return ERR_OK;
}

/* ---- to the host ---- */

static enum err serve(struct probe *p, struct pipe *pipe)
{
    while (pipe->read_count > 0 && pipe->reply_count > 0) {
        bool empty = !pipe->padded && pipe->served++ % EMPTY_EVERY == 0;
        size_t len = empty ? 0 : pipe->replies[0].len;
        TRY(vhci_answer(p->usb, pipe->reads[0], 0, span_of(pipe->replies[0].bytes, len), 0));
        pipe->read_count--;
        memmove(&pipe->reads[0], &pipe->reads[1], pipe->read_count * sizeof(pipe->reads[0]));
        if (empty)
            continue;
        pipe->reply_count--;
        memmove(&pipe->replies[0], &pipe->replies[1],
                pipe->reply_count * sizeof(pipe->replies[0]));
    }
    return ERR_OK;
}

static enum err keep_reply(struct probe *p, const struct asked *asked, uint8_t *bytes,
                           size_t len)
{
    struct pipe *pipe = asked->pipe;
    if (asked->packet_size && len >= 4) {
        bytes[2] = (uint8_t)pipe->size;
        bytes[3] = (uint8_t)(pipe->size >> 8);
    }
    if (pipe->reply_count == WAITING_MAX || len > pipe->size)
        return fail(ERR_LIMIT, "probe: a reply of %zu bytes, %zu wait", len, pipe->reply_count);
    memset(pipe->replies[pipe->reply_count].bytes, RUBBISH, PACKET_MAX);
    memcpy(pipe->replies[pipe->reply_count].bytes, bytes, len);
    pipe->replies[pipe->reply_count++].len = pipe->padded ? pipe->size : len;
    return serve(p, pipe);
}

static enum err receive_exactly(int fd, uint8_t *out, size_t len)
{
    ssize_t n = recv(fd, out, len, MSG_WAITALL);
    return n == (ssize_t)len ? ERR_OK : fail(ERR_CLOSED, "board: it hung up");
}

static enum err from_board(struct probe *p)
{
    uint8_t head[FRAME_HEAD], bytes[PACKET_MAX];
    TRY(receive_exactly(p->board, head, sizeof(head)));
    struct rd r = rd_of(SPAN(head));
    uint32_t signature = rd_u32le(&r);
    size_t len = rd_u16le(&r);
    if (signature != SIGNATURE || len > sizeof(bytes) || p->asked_count == 0)
        return fail(ERR_PROTO, "board: a frame of %zu bytes", len);
    TRY(receive_exactly(p->board, bytes, len));
    struct asked asked = p->asked[0];
    p->asked_count--;
    memmove(&p->asked[0], &p->asked[1], p->asked_count * sizeof(p->asked[0]));
    return keep_reply(p, &asked, bytes, len);
}

/* ---- from the host ---- */

static bool forget_read(struct pipe *pipe, uint32_t seq)
{
    for (size_t i = 0; i < pipe->read_count; i++) {
        if (pipe->reads[i] != seq)
            continue;
        pipe->read_count--;
        memmove(&pipe->reads[i], &pipe->reads[i + 1],
                (pipe->read_count - i) * sizeof(pipe->reads[0]));
        return true;
    }
    return false;
}

static enum err unlink_read(struct probe *p)
{
    bool waited =
        forget_read(&p->hid, p->request.victim) || forget_read(&p->bulk, p->request.victim);
    return vhci_unlinked(p->usb, p->request.seq, waited);
}

static enum err control(struct probe *p)
{
    struct span reply;
    bool was = p->device.configured;
    if (p->request.setup[1] == SET_CONFIGURATION && hangs == SIGUSR1)
        hangs = 0; /* as the host does after a reset */
    bool known = device_control(&p->device, p->request.setup, &reply);
    if (reply.len > p->request.len)
        reply.len = p->request.len;
    TRY(vhci_answer(p->usb, p->request.seq, known ? 0 : VHCI_STALL, reply, 0));
    if (p->device.configured && !was) {
        puts("configured");
        fflush(stdout);
    }
    return ERR_OK;
}

static enum err read_pipe(struct probe *p, struct pipe *pipe)
{
    if (pipe->read_count == WAITING_MAX)
        return fail(ERR_LIMIT, "probe: %d reads wait", WAITING_MAX);
    pipe->reads[pipe->read_count++] = p->request.seq;
    return serve(p, pipe);
}

static enum err write_pipe(struct probe *p, struct pipe *pipe)
{
    const struct vhci_request *q = &p->request;
    if (q->len > pipe->size || (pipe->padded && q->len != pipe->size))
        return fail(ERR_LIMIT, "probe: a packet of %u bytes", q->len);
    if (q->len > 0 && hangs == 0)
        TRY(ask_board(p, pipe, span_of(q->data, q->len)));
    return vhci_answer(p->usb, q->seq, 0, (struct span){ NULL, 0 }, q->len);
}

static enum err from_host(struct probe *p)
{
    TRY(vhci_read(p->usb, &p->request));
    if (p->request.unlink)
        return unlink_read(p);
    switch (p->request.endpoint) {
    case 0x00:
    case 0x80:
        return control(p);
    case DEVICE_HID_IN:
        return read_pipe(p, &p->hid);
    case DEVICE_BULK_IN:
        return read_pipe(p, &p->bulk);
    case DEVICE_HID_OUT:
        return write_pipe(p, &p->hid);
    case DEVICE_BULK_OUT:
        return write_pipe(p, &p->bulk);
    default:
        return vhci_answer(p->usb, p->request.seq, VHCI_STALL, (struct span){ NULL, 0 }, 0);
    }
}

/* What a program that was killed never read: the answer to some command 0x11. */
static void leave_stale_reply(struct pipe *pipe)
{
    static const uint8_t reply[] = { 0x11, 0 };
    if (stale == 0 || pipe->reply_count == WAITING_MAX)
        return;
    stale = 0;
    memcpy(pipe->replies[pipe->reply_count].bytes, reply, sizeof(reply));
    pipe->replies[pipe->reply_count++].len = sizeof(reply);
}

static enum err run(struct probe *p)
{
    p->hid = (struct pipe){ .size = DEVICE_REPORT, .padded = true };
    p->bulk = (struct pipe){ .size = DEVICE_BULK };
    if (p->service != NULL)
        TRY(connect_board(p));
    TRY(vhci_attach(p->port, &p->usb));
    for (;;) {
        struct pollfd fds[] = { { p->usb, POLLIN, 0 }, { p->board, POLLIN, 0 } };
        if (poll(fds, COUNT(fds), -1) < 0 && errno != EINTR)
            return fail(ERR_IO, "probe: poll: %s", strerror(errno));
        leave_stale_reply(&p->bulk);
        if (fds[0].revents != 0)
            TRY(from_host(p));
        if (fds[1].revents != 0)
            TRY(from_board(p));
    }
}

static error_t parse(int key, char *value, struct argp_state *state)
{
    struct probe *p = state->input;
    switch (key) {
    case 'p':
        p->port = (unsigned)strtoul(value, NULL, 10);
        return 0;
    case 's':
        p->device.serial = value;
        return 0;
    case 'i':
        p->device.v1 = p->device.v2 = false;
        p->device.nu_link = true;
        return 0;
    case ARGP_KEY_ARG:
        p->host = strsep(&value, ":");
        p->service = value;
        return value == NULL ? EINVAL : 0;
    case ARGP_KEY_END:
        if (p->host == NULL && !p->device.nu_link)
            argp_error(state, "where is the board?");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

int main(int argc, char *argv[])
{
    static const struct argp_option options[] = {
        { "port", 'p', "N", 0, "of vhci-hcd, 0 to 7", 0 },
        { "serial", 's', "TEXT", 0, "its serial number; none if left out", 0 },
        { "ice", 'i', NULL, 0, "a Nu-Link2 with CMSIS-DAP switched off; no board", 0 },
        { 0 },
    };
    static const struct argp argp = { .options = options,
                                      .parser = parse,
                                      .args_doc = "HOST:PORT" };
    static struct probe probe = { .device = { .serial = "", .v1 = true, .v2 = true },
                                  .usb = -1,
                                  .board = -1 };
    if (argp_parse(&argp, argc, argv, 0, NULL, &probe) != 0)
        return EX_USAGE;
    signal(SIGHUP, on_signal);
    signal(SIGUSR1, on_signal);
    signal(SIGUSR2, on_signal);
    enum err e = run(&probe);
    return e == ERR_CLOSED ? EX_OK : EX_SOFTWARE;
}
