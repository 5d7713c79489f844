/* SPDX-License-Identifier: MIT */
/*
 * The loop: takes frames, runs handlers, sends answers and the board's own calls. Called by
 * main.c and by tests, one step at a time. It must answer each request exactly once, and must
 * not run a handler again for a repeated request.
 */

#include "target-fw/devauth/devauth.h"

#include "target-fw/devauth/bytes.h"
#include "target-fw/devauth/commands.h"
#include "target-fw/devauth/frame.h"
#include "target-fw/devauth/status.h"

#include <string.h>

/* A request being served. */
struct served {
    const struct command *command;
    uint32_t stream;
    uint8_t sha256[SHA256_SIZE]; /* of its payload */
    bool done;                   /* the arrow is: repeat its answer */
};

void devauth_start(struct devauth *d, struct mailbox *mailbox)
{
    uint32_t boot_nonce = 0;
    bytes_wipe(d, sizeof(*d));
    d->broken = port_start();
    if (d->broken == ERR_OK)
        d->broken = run_open(&d->run);
    if (d->broken == ERR_OK)
        d->broken = port_random((uint8_t *)&boot_nonce, sizeof(boot_nonce));
    if (d->broken == ERR_OK)
        d->due = CALL_HELLO;
    d->owed = d->broken; /* sent first: there will be no Hello */
    link_open(&d->link, mailbox, boot_nonce != 0 ? boot_nonce : 1);
}

static void send_frame(struct devauth *d, const Frame *frame)
{
    size_t len = 0;
    enum err e = frame_encode(frame, link_frame(&d->link), MAILBOX_UP_MAX, &len);
    if (e == ERR_OK)
        link_send(&d->link, len);
    else
        d->broken = ERR_INTERNAL; /* not possible: all bounds are known at build time */
}

static void respond(struct devauth *d, uint32_t stream, enum err e, struct span payload)
{
    Frame frame = { .which_kind = Frame_response_tag };
    frame.kind.response.stream = stream;
    frame.kind.response.status = status_of(e);
    frame.kind.response.code = (uint32_t)e > STATUS_MAX ? (uint32_t)e : 0;
    if (e == ERR_OK)
        frame.kind.response.payload = payload;
    send_frame(d, &frame);
}

/* The message of d->out as a payload; a type without fields is an empty one. */
static enum err encode_out(struct devauth *d, const pb_msgdesc_t *fields, struct span *out)
{
    *out = span_of(d->payload, 0);
    return fields == NULL
               ? ERR_OK
               : frame_message_encode(fields, &d->out, d->payload, sizeof(d->payload), out);
}

static enum err decode_in(struct devauth *d, const pb_msgdesc_t *fields, struct span payload)
{
    memset(&d->in, 0, sizeof(d->in));
    return fields == NULL ? ERR_OK : frame_message_decode(payload, fields, &d->in);
}

/* Takes all that is needed of the request, before the frame's slot is released. */
static enum err receive(struct devauth *d, const FrameRequest *request, struct served *s)
{
    TRY(d->broken);
    s->command = command_find(request->method);
    if (s->command == NULL)
        return ERR_UNIMPLEMENTED;
    TRY(port_sha256(request->payload, s->sha256));
    uint8_t arrow = s->command->arrow;
    enum run_place place = arrow != 0 ? run_place(&d->run, arrow) : RUN_NEXT;
    if (place == RUN_LATER)
        return ERR_ORDER;
    s->done = place == RUN_DONE;
    return s->done ? ERR_OK : decode_in(d, s->command->request, request->payload);
}

static enum err serve(struct devauth *d, const struct served *s, struct span *payload_out)
{
    uint8_t arrow = s->command->arrow;
    if (s->done)
        return run_answer(&d->run, arrow, s->sha256, payload_out);
    memset(&d->out, 0, sizeof(d->out));
    TRY(s->command->handle(d));
    TRY(encode_out(d, s->command->response, payload_out));
    if (arrow == 0)
        return ERR_OK;
    TRY(run_finish(&d->run, arrow, s->sha256, *payload_out));
    return run_keep(&d->run, s->sha256, *payload_out);
}

static void take_request(struct devauth *d, const FrameRequest *request)
{
    struct served s = { .stream = request->stream };
    struct span payload = { 0 };
    bool ours = request->stream % 2 == 1 && request->end_stream;
    enum err e = ours ? receive(d, request, &s) : ERR_PROTO;
    if (e != ERR_OK || !s.command->borrows)
        link_ack(&d->link);
    if (e == ERR_OK)
        e = serve(d, &s, &payload);
    link_ack(&d->link);
    respond(d, s.stream, e, payload);
    if (e == ERR_OK && s.command->then != CALL_NONE)
        d->due = s.command->then;
}

/* The answer to a call of ours. Of an arrow that is done, only the first answer counts. */
static enum err accept(struct devauth *d, const FrameResponse *response)
{
    const struct call *call = call_of(d->calling);
    if (response->status != 0)
        return ERR_OK; /* not done; a repeated call of the agent makes it again */
    if (run_place(&d->run, call->arrow) != RUN_NEXT)
        return ERR_OK;
    TRY(decode_in(d, call->response, response->payload));
    if (call->accept != NULL)
        TRY(call->accept(d));
    if (d->run.none)
        return ERR_OK; /* Hello was answered with no run: there is no arrow to be done */
    return run_finish(&d->run, call->arrow, d->call_sha256, response->payload);
}

static void take_response(struct devauth *d, const FrameResponse *response)
{
    if (d->calling != CALL_NONE && response->stream == d->stream) {
        d->owed = accept(d, response);
        d->calling = CALL_NONE;
    } /* else: late, to a call that was made again */
    link_ack(&d->link);
}

static void take_frame(struct devauth *d)
{
    struct span bytes;
    Frame frame;
    uint32_t before = d->link.down_taken;
    d->owed = link_take(&d->link, &bytes);
    if (d->owed == ERR_OK)
        d->owed = frame_decode(bytes, &frame);
    if (d->owed != ERR_OK) {
        if (d->link.down_taken != before)
            link_ack(&d->link);
        return;
    }
    switch (frame.which_kind) {
    case Frame_request_tag:
        take_request(d, &frame.kind.request);
        break;
    case Frame_response_tag:
        take_response(d, &frame.kind.response);
        break;
    case Frame_cancel_tag: /* calls are served one by one: there is nothing left to cancel */
        link_ack(&d->link);
        break;
    default:
        d->owed = ERR_PROTO;
        link_ack(&d->link);
    }
}

static void make_call(struct devauth *d)
{
    const struct call *call = call_of(d->due);
    Frame frame = { .which_kind = Frame_request_tag };
    FrameRequest *request = &frame.kind.request;
    memset(&d->out, 0, sizeof(d->out));
    enum err e = call->fill(d);
    if (e == ERR_OK)
        e = encode_out(d, call->request, &request->payload);
    if (e == ERR_OK)
        e = port_sha256(request->payload, d->call_sha256);
    d->calling = d->due;
    d->due = CALL_NONE;
    if (e != ERR_OK) {
        d->calling = CALL_NONE;
        d->owed = e;
        return;
    }
    d->stream += 2;
    request->stream = d->stream;
    request->method = span_of(call->method, strlen(call->method));
    request->end_stream = true;
    send_frame(d, &frame);
}

bool devauth_step(struct devauth *d)
{
    if (!link_can_send(&d->link))
        return false;
    if (d->owed != ERR_OK) {
        respond(d, 0, d->owed, (struct span){ 0 });
        d->owed = ERR_OK;
    } else if (d->due != CALL_NONE) {
        make_call(d);
    } else if (link_has_frame(&d->link)) {
        take_frame(d);
    } else {
        return false;
    }
    return true;
}
