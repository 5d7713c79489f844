/* SPDX-License-Identifier: MIT */
#include "tests/unit/faults.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static atomic_uint left; /* calls until one fails; 0: none will */
static atomic_bool reached;
static enum fault_kind armed;
static int armed_errno;
static bool everywhere;
static _Thread_local bool mine;
static const char *last = "none";

void faults_begin(enum fault_kind kind, unsigned nth, int error, bool all_threads)
{
    armed = kind;
    armed_errno = error;
    everywhere = all_threads;
    mine = true;
    reached = false;
    left = nth;
}

bool faults_end(void)
{
    left = 0;
    mine = false;
    return reached;
}

const char *faults_last(void)
{
    return last;
}

static bool fails(enum fault_kind kind, const char *name)
{
    if (left == 0 || armed != kind || !(mine || everywhere) || atomic_fetch_sub(&left, 1) != 1)
        return false;
    last = name;
    reached = true;
    errno = kind == FAULT_MEMORY ? ENOMEM : armed_errno;
    return true;
}

#define WRAP(kind, type, name, failed, parameters, arguments)                                  \
    type __real_##name parameters;                                                             \
    type __wrap_##name parameters;                                                             \
    type __wrap_##name parameters                                                              \
    {                                                                                          \
        return fails(kind, #name) ? (failed) : __real_##name arguments;                        \
    }

WRAP(FAULT_MEMORY, void *, malloc, NULL, (size_t size), (size))
WRAP(FAULT_MEMORY, void *, calloc, NULL, (size_t count, size_t size), (count, size))
WRAP(FAULT_MEMORY, void *, realloc, NULL, (void *ptr, size_t size), (ptr, size))
WRAP(FAULT_MEMORY, char *, strdup, NULL, (const char *text), (text))
WRAP(FAULT_MEMORY, char *, strndup, NULL, (const char *text, size_t len), (text, len))
WRAP(FAULT_MEMORY, int, vasprintf, -1, (char **out, const char *format, va_list args),
     (out, format, args))

int __wrap_asprintf(char **out, const char *format, ...) __attribute__((format(printf, 2, 3)));
int __wrap_asprintf(char **out, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int len = __wrap_vasprintf(out, format, args);
    va_end(args);
    return len;
}

WRAP(FAULT_CALL, int, mkostemp, -1, (char *name, int flags), (name, flags))
WRAP(FAULT_CALL, int, fsync, -1, (int fd), (fd))
WRAP(FAULT_CALL, int, fchmod, -1, (int fd, mode_t mode), (fd, mode))
WRAP(FAULT_CALL, int, rename, -1, (const char *from, const char *to), (from, to))
WRAP(FAULT_CALL, int, link, -1, (const char *from, const char *to), (from, to))
WRAP(FAULT_CALL, int, socket, -1, (int domain, int type, int protocol),
     (domain, type, protocol))
WRAP(FAULT_CALL, int, connect, -1, (int fd, const struct sockaddr *address, socklen_t len),
     (fd, address, len))
WRAP(FAULT_CALL, int, poll, -1, (struct pollfd * fds, nfds_t count, int timeout),
     (fds, count, timeout))

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    mode_t mode = (flags & O_CREAT) != 0 ? va_arg(args, mode_t) : 0;
    va_end(args);
    return fails(FAULT_CALL, "open") ? -1 : __real_open(path, flags, mode);
}

/* What moves bytes may move fewer. */
#define WRAP_MOVE(name, pointer, more, arguments)                                              \
    ssize_t __real_##name(int fd, pointer bytes, size_t len more);                             \
    ssize_t __wrap_##name(int fd, pointer bytes, size_t len more);                             \
    ssize_t __wrap_##name(int fd, pointer bytes, size_t len more)                              \
    {                                                                                          \
        if (fails(FAULT_CALL, #name))                                                          \
            return -1;                                                                         \
        if (len > 1 && fails(FAULT_SHORT, #name))                                              \
            len = 1;                                                                           \
        return __real_##name arguments;                                                        \
    }

#define NOTHING
#define FLAGS , int flags
WRAP_MOVE(read, void *, NOTHING, (fd, bytes, len))
WRAP_MOVE(write, const void *, NOTHING, (fd, bytes, len))
WRAP_MOVE(send, const void *, FLAGS, (fd, bytes, len, flags))
WRAP_MOVE(recv, void *, FLAGS, (fd, bytes, len, flags))
