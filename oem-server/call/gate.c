/* SPDX-License-Identifier: MIT */
/*
 * gate: see gate.h. settle.c asks it for each call that changes something; approvals.c has it
 * perform what was approved. What is performed must be the stored bytes and nothing else, once,
 * and never without both operators.
 */
#include "oem-server/call/gate.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/host/hex.h"
#include "common/host/log.h"
#include "common/host/p256.h"

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
        return true; /* a row of the table that fits no request: nobody acts alone by it */
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
    return call->server->config->policy.two_person && call->principal->role == AUTH_OPERATOR &&
           gate->applies != NULL && call->rpc.request != NULL &&
           gate->applies(call->rpc.request);
}

/* --- Asking. ------------------------------------------------------------------------------ */

/* Of the entry's fields, which the handler has filled. */
static void say_subject(const struct event *event, char subject[static APPROVAL_SUBJECT_SIZE])
{
    char hex[2 * UID_SIZE + 1];
    if (event->pb.uid.len == UID_SIZE)
        snprintf(subject, APPROVAL_SUBJECT_SIZE, "unit %s",
                 hex_of(span_of(event->pb.uid.data, UID_SIZE), hex));
    else if (event->pb.order[0] != '\0')
        snprintf(subject, APPROVAL_SUBJECT_SIZE, "order %s", event->pb.order);
    else
        snprintf(subject, APPROVAL_SUBJECT_SIZE, "%.128s", event->pb.message);
}

static enum err asked_of(const struct call *call, struct store_approval *asked)
{
    snprintf(asked->method, sizeof(asked->method), "%s", call->rpc.method);
    snprintf(asked->requester, sizeof(asked->requester), "%s", call->principal->name);
    snprintf(asked->reason, sizeof(asked->reason), "%s", call->event.pb.reason);
    memcpy(asked->certificate_sha256, call->principal->certificate_sha256, SHA256_SIZE);
    memcpy(asked->call_key, call->rpc.idempotency_key.ptr, STORE_CALL_KEY_SIZE);
    say_subject(&call->event, asked->subject);
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

enum err gate_ask(struct store_tx *tx, struct call *call, bool *asked_out)
{
    AUTO(store_approval_free) struct store_approval asked = { 0 };
    const struct store_approval_limits limits = {
        BUDGET_APPROVALS, BUDGET_APPROVALS_ALL,
        (int64_t)call->server->config->policy.approval_s * US_OF_S
    };
    uint64_t now = 0, ever = 0;
    bool fresh = false;
    TRY(store_operator_count(tx, &now, &ever));
    *asked_out = !(gate_of(call)->first_alone && ever < 2);
    if (!*asked_out)
        return ERR_OK;
    TRY(asked_of(call, &asked));
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
                      s % HOUR_S == 0 ? "hours" : "seconds");
}

/* --- Approving. --------------------------------------------------------------------------- */

const struct auth_principal *gate_actor(const struct call *call)
{
    return call->approving != NULL ? call->approving->outer->principal : call->principal;
}

struct performing {
    struct call *inner;
    store_fn *fn;
    void *context;
    const ProtobufCMessage *answer;
    size_t digests;
    bool again;
};

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

static enum err perform(struct store_tx *tx, void *context)
{
    struct performing *p = context;
    struct approving *a = p->inner->approving;
    AUTO(store_approval_free) struct store_approval row = { 0 };
    AUTO(buf_free) struct buf response = { 0 };
    event_digests_undo(&p->inner->event, p->digests);
    TRY(store_approval_decide(tx, a->number, APPROVAL_APPROVED, a->outer->principal->name,
                              a->reason, &row, &p->again));
    if (!p->again)
        return act(tx, p);
    TRY(store_approval_answer_get(tx, a->number, &response));
    return rpc_bytes(&a->outer->rpc, &a->out->response, buf_span(&response));
}

enum err gate_perform(struct call *inner, store_fn *fn, void *context,
                      const ProtobufCMessage *answer)
{
    struct call *outer = inner->approving->outer;
    struct performing p = { .inner = inner, .fn = fn, .context = context, .answer = answer };
    if (answer == NULL)
        return fail(ERR_INTERNAL, "gate: %s has no answer", inner->rpc.method);
    settle_note(inner);
    p.digests = inner->event.pb.n_digests;
    TRY(call_change(outer, perform, &p, &inner->approving->out->base));
    inner->settled = true;
    inner->replayed = outer->replayed || p.again;
    return ERR_OK;
}

/* The requester, as it asked. */
static enum err requester_of(const struct approving *a, struct auth_principal *who)
{
    *who = (struct auth_principal){ .role = AUTH_OPERATOR };
    snprintf(who->name, sizeof(who->name), "%s", a->row.requester);
    memcpy(who->certificate_sha256, a->row.certificate_sha256, SHA256_SIZE);
    AUTO(free_drop)
    char *uri = ca_spiffe(a->outer->server->ca, CA_OPERATOR, a->row.requester);
    if (uri == NULL)
        return fail(ERR_MEMORY, "gate: no memory");
    snprintf(who->uri, sizeof(who->uri), "%s", uri);
    return ERR_OK;
}

static void describe(struct call *inner)
{
    char fingerprint[2 * SHA256_SIZE + 1];
    struct event *event = &inner->event;
    event_init(event, "call", inner->principal->uri, ERR_OK, "");
    event_text(event, EVENT_METHOD, inner->rpc.method);
    event_text(event, EVENT_CERTIFICATE,
               hex_of(SPAN(inner->principal->certificate_sha256), fingerprint));
    event_text(event, EVENT_SECOND, inner->approving->outer->principal->uri);
    event->pb.approval = inner->approving->number;
}

static enum err serve(struct call *inner)
{
    struct call *outer = inner->approving->outer;
    inner->rpc.user = inner;
    describe(inner);
    rpc_dispatch(inner->server->services, &inner->rpc);
    TRY(inner->rpc.err);
    if (!inner->settled)
        return fail(ERR_INTERNAL, "gate: %s changed nothing", inner->rpc.method);
    return inner->revoked == NULL ? ERR_OK
                                  : rpc_text(&outer->rpc, &outer->revoked, inner->revoked);
}

enum err gate_approve(struct approving *a)
{
    struct auth_principal requester;
    TRY(requester_of(a, &requester));
    event_text(&a->outer->event, EVENT_SECOND, requester.uri);
    struct call inner = {
        .rpc = { .method = a->row.method,
                 .payload = buf_span(&a->row.request),
                 .deadline_ms = a->outer->rpc.deadline_ms,
                 .over = a->outer->rpc.over },
        .server = a->outer->server,
        .principal = &requester,
        .session = a->outer->session,
        .peer = "",
        .method = auth_method_of(a->row.method),
        .approving = a,
        .started_us = event_now_us(),
    };
    if (inner.method == NULL)
        return fail(ERR_DATA_LOSS, "gate: request %" PRIu64 " is of no method", a->number);
    enum err e = serve(&inner);
    call_end(&inner);
    return e;
}
