/* SPDX-License-Identifier: MIT */
/*
 * A debug probe with a flaw: between the agent and a board of virtual-board's.
 *
 * It passes CMSIS-DAP packets on, framed as OpenOCD's "cmsis-dap backend tcp" does, and does to
 * them what its options say. "ready tcp://127.0.0.1:PORT" on standard output; one connection
 * after another, each with a new one to the board.
 */
#include <argp.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "common/core/wr.h"
#include "common/host/log.h"
#include "common/host/own.h"

#define SIGNATURE 0x00504144u

enum {
    HEAD = 8,
    PACKET_MAX = 4096,
    CMD_TRANSFER = 0x05,
    CMD_BLOCK = 0x06,
    CMD_EXECUTE = 0x7F,
    READ = 1 << 1,
    MATCH = 1 << 4,
    MASK = 1 << 5,
    TRANSFER_HEAD = 2,
};

struct frame {
    uint8_t bytes[HEAD + PACKET_MAX];
    size_t len;
};

struct proxy {
    /* its flaws */
    bool no_match;       /* a match is true at once, whatever the value */
    unsigned slow_us;    /* each reply comes so much later */
    unsigned mute_after; /* after so many packets it takes them and says nothing; 0: never */
    unsigned lose;       /* every so-manieth reply is lost; 0: none */
    unsigned late;       /* so does every so-manieth wait for the host's next packet */
    uint16_t board;
    unsigned packets, replies;
    bool held; /* a late reply, kept in reply */
    struct frame request, reply;
};

/* ---- the flaw of an old firmware ---- */

static void put_zero(uint8_t *at)
{
    memset(at, 0, 4);
}

/* One Transfer's operations; where the next command begins. */
static size_t blind_transfer(uint8_t *p, size_t len)
{
    size_t at = TRANSFER_HEAD + 1;
    unsigned count = len > TRANSFER_HEAD ? p[TRANSFER_HEAD] : 0;
    for (unsigned i = 0; i < count && at < len; i++) {
        uint8_t request = p[at++];
        bool operand = (request & READ) == 0 || (request & MATCH) != 0;
        if (operand && at + 4 <= len && (request & (MASK | MATCH)) != 0)
            put_zero(p + at);
        at += operand ? 4 : 0;
    }
    return at;
}

static size_t skip_block(const uint8_t *p, size_t len)
{
    if (len < 5)
        return len;
    size_t words = (size_t)p[2] | (size_t)p[3] << 8;
    return 5 + ((p[4] & READ) != 0 ? 0 : 4 * words);
}

/* Masks and wanted values become 0: every match is true. */
static void blind(uint8_t *p, size_t len)
{
    size_t at = len > 2 && p[0] == CMD_EXECUTE ? 2 : 0;
    while (at < len && (p[at] == CMD_TRANSFER || p[at] == CMD_BLOCK))
        at += p[at] == CMD_TRANSFER ? blind_transfer(p + at, len - at)
                                    : skip_block(p + at, len - at);
}

/* ---- frames ---- */

static enum err receive_all(int fd, uint8_t *out, size_t len)
{
    ssize_t n = recv(fd, out, len, MSG_WAITALL);
    return n == (ssize_t)len ? ERR_OK : fail_quiet(ERR_CLOSED, "proxy: hung up");
}

static enum err receive_frame(int fd, struct frame *frame)
{
    TRY(receive_all(fd, frame->bytes, HEAD));
    struct rd r = rd_of(span_of(frame->bytes, HEAD));
    uint32_t signature = rd_u32le(&r);
    size_t len = rd_u16le(&r);
    if (signature != SIGNATURE || len > PACKET_MAX)
        return fail(ERR_PROTO, "proxy: a frame of %zu bytes", len);
    frame->len = HEAD + len;
    return receive_all(fd, frame->bytes + HEAD, len);
}

static enum err send_frame(int fd, const struct frame *frame)
{
    ssize_t n = send(fd, frame->bytes, frame->len, MSG_NOSIGNAL);
    return n == (ssize_t)frame->len ? ERR_OK : fail_quiet(ERR_CLOSED, "proxy: hung up");
}

static bool is_turn(unsigned number, unsigned every)
{
    return every != 0 && number % every == 0;
}

static enum err from_host(struct proxy *p, int host, int board)
{
    TRY(receive_frame(host, &p->request));
    if (p->held) {
        TRY(send_frame(host, &p->reply));
        p->held = false;
    }
    p->packets++;
    if (p->mute_after != 0 && p->packets > p->mute_after)
        return ERR_OK;
    if (p->no_match)
        blind(p->request.bytes + HEAD, p->request.len - HEAD);
    return send_frame(board, &p->request);
}

static enum err from_board(struct proxy *p, int host, int board)
{
    const struct timespec pause = { p->slow_us / 1000000, (long)(p->slow_us % 1000000) * 1000 };
    TRY(receive_frame(board, &p->reply));
    p->replies++;
    if (is_turn(p->replies, p->lose))
        return ERR_OK;
    p->held = is_turn(p->replies, p->late);
    if (p->held)
        return ERR_OK;
    if (p->slow_us != 0)
        nanosleep(&pause, NULL);
    return send_frame(host, &p->reply);
}

static enum err pass_on(struct proxy *p, int host, int board)
{
    for (;;) {
        struct pollfd fds[] = { { host, POLLIN, 0 }, { board, POLLIN, 0 } };
        if (poll(fds, COUNT(fds), -1) < 0 && errno != EINTR)
            return fail(ERR_IO, "proxy: poll: %s", strerror(errno));
        if (fds[0].revents != 0)
            TRY(from_host(p, host, board));
        if (fds[1].revents != 0)
            TRY(from_board(p, host, board));
    }
}

/* ---- connections ---- */

static struct sockaddr_in loopback(uint16_t port)
{
    return (struct sockaddr_in){ .sin_family = AF_INET,
                                 .sin_port = htons(port),
                                 .sin_addr = { htonl(INADDR_LOOPBACK) } };
}

static enum err serve(struct proxy *p, int host)
{
    const struct sockaddr_in to = loopback(p->board);
    int on = 1;
    AUTO(fd_drop) int board = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (board < 0 || connect(board, (const struct sockaddr *)&to, sizeof(to)) != 0)
        return fail(ERR_UNAVAILABLE, "proxy: board: %s", strerror(errno));
    setsockopt(board, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    setsockopt(host, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    p->held = false;
    return pass_on(p, host, board);
}

static enum err run(struct proxy *p)
{
    struct sockaddr_in at = loopback(0);
    socklen_t size = sizeof(at);
    AUTO(fd_drop) int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listener < 0 || bind(listener, (const struct sockaddr *)&at, sizeof(at)) != 0 ||
        listen(listener, 4) != 0 || getsockname(listener, (struct sockaddr *)&at, &size) != 0)
        return fail(ERR_IO, "proxy: listen: %s", strerror(errno));
    printf("ready tcp://127.0.0.1:%u\n", ntohs(at.sin_port));
    fflush(stdout);
    for (;;) {
        AUTO(fd_drop) int host = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        if (host < 0 && errno != EINTR)
            return fail(ERR_IO, "proxy: accept: %s", strerror(errno));
        if (host >= 0 && serve(p, host) != ERR_CLOSED)
            log_line(LOG_LEVEL_WARN, "proxy: a connection ends: %s", fail_words());
    }
}

static error_t parse(int key, char *value, struct argp_state *state)
{
    struct proxy *p = state->input;
    unsigned number = value != NULL ? (unsigned)strtoul(value, NULL, 10) : 0;
    switch (key) {
    case 'n':
        p->no_match = true;
        return 0;
    case 's':
        p->slow_us = number;
        return 0;
    case 'm':
        p->mute_after = number;
        return 0;
    case 'o':
        p->lose = number;
        return 0;
    case 'l':
        p->late = number;
        return 0;
    case ARGP_KEY_ARG:
        p->board = (uint16_t)number;
        return 0;
    case ARGP_KEY_END:
        if (p->board == 0)
            argp_error(state, "which port has the board?");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

int main(int argc, char *argv[])
{
    static const struct argp_option options[] = {
        { "no-match", 'n', NULL, 0, "value match is true at once, whatever the value", 0 },
        { "slow", 's', "US", 0, "each reply comes so many microseconds later", 0 },
        { "mute-after", 'm', "N", 0, "after N packets nothing is answered", 0 },
        { "lose", 'o', "N", 0, "every N-th reply is lost", 0 },
        { "late", 'l', "N", 0, "every N-th reply comes when the host asks again", 0 },
        { 0 },
    };
    static const struct argp argp = { .options = options, .parser = parse, .args_doc = "PORT" };
    static struct proxy proxy;
    if (argp_parse(&argp, argc, argv, 0, NULL, &proxy) != 0)
        return EX_USAGE;
    return run(&proxy) == ERR_OK ? EX_OK : EX_SOFTWARE;
}
