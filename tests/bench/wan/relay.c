/* SPDX-License-Identifier: MIT */
/*
 * A long wire: what it accepts it passes to a server, and back, each way half a round trip
 * later. Started by run, which puts it between station and server. It keeps order and all
 * bytes; it must never wait for one direction while the other has something due.
 *
 * usage: wan-relay PORT ROUND_TRIP_MS; "ready PORT" on standard output; a process a connection.
 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { PIECE_MAX = 65536, PIECES = 64 };

struct piece {
    uint64_t due_us;
    size_t len, sent;
    uint8_t bytes[PIECE_MAX];
};

/* One direction: pieces under way, oldest at first. */
struct way {
    int from, to;
    bool ended;
    size_t first, count;
    struct piece pieces[PIECES];
};

static uint64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static struct sockaddr_in loopback(uint16_t port)
{
    return (struct sockaddr_in){ .sin_family = AF_INET,
                                 .sin_port = htons(port),
                                 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

static void no_delay(int fd)
{
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

static void take(struct way *way, uint64_t delay_us)
{
    struct piece *piece = &way->pieces[(way->first + way->count) % PIECES];
    ssize_t len = recv(way->from, piece->bytes, PIECE_MAX, 0);
    if (len <= 0) {
        way->ended = true;
        return;
    }
    piece->len = (size_t)len;
    piece->sent = 0;
    piece->due_us = now_us() + delay_us;
    way->count++;
}

static bool give(struct way *way)
{
    struct piece *piece = &way->pieces[way->first];
    ssize_t len =
        send(way->to, piece->bytes + piece->sent, piece->len - piece->sent, MSG_NOSIGNAL);
    if (len <= 0)
        return false;
    piece->sent += (size_t)len;
    if (piece->sent == piece->len) {
        way->first = (way->first + 1) % PIECES;
        way->count--;
    }
    return true;
}

static bool is_due(const struct way *way)
{
    return way->count != 0 && way->pieces[way->first].due_us <= now_us();
}

/* Until something comes, or is due. */
static void wait_next(struct way *ways, struct pollfd fds[2])
{
    uint64_t next = UINT64_MAX, now = now_us();
    for (int i = 0; i < 2; i++) {
        bool room = !ways[i].ended && ways[i].count < PIECES;
        fds[i] = (struct pollfd){ .fd = room ? ways[i].from : -1, .events = POLLIN };
        if (ways[i].count != 0 && ways[i].pieces[ways[i].first].due_us < next)
            next = ways[i].pieces[ways[i].first].due_us;
    }
    uint64_t left = next > now ? next - now : 0;
    struct timespec time = { (time_t)(left / 1000000), (long)(left % 1000000 * 1000) };
    ppoll(fds, 2, next == UINT64_MAX ? NULL : &time, NULL);
}

static void relay(int client, uint16_t port, uint64_t delay_us)
{
    static struct way ways[2];
    struct pollfd fds[2];
    struct sockaddr_in at = loopback(port);
    int server = socket(AF_INET, SOCK_STREAM, 0);
    if (server < 0 || connect(server, (const struct sockaddr *)&at, sizeof(at)) != 0)
        return;
    no_delay(client);
    no_delay(server);
    ways[0].from = ways[1].to = client;
    ways[0].to = ways[1].from = server;
    while ((!ways[0].ended || ways[0].count != 0) && (!ways[1].ended || ways[1].count != 0)) {
        wait_next(ways, fds);
        for (int i = 0; i < 2; i++) {
            if ((fds[i].revents & (POLLIN | POLLHUP | POLLERR)) != 0)
                take(&ways[i], delay_us);
            while (is_due(&ways[i]))
                if (!give(&ways[i]))
                    return;
        }
    }
}

int main(int argc, char **argv)
{
    struct sockaddr_in at = loopback(0);
    socklen_t len = sizeof(at);
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (argc != 3) {
        fputs("usage: wan-relay PORT ROUND_TRIP_MS\n", stderr);
        return 64;
    }
    if (listener < 0 || bind(listener, (const struct sockaddr *)&at, len) != 0 ||
        listen(listener, 16) != 0 || getsockname(listener, (struct sockaddr *)&at, &len) != 0)
        return 1;
    signal(SIGCHLD, SIG_IGN);
    printf("ready %u\n", ntohs(at.sin_port));
    fflush(stdout);
    for (;;) {
        int client = accept(listener, NULL, NULL);
        if (client >= 0 && fork() == 0) {
            relay(client, (uint16_t)strtoul(argv[1], NULL, 10),
                  strtoull(argv[2], NULL, 10) * 500);
            _exit(0);
        }
        close(client);
    }
}
