/* SPDX-License-Identifier: MIT */
/*
 * tlog: the event log: an RFC 6962 Merkle tree over encoded Events
 * (proto/hallmark/v1/log.proto), checkpoints as C2SP tlog-checkpoint signed notes (Ed25519, key
 * in the HSM), inclusion proofs as C2SP tlog-proof.
 *
 * tlog_append writes entries inside a function of store_do(), so a change and its entry are
 * durable together or not at all; the tree in memory moves after the commit only. A checkpoint
 * is signed over what a fresh read transaction finds, is stored before it is given away, and
 * its size does not go down (tests/unit/test_tlog.c). If the log contradicts itself (two
 * checkpoints of one size, a head that this server did not write), it stops: tlog_stopped(),
 * and ERR_DATA_LOSS.
 *
 * Thread safe. tlog_checkpoint, tlog_consistency, tlog_proof, tlog_verify_all and
 * tlog_verify_state use transactions of their own: they are not called inside a function of the
 * store. A buf that is given out is the caller's, for buf_free().
 *
 * tree.h, note.h and proof.h hold the parts that need neither store nor HSM; oemctl verifies
 * with them, trusting only the log's public key and its last checkpoint.
 */
#pragma once

#include <stdatomic.h>

#include "hallmark/v1/log.pb-c.h"
#include "oem-server/store/replay.h"
#include "oem-server/store/store.h"
#include "oem-server/uses/uses.h"

enum {
    TLOG_ENTRY_MAX = 65535, /* bytes of one encoded Event (C2SP tlog-tiles) */
    TLOG_NEWEST = 10000,    /* entries that a start checks, and then compares with the store */
};

struct tlog;

/* Signs message with the log's key. Called by tlog_checkpoint() and tlog_proof() on their
 * caller's thread, one at a time. */
typedef enum err tlog_sign(void *context, struct span message,
                           uint8_t signature_out[static 64]);

/* origin: the log's name and the key's name in notes. Reads the newest TLOG_NEWEST entries, all
 * that no checkpoint covers among them, and checks them, the nodes over them and the edge
 * before them against the latest checkpoint and the log's head: ERR_DATA_LOSS if the store has
 * been rolled back or edited there. public_key: 32 bytes, Ed25519. */
enum err tlog_open(struct store *store, const char *origin, const uint8_t public_key[static 32],
                   tlog_sign *sign, void *sign_context, struct tlog **log_out);
void tlog_free(struct tlog *log);

/* In a function of store_do(). The entry gets the notes of the change (store_note()) as its
 * changes, in place of what event->changes holds; those that do not fit go into further entries
 * of kind "changes", right after it. What it is found by (store_log_search) is taken from the
 * event: the actor's role and name, the digest "firmware" or "image". index_out: of the first;
 * may be NULL, and holds once the change is committed. An event over 65,535 bytes is ERR_LIMIT,
 * and nothing is written. */
enum err tlog_append(struct tlog *log, struct store_tx *tx, const Hallmark__V1__Event *event,
                     uint64_t *index_out);

/* --- The anchor: the newest published checkpoint, in a second place (anchor.h). --- */

enum tlog_anchored {
    TLOG_ANCHOR_NONE,    /* the configuration names none, and the store knows of none */
    TLOG_ANCHOR_BEGINS,  /* to be written and recorded: the first one, or after an adoption */
    TLOG_ANCHOR_AGREES,  /* what it says was published is in the store */
    TLOG_ANCHOR_BEHIND,  /* the store has fewer entries */
    TLOG_ANCHOR_FORKED,  /* it has as many, and they are others */
    TLOG_ANCHOR_GONE,    /* the store had one, and there is no file */
    TLOG_ANCHOR_DAMAGED, /* the file is no checkpoint that the log's key signed: words */
    TLOG_ANCHOR_UNSET,   /* the store had one, and the configuration names none */
};
enum { TLOG_ANCHOR_WORDS = 200 };
struct tlog_anchor_found {
    enum tlog_anchored is;
    uint64_t size, log_size; /* entries: of the anchor (0: not known), of the store */
    uint8_t root[32], log_root[32];
    struct span note; /* the anchor's, if it verifies; as long as nothing is written there */
    char words[TLOG_ANCHOR_WORDS];
};
/* After tlog_open(), before the first change: locks the anchor at path (NULL: none is
 * configured) for holder, and compares it with the store. From then on a checkpoint is written
 * there before it is given away, and the newest that was given away is the anchor's
 * (test_tlog_anchor). Whether the server may run is the caller's to say. ERR_BUSY,
 * ERR_UNAVAILABLE, ERR_IO as anchor_open(). */
enum err tlog_anchor_open(struct tlog *log, const char *path, const char *holder,
                          struct tlog_anchor_found *found_out);
/* The bytes that stand in the anchor's place; empty: none. Borrowed like found's note. */
struct span tlog_anchor_held(const struct tlog *log);

/* Records in the store that the log has an anchor; that one was adopted in place of held; that
 * it has none any more. Inside a change, which appends the entry. */
enum tlog_record { TLOG_RECORD_USED, TLOG_RECORD_ADOPTED, TLOG_RECORD_NONE };
enum err tlog_anchor_record(struct store_tx *tx, enum tlog_record record, struct span held);

struct tlog_anchor_status {
    bool used, due;                /* due: entries are committed that it does not cover */
    uint64_t size;                 /* entries that it covers */
    char words[TLOG_ANCHOR_WORDS]; /* why it is not written; "": it is */
};
void tlog_anchor_look(struct tlog *log, struct tlog_anchor_status *status_out); /* any thread */
/* For how long the oldest entry that the anchor does not cover has been waiting, by the
 * database's clock; INT64_MAX if it was made before that clock was set back. 0: none waits, or
 * there is no anchor. */
enum err tlog_anchor_lag(struct tlog *log, struct store_tx *tx, int64_t *lag_us_out);

/* From now on each entry names that server and says how often each key was used since the entry
 * before; an entry of kind "start" also says what the last process of that server left. First
 * finds out whether the group that was being committed when that process ended is in the log.
 * Called before the first change; uses outlives the log. */
enum err tlog_account(struct tlog *log, const char *server, struct uses *uses);

/* --- The clock (time.c). --- */

/* How far the clock may be from what it is expected to say: it is adjusted by less. What is
 * more was set. It is expected to go on as CLOCK_BOOTTIME does, and not to be before the last
 * entry. tlog_append() then first puts an entry of kind "clock", with both times, so that no
 * entry has an earlier time than one before it, or one ahead of it, unannounced
 * (test_tlog_time). */
#define TLOG_CLOCK_STEP_US (INT64_C(60) * 1000000)

/* In a transaction: was it set since the last entry? */
bool tlog_clock_is_set(struct tlog *log, struct store_tx *tx);
/* In a function of store_do(): puts that entry, if one is due. */
enum err tlog_clock_enter(struct tlog *log, struct store_tx *tx, const char *software);
/* The latest time that the log had before the clock was set back, since 1970; 0: it was not. */
int64_t tlog_clock_ahead_us(struct tlog *log);
/* Was it not set for so long, by CLOCK_BOOTTIME? true if it was not since the log was opened.
 */
bool tlog_clock_settled(struct tlog *log, int64_t for_us);
/* A store_fn: the clock is right as it is, and tlog_clock_ahead_us() is 0 again. */
enum err tlog_clock_accept(struct store_tx *tx, void *log);

uint64_t tlog_size(struct tlog *log); /* entries committed */
bool tlog_stopped(struct tlog *log);  /* the server must stop: changes get no entry any more */
/* What tlog_append() takes from an event for searches; borrowed from event. */
void tlog_search_of(const Hallmark__V1__Event *event, struct store_log_search *search_out);

/* Waits until more than size entries are committed, or *over is not 0 (NULL: not looked at), or
 * timeout_ms have passed; returns how many are committed. A thread that sets *over calls
 * tlog_wake() afterwards. Any thread. */
uint64_t tlog_wait(struct tlog *log, uint64_t size, const atomic_int *over,
                   unsigned timeout_ms);
void tlog_wake(struct tlog *log);

/* The signed note over all that is committed; signed again only when the tree has grown.
 * ERR_UNAVAILABLE: the HSM did not sign in time, or the anchor is not written
 * (test_tlog_anchor); ERR_DATA_LOSS: the log has stopped. */
enum err tlog_checkpoint(struct tlog *log, struct buf *note_out, uint64_t *size_out);
/* Proofs over committed entries. ERR_RANGE: there is no such entry or size. *hashes_out is
 * malloc'ed, the caller frees it. */
enum err tlog_consistency(struct tlog *log, uint64_t old_size, uint64_t size,
                          uint8_t (**hashes_out)[SHA256_SIZE], size_t *count_out);
enum err tlog_proof(struct tlog *log, uint64_t index,
                    struct buf *proof_out); /* C2SP tlog-proof */

/* Reads everything: each entry against its leaf's hash and the columns that it is found by,
 * each node, each checkpoint's signature and root. ERR_DATA_LOSS with a message that names the
 * first wrong row. Slow; changes may go on meanwhile (test_tlog_damage). */
enum err tlog_verify_all(struct tlog *log);

/* Replays the changes of the newest entries (0: of all) and compares the store with them: calls
 * differs for each value that is not what the log says (store/replay.h), and gives ERR_OK even
 * then. With newest 0 all rows of the store are compared, otherwise the rows that those entries
 * touch (test_unit_state). Changes may go on meanwhile. ERR_DATA_LOSS: an entry that is no
 * Event. */
enum err tlog_verify_state(struct tlog *log, uint64_t newest, replay_differs *differs,
                           void *context);

/* The verifier key text "name+hash+key" of C2SP signed-note. Caller frees with free(). */
char *tlog_verifier_key(const char *origin, const uint8_t public_key[static 32]);
