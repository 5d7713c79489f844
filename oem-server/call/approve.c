/* SPDX-License-Identifier: MIT */
/*
 * approve: see approve.h. Called by api/approvals.c. What is performed must be the stored bytes
 * and nothing else, as the requester's call inside the approver's.
 */
#include "oem-server/call/approve.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/host/clock.h"
#include "common/host/hex.h"
#include "common/host/log.h"

/* The requester, as it asked. */
static enum err requester_of(const struct approving *a, struct auth_principal *who)
{
    *who = (struct auth_principal){ .role = AUTH_OPERATOR };
    snprintf(who->name, sizeof(who->name), "%s", a->row.requester);
    memcpy(who->certificate_sha256, a->row.certificate_sha256, SHA256_SIZE);
    AUTO(free_drop)
    char *uri = ca_spiffe(a->outer->server->ca, CA_OPERATOR, a->row.requester);
    if (uri == NULL)
        return fail(ERR_MEMORY, "approve: no memory");
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
        return fail(ERR_INTERNAL, "approve: %s changed nothing", inner->rpc.method);
    return inner->revoked == NULL ? ERR_OK
                                  : rpc_text(&outer->rpc, &outer->revoked, inner->revoked);
}

enum err approve_request(struct approving *a)
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
        .started_us = clock_us(),
    };
    if (inner.method == NULL)
        return fail(ERR_DATA_LOSS, "approve: request %" PRIu64 " is of no method", a->number);
    enum err e = serve(&inner);
    call_end(&inner);
    return e;
}
