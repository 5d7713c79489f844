/* SPDX-License-Identifier: MIT */
/*
 * gate: acts that need a second operator. For call/ and api/ only.
 *
 * Under [policy] two_person = yes an operator's call whose row of the method table names a
 * predicate that its request fulfils is not done: its change enters it, to the byte, as a
 * request (store/approval.h), and the caller gets ERR_PENDING with its number. When another
 * operator approves it, the same handler runs over the stored bytes, as the requester's call
 * inside the approver's: one change asks for both operators, records the approval, does the
 * act, and appends an entry for each (tests/unit/test_call_approvals.c).
 */
#pragma once

#include "hallmark/v1/operator.pb-c.h"
#include "oem-server/call/settle.h"
#include "oem-server/store/approval.h"

/* Must this call's act wait, if it changes something? While its handler runs. */
bool gate_applies(const struct call *call);

/* Inside the change: enters it as a request and sets call->pending. asked_out false: it is done
 * alone (the first operator adds the second). An act that was approved already under this call
 * key: call->replayed and stored are its answer. */
enum err gate_ask(struct store_tx *tx, struct call *call, bool *asked_out);

/* ERR_PENDING with a message. */
enum err gate_pending(struct call *call);

/* --- Approving. --- */

struct approving {
    struct call *outer; /* of the approver */
    uint64_t number;
    const char *reason;        /* the approver's */
    struct store_approval row; /* as it was read before the change */
    Hallmark__V1__ApproveResponse *out;
};

/* Runs the request's handler: its slow part now, its change in that of outer. */
enum err gate_approve(struct approving *approving);
/* call_change() of a call that is performed by gate_approve(). */
enum err gate_perform(struct call *inner, store_fn *fn, void *context,
                      const ProtobufCMessage *answer);

/* Who is asked to be registered and not revoked when the call reads: the approver of a call
 * that is performed. */
const struct auth_principal *gate_actor(const struct call *call);
