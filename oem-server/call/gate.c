/* SPDX-License-Identifier: MIT */
/*
 * gate: see gate.h. settle.c asks it for each call that changes something. What is entered must
 * be the bytes that the operator sent and nothing else: they are what is approved.
 */
#include "oem-server/call/gate.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/host/hex.h"
#include "common/host/log.h"
#include "hallmark/v1/operator.pb-c.h"

#define HOUR_S  3600u
#define US_OF_S INT64_C(1000000)

/* --- Which acts. -------------------------------------------------------------------------- */

static bool is_always(const ProtobufCMessage *request)
{
    (void)request;
    return true;
}

static bool is_at_production(const ProtobufCMessage *request)
{
    const Hallmark__V1__CreateOrderRequest *in = (const void *)request;
    return in->order != NULL &&
           in->order->lock_level == HALLMARK__V1__LOCK_LEVEL__LOCK_LEVEL_PRODUCTION;
}

/* Of any request with a field "role". */
static bool is_of_operator(const ProtobufCMessage *request)
{
    const ProtobufCFieldDescriptor *field =
        protobuf_c_message_descriptor_get_field_by_name(request->descriptor, "role");
    int role = 0;
    if (field == NULL || field->type != PROTOBUF_C_TYPE_ENUM)
        return true; /* the row fits no request: two are needed */
    memcpy(&role, (const uint8_t *)request + field->offset, sizeof(role));
    return role == HALLMARK__V1__ROLE__ROLE_OPERATOR;
}

static const struct gate {
    bool (*applies)(const ProtobufCMessage *request); /* NULL: to none */
    bool first_alone; /* not while only one operator was ever registered */
} gates[] = {
    [AUTH_ALONE] = { NULL, false },
    [AUTH_SECOND] = { is_always, false },
    [AUTH_SECOND_PRODUCTION] = { is_at_production, false },
    [AUTH_SECOND_OPERATOR] = { is_of_operator, false },
    [AUTH_SECOND_NEW_OPERATOR] = { is_of_operator, true },
};

static const struct gate *gate_of(const struct call *call)
{
    return &gates[call->method->second];
}

bool gate_applies(const struct call *call)
{
    const struct gate *gate = gate_of(call);
    return call->server->config->policy.two_person && call->principal->role != AUTH_STATION &&
           gate->applies != NULL && call->rpc.request != NULL &&
           gate->applies(call->rpc.request);
}

/* --- Asking. ------------------------------------------------------------------------------ */

static enum err say_unit(struct store_tx *tx, const uint8_t uid[static UID_SIZE],
                         char subject[static APPROVAL_SUBJECT_SIZE])
{
    char hex[2 * UID_SIZE + 1];
    struct unit unit = { 0 };
    enum err found = unit_get(tx, uid, &unit);
    if (found != ERR_OK && found != ERR_NOT_FOUND)
        return found;
    snprintf(subject, APPROVAL_SUBJECT_SIZE, "unit %s, generation %u, %s",
             hex_of(span_of(uid, UID_SIZE), hex), unit.gen, unit_state_name(unit.state));
    return ERR_OK;
}

/* Of the entry's fields, which the handler has filled. */
static enum err say_subject(struct store_tx *tx, const struct event *event,
                            char subject[static APPROVAL_SUBJECT_SIZE])
{
    if (event->pb.uid.len == UID_SIZE)
        return say_unit(tx, event->pb.uid.data, subject);
    if (event->pb.order[0] != '\0')
        snprintf(subject, APPROVAL_SUBJECT_SIZE, "order %s", event->pb.order);
    else
        snprintf(subject, APPROVAL_SUBJECT_SIZE, "%.128s", event->pb.message);
    return ERR_OK;
}

enum err gate_check_subject(struct store_tx *tx, const struct call *call,
                            const struct store_approval *asked)
{
    char now[APPROVAL_SUBJECT_SIZE];
    TRY(say_subject(tx, &call->event, now));
    return strcmp(now, asked->subject) == 0
               ? ERR_OK
               : fail_quiet(ERR_PRECONDITION,
                            "request %" PRIu64 " is for %s, which has changed to %s: reject it "
                            "and ask again",
                            asked->number, asked->subject, now);
}

static enum err asked_of(struct store_tx *tx, const struct call *call,
                         struct store_approval *asked)
{
    snprintf(asked->method, sizeof(asked->method), "%s", call->rpc.method);
    snprintf(asked->requester, sizeof(asked->requester), "%s", call->principal->name);
    snprintf(asked->reason, sizeof(asked->reason), "%s", call->event.pb.reason);
    memcpy(asked->certificate_sha256, call->principal->certificate_sha256, SHA256_SIZE);
    memcpy(asked->call_key, call->rpc.idempotency_key.ptr, STORE_CALL_KEY_SIZE);
    TRY(say_subject(tx, &call->event, asked->subject));
    return buf_copy(&asked->request, call->rpc.payload);
}

/* It says that it was not done: an entry with status 0 is an act. */
static enum err enter_request(struct store_tx *tx, struct call *call)
{
    char words[sizeof(call->event.message)];
    static char kind[] = "request";
    Hallmark__V1__Event event = call->event.pb;
    snprintf(words, sizeof(words), "pending approval %" PRIu64 "%s%.300s", call->pending,
             event.message[0] == '\0' ? "" : ": ", event.message);
    event.kind = kind;
    event.message = words;
    event.status = err_status(ERR_PENDING);
    event.code = ERR_PENDING;
    event.approval = call->pending;
    return tlog_append(call->server->log, tx, &event, &call->log_index);
}

static enum err answer_asked(struct store_tx *tx, struct call *call,
                             const struct store_approval *asked)
{
    if (asked->state == APPROVAL_APPROVED) {
        TRY(store_approval_answer_get(tx, asked->number, &call->stored));
        call->replayed = true;
        return ERR_OK;
    }
    if (asked->state != APPROVAL_PENDING)
        return fail_quiet(ERR_PRECONDITION, "request %" PRIu64 " is not pending any more",
                          asked->number);
    call->pending = asked->number;
    call->pending_until = asked->expires_us;
    return ERR_OK;
}

/* oemctl init has no principal, so no other one can approve its request. */
static enum err check_asker(const struct call *call)
{
    return call->principal->role == AUTH_OPERATOR
               ? ERR_OK
               : fail_quiet(ERR_PRECONDITION,
                            "two_person = yes: %s does not do this once there were two "
                            "operators: one asks (oemctl operator add), another one approves",
                            call->principal->name);
}

static enum err asks(struct store_tx *tx, const struct call *call, bool *asks_out)
{
    uint64_t now = 0, ever = 0;
    TRY(store_operator_count(tx, &now, &ever));
    *asks_out = !(gate_of(call)->first_alone && ever < 2);
    return ERR_OK;
}

enum err call_waits(struct store_tx *tx, const struct call *call, bool *waits_out)
{
    *waits_out = false;
    return call->approving == NULL && gate_applies(call) ? asks(tx, call, waits_out) : ERR_OK;
}

enum err gate_ask(struct store_tx *tx, struct call *call, bool *asked_out)
{
    AUTO(store_approval_free) struct store_approval asked = { 0 };
    const struct store_approval_limits limits = {
        BUDGET_APPROVALS, BUDGET_APPROVALS_ALL,
        (int64_t)call->server->config->policy.approval_s * US_OF_S
    };
    bool fresh = false;
    TRY(asks(tx, call, asked_out));
    if (!*asked_out)
        return ERR_OK;
    TRY(check_asker(call));
    TRY(asked_of(tx, call, &asked));
    TRY(store_approval_ask(tx, &limits, &asked, &fresh));
    TRY(answer_asked(tx, call, &asked));
    call->logged = fresh;
    return fresh ? enter_request(tx, call) : ERR_OK;
}

enum err gate_pending(struct call *call)
{
    unsigned s = call->server->config->policy.approval_s;
    call->settled = true;
    return fail_quiet(ERR_PENDING,
                      "pending approval %" PRIu64 ": another operator approves it with 'oemctl "
                      "approve %" PRIu64 "' within %u %s, or it expires",
                      call->pending, call->pending, s % HOUR_S == 0 ? s / HOUR_S : s,
                      s == HOUR_S       ? "hour"
                      : s % HOUR_S == 0 ? "hours"
                                        : "seconds");
}
