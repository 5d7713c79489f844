/* SPDX-License-Identifier: MIT */
/* settle: how a call becomes durable, shared by svc's files. For svc/ only. */
#pragma once

#include "oem-server/run/run.h"

enum { SVC_CHANGE_MS = 10000 }; /* what a change of the server's own waits for its turn */

/* store_do(), counted for Health. deadline_ms 0: SVC_CHANGE_MS from now. */
enum err svc_do(struct server *server, store_fn *fn, void *context, uint64_t deadline_ms);

/* May the run's station still act? ERR_REVOKED, ERR_UNAUTHENTICATED. Inside a change. */
enum err svc_station_check(struct store_tx *tx, const struct run *run);

/* The digest of the request, the time it took and the HSM's operations, into the entry. */
void settle_note(struct call *call);

/* The call's entry waits for the next change of its run (AUTH_NOTES). */
enum err settle_later(struct call *call);

/* The entries that wait are written, in a change of their own; nothing if none waits. */
enum err run_flush(struct run *run);

/* replay.c: SHA-256 of the method and the request. */
void replay_digest(const struct call *call, uint8_t digest_out[static SHA256_SIZE]);
bool replay_keeps(const struct call *call); /* has the call an answer to be stored? */
/* Inside a change or a read, after the principal was checked. Sets call->replayed and stored if
 * there is an answer to the same request; ERR_INVALID if it was another request. */
enum err replay_find(struct store_tx *tx, struct call *call);
enum err replay_put(struct store_tx *tx, const struct call *call, struct span response);
/* Asked when a call failed: the same one, made at the same time on another connection, may have
 * been done first; then its answer is this one's, and rpc.err is ERR_OK. */
void replay_again(struct call *call);
