/* SPDX-License-Identifier: MIT */
/*
 * The announcements of stop.h: a connection for each, which the test holds open as long as
 * the program is to stand still. Called from the places themselves. A failure here must not
 * change what the program does.
 */
#include "common/host/stop.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/host/hex.h"
#include "common/host/log.h"
#include "common/host/own.h"

enum { LINE_MAX_BYTES = 256, UID_BYTES_MAX = 16, PLACE_MAX = 96 };

/* Set once, before there are threads; announces is false until then. */
static struct sockaddr_un address;
static bool announces;

static int dial(void)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

enum err stop_open(const char *path)
{
    address = (struct sockaddr_un){ .sun_family = AF_UNIX };
    if (strlen(path) >= sizeof(address.sun_path))
        return fail(ERR_CONFIG, "--announce-points: %s: the path is too long", path);
    memcpy(address.sun_path, path, strlen(path));
    AUTO(fd_drop) int fd = dial();
    if (fd < 0)
        return fail(ERR_CONFIG, "--announce-points: %s: %s", path, strerror(errno));
    announces = true;
    log_line(LOG_LEVEL_WARN,
             "started with --announce-points %s: a test can stop it at any place", path);
    return ERR_OK;
}

bool stop_announces(void)
{
    return announces;
}

/* The test sends nothing: its end of the connection closes. */
static void await_end(int fd)
{
    char byte;
    ssize_t n;
    do
        n = read(fd, &byte, 1);
    while (n > 0 || (n < 0 && errno == EINTR));
}

void stop_at(const char *place, const char *moment, struct span uid)
{
    char line[LINE_MAX_BYTES], hex[2 * UID_BYTES_MAX + 1] = "-";
    if (!announces)
        return;
    if (uid.len != 0 && uid.len <= UID_BYTES_MAX)
        hex_of(uid, hex);
    int len = snprintf(line, sizeof(line), "%s %ld %s %s %s\n", program_invocation_short_name,
                       (long)getpid(), place, moment, hex);
    AUTO(fd_drop) int fd = dial();
    if (fd >= 0 && len > 0 && (size_t)len < sizeof(line) &&
        send(fd, line, (size_t)len, MSG_NOSIGNAL) == len)
        await_end(fd);
}

void stop_at_call(const char *method, unsigned arrow, const char *moment, struct span uid)
{
    char place[PLACE_MAX];
    const char *slash = strchr(method, '/'), *start = method;
    if (!announces)
        return;
    for (const char *c = method; slash != NULL && c < slash; c++)
        if (*c == '.')
            start = c + 1;
    if (arrow != 0)
        snprintf(place, sizeof(place), "arrow-%u", arrow);
    else
        snprintf(place, sizeof(place), "%s", start);
    stop_at(place, moment, uid);
}
