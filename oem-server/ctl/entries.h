/* SPDX-License-Identifier: MIT */
/*
 * entries: reads the event log's entries from the server, in order and each exactly once.
 *
 * The server is not trusted: it must give at most the requested number and at least one entry,
 * else reading ends with ERR_PROTO.
 */
#pragma once

#include "hallmark/v1/log.pb-c.h"
#include "oem-server/ctl/remote.h"

/* Fetches the signed note, with which the server claims a size. The caller drops it (rpc_drop).
 */
enum err entries_checkpoint(struct remote *remote, Hallmark__V1__GetCheckpointResponse **out);

/* The size that a note claims, unverified: it is used only to know where to stop. log verify
 * verifies it. */
enum err entries_claimed_size(struct span note, uint64_t *size_out);

typedef enum err entries_take(void *context, uint64_t index, struct span entry);
/* Gives the entries from start up to end, without it, to take; passes on its failure. */
enum err entries_read(struct remote *remote, uint64_t start, uint64_t end, entries_take *take,
                      void *context);
