/* SPDX-License-Identifier: MIT */
/*
 * Calls to and from DevAuth as Frames. Called by steps.c, serve.c, closing.c and devauth.c.
 * What the board sends must be checked before it is used: stream, size, method; an answer must
 * not be taken for another call's.
 */

#include "station-agent/site/mail.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/core/layout.h"
#include "common/core/mailbox.h"
#include "common/host/log.h"
#include "common/rpc/rpc.h"

typedef Hallmark__V1__Frame frame;

void mail_open(struct mail *mail, struct link *link)
{
    mail_fini(mail);
    mail->link = link;
}

void mail_fini(struct mail *mail)
{
    mail_frame_drop(&mail->kept);
    *mail = (struct mail){ 0 };
}

void mail_frame_drop(frame **f)
{
    if (*f == NULL)
        return;
    if ((*f)->kind_case == HALLMARK__V1__FRAME__KIND_RESPONSE &&
        (*f)->response->payload.len != 0)
        wipe((*f)->response->payload.data, (*f)->response->payload.len);
    hallmark__v1__frame__free_unpacked(*f, NULL);
    *f = NULL;
}

static uint32_t left_ms(uint64_t deadline_ms)
{
    uint64_t now_ms = rpc_now_ms();
    return now_ms < deadline_ms ? (uint32_t)(deadline_ms - now_ms) : 0;
}

/* A request of the board: even streams that grow, a method of a sane length. */
static enum err check_request(struct mail *mail, const Hallmark__V1__FrameRequest *request)
{
    if (request->stream == 0 || request->stream % 2 != 0 ||
        request->stream <= mail->last_theirs)
        return fail_quiet(ERR_PROTO, "the board calls on stream %u after %u", request->stream,
                          mail->last_theirs);
    if (strlen(request->method) > RPC_METHOD_MAX || !request->end_stream)
        return fail_quiet(ERR_PROTO, "the board's call is malformed");
    mail->last_theirs = request->stream;
    return ERR_OK;
}

/* On stream 0 the board reports that it could not read its slot, or not make its own call. */
static enum err check_response(const struct mail *mail,
                               const Hallmark__V1__FrameResponse *response)
{
    if (response->stream == 0 && response->status != 0)
        return fail_quiet(err_from_wire(response->code, response->status),
                          "the board could not read a frame, or make its own call: %s",
                          err_text(err_from_wire(response->code, response->status)));
    if (response->stream != mail->stream)
        return fail_quiet(ERR_PROTO, "the board answers stream %u, not %u", response->stream,
                          mail->stream);
    return ERR_OK;
}

static enum err decode(struct mail *mail, struct span bytes, frame **out)
{
    AUTO(mail_frame_drop) frame *f = hallmark__v1__frame__unpack(NULL, bytes.len, bytes.ptr);
    if (f == NULL)
        return fail_quiet(ERR_PROTO, "the board sent %zu bytes that are no Frame", bytes.len);
    if (f->kind_case == HALLMARK__V1__FRAME__KIND_REQUEST)
        TRY(check_request(mail, f->request));
    else if (f->kind_case == HALLMARK__V1__FRAME__KIND_RESPONSE)
        TRY(check_response(mail, f->response));
    else
        return fail_quiet(ERR_PROTO, "the board sent a Frame of kind %d", (int)f->kind_case);
    *out = TAKE(f);
    return ERR_OK;
}

static enum err encode(const frame *f, struct buf *out)
{
    TRY(rpc_pack(&f->base, out));
    if (out->len > MAILBOX_DOWN_MAX)
        return fail_quiet(ERR_LIMIT, "a call of %zu bytes; the board's mailbox takes %d",
                          out->len, MAILBOX_DOWN_MAX);
    return ERR_OK;
}

static enum err encode_call(struct mail *mail, const struct mail_call *call, struct buf *out)
{
    char method[RPC_METHOD_MAX + 1];
    AUTO(buf_free) struct buf payload = { 0 };
    Hallmark__V1__FrameRequest request = HALLMARK__V1__FRAME_REQUEST__INIT;
    frame f = HALLMARK__V1__FRAME__INIT;
    TRY(buf_copy(&payload, call->payload));
    snprintf(method, sizeof(method), "%s", call->method);
    mail->stream += mail->stream == 0 ? 1 : 2;
    request.stream = mail->stream;
    request.method = method;
    request.timeout_ms = call->timeout_ms;
    request.payload = (ProtobufCBinaryData){ payload.len, payload.ptr };
    request.end_stream = true;
    f.kind_case = HALLMARK__V1__FRAME__KIND_REQUEST;
    f.request = &request;
    return encode(&f, out);
}

static enum err send_bulk(struct mail *mail, const struct buf *image, uint64_t deadline_ms)
{
    TRY(link_bulk_begin(mail->link));
    for (size_t at = 0; at < image->len; at += MAILBOX_BULK_MAX) {
        size_t left = image->len - at;
        struct span chunk =
            span_of(image->ptr + at, left < MAILBOX_BULK_MAX ? left : MAILBOX_BULK_MAX);
        enum err e = link_bulk(mail->link, (uint32_t)at, chunk, left_ms(deadline_ms));
        if (e == ERR_ABORTED)
            return ERR_OK; /* the board has said why, in the frame that is received next */
        TRY(e);
    }
    return ERR_OK;
}

static enum err start(struct mail *mail, const struct mail_call *call, struct span request,
                      struct buf *reply, uint64_t deadline_ms)
{
    if (call->bulk == NULL)
        return link_exchange(mail->link, request, reply, call->timeout_ms);
    TRY(link_send(mail->link, request, call->timeout_ms));
    TRY(send_bulk(mail, call->bulk, deadline_ms));
    return link_receive(mail->link, reply, left_ms(deadline_ms));
}

/* The board's own call came before its answer: mail_next() gives it. */
static enum err keep(struct mail *mail, frame **f)
{
    if (mail->kept != NULL)
        return fail_quiet(ERR_PROTO, "the board calls again before its call is answered");
    mail->kept = TAKE(*f);
    return ERR_OK;
}

static enum err take_answer(const Hallmark__V1__FrameResponse *response, struct buf *out)
{
    enum err e = err_from_wire(response->code, response->status);
    if (response->status != 0)
        return fail_quiet(e, "board: %s", err_text(e));
    return buf_copy(out, span_of(response->payload.data, response->payload.len));
}

static enum err in_time(enum err e, const char *method)
{
    return e == ERR_DEADLINE ? fail_quiet(e, "the board did not answer %s in time", method) : e;
}

enum err mail_call(struct mail *mail, const struct mail_call *call, struct buf *response_out)
{
    uint64_t deadline_ms = rpc_now_ms() + call->timeout_ms;
    AUTO(buf_free) struct buf request = { 0 };
    AUTO(buf_free) struct buf reply = { 0 };
    if (mail->link == NULL)
        return fail_quiet(ERR_PRECONDITION, "DevAuth does not run yet");
    TRY(encode_call(mail, call, &request));
    TRY(in_time(start(mail, call, buf_span(&request), &reply, deadline_ms), call->method));
    for (;;) {
        AUTO(mail_frame_drop) frame *f = NULL;
        TRY(decode(mail, buf_span(&reply), &f));
        if (f->kind_case == HALLMARK__V1__FRAME__KIND_RESPONSE)
            return take_answer(f->response, response_out);
        TRY(keep(mail, &f));
        TRY(in_time(link_receive(mail->link, &reply, left_ms(deadline_ms)), call->method));
    }
}

enum err mail_next(struct mail *mail, uint32_t timeout_ms, frame **request_out)
{
    AUTO(buf_free) struct buf bytes = { 0 };
    if (mail->kept != NULL) {
        *request_out = TAKE(mail->kept);
        return ERR_OK;
    }
    enum err e = link_receive(mail->link, &bytes, timeout_ms);
    if (e == ERR_DEADLINE)
        return fail_quiet(e, "the board did not call within %u s", timeout_ms / 1000);
    TRY(e);
    AUTO(mail_frame_drop) frame *f = NULL;
    TRY(decode(mail, buf_span(&bytes), &f));
    if (f->kind_case != HALLMARK__V1__FRAME__KIND_REQUEST)
        return fail_quiet(ERR_PROTO, "the board answers where it should call");
    *request_out = TAKE(f);
    return ERR_OK;
}

enum err mail_answer(struct mail *mail, uint32_t stream, enum err e, struct span payload)
{
    AUTO(buf_free) struct buf copy = { 0 };
    AUTO(buf_free) struct buf bytes = { 0 };
    Hallmark__V1__FrameResponse response = HALLMARK__V1__FRAME_RESPONSE__INIT;
    frame f = HALLMARK__V1__FRAME__INIT;
    if (e == ERR_OK)
        TRY(buf_copy(&copy, payload));
    response.stream = stream;
    response.status = err_status(e);
    response.code = (uint32_t)e;
    response.payload = (ProtobufCBinaryData){ copy.len, copy.ptr };
    f.kind_case = HALLMARK__V1__FRAME__KIND_RESPONSE;
    f.response = &response;
    TRY(encode(&f, &bytes));
    return link_send(mail->link, buf_span(&bytes), MAIL_CALL_MS);
}
