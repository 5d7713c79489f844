/* SPDX-License-Identifier: MIT */
/* settle: how a call becomes durable. For call/, run/ and engine/ only; on the call's or the
 * run's strand. */
#pragma once

#include "oem-server/call/call.h"

/* Puts the digest of the request, the time it took and the HSM's operations into the entry. */
void settle_note(struct call *call);

/* The call has come to that moment: "unclaimed" and "claimed" around the change of a claim,
 * "unsaved" (its slow part is done, nothing is durable), "inside" (its effect is there, its
 * answer is not). common/host/stop.h */
void settle_point(const struct call *call, const char *moment);

/* Stages the call's entry: it waits for the next change of its run (METHOD_NOTES). ERR_LIMIT,
 * ERR_MEMORY. */
enum err settle_later(struct call *call);

/* replay.c: SHA-256 over the digests of the method and of the request; needs no memory. */
void replay_digest(const struct call *call, uint8_t digest_out[static SHA256_SIZE]);
bool replay_keeps(const struct call *call); /* true if the call's answer is to be stored */
/* Inside a change or a read, after the principal was checked. Sets call->replayed and stored if
 * there is an answer to the same request; ERR_INVALID if it was another request. */
enum err replay_find(struct store_tx *tx, struct call *call);
enum err replay_put(struct store_tx *tx, const struct call *call, struct span response);
/* Called when a call failed: the same call, made at the same time on another connection, may
 * have succeeded first; then its answer becomes this one's, and rpc.err is ERR_OK. */
void replay_again(struct call *call);
