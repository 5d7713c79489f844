/* SPDX-License-Identifier: MIT */
/*
 * file: reads and writes files so that an interruption leaves the old file or the new one.
 *
 * The contents are a draft (common/host/draft.h) until they are complete. A file that a user
 * names for output is made and never replaces another, except the program's own earlier output.
 * A file that holds a private key is never replaced (test_ctl_file). Failures have a message
 * with the path: ERR_EXISTS, ERR_NOT_FOUND, ERR_DENIED, ERR_IO, ERR_LIMIT.
 */
#pragma once

#include "common/host/draft.h"

/* Reads a regular file of at most max bytes. ERR_NOT_FOUND, ERR_LIMIT, ERR_IO. */
enum err file_read(const char *path, size_t max, struct buf *out);

/* Replaces or makes a file, mode 0644. ERR_EXISTS if path holds a private key. */
enum err file_write(const char *path, struct span bytes);
enum err file_write_text(const char *path, const char *text);

/* Makes a file, mode 0644. A file that already holds the same bytes is left; any other is
 * ERR_EXISTS. */
enum err file_write_new(const char *path, struct span bytes);

enum err file_check_new(const char *path); /* ERR_EXISTS if there is anything of that name */

/* Gives a draft its name and mode 0644, with the same rule. */
enum err file_replace(struct draft *draft);

/* Makes a file, mode 0600. ERR_EXISTS if there is anything of that name. */
enum err file_write_secret(const char *path, struct span bytes);

/* true if there is anything of that name. */
bool file_exists(const char *path);
enum err file_folder(const char *path); /* make it unless it is there */

/* folder/name; the caller frees with free(). */
enum err file_join(const char *folder, const char *name, char **path_out);
