/* SPDX-License-Identifier: MIT */
/*
 * read: the reads of a call, each in a transaction that first asks for its principal. Handlers
 * call it on the call's thread.
 */
#include "common/host/log.h"
#include "oem-server/call/perform.h"

struct reading {
    struct call *call;
    store_fn *fn;
    void *context;
};

/* Who must be registered and not revoked: of a call that is performed, the approver. */
static const struct auth_principal *actor_of(const struct call *call)
{
    return call->approving != NULL ? call->approving->outer->principal : call->principal;
}

static enum err read_as(struct store_tx *tx, void *context)
{
    struct reading *r = context;
    TRY(principal_check(tx, actor_of(r->call)));
    return r->fn(tx, r->context);
}

enum err call_read(struct call *call, store_fn *fn, void *context)
{
    struct reading r = { call, fn, context };
    TRY(rpc_check(&call->rpc));
    return store_read(call->server->store, read_as, &r, call->rpc.deadline_ms);
}
