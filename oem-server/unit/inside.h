/* SPDX-License-Identifier: MIT */
/* inside: functions that the files of unit/ share. All of them are steps of a change as unit.h
 * describes, on its thread; ERR_NOT_FOUND of a get or find is an answer. Results own their
 * buffers. */
#pragma once

#include "oem-server/store/row.h"
#include "oem-server/unit/certificate.h"
#include "oem-server/unit/order.h"

enum {
    UID_HEX_SIZE = 2 * UID_SIZE + 1,
    KEY_ID_SIZE = 160,
    LEVEL_DEV = 1,
    LEVEL_PRODUCTION = 3
};

/* --- Rows (row.c; changed by transition.c). --- */

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
/* unit_find(), but ERR_NOT_FOUND if there is no row. */
enum err unit_must(struct store_tx *tx, const uint8_t uid[static UID_SIZE],
                   struct unit *unit_out);

/*
 * All events go through here (test_unit_model). was is the row as it was read, *now the new row
 * (station, held, holder, flags). The table sets the state; ERR_PRECONDITION if it has no row
 * for it. Writes the row (inserts it from FREE, deletes it to FREE) and changes the order's
 * counters by the difference. ERR_QUOTA: the unit would exceed the order's quantity.
 */
enum err unit_transition(struct store_tx *tx, enum unit_event event, const struct unit *was,
                         struct unit *now);

/* Reads the unit of a run that must be its holder, and renews the lease. */
enum err unit_of_run(struct store_tx *tx, const struct unit_run *run, struct unit *unit_out);
/* A unit for an event that needs no holder: of this station, not held, certificate not revoked.
 */
enum err unit_of_station(struct store_tx *tx, const uint8_t uid[static UID_SIZE],
                         const char *station, struct unit *unit_out);

/* true if the unit has a holder whose lease is valid and whose run is not too long. */
bool unit_holder_live(struct store_tx *tx, const struct unit_limits *limits,
                      const struct unit *unit);
/* Ends the holder's run: a started unit without a claim becomes free, one with a claim fails if
 * its order is closed. was: with its holder. */
enum err unit_holder_end(struct store_tx *tx, const struct unit *was, struct unit *now_out);

/* Fills the holder for a new run, from the database's clock. */
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

/* Reads the columns of UNIT_GET from the query's row; errors stick in the query. */
void unit_read(struct query *query, struct unit *unit);
#define UNIT_KEY(unit) VALUES_ONLY(value_bytes((unit)->uid, UID_SIZE))
#define UNIT_GEN(unit) value_bytes((unit)->uid, UID_SIZE), value_number((unit)->gen)

/* --- Holds (hold.c). --- */

/* Holds all units that carry a firmware. */
enum err hold_firmware(struct store_tx *tx, const uint8_t sha256[static SHA256_SIZE],
                       const char *reason, struct buf *uids_out, uint32_t *count_out);
/* Lifts the holds with that cause and tells *unit, which the caller writes, what still stands.
 */
enum err hold_lift(struct store_tx *tx, enum unit_cause cause, const char *reason,
                   struct unit *unit, size_t *lifted_out);

/* --- Seized stations (seizure_row.c). --- */

/* HOLDING and SCRAPPING: units after the cursor are still to come. */
enum seizure_step {
    SEIZURE_HOLDING = 0,
    SEIZURE_HELD = 1,
    SEIZURE_SCRAPPING = 2,
    SEIZURE_SCRAPPED = 3
};
struct seizure {
    char station[65];
    char reason[UNIT_REASON_MAX + 1], scrap_reason[UNIT_REASON_MAX + 1];
    enum seizure_step step;
    struct buf cursor; /* the last UID of the page before; empty: none was */
};
void seizure_free(struct seizure *seizure);
/* The row that a statement finds: freed with seizure_free(). ERR_NOT_FOUND. */
enum err seizure_read(struct store_tx *tx, enum statement statement,
                      const struct store_value *values, size_t count, struct seizure *seizure);
enum err seizure_set(struct store_tx *tx, const char *station, enum seizure_step step,
                     const char *scrap_reason, struct span cursor);
/* ERR_HELD: the unit's station was seized, and the page in which it is held or scrapped has not
 * come yet. leaves: it goes to another station, which a hold would not hinder. */
enum err seizure_check(struct store_tx *tx, const struct unit *unit, bool leaves);

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
/* Receipts: freed; read, ERR_NOT_FOUND. */
void fact_receipt_free(struct fact_receipt *receipt);
enum err fact_receipt_get(struct store_tx *tx, const struct unit *unit,
                          const uint8_t run_id[static RUN_ID_SIZE],
                          struct fact_receipt *receipt_out);
enum err fact_agreement_get(struct store_tx *tx, const struct unit *unit,
                            const uint8_t run_id[static RUN_ID_SIZE],
                            struct unit_agreement *agreement_out); /* without kek, wrapped */
/* Finds the finished run of this generation whose key has that KCV. ERR_NOT_FOUND. */
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
/* The commit statement of the newest receipt: the valid one. ERR_NOT_FOUND. */
enum err fact_commit_newest(struct store_tx *tx, const struct unit *unit,
                            struct fact_commit *commit_out);
/* ERR_NOT_FOUND: no lock statement. *same_out: it states the same as lock; lock NULL: not
 * compared. */
enum err fact_lock_find(struct store_tx *tx, const struct unit *unit,
                        const struct unit_lock *lock, bool *same_out);
enum err fact_seal_station(struct store_tx *tx, const struct unit *unit,
                           char station_out[static 65], bool *accepted_out);
enum err unit_seal_add(struct store_tx *tx, const struct unit *unit, const char *detail,
                       bool accepted);
enum err fact_certificate_get(struct store_tx *tx, const struct unit *unit,
                              struct buf *certificate_out); /* ERR_NOT_FOUND */
/* Revokes the certificate of the current generation, if there is a claim and it is not revoked
 * yet. */
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

/* Stores a run's wrapped AES_NuLink3, with its note. */
enum err wrapped_shared_put(struct store_tx *tx, const struct unit *unit,
                            const uint8_t run_id[static RUN_ID_SIZE], const char *kek,
                            struct span blob);
/* Destroys all wrapped AES_NuLink3 of this generation except that of run keep (NULL: all). */
enum err wrapped_shared_destroy(struct store_tx *tx, const struct unit *unit,
                                const uint8_t *keep);
enum err wrapped_shared_destroy_one(struct store_tx *tx, const struct unit *unit,
                                    const uint8_t run_id[static RUN_ID_SIZE]);

/* --- Orders (order.c, order_change.c). --- */

/* Parts of orders for the events of unit.h; a refusal has a message. */
enum err order_station_add(struct store_tx *tx, const char *name,
                           const char *station);                       /* ERR_EXISTS */
enum err order_window(struct store_tx *tx, const struct order *order); /* and not closed */
enum err order_images(struct store_tx *tx, const struct order *order); /* not withdrawn */
enum err order_has_station(struct store_tx *tx, const char *name, const char *station,
                           bool *has_out);
/* A started unit gets a holder: ERR_QUOTA if quantity is spent. */
enum err order_place(struct store_tx *tx, const char *name);
enum err order_issue(struct store_tx *tx, const char *name); /* ERR_QUOTA: all are issued */
enum err order_count(struct store_tx *tx, const char *name, int good, int accepted,
                     int under_way);
enum err station_check(struct store_tx *tx, const char *station); /* ERR_PRECONDITION */
enum err reason_check(const char *reason);                        /* ERR_INVALID */
