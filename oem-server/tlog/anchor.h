/* SPDX-License-Identifier: MIT */
/*
 * anchor: the newest published checkpoint in a file of a second place, a C2SP note as it is, so
 * that a store that was set back is noticed by what stands outside of it.
 *
 * The file is replaced as a whole (common/host/draft.h). PATH.lock beside it is locked (flock)
 * as long as it is open: a copy of the server that has the same anchor is refused. A file that
 * is not the one that was last read or written is left alone: the place is not mounted, or
 * another server writes there (test_tlog_anchor). One thread at a time.
 */
#pragma once

#include "common/host/own.h"

struct anchor;

enum { ANCHOR_MAX = 4096 }; /* bytes of a note; a longer file is no anchor */

/* Takes the lock and reads the file, if there is one. holder: of the lock, for the message of a
 * server that finds it taken. *anchor_out is the caller's, for anchor_close(). ERR_BUSY names
 * the holder; ERR_UNAVAILABLE: there is no such folder now; ERR_IO. */
enum err anchor_open(const char *path, const char *holder, struct anchor **anchor_out);
void anchor_close(struct anchor *anchor); /* NULL is fine */

/* Was there a file, and its bytes, ANCHOR_MAX + 1 at most; or what was last written. Borrowed,
 * until the next anchor_write(). */
bool anchor_there(const struct anchor *anchor);
struct span anchor_bytes(const struct anchor *anchor);

/* Replaces the file by note, durably. ERR_UNAVAILABLE, with a message for Health that names no
 * path: the file stays as it was, or holds note. To be tried again, with any note. */
enum err anchor_write(struct anchor *anchor, struct span note);
