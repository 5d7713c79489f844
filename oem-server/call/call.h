/* SPDX-License-Identifier: MIT */
/*
 * call: the structures of the server, and the one pipeline of all calls; a file per service is
 * in api/, the runs are in run/ and engine/.
 *
 * A call comes from a connection (net), from the server itself for o -> o arrows, or from
 * oemctl init in memory; all take the same path (call.c). Its handler does the slow part first
 * (HSM, CA, signatures), then gives one change to call_change(): it checks the principal, looks
 * up the stored answer, renews the run's lease, runs the handler's function, and adds the log
 * entry and the answer, all in one store_do() (settle.c; test_call_race, test_api_operator).
 * Reads go through call_read(). The memory of a run is changed, stations are called and
 * connections closed after the change is durable.
 *
 * Used by net and main, and by init.c for oemctl init.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "common/flow/flow.h"
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
    SERVER_SLOW_MS = 1000,  /* a thread that runs one call for longer is replaced by another */
    SERVER_HUNG_MS = 5000,  /* a call that is longer in the HSM's module is unresponsive */
    SERVER_LOST_MS = 60000, /* after a token is missing for this time, the process ends */
    SERVER_FLUSH_MS =
        5000, /* entries that have waited longer for their run's next change are written */
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
    struct unit_limits limits; /* from its policy */
    struct uses *uses;         /* counts of the HSM's keys, and what the log says of them */
    struct hsm *hsm;
    struct store *store;
    struct tlog *log;
    struct ca *_Atomic ca; /* NULL until arrow 2 is done; replaced by server_renew() */
    struct ca *old_ca[SERVER_RENEWALS_MAX]; /* borrowed by open calls: freed at the end */
    unsigned renewals;
    struct work *work;
    struct work *streams;  /* threads that streaming calls may hold */
    struct meter received; /* bytes of all principals' calls that are not served yet */
    atomic_bool stopping;  /* streaming calls end */

    pthread_mutex_t lock; /* protects runs, sessions and callers */
    struct run_index runs;
    struct session *sessions;
    struct caller *callers;
    unsigned session_count;
    unsigned open_runs;    /* made, and not freed yet */
    unsigned hung;         /* calls in the HSM's module, as server_watch() last saw */
    atomic_bool seeking;   /* a worker looks for a missing token */
    atomic_bool sweeping;  /* a worker looks for expired runs and alarms */
    atomic_llong last_us;  /* when the log's last entry was made before this start; 0: none */
    uint64_t alarmed_ms;   /* when it last looked for units without a lock statement */
    atomic_ullong changes; /* store_do() calls that became durable: for Health */
};

/* Opens uses, HSM, store and pools, without log and CA. *server_out is the caller's, for
 * server_close(), when no call runs any more. ERR_CONFIG, ERR_HSM, ERR_PIN, ERR_BUSY (another
 * process has the store), ERR_DATA_LOSS. */
enum err server_open(const struct config *config, struct server **server_out);
void server_close(struct server *server);

enum err server_log_open(struct server *server); /* once the log's key exists */

/* Before serving: opens the log and the CA that oemctl init made, compares the newest entries
 * of the log with the store (ERR_DATA_LOSS names row and field), and ends runs that the last
 * process left. ERR_PRECONDITION: oemctl init has not run. */
enum err server_resume(struct server *server);
/* A new WebServer certificate for the same key, with the names of the configuration; logged.
 * Open runs keep the certificate that they began with. The caller then calls net_renew(). On a
 * worker. */
enum err server_renew(struct server *server);
/* Called about once a second by the main thread: replaces blocked threads, and lets a worker
 * end expired runs and enter alarms. Does not wait. true: words, for the service manager, have
 * changed; "" means that all is well. */
bool server_watch(struct server *server, char words[static HSM_HUNG_WORDS]);
/* Called once a second by the main thread: whether the server may continue. ERR_UNAVAILABLE: a
 * token of the HSM has been missing for SERVER_LOST_MS, and a new process may find it
 * (tests/e2e/slow/token). ERR_DATA_LOSS: the event log has stopped, so no change can be
 * entered. */
enum err server_check(struct server *server);
void server_drain(struct server *server);    /* no new work; queued jobs are done */
enum err server_stop(struct server *server); /* the log's last entry, and a checkpoint of it */

/* A connected principal, with its shares and budget. Reference-counted by its connections, and
 * kept after the last one until its refusals are entered and its token bucket is full again.
 * All peers that are no principal share the caller "". */
struct caller {
    struct caller *next;
    struct server *server;
    unsigned connections;          /* under server->lock */
    struct share *calls, *streams; /* of server->work and server->streams */
    atomic_size_t unsent;          /* bytes of answers, of all its connections */
    struct meter received;         /* bytes that are not served yet, of all its connections */
    unsigned runs;                 /* under server->lock, like what follows */
    struct budget_bucket opens;    /* calls of Runs.Open */
    struct budget_bucket refusals; /* token bucket of entries that cost it nothing */
    unsigned left_out; /* refusals that have no entry; error and message of the last */
    enum err left_err;
    char left_words[160];
    char uri[sizeof(((struct auth_principal *)0)->uri)];
};
/* Finds or makes the caller of that URI, for one connection; given back with caller_leave().
 * ERR_EXHAUSTED: it has its number of connections. Any thread, as all functions of a caller. */
enum err caller_enter(struct server *server, const char *uri, struct caller **caller_out);
void caller_leave(struct caller **caller);
enum err caller_check(struct caller *caller); /* ERR_EXHAUSTED: it must read answers first */
/* Charges the bytes that a call holds until it is done; they are given back with meter_give()
 * on caller->received. ERR_EXHAUSTED: the call is to be refused. */
enum err caller_receive(struct caller *caller, size_t bytes);
/* Charges one run: ERR_EXHAUSTED if the principal, or all together, have their number. Given
 * back with caller_run_gone(). */
enum err caller_run_new(struct caller *caller);
void caller_run_gone(struct caller *caller);
/* true if the rate limit allows an entry that the principal can cause at no cost. If not, a
 * refusal has no entry of its own: caller_leave_out() counts it. */
bool caller_may_enter(struct caller *caller);
void caller_leave_out(struct caller *caller, enum err e, const char *words);
/* callers_watch(), once a second: lets a worker enter what was left out, as the rate limits
 * allow, and forgets callers that are gone. callers_tell(): enters it now; all: without regard
 * to the rate limits, at the end. */
void callers_watch(struct server *server);
void callers_tell(struct server *server, bool all);
void callers_free(struct server *server);

/* One connection of a principal. Made by net, which drops it when the connection is closed. */
struct session {
    struct session *next;
    atomic_uint refs; /* net's, and one for each queued call */
    struct server *server;
    struct wss_conn *conn;
    struct auth_principal principal;
    struct caller *caller;
    struct strand *strand;
    atomic_bool admitted;
    atomic_bool
        ending;       /* its principal was revoked: queued calls are refused, and do not run */
    bool gone;        /* under server->lock */
    struct job *jobs; /* net's list of its calls that are not answered yet */
    enum err unknown; /* why the certificate names no principal, with */
    char words[FAIL_WORDS_MAX];
};

/* On the I/O thread: makes and lists a session. session_admit() decides whether it may stay.
 * *session_out is the caller's, for session_closed(). */
enum err session_open(struct server *server, struct wss_conn *conn, X509 *certificate,
                      struct session **session_out);

/* Checks that the certificate names a principal, is registered and not revoked; sets admitted.
 * On the session's strand, before its first call. ERR_UNAUTHENTICATED with a message for the
 * close frame; the refusal is logged (tests/e2e/refusals/tls). */
enum err session_admit(struct session *session);
struct session *session_keep(struct session *session);
void session_drop(struct session **session);
void session_closed(struct session *session); /* ends its runs; drops net's reference */
unsigned session_count_of(struct server *server, const char *uri);

/* Closes all connections of that principal with 1008; their queued calls do not run. Any
 * thread. */
void session_close_all_of(struct server *server, const char *uri, const char *reason);

/* One call. rpc.user points back here. Used on its strand only. */
struct call {
    struct rpc_call rpc;
    struct server *server;
    const struct auth_principal *principal;
    struct session *session; /* NULL for the server itself; borrowed for the call */
    const char *peer;        /* address, "" for the server itself */
    const struct auth_method *method;
    struct run *opened;            /* by Runs.Open: listed once its change is durable */
    uint8_t received[SHA256_SIZE]; /* over the messages of a stream, by call_received() */
    bool replayed;                 /* made before with the same idempotency key; its answer: */
    struct buf stored;
    bool settled;    /* its change is durable */
    bool run_lost;   /* its run is not the unit's holder any more */
    bool must_enter; /* its refusal has an entry regardless of the rate limit */
    char *revoked; /* the URI that Registry.Revoke named: its connections close after the change
                    */
    struct run
        *routed; /* the run on whose strand the call is, by its metadata; borrowed; or NULL */
    struct run *run;            /* kept; NULL if the call is not of a run */
    const struct flow_row *row; /* NULL if it is no arrow */
    struct event event;         /* filled while the call is processed */
    uint64_t started_us;
    uint64_t log_index; /* of that event, once it is logged */
    bool logged;
};

/* The call that rpc belongs to. */
struct call *call_of(struct rpc_call *rpc);

/*
 * The change of a call, made once, when its slow part is done: see the top of this file. fn
 * (NULL: only the entry) runs inside store_do(), may run twice, and fills answer, the handler's
 * response, from the call's arena. ERR_OK: durable, unless call->replayed is set: then nothing
 * was done, and the client gets the stored answer. ERR_REVOKED, ERR_UNAUTHENTICATED: the
 * principal may not act any more (or, for an arrow of the server's own, the run's station);
 * ERR_ABORTED: the run has ended.
 */
enum err call_change(struct call *call, store_fn *fn, void *context,
                     const ProtobufCMessage *answer);
/* An earlier change of the same call, with an entry of kind "claim" and no answer. */
enum err call_claim(struct call *call, store_fn *fn, void *context);
/* A read, after a check that the principal is registered and not revoked. fn as for
 * store_read(). */
enum err call_read(struct call *call, store_fn *fn, void *context);

/* Processes one call, on its strand; fills response (status, message, payload), which borrows
 * from call. The caller then sends it and calls call_end(). */
void call_serve(struct call *call, Hallmark__V1__FrameResponse *response);
void call_end(struct call *call);

/* Adds a message of a call that takes a stream, in order, to the digest of its request. */
void call_received(struct call *call, struct span message);

/* The message for a peer: of failures inside the server (its files, its HSM) it says only that
 * there was one; the log has all of it (test_call_words). */
const char *svc_words(enum err e, const char *words);

/* All services of the server, NULL-terminated. */
ProtobufCService *const *svc_services(void);

/* A run, for the connection's code: run_find() gives a reference, for run_drop(); the run is
 * used on its strand only. */
struct run *run_find(struct server *server, const uint8_t id[static RUN_ID_SIZE]); /* or NULL */
void run_drop(struct run **run);
struct strand *run_strand(struct run *run);
/* Performs the server's own arrows (o -> o) that are next. Called before the answer to the call
 * that led to them is sent, so that it leaves when they are durable. */
void run_advance_own(struct run *run);
void run_advance(
    struct run *run); /* all of the server's arrows, until it is another side's turn */
void run_start(struct run *run); /* the same for a new run, from any thread: on its strand */

/* Writes one event in a change of its own; index_out may be NULL. Any thread; waits for the
 * store. ERR_PRECONDITION: there is no log yet. */
enum err event_write(struct server *server, const struct event *event, uint64_t *index_out);
enum err event_simple(struct server *server, const char *kind, const char *actor,
                      const char *peer, enum err e, const char *words);
