/* SPDX-License-Identifier: MIT */
/*
 * The control socket: accepts clients, cuts their input into lines, sends each line's answer.
 * Called by main, on the main thread. It must not touch a chip; the commands do, on their
 * board's thread (ctl_cmd.c).
 */

#include "target-fw/board/ctl.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/host/log.h"
#include "common/host/own.h"

struct ctl {
    struct board *boards;
    unsigned count;
    char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
    int listener; /* -1: no control socket */
    int clients[CTL_CLIENTS];
    char lines[CTL_CLIENTS][CTL_LINE_MAX];
    size_t lens[CTL_CLIENTS];
};

static enum err listen_at(struct ctl *ctl, const char *path)
{
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    if (strlen(path) >= sizeof(at.sun_path))
        return fail(ERR_CONFIG, "ctl: %s: path too long", path);
    snprintf(at.sun_path, sizeof(at.sun_path), "%s", path);
    AUTO(fd_drop) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct stat st;
    if (lstat(path, &st) == 0 && S_ISSOCK(st.st_mode))
        unlink(path); /* left by a process that was killed */
    mode_t mask = umask(0177);
    bool ok =
        fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0 && listen(fd, 8) == 0;
    umask(mask);
    if (!ok)
        return fail(ERR_IO, "ctl: %s: %s", path, strerror(errno));
    snprintf(ctl->path, sizeof(ctl->path), "%s", path);
    ctl->listener = fd;
    fd = -1;
    return ERR_OK;
}

enum err ctl_open(const char *path, struct board *boards, unsigned count, struct ctl **out)
{
    AUTO(ctl_drop) struct ctl *ctl = calloc(1, sizeof(*ctl));
    if (ctl == NULL)
        return fail(ERR_MEMORY, "ctl: state");
    ctl->boards = boards;
    ctl->count = count;
    ctl->listener = -1;
    for (size_t i = 0; i < CTL_CLIENTS; i++)
        ctl->clients[i] = -1;
    if (path != NULL)
        TRY(listen_at(ctl, path));
    *out = TAKE(ctl);
    return ERR_OK;
}

void ctl_drop(struct ctl **pointer)
{
    struct ctl *ctl = *pointer;
    if (ctl == NULL)
        return;
    for (size_t i = 0; i < CTL_CLIENTS; i++)
        fd_drop(&ctl->clients[i]);
    if (ctl->listener >= 0)
        unlink(ctl->path);
    fd_drop(&ctl->listener);
    free(ctl);
    *pointer = NULL;
}

static void client_accept(struct ctl *ctl)
{
    AUTO(fd_drop) int fd = accept4(ctl->listener, NULL, NULL, SOCK_CLOEXEC);
    for (size_t i = 0; fd >= 0 && i < CTL_CLIENTS; i++)
        if (ctl->clients[i] < 0) {
            ctl->clients[i] = fd;
            ctl->lens[i] = 0;
            fd = -1;
            return;
        }
}

static bool say(int fd, const char *text)
{
    char line[BOARD_ANSWER_MAX + 2];
    int len = snprintf(line, sizeof(line), "%s\n", text);
    return send(fd, line, (size_t)len, MSG_NOSIGNAL) == len;
}

/* Serves whole lines; false: the client has ended or sent too long a line. */
static bool client_lines(struct ctl *ctl, size_t i)
{
    char *end, answer[BOARD_ANSWER_MAX];
    char *line = ctl->lines[i];
    while ((end = memchr(line, '\n', ctl->lens[i])) != NULL) {
        *end = '\0';
        ctl_command(ctl->boards, ctl->count, line, answer, sizeof(answer));
        if (!say(ctl->clients[i], answer))
            return false;
        size_t used = (size_t)(end + 1 - line);
        memmove(line, end + 1, ctl->lens[i] - used);
        ctl->lens[i] -= used;
    }
    return ctl->lens[i] < CTL_LINE_MAX;
}

static void client_serve(struct ctl *ctl, size_t i)
{
    ssize_t n = recv(ctl->clients[i], ctl->lines[i] + ctl->lens[i], CTL_LINE_MAX - ctl->lens[i],
                     MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n > 0)
        ctl->lens[i] += (size_t)n;
    if (n <= 0 || !client_lines(ctl, i))
        fd_drop(&ctl->clients[i]);
}

enum err ctl_serve(struct ctl *ctl, const sigset_t *until)
{
    AUTO(fd_drop) int signals = signalfd(-1, until, SFD_CLOEXEC);
    if (signals < 0)
        return fail(ERR_IO, "ctl: signalfd: %s", strerror(errno));
    for (;;) {
        struct pollfd fds[2 + CTL_CLIENTS] = { { .fd = signals, .events = POLLIN },
                                               { .fd = ctl->listener, .events = POLLIN } };
        for (size_t i = 0; i < CTL_CLIENTS; i++)
            fds[2 + i] = (struct pollfd){ .fd = ctl->clients[i], .events = POLLIN };
        if (poll(fds, COUNT(fds), -1) < 0)
            continue;
        if (fds[0].revents != 0)
            return ERR_OK;
        for (size_t i = 0; i < CTL_CLIENTS; i++)
            if (fds[2 + i].revents != 0)
                client_serve(ctl, i);
        if (fds[1].revents != 0)
            client_accept(ctl);
    }
}
