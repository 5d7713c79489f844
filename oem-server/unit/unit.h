/* SPDX-License-Identifier: MIT */
/*
 * unit: what the server knows of a board: facts, a state, and a holder.
 *
 * The state says how far the unit is and never goes back. The holder (run, server, station,
 * lease) is in other columns. Facts are inserted once and never changed; the database refuses
 * an update of them (test_unit_table shows both). table.h lists the events with the states that
 * they lead from and to; the schema is checked against it, and the tests' reference model is
 * driven by it (test_unit_model).
 *
 * Functions that take a struct store_tx * are steps of a change: call them inside a function
 * given to store_do() (writing) or store_read() (reading), on its thread. They read and write
 * rows, note the changes (store_note()), and do nothing else: they use no HSM, CA, network or
 * memory of a run. They may be run twice. The caller checks in the same transaction that the
 * principal may act at all (registered, role, not revoked); whether this station may act on
 * this unit is checked here.
 *
 * A refusal is a fail_quiet() with a message for the peer; ERR_PRECONDITION if the unit's state
 * does not allow the event or its certificate is revoked, ERR_HELD if the unit is held,
 * ERR_DENIED if it is another station's. ERR_DATA_LOSS means that stored facts contradict each
 * other. Strings and spans given in are borrowed; results own their buffers.
 */
#pragma once

#include "common/core/layout.h"
#include "common/host/own.h"
#include "oem-server/store/store.h"
#include "oem-server/unit/table.h"

enum unit_state {
#define X(name, number, text) UNIT_##name = (number),
    UNIT_STATE_LIST(X) /* table.h: UNIT_FREE, UNIT_STARTED, ... UNIT_SCRAPPED */
#undef X
};
const char *unit_state_name(enum unit_state state); /* "started" ... */

enum {
    UNIT_REASON_MAX = 256,
    UNIT_WORDS_MAX = 512,
    UNIT_PAGE_MAX = 1000,
    UNIT_HOLDS_MAX = 100, /* that are listed */
};

/* Why a unit is held. */
enum unit_cause {
    UNIT_CAUSE_ANY = 0,
#define X(name, number, text) UNIT_CAUSE_##name = (number),
    UNIT_CAUSE_LIST(X) /* table.h: UNIT_CAUSE_OPERATOR, _FIRMWARE, _STATION */
#undef X
};
const char *unit_cause_name(enum unit_cause cause); /* "firmware withdrawn" ... */

/* The run that works on a unit now. */
struct unit_holder {
    bool held_now; /* false: nothing, and the rest is zero */
    uint8_t run_id[RUN_ID_SIZE];
    char server[65];
    char station[65];
    int64_t opened_us; /* all times: the database's clock, microseconds since 1970 */
    int64_t lease_us;  /* until then, unless a write renews it */
};

/* The row. */
struct unit {
    uint8_t uid[UID_SIZE];
    uint32_t gen; /* from 1, counted up by each release */
    enum unit_state state;
    char order[65];
    char station[65];              /* of the newest receipt, or named by an operator */
    char held[UNIT_WORDS_MAX + 1]; /* the holds that stand, for people; "": not held */
    struct unit_holder holder;
    bool boot_failed; /* the last boot test failed: must be opened with repeat */
    bool accepted;    /* sealed by an operator, without a lock statement */
    int64_t started_us;
    int64_t changed_us; /* the state */
};
/* ERR_NOT_FOUND: the UID is free. */
enum err unit_get(struct store_tx *tx, const uint8_t uid[static UID_SIZE],
                  struct unit *unit_out);

/* Limits of a holder's silence and of a run's length. From the configuration. */
struct unit_limits {
    int64_t lease_us;    /* default 15 minutes */
    int64_t longest_us;  /* default 60 minutes */
    int64_t unlocked_us; /* committed for longer without a lock statement is an alarm: 1 hour */
};

/* --- The facts of a run. --- */

/* By {uid, gen}. */
struct unit_claim {
    uint8_t auth_public_key[P256_POINT_SIZE];
    uint8_t serial[20]; /* of the certificate to be issued: positive, big-endian */
    int64_t not_before; /* seconds since 1970 */
    int64_t not_after;
};
/* By {uid, gen, run}. Tags as in common/core/sign.h; wrapped: AES_NuLink3 under the KEK. */
struct unit_agreement {
    uint8_t kcv[KCV_SIZE];
    uint8_t tag_target[CONFIRMATION_TAG_SIZE];
    uint8_t tag_write[CONFIRMATION_TAG_SIZE];
    uint8_t tag_keep[CONFIRMATION_TAG_SIZE];
    uint8_t lock_tag[CONFIRMATION_TAG_SIZE]; /* for the order's level */
    char kek[65];                            /* label of the wrapping key */
    struct buf wrapped;
};
struct unit_receipt {
    struct span receipt;         /* encoded Receipt, verified by the caller against AUTHKEY */
    uint8_t sha256[SHA256_SIZE]; /* of sign.h's bytes */
    uint32_t lock_level;         /* wanted */
    bool rotpk_unproven;
    uint32_t slot;              /* 0: none */
    uint8_t slot_kcv[KCV_SIZE]; /* if slot is not 0 */
    uint8_t firmware_sha256[SHA256_SIZE];
};
struct unit_commit { /* its signature verified by the caller */
    uint8_t run_id[RUN_ID_SIZE];
    uint32_t slot;
    uint8_t kcv[KCV_SIZE];
    uint32_t lock_level;
    uint8_t receipt_sha256[SHA256_SIZE];
    uint8_t sha256[SHA256_SIZE]; /* of sign.h's bytes */
    struct span statement;       /* encoded CommitStatement */
};
struct unit_lock {               /* its signature verified by the caller */
    uint8_t run_id[RUN_ID_SIZE]; /* of the commit statement */
    uint32_t lock_level;
    uint8_t statement_sha256[SHA256_SIZE];
    struct span statement; /* encoded LockStatement */
};

/* --- Events by a station. --- */

struct unit_open {
    const uint8_t *uid;
    const char *order;
    const char *station;
    const char *server;    /* this server's name */
    const uint8_t *run_id; /* of the new run */
    bool repeat;
};
/* What Closing.Lock needs. */
struct unit_committed {
    struct buf statement; /* encoded CommitStatement: the valid one */
    struct buf receipt;   /* encoded Receipt of that statement */
    uint8_t rotpk[ROTPK_SIZE];
    uint8_t lock_tag[CONFIRMATION_TAG_SIZE];
    bool boot_test; /* required before the lock */
};
void unit_committed_free(struct unit_committed *committed);
struct unit_opened {
    struct unit unit;
    bool committed; /* there is no run: what follows is the answer */
    bool repeat;    /* committed, but its boot test failed: to be opened again with repeat */
    struct unit_committed answer;
    /* An older run of this station, or one whose lease has expired, was ended. */
    bool superseded;
    uint8_t superseded_run[RUN_ID_SIZE];
};
void unit_opened_free(struct unit_opened *opened);
/* Runs.Open. ERR_BUSY names the station that works on it; ERR_QUOTA, ERR_DENIED, ERR_HELD,
 * ERR_EXISTS (sealed), ERR_PRECONDITION (window, order closed, failed, scrapped, firmware
 * withdrawn). */
enum err unit_open_run(struct store_tx *tx, const struct unit_limits *limits,
                       const struct unit_open *in, struct unit_opened *opened_out);

/* Renews the lease; ERR_ABORTED if run_id is not the holder any more, or its time is over.
 * Changes of a run begin with it; the events below do it themselves (test_unit:
 * a_run_ends_by_time). */
enum err unit_hold_on(struct store_tx *tx, const struct unit_limits *limits,
                      const uint8_t uid[static UID_SIZE],
                      const uint8_t run_id[static RUN_ID_SIZE]);

/* The unit and the run: for events that need a holder. */
struct unit_run {
    const struct unit_limits *limits;
    const uint8_t *uid;
    const uint8_t *run_id;
};

/* Arrow 14, before the CA acts. *claim_out is the stored row, so that a repetition makes the
 * same certificate (test_unit: a_claim_is_made_once). recorded: the board's page says that OTP
 * 2 holds this key; without it only a key that this UID already has is accepted (ERR_SPOILT).
 * ERR_EXISTS: the key is another UID's; ERR_QUOTA: quantity and spares are issued. */
enum err unit_claim(struct store_tx *tx, const struct unit_run *run,
                    const struct unit_claim *wanted, bool recorded,
                    struct unit_claim *claim_out);
/* Arrows 14, 18, 22: insert the fact if it is absent, then answer with the stored row; other
 * bytes are dropped. */
enum err unit_certify(struct store_tx *tx, const struct unit_run *run, struct span csr,
                      struct span certificate, struct buf *certificate_out);
/* Arrow 18. ERR_DATA_LOSS if the unit has another ROTPK. recreate_out: the row is of an earlier
 * generation, so a blank record may be written again. */
enum err unit_rotpk(struct store_tx *tx, const struct unit_run *run,
                    const uint8_t rotpk[static ROTPK_SIZE], const char *boot_key,
                    bool *recreate_out);
enum err unit_fwinfo(struct store_tx *tx, const struct unit_run *run,
                     const uint8_t firmware_sha256[static SHA256_SIZE],
                     const uint8_t fwinfo[static FWINFO_SIZE],
                     uint8_t fwinfo_out[static FWINFO_SIZE]);
/* Arrow 33: stores the agreement; the same again is ERR_OK. */
enum err unit_agree(struct store_tx *tx, const struct unit_run *run,
                    const struct unit_agreement *agreement);

/* Runs.Finish. keep_out: the board's slot holds the key of a finished run of this generation;
 * tag_out is the tag of that decision. The same receipt again gets the same answer. A committed
 * unit gets only KEEP: otherwise ERR_MISMATCH names the slot, and an operator has to scrap the
 * unit. */
enum err unit_finish(struct store_tx *tx, const struct unit_run *run,
                     const struct unit_receipt *receipt, bool *keep_out,
                     uint8_t tag_out[static CONFIRMATION_TAG_SIZE]);

/* Runs.Commit, Runs.Booted, Runs.Locked, Runs.Sealed: need no holder. station must be that of
 * the newest receipt, or one that an operator named. The same statement again gets the same
 * answer; another one is refused (ERR_MISMATCH). */
enum err unit_commit_key(struct store_tx *tx, const uint8_t uid[static UID_SIZE],
                         const char *station, const struct unit_commit *commit,
                         struct unit_committed *committed_out);
enum err unit_booted(struct store_tx *tx, const uint8_t uid[static UID_SIZE],
                     const char *station, bool booted);
enum err unit_locked(struct store_tx *tx, const uint8_t uid[static UID_SIZE],
                     const char *station, const struct unit_lock *lock);
/* level: at which its board was found shut. ERR_NOT_LOCKED: no lock statement; the message
 * names "oemctl unit accept". ERR_MISMATCH: another level than the lock statement's. */
enum err unit_seal(struct store_tx *tx, const uint8_t uid[static UID_SIZE], const char *station,
                   uint32_t level, const char *detail);

/* The key that verifies the unit's statements; may be read in an earlier transaction, because
 * facts do not change. ERR_NOT_FOUND. */
enum err unit_auth_key(struct store_tx *tx, const uint8_t uid[static UID_SIZE],
                       uint8_t auth_public_key_out[static P256_POINT_SIZE]);

/* --- Ends. --- */

/* Removes the holder; a started unit without a claim is deleted: its UID is free. If that run
 * is not the holder any more, ERR_OK with *ended_out false. */
enum err unit_end_run(struct store_tx *tx, const uint8_t uid[static UID_SIZE],
                      const uint8_t run_id[static RUN_ID_SIZE], bool *ended_out);
/* How far ahead of the database's clock a time may be that it made itself: a clock is adjusted
 * by less. What is further ahead was made before the clock was set back: it is old. */
#define UNIT_CLOCK_STEP_US (INT64_C(60) * 1000000)

/* End the runs of this server (at its start), or all whose lease has expired or whose start is
 * in the future (the clock was set back), UNIT_PAGE_MAX at most; call ended for each. */
typedef void unit_ended(void *context, const uint8_t uid[static UID_SIZE],
                        const struct unit_holder *holder, const char *order);
enum err unit_end_runs_of(struct store_tx *tx, const char *server, unit_ended *ended,
                          void *context);
enum err unit_end_expired(struct store_tx *tx, unit_ended *ended, void *context);
/* Is there one for unit_end_expired()? Reads. */
enum err unit_any_expired(struct store_tx *tx, bool *any_out);
/* The unit that a run holds. ERR_NOT_FOUND. */
enum err unit_of_run_id(struct store_tx *tx, const uint8_t run_id[static RUN_ID_SIZE],
                        struct unit *unit_out);

/* --- Events by an operator; reason is 1-UNIT_REASON_MAX bytes of printable UTF-8. --- */

/* unit_out: the unit after the change (released: state UNIT_FREE, its next generation). If a
 * run was ended by a release, fail, scrap or accept, unit_out->holder is that run; reassign
 * calls ended for each. */
enum err unit_release(struct store_tx *tx, const uint8_t uid[static UID_SIZE],
                      bool board_refuses, const char *reason, struct unit *unit_out);
/* A started unit's board is bad: its certificate is revoked. The server by itself fails no
 * unit: before a receipt is verified it has no more than a station's word
 * (tests/e2e/refusals/units).
 */
enum err unit_fail(struct store_tx *tx, const uint8_t uid[static UID_SIZE], const char *reason,
                   struct unit *unit_out);
enum err unit_scrap(struct store_tx *tx, const uint8_t uid[static UID_SIZE], const char *reason,
                    struct unit *unit_out);
enum err unit_accept(struct store_tx *tx, const uint8_t uid[static UID_SIZE],
                     const char *reason, struct unit *unit_out);
/* Several holds may stand; the unit is held while any does (test_unit_hold.c). */
enum err unit_hold(struct store_tx *tx, const uint8_t uid[static UID_SIZE], const char *reason,
                   struct unit *unit_out);
/* Holds finished and committed units of a station that is seized, with that cause, whatever
 * else holds them: those after that UID (empty: from the first), limit at most. uids_out:
 * UID_SIZE bytes each. */
enum err unit_hold_station(struct store_tx *tx, const char *station, const char *reason,
                           struct span after, uint32_t limit, struct buf *uids_out);
/* Lifts the holds with that cause, and no others. ERR_PRECONDITION: there is none. */
enum err unit_allow(struct store_tx *tx, const uint8_t uid[static UID_SIZE],
                    enum unit_cause cause, const char *reason, struct unit *unit_out);
/* The holds that stand with that cause (UNIT_CAUSE_ANY: all), oldest first, UNIT_HOLDS_MAX at
 * most. holds_out: calloc'd; the caller frees it. */
struct unit_hold {
    uint32_t n; /* in its generation, from 1 */
    enum unit_cause cause;
    char reason[UNIT_REASON_MAX + 1];
    int64_t held_us;
};
enum err unit_holds_get(struct store_tx *tx, const struct unit *unit, enum unit_cause cause,
                        struct unit_hold **holds_out, size_t *count_out);
/* The unit's next receipts are that station's. Lifts the holds for a seized station, no others.
 */
enum err unit_reassign(struct store_tx *tx, const uint8_t uid[static UID_SIZE],
                       const char *station, const char *reason, unit_ended *ended,
                       void *context, struct unit *unit_out);
/* Reassigns all finished and committed units of a station. uids_out: UID_SIZE bytes each. */
enum err unit_reassign_all(struct store_tx *tx, const char *from, const char *to,
                           const char *reason, unit_ended *ended, void *context,
                           struct buf *uids_out, uint32_t *count_out);

/* --- Seized stations (seizure.c). --- */

struct unit_seized {
    uint32_t runs_ended;
    uint32_t units[UNIT_SCRAPPED + 1]; /* of the station, by state, after its runs ended */
};
/* The station is revoked, unless it was, its runs end, and its finished and committed units
 * count as held from now on: unit_seize_next() holds them, a page in each change. A unit that
 * is reassigned is free of that. Again: only the counts. ERR_NOT_FOUND. */
enum err unit_seize(struct store_tx *tx, const char *station, const char *reason,
                    unit_ended *ended, void *context, struct unit_seized *seized_out);
/* All of its units that are not sealed will be scrapped, by unit_seize_next(); until then they
 * are held, and are not reassigned. count_out: how many. ERR_PRECONDITION: the station is not
 * seized, or it was asked before. */
enum err unit_seize_scrap(struct store_tx *tx, const char *station, const char *reason,
                          uint32_t *count_out);
struct unit_seize_page {
    char station[65];
    uint32_t count;
    bool scrapped, done; /* not held; the last page */
};
/* The next page of any seizure. ERR_NOT_FOUND: nothing is left to do. */
enum err unit_seize_next(struct store_tx *tx, uint32_t limit, struct unit_seize_page *page_out);
enum err unit_seize_due(struct store_tx *tx, bool *due_out); /* is there one? */

/* --- Reading. --- */

struct unit_filter {
    const char *order; /* NULL: any; the same for the others */
    const char *station;
    const char *state;    /* a state's name, "held" or "unlocked" */
    const uint8_t *after; /* UID */
    uint32_t limit;
};
struct unit_row {
    struct unit unit;
    bool locked;
    uint32_t lock_level;
};
/* rows_out: calloc'd, by UID; the caller frees it. */
enum err unit_list(struct store_tx *tx, const struct unit_filter *filter,
                   struct unit_row **rows_out, size_t *count_out, bool *more_out);
/* Lists units with a holder, oldest run first, UNIT_PAGE_MAX at most. */
struct unit_held_filter {
    const uint8_t *uid;       /* NULL: any */
    const uint8_t *after_uid; /* NULL: from the first; else the last one of the page before, */
    int64_t after_opened_us;  /* and when its run was opened */
};
enum err unit_list_held(struct store_tx *tx, const struct unit_held_filter *filter,
                        struct unit_row **rows_out, size_t *count_out, bool *more_out);
/* Lists the UIDs after after (NULL: from the first), UNIT_PAGE_MAX at most, of units that are
 * committed for longer than limits->unlocked_us without a lock statement; and counts them. */
enum err unit_list_unlocked(struct store_tx *tx, const struct unit_limits *limits,
                            const uint8_t *after, struct buf *uids_out);
enum err unit_count_unlocked(struct store_tx *tx, const struct unit_limits *limits,
                             uint32_t *count_out);

/* All facts of the current generation, for unit show. Empty buffers: no such fact. */
struct unit_facts {
    struct buf csr, certificate, rotpk, fwinfo;
    struct buf receipt, commit, lock; /* the newest; encoded messages */
    uint8_t firmware_sha256[SHA256_SIZE];
    char *seal_detail;
    int64_t done_us; /* of the newest receipt; 0: none */
    struct unit_revoked {
        uint32_t gen;
        uint8_t serial[20];
        char reason[UNIT_REASON_MAX + 1];
        int64_t revoked_us;
    } * revoked;
    size_t revoked_count;
};
enum err unit_facts_get(struct store_tx *tx, const struct unit *unit,
                        struct unit_facts *facts_out);
void unit_facts_free(struct unit_facts *facts);

/* Wrapped keys are not facts: they can be replaced or destroyed, and each time that is noted.
 * id: "boot/<scope>" or "shared/<uid>/<gen>/<run>". */
enum err unit_boot_key_get(struct store_tx *tx, const char *scope, struct buf *wrapped_out,
                           uint8_t rotpk_out[static ROTPK_SIZE]); /* ERR_NOT_FOUND */
enum err unit_boot_key_put(struct store_tx *tx, const char *scope, const char *kek,
                           struct span wrapped,
                           const uint8_t rotpk[static ROTPK_SIZE]); /* ERR_EXISTS */

/* A sealed unit, and its AES_NuLink3, wrapped. ERR_NOT_FOUND: no such unit, or it has no key;
 * ERR_PRECONDITION: it is not sealed, or its certificate is revoked; ERR_HELD. */
enum err unit_shared_key(struct store_tx *tx, const uint8_t uid[static UID_SIZE],
                         struct unit *unit_out, struct buf *wrapped_out);

/* For a change of the KEK: the next wrapped key after that id, and the key under another KEK.
 * ERR_NOT_FOUND. id_out: 160 bytes hold any. */
enum err unit_wrapped_next(struct store_tx *tx, const char *after, char id_out[static 160],
                           char kek_out[static 65]);
enum err unit_wrapped_get(struct store_tx *tx, const char *id, char kek_out[static 65],
                          struct buf *wrapped_out);
enum err unit_wrapped_replace(struct store_tx *tx, const char *id, const char *kek,
                              struct span wrapped);
