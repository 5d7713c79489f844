/* SPDX-License-Identifier: MIT */
/*
 * softhsm: looks after the files of SoftHSM's tokens. Called by module.c, before the module is
 * initialised, and by token.c, before a login. It must not replace a file that is whole, nor
 * one that another process is writing.
 */
#include "oem-server/hsm/softhsm.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/host/log.h"
#include "common/host/own.h"
#include "oem-server/hsm/softhsm_conf.h"
#include "oem-server/hsm/softhsm_file.h"

enum { LABEL_SIZE = 32, FILE_MAX = 1 << 20, GENERATION_SIZE = 8 };

static const char object[] = "token.object", copy[] = "hallmark.copy";

/* A token's folder, while it is looked at. */
struct look {
    int folder;
    const char *name; /* of the folder */
    bool alone;       /* no other process of ours uses the tokens */
    bool change;      /* else only counted */
    unsigned changes;
};

static void dir_drop(DIR **dir)
{
    if (*dir != NULL)
        closedir(*dir);
}

void softhsm_open(struct softhsm_files *s)
{
    *s = (struct softhsm_files){ .folder = softhsm_conf_folder(), .lock = -1 };
    if (s->folder == NULL)
        return;
    s->lock = open(s->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (s->lock < 0 || flock(s->lock, LOCK_SH) != 0)
        log_line(LOG_LEVEL_WARN, "hsm: folder of SoftHSM's tokens %s: %s", s->folder,
                 strerror(errno));
}

void softhsm_close(struct softhsm_files *s)
{
    free(TAKE(s->folder));
    fd_drop(&s->lock);
    s->lock = -1;
}

/* --- Files. ------------------------------------------------------------------------------ */

/* UNREADY: whole, but a token that is being made or initialised again. */
enum state { WHOLE, UNREADY, DAMAGED, MISSING, IN_USE };

static enum state read_open(int fd, struct buf *bytes_out)
{
    struct stat st;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size > FILE_MAX ||
        buf_resize(bytes_out, (size_t)st.st_size) != ERR_OK)
        return IN_USE; /* nothing that this file may judge */
    ssize_t got = st.st_size == 0 ? 0 : pread(fd, bytes_out->ptr, bytes_out->len, 0);
    return got == (ssize_t)bytes_out->len ? WHOLE : IN_USE;
}

/* SoftHSM holds a lock of its own on a file that it writes; one that is locked is not damaged.
 */
static enum state read_file(int folder, const char *name, struct buf *bytes_out)
{
    struct flock lock = { .l_type = F_RDLCK, .l_whence = SEEK_SET };
    AUTO(fd_drop) int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return errno == ENOENT ? MISSING : IN_USE;
    if (fcntl(fd, F_OFD_SETLK, &lock) != 0)
        return IN_USE;
    return read_open(fd, bytes_out);
}

static enum state read_token(int folder, const char *name, struct buf *bytes_out,
                             struct softhsm_file *file_out)
{
    enum state state = read_file(folder, name, bytes_out);
    if (state == WHOLE && !softhsm_file_parse(buf_span(bytes_out), file_out))
        return DAMAGED;
    return state == WHOLE && !file_out->is_token ? UNREADY : state;
}

static bool write_whole(int fd, struct span bytes)
{
    while (bytes.len > 0) {
        ssize_t done = write(fd, bytes.ptr, bytes.len);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return false;
        bytes = span_of(bytes.ptr + done, bytes.len - (size_t)done);
    }
    return fsync(fd) == 0;
}

/* In one step, so that a process that is killed leaves the old file or the new one. The owner
 * stays that of the file `like`, if this process may give it. */
static bool replace(int folder, const char *name, const char *like, struct span bytes)
{
    static const char fresh[] = "hallmark.new";
    struct stat st = { .st_uid = geteuid(), .st_gid = getegid() };
    (void)fstatat(folder, like, &st, 0);
    (void)unlinkat(folder, fresh, 0);
    AUTO(fd_drop) int fd = openat(folder, fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 || !write_whole(fd, bytes))
        return false;
    if ((st.st_uid != geteuid() || st.st_gid != getegid()) &&
        fchown(fd, st.st_uid, st.st_gid) != 0 && geteuid() == 0)
        return false;
    return renameat(folder, fresh, folder, name) == 0 && fsync(folder) == 0;
}

/* --- One token. -------------------------------------------------------------------------- */

static void say(const struct look *look, const char *what)
{
    log_line(LOG_LEVEL_WARN, "hsm: SoftHSM's token %s: %s", look->name, what);
}

static void put_back(struct look *look, const struct buf *kept)
{
    look->changes++;
    if (!look->change)
        return;
    if (replace(look->folder, object, copy, buf_span(kept)))
        say(look, "token.object was damaged, as a login that was killed leaves it: its copy "
                  "was put back");
    else
        log_line(LOG_LEVEL_ERROR,
                 "hsm: SoftHSM's token %s: token.object is damaged, and its copy %s cannot be "
                 "put back: %s: copy it by hand",
                 look->name, copy, strerror(errno));
}

static void keep(struct look *look, const struct buf *now, const struct buf *kept)
{
    if (!look->change || softhsm_file_same(buf_span(now), buf_span(kept)))
        return;
    if (!replace(look->folder, copy, object, buf_span(now)))
        log_line(
            LOG_LEVEL_WARN,
            "hsm: SoftHSM's token %s: no copy of token.object is kept: %s: a kill during a "
            "login can destroy the token",
            look->name, strerror(errno));
}

static void look_at_token(struct look *look)
{
    AUTO(buf_free) struct buf now = { 0 }, kept = { 0 };
    struct softhsm_file file, copied;
    enum state state = read_token(look->folder, object, &now, &file);
    bool has_copy = read_token(look->folder, copy, &kept, &copied) == WHOLE;
    if (state == WHOLE)
        keep(look, &now, &kept);
    else if ((state == DAMAGED || state == MISSING) && has_copy)
        put_back(look, &kept);
    else if (state == DAMAGED)
        say(look, "token.object is damaged, and there is no copy of it");
}

/* --- Keys. ------------------------------------------------------------------------------- */

/* The object's file and the lock that SoftHSM holds while it makes one, by the same name. */
static bool is_unfinished(const struct look *look, const char *name, const char *lock)
{
    AUTO(buf_free) struct buf bytes = { 0 }, none = { 0 };
    if (read_file(look->folder, lock, &none) == IN_USE)
        return false;
    return read_file(look->folder, name, &bytes) == WHOLE && bytes.len <= GENERATION_SIZE;
}

static void look_at_key(struct look *look, const char *name)
{
    char lock[NAME_MAX + 1];
    size_t len = strlen(name) - strlen("object");
    memcpy(lock, name, len);
    memcpy(lock + len, "lock", sizeof("lock"));
    if (!is_unfinished(look, name, lock))
        return;
    look->changes++;
    if (!look->change)
        return;
    (void)unlinkat(look->folder, name, 0);
    (void)unlinkat(look->folder, lock, 0);
    say(look, "the file of a key whose creation was interrupted is removed");
}

static bool ends_in(const char *name, const char *end)
{
    size_t len = strlen(name), want = strlen(end);
    return len > want && strcmp(name + len - want, end) == 0;
}

static void look_at_keys(struct look *look)
{
    int fd = openat(look->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    AUTO(dir_drop) DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (dir == NULL)
        return;
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;)
        if (ends_in(entry->d_name, ".object") && strcmp(entry->d_name, object) != 0)
            look_at_key(look, entry->d_name);
}

/* --- All tokens. ------------------------------------------------------------------------- */

typedef void visitor(struct look *look, const void *context);

static void each_token(const struct softhsm_files *s, visitor *visit, struct look *look,
                       const void *context)
{
    AUTO(dir_drop) DIR *dir = s->folder == NULL ? NULL : opendir(s->folder);
    if (dir == NULL)
        return;
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        if (entry->d_name[0] == '.')
            continue;
        AUTO(fd_drop)
        int folder =
            openat(dirfd(dir), entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        look->folder = folder;
        look->name = entry->d_name;
        if (folder >= 0)
            visit(look, context);
    }
}

static void look_at_all(struct look *look, const void *context)
{
    (void)context;
    look_at_token(look);
    if (look->alone)
        look_at_keys(look);
}

static unsigned look_after(struct softhsm_files *s, bool change)
{
    struct look look = { .change = change };
    if (s->lock >= 0)
        look.alone = flock(s->lock, LOCK_EX | LOCK_NB) == 0;
    each_token(s, look_at_all, &look, NULL);
    if (s->lock >= 0)
        (void)flock(s->lock, LOCK_SH);
    return look.changes;
}

unsigned softhsm_mend(struct softhsm_files *s)
{
    return look_after(s, true);
}

unsigned softhsm_damage(struct softhsm_files *s)
{
    return look_after(s, false);
}

static bool label_is(struct span label, const char *wanted)
{
    char padded[LABEL_SIZE];
    memset(padded, ' ', sizeof(padded));
    memcpy(padded, wanted, strnlen(wanted, sizeof(padded)));
    return span_eq(label, span_of(padded, sizeof(padded)));
}

/* The copy is read first: to open and close token.object gives up the locks that SoftHSM has on
 * it in another thread of this process, which logs in to another token. */
static void keep_one(struct look *look, const void *context)
{
    AUTO(buf_free) struct buf kept = { 0 };
    struct softhsm_file copied;
    if (read_token(look->folder, copy, &kept, &copied) == WHOLE &&
        !label_is(copied.label, context))
        return;
    look_at_token(look);
}

void softhsm_keep(struct softhsm_files *s, const char *label)
{
    struct look look = { .change = true };
    each_token(s, keep_one, &look, label);
}
