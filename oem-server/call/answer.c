/* SPDX-License-Identifier: MIT */
/*
 * answer: the RESPONSE of a served call: status, message, trailers. Called by call.c as the
 * last step, on the call's strand. Of failures inside the server it must not tell a peer more
 * than that there was one (test_call_words).
 */
#include "oem-server/call/answer.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "hallmark/v1/error.pb-c.h"

enum { TRAILERS_MAX = 2, INDEX_TEXT_MAX = 24 };

/* All of it is in the call's arena. If memory runs out a trailer is left out, because the
 * answer matters more. */
static void add_trailer(struct call *call, Hallmark__V1__FrameResponse *response,
                        const char *key, struct span value)
{
    if (response->trailers == NULL)
        response->trailers =
            rpc_alloc(&call->rpc, TRAILERS_MAX * sizeof(response->trailers[0]));
    Hallmark__V1__Metadata *trailer = rpc_alloc(&call->rpc, sizeof(*trailer));
    if (response->trailers == NULL || trailer == NULL)
        return;
    hallmark__v1__metadata__init(trailer);
    trailer->key = (char *)(uintptr_t)key;
    if (rpc_bytes(&call->rpc, &trailer->value, value) == ERR_OK)
        response->trailers[response->n_trailers++] = trailer;
}

static void tell_log_index(struct call *call, Hallmark__V1__FrameResponse *response)
{
    char text[INDEX_TEXT_MAX];
    if (!call->logged)
        return;
    int len = snprintf(text, sizeof(text), "%" PRIu64, call->log_index);
    add_trailer(call, response, "log-index", span_of(text, (size_t)len));
}

static void add_details(struct call *call, Hallmark__V1__FrameResponse *response,
                        const Hallmark__V1__ErrorDetails *details)
{
    AUTO(buf_free) struct buf packed = { 0 };
    if (rpc_pack(&details->base, &packed) == ERR_OK)
        add_trailer(call, response, "details-bin", buf_span(&packed));
}

static void tell_pending(struct call *call, Hallmark__V1__FrameResponse *response)
{
    Hallmark__V1__ErrorDetails details = HALLMARK__V1__ERROR_DETAILS__INIT;
    details.approval = call->pending;
    details.approval_expires_us = (uint64_t)call->pending_until;
    add_details(call, response, &details);
}

/* Only the caller of an arrow is told which one is next; the message has it for people. */
static void tell_next(struct call *call, Hallmark__V1__FrameResponse *response)
{
    const struct flow_row *next =
        call->run != NULL && call->row != NULL ? flow_row(call->run->flow.next) : NULL;
    if (call->rpc.err != ERR_ORDER || next == NULL)
        return;
    char method[64];
    Hallmark__V1__ErrorDetails details = HALLMARK__V1__ERROR_DETAILS__INIT;
    flow_method(next, method);
    details.expected_arrow = next->arrow;
    details.expected_method = method;
    add_details(call, response, &details);
}

void answer_of(struct call *call, Hallmark__V1__FrameResponse *response)
{
    hallmark__v1__frame_response__init(response);
    enum err cause = call->rpc.err, e = peer_err(cause);
    response->status = err_status(e);
    tell_log_index(call, response);
    if (e == ERR_OK) {
        struct buf *payload = &call->rpc.response;
        response->payload = (ProtobufCBinaryData){ payload->len, payload->ptr };
        return;
    }
    response->code = (uint32_t)e;
    response->retry_after_ms = rpc_retry_after_ms(e);
    char *text = NULL;
    if (rpc_text(&call->rpc, &text, peer_words(cause, fail_words())) == ERR_OK)
        response->message = text;
    if (call->pending != 0)
        tell_pending(call, response);
    else
        tell_next(call, response);
}
