/* SPDX-License-Identifier: MIT */
/*
 * Approvals: operators see what waits for a second one of them, and decide. What becomes of an
 * approved act is call/approve.c's; each decision names both persons in its entry.
 */
#include <inttypes.h>
#include <string.h>

#include "common/host/log.h"
#include "oem-server/api/services.h"
#include "oem-server/call/approve.h"
#include "oem-server/call/message.h"

/* --- Reading. ----------------------------------------------------------------------------- */

static Hallmark__V1__ApprovalState state_of(const struct store_approval *a)
{
    static const Hallmark__V1__ApprovalState states[] = {
        [APPROVAL_PENDING] = HALLMARK__V1__APPROVAL_STATE__APPROVAL_STATE_PENDING,
        [APPROVAL_APPROVED] = HALLMARK__V1__APPROVAL_STATE__APPROVAL_STATE_APPROVED,
        [APPROVAL_REJECTED] = HALLMARK__V1__APPROVAL_STATE__APPROVAL_STATE_REJECTED,
        [APPROVAL_WITHDRAWN] = HALLMARK__V1__APPROVAL_STATE__APPROVAL_STATE_WITHDRAWN,
        [APPROVAL_EXPIRED] = HALLMARK__V1__APPROVAL_STATE__APPROVAL_STATE_EXPIRED,
    };
    return states[a->state];
}

static enum err fill_row(struct rpc_call *rpc, const struct store_approval *a,
                         Hallmark__V1__ApprovalRow **out)
{
    Hallmark__V1__ApprovalRow *row = rpc_alloc(rpc, sizeof(*row));
    if (row == NULL)
        return fail(ERR_MEMORY, "approvals: no memory");
    hallmark__v1__approval_row__init(row);
    row->number = a->number;
    row->asked_us = (uint64_t)a->asked_us;
    row->expires_us = (uint64_t)a->expires_us;
    row->decided_us = (uint64_t)a->decided_us;
    row->state = state_of(a);
    *out = row;
    TRY(rpc_text(rpc, &row->method, a->method));
    TRY(rpc_text(rpc, &row->requester, a->requester));
    TRY(rpc_text(rpc, &row->subject, a->subject));
    TRY(rpc_text(rpc, &row->reason, a->reason));
    TRY(rpc_text(rpc, &row->decided_by, a->decided_by));
    return rpc_text(rpc, &row->decided_reason, a->decided_reason);
}

struct listing {
    struct call *call;
    const Hallmark__V1__ListApprovalsRequest *in;
    Hallmark__V1__ListApprovalsResponse *out;
};

static enum err list(struct store_tx *tx, void *context)
{
    struct listing *l = context;
    struct store_approval *approvals = NULL;
    size_t count = 0;
    bool more = false;
    TRY(store_approval_list(tx, l->in->after, l->in->all, &approvals, &count, &more));
    l->out->more = more;
    l->out->approvals = rpc_alloc(&l->call->rpc, count * sizeof(*l->out->approvals));
    enum err e = l->out->approvals == NULL ? fail(ERR_MEMORY, "approvals: no memory") : ERR_OK;
    for (size_t i = 0; i < count && e == ERR_OK; i++, l->out->n_approvals++)
        e = fill_row(&l->call->rpc, &approvals[i], &l->out->approvals[i]);
    store_approval_list_free(approvals, count);
    return e;
}

static enum err approvals_list(struct rpc_call *rpc,
                               const Hallmark__V1__ListApprovalsRequest *in,
                               Hallmark__V1__ListApprovalsResponse *out)
{
    struct listing l = { call_of(rpc), in, out };
    return call_read(l.call, list, &l);
}

struct showing {
    struct call *call;
    uint64_t number;
    Hallmark__V1__ShowApprovalResponse *out;
};

static enum err show(struct store_tx *tx, void *context)
{
    struct showing *s = context;
    AUTO(store_approval_free) struct store_approval approval = { 0 };
    TRY(store_approval_get(tx, s->number, &approval));
    TRY(rpc_bytes(&s->call->rpc, &s->out->request, buf_span(&approval.request)));
    return fill_row(&s->call->rpc, &approval, &s->out->approval);
}

static enum err approvals_show(struct rpc_call *rpc,
                               const Hallmark__V1__ShowApprovalRequest *in,
                               Hallmark__V1__ShowApprovalResponse *out)
{
    struct showing s = { call_of(rpc), in->number, out };
    return call_read(s.call, show, &s);
}

/* --- Deciding. ---------------------------------------------------------------------------- */

static enum err begin(struct call *call, uint64_t number, const char *reason, size_t min)
{
    event_text(&call->event, EVENT_REASON, reason);
    call->event.pb.approval = number;
    return message_text("reason", reason, min, STORE_REASON_MAX);
}

/* The entry says what it was about. */
static void tell_request(struct call *call, const struct store_approval *a)
{
    char words[160 + APPROVAL_METHOD_SIZE + APPROVAL_SUBJECT_SIZE];
    const char *method = strrchr(a->method, '.');
    snprintf(words, sizeof(words), "request %" PRIu64 " of operator %s: %s %s", a->number,
             a->requester, method == NULL ? a->method : method + 1, a->subject);
    event_text(&call->event, EVENT_MESSAGE, words);
}

static enum err read_request(struct store_tx *tx, void *context)
{
    struct approving *a = context;
    return store_approval_get(tx, a->number, &a->row);
}

/* It is decided already: the same approver gets the same answer, everybody else is refused. */
static enum err approve_again(struct store_tx *tx, void *context)
{
    struct approving *a = context;
    AUTO(buf_free) struct buf response = { 0 };
    bool again = false;
    TRY(store_approval_decide(tx, a->number, APPROVAL_APPROVED, a->outer->principal->name,
                              a->reason, &a->row, &again));
    if (!again)
        return fail(ERR_ABORTED, "approvals: request %" PRIu64 " changed", a->number);
    TRY(store_approval_answer_get(tx, a->number, &response));
    return rpc_bytes(&a->outer->rpc, &a->out->response, buf_span(&response));
}

static enum err approve(struct approving *a)
{
    TRY(call_read(a->outer, read_request, a));
    tell_request(a->outer, &a->row);
    TRY(rpc_text(&a->outer->rpc, &a->out->method, a->row.method));
    return a->row.state == APPROVAL_PENDING
               ? approve_request(a)
               : call_change(a->outer, approve_again, a, &a->out->base);
}

static enum err approvals_approve(struct rpc_call *rpc, const Hallmark__V1__ApproveRequest *in,
                                  Hallmark__V1__ApproveResponse *out)
{
    struct approving a = {
        .outer = call_of(rpc), .number = in->number, .reason = in->reason, .out = out
    };
    TRY(begin(a.outer, in->number, in->reason, 0));
    enum err e = approve(&a);
    store_approval_free(&a.row);
    return e;
}

struct deciding {
    struct call *call;
    uint64_t number;
    const char *reason;
    enum approval_state state;
};

static enum err decide(struct store_tx *tx, void *context)
{
    const struct deciding *d = context;
    AUTO(store_approval_free) struct store_approval row = { 0 };
    bool again = false;
    TRY(store_approval_decide(tx, d->number, d->state, d->call->principal->name, d->reason,
                              &row, &again));
    tell_request(d->call, &row);
    return ERR_OK;
}

static enum err approvals_reject(struct rpc_call *rpc,
                                 const Hallmark__V1__RejectApprovalRequest *in,
                                 Hallmark__V1__RejectApprovalResponse *out)
{
    struct deciding d = { call_of(rpc), in->number, in->reason, APPROVAL_REJECTED };
    TRY(begin(d.call, in->number, in->reason, 1));
    return call_change(d.call, decide, &d, &out->base);
}

static enum err approvals_withdraw(struct rpc_call *rpc,
                                   const Hallmark__V1__WithdrawApprovalRequest *in,
                                   Hallmark__V1__WithdrawApprovalResponse *out)
{
    struct deciding d = { call_of(rpc), in->number, in->reason, APPROVAL_WITHDRAWN };
    TRY(begin(d.call, in->number, in->reason, 1));
    return call_change(d.call, decide, &d, &out->base);
}

RPC_HANDLER(approvals, Approvals, list, List, ListApprovals)
RPC_HANDLER(approvals, Approvals, show, Show, ShowApproval)
RPC_HANDLER(approvals, Approvals, approve, Approve, Approve)
RPC_HANDLER(approvals, Approvals, reject, Reject, RejectApproval)
RPC_HANDLER(approvals, Approvals, withdraw, Withdraw, WithdrawApproval)

Hallmark__V1__Approvals_Service approvals_service = HALLMARK__V1__APPROVALS__INIT(approvals__);
