/* SPDX-License-Identifier: MIT */
/*
 * draft: a file that appears under its final name only when it is complete.
 *
 * It is written beside its final name, PATH.XXXXXX with mode 0600, synced, and then renamed or
 * linked; the folder is synced last. An interruption leaves the old file or the new one, and
 * AUTO(draft_drop) removes a draft that was not given its name (test_draft). All zero is no
 * draft. Failures have a message with the path: ERR_NOT_FOUND (no such folder), ERR_EXISTS,
 * ERR_IO, ERR_MEMORY. One thread at a time.
 */
#pragma once

#include <sys/types.h>

#include "common/host/own.h"

struct draft {
    char *path; /* final */
    char *name; /* temporary; NULL: there is no file to remove */
    int fd;     /* to write to */
};

/* Opens a draft of path. *draft_out is the caller's, for draft_drop(). */
enum err draft_open(const char *path, struct draft *draft_out);
enum err draft_write(struct draft *draft, struct span bytes); /* appends all of them */

/* Gives the draft its final name, with that mode. draft_replace() replaces what has the name;
 * draft_link() never does: ERR_EXISTS (test_draft). The draft is still to be dropped. */
enum err draft_replace(struct draft *draft, mode_t mode);
enum err draft_link(struct draft *draft, mode_t mode);

void draft_drop(struct draft *draft); /* removes a draft without its name; leaves it all zero */
