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
    return fail_quiet(ERR_IO, "%s: %s", stage->path, strerror(errno));
}

enum err stage_open(const char *folder, const char *name, struct stage *stage_out)
{
    AUTO(stage_drop) struct stage s = { 0 };
    AUTO(free_drop) char *temporary = NULL;
    TRY(file_join(folder, name, &s.path));
    if (asprintf(&temporary, "%s.XXXXXX", s.path) < 0)
        return fail_quiet(ERR_MEMORY, "%s: no memory", s.path);
    AUTO(fd_drop) int fd = mkostemp(temporary, O_CLOEXEC);
    if (fd < 0)
        return told(&s);
    s.name = TAKE(temporary); /* from here on there is something to remove */
    s.file = fdopen(fd, "w");
    if (s.file == NULL)
        return told(&s);
    fd = -1;
    *stage_out = s;
    s = (struct stage){ 0 };
    return ERR_OK;
}

enum err stage_commit(struct stage *s)
{
    int fd = fileno(s->file);
    if (ferror(s->file) != 0 || fflush(s->file) != 0 || fchmod(fd, 0644) != 0 || fsync(fd) != 0)
        return told(s);
    TRY(file_replace(s->name, s->path));
    free(TAKE(s->name)); /* nothing to remove any more */
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
