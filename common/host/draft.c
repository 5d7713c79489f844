/* SPDX-License-Identifier: MIT */
/*
 * draft: files made beside their final name. Called by oemctl for all that it writes and by the
 * virtual board for a new state file. A file must not be half written under its final name.
 */
#include "common/host/draft.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/host/log.h"

static enum err told(const char *path)
{
    int cause = errno;
    enum err e = cause == ENOENT || cause == ENOTDIR ? ERR_NOT_FOUND
                 : cause == EEXIST                   ? ERR_EXISTS
                                                     : ERR_IO;
    return fail_quiet(e, "%s: %s", path, strerror(cause));
}

enum err draft_open(const char *path, struct draft *draft_out)
{
    AUTO(free_drop) char *final = strdup(path);
    char *name = NULL;
    if (final == NULL || asprintf(&name, "%s.XXXXXX", path) < 0)
        return fail_quiet(ERR_MEMORY, "%s: no memory", path);
    AUTO(free_drop) char *temporary = name;
    int fd = mkostemp(temporary, O_CLOEXEC);
    if (fd < 0)
        return told(path);
    *draft_out = (struct draft){ .path = TAKE(final), .name = TAKE(temporary), .fd = fd };
    return ERR_OK;
}

enum err draft_write(struct draft *draft, struct span bytes)
{
    while (bytes.len > 0) {
        ssize_t done = write(draft->fd, bytes.ptr, bytes.len);
        if (done < 0 && errno != EINTR)
            return told(draft->path);
        if (done > 0)
            bytes = span_of(bytes.ptr + done, bytes.len - (size_t)done);
    }
    return ERR_OK;
}

static enum err settle(const struct draft *draft, mode_t mode)
{
    return fchmod(draft->fd, mode) == 0 && fsync(draft->fd) == 0 ? ERR_OK : told(draft->path);
}

/* The name is durable only after its folder is synced. */
static enum err sync_folder(const char *path)
{
    AUTO(free_drop) char *copy = strdup(path);
    if (copy == NULL)
        return fail_quiet(ERR_MEMORY, "%s: no memory", path);
    AUTO(fd_drop) int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd >= 0 && fsync(fd) == 0 ? ERR_OK : told(path);
}

enum err draft_replace(struct draft *draft, mode_t mode)
{
    TRY(settle(draft, mode));
    if (rename(draft->name, draft->path) != 0)
        return told(draft->path);
    free(TAKE(draft->name));
    return sync_folder(draft->path);
}

enum err draft_link(struct draft *draft, mode_t mode)
{
    TRY(settle(draft, mode));
    if (link(draft->name, draft->path) != 0)
        return told(draft->path);
    unlink(draft->name);
    free(TAKE(draft->name));
    return sync_folder(draft->path);
}

void draft_drop(struct draft *draft)
{
    if (draft->name != NULL)
        unlink(draft->name);
    if (draft->path != NULL && draft->fd >= 0)
        close(draft->fd);
    free(draft->name);
    free(draft->path);
    *draft = (struct draft){ 0 };
}
