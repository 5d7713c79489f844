/* SPDX-License-Identifier: MIT */
/*
 * The lock file of a probe's port. Called by usb.c, and by usb_list.c and usb_user.c to name
 * the holder. All users may write these files, so their content is only shown, and a link must
 * not be followed.
 */

#include "station-agent/probe/usb_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/host/log.h"

enum { LOCK_MODE = 0666 }; /* each user of the probe may write its name */

/* The first of the folders that can be used; NULL: none. */
static const char *lock_folder(const struct usb_roots *roots)
{
    const char *runtime = getenv("XDG_RUNTIME_DIR");
    if (roots->lock != NULL)
        return roots->lock;
    if (access("/run/lock", W_OK | X_OK) == 0)
        return "/run/lock";
    return runtime != NULL && runtime[0] == '/' ? runtime : NULL;
}

static enum err lock_path(const struct usb_roots *roots, const char *port,
                          char out[static USB_PATH_MAX])
{
    const char *folder = lock_folder(roots);
    if (folder == NULL)
        return fail(ERR_CONFIG,
                    "probe: usb:port=%s: no folder for its lock: neither /run/lock "
                    "nor XDG_RUNTIME_DIR",
                    port);
    snprintf(out, USB_PATH_MAX, "%s/hallmark-probe-%s.lock", folder, port);
    return ERR_OK;
}

/* Without O_CREAT first: in a folder that all may write, the kernel refuses O_CREAT on another
 * user's file (fs.protected_regular). One that may not be written can still be locked. */
static int open_file(const char *path)
{
    int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 && errno == EACCES)
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd >= 0 || errno != ENOENT)
        return fd;
    fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, LOCK_MODE);
    if (fd < 0)
        return errno == EEXIST ? open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW) : fd;
    if (fchmod(fd, LOCK_MODE) != 0) /* umask would exclude other users */
        log_line(LOG_LEVEL_DEBUG, "probe: %s: %s", path, strerror(errno));
    return fd;
}

/* "PID PROGRAM", as the holder wrote it. Any user may have written it: it is only shown. */
static bool read_holder(const char *path, struct usb_holder *out)
{
    char line[64], *end;
    *out = (struct usb_holder){ 0 };
    usb_read_line(path, line, sizeof(line));
    long pid = strtol(line, &end, 10);
    if (end == line || *end != ' ' || pid <= 0 || pid > INT32_MAX)
        return false;
    out->pid = (int)pid;
    snprintf(out->program, sizeof(out->program), "%.30s", end + 1);
    return true;
}

void usb_holder_words(const struct usb_holder *holder, char *out, size_t size)
{
    if (holder->pid == 0)
        snprintf(out, size, "another program%s",
                 geteuid() == 0 ? "" : " (whose, root can see: sudo station-agent probes)");
    else
        snprintf(out, size, "%s (pid %d)", holder->program, holder->pid);
}

static enum err is_held(const char *path, const char *port)
{
    struct usb_holder holder;
    char words[USB_HOLDER_MAX];
    read_holder(path, &holder);
    usb_holder_words(&holder, words, sizeof(words));
    return fail(ERR_BUSY, "probe: usb:port=%s: in use by %s; one program per probe", port,
                words);
}

static void write_holder(int fd)
{
    char line[64];
    int len = snprintf(line, sizeof(line), "%d %.30s\n", (int)getpid(),
                       program_invocation_short_name);
    if (ftruncate(fd, 0) != 0 || pwrite(fd, line, (size_t)len, 0) != len)
        log_line(LOG_LEVEL_DEBUG, "probe: the name in the lock file was not written: %s",
                 strerror(errno));
}

enum err usb_lock_take(const struct usb_roots *roots, const char *port, int *fd_out)
{
    char path[USB_PATH_MAX];
    TRY(lock_path(roots, port, path));
    AUTO(fd_drop) int fd = open_file(path);
    if (fd < 0)
        return fail(ERR_IO, "probe: %s: %s", path, strerror(errno));
    if (flock(fd, LOCK_EX | LOCK_NB) != 0)
        return errno == EWOULDBLOCK ? is_held(path, port)
                                    : fail(ERR_IO, "probe: %s: %s", path, strerror(errno));
    write_holder(fd);
    *fd_out = fd;
    fd = -1;
    return ERR_OK;
}

void usb_lock_release(int *fd)
{
    if (*fd >= 0 && ftruncate(*fd, 0) != 0)
        log_line(LOG_LEVEL_DEBUG, "probe: the name in the lock file was not cleared: %s",
                 strerror(errno));
    fd_drop(fd);
    *fd = -1;
}

/* proc(5), /proc/locks: "1: FLOCK  ADVISORY  WRITE 708 00:13:1234 0 EOF" */
static bool is_lock_of(const char *line, int pid, unsigned long inode)
{
    const char *type = strstr(line, " FLOCK "), *write = strstr(line, " WRITE ");
    if (type == NULL || write == NULL)
        return false;
    char *end;
    long owner = strtol(write + strlen(" WRITE "), &end, 10);
    const char *device = *end == ' ' ? strchr(end, ':') : NULL;
    const char *minor = device == NULL ? NULL : strchr(device + 1, ':');
    return minor != NULL && owner == pid && strtoul(minor + 1, NULL, 10) == inode;
}

bool usb_lock_holder(const struct usb_roots *roots, const char *port,
                     struct usb_holder *holder_out)
{
    char path[USB_PATH_MAX], locks[USB_PATH_MAX], line[160];
    struct stat st;
    bool held = false;
    if (lock_path(roots, port, path) != ERR_OK || stat(path, &st) != 0 ||
        !read_holder(path, holder_out))
        return false;
    snprintf(locks, sizeof(locks), "%s/locks", roots->proc);
    FILE *f = fopen(locks, "re");
    if (f == NULL)
        return false;
    while (!held && fgets(line, sizeof(line), f) != NULL)
        held = is_lock_of(line, holder_out->pid, (unsigned long)st.st_ino);
    fclose(f);
    return held;
}
