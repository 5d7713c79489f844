/* SPDX-License-Identifier: MIT */
/* settle: how a call becomes durable. For call/, run/ and engine/ only; on the call's or the
 * run's strand. */
#pragma once

#include "oem-server/run/run.h"

enum { SVC_CHANGE_MS = 10000 }; /* time-out of a change of the server's own */

/* store_do(), counted for Health. deadline_ms 0: SVC_CHANGE_MS from now. */
enum err svc_do(struct server *server, store_fn *fn, void *context, uint64_t deadline_ms);

/* Checks that the run's station may still act: ERR_REVOKED, ERR_UNAUTHENTICATED. Inside a
 * change. */
enum err svc_station_check(struct store_tx *tx, const struct run *run);

/* Puts the digest of the request, the time it took and the HSM's operations into the entry. */
void settle_note(struct call *call);

/* Stages the call's entry: it waits for the next change of its run (AUTH_NOTES). ERR_LIMIT,
 * ERR_MEMORY. */
enum err settle_later(struct call *call);

/* Writes the staged entries in a change of their own; does nothing if there are none. */
enum err run_flush(struct run *run);

/* replay.c: SHA-256 of the method and the request. */
void replay_digest(const struct call *call, uint8_t digest_out[static SHA256_SIZE]);
bool replay_keeps(const struct call *call); /* true if the call's answer is to be stored */
/* Inside a change or a read, after the principal was checked. Sets call->replayed and stored if
 * there is an answer to the same request; ERR_INVALID if it was another request. */
enum err replay_find(struct store_tx *tx, struct call *call);
enum err replay_put(struct store_tx *tx, const struct call *call, struct span response);
/* Called when a call failed: the same call, made at the same time on another connection, may
 * have succeeded first; then its answer becomes this one's, and rpc.err is ERR_OK. */
void replay_again(struct call *call);
