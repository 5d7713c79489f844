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
    SERVER_SLOW_MS = 1000, /* a thread that is so long at one call has another put beside it, */
    SERVER_HUNG_MS = 5000, /* and a call so long in the HSM's module counts as unresponsive */
    SERVER_LOST_MS = 60000, /* a token of the HSM that is away so long is for a new process */
    SERVER_FLUSH_MS =
        5000, /* entries that wait so long for their run's next change are written */
    SERVER_ALARM_MS = 60000, /* how often units without a lock statement are looked for */
};

/* Runs in memory, by id (run/index.c). Under server->lock. */
enum { RUN_BUCKETS = 256 };
struct run_index {
    struct run *by_id[RUN_BUCKETS];
    unsigned count;
};

struct server {
    const struct config *config;
    ProtobufCService *const *services; /* all that it serves, NULL-terminated */
    struct unit_limits limits;         /* from its policy */
    struct uses *uses;                 /* of the HSM's keys, and what of it the log tells */
    struct hsm *hsm;
    struct store *store;
    struct tlog *log;
    struct ca *_Atomic ca; /* NULL until arrow 2 is done; replaced by server_renew() */
    struct ca *old_ca[SERVER_RENEWALS_MAX]; /* lent to calls under way: freed at the end */
    unsigned renewals;
    struct work *work;
    struct work *streams;  /* threads that streaming calls may hold */
    struct meter received; /* bytes of all that have come and are not served yet */
    atomic_bool stopping;  /* streaming calls end */

    pthread_mutex_t lock; /* of runs, sessions and callers */
    struct run_index runs;
    struct session *sessions;
    struct caller *callers;
    unsigned session_count;
    unsigned open_runs;    /* made, and not freed yet */
    unsigned hung;         /* calls in the HSM's module, as server_watch() last saw */
    atomic_bool seeking;   /* a worker looks for a token that is away */
    atomic_bool sweeping;  /* a worker looks for runs and units whose time is over */
    atomic_llong last_us;  /* when the log's last entry was made before this start; 0: none */
    uint64_t alarmed_ms;   /* when it last looked for units without a lock statement */
    atomic_ullong changes; /* store_do() calls that became durable: for Health */
};

/* --- Parts that are there once oemctl init has made them (parts.c).
 * ---------------------------
 */

enum err server_log_open(struct server *server); /* once the log's key exists */
/* The certificates of arrow 2: ERR_NOT_FOUND if there are none, ERR_DATA_LOSS if the store has
 * lost or changed one. */
enum err server_ca_open(struct server *server);
/* The CA with these certificates from now on; what calls under way were lent stays. */
enum err server_ca_use(struct server *server, const struct ca_certificates *certificates);

enum { SERVER_CHANGE_MS = 10000 }; /* what a change of the server's own waits for its turn */

/* store_do(), counted for Health. deadline_ms 0: SERVER_CHANGE_MS from now. */
enum err server_do(struct server *server, store_fn *fn, void *context, uint64_t deadline_ms);

/* --- Clients and their connections. --------------------------------------------------------
 */

/* A principal that is connected, and its fair share. Counted by its connections, and kept after
 * the last one until its refusals are entered and its rate limit is whole again; a peer that is
 * no principal is the caller "". */
struct caller {
    struct caller *next;
    struct server *server;
    unsigned connections;          /* under server->lock */
    struct share *calls, *streams; /* of server->work and server->streams */
    atomic_size_t unsent;          /* bytes of answers, of all its connections */
    struct meter received;         /* bytes that are not served yet, the same */
    unsigned runs;                 /* under server->lock, like what follows */
    struct budget_bucket opens;    /* calls of Runs.Open */
    struct budget_bucket refusals; /* entries that cost it nothing */
    unsigned left_out;             /* refusals that have no entry, and of the last of them */
    enum err left_err;
    char left_words[160];
    char uri[sizeof(((struct auth_principal *)0)->uri)];
};
enum err caller_enter(struct server *server, const char *uri, struct caller **caller_out);
void caller_leave(struct caller **caller);
enum err caller_check(struct caller *caller); /* ERR_EXHAUSTED: it must read first */
/* A call has come that holds so many bytes until it is done; they go back with meter_give() on
 * caller->received. ERR_EXHAUSTED: refuse it. */
enum err caller_receive(struct caller *caller, size_t bytes);
/* A run more: ERR_EXHAUSTED if it, or all together, have as many as they may. It is given back
 * with caller_run_gone(). */
enum err caller_run_new(struct caller *caller);
void caller_run_gone(struct caller *caller);
/* May an entry be made that the principal can cause as often as it likes? If not, a refusal is
 * left out of the log. */
bool caller_may_enter(struct caller *caller);
void caller_leave_out(struct caller *caller, enum err e, const char *words);
/* Once a second: entries for what was left out, on a worker, as the rate limits allow; forgets
 * principals that are gone. And at the end, for all that is left. */
void callers_watch(struct server *server);
void callers_tell(struct server *server, bool all);
void callers_free(struct server *server);

/* One connection of a principal. net makes it, and drops it when the connection is gone. */
struct session {
    struct session *next;
    atomic_uint refs; /* net's one, and one a call that is queued */
    struct server *server;
    struct wss_conn *conn;
    struct auth_principal principal;
    struct caller *caller;
    struct strand *strand;
    atomic_bool admitted;
    atomic_bool ending; /* its principal was revoked: what is queued is refused at once */
    bool gone;          /* under server->lock */
    struct job *jobs;   /* net's: its calls that are not answered yet */
    enum err unknown;   /* why the certificate names nobody, with */
    char words[FAIL_WORDS_MAX];
};

/* On the I/O thread: makes and lists it. Who it is, and whether it may stay, session_admit()
 * says. */
enum err session_open(struct server *server, struct wss_conn *conn, X509 *certificate,
                      struct session **session_out);

/* Does the certificate name a principal, is it the registered one and not revoked? On the
 * session's strand, before its first call; sets admitted. ERR_UNAUTHENTICATED with words for
 * the close frame; the refusal is logged. */
enum err session_admit(struct session *session);
/* Inside a change or a read: is it registered with that certificate, and not revoked?
 * ERR_REVOKED, ERR_UNAUTHENTICATED. The server itself always is. */
enum err principal_check(struct store_tx *tx, const struct auth_principal *principal);
struct session *session_keep(struct session *session);
void session_drop(struct session **session);
/* Its connection is gone: no run is listed for it any more. Its runs are ended by
 * run_session_closed(). */
void session_gone(struct session *session);
unsigned session_count_of(struct server *server, const char *uri);

void session_close_all_of(struct server *server, const char *uri, const char *reason);

/* What a peer is told of e with those words of ours: of what fails inside the server (its
 * files, its HSM) no more than that it did; the log has it all. */
const char *peer_words(enum err e, const char *words);

/* Write one event in a change of its own; index_out may be NULL. ERR_PRECONDITION: no log yet.
 */
enum err event_write(struct server *server, const struct event *event, uint64_t *index_out);
enum err event_simple(struct server *server, const char *kind, const char *actor,
                      const char *peer, enum err e, const char *words);
