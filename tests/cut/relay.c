/* SPDX-License-Identifier: MIT */
/*
 * relay: what is between each agent of tests/cut and the server, as a proxy would be: it passes
 * bytes on, stops that in one direction or both without closing anything, or closes.
 *
 * `relay PORT` prints `ready`; the server is at that port of 127.0.0.1. Commands are lines on
 * standard input, each answered by one line on standard output; NAME is a word of the test's:
 *
 *   open NAME                 a port for connections to the server: `port P`
 *   silent NAME up|down|both  from now on nothing passes from its agent to the server (up), or
 *                             back (down), an end of a connection included: `ok`
 *   go NAME                   passes everything again, what has come in the meantime first:
 * `ok` cut NAME                  closes its connections: `ok` close NAME                and its
 * port: `ok`
 *
 * It ends when standard input ends.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

#include "common/host/log.h"
#include "common/host/own.h"
#include "tests/cut/commands.h"

enum { LINES_MAX = 64, LINKS_MAX = 128, WORD_MAX = 64, PIECE = 1 << 16 };
enum way { UP, DOWN, WAYS }; /* from the agent to the server; back */

/* One agent's. */
struct line {
    bool used, silent[WAYS];
    char name[WORD_MAX];
    int listener;
};

/* Bytes of one direction of a connection that were read and are not written yet. */
struct piece {
    uint8_t bytes[PIECE];
    size_t from, to;
    bool ended; /* its sender has closed: nothing more will come */
};

/* A connection: what way[UP] holds was read from fds[UP] and goes to fds[DOWN]. */
struct link {
    struct line *line; /* NULL: not used */
    int fds[WAYS];
    struct piece way[WAYS];
};

struct relay {
    struct commands commands;
    in_port_t server;
    struct line lines[LINES_MAX];
    struct link links[LINKS_MAX];
};

static struct sockaddr_in local(in_port_t port)
{
    return (struct sockaddr_in){ .sin_family = AF_INET,
                                 .sin_port = htons(port),
                                 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

static void link_close(struct link *link)
{
    close(link->fds[UP]);
    close(link->fds[DOWN]);
    link->line = NULL;
}

/* ---- commands ---- */

static struct line *line_of(struct relay *r, const char *name)
{
    for (size_t i = 0; i < LINES_MAX; i++)
        if (r->lines[i].used && strcmp(r->lines[i].name, name) == 0)
            return &r->lines[i];
    return NULL;
}

static struct line *free_line(struct relay *r)
{
    for (size_t i = 0; i < LINES_MAX; i++)
        if (!r->lines[i].used)
            return &r->lines[i];
    return NULL;
}

static bool listen_anywhere(int *listener_out, in_port_t *port_out)
{
    struct sockaddr_in address = local(0);
    socklen_t len = sizeof(address);
    AUTO(fd_drop) int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || bind(fd, (const struct sockaddr *)&address, len) != 0 ||
        listen(fd, SOMAXCONN) != 0 || getsockname(fd, (struct sockaddr *)&address, &len) != 0)
        return false;
    *port_out = ntohs(address.sin_port);
    *listener_out = fd;
    fd = -1;
    return true;
}

static bool open_line(struct relay *r, const char *name)
{
    char words[WORD_MAX];
    in_port_t port;
    struct line *line = line_of(r, name) == NULL ? free_line(r) : NULL;
    if (line == NULL || !listen_anywhere(&line->listener, &port))
        return false;
    line->used = true;
    line->silent[UP] = line->silent[DOWN] = false;
    snprintf(line->name, sizeof(line->name), "%s", name);
    snprintf(words, sizeof(words), "port %u", port);
    commands_say(words);
    return true;
}

static void cut_links(struct relay *r, const struct line *line)
{
    for (size_t i = 0; i < LINKS_MAX; i++)
        if (r->links[i].line == line)
            link_close(&r->links[i]);
}

static bool set_silence(struct line *line, const char *ways)
{
    bool both = strcmp(ways, "both") == 0;
    line->silent[UP] = both || strcmp(ways, "up") == 0;
    line->silent[DOWN] = both || strcmp(ways, "down") == 0;
    return line->silent[UP] || line->silent[DOWN];
}

static bool change_line(struct relay *r, const char *verb, const char *name, const char *ways)
{
    struct line *line = line_of(r, name);
    if (line == NULL)
        return false;
    if (strcmp(verb, "silent") == 0)
        return set_silence(line, ways);
    if (strcmp(verb, "go") == 0) {
        line->silent[UP] = line->silent[DOWN] = false;
        return true;
    }
    if (strcmp(verb, "cut") != 0 && strcmp(verb, "close") != 0)
        return false;
    cut_links(r, line);
    if (strcmp(verb, "close") == 0) {
        close(line->listener);
        line->used = false;
    }
    return true;
}

static void command(void *context, const char *text)
{
    struct relay *r = context;
    char verb[WORD_MAX] = "", name[WORD_MAX] = "", ways[WORD_MAX] = "";
    int words = sscanf(text, "%63s %63s %63s", verb, name, ways);
    bool opens = words == 2 && strcmp(verb, "open") == 0;
    if (opens && open_line(r, name))
        return;
    commands_say(!opens && words >= 2 && change_line(r, verb, name, ways) ? "ok" : "refused");
}

/* ---- connections ---- */

static struct link *free_link(struct relay *r)
{
    for (size_t i = 0; i < LINKS_MAX; i++)
        if (r->links[i].line == NULL)
            return &r->links[i];
    return NULL;
}

/* To the server at once, on the same machine: if it is not there, the agent is hung up on. */
static void take(struct relay *r, struct line *line)
{
    struct sockaddr_in address = local(r->server);
    struct link *link = free_link(r);
    AUTO(fd_drop) int agent = accept4(line->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    AUTO(fd_drop) int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (agent < 0 || server < 0 || link == NULL ||
        connect(server, (const struct sockaddr *)&address, sizeof(address)) != 0)
        return;
    *link = (struct link){ .line = line, .fds = { agent, server } };
    agent = server = -1;
}

/* If the receiver has gone, back_out ends: only in that direction may its sender learn of it.
 */
static void write_piece(struct piece *piece, int fd, struct piece *back_out)
{
    ssize_t n = send(fd, piece->bytes + piece->from, piece->to - piece->from,
                     MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    piece->from = n < 0 ? piece->to : piece->from + (size_t)n;
    back_out->ended = back_out->ended || n < 0;
}

/* What has come, or the end of it, and from then on nothing. */
static void read_piece(struct piece *piece, int fd)
{
    ssize_t n = recv(fd, piece->bytes, sizeof(piece->bytes), MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    piece->from = 0;
    piece->to = n > 0 ? (size_t)n : 0;
    piece->ended = n <= 0;
}

static bool is_empty(const struct piece *piece)
{
    return piece->from == piece->to;
}

/* What link waits for at fds[end]: bytes to read, if those before are gone, and room for those
 * of the other direction. Silence is nothing read and nothing written. */
static short wanted(const struct link *link, enum way end)
{
    const struct piece *in = &link->way[end], *out = &link->way[!end];
    short events = 0;
    if (!link->line->silent[end] && is_empty(in) && !in->ended)
        events |= POLLIN;
    if (!link->line->silent[!end] && !is_empty(out))
        events |= POLLOUT;
    return events;
}

static void move_bytes(struct link *link, const struct pollfd fds[static WAYS])
{
    bool over = false;
    for (enum way end = UP; end < WAYS; end++) {
        if ((fds[end].events & POLLIN) != 0 && fds[end].revents != 0)
            read_piece(&link->way[end], fds[end].fd);
        if ((fds[end].events & POLLOUT) != 0 && fds[end].revents != 0)
            write_piece(&link->way[!end], fds[end].fd, &link->way[end]);
    }
    for (enum way way = UP; way < WAYS; way++)
        over = over ||
               (link->way[way].ended && is_empty(&link->way[way]) && !link->line->silent[way]);
    if (over)
        link_close(link);
}

/* ---- all of it ---- */

struct polled {
    struct pollfd fds[1 + LINES_MAX + WAYS * LINKS_MAX];
};

/* -1 is passed over by poll(): so is an end that nothing is wanted of, since it would report a
 * hang-up that has to wait for the end of the silence. */
static struct pollfd poll_of(int fd, short events)
{
    return (struct pollfd){ events != 0 ? fd : -1, events, 0 };
}

static void fill(const struct relay *r, struct polled *p)
{
    p->fds[0] = poll_of(STDIN_FILENO, POLLIN);
    for (size_t i = 0; i < LINES_MAX; i++) {
        const struct line *line = &r->lines[i];
        bool takes = line->used && !line->silent[UP] && !line->silent[DOWN];
        p->fds[1 + i] = poll_of(line->listener, takes ? POLLIN : 0);
    }
    for (size_t i = 0; i < LINKS_MAX; i++)
        for (enum way end = UP; end < WAYS; end++) {
            const struct link *link = &r->links[i];
            p->fds[1 + LINES_MAX + WAYS * i + end] =
                poll_of(link->fds[end], link->line != NULL ? wanted(link, end) : 0);
        }
}

static enum err serve(struct relay *r)
{
    struct polled p;
    for (;;) {
        fill(r, &p);
        if (poll(p.fds, COUNT(p.fds), -1) < 0 && errno != EINTR)
            return fail(ERR_IO, "relay: poll: %s", strerror(errno));
        for (size_t i = 0; i < LINKS_MAX; i++)
            if (r->links[i].line != NULL)
                move_bytes(&r->links[i], &p.fds[1 + LINES_MAX + WAYS * i]);
        for (size_t i = 0; i < LINES_MAX; i++)
            if (p.fds[1 + i].revents != 0)
                take(r, &r->lines[i]);
        if (p.fds[0].revents != 0 && !commands_read(&r->commands, command, r))
            return ERR_OK;
    }
}

int main(int argc, char *argv[])
{
    static struct relay relay;
    unsigned long port = argc == 2 ? strtoul(argv[1], NULL, 10) : 0;
    if (port == 0 || port > UINT16_MAX) {
        fputs("usage: relay PORT\n", stderr);
        return EX_USAGE;
    }
    relay.server = (in_port_t)port;
    commands_say("ready");
    return serve(&relay) == ERR_OK ? EX_OK : EX_SOFTWARE;
}
