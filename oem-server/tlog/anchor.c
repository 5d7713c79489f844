/* SPDX-License-Identifier: MIT */
/*
 * The file of the anchor and its lock. Called by tlog when the log is opened and before a
 * checkpoint is given away. It must not replace a file that this server neither read nor wrote.
 */
#include "oem-server/tlog/anchor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "common/host/draft.h"
#include "common/host/log.h"

enum { HOLDER_MAX = 100, ANCHOR_MODE = 0600 };

struct anchor {
    char *path;
    int lock_fd;
    bool there;
    struct buf bytes; /* of the file, as last read or written */
    struct buf tried; /* of a write that failed: it may have taken effect */
};

static void anchor_drop(struct anchor **anchor)
{
    anchor_close(*anchor);
}

/* ANCHOR_MAX + 1 bytes at most, so that a longer file is seen as one. */
static enum err bytes_read(int fd, struct buf *out)
{
    TRY(buf_resize(out, ANCHOR_MAX + 1));
    size_t len = 0;
    while (len < out->len) {
        ssize_t got = read(fd, out->ptr + len, out->len - len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return fail_quiet(ERR_IO, "%s", strerror(errno));
        if (got == 0)
            break;
        len += (size_t)got;
    }
    return buf_resize(out, len);
}

static enum err file_read(const char *path, bool *there_out, struct buf *out)
{
    AUTO(fd_drop) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    *there_out = fd >= 0;
    if (fd < 0)
        return errno == ENOENT ? ERR_OK : fail_quiet(ERR_IO, "%s", strerror(errno));
    return bytes_read(fd, out);
}

/* For the message of whoever finds the lock taken; a full disk leaves it empty. */
static void holder_tell(int fd, const char *holder)
{
    if (ftruncate(fd, 0) != 0 || pwrite(fd, holder, strnlen(holder, HOLDER_MAX), 0) < 0)
        log_line(LOG_LEVEL_DEBUG, "anchor: the lock does not say who holds it: %s",
                 strerror(errno));
}

static enum err busy(int fd, const char *path)
{
    char holder[HOLDER_MAX + 1] = "";
    ssize_t len = pread(fd, holder, HOLDER_MAX, 0);
    holder[len < 0 ? 0 : len] = '\0';
    for (char *at = holder; *at != '\0'; at++)
        if (*at < ' ' || *at > '~')
            *at = '?';
    return fail(ERR_BUSY,
                "anchor: %s: in use by another server%s%s: of two copies of a server only one "
                "may run",
                path, holder[0] == '\0' ? "" : ", ", holder);
}

static int lock_file(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY, ANCHOR_MODE);
    return fd < 0 && (errno == EROFS || errno == EACCES)
               ? open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY)
               : fd;
}

/* A place that is read-only or full for now can be locked all the same. */
static enum err lock_take(struct anchor *anchor, const char *holder)
{
    AUTO(free_drop) char *path = NULL;
    if (asprintf(&path, "%s.lock", anchor->path) < 0) {
        path = NULL;
        return fail(ERR_MEMORY, "anchor: no memory");
    }
    anchor->lock_fd = lock_file(path);
    if (anchor->lock_fd < 0 && (errno == ENOENT || errno == ENOTDIR))
        return fail(ERR_UNAVAILABLE, "anchor: %s: no such folder: is its place mounted?",
                    anchor->path);
    if (anchor->lock_fd < 0)
        return fail(ERR_IO, "anchor: %s: %s", path, strerror(errno));
    if (flock(anchor->lock_fd, LOCK_EX | LOCK_NB) == 0) {
        holder_tell(anchor->lock_fd, holder);
        return ERR_OK;
    }
    return errno == EWOULDBLOCK ? busy(anchor->lock_fd, anchor->path)
                                : fail(ERR_IO, "anchor: %s: %s", path, strerror(errno));
}

enum err anchor_open(const char *path, const char *holder, struct anchor **anchor_out)
{
    AUTO(anchor_drop) struct anchor *anchor = calloc(1, sizeof(*anchor));
    if (anchor == NULL || (anchor->path = strdup(path)) == NULL)
        return fail(ERR_MEMORY, "anchor: no memory");
    anchor->lock_fd = -1;
    TRY(lock_take(anchor, holder));
    if (file_read(path, &anchor->there, &anchor->bytes) != ERR_OK) {
        char words[FAIL_WORDS_MAX / 2];
        snprintf(words, sizeof(words), "%s", fail_words());
        return fail(ERR_IO, "anchor: %s: %s", path, words);
    }
    *anchor_out = TAKE(anchor);
    return ERR_OK;
}

void anchor_close(struct anchor *anchor)
{
    if (anchor == NULL)
        return;
    if (anchor->path != NULL)
        fd_drop(&anchor->lock_fd);
    buf_free(&anchor->bytes);
    buf_free(&anchor->tried);
    free(anchor->path);
    free(anchor);
}

bool anchor_there(const struct anchor *anchor)
{
    return anchor->there;
}

struct span anchor_bytes(const struct anchor *anchor)
{
    return buf_span(&anchor->bytes);
}

/* Is the file still the one that was read or written last? */
static enum err file_check(const struct anchor *anchor)
{
    AUTO(buf_free) struct buf now = { 0 };
    bool there = false;
    TRY(file_read(anchor->path, &there, &now));
    bool tried =
        there && anchor->tried.len != 0 && span_eq(buf_span(&now), buf_span(&anchor->tried));
    if (tried || (!there && !anchor->there))
        return ERR_OK;
    if (!there)
        return fail_quiet(ERR_UNAVAILABLE, "it is not there any more: is its place mounted?");
    return anchor->there && span_eq(buf_span(&now), buf_span(&anchor->bytes))
               ? ERR_OK
               : fail_quiet(ERR_UNAVAILABLE,
                            "it is not the one that this server wrote: does a copy of the "
                            "server run?");
}

static enum err file_replace(const struct anchor *anchor, struct span note)
{
    AUTO(draft_drop) struct draft draft = { 0 };
    TRY(draft_open(anchor->path, &draft));
    TRY(draft_write(&draft, note));
    return draft_replace(&draft, ANCHOR_MODE);
}

/* Without the path, which is not Health's to tell. */
static enum err told(const struct anchor *anchor)
{
    char words[FAIL_WORDS_MAX];
    size_t len = strlen(anchor->path);
    snprintf(words, sizeof(words), "%s", fail_words());
    bool named = strncmp(words, anchor->path, len) == 0 && strncmp(words + len, ": ", 2) == 0;
    return fail_quiet(ERR_UNAVAILABLE, "%.300s", words + (named ? len + 2 : 0));
}

enum err anchor_write(struct anchor *anchor, struct span note)
{
    if (file_check(anchor) != ERR_OK)
        return told(anchor);
    TRY(buf_copy(&anchor->tried, note));
    if (file_replace(anchor, note) != ERR_OK)
        return told(anchor);
    TRY(buf_copy(&anchor->bytes, note));
    anchor->there = true;
    return ERR_OK;
}
