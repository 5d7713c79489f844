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

#include "oem-server/run/run.h"

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
    /* It performs what was asked for before, in the change of the approving call; or NULL. Its
     * principal is the requester. perform.h */
    struct approving *approving;
    bool entered;          /* its function has appended the call's entries */
    uint64_t pending;      /* number of the request that it became: it was not done. 0: none */
    int64_t pending_until; /* microseconds since 1970 */
    char *revoked; /* the URI that Registry.Revoke named: its connections close after the change
                    */
    struct run
        *routed; /* the run on whose strand the call is, by its metadata; borrowed; or NULL */
    struct run *run;            /* kept; NULL if the call is not of a run */
    const struct flow_row *row; /* NULL if it is no arrow */
    struct event event;         /* filled while the call is processed */
    uint64_t started_us;        /* of clock_us() */
    uint64_t log_index;         /* of that event, once it is logged */
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

/* Inside a read or a change: will call_change() enter this act as a request for a second
 * operator's approval? Then a handler leaves out its slow part, whose result would be thrown
 * away: it is done when the act is approved (test_call_approvals: nothing_is_signed_alone). */
enum err call_waits(struct store_tx *tx, const struct call *call, bool *waits_out);

/* Processes one call, on its strand; fills response (status, message, payload), which borrows
 * from call. The caller then sends it and calls call_end(). */
void call_serve(struct call *call, Hallmark__V1__FrameResponse *response);
/* The same in two steps, for a call of a station's: what it reported (call_reported()) may have
 * made one of the server's own arrows the next, which goes between the two. */
void call_admit(struct call *call);
bool call_reported(const struct call *call);
void call_finish(struct call *call, Hallmark__V1__FrameResponse *response);
void call_end(struct call *call);

/* Adds a message of a call that takes a stream, in order, to the digest of its request. */
void call_received(struct call *call, struct span message);
