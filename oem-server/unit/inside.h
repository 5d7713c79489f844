/* SPDX-License-Identifier: MIT */
/* inside: what the files of unit/ share. */
#pragma once

#include "oem-server/store/row.h"
#include "oem-server/unit/order.h"
#include "oem-server/unit/unit.h"

enum {
    UID_HEX_SIZE = 2 * UID_SIZE + 1,
    KEY_ID_SIZE = 160,
    LEVEL_DEV = 1,
    LEVEL_PRODUCTION = 3
};

/* --- Rows (row.c, transition.c). --- */

/* One row of the table, or NULL. */
struct unit_table_row {
    enum unit_event event;
    unsigned from;
    int to;
    enum unit_holding holding;
    enum unit_actor actor;
};
extern const struct unit_table_row unit_table[];
extern const unsigned unit_table_count;
const struct unit_table_row *unit_table_find(enum unit_event event, enum unit_state from);

/* The row as it was read; state UNIT_FREE with its generation, if there is none. */
enum err unit_find(struct store_tx *tx, const uint8_t uid[static UID_SIZE],
                   struct unit *unit_out);
/* unit_find() for those that must have a row: ERR_NOT_FOUND. */
enum err unit_must(struct store_tx *tx, const uint8_t uid[static UID_SIZE],
                   struct unit *unit_out);

/*
 * Every event goes through here. was is the row as it was read, *now what it becomes (station,
 * held, holder, flags); the state is set by the table, ERR_PRECONDITION if it has no row.
 * Writes the row (inserts or deletes it, from and to FREE) and moves the order's counters by
 * the difference. quota: the place that the unit takes is asked for (ERR_QUOTA).
 */
enum err unit_transition(struct store_tx *tx, enum unit_event event, const struct unit *was,
                         struct unit *now);

/* Reads the unit of a run that must be its holder, and renews the lease. */
enum err unit_of_run(struct store_tx *tx, const struct unit_run *run, struct unit *unit_out);
/* A unit for an event that needs no holder: of this station, not held, certificate not revoked.
 */
enum err unit_of_station(struct store_tx *tx, const uint8_t uid[static UID_SIZE],
                         const char *station, struct unit *unit_out);

bool unit_holder_live(struct store_tx *tx, const struct unit_limits *limits,
                      const struct unit *unit);
/* Does what the end of the holder's run does: a started unit without a claim goes, one with a
 * claim fails if its order is closed. was: with its holder. */
enum err unit_holder_end(struct store_tx *tx, const struct unit *was, struct unit *now_out);

void unit_holder_take(struct store_tx *tx, const struct unit_limits *limits,
                      const struct unit_open *in, struct unit_holder *holder_out);
/* Is a time of the database from before its clock was set back? */
bool unit_is_future(struct store_tx *tx, int64_t time_us);
/* Ends the runs of a server ("": any), with a lease before expired_us (0: any), of an order. */
enum err unit_end_listed(struct store_tx *tx, const char *server, int64_t expired_us,
                         const char *order, unit_ended *ended, void *context);
/* The UIDs that a statement gives; uids_out is emptied first. */
enum err unit_uids(struct store_tx *tx, enum statement statement,
                   const struct store_value *values, size_t count, struct buf *uids_out);
/* What Closing.Lock needs of a unit that has a commit statement. */
enum err unit_committed_answer(struct store_tx *tx, const struct unit *unit,
                               struct unit_committed *answer_out);

void unit_read(struct query *query, struct unit *unit);
#define UNIT_KEY(unit) VALUES_ONLY(value_bytes((unit)->uid, UID_SIZE))
#define UNIT_GEN(unit) value_bytes((unit)->uid, UID_SIZE), value_number((unit)->gen)

/* --- Holds (hold.c). --- */

/* Holds all units that a cause is about: a firmware's digest, a station's name. */
enum err hold_all(struct store_tx *tx, enum unit_cause cause, struct span about,
                  const char *reason, struct buf *uids_out, uint32_t *count_out);
/* Lifts the holds with that cause and tells *unit, which the caller writes, what still stands.
 */
enum err hold_lift(struct store_tx *tx, enum unit_cause cause, const char *reason,
                   struct unit *unit, size_t *lifted_out);

/* --- Facts (fact.c). --- */

enum err fact_claim_get(struct store_tx *tx, const struct unit *unit,
                        struct unit_claim *claim_out); /* ERR_NOT_FOUND */
struct fact_receipt {
    uint8_t run_id[RUN_ID_SIZE];
    struct buf receipt;
    uint8_t sha256[SHA256_SIZE];
    uint32_t lock_level;
    bool rotpk_unproven;
    uint32_t slot;
    struct buf slot_kcv;
    uint8_t firmware_sha256[SHA256_SIZE];
    bool keep;
};
void fact_receipt_free(struct fact_receipt *receipt);
enum err fact_receipt_get(struct store_tx *tx, const struct unit *unit,
                          const uint8_t run_id[static RUN_ID_SIZE],
                          struct fact_receipt *receipt_out);
enum err fact_agreement_get(struct store_tx *tx, const struct unit *unit,
                            const uint8_t run_id[static RUN_ID_SIZE],
                            struct unit_agreement *agreement_out); /* without kek, wrapped */
/* The finished run of this generation whose key has that KCV. ERR_NOT_FOUND. */
enum err fact_agreement_find(struct store_tx *tx, const struct unit *unit,
                             const uint8_t kcv[static KCV_SIZE],
                             uint8_t run_id_out[static RUN_ID_SIZE],
                             uint8_t lock_tag_out[static CONFIRMATION_TAG_SIZE]);
struct fact_commit {
    uint8_t run_id[RUN_ID_SIZE];
    uint8_t kcv[KCV_SIZE];
    uint32_t lock_level;
    struct buf statement, receipt;
};
void fact_commit_free(struct fact_commit *commit);
/* That of the newest receipt: it counts. ERR_NOT_FOUND. */
enum err fact_commit_newest(struct store_tx *tx, const struct unit *unit,
                            struct fact_commit *commit_out);
/* ERR_NOT_FOUND; *same_out: it states what lock does. lock NULL: is there any? */
enum err fact_lock_find(struct store_tx *tx, const struct unit *unit,
                        const struct unit_lock *lock, bool *same_out);
enum err fact_seal_station(struct store_tx *tx, const struct unit *unit,
                           char station_out[static 65], bool *accepted_out);
enum err unit_seal_add(struct store_tx *tx, const struct unit *unit, const char *detail,
                       bool accepted);
/* The certificate of the present generation, if there is a claim; once. */
enum err fact_revoke(struct store_tx *tx, const struct unit *unit, const char *reason);
enum err fact_revoked(struct store_tx *tx, const struct unit *unit, bool *revoked_out);
struct fact_rotpk {
    uint32_t gen;
    uint8_t rotpk[ROTPK_SIZE];
    char boot_key[KEY_ID_SIZE];
};
enum err fact_rotpk_get(struct store_tx *tx, const uint8_t uid[static UID_SIZE],
                        struct fact_rotpk *rotpk_out); /* ERR_NOT_FOUND */
/* A release from generation gen on said that the board may refuse. */
enum err fact_released(struct store_tx *tx, const struct unit *unit, uint32_t gen,
                       bool *refuses_out);

/* --- Wrapped keys (wrapped.c). --- */

enum err wrapped_shared_put(struct store_tx *tx, const struct unit *unit,
                            const uint8_t run_id[static RUN_ID_SIZE], const char *kek,
                            struct span blob);
/* All K of this generation but that of run keep (NULL: of none). */
enum err wrapped_shared_destroy(struct store_tx *tx, const struct unit *unit,
                                const uint8_t *keep);
enum err wrapped_shared_destroy_one(struct store_tx *tx, const struct unit *unit,
                                    const uint8_t run_id[static RUN_ID_SIZE]);

/* --- Orders (order.c, order_change.c). --- */

enum err order_station_add(struct store_tx *tx, const char *name,
                           const char *station);                       /* ERR_EXISTS */
enum err order_window(struct store_tx *tx, const struct order *order); /* and not closed */
enum err order_images(struct store_tx *tx, const struct order *order); /* not withdrawn */
enum err order_has_station(struct store_tx *tx, const char *name, const char *station,
                           bool *has_out);
/* A started unit gets a holder: ERR_QUOTA if quantity is spent. */
enum err order_place(struct store_tx *tx, const char *name);
enum err order_issue(struct store_tx *tx, const char *name); /* ERR_QUOTA: issued up */
enum err order_count(struct store_tx *tx, const char *name, int good, int accepted,
                     int under_way);
enum err station_check(struct store_tx *tx, const char *station); /* ERR_PRECONDITION */
enum err reason_check(const char *reason);                        /* ERR_INVALID */
