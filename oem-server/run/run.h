/* SPDX-License-Identifier: MIT */
/*
 * run: one board's run through arrows 3 to 33, as the server sees it. For the server's own
 * folders only.
 *
 * It lives in memory: an interrupted run is restarted at arrow 3 and not resumed. What must
 * outlive it (claim, certificate, boot key, ROTPK, receipt) is in the store by UID, and so is
 * the unit's holder (oem-server/unit/unit.h). All work on a run happens on its strand, so one
 * thread uses it at a time (test_run_owner); it is reference-counted. server->lock protects
 * next_id and session.
 */
#pragma once

#include <stdatomic.h>

#include "common/core/sign.h"
#include "common/flow/flow.h"
#include "common/host/log.h"
#include "hallmark/v1/runs.pb-c.h"
#include "oem-server/run/staged.h"

struct run {
    struct run *next_id; /* index.c */
    atomic_uint refs;
    struct server *server;
    struct strand *strand;
    bool listed; /* it can be found, and belongs to its strand. Set once, under server->lock */
    struct client *client;   /* its station's: this run is charged to it until it is freed */
    struct session *session; /* NULL once the connection is closed */
    struct wss_conn *conn;   /* kept */
    struct auth_principal station;
    char peer[64];
    bool over; /* finished, failed, interrupted or superseded: further calls are refused */
    enum err why;
    char words[FAIL_WORDS_MAX];
    /* Set when it is over, and kept until that is durable: see run_end_waiting(). */
    struct {
        enum err err;
        bool recorded;           /* the unit has no holder any more, and an entry says so */
        atomic_ullong failed_ms; /* when it could not be written; 0: no failure waits */
        char words[FAIL_WORDS_MAX];
    } end;
    /* The run of the same unit that the Open of this one ended. */
    bool supersedes;
    uint8_t superseded_run[RUN_ID_SIZE];
    unsigned entries; /* of the log that its calls and reports have made, see run_charge() */
    struct staged staged;  /* entries that wait for the next change */
    atomic_bool flush_due; /* run_flush_later() was called */

    struct flow flow;
    /* The deadline of the station's latest call: it also applies to what the call started. */
    uint64_t until_ms;
    uint8_t id[RUN_ID_SIZE];
    uint8_t uid[UID_SIZE];
    uint8_t server_nonce[NONCE_SIZE];
    uint8_t board_nonce[NONCE_SIZE]; /* from arrow 7 */
    struct order order;
    bool have_image;      /* the station's, arrow 21 */
    bool auth_unrecorded; /* arrow 7: OTP 2 is used, and no page says with which key */

    uint8_t auth_public[P256_POINT_SIZE]; /* from the CSR */
    struct buf web_server;                /* the certificate this run began with */
    struct buf certificate;
    uint8_t rotpk[ROTPK_SIZE];
    bool recreate;                 /* the ROTPK's record may be written again */
    struct hsm_unit_key *boot_key; /* from arrow 17 to arrow 22 */
    bool boot_key_fresh;           /* made for this run, and not in the store yet */
    uint8_t fwinfo[FWINFO_SIZE];
    uint32_t fwinfo_address;
    struct hsm_agreement *agreement;
    uint8_t server_public[P256_POINT_SIZE];
    uint8_t target_public[P256_POINT_SIZE];
    struct unit_agreement agreed; /* from arrow 33; stored with the receipt */
    uint8_t transcript[SHA256_SIZE];
    bool finished; /* Runs.Finish was accepted, with this receipt */
    uint8_t receipt_sha256[SHA256_SIZE];
};

/* Makes a run of its principal's share and budget, which is not listed yet. *run_out is the
 * caller's, for run_drop(). ERR_EXHAUSTED: over budget. */
enum err run_new(struct session *session, struct run **run_out);
/* Charges entries of the log to the run; over budget (ERR_EXHAUSTED) the run ends. */
enum err run_charge(struct run *run, size_t entries);
struct run *run_keep(struct run *run);
void run_drop(struct run **run);
struct strand *run_strand(struct run *run);

/* The only way to use a listed run from another thread: fn is called once, on the run's strand,
 * with a reference to the run. Any thread. ERR_MEMORY: fn is not called. */
typedef void run_fn(struct run *run, void *context);
enum err run_post(struct run *run, run_fn *fn, void *context);
/* Stops the process unless this thread is on the run's strand, or made the run and has not
 * listed it yet, because two threads on one run's memory are worse than a restart. Called by
 * all functions that touch a run, except those inside store_do(), which read it while its
 * strand waits (test_run_owner). */
void run_own(const struct run *run);
struct run *run_find(struct server *server, const uint8_t id[static RUN_ID_SIZE]); /* kept */

/* index.c: the runs in memory. Any thread. false: the station's connection is closed already,
 * so nothing else will end this run. */
bool run_list(struct run *run, struct session *session);
void run_unlist(struct run *run);
struct run *
run_take_of(struct session *session); /* a run of a closed connection; a reference */
/* A run with entries that were staged before before_ms and whose flush was not started yet; a
 * reference. */
struct run *run_take_late(struct server *server, uint64_t before_ms);
/* One whose end could not be written at a time before then; kept. It is given once. */
struct run *run_take_ending(struct server *server, uint64_t before_ms);
unsigned run_count_ending(struct server *server);
void run_index_free(struct server *server);

/* The unit and the run, for the functions of unit.h. Borrows from run. */
struct unit_run run_unit(const struct run *run);

/* --- Ends (end.c). What is durable of the run stays; its holder goes; the station is told,
 * unless e is ERR_OK. --------------------------------------------------------------------- */

/* On the run's strand; nothing happens if the run has ended already. */
void run_end(struct run *run, enum err e, const char *words);
void run_fail(struct run *run, enum err e); /* the words are the latest fail()'s */
/* Ends the run on its strand; called from any thread. recorded: the store already has the end
 * and its entry. */
void run_end_later(struct run *run, enum err e, const char *words, bool recorded);
/* The same for the run of that id, if it is in this server's memory. (There is none for the run
 * of a unit: it may be a newer one than what was meant.) */
void run_end_of_id(struct server *server, const uint8_t id[static RUN_ID_SIZE], enum err e,
                   const char *words, bool recorded);
#define RUN_SUPERSEDED "superseded by a new run of the same board"
/* Runs that are over, but whose end the store could not write: tries each again, on its strand.
 * Called by the sweep (test_run: an_end_waits_for_the_store). */
void run_end_waiting(struct server *server);
/* The same for the last time, here, when no strand runs any more. */
void run_end_drain(struct server *server);
/* Writes entries that have waited too long, on the run's strand. */
void run_flush_later(struct run *run);

/* A connection is gone: its runs end; drops the reference of its maker. */
void run_session_closed(struct session *session);
/* Called when Runs.Open is durable: lists the run, and ends an older one of the same board. */
void run_opened(struct run *run, struct session *session);

/* --- What waits, and what is told. ---------------------------------------------------------
 */

/* Checks that the run's station may still act: ERR_REVOKED, ERR_UNAUTHENTICATED. Inside a
 * change. */
enum err run_station_check(struct store_tx *tx, const struct run *run);
/* The run is still the unit's holder, and its staged entries come before what follows in this
 * change. ERR_ABORTED: it is not. */
enum err run_write_staged(struct store_tx *tx, const struct run *run);
/* Writes the staged entries in a change of their own; does nothing if there are none. */
enum err run_flush(struct run *run);

/* station.c: a call to the run's station, with the run's id. */
enum err run_ask_station(struct run *run, const char *method, uint32_t timeout_ms,
                         struct span payload, wss_done *answer, void *context);
void run_tell_end(struct run *run, enum err e, const char *words); /* RunControl.End */
uint64_t
run_deadline_ms(const struct run *run); /* for what the server does on its own for the run */

/* Takes the station's reports of arrows that the server does not see: checks and stages each. A
 * report of a failed arrow ends the run. deadline_ms: of the call they came with. */
enum err run_reports(struct run *run, Hallmark__V1__ArrowReport *const *reports, size_t count,
                     uint64_t deadline_ms);

/* Adds an arrow to the run's transcript (sign_transcript()). */
void run_transcript(struct run *run, uint8_t arrow, struct span request_sha256,
                    struct span response_sha256);

void run_boot_scope(const struct run *run, char scope[static 80]); /* of unit_boot_key_get() */
struct sign_run run_sign(const struct run *run);                   /* common/core/sign.h */

/* Puts order, unit, run and the station's address into the event. */
void event_run(struct event *event, const struct run *run);
