/* SPDX-License-Identifier: MIT */
/*
 * uses: how often each key of the HSM was asked for a signature, and how much of that is in the
 * event log.
 *
 * hsm counts each C_Sign before it calls it. tlog writes into each entry what was counted since
 * the entry before, so that checkpoints and TLS handshakes are in the log without entries of
 * their own; a count is accounted for once that change is committed. The table is a file mapped
 * into memory: it outlives the process (not the machine), so the start entry of the next
 * process says what was in no entry. Tests: test_uses; test_server_uses compares with a
 * counting PKCS#11 module over a whole unit, a restart and a kill.
 *
 * uses_count() may be called by any thread. All functions from uses_take() on are called on the
 * store's writer thread. Owned by the server; freed after hsm and log. Machine-dependent: the
 * file is of one machine.
 */
#pragma once

#include <stdint.h>

#include "common/core/layout.h"
#include "common/host/own.h"

enum { USES_MAX = 32, USES_KEY_MAX = 72 };

struct uses;

/* path NULL: in memory only. A damaged file is replaced by an empty table, with a warning.
 * ERR_IO: it could not be made; ERR_MEMORY. *uses_out is the caller's. */
enum err uses_open(const char *path, struct uses **uses_out);
void uses_close(struct uses *uses); /* NULL is fine */

/* key is "token: name". Keys over USES_MAX are counted as "others". NULL: counts nothing. */
void uses_count(struct uses *uses, const char *key);

struct uses_row {
    const char *key; /* as long as uses */
    uint64_t count;
    uint64_t unaccounted; /* of it, what the last process left */
};

/* Rows that are not 0, of what was not taken yet. What the last process left waits for a start
 * entry (start). Inside a change; may run twice: uses_save() and uses_restore() are those of
 * struct store_follower. */
size_t uses_take(struct uses *uses, bool start, struct uses_row rows_out[static USES_MAX]);
void uses_save(struct uses *uses);
void uses_restore(struct uses *uses);

/* uses_commit(): the group is about to be committed; the log then has size entries, and the
 * last has that leaf hash. uses_ended(): it was committed, or not; then it stays in doubt until
 * another one is committed, because a disk may keep what it failed to sync. */
void uses_commit(struct uses *uses, uint64_t size, const uint8_t leaf[static SHA256_SIZE]);
void uses_ended(struct uses *uses, bool committed);

/* After uses_open(): true if the last process ended between the two, or after a commit that
 * failed. The caller then looks
 * whether the log has that entry, and says so with uses_resolve(). Before the first
 * uses_take(). */
bool uses_in_doubt(const struct uses *uses, uint64_t *size_out,
                   uint8_t leaf_out[static SHA256_SIZE]);
void uses_resolve(struct uses *uses, bool committed);
