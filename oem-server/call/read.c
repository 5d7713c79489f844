/* SPDX-License-Identifier: MIT */
/*
 * read: the reads of a call, each in a transaction that first asks for its principal. Handlers
 * call it on the call's thread.
 */
#include "oem-server/call/gate.h"
#include "oem-server/call/settle.h"

struct reading {
    struct call *call;
    store_fn *fn;
    void *context;
};

static enum err read_as(struct store_tx *tx, void *context)
{
    struct reading *r = context;
    TRY(principal_check(tx, gate_actor(r->call)));
    return r->fn(tx, r->context);
}

enum err call_read(struct call *call, store_fn *fn, void *context)
{
    struct reading r = { call, fn, context };
    TRY(rpc_check(&call->rpc));
    return store_read(call->server->store, read_as, &r, call->rpc.deadline_ms);
}
