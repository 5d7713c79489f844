/* SPDX-License-Identifier: MIT */
/*
 * svc: what the server does: one pipeline for every call, a file per service, and the runs.
 *
 * A call comes from a connection (net), from the server itself for o -> o arrows, or from
 * oemctl init in memory; all take the same way (call.c). Its handler does the slow part first
 * (HSM, CA, signatures), then gives one change to call_change(): the principal is asked for,
 * the stored answer looked up, the run's lease renewed, the handler's function run, and the log
 * entry and the answer added, all in one store_do() (settle.c). Reads go through call_read().
 * The memory of a run, pushes to stations and closing of connections follow when the change is
 * durable.
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
    SERVER_SLOW_MS = 1000, /* a thread that is so long at one call has another put beside it, */
    SERVER_HUNG_MS = 5000, /* and a call so long in the HSM's module counts as unresponsive */
    SERVER_LOST_MS = 60000, /* a token of the HSM that is away so long is for a new process */
    SERVER_FLUSH_MS =
        5000, /* entries that wait so long for their run's next change are written */
    SERVER_ALARM_MS = 60000, /* how often units without a lock statement are looked for */
};

/* Runs in memory, by id and by UID (run_index.c). Under server->lock. */
enum { RUN_BUCKETS = 256 };
struct run_index {
    struct run *by_id[RUN_BUCKETS];
    struct run *by_uid[RUN_BUCKETS];
    unsigned count;
};

struct server {
    const struct config *config;
    struct unit_limits limits; /* from its policy */
    struct uses *uses;         /* of the HSM's keys, and what of it the log tells */
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
    uint64_t alarmed_ms;   /* when it last looked for units without a lock statement */
    atomic_ullong changes; /* store_do() calls that became durable: for Health */
};

enum err server_open(const struct config *config, struct server **server_out);
void server_close(struct server *server);

enum err server_log_open(struct server *server); /* once the log's key exists */

/* Before serving: the log and the CA of oemctl init; the newest entries of the log are compared
 * with the store (ERR_DATA_LOSS names row and field); runs that the last process left end. */
enum err server_resume(struct server *server);
/* A new WebServer certificate for the same key, with the names of the configuration; logged.
 * Runs under way keep the one they began with. The listener is told by net_renew(). */
enum err server_renew(struct server *server);
/* To be called every second or so: puts threads in the place of unresponsive ones, and has a
 * worker end runs whose lease is over and enter alarms. Never waits. true: words, for the
 * service manager, have changed; "" means that all is well. */
bool server_watch(struct server *server, char words[static HSM_HUNG_WORDS]);
/* Each second: may it go on? ERR_UNAVAILABLE: a token of the HSM has been away for
 * SERVER_LOST_MS, and only a new process may find it (each second it is looked for).
 * ERR_DATA_LOSS: no change can be entered in the event log any more. */
enum err server_check(struct server *server);
void server_drain(struct server *server);    /* no new work; what is queued is done */
enum err server_stop(struct server *server); /* the log's last entry, and a checkpoint of it */

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
struct session *session_keep(struct session *session);
void session_drop(struct session **session);
void session_closed(struct session *session); /* ends its runs; drops net's reference */
unsigned session_count_of(struct server *server, const char *uri);

void session_close_all_of(struct server *server, const char *uri, const char *reason);

/* One call on its way through. rpc.user points back here. */
struct call {
    struct rpc_call rpc;
    struct server *server;
    const struct auth_principal *principal;
    struct session *session; /* NULL for the server itself; borrowed for the call */
    const char *peer;        /* address, "" for the server itself */
    const struct auth_method *method;
    struct run *opened;            /* by Runs.Open: listed once its change is durable */
    uint8_t received[SHA256_SIZE]; /* over the messages of a stream, by call_received() */
    bool replayed; /* made before with the same idempotency key; its answer is */
    struct buf stored;
    bool settled;    /* its change is durable */
    bool run_lost;   /* its run is not the unit's holder any more */
    bool must_enter; /* its refusal has an entry whatever the rate limit says */
    /* It performs what was asked for before, in the change of the approving call; or NULL. Its
     * principal is the requester. gate.h */
    struct approving *approving;
    bool entered;          /* its function has appended the call's entries */
    uint64_t pending;      /* number of the request that it became: it was not done. 0: none */
    int64_t pending_until; /* microseconds since 1970 */
    char *revoked; /* the URI that Registry.Revoke named: its connections close after the change
                    */
    struct run *routed; /* whose strand the call is on, by its metadata; borrowed; or NULL */
    struct run *run;    /* kept; NULL if the call is not of a run */
    const struct flow_row *row; /* NULL if it is no arrow */
    struct event event;         /* filled as the call goes */
    uint64_t started_us;
    uint64_t log_index; /* of that event, once it is */
    bool logged;
};

struct call *call_of(struct rpc_call *rpc);

/*
 * The change of a call, once a call, when its slow part is done: see the top of this file. fn
 * (NULL: nothing but the entry) runs inside store_do(), may run twice, and fills answer, the
 * handler's response, from the call's arena. ERR_OK: durable, unless call->replayed is set:
 * then nothing was done, and the caller gets the stored answer. ERR_REVOKED,
 * ERR_UNAUTHENTICATED: the principal (or, for an arrow of the server's own, the run's station);
 * ERR_ABORTED: the run is over.
 */
enum err call_change(struct call *call, store_fn *fn, void *context,
                     const ProtobufCMessage *answer);
/* An earlier change of the same call, with an entry of kind "claim" and no answer. */
enum err call_claim(struct call *call, store_fn *fn, void *context);
/* A read, by a principal that is still registered and not revoked. fn as store_read() has it.
 */
enum err call_read(struct call *call, store_fn *fn, void *context);

/* Take one call through; the answer is left in response (status, words, payload), whose payload
 * borrows from call. The caller of this then sends it and calls call_end(). */
void call_serve(struct call *call, Hallmark__V1__FrameResponse *response);
void call_end(struct call *call);

/* A message of a call that takes a stream, in order: for the digest of its request. */
void call_received(struct call *call, struct span message);

/* What a peer is told of e with those words of ours: of what fails inside the server (its
 * files, its HSM) no more than that it did; the log has it all. */
const char *svc_words(enum err e, const char *words);

/* NULL-terminated: all that the server serves. */
ProtobufCService *const *svc_services(void);

/* A run, for the connection's code: kept by the finder, worked on only on its strand. */
struct run *run_find(struct server *server, const uint8_t id[static RUN_ID_SIZE]); /* or NULL */
void run_drop(struct run **run);
struct strand *run_strand(struct run *run);
/* The server's own arrows that nobody else serves (o -> o). Before the answer to the call that
 * led to them is sent, so that it leaves when they are durable. */
void run_advance_own(struct run *run);
void run_advance(struct run *run); /* all of the server's arrows, until it is another's turn */
void run_start(struct run *run);   /* the same for a new run, from any thread: on its strand */

/* Write one event in a change of its own; index_out may be NULL. ERR_PRECONDITION: no log yet.
 */
enum err event_write(struct server *server, const struct event *event, uint64_t *index_out);
enum err event_simple(struct server *server, const char *kind, const char *actor,
                      const char *peer, enum err e, const char *words);
