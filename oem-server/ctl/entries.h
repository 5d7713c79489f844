/* SPDX-License-Identifier: MIT */
/*
 * entries: read the event log's entries from the server, in order and each exactly once.
 *
 * The server is not trusted: it gives at most what was asked for, and never less than one
 * entry, or reading ends in ERR_PROTO.
 */
#pragma once

#include "hallmark/v1/log.pb-c.h"
#include "oem-server/ctl/remote.h"

/* The signed note; with it the server claims a size. Caller drops it (rpc_drop). */
enum err entries_checkpoint(struct remote *remote, Hallmark__V1__GetCheckpointResponse **out);

/* That a note claims, unverified: only where to stop. log verify is for who wants more. */
enum err entries_claimed_size(struct span note, uint64_t *size_out);

typedef enum err entries_take(void *context, uint64_t index, struct span entry);
enum err entries_read(struct remote *remote, uint64_t start, uint64_t end, entries_take *take,
                      void *context);
