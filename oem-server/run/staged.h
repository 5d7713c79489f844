/* SPDX-License-Identifier: MIT */
/*
 * staged: log entries of a run that wait for its next change, so that a unit costs few commits.
 *
 * Arrows that change nothing in the store (reported arrows, answers of the station to the
 * server's calls, arrows 17, 21, 28, 29, 31 and 33) get their entries here. The run's next
 * change writes these first, in their order. An answer leaves the server after its own entry
 * and all earlier ones are durable: run_advance_own() runs before the answer is sent, and
 * run_flush() before the station is called. Two answers are exceptions, because they carry no
 * data and commit the server to nothing: that to arrow 31 and that to a Runs.Report after arrow
 * 31. If the server dies before Runs.Finish, their entries are missing and the run has ended.
 *
 * If the station was revoked meanwhile, its staged entries are written as refused
 * (test_call_race): see staged_write().
 *
 * They belong to one run and are used on its strand; while that waits in store_do(), the change
 * reads them. For the server's own folders only.
 */
#pragma once

#include "oem-server/base/base.h"

enum { STAGED_MAX = 96 };

struct staged_entry;
struct staged {
    struct staged_entry *first, **last;
    unsigned count;
    _Atomic uint64_t
        since_ms; /* rpc_now_ms() of the first; 0: none waits. Any thread may read it */
};
/* An empty list; staged_free() empties it again. */
void staged_init(struct staged *staged);
void staged_free(struct staged *staged); /* entries that were not written are lost */

/* Adds a copy of event and, for a call with an idempotency key, of its answer. ERR_LIMIT: over
 * STAGED_MAX. by_station: the station reported it; else the server saw it. */
struct staged_answer {
    struct span key; /* STORE_CALL_KEY_SIZE; empty: none */
    const uint8_t *request_sha256;
    struct span response;
};
enum err staged_add(struct staged *staged, const Hallmark__V1__Event *event, bool by_station,
                    const struct staged_answer *answer);

/* Inside a change. revoked: entries by the station get ERR_REVOKED, and no answer is stored. */
enum err staged_write(const struct staged *staged, struct server *server, const char *station,
                      bool revoked, struct store_tx *tx);

/* Removes the latest count entries, because their call failed. */
void staged_undo(struct staged *staged, unsigned count);

/* The answer of a staged call with that key: ERR_OK, ERR_NOT_FOUND, or ERR_INVALID if the key
 * was used for another request. response_out is a copy. */
enum err staged_find(const struct staged *staged, struct span key,
                     const uint8_t request_sha256[static SHA256_SIZE],
                     struct buf *response_out);
