/* SPDX-License-Identifier: MIT */
/*
 * bundle: a log's entries in a file: each with a 16-bit big-endian length before it, as in an
 * entry bundle of C2SP tlog-tiles, but with the whole log in one file. The checkpoint is a file
 * beside it.
 */
#pragma once

#include <stdio.h>

#include "oem-server/ctl/entries.h"

#define BUNDLE_ENTRIES    "entries"
#define BUNDLE_CHECKPOINT "checkpoint"

/* Appends an entry. ERR_LIMIT: over 65,535 bytes. A failed write is reported when out is
 * closed. */
enum err bundle_write(FILE *out, struct span entry);

/* Gives each entry of the file to take, in order. ERR_TRUNC: the file ends within one. */
enum err bundle_read(const char *path, entries_take *take, void *context);
