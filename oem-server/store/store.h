/* SPDX-License-Identifier: MIT */
/*
 * store: what the server must remember, in SQL; SQLite today (sqlite.c), PostgreSQL's place is
 * the same struct store_backend. SQL exists only as the list of named statements in
 * statements.c; the rest of the server calls the typed functions below.
 *
 * Everything happens in a transaction. store_begin waits for the writer (one at a time), so
 * keep slow work (HSM, CA, network) before it. A transaction that is dropped without commit is
 * rolled back. Commit is durable (WAL, synchronous=FULL) before it returns.
 *
 * Functions that read give ERR_NOT_FOUND for no row. Structs they fill own their buffers and
 * strings: release with the matching _free. Written structs are only borrowed.
 *
 * ERR_NOT_FOUND and ERR_EXISTS are answers: the transaction goes on. After any other failure of
 * a function here it can only be rolled back, and store_commit refuses it (ERR_ABORTED): what
 * half succeeded never becomes durable. A damaged file or an edited row gives ERR_DATA_LOSS, a
 * full or failing disk ERR_STORE, a row that names a missing one (an order's image, a unit's
 * order) ERR_PRECONDITION.
 *
 * One process at a time: store_open holds PATH.lock (flock) until store_close. The event log's
 * tree lives in memory, and a second writer would fork it. Thread safe; a transaction may be
 * used and ended by another thread than began it, but by one at a time.
 */
#pragma once

#include <openssl/sha.h>

#include "common/core/layout.h"
#include "common/host/own.h"

struct store;
struct store_tx;

/* Creates (mode 0600) and migrates. ERR_BUSY if another process has it open. */
enum err store_open(const char *path, struct store **store_out);
void store_close(struct store *store); /* no transaction may be open; NULL is fine */

/* ERR_DEADLINE if the writer is still busy after timeout_ms. */
enum err store_begin(struct store *store, unsigned timeout_ms, struct store_tx **tx_out);
enum err store_commit(struct store_tx **tx); /* nulls it, also on failure (then rolled back) */
void store_rollback(struct store_tx **tx);   /* AUTO(store_rollback); NULL is fine */

/* Calls ended once when tx ends, with how it ended, before the next writer may begin: whoever
 * keeps in memory what the transaction changes (tlog) follows it so. It must not use the store.
 */
typedef void store_ended(void *context, bool committed);
enum err store_tx_watch(struct store_tx *tx, store_ended *ended, void *context);
void store_tx_doom(struct store_tx *tx); /* its commit will be refused */

/* Settings of this installation: organization, trust_domain, origin, certificates of arrow 2.
 */
enum err store_setting_put(struct store_tx *tx, const char *name, struct span value);
enum err store_setting_get(struct store_tx *tx, const char *name, struct buf *value_out);

/* Who may call: stations, operators, auditors. role is enum Role of operator.proto. */
struct store_principal {
    uint32_t role;
    char name[65];
    uint8_t certificate_sha256[SHA256_SIZE];
    bool revoked;
};
enum err store_principal_add(struct store_tx *tx,
                             const struct store_principal *principal); /* ERR_EXISTS */
enum err store_principal_get(struct store_tx *tx, uint32_t role, const char *name,
                             struct store_principal *principal_out);
enum err store_principal_revoke(struct store_tx *tx, uint32_t role, const char *name);

/* What a principal asked with and got, so that the same request can be answered again. Those of
 * stores older than this table have none: ERR_NOT_FOUND. */
struct store_registration {
    uint8_t csr_sha256[SHA256_SIZE];
    struct buf certificate;
};
enum err store_registration_put(struct store_tx *tx, const struct store_principal *principal,
                                const struct store_registration *registration);
enum err store_registration_get(struct store_tx *tx, uint32_t role, const char *name,
                                struct store_registration *registration_out);
void store_registration_free(struct store_registration *registration);

/* Released images. kind is enum ImageKind. */
struct store_image {
    uint8_t sha256[SHA256_SIZE];
    uint32_t kind;
    char *version;
    struct buf bytes;
};
enum err store_image_put(struct store_tx *tx, const struct store_image *image); /* ERR_EXISTS */
enum err store_image_get(struct store_tx *tx, const uint8_t sha256[static SHA256_SIZE],
                         struct store_image *image_out);
void store_image_free(struct store_image *image);

enum { STORE_STATIONS_MAX = 1024 }; /* of one order */
struct store_order {
    char name[65];
    uint32_t quantity;
    uint8_t firmware_sha256[SHA256_SIZE];
    uint8_t devauth_sha256[SHA256_SIZE];
    uint32_t lock_level;     /* enum LockLevel */
    uint32_t boot_key_scope; /* enum BootKeyScope */
    int64_t not_before;      /* seconds since 1970 */
    int64_t not_after;
    char (*stations)[65]; /* station_count names */
    size_t station_count;
};
enum err store_order_put(struct store_tx *tx, const struct store_order *order); /* ERR_EXISTS */
enum err store_order_get(struct store_tx *tx, const char *name, struct store_order *order_out);
void store_order_free(struct store_order *order);
struct store_order_counts {
    uint32_t open;   /* reserved by runs under way */
    uint32_t done;   /* finished or sealed */
    uint32_t sealed; /* of them */
    uint32_t failed;
};
enum err store_order_count(struct store_tx *tx, const char *name,
                           struct store_order_counts *counts_out);

/* Their units in that state, oldest first, at most that many: UID_SIZE bytes each. */
enum err store_order_units(struct store_tx *tx, const char *name, uint32_t state, uint32_t most,
                           struct buf *uids_out);

/* One board, by its UID, for ever. Empty buffers are NULL columns. */
enum store_unit_state {
    STORE_UNIT_OPEN = 1,     /* a run is under way: counts against the order */
    STORE_UNIT_CUT = 2,      /* its run was cut: may be opened again */
    STORE_UNIT_FINISHED = 3, /* receipt accepted, tags match: counted as done */
    STORE_UNIT_SEALED = 4,   /* and debug proven refused */
    STORE_UNIT_FAILED = 5,
};
struct store_unit {
    uint8_t uid[UID_SIZE];
    char order[65];
    char station[65];
    uint32_t state;
    uint8_t run_id[RUN_ID_SIZE]; /* of its latest run */
    struct buf csr;
    struct buf certificate;
    struct buf auth_public_key;
    struct buf rotpk;
    struct buf fwinfo;
    struct buf shared_key; /* AES_NuLink3, wrapped */
    struct buf receipt;    /* encoded Receipt */
    struct buf finish;     /* encoded FinishResponse: the same receipt gets the same answer */
    int64_t opened_us;
    int64_t done_us;
};
enum err store_unit_get(struct store_tx *tx, const uint8_t uid[static UID_SIZE],
                        struct store_unit *unit_out);
enum err store_unit_put(struct store_tx *tx,
                        const struct store_unit *unit); /* insert or replace */
void store_unit_free(struct store_unit *unit);
enum err store_units_cut_open(struct store_tx *tx,
                              uint32_t *count_out); /* at start: OPEN to CUT */

/* SECURE_BOOT_PRI_NL3, wrapped; scope_key is "unit/<uid hex>" or "order/<name>". */
struct store_boot_key {
    struct buf wrapped;
    uint8_t rotpk[ROTPK_SIZE];
};
enum err
store_boot_key_put(struct store_tx *tx, const char *scope_key,
                   const struct store_boot_key *key); /* ERR_EXISTS: never a second one */
enum err store_boot_key_get(struct store_tx *tx, const char *scope_key,
                            struct store_boot_key *key_out);
void store_boot_key_free(struct store_boot_key *key);

/* Stored answers of calls with an idempotency key. caller: the principal's SPIFFE URI. */
enum { STORE_CALL_KEY_SIZE = 16 };
struct store_answer {
    uint8_t request_sha256[SHA256_SIZE]; /* of method and payload */
    struct buf response;                 /* the packed response message */
};
enum err store_answer_put(struct store_tx *tx, const char *caller,
                          const uint8_t key[static STORE_CALL_KEY_SIZE],
                          const struct store_answer *answer, int64_t now_us); /* ERR_EXISTS */
enum err store_answer_get(struct store_tx *tx, const char *caller,
                          const uint8_t key[static STORE_CALL_KEY_SIZE],
                          struct store_answer *answer_out);
void store_answer_free(struct store_answer *answer);
enum err store_answers_expire(struct store_tx *tx, int64_t before_us);

/* The event log's rows (used by tlog only). level 0 node n is leaf n's hash; a node is written
 * when its subtree is complete. A row that exists already is ERR_DATA_LOSS. */
enum err store_log_append(struct store_tx *tx, uint64_t index, struct span entry);
enum err store_log_node_put(struct store_tx *tx, uint32_t level, uint64_t n,
                            const uint8_t hash[static SHA256_SIZE]);
enum err store_log_node_get(struct store_tx *tx, uint32_t level, uint64_t n,
                            uint8_t hash_out[static SHA256_SIZE]);
enum err store_log_node_count(struct store_tx *tx, uint64_t *count_out); /* slow: counts */
enum err store_log_size(struct store_tx *tx, uint64_t *size_out);        /* last index + 1 */
/* Calls take for entries start, start + 1, ... until it fails, count are given, or none is
 * left. A gap between them is ERR_DATA_LOSS. take must not call store_log_read. */
typedef enum err store_log_take(void *context, uint64_t index, struct span entry);
enum err store_log_read(struct store_tx *tx, uint64_t start, uint64_t count,
                        store_log_take *take, void *context);
enum err store_checkpoint_put(struct store_tx *tx, uint64_t size, struct span note);
enum err store_checkpoint_latest(struct store_tx *tx, uint64_t *size_out, struct buf *note_out);
/* The first checkpoint of size from or more. */
enum err store_checkpoint_from(struct store_tx *tx, uint64_t from, uint64_t *size_out,
                               struct buf *note_out);
