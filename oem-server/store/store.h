/* SPDX-License-Identifier: MIT */
/*
 * store: the server's persistent data, in SQL; SQLite today (sqlite.c), PostgreSQL would be a
 * second struct store_backend. SQL exists only as the list of named statements in statements.h.
 * Principals, answers, settings and the log's rows have their functions here; units, orders,
 * images and wrapped keys have theirs in oem-server/unit/.
 *
 * A change is store_do(): one writer thread runs the functions that wait, each in a savepoint,
 * and commits them together (WAL, synchronous=FULL: one fsync). Reading is store_read(): on
 * another connection, in a transaction of its own, without waiting for the writer
 * (tests/unit/test_store_do.c).
 *
 * Functions that take a struct store_tx * are called inside a function that was given to
 * store_do() or store_read(), on its thread. Functions that read give ERR_NOT_FOUND for no row.
 * Structs that they fill own their buffers: release with the matching _free. Structs to be
 * written are borrowed.
 *
 * ERR_NOT_FOUND and ERR_EXISTS of one of these functions are answers: the change can go on.
 * After any other failure it must be rolled back: store_do() gives ERR_ABORTED if fn returns
 * ERR_OK nevertheless (test_store_do). A damaged file or an edited row gives ERR_DATA_LOSS, a
 * full or failing disk ERR_STORE, a row that names a missing one ERR_PRECONDITION.
 *
 * One process at a time: store_open holds PATH.lock (flock) until store_close. Thread safe.
 */
#pragma once

#include <openssl/sha.h>

#include "common/core/layout.h"
#include "common/host/own.h"

struct store;
struct store_tx;

/* Creates the file (mode 0600) if needed, migrates it and starts the writer. *store_out is the
 * caller's, for store_close(). ERR_BUSY: another process has it open; ERR_DATA_LOSS: damaged;
 * ERR_CONFIG: made by a newer program. */
enum err store_open(const char *path, struct store **store_out);
/* No thread may be in store_do() or store_read(). NULL is fine. */
void store_close(struct store *store);

/*
 * A change. The writer thread begins one transaction for all changes that wait, runs each fn in
 * a savepoint of its own, updates the log's head once and commits (one fsync for all). fn reads
 * and writes rows and appends log entries; it calls no HSM, CA or network, touches no run's
 * memory, calls neither store_do() nor store_read(), and may be run twice (so it first resets
 * its results). It runs on the writer's thread; the message of its failure (fail_words()) is
 * copied to the caller's thread. ERR_OK: durable. Any other result of fn rolls back what fn
 * did, and only that.
 *
 * The deadline (CLOCK_MONOTONIC, ms: rpc_now_ms()'s clock) counts until fn starts
 * (ERR_DEADLINE: it did not run); after that, store_do() waits for the result. ERR_UNAVAILABLE:
 * the group's commit failed, fn was run once more alone, and that failed too, or no transaction
 * could begin: nothing of it is in the store.
 */
typedef enum err store_fn(struct store_tx *tx, void *context);
enum err store_do(struct store *store, store_fn *fn, void *context, uint64_t deadline_ms);

/* How changes go. Any thread; does not wait for them. */
struct store_health {
    bool fails;        /* no change is committed */
    uint64_t fails_ms; /* for how long */
    enum err err;      /* why: ERR_STORE, ERR_BUSY, ERR_MEMORY */
    const char *words; /* the same for people, without a file's name: "its disk is full" */
    uint64_t waits_ms; /* the transaction in progress has taken so far; 0: none is */
    uint64_t took_ms;  /* the latest one */
};
/* While changes fail, the writer itself tries each second whether they do, so words, and an end
 * of the failure, need no caller (tests/e2e/disk). */
void store_health(struct store *store, struct store_health *health_out);

/* Reads: in a read transaction, on a connection from a small pool. Does not wait for the
 * writer; waits for a connection until the deadline (ERR_DEADLINE). fn must be short (under 5
 * s); long exports read in pages. It runs on the caller's thread. A write in it fails. */
enum err store_read(struct store *store, store_fn *fn, void *context, uint64_t deadline_ms);

/* Are tables, indexes and triggers those of this program's migrations? ERR_DATA_LOSS, with the
 * first that is not: somebody edited them. Inside a read (test_store_damage). */
enum err store_schema_check(struct store_tx *tx);

/* The database's clock, microseconds since 1970: one value a transaction. */
int64_t store_now_us(struct store_tx *tx);

/* Records a value that changed, for the entry that the same fn appends (Change of log.proto).
 * Rows and fields are named in README.md. value NULL with field "": the row is gone. The
 * strings are copied. tlog_append() takes the notes made so far into its entry. A fn that
 * leaves notes behind in a store with an event log is rolled back (ERR_INTERNAL), so that each
 * change has an entry (test_store_do). */
enum err store_note(struct store_tx *tx, const char *row, const char *field, const char *value);
struct store_note {
    const char *row, *field, *value;
};
/* The notes since fn began or they were last cleared; valid until they are cleared. */
const struct store_note *store_notes(struct store_tx *tx, size_t *count_out);
void store_notes_clear(struct store_tx *tx);

/* State in memory that follows what is committed (tlog). All are called on the writer's thread,
 * and must not call store_do() or store_read(). */
struct store_follower {
    void *context;
    void (*save)(void *context);    /* a fn begins */
    void (*restore)(void *context); /* it was rolled back: restore the state of save */
    enum err (*finish)(void *context, struct store_tx *tx); /* before the commit */
    void (*ended)(void *context, bool committed);           /* the group */
};
/* One at a time; NULL: none. No change may be under way. follower is copied. */
void store_follow(struct store *store, const struct store_follower *follower);

void store_tx_doom(struct store_tx *tx); /* marks the change: it will be rolled back */

/* Settings of this installation: organization, trust_domain, origin, certificates of arrow 2.
 * Noted, so that "log verify --state" covers them. */
enum err store_setting_put(struct store_tx *tx, const char *name, struct span value);
enum err store_setting_get(struct store_tx *tx, const char *name, struct buf *value_out);

/* --- Principals: stations, operators, auditors. role is enum Role of operator.proto. --- */

enum { STORE_REASON_MAX = 256 };
struct store_principal {
    uint32_t role;
    char name[65];
    uint8_t certificate_sha256[SHA256_SIZE]; /* the newest */
    bool revoked;
    char revoked_reason[STORE_REASON_MAX + 1];
    int64_t added_us; /* by the database's clock; ignored by store_principal_add() */
};
/* Registers a principal with its first certificate; reads one by role and name. */
enum err store_principal_add(struct store_tx *tx,
                             const struct store_principal *principal); /* ERR_EXISTS */
enum err store_principal_get(struct store_tx *tx, uint32_t role, const char *name,
                             struct store_principal *principal_out);
/* Another certificate: the newest two are valid, so that a renewal overlaps. */
enum err store_principal_renew(struct store_tx *tx, uint32_t role, const char *name,
                               const uint8_t certificate_sha256[static SHA256_SIZE]);
/* ERR_NOT_FOUND; ERR_REVOKED: already. */
enum err store_principal_revoke(struct store_tx *tx, uint32_t role, const char *name,
                                const char *reason);
/* ERR_OK if the principal is registered with this certificate and not revoked; else
 * ERR_UNAUTHENTICATED or ERR_REVOKED, with a message. Called inside every change that a
 * principal asks for (test_call_race). */
enum err store_principal_check(struct store_tx *tx, uint32_t role, const char *name,
                               const uint8_t certificate_sha256[static SHA256_SIZE]);
/* A page of them, by role and name. principals_out: calloc'd, the caller frees. */
struct store_principal_filter {
    uint32_t role;       /* 0: all */
    uint32_t after_role; /* of the last of the page before, unless role says it */
    const char *after;   /* its name; "": the first page */
    uint32_t limit;
};
enum err store_principal_list(struct store_tx *tx, const struct store_principal_filter *filter,
                              struct store_principal **principals_out, size_t *count_out,
                              bool *more_out);

/* A key has one name: digest of its SubjectPublicKeyInfo. ERR_PRECONDITION: it is another
 * principal's, or was. The first asks only. */
enum err store_principal_key_check(struct store_tx *tx, uint32_t role, const char *name,
                                   const uint8_t key_sha256[static SHA256_SIZE]);
enum err store_principal_key_put(struct store_tx *tx, uint32_t role, const char *name,
                                 const uint8_t key_sha256[static SHA256_SIZE]);

/* A principal's request and its certificate, so that the same request can be answered again. */
struct store_registration {
    uint8_t csr_sha256[SHA256_SIZE];
    struct buf certificate;
};
enum err store_registration_put(struct store_tx *tx, const struct store_principal *principal,
                                const struct store_registration *registration);
enum err store_registration_get(struct store_tx *tx, uint32_t role, const char *name,
                                struct store_registration *registration_out);
void store_registration_free(struct store_registration *registration);

/* --- Stored answers of calls with an idempotency key. caller: a SPIFFE URI. --- */

enum { STORE_CALL_KEY_SIZE = 16 };
struct store_answer {
    uint8_t request_sha256[SHA256_SIZE]; /* of method and payload */
    struct buf response;                 /* the packed response message */
};
/* Stores the answer of a call; reads it; removes those made before a time. */
enum err store_answer_put(struct store_tx *tx, const char *caller,
                          const uint8_t key[static STORE_CALL_KEY_SIZE],
                          const struct store_answer *answer); /* ERR_EXISTS */
enum err store_answer_get(struct store_tx *tx, const char *caller,
                          const uint8_t key[static STORE_CALL_KEY_SIZE],
                          struct store_answer *answer_out);
void store_answer_free(struct store_answer *answer);
/* Answers that were kept for longer than kept_us, and those from as far in the future (a clock
 * was set back): are there some; removes limit of them at most, and says how many. */
enum err store_answers_old(struct store_tx *tx, int64_t kept_us, bool *some_out);
enum err store_answers_expire(struct store_tx *tx, int64_t kept_us, uint32_t limit,
                              uint64_t *count_out);

/* --- The event log's rows (written by tlog only). --- */

/* The values that an entry is found by. NULL: not given. */
struct store_log_search {
    const uint8_t *unit;     /* UID_SIZE */
    const uint8_t *firmware; /* SHA256_SIZE */
    const char *order;
    const char *station; /* the actor, by role */
    const char *operator_name;
    const char *kind;
    const char *method;
    uint32_t arrow;
    uint32_t outcome; /* enum err */
    int64_t time_us;
    int64_t until_us; /* of store_log_find() */
};
/* level 0 node n is leaf n's hash; a node is written when its subtree is complete. A row that
 * exists already is ERR_DATA_LOSS. */
enum err store_log_append(struct store_tx *tx, uint64_t index, struct span entry,
                          const struct store_log_search *search);
enum err store_log_node_put(struct store_tx *tx, uint32_t level, uint64_t n,
                            const uint8_t hash[static SHA256_SIZE]);
enum err store_log_node_get(struct store_tx *tx, uint32_t level, uint64_t n,
                            uint8_t hash_out[static SHA256_SIZE]);
enum err store_log_node_count(struct store_tx *tx, uint64_t *count_out); /* slow: counts */
enum err store_log_size(struct store_tx *tx, uint64_t *size_out);        /* last index + 1 */
/* When the last entry was made. ERR_NOT_FOUND: the log is empty. */
enum err store_log_last_time(struct store_tx *tx, int64_t *time_us_out);
/* When that entry was made. ERR_NOT_FOUND: there is none. */
enum err store_log_time(struct store_tx *tx, uint64_t index, int64_t *time_us_out);
/* The tree's edge, as tlog writes it. ERR_NOT_FOUND: the log is empty. */
enum err store_log_head_put(struct store_tx *tx, uint64_t size, struct span edge);
enum err store_log_head_get(struct store_tx *tx, uint64_t *size_out, struct buf *edge_out);
/* Calls take for entries start, start + 1, ... until it fails, count are given, or none is
 * left. A gap between them is ERR_DATA_LOSS. take must not call store_log_read. */
typedef enum err store_log_take(void *context, uint64_t index, struct span entry);
enum err store_log_read(struct store_tx *tx, uint64_t start, uint64_t count,
                        store_log_take *take, void *context);
/* The same for the entries that match all values of search (arrow 0, time_us 0, until_us 0: not
 * given; otherwise entries of time_us and later, of until_us and earlier); gaps between them
 * are allowed. outcome is not compared. */
enum err store_log_find(struct store_tx *tx, const struct store_log_search *search,
                        uint64_t start, uint64_t count, store_log_take *take, void *context);
/* Whether an entry's columns are these: for the full check. */
enum err store_log_search_same(struct store_tx *tx, uint64_t index,
                               const struct store_log_search *search, bool *same_out);
/* ERR_EXISTS: there is one of that size already; read it, because that one counts. */
enum err store_checkpoint_put(struct store_tx *tx, uint64_t size, struct span note);
enum err store_checkpoint_latest(struct store_tx *tx, uint64_t *size_out, struct buf *note_out);
/* The first checkpoint of size from or more. */
enum err store_checkpoint_from(struct store_tx *tx, uint64_t from, uint64_t *size_out,
                               struct buf *note_out);
