/* SPDX-License-Identifier: MIT */
/*
 * A disk that fails, to be loaded by LD_PRELOAD. The file that FAULTS names has one line,
 * "FAULT PATH": the fault is there, for files whose path contains PATH, as long as the line is.
 * The file is mapped, so a test can change the line while programs run; FAULT is "none" or:
 *
 *   full       what writes, or makes, a file: ENOSPC, as where each write needs new room
 *   read-only  what changes a file or a folder: EROFS
 *   read-eio   reading: EIO
 *   write-eio  writing: EIO
 *   sync-eio   syncing: EIO, after the data were written
 *   sync-slow  syncing takes three seconds more
 *   no-files   what needs another descriptor for a file: EMFILE
 *
 * Calls that the C library makes for itself (stdio) are not seen here.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { LINE = 4096, SLOW_S = 3 };

static const char *line; /* mapped; NULL: no faults */

__attribute__((constructor)) static void begin(void)
{
    const char *name = getenv("FAULTS");
    int fd = name == NULL ? -1 : (int)syscall(SYS_openat, AT_FDCWD, name, O_RDONLY | O_CLOEXEC);
    void *at = fd < 0 ? MAP_FAILED : mmap(NULL, LINE, PROT_READ, MAP_SHARED, fd, 0);
    if (at == MAP_FAILED)
        abort();
    close(fd);
    line = at;
}

/* Is it that fault, and for this path? */
static bool is_fault(const char *fault, const char *path)
{
    char copy[LINE], *rest;
    memcpy(copy, line, sizeof(copy) - 1);
    copy[sizeof(copy) - 1] = '\0';
    const char *have = strtok_r(copy, " \n", &rest), *part = strtok_r(NULL, " \n", &rest);
    return have != NULL && part != NULL && strcmp(have, fault) == 0 &&
           strstr(path, part) != NULL;
}

static bool is_fault_of(const char *fault, int fd)
{
    char link[64], path[PATH_MAX];
    int saved = errno;
    if (strncmp(line, "none", 4) == 0)
        return false;
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    long len = syscall(SYS_readlinkat, AT_FDCWD, link, path, sizeof(path) - 1);
    errno = saved;
    if (len < 0)
        return false;
    path[len] = '\0';
    return is_fault(fault, path);
}

/* 0, or the error of writing there. */
static int write_error(int fd)
{
    if (is_fault_of("write-eio", fd))
        return EIO;
    if (is_fault_of("read-only", fd))
        return EROFS;
    return is_fault_of("full", fd) ? ENOSPC : 0;
}

static bool fails(int error)
{
    if (error != 0)
        errno = error;
    return error != 0;
}

ssize_t write(int fd, const void *bytes, size_t len)
{
    return fails(write_error(fd)) ? -1 : syscall(SYS_write, fd, bytes, len);
}

ssize_t pwrite64(int fd, const void *bytes, size_t len, off64_t at)
{
    return fails(write_error(fd)) ? -1 : syscall(SYS_pwrite64, fd, bytes, len, at);
}

ssize_t pwrite(int fd, const void *bytes, size_t len, off_t at)
{
    return pwrite64(fd, bytes, len, at);
}

int ftruncate64(int fd, off64_t len)
{
    return fails(write_error(fd)) ? -1 : (int)syscall(SYS_ftruncate, fd, len);
}

int ftruncate(int fd, off_t len)
{
    return ftruncate64(fd, len);
}

int posix_fallocate64(int fd, off64_t at, off64_t len)
{
    if (is_fault_of("full", fd))
        return ENOSPC;
    return syscall(SYS_fallocate, fd, 0, at, len) == 0 ? 0 : errno;
}

int posix_fallocate(int fd, off_t at, off_t len)
{
    return posix_fallocate64(fd, at, len);
}

ssize_t read(int fd, void *bytes, size_t len)
{
    return fails(is_fault_of("read-eio", fd) ? EIO : 0) ? -1
                                                        : syscall(SYS_read, fd, bytes, len);
}

ssize_t pread64(int fd, void *bytes, size_t len, off64_t at)
{
    return fails(is_fault_of("read-eio", fd) ? EIO : 0)
               ? -1
               : syscall(SYS_pread64, fd, bytes, len, at);
}

ssize_t pread(int fd, void *bytes, size_t len, off_t at)
{
    return pread64(fd, bytes, len, at);
}

static int sync_error(int fd)
{
    static const struct timespec slow = { SLOW_S, 0 };
    if (is_fault_of("sync-slow", fd))
        nanosleep(&slow, NULL);
    return is_fault_of("sync-eio", fd) ? EIO : 0;
}

int fsync(int fd)
{
    return fails(sync_error(fd)) ? -1 : (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd)
{
    return fails(sync_error(fd)) ? -1 : (int)syscall(SYS_fdatasync, fd);
}

static int open_error(const char *path, int flags)
{
    bool makes = (flags & O_CREAT) != 0 && syscall(SYS_faccessat, AT_FDCWD, path, F_OK) != 0;
    if (is_fault("no-files", path))
        return EMFILE;
    if (is_fault("read-only", path) && (makes || (flags & O_ACCMODE) != O_RDONLY))
        return EROFS;
    return is_fault("full", path) && makes ? ENOSPC : 0;
}

static int open_with(const char *path, int flags, va_list rest)
{
    int mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(rest, int) : 0;
    return fails(open_error(path, flags))
               ? -1
               : (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
    va_list rest;
    va_start(rest, flags);
    int fd = open_with(path, flags, rest);
    va_end(rest);
    return fd;
}

int open(const char *path, int flags, ...)
{
    va_list rest;
    va_start(rest, flags);
    int fd = open_with(path, flags, rest);
    va_end(rest);
    return fd;
}

static int folder_error(const char *path, bool makes)
{
    if (is_fault("read-only", path))
        return EROFS;
    return makes && is_fault("full", path) ? ENOSPC : 0;
}

int mkdir(const char *path, mode_t mode)
{
    return fails(folder_error(path, true)) ? -1
                                           : (int)syscall(SYS_mkdirat, AT_FDCWD, path, mode);
}

int unlink(const char *path)
{
    return fails(folder_error(path, false)) ? -1
                                            : (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
}

int mkostemp64(char *template, int flags)
{
    size_t len = strlen(template);
    for (unsigned i = 0; i < 1000; i++) {
        snprintf(template + len - 6, 7, "%06x", ((unsigned)getpid() * 1000 + i) & 0xffffff);
        int fd = open(template, O_RDWR | O_CREAT | O_EXCL | flags, 0600);
        if (fd >= 0 || errno != EEXIST)
            return fd;
    }
    return -1;
}

int mkostemp(char *template, int flags)
{
    return mkostemp64(template, flags);
}
