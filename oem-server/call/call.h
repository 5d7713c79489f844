/* SPDX-License-Identifier: MIT */
/*
 * call: the one way of every call: admitted, dispatched to its handler, settled, answered.
 *
 * A call comes from a connection (net), from the server itself for o -> o arrows (engine), or
 * from oemctl init in memory. Its handler (api) does the slow part first (HSM, CA, signatures),
 * then gives one change to call_change(): the principal is asked for, the stored answer looked
 * up, the run's lease renewed, the handler's function run, and the log entry and the answer
 * added, all in one store_do() (settle.c). Reads go through call_read(). The memory of a run,
 * pushes to stations and closing of connections follow when the change is durable.
 */
#pragma once

#include "oem-server/run/run.h"

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
 * borrows from call. It is then sent, and call_end() called. */
void call_serve(struct call *call, Hallmark__V1__FrameResponse *response);
/* The same in two steps, for a call of a station's: what it reported (call_reported()) may have
 * made one of the server's own arrows the next, which goes between the two. */
void call_admit(struct call *call);
bool call_reported(const struct call *call);
void call_finish(struct call *call, Hallmark__V1__FrameResponse *response);
void call_end(struct call *call);

/* A message of a call that takes a stream, in order: for the digest of its request. */
void call_received(struct call *call, struct span message);
