/* SPDX-License-Identifier: MIT */
/*
 * A clock that is ahead, to be loaded by LD_PRELOAD into a program whose time of day is to be
 * another: CLOCK_AHEAD_S seconds are added to what it reads. CLOCK_MONOTONIC is not touched. So
 * a test need not wait a day for what expires in one.
 */
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static time_t ahead_s(void)
{
    const char *text = getenv("CLOCK_AHEAD_S");
    return text == NULL ? 0 : (time_t)strtol(text, NULL, 10);
}

int clock_gettime(clockid_t id, struct timespec *now)
{
    int result = (int)syscall(SYS_clock_gettime, id, now);
    if (result == 0 && id == CLOCK_REALTIME)
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
