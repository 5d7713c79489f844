/* SPDX-License-Identifier: MIT */
/*
 * stage: a file too long for memory, written under a temporary name and renamed when it is
 * complete.
 *
 * AUTO(stage_drop): without stage_commit() nothing of it remains (test_ctl_export:
 * abandoned_stage_leaves_nothing). All zero is an empty stage.
 */
#pragma once

#include <stdio.h>

#include "common/host/draft.h"

struct stage {
    FILE *file; /* to write to; it owns the draft's descriptor */
    struct draft draft;
    bool fresh; /* the path must not exist */
};

/* Opens a stage that replaces folder/name when it is committed. */
enum err stage_open(const char *folder, const char *name, struct stage *stage_out);

/* Opens a stage for path, which must not exist now nor at the commit: ERR_EXISTS. Called before
 * the call whose answer it is for, so that a path that is not writable is found before the
 * server has done anything. */
enum err stage_open_new(const char *path, struct stage *stage_out);

/* Syncs and renames; or removes what was written. After either the stage is empty. */
enum err stage_commit(struct stage *stage); /* also reports an earlier failed write */
void stage_drop(struct stage *stage);
