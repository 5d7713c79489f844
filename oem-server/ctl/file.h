/* SPDX-License-Identifier: MIT */
/*
 * file: what oemctl reads and writes, so that a cut leaves the old file or the new one.
 *
 * Contents go to a temporary name in the same folder, to the disk, then to their name. What a
 * user names for output is made, never replaced, unless it is the program's own from before. A
 * file that holds a private key is never replaced by anything. Failures are words with the
 * path.
 */
#pragma once

#include "common/host/own.h"

/* A regular file of at most max bytes. ERR_NOT_FOUND, ERR_LIMIT, ERR_IO. */
enum err file_read(const char *path, size_t max, struct buf *out);

/* Replace or make, mode 0644. ERR_EXISTS if path holds a private key. */
enum err file_write(const char *path, struct span bytes);
enum err file_write_text(const char *path, const char *text);

/* Make, mode 0644. A file that holds these very bytes is left; of any other, ERR_EXISTS. */
enum err file_write_new(const char *path, struct span bytes);

enum err file_check_new(const char *path); /* ERR_EXISTS if there is anything of that name */

/* Rename name, which is on the disk, to path, with the same rule. */
enum err file_replace(const char *name, const char *path);

/* Make, mode 0600. ERR_EXISTS if there is anything of that name. */
enum err file_write_secret(const char *path, struct span bytes);

bool file_exists(const char *path);
enum err file_folder(const char *path); /* make it unless it is there */

/* folder/name; the caller frees with free(). */
enum err file_join(const char *folder, const char *name, char **path_out);
