/* SPDX-License-Identifier: MIT */
#include "tests/bench/probe/clock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "common/host/log.h"
#include "common/host/own.h"

enum { ANSWER_MAX = 1024 };

enum err clock_open(struct clock *clock, const char *path)
{
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    clock->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    snprintf(at.sun_path, sizeof(at.sun_path), "%s", path);
    if (clock->fd < 0 || connect(clock->fd, (const struct sockaddr *)&at, sizeof(at)) != 0)
        return fail(ERR_IO, "clock: %s: %s", path, strerror(errno));
    return ERR_OK;
}

void clock_close(struct clock *clock)
{
    fd_drop(&clock->fd);
}

static uint64_t field(const char *answer, const char *name)
{
    const char *at = strstr(answer, name);
    return at == NULL ? 0 : strtoull(at + strlen(name), NULL, 10);
}

static uint64_t wall_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

enum err clock_start(const struct clock *clock, struct lap *lap)
{
    static const char ask[] = "time 0\n";
    char answer[ANSWER_MAX] = "";
    size_t len = 0;
    if (send(clock->fd, ask, sizeof(ask) - 1, MSG_NOSIGNAL) != (ssize_t)sizeof(ask) - 1)
        return fail(ERR_IO, "clock: %s", strerror(errno));
    while (memchr(answer, '\n', len) == NULL) {
        ssize_t n = recv(clock->fd, answer + len, sizeof(answer) - 1 - len, 0);
        if (n <= 0)
            return fail(ERR_IO, "clock: the board is gone");
        len += (size_t)n;
        answer[len] = '\0';
    }
    *lap = (struct lap){ .us = field(answer, "\"us\":"),
                         .packets = field(answer, "\"packets\":"),
                         .waits = field(answer, "\"waits\":"),
                         .clocks = field(answer, "\"clocks\":"),
                         .wall_us = wall_us() };
    return ERR_OK;
}

enum err clock_stop(const struct clock *clock, struct lap *lap)
{
    struct lap now = { 0 };
    uint64_t wall = wall_us();
    TRY(clock_start(clock, &now));
    lap->us = now.us - lap->us;
    lap->packets = now.packets - lap->packets;
    lap->waits = now.waits - lap->waits;
    lap->clocks = now.clocks - lap->clocks;
    lap->wall_us = wall - lap->wall_us;
    return ERR_OK;
}

void clock_print(const struct lap *lap, const char *name, size_t units)
{
    printf("%s_units=%zu %s_us=%llu %s_packets=%llu %s_waits=%llu %s_clocks=%llu "
           "%s_wall_us=%llu\n",
           name, units, name, (unsigned long long)lap->us, name,
           (unsigned long long)lap->packets, name, (unsigned long long)lap->waits, name,
           (unsigned long long)lap->clocks, name, (unsigned long long)lap->wall_us);
}
