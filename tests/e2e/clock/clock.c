/* SPDX-License-Identifier: MIT */
/*
 * Another time of day, to be loaded by LD_PRELOAD into a program: CLOCK_AHEAD_S seconds, or
 * those that the file CLOCK_AHEAD_FILE holds at that moment, are added to what it reads. So a
 * test need not wait a day for what expires in one, and can set the clock of a program that
 * runs, forward and back. CLOCK_MONOTONIC and CLOCK_BOOTTIME are not touched, as setting a
 * clock does not touch them.
 */
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum { NUMBER_MAX = 24 };

static atomic_int control = -1; /* CLOCK_AHEAD_FILE, opened */
static atomic_llong latest_s;   /* of it: kept while a writer has it empty */

static int control_open(const char *path)
{
    int fd = atomic_load(&control), none = -1;
    if (fd >= 0)
        return fd;
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || atomic_compare_exchange_strong(&control, &none, fd))
        return fd;
    close(fd); /* another thread was first */
    return none;
}

static time_t control_read(const char *path)
{
    char text[NUMBER_MAX];
    int fd = control_open(path);
    ssize_t len = fd < 0 ? 0 : pread(fd, text, sizeof(text) - 1, 0);
    if (len > 0 && text[len - 1] == '\n') {
        text[len] = '\0';
        atomic_store(&latest_s, strtoll(text, NULL, 10));
    }
    return (time_t)atomic_load(&latest_s);
}

static time_t ahead_s(void)
{
    const char *path = getenv("CLOCK_AHEAD_FILE"), *text = getenv("CLOCK_AHEAD_S");
    if (path != NULL)
        return control_read(path);
    return text == NULL ? 0 : (time_t)strtoll(text, NULL, 10);
}

int clock_gettime(clockid_t id, struct timespec *now)
{
    int result = (int)syscall(SYS_clock_gettime, id, now);
    if (result == 0 && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE))
        now->tv_sec += ahead_s();
    return result;
}

time_t time(time_t *now_out)
{
    struct timespec now = { 0 };
    clock_gettime(CLOCK_REALTIME, &now);
    if (now_out != NULL)
        *now_out = now.tv_sec;
    return now.tv_sec;
}

int gettimeofday(struct timeval *restrict now_out, void *restrict zone)
{
    struct timespec now = { 0 };
    (void)zone;
    int result = clock_gettime(CLOCK_REALTIME, &now);
    now_out->tv_sec = now.tv_sec;
    now_out->tv_usec = now.tv_nsec / 1000;
    return result;
}
