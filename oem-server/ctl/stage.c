/* SPDX-License-Identifier: MIT */
/*
 * Staged files. Called by log export, unit show and the commands that register principals. The
 * final name must not exist before the file is complete.
 */
#include "oem-server/ctl/stage.h"

#include <errno.h>
#include <string.h>

#include "common/host/log.h"
#include "oem-server/ctl/file.h"

static enum err told(const struct stage *stage)
{
    return fail_quiet(ERR_IO, "%s: %s", stage->draft.path, strerror(errno));
}

static enum err open_at(const char *path, bool fresh, struct stage *stage_out)
{
    AUTO(stage_drop) struct stage s = { .fresh = fresh };
    TRY(draft_open(path, &s.draft));
    s.file = fdopen(s.draft.fd, "w");
    if (s.file == NULL)
        return told(&s);
    *stage_out = s;
    s = (struct stage){ 0 };
    return ERR_OK;
}

enum err stage_open(const char *folder, const char *name, struct stage *stage_out)
{
    char *joined = NULL;
    TRY(file_join(folder, name, &joined));
    AUTO(free_drop) char *path = joined;
    return open_at(path, false, stage_out);
}

enum err stage_open_new(const char *path, struct stage *stage_out)
{
    TRY(file_check_new(path));
    return open_at(path, true, stage_out);
}

enum err stage_commit(struct stage *s)
{
    if (ferror(s->file) != 0 || fflush(s->file) != 0)
        return told(s);
    if (!s->fresh)
        return file_replace(&s->draft);
    TRY(file_check_new(s->draft.path)); /* for its message: draft_link() replaces nothing */
    return draft_link(&s->draft, 0644);
}

void stage_drop(struct stage *s)
{
    if (s->file != NULL) {
        fclose(s->file);
        s->draft.fd = -1;
    }
    draft_drop(&s->draft);
    *s = (struct stage){ 0 };
}
