/* SPDX-License-Identifier: MIT */
/*
 * run: one board's way through arrows 3 to 33, as the server sees it. For svc/ only.
 *
 * Lives in memory: a run that is cut starts again at arrow 3 (nothing resumes); what must
 * outlive it (certificate, boot key, ROTPK) is in the store by UID. All work on a run happens
 * on its strand, so one thread at a time; refs are counted.
 */
#pragma once

#include <stdatomic.h>

#include "common/core/sign.h"
#include "common/host/log.h"
#include "hallmark/v1/runs.pb-c.h"
#include "oem-server/svc/svc.h"

struct run {
    struct run *next;
    atomic_uint refs;
    struct server *server;
    struct strand *strand;
    struct session *session; /* under server->lock; NULL once the connection is gone */
    struct wss_conn *conn;   /* kept */
    struct auth_principal station;
    char peer[64];
    bool over; /* finished, failed, cut or superseded: every further call is refused */
    enum err why;
    char words[FAIL_WORDS_MAX];

    struct flow flow;
    uint64_t
        until_ms; /* the deadline of the station's latest call: of what it set going, too */
    uint8_t id[RUN_ID_SIZE];
    uint8_t uid[UID_SIZE];
    uint8_t server_nonce[NONCE_SIZE];
    uint8_t board_nonce[NONCE_SIZE]; /* from arrow 7 */
    struct store_order order;
    bool have_image; /* the station's, arrow 21 */
    bool committed;  /* the board holds AES_NuLink3 of an earlier run, which was finished */
    bool scrap;      /* this board can never be good: its unit fails with the run */

    uint8_t auth_public[P256_POINT_SIZE]; /* from the CSR */
    struct buf web_server;                /* the certificate this run began with */
    struct buf certificate;
    uint8_t rotpk[ROTPK_SIZE];
    struct buf boot_key; /* wrapped */
    uint8_t fwinfo[FWINFO_SIZE];
    uint32_t fwinfo_address;
    struct hsm_agreement *agreement;
    uint8_t server_public[P256_POINT_SIZE];
    uint8_t target_public[P256_POINT_SIZE];
    struct buf shared_key; /* wrapped */
    uint8_t tag_target[CONFIRMATION_TAG_SIZE];
    uint8_t tag_server[CONFIRMATION_TAG_SIZE];
    uint8_t transcript[SHA256_SIZE];
    bool finished; /* Runs.Finish was accepted, with this receipt */
    uint8_t receipt_sha256[SHA256_SIZE];
};

struct run *run_new(struct session *session); /* of its caller's share; not listed yet */
struct run *run_keep(struct run *run);
struct run *run_find(struct server *server, const uint8_t id[static RUN_ID_SIZE]);   /* kept */
struct run *run_find_uid(struct server *server, const uint8_t uid[static UID_SIZE]); /* kept */

/* The run ends here with e: logged, its unit's reservation returned, the station told. */
void run_end(struct run *run, enum err e, const char *words);
/* The same by something of ours; the words are the latest fail()'s. */
void run_fail(struct run *run, enum err e);
void run_unlist(struct run *run);

/* Runs.Open is durable: list the run, and end an older one of the same board. */
void run_opened(struct run *run, struct call *call);

/* End it on its strand, from any thread. */
void run_end_later(struct run *run, enum err e, const char *words);

/* Reports of the station on arrows that the server cannot see; each is checked and logged. */
enum err run_reports(struct call *call, Hallmark__V1__ArrowReport *const *reports,
                     size_t count);

void run_transcript(struct run *run, uint8_t arrow, struct span request_sha256,
                    struct span response_sha256);

/* The request of an o -> n or o -> p arrow, packed. */
enum err run_request(struct run *run, const struct flow_row *row, struct buf *payload_out);

/* Is payload the answer to it? Else ERR_PROTO. */
enum err run_answer(const struct flow_row *row, struct span payload);

enum err run_boot_scope(const struct run *run, char scope[static 80]); /* store's scope_key */
struct sign_run run_sign(const struct run *run);                       /* common/core/sign.h */

/* Which run it was: order, unit, run and the station's address; lent. */
void event_run(Hallmark__V1__Event *event, struct run *run);
