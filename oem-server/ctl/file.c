/* SPDX-License-Identifier: MIT */
/*
 * Files of oemctl. Called by all commands that read or write files. A private key must not be
 * replaced, and a file must not be left half written under its final name (test_ctl_file).
 */
#include "oem-server/ctl/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/host/log.h"

enum { CHUNK = 65536, KEY_LOOK = 16384 };

static enum err told(const char *path)
{
    int cause = errno;
    enum err e = cause == ENOENT ? ERR_NOT_FOUND : cause == EEXIST ? ERR_EXISTS : ERR_IO;
    return fail_quiet(e, "%s: %s", path, strerror(cause));
}

static enum err read_all(int fd, const char *path, size_t max, struct buf *out)
{
    AUTO(buf_free) struct buf bytes = { 0 };
    for (;;) {
        size_t had = bytes.len;
        TRY(buf_resize(&bytes, had + CHUNK));
        ssize_t got;
        do
            got = read(fd, bytes.ptr + had, CHUNK);
        while (got < 0 && errno == EINTR);
        if (got < 0)
            return told(path);
        TRY(buf_resize(&bytes, had + (size_t)got));
        if (bytes.len > max)
            return fail_quiet(ERR_LIMIT, "%s: more than %zu bytes", path, max);
        if (got == 0)
            break;
    }
    *out = buf_take(&bytes);
    return ERR_OK;
}

enum err file_read(const char *path, size_t max, struct buf *out)
{
    struct stat st;
    AUTO(fd_drop) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &st) != 0)
        return told(path);
    if (!S_ISREG(st.st_mode))
        return fail_quiet(ERR_INVALID, "%s: not a regular file", path);
    return read_all(fd, path, max, out);
}

static bool holds_key(const char *path)
{
    static const char mark[] = "PRIVATE KEY-----";
    char head[KEY_LOOK];
    AUTO(fd_drop) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ssize_t got = fd < 0 ? 0 : read(fd, head, sizeof(head));
    bool found = got > 0 && memmem(head, (size_t)got, mark, sizeof(mark) - 1) != NULL;
    wipe(head, sizeof(head));
    return found;
}

enum err file_replace(struct draft *draft)
{
    if (holds_key(draft->path))
        return fail_quiet(ERR_EXISTS, "%s: holds a private key, not replaced", draft->path);
    return draft_replace(draft, 0644);
}

enum err file_write(const char *path, struct span bytes)
{
    AUTO(draft_drop) struct draft draft = { 0 };
    TRY(draft_open(path, &draft));
    TRY(draft_write(&draft, bytes));
    return file_replace(&draft);
}

enum err file_write_text(const char *path, const char *text)
{
    return file_write(path, span_of(text, strlen(text)));
}

enum err file_check_new(const char *path)
{
    return file_exists(path)
               ? fail_quiet(ERR_EXISTS, "%s: is there already, not replaced", path)
               : ERR_OK;
}

static bool file_holds(const char *path, struct span bytes)
{
    AUTO(buf_free) struct buf have = { 0 };
    return file_read(path, bytes.len, &have) == ERR_OK && span_eq(buf_span(&have), bytes);
}

enum err file_write_new(const char *path, struct span bytes)
{
    if (file_holds(path, bytes))
        return ERR_OK;
    TRY(file_check_new(path));
    return file_write(path, bytes);
}

enum err file_write_secret(const char *path, struct span bytes)
{
    AUTO(draft_drop) struct draft draft = { 0 };
    TRY(draft_open(path, &draft));
    TRY(draft_write(&draft, bytes));
    return draft_link(&draft, 0600);
}

bool file_exists(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0;
}

enum err file_folder(const char *path)
{
    struct stat st;
    if (mkdir(path, 0755) == 0)
        return ERR_OK;
    int refused = errno;
    if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
        return ERR_OK;
    errno = refused;
    return told(path);
}

enum err file_join(const char *folder, const char *name, char **path_out)
{
    return asprintf(path_out, "%s/%s", folder, name) < 0
               ? fail_quiet(ERR_MEMORY, "%s: no memory", folder)
               : ERR_OK;
}
