/* SPDX-License-Identifier: MIT */
/*
 * gate: acts that need a second operator. For call/ only.
 *
 * Under [policy] two_person = yes an operator's call whose row of the method table names a
 * predicate that its request fulfils is not done: its change enters it, to the byte, as a
 * request (store/approval.h), and the caller gets ERR_PENDING with its number. approve.h does
 * it when another operator approves it.
 */
#pragma once

#include "oem-server/call/call.h"
#include "oem-server/store/approval.h"

/* Must this call's act wait, if it changes something? While its handler runs. */
bool gate_applies(const struct call *call);

/* Inside the change: enters it as a request and sets call->pending. asked_out false: it is done
 * alone (the first operator adds the second). An act that was approved already under this call
 * key: call->replayed and stored are its answer. */
enum err gate_ask(struct store_tx *tx, struct call *call, bool *asked_out);

/* Inside the change that performs it: is what it was asked for still what it was then, a unit
 * in the same generation and state? ERR_PRECONDITION: no. call: the requester's. */
enum err gate_check_subject(struct store_tx *tx, const struct call *call,
                            const struct store_approval *asked);

/* ERR_PENDING with a message. */
enum err gate_pending(struct call *call);
