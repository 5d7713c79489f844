/* SPDX-License-Identifier: MIT */
/*
 * harden: see harden.h. Called by oem-server, oemctl and station-agent before they read
 * anything.
 */
#include "common/host/harden.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

/* open() gives the lowest number, so /dev/null gets those of 0 to 2 that are closed. */
static void fill_standard(void)
{
    int fd;
    do
        fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd > STDERR_FILENO)
        (void)close(fd);
}

bool harden_process(void)
{
    fill_standard();
    (void)signal(SIGXFSZ, SIG_IGN);
    const struct rlimit none = { 0, 0 };
    bool limited = setrlimit(RLIMIT_CORE, &none) == 0;
    return prctl(PR_SET_DUMPABLE, 0) == 0 && limited;
}
