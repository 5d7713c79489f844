/* SPDX-License-Identifier: MIT */
/*
 * base: what runs and calls stand on: the server's parts, its clients and their connections,
 * changes and log entries of the server's own.
 *
 * server/ makes and ends a struct server; everything else borrows it. Any thread, but for what
 * is said below.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "common/host/log.h"
#include "common/host/meter.h"
#include "common/rpc/rpc.h"
#include "common/wss/wss.h"
#include "oem-server/auth/auth.h"
#include "oem-server/budget/budget.h"
#include "oem-server/ca/ca.h"
#include "oem-server/config/config.h"
#include "oem-server/event/event.h"
#include "oem-server/tlog/tlog.h"
#include "oem-server/unit/order.h"
#include "oem-server/work/work.h"

struct run;
struct session;

enum {
    SERVER_RENEWALS_MAX = 1000, /* in the life of one process */
    SERVER_SLOW_MS = 1000, /* a thread that runs one call for longer is replaced by another */
    SERVER_UNRESPONSIVE_MS =
        5000,               /* a call that is longer in the HSM's module is unresponsive */
    SERVER_LOST_MS = 60000, /* after a token is missing for this time, or a call in the module
                               has not returned, the process ends */
    SERVER_TRY_MS = 45000,  /* how often the keys are tried */
    SERVER_TRY_AGAIN_MS = 5000, /* the same after one did not work */
    SERVER_FLUSH_MS =
        5000, /* entries that have waited longer for their run's next change are written */
    SERVER_ALARM_MS = 60000,      /* how often units without a lock statement are looked for */
    SERVER_ANSWERS_S = 24 * 3600, /* how long a stored answer is kept (common/rpc/README.md) */
    SERVER_ANSWERS_STEP = 500,    /* so many are removed in one change, each second */
};

/* What keeps the server from work. */
enum ailment { AILMENT_NONE, AILMENT_HSM, AILMENT_STORE, AILMENT_UNWELL };
enum { SERVER_AILMENT_SIZE = HSM_WORDS_SIZE };

/* Runs in memory, by id (run/index.c). Under server->lock. */
enum { RUN_BUCKETS = 256 };
struct run_index {
    struct run *by_id[RUN_BUCKETS];
    unsigned count;
};

/* A certificate that ends soon, or has ended (run/expiry.h). */
enum { SERVER_EXPIRING_MAX = 100 };
struct server_expiring {
    char kind[16]; /* "root", "issuing", "web server", "station", "operator", "auditor" */
    char name[65]; /* of a principal; or "" */
    int64_t not_after;
};

struct server {
    const struct config *config;
    ProtobufCService *const *services; /* all that it serves, NULL-terminated */
    struct unit_limits limits;         /* from its policy */
    struct uses *uses;                 /* of the HSM's keys, and what of it the log tells */
    struct hsm *hsm;
    struct store *store;
    struct tlog *log;
    struct tlog_anchor_found anchor; /* when the log was opened; its note is not kept */
    struct ca *_Atomic ca; /* NULL until arrow 2 is done; replaced by server_renew() */
    struct ca *old_ca[SERVER_RENEWALS_MAX]; /* borrowed by open calls: freed at the end */
    unsigned renewals;
    struct work *work;
    struct work *streams;  /* threads that streaming calls may hold */
    struct meter received; /* bytes of all principals' calls that are not served yet */
    struct meter early;    /* bytes of streams on all connections that are not admitted yet */
    struct meter unsent;   /* bytes of answers of all that are not read yet */
    atomic_bool stopping;  /* streaming calls end */

    pthread_mutex_t lock; /* protects runs, sessions and clients */
    struct run_index runs;
    struct session *sessions;
    struct client *clients;
    unsigned session_count;
    unsigned open_runs;    /* made, and not freed yet */
    enum ailment ailment;  /* as server_watch() last saw */
    uint64_t tried_ms;     /* when the keys were tried last; main's */
    atomic_bool seeking;   /* a worker looks after the HSM */
    atomic_bool sweeping;  /* a worker looks for expired runs and alarms */
    atomic_bool anchoring; /* a worker writes the anchor */
    uint64_t anchored_ms;  /* when it last began to */
    uint64_t alarmed_ms;   /* when it last looked for units without a lock statement */
    uint64_t expiring_ms;  /* the same, for certificates that end; the sweep's */
    struct server_expiring expiring[SERVER_EXPIRING_MAX]; /* the soonest; under lock, with */
    unsigned expiring_kept, expiring_count;               /* those here, and all there are */
    atomic_ullong changes; /* store_do() calls that became durable: for Health */
};

/* --- Parts that are there once oemctl init has made them (parts.c).
 * ---------------------------
 */

/* Once arrow 2 is done, no key of the CA's may be missing, and none is made anew: from then on
 * one that is missing is ERR_HSM. */
enum err server_keys_expect(struct server *server);
/* Once the log's key exists. ERR_VERIFY: the store is not what its anchor says was published;
 * the messages say what was found and name the command that adopts it (anchor.c). */
enum err server_log_open(struct server *server);
/* The same, whatever the anchor says: server->anchor has it. */
enum err server_log_adopt(struct server *server);
/* Writes the anchor if it is to begin, and records it in the store. ERR_UNAVAILABLE: not
 * written (tests/e2e/anchor). */
enum err server_anchor_begin(struct server *server);
/* Called about once a second by the main thread: lets a worker put a checkpoint into the anchor
 * if entries wait for it. Does not wait. */
void server_anchor_watch(struct server *server);
/* Inside a change that begins a board: ERR_UNAVAILABLE if the anchor has not been written for
 * longer than the configuration allows (tests/e2e/anchor). */
enum err server_anchor_check(struct server *server, struct store_tx *tx);
/* The certificates of arrow 2: ERR_NOT_FOUND if there are none, ERR_DATA_LOSS if the store has
 * lost or changed one. */
enum err server_ca_open(struct server *server);
/* The CA with these certificates from now on; what calls under way were lent stays. */
enum err server_ca_use(struct server *server, const struct ca_certificates *certificates);

/* Does it work? words, for people: why not; "": it does. The HSM is unresponsive, the store
 * takes no changes, or its disk does not return (tests/e2e/disk). Does not wait. */
enum ailment server_ails(struct server *server, char words[static SERVER_AILMENT_SIZE]);

enum { SERVER_CHANGE_MS = 10000 }; /* what a change of the server's own waits for its turn */

/* store_do(), counted for Health. deadline_ms 0: SERVER_CHANGE_MS from now. */
enum err server_do(struct server *server, store_fn *fn, void *context, uint64_t deadline_ms);

/* --- Clients and their connections. --------------------------------------------------------
 */

/* A connected principal, with its shares and budget. Reference-counted by its connections, and
 * kept after the last one until its refusals are entered and its token bucket is full again.
 * All peers that are no principal, and those whose handshake fails, share the client "". */
struct client {
    struct client *next;
    struct server *server;
    unsigned refs, connections;    /* under server->lock; a connection is a reference, too */
    struct share *calls, *streams; /* of server->work and server->streams */
    struct meter unsent;           /* bytes of answers, of all its connections */
    struct meter received;         /* bytes that are not served yet, of all its connections */
    struct meter early;            /* bytes of streams on those that are not admitted yet */
    unsigned runs;                 /* under server->lock, like what follows */
    struct budget_bucket opens;    /* calls of Runs.Open */
    struct budget_bucket closings; /* calls of Runs.Commit, Booted, Locked, Sealed */
    struct budget_bucket refusals; /* token bucket of entries that cost it nothing */
    unsigned left_out; /* refusals that have no entry; error and message of the last */
    enum err left_err;
    char left_words[160];
    char uri[sizeof(((struct auth_principal *)0)->uri)];
};
/* Finds or makes the client of that URI, for one connection; given back with client_leave().
 * ERR_EXHAUSTED: it has its number of connections. Any thread, as all functions of a client. */
enum err client_enter(struct server *server, const char *uri, struct client **client_out);
void client_leave(struct client **client);
/* The same without a connection, for what is refused before there is one; given back with
 * client_drop(). ERR_MEMORY. */
enum err client_find(struct server *server, const char *uri, struct client **client_out);
void client_drop(struct client **client);
enum err client_check(struct client *client); /* ERR_EXHAUSTED: it must read answers first */
/* Charges the bytes that a call holds until it is done; they are given back with meter_give()
 * on client->received. ERR_EXHAUSTED: the call is to be refused. */
enum err client_receive(struct client *client, size_t bytes);
/* Charges one run: ERR_EXHAUSTED if the principal, or all together, have their number. Given
 * back with client_run_gone(). */
enum err client_run_new(struct client *client);
void client_run_gone(struct client *client);
/* Charges a call that reports on a unit by its UID, and so is of no run. ERR_EXHAUSTED: too
 * many of them. */
enum err client_closing_new(struct client *client);
/* true if the rate limit allows an entry that the principal can cause at no cost. If not, a
 * refusal has no entry of its own: client_leave_out() counts it. */
bool client_may_enter(struct client *client);
void client_leave_out(struct client *client, enum err e, const char *words);
/* clients_watch(), once a second: lets a worker enter what was left out, as the rate limits
 * allow, and forgets clients that are gone. clients_append(): enters it now; all: without
 * regard to the rate limits, at the end. */
void clients_watch(struct server *server);
void clients_append(struct server *server, bool all);
void clients_free(struct server *server);

/* One connection of a principal. Made by net, which drops it when the connection is closed. */
struct session {
    struct session *next;
    atomic_uint refs; /* net's, and one for each queued call */
    struct server *server;
    struct wss_conn *conn;
    struct auth_principal principal;
    struct client *client;
    struct strand *strand;
    atomic_bool admitted;
    atomic_bool
        ending;       /* its principal was revoked: queued calls are refused, and do not run */
    bool gone;        /* under server->lock */
    struct job *jobs; /* net's list of its calls that are not answered yet */
    enum err refused; /* of admission, once it is done: why its calls are refused */
    enum err unknown; /* why the certificate names no principal, with */
    char words[FAIL_WORDS_MAX];
};

/* On the I/O thread: makes and lists a session. session_admit() decides whether it may stay.
 * *session_out is the caller's, for run_session_closed(). */
enum err session_open(struct server *server, struct wss_conn *conn, X509 *certificate,
                      struct session **session_out);

/* Checks that the certificate names a principal, is registered and not revoked; sets admitted.
 * On the session's strand, before its first call. ERR_UNAUTHENTICATED with a message for the
 * close frame; the refusal is logged (tests/e2e/refusals/tls). */
enum err session_admit(struct session *session);
/* Inside a change or a read: is it registered with that certificate, and not revoked?
 * ERR_REVOKED, ERR_UNAUTHENTICATED. The server itself is. */
enum err principal_check(struct store_tx *tx, const struct auth_principal *principal);
struct session *session_keep(struct session *session);
void session_drop(struct session **session);
/* Its connection is gone: no run is listed for it any more. Its runs are ended by
 * run_session_closed(). */
void session_gone(struct session *session);
unsigned session_count_of(struct server *server, const char *uri);

/* Closes all connections of that principal with 1008; their queued calls do not run. Any
 * thread. */
void session_close_all_of(struct server *server, const char *uri, const char *reason);

/* true: e is that of a failure inside the server. */
bool peer_is_hidden(enum err e);
/* The message for a peer: of failures inside the server (its files, its HSM) it says only that
 * there was one; the log has all of it (test_call_words). */
const char *peer_words(enum err e, const char *words);
/* The code for a peer: ERR_UNAVAILABLE if the server's machine failed (memory, files). */
enum err peer_err(enum err e);

/* Writes one event in a change of its own; index_out may be NULL. Any thread; waits for the
 * store. ERR_PRECONDITION: there is no log yet. */
enum err event_write(struct server *server, const struct event *event, uint64_t *index_out);
enum err event_simple(struct server *server, const char *kind, const char *actor,
                      const char *peer, enum err e, const char *words);
