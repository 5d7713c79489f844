/* SPDX-License-Identifier: MIT */
/*
 * perform: see perform.h. Called by settle.c inside the approving call's change. The act must
 * be done once, and never without both operators.
 */
#include "oem-server/call/perform.h"

#include "common/host/log.h"
#include "common/host/p256.h"
#include "oem-server/call/gate.h"

/* The approval comes before the act in the log; both name the two persons and the request. */
static enum err enter_approval(struct store_tx *tx, const struct performing *p)
{
    struct call *outer = p->inner->approving->outer;
    static char kind[] = "approval";
    Hallmark__V1__Event event = outer->event.pb;
    event.kind = kind;
    return tlog_append(outer->server->log, tx, &event, NULL);
}

static enum err enter_act(struct store_tx *tx, const struct performing *p, struct span response)
{
    struct call *inner = p->inner, *outer = inner->approving->outer;
    uint8_t digest[SHA256_SIZE];
    sha256_of(response, digest);
    event_bytes(&inner->event, EVENT_RESPONSE_SHA256, SPAN(digest));
    TRY(tlog_append(outer->server->log, tx, &inner->event.pb, &outer->log_index));
    outer->entered = true;
    return ERR_OK;
}

static enum err act(struct store_tx *tx, const struct performing *p)
{
    struct approving *a = p->inner->approving;
    AUTO(buf_free) struct buf response = { 0 };
    TRY(enter_approval(tx, p));
    if (p->fn != NULL)
        TRY(p->fn(tx, p->context));
    TRY(rpc_pack(p->answer, &response));
    TRY(enter_act(tx, p, buf_span(&response)));
    TRY(store_approval_answer_put(tx, a->number, buf_span(&response)));
    return rpc_bytes(&a->outer->rpc, &a->out->response, buf_span(&response));
}

enum err perform_act(struct store_tx *tx, void *performing)
{
    struct performing *p = performing;
    struct approving *a = p->inner->approving;
    AUTO(store_approval_free) struct store_approval row = { 0 };
    AUTO(buf_free) struct buf response = { 0 };
    event_digests_undo(&p->inner->event, p->digests);
    TRY(store_approval_decide(tx, a->number, APPROVAL_APPROVED, a->outer->principal->name,
                              a->reason, &row, &p->again));
    if (!p->again) {
        TRY(gate_check_subject(tx, p->inner, &row));
        return act(tx, p);
    }
    TRY(store_approval_answer_get(tx, a->number, &response));
    return rpc_bytes(&a->outer->rpc, &a->out->response, buf_span(&response));
}
