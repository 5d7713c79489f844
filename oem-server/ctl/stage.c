/* SPDX-License-Identifier: MIT */
/*
 * Staged files. Called by log export, unit show and the commands that register principals. The
 * final name must not exist before the file is complete.
 */
#include "oem-server/ctl/stage.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/host/log.h"
#include "oem-server/ctl/file.h"

static enum err told(const struct stage *stage)
{
    int cause = errno;
    enum err e = cause == ENOENT || cause == ENOTDIR ? ERR_NOT_FOUND : ERR_IO;
    return fail_quiet(e, "%s: %s", stage->path, strerror(cause));
}

/* path is taken. */
static enum err open_at(char *path, bool fresh, struct stage *stage_out)
{
    AUTO(stage_drop) struct stage s = { .path = path, .fresh = fresh };
    AUTO(free_drop) char *temporary = NULL;
    if (asprintf(&temporary, "%s.XXXXXX", s.path) < 0)
        return fail_quiet(ERR_MEMORY, "%s: no memory", s.path);
    AUTO(fd_drop) int fd = mkostemp(temporary, O_CLOEXEC);
    if (fd < 0)
        return told(&s);
    s.name = TAKE(temporary); /* from here on there is a file to remove */
    s.file = fdopen(fd, "w");
    if (s.file == NULL)
        return told(&s);
    fd = -1;
    *stage_out = s;
    s = (struct stage){ 0 };
    return ERR_OK;
}

enum err stage_open(const char *folder, const char *name, struct stage *stage_out)
{
    char *path = NULL;
    TRY(file_join(folder, name, &path));
    return open_at(path, false, stage_out);
}

enum err stage_open_new(const char *path, struct stage *stage_out)
{
    TRY(file_check_new(path));
    char *copy = strdup(path);
    if (copy == NULL)
        return fail_quiet(ERR_MEMORY, "%s: no memory", path);
    return open_at(copy, true, stage_out);
}

enum err stage_commit(struct stage *s)
{
    int fd = fileno(s->file);
    if (ferror(s->file) != 0 || fflush(s->file) != 0 || fchmod(fd, 0644) != 0 || fsync(fd) != 0)
        return told(s);
    if (s->fresh)
        TRY(file_check_new(s->path));
    TRY(file_replace(s->name, s->path));
    free(TAKE(s->name)); /* there is no file to remove any more */
    return ERR_OK;
}

void stage_drop(struct stage *s)
{
    if (s->file != NULL)
        fclose(s->file);
    if (s->name != NULL)
        unlink(s->name);
    free_drop(&s->name);
    free_drop(&s->path);
    *s = (struct stage){ 0 };
}
