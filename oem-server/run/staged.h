/* SPDX-License-Identifier: MIT */
/*
 * staged: log entries of a run that wait for its next change, so that a unit costs few commits.
 *
 * What changes nothing in the store (reported arrows, answers of the station to calls of the
 * server's, arrows 17, 21, 28, 29, 31 and 33) gets its entry here. The run's next change writes
 * them first, in their order. Nothing leaves the server before its own entry and all entries
 * before it are durable: run_advance_own() runs before the answer is sent, and run_flush()
 * before the station is called. Two answers are exceptions, because they carry nothing and
 * commit the server to nothing: that to arrow 31 and that to a Runs.Report after arrow 31. If
 * the server dies before Runs.Finish, their entries are missing and the run has ended.
 *
 * If the station was revoked meanwhile, its staged entries are written as refused: see
 * staged_write().
 *
 * Of one run, on its strand; while that waits in store_do() the change reads them. For run/
 * and call/.
 */
#pragma once

#include "oem-server/base/base.h"

enum { STAGED_MAX = 96 };

struct staged_entry;
struct staged {
    struct staged_entry *first, **last;
    unsigned count;
    _Atomic uint64_t
        since_ms; /* rpc_now_ms() of the first; 0: none waits. Any thread reads it */
};
void staged_init(struct staged *staged);
void staged_free(struct staged *staged); /* what was not written is lost */

/* A copy of event; and, for a call with an idempotency key, of its answer. ERR_LIMIT: over
 * STAGED_MAX. by_station: the station's word, else the server's. */
struct staged_answer {
    struct span key; /* STORE_CALL_KEY_SIZE; empty: none */
    const uint8_t *request_sha256;
    struct span response;
};
enum err staged_add(struct staged *staged, const Hallmark__V1__Event *event, bool by_station,
                    const struct staged_answer *answer);

/* Inside a change. revoked: those of the station get ERR_REVOKED, and no answer is kept. */
enum err staged_write(const struct staged *staged, struct server *server, const char *station,
                      bool revoked, struct store_tx *tx);

/* The latest count entries go again: their call failed. */
void staged_undo(struct staged *staged, unsigned count);

/* The answer of a staged call with that key: ERR_OK, ERR_NOT_FOUND, or ERR_INVALID if the key
 * was used for another request. response_out is a copy. */
enum err staged_find(const struct staged *staged, struct span key,
                     const uint8_t request_sha256[static SHA256_SIZE],
                     struct buf *response_out);
