/* SPDX-License-Identifier: MIT */
/*
 * stage: a file too long for memory, written beside its name and renamed when it is whole.
 *
 * AUTO(stage_drop): without stage_commit() nothing of it remains. All zero holds nothing.
 */
#pragma once

#include <stdio.h>

#include "common/host/own.h"

struct stage {
    FILE *file; /* to write to */
    char *name; /* temporary */
    char *path; /* in the end */
    bool fresh; /* there must be nothing of that name */
};

/* Replaces folder/name when it is committed. */
enum err stage_open(const char *folder, const char *name, struct stage *stage_out);

/* Makes path, which must not be there now nor then: ERR_EXISTS. Before a call whose answer it
 * is for: that it cannot be written is known before the server has done anything. */
enum err stage_open_new(const char *path, struct stage *stage_out);

enum err stage_commit(struct stage *stage); /* also tells a write that failed on the way */
void stage_drop(struct stage *stage);
