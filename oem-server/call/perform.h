/* SPDX-License-Identifier: MIT */
/* perform: the change of an act that a second operator approves. For call/ only, but for struct
 * approving. */
#pragma once

#include "hallmark/v1/operator.pb-c.h"
#include "oem-server/call/call.h"
#include "oem-server/store/approval.h"

struct approving {
    struct call *outer; /* of the approver */
    uint64_t number;
    const char *reason;        /* the approver's */
    struct store_approval row; /* as it was read before the change */
    Hallmark__V1__ApproveResponse *out;
};

/* inner: the requester's call, with its approving; fn, context and answer are what its handler
 * gave to call_change(). */
struct performing {
    struct call *inner;
    store_fn *fn;
    void *context;
    const ProtobufCMessage *answer;
    size_t digests; /* of inner's entry before fn: those that fn adds are removed */
    bool again;     /* out: it was done before; out->response is its answer */
};

/* Inside the change of the approver's call, as its function: asks for both operators, records
 * the approval, does the act, appends an entry for each, and keeps the answer. */
enum err perform_act(struct store_tx *tx, void *performing);
