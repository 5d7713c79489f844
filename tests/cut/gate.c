/* SPDX-License-Identifier: MIT */
/*
 * gate: where the programs that tests/cut starts with --announce-points come to a point
 * (common/host/stop.h), and stand still if the test asked for that one.
 *
 * `gate SOCKET` listens there and prints `ready`. Commands are lines on standard input, each
 * answered by one line on standard output:
 *
 *   hold UID PROGRAM PLACE MOMENT COUNT   that program, at the COUNT-th time: `ok`; then once,
 *                                         when it stands there, `held UID PROGRAM PID`
 *   go UID                                lets it go on, or forgets that it was to be held:
 * `ok` trace FILE                            each announcement is a line of FILE from now on:
 * `ok` trace off                             `ok`
 *
 * What is not to be held goes on at once. It ends when standard input ends, and everything that
 * it held goes on then.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sysexits.h>
#include <unistd.h>

#include "common/host/log.h"
#include "common/host/own.h"
#include "tests/cut/commands.h"

enum { HOLDS_MAX = 64, WORD_MAX = 64, TEXT_MAX = 512 };

/* One point that is to be held, or is. */
struct hold {
    bool used;
    char uid[WORD_MAX], program[WORD_MAX], place[WORD_MAX], moment[WORD_MAX];
    unsigned left; /* times until it is held */
    int fd;        /* of the program that stands there; -1: it has not come yet */
};

struct gate {
    int listener;
    FILE *trace; /* NULL: off */
    struct hold holds[HOLDS_MAX];
    struct commands commands;
};

static void forget(struct hold *hold)
{
    if (hold->fd >= 0)
        close(hold->fd);
    hold->used = false;
    hold->fd = -1;
}

static struct hold *hold_of(struct gate *g, const char *uid)
{
    for (size_t i = 0; i < HOLDS_MAX; i++)
        if (g->holds[i].used && strcmp(g->holds[i].uid, uid) == 0)
            return &g->holds[i];
    return NULL;
}

static struct hold *free_hold(struct gate *g)
{
    for (size_t i = 0; i < HOLDS_MAX; i++)
        if (!g->holds[i].used)
            return &g->holds[i];
    return NULL;
}

/* ---- commands ---- */

static bool command_hold(struct gate *g, const char *line)
{
    struct hold wanted = { .used = true, .fd = -1 };
    char count[WORD_MAX], *end = NULL;
    if (sscanf(line, "hold %63s %63s %63s %63s %63s", wanted.uid, wanted.program, wanted.place,
               wanted.moment, count) != 5)
        return false;
    wanted.left = (unsigned)strtoul(count, &end, 10);
    if (wanted.left == 0 || *end != '\0')
        return false;
    struct hold *at = hold_of(g, wanted.uid) == NULL ? free_hold(g) : NULL;
    if (at == NULL)
        return false;
    *at = wanted;
    return true;
}

static bool command_go(struct gate *g, const char *line)
{
    char uid[WORD_MAX];
    struct hold *hold = sscanf(line, "go %63s", uid) == 1 ? hold_of(g, uid) : NULL;
    if (hold == NULL)
        return false;
    forget(hold);
    return true;
}

static bool command_trace(struct gate *g, const char *line)
{
    const char *file = line + strlen("trace ");
    if (g->trace != NULL)
        fclose(g->trace);
    g->trace = strcmp(file, "off") == 0 ? NULL : fopen(file, "ae");
    return g->trace != NULL || strcmp(file, "off") == 0;
}

static void command(void *context, const char *line)
{
    struct gate *g = context;
    bool done = strncmp(line, "hold ", 5) == 0    ? command_hold(g, line)
                : strncmp(line, "go ", 3) == 0    ? command_go(g, line)
                : strncmp(line, "trace ", 6) == 0 ? command_trace(g, line)
                                                  : false;
    commands_say(done ? "ok" : "refused");
}

/* ---- announcements ---- */

/* Programs write the line at once when they have connected. */
static bool read_line(int fd, char line[static TEXT_MAX])
{
    for (size_t len = 0; len < TEXT_MAX - 1;) {
        ssize_t n = read(fd, line + len, TEXT_MAX - 1 - len);
        if (n <= 0)
            return false;
        len += (size_t)n;
        line[len] = '\0';
        if (line[len - 1] == '\n')
            return true;
    }
    return false;
}

/* true: the program stays here. */
static bool stops(struct gate *g, const char *line, int fd)
{
    char program[WORD_MAX], pid[WORD_MAX], place[WORD_MAX], moment[WORD_MAX], uid[WORD_MAX];
    char words[TEXT_MAX];
    if (sscanf(line, "%63s %63s %63s %63s %63s", program, pid, place, moment, uid) != 5)
        return false;
    struct hold *hold = hold_of(g, uid);
    if (hold == NULL || hold->fd >= 0 || strcmp(hold->program, program) != 0 ||
        strcmp(hold->place, place) != 0 || strcmp(hold->moment, moment) != 0 ||
        --hold->left != 0)
        return false;
    hold->fd = fd;
    snprintf(words, sizeof(words), "held %s %s %s", uid, program, pid);
    commands_say(words);
    return true;
}

static void take(struct gate *g)
{
    char line[TEXT_MAX];
    int fd = accept4(g->listener, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0)
        return;
    bool read = read_line(fd, line);
    if (read && g->trace != NULL) {
        fputs(line, g->trace);
        fflush(g->trace);
    }
    if (!read || !stops(g, line, fd))
        close(fd);
}

static enum err serve(struct gate *g)
{
    struct pollfd fds[2] = { { STDIN_FILENO, POLLIN, 0 }, { g->listener, POLLIN, 0 } };
    for (;;) {
        if (poll(fds, COUNT(fds), -1) < 0 && errno != EINTR)
            return fail(ERR_IO, "gate: poll: %s", strerror(errno));
        if (fds[0].revents != 0 && !commands_read(&g->commands, command, g))
            return ERR_OK;
        if (fds[1].revents != 0)
            take(g);
    }
}

static enum err listen_at(const char *path, int *listener_out)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    if (strlen(path) >= sizeof(address.sun_path))
        return fail(ERR_CONFIG, "gate: %s: the path is too long", path);
    memcpy(address.sun_path, path, strlen(path));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof(address)) != 0 ||
        listen(fd, SOMAXCONN) != 0)
        return fail(ERR_IO, "gate: %s: %s", path, strerror(errno));
    *listener_out = fd;
    return ERR_OK;
}

int main(int argc, char *argv[])
{
    static struct gate gate;
    if (argc != 2) {
        fputs("usage: gate SOCKET\n", stderr);
        return EX_USAGE;
    }
    if (listen_at(argv[1], &gate.listener) != ERR_OK)
        return EX_IOERR;
    commands_say("ready");
    enum err e = serve(&gate);
    for (size_t i = 0; i < HOLDS_MAX; i++)
        if (gate.holds[i].used)
            forget(&gate.holds[i]);
    unlink(argv[1]);
    return e == ERR_OK ? EX_OK : EX_SOFTWARE;
}
