/* SPDX-License-Identifier: MIT */
/* settle: how a call becomes durable, and what answers it again. For call/ only. */
#pragma once

#include "oem-server/call/call.h"

/* The digest of the request, the time it took and the HSM's operations, into the entry. */
void settle_note(struct call *call);

/* The call's entry waits for the next change of its run (AUTH_NOTES). */
enum err settle_later(struct call *call);

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
